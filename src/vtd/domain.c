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
#define FORMAT(verb)   iommu_vtdfs_##verb
#define MAP_PATH(name) vtdfs_domain_##name
#include "unit/map_path.h"
#endif

#define FORMAT(verb)   iommu_vtdss_##verb
#define MAP_PATH(name) vtdss_domain_##name
#include "unit/map_path.h"

#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_QUIRKS
/* Hardware may write, by a guest's first stage, to what it is to read only: see quirks.c. */
static int map_writable_pages(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
			      uint64_t size, unsigned int prot, struct iommu_gather *gather,
			      uint64_t *mapped)
{
	*mapped = 0;
	if ((prot & IOMMU_PROT_WRITE) == 0)
		return IOMMU_EINVAL;
	return vtdss_domain_map(base, iova, paddr, size, prot, gather, mapped);
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

#if IOMMU_CONFIG_SCALABLE
#define PASID_OPERATIONS                                                                           \
	.attach_pasid = iommu_vtd_attach_pasid, .detach_pasid = iommu_vtd_detach_pasid,
#else
#define PASID_OPERATIONS
#endif
#define TABLE_OPERATIONS(map, unmap)                                                               \
	{                                                                                          \
		.attach = iommu_vtd_paging_attach, .detach = iommu_vtd_detach,                     \
		.get_info = get_info,                                                              \
		PASID_OPERATIONS IOMMU_TABLE_OPERATIONS(map, unmap)                                \
			IOMMU_DIRTY_OPERATIONS(set_dirty_tracking)                                 \
	}

const struct iommu_domain_ops iommu_vtd_second_stage_ops =
	TABLE_OPERATIONS(vtdss_domain_map, vtdss_domain_unmap);
#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_QUIRKS
const struct iommu_domain_ops iommu_vtd_writable_parent_ops =
	TABLE_OPERATIONS(map_writable_pages, vtdss_domain_unmap);
#endif
#if IOMMU_CONFIG_FIRST_STAGE
const struct iommu_domain_ops iommu_vtd_first_stage_ops =
	TABLE_OPERATIONS(vtdfs_domain_map, vtdfs_domain_unmap);
#endif

#if IOMMU_CONFIG_ONE_PAGE
/* Those of the domain's tables; none where more than a store is to be done for a page. */
const struct iommu_page_ops *iommu_vtd_page_ops(const struct vtd_domain *domain)
{
	if (domain->common.base.ops == &iommu_vtd_second_stage_ops)
		return &vtdss_domain_page_ops;
#if IOMMU_CONFIG_FIRST_STAGE
	if (domain->common.base.ops == &iommu_vtd_first_stage_ops)
		return &vtdfs_domain_page_ops;
#endif
	return NULL;
}
#endif
