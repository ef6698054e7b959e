// calls: poll
#include "../feature/feature.h"

// poll says of each descriptor what holds, and waits until something does.
static int fds[4][2];

static void *write_late(void *which)
{
	usleep(8000);
	MUST(write(fds[(long)which][1], "x", 1) == 1);
	return NULL;
}

FEATURE("poll")
{
	struct pollfd p[5];
	char c;
	for (int i = 0; i < 4; i++)
		MUST(pipe(fds[i]) == 0);
	close(fds[3][1]); // hung up
	for (int i = 0; i < 3; i++)
		p[i] = (struct pollfd){.fd = fds[i][0], .events = POLLIN};
	p[3] = (struct pollfd){.fd = 999, .events = POLLIN};
	p[4] = (struct pollfd){.fd = fds[3][0], .events = POLLIN};
	ready();
	for (long round = 0; working(); round++) {
		CHECK(poll(p, 5, 0) == 2 && p[3].revents == POLLNVAL && p[4].revents == POLLHUP, "%#x and %#x of a bad and a closed one", p[3].revents, p[4].revents);
		long which = round % 3;
		pthread_t t = thread(write_late, (void *)which);
		MUST(poll(p, 3, -1) == 1);
		for (int i = 0; i < 3; i++)
			CHECK(p[i].revents == (i == which ? POLLIN : 0), "descriptor %d: %#x", i, p[i].revents);
		MUST(read(fds[which][0], &c, 1) == 1);
		join(t);
		long long began = now_ns(CLOCK_MONOTONIC);
		CHECK(poll(p, 3, 15) == 0 && now_ns(CLOCK_MONOTONIC) - began >= 15 * MS, "15 ms were %lld us", (now_ns(CLOCK_MONOTONIC) - began) / 1000);
	}
}
