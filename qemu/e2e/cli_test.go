package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/bridge/pcapng"
	"motile/qemu/cluster"
	"motile/qemu/machine"
)

// Every command that the tool has, on a cluster of three kinds of machines, for
// people and with --json. The consoles are in shell_test.go.
func TestCLI_EveryCommand(t *testing.T) {
	c := newMotile(t, 4)
	up := facts[cluster.Status](c, "up", "-n", "3", "-m", "112", "--machine", "microvm,pc,q35")
	if len(up.Nodes) != 3 || up.Nodes[1].Spec.Machine != machine.PC || up.Nodes[2].Spec.MemMB != 112 || up.Nodes[0].PID == 0 {
		t.Fatalf("%+v", up)
	}
	t.Run("nodes", c.sub(testNodes))
	t.Run("sh", c.sub(testSh))
	t.Run("run", c.sub(testRun))
	t.Run("on", c.sub(testOn))
	t.Run("put get", c.sub(testPutGet))
	t.Run("ps", c.sub(testPs))
	t.Run("logs wait kill", c.sub(testLogsWaitKill))
	t.Run("migrate drain", c.sub(testMigrateDrain))
	t.Run("cap stun resolve", c.sub(testCapStunResolve))
	t.Run("bridge", c.sub(testBridge))
	t.Run("capture", c.sub(testCapture))
	t.Run("node", c.sub(testNode))
	if out := c.ok("down"); out != "" {
		t.Errorf("down says %q", out)
	}
	c.fails("no cluster runs in", "nodes")
	c.leavesNothing()
}

// sub is a part of a test, on the same cluster.
func (c *motileCluster) sub(f func(*testing.T, *motileCluster)) func(*testing.T) {
	return func(t *testing.T) {
		part := *c
		part.t = t
		f(t, &part)
	}
}

func testNodes(t *testing.T, c *motileCluster) {
	list := facts[[]nodeFacts](c, "nodes")
	for i, n := range list {
		if n.Number != i+1 || n.State != cluster.Running || n.PID == 0 || n.Load == nil || n.Load.FreeKB < 10_000 || n.Load.UptimeMs == 0 {
			t.Errorf("%+v", n)
		}
	}
	c.says([]string{"NODE", "STATE", "QEMU", "UPTIME", "LOAD", "MEMORY", "PROCESSES", "microvm", "pc ", "q35", strconv.Itoa(list[2].PID)}, "nodes")
}

func testSh(t *testing.T, c *motileCluster) {
	r := c.motile(strings.NewReader("from the host"), "sh", "2", "cat; echo on $(hostname) >&2; exit 7")
	if r != (motileResult{7, "from the host", "on node2\n"}) {
		t.Errorf("%+v", r)
	}
	// A name means what it means to somebody who types it: busybox has another ps.
	var list []psFacts
	if err := json.Unmarshal([]byte(c.ok("sh", "1", "ps --json")), &list); err != nil || len(list) == 0 {
		t.Error(list, err)
	}
	if out := c.ok("sh", "1", "sleep 100 & migrate $! 2 >/dev/null; ps | grep 'sleep 100'; kill $!"); !strings.Contains(out, "1→2") {
		t.Error(out)
	}
	c.fails("node 9 does not exist", "sh", "9", "true")
	if r := c.motile(nil, "sh", "1", "kill -9 $$"); r.status != 128+9 {
		t.Errorf("%+v", r)
	}
	// What arrives here goes to the shell there.
	cmd := c.command("sh", "1", "trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 1; done")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(syscall.SIGINT)
	rest, _ := io.ReadAll(out)
	c.ends(cmd.Wait(), cmd.Args)
	if s := cmd.ProcessState.ExitCode(); s != 4 || string(rest) != "caught\n" {
		t.Errorf("^C: exit status %d, %q", s, rest)
	}
}

func testRun(t *testing.T, c *motileCluster) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	r := c.motile(strings.NewReader("a\nb\n"), "run", "--node", "3", "-e", "WORD=x y", busybox, "sh", "-c", `cat; echo "$WORD"; echo bad >&2; exit 5`)
	if r != (motileResult{5, "a\nb\nx y\n", "bad\n"}) {
		t.Errorf("%+v", r)
	}
	if out := c.ok("run", c.guest("counter"), "3", "1"); strings.Count(out, "\n") != 3 {
		t.Errorf("counter 3 says %q", out)
	}
	pid := c.start(2, busybox, "sleep", "1000")
	started := facts[struct {
		PID  int32
		Node int
	}](c, "run", "-d", "--node", "3", busybox, "sleep", "1000")
	if c.process(pid).Node != 2 || started.Node != 3 || c.process(started.PID).Node != 3 {
		t.Errorf("%+v", started)
	}
	c.ok("kill", fmt.Sprint(pid), fmt.Sprint(started.PID))
	c.fails("no such file", "run", "/nowhere")
	c.fails("does not exist", "run", "--node", "9", busybox)
}

// What runs on another node is part of a pipeline here, in the directory of its caller.
func testOn(t *testing.T, c *motileCluster) {
	line := `cd /tmp; echo there | on 2 sh -c 'read x; echo "$x $(hostname) $PWD"' | on 3 sh -c 'cat; hostname'; on any sh -c 'exit 3'; echo $?`
	if out, want := c.ok("sh", "1", line), "there node2 /tmp\nnode3\n3\n"; out != want {
		t.Errorf("it says %q, want %q", out, want)
	}
	for line, want := range map[string]string{"on 9 true": "9", "on 2 nothing": "nothing", "on 2": "on NODE|any COMMAND"} {
		if r := c.motile(nil, "sh", "1", line); r.status == 0 || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", line, r)
		}
	}
}

func testPutGet(t *testing.T, c *motileCluster) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	must(os.MkdirAll(filepath.Join(dir, "tree/sub"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "tree/sub/big"), big, 0o600))
	must(os.WriteFile(filepath.Join(dir, "tree/hello"), []byte("#!/bin/sh\necho hello from $(hostname)\n"), 0o755))
	c.ok("put", filepath.Join(dir, "tree"), "2:/tmp")
	if out := c.ok("sh", "2", "/tmp/tree/hello"); out != "hello from node2\n" {
		t.Errorf("%q", out)
	}
	c.ok("put", filepath.Join(dir, "tree/hello"), "3:/tmp/bonjour")
	if out := c.ok("sh", "3", "/tmp/bonjour; ls /tmp"); out != "hello from node3\nbonjour\n" {
		t.Errorf("%q", out)
	}
	c.ok("get", "2:/tmp/tree", filepath.Join(dir, "back"))
	if got, err := os.ReadFile(filepath.Join(dir, "back/sub/big")); err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(big), err)
	}
	c.ok("get", "2:/tmp/tree/hello", "3:/tmp/bonjour", dir)
	if info, err := os.Stat(filepath.Join(dir, "bonjour")); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	c.fails("/nowhere", "put", "/nowhere", "2:/tmp")
	c.fails("nowhere", "get", "2:/nowhere", dir)
	c.fails("absolute", "put", dir, "tmp")
	c.fails("node 9", "get", "9:/tmp", dir)
	c.fails("not permitted", "put", filepath.Join(dir, "tree"), "2:/proc/self/")
	if out := c.ok("sh", "2", "ls -A /tmp"); out != "tree\n" {
		t.Errorf("left in /tmp: %q", out)
	}
}

func testPs(t *testing.T, c *motileCluster) {
	pid := c.start(1, c.guest("stranger"), "334", "999", "999")
	c.await("three answers", func() bool { return strings.Count(c.ok("logs", fmt.Sprint(pid)), "\n") == 3 })
	c.ok("migrate", fmt.Sprint(pid), "2")
	p := c.process(pid)
	if p.Node != 2 || !slices.Equal(p.Trail, []int{1, 2}) || p.Moves != 1 || p.Threads < 1 || p.SizeKB < 100 || p.State != "S" || p.CPUms == nil || p.Command != "stranger 334 999 999" {
		t.Errorf("%+v", p)
	}
	// What it asked for in vain is counted, and the count moves with it.
	if p.Unimplemented["999"] != 2 {
		t.Errorf("%+v", p)
	}
	c.says([]string{"PID", "NODE", "TRAIL", "THREADS", "SIZE", "STATE", "CPU", "MOVES", "COMMAND", fmt.Sprint(pid), "1→2"}, "ps")
	c.says([]string{"PGID", "999 (2 times)", "[detached]"}, "ps", "-v")
	c.ok("kill", fmt.Sprint(pid))
	c.await("ended", func() bool { return c.process(pid).State == "zombie" })
	if out := c.ok("ps"); strings.Contains(out, fmt.Sprint(pid)) {
		t.Errorf("ps lists what has ended:\n%s", out)
	}
	c.says([]string{fmt.Sprint(pid), "ended", "killed by SIGTERM"}, "ps", "-a")
}

func testLogsWaitKill(t *testing.T, c *motileCluster) {
	pid := fmt.Sprint(c.start(1, c.guest("counter"), "0", "20"))
	follow := c.command("logs", "-f", pid)
	out, err := follow.StdoutPipe()
	if err == nil {
		err = follow.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 200)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatal(err)
	}
	wait := c.command("wait", "--json", pid)
	var end bytes.Buffer
	wait.Stdout = &end
	if err := wait.Start(); err != nil {
		t.Fatal(err)
	}
	c.ok("migrate", pid, "3") // under those who follow and wait
	c.ok("kill", "-s", "0", pid)
	c.ok("kill", "-s", "INT", pid)
	rest, err := io.ReadAll(out)
	c.ends(follow.Wait(), follow.Args)
	if err != nil {
		t.Fatal(err)
	}
	log := c.ok("logs", pid)
	if followed := string(first) + string(rest); followed != log {
		t.Errorf("followed %d bytes, the log has %d", len(followed), len(log))
	}
	checkLines(t, log)
	c.ends(wait.Wait(), wait.Args)
	if s := wait.ProcessState.ExitCode(); s != 128+2 || !strings.Contains(end.String(), `"killed by SIGINT"`) {
		t.Errorf("wait: exit status %d, %s", s, &end)
	}
	if r := c.motile(nil, "wait", pid); r.status != 128+2 || r.out != "" {
		t.Errorf("%+v", r)
	}
	c.says([]string{" 9 KILL", "15 TERM"}, "kill", "-l")
	quick := fmt.Sprint(c.start(2, c.guest("counter"), "1", "1"))
	if r := c.motile(nil, "wait", quick); r.status != 0 {
		t.Errorf("%+v", r)
	}
}

// moveFacts is a move as migrate --json has it.
type moveFacts struct {
	PID       int32
	Node      int
	Report    map[string]any
	Processes []int32 `json:"processes"`
}

// us is how long a phase took.
func (m *moveFacts) us(phase string) float64 {
	us, _ := m.Report[phase+"_us"].(float64)
	return us
}

var phases = []string{"negotiate", "precopy", "freeze", "transfer", "commit", "first run"}

func testMigrateDrain(t *testing.T, c *motileCluster) {
	pid := c.start(1, c.guest("counter"), "0", "20")
	out := c.says(append(phases, fmt.Sprintf("process %d is on node 2", pid)), "migrate", fmt.Sprint(pid), "2")
	if n := len(regexp.MustCompile(`[0-9.]+ ms`).FindAllString(out, -1)); n != 2+len(phases) {
		t.Errorf("%d times in\n%s", n, out)
	}
	m := facts[moveFacts](c, "migrate", fmt.Sprint(pid), "3")
	for _, phase := range phases {
		if _, ok := m.Report[strings.ReplaceAll(phase, " ", "_")+"_us"]; !ok {
			t.Errorf("no %s in %+v", phase, m)
		}
	}
	if m.PID != pid || m.Node != 3 || m.us("freeze") <= 0 || m.us("total") < m.us("freeze") || m.Report["pages"] == 0.0 {
		t.Errorf("%+v", m)
	}
	c.says([]string{"is on node 3 already"}, "migrate", fmt.Sprint(pid), "3")

	// A process group is named as for kill(1).
	c.ok("sh", "1", "(sleep 1000 | sleep 1000) >/dev/null 2>&1 &")
	var group int32
	members := func() (nodes []int) {
		for _, p := range facts[[]psFacts](c, "ps") {
			if strings.Contains(p.Command, "sleep 1000") {
				group, nodes = p.PGID, append(nodes, p.Node)
			}
		}
		return nodes
	}
	c.await("both sleep", func() bool { return len(members()) >= 2 })
	// Those that are on one node go as one.
	all := facts[[]moveFacts](c, "migrate", "--", fmt.Sprint(-group), "2")
	if got := members(); slices.Contains(got, 1) || len(all) != 1 || len(all[0].Processes) < 2 {
		t.Errorf("%v, %+v", got, all)
	}

	others := c.start(2, c.guest("counter"), "0", "20")
	c.says([]string{fmt.Sprintf("process %d is on node", others)}, "drain", "2")
	moved := facts[[]moveFacts](c, "drain", "3")
	for _, p := range facts[[]psFacts](c, "ps") {
		if p.Node == 3 {
			t.Errorf("%+v is on node 3 still", p)
		}
	}
	if len(moved) == 0 {
		t.Error("nothing was moved from node 3")
	}
	c.ok("kill", "--", fmt.Sprint(-group), fmt.Sprint(pid), fmt.Sprint(others))
	c.await("gone", func() bool { return len(members()) == 0 })
}

func testCapStunResolve(t *testing.T, c *motileCluster) {
	id := c.start(1, c.guest("counter"), "0", "20")
	pid := fmt.Sprint(id)
	file := filepath.Join(t.TempDir(), "cap")
	give := func(rights string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(c.ok("cap", "--rights", rights, pid)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	give("READ,KILL")
	c.fails("lacks PSR_MIGRATE", "migrate", "--cap", file, pid, "2")
	c.ok("logs", "--cap", file, pid)
	c.ok("stun", "--cap", file, pid)
	if p := c.process(id); p.State != "stunned" || p.Node != 1 {
		t.Errorf("%+v", p)
	}
	before := c.ok("logs", pid)
	c.fails("stunned already", "stun", pid)
	give("READ,MIGRATE")
	c.says([]string{"is on node 2"}, "migrate", "--cap", file, pid, "2")
	if p := c.process(id); p.State != "stunned" || p.Node != 2 || p.Stun != "code 0" || c.ok("logs", pid) != before {
		t.Errorf("%+v", p)
	}
	c.ok("stun", "--resume", pid)
	c.await("goes on", func() bool { return len(c.ok("logs", pid)) > len(before) })
	c.fails("lacks PSR_KILL", "kill", "--cap", file, pid)
	c.fails("lacks PSR_KILL", "stun", "--cap", file, pid)
	give("MIGRATE")
	c.fails("lacks PSR_READ", "logs", "--cap", file, pid)
	c.fails("lacks PSR_READ", "wait", "--cap", file, pid)
	c.fails("for process "+pid, "kill", "--cap", file, "1000001")
	made := facts[map[string]any](c, "cap", "--rights", "KILL", pid)
	if made["rights"] != "PSR_KILL" || strings.Count(fmt.Sprint(made["capability"]), ":") != 3 {
		t.Error(made)
	}
	// A capability that was changed is none.
	text := []byte(c.ok("cap", "--rights", "KILL", pid))
	i := bytes.LastIndexByte(text, ':') + 1
	if text[i] != 'b' {
		text[i] = 'b'
	} else {
		text[i] = 'c'
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.fails("does not fit", "kill", "--cap", file, pid)
	c.fails("in doubt", "resolve", pid, "discard")
	c.fails("in doubt", "resolve", "--json", pid, "resume")
	if p := c.process(id); p.Node != 2 || p.Moves != 1 {
		t.Errorf("%+v", p)
	}
	c.ok("kill", "-s", "KILL", pid)
}

func testBridge(t *testing.T, c *motileCluster) {
	c.says([]string{"no faults", "PORT", "n1", "n3"}, "bridge")
	c.says([]string{"--loss 0.05", "--dup 0.02", "--reorder 0.1", "--delay 5ms", "--rate 50M", "--seed 7"},
		"bridge", "--loss", "5%", "--dup", "0.02", "--reorder", "0.1", "--delay", "5ms", "--rate", "50M", "--seed", "7")
	// On a bad wire everything takes longer, and goes well.
	pid := c.start(1, c.guest("counter"), "0", "20")
	for _, node := range []string{"2", "3", "1"} {
		c.ok("migrate", fmt.Sprint(pid), node)
	}
	s := facts[bridge.Stats](c, "bridge")
	var lost, dup, reordered, delayed uint64
	for _, p := range s.Ports {
		lost, dup, reordered, delayed = lost+p.Lost, dup+p.Duplicated, reordered+p.Reordered, delayed+p.Delayed
	}
	if lost == 0 || dup == 0 || reordered == 0 || delayed == 0 || s.Faults.Loss != 0.05 || s.Faults.Rate != 50_000_000 {
		t.Errorf("lost %d, twice %d, reordered %d, delayed %d: %+v", lost, dup, reordered, delayed, s.Faults)
	}
	c.says([]string{"--partition 1,host/2,3"}, "bridge", "--heal", "--partition", "1,host/2,3")
	c.fails("node 2 ", "migrate", fmt.Sprint(pid), "2")
	if f := facts[bridge.Faults](c, "bridge", "--heal"); !f.Perfect() {
		t.Errorf("%+v", f)
	}
	c.says([]string{"no faults"}, "bridge")
	if p := c.process(pid); p.Node != 1 || p.Moves != 3 {
		t.Errorf("%+v", p)
	}
	c.ok("migrate", fmt.Sprint(pid), "2")
	checkLines(t, c.ok("logs", fmt.Sprint(pid)))
	c.ok("kill", fmt.Sprint(pid))
	c.fails("loss is 2", "bridge", "--loss", "2")
	c.fails("no port n9", "bridge", "--partition", "1/9")
}

// checkLines checks that a counter has counted on, without a gap.
func checkLines(t *testing.T, log string) {
	t.Helper()
	for i, line := range strings.Split(strings.TrimSpace(log), "\n") {
		if !strings.HasPrefix(line, fmt.Sprintf("%d ", i+1)) {
			t.Fatalf("line %d is %q", i+1, line)
		}
	}
}

func testCapture(t *testing.T, c *motileCluster) {
	file := filepath.Join(t.TempDir(), "c.pcapng")
	record := c.command("capture", "--json", "-o", file)
	var out bytes.Buffer
	record.Stdout = &out
	if err := record.Start(); err != nil {
		t.Fatal(err)
	}
	c.await("recording", func() bool { return facts[bridge.Stats](c, "bridge").Capture != nil })
	c.fails(file, "capture", "-o", file+"2", "-d") // one at a time
	c.ok("sh", "1", "true")
	record.Process.Signal(os.Interrupt)
	c.ends(record.Wait(), record.Args)
	var s bridge.CaptureStats
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.Frames == 0 || s.Missed != 0 || record.ProcessState.ExitCode() != 0 {
		t.Fatalf("%v, %+v, %v", err, s, record.ProcessState)
	}
	in, err := pcapng.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	const flip = 0x8146 // its type in the Ethernet header
	frames := 0
	for {
		p, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Frame) < 14 || int(p.Frame[12])<<8|int(p.Frame[13]) != flip {
			t.Errorf("a frame that is not FLIP's: % x", p.Frame[:min(len(p.Frame), 14)])
		}
		frames++
	}
	if uint64(frames) != uint64(s.Frames) {
		t.Errorf("%d frames in the file, %+v", frames, s)
	}
	c.ok("capture", "-o", file, "-d")
	c.ok("sh", "2", "true")
	c.says([]string{"frames", file}, "capture", "--stop")
	c.fails("capture", "capture", "--stop")
}

func testNode(t *testing.T, c *motileCluster) {
	if n := facts[[]cluster.NodeInfo](c, "node", "add", "--machine", "q35", "-m", "112"); len(n) != 1 || n[0].Number != 4 || n[0].Spec.Machine != machine.Q35 || n[0].State != cluster.Running {
		t.Fatalf("%+v", n)
	}
	pid := c.start(1, c.guest("counter"), "0", "20")
	c.ok("migrate", fmt.Sprint(pid), "4")
	if n := facts[[]cluster.NodeInfo](c, "node", "kill", "1"); n[0].State != cluster.Off {
		t.Errorf("%+v", n)
	}
	before := c.ok("logs", fmt.Sprint(pid))
	c.await("the process goes on without the node it began on", func() bool { return len(c.ok("logs", fmt.Sprint(pid))) > len(before) })
	c.says([]string{"off (power cut)"}, "nodes")
	c.fails("motile node restart 1", "node", "kill", "1")
	c.fails("motile node restart 1", "sh", "1", "true")
	c.fails("motile node restart 1", "migrate", fmt.Sprint(pid), "1")
	c.ok("ps") // a node that was switched off owes nobody an answer
	if n := facts[[]cluster.NodeInfo](c, "node", "restart", "1"); n[0].State != cluster.Running || n[0].Boots != 2 {
		t.Errorf("%+v", n)
	}
	c.ok("migrate", fmt.Sprint(pid), "1")
	c.says([]string{"running"}, "node", "restart", "4")
	checkLines(t, c.ok("logs", fmt.Sprint(pid)))
	c.says([]string{"off (power cut)"}, "node", "kill", "4")
	c.fails("does not exist", "node", "kill", "5")
	c.fails("does not exist", "node", "restart", "5")
	c.ok("kill", fmt.Sprint(pid))
}

// What cannot be done is refused, with words and exit status 1, and changes nothing:
// from the host and in a node's shell.
func TestCLI_BadInput(t *testing.T) {
	c := newMotile(t, 3)
	c.ok("up", "-n", "3")
	id := c.start(1, c.guest("counter"), "0", "20")
	pid := fmt.Sprint(id)
	file := filepath.Join(t.TempDir(), "cap")
	weak := c.ok("cap", "--rights", "READ,KILL,EXEC", pid)
	if err := os.WriteFile(file, []byte(weak), 0o600); err != nil {
		t.Fatal(err)
	}
	const nobody = "3000099"
	bad := func(cases ...badInput) {
		t.Helper()
		var commands [][]string
		for _, b := range cases {
			commands = append(commands, b.args)
		}
		for i, r := range c.atOnce(commands...) { // most of them wait for an answer that does not come
			c.refused(r, cases[i].why, cases[i].args...)
		}
		p := c.process(id)
		if p.Node != 1 || p.Moves != 0 || p.State != "R" && p.State != "S" {
			t.Errorf("%+v", p)
		}
		before := len(c.ok("logs", pid))
		c.await("the process goes on", func() bool { return len(c.ok("logs", pid)) > before })
	}
	bad(
		badInput{"process " + nobody + ": no node claims it", []string{"migrate", nobody, "2"}},
		badInput{"process " + nobody + ": no node claims it", []string{"sh", "1", "migrate " + nobody + " 2"}},
		badInput{"process group " + nobody, []string{"migrate", "--", "-" + nobody, "2"}},
		badInput{"process group " + nobody, []string{"sh", "1", "migrate -" + nobody + " 2"}},
		badInput{"lacks PSR_MIGRATE", []string{"migrate", "--cap", file, pid, "2"}},
		badInput{"lacks PSR_MIGRATE", []string{"sh", "1", "echo '" + strings.TrimSpace(weak) + "' >/tmp/cap; migrate --cap /tmp/cap " + pid + " 2"}},
		badInput{`no strategy "magic"`, []string{"migrate", "--strategy", "magic", pid, "2"}},
		badInput{`no strategy "magic"`, []string{"sh", "1", "migrate --strategy magic " + pid + " 2"}},
		badInput{"not a node", []string{"sh", "1", "migrate " + pid + " two"}},
		badInput{"not a pid", []string{"sh", "1", "migrate me 2"}},
		badInput{"node 9 does not exist", []string{"migrate", pid, "9"}},
		badInput{"node 9 does not answer", []string{"sh", "1", "migrate " + pid + " 9"}},
		badInput{"process " + nobody + ": no node claims it", []string{"kill", nobody}},
		badInput{"process " + nobody + ": no node claims it", []string{"sh", "1", "kill " + nobody}},
		badInput{"not a signal", []string{"kill", "-s", "NOTHING", pid}},
		badInput{"not a signal", []string{"sh", "1", "kill -s NOTHING " + pid}},
	)
	c.ok("node", "kill", "2")
	bad(
		badInput{"node 2 is off", []string{"migrate", pid, "2"}},
		badInput{"node 2 ", []string{"sh", "1", "migrate " + pid + " 2"}},
		badInput{"node 2 is off", []string{"drain", "2"}},
		badInput{"node 2", []string{"sh", "1", "drain 2"}},
	)
	// That a node is there and hears nothing is found out by asking it only.
	c.ok("bridge", "--partition", "1,host/3")
	c.fails("node 3 ", "migrate", pid, "3")
	c.ok("bridge", "--heal")
	bad()
	c.ok("migrate", pid, "3")
	checkLines(t, c.ok("logs", pid))
}

// badInput is a command that is to be refused, and what it must say.
type badInput struct {
	why  string
	args []string
}

// A cluster that is told to stop, in whatever way, leaves nothing.
func TestCLI_Interrupted(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			c := newMotile(t, 1)
			p := c.at("up", "-n", "1", "--attach")
			p.toPrompt()
			p.cmd.Process.Signal(sig)
			p.exit()
			c.leavesNothing()
		})
	}
	t.Run("while booting", func(t *testing.T) {
		c := newMotile(t, 2)
		cmd := c.command("up", "-n", "2")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.await("a QEMU", func() bool { return len(processesThatName(c.dir+"/sock/n1.net")) > 0 || cmd.ProcessState != nil })
		cmd.Process.Signal(os.Interrupt)
		c.ends(cmd.Wait(), cmd.Args)
		if cmd.ProcessState.ExitCode() != 0 { // or it was quicker than we
			c.leavesNothing()
		}
	})
	t.Run("daemon killed", func(t *testing.T) {
		c := newMotile(t, 1)
		up := facts[cluster.Status](c, "up", "-n", "1")
		syscall.Kill(up.PID, syscall.SIGKILL)
		c.await("the QEMU is gone with it", func() bool { return len(processesThatName(c.dir+"/sock")) == 0 })
		c.await("the daemon is gone too", func() bool { return strings.Contains(c.motile(nil, "ps").err, "no cluster runs in") })
		c.ok("up", "-n", "1") // what was left does not disturb
		c.says([]string{"running"}, "nodes")
	})
	t.Run("folder removed", func(t *testing.T) {
		c := newMotile(t, 1)
		c.ok("up", "-n", "1")
		if err := os.RemoveAll(c.dir); err != nil {
			t.Fatal(err)
		}
		c.await("everything ends", func() bool { return len(processesThatName(c.dir+"/")) == 0 })
	})
}

// Where a cluster cannot be, it says so.
func TestCLI_Folders(t *testing.T) {
	c := newMotile(t, 2)
	c.ok("up", "-n", "1")
	c.fails("already runs in "+c.dir, "up", "-n", "1")
	c.says([]string{"running"}, "nodes")
	c.fails("already runs in "+c.dir, "up", "-n", "1", "--attach")
	c.ok("down")
	if err := os.WriteFile(filepath.Join(c.dir, "state.json"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(c.dir, "sock"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.ok("up", "-n", "1")
	c.ok("down")
	c.leavesNothing()

	long := *c
	long.dir = filepath.Join(c.dir, strings.Repeat("a path too long for sockets/", 6), "c")
	long.ok("up", "-n", "1")
	long.ok("sh", "1", "true")
	long.ok("down")
	long.leavesNothing()

	file := *c
	file.dir = filepath.Join(c.dir, "key")
	file.fails("key", "up", "-n", "1")
	c.fails("/nowhere: no such file", "up", "--kernel", "/nowhere")
}

// Help says what there is.
func TestCLI_Help(t *testing.T) {
	c := newMotile(t, 0)
	top := c.ok("--help")
	for _, command := range []string{"up", "down", "node add", "node kill", "node restart", "nodes", "ps", "sh", "run", "put", "get", "logs", "wait", "kill",
		"stun", "migrate", "drain", "resolve", "cap", "console", "bridge", "capture"} {
		if !strings.Contains(top, "\n  "+command) {
			t.Errorf("help does not list %s", command)
		}
		c.says([]string{"Usage: motile " + command, "--dir"}, append(strings.Fields(command), "-h")...)
	}
	if r := c.motile(nil, "fly"); r.status != 2 || !strings.Contains(r.err, "fly") {
		t.Errorf("%+v", r)
	}
	if r := c.motile(nil); r.status != 2 {
		t.Errorf("%+v", r)
	}
}

// What takes long is not silent, and a command that waits ends when it is told to.
func TestCLI_Wait_Interrupted(t *testing.T) {
	c := newMotile(t, 1)
	c.ok("up", "-n", "1")
	pid := fmt.Sprint(c.start(1, c.guest("counter"), "0", "20"))
	for _, args := range [][]string{{"wait", pid}, {"logs", "-f", pid}} {
		cmd := c.command(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(500*time.Millisecond, func() { cmd.Process.Signal(os.Interrupt) })
		c.ends(cmd.Wait(), args)
		if cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%q: %v", args, cmd.ProcessState)
		}
	}
	if p := c.process(parsePID(t, pid)); p.State == "zombie" {
		t.Errorf("%+v", p)
	}
}
