// calls: alarm pause
#include "../feature/feature.h"

// alarm's seconds pass while the process moves: the signal is not early, and comes.
static volatile int rang;

static void ring(int signo) { rang = 1; }

FEATURE("alarm")
{
	handle(SIGALRM, ring, 0);
	long long began = now_ns(CLOCK_MONOTONIC);
	CHECK(alarm(1000) == 0, "there was an alarm");
	ready();
	while (working())
		;
	long passed = (now_ns(CLOCK_MONOTONIC) - began) / SECOND;
	long long armed = now_ns(CLOCK_MONOTONIC);
	long left = alarm(1);
	CHECK(left >= 999 - passed - 1 && left <= 1000 - passed, "%ld of 1000 s are left after %ld", left, passed);
	if (!rang) // it is a second away
		pause();
	CHECK(rang, "something else ended the pause");
	long long took = now_ns(CLOCK_MONOTONIC) - armed;
	CHECK(took >= SECOND - 10 * MS && took < LATE, "a second took %lld ms", took / MS);
}
