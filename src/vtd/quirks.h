/* SPDX-License-Identifier: BSD-2-Clause */
/* Hardware that does not behave as it reports, and what is done about it. */
#ifndef IOMMU_VTD_QUIRKS_H
#define IOMMU_VTD_QUIRKS_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "vtd/command.h"
#include "vtd/endpoint.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

/* Does a quirk apply to this unit, or this endpoint? A constant without the option. */
#define vtd_has_quirk(object, quirk) (IOMMU_CONFIG_QUIRKS && ((object)->quirks & (quirk)) != 0)

#if IOMMU_CONFIG_QUIRKS
/* What the host says, and those of the chipset and the processor. IOMMU_EOPNOTSUPP. */
int iommu_vtd_quirks_init(struct vtd_probe *probe, const struct iommu_vtd_options *options);
/*
 * Those of a unit, by the devices that firmware names for it: its capabilities, which were read,
 * are corrected. IOMMU_ENOMEM.
 */
int iommu_vtd_quirks_of_unit(struct vtd_unit *unit);
/*
 * Those of an endpoint, and of its unit because of it. IOMMU_ENOMEM; IOMMU_ENODEV: its unit is not
 * the one that firmware names.
 */
int iommu_vtd_quirks_of_endpoint(struct vtd_endpoint *endpoint);
/* What a unit that goes needs for its quirks. */
void iommu_vtd_quirks_free(struct vtd_unit *unit);
/*
 * Stop translating: turned off, or where that must not be, everything blocked by an empty root
 * table, confirmed. Control path.
 */
int iommu_vtd_stop_translating(struct vtd_unit *unit);
/* Before bring-up: what translates by tables of others is turned off, or may stay on. */
int iommu_vtd_make_way(struct vtd_unit *unit);
/* Does any unit need it of the parents of nested domains? */
bool iommu_vtd_parents_are_writable(const struct vtd_probe *probe);
/* Does it translate now, and must not be turned off? */
bool iommu_vtd_must_stay_on(const struct vtd_unit *unit);
#else
static inline int iommu_vtd_quirks_init(struct vtd_probe *probe,
					const struct iommu_vtd_options *options)
{
	(void)probe;
	return options->force_quirks == 0 ? 0 : IOMMU_EOPNOTSUPP;
}
static inline int iommu_vtd_quirks_of_unit(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline int iommu_vtd_quirks_of_endpoint(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}
static inline void iommu_vtd_quirks_free(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_stop_translating(struct vtd_unit *unit)
{
	return iommu_vtd_command_clear(unit, VTD_GLOBAL_TE);
}
static inline int iommu_vtd_make_way(struct vtd_unit *unit)
{
	return iommu_vtd_command_clear(unit, VTD_GLOBAL_TE);
}
static inline bool iommu_vtd_must_stay_on(const struct vtd_unit *unit)
{
	(void)unit;
	return false;
}
#endif

#endif
