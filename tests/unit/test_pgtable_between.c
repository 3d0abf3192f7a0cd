/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look-up while the owner of a neighbour maps, or cuts the large page that both are in: that
 * comes behind each instruction of the look-up in turn, which the processor stops at, and the
 * look-up finds what its own owner has mapped, nothing else. Needs a processor that single-steps
 * itself: x86-64. tests/interleave/page_table.c has the same with more owners, by accesses.
 */
#define _POSIX_C_SOURCE 200809L
#include <libiommu/pgtable.h>
#include <libiommu/status.h>
#include <signal.h>

#include "single_step.h"
#include "test.h"
#include "test_platform.h"

#define LARGE IOMMU_SIZE_2M
#define PAGE  IOMMU_SIZE_4K

static struct iommu_pgtable pt;
static void (*neighbour)(void);
static unsigned int steps, comes_at;

static void count_step(int signal)
{
	(void)signal;
	if (steps++ == comes_at)
		neighbour();
}

static void map(iommu_iova_t iova, uint64_t size)
{
	struct iommu_gather gather;
	uint64_t mapped;

	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_map(&pt, iova, iova, size, IOMMU_PROT_READ, &gather, &mapped),
			 0);
}

static void map_beside(void)
{
	map(PAGE, PAGE);
}

static void cut(void)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_unmap(&pt, 0, PAGE, IOMMU_UNMAP_SPLIT, &gather, &unmapped), 0);
}

/*
 * Look up behind every instruction, in a table of the usual number of levels, which has a walk of
 * its own, or of others; returns at how many of them the neighbour came.
 */
static unsigned int look_up_beside(void (*change)(void), bool is_mapped, unsigned int levels)
{
	const iommu_iova_t iova = 7 * PAGE + 5;
	const struct sigaction action = {.sa_handler = count_step};
	struct test_platform test;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = levels,
		.input_bits = 12 + 9 * levels,
		.output_bits = 46,
		.pgsize_bitmap = PAGE | LARGE,
	};

	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	neighbour = change;
	for (comes_at = 0;; comes_at++) {
		iommu_paddr_t paddr = 0;
		int status;

		test_platform_init(&test, 1 << 20, 1 << 16);
		assert_int_equal(iommu_vtdss_init(&pt, &config), 0);
		if (is_mapped)
			map(0, LARGE);
		steps = 0;
		step_on();
		status = iommu_vtdss_iova_to_phys(&pt, iova, &paddr, NULL);
		step_off();
		assert_int_equal(status, is_mapped ? 0 : IOMMU_ENOENT);
		assert_int_equal(paddr, is_mapped ? iova : 0);
		iommu_vtdss_destroy(&pt);
		test_platform_destroy(&test);
		if (steps <= comes_at)
			return comes_at;
	}
}

static void a_look_up_beside_a_map(void **state)
{
	(void)state;
	for (unsigned int levels = 3; levels <= 5; levels++)
		assert_true(look_up_beside(map_beside, false, levels) > 20);
}

static void a_look_up_in_a_page_that_is_cut(void **state)
{
	(void)state;
	for (unsigned int levels = 3; levels <= 5; levels++)
		assert_true(look_up_beside(cut, true, levels) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_up_beside_a_map),
		cmocka_unit_test(a_look_up_in_a_page_that_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
