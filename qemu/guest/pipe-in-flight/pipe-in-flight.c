// calls: pipe2 read write ioctl
#include "../feature/feature.h"

#include <sys/ioctl.h>

// Bytes in a pipe stay there, in order, whole: some are always on the way.
FEATURE("pipe-in-flight")
{
	int fds[2], held;
	uint64_t in = 0, out = 0, v[64];
	MUST(pipe2(fds, O_CLOEXEC) == 0);
	while (in < 5120) {
		for (int i = 0; i < 64; i++, in++)
			v[i] = word(3, in);
		MUST(write(fds[1], v, sizeof v) == sizeof v);
	}
	ready();
	while (working()) {
		MUST(ioctl(fds[0], FIONREAD, &held) == 0);
		CHECK(held == (int)(in - out) * 8, "the pipe holds %d bytes, not %d", held, (int)(in - out) * 8);
		ssize_t n = read(fds[0], v, sizeof v);
		CHECK(n == sizeof v, "read: %zd", n);
		for (int i = 0; i < 64; i++, out++)
			CHECK(v[i] == word(3, out), "word %lu is %lx", out, v[i]);
		for (int i = 0; i < 64; i++, in++)
			v[i] = word(3, in);
		MUST(write(fds[1], v, sizeof v) == sizeof v);
	}
	MUST(close(fds[1]) == 0);
	for (; read(fds[0], v, 8) == 8; out++)
		CHECK(v[0] == word(3, out), "word %lu is %lx", out, v[0]);
	CHECK(in == out, "%lu words went in, %lu came out", in, out);
}
