package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/proc"
)

func TestFault_Signals(t *testing.T) {
	const private = 2
	type trap func(p *Thread) Result
	at := func(addr func(p *Thread) uint64, err uint64) trap {
		return func(p *Thread) Result { return p.Fault(addr(p), err) }
	}
	vector := func(v uint64) trap { return func(p *Thread) Result { return p.Exception(v) } }
	readOnly := func(p *Thread) uint64 { return p.Mmap(4096, 1, private) }
	beyond := func(p *Thread) uint64 {
		p.Create("/tmp/short", "x")
		return p.Must(abi.SysMmap, 0, 8192, 1, private, p.Open("/tmp/short", 0), 0) + 4096
	}
	for _, test := range []struct {
		name         string
		trap         trap
		signal, code uint32
	}{
		{"no memory there", at(func(*Thread) uint64 { return 0x1234 }, ReadFault), abi.SIGSEGV, proc.SegvMapErr},
		{"the kernel's", at(func(*Thread) uint64 { return 0xffff800000000000 }, ReadFault), abi.SIGSEGV, proc.SegvMapErr},
		{"write to read-only", at(readOnly, WriteFault), abi.SIGSEGV, proc.SegvAccErr},
		{"fetch from data", at(readOnly, FetchFault), abi.SIGSEGV, proc.SegvAccErr},
		{"beyond the end of a file", at(beyond, ReadFault), abi.SIGBUS, proc.BusAdrErr},
		{"division", vector(abi.VecDivide), abi.SIGFPE, proc.FpeIntDiv},
		{"invalid instruction", vector(abi.VecOpcode), abi.SIGILL, proc.IllIllOpn},
		{"breakpoint", vector(abi.VecBreak), abi.SIGTRAP, proc.SiKernel},
		{"protection", vector(abi.VecGP), abi.SIGSEGV, proc.SiKernel},
		{"floating point", vector(abi.VecSIMD), abi.SIGFPE, proc.FpeFltInv},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			q := p.Fork()
			q.Handle(int(test.signal), proc.SaSiginfo, 0)
			if r := test.trap(q); r != InHandler {
				t.Fatal(r)
			}
			if s, c := q.Word32(q.Frame.SI), q.Word32(q.Frame.SI+infoCode); s != test.signal || c != test.code {
				t.Errorf("signal %d code %d, want %d code %d", s, c, test.signal, test.code)
			}
			if addr := q.Word(q.Frame.SI + infoAddr); test.code != proc.SiKernel && q.Frame.Vector == abi.VecPage && addr != q.Frame.CR2 {
				t.Errorf("address %#x, want %#x", addr, q.Frame.CR2)
			}
			// Again, in the handler: the signal is blocked, so that is the end.
			if r := test.trap(q); r != Dead {
				t.Errorf("in the handler: %v", r)
			}
			if st := p.Wait(-1); st != test.signal|0x80 {
				t.Errorf("status %#x", st)
			}
		})
	}
}

// A fault cannot be ignored or blocked; it ends the process.
func TestFault_IsForced(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(p *Thread)
	}{
		{"ignored", func(p *Thread) { p.Disposition(abi.SIGSEGV, proc.SigIgn) }},
		{"blocked", func(p *Thread) { p.Handle(abi.SIGSEGV, 0, 0); p.Block(abi.SIGSEGV) }},
		{"neither", func(*Thread) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			test.do(p)
			if r := p.Fault(8, WriteFault); r != Dead {
				t.Error(r)
			}
		})
	}
}

// With SA_NODEFER a handler may fault again, until its stack is used up.
func TestFault_RecursionEnds(t *testing.T) {
	b := New(t)
	p := b.Process()
	stack := p.Mmap(16<<10, 3, 2)
	p.Must(abi.SysMunmap, stack, 4096)
	p.Frame.SP = stack + 16<<10
	p.Handle(abi.SIGSEGV, proc.SaNoDefer, 0)
	n := 0
	for r := p.Fault(8, WriteFault); r == InHandler; r = p.Fault(8, WriteFault) {
		if n++; n > 100 {
			t.Fatal("the stack does not end")
		}
	}
	p.Expect(Dead)
	if n < 5 {
		t.Errorf("ended after %d", n)
	}
}
