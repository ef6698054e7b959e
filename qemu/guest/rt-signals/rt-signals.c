// calls: rt_sigqueueinfo rt_sigtimedwait
#include "../feature/feature.h"

// Real-time signals are queued, come lowest number first, and in order within a number.
// They wait through the events.
enum { KINDS = 4, EACH = 6 };

FEATURE("rt-signals")
{
	sigset_t set;
	struct timespec now = {0};
	sigemptyset(&set);
	for (int k = 0; k < KINDS; k++)
		sigaddset(&set, SIGRTMIN + k);
	ZERO(pthread_sigmask(SIG_BLOCK, &set, NULL));
	ready();
	do {
		for (int i = 0; i < EACH; i++)
			for (int k = KINDS - 1; k >= 0; k--)
				MUST(sigqueue(getpid(), SIGRTMIN + k, (union sigval){.sival_int = k * 100 + i}) == 0);
		for (int i = 0; i < 4; i++)
			working(); // with all of them queued
		for (int k = 0; k < KINDS; k++)
			for (int i = 0; i < EACH; i++) {
				siginfo_t info;
				MUST(sigtimedwait(&set, &info, &now) == SIGRTMIN + k);
				CHECK(info.si_value.sival_int == k * 100 + i, "signal %d brought %d, not %d", k, info.si_value.sival_int, k * 100 + i);
			}
		ERRNO(sigtimedwait(&set, NULL, &now), EAGAIN);
	} while (!over());
}
