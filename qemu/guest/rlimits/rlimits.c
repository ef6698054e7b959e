// calls: setrlimit getrlimit prlimit64
#include "../feature/feature.h"

#include <sys/resource.h>

// Limits are kept, and kept to.
FEATURE("rlimits")
{
	struct rlimit files = {20, 30}, core = {0, 0}, now;
	MUST(setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_CORE, &core) == 0);
	ready();
	while (working()) {
		int fd, last = -1;
		MUST(getrlimit(RLIMIT_NOFILE, &now) == 0);
		CHECK(now.rlim_cur == 20 && now.rlim_max == 30, "the limits are %lu and %lu", now.rlim_cur, now.rlim_max);
		while ((fd = dup(1)) >= 0)
			last = fd;
		CHECK(errno == EMFILE && last == 19, "the last descriptor is %d, %s", last, strerror(errno));
		for (fd = 3; fd < 20; fd++)
			close(fd);
		MUST(prlimit(0, RLIMIT_CORE, NULL, &now) == 0);
		CHECK(now.rlim_cur == 0 && now.rlim_max == 0, "a core may have %lu bytes", now.rlim_cur);
	}
}
