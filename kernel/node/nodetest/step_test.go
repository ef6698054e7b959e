package nodetest

import (
	"fmt"
	"slices"
	"testing"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc/api"
	"motile/proc/api/movestep"
)

// A fault at every step of a move by its name: where fault_test.go tries every frame,
// here is what must come of each. qemu/e2e does the same with the same steps on real
// nodes.

// mover is who moves in these tests: what it has makes every step necessary.
type mover struct {
	w      *World
	pids   []int32
	out    *Object
	reply  *api.MigrateReply // once the move has ended
	server string            // who carries it
}

// newMover starts a process on node 1, or a tree of three. The target lacks a file that it
// has open, and its log is too long for one message.
func newMover(t *testing.T, tree bool) *mover {
	m := &mover{w: New(t, 2, 11)}
	from := m.w.Nodes[1]
	if tree {
		m.pids, m.out = kinOn(t, m.w)
	} else {
		m.out = m.w.Host.NewObject()
		p := from.Start(counter, nil, from.Remote(m.out))
		m.pids = []int32{p.PID}
		m.w.watch(p.PID)
		m.w.Run(450e6)
	}
	p := from.Tab.Process(m.pids[0])
	log := object.NewLog()
	log.Append(make([]byte, object.LogSize))
	p.FDs.Set(7, object.NewFile(log, object.OWronly, "log:"), false)
	st := vm.NewFile([]byte("only here"), 0, vm.Digest{1})
	if errno := from.K.FS.Install("/only/here", 0o644, st); errno != 0 {
		t.Fatal(errno)
	}
	pl, _ := from.K.FS.Lookup(from.K.FS.Root, "/only/here", true)
	impl, errno := from.K.FS.Open(pl.Node, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	p.FDs.Set(8, object.NewFile(impl, 0, "/only/here"), false)
	return m
}

// order orders the move to node 2.
func (m *mover) order() {
	q := api.MigrateRequest{PID: m.pids[0], Target: 2, Tree: true, Server: m.server}
	m.w.Host.migrate(q, 1, func(r api.MigrateReply) { m.reply = &r })
}

// strike orders the move, and calls f just before the frame of a step is on the wire.
func (m *mover) strike(s movestep.Step, f func()) {
	m.w.T.Helper()
	look, struck := movestep.Spotter{Step: s}, false
	m.w.Watch = func(from int, frame []byte) {
		if !struck && look.Is(from == 1, frame) {
			struck = true
			f()
		}
	}
	m.order()
	m.w.RunUntil(10e9, s.Name, func() bool { return struck })
}

// remain checks that all of it runs on a node, and nothing of it anywhere else; 0: that
// nothing of it is anywhere.
func (m *mover) remain(node int) {
	t := m.w.T
	t.Helper()
	for _, nd := range m.w.Nodes[1:] {
		for _, pid := range m.pids {
			if p := nd.Tab.Process(pid); (p != nil) != (nd.n == node) {
				t.Fatalf("process %d on node %d: %v; all should be on node %d\n%s", pid, nd.n, p != nil, node, m.w.Describe())
			}
		}
	}
	before := len(m.out.Out)
	m.w.Run(1e9)
	switch printed := len(m.out.Out) > before; {
	case printed && node == 0:
		t.Errorf("it is nowhere, and prints %q", m.out.Out[before:])
	case !printed && node != 0:
		t.Errorf("it is on node %d, and silent\n%s", node, m.w.Describe())
	}
	for _, nd := range m.w.Nodes[1:] {
		if s := nd.Leftovers(); s != "" && nd.n != node {
			t.Errorf("node %d: %s", nd.n, s)
		}
	}
	checkLines(t.(*testing.T), m.out.Out)
}

// Each step is seen, once the one before has been; and there are no others.
func TestStep_AllAreOnTheWire(t *testing.T) {
	for _, server := range []string{"kernel", "user"} {
		m := newMover(t, server == "user")
		if server == "user" {
			m.carry()
		}
		look := make([]movestep.Spotter, len(movestep.All))
		for i, s := range movestep.All {
			look[i].Step = s
		}
		var seen []string
		m.w.Watch = func(from int, frame []byte) {
			for i := range look {
				if s := look[i].Step; look[i].Is(from == 1, frame) && !slices.Contains(seen, s.Name) {
					seen = append(seen, s.Name)
				}
			}
			var h flip.Header
			payload, ok := flip.Decode(&h, frame)
			q, isMessage := rpc.Summarize(payload)
			if c := q.Header.Command; ok && isMessage && h.Type == flip.UniData && h.Proto == flip.ProtoRPC && h.Offset == 0 &&
				q.Type == rpc.Request && c >= api.MoveOffer && c < api.ObjectAcquire && c != api.MovePull &&
				!slices.ContainsFunc(movestep.All, func(s movestep.Step) bool { return s.Command == c }) {
				t.Errorf("command %d is no step", c)
			}
		}
		m.order()
		m.w.RunUntil(10e9, "moved", func() bool { return m.reply != nil })
		if m.reply.Error != "" {
			t.Fatal(m.reply.Error)
		}
		var want []string
		for _, s := range movestep.All {
			want = append(want, s.Name)
		}
		if !slices.Equal(seen, want) {
			t.Errorf("%s: seen %q, want %q", server, seen, want)
		}
		m.remain(2)
	}
}

// atEachStep runs a test for each step, of a process that moves alone and of a tree, by the
// kernel and by a server.
func atEachStep(t *testing.T, f func(t *testing.T, m *mover, s movestep.Step)) {
	for _, how := range []struct {
		server string
		tree   bool
	}{{"kernel", false}, {"kernel", true}, {"user", false}, {"user", true}} {
		for _, s := range movestep.All {
			t.Run(fmt.Sprintf("%s/tree %v/%v", how.server, how.tree, s), func(t *testing.T) {
				m := newMover(t, how.tree)
				if how.server == "user" {
					m.carry()
				}
				f(t, m, s)
			})
		}
	}
}

// The source dies, and with it what it sends: it is at the target if that has been told to
// run it, and lost if not. The target knows which when the source is back; before, it does
// not run what it is not sure of.
func TestStep_SourceDies(t *testing.T) {
	atEachStep(t, func(t *testing.T, m *mover, s movestep.Step) {
		if s.Arrived() && leaves() {
			return // TestReference_SourceIsLost
		}
		m.strike(s, func() { m.w.Kill(1) })
		m.w.Run(20e9)
		want := 0
		if s.Arrived() {
			want = 2
		}
		if got := m.w.together(m.pids); got != want {
			t.Fatalf("it runs on node %d, want %d\n%s", got, want, m.w.Describe())
		}
		m.w.Boot(1)
		m.w.Run(20e9)
		m.remain(want)
	})
}

// The target dies. Until the commit the source has it, and runs it again; after that it is
// lost, which the source knows when the target is back.
func TestStep_TargetDies(t *testing.T) {
	atEachStep(t, func(t *testing.T, m *mover, s movestep.Step) {
		m.strike(s, func() { m.w.Kill(2) })
		m.w.Run(2e9)
		want := 1
		if s.Committing() {
			want = 0
		}
		if got := m.w.together(m.pids); got != want {
			t.Fatalf("it runs on node %d, want %d\n%s", got, want, m.w.Describe())
		}
		m.w.Boot(2)
		m.w.Run(30e9)
		if m.reply == nil || m.reply.Error == "" {
			t.Errorf("the report: %+v", m.reply)
		}
		m.remain(want)
	})
}

// A partition begins, and heals while both try, or when they have given up what they may.
func TestStep_Partition(t *testing.T) {
	for _, heal := range []int64{700e6, 40e9} {
		atEachStep(t, func(t *testing.T, m *mover, s movestep.Step) {
			if s.Arrived() && leaves() && heal > 30e9 {
				return // TestReference_SourceIsLost
			}
			m.w.Wire.Cut = func(from, to int) bool { return m.w.partitioned && from*to == 2 }
			m.strike(s, func() { m.w.partitioned = true })
			m.w.Run(heal)
			m.w.partitioned = false
			m.w.RunUntil(60e9, "the report", func() bool { return m.reply != nil })
			m.w.Run(20e9)
			want := 2
			if m.reply.Error != "" {
				want = 1
			}
			if s.Committing() && want != 2 {
				t.Errorf("after the commit line: %s", m.reply.Error)
			}
			m.remain(want)
		})
	}
}
