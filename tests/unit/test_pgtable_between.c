/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look-up while the owner of a neighbour maps, or cuts the large page that both are in: that
 * comes behind each instruction of the look-up in turn, which the processor stops at, and the
 * look-up finds what its own owner has mapped, nothing else. Needs a processor that single-steps
 * itself: x86-64. tests/interleave/page_table.c has the same with more owners, by accesses. And a
 * run that is being cut, as hardware finds it behind each instruction.
 */
#define _POSIX_C_SOURCE 200809L
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>
#include <signal.h>

#include "single_step.h"
#include "test.h"
#include "test_platform.h"

#define LARGE IOMMU_SIZE_2M
#define PAGE  IOMMU_SIZE_4K
#define RUN   IOMMU_SIZE_64K

static const struct iommu_pgtable_ops *ops;
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
	assert_int_equal(ops->map(&pt, iova, iova, size, IOMMU_PROT_READ, &gather, &mapped), 0);
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
	assert_int_equal(ops->unmap(&pt, 0, PAGE, IOMMU_UNMAP_SPLIT, &gather, &unmapped), 0);
}

/*
 * Look up behind every instruction, in a table of the usual number of levels, which has a walk of
 * its own, or of others; returns at how many of them the neighbour came. is_mapped: the size of
 * the page that the address is in, or 0.
 */
static unsigned int look_up_beside(void (*change)(void), uint64_t is_mapped, unsigned int levels)
{
	const iommu_iova_t iova = 7 * PAGE + 5;
	const struct sigaction action = {.sa_handler = count_step};
	struct test_platform test;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = levels,
		.input_bits = 12 + 9 * levels,
		.output_bits = 46,
		.pgsize_bitmap = PAGE | LARGE | (is_mapped == RUN ? RUN : 0),
	};

	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	neighbour = change;
	for (comes_at = 0;; comes_at++) {
		iommu_paddr_t paddr = 0;
		int status;

		test_platform_init(&test, 1 << 20, 1 << 16);
		assert_int_equal(ops->init(&pt, &config), 0);
		if (is_mapped != 0)
			map(0, is_mapped);
		steps = 0;
		step_on();
		status = ops->iova_to_phys(&pt, iova, &paddr, NULL);
		step_off();
		assert_int_equal(status, is_mapped != 0 ? 0 : IOMMU_ENOENT);
		assert_int_equal(paddr, is_mapped != 0 ? iova : 0);
		ops->destroy(&pt);
		test_platform_destroy(&test);
		if (steps <= comes_at)
			return comes_at;
	}
}

static void a_look_up_beside_a_map(void **state)
{
	(void)state;
	ops = &iommu_vtdss_ops;
	for (unsigned int levels = 3; levels <= 5; levels++)
		assert_true(look_up_beside(map_beside, 0, levels) > 20);
}

static void a_look_up_in_a_page_that_is_cut(void **state)
{
	(void)state;
	ops = &iommu_vtdss_ops;
	for (unsigned int levels = 3; levels <= 5; levels++)
		assert_true(look_up_beside(cut, LARGE, levels) > 20);
}

static void a_look_up_in_a_run_that_is_cut(void **state)
{
	(void)state;
	ops = &iommu_riscvss_ops;
	for (unsigned int levels = 3; levels <= 5; levels++)
		assert_true(look_up_beside(cut, RUN, levels) > 20);
}

/* --- A run that is being cut, as hardware reads it -------------------------------------------- */

static const uint64_t *lowest_table;
static bool seen_wrong, seen_gone;

/* Every page leads where it led, by an entry of the run or by one of its own; only one may go. */
static void look_at_all(int signal)
{
	(void)signal;
	steps++;
	for (uint64_t i = 0; i < RUN / PAGE; i++) {
		const uint64_t entry = *(const volatile uint64_t *)&lowest_table[i];
		uint64_t paddr = riscv_pte_address(entry);

		if (!riscv_pte_is_valid(entry)) {
			seen_wrong |= i != 0;
			seen_gone = true;
			continue;
		}
		if (riscv_pte_is_napot(entry))
			paddr += i * PAGE;
		seen_wrong |= paddr != i * PAGE || (entry & RISCV_PTE_PERMISSIONS) !=
							   (RISCV_PTE_READ | RISCV_PTE_EXECUTE);
		/* What was cleared is cleared when nothing is a run any longer. */
		seen_wrong |= seen_gone && riscv_pte_is_napot(entry);
	}
}

static void every_page_of_a_run_stays_while_it_is_cut(void **state)
{
	const struct sigaction action = {.sa_handler = look_at_all};
	struct test_platform test;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 3,
		.input_bits = 41,
		.output_bits = 46,
		.pgsize_bitmap = PAGE | RUN,
	};
	struct iommu_gather gather;
	const uint64_t *table;

	(void)state;
	ops = &iommu_riscvss_ops;
	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	test_platform_init(&test, 1 << 20, 1 << 16);
	assert_int_equal(ops->init(&pt, &config), 0);
	map(0, RUN);
	table = pt.root;
	for (unsigned int level = 3; level > 1; level--)
		table = iommu_phys_to_virt(&test.platform, riscv_pte_address(table[0]));
	lowest_table = table;
	assert_true(riscv_pte_is_napot(table[15]));
	iommu_gather_init(&gather);
	steps = 0;
	step_on();
	(void)ops->unmap(&pt, 0, PAGE, IOMMU_UNMAP_SPLIT, &gather, NULL);
	step_off();
	assert_true(steps > 100);
	assert_false(seen_wrong);
	assert_true(seen_gone);
	assert_false(riscv_pte_is_napot(table[15]));
	ops->destroy(&pt);
	test_platform_destroy(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_up_beside_a_map),
		cmocka_unit_test(a_look_up_in_a_page_that_is_cut),
		cmocka_unit_test(a_look_up_in_a_run_that_is_cut),
		cmocka_unit_test(every_page_of_a_run_stays_while_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
