// calls: set_robust_list get_robust_list futex
#include "../feature/feature.h"

// A thread dies with a robust mutex: the next one to want it hears of that, and those
// who wait are woken. One dies before the events, the others during and after them; one
// has its mutex, and another waits for that, as long as the events go on.
static pthread_mutex_t early, lock, throughout;
static atomic_int throughout_held;
static atomic_int deaths;

static void make(pthread_mutex_t *m)
{
	pthread_mutexattr_t a;
	ZERO(pthread_mutexattr_init(&a));
	ZERO(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	ZERO(pthread_mutex_init(m, &a));
}

static void *die_with(void *m)
{
	int error = pthread_mutex_lock(m);
	if (error == EOWNERDEAD) {
		deaths++;
		ZERO(pthread_mutex_consistent(m));
	} else {
		ZERO(error);
	}
	usleep(3000);
	return NULL; // and keeps it
}

static void *holds(void *unused)
{
	ZERO(pthread_mutex_lock(&throughout));
	throughout_held = 1;
	while (!over())
		usleep(3000);
	return NULL; // and keeps it
}

static void *inherits(void *unused)
{
	int error = pthread_mutex_lock(&throughout);
	CHECK(over(), "its owner lives, and the mutex was had: %s", strerror(error));
	CHECK(error == EOWNERDEAD, "after its owner's death the mutex was had: %s", strerror(error));
	ZERO(pthread_mutex_consistent(&throughout));
	ZERO(pthread_mutex_unlock(&throughout));
	return NULL;
}

FEATURE("robust")
{
	make(&early);
	make(&lock);
	make(&throughout);
	pthread_t holder = thread(holds, NULL);
	while (!throughout_held)
		usleep(1000);
	pthread_t heir = thread(inherits, NULL);
	join(thread(die_with, &early));
	ready();
	int died = 0;
	while (working()) {
		pthread_t t[3];
		for (int i = 0; i < 3; i++)
			t[i] = thread(die_with, &lock); // they wait for one another's death
		for (int i = 0; i < 3; i++)
			join(t[i]);
		died += 3;
		CHECK(deaths == died - 1, "%d threads died, and %d deaths were noticed", died, deaths);
	}
	join(holder);
	join(heir);
	CHECK(pthread_mutex_lock(&early) == EOWNERDEAD, "the mutex does not know that its owner is dead");
	ZERO(pthread_mutex_consistent(&early));
	ZERO(pthread_mutex_unlock(&early));
	ZERO(pthread_mutex_lock(&early));
}
