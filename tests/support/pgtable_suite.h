/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The behaviour that every page-table format must show, if it may change the size of a page while
 * hardware walks. A format's test file lists these functions (the marked ones only if it has large
 * pages) with suite_setup, suite_teardown and one struct pgtable_suite_format as the initial state.
 */
#ifndef PGTABLE_SUITE_H
#define PGTABLE_SUITE_H

#include <libiommu/pgtable.h>

#include "test_platform.h"

struct pgtable_suite_format {
	const struct iommu_pgtable_ops *ops;
	unsigned int levels;
	unsigned int input_bits;
	uint64_t pgsize_bitmap;
	uint64_t root_pages; /* that count of an empty table */
	/* Of tables that are larger than a page of the host; 0: 512. */
	uint64_t table_entries;
	unsigned int flags; /* enum iommu_pgtable_flags */
};

int suite_setup(void **state);
int suite_teardown(void **state);

void suite_arguments(void **state);
void suite_ends_of_the_aperture(void **state);
/* Large pages. */
void suite_largest_pages_are_used(void **state);
void suite_empty_table_gives_way(void **state);
void suite_cut_is_refused_or_split(void **state);
/* All. */
void suite_mapped_range_is_refused(void **state);
void suite_tables_wait_in_the_gather(void **state);
void suite_unmap_skips_holes(void **state);
void suite_each_allocation_fails_in_turn(void **state);
void suite_page_budget(void **state);
void suite_tables_out_of_reach(void **state);
void suite_walk_order_and_stop(void **state);
void suite_noncoherent_walker_sees_no_garbage(void **state);
void suite_two_tables_are_independent(void **state);
void suite_one_page_alone(void **state);
void suite_pieces_alone(void **state);
void suite_pieces_at_the_end_of_a_table(void **state);
void suite_what_is_not_mapped_can_be_filled(void **state);

#endif
