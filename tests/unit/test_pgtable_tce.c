/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The POWER format: the behaviour suite at several page sizes and depths, then the format's own
 * rules.
 */
#include <string.h>

#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "pgtable_suite.h"
#include "test.h"

static void configurations_that_do_not_fit_are_refused(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_config good = {
		.platform = &test.platform,
		.levels = 2,
		.input_bits = 30,
		.output_bits = 50,
		.pgsize_bitmap = IOMMU_SIZE_4K,
	};
	struct iommu_pgtable_config config;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(iommu_tce_init(&pt, &config), IOMMU_EINVAL)
	REFUSED(levels, 0);
	REFUSED(levels, 6);
	REFUSED(input_bits, 31);
	REFUSED(input_bits, 12);
	REFUSED(output_bits, 12);
	REFUSED(pgsize_bitmap, 0);
	REFUSED(pgsize_bitmap, IOMMU_SIZE_4K | IOMMU_SIZE_2M);
	REFUSED(pgsize_bitmap, 1ULL << 11);
	REFUSED(pgsize_bitmap, 1ULL << 35);
	REFUSED(table_order, IOMMU_MAX_ALLOC_ORDER + 1);
	REFUSED(flags, IOMMU_PGTABLE_FORCE_SNOOP);
	/* More bits than the bridges have. */
	config = good;
	config.levels = 5;
	config.pgsize_bitmap = 1ULL << 16;
	config.input_bits = 48;
	assert_int_equal(iommu_tce_init(&pt, &config), IOMMU_EINVAL);
#undef REFUSED
	test.fail_after = 1;
	assert_int_equal(iommu_tce_init(&pt, &good), IOMMU_ENOMEM);
	test_platform_destroy(&test);
}

struct fixture {
	struct test_platform test;
	struct iommu_pgtable pt;
	struct iommu_gather gather;
};

static void begin(struct fixture *f, unsigned int page_shift, unsigned int levels,
		  unsigned int table_order, unsigned int flags)
{
	const struct iommu_pgtable_config config = {
		.platform = &f->test.platform,
		.levels = levels,
		.table_order = table_order,
		.input_bits = page_shift + levels * (9 + table_order),
		.output_bits = 50,
		.pgsize_bitmap = 1ULL << page_shift,
		.flags = flags,
	};

	test_platform_init(&f->test, 1 << 26, 0);
	assert_int_equal(iommu_tce_init(&f->pt, &config), 0);
	iommu_gather_init(&f->gather);
}

static void end(struct fixture *f)
{
	iommu_tce_free_gathered(&f->pt, &f->gather);
	iommu_tce_destroy(&f->pt);
	test_platform_destroy(&f->test);
}

static int map(struct fixture *f, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
	       unsigned int prot)
{
	uint64_t mapped;

	return iommu_tce_map(&f->pt, iova, paddr, size, prot, &f->gather, &mapped);
}

/* On every host the most significant byte comes first. */
static void entries_are_big_endian(void **state)
{
	static const uint8_t both[8] = {0, 1, 0x23, 0x45, 0x67, 0x89, 0xa0, 3};
	static const uint8_t only_read[8] = {0, 0, 0, 0, 0x12, 0x34, 0x50, 1};
	static const uint8_t only_write[8] = {0, 0, 0, 0, 0x12, 0x34, 0x50, 2};
	const uint8_t *table;
	struct fixture f;
	unsigned int prot;

	(void)state;
	begin(&f, 12, 1, 0, 0);
	table = f.pt.root;
	assert_int_equal(map(&f, 0x3000, 0x123456789a000, 0x1000, IOMMU_PROT_READ_WRITE), 0);
	assert_int_equal(map(&f, 0x4000, 0x12345000, 0x1000, IOMMU_PROT_READ), 0);
	assert_int_equal(map(&f, 0x5000, 0x12345000, 0x1000, IOMMU_PROT_WRITE), 0);
	assert_memory_equal(table + 3 * 8, both, 8);
	assert_memory_equal(table + 4 * 8, only_read, 8);
	assert_memory_equal(table + 5 * 8, only_write, 8);
	assert_int_equal(iommu_tce_iova_to_phys(&f.pt, 0x5123, NULL, &prot), 0);
	assert_int_equal(prot, IOMMU_PROT_WRITE);
	end(&f);
}

static void an_upper_entry_leads_to_a_table(void **state)
{
	struct fixture f;
	uint64_t entry;

	(void)state;
	begin(&f, 16, 2, 1, 0);
	assert_int_equal(map(&f, 5ULL << 26, 0x70000, 0x10000, IOMMU_PROT_READ), 0);
	memcpy(&entry, (uint8_t *)f.pt.root + 5 * 8, 8);
	entry = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? entry : __builtin_bswap64(entry);
	/* Both permissions, and a table of two pages. */
	assert_int_equal(entry & 0x1fff, TCE_READ | TCE_WRITE);
	memcpy(&entry, iommu_phys_to_virt(&f.test.platform, tce_address(entry)), 8);
	entry = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? entry : __builtin_bswap64(entry);
	assert_int_equal(entry, 0x70000 | TCE_READ);
	end(&f);
}

/* Every page size with every depth and table size that the bridges' addresses have room for. */
static void all_shapes(void **state)
{
	unsigned int shift, levels, order;

	(void)state;
	for (shift = 12; shift <= 34; shift++)
		for (levels = 1; levels <= 5; levels++)
			for (order = 0; order <= IOMMU_MAX_ALLOC_ORDER; order++) {
				const unsigned int bits = shift + levels * (9 + order);
				const uint64_t page = 1ULL << shift;
				iommu_paddr_t paddr;
				uint64_t unmapped;
				struct fixture f;

				if (bits > 54)
					continue;
				begin(&f, shift, levels, order, 0);
				assert_int_equal(map(&f, 0, page, page, IOMMU_PROT_READ), 0);
				assert_int_equal(map(&f, (1ULL << bits) - 3 * page, 7 * page,
						     3 * page, IOMMU_PROT_READ_WRITE),
						 0);
				assert_int_equal(iommu_tce_iova_to_phys(&f.pt, (1ULL << bits) - 1,
									&paddr, NULL),
						 0);
				assert_int_equal(paddr, 10 * page - 1);
				assert_int_equal(f.pt.pages, (2 * levels - 1) << order);
				assert_int_equal(iommu_tce_unmap(&f.pt, 0, 1ULL << bits, 0,
								 &f.gather, &unmapped),
						 0);
				assert_int_equal(unmapped, 4 * page);
				iommu_tce_free_gathered(&f.pt, &f.gather);
				assert_int_equal(f.pt.pages, 1U << order);
				end(&f);
			}
}

static void tables_made_up_front_stay(void **state)
{
	struct iommu_pgtable_config config = {
		.levels = 3,
		.input_bits = 12 + 18 + 2, /* four entries of the root are of use */
		.output_bits = 50,
		.pgsize_bitmap = IOMMU_SIZE_4K,
		.flags = IOMMU_PGTABLE_EAGER,
	};
	const uint64_t pages = 1 + 4 + 4 * 512;
	struct fixture f;
	uint64_t unmapped;

	(void)state;
	test_platform_init(&f.test, 1 << 24, 0);
	config.platform = &f.test.platform;
	config.max_pages = pages - 1;
	assert_int_equal(iommu_tce_init(&f.pt, &config), IOMMU_ENOMEM);
	assert_int_equal(f.test.hosted.pages_in_use, 0);
	config.max_pages = pages;
	assert_int_equal(iommu_tce_init(&f.pt, &config), 0);
	assert_int_equal(f.pt.pages, pages);
	iommu_gather_init(&f.gather);
	f.test.fail_after = 1; /* map never allocates */
	/* Nor do they go with all that they map. */
	assert_int_equal(map(&f, IOMMU_SIZE_1G, 0, IOMMU_SIZE_1G, IOMMU_PROT_READ), 0);
	assert_int_equal(
		iommu_tce_unmap(&f.pt, IOMMU_SIZE_1G, IOMMU_SIZE_2M, 0, &f.gather, &unmapped), 0);
	assert_int_equal(unmapped, IOMMU_SIZE_2M);
	assert_int_equal(
		iommu_tce_unmap(&f.pt, IOMMU_SIZE_1G, IOMMU_SIZE_1G, 0, &f.gather, &unmapped), 0);
	assert_int_equal(unmapped, IOMMU_SIZE_1G - IOMMU_SIZE_2M);
	assert_false(f.gather.tables_unlinked);
	assert_int_equal(map(&f, 0, 0, IOMMU_SIZE_1G, IOMMU_PROT_READ), 0);
	assert_int_equal(map(&f, 4 * IOMMU_SIZE_1G - 0x3000, 0, 0x3000, IOMMU_PROT_READ), 0);
	assert_int_equal(iommu_tce_unmap(&f.pt, 0, 4 * IOMMU_SIZE_1G, 0, &f.gather, &unmapped), 0);
	assert_int_equal(unmapped, IOMMU_SIZE_1G + 0x3000);
	assert_false(f.gather.tables_unlinked);
	iommu_tce_free_gathered(&f.pt, &f.gather);
	assert_int_equal(f.pt.pages, pages);
	assert_int_equal(iommu_tce_iova_to_phys(&f.pt, 0, NULL, NULL), IOMMU_ENOENT);
	f.test.fail_after = 0;
	end(&f);
}

/* Page shift, levels. */
static struct pgtable_suite_format small_pages = {&iommu_tce_ops, 3, 39, IOMMU_SIZE_4K, 1, 0, 0};
static struct pgtable_suite_format deep = {&iommu_tce_ops, 4, 48, IOMMU_SIZE_4K, 1, 0, 0};
static struct pgtable_suite_format medium_pages = {&iommu_tce_ops, 3, 43, 1ULL << 16, 1, 0, 0};
static struct pgtable_suite_format medium_deep = {&iommu_tce_ops, 4, 52, 1ULL << 16, 1, 0, 0};

#define ONE(test, format)                                                                          \
	{                                                                                          \
#test " (" #format ")", test, suite_setup, suite_teardown, &(format)               \
	}
#define AT_EVERY_SHAPE(test)                                                                       \
	ONE(test, small_pages), ONE(test, deep), ONE(test, medium_pages), ONE(test, medium_deep)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_EVERY_SHAPE(suite_arguments),
		AT_EVERY_SHAPE(suite_ends_of_the_aperture),
		AT_EVERY_SHAPE(suite_mapped_range_is_refused),
		AT_EVERY_SHAPE(suite_tables_wait_in_the_gather),
		AT_EVERY_SHAPE(suite_unmap_skips_holes),
		AT_EVERY_SHAPE(suite_each_allocation_fails_in_turn),
		AT_EVERY_SHAPE(suite_page_budget),
		AT_EVERY_SHAPE(suite_tables_out_of_reach),
		AT_EVERY_SHAPE(suite_walk_order_and_stop),
		AT_EVERY_SHAPE(suite_noncoherent_walker_sees_no_garbage),
		AT_EVERY_SHAPE(suite_two_tables_are_independent),
		AT_EVERY_SHAPE(suite_one_page_alone),
		AT_EVERY_SHAPE(suite_pieces_alone),
		AT_EVERY_SHAPE(suite_pieces_at_the_end_of_a_table),
		AT_EVERY_SHAPE(suite_what_is_not_mapped_can_be_filled),
		cmocka_unit_test(configurations_that_do_not_fit_are_refused),
		cmocka_unit_test(entries_are_big_endian),
		cmocka_unit_test(an_upper_entry_leads_to_a_table),
		cmocka_unit_test(all_shapes),
		cmocka_unit_test(tables_made_up_front_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
