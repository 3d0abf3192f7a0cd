/* SPDX-License-Identifier: BSD-2-Clause */
/* The VT-d second-stage format: the behaviour suite at each depth, then the bits themselves. */
#include <string.h>

#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "pgtable_suite.h"
#include "test.h"

static const uint64_t *root_of(const struct iommu_pgtable *pt)
{
	return pt->root;
}

static void configurations_that_do_not_fit_are_refused(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_config good = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};
	struct iommu_pgtable_config config;
	struct iommu_platform broken;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	broken = test.platform;
	broken.free_pages = NULL;
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(iommu_vtdss_init(&pt, &config), IOMMU_EINVAL)
	REFUSED(platform, NULL);
	REFUSED(platform, &broken);
	REFUSED(levels, 2);
	REFUSED(levels, 6);
	REFUSED(input_bits, 49);
	REFUSED(input_bits, 12);
	REFUSED(input_bits, 0);
	REFUSED(output_bits, 53);
	REFUSED(output_bits, 12);
	REFUSED(output_bits, 0);
	REFUSED(pgsize_bitmap, 0);
	REFUSED(pgsize_bitmap, IOMMU_SIZE_2M);
	REFUSED(pgsize_bitmap, IOMMU_SIZE_4K | 1ULL << 13);
	REFUSED(pgsize_bitmap, IOMMU_SIZE_4K | 1ULL << 39);
	REFUSED(flags, 1U << 31);
	REFUSED(flags, IOMMU_PGTABLE_EAGER);
	REFUSED(table_order, 1);
#undef REFUSED
	test.fail_after = 1;
	assert_int_equal(iommu_vtdss_init(&pt, &good), IOMMU_ENOMEM);
	test_platform_destroy(&test);
}

/* What a table of more levels was filled with is given back by one that has lost a level. */
static void a_table_that_was_filled_is_trimmed(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K,
	};
	void *top;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	assert_int_equal(iommu_vtdss_init(&pt, &config), 0);
	assert_int_equal(iommu_vtdss_ops.fill(&pt), 0);
	iommu_vtdss_ops.unfill(&pt);
	assert_int_equal(iommu_vtdss_trim(&pt, &top), 0);
	iommu_vtdss_free_top(&pt, top, 4);
	assert_int_equal(iommu_vtdss_ops.fill(&pt), 0);
	assert_int_equal(iommu_vtdss_iova_to_phys(&pt, 0x5000, NULL, NULL), 0);
	iommu_vtdss_destroy(&pt);
	assert_int_equal(pt.pages, 0);
	test_platform_destroy(&test);
}

static void begin_table(struct test_platform *test, struct iommu_pgtable *pt, unsigned int levels)
{
	const struct iommu_pgtable_config config = {
		.platform = &test->platform,
		.levels = levels,
		.input_bits = 9 * levels + 12,
		.output_bits = 39,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};

	assert_int_equal(iommu_vtdss_init(pt, &config), 0);
}

static void map_one(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size)
{
	struct iommu_gather gather;
	uint64_t mapped;

	iommu_gather_init(&gather);
	assert_int_equal(
		iommu_vtdss_map(pt, iova, paddr, size, IOMMU_PROT_READ_WRITE, &gather, &mapped), 0);
	assert_int_equal(mapped, size);
}

static bool leads_to(const struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr)
{
	iommu_paddr_t found = 0;

	return iommu_vtdss_iova_to_phys(pt, iova, &found, NULL) == 0 && found == paddr;
}

/* A shape that would lose something, or cannot be, is refused, and the table stays. */
static void shapes_keep_what_is_mapped(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt;
	iommu_iova_t last;
	void *top = NULL;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	begin_table(&test, &pt, 3);
	last = pt.aperture_last;
	assert_int_equal(iommu_vtdss_trim(&pt, &top), IOMMU_EINVAL); /* none has fewer levels */
	assert_int_equal(iommu_vtdss_set_aperture(&pt, last - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_vtdss_set_aperture(&pt, UINT64_MAX), IOMMU_EINVAL);
	assert_int_equal(iommu_vtdss_set_aperture(&pt, last), 0);
	map_one(&pt, 0x40000000, 0x10000000, IOMMU_SIZE_4K);
	assert_int_equal(iommu_vtdss_set_aperture(&pt, 0x3fffffff), IOMMU_EBUSY);
	assert_int_equal(pt.aperture_last, last);
	assert_int_equal(iommu_vtdss_set_aperture(&pt, 0x7fffffff), 0);
	assert_int_equal(pt.aperture_last, 0x7fffffff);
	assert_int_equal(iommu_vtdss_set_pgsizes(&pt, IOMMU_SIZE_2M), IOMMU_EINVAL);
	assert_true(leads_to(&pt, 0x40000000, 0x10000000));
	iommu_vtdss_destroy(&pt);
	/* Above what one level less reaches something is mapped; or there is no table for it. */
	begin_table(&test, &pt, 4);
	map_one(&pt, 1ULL << 39, 0x10000000, IOMMU_SIZE_4K);
	assert_int_equal(iommu_vtdss_trim(&pt, &top), IOMMU_EBUSY);
	assert_true(leads_to(&pt, 1ULL << 39, 0x10000000));
	iommu_vtdss_destroy(&pt);
	begin_table(&test, &pt, 4);
	test.fail_after = 1;
	assert_int_equal(iommu_vtdss_trim(&pt, &top), IOMMU_ENOMEM);
	assert_int_equal(pt.levels, 4);
	test.fail_after = 0;
	assert_int_equal(iommu_vtdss_trim(&pt, &top), 0);
	assert_int_equal(pt.levels, 3);
	assert_int_equal(pt.aperture_last, (1ULL << 39) - 1);
	iommu_vtdss_free_top(&pt, top, 4);
	iommu_vtdss_destroy(&pt);
	test_platform_destroy(&test);
}

static void *(*true_alloc)(void *ctx, unsigned int order, int node, unsigned int flags);

/* Bytes that were flushed of what lies here. */
static struct {
	const unsigned char *memory;
	unsigned char flushed[IOMMU_PAGE_SIZE];
} watched;

static void note_flush(void *ctx, const void *virt, size_t size)
{
	const unsigned char *from = virt;
	size_t i;

	(void)ctx;
	for (i = 0; i < size; i++)
		if (watched.memory != NULL && from + i >= watched.memory &&
		    from + i < watched.memory + sizeof(watched.flushed))
			watched.flushed[from + i - watched.memory] = 1;
}

static bool is_flushed(size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (watched.flushed[i] == 0)
			return false;
	return true;
}

/* Allocated next: what is flushed of that page. */
static void *watched_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *pages = true_alloc(ctx, order, node, flags);

	memset(&watched, 0, sizeof(watched));
	watched.memory = pages;
	return pages;
}

/* A table that hardware does not snoop: new tables are flushed before anything leads to them. */
static void shapes_are_flushed(void **state)
{
	struct test_platform test;
	struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 39,
		.pgsize_bitmap = IOMMU_SIZE_4K,
		.flags = IOMMU_PGTABLE_NONCOHERENT,
	};
	struct iommu_pgtable pt;
	void *top, *root, *above;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	test.platform.cache_flush = note_flush;
	true_alloc = test.platform.alloc_pages;
	test.platform.alloc_pages = watched_alloc;
	assert_int_equal(iommu_vtdss_init(&pt, &config), 0);
	assert_true(watched.memory == pt.root && is_flushed(IOMMU_PAGE_SIZE));
	root = pt.root;
	/* The table below an empty root … */
	assert_int_equal(iommu_vtdss_trim(&pt, &top), 0);
	assert_true(top == root && watched.memory == pt.root && is_flushed(IOMMU_PAGE_SIZE));
	/* … and a root above. */
	assert_int_equal(iommu_vtdss_extend(&pt, pt.root, &above), 0);
	assert_true(watched.memory == above && is_flushed(IOMMU_PAGE_SIZE));
	iommu_vtdss_free_top(&pt, above, 4);
	iommu_vtdss_free_top(&pt, top, 4);
	iommu_vtdss_destroy(&pt);
	test_platform_destroy(&test);
}

static unsigned int known_tables;

static bool is_known(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	assert_null(ctx);
	assert_true(paddr % size == 0);
	return known_tables-- != 0;
}

/* A table is taken over as a whole, or not at all: bits that cannot be, no memory, none there. */
static void tables_of_others_are_cloned(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt, copy;
	iommu_paddr_t root;
	uint64_t *entries;
	uint64_t good;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	begin_table(&test, &pt, 3);
	map_one(&pt, 0x5000, 0x10000000, IOMMU_SIZE_4K);
	map_one(&pt, 0x40000000, 0x10000000, IOMMU_SIZE_2M);
	root = iommu_virt_to_phys(&test.platform, pt.root);
	for (unsigned int allocations = 1; allocations < 5; allocations++) {
		begin_table(&test, &copy, 3);
		test.fail_after = test.allocations + allocations;
		known_tables = 100;
		assert_int_equal(iommu_vtdss_clone(&copy, root, is_known, NULL),
				 allocations < 4 ? IOMMU_ENOMEM : 0);
		test.fail_after = 0;
		if (allocations == 4) {
			assert_true(leads_to(&copy, 0x5000, 0x10000000));
			assert_true(leads_to(&copy, 0x40001000, 0x10001000));
			/* Only into one that is empty. */
			assert_int_equal(iommu_vtdss_clone(&copy, root, NULL, NULL), IOMMU_EEXIST);
		}
		iommu_vtdss_destroy(&copy);
	}
	for (unsigned int tables = 0; tables < 4; tables++) {
		begin_table(&test, &copy, 3);
		known_tables = tables;
		assert_int_equal(iommu_vtdss_clone(&copy, root, is_known, NULL), IOMMU_EFAULT);
		iommu_vtdss_destroy(&copy);
	}
	/* An address that is too wide, or within a large page; a page where there is none. */
	entries = pt.root;
	good = entries[1];
	for (unsigned int i = 0; i < 2; i++) {
		static const uint64_t wrong[] = {1ULL << 45 | 3, 0x80 | 3};

		entries[1] = iommu_le64(wrong[i]);
		begin_table(&test, &copy, 3);
		assert_int_equal(iommu_vtdss_clone(&copy, root, NULL, NULL), IOMMU_EINVAL);
		iommu_vtdss_destroy(&copy);
	}
	entries[1] = good;
	iommu_vtdss_destroy(&pt);
	test_platform_destroy(&test);
}

static void entries_have_the_bits_of_the_specification(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 3,
		.input_bits = 39,
		.output_bits = 39,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
		.flags = IOMMU_PGTABLE_FORCE_SNOOP,
	};
	struct iommu_gather gather;
	const uint64_t *table;
	uint64_t mapped, entry;

	(void)state;
	test_platform_init(&test, 1 << 20, 0x12340000);
	assert_int_equal(iommu_vtdss_init(&pt, &config), 0);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_map(&pt, 0x40000000, 0x80000000, IOMMU_SIZE_1G,
					 IOMMU_PROT_READ_WRITE, &gather, &mapped),
			 0);
	assert_int_equal(iommu_vtdss_map(&pt, 0x200000, 0x400000, IOMMU_SIZE_2M, IOMMU_PROT_READ,
					 &gather, &mapped),
			 0);
	assert_int_equal(iommu_vtdss_map(&pt, 0x5000, 0x7ffffff000, IOMMU_SIZE_4K, IOMMU_PROT_WRITE,
					 &gather, &mapped),
			 0);

	/* Read, write, page size, snoop, and the address: nothing else. Tables: address, R, W. */
	assert_int_equal(iommu_le64(root_of(&pt)[1]), 0x80000883);
	entry = iommu_le64(root_of(&pt)[0]);
	assert_int_equal(entry & 0xfff, 0x3);
	table = iommu_phys_to_virt(&test.platform, entry & VTD_SS_ADDRESS_MASK);
	assert_int_equal(iommu_le64(table[1]), 0x400881);
	entry = iommu_le64(table[0]);
	assert_int_equal(entry & 0xfff, 0x3);
	table = iommu_phys_to_virt(&test.platform, entry & VTD_SS_ADDRESS_MASK);
	assert_int_equal(iommu_le64(table[5]), 0x7ffffff802);

	iommu_vtdss_destroy(&pt);
	test_platform_destroy(&test);
}

#define AT_EVERY_DEPTH(test)                                                                       \
	{#test " (3 levels)", test, suite_setup, suite_teardown, &suite_3_levels},                 \
		{#test " (4 levels)", test, suite_setup, suite_teardown, &suite_4_levels},         \
	{                                                                                          \
#test " (5 levels)", test, suite_setup, suite_teardown, &suite_5_levels            \
	}

#define ALL_SIZES (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)

static struct pgtable_suite_format suite_3_levels = {&iommu_vtdss_ops, 3, 39, ALL_SIZES, 1, 0, 0};
static struct pgtable_suite_format suite_4_levels = {&iommu_vtdss_ops, 4, 48, ALL_SIZES, 1, 0, 0};
static struct pgtable_suite_format suite_5_levels = {&iommu_vtdss_ops, 5, 57, ALL_SIZES, 1, 0, 0};

static uint64_t distance; /* of the host's memory from where the CPU finds it */

static void *phys_to_virt(void *ctx, iommu_paddr_t paddr)
{
	(void)ctx;
	return (void *)(uintptr_t)(paddr + distance);
}

static iommu_paddr_t virt_to_phys(void *ctx, const void *virt)
{
	(void)ctx;
	return (uintptr_t)virt - distance;
}

/* The distance that such a host's structure names means nothing. */
static void a_host_may_convert_by_calls(void **state)
{
	struct test_platform test;
	struct iommu_pgtable_config config = {
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};
	struct iommu_platform platform;
	struct iommu_gather gather;
	struct iommu_pgtable pt;
	iommu_paddr_t paddr;
	unsigned int prot;
	uint64_t mapped;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	platform = test.platform;
	distance = platform.direct_map_offset;
	platform.direct_map_offset = UINT64_MAX << 20;
	platform.phys_to_virt = phys_to_virt;
	platform.virt_to_phys = virt_to_phys;
	config.platform = &platform;
	assert_int_equal(iommu_vtdss_init(&pt, &config), 0);
	iommu_gather_init(&gather);
	assert_int_equal(
		iommu_vtdss_map(&pt, 0x5000, 0x9000, 0x1000, IOMMU_PROT_READ, &gather, &mapped), 0);
	assert_int_equal(iommu_vtdss_map(&pt, 0x40000000, 0x200000, 0x200000, IOMMU_PROT_READ_WRITE,
					 &gather, &mapped),
			 0);
	assert_int_equal(iommu_vtdss_iova_to_phys(&pt, 0x5123, &paddr, &prot), 0);
	assert_int_equal(paddr, 0x9123);
	assert_int_equal(prot, IOMMU_PROT_READ);
	assert_int_equal(iommu_vtdss_iova_to_phys(&pt, 0x40012345, &paddr, NULL), 0);
	assert_int_equal(paddr, 0x212345);
	assert_int_equal(iommu_vtdss_iova_to_phys(&pt, 0x6000, &paddr, NULL), IOMMU_ENOENT);
	assert_int_equal(iommu_vtdss_unmap(&pt, 0x40000000, 0x200000, 0, &gather, NULL), 0);
	assert_int_equal(iommu_vtdss_iova_to_phys(&pt, 0x40012345, NULL, NULL), IOMMU_ENOENT);
	iommu_vtdss_free_gathered(&pt, &gather);
	iommu_vtdss_destroy(&pt);
	test_platform_destroy(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_EVERY_DEPTH(suite_arguments),
		AT_EVERY_DEPTH(suite_ends_of_the_aperture),
		AT_EVERY_DEPTH(suite_largest_pages_are_used),
		AT_EVERY_DEPTH(suite_mapped_range_is_refused),
		AT_EVERY_DEPTH(suite_empty_table_gives_way),
		AT_EVERY_DEPTH(suite_cut_is_refused_or_split),
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
		cmocka_unit_test(a_table_that_was_filled_is_trimmed),
		cmocka_unit_test(shapes_keep_what_is_mapped),
		cmocka_unit_test(shapes_are_flushed),
		cmocka_unit_test(tables_of_others_are_cloned),
		cmocka_unit_test(a_host_may_convert_by_calls),
		cmocka_unit_test(entries_have_the_bits_of_the_specification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
