// feature: the programs of all features (see feature.h).
//
//	feature list | NAME
//
// It prints "ready", does its thing until a line of input comes, and prints "pass" or
// "FAIL: ", where and why.
#include "feature.h"

#include <stdarg.h>

extern const struct feature *const __start_features[], *const __stop_features[];

static atomic_int heard; // that the events are over

static void print(const char *format, va_list args)
{
	char line[512];
	int n = vsnprintf(line, sizeof line - 1, format, args);
	if (n > (int)sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(3);
}

void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print(format, args);
	va_end(args);
}

void fail(const char *file, int line, const char *format, ...)
{
	char why[400];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	const char *slash = strrchr(file, '/');
	say("FAIL: %s:%d: %s", slash ? slash + 1 : file, line, why);
	_exit(1);
}

void ready(void) { say("ready"); }

int over(void) { return heard; }

void await_go(void)
{
	char c = 0;
	while (c != '\n') {
		ssize_t n = read(0, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		CHECK(n == 1, "input: %zd, %s", n, strerror(errno));
	}
	heard = 1;
}

int working(void)
{
	enum { ROUND_MS = 20 };
	struct pollfd p = {.fd = 0, .events = POLLIN};
	if (heard)
		return 0;
	if (poll(&p, 1, ROUND_MS) > 0)
		await_go();
	return !heard;
}

long long now_ns(clockid_t clock)
{
	struct timespec t;
	MUST(clock_gettime(clock, &t) == 0);
	return nanoseconds(t);
}

struct timespec spec(long long ns) { return (struct timespec){ns / SECOND, ns % SECOND}; }

long long nanoseconds(struct timespec t) { return t.tv_sec * SECOND + t.tv_nsec; }

pthread_t thread(void *(*run)(void *), void *arg)
{
	pthread_t t;
	pthread_attr_t small; // 64 threads with 8 MB each are not for every machine
	ZERO(pthread_attr_init(&small));
	ZERO(pthread_attr_setstacksize(&small, 64 << 10));
	ZERO(pthread_create(&t, &small, run, arg));
	return t;
}

void join(pthread_t t) { ZERO(pthread_join(t, NULL)); }

pid_t child(int (*act)(void *), void *arg)
{
	pid_t pid = fork();
	MUST(pid >= 0);
	if (pid == 0)
		_exit(act(arg));
	return pid;
}

void ended(pid_t pid, int status)
{
	int got;
	pid_t who;
	while ((who = waitpid(pid, &got, 0)) < 0 && errno == EINTR)
		;
	MUST(who >= 0);
	CHECK(who == pid && WIFEXITED(got) && WEXITSTATUS(got) == status,
	      "child %d ended with status %#x", who, got);
}

void handle(int signo, void (*handler)(int), int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
	MUST(sigaction(signo, &sa, NULL) == 0);
}

void handle_info(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
	MUST(sigaction(signo, &sa, NULL) == 0);
}

void mask(int how, int signo)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signo);
	ZERO(pthread_sigmask(how, &set, NULL));
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	for (const struct feature *const *f = __start_features; f < __stop_features; f++) {
		if (strcmp(name, "list") == 0) {
			puts((*f)->name);
		} else if (strcmp(name, (*f)->name) == 0) {
			(*f)->run(argc - 1, argv + 1);
			say("pass");
			return 0;
		}
	}
	if (strcmp(name, "list") == 0)
		return 0;
	fprintf(stderr, "feature: there is no feature %s\n", name);
	return 2;
}
