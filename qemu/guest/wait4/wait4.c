// calls: wait4 getrusage
#include "../feature/feature.h"

#include <sys/resource.h>

// Children that end, wherever they are, are waited for: by number, by group, any.
static int fds[2];

static int live(void *status)
{
	char c;
	close(fds[1]);
	if (read(fds[0], &c, 1) != 0)
		return 99;
	return (long)status;
}

static int at_once(void *status) { return (long)status; }

FEATURE("wait4")
{
	int status;
	struct rusage u;
	MUST(pipe(fds) == 0);
	pid_t long_lived[3];
	for (long i = 0; i < 3; i++)
		long_lived[i] = child(live, (void *)(10 + i));
	MUST(setpgid(long_lived[2], long_lived[2]) == 0);
	close(fds[0]);
	ready();
	for (long n = 0; working(); n++) {
		pid_t pid = child(at_once, (void *)(n % 100));
		MUST(wait4(n % 2 ? pid : 0, &status, 0, &u) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == n % 100, "status %#x, not %ld", status, n % 100);
		MUST(waitpid(-1, &status, WNOHANG) == 0);
	}
	MUST(kill(long_lived[0], SIGTERM) == 0 && waitpid(long_lived[0], &status, 0) == long_lived[0]);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %#x of one that was killed", status);
	close(fds[1]);
	MUST(waitpid(-long_lived[2], &status, 0) == long_lived[2]);
	CHECK(WEXITSTATUS(status) == 12, "status %#x of the group", status);
	MUST(wait(&status) == long_lived[1]);
	CHECK(WEXITSTATUS(status) == 11, "status %#x of any", status);
	ERRNO(wait(&status), ECHILD);
}
