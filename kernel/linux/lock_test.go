package linux_test

import (
	"encoding/binary"
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

// Commands and types of locks.
const (
	getLK, setLK, setLKW          = 5, 6, 7
	ofdGetLK, ofdSetLK, ofdSetLKW = 36, 37, 38
	readLock, writeLock, noLock   = 0, 1, 2
	lockSH, lockEX, lockNB        = 1, 2, 4
	lockUN                        = 8
)

func structFlock(kind, whence uint16, start, size int64) []byte {
	b := make([]byte, 32)
	binary.LittleEndian.PutUint16(b, kind)
	binary.LittleEndian.PutUint16(b[2:], whence)
	binary.LittleEndian.PutUint64(b[8:], uint64(start))
	binary.LittleEndian.PutUint64(b[16:], uint64(size))
	return b
}

func lockAt(p *Thread, kind uint16, start, size int64) uint64 {
	return p.Bytes(structFlock(kind, 0, start, size))
}

// The same random locks are taken here and on the host, by descriptions of one process:
// record locks against those of descriptions, and flock's beside them.
func TestHost_Locks(t *testing.T) {
	forTwins(t, func(w *twin) {
		names := []uint64{w.text("one"), w.text("two")}
		for _, name := range names {
			fd := w.call(abi.SysOpen, name, object.OCreat|object.ORdwr, 0o600)
			w.call(abi.SysFtruncate, uint64(fd), 100)
		}
		place := func() []byte {
			return structFlock(uint16(w.pick("type", 0, 1, 2, 0, 1, 2, 3)), uint16(w.pick("whence", 0, 0, 0, 1, 2, 3)),
				int64(w.pick("start", 0, 1, 10, 20, 25, 30, 50, ^uint64(0), ^uint64(9), 1<<63-1)),
				int64(w.pick("len", 0, 1, 5, 10, 20, ^uint64(0), ^uint64(4), 1<<63-1)))
		}
		w.run(actions{
			"open": func() {
				w.call(abi.SysOpen, names[w.pick("name", 0, 1)], w.pick("mode", object.ORdonly, object.OWronly, object.ORdwr, object.OPath))
			},
			"close": func() { w.call(abi.SysClose, w.fd()) },
			"dup":   func() { w.call(abi.SysDup2, w.fd(), w.fd()) },
			"seek":  func() { w.call(abi.SysLseek, w.fd(), w.pick("off", 0, 5, 40), 0) },
			"set":   func() { w.call(abi.SysFcntl, w.fd(), w.pick("cmd", setLK, setLK, ofdSetLK), w.put(place())) },
			"get": func() {
				at := w.put(place())
				w.call(abi.SysFcntl, w.fd(), w.pick("cmd", getLK, ofdGetLK), at)
				// Whose it is differs, and is compared below.
				w.same("lock", at, 24)
			},
			"flock": func() {
				w.call(abi.SysFlock, w.fd(), lockNB|w.pick("op", lockSH, lockEX, lockUN, 0, 3))
			},
		})
	})
}

// Processes exclude each other by ranges; who closes any descriptor of the file, or
// ends, lets the next one go on.
func TestLock_RecordsBetweenProcesses(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Create("/tmp/f", "0123456789")
	fd := p.Open("/tmp/f", object.ORdwr)
	other := p.Open("/tmp/f", object.ORdonly)
	q := p.Fork()
	p.Want(0, abi.SysFcntl, fd, setLK, lockAt(p, writeLock, 0, 10))
	q.Want(-abi.EAGAIN, abi.SysFcntl, fd, setLK, lockAt(q, readLock, 5, 1))
	q.Want(0, abi.SysFcntl, fd, setLK, lockAt(q, writeLock, 10, 0))
	at := lockAt(q, readLock, 3, 20)
	q.Want(0, abi.SysFcntl, fd, getLK, at)
	if got := q.Get(at, 32); int32(binary.LittleEndian.Uint32(got[24:])) != p.Process().PID || binary.LittleEndian.Uint64(got[16:]) != 10 {
		t.Errorf("F_GETLK: % x", got)
	}
	q.Want(Blocked, abi.SysFcntl, fd, setLKW, lockAt(q, writeLock, 0, 2))
	p.Close(other)
	q.Expect(0)
	p.Want(Blocked, abi.SysFcntl, fd, setLKW, lockAt(p, writeLock, 0, 0))
	q.Exit(0)
	p.Expect(0)
}

// Two processes that would wait for each other: the second is told, across files too.
func TestLock_Deadlock(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Create("/tmp/a", "")
	p.Create("/tmp/b", "")
	fa, fb := p.Open("/tmp/a", object.ORdwr), p.Open("/tmp/b", object.ORdwr)
	q := p.Fork()
	r := p.Fork()
	p.Want(0, abi.SysFcntl, fa, setLK, lockAt(p, writeLock, 0, 1))
	q.Want(0, abi.SysFcntl, fb, setLK, lockAt(q, writeLock, 0, 1))
	r.Want(0, abi.SysFcntl, fb, setLK, lockAt(r, writeLock, 7, 1))
	p.Want(Blocked, abi.SysFcntl, fb, setLKW, lockAt(p, readLock, 0, 1))
	r.Want(Blocked, abi.SysFcntl, fa, setLKW, lockAt(r, readLock, 0, 1))
	q.Want(-abi.EDEADLK, abi.SysFcntl, fa, setLKW, lockAt(q, writeLock, 0, 0))
	q.Want(-abi.EDEADLK, abi.SysFcntl, fb, setLKW, lockAt(q, writeLock, 7, 1)) // by way of r, which waits for p
	q.Want(-abi.EAGAIN, abi.SysFcntl, fa, setLK, lockAt(q, writeLock, 0, 0))
	q.Exit(0)
	p.Expect(0)
	p.Exit(0)
	r.Expect(0)
}

// A wait for a lock ends with EINTR, or goes on after the handler (SA_RESTART); a
// process that is killed while it waits is in nobody's way.
func TestLock_WaitIsInterrupted(t *testing.T) {
	for _, call := range []string{"fcntl", "OFD", "flock"} {
		t.Run(call, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			p.Create("/tmp/f", "")
			q := p.Fork()
			ask := func(th *Thread, wait bool) Result {
				fd := th.Open("/tmp/f", object.ORdwr)
				if call == "flock" {
					if wait {
						return th.Call(abi.SysFlock, fd, lockEX)
					}
					return th.Call(abi.SysFlock, fd, lockEX|lockNB)
				}
				cmd := map[string]int{"fcntl": setLK, "OFD": ofdSetLK}[call]
				if wait {
					cmd++
				}
				return th.Call(abi.SysFcntl, fd, cmd, lockAt(th, writeLock, 0, 0))
			}
			if r := ask(p, false); r != 0 {
				t.Fatal(r)
			}
			q.Handle(abi.SIGUSR1, 0, 0)
			q.Handle(abi.SIGUSR2, proc.SaRestart, 0)
			if r := ask(q, true); r != Blocked {
				t.Fatal(r)
			}
			b.Send(q, abi.SIGUSR2)
			q.Expect(InHandler)
			if r := q.Return(); r != Blocked {
				t.Fatal(r)
			}
			b.Send(q, abi.SIGUSR1)
			q.Expect(InHandler)
			if r := q.Return(); r != -abi.EINTR {
				t.Fatal(r)
			}
			killed := p.Fork()
			if r := ask(killed, true); r != Blocked {
				t.Fatal(r)
			}
			b.Send(killed, abi.SIGKILL)
			p.Exit(0)
			if r := ask(q, false); r != 0 {
				t.Errorf("when all is over: %v", r)
			}
			b.Advance(time.Second)
		})
	}
}

// flock's lock belongs to the description: a child has it too, and it ends with the
// last descriptor.
func TestLock_WholeFileByDescription(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Create("/tmp/f", "")
	fd := p.Open("/tmp/f", object.ORdonly)
	p.Want(0, abi.SysFlock, fd, lockEX)
	q := p.Fork()
	q.Want(0, abi.SysFlock, fd, lockEX|lockNB)
	other := q.Open("/tmp/f", object.ORdonly)
	q.Want(-abi.EAGAIN, abi.SysFlock, other, lockSH|lockNB)
	q.Close(fd)
	q.Want(Blocked, abi.SysFlock, other, lockSH)
	p.Close(fd)
	q.Expect(0)
	q.Exit(0)
	dir := p.Open("/tmp", object.ODirectory)
	p.Want(0, abi.SysFlock, dir, lockEX)
	r, _ := p.Pipe()
	p.Want(-abi.ENOLCK, abi.SysFlock, r, lockEX) // Linux can; here a lock is a file's
}

// A file has room for a bounded number of locks, also if they come about by unlocking.
func TestLock_Bounded(t *testing.T) {
	b := New(t)
	b.Unchecked = true
	p := b.Process()
	fd := p.Open("/tmp/f", object.ORdwr|object.OCreat)
	p.Want(0, abi.SysFcntl, fd, setLK, lockAt(p, writeLock, 0, 0))
	at := p.Alloc(32)
	for i := range int64(10_000) {
		p.Put(at, structFlock(noLock, 0, 2*i, 1))
		if r := p.Call(abi.SysFcntl, fd, setLK, at); r != 0 {
			if r != -abi.ENOLCK || i < 4000 {
				t.Fatalf("unlocking byte %d: %v", 2*i, r)
			}
			return
		}
	}
	t.Error("there is no end to it")
}
