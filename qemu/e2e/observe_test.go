package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"motile/ipc/capability"
	"motile/proc/api"
	"motile/servers/cmd/operate/metricstest"
)

// What nodes say of themselves to who watches them: profiles, metrics, traces of moves.
func TestObserve(t *testing.T) {
	t.Parallel()
	c := newMotile(t, 2)
	c.ok("up", "-n", "2", "-m", "112")
	t.Run("profile of programs", c.sub(testProfilePrograms))
	t.Run("profile of the kernel", c.sub(testProfileKernel))
	t.Run("profile of an idle node", c.sub(testProfileIdle))
	t.Run("profile refused", c.sub(testProfileRefused))
	t.Run("trace", c.sub(testTrace))
	t.Run("metrics", c.sub(testMetrics))
	c.ok("down")
	c.leavesNothing()
}

// profiled profiles a node, and returns what go tool pprof would read.
func (c *motileCluster) profiled(node string) (file string, p *profile.Profile) {
	c.t.Helper()
	file = filepath.Join(c.t.TempDir(), "x.pprof")
	c.ok("profile", "--seconds", "2", "--period", "1ms", "-o", file, node)
	f, err := os.Open(file)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	p, err = profile.Parse(f)
	if err == nil {
		err = p.CheckValid()
	}
	if err != nil {
		c.t.Fatalf("%s: %v", file, err)
	}
	return file, p
}

// A program that computes has most of the samples, under its pid and its command; and go
// tool pprof itself says so.
func testProfilePrograms(t *testing.T, c *motileCluster) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	pid := c.start(1, busybox, "sh", "-c", "while :; do :; done")
	file, p := c.profiled("1")
	own, all := int64(0), int64(0)
	for _, s := range p.Sample {
		all += s.Value[0]
		if slices.Equal(s.Label["pid"], []string{fmt.Sprint(pid)}) && strings.Contains(s.Label["command"][0], "while :") && s.Location[0].Address < 1<<47 {
			own += s.Value[0]
		}
	}
	if all < 300 || own < all/2 {
		t.Errorf("%d samples, %d of process %d", all, own, pid)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[user mode] busybox") || !strings.Contains(string(out), "motile/kernel/node.(*Node).Run") {
		t.Errorf("%v\n%s", err, out)
	}
	c.ok("kill", "-s", "KILL", fmt.Sprint(pid))
}

// Null transactions on one node keep the kernel busy: its stacks reach from what it does
// down to the loop that all is done from.
func testProfileKernel(t *testing.T, c *motileCluster) {
	port := capability.Port{7}.String()
	server := c.start(1, c.guest("bench"), "serve", port)
	client := c.start(1, c.guest("bench"), "trans", port, "100", "1000000")
	_, p := c.profiled("1")
	deep, kernel := int64(0), int64(0)
	functions := make(map[string]bool)
	for _, s := range p.Sample {
		if s.Label["pid"] != nil {
			continue
		}
		kernel += s.Value[0]
		var names []string
		for _, l := range s.Location {
			for _, line := range l.Line {
				names = append(names, line.Function.Name)
				functions[line.Function.Name] = true
			}
		}
		if slices.Contains(names, "motile/kernel/node.(*Node).Run") && names[len(names)-1] == "runtime.goexit" {
			deep += s.Value[0]
		}
	}
	if kernel < 50 || deep < kernel/2 {
		t.Errorf("%d samples in the kernel, %d with a whole stack", kernel, deep)
	}
	for _, f := range []string{"motile/kernel/linux.(*Kernel).Syscall", "motile/kernel/node.(*Node).native", "motile/ipc/rpc.(*Machine)."} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(functions)), func(name string) bool { return strings.HasPrefix(name, f) }) {
			t.Errorf("%s is not among %d functions", f, len(functions))
		}
	}
	c.ok("kill", "-s", "KILL", fmt.Sprint(client), fmt.Sprint(server))
}

// A node that has nothing to do is not said to be busy: waiting is no sample.
func testProfileIdle(t *testing.T, c *motileCluster) {
	file := filepath.Join(t.TempDir(), "x.pprof")
	out := c.ok("profile", "--seconds", "2", "-o", file, "2")
	m := regexp.MustCompile(`: (\d+) samples, (\d+) more found the node idle`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal(out)
	}
	busy, _ := strconv.Atoi(m[1])
	idle, _ := strconv.Atoi(m[2])
	if idle < 200 || busy > idle {
		t.Errorf("%d samples of 2 ms busy, %d idle", busy, idle)
	}
}

func testProfileRefused(t *testing.T, c *motileCluster) {
	c.fails("node 7 does not exist", "profile", "7")
	c.fails("want 100µs to 1s", "profile", "--period", "1us", "1")
	c.fails("make builds it", "profile", "--kernel", "/nowhere", "1")
}

// A move there and one back, with what both nodes know of them, on one time axis.
func testTrace(t *testing.T, c *motileCluster) {
	pid := fmt.Sprint(c.start(1, c.guest("counter"), "1000", "100"))
	c.ok("migrate", pid, "2")
	c.ok("migrate", pid, "1")
	file := filepath.Join(t.TempDir(), "x.json")
	if out := c.ok("trace", "-o", file, pid); !strings.Contains(out, "4 ends of moves") {
		t.Error(out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		Events []struct {
			Name, Ph string
			Ts       float64
			Pid, ID  int
		} `json:"traceEvents"`
	}
	if err := json.Unmarshal(text, &trace); err != nil {
		t.Fatal(err)
	}
	tails, last := make(map[int]int), 0.0
	count := make(map[string]int)
	for _, e := range trace.Events {
		count[e.Ph+" "+e.Name]++
		switch e.Ph {
		case "M":
			continue
		case "s":
			tails[e.ID] = e.Pid
		case "f":
			// A head before its tail: the clocks are not aligned.
			if from, ok := tails[e.ID]; !ok || from == e.Pid {
				t.Errorf("arrow %d from node %d to %d", e.ID, from, e.Pid)
			}
		}
		if e.Ts < last || e.Ts < 0 {
			t.Errorf("%+v after %v", e, last)
		}
		last = e.Ts
	}
	for what, n := range map[string]int{"i Freeze": 2, "i first run": 2, "i SendCommit": 2, "X offer": 4, "X commit": 4, "X frozen": 4, "X runs": 4} {
		if count[what] != n {
			t.Errorf("%d times %q, want %d", count[what], what, n)
		}
	}
	if count["X pages"] < 4 || count["s request"] != count["f request"] || count["s request"] < 8 {
		t.Errorf("%v", count)
	}
	list := facts[[]api.TraceReply](c, "trace", "--list")
	if len(list) != 2 || len(list[0].Moves) != 2 || list[0].Moves[0].Outcome != "done" || list[0].Moves[1].Outcome != "active" || list[0].Moves[0].Steps != nil {
		t.Errorf("%+v", list)
	}
	c.says([]string{"NODE", "OUTCOME", pid, "1→2", "2→1", "done", "active", "counter 1000 100"}, "trace", "--list")
	c.fails("no node has a record", "trace", "1999999")
	c.ok("kill", "-s", "KILL", pid)
}

// The test of traces has moved a process there and back.
func testMetrics(t *testing.T, c *motileCluster) {
	read := func(text string) *metricstest.Text {
		t.Helper()
		m, err := metricstest.Read(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		return m
	}
	m := read(c.ok("metrics"))
	for name, want := range map[string]float64{
		`motile_node_up{node="1"}`: 1, `motile_node_up{node="2"}`: 1,
		`motile_moves_begun_total{node="1",direction="out"}`: 1, `motile_moves_committed_total{node="1",direction="out"}`: 1,
		`motile_moves_committed_total{node="1",direction="in"}`: 1, `motile_moves_aborted_total{node="2",direction="out"}`: 0,
		`motile_move_freeze_seconds_count{node="2"}`: 1, `motile_move_freeze_seconds_bucket{node="1",le="+Inf"}`: 1,
	} {
		if got, ok := m.Samples[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{`motile_uptime_seconds{node="1"}`, `motile_memory_free_bytes{node="2"}`, `motile_kernel_heap_bytes{node="1"}`,
		`motile_page_faults_total{node="1"}`, `motile_system_calls_total{node="2"}`, `motile_frames_total{node="1",direction="in"}`,
		`motile_frame_bytes_total{node="1",direction="out"}`, `motile_moved_pages_total{node="1"}`, `motile_moved_bytes_total{node="2"}`,
		`motile_move_freeze_seconds_sum{node="1"}`, `motile_rpc_total{node="1",event="Trans"}`} {
		if m.Samples[name] <= 0 {
			t.Errorf("%s is %v", name, m.Samples[name])
		}
	}
	for name, kind := range m.Kinds {
		if !regexp.MustCompile(`^motile_[a-z_]+$`).MatchString(name) || m.Helps[name] == "" || kind == "" {
			t.Errorf("%s: a %s: %q", name, kind, m.Helps[name])
		}
	}
	inside := read(c.ok("sh", "1", "metrics 2"))
	if _, other := inside.Samples[`motile_node_up{node="1"}`]; other || inside.Samples[`motile_node_up{node="2"}`] != 1 {
		t.Errorf("metrics 2 on node 1 says %v", inside.Samples)
	}
	c.ok("node", "kill", "2")
	if m := read(c.ok("metrics")); m.Samples[`motile_node_up{node="2"}`] != 0 || m.Samples[`motile_node_up{node="1"}`] != 1 {
		t.Errorf("%v", m.Samples)
	}
	c.fails("node 5 does not exist", "metrics", "5")
}
