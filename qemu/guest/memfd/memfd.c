// calls: memfd_create ftruncate pread64 pwrite64
#include "../feature/feature.h"

// A file without a name: read, written, made longer and shorter.
FEATURE("memfd")
{
	int fd = memfd_create("feature", MFD_CLOEXEC);
	uint64_t n = 0, v;
	struct stat st;
	MUST(fd >= 0);
	ready();
	for (; working() || n < 2; n++) {
		v = word(n, 0);
		MUST(pwrite(fd, &v, 8, n * 8) == 8);
		uint64_t i = n / 2;
		MUST(pread(fd, &v, 8, i * 8) == 8);
		CHECK(v == word(i, 0), "word %lu is %lx", i, v);
		MUST(fstat(fd, &st) == 0);
		CHECK(st.st_size == (off_t)(n + 1) * 8, "it is %ld bytes long after %lu words", st.st_size, n + 1);
	}
	MUST(lseek(fd, 0, SEEK_SET) == 0);
	for (uint64_t i = 0; i < n; i++) {
		MUST(read(fd, &v, 8) == 8);
		CHECK(v == word(i, 0), "word %lu is %lx", i, v);
	}
	CHECK(read(fd, &v, 8) == 0, "there is something behind the end");
	MUST(ftruncate(fd, 12) == 0 && ftruncate(fd, 16) == 0 && pread(fd, &v, 8, 8) == 8);
	CHECK(v == (word(1, 0) & 0xffffffff), "what was cut off came back: %lx", v);
}
