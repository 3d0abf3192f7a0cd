/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm's descriptors, of <libiommu/hw/arm_page_table.h> and as the formats of src/pgtable make them,
 * STAGE 1 or 2: what is encoded is decoded again, for every granule, address, level, permission and
 * flag; addresses and attributes do not touch each other; the dirty state changes nothing else; a
 * row of pages, and of a run's entries, may be made by adding up to where an address folds.
 */
#if STAGE == 1
#include "pgtable/format_vmsas1.h"
#else
#include "pgtable/format_vmsas2.h"
#endif

#include "proof.h"

static unsigned int any_granule(void)
{
	return 12 + 2 * any_below(3);
}

/* A table as configure makes it of a granule, a width of physical addresses and flags. */
static struct iommu_pgtable any_table(void)
{
	const unsigned int granule = any_granule();
	const bool ds = granule != 16 && any_bool();
	const unsigned int bits = any_bool() ? 52 : any_bool() ? 51 : 48;
	struct iommu_pgtable pt = {.page_shift = granule};

	ASSUME(bits == 48 || ds || granule == 16);
	pt.flags = (ds ? (unsigned int)IOMMU_PGTABLE_LPA2 : 0U) |
		   (any_bool() ? (unsigned int)IOMMU_PGTABLE_DIRTY_TRACKING : 0U);
	pt.paddr_last = (1ULL << bits) - 1;
	pt.address_mask = vmsa_address_bits(granule, pt.paddr_last & ~((1ULL << granule) - 1));
	pt.leaf_attributes = (any_bool() ? VMSA_ACCESS_FLAG : 0) | (ds ? 0 : VMSA_SH_INNER);
#if STAGE == 1
	pt.leaf_attributes |= any_bool() ? VMSA_S1_NOT_GLOBAL : 0;
#else
	pt.flags |= any_bool() ? (unsigned int)IOMMU_PGTABLE_FORCE_SNOOP : 0U;
#endif
	return pt;
}

static void addresses(void)
{
	const unsigned int granule = any_granule();
	const bool ds = granule != 16 && any_bool();
	const uint64_t address = any_64() & ~((1ULL << granule) - 1);
	const uint64_t attributes = ds ? 0xfffc000000000cffULL : 0xffff000000000fffULL;
	uint64_t bits;

	ASSUME(address >> (ds || granule == 16 ? 52 : 48) == 0);
	bits = vmsa_address_bits(granule, address);
	CLAIM((bits & attributes) == 0);
	CLAIM(vmsa_address(granule, bits, ds) == address);
	CLAIM(vmsa_address(granule, bits | attributes, ds) == address);
	CLAIM(vmsa_address(granule, vmsa_table(granule, address), ds) == address);
	CLAIM(vmsa_is_valid(vmsa_table(granule, address)));
	CLAIM(!vmsa_is_leaf(vmsa_table(granule, address), 2));
	CLAIM(vmsa_is_leaf(vmsa_leaf_type(2), 2) && vmsa_is_leaf(vmsa_leaf_type(1), 1));
	CLAIM((vmsa_ttbr(address, true) & 0x0000fffffffff000ULL) ==
	      (address & 0x0000fffffffff000ULL));
	CLAIM((vmsa_ttbr(address, true) >> 2 & 15) == address >> 48);
}

static void numbers(void)
{
	static const unsigned int shift_of_tg0[] = {12, 16, 14}, shift_of_tg1[] = {0, 14, 12, 16};
	static const unsigned int sizes[] = {32, 36, 40, 42, 44, 48, 52, 56};
	const unsigned int granule = any_granule(), bits = 25 + any_below(32);
	const unsigned int number = vmsa_physical_size(bits), levels = 1 + any_below(4);
	const unsigned int sl0 = vmsa_sl0(granule, levels);

	CLAIM(shift_of_tg0[vmsa_tg0(granule)] == granule);
	CLAIM(shift_of_tg1[vmsa_tg1(granule)] == granule);
	CLAIM(sizes[number] >= bits && (number == 0 || sizes[number - 1] < bits));
	/* Arm's level at which it starts is 4 - levels. */
	CLAIM(sl0 < 4);
	CLAIM(granule == 12 ? (sl0 == 3 ? levels == 1 : 2 - sl0 == 4 - levels)
			    : 3 - sl0 == 4 - levels);
	CLAIM(vmsa_root_bits(vmsa_flags_of_root(bits)) == bits);
}

/* Whatever is asked for is in the entry, and told again. */
static void leaves(void)
{
	const struct iommu_pgtable pt = any_table();
	const unsigned int level = 1 + any_below(3);
	const unsigned int shift = vmsa_level_shift(pt.page_shift, level);
	const uint64_t paddr = any_64() & pt.paddr_last & ~((1ULL << shift) - 1);
	const unsigned int hints = FORMAT_PROT_HINTS & ~(unsigned int)IOMMU_PROT_CACHE;
	const unsigned int access = 1 + any_below(3);
	const unsigned int prot = access | (any_32() & hints);
	const uint64_t leaf = format_make_leaf(&pt, paddr, level, prot);

	CLAIM(format_is_present(leaf) && format_is_leaf(leaf, level));
	CLAIM(format_address(&pt, leaf) == paddr);
	CLAIM(format_prot(leaf) == (STAGE == 1 ? prot | IOMMU_PROT_READ : prot));
	CLAIM(!format_is_run(leaf, level));
	CLAIM(!vmsa_is_contiguous(format_make_table(&pt, paddr, 2), 2));
	CLAIM((leaf & (15ULL << 59 | 15ULL << 55 | VMSA_S1_GUARDED)) == 0);
	/* Clean at first; what can be written and only that becomes dirty, and clean again. */
	CLAIM((format_noted(leaf) & FORMAT_DIRTY) == 0);
	CLAIM(((format_noted(format_make_dirty(leaf)) & FORMAT_DIRTY) != 0) ==
	      (format_notes_writes(&pt) && (prot & IOMMU_PROT_WRITE) != 0));
	CLAIM(format_make_clean(format_make_dirty(leaf)) == leaf);
	CLAIM(format_prot(format_make_dirty(leaf)) == format_prot(leaf));
	CLAIM(format_address(&pt, format_make_dirty(leaf)) == paddr);
}

/* An entry further on is a sum, up to the fold. */
static void rows(void)
{
	const struct iommu_pgtable pt = any_table();
	const unsigned int level = 1 + any_below(2);
	const unsigned int shift = vmsa_level_shift(pt.page_shift, level);
	const uint64_t paddr = any_64() & pt.paddr_last & ~((1ULL << shift) - 1);
	const uint64_t before = vmsa_pages_before_fold(&pt, paddr, level);
	const uint64_t i = any_64();
	const uint64_t leaf = format_make_leaf(&pt, paddr, level, IOMMU_PROT_READ_WRITE);

	ASSUME(i < before && i < 1ULL << 17 && paddr + (i << shift) <= pt.paddr_last);
	CLAIM(leaf + i * format_address_bits(&pt, 1ULL << shift) ==
	      format_make_leaf(&pt, paddr + (i << shift), level, IOMMU_PROT_READ_WRITE));
	CLAIM(before != 0);
}

static void runs(void)
{
	const struct iommu_pgtable pt = any_table();
	const unsigned int level = 1 + any_below(2);
	const unsigned int shift = vmsa_level_shift(pt.page_shift, level);
	const unsigned int bits = vmsa_contiguous_bits(pt.page_shift, level);
	const uint64_t first = any_64() & pt.paddr_last & ~((1ULL << (shift + bits)) - 1);
	const uint64_t i = any_64() & ((1ULL << bits) - 1);
	const uint64_t leaf = format_make_leaf(&pt, first, level, IOMMU_PROT_READ_WRITE);
	const uint64_t entry = format_run_entry(&pt, leaf, level, 1ULL << bits, i);

	CLAIM(format_is_run(entry, level) && format_run_bits(&pt, entry, level) == bits);
	CLAIM(format_address(&pt, entry) == first + (i << shift));
	CLAIM(format_run_leaf(entry, level, i) ==
	      format_make_leaf(&pt, first + (i << shift), level, IOMMU_PROT_READ_WRITE));
}

int main(void)
{
	addresses();
	numbers();
	leaves();
	rows();
	runs();
	END();
	return 0;
}
