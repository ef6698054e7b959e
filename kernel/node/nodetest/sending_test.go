package nodetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
	"motile/proc/api"
)

// While the files that a target lacks are on the way, everybody still runs: who is to move
// can fork, end, and open other files.

// install puts a file that never changes into a node's tree.
func (nd *Node) install(path string, text []byte) {
	st := vm.NewStore()
	st.WriteAt(text, 0)
	st.Seal(sha256.Sum256(text))
	if errno := nd.K.FS.Install(path, 0o755, st); errno != 0 {
		nd.w.T.Fatalf("%s: error %d", path, errno)
	}
}

// clan has a large file open, and a memory file that all of it write, by call and through
// a mapping of it: the parent counts in word 0 of it, its child in word 1, that one's
// child in word 2. The child does what the test tells it to.
const (
	clanOrderAt = 4096
	clanPathAt  = 4096 + 64

	orderFork = 1
	orderExit = 2
	orderOpen = 3
	orderRead = 4
)

var clan = Register(func(u *User) {
	count := func(pc uint64, word uint64) {
		if v := u.Load(u.B() + 8*word); v != u.A() {
			panic(fmt.Sprintf("word %d is %d, not %d", word, v, u.A()))
		}
		u.SetA(u.A() + 1)
		u.Call(pc, abi.SysPwrite64, u.FD(0), u.Put(bufAt, binary.LittleEndian.AppendUint64(nil, u.A())), 8, 8*word)
	}
	nap := func(pc uint64) { u.Call(pc, abi.SysNanosleep, u.Put(sleepAt, timespec(300e3)), 0) }
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(clanPathAt, []byte("/big\x00")), 0, 0)
	case 1:
		u.Call(2, abi.SysMemfdCreate, u.Put(clanPathAt, []byte("clan\x00")), 0)
	case 2:
		u.Put(fdsAt, binary.LittleEndian.AppendUint32(nil, uint32(u.Ret)))
		u.Call(3, abi.SysFtruncate, u.FD(0), 2*vm.PageBytes)
	case 3:
		u.Call(4, abi.SysMmap, 0, 2*vm.PageBytes, 3, 1, u.FD(0), 0)
	case 4:
		u.SetB(uint64(u.Ret))
		u.Call(5, abi.SysFork)
	case 5:
		if u.Ret == 0 {
			u.Goto(20)
			return
		}
		u.Goto(10)
	// the parent
	case 10:
		count(11, 0)
	case 11:
		u.Call(12, abi.SysWait4, ^uint64(0), DataBase+statusAt, 1, 0)
	case 12:
		if u.Ret > 0 {
			u.Print(13, 1, fmt.Sprintf("wait %x\n", u.Get(statusAt, 4)))
			return
		}
		u.Goto(13)
	case 13:
		nap(10)
	// the child
	case 20:
		count(21, 1)
	case 21:
		order := u.Get(clanOrderAt, 1)[0]
		u.Put(clanOrderAt, []byte{0})
		switch order {
		case orderFork:
			u.Call(22, abi.SysFork)
		case orderExit:
			u.Call(99, abi.SysExitGroup, 7)
		case orderOpen:
			u.Call(23, abi.SysOpen, u.Put(clanPathAt, []byte("/other\x00")), 0, 0)
		case orderRead:
			u.Call(24, abi.SysPread64, u.FD(1), DataBase+bufAt, 5, 100_000)
		default:
			nap(20)
		}
	case 22:
		if u.Ret == 0 {
			u.SetA(0)
			u.Goto(30)
			return
		}
		nap(20)
	case 23:
		u.Put(fdsAt+4, binary.LittleEndian.AppendUint32(nil, uint32(u.Ret)))
		nap(20)
	case 24:
		u.Print(20, 1, fmt.Sprintf("other %d %q\n", u.Ret, u.Get(bufAt, 5)))
	// the grandchild
	case 30:
		count(31, 2)
	case 31:
		nap(30)
	}
})

// clanWorld is a clan on node 1, whose files are on no other node, with its output.
func clanWorld(t *testing.T) (w *World, pids []int32, out *Object) {
	w = New(t, 3, 1)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	w.Nodes[1].install("/big", big)
	w.Nodes[1].install("/other", append(bytes.Repeat([]byte{'-'}, 100_000), "other"...))
	out = w.Host.NewObject()
	p := w.Nodes[1].Start(clan, nil, w.Nodes[1].Remote(out))
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 && p.Leader().Frame.R13 > 3 })
	return w, []int32{p.PID, p.Children[0].PID}, out
}

// counts are the words of the memory file, as a process sees them in its mapping.
func (w *World) counts(pid int32) (words [3]uint64) {
	p := w.Nodes[w.On(pid)].Tab.Process(pid)
	u := User{t: p.Leader()}
	for i := range words {
		words[i] = u.Load(u.B() + 8*uint64(i))
	}
	return words
}

// moveClan moves it, and has something happen when files have begun to arrive.
func moveClan(w *World, root int32, happen func()) *api.MigrateReply {
	w.T.Helper()
	frames, struck := 0, false
	w.Wire.Cut = func(from, to int) bool {
		if from == 1 && to == 2 {
			if frames++; frames == 40 {
				w.due = append(w.due, func() {
					struck = true
					if pl, _ := w.Nodes[2].K.FS.Lookup(w.Nodes[2].K.FS.Root, "/big", true); pl.Node != nil || w.On(root) != 1 {
						w.T.Error("the files have arrived already; the test looks at nothing")
					}
					happen()
				})
			}
		}
		return false
	}
	var reply *api.MigrateReply
	w.Host.MigrateTree([]int32{root}, 1, 2, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(60e9, "answered", func() bool { return reply != nil })
	if w.Wire.Cut = nil; !struck {
		w.T.Error("no files were sent")
	}
	return reply
}

// clanGoesOn checks that all of it is on one node, and that each sees what the others
// write into the memory file.
func (w *World) clanGoesOn(node int, pids []int32, writers ...int) {
	w.T.Helper()
	if on := w.together(pids); on != node {
		w.T.Fatalf("on node %d, not %d\n%s", on, node, w.Describe())
	}
	for _, pid := range pids {
		w.whole(pid)
	}
	before := w.counts(pids[0])
	w.Run(20e6)
	for _, pid := range pids {
		now := w.counts(pid)
		for _, i := range writers {
			if now[i] < before[i]+5 {
				w.T.Errorf("process %d sees word %d go from %d to %d", pid, i, before[i], now[i])
			}
		}
	}
}

func TestSending_MemberActs(t *testing.T) {
	order := func(w *World, pid int32, what byte) func() {
		return func() {
			w.Nodes[w.On(pid)].Tab.Process(pid).Space.CopyOut(DataBase+clanOrderAt, []byte{what})
		}
	}
	t.Run("nothing", func(t *testing.T) {
		w, pids, _ := clanWorld(t)
		if r := moveClan(w, pids[0], func() {}); r.Error != "" {
			t.Fatal(r.Error)
		}
		w.clanGoesOn(2, pids, 0, 1)
		w.MoveTree(3, pids[0])
		w.clanGoesOn(3, pids, 0, 1)
	})
	t.Run("forks", func(t *testing.T) {
		w, pids, _ := clanWorld(t)
		r := moveClan(w, pids[0], order(w, pids[1], orderFork))
		if r.Error != "" || len(r.Processes) != 3 {
			t.Fatalf("%+v", r)
		}
		w.clanGoesOn(2, r.Processes, 0, 1, 2)
		w.MoveTree(3, pids[0])
		w.clanGoesOn(3, r.Processes, 0, 1, 2)
	})
	t.Run("ends", func(t *testing.T) {
		w, pids, out := clanWorld(t)
		if r := moveClan(w, pids[0], order(w, pids[1], orderExit)); r.Error != "" {
			t.Fatal(r.Error)
		}
		w.clanGoesOn(2, pids[:1], 0)
		if w.has(pids[1]) != 0 || string(out.Out) != "wait 00070000\n" {
			t.Errorf("it said %q\n%s", out.Out, w.Describe())
		}
	})
	t.Run("opens another file", func(t *testing.T) {
		w, pids, out := clanWorld(t)
		if r := moveClan(w, pids[0], order(w, pids[1], orderOpen)); r.Error != "" {
			t.Fatal(r.Error)
		}
		order(w, pids[1], orderRead)()
		w.clanGoesOn(2, pids, 0, 1)
		w.MoveTree(3, pids[0])
		order(w, pids[1], orderRead)()
		w.clanGoesOn(3, pids, 0, 1)
		if want := strings.Repeat("other 5 \"other\"\n", 2); string(out.Out) != want {
			t.Errorf("it said %q", out.Out)
		}
	})
	t.Run("opens another file, on a bad network", func(t *testing.T) {
		for seed := range uint64(10) {
			w, pids, _ := clanWorld(t)
			w.rng = rand.New(rand.NewPCG(seed, 5))
			w.Wire.Loss, w.Wire.Dup = 0.03, 0.03
			if r := moveClan(w, pids[0], order(w, pids[1], orderOpen)); r.Error != "" {
				t.Fatal(r.Error)
			}
			w.clanGoesOn(2, pids, 0, 1)
			w.MoveTree(3, pids[0])
			w.clanGoesOn(3, pids, 0, 1)
		}
	})
	t.Run("the first ends", func(t *testing.T) {
		w, pids, _ := clanWorld(t)
		r := moveClan(w, pids[0], func() {
			w.Nodes[1].Tab.Signal(w.Nodes[1].Tab.Process(pids[0]), proc.Info{Signo: abi.SIGKILL})
		})
		if want := fmt.Sprintf("process %d has ended", pids[0]); !strings.Contains(r.Error, want) {
			t.Errorf("%+v does not say %q", r, want)
		}
		w.clanGoesOn(1, pids[1:], 1)
		w.Nodes[1].Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
		w.Run(30e9)
		w.CheckEmpty()
	})
}
