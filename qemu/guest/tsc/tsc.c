// calls: clock_gettime
#include "../feature/feature.h"

#include <cpuid.h>
#include <x86intrin.h>

struct instant {
	uint64_t tsc;
	long long clock;
};

// at looks at both clocks, at nearly the same time if that can be had.
static struct instant at(void)
{
	struct instant best = {0};
	long long shortest = LLONG_MAX;
	for (int tries = 0; tries < 300 && shortest > 50000; tries++) {
		struct instant i;
		i.clock = now_ns(CLOCK_MONOTONIC);
		i.tsc = __rdtsc();
		long long took = now_ns(CLOCK_MONOTONIC) - i.clock;
		if (took < shortest)
			shortest = took, best = i;
	}
	return best;
}

static double pace(struct instant a, struct instant b) { return (double)(b.tsc - a.tsc) / (b.clock - a.clock); }

// What a program learns of the CPU stays true: CPUID's words, and a time stamp counter
// that never goes back and keeps its pace beside the clock.
FEATURE("tsc")
{
	uint32_t first[4], now[4];
	MUST(__get_cpuid(1, &first[0], &first[1], &first[2], &first[3]));
	struct instant began = at();
	uint64_t last = began.tsc;
	usleep(50000);
	double first_pace = pace(began, at());
	ready();
	while (working()) {
		uint64_t t = __rdtsc();
		CHECK(t > last, "the counter went from %lu to %lu", last, t);
		last = t;
		MUST(__get_cpuid(1, &now[0], &now[1], &now[2], &now[3]));
		CHECK(first[0] == now[0] && first[2] == now[2] && first[3] == now[3], "CPUID 1 says %x %x %x, and said %x %x %x",
		      now[0], now[2], now[3], first[0], first[2], first[3]);
	}
	double after = pace(began, at());
	CHECK(after > first_pace * 0.9 && after < first_pace * 1.1, "%g counts a nanosecond, and it was %g", after, first_pace);
}
