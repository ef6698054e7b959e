// calls: fork
#include "../feature/feature.h"

// After fork each of the two has its own copy, though both began with the same pages.
enum { WORDS = 64 * 512 };

static uint64_t m[WORDS];
static int fds[2];

static void change(uint64_t who, uint64_t round)
{
	for (uint64_t i = who; i < WORDS; i += 512 * 4)
		m[i] = word(who + round, i);
}

static void verify(uint64_t who, uint64_t round)
{
	for (uint64_t i = 0; i < WORDS; i++) {
		uint64_t want = round > 0 && i % (512 * 4) == who ? word(who + round, i) : word(0, i);
		CHECK(m[i] == want, "process %lu: word %lu is %lx in round %lu", who, i, m[i], round);
	}
}

static int other(void *unused)
{
	char c;
	uint64_t round = 0;
	close(fds[1]);
	while (read(fds[0], &c, 1) == 1)
		change(1, ++round);
	verify(1, round);
	return 4;
}

FEATURE("cow")
{
	uint64_t round = 0;
	for (uint64_t i = 0; i < WORDS; i++)
		m[i] = word(0, i);
	MUST(pipe(fds) == 0);
	pid_t pid = child(other, NULL);
	close(fds[0]);
	ready();
	while (working()) {
		change(2, ++round);
		MUST(write(fds[1], "r", 1) == 1);
	}
	close(fds[1]);
	ended(pid, 4);
	verify(2, round);
}
