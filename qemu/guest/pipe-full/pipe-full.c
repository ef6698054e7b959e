// calls: write pipe2 fcntl
#include "../feature/feature.h"

// A writer waits in the middle of a write for which the pipe has too little room, and a
// second one behind it; a reader takes the bytes slowly.
enum { SIZE = 200000 };

static int fds[2];
static unsigned char data[SIZE];

static void *fill(void *unused)
{
	MUST(write(fds[1], data, SIZE) == SIZE);
	MUST(close(fds[1]) == 0);
	return NULL;
}

FEATURE("pipe-full")
{
	static unsigned char got[SIZE];
	long n = 0, k;
	for (int i = 0; i < SIZE; i++)
		data[i] = word(9, i);
	MUST(pipe(fds) == 0);
	CHECK(fcntl(fds[1], F_GETPIPE_SZ) == 65536, "a pipe holds %d bytes", fcntl(fds[1], F_GETPIPE_SZ));
	pthread_t t = thread(fill, NULL);
	struct pollfd p = {.fd = fds[1], .events = POLLOUT};
	while (poll(&p, 1, 0) == 1)
		usleep(1000);
	ready();
	while (working())
		if (n < SIZE / 4) {
			MUST((k = read(fds[0], got + n, 1000)) > 0);
			n += k;
		}
	while ((k = read(fds[0], got + n, SIZE - n)) > 0)
		n += k;
	join(t);
	CHECK(n == SIZE && memcmp(got, data, SIZE) == 0, "%ld bytes of %d came out, or others", n, SIZE);
}
