// calls: epoll_create1 epoll_ctl epoll_wait
#include "../feature/feature.h"

#include <sys/epoll.h>

// What is readable is reported as long as it is; what is not, is not. Watches are
// changed and removed.
FEATURE("epoll-level")
{
	enum { PIPES = 4 };
	int fds[PIPES][2], set = epoll_create1(EPOLL_CLOEXEC), filled[PIPES] = {0};
	struct epoll_event got[PIPES + 1];
	char c;
	MUST(set >= 0);
	for (int i = 0; i < PIPES; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u64 = word(7, i)};
		MUST(pipe(fds[i]) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, fds[i][0], &e) == 0);
	}
	ready();
	for (int round = 0; working(); round++) {
		int i = round * 7 % PIPES, want = 0;
		if (filled[i])
			MUST(read(fds[i][0], &c, 1) == 1);
		else
			MUST(write(fds[i][1], "x", 1) == 1);
		filled[i] = !filled[i];
		for (int k = 0; k < PIPES; k++)
			want += filled[k];
		for (int twice = 0; twice < 2; twice++) {
			int n = epoll_wait(set, got, PIPES + 1, 0);
			CHECK(n == want, "%d events, not %d", n, want);
			for (int k = 0; k < n; k++) {
				int which = 0;
				while (which < PIPES && got[k].data.u64 != word(7, which))
					which++;
				CHECK(which < PIPES && filled[which] && got[k].events == EPOLLIN, "event %#x of %d", got[k].events, which);
			}
		}
	}
	struct epoll_event out = {.events = EPOLLOUT, .data.u64 = 1};
	ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, fds[0][0], &out), EEXIST);
	MUST(epoll_ctl(set, EPOLL_CTL_MOD, fds[0][0], &out) == 0);
	for (int i = 1; i < PIPES; i++)
		MUST(epoll_ctl(set, EPOLL_CTL_DEL, fds[i][0], NULL) == 0);
	MUST(write(fds[0][1], "x", 1) == 1 && epoll_wait(set, got, 1, 10) == 0);
	MUST(close(fds[0][1]) == 0 && epoll_wait(set, got, 1, -1) == 1);
	CHECK(got[0].events & EPOLLHUP && got[0].data.u64 == 1, "after the writer's end: %#x", got[0].events);
}
