// hog takes as much of something as a node gives, says how much that was and what
// it was told then, and holds it until its standard input ends.
//
//	hog WHAT
//
// It prints "WHAT: N, ERROR" when it has had its fill. Nothing it does may harm
// anybody else: an error, or its own end, is all that may come of it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { sysTrans = 0x4d00, sysGetreq = 0x4d01 };

static const char *what;
static int quiet; // a child, whose parent speaks

static void hold(void) {
	char c;
	while (read(0, &c, 1) > 0)
		;
}

static void tell(long n, int err) {
	char line[128];
	int k = snprintf(line, sizeof line, "%s: %ld, %s\n", what, n, err ? strerror(err) : "enough");
	if (!quiet && write(1, line, k) != k)
		_exit(1);
}

// full says what was had, and holds it.
static void full(long n, int err) {
	tell(n, err);
	hold();
	_exit(0);
}

static void descriptors(void) {
	struct rlimit l;
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

// crowd forks children that do f until no more can be had, or there are enough.
static void crowd(void (*f)(void), int most) {
	int n = 0;
	for (; n < most; n++) {
		pid_t pid = fork();
		if (pid < 0)
			full(n, errno);
		if (pid == 0) {
			quiet = 1;
			f();
			full(0, 0);
		}
		struct timespec t = {0, 5000000};
		nanosleep(&t, 0);
	}
	full(n, 0);
}

static void memory(void) {
	long n = 0;
	for (;; n++) {
		char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			full(n, errno);
		for (int i = 0; i < 1 << 20; i += 4096)
			p[i] = 1;
	}
}

// regions maps and touches nothing: each region costs the kernel a record.
static void regions(void) {
	long n = 0;
	for (;; n++)
		if (mmap(0, 4096, n % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			full(n, errno);
}

// tables maps pages far apart: each costs page tables beside itself.
static void tables(void) {
	long n = 0;
	for (;; n++) {
		char *p = mmap((void *)(0x100000000 + (n << 30)), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (p == MAP_FAILED)
			full(n, errno);
		*p = 1;
	}
}

// shared touches the far ends of large shared memory.
static void shared(void) {
	int last = 0;
	long n = 0;
	for (; n < 100; n++) {
		size_t size = 1ul << (43 - n % 14);
		char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			last = errno;
			continue;
		}
		p[0] = p[size / 2] = p[size - 1] = 1;
	}
	full(n, last);
}

// sparse writes far beyond the ends of files.
static void sparse(void) {
	int last = 0;
	long n = 0;
	for (; n < 60; n++) {
		char name[64];
		snprintf(name, sizeof name, "/tmp/hog/sparse%ld", n);
		int fd = open(name, O_RDWR | O_CREAT, 0600);
		if (fd < 0)
			full(n, errno);
		off_t at = (off_t)1 << (62 - n % 43);
		if (pwrite(fd, "x", 1, at) != 1)
			last = errno;
		if (ftruncate(fd, at + 1) < 0)
			last = errno;
		char c;
		if (pread(fd, &c, 1, at) < 0)
			last = errno;
		close(fd);
	}
	full(n, last);
}

static void *sleeper(void *arg) {
	hold();
	return 0;
}

// start starts threads, each with its number and a pause after it, until there can be
// no more.
static void start(void *(*body)(void *), long pause) {
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 16384);
	long n = 0;
	for (;; n++) {
		pthread_t t;
		int e = pthread_create(&t, &a, body, (void *)n);
		if (e)
			full(n, e);
		struct timespec ts = {0, pause};
		if (pause)
			nanosleep(&ts, 0);
	}
}

static void threads(void) { start(sleeper, 0); }

static void crowdOfThreads(void) { crowd(threads, 12); }

static void files(void) {
	descriptors();
	long n = 0;
	for (;; n++)
		if (open("/dev/null", O_RDONLY) < 0)
			full(n, errno);
}

static void crowdOfFiles(void) { crowd(files, 100); }

static void pipes(void) {
	descriptors();
	static char buf[65536];
	long n = 0;
	for (;; n++) {
		int p[2];
		if (pipe2(p, O_NONBLOCK) < 0)
			full(n, errno);
		for (int k = 0; k < 16; k++)
			if (write(p[1], buf, 4096) < 0)
				full(n, errno);
	}
}

static void crowdOfPipes(void) { crowd(pipes, 40); }

static void eventfds(void) {
	descriptors();
	long n = 0;
	for (;; n++)
		if (eventfd(0, 0) < 0)
			full(n, errno);
}

static void crowdOfEventfds(void) { crowd(eventfds, 60); }

// epolls makes sets that watch everything, one another too.
static void epolls(void) {
	descriptors();
	int e[64], fd[2048];
	long n = 0;
	int k = 0, err = 0;
	for (int i = 0; i < 64; i++)
		e[i] = epoll_create1(0);
	while (k < 2048 && (fd[k] = eventfd(0, 0)) >= 0)
		k++;
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < k; j++, n++) {
			struct epoll_event ev = {.events = EPOLLIN};
			if (epoll_ctl(e[i], EPOLL_CTL_ADD, fd[j], &ev) < 0) {
				err = errno;
				full(n, err);
			}
		}
	full(n, err);
}

static void crowdOfEpolls(void) { crowd(epolls, 20); }

static void memfds(void) {
	descriptors();
	static char buf[65536];
	long n = 0;
	for (;; n++) {
		int fd = memfd_create("hog", 0);
		if (fd < 0)
			full(n, errno);
		if (write(fd, buf, sizeof buf) < 0)
			full(n, errno);
	}
}

static void bigfile(void) {
	static char buf[1 << 20];
	int fd = open("/tmp/hog/big", O_WRONLY | O_CREAT, 0600);
	long n = 0;
	for (;; n++)
		if (write(fd, buf, sizeof buf) < 0)
			full(n, errno);
}

static void smallfiles(void) {
	long n = 0;
	for (;; n++) {
		char name[64];
		snprintf(name, sizeof name, "/tmp/hog/dir%ld", n / 500);
		if (n % 500 == 0 && mkdir(name, 0700) < 0)
			full(n, errno);
		snprintf(name, sizeof name, "/tmp/hog/dir%ld/small%ld", n / 500, n);
		int fd = open(name, O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			full(n, errno);
		close(fd);
	}
}

// links makes links with long names and targets.
static void links(void) {
	static char target[4096], name[300];
	memset(target, 't', 4000);
	long n = 0;
	for (;; n++) {
		int k = snprintf(name, sizeof name, "/tmp/hog/link%ld", n);
		memset(name + k, 'n', 200);
		name[k + 200] = 0;
		if (symlink(target, name) < 0)
			full(n, errno);
	}
}

// deep goes down and down, and asks where it is. Few programs could remove what it
// makes, so it does.
static void deep(void) {
	static char name[251], where[1 << 16];
	memset(name, 'd', 250);
	chdir("/tmp/hog");
	long n = 0;
	for (; n < 100000; n++) {
		if (mkdir(name, 0700) < 0 || chdir(name) < 0)
			break;
		if (n % 1000 == 0)
			getcwd(where, sizeof where);
	}
	int e = errno;
	getcwd(where, sizeof where);
	rmdir(name);
	while (chdir("..") == 0 && rmdir(name) == 0)
		;
	full(n, n < 100000 ? e : 0);
}

// deeper goes down by descriptors, so that no path leads there any more.
static void deeper(void) {
	static char name[251], where[1 << 16];
	memset(name, 'e', 250);
	int at = open("/tmp/hog", O_RDONLY | O_DIRECTORY), e = 0;
	long n = 0;
	for (; n < 20000; n++) {
		int next = mkdirat(at, name, 0700) < 0 ? -1 : openat(at, name, O_RDONLY | O_DIRECTORY);
		if (next < 0) {
			e = errno;
			unlinkat(at, name, AT_REMOVEDIR);
			break;
		}
		fchdir(next);
		getcwd(where, sizeof where);
		close(at);
		at = next;
	}
	for (;;) {
		int up = openat(at, "..", O_RDONLY | O_DIRECTORY);
		if (up < 0 || unlinkat(up, name, AT_REMOVEDIR) < 0)
			break;
		close(at);
		at = up;
	}
	full(n, e);
}

static void forks(void) {
	long n = 0;
	for (;; n++) {
		pid_t pid = fork();
		if (pid < 0)
			full(n, errno);
		if (pid == 0)
			for (;;) // and nobody waits for what these leave
				pause();
	}
}

// bomb forks as fast as it can, and so do its children.
static void bomb(void) {
	for (;;)
		fork();
}

static void arguments(void) {
	// As much as execve takes, kept by as many processes as there can be.
	static char *argv[4096];
	static char text[32000];
	memset(text, 'a', sizeof text - 1);
	argv[0] = "hog", argv[1] = "sleep";
	int err = 0;
	long n = 0;
	for (; n < 300; n++) {
		pid_t pid = fork();
		if (pid < 0)
			full(n, errno);
		if (pid == 0) {
			for (int most = 4000; most > 2; most /= 2) {
				for (int i = 2; i < most; i++)
					argv[i] = text;
				argv[most] = 0;
				execv("/proc/self/exe", argv);
				err = errno;
			}
			_exit(err);
		}
	}
	full(n, err);
}

static void nobody(int sig) {}

static void signals(void) {
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, 0);
	long n = 0;
	for (; n < 10000000; n++) {
		union sigval v = {.sival_int = n};
		if (sigqueue(getpid(), SIGRTMIN + n % 20, v) < 0)
			full(n, errno);
	}
	full(n, 0);
}

static void crowdOfSignals(void) { crowd(signals, 40); }

// polls waits for as much as poll takes, in many threads.
static void *poller(void *arg) {
	static struct pollfd fds[4096];
	for (int i = 0; i < 4096; i++)
		fds[i] = (struct pollfd){.fd = 0, .events = POLLPRI};
	while (poll(fds, 4096, -1) >= 0 || errno == EINTR)
		;
	hold();
	return 0;
}

static void polls(void) { start(poller, 0); }

struct header {
	uint8_t port[16], rest[48];
};

static void *asker(void *arg) {
	static char data[1000000];
	struct header h = {.port = {1, (long)arg, (long)arg >> 8}};
	syscall(sysTrans, &h, data, sizeof data, data, sizeof data);
	hold();
	return 0;
}

// requests makes large requests that nobody takes.
static void requests(void) { start(asker, 2000000); }

static void *server(void *arg) {
	static char data[64];
	struct header h = {.port = {2, (long)arg, (long)arg >> 8, getpid(), getpid() >> 8}};
	syscall(sysGetreq, &h, data, sizeof data);
	hold();
	return 0;
}

// services serves as many ports as there can be.
static void services(void) { start(server, 0); }

static void crowdOfServices(void) { crowd(services, 20); }

static long descent(volatile char *above) {
	volatile char frame[4096];
	frame[0] = *above + 1;
	return what ? descent(frame) + frame[0] : 0;
}

static void stack(void) {
	struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};
	setrlimit(RLIMIT_STACK, &l);
	char first = 0;
	full(descent(&first), 0);
}

// vectors reads with as many pieces as there can be.
static void vectors(void) {
	static struct iovec v[1024];
	char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 1024; i++)
		v[i] = (struct iovec){page, 1ul << 40};
	int fd = open("/dev/zero", O_RDONLY);
	errno = 0;
	readv(fd, v, 1024);
	preadv(fd, v, 1024, 0);
	full(1, errno);
}

static void sleeps(void) { hold(); }

static const struct {
	const char *name;
	void (*f)(void);
} all[] = {
	{"memory", memory}, {"regions", regions}, {"tables", tables}, {"shared", shared}, {"sparse", sparse},
	{"threads", threads}, {"crowd of threads", crowdOfThreads},
	{"files", files}, {"crowd of files", crowdOfFiles},
	{"pipes", pipes}, {"crowd of pipes", crowdOfPipes},
	{"eventfds", eventfds}, {"crowd of eventfds", crowdOfEventfds},
	{"epolls", epolls}, {"crowd of epolls", crowdOfEpolls},
	{"memfds", memfds}, {"bigfile", bigfile}, {"smallfiles", smallfiles}, {"links", links}, {"deep", deep}, {"deeper", deeper},
	{"forks", forks}, {"bomb", bomb}, {"arguments", arguments},
	{"signals", signals}, {"crowd of signals", crowdOfSignals}, {"polls", polls},
	{"requests", requests}, {"services", services}, {"crowd of services", crowdOfServices},
	{"stack", stack}, {"vectors", vectors}, {"sleep", sleeps},
};

int main(int argc, char **argv) {
	signal(SIGUSR1, nobody);
	mkdir("/tmp/hog", 0700);
	for (int i = 0; argc > 1 && i < sizeof all / sizeof *all; i++)
		if (strcmp(argv[1], all[i].name) == 0) {
			what = all[i].name;
			all[i].f();
			return 0;
		}
	fprintf(stderr, "hog: what of?\n");
	return 2;
}
