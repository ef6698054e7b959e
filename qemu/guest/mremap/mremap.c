// calls: mremap
#include "../feature/feature.h"

// A mapping grows, moves and shrinks, with what is in it.
enum { PAGE = 4096, MOST = 24 };

FEATURE("mremap")
{
	long pages = 1, rounds = 0;
	uint64_t *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(m != MAP_FAILED);
	m[0] = word(0, 0);
	ready();
	for (int up = 1; working(); rounds++) {
		long next = up ? pages + 1 : pages - 1;
		// Something behind it makes it move.
		if (up && rounds % 4 == 0)
			(void)mmap(m + pages * PAGE / 8, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		m = mremap(m, pages * PAGE, next * PAGE, MREMAP_MAYMOVE);
		MUST(m != MAP_FAILED);
		if (next > pages) {
			CHECK(m[pages * PAGE / 8] == 0, "the page that came is not zero");
			m[pages * PAGE / 8] = word(pages, 0);
		}
		pages = next;
		for (long p = 0; p < pages; p++)
			CHECK(m[p * PAGE / 8] == word(p, 0), "page %ld of %ld holds %lx", p, pages, m[p * PAGE / 8]);
		if (pages == MOST || pages == 1)
			up = !up;
	}
}
