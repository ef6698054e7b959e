// calls: rt_sigaction rt_sigreturn nanosleep tgkill
#include "../feature/feature.h"

// A handler interrupts a call, another one interrupts the handler's call, and a third
// that one's; then all return, each to where it was. The mask is each level's own.
static volatile int depth, deepest, returns;

static void level(int signo)
{
	static const int next[] = {[SIGUSR1] = SIGUSR2, [SIGUSR2] = SIGHUP};
	sigset_t now;
	volatile uint64_t mine = word(signo, depth);
	int at = ++depth;
	if (depth > deepest)
		deepest = depth;
	if (signo != SIGHUP)
		MUST(raise(next[signo]) == 0);
	else
		while (working())
			; // the events find three frames on the stack
	ZERO(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK(sigismember(&now, signo) && !sigismember(&now, SIGTERM), "the mask of the handler of %d is wrong", signo);
	CHECK(depth == at && mine == word(signo, at - 1), "the handler of %d lost its place", signo);
	depth--;
	returns++;
}

static void *poke(void *who)
{
	usleep(100000);
	ZERO(pthread_kill(*(pthread_t *)who, SIGUSR1));
	return NULL;
}

FEATURE("nested")
{
	pthread_t self = pthread_self();
	struct timespec hour = spec(3600 * SECOND), left = {0};
	sigset_t now;
	handle(SIGUSR1, level, 0);
	handle(SIGUSR2, level, SA_RESTART);
	handle(SIGHUP, level, 0);
	pthread_t t = thread(poke, &self);
	ready();
	ERRNO(nanosleep(&hour, &left), EINTR);
	CHECK(left.tv_sec >= 3590 && nanoseconds(left) < 3600 * SECOND, "%ld s are left of an hour", left.tv_sec);
	join(t);
	CHECK(depth == 0 && deepest == 3 && returns == 3, "%d levels deep, %d returns", deepest, returns);
	ZERO(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2) && !sigismember(&now, SIGHUP), "signals are still blocked");
}
