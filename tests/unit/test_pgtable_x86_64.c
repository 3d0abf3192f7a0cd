/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The format of x86-64 processors and of the first stage: the behaviour suite at each depth, the
 * bits, the two halves of addresses, and the value of the root register.
 */
#include <string.h>

#include <libiommu/hw/tve.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/status.h>
#include <libiommu/x86_64.h>

#include "base/byteorder.h"
#include "pgtable_suite.h"
#include "test.h"

#define ALL_SIZES (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define RW        IOMMU_PROT_READ_WRITE

static struct test_platform test;
static struct iommu_pgtable pt;
static struct iommu_gather gather;
static uint64_t mapped;

static void begin(unsigned int levels, unsigned int flags)
{
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = levels,
		.input_bits = 12 + 9 * levels - 1,
		.output_bits = 46,
		.pgsize_bitmap = ALL_SIZES,
		.flags = flags,
	};

	test_platform_init(&test, 1 << 20, 0x12340000);
	assert_int_equal(iommu_x86_64_table_init(&pt, &config), 0);
	iommu_gather_init(&gather);
}

static void end(void)
{
	iommu_x86_64_table_free_gathered(&pt, &gather);
	iommu_x86_64_table_destroy(&pt);
	test_platform_destroy(&test);
}

static void map(iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size, unsigned int prot)
{
	assert_int_equal(iommu_x86_64_table_map(&pt, iova, paddr, size, prot, &gather, &mapped), 0);
}

/* As hardware walks: by the bits of the address, whatever its higher ones are. */
static uint64_t entry_for(iommu_iova_t iova, unsigned int level)
{
	const uint64_t *table = pt.root;
	unsigned int at;

	for (at = pt.levels;; at--) {
		const uint64_t entry =
			iommu_le64(table[iova >> vtd_fs_level_shift(at) & (VTD_FS_ENTRIES - 1)]);

		if (at == level)
			return entry;
		assert_true(vtd_fs_is_present(entry) && !vtd_fs_is_leaf(entry, at));
		table = iommu_phys_to_virt(&test.platform, entry & VTD_FS_ADDRESS_MASK);
	}
}

static void configurations_that_do_not_fit_are_refused(void **state)
{
	const struct iommu_pgtable_config good = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 47,
		.output_bits = 46,
		.pgsize_bitmap = ALL_SIZES,
	};
	struct iommu_pgtable_config config;
	void *top;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(iommu_x86_64_table_init(&pt, &config), IOMMU_EINVAL)
	REFUSED(levels, 3);
	REFUSED(levels, 6);
	REFUSED(input_bits, 48);
	REFUSED(input_bits, 12);
	REFUSED(output_bits, 53);
	REFUSED(output_bits, 12);
	REFUSED(pgsize_bitmap, IOMMU_SIZE_2M);
	REFUSED(pgsize_bitmap, IOMMU_SIZE_4K | 1ULL << 39);
	REFUSED(table_order, 1);
	REFUSED(flags, IOMMU_PGTABLE_EAGER);
	REFUSED(flags, IOMMU_PGTABLE_FORCE_SNOOP);
	REFUSED(flags, 1U << 31);
	/* Its flags are no other format's. */
	config = good;
	config.flags = IOMMU_PGTABLE_GLOBAL;
	assert_int_equal(iommu_vtdss_init(&pt, &config), IOMMU_EINVAL);
	config.flags = IOMMU_PGTABLE_NO_EXECUTE;
	assert_int_equal(iommu_vtdss_init(&pt, &config), IOMMU_EINVAL);
	test_platform_destroy(&test);

	begin(5, 0);
	assert_int_equal(iommu_x86_64_table_set_aperture(&pt, (1ULL << 40) - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_x86_64_table_trim(&pt, &top), IOMMU_EINVAL);
	assert_int_equal(iommu_x86_64_table_extend(&pt, pt.root, &top), IOMMU_EINVAL);
	end();
}

static void entries_have_the_bits_of_the_specification(void **state)
{
	(void)state;
	begin(4, 0);
	map(0x40000000, 0x80000000, IOMMU_SIZE_1G, RW);
	map(0x200000, 0x400000, IOMMU_SIZE_2M, IOMMU_PROT_READ);
	map(0x5000, 0x3ffffffff000, IOMMU_SIZE_4K, IOMMU_PROT_WRITE);
	/* Present, write, user, page size, the address. Tables: all permissions. */
	assert_int_equal(entry_for(0x40000000, 3), 0x80000087);
	assert_int_equal(entry_for(0x200000, 2), 0x400085);
	assert_int_equal(entry_for(0x5000, 1), 0x3ffffffff007);
	assert_int_equal(entry_for(0x5000, 2) & 0xfff, 0x7);
	assert_int_equal(entry_for(0x5000, 4) & 0xfff, 0x7);
	/* Without execute-disable its bit is reserved: the hint is not obeyed. */
	map(0x6000, 0x1000, 0x1000, RW | IOMMU_PROT_NO_EXEC | IOMMU_PROT_CACHE);
	assert_int_equal(entry_for(0x6000, 1), 0x1007);
	map(0x7000, 0x1000, 0x1000, IOMMU_PROT_READ | IOMMU_PROT_PRIVILEGED);
	assert_int_equal(entry_for(0x7000, 1), 0x1001);
	map(0x8000, 0x1000, 0x1000, RW | IOMMU_PROT_MMIO);
	assert_int_equal(entry_for(0x8000, 1), 0x101f);
	end();

	begin(5, IOMMU_PGTABLE_NO_EXECUTE | IOMMU_PGTABLE_GLOBAL | IOMMU_PGTABLE_ACCESSED);
	map(0x5000, 0x1000, 0x1000, RW | IOMMU_PROT_NO_EXEC);
	assert_int_equal(entry_for(0x5000, 1), 0x8000000000001167);
	assert_int_equal(entry_for(0x5000, 2) & ~VTD_FS_ADDRESS_MASK, 0x27);
	assert_int_equal(entry_for(0x5000, 5) & ~VTD_FS_ADDRESS_MASK, 0x27);
	end();
}

static void what_is_asked_for_is_told_again(void **state)
{
	static const unsigned int hints[] = {IOMMU_PROT_NO_EXEC, IOMMU_PROT_MMIO,
					     IOMMU_PROT_PRIVILEGED};
	iommu_paddr_t paddr;
	unsigned int i, prot;

	(void)state;
	begin(4, IOMMU_PGTABLE_NO_EXECUTE);
	for (i = 0; i < 8; i++) {
		const unsigned int wanted = IOMMU_PROT_READ | (i & 1 ? hints[0] : 0) |
					    (i & 2 ? hints[1] : 0) | (i & 4 ? hints[2] : 0);

		map(0x10000 + i * 0x1000, 0x1000, 0x1000, wanted);
		assert_int_equal(
			iommu_x86_64_table_iova_to_phys(&pt, 0x10000 + i * 0x1000, &paddr, &prot),
			0);
		assert_int_equal(prot, wanted);
	}
	/* Writing implies reading. */
	map(0x5000, 0x1000, 0x1000, IOMMU_PROT_WRITE);
	assert_int_equal(iommu_x86_64_table_iova_to_phys(&pt, 0x5000, NULL, &prot), 0);
	assert_int_equal(prot, RW);
	/* At least one of the two, and nothing unknown. */
	assert_int_equal(
		iommu_x86_64_table_map(&pt, 0x9000, 0, 0x1000, IOMMU_PROT_MMIO, &gather, &mapped),
		IOMMU_EINVAL);
	assert_int_equal(
		iommu_x86_64_table_map(&pt, 0x9000, 0, 0x1000, RW | 1 << 7, &gather, &mapped),
		IOMMU_EINVAL);
	/* A split keeps all of it. */
	map(0x40000000, 0x40000000, IOMMU_SIZE_2M, IOMMU_PROT_READ | IOMMU_PROT_PRIVILEGED);
	assert_int_equal(
		iommu_x86_64_table_unmap(&pt, 0x40000000, 0x1000, IOMMU_UNMAP_SPLIT, &gather, NULL),
		0);
	assert_int_equal(entry_for(0x40001000, 1), 0x40001001);
	end();
}

struct visits {
	unsigned int count;
	iommu_iova_t first, last;
};

static int note(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct visits *visits = ctx;

	if (visit->is_table)
		return 0;
	if (visits->count++ == 0)
		visits->first = visit->iova;
	visits->last = visit->iova;
	return 0;
}

static void addresses_have_two_halves(void **state)
{
	unsigned int levels;

	(void)state;
	for (levels = 4; levels <= 5; levels++) {
		const iommu_iova_t middle = 1ULL << vtd_fs_address_width(levels);
		const iommu_iova_t upper = -middle;
		struct visits visits = {0};
		iommu_paddr_t paddr;

		begin(levels, 0);
		assert_int_equal(pt.aperture_last, middle - 1);
		/* Each end of both, and nothing between, where addresses are not canonical. */
		map(0, 0x1000, 0x1000, RW);
		map(middle - 0x1000, 0x2000, 0x1000, RW);
		map(upper, 0x3000, 0x1000, RW);
		map(-0x1000ULL, 0x4000, 0x1000, RW);
		assert_int_equal(entry_for(upper, 1) & VTD_FS_ADDRESS_MASK, 0x3000);
		assert_int_equal(entry_for(UINT64_MAX, 1) & VTD_FS_ADDRESS_MASK, 0x4000);
		assert_int_equal(iommu_x86_64_table_iova_to_phys(&pt, UINT64_MAX, &paddr, NULL), 0);
		assert_int_equal(paddr, 0x4fff);
		assert_int_equal(iommu_x86_64_table_iova_to_phys(&pt, upper, &paddr, NULL), 0);
		assert_int_equal(paddr, 0x3000);
		assert_int_equal(iommu_x86_64_table_iova_to_phys(&pt, middle, &paddr, NULL),
				 IOMMU_ERANGE);
		assert_int_equal(iommu_x86_64_table_iova_to_phys(&pt, upper - 1, &paddr, NULL),
				 IOMMU_ERANGE);
		assert_int_equal(
			iommu_x86_64_table_map(&pt, middle, 0, 0x1000, RW, &gather, &mapped),
			IOMMU_ERANGE);
		assert_int_equal(iommu_x86_64_table_map(&pt, upper - 0x1000, 0, 0x1000, RW, &gather,
							&mapped),
				 IOMMU_ERANGE);
		/* Over the end of a half, and over the end of all. */
		assert_int_equal(iommu_x86_64_table_map(&pt, middle - 0x1000, 0, 0x2000, RW,
							&gather, &mapped),
				 IOMMU_ERANGE);
		assert_int_equal(
			iommu_x86_64_table_map(&pt, -0x1000ULL, 0, 0x2000, RW, &gather, &mapped),
			IOMMU_EOVERFLOW);
		assert_int_equal(
			iommu_x86_64_table_unmap(&pt, -0x1000ULL, 0x2000, 0, &gather, NULL),
			IOMMU_EOVERFLOW);
		/* One walk through both; parts of it. */
		assert_int_equal(iommu_x86_64_table_walk(&pt, 0, UINT64_MAX, note, &visits), 0);
		assert_int_equal(visits.count, 4);
		assert_int_equal(visits.first, 0);
		assert_int_equal(visits.last, -0x1000ULL);
		visits.count = 0;
		assert_int_equal(iommu_x86_64_table_walk(&pt, 0x1000, upper, note, &visits), 0);
		assert_int_equal(visits.count, 2);
		assert_int_equal(visits.last, upper);
		assert_int_equal(iommu_x86_64_table_walk(&pt, middle, upper - 1, note, &visits),
				 IOMMU_ERANGE);
		/* Large pages up to the very end. */
		assert_int_equal(
			iommu_x86_64_table_unmap(&pt, -0x1000ULL, 0x1000, 0, &gather, NULL), 0);
		map(-(uint64_t)(3 * IOMMU_SIZE_1G), 0, 3 * IOMMU_SIZE_1G, RW);
		assert_int_equal(mapped, 3 * IOMMU_SIZE_1G);
		assert_int_equal(iommu_x86_64_table_iova_to_phys(&pt, UINT64_MAX, &paddr, NULL), 0);
		assert_int_equal(paddr, 3 * IOMMU_SIZE_1G - 1);
		assert_int_equal(iommu_x86_64_table_unmap(&pt, upper, middle, 0, &gather, &mapped),
				 0);
		assert_int_equal(mapped, 3 * IOMMU_SIZE_1G + 0x1000);
		assert_int_equal(gather.last, UINT64_MAX);
		end();
	}
}

/* Tables of another owner, with entries that hardware would refuse. */
static void foreign_tables_are_checked(void **state)
{
	static const uint64_t bad[] = {
		VTD_FS_NO_EXECUTE | 0x1007, /* execute-disable is off */
		(1ULL << 50) | 0x7,         /* an address that is too wide */
	};
	struct iommu_pgtable copy;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 47,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};
	uint64_t *table;
	unsigned int i;

	(void)state;
	begin(4, 0);
	map(-0x5000ULL, 0x1000, 0x1000, RW);
	map(0x200000, 0x200000, IOMMU_SIZE_2M, IOMMU_PROT_READ | IOMMU_PROT_PRIVILEGED);
	assert_int_equal(iommu_x86_64_table_init(&copy, &config), 0);
	assert_int_equal(iommu_x86_64_table_clone(
				 &copy, iommu_virt_to_phys(&test.platform, pt.root), NULL, NULL),
			 0);
	assert_int_equal(iommu_x86_64_table_iova_to_phys(&copy, -0x5000ULL, NULL, NULL), 0);
	iommu_x86_64_table_destroy(&copy);
	table = iommu_phys_to_virt(&test.platform, entry_for(-0x5000ULL, 2) & VTD_FS_ADDRESS_MASK);
	for (i = 0; i < 2; i++) {
		table[0] = iommu_le64(bad[i]);
		assert_int_equal(iommu_x86_64_table_init(&copy, &config), 0);
		assert_int_equal(
			iommu_x86_64_table_clone(&copy, iommu_virt_to_phys(&test.platform, pt.root),
						 NULL, NULL),
			IOMMU_EINVAL);
	}
	table[0] = 0;
	end();
}

#define AT_EVERY_DEPTH(test)                                                                       \
	{#test " (4 levels)", test, suite_setup, suite_teardown, &suite_4_levels},                 \
	{                                                                                          \
#test " (5 levels)", test, suite_setup, suite_teardown, &suite_5_levels            \
	}

static struct pgtable_suite_format suite_4_levels = {
	&iommu_x86_64_table_ops, 4, 47, ALL_SIZES, 1, 0, 0};
static struct pgtable_suite_format suite_5_levels = {
	&iommu_x86_64_table_ops, 5, 56, ALL_SIZES, 1, 0, 0};

/* What an address leads to, as a processor finds it: from CR3, by physical addresses. */
static uint64_t processor_walks(uint64_t cr3, unsigned int levels, uint64_t address)
{
	uint64_t entry = cr3;
	unsigned int level;

	for (level = levels; level != 0; level--) {
		const uint64_t *table =
			iommu_phys_to_virt(&test.platform, entry & VTD_FS_ADDRESS_MASK);
		const uint64_t span = 1ULL << vtd_fs_level_shift(level);

		entry = iommu_le64(table[address >> vtd_fs_level_shift(level) & 511]);
		assert_true(vtd_fs_is_present(entry));
		if (vtd_fs_is_leaf(entry, level))
			return (entry & VTD_FS_ADDRESS_MASK & ~(span - 1)) | (address & (span - 1));
	}
	return 0;
}

static void a_processor_is_given_the_table(void **state)
{
	unsigned int levels;

	(void)state;
	for (levels = 4; levels <= 5; levels++) {
		const iommu_iova_t kernel = levels == 4 ? 0xffff800000000000 : 0xff00000000000000;
		uint64_t cr3;

		begin(levels, IOMMU_PGTABLE_NO_EXECUTE);
		map(0x401000, 0x7fff5000, IOMMU_SIZE_4K, IOMMU_PROT_READ);
		map(kernel, 0x40000000, IOMMU_SIZE_1G, RW | IOMMU_PROT_PRIVILEGED);
		cr3 = iommu_x86_64_table_cr3(&pt, 0);
		assert_int_equal(cr3, iommu_virt_to_phys(&test.platform, pt.root));
		assert_int_equal(cr3, iommu_pgtable_root(&pt));
		assert_int_equal(processor_walks(cr3, levels, 0x401234), 0x7fff5234);
		assert_int_equal(processor_walks(cr3, levels, kernel + 0x123456), 0x40123456);
		/* An identifier stands where a table's address has no bits; the rest is cut. */
		assert_int_equal(iommu_x86_64_table_cr3(&pt, 0xfff), cr3 | 0xfff);
		assert_int_equal(iommu_x86_64_table_cr3(&pt, 0x1001), cr3 | 1);
		/* The unit's name for the same. */
		assert_ptr_equal(&iommu_vtdfs_ops, &iommu_x86_64_table_ops);
		assert_string_equal(iommu_x86_64_table_ops.name, "x86_64");
		end();
	}
}

static void the_root_is_that_of_the_moment(void **state)
{
	const struct iommu_pgtable_config second = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 39,
		.output_bits = 46,
		.pgsize_bitmap = ALL_SIZES,
	};
	const struct iommu_pgtable_config power = {
		.platform = &test.platform,
		.levels = 2,
		.input_bits = 40,
		.output_bits = 50,
		.pgsize_bitmap = 1 << 16,
		.table_order = 4,
	};
	iommu_paddr_t before;
	uint64_t tve;
	void *top;

	(void)state;
	test_platform_init(&test, 1 << 20, 0x12340000);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_init(&pt, &second), 0);
	before = iommu_pgtable_root(&pt);
	assert_int_equal(iommu_vtdss_trim(&pt, &top), 0);
	assert_int_equal(iommu_virt_to_phys(&test.platform, top), before);
	assert_int_not_equal(iommu_pgtable_root(&pt), before);
	iommu_vtdss_free_top(&pt, top, 4);
	iommu_vtdss_destroy(&pt);

	/* As the header says of a window. */
	assert_int_equal(iommu_tce_init(&pt, &power), 0);
	tve = tve_table(iommu_pgtable_root(&pt), pt.levels, IOMMU_PAGE_SHIFT + pt.table_order,
			pt.page_shift);
	assert_int_equal(tve_table_address(tve), iommu_virt_to_phys(&test.platform, pt.root));
	assert_int_equal(tve_levels(tve), 2);
	assert_int_equal(tve_table_shift(tve), 16);
	assert_int_equal(tve_page_shift(tve), 16);
	iommu_tce_destroy(&pt);
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
		cmocka_unit_test(entries_have_the_bits_of_the_specification),
		cmocka_unit_test(what_is_asked_for_is_told_again),
		cmocka_unit_test(addresses_have_two_halves),
		cmocka_unit_test(foreign_tables_are_checked),
		cmocka_unit_test(a_processor_is_given_the_table),
		cmocka_unit_test(the_root_is_that_of_the_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
