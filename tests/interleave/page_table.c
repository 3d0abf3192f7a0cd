/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables (src/pgtable/template_*.h) by owners of neighbouring ranges at once, beside hardware
 * that walks and notes writes. Tables that two ranges share are installed once, and the loser's go
 * back; a table that was unlinked is freed after an invalidation, which waits for walks, and no
 * walk meets a freed page; a large page that two owners cut is cut once, and look-ups beside find
 * their own pages; no write that hardware notes is lost.
 */
#include <string.h>

#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>

#include "base/atomic.h"
#include "explorer.h"

#define PAGE   IOMMU_PAGE_SIZE
#define LARGE  (1ULL << 21)
#define TARGET 0x40000000ULL

extern const struct iommu_pgtable_ops iommu_vtdss_ops;
static const struct iommu_pgtable_ops *const ops = &iommu_vtdss_ops;

static struct iommu_pgtable table;

/* --- Owners ----------------------------------------------------------------------------------- */

static void map(iommu_iova_t iova, uint64_t size)
{
	struct iommu_gather gather;
	uint64_t mapped;

	iommu_gather_init(&gather);
	MUST(ops->map(&table, iova, TARGET + iova, size, IOMMU_PROT_READ_WRITE, &gather, &mapped) ==
	     0);
	MUST(mapped == size && iommu_gather_is_empty(&gather));
}

/* The short way, or the other. */
static void map_page(iommu_iova_t iova)
{
	if (!ops->map_page(&table, iova, TARGET + iova, PAGE, IOMMU_PROT_READ_WRITE))
		map(iova, PAGE);
}

static unsigned int walks; /* that hardware is at; atomic */

static void invalidate(struct iommu_gather *gather)
{
	while (__atomic_load_n(&walks, __ATOMIC_SEQ_CST) != 0)
		explore_wait();
	ops->free_gathered(&table, gather);
}

static void unmap(iommu_iova_t iova, uint64_t size, unsigned int flags)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	iommu_gather_init(&gather);
	MUST(ops->unmap(&table, iova, size, flags, &gather, &unmapped) == 0);
	MUST(unmapped != 0);
	invalidate(&gather);
}

static bool is_mapped(iommu_iova_t iova)
{
	iommu_paddr_t paddr;

	if (ops->iova_to_phys(&table, iova, &paddr, NULL) != 0)
		return false;
	MUST(paddr == TARGET + iova);
	return true;
}

/* --- Hardware --------------------------------------------------------------------------------- */

static bool walk(iommu_iova_t iova)
{
	bool found;

	__atomic_add_fetch(&walks, 1, __ATOMIC_SEQ_CST);
	found = is_mapped(iova);
	__atomic_sub_fetch(&walks, 1, __ATOMIC_SEQ_CST);
	return found;
}

/* Note a write in the leaf, by one access that fails if the leaf is another one by now. */
static void write_to(iommu_iova_t iova)
{
	for (;;) {
		iommu_cell_t *entries = table.root;
		unsigned int level = table.levels;
		uint64_t entry;

		for (;; level--) {
			entries += iova >> (12 + 9 * (level - 1)) & 511;
			entry = iommu_cell_load(entries);
			MUST((entry & (VTD_SS_READ | VTD_SS_WRITE)) != 0);
			if (level == 1 || (entry & VTD_SS_PAGE_SIZE) != 0)
				break;
			entries = iommu_phys_to_virt(&explore_host, entry & VTD_SS_ADDRESS_MASK);
		}
		if (iommu_cell_compare_and_swap(entries, entry, entry | VTD_SS_DIRTY))
			return;
	}
}

/* --- Scenarios -------------------------------------------------------------------------------- */

static uint64_t tables; /* that there are at the end */

static void setup(void)
{
	const struct iommu_pgtable_config config = {
		.platform = &explore_host,
		.levels = 3,
		.input_bits = 39,
		.output_bits = 46,
		.pgsize_bitmap = PAGE | LARGE,
	};

	walks = 0;
	MUST(ops->init(&table, &config) == 0);
}

static void check(void)
{
	MUST(table.pages == tables && explore_pages() == tables);
}

/* Two or three CPUs, one or two tables below one that all share. */
static void maps(unsigned int thread)
{
	if (thread == 0)
		map(3 * PAGE, 2 * PAGE);
	else if (thread == 1)
		map_page(5 * PAGE);
	else
		map_page(LARGE);
}

static void check_two_maps(void)
{
	tables = 3;
	check();
	MUST(is_mapped(3 * PAGE) && is_mapped(4 * PAGE) && is_mapped(5 * PAGE));
	MUST(!is_mapped(2 * PAGE) && !is_mapped(6 * PAGE));
}

static void check_three_maps(void)
{
	MUST(is_mapped(3 * PAGE) && is_mapped(5 * PAGE) && is_mapped(LARGE));
	tables = 4;
	check();
}

/* A table goes while its neighbour comes. */
static void setup_mapped(void)
{
	setup();
	map(3 * PAGE, PAGE);
}

static void frees(unsigned int thread)
{
	if (thread == 0)
		unmap(0, LARGE, 0);
	else if (thread == 1)
		map_page(LARGE);
	else
		(void)walk(3 * PAGE);
}

static void check_freed(void)
{
	MUST(!is_mapped(3 * PAGE) && is_mapped(LARGE));
	tables = 3;
	check();
}

/* A large page takes the place of a table that is empty. */
static void setup_emptied(void)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	setup_mapped();
	iommu_gather_init(&gather);
	MUST(ops->unmap(&table, 3 * PAGE, PAGE, 0, &gather, &unmapped) == 0);
	MUST(table.pages == 3);
}

static void replaces(unsigned int thread)
{
	struct iommu_gather gather;
	uint64_t mapped;

	if (thread == 0) {
		iommu_gather_init(&gather);
		MUST(ops->map(&table, 0, TARGET, LARGE, IOMMU_PROT_READ_WRITE, &gather, &mapped) ==
		     0);
		MUST(gather.tables_unlinked);
		invalidate(&gather);
	} else if (thread == 1) {
		map_page(LARGE);
	} else {
		(void)walk(3 * PAGE);
	}
}

static void check_replaced(void)
{
	MUST(is_mapped(3 * PAGE) && is_mapped(LARGE) && !is_mapped(LARGE + PAGE));
	tables = 3;
	check();
}

/* The two halves of a large page have an owner each. */
static void setup_large(void)
{
	setup();
	map(0, LARGE);
}

static void cut(unsigned int thread)
{
	if (thread == 0)
		unmap(0, PAGE, IOMMU_UNMAP_SPLIT);
	else if (thread == 1)
		unmap(LARGE - PAGE, PAGE, IOMMU_UNMAP_SPLIT);
	else
		MUST(walk(7 * PAGE));
}

static void check_cut(void)
{
	unsigned int i;

	for (i = 0; i < LARGE / PAGE; i++)
		MUST(is_mapped(i * PAGE) == (i != 0 && i != LARGE / PAGE - 1));
	tables = 3;
	check();
}

/* What hardware notes is read, or stays, whether the page is cut or not. */
static uint64_t dirty[LARGE / PAGE / 64];

static void notes(unsigned int thread)
{
	const struct iommu_dirty_bitmap bitmap = {
		.words = dirty, .bits = LARGE / PAGE, .page_shift = 12};
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	if (thread == 0)
		MUST(ops->read_dirty(&table, 0, LARGE, 0, &bitmap, &gather) == 0);
	else if (thread == 1)
		write_to(7 * PAGE);
	else
		MUST(ops->split(&table, 0, LARGE, PAGE, &gather) == 0);
}

static void setup_dirty(void)
{
	memset(dirty, 0, sizeof(dirty));
	setup_large();
}

static void setup_written(void)
{
	setup_dirty();
	write_to(7 * PAGE);
}

static void check_dirty(void)
{
	const struct iommu_dirty_bitmap bitmap = {
		.words = dirty, .bits = LARGE / PAGE, .page_shift = 12};
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	MUST(ops->read_dirty(&table, 0, LARGE, 0, &bitmap, &gather) == 0);
	MUST((dirty[0] >> 7 & 1) != 0);
}

/* Splitting and reading are one caller's, beside hardware. */
static void splits(unsigned int thread)
{
	notes(thread == 0 ? 2 : 1);
}

static void reads(unsigned int thread)
{
	notes(thread);
}

static const struct exploration explorations[] = {
	{"two maps", 2, 4, setup, maps, NULL, check_two_maps, NULL},
	{"three maps", 3, 3, setup, maps, NULL, check_three_maps, NULL},
	{"free", 3, 3, setup_mapped, frees, NULL, check_freed, NULL},
	{"replace", 3, 3, setup_emptied, replaces, NULL, check_replaced, NULL},
	{"cut", 3, 3, setup_large, cut, NULL, check_cut, NULL},
	{"write and split", 2, 4, setup_dirty, splits, NULL, check_dirty, NULL},
	{"write and read", 2, 4, setup_dirty, reads, NULL, check_dirty, NULL},
	{"write again and read", 2, 4, setup_written, reads, NULL, check_dirty, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations,
			   sizeof(explorations) / sizeof(explorations[0]));
}
