// calls: getrandom
#include "../feature/feature.h"

#include <sys/random.h>

// Random bytes never come twice, here or on another node.
enum { MOST = 20000 };

FEATURE("getrandom")
{
	static uint64_t seen[MOST];
	int n = 0, ones = 0;
	ready();
	while (working()) {
		uint64_t v[8];
		MUST(getrandom(v, sizeof v, 0) == sizeof v);
		for (int i = 0; i < 8 && n < MOST; i++) {
			for (int k = 0; k < n; k++)
				CHECK(seen[k] != v[i], "%lx came twice", v[i]);
			seen[n++] = v[i];
			ones += __builtin_popcountll(v[i]);
		}
	}
	CHECK(n == 0 || (ones > n * 26 && ones < n * 38), "%d of %d bits are set", ones, n * 64);
}
