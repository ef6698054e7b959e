package proc

import (
	"encoding/binary"
	"slices"

	"motile/kernel/abi"
	"motile/kernel/vm"
)

// Signal frames, as Linux lays them out (abi.SigFrame).

const (
	redZone   = 128 // below SP, the x86-64 ABI's
	fxSize    = 512
	ssOnStack = 1
	ssDisable = 2
	flagDF    = 0x400
)

// onAltStack reports whether sp lies in the alternate stack.
func (t *Thread) onAltStack(sp uint64) bool {
	return t.AltStack.Size != 0 && sp-t.AltStack.SP <= t.AltStack.Size
}

// AltStackFlags is ss_flags as sigaltstack(2) reports it.
func (t *Thread) AltStackFlags() int32 {
	switch {
	case t.AltStack.Size == 0:
		return ssDisable
	case t.onAltStack(t.Frame.SP):
		return ssOnStack
	}
	return 0
}

// PushSignal takes the next signal that has a handler and makes t run it. A call
// that is still active is suspended below the handler.
func (tb *Table) PushSignal(t *Thread) {
	in, ok := t.TakeSignal(^t.Mask)
	if !ok {
		return
	}
	a := t.proc.Actions[in.Signo]
	if a.Handler <= SigIgn {
		tb.carryOut(t.proc, in)
		return
	}
	if tb.SpillFPU != nil {
		tb.SpillFPU(t.Frame)
	}
	f := t.Frame
	sp := f.SP - redZone
	if a.Flags&SaOnStack != 0 && t.AltStack.Size != 0 && !t.onAltStack(f.SP) {
		sp = t.AltStack.SP + t.AltStack.Size
	}
	fx := (sp - fxSize) &^ 63
	frame := (fx-abi.SigFrameSize)&^15 - 8
	mask := t.Mask
	if t.MaskSaved {
		mask, t.MaskSaved = t.SavedMask, false
	}
	t.dropOverwritten(frame, fx+fxSize)
	if t.Call.Active && len(t.Below) >= maxBelow {
		t.Call.Active = false // it ends as it does on Linux, under however few handlers
		ret := int64(-abi.EINTR)
		f.AX = uint64(ret)
	}
	img := t.encodeFrame(in, a, fx, mask)
	_, f1 := t.proc.Space.CopyOut(fx, f.FX[:])
	_, f2 := t.proc.Space.CopyOut(frame, img)
	if f1 != vm.OK || f2 != vm.OK || a.Flags&SaRestorer == 0 {
		tb.Exit(t.proc, abi.SIGSEGV|0x80) // no stack to tell it on
		return
	}
	if t.Call.Active {
		t.Below = append(t.Below, Suspended{t.Call, frame})
		t.Call.Active = false
	}
	t.Mask |= a.Mask
	if a.Flags&SaNoDefer == 0 {
		t.Mask |= bit(in.Signo)
	}
	t.Mask &^= unblockable
	if a.Flags&SaResetHand != 0 {
		t.proc.Actions[in.Signo] = Action{}
	}
	f.DI, f.SI, f.DX, f.AX = uint64(in.Signo), frame+sigInfoAt, frame+sigUCAt, 0
	f.SP, f.IP = frame, a.Handler
	f.Flags &^= flagDF
	ResetFPU(f)
	Sanitize(f)
}

// maxBelow is how many calls of a thread wait below handlers.
const maxBelow = 64

// dropOverwritten forgets the calls whose signal frames lie where a new one will:
// their handlers were left by a longjmp.
func (t *Thread) dropOverwritten(start, end uint64) {
	t.Below = slices.DeleteFunc(t.Below, func(s Suspended) bool { return s.Frame >= start && s.Frame < end })
}

// Offsets in abi.SigFrame.
const (
	sigUCAt      = 8
	sigContextAt = sigUCAt + 16 + 24
	sigMaskAt    = sigContextAt + 256
	sigInfoAt    = sigMaskAt + 8
)

func (t *Thread) encodeFrame(in Info, a Action, fx, mask uint64) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, abi.SigFrameSize)
	b = le.AppendUint64(b, a.Restorer)
	b = le.AppendUint64(b, abi.UCFlags)
	b = le.AppendUint64(b, 0)
	b = le.AppendUint64(b, t.AltStack.SP)
	b = le.AppendUint64(b, uint64(uint32(t.AltStackFlags())))
	b = le.AppendUint64(b, t.AltStack.Size)
	f := t.Frame
	for _, r := range []uint64{f.R8, f.R9, f.R10, f.R11, f.R12, f.R13, f.R14, f.R15,
		f.DI, f.SI, f.BP, f.BX, f.DX, f.AX, f.CX, f.SP, f.IP, f.Flags} {
		b = le.AppendUint64(b, r)
	}
	b = le.AppendUint64(b, abi.UserCS|abi.UserSS<<48)
	trap := f.Vector
	if trap >= 32 {
		trap = 0
	}
	for _, r := range []uint64{f.Err, trap, mask, f.CR2, fx} {
		b = le.AppendUint64(b, r)
	}
	b = append(b, make([]byte, 64)...)
	b = le.AppendUint64(b, mask)
	return append(b, in.Encode()...)
}

// Encode lays out a siginfo_t: 128 bytes.
func (in *Info) Encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 128)
	le.PutUint32(b[0:], uint32(in.Signo))
	le.PutUint32(b[8:], uint32(in.Code))
	switch in.Signo {
	case abi.SIGSEGV, abi.SIGBUS, abi.SIGILL, abi.SIGFPE, abi.SIGTRAP:
		if in.Code > 0 {
			le.PutUint64(b[16:], in.Addr)
			return b
		}
	case abi.SIGCHLD:
		if in.Code > 0 {
			le.PutUint32(b[16:], uint32(in.PID))
			le.PutUint32(b[20:], uint32(in.UID))
			le.PutUint32(b[24:], uint32(in.Value))
			le.PutUint64(b[32:], uint64(in.UTime))
			le.PutUint64(b[40:], uint64(in.STime))
			return b
		}
	}
	le.PutUint32(b[16:], uint32(in.PID))
	le.PutUint32(b[20:], uint32(in.UID))
	le.PutUint64(b[24:], in.Value)
	return b
}

// Sigreturn undoes PushSignal: rt_sigreturn(2). It reports false when the frame
// cannot be read; then nothing has changed. Whatever the frame says, the result is fit for
// user mode.
func (tb *Table) Sigreturn(t *Thread) bool {
	at := t.Frame.SP - 8
	b := make([]byte, sigInfoAt)
	if _, f := t.proc.Space.CopyIn(b, at); f != vm.OK {
		return false
	}
	le := binary.LittleEndian
	word := func(i int) uint64 { return le.Uint64(b[sigContextAt+8*i:]) }
	const fpState = 18 + 1 + 4 // after the registers, the selectors, err, trapno, oldmask, cr2
	fx := word(fpState)
	var state [fxSize]byte
	if fx != 0 {
		if _, f := t.proc.Space.CopyIn(state[:], fx); f != vm.OK {
			return false
		}
	}
	if tb.SpillFPU != nil {
		tb.SpillFPU(t.Frame)
	}
	f := t.Frame
	for i, r := range []*uint64{&f.R8, &f.R9, &f.R10, &f.R11, &f.R12, &f.R13, &f.R14, &f.R15,
		&f.DI, &f.SI, &f.BP, &f.BX, &f.DX, &f.AX, &f.CX, &f.SP, &f.IP, &f.Flags} {
		*r = word(i)
	}
	if fx == 0 {
		ResetFPU(f)
	} else {
		f.FX = state
	}
	t.SetMask(le.Uint64(b[sigMaskAt:]))
	Sanitize(f)
	for i := len(t.Below) - 1; i >= 0; i-- {
		if t.Below[i].Frame == at {
			t.Call = t.Below[i].Call
			t.Below = t.Below[:i] // those above were left by a longjmp
			t.resumed = true
			break
		}
	}
	return true
}

// ResetFPU gives a frame the floating-point state of a new program.
func ResetFPU(f *abi.Frame) {
	clear(f.FX[:])
	binary.LittleEndian.PutUint16(f.FX[abi.FXControl:], abi.FCWDefault)
	binary.LittleEndian.PutUint32(f.FX[abi.FXMXCSR:], abi.MXCSRDefault)
}

// Sanitize makes a frame that came from a user, or from the wire, safe to enter
// user mode with: no privileged flags, no reserved MXCSR bits, no address that
// would fault in the kernel.
func Sanitize(f *abi.Frame) {
	f.Flags = f.Flags&abi.FlagsUser | abi.FlagsAlways
	le := binary.LittleEndian
	le.PutUint32(f.FX[abi.FXMXCSR:], le.Uint32(f.FX[abi.FXMXCSR:])&abi.MXCSRMask)
	// Non-canonical: the first fetch faults, in user mode, where it belongs.
	if f.IP >= abi.UserTop {
		f.IP = abi.UserTop
	}
	if f.FSBase >= abi.UserTop {
		f.FSBase = 0
	}
	if f.GSBase >= abi.UserTop {
		f.GSBase = 0
	}
}
