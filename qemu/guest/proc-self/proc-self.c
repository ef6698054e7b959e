// calls: readlink open read getdents64
#include "../feature/feature.h"

#include <dirent.h>

// /proc/self is the process's own, wherever it is.
static long field(const char *name)
{
	static char b[8192];
	int fd = open("/proc/self/status", O_RDONLY);
	MUST(fd >= 0);
	ssize_t n = read(fd, b, sizeof b - 1);
	MUST(n > 0 && close(fd) == 0);
	b[n] = 0;
	char *p = strstr(b, name);
	CHECK(p != NULL, "/proc/self/status has no %s", name);
	return atol(p + strlen(name));
}

FEATURE("proc-self")
{
	char exe[PATH_MAX] = "", now[PATH_MAX], b[4096];
	MUST(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0);
	MUST(dup2(0, 33) == 33);
	ready();
	while (working()) {
		long before = getpid(), pid = field("\nPid:\t"), tgid = field("\nTgid:\t");
		if (before == getpid()) // it may have become a copy meanwhile
			CHECK(pid == before && tgid == before, "it is %ld and %ld, not %ld", pid, tgid, before);
		CHECK(field("\nThreads:\t") == 1, "there are %ld threads", field("\nThreads:\t"));
		ssize_t n = readlink("/proc/self/exe", now, sizeof now - 1);
		MUST(n > 0);
		now[n] = 0;
		CHECK(strcmp(exe, now) == 0, "the program is %s, and was %s", now, exe);
		int fd = open("/proc/self/cmdline", O_RDONLY);
		MUST(fd >= 0 && (n = read(fd, b, sizeof b)) > 0 && close(fd) == 0);
		CHECK(strcmp(b + strlen(b) + 1, argv[0]) == 0, "the command is %s %s", b, b + strlen(b) + 1);
		fd = open("/proc/self/maps", O_RDONLY);
		MUST(fd >= 0 && (n = read(fd, b, sizeof b - 1)) > 0 && close(fd) == 0);
		b[n] = 0;
		CHECK(strchr(b, '-') && strstr(b, "r-xp"), "the maps are %.100s", b);
	}
	// Not while it moves: an open directory of /proc may be empty afterwards.
	int found = 0;
	DIR *d = opendir("/proc/self/fd");
	MUST(d != NULL);
	for (struct dirent *e; (e = readdir(d));)
		found += strcmp(e->d_name, "33") == 0 || strcmp(e->d_name, "0") == 0;
	closedir(d);
	CHECK(found == 2, "/proc/self/fd lacks descriptors");
}
