// calls: clock_nanosleep
#include "../feature/feature.h"

// Sleeps until a time, on either clock: never short, and not longer for a move.
FEATURE("clock-nanosleep")
{
	static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
	ready();
	for (int round = 0; working(); round++) {
		clockid_t c = clocks[round % 3];
		long long at = now_ns(c) + 30 * MS;
		struct timespec t = spec(at), short_sleep = spec(5 * MS);
		ZERO(clock_nanosleep(c, TIMER_ABSTIME, &t, NULL));
		long long late = now_ns(c) - at;
		CHECK(late >= 0 && late < LATE, "clock %d: %lld us late", c, late / 1000);
		t = spec(at - 10 * MS); // that is over
		ZERO(clock_nanosleep(c, TIMER_ABSTIME, &t, NULL));
		at = now_ns(c);
		ZERO(clock_nanosleep(c, 0, &short_sleep, NULL));
		late = now_ns(c) - at - 5 * MS;
		CHECK(late >= -MS / 10 && late < LATE, "clock %d: 5 ms took %lld us more", c, late / 1000);
	}
}
