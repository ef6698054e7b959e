// calls: nanosleep
#include "../feature/feature.h"

// What is left of a sleep that a signal interrupts, and what has passed, make up all of
// it, however often.
static atomic_int done;

static void onSignal(int signo) {}

static void *poke(void *who)
{
	while (!done) {
		usleep(15000);
		ZERO(pthread_kill(*(pthread_t *)who, SIGUSR1));
	}
	return NULL;
}

static void *watch(void *unused)
{
	await_go();
	return NULL;
}

FEATURE("nanosleep")
{
	pthread_t self = pthread_self();
	handle(SIGUSR1, onSignal, 0);
	struct timespec left = spec(1000 * SECOND), tiny = spec(5 * MS);
	long long began = now_ns(CLOCK_MONOTONIC);
	long long interrupted = 0; // what passes between two sleeps is in no sleep
	pthread_t w = thread(watch, NULL), p = thread(poke, &self);
	ready();
	while (!over()) {
		ERRNO(nanosleep(&left, &left), EINTR);
		interrupted++;
		long long sum = nanoseconds(left) + now_ns(CLOCK_MONOTONIC) - began;
		CHECK(sum >= 1000 * SECOND - interrupted * MS / 10 && sum < 1000 * SECOND + LATE + interrupted * SECOND / 4, "%lld ms are left and have passed of 1000 s, after %lld interruptions", sum / MS, interrupted);
	}
	done = 1;
	join(p);
	join(w);
	began = now_ns(CLOCK_MONOTONIC);
	MUST(nanosleep(&tiny, NULL) == 0 || errno == EINTR);
}
