package profile

import (
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"motile/proc/api"
)

// address is where a function of this test's own program lies, which is as good a Go program
// as the kernel is.
func address(f any) uint64 { return uint64(reflect.ValueOf(f).Pointer()) }

func recorder(t *testing.T) *Recorder {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC {
		t.Skip("this test's program does not lie where it was linked for")
	}
	r, err := New(exe, 2*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecorder(t *testing.T) {
	r := recorder(t)
	inner, outer := address(TestRecorder), address(New)+1 // as if a call were New's first byte
	r.Take(&api.ProfileReply{Idle: 5, Dropped: 1, Commands: map[int32]string{1000007: "/bin/cat -"}, Samples: []api.ProfileSample{
		{Addresses: []uint64{inner, outer}}, {Addresses: []uint64{inner, outer}}, {Addresses: []uint64{1}},
		{PID: 1000007, Addresses: []uint64{0x401000}}, {PID: 1000008, Addresses: []uint64{0x401000}}}})
	r.Take(&api.ProfileReply{Samples: []api.ProfileSample{{PID: 1000007, Addresses: []uint64{0x401004}}}})
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	if p.Period != 2e6 || len(p.SampleType) != 2 || p.SampleType[1].Unit != "nanoseconds" {
		t.Errorf("%v", p)
	}
	got := make(map[string]int64)
	for _, s := range p.Sample {
		var names []string
		for _, l := range s.Location {
			names = append(names, l.Line[0].Function.Name)
		}
		key := strings.Join(append(names, s.Label["pid"]...), " < ")
		got[key] += s.Value[0]
		if s.Value[1] != s.Value[0]*2e6 {
			t.Errorf("%v", s.Value)
		}
		if c := s.Label["command"]; len(c) == 1 != (len(s.Label["pid"]) == 1) {
			t.Errorf("%v", s.Label)
		}
	}
	want := map[string]int64{
		"motile/qemu/profile.TestRecorder < motile/qemu/profile.New": 2, "[outside the kernel's code]": 1,
		"[user mode] cat < 1000007": 2, "[user mode] (ended) < 1000008": 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if !strings.Contains(strings.Join(p.Comments, "\n"), "5 samples besides found the CPU idle; 1 were dropped") {
		t.Errorf("%q", p.Comments)
	}
	var top strings.Builder
	if r.Top(&top, 2); !strings.Contains(top.String(), "     2 [user mode] cat\n") || strings.Count(top.String(), "\n") != 3 {
		t.Error(top.String())
	}
}

func TestNew_NoKernel(t *testing.T) {
	text := t.TempDir() + "/text"
	if err := os.WriteFile(text, []byte("no kernel"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{text, text + "x"} {
		if _, err := New(file, time.Millisecond); err == nil || !strings.Contains(err.Error(), "make builds it") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// program has functions of which one is compiled into the next.
const program = `package main

import "os"

func leaf(x int) int { // line 5
	return x*x + len(os.Args) // line 6
}

func middle(x int) int {
	return leaf(x+1) * 3 // line 10
}

//go:noinline
func outer(x int) int {
	return middle(x) + 7 // line 15
}

func main() { os.Exit(outer(len(os.Args))) }
`

func TestSymbols_Inlined(t *testing.T) {
	dir := t.TempDir()
	source, file := dir+"/main.go", dir+"/main"
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", file, source)
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := readSymbols(file)
	if err != nil {
		t.Fatal(err)
	}
	f := s.table.LookupFunc("main.outer")
	seen := make(map[string]bool)
	for a := f.Entry; a < f.End; a++ {
		var words []string
		for _, g := range s.at(a) {
			words = append(words, fmt.Sprintf("%s:%d in %s from %d", g.name, g.line, filepath.Base(g.file), g.start))
		}
		seen[strings.Join(words, " < ")] = true
	}
	for _, want := range []string{"main.leaf:6 in main.go from 5 < main.middle:10 in main.go from 9 < main.outer:15 in main.go from 14", "main.outer:15 in main.go from 14"} {
		if !seen[want] {
			t.Errorf("nowhere in outer is %s; there is %v", want, slices.Collect(maps.Keys(seen)))
		}
	}
}
