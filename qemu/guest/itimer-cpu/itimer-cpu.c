// calls: setitimer getitimer
#include "../feature/feature.h"

#include <sys/time.h>

// Interval timers of the time that the process computes: they do not go on while it
// sleeps, or is on its way.
static volatile int virtual_ticks, prof_ticks;

static void onVirtual(int signo) { virtual_ticks++; }
static void onProf(int signo) { prof_ticks++; }

FEATURE("itimer-cpu")
{
	struct itimerval t = {{0, 10000}, {0, 10000}}, left;
	handle(SIGVTALRM, onVirtual, SA_RESTART);
	handle(SIGPROF, onProf, SA_RESTART);
	MUST(setitimer(ITIMER_VIRTUAL, &t, NULL) == 0);
	MUST(setitimer(ITIMER_PROF, &t, NULL) == 0);
	ready();
	while (working()) {
		MUST(getitimer(ITIMER_VIRTUAL, &left) == 0);
		CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_usec <= 20000, "%ld.%06ld s are left of 10 ms", left.it_value.tv_sec, left.it_value.tv_usec);
	}
	int v = virtual_ticks, p = prof_ticks;
	long long used = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	CHECK(v <= used / (10 * MS) + 2 && p <= used / (10 * MS) + 2, "%d and %d ticks in %lld ms of computing", v, p, used / MS);
	// Computing makes them tick.
	long long from = now_ns(CLOCK_MONOTONIC);
	while (virtual_ticks < v + 2 || prof_ticks < p + 2) {
		for (volatile int i = 0; i < 100000; i++)
			;
		CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "computing does not make the timers tick: %d, %d", virtual_ticks - v, prof_ticks - p);
	}
}
