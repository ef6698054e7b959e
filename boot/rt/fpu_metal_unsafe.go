//go:build metal

package rt

import (
	"unsafe"

	"motile/kernel/abi"
)

// XMM registers are saved at every trap, x87's only when another thread runs. Hardly any
// program uses those, and FXSAVE and FXRSTOR take half as long as a system call. So it is
// looked at first, with FNSAVE, which writes a fifth of that, whether they are as a new thread has them;
// every bit of them counts, for what one program leaves there another one could read.

//go:noescape
func switchFPU(from, to *abi.Frame, scratch *[512]byte)

// x87 is the state of the x87 registers as FNSAVE writes it (Intel SDM vol. 1, 8.1.10), in
// words; the last half of one is not used.
type x87 [14]uint64

// saveX87 leaves a state that FRSTOR has to mend, unless it was that of a new thread.
//
//go:noescape
func saveX87(to *x87)

//go:noescape
func loadX87(from *x87)

// fpuOwner is the user frame whose x87 registers are in the CPU, nil if none's are.
var (
	fpuOwner   *abi.Frame
	fpuScratch = new([512]byte) // on the heap: aligned to 16
	x87Scratch x87
	x87New     = newX87() // a new thread's
)

func newX87() (s x87) {
	f := newFrame
	f.FX[abi.FXControl], f.FX[abi.FXControl+1] = abi.FCWDefault&0xff, abi.FCWDefault>>8
	*(*uint32)(unsafe.Pointer(&f.FX[abi.FXMXCSR])) = abi.MXCSRDefault
	switchFPU(nil, f, fpuScratch)
	saveX87(&s)
	return s
}

var newFrame = new(abi.Frame) // on the heap likewise

// useFPU gives the x87 registers to f.
func useFPU(f *abi.Frame) {
	if fpuOwner == f {
		return
	}
	if fpuOwner == nil || !asNew(f) || !leaveAsNew(fpuOwner) {
		switchFPU(fpuOwner, f, fpuScratch)
	}
	fpuOwner = f
}

// SpillFPU makes f complete: its x87 registers may still be in the CPU.
// It must be called before a Frame's FX is read or replaced.
func SpillFPU(f *abi.Frame) {
	if fpuOwner == f {
		switchFPU(f, nil, fpuScratch)
		fpuOwner = nil
	}
}

// inFX is what of a frame's FX is x87's: control, status, tags and pointers in three
// words, one word of MXCSR, and the registers.
func inFX(f *abi.Frame) *[abi.FXXMM / 8]uint64 {
	return (*[abi.FXXMM / 8]uint64)(unsafe.Pointer(&f.FX))
}

// asNew reports whether the x87 state that a frame has is that of a new thread.
func asNew(f *abi.Frame) bool {
	fx := inFX(f)
	sum := fx[0] ^ abi.FCWDefault | fx[1] | fx[2]
	for _, word := range fx[4:] {
		sum |= word
	}
	return sum == 0
}

// leaveAsNew saves the x87 registers into a frame if they are as a new thread has them, and
// leaves them so; else it does nothing.
func leaveAsNew(f *abi.Frame) bool {
	saveX87(&x87Scratch)
	for i := range x87Scratch {
		if x87Scratch[i] != x87New[i] {
			loadX87(&x87Scratch)
			return false
		}
	}
	fx := inFX(f)
	fx[0], fx[1], fx[2] = abi.FCWDefault, 0, 0
	clear(fx[4:])
	return true
}
