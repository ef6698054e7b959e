package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// On a bad wire, through a router, everything happens that nodes have words for:
// servers and clients move while they talk, pipelines are torn apart and joined, raw
// messages go round. Both decoders of the capture understand all of it.
func TestCapture_LeavesNothingUndecoded(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Deadline: 3 * time.Minute, Topology: `
		net left mtu=9000
		net right mtu=1500
		node 1 left
		node 2 left right
		node 3 right
	`})
	file := filepath.Join(t.TempDir(), "x.pcapng")
	w.must(bridge.StartCapture(file, w.Bridges()...))
	for i, b := range w.Bridges() {
		_, err := b.SetFaults(bridge.Faults{Loss: 0.02, Dup: 0.02, Reorder: 0.02, Seed: uint64(i) + 5})
		w.must(err)
	}
	w.everything()
	stats, err := w.Bridge().StopCapture()
	w.must(err)
	if stats.Missed > 0 {
		t.Errorf("the capture lacks %d frames", stats.Missed)
	}
	w.flipdumped(file)
	tsharked(t, file)
}

// everything makes nodes say all they can say.
func (w *world) everything() {
	adder := w.run(1, "/test/adder", "serve", "adder")
	adder.await("^serving$")
	echo := w.run(2, "/test/flipecho", "serve", "echo")
	pipeline := w.run(3, "/bin/sh", "-c", "while :; do echo line; usleep 20000; done | cat")
	callers := []*program{
		w.run(1, "/test/adder", "call", "adder"), w.run(3, "/test/adder", "call", "adder"),
		w.run(3, "/test/flipecho", "call", "echo"),
	}
	for _, c := range callers[:2] {
		c.await("^calling$")
	}
	replicas := []*program{
		w.run(1, "/bbin/replog", "serve", "watched", "0", "found", "1"),
		w.run(3, "/bbin/replog", "serve", "watched", "1", "join", "1"),
	}
	for _, r := range replicas {
		r.await("serving$")
	}
	writer := w.run(2, "/bbin/replog", "write", "watched", "40", "0s")
	writer.await("^written 1$")
	ferry := w.run(1, "/test/ferry", "serve", "ferry", "3000000")
	ferry.await("^serving$")
	crossing := w.run(3, "/test/ferry", "call", "ferry", "3000000", "1")
	crossing.await("^crossing 0$")
	replicas[0].attempt(2)
	replicas[1].attempt(1)
	writer.await("^done$")
	crossing.await(`^calls 1 failed 0$`)
	for _, node := range []int{3, 2, 1} {
		adder.move(node)
		echo.move(node)
		pipeline.move(node)
		w.moveChild(pipeline, node%3+1)
	}
	for _, n := range w.Nodes() {
		_, err := w.client.Node(n.Number).Load(w.ctx)
		w.must(err)
	}
	_, err := adder.Info(w.ctx)
	w.must(err)
	for _, c := range callers {
		c.in.Close()
		if m := c.await(`^\w+ (\d+)`); m[1] == "0" {
			w.t.Errorf("%v calls", m)
		}
	}
}

// flipdumped has flipdump read a capture, and looks whether there is in it what this
// test is about.
func (w *world) flipdumped(file string) {
	w.t.Helper()
	bin := filepath.Join(harness.Top(w.t), "bin/flipdump")
	if _, err := os.Stat(bin); err != nil {
		w.t.Fatalf("%v: run make first", err)
	}
	dump := func(args ...string) string {
		cmd := exec.CommandContext(w.ctx, bin, append(args, "--key", w.Dir().Key(), file)...)
		out, err := cmd.Output()
		if err != nil {
			var said []byte
			if e, ok := err.(*exec.ExitError); ok {
				said = e.Stderr
			}
			w.t.Errorf("flipdump %s: %v\n%s", strings.Join(args, " "), err, said)
		}
		return string(out)
	}
	counts := dump("--strict", "--stats")
	w.t.Logf("\n%s", counts)
	for _, kind := range []string{
		"LOCATE\n", "HEREIS\n", "ACK\n", "BUSY\n", "(lost)\n", "MULTIDATA HELLO\n", "MULTIDATA LOCATE\n", "UNIDATA HEREIS\n", "UNIDATA DATA\n",
		"REQUEST command", "REPLY command", "REQUEST MOVE_OFFER", "REPLY MOVE_OFFER", "REQUEST MOVE_PAGES", "REQUEST MOVE_PREPARE",
		"REPLY MOVE_PREPARE", "REQUEST MOVE_COMMIT", "REPLY MOVE_COMMIT", "REQUEST PS_MIGRATE", "REPLY PS_MIGRATE", "REQUEST PS_EXEC",
		"REQUEST FSQ_WRITE", "REQUEST OBJ_", "REQUEST HOST_TIME", "REPLY PS_INFO", "REPLY PS_GETLOAD",
	} {
		if !strings.Contains(counts, kind) {
			w.t.Errorf("nothing of the kind %q happened", strings.TrimSpace(kind))
		}
	}
	told := dump()
	for _, what := range []string{"offered", "accepted", "frozen", "ready", "commit,", "announces itself", "first frame of", "committed", "told BUSY"} {
		least := 3
		if what == "told BUSY" {
			least = 1 // precopying, it stands still so shortly that few notice
		}
		if n := strings.Count(told, what); n < least {
			w.t.Errorf("of all the moves it is told %d times: %s", n, what)
		}
	}
}

// tsharked has tshark read a capture with our dissector.
func tsharked(t *testing.T, file string) {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Error("there is no tshark: run scripts/setup tshark")
		return
	}
	script := filepath.Join(harness.Top(t), "tools/wireshark/amflip.lua")
	frames := func(filter string) string {
		cmd := exec.CommandContext(t.Context(), path, "-n", "-X", "lua_script:"+script, "-r", file, "-Y", filter)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("tshark: %v", err)
		}
		return string(out)
	}
	if bad := frames("!amflip || amflip.undecoded || _ws.malformed || _ws.lua.error"); bad != "" {
		t.Errorf("tshark does not decode %d frames:\n%.2000s", strings.Count(bad, "\n"), bad)
	}
	if n := strings.Count(frames("amflip.move"), "\n"); n < 20 {
		t.Errorf("tshark sees moves in %d frames", n)
	}
}
