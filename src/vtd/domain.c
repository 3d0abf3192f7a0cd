/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d domains with tables of their own: the map path, and dirty tracking. What all families have
 * in common of it is in unit/domain.c.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/list.h"
#include "unit/confirmation.h"
#include "unit/domain.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/domain.h"
#include "vtd/unit.h"

/* --- The map path: the one thing in which the stages differ where it matters ------------------ */

#if IOMMU_CONFIG_FIRST_STAGE
static int map_first_stage(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, unsigned int prot, struct iommu_gather *gather,
			   uint64_t *mapped)
{
	return iommu_vtdfs_map(&vtd_domain_of(base)->common.pgtable, iova, paddr, size, prot,
			       gather, mapped);
}

static int unmap_first_stage(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			     unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vtdfs_unmap(&vtd_domain_of(base)->common.pgtable, iova, size, flags, gather,
				 unmapped);
}

#if IOMMU_CONFIG_ONE_PAGE
static bool map_first_stage_page(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
				 uint64_t size, unsigned int prot)
{
	return iommu_vtdfs_map_page(&vtd_domain_of(base)->common.pgtable, iova, paddr, size, prot);
}

static bool unmap_first_stage_page(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	return iommu_vtdfs_unmap_page(&vtd_domain_of(base)->common.pgtable, iova, size);
}

static unsigned int map_first_stage_pieces(struct iommu_domain *base, iommu_iova_t iova,
					   const struct iommu_map_piece *pieces, unsigned int count,
					   unsigned int prot, uint64_t *mapped)
{
	return iommu_vtdfs_map_pieces(&vtd_domain_of(base)->common.pgtable, iova, pieces, count,
				      prot, mapped);
}
#endif
#endif

static int map_pages(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot, struct iommu_gather *gather,
		     uint64_t *mapped)
{
	return iommu_vtdss_map(&vtd_domain_of(base)->common.pgtable, iova, paddr, size, prot,
			       gather, mapped);
}

#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_QUIRKS
/* Hardware may write, by a guest's first stage, to what it is to read only: see quirks.c. */
static int map_writable_pages(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
			      uint64_t size, unsigned int prot, struct iommu_gather *gather,
			      uint64_t *mapped)
{
	*mapped = 0;
	if ((prot & IOMMU_PROT_WRITE) == 0)
		return IOMMU_EINVAL;
	return map_pages(base, iova, paddr, size, prot, gather, mapped);
}
#endif

static int unmap_pages(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vtdss_unmap(&vtd_domain_of(base)->common.pgtable, iova, size, flags, gather,
				 unmapped);
}

#if IOMMU_CONFIG_ONE_PAGE
static bool map_page(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot)
{
	return iommu_vtdss_map_page(&vtd_domain_of(base)->common.pgtable, iova, paddr, size, prot);
}

static bool unmap_page(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	return iommu_vtdss_unmap_page(&vtd_domain_of(base)->common.pgtable, iova, size);
}

static unsigned int map_pieces(struct iommu_domain *base, iommu_iova_t iova,
			       const struct iommu_map_piece *pieces, unsigned int count,
			       unsigned int prot, uint64_t *mapped)
{
	return iommu_vtdss_map_pieces(&vtd_domain_of(base)->common.pgtable, iova, pieces, count,
				      prot, mapped);
}
#endif

/* --- Telling a unit --------------------------------------------------------------------------- */

static struct vtd_unit *unit_at(const struct iommu_place *place)
{
	return place->at;
}

/*
 * New mappings: hardware may have cached that there are none, or a write buffer may still hold
 * them. That a first stage maps nothing is never cached.
 */
static int tell_unit(struct iommu_placed *common, const struct iommu_place *place, uint16_t id,
		     const struct iommu_change *change)
{
	struct vtd_domain *domain = vtd_domain_of(&common->base);
	struct vtd_unit *unit = unit_at(place);

	if (change->is_map && (!unit->caps.caching_mode || domain->type != VTD_PASID_SECOND_STAGE))
		return iommu_vtd_flush_write_buffer(unit);
	return iommu_vtd_invalidate_range(unit, domain, id, change);
}

static int tell_all(const struct iommu_place *place)
{
	return iommu_vtd_invalidate_all(unit_at(place));
}

const struct iommu_place_ops iommu_vtd_place_ops = {
	.tell = tell_unit,
#if IOMMU_CONFIG_ONE_PAGE
	.tell_page = iommu_vtd_invalidate_page,
#endif
	.tell_all = tell_all,
	.find = iommu_vtd_place_find,
	.join = iommu_vtd_place_join,
	.left = iommu_vtd_place_left,
};

static void get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct vtd_domain *domain = vtd_domain_of(base);
	const struct iommu_place *place;
	uint16_t id;

	info->coherent = (domain->common.pgtable.flags & IOMMU_PGTABLE_NONCOHERENT) == 0;
	info->levels = domain->common.pgtable.levels;
	info->snoop_control = true;
	for (place = domain->common.places; place != NULL; place = place->next)
		if (iommu_place_is_live(place, &id) && !unit_at(place)->caps.snoop_control)
			info->snoop_control = false;
	info->table_pages = iommu_cell_load(&domain->common.pgtable.pages);
	info->withheld = iommu_withheld_pages_any(&domain->common.pages);
}

#if IOMMU_CONFIG_SCALABLE

/* --- What devices have written ---------------------------------------------------------------- */

/*
 * Have the second stage noted, or no longer, wherever it is used. On failure some may note, which
 * does no harm.
 */
static int switch_uses(struct vtd_domain *domain, bool enable)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &domain->common.uses) {
		const struct iommu_use *use =
			iommu_container_of(node, struct iommu_listing, node)->use;
		int status = iommu_vtd_translation_set_dirty(vtd_endpoint_using(use), use->pasid,
							     enable);

		if (result == 0)
			result = status;
	}
	return result;
}

static bool units_can_note(const struct vtd_domain *domain)
{
	const struct iommu_place *place;
	uint16_t id;

	for (place = domain->common.places; place != NULL; place = place->next)
		if (iommu_place_is_live(place, &id) &&
		    !(vtd_is_scalable(unit_at(place)) && unit_at(place)->caps.dirty))
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
	if (domain->common.notes_writes == enable)
		return 0;
	if (enable)
		status = iommu_placed_clean(&domain->common);
	/* A first stage always notes. */
	if (status == 0 && !is_first_stage)
		status = switch_uses(domain, enable);
	if (status == 0)
		domain->common.notes_writes = enable;
	else if (enable && !is_first_stage)
		(void)switch_uses(domain, false);
	return status;
}

/* For the owner of a first stage that is not the library's. */
int iommu_vtd_invalidate_foreign(struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
				 bool leaves_only)
{
	return iommu_placed_sync_range(iommu_placed_of(base), start, last, leaves_only);
}

#endif

/* --- The operations --------------------------------------------------------------------------- */

#if IOMMU_CONFIG_TABLE_TOOLS
#define WALK_OPS .walk = iommu_placed_walk,
#else
#define WALK_OPS
#endif
#if IOMMU_CONFIG_SCALABLE
#define SCALABLE_OPS                                                                               \
	.attach_pasid = iommu_vtd_attach_pasid, .detach_pasid = iommu_vtd_detach_pasid,            \
	.set_dirty_tracking = set_dirty_tracking, .read_dirty = iommu_placed_read_dirty,           \
	.split = iommu_placed_split, .note_written = iommu_placed_note_written,
#else
#define SCALABLE_OPS
#endif
#if IOMMU_CONFIG_QUARANTINE
#define FILL_OPS .fill = iommu_placed_fill, .unfill = iommu_placed_unfill,
#else
#define FILL_OPS
#endif
#define TABLE_OPS(map, unmap)                                                                      \
	{                                                                                          \
		.attach = iommu_vtd_paging_attach, .detach = iommu_vtd_detach,                     \
		.free = iommu_placed_free, .map_pages = (map), .unmap_pages = (unmap),             \
		.sync_map = iommu_placed_sync_map, .sync = iommu_placed_sync,                      \
		.flush_all = iommu_placed_flush_all, .free_gathered = iommu_placed_free_gathered,  \
		.iova_to_phys = iommu_placed_iova_to_phys, .get_info = get_info,                   \
		WALK_OPS SCALABLE_OPS FILL_OPS                                                     \
	}

const struct iommu_domain_ops iommu_vtd_second_stage_ops = TABLE_OPS(map_pages, unmap_pages);
#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_QUIRKS
const struct iommu_domain_ops iommu_vtd_writable_parent_ops =
	TABLE_OPS(map_writable_pages, unmap_pages);
#endif
#if IOMMU_CONFIG_FIRST_STAGE
const struct iommu_domain_ops iommu_vtd_first_stage_ops =
	TABLE_OPS(map_first_stage, unmap_first_stage);
#endif

#if IOMMU_CONFIG_ONE_PAGE
static const struct iommu_page_ops second_stage_page_ops = {
	.map_page = map_page,
	.unmap_page = unmap_page,
	.sync_page = iommu_placed_sync_page,
	.map_pieces = map_pieces,
};
#if IOMMU_CONFIG_FIRST_STAGE
static const struct iommu_page_ops first_stage_page_ops = {
	.map_page = map_first_stage_page,
	.unmap_page = unmap_first_stage_page,
	.sync_page = iommu_placed_sync_page,
	.map_pieces = map_first_stage_pieces,
};
#endif

/* Those of the domain's tables; none where more than a store is to be done for a page. */
const struct iommu_page_ops *iommu_vtd_page_ops(const struct vtd_domain *domain)
{
	if (domain->common.base.ops == &iommu_vtd_second_stage_ops)
		return &second_stage_page_ops;
#if IOMMU_CONFIG_FIRST_STAGE
	if (domain->common.base.ops == &iommu_vtd_first_stage_ops)
		return &first_stage_page_ops;
#endif
	return NULL;
}
#endif
