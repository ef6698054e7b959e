// calls: signalfd4 read poll epoll_wait
#include "../feature/feature.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>

// Signals are read from a descriptor, with what is known of them.
static int fd;

static void *late(void *unused)
{
	await_go();
	MUST(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 77}) == 0);
	return NULL;
}

FEATURE("signalfd")
{
	sigset_t set;
	struct signalfd_siginfo info;
	struct epoll_event e = {.events = EPOLLIN};
	int again = argc > 1;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	ZERO(pthread_sigmask(SIG_BLOCK, &set, NULL));
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	MUST(fd >= 0);
	int epoll = epoll_create1(0);
	MUST(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0 && !again);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ready();
	for (int round = 0; round < 5; round++) {
		usleep(20000);
		CHECK(poll(&p, 1, 0) == 0, "the descriptor is readable without a signal");
		ERRNO(read(fd, &info, sizeof info), EAGAIN);
		MUST(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = round}) == 0);
		MUST(kill(getpid(), SIGUSR1) == 0);
		MUST(epoll_wait(epoll, &e, 1, -1) == 1);
		usleep(20000);
		MUST(read(fd, &info, sizeof info) == sizeof info);
		CHECK(info.ssi_signo == SIGUSR1 && info.ssi_code == SI_USER && info.ssi_pid == (uint32_t)getpid(), "signal %u, code %d, from %u", info.ssi_signo, info.ssi_code, info.ssi_pid);
		MUST(read(fd, &info, sizeof info) == sizeof info);
		CHECK(info.ssi_signo == (uint32_t)SIGRTMIN && info.ssi_code == SI_QUEUE && info.ssi_int == round, "signal %u, code %d, value %d", info.ssi_signo, info.ssi_code, info.ssi_int);
	}
	// And one for which the process waits.
	pthread_t t = thread(late, NULL);
	MUST(fcntl(fd, F_SETFL, 0) == 0);
	MUST(read(fd, &info, sizeof info) == sizeof info);
	CHECK(info.ssi_int == 77, "value %d", info.ssi_int);
	join(t);
}
