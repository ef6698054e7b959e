// calls: fcntl read write
#include "../feature/feature.h"

// O_NONBLOCK is the description's: a duplicate has it too, and it can be taken away.
FEATURE("nonblock")
{
	int fds[2], other;
	char c;
	static char much[70000];
	MUST(pipe2(fds, O_NONBLOCK) == 0 && (other = dup(fds[0])) >= 0);
	ssize_t full = 0, n;
	while ((n = write(fds[1], much, sizeof much)) > 0)
		full += n;
	CHECK(errno == EAGAIN && full == 65536, "%zd bytes, then %s", full, strerror(errno));
	int in[2];
	MUST(pipe(in) == 0);
	int dup_in = dup(in[0]);
	ready();
	for (int round = 0; working(); round++) {
		ERRNO(write(fds[1], much, 1), EAGAIN);
		MUST(fcntl(in[0], F_SETFL, round % 2 ? 0 : O_NONBLOCK) == 0);
		if (round % 2 == 0)
			ERRNO(read(dup_in, &c, 1), EAGAIN);
		CHECK((fcntl(dup_in, F_GETFL) & O_NONBLOCK) == (round % 2 ? 0 : O_NONBLOCK), "the duplicate's flags are %#x", fcntl(dup_in, F_GETFL));
	}
	while (full > 0) {
		MUST((n = read(other, much, sizeof much)) > 0);
		full -= n;
	}
	ERRNO(read(other, &c, 1), EAGAIN);
}
