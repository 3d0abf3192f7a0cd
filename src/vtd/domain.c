/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d domains with tables of their own: the map path, and dirty tracking.
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

/* --- The map path: the one thing in which the stages differ where it matters ------------------ */

#if IOMMU_CONFIG_FIRST_STAGE
static int map_first_stage(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, unsigned int prot, struct iommu_gather *gather,
			   uint64_t *mapped)
{
	return iommu_vtdfs_map(&vtd_domain_of(base)->pgtable, iova, paddr, size, prot, gather,
			       mapped);
}

static int unmap_first_stage(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			     unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vtdfs_unmap(&vtd_domain_of(base)->pgtable, iova, size, flags, gather,
				 unmapped);
}
#endif

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

	domain->format->merge_gathered(&domain->pgtable, gather, &domain->quarantine);
	__atomic_store_n(&domain->quarantined, false, __ATOMIC_RELAXED);
	iommu_spin_unlock(platform, &domain->lock, state);
}

static void quarantine_put(struct vtd_domain *domain, struct iommu_gather *gather)
{
	const struct iommu_platform *platform = domain->pgtable.platform;
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	domain->format->merge_gathered(&domain->pgtable, &domain->quarantine, gather);
	__atomic_store_n(&domain->quarantined, true, __ATOMIC_RELAXED);
	iommu_spin_unlock(platform, &domain->lock, state);
}

static void free_pages(struct vtd_domain *domain, struct iommu_gather *gather)
{
	if (gather->freed != 0)
		domain->format->free_gathered(&domain->pgtable, gather);
	else
		iommu_gather_init(gather);
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
		free_pages(domain, gather);
	else
		quarantine_put(domain, gather);
	return status;
}

static int flush_all(struct iommu_domain *base)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	/* A first stage has an upper half, too. */
	const iommu_iova_t last =
		domain->type == VTD_PASID_SECOND_STAGE ? base->aperture_last : UINT64_MAX;

	return invalidate_everywhere(domain, 0, last, false);
}

static void free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	free_pages(vtd_domain_of(base), gather);
}

/*
 * New mappings. Hardware may have cached that there are none, or a write buffer may still hold
 * them. And where an invalidation failed, what was mapped there before may still be cached: also
 * under a domain that no endpoint uses any more, as far as hardware has confirmed.
 */
static int tell_unit(struct vtd_domain *domain, struct vtd_attachment *attachment,
		     iommu_iova_t iova, uint64_t size)
{
	struct vtd_unit *unit = attachment->unit;
	const uint16_t id = id_in_use(attachment);
	/* That a first stage maps nothing is never cached. */
	const bool caches = unit->caps.caching_mode && domain->type == VTD_PASID_SECOND_STAGE;

	if (vtd_unit_is_suspect(unit))
		return iommu_vtd_invalidate_all(unit);
	if (id == 0)
		return 0;
	return caches ? iommu_vtd_invalidate_range(unit, domain, id, iova, iova + (size - 1), false)
		      : iommu_vtd_flush_write_buffer(unit);
}

static int tell_units(struct vtd_domain *domain, iommu_iova_t iova, uint64_t size)
{
	struct vtd_attachment *attachment;
	int status = 0;

	iommu_full_fence();
	for (attachment = __atomic_load_n(&domain->attachments, __ATOMIC_ACQUIRE);
	     attachment != NULL && status == 0; attachment = attachment->next)
		status = tell_unit(domain, attachment, iova, size);
	return status;
}

static int sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	if (__builtin_expect(!__atomic_load_n(&domain->probe->tells_of_maps, __ATOMIC_RELAXED), 1))
		return 0;
	return tell_units(domain, iova, size);
}

static int iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t *paddr)
{
	const struct vtd_domain *domain = vtd_domain_of(base);

	return domain->format->iova_to_phys(&domain->pgtable, iova, paddr, NULL);
}

#if IOMMU_CONFIG_TABLE_TOOLS
static int walk(const struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
		iommu_pgtable_visitor visitor, void *ctx)
{
	const struct vtd_domain *domain = vtd_domain_of(base);

	return domain->format->walk(&domain->pgtable, start, last, visitor, ctx);
}
#endif

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
	info->table_pages = iommu_cell_load(&domain->pgtable.pages);
	info->quarantine = __atomic_load_n(&domain->quarantined, __ATOMIC_RELAXED);
}

#if IOMMU_CONFIG_SCALABLE

/* --- What devices have written ---------------------------------------------------------------- */

/*
 * Forget what was noted; hardware, too, whatever an earlier attempt has cleared in the tables
 * alone.
 */
static int clean(struct vtd_domain *domain)
{
	struct iommu_gather gather;
	int status;

	iommu_gather_init(&gather);
	status = domain->format->read_dirty(&domain->pgtable, 0, domain->pgtable.aperture_last + 1,
					    0, NULL, &gather);
	return status != 0 ? status : flush_all(&domain->base);
}

/*
 * Have the second stage noted, or no longer, wherever it is used. On failure some may note, which
 * does no harm.
 */
static int switch_uses(struct vtd_domain *domain, bool enable)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &domain->uses) {
		const struct vtd_use *use = iommu_container_of(node, struct vtd_listing, node)->use;
		int status = iommu_vtd_translation_set_dirty(use->endpoint, use->pasid, enable);

		if (result == 0)
			result = status;
	}
	return result;
}

static bool units_can_note(const struct vtd_domain *domain)
{
	const struct vtd_attachment *attachment;

	for (attachment = domain->attachments; attachment != NULL; attachment = attachment->next)
		if (id_in_use(attachment) != 0 &&
		    !(vtd_is_scalable(attachment->unit) && attachment->unit->caps.dirty))
			return false;
	return true;
}

static int set_dirty_tracking(struct iommu_domain *base, bool enable)
{
	struct vtd_domain *domain = vtd_domain_of(base);
	const bool is_first_stage = domain->type == VTD_PASID_FIRST_STAGE;
	int status = 0;

	if (!domain->dirty_wanted || (!is_first_stage && !units_can_note(domain)))
		return IOMMU_EOPNOTSUPP;
	if (domain->dirty == enable)
		return 0;
	if (enable)
		status = clean(domain);
	/* A first stage always notes. */
	if (status == 0 && !is_first_stage)
		status = switch_uses(domain, enable);
	if (status == 0)
		domain->dirty = enable;
	else if (enable && !is_first_stage)
		(void)switch_uses(domain, false);
	return status;
}

static int read_dirty(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
		      unsigned int flags, struct iommu_dirty_bitmap *bitmap,
		      struct iommu_gather *gather)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	if (!domain->dirty)
		return IOMMU_EINVAL;
	return domain->format->read_dirty(&domain->pgtable, iova, size, flags, bitmap, gather);
}

static int split(struct iommu_domain *base, iommu_iova_t iova, uint64_t size, uint64_t pgsize,
		 struct iommu_gather *gather)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	return domain->format->split(&domain->pgtable, iova, size, pgsize, gather);
}

static void note_written(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct vtd_domain *domain = vtd_domain_of(base);

	domain->format->note_written(&domain->pgtable, iova, size);
}

/* For the owner of a first stage that is not the library's. */
int iommu_vtd_invalidate_foreign(struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
				 bool leaves_only)
{
	return invalidate_everywhere(vtd_domain_of(base), start, last, leaves_only);
}

#endif

/* --- The operations --------------------------------------------------------------------------- */

const struct iommu_domain_ops iommu_vtd_second_stage_ops = {
	.attach = iommu_vtd_paging_attach,
	.detach = iommu_vtd_detach,
#if IOMMU_CONFIG_SCALABLE
	.attach_pasid = iommu_vtd_attach_pasid,
	.detach_pasid = iommu_vtd_detach_pasid,
#endif
	.free = iommu_vtd_domain_free,
	.map_pages = map_pages,
	.unmap_pages = unmap_pages,
	.sync_map = sync_map,
	.sync = sync_gather,
	.flush_all = flush_all,
	.free_gathered = free_gathered,
	.iova_to_phys = iova_to_phys,
#if IOMMU_CONFIG_TABLE_TOOLS
	.walk = walk,
#endif
#if IOMMU_CONFIG_SCALABLE
	.set_dirty_tracking = set_dirty_tracking,
	.read_dirty = read_dirty,
	.split = split,
	.note_written = note_written,
#endif
	.get_info = get_info,
};

#if IOMMU_CONFIG_FIRST_STAGE
const struct iommu_domain_ops iommu_vtd_first_stage_ops = {
	.attach = iommu_vtd_paging_attach,
	.detach = iommu_vtd_detach,
	.attach_pasid = iommu_vtd_attach_pasid,
	.detach_pasid = iommu_vtd_detach_pasid,
	.free = iommu_vtd_domain_free,
	.map_pages = map_first_stage,
	.unmap_pages = unmap_first_stage,
	.sync_map = sync_map,
	.sync = sync_gather,
	.flush_all = flush_all,
	.free_gathered = free_gathered,
	.iova_to_phys = iova_to_phys,
#if IOMMU_CONFIG_TABLE_TOOLS
	.walk = walk,
#endif
	.set_dirty_tracking = set_dirty_tracking,
	.read_dirty = read_dirty,
	.split = split,
	.note_written = note_written,
	.get_info = get_info,
};
#endif
