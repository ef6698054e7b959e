// calls: open read lseek readv pread64
#include "../feature/feature.h"

#include <sys/uio.h>

// A file of the boot archive that is being read goes on being read where it was.
FEATURE("file-offset")
{
	unsigned char a[300], b[200], want[500];
	struct iovec v[2] = {{a, 300}, {b, 200}};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st, now;
	MUST(fd >= 0 && fstat(fd, &st) == 0);
	ready();
	for (off_t at = 0; working();) {
		MUST(readv(fd, v, 2) == 500 && pread(fd, want, 500, at) == 500);
		CHECK(memcmp(a, want, 300) == 0 && memcmp(b, want + 300, 200) == 0, "what is read at %ld is something else", at);
		at += 500;
		CHECK(lseek(fd, 0, SEEK_CUR) == at, "the offset is %ld, not %ld", lseek(fd, 0, SEEK_CUR), at);
		if (at > st.st_size - 500)
			at = lseek(fd, 0, SEEK_SET);
		MUST(fstat(fd, &now) == 0);
		CHECK(now.st_size == st.st_size && now.st_mode == st.st_mode, "the file has changed: %ld bytes", now.st_size);
	}
	MUST(lseek(fd, -4, SEEK_END) == st.st_size - 4);
	CHECK(read(fd, a, 300) == 4 && read(fd, a, 300) == 0, "the end is not where it was");
	ERRNO(write(fd, a, 1), EBADF);
}
