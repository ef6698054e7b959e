// calls: execve clone futex gettid
#include "../feature/feature.h"

// A thread that is not the first executes the program anew, with as many arguments as
// there can be, while the others wait in all sorts of calls or compute: it is the process
// then, alone, by the pid that it had.
enum { WORDS = 180, WORD = 500 };

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static int nobody[2];
static atomic_long spun;
static volatile int handled;

static void onSignal(int signo) { handled++; }

static void *locks(void *unused)
{
	pthread_mutex_lock(&held);
	FAIL("a lock that is never given back was had");
}

static void *reads(void *unused)
{
	char c;
	FAIL("a read of an empty pipe ended: %zd", read(nobody[0], &c, 1));
}

static void *sleeps(void *unused)
{
	sleep(3600);
	FAIL("an hour is over");
}

static void *spins(void *unused)
{
	while (spun >= 0)
		spun++;
	return NULL;
}

static char *words[WORDS + 5];

// makes what round n is given.
static char *make(int n, int i)
{
	static char text[WORDS][WORD + 1];
	for (int k = 0; k < WORD; k++)
		text[i][k] = 'a' + word(n, (uint64_t)i * WORD + k) % 26;
	return text[i];
}

static void *executes(void *unused)
{
	CHECK(gettid() != getpid(), "this is the first thread");
	execv("/proc/self/exe", words);
	FAIL("exec: %s", strerror(errno));
}

FEATURE("exec-threads")
{
	static char pid[16], round[16];
	int n = 0;
	sigset_t now;
	if (argc > 1) {
		CHECK(argc == 3 + WORDS, "%d words came", argc);
		n = atoi(argv[2]);
		CHECK(atoi(argv[1]) == getpid() && gettid() == getpid(), "process %s is now %d, its thread %d", argv[1], getpid(), gettid());
		for (int i = 0; i < WORDS; i++)
			CHECK(strcmp(argv[3 + i], make(n, i)) == 0, "word %d is %s", i, argv[3 + i]);
		// What was blocked is, and what came to the process meanwhile is here.
		ZERO(pthread_sigmask(SIG_SETMASK, NULL, &now));
		CHECK(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2), "the mask was not kept");
		struct sigaction sa;
		MUST(sigaction(SIGUSR1, NULL, &sa) == 0);
		CHECK(sa.sa_handler == SIG_DFL, "a handler outlived its program");
		handle(SIGUSR1, onSignal, 0);
		mask(SIG_UNBLOCK, SIGUSR1);
		CHECK(handled == 1, "%d signals were pending", handled);
	} else {
		handle(SIGUSR1, onSignal, 0);
		ready();
	}
	if (argc > 1 && !working())
		return;
	MUST(pipe2(nobody, O_CLOEXEC) == 0);
	CHECK(nobody[0] < 16, "descriptors are left: %d", nobody[0]);
	ZERO(pthread_mutex_lock(&held));
	mask(SIG_BLOCK, SIGUSR1); // in all of them
	thread(locks, NULL);
	thread(reads, NULL);
	thread(sleeps, NULL);
	thread(spins, NULL);
	while (spun < 1000)
		usleep(1000);
	MUST(kill(getpid(), SIGUSR1) == 0);
	snprintf(pid, sizeof pid, "%d", getpid());
	snprintf(round, sizeof round, "%d", n + 1);
	words[0] = "feature", words[1] = argv[0], words[2] = pid, words[3] = round;
	for (int i = 0; i < WORDS; i++)
		words[4 + i] = make(n + 1, i);
	thread(executes, NULL);
	reads(NULL);
}
