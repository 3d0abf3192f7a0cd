/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d domains: a second-stage table, the units that use it, and the map path.
 *
 * The map path takes no lock. It reads the list of places on units, which only grows while the
 * domain lives, and skips those without endpoints. An attach that it does not see yet cannot have
 * cached anything: attach counts the endpoint, then a full fence, then writes the context entry; an
 * unmap clears the entries, then a full fence, then reads the counts.
 */
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "vtd/vtd.h"

/* The page sizes that second-stage tables can have. */
#define EVERY_SIZE (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)

/* --- The map path ----------------------------------------------------------------------------- */

static int map_pages(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot, struct iommu_gather *gather,
		     uint64_t *mapped)
{
	return iommu_vtdss_map(&vtd_domain_of(base)->pgtable, iova, paddr, size, prot, gather,
			       mapped);
}

static int unmap_pages(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vtdss_unmap(&vtd_domain_of(base)->pgtable, iova, size, flags, gather,
				 unmapped);
}

/* The domain id under which a unit may have cached something of the domain; 0: none. */
static uint16_t id_in_use(const struct vtd_attachment *attachment)
{
	/* First the count, then the id: see attach.c. */
	if (!vtd_unit_is_active(attachment->unit) ||
	    __atomic_load_n(&attachment->endpoints, __ATOMIC_ACQUIRE) == 0)
		return 0;
	return __atomic_load_n(&attachment->domain_id, __ATOMIC_ACQUIRE);
}

/* Invalidate a range on every unit that may have cached it. */
static int invalidate_everywhere(struct vtd_domain *domain, iommu_iova_t start, iommu_iova_t last,
				 bool leaves_only)
{
	struct vtd_attachment *attachment;
	int result = 0;

	iommu_full_fence();
	for (attachment = __atomic_load_n(&domain->attachments, __ATOMIC_ACQUIRE);
	     attachment != NULL; attachment = attachment->next) {
		const uint16_t id = id_in_use(attachment);
		int status = 0;

		if (id != 0)
			status = iommu_vtd_invalidate_range(attachment->unit, domain, id, start,
							    last, leaves_only);
		else if (vtd_unit_is_suspect(attachment->unit))
			/* Not used there any more, as far as hardware has confirmed. */
			status = iommu_vtd_invalidate_all(attachment->unit);
		if (result == 0)
			result = status;
	}
	return result;
}

/* Add to a gather what earlier invalidations failed to cover. */
static void quarantine_take(struct vtd_domain *domain, struct iommu_gather *gather)
{
	const struct iommu_platform *platform = domain->pgtable.platform;
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	iommu_vtdss_merge_gathered(&domain->pgtable, gather, &domain->quarantine);
	__atomic_store_n(&domain->quarantined, false, __ATOMIC_RELAXED);
	iommu_spin_unlock(platform, &domain->lock, state);
}

static void quarantine_put(struct vtd_domain *domain, struct iommu_gather *gather)
{
	const struct iommu_platform *platform = domain->pgtable.platform;
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	iommu_vtdss_merge_gathered(&domain->pgtable, &domain->quarantine, gather);
	__atomic_store_n(&domain->quarantined, true, __ATOMIC_RELAXED);
	iommu_spin_unlock(platform, &domain->lock, state);
}

static int sync_gather(struct iommu_domain *base, struct iommu_gather *gather)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	int status;

	if (__atomic_load_n(&domain->quarantined, __ATOMIC_RELAXED))
		quarantine_take(domain, gather);
	status = invalidate_everywhere(domain, gather->start, gather->last,
				       !gather->tables_unlinked);
	if (status == 0)
		iommu_vtdss_free_gathered(&domain->pgtable, gather);
	else
		quarantine_put(domain, gather);
	return status;
}

static int flush_all(struct iommu_domain *base)
{
	return invalidate_everywhere(vtd_domain_of(base), 0, base->aperture_last, false);
}

static void free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	iommu_vtdss_free_gathered(&vtd_domain_of(base)->pgtable, gather);
}

/* New mappings: hardware may have cached that there are none, or still hold them in a buffer. */
static int sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	struct vtd_attachment *attachment;
	int status = 0;

	iommu_full_fence();
	for (attachment = __atomic_load_n(&domain->attachments, __ATOMIC_ACQUIRE);
	     attachment != NULL && status == 0; attachment = attachment->next) {
		struct vtd_unit *unit = attachment->unit;
		const uint16_t id = id_in_use(attachment);

		if (id != 0 && unit->caps.caching_mode)
			status = iommu_vtd_invalidate_range(unit, domain, id, iova,
							    iova + (size - 1), false);
		else if (id != 0)
			status = iommu_vtd_flush_write_buffer(unit);
	}
	return status;
}

static int iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t *paddr)
{
	return iommu_vtdss_iova_to_phys(&vtd_domain_of(base)->pgtable, iova, paddr, NULL);
}

static int walk(const struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
		iommu_pgtable_visitor visitor, void *ctx)
{
	return iommu_vtdss_walk(&vtd_domain_of(base)->pgtable, start, last, visitor, ctx);
}

static void get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct vtd_domain *domain = vtd_domain_of(base);

	const struct vtd_attachment *attachment;

	info->coherent = (domain->pgtable.flags & IOMMU_PGTABLE_NONCOHERENT) == 0;
	info->levels = domain->pgtable.levels;
	info->snoop_control = true;
	for (attachment = domain->attachments; attachment != NULL; attachment = attachment->next)
		if (id_in_use(attachment) != 0 && !attachment->unit->caps.snoop_control)
			info->snoop_control = false;
	info->table_pages = domain->pgtable.pages;
	info->quarantine = __atomic_load_n(&domain->quarantined, __ATOMIC_RELAXED);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Might a unit that the domain was attached to still walk its tables? */
static bool domain_is_haunted(const struct vtd_domain *domain)
{
	const struct vtd_attachment *attachment;

	for (attachment = domain->attachments; attachment != NULL; attachment = attachment->next)
		if (vtd_unit_is_suspect(attachment->unit))
			return true;
	return false;
}

static void domain_bury(struct vtd_domain *domain)
{
	struct iommu_pgtable *pt = &domain->pgtable;
	unsigned int i;

	iommu_vtd_attachments_free(domain);
	if (vtd_domain_has_table(domain)) {
		iommu_vtdss_free_gathered(pt, &domain->quarantine);
		for (i = 2; i-- != 0;)
			if (domain->tops[i] != NULL)
				iommu_vtdss_free_top(pt, domain->tops[i], i + 4);
		iommu_vtdss_destroy(pt);
	}
	iommu_object_free(&domain->probe->domain_cache, domain);
}

static void domain_free(struct iommu_domain *base)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	if (domain_is_haunted(domain))
		iommu_list_insert(&domain->probe->graveyard, &domain->grave);
	else
		domain_bury(domain);
}

void iommu_vtd_reap(struct vtd_probe *probe)
{
	struct iommu_list_node *node = probe->graveyard.next;

	while (node != &probe->graveyard) {
		struct vtd_domain *domain = iommu_container_of(node, struct vtd_domain, grave);

		node = node->next;
		if (domain_is_haunted(domain))
			continue;
		iommu_list_remove(&domain->grave);
		domain_bury(domain);
	}
}

static const struct iommu_domain_ops paging_ops = {
	.attach = iommu_vtd_paging_attach,
	.detach = iommu_vtd_detach,
	.free = domain_free,
	.map_pages = map_pages,
	.unmap_pages = unmap_pages,
	.sync_map = sync_map,
	.sync = sync_gather,
	.flush_all = flush_all,
	.free_gathered = free_gathered,
	.iova_to_phys = iova_to_phys,
	.walk = walk,
	.get_info = get_info,
};

static const struct iommu_domain_ops identity_ops = {
	.attach = iommu_vtd_identity_attach,
	.detach = iommu_vtd_detach,
	.free = domain_free,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = iommu_vtd_blocked_attach,
	.detach = iommu_vtd_detach,
	.free = domain_free,
};

/* An empty table as the unit can walk it and the caller wishes it. */
static int make_table(struct vtd_domain *domain, const struct vtd_unit *unit,
		      const struct iommu_domain_config *config)
{
	const struct vtd_capabilities *caps = &unit->caps;
	struct iommu_pgtable_config table = {
		.platform = unit->platform,
		.levels = VTD_SS_LEVELS_MIN,
		.input_bits =
			config->address_width != 0 ? config->address_width : caps->guest_width,
		.output_bits = unit->output_width,
		.pgsize_bitmap =
			config->pgsize_bitmap != 0 ? config->pgsize_bitmap : caps->pgsize_bitmap,
		.max_pages = config->max_table_pages,
		.node = IOMMU_NODE_ANY,
		.flags = (caps->coherent ? 0U : IOMMU_PGTABLE_NONCOHERENT) |
			 (config->force_snoop ? IOMMU_PGTABLE_FORCE_SNOOP : 0U),
	};
	int status;

	if (config->force_snoop && !caps->snoop_control)
		return IOMMU_EOPNOTSUPP;
	if (table.input_bits > caps->guest_width ||
	    (table.pgsize_bitmap & ~caps->pgsize_bitmap) != 0)
		return IOMMU_EINVAL;
	/* The shallowest table that the unit knows and that is wide enough. */
	while (vtd_ss_address_width(table.levels) < table.input_bits ||
	       (caps->sagaw >> (table.levels - 2) & 1) == 0)
		table.levels++;
	status = iommu_vtdss_init(&domain->pgtable, &table);
	if (status != 0)
		return status;
	domain->base.ops = &paging_ops;
	domain->base.aperture_last = domain->pgtable.aperture_last;
	domain->base.pgsize_bitmap = domain->pgtable.pgsize_bitmap;
	domain->aperture = domain->pgtable.aperture_last;
	domain->pgsizes = config->pgsize_bitmap != 0 ? config->pgsize_bitmap : EVERY_SIZE;
	return 0;
}

int iommu_vtd_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			   const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	struct vtd_domain *domain;
	int status = 0;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_IDENTITY &&
	    type != IOMMU_DOMAIN_BLOCKED)
		return IOMMU_EOPNOTSUPP;
	iommu_vtd_reap(unit->probe);
	domain = iommu_object_alloc(&unit->probe->domain_cache, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->probe = unit->probe;
	iommu_gather_init(&domain->quarantine);
	domain->base.ops = type == IOMMU_DOMAIN_IDENTITY ? &identity_ops : &blocked_ops;
	domain->base.aperture_last = (1ULL << unit->output_width) - 1;
	iommu_list_init(&domain->tlb_devices);
	/* Where there is no pass-through, tables that map all memory to itself do it. */
	if (type == IOMMU_DOMAIN_PAGING ||
	    (type == IOMMU_DOMAIN_IDENTITY && !unit->caps.pass_through && !unit->bypassed))
		status = make_table(domain, unit, config);
	if (status != 0) {
		iommu_object_free(&unit->probe->domain_cache, domain);
		return status;
	}
	*result = &domain->base;
	return 0;
}
