// ticker prints 1, 2, 3, … a line each, MS apart, and keeps KB of memory that it
// writes and checks as it goes: a page that was lost, or came twice or late, shows.
//
//	ticker [MS [KB]]
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t word(uint64_t round, uint64_t i) { return (round + 1) * 0x9e3779b97f4a7c15u ^ i; }

static void say(const char *s, size_t n) {
	while (n > 0) {
		ssize_t k = write(1, s, n);
		if (k <= 0) {
			perror("ticker: write");
			exit(1);
		}
		s += k;
		n -= k;
	}
}

int main(int argc, char **argv) {
	long ms = argc > 1 ? atol(argv[1]) : 20, kb = argc > 2 ? atol(argv[2]) : 64;
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	const uint64_t pages = kb / 4 + 1, words = 4096 / 8;
	uint64_t *memory = malloc(pages * 4096), *rounds = calloc(pages, sizeof *rounds);
	if (!memory || !rounds)
		return 1;
	for (uint64_t p = 0; p < pages; p++)
		for (uint64_t i = 0; i < words; i++)
			memory[p * words + i] = word(0, p * words + i);
	for (uint64_t line = 1;; line++) {
		// A page each time: what it held must be what was put there last.
		uint64_t p = line % pages;
		for (uint64_t i = 0; i < words; i++) {
			uint64_t at = p * words + i;
			if (memory[at] != word(rounds[p], at)) {
				fprintf(stderr, "ticker: line %lu: word %lu of memory is %lx\n", line, at, memory[at]);
				printf("memory is damaged\n");
				return 1;
			}
			memory[at] = word(line, at);
		}
		rounds[p] = line;
		char text[32];
		say(text, snprintf(text, sizeof text, "%lu\n", line));
		nanosleep(&pause, 0);
	}
}
