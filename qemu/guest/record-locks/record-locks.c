// calls: fcntl fork
#include "../feature/feature.h"

// POSIX locks of ranges belong to the process; F_GETLK says who is in the way, F_SETLKW
// waits. Locks of the open file (OFD) belong to the description.
static char name[64];
static int fds[2];

static struct flock range(short type, off_t from, off_t length)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = length};
}

static int other(void *unused)
{
	struct flock l = range(F_WRLCK, 50, 10);
	int fd = open(name, O_RDWR);
	if (fcntl(fd, F_SETLK, &l) != -1 || (errno != EAGAIN && errno != EACCES))
		return 1;
	l = range(F_WRLCK, 50, 10);
	if (fcntl(fd, F_GETLK, &l) != 0 || l.l_type != F_WRLCK || l.l_pid != getppid() || l.l_start != 0 || l.l_len != 100)
		return 2;
	l = range(F_RDLCK, 100, 10); // the rest is free
	if (fcntl(fd, F_SETLK, &l) != 0)
		return 3;
	if (write(fds[1], "w", 1) != 1)
		return 4;
	l = range(F_WRLCK, 0, 10);
	if (fcntl(fd, F_SETLKW, &l) != 0) // waits
		return 5;
	l = range(F_WRLCK, 50, 10);
	return fcntl(fd, F_SETLK, &l) == -1 ? 0 : 6; // only part of it was given up
}

FEATURE("record-locks")
{
	char c;
	snprintf(name, sizeof name, "/tmp/fcntl.%d", getpid());
	// Names are the node's own: both are opened before anything moves.
	int fd = open(name, O_RDWR | O_CREAT, 0600), second = open(name, O_RDWR);
	MUST(fd >= 0 && second >= 0 && pipe(fds) == 0);
	struct flock l = range(F_WRLCK, 0, 100);
	MUST(fcntl(fd, F_SETLK, &l) == 0);
	pid_t pid = child(other, NULL);
	MUST(read(fds[0], &c, 1) == 1);
	ready();
	while (working()) {
		l = range(F_WRLCK, 105, 1);
		MUST(fcntl(fd, F_GETLK, &l) == 0);
		CHECK(l.l_type == F_RDLCK && l.l_pid == pid && l.l_start == 100 && l.l_len == 10, "in the way is a lock of type %d of %d at %ld", l.l_type, l.l_pid, (long)l.l_start);
		l = range(F_WRLCK, 0, 100);
		MUST(fcntl(fd, F_SETLK, &l) == 0);
		CHECK(waitpid(pid, NULL, WNOHANG) == 0, "the other one did not wait");
	}
	l = range(F_UNLCK, 0, 40);
	MUST(fcntl(fd, F_SETLK, &l) == 0);
	ended(pid, 0);
	// Of two descriptions of one process.
	l = range(F_WRLCK, 200, 5);
	MUST(fcntl(fd, F_OFD_SETLK, &l) == 0);
	l = range(F_WRLCK, 200, 5);
	ERRNO(fcntl(second, F_OFD_SETLK, &l), EAGAIN);
	MUST(close(fd) == 0);
	l = range(F_WRLCK, 200, 5);
	MUST(fcntl(second, F_OFD_SETLKW, &l) == 0); // a node elsewhere may hear of the close a little later
	unlink(name);
}
