package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// taken and restarted are what checkpoint and restart print with --json.
type taken struct {
	PID        int32  `json:"pid"`
	File       string `json:"file"`
	Generation uint64 `json:"generation"`
	Raw        int    `json:"pages_raw"`
	LZ4        int    `json:"pages_lz4"`
	Files      int    `json:"files"`
}

type restarted struct {
	PID        int32  `json:"pid"`
	Node       int    `json:"node"`
	Of         int32  `json:"of"`
	Generation uint64 `json:"generation"`
}

// counted is how far a counter has got, by its log, in which no line may be missing or
// there twice.
func (c *motileCluster) counted(pid int32) int {
	c.t.Helper()
	lines := strings.Split(strings.TrimSpace(c.ok("logs", fmt.Sprint(pid))), "\n")
	for i, line := range lines {
		if line != "" && !strings.HasPrefix(line, strconv.Itoa(i+1)+" mono ") {
			c.t.Fatalf("process %d: line %d is %q", pid, i+1, line)
		}
	}
	if lines[0] == "" {
		return 0
	}
	return len(lines)
}

// Checkpoints of a program that knows nothing of them: written, looked at, restarted on
// another node, copied; old, broken and foreign ones refused.
func TestCheckpoint_Commands(t *testing.T) {
	c := newMotile(t, 2)
	c.ok("up", "-n", "2", "-m", "112")
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.ckpt"), filepath.Join(dir, "b.ckpt")
	pid := c.start(1, c.guest("counter"), "0", "50")
	p := fmt.Sprint(pid)
	c.await("it counts", func() bool { return c.counted(pid) > 5 })
	first := facts[taken](c, "checkpoint", "-o", a, p)
	if first.PID != pid || first.File != a || first.Generation != 1 || first.Raw == 0 || first.Files != 1 {
		t.Errorf("%+v", first)
	}
	second := facts[taken](c, "checkpoint", "-o", b, "--compress", p)
	if second.Generation != 2 || second.LZ4 == 0 {
		t.Errorf("%+v", second)
	}
	had := c.counted(pid)

	// Elsewhere, with the program's file, which node 2 has never seen.
	r := facts[restarted](c, "restart", "-d", "--node", "2", b)
	if r.Node != 2 || r.Of != pid || r.Generation != 2 || c.process(r.PID).Node != 2 {
		t.Errorf("%+v", r)
	}
	c.await("the copy goes on", func() bool { return c.counted(r.PID) > had+5 })
	c.await("so does the original", func() bool { return c.counted(pid) > had+5 })

	c.fails("is not the newest: that is 2", "restart", "-d", a)
	old := facts[restarted](c, "restart", "-d", "--old", "--node", "1", a)
	c.await("the old one goes on", func() bool { return c.counted(old.PID) > had })
	whole, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	for why, text := range map[string][]byte{"changed since it was written": append(bytes.Clone(whole[:5000]), append([]byte{whole[5000] ^ 1}, whole[5001:]...)...),
		"cut short": whole[:60+2*65552], "not a checkpoint": []byte("text")} {
		bad := filepath.Join(dir, "bad.ckpt")
		if err := os.WriteFile(bad, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c.fails(why, "restart", "-d", bad)
	}
	n := len(facts[[]psFacts](c, "ps"))
	copied := facts[restarted](c, "clone", p, "2")
	c.await("the clone goes on", func() bool { return c.process(copied.PID).Node == 2 && c.counted(copied.PID) > had })
	if after := len(facts[[]psFacts](c, "ps")); after != n+1 {
		t.Errorf("%d processes, there were %d", after, n)
	}
	c.says([]string{"process " + p + ": counter 0 50", "lineage ", "thread " + p + " counter", "futex(", "segment 0x400000-", "r-xp", "stack", "fd 1: log of "}, "pdump", p)
	c.ok("stun", "-c", "7", "--transparent", p)
	if s := c.process(pid); s.State != "stunned" || s.Stun != "code 7" {
		t.Errorf("%+v", s)
	}
	c.ok("stun", "--emergency", "-c", "9", p)
	if d := facts[map[string]any](c, "pdump", p); d["pid"] != float64(pid) || len(d["threads"].([]any)) < 2 {
		t.Errorf("%v", d)
	}
	c.ok("resume", p)
	c.await("it goes on", func() bool { return c.process(pid).State != "stunned" })

	// The same in a node's shell, to a file of the node.
	c.says([]string{"is on node 2: what was process " + p}, "sh", "1", "checkpoint -o /tmp/x.ckpt "+p+" && restart -d --node 2 /tmp/x.ckpt")
	c.says([]string{"thread " + p}, "sh", "2", "pdump "+p)

	// In the foreground, with its log.
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	short := fmt.Sprint(c.start(1, busybox, "sh", "-c", "echo begun; sleep 1000; echo over; exit 7"))
	c.await("it sleeps", func() bool { return strings.Contains(c.ok("logs", short), "begun") })
	c.ok("checkpoint", "-o", a, short)
	c.ok("kill", "-s", "KILL", short)
	// (Its child was not written down with it: the shell hears that it was killed.)
	if r := c.motile(nil, "restart", "--node", "2", a); r.status != 7 || !strings.HasPrefix(r.out, "begun\n") || !strings.HasSuffix(r.out, "over\n") {
		t.Errorf("%+v", r)
	}
}

// A process that is kept: cut off with its node it goes on elsewhere, and what was left
// there is killed when it appears again; killed with its node, it goes on once more.
// Each time it loses what it did since the last checkpoint, and at no time do two run.
func TestCheckpoint_RestartsElsewhere(t *testing.T) {
	c := newMotile(t, 3)
	c.ok("up", "-n", "3", "-m", "112")
	pid := c.start(1, c.guest("counter"), "0", "50")
	file := filepath.Join(t.TempDir(), "kept.ckpt")
	var said lockedBuffer
	keep := c.command("checkpoint", "-o", file, "--every", "2s", "--restart", fmt.Sprint(pid))
	keep.Stdout, keep.Stderr = &said, &said
	if err := keep.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("checkpoint says\n%s", said.String())
		}
	}()
	says := func(words string) {
		t.Helper()
		c.await("checkpoint says "+words, func() bool { return strings.Contains(said.String(), words) })
	}
	successor := func(of int32) (pid int32, node int) {
		t.Helper()
		says(fmt.Sprintf("what was process %d,", of))
		for _, line := range strings.Split(said.String(), "\n") {
			was := int32(0)
			if n, _ := fmt.Sscanf(line, "process %d is on node %d: what was process %d,", &pid, &node, &was); n == 3 && was == of {
				return pid, node
			}
		}
		t.Fatalf("it is not said which\n%s", said.String())
		return 0, 0
	}
	says("checkpoint 3 is ")
	had := c.counted(pid)
	c.ok("bridge", "--partition", "1/host,2,3")
	next, at := successor(pid)
	if n := c.counted(next); n < had-100 { // two intervals, and what writing them takes
		t.Errorf("it had counted to %d, and goes on from %d", had, n)
	}
	c.ok("bridge", "--heal")
	says(fmt.Sprintf("process %d has appeared again, stunned, and was killed", pid))
	c.await("it is gone", func() bool {
		for _, p := range facts[[]psFacts](c, "ps") {
			if p.PID == pid {
				return false
			}
		}
		return true
	})
	says(fmt.Sprintf("process %d on node %d: checkpoint", next, at))
	had = c.counted(next)
	c.ok("node", "kill", strconv.Itoa(at))
	last, _ := successor(next)
	c.await("it counts", func() bool { return c.counted(last) > had-100 })
	c.ok("kill", "-s", "KILL", fmt.Sprint(last))
	says(fmt.Sprintf("process %d has ended: killed by SIGKILL", last))
	if err := keep.Wait(); err != nil {
		t.Error(err)
	}
}

// lockedBuffer collects what a command says while it runs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
