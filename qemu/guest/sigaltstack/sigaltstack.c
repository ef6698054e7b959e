// calls: sigaltstack rt_sigaction rt_sigreturn
#include "../feature/feature.h"

#include <setjmp.h>

// A handler on its own stack: while the process is in it, SS_ONSTACK says so and the
// stack cannot be changed; it even handles the overflow of the ordinary one.
static char other[64 << 10];
static volatile int inside, overflows;
static sigjmp_buf back;

static int on_other(const void *p) { return (char *)p >= other && (char *)p < other + sizeof other; }

static void onSignal(int signo)
{
	stack_t now, small = {.ss_flags = SS_DISABLE};
	char here;
	MUST(sigaltstack(NULL, &now) == 0);
	CHECK(on_other(&here) && now.ss_flags == SS_ONSTACK && now.ss_sp == other, "in the handler the stack is %p, flags %d", now.ss_sp, now.ss_flags);
	ERRNO(sigaltstack(&small, NULL), EPERM);
	inside++;
	working(); // events find the process here
	CHECK(on_other(&here), "the handler's stack has gone");
}

static void onOverflow(int signo)
{
	overflows++;
	siglongjmp(back, 1);
}

static int __attribute__((noinline)) recurse(volatile int *p)
{
	volatile int here[1024] = {*p};
	return here[0] < 0 ? 0 : recurse(here) + here[1]; // it never is
}

FEATURE("sigaltstack")
{
	stack_t s = {.ss_sp = other, .ss_size = sizeof other}, now;
	volatile int zero = 0, rounds = 0;
	MUST(sigaltstack(&s, NULL) == 0);
	handle(SIGUSR1, onSignal, SA_ONSTACK);
	handle(SIGSEGV, onOverflow, SA_ONSTACK);
	ready();
	while (working()) {
		rounds++;
		MUST(raise(SIGUSR1) == 0);
		MUST(sigaltstack(NULL, &now) == 0);
		CHECK(now.ss_sp == other && now.ss_size == sizeof other && now.ss_flags == 0, "the stack is %p, flags %d", now.ss_sp, now.ss_flags);
	}
	CHECK(inside == rounds, "%d of %d signals were handled", inside, rounds);
	if (sigsetjmp(back, 1) == 0)
		recurse(&zero);
	CHECK(overflows == 1, "an overflow of the stack was not handled");
}
