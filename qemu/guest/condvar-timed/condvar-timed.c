// calls: futex
#include "../feature/feature.h"

// Waiting for a condition until a time: by either clock, never short.
FEATURE("condvar-timed")
{
	static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never[2];
	for (int i = 0; i < 2; i++) {
		pthread_condattr_t a;
		ZERO(pthread_condattr_init(&a));
		ZERO(pthread_condattr_setclock(&a, clocks[i]));
		ZERO(pthread_cond_init(&never[i], &a));
	}
	ready();
	for (int round = 0; working(); round++) {
		int i = round % 2, error = 0;
		long long at = now_ns(clocks[i]) + 30 * MS;
		struct timespec t = spec(at);
		ZERO(pthread_mutex_lock(&lock));
		while (error == 0)
			error = pthread_cond_timedwait(&never[i], &lock, &t);
		ZERO(pthread_mutex_unlock(&lock));
		long long late = now_ns(clocks[i]) - at;
		CHECK(error == ETIMEDOUT && late >= 0 && late < LATE, "%s, %lld us late by clock %d", strerror(error), late / 1000, clocks[i]);
	}
}
