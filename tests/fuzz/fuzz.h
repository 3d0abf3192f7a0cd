/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every fuzz harness shares: its one entry point, the bytes of an input as a stream of
 * decisions, and a check that ends the program.
 *
 * An input is read from its front. At its end the stream goes on with zeros, so that each prefix of
 * an input is an input, too, and means the same up to its end: inputs can be cut and joined, which
 * is what a fuzzer does.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The entry point, by the name that libFuzzer gives it; replay.c calls it for each stored input. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};

static inline bool fuzz_is_done(const struct fuzz_bytes *input)
{
	return input->left == 0;
}

/* `width` bytes, 1 to 8, little-endian on every host. */
static inline uint64_t fuzz_number(struct fuzz_bytes *input, unsigned int width)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < width && input->left != 0; i++, input->left--)
		value |= (uint64_t)*input->at++ << 8 * i;
	return value;
}

static inline unsigned int fuzz_byte(struct fuzz_bytes *input)
{
	return (unsigned int)fuzz_number(input, 1);
}

static inline bool fuzz_flag(struct fuzz_bytes *input)
{
	return (fuzz_byte(input) & 1) != 0;
}

/* In [0, bound), from one byte, or two where the bound needs them. */
static inline unsigned int fuzz_below(struct fuzz_bytes *input, unsigned int bound)
{
	return (unsigned int)fuzz_number(input, bound > 256 ? 2 : 1) % bound;
}

/*
 * A number of any size, near to what is interesting: small, around a power of two, all ones, or
 * eight bytes as they come.
 */
static inline uint64_t fuzz_wild(struct fuzz_bytes *input)
{
	const unsigned int how = fuzz_byte(input);
	const uint64_t near = 1ULL << (how & 63);

	switch (how >> 6) {
	case 0:
		return fuzz_number(input, 1 + (how & 7));
	case 1:
		return near + fuzz_byte(input);
	case 2:
		return near - 1 - fuzz_byte(input);
	default:
		return ~fuzz_number(input, 1 + (how & 3));
	}
}

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #condition);          \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
