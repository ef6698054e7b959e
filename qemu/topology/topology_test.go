package topology

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"motile/qemu/cluster"
	"motile/qemu/machine"
)

func TestParse(t *testing.T) {
	got, err := Parse(`
# a comment
net a
net b mtu=1500 weight=9   # a slow one

node 2 a b machine=q35 mem=64
node 1 b mtu=576
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Topology{
		Nets: []cluster.NetSpec{{Name: "a"}, {Name: "b", MTU: 1500, Weight: 9}},
		Nodes: []cluster.NodeSpec{
			{Nets: []string{"b"}, MTU: 576},
			{Nets: []string{"a", "b"}, Machine: machine.Q35, MemMB: 64},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestParse_ErrorsNameLineAndRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "there are no nodes",
		"net a\n\nhub b":              `line 3: "hub": a line begins with net or node`,
		"net":                         "line 1: write net NAME",
		"net a b":                     "line 1: write net NAME",
		"net 7":                       "names are a letter",
		"net a mtu=100":               "line 1: network a: MTU 100: give 512 to 65535",
		"net a mtu=big":               "mtu=big: write a positive number",
		"net a weight=1000":           "weight 1000: give 1 to",
		"net a colour=red":            "there is no option colour= here",
		"net a\nnet a":                "line 2: network a was there before",
		"net a\nnode 1":               "line 2: write node NUMBER NET...",
		"net a\nnode x a":             "number nodes from 1",
		"net a\nnode 0 a":             "number nodes from 1",
		"net a\nnode 1 b\nnet b":      "line 2: node 1: there is no network b: write net b in a line above",
		"net a\nnode 1 a a":           "node 1 is on network a twice",
		"net a\nnode 1 a\nnode 1 a":   "line 3: node 1 was in line 2 before",
		"net a\nnode 1 a\nnode 3 a":   "none is node 2: number them from 1",
		"net a\nnode 1 a machine=vax": "line 2: node 1: machine=vax: machine type",
		"net a\nnode 1 a mtu=70000":   "line 2: node 1: MTU 70000: give 512 to 65535",
		"net a\nnet b\nnet c\nnet d\nnet e\nnode 1 a b c d e": "line 6: node 1: 5 network cards: 4 are possible",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want … %s …", text, err, want)
		}
	}
}

// TestShipped: those that come with the program join all their nodes.
func TestShipped(t *testing.T) {
	names := Shipped()
	if want := []string{"line", "parallel", "ring", "star"}; !reflect.DeepEqual(names, want) {
		t.Errorf("shipped are %v, want %v", names, want)
	}
	for _, name := range names {
		top, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		reached := map[string]bool{top.Nets[0].Name: true}
		joined := map[int]bool{}
		for range top.Nodes {
			for i, n := range top.Nodes {
				for _, net := range n.Nets {
					joined[i] = joined[i] || reached[net]
				}
				for _, net := range n.Nets {
					reached[net] = reached[net] || joined[i]
				}
			}
		}
		for i := range top.Nodes {
			if !joined[i] {
				t.Errorf("%s: node %d is alone", name, i+1)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(file, []byte("net a\nnode 1 z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), file+": line 2: ") {
		t.Error(err)
	}
	if _, err := Load("circle"); err == nil || !strings.Contains(err.Error(), "line, parallel, ring, star") {
		t.Error(err)
	}
}
