// calls: clone execve dup2 wait4
#include "../feature/feature.h"

#include <spawn.h>

// posix_spawn: a child with a descriptor moved, a mask and a group of its own.
FEATURE("posix-spawn")
{
	if (argc == 2) {
		sigset_t now;
		sigprocmask(SIG_SETMASK, NULL, &now);
		dprintf(9, "%s %d %d\n", argv[1], sigismember(&now, SIGUSR1), getpgid(0) == getpid());
		_exit(0);
	}
	int fds[2];
	MUST(pipe2(fds, O_CLOEXEC) == 0);
	ready();
	for (int n = 0; working(); n++) {
		posix_spawn_file_actions_t files;
		posix_spawnattr_t how;
		sigset_t set;
		pid_t pid;
		char word_[16], want[32], got[32] = "";
		snprintf(word_, sizeof word_, "n%d", n);
		snprintf(want, sizeof want, "n%d 1 1\n", n);
		char *words[] = {"feature", argv[0], word_, NULL};
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		ZERO(posix_spawn_file_actions_init(&files));
		ZERO(posix_spawn_file_actions_adddup2(&files, fds[1], 9));
		ZERO(posix_spawnattr_init(&how));
		ZERO(posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP));
		ZERO(posix_spawnattr_setsigmask(&how, &set));
		ZERO(posix_spawn(&pid, "/proc/self/exe", &files, &how, words, environ));
		ended(pid, 0);
		MUST(read(fds[0], got, sizeof got - 1) > 0);
		CHECK(strcmp(got, want) == 0, "the child says %s", got);
		posix_spawn_file_actions_destroy(&files);
		posix_spawnattr_destroy(&how);
	}
}
