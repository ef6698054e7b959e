// calls: chdir fchdir getcwd openat
#include "../feature/feature.h"

// The working directory, and a directory that is open: relative names mean the same.
FEATURE("cwd")
{
	char b[PATH_MAX];
	MUST(chdir("/bin") == 0);
	int etc = open("/etc", O_RDONLY | O_DIRECTORY);
	MUST(etc >= 0);
	ready();
	while (working()) {
		MUST(getcwd(b, sizeof b) != NULL);
		CHECK(strcmp(b, "/bin") == 0 || strcmp(b, "/usr/bin") == 0, "the working directory is %s", b);
		CHECK(access("sh", X_OK) == 0 && access("../etc", F_OK) == 0, "there is no sh here");
		int fd = openat(etc, ".", O_RDONLY | O_DIRECTORY);
		MUST(fd >= 0 && close(fd) == 0);
	}
	MUST(fchdir(etc) == 0 && getcwd(b, sizeof b) != NULL);
	CHECK(strcmp(b, "/etc") == 0, "the directory is %s", b);
}
