// calls: futex
#include "../feature/feature.h"

#include <semaphore.h>

// Semaphores: what goes round a ring of threads comes back, and waits with a limit end.
enum { THREADS = 4 };

static sem_t sem[THREADS];
static long laps;

static void *pass(void *arg)
{
	long who = (long)arg;
	for (;;) {
		while (sem_wait(&sem[who]) < 0)
			MUST(errno == EINTR);
		int stop = over();
		if (who == 0)
			laps++, usleep(2000);
		MUST(sem_post(&sem[(who + 1) % THREADS]) == 0);
		if (stop)
			return NULL;
	}
}

FEATURE("semaphore")
{
	pthread_t t[THREADS];
	sem_t never;
	for (int i = 0; i < THREADS; i++)
		MUST(sem_init(&sem[i], 0, i == 0) == 0);
	MUST(sem_init(&never, 0, 0) == 0);
	for (long i = 0; i < THREADS; i++)
		t[i] = thread(pass, (void *)i);
	ready();
	while (working()) {
		long long at = now_ns(CLOCK_REALTIME) + 20 * MS;
		struct timespec until = spec(at);
		ERRNO(sem_timedwait(&never, &until), ETIMEDOUT);
		CHECK(now_ns(CLOCK_REALTIME) >= at, "the wait was short");
	}
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	CHECK(laps > 0, "nothing went round");
}
