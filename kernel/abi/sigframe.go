package abi

// What a signal handler finds on its stack, as Linux lays it out on x86-64
// (arch/x86/include/uapi/asm/sigcontext.h, ucontext.h; sigreturn(2)). The Go
// runtime inside the kernel and user programs get the same frame.

// Sigcontext is struct sigcontext: 256 bytes.
type Sigcontext struct {
	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	DI, SI, BP, BX, DX, AX, CX, SP       uint64
	IP, Flags                            uint64
	CS, GS, FS, SS                       uint16
	Err, TrapNo, OldMask, CR2            uint64
	FPState                              uint64 // address of the FXSAVE image, 0 if none
	_                                    [8]uint64
}

// Stack is stack_t (sigaltstack(2)).
type Stack struct {
	SP    uint64
	Flags int32
	_     int32
	Size  uint64
}

// Ucontext is struct ucontext.
type Ucontext struct {
	Flags, Link uint64
	Stack       Stack
	Context     Sigcontext
	Mask        uint64
}

// Siginfo is siginfo_t: 128 bytes, of which Fields depends on the code
// (sigaction(2)).
type Siginfo struct {
	Signo, Errno, Code int32
	_                  int32
	Fields             [14]uint64
}

// SigFrame is struct rt_sigframe. The handler starts with SP at its first
// word, so that returning from the handler goes to Restorer.
type SigFrame struct {
	Restorer uint64
	UC       Ucontext
	Info     Siginfo
}

// SigFrameSize is sizeof(struct rt_sigframe).
const SigFrameSize = 8 + (16 + 24 + 256 + 8) + 128

// Ucontext.Flags as Linux sets them without XSAVE: SS is saved, and restored.
const UCFlags = 0x2 | 0x4

// Save fills a signal context from a stopped thread's registers.
//
//go:nosplit
func (c *Sigcontext) Save(f *Frame) {
	c.R8, c.R9, c.R10, c.R11 = f.R8, f.R9, f.R10, f.R11
	c.R12, c.R13, c.R14, c.R15 = f.R12, f.R13, f.R14, f.R15
	c.DI, c.SI, c.BP, c.BX, c.DX, c.AX, c.CX, c.SP = f.DI, f.SI, f.BP, f.BX, f.DX, f.AX, f.CX, f.SP
	c.IP, c.Flags = f.IP, f.Flags
	c.CS, c.SS = UserCS, UserSS
	c.Err, c.TrapNo, c.CR2 = f.Err, f.Vector, f.CR2
}

// Restore puts the general registers of a signal context back. IP and flags are
// taken as they are: the caller must sanitise what came from a user.
//
//go:nosplit
func (c *Sigcontext) Restore(f *Frame) {
	f.R8, f.R9, f.R10, f.R11 = c.R8, c.R9, c.R10, c.R11
	f.R12, f.R13, f.R14, f.R15 = c.R12, c.R13, c.R14, c.R15
	f.DI, f.SI, f.BP, f.BX, f.DX, f.AX, f.CX, f.SP = c.DI, c.SI, c.BP, c.BX, c.DX, c.AX, c.CX, c.SP
	f.IP, f.Flags = c.IP, c.Flags
}
