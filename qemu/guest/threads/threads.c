// threads: two producers and two consumers with a queue between them, made of
// mutexes and condition variables. Each round passes ITEMS numbers through the
// queue; who takes the last prints the sum, and how long a timed wait took that
// nobody ended.
//
//	threads ROUNDS MS

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLOTS = 8, ITEMS = 400 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all that follows
static pthread_cond_t notFull = PTHREAD_COND_INITIALIZER;
static pthread_cond_t notEmpty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t nextRound = PTHREAD_COND_INITIALIZER;
static pthread_cond_t never; // waited for with the monotonic clock
static int queue[SLOTS], held, first;
static int round_, rounds, given, taken, pauseMs;
static long sum;

static long long now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void *produce(void *unused)
{
	pthread_mutex_lock(&lock);
	while (round_ < rounds) {
		if (given == ITEMS) {
			pthread_cond_wait(&nextRound, &lock);
		} else if (held == SLOTS) {
			pthread_cond_wait(&notFull, &lock);
		} else {
			queue[(first + held++) % SLOTS] = ++given * (round_ + 1);
			pthread_cond_signal(&notEmpty);
		}
	}
	pthread_mutex_unlock(&lock);
	return unused;
}

// endRound prints what came of the round, and begins the next after a pause that
// only the clock can end. The lock is held.
static void endRound(void)
{
	struct timespec until;
	long long began = now(), end = began + pauseMs * 1000000LL;
	int err = 0;

	until.tv_sec = end / 1000000000, until.tv_nsec = end % 1000000000;
	while (err == 0)
		err = pthread_cond_timedwait(&never, &lock, &until);
	printf("round %d sum %ld %s after %lld ms\n", round_ + 1, sum,
	       err == ETIMEDOUT ? "timeout" : "error", (now() - began) / 1000000);
	round_++;
	given = taken = 0;
	sum = 0;
	pthread_cond_broadcast(&nextRound);
	pthread_cond_broadcast(&notEmpty);
}

static void *consume(void *unused)
{
	pthread_mutex_lock(&lock);
	while (round_ < rounds) {
		if (held == 0) {
			pthread_cond_wait(&notEmpty, &lock);
			continue;
		}
		sum += queue[first];
		first = (first + 1) % SLOTS;
		held--;
		pthread_cond_signal(&notFull);
		if (++taken == ITEMS)
			endRound();
	}
	pthread_mutex_unlock(&lock);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread[4];
	pthread_condattr_t monotonic;

	if (argc != 3) {
		fprintf(stderr, "usage: threads ROUNDS MS\n");
		return 2;
	}
	rounds = atoi(argv[1]), pauseMs = atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&never, &monotonic);
	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, i < 2 ? produce : consume, NULL) != 0)
			return 1;
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
