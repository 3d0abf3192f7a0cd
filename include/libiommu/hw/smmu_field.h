/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: how the structures of Arm's SMMUv3 are made of fields (IHI 0070, chapters 4, 5, 7 and
 * 8), and what they have in common: addresses, shareability, cacheability, address sizes.
 *
 * A structure is a row of 64-bit words, each little-endian in memory; the functions take and give
 * words in the processor's own order. A field is one number: its word, its highest bit, its lowest
 * bit. A field of an address holds the address's own bits in their own places, so that its value is
 * the address in bytes: see smmu_address.
 */
#ifndef LIBIOMMU_HW_SMMU_FIELD_H
#define LIBIOMMU_HW_SMMU_FIELD_H

#include <stdbool.h>
#include <stdint.h>

/* Aligned, so that on every host a word is stored in one piece. */
typedef uint64_t smmu_word_t __attribute__((aligned(8)));

/*
 * Bits high to low of a word; a structure of one word has word 0 alone. The result is no mask: it
 * is for the functions below.
 */
#define SMMU_FIELD(word, high, low) ((word) << 16 | (high) << 8 | (low))
#define SMMU_BIT(word, bit)         SMMU_FIELD(word, bit, bit)

static inline unsigned int smmu_field_word(unsigned int field)
{
	return field >> 16;
}

/* The field's bits in its word. */
static inline uint64_t smmu_field_mask(unsigned int field)
{
	const unsigned int high = field >> 8 & 0xff;
	const unsigned int low = field & 0xff;

	return (~0ULL >> (63 - high)) & (~0ULL << low);
}

/* --- Of one word ------------------------------------------------------------------------------ */

/* The word of the field. */
static inline uint64_t smmu_bits(uint64_t word, unsigned int field)
{
	return (word & smmu_field_mask(field)) >> (field & 0xff);
}

/* A word that has this value in the field, and is 0 elsewhere; what does not fit is cut off. */
static inline uint64_t smmu_place(unsigned int field, uint64_t value)
{
	return value << (field & 0xff) & smmu_field_mask(field);
}

/* --- Of a structure --------------------------------------------------------------------------- */

static inline uint64_t smmu_get(const smmu_word_t *words, unsigned int field)
{
	return smmu_bits(words[smmu_field_word(field)], field);
}

static inline bool smmu_has(const smmu_word_t *words, unsigned int field)
{
	return (words[smmu_field_word(field)] & smmu_field_mask(field)) != 0;
}

static inline void smmu_set(smmu_word_t *words, unsigned int field, uint64_t value)
{
	smmu_word_t *word = &words[smmu_field_word(field)];

	*word = (*word & ~smmu_field_mask(field)) | smmu_place(field, value);
}

/* A field of an address, in bytes. */
static inline uint64_t smmu_address(const smmu_word_t *words, unsigned int field)
{
	return words[smmu_field_word(field)] & smmu_field_mask(field);
}

static inline void smmu_set_address(smmu_word_t *words, unsigned int field, uint64_t address)
{
	smmu_word_t *word = &words[smmu_field_word(field)];

	*word = (*word & ~smmu_field_mask(field)) | (address & smmu_field_mask(field));
}

/* --- 13.1 attributes -------------------------------------------------------------------------- */

/* SH of tables, queues and messages. SHCFG of a stream is coded otherwise. */
enum smmu_shareability {
	SMMU_NON_SHAREABLE = 0,
	SMMU_OUTER_SHAREABLE = 2,
	SMMU_INNER_SHAREABLE = 3,
};

/* Of the walks of tables: S1CIR, S1COR, IR0, OR0, S2IR0, S2OR0 and their like. CR1 differs. */
enum smmu_cacheability {
	SMMU_NON_CACHEABLE = 0,
	SMMU_WRITE_BACK_ALLOCATE = 1,
	SMMU_WRITE_THROUGH = 2,
	SMMU_WRITE_BACK = 3,
};

/* MemAttr of a stream and of messages: the types that are not Normal, and the two that are used. */
enum smmu_memory_attribute {
	SMMU_DEVICE_NGNRNE = 0,
	SMMU_DEVICE_NGNRE = 1,
	SMMU_DEVICE_NGRE = 2,
	SMMU_DEVICE_GRE = 3,
	SMMU_NORMAL_NON_CACHEABLE = 5,
	SMMU_NORMAL_WRITE_BACK = 15,
};

/* --- 3.4 address sizes: OAS, IPS and S2PS ----------------------------------------------------- */

#define SMMU_ADDRESS_SIZES 8U

/* Bits of a coded size. */
static inline unsigned int smmu_address_bits(unsigned int size)
{
	static const uint8_t bits[SMMU_ADDRESS_SIZES] = {32, 36, 40, 42, 44, 48, 52, 56};

	return bits[size & (SMMU_ADDRESS_SIZES - 1)];
}

/* The largest coded size with at most so many bits, 32 at least. */
static inline unsigned int smmu_address_size(unsigned int bits)
{
	unsigned int size = SMMU_ADDRESS_SIZES - 1;

	while (size != 0 && smmu_address_bits(size) > bits)
		size--;
	return size;
}

#endif
