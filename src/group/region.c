/* SPDX-License-Identifier: BSD-2-Clause */
/* Regions of endpoints, addresses that are excluded from DMA, and what is memory. */
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "group/group.h"

/* --- Regions of endpoints --------------------------------------------------------------------- */

bool iommu_endpoint_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
				struct iommu_region *region)
{
	const struct iommu_ops *ops;

	if (iommu_endpoint_is_released(endpoint))
		return false; /* those of an alias are the device's whose id it is */
	ops = endpoint->unit->ops;
	return (ops->next_region != NULL && !iommu_is_hosts_cursor(*cursor) &&
		ops->next_region(endpoint, cursor, region)) ||
	       iommu_next_host_region(endpoint, cursor, region);
}

bool iommu_has_region(const struct iommu_endpoint *endpoint, enum iommu_region_type type)
{
	struct iommu_region region;
	unsigned int cursor = 0;

	while (iommu_endpoint_next_region(endpoint, &cursor, &region))
		if (region.type == type)
			return true;
	return false;
}

static bool overlap(const struct iommu_region *one, const struct iommu_region *other)
{
	return one->start <= other->last && other->start <= one->last;
}

/* Does the second begin where the first ends? The end of all addresses has no neighbour. */
static bool adjoin(const struct iommu_region *one, const struct iommu_region *other)
{
	return one->last != UINT64_MAX && one->last + 1 == other->start;
}

static bool belong_together(const struct iommu_region *one, const struct iommu_region *other)
{
	if (one->type != other->type)
		return false;
	return overlap(one, other) ||
	       (one->prot == other->prot && (adjoin(one, other) || adjoin(other, one)));
}

/* Take out of the list what belongs to `region`, and make that as large as both. */
static bool absorb(struct iommu_region *region, struct iommu_region *regions, unsigned int *count)
{
	unsigned int i = 0;

	while (i < *count && !belong_together(region, &regions[i]))
		i++;
	if (i == *count)
		return false;
	if (regions[i].start < region->start)
		region->start = regions[i].start;
	if (regions[i].last > region->last)
		region->last = regions[i].last;
	region->prot |= regions[i].prot;
	for (--*count; i < *count; i++)
		regions[i] = regions[i + 1];
	return true;
}

static bool is_before(const struct iommu_region *one, const struct iommu_region *other)
{
	return one->type != other->type ? one->type < other->type : one->start < other->start;
}

/* Into its place; what it touches becomes part of it, which may make it touch more. */
static int insert_region(struct iommu_region region, struct iommu_region *regions,
			 unsigned int capacity, unsigned int *count)
{
	unsigned int i;

	while (absorb(&region, regions, count))
		;
	if (*count == capacity)
		return IOMMU_ENOSPC;
	for (i = (*count)++; i > 0 && is_before(&region, &regions[i - 1]); i--)
		regions[i] = regions[i - 1];
	regions[i] = region;
	return 0;
}

int iommu_group_get_regions(const struct iommu_group *group, struct iommu_region *regions,
			    unsigned int capacity, unsigned int *count)
{
	struct iommu_list_node *node;

	*count = 0;
	iommu_list_for_each (node, &group->endpoints) {
		const struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, group_link);
		struct iommu_region region;
		unsigned int cursor = 0;

		while (iommu_endpoint_next_region(endpoint, &cursor, &region)) {
			if (insert_region(region, regions, capacity, count) != 0) {
				*count = 0;
				return IOMMU_ENOSPC;
			}
		}
	}
	return 0;
}

/* --- Addresses that are kept free ------------------------------------------------------------- */

#if IOMMU_CONFIG_DMA
static int space_of(struct iommu *iommu, iommu_iova_t last, unsigned int shift,
		    struct iommu_iova_space **space)
{
	/* Page 0 is never handed out: too many take address 0 for none. */
	const struct iommu_iova_config config = {
		.platform = iommu->platform,
		.granule = 1ULL << shift,
		.first = 1,
		.last = last >> shift,
	};

	return IOMMU_CONFIG_DMA ? iommu_iova_space_create(&config, space) : IOMMU_EOPNOTSUPP;
}

static int keep_pages_free(struct iommu *iommu, uint64_t first_page, uint64_t last_page)
{
	if (last_page == 0)
		return 0; /* never handed out */
	if (iommu->reserved == NULL &&
	    space_of(iommu, UINT64_MAX, IOMMU_PAGE_SHIFT, &iommu->reserved) != 0)
		return IOMMU_ENOMEM;
	if (first_page == 0)
		first_page = 1;
	return iommu_iova_reserve(iommu->reserved, first_page, last_page, IOMMU_IOVA_MERGE, NULL);
}
#endif

int iommu_keep_free(struct iommu *iommu, iommu_iova_t start, iommu_iova_t last)
{
	if (start > last)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "the range ends before it starts");
#if IOMMU_CONFIG_DMA
	return keep_pages_free(iommu, start >> IOMMU_PAGE_SHIFT, last >> IOMMU_PAGE_SHIFT);
#else
	return 0; /* nothing is handed out */
#endif
}

int iommu_reserve(struct iommu *iommu, iommu_iova_t start, iommu_iova_t last)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_keep_free(iommu, start, last);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

#if IOMMU_CONFIG_DMA
int iommu_space_create(struct iommu_domain *domain, struct iommu_iova_space **space)
{
	struct iommu *iommu = domain->iommu;
	int status = space_of(iommu, domain->aperture_last, domain->page_shift, space);

	if (status == 0 && iommu->reserved != NULL)
		status = iommu_iova_copy_reserved(*space, iommu->reserved);
	if (status != 0 && *space != NULL) {
		iommu_iova_space_destroy(*space);
		*space = NULL;
	}
	return status;
}
#endif

/* --- Memory ----------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_REGIONS

static struct iommu_span *range_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_span, link);
}

void iommu_regions_init(struct iommu *iommu)
{
	iommu_object_cache_init(&iommu->memory_cache, iommu->platform, sizeof(struct iommu_span));
}

bool iommu_knows_memory(const struct iommu *iommu)
{
	return !iommu_list_is_empty(&iommu->memory);
}

/* Memory that an identity domain's tables lead to. */
static int map_range(struct iommu_domain *domain, const struct iommu_span *range)
{
	int status = iommu_span_map(domain, range, IOMMU_PROT_READ_WRITE);

	return status == 0 || status == IOMMU_ENOMEM || status == IOMMU_ETIMEDOUT ||
			       status == IOMMU_EIO
		       ? status
		       : IOMMU_REFUSE(domain->iommu, "", status,
				      "memory cannot be mapped in an identity domain");
}

int iommu_map_memory(struct iommu_domain *domain)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &domain->iommu->memory) {
		status = map_range(domain, range_of(node));
		if (status != 0)
			break;
	}
	return status;
}

static bool range_is_sane(iommu_paddr_t start, iommu_paddr_t last)
{
	return start <= last && ((start | (last + 1)) & (IOMMU_PAGE_SIZE - 1)) == 0;
}

/* In all identity domains or in none. */
static int map_everywhere(struct iommu *iommu, const struct iommu_span *range)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &iommu->domains) {
		struct iommu_domain *domain = iommu_container_of(node, struct iommu_domain, link);

		if (iommu_is_identity_table(domain))
			status = map_range(domain, range);
		if (status != 0)
			break;
	}
	if (status == 0)
		return 0;
	while ((node = node->previous) != &iommu->domains) {
		struct iommu_domain *domain = iommu_container_of(node, struct iommu_domain, link);

		if (iommu_is_identity_table(domain))
			(void)iommu_span_unmap(domain, range);
	}
	return status;
}

static int add_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last)
{
	struct iommu_span *range;
	struct iommu_list_node *node;
	int status;

	if (!range_is_sane(start, last))
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "the range is not whole pages");
	iommu_list_for_each (node, &iommu->memory)
		if (range_of(node)->start <= last && start <= range_of(node)->last)
			return IOMMU_REFUSE(iommu, "", IOMMU_EEXIST,
					    "part of the range was added before");
	range = iommu_object_alloc(&iommu->memory_cache, 0);
	if (range == NULL)
		return IOMMU_ENOMEM;
	range->start = start;
	range->last = last;
	status = map_everywhere(iommu, range);
	if (status == 0)
		iommu_list_insert(&iommu->memory, &range->link);
	else
		iommu_object_free(&iommu->memory_cache, range);
	return status;
}

int iommu_add_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last)
{
	int status;

	iommu_control_lock(iommu);
	status = add_memory(iommu, start, last);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

static int remove_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last)
{
	struct iommu_list_node *node;
	struct iommu_span *range = NULL;
	int result = 0;

	iommu_list_for_each (node, &iommu->memory)
		if (range_of(node)->start == start && range_of(node)->last == last)
			range = range_of(node);
	if (range == NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_ENOENT, "no such range was added");
	iommu_list_for_each (node, &iommu->domains) {
		struct iommu_domain *domain = iommu_container_of(node, struct iommu_domain, link);
		int status = 0;

		if (iommu_is_identity_table(domain))
			status = iommu_span_unmap(domain, range);
		if (result == 0)
			result = status;
	}
	iommu_list_remove(&range->link);
	iommu_object_free(&iommu->memory_cache, range);
	return result;
}

int iommu_remove_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last)
{
	int status;

	iommu_control_lock(iommu);
	status = remove_memory(iommu, start, last);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

static void forget_memory(struct iommu *iommu)
{
	while (!iommu_list_is_empty(&iommu->memory)) {
		struct iommu_span *range = range_of(iommu->memory.next);

		iommu_list_remove(&range->link);
		iommu_object_free(&iommu->memory_cache, range);
	}
}

#else
#define forget_memory(iommu) ((void)0)
#endif

void iommu_regions_free(struct iommu *iommu)
{
	forget_memory(iommu);
	if (IOMMU_CONFIG_DMA && iommu->reserved != NULL)
		iommu_iova_space_destroy(iommu->reserved);
}
