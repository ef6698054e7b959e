// calls: timerfd_create timerfd_settime timerfd_gettime epoll_wait
#include "../feature/feature.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

// Timers for a time of day and of the monotonic clock, waited for in epoll and in read.
FEATURE("timerfd-absolute")
{
	struct itimerspec t = {{0}}, left;
	struct epoll_event e = {.events = EPOLLIN};
	uint64_t n;
	int wall = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC), mono = timerfd_create(CLOCK_MONOTONIC, 0), far = timerfd_create(CLOCK_MONOTONIC, 0);
	int epoll = epoll_create1(0);
	MUST(wall >= 0 && mono >= 0 && far >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, wall, &e) == 0);
	long long began = now_ns(CLOCK_MONOTONIC);
	t.it_value = spec(began + 1000 * SECOND);
	MUST(timerfd_settime(far, TFD_TIMER_ABSTIME, &t, NULL) == 0);
	ready();
	do {
		long long at = now_ns(CLOCK_REALTIME) + 40 * MS;
		t.it_value = spec(at);
		MUST(timerfd_settime(wall, TFD_TIMER_ABSTIME, &t, NULL) == 0);
		MUST(epoll_wait(epoll, &e, 1, -1) == 1);
		long long late = now_ns(CLOCK_REALTIME) - at;
		CHECK(late >= 0 && late < LATE, "the time of day came %lld ms late", late / MS);
		MUST(read(wall, &n, 8) == 8 && n == 1);
		at = now_ns(CLOCK_MONOTONIC) + 40 * MS;
		t.it_value = spec(at);
		MUST(timerfd_settime(mono, TFD_TIMER_ABSTIME, &t, NULL) == 0);
		MUST(read(mono, &n, 8) == 8 && n == 1);
		late = now_ns(CLOCK_MONOTONIC) - at;
		CHECK(late >= 0 && late < LATE, "the time came %lld ms late", late / MS);
		MUST(timerfd_gettime(far, &left) == 0);
		long long sum = nanoseconds(left.it_value) + now_ns(CLOCK_MONOTONIC) - began;
		CHECK(sum >= 1000 * SECOND && sum < 1000 * SECOND + LATE, "%lld ms are left and have passed of 1000 s", sum / MS);
	} while (working());
}
