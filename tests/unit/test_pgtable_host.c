/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of every format and depth on a host that converts addresses by calls: what is mapped is
 * found, and goes, as on any other host; the ways of one page and of pieces, which call nothing,
 * leave the work to the others.
 */
#include <string.h>

#include <libiommu/pgtable.h>

#include "test.h"
#include "test_platform.h"

#define RW   IOMMU_PROT_READ_WRITE
#define PAGE IOMMU_PAGE_SIZE

static uint64_t distance; /* of the host's memory from where the CPU finds it */
static unsigned int calls;

static void *phys_to_virt(void *ctx, iommu_paddr_t paddr)
{
	(void)ctx;
	calls++;
	return (void *)(uintptr_t)(paddr + distance);
}

static iommu_paddr_t virt_to_phys(void *ctx, const void *virt)
{
	(void)ctx;
	return (uintptr_t)virt - distance;
}

static struct test_platform test;
static struct iommu_platform platform;

static int setup(void **state)
{
	(void)state;
	test_platform_init(&test, 1 << 21, 0);
	platform = test.platform;
	distance = platform.direct_map_offset;
	platform.direct_map_offset = UINT64_MAX << 20;
	platform.phys_to_virt = phys_to_virt;
	platform.virt_to_phys = virt_to_phys;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_platform_destroy(&test);
	return 0;
}

static int count_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	if (!visit->is_table)
		*(uint64_t *)ctx += visit->size;
	return 0;
}

/* A page at each end of the aperture, and one between. */
static void use_table(const struct iommu_pgtable_ops *ops, struct iommu_pgtable *pt)
{
	const iommu_iova_t last = pt->aperture_last - (PAGE - 1);
	const iommu_iova_t at[] = {0, (last / 2) & ~(PAGE - 1), last};
	const struct iommu_map_piece piece = {0x20000, PAGE};
	struct iommu_gather gather;
	iommu_paddr_t paddr = 0;
	uint64_t bytes = 0, found = 0;
	unsigned int prot = 0;

	iommu_gather_init(&gather);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(ops->iova_to_phys(pt, at[i], &paddr, &prot), IOMMU_ENOENT);
		assert_false(ops->map_page(pt, at[i], 0x10000 + PAGE * i, PAGE, RW));
		assert_int_equal(ops->map_pieces(pt, at[i], &piece, 1, RW, &bytes), 0);
		assert_int_equal(ops->iova_to_phys(pt, at[i], NULL, NULL), IOMMU_ENOENT);
		assert_int_equal(ops->map(pt, at[i], 0x10000 + PAGE * i, PAGE, RW, &gather, &bytes),
				 0);
		assert_int_equal(bytes, PAGE);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(ops->iova_to_phys(pt, at[i] + 0x123, &paddr, &prot), 0);
		assert_int_equal(paddr, 0x10123 + PAGE * i);
		assert_int_equal(prot, RW);
		assert_int_equal(ops->iova_to_phys(pt, at[i] + 0x123, &paddr, NULL), 0);
		assert_int_equal(ops->iova_to_phys(pt, at[i] + 0x123, NULL, &prot), 0);
		assert_false(ops->unmap_page(pt, at[i], PAGE));
		assert_false(ops->map_page(pt, at[i], 0x30000, PAGE, RW));
	}
	assert_int_equal(ops->walk(pt, 0, pt->aperture_last, count_leaf, &found), 0);
	assert_int_equal(found, 3 * PAGE);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(ops->unmap(pt, at[i], PAGE, 0, &gather, &bytes), 0);
		assert_int_equal(bytes, PAGE);
		assert_int_equal(ops->iova_to_phys(pt, at[i], &paddr, &prot), IOMMU_ENOENT);
	}
	ops->free_gathered(pt, &gather);
	assert_true(calls != 0 || pt->levels == 1);
}

static void every_table_is_found_by_calls(void **state)
{
	static const struct {
		const struct iommu_pgtable_ops *ops;
		unsigned int from, to; /* levels */
		unsigned int widths[5];
	} formats[] = {{&iommu_vtdss_ops, 3, 5, {39, 48, 57}},
		       {&iommu_x86_64_table_ops, 4, 5, {47, 56}},
		       {&iommu_tce_ops, 1, 4, {21, 30, 39, 48}}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int levels = formats[i].from; levels <= formats[i].to; levels++) {
			const struct iommu_pgtable_config config = {
				.platform = &platform,
				.levels = levels,
				.input_bits = formats[i].widths[levels - formats[i].from],
				.output_bits = 46,
				.pgsize_bitmap = PAGE,
			};
			struct iommu_pgtable pt;

			calls = 0;
			assert_int_equal(formats[i].ops->init(&pt, &config), 0);
			use_table(formats[i].ops, &pt);
			formats[i].ops->destroy(&pt);
			assert_int_equal(test.hosted.pages_in_use, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_table_is_found_by_calls, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
