// calls: futex
#include "../feature/feature.h"

#include <linux/futex.h>

// Waiters with different bits at one futex: a wake finds those that share one with it.
static _Atomic uint32_t at;
static atomic_int woken[3];

static long futex(int op, uint32_t v, const struct timespec *t, uint32_t bits)
{
	return syscall(SYS_futex, &at, op | FUTEX_PRIVATE_FLAG, v, t, NULL, bits);
}

static void *await(void *who)
{
	while (futex(FUTEX_WAIT_BITSET, 0, NULL, 1 << (long)who) < 0)
		CHECK(errno == EINTR, "wait: %s", strerror(errno));
	woken[(long)who]++;
	return NULL;
}

FEATURE("futex-bitset")
{
	pthread_t t[3];
	for (long i = 0; i < 3; i++)
		t[i] = thread(await, (void *)i);
	ready();
	while (working()) {
		CHECK(futex(FUTEX_WAKE_BITSET, 9, NULL, 8) == 0, "a wake for nobody found somebody");
		struct timespec soon = spec(now_ns(CLOCK_MONOTONIC) + 10 * MS);
		ERRNO(futex(FUTEX_WAIT_BITSET, 0, &soon, 16), ETIMEDOUT);
	}
	static const int order[] = {1, 2, 0};
	for (int k = 0; k < 3; k++) {
		long long from = now_ns(CLOCK_MONOTONIC);
		while (futex(FUTEX_WAKE_BITSET, 9, NULL, 1 << order[k]) != 1)
			CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "nobody waits with bit %d", order[k]);
		join(t[order[k]]);
		for (int i = 0; i < 3; i++)
			CHECK(woken[i] == (i == order[k] || (k > 0 && i == order[k - 1]) || k == 2), "thread %d was woken %d times after wake %d", i, woken[i], k);
	}
}
