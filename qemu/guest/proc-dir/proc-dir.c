// calls: open openat getdents64 getcwd chdir
#include "../feature/feature.h"
#include <dirent.h>

// A directory of /proc that is open goes on being that of the process it was opened for.
FEATURE("proc-dir")
{
	int self = open("/proc/self", O_RDONLY | O_DIRECTORY), fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	char path[32], b[64];
	snprintf(path, sizeof path, "/proc/%d", getpid());
	int own = open(path, O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fds);
	MUST(self >= 0 && own >= 0 && d != NULL && chdir("/proc/self") == 0);
	ready();
	while (working()) {
		pid_t pid = getpid(); // a copy has another
		for (int i = 0; i < 2; i++) {
			int stat = openat(i ? own : self, "stat", O_RDONLY);
			MUST(stat >= 0);
			ssize_t n = read(stat, b, sizeof b - 1);
			MUST(n > 0 && close(stat) == 0);
			b[n] = 0;
			CHECK(atoi(b) == getpid() || pid != getpid(), "process %d finds %s", getpid(), b);
		}
		snprintf(path, sizeof path, "/proc/%d", getpid());
		MUST(getcwd(b, sizeof b) != NULL);
		CHECK(strcmp(b, path) == 0 || pid != getpid(), "process %d works in %s", getpid(), b);
		int found = 0;
		rewinddir(d);
		for (struct dirent *e; (e = readdir(d)) != NULL;)
			found |= atoi(e->d_name) == own;
		CHECK(found, "descriptor %d is not listed", own);
	}
}
