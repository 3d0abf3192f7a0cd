/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest loop of an oracle's kind, whose stores gcc 12.2 for i386 drops at -O1 (with -fPIE)
 * unless it is told -fno-ivopts, which tests/CMakeLists.txt does.
 *
 * Both tables are indexed by one induction variable, which counts bytes from `t`. In the first
 * table that counts too slowly, so that ivopts writes the address as 0 + (-7 * &t) + 8 * variable,
 * with a literal null pointer as the base of the memory reference. The passes local-pure-const2 and
 * modref2, each by itself, take that for an access through a null pointer, behind which nothing is
 * reached: the function has no effect left, is marked const, and calls of it are removed as dead.
 * The function's own machine code is right.
 */
#include <stdint.h>

static struct {
	uint64_t wide[3][48];
	uint8_t narrow[3][48];
} t;

/* A call is what is dropped, and has to stay one. */
static __attribute__((noinline)) void note(unsigned int s, unsigned int first, unsigned int count,
					   unsigned int frame)
{
	for (unsigned int i = 0; i < count; i++) {
		t.wide[s][first + i] |= 1ULL << (frame + i);
		t.narrow[s][first + i] = (uint8_t)(frame + i + 1);
	}
}

int main(int argc, char **argv)
{
	const unsigned int frame = (unsigned int)argc; /* 1, which no compiler knows */

	(void)argv;
	note(1, 2, 3, frame);
	return t.wide[1][2] == 1ULL << frame && t.narrow[1][4] == frame + 3 ? 0 : 1;
}
