package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	const down = "no cluster runs in "
	for _, c := range []struct {
		args   []string
		status int
		err    string
	}{
		{[]string{"fly"}, exitUsage, "fly"},
		{[]string{"node", "kill", "x"}, exitUsage, "x"},
		{[]string{"nodes"}, exitFailure, down},
		{[]string{"ps", "-a", "-v", "--json"}, exitFailure, down},
		{[]string{"sh", "1", "ls"}, exitFailure, down},
		{[]string{"sh", "1"}, exitUsage, "<line>"},
		{[]string{"run", "--node", "2", "-d", os.Args[0] + "x", "-x", "y"}, exitFailure, "no such file"},
		{[]string{"run", text}, exitFailure, "static Linux program"},
		{[]string{"run", "/bin/sh"}, exitFailure, "linked dynamically"},
		{[]string{"logs", "-f", "1000001"}, exitFailure, down},
		{[]string{"logs", "x"}, exitUsage, "x"},
		{[]string{"wait", "1000001"}, exitFailure, down},
		{[]string{"kill", "-s", "KILL", "1000001", "1000002"}, exitFailure, down},
		{[]string{"kill", "-s", "DIE", "1000001"}, exitFailure, `"DIE" is not a signal`},
		{[]string{"stun", "--resume", "1000001"}, exitFailure, down},
		{[]string{"stun", "-c", "3", "--emergency", "--json", "1000001"}, exitFailure, down},
		{[]string{"resume", "--anyway", "1000001"}, exitFailure, down},
		{[]string{"checkpoint", "-o", "x.ckpt", "--compress", "--no-files", "1000001"}, exitFailure, down},
		{[]string{"checkpoint", "--every", "5s", "--restart", "--node", "2", "1000001"}, exitFailure, down},
		{[]string{"checkpoint", "--restart", "1000001"}, exitFailure, "--restart goes with --every"},
		{[]string{"checkpoint", "--every", "5s", "--node", "2", "1000001"}, exitFailure, "--node goes with --restart"},
		{[]string{"checkpoint", "--every", "1ms", "1000001"}, exitFailure, "want 100ms to 24h"},
		{[]string{"checkpoint", "--every", "often", "1000001"}, exitUsage, "every"},
		{[]string{"checkpoint"}, exitUsage, "<pid>"},
		{[]string{"restart", "--node", "2", "-d", "--old", "x.ckpt"}, exitFailure, down},
		{[]string{"restart"}, exitUsage, "<file>"},
		{[]string{"clone", "--json", "1000001", "2"}, exitFailure, down},
		{[]string{"clone", "1000001"}, exitFailure, down},
		{[]string{"pdump", "-s", "--json", "1000001"}, exitFailure, down},
		{[]string{"migrate", "--strategy", "copy", "--residual", "1000001", "2"}, exitFailure, down},
		{[]string{"migrate", "--explain", "--tree", "--json", "1000001", "2"}, exitFailure, down},
		{[]string{"migrate", "1000001"}, exitUsage, "<node>"},
		{[]string{"drain", "2"}, exitFailure, down},
		{[]string{"resolve", "1000001", "discard"}, exitFailure, down},
		{[]string{"resolve", "1000001", "maybe"}, exitUsage, "discard"},
		{[]string{"cap", "1000001", "--rights", "fly"}, exitUsage, "PSR_READ"},
		{[]string{"cap", "1000001"}, exitFailure, "cluster key"},
		{[]string{"std", "info", "1000001"}, exitFailure, down},
		{[]string{"dir", "-l"}, exitFailure, down},
		{[]string{"dir", "-f", "put", "/x", "node1"}, exitFailure, down},
		{[]string{"dir", "chm", "/x"}, exitFailure, "want MASK"},
		{[]string{"dir", "/x", "/y"}, exitFailure, "2 arguments"},
		{[]string{"std", "fly", "1000001"}, exitFailure, "no standard command"},
		{[]string{"metrics", "--json", "1", "2"}, exitFailure, down},
		{[]string{"metrics", "x"}, exitUsage, "x"},
		{[]string{"profile", "--seconds", "2", "--period", "1ms", "-o", "x.pprof", "1"}, exitFailure, down},
		{[]string{"profile"}, exitUsage, "<node>"},
		{[]string{"profile", "--seconds", "0", "1"}, exitFailure, "more than 0"},
		{[]string{"profile", "--period", "1us", "1"}, exitFailure, "100µs to 1s"},
		{[]string{"trace", "-o", "x.json", "1000001"}, exitFailure, down},
		{[]string{"trace", "--list", "--json"}, exitFailure, down},
		{[]string{"trace"}, exitFailure, "trace --list shows"},
		{[]string{"trace", "--list", "-o", "x.json"}, exitFailure, "--list writes no file"},
		{[]string{"console", "1"}, exitFailure, down},
		{[]string{"up", "-n", "100"}, exitFailure, "0 to 64"},
		{[]string{"up", "--machine", "virt", "--kernel", "/dev/null"}, exitFailure, "microvm, pc, q35"},
		{[]string{"up", "-n", "2", "--attach", "3", "--kernel", "/dev/null"}, exitFailure, "there is no node 3"},
		{[]string{"daemon"}, exitFailure, "motile up"},
	} {
		if r := motile(t, append([]string{"--dir", dir}, c.args...)...); r.status != c.status || !strings.Contains(r.err, c.err) {
			t.Errorf("%q: %+v", c.args, r)
		}
	}
}

func TestKill_List(t *testing.T) {
	if r := ok(t, motile(t, "kill", "-l")); !strings.Contains(r.out, "15 TERM") {
		t.Fatalf("%+v", r)
	}
}

// A capability is made from the key; no cluster need run.
func TestCap(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("07", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner := ok(t, motile(t, "--dir", dir, "cap", "1000001")).out
	weak := ok(t, motile(t, "--dir", dir, "cap", "--rights", "read,migrate", "1000001")).out
	if strings.Count(owner, ":") != 3 || !strings.Contains(owner, ":f4241:ffffffff:") || !strings.Contains(weak, ":f4241:41:") {
		t.Fatal(owner, weak)
	}
	if r := ok(t, motile(t, "--dir", dir, "cap", "--json", "--rights", "KILL", "1000001")); !strings.Contains(r.out, `"rights": "PSR_KILL"`) {
		t.Fatal(r)
	}
}
