//go:build metal

package rt

import (
	"unsafe"

	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Signals to the Go runtime itself: a nil dereference in the kernel becomes
// SIGSEGV and thereby an ordinary, recoverable Go panic; SIGURG preempts a
// goroutine that loops.

// sigaction as rt_sigaction(2) passes it to the kernel.
type sigaction struct{ Handler, Flags, Restorer, Mask uint64 }

const (
	saOnStack = 0x08000000
	siTkill   = -6 // SI_TKILL
	siMapErr  = 1  // SEGV_MAPERR
	siIntDiv  = 1  // FPE_INTDIV
)

var actions [65]sigaction

// siginfo is what a siginfo_t tells.
type siginfo struct {
	code int32
	addr uint64
}

//go:nosplit
func faultInfo(vector uint64, f *abi.Frame) siginfo {
	switch vector {
	case abi.VecPage:
		return siginfo{siMapErr, f.CR2}
	case abi.VecDivide:
		return siginfo{siIntDiv, f.IP}
	}
	return siginfo{0x80, 0} // SI_KERNEL
}

// pushSignal makes t run the handler of sig when it resumes.
//
//go:nosplit
func pushSignal(t *thread, sig uint64, in siginfo) {
	act := &actions[sig]
	if act.Handler == 0 {
		return // the runtime has not installed it yet; only SIGURG can be so
	}
	f := &t.frame
	sp := f.SP - 128
	if act.Flags&saOnStack != 0 && t.altStack.Size != 0 && sp-t.altStack.SP >= t.altStack.Size {
		sp = t.altStack.SP + t.altStack.Size
	}
	sp -= 512
	sp &^= 63
	fx := sp
	sp -= abi.SigFrameSize
	sp = sp&^15 - 8
	// Writing must not fault: trap context does not nest.
	for p := sp &^ (hw.PageSize - 1); p < fx+512; p += hw.PageSize {
		if p >= hw.HeapBase && p < hw.HeapTop && !hw.MapHeap(uintptr(p)) {
			fatal("out of memory for a signal frame\n")
		}
	}
	*(*[512]byte)(pointer(fx)) = f.FX
	s := (*abi.SigFrame)(pointer(sp))
	s.Restorer = act.Restorer
	s.UC.Flags, s.UC.Link = abi.UCFlags, 0
	s.UC.Stack = t.altStack
	s.UC.Context.Save(f)
	s.UC.Context.FPState = fx
	s.UC.Mask = t.mask
	s.Info.Signo, s.Info.Errno, s.Info.Code = int32(sig), 0, in.code
	s.Info.Fields[0] = in.addr

	t.mask |= act.Mask | 1<<(sig-1)
	f.DI, f.SI, f.DX, f.AX = sig, sp+uint64(unsafe.Offsetof(s.Info)), sp+uint64(unsafe.Offsetof(s.UC)), 0
	f.SP, f.IP, f.Flags = sp, act.Handler, 0x202
}

// sigreturn undoes pushSignal. SP points just above the frame's first word.
//
//go:nosplit
func sigreturn(t *thread) {
	s := (*abi.SigFrame)(pointer(t.frame.SP - 8))
	t.frame.FX = *(*[512]byte)(pointer(s.UC.Context.FPState))
	t.mask = s.UC.Mask
	s.UC.Context.Restore(&t.frame)
}
