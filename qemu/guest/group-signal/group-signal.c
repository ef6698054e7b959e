// calls: kill setpgid getpgid
#include "../feature/feature.h"

// A signal for a process group reaches each of its members, wherever they are, and
// nobody else.
enum { MEMBERS = 3 };

static int fds[2];
static volatile int got;

static void onSignal(int signo) { got++; }

static int member(void *unused)
{
	sigset_t none;
	sigemptyset(&none);
	mask(SIG_BLOCK, SIGUSR1);
	if (write(fds[1], "r", 1) != 1)
		return 99;
	while (got == 0)
		sigsuspend(&none);
	return got;
}

FEATURE("group-signal")
{
	pid_t pid[MEMBERS];
	char c;
	MUST(pipe(fds) == 0);
	handle(SIGUSR1, onSignal, SA_RESTART);
	for (int i = 0; i < MEMBERS; i++) {
		pid[i] = child(member, NULL);
		MUST(setpgid(pid[i], pid[0]) == 0);
		MUST(read(fds[0], &c, 1) == 1 && c == 'r');
	}
	ready();
	while (working()) {
		MUST(kill(-pid[0], 0) == 0);
		CHECK(getpgid(pid[2]) == pid[0] && getpgid(0) != pid[0], "the groups are %d and %d", getpgid(pid[2]), getpgid(0));
	}
	MUST(kill(-pid[0], SIGUSR1) == 0);
	for (int i = 0; i < MEMBERS; i++)
		ended(pid[i], 1);
	CHECK(got == 0, "a signal for the group reached us");
	for (long long from = now_ns(CLOCK_MONOTONIC); kill(-pid[0], 0) == 0; usleep(1000)) // they may be elsewhere
		CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "the group outlives its members");
	ERRNO(kill(-pid[0], 0), ESRCH);
}
