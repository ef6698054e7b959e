// calls: ioctl setsid open read write
#include "../feature/feature.h"
#include <sys/ioctl.h>
#include <termios.h>

// A pseudo-terminal with a session on its slave: lines, keys that signal, an end of
// file, and the end of the master.
static char name[64];
static int master;
static int fd;

// It may come when the session does not read.
static void onInterrupt(int signo)
{
	static const char said[] = "interrupted\n";
	if (write(fd, said, sizeof said - 1) != sizeof said - 1)
		_exit(4);
}

// hung_up waits for SIGHUP once the terminal's end has been met: a call may fail before the
// signal is sent (pty_close in Linux's drivers/tty/pty.c wakes who reads first).
static int hung_up(int otherwise)
{
	while (errno == EIO)
		pause();
	return otherwise;
}

static int session(void *unused)
{
	char line[256], answer[300];
	close(master);
	MUST(setsid() == getpid());
	fd = open(name, O_RDWR);
	MUST(fd >= 0);
	MUST(tcgetpgrp(fd) == getpid() && tcgetsid(fd) == getpid()); // it is the session's now
	handle(SIGINT, onInterrupt, SA_RESTART);
	MUST(write(fd, "here\n", 5) == 5);
	for (;;) {
		ssize_t n = read(fd, line, sizeof line);
		int m;
		if (n == 0)
			m = snprintf(answer, sizeof answer, "end of file\n");
		else if (n < 0)
			return hung_up(2);
		else
			m = snprintf(answer, sizeof answer, "<%.*s>\n", (int)n - 1, line);
		if (write(fd, answer, m) != m)
			return hung_up(3);
	}
}

// expect reads the master until it has said so much.
static void expect(const char *want)
{
	char got[512];
	size_t n = 0, all = strlen(want);
	while (n < all) {
		ssize_t m = read(master, got + n, all - n);
		CHECK(m > 0, "the master reads %zd (%s), having read \"%.*s\", not \"%s\"", m, strerror(errno), (int)n, got, want);
		n += m;
	}
	CHECK(memcmp(got, want, all) == 0, "the master read \"%.*s\", not \"%s\"", (int)n, got, want);
}

static void type(const char *keys) { MUST(write(master, keys, strlen(keys)) == (ssize_t)strlen(keys)); }

FEATURE("pty")
{
	char want[200];
	int status;
	MUST((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	MUST(ptsname_r(master, name, sizeof name) == 0);
	pid_t pid = child(session, NULL);
	expect("here\r\n");
	ready();
	for (int i = 0; working(); i++) {
		char line[32];
		// A mistake is rubbed out, and the echo shows it.
		snprintf(line, sizeof line, "line %dx\x7f\r", i);
		type(line);
		snprintf(want, sizeof want, "line %dx\b \b\r\n<line %d>\r\n", i, i);
		expect(want);
		type("lost");
		expect("lost"); // the key may take back what nobody has seen
		type("\x03");
		expect("^Cinterrupted\r\n");
		type("\x04");
		expect("end of file\r\n");
	}
	pid_t group = tcgetpgrp(master);
	CHECK(group == pid, "group %d is in the foreground, not %d", group, pid);
	close(master);
	MUST(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP, "after the end of its terminal its leader ended with %#x", status);
}
