// calls: mmap open read
#include "../feature/feature.h"

// A private mapping of a file: it shows the file's bytes, and ours where we wrote.
enum { PAGE = 4096, PAGES = 48 };

FEATURE("file-mapping")
{
	int fd = open("/proc/self/exe", O_RDONLY);
	static unsigned char want[PAGES * PAGE];
	MUST(fd >= 0 && pread(fd, want, sizeof want, PAGE) == sizeof want);
	unsigned char *m = mmap(NULL, sizeof want, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
	MUST(m != MAP_FAILED);
	MUST(close(fd) == 0);
	ready();
	for (int round = 0; working(); round++) {
		int p = round * 5 % PAGES;
		if (p % 2)
			m[p * PAGE + round % PAGE] = want[p * PAGE + round % PAGE] = round;
		CHECK(memcmp(m + p * PAGE, want + p * PAGE, PAGE) == 0, "page %d differs in round %d", p, round);
	}
	CHECK(memcmp(m, want, sizeof want) == 0, "the mapping is not what it should be");
	// What we wrote is ours: the file has not changed.
	char first[PAGE], again[PAGE];
	fd = open("/proc/self/exe", O_RDONLY);
	MUST(fd >= 0 && pread(fd, first, PAGE, 2 * PAGE) == PAGE);
	memset(m + PAGE, 0xee, PAGE);
	MUST(pread(fd, again, PAGE, 2 * PAGE) == PAGE);
	CHECK(memcmp(first, again, PAGE) == 0, "the file has changed");
}
