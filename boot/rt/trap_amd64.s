//go:build metal

#include "go_asm.h"
#include "textflag.h"
#include "frame_amd64.h"

#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define KERNEL_CS 0x10
#define KERNEL_SS 0x18
#define USER_CS 0x33
#define USER_SS 0x2b
// SYSRETQ is SYSRET to 64-bit code; the assembler's own has no REX prefix.
#define SYSRETQ BYTE $0x48; BYTE $0x0f; BYTE $0x07
#define VEC_SYSCALL 256
#define VEC_NONE 257

// WRITE_FS sets the FS base to BX; clobbers CX, DX and AX.
#define WRITE_FS \
	MOVL $MSR_FS_BASE, CX; MOVQ BX, AX; MOVQ BX, DX; SHRQ $32, DX; WRMSR

// trapCommon is where every trap stub jumps, on one of the interrupt stacks:
//	0 vector  8 error code  16 IP  24 CS  32 flags  40 SP  48 SS
TEXT ·trapCommon(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	PUSHQ AX
	TESTB $3, 32(SP)
	JNZ   user

	// Ring 0: save into the running M, let Go choose the M to resume.
	MOVQ ·current(SB), AX
	SAVE_REGS
	POPQ BX
	MOVQ BX, F_AX(AX)
	POPQ BX
	MOVQ BX, F_VEC(AX)
	POPQ BX
	MOVQ BX, F_ERR(AX)
	MOVQ 0(SP), BX
	MOVQ BX, F_IP(AX)
	MOVQ 16(SP), BX
	MOVQ BX, F_FLAGS(AX)
	MOVQ 24(SP), BX
	MOVQ BX, F_SP(AX)
	PUSHQ $0 // result
	PUSHQ AX
	CLD
	CALL ·kernelTrap(SB)
	MOVQ 8(SP), AX
	JMP  resume<>(SB)

user:
	MOVQ ·userFrame(SB), AX
	SAVE_REGS
	POPQ BX
	MOVQ BX, F_AX(AX)
	POPQ R8 // vector
	MOVQ R8, F_VEC(AX)
	POPQ BX
	MOVQ BX, F_ERR(AX)
	MOVQ 0(SP), BX
	MOVQ BX, F_IP(AX)
	MOVQ 16(SP), BX
	MOVQ BX, F_FLAGS(AX)
	MOVQ 24(SP), BX
	MOVQ BX, F_SP(AX)
	MOVQ CR2, BX
	MOVQ BX, F_CR2(AX)
	// Go code needs the kernel's own FS, to find g.
	MOVQ ·current(SB), BX
	MOVQ F_FS(BX), BX
	WRITE_FS
	CMPQ R8, $32
	JCS  exception
	PUSHQ R8
	CALL ·userInterrupt(SB)
	POPQ R8
exception:
	JMP leaveUser<>(SB)

// leaveUser returns from enterUser: the other half of that function.
// Flags are made new: user code may have set DF or AC.
TEXT leaveUser<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	LDMXCSR ·kernelMXCSR(SB)
	MOVQ ·kernelSP(SB), SP
	LOAD_BP
	PUSHQ $0x202
	POPFQ
	RET

// syscallEntry is LSTAR: the kernel's own runtime and user programs both get
// here, on their own stacks, interrupts off (SFMASK). CX = return address.
TEXT ·syscallEntry(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVQ AX, ·scratch(SB)
	TESTQ CX, CX
	JLT  kernel
	MOVQ ·userFrame(SB), AX
	SAVE_REGS
	MOVQ CX, F_IP(AX)
	MOVQ R11, F_FLAGS(AX)
	MOVQ SP, F_SP(AX)
	MOVQ ·scratch(SB), BX
	MOVQ BX, F_AX(AX)
	MOVQ $VEC_SYSCALL, F_VEC(AX)
	MOVQ ·current(SB), BX
	MOVQ F_FS(BX), BX
	WRITE_FS
	JMP  leaveUser<>(SB)

kernel:
	MOVQ ·current(SB), AX
	SAVE_REGS
	MOVQ CX, F_IP(AX)
	MOVQ R11, F_FLAGS(AX)
	MOVQ SP, F_SP(AX)
	MOVQ ·scratch(SB), BX
	MOVQ BX, F_AX(AX)
	LEAQ ·syscallStack(SB), SP
	ADDQ $const_trapStackSize, SP
	PUSHQ $0 // result
	PUSHQ AX
	CALL ·kernelSyscall(SB)
	MOVQ 8(SP), AX
	JMP  resume<>(SB)

// resume continues the M whose frame AX points to.
TEXT resume<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	CMPQ AX, ·current(SB)
	JEQ  same
	MOVQ AX, ·current(SB)
	MOVQ F_FS(AX), BX
	MOVQ AX, R8
	WRITE_FS
	MOVQ R8, AX
same:
	LOAD_XMM
	PUSHQ $KERNEL_SS
	PUSHQ F_SP(AX)
	PUSHQ F_FLAGS(AX)
	PUSHQ $KERNEL_CS
	PUSHQ F_IP(AX)
	LOAD_REGS
	IRETQ

// func enterUser(f *abi.Frame)
// It returns through leaveUser when the user thread traps.
TEXT ·enterUser(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ 8(SP), AX
	CLI
	CMPL ·pending(SB), $0
	JEQ  enter
	STI
	MOVQ $VEC_NONE, F_VEC(AX)
	RET

enter:
	MOVQ SP, ·kernelSP(SB)
	MOVQ BP, ·kernelBP(SB)
	MOVQ AX, ·userFrame(SB)
	MOVQ AX, R8
	MOVQ F_FS(AX), BX
	WRITE_FS
	MOVQ F_GS(R8), BX
	CMPQ BX, ·liveGS(SB)
	JEQ  gsDone
	MOVQ BX, ·liveGS(SB)
	MOVL $MSR_GS_BASE, CX
	MOVQ BX, AX
	MOVQ BX, DX
	SHRQ $32, DX
	WRMSR
gsDone:
	MOVQ R8, AX
	LOAD_XMM
	// A system call's return has CX and R11 as SYSCALL left them, and goes by SYSRET, which
	// looks at no descriptors. IP is canonical: Sanitize.
	MOVQ F_IP(AX), BX
	CMPQ BX, F_CX(AX)
	JNE  byIRET
	MOVQ F_FLAGS(AX), BX
	CMPQ BX, F_R11(AX)
	JNE  byIRET
	MOVQ F_SP(AX), SP
	LOAD_REGS
	SYSRETQ
byIRET:
	PUSHQ $USER_SS
	PUSHQ F_SP(AX)
	PUSHQ F_FLAGS(AX)
	PUSHQ $USER_CS
	PUSHQ F_IP(AX)
	LOAD_REGS
	IRETQ

// func switchFPU(from, to *abi.Frame, scratch *[512]byte)
// Moves the x87 state: into from (whose XMM part is already saved and is kept),
// out of to. from may be nil.
TEXT ·switchFPU(SB), NOSPLIT, $0-24
	MOVQ from+0(FP), DI
	MOVQ to+8(FP), BX
	MOVQ scratch+16(FP), SI
	TESTQ DI, DI
	JEQ  load
	FXSAVE64 (SI)
	MOVUPS (SI), X0
	MOVQ   16(SI), AX
	MOVUPS X0, (DI)
	MOVQ   AX, 16(DI)
	MOVUPS 32(SI), X0
	MOVUPS 48(SI), X1
	MOVUPS 64(SI), X2
	MOVUPS 80(SI), X3
	MOVUPS 96(SI), X4
	MOVUPS 112(SI), X5
	MOVUPS 128(SI), X6
	MOVUPS 144(SI), X7
	MOVUPS X0, 32(DI)
	MOVUPS X1, 48(DI)
	MOVUPS X2, 64(DI)
	MOVUPS X3, 80(DI)
	MOVUPS X4, 96(DI)
	MOVUPS X5, 112(DI)
	MOVUPS X6, 128(DI)
	MOVUPS X7, 144(DI)
load:
	TESTQ BX, BX
	JEQ  done
	FXRSTOR64 (BX)
	LDMXCSR ·kernelMXCSR(SB)
done:
	RET

// func halt()
// Waits for an interrupt, unless one has already left work.
TEXT ·halt(SB), NOSPLIT, $0-0
	CLI
	CMPL ·pending(SB), $0
	JNE  done
	STI
	HLT
	RET
done:
	STI
	RET

// func takePending() uint32
TEXT ·takePending(SB), NOSPLIT, $0-4
	XORL AX, AX
	XCHGL AX, ·pending(SB)
	MOVL AX, ret+0(FP)
	RET

// func orPending(bits uint32)
TEXT ·orPending(SB), NOSPLIT, $0-4
	MOVL bits+0(FP), AX
	ORL  AX, ·pending(SB)
	RET

// func yield()
TEXT ·yield(SB), NOSPLIT, $0-0
	MOVL $24, AX // sched_yield
	SYSCALL
	RET

// idle is the M that runs when no other can.
TEXT ·idle(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
loop:
	STI
	HLT
	JMP loop
