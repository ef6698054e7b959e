// calls: rt_sigtimedwait tgkill
#include "../feature/feature.h"

// Signals are taken without a handler: with what is known of them, or after a time.
FEATURE("sigtimedwait")
{
	sigset_t set;
	struct timespec soon = spec(30 * MS);
	int rounds = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	ZERO(pthread_sigmask(SIG_BLOCK, &set, NULL));
	ready();
	while (working()) {
		siginfo_t info = {0};
		long long began = now_ns(CLOCK_MONOTONIC);
		ERRNO(sigtimedwait(&set, &info, &soon), EAGAIN);
		long long took = now_ns(CLOCK_MONOTONIC) - began;
		CHECK(took >= 30 * MS && took < LATE, "30 ms took %lld us", took / 1000);
		int signo = rounds++ % 2 ? SIGUSR1 : SIGUSR2;
		pid_t self = getpid(); // what the signal says, though a copy has another id by then
		MUST(tgkill(self, gettid(), signo) == 0);
		MUST(sigtimedwait(&set, &info, &soon) == signo);
		// glibc says SI_USER for SI_TKILL here.
		CHECK(info.si_signo == signo && info.si_code == SI_USER && info.si_pid == self, "signal %d with code %d from %d", info.si_signo, info.si_code, info.si_pid);
	}
	// One that is waited for while the events end.
	siginfo_t info;
	MUST(kill(getpid(), SIGUSR1) == 0);
	MUST(sigwaitinfo(&set, &info) == SIGUSR1);
	CHECK(info.si_code == SI_USER, "the code of kill is %d", info.si_code);
}
