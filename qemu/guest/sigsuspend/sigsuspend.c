// calls: rt_sigsuspend rt_sigprocmask
#include "../feature/feature.h"

// sigsuspend waits with another mask and gives the old one back; the handler runs in
// between. Only the signal that the other mask lets through ends it.
static volatile int usr1, usr2;
static atomic_int done;

static void on1(int signo) { usr1++; }
static void on2(int signo) { usr2++; }

static void *poke(void *who)
{
	pthread_t main_thread = *(pthread_t *)who;
	for (;;) {
		ZERO(pthread_kill(main_thread, SIGUSR2)); // stays blocked
		usleep(20000);
		ZERO(pthread_kill(main_thread, SIGUSR1));
		if (done)
			return NULL;
	}
}

static void *watch(void *unused)
{
	await_go();
	return NULL;
}

FEATURE("sigsuspend")
{
	pthread_t self = pthread_self();
	sigset_t only, now;
	handle(SIGUSR1, on1, 0);
	handle(SIGUSR2, on2, 0);
	mask(SIG_BLOCK, SIGUSR1);
	mask(SIG_BLOCK, SIGUSR2);
	sigfillset(&only);
	sigdelset(&only, SIGUSR1);
	pthread_t w = thread(watch, NULL), t = thread(poke, &self);
	ready();
	while (!over()) {
		int before = usr1;
		ERRNO(sigsuspend(&only), EINTR);
		CHECK(usr1 > before && usr2 == 0, "SIGUSR1 came %d times, SIGUSR2 %d", usr1 - before, usr2);
		ZERO(pthread_sigmask(SIG_SETMASK, NULL, &now));
		CHECK(sigismember(&now, SIGUSR1) && sigismember(&now, SIGUSR2), "the mask was not restored");
	}
	done = 1;
	join(w);
	join(t);
	mask(SIG_UNBLOCK, SIGUSR2);
	CHECK(usr2 == 1, "SIGUSR2 came %d times when it was let through", usr2);
}
