// calls: futex
#include "../feature/feature.h"

// Threads meet at a barrier, again and again: nobody is a generation ahead.
enum { THREADS = 6 };

static pthread_barrier_t barrier;
static atomic_int stop, generation[THREADS], serial;

static void *meet(void *who)
{
	for (;;) {
		int mine = ++generation[(long)who];
		int r = pthread_barrier_wait(&barrier);
		CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD, "the barrier: %s", strerror(r));
		for (int i = 0; i < THREADS; i++)
			CHECK(generation[i] == mine, "thread %d is in generation %d, not %d", i, generation[i], mine);
		if (r == PTHREAD_BARRIER_SERIAL_THREAD) {
			serial++;
			stop = over();
			usleep(4000);
		}
		pthread_barrier_wait(&barrier); // all have looked
		if (stop)
			return NULL;
	}
}

FEATURE("barrier")
{
	pthread_t t[THREADS];
	ZERO(pthread_barrier_init(&barrier, NULL, THREADS));
	for (long i = 0; i < THREADS; i++)
		t[i] = thread(meet, (void *)i);
	ready();
	while (working())
		;
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	CHECK(serial == generation[0], "%d serial threads in %d generations", serial, generation[0]);
}
