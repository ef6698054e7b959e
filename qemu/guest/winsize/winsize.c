// calls: ioctl rt_sigaction rt_sigtimedwait
#include "../feature/feature.h"
#include <sys/ioctl.h>
#include <termios.h>

// A change of the window's size is told to the foreground group of the terminal, and to
// nobody else.
static char name[64];
static int m;

static int session(void *unused)
{
	struct winsize w;
	sigset_t set;
	siginfo_t info;
	close(m);
	MUST(setsid() == getpid());
	int fd = open(name, O_RDWR);
	MUST(fd >= 0);
	sigemptyset(&set), sigaddset(&set, SIGWINCH);
	MUST(write(fd, "here\n", 5) == 5);
	for (;;) {
		char text[50];
		if (sigwaitinfo(&set, &info) != SIGWINCH)
			continue;
		MUST(ioctl(fd, TIOCGWINSZ, &w) == 0);
		int n = snprintf(text, sizeof text, "%d by %d\n", w.ws_row, w.ws_col);
		if (write(fd, text, n) != n)
			return 1;
	}
}

FEATURE("winsize")
{
	char got[100], want[100];
	int status;
	MUST((m = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && unlockpt(m) == 0 && ptsname_r(m, name, sizeof name) == 0);
	mask(SIG_BLOCK, SIGWINCH);
	pid_t pid = child(session, NULL);
	MUST(read(m, got, sizeof got) == 6 && memcmp(got, "here\r\n", 6) == 0);
	ready();
	for (int i = 1; working(); i++) {
		struct winsize w = {.ws_row = i, .ws_col = 2 * i};
		MUST(ioctl(m, TIOCSWINSZ, &w) == 0);
		MUST(ioctl(m, TIOCSWINSZ, &w) == 0); // no change: no signal
		int n = snprintf(want, sizeof want, "%d by %d\r\n", i, 2 * i);
		for (int at = 0; at < n;) {
			ssize_t k = read(m, got + at, n - at);
			CHECK(k > 0 && memcmp(got + at, want + at, k) == 0, "read \"%.*s\", not \"%s\"", (int)k, got + at, want + at);
			at += k;
		}
	}
	MUST(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
}
