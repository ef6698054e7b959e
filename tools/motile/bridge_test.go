package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"motile/qemu/bridge"
)

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
