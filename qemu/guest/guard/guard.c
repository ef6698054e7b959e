// calls: mmap munmap mprotect
#include "../feature/feature.h"

#include <setjmp.h>

// Pages that may not be touched, and holes between mappings, stay what they are, each
// with its own kind of fault.
enum { PAGE = 4096 };

static sigjmp_buf back;
static volatile int code;

static void fault(int signo, siginfo_t *info, void *context)
{
	code = info->si_code;
	siglongjmp(back, signo);
}

static int touch(volatile char *p)
{
	code = 0;
	int signo = sigsetjmp(back, 1);
	if (signo == 0)
		*p = 1;
	return signo;
}

FEATURE("guard")
{
	char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(m != MAP_FAILED);
	handle_info(SIGSEGV, fault, 0);
	MUST(mprotect(m + PAGE, PAGE, PROT_NONE) == 0);
	MUST(munmap(m + 3 * PAGE, PAGE) == 0);
	ready();
	do {
		CHECK(touch(m) == 0 && touch(m + 2 * PAGE) == 0, "a page that is there faults");
		CHECK(touch(m + PAGE) == SIGSEGV && code == SEGV_ACCERR, "the guard's fault is %d", code);
		CHECK(touch(m + 3 * PAGE) == SIGSEGV && code == SEGV_MAPERR, "the hole's fault is %d", code);
	} while (working());
}
