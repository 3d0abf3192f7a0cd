/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The formats of RISC-V: the behaviour suite for both stages at each depth, with runs and without;
 * the bits; the wide root of the second stage; the halves of the first; what units and processors
 * are given; and runs: made where they fit, seen as one page, cut without a wrong translation in
 * between, taken over page by page.
 */
#include <string.h>

#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/riscv64.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "pgtable_suite.h"
#include "test.h"

#define LARGE_SIZES (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define ALL_SIZES   (LARGE_SIZES | IOMMU_SIZE_64K)
#define RW          IOMMU_PROT_READ_WRITE
#define K4          IOMMU_SIZE_4K
#define K64         IOMMU_SIZE_64K
#define M2          IOMMU_SIZE_2M

static const struct iommu_pgtable_ops *const stages[] = {&iommu_riscvfs_ops, &iommu_riscvss_ops};

static struct test_platform test;
static const struct iommu_pgtable_ops *ops;
static struct iommu_pgtable pt;
static struct iommu_gather gather;
static uint64_t mapped;

static struct iommu_pgtable_config config_of(const struct iommu_pgtable_ops *of,
					     unsigned int levels)
{
	const bool first = of == &iommu_riscvfs_ops;

	return (struct iommu_pgtable_config){
		.platform = &test.platform,
		.levels = levels,
		.input_bits = first ? 12 + 9 * levels - 1 : 12 + 9 * levels + 2,
		.output_bits = 56,
		.pgsize_bitmap = ALL_SIZES,
		.node = IOMMU_NODE_ANY,
	};
}

static void begin(const struct iommu_pgtable_ops *of, unsigned int levels, unsigned int flags)
{
	struct iommu_pgtable_config config = config_of(of, levels);

	ops = of;
	config.flags = flags;
	test_platform_init(&test, 1 << 22, 0x12340000);
	assert_int_equal(ops->init(&pt, &config), 0);
	iommu_gather_init(&gather);
}

static void end(void)
{
	ops->free_gathered(&pt, &gather);
	ops->destroy(&pt);
	assert_int_equal(pt.pages, 0);
	assert_int_equal(test.hosted.pages_in_use, 0);
	test_platform_destroy(&test);
}

static void map(iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size, unsigned int prot)
{
	assert_int_equal(ops->map(&pt, iova, paddr, size, prot, &gather, &mapped), 0);
}

/* The entry of a level for an address, as hardware finds it; NULL: nothing leads there. */
static uint64_t *entry_at(iommu_iova_t iova, unsigned int level)
{
	const bool second = ops == &iommu_riscvss_ops;
	uint64_t *table = pt.root;
	unsigned int at;

	for (at = pt.levels;; at--) {
		const uint64_t entries = second && at == pt.levels ? 2048 : 512;
		uint64_t *entry = &table[iova >> riscv_level_shift(at) & (entries - 1)];

		if (at == level)
			return entry;
		if (!riscv_pte_is_valid(iommu_le64(*entry)) ||
		    riscv_pte_is_leaf(iommu_le64(*entry)))
			return NULL;
		table = iommu_phys_to_virt(&test.platform, riscv_pte_address(iommu_le64(*entry)));
	}
}

static uint64_t entry_for(iommu_iova_t iova, unsigned int level)
{
	return iommu_le64(*entry_at(iova, level));
}

static uint64_t look_up(iommu_iova_t iova)
{
	iommu_paddr_t paddr = 0;

	assert_int_equal(ops->iova_to_phys(&pt, iova, &paddr, NULL), 0);
	return paddr;
}

static bool is_mapped(iommu_iova_t iova)
{
	return ops->iova_to_phys(&pt, iova, NULL, NULL) == 0;
}

/* --- Configurations, bits --------------------------------------------------------------------- */

static void configurations_that_do_not_fit_are_refused(void **state)
{
	struct iommu_pgtable_config good, config;
	unsigned int i;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	for (i = 0; i < 2; i++) {
		good = config_of(stages[i], 4);
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(stages[i]->init(&pt, &config), IOMMU_EINVAL)
		REFUSED(levels, 2);
		REFUSED(levels, 6);
		REFUSED(input_bits, good.input_bits + 1);
		REFUSED(input_bits, 12);
		REFUSED(output_bits, 57);
		REFUSED(output_bits, 12);
		REFUSED(pgsize_bitmap, M2);
		REFUSED(pgsize_bitmap, K64);
		REFUSED(pgsize_bitmap, K4 | 1ULL << 13);
		REFUSED(pgsize_bitmap, K4 | 1ULL << 57);
		REFUSED(table_order, 1);
		REFUSED(flags, IOMMU_PGTABLE_EAGER);
		REFUSED(flags, IOMMU_PGTABLE_FORCE_SNOOP);
		REFUSED(flags, IOMMU_PGTABLE_NO_EXECUTE);
		REFUSED(flags, 1U << 31);
		config = good;
		config.pgsize_bitmap = ALL_SIZES | 1ULL << 39 | 1ULL << 48;
		assert_int_equal(stages[i]->init(&pt, &config), 0);
		stages[i]->destroy(&pt);
	}
	/* The second stage has no global pages; no other format has memory types. */
	i = 1;
	REFUSED(flags, IOMMU_PGTABLE_GLOBAL);
	good.input_bits = 47;
	good.output_bits = 46;
	good.pgsize_bitmap = K4;
	good.flags = IOMMU_PGTABLE_MEMORY_TYPES;
	assert_int_equal(iommu_vtdss_init(&pt, &good), IOMMU_EINVAL);
	assert_int_equal(iommu_x86_64_table_init(&pt, &good), IOMMU_EINVAL);
	test_platform_destroy(&test);
	assert_string_equal(iommu_riscvfs_ops.name, "riscvfs");
	assert_string_equal(iommu_riscvss_ops.name, "riscvss");
}

static void entries_have_the_bits_of_the_specification(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(stages[i], 4, 0);
		map(0x40000000, 0x80000000, IOMMU_SIZE_1G, RW);
		map(0x200000, 0x400000, M2, IOMMU_PROT_READ);
		map(0x5000, 0xfffffffffff000, K4, IOMMU_PROT_WRITE);
		map(0x10000, 0x70000, K64, RW);
		/* V, R, W, X and U; the page number from bit 10 on; writing implies reading. */
		assert_int_equal(entry_for(0x40000000, 3), 0x2000001f);
		assert_int_equal(entry_for(0x200000, 2), 0x10001b);
		assert_int_equal(entry_for(0x5000, 1), 0x3ffffffffffc1f);
		/* N, and a page number that ends in 1000: in all 16 entries alike. */
		assert_int_equal(entry_for(0x10000, 1), 0x800000000001e01f);
		assert_int_equal(entry_for(0x1f000, 1), 0x800000000001e01f);
		assert_int_equal(entry_for(0x20000, 1), 0);
		/* Tables: V alone. */
		assert_int_equal(entry_for(0x5000, 2) & ~RISCV_PPN_MASK, 1);
		assert_int_equal(entry_for(0x5000, 4) & ~RISCV_PPN_MASK, 1);
		map(0x6000, 0x1000, K4, RW | IOMMU_PROT_NO_EXEC | IOMMU_PROT_CACHE);
		assert_int_equal(entry_for(0x6000, 1), 0x417);
		/* Without memory types their bits are reserved: the hint is not obeyed. */
		map(0x7000, 0x1000, K4, IOMMU_PROT_READ | IOMMU_PROT_MMIO);
		assert_int_equal(entry_for(0x7000, 1), 0x41b);
		end();

		begin(stages[i], 5, IOMMU_PGTABLE_ACCESSED | IOMMU_PGTABLE_MEMORY_TYPES);
		map(0x5000, 0x1000, K4, RW | IOMMU_PROT_MMIO);
		assert_int_equal(entry_for(0x5000, 1), 0x40000000000004df);
		assert_int_equal(entry_for(0x5000, 2) & ~RISCV_PPN_MASK, 1);
		end();
	}
	begin(&iommu_riscvfs_ops, 3, IOMMU_PGTABLE_GLOBAL);
	map(0x5000, 0x1000, K4, IOMMU_PROT_READ | IOMMU_PROT_PRIVILEGED);
	assert_int_equal(entry_for(0x5000, 1), 0x42b);
	end();
	/* A user's, always. */
	begin(&iommu_riscvss_ops, 3, 0);
	assert_int_equal(ops->map(&pt, 0x5000, 0, K4, RW | IOMMU_PROT_PRIVILEGED, &gather, &mapped),
			 IOMMU_EINVAL);
	end();
}

/* Leaves at every level that there is. */
static void the_largest_pages_are_those_of_the_root(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct iommu_pgtable_config config = config_of(stages[i], 5);
		const uint64_t huge = 1ULL << 48, large = 1ULL << 39;

		ops = stages[i];
		test_platform_init(&test, 1 << 20, 0x12340000);
		config = config_of(ops, 5);
		config.pgsize_bitmap = ALL_SIZES | huge | large;
		assert_int_equal(ops->init(&pt, &config), 0);
		iommu_gather_init(&gather);
		map(huge - large, 4 * huge - large, huge + large + K64, RW);
		assert_int_equal(entry_for(huge, 5), (4 * huge) >> 2 | 0x1f);
		assert_int_equal(entry_for(huge - large, 4), (4 * huge - large) >> 2 | 0x1f);
		assert_true(riscv_pte_is_napot(entry_for(2 * huge, 1)));
		assert_int_equal(look_up(2 * huge - 1), 5 * huge - 1);
		/* Cut down to the smallest. */
		assert_int_equal(ops->unmap(&pt, huge + large + 5 * K4, K4, IOMMU_UNMAP_SPLIT,
					    &gather, NULL),
				 0);
		assert_false(is_mapped(huge + large + 5 * K4));
		assert_int_equal(look_up(huge + large + 6 * K4 + 7), 4 * huge + large + 6 * K4 + 7);
		assert_int_equal(look_up(huge), 4 * huge);
		end();
	}
}

static void what_is_asked_for_is_told_again(void **state)
{
	static const unsigned int hints[] = {IOMMU_PROT_NO_EXEC, IOMMU_PROT_MMIO,
					     IOMMU_PROT_PRIVILEGED};
	unsigned int stage, i, prot;

	(void)state;
	for (stage = 0; stage < 2; stage++) {
		const unsigned int combinations = stage == 0 ? 8 : 4;

		begin(stages[stage], 4, IOMMU_PGTABLE_MEMORY_TYPES);
		for (i = 0; i < combinations; i++) {
			const unsigned int wanted = IOMMU_PROT_READ | (i & 1 ? hints[0] : 0) |
						    (i & 2 ? hints[1] : 0) | (i & 4 ? hints[2] : 0);

			/* Alone, and in a run that is cut later. */
			map(0x1000 + i * K4, 0x1000, K4, wanted);
			map(0x100000 + i * K64, 0x200000, K64, wanted);
			assert_int_equal(ops->iova_to_phys(&pt, 0x1000 + i * K4, NULL, &prot), 0);
			assert_int_equal(prot, wanted);
			assert_int_equal(ops->unmap(&pt, 0x100000 + i * K64, K4, IOMMU_UNMAP_SPLIT,
						    &gather, NULL),
					 0);
			assert_int_equal(ops->iova_to_phys(&pt, 0x10f000 + i * K64, NULL, &prot),
					 0);
			assert_int_equal(prot, wanted);
		}
		map(0x90000, 0x1000, K4, IOMMU_PROT_WRITE);
		assert_int_equal(ops->iova_to_phys(&pt, 0x90000, NULL, &prot), 0);
		assert_int_equal(prot, RW);
		assert_int_equal(ops->map(&pt, 0xa0000, 0, K4, IOMMU_PROT_MMIO, &gather, &mapped),
				 IOMMU_EINVAL);
		assert_int_equal(ops->map(&pt, 0xa0000, 0, K4, RW | 1 << 7, &gather, &mapped),
				 IOMMU_EINVAL);
		end();
	}
}

/* --- Shapes ----------------------------------------------------------------------------------- */

static void the_second_stage_has_a_wide_root(void **state)
{
	unsigned int levels;
	void *top;

	(void)state;
	for (levels = 3; levels <= 5; levels++) {
		const iommu_iova_t last = (1ULL << (12 + 9 * levels + 2)) - 1;
		const uint64_t span = 1ULL << riscv_level_shift(levels);

		begin(&iommu_riscvss_ops, levels, 0);
		assert_int_equal(pt.aperture_last, last);
		assert_int_equal(iommu_pgtable_root(&pt) % RISCV_SECOND_STAGE_ROOT, 0);
		assert_int_equal(pt.pages, 4);
		assert_int_equal(pt.table_order, 0);
		/* Behind each page of the root: entries 511, 512, and the last of all. */
		map(512 * span - K4, 0x1000, 2 * K4, RW);
		map(last + 1 - K64, 0x70000, K64, RW);
		assert_int_equal(pt.pages, 4 + 3 * (levels - 1));
		assert_int_equal(entry_for(512 * span, 1), 0x81f);
		assert_int_equal(look_up(last), 0x7ffff);
		assert_int_equal(look_up(512 * span - 1), 0x1fff);
		assert_int_equal(ops->iova_to_phys(&pt, last + 1, NULL, NULL), IOMMU_ERANGE);
		assert_int_equal(ops->trim(&pt, &top), IOMMU_EINVAL);
		assert_int_equal(ops->extend(&pt, pt.root, &top), IOMMU_EINVAL);
		assert_int_equal(ops->set_aperture(&pt, last / 2), IOMMU_EBUSY);
		assert_int_equal(ops->unmap(&pt, 0, last + 1, 0, &gather, &mapped), 0);
		assert_int_equal(mapped, 2 * K4 + K64);
		ops->free_gathered(&pt, &gather);
		assert_int_equal(pt.pages, 4);
		assert_int_equal(ops->set_aperture(&pt, last / 2), 0);
		assert_int_equal(ops->map(&pt, last / 2 + 1, 0, K4, RW, &gather, &mapped),
				 IOMMU_ERANGE);
		end();
	}
}

static void the_budget_counts_the_root_as_four(void **state)
{
	struct iommu_pgtable_config config;

	(void)state;
	test_platform_init(&test, 1 << 20, 0x12340000);
	config = config_of(&iommu_riscvss_ops, 3);
	config.max_pages = 3;
	assert_int_equal(iommu_riscvss_init(&pt, &config), IOMMU_ENOMEM);
	assert_int_equal(pt.pages, 0);
	config.max_pages = 4;
	assert_int_equal(iommu_riscvss_init(&pt, &config), 0);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_riscvss_map(&pt, 0, 0, K4, RW, &gather, &mapped), IOMMU_ENOMEM);
	iommu_riscvss_destroy(&pt);
	/* A root that the host does not have. */
	test.fail_after = test.allocations + 1;
	assert_int_equal(iommu_riscvss_init(&pt, &config), IOMMU_ENOMEM);
	test.fail_after = 0;
	assert_int_equal(test.hosted.pages_in_use, 0);
	test_platform_destroy(&test);
}

static int count_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	*(unsigned int *)ctx += !visit->is_table;
	return 0;
}

static void the_first_stage_has_two_halves(void **state)
{
	unsigned int levels;
	void *top;

	(void)state;
	for (levels = 3; levels <= 5; levels++) {
		const iommu_iova_t middle = 1ULL << (riscv_first_stage_width(levels) - 1);
		const iommu_iova_t upper = -middle;
		unsigned int leaves = 0;

		begin(&iommu_riscvfs_ops, levels, 0);
		assert_int_equal(pt.aperture_last, middle - 1);
		map(0, 0x1000, K4, RW);
		map(middle - K4, 0x2000, K4, RW);
		map(upper, 0x3000, K4, RW);
		map(-K64, 0x40000, K64, RW);
		assert_int_equal(riscv_pte_address(entry_for(upper, 1)), 0x3000);
		assert_int_equal(look_up(UINT64_MAX), 0x4ffff);
		assert_int_equal(look_up(upper), 0x3000);
		assert_int_equal(ops->iova_to_phys(&pt, middle, NULL, NULL), IOMMU_ERANGE);
		assert_int_equal(ops->map(&pt, middle, 0, K4, RW, &gather, &mapped), IOMMU_ERANGE);
		assert_int_equal(ops->map(&pt, -K4, 0, 2 * K4, RW, &gather, &mapped),
				 IOMMU_EOVERFLOW);
		assert_int_equal(ops->walk(&pt, 0, UINT64_MAX, count_leaf, &leaves), 0);
		assert_int_equal(leaves, 4);
		/* The end of all space cuts the run of which it is the end. */
		assert_int_equal(ops->unmap(&pt, -K4, K4, 0, &gather, NULL), IOMMU_EINVAL);
		assert_int_equal(ops->unmap(&pt, -K4, K4, IOMMU_UNMAP_SPLIT, &gather, NULL), 0);
		assert_int_equal(look_up(-K64), 0x40000);
		assert_int_equal(ops->unmap(&pt, upper, middle, 0, &gather, &mapped), 0);
		assert_int_equal(mapped, 16 * K4);
		assert_int_equal(ops->set_aperture(&pt, (1ULL << 30) - 1), IOMMU_EINVAL);
		assert_int_equal(ops->trim(&pt, &top), IOMMU_EINVAL);
		end();
	}
}

/* What an address leads to, as hardware finds it: from the word that it is given. */
static uint64_t hardware_walks(uint64_t root, bool second, uint64_t address)
{
	const unsigned int levels = riscv_mode_levels(riscv_root_mode(root));
	uint64_t table = riscv_root_address(root);
	unsigned int level;

	for (level = levels; level != 0; level--) {
		const uint64_t *entries = iommu_phys_to_virt(&test.platform, table);
		const uint64_t count = second && level == levels ? 2048 : 512;
		const uint64_t span = 1ULL << riscv_level_shift(level);
		const uint64_t entry = iommu_le64(entries[address / span & (count - 1)]);
		const uint64_t size = riscv_pte_is_napot(entry) ? K64 : span;

		assert_true(riscv_pte_is_valid(entry));
		if (riscv_pte_is_leaf(entry))
			return riscv_pte_address(entry) | (address & (size - 1));
		table = riscv_pte_address(entry);
	}
	return UINT64_MAX;
}

static void hardware_is_given_the_table(void **state)
{
	unsigned int levels;

	(void)state;
	for (levels = 3; levels <= 5; levels++) {
		const uint64_t mode = (uint64_t)levels + 5;

		begin(&iommu_riscvfs_ops, levels, 0);
		map(-M2, 0x40000000, M2, RW);
		map(0x401000, 0x7fff5000, K4, IOMMU_PROT_READ);
		assert_int_equal(iommu_riscvfs_iosatp(&pt),
				 mode << 60 | iommu_pgtable_root(&pt) >> 12);
		assert_int_equal(iommu_riscvfs_satp(&pt, 0xbeef) ^ iommu_riscvfs_iosatp(&pt),
				 0xbeefULL << 44);
		assert_int_equal(hardware_walks(iommu_riscvfs_iosatp(&pt), false, 0x401234),
				 0x7fff5234);
		assert_int_equal(hardware_walks(iommu_riscvfs_satp(&pt, 0), false, UINT64_MAX),
				 0x401fffff);
		end();

		begin(&iommu_riscvss_ops, levels, 0);
		map(pt.aperture_last + 1 - K64, 0x50000, K64, RW);
		assert_int_equal(iommu_riscvss_iohgatp(&pt, 0xbeef),
				 mode << 60 | 0xbeefULL << 44 | iommu_pgtable_root(&pt) >> 12);
		/* An identifier of a processor has 14 bits. */
		assert_int_equal(iommu_riscvss_hgatp(&pt, 0xffff),
				 mode << 60 | 0x3fffULL << 44 | iommu_pgtable_root(&pt) >> 12);
		assert_int_equal(hardware_walks(iommu_riscvss_iohgatp(&pt, 1), true,
						pt.aperture_last - 0x1234),
				 0x5ffff - 0x1234);
		end();
	}
}

/* --- Runs ------------------------------------------------------------------------------------- */

struct leaves {
	unsigned int single, runs, large;
	iommu_iova_t first;
	iommu_paddr_t paddr;
};

static int count_size(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct leaves *leaves = ctx;

	if (visit->is_table)
		return 0;
	assert_int_equal(visit->iova % visit->size, 0);
	if (leaves->single + leaves->runs + leaves->large == 0) {
		leaves->first = visit->iova;
		leaves->paddr = visit->paddr;
	}
	leaves->single += visit->size == K4;
	leaves->runs += visit->size == K64;
	leaves->large += visit->size > K64;
	return 0;
}

static struct leaves leaves_in(iommu_iova_t start, iommu_iova_t last)
{
	struct leaves leaves = {0};

	assert_int_equal(ops->walk(&pt, start, last, count_size, &leaves), 0);
	return leaves;
}

static void expect(unsigned int single, unsigned int runs, unsigned int large)
{
	const struct leaves leaves = leaves_in(0, pt.aperture_last);

	assert_int_equal(leaves.single, single);
	assert_int_equal(leaves.runs, runs);
	assert_int_equal(leaves.large, large);
}

static void clear_all(void)
{
	assert_int_equal(ops->unmap(&pt, 0, pt.aperture_last + 1, 0, &gather, NULL), 0);
	ops->free_gathered(&pt, &gather);
}

#define FOR_EACH_STAGE(i)                                                                          \
	for (i = 0, begin(stages[0], 4, 0); i < 2; i++, end(), begin(stages[i % 2], 4, 0))

/* Every range of up to three runs' size, at every distance from where a run begins. */
static void runs_are_made_where_they_fit(void **state)
{
	unsigned int i, start, pages, off, page;

	(void)state;
	FOR_EACH_STAGE(i)
	{
		for (start = 0; start < 16; start++)
			for (pages = 1; pages <= 48; pages++)
				for (off = 0; off < 2; off++) {
					const unsigned int head = -start & 15;
					const unsigned int runs =
						off != 0 || pages < head ? 0 : (pages - head) / 16;
					const iommu_paddr_t paddr = 0x4000000 + (start + off) * K4;

					map(M2 + start * K4, paddr, pages * K4, RW);
					expect(pages - 16 * runs, runs, 0);
					for (page = 0; page < pages; page++)
						assert_int_equal(
							look_up(M2 + (start + page) * K4 + 5),
							paddr + page * K4 + 5);
					assert_false(is_mapped(M2 + (start + pages) * K4));
					assert_int_equal(ops->unmap(&pt, M2 + start * K4,
								    pages * K4, 0, &gather,
								    &mapped),
							 0);
					assert_int_equal(mapped, pages * K4);
				}
		/* Across the border of two tables, and in a new table of its own. */
		map(2 * M2 - 2 * K64, 0x4000000 + 5 * K64, 4 * K64, RW);
		expect(0, 4, 0);
		clear_all();
		/* By lists of pieces, too. */
		map(0, 0x1000, K4, RW);
		{
			const struct iommu_map_piece pieces[] = {{0x5010000 + 8 * K4, 40 * K4}};

			assert_int_equal(ops->map_pieces(&pt, 8 * K4, pieces, 1, RW, &mapped), 1);
			expect(1 + 8, 2, 0);
		}
		/* A host without the size has none. */
		clear_all();
		assert_int_equal(ops->set_pgsizes(&pt, LARGE_SIZES), 0);
		map(M2, 4 * M2 + K64, M2 - K64, RW);
		expect(512 - 16, 0, 0);
		assert_int_equal(ops->set_pgsizes(&pt, ALL_SIZES), 0);
		map(8 * M2, K64, K64, RW);
		assert_int_equal(ops->set_pgsizes(&pt, LARGE_SIZES), IOMMU_EBUSY);
	}
	end();
}

static void a_run_is_one_page(void **state)
{
	unsigned int i, page;

	(void)state;
	FOR_EACH_STAGE(i)
	{
		struct leaves leaves;

		map(M2 + K64, 0x730000, 3 * K64, RW);
		for (page = 0; page < 16; page++) {
			const iommu_iova_t iova = M2 + 2 * K64 + page * K4;

			/* Whatever part is asked for, the run is visited, once, from its start. */
			leaves = leaves_in(iova, iova + K4 - 1);
			assert_int_equal(leaves.runs, 1);
			assert_int_equal(leaves.single, 0);
			assert_int_equal(leaves.first, M2 + 2 * K64);
			assert_int_equal(leaves.paddr, 0x740000);
			/* And only cut on demand. */
			assert_int_equal(ops->unmap(&pt, iova, K4, 0, &gather, NULL), IOMMU_EINVAL);
			assert_false(ops->unmap_page(&pt, iova, K4));
			assert_false(ops->map_page(&pt, iova, 0, K4, RW));
			assert_int_equal(ops->map(&pt, iova, 0, K4, RW, &gather, &mapped),
					 IOMMU_EEXIST);
		}
		leaves = leaves_in(M2 + 2 * K64 - 1, M2 + 3 * K64);
		assert_int_equal(leaves.runs, 3);
		assert_true(iommu_gather_is_empty(&gather));
		/* Refused at one end, at the other, and by a range with more in it. */
		assert_int_equal(ops->unmap(&pt, M2 + K64, K64 + K4, 0, &gather, NULL),
				 IOMMU_EINVAL);
		assert_int_equal(ops->unmap(&pt, M2 + K64 + K4, 2 * K64 - K4, 0, &gather, NULL),
				 IOMMU_EINVAL);
		assert_int_equal(ops->unmap(&pt, 0, M2 + K64 + K4, 0, &gather, NULL), IOMMU_EINVAL);
		expect(0, 3, 0);
		assert_int_equal(ops->unmap(&pt, M2 + 2 * K64, K64, 0, &gather, &mapped), 0);
		assert_int_equal(mapped, K64);
		assert_int_equal(gather.start, M2 + 2 * K64);
		assert_int_equal(gather.last, M2 + 3 * K64 - 1);
		expect(0, 2, 0);
	}
	end();
}

/* Every part of a run: what is left are single pages, and the gather covers all of it. */
static void a_run_is_cut_into_pages(void **state)
{
	unsigned int i, first, count, page;

	(void)state;
	FOR_EACH_STAGE(i)
	for (first = 0; first < 16; first++)
		for (count = 1; count <= 16 - first; count++) {
			const iommu_iova_t run = M2 + K64;

			if (count == 16)
				continue;
			map(M2, 0x720000, 3 * K64, RW);
			assert_int_equal(ops->unmap(&pt, run + first * K4, count * K4,
						    IOMMU_UNMAP_SPLIT, &gather,
						    (first & 1) != 0 ? NULL : &mapped),
					 0);
			if ((first & 1) == 0)
				assert_int_equal(mapped, count * K4);
			assert_int_equal(gather.start, run);
			assert_int_equal(gather.last, run + K64 - 1);
			expect(16 - count, 2, 0);
			for (page = 0; page < 16; page++)
				if (page >= first && page < first + count)
					assert_false(is_mapped(run + page * K4));
				else
					assert_int_equal(look_up(run + page * K4 + 9),
							 0x730000 + page * K4 + 9);
			clear_all();
		}
	end();
}

static void a_large_page_is_cut_into_runs(void **state)
{
	unsigned int i;

	(void)state;
	FOR_EACH_STAGE(i)
	{
		map(M2, 4 * M2, M2, RW);
		assert_int_equal(
			ops->unmap(&pt, M2 + 5 * K64, K64, IOMMU_UNMAP_SPLIT, &gather, NULL), 0);
		expect(0, 31, 0);
		clear_all();
		map(M2, 4 * M2, M2, RW);
		assert_int_equal(
			ops->unmap(&pt, M2 + 5 * K64, K4, IOMMU_UNMAP_SPLIT, &gather, NULL), 0);
		expect(15, 31, 0);
		/* Beforehand: to runs, and these to pages. What is smaller stays. */
		clear_all();
		map(0, 0, M2, RW);
		map(2 * M2, 0x1000, K4, RW);
		assert_int_equal(ops->split(&pt, 0, 4 * M2, K64, &gather), 0);
		expect(1, 32, 0);
		ops->free_gathered(&pt, &gather);
		assert_int_equal(ops->split(&pt, K4, K64, K4, &gather), 0);
		expect(1 + 32, 30, 0);
		assert_int_equal(gather.start, 0);
		assert_int_equal(gather.last, 2 * K64 - 1);
		ops->free_gathered(&pt, &gather);
		assert_int_equal(ops->split(&pt, 0, 4 * M2, M2, &gather), 0);
		assert_true(iommu_gather_is_empty(&gather));
		assert_int_equal(ops->split(&pt, 0, 4 * M2, K4, &gather), 0);
		expect(1 + 512, 0, 0);
		assert_int_equal(look_up(M2 - 1), M2 - 1);
	}
	end();
}

/* --- Tables of others ------------------------------------------------------------------------- */

static int clone_to(struct iommu_pgtable *copy, unsigned int flags)
{
	struct iommu_pgtable_config config = config_of(ops, pt.levels);

	config.flags = flags;
	config.output_bits = 46;
	assert_int_equal(ops->init(copy, &config), 0);
	return ops->clone(copy, iommu_pgtable_root(&pt), NULL, NULL);
}

static void foreign_tables_are_checked(void **state)
{
	static const struct {
		uint64_t entry;
		unsigned int level;
		bool of_second; /* bad there alone */
	} bad[] = {
		{RISCV_PTE_WRITE | 0x411, 1, false},   /* write without read */
		{RISCV_PTE_EXECUTE | 0x411, 1, false}, /* execute alone */
		{RISCV_PTE_PBMT | 0x41f, 1, false},    /* a fourth type */
		{1ULL << 54 | 0x41f, 1, false},        /* reserved bits */
		{1ULL << 58 | 0x41f, 1, false},
		{1ULL << 60 | 0x41f, 1, false},
		{1ULL << 50 | 0x1f, 1, false},                   /* too wide an address */
		{RISCV_PTE_NAPOT | 0x1e01f | 4 << 10, 1, false}, /* a size that is none */
		{RISCV_PTE_NAPOT | 0x1c01f | 7 << 10, 1, false},
		{RISCV_PTE_NAPOT | 0x20201f, 2, false}, /* a run of large pages */
		{0x40041f, 2, false},                   /* a page at an odd place */
		{0x401, 1, false},                      /* a table below the lowest */
		{RISCV_PTE_ACCESSED | 0x401, 2, false}, /* a table with A */
		{RISCV_PTE_USER | 0x401, 3, false},
		{RISCV_PTE_NAPOT | 0x401, 2, false},
		{0x40f, 1, true}, /* not a user's */
	};
	unsigned int stage, i;

	(void)state;
	for (stage = 0; stage < 2; stage++) {
		begin(stages[stage], 4, 0);
		map(0, 0x1000, K4, RW);
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct iommu_pgtable copy;
			uint64_t *entry = &entry_at(0, bad[i].level)[5];
			const bool is_good = bad[i].of_second && stage == 0;

			*entry = iommu_le64(bad[i].entry);
			assert_int_equal(clone_to(&copy, IOMMU_PGTABLE_MEMORY_TYPES),
					 is_good ? 0 : IOMMU_EINVAL);
			if (is_good)
				ops->destroy(&copy);
			*entry = 0;
		}
		end();
	}
}

/* Types are taken over where the unit has them; G of the second stage says nothing. */
static void foreign_bits_are_left_out(void **state)
{
	struct iommu_pgtable copy;
	unsigned int i, prot;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(stages[i], 4, 0);
		map(0, 0x1000, K4, RW);
		*entry_at(0x1000, 1) =
			iommu_le64(RISCV_PTE_IO | RISCV_PTE_SOFTWARE | RISCV_PTE_GLOBAL | 0x8df);
		*entry_at(0x2000, 1) = iommu_le64(RISCV_PTE_NC | 0xc1f);
		assert_int_equal(clone_to(&copy, 0), IOMMU_EINVAL);
		assert_int_equal(clone_to(&copy, IOMMU_PGTABLE_MEMORY_TYPES), 0);
		assert_int_equal(ops->iova_to_phys(&copy, 0x1000, NULL, &prot), 0);
		assert_int_equal(prot, RW | IOMMU_PROT_MMIO);
		assert_int_equal(ops->iova_to_phys(&copy, 0x2000, NULL, &prot), 0);
		assert_int_equal(prot, RW);
		ops->destroy(&copy);
		end();
	}
}

/* A run that is whole, and one that its owner had half rewritten: each entry for its own page. */
static void foreign_runs_are_taken_over_by_pages(void **state)
{
	unsigned int i, page;

	(void)state;
	FOR_EACH_STAGE(i)
	{
		struct iommu_pgtable copy, ours;
		iommu_paddr_t paddr;

		map(M2, 0x700000, 2 * K64, RW);
		map(pt.aperture_last + 1 - K4, 0x5000, K4, IOMMU_PROT_READ);
		for (page = 3; page < 7; page++)
			*entry_at(M2 + page * K4, 1) = page == 4 ? 0 : iommu_le64(0x41f);
		assert_int_equal(clone_to(&copy, 0), 0);
		for (page = 0; page < 32; page++) {
			const int status =
				ops->iova_to_phys(&copy, M2 + page * K4 + 1, &paddr, NULL);

			assert_int_equal(status, page == 4 ? IOMMU_ENOENT : 0);
			if (status == 0)
				assert_int_equal(paddr, page >= 3 && page < 7
								? 0x1001
								: 0x700001 + page * K4);
		}
		/* Nothing that is left is a run: any part goes alone. */
		ours = pt;
		pt = copy;
		expect(31 + 1, 0, 0);
		assert_int_equal(ops->unmap(&pt, M2 + 17 * K4, K4, 0, &gather, NULL), 0);
		ops->free_gathered(&pt, &gather);
		ops->destroy(&pt);
		pt = ours;
	}
	end();
}

/* --- The suite -------------------------------------------------------------------------------- */

static struct pgtable_suite_format fs_3_levels = {&iommu_riscvfs_ops, 3, 38, LARGE_SIZES, 1, 0, 0};
static struct pgtable_suite_format fs_4_levels = {&iommu_riscvfs_ops, 4, 47, LARGE_SIZES, 1, 0, 0};
static struct pgtable_suite_format fs_5_levels = {&iommu_riscvfs_ops, 5, 56, LARGE_SIZES, 1, 0, 0};
static struct pgtable_suite_format ss_3_levels = {&iommu_riscvss_ops, 3, 41, LARGE_SIZES, 4, 0, 0};
static struct pgtable_suite_format ss_4_levels = {&iommu_riscvss_ops, 4, 50, LARGE_SIZES, 4, 0, 0};
static struct pgtable_suite_format ss_5_levels = {&iommu_riscvss_ops, 5, 59, LARGE_SIZES, 4, 0, 0};
static struct pgtable_suite_format fs_runs = {&iommu_riscvfs_ops, 4, 47, ALL_SIZES, 1, 0, 0};
static struct pgtable_suite_format ss_runs = {&iommu_riscvss_ops, 3, 41, ALL_SIZES, 4, 0, 0};

#define WITH(test, format)                                                                         \
	{                                                                                          \
#test " (" #format ")", test, suite_setup, suite_teardown, &format                 \
	}
#define WITHOUT_RUNS(test)                                                                         \
	WITH(test, fs_3_levels), WITH(test, fs_4_levels), WITH(test, fs_5_levels),                 \
		WITH(test, ss_3_levels), WITH(test, ss_4_levels), WITH(test, ss_5_levels)
#define AT_EVERY_DEPTH(test) WITHOUT_RUNS(test), WITH(test, fs_runs), WITH(test, ss_runs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_EVERY_DEPTH(suite_arguments),
		AT_EVERY_DEPTH(suite_ends_of_the_aperture),
		AT_EVERY_DEPTH(suite_largest_pages_are_used),
		AT_EVERY_DEPTH(suite_mapped_range_is_refused),
		AT_EVERY_DEPTH(suite_empty_table_gives_way),
		WITHOUT_RUNS(
			suite_cut_is_refused_or_split), /* it counts pages of the smallest size */
		AT_EVERY_DEPTH(suite_tables_wait_in_the_gather),
		AT_EVERY_DEPTH(suite_unmap_skips_holes),
		AT_EVERY_DEPTH(suite_each_allocation_fails_in_turn),
		AT_EVERY_DEPTH(suite_page_budget),
		AT_EVERY_DEPTH(suite_tables_out_of_reach),
		AT_EVERY_DEPTH(suite_walk_order_and_stop),
		AT_EVERY_DEPTH(suite_noncoherent_walker_sees_no_garbage),
		AT_EVERY_DEPTH(suite_two_tables_are_independent),
		AT_EVERY_DEPTH(suite_one_page_alone),
		AT_EVERY_DEPTH(suite_pieces_alone),
		AT_EVERY_DEPTH(suite_pieces_at_the_end_of_a_table),
		AT_EVERY_DEPTH(suite_what_is_not_mapped_can_be_filled),
		cmocka_unit_test(configurations_that_do_not_fit_are_refused),
		cmocka_unit_test(entries_have_the_bits_of_the_specification),
		cmocka_unit_test(the_largest_pages_are_those_of_the_root),
		cmocka_unit_test(what_is_asked_for_is_told_again),
		cmocka_unit_test(the_second_stage_has_a_wide_root),
		cmocka_unit_test(the_budget_counts_the_root_as_four),
		cmocka_unit_test(the_first_stage_has_two_halves),
		cmocka_unit_test(hardware_is_given_the_table),
		cmocka_unit_test(runs_are_made_where_they_fit),
		cmocka_unit_test(a_run_is_one_page),
		cmocka_unit_test(a_run_is_cut_into_pages),
		cmocka_unit_test(a_large_page_is_cut_into_runs),
		cmocka_unit_test(foreign_tables_are_checked),
		cmocka_unit_test(foreign_bits_are_left_out),
		cmocka_unit_test(foreign_runs_are_taken_over_by_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
