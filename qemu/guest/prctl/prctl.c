// calls: prctl
#include "../feature/feature.h"

#include <sys/prctl.h>

// Threads have names.
static void *named(void *which)
{
	char mine[16], now[16];
	snprintf(mine, sizeof mine, "thread-%ld", (long)which);
	MUST(prctl(PR_SET_NAME, mine) == 0);
	while (!over()) {
		MUST(prctl(PR_GET_NAME, now) == 0);
		CHECK(strcmp(mine, now) == 0, "the thread %s is called %s", mine, now);
		usleep(5000);
	}
	return NULL;
}

FEATURE("prctl")
{
	char now[16];
	pthread_t a = thread(named, (void *)1), b = thread(named, (void *)2);
	MUST(prctl(PR_SET_NAME, "a name of more than fifteen") == 0);
	ready();
	while (working()) {
		MUST(prctl(PR_GET_NAME, now) == 0);
		CHECK(strcmp(now, "a name of more ") == 0, "the thread is called %s", now);
	}
	join(a);
	join(b);
}
