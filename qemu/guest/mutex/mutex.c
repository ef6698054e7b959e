// calls: futex
#include "../feature/feature.h"

// Eight threads contend for a mutex that guards two numbers which must stay equal.
enum { THREADS = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile long a, b;
static long each[THREADS];

static void *contend(void *who)
{
	long n = 0;
	for (; !over(); n++) {
		ZERO(pthread_mutex_lock(&lock));
		CHECK(a == b, "the numbers are %ld and %ld", a, b);
		a++;
		if (n % 16 == 0)
			usleep(300); // with the lock held, so that the others wait
		b++;
		ZERO(pthread_mutex_unlock(&lock));
		if (n % 32 == 31)
			usleep(3000);
	}
	each[(long)who] = n;
	return NULL;
}

FEATURE("mutex")
{
	pthread_t t[THREADS];
	long sum = 0;
	for (long i = 0; i < THREADS; i++)
		t[i] = thread(contend, (void *)i);
	ready();
	while (working())
		;
	for (int i = 0; i < THREADS; i++) {
		join(t[i]);
		sum += each[i];
	}
	CHECK(a == sum && b == sum, "%ld increments made %ld", sum, a);
}
