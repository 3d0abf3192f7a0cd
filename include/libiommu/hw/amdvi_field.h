/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: how the structures of the AMD IOMMU are made of fields (AMD I/O Virtualization
 * Technology Specification, 48882, chapter "Architecture": data structures, commands and events),
 * and how it codes the size of a range in an address.
 *
 * A structure is a row of 64-bit words, each little-endian in memory; the functions take and give
 * words in the processor's own order. The specification numbers the bits of a structure through:
 * bit n is bit n % 64 of word n / 64. A field is one number: its word, its highest bit, its lowest
 * bit there. A field of an address holds the address's own bits in their own places, so that its
 * value is the address in bytes: see amdvi_address.
 */
#ifndef LIBIOMMU_HW_AMDVI_FIELD_H
#define LIBIOMMU_HW_AMDVI_FIELD_H

#include <stdbool.h>
#include <stdint.h>

/* Aligned, so that on every host a word is stored in one piece. */
typedef uint64_t amdvi_word_t __attribute__((aligned(8)));

/* Bits high to low of a structure, as the specification numbers them, in one word. */
#define AMDVI_FIELD(high, low) ((high) / 64U << 16 | (high) % 64U << 8 | (low) % 64U)
#define AMDVI_BIT(bit)         AMDVI_FIELD(bit, bit)

static inline unsigned int amdvi_field_word(unsigned int field)
{
	return field >> 16;
}

/* The field's bits in its word. */
static inline uint64_t amdvi_field_mask(unsigned int field)
{
	const unsigned int high = field >> 8 & 0xff;
	const unsigned int low = field & 0xff;

	return (~0ULL >> (63 - high)) & (~0ULL << low);
}

/* --- Of one word ------------------------------------------------------------------------------ */

/* The value of the field, from its word. */
static inline uint64_t amdvi_bits(uint64_t word, unsigned int field)
{
	return (word & amdvi_field_mask(field)) >> (field & 0xff);
}

/* A word that has this value in the field, and is 0 elsewhere; what does not fit is cut off. */
static inline uint64_t amdvi_place(unsigned int field, uint64_t value)
{
	return value << (field & 0xff) & amdvi_field_mask(field);
}

/* The word with another value in the field. */
static inline uint64_t amdvi_replace(uint64_t word, unsigned int field, uint64_t value)
{
	return (word & ~amdvi_field_mask(field)) | amdvi_place(field, value);
}

/* --- Of a structure --------------------------------------------------------------------------- */

static inline uint64_t amdvi_get(const amdvi_word_t *words, unsigned int field)
{
	return amdvi_bits(words[amdvi_field_word(field)], field);
}

static inline bool amdvi_has(const amdvi_word_t *words, unsigned int field)
{
	return (words[amdvi_field_word(field)] & amdvi_field_mask(field)) != 0;
}

static inline void amdvi_set(amdvi_word_t *words, unsigned int field, uint64_t value)
{
	amdvi_word_t *word = &words[amdvi_field_word(field)];

	*word = amdvi_replace(*word, field, value);
}

/* A field of an address, in bytes. */
static inline uint64_t amdvi_address(const amdvi_word_t *words, unsigned int field)
{
	return words[amdvi_field_word(field)] & amdvi_field_mask(field);
}

static inline void amdvi_set_address(amdvi_word_t *words, unsigned int field, uint64_t address)
{
	amdvi_word_t *word = &words[amdvi_field_word(field)];

	*word = (*word & ~amdvi_field_mask(field)) | (address & amdvi_field_mask(field));
}

/* --- Ranges that are coded in an address ------------------------------------------------------ */

/*
 * Commands with S, and pages with NextLevel 7: the range has 2^(k + 1) bytes, k being the lowest
 * address bit from 12 on that is 0; it begins where bits k:12 are 0. 8 KiB is the smallest.
 */
#define AMDVI_CODED_SHIFT_MIN 13U

/* The bytes of a coded range; 0: all addresses there are. */
static inline uint64_t amdvi_coded_size(uint64_t coded)
{
	const uint64_t ones = coded | 0xfff;

	return (ones ^ (ones + 1)) + 1;
}

/* Where it begins. */
static inline uint64_t amdvi_coded_base(uint64_t coded)
{
	const uint64_t size = amdvi_coded_size(coded);

	return size == 0 ? 0 : coded & ~(size - 1);
}

/* The 2^shift bytes around an address, shift from 13 to 64; 64: all addresses. Bits 11:0 are 0. */
static inline uint64_t amdvi_coded(uint64_t address, unsigned int shift)
{
	const uint64_t half = 1ULL << (shift - 1);

	return ((address & ~(half | (half - 1))) | (half - 1)) & ~0xfffULL;
}

#endif
