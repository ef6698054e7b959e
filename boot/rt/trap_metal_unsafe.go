//go:build metal

package rt

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// PendingTimer is set in the result of TakePending when the timer fired; bit n
// below it, when I/O APIC pin n interrupted.
const PendingTimer = 1 << 31

// interrupt acknowledges an interrupt and marks it for the dispatcher.
//
//go:nosplit
func interrupt(vector uint64) {
	if vector == abi.VecSpurious {
		return
	}
	hw.EOI()
	if vector == abi.VecTimer {
		armed = 0
		now := hw.Now()
		expire(now)
		if dispatcher != 0 && dispatcher <= now {
			dispatcher = 0
			pending |= PendingTimer
		}
		arm()
		return
	}
	if pin := vector - abi.VecIRQ; pin < hw.IOAPICPins {
		pending |= 1 << pin
	}
}

// userInterrupt handles an interrupt that came in ring 3; RunUser returns next.
//
//go:nosplit
func userInterrupt(vector uint64) {
	if vector == abi.VecTimer && sampleNext != 0 {
		sampleUser()
	}
	interrupt(vector)
}

// LastFault is the register file at the last exception in ring 0 that became a
// Go panic or worse, for the panic report.
var LastFault abi.Frame

// kernelTrap handles a trap in ring 0 and returns the frame to resume.
//
//go:nosplit
func kernelTrap(f *abi.Frame) *abi.Frame {
	v := f.Vector
	if v >= 32 {
		if v == abi.VecTimer && sampleNext != 0 {
			sampleKernel(f)
		}
		interrupt(v)
		return resumeFrame(pick(v == abi.VecTimer))
	}
	if v == abi.VecPage {
		f.CR2 = hw.ReadCR2()
		// Only a missing page is the heap's; a protection fault is a bug.
		if f.Err&1 == 0 && f.CR2 >= hw.HeapBase && f.CR2 < hw.HeapTop {
			if hw.MapHeap(uintptr(f.CR2)) {
				return f
			}
			fatal("out of memory for the kernel heap\n")
		}
	}
	LastFault = *f
	sig := signalOf(v)
	t := running()
	if v == abi.VecDouble || v == abi.VecNMI || v == abi.VecMachine || actions[sig].Handler == 0 || inTrap(f.IP) {
		fatalFrame("unexpected trap in the kernel", f)
	}
	pushSignal(t, sig, faultInfo(v, f))
	return f
}

// resumeFrame delivers a pending signal and returns the frame of t.
//
//go:nosplit
func resumeFrame(t *thread) *abi.Frame {
	if p := t.pending &^ t.mask; p != 0 {
		for sig := uint64(1); sig < 64; sig++ {
			if p&(1<<(sig-1)) != 0 {
				t.pending &^= 1 << (sig - 1)
				pushSignal(t, sig, siginfo{code: siTkill})
				break
			}
		}
	}
	return &t.frame
}

// inTrap reports whether ip is in the boot segment: code of the stubs.
//
//go:nosplit
func inTrap(ip uint64) bool { return ip >= hw.ImageBase+0x100000 && ip < hw.ImageBase+0x102000 }

//go:nosplit
func signalOf(vector uint64) uint64 {
	switch vector {
	case abi.VecDivide, abi.VecX87, abi.VecSIMD:
		return abi.SIGFPE
	case abi.VecDebug, abi.VecBreak:
		return abi.SIGTRAP
	case abi.VecOpcode:
		return abi.SIGILL
	}
	return abi.SIGSEGV
}
