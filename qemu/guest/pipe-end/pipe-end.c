// calls: read close pipe2
#include "../feature/feature.h"

// A reader waits for the end of a pipe that several have open for writing: it comes when
// the last has closed it, not before.
static int fds[2];
static atomic_int at_end;

static int hold(void *go)
{
	char c;
	close(((int *)go)[1]);
	return read(((int *)go)[0], &c, 1) == 0 ? 0 : 1;
}

static void *await_end(void *unused)
{
	char c;
	MUST(read(fds[0], &c, 1) == 0);
	at_end = 1;
	return NULL;
}

FEATURE("pipe-end")
{
	int go[2];
	MUST(pipe(go) == 0 && pipe(fds) == 0);
	pid_t a = child(hold, go), b = child(hold, go);
	close(fds[1]);
	pthread_t t = thread(await_end, NULL);
	ready();
	while (working())
		CHECK(!at_end, "the end came while somebody has the pipe open");
	MUST(kill(a, SIGKILL) == 0 && waitpid(a, NULL, 0) == a);
	usleep(20000);
	CHECK(!at_end, "the end came while somebody has the pipe open");
	close(go[1]);
	ended(b, 0);
	join(t);
}
