// calls: rt_sigpending rt_sigprocmask
#include "../feature/feature.h"

// Signals that are blocked stay pending: a thread's own with the thread, the process's
// with the process. Ordinary ones do not add up.
static volatile int times[NSIG];
static atomic_int sent;

static void onSignal(int signo) { times[signo]++; }

static void *other(void *unused)
{
	sigset_t p;
	MUST(raise(SIGHUP) == 0); // this thread's
	sent = 1;
	while (!over()) {
		sigpending(&p);
		CHECK(sigismember(&p, SIGHUP) && sigismember(&p, SIGUSR1) && sigismember(&p, SIGUSR2), "the thread lost a pending signal");
		usleep(5000);
	}
	return NULL;
}

FEATURE("pending")
{
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM};
	sigset_t p;
	for (int i = 0; i < 4; i++) {
		handle(signals[i], onSignal, 0);
		mask(SIG_BLOCK, signals[i]);
	}
	for (int i = 0; i < 3; i++) {
		MUST(kill(getpid(), SIGUSR1) == 0);
		MUST(kill(getpid(), SIGUSR2) == 0);
	}
	pthread_t t = thread(other, NULL);
	while (!sent)
		sched_yield();
	ready();
	while (working()) {
		MUST(sigpending(&p) == 0);
		CHECK(sigismember(&p, SIGUSR1) && sigismember(&p, SIGUSR2) && !sigismember(&p, SIGHUP) && !sigismember(&p, SIGTERM),
		      "the main thread's pending signals are not its own");
	}
	join(t);
	for (int i = 0; i < 4; i++)
		mask(SIG_UNBLOCK, signals[i]);
	CHECK(times[SIGUSR1] == 1 && times[SIGUSR2] == 1 && times[SIGHUP] == 0 && times[SIGTERM] == 0, "SIGUSR1 came %d times, SIGUSR2 %d, SIGHUP %d",
	      times[SIGUSR1], times[SIGUSR2], times[SIGHUP]);
}
