/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of every unit test: cmocka with the headers that it needs first, and small helpers. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A small deterministic generator (splitmix64): the same sequence on every host. */
struct test_random {
	uint64_t state;
};

static inline uint64_t test_random_next(struct test_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* Nearly uniform in [0, bound). */
static inline uint64_t test_random_below(struct test_random *random, uint64_t bound)
{
	return test_random_next(random) % bound;
}

/* A number from the environment, for longer runs and for reproducing one. */
static inline uint64_t test_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

/* Bytes that depend on their position and a seed. */
static inline void test_pattern(unsigned char *at, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		at[i] = (unsigned char)(i * 7 + seed);
}

static inline bool test_has_pattern(const unsigned char *at, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size && at[i] == (unsigned char)(i * 7 + seed); i++)
		;
	return i == size;
}

#endif
