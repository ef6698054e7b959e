// calls: timer_create timer_settime timer_gettime timer_getoverrun timer_delete
#include "../feature/feature.h"

// POSIX timers: with a value in the signal, with an interval and overruns, once at an
// absolute time, and without a signal.
enum { EVERY_MS = 15 };

static volatile int periodic, once, wrong;
static timer_t every, later, silent;

static void onSignal(int signo, siginfo_t *info, void *context)
{
	if (info->si_code != SI_TIMER)
		wrong++;
	else if (info->si_value.sival_ptr == &every)
		periodic += 1 + info->si_overrun;
	else if (info->si_value.sival_ptr == &later)
		once++;
	else
		wrong++;
}

FEATURE("timer")
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 5}, none = {.sigev_notify = SIGEV_NONE};
	struct itimerspec t = {spec(EVERY_MS * MS), spec(EVERY_MS * MS)}, at = {{0}}, hour = {{0}, {3600, 0}}, left;
	handle_info(SIGRTMIN + 5, onSignal, SA_RESTART);
	e.sigev_value.sival_ptr = &every;
	MUST(timer_create(CLOCK_MONOTONIC, &e, &every) == 0);
	e.sigev_value.sival_ptr = &later;
	MUST(timer_create(CLOCK_REALTIME, &e, &later) == 0);
	MUST(timer_create(CLOCK_MONOTONIC, &none, &silent) == 0);
	long long began = now_ns(CLOCK_MONOTONIC);
	MUST(timer_settime(every, 0, &t, NULL) == 0);
	MUST(timer_settime(silent, 0, &hour, NULL) == 0);
	at.it_value = spec(now_ns(CLOCK_REALTIME) + 100 * MS);
	MUST(timer_settime(later, TIMER_ABSTIME, &at, NULL) == 0);
	ready();
	while (working()) {
		int count = periodic;
		long long passed = now_ns(CLOCK_MONOTONIC) - began;
		CHECK(count <= passed / (EVERY_MS * MS) + 1 && !wrong, "%d expirations in %lld ms, %d wrong", count, passed / MS, wrong);
		MUST(timer_gettime(silent, &left) == 0);
		long long sum = nanoseconds(left.it_value) + now_ns(CLOCK_MONOTONIC) - began;
		CHECK(sum >= 3600 * SECOND - 50 * MS && sum < 3600 * SECOND + LATE, "what is left and what has passed is %lld s, not an hour", sum / SECOND);
	}
	long long from = now_ns(CLOCK_MONOTONIC), passed = from - began;
	for (int before = periodic; periodic < before + 3 || once == 0;)
		CHECK(now_ns(CLOCK_MONOTONIC) - from < LATE, "%d expirations, %d of the absolute one", periodic - before, once);
	MUST(timer_delete(every) == 0);
	// With their overruns, the signals account for all of the time.
	CHECK(periodic >= passed / (EVERY_MS * MS) - 3, "%d expirations in %lld ms", periodic, passed / MS);
	CHECK(once == 1 && !wrong, "the timer for one time fired %d times", once);
	ERRNO(timer_delete(every), EINVAL);
}
