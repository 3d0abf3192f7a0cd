/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The formats of Arm: the behaviour suite for both stages with each granule, with runs and without;
 * where walks start, for every width of addresses; the bits; addresses of 52 bits; runs of pages
 * and of blocks; what break before make allows; writes that hardware notes; tables of others. What
 * an address leads to is asked of a walk that knows nothing of the library (vmsa_reference.h).
 */
#include <string.h>

#include <libiommu/aarch64.h>
#include <libiommu/hw/arm_page_table.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "pgtable_suite.h"
#include "test.h"
#include "vmsa_hardware.h"

#define RW        IOMMU_PROT_READ_WRITE
#define K4        IOMMU_SIZE_4K
#define K16       (16ULL << 10)
#define K64       IOMMU_SIZE_64K
#define M2        IOMMU_SIZE_2M
#define M32       (32ULL << 20)
#define M512      (512ULL << 20)
#define G1        IOMMU_SIZE_1G
#define G16       (16ULL << 30)
#define G64       (64ULL << 30)
#define G512      (512ULL << 30)
#define T4        (4ULL << 40)
#define ANY_SIZE  IOMMU_PGTABLE_BBM_LEVEL_2
#define NO_BREAKS IOMMU_PGTABLE_ACCESSED

static const struct iommu_pgtable_ops *const stages[] = {&iommu_vmsas1_ops, &iommu_vmsas2_ops};

static struct test_platform test;
static const struct iommu_pgtable_ops *ops;
static unsigned int stage; /* 1 or 2 */
static struct iommu_pgtable pt;
static struct iommu_gather gather;
static uint64_t mapped;

/* A granule with pages, blocks and runs of both. */
struct granule {
	uint64_t page, block, run, block_run;
	unsigned int input_bits;
	uint64_t entries; /* of a run */
	uint64_t block_entries;
};

static const struct granule granules[] = {
	{K4, M2, K64, M32, 48, 16, 16},
	{K16, M32, M2, G1, 47, 128, 32},
	{K64, M512, M2, G16, 48, 32, 32},
};

#define FOR_EACH_GRANULE(g)                                                                        \
	for (g = granules; g < granules + sizeof(granules) / sizeof(granules[0]); g++)

static struct iommu_pgtable_config config_of(const struct granule *g, unsigned int flags)
{
	return (struct iommu_pgtable_config){
		.platform = &test.platform,
		.input_bits = g->input_bits,
		.output_bits = 48,
		.pgsize_bitmap = g->page | g->block | g->run | g->block_run,
		.node = IOMMU_NODE_ANY,
		.flags = flags,
	};
}

static void begin_with(unsigned int of, const struct iommu_pgtable_config *config)
{
	struct iommu_pgtable_config copy = *config;

	stage = of;
	ops = stages[of - 1];
	test_platform_init(&test, 1 << 25, 0x12000000);
	copy.platform = &test.platform;
	assert_int_equal(ops->init(&pt, &copy), 0);
	iommu_gather_init(&gather);
}

static void begin(unsigned int of, const struct granule *g, unsigned int flags)
{
	const struct iommu_pgtable_config config = config_of(g, flags);

	begin_with(of, &config);
}

static void end(void)
{
	ops->free_gathered(&pt, &gather);
	ops->destroy(&pt);
	assert_int_equal(pt.pages, 0);
	assert_int_equal(test.hosted.pages_in_use, 0);
	test_platform_destroy(&test);
}

static int map_status(iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size, unsigned int prot)
{
	return ops->map(&pt, iova, paddr, size, prot, &gather, &mapped);
}

static void map(iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size, unsigned int prot)
{
	assert_int_equal(map_status(iova, paddr, size, prot), 0);
}

static int unmap(iommu_iova_t iova, uint64_t size, unsigned int flags)
{
	return ops->unmap(&pt, iova, size, flags, &gather, &mapped);
}

/* --- As hardware sees it ---------------------------------------------------------------------- */

static struct vmsa_answer access_by(iommu_iova_t iova, struct vmsa_access access)
{
	const struct vmsa_walk walk = vmsa_walk_of(&pt, stage);
	const struct vmsa_answer answer = vmsa_reference_walk(&walk, iova, access);

	if (answer.fault == VMSA_FLAW)
		print_error("%s\n", answer.flaw);
	assert_int_not_equal(answer.fault, VMSA_FLAW);
	return answer;
}

static struct vmsa_answer device_reads(iommu_iova_t iova)
{
	return access_by(iova, (struct vmsa_access){0});
}

static struct vmsa_answer device_writes(iommu_iova_t iova)
{
	return access_by(iova, (struct vmsa_access){.write = true});
}

/* By hardware and by the library: the same. */
static void leads_to(iommu_iova_t iova, iommu_paddr_t expected, uint64_t size)
{
	const struct vmsa_answer answer = device_reads(iova);
	iommu_paddr_t paddr = 0;

	assert_int_equal(answer.fault, VMSA_NO_FAULT);
	assert_int_equal(answer.pa, expected);
	if (size != 0)
		assert_int_equal(answer.size, size);
	assert_int_equal(ops->iova_to_phys(&pt, iova, &paddr, NULL), 0);
	assert_int_equal(paddr, expected);
}

static void leads_nowhere(iommu_iova_t iova)
{
	assert_int_equal(device_reads(iova).fault, VMSA_FAULT_TRANSLATION);
	assert_int_equal(ops->iova_to_phys(&pt, iova, NULL, NULL), IOMMU_ENOENT);
}

/* The entry of a level for an address. */
static uint64_t *entry_at(iommu_iova_t iova, unsigned int level)
{
	const unsigned int n = pt.page_shift;
	const bool ds = (pt.flags & IOMMU_PGTABLE_LPA2) != 0;
	uint64_t *table = pt.root;
	unsigned int at;

	for (at = pt.levels;; at--) {
		const uint64_t index = iova >> (n + (at - 1) * (n - 3));
		uint64_t *entry = &table[at == pt.levels ? index : index & ((1U << (n - 3)) - 1)];

		if (at == level)
			return entry;
		assert_int_equal(iommu_le64(*entry) & 3, 3);
		table = iommu_phys_to_virt(&test.platform, vmsa_address(n, iommu_le64(*entry), ds));
	}
}

static uint64_t entry_for(iommu_iova_t iova, unsigned int level)
{
	return iommu_le64(*entry_at(iova, level));
}

/* --- Configurations --------------------------------------------------------------------------- */

static void configurations_that_do_not_fit_are_refused(void **state)
{
	struct iommu_pgtable_config good, config;
	unsigned int i;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(stages[i]->init(&pt, &config), IOMMU_EINVAL)
	for (i = 0; i < 2; i++) {
		good = config_of(&granules[0], NO_BREAKS);
		REFUSED(levels, 1);
		REFUSED(levels, 3);
		REFUSED(levels, 5);
		REFUSED(levels, 6);
		REFUSED(input_bits, 24);
		REFUSED(input_bits, 49);
		REFUSED(output_bits, 12);
		REFUSED(output_bits, 49);
		REFUSED(pgsize_bitmap, 0);
		REFUSED(pgsize_bitmap, M2);
		REFUSED(pgsize_bitmap, K4 | 1ULL << 13);
		REFUSED(pgsize_bitmap, K4 | M32);
		REFUSED(pgsize_bitmap, K4 | M2 | G16);
		REFUSED(pgsize_bitmap, K4 | G512);
		REFUSED(pgsize_bitmap, 1ULL << 13 | M2);
		REFUSED(table_order, 1);
		REFUSED(flags, IOMMU_PGTABLE_EAGER);
		REFUSED(flags, IOMMU_PGTABLE_NO_EXECUTE);
		REFUSED(flags, IOMMU_PGTABLE_MEMORY_TYPES);
		REFUSED(flags, 1U << 11);
		REFUSED(flags, 1U << 24);
		/* Of the other granules. */
		good = config_of(&granules[1], NO_BREAKS);
		REFUSED(pgsize_bitmap, K16 | K64);
		REFUSED(pgsize_bitmap, K16 | G64);
		REFUSED(pgsize_bitmap, K16 | G1);
		good = config_of(&granules[2], NO_BREAKS);
		REFUSED(pgsize_bitmap, K64 | T4);
		REFUSED(pgsize_bitmap, K64 | G16);
		REFUSED(flags, IOMMU_PGTABLE_LPA2);
		REFUSED(input_bits, 53);
		REFUSED(output_bits, 53);
		REFUSED(output_bits, 16);
		config = good;
		config.input_bits = config.output_bits = 52;
		config.pgsize_bitmap |= T4;
		assert_int_equal(stages[i]->init(&pt, &config), 0);
		stages[i]->destroy(&pt);
	}
	/* Only the first stage has global pages, only the second forces types. */
	good = config_of(&granules[0], 0);
	i = 0;
	REFUSED(flags, IOMMU_PGTABLE_FORCE_SNOOP);
	i = 1;
	REFUSED(flags, IOMMU_PGTABLE_GLOBAL);
	/* No other format has Arm's flags. */
	good.levels = 4;
	good.input_bits = 47;
	good.output_bits = 46;
	good.pgsize_bitmap = K4;
	for (i = 7; i <= 10; i++) {
		good.flags = 1U << i;
		assert_int_equal(iommu_vtdss_init(&pt, &good), IOMMU_EINVAL);
		assert_int_equal(iommu_riscvfs_init(&pt, &good), IOMMU_EINVAL);
	}
	test_platform_destroy(&test);
	assert_string_equal(iommu_vmsas1_ops.name, "vmsas1");
	assert_string_equal(iommu_vmsas2_ops.name, "vmsas2");
}

/* Both ends of what a table can translate, and the ends of each table of its root. */
static void reach_all_of(unsigned int input_bits, uint64_t page, unsigned int tables)
{
	const iommu_iova_t last = (2ULL << (input_bits - 1)) - 1;
	const uint64_t span = (last + 1) / tables;
	unsigned int i;
	void *top;

	assert_int_equal(pt.aperture_last, last);
	for (i = 0; i < tables; i++) {
		map(i * span, (i + 7) * page, page, RW);
		leads_to(i * span + 5, (i + 7) * page + 5, page);
	}
	map(last + 1 - page, 5 * page, page, RW);
	leads_to(last, 6 * page - 1, page);
	leads_nowhere(last - page);
	assert_int_equal(map_status(last + 1, 0, page, RW), IOMMU_ERANGE);
	assert_int_equal(ops->trim(&pt, &top), IOMMU_EINVAL);
	assert_int_equal(ops->extend(&pt, pt.root, &top), IOMMU_EINVAL);
	assert_int_equal(ops->set_aperture(&pt, last / 2), IOMMU_EBUSY);
	assert_int_equal(ops->set_aperture(&pt, last * 2 + 1), IOMMU_EINVAL);
	assert_int_equal(ops->set_aperture(&pt, last - page / 2), IOMMU_EINVAL);
	assert_int_equal(unmap(0, last + 1, 0), 0);
	assert_int_equal(mapped, (tables + 1) * page);
	ops->free_gathered(&pt, &gather);
	assert_int_equal(pt.pages, ((uint64_t)tables * page) >> 12);
	assert_int_equal(ops->set_aperture(&pt, last / 2), 0);
	assert_int_equal(map_status(last / 2 + 1, 0, page, RW), IOMMU_ERANGE);
	/* What hardware is told stays. */
	assert_int_equal(iommu_vmsa_input_bits(&pt), input_bits);
}

/* What the architecture says of a table; levels of 0: those that the format chooses, if it may. */
static bool is_legal(unsigned int tg, bool wide, unsigned int bits, unsigned int levels,
		     unsigned int *tables)
{
	const int start = 4 - (int)levels;

	*tables = 1;
	if (bits < 25 || bits > (wide || tg == 1 ? 52U : 48U))
		return false;
	if (stage == 1)
		return levels == 0 || start == vmsa_start_of_first_stage(tg, 64 - bits);
	return levels == 0 || vmsa_second_stage_is_legal(tg, 64 - bits, start, wide, tables);
}

/* One width, and one number of levels: is it a table? */
static bool try_levels(const struct granule *g, unsigned int tg, bool wide, unsigned int bits,
		       unsigned int levels)
{
	struct iommu_pgtable_config config =
		config_of(g, NO_BREAKS | (wide ? (unsigned int)IOMMU_PGTABLE_LPA2 : 0U));
	struct vmsa_walk walk;
	unsigned int tables;
	int status;

	config.pgsize_bitmap = g->page;
	config.input_bits = bits;
	config.levels = levels;
	test_platform_init(&test, 1 << 25, 0x12000000);
	iommu_gather_init(&gather);
	status = ops->init(&pt, &config);
	if ((status == 0) != is_legal(tg, wide, bits, levels, &tables))
		print_error("stage %u, TG %u, wide %d, %u bits, %u levels\n", stage, tg, wide, bits,
			    levels);
	assert_int_equal(status == 0, is_legal(tg, wide, bits, levels, &tables));
	if (status != 0) {
		assert_int_equal(status, IOMMU_EINVAL);
		test_platform_destroy(&test);
		return false;
	}
	walk = vmsa_walk_of(&pt, stage);
	assert_int_equal(walk.t0sz, 64 - bits);
	assert_int_equal(walk.start, 4 - (int)pt.levels);
	assert_true(is_legal(tg, wide, bits, pt.levels, &tables));
	/* Aligned to all tables of the root; by choice no more than any host has. */
	assert_int_equal(iommu_pgtable_root(&pt) % (tables * g->page), 0);
	assert_int_equal(pt.pages, tables * g->page >> 12);
	assert_true(levels != 0 || tables * g->page <= K4 << IOMMU_MAX_ALLOC_ORDER);
	reach_all_of(bits, g->page, tables);
	end();
	return true;
}

/* Every width, by the choice of the format, and by every number of levels. */
static void walks_start_where_the_architecture_says(void **state)
{
	static const unsigned int tg_of[] = {0, 2, 1};
	unsigned int g, wide, bits, levels, found = 0;

	(void)state;
	for (stage = 1; stage <= 2; stage++)
		for (g = 0; g < 3; g++)
			for (wide = 0; wide < (g == 2 ? 1U : 2U); wide++)
				for (bits = 24; bits <= 53; bits++)
					for (levels = 0; levels <= 5; levels++) {
						ops = stages[stage - 1];
						found += try_levels(&granules[g], tg_of[g],
								    wide != 0, bits, levels);
					}
	assert_true(found > 300);
}

static void *allocate_off(void *ctx, unsigned int order, int node, unsigned int flags)
{
	unsigned char *block;

	if (order <= IOMMU_MAX_ALLOC_ORDER)
		return test.hosted.platform.alloc_pages(&test.hosted, order, node, flags);
	(void)ctx;
	block = test.hosted.platform.alloc_pages(&test.hosted, order + 1, node, flags);
	return block + ((size_t)K4 << IOMMU_MAX_ALLOC_ORDER);
}

static unsigned int given_back;

static void free_off(void *ctx, void *pages, unsigned int order)
{
	unsigned char *block = pages;

	(void)ctx;
	if (order > IOMMU_MAX_ALLOC_ORDER) {
		given_back++;
		block -= (size_t)K4 << IOMMU_MAX_ALLOC_ORDER;
		order++;
	}
	test.hosted.platform.free_pages(&test.hosted, block, order);
}

/* A host aligns no block that is larger than it must be able to: the root is not used. */
static void a_root_that_is_not_aligned_is_refused(void **state)
{
	struct iommu_pgtable_config config;
	struct iommu_platform original;

	(void)state;
	test_platform_init(&test, 1 << 25, 0x12000000);
	test.quiet = true;
	original = test.platform;
	test.platform.alloc_pages = allocate_off;
	test.platform.free_pages = free_off;
	config = config_of(&granules[2], NO_BREAKS);
	config.input_bits = 46; /* 16 tables of 64K, by two levels */
	config.levels = 2;
	given_back = 0;
	assert_int_equal(iommu_vmsas2_init(&pt, &config), IOMMU_ENOMEM);
	assert_int_equal(test.log_lines, 1);
	assert_int_equal(given_back, 1);
	assert_int_equal(test.hosted.pages_in_use, 0);
	config.levels = 0;
	assert_int_equal(iommu_vmsas2_init(&pt, &config), 0);
	assert_int_equal(pt.levels, 3);
	iommu_vmsas2_destroy(&pt);
	test.platform = original;
	test_platform_destroy(&test);
}

/* --- Bits ------------------------------------------------------------------------------------- */

static void entries_of_the_first_stage_have_their_bits(void **state)
{
	(void)state;
	begin(1, &granules[0], IOMMU_PGTABLE_ACCESSED);
	map(0x5000, 0x7fff0000f000, K4, RW);
	/* nG, AF, inner shareable, AP[1], AttrIndx 1, a page. */
	assert_int_equal(entry_for(0x5000, 1), 0x7fff0000ff47);
	assert_int_equal(entry_for(0x5000, 2) & 0xfff0000000000fff, 3);
	assert_int_equal(entry_for(0x5000, 4) & 0xfff0000000000fff, 3);
	map(0x6000, 0x1000, K4, IOMMU_PROT_READ | IOMMU_PROT_CACHE);
	assert_int_equal(entry_for(0x6000, 1), 0x1fc7);
	map(0x7000, 0x1000, K4, RW | IOMMU_PROT_NO_EXEC);
	assert_int_equal(entry_for(0x7000, 1), 0x60000000001f47);
	map(0x8000, 0x1000, K4, RW | IOMMU_PROT_MMIO | IOMMU_PROT_PRIVILEGED);
	assert_int_equal(entry_for(0x8000, 1), 0x1f0b);
	map(0x9000, 0x1000, K4, IOMMU_PROT_WRITE);
	assert_int_equal(entry_for(0x9000, 1), 0x1f47);
	/* Blocks, and runs of pages and of blocks: each with its own address. */
	map(M2, 4 * M2, M2, RW);
	assert_int_equal(entry_for(M2, 2), 0x800f45);
	map(0x10000, 0x70000, K64, RW);
	assert_int_equal(entry_for(0x10000, 1), 0x10000000070f47);
	assert_int_equal(entry_for(0x1f000, 1), 0x1000000007ff47);
	map(M32, 2 * M32, M32, RW);
	assert_int_equal(entry_for(2 * M32 - M2, 2), 0x10000000000f45 | (3 * M32 - M2));
	end();
	/* Global, and AF left to hardware; with tracking a page begins as clean. */
	begin(1, &granules[0], IOMMU_PGTABLE_GLOBAL | IOMMU_PGTABLE_DIRTY_TRACKING);
	map(0x5000, 0x1000, K4, RW);
	map(0x6000, 0x1000, K4, IOMMU_PROT_READ);
	assert_int_equal(entry_for(0x5000, 1), 0x80000000013c7);
	assert_int_equal(entry_for(0x6000, 1), 0x13c7);
	end();
}

static void entries_of_the_second_stage_have_their_bits(void **state)
{
	unsigned int forced;

	(void)state;
	for (forced = 0; forced < 2; forced++) {
		const uint64_t type = forced != 0 ? 0x18 : 0x3c;

		begin(2, &granules[0],
		      IOMMU_PGTABLE_ACCESSED | (forced ? IOMMU_PGTABLE_FORCE_SNOOP : 0));
		map(0x5000, 0x7fff0000f000, K4, RW);
		assert_int_equal(entry_for(0x5000, 1), 0x7fff0000f7c3 | type);
		assert_int_equal(entry_for(0x5000, 2) & 0xfff0000000000fff, 3);
		map(0x6000, 0x1000, K4, IOMMU_PROT_READ);
		assert_int_equal(entry_for(0x6000, 1), 0x1743 | type);
		map(0x7000, 0x1000, K4, IOMMU_PROT_WRITE | IOMMU_PROT_NO_EXEC);
		assert_int_equal(entry_for(0x7000, 1), 0x40000000001783 | type);
		map(0x8000, 0x1000, K4, RW | IOMMU_PROT_MMIO);
		assert_int_equal(entry_for(0x8000, 1), 0x17c7);
		map(M2, 4 * M2, M2, RW);
		assert_int_equal(entry_for(M2, 2), 0x8007c1 | type);
		assert_int_equal(map_status(0x9000, 0, K4, RW | IOMMU_PROT_PRIVILEGED),
				 IOMMU_EINVAL);
		end();
	}
	begin(2, &granules[0], IOMMU_PGTABLE_DIRTY_TRACKING);
	map(0x5000, 0x1000, K4, RW);
	map(0x6000, 0x1000, K4, IOMMU_PROT_WRITE);
	map(0x7000, 0x1000, K4, IOMMU_PROT_READ);
	assert_int_equal(entry_for(0x5000, 1), 0x800000000137f);
	assert_int_equal(entry_for(0x6000, 1), 0x800000000133f);
	assert_int_equal(entry_for(0x7000, 1), 0x137f);
	end();
}

static void registers_say_how_tables_are_walked(void **state)
{
	struct iommu_pgtable_config config = config_of(&granules[0], IOMMU_PGTABLE_ACCESSED);

	(void)state;
	config.input_bits = 39;
	config.output_bits = 44;
	begin_with(1, &config);
	/* T0SZ 25, write-back walks, inner shareable, 4K, IPS 4. */
	assert_int_equal(iommu_vmsas1_tcr(&pt), 0x400003519);
	assert_int_equal(iommu_vmsas1_ttbr(&pt, 0xabcd), 0xabcdULL << 48 | iommu_pgtable_root(&pt));
	end();
	config = config_of(&granules[1], IOMMU_PGTABLE_DIRTY_TRACKING | IOMMU_PGTABLE_LPA2);
	config.input_bits = 52;
	config.output_bits = 52;
	begin_with(1, &config);
	assert_int_equal(iommu_vmsas1_tcr(&pt), 0x80001860000b50c);
	end();
	config = config_of(&granules[2], IOMMU_PGTABLE_NONCOHERENT);
	begin_with(2, &config);
	/* T0SZ 16, SL0 2, 64K, PS 5, HA; walks that are not cached. */
	assert_int_equal(iommu_vmsas2_vtcr(&pt), 0x80257090);
	assert_int_equal(iommu_vmsas2_vttbr(&pt, 0x1234),
			 0x1234ULL << 48 | iommu_pgtable_root(&pt));
	end();
	/* Numbers of widths and granules. */
	assert_int_equal(vmsa_physical_size(32), 0);
	assert_int_equal(vmsa_physical_size(33), 1);
	assert_int_equal(vmsa_physical_size(37), 2);
	assert_int_equal(vmsa_physical_size(41), 3);
	assert_int_equal(vmsa_physical_size(43), 4);
	assert_int_equal(vmsa_physical_size(45), 5);
	assert_int_equal(vmsa_physical_size(49), 6);
	assert_int_equal(vmsa_physical_size(53), 7);
	assert_int_equal(vmsa_tg1(12), 2);
	assert_int_equal(vmsa_tg1(14), 1);
	assert_int_equal(vmsa_tg1(16), 3);
	assert_int_equal(vmsa_ttbr(0xf000012340000, true), 0x1234003c);
	assert_int_equal(vmsa_ttbr(0x12340000, false), 0x12340000);
}

static void what_is_asked_for_is_told_again(void **state)
{
	static const unsigned int hints[] = {IOMMU_PROT_NO_EXEC, IOMMU_PROT_MMIO,
					     IOMMU_PROT_PRIVILEGED};
	const struct granule *g;
	unsigned int of, i, prot;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			begin(of, g, ANY_SIZE);
			for (i = 0; i < (of == 1 ? 16U : 12U); i++) {
				const unsigned int access =
					of == 1 ? IOMMU_PROT_READ | (i & 8 ? IOMMU_PROT_WRITE : 0U)
						: 1 + i / 4;
				const unsigned int wanted = access | (i & 1 ? hints[0] : 0) |
							    (i & 2 ? hints[1] : 0) |
							    (of == 1 && (i & 4) ? hints[2] : 0);
				const iommu_iova_t at = 64 * g->block + i * g->run;
				struct vmsa_answer answer;

				/* Alone, and in a run that is cut later. */
				map(i * g->page, g->page, g->page, wanted);
				map(at, g->run, g->run, wanted);
				assert_int_equal(ops->iova_to_phys(&pt, i * g->page, NULL, &prot),
						 0);
				assert_int_equal(prot, wanted);
				assert_int_equal(unmap(at, g->page, IOMMU_UNMAP_SPLIT), 0);
				assert_int_equal(ops->iova_to_phys(&pt, at + g->page, NULL, &prot),
						 0);
				assert_int_equal(prot, wanted);
				/* And obeyed. */
				answer = access_by(
					at + g->page,
					(struct vmsa_access){.privileged = true, .write = true});
				assert_int_equal(answer.fault, (wanted & IOMMU_PROT_WRITE) != 0
								       ? VMSA_NO_FAULT
								       : VMSA_FAULT_PERMISSION);
				answer = device_reads(at + g->page);
				assert_int_equal(answer.fault,
						 (wanted & IOMMU_PROT_READ) == 0 ||
								 (wanted & IOMMU_PROT_PRIVILEGED) !=
									 0
							 ? VMSA_FAULT_PERMISSION
							 : VMSA_NO_FAULT);
				answer = access_by(
					at + g->page,
					(struct vmsa_access){.execute = true, .privileged = true});
				assert_int_equal(answer.fault,
						 (wanted & IOMMU_PROT_NO_EXEC) != 0 ||
								 (wanted & IOMMU_PROT_READ) == 0
							 ? VMSA_FAULT_PERMISSION
							 : VMSA_NO_FAULT);
				assert_int_equal(answer.memory, (wanted & IOMMU_PROT_MMIO) != 0
									? (of == 1 ? 2 : 1)
									: (of == 1 ? 1 : 15));
				assert_false(answer.global);
			}
			assert_int_equal(map_status(63 * g->block, 0, g->page, IOMMU_PROT_MMIO),
					 IOMMU_EINVAL);
			end();
		}
}

/* --- Addresses of 52 bits --------------------------------------------------------------------- */

static void addresses_have_52_bits(void **state)
{
	static const struct {
		struct granule g;
		uint64_t huge; /* the block that only such tables have */
		uint64_t fold; /* where the bits above stand elsewhere */
		unsigned int flags;
	} kinds[] = {
		{{K4, M2, K64, M32, 52, 16, 16}, G512, 1ULL << 50, IOMMU_PGTABLE_LPA2},
		{{K16, M32, M2, G1, 52, 128, 32}, G64, 1ULL << 50, IOMMU_PGTABLE_LPA2},
		{{K64, M512, M2, G16, 52, 32, 32}, T4, 1ULL << 48, 0},
	};
	const iommu_iova_t top = 15ULL << 48;
	unsigned int of, i, odd;

	(void)state;
	for (of = 1; of <= 2; of++)
		for (i = 0; i < 3; i++) {
			const struct granule *g = &kinds[i].g;
			struct iommu_pgtable_config config =
				config_of(g, ANY_SIZE | kinds[i].flags);

			config.output_bits = 52;
			config.pgsize_bitmap |= kinds[i].huge;
			begin_with(of, &config);
			map(top, (1ULL << 52) - kinds[i].huge, kinds[i].huge, RW);
			leads_to(top + 5, (1ULL << 52) - kinds[i].huge + 5, kinds[i].huge);
			assert_int_equal(map_status(0, 1ULL << 52, g->page, RW), IOMMU_ERANGE);
			/* Across the fold, by pages, runs and blocks, all in one table. */
			for (odd = 0; odd < 3; odd++) {
				const uint64_t unit = odd == 0   ? g->page
						      : odd == 1 ? g->run
								 : g->block;
				const iommu_iova_t at =
					4 * kinds[i].huge + (odd == 0 ? g->page : 0);
				const iommu_paddr_t to = 3 * kinds[i].fold - 2 * unit;

				map(at, to, 5 * unit, RW);
				leads_to(at, to, unit);
				leads_to(at + 2 * unit - 1, 3 * kinds[i].fold - 1, unit);
				leads_to(at + 2 * unit, 3 * kinds[i].fold, unit);
				leads_to(at + 4 * unit + 3, to + 4 * unit + 3, unit);
				assert_int_equal(unmap(at, 5 * unit, 0), 0);
				assert_int_equal(mapped, 5 * unit);
				ops->free_gathered(&pt, &gather);
			}
			/* By lists, and split. */
			map(0, g->page, g->page, RW);
			{
				const struct iommu_map_piece pieces[] = {
					{(1ULL << 52) - 3 * g->page, g->page},
					{(1ULL << 51) + g->page, 2 * g->page},
					{(1ULL << 49) + g->page, g->page}};

				assert_int_equal(
					ops->map_pieces(&pt, 9 * g->page, pieces, 3, RW, &mapped),
					3);
				leads_to(9 * g->page, (1ULL << 52) - 3 * g->page, g->page);
				leads_to(10 * g->page, (1ULL << 51) + g->page, g->page);
				leads_to(12 * g->page, (1ULL << 49) + g->page, g->page);
			}
			assert_int_equal(unmap(top + g->page, g->page, IOMMU_UNMAP_SPLIT), 0);
			leads_nowhere(top + g->page);
			leads_to(top, (1ULL << 52) - kinds[i].huge, g->page);
			leads_to(top + kinds[i].huge - 1, (1ULL << 52) - 1, 0);
			/* Fewer bits are fewer: what is above is none of an address. */
			end();
			config.output_bits = 51;
			begin_with(of, &config);
			assert_int_equal(map_status(0, 1ULL << 51, g->page, RW), IOMMU_ERANGE);
			map(0, (1ULL << 51) - g->page, g->page, RW);
			leads_to(0, (1ULL << 51) - g->page, g->page);
			end();
		}
}

/* With DS but addresses of 48 bits nothing is said of shareability in an entry, either. */
static void descriptors_of_52_bits_have_no_shareability(void **state)
{
	(void)state;
	begin(1, &granules[0], IOMMU_PGTABLE_LPA2 | IOMMU_PGTABLE_ACCESSED);
	map(0x5000, 0x1000, K4, RW);
	assert_int_equal(entry_for(0x5000, 1), 0x1c47);
	end();
}

/* --- Runs ------------------------------------------------------------------------------------- */

struct leaves {
	uint64_t singles, runs, blocks, block_runs;
};

static int count_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct leaves *leaves = ctx;
	const uint64_t span = 1ULL << vmsa_level_shift(pt.page_shift, visit->level);

	if (visit->is_table)
		return 0;
	assert_int_equal(visit->iova % visit->size, 0);
	assert_int_equal(visit->paddr % visit->size, 0);
	leaves->singles += visit->level == 1 && visit->size == span;
	leaves->runs += visit->level == 1 && visit->size != span;
	leaves->blocks += visit->level == 2 && visit->size == span;
	leaves->block_runs += visit->level == 2 && visit->size != span;
	return 0;
}

static void expect(uint64_t singles, uint64_t runs, uint64_t blocks, uint64_t block_runs)
{
	struct leaves leaves = {0};

	assert_int_equal(ops->walk(&pt, 0, UINT64_MAX, count_leaf, &leaves), 0);
	assert_int_equal(leaves.singles, singles);
	assert_int_equal(leaves.runs, runs);
	assert_int_equal(leaves.blocks, blocks);
	assert_int_equal(leaves.block_runs, block_runs);
}

static void clear_all(void)
{
	assert_int_equal(ops->unmap(&pt, 0, pt.aperture_last + 1, 0, &gather, NULL), 0);
	ops->free_gathered(&pt, &gather);
}

/* Of pages, or of blocks: so many of `unit`, of which `entries` are a run. */
static void fit_runs(uint64_t unit, uint64_t entries, uint64_t start, uint64_t count, bool off)
{
	const uint64_t head = -start & (entries - 1);
	const uint64_t runs = off || count < head ? 0 : (count - head) / entries;
	const iommu_iova_t iova = (4 * entries + start) * unit;
	const iommu_paddr_t paddr = (64 * entries + start + (off ? 1 : 0)) * unit;
	const bool blocks = unit != 1ULL << pt.page_shift;
	uint64_t i;

	map(iova, paddr, count * unit, RW);
	if (blocks)
		expect(0, 0, count - runs * entries, runs);
	else
		expect(count - runs * entries, runs, 0, 0);
	for (i = 0; i < count; i++) {
		const bool joined = runs != 0 && i >= head && i < head + runs * entries;

		leads_to(iova + i * unit + 5, paddr + i * unit + 5, joined ? entries * unit : unit);
	}
	leads_nowhere(iova + count * unit);
	assert_int_equal(unmap(iova, count * unit, 0), 0);
	assert_int_equal(mapped, count * unit);
	expect(0, 0, 0, 0);
	ops->free_gathered(&pt, &gather);
}

static void runs_are_made_where_they_fit(void **state)
{
	const struct granule *g;
	unsigned int of;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			const uint64_t step = g->entries / 16;
			uint64_t start, count;

			begin(of, g, NO_BREAKS);
			for (start = 0; start < g->entries; start += step)
				for (count = 1; count <= 3 * g->entries; count += step)
					fit_runs(g->page, g->entries, start, count, count % 3 == 0);
			for (start = 0; start < g->block_entries; start += 3)
				for (count = 1; count <= 3 * g->block_entries; count += 5)
					fit_runs(g->block, g->block_entries, start, count,
						 count % 2 == 0);
			/* Without the size there are none; while there are, it stays. */
			map(g->block, g->block, g->run, RW);
			map(0, g->block_run, g->block_run == G1 ? 0 + g->page : g->page, RW);
			assert_int_equal(ops->set_pgsizes(&pt, g->page | g->block), IOMMU_EBUSY);
			clear_all();
			assert_int_equal(ops->set_pgsizes(&pt, g->page | g->block), 0);
			map(g->block_run, 4 * g->block_run, g->block_run + g->run, RW);
			expect(g->entries, 0, g->block_entries, 0);
			clear_all();
			/* Nor where pages of their entries' size are left out. */
			assert_int_equal(ops->set_pgsizes(&pt, g->page | g->run | g->block_run), 0);
			map(g->block_run, 4 * g->block_run, g->block, RW);
			expect(0, g->block / g->run, 0, 0);
			end();
		}
}

static void check_one_run(uint64_t run, uint64_t unit)
{
	const iommu_iova_t at = 2 * run;
	uint64_t i;

	map(at - run, 7 * run, 3 * run, RW);
	for (i = 0; i < run / unit; i++) {
		/* Only cut on demand. */
		assert_int_equal(unmap(at + i * unit, unit, 0), IOMMU_EINVAL);
		assert_false(ops->unmap_page(&pt, at + i * unit, unit));
		assert_int_equal(map_status(at + i * unit, 0, unit, RW), IOMMU_EEXIST);
	}
	assert_int_equal(unmap(at - run, run + unit, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(at - unit, run, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(0, at + unit, 0), IOMMU_EINVAL);
	assert_true(iommu_gather_is_empty(&gather));
	assert_int_equal(unmap(at, run, 0), 0);
	assert_int_equal(mapped, run);
	leads_to(at - 1, 8 * run - 1, run);
	leads_nowhere(at);
	leads_nowhere(at + run - 1);
	leads_to(at + run, 9 * run, run);
	clear_all();
}

static void a_run_is_one_page(void **state)
{
	const struct granule *g;
	unsigned int of;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			begin(of, g, ANY_SIZE);
			check_one_run(g->run, g->page);
			check_one_run(g->block_run, g->block);
			end();
		}
}

static void cut(uint64_t run, uint64_t unit, uint64_t first, uint64_t count)
{
	const iommu_iova_t at = 5 * run;
	const uint64_t entries = run / unit;
	uint64_t i;

	map(at, 9 * run, run, RW);
	assert_int_equal(ops->unmap(&pt, at + first * unit, count * unit, IOMMU_UNMAP_SPLIT,
				    &gather, (first & 1) != 0 ? NULL : &mapped),
			 0);
	assert_true(gather.start <= at && gather.last >= at + run - 1);
	for (i = 0; i < entries; i++)
		if (i >= first && i < first + count)
			leads_nowhere(at + i * unit);
		else
			leads_to(at + i * unit + 9, 9 * run + i * unit + 9, unit);
	clear_all();
}

/* With what hardware allows for that. */
static void a_run_is_cut_into_its_pages(void **state)
{
	const struct granule *g;
	unsigned int of, level;

	(void)state;
	for (of = 1; of <= 2; of++)
		for (level = 1; level <= 2; level++)
			FOR_EACH_GRANULE(g)
			{
				uint64_t first, count;

				begin(of, g,
				      level == 1 ? IOMMU_PGTABLE_BBM_LEVEL_1
						 : IOMMU_PGTABLE_BBM_LEVEL_2);
				for (first = 0; first < 16; first++)
					for (count = 1; count <= 16 - first; count++) {
						if (count == g->entries)
							continue;
						cut(g->run, g->page, first, count);
						if (count != g->block_entries)
							cut(g->block_run, g->block, first, count);
					}
				end();
			}
}

static void larger_pages_become_runs(void **state)
{
	const struct granule *g;
	unsigned int of;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			begin(of, g, ANY_SIZE);
			/* From a run of blocks down to a page: each size as large as it can be. */
			map(g->block_run, 5 * g->block_run, g->block_run, RW);
			expect(0, 0, 0, 1);
			assert_int_equal(
				unmap(g->block_run + g->run + g->page, g->page, IOMMU_UNMAP_SPLIT),
				0);
			assert_int_equal(mapped, g->page);
			expect(g->entries - 1, g->block / g->run - 1, g->block_entries - 1, 0);
			leads_nowhere(g->block_run + g->run + g->page);
			leads_to(g->block_run, 5 * g->block_run, g->run);
			leads_to(g->block_run + g->block, 5 * g->block_run + g->block, g->block);
			clear_all();
			/* Beforehand, to each size in turn. */
			map(0, g->block_run, 2 * g->block_run, RW);
			assert_int_equal(ops->split(&pt, 0, g->block_run, g->block, &gather), 0);
			expect(0, 0, g->block_entries, 1);
			assert_int_equal(gather.last, g->block_run - 1);
			ops->free_gathered(&pt, &gather);
			assert_int_equal(ops->split(&pt, g->page, g->page, g->run, &gather), 0);
			expect(0, g->block / g->run, g->block_entries - 1, 1);
			assert_int_equal(ops->split(&pt, g->run, g->run, g->page, &gather), 0);
			expect(g->entries, g->block / g->run - 1, g->block_entries - 1, 1);
			ops->free_gathered(&pt, &gather);
			assert_int_equal(
				ops->split(&pt, 0, 2 * g->block_run, g->block_run, &gather), 0);
			assert_true(iommu_gather_is_empty(&gather));
			leads_to(2 * g->block_run - 1, 3 * g->block_run - 1, g->block_run);
			end();
		}
}

/* --- Break before make ------------------------------------------------------------------------ */

static void what_needs_a_break_is_refused(void **state)
{
	const struct granule *g;
	unsigned int of, level;

	(void)state;
	for (of = 1; of <= 2; of++)
		for (level = 0; level <= 1; level++)
			FOR_EACH_GRANULE(g)
			{
				const int of_runs = level == 0 ? IOMMU_EOPNOTSUPP : 0;
				const iommu_iova_t block = g->block_run, run = 8 * g->block_run;

				begin(of, g, level == 1 ? IOMMU_PGTABLE_BBM_LEVEL_1 : 0);
				map(block, g->block, g->block, RW);
				map(run, g->run, g->run, RW);
				map(run + g->block_run, g->block_run, g->block_run, RW);
				/* A block is split by neither call, and stays as it was. */
				assert_int_equal(unmap(block, g->page, IOMMU_UNMAP_SPLIT),
						 IOMMU_EOPNOTSUPP);
				assert_int_equal(unmap(block, g->page, 0), IOMMU_EINVAL);
				assert_int_equal(
					unmap(block + g->page, g->block, IOMMU_UNMAP_SPLIT),
					IOMMU_EOPNOTSUPP);
				assert_int_equal(ops->split(&pt, block, g->block, g->page, &gather),
						 IOMMU_EOPNOTSUPP);
				assert_true(iommu_gather_is_empty(&gather));
				leads_to(block + g->page, g->block + g->page, g->block);
				/* A run of blocks that is cut within a block: not even broken. */
				assert_int_equal(
					unmap(run + g->block_run, g->page, IOMMU_UNMAP_SPLIT),
					IOMMU_EOPNOTSUPP);
				assert_true(iommu_gather_is_empty(&gather));
				leads_to(run + g->block_run, g->block_run, g->block_run);
				assert_int_equal(ops->split(&pt, run + g->block_run, g->page,
							    g->run, &gather),
						 IOMMU_EOPNOTSUPP);
				leads_to(run + g->block_run, g->block_run, g->block_run);
				/* Runs, where only the Contiguous bit changes. */
				assert_int_equal(unmap(run, g->page, IOMMU_UNMAP_SPLIT), of_runs);
				assert_int_equal(
					unmap(run + g->block_run, g->block, IOMMU_UNMAP_SPLIT),
					of_runs);
				leads_to(run + g->run - 1, 2 * g->run - 1,
					 level == 0 ? g->run : g->page);
				assert_int_equal(ops->split(&pt, run, g->run, g->page, &gather),
						 of_runs);
				/* What goes as a whole goes. */
				assert_int_equal(unmap(block, g->block, 0), 0);
				assert_int_equal(unmap(run + g->block_run, g->block_run, 0), 0);
				ops->free_gathered(&pt, &gather);
				end();
			}
}

/* An empty table stays, and what is mapped there are its own pages; beside it there are blocks. */
static void an_empty_table_stays(void **state)
{
	const struct granule *g;
	unsigned int of, i;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			const iommu_iova_t at = g->block_run;
			uint64_t link;

			begin(of, g, IOMMU_PGTABLE_BBM_LEVEL_1);
			for (i = 0; i < 3; i++) {
				map(at + g->block, g->page, g->page, RW);
				assert_int_equal(unmap(at + g->block, g->page, 0), 0);
				ops->free_gathered(&pt, &gather);
				link = entry_for(at + g->block, 2);
				assert_int_equal(link & 3, 3);
				map(at, 7 * g->block_run, i == 0 ? g->block_run : 3 * g->block, RW);
				assert_true(iommu_gather_is_empty(&gather));
				assert_false(gather.tables_unlinked);
				assert_int_equal(entry_for(at + g->block, 2), link);
				leads_to(at + g->block - 1, 7 * g->block_run + g->block - 1,
					 g->block);
				leads_to(at + g->block, 7 * g->block_run + g->block, g->run);
				leads_to(at + 2 * g->block, 7 * g->block_run + 2 * g->block,
					 g->block);
				assert_int_equal(map_status(at + g->block, 0, g->block, RW),
						 IOMMU_EEXIST);
				/* Unmapped whole, the table goes, and a block may come. */
				assert_int_equal(unmap(at, g->block_run, 0), 0);
				assert_int_equal(mapped, i == 0 ? g->block_run : 3 * g->block);
				assert_true(gather.tables_unlinked);
				ops->free_gathered(&pt, &gather);
				map(at, 7 * g->block_run, g->block_run, RW);
				leads_to(at + g->block, 7 * g->block_run + g->block, g->block_run);
				clear_all();
			}
			end();
		}
}

/* Entries that hardware can reach, at their places. */
#define SEEN_MAX 60000U

struct seen {
	const uint64_t *place;
	uint64_t entry;
	unsigned int level;
};

static struct seen earlier[SEEN_MAX], later[SEEN_MAX];

static unsigned int see(const uint64_t *table, unsigned int level, struct seen *seen,
			unsigned int count)
{
	const uint64_t entries =
		level == pt.levels ? 1ULL << vmsa_root_bits(pt.flags) : (1ULL << pt.page_shift) / 8;

	for (uint64_t i = 0; i < entries; i++) {
		const uint64_t entry = iommu_le64(table[i]);

		if ((entry & 1) == 0)
			continue;
		assert_true(count < SEEN_MAX);
		seen[count++] = (struct seen){&table[i], entry, level};
		if (level != 1 && (entry & 2) != 0)
			count = see(iommu_phys_to_virt(&test.platform,
						       vmsa_address(pt.page_shift, entry, false)),
				    level - 1, seen, count);
	}
	return count;
}

static int by_place(const void *a, const void *b)
{
	const uintptr_t x = (uintptr_t)((const struct seen *)a)->place;
	const uintptr_t y = (uintptr_t)((const struct seen *)b)->place;

	return x < y ? -1 : x > y;
}

/* Changes of entries that were valid before one call and are behind it. */
struct changes {
	uint64_t sizes, runs, others;
};

static void compare_seen(unsigned int before, unsigned int behind, struct changes *changes)
{
	/* AF and the dirty state may change in place. */
	const uint64_t in_place = 1ULL << 10 | 1ULL << 7;
	unsigned int i, j = 0;

	qsort(earlier, before, sizeof(earlier[0]), by_place);
	qsort(later, behind, sizeof(later[0]), by_place);
	for (i = 0; i < before; i++) {
		uint64_t differs;

		while (j < behind && later[j].place < earlier[i].place)
			j++;
		if (j == behind || later[j].place != earlier[i].place)
			continue;
		assert_int_equal(later[j].level, earlier[i].level);
		differs = (later[j].entry ^ earlier[i].entry) & ~in_place;
		if (differs == 0)
			continue;
		if (later[j].level != 1 && (differs & 2) != 0)
			changes->sizes++;
		else if (differs == 1ULL << 52)
			changes->runs++;
		else
			changes->others++;
	}
}

static void call_randomly(struct test_random *random, const struct granule *g)
{
	const uint64_t unit = test_random_below(random, 2) != 0 ? g->page : g->block;
	const uint64_t most = unit == g->page ? 3 * g->entries : 2 * g->block_entries;
	const iommu_iova_t iova = 4 * g->block_run + test_random_below(random, most) * unit;
	const uint64_t size = (1 + test_random_below(random, most)) * unit;

	switch (test_random_below(random, 8)) {
	case 0:
	case 1:
	case 2:
		(void)map_status(iova, iova + (test_random_below(random, 3) == 0 ? g->page : 0),
				 size, RW);
		break;
	case 3:
		(void)ops->split(&pt, iova, size, test_random_below(random, 2) ? g->page : g->run,
				 &gather);
		break;
	case 4:
		(void)device_writes(iova);
		break;
	default:
		(void)unmap(iova, size, test_random_below(random, 2) ? IOMMU_UNMAP_SPLIT : 0);
		break;
	}
}

/* Of a valid entry no call makes another, beyond what hardware allows; what it does, some do. */
static void nothing_changes_without_a_break(void **state)
{
	static const unsigned int allowed[] = {0, IOMMU_PGTABLE_BBM_LEVEL_1,
					       IOMMU_PGTABLE_BBM_LEVEL_2};
	unsigned int of, level, round;

	(void)state;
	for (of = 1; of <= 2; of++)
		for (level = 0; level <= 2; level++) {
			struct test_random random = {.state = 7 + level};
			struct changes changes = {0};

			begin(of, &granules[0], allowed[level] | IOMMU_PGTABLE_DIRTY_TRACKING);
			for (round = 0; round < 1000; round++) {
				const unsigned int before = see(pt.root, pt.levels, earlier, 0);
				unsigned int behind;

				call_randomly(&random, &granules[0]);
				behind = see(pt.root, pt.levels, later, 0);
				compare_seen(before, behind, &changes);
				/* As if the caller had invalidated. */
				ops->free_gathered(&pt, &gather);
			}
			assert_int_equal(changes.others, 0);
			assert_int_equal(changes.sizes != 0, level == 2);
			assert_int_equal(changes.runs != 0, level != 0);
			end();
		}
}

/* --- Writes that hardware notes --------------------------------------------------------------- */

#define PAGES 4096ULL

static uint64_t words[PAGES / 64];

static int read_dirty(iommu_iova_t iova, uint64_t size, unsigned int flags, iommu_iova_t start)
{
	const struct iommu_dirty_bitmap bitmap = {words, start, PAGES, pt.page_shift};

	memset(words, 0, sizeof(words));
	return ops->read_dirty(&pt, iova, size, flags, &bitmap, &gather);
}

static uint64_t bits_set(void)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < PAGES / 64; i++)
		count += (uint64_t)__builtin_popcountll(words[i]);
	return count;
}

static bool bit(uint64_t n)
{
	return (words[n / 64] >> n % 64 & 1) != 0;
}

static void writes_are_noted(void **state)
{
	const struct granule *g;
	unsigned int of, prot;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			const iommu_iova_t base = 4 * g->block_run;

			begin(of, g, ANY_SIZE | IOMMU_PGTABLE_DIRTY_TRACKING);
			map(base, g->page, 8 * g->page, RW);
			map(base + 8 * g->page, 64 * g->page, 4 * g->page, IOMMU_PROT_READ);
			assert_int_equal(read_dirty(base, 16 * g->page, 0, base), 0);
			assert_int_equal(bits_set(), 0);
			/* Reading makes nothing dirty; writing one page, that page. */
			assert_int_equal(device_reads(base + 2 * g->page).fault, VMSA_NO_FAULT);
			assert_int_equal(device_writes(base + 3 * g->page).fault, VMSA_NO_FAULT);
			assert_int_equal(device_writes(base + 9 * g->page).fault,
					 VMSA_FAULT_PERMISSION);
			assert_int_equal(read_dirty(base, 16 * g->page, IOMMU_DIRTY_KEEP, base), 0);
			assert_int_equal(words[0], 8);
			assert_true(iommu_gather_is_empty(&gather));
			assert_int_equal(read_dirty(base, 16 * g->page, 0, base), 0);
			assert_int_equal(words[0], 8);
			assert_int_equal(gather.start, base + 3 * g->page);
			assert_int_equal(gather.last, base + 4 * g->page - 1);
			ops->free_gathered(&pt, &gather);
			assert_int_equal(read_dirty(base, 16 * g->page, 0, base), 0);
			assert_int_equal(bits_set(), 0);
			/* Clean again, and as writable as before. */
			assert_int_equal(ops->iova_to_phys(&pt, base + 3 * g->page, NULL, &prot),
					 0);
			assert_int_equal(prot, RW);
			assert_int_equal(device_writes(base + 3 * g->page).fault, VMSA_NO_FAULT);
			/* By the caller's word: what cannot be written stays so. */
			ops->note_written(&pt, base, 16 * g->page);
			assert_int_equal(device_writes(base + 9 * g->page).fault,
					 VMSA_FAULT_PERMISSION);
			assert_int_equal(read_dirty(base, 16 * g->page, 0, base), 0);
			assert_int_equal(words[0], 0xff);
			ops->free_gathered(&pt, &gather);
			assert_int_equal(read_dirty(base, 16 * g->page, 0, base), 0);
			assert_int_equal(bits_set(), 0);
			assert_int_equal(entry_for(base + 9 * g->page, 1) & 0x8000000000080,
					 of == 1 ? 0x80 : 0);
			end();
		}
}

static void check_dirty_run(uint64_t run, uint64_t unit)
{
	const iommu_iova_t at = 4 * run;
	const uint64_t pages = unit >> pt.page_shift;
	uint64_t i;

	for (i = 0; i < run / unit; i += run / unit / 8) {
		map(at, 5 * run, 2 * run, RW);
		assert_int_equal(device_writes(at + i * unit).fault, VMSA_NO_FAULT);
		/* In its part of the bitmap, whichever entry says it: as a whole. */
		assert_int_equal(read_dirty(at, 2 * unit, IOMMU_DIRTY_KEEP, at), 0);
		assert_int_equal(bits_set(), 2 * pages < PAGES ? 2 * pages : PAGES);
		/* A part is read, and none is clean. */
		assert_int_equal(read_dirty(at + unit, unit, 0, at + unit), 0);
		assert_true(iommu_gather_is_empty(&gather));
		assert_int_equal(ops->read_dirty(&pt, at, 2 * run, 0, NULL, &gather), 0);
		assert_int_equal(gather.start, at);
		assert_int_equal(gather.last, at + run - 1);
		/* Hardware may have kept each page of it. */
		assert_int_equal(gather.pgsize, unit);
		assert_int_equal(read_dirty(at, unit, 0, at), 0);
		assert_int_equal(bits_set(), 0);
		ops->free_gathered(&pt, &gather);
		/* Broken, every page of it says so. */
		assert_int_equal(device_writes(at + i * unit).fault, VMSA_NO_FAULT);
		assert_int_equal(ops->split(&pt, at, run, unit, &gather), 0);
		assert_int_equal(gather.pgsize, unit);
		assert_int_equal(read_dirty(at + run - unit, unit, 0, at + run - unit), 0);
		assert_int_equal(bits_set(), pages < PAGES ? pages : PAGES);
		assert_int_equal(read_dirty(at + run, unit, 0, at + run), 0);
		assert_int_equal(bits_set(), 0);
		clear_all();
	}
}

static void a_run_is_dirty_as_a_whole(void **state)
{
	const struct granule *g;
	unsigned int of;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			begin(of, g, ANY_SIZE | IOMMU_PGTABLE_DIRTY_TRACKING);
			check_dirty_run(g->run, g->page);
			if (2 * g->block / g->page <= PAGES)
				check_dirty_run(g->block_run, g->block);
			end();
		}
}

/* Pages that were all written, and then a run of which one entry says so. */
static void a_run_behind_written_pages(void **state)
{
	const struct granule *g;
	unsigned int of, i;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			const iommu_iova_t at = 4 * g->block_run;

			begin(of, g, ANY_SIZE | IOMMU_PGTABLE_DIRTY_TRACKING);
			map(at, g->page, g->run, RW);
			map(at + g->run, 2 * g->run, 2 * g->run, RW);
			for (i = 0; i < g->entries; i++)
				(void)device_writes(at + i * g->page);
			(void)device_writes(at + g->run + 7 * g->page);
			assert_int_equal(read_dirty(at, 3 * g->run, 0, at), 0);
			assert_int_equal(bits_set(), 2 * g->entries);
			assert_true(bit(0) && bit(2 * g->entries - 1));
			ops->free_gathered(&pt, &gather);
			assert_int_equal(read_dirty(at, 3 * g->run, 0, at), 0);
			assert_int_equal(bits_set(), 0);
			end();
		}
}

static void a_split_loses_nothing(void **state)
{
	const struct granule *g;
	unsigned int of;

	(void)state;
	for (of = 1; of <= 2; of++)
		FOR_EACH_GRANULE(g)
		{
			const iommu_iova_t at = 4 * g->block_run;

			begin(of, g, ANY_SIZE | IOMMU_PGTABLE_DIRTY_TRACKING);
			map(at, g->block, g->block, RW);
			map(at + g->block, 5 * g->block, g->block, IOMMU_PROT_READ);
			map(at + 2 * g->block, 7 * g->block, g->block, RW);
			(void)device_writes(at + g->page);
			assert_int_equal(ops->split(&pt, at, 3 * g->block, g->page, &gather), 0);
			assert_int_equal(read_dirty(at, 64 * g->page, 0, at), 0);
			assert_int_equal(bits_set(), 64);
			/* What could not be written still cannot, and what was clean is. */
			assert_int_equal(device_writes(at + g->block).fault, VMSA_FAULT_PERMISSION);
			assert_int_equal(
				read_dirty(at + 2 * g->block, 64 * g->page, 0, at + 2 * g->block),
				0);
			assert_int_equal(bits_set(), 0);
			end();
		}
}

static void without_tracking_nothing_is_learnt(void **state)
{
	unsigned int of;

	(void)state;
	for (of = 1; of <= 2; of++) {
		begin(of, &granules[0], 0);
		map(0, 0, K4, RW);
		map(K4, 0, K4, IOMMU_PROT_READ);
		assert_int_equal(device_writes(0).fault, VMSA_NO_FAULT);
		assert_int_equal(read_dirty(0, K4, 0, 0), IOMMU_EOPNOTSUPP);
		ops->note_written(&pt, 0, 2 * K4);
		assert_int_equal(device_writes(K4).fault, VMSA_FAULT_PERMISSION);
		end();
		/* Nor does hardware set AF that is not to. */
		begin(of, &granules[0], IOMMU_PGTABLE_ACCESSED);
		map(0, 0, K4, RW);
		assert_false(vmsa_walk_of(&pt, of).ha);
		*entry_at(0, 1) &= ~iommu_le64(1ULL << 10);
		assert_int_equal(device_reads(0).fault, VMSA_FAULT_ACCESS);
		end();
	}
}

/* --- Tables of others ------------------------------------------------------------------------- */

static int clone_to(struct iommu_pgtable *copy, unsigned int flags, unsigned int output_bits)
{
	struct iommu_pgtable_config config = config_of(&granules[0], flags);

	config.output_bits = output_bits;
	assert_int_equal(ops->init(copy, &config), 0);
	return ops->clone(copy, iommu_pgtable_root(&pt), NULL, NULL);
}

static void foreign_tables_are_checked(void **state)
{
	static const struct {
		uint64_t entry;
		unsigned int level;
		unsigned int of; /* the stage in which it is bad; 3: both */
	} bad[] = {
		{0x1745 | 0x38, 1, 3},           /* no page at the level of pages */
		{1ULL << 47 | 0x17ff, 1, 3},     /* too wide an address */
		{1ULL << 48 | 0x17ff, 1, 3},     /* reserved bits */
		{1ULL << 46 | 3, 2, 3},          /* of a table, too */
		{VMSA_DBM | 0x17c7, 1, 3},       /* notes of writes that hardware does not take */
		{0x3007f5, 2, 3},                /* a block at an odd place */
		{VMSA_CONTIGUOUS | 0x7f5, 4, 3}, /* a block at a level that has none */
		{0x7f5, 4, 3},
		{VMSA_NO_TRANSLATION | 0x2007f5, 2, 3}, /* a block that is about to go */
		{0x174f | 3 << 2, 1, 1},                /* a type of another MAIR */
		{VMSA_S1_PXN | 0x1747, 1, 1},           /* for one privilege alone */
		{VMSA_S1_UXN | 0x1747, 1, 1},
		{1ULL << 59 | 3, 2, 1}, /* limits of tables */
		{1ULL << 61 | 3, 2, 1},
		{1ULL << 63 | 3, 3, 1},
		{0x173f, 1, 2},              /* for nothing */
		{0x1753, 1, 2},              /* a type that is none */
		{1ULL << 53 | 0x17ff, 1, 2}, /* for one privilege alone */
		{3ULL << 53 | 0x17ff, 1, 2},
	};
	unsigned int of, i;

	(void)state;
	for (of = 1; of <= 2; of++) {
		begin(of, &granules[0], 0);
		map(0, 0x1000, K4, RW);
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct iommu_pgtable copy;
			uint64_t *entry = &entry_at(0, bad[i].level)[5];

			if ((bad[i].of & of) == 0)
				continue;
			*entry = iommu_le64(bad[i].entry);
			assert_int_equal(clone_to(&copy, 0, 46), IOMMU_EINVAL);
			*entry = 0;
		}
		end();
	}
}

static void foreign_pages_are_taken_over(void **state)
{
	struct iommu_pgtable copy, ours;
	unsigned int of, i, prot;

	(void)state;
	for (of = 1; of <= 2; of++) {
		begin(of, &granules[0], IOMMU_PGTABLE_ACCESSED);
		map(0, 0x1000, K4, RW);
		map(K64, K64, K64, RW);
		map(M32, M32, M32, RW);
		/* Software's bits, types that are taken for memory. */
		*entry_at(0x1000, 1) = iommu_le64(VMSA_SOFTWARE | (of == 1 ? 0x2743 : 0x27d7));
		*entry_at(4 * M2, 2) = iommu_le64(of == 1 ? 0x200745 : 0x2007fd);
		/* A run of which a part was rewritten. */
		*entry_at(K64 + 3 * K4, 1) = iommu_le64(of == 1 ? 0x5747 : 0x57ff);
		*entry_at(K64 + 4 * K4, 1) = 0;
		assert_int_equal(clone_to(&copy, ANY_SIZE, 46), 0);
		ours = pt;
		pt = copy;
		leads_to(0x1000, 0x2000, K4);
		leads_to(4 * M2, M2, M2);
		for (i = 0; i < 16; i++)
			if (i == 4)
				leads_nowhere(K64 + 4 * K4);
			else
				leads_to(K64 + i * K4, i == 3 ? 0x5000 : K64 + i * K4, K4);
		for (i = 0; i < 16; i++)
			leads_to(M32 + i * M2, M32 + i * M2, M2);
		/* Nothing that is left is a run: any part goes alone. */
		assert_int_equal(unmap(K64, K4, 0), 0);
		assert_int_equal(unmap(M32 + M2, M2, 0), 0);
		ops->free_gathered(&pt, &gather);
		ops->destroy(&pt);
		pt = ours;
		end();
		/* Where hardware notes writes, the copy does. */
		begin(of, &granules[0], IOMMU_PGTABLE_DIRTY_TRACKING);
		map(0, 0x1000, K4, RW);
		(void)device_writes(0);
		assert_int_equal(clone_to(&copy, 0, 46), IOMMU_EINVAL);
		assert_int_equal(clone_to(&copy, IOMMU_PGTABLE_DIRTY_TRACKING, 46), 0);
		assert_int_equal(ops->iova_to_phys(&copy, 0, NULL, &prot), 0);
		assert_int_equal(prot, RW);
		ops->destroy(&copy);
		end();
	}
	/* With types as FWB has them. */
	begin(2, &granules[0], IOMMU_PGTABLE_FORCE_SNOOP);
	for (i = 0; i < 16; i++) {
		const bool good = i < 4 || (i >= 5 && i <= 7);

		map(0, 0x1000, K4, RW);
		*entry_at(0, 1) = iommu_le64(0x17c3 | i << 2);
		assert_int_equal(clone_to(&copy, IOMMU_PGTABLE_FORCE_SNOOP, 46),
				 good ? 0 : IOMMU_EINVAL);
		if (good) {
			assert_int_equal(ops->iova_to_phys(&copy, 0, NULL, &prot), 0);
			assert_int_equal(prot, RW | (i < 4 ? IOMMU_PROT_MMIO : 0U));
			ops->destroy(&copy);
		}
		assert_int_equal(unmap(0, K4, 0), 0);
	}
	end();
}

/* --- The suite -------------------------------------------------------------------------------- */

#define SUITE(name, stage, levels, bits, sizes, root, entries, more)                               \
	static struct pgtable_suite_format name = {&iommu_vmsas##stage##_ops,                      \
						   levels,                                         \
						   bits,                                           \
						   sizes,                                          \
						   root,                                           \
						   entries,                                        \
						   (unsigned int)IOMMU_PGTABLE_BBM_LEVEL_2 |       \
							   (unsigned int)(more)}

SUITE(first_4k, 1, 4, 48, K4 | M2 | G1, 1, 0, 0);
SUITE(first_4k_39, 1, 3, 39, K4 | M2 | G1, 1, 0, 0);
SUITE(first_4k_52, 1, 5, 52, K4 | M2 | G1, 1, 0, IOMMU_PGTABLE_LPA2);
SUITE(first_4k_runs, 1, 4, 48, K4 | K64 | M2 | M32 | G1, 1, 0, 0);
SUITE(first_4k_dirty, 1, 4, 48, K4 | M2 | G1, 1, 0, IOMMU_PGTABLE_DIRTY_TRACKING);
SUITE(first_16k, 1, 4, 48, K16 | M32 | G64, 4, 2048, IOMMU_PGTABLE_LPA2);
SUITE(first_64k, 1, 3, 48, K64 | M512, 16, 8192, 0);
SUITE(second_4k, 2, 4, 48, K4 | M2 | G1, 1, 0, 0);
SUITE(second_4k_42, 2, 3, 42, K4 | M2 | G1, 8, 0, 0);
SUITE(second_4k_runs, 2, 3, 40, K4 | K64 | M2 | M32 | G1, 2, 0, 0);
SUITE(second_4k_dirty, 2, 4, 48, K4 | M2 | G1, 1, 0, IOMMU_PGTABLE_DIRTY_TRACKING);
SUITE(second_16k, 2, 3, 48, K16 | M32 | G64, 8, 2048, IOMMU_PGTABLE_LPA2);
SUITE(second_64k, 2, 3, 48, K64 | M512, 16, 8192, 0);

#define WITH(test, format)                                                                         \
	{                                                                                          \
#test " (" #format ")", test, suite_setup, suite_teardown, &format                 \
	}
/* A terabyte of tables is out of reach. */
#define WITHOUT_64K_AND_RUNS(test)                                                                 \
	WITH(test, first_4k), WITH(test, first_4k_39), WITH(test, first_4k_52),                    \
		WITH(test, first_16k), WITH(test, second_4k), WITH(test, second_4k_42),            \
		WITH(test, second_16k)
#define WITHOUT_64K(test)                                                                          \
	WITHOUT_64K_AND_RUNS(test), WITH(test, first_4k_runs), WITH(test, second_4k_runs),         \
		WITH(test, first_4k_dirty), WITH(test, second_4k_dirty)
#define FOR_ALL(test) WITHOUT_64K(test), WITH(test, first_64k), WITH(test, second_64k)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOR_ALL(suite_arguments),
		FOR_ALL(suite_ends_of_the_aperture),
		FOR_ALL(suite_largest_pages_are_used),
		FOR_ALL(suite_mapped_range_is_refused),
		FOR_ALL(suite_empty_table_gives_way),
		WITHOUT_64K_AND_RUNS(suite_cut_is_refused_or_split),
		WITHOUT_64K(suite_tables_wait_in_the_gather),
		FOR_ALL(suite_unmap_skips_holes),
		FOR_ALL(suite_each_allocation_fails_in_turn),
		FOR_ALL(suite_page_budget),
		FOR_ALL(suite_tables_out_of_reach),
		FOR_ALL(suite_walk_order_and_stop),
		FOR_ALL(suite_noncoherent_walker_sees_no_garbage),
		FOR_ALL(suite_two_tables_are_independent),
		FOR_ALL(suite_one_page_alone),
		FOR_ALL(suite_pieces_alone),
		FOR_ALL(suite_pieces_at_the_end_of_a_table),
		FOR_ALL(suite_what_is_not_mapped_can_be_filled),
		cmocka_unit_test(configurations_that_do_not_fit_are_refused),
		cmocka_unit_test(walks_start_where_the_architecture_says),
		cmocka_unit_test(a_root_that_is_not_aligned_is_refused),
		cmocka_unit_test(entries_of_the_first_stage_have_their_bits),
		cmocka_unit_test(entries_of_the_second_stage_have_their_bits),
		cmocka_unit_test(registers_say_how_tables_are_walked),
		cmocka_unit_test(what_is_asked_for_is_told_again),
		cmocka_unit_test(addresses_have_52_bits),
		cmocka_unit_test(descriptors_of_52_bits_have_no_shareability),
		cmocka_unit_test(runs_are_made_where_they_fit),
		cmocka_unit_test(a_run_is_one_page),
		cmocka_unit_test(a_run_is_cut_into_its_pages),
		cmocka_unit_test(larger_pages_become_runs),
		cmocka_unit_test(what_needs_a_break_is_refused),
		cmocka_unit_test(an_empty_table_stays),
		cmocka_unit_test(nothing_changes_without_a_break),
		cmocka_unit_test(writes_are_noted),
		cmocka_unit_test(a_run_is_dirty_as_a_whole),
		cmocka_unit_test(a_run_behind_written_pages),
		cmocka_unit_test(a_split_loses_nothing),
		cmocka_unit_test(without_tracking_nothing_is_learnt),
		cmocka_unit_test(foreign_tables_are_checked),
		cmocka_unit_test(foreign_pages_are_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
