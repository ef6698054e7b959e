// calls: clock_gettime
#include "../feature/feature.h"

// The monotonic clocks neither go back nor jump, whichever thread looks.
static _Atomic long long latest;

static void look(void)
{
	long long before = latest, t = now_ns(CLOCK_MONOTONIC);
	CHECK(t >= before, "the clock went back by %lld us", (before - t) / 1000);
	CHECK(t - before < LATE, "the clock jumped by %lld ms", (t - before) / MS);
	while (before < t && !atomic_compare_exchange_weak(&latest, &before, t))
		;
}

static void *look_on(void *unused)
{
	while (!over()) {
		look();
		usleep(1000);
	}
	return NULL;
}

FEATURE("monotonic")
{
	latest = now_ns(CLOCK_MONOTONIC);
	long long boot = now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
	pthread_t a = thread(look_on, NULL), b = thread(look_on, NULL);
	ready();
	while (working()) {
		for (int i = 0; i < 50; i++)
			look();
		long long c = now_ns(CLOCK_MONOTONIC), coarse = now_ns(CLOCK_MONOTONIC_COARSE), after = now_ns(CLOCK_MONOTONIC);
		CHECK(coarse <= after && coarse > c - 100 * MS, "the coarse clock is %lld us behind", (c - coarse) / 1000);
		long long b1 = now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC) - boot;
		CHECK(b1 > -LATE && b1 < LATE, "the clocks went apart by %lld ms", b1 / MS);
	}
	join(a);
	join(b);
}
