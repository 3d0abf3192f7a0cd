/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Creation and end of domains: the stage that translates, and its table.
 *
 * A paging domain uses the second stage if the unit has one, in either mode: every unit can join
 * it, and dirty tracking and nesting need it. It uses the first stage if the unit has no second; if
 * the host asks for it; and if hardware may cache not-present entries, which it never does for a
 * first stage: that saves an invalidation for each map.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "unit/confirmation.h"
#include "unit/domain.h"
#include "vtd/cap.h"
#include "vtd/domain.h"
#include "vtd/endpoint.h"
#include "vtd/probe.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"

/* The page sizes that tables can have. */
#define NO_TABLE   "no table can be made of this width, of these page sizes or this budget"
#define EVERY_SIZE (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)

/* --- The end ---------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_UNLIKE_UNITS
static void free_tops(struct vtd_domain *domain)
{
	unsigned int i;

	for (i = 2; i-- != 0;)
		if (domain->tops[i] != NULL)
			iommu_vtdss_free_top(&domain->common.pgtable, domain->tops[i], i + 4);
}
#else
#define free_tops(domain) ((void)0)
#endif

static void domain_release(struct iommu_placed *common)
{
	struct vtd_domain *domain = vtd_domain_of(&common->base);
	struct vtd_probe *probe = domain->probe;

	if (vtd_domain_has_table(domain))
		free_tops(domain);
	iommu_placed_destroy(common, &probe->place_cache);
	iommu_object_free(&probe->domain_cache, domain);
	/* A host may free its domains after the last unit is gone. */
	probe->references--;
	iommu_vtd_probe_free(probe);
}

/* --- Domains without tables of their own ------------------------------------------------------ */

static const struct iommu_domain_ops identity_ops = {
	.attach = iommu_vtd_identity_attach,
	.detach = iommu_vtd_detach,
#if IOMMU_CONFIG_SCALABLE
	.attach_pasid = iommu_vtd_attach_pasid,
	.detach_pasid = iommu_vtd_detach_pasid,
#endif
	.free = iommu_placed_free,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = iommu_vtd_blocked_attach,
	.detach = iommu_vtd_detach,
	.free = iommu_placed_free,
};

#if IOMMU_CONFIG_SCALABLE

static const struct iommu_domain_ops nested_ops = {
	.attach = iommu_vtd_paging_attach,
	.detach = iommu_vtd_detach,
	.attach_pasid = iommu_vtd_attach_pasid,
	.detach_pasid = iommu_vtd_detach_pasid,
	.free = iommu_placed_free,
	.invalidate_user = iommu_vtd_invalidate_user,
};

/* Its owner changes the tables at any time. */
static int invalidate_range(struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last)
{
	return iommu_vtd_invalidate_foreign(domain, start, last, false);
}

static const struct iommu_domain_ops sva_ops = {
	.attach = iommu_vtd_paging_attach,
	.detach = iommu_vtd_detach,
	.attach_pasid = iommu_vtd_attach_pasid,
	.detach_pasid = iommu_vtd_detach_pasid,
	.free = iommu_placed_free,
	/* Also before the host has its table back. */
	.flush_all = iommu_placed_flush_all,
	.invalidate_range = invalidate_range,
};

/* --- Tables of another owner ------------------------------------------------------------------ */

/* What a host, or a guest, says of its table; nothing in it is trusted. */
static int take_first_stage(struct vtd_domain *domain, const struct vtd_unit *unit,
			    const struct iommu_domain_config *config)
{
	const void *given = config->user_data;
	struct iommu_vtd_first_stage table;
	const bool is_nested = domain->type == VTD_PASID_NESTED;
	const unsigned int known = IOMMU_VTD_PRIVILEGED | IOMMU_VTD_WRITE_PROTECT |
				   IOMMU_VTD_NO_EXECUTE | IOMMU_VTD_EXTENDED_ACCESS;
	const unsigned int width = is_nested ? 52 : unit->output_width;

	if (given == NULL || config->user_size < sizeof(table) ||
	    config->user_size > IOMMU_PAGE_SIZE)
		return VTD_REFUSE(unit, IOMMU_EINVAL,
				  "user_data is no struct iommu_vtd_first_stage");
	/* Read once: another thread may write to it. */
	memcpy(&table, given, sizeof(table));
	if ((table.flags & ~known) != 0 ||
	    !iommu_vtd_rest_is_zero(given, sizeof(table), config->user_size))
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  (table.flags & ~known) != 0
					  ? "the first stage has unknown flags"
					  : "behind the first stage is more than is known");
	if ((table.table & (IOMMU_PAGE_SIZE - 1)) != 0 || table.table >> width != 0 ||
	    (table.levels != 4 && table.levels != 5) ||
	    ((table.flags & IOMMU_VTD_WRITE_PROTECT) != 0 &&
	     (table.flags & IOMMU_VTD_PRIVILEGED) == 0))
		return VTD_REFUSE(unit, IOMMU_EINVAL,
				  "the first stage's address, levels or flags make no sense");
	if ((table.levels == 5 && !unit->caps.first_stage_5) ||
	    ((table.flags & IOMMU_VTD_PRIVILEGED) != 0 && (unit->caps.ecap & VTD_ECAP_SRS) == 0) ||
	    ((table.flags & IOMMU_VTD_EXTENDED_ACCESS) != 0 &&
	     (unit->caps.ecap & VTD_ECAP_EAFS) == 0))
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  table.levels == 5 && !unit->caps.first_stage_5
					  ? "it has no fifth level"
				  : (table.flags & IOMMU_VTD_PRIVILEGED) != 0 &&
						  (unit->caps.ecap & VTD_ECAP_SRS) == 0
					  ? "it has no requests with privilege"
					  : "it has no extended accessed bit");
	domain->foreign_table = table.table;
	domain->foreign_levels = table.levels;
	if ((table.flags & IOMMU_VTD_PRIVILEGED) != 0)
		domain->first_flags |= VTD_PASID_SRE;
	if ((table.flags & IOMMU_VTD_WRITE_PROTECT) != 0)
		domain->first_flags |= VTD_PASID_WPE;
	if ((table.flags & IOMMU_VTD_NO_EXECUTE) != 0)
		domain->first_flags |= VTD_PASID_NXE;
	if ((table.flags & IOMMU_VTD_EXTENDED_ACCESS) != 0)
		domain->first_flags |= VTD_PASID_EAFE;
	domain->common.base.aperture_last = (1ULL << vtd_fs_address_width(table.levels)) - 1;
	domain->common.base.stage = IOMMU_STAGE_FIRST;
	return 0;
}

static int make_nested(struct vtd_domain *domain, const struct vtd_unit *unit,
		       const struct iommu_domain_config *config)
{
	struct vtd_domain *parent = vtd_domain_of(config->parent);

	if (!vtd_is_scalable(unit) || !unit->caps.nested)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  vtd_is_scalable(unit) ? "it does not nest"
							: "it is in legacy mode");
	if (parent->type != VTD_PASID_SECOND_STAGE)
		return VTD_REFUSE(unit, IOMMU_EINVAL, "the parent is no second stage");
	domain->type = VTD_PASID_NESTED;
	domain->common.parent = &parent->common;
	/* What the parent's leaves enforce, the guest's must not undo. */
	domain->snoops = (parent->common.pgtable.flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0;
	domain->common.base.ops = &nested_ops;
	return take_first_stage(domain, unit, config);
}

/* A hypervisor's table, of a guest's memory. */
static int take_second_stage(struct vtd_domain *domain, const struct vtd_unit *unit,
			     const struct iommu_domain_config *config)
{
	const struct vtd_capabilities *caps = &unit->caps;
	const void *given = config->user_data;
	struct iommu_vtd_second_stage table;
	unsigned int width;

	if (given == NULL || config->user_size < sizeof(table) ||
	    config->user_size > IOMMU_PAGE_SIZE)
		return VTD_REFUSE(unit, IOMMU_EINVAL,
				  "user_data is no struct iommu_vtd_second_stage");
	memcpy(&table, given, sizeof(table));
	if (table.flags != 0 || config->force_snoop || config->dirty_tracking ||
	    config->nest_parent || config->max_table_pages != 0 ||
	    !iommu_vtd_rest_is_zero(given, sizeof(table), config->user_size))
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  table.flags != 0 ? "the second stage has unknown flags"
				  : config->force_snoop || config->dirty_tracking ||
						  config->nest_parent ||
						  config->max_table_pages != 0
					  ? "its owner's entries say that, and not the library"
					  : "behind the second stage is more than is known");
	if ((table.table & (IOMMU_PAGE_SIZE - 1)) != 0 || table.table >> unit->output_width != 0 ||
	    table.levels < VTD_SS_LEVELS_MIN || table.levels > VTD_SS_LEVELS_MAX ||
	    (config->pgsize_bitmap & ~EVERY_SIZE) != 0 ||
	    (config->address_width != 0 && config->address_width <= IOMMU_PAGE_SHIFT) ||
	    config->address_width > vtd_ss_address_width(table.levels))
		return VTD_REFUSE(unit, IOMMU_EINVAL,
				  "the second stage's address, levels, width or page sizes make no "
				  "sense");
	width = config->address_width != 0 ? config->address_width
					   : vtd_ss_address_width(table.levels);
	if (width > caps->guest_width && config->address_width == 0)
		width = caps->guest_width;
	domain->foreign_table = table.table;
	domain->foreign_levels = table.levels;
	domain->pgsizes = config->pgsize_bitmap != 0 ? config->pgsize_bitmap : caps->pgsize_bitmap;
	domain->aperture = (1ULL << width) - 1;
	domain->common.base.aperture_last = domain->aperture;
	domain->common.base.pgsize_bitmap = domain->pgsizes;
	domain->common.base.stage = IOMMU_STAGE_SECOND;
	return 0;
}

static int share_second_stage(struct vtd_domain *domain, const struct vtd_unit *unit,
			      const struct iommu_domain_config *config)
{
	if (!unit->caps.coherent || (vtd_is_scalable(unit) && !unit->caps.second_stage))
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  "it has no second stage that walks through the CPU caches");
	domain->type = VTD_PASID_SECOND_STAGE;
	domain->common.base.ops = &sva_ops;
	return take_second_stage(domain, unit, config);
}

/* The host's table is in the CPU's caches: only a unit that looks there can walk it. */
static int make_sva(struct vtd_domain *domain, const struct vtd_unit *unit,
		    const struct iommu_domain_config *config)
{
	if (config->stage == IOMMU_STAGE_SECOND)
		return share_second_stage(domain, unit, config);
	if (config->stage != IOMMU_STAGE_ANY && config->stage != IOMMU_STAGE_FIRST)
		return VTD_REFUSE(unit, IOMMU_EINVAL, "there is no such stage");
	if (!vtd_is_scalable(unit) || !unit->caps.first_stage || !unit->caps.coherent)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  "it has no first stage that walks through the CPU caches");
	domain->type = VTD_PASID_FIRST_STAGE;
	domain->common.base.ops = &sva_ops;
	return take_first_stage(domain, unit, config);
}

#endif

/* --- Tables of its own ------------------------------------------------------------------------ */

static void show_table(struct vtd_domain *domain, const struct iommu_domain_config *config)
{
	domain->common.base.page_ops = iommu_vtd_page_ops(domain);
	domain->common.base.aperture_last = domain->common.pgtable.aperture_last;
	domain->common.base.paddr_last = domain->common.pgtable.paddr_last;
	domain->common.base.pgsize_bitmap = domain->common.pgtable.pgsize_bitmap;
	domain->aperture = domain->common.pgtable.aperture_last;
	domain->pgsizes = config->pgsize_bitmap != 0 ? config->pgsize_bitmap : EVERY_SIZE;
	domain->dirty_wanted = config->dirty_tracking;
	domain->common.base.prot_hints |= IOMMU_PROT_MAY_SLEEP;
}

#if IOMMU_CONFIG_FIRST_STAGE
static int make_first_stage(struct vtd_domain *domain, const struct vtd_unit *unit,
			    const struct iommu_domain_config *config)
{
	const struct vtd_capabilities *caps = &unit->caps;
	const unsigned int levels = config->address_width > vtd_fs_address_width(4) ? 5 : 4;
	const struct iommu_pgtable_config table = {
		.platform = unit->platform,
		.levels = levels,
		.input_bits = config->address_width != 0 ? config->address_width
							 : vtd_fs_address_width(levels),
		.output_bits = unit->output_width,
		.pgsize_bitmap = config->pgsize_bitmap != 0 ? config->pgsize_bitmap
							    : caps->first_stage_sizes,
		.max_pages = config->max_table_pages,
		.node = iommu_node_near(config->near_node, unit->node),
#if IOMMU_CONFIG_REGIONS
		.accepts = iommu_vtd_claims_leave,
		.accepts_ctx = unit->probe,
#endif
		/* Where the host does not want to know, hardware is spared writing to the table. */
		.flags = (caps->coherent ? 0U : IOMMU_PGTABLE_NONCOHERENT) |
			 (config->dirty_tracking ? 0U : IOMMU_PGTABLE_ACCESSED),
	};
	int status;

	if (!caps->first_stage || (config->force_snoop && !caps->snoop_control) ||
	    config->nest_parent || (config->dirty_tracking && !caps->coherent))
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  !caps->first_stage    ? "it has no first stage"
				  : config->nest_parent ? "on a first stage nothing is nested"
				  : config->dirty_tracking && !caps->coherent
					  ? "its first stage does not note writes past the caches"
					  : "it does not force snooping");
	if ((levels == 5 && !caps->first_stage_5) ||
	    (table.pgsize_bitmap & ~caps->first_stage_sizes) != 0)
		return VTD_REFUSE(
			unit, IOMMU_EINVAL,
			levels == 5 && !caps->first_stage_5
				? "address_width needs a fifth level, which its first stage has not"
				: "pgsize_bitmap has a size that its first stage has not");
	status = iommu_vtdfs_init(&domain->common.pgtable, &table);
	if (status != 0)
		return status == IOMMU_ENOMEM ? status : VTD_REFUSE(unit, status, NO_TABLE);
	domain->type = VTD_PASID_FIRST_STAGE;
	domain->common.format = &iommu_vtdfs_ops;
	domain->snoops = config->force_snoop;
	domain->common.base.ops = &iommu_vtd_first_stage_ops;
	domain->common.base.stage = IOMMU_STAGE_FIRST;
	/*
	 * Of the hints the one that asks for nothing of the device: it has memory types, and no
	 * execute-disable here.
	 */
	domain->common.base.prot_hints |= IOMMU_PROT_MMIO;
	show_table(domain, config);
	return 0;
}
#endif

static int make_second_stage(struct vtd_domain *domain, const struct vtd_unit *unit,
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
		.node = iommu_node_near(config->near_node, unit->node),
#if IOMMU_CONFIG_REGIONS
		.accepts = iommu_vtd_claims_leave,
		.accepts_ctx = unit->probe,
#endif
		.flags = (caps->coherent ? 0U : IOMMU_PGTABLE_NONCOHERENT) |
			 (config->force_snoop ? IOMMU_PGTABLE_FORCE_SNOOP : 0U),
	};
	int status;

	if ((config->force_snoop && !caps->snoop_control) ||
	    (vtd_is_scalable(unit) && !caps->second_stage) ||
	    (config->dirty_tracking && !(vtd_is_scalable(unit) && caps->dirty)) ||
	    (config->nest_parent && !(vtd_is_scalable(unit) && caps->nested)))
		return VTD_REFUSE(
			unit, IOMMU_EOPNOTSUPP,
			config->force_snoop && !caps->snoop_control ? "it does not force snooping"
			: vtd_is_scalable(unit) && !caps->second_stage ? "it has no second stage"
			: config->nest_parent && !(vtd_is_scalable(unit) && caps->nested)
				? "nothing is nested on its second stage"
				: "its second stage does not note writes");
	if (table.input_bits > caps->guest_width ||
	    (table.pgsize_bitmap & ~caps->pgsize_bitmap) != 0)
		return VTD_REFUSE(
			unit, IOMMU_EINVAL,
			table.input_bits > caps->guest_width
				? "address_width is more than its second stage translates"
				: "pgsize_bitmap has a size that its second stage has not");
	/* The shallowest table that the unit knows and that is wide enough. */
	while (vtd_ss_address_width(table.levels) < table.input_bits ||
	       (caps->sagaw >> (table.levels - 2) & 1) == 0)
		table.levels++;
	status = iommu_vtdss_init(&domain->common.pgtable, &table);
	if (status != 0)
		return status == IOMMU_ENOMEM ? status : VTD_REFUSE(unit, status, NO_TABLE);
	domain->type = VTD_PASID_SECOND_STAGE;
	domain->common.format = &iommu_vtdss_ops;
	domain->nest_parent = config->nest_parent;
	domain->common.base.ops = &iommu_vtd_second_stage_ops;
#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_QUIRKS
	if (config->nest_parent && iommu_vtd_parents_are_writable(unit->probe))
		domain->common.base.ops = &iommu_vtd_writable_parent_ops;
#endif
	domain->common.base.stage = IOMMU_STAGE_SECOND;
	domain->common.base.nest_parent = config->nest_parent;
	show_table(domain, config);
	return 0;
}

#if IOMMU_CONFIG_FIRST_STAGE
static bool wants_first_stage(const struct vtd_unit *unit, const struct iommu_domain_config *config)
{
	const struct vtd_capabilities *caps = &unit->caps;

	if (config->stage != IOMMU_STAGE_ANY || !vtd_is_scalable(unit) || !caps->first_stage)
		return config->stage == IOMMU_STAGE_FIRST;
	if (!caps->second_stage)
		return true;
	if (config->nest_parent || config->address_width > vtd_fs_address_width(4))
		return false;
	return config->dirty_tracking ? !caps->dirty : caps->caching_mode;
}

static int make_tables(struct vtd_domain *domain, const struct vtd_unit *unit,
		       const struct iommu_domain_config *config)
{
	if (wants_first_stage(unit, config))
		return vtd_is_scalable(unit)
			       ? make_first_stage(domain, unit, config)
			       : VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
					    "it is in legacy mode, which has no first stage");
	return make_second_stage(domain, unit, config);
}
#else
static int make_tables(struct vtd_domain *domain, const struct vtd_unit *unit,
		       const struct iommu_domain_config *config)
{
	return config->stage == IOMMU_STAGE_FIRST ? IOMMU_EOPNOTSUPP
						  : make_second_stage(domain, unit, config);
}
#endif

/* --- Allocation ------------------------------------------------------------------------------- */

static int make_domain(struct vtd_domain *domain, const struct vtd_unit *unit,
		       enum iommu_domain_type type, const struct iommu_domain_config *config)
{
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
		domain->common.base.ops = &blocked_ops;
		return 0;
	case IOMMU_DOMAIN_IDENTITY:
		/* Where there is no pass-through, tables that map all memory to itself do it. */
		if (!unit->caps.pass_through && !unit->bypassed)
			return make_tables(domain, unit, config);
		domain->type = VTD_PASID_PASS_THROUGH;
		domain->common.base.ops = &identity_ops;
		return 0;
	/* To a back end these are paging domains. */
	case IOMMU_DOMAIN_DMA:
	case IOMMU_DOMAIN_DMA_LAZY:
	case IOMMU_DOMAIN_DMA_BYPASS:
	case IOMMU_DOMAIN_QUARANTINE:
	default:
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	}
}

int iommu_vtd_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			   const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	struct vtd_domain *domain;
	int status;

	if (!unit->caps.translates)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it remaps interrupts only");
	iommu_release_confirmed(&unit->probe->set);
	domain = iommu_object_alloc(&unit->probe->domain_cache, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->probe = unit->probe;
	iommu_placed_init(&domain->common, &iommu_vtd_place_ops, unit->platform, &unit->probe->set,
			  domain_release);
	domain->common.base.aperture_last = (1ULL << unit->output_width) - 1;
	status = make_domain(domain, unit, type, config);
	if (status != 0) {
		iommu_object_free(&unit->probe->domain_cache, domain);
		return status;
	}
	unit->probe->references++;
	*result = &domain->common.base;
	return 0;
}
