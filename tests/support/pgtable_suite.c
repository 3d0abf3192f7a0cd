/* SPDX-License-Identifier: BSD-2-Clause */
#include "pgtable_suite.h"

#include <string.h>

#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "test.h"

#define ARENA_BASE 0x10000000ULL
#define ARENA_SIZE (1ULL << 26)
#define RW         IOMMU_PROT_READ_WRITE

struct suite {
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_ops *ops;
	struct iommu_gather gather;
	struct iommu_pgtable_config config;
	/* Table pages of an empty table: those of the root. */
	uint64_t root;
	/* The smallest page, and the range that an entry of the two levels above covers. */
	uint64_t page, mid, big;
	uint64_t entries; /* of a table */
	size_t arena;
	bool has_big; /* pages of that size */
	unsigned int flags;
};

/* The format's sizes: a small page, and the sizes of larger ones, which not every format has. */
#define PAGE          (s->page)
#define MID           (s->mid)
#define BIG           (s->big)
#define TABLE_ENTRIES (s->entries)

int suite_setup(void **state)
{
	const struct pgtable_suite_format *format = *state;
	struct suite *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->page = format->pgsize_bitmap & -format->pgsize_bitmap;
	s->entries = format->table_entries != 0 ? format->table_entries : 512;
	/* Tables of another size than the host's pages take as much more. */
	s->arena = ARENA_SIZE * (format->table_entries != 0 ? 4 : 1);
	s->flags = format->flags;
	test_platform_init(&s->test, s->arena, ARENA_BASE);
	s->ops = format->ops;
	s->config = (struct iommu_pgtable_config){
		.platform = &s->test.platform,
		.levels = format->levels,
		.input_bits = format->input_bits,
		.output_bits = 46,
		.pgsize_bitmap = format->pgsize_bitmap,
		.node = IOMMU_NODE_ANY,
		.flags = format->flags,
	};
	s->mid = s->page * TABLE_ENTRIES;
	s->big = s->mid * TABLE_ENTRIES;
	s->has_big = (format->pgsize_bitmap & s->big) != 0;
	assert_int_equal(s->ops->init(&s->pt, &s->config), 0);
	s->root = s->pt.pages;
	assert_int_equal(s->root, format->root_pages);
	assert_int_equal(s->test.hosted.pages_in_use, s->root);
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

/* Begin anew with other settings. */
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
	size_t small, middle, large, tables;
};

static int count_entry(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct shape *shape = ctx;

	shape->tables += visit->is_table;
	shape->small += !visit->is_table && visit->level == 1;
	shape->middle += !visit->is_table && visit->level == 2;
	shape->large += !visit->is_table && visit->level == 3;
	return 0;
}

static struct shape shape_of(struct suite *s)
{
	struct shape shape = {0};

	assert_int_equal(s->ops->walk(&s->pt, 0, UINT64_MAX, count_entry, &shape), 0);
	return shape;
}

/* Pages of the host in that many tables. */
static uint64_t pages_of(const struct suite *s, uint64_t tables)
{
	return tables << s->pt.table_order;
}

static size_t leaves_of(struct shape shape)
{
	return shape.small + shape.middle + shape.large;
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
		{PAGE, PAGE, PAGE + 1, RW, IOMMU_EINVAL},
		{PAGE + 1, PAGE, PAGE, RW, IOMMU_EINVAL},
		{PAGE, PAGE + PAGE / 2, PAGE, RW, IOMMU_EINVAL},
		{PAGE, PAGE, PAGE, 0, IOMMU_EINVAL},
		{PAGE, PAGE, PAGE, RW | 1U << 30, IOMMU_EINVAL},
		{UINT64_MAX - (PAGE - 1), PAGE, 0x2 * PAGE, RW, IOMMU_EOVERFLOW},
		{PAGE, UINT64_MAX - (PAGE - 1), 0x2 * PAGE, RW, IOMMU_EOVERFLOW},
		{PAGE, PAGE, UINT64_MAX - (PAGE - 1), RW, IOMMU_ERANGE},
		{end, PAGE, PAGE, RW, IOMMU_ERANGE},
		{end - PAGE, PAGE, 0x2 * PAGE, RW, IOMMU_ERANGE},
		{0, 0, end + PAGE, RW, IOMMU_ERANGE},
		{PAGE, 1ULL << 46, PAGE, RW, IOMMU_ERANGE},
		{PAGE, (1ULL << 46) - PAGE, 0x2 * PAGE, RW, IOMMU_ERANGE},
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
	assert_int_equal(unmap(s, PAGE / 2, PAGE, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, 0, PAGE / 2, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, UINT64_MAX - (PAGE - 1), 0x2 * PAGE, 0), IOMMU_EOVERFLOW);
	assert_int_equal(unmap(s, end - PAGE, 0x2 * PAGE, 0), IOMMU_ERANGE);
	assert_int_equal(unmap(s, end, PAGE, 0), IOMMU_ERANGE);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, end, NULL, NULL), IOMMU_ERANGE);
	assert_int_equal(s->ops->walk(&s->pt, 1, 0, count_entry, NULL), IOMMU_EINVAL);
	assert_int_equal(s->ops->walk(&s->pt, end, end, count_entry, NULL), IOMMU_ERANGE);
	/* Nothing was touched. */
	assert_int_equal(s->pt.pages, s->root);
	assert_true(iommu_gather_is_empty(&s->gather));
	assert_int_equal(shape_of(s).small, 0);
}

/* Map and unmap of one page, where that is one store; where it is not, nothing happens. */
void suite_one_page_alone(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t end = s->pt.aperture_last + 1;
	const struct {
		uint64_t iova, paddr, size;
		unsigned int prot;
	} cases[] = {
		{PAGE + 1, PAGE, PAGE, RW},
		{PAGE, PAGE + 1, PAGE, RW},
		{PAGE, PAGE, 0, RW},
		{PAGE, PAGE, 2 * PAGE, RW},
		{PAGE, PAGE, PAGE / 2, RW},
		{PAGE, PAGE, PAGE, 0},
		{PAGE, PAGE, PAGE, RW | 1U << 30},
		{end, PAGE, PAGE, RW},
		{UINT64_MAX - (PAGE - 1), PAGE, PAGE, RW},
		{PAGE, 1ULL << 46, PAGE, RW},
		{PAGE, UINT64_MAX - (PAGE - 1), PAGE, RW},
		{0, PAGE, PAGE, RW}, /* it is mapped */
	};
	size_t i;

	if (s->pt.levels > 1)
		assert_false(s->ops->map_page(&s->pt, PAGE, PAGE, PAGE, RW));
	assert_int_equal(map(s, 0, 5 * PAGE, PAGE), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_false(s->ops->map_page(&s->pt, cases[i].iova, cases[i].paddr, cases[i].size,
					      cases[i].prot));
	assert_leads_to(s, 0, 5 * PAGE);
	assert_unmapped(s, PAGE);
	assert_true(s->ops->map_page(&s->pt, PAGE, 7 * PAGE, PAGE, IOMMU_PROT_READ));
	assert_leads_to(s, PAGE + 291, 7 * PAGE + 291);
	assert_int_equal(map(s, PAGE, PAGE, PAGE), IOMMU_EEXIST);
	assert_true(s->ops->map_page(&s->pt, 2 * PAGE, (1ULL << 46) - PAGE, PAGE, RW));
	assert_leads_to(s, 2 * PAGE, (1ULL << 46) - PAGE);

	assert_false(s->ops->unmap_page(&s->pt, PAGE + 1, PAGE));
	assert_false(s->ops->unmap_page(&s->pt, PAGE, 2 * PAGE));
	assert_false(s->ops->unmap_page(&s->pt, PAGE, 0));
	assert_false(s->ops->unmap_page(&s->pt, end, PAGE));
	assert_false(s->ops->unmap_page(&s->pt, UINT64_MAX - (PAGE - 1), PAGE));
	assert_false(s->ops->unmap_page(&s->pt, 4 * PAGE, PAGE));
	assert_leads_to(s, PAGE, 7 * PAGE);
	assert_true(s->ops->unmap_page(&s->pt, PAGE, PAGE));
	assert_unmapped(s, PAGE);
	assert_leads_to(s, 0, 5 * PAGE);
	assert_leads_to(s, 2 * PAGE, (1ULL << 46) - PAGE);
	assert_false(s->ops->unmap_page(&s->pt, PAGE, PAGE));
}

static unsigned int map_pieces(struct suite *s, iommu_iova_t iova,
			       const struct iommu_map_piece *pieces, unsigned int count,
			       unsigned int prot, uint64_t *mapped)
{
	*mapped = 1;
	return s->ops->map_pieces(&s->pt, iova, pieces, count, prot, mapped);
}

/* A list, as far as it is a store for each page; what is not is left, and nothing of it happens. */
void suite_pieces_alone(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t end = s->pt.aperture_last + 1;
	const struct iommu_map_piece good[] = {
		{20 * PAGE, PAGE}, {30 * PAGE, 3 * PAGE}, {41 * PAGE, PAGE}};
	const struct iommu_map_piece last[] = {{(1ULL << 46) - 2 * PAGE, 2 * PAGE}};
	const struct iommu_map_piece wrong[] = {
		{7 * PAGE, 0},
		{7 * PAGE, PAGE / 2},
		{7 * PAGE, PAGE + PAGE / 2},
		{7 * PAGE + 8, PAGE},
		{1ULL << 46, PAGE},
		{(1ULL << 46) - PAGE, 2 * PAGE},
		{UINT64_MAX - (PAGE - 1), PAGE},
		{UINT64_MAX - (PAGE - 1), 2 * PAGE},
		{7 * PAGE, 8 * TABLE_ENTRIES * PAGE},
	};
	struct iommu_map_piece pages[6];
	uint64_t mapped;
	size_t i;

	if (s->pt.levels > 1)
		assert_int_equal(map_pieces(s, PAGE, good, 3, RW, &mapped), 0);
	assert_int_equal(map(s, 0, 5 * PAGE, PAGE), 0);
	assert_int_equal(map_pieces(s, PAGE + 1, good, 3, RW, &mapped), 0);
	assert_int_equal(map_pieces(s, PAGE, good, 3, 0, &mapped), 0);
	assert_int_equal(map_pieces(s, PAGE, good, 3, RW | 1U << 30, &mapped), 0);
	assert_int_equal(map_pieces(s, end, good, 3, RW, &mapped), 0);
	assert_int_equal(map_pieces(s, 0, good, 3, RW, &mapped), 0); /* it is mapped */
	assert_int_equal(mapped, 0);
	assert_unmapped(s, PAGE);

	assert_int_equal(map_pieces(s, PAGE, good, 3, RW, &mapped), 3);
	assert_int_equal(mapped, 5 * PAGE);
	assert_leads_to(s, 0, 5 * PAGE);
	assert_leads_to(s, PAGE + 7, 20 * PAGE + 7);
	assert_leads_to(s, 2 * PAGE, 30 * PAGE);
	assert_leads_to(s, 4 * PAGE, 32 * PAGE);
	assert_leads_to(s, 5 * PAGE, 41 * PAGE);
	assert_unmapped(s, 6 * PAGE);
	assert_int_equal(map_pieces(s, 8 * PAGE, last, 1, RW, &mapped), 1);
	assert_leads_to(s, 9 * PAGE, (1ULL << 46) - PAGE);
	/* Up to what is in the way: none of the three pages. */
	assert_int_equal(map_pieces(s, 6 * PAGE, good, 3, RW, &mapped), 1);
	assert_int_equal(mapped, PAGE);
	assert_unmapped(s, 7 * PAGE);
	for (i = 0; i < 6; i++)
		pages[i] = (struct iommu_map_piece){(50 + 2 * i) * PAGE, PAGE};
	for (i = 0; i < 5; i++) {
		/* A page of its own is in the way of each of them in turn. */
		const iommu_iova_t iova = (40 + 10 * i) * PAGE;

		assert_int_equal(map(s, iova + i * PAGE, 7 * PAGE, PAGE), 0);
		assert_int_equal(map_pieces(s, iova, pages, 6, RW, &mapped), i);
		assert_int_equal(mapped, i * PAGE);
		assert_leads_to(s, iova + i * PAGE, 7 * PAGE);
		assert_unmapped(s, iova + (i + 1) * PAGE);
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct iommu_map_piece list[] = {good[0], wrong[i], good[2]};
		const iommu_iova_t iova = (10 + i) * PAGE;

		assert_int_equal(map_pieces(s, iova, list, 3, RW, &mapped), 1);
		assert_int_equal(mapped, PAGE);
		assert_leads_to(s, iova, 20 * PAGE);
		assert_unmapped(s, iova + PAGE);
	}
}

/* A list ends with its table, and where a larger page may begin. */
void suite_pieces_at_the_end_of_a_table(void **state)
{
	struct suite *s = *state;
	const struct iommu_map_piece list[] = {
		{20 * PAGE, PAGE}, {31 * PAGE, PAGE}, {41 * PAGE, 2 * PAGE}};
	/* At the place that it has in a larger page: only the first of it begins one. */
	const struct iommu_map_piece fits[] = {{MID, PAGE}, {MID + PAGE, PAGE}};
	const struct iommu_map_piece inside[] = {{MID + 8 * PAGE, PAGE}, {MID + 9 * PAGE, PAGE}};
	const bool one_size = (s->pt.pgsize_bitmap & (s->pt.pgsize_bitmap - 1)) == 0;
	const iommu_iova_t second = TABLE_ENTRIES * PAGE;
	uint64_t mapped;

	assert_int_equal(map(s, 0, 5 * PAGE, PAGE), 0);
	assert_int_equal(map_pieces(s, (TABLE_ENTRIES - 2) * PAGE, list, 3, RW, &mapped), 2);
	assert_int_equal(mapped, 2 * PAGE);
	assert_leads_to(s, (TABLE_ENTRIES - 1) * PAGE, 31 * PAGE);
	assert_int_equal(map_pieces(s, (TABLE_ENTRIES - 3) * PAGE, &list[2], 1, RW, &mapped), 0);
	assert_unmapped(s, (TABLE_ENTRIES - 3) * PAGE);
	assert_int_equal(map_pieces(s, 8 * PAGE, inside, 2, RW, &mapped), 2);
	assert_leads_to(s, 9 * PAGE, MID + 9 * PAGE);
	assert_int_equal(map(s, second + 5 * PAGE, 5 * PAGE, PAGE), 0);
	assert_int_equal(map_pieces(s, second, fits, 2, RW, &mapped), one_size ? 2 : 0);
	assert_int_equal(map_pieces(s, second + PAGE, fits, 2, RW, &mapped), one_size ? 0 : 2);
}

void suite_ends_of_the_aperture(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t top = s->pt.aperture_last - (PAGE - 1);
	unsigned int prot;

	assert_int_equal(map(s, 0, (1ULL << 46) - PAGE, PAGE), 0);
	assert_int_equal(map(s, top, 0, PAGE), 0);
	assert_leads_to(s, 291, (1ULL << 46) - PAGE + 291);
	assert_leads_to(s, s->pt.aperture_last, PAGE - 1);
	assert_unmapped(s, PAGE);
	assert_unmapped(s, top - 1);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, 0, NULL, &prot), 0);
	assert_int_equal(prot, RW);

	/* The whole aperture at once: only the root is left. */
	assert_int_equal(unmap(s, 0, s->pt.aperture_last + 1, 0), 0);
	assert_int_equal(s->gather.start, 0);
	assert_int_equal(s->gather.last, s->pt.aperture_last);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->pt.pages, s->root);
}

void suite_largest_pages_are_used(void **state)
{
	struct suite *s = *state;
	const iommu_iova_t iova = BIG - MID - PAGE;
	const uint64_t size = BIG + 2 * (MID + PAGE);
	struct shape shape;

	/* Small pages up to a boundary, then larger ones, and small ones again at the end. */
	assert_int_equal(map(s, iova, iova + 4 * BIG, size), 0);
	shape = shape_of(s);
	assert_int_equal(shape.small, 2);
	assert_int_equal(shape.middle, 2 + (s->has_big ? 0 : TABLE_ENTRIES));
	assert_int_equal(shape.large, s->has_big ? 1 : 0);
	assert_leads_to(s, iova, iova + 4 * BIG);
	assert_leads_to(s, iova + size - 1, iova + size - 1 + 4 * BIG);
	assert_unmapped(s, iova - 1);
	assert_unmapped(s, iova + size);

	/* The same target, one page off: no large page ever fits. */
	assert_int_equal(map(s, 4 * BIG, PAGE, 2 * MID), 0);
	assert_int_equal(shape_of(s).small, 2 + 2 * TABLE_ENTRIES);

	/* Without 1G in the bitmap 2M pages serve. */
	s->config.pgsize_bitmap = PAGE | MID;
	restart(s);
	assert_int_equal(map(s, BIG, 0, BIG), 0);
	assert_int_equal(shape_of(s).middle, TABLE_ENTRIES);
	if (!s->has_big)
		return;

	/* Without 2M, 1G still serves where it fits and 4K elsewhere. */
	s->config.pgsize_bitmap = PAGE | BIG;
	restart(s);
	assert_int_equal(map(s, BIG, 0, BIG + MID), 0);
	shape = shape_of(s);
	assert_int_equal(shape.large, 1);
	assert_int_equal(shape.small, TABLE_ENTRIES);
}

void suite_mapped_range_is_refused(void **state)
{
	struct suite *s = *state;
	uint64_t mapped;

	assert_int_equal(map(s, MID, MID, MID), 0); /* large pages, if the format has them */
	assert_int_equal(map(s, 0x5 * PAGE, 0x5 * PAGE, PAGE), 0); /* a small one */
	s->ops->free_gathered(&s->pt, &s->gather);

	/* A small page in a large one, a large one over a small one, a run that ends in one. */
	assert_int_equal(map(s, MID + PAGE, 0, PAGE), IOMMU_EEXIST);
	assert_int_equal(map(s, 0x5 * PAGE, 0x9 * PAGE, PAGE), IOMMU_EEXIST);
	assert_int_equal(map(s, 0, BIG, BIG), IOMMU_EEXIST);
	assert_int_equal(map(s, 0, 2 * MID, MID), IOMMU_EEXIST);
	assert_int_equal(map(s, 0, 0x9 * PAGE, 0x6 * PAGE), IOMMU_EEXIST);
	assert_true(iommu_gather_is_empty(&s->gather)); /* none of these was ever visible */

	/* Found late: what was visible meanwhile is undone, reported, and in the gather. */
	assert_int_equal(
		s->ops->map(&s->pt, MID - 2 * PAGE, PAGE, 0x4 * PAGE, RW, &s->gather, &mapped),
		IOMMU_EEXIST);
	assert_int_equal(mapped, 0x2 * PAGE);
	assert_true(s->gather.start <= MID - 2 * PAGE && s->gather.last >= MID - 1);
	assert_unmapped(s, MID - 2 * PAGE);
	assert_unmapped(s, MID - PAGE);
	assert_leads_to(s, 0x5 * PAGE, 0x5 * PAGE);
	assert_leads_to(s, MID + PAGE, MID + PAGE);
	assert_unmapped(s, 0x4 * PAGE);
}

void suite_empty_table_gives_way(void **state)
{
	struct suite *s = *state;
	size_t pages;

	/* Page by page the range becomes empty, but its tables stay. */
	assert_int_equal(map(s, 0, PAGE, MID), 0);
	assert_int_equal(unmap(s, 0, MID - PAGE, 0), 0);
	assert_int_equal(unmap(s, MID - PAGE, PAGE, 0), 0);
	s->ops->free_gathered(&s->pt, &s->gather);
	pages = s->test.hosted.pages_in_use;

	/* A 2M page takes the table's place; the table waits for an invalidation. */
	assert_int_equal(map(s, 0, 0, MID), 0);
	assert_int_equal(shape_of(s).middle, 1);
	assert_true(s->gather.tables_unlinked);
	assert_false(iommu_gather_is_empty(&s->gather));
	assert_int_equal(s->test.hosted.pages_in_use, pages);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->test.hosted.pages_in_use, pages - pages_of(s, 1));
	if (!s->has_big)
		return;

	/* The same one level up: a 1G page in place of a tree of empty tables. */
	assert_int_equal(unmap(s, 0, MID, 0), 0);
	assert_int_equal(map(s, MID, PAGE, PAGE), 0);
	assert_int_equal(unmap(s, MID, PAGE, 0), 0);
	assert_int_equal(map(s, 0, BIG, BIG), 0);
	assert_int_equal(shape_of(s).large, 1);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->pt.pages, s->root + pages_of(s, shape_of(s).tables));
}

void suite_cut_is_refused_or_split(void **state)
{
	struct suite *s = *state;
	struct shape shape;
	uint64_t unmapped;

	assert_int_equal(map(s, 0, 0, 2 * BIG), 0);
	assert_int_equal(unmap(s, PAGE, PAGE, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, 0, MID, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(s, PAGE, BIG - PAGE, 0), IOMMU_EINVAL);
	/* A range that covers one page whole and cuts the next: nothing is unmapped. */
	assert_int_equal(unmap(s, 0, BIG + PAGE, 0), IOMMU_EINVAL);
	assert_true(iommu_gather_is_empty(&s->gather));
	assert_leads_to(s, 0, 0);

	/* Split only as far as the cut needs. The gather covers the page that was split. */
	assert_int_equal(
		s->ops->unmap(&s->pt, PAGE, PAGE, IOMMU_UNMAP_SPLIT, &s->gather, &unmapped), 0);
	assert_int_equal(unmapped, PAGE);
	assert_true(s->gather.start == 0 && s->gather.last >= BIG - 1);
	shape = shape_of(s);
	assert_int_equal(shape.large, 1);
	assert_int_equal(shape.middle, TABLE_ENTRIES - 1);
	assert_int_equal(shape.small, TABLE_ENTRIES - 1);
	assert_leads_to(s, PAGE - 1, PAGE - 1);
	assert_unmapped(s, PAGE);
	assert_leads_to(s, 0x2 * PAGE, 0x2 * PAGE);
	assert_leads_to(s, 2 * BIG - 1, 2 * BIG - 1);

	/* Both ends cut, in different pages. */
	assert_int_equal(s->ops->unmap(&s->pt, BIG - PAGE, 0x2 * PAGE, IOMMU_UNMAP_SPLIT,
				       &s->gather, &unmapped),
			 0);
	assert_int_equal(unmapped, 0x2 * PAGE);
	assert_leads_to(s, BIG - PAGE - 1, BIG - PAGE - 1);
	assert_unmapped(s, BIG - PAGE);
	assert_unmapped(s, BIG + PAGE - 1);
	assert_leads_to(s, BIG + PAGE, BIG + PAGE);

	/* No memory for a table: nothing changed. */
	assert_int_equal(map(s, 8 * BIG, 0, BIG), 0);
	s->test.fail_after = 1;
	assert_int_equal(unmap(s, 8 * BIG, PAGE, IOMMU_UNMAP_SPLIT), IOMMU_ENOMEM);
	s->test.fail_after = 0;
	assert_leads_to(s, 8 * BIG, 0);

	/* 1G has to become 4K at once when there is no 2M. */
	s->config.pgsize_bitmap = PAGE | BIG;
	restart(s);
	assert_int_equal(map(s, 0, 0, BIG), 0);
	s->test.fail_after = s->test.allocations + 200; /* half way */
	assert_int_equal(unmap(s, 0x5 * PAGE, PAGE, IOMMU_UNMAP_SPLIT), IOMMU_ENOMEM);
	s->test.fail_after = 0;
	assert_int_equal(shape_of(s).large, 1);
	assert_int_equal(unmap(s, 0x5 * PAGE, PAGE, IOMMU_UNMAP_SPLIT), 0);
	assert_int_equal(shape_of(s).small, TABLE_ENTRIES * TABLE_ENTRIES - 1);
}

void suite_tables_wait_in_the_gather(void **state)
{
	struct suite *s = *state;
	size_t with_all;

	/* Three gigabytes of small pages: a tree whose first entries are tables, at each level. */
	assert_int_equal(map(s, 0, PAGE, 3 * BIG), 0);
	with_all = s->test.hosted.pages_in_use;
	assert_int_equal(unmap(s, 0, 3 * BIG, 0), 0);
	assert_unmapped(s, 0);
	assert_true(s->gather.tables_unlinked);
	assert_int_equal(s->gather.start, 0);
	assert_int_equal(s->gather.last, 3 * BIG - 1);
	assert_int_equal(s->gather.pgsize, PAGE);

	/* Nothing is freed before the invalidation; then everything. */
	assert_int_equal(s->test.hosted.pages_in_use, with_all);
	assert_int_equal(s->pt.pages, with_all);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(s->pt.pages, s->root + pages_of(s, shape_of(s).tables));
	assert_int_equal(s->test.hosted.pages_in_use, s->pt.pages);
	assert_true(iommu_gather_is_empty(&s->gather));

	/* A range that covers a table in part only clears it. */
	assert_int_equal(map(s, 0, PAGE, MID), 0);
	assert_int_equal(unmap(s, 0, MID - PAGE, 0), 0);
	assert_false(s->gather.tables_unlinked);
	assert_leads_to(s, MID - PAGE, MID);

	/* Without a count the result is the same. */
	assert_int_equal(s->ops->unmap(&s->pt, 0, MID, 0, &s->gather, NULL), 0);
	assert_unmapped(s, MID - PAGE);
	assert_true(s->gather.tables_unlinked);
}

void suite_unmap_skips_holes(void **state)
{
	struct suite *s = *state;
	uint64_t unmapped;

	assert_int_equal(map(s, PAGE, PAGE, PAGE), 0);
	assert_int_equal(map(s, 0x3 * PAGE, 0x3 * PAGE, 0x2 * PAGE), 0);
	assert_int_equal(map(s, MID, 0, MID), 0);
	assert_int_equal(map(s, 2 * BIG, PAGE, PAGE), 0);
	assert_int_equal(s->ops->unmap(&s->pt, 0x2 * PAGE, 4 * BIG, 0, &s->gather, &unmapped), 0);
	assert_int_equal(unmapped, 0x2 * PAGE + MID + PAGE);
	assert_leads_to(s, PAGE, PAGE);
	s->ops->free_gathered(&s->pt, &s->gather);

	/* Unmapping a range without mappings is no error, and needs no invalidation. */
	assert_int_equal(s->ops->unmap(&s->pt, 16 * BIG, BIG, 0, &s->gather, &unmapped), 0);
	assert_int_equal(unmapped, 0);
	assert_true(iommu_gather_is_empty(&s->gather));
}

void suite_each_allocation_fails_in_turn(void **state)
{
	struct suite *s = *state;
	/* Two neighbouring ranges in tables that the range shares with them. */
	const iommu_iova_t iova = BIG - 2 * MID - 0x3 * PAGE;
	const uint64_t size = 4 * MID + 0x6 * PAGE;
	uint64_t n, mapped;
	int status = IOMMU_ENOMEM;

	assert_int_equal(map(s, iova - PAGE, 0x7 * PAGE, PAGE), 0);
	assert_int_equal(map(s, iova + size, 0x8 * PAGE, PAGE), 0);
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		struct shape before = shape_of(s), after;

		s->test.fail_after = s->test.allocations + n;
		status = s->ops->map(&s->pt, iova, PAGE, size, RW, &s->gather, &mapped);
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
		assert_int_equal(after.small, before.small);
		assert_int_equal(after.middle, before.middle);
		assert_int_equal(s->pt.pages, s->root + pages_of(s, after.tables));
		assert_unmapped(s, iova);
		assert_unmapped(s, iova + size - 1);
		assert_leads_to(s, iova - PAGE, 0x7 * PAGE);
		assert_leads_to(s, iova + size, 0x8 * PAGE);
	}
	assert_int_equal(status, 0);
	assert_true(n > 3); /* at least a few allocations failed */
	assert_leads_to(s, iova + size - 1, PAGE + size - 1);
}

void suite_page_budget(void **state)
{
	struct suite *s = *state;

	/* Room for the root and one chain of tables. */
	s->config.max_pages = s->root + pages_of(s, s->config.levels - 1);
	restart(s);
	assert_int_equal(map(s, 0, 0, PAGE), 0);
	assert_int_equal(s->pt.pages, s->config.max_pages);
	assert_int_equal(map(s, PAGE, PAGE, 0x5 * PAGE), 0);
	assert_int_equal(map(s, MID, 0, PAGE), IOMMU_ENOMEM);
	assert_int_equal(s->pt.pages, s->config.max_pages);
	assert_unmapped(s, MID);

	/* Pages on a gather count until they are freed. */
	assert_int_equal(unmap(s, 0, MID, 0), 0);
	assert_int_equal(map(s, MID, 0, PAGE), IOMMU_ENOMEM);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_int_equal(map(s, MID, 0, PAGE), 0);
	s->config.max_pages = 0;
}

/* Pages that are offered to the host, and which of them it refuses. */
struct acceptance {
	unsigned int asked, refused;
	uint64_t arena;
};

static bool accept_page(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct acceptance *acceptance = ctx;

	assert_true(paddr >= ARENA_BASE && paddr + size <= ARENA_BASE + acceptance->arena);
	return ++acceptance->asked != acceptance->refused;
}

/*
 * A page that hardware cannot address, or must not walk, becomes no table, and no part of its
 * address is used.
 */
void suite_tables_out_of_reach(void **state)
{
	struct suite *s = *state;
	struct acceptance acceptance = {.arena = s->arena};
	struct iommu_pgtable_config config = s->config;
	struct iommu_pgtable pt;
	struct iommu_gather gather;
	uint64_t mapped;
	size_t pages;

	s->test.quiet = true;
	pages = s->test.hosted.pages_in_use;
	/* The arena begins where an address of so many bits ends. */
	for (config.output_bits = 0; ARENA_BASE >> config.output_bits != 0;)
		config.output_bits++;
	config.output_bits--;
	assert_int_equal(s->ops->init(&pt, &config), IOMMU_ENOMEM);
	assert_int_equal(s->test.log_lines, 1);
	assert_int_equal(s->test.hosted.pages_in_use, pages);
	config = s->config;
	config.accepts = accept_page;
	config.accepts_ctx = &acceptance;
	iommu_gather_init(&gather);
	for (acceptance.refused = 1; acceptance.refused <= config.levels; acceptance.refused++) {
		acceptance.asked = 0;
		if (s->ops->init(&pt, &config) != 0)
			continue;
		assert_int_equal(s->ops->map(&pt, 0, 0, PAGE, RW, &gather, &mapped), IOMMU_ENOMEM);
		assert_int_equal(s->ops->iova_to_phys(&pt, 0, NULL, NULL), IOMMU_ENOENT);
		assert_int_equal(pt.pages, s->root);
		assert_int_equal(s->ops->map(&pt, 0, 0, PAGE, RW, &gather, &mapped), 0);
		assert_int_equal(s->test.log_lines, 1 + acceptance.refused);
		s->ops->free_gathered(&pt, &gather);
		s->ops->destroy(&pt);
	}
	assert_int_equal(s->test.hosted.pages_in_use, pages);
	s->test.quiet = false;
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

	assert_int_equal(map(s, 0x5 * PAGE, 0x5 * PAGE, 0x2 * PAGE), 0);
	assert_int_equal(map(s, BIG, 0, MID + PAGE), 0);
	assert_int_equal(s->ops->walk(&s->pt, 0, UINT64_MAX, log_entry, &log), 0);
	assert_true(log.ordered);
	assert_int_equal(log.entries, leaves_of(shape_of(s)) + shape_of(s).tables);
	assert_int_equal(log.last_leaf, BIG + MID);

	/* Only leaves that intersect the range; the visitor's value is returned. */
	log = (struct walk_log){.last_leaf = UINT64_MAX, .ordered = true};
	assert_int_equal(s->ops->walk(&s->pt, 0x7 * PAGE - 1, 0x7 * PAGE - 1, log_entry, &log), 0);
	assert_int_equal(log.entries, s->config.levels);
	assert_int_equal(log.last_leaf, 0x6 * PAGE);
	assert_int_equal(log.last_level, 1);
	log = (struct walk_log){.stop_at = 2, .last_leaf = UINT64_MAX, .ordered = true};
	assert_int_equal(s->ops->walk(&s->pt, 0, UINT64_MAX, log_entry, &log), 42);
	assert_int_equal(log.entries, 2);
	/* At the first of two leaves of the smallest size. */
	log = (struct walk_log){.stop_at = s->config.levels, .last_leaf = UINT64_MAX};
	assert_int_equal(s->ops->walk(&s->pt, 0, 0x7 * PAGE - 1, log_entry, &log), 42);
	assert_int_equal(log.entries, s->config.levels);
	assert_int_equal(log.last_leaf, 0x5 * PAGE);
}

/*
 * A machine whose hardware reads memory behind the CPU's caches: `memory` holds what was flushed,
 * and a fresh page holds garbage until then. At every flush hardware walks all tables.
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

	n.memory = malloc(s->arena);
	assert_non_null(n.memory);
	memset(n.memory, GARBAGE_BYTE, s->arena);
	n.view = s->test.platform;
	n.view.direct_map_offset = (uint64_t)(uintptr_t)n.memory - ARENA_BASE;
	noncoherent_now = &n;
	s->ops->destroy(&s->pt);
	s->test.platform.alloc_pages = noncoherent_alloc;
	s->test.platform.cache_flush = noncoherent_flush;
	s->config.flags = s->flags | IOMMU_PGTABLE_NONCOHERENT;
	assert_int_equal(s->ops->init(&s->pt, &s->config), 0);

	assert_int_equal(map(s, 0x5 * PAGE, 0x5 * PAGE, 0x3 * PAGE), 0);
	assert_int_equal(map(s, MID - PAGE, PAGE, 0x3 * PAGE), 0);
	assert_int_equal(map(s, 0, 0x7 * PAGE, 0x9 * PAGE), IOMMU_EEXIST);
	assert_int_equal(map(s, BIG, 0, BIG + MID), 0);
	assert_int_equal(unmap(s, BIG + 0x4 * PAGE, PAGE, IOMMU_UNMAP_SPLIT), 0);
	assert_int_equal(unmap(s, 0x6 * PAGE, MID, 0), 0);
	s->ops->free_gathered(&s->pt, &s->gather);
	assert_true(n.walks > 10);
	assert_false(n.garbage_seen);

	/* In the end memory holds exactly what the CPU sees. */
	hardware = s->pt;
	hardware.platform = &n.view;
	hardware.root = n.memory + ((unsigned char *)s->pt.root - s->test.hosted.arena);
	assert_int_equal(s->ops->walk(&hardware, 0, UINT64_MAX, count_entry, &seen), 0);
	assert_int_equal(seen.small, shape_of(s).small);
	assert_int_equal(seen.middle, shape_of(s).middle);
	assert_int_equal(seen.large, shape_of(s).large);
	assert_int_equal(s->ops->iova_to_phys(&hardware, 0x6 * PAGE, NULL, NULL), IOMMU_ENOENT);
	assert_int_equal(s->ops->iova_to_phys(&hardware, 0x5 * PAGE, NULL, NULL), 0);

	s->ops->destroy(&s->pt);
	s->test.platform = original;
	s->config.flags = s->flags;
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

	/* Another host, with its memory at other addresses, in the same process. */
	test_platform_init(&other_platform, 1 << 20, 0x70000000);
	config.platform = &other_platform.platform;
	assert_int_equal(s->ops->init(&other, &config), 0);
	iommu_gather_init(&gather);
	assert_int_equal(s->ops->map(&other, PAGE, 0x2 * PAGE, PAGE, RW, &gather, &mapped), 0);
	assert_int_equal(map(s, PAGE, 0x9 * PAGE, PAGE), 0);
	assert_leads_to(s, PAGE, 0x9 * PAGE);
	s->ops->destroy(&other);
	test_platform_destroy(&other_platform);
	assert_leads_to(s, PAGE, 0x9 * PAGE);
}

/* What is not mapped leads to one page of zeros, at the cost of a few pages; and back. */
void suite_what_is_not_mapped_can_be_filled(void **state)
{
	struct suite *s = *state;
	const uint64_t before = s->pt.pages;
	const bool fits = PAGE <= IOMMU_PAGE_SIZE << s->pt.table_order;
	const iommu_iova_t last = s->pt.aperture_last & ~(PAGE - 1);
	iommu_paddr_t page = 0;
	uint64_t at, n, used;
	unsigned int prot = 0;
	int status = IOMMU_ENOMEM;

	/* Each allocation fails in turn; nothing is left of the others. */
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		s->test.allocations = 0;
		s->test.fail_every = n;
		status = s->ops->fill(&s->pt);
		s->test.fail_every = 0;
		if (status != 0) {
			assert_int_equal(s->ops->iova_to_phys(&s->pt, 0, NULL, NULL), IOMMU_ENOENT);
			assert_int_equal(s->pt.pages, before);
		}
	}
	assert_int_equal(status, fits ? 0 : IOMMU_EOPNOTSUPP);
	if (!fits)
		return;
	assert_int_equal(n - 1, s->pt.levels + 1);
	assert_int_equal(s->pt.pages, before + ((uint64_t)s->pt.levels << s->pt.table_order));
	s->ops->unfill(&s->pt);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, 0, NULL, NULL), IOMMU_ENOENT);
	/* Beside mappings, which keep their tables. */
	assert_int_equal(map(s, BIG + MID, 0x4000000, PAGE), 0);
	assert_int_equal(map(s, BIG + 2 * MID, 1ULL << 40, MID), 0);
	used = s->pt.pages;
	assert_int_equal(s->ops->fill(&s->pt), 0);
	assert_int_equal(s->pt.pages, used);
	assert_leads_to(s, BIG + MID, 0x4000000);
	assert_leads_to(s, BIG + 2 * MID + MID - PAGE, (1ULL << 40) + MID - PAGE);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, BIG + MID + PAGE, &page, &prot), 0);
	assert_int_equal(prot & RW, RW);
	assert_int_equal(page % PAGE, 0);
	for (at = PAGE; at < last; at *= 2)
		if (at != BIG + MID) {
			assert_leads_to(s, at + (at == BIG ? PAGE : 0), page);
			assert_leads_to(s, last - at, page);
		}
	assert_leads_to(s, last, page);
	assert_int_equal(*(unsigned char *)iommu_phys_to_virt(&s->test.platform, page), 0);
	*(unsigned char *)iommu_phys_to_virt(&s->test.platform, page) = 7;
	/* It is not walked through to take something away; coherency is all that changes. */
	if (s->ops->set_pgsizes != NULL && (s->pt.pgsize_bitmap & (s->pt.pgsize_bitmap - 1)) != 0)
		assert_int_equal(s->ops->set_pgsizes(&s->pt, PAGE), IOMMU_EBUSY);
	if (s->ops->set_coherent != NULL) {
		s->ops->set_coherent(&s->pt, false);
		s->ops->set_coherent(&s->pt, true);
	}
	assert_int_equal(s->ops->fill(&s->pt), 0);
	assert_int_equal(*(unsigned char *)iommu_phys_to_virt(&s->test.platform, page), 0);
	s->ops->unfill(&s->pt);
	assert_int_equal(s->ops->iova_to_phys(&s->pt, BIG + MID + PAGE, NULL, NULL), IOMMU_ENOENT);
	assert_int_equal(unmap(s, BIG + MID, PAGE, 0), 0);
	assert_int_equal(unmap(s, BIG + 2 * MID, MID, 0), 0);
	/* It is freed with the tables, filled or not. */
	assert_int_equal(s->ops->fill(&s->pt), 0);
}
