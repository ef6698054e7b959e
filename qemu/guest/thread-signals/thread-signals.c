// calls: tgkill rt_sigprocmask
#include "../feature/feature.h"

// Signals for one thread reach that thread; those for the process, one that does not
// block them.
enum { THREADS = 4 };

static __thread int mine = -1;
static _Atomic int direct[THREADS], any[THREADS], strays, running;

static void onDirect(int signo) { mine < 0 ? strays++ : direct[mine]++; }
static void onAny(int signo) { mine < 0 ? strays++ : any[mine]++; }

static void *live(void *who)
{
	mine = (long)who;
	if (mine == THREADS - 1)
		mask(SIG_UNBLOCK, SIGUSR2);
	running++;
	while (!over())
		usleep(3000);
	return NULL;
}

FEATURE("thread-signals")
{
	pthread_t t[THREADS];
	int rounds = 0;
	handle(SIGUSR1, onDirect, SA_RESTART);
	handle(SIGUSR2, onAny, SA_RESTART);
	mask(SIG_BLOCK, SIGUSR2);
	for (long i = 0; i < THREADS; i++)
		t[i] = thread(live, (void *)i);
	while (running < THREADS)
		sched_yield();
	ready();
	for (; working(); rounds++) {
		int to = rounds % THREADS, before = direct[to], last = any[THREADS - 1];
		ZERO(pthread_kill(t[to], SIGUSR1));
		while (direct[to] == before)
			sched_yield();
		MUST(kill(getpid(), SIGUSR2) == 0);
		while (any[THREADS - 1] == last)
			sched_yield();
	}
	int sum = 0;
	for (int i = 0; i < THREADS; i++) {
		join(t[i]);
		sum += direct[i];
	}
	CHECK(sum == rounds && strays == 0 && any[THREADS - 1] == rounds && any[0] + any[1] + any[2] == 0,
	      "%d rounds: %d direct, %d to the last, %d strays", rounds, sum, any[THREADS - 1], strays);
}
