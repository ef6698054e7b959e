// What the programs of features have in common. Each proves that one thing works, and
// goes on working whatever befalls the process meanwhile:
//
//	// calls: brk                       the system calls that it proves, for SUPPORT.md
//	#include "../feature/feature.h"
//
//	FEATURE("brk")
//	{
//		…                               set up
//		ready();                        from now on the process is moved, stopped, copied …
//		while (working())               … until somebody says "go"
//			…                           do it, again and again
//		CHECK(…, "…");                  verify; the first that does not hold is the verdict
//	}
//
// All of them are one binary, feature: static programs are large. `feature NAME` runs
// one, `feature list` names them. Everything in a feature's file is static.
#ifndef FEATURE_H
#define FEATURE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct feature {
	const char *name;
	void (*run)(int argc, char **argv); // argv[0] is the name
};

#define FEATURE(NAME)                                                                       \
	static void feature_run(int argc, char **argv);                                     \
	static const struct feature feature_entry = {NAME, feature_run};                    \
	static const struct feature *const feature_at                                       \
	    __attribute__((used, section("features"))) = &feature_entry;                    \
	static void feature_run(int argc, char **argv)

// ready says that all is set up.
void ready(void);

// working reports whether the events are still going on. It takes one round's time, 20 ms.
// One thread calls it; the others ask over.
int working(void);

// over reports whether working, or await_go, has heard that the events are over.
int over(void);

// await_go waits until the events are over.
void await_go(void);

// say prints a line in one write.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// fail ends the process, and with it the feature.
void fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));

#define FAIL(...) fail(__FILE__, __LINE__, __VA_ARGS__)

// MUST is for calls that set errno, or return what pthread functions do.
#define MUST(OK) ((OK) ? (void)0 : FAIL("%s: %s", #OK, strerror(errno)))
#define ZERO(CALL)                                                  \
	do {                                                        \
		int error_ = (CALL);                                \
		if (error_ != 0)                                    \
			FAIL("%s: %s", #CALL, strerror(error_));    \
	} while (0)
// CHECK is for what should be so; the words say what it is instead.
#define CHECK(OK, ...) ((OK) ? (void)0 : FAIL(__VA_ARGS__))
// ERRNO checks that a call fails in one way.
#define ERRNO(CALL, WHY)                                                                        \
	do {                                                                                    \
		errno = 0;                                                                      \
		long result_ = (long)(CALL);                                                    \
		if (result_ != -1 || errno != (WHY))                                            \
			FAIL("%s: %ld, %s, not %s", #CALL, result_, strerror(errno), #WHY);     \
	} while (0)

// now_ns is what a clock shows.
long long now_ns(clockid_t clock);

// spec makes a timespec of nanoseconds; nanoseconds makes them of it.
struct timespec spec(long long ns);
long long nanoseconds(struct timespec t);

#define MS 1000000LL
#define SECOND 1000000000LL

// late is how much later than it should something may happen: what a process stands
// still for, on a bad network and a busy machine. Early is never right.
#define LATE (20 * SECOND)

// thread starts one.
pthread_t thread(void *(*run)(void *), void *arg);
void join(pthread_t t);

// child forks a process that runs act and ends with what that returns.
pid_t child(int (*act)(void *), void *arg);

// ended waits for a child's end and checks its exit status.
void ended(pid_t pid, int status);

// handle has a signal handled by one of two kinds of handler.
void handle(int signo, void (*handler)(int), int flags);
void handle_info(int signo, void (*handler)(int, siginfo_t *, void *), int flags);

// mask blocks, unblocks or sets (SIG_BLOCK …) one signal of the thread.
void mask(int how, int signo);

// word is a number that is different for each pair.
static inline uint64_t word(uint64_t round, uint64_t i)
{
	uint64_t x = (round + 1) * 0x9e3779b97f4a7c15u ^ i * 0xff51afd7ed558ccdu;
	return x ^ x >> 29;
}

#endif
