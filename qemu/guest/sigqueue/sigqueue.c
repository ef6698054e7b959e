// calls: rt_sigqueueinfo rt_sigaction
#include "../feature/feature.h"

// A queued signal carries a value to the handler: those that are sent and handled in a
// round, and those that wait, blocked, through all of the events.
enum { WAITING = 12 };

static volatile int came, sum, codes;

static void onSignal(int signo, siginfo_t *info, void *context)
{
	came++;
	sum += info->si_value.sival_int;
	codes |= info->si_code != SI_QUEUE || info->si_signo != signo;
}

FEATURE("sigqueue")
{
	int rounds = 0, sent = 0;
	handle_info(SIGRTMIN + 3, onSignal, 0);
	handle_info(SIGRTMIN + 4, onSignal, 0);
	mask(SIG_BLOCK, SIGRTMIN + 4);
	for (int i = 1; i <= WAITING; i++)
		MUST(sigqueue(getpid(), SIGRTMIN + 4, (union sigval){.sival_int = i * 1000000}) == 0);
	ready();
	for (; working(); rounds++) {
		MUST(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = rounds}) == 0);
		sent += rounds;
		CHECK(came == rounds + 1 && sum == sent && !codes, "%d of %d came, with %d in sum, not %d", came, rounds + 1, sum, sent);
	}
	came = sum = 0;
	mask(SIG_UNBLOCK, SIGRTMIN + 4);
	CHECK(came == WAITING && sum == WAITING * (WAITING + 1) / 2 * 1000000 && !codes, "%d that waited came, %d in sum", came, sum);
}
