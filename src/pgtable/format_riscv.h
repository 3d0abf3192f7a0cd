/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table formats of RISC-V, what both stages share (RISC-V privileged specification, volume II,
 * "Sv39", "Sv48", "Sv57", "Svnapot", "Svpbmt", "Two-Stage Address Translation"). The bits stand in
 * <libiommu/hw/riscv_page_table.h>; this file gives them the names that table_template.h asks for.
 * format_riscvfs.h and format_riscvss.h say what is different.
 *
 *   level   1          2    3    4      5
 *   leaf    4K, 64K    2M   1G   512G   256T
 *
 * A leaf may stand at any level; 64K are a run of 16 entries (Svnapot). An empty entry is 0. There
 * is no entry that can be written and not read: writing implies reading. A page can be executed,
 * unless IOMMU_PROT_NO_EXEC. Entries are little-endian.
 *
 * Sv32 is left out: its entries have 32 bits, and those of the template 64.
 */
#ifndef IOMMU_PGTABLE_FORMAT_RISCV_H
#define IOMMU_PGTABLE_FORMAT_RISCV_H

#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/log.h"

static inline unsigned int riscv_format_level_shift(const struct iommu_pgtable *pt,
						    unsigned int level)
{
	(void)pt;
	return riscv_level_shift(level);
}

static inline uint64_t riscv_to_memory(uint64_t entry)
{
	return iommu_le64(entry);
}

static inline bool riscv_is_present(uint64_t entry)
{
	return riscv_pte_is_valid(entry);
}

static inline bool riscv_is_leaf(uint64_t entry, unsigned int level)
{
	(void)level;
	return riscv_pte_is_leaf(entry);
}

static inline bool riscv_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	return (pt->pgsize_bitmap >> riscv_level_shift(level) & 1) != 0;
}

/* What a permission adds to a leaf; hints that this table has no bits for, nothing. */
static inline uint64_t riscv_permissions(const struct iommu_pgtable *pt, unsigned int prot)
{
	uint64_t bits = RISCV_PTE_VALID | RISCV_PTE_READ;

	if ((prot & IOMMU_PROT_WRITE) != 0)
		bits |= RISCV_PTE_WRITE;
	if ((prot & IOMMU_PROT_NO_EXEC) == 0)
		bits |= RISCV_PTE_EXECUTE;
	/* Registers of devices: not cached, and in order. */
	if ((prot & IOMMU_PROT_MMIO) != 0 && (pt->flags & IOMMU_PGTABLE_MEMORY_TYPES) != 0)
		bits |= RISCV_PTE_IO;
	return bits;
}

static inline uint64_t riscv_make_table(const struct iommu_pgtable *pt, iommu_paddr_t table,
					unsigned int level)
{
	(void)pt;
	(void)level;
	return riscv_pte_table(table);
}

/* Of an entry of a run: its low bits say the size. */
static inline iommu_paddr_t riscv_address(const struct iommu_pgtable *pt, uint64_t entry)
{
	return (entry & pt->address_mask) << 2;
}

static inline unsigned int riscv_prot(uint64_t entry)
{
	return ((entry & RISCV_PTE_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((entry & RISCV_PTE_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U) |
	       ((entry & RISCV_PTE_EXECUTE) == 0 ? IOMMU_PROT_NO_EXEC : 0U) |
	       (riscv_pte_memory_type(entry) == RISCV_MEMORY_IO ? IOMMU_PROT_MMIO : 0U);
}

/* --- Runs: see template_run.h. All entries of one are equal ----------------------------------- */

static inline unsigned int riscv_runs(const struct iommu_pgtable *pt, unsigned int level)
{
	return level == 1 && (pt->pgsize_bitmap & RISCV_NAPOT_SIZE) != 0 ? RISCV_NAPOT_BITS : 0;
}

static inline uint64_t riscv_run_max(const struct iommu_pgtable *pt)
{
	(void)pt;
	return 1ULL << RISCV_NAPOT_BITS;
}

static inline bool riscv_is_run(uint64_t entry, unsigned int level)
{
	return level == 1 && riscv_pte_is_napot(entry);
}

static inline unsigned int riscv_run_bits(const struct iommu_pgtable *pt, uint64_t entry,
					  unsigned int level)
{
	(void)pt;
	return riscv_is_run(entry, level) ? RISCV_NAPOT_BITS : 0;
}

static inline uint64_t riscv_run_entry(const struct iommu_pgtable *pt, uint64_t leaf,
				       unsigned int level, uint64_t run, uint64_t i)
{
	(void)pt;
	(void)level;
	(void)run;
	(void)i;
	return leaf | RISCV_NAPOT_PPN | RISCV_PTE_NAPOT;
}

static inline uint64_t riscv_run_leaf(uint64_t entry, unsigned int level, uint64_t i)
{
	(void)level;
	return (entry & ~(RISCV_PTE_NAPOT | RISCV_NAPOT_PPN_MASK)) | riscv_ppn(i << 12);
}

/* --- Entries of another owner, and configurations --------------------------------------------- */

/*
 * Could hardware use this present entry without a fault, as far as its bits say? `always`: what
 * every leaf of the stage must have.
 */
static inline bool riscv_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
				       unsigned int level, uint64_t always)
{
	const uint64_t below = riscv_ppn((1ULL << riscv_level_shift(level)) - 1);
	const uint64_t reserved = RISCV_PTE_RESERVED | RISCV_PTE_SVRSW60T59B;

	if ((entry & (reserved | (RISCV_PPN_MASK & ~pt->address_mask))) != 0)
		return false;
	if (!riscv_pte_is_leaf(entry))
		return level > 1 && (entry & RISCV_PTE_TABLE_ZERO) == 0;
	/* Writing without reading is reserved; of pages for execution alone a copy has no bits. */
	if ((entry & RISCV_PTE_READ) == 0 || (entry & always) != always)
		return false;
	if ((entry & RISCV_PTE_PBMT) == RISCV_PTE_PBMT ||
	    ((entry & RISCV_PTE_PBMT) != 0 && (pt->flags & IOMMU_PGTABLE_MEMORY_TYPES) == 0))
		return false;
	if (riscv_pte_is_napot(entry))
		return level == 1 && (entry & RISCV_NAPOT_PPN_MASK) == RISCV_NAPOT_PPN;
	return (entry & below) == 0 && riscv_leaf_allowed(pt, level);
}

/* `width`: of the addresses that a table of so many levels translates. */
static inline const char *riscv_configure(struct iommu_pgtable *pt,
					  const struct iommu_pgtable_config *config,
					  unsigned int width)
{
	const uint64_t sizes = IOMMU_SIZE_4K | RISCV_NAPOT_SIZE | IOMMU_SIZE_2M | IOMMU_SIZE_1G |
			       1ULL << riscv_level_shift(4) | 1ULL << riscv_level_shift(5);

	if (config->table_order != 0 ||
	    (config->flags & (IOMMU_PGTABLE_EAGER | IOMMU_PGTABLE_FORCE_SNOOP)) != 0)
		return config->table_order != 0
			       ? IOMMU_WHY("the format does not choose table_order")
			       : IOMMU_WHY("flags have one that the format does not have");
	if (config->levels < RISCV_LEVELS_MIN || config->levels > RISCV_LEVELS_MAX)
		return IOMMU_WHY("levels are not within 3 to 5");
	if (config->input_bits <= IOMMU_PAGE_SHIFT || config->input_bits > width)
		return config->input_bits <= IOMMU_PAGE_SHIFT
			       ? IOMMU_WHY("input_bits is no more than a page")
			       : IOMMU_WHY("input_bits is more than the levels hold");
	if (config->output_bits <= IOMMU_PAGE_SHIFT || config->output_bits > RISCV_ADDRESS_BITS)
		return IOMMU_WHY("output_bits is not within 13 to 56");
	if ((config->pgsize_bitmap & ~sizes) != 0 || (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0)
		return (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0
			       ? IOMMU_WHY("pgsize_bitmap lacks 4K")
			       : IOMMU_WHY("pgsize_bitmap has sizes that no level has");
	pt->address_mask = riscv_ppn((1ULL << config->output_bits) - 1);
	pt->leaf_attributes = (config->flags & IOMMU_PGTABLE_ACCESSED) != 0
				      ? RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY
				      : 0;
	return NULL;
}

#define FORMAT_DIRTY         RISCV_PTE_DIRTY
#define FORMAT_LEVELS_MIN    RISCV_LEVELS_MIN
#define FORMAT_ADDRESS_SHIFT 2
#define FORMAT_RUNS          1

#define format_level_shift   riscv_format_level_shift
#define format_to_memory     riscv_to_memory
#define format_is_present    riscv_is_present
#define format_is_leaf       riscv_is_leaf
#define format_leaf_allowed  riscv_leaf_allowed
#define format_make_table    riscv_make_table
#define format_address       riscv_address
#define format_runs          riscv_runs
#define format_run_max       riscv_run_max
#define format_is_run        riscv_is_run
#define format_run_bits      riscv_run_bits
#define format_run_entry     riscv_run_entry
#define format_run_leaf      riscv_run_leaf

#endif
