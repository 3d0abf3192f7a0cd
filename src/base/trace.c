/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of tracing: counted, and told to the host. */
#include "base/trace.h"

#if IOMMU_CONFIG_TRACE

#include <libiommu/status.h>

#include "base/atomic.h"

uint64_t iommu_trace_now(const struct iommu_tracer *tracer)
{
	const struct iommu_platform *platform = tracer != NULL ? tracer->platform : NULL;

	return platform != NULL && platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0;
}

void iommu_trace_tell(const struct iommu_tracer *tracer, struct iommu_trace_event *event)
{
	const struct iommu_trace *host =
		tracer != NULL ? __atomic_load_n(&tracer->host, __ATOMIC_ACQUIRE) : NULL;

	if (host == NULL || host->event == NULL)
		return;
	event->time_ns = iommu_trace_now(tracer);
	if (tracer->platform->cpu_id != NULL)
		event->cpu = tracer->platform->cpu_id(tracer->platform->ctx);
	host->event(host->ctx, event);
}

static void count(iommu_cell_t *cell, uint64_t value)
{
	(void)iommu_cell_add(cell, value);
}

/* --- Of domains ------------------------------------------------------------------------------- */

void iommu_trace_mapped(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int status)
{
	struct iommu_trace_event event = {.type = IOMMU_TRACE_MAP,
					  .domain = domain->number,
					  .iova = iova,
					  .size = size,
					  .status = status};

	count(status == 0 ? &domain->counts.maps : &domain->counts.failed_maps, 1);
	if (status == 0)
		count(&domain->counts.mapped_bytes, size);
	iommu_trace_tell(iommu_tracer_of(domain), &event);
}

void iommu_trace_unmapped(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int status)
{
	struct iommu_trace_event event = {.type = IOMMU_TRACE_UNMAP,
					  .domain = domain->number,
					  .iova = iova,
					  .size = size,
					  .status = status};

	if (status == 0) {
		count(&domain->counts.unmaps, 1);
		count(&domain->counts.unmapped_bytes, size);
	}
	iommu_trace_tell(iommu_tracer_of(domain), &event);
}

void iommu_trace_settled(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			 uint64_t begun_ns, int status)
{
	struct iommu_trace_event event = {.type = status == 0 ? IOMMU_TRACE_CONFIRM
							      : IOMMU_TRACE_WITHHELD,
					  .domain = domain->number,
					  .iova = iova,
					  .size = size,
					  .begun_ns = begun_ns,
					  .status = status};

	count(status == 0 ? &domain->counts.confirmed : &domain->counts.withheld, 1);
	iommu_trace_tell(iommu_tracer_of(domain), &event);
}

void iommu_trace_flushed(struct iommu_domain *domain, uint64_t begun_ns, int status)
{
	struct iommu_trace_event event = {.type = IOMMU_TRACE_FLUSH,
					  .domain = domain->number,
					  .begun_ns = begun_ns,
					  .status = status};

	count(&domain->counts.flushes, 1);
	iommu_trace_tell(iommu_tracer_of(domain), &event);
}

void iommu_trace_freed(struct iommu_domain *domain)
{
	struct iommu_trace_event event = {.type = IOMMU_TRACE_FREE, .domain = domain->number};

	iommu_trace_tell(iommu_tracer_of(domain), &event);
}

void iommu_trace_endpoint(enum iommu_trace_type type, struct iommu_domain *domain,
			  const struct iommu_endpoint *endpoint, uint32_t pasid, int status)
{
	struct iommu_trace_event event = {.type = (uint8_t)type,
					  .domain = domain->number,
					  .unit = endpoint->unit->number,
					  .segment = endpoint->info.segment,
					  .source_id = endpoint->info.source_id,
					  .pasid = pasid,
					  .status = status};

	iommu_trace_tell(iommu_tracer_of(domain), &event);
}

/* --- Of units --------------------------------------------------------------------------------- */

void iommu_trace_reported(struct iommu_unit *unit, const struct iommu_fault *fault)
{
	struct iommu_trace_event event = {.type = IOMMU_TRACE_FAULT,
					  .unit = unit->number,
					  .segment = fault->segment,
					  .source_id = fault->source_id,
					  .iova = fault->address,
					  .detail = fault->reason};

	if (fault->access == IOMMU_FAULT_WRITE)
		event.kinds |= IOMMU_TRACE_WRITES;
	if (fault->has_pasid) {
		event.kinds |= IOMMU_TRACE_HAS_PASID;
		event.pasid = fault->pasid;
	}
	count(&unit->counts.faults, 1);
	iommu_trace_tell(iommu_tracer_of(unit), &event);
}

void iommu_trace_given(struct iommu_unit *unit, struct iommu_trace_event *event)
{
	unsigned int i;

	event->type = IOMMU_TRACE_INVALIDATE;
	event->unit = unit->number;
	count(&unit->counts.batches, 1);
	count(&unit->counts.commands, event->count);
	for (i = 0; i < IOMMU_TRACE_KINDS; i++)
		if ((event->kinds >> i & 1) != 0)
			count(&unit->counts.kinds[i], 1);
	iommu_trace_tell(iommu_tracer_of(unit), event);
	event->begun_ns = event->time_ns;
}

void iommu_trace_done(struct iommu_unit *unit, struct iommu_trace_event *event, int status)
{
	event->type = IOMMU_TRACE_CONFIRM;
	event->status = status;
	if (status == 0)
		count(&unit->counts.confirmed, 1);
	else if (status == IOMMU_ETIMEDOUT)
		count(&unit->counts.timed_out, 1);
	else
		count(&unit->counts.failed, 1);
	iommu_trace_tell(iommu_tracer_of(unit), event);
}

#endif
