/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: their places on units (unit/domain.h), the map path of those with tables, and what
 * devices have written. A domain translates by one stage, and is known by an ASID (stage 1) or a
 * VMID (stage 2) on each unit.
 */
#include "smmu/domain.h"

#include <libiommu/aarch64.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "smmu/command.h"
#include "smmu/unit.h"

/* --- What units can do ------------------------------------------------------------------------ */

bool iommu_smmu_has_granule(const struct smmu_unit *unit, unsigned int shift)
{
	const unsigned int field = shift == 12   ? SMMU_IDR5_GRAN4K
				   : shift == 14 ? SMMU_IDR5_GRAN16K
						 : SMMU_IDR5_GRAN64K;

	return smmu_bits(unit->idr5, field) != 0;
}

/* Why the unit cannot walk the domain's table; NULL: it can. */
static const char *table_defect(const struct smmu_domain *domain, const struct smmu_unit *unit)
{
	const struct iommu_pgtable *pt = &domain->common.pgtable;
	const unsigned int level = (pt->flags & IOMMU_PGTABLE_BBM_LEVEL_2) != 0   ? 2
				   : (pt->flags & IOMMU_PGTABLE_BBM_LEVEL_1) != 0 ? 1
										  : 0;
	const bool is_second = domain->type == SMMU_SECOND_STAGE;

	if (pt->paddr_last >> unit->common.output_bits != 0)
		return IOMMU_WHY("it cannot reach all memory that the domain maps");
	if (!iommu_smmu_has_granule(unit, iommu_vmsa_granule_shift(pt)))
		return IOMMU_WHY("it does not have the domain's smallest page");
	if (level > smmu_bits(unit->idr3, SMMU_IDR3_BBML))
		return IOMMU_WHY("it does not let the domain's pages be cut while they are used");
	if (iommu_vmsa_notes_writes(pt) && !smmu_notes_writes(unit))
		return IOMMU_WHY("it does not note writes, which the domain tracks");
	if (!IOMMU_CONFIG_UNLIKE_UNITS && !unit->is_coherent &&
	    (pt->flags & IOMMU_PGTABLE_NONCOHERENT) == 0)
		return IOMMU_WHY("it does not see what the CPUs' caches hold of the domain's "
				 "tables");
	if (is_second && iommu_vmsa_input_bits(pt) > unit->common.output_bits)
		return IOMMU_WHY("it does not have the domain's width");
	return smmu_has0(unit, is_second ? SMMU_IDR0_S2P : SMMU_IDR0_S1P)
		       ? NULL
		       : IOMMU_WHY("it does not have the domain's stage");
}

const char *iommu_smmu_domain_defect(const struct iommu_placed *common,
				     const struct iommu_driven_unit *driven)
{
	const struct smmu_domain *domain = smmu_domain_of(&common->base);
	const struct smmu_unit *unit = smmu_of(driven);

	if (iommu_placed_has_table(&domain->common))
		return table_defect(domain, unit);
	return domain->type != SMMU_NESTED || (smmu_has0(unit, SMMU_IDR0_S1P) &&
					       (unit->flags & IOMMU_SMMU_NO_NESTING) == 0)
		       ? NULL
		       : IOMMU_WHY("it does not nest");
}

struct iommu_ids *iommu_smmu_domain_ids(const struct iommu_placed *domain,
					struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);

	return smmu_domain_of(&domain->base)->type == SMMU_SECOND_STAGE ? &unit->vmids
									: &unit->asids;
}

/* --- Places ----------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_UNLIKE_UNITS

/*
 * What every unit must be able to do was looked at: all have the same page sizes. While there is
 * one that is not coherent the table is written back.
 */
static int join(struct iommu_placed *domain, void *at)
{
	const struct smmu_unit *unit = at;

	if (!unit->is_coherent && iommu_placed_has_table(domain))
		domain->format->set_coherent(&domain->pgtable, false);
	return 0;
}

/* With no unit left the table stays as it is. */
static void left(struct iommu_placed *domain)
{
	const struct iommu_place *place;
	bool is_used = false;

	for (place = domain->places; place != NULL; place = place->next) {
		const struct smmu_unit *unit = place->at;

		/* One that has not confirmed that it left may still walk it. */
		if (!unit->is_coherent &&
		    (iommu_place_is_used(place) || iommu_unit_is_suspect(place->unit)))
			return;
		is_used = is_used || iommu_place_is_used(place);
	}
	if (is_used && iommu_placed_has_table(domain))
		domain->format->set_coherent(&domain->pgtable, true);
}

#endif

const struct iommu_place_ops iommu_smmu_place_ops = {
	.tell = iommu_smmu_tell_place,
#if IOMMU_CONFIG_ONE_PAGE
	.tell_page = iommu_smmu_tell_page,
#endif
	.tell_all = iommu_driven_tell_all,
	.find = iommu_driven_place_find,
#if IOMMU_CONFIG_UNLIKE_UNITS
	.join = join,
	.left = left,
#else
	.join = iommu_driven_place_join,
	.left = iommu_driven_place_left,
#endif
};

/* --- The map path: the one thing in which the stages differ where it matters ------------------ */

static struct iommu_pgtable *table_of(struct iommu_domain *domain)
{
	return &smmu_domain_of(domain)->common.pgtable;
}

static int map_first(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot, struct iommu_gather *gather,
		     uint64_t *mapped)
{
	return iommu_vmsas1_map(table_of(domain), iova, paddr, size, prot, gather, mapped);
}

static int unmap_first(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vmsas1_unmap(table_of(domain), iova, size, flags, gather, unmapped);
}

static int map_second(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	return iommu_vmsas2_map(table_of(domain), iova, paddr, size, prot, gather, mapped);
}

static int unmap_second(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_vmsas2_unmap(table_of(domain), iova, size, flags, gather, unmapped);
}

#if IOMMU_CONFIG_ONE_PAGE

static bool map_first_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, unsigned int prot)
{
	return iommu_vmsas1_map_page(table_of(domain), iova, paddr, size, prot);
}

static bool unmap_first_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	return iommu_vmsas1_unmap_page(table_of(domain), iova, size);
}

static unsigned int map_first_pieces(struct iommu_domain *domain, iommu_iova_t iova,
				     const struct iommu_map_piece *pieces, unsigned int count,
				     unsigned int prot, uint64_t *mapped)
{
	return iommu_vmsas1_map_pieces(table_of(domain), iova, pieces, count, prot, mapped);
}

static bool map_second_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			    uint64_t size, unsigned int prot)
{
	return iommu_vmsas2_map_page(table_of(domain), iova, paddr, size, prot);
}

static bool unmap_second_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	return iommu_vmsas2_unmap_page(table_of(domain), iova, size);
}

static unsigned int map_second_pieces(struct iommu_domain *domain, iommu_iova_t iova,
				      const struct iommu_map_piece *pieces, unsigned int count,
				      unsigned int prot, uint64_t *mapped)
{
	return iommu_vmsas2_map_pieces(table_of(domain), iova, pieces, count, prot, mapped);
}

const struct iommu_page_ops iommu_smmu_first_stage_page_ops = {
	.map_page = map_first_page,
	.unmap_page = unmap_first_page,
	.sync_page = iommu_placed_sync_page,
	.map_pieces = map_first_pieces,
};

const struct iommu_page_ops iommu_smmu_second_stage_page_ops = {
	.map_page = map_second_page,
	.unmap_page = unmap_second_page,
	.sync_page = iommu_placed_sync_page,
	.map_pieces = map_second_pieces,
};

#endif

/* --- What devices have written ---------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

static int set_dirty_tracking(struct iommu_domain *base, bool enable)
{
	struct smmu_domain *domain = smmu_domain_of(base);

	return iommu_vmsa_notes_writes(&domain->common.pgtable)
		       ? iommu_placed_set_dirty_tracking(&domain->common, enable)
		       : IOMMU_EOPNOTSUPP;
}

#define FIRST_OPS                                                                                  \
	.attach_pasid = iommu_driver_attach_pasid, .detach_pasid = iommu_driver_detach_pasid,
#define DIRTY_OPS                                                                                  \
	.set_dirty_tracking = set_dirty_tracking, .read_dirty = iommu_placed_read_dirty,           \
	.split = iommu_placed_split, .note_written = iommu_placed_note_written,
#else
#define FIRST_OPS
#define DIRTY_OPS
#endif

/* --- The operations --------------------------------------------------------------------------- */

#if IOMMU_CONFIG_TABLE_TOOLS
#define WALK_OPS .walk = iommu_placed_walk,
#else
#define WALK_OPS
#endif
#if IOMMU_CONFIG_QUARANTINE
#define FILL_OPS .fill = iommu_placed_fill, .unfill = iommu_placed_unfill,
#else
#define FILL_OPS
#endif
#define TABLE_OPS(map, unmap, pasid_ops)                                                           \
	{                                                                                          \
		.attach = iommu_driver_attach, .detach = iommu_driver_detach,                      \
		.free = iommu_placed_free, .map_pages = (map), .unmap_pages = (unmap),             \
		.sync_map = iommu_placed_sync_map, .sync = iommu_placed_sync,                      \
		.flush_all = iommu_placed_flush_all, .free_gathered = iommu_placed_free_gathered,  \
		.iova_to_phys = iommu_placed_iova_to_phys, .get_info = iommu_driver_get_info,      \
		WALK_OPS DIRTY_OPS FILL_OPS pasid_ops                                              \
	}

const struct iommu_domain_ops iommu_smmu_first_stage_ops =
	TABLE_OPS(map_first, unmap_first, FIRST_OPS);
const struct iommu_domain_ops iommu_smmu_second_stage_ops = TABLE_OPS(map_second, unmap_second, );
