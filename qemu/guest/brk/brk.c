// calls: brk
#include "../feature/feature.h"

// The break goes up and down; what is below it stays, what comes back is zero.
enum { STEP = 16384 };

FEATURE("brk")
{
	char *base = sbrk(0);
	int round = 0;
	MUST(sbrk(STEP) == base);
	memset(base, 'b', STEP);
	ready();
	while (working()) {
		int more = (round++ % 5 + 1) * STEP;
		CHECK(sbrk(0) == base + STEP, "the break is at %p, not %p", sbrk(0), (void *)(base + STEP));
		char *p = sbrk(more);
		MUST(p == base + STEP);
		for (int i = 0; i < more; i += 512)
			CHECK(p[i] == 0, "byte %d above the break is %d", i, p[i]);
		memset(p, round, more);
		MUST(sbrk(-more) == p + more);
	}
	for (int i = 0; i < STEP; i++)
		CHECK(base[i] == 'b', "byte %d below the break is %d", i, base[i]);
}
