package abi

// Frame is the whole register file of a stopped user thread (or of a runtime
// thread of the kernel itself). A thread's state is this data and nothing else:
// there is no kernel stack behind it.
//
// A Frame must lie at an address that is a multiple of 16, because FXSAVE writes
// to its start. It holds no pointers, so that Go's allocator aligns it so; make
// one with new(Frame) and do not embed it in a struct that has pointers.
type Frame struct {
	FX [512]byte // FXSAVE64 image: x87, MXCSR, XMM0-15 (Intel SDM vol. 1, 10.5.1)

	AX, BX, CX, DX, SI, DI, BP, SP       uint64
	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	IP, Flags                            uint64
	FSBase, GSBase                       uint64

	// Why the thread stopped; valid after a return from user mode.
	Vector uint64 // trap vector, or VecSyscall
	Err    uint64 // the CPU's error code, 0 where the vector has none
	CR2    uint64 // faulting address, for VecPage
	_      uint64
}

// Vectors (Intel SDM vol. 3, table 6-1), and those Motile gives to interrupts.
const (
	VecDivide   = 0
	VecDebug    = 1
	VecNMI      = 2
	VecBreak    = 3
	VecOverflow = 4
	VecBound    = 5
	VecOpcode   = 6
	VecNoFPU    = 7
	VecDouble   = 8
	VecTSS      = 10
	VecSegment  = 11
	VecStack    = 12
	VecGP       = 13
	VecPage     = 14
	VecX87      = 16
	VecAlign    = 17
	VecMachine  = 18
	VecSIMD     = 19
	VecTimer    = 32  // LAPIC timer
	VecIRQ      = 33  // first device interrupt; the IOAPIC pin is added
	VecSpurious = 255 // LAPIC spurious interrupt
	VecSyscall  = 256 // not a CPU vector: the SYSCALL instruction
	VecNone     = 257 // not a CPU vector: user mode was not entered, the kernel has work
)

// Offsets into Frame.FX (Intel SDM vol. 1, table 10-2).
const (
	FXControl = 0  // x87 control word, u16
	FXMXCSR   = 24 // u32
	FXXMM     = 160
)

// Reset values of the floating-point state, as Linux gives them to a new program.
const (
	FCWDefault   = 0x37f
	MXCSRDefault = 0x1f80
	MXCSRMask    = 0xffff
)

// Flags bits a user thread may have (Intel SDM vol. 1, 3.4.3): CF PF AF ZF SF
// DF OF, the always-one bit and IF, and TF and AC and ID never: what is
// not listed is dropped at every door (sigreturn, images from the wire).
const (
	FlagsUser   = 0xcd5
	FlagsAlways = 0x202
)

// UserTop is the end of the user half. The last page below it is never mapped:
// a SYSCALL at its very end would return to a non-canonical address.
const (
	UserTop  = 0x7fffffffe000
	PageSize = 4096
)

// Selectors of user code and data, as signal frames show them.
const (
	UserCS = 0x33
	UserSS = 0x2b
)
