/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map path of domains with tables of one format: from the operations of the core straight to
 * the functions of the format. Included once for each format, by the file that has the operations
 * of its domains, which defines before
 *
 *	#define FORMAT(verb)   iommu_vtdss_##verb    the functions of the format
 *	#define MAP_PATH(name) vtdss_domain_##name   and the names of what is made here
 *
 * and gets MAP_PATH(map), MAP_PATH(unmap), for IOMMU_TABLE_OPERATIONS (unit/domain.h), and
 * MAP_PATH(page_ops), for those domains for which no more than a store is to be done for a page.
 * Both names are undefined here.
 */
static int MAP_PATH(map)(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			 uint64_t size, unsigned int prot, struct iommu_gather *gather,
			 uint64_t *mapped)
{
	return FORMAT(map)(&iommu_placed_of(domain)->pgtable, iova, paddr, size, prot, gather,
			   mapped);
}

static int MAP_PATH(unmap)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			   unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return FORMAT(unmap)(&iommu_placed_of(domain)->pgtable, iova, size, flags, gather,
			     unmapped);
}

#if IOMMU_CONFIG_ONE_PAGE

static bool MAP_PATH(map_page)(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			       uint64_t size, unsigned int prot)
{
	return FORMAT(map_page)(&iommu_placed_of(domain)->pgtable, iova, paddr, size, prot);
}

static bool MAP_PATH(unmap_page)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	return FORMAT(unmap_page)(&iommu_placed_of(domain)->pgtable, iova, size);
}

static unsigned int MAP_PATH(map_pieces)(struct iommu_domain *domain, iommu_iova_t iova,
					 const struct iommu_map_piece *pieces, unsigned int count,
					 unsigned int prot, uint64_t *mapped)
{
	return FORMAT(map_pieces)(&iommu_placed_of(domain)->pgtable, iova, pieces, count, prot,
				  mapped);
}

static const struct iommu_page_ops MAP_PATH(page_ops) = {
	.map_page = MAP_PATH(map_page),
	.unmap_page = MAP_PATH(unmap_page),
	.sync_page = iommu_placed_sync_page,
	.map_pieces = MAP_PATH(map_pieces),
};

#endif

#undef FORMAT
#undef MAP_PATH
