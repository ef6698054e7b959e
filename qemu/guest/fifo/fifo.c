// calls: mknodat open read write poll
#include "../feature/feature.h"

// A pipe with a name: opening waits for the other side, and several writers come and go.
static char name[64];

static int send_number(void *n)
{
	int fd = open(name, O_WRONLY);
	return fd >= 0 && write(fd, &n, sizeof n) == sizeof n ? 0 : 1;
}

FEATURE("fifo")
{
	long got;
	struct stat st;
	snprintf(name, sizeof name, "/tmp/fifo.%d", getpid());
	MUST(mkfifo(name, 0600) == 0 && stat(name, &st) == 0);
	CHECK(S_ISFIFO(st.st_mode), "its mode is %o", st.st_mode);
	ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	pid_t first = child(send_number, (void *)1000L); // waits for a reader
	int in = open(name, O_RDONLY);
	MUST(in >= 0);
	int keep = open(name, O_WRONLY);
	MUST(keep >= 0);
	ended(first, 0);
	MUST(read(in, &got, sizeof got) == sizeof got && got == 1000);
	ready();
	for (long n = 1; working(); n++) {
		MUST(write(keep, &n, sizeof n) == sizeof n);
		struct pollfd p = {.fd = in, .events = POLLIN};
		MUST(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
		MUST(read(in, &got, sizeof got) == sizeof got);
		CHECK(got == n, "%ld came, not %ld", got, n);
	}
	MUST(close(keep) == 0);
	CHECK(read(in, &got, sizeof got) == 0, "there is no end");
	unlink(name);
}
