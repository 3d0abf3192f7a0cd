/* SPDX-License-Identifier: BSD-2-Clause */
/* What the units of one probe share, and how they are found, added and removed. */
#ifndef IOMMU_VTD_PROBE_H
#define IOMMU_VTD_PROBE_H

#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/list.h"
#include "base/object_cache.h"
#include "unit/confirmation.h"
#include "vtd/unit.h"

/* A DMAR table that names units: the machine's, or one that came with a unit added later. */
struct vtd_table {
	struct iommu_list_node link;
	struct iommu_dmar dmar;
	void *copy;
	unsigned int order;
	unsigned int units;
};

/* What all units of one probe share. */
struct vtd_probe {
	struct iommu *iommu;
	const struct iommu_ops *ops;
	const struct iommu_platform *platform;
	unsigned int flags; /* enum iommu_vtd_flags */
	uint64_t timeout_ns, device_timeout_ns;
	unsigned int faults_per_second;
	bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *is_memory_ctx;
	uint64_t inherited_pages, inherited_pages_max; /* copied so far, and at most */
	enum iommu_vtd_region_answer (*firmware_region)(void *ctx,
							const struct iommu_endpoint_info *endpoint,
							iommu_paddr_t *start, iommu_paddr_t *last);
	void *firmware_region_ctx;
	int (*node_of)(void *ctx, uint32_t proximity_domain);
	void *node_of_ctx;
	/* Of all units and endpoints; and what the host ignores: see quirks.c. */
	unsigned int quirks, quirks_ignored;
	struct iommu_pci_config pci_config;
	bool knows_processor;
	struct iommu_list_node claims;
	struct iommu_object_cache claim_cache, region_cache;
	struct iommu_list_node tables;
	struct iommu_list_node units; /* also those that were removed */
	struct vtd_table *main;       /* the machine's */
	struct iommu_object_cache table_cache, unit_cache, domain_cache, place_cache,
		endpoint_cache, use_cache, directory_cache;
	unsigned int references; /* units, domains and PASID directories */
	unsigned int names;      /* given so far */
	/* All units are enabled together, and so will be those that get devices later. */
	bool running;
	struct iommu_unit_set set;
};

/* Do devices of a kernel before us go on behind it? */
static inline bool vtd_unit_is_taken_over(const struct vtd_unit *unit)
{
	return IOMMU_CONFIG_TAKE_OVER && unit->keeps_running &&
	       (unit->probe->flags & IOMMU_VTD_TAKE_OVER) != 0;
}

/* Does a device scope of this structure cover the endpoint? Not the include-all flag. */
bool iommu_vtd_scope_names(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
			   const struct iommu_endpoint_info *info);
/* The same, and which scope it is. */
bool iommu_vtd_scope_find(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
			  const struct iommu_endpoint_info *info, struct iommu_dmar_scope *scope);
/*
 * The source id of what a scope's path leads to. IOMMU_ENOENT: it leads through a bridge, of which
 * the host's topology does not say what bus is below.
 */
int iommu_vtd_scope_source_id(const struct vtd_unit *unit, const struct iommu_dmar_scope *scope,
			      uint16_t *source_id);
/* Does a device scope of the unit's structure, or its include-all flag, cover this path? */
enum iommu_match iommu_vtd_scope_match(const struct iommu_dmar *dmar,
				       const struct iommu_dmar_record *drhd,
				       const struct iommu_endpoint_info *info);

/* Give back all that a unit has; it is off, and unregistered. */
void iommu_vtd_unit_free(struct vtd_unit *unit);
/* Free a table that no unit refers to. */
void iommu_vtd_table_free(struct vtd_probe *probe, struct vtd_table *table);
/*
 * What control.c does under the lock. iommu_vtd_probe_units: with the back end's ops for the units.
 */
int iommu_vtd_find_units(struct iommu *iommu, const void *dmar, size_t size,
			 const struct iommu_vtd_options *options);
int iommu_vtd_enable_units(struct iommu *iommu);
int iommu_vtd_units_add(struct iommu *iommu, const void *structures, size_t size);
int iommu_vtd_unit_remove(struct iommu_unit *unit);
int iommu_vtd_probe_units(struct iommu *iommu, const struct iommu_ops *ops, const void *bytes,
			  size_t size, const struct iommu_vtd_options *options);
extern const char iommu_vtd_name[];
/* Is the unit one of this back end? */
bool iommu_vtd_owns(const struct iommu_unit *unit);
/* The first of our units after `unit` (NULL: of all); NULL: none is left. */
struct vtd_unit *iommu_vtd_next_unit(struct iommu *iommu, struct vtd_unit *unit);
/* Let go of a probe whose last unit is gone. */
void iommu_vtd_probe_free(struct vtd_probe *probe);

/* --- Lines for people ------------------------------------------------------------------------- */

/* Once for a unit, a table; and after units were enabled together, for all of them. */
#if IOMMU_CONFIG_LOG
void iommu_vtd_report_unit(const struct vtd_unit *unit);
void iommu_vtd_report_table(const struct vtd_probe *probe, const struct iommu_dmar *dmar);
void iommu_vtd_report_enabled(struct vtd_unit *first);
#else
static inline void iommu_vtd_report_unit(const struct vtd_unit *unit)
{
	(void)unit;
}
static inline void iommu_vtd_report_table(const struct vtd_probe *probe,
					  const struct iommu_dmar *dmar)
{
	(void)probe;
	(void)dmar;
}
static inline void iommu_vtd_report_enabled(struct vtd_unit *first)
{
	(void)first;
}
#endif

#endif
