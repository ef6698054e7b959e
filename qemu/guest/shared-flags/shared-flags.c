// calls: fcntl fork read
#include "../feature/feature.h"

// Duplicates, and a child's descriptors, share the status flags: what one of them sets,
// the others find, and their calls go by it.
static int fds[2], there[2], back[2];

static int turn(void *unused)
{
	char c;
	close(there[1]);
	while (read(there[0], &c, 1) == 1) {
		int flags = fcntl(fds[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK);
		if (fcntl(fds[0], F_SETFL, flags ^ O_NONBLOCK) != 0 || write(back[1], &flags, sizeof flags) != sizeof flags)
			return 1;
	}
	return 0;
}

FEATURE("shared-flags")
{
	int flags, other;
	char c;
	MUST(pipe(fds) == 0 && pipe(there) == 0 && pipe(back) == 0 && (other = dup(fds[0])) >= 0);
	pid_t pid = child(turn, NULL);
	close(there[0]), close(back[1]);
	ready();
	while (working()) {
		MUST(write(there[1], "x", 1) == 1 && read(back[0], &flags, sizeof flags) == sizeof flags);
		CHECK(flags == O_RDONLY, "the child finds the flags %#x", flags);
		ERRNO(read(other, &c, 1), EAGAIN);
		flags = fcntl(other, F_GETFL) & (O_ACCMODE | O_NONBLOCK);
		CHECK(flags == (O_RDONLY | O_NONBLOCK), "the child has set O_NONBLOCK, and the flags are %#x", flags);
		MUST(fcntl(other, F_SETFL, O_NONBLOCK) == 0);
		MUST(write(there[1], "x", 1) == 1 && read(back[0], &flags, sizeof flags) == sizeof flags);
		CHECK(flags == (O_RDONLY | O_NONBLOCK), "the child finds the flags %#x", flags);
		flags = fcntl(other, F_GETFL) & (O_ACCMODE | O_NONBLOCK);
		CHECK(flags == O_RDONLY, "the child has cleared O_NONBLOCK, and the flags are %#x", flags);
		MUST(write(fds[1], "y", 1) == 1 && read(other, &c, 1) == 1);
	}
	close(there[1]);
	ended(pid, 0);
}
