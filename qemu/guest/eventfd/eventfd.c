// calls: eventfd2 read write poll
#include "../feature/feature.h"

#include <sys/eventfd.h>

// A counter that is read as a whole, and one that is a semaphore; a reader waits, and a
// writer for whom there is no room.
static int whole, ones, full;

static void *take(void *unused)
{
	uint64_t v, sum = 0;
	while (sum < 3) {
		MUST(read(ones, &v, 8) == 8);
		CHECK(v == 1, "the semaphore gave %lu at once", v);
		sum += v;
	}
	return NULL;
}

static void *overfill(void *unused)
{
	uint64_t v = 2;
	MUST(write(full, &v, 8) == 8);
	return NULL;
}

FEATURE("eventfd")
{
	uint64_t v, sum = 0, got = 0;
	whole = eventfd(0, EFD_NONBLOCK);
	ones = eventfd(0, EFD_SEMAPHORE);
	full = eventfd(0, 0);
	MUST(whole >= 0 && ones >= 0 && full >= 0);
	v = UINT64_MAX - 1;
	MUST(write(full, &v, 8) == 8);
	pthread_t taker = thread(take, NULL), filler = thread(overfill, NULL);
	ready();
	for (uint64_t n = 1; working(); n++) {
		MUST(write(whole, &n, 8) == 8);
		sum += n;
		if (n % 3 == 0) {
			MUST(read(whole, &v, 8) == 8);
			got += v;
			CHECK(got == sum, "%lu was written and %lu read", sum, got);
			ERRNO(read(whole, &v, 8), EAGAIN);
		}
		struct pollfd p = {.fd = full, .events = POLLIN | POLLOUT};
		MUST(poll(&p, 1, 0) == 1);
		CHECK(p.revents == POLLIN, "the full counter's events are %#x", p.revents);
	}
	v = 3;
	MUST(write(ones, &v, 8) == 8);
	join(taker);
	MUST(read(full, &v, 8) == 8);
	CHECK(v == UINT64_MAX - 1, "the full counter held %lx", v);
	join(filler);
	MUST(read(full, &v, 8) == 8);
	CHECK(v == 2, "the writer that waited wrote %lu", v);
}
