// calls: madvise
#include "../feature/feature.h"

// MADV_DONTNEED: the pages are zero afterwards, those beside them are what they were.
// An allocator's way to give memory back.
enum { PAGE = 4096, PAGES = 32 };

FEATURE("madvise")
{
	char *m = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(m != MAP_FAILED);
	memset(m, 1, PAGES * PAGE);
	ready();
	for (int round = 0; working(); round++) {
		int p = round * 3 % (PAGES - 1);
		MUST(madvise(m + p * PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
		for (int i = 0; i < PAGES * PAGE; i += 64)
			CHECK(m[i] == (i / PAGE != p && i / PAGE != p + 1), "byte %d of page %d is %d after %d was dropped", i % PAGE, i / PAGE, m[i], p);
		memset(m + p * PAGE, 1, 2 * PAGE);
	}
}
