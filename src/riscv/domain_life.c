/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Creation and end of domains: the stage that translates, and its table.
 *
 * A paging domain uses the first stage where the unit has one, because PASIDs need it; the second
 * where the host asks for it, where nested domains are to be made of the domain, and where only
 * guest addresses may be given to the device (requests that an untrusted device has translated then
 * go through the second stage again).
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/pgtable.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "riscv/domain.h"
#include "riscv/unit.h"
#include "unit/confirmation.h"

#define NO_TABLE   "no table can be made of this width, of these page sizes or this budget"
#define LEVELS_MIN 3
#define LEVELS_MAX 5
#define EVERY_SIZE(levels)                                                                         \
	(IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | IOMMU_SIZE_1G |                          \
	 ((levels) > 3 ? 1ULL << 39 : 0) | ((levels) > 4 ? 1ULL << 48 : 0))

/* --- Domains without tables of their own ------------------------------------------------------ */

static const struct iommu_domain_ops identity_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
#if IOMMU_CONFIG_SCALABLE
	.attach_pasid = iommu_driver_attach_pasid,
	.detach_pasid = iommu_driver_detach_pasid,
#endif
	.free = iommu_placed_free,
};

#if IOMMU_CONFIG_SCALABLE

/* Its requests may be those of processes of its own: PASIDs of ours have no place beside them. */
static const struct iommu_domain_ops nested_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.free = iommu_placed_free,
	.invalidate_user = iommu_riscv_invalidate_user,
};

/* Its owner changes the tables at any time. */
static int invalidate_range(struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last)
{
	return iommu_placed_sync_range(iommu_placed_of(domain), start, last, false);
}

static const struct iommu_domain_ops sva_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.attach_pasid = iommu_driver_attach_pasid,
	.detach_pasid = iommu_driver_detach_pasid,
	.free = iommu_placed_free,
	/* Also before the host has its table back. */
	.flush_all = iommu_placed_flush_all,
	.invalidate_range = invalidate_range,
};

/* --- Tables of another owner ------------------------------------------------------------------ */

/* What a host, or a guest, says of its table; nothing in it is trusted. */
static int take_first_stage(struct riscv_domain *domain, const struct riscv_unit *unit,
			    const struct iommu_domain_config *config)
{
	const void *given = config->user_data;
	const bool is_nested = domain->type == RISCV_NESTED;
	const uint64_t known = RISCV_TC_SADE | (is_nested ? RISCV_TC_PDTV | RISCV_TC_DPE : 0ULL);
	struct iommu_riscv_first_stage table;
	unsigned int mode;
	bool has_mode;

	if (given == NULL || config->user_size < sizeof(table) ||
	    config->user_size > IOMMU_PAGE_SIZE)
		return RISCV_REFUSE(unit, IOMMU_EINVAL,
				    "user_data is no struct iommu_riscv_first_stage");
	/* Read once: another thread may write to it. */
	memcpy(&table, given, sizeof(table));
	if ((table.control & ~known) != 0 ||
	    !iommu_driver_rest_is_zero(given, sizeof(table), config->user_size))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    (table.control & ~known) != 0
					    ? "the first stage has unknown bits of control"
					    : "behind the first stage is more than is known");
	mode = riscv_root_mode(table.root);
	has_mode = (table.control & RISCV_TC_PDTV) != 0 ? iommu_riscv_has_process_mode(unit, mode)
							: iommu_riscv_has_first_mode(unit, mode);
	if ((table.root & RISCV_FSC_RESERVED) != 0 || table.process > 0xfffff ||
	    table.reserved != 0 ||
	    (!is_nested && (mode == RISCV_IOSATP_BARE ||
			    riscv_root_address(table.root) >> unit->common.output_bits != 0)) ||
	    ((table.control & RISCV_TC_DPE) != 0 && (table.control & RISCV_TC_PDTV) == 0))
		return RISCV_REFUSE(unit, IOMMU_EINVAL,
				    "the first stage's root, process id or control make no sense");
	if (!has_mode ||
	    ((table.control & RISCV_TC_SADE) != 0 && !riscv_has(unit, RISCV_CAP_AMO_HWAD)))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    has_mode ? "it does not note accesses"
					     : "the first stage's root has a mode that it has not");
	domain->foreign_fsc = table.root;
	domain->foreign_ta = riscv_ta(table.process);
	domain->foreign_tc = table.control;
	domain->common.base.aperture_last = UINT64_MAX;
	if (!is_nested)
		domain->common.base.aperture_last =
			(1ULL << (riscv_first_stage_width(mode - RISCV_IOSATP_SV39 + LEVELS_MIN) -
				  1)) -
			1;
	domain->common.base.stage = IOMMU_STAGE_FIRST;
	return 0;
}

static int make_nested(struct riscv_domain *domain, const struct riscv_unit *unit,
		       const struct iommu_domain_config *config)
{
	struct riscv_domain *parent = riscv_domain_of(config->parent);

	if (parent->type != RISCV_SECOND_STAGE)
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "the parent is no second stage");
	domain->type = RISCV_NESTED;
	domain->common.parent = &parent->common;
	domain->common.base.ops = &nested_ops;
	return take_first_stage(domain, unit, config);
}

static int make_sva(struct riscv_domain *domain, const struct riscv_unit *unit,
		    const struct iommu_domain_config *config)
{
	if (config->stage != IOMMU_STAGE_ANY && config->stage != IOMMU_STAGE_FIRST)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    "a second stage of the host's own is not taken");
	domain->type = RISCV_FIRST_STAGE;
	domain->common.base.ops = &sva_ops;
	return take_first_stage(domain, unit, config);
}

#endif

/* --- Tables of its own ------------------------------------------------------------------------ */

/* Addresses of the first stage end at the lower half, those of the second have two bits more. */
static unsigned int width_of(bool first, unsigned int levels)
{
	return first ? riscv_first_stage_width(levels) - 1 : riscv_second_stage_width(levels);
}

/*
 * The levels for a width: the fewest that the unit has; without a width 4, which suffice for all
 * memory, or as many as there are. 0: there are none.
 */
static unsigned int levels_for(const struct riscv_unit *unit, bool first, unsigned int width)
{
	unsigned int levels, best = 0;

	for (levels = LEVELS_MIN; levels <= LEVELS_MAX; levels++) {
		const unsigned int mode = levels + (RISCV_IOSATP_SV39 - LEVELS_MIN);

		if (!(first ? iommu_riscv_has_first_mode(unit, mode)
			    : iommu_riscv_has_second_mode(unit, mode)))
			continue;
		if (width != 0 && width_of(first, levels) < width)
			continue;
		if (best == 0 || (width == 0 && levels == 4))
			best = levels;
	}
	return best;
}

static int make_table(struct riscv_domain *domain, const struct riscv_unit *unit,
		      const struct iommu_domain_config *config, bool first)
{
	const unsigned int levels = levels_for(unit, first, config->address_width);
	const struct iommu_pgtable_config table = {
		.platform = unit->common.platform,
		.levels = levels,
		.input_bits = config->address_width != 0 ? config->address_width
							 : width_of(first, levels),
		.output_bits = unit->common.output_bits,
		.pgsize_bitmap =
			config->pgsize_bitmap != 0 ? config->pgsize_bitmap : EVERY_SIZE(levels),
		.max_pages = config->max_table_pages,
		.node = iommu_node_near(config->near_node, unit->common.node),
		/* Where the host does not want to know, hardware is spared writing to the table. */
		.flags = (config->dirty_tracking ? 0U : IOMMU_PGTABLE_ACCESSED) |
			 (riscv_has(unit, RISCV_CAP_SVPBMT) ? IOMMU_PGTABLE_MEMORY_TYPES : 0U),
	};
	int status;

	if (config->force_snoop || (config->dirty_tracking && !riscv_has(unit, RISCV_CAP_AMO_HWAD)))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    config->force_snoop ? "it does not force snooping"
							: "it does not note writes");
	if (levels == 0)
		return RISCV_REFUSE(unit,
				    config->address_width != 0 && levels_for(unit, first, 0) != 0
					    ? IOMMU_EINVAL
					    : IOMMU_EOPNOTSUPP,
				    levels_for(unit, first, 0) != 0
					    ? "address_width is more than its deepest table has"
				    : first ? "it has no first stage"
					    : "it has no second stage");
	if ((table.pgsize_bitmap & ~EVERY_SIZE(levels)) != 0)
		return RISCV_REFUSE(unit, IOMMU_EINVAL,
				    "pgsize_bitmap has a size that tables of this depth have not");
	status = first ? iommu_riscvfs_init(&domain->common.pgtable, &table)
		       : iommu_riscvss_init(&domain->common.pgtable, &table);
	if (status != 0)
		return status == IOMMU_ENOMEM ? status : RISCV_REFUSE(unit, status, NO_TABLE);
	iommu_riscv_domain_use(domain, first);
	domain->dirty_wanted = config->dirty_tracking;
	iommu_driven_show_table(&domain->common, config->nest_parent);
	return 0;
}

/* The stage of a domain for which the host leaves the choice. */
static bool wants_first(const struct riscv_unit *unit, const struct iommu_domain_config *config)
{
	const unsigned int width = config->address_width;

	if (config->nest_parent)
		return false;
	return levels_for(unit, true, width) != 0 ||
	       (levels_for(unit, false, width) == 0 && levels_for(unit, true, 0) != 0);
}

static int make_tables(struct riscv_domain *domain, const struct riscv_unit *unit,
		       const struct iommu_domain_config *config)
{
	if (config->stage == IOMMU_STAGE_ANY)
		return make_table(domain, unit, config, wants_first(unit, config));
	if (config->nest_parent && config->stage == IOMMU_STAGE_FIRST)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, "a first stage has nothing below it");
	return make_table(domain, unit, config, config->stage == IOMMU_STAGE_FIRST);
}

/* --- Allocation ------------------------------------------------------------------------------- */

static int make(struct iommu_placed *common, struct iommu_driven_unit *driven,
		enum iommu_domain_type type, const struct iommu_domain_config *config)
{
	struct riscv_domain *domain = riscv_domain_of(&common->base);
	const struct riscv_unit *unit = riscv_of(driven);

	switch (type) {
	case IOMMU_DOMAIN_PAGING:
		return make_tables(domain, unit, config);
#if IOMMU_CONFIG_SCALABLE
	case IOMMU_DOMAIN_NESTED:
		return make_nested(domain, unit, config);
	case IOMMU_DOMAIN_SVA:
		return make_sva(domain, unit, config);
#else
	case IOMMU_DOMAIN_NESTED:
	case IOMMU_DOMAIN_SVA:
		return IOMMU_EOPNOTSUPP;
#endif
	case IOMMU_DOMAIN_BLOCKED:
		domain->common.base.ops = &iommu_driver_blocked_ops;
		return 0;
	case IOMMU_DOMAIN_IDENTITY:
		domain->type = RISCV_BARE;
		domain->common.base.ops = &identity_ops;
		return 0;
	/* To a back end these are paging domains. */
	case IOMMU_DOMAIN_DMA:
	case IOMMU_DOMAIN_DMA_LAZY:
	case IOMMU_DOMAIN_DMA_BYPASS:
	case IOMMU_DOMAIN_QUARANTINE:
	default:
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	}
}

static void free_files(struct iommu_placed *domain)
{
	iommu_riscv_files_free(riscv_domain_of(&domain->base));
}

const struct iommu_driver_domain_ops iommu_riscv_domains = {
	.places = &iommu_riscv_place_ops,
	.make = make,
	.free = free_files,
	.defect = iommu_riscv_domain_defect,
	.ids = iommu_riscv_domain_ids,
};
