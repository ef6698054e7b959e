// calls:
#include "../feature/feature.h"

// All of the floating-point state, in the registers while the process computes without
// a call: sixteen SSE registers, the x87 stack, both control words. Events find it
// there, and preemptions.
FEATURE("fpu")
{
	uint64_t in[16][2], out[16][2];
	double st[4];
	uint16_t cw = 0x0a7f, cw_after; // rounds up, in double precision, exceptions masked
	uint32_t mxcsr = 0x5f80, mxcsr_after;
	ready();
	for (uint64_t round = 0; working(); round++) {
		for (int i = 0; i < 16; i++)
			in[i][0] = word(round, i), in[i][1] = word(round, 100 + i);
		double base = round + 0.5;
		asm volatile(
		    "fninit; fldcw %[cw]; ldmxcsr %[mxcsr]\n"
		    "fldl %[base]; fld %%st(0); fadd %%st(1), %%st(0); fld %%st(0); fadd %%st(2), %%st(0)\n"
		    "movdqu 0(%[in]), %%xmm0; movdqu 16(%[in]), %%xmm1; movdqu 32(%[in]), %%xmm2; movdqu 48(%[in]), %%xmm3\n"
		    "movdqu 64(%[in]), %%xmm4; movdqu 80(%[in]), %%xmm5; movdqu 96(%[in]), %%xmm6; movdqu 112(%[in]), %%xmm7\n"
		    "movdqu 128(%[in]), %%xmm8; movdqu 144(%[in]), %%xmm9; movdqu 160(%[in]), %%xmm10; movdqu 176(%[in]), %%xmm11\n"
		    "movdqu 192(%[in]), %%xmm12; movdqu 208(%[in]), %%xmm13; movdqu 224(%[in]), %%xmm14; movdqu 240(%[in]), %%xmm15\n"
		    "mov $300000, %%rcx\n"
		    "1: dec %%rcx; jnz 1b\n"
		    "movdqu %%xmm0, 0(%[out]); movdqu %%xmm1, 16(%[out]); movdqu %%xmm2, 32(%[out]); movdqu %%xmm3, 48(%[out])\n"
		    "movdqu %%xmm4, 64(%[out]); movdqu %%xmm5, 80(%[out]); movdqu %%xmm6, 96(%[out]); movdqu %%xmm7, 112(%[out])\n"
		    "movdqu %%xmm8, 128(%[out]); movdqu %%xmm9, 144(%[out]); movdqu %%xmm10, 160(%[out]); movdqu %%xmm11, 176(%[out])\n"
		    "movdqu %%xmm12, 192(%[out]); movdqu %%xmm13, 208(%[out]); movdqu %%xmm14, 224(%[out]); movdqu %%xmm15, 240(%[out])\n"
		    "fstpl 0(%[st]); fstpl 8(%[st]); fstpl 16(%[st])\n"
		    "fnstcw %[cw_after]; stmxcsr %[mxcsr_after]; fninit\n"
		    : [cw_after] "=m"(cw_after), [mxcsr_after] "=m"(mxcsr_after)
		    : [in] "r"(in), [out] "r"(out), [st] "r"(st), [cw] "m"(cw), [mxcsr] "m"(mxcsr), [base] "m"(base)
		    : "rcx", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
		      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
		uint32_t usual = 0x1f80;
		asm volatile("ldmxcsr %0" : : "m"(usual));
		for (int i = 0; i < 16; i++)
			CHECK(in[i][0] == out[i][0] && in[i][1] == out[i][1], "xmm%d is %lx:%lx", i, out[i][1], out[i][0]);
		CHECK(st[0] == 3 * base && st[1] == 2 * base && st[2] == base, "the x87 stack is %g %g %g of %g", st[0], st[1], st[2], base);
		CHECK(cw_after == cw && mxcsr_after == mxcsr, "the control words are %#x and %#x", cw_after, mxcsr_after);
	}
}
