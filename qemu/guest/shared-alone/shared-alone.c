// calls: mmap msync
#include "../feature/feature.h"

// Shared memory that only one process has left, its relative having ended.
enum { WORDS = 4096 };

static int fill(void *m)
{
	for (int i = 0; i < WORDS; i++)
		((uint64_t *)m)[i] = word(1, i);
	return 0;
}

FEATURE("shared-alone")
{
	uint64_t *m = mmap(NULL, WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), round = 1;
	MUST(m != MAP_FAILED);
	ended(child(fill, m), 0);
	ready();
	while (working()) {
		for (int i = 0; i < WORDS; i++) {
			CHECK(m[i] == word(round, i), "word %d is %lx in round %lu", i, m[i], round);
			m[i] = word(round + 1, i);
		}
		round++;
	}
	MUST(msync(m, WORDS * 8, MS_SYNC) == 0);
	// And it is shared still.
	ended(child(fill, m), 0);
	for (int i = 0; i < WORDS; i++)
		CHECK(m[i] == word(1, i), "word %d is %lx, not what the child wrote", i, m[i]);
}
