// calls: flock fork
#include "../feature/feature.h"

#include <sys/file.h>

// flock: an open file's lock is shared by its duplicates and kept from others; who waits
// gets it when it is free, whoever had it.
static char name[64];
static int fd, same, there[2], back[2];

static int other(void *unused)
{
	char c;
	close(there[1]), close(fd), close(same); // those are the parent's lock's
	int fd = open(name, O_RDONLY);
	while (read(there[0], &c, 1) == 1) {
		c = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 'y' : errno == EWOULDBLOCK ? 'n' : '?';
		if (c == 'y')
			flock(fd, LOCK_UN);
		if (write(back[1], &c, 1) != 1)
			return 1;
	}
	return flock(fd, LOCK_EX) == 0 ? 5 : 2; // waits
}

FEATURE("file-locks")
{
	snprintf(name, sizeof name, "/tmp/flock.%d", getpid());
	char c;
	fd = open(name, O_RDONLY | O_CREAT, 0600);
	MUST(fd >= 0 && flock(fd, LOCK_EX) == 0);
	MUST(pipe(there) == 0 && pipe(back) == 0);
	same = dup(fd);
	pid_t pid = child(other, NULL);
	close(there[0]);
	ready();
	for (int round = 0; working(); round++) {
		int free = round % 2;
		MUST(flock(same, free ? LOCK_UN : LOCK_EX) == 0);
		MUST(write(there[1], "?", 1) == 1 && read(back[0], &c, 1) == 1);
		CHECK(c == (free ? 'y' : 'n'), "the other one gets a lock that is %s: %c", free ? "free" : "taken", c);
	}
	MUST(flock(fd, LOCK_EX) == 0);
	close(there[1]);
	usleep(20000);
	CHECK(waitpid(pid, NULL, WNOHANG) == 0, "the other one got the lock that we have");
	MUST(close(fd) == 0 && close(same) == 0); // the last of them gives it up
	ended(pid, 5);
	unlink(name);
}
