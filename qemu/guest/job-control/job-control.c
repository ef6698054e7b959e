// calls: wait4 kill rt_sigaction
#include "../feature/feature.h"

// A child is stopped and continued; it does nothing while it is stopped, and its parent
// hears of each.
static int fds[2];
static volatile int news;

static void onChild(int signo, siginfo_t *i, void *context) { news |= 1 << i->si_code; }

static int count(void *unused)
{
	for (long n = 0;; n++) {
		if (write(fds[1], &n, sizeof n) != sizeof n)
			return 1;
		usleep(2000);
	}
}

FEATURE("job-control")
{
	int status;
	long n, last = -1;
	MUST(pipe(fds) == 0);
	handle_info(SIGCHLD, onChild, SA_RESTART);
	pid_t pid = child(count, NULL);
	ready();
	do {
		MUST(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP && news & 1 << CLD_STOPPED, "status %#x, news %#x", status, news);
		MUST(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
		while (read(fds[0], &n, sizeof n) == sizeof n) {
			CHECK(n == last + 1, "%ld came after %ld", n, last);
			last = n;
		}
		CHECK(errno == EAGAIN, "after %ld the pipe is not empty: %s", last, strerror(errno));
		working();
		// One write to another node's pipe may have been under way when the child stopped, and
		// get there at any time since.
		int late = 0;
		for (int i = 0; i < 2; i++)
			if (read(fds[0], &n, sizeof n) == sizeof n) {
				CHECK(n == last + 1, "%ld came after %ld", n, last);
				last = n, late++;
			} else
				CHECK(errno == EAGAIN, "after %ld: %s", last, strerror(errno));
		CHECK(late <= 1, "from a child that is stopped came %ld and %ld", last - 1, last);
		MUST(fcntl(fds[0], F_SETFL, 0) == 0);
		MUST(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid);
		CHECK(WIFCONTINUED(status), "status %#x", status);
		for (long long from = now_ns(CLOCK_MONOTONIC); !(news & 1 << CLD_CONTINUED); usleep(1000)) // the child itself sends it
			CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "there was no SIGCHLD: %#x", news);
		MUST(read(fds[0], &n, sizeof n) == sizeof n);
		CHECK(n == ++last, "%ld came, not %ld", n, last);
		news = 0;
	} while (!over());
	MUST(kill(pid, SIGTERM) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %#x", status);
}
