// calls: clone exit futex
#include "../feature/feature.h"

// Threads begin and end all the time: joined, detached, and by pthread_exit.
static atomic_int detached_ended;

static void *brief(void *arg)
{
	usleep((long)arg % 7 * 1000);
	if ((long)arg % 2)
		pthread_exit((void *)((long)arg * 3));
	return (void *)((long)arg * 3);
}

static void *alone(void *unused)
{
	usleep(2000);
	detached_ended++;
	return NULL;
}

FEATURE("thread-exit")
{
	int detached = 0;
	ready();
	for (long n = 1; working(); n++) {
		pthread_t t[4];
		for (long i = 0; i < 4; i++)
			t[i] = thread(brief, (void *)(n * 4 + i));
		ZERO(pthread_detach(thread(alone, NULL)));
		detached++;
		for (long i = 0; i < 4; i++) {
			void *r;
			ZERO(pthread_join(t[i], &r));
			CHECK((long)r == (n * 4 + i) * 3, "a thread returned %ld, not %ld", (long)r, (n * 4 + i) * 3);
		}
	}
	for (long long from = now_ns(CLOCK_MONOTONIC); detached_ended < detached; usleep(1000))
		CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "%d of %d detached threads ended", detached_ended, detached);
}
