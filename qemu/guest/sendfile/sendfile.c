// calls: sendfile
#include "../feature/feature.h"

#include <sys/sendfile.h>

// From a file into a pipe within the kernel, with the file's offset or another.
FEATURE("sendfile")
{
	int fd = open("/proc/self/exe", O_RDONLY), fds[2];
	unsigned char got[3000], want[3000];
	MUST(fd >= 0 && pipe(fds) == 0);
	ready();
	for (off_t at = 0, other = 5000; working(); at = (at + 3000) % 90000) {
		if (at == 0)
			MUST(lseek(fd, 0, SEEK_SET) == 0);
		off_t from = other;
		MUST(sendfile(fds[1], fd, NULL, 3000) == 3000 && read(fds[0], got, 3000) == 3000 && pread(fd, want, 3000, at) == 3000);
		CHECK(memcmp(got, want, 3000) == 0 && lseek(fd, 0, SEEK_CUR) == at + 3000, "what came from %ld is something else, or the offset %ld", at, lseek(fd, 0, SEEK_CUR));
		MUST(sendfile(fds[1], fd, &other, 3000) == 3000 && read(fds[0], got, 3000) == 3000 && pread(fd, want, 3000, from) == 3000);
		CHECK(memcmp(got, want, 3000) == 0 && other == from + 3000, "what came from %ld is something else, or the offset %ld", from, other);
		other = other > 90000 ? 5000 : other;
	}
}
