//go:build metal

package rt

import (
	"motile/kernel/abi"
)

//go:noescape
func enterUser(f *abi.Frame)

//go:noescape
func switchFPU(from, to *abi.Frame, scratch *[512]byte)
func halt()
func takePending() uint32
func yield()

// fpuOwner is the user frame whose x87 registers are in the CPU, nil if none's
// are. XMM registers are saved at every trap, x87 only when another thread runs.
var (
	fpuOwner   *abi.Frame
	fpuScratch = new([512]byte) // on the heap: aligned to 16
)

// RunUser runs a user thread until it traps, and leaves its registers and the
// reason (Frame.Vector) in f. VecNone or an interrupt vector: nothing was wrong,
// but the kernel has work (TakePending).
//
// Preconditions: the thread's page table is loaded; f was made by Sanitize.
func RunUser(f *abi.Frame) {
	if fpuOwner != f {
		switchFPU(fpuOwner, f, fpuScratch)
		fpuOwner = f
	}
	enterUser(f)
	if numReady > 1 {
		yield() // the runtime's own threads: they do little, and soon
	}
}

// SpillFPU makes f complete: its x87 registers may still be in the CPU.
// It must be called before a Frame's FX is read or replaced.
func SpillFPU(f *abi.Frame) {
	if fpuOwner == f {
		switchFPU(f, nil, fpuScratch)
		fpuOwner = nil
	}
}

// Halt waits for an interrupt unless one has left work already.
func Halt() {
	halted = true
	for halt(); pending == 0 && numReady == 1; halt() {
		// The timer was armed for a slice that ended early, or a nap.
	}
	halted = false
	arm()
	if numReady > 1 {
		yield()
	}
}

// TakePending returns and clears the interrupts since the last call: bit n for
// I/O APIC pin n, and PendingTimer.
func TakePending() uint32 { return takePending() }

// SetDeadline makes the timer interrupt at the given time (hw.Now); 0: not at all.
func SetDeadline(t int64) {
	dispatcher = t
	arm()
}

// SetWall sets the wall clock: nanoseconds since 1970 at monotonic time zero.
func SetWall(base int64) { wallBase = base }

// MarkPending sets bits of TakePending, as an interrupt would.
func MarkPending(bits uint32) { orPending(bits) }

func orPending(bits uint32)

// Pending reports whether TakePending would return anything.
func Pending() bool { return pending != 0 }
