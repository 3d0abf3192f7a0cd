/* SPDX-License-Identifier: BSD-2-Clause */
/* The public functions of the control path: each takes the instance's lock and does one thing. */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>
#include <libiommu/vtd_interrupt.h>

#include "base/list.h"
#include "vtd/interrupt.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

int iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
		    const struct iommu_vtd_options *options)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_vtd_find_units(iommu, dmar, size, options);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_vtd_enable(struct iommu *iommu)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_vtd_enable_units(iommu);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_vtd_add_units(struct iommu *iommu, const void *structures, size_t size)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_vtd_units_add(iommu, structures, size);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_vtd_remove_unit(struct iommu_unit *unit)
{
	struct iommu *iommu;
	int status;

	if (unit == NULL)
		return 0;
	iommu = unit->iommu;
	iommu_control_lock(iommu);
	status = iommu_vtd_unit_remove(unit);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_vtd_interrupts_enable(struct iommu *iommu, unsigned int flags)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_vtd_interrupts_on(iommu, flags);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_vtd_interrupts_disable(struct iommu *iommu)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_vtd_interrupts_off(iommu);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- Among other back ends -------------------------------------------------------------------- */

static struct iommu_vtd_backend *backend_of(struct iommu_backend *backend)
{
	return iommu_container_of(backend, struct iommu_vtd_backend, base);
}

static bool describes_unit(const struct iommu_dmar *dmar)
{
	struct iommu_dmar_record record = {0};

	iommu_dmar_for_each (dmar, &record)
		if (record.type == DMAR_DRHD)
			return true;
	return false;
}

/*
 * A table that is broken counts: it says that there is something, and the probe complains of it.
 * One without a unit does not: the next back end may have what this machine has.
 */
static bool detect(struct iommu *iommu, struct iommu_backend *base)
{
	const struct iommu_vtd_backend *backend = backend_of(base);
	struct iommu_dmar dmar;

	(void)iommu;
	if (backend->dmar == NULL)
		return false;
	return iommu_dmar_open(&dmar, backend->dmar, backend->size) != 0 || describes_unit(&dmar);
}

static int early_init(struct iommu *iommu, struct iommu_backend *base)
{
	const struct iommu_vtd_backend *backend = backend_of(base);

	return iommu_vtd_find_units(iommu, backend->dmar, backend->size, &backend->options);
}

static int late_init(struct iommu *iommu, struct iommu_backend *base)
{
	(void)base;
	return iommu_vtd_enable_units(iommu);
}

void iommu_vtd_backend_init(struct iommu_vtd_backend *backend, const void *dmar, size_t size,
			    const struct iommu_vtd_options *options)
{
	const struct iommu_vtd_options none = {0};

	*backend = (struct iommu_vtd_backend){
		.base = {.name = iommu_vtd_name,
			 .detect = detect,
			 .early_init = early_init,
			 .late_init = late_init},
		.dmar = dmar,
		.size = size,
		.options = options != NULL ? *options : none,
	};
}
