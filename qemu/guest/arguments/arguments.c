// calls: execve
#include "../feature/feature.h"

// Long arguments and a large environment arrive whole, and stay.
enum { WORDS = 120, LENGTH = 500 };

static void fill(char *to, int i)
{
	for (int k = 0; k < LENGTH; k++)
		to[k] = 'a' + (i * 7 + k) % 26;
	to[LENGTH] = 0;
}

FEATURE("arguments")
{
	static char text[WORDS][LENGTH + 16], want[LENGTH + 1];
	char *words[WORDS / 2 + 3] = {"feature", argv[0]}, *env[WORDS / 2 + 1] = {0};
	if (argc == 1) {
		for (int i = 0; i < WORDS / 2; i++) {
			fill(text[i], i);
			words[i + 2] = text[i];
			int n = sprintf(text[WORDS / 2 + i], "V%d=", i);
			fill(text[WORDS / 2 + i] + n, 100 + i);
			env[i] = text[WORDS / 2 + i];
		}
		execve("/proc/self/exe", words, env);
		FAIL("exec: %s", strerror(errno));
	}
	ready();
	do {
		CHECK(argc == WORDS / 2 + 1, "there are %d words", argc);
		for (int i = 0; i < WORDS / 2; i++) {
			char name[16];
			fill(want, i);
			CHECK(strcmp(argv[i + 1], want) == 0, "word %d is %.20s…", i, argv[i + 1]);
			snprintf(name, sizeof name, "V%d", i);
			fill(want, 100 + i);
			CHECK(getenv(name) && strcmp(getenv(name), want) == 0, "variable %d is %.20s…", i, getenv(name));
		}
	} while (working());
}
