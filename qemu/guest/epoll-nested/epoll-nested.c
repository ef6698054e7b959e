// calls: epoll_ctl epoll_wait poll
#include "../feature/feature.h"

#include <sys/epoll.h>

// A set in a set: the outer one is readable while the inner one has an event.
FEATURE("epoll-nested")
{
	int fds[2], inner = epoll_create1(0), outer = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = 1}, got[2];
	char c;
	MUST(inner >= 0 && outer >= 0 && pipe(fds) == 0);
	MUST(epoll_ctl(inner, EPOLL_CTL_ADD, fds[0], &e) == 0);
	e.data.u32 = 2;
	MUST(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e) == 0);
	ERRNO(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &e), ELOOP);
	struct pollfd p = {.fd = outer, .events = POLLIN};
	ready();
	do {
		CHECK(poll(&p, 1, 0) == 0 && epoll_wait(outer, got, 2, 0) == 0, "an event without a cause");
		MUST(write(fds[1], "x", 1) == 1);
		MUST(poll(&p, 1, -1) == 1);
		MUST(epoll_wait(outer, got, 2, -1) == 1 && got[0].data.u32 == 2);
		MUST(epoll_wait(inner, got, 2, -1) == 1 && got[0].data.u32 == 1);
		MUST(read(fds[0], &c, 1) == 1);
	} while (working());
}
