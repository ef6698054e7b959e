// calls: clock_gettime
#include "../feature/feature.h"

#include <cpuid.h>
#include <x86intrin.h>

// What a program learns of the CPU stays true: CPUID's words, and a time stamp counter
// that never goes back and keeps its pace beside the clock.
FEATURE("tsc")
{
	uint32_t first[4], now[4];
	MUST(__get_cpuid(1, &first[0], &first[1], &first[2], &first[3]));
	uint64_t began = __rdtsc(), last = began;
	long long clock = now_ns(CLOCK_MONOTONIC);
	usleep(50000);
	double pace = (double)(__rdtsc() - began) / (now_ns(CLOCK_MONOTONIC) - clock);
	ready();
	while (working()) {
		uint64_t t = __rdtsc();
		CHECK(t > last, "the counter went from %lu to %lu", last, t);
		last = t;
		MUST(__get_cpuid(1, &now[0], &now[1], &now[2], &now[3]));
		CHECK(first[0] == now[0] && first[2] == now[2] && first[3] == now[3], "CPUID 1 says %x %x %x, and said %x %x %x",
		      now[0], now[2], now[3], first[0], first[2], first[3]);
	}
	double after = (double)(__rdtsc() - began) / (now_ns(CLOCK_MONOTONIC) - clock);
	CHECK(after > pace * 0.9 && after < pace * 1.1, "%g counts a nanosecond, and it was %g", after, pace);
}
