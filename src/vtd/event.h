/* SPDX-License-Identifier: BSD-2-Clause */
/* What a unit reports: messages, faults, page requests. */
#ifndef IOMMU_VTD_EVENT_H
#define IOMMU_VTD_EVENT_H

#include <libiommu/backend/ops.h>

struct vtd_unit;
struct vtd_endpoint;

struct vtd_event {
	uint64_t address;
	uint32_t data;
	bool enabled;
};

/*
 * Program, or mask, the event whose registers begin at `control` (FECTL, PECTL) as the host wants
 * it.
 */
void iommu_vtd_event_apply(struct vtd_unit *unit, uint32_t control, const struct vtd_event *event);
/* What the host wants from now on; false: the address is none of an interrupt. */
bool iommu_vtd_event_set(struct vtd_event *event, uint64_t address, uint32_t data);

int iommu_vtd_handle_faults(struct iommu_unit *unit, bool *lost);
/* Clear what is recorded, and is old, without a report. Errors as iommu_unit_handle_faults. */
int iommu_vtd_discard_faults(struct vtd_unit *unit);

/* --- Page requests ---------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
int iommu_vtd_page_queue_alloc(struct vtd_unit *unit);
void iommu_vtd_page_queue_free(struct vtd_unit *unit);
/* Give hardware the ring, empty, and program or mask the interrupt. */
int iommu_vtd_page_queue_start(struct vtd_unit *unit);
/*
 * Have what the unit holds of devices' requests reported: after 0 none comes of what was closed
 * before. The unit is undrained until it has confirmed, see iommu_vtd_confirm. Control path.
 */
int iommu_vtd_page_requests_drain(struct vtd_unit *unit);
int iommu_vtd_page_response(struct iommu_endpoint *endpoint,
			    const struct iommu_page_response *response);
int iommu_vtd_handle_page_requests(struct iommu_unit *unit, bool *lost);
#else
static inline int iommu_vtd_page_queue_alloc(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline void iommu_vtd_page_queue_free(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_page_queue_start(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline int iommu_vtd_page_requests_drain(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
#endif

#endif
