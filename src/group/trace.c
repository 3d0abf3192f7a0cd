/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's trace of an instance, and what was counted. */
#include "base/trace.h"

#if IOMMU_CONFIG_TRACE

#include <libiommu/domain.h>

#include "base/atomic.h"
#include "group/group.h"
#include "unit/confirmation.h"

/* --- Setting it ------------------------------------------------------------------------------- */

static const struct iommu_tracer *current(struct iommu *iommu)
{
	return iommu->tracer.host != NULL ? &iommu->tracer : NULL;
}

void iommu_trace_adopt_domain(struct iommu *iommu, struct iommu_domain *domain)
{
	__atomic_store_n(&domain->tracer, current(iommu), __ATOMIC_RELEASE);
}

void iommu_trace_adopt_unit(struct iommu *iommu, struct iommu_unit *unit)
{
	unit->number = ++iommu->units_made;
	__atomic_store_n(&unit->tracer, current(iommu), __ATOMIC_RELEASE);
}

void iommu_set_trace(struct iommu *iommu, const struct iommu_trace *trace)
{
	struct iommu_list_node *node;

	iommu_control_lock(iommu);
	__atomic_store_n(&iommu->tracer.host, trace, __ATOMIC_RELEASE);
	iommu_list_for_each (node, &iommu->domains)
		__atomic_store_n(&iommu_container_of(node, struct iommu_domain, link)->tracer,
				 current(iommu), __ATOMIC_RELEASE);
	iommu_list_for_each (node, &iommu->units)
		__atomic_store_n(&iommu_container_of(node, struct iommu_unit, link)->tracer,
				 current(iommu), __ATOMIC_RELEASE);
	iommu_control_unlock(iommu);
}

/* --- What was counted ------------------------------------------------------------------------- */

void iommu_domain_get_stats(const struct iommu_domain *domain, struct iommu_domain_stats *stats)
{
	const struct iommu_domain_counts *counts = &domain->counts;
	struct iommu_domain_info info;

	iommu_domain_get_info(domain, &info);
	*stats = (struct iommu_domain_stats){
		.number = domain->number,
		.maps = iommu_cell_load(&counts->maps),
		.unmaps = iommu_cell_load(&counts->unmaps),
		.failed_maps = iommu_cell_load(&counts->failed_maps),
		.mapped_bytes = iommu_cell_load(&counts->mapped_bytes),
		.unmapped_bytes = iommu_cell_load(&counts->unmapped_bytes),
		.confirmed = iommu_cell_load(&counts->confirmed),
		.withheld = iommu_cell_load(&counts->withheld),
		.flushes = iommu_cell_load(&counts->flushes),
		.table_pages = info.table_pages,
		.unconfirmed = iommu_confirmation_begin(&domain->confirmation),
		.is_open = iommu_confirmation_is_open(&domain->confirmation),
	};
}

void iommu_unit_get_stats(const struct iommu_unit *unit, struct iommu_unit_stats *stats)
{
	const struct iommu_unit_counts *counts = &unit->counts;
	unsigned int i;

	*stats = (struct iommu_unit_stats){
		.number = unit->number,
		.batches = iommu_cell_load(&counts->batches),
		.commands = iommu_cell_load(&counts->commands),
		.confirmed = iommu_cell_load(&counts->confirmed),
		.timed_out = iommu_cell_load(&counts->timed_out),
		.failed = iommu_cell_load(&counts->failed),
		.faults = iommu_cell_load(&counts->faults),
	};
	for (i = 0; i < IOMMU_TRACE_KINDS; i++)
		stats->kinds[i] = iommu_cell_load(&counts->kinds[i]);
}

#endif
