// calls: getdents64 lseek
#include "../feature/feature.h"

#include <dirent.h>

// A directory is read in small steps, half of it before the events: each name comes
// once.
enum { MANY = 2000 };

static char names[MANY][256];
static int many;

static int known(const char *name, int among)
{
	for (int i = 0; i < among; i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

FEATURE("readdir")
{
	static struct {
		uint64_t ino;
		int64_t off;
		unsigned short len;
		unsigned char type;
		char name[];
	} *e;
	char b[200];
	DIR *d = opendir("/bin");
	MUST(d != NULL);
	for (struct dirent *x; (x = readdir(d)) && many < MANY; many++)
		snprintf(names[many], sizeof names[many], "%s", x->d_name);
	MUST(closedir(d) == 0);
	int fd = open("/bin", O_RDONLY | O_DIRECTORY), seen = 0;
	MUST(fd >= 0);
	ready();
	for (long n; working() || seen > 0;) {
		MUST((n = syscall(SYS_getdents64, fd, b, sizeof b)) >= 0);
		for (long at = 0; at < n; at += e->len, seen++) {
			e = (void *)(b + at);
			CHECK(known(e->name, many) && strcmp(e->name, names[seen]) == 0, "name %d is %s, not %s", seen, e->name, names[seen]);
		}
		if (n == 0) { // and once more
			CHECK(seen == many, "%d names of %d came", seen, many);
			MUST(lseek(fd, 0, SEEK_SET) == 0);
			seen = 0;
		}
	}
}
