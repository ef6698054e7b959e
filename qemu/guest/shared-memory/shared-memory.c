// calls: mmap futex fork
#include "../feature/feature.h"

#include <linux/futex.h>

// Parent and child share memory and take turns in it, woken by a futex in it.
struct table {
	_Atomic uint32_t turn; // even: the parent's; odd: the child's
	_Atomic uint32_t end;
	uint64_t sum;
};

static void hand_over(struct table *t)
{
	t->turn++;
	syscall(SYS_futex, &t->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await_turn(struct table *t, uint32_t mine)
{
	uint32_t turn;
	while ((turn = t->turn) % 2 != mine)
		if (syscall(SYS_futex, &t->turn, FUTEX_WAIT, turn, NULL, NULL, 0) < 0 && errno != EAGAIN && errno != EINTR)
			FAIL("futex: %s", strerror(errno));
}

static int other(void *p)
{
	struct table *t = p;
	for (;; hand_over(t)) {
		await_turn(t, 1);
		if (t->end)
			return 5;
		t->sum = t->sum * 3 + 1;
	}
}

FEATURE("shared-memory")
{
	struct table *t = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t sum = 0;
	MUST(t != MAP_FAILED);
	pid_t pid = child(other, t);
	ready();
	while (working()) {
		t->sum += 7, sum += 7;
		hand_over(t);
		await_turn(t, 0);
		sum = sum * 3 + 1;
		CHECK(t->sum == sum, "the sum is %lx, not %lx", t->sum, sum);
	}
	t->end = 1;
	hand_over(t);
	ended(pid, 5);
}
