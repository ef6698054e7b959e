// calls: execve getpid
#include "../feature/feature.h"

// A program that executes itself again and again: it is the same process, with the words
// and descriptors that it was given, and none of its old memory.
static int used; // each image has it zero

FEATURE("exec")
{
	char pid[16], round[16], fd[16];
	int n = 0, here;
	if (argc == 4) {
		n = atoi(argv[2]);
		here = atoi(argv[3]);
		CHECK(atoi(argv[1]) == getpid(), "process %s is now %d", argv[1], getpid());
		CHECK(lseek(here, 0, SEEK_CUR) == n, "the file is at %ld, not %d", lseek(here, 0, SEEK_CUR), n);
	} else {
		MUST((here = open("/proc/self/exe", O_RDONLY)) >= 0);
		ready();
	}
	CHECK(used++ == 0, "memory has outlived an exec");
	if (argc == 4 && !working())
		return;
	MUST(read(here, fd, 1) == 1);
	snprintf(pid, sizeof pid, "%d", getpid());
	snprintf(round, sizeof round, "%d", n + 1);
	snprintf(fd, sizeof fd, "%d", here);
	execl("/proc/self/exe", "feature", argv[0], pid, round, fd, NULL);
	FAIL("exec: %s", strerror(errno));
}
