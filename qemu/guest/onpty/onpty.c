// onpty COMMAND ARG...: runs a command on a pseudo-terminal of 24 lines by 80 columns, as
// a terminal emulator does. What the terminal is shown goes to standard output, and what
// standard input gives is typed. When the command has ended its exit status is ours.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(125);
}

static void copy(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof buf);
	for (ssize_t at = 0, m; at < n; at += m)
		if ((m = write(to, buf + at, n - at)) < 0)
			fail("write");
}

int main(int argc, char **argv)
{
	char name[64];
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	int status, master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof name) != 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
		fail("/dev/ptmx");
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		int slave;
		setsid();
		if ((slave = open(name, O_RDWR)) < 0)
			fail(name);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		close(slave);
		execvp(argv[1], argv + 1);
		fail(argv[1]);
	}
	printf("[process %d]\n", pid);
	fflush(stdout);
	struct pollfd p[2] = {{.fd = master, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	while (poll(p, 2, -1) > 0 || errno == EINTR) {
		if (p[0].revents & POLLIN)
			copy(master, 1);
		else if (p[0].revents)
			break; // nobody has the slave
		if (p[1].revents & POLLIN)
			copy(0, master);
		else if (p[1].revents)
			p[1].fd = -1;
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
