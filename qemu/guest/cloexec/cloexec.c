// calls: execve fcntl
#include "../feature/feature.h"

// Exec closes the descriptors that say so, and keeps the others, with what is in them.
FEATURE("cloexec")
{
	if (argc > 1) { // after exec
		char b[8] = "";
		ERRNO(fcntl(60, F_GETFD), EBADF);
		ERRNO(fcntl(61, F_GETFD), EBADF);
		MUST(read(62, b, 8) == 4);
		CHECK(memcmp(b, "kept", 4) == 0, "read %s", b);
		return;
	}
	int fds[2];
	MUST(pipe(fds) == 0);
	MUST(dup3(fds[0], 60, O_CLOEXEC) == 60 && dup2(fds[1], 61) == 61 && fcntl(61, F_SETFD, FD_CLOEXEC) == 0);
	MUST(dup2(fds[0], 62) == 62 && write(fds[1], "kept", 4) == 4);
	close(fds[0]), close(fds[1]);
	ready();
	while (working())
		CHECK(fcntl(60, F_GETFD) == FD_CLOEXEC && fcntl(61, F_GETFD) == FD_CLOEXEC && fcntl(62, F_GETFD) == 0, "the flags have changed");
	execl("/proc/self/exe", "feature", argv[0], "again", NULL);
	FAIL("exec: %s", strerror(errno));
}
