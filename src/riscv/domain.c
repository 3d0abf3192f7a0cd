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

static struct iommu_pgtable *table_of(struct iommu_domain *domain)
{
	return &riscv_domain_of(domain)->common.pgtable;
}

static int map_first(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot, struct iommu_gather *gather,
		     uint64_t *mapped)
{
	return iommu_riscvfs_map(table_of(domain), iova, paddr, size, prot, gather, mapped);
}

static int unmap_first(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_riscvfs_unmap(table_of(domain), iova, size, flags, gather, unmapped);
}

static int map_second(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	return iommu_riscvss_map(table_of(domain), iova, paddr, size, prot, gather, mapped);
}

static int unmap_second(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_riscvss_unmap(table_of(domain), iova, size, flags, gather, unmapped);
}

#if IOMMU_CONFIG_ONE_PAGE

static bool map_first_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, unsigned int prot)
{
	return iommu_riscvfs_map_page(table_of(domain), iova, paddr, size, prot);
}

static bool unmap_first_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	return iommu_riscvfs_unmap_page(table_of(domain), iova, size);
}

static unsigned int map_first_pieces(struct iommu_domain *domain, iommu_iova_t iova,
				     const struct iommu_map_piece *pieces, unsigned int count,
				     unsigned int prot, uint64_t *mapped)
{
	return iommu_riscvfs_map_pieces(table_of(domain), iova, pieces, count, prot, mapped);
}

static bool map_second_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			    uint64_t size, unsigned int prot)
{
	return iommu_riscvss_map_page(table_of(domain), iova, paddr, size, prot);
}

static bool unmap_second_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	return iommu_riscvss_unmap_page(table_of(domain), iova, size);
}

static unsigned int map_second_pieces(struct iommu_domain *domain, iommu_iova_t iova,
				      const struct iommu_map_piece *pieces, unsigned int count,
				      unsigned int prot, uint64_t *mapped)
{
	return iommu_riscvss_map_pieces(table_of(domain), iova, pieces, count, prot, mapped);
}

const struct iommu_page_ops iommu_riscv_first_stage_page_ops = {
	.map_page = map_first_page,
	.unmap_page = unmap_first_page,
	.sync_page = iommu_placed_sync_page,
	.map_pieces = map_first_pieces,
};

const struct iommu_page_ops iommu_riscv_second_stage_page_ops = {
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
	struct riscv_domain *domain = riscv_domain_of(base);

	return domain->dirty_wanted ? iommu_placed_set_dirty_tracking(&domain->common, enable)
				    : IOMMU_EOPNOTSUPP;
}

#define SCALABLE_OPS                                                                               \
	.attach_pasid = iommu_driver_attach_pasid, .detach_pasid = iommu_driver_detach_pasid,      \
	.set_dirty_tracking = set_dirty_tracking, .read_dirty = iommu_placed_read_dirty,           \
	.split = iommu_placed_split, .note_written = iommu_placed_note_written,
#else
#define SCALABLE_OPS
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
#define TABLE_OPS(map, unmap)                                                                      \
	{                                                                                          \
		.attach = iommu_driver_attach, .detach = iommu_driver_detach,                      \
		.free = iommu_placed_free, .map_pages = (map), .unmap_pages = (unmap),             \
		.sync_map = iommu_placed_sync_map, .sync = iommu_placed_sync,                      \
		.flush_all = iommu_placed_flush_all, .free_gathered = iommu_placed_free_gathered,  \
		.iova_to_phys = iommu_placed_iova_to_phys, .get_info = iommu_driver_get_info,      \
		WALK_OPS SCALABLE_OPS FILL_OPS                                                     \
	}

const struct iommu_domain_ops iommu_riscv_first_stage_ops = TABLE_OPS(map_first, unmap_first);
const struct iommu_domain_ops iommu_riscv_second_stage_ops = TABLE_OPS(map_second, unmap_second);
