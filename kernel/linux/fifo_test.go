package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

func mkfifo(p *Thread, path string) {
	p.Must(abi.SysMknod, p.Text(path), object.ModeFIFO|0o666, 0)
}

// Whoever opens one end of a FIFO waits for the other (fifo(7)); a descriptor is taken
// meanwhile, and nobody else has it.
func TestFIFO_OpenWaits(t *testing.T) {
	b := New(t)
	p := b.Process()
	mkfifo(p, "/tmp/p")
	q := p.Fork()
	helper := p.NewThread()
	p.Want(Blocked, abi.SysOpen, p.Text("/tmp/p"), object.ORdonly, 0)
	helper.Want(-abi.EBADF, abi.SysClose, 0)
	helper.Want(-abi.EBADF, abi.SysFcntl, 0, getFD, 0)
	r, _ := helper.Pipe()
	if r == 0 {
		t.Error("the descriptor was given away")
	}
	helper.Want(-abi.EBUSY, abi.SysDup2, r, 0)
	child := helper.Fork()
	child.Want(-abi.EBADF, abi.SysFcntl, 0, getFD, 0)
	child.Exit(0)
	w := q.Open("/tmp/p", object.OWronly)
	p.Expect(0)
	q.Write(w, "through the name")
	if s := p.Read(0, 100); s != "through the name" {
		t.Errorf("read %q", s)
	}
	p.Want(Blocked, abi.SysRead, 0, p.Alloc(8), 8)
	q.Close(w)
	p.Expect(0)
	p.Close(0)
	p.Want(Blocked, abi.SysOpen, p.Text("/tmp/p"), object.OWronly, 0)
	q.Open("/tmp/p", object.ORdonly|object.ONonblock)
	p.Expect(0)
}

// The writer that somebody waited for may be gone again by the time the reader looks.
func TestFIFO_PeerComesAndGoes(t *testing.T) {
	b := New(t)
	p := b.Process()
	mkfifo(p, "/tmp/p")
	q := p.Fork()
	p.Want(Blocked, abi.SysOpen, p.Text("/tmp/p"), object.ORdonly, 0)
	b.Paused = true
	w := q.Open("/tmp/p", object.OWronly)
	q.Write(w, "bye")
	q.Close(w)
	b.Paused = false
	b.Run()
	p.Expect(0)
	if s := p.Read(0, 8); s != "bye" {
		t.Errorf("read %q", s)
	}
	p.Want(0, abi.SysRead, 0, p.Alloc(8), 8)
	if s := p.Must(abi.SysPoll, p.Bytes([]byte{0, 0, 0, 0, 1, 0, 0, 0}), 1, 0); s != 1 {
		t.Errorf("poll: %d; it hangs up", s)
	}
}

// A wait for the other end ends with EINTR, and leaves nothing open; with SA_RESTART it
// goes on behind the handler.
func TestFIFO_OpenIsInterrupted(t *testing.T) {
	b := New(t)
	p := b.Process()
	mkfifo(p, "/tmp/p")
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Handle(abi.SIGUSR2, proc.SaRestart, 0)
	q := p.Fork()
	p.Want(Blocked, abi.SysOpen, p.Text("/tmp/p"), object.OWronly, 0)
	b.Send(p, abi.SIGUSR2)
	p.Expect(InHandler)
	if r := p.Return(); r != Blocked {
		t.Fatal(r)
	}
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if r := p.Return(); r != -abi.EINTR {
		t.Fatal(r)
	}
	q.Want(Blocked, abi.SysOpen, q.Text("/tmp/p"), object.ORdonly, 0)
	p.Want(-abi.EBADF, abi.SysFcntl, 0, getFD, 0)
	// exec of another thread, or the end of the process, closes what was being opened.
	b.Send(q, abi.SIGKILL)
	p.Want(-abi.ENXIO, abi.SysOpen, p.Text("/tmp/p"), object.OWronly|object.ONonblock, 0)
}

// The same calls on FIFOs here and on the host, where none may block.
func TestHost_FIFO(t *testing.T) {
	forTwins(t, func(w *twin) {
		name, other := w.text("pipe"), w.text("other")
		w.call(abi.SysMknod, name, object.ModeFIFO|0o644, 0)
		a := w.descriptorActions()
		delete(a, "eventfd")
		a["open"] = func() {
			w.call(abi.SysOpen, w.pick("name", name, name, other),
				w.pick("mode", object.ORdonly, object.OWronly, object.ORdwr)|object.ONonblock|w.pick("flags", 0, 0, object.OCreat, object.ODirectory), 0o600)
		}
		a["make"] = func() { w.call(abi.SysMknodat, ^uint64(99), w.pick("name", name, other), object.ModeFIFO|0o600, 0) }
		a["unlink"] = func() { w.call(abi.SysUnlink, w.pick("name", name, other)) }
		a["truncate"] = func() { w.call(abi.SysTruncate, w.pick("name", name, other), 0) }
		a["poll"] = func() {
			fd, at := w.fd(), w.put(make([]byte, 8))
			b := append(le(fd)[:4], byte(w.pick("events", 0, 1, 4, 5)), 0, 0, 0)
			w.p.Put(at, b)
			w.h.Put(at, b)
			w.call(abi.SysPoll, at, 1, 0)
			w.same("events", at, 8)
		}
		w.run(a)
	})
}
