// calls: ppoll pselect6 epoll_pwait
#include "../feature/feature.h"

#include <sys/epoll.h>
#include <sys/select.h>

// ppoll and pselect let a signal through only while they wait: one that is pending ends
// them at once, one that comes then too, and the mask is what it was. The main thread does
// so again and again; three others wait as long as the events go on, and then are sent one.
static volatile int handled;
static atomic_int woken, waits;
static int silent[2];

static void onSignal(int signo) { handled++; }
static void onWake(int signo) { woken++; }

static void *waiter(void *how)
{
	sigset_t open_mask, now;
	struct pollfd p = {.fd = silent[0], .events = POLLIN};
	struct epoll_event e = {.events = EPOLLIN};
	int set = epoll_create1(0);
	fd_set r;
	FD_ZERO(&r);
	FD_SET(silent[0], &r);
	mask(SIG_BLOCK, SIGUSR1);
	mask(SIG_BLOCK, SIGUSR2);
	MUST(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, silent[0], &e) == 0);
	ZERO(pthread_sigmask(SIG_SETMASK, NULL, &open_mask));
	sigdelset(&open_mask, SIGUSR2);
	waits++;
	switch ((long)how) {
	case 0:
		ERRNO(ppoll(&p, 1, NULL, &open_mask), EINTR);
		break;
	case 1:
		ERRNO(pselect(silent[0] + 1, &r, NULL, NULL, NULL, &open_mask), EINTR);
		break;
	case 2:
		ERRNO(epoll_pwait(set, &e, 1, -1, &open_mask), EINTR);
	}
	CHECK(over(), "a wait ended without a signal");
	ZERO(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK(sigismember(&now, SIGUSR1) && sigismember(&now, SIGUSR2), "the mask of waiter %ld was not restored", (long)how);
	return NULL;
}

FEATURE("ppoll")
{
	sigset_t open_mask, now;
	int fds[2], rounds = 0;
	pthread_t t[3];
	MUST(pipe(fds) == 0 && pipe(silent) == 0);
	handle(SIGUSR1, onSignal, 0);
	handle(SIGUSR2, onWake, SA_RESTART);
	for (long i = 0; i < 3; i++)
		t[i] = thread(waiter, (void *)i);
	while (waits < 3)
		usleep(1000);
	mask(SIG_BLOCK, SIGUSR1);
	ZERO(pthread_sigmask(SIG_SETMASK, NULL, &open_mask));
	sigdelset(&open_mask, SIGUSR1);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	MUST(raise(SIGUSR1) == 0);
	ready();
	while (working()) { // with the signal pending
		CHECK(handled == rounds, "%d signals were handled in round %d", handled, rounds);
		struct timespec t = spec(10 * MS);
		if (rounds % 2) {
			fd_set r;
			FD_ZERO(&r);
			FD_SET(fds[0], &r);
			ERRNO(pselect(fds[0] + 1, &r, NULL, NULL, NULL, &open_mask), EINTR);
		} else {
			ERRNO(ppoll(&p, 1, NULL, &open_mask), EINTR);
		}
		CHECK(handled == ++rounds, "%d signals were handled after %d rounds", handled, rounds);
		ZERO(pthread_sigmask(SIG_SETMASK, NULL, &now));
		CHECK(sigismember(&now, SIGUSR1), "the mask was not restored");
		MUST(ppoll(&p, 1, &t, &open_mask) == 0);
		MUST(raise(SIGUSR1) == 0);
	}
	CHECK(woken == 0, "%d waiters have had a signal that nobody sent", woken);
	for (int i = 0; i < 3; i++)
		ZERO(pthread_kill(t[i], SIGUSR2));
	for (int i = 0; i < 3; i++)
		join(t[i]);
	CHECK(woken == 3, "%d of 3 waiters had their signal", woken);
}
