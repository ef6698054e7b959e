// calls: write rt_sigaction
#include "../feature/feature.h"

// Writing to a pipe without a reader: a signal and EPIPE; the last reader may have been
// somebody else, elsewhere.
static volatile int broken;
static int fds[2];

static void onPipe(int signo) { broken++; }

static int read_some(void *unused)
{
	char c;
	close(fds[1]);
	return read(fds[0], &c, 1) == 1 ? 0 : 1;
}

FEATURE("sigpipe")
{
	int dead[2], rounds = 0;
	handle(SIGPIPE, onPipe, 0);
	MUST(pipe(dead) == 0 && close(dead[0]) == 0);
	MUST(pipe(fds) == 0);
	pid_t pid = child(read_some, NULL);
	close(fds[0]);
	ready();
	while (working()) {
		ERRNO(write(dead[1], "x", 1), EPIPE);
		CHECK(broken == ++rounds, "%d signals for %d writes", broken, rounds);
	}
	MUST(write(fds[1], "x", 1) == 1);
	ended(pid, 0);
	ERRNO(write(fds[1], "x", 1), EPIPE);
	signal(SIGPIPE, SIG_IGN);
	ERRNO(write(fds[1], "x", 1), EPIPE);
	CHECK(broken == rounds + 1, "%d signals for %d writes", broken, rounds + 1);
}
