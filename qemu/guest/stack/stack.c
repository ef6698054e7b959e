// calls: getrlimit
#include "../feature/feature.h"

#include <sys/resource.h>

// The stack grows as it is used; each level holds what it held when we come back.
static long descend(int depth, int most, uint64_t round)
{
	volatile uint64_t mine[512]; // a page a level
	for (int i = 0; i < 512; i += 7)
		mine[i] = word(round, depth * 512 + i);
	long levels = depth < most ? descend(depth + 1, most, round) : 0;
	// The turning point is where most is on the stack: events find it there.
	if (depth == most)
		working();
	for (int i = 0; i < 512; i += 7)
		CHECK(mine[i] == word(round, depth * 512 + i), "level %d, word %d is %lx", depth, i, mine[i]);
	return levels + 1;
}

FEATURE("stack")
{
	struct rlimit limit;
	MUST(getrlimit(RLIMIT_STACK, &limit) == 0);
	ready();
	for (int round = 1; !over(); round++) {
		int most = 8 + round * 37 % 300;
		CHECK(descend(0, most, round) == most + 1, "not all levels came back");
	}
}
