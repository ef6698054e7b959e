package object

import (
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// The memory devices (mem(4), random(4)): they have no state, so they are the
// same on every node.

// Null is /dev/null.
type Null struct{}

func (Null) Read(*Op, *File, int64) int { return 0 }
func (Null) Write(op *Op, _ *File, _ int64) int {
	drain(op)
	return 0
}
func (Null) Ready(*File) Events { return In | Out | RdNorm | WrNorm }
func (Null) Queue() *wait.Queue { return nil }
func (Null) Stat() Stat         { return Stat{Mode: ModeChar | 0o666, Nlink: 1, Rdev: Device(1, 3)} }
func (Null) Close(*File)        {}

func drain(op *Op) {
	for op.Buf.Left() > 0 {
		op.Buf.Done += op.Buf.left
		op.Buf.left = 0
	}
}

// Zero is /dev/zero.
type Zero struct{ Null }

func (Zero) Read(op *Op, _ *File, _ int64) int {
	for {
		m := op.Buf.Next(1<<20, true)
		if len(m) == 0 {
			return faultError(op)
		}
		clear(m)
		op.Buf.Advance(len(m))
	}
}
func (Zero) Stat() Stat { return Stat{Mode: ModeChar | 0o666, Nlink: 1, Rdev: Device(1, 5)} }

// Full is /dev/full.
type Full struct{ Zero }

func (Full) Write(*Op, *File, int64) int { return abi.ENOSPC }
func (Full) Stat() Stat                  { return Stat{Mode: ModeChar | 0o666, Nlink: 1, Rdev: Device(1, 7)} }

// Random is /dev/random and /dev/urandom; Fill supplies the bytes.
type Random struct {
	Null
	Fill func([]byte)
}

// maxRandom is how much one read gets: random numbers take time.
const maxRandom = 1 << 20

func (r Random) Read(op *Op, _ *File, _ int64) int {
	for {
		m := op.Buf.Next(min(4096, maxRandom-op.Buf.Done), true)
		if len(m) == 0 {
			return faultError(op)
		}
		r.Fill(m)
		op.Buf.Advance(len(m))
	}
}
func (r Random) Stat() Stat { return Stat{Mode: ModeChar | 0o666, Nlink: 1, Rdev: Device(1, 9)} }

// faultError is EFAULT when the buffer was bad from its first byte.
func faultError(op *Op) int {
	if op.Buf.Fault != 0 && op.Buf.Done == 0 {
		return abi.EFAULT
	}
	return 0
}
