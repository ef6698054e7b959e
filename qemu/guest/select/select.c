// calls: select
#include "../feature/feature.h"

#include <sys/select.h>

// select leaves those in its sets that are ready, and says what is left of its time.
FEATURE("select")
{
	int in[2], out[2];
	char c;
	static char much[65536];
	MUST(pipe(in) == 0 && pipe(out) == 0);
	ready();
	for (int round = 0; working(); round++) {
		fd_set r, w;
		struct timeval t = {0, 15000};
		FD_ZERO(&r);
		FD_ZERO(&w);
		FD_SET(in[0], &r);
		FD_SET(out[0], &r);
		FD_SET(out[1], &w);
		int full = round % 2;
		if (full)
			MUST(write(out[1], much, sizeof much) == sizeof much);
		else
			MUST(write(in[1], "x", 1) == 1);
		MUST(select(out[1] + 1, &r, &w, NULL, &t) == (full ? 1 : 2));
		int a = FD_ISSET(in[0], &r) != 0, b = FD_ISSET(out[0], &r) != 0, o = FD_ISSET(out[1], &w) != 0;
		CHECK(a == !full && b == full && o == !full, "the sets are wrong in round %d", round);
		if (full)
			for (size_t n = 0; n < sizeof much;) {
				ssize_t k = read(out[0], much, sizeof much - n);
				MUST(k > 0);
				n += k;
			}
		else
			MUST(read(in[0], &c, 1) == 1);
		FD_ZERO(&r);
		FD_SET(in[0], &r);
		t = (struct timeval){0, 10000};
		long long began = now_ns(CLOCK_MONOTONIC);
		MUST(select(in[0] + 1, &r, NULL, NULL, &t) == 0);
		CHECK(now_ns(CLOCK_MONOTONIC) - began >= 10 * MS && !FD_ISSET(in[0], &r) && t.tv_sec == 0 && t.tv_usec == 0, "a time out left %ld us", (long)t.tv_usec);
	}
}
