// calls: clone futex
#include "../feature/feature.h"

// Thread-specific data: each thread's value under a key, and its destructor at its end.
enum { THREADS = 5, KEYS = 8 };

static pthread_key_t keys[KEYS];
static atomic_long destroyed;

static void destroy(void *p) { destroyed += (long)p; }

static void *live(void *arg)
{
	long who = (long)arg + 1;
	for (long k = 0; k < KEYS; k++)
		ZERO(pthread_setspecific(keys[k], (void *)(who * 100 + k)));
	while (!over()) {
		usleep(5000);
		for (long k = 0; k < KEYS; k++)
			CHECK(pthread_getspecific(keys[k]) == (void *)(who * 100 + k), "thread %ld, key %ld: %p", who, k, pthread_getspecific(keys[k]));
	}
	return NULL;
}

FEATURE("thread-data")
{
	pthread_t t[THREADS];
	long want = 0;
	for (int k = 0; k < KEYS; k++)
		ZERO(pthread_key_create(&keys[k], destroy));
	for (long i = 0; i < THREADS; i++) {
		t[i] = thread(live, (void *)i);
		for (long k = 0; k < KEYS; k++)
			want += (i + 1) * 100 + k;
	}
	ready();
	while (working())
		;
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	CHECK(destroyed == want, "what was destroyed is %ld, not %ld", destroyed, want);
}
