// garbage makes system calls with numbers and arguments that mean nothing, from
// children that may die of it. The node must not.
//
//	garbage SEED CHILDREN CALLS
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;

// next is xorshift64*.
static uint64_t next(void) {
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static char *room;
enum { roomSize = 1 << 16 };

static uint64_t argument(void) {
	static const uint64_t odd[] = {
		0, 1, 2, 3, 7, 8, 63, 64, 255, 4095, 4096, 65535, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 1ull << 40, 1ull << 46, 0x7fffffffefff, 0x7ffffffff000, 0x800000000000, 0xffff800000000000,
		0xffffffff80200000, 0x7fffffffffffffff, 0x8000000000000000, -1ull, -4096ull, -8ull,
	};
	switch (next() % 8) {
	case 0:
	case 1:
		return odd[next() % (sizeof odd / sizeof *odd)];
	case 2:
		return next() % 64;
	case 3:
		return next();
	case 4: // of a page that ends
		return (uint64_t)room + roomSize - next() % 32;
	case 5:
		return 1ull << next() % 64;
	default:
		return (uint64_t)room + next() % roomSize;
	}
}

// harmless leaves out what would end the test, not the node: signals to others,
// power off, and calls after which the child does nothing more.
static int harmless(long nr) {
	switch (nr) {
	case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo: case SYS_reboot:
	case SYS_exit: case SYS_exit_group: case SYS_fork: case SYS_vfork: case SYS_clone: case SYS_clone3:
	case SYS_pause: case SYS_rt_sigreturn:
		return 0;
	}
	return 1;
}

static void child(int calls) {
	for (int i = 0; i < calls; i++) {
		long nr = next() % 8 ? next() % 340 : next() % 2 ? 0x4d00 + next() % 16 : (long)next();
		if (!harmless(nr))
			continue;
		for (int k = 0; k < 16; k++) // now and then something in memory that looks like an argument
			((uint64_t *)room)[next() % (roomSize / 8)] = argument();
		syscall(nr, argument(), argument(), argument(), argument(), argument(), argument());
	}
	_exit(0);
}

int main(int argc, char **argv) {
	uint64_t seed = argc > 1 ? strtoull(argv[1], 0, 0) : 1;
	int children = argc > 2 ? atoi(argv[2]) : 100, calls = argc > 3 ? atoi(argv[3]) : 2000;
	int null = open("/dev/null", O_RDWR);
	for (int i = 0; i < children; i++) {
		pid_t pid = fork();
		if (pid < 0) {
			perror("garbage: fork");
			return 1;
		}
		if (pid == 0) {
			setsid();
			for (int fd = 0; fd < 3; fd++)
				dup2(null, fd);
			state = (seed << 20 | (i + 1)) * 0x9e3779b97f4a7c15ull | 1;
			room = mmap(0, roomSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			child(calls);
		}
		// It may have put up with every signal but one.
		int status, ms = 0;
		while (waitpid(pid, &status, WNOHANG) == 0) {
			struct timespec t = {0, 10000000};
			nanosleep(&t, 0);
			if ((ms += 10) > 300)
				kill(pid, SIGKILL);
		}
	}
	printf("%d children made their calls\n", children);
	return 0;
}
