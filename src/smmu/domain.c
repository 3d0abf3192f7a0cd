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

#define FORMAT(verb)   iommu_vmsas1_##verb
#define MAP_PATH(name) vmsas1_domain_##name
#include "unit/map_path.h"

#define FORMAT(verb)   iommu_vmsas2_##verb
#define MAP_PATH(name) vmsas2_domain_##name
#include "unit/map_path.h"

/* --- What devices have written ---------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
static int set_dirty_tracking(struct iommu_domain *base, bool enable)
{
	struct smmu_domain *domain = smmu_domain_of(base);

	return iommu_vmsa_notes_writes(&domain->common.pgtable)
		       ? iommu_placed_set_dirty_tracking(&domain->common, enable)
		       : IOMMU_EOPNOTSUPP;
}
#endif

/* --- The operations --------------------------------------------------------------------------- */

static const struct iommu_domain_ops first_stage_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.get_info = iommu_driver_get_info,
#if IOMMU_CONFIG_SCALABLE
	.attach_pasid = iommu_driver_attach_pasid,
	.detach_pasid = iommu_driver_detach_pasid,
#endif
	IOMMU_TABLE_OPERATIONS(vmsas1_domain_map, vmsas1_domain_unmap)
		IOMMU_DIRTY_OPERATIONS(set_dirty_tracking)};
static const struct iommu_domain_ops second_stage_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.get_info = iommu_driver_get_info,
	IOMMU_TABLE_OPERATIONS(vmsas2_domain_map, vmsas2_domain_unmap)
		IOMMU_DIRTY_OPERATIONS(set_dirty_tracking)};

void iommu_smmu_domain_use(struct smmu_domain *domain, bool first)
{
	struct iommu_domain *base = &domain->common.base;

	domain->type = first ? SMMU_FIRST_STAGE : SMMU_SECOND_STAGE;
	domain->common.format = first ? &iommu_vmsas1_ops : &iommu_vmsas2_ops;
	base->stage = first ? IOMMU_STAGE_FIRST : IOMMU_STAGE_SECOND;
	base->ops = first ? &first_stage_ops : &second_stage_ops;
#if IOMMU_CONFIG_ONE_PAGE
	base->page_ops = first ? &vmsas1_domain_page_ops : &vmsas2_domain_page_ops;
#endif
}
