package e2e

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"motile/qemu/harness"
)

// serveFiles starts the file server on node 1 and mounts it as /home on all nodes.
func (c *motileCluster) serveFiles(nodes int) (pid int32) {
	c.t.Helper()
	pid = parsePID(c.t, c.ok("run", "-d", "--node", "1", filepath.Join(harness.Top(c.t), "build/motiled"), "file"))
	for node := 1; node <= nodes; node++ {
		c.ok("sh", strconv.Itoa(node), "motile mount file:home /home && grep -q /home /proc/mounts")
	}
	return pid
}

// One tree of files is seen from every node, and what a process has open goes along with
// it: in the middle of a read, and in the middle of a write.
func TestFiles_OfAServer(t *testing.T) {
	t.Parallel()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip(err)
	}
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "-m", "96")
	server := c.serveFiles(3)

	c.ok("sh", "2", "echo hi > /home/x")
	if got := c.ok("sh", "3", "cat /home/x; ls -a /home"); got != "hi\n.\n..\nx\n" {
		t.Fatalf("node 3 sees %q", got)
	}
	c.ok("sh", "3", "mkdir /home/d && cd /home/d && ln -s ../x l && ln /home/x /home/y && rm /home/x && echo more >> /home/y")
	if got := c.ok("sh", "1", "cd /home/d && mv /home/y ../x && cat l && pwd && cd .. && pwd && ls"); got != "hi\nmore\n/home/d\n/home\nd\nx\n" {
		t.Fatalf("node 1 sees %q", got)
	}
	c.ok("sh", "1", "ln -s /etc/motile /home/d/out && test -f /home/d/out/key && rmdir /home/d 2>/dev/null; rm /home/d/* && rmdir /home/d")

	c.ok("sh", "1", "busybox seq 1 20000 > /home/from")
	copier := parsePID(t, c.ok("run", "-d", "--node", "2", busybox, "dd", "if=/home/from", "of=/home/to", "bs=1"))
	for _, to := range []string{"3", "1", "2", "3", "1"} {
		if got := c.ok("migrate", strconv.Itoa(int(copier)), to); !strings.Contains(got, "is on node "+to) {
			t.Fatalf("migrate says %q", got)
		}
	}
	if i := c.process(copier); i.Moves != 5 || i.Node != 1 {
		t.Fatalf("the copier ended before it had moved five times: %+v", i)
	}
	c.ok("migrate", strconv.Itoa(int(server)), "3")
	c.ok("kill", "-s", "KILL", strconv.Itoa(int(copier)))
	c.motile(nil, "wait", strconv.Itoa(int(copier)))
	c.ok("sh", "2", `test -s /home/to && [ "$(busybox dd if=/home/from bs=1 count=$(busybox stat -c %s /home/to) 2>/dev/null | md5sum)" = "$(md5sum < /home/to)" ]`)
	// A program runs from there, and goes on when it moves; and a process leaves relatives
	// with whom it shares the offset of a file.
	c.ok("sh", "2", "cp /bin/busybox /home/busybox")
	loop := parsePID(t, c.ok("run", "-d", "--node", "3", busybox, "sh", "-c",
		`exec >/home/lines; for i in 1 2 3 4 5 6 7 8 9; do echo "shell $i"; /home/busybox sh -c 'sleep 0.6; echo child'; done; echo end`))
	for _, to := range []string{"1", "2", "3"} {
		if got := c.ok("migrate", strconv.Itoa(int(loop)), to); !strings.Contains(got, "is on node "+to) {
			t.Fatalf("migrate says %q", got)
		}
	}
	c.ok("wait", strconv.Itoa(int(loop)))
	want := ""
	for i := range 9 {
		want += "shell " + strconv.Itoa(i+1) + "\nchild\n"
	}
	if got := c.ok("sh", "1", "cat /home/lines"); got != want+"end\n" {
		t.Fatalf("the shell and its children wrote %q", got)
	}
}

// Locks of served files, of both kinds, are kept from others and given to those who wait
// while holder and waiter move about, apart.
func TestFiles_Locks(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "-m", "96")
	c.serveFiles(3)
	for node := range 3 {
		c.ok("sh", strconv.Itoa(node+1), "motile mount file:tmp /tmp && grep -q /tmp /proc/mounts")
	}
	for _, feature := range []string{"record-locks", "file-locks"} {
		cmd := c.command("run", "--node", "2", c.guest("feature"), feature)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		said := func(want string) {
			t.Helper()
			for lines.Scan() {
				if lines.Text() == want {
					return
				}
				t.Logf("%s: %s", feature, lines.Text())
			}
			t.Fatalf("%s did not say %q", feature, want)
		}
		said("ready")
		var both []string
		for _, p := range facts[[]psFacts](c, "ps") {
			if strings.HasSuffix(p.Command, "feature "+feature) {
				both = append(both, strconv.Itoa(int(p.PID)))
			}
		}
		if len(both) != 2 {
			t.Fatalf("%s is %d processes", feature, len(both))
		}
		for i, to := range []string{"1", "3", "3", "2", "1", "1", "2", "3"} {
			if got := c.ok("migrate", both[i%2], to); !strings.Contains(got, "is on node "+to) {
				t.Fatalf("migrate says %q", got)
			}
		}
		if _, err := in.Write([]byte("go\n")); err != nil {
			t.Fatal(err)
		}
		said("pass")
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", feature, err)
		}
	}
}
