// calls: timer_create timer_settime
#include "../feature/feature.h"

// A timer whose signal goes to one thread (SIGEV_THREAD_ID), and one that glibc has call
// a function in a thread (SIGEV_THREAD).
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static atomic_int got, called, strays;
static _Atomic pid_t target;

static __thread int is_target;

static void onSignal(int signo) { is_target ? got++ : strays++; }
static void call(union sigval v) { called += v.sival_int; }

static void *live(void *unused)
{
	is_target = 1;
	target = gettid();
	while (!over())
		usleep(2000);
	return NULL;
}

FEATURE("timer-thread")
{
	timer_t direct, function;
	struct itimerspec t = {spec(20 * MS), spec(20 * MS)}, stop = {{0}};
	struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct sigevent f = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = call, .sigev_value.sival_int = 3};
	handle(SIGUSR1, onSignal, SA_RESTART);
	pthread_t other = thread(live, NULL);
	while (!target)
		sched_yield();
	e.sigev_notify_thread_id = target;
	MUST(timer_create(CLOCK_MONOTONIC, &e, &direct) == 0 && timer_settime(direct, 0, &t, NULL) == 0);
	MUST(timer_create(CLOCK_MONOTONIC, &f, &function) == 0 && timer_settime(function, 0, &t, NULL) == 0);
	ready();
	// The thread must live to see its signals: it ends when the input has been read.
	struct pollfd p = {.fd = 0, .events = POLLIN};
	long long from = now_ns(CLOCK_MONOTONIC);
	while (poll(&p, 1, 20) <= 0)
		CHECK(strays == 0, "%d signals went to another thread", strays);
	for (; got < 3 || called < 9; usleep(5000))
		CHECK(now_ns(CLOCK_MONOTONIC) - from < 4 * LATE, "%d signals, %d calls", got, called / 3);
	MUST(timer_settime(direct, 0, &stop, NULL) == 0 && timer_delete(direct) == 0);
	MUST(timer_delete(function) == 0);
	await_go();
	join(other);
	CHECK(called % 3 == 0, "a call brought another value");
}
