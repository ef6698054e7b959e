package nodetest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
)

// What a copy of a process has of everything it had open or was waiting for. Each
// program is written down 300 ms after its start, while it sleeps or waits; it passes,
// and so does a copy that was made at once, and so do copies that go on ten seconds
// later, here and elsewhere.

func steps(parts ...any) (all []step) {
	for _, p := range parts {
		switch p := p.(type) {
		case step:
			all = append(all, p)
		case func(*User, uint64) string:
			all = append(all, p)
		case []step:
			all = append(all, p...)
		}
	}
	return all
}

const (
	textAt   = 16 << 10
	eventAt  = 20 << 10
	word     = 24 << 10 // a futex
	robustAt = 22 << 10
	shared   = 0x50000000
)

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// event is a struct epoll_event.
func event(events uint32, data uint64) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, events), le64(data)...)
}

var copied = map[string]int{
	"a pipe of its own": sequence(
		call(abi.SysPipe2, DataBase+fdsAt, 0), put(textAt, []byte("hello")...), onFD(1, abi.SysWrite, DataBase+textAt, 5), want(5),
		sleep(500e6), put(textAt, 0, 0, 0, 0, 0), onFD(0, abi.SysRead, DataBase+textAt, 64), want(5), has(textAt, "hello"),
		onFD(1, abi.SysClose), want(0), onFD(0, abi.SysRead, DataBase+textAt, 64), want(0)),
	"an eventfd": sequence(
		call(abi.SysEventfd2, 0, 0), keepFD(0), put(textAt, le64(7)...), onFD(0, abi.SysWrite, DataBase+textAt, 8), want(8),
		sleep(500e6), onFD(0, abi.SysRead, DataBase+textAt, 8), want(8), has(textAt, string(le64(7)))),
	"an epoll set with an edge that was not reported": sequence(
		call(abi.SysPipe2, DataBase+fdsAt, 0), call(abi.SysEpollCreate1, 0), keepFD(2),
		put(eventAt, event(1|1<<31, 77)...),
		func(u *User, next uint64) string {
			u.Call(next, abi.SysEpollCtl, u.FD(2), 1, u.FD(0), DataBase+eventAt)
			return ""
		}, want(0),
		onFD(1, abi.SysWrite, DataBase+textAt, 5), want(5),
		sleep(500e6), onFD(2, abi.SysEpollPwait, DataBase+eventAt, 4, 0, 0, 8), want(1), has(eventAt, string(event(1, 77))),
		onFD(2, abi.SysEpollPwait, DataBase+eventAt, 4, 0, 0, 8), want(0)),
	"a wait for events": sequence(
		call(abi.SysPipe2, DataBase+fdsAt, 0), call(abi.SysEpollCreate1, 0), keepFD(2), put(eventAt, event(1, 77)...),
		func(u *User, next uint64) string {
			u.Call(next, abi.SysEpollCtl, u.FD(2), 1, u.FD(0), DataBase+eventAt)
			return ""
		}, want(0), mark(),
		onFD(2, abi.SysEpollPwait, DataBase+eventAt, 4, 500, 0, 8), want(0), elapsed(500e6)),
	"a sleep": sequence(mark(), sleep(500e6), want(0), elapsed(500e6)),
	"an interval timer": sequence(
		mark(), handle(abi.SIGALRM, 0), put(textAt, append(make([]byte, 16), timeval(500e3)...)...),
		call(abi.SysSetitimer, 0, DataBase+textAt, 0), want(0), call(abi.SysPause), want(-abi.EINTR), has(signalAt, "\x01"), elapsed(500e6)),
	"ids that it has written down": sequence(
		call(abi.SysGetpid), func(u *User, next uint64) string { u.SetA(uint64(u.Ret)); return "" },
		call(abi.SysGettid), func(u *User, next uint64) string { u.SetB(uint64(u.Ret)); return "" },
		handle(abi.SIGUSR1, 0), sleep(500e6),
		func(u *User, next uint64) string { u.Call(next, abi.SysTgkill, u.A(), u.B(), abi.SIGUSR1); return "" }, want(0), has(signalAt, "\x01"),
		func(u *User, next uint64) string { u.Call(next, abi.SysTkill, u.B(), abi.SIGUSR1); return "" }, want(0), has(signalAt, "\x02"),
		func(u *User, next uint64) string { u.Call(next, abi.SysKill, u.A(), abi.SIGUSR1); return "" }, want(0), has(signalAt, "\x03"),
		func(u *User, next uint64) string { u.Call(next, abi.SysPidfdOpen, u.A(), 0); return "" }, keepFD(0),
		onFD(0, abi.SysPidfdSendSignal, abi.SIGUSR1, 0, 0), want(0), has(signalAt, "\x04")),
	"a robust lock": sequence(steps(
		// The thread that ends has the lock, by the id that it had when it took it.
		thread(6),
		call(abi.SysFutex, DataBase+word, 0, 0x80000000, 0), // the value is the holder's id: it has gone by then
		func(u *User, next uint64) string {
			u.Call(next, abi.SysNanosleep, u.Put(512, timespec(700e6)), 0)
			return ""
		},
		func(u *User, _ uint64) string {
			if v := u.peek(DataBase + word); v&0x40000000 == 0 {
				return fmt.Sprintf("the word is %#x", v)
			}
			return ""
		}, jump(passes),
		func(u *User, next uint64) string {
			u.poke(DataBase+word, uint32(u.TID()))
			u.Put(robustAt, slices.Concat(le64(DataBase+robustAt+64), le64(uint64(word-robustAt-64)), le64(0)))
			u.Put(robustAt+64, le64(DataBase+robustAt))
			u.Call(next, abi.SysSetRobustList, DataBase+robustAt, 24)
			return ""
		}, want(0), sleep(500e6), call(abi.SysExit, 0))...),
	"a futex with a deadline": sequence(
		mark(), put(textAt, timespec(500e6)...), call(abi.SysFutex, DataBase+word, 0, 0, DataBase+textAt), want(-abi.ETIMEDOUT), elapsed(500e6)),
	"threads that wake each other": sequence(steps(
		thread(6),
		call(abi.SysFutex, DataBase+word, 0, 0, 0), want(0), has(textAt, "awake"), jump(passes),
		sleep(500e6), put(textAt, []byte("awake")...), call(abi.SysFutex, DataBase+word, 1, 1), want(1), jump(pauses))...),
	"memory shared with itself": sequence(
		call(abi.SysMmap, shared, 8*4096, 3, 0x31, 1<<64-1, 0), want(shared),
		func(u *User, _ uint64) string { u.poke(shared+4096, 5); return "" },
		sleep(500e6),
		func(u *User, _ uint64) string {
			if v := u.peek(shared + 4096); v != 5 {
				return fmt.Sprint(v)
			}
			u.poke(shared+4096, 6)
			return ""
		}, sleep(400e6),
		func(u *User, _ uint64) string {
			if v := u.peek(shared + 4096); v != 6 {
				return fmt.Sprint(v)
			}
			return ""
		}),
	"private memory": sequence(
		put(textAt, 1), sleep(500e6), has(textAt, "\x01"), put(textAt, 2), sleep(400e6), has(textAt, "\x02")),
	"a text file": sequence(
		put(textAt, []byte("/proc/uptime\x00")...), call(abi.SysOpenat, 1<<64-100, DataBase+textAt, 0), keepFD(0),
		onFD(0, abi.SysRead, DataBase+textAt, 4), want(4),
		sleep(500e6), onFD(0, abi.SysLseek, 0, 1), want(4), onFD(0, abi.SysLseek, 0, 0), want(0)),
	"a directory": sequence(
		put(textAt, []byte("/tmp\x00")...), call(abi.SysChdir, DataBase+textAt), want(0), call(abi.SysOpenat, 1<<64-100, DataBase+textAt, 0o200000), keepFD(0),
		sleep(500e6), onFD(0, abi.SysFchdir), want(0), call(abi.SysGetcwd, DataBase+textAt, 100), want(5), has(textAt, "/tmp\x00")),
	"a request that nobody answers": sequence(
		func(u *User, next uint64) string {
			u.Call(next, abi.SysTrans, u.putHeader(std.Header{Port: silentPort.Put()}), DataBase+textAt, 4, DataBase+textAt, 64)
			return ""
		}, want(int64(std.RPCFailure))),
	"a group": sequence(
		func(u *User, next uint64) string {
			u.Call(next, abi.SysGrpCreate, u.putHeader(std.Header{Port: capability.Port{9, byte(u.TID())}}), 0, 4, 4, 10)
			return ""
		}, want(0),
		func(u *User, next uint64) string {
			u.Call(next, abi.SysGrpReceive, 0, u.putHeader(std.Header{}), DataBase+textAt, 64, 0)
			return ""
		}, want(int64(std.BCAbort)), call(abi.SysGrpInfo, 0, DataBase+textAt, 256), want(int64(std.BCBadPort))),
	"raw endpoints": sequence(
		call(abi.SysFlipInit), want(0), put(textAt, 9, 9, 9), call(abi.SysFlipRegister, 0, DataBase+textAt, 0),
		call(abi.SysFlipReceive, 0, DataBase+textAt, DataBase+textAt, 64, 1<<64-1), want(int64(std.FlipFail)),
		call(abi.SysFlipInit), want(0)),
	"a child": sequence(
		call(abi.SysFork), func(u *User, _ uint64) string {
			if u.Ret == 0 {
				u.Goto(pauses)
			}
			return ""
		},
		call(abi.SysWait4, 1<<64-1, DataBase+textAt, 0, 0), func(u *User, _ uint64) string {
			if u.Ret <= 0 || u.Get(textAt, 1)[0] != abi.SIGKILL {
				return fmt.Sprintf("%d, status %x", u.Ret, u.Get(textAt, 1))
			}
			return ""
		}),
}

// theirs do not end in the original: what they wait for does not come.
var theirs = []string{"a request that nobody answers", "a group", "raw endpoints", "a child"}

var silentPort = capability.Port{0x51, 1}

// silent takes a request and does not answer.
var silent = sequence(func(u *User, next uint64) string {
	u.Call(next, abi.SysGetreq, u.putHeader(std.Header{Port: silentPort}), DataBase+dataAt, 64)
	return ""
}, call(abi.SysPause))

func timeval(us uint64) []byte { return append(le64(us/1e6), le64(us%1e6)...) }

func (u *User) peek(at uint64) uint32 {
	v, _ := u.t.Process().Space.Load32(at)
	return v
}

func (u *User) poke(at uint64, v uint32) { u.t.Process().Space.Store32(at, v) }

func TestCopy(t *testing.T) {
	for name, program := range copied {
		t.Run(name, func(t *testing.T) {
			w := New(t, 2, 1)
			check := w.leaks()
			if name == "a request that nobody answers" {
				w.Nodes[2].Start(silent, nil, w.Nodes[2].Remote(w.Host.NewObject()))
				w.Run(50e6)
			}
			outs := map[string]*Object{}
			for _, who := range []string{"the original", "a clone", "a copy here, later", "a copy elsewhere, later"} {
				outs[who] = w.Host.NewObject()
			}
			p := w.Nodes[1].Start(program, nil, w.Nodes[1].Remote(outs["the original"]))
			w.Run(300e6)
			c, r := w.Snapshot(p.PID)
			w.Restart(1, r.Image, stdio(outs["a clone"])...)
			w.Run(2e9)
			if slices.Contains(theirs, name) {
				if len(outs["the original"].Out) != 0 {
					t.Errorf("the original: %s", outs["the original"].Out)
				}
				delete(outs, "the original")
			}
			w.Run(8e9)
			w.Restart(1, r.Image, stdio(outs["a copy here, later"])...)
			w.Restart(2, r.Image, stdio(outs["a copy elsewhere, later"])...)
			w.Run(2e9)
			for who, o := range outs {
				if string(o.Out) != "pass\n" {
					t.Errorf("%s: %q", who, o.Out)
				}
			}
			w.Destroy(c)
			w.killAll()
			w.Run(30e9)
			check()
		})
	}
}
