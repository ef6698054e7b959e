// calls: arch_prctl
#include "../feature/feature.h"

#include <asm/prctl.h>

// Thread-local storage hangs on the FS base, each thread's its own; GS is free for the
// program's use.
static __thread uint64_t mine[64];
static uint64_t gs_words[4][8];

static uint64_t through_gs(void)
{
	uint64_t v;
	asm volatile("mov %%gs:8, %0" : "=r"(v));
	return v;
}

static void *use(void *which)
{
	long who = (long)which;
	unsigned long fs, gs, now;
	uint64_t round = 0;
	gs_words[who][1] = word(who, 1);
	MUST(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) == 0);
	MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, gs_words[who]) == 0);
	for (int i = 0; i < 64; i++)
		mine[i] = word(who, i);
	while (!over()) {
		for (int i = 0; i < 64; i++) {
			CHECK(mine[i] == word(who + round, i), "thread %ld: variable %d is %lx in round %lu", who, i, mine[i], round);
			mine[i] = word(who + round + 1, i);
		}
		round++;
		MUST(syscall(SYS_arch_prctl, ARCH_GET_FS, &now) == 0);
		CHECK(now == fs, "thread %ld: FS went from %lx to %lx", who, fs, now);
		MUST(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs) == 0);
		CHECK(gs == (unsigned long)gs_words[who] && through_gs() == word(who, 1), "thread %ld: GS is %lx", who, gs);
		usleep(4000);
	}
	return NULL;
}

FEATURE("tls")
{
	pthread_t t[4];
	for (long i = 0; i < 4; i++)
		t[i] = thread(use, (void *)i);
	ready();
	while (working())
		;
	for (int i = 0; i < 4; i++)
		join(t[i]);
}
