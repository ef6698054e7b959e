// calls: rt_sigaction read tgkill
#include "../feature/feature.h"

// Without SA_RESTART each signal ends a read with EINTR: neither more nor fewer ends
// than signals, as long as each is awaited.
static atomic_int handled, ended_by_signal;
static int fds[2];
static pthread_t reader;

static void onSignal(int signo) { handled++; }

static void *read_on(void *unused)
{
	char c;
	for (;;) {
		ssize_t n = read(fds[0], &c, 1);
		if (n == 1)
			return NULL;
		CHECK(n < 0 && errno == EINTR, "read: %zd, %s", n, strerror(errno));
		ended_by_signal++;
	}
}

FEATURE("eintr")
{
	int sent = 0;
	MUST(pipe(fds) == 0);
	handle(SIGUSR1, onSignal, 0);
	reader = thread(read_on, NULL);
	ready();
	while (working()) {
		// It may not be in the call yet, so that no read ends; that is no loss.
		ZERO(pthread_kill(reader, SIGUSR1));
		sent++;
		while (handled < sent)
			usleep(1000);
		CHECK(ended_by_signal <= handled && handled == sent, "%d sent, %d handled, %d reads ended", sent, handled, ended_by_signal);
	}
	MUST(write(fds[1], "x", 1) == 1);
	join(reader);
	CHECK(sent == 0 || ended_by_signal > 0, "no read was ended by any of %d signals", sent);
}
