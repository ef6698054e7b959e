// calls: clock_gettime gettimeofday time
#include "../feature/feature.h"

#include <sys/time.h>

// The time of day agrees with the monotonic clock: nodes whose clocks differ by hours
// do not make it step.
static long long offset(void)
{
	long long best = LLONG_MAX, result = 0;
	for (int i = 0; i < 20; i++) { // the pair that was read in the shortest time
		long long a = now_ns(CLOCK_MONOTONIC), w = now_ns(CLOCK_REALTIME), b = now_ns(CLOCK_MONOTONIC);
		if (b - a < best)
			best = b - a, result = w - a;
	}
	return result;
}

FEATURE("wall-clock")
{
	long long first = offset();
	ready();
	while (working()) {
		long long drift = offset() - first;
		CHECK(drift > -SECOND && drift < SECOND, "the wall clock stepped by %lld ms", drift / MS);
		struct timeval t;
		long long before = now_ns(CLOCK_REALTIME);
		MUST(gettimeofday(&t, NULL) == 0);
		long long us = t.tv_sec * SECOND + t.tv_usec * 1000, after = now_ns(CLOCK_REALTIME);
		CHECK(us >= before - 1000 && us <= after, "gettimeofday is %lld us off", (us - before) / 1000);
		time_t s = time(NULL);
		CHECK(s >= before / SECOND && s <= now_ns(CLOCK_REALTIME) / SECOND, "time is %ld, the clock %lld", s, before / SECOND);
	}
}
