// calls: timerfd_create timerfd_settime timerfd_gettime read poll
#include "../feature/feature.h"

#include <sys/timerfd.h>

// A periodic timer whose expirations are read: their sum is what fits into the time.
FEATURE("timerfd")
{
	enum { EVERY_MS = 15 };
	struct itimerspec t = {spec(EVERY_MS * MS), spec(EVERY_MS * MS)}, left;
	uint64_t n, sum = 0;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	MUST(fd >= 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	long long began = now_ns(CLOCK_MONOTONIC);
	MUST(timerfd_settime(fd, 0, &t, NULL) == 0);
	ready();
	for (int round = 0; working(); round++) {
		MUST(poll(&p, 1, -1) == 1);
		if (round % 3)
			continue; // they add up
		MUST(read(fd, &n, 8) == 8);
		sum += n;
		MUST(timerfd_gettime(fd, &left) == 0);
		CHECK(nanoseconds(left.it_value) <= EVERY_MS * MS && nanoseconds(left.it_interval) == EVERY_MS * MS, "%lld us are left", nanoseconds(left.it_value) / 1000);
		long long passed = now_ns(CLOCK_MONOTONIC) - began;
		CHECK(sum <= (uint64_t)(passed / (EVERY_MS * MS)) + 1, "%lu expirations in %lld ms", sum, passed / MS);
	}
	MUST(poll(&p, 1, -1) == 1);
	long long passed = now_ns(CLOCK_MONOTONIC) - began;
	MUST(read(fd, &n, 8) == 8);
	sum += n;
	CHECK(sum >= (uint64_t)(passed / (EVERY_MS * MS)) - 2, "%lu expirations in %lld ms", sum, passed / MS);
}
