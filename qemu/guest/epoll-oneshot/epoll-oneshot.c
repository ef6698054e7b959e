// calls: epoll_ctl epoll_wait
#include "../feature/feature.h"

#include <sys/epoll.h>

// A watch for one time is dead after that, through all events, until it is armed anew.
FEATURE("epoll-oneshot")
{
	int fds[2], dead[2], set = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = 5}, got[4];
	MUST(set >= 0 && pipe(fds) == 0 && pipe(dead) == 0);
	MUST(write(fds[1], "x", 1) == 1 && write(dead[1], "x", 1) == 1);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, dead[0], &e) == 0);
	MUST(epoll_wait(set, got, 4, -1) == 1);
	e.data.u32 = 6;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &e) == 0);
	ready();
	do {
		MUST(epoll_wait(set, got, 4, -1) == 1);
		CHECK(got[0].data.u32 == 6 && got[0].events == EPOLLIN, "event %#x of %u", got[0].events, got[0].data.u32);
		working();
		int n = epoll_wait(set, got, 4, 0);
		CHECK(n == 0, "%d events of watches for one time, of %u", n, got[0].data.u32);
		MUST(epoll_ctl(set, EPOLL_CTL_MOD, fds[0], &e) == 0);
	} while (!over());
	e.data.u32 = 5;
	MUST(epoll_ctl(set, EPOLL_CTL_MOD, dead[0], &e) == 0);
	MUST(epoll_wait(set, got, 4, -1) == 2);
}
