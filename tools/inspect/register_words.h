/* SPDX-License-Identifier: BSD-2-Clause */
/* How tables of registers are written: their fields in words. For files that hold such tables. */
#ifndef INSPECT_REGISTER_WORDS_H
#define INSPECT_REGISTER_WORDS_H

#include <inttypes.h>
#include <stdio.h>

#include "registers.h"

#define BITS(high, low) ((UINT64_MAX >> (63 - (high))) & (UINT64_MAX << (low)))
#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))

#define SAY(text, ...)  ((void)snprintf(text, REGISTER_WORDS, __VA_ARGS__), (text))
#define WORDS(name)     static const char *name(char text[REGISTER_WORDS], uint64_t value)

#define TABLE(name, bits, meaning)                                                                 \
	{                                                                                          \
#name, meaning, bits, name##_fields, COUNT(name##_fields)                          \
	}

/* The tables of the other families, each ended by one without a name. */
extern const struct register_table registers_smmu[], registers_riscv[];

#endif
