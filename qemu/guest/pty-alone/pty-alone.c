// calls: ioctl read write
#include "../feature/feature.h"
#include <sys/ioctl.h>
#include <termios.h>

// One process has both ends: what is typed and not read, half a line, settings and the
// size are kept.
FEATURE("pty-alone")
{
	char name[64], got[200], want[200];
	int m, s;
	struct winsize size = {.ws_row = 11, .ws_col = 22}, now;
	MUST((m = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
	MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0); // another, which nobody uses
	ERRNO(ptsname_r(0, name, sizeof name) == 0 ? 0 : (errno = ENOTTY, -1), ENOTTY);
	MUST(ptsname_r(m, name, sizeof name) == 0);
	ERRNO(open(name, O_RDWR | O_NOCTTY), EIO); // locked
	MUST(unlockpt(m) == 0 && (s = open(name, O_RDWR | O_NOCTTY)) >= 0);
	struct termios t, then;
	MUST(tcgetattr(s, &t) == 0);
	t.c_lflag &= ~ECHO;
	t.c_cc[VERASE] = '#';
	MUST(tcsetattr(s, TCSANOW, &t) == 0 && ioctl(m, TIOCSWINSZ, &size) == 0);
	MUST(write(m, "0 whole\n0 ha", 12) == 12 && write(s, "0 shown\n", 8) == 8);
	ready();
	for (int i = 0; working(); i++) {
		int n = snprintf(want, sizeof want, "%d whole\n", i);
		ssize_t k = read(s, got, sizeof got);
		CHECK(k == n && memcmp(got, want, n) == 0, "the slave read \"%.*s\", not \"%s\"", (int)k, got, want);
		n = snprintf(want, sizeof want, "%d shown\r\n", i);
		k = read(m, got, sizeof got);
		CHECK(k == n && memcmp(got, want, n) == 0, "the master read \"%.*s\", not \"%s\"", (int)k, got, want);
		MUST(write(m, "lx#f\n", 5) == 5);
		n = snprintf(want, sizeof want, "%d half\n", i);
		k = read(s, got, sizeof got);
		CHECK(k == n && memcmp(got, want, n) == 0, "the slave read \"%.*s\", not \"%s\"", (int)k, got, want);
		MUST(ioctl(s, TIOCGWINSZ, &now) == 0 && memcmp(&now, &size, sizeof now) == 0);
		size.ws_col = i;
		MUST(ioctl(s, TIOCSWINSZ, &size) == 0 && tcgetattr(m, &then) == 0);
		CHECK(then.c_lflag == t.c_lflag && memcmp(then.c_cc, t.c_cc, NCCS) == 0, "the settings have changed");
		n = snprintf(want, sizeof want, "%d whole\n%d ha", i + 1, i + 1);
		MUST(write(m, want, n) == n);
		n = snprintf(want, sizeof want, "%d shown\n", i + 1);
		MUST(write(s, want, n) == n);
	}
	close(s);
	while (read(m, got, sizeof got) > 0)
		;
	CHECK(errno == EIO, "the master of nobody: %s", strerror(errno));
}
