// calls: epoll_ctl epoll_wait
#include "../feature/feature.h"

#include <sys/epoll.h>

// Sets in sets, all of them told of edges only: what each has heard of it does not say
// again, and what is pending in one that nobody has asked is there still.
FEATURE("epoll-nested-edge")
{
	enum { DEPTH = 3 };
	int fds[2], set[DEPTH];
	struct epoll_event e = {.events = EPOLLIN | EPOLLET}, got[4];
	char c;
	MUST(pipe(fds) == 0);
	for (int i = 0, in = fds[0]; i < DEPTH; in = set[i++]) {
		MUST((set[i] = epoll_create1(0)) >= 0);
		e.data.u32 = i;
		MUST(epoll_ctl(set[i], EPOLL_CTL_ADD, in, &e) == 0);
	}
	MUST(write(fds[1], "x", 1) == 1);
	ready(); // with an edge in all of them
	for (int round = 0; working(); round++) {
		// From the outside inwards, and as deep as this round goes.
		int deep = round % (DEPTH + 1);
		for (int i = DEPTH - 1; i >= DEPTH - deep; i--) {
			int n = epoll_wait(set[i], got, 4, i == DEPTH - 1 ? -1 : 0);
			CHECK(n == 1 && got[0].data.u32 == (uint32_t)i && got[0].events == EPOLLIN, "round %d: set %d has %d events, %#x of %u", round, i, n, got[0].events, got[0].data.u32);
		}
		working();
		for (int i = DEPTH - 1; i >= DEPTH - deep; i--) {
			int n = epoll_wait(set[i], got, 4, 0);
			CHECK(n == 0, "round %d: set %d says again that %u is ready", round, i, got[0].data.u32);
		}
		working();
		// What was not heard of is pending still.
		for (int i = DEPTH - deep - 1; i >= 0; i--) {
			int n = epoll_wait(set[i], got, 4, 0);
			CHECK(n == 1 && got[0].data.u32 == (uint32_t)i, "round %d: set %d, which nobody has asked, has %d events", round, i, n);
		}
		MUST(read(fds[0], &c, 1) == 1);
		for (int i = 0; i < DEPTH; i++)
			CHECK(epoll_wait(set[i], got, 4, 0) == 0, "round %d: set %d has an event without a cause", round, i);
		MUST(write(fds[1], "x", 1) == 1);
	}
}
