// calls: fcntl dup2 dup3 close_range
#include "../feature/feature.h"

// Descriptors keep their numbers and flags, and the table its holes.
FEATURE("fcntl")
{
	int fds[2];
	MUST(pipe(fds) == 0);
	MUST(dup2(fds[0], 50) == 50 && dup3(fds[1], 70, O_CLOEXEC) == 70);
	MUST(fcntl(fds[0], F_DUPFD_CLOEXEC, 200) == 200);
	ready();
	while (working()) {
		CHECK(fcntl(50, F_GETFD) == 0 && fcntl(70, F_GETFD) == FD_CLOEXEC && fcntl(200, F_GETFD) == FD_CLOEXEC, "flags %d %d %d",
		      fcntl(50, F_GETFD), fcntl(70, F_GETFD), fcntl(200, F_GETFD));
		CHECK((fcntl(50, F_GETFL) & O_ACCMODE) == O_RDONLY && (fcntl(70, F_GETFL) & O_ACCMODE) == O_WRONLY, "modes %#x %#x", fcntl(50, F_GETFL), fcntl(70, F_GETFL));
		ERRNO(fcntl(51, F_GETFD), EBADF);
		ERRNO(fcntl(199, F_GETFD), EBADF);
		int low = fcntl(50, F_DUPFD, 51);
		CHECK(low == 51, "the first free number from 51 on is %d", low);
		MUST(close(low) == 0);
		MUST(fcntl(50, F_SETFD, FD_CLOEXEC) == 0 && fcntl(50, F_GETFD) == FD_CLOEXEC && fcntl(50, F_SETFD, 0) == 0);
	}
	char c;
	MUST(write(70, "x", 1) == 1 && read(200, &c, 1) == 1);
	MUST(syscall(SYS_close_range, 50, 250, 0) == 0);
	ERRNO(fcntl(50, F_GETFD), EBADF);
	ERRNO(fcntl(200, F_GETFD), EBADF);
}
