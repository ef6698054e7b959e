// calls: wait4 fork
#include "../feature/feature.h"

// Children that have ended, and that nobody has waited for, go with their parent.
static int end(void *status) { return (long)status; }

FEATURE("zombie")
{
	enum { MANY = 5 };
	pid_t pid[MANY];
	int status;
	siginfo_t i;
	for (long k = 0; k < MANY; k++)
		pid[k] = child(end, (void *)(20 + k));
	for (int k = 0; k < MANY; k++)
		MUST(waitid(P_PID, pid[k], &i, WEXITED | WNOWAIT) == 0);
	ready();
	while (working())
		MUST(kill(pid[0], 0) == 0); // it is still somebody
	for (int k = MANY - 1; k >= 0; k--) {
		MUST(waitpid(pid[k], &status, 0) == pid[k]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 20 + k, "status %#x", status);
	}
	ERRNO(wait(NULL), ECHILD);
	ERRNO(kill(pid[0], 0), ESRCH);
}
