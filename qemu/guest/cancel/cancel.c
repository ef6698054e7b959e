// calls: tgkill futex
#include "../feature/feature.h"

// Threads that wait in a call are cancelled: their cleanup runs, and they end.
static int fds[2];
static atomic_int cleaned;

static void clean(void *unused) { cleaned++; }

static void *wait_for_ever(void *how)
{
	char c;
	pthread_cleanup_push(clean, NULL);
	if (how)
		MUST(read(fds[0], &c, 1) >= 0);
	else
		while (1)
			sleep(1000);
	pthread_cleanup_pop(0);
	return NULL;
}

FEATURE("cancel")
{
	int cancelled = 0;
	void *r;
	MUST(pipe(fds) == 0);
	pthread_t old = thread(wait_for_ever, fds); // waits through all of the events
	ready();
	while (working()) {
		pthread_t t = thread(wait_for_ever, cancelled % 2 ? fds : NULL);
		usleep(cancelled % 3 * 2000);
		ZERO(pthread_cancel(t));
		ZERO(pthread_join(t, &r));
		CHECK(r == PTHREAD_CANCELED && cleaned <= ++cancelled, "the thread returned %p, %d cleaned up", r, cleaned);
	}
	int before = cleaned;
	ZERO(pthread_cancel(old));
	ZERO(pthread_join(old, &r));
	CHECK(r == PTHREAD_CANCELED && cleaned == before + 1, "the thread that waited returned %p", r);
}
