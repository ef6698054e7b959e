package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/cluster"
	"motile/qemu/machine"
)

// TestTopology: every network is one for all commands, and can be meant alone.
func TestTopology(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two")
	if err := os.WriteFile(file, []byte("net a\nnet b mtu=1500\nnode 1 a\nnode 2 a b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := upDir(t, "--topology", file)
	at := func(args ...string) result {
		t.Helper()
		return motile(t, append([]string{"--dir", dir}, args...)...)
	}
	var nodes []cluster.NodeInfo
	ok(t, at("node", "add", "-m", "32", "--net", "b"))
	if err := json.Unmarshal([]byte(ok(t, at("nodes", "--json")).out), &nodes); err != nil || len(nodes) != 3 {
		t.Fatalf("%+v, %v", nodes, err)
	}
	want := []cluster.Card{
		{Net: "a", Port: "n2", MAC: machine.MAC(2, 0), MTU: 9000}, {Net: "b", Port: "n2.1", MAC: machine.MAC(2, 1), MTU: 1500},
	}
	if !slices.Equal(nodes[1].Cards, want) || nodes[2].Cards[0].Net != "b" {
		t.Fatalf("%+v", nodes)
	}
	if r := ok(t, at("nodes")); !strings.Contains(r.out, "NETS") || !strings.Contains(r.out, " a,b ") {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("bridge", "--loss", "0.1", "--seed", "4")); r.out != "--loss 0.1 --seed 4\n" {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("bridge", "--net", "b", "--partition", "2/3")); r.out != "--loss 0.1 --partition 2/3 --seed 4\n" {
		t.Fatalf("%+v", r)
	}
	if r := at("bridge", "--net", "b", "--partition", "1/3"); r.status != exitFailure || !strings.Contains(r.err, "there is no port n1") {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("bridge", "--dup", "0.5")); r.out != "a: --loss 0.1 --dup 0.5 --seed 4\nb: --loss 0.1 --dup 0.5 --partition 2/3 --seed 4\n" {
		t.Fatalf("%+v", r)
	}
	var facts struct {
		bridge.Stats
		Nets []cluster.Network `json:"networks"`
	}
	if err := json.Unmarshal([]byte(ok(t, at("bridge", "--json")).out), &facts); err != nil || len(facts.Nets) != 2 ||
		facts.Faults.Dup != 0.5 || facts.Nets[1].Faults.Partition != "2/3" {
		t.Fatalf("%+v, %v", facts, err)
	}
	ok(t, at("node", "kill", "2"))
	ok(t, at("node", "restart", "2"))
	if r := at("up", "--topology", "circle"); r.status != exitFailure {
		t.Fatalf("%+v", r)
	}
}

func TestBridge(t *testing.T) {
	dir := upDir(t, "-n", "1")
	at := func(args ...string) result {
		t.Helper()
		return motile(t, append([]string{"--dir", dir, "bridge"}, args...)...)
	}
	if r := ok(t, at()); !strings.HasPrefix(r.out, "no faults\nPORT ") || !strings.Contains(r.out, "\nn1  ") {
		t.Fatalf("%+v", r)
	}
	r := ok(t, at("--loss", "5%", "--delay", "20ms", "--rate", "1.5M", "--partition", "1/host", "--seed", "9"))
	if want := "--loss 0.05 --delay 20ms --rate 1.5M --partition 1/host --seed 9\n"; r.out != want {
		t.Fatalf("%q, want %q", r.out, want)
	}
	if r := ok(t, at("--loss", "0", "--partition=", "--rate", "0")); r.out != "--delay 20ms --seed 9\n" {
		t.Fatalf("%+v", r)
	}
	var s bridge.Stats
	if err := json.Unmarshal([]byte(ok(t, at("--json")).out), &s); err != nil || s.Faults.Delay != 20*time.Millisecond {
		t.Fatalf("%+v, %v", s, err)
	}
	if r := ok(t, at("--delay", "1ms-20ms")); r.out != "--delay 1ms-20ms --seed 9\n" {
		t.Fatalf("%+v", r)
	}
	if r := at("--delay", "20ms-1ms"); r.status != exitUsage || !strings.Contains(r.err, "write 20ms, or 1ms-20ms") {
		t.Fatalf("%+v", r)
	}
	if r := at("--net", "b", "--loss", "1"); r.status != exitFailure || !strings.Contains(r.err, `no network "b": there are [a]`) {
		t.Fatalf("%+v", r)
	}
	if r := ok(t, at("--heal")); r.out != "no faults\n" {
		t.Fatalf("%+v", r)
	}
	if r := at("--loss", "1.5"); r.status != exitFailure || !strings.Contains(r.err, "from 0 to 1") {
		t.Fatalf("%+v", r)
	}
	if r := at("--loss", "often"); r.status != exitUsage || !strings.Contains(r.err, "0.05 or 5%") {
		t.Fatalf("%+v", r)
	}
}
