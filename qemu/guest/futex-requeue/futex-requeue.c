// calls: futex
#include "../feature/feature.h"

#include <linux/futex.h>

// Waiters are requeued from one futex to another while they wait, without being woken;
// a wake at the second one finds them.
enum { WAITERS = 4 };

static _Atomic uint32_t first, second;
static atomic_int waiting, woken;

static long futex(_Atomic uint32_t *at, int op, uint32_t v, long v2, _Atomic uint32_t *other, uint32_t v3)
{
	return syscall(SYS_futex, at, op | FUTEX_PRIVATE_FLAG, v, v2, other, v3);
}

static void *await(void *unused)
{
	waiting++;
	while (futex(&first, FUTEX_WAIT, 0, 0, NULL, 0) < 0)
		CHECK(errno == EINTR, "wait: %s", strerror(errno));
	woken++;
	return NULL;
}

FEATURE("futex-requeue")
{
	pthread_t t[WAITERS];
	int is_ready = 0;
	do {
		woken = waiting = 0;
		for (int i = 0; i < WAITERS; i++)
			t[i] = thread(await, NULL);
		int moved = 0;
		for (long long from = now_ns(CLOCK_MONOTONIC); moved < WAITERS; usleep(1000)) {
			long n = futex(&first, FUTEX_CMP_REQUEUE, 0, WAITERS, &second, 0);
			CHECK(n >= 0, "requeue: %s", strerror(errno));
			moved += n;
			CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "%d of %d were requeued", moved, WAITERS);
		}
		if (!is_ready)
			ready(), is_ready = 1;
		ERRNO(futex(&first, FUTEX_CMP_REQUEUE, 0, WAITERS, &second, 7), EAGAIN);
		working();
		working(); // they wait at the second one now
		CHECK(futex(&first, FUTEX_WAKE, WAITERS, 0, NULL, 0) == 0 && woken == 0, "somebody still waits at the first futex, or woke: %d", woken);
		for (int i = 0; i < WAITERS; i++)
			CHECK(futex(&second, FUTEX_WAKE, 1, 0, NULL, 0) == 1, "the second futex wakes nobody, after %d", i);
		for (int i = 0; i < WAITERS; i++)
			join(t[i]);
	} while (!over());
}
