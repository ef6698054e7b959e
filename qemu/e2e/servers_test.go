package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nodes that are to have servers have a run server each. It spreads programs that come one
// after the other, and starts what ends again.
func TestServers_Run(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "--servers", "--disk", "0") // no other servers: their work would be load
	c.await("three nodes known", func() bool {
		r := c.motile(nil, "sh", "2", "std status service:run")
		return r.status == 0 && strings.Count(r.out, " up ") == 3
	})
	// Each is charged for what it gets, so that three in a row get one each.
	if out := c.ok("sh", "2", "for i in 1 2 3; do on any hostname; done | sort | uniq | wc -l"); strings.TrimSpace(out) != "3" {
		t.Errorf("three programs in a row ran on %s nodes", strings.TrimSpace(out))
	}
	// What it keeps is started again, at once if it has run for a while.
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	pid := c.start(1, busybox, "sh", "-c", "echo napper always sleep 1000 >/tmp/services; exec /bbin/motiled run --services /tmp/services")
	napper := func(not int32) (found int32) {
		for _, p := range facts[[]psFacts](c, "ps") {
			if p.Command == "sleep 1000" && p.PID != not {
				found = p.PID
			}
		}
		return found
	}
	c.await("its server", func() bool { return napper(0) != 0 })
	first := napper(0)
	c.ok("migrate", fmt.Sprint(first), "3")
	c.ok("kill", "-s", "KILL", fmt.Sprint(first))
	c.await("its server again", func() bool { return napper(first) != 0 })
	if log := c.ok("logs", fmt.Sprint(pid)); !strings.Contains(log, "napper: signal: killed: it is started again") {
		t.Errorf("it says:\n%s", log)
	}
	for bad, want := range map[string]string{"x always": "line 1", "x =1 y": "condition"} {
		if r := c.motile(nil, "sh", "1", "echo '"+bad+"' >/tmp/bad; motiled run --services /tmp/bad"); r.status == 0 || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}

// A folder of the host is a directory of every node: for programs there, and for those of
// the host.
func TestServers_Share(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 2)
	dir := t.TempDir()
	inside := filepath.Join(dir, "shared")
	for _, err := range []error{os.MkdirAll(filepath.Join(inside, "sub"), 0o755), os.WriteFile(filepath.Join(inside, "sub/f"), []byte("from the host\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "secret"), nil, 0o644), os.Symlink("../secret", filepath.Join(inside, "out"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.ok("up", "-n", "2", "--servers", "--share", inside)
	c.await("the folder", func() bool {
		return c.motile(nil, "sh", "1", "mount | grep /host").status == 0 && c.motile(nil, "sh", "2", "mount | grep /host").status == 0
	})
	out := c.ok("sh", "2", `cd /host/sub; cat f; echo from node 2 >g; cp /bin/busybox .; chmod 751 g; mv g h; ls -l | wc -l; cat ../out 2>&1; cd /; pwd`)
	if want := "from the host\n4\ncat: can't open '../out': No such file or directory\n/\n"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
	if text, err := os.ReadFile(filepath.Join(inside, "sub/h")); string(text) != "from node 2\n" || err != nil {
		t.Errorf("the host sees %q, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(inside, "sub/h")); err != nil || info.Mode() != 0o751 {
		t.Errorf("%v, %v", info, err)
	}
	// A program moves with the file open, and writes on.
	program, err := os.ReadFile(c.guest("counter"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "counter"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	out = c.ok("sh", "1", "cp /host/counter /tmp; /tmp/counter 30 50 >/host/log & sleep 1; migrate $! 2 >/dev/null; wait; tail -n 1 /host/log; wc -l </host/log")
	if fields := strings.Fields(out); len(fields) < 2 || fields[len(fields)-1] != "30" {
		t.Errorf("the log ends with %q", out)
	}
	c.ok("down")
	c.ok("up", "-n", "1", "--servers", "--share", inside+":ro")
	c.await("the folder", func() bool { return c.motile(nil, "sh", "1", "mount | grep /host").status == 0 })
	if r := c.motile(nil, "sh", "1", "cat /host/sub/h; echo x >/host/x"); r.out != "from node 2\n" || !strings.Contains(r.err, "Read-only") {
		t.Errorf("%+v", r)
	}
}

// The name space of a cluster of three with disks is on all of them: a node may be lost and
// come back. Servers are in it by their names.
func TestServers_Directories(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "-m", "96", "--disk", "64M", "--servers")
	members := func(node, want string) func() bool {
		return func() bool {
			r := c.motile(nil, "sh", node, "std status /server/soap")
			return r.status == 0 && strings.Contains(r.out, "group_members "+want+"\n")
		}
	}
	c.await("three directory servers", members("1", "3"))
	for _, name := range []string{"/server/run", "/server/file", "/server/bullet/1", "/server/bullet/2", "/server/bullet/3"} {
		c.await(name, func() bool { return c.motile(nil, "std", "info", name).status == 0 })
	}
	// Until those that are left know that they are a majority, which takes longer on a busy
	// host, updates are refused.
	mkd := func(name string) {
		c.await(name, func() bool {
			return c.motile(nil, "dir", "mkd", name).status == 0 || c.motile(nil, "dir", name).status == 0
		})
	}
	mkd("/before")
	c.ok("node", "kill", "1")
	mkd("/without")
	c.ok("node", "restart", "1")
	c.await("three directory servers again", members("1", "3"))
	c.ok("node", "kill", "2")
	mkd("/after")
	if out := c.ok("sh", "1", "dir /"); out != "after\nbefore\nserver\nstorage\nwithout\n" {
		t.Errorf("the root has %q", out)
	}
	if r := c.motile(nil, "std", "info", "/server/nobody"); r.status == 0 || !strings.Contains(r.err, "there is no such name") {
		t.Errorf("%+v", r)
	}
}

// Local sockets join processes that are on any nodes, and go wherever they go. Without a
// card to the outside the TCP/IP server of node 1 is for them, and for 127.0.0.1.
func TestServers_UnixSockets(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "--servers")
	server := c.start(2, c.guest("unix"), "serve", "/tmp/numbers")
	c.await("the server", func() bool { return strings.Contains(c.ok("sh", "1", "sockets"), "/tmp/numbers") })
	client := c.start(3, c.guest("unix"), "client", "/tmp/numbers", "10")
	parent := c.start(2, c.guest("unix"), "pair", "10")
	find := func(end string) (pid int32) {
		c.await("a process "+end, func() bool {
			for _, p := range facts[[]psFacts](c, "ps") {
				if strings.HasSuffix(p.Command, end) {
					pid = p.PID
				}
			}
			return pid != 0
		})
		return pid
	}
	child, ipd := find("echo"), find("ipd -loopback")
	for i := range 3 {
		for j, pid := range []int32{server, client, parent, child, ipd} {
			c.ok("migrate", fmt.Sprint(pid), fmt.Sprint((i+j)%3+1))
		}
	}
	for _, pid := range []int32{client, parent} {
		c.ok("wait", fmt.Sprint(pid))
		if log := c.ok("logs", fmt.Sprint(pid)); !strings.Contains(log, "numbers there and back") {
			t.Errorf("process %d says:\n%s", pid, log)
		}
	}
}
