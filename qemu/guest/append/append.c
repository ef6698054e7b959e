// calls: open write pwrite64 lseek
#include "../feature/feature.h"

// O_APPEND: each write goes to the end, whoever wrote last; beside it a second
// description of the same file, without it.
FEATURE("append")
{
	char name[64], b[64];
	snprintf(name, sizeof name, "/tmp/append.%d", getpid());
	int a = open(name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600), plain = open(name, O_RDWR);
	MUST(a >= 0 && plain >= 0);
	long lines = 0;
	ready();
	for (; working(); lines += 2) {
		snprintf(b, sizeof b, "line %05ld\n", lines);
		MUST(lseek(a, 0, SEEK_SET) == 0 && write(a, b, 11) == 11);
		MUST(lseek(plain, 0, SEEK_END) == (lines + 1) * 11);
		snprintf(b, sizeof b, "line %05ld\n", lines + 1);
		MUST(write(plain, b, 11) == 11);
	}
	for (long i = 0; i < lines; i++) {
		char want[64];
		snprintf(want, sizeof want, "line %05ld\n", i);
		MUST(pread(a, b, 11, i * 11) == 11);
		CHECK(memcmp(b, want, 11) == 0, "line %ld is %.11s", i, b);
	}
	CHECK(pread(a, b, 1, lines * 11) == 0, "there is something behind line %ld", lines);
	unlink(name); // which is another node's by now, perhaps
}
