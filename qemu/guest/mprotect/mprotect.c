// calls: mprotect rt_sigaction
#include "../feature/feature.h"

// Faults on protected pages reach a handler, which opens the page; the access is then
// repeated. That is how garbage collectors and debuggers watch memory.
enum { PAGE = 4096, PAGES = 16 };

static char *m;
static volatile int faults, wrong;
static char *volatile where;

static void fault(int signo, siginfo_t *info, void *context)
{
	char *at = info->si_addr;
	faults++;
	if (signo != SIGSEGV || info->si_code != SEGV_ACCERR || at < m || at >= m + PAGES * PAGE)
		wrong = 1, _exit(9);
	where = at;
	mprotect((char *)((uintptr_t)at & -PAGE), PAGE, PROT_READ | PROT_WRITE);
}

FEATURE("mprotect")
{
	int rounds = 0;
	m = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(m != MAP_FAILED);
	handle_info(SIGSEGV, fault, 0);
	memset(m, 1, PAGES * PAGE);
	MUST(mprotect(m, PAGES * PAGE, PROT_READ) == 0);
	ready();
	while (working()) {
		int p = rounds++ % PAGES, before = faults;
		volatile char *at = m + p * PAGE + rounds % PAGE;
		char old = *at; // reading is allowed
		CHECK(faults == before, "reading page %d faults", p);
		*at = old + 1;
		CHECK(faults == before + 1 && where == at, "writing at %p faults %d times, at %p", at, faults - before, where);
		*at = old + 2;
		CHECK(faults == before + 1 && *at == (char)(old + 2), "the page is not writable, or holds %d", *at);
		int how = rounds % 3 == 0 ? PROT_NONE : PROT_READ;
		MUST(mprotect(m + p * PAGE, PAGE, how) == 0);
		if (how == PROT_NONE) {
			before = faults;
			CHECK(*at == (char)(old + 2) && faults == before + 1, "reading what is forbidden: %d faults", faults - before);
			MUST(mprotect(m + p * PAGE, PAGE, PROT_READ) == 0);
		}
	}
}
