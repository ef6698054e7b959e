// blocked: a process in one blocking call, until a helper that it forked ends the
// wait, or its time is over. The helper acts when a line of input comes.
//
//	blocked CALL MS GETPORT PUTPORT
//
// It prints "ready", and what came of the call. MS is how long waits with a limit
// last; ports are 32 hex digits, for the native calls. blocked list prints the
// names of the calls.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long limitMs;
static long long began;   // of the call, on the monotonic clock, in ns
static pid_t helperPID;
static pid_t mainPID;
static int fds[2];        // a pipe, where a call needs one
static int event;         // an eventfd
static uint32_t word;     // a futex
static volatile sig_atomic_t handled;
static unsigned char getPort[16], putPort[16];

// --- what the calls have in common ------------------------------------------

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	_exit(1);
}

static void must(int ok, const char *what)
{
	if (!ok)
		die(what);
}

static long long nowOf(clockid_t clock)
{
	struct timespec ts;
	must(clock_gettime(clock, &ts) == 0, "clock_gettime");
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static struct timespec spec(long long ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static long long limitNs(void) { return limitMs * 1000000; }

static struct timespec limit(void) { return spec(limitNs()); }

// say prints a line in one write, whichever thread does.
static void say(const char *format, ...)
{
	char line[256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	must(write(1, line, n) == n, "write");
}

// outcome prints a call's result.
static void outcome(long result)
{
	if (result < 0)
		say("result %s", strerrorname_np(errno));
	else
		say("result %ld", result);
}

// waited prints how long the call took beside how long it should have: the test
// compares them. left is what the call says was left of its time.
static void waited(long long left)
{
	say("waited %lld left %lld of %lld ms", (nowOf(CLOCK_MONOTONIC) - began) / 1000000,
	    left / 1000000, limitMs);
}

// ready is called when all is prepared, right before the blocking call.
static void ready(void)
{
	say("ready");
	began = nowOf(CLOCK_MONOTONIC);
}

// awaitGo waits for a line of input.
static void awaitGo(void)
{
	char c;
	do
		must(read(0, &c, 1) == 1, "helper's input");
	while (c != '\n');
}

// help forks a process that calls act when the time has come.
static void help(void (*act)(void))
{
	helperPID = fork();
	must(helperPID >= 0, "fork");
	if (helperPID > 0)
		return;
	awaitGo();
	act();
	_exit(0);
}

static void onSignal(int signo) { handled = signo; }

static void handle(int signo, int flags)
{
	struct sigaction sa = {.sa_handler = onSignal, .sa_flags = flags};
	must(sigaction(signo, &sa, NULL) == 0, "sigaction");
}

static void block(int signo)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signo);
	must(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
}

// What helpers do.
static void doSignal(void) { must(kill(mainPID, SIGUSR1) == 0, "kill"); }
static void doContinue(void) { must(kill(mainPID, SIGCONT) == 0, "kill"); }
static void doExit(void) { _exit(7); }
static void doWrite(void) { must(write(fds[1], "news", 4) == 4, "write"); }
static void doEvent(void)
{
	uint64_t v = 5;
	must(write(event, &v, 8) == 8, "write");
}
static void doTakeEvent(void)
{
	uint64_t v;
	must(read(event, &v, 8) == 8, "read");
}
static void doDrain(void)
{
	static char b[65536];
	long n = 0, k;
	close(fds[1]);
	while ((k = read(fds[0], b, sizeof b)) > 0)
		n += k;
	must(k == 0, "read");
	say("drained %ld", n);
}
static void doSignalFirst(void)
{
	doSignal();
	usleep(200000); // so that the signal is what ends the wait, or does not
	doWrite();
}

// withPipe makes the pipe; the process keeps the end it does not give the helper.
static void withPipe(void (*act)(void), int keep)
{
	must(pipe(fds) == 0, "pipe");
	help(act);
	close(fds[1 - keep]);
}

static void printRead(int fd)
{
	char b[64];
	ready();
	long n = read(fd, b, sizeof b - 1);
	int err = errno;
	b[n > 0 ? n : 0] = 0;
	b[strcspn(b, "\n")] = 0;
	errno = err;
	outcome(n);
	say("read “%s”", b);
}

// --- the calls ----------------------------------------------------------------

static void nanosleep_(void)
{
	struct timespec t = limit();
	ready();
	outcome(nanosleep(&t, NULL));
	waited(0);
}

static void nanosleepSignal(void)
{
	struct timespec t = spec(limitNs() * 4), left;
	handle(SIGUSR1, 0);
	help(doSignal);
	limitMs *= 4;
	ready();
	long r = nanosleep(&t, &left);
	outcome(r);
	waited(left.tv_sec * 1000000000LL + left.tv_nsec);
}

static void sleepUntil(clockid_t clock)
{
	ready();
	struct timespec t = spec(nowOf(clock) + limitNs());
	int err = clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL);
	say("result %d", err);
	waited(0);
}

static void clockNanosleepMonotonic(void) { sleepUntil(CLOCK_MONOTONIC); }
static void clockNanosleepRealtime(void) { sleepUntil(CLOCK_REALTIME); }

// waker is a second thread: memory is not shared with the helper.
static void *waker(void *unused)
{
	char c;
	must(read(fds[0], &c, 1) == 1, "read");
	say("woken %ld", syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	return unused;
}

static void futexWait(void)
{
	pthread_t t;
	withPipe(doWrite, 0);
	must(pthread_create(&t, NULL, waker, NULL) == 0, "pthread_create");
	ready();
	long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	pthread_join(t, NULL);
	outcome(r);
}

static void futexTimeout(void)
{
	struct timespec t = limit();
	ready();
	outcome(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0));
	waited(0);
}

static void futexBitset(void)
{
	ready();
	struct timespec t = spec(nowOf(CLOCK_MONOTONIC) + limitNs());
	outcome(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0));
	waited(0);
}

static void semTimedwait(void)
{
	sem_t sem;
	sem_init(&sem, 0, 0);
	ready();
	struct timespec t = spec(nowOf(CLOCK_REALTIME) + limitNs());
	outcome(sem_timedwait(&sem, &t));
	waited(0);
}

static void poll_(void)
{
	withPipe(doWrite, 0);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	ready();
	outcome(poll(&p, 1, -1));
	say("events %#x", p.revents & ~POLLHUP); // the helper may have ended by now
}

static void pollHangup(void)
{
	withPipe(doExit, 0);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	ready();
	outcome(poll(&p, 1, -1));
	say("events %#x", p.revents);
}

static void pollTimeout(void)
{
	must(pipe(fds) == 0, "pipe");
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	ready();
	outcome(poll(&p, 1, limitMs));
	waited(0);
}

static void ppollTimeout(void)
{
	struct timespec t = limit();
	must(pipe(fds) == 0, "pipe");
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	ready();
	outcome(ppoll(&p, 1, &t, NULL));
	waited(0);
}

static void select_(void)
{
	fd_set set;
	withPipe(doWrite, 0);
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	ready();
	outcome(select(fds[0] + 1, &set, NULL, NULL, NULL));
	say("set %d", FD_ISSET(fds[0], &set) != 0);
}

static void selectTimeout(void)
{
	struct timeval t = {limitMs / 1000, limitMs % 1000 * 1000};
	ready();
	outcome(select(0, NULL, NULL, NULL, &t));
	waited(t.tv_sec * 1000000000LL + t.tv_usec * 1000);
}

static void pselectTimeout(void)
{
	struct timespec t = limit();
	ready();
	outcome(pselect(0, NULL, NULL, NULL, &t, NULL));
	waited(0);
}

static int epollOf(int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = 42};
	int set = epoll_create1(0);
	must(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0, "epoll");
	return set;
}

static void epollWait(void)
{
	struct epoll_event e = {0};
	withPipe(doWrite, 0);
	int set = epollOf(fds[0]);
	ready();
	outcome(epoll_wait(set, &e, 1, -1));
	say("events %#x of %u", e.events & ~EPOLLHUP, e.data.u32);
}

static void epollTimeout(void)
{
	struct epoll_event e;
	must(pipe(fds) == 0, "pipe");
	int set = epollOf(fds[0]);
	ready();
	outcome(epoll_pwait(set, &e, 1, limitMs, NULL));
	waited(0);
}

static void pipeRead(void)
{
	withPipe(doWrite, 0);
	printRead(fds[0]);
}

static void pipeReadEnd(void)
{
	withPipe(doExit, 0);
	printRead(fds[0]);
}

static void pipeReadRestarted(void)
{
	handle(SIGUSR1, SA_RESTART);
	withPipe(doSignalFirst, 0);
	printRead(fds[0]);
	say("handled %d", handled);
}

static void pipeReadSignal(void)
{
	handle(SIGUSR1, 0);
	signal(SIGPIPE, SIG_IGN);
	withPipe(doSignalFirst, 0);
	printRead(fds[0]);
	say("handled %d", handled);
}

// The buffer holds 65536 bytes; the helper wants them all and what comes then.
static void pipeWrite(void)
{
	static char b[100000];
	withPipe(doDrain, 1);
	ready();
	outcome(write(fds[1], b, sizeof b));
	close(fds[1]);
}

static void eventfdRead(void)
{
	uint64_t v = 0;
	event = eventfd(0, 0);
	help(doEvent);
	ready();
	outcome(read(event, &v, 8));
	say("value %llu", (unsigned long long)v);
}

static void eventfdWrite(void)
{
	uint64_t v = UINT64_MAX - 1;
	event = eventfd(0, 0);
	must(write(event, &v, 8) == 8, "write");
	help(doTakeEvent);
	v = 1;
	ready();
	outcome(write(event, &v, 8));
}

static void wait4_(void)
{
	int status = 0;
	help(doExit);
	ready();
	pid_t pid = wait4(-1, &status, 0, NULL);
	say("result %d status %#x", pid == helperPID, status);
	helperPID = 0;
}

static void waitid_(void)
{
	siginfo_t info = {0};
	help(doExit);
	ready();
	outcome(waitid(P_PID, helperPID, &info, WEXITED));
	say("pid %d code %d status %d", info.si_pid == helperPID, info.si_code, info.si_status);
	helperPID = 0;
}

// pidfd is a descriptor for the helper.
static int pidfd(void)
{
	int fd = syscall(SYS_pidfd_open, helperPID, 0);
	must(fd >= 0, "pidfd_open");
	return fd;
}

static void waitidPidfd(void)
{
	siginfo_t info = {0};
	help(doExit);
	int fd = pidfd();
	ready();
	outcome(waitid(3 /* P_PIDFD */, fd, &info, WEXITED));
	say("pid %d code %d status %d", info.si_pid == helperPID, info.si_code, info.si_status);
	helperPID = 0;
}

// What is readable is waitable, at once.
static void pollPidfd(void)
{
	siginfo_t info = {0};
	help(doExit);
	struct pollfd p = {.fd = pidfd(), .events = POLLIN};
	ready();
	outcome(poll(&p, 1, -1));
	must(waitid(3, p.fd, &info, WEXITED | WNOHANG) == 0, "waitid");
	say("pid %d status %d", info.si_pid == helperPID, info.si_status);
	helperPID = 0;
}

static void signalfdRead(void)
{
	struct signalfd_siginfo info = {0};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	block(SIGUSR1);
	int fd = signalfd(-1, &set, 0);
	must(fd >= 0, "signalfd");
	help(doSignal);
	ready();
	outcome(read(fd, &info, sizeof info));
	say("signal %u from helper %d", info.ssi_signo, info.ssi_pid == helperPID);
}

// A timer goes off every quarter of the limit, four times.
static struct itimerspec quarters(void)
{
	return (struct itimerspec){.it_value = spec(limitNs() / 4), .it_interval = spec(limitNs() / 4)};
}

// inStep says whether as many expiries are known as there have been by now.
static void inStep(unsigned long long n)
{
	say("in step %d", n == (nowOf(CLOCK_MONOTONIC) - began) * 4 / limitNs());
}

static void timerfdTimeout(void)
{
	struct itimerspec t = quarters();
	uint64_t n, sum = 0;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	must(fd >= 0, "timerfd_create");
	ready();
	must(timerfd_settime(fd, 0, &t, NULL) == 0, "timerfd_settime");
	for (; sum < 4; sum += n)
		must(read(fd, &n, 8) == 8, "read");
	inStep(sum);
	waited(0);
}

static void timerfdUntilTimeout(void)
{
	uint64_t n = 0;
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	must(fd >= 0, "timerfd_create");
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ready();
	struct itimerspec t = {.it_value = spec(nowOf(CLOCK_REALTIME) + limitNs())};
	must(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL) == 0, "timerfd_settime");
	outcome(poll(&p, 1, -1));
	must(read(fd, &n, 8) == 8, "read");
	say("expiries %llu", (unsigned long long)n);
	waited(0);
}

static void timerCreateTimeout(void)
{
	struct itimerspec t = quarters();
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	siginfo_t info;
	timer_t timer;
	int sum = 0;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	block(SIGUSR1);
	must(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0, "timer_create");
	ready();
	must(timer_settime(timer, 0, &t, NULL) == 0, "timer_settime");
	while (sum < 4) {
		must(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_code == SI_TIMER && info.si_value.sival_int == 42, "sigwaitinfo");
		sum += 1 + info.si_overrun;
	}
	inStep(sum);
	waited(0);
}

static void pause_(void)
{
	handle(SIGUSR1, 0);
	help(doSignal);
	ready();
	outcome(pause());
	say("handled %d", handled);
}

static void sigsuspend_(void)
{
	sigset_t none;
	sigemptyset(&none);
	block(SIGUSR1);
	handle(SIGUSR1, 0);
	help(doSignal);
	ready();
	outcome(sigsuspend(&none));
	say("handled %d", handled);
}

static void sigwait_(const struct timespec *t)
{
	sigset_t set;
	siginfo_t info = {0};
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ready();
	outcome(sigtimedwait(&set, &info, t));
	say("from helper %d", info.si_pid != 0 && info.si_pid == helperPID);
}

static void sigtimedwait_(void)
{
	block(SIGUSR1);
	help(doSignal);
	sigwait_(NULL);
}

static void sigtimedwaitTimeout(void)
{
	struct timespec t = limit();
	block(SIGUSR1);
	sigwait_(&t);
	waited(0);
}

static void stopped(void)
{
	help(doContinue);
	ready();
	outcome(raise(SIGSTOP));
}

static void input(void) { printRead(0); }

static void console(void)
{
	int fd = open("/dev/console", O_RDONLY | O_NOCTTY);
	must(fd >= 0, "open");
	printRead(fd);
}

static void setitimer_(void)
{
	struct itimerval t = {.it_value = {limitMs / 1000, limitMs % 1000 * 1000}};
	handle(SIGALRM, 0);
	ready();
	must(setitimer(ITIMER_REAL, &t, NULL) == 0, "setitimer");
	outcome(pause());
	waited(0);
	say("handled %d", handled);
}

// An interval timer goes off every quarter of the limit, in the middle of a sleep
// that is resumed each time with what was left.
static void setitimerInterval(void)
{
	long us = limitMs * 250;
	struct itimerval t = {.it_value = {us / 1000000, us % 1000000}, .it_interval = {us / 1000000, us % 1000000}};
	struct timespec left = spec(limitNs() + limitNs() / 8);
	int times = 0;
	handle(SIGALRM, 0);
	limitMs += limitMs / 8;
	ready();
	must(setitimer(ITIMER_REAL, &t, NULL) == 0, "setitimer");
	while (nanosleep(&left, &left) < 0)
		times++;
	say("interrupted %d", times);
	waited(0);
}

// --- message passing: Motile's own calls ------------------------------------------

enum { SYS_trans = 0x4d00, SYS_getreq, SYS_putrep };

struct header { // std.Header
	unsigned char port[16];
	uint64_t object;
	uint32_t rights;
	unsigned char check[16];
	uint32_t command;
	uint64_t offset;
	uint32_t size, extra;
} __attribute__((packed));

static long trans_(const char *text, char *reply, long room)
{
	struct header h = {.command = 15000};
	memcpy(h.port, putPort, 16);
	return syscall(SYS_trans, &h, text, strlen(text), reply, room);
}

static void serveOne(void (*before)(void))
{
	struct header h = {0};
	char b[64], reply[80];
	memcpy(h.port, getPort, 16);
	long n = syscall(SYS_getreq, &h, b, sizeof b - 1);
	must(n >= 0, "getreq");
	b[n] = 0;
	if (before)
		before();
	n = snprintf(reply, sizeof reply, "re: %s", b);
	h = (struct header){0};
	must(syscall(SYS_putrep, &h, reply, n) >= 0, "putrep");
}

// The server has the request and holds it until the time has come.
static void trans(void)
{
	char b[64] = "";
	helperPID = fork();
	must(helperPID >= 0, "fork");
	if (helperPID == 0) {
		serveOne(awaitGo);
		_exit(0);
	}
	ready();
	outcome(trans_("question", b, sizeof b));
	say("reply “%s”", b);
}

static void doTrans(void)
{
	char b[64] = "";
	must(trans_("late question", b, sizeof b) > 0, "trans");
	say("reply “%s”", b);
}

static void getreq(void)
{
	help(doTrans);
	ready();
	serveOne(NULL);
}

// --- which is which ---------------------------------------------------------------

static const struct {
	const char *name;
	void (*run)(void);
} calls[] = {
	{"nanosleep", nanosleep_},
	{"nanosleep-signal", nanosleepSignal},
	{"clock_nanosleep-monotonic", clockNanosleepMonotonic},
	{"clock_nanosleep-realtime", clockNanosleepRealtime},
	{"futex", futexWait},
	{"futex-timeout", futexTimeout},
	{"futex-bitset-timeout", futexBitset},
	{"sem_timedwait-timeout", semTimedwait},
	{"poll", poll_},
	{"poll-hangup", pollHangup},
	{"poll-timeout", pollTimeout},
	{"ppoll-timeout", ppollTimeout},
	{"select", select_},
	{"select-timeout", selectTimeout},
	{"pselect-timeout", pselectTimeout},
	{"epoll_wait", epollWait},
	{"epoll_pwait-timeout", epollTimeout},
	{"pipe-read", pipeRead},
	{"pipe-read-end", pipeReadEnd},
	{"pipe-read-restarted", pipeReadRestarted},
	{"pipe-read-signal", pipeReadSignal},
	{"pipe-write", pipeWrite},
	{"eventfd-read", eventfdRead},
	{"eventfd-write", eventfdWrite},
	{"wait4", wait4_},
	{"waitid", waitid_},
	{"waitid-pidfd", waitidPidfd},
	{"poll-pidfd", pollPidfd},
	{"signalfd-read", signalfdRead},
	{"timerfd-timeout", timerfdTimeout},
	{"timerfd-realtime-timeout", timerfdUntilTimeout},
	{"timer_create-timeout", timerCreateTimeout},
	{"pause", pause_},
	{"sigsuspend", sigsuspend_},
	{"sigtimedwait", sigtimedwait_},
	{"sigtimedwait-timeout", sigtimedwaitTimeout},
	{"stopped", stopped},
	{"input", input},
	{"console", console},
	{"setitimer-timeout", setitimer_},
	{"setitimer-interval", setitimerInterval},
	{"trans", trans},
	{"getreq", getreq},
};

static void parsePort(unsigned char *port, const char *hex)
{
	for (int i = 0; i < 16; i++)
		must(sscanf(hex + 2 * i, "%2hhx", &port[i]) == 1, "port");
}

int main(int argc, char **argv)
{
	size_t n = sizeof calls / sizeof calls[0];
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < n; i++)
			puts(calls[i].name);
		return 0;
	}
	if (argc != 5) {
		fprintf(stderr, "usage: blocked CALL MS GETPORT PUTPORT\n");
		return 2;
	}
	limitMs = atoll(argv[2]);
	parsePort(getPort, argv[3]);
	parsePort(putPort, argv[4]);
	mainPID = getpid();
	for (size_t i = 0; i < n; i++) {
		if (strcmp(argv[1], calls[i].name) != 0)
			continue;
		calls[i].run();
		int status = 0;
		if (helperPID > 0)
			must(waitpid(helperPID, &status, 0) == helperPID, "waitpid");
		say("helper %d", WEXITSTATUS(status));
		return 0;
	}
	fprintf(stderr, "blocked: there is no call %s\n", argv[1]);
	return 2;
}
