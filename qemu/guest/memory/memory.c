// calls: mmap munmap
#include "../feature/feature.h"

// Anonymous memory: what was written is there, what was not is zero, what was
// unmapped and mapped anew is zero again.
enum { PAGES = 64, PAGE = 4096, WORDS = PAGE / 8 };

FEATURE("memory")
{
	uint64_t *m = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t round = 0, wrote[PAGES] = {0}; // the round in which each page was written; 0: never
	MUST(m != MAP_FAILED);
	ready();
	while (working()) {
		round++;
		uint64_t p = round * 7 % PAGES;
		for (int i = 0; i < WORDS; i++) {
			uint64_t want = wrote[p] ? word(wrote[p], p * WORDS + i) : 0;
			CHECK(m[p * WORDS + i] == want, "page %lu word %d is %lx, not %lx", p, i, m[p * WORDS + i], want);
			m[p * WORDS + i] = word(round, p * WORDS + i);
		}
		wrote[p] = round;
		uint64_t gone = round * 11 % PAGES;
		if (round % 3 == 0) {
			MUST(munmap(m + gone * WORDS, PAGE) == 0);
			MUST(mmap(m + gone * WORDS, PAGE, PROT_READ | PROT_WRITE,
			          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m + gone * WORDS);
			wrote[gone] = 0;
		}
	}
	for (uint64_t p = 0; p < PAGES; p++)
		for (int i = 0; i < WORDS; i++) {
			uint64_t want = wrote[p] ? word(wrote[p], p * WORDS + i) : 0;
			CHECK(m[p * WORDS + i] == want, "page %lu word %d is %lx, not %lx", p, i, m[p * WORDS + i], want);
		}
}
