// idle KB: keeps so much memory with random bytes in it, says "idle", and waits for
// signals. It is what a move of the bench moves: hardly anything but its memory.
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t words = (argc > 1 ? strtoul(argv[1], 0, 10) : 1024) * 1024 / sizeof(uint64_t);
	uint64_t *memory = malloc(words * sizeof(uint64_t));
	uint64_t x = 88172645463325252;

	if (!memory)
		return 1;
	for (size_t i = 0; i < words; i++) {
		// xorshift64 (Marsaglia 2003)
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memory[i] = x;
	}
	if (write(1, "idle\n", 5) != 5)
		return 1;
	for (;;) {
		pause();
		x ^= memory[x % words]; // so that the compiler thinks it is needed
	}
}
