package client_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/client/clienttest"
)

func setUp() (*clienttest.Fake, *client.Client) {
	f := clienttest.New()
	return f, client.New(f, f.Key)
}

// says checks that an error has all of the words in it.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("%q does not say %q", err, w)
		}
	}
}

func TestErrors_NameTheObjectAndTheRemedy(t *testing.T) {
	f, c := setUp()
	ctx := t.Context()
	_, err := c.Node(4).Load(ctx)
	says(t, err, "node 4: does not answer", "motile nodes")
	if !client.Gone(err) || client.Lost(err) {
		t.Error("neither gone nor lost")
	}
	_, err = c.Process(1000007).Info(ctx)
	says(t, err, "process 1000007: no node claims it", "has ended", "its node is down")

	status := std.OK
	f.Process(7, func(*std.Header, []byte) (any, std.Status) { return nil, status })
	owner := f.Key.ProcessCap(7)
	weak, _ := capability.Restrict(owner, capability.PSRRead)
	for _, test := range []struct {
		status std.Status
		words  string
	}{
		{std.Denied, "lacks PSR_KILL"},
		{std.CapBad, "does not fit"},
		{std.ComBad, "of different versions"},
		{std.NotNow, "on its way"},
		{std.RPCFailure, "was lost"},
		{std.NoMem, "no memory"},
		{std.Status(-4711), "-4711"},
	} {
		status = test.status
		err := c.ProcessWith(weak).Signal(ctx, 15)
		says(t, err, "process 7: ", test.words)
		if !errors.Is(err, test.status) {
			t.Errorf("%v is not %v", err, test.status)
		}
	}
	expired, cancel := context.WithTimeout(ctx, 0)
	defer cancel()
	_, err = client.New(slow{}, f.Key).Node(1).Load(expired)
	says(t, err, "node 1: did not answer in time")
}

// slow never answers.
type slow struct{}

func (slow) Call(ctx context.Context, _ *std.Header, _ []byte) (std.Header, []byte, error) {
	<-ctx.Done()
	return std.Header{}, nil, ctx.Err()
}

func TestExec_SaysWhyNot(t *testing.T) {
	f, c := setUp()
	f.Node(2, func(h *std.Header, data []byte) (any, std.Status) {
		if h.Command != api.Exec || clienttest.Decode[api.ExecRequest](data).Path != "/bin/x" {
			return nil, std.ComBad
		}
		return api.ExecReply{Errno: int(syscall.ENOENT)}, std.OK
	})
	_, err := c.Node(2).Exec(t.Context(), &api.ExecRequest{Path: "/bin/x", Args: []string{"x"}})
	says(t, err, "node 2: /bin/x: no such file", "motile run FILE")
	if !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
}

// A process that moves answers NOTNOW to those who wait; one whose node dies does
// not answer at all.
func TestWait_FollowsTheProcess(t *testing.T) {
	f, c := setUp()
	answers := []std.Status{std.NotNow, std.RPCFailure, std.NotNow, std.OK}
	f.Process(7, func(h *std.Header, _ []byte) (any, std.Status) {
		s := answers[0]
		answers = answers[1:]
		return api.WaitReply{Status: 3 << 8}, s
	})
	status, err := c.Process(7).Wait(t.Context())
	if err != nil || client.ExitStatus(status) != 3 || client.Ending(status) != "exit status 3" {
		t.Fatal(status, err)
	}
	if _, err = c.Process(8).Wait(t.Context()); !client.Gone(err) {
		t.Fatal(err)
	}
	f.Process(9, func(*std.Header, []byte) (any, std.Status) { return nil, std.NotNow })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err = c.Process(9).Wait(ctx); err == nil {
		t.Fatal("waits no more, and says nothing")
	}
}

func TestLog_SaysWhereItBegins(t *testing.T) {
	f, c := setUp()
	moved := false
	f.Process(7, func(h *std.Header, _ []byte) (any, std.Status) {
		if !moved {
			moved = true
			return nil, std.NotNow
		}
		if h.Offset != 10 || h.Size != 100 || h.Extra != 1 {
			t.Errorf("%+v", h)
		}
		return clienttest.Reply{Header: std.Header{Offset: 50}, Data: []byte("later")}, std.OK
	})
	text, first, err := c.Process(7).Log(t.Context(), 10, 100, true)
	if string(text) != "later" || first != 50 || err != nil {
		t.Fatalf("%q %d %v", text, first, err)
	}
	f.Process(8, func(h *std.Header, _ []byte) (any, std.Status) { return nil, std.NotFound })
	_, _, err = c.Process(8).Log(t.Context(), 0, 1, false)
	says(t, err, "process 8: has no log", "detached")
}

func TestMigrate_FollowsAndExplains(t *testing.T) {
	f, c := setUp()
	at := 1 // where the process says it is
	f.Process(7, func(h *std.Header, _ []byte) (any, std.Status) { return api.ProcessInfo{PID: 7, Node: at}, std.OK })
	f.Node(1, func(h *std.Header, data []byte) (any, std.Status) {
		return api.MigrateReply{PID: 7, Node: 2, Elsewhere: true}, std.OK
	})
	f.Node(2, func(h *std.Header, data []byte) (any, std.Status) {
		q := clienttest.Decode[api.MigrateRequest](data)
		if q.PID != 7 || q.Strategy != "copy" || !q.Residual {
			t.Errorf("%+v", q)
		}
		owner, ok := capability.Decode(q.Cap)
		if !ok || owner != f.Key.ProcessCap(7) {
			return nil, std.Denied
		}
		return api.MigrateReply{PID: 7, Node: q.Target}, std.OK
	})
	m := client.Move{Target: 3, Strategy: "copy", Residual: true}
	r, err := c.Process(7).Migrate(t.Context(), m)
	if err != nil || r.Node != 3 {
		t.Fatal(r, err)
	}
	weak, _ := capability.Restrict(f.Key.ProcessCap(7), capability.PSRRead)
	_, err = c.ProcessWith(weak).Migrate(t.Context(), m)
	says(t, err, "process 7: the capability lacks PSR_MIGRATE")

	_, err = c.Process(7).Migrate(t.Context(), client.Move{Target: 3, Strategy: "magic"})
	says(t, err, `no strategy "magic"`, "copy")

	f.Node(2, func(*std.Header, []byte) (any, std.Status) {
		return api.MigrateReply{Error: "no room on node 3"}, std.OK
	})
	_, err = c.Process(7).Migrate(t.Context(), m)
	says(t, err, "process 7: no room on node 3")

	f.Node(2, func(*std.Header, []byte) (any, std.Status) { return api.MigrateReply{Elsewhere: true, Node: 1}, std.OK })
	_, err = c.Process(7).Migrate(t.Context(), m)
	says(t, err, "leaves every node")
}

// A node that had the process does not always know where it is now.
func TestMigrate_AsksAgainWhereItIs(t *testing.T) {
	f, c := setUp()
	at, state := 1, "S"
	f.Process(7, func(*std.Header, []byte) (any, std.Status) {
		return api.ProcessInfo{PID: 7, Node: at, State: state}, std.OK
	})
	f.Node(1, func(*std.Header, []byte) (any, std.Status) {
		at = 2
		return api.MigrateReply{PID: 7, Elsewhere: true}, std.OK
	})
	f.Node(2, func(*std.Header, []byte) (any, std.Status) {
		at, state = 1, "zombie"
		return api.MigrateReply{PID: 7, Node: 3}, std.OK
	})
	if r, err := c.Process(7).Migrate(t.Context(), client.Move{Target: 3}); err != nil || r.Node != 3 {
		t.Fatal(r, err)
	}
	_, err := c.Process(7).Migrate(t.Context(), client.Move{Target: 3})
	says(t, err, "process 7: it has ended")
}

// Of those that are to move together the first may end just then: the others move.
func TestMigrateTogether_FirstEnds(t *testing.T) {
	f, c := setUp()
	states := map[int32]string{7: "S", 8: "S", 9: "S"}
	for pid := range states {
		f.Process(pid, func(*std.Header, []byte) (any, std.Status) {
			return api.ProcessInfo{PID: pid, Node: 1, State: states[pid]}, std.OK
		})
	}
	f.Node(1, func(h *std.Header, data []byte) (any, std.Status) {
		q := clienttest.Decode[api.MigrateRequest](data)
		if q.PID == 7 {
			states[7] = "zombie"
			return api.MigrateReply{PID: 7, Error: "process 7 has ended"}, std.OK
		}
		return api.MigrateReply{PID: q.PID, Node: 2, Processes: []int32{8, 9}}, std.OK
	})
	var told []int32
	c.MigrateTogether(t.Context(), []*client.Process{c.Process(7), c.Process(8), c.Process(9)}, client.Move{Target: 2}, func(who []*client.Process, r api.MigrateReply, err error) {
		if err != nil || r.Node != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		for _, p := range who {
			told = append(told, p.PID)
		}
	})
	if !slices.Equal(told, []int32{8, 9}) {
		t.Error(told)
	}
}

func TestSignalGroup_EachMemberOnce(t *testing.T) {
	f, c := setUp()
	group := func(pids ...int32) clienttest.Handler {
		return func(h *std.Header, _ []byte) (any, std.Status) {
			if h.Command != api.Group || h.Offset != 10 {
				t.Errorf("%+v", h)
			}
			return api.GroupReply{PIDs: pids}, std.OK
		}
	}
	f.Node(1, group(10, 11))
	f.Node(2, group(11, 12)) // 11 is on its way
	for _, pid := range []int32{10, 11, 12} {
		f.Process(pid, func(h *std.Header, data []byte) (any, std.Status) {
			f.Log("%d gets %d", pid, clienttest.Decode[api.SignalRequest](data).Signo)
			return nil, std.OK
		})
	}
	c.SignalGroup(t.Context(), []int{1, 2, 3}, 10, 2)
	got := f.Logged()
	slices.Sort(got)
	if !slices.Equal(got, []string{"10 gets 2", "11 gets 2", "12 gets 2"}) {
		t.Fatal(got)
	}
}

// store is a node that takes files.
type store struct {
	got    []byte
	pieces int
	path   string
}

func (s *store) put(h *std.Header, data []byte) (any, std.Status) {
	q := clienttest.Decode[api.PutFileRequest](data)
	s.path = q.Path
	s.pieces++
	if int(h.Offset) == len(s.got) {
		s.got = append(s.got, q.Data...)
	}
	return api.PutFileReply{Have: int64(len(s.got)) == q.Size, Got: int64(len(s.got))}, std.OK
}

func TestPutFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	for _, test := range []struct {
		name   string
		has    int
		pieces int
	}{
		{"nothing is there", 0, 4}, // a question, and three pieces
		{"a part is there", 150_000, 3},
		{"all is there", len(content), 1},
	} {
		f, c := setUp()
		s := &store{got: slices.Clone(content[:test.has])}
		f.Node(1, s.put)
		file, err := client.NewFile(bytes.NewReader(content))
		if err != nil || file.Size != int64(len(content)) {
			t.Fatal(file, err)
		}
		if err := c.Node(1).PutFile(t.Context(), file, file.Place("prog")); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.got, content) || s.pieces != test.pieces {
			t.Errorf("%s: %d bytes in %d pieces", test.name, len(s.got), s.pieces)
		}
		if !strings.HasPrefix(s.path, "/run/motile/") || !strings.HasSuffix(s.path, "/prog") {
			t.Error(s.path)
		}
	}
	f, c := setUp()
	f.Node(1, func(*std.Header, []byte) (any, std.Status) { return api.PutFileReply{Got: 1 << 40}, std.OK })
	file, _ := client.NewFile(bytes.NewReader(content))
	says(t, c.Node(1).PutFile(t.Context(), file, "/x"), "node 1: /x: it claims")
}

func TestObject_Restrict(t *testing.T) {
	f, c := setUp()
	owner := f.Key.ProcessCap(7)
	weak, err := c.Object(owner).Restrict(t.Context(), capability.PSRRead)
	if err != nil || weak.Rights != capability.PSRRead { // nobody was asked
		t.Fatal(weak, err)
	}
	f.Process(7, func(h *std.Header, _ []byte) (any, std.Status) {
		r := clienttest.Reply{}
		r.Header.SetCapability(capability.Capability{Port: h.Port, Object: h.Object, Rights: capability.Rights(h.Offset) & h.Rights})
		return r, std.OK
	})
	weaker, err := c.Object(weak).Restrict(t.Context(), capability.PSRKill)
	if err != nil || weaker.Rights != 0 {
		t.Fatal(weaker, err)
	}
	f.Process(7, func(h *std.Header, _ []byte) (any, std.Status) { return nil, std.Denied })
	_, err = c.Object(weak).Text(t.Context(), std.Info)
	says(t, err, "object ", "lacks a right")
}

func TestSignals(t *testing.T) {
	for text, want := range map[string]int{"TERM": 15, "sigkill": 9, "9": 9, "0": 0, "64": 64, "usr1": 10} {
		if n, err := client.ParseSignal(text); n != want || err != nil {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "65", "-1", "SIG", "HUPP"} {
		if _, err := client.ParseSignal(text); err == nil {
			t.Errorf("%q is a signal", text)
		}
	}
	for n, want := range map[int]string{9: "SIGKILL", 40: "signal 40", 0: "signal 0"} {
		if got := client.SignalName(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if got := client.Ending(9); got != "killed by SIGKILL" || client.ExitStatus(9) != 137 {
		t.Error(got)
	}
}
