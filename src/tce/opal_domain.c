/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: TCE tables that the core maps in, the identity, and nothing. */
#include <libiommu/status.h>

#include "base/atomic.h"
#include "tce/opal.h"

void iommu_opal_domain_destroy(struct opal_domain *domain)
{
	const struct iommu_platform *platform = domain->unit->platform;

	if (domain->has_table) {
		iommu_tce_free_gathered(&domain->pt, &domain->quarantine);
		iommu_tce_destroy(&domain->pt);
	}
	platform->free_pages(platform->ctx, domain, 0);
}

/* A window that should have been closed may lead to it: to nothing that was mapped, from now on. */
static void empty(struct opal_domain *domain)
{
	struct opal_unit *unit = domain->unit;
	struct iommu_gather gather;
	uintptr_t state;

	if (!domain->has_table)
		return;
	iommu_gather_init(&gather);
	(void)iommu_tce_unmap(&domain->pt, 0, domain->pt.aperture_last + 1, 0, &gather, NULL);
	state = iommu_spin_lock(unit->platform, &unit->lock);
	iommu_tce_merge_gathered(&domain->pt, &domain->quarantine, &gather);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	/* Once more: another may have made good what had failed before this waited for it. */
	iommu_opal_note_failure(unit);
}

static void domain_free(struct iommu_domain *base)
{
	struct opal_domain *domain = opal_domain_of(base);
	struct opal_unit *unit = domain->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
	const bool waits = unit->failures != 0 || unit->unsure != 0;

	if (!waits)
		iommu_list_remove(&domain->link);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	if (!waits) {
		iommu_opal_domain_destroy(domain);
		return;
	}
	empty(domain);
	/* From here on it goes with the first that makes good what has failed. */
	state = iommu_spin_lock(unit->platform, &unit->lock);
	domain->is_buried = true;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	(void)iommu_opal_settle(unit);
	(void)iommu_opal_forget_all(unit);
}

static int domain_map(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	return iommu_tce_map(&opal_domain_of(base)->pt, iova, paddr, size, prot, gather, mapped);
}

static int domain_unmap(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_tce_unmap(&opal_domain_of(base)->pt, iova, size, flags, gather, unmapped);
}

/* A bridge may remember that there was nothing. */
static int domain_sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	int status = iommu_opal_forget_range(opal_domain_of(base), iova, iova + (size - 1));

	/* A window that may be none of this domain's shows no mapping of it. */
	return status == 0 && iommu_opal_is_torn(opal_domain_of(base)) ? IOMMU_EIO : status;
}

static int domain_sync(struct iommu_domain *base, struct iommu_gather *gather)
{
	struct opal_domain *domain = opal_domain_of(base);
	struct opal_unit *unit = domain->unit;
	int status;
	uintptr_t state;

	status = gather->tables_unlinked
			 ? iommu_opal_forget_range(domain, 1, 0)
			 : iommu_opal_forget_range(domain, gather->start, gather->last);
	if (status == 0) {
		iommu_tce_free_gathered(&domain->pt, gather);
		return 0;
	}
	state = iommu_spin_lock(unit->platform, &unit->lock);
	iommu_tce_merge_gathered(&domain->pt, &domain->quarantine, gather);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	/* Once more: another may have made good what had failed before this waited for it. */
	iommu_opal_note_failure(unit);
	return status;
}

static int domain_flush_all(struct iommu_domain *base)
{
	return iommu_opal_forget_range(opal_domain_of(base), 1, 0);
}

static void domain_free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	iommu_tce_free_gathered(&opal_domain_of(base)->pt, gather);
}

static int domain_iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova,
			       iommu_paddr_t *paddr)
{
	return iommu_tce_iova_to_phys(&opal_domain_of(base)->pt, iova, paddr, NULL);
}

static int domain_walk(const struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
		       iommu_pgtable_visitor visitor, void *ctx)
{
	return iommu_tce_walk(&opal_domain_of(base)->pt, start, last, visitor, ctx);
}

static void domain_get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct opal_domain *domain = opal_domain_of(base);

	info->coherent = true;
	if (!domain->has_table)
		return;
	info->table_pages = iommu_cell_load(&domain->pt.pages);
	info->quarantine = domain->quarantine.freed != 0;
	info->levels = domain->pt.levels;
}

static const struct iommu_domain_ops paging_ops = {
	.attach = iommu_opal_attach,
	.detach = iommu_opal_detach,
	.free = domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync_map = domain_sync_map,
	.sync = domain_sync,
	.flush_all = domain_flush_all,
	.free_gathered = domain_free_gathered,
	.iova_to_phys = domain_iova_to_phys,
	.walk = domain_walk,
	.get_info = domain_get_info,
};

static const struct iommu_domain_ops identity_ops = {
	.attach = iommu_opal_attach,
	.detach = iommu_opal_detach,
	.free = domain_free,
	.get_info = domain_get_info,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = iommu_opal_attach_blocked,
	.detach = iommu_opal_detach,
	.free = domain_free,
	.get_info = domain_get_info,
};

/* Of those that are wanted and there, the smallest page: so that everything can be mapped. */
static uint64_t page_size_for(const struct opal_unit *unit, uint64_t wanted)
{
	const uint64_t sizes =
		wanted != 0 ? unit->config.page_sizes & wanted : unit->config.page_sizes;

	return sizes & -sizes;
}

/* Levels of 4 KiB tables that hold so many bits of address. */
static unsigned int levels_for(unsigned int bits, uint64_t page_size)
{
	unsigned int levels = 1;
	unsigned int shift = 12;

	while (1ULL << shift < page_size)
		shift++;
	while (shift + 9 * levels < bits)
		levels++;
	return levels;
}

#define NO_TABLE "no window can be made of this width or of these page sizes"

static int make_table(struct opal_domain *domain, const struct iommu_domain_config *config)
{
	const struct opal_unit *unit = domain->unit;
	const unsigned int bits =
		config->address_width != 0 ? config->address_width : unit->config.window_bits;
	const struct iommu_pgtable_config table = {
		.platform = unit->platform,
		.levels = levels_for(bits, page_size_for(unit, config->pgsize_bitmap)),
		.input_bits = bits,
		.output_bits = unit->config.output_bits,
		.pgsize_bitmap = page_size_for(unit, config->pgsize_bitmap),
		.max_pages = config->max_table_pages,
		.node = iommu_node_near(config->near_node, IOMMU_NODE_ANY),
	};
	int status;

	if (config->force_snoop)
		return OPAL_REFUSE(unit, IOMMU_EOPNOTSUPP, "it forces no snooping");
	if (bits > unit->config.window_bits || table.pgsize_bitmap == 0)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, NO_TABLE);
	status = iommu_tce_init(&domain->pt, &table);
	if (status != 0)
		return status == IOMMU_ENOMEM ? status : OPAL_REFUSE(unit, status, NO_TABLE);
	domain->has_table = true;
	domain->base.pgsize_bitmap = table.pgsize_bitmap;
	domain->base.aperture_last = domain->pt.aperture_last;
	domain->base.prot_hints = IOMMU_PROT_MAY_SLEEP;
	if (config->bypass) {
		domain->base.bypass_offset = OPAL_BYPASS_START;
		domain->base.bypass_size = unit->config.memory_end;
	}
	return 0;
}

int iommu_opal_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct opal_unit *unit = opal_unit_of(base);
	const struct iommu_platform *platform = unit->platform;
	struct opal_domain *domain;
	uintptr_t state;
	int status = 0;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_IDENTITY &&
	    type != IOMMU_DOMAIN_BLOCKED)
		return OPAL_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	domain = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->unit = unit;
	domain->base.ops = type == IOMMU_DOMAIN_IDENTITY ? &identity_ops : &blocked_ops;
	domain->base.aperture_last = (1ULL << unit->config.window_bits) - 1;
	iommu_list_init(&domain->pes);
	iommu_gather_init(&domain->quarantine);
	if (type == IOMMU_DOMAIN_PAGING) {
		domain->base.ops = &paging_ops;
		status = make_table(domain, config);
	}
	if (status != 0) {
		platform->free_pages(platform->ctx, domain, 0);
		return status;
	}
	state = iommu_spin_lock(platform, &unit->lock);
	iommu_list_insert(&unit->domains, &domain->link);
	iommu_spin_unlock(platform, &unit->lock, state);
	*result = &domain->base;
	return 0;
}
