package nodetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
	"motile/proc/api"
)

// Several processes that move as one.

// kin is three generations that hang together in every way: the parent and its child
// take turns, by a futex in memory that all of them share, and count there; the parent
// tells the grandchild of each turn by an eventfd, for which that one waits with an
// epoll set; both are open in all three. What each has beside it is shared until one of
// them writes: the grandchild writes, the others look whether theirs is what it was.
const (
	kinPages   = 32
	kinAt      = 0x10000 // of those pages in the data area
	interestAt = 256
	turnAt     = 0 // offsets in the shared memory
	turnsAt    = 8
	heardAt    = 16

	mapSharedAnonymous = 0x21
)

var kin = Register(func(u *User) {
	own := func(page int) uint64 { return DataBase + kinAt + uint64(page)*vm.PageBytes }
	intact := func() {
		for page := range kinPages {
			if v := u.Load(own(page)); v != uint64(page)+1 {
				panic(fmt.Sprintf("page %d has %d", page, v))
			}
		}
	}
	// turn takes its turn if it is that, and waits if not.
	turn := func(pc uint64, mine uint64) {
		if u.Load(u.B()+turnAt)&0xffffffff != mine {
			u.Call(u.PC(), abi.SysFutex, u.B()+turnAt, 0, 1-mine, 0)
			return
		}
		intact()
		n := u.Load(u.B() + turnsAt)
		if n != 2*u.A()+mine {
			panic(fmt.Sprintf("turn %d, but the count is %d", u.A(), n))
		}
		u.SetA(u.A() + 1)
		u.Store(u.B()+turnsAt, n+1)
		u.Store(u.B()+turnAt, 1-mine)
		u.Call(pc, abi.SysFutex, u.B()+turnAt, 1, 1)
	}
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysMmap, 0, 2*vm.PageBytes, 3, mapSharedAnonymous, ^uint64(0), 0)
	case 1:
		u.SetB(uint64(u.Ret))
		for page := range kinPages {
			u.Store(own(page), uint64(page)+1)
		}
		u.Call(2, abi.SysEventfd2, 0, 0)
	case 2:
		u.Put(fdsAt, []byte{byte(u.Ret), 0, 0, 0})
		u.Call(3, abi.SysEpollCreate1, 0)
	case 3:
		u.Put(fdsAt+4, []byte{byte(u.Ret), 0, 0, 0})
		u.Call(4, abi.SysEpollCtl, u.FD(1), 1, u.FD(0), u.Put(interestAt, []byte{1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0}))
	case 4:
		u.Call(5, abi.SysFork)
	case 5:
		if u.Ret == 0 {
			u.Call(20, abi.SysFork)
			return
		}
		u.Goto(10)
	// the parent
	case 10:
		turn(11, 0)
	case 11:
		u.Call(12, abi.SysWrite, u.FD(0), u.Put(bufAt, []byte{1, 0, 0, 0, 0, 0, 0, 0}), 8)
	case 12:
		u.Print(13, 1, fmt.Sprintf("%d\n", u.A()))
	case 13:
		u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(5e6)), 0)
	// the child
	case 20:
		if u.Ret == 0 {
			u.Goto(30)
			return
		}
		u.Goto(21)
	case 21:
		turn(22, 1)
	case 22:
		u.Call(21, abi.SysNanosleep, u.Put(sleepAt, timespec(4e6)), 0)
	// the grandchild
	case 30:
		u.Call(31, abi.SysEpollWait, u.FD(1), DataBase+bufAt, 1, ^uint64(0))
	case 31:
		if u.Ret < 0 {
			panic(fmt.Sprintf("epoll_wait: %d", u.Ret))
		}
		u.Call(32, abi.SysRead, u.FD(0), DataBase+bufAt, 8)
	case 32:
		if u.Ret != 8 {
			panic(fmt.Sprintf("read: %d", u.Ret))
		}
		u.SetA(u.A() + u.Load(DataBase+bufAt))
		u.Store(u.B()+heardAt, u.A())
		u.Store(own(0), u.A())
		u.Goto(30)
	}
})

// kinOn starts the three on node 1.
func kinOn(t testing.TB, w *World) (pids []int32, out *Object) {
	out = w.Host.NewObject()
	p := Burden(w.Nodes[1].Start(kin, nil, w.Nodes[1].Remote(out)))
	w.RunUntil(1e9, "three of them", func() bool { return len(w.Nodes[1].Tab.Processes()) == 3 })
	w.RunUntil(1e9, "some turns", func() bool { return len(out.Out) >= len("1\n2\n3\n") })
	for _, q := range w.Nodes[1].Tab.Processes() {
		pids = append(pids, q.PID)
		w.watch(q.PID)
	}
	if pids[0] != p.PID {
		t.Fatal(pids)
	}
	return pids, out
}

// MoveTree moves processes with their descendants and waits until that is over.
func (w *World) MoveTree(to int, pids ...int32) api.MigrateReply {
	w.T.Helper()
	var reply *api.MigrateReply
	w.Host.MigrateTree(pids, w.has(pids[0]), to, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(60e9, "moved", func() bool { return reply != nil })
	if reply.Error != "" {
		w.T.Fatalf("moving %v to %d: %s\n%s", pids, to, reply.Error, w.Describe())
	}
	return *reply
}

// together is the node that has all of them; 0 if none has.
func (w *World) together(pids []int32) (node int) {
	w.T.Helper()
	for i, pid := range pids {
		on := w.On(pid)
		if i > 0 && on != node {
			w.T.Fatalf("%d is on node %d, %d on node %d", pids[0], node, pid, on)
		}
		node = on
	}
	return node
}

// memory counts the pages that processes have to themselves, those that several of them
// share once.
func (w *World) memory(node int, pids []int32) int {
	var spaces []*vm.Space
	for _, pid := range pids {
		spaces = append(spaces, w.Nodes[node].Tab.Process(pid).Space)
	}
	return vm.Distinct(spaces)
}

func TestTree_HangsTogether(t *testing.T) {
	w := New(t, 3, 1)
	w.Host.Strategy = "copy" // pages are counted
	pids, out := kinOn(t, w)
	for i := range 10 {
		at := w.together(pids)
		pages, sum := w.memory(at, pids), 0
		for _, pid := range pids {
			_, private := w.Nodes[at].Tab.Process(pid).Space.Resident()
			sum += private
		}
		if sum < pages+kinPages {
			t.Fatalf("%d pages, %d with what they share counted for each: the test looks at nothing", pages, sum)
		}
		r := w.MoveTree(at%3+1, pids[0])
		if on := w.together(pids); on != at%3+1 || !slices.Equal(r.Processes, pids) {
			t.Fatalf("on node %d, reply %+v", on, r)
		}
		if m := r.Report; m.Pages+m.ZeroPages > pages+4 || m.SharedPages < kinPages {
			t.Errorf("of %d pages %d were sent and %d of zeros, %d are shared", pages, m.Pages, m.ZeroPages, m.SharedPages)
		}
		if now := w.memory(at%3+1, pids); now > pages {
			t.Errorf("%d pages became %d", pages, now)
		}
		before := len(out.Out)
		w.Run(100e6)
		if len(out.Out) == before {
			t.Fatalf("move %d: they stand still\n%s", i, w.Describe())
		}
	}
	checkLines(t, out.Out)
	on := w.Nodes[w.together(pids)]
	said, heard := on.Tab.Process(pids[0]).Leader().Frame.R13, on.Tab.Process(pids[2]).Leader().Frame.R13
	if heard+2 < said || heard > said {
		t.Errorf("the grandchild heard of %d turns of %d", heard, said)
	}
	for _, pid := range pids {
		on.Tab.Signal(on.Tab.Process(pid), proc.Info{Signo: abi.SIGKILL})
	}
	w.Run(15e9)
	w.CheckEmpty()
}

// A process that shares what cannot be in two places does not move alone. It is refused
// before anything stands still, and told what would help.
func TestTree_AloneIsRefused(t *testing.T) {
	w := New(t, 2, 1)
	pids, out := kinOn(t, w)
	for i, pid := range pids {
		var reply *api.MigrateReply
		w.Host.Migrate(pid, 1, 2, func(r api.MigrateReply) { reply = &r })
		frozen := w.until(w.Now+1e9, func() bool { return w.Nodes[1].Tab.Process(pid).Frozen() })
		if frozen || reply == nil {
			t.Fatalf("process %d: frozen: %v, %+v", i, frozen, reply)
		}
		if want := fmt.Sprintf("migrate --tree %d NODE", pids[0]); !strings.Contains(reply.Error, want) {
			t.Errorf("process %d: %q does not say %q", i, reply.Error, want)
		}
	}
	// The child's tree shares with its parent.
	var reply *api.MigrateReply
	w.Host.MigrateTree(pids[1:2], 1, 2, func(r api.MigrateReply) { reply = &r })
	w.Run(1e9)
	if want := fmt.Sprintf("shared with process %d", pids[0]); reply == nil || !strings.Contains(reply.Error, want) {
		t.Errorf("%+v does not say %q", reply, want)
	}
	w.together(pids)
	checkLines(t, out.Out)
}

// Processes that are named together move together; one of them that is not there stays
// where it is.
func TestTree_Job(t *testing.T) {
	w := New(t, 3, 1)
	server, client := w.Nodes[1].Start(addServer), w.Nodes[1].Start(walkClient)
	far := w.Nodes[3].Start(walkClient)
	w.Run(100e6)
	for i := range 6 {
		at := w.together([]int32{server.PID, client.PID})
		r := w.MoveTree(3-at, client.PID, server.PID, far.PID)
		if !slices.Equal(r.Processes, []int32{client.PID, server.PID}) || w.On(far.PID) != 3 {
			t.Errorf("move %d: %v", i, r.Processes)
		}
		w.Run(100e6)
	}
	on := w.Nodes[w.together([]int32{server.PID, client.PID})]
	made := on.Tab.Process(client.PID).Leader()
	if made.Frame.R13 < 50 || made.Frame.R12 != 0 {
		t.Errorf("%d calls, %d failed", made.Frame.R13, made.Frame.R12)
	}
	if all, done := made.Frame.R13+far.Leader().Frame.R13, on.Tab.Process(server.PID).Leader().Frame.R13; done < all || done > all+2 {
		t.Errorf("%d calls were made, %d served", all, done)
	}
}

// A shell's pipeline moves as one, with what is in its pipes, however full the network is.
func TestTree_Pipeline(t *testing.T) {
	for seed := range uint64(20) {
		w := New(t, 3, seed)
		w.Wire.Loss, w.Wire.Dup = 0.02*float64(seed%3), 0.02*float64(seed%2)
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(stages, nil, w.Nodes[1].Remote(out))
		w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 3 })
		pids := []int32{p.PID}
		for _, c := range p.Children {
			pids = append(pids, c.PID)
		}
		shell := seed%2 == 0 // it goes along, or they go without it
		for i := range 10 {
			w.Run(int64(w.rng.IntN(120e6)))
			members := pids[1:]
			if shell {
				members = pids[:1]
			}
			members = slices.DeleteFunc(slices.Clone(members), func(pid int32) bool { return w.has(pid) == 0 })
			if len(members) == 0 {
				break
			}
			w.MoveTree((i+1)%3+1, members...)
		}
		w.RunUntil(20e9, "finished", func() bool { return strings.HasSuffix(string(out.Out), "end\n") })
		var want bytes.Buffer
		for i := range stageLines {
			fmt.Fprintf(&want, "line %d\n", i+1)
		}
		if string(out.Out) != want.String()+"end\n" {
			t.Errorf("seed %d: output:\n%s", seed, out.Out)
		}
		w.Run(15e9)
		w.CheckEmpty()
	}
}

// Between vfork and exec parent and child move together, and go on as they would have.
func TestTree_Vfork(t *testing.T) {
	w := New(t, 2, 7)
	p := w.Nodes[1].Start(spawner, nil)
	pid := p.PID
	(&User{t: p.Leader()}).SetA(2500)
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
	child := p.Children[0].PID
	var reply *api.MigrateReply
	w.Host.Migrate(child, 1, 2, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(2e9, "answered", func() bool { return reply != nil })
	if want := fmt.Sprintf("migrate --tree %d 2", pid); !strings.Contains(reply.Error, want) {
		t.Errorf("%q does not say %q", reply.Error, want)
	}
	for i := range 3 {
		w.MoveTree(2-i%2, pid)
		on := w.Nodes[w.together([]int32{pid, child})]
		a, b := on.Tab.Process(pid), on.Tab.Process(child)
		if a.Space != b.Space || a.Space.Users() != 2 || !on.Tab.InVfork(child, a.Leader()) {
			t.Fatalf("move %d: they have come apart", i)
		}
		w.Run(50e6)
		if pc := a.Leader().Frame.R14; pc != 2 && pc != 3 || a.Leader().Call.Nr != abi.SysVfork {
			t.Fatalf("move %d: the parent did not wait\n%s", i, w.Describe())
		}
	}
	w.RunUntil(3e9, "ended", func() bool { return w.has(child) == 0 })
	w.Run(10e6)
	if on := w.Nodes[w.has(pid)].Tab.Process(pid); on.Leader().Call.Nr != abi.SysPause {
		t.Errorf("the parent waits still\n%s", w.Describe())
	}
}
