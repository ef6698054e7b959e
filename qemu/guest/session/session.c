// calls: setsid getsid getpgid setpgid
#include "../feature/feature.h"

// Session and group: a child with its own of both, and what is not allowed.
static int there[2], back[2];

static int leader(void *unused)
{
	pid_t answer[3];
	char c;
	close(there[1]);
	if (setsid() != getpid())
		return 1;
	while (read(there[0], &c, 1) == 1) {
		answer[0] = getsid(0), answer[1] = getpgid(0), answer[2] = getpid();
		if (write(back[1], answer, sizeof answer) != sizeof answer)
			return 2;
	}
	return setsid() == -1 && errno == EPERM ? 0 : 3;
}

FEATURE("session")
{
	pid_t answer[3], sid = getsid(0), group = getpgid(0);
	MUST(pipe(there) == 0 && pipe(back) == 0);
	pid_t pid = child(leader, NULL);
	close(there[0]);
	ready();
	while (working()) {
		CHECK(getsid(0) == sid && getpgid(0) == group, "the session is %d, the group %d", getsid(0), getpgid(0));
		MUST(write(there[1], "?", 1) == 1 && read(back[0], answer, sizeof answer) == sizeof answer);
		CHECK(answer[0] == pid && answer[1] == pid && answer[2] == pid, "the child %d is in session %d, group %d", answer[2], answer[0], answer[1]);
		// A leader stays one: EPERM, or EACCES where it is said of one elsewhere.
		CHECK(setpgid(pid, group) == -1, "a leader changed its group");
	}
	close(there[1]);
	ended(pid, 0);
}
