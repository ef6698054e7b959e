// calls: rt_sigaction
#include "../feature/feature.h"

// What happens upon each of the signals is remembered: handlers, flags, masks, ignored
// ones; SA_RESETHAND and SA_NODEFER do what they say.
static volatile int depth, most;

static void handlerA(int signo) {}
static void handlerB(int signo) {}

static void defer(int signo)
{
	if (++depth > most)
		most = depth;
	if (depth < 3)
		raise(signo);
	depth--;
}

static void dispositions(int set)
{
	for (int s = 1; s < NSIG - 1; s++) {
		if (s == SIGKILL || s == SIGSTOP || s == SIGCONT || s == 32 || s == 33)
			continue; // 32 and 33 are glibc's
		struct sigaction sa = {.sa_flags = s % 2 ? SA_RESTART : SA_NOCLDSTOP}, old;
		sa.sa_handler = s % 4 == 0 ? SIG_IGN : s % 4 == 1 ? SIG_DFL : s % 4 == 2 ? handlerA : handlerB;
		sigaddset(&sa.sa_mask, s % 30 + 1);
		MUST(sigaction(s, set ? &sa : NULL, &old) == 0);
		if (set)
			continue;
		CHECK(old.sa_handler == sa.sa_handler && (old.sa_flags & ~0x04000000) == sa.sa_flags, "signal %d: flags %#x, not %#x", s, old.sa_flags, sa.sa_flags);
		for (int m = 1; m <= 31; m++)
			CHECK(m == SIGKILL || m == SIGSTOP || sigismember(&old.sa_mask, m) == sigismember(&sa.sa_mask, m), "signal %d: its mask is wrong at %d", s, m);
	}
}

FEATURE("sigaction-table")
{
	dispositions(1);
	ready();
	while (working())
		dispositions(0);
	handle(SIGUSR1, defer, SA_NODEFER);
	MUST(raise(SIGUSR1) == 0);
	CHECK(most == 3, "with SA_NODEFER the handler was %d deep", most);
	struct sigaction old;
	handle(SIGUSR1, handlerA, SA_RESETHAND);
	MUST(raise(SIGUSR1) == 0 && sigaction(SIGUSR1, NULL, &old) == 0);
	CHECK(old.sa_handler == SIG_DFL, "the handler was not reset");
}
