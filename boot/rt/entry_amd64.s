//go:build metal

#include "go_asm.h"
#include "textflag.h"

// kstart is the 64-bit entry: RDI = physical address of hvm_start_info.
// It gives Go a stack and a place for g, runs early, and starts the runtime
// with the argument block early left at the top of the stack.
TEXT ·kstart(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	LEAQ ·bootStack(SB), SP
	ADDQ $(const_bootStackSize-const_argBlockSize), SP
	MOVQ DI, ·startInfo(SB)
	// FS:-8 is g. The runtime's own g comes with arch_prctl; until then a g
	// of zeros serves, whose stack guard no stack pointer is below.
	LEAQ ·bootG(SB), AX
	MOVQ AX, ·bootTLS+56(SB)
	LEAQ ·bootTLS+64(SB), AX
	MOVQ AX, DX
	SHRQ $32, DX
	MOVL $0xc0000100, CX
	WRMSR
	LEAQ ·trapCommon(SB), AX // keeps it in the link: only the trap stubs, made later, jump there
	CALL ·early(SB)
	LEAQ ·vdsoClock(SB), AX
	MOVQ AX, runtime·vdsoClockgettimeSym(SB)
	LEAQ ·bootStack(SB), SP
	ADDQ $(const_bootStackSize-const_argBlockSize), SP
	STI
	JMP _rt0_amd64_linux(SB)

// vdsoClock stands in for the vDSO's clock_gettime, so that time.Now costs no
// trap: DI = clock, SI = struct timespec. The C calling convention.
TEXT ·vdsoClock(SB), NOSPLIT|NOFRAME, $0
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ motile∕kernel∕hw·clock(SB), AX
	MULQ motile∕kernel∕hw·clock+8(SB)
	SHRQ $32, AX
	SHLQ $32, DX
	ORQ  DX, AX
	ADDQ motile∕kernel∕hw·clock+16(SB), AX
	TESTL DI, DI // CLOCK_REALTIME is 0
	JNE  mono
	ADDQ ·wallBase(SB), AX
mono:
	XORL DX, DX
	MOVQ $1000000000, CX
	DIVQ CX
	MOVQ AX, 0(SI)
	MOVQ DX, 8(SI)
	XORL AX, AX
	RET

// func imageEnd() uintptr
TEXT ·imageEnd(SB), NOSPLIT, $0-8
	LEAQ runtime·end(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// Addresses of code for descriptor tables and frames.

TEXT ·addrSyscallEntry(SB), NOSPLIT, $0-8
	LEAQ ·syscallEntry(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT ·addrIdle(SB), NOSPLIT, $0-8
	LEAQ ·idle(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func loadTables(gdtr, idtr *[10]byte)
TEXT ·loadTables(SB), NOSPLIT, $0-16
	MOVQ gdtr+0(FP), AX
	LGDT (AX)
	MOVQ idtr+8(FP), AX
	LIDT (AX)
	MOVW $0x18, AX
	MOVW AX, SS
	MOVW AX, DS
	MOVW AX, ES
	MOVW $0x40, AX
	LTR  AX
	RET
