/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The format of the AMD IOMMU's host tables: the behaviour suite at each depth, with pages of all
 * sizes and with those of the levels alone; the bits; runs of every size: made where they fit, seen
 * as one page, cut without a wrong translation in between, with what hardware noted in any of their
 * entries; tables of other owners, which skip levels and restrict what is below them.
 */
#include <string.h>

#include <libiommu/hw/amdvi_page_table.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "amdv1_reference.h"
#include "base/byteorder.h"
#include "pgtable_suite.h"
#include "test.h"

#define LEVEL_SIZES (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define ALL_SIZES   0x7ffffff000ULL /* up to 256G */
#define RW          IOMMU_PROT_READ_WRITE
#define K4          IOMMU_SIZE_4K
#define M2          IOMMU_SIZE_2M
#define G1          IOMMU_SIZE_1G

static struct test_platform test;
static const struct iommu_pgtable_ops *const ops = &iommu_amdv1_ops;
static struct iommu_pgtable pt;
static struct iommu_gather gather;
static uint64_t mapped;

static struct iommu_pgtable_config config_of(unsigned int levels)
{
	return (struct iommu_pgtable_config){
		.platform = &test.platform,
		.levels = levels,
		.input_bits = levels == 6 ? 64 : 12 + 9 * levels,
		.output_bits = 52,
		.pgsize_bitmap = ALL_SIZES,
		.node = IOMMU_NODE_ANY,
	};
}

static void begin_with(const struct iommu_pgtable_config *config)
{
	assert_int_equal(ops->init(&pt, config), 0);
	iommu_gather_init(&gather);
}

static void begin(unsigned int levels, unsigned int flags)
{
	struct iommu_pgtable_config config;

	test_platform_init(&test, 1 << 22, 0x12340000);
	config = config_of(levels);
	config.flags = flags;
	begin_with(&config);
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

static int unmap(iommu_iova_t iova, uint64_t size, unsigned int flags)
{
	return ops->unmap(&pt, iova, size, flags, &gather, &mapped);
}

/* The entry of a level for an address; NULL: nothing leads there. */
static uint64_t *entry_at(iommu_iova_t iova, unsigned int level)
{
	uint64_t *table = pt.root;
	unsigned int at;

	for (at = pt.levels;; at--) {
		uint64_t *entry = &table[iova >> (12 + 9 * (at - 1)) & 511];

		if (at == level)
			return entry;
		if ((iommu_le64(*entry) & 1) == 0 || (iommu_le64(*entry) >> 9 & 7) != at - 1)
			return NULL;
		table = iommu_phys_to_virt(&test.platform, iommu_le64(*entry) & AMDVI_PTE_ADDRESS);
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

static struct amdv1_answer hardware(iommu_iova_t iova, bool is_write)
{
	const struct amdv1_walk walk = amdv1_walk_of(&pt);

	return amdv1_reference_walk(&walk, iova, is_write);
}

/* --- Configurations, bits --------------------------------------------------------------------- */

static void configurations_that_do_not_fit_are_refused(void **state)
{
	struct iommu_pgtable_config good, config;
	unsigned int levels;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	good = config_of(4);
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(ops->init(&pt, &config), IOMMU_EINVAL)
	REFUSED(levels, 0);
	REFUSED(levels, 7);
	REFUSED(input_bits, 49);
	REFUSED(input_bits, 12);
	REFUSED(output_bits, 53);
	REFUSED(output_bits, 12);
	REFUSED(pgsize_bitmap, M2);
	REFUSED(pgsize_bitmap, 0);
	REFUSED(pgsize_bitmap, K4 | 1ULL << 52);
	REFUSED(pgsize_bitmap, K4 | 1ULL << 11);
	/* Runs whose pages are left out. */
	REFUSED(pgsize_bitmap, K4 | 4 * M2);
	REFUSED(pgsize_bitmap, K4 | M2 | 2 * G1);
	REFUSED(pgsize_bitmap, K4 | 1ULL << 51);
	REFUSED(table_order, 1);
	REFUSED(flags, IOMMU_PGTABLE_EAGER);
	REFUSED(flags, IOMMU_PGTABLE_NO_EXECUTE);
	REFUSED(flags, IOMMU_PGTABLE_GLOBAL);
	REFUSED(flags, IOMMU_PGTABLE_MEMORY_TYPES);
	REFUSED(flags, 1U << 31);
	for (levels = 1; levels <= 6; levels++) {
		config = config_of(levels);
		config.pgsize_bitmap = AMDVI_PTE_ADDRESS;
		assert_int_equal(ops->init(&pt, &config), 0);
		ops->destroy(&pt);
		config.input_bits++;
		assert_int_equal(ops->init(&pt, &config), IOMMU_EINVAL);
	}
	test_platform_destroy(&test);
	assert_string_equal(ops->name, "amdv1");
}

static void entries_have_the_bits_of_the_specification(void **state)
{
	(void)state;
	begin(4, 0);
	map(0x40000000, 0x80000000, G1, RW);
	map(0x200000, 0x400000, M2, IOMMU_PROT_READ);
	map(0x5000, 0xffffffffff000, K4, IOMMU_PROT_WRITE);
	map(0x10000, 0x70000, 0x10000, RW);
	map(0x20000, 0x82000, 0x2000, RW);
	map(0x80000000, 0x100000000, 2 * G1, RW);
	/* PR, IR and IW; NextLevel 0. */
	assert_int_equal(entry_for(0x40000000, 3), 0x6000000080000001ULL);
	assert_int_equal(entry_for(0x200000, 2), 0x2000000000400001ULL);
	assert_int_equal(entry_for(0x5000, 1), 0x400ffffffffff001ULL);
	/* NextLevel 7, and a size that the address says: in all entries alike. */
	assert_int_equal(entry_for(0x10000, 1), 0x6000000000077e01ULL);
	assert_int_equal(entry_for(0x1f000, 1), 0x6000000000077e01ULL);
	assert_int_equal(entry_for(0x20000, 1), 0x6000000000082e01ULL);
	assert_int_equal(entry_for(0x21000, 1), 0x6000000000082e01ULL);
	assert_int_equal(entry_for(0x22000, 1), 0);
	assert_int_equal(entry_for(0xc0000000, 3), 0x600000013ffffe01ULL);
	/* Tables: the level below, and all permissions. */
	assert_int_equal(entry_for(0x5000, 2) & ~AMDVI_PTE_ADDRESS, 0x6000000000000201ULL);
	assert_int_equal(entry_for(0x5000, 3) & ~AMDVI_PTE_ADDRESS, 0x6000000000000401ULL);
	assert_int_equal(entry_for(0x5000, 4) & ~AMDVI_PTE_ADDRESS, 0x6000000000000601ULL);
	end();

	/* FC; A and D: in leaves alone. */
	begin(3, IOMMU_PGTABLE_FORCE_SNOOP | IOMMU_PGTABLE_ACCESSED);
	map(0x5000, 0x1000, K4, RW);
	assert_int_equal(entry_for(0x5000, 1), 0x7000000000001061ULL);
	assert_int_equal(entry_for(0x5000, 2) & ~AMDVI_PTE_ADDRESS, 0x6000000000000201ULL);
	assert_int_equal(ops->read_dirty(&pt, 0, K4, 0, NULL, &gather), IOMMU_EOPNOTSUPP);
	end();
}

static void what_is_asked_for_is_told_again(void **state)
{
	unsigned int prot, told;

	(void)state;
	begin(4, 0);
	for (prot = 1; prot <= 3; prot++) {
		const iommu_iova_t iova = prot * M2;

		map(iova, 0x1000, K4, prot);
		map(iova + 0x10000, 0x40000, 0x8000, prot);
		assert_int_equal(ops->iova_to_phys(&pt, iova, NULL, &told), 0);
		assert_int_equal(told, prot);
		assert_int_equal(unmap(iova + 0x11000, K4, IOMMU_UNMAP_SPLIT), 0);
		assert_int_equal(ops->iova_to_phys(&pt, iova + 0x17000, NULL, &told), 0);
		assert_int_equal(told, prot);
		assert_int_equal(hardware(iova, true).fault, (prot & IOMMU_PROT_WRITE) != 0
								     ? AMDV1_NO_FAULT
								     : AMDV1_NOT_PERMITTED);
		assert_int_equal(hardware(iova, false).fault, (prot & IOMMU_PROT_READ) != 0
								      ? AMDV1_NO_FAULT
								      : AMDV1_NOT_PERMITTED);
	}
	assert_int_equal(ops->map(&pt, 0, 0, K4, RW | IOMMU_PROT_NO_EXEC, &gather, &mapped),
			 IOMMU_EINVAL);
	end();
}

/* --- Shapes ----------------------------------------------------------------------------------- */

/* Every depth up to its last address; of six levels the last there is. */
static void all_depths_have_all_their_addresses(void **state)
{
	unsigned int levels;

	(void)state;
	for (levels = 1; levels <= 6; levels++) {
		begin(levels, 0);
		assert_int_equal(pt.aperture_last,
				 levels == 6 ? UINT64_MAX : (1ULL << (12 + 9 * levels)) - 1);
		map(pt.aperture_last - (K4 - 1), 0x7000, K4, RW);
		map(0, 0x10000, 2 * K4, RW);
		assert_int_equal(pt.pages, levels == 1 ? 1 : 2 * levels - 1);
		assert_int_equal(look_up(pt.aperture_last), 0x7fff);
		assert_int_equal(hardware(pt.aperture_last, true).pa, 0x7fff);
		assert_int_equal(hardware(0x1234, true).pa, 0x11234);
		assert_int_equal(hardware(0x1234, true).size, 2 * K4);
		assert_int_equal(hardware(0x2000, true).fault, AMDV1_NOT_PRESENT);
		if (levels < 6) {
			assert_int_equal(hardware(pt.aperture_last + 1, true).fault,
					 AMDV1_TOO_WIDE);
			assert_int_equal(
				ops->map(&pt, pt.aperture_last + 1, 0, K4, RW, &gather, &mapped),
				IOMMU_ERANGE);
		}
		assert_int_equal(unmap(pt.aperture_last - (K4 - 1), K4, 0), 0);
		assert_int_equal(mapped, K4);
		assert_false(is_mapped(pt.aperture_last));
		end();
	}
}

/* Pages of the highest levels, and the runs of these. */
static void the_largest_pages(void **state)
{
	const uint64_t t256 = 1ULL << 48, g512 = 1ULL << 39;
	struct iommu_pgtable_config config;

	(void)state;
	test_platform_init(&test, 1 << 22, 0x12340000);
	config = config_of(6);
	config.pgsize_bitmap = AMDVI_PTE_ADDRESS;
	begin_with(&config);
	map(8 * t256, 8 * t256, 8 * t256, RW);
	map(t256, 2 * t256, t256, RW);
	map(g512, 5 * g512, g512, RW);
	map(4 * g512, 8 * g512, 4 * g512, RW);
	assert_int_equal(entry_for(t256, 5), 0x6002000000000001ULL);
	assert_int_equal(entry_for(8 * t256, 5), 0x600bfffffffffe01ULL);
	assert_int_equal(entry_for(15 * t256, 5), 0x600bfffffffffe01ULL);
	assert_int_equal(entry_for(4 * g512, 4), 0x600004fffffffe01ULL);
	assert_int_equal(hardware(16 * t256 - 1, true).pa, 16 * t256 - 1);
	assert_int_equal(hardware(16 * t256 - 1, true).size, 8 * t256);
	assert_int_equal(look_up(8 * g512 - 1), 12 * g512 - 1);
	assert_int_equal(pt.pages, 3);
	/* Cut down to the smallest, level by level. */
	assert_int_equal(unmap(9 * t256 + 5 * K4, K4, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(9 * t256 + 5 * K4, K4, IOMMU_UNMAP_SPLIT), 0);
	assert_int_equal(gather.start, 8 * t256);
	assert_int_equal(gather.last, 16 * t256 - 1);
	assert_false(is_mapped(9 * t256 + 5 * K4));
	assert_int_equal(look_up(9 * t256 + 6 * K4 + 7), 9 * t256 + 6 * K4 + 7);
	assert_int_equal(hardware(9 * t256 + 6 * K4, false).size, K4);
	assert_int_equal(hardware(15 * t256, false).size, t256);
	assert_int_equal(hardware(9 * t256 + t256 / 2, false).size, t256 / 2);
	end();
}

/* A root more, a root less: as hardware finds them. */
static void levels_come_and_go(void **state)
{
	struct amdv1_walk walk;
	unsigned int level;
	void *top[7];

	(void)state;
	begin(2, 0);
	map(M2 - K4, 0x5000, K4, RW);
	top[2] = pt.root;
	for (level = 3; level <= 6; level++) {
		assert_int_equal(ops->extend(&pt, top[level - 1], &top[level]), 0);
		walk = amdv1_walk_of(&pt);
		walk.mode = level;
		walk.root = iommu_virt_to_phys(&test.platform, top[level]);
		assert_int_equal(amdv1_reference_walk(&walk, M2 - 1, true).pa, 0x5fff);
		assert_int_equal(amdv1_reference_walk(&walk, M2, true).fault, AMDV1_NOT_PRESENT);
	}
	assert_int_equal(ops->extend(&pt, top[6], &top[0]), IOMMU_EINVAL);
	for (level = 6; level >= 3; level--)
		ops->free_top(&pt, top[level], level);
	/* A page in an entry of the root but the first is in the way, and one in the first. */
	map(2 * M2, 0, M2, RW);
	assert_int_equal(ops->trim(&pt, &top[0]), IOMMU_EBUSY);
	assert_int_equal(unmap(2 * M2, M2, 0), 0);
	assert_int_equal(ops->trim(&pt, &top[0]), 0);
	assert_int_equal(pt.levels, 1);
	assert_int_equal(pt.aperture_last, M2 - 1);
	assert_int_equal(hardware(M2 - 1, true).pa, 0x5fff);
	assert_int_equal(ops->trim(&pt, &top[1]), IOMMU_EINVAL);
	ops->free_top(&pt, top[0], 2);
	end();

	begin(2, 0);
	map(0, 0, M2, RW);
	assert_int_equal(ops->trim(&pt, &top[0]), IOMMU_EINVAL);
	assert_int_equal(unmap(0, M2, 0), 0);
	assert_int_equal(ops->trim(&pt, &top[0]), 0);
	ops->free_top(&pt, top[0], 2);
	end();
}

/* --- Runs ------------------------------------------------------------------------------------- */

struct leaves {
	unsigned int count;
	uint64_t sizes, bytes;
};

static int count_size(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct leaves *leaves = ctx;

	if (visit->is_table)
		return 0;
	assert_int_equal((visit->iova | visit->paddr) % visit->size, 0);
	leaves->count++;
	leaves->sizes |= visit->size;
	leaves->bytes += visit->size;
	return 0;
}

static struct leaves leaves_in(iommu_iova_t start, iommu_iova_t last)
{
	struct leaves leaves = {0};

	assert_int_equal(ops->walk(&pt, start, last, count_size, &leaves), 0);
	return leaves;
}

static void clear_all(void)
{
	assert_int_equal(unmap(0, pt.aperture_last + 1, 0), 0);
	ops->free_gathered(&pt, &gather);
}

/* The pages that a range needs, by their number: the largest that fit, one behind the other. */
static unsigned int pages_planned(iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size)
{
	unsigned int pages = 0;

	while (size != 0) {
		uint64_t pgsize, count;

		assert_int_equal(iommu_pgsize(ALL_SIZES, iova, paddr, size, &pgsize, &count), 0);
		pages += (unsigned int)count;
		iova += pgsize * count;
		paddr += pgsize * count;
		size -= pgsize * count;
	}
	return pages;
}

/* Every range of up to 80 pages, at every place of a small run, and of memory. */
static void runs_are_made_where_they_fit(void **state)
{
	unsigned int start, pages, off, page;

	(void)state;
	begin(4, 0);
	for (start = 0; start < 32; start++)
		for (pages = 1; pages <= 80; pages++)
			for (off = 0; off <= 64; off = off == 0 ? 1 : off * 2) {
				const iommu_iova_t iova = M2 + start * K4;
				const iommu_paddr_t paddr = 0x4000000 + (start + off) * K4;
				const uint64_t size = pages * K4;
				const struct leaves none = leaves_in(0, pt.aperture_last);
				struct leaves leaves;

				assert_int_equal(none.count, 0);
				map(iova, paddr, size, RW);
				leaves = leaves_in(0, pt.aperture_last);
				assert_int_equal(leaves.count, pages_planned(iova, paddr, size));
				assert_int_equal(leaves.bytes, size);
				for (page = 0; page < pages; page += 7)
					assert_int_equal(hardware(iova + page * K4 + 5, true).pa,
							 paddr + page * K4 + 5);
				assert_false(is_mapped(iova + size));
				assert_int_equal(unmap(iova, size, 0), 0);
				assert_int_equal(mapped, size);
			}
	clear_all();
	/* By lists of pieces, too. */
	map(0, 0x1000, K4, RW);
	{
		const struct iommu_map_piece pieces[] = {{0x5040000 + 8 * K4, 40 * K4}};

		assert_int_equal(ops->map_pieces(&pt, 8 * K4, pieces, 1, RW, &mapped), 1);
		/* 8, 16, 16 pages. */
		assert_int_equal(leaves_in(K4, M2 - 1).count, 3);
		assert_int_equal(leaves_in(K4, M2 - 1).sizes, 24 * K4);
	}
	clear_all();
	/* Only of the sizes that the host has. */
	assert_int_equal(ops->set_pgsizes(&pt, LEVEL_SIZES | 0x10000), 0);
	map(M2, 4 * M2 + 0x10000, M2 - 0x10000, RW);
	assert_int_equal(leaves_in(0, 4 * M2).sizes, 0x10000);
	assert_int_equal(ops->set_pgsizes(&pt, LEVEL_SIZES), IOMMU_EBUSY);
	end();
}

/* A run of each size, at the first and at the second level, whole and cut at every end. */
static void runs_of_every_size_are_cut(void **state)
{
	unsigned int shift, cut;

	(void)state;
	begin(4, 0);
	for (shift = 13; shift <= 28; shift++)
		for (cut = 0; cut < 4; cut++) {
			const uint64_t size = 1ULL << shift, own = shift < 21 ? K4 : M2;
			const iommu_iova_t iova = G1 + size;
			const iommu_paddr_t paddr = 8 * G1 + size;
			const iommu_iova_t from = cut % 2 == 0 ? iova : iova + size - own;
			const uint64_t gone = cut < 2 ? own : size / 2;
			const iommu_iova_t start = cut < 2 || cut == 2 ? from : iova + size / 2;

			if (shift == 21)
				continue;
			map(iova, paddr, size, RW);
			assert_int_equal(leaves_in(iova + size / 2, iova + size / 2).sizes, size);
			assert_int_equal(hardware(iova + size - 1, true).size, size);
			assert_int_equal(unmap(start, gone, 0), IOMMU_EINVAL);
			assert_int_equal(ops->map(&pt, start, 0, gone, RW, &gather, &mapped),
					 IOMMU_EEXIST);
			assert_false(own == K4 && ops->unmap_page(&pt, start, K4));
			assert_int_equal(leaves_in(0, pt.aperture_last).count, 1);
			assert_int_equal(unmap(start, gone, IOMMU_UNMAP_SPLIT), 0);
			assert_int_equal(mapped, gone);
			/* What is left are pages of the level's own size; all of it was cached. */
			assert_int_equal(leaves_in(0, pt.aperture_last).sizes, own);
			assert_int_equal(leaves_in(0, pt.aperture_last).bytes, size - gone);
			assert_int_equal(gather.start, iova);
			assert_int_equal(gather.last, iova + size - 1);
			assert_true(gather.pgsize <= own);
			assert_int_equal(is_mapped(iova), start != iova);
			if (start != iova)
				assert_int_equal(hardware(iova + 5, true).pa, paddr + 5);
			if (start + gone != iova + size)
				assert_int_equal(hardware(iova + size - 1, true).pa,
						 paddr + size - 1);
			clear_all();
		}
	end();
}

/* Boundaries between runs of different sizes cut none of them. */
static void runs_beside_each_other_go_alone(void **state)
{
	static const uint64_t sizes[] = {K4, K4, 2 * K4, 4 * K4, 8 * K4, 0x10000, 0x20000};
	unsigned int i, round;

	(void)state;
	begin(4, 0);
	for (round = 0; round < 7; round++) {
		iommu_iova_t iova = M2;

		map(M2, 4 * M2, 0x40000, RW);
		assert_int_equal(leaves_in(0, G1).count, 1);
		clear_all();
		for (i = 0; i < 7; i++) {
			map(iova, 4 * M2 + (iova - M2), sizes[i], RW);
			iova += sizes[i];
		}
		assert_int_equal(leaves_in(0, G1).count, 7);
		for (iova = M2, i = 0; i < round; i++)
			iova += sizes[i];
		assert_int_equal(unmap(iova, sizes[round], 0), 0);
		assert_int_equal(mapped, sizes[round]);
		assert_int_equal(leaves_in(0, G1).count, 6);
		clear_all();
		/* The same of the second level: a boundary that is that of its pages. */
		map(4 * M2, 4 * M2, 4 * M2, RW);
		map(8 * M2, 8 * M2, 8 * M2, RW);
		map(2 * M2, 2 * M2, 2 * M2, RW);
		assert_int_equal(unmap(4 * M2, 12 * M2, 0), 0);
		assert_int_equal(leaves_in(0, G1).count, 1);
		clear_all();
	}
	end();
}

static void pages_are_split_beforehand(void **state)
{
	(void)state;
	begin(4, 0);
	map(0, 0, 4 * M2, RW);
	map(G1, G1, M2 / 2, RW);
	map(2 * G1, 4 * G1, K4, RW);
	/* Nothing is larger than it may be; runs become the pages of their level. */
	assert_int_equal(ops->split(&pt, 0, 3 * G1, 2 * M2, &gather), 0);
	assert_int_equal(leaves_in(0, G1 - 1).sizes, M2);
	assert_int_equal(leaves_in(G1, 2 * G1 - 1).sizes, M2 / 2);
	ops->free_gathered(&pt, &gather);
	assert_int_equal(ops->split(&pt, 0, 3 * G1, 0x10000, &gather), 0);
	assert_int_equal(leaves_in(0, pt.aperture_last).sizes, K4);
	assert_int_equal(look_up(4 * M2 - 1), 4 * M2 - 1);
	ops->free_gathered(&pt, &gather);
	assert_int_equal(ops->split(&pt, 0, 3 * G1, K4, &gather), 0);
	assert_true(iommu_gather_is_empty(&gather));
	end();
}

/* --- What hardware notes ---------------------------------------------------------------------- */

#define PAGES 1024

static void device_writes(iommu_iova_t iova)
{
	struct amdv1_walk walk = amdv1_walk_of(&pt);

	walk.notes = true;
	assert_int_equal(amdv1_reference_walk(&walk, iova, true).fault, AMDV1_NO_FAULT);
}

/*
 * Pages of every size side by side, some of them written, in any of their entries: all of these are
 * found, and no other; once.
 */
static void writes_are_found_in_runs_of_every_size(void **state)
{
	struct test_random random = {.state = 12};
	uint64_t words[PAGES / 64];
	const struct iommu_dirty_bitmap bitmap = {words, 0, PAGES, 12};
	bool written[PAGES];
	unsigned int round, i, page;

	(void)state;
	for (round = 0; round < 400; round++) {
		begin(3, 0);
		memset(written, 0, sizeof(written));
		for (page = 0; page < PAGES;) {
			const uint64_t bits = test_random_below(&random, 10);
			unsigned int size = 1U << bits;

			while (page % size != 0 || page + size > PAGES)
				size /= 2;
			map(page * K4, G1 + page * K4, size * K4, RW);
			/* Most are clean: in rows, for there are ways of their own for those. */
			if (test_random_below(&random, 3 + round % 9) == 0) {
				const uint64_t at = page + test_random_below(&random, size);

				device_writes(at * K4 + 5);
				for (i = page; i < page + size; i++)
					written[i] = true;
			}
			page += size;
		}
		memset(words, 0, sizeof(words));
		assert_int_equal(ops->read_dirty(&pt, 0, PAGES * K4, 0, &bitmap, &gather), 0);
		for (i = 0; i < PAGES; i++)
			assert_int_equal(words[i / 64] >> i % 64 & 1, written[i]);
		memset(words, 0, sizeof(words));
		assert_int_equal(ops->read_dirty(&pt, 0, PAGES * K4, 0, &bitmap, &gather), 0);
		for (i = 0; i < PAGES / 64; i++)
			assert_int_equal(words[i], 0);
		end();
	}
}

/* --- Tables of others ------------------------------------------------------------------------- */

static int clone_to(struct iommu_pgtable *copy, unsigned int levels)
{
	struct iommu_pgtable_config config = config_of(levels);

	config.output_bits = 46;
	assert_int_equal(ops->init(copy, &config), 0);
	return ops->clone(copy, iommu_pgtable_root(&pt), NULL, NULL);
}

static void foreign_tables_are_checked(void **state)
{
	static const struct {
		uint64_t entry;
		unsigned int level;
	} bad[] = {
		{0x6010000000001001, 1}, /* reserved bits */
		{0x6100000000001001, 1},
		{0x6200000000001001, 1},
		{0x6000400000001001, 1}, /* too wide an address */
		{0x6000000000100001, 2}, /* a page at an odd place */
		{0x6000000000000201, 1}, /* a table of the own level, and of a higher one */
		{0x6000000000000601, 2},
		{0x6000000000000c01, 4},
		{0x6800000000001201, 2}, /* a table with U, and with FC */
		{0x7000000000001201, 2},
		{0x6000000000000e01, 2},             /* 8K above the lowest level */
		{0x60000000000ffe01, 1},             /* 2M in the lowest, coded */
		{0x60000000001ffe01, 1},             /* 4M there */
		{0x60000000000ffe01, 2},             /* 2M in the second, coded */
		{0x600000001ffffe01, 2},             /* 1G there */
		{0x6000000000000001, 4},             /* 512G, which the table has not */
		{0x600fffffffffffff & ~0x1feULL, 3}, /* no size at all */
	};
	struct iommu_pgtable copy;
	unsigned int i;

	(void)state;
	begin(5, 0);
	map(0, 0x1000, K4, RW);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t *entry = &entry_at(0, bad[i].level)[5];

		*entry = iommu_le64(bad[i].entry);
		assert_int_equal(clone_to(&copy, 5), IOMMU_EINVAL);
		*entry = 0;
	}
	assert_int_equal(clone_to(&copy, 5), 0);
	ops->destroy(&copy);
	end();
}

/* What software may use, and hardware notes, is not copied; nor is a leaf without access. */
static void foreign_bits_are_left_out(void **state)
{
	struct iommu_pgtable copy;
	unsigned int prot;

	(void)state;
	begin(4, 0);
	map(0, 0x1000, K4, RW);
	*entry_at(0x1000, 1) = iommu_le64(0xf80000000000219f | 0x60);
	*entry_at(0x2000, 1) = iommu_le64(0x3001);
	assert_int_equal(clone_to(&copy, 4), 0);
	assert_int_equal(ops->iova_to_phys(&copy, 0x1000, NULL, &prot), 0);
	assert_int_equal(prot, RW);
	assert_int_equal(ops->iova_to_phys(&copy, 0x2000, NULL, NULL), IOMMU_ENOENT);
	ops->destroy(&copy);
	end();
}

/*
 * Tables that skip levels, from any level to any lower one, with what they allow: the copy leads
 * where hardware goes, has no other address, and can be used on.
 */
static void skipped_levels_are_made(void **state)
{
	unsigned int from, to, access;

	(void)state;
	for (from = 2; from <= 6; from++)
		for (to = 1; to < from; to++)
			for (access = 0; access <= 3; access++) {
				const iommu_iova_t base =
					from == 6 ? 3ULL << 57 : 3ULL << (12 + 9 * (from - 1));
				const bool reads = (access & 1) != 0, writes = (access & 2) != 0;
				struct iommu_pgtable copy, theirs;
				iommu_paddr_t paddr = 0;
				unsigned int prot = 0;
				uint64_t *skipped;

				begin(from, 0);
				/* A table of level `to`, with all above it, at address 0. */
				map(0x5000, 0x7000, K4, RW);
				map(0x8000, 0x18000, 2 * K4, RW);
				skipped = iommu_phys_to_virt(&test.platform,
							     entry_for(0x5000, to + 1) &
								     AMDVI_PTE_ADDRESS);
				*entry_at(base, from) = iommu_le64(
					amdvi_pte_table(iommu_virt_to_phys(&test.platform, skipped),
							to) &
					~((reads ? 0 : AMDVI_PTE_READ) |
					  (writes ? 0 : AMDVI_PTE_WRITE)));
				assert_int_equal(hardware(base + 0x5123, false).fault,
						 reads ? AMDV1_NO_FAULT : AMDV1_NOT_PERMITTED);
				if (to + 1 < from)
					assert_int_equal(
						hardware(base + (1ULL << (12 + 9 * to)), false)
							.fault,
						AMDV1_SKIPPED);
				assert_int_equal(clone_to(&copy, from), 0);
				assert_int_equal(
					ops->iova_to_phys(&copy, base + 0x5123, &paddr, &prot),
					access != 0 ? 0 : IOMMU_ENOENT);
				if (access != 0) {
					assert_int_equal(paddr, 0x7123);
					assert_int_equal(prot, access);
				}
				assert_int_equal(ops->iova_to_phys(&copy, 0x9001, &paddr, &prot),
						 0);
				assert_int_equal(paddr, 0x19001);
				assert_int_equal(prot, RW);
				/* The owner's entry goes before its tables do. */
				*entry_at(base, from) = 0;
				theirs = pt;
				pt = copy;
				assert_int_equal(hardware(base + 0x5123, false).fault,
						 reads    ? AMDV1_NO_FAULT
						 : writes ? AMDV1_NOT_PERMITTED
							  : AMDV1_NOT_PRESENT);
				if (to + 1 < from) {
					const iommu_iova_t beside = base + (1ULL << (12 + 9 * to));

					assert_false(is_mapped(beside));
					map(beside, 0x3000, K4, RW);
					assert_int_equal(hardware(beside, true).pa, 0x3000);
				}
				assert_int_equal(unmap(base + 0x5000, K4, 0), 0);
				assert_int_equal(mapped, access != 0 ? K4 : 0);
				ops->free_gathered(&pt, &gather);
				ops->destroy(&pt);
				pt = theirs;
				end();
			}
}

/* A copy for which the host's pages do not last. */
static void a_copy_that_fails_leaves_nothing(void **state)
{
	struct iommu_pgtable copy;
	uint64_t pages, failing;
	uint64_t *entry;

	(void)state;
	begin(6, 0);
	map(0x5000, 0x7000, K4, RW);
	entry = entry_at(2ULL << 57, 6);
	*entry = iommu_le64(amdvi_pte_table(entry_for(0x5000, 2) & AMDVI_PTE_ADDRESS, 1));
	pages = test.hosted.pages_in_use;
	for (failing = 1;; failing++) {
		struct iommu_pgtable_config config = config_of(6);
		int status;

		assert_int_equal(ops->init(&copy, &config), 0);
		test.fail_after = test.allocations + failing;
		status = ops->clone(&copy, iommu_pgtable_root(&pt), NULL, NULL);
		test.fail_after = 0;
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_int_equal(test.hosted.pages_in_use, pages);
	}
	assert_int_equal(failing, 11);
	ops->destroy(&copy);
	*entry = 0;
	end();
}

/* Runs that are whole, and one that its owner had half rewritten: each entry for its own page. */
static void foreign_runs_are_taken_over_by_pages(void **state)
{
	struct iommu_pgtable copy, theirs;
	unsigned int page;

	(void)state;
	begin(4, 0);
	map(M2, 0x700000, 0x20000, RW);
	map(G1, 8 * G1, 4 * M2, IOMMU_PROT_READ);
	for (page = 3; page < 7; page++)
		*entry_at(M2 + page * K4, 1) = page == 4 ? 0 : iommu_le64(0x6000000000001001);
	assert_int_equal(clone_to(&copy, 4), 0);
	theirs = pt;
	pt = copy;
	for (page = 0; page < 32; page++) {
		const iommu_iova_t iova = M2 + page * K4;

		assert_int_equal(is_mapped(iova), page != 4);
		if (page != 4)
			assert_int_equal(look_up(iova + 1),
					 page >= 3 && page < 7 ? 0x1001 : 0x700001 + page * K4);
	}
	assert_int_equal(leaves_in(0, G1 - 1).sizes, K4);
	assert_int_equal(leaves_in(G1, 2 * G1).sizes, M2);
	assert_int_equal(look_up(G1 + 4 * M2 - 1), 8 * G1 + 4 * M2 - 1);
	assert_int_equal(unmap(M2 + 17 * K4, K4, 0), 0);
	ops->free_gathered(&pt, &gather);
	ops->destroy(&pt);
	pt = theirs;
	end();
}

/* A table that leads to itself, by every level that it can name: the budget ends it. */
static void a_table_that_leads_to_itself(void **state)
{
	struct iommu_pgtable_config config;
	struct iommu_pgtable copy;
	uint64_t *root;
	unsigned int i;

	(void)state;
	begin(6, 0);
	root = pt.root;
	for (i = 0; i < 100; i++)
		root[i] = iommu_le64(amdvi_pte_table(iommu_pgtable_root(&pt), i % 5 + 1));
	config = config_of(6);
	config.max_pages = 50;
	assert_int_equal(ops->init(&copy, &config), 0);
	assert_true(ops->clone(&copy, iommu_pgtable_root(&pt), NULL, NULL) < 0);
	memset(root, 0, 4096);
	end();
}

/* --- The suite -------------------------------------------------------------------------------- */

static struct pgtable_suite_format of_2_levels = {&iommu_amdv1_ops, 2, 30, LEVEL_SIZES, 1, 0, 0};
static struct pgtable_suite_format of_3_levels = {&iommu_amdv1_ops, 3, 39, LEVEL_SIZES, 1, 0, 0};
static struct pgtable_suite_format of_4_levels = {&iommu_amdv1_ops, 4, 48, LEVEL_SIZES, 1, 0, 0};
static struct pgtable_suite_format of_5_levels = {&iommu_amdv1_ops, 5, 57, LEVEL_SIZES, 1, 0, 0};
static struct pgtable_suite_format of_6_levels = {&iommu_amdv1_ops, 6, 63, LEVEL_SIZES, 1, 0, 0};
static struct pgtable_suite_format all_4_levels = {&iommu_amdv1_ops, 4, 48, ALL_SIZES, 1, 0, 0};
static struct pgtable_suite_format all_6_levels = {&iommu_amdv1_ops, 6, 63, ALL_SIZES, 1, 0, 0};

#define WITH(test, format)                                                                         \
	{                                                                                          \
#test " (" #format ")", test, suite_setup, suite_teardown, &format                 \
	}
#define WITHOUT_RUNS(test)                                                                         \
	WITH(test, of_3_levels), WITH(test, of_4_levels), WITH(test, of_5_levels),                 \
		WITH(test, of_6_levels)
#define AT_EVERY_DEPTH(test) WITHOUT_RUNS(test), WITH(test, all_4_levels), WITH(test, all_6_levels)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(suite_arguments, of_2_levels),
		AT_EVERY_DEPTH(suite_arguments),
		AT_EVERY_DEPTH(suite_ends_of_the_aperture),
		/* They count pages of the smallest size, and of the levels. */
		WITHOUT_RUNS(suite_largest_pages_are_used),
		WITHOUT_RUNS(suite_cut_is_refused_or_split),
		AT_EVERY_DEPTH(suite_mapped_range_is_refused),
		AT_EVERY_DEPTH(suite_empty_table_gives_way),
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
		cmocka_unit_test(what_is_asked_for_is_told_again),
		cmocka_unit_test(all_depths_have_all_their_addresses),
		cmocka_unit_test(the_largest_pages),
		cmocka_unit_test(levels_come_and_go),
		cmocka_unit_test(runs_are_made_where_they_fit),
		cmocka_unit_test(runs_of_every_size_are_cut),
		cmocka_unit_test(runs_beside_each_other_go_alone),
		cmocka_unit_test(pages_are_split_beforehand),
		cmocka_unit_test(writes_are_found_in_runs_of_every_size),
		cmocka_unit_test(foreign_tables_are_checked),
		cmocka_unit_test(foreign_bits_are_left_out),
		cmocka_unit_test(skipped_levels_are_made),
		cmocka_unit_test(a_copy_that_fails_leaves_nothing),
		cmocka_unit_test(foreign_runs_are_taken_over_by_pages),
		cmocka_unit_test(a_table_that_leads_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
