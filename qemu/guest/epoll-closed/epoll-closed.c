// calls: epoll_ctl epoll_wait close dup
#include "../feature/feature.h"

#include <sys/epoll.h>

// A watch is on what was opened, not on the descriptor: it lives while a duplicate does,
// here or in a child, and dies with the last one.
static int wait_for_end(void *fds)
{
	char c;
	close(((int *)fds)[1]);
	return read(((int *)fds)[0], &c, 1) == 0 ? 3 : 4; // we hold what the parent closed
}

FEATURE("epoll-closed")
{
	int fds[2], theirs[2], end[2];
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = 1}, got[4];
	char c;
	MUST(pipe(fds) == 0 && pipe(theirs) == 0 && pipe(end) == 0);
	pid_t pid = child(wait_for_end, end);
	int set = epoll_create1(EPOLL_CLOEXEC); // the child's it is not
	MUST(set >= 0);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &e) == 0);
	e.data.u32 = 2;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, theirs[0], &e) == 0);
	int other = dup(fds[0]);
	MUST(other >= 0 && close(fds[0]) == 0); // the child has it as well
	MUST(close(theirs[0]) == 0); // the child has it still
	ready();
	while (working()) {
		MUST(epoll_wait(set, got, 4, 0) == 0);
		MUST(write(fds[1], "x", 1) == 1);
		MUST(epoll_wait(set, got, 4, -1) == 1);
		CHECK(got[0].data.u32 == 1, "an event of %u", got[0].data.u32);
		MUST(read(other, &c, 1) == 1);
	}
	MUST(write(theirs[1], "x", 1) == 1);
	MUST(epoll_wait(set, got, 4, -1) == 1);
	CHECK(got[0].data.u32 == 2, "an event of %u", got[0].data.u32);
	close(end[1]);
	ended(pid, 3);
	MUST(write(fds[1], "x", 1) == 1 && close(other) == 0); // that was the last
	MUST(epoll_wait(set, got, 4, 0) == 0);
}
