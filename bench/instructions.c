/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One map or unmap call of a run of 4K pages, for scripts/instructions to count under callgrind.
 *
 *	instructions map|unmap PAGES CALLS COUNTED
 *
 * The lowest tables exist already when the run is shorter than one, as on a device's fast path;
 * longer runs make and drop their tables. COUNTED: unmap reports how many bytes were mapped
 * ("count") or not ("plain"). Of this library alone; peers are compared by time, in one process.
 */
#include <stdlib.h>
#include <string.h>

#include <iommu_hosted.h>
#include <libiommu/iommu.h>

/* Zeroing is the host's work and not counted: pages are zeroed when they are freed. */
static void *pages_back;
static struct iommu_hosted hosted;

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *page = pages_back;

	(void)ctx;
	if (page == NULL)
		return hosted.platform.alloc_pages(&hosted, order, node, flags);
	memcpy(&pages_back, page, sizeof(pages_back));
	memset(page, 0, sizeof(pages_back));
	return page;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	memset(pages, 0, (size_t)IOMMU_PAGE_SIZE << order);
	memcpy(pages, &pages_back, sizeof(pages_back));
	pages_back = pages;
}

int main(int argc, char **argv)
{
	const uint64_t pages = argc == 5 ? strtoull(argv[2], NULL, 10) : 0;
	const uint64_t calls = argc == 5 ? strtoull(argv[3], NULL, 10) : 0;
	const bool counting = argc == 5 && strcmp(argv[4], "count") == 0;
	struct iommu_platform platform = {.alloc_pages = alloc_pages, .free_pages = free_pages};
	struct iommu_pgtable_config config = {
		.platform = &platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
	};
	struct iommu_gather gather;
	struct iommu_pgtable pt;
	uint64_t i, bytes;

	if (pages == 0 || iommu_hosted_init(&hosted, NULL, 1 << 28, 1 << 28) != 0)
		return EXIT_FAILURE;
	platform.direct_map_offset = hosted.platform.direct_map_offset;
	/*
	 * Pages for every table that will be needed, so that none is allocated from the host while
	 * counting.
	 */
	for (i = 0; i < pages / 512 + 8; i++) {
		void *page = hosted.platform.alloc_pages(&hosted, 0, IOMMU_NODE_ANY, 0);

		if (page == NULL)
			return EXIT_FAILURE;
		free_pages(NULL, page, 0);
	}
	if (iommu_vtdss_init(&pt, &config) != 0)
		return EXIT_FAILURE;
	iommu_gather_init(&gather);
	/* A neighbouring mapping keeps the tables; the target's alignment allows no large page. */
	if (iommu_vtdss_map(&pt, IOMMU_SIZE_1G - IOMMU_SIZE_4K, 0, IOMMU_SIZE_4K, IOMMU_PROT_READ,
			    &gather, &bytes) != 0)
		return EXIT_FAILURE;
	for (i = 0; i < calls; i++) {
		const iommu_iova_t iova = pages < 512 ? IOMMU_SIZE_1G - IOMMU_SIZE_2M : 0;

		if (iommu_vtdss_map(&pt, iova + (pages < 512 ? 0 : 2 * IOMMU_SIZE_1G), 0x7000,
				    pages * IOMMU_SIZE_4K, IOMMU_PROT_READ_WRITE, &gather,
				    &bytes) != 0 ||
		    iommu_vtdss_unmap(&pt, iova + (pages < 512 ? 0 : 2 * IOMMU_SIZE_1G),
				      pages * IOMMU_SIZE_4K, 0, &gather,
				      counting ? &bytes : NULL) != 0)
			return EXIT_FAILURE;
		iommu_vtdss_free_gathered(&pt, &gather);
	}
	iommu_vtdss_destroy(&pt);
	iommu_hosted_destroy(&hosted);
	return EXIT_SUCCESS;
}
