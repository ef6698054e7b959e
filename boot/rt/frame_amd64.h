// Offsets into abi.Frame; TestFrameOffsets compares them with the struct.
#define F_MXCSR 24
#define F_XMM   160
#define F_AX    512
#define F_BX    520
#define F_CX    528
#define F_DX    536
#define F_SI    544
#define F_DI    552
#define F_BP    560
#define F_SP    568
#define F_R8    576
#define F_R9    584
#define F_R10   592
#define F_R11   600
#define F_R12   608
#define F_R13   616
#define F_R14   624
#define F_R15   632
#define F_IP    640
#define F_FLAGS 648
#define F_FS    656
#define F_GS    664
#define F_VEC   672
#define F_ERR   680
#define F_CR2   688

// Save every register of the interrupted code except AX, IP, flags and SP into
// the frame AX points to.
#define SAVE_REGS \
	MOVQ BX, F_BX(AX); MOVQ CX, F_CX(AX); MOVQ DX, F_DX(AX); \
	MOVQ SI, F_SI(AX); MOVQ DI, F_DI(AX); MOVQ BP, F_BP(AX); \
	MOVQ R8, F_R8(AX); MOVQ R9, F_R9(AX); MOVQ R10, F_R10(AX); \
	MOVQ R11, F_R11(AX); MOVQ R12, F_R12(AX); MOVQ R13, F_R13(AX); \
	MOVQ R14, F_R14(AX); MOVQ R15, F_R15(AX); \
	STMXCSR F_MXCSR(AX); \
	MOVUPS X0, (F_XMM+0x00)(AX); MOVUPS X1, (F_XMM+0x10)(AX); \
	MOVUPS X2, (F_XMM+0x20)(AX); MOVUPS X3, (F_XMM+0x30)(AX); \
	MOVUPS X4, (F_XMM+0x40)(AX); MOVUPS X5, (F_XMM+0x50)(AX); \
	MOVUPS X6, (F_XMM+0x60)(AX); MOVUPS X7, (F_XMM+0x70)(AX); \
	MOVUPS X8, (F_XMM+0x80)(AX); MOVUPS X9, (F_XMM+0x90)(AX); \
	MOVUPS X10, (F_XMM+0xa0)(AX); MOVUPS X11, (F_XMM+0xb0)(AX); \
	MOVUPS X12, (F_XMM+0xc0)(AX); MOVUPS X13, (F_XMM+0xd0)(AX); \
	MOVUPS X14, (F_XMM+0xe0)(AX); MOVUPS X15, (F_XMM+0xf0)(AX)

// Load the vector registers of the frame AX points to.
#define LOAD_XMM \
	LDMXCSR F_MXCSR(AX); \
	MOVUPS (F_XMM+0x00)(AX), X0; MOVUPS (F_XMM+0x10)(AX), X1; \
	MOVUPS (F_XMM+0x20)(AX), X2; MOVUPS (F_XMM+0x30)(AX), X3; \
	MOVUPS (F_XMM+0x40)(AX), X4; MOVUPS (F_XMM+0x50)(AX), X5; \
	MOVUPS (F_XMM+0x60)(AX), X6; MOVUPS (F_XMM+0x70)(AX), X7; \
	MOVUPS (F_XMM+0x80)(AX), X8; MOVUPS (F_XMM+0x90)(AX), X9; \
	MOVUPS (F_XMM+0xa0)(AX), X10; MOVUPS (F_XMM+0xb0)(AX), X11; \
	MOVUPS (F_XMM+0xc0)(AX), X12; MOVUPS (F_XMM+0xd0)(AX), X13; \
	MOVUPS (F_XMM+0xe0)(AX), X14; MOVUPS (F_XMM+0xf0)(AX), X15

// Load the general registers of the frame AX points to, AX last.
#define LOAD_REGS \
	MOVQ F_BX(AX), BX; MOVQ F_CX(AX), CX; MOVQ F_DX(AX), DX; \
	MOVQ F_SI(AX), SI; MOVQ F_DI(AX), DI; MOVQ F_BP(AX), BP; \
	MOVQ F_R8(AX), R8; MOVQ F_R9(AX), R9; MOVQ F_R10(AX), R10; \
	MOVQ F_R11(AX), R11; MOVQ F_R12(AX), R12; MOVQ F_R13(AX), R13; \
	MOVQ F_R14(AX), R14; MOVQ F_R15(AX), R15; \
	MOVQ F_AX(AX), AX

// Give enterUser's caller its frame pointer back.
#define LOAD_BP MOVQ ·kernelBP(SB), BP
