// calls: rt_sigaction wait4
#include "../feature/feature.h"

// A parent hears of its children's ends by SIGCHLD, with how each ended, and collects
// them in the handler.
static volatile int collected, sum, wrong;

static void onChild(int signo, siginfo_t *info, void *context)
{
	int status, saved = errno;
	if (info->si_code != CLD_EXITED && info->si_code != CLD_KILLED)
		wrong++;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		collected++;
		sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
	}
	errno = saved;
}

static int end(void *status)
{
	usleep(3000);
	return (long)status;
}

FEATURE("sigchld")
{
	int born = 0, want = 0;
	handle_info(SIGCHLD, onChild, SA_RESTART | SA_NOCLDSTOP);
	ready();
	while (working()) {
		for (long i = 0; i < 2; i++, born++) {
			child(end, (void *)(born % 50L));
			want += born % 50;
		}
		for (long long from = now_ns(CLOCK_MONOTONIC); collected < born; usleep(1000))
			CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "%d children ended, %d were collected", born, collected);
	}
	CHECK(sum == want && !wrong, "their status makes %d, not %d; %d signals wrong", sum, want, wrong);
	signal(SIGCHLD, SIG_IGN); // they are nobody's then
	child(end, NULL);
	ERRNO(wait(NULL), ECHILD);
}
