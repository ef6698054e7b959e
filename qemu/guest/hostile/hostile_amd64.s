#include "textflag.h"

// What a program must not be able to do. Each either raises a signal or has no
// effect; none may disturb the node. BYTE sequences are instructions the Go
// assembler does not have, or not in this form.

TEXT ·doCli(SB), NOSPLIT, $0-0
	CLI
	RET

TEXT ·doSti(SB), NOSPLIT, $0-0
	STI
	RET

TEXT ·doHlt(SB), NOSPLIT, $0-0
	HLT
	RET

TEXT ·doIn(SB), NOSPLIT, $0-0
	MOVW $0x3f8, DX
	INB
	RET

TEXT ·doOut(SB), NOSPLIT, $0-0
	MOVW $0x501, DX
	MOVL $16, AX
	OUTL
	RET

TEXT ·doLgdt(SB), NOSPLIT, $16-0
	LGDT (SP)
	RET

TEXT ·doLidt(SB), NOSPLIT, $16-0
	LIDT (SP)
	RET

TEXT ·doLtr(SB), NOSPLIT, $0-0
	MOVW $0x40, AX
	LTR  AX
	RET

TEXT ·doLldt(SB), NOSPLIT, $0-0
	XORL AX, AX
	BYTE $0x0f; BYTE $0x00; BYTE $0xd0 // LLDT AX
	RET

TEXT ·doMovToCR0(SB), NOSPLIT, $0-0
	XORL AX, AX
	MOVQ AX, CR0
	RET

TEXT ·doMovFromCR3(SB), NOSPLIT, $0-0
	MOVQ CR3, AX
	RET

TEXT ·doMovToCR3(SB), NOSPLIT, $0-0
	XORL AX, AX
	MOVQ AX, CR3
	RET

TEXT ·doMovToCR4(SB), NOSPLIT, $0-0
	XORL AX, AX
	MOVQ AX, CR4
	RET

TEXT ·doMovToDR7(SB), NOSPLIT, $0-0
	XORL AX, AX
	MOVQ AX, DR7
	RET

TEXT ·doWrmsr(SB), NOSPLIT, $0-0
	MOVL $0xc0000082, CX
	XORL AX, AX
	XORL DX, DX
	WRMSR
	RET

TEXT ·doRdmsr(SB), NOSPLIT, $0-0
	MOVL $0xc0000082, CX
	RDMSR
	RET

TEXT ·doInvlpg(SB), NOSPLIT, $0-0
	INVLPG (SP)
	RET

TEXT ·doInvd(SB), NOSPLIT, $0-0
	INVD
	RET

TEXT ·doClts(SB), NOSPLIT, $0-0
	CLTS
	RET

TEXT ·doSwapgs(SB), NOSPLIT, $0-0
	SWAPGS
	RET

TEXT ·doSysret(SB), NOSPLIT, $0-0
	BYTE $0x48; SYSRET
	RET

TEXT ·doStac(SB), NOSPLIT, $0-0
	BYTE $0x0f; BYTE $0x01; BYTE $0xcb // STAC
	RET

TEXT ·doVmcall(SB), NOSPLIT, $0-0
	BYTE $0x0f; BYTE $0x01; BYTE $0xc1 // VMCALL
	RET

TEXT ·doRdpmc(SB), NOSPLIT, $0-0
	XORL CX, CX
	RDPMC
	RET

TEXT ·doXsetbv(SB), NOSPLIT, $0-0
	XORL CX, CX
	XORL AX, AX
	XORL DX, DX
	BYTE $0x0f; BYTE $0x01; BYTE $0xd1 // XSETBV
	RET

TEXT ·doWrfsbase(SB), NOSPLIT, $0-0
	XORL AX, AX
	BYTE $0xf3; BYTE $0x48; BYTE $0x0f; BYTE $0xae; BYTE $0xd0 // WRFSBASE RAX
	RET

TEXT ·doInt80(SB), NOSPLIT, $0-0
	MOVL $1, AX
	INT  $0x80
	RET

TEXT ·doIntTimer(SB), NOSPLIT, $0-0
	INT $32
	RET

TEXT ·doIntPage(SB), NOSPLIT, $0-0
	INT $14
	RET

TEXT ·doIntDouble(SB), NOSPLIT, $0-0
	INT $8
	RET

TEXT ·doInt3(SB), NOSPLIT, $0-0
	BYTE $0xcc
	RET

TEXT ·doUd2(SB), NOSPLIT, $0-0
	UNDEF
	RET

TEXT ·doLock(SB), NOSPLIT, $0-0
	BYTE $0xf0; BYTE $0x90 // LOCK NOP
	RET

TEXT ·doLong(SB), NOSPLIT, $0-0
	// sixteen prefixes: longer than any instruction may be
	BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66
	BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x66; BYTE $0x90
	RET

TEXT ·doDivide(SB), NOSPLIT, $0-0
	XORL CX, CX
	XORL DX, DX
	MOVL $1, AX
	DIVL CX
	RET

TEXT ·doReadKernel(SB), NOSPLIT, $0-0
	MOVQ $0xffffffff80200000, AX
	MOVQ (AX), AX
	RET

TEXT ·doWriteKernel(SB), NOSPLIT, $0-0
	MOVQ $0xffff800000100000, AX
	MOVQ AX, (AX)
	RET

TEXT ·doJumpKernel(SB), NOSPLIT, $0-0
	MOVQ $0xffffffff80200000, AX
	JMP  AX

TEXT ·doReadNonCanonical(SB), NOSPLIT, $0-0
	MOVQ $0x0000800000000000, AX
	MOVQ (AX), AX
	RET

TEXT ·doJumpNonCanonical(SB), NOSPLIT, $0-0
	MOVQ $0x8000000000000000, AX
	JMP  AX

TEXT ·doStackKernel(SB), NOSPLIT, $0-0
	MOVQ $0xffffffff80400000, SP
	PUSHQ AX
	POPQ  AX
	RET

TEXT ·doStackNonCanonical(SB), NOSPLIT, $0-0
	MOVQ $0x0000900000000000, SP
	PUSHQ AX
	POPQ  AX
	RET

// A system call with a stack pointer that is the kernel's, or nobody's: the call
// is carried out, the pointer is this program's problem. exit_group(7).
TEXT ·doSyscallKernelStack(SB), NOSPLIT, $0-0
	MOVQ $0xffffffff80400000, SP
	MOVL $231, AX
	MOVL $7, DI
	SYSCALL
	UNDEF

TEXT ·doSyscallBadStack(SB), NOSPLIT, $0-0
	MOVQ $0x0000dead00000000, SP
	SHLQ $16, SP
	MOVL $231, AX
	MOVL $7, DI
	SYSCALL
	UNDEF

// Flags at SYSCALL: direction, nested task, alignment check, I/O privilege.
TEXT ·doSyscallFlags(SB), NOSPLIT, $0-0
	PUSHFQ
	POPQ AX
	ORQ  $0x47400, AX
	PUSHQ AX
	POPFQ
	MOVL $110, AX // getppid
	SYSCALL
	CLD
	MOVL $231, AX
	MOVL $7, DI
	SYSCALL
	UNDEF

TEXT ·doTrapFlag(SB), NOSPLIT, $0-0
	PUSHFQ
	POPQ AX
	ORQ  $0x100, AX
	PUSHQ AX
	POPFQ
	NOP
	NOP
	RET

// Trap flag across a system call.
TEXT ·doTrapFlagSyscall(SB), NOSPLIT, $0-0
	MOVL $110, AX
	PUSHFQ
	POPQ CX
	ORQ  $0x100, CX
	PUSHQ CX
	POPFQ
	SYSCALL
	RET

// sigreturn with whatever lies on the stack: SP points at a frame of garbage.
TEXT ·doSigreturn(SB), NOSPLIT, $0-8
	MOVQ frame+0(FP), SP
	ADDQ $8, SP
	MOVL $15, AX
	SYSCALL
	UNDEF

TEXT ·doFxrstor(SB), NOSPLIT, $0-8
	MOVQ area+0(FP), AX
	FXRSTOR64 (AX)
	RET

TEXT ·doLdmxcsr(SB), NOSPLIT, $8-0
	MOVL $0xffffffff, 0(SP)
	LDMXCSR 0(SP)
	RET

TEXT ·doSimdTrap(SB), NOSPLIT, $8-0
	MOVL $0, 0(SP) // all exceptions unmasked
	LDMXCSR 0(SP)
	XORPS X0, X0
	MOVL $0x3f800000, AX
	MOVL AX, X1
	DIVSS X0, X1
	RET

TEXT ·doX87Trap(SB), NOSPLIT, $8-0
	MOVW $0x0340, 0(SP) // all exceptions unmasked
	FLDCW 0(SP)
	FLD1
	FLDZ
	FDIVDP F0, F1
	WAIT
	RET

TEXT ·doFar(SB), NOSPLIT, $16-0
	MOVQ $0x100000, AX
	MOVQ AX, 0(SP)
	MOVW $0x10, 8(SP)
	BYTE $0x48; BYTE $0xff; BYTE $0x2c; BYTE $0x24 // JMP FAR [RSP]: the kernel's code segment
	RET

TEXT ·doIret(SB), NOSPLIT, $0-0
	PUSHQ $0x18
	PUSHQ SP
	PUSHQ $0x3202
	PUSHQ $0x10
	LEAQ  back<>(SB), AX
	PUSHQ AX
	IRETQ

TEXT back<>(SB), NOSPLIT|NOFRAME, $0-0
	UNDEF

TEXT ·doLoadSS(SB), NOSPLIT, $0-0
	MOVW $0x18, AX
	MOVW AX, SS
	RET

TEXT ·doCall32(SB), NOSPLIT, $16-0
	LEAQ back<>(SB), AX
	MOVQ AX, 0(SP)
	MOVW $0x23, 8(SP)
	BYTE $0x48; BYTE $0xff; BYTE $0x2c; BYTE $0x24 // JMP FAR to the 32-bit segment
	RET

TEXT ·doPushForever(SB), NOSPLIT, $0-0
loop:
	SUBQ $4096, SP
	MOVQ AX, (SP)
	JMP  loop
