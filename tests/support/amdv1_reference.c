/* SPDX-License-Identifier: BSD-2-Clause */
#include "amdv1_reference.h"

#include "base/byteorder.h"

#define ADDRESS 0x000ffffffffff000ULL

static void *memory_of_table(void *ctx, uint64_t pa)
{
	const struct iommu_pgtable *pt = ctx;

	return iommu_phys_to_virt(pt->platform, pa);
}

struct amdv1_walk amdv1_walk_of(const struct iommu_pgtable *pt)
{
	union {
		const struct iommu_pgtable *constant;
		void *ctx;
	} table = {.constant = pt};

	return (struct amdv1_walk){
		.mode = pt->levels,
		.root = iommu_pgtable_root(pt),
		.memory = memory_of_table,
		.ctx = table.ctx,
	};
}

/* Log2 of a size by its definition: the lowest bit from 12 on that is 0, and one more. */
static unsigned int coded_shift(uint64_t entry)
{
	unsigned int bit = 12;

	while (bit < 52 && (entry >> bit & 1) != 0)
		bit++;
	return bit + 1;
}

/* Are all entries of a page the same, but for what hardware notes? */
static bool are_alike(const uint64_t *table, unsigned int index, unsigned int entries)
{
	const unsigned int first = index & ~(entries - 1);
	unsigned int i;

	for (i = 0; i < entries; i++)
		if (((iommu_le64(table[first + i]) ^ iommu_le64(table[index])) & ~0x60ULL) != 0)
			return false;
	return true;
}

/* A page that an entry of `level` leads to. */
static enum amdv1_fault find_page(const uint64_t *table, unsigned int index, uint64_t address,
				  struct amdv1_answer *answer)
{
	const unsigned int shift = 12 + 9 * (answer->level - 1);
	const uint64_t entry = iommu_le64(table[index]);
	const bool is_coded = (entry >> 9 & 7) == 7;
	const unsigned int bits = is_coded ? coded_shift(entry) : shift;

	if (answer->level == 6 || (is_coded && (bits <= shift || bits >= shift + 9)))
		return AMDV1_LEVEL;
	if (!is_coded && (entry & ADDRESS & ((1ULL << shift) - 1)) != 0)
		return AMDV1_RESERVED;
	if (is_coded && !are_alike(table, index, 1U << (bits - shift)))
		return AMDV1_UNLIKE;
	answer->size = 1ULL << bits;
	answer->pa = (entry & ADDRESS & ~(answer->size - 1)) | (address & (answer->size - 1));
	return AMDV1_NO_FAULT;
}

/* To the level below, if hardware follows the entry. */
static enum amdv1_fault go_below(uint64_t entry, uint64_t address, unsigned int *level)
{
	const unsigned int next = (unsigned int)(entry >> 9) & 7;
	const uint64_t skipped = ~0ULL << (12 + 9 * next);
	const unsigned int shift = 12 + 9 * (*level - 1);

	if (next >= *level)
		return AMDV1_LEVEL;
	if ((entry >> 52 & 0x1ff) != 0)
		return AMDV1_RESERVED;
	if ((address & skipped & ((1ULL << shift) - 1)) != 0)
		return AMDV1_SKIPPED;
	*level = next;
	return AMDV1_NO_FAULT;
}

struct amdv1_answer amdv1_reference_walk(const struct amdv1_walk *walk, uint64_t address,
					 bool is_write)
{
	struct amdv1_answer answer = {.level = walk->mode, .can_read = true, .can_write = true};
	uint64_t *table = walk->memory(walk->ctx, walk->root);

	if (walk->mode < 6 && address >> (12 + 9 * walk->mode) != 0)
		answer.fault = AMDV1_TOO_WIDE;
	while (answer.fault == AMDV1_NO_FAULT) {
		const unsigned int index = address >> (12 + 9 * (answer.level - 1)) & 511;
		const uint64_t entry = iommu_le64(table[index]);
		const unsigned int next = (unsigned int)(entry >> 9) & 7;

		if ((entry & 1) == 0)
			answer.fault = AMDV1_NOT_PRESENT;
		else if ((entry >> 52 & 0x1f) != 0)
			answer.fault = AMDV1_RESERVED;
		answer.can_read = answer.can_read && (entry >> 61 & 1) != 0;
		answer.can_write = answer.can_write && (entry >> 62 & 1) != 0;
		if (answer.fault != AMDV1_NO_FAULT)
			break;
		if (next == 0 || next == 7) {
			answer.fault = find_page(table, index, address, &answer);
			if (answer.fault == AMDV1_NO_FAULT &&
			    !(is_write ? answer.can_write : answer.can_read))
				answer.fault = AMDV1_NOT_PERMITTED;
			if (answer.fault == AMDV1_NO_FAULT && walk->notes)
				table[index] |= iommu_le64(is_write ? 0x60 : 0x20);
			break;
		}
		answer.fault = go_below(entry, address, &answer.level);
		table = walk->memory(walk->ctx, entry & ADDRESS);
	}
	return answer;
}
