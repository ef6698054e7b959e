// calls: clock_gettime getrusage times
#include "../feature/feature.h"

#include <sys/resource.h>
#include <sys/times.h>

// The time that a process has computed goes on, wherever it computes; sleep is none of
// it, and a thread's is part of the process's.
FEATURE("cpu-time")
{
	long long last = 0, began = now_ns(CLOCK_MONOTONIC);
	struct rusage u;
	struct tms t;
	ready();
	while (working()) {
		for (volatile int i = 0; i < 20000; i++)
			;
		// In this order: while the host does something else, the thread computes.
		long long mine = now_ns(CLOCK_THREAD_CPUTIME_ID), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
		CHECK(cpu > last, "the time computed went from %lld to %lld us", last / 1000, cpu / 1000);
		CHECK(mine <= cpu + MS, "the thread computed %lld us, the process %lld", mine / 1000, cpu / 1000);
		last = cpu;
		MUST(getrusage(RUSAGE_SELF, &u) == 0);
		long long used = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SECOND + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
		CHECK(used >= cpu - 50 * MS && used <= now_ns(CLOCK_PROCESS_CPUTIME_ID) + 50 * MS, "getrusage says %lld us, the clock %lld", used / 1000, cpu / 1000);
		MUST(times(&t) != (clock_t)-1);
		CHECK(now_ns(CLOCK_MONOTONIC) - began + 100 * MS > cpu, "%lld us were computed in %lld", cpu / 1000, (now_ns(CLOCK_MONOTONIC) - began) / 1000);
	}
}
