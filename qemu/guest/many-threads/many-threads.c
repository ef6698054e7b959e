// calls: clone futex set_tid_address
#include "../feature/feature.h"

// 64 threads, each with its stack, its thread-local words and its number.
enum { THREADS = 64 };

static __thread uint64_t mine[16];
static long rounds[THREADS];

static void *live(void *arg)
{
	long who = (long)arg;
	volatile uint64_t stack[64];
	pid_t tid = gettid();
	for (int i = 0; i < 64; i++)
		stack[i] = word(who, i);
	for (int i = 0; i < 16; i++)
		mine[i] = word(who, 1000 + i);
	while (!over()) {
		usleep(20000 + who * 100);
		for (int i = 0; i < 64; i++)
			CHECK(stack[i] == word(who, i), "thread %ld: word %d of its stack is %lx", who, i, stack[i]);
		for (int i = 0; i < 16; i++)
			CHECK(mine[i] == word(who, 1000 + i), "thread %ld: its word %d is %lx", who, i, mine[i]);
		rounds[who]++;
	}
	return (void *)(long)tid;
}

FEATURE("many-threads")
{
	pthread_t t[THREADS];
	pid_t tid[THREADS];
	for (long i = 0; i < THREADS; i++)
		t[i] = thread(live, (void *)i);
	ready();
	while (working())
		;
	for (int i = 0; i < THREADS; i++) {
		void *r;
		ZERO(pthread_join(t[i], &r));
		tid[i] = (long)r;
		for (int k = 0; k < i; k++)
			CHECK(tid[k] != tid[i], "threads %d and %d both are %d", k, i, tid[i]);
	}
	CHECK(rounds[0] > 0 && rounds[THREADS - 1] > 0, "a thread did not run");
}
