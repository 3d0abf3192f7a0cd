/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs (src/pgtable/template_run.h) in tables of RISC-V, by owners of their parts at once, beside
 * hardware that walks and notes writes: a run that two owners cut becomes single pages, nothing
 * that was cleared comes back, every walk beside finds what was mapped, and no write that hardware
 * notes, in whichever entry, is lost.
 */
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/pgtable.h>

#include "base/atomic.h"
#include "explorer.h"

#define PAGE    IOMMU_PAGE_SIZE
#define RUN     IOMMU_SIZE_64K
#define ENTRIES (RUN / PAGE)
#define TARGET  0x40000000ULL

extern const struct iommu_pgtable_ops iommu_riscvfs_ops;
static const struct iommu_pgtable_ops *const ops = &iommu_riscvfs_ops;

static struct iommu_pgtable table;
static uint64_t dirty;

/* --- Owners ----------------------------------------------------------------------------------- */

static void setup(void)
{
	const struct iommu_pgtable_config config = {
		.platform = &explore_host,
		.levels = 3,
		.input_bits = 38,
		.output_bits = 46,
		.pgsize_bitmap = PAGE | RUN,
	};
	struct iommu_gather gather;
	uint64_t mapped;

	dirty = 0;
	iommu_gather_init(&gather);
	MUST(ops->init(&table, &config) == 0);
	MUST(ops->map(&table, 0, TARGET, RUN, IOMMU_PROT_READ_WRITE, &gather, &mapped) == 0);
}

static void unmap(iommu_iova_t iova)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	iommu_gather_init(&gather);
	MUST(ops->unmap(&table, iova, PAGE, IOMMU_UNMAP_SPLIT, &gather, &unmapped) == 0);
	MUST(unmapped == PAGE);
}

static bool is_mapped(iommu_iova_t iova)
{
	iommu_paddr_t paddr;

	if (ops->iova_to_phys(&table, iova, &paddr, NULL) != 0)
		return false;
	MUST(paddr == TARGET + iova);
	return true;
}

static void read_dirty(iommu_iova_t iova, uint64_t size)
{
	const struct iommu_dirty_bitmap bitmap = {.words = &dirty, .bits = 64, .page_shift = 12};
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	MUST(ops->read_dirty(&table, iova, size, 0, &bitmap, &gather) == 0);
}

/* --- Hardware --------------------------------------------------------------------------------- */

/* The lowest entry for an address: tables stay. */
static iommu_cell_t *lowest(iommu_iova_t iova)
{
	iommu_cell_t *entries = table.root;
	unsigned int level;

	for (level = table.levels; level > 1; level--)
		entries = iommu_phys_to_virt(
			&explore_host, riscv_pte_address(iommu_cell_load(
					       &entries[iova >> riscv_level_shift(level) & 511])));
	return &entries[iova >> 12 & 511];
}

/* Note a write, by one access that fails if the entry is another one by now. */
static void write_to(iommu_iova_t iova)
{
	iommu_cell_t *at = lowest(iova);
	uint64_t entry;

	do {
		entry = iommu_cell_load(at);
		MUST(riscv_pte_is_valid(entry));
	} while (!iommu_cell_compare_and_swap(at, entry, entry | RISCV_PTE_DIRTY));
}

/* --- Scenarios -------------------------------------------------------------------------------- */

static void cut(unsigned int thread)
{
	if (thread == 0)
		unmap(2 * PAGE);
	else if (thread == 1)
		unmap(9 * PAGE);
	else
		MUST(is_mapped(7 * PAGE));
}

static void check_cut(void)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++) {
		MUST(is_mapped(i * PAGE) == (i != 2 && i != 9));
		MUST(!riscv_pte_is_napot(iommu_cell_load(lowest(i * PAGE))));
	}
}

/* Hardware writes to one page, and may write to all of them by what it then keeps. */
static void write_and_cut(unsigned int thread)
{
	if (thread == 0)
		unmap(2 * PAGE);
	else
		write_to(7 * PAGE);
}

/* When the write came to a run all of its pages count; when to a page, at least that one. */
static bool noted_in_run;

static void write_noting(unsigned int thread)
{
	iommu_cell_t *at = lowest(7 * PAGE);
	uint64_t entry;

	if (thread == 0) {
		unmap(2 * PAGE);
		return;
	}
	do
		entry = iommu_cell_load(at);
	while (!iommu_cell_compare_and_swap(at, entry, entry | RISCV_PTE_DIRTY));
	noted_in_run = riscv_pte_is_napot(entry);
}

static void check_noted(void)
{
	read_dirty(0, RUN);
	MUST(dirty == (noted_in_run ? 0xfffbU : 0x80U));
}

/* Written before two owners cut it and read their parts. */
static void setup_written(void)
{
	setup();
	write_to(13 * PAGE);
}

static void cut_and_read(unsigned int thread)
{
	if (thread == 0)
		unmap(2 * PAGE);
	else
		read_dirty(7 * PAGE, PAGE);
}

static void check_cut_and_read(void)
{
	MUST((dirty & 0x80) != 0);
}

static void write_and_read(unsigned int thread)
{
	if (thread == 0)
		read_dirty(0, RUN);
	else
		write_to(7 * PAGE);
}

static void check_written(void)
{
	read_dirty(0, RUN);
	MUST((dirty & 0x80) != 0);
}

static const struct exploration explorations[] = {
	{"cut by two", 2, 3, setup, cut, NULL, check_cut, NULL},
	{"cut beside a look-up", 3, 2, setup, cut, NULL, check_cut, NULL},
	{"write and cut", 2, 3, setup, write_and_cut, NULL, check_written, NULL},
	{"write to a run or a page", 2, 3, setup, write_noting, NULL, check_noted, NULL},
	{"cut and read", 2, 3, setup_written, cut_and_read, NULL, check_cut_and_read, NULL},
	{"write and read", 2, 3, setup, write_and_read, NULL, check_written, NULL},
	{"write again and read", 2, 3, setup_written, write_and_read, NULL, check_written, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations,
			   sizeof(explorations) / sizeof(explorations[0]));
}
