// calls: futex
#include "../feature/feature.h"

// Readers share a lock, writers do not.
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static volatile long pair[2];
static atomic_int readers, together;

static void *reader(void *unused)
{
	while (!over()) {
		ZERO(pthread_rwlock_rdlock(&lock));
		if (++readers > 1)
			together = 1;
		long a = pair[0];
		usleep(2000);
		CHECK(a == pair[1], "a reader sees %ld and %ld", a, pair[1]);
		readers--;
		ZERO(pthread_rwlock_unlock(&lock));
		usleep(500);
	}
	return NULL;
}

static void *writer(void *unused)
{
	while (!over()) {
		ZERO(pthread_rwlock_wrlock(&lock));
		CHECK(readers == 0, "a writer is there with %d readers", readers);
		pair[0]++;
		usleep(1000);
		pair[1]++;
		ZERO(pthread_rwlock_unlock(&lock));
		usleep(3000);
	}
	return NULL;
}

FEATURE("rwlock")
{
	pthread_t t[5];
	for (int i = 0; i < 5; i++)
		t[i] = thread(i < 3 ? reader : writer, NULL);
	ready();
	for (int i = 0; working() || i < 10; i++)
		if (over())
			usleep(5000);
	for (int i = 0; i < 5; i++)
		join(t[i]);
	CHECK(pair[0] == pair[1] && pair[0] > 0, "the pair is %ld, %ld", pair[0], pair[1]);
}
