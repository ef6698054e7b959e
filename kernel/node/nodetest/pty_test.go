package nodetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/proc"
)

// ptyRelay has a child on the slave of a pseudo-terminal, which answers each line. It
// types what descriptor 0 gives, and shows on descriptor 1 what comes of it. Told to quit,
// it ends, and the child says on descriptor 1 how it cannot answer any more.
var ptyRelay = Register(func(u *User) {
	const master, slave = 2, 3
	if u.Signal != 0 {
		u.Return()
		return
	}
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(lineAt, []byte("/dev/ptmx\x00")), object.ORdwr)
	case 1:
		u.Call(2, abi.SysIoctl, master, object.TIOCSPTLCK, u.Put(fdsAt, make([]byte, 4)))
	case 2:
		u.Call(3, abi.SysIoctl, master, object.TIOCGPTPEER, object.ORdwr|object.ONoCTTY)
	case 3:
		u.Call(4, abi.SysFork)
	case 4:
		if u.Ret == 0 {
			u.Call(20, abi.SysClose, master)
			return
		}
		u.Call(5, abi.SysClose, slave)
	case 5:
		u.Call(6, abi.SysRead, 0, DataBase+bufAt, 100)
	case 6:
		if string(u.Get(bufAt, int(u.Ret))) == "quit\n" {
			u.Call(9, abi.SysExitGroup, 0)
			return
		}
		u.Call(7, abi.SysWrite, master, DataBase+bufAt, uint64(u.Ret))
	case 7:
		u.Call(8, abi.SysRead, master, DataBase+bufAt, 500)
	case 8:
		pc := uint64(7)
		if strings.HasSuffix(string(u.Get(bufAt, int(u.Ret))), ">\r\n") {
			pc = 5
		}
		u.Call(pc, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
	case 20:
		u.Call(30, abi.SysSetsid)
	case 30:
		u.Call(31, abi.SysIoctl, slave, tty.TIOCSCTTY, 0)
	case 31:
		u.Handle(33, abi.SIGINT, 0)
	case 33: // the end of its terminal would be its own
		u.Call(32, abi.SysRtSigprocmask, 0, u.Put(DataSize-64, binary.LittleEndian.AppendUint64(nil, 1<<(abi.SIGHUP-1))), 0, 8)
	case 32:
		u.Call(21, abi.SysRead, slave, DataBase+bufAt, 500)
	case 21:
		if u.Ret == -abi.EINTR {
			u.Print(22, slave, "<interrupted>\n")
			return
		}
		line := strings.TrimSuffix(string(u.Get(bufAt, int(u.Ret))), "\n")
		u.Print(22, slave, "<"+line+">\n")
	case 22:
		if u.Ret < 0 {
			u.Print(23, 1, fmt.Sprintf("the child writes %d\n", u.Ret))
			return
		}
		u.Goto(32)
	case 23:
		u.Call(24, abi.SysExitGroup, 0)
	}
})

// relaying is a world in which it runs on node 1.
type relaying struct {
	*World
	t       *testing.T
	in, out *Object
	p       *proc.Process
	pid     int32
	child   int32
	want    string
}

func relay(t *testing.T, nodes int) *relaying {
	w := New(t, nodes, 1)
	r := &relaying{World: w, t: t, in: w.Host.NewObject(), out: w.Host.NewObject()}
	r.p = w.Nodes[1].Start(ptyRelay, w.Nodes[1].Remote(r.in), w.Nodes[1].Remote(r.out))
	r.pid = r.p.PID
	w.RunUntil(1e9, "forked", func() bool { return len(r.p.Children) == 1 })
	r.child = r.p.Children[0].PID
	return r
}

// line types one and waits for its echo and its answer.
func (r *relaying) line(text string) {
	r.t.Helper()
	r.in.Feed(text + "\n")
	r.want += text + "\r\n<" + text + ">\r\n"
	r.RunUntil(20e9, "answered", func() bool { return len(r.out.Out) >= len(r.want) })
	if string(r.out.Out) != r.want {
		r.t.Fatalf("shown: %q, want %q", r.out.Out, r.want)
	}
	r.in.Feed("\x03")
	r.want += "^C<interrupted>\r\n"
	r.RunUntil(20e9, "interrupted", func() bool { return len(r.out.Out) >= len(r.want) })
	r.in.Feed("\x04") // an end of file, and no echo
	r.want += "<>\r\n"
	r.RunUntil(20e9, "answered", func() bool { return len(r.out.Out) >= len(r.want) })
}

// Both ends go wherever they like, one after the other and back.
func TestPTY_EndsMove(t *testing.T) {
	r := relay(t, 3)
	r.line("at home")
	for _, m := range []struct {
		pid *int32
		to  int
	}{{&r.child, 2}, {&r.pid, 2}, {&r.pid, 3}, {&r.child, 1}, {&r.child, 3}, {&r.pid, 1}} {
		r.Move(*m.pid, m.to)
		r.line(fmt.Sprintf("process %d is on node %d", *m.pid, m.to))
	}
	r.in.Feed("quit\n")
	r.RunUntil(20e9, "the end", func() bool { return strings.Contains(string(r.out.Out), "writes") })
	if got := string(r.out.Out[len(r.want):]); got != "the child writes -5\n" {
		t.Errorf("%q", got)
	}
	r.Run(15e9)
	r.CheckEmpty()
}

// A set that has all of it takes it along.
func TestPTY_MovesWithItsTree(t *testing.T) {
	r := relay(t, 2)
	r.line("one")
	r.MoveTree(2, r.pid)
	if n := len(r.Nodes[1].K.PTYs.Numbers()); n != 0 {
		t.Errorf("%d stay behind", n)
	}
	if n := len(r.Nodes[2].K.PTYs.Numbers()); n != 1 {
		t.Errorf("%d are at the target", n)
	}
	r.Kill(1)
	r.line("two")
}

// A line that is being typed, and settings, move too.
var ptyAlone = Register(func(u *User) {
	const master, slave = 1, 2
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(lineAt, []byte("/dev/ptmx\x00")), object.ORdwr)
	case 1:
		u.Call(2, abi.SysIoctl, master, object.TIOCSPTLCK, u.Put(fdsAt, make([]byte, 4)))
	case 2:
		u.Call(3, abi.SysIoctl, master, object.TIOCGPTPEER, object.ORdwr|object.ONoCTTY)
	case 3:
		u.Print(4, master, "half a ")
	case 4:
		u.Call(5, abi.SysIoctl, master, object.TIOCGPTN, DataBase+bufAt)
	case 5:
		u.SetA(uint64(binary.LittleEndian.Uint32(u.Get(bufAt, 4))))
		u.Call(6, abi.SysNanosleep, u.Put(sleepAt, timespec(2e9)), 0) // it moves meanwhile
	case 6:
		u.Print(7, master, "linex\x7f\n")
	case 7:
		u.Call(8, abi.SysRead, slave, DataBase+bufAt, 100)
	case 8:
		if got := string(u.Get(bufAt, int(u.Ret))); got != "half a line\n" {
			u.Print(9, 0, fmt.Sprintf("read %q", got))
			return
		}
		u.Call(10, abi.SysOpen, u.Put(lineAt, fmt.Appendf(nil, "/dev/pts/%d\x00", u.A())), object.ORdwr|object.ONoCTTY)
	case 10:
		u.Print(9, 0, fmt.Sprintf("opened %d", u.Ret))
	case 9:
		u.Call(9, abi.SysPause)
	}
})

func TestPTY_KeepsInputAndName(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(ptyAlone, w.Nodes[1].Remote(out))
	w.Run(1e9)
	w.Move(p.PID, 2)
	w.RunUntil(20e9, "said", func() bool { return len(out.Out) > 0 })
	if string(out.Out) != "opened 3" {
		t.Errorf("%s", out.Out)
	}
}
