/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of VMSAv8-64 tables, as far as both stages have them in common (Arm ARM DDI 0487, D8,
 * "The AArch64 Virtual Memory System Architecture"): what they are, where they lie, the addresses
 * in them, and hardware's changes.
 */
#include "model/smmu/journey.h"

#define ADDRESS_BITS 0x0000fffffffff000ULL

/* Levels that have blocks: with 64K level 1 only where addresses have 52 bits. */
static bool has_blocks(const struct model_regime *r, unsigned int level)
{
	if (level == 3)
		return false;
	if (r->granule == 12)
		return level >= 1;
	return level == 2 || (r->granule == 16 && level == 1 && r->wide);
}

enum model_descriptor iommu_smmodel_descriptor_kind(const struct model_regime *r,
						    uint64_t descriptor, unsigned int level)
{
	if ((descriptor & 1) == 0)
		return MODEL_INVALID;
	if ((descriptor & 2) != 0)
		return level < 3 ? MODEL_TABLE : MODEL_LEAF;
	return has_blocks(r, level) ? MODEL_LEAF : MODEL_INVALID;
}

/* In the table where walks start the index is all that is above: tables may be concatenated. */
uint64_t iommu_smmodel_descriptor_place(const struct model_regime *r, uint64_t table,
					unsigned int level, uint64_t address)
{
	const unsigned int shift = model_level_shift(r->granule, level);
	const unsigned int bits = level == r->level ? r->bits - shift : r->granule - 3;
	const uint64_t base = table & ~((8ULL << bits) - 1);

	return base + (address >> shift & ((1ULL << bits) - 1)) * 8;
}

uint64_t iommu_smmodel_descriptor_address(const struct model_regime *r, uint64_t descriptor,
					  unsigned int shift)
{
	const uint64_t low = descriptor & ADDRESS_BITS & ~((1ULL << shift) - 1);

	return r->wide ? low | (descriptor >> 12 & 0xf) << 48 : low;
}

/* log2 of the entries of a contiguous group. */
static unsigned int group_bits(unsigned int granule, unsigned int level)
{
	if (granule == 12)
		return 4;
	return granule == 14 && level == 3 ? 7 : 5;
}

unsigned int iommu_smmodel_leaf_shift(const struct model_regime *r, uint64_t descriptor,
				      unsigned int level)
{
	const unsigned int shift = model_level_shift(r->granule, level);
	const unsigned int group = shift + group_bits(r->granule, level);

	/* A group that is larger than the address space is none. */
	return r->has_groups && (descriptor & MODEL_DESCRIPTOR_CONTIGUOUS) != 0 && group <= r->bits
		       ? group
		       : shift;
}

bool iommu_smmodel_descriptor_read(const struct journey *j, const struct model_regime *r,
				   uint64_t paddr, uint64_t *descriptor)
{
	smmu_word_t word;

	if (!journey_read(j, paddr, &word, 1))
		return false;
	*descriptor = r->big_endian ? iommu_swap64(word) : word;
	return true;
}

/* A journey that peeks goes on as if it were replaced. */
bool iommu_smmodel_descriptor_replace(const struct journey *j, const struct model_regime *r,
				      uint64_t paddr, uint64_t before, uint64_t after)
{
	const struct iommu_model_smmu_host *host = &j->model->config.host;

	if (j->peeks)
		return true;
	if (r->big_endian) {
		before = iommu_swap64(before);
		after = iommu_swap64(after);
	}
	return host->compare_exchange(host->ctx, paddr, before, after);
}
