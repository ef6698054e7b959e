// calls: ppoll pselect6
#include "../feature/feature.h"

#include <sys/select.h>

// ppoll and pselect let a signal through only while they wait: one that is pending ends
// them at once, one that comes then too, and the mask is what it was.
static volatile int handled;

static void onSignal(int signo) { handled++; }

FEATURE("ppoll")
{
	sigset_t open_mask, now;
	int fds[2], rounds = 0;
	MUST(pipe(fds) == 0);
	handle(SIGUSR1, onSignal, 0);
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
}
