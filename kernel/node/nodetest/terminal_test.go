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

// A terminal of a node, and sessions whose processes are on any.

// terminal is one, with what its screen shows.
type terminal struct {
	*object.TTY
	shown []byte
}

// terminal makes one that works as a node's serial port does.
func (nd *Node) terminal() *terminal {
	x := &terminal{TTY: &object.TTY{Line: tty.New(), Rdev: object.Device(5, 1)}}
	x.Signal = func(pgrp int32, sig int) {
		nd.SignalGroup(pgrp, proc.Info{Signo: int32(sig), Code: proc.SiKernel}, func(int) {})
	}
	x.Kick = func() {
		x.shown = append(x.shown, x.Pending()...)
		x.Sent(len(x.Pending()))
	}
	return x
}

// session starts a program that leads a session with a terminal, as descriptor 0. Like a
// shell, it does not mind to be in the background.
func (nd *Node) session(program int, x *terminal, out *Object) *proc.Process {
	f := object.NewFile(x.TTY, object.ORdwr, "/dev/console")
	p := nd.Start(program, f, nd.Remote(out))
	nd.K.AdoptTerminal(p, f)
	p.Actions[abi.SIGTTOU].Handler = proc.SigIgn
	return p
}

// typeReader says what it reads of its terminal, to the end of file; if B is not 0,
// it makes the terminal raw first, key by key.
var typeReader = Register(func(u *User) {
	const termiosAt = bufAt + 1024
	switch u.PC() {
	case 0:
		if u.B() == 0 {
			u.Goto(10)
			return
		}
		u.Call(1, abi.SysNanosleep, u.Put(sleepAt, timespec(100e6)), 0)
	case 1:
		u.Call(2, abi.SysIoctl, 0, tty.TCGETS, DataBase+termiosAt)
	case 2:
		lflag := binary.LittleEndian.Uint32(u.Get(termiosAt+12, 4))
		u.Put(termiosAt+12, binary.LittleEndian.AppendUint32(nil, lflag&^(tty.ICANON|tty.ECHO)))
		u.Call(3, abi.SysIoctl, 0, tty.TCSETS, DataBase+termiosAt)
	case 3:
		u.Print(10, 1, fmt.Sprintf("raw %d\n", u.Ret))
	case 10:
		u.Call(11, abi.SysRead, 0, DataBase+bufAt, 512)
	case 11:
		if u.Ret <= 0 {
			u.Print(12, 1, fmt.Sprintf("end %d\n", u.Ret))
			return
		}
		u.Print(10, 1, fmt.Sprintf("%q\n", u.Get(bufAt, int(u.Ret))))
	case 12:
		u.Call(13, abi.SysExitGroup, 0)
	}
})

// A line that is being typed is the terminal's: its reader may move between any two keys,
// and editing goes over what was typed before.
func TestTerminal_LineTypedWhileTheReaderMoves(t *testing.T) {
	keys := "helo\x7flo\nwrong words\x17\x17right\na\x15two\nthree\n\x04"
	want := "\"hello\\n\"\n\"right\\n\"\n\"two\\n\"\n\"three\\n\"\nend 0\n"
	for k := range len(keys) {
		w := New(t, 3, uint64(k))
		x, out := w.Nodes[1].terminal(), w.Host.NewObject()
		pid := w.Nodes[1].session(typeReader, x, out).PID
		w.Run(10e6)
		for i := range len(keys) {
			x.Receive([]byte{keys[i]})
			if i == len(keys)-1 {
				break // the end of file
			}
			if (i-k)%9 == 0 || i == k+1 || i == k+2 { // sometimes at home again
				w.Move(pid, w.On(pid)%3+1)
			}
			w.Run(int64(i%3) * 2e6)
		}
		w.RunUntil(5e9, "ended", func() bool { return w.has(pid) == 0 })
		if string(out.Out) != want {
			t.Errorf("moves from key %d on; it read:\n%s", k, out.Out)
		}
		if !strings.Contains(string(x.shown), "helo\b \blo\r\n") {
			t.Errorf("the screen shows %q", x.shown)
		}
		w.Run(5e9)
		w.CheckEmpty()
	}
}

// In raw mode, set from the node where the program is by then, each key is read once.
func TestTerminal_RawKeysWhileTheReaderMoves(t *testing.T) {
	w := New(t, 3, 1)
	x, out := w.Nodes[1].terminal(), w.Host.NewObject()
	p := w.Nodes[1].session(typeReader, x, out)
	pid := p.PID
	(&User{t: p.Leader()}).SetB(1)
	w.Run(10e6)
	w.Move(pid, 2)
	w.RunUntil(1e9, "raw", func() bool { return string(out.Out) == "raw 0\n" })
	w.Run(10e6)
	keys := "a\x7f\x04b\x15\rxyz"
	want := "raw 0\n"
	for i := range len(keys) {
		x.Receive([]byte{keys[i]})
		if i%2 == 1 {
			w.Run(5e6)
		}
		w.Move(pid, w.On(pid)%3+1)
		key := keys[i]
		if key == '\r' {
			key = '\n'
		}
		want += fmt.Sprintf("%q\n", []byte{key})
		w.RunUntil(1e9, "read", func() bool { return len(out.Out) >= len(want) })
	}
	if string(out.Out) != want || len(x.shown) > 0 {
		t.Errorf("it read:\n%s\nthe screen shows %q", out.Out, x.shown)
	}
}

// jobShell has a job of one in the background, which reads the terminal after half a
// second, and so stops; the shell then brings it to the foreground, and says all it hears.
var jobShell = Register(func(u *User) {
	const untraced = 2
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysFork)
	case 1:
		if u.Ret == 0 {
			u.Call(21, abi.SysSetpgid, 0, 0)
			return
		}
		u.SetB(uint64(u.Ret))
		u.Call(2, abi.SysSetpgid, u.B(), u.B())
	case 2:
		u.Call(3, abi.SysWait4, ^uint64(0), DataBase+statusAt, untraced, 0)
	case 3:
		if u.Ret < 0 {
			u.Call(9, abi.SysExitGroup, 0)
			return
		}
		u.Print(4, 1, fmt.Sprintf("wait %v status %x\n", u.Ret == int64(u.B()), u.Get(statusAt, 4)))
	case 4:
		stopped, group := u.Get(statusAt, 1)[0] == 0x7f, uint32(u.t.Process().PGID)
		if stopped {
			group = uint32(u.B())
		}
		pc := uint64(2)
		if stopped {
			pc = 5
		}
		u.Call(pc, abi.SysIoctl, 0, tty.TIOCSPGRP, u.Put(fdsAt, binary.LittleEndian.AppendUint32(nil, group)))
	case 5:
		u.Print(6, 1, fmt.Sprintf("foreground: %d\n", u.Ret))
	case 6:
		u.Call(2, abi.SysKill, -u.B(), abi.SIGCONT)
	// the job
	case 21:
		u.Call(22, abi.SysNanosleep, u.Put(sleepAt, timespec(500e6)), 0)
	case 22:
		u.Call(23, abi.SysRead, 0, DataBase+bufAt, 512)
	case 23:
		u.SetA(uint64(u.Ret))
		u.Call(24, abi.SysIoctl, 0, tty.TIOCGPGRP, DataBase+statusAt)
	case 24:
		n := max(int64(u.A()), 0)
		mine := binary.LittleEndian.Uint32(u.Get(statusAt, 4)) == uint32(u.t.Process().PGID)
		u.Print(25, 1, fmt.Sprintf("read %d %q, foreground %v\n", int64(u.A()), u.Get(bufAt, int(n)), mine))
	case 25:
		u.Call(26, abi.SysExitGroup, 3)
	}
})

// Job control reaches over nodes: whoever is where, a job that reads the terminal from the
// background is stopped, its shell hears so, can bring it to the foreground, and it reads.
func TestTerminal_BackgroundJobElsewhere(t *testing.T) {
	for _, at := range []struct{ shell, job, then int }{
		{1, 1, 0}, {1, 2, 0}, {2, 1, 0}, {2, 2, 0}, {2, 3, 0}, {1, 2, 1}, {1, 1, 3}, {3, 2, 1},
	} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w := New(t, 3, 1)
			x, out := w.Nodes[1].terminal(), w.Host.NewObject()
			p := w.Nodes[1].session(jobShell, x, out)
			shell := p.PID
			w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 && p.Children[0].PGID != p.PGID })
			job := p.Children[0].PID
			if at.shell != 1 {
				w.Move(shell, at.shell)
			}
			if at.job != 1 {
				w.Move(job, at.job)
			}
			said := "wait true status 7f150000\nforeground: 0\n"
			w.RunUntil(5e9, "in the foreground", func() bool { return len(out.Out) >= len(said) })
			x.Receive([]byte("li"))
			w.Run(50e6)
			if at.then != 0 {
				w.Move(job, at.then)
			}
			x.Receive([]byte("ne\n"))
			w.RunUntil(10e9, "ended", func() bool { return w.has(shell) == 0 })
			said += "read 5 \"line\\n\", foreground true\nwait true status 00030000\n"
			if string(out.Out) != said {
				t.Errorf("they said:\n%s\n%s", out.Out, w.Describe())
			}
			w.Run(15e9)
			w.CheckEmpty()
		})
	}
}

// crowd is a shell with a foreground job of three, which wait; it says what becomes of
// them.
var crowd = Register(func(u *User) {
	const untraced = 2
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysFork)
	case 1:
		if u.Ret == 0 {
			u.Call(20, abi.SysPause)
			return
		}
		if u.SetA(u.A() + 1); u.A() == 1 {
			u.SetB(uint64(u.Ret))
		}
		u.Call(2, abi.SysSetpgid, uint64(u.Ret), u.B())
	case 2:
		if u.A() < 3 {
			u.Goto(0)
			return
		}
		u.Call(3, abi.SysIoctl, 0, tty.TIOCSPGRP, u.Put(fdsAt, binary.LittleEndian.AppendUint32(nil, uint32(u.B()))))
	case 3:
		u.Call(4, abi.SysWait4, ^uint64(0), DataBase+statusAt, untraced, 0)
	case 4:
		if u.Ret < 0 {
			u.Call(9, abi.SysExitGroup, 0)
			return
		}
		u.Print(3, 1, fmt.Sprintf("%x\n", u.Get(statusAt, 4)))
	default:
		u.Call(20, abi.SysPause)
	}
})

// crowdAt starts a crowd at a terminal of node 1, and moves it: at says where its shell and
// then its job are to be, as pids has them.
func crowdAt(t *testing.T, at [4]int) (w *World, x *terminal, out *Object, pids []int32) {
	w = New(t, 3, 1)
	x, out = w.Nodes[1].terminal(), w.Host.NewObject()
	p := w.Nodes[1].session(crowd, x, out)
	pids = []int32{p.PID}
	w.RunUntil(1e9, "a job", func() bool { return x.Job.Foreground != p.PGID })
	for _, c := range p.Children {
		pids = append(pids, c.PID)
	}
	for i, pid := range pids {
		if at[i] != 1 {
			w.Move(pid, at[i])
		}
	}
	return w, x, out, pids
}

// A key of the terminal reaches the foreground job wherever its members are, each once,
// and nobody else; it goes on doing so when the shell is elsewhere.
func TestTerminal_KeysReachAJobOnSeveralNodes(t *testing.T) {
	for _, at := range [][4]int{{1, 1, 1, 1}, {1, 1, 1, 2}, {1, 2, 2, 3}, {2, 1, 3, 2}, {3, 2, 2, 2}, {1, 2, 3, 3}} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w, x, out, pids := crowdAt(t, at)
			for _, key := range []struct {
				key  byte
				want string
			}{{0x1a, "7f140000\n"}, {0x03, "02000000\n"}} {
				out.Out = nil
				x.Receive([]byte{key.key})
				w.RunUntil(5e9, "noticed", func() bool { return len(out.Out) >= 3*len(key.want) })
				w.Run(1e9)
				if string(out.Out) != strings.Repeat(key.want, 3) {
					t.Errorf("after key %d the shell was told %q\n%s", key.key, out.Out, w.Describe())
				}
				if key.key == 0x1a { // they go on, by one signal to the group
					nd := w.Nodes[w.On(pids[0])]
					nd.SignalGroup(pids[1], proc.Info{Signo: abi.SIGCONT, Code: proc.SiUser}, func(int) {})
					w.Run(1e9)
					for _, pid := range pids[1:] {
						if w.Nodes[w.On(pid)].Tab.Process(pid).Stopped() {
							t.Errorf("process %d is stopped\n%s", pid, w.Describe())
						}
					}
				}
			}
			w.RunUntil(5e9, "ended", func() bool { return w.has(pids[0]) == 0 })
			w.Run(15e9)
			w.CheckEmpty()
		})
	}
}

// When the leader of a session ends, the job in the foreground is hung up, wherever it is
// and wherever the leader was; the terminal is free for another session.
func TestTerminal_HangupReachesAJobElsewhere(t *testing.T) {
	for _, at := range [][4]int{{1, 1, 1, 1}, {1, 1, 2, 3}, {1, 2, 2, 2}} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w, x, _, pids := crowdAt(t, at)
			nd := w.Nodes[w.On(pids[0])]
			nd.Tab.Signal(nd.Tab.Process(pids[0]), proc.Info{Signo: abi.SIGKILL})
			w.Run(10e9)
			for _, pid := range pids {
				if w.has(pid) != 0 {
					t.Errorf("process %d is still there", pid)
				}
			}
			if x.Job.Session != 0 {
				t.Errorf("the terminal is session %d's", x.Job.Session)
			}
			w.CheckEmpty()
		})
	}
}
