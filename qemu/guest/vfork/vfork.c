// calls: vfork execve wait4
#include "../feature/feature.h"

// vfork and exec, as shells and runtimes start programs: the parent waits until the
// child has its own memory.
FEATURE("vfork")
{
	if (argc == 2)
		_exit(atoi(argv[1]));
	char number[16];
	ready();
	for (int n = 0; working(); n++) {
		volatile int seen = 0;
		snprintf(number, sizeof number, "%d", n % 100);
		pid_t pid = vfork();
		MUST(pid >= 0);
		if (pid == 0) {
			seen = 1; // in the parent's memory
			execl("/proc/self/exe", "feature", argv[0], number, NULL);
			_exit(127);
		}
		CHECK(seen, "the child did not run in our memory");
		ended(pid, n % 100);
	}
}
