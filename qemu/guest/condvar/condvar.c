// calls: futex
#include "../feature/feature.h"

// Producers and consumers with a queue between them: each number comes out once.
enum { SLOTS = 4, SIDE = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all that follows
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static long queue[SLOTS], held, first, next_number, in, out, taken, done;

static void *produce(void *unused)
{
	while (!over()) {
		ZERO(pthread_mutex_lock(&lock));
		while (held == SLOTS)
			ZERO(pthread_cond_wait(&not_full, &lock));
		in += ++next_number;
		queue[(first + held++) % SLOTS] = next_number;
		ZERO(pthread_cond_signal(&not_empty));
		ZERO(pthread_mutex_unlock(&lock));
		if (next_number % 8 == 0)
			usleep(2000);
	}
	return NULL;
}

static void *consume(void *unused)
{
	ZERO(pthread_mutex_lock(&lock));
	for (;;) {
		while (held == 0 && !done)
			ZERO(pthread_cond_wait(&not_empty, &lock));
		if (held == 0)
			break;
		out += queue[first];
		first = (first + 1) % SLOTS;
		held--, taken++;
		ZERO(pthread_cond_signal(&not_full));
	}
	ZERO(pthread_mutex_unlock(&lock));
	return NULL;
}

FEATURE("condvar")
{
	pthread_t p[SIDE], c[SIDE];
	for (int i = 0; i < SIDE; i++) {
		p[i] = thread(produce, NULL);
		c[i] = thread(consume, NULL);
	}
	ready();
	while (working())
		;
	for (int i = 0; i < SIDE; i++)
		join(p[i]);
	ZERO(pthread_mutex_lock(&lock));
	done = 1;
	ZERO(pthread_cond_broadcast(&not_empty));
	ZERO(pthread_mutex_unlock(&lock));
	for (int i = 0; i < SIDE; i++)
		join(c[i]);
	CHECK(in == out && taken == next_number && held == 0, "%ld numbers went in with sum %ld, %ld came out with sum %ld", next_number, in, taken, out);
}
