package linux_test

import (
	"bytes"
	"strings"
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

func TestPipe_ReadWaitsForWriter(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	buf := p.Alloc(8)
	p.Want(Blocked, abi.SysRead, r, buf, 8)
	q.Write(w, "hello")
	p.Expect(5)
	if got := string(p.Get(buf, 5)); got != "hello" {
		t.Errorf("read %q", got)
	}
}

func TestPipe_EndOfFile(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	p.Close(w)
	buf := p.Alloc(8)
	p.Want(Blocked, abi.SysRead, r, buf, 8) // q could still write
	q.Write(w, "last")
	p.Expect(4)
	p.Want(Blocked, abi.SysRead, r, buf, 8)
	q.Exit(0)
	p.Expect(0)
	p.Want(0, abi.SysRead, r, buf, 8)
}

func TestPipe_BrokenPipe(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	p.Close(r)

	p.Disposition(abi.SIGPIPE, proc.SigIgn)
	p.Want(-abi.EPIPE, abi.SysWrite, w, p.Text("x"), 1)

	p.Handle(abi.SIGPIPE, 0, 0)
	p.Want(InHandler, abi.SysWrite, w, p.Text("x"), 1)
	if p.Return(); p.Result() != -abi.EPIPE {
		t.Errorf("after the handler: %v", p.Result())
	}

	q := p.Fork()
	q.Disposition(abi.SIGPIPE, proc.SigDfl)
	q.Want(Dead, abi.SysWrite, w, q.Text("x"), 1)
	if st := p.Wait(-1); st != abi.SIGPIPE {
		t.Errorf("status %#x, want killed by SIGPIPE", st)
	}
}

func TestPipe_WriterOfAFullPipeIsToldThatTheReaderIsGone(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	p.Close(r)
	p.Disposition(abi.SIGPIPE, proc.SigIgn)
	big := p.Alloc(object.PipeSize + 10)
	p.Want(Blocked, abi.SysWrite, w, big, object.PipeSize+10)
	q.Exit(0)
	p.Expect(object.PipeSize) // what was written is not denied
	p.Want(-abi.EPIPE, abi.SysWrite, w, big, 1)
}

// A write that does not fit waits, keeps its place, and goes on from there.
func TestPipe_PartialWriteWaits(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	const n = 3*object.PipeSize + 100
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7)
	}
	p.Want(Blocked, abi.SysWrite, w, p.Bytes(data), n)
	if p.Thread.Call.Done != object.PipeSize {
		t.Errorf("%d bytes done", p.Thread.Call.Done)
	}
	var got []byte
	for len(got) < n {
		p.Expect(Blocked)
		got = append(got, q.Read(r, 10_000)...)
		if len(got) >= n-object.PipeSize {
			p.Expect(n)
			break
		}
	}
	for len(got) < n {
		got = append(got, q.Read(r, 10_000)...)
	}
	if !bytes.Equal(got, data) {
		t.Error("the bytes did not come through in order")
	}
}

// pipe(7): a write of at most PIPE_BUF bytes is not divided.
func TestPipe_SmallWritesAreAtomic(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	p.Write(w, strings.Repeat("a", object.PipeSize-10))
	p.Want(Blocked, abi.SysWrite, w, p.Text(strings.Repeat("b", 100)), 100)
	if p.Thread.Call.Done != 0 {
		t.Errorf("%d of 100 bytes went in", p.Thread.Call.Done)
	}
	q.Read(r, 89) // room for 99
	p.Expect(Blocked)
	q.Read(r, 1)
	p.Expect(100)
}

func TestPipe_Nonblocking(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe2(object.ONonblock)
	buf := p.Alloc(2 * object.PipeSize)
	p.Want(-abi.EAGAIN, abi.SysRead, r, buf, 1)
	p.Want(object.PipeSize, abi.SysWrite, w, buf, 2*object.PipeSize) // a partial write
	p.Want(-abi.EAGAIN, abi.SysWrite, w, buf, 1)
	p.Want(10, abi.SysRead, r, buf, 10)
	p.Want(-abi.EAGAIN, abi.SysWrite, w, buf, 100) // atomic: all or nothing
	p.Want(10, abi.SysWrite, w, buf, 10)
	p.Want(object.PipeSize, abi.SysRead, r, buf, 2*object.PipeSize)
}

// O_NONBLOCK is a property of the description, so it can change while a call waits.
func TestPipe_NonblockIsLookedAtOnEveryStep(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	x := p.NewThread()
	buf := p.Alloc(8)
	p.Want(Blocked, abi.SysRead, r, buf, 8)
	x.Must(abi.SysFcntl, w, 4, object.ONonblock)
	x.Write(w, "z")
	p.Expect(1)
}

func TestPipe_ZeroBytes(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	p.Want(0, abi.SysRead, r, 0, 0)
	p.Want(0, abi.SysWrite, w, 0, 0)
	p.Write(w, strings.Repeat("a", object.PipeSize))
	p.Want(0, abi.SysWrite, w, 0, 0) // the pipe is full, but there is nothing to write
	p.Close(r)
	p.Want(0, abi.SysWrite, w, 0, 0) // nor anybody to miss it
}

func TestPipe_BadMemory(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	p.Want(-abi.EFAULT, abi.SysWrite, w, 0x1000, 10)
	p.Write(w, "hello")
	p.Want(-abi.EFAULT, abi.SysRead, r, 0x1000, 10)
	if got := p.Read(r, 10); got != "hello" { // a failed read takes nothing
		t.Errorf("read %q", got)
	}
	// The buffer ends in the middle: what could be moved was.
	page := p.Mmap(8192, 3, 2)
	p.Must(abi.SysMunmap, page+4096, 4096)
	p.Want(6, abi.SysWrite, w, page+4096-6, 10)
}

func TestPipe_Vectors(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	hello, world := p.Text("hello"), p.Text("world")
	p.Want(8, abi.SysWritev, w, p.Words(hello, 5, 0, 0, world, 3), 3)
	to := p.Alloc(16)
	p.Want(8, abi.SysReadv, r, p.Words(to, 2, 0, 0, to+4, 10), 3)
	if got := string(p.Get(to, 10)); got != "he\x00\x00llowor" {
		t.Errorf("read %q", got)
	}
	p.Want(0, abi.SysWritev, w, 0, 0)
	p.Want(-abi.EINVAL, abi.SysWritev, w, to, 1025)
	p.Want(-abi.EINVAL, abi.SysWritev, w, p.Words(hello, ^uint64(0)), 1)
	p.Want(-abi.EFAULT, abi.SysWritev, w, 8, 1)
}

// A blocked vectored write resumes inside the piece where it stopped.
func TestPipe_VectoredWriteResumes(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	head, body := strings.Repeat("h", 100), strings.Repeat("b", object.PipeSize)
	v := p.Words(p.Text(head), 100, p.Text(body), object.PipeSize)
	p.Want(Blocked, abi.SysWritev, w, v, 2)
	got := q.Read(r, 5000)
	p.Expect(100 + object.PipeSize)
	got += q.Read(r, object.PipeSize)
	if got != head+body {
		t.Error("the bytes did not come through in order")
	}
}

func TestPipe_SignalInterrupts(t *testing.T) {
	for _, test := range []struct {
		name    string
		flags   uint64
		written int // by the time the signal comes
		want    Result
	}{
		{"read", 0, 0, -abi.EINTR},
		{"read, SA_RESTART", proc.SaRestart, 0, Blocked},
		{"write", 0, object.PipeSize, object.PipeSize},
		{"write, SA_RESTART", proc.SaRestart, object.PipeSize, object.PipeSize},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			r, w := p.Pipe()
			q := p.Fork()
			p.Handle(abi.SIGUSR1, test.flags, 0)
			if test.written > 0 {
				p.Want(Blocked, abi.SysWrite, w, p.Alloc(test.written+1), test.written+1)
			} else {
				p.Want(Blocked, abi.SysRead, r, p.Alloc(10), 10)
			}
			q.Kill(p, abi.SIGUSR1)
			p.Expect(InHandler)
			if got := p.Return(); got != test.want {
				t.Errorf("after the handler: %v, want %v", got, test.want)
			}
			if test.want == Blocked { // it is the same read, made again
				q.Write(w, "abc")
				p.Expect(3)
			}
		})
	}
}

func TestPipe_ReadersTakeTurns(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	one, two := p.Fork(), p.Fork()
	buf := p.Alloc(4)
	one.Want(Blocked, abi.SysRead, r, buf, 4)
	two.Want(Blocked, abi.SysRead, r, buf, 4)
	p.Write(w, "1111")
	one.Expect(4)
	two.Expect(Blocked)
	p.Write(w, "2222")
	two.Expect(4)
}

// A thread that waits in a descriptor is not left behind when another closes it.
func TestPipe_ClosedUnderneath(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, _ := p.Pipe()
	x := p.NewThread()
	p.Want(Blocked, abi.SysRead, r, p.Alloc(4), 4)
	x.Close(r)
	p.Expect(-abi.EBADF)
}

func TestPipe_ThroughScripts(t *testing.T) {
	b := New(t)
	p := b.Process()
	const n = 50_000
	sum, want := 0, 0
	p.Go(func(p *Thread) {
		r, w := p.Pipe()
		p.Spawned(func(c *Thread) {
			c.Close(r)
			buf := c.Alloc(7000)
			for sent := 0; sent < n; {
				k := min(7000, n-sent)
				line := make([]byte, k)
				for i := range line {
					line[i] = byte(sent + i)
					want += int(line[i])
				}
				c.Put(buf, line)
				sent += int(c.Must(abi.SysWrite, w, buf, k))
			}
		})
		p.Must(abi.SysFork)
		p.Close(w)
		buf := p.Alloc(900)
		for {
			k := p.Must(abi.SysRead, r, buf, 900)
			if k == 0 {
				break
			}
			for _, c := range p.Get(buf, int(k)) {
				sum += int(c)
			}
		}
		if st := p.Wait(-1); st != 0 {
			t.Errorf("status %#x", st)
		}
	})
	b.Run()
	if sum != want || want == 0 {
		t.Errorf("sum %d, want %d", sum, want)
	}
}
