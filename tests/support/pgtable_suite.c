/* SPDX-License-Identifier: BSD-2-Clause */
#include "pgtable_suite.h"

#include <string.h>

#include <libiommu/pgsize.h>
#include <libiommu/status.h>

#include "test.h"

#define ARENA_BASE     0x10000000ULL
#define ARENA_SIZE     (1ULL << 26)
#define SIZES_4K_2M_1G (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define RW             IOMMU_PROT_READ_WRITE

struct suite {
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_ops *ops;
	struct iommu_gather gather;
	struct iommu_pgtable_config config;
};

int suite_setup(void **state)
{
	const struct pgtable_suite_format *format = *state;
	struct suite *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	test_platform_init(&s->test, ARENA_SIZE, ARENA_BASE);
	s->ops = format->ops;
	s->config = (struct iommu_pgtable_config){
		.platform = &s->test.platform,
		.levels = format->levels,
		.input_bits = format->input_bits,
		.output_bits = 46,
		.pgsize_bitmap = SIZES_4K_2M_1G,
		.node = IOMMU_NODE_ANY,
	};
	assert_int_equal(s->ops->init(&s->pt, &s->config), 0);
	iommu_gather_init(&s->gather);
	*state = s;
	return 0;
}

int suite_teardown(void **state)
{
	struct suite *s = *state;

	s->ops->free_gathered(&s->pt, &s->gather);
	s->ops->destroy(&s->pt);
	test_platform_destroy(&s->test);
	free(s);
	return 0;
}

/* Start again with other settings. */
static void restart(struct suite *s)
{
	s->ops->free_gathered(&s->pt, &s->gather);
	s->ops->destroy(&s->pt);
	assert_int_equal(s->ops->init(&s->pt, &s->config), 0);
}

static int map(struct suite *s, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size)
{
	uint64_t mapped;

	return s->ops->map(&s->pt, iova, paddr, size, RW, &s->gather, &mapped);
}

static int unmap(struct suite *s, iommu_iova_t iova, uint64_t size, unsigned int flags)
{
	uint64_t unmapped;

	return s->ops->unmap(&s->pt, iova, size, flags, &s->gather, &unmapped);
}

static void assert_leads_to(struct suite *s, iommu_iova_t iova, iommu_paddr_t expected)
{
	iommu_paddr_t paddr = 0;

	assert_int_equal(s->ops->iova_to_phys(&s->pt, iova, &paddr, NULL), 0);
	assert_int_equal(paddr, expected);
}

static void assert_unmapped(struct suite *s, iommu_iova_t iova)
{
	assert_int_equal(s->ops->iova_to_phys(&s->pt, iova, NULL, NULL), IOMMU_ENOENT);
}

/* Leaves of each size, and tables, in a range. */
struct shape {
	size_t leaves_4k, leaves_2m, leaves_1g, tables;
};

static int count_entry(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct shape *shape = ctx;

	shape->tables += visit->is_table;
	shape->leaves_4k += !visit->is_table && visit->size == IOMMU_SIZE_4K;
	shape->leaves_2m += !visit->is_table && visit->size == IOMMU_SIZE_2M;
	shape->leaves_1g += !visit->is_table && visit->size == IOMMU_SIZE_1G;
	return 0;
}

static struct shape shape_of(struct suite *s)
{
	struct shape shape = {0};

	assert_int_equal(s->ops->walk(&s->pt, 0, UINT64_MAX, count_entry, &shape), 0);
	return shape;
}

void suite_arguments(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t end = s->pt.aperture_last + 1;
	const struct {
		uint64_t iova, paddr, size;
		unsigned int prot;
		int status;
	} cases[] = {
		{0, 0, 0, RW, IOMMU_EINVAL},
		{0x1000, 0x1000, 0x1001, RW, IOMMU_EINVAL},
		{0x1001, 0x1000, 0x1000, RW, IOMMU_EINVAL},
		{0x1000, 0x1800, 0x1000, RW, IOMMU_EINVAL},
		{0x1000, 0x1000, 0x1000, 0, IOMMU_EINVAL},
		{0x1000, 0x1000, 0x1000, RW | 1U << 30, IOMMU_EINVAL},
		{UINT64_MAX - 0xfff, 0x1000, 0x2000, RW, IOMMU_EOVERFLOW},
		{0x1000, UINT64_MAX - 0xfff, 0x2000, RW, IOMMU_EOVERFLOW},
		{0x1000, 0x1000, UINT64_MAX - 0xfff, RW, IOMMU_ERANGE},
		{end, 0x1000, 0x1000, RW, IOMMU_ERANGE},
		{end - 0x1000, 0x1000, 0x2000, RW, IOMMU_ERANGE},
		{0, 0, end + 0x1000, RW, IOMMU_ERANGE},
		{0x1000, 1ULL << 46, 0x1000, RW, IOMMU_ERANGE},
		{0x1000, (1ULL << 46) - 0x1000, 0x2000, RW, IOMMU_ERANGE},
	};
	uint64_t mapped, unmapped;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mapped = 1;
		assert_int_equal(s->ops->map(&s->pt, cases[i].iova, cases[i].paddr, cases[i].size,
					     cases[i].prot, &s->gather, &mapped),
				 cases[i].status);
		assert_int_equal(mapped, 0);
	}
	unmapped = 1;
	assert_int_equal(s->ops->unmap(&s->pt, 0, 0, 0, &s->gather, &unmapped), IOMMU_EINVAL);
	assert_int_equal(unmapped, 0);
	assert_int_equal(unmap(s, 0x800, 0x1000, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, 0, 0x800, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, UINT64_MAX - 0xfff, 0x2000, 0), IOMMU_EOVERFLOW);
	assert_int_equal(unmap(s, end - 0x1000, 0x2000, 0), IOMMU_ERANGE);
	assert_int_equal(unmap(s, end, 0x1000, 0), IOMMU_ERANGE);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, end, NULL, NULL), IOMMU_ERANGE);
	assert_int_equal(s->ops->walk(&s->pt, 1, 0, count_entry, NULL), IOMMU_EINVAL);
	assert_int_equal(s->ops->walk(&s->pt, end, end, count_entry, NULL), IOMMU_ERANGE);
	/* Nothing was touched. */
	assert_int_equal(s->pt.pages, 1);
	assert_true(iommu_gather_is_empty(&s->gather));
	assert_int_equal(shape_of(s).leaves_4k, 0);
}

void suite_ends_of_the_aperture(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t top = s->pt.aperture_last - 0xfff;
	unsigned int prot;

	assert_int_equal(map(s, 0, (1ULL << 46) - 0x1000, 0x1000), 0);
	assert_int_equal(map(s, top, 0, 0x1000), 0);
	assert_leads_to(s, 0x123, (1ULL << 46) - 0x1000 + 0x123);
	assert_leads_to(s, s->pt.aperture_last, 0xfff);
	assert_unmapped(s, 0x1000);
	assert_unmapped(s, top - 1);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, 0, NULL, &prot), 0);
	assert_int_equal(prot, RW);

	/* The whole aperture at once, and nothing is left but the root. */
	assert_int_equal(unmap(s, 0, s->pt.aperture_last + 1, 0), 0);
	assert_int_equal(s->gather.start, 0);
	assert_int_equal(s->gather.last, s->pt.aperture_last);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->pt.pages, 1);
}

void suite_largest_pages_are_used(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t iova = IOMMU_SIZE_1G - IOMMU_SIZE_2M - IOMMU_SIZE_4K;
	const uint64_t size = IOMMU_SIZE_1G + 2 * (IOMMU_SIZE_2M + IOMMU_SIZE_4K);
	struct shape shape;

	/* Up to the border in small pages, then larger, and down again at the other end. */
	assert_int_equal(map(s, iova, iova + 4 * IOMMU_SIZE_1G, size), 0);
	shape = shape_of(s);
	assert_int_equal(shape.leaves_4k, 2);
	assert_int_equal(shape.leaves_2m, 2);
	assert_int_equal(shape.leaves_1g, 1);
	assert_leads_to(s, iova, iova + 4 * IOMMU_SIZE_1G);
	assert_leads_to(s, iova + size - 1, iova + size - 1 + 4 * IOMMU_SIZE_1G);
	assert_unmapped(s, iova - 1);
	assert_unmapped(s, iova + size);

	/* The same target, one page off: no large page ever fits. */
	assert_int_equal(map(s, 4 * IOMMU_SIZE_1G, IOMMU_SIZE_4K, 2 * IOMMU_SIZE_2M), 0);
	assert_int_equal(shape_of(s).leaves_4k, 2 + 1024);

	/* Without 1G in the bitmap 2M pages do it. */
	s->config.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M;
	restart(s);
	assert_int_equal(map(s, IOMMU_SIZE_1G, 0, IOMMU_SIZE_1G), 0);
	assert_int_equal(shape_of(s).leaves_2m, 512);

	/* Without 2M, 1G still serves where it fits and 4K elsewhere. */
	s->config.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_1G;
	restart(s);
	assert_int_equal(map(s, IOMMU_SIZE_1G, 0, IOMMU_SIZE_1G + IOMMU_SIZE_2M), 0);
	shape = shape_of(s);
	assert_int_equal(shape.leaves_1g, 1);
	assert_int_equal(shape.leaves_4k, 512);
}

void suite_mapped_range_is_refused(void **state)
{
	struct suite *s = *state;
	uint64_t mapped;

	assert_int_equal(map(s, 0x200000, 0x200000, 0x200000), 0); /* a 2M page */
	assert_int_equal(map(s, 0x5000, 0x5000, 0x1000), 0);       /* a 4K page */
	s->ops->free_gathered(&s->pt, &s->gather);

	/* A small page in a large one, a large one over a small one, a run that ends in one. */
	assert_int_equal(map(s, 0x201000, 0, 0x1000), IOMMU_EEXIST);
	assert_int_equal(map(s, 0x5000, 0x9000, 0x1000), IOMMU_EEXIST);
	assert_int_equal(map(s, 0, 0x40000000, IOMMU_SIZE_1G), IOMMU_EEXIST);
	assert_int_equal(map(s, 0, 0x400000, IOMMU_SIZE_2M), IOMMU_EEXIST);
	assert_int_equal(map(s, 0, 0x9000, 0x6000), IOMMU_EEXIST);
	assert_true(iommu_gather_is_empty(&s->gather)); /* none of these was ever visible */

	/* Found late: what was visible in between is undone, reported, and in the gather. */
	assert_int_equal(s->ops->map(&s->pt, 0x1fe000, 0x1000, 0x4000, RW, &s->gather, &mapped),
			 IOMMU_EEXIST);
	assert_int_equal(mapped, 0x2000);
	assert_true(s->gather.start <= 0x1fe000 && s->gather.last >= 0x1fffff);
	assert_unmapped(s, 0x1fe000);
	assert_unmapped(s, 0x1ff000);
	assert_leads_to(s, 0x5000, 0x5000);
	assert_leads_to(s, 0x201000, 0x201000);
	assert_unmapped(s, 0x4000);
}

void suite_empty_table_gives_way(void **state)
{
	struct suite *s = *state;
	size_t pages;

	/* Page by page the range becomes empty, but its tables stay. */
	assert_int_equal(map(s, 0, 0x1000, IOMMU_SIZE_2M), 0);
	assert_int_equal(unmap(s, 0, IOMMU_SIZE_2M - 0x1000, 0), 0);
	assert_int_equal(unmap(s, IOMMU_SIZE_2M - 0x1000, 0x1000, 0), 0);
	s->ops->free_gathered(&s->pt, &s->gather);
	pages = s->test.hosted.pages_in_use;

	/* A 2M page takes the table's place; the table waits for an invalidation. */
	assert_int_equal(map(s, 0, 0, IOMMU_SIZE_2M), 0);
	assert_int_equal(shape_of(s).leaves_2m, 1);
	assert_true(s->gather.tables_unlinked);
	assert_false(iommu_gather_is_empty(&s->gather));
	assert_int_equal(s->test.hosted.pages_in_use, pages);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->test.hosted.pages_in_use, pages - 1);

	/* The same one level up: a 1G page in place of a tree of empty tables. */
	assert_int_equal(unmap(s, 0, IOMMU_SIZE_2M, 0), 0);
	assert_int_equal(map(s, IOMMU_SIZE_2M, 0x1000, 0x1000), 0);
	assert_int_equal(unmap(s, IOMMU_SIZE_2M, 0x1000, 0), 0);
	assert_int_equal(map(s, 0, IOMMU_SIZE_1G, IOMMU_SIZE_1G), 0);
	assert_int_equal(shape_of(s).leaves_1g, 1);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->pt.pages, 1 + shape_of(s).tables);
}

void suite_cut_is_refused_or_split(void **state)
{
	struct suite *s = *state;
	struct shape shape;
	uint64_t unmapped;

	assert_int_equal(map(s, 0, 0, 2 * IOMMU_SIZE_1G), 0);
	assert_int_equal(unmap(s, 0x1000, 0x1000, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, 0, IOMMU_SIZE_2M, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, 0x1000, IOMMU_SIZE_1G - 0x1000, 0), IOMMU_EINVAL);
	/* A range that covers one page whole and cuts the next: nothing goes. */
	assert_int_equal(unmap(s, 0, IOMMU_SIZE_1G + 0x1000, 0), IOMMU_EINVAL);
	assert_true(iommu_gather_is_empty(&s->gather));
	assert_leads_to(s, 0, 0);

	/* Split only as far as the cut needs. The gather covers the page that was split. */
	assert_int_equal(
		s->ops->unmap(&s->pt, 0x1000, 0x1000, IOMMU_UNMAP_SPLIT, &s->gather, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	assert_true(s->gather.start == 0 && s->gather.last >= IOMMU_SIZE_1G - 1);
	shape = shape_of(s);
	assert_int_equal(shape.leaves_1g, 1);
	assert_int_equal(shape.leaves_2m, 511);
	assert_int_equal(shape.leaves_4k, 511);
	assert_leads_to(s, 0xfff, 0xfff);
	assert_unmapped(s, 0x1000);
	assert_leads_to(s, 0x2000, 0x2000);
	assert_leads_to(s, 2 * IOMMU_SIZE_1G - 1, 2 * IOMMU_SIZE_1G - 1);

	/* Both ends cut, in different pages. */
	assert_int_equal(s->ops->unmap(&s->pt, IOMMU_SIZE_1G - 0x1000, 0x2000, IOMMU_UNMAP_SPLIT,
				       &s->gather, &unmapped),
			 0);
	assert_int_equal(unmapped, 0x2000);
	assert_leads_to(s, IOMMU_SIZE_1G - 0x1001, IOMMU_SIZE_1G - 0x1001);
	assert_unmapped(s, IOMMU_SIZE_1G - 0x1000);
	assert_unmapped(s, IOMMU_SIZE_1G + 0xfff);
	assert_leads_to(s, IOMMU_SIZE_1G + 0x1000, IOMMU_SIZE_1G + 0x1000);

	/* No memory for a table: nothing changed. */
	assert_int_equal(map(s, 8 * IOMMU_SIZE_1G, 0, IOMMU_SIZE_1G), 0);
	s->test.fail_after = 1;
	assert_int_equal(unmap(s, 8 * IOMMU_SIZE_1G, 0x1000, IOMMU_UNMAP_SPLIT), IOMMU_ENOMEM);
	s->test.fail_after = 0;
	assert_leads_to(s, 8 * IOMMU_SIZE_1G, 0);

	/* 1G has to become 4K at once when there is no 2M. */
	s->config.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_1G;
	restart(s);
	assert_int_equal(map(s, 0, 0, IOMMU_SIZE_1G), 0);
	s->test.fail_after = s->test.allocations + 200; /* half way */
	assert_int_equal(unmap(s, 0x5000, 0x1000, IOMMU_UNMAP_SPLIT), IOMMU_ENOMEM);
	s->test.fail_after = 0;
	assert_int_equal(shape_of(s).leaves_1g, 1);
	assert_int_equal(unmap(s, 0x5000, 0x1000, IOMMU_UNMAP_SPLIT), 0);
	assert_int_equal(shape_of(s).leaves_4k, 512 * 512 - 1);
}

void suite_tables_wait_in_the_gather(void **state)
{
	struct suite *s = *state;
	size_t with_all;

	/* Three gigabytes of small pages: a tree whose first entries are tables, at each level. */
	assert_int_equal(map(s, 0, 0x1000, 3 * IOMMU_SIZE_1G), 0);
	with_all = s->test.hosted.pages_in_use;
	assert_int_equal(unmap(s, 0, 3 * IOMMU_SIZE_1G, 0), 0);
	assert_unmapped(s, 0);
	assert_true(s->gather.tables_unlinked);
	assert_int_equal(s->gather.start, 0);
	assert_int_equal(s->gather.last, 3 * IOMMU_SIZE_1G - 1);
	assert_int_equal(s->gather.pgsize, IOMMU_SIZE_4K);

	/* Nothing goes back to the host before the invalidation; then all of it. */
	assert_int_equal(s->test.hosted.pages_in_use, with_all);
	assert_int_equal(s->pt.pages, with_all);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->pt.pages, 1 + shape_of(s).tables);
	assert_int_equal(s->test.hosted.pages_in_use, s->pt.pages);
	assert_true(iommu_gather_is_empty(&s->gather));

	/* A range that covers a table in part only clears it. */
	assert_int_equal(map(s, 0, 0x1000, IOMMU_SIZE_2M), 0);
	assert_int_equal(unmap(s, 0, IOMMU_SIZE_2M - 0x1000, 0), 0);
	assert_false(s->gather.tables_unlinked);
	assert_leads_to(s, IOMMU_SIZE_2M - 0x1000, IOMMU_SIZE_2M);

	/* Without a count the result is the same. */
	assert_int_equal(s->ops->unmap(&s->pt, 0, IOMMU_SIZE_2M, 0, &s->gather, NULL), 0);
	assert_unmapped(s, IOMMU_SIZE_2M - 0x1000);
	assert_true(s->gather.tables_unlinked);
}

void suite_unmap_skips_holes(void **state)
{
	struct suite *s = *state;
	uint64_t unmapped;

	assert_int_equal(map(s, 0x1000, 0x1000, 0x1000), 0);
	assert_int_equal(map(s, 0x3000, 0x3000, 0x2000), 0);
	assert_int_equal(map(s, IOMMU_SIZE_2M, 0, IOMMU_SIZE_2M), 0);
	assert_int_equal(map(s, 2 * IOMMU_SIZE_1G, 0x1000, 0x1000), 0);
	assert_int_equal(s->ops->unmap(&s->pt, 0x2000, 4 * IOMMU_SIZE_1G, 0, &s->gather, &unmapped),
			 0);
	assert_int_equal(unmapped, 0x2000 + IOMMU_SIZE_2M + 0x1000);
	assert_leads_to(s, 0x1000, 0x1000);
	s->ops->free_gathered(&s->pt, &s->gather);

	/* A range in which nothing is mapped is no error, and owes nothing. */
	assert_int_equal(
		s->ops->unmap(&s->pt, 16 * IOMMU_SIZE_1G, IOMMU_SIZE_1G, 0, &s->gather, &unmapped),
		0);
	assert_int_equal(unmapped, 0);
	assert_true(iommu_gather_is_empty(&s->gather));
}

void suite_each_allocation_fails_in_turn(void **state)
{
	struct suite *s = *state;
	/* Two neighbours in the tables that the range shares with them. */
	const iommu_iova_t iova = IOMMU_SIZE_1G - 2 * IOMMU_SIZE_2M - 0x3000;
	const uint64_t size = 4 * IOMMU_SIZE_2M + 0x6000;
	uint64_t n, mapped;
	int status = IOMMU_ENOMEM;

	assert_int_equal(map(s, iova - 0x1000, 0x7000, 0x1000), 0);
	assert_int_equal(map(s, iova + size, 0x8000, 0x1000), 0);
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		struct shape before = shape_of(s), after;

		s->test.fail_after = s->test.allocations + n;
		status = s->ops->map(&s->pt, iova, 0x1000, size, RW, &s->gather, &mapped);
		s->test.fail_after = 0;
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		if (mapped != 0) {
			assert_true(s->gather.start <= iova);
			assert_true(s->gather.last >= iova + mapped - 1);
		}
		s->ops->free_gathered(&s->pt, &s->gather);
		after = shape_of(s);
		assert_int_equal(after.leaves_4k, before.leaves_4k);
		assert_int_equal(after.leaves_2m, before.leaves_2m);
		assert_int_equal(s->pt.pages, 1 + after.tables);
		assert_unmapped(s, iova);
		assert_unmapped(s, iova + size - 1);
		assert_leads_to(s, iova - 0x1000, 0x7000);
		assert_leads_to(s, iova + size, 0x8000);
	}
	assert_int_equal(status, 0);
	assert_true(n > 3); /* it did fail a few times */
	assert_leads_to(s, iova + size - 1, 0x1000 + size - 1);
}

void suite_page_budget(void **state)
{
	struct suite *s = *state;

	/* Room for the root and one chain of tables. */
	s->config.max_pages = s->config.levels;
	restart(s);
	assert_int_equal(map(s, 0, 0, 0x1000), 0);
	assert_int_equal(s->pt.pages, s->config.levels);
	assert_int_equal(map(s, 0x1000, 0x1000, 0x5000), 0);
	assert_int_equal(map(s, IOMMU_SIZE_2M, 0, 0x1000), IOMMU_ENOMEM);
	assert_int_equal(s->pt.pages, s->config.levels);
	assert_unmapped(s, IOMMU_SIZE_2M);

	/* Pages that wait in a gather still count. */
	assert_int_equal(unmap(s, 0, IOMMU_SIZE_2M, 0), 0);
	assert_int_equal(map(s, IOMMU_SIZE_2M, 0, 0x1000), IOMMU_ENOMEM);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(map(s, IOMMU_SIZE_2M, 0, 0x1000), 0);
	s->config.max_pages = 0;
}

struct walk_log {
	size_t entries, stop_at;
	iommu_iova_t last_leaf;
	unsigned int last_level;
	bool ordered;
};

static int log_entry(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct walk_log *log = ctx;

	if (!visit->is_table) {
		log->ordered &= log->last_leaf == UINT64_MAX || visit->iova > log->last_leaf;
		log->last_leaf = visit->iova;
	}
	log->last_level = visit->level;
	return ++log->entries == log->stop_at ? 42 : 0;
}

void suite_walk_order_and_stop(void **state)
{
	struct suite *s = *state;
	struct walk_log log = {.last_leaf = UINT64_MAX, .ordered = true};

	assert_int_equal(map(s, 0x5000, 0x5000, 0x2000), 0);
	assert_int_equal(map(s, IOMMU_SIZE_1G, 0, IOMMU_SIZE_2M + 0x1000), 0);
	assert_int_equal(s->ops->walk(&s->pt, 0, UINT64_MAX, log_entry, &log), 0);
	assert_true(log.ordered);
	assert_int_equal(log.entries, 4 + shape_of(s).tables);
	assert_int_equal(log.last_leaf, IOMMU_SIZE_1G + IOMMU_SIZE_2M);

	/* Only what touches the range; the visitor's value comes back. */
	log = (struct walk_log){.last_leaf = UINT64_MAX, .ordered = true};
	assert_int_equal(s->ops->walk(&s->pt, 0x6fff, 0x6fff, log_entry, &log), 0);
	assert_int_equal(log.entries, s->config.levels);
	assert_int_equal(log.last_leaf, 0x6000);
	assert_int_equal(log.last_level, 1);
	log = (struct walk_log){.stop_at = 2, .last_leaf = UINT64_MAX, .ordered = true};
	assert_int_equal(s->ops->walk(&s->pt, 0, UINT64_MAX, log_entry, &log), 42);
	assert_int_equal(log.entries, 2);
}

/*
 * A machine whose hardware reads memory behind the CPU caches: `memory` holds what was flushed, and
 * a fresh page holds garbage there until it is. At every flush hardware walks all the tables.
 */
struct noncoherent {
	struct suite *suite;
	unsigned char *memory;
	struct iommu_platform view; /* address conversion into `memory` */
	uint64_t walks;
	bool garbage_seen;
};

#define GARBAGE_BYTE 0xa7

static struct noncoherent *noncoherent_now;

static void *noncoherent_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct noncoherent *n = noncoherent_now;
	void *pages = n->suite->test.hosted.platform.alloc_pages(&n->suite->test.hosted, order,
								 node, flags);

	(void)ctx;
	if (pages != NULL)
		memset(n->memory + ((unsigned char *)pages - n->suite->test.hosted.arena),
		       GARBAGE_BYTE, (size_t)IOMMU_PAGE_SIZE << order);
	return pages;
}

static int look_for_garbage(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct noncoherent *n = ctx;
	const uint8_t *bytes = (const uint8_t *)&visit->entry;

	n->garbage_seen |= bytes[1] == GARBAGE_BYTE && bytes[2] == GARBAGE_BYTE;
	return n->garbage_seen;
}

static void noncoherent_flush(void *ctx, const void *virt, size_t size)
{
	struct noncoherent *n = noncoherent_now;
	size_t offset = (size_t)((const unsigned char *)virt - n->suite->test.hosted.arena);
	struct iommu_pgtable hardware = n->suite->pt;

	(void)ctx;
	memcpy(n->memory + offset, virt, size);
	if (hardware.root == NULL)
		return;
	hardware.platform = &n->view;
	hardware.root = n->memory + ((unsigned char *)hardware.root - n->suite->test.hosted.arena);
	n->walks++;
	(void)n->suite->ops->walk(&hardware, 0, UINT64_MAX, look_for_garbage, n);
}

void suite_noncoherent_walker_sees_no_garbage(void **state)
{
	struct suite *s = *state;
	struct noncoherent n = {.suite = s};
	struct iommu_platform original = s->test.platform;
	struct iommu_pgtable hardware;
	struct shape seen = {0};

	n.memory = malloc(ARENA_SIZE);
	assert_non_null(n.memory);
	memset(n.memory, GARBAGE_BYTE, ARENA_SIZE);
	n.view = s->test.platform;
	n.view.direct_map_offset = (uint64_t)(uintptr_t)n.memory - ARENA_BASE;
	noncoherent_now = &n;
	s->ops->destroy(&s->pt);
	s->test.platform.alloc_pages = noncoherent_alloc;
	s->test.platform.cache_flush = noncoherent_flush;
	s->config.flags = IOMMU_PGTABLE_NONCOHERENT;
	assert_int_equal(s->ops->init(&s->pt, &s->config), 0);

	assert_int_equal(map(s, 0x5000, 0x5000, 0x3000), 0);
	assert_int_equal(map(s, IOMMU_SIZE_2M - 0x1000, 0x1000, 0x3000), 0);
	assert_int_equal(map(s, 0, 0x7000, 0x9000), IOMMU_EEXIST);
	assert_int_equal(map(s, IOMMU_SIZE_1G, 0, IOMMU_SIZE_1G + IOMMU_SIZE_2M), 0);
	assert_int_equal(unmap(s, IOMMU_SIZE_1G + 0x4000, 0x1000, IOMMU_UNMAP_SPLIT), 0);
	assert_int_equal(unmap(s, 0x6000, IOMMU_SIZE_2M, 0), 0);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_true(n.walks > 10);
	assert_false(n.garbage_seen);

	/* In the end memory says exactly what the CPU sees. */
	hardware = s->pt;
	hardware.platform = &n.view;
	hardware.root = n.memory + ((unsigned char *)s->pt.root - s->test.hosted.arena);
	assert_int_equal(s->ops->walk(&hardware, 0, UINT64_MAX, count_entry, &seen), 0);
	assert_int_equal(seen.leaves_4k, shape_of(s).leaves_4k);
	assert_int_equal(seen.leaves_2m, shape_of(s).leaves_2m);
	assert_int_equal(seen.leaves_1g, shape_of(s).leaves_1g);
	assert_int_equal(s->ops->iova_to_phys(&hardware, 0x6000, NULL, NULL), IOMMU_ENOENT);
	assert_int_equal(s->ops->iova_to_phys(&hardware, 0x5000, NULL, NULL), 0);

	s->ops->destroy(&s->pt);
	s->test.platform = original;
	s->config.flags = 0;
	assert_int_equal(s->ops->init(&s->pt, &s->config), 0);
	free(n.memory);
}

void suite_two_tables_are_independent(void **state)
{
	struct suite *s = *state;
	struct test_platform other_platform;
	struct iommu_pgtable_config config = s->config;
	struct iommu_pgtable other;
	struct iommu_gather gather;
	uint64_t mapped;

	/* Another host, with its memory elsewhere, in the same process. */
	test_platform_init(&other_platform, 1 << 20, 0x70000000);
	config.platform = &other_platform.platform;
	assert_int_equal(s->ops->init(&other, &config), 0);
	iommu_gather_init(&gather);
	assert_int_equal(s->ops->map(&other, 0x1000, 0x2000, 0x1000, RW, &gather, &mapped), 0);
	assert_int_equal(map(s, 0x1000, 0x9000, 0x1000), 0);
	assert_leads_to(s, 0x1000, 0x9000);
	s->ops->destroy(&other);
	test_platform_destroy(&other_platform);
	assert_leads_to(s, 0x1000, 0x9000);
}
