/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: what is reported, answered and drained. One CPU at a time reads the queue, and
 * reports requests with no lock held (unit/event.h).
 */
#include "driver/page_request.h"

#include <libiommu/status.h>

#include "driver/endpoint.h"
#include "driver/invalidation.h"

#if IOMMU_CONFIG_SCALABLE

static const struct iommu_driver_requests *ops_of(const struct iommu_driven_unit *unit)
{
	return iommu_driver_of(unit)->requests;
}

/* --- Answers ---------------------------------------------------------------------------------- */

static int respond(struct iommu_driven_unit *unit, uint32_t device_id,
		   const struct iommu_page_response *response)
{
	struct iommu_batch batch = {.count = 0};

	iommu_batch_add(&batch, ops_of(unit)->answer(device_id, response), NULL);
	return iommu_driven_tell_once(unit, &batch);
}

int iommu_driver_page_response(struct iommu_endpoint *endpoint,
			       const struct iommu_page_response *response)
{
	struct iommu_page_response answer = *response;

	/* Of devices that expect no PASID in an answer. */
	if (endpoint->info.page_responses_without_pasid)
		answer.has_pasid = false;
	return respond(iommu_driven_of(endpoint->unit),
		       iommu_driven_endpoint_of(endpoint)->ids.ids[0], &answer);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* To the core, which owns the group that it belongs to and answers it once. */
static int hand_on(struct iommu_driven_unit *unit, uint32_t device_id, bool is_served,
		   const struct iommu_page_request *request)
{
	struct iommu *iommu = unit->base.iommu;
	const uint16_t source_id = iommu_id_map_source_of(&unit->map, device_id);

	/* Of no function: what its lower bits name is another device. */
	if (iommu_id_map_id_of(&unit->map, source_id) != device_id)
		return IOMMU_ENODEV;
	return is_served ? iommu_report_page_request(iommu, unit->base.segment, source_id, request)
			 : iommu_refuse_page_request(iommu, unit->base.segment, source_id, request);
}

void iommu_driven_take_request(struct iommu_driven_unit *unit, uint32_t device_id, bool is_served,
			       const struct iommu_page_request *request)
{
	/* The core does not know this device, or has no page requests of it. */
	const struct iommu_page_response refusal = {
		.group = request->group,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.code = IOMMU_PAGE_INVALID,
	};

	if (hand_on(unit, device_id, is_served, request) == IOMMU_ENODEV && request->is_last)
		(void)respond(unit, device_id, &refusal);
}

int iommu_driver_handle_requests(struct iommu_unit *base, bool *lost)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);

	if (unit->requests.pages == NULL)
		return 0;
	return iommu_request_log_read(&unit->requests.gate, &ops_of(unit)->log, unit, lost);
}

/* --- Draining --------------------------------------------------------------------------------- */

static void handle_all(struct iommu_driven_unit *unit)
{
	iommu_request_log_drain(&unit->requests.gate, &ops_of(unit)->log, unit, unit->platform);
}

/* Behind a completion: what the unit had taken before it is in the queue, or was answered. */
int iommu_driven_requests_drain(struct iommu_driven_unit *unit)
{
	struct iommu_batch batch = {.count = 0};
	int status;

	if (unit->requests.pages == NULL)
		return 0;
	unit->is_undrained = true;
	/* Nothing is delivered until it is enabled, and what is attached then drains first. */
	if (!iommu_unit_is_active(&unit->state))
		return 0;
	/* Room in the queue first, or what comes is dropped. */
	handle_all(unit);
	status = iommu_driven_tell(unit, &batch);
	handle_all(unit);
	unit->is_undrained = status != 0;
	return status;
}

#endif
