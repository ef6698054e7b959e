package linuxtest

import (
	"bytes"
	"encoding/binary"

	"motile/kernel/hw"
	"motile/kernel/vm"
)

var le = binary.LittleEndian

// User memory. Addresses come from one arena, which every bench process has, and
// no two calls of Alloc give the same: not in a child, not in another process.

// Alloc returns the address of n fresh bytes, 16-aligned. They are zero.
func (b *Bench) Alloc(n int) uint64 {
	at := b.next
	b.next += (uint64(n) + 31) &^ 15
	if b.next > ArenaEnd-(1<<20) {
		b.Fatal("the arena is used up")
	}
	return at
}

// Alloc is Bench.Alloc.
func (th *Thread) Alloc(n int) uint64 { return th.b.Alloc(n) }

// Put writes bytes to user memory.
func (th *Thread) Put(addr uint64, p []byte) {
	th.b.Helper()
	if _, f := th.Process().Space.CopyOut(addr, p); f != vm.OK {
		th.b.Fatalf("writing %d bytes at %#x: fault %d", len(p), addr, f)
	}
}

// Get reads user memory.
func (th *Thread) Get(addr uint64, n int) []byte {
	th.b.Helper()
	p := make([]byte, n)
	s := th.Process().Space
	_, f := s.CopyIn(p, addr)
	for ; f == vm.Away; _, f = s.CopyIn(p, addr) {
		th.bring()
	}
	if f != vm.OK {
		th.b.Fatalf("reading %d bytes at %#x: fault %d", n, addr, f)
	}
	return p
}

// bring lets the page arrive that could not be read.
func (th *Thread) bring() {
	s := th.Process().Space
	addr, _ := s.Wanted()
	s.WantNone()
	th.b.bring(s, addr)
}

// Text places a NUL-terminated string in fresh memory.
func (th *Thread) Text(s string) uint64 {
	at := th.Alloc(len(s) + 1)
	th.Put(at, append([]byte(s), 0))
	return at
}

// Bytes places bytes in fresh memory.
func (th *Thread) Bytes(p []byte) uint64 {
	at := th.Alloc(len(p))
	th.Put(at, p)
	return at
}

// Words places 64-bit words in fresh memory.
func (th *Thread) Words(v ...uint64) uint64 {
	var p []byte
	for _, w := range v {
		p = le.AppendUint64(p, w)
	}
	return th.Bytes(p)
}

// Vector places a NULL-terminated array of strings in fresh memory.
func (th *Thread) Vector(s ...string) uint64 {
	var at []uint64
	for _, x := range s {
		at = append(at, th.Text(x))
	}
	return th.Words(append(at, 0)...)
}

// Timespec and Timeval place a time of ns nanoseconds in fresh memory.
func (th *Thread) Timespec(ns int64) uint64 { return th.Words(uint64(ns/1e9), uint64(ns%1e9)) }
func (th *Thread) Timeval(ns int64) uint64  { return th.Words(uint64(ns/1e9), uint64(ns%1e9/1e3)) }

// Word, Word32 and SetWord32 access single words.
func (th *Thread) Word(addr uint64) uint64 {
	th.b.Helper()
	return le.Uint64(th.Get(addr, 8))
}

func (th *Thread) Word32(addr uint64) uint32 {
	th.b.Helper()
	return le.Uint32(th.Get(addr, 4))
}

func (th *Thread) SetWord32(addr uint64, v uint32) {
	th.b.Helper()
	th.Put(addr, le.AppendUint32(nil, v))
}

// Time reads a struct timespec or timeval, in units of its fraction.
func (th *Thread) Time(addr uint64) (s, fraction uint64) {
	th.b.Helper()
	return th.Word(addr), th.Word(addr + 8)
}

// CString reads a NUL-terminated string.
func (th *Thread) CString(addr uint64) string {
	th.b.Helper()
	s, ok, f := th.Process().Space.String(addr, 1<<16)
	for ; f == vm.Away; s, ok, f = th.Process().Space.String(addr, 1<<16) {
		th.bring()
	}
	if !ok || f != vm.OK {
		th.b.Fatalf("no string at %#x: fault %d", addr, f)
	}
	return s
}

// Zeroed reports whether memory is all zero.
func (th *Thread) Zeroed(addr uint64, n int) bool {
	return len(bytes.Trim(th.Get(addr, n), "\x00")) == 0
}

// LeaveFrames makes all but n of the free page frames unavailable to processes,
// until restore is called.
func LeaveFrames(n uint64) (restore func()) {
	was := hw.Stats()
	hw.SetHeapCeiling(was.Heap + was.Free - hw.Slack - n)
	return func() { hw.SetHeapCeiling(was.Ceiling) }
}
