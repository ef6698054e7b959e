// calls: getppid prctl
#include "../feature/feature.h"

#include <sys/prctl.h>

// A child whose parent ends gets another: 1, or the nearest who asked for that.
static int fds[2];

static int grandchild(void *parent)
{
	pid_t was = *(pid_t *)parent, now;
	while ((now = getppid()) == was)
		usleep(2000);
	return write(fds[1], &now, sizeof now) != sizeof now;
}

static int middle(void *go)
{
	char c;
	pid_t me = getpid();
	close(((int *)go)[1]);
	child(grandchild, &me);
	return read(((int *)go)[0], &c, 1) == 0 ? 0 : 1;
}

FEATURE("orphan")
{
	pid_t adopter;
	int go[2];
	MUST(pipe(fds) == 0 && pipe(go) == 0);
	pid_t pid = child(middle, go);
	ready();
	while (working())
		;
	close(go[0]), close(go[1]);
	ended(pid, 0);
	MUST(read(fds[0], &adopter, sizeof adopter) == sizeof adopter);
	CHECK(adopter != pid && adopter != getpid() && adopter > 0, "the orphan's parent is %d", adopter);
	ERRNO(wait(NULL), ECHILD);
}
