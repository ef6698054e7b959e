// calls: pipe2 fork read write
#include "../feature/feature.h"

// A pipe to a child and one back, whose ends come to lie on different nodes: what goes
// out comes back, in order, and the end of one is the end of the other.
static int there[2], back[2];

static int echo(void *unused)
{
	unsigned char b[4096];
	ssize_t n;
	close(there[1]), close(back[0]);
	while ((n = read(there[0], b, sizeof b)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			b[i] ^= 0xa5;
		if (write(back[1], b, n) != n)
			return 1;
	}
	return n == 0 ? 6 : 2;
}

FEATURE("pipe-relatives")
{
	unsigned char b[3000], r[3000];
	MUST(pipe(there) == 0 && pipe(back) == 0);
	pid_t pid = child(echo, NULL);
	close(there[0]), close(back[1]);
	ready();
	for (uint64_t round = 0; working(); round++) {
		size_t size = 1 + round * 701 % sizeof b;
		for (size_t i = 0; i < size; i++)
			b[i] = word(round, i);
		MUST(write(there[1], b, size) == (ssize_t)size);
		for (size_t n = 0; n < size;) {
			ssize_t k = read(back[0], r + n, size - n);
			CHECK(k > 0, "read: %zd, %s", k, strerror(errno));
			n += k;
		}
		for (size_t i = 0; i < size; i++)
			CHECK((b[i] ^ 0xa5) == r[i], "byte %zu of round %lu is %d, not %d", i, round, r[i], b[i] ^ 0xa5);
	}
	MUST(close(there[1]) == 0);
	CHECK(read(back[0], r, 1) == 0, "there is no end");
	ended(pid, 6);
}
