// calls: setitimer getitimer
#include "../feature/feature.h"

#include <sys/time.h>

// An interval timer of real time goes on through the events: never early, and not
// stopped. What is left of it is never more than its interval.
static volatile int ticks;

static void tick(int signo) { ticks++; }

FEATURE("itimer-real")
{
	struct itimerval t = {{0, 40000}, {0, 40000}}, left;
	handle(SIGALRM, tick, SA_RESTART);
	long long began = now_ns(CLOCK_MONOTONIC);
	MUST(setitimer(ITIMER_REAL, &t, NULL) == 0);
	ready();
	while (working()) {
		MUST(getitimer(ITIMER_REAL, &left) == 0);
		CHECK(left.it_interval.tv_usec == 40000 && left.it_value.tv_sec == 0 && left.it_value.tv_usec <= 40000,
		      "%ld.%06ld s are left of 40 ms", left.it_value.tv_sec, left.it_value.tv_usec);
		int count = ticks;
		long long most = (now_ns(CLOCK_MONOTONIC) - began) / (40 * MS) + 1;
		CHECK(count <= most, "%d ticks in the time of %lld", count, most);
	}
	int before = ticks;
	long long from = now_ns(CLOCK_MONOTONIC);
	while (ticks < before + 3)
		CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "the timer has stopped after %d ticks", ticks);
}
