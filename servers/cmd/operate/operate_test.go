package operate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/client/clienttest"
	"motile/servers/cmd/operate"
)

// bench is a cluster that exists in memory, and what commands print about it.
type bench struct {
	*clienttest.Fake
	*operate.Env
	t        *testing.T
	out, err *bytes.Buffer
}

func setUp(t *testing.T, nodes ...int) *bench {
	b := &bench{Fake: clienttest.New(), t: t, out: new(bytes.Buffer), err: new(bytes.Buffer)}
	b.Env = &operate.Env{Client: client.New(b.Fake, b.Key), Out: b.out, Err: b.err,
		Nodes: func(context.Context) ([]int, error) { return nodes, nil }}
	return b
}

// prints compares what was printed, and forgets it.
func (b *bench) prints(want string) {
	b.t.Helper()
	if got := b.out.String(); got != want {
		b.t.Errorf("printed\n%swant\n%s", got, want)
	}
	b.out.Reset()
}

func (b *bench) list(node int, processes ...api.ProcessInfo) {
	b.Node(node, func(h *std.Header, _ []byte) (any, std.Status) {
		switch h.Command {
		case api.List:
			return api.ListReply{Node: node, Processes: processes}, std.OK
		case api.GetLoad:
			return api.Load{Node: node, FreeKB: 1000 * node}, std.OK
		}
		return nil, std.ComBad
	})
}

func TestPs(t *testing.T) {
	b := setUp(t, 1, 2)
	b.list(1, api.ProcessInfo{PID: 1000007, PGID: 1000007, Node: 1, Trail: []int{1, 2, 1}, Threads: 4, SizeKB: 2345, State: "R", CPUms: 12_340,
		Moves: 2, Command: "counter 0", Residuals: []string{"node 2: /dev/console (fd 0)"}, Comment: "mine", Missing: map[uint32]int{300: 2, 9: 1}})
	b.list(2, api.ProcessInfo{PID: 1000001, Node: 2, Trail: []int{1, 2}, Threads: 1, SizeKB: 12, State: "S", CPUms: 5, Moves: 1, Command: "-sh"},
		api.ProcessInfo{PID: 2000001, Node: 2, Trail: []int{2}, State: "zombie", Status: 9, Command: "gone"})
	if err := b.Ps(t.Context(), operate.PsOptions{}); err != nil {
		t.Fatal(err)
	}
	b.prints(`PID      NODE  TRAIL  THREADS  SIZE     STATE  CPU    MOVES  COMMAND
1000001  2     1→2    1        12 kB    S      0.01s  1      -sh
1000007  1     1→2→1  4        2.29 MB  R      12.3s  2      counter 0  [needs node 2: /dev/console (fd 0)]  [mine]
`)
	if err := b.Ps(t.Context(), operate.PsOptions{Ended: true, Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if s := b.out.String(); !strings.Contains(s, "ended") || !strings.Contains(s, "gone  [killed by SIGKILL]") || !strings.Contains(s, "[calls that are not there: 9 (1 times), 300 (2 times)]") {
		t.Error(s)
	}
	b.out.Reset()
	b.JSON = true
	if err := b.Ps(t.Context(), operate.PsOptions{}); err != nil {
		t.Fatal(err)
	}
	var list []api.ProcessInfo
	if err := json.Unmarshal(b.out.Bytes(), &list); err != nil || len(list) != 2 || list[1].Trail[1] != 2 {
		t.Fatal(list, err)
	}
}

// A node that does not answer costs its own processes only, and the exit status.
func TestPs_WithoutANode(t *testing.T) {
	b := setUp(t, 1, 2, 3)
	b.list(2, api.ProcessInfo{PID: 2000001, Node: 2, State: "S", Command: "sh"})
	err := b.Ps(t.Context(), operate.PsOptions{})
	if err == nil || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(b.err.String(), "does not answer") || !strings.Contains(b.out.String(), "2000001") {
		t.Fatal(err, b.err, b.out)
	}
	b = setUp(t)
	b.JSON = true
	if err := b.Ps(t.Context(), operate.PsOptions{}); err != nil {
		t.Fatal(err)
	}
	b.prints("[]\n")
}

func TestMigrate(t *testing.T) {
	b := setUp(t, 1, 2)
	b.Fake.Process(7, func(*std.Header, []byte) (any, std.Status) { return api.ProcessInfo{PID: 7, Node: 1}, std.OK })
	reply := api.MigrateReply{PID: 7, Node: 2, Report: api.MoveReport{NegotiateUs: 1000, FreezeUs: 20500, TransferUs: 8000,
		CommitUs: 900, FirstRunUs: 400, TotalUs: 21500, Bytes: 5 << 20, Pages: 1280, FilePages: 300, ZeroPages: 20, StateBytes: 3000}}
	b.Node(1, func(*std.Header, []byte) (any, std.Status) { return reply, std.OK })
	p := b.Client.Process(7)
	if err := b.Migrate(t.Context(), p, client.Move{Target: 2}); err != nil {
		t.Fatal(err)
	}
	b.prints(`process 7 is on node 2: 21.50 ms in all, frozen for 20.50 ms
  negotiate 1.00 ms, precopy 0.00 ms, freeze 20.50 ms, transfer 8.00 ms, commit 0.90 ms, first run 0.40 ms
  1280 pages sent (5 MB), 300 found there, 20 of zeros; state 2.93 kB
`)
	reply.Processes, reply.Report.SharedPages = []int32{7, 8, 11}, 40
	if err := b.Migrate(t.Context(), p, client.Move{Target: 2, Tree: true}); err != nil {
		t.Fatal(err)
	}
	if s := b.out.String(); !strings.HasPrefix(s, "processes 7, 8, 11 are on node 2: ") || !strings.Contains(s, "20 of zeros, 40 shared; state") {
		t.Error(s)
	}
	b.out.Reset()
	reply = api.MigrateReply{PID: 7, Node: 1}
	if err := b.Migrate(t.Context(), p, client.Move{Target: 1}); err != nil {
		t.Fatal(err)
	}
	b.prints("process 7 is on node 1 already\n")
	b.JSON = true
	reply.Report.FreezeUs = 5
	if err := b.Migrate(t.Context(), p, client.Move{Target: 1}); err != nil || !strings.Contains(b.out.String(), `"freeze_us": 5`) {
		t.Fatal(err, b.out)
	}
}

func TestExplain(t *testing.T) {
	b := setUp(t, 1, 2)
	b.Fake.Process(7, func(*std.Header, []byte) (any, std.Status) { return api.ProcessInfo{PID: 7, Node: 1}, std.OK })
	reply := api.ExplainReply{PID: 7, Node: 1, Target: 2, Processes: []int32{7}, Report: api.MoveReport{Strategy: "copy", NegotiateUs: 1000, PrecopyUs: 2000, FreezeUs: 20500,
		TransferUs: 19500, CommitUs: 1000, TotalUs: 23500, Bytes: 5 << 20, Pages: 1280, FilePages: 300, ZeroPages: 20, StateBytes: 3000},
		Files: []api.ExplainFile{{Path: "/tmp/x", Size: 4096}}}
	b.Node(1, func(h *std.Header, _ []byte) (any, std.Status) {
		if h.Command != api.Explain {
			return nil, std.ComBad // a move, above all
		}
		return reply, std.OK
	})
	all := []*client.Process{b.Client.Process(7)}
	if err := b.Explain(t.Context(), all, client.Move{Target: 2}); err != nil {
		t.Fatal(err)
	}
	b.prints(`process 7 would move from node 1 to node 2
  1280 pages to send (5 MB), 300 found there, 20 of zeros; state about 2.93 kB
  /tmp/x goes along (4 kB): node 2 lacks it
  by copy: about 23.50 ms in all, precopy 2.00 ms, frozen for 20.50 ms (transfer 19.50 ms, commit 1.00 ms); a guess: nobody has moved from node 1 yet
`)
	reply.Processes, reply.Moves, reply.Files, reply.More, reply.Report.SharedPages = []int32{7, 8}, 3, nil, 2, 40
	reply.Obstacles = []api.Obstacle{{PID: 8, What: "fd 3 (/tmp/x)", Why: "is a writable file"}, {PID: 7, Why: "is moving to node 3 already"},
		{Node: 2, Why: "has 8 KB free"}, {Node: 2, Why: "node 2 does not answer"}}
	if err := b.Explain(t.Context(), all, client.Move{Target: 2, Tree: true}); err == nil || !strings.Contains(err.Error(), "would be refused") {
		t.Fatal(err)
	}
	b.prints(`processes 7, 8 cannot move from node 1 to node 2
  process 8: fd 3 (/tmp/x) is a writable file
  process 7: is moving to node 3 already
  node 2 has 8 KB free
  node 2 does not answer
  and 2 reasons more
  1280 pages to send (5 MB), 300 found there, 20 of zeros, 40 shared; state about 2.93 kB
  by copy: about 23.50 ms in all, precopy 2.00 ms, frozen for 20.50 ms (transfer 19.50 ms, commit 1.00 ms); as the last 3 moves from node 1 were
`)
	b.JSON = true
	if err := b.Explain(t.Context(), all, client.Move{Target: 2}); err == nil || !strings.Contains(b.out.String(), `"what": "fd 3 (/tmp/x)"`) {
		t.Error(err, b.out)
	}
	reply.Error = "is on node 1 already"
	if err := b.Explain(t.Context(), all, client.Move{Target: 1}); err == nil || !strings.Contains(err.Error(), "process 7: is on node 1 already") {
		t.Error(err)
	}
}

// A job is a process group, whose members may be on several nodes. Those on one node
// move as one.
func TestMigrateAll(t *testing.T) {
	b := setUp(t, 1, 2)
	for node, pids := range map[int][]int32{1: {7, 9, 11, 12}, 2: {8, 10, 7}} {
		b.Node(node, func(h *std.Header, data []byte) (any, std.Status) {
			if h.Command == api.Group {
				if h.Offset != 7 {
					return api.GroupReply{}, std.OK
				}
				return api.GroupReply{PIDs: pids}, std.OK
			}
			q := clienttest.Decode[api.MigrateRequest](data)
			r := api.MigrateReply{PID: q.PID, Node: q.Target}
			who := fmt.Sprint(q.PID)
			for _, with := range q.With {
				c, _ := capability.Decode(with)
				who += fmt.Sprintf("+%d", c.Object)
				if c != b.Key.ProcessCap(int32(c.Object)) {
					t.Errorf("process %d goes along with %v", c.Object, c)
				}
			}
			b.Log("%s", who)
			switch {
			case q.PID == 8:
				return api.MigrateReply{Error: "it holds on"}, std.OK
			case len(q.With) > 0:
				r.Processes, r.Report.FreezeUs = []int32{7, 11}, 4000 // 12 has left meanwhile
			}
			return r, std.OK
		})
	}
	for pid, info := range map[int32]api.ProcessInfo{7: {Node: 1}, 8: {Node: 2}, 9: {Node: 1, State: "zombie"}, 11: {Node: 1}, 12: {Node: 1}} { // 10 has ended
		b.Fake.Process(pid, func(*std.Header, []byte) (any, std.Status) { return info, std.OK })
	}
	group, err := b.Targets(t.Context(), -7, "")
	if err != nil || len(group) != 6 || group[3].PID != 10 {
		t.Fatal(group, err)
	}
	if err := b.MigrateAll(t.Context(), group, client.Move{Target: 2}); err == nil || err.Error() != "1 of 4 processes did not move" {
		t.Fatal(err)
	}
	if l := strings.Join(b.Logged(), " "); l != "7+11+12 12 8" || !strings.Contains(b.err.String(), "process 8: it holds on") {
		t.Error(l, b.err)
	}
	if s := b.out.String(); !strings.HasPrefix(s, "processes 7, 11 are on node 2: ") || !strings.HasSuffix(s, "process 12 is on node 2 already\n") {
		t.Error(s)
	}
	b.out.Reset()
	if err := b.MigrateAll(t.Context(), group[2:4], client.Move{Target: 2}); err == nil || !strings.Contains(err.Error(), "have ended") {
		t.Fatal(err)
	}
	b.JSON = true
	if err := b.MigrateAll(t.Context(), group[:1], client.Move{Target: 2}); err != nil || !strings.HasPrefix(b.out.String(), "[\n") {
		t.Fatal(err, b.out)
	}
	if _, err := b.Targets(t.Context(), -8, ""); err == nil || !strings.Contains(err.Error(), "nobody is in it") {
		t.Fatal(err)
	}
	if _, err := b.Targets(t.Context(), -7, "file"); err == nil {
		t.Fatal("one capability for many processes")
	}
}

func TestDrain(t *testing.T) {
	b := setUp(t, 1, 2, 3)
	b.list(2)
	b.list(3)
	for _, pid := range []int32{7, 8} {
		b.Fake.Process(pid, func(*std.Header, []byte) (any, std.Status) { return api.ProcessInfo{PID: pid, Node: 1}, std.OK })
	}
	b.Node(1, func(h *std.Header, data []byte) (any, std.Status) {
		switch h.Command {
		case api.List:
			return api.ListReply{Processes: []api.ProcessInfo{{PID: 7}, {PID: 8}, {PID: 9}, {PID: 10, State: "zombie"}}}, std.OK
		case api.Migrate:
			q := clienttest.Decode[api.MigrateRequest](data)
			b.Log("%d to %d", q.PID, q.Target)
			if q.PID == 8 {
				return api.MigrateReply{Error: "it holds on"}, std.OK
			}
			return api.MigrateReply{PID: q.PID, Node: q.Target}, std.OK
		}
		return nil, std.ComBad
	})
	err := b.Drain(t.Context(), 1, client.Move{})
	if err == nil || err.Error() != "node 1: 1 of its processes did not move" || !strings.Contains(b.err.String(), "process 8: it holds on") {
		t.Fatal(err, b.err)
	}
	if l := b.Logged(); strings.Join(l, ", ") != "7 to 3, 8 to 3" { // 9 has ended, 3 has most room
		t.Error(l)
	}
	b.prints("process 7 is on node 3 (frozen for 0.00 ms)\n")
	alone := setUp(t, 1)
	alone.list(1, api.ProcessInfo{PID: 7})
	if err := alone.Drain(t.Context(), 1, client.Move{}); err == nil || !strings.Contains(err.Error(), "no other node answers") {
		t.Fatal(err)
	}
}

func TestIdlest(t *testing.T) {
	b := setUp(t, 1, 2, 3, 4)
	for node, l := range map[int]api.Load{1: {Runnable: 2, FreeKB: 900}, 2: {Runnable: 0, FreeKB: 100}, 3: {Runnable: 0, FreeKB: 200}} {
		b.Node(node, func(*std.Header, []byte) (any, std.Status) { return l, std.OK })
	}
	if n, err := b.Idlest(t.Context()); n != 3 || err != nil || !strings.Contains(b.err.String(), "node 4") {
		t.Fatal(n, err, b.err)
	}
	if _, err := setUp(t, 9).Idlest(t.Context()); err == nil {
		t.Fatal("nobody is there")
	}
}

func TestResolve(t *testing.T) {
	b := setUp(t, 1, 2)
	for node, state := range map[int]string{1: "in-doubt", 2: "arriving"} {
		b.Node(node, func(h *std.Header, data []byte) (any, std.Status) {
			if h.Command == api.Resolve {
				b.Log("node %d: %+v", node, clienttest.Decode[api.ResolveRequest](data))
				return nil, std.OK
			}
			return api.ListReply{Processes: []api.ProcessInfo{{PID: 7, Node: node, State: state}, {PID: 8, Node: node, State: "R"}}}, std.OK
		})
	}
	if err := b.Resolve(t.Context(), 8, true); err == nil || !strings.Contains(err.Error(), "in doubt") {
		t.Fatal(err)
	}
	if err := b.Resolve(t.Context(), 7, false); err != nil {
		t.Fatal(err)
	}
	b.prints("process 7: the copy on node 1 dropped\nprocess 7: the copy on node 2 dropped\n")
	b.JSON = true
	if err := b.Resolve(t.Context(), 7, true); err != nil || !strings.Contains(b.out.String(), `"what": "goes on"`) {
		t.Fatal(err, b.out)
	}
	if l := b.Logged(); len(l) != 4 {
		t.Error(l)
	}
}

func TestKill_GoesOn(t *testing.T) {
	b := setUp(t, 1)
	b.Fake.Process(8, func(h *std.Header, data []byte) (any, std.Status) {
		b.Log("%d", clienttest.Decode[api.SignalRequest](data).Signo)
		return nil, std.OK
	})
	all := []int32{7, 8, 9}
	err := b.Kill(t.Context(), "int", all, "")
	if err == nil || !strings.Contains(err.Error(), "process 9") || !strings.Contains(b.err.String(), "process 7") {
		t.Fatal(err, b.err)
	}
	if l := b.Logged(); len(l) != 1 || l[0] != "2" {
		t.Error(l)
	}
	if err := b.Kill(t.Context(), "nonsense", all, ""); err == nil || len(b.Logged()) > 0 {
		t.Fatal(err)
	}
	// A member of a group that has ended needs no signal.
	b.Node(1, func(*std.Header, []byte) (any, std.Status) { return api.GroupReply{PIDs: []int32{7, 8}}, std.OK })
	if err := b.Kill(t.Context(), "HUP", []int32{-7}, ""); err != nil {
		t.Fatal(err)
	}
	if l := b.Logged(); len(l) != 1 || l[0] != "1" {
		t.Error(l)
	}
	operate.SignalList(b.out)
	if s := b.out.String(); !strings.Contains(s, " 9 KILL") || !strings.HasSuffix(s, "\n") {
		t.Error(s)
	}
}

func TestLogs(t *testing.T) {
	b := setUp(t, 1)
	pieces := []string{"later ", "output\n"}
	b.Fake.Process(7, func(h *std.Header, _ []byte) (any, std.Status) {
		at, text := uint64(10), ""
		if h.Offset >= 10 {
			at = h.Offset
		}
		if len(pieces) > 0 {
			text, pieces = pieces[0], pieces[1:]
		}
		return clienttest.Reply{Header: std.Header{Offset: at}, Data: []byte(text)}, std.OK
	})
	if err := b.Logs(t.Context(), b.Client.Process(7), true); err != nil {
		t.Fatal(err)
	}
	b.prints("later output\n")
	if s := b.err.String(); s != "motile: process 7: 10 B of its output are not kept any more\n" {
		t.Error(s)
	}
}

func TestWait(t *testing.T) {
	b := setUp(t, 1)
	b.Fake.Process(7, func(*std.Header, []byte) (any, std.Status) { return api.WaitReply{Status: 2}, std.OK })
	if s, err := b.Wait(t.Context(), b.Client.Process(7)); s != 130 || err != nil {
		t.Fatal(s, err)
	}
	b.prints("")
	b.JSON = true
	if _, err := b.Wait(t.Context(), b.Client.Process(7)); err != nil || !strings.Contains(b.out.String(), `"killed by SIGINT"`) {
		t.Fatal(err, b.out)
	}
}

func TestCapabilities(t *testing.T) {
	b := setUp(t, 1)
	if err := b.Cap(7, capability.PSRRead|capability.PSRMigrate); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cap")
	if err := os.WriteFile(file, b.out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := b.Env.Process(7, file)
	if err != nil || p.Capability().Rights != capability.PSRRead|capability.PSRMigrate {
		t.Fatal(p, err)
	}
	if _, err := b.Env.Process(8, file); err == nil || !strings.Contains(err.Error(), "for process 7, not for 8") {
		t.Fatal(err)
	}
	if _, err := b.Env.Process(7, file+"x"); err == nil {
		t.Fatal("no file")
	}
	os.WriteFile(file, []byte("nonsense"), 0o600)
	if _, err := b.Env.Process(7, file); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatal(err)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int32{"1000007": 1000007, "1": 1} {
		if n, err := operate.ParsePID(text); n != want || err != nil {
			t.Error(n, err)
		}
	}
	for text, want := range map[string]string{"%1": "$!", "x": "motile ps", "-5": "motile ps", "": "motile ps"} {
		if _, err := operate.ParsePID(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if id, err := operate.ParseTarget("-1000007"); id != -1000007 || err != nil {
		t.Error(id, err)
	}
	if _, err := operate.ParseTarget("--7"); err == nil {
		t.Error("two signs")
	}
	for _, text := range []string{"0", "501", "n1", ""} {
		if _, err := operate.ParseNode(text); err == nil {
			t.Errorf("%q is a node", text)
		}
	}
	for bytes, want := range map[int64]string{0: "0 B", 999: "999 B", 1024: "1 kB", 1536 << 10: "1.5 MB", 3 << 30: "3 GB"} {
		if got := operate.Size(bytes); got != want {
			t.Errorf("%d: %s", bytes, got)
		}
	}
	for ms, want := range map[int64]string{5: "0.01s", 9990: "9.99s", 12_345: "12.3s", 3_661_000: "1h1m1s"} {
		if got := operate.Duration(ms); got != want {
			t.Errorf("%d: %s", ms, got)
		}
	}
}

func (b *bench) std(line string) error {
	b.t.Helper()
	q, err := operate.ParseStd(strings.Fields(line))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Std(context.Background(), q)
}

func TestStd(t *testing.T) {
	b := setUp(t, 1)
	var got []std.Setting
	serve := func(h *std.Header, data []byte) (any, std.Status) {
		switch h.Command {
		case std.Info:
			return "a line", std.OK
		case std.GetParams:
			list := []std.Param{{Name: "slice", Type: "integer", Description: "how long", Value: "2000"}}
			return clienttest.Reply{Header: std.Header{Size: 1}, Data: std.AppendParams(nil, list)}, std.OK
		case std.SetParams:
			var err error
			if got, err = std.DecodeSettings(data, h.Size); err != nil {
				t.Error(err)
			}
			return nil, std.NotFound
		case std.Copy:
			c := b.Key.ProcessCap(8)
			return string(c.Append(nil)), std.OK
		case std.Touch:
			return nil, std.OK
		}
		return nil, std.ComBad
	}
	b.Node(2, serve)
	b.Fake.Process(7, serve)
	for _, of := range []string{"7", "node2", b.Key.NodeCap(2).String()} {
		if err := b.std("info " + of); err != nil {
			t.Error(err)
		}
		b.prints("a line\n")
	}
	b.JSON = true
	if err := b.std("info 7"); err != nil {
		t.Error(err)
	}
	b.prints("{\n  \"text\": \"a line\"\n}\n")
	if err := b.std("params node2"); err != nil {
		t.Error(err)
	}
	b.prints("[\n  {\n    \"name\": \"slice\",\n    \"type\": \"integer\",\n    \"description\": \"how long\",\n    \"value\": \"2000\"\n  }\n]\n")
	b.JSON = false
	if err := b.std("getparams node2"); err != nil {
		t.Error(err)
	}
	b.prints("NAME   VALUE  TYPE     DESCRIPTION\nslice  2000   integer  how long\n")
	if err := b.std("setparams node2 slice=5 a=b=c"); err == nil || !strings.Contains(err.Error(), "no parameter of that name") {
		t.Error(err)
	}
	if len(got) != 2 || got[1] != (std.Setting{Name: "a", Value: "b=c"}) {
		t.Errorf("%q", got)
	}
	if err := b.std("copy 7"); err != nil {
		t.Error(err)
	}
	b.prints(b.Key.ProcessCap(8).String() + "\n")
	weak, _ := capability.Restrict(b.Key.ProcessCap(7), capability.PSRRead)
	if err := b.std("restrict read 7"); err != nil { // the owner's: nobody is asked
		t.Error(err)
	}
	b.prints(weak.String() + "\n")
	if err := b.std("touch 7"); err != nil {
		t.Error(err)
	}
	if err := b.std("age 7"); err == nil || !strings.Contains(err.Error(), "no sense for such an object") {
		t.Error(err)
	}
	if err := b.std("info node501"); err == nil || !strings.Contains(err.Error(), "501") {
		t.Error(err)
	}
	b.prints("")
}
