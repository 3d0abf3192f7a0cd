/* SPDX-License-Identifier: BSD-2-Clause */
#include "null_unit.h"

#include <stdlib.h>

#include "pages.h"

struct null_domain {
	struct iommu_domain base; /* first */
	struct null_unit *null;
	struct iommu_pgtable table;
};

static struct null_domain *domain_of(struct iommu_domain *domain)
{
	return (struct null_domain *)domain;
}

static int attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	(void)domain;
	(void)endpoint;
	return 0;
}

static void domain_free(struct iommu_domain *domain)
{
	iommu_vtdss_destroy(&domain_of(domain)->table);
	free(domain);
}

static int map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot, struct iommu_gather *gather,
		     uint64_t *mapped)
{
	return iommu_vtdss_map(&domain_of(domain)->table, iova, paddr, size, prot, gather, mapped);
}

static int unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vtdss_unmap(&domain_of(domain)->table, iova, size, flags, gather, unmapped);
}

static bool map_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot)
{
	return iommu_vtdss_map_page(&domain_of(domain)->table, iova, paddr, size, prot);
}

static bool unmap_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	return iommu_vtdss_unmap_page(&domain_of(domain)->table, iova, size);
}

static unsigned int map_pieces(struct iommu_domain *domain, iommu_iova_t iova,
			       const struct iommu_map_piece *pieces, unsigned int count,
			       unsigned int prot, uint64_t *mapped)
{
	return iommu_vtdss_map_pieces(&domain_of(domain)->table, iova, pieces, count, prot, mapped);
}

static int sync_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	(void)domain;
	(void)iova;
	(void)size;
	return 0;
}

static void free_gathered(struct iommu_domain *domain, struct iommu_gather *gather)
{
	iommu_vtdss_free_gathered(&domain_of(domain)->table, gather);
}

static int sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	bench_count_one(&domain_of(domain)->null->invalidations);
	free_gathered(domain, gather);
	iommu_gather_init(gather);
	return 0;
}

static int sync_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	bench_count_one(&domain_of(domain)->null->invalidations);
	(void)iova;
	(void)size;
	return 0;
}

static int flush_all(struct iommu_domain *domain)
{
	bench_count_one(&domain_of(domain)->null->invalidations);
	return 0;
}

static int iova_to_phys(const struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t *paddr)
{
	return iommu_vtdss_iova_to_phys(&((const struct null_domain *)domain)->table, iova, paddr,
					NULL);
}

static int walk(const struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
		iommu_pgtable_visitor visitor, void *ctx)
{
	return iommu_vtdss_walk(&((const struct null_domain *)domain)->table, start, last, visitor,
				ctx);
}

static const struct iommu_domain_ops domain_ops = {
	.attach = attach,
	.detach = attach,
	.free = domain_free,
	.map_pages = map_pages,
	.unmap_pages = unmap_pages,
	.sync_map = sync_map,
	.sync = sync,
	.flush_all = flush_all,
	.free_gathered = free_gathered,
	.iova_to_phys = iova_to_phys,
	.walk = walk,
};

static const struct iommu_page_ops page_ops = {
	.map_page = map_page,
	.unmap_page = unmap_page,
	.sync_page = sync_page,
	.map_pieces = map_pieces,
};

/* The unit wants to be told of none, as most. */
static const bool tells_of_maps;

static int domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			const struct iommu_domain_config *config, struct iommu_domain **result)
{
	const struct iommu_pgtable_config table = {
		.platform = bench_platform(),
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
	};
	struct null_domain *domain = calloc(1, sizeof(*domain));

	(void)type;
	(void)config;
	if (domain == NULL || iommu_vtdss_init(&domain->table, &table) != 0)
		abort();
	domain->null = (struct null_unit *)unit;
	domain->base.ops = &domain_ops;
	domain->base.page_ops = &page_ops;
	domain->base.tells_of_maps = &tells_of_maps;
	domain->base.aperture_last = (1ULL << 48) - 1;
	domain->base.paddr_last = (1ULL << 46) - 1;
	domain->base.pgsize_bitmap = table.pgsize_bitmap;
	*result = &domain->base;
	return 0;
}

static int turn(struct iommu_unit *unit)
{
	(void)unit;
	return 0;
}

static void remove_unit(struct iommu_unit *unit)
{
	(void)unit;
}

static enum iommu_match match(const struct iommu_unit *unit, const struct iommu_endpoint_info *info)
{
	(void)unit;
	(void)info;
	return IOMMU_MATCH_REST;
}

static int probe_endpoint(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	(void)unit;
	(void)endpoint;
	return 0;
}

static void release_endpoint(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	(void)unit;
	(void)endpoint;
}

static bool capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	(void)endpoint;
	return capability == IOMMU_CAPABLE_CACHE_COHERENCY ||
	       capability == IOMMU_CAPABLE_INTERRUPT_ISOLATION;
}

static int handle_faults(struct iommu_unit *unit, bool *lost)
{
	(void)unit;
	(void)lost;
	return 0;
}

static const struct iommu_ops ops = {
	.name = "null",
	.enable = turn,
	.disable = turn,
	.remove = remove_unit,
	.match = match,
	.probe_endpoint = probe_endpoint,
	.release_endpoint = release_endpoint,
	.capable = capable,
	.domain_alloc = domain_alloc,
	.handle_faults = handle_faults,
};

int null_unit_create(struct null_unit *null, enum iommu_domain_type type, bool exclusive)
{
	const struct iommu_endpoint_info info = {.source_id = 8};
	int status;

	*null = (struct null_unit){.unit = {.ops = &ops}, .platform = *bench_platform()};
	null->platform.cpu_exclusive = exclusive;
	status = iommu_create(&null->platform, &null->iommu);
	if (status != 0)
		return status;
	iommu_register_unit(null->iommu, &null->unit);
	status = iommu_set_default_type(null->iommu, type);
	if (status == 0)
		status = iommu_probe_endpoint(null->iommu, &info, &null->endpoint);
	return status != 0 ? status : iommu_unit_enable(&null->unit);
}

void null_unit_destroy(struct null_unit *null)
{
	if (iommu_release_endpoint(null->endpoint) != 0 || iommu_destroy(null->iommu) != 0)
		abort();
}
