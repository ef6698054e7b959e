// calls: waitid
#include "../feature/feature.h"

// waitid tells how: ended, killed, stopped, continued; and leaves a child to be waited
// for again.
static int live(void *unused)
{
	while (pause() < 0)
		;
	return 1;
}

FEATURE("waitid")
{
	siginfo_t i;
	pid_t pid = child(live, NULL);
	ready();
	do {
		MUST(kill(pid, SIGSTOP) == 0 && waitid(P_PID, pid, &i, WSTOPPED) == 0);
		CHECK(i.si_pid == pid && i.si_code == CLD_STOPPED && i.si_status == SIGSTOP && i.si_signo == SIGCHLD, "stopped: code %d, status %d", i.si_code, i.si_status);
		working(); // it is moved while it is stopped
		i.si_pid = 1;
		MUST(waitid(P_ALL, 0, &i, WSTOPPED | WEXITED | WNOHANG) == 0);
		CHECK(i.si_pid == 0, "there was news of %d", i.si_pid);
		MUST(kill(pid, SIGCONT) == 0 && waitid(P_PID, pid, &i, WCONTINUED) == 0);
		CHECK(i.si_pid == pid && i.si_code == CLD_CONTINUED && i.si_status == SIGCONT, "continued: code %d, status %d", i.si_code, i.si_status);
	} while (!over());
	MUST(kill(pid, SIGKILL) == 0 && waitid(P_PID, pid, &i, WEXITED | WNOWAIT) == 0);
	CHECK(i.si_pid == pid && i.si_code == CLD_KILLED && i.si_status == SIGKILL, "killed: code %d, status %d", i.si_code, i.si_status);
	MUST(waitid(P_PID, pid, &i, WEXITED) == 0);
	CHECK(i.si_pid == pid && i.si_code == CLD_KILLED, "killed, again: code %d", i.si_code);
	ERRNO(waitid(P_PID, pid, &i, WEXITED), ECHILD);
}
