// calls: epoll_ctl epoll_wait
#include "../feature/feature.h"

#include <sys/epoll.h>

// An edge is reported once: one that was, is not reported again because the process has
// moved; one that was not yet, is.
FEATURE("epoll-edge")
{
	int old[2], fds[2], waiting[2], set = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET}, got[4];
	MUST(set >= 0 && pipe(old) == 0 && pipe(fds) == 0 && pipe(waiting) == 0);
	e.data.u32 = 1;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, old[0], &e) == 0);
	MUST(write(old[1], "x", 1) == 1);
	MUST(epoll_wait(set, got, 4, -1) == 1 && got[0].data.u32 == 1);
	e.data.u32 = 2;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &e) == 0);
	ready();
	for (int round = 0; working(); round++) {
		int n = epoll_wait(set, got, 4, 0);
		CHECK(n == 0, "%d events without an edge, of %u", n, got[0].data.u32);
		MUST(write(fds[1], "y", 1) == 1);
		if (round % 2)
			working(); // the edge is there, and nobody has seen it
		n = epoll_wait(set, got, 4, -1);
		CHECK(n == 1 && got[0].data.u32 == 2 && got[0].events == EPOLLIN, "%d events, %#x of %u", n, got[0].events, got[0].data.u32);
	}
	e.data.u32 = 3;
	MUST(write(waiting[1], "z", 1) == 1 && epoll_ctl(set, EPOLL_CTL_ADD, waiting[0], &e) == 0);
	MUST(write(old[1], "x", 1) == 1); // another edge of the old one
	int n = epoll_wait(set, got, 4, -1), seen = 0;
	for (int i = 0; i < n; i++)
		seen |= 1 << got[i].data.u32;
	CHECK(n == 2 && seen == (1 << 1 | 1 << 3), "%d events, %#x", n, seen);
}
