// calls: dup lseek read fork
#include "../feature/feature.h"

// Duplicates, and a child's descriptors, share one offset: who reads takes from what the
// others have left.
static int fd, there[2], back[2];

static int read_on(void *unused)
{
	char c, b[100];
	close(there[1]);
	while (read(there[0], &c, 1) == 1) {
		ssize_t n = read(fd, b, sizeof b);
		if (n < 0 || write(back[1], &n, sizeof n) != sizeof n)
			return 1;
	}
	return 0;
}

FEATURE("shared-offset")
{
	char b[64], want[64];
	ssize_t n;
	fd = open("/proc/self/exe", O_RDONLY);
	int other = dup(fd), own = open("/proc/self/exe", O_RDONLY);
	MUST(fd >= 0 && other >= 0 && own >= 0 && pipe(there) == 0 && pipe(back) == 0);
	pid_t pid = child(read_on, NULL);
	close(there[0]), close(back[1]);
	ready();
	for (off_t at = 0; working();) {
		MUST(read(fd, b, 64) == 64 && pread(own, want, 64, at) == 64);
		CHECK(memcmp(b, want, 64) == 0, "what is read at %ld is something else", at);
		at += 64;
		MUST(write(there[1], "x", 1) == 1 && read(back[0], &n, sizeof n) == sizeof n);
		at += n;
		CHECK(n == 100 && lseek(other, 0, SEEK_CUR) == at, "the child read %zd bytes, the duplicate is at %ld, not %ld", n, lseek(other, 0, SEEK_CUR), at);
		if (at > 200000)
			MUST(lseek(other, at = 0, SEEK_SET) == 0);
	}
	close(there[1]);
	ended(pid, 0);
}
