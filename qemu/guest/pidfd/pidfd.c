// calls: pidfd_open pidfd_send_signal waitid poll
#include "../feature/feature.h"

// A descriptor for a child: readable when that has ended, wherever, and good for signals
// and for waiting.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static volatile int got;

static void onSignal(int signo) { got = signo; }

static int live(void *unused)
{
	sigset_t none;
	sigemptyset(&none);
	while (got == 0)
		sigsuspend(&none);
	return got;
}

FEATURE("pidfd")
{
	siginfo_t i;
	handle(SIGUSR1, onSignal, 0);
	mask(SIG_BLOCK, SIGUSR1);
	pid_t pid = child(live, NULL);
	int fd = syscall(SYS_pidfd_open, pid, 0);
	MUST(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC, "the descriptor's flags are %d", fcntl(fd, F_GETFD));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ready();
	while (working()) {
		CHECK(poll(&p, 1, 0) == 0, "the child has ended: %#x", p.revents);
		MUST(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0);
	}
	MUST(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0) == 0);
	MUST(poll(&p, 1, -1) == 1 && p.revents & POLLIN);
	MUST(waitid(P_PIDFD, fd, &i, WEXITED) == 0);
	CHECK(i.si_pid == pid && i.si_code == CLD_EXITED && i.si_status == SIGUSR1, "code %d, status %d of %d", i.si_code, i.si_status, i.si_pid);
	ERRNO(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}
