// calls: umask mkdir
#include "../feature/feature.h"

// The mask of permission bits is the process's.
FEATURE("umask")
{
	char name[64];
	struct stat st;
	mode_t mine = 027;
	snprintf(name, sizeof name, "/tmp/umask.%d", getpid());
	umask(mine);
	ready();
	while (working()) {
		mode_t next = mine ^ 050, was = umask(next);
		CHECK(was == mine, "the mask was %o, not %o", was, mine);
		mine = next;
	}
	umask(027);
	MUST(mkdir(name, 0777) == 0 && stat(name, &st) == 0);
	CHECK((st.st_mode & 0777) == 0750, "the directory's mode is %o", st.st_mode);
	MUST(rmdir(name) == 0);
}
