// calls takes times on a node. A time is one number on a line: nanoseconds for one of
// whatever was asked for.
//
//	calls null BATCH N         a system call that does nothing
//	calls trans PUT BATCH N    an empty request and its empty reply
//	calls bulk PUT BYTES N     a request of so many bytes and its empty reply
//	calls copy BYTES N         memcpy of so many bytes, of pages that are all there
//	calls compute|sleep THREADS
//	                           no times: so many threads that do so until they are killed
//	calls serve GET            the server for that
//	calls sink GET             one that takes requests of any size
//	calls raw PUBLIC BATCH N   a message of raw FLIP, as long as the header of a request, and back
//	calls echo PRIVATE         who sends it back
//	calls found GET R          a group with resilience R, and its first member
//	calls join GET 0           one more member
//	calls send GET N           another one, which sends to the group, and leaves it
//
// PUT and GET are the two halves of a port, PUBLIC and PRIVATE those of a FLIP address,
// as 32 hex digits. A time is the average
// over BATCH, for what takes hardly longer than to look at the clock; there are N of
// them, after some that do not count.
//
// It is in C because a runtime that minds threads in system calls, as Go's does,
// takes as long as the calls themselves (compare qemu/guest/bench).
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SYS_TRANS = 0x4d00, SYS_GETREQ, SYS_PUTREP }; // kernel/abi
enum { SYS_FLIP_INIT = 0x4d20, SYS_FLIP_REGISTER = 0x4d22, SYS_FLIP_UNICAST = 0x4d24, SYS_FLIP_RECEIVE = 0x4d27 };
enum { SYS_GRP_CREATE = 0x4d10, SYS_GRP_JOIN, SYS_GRP_LEAVE, SYS_GRP_SEND, SYS_GRP_RECEIVE };
enum { HEADER = 64, PORT = 16, WARM_UP = 20 };       // ipc/std: the port comes first

static unsigned char port[PORT];
static unsigned char bulk[1 << 20]; // of requests
static long size;                   // of ours

static int parse(const char *hex)
{
	for (int i = 0; i < PORT; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &port[i]) != 1)
			return 0;
	return 1;
}

static long null(void)
{
	return syscall(SYS_getppid) > 0 ? 0 : -1;
}

static long trans(void)
{
	unsigned char header[HEADER] = {0};

	memcpy(header, port, PORT);
	return syscall(SYS_TRANS, header, bulk, size, 0L, 0L);
}

static int serve(long room)
{
	for (;;) {
		unsigned char header[HEADER] = {0};

		memcpy(header, port, PORT);
		if (syscall(SYS_GETREQ, header, bulk, room) < 0)
			return 1;
		memset(header, 0, sizeof header); // status: STD_OK
		if (syscall(SYS_PUTREP, header, 0L, 0L) < 0)
			return 1;
	}
}

// packet is what goes with a message of raw FLIP (ipc/raw).
struct packet {
	unsigned char address[PORT];
	uint32_t endpoint, flags, kind, size;
	uint64_t token;
	uint32_t dropped, zero;
};

static long interface, endpoint;

static int open_flip(const unsigned char *private)
{
	interface = syscall(SYS_FLIP_INIT);
	if (interface < 0)
		return 0;
	endpoint = syscall(SYS_FLIP_REGISTER, interface, private, 0L);
	return endpoint >= 0;
}

static long raw(void)
{
	struct packet to = {.endpoint = endpoint}, from;
	unsigned char header[HEADER] = {0};

	memcpy(to.address, port, PORT);
	if (syscall(SYS_FLIP_UNICAST, interface, &to, header, (long)sizeof header, 0L) < 0)
		return -1;
	return syscall(SYS_FLIP_RECEIVE, interface, &from, header, (long)sizeof header, -1L);
}

static int echo(void)
{
	for (;;) {
		struct packet from;
		unsigned char header[HEADER];
		long n = syscall(SYS_FLIP_RECEIVE, interface, &from, header, (long)sizeof header, -1L);

		if (n < 0)
			return 1;
		struct packet to = {.endpoint = endpoint};
		memcpy(to.address, from.address, PORT);
		if (syscall(SYS_FLIP_UNICAST, interface, &to, header, n, 0L) < 0)
			return 1;
	}
}

// Groups: at most 8 members, a history of 128 messages of up to 1 KB.
enum { MAX_GROUP = 8, LOG_BUFFERS = 7, LOG_MESSAGE = 10 };

static long group;

static int receive(void)
{
	unsigned char header[HEADER];

	return syscall(SYS_GRP_RECEIVE, group, header, 0L, 0L, 0L) >= 0;
}

static int member(long resilience, int founds)
{
	unsigned char header[HEADER] = {0};

	memcpy(header, port, PORT);
	group = founds ? syscall(SYS_GRP_CREATE, header, resilience, (long)MAX_GROUP, (long)LOG_BUFFERS, (long)LOG_MESSAGE)
	               : syscall(SYS_GRP_JOIN, header);
	if (group < 0) {
		perror("calls");
		return 0;
	}
	return 1;
}

static int listen(void)
{
	puts("member");
	fflush(stdout);
	while (receive())
		;
	return 1;
}

static long send(void)
{
	unsigned char header[HEADER] = {0};

	return syscall(SYS_GRP_SEND, group, header, 0L, 0L);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

// after, if there is one, is called after each that is measured; its time does not count.
static int sample_then(long (*one)(void), int (*after)(void), int batch, int n)
{
	double *took = calloc(n, sizeof *took);

	for (int i = 0; i < WARM_UP; i++)
		if (one() < 0 || (after && !after())) {
			perror("calls");
			return 1;
		}
	for (int i = 0; i < n; i++) {
		double start = now();

		for (int j = 0; j < batch; j++)
			if (one() < 0) {
				perror("calls");
				return 1;
			}
		took[i] = (now() - start) / batch;
		if (after && !after())
			return 1;
	}
	for (int i = 0; i < n; i++)
		printf("%.1f\n", took[i]);
	return 0;
}

static int sample(long (*one)(void), int batch, int n)
{
	return sample_then(one, 0, batch, n);
}

static unsigned char *from, *to;

static long copy(void)
{
	memcpy(to, from, size);
	__asm__ volatile("" : : "r"(to) : "memory"); // it is needed
	return 0;
}

static int copies(int n)
{
	from = malloc(size), to = malloc(size);
	if (!from || !to)
		return 1;
	memset(from, 'f', size);
	memset(to, 't', size);
	return sample(copy, 1, n);
}

static void *compute(void *arg)
{
	for (volatile uint64_t *rounds = arg; ++*rounds;)
		;
	return arg;
}

static void *rest(void *arg)
{
	for (;;)
		usleep(20000);
	return arg;
}

static int live(void *(*life)(void *), int threads)
{
	static uint64_t rounds;
	pthread_t t;

	for (int i = 1; i < threads; i++)
		if (pthread_create(&t, 0, life, &rounds))
			return 1;
	puts("living");
	fflush(stdout);
	life(&rounds);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "null"))
		return sample(null, atoi(argv[2]), atoi(argv[3]));
	if (argc == 5 && !strcmp(argv[1], "trans") && parse(argv[2]))
		return sample(trans, atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[1], "bulk") && parse(argv[2])) {
		size = atol(argv[3]);
		if (size < 0 || size > (long)sizeof bulk)
			return 2;
		memset(bulk, 'b', size); // no zeros, and no page that is not there yet
		return sample(trans, 1, atoi(argv[4]));
	}
	if (argc == 4 && !strcmp(argv[1], "copy") && (size = atol(argv[2])) > 0)
		return copies(atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "compute"))
		return live(compute, atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "sleep"))
		return live(rest, atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "serve") && parse(argv[2]))
		return serve(0);
	if (argc == 3 && !strcmp(argv[1], "sink") && parse(argv[2]))
		return serve(sizeof bulk);
	if (argc == 5 && !strcmp(argv[1], "raw") && parse(argv[2])) {
		unsigned char own[PORT];
		memcpy(own, port, PORT);
		own[0] ^= 1;
		return open_flip(own) ? sample(raw, atoi(argv[3]), atoi(argv[4])) : 1;
	}
	if (argc == 3 && !strcmp(argv[1], "echo") && parse(argv[2]))
		return open_flip(port) ? echo() : 1;
	if (argc == 4 && !strcmp(argv[1], "found") && parse(argv[2]))
		return member(atol(argv[3]), 1) ? listen() : 1;
	if (argc == 4 && !strcmp(argv[1], "join") && parse(argv[2]))
		return member(0, 0) ? listen() : 1;
	if (argc == 4 && !strcmp(argv[1], "send") && parse(argv[2])) {
		if (!member(0, 0))
			return 1;
		int status = sample_then(send, receive, 1, atoi(argv[3]));
		return syscall(SYS_GRP_LEAVE, group) < 0 ? 1 : status;
	}
	fprintf(stderr, "usage: calls null BATCH N | trans PUT BATCH N | bulk PUT BYTES N | copy BYTES N | compute|sleep THREADS | raw PUBLIC BATCH N | serve|sink GET | echo PRIVATE | found|join GET R | send GET N\n");
	return 2;
}
