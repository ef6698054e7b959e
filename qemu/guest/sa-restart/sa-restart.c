// calls: rt_sigaction read setitimer
#include "../feature/feature.h"

#include <sys/time.h>

// A read that signals interrupt again and again, and that SA_RESTART resumes: the
// program sees one read, with the bytes that came in the end.
static volatile int ticks;
static int fds[2];

static void tick(int signo) { ticks++; }

static void *feed(void *unused)
{
	await_go();
	MUST(write(fds[1], "late", 4) == 4);
	return NULL;
}

FEATURE("sa-restart")
{
	struct itimerval t = {{0, 10000}, {0, 10000}}, none = {0};
	char b[16] = "";
	MUST(pipe(fds) == 0);
	handle(SIGALRM, tick, SA_RESTART);
	mask(SIG_BLOCK, SIGALRM); // the other thread's
	pthread_t other = thread(feed, NULL);
	mask(SIG_UNBLOCK, SIGALRM);
	MUST(setitimer(ITIMER_REAL, &t, NULL) == 0);
	ready();
	ssize_t n = read(fds[0], b, sizeof b);
	CHECK(n == 4 && memcmp(b, "late", 4) == 0, "read: %zd, %s", n, strerror(errno));
	MUST(setitimer(ITIMER_REAL, &none, NULL) == 0);
	CHECK(ticks > 0, "no signal came meanwhile");
	join(other);
}
