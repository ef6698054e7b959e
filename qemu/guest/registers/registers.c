// calls: getpid
#include "../feature/feature.h"

// The integer registers and flags keep their values through a long loop, and those that
// a call leaves alone through a call.
FEATURE("registers")
{
	uint64_t out[16];
	ready();
	for (uint64_t round = 1; working(); round++) {
		uint64_t seed = word(round, 0), flags, rax = seed, *rdi = out;
		asm volatile(
		    "push %%rbp; push %[out]\n"
		    "lea 1(%%rax), %%rbx; lea 2(%%rax), %%rdx; lea 3(%%rax), %%rsi; lea 4(%%rax), %%rbp\n"
		    "lea 5(%%rax), %%r8; lea 6(%%rax), %%r9; lea 7(%%rax), %%r10; lea 8(%%rax), %%r11\n"
		    "lea 9(%%rax), %%r12; lea 10(%%rax), %%r13; lea 11(%%rax), %%r14; lea 12(%%rax), %%r15\n"
		    "mov $200000, %%rcx; std; stc\n"
		    "1: lea -1(%%rcx), %%rcx; jrcxz 2f; jmp 1b\n" // without the flags
		    "2: pushfq; pop %%rcx; cld\n"
		    "mov (%%rsp), %%rdi\n"
		    "mov %%rcx, 0(%%rdi); mov %%rax, 8(%%rdi); mov %%rbx, 16(%%rdi); mov %%rdx, 24(%%rdi); mov %%rsi, 32(%%rdi)\n"
		    "mov %%rbp, 40(%%rdi); mov %%r8, 48(%%rdi); mov %%r9, 56(%%rdi); mov %%r10, 64(%%rdi)\n"
		    "mov $39, %%eax; syscall\n" // getpid: only rax, rcx and r11 may change
		    "mov (%%rsp), %%rax\n"
		    "sub %%rdi, %%rax; mov %%rax, 72(%%rdi); mov %%r12, 80(%%rdi); mov %%r13, 88(%%rdi)\n"
		    "mov %%r14, 96(%%rdi); mov %%r15, 104(%%rdi); mov %%rdx, 112(%%rdi); mov %%r10, 120(%%rdi)\n"
		    "pop %%rdi; pop %%rbp\n"
		    : [out] "+D"(rdi), [rax] "+a"(rax), "=m"(out)
		    :
		    : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
		flags = out[0];
		CHECK((flags & 0x401) == 0x401, "the flags are %lx", flags);
		for (uint64_t i = 0; i < 8; i++)
			CHECK(out[1 + i] == seed + i, "register %lu is %lx, not %lx", i, out[1 + i], seed + i);
		CHECK(out[9] == 0, "rdi changed in a call");
		for (uint64_t i = 0; i < 4; i++)
			CHECK(out[10 + i] == seed + 9 + i, "r%lu is %lx after a call", 12 + i, out[10 + i]);
		CHECK(out[14] == seed + 2 && out[15] == seed + 7, "rdx or r10 changed in a call: %lx %lx", out[14], out[15]);
	}
}
