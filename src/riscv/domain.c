/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: their places on units (unit/domain.h), the map path of those with tables, and what
 * devices have written. A domain translates by one stage, and is known by a process id (first
 * stage) or a guest's id (second stage) on each unit.
 */
#include "riscv/domain.h"

#include <libiommu/hw/riscv_device_directory.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "riscv/command.h"
#include "riscv/unit.h"

/* --- What units can do ------------------------------------------------------------------------ */

bool iommu_riscv_has_first_mode(const struct riscv_unit *unit, unsigned int mode)
{
	switch (mode) {
	case RISCV_IOSATP_BARE:
		return true;
	case RISCV_IOSATP_SV39:
		return riscv_has(unit, RISCV_CAP_SV39);
	case RISCV_IOSATP_SV48:
		return riscv_has(unit, RISCV_CAP_SV48);
	case RISCV_IOSATP_SV57:
		return riscv_has(unit, RISCV_CAP_SV57);
	default:
		return false;
	}
}

bool iommu_riscv_has_second_mode(const struct riscv_unit *unit, unsigned int mode)
{
	switch (mode) {
	case RISCV_IOHGATP_SV39X4:
		return riscv_has(unit, RISCV_CAP_SV39X4);
	case RISCV_IOHGATP_SV48X4:
		return riscv_has(unit, RISCV_CAP_SV48X4);
	case RISCV_IOHGATP_SV57X4:
		return riscv_has(unit, RISCV_CAP_SV57X4);
	default:
		return false;
	}
}

bool iommu_riscv_has_process_mode(const struct riscv_unit *unit, unsigned int mode)
{
	return mode == RISCV_PDTP_BARE ||
	       (mode <= RISCV_PDTP_PD20 && riscv_has(unit, RISCV_CAP_PD8 << (mode - 1)));
}

/* The mode that a table of so many levels has, in either stage. */
static unsigned int mode_of(const struct riscv_domain *domain)
{
	return domain->common.pgtable.levels + (RISCV_IOSATP_SV39 - 3);
}

/* Can the unit translate by the table of another owner? */
static bool knows_foreign(const struct riscv_domain *domain, const struct riscv_unit *unit)
{
	const unsigned int mode = riscv_root_mode(domain->foreign_fsc);

	if ((domain->foreign_tc & RISCV_TC_SADE) != 0 && !riscv_has(unit, RISCV_CAP_AMO_HWAD))
		return false;
	return (domain->foreign_tc & RISCV_TC_PDTV) != 0 ? iommu_riscv_has_process_mode(unit, mode)
							 : iommu_riscv_has_first_mode(unit, mode);
}

static bool has_mode(const struct riscv_domain *domain, const struct riscv_unit *unit)
{
	switch (domain->type) {
	case RISCV_FIRST_STAGE:
		return riscv_domain_has_table(domain)
			       ? iommu_riscv_has_first_mode(unit, mode_of(domain))
			       : knows_foreign(domain, unit);
	case RISCV_SECOND_STAGE:
		return iommu_riscv_has_second_mode(unit, mode_of(domain)) &&
		       (domain->msi_table == 0 || unit->extended);
	case RISCV_NESTED:
		return knows_foreign(domain, unit);
	case RISCV_BARE:
	case RISCV_BLOCKED:
	default:
		return true;
	}
}

const char *iommu_riscv_domain_defect(const struct iommu_placed *common,
				      const struct iommu_driven_unit *driven)
{
	const struct riscv_domain *domain = riscv_domain_of(&common->base);
	const struct riscv_unit *unit = riscv_of(driven);

	if (domain->dirty_wanted && !riscv_has(unit, RISCV_CAP_AMO_HWAD))
		return IOMMU_WHY("it does not note writes, which the domain tracks");
	if (riscv_domain_has_table(domain) &&
	    common->pgtable.paddr_last >> driven->output_bits != 0)
		return IOMMU_WHY("it cannot reach all memory that the domain maps");
	return has_mode(domain, unit) ? NULL : IOMMU_WHY("it does not have the domain's mode");
}

struct iommu_ids *iommu_riscv_domain_ids(const struct iommu_placed *domain,
					 struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	return riscv_domain_of(&domain->base)->type == RISCV_SECOND_STAGE ? &unit->guests
									  : &unit->processes;
}

/* --- Places ----------------------------------------------------------------------------------- */

/* What every unit must be able to do was looked at: all have the same page sizes. */
const struct iommu_place_ops iommu_riscv_place_ops = {
	.tell = iommu_riscv_tell_place,
#if IOMMU_CONFIG_ONE_PAGE
	.tell_page = iommu_riscv_tell_page,
#endif
	.tell_all = iommu_driven_tell_all,
	.find = iommu_driven_place_find,
	.join = iommu_driven_place_join,
	.left = iommu_driven_place_left,
};

/* --- The map path: the one thing in which the stages differ where it matters ------------------ */

#define FORMAT(verb)   iommu_riscvfs_##verb
#define MAP_PATH(name) riscvfs_domain_##name
#include "unit/map_path.h"

#define FORMAT(verb)   iommu_riscvss_##verb
#define MAP_PATH(name) riscvss_domain_##name
#include "unit/map_path.h"

/* --- What devices have written ---------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
static int set_dirty_tracking(struct iommu_domain *base, bool enable)
{
	struct riscv_domain *domain = riscv_domain_of(base);

	return domain->dirty_wanted ? iommu_placed_set_dirty_tracking(&domain->common, enable)
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
	IOMMU_TABLE_OPERATIONS(riscvfs_domain_map, riscvfs_domain_unmap)
		IOMMU_DIRTY_OPERATIONS(set_dirty_tracking)};
static const struct iommu_domain_ops second_stage_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.get_info = iommu_driver_get_info,
#if IOMMU_CONFIG_SCALABLE
	.attach_pasid = iommu_driver_attach_pasid,
	.detach_pasid = iommu_driver_detach_pasid,
#endif
	IOMMU_TABLE_OPERATIONS(riscvss_domain_map, riscvss_domain_unmap)
		IOMMU_DIRTY_OPERATIONS(set_dirty_tracking)};

void iommu_riscv_domain_use(struct riscv_domain *domain, bool first)
{
	struct iommu_domain *base = &domain->common.base;

	domain->type = first ? RISCV_FIRST_STAGE : RISCV_SECOND_STAGE;
	domain->common.format = first ? &iommu_riscvfs_ops : &iommu_riscvss_ops;
	base->stage = first ? IOMMU_STAGE_FIRST : IOMMU_STAGE_SECOND;
	base->ops = first ? &first_stage_ops : &second_stage_ops;
#if IOMMU_CONFIG_ONE_PAGE
	base->page_ops = first ? &riscvfs_domain_page_ops : &riscvss_domain_page_ops;
#endif
}
