/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest use of the library: a page table of its own, in the format of VT-d's second stage.
 * Builds against an installed libiommu, with CMake or with pkg-config.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/iommu.h>

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	size_t size = (size_t)IOMMU_PAGE_SIZE << order;
	void *pages = aligned_alloc(size, size);

	(void)ctx;
	(void)node;
	(void)flags;
	return pages != NULL ? memset(pages, 0, size) : NULL;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	(void)order;
	free(pages);
}

int main(void)
{
	const struct iommu_platform platform = {
		.alloc_pages = alloc_pages,
		.free_pages = free_pages,
	};
	const struct iommu_pgtable_config config = {
		.platform = &platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 52,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
		.node = IOMMU_NODE_ANY,
	};
	struct iommu_gather gather;
	struct iommu_pgtable table;
	iommu_paddr_t paddr = 0;
	uint64_t mapped;
	int status;

	iommu_gather_init(&gather);
	status = iommu_vtdss_init(&table, &config);
	if (status != 0) {
		fprintf(stderr, "no table: %s\n", iommu_strerror(status));
		return EXIT_FAILURE;
	}
	status = iommu_vtdss_map(&table, 0x40000000, 0x80000000, 3 * IOMMU_SIZE_2M, IOMMU_PROT_READ,
				 &gather, &mapped);
	if (status == 0)
		status = iommu_vtdss_iova_to_phys(&table, 0x40200123, &paddr, NULL);
	printf("libiommu %s: 0x40200123 -> 0x%llx (%s)\n", iommu_version_string(),
	       (unsigned long long)paddr, iommu_strerror(status));
	iommu_vtdss_destroy(&table);
	return status == 0 && paddr == 0x80200123 ? EXIT_SUCCESS : EXIT_FAILURE;
}
