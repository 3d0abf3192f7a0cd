/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: the queue that hardware fills, and the responses (VT-d specification, "Page
 * Requests").
 *
 * One CPU at a time reads the queue, and reports requests with no lock held (unit/event.h). The
 * contents of the queue come from devices and are not trusted.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/fault.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/log.h"
#include "unit/confirmation.h"
#include "unit/event.h"
#include "unit/invalidation.h"
#include "vtd/command.h"
#include "vtd/endpoint.h"
#include "vtd/event.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_SCALABLE

/*
 * Pages of the ring, as a power of two: 512 requests, as many as one device may have outstanding.
 */
#define RING_ORDER   2
#define RING_BYTES   ((uint64_t)IOMMU_PAGE_SIZE << RING_ORDER)
#define REQUEST_SIZE sizeof(struct vtd_page_request)
/* --- The ring --------------------------------------------------------------------------------- */

int iommu_vtd_page_queue_alloc(struct vtd_unit *unit)
{
	unit->requests = iommu_vtd_pages_alloc(unit, RING_ORDER);
	return unit->requests != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_vtd_page_queue_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->requests != NULL)
		platform->free_pages(platform->ctx, unit->requests, RING_ORDER);
	unit->requests = NULL;
}

static uint64_t address_register(const struct vtd_unit *unit)
{
	return iommu_virt_to_phys(unit->platform, unit->requests) | RING_ORDER;
}

int iommu_vtd_page_queue_start(struct vtd_unit *unit)
{
	if (unit->requests == NULL)
		return 0;
	/*
	 * Masked first: what comes after the status was cleared is then told when the event is let
	 * out.
	 */
	vtd_write32(unit, VTD_PECTL, VTD_EVENT_MASK);
	iommu_event_gate_restart(&unit->requests_gate);
	vtd_write64(unit, VTD_PQH, 0);
	vtd_write64(unit, VTD_PQT, 0);
	vtd_write64(unit, VTD_PQA, address_register(unit));
	vtd_write32(unit, VTD_PRS, VTD_PRS_PPR | VTD_PRS_PRO);
	iommu_vtd_event_apply(unit, VTD_PECTL, &unit->request_event);
	return 0;
}

/* --- Answers ---------------------------------------------------------------------------------- */

static enum vtd_page_response_code code_of(enum iommu_page_response_code code)
{
	switch (code) {
	case IOMMU_PAGE_SUCCESS:
		return VTD_PAGE_SUCCESS;
	case IOMMU_PAGE_INVALID:
		return VTD_PAGE_INVALID;
	case IOMMU_PAGE_FAILURE:
	default:
		return VTD_PAGE_FAILURE;
	}
}

static int respond(struct vtd_unit *unit, uint16_t source_id,
		   const struct iommu_page_response *response)
{
	struct iommu_batch batch = {.count = 0};

	vtd_batch_add(&batch,
		      vtd_descriptor_page_response(source_id, response->has_pasid, response->pasid,
						   response->group, code_of(response->code)));
	return iommu_vtd_tell_once(unit, &batch);
}

int iommu_vtd_page_response(struct iommu_endpoint *endpoint,
			    const struct iommu_page_response *response)
{
	return respond(vtd_unit_of(endpoint->unit), endpoint->info.source_id, response);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* The core does not know this device, or has no page requests of it: the answer is not its own. */
static void refuse_request(struct vtd_unit *unit, uint64_t word0,
			   const struct iommu_page_request *request)
{
	const struct iommu_page_response response = {
		.group = request->group,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.code = IOMMU_PAGE_INVALID,
	};

	if (request->is_last)
		(void)respond(unit, vtd_page_request_source_id(word0), &response);
}

/* To the core, which owns the group that it belongs to and answers it once. */
static int hand_on(struct vtd_unit *unit, uint64_t word0, const struct iommu_page_request *request)
{
	struct iommu *iommu = unit->base.iommu;
	const uint16_t source_id = vtd_page_request_source_id(word0);

	/* No domain of ours serves privileged requests, or ones to execute. */
	if ((word0 & (VTD_PAGE_REQUEST_PRIVILEGED | VTD_PAGE_REQUEST_EXECUTE)) != 0)
		return iommu_refuse_page_request(iommu, unit->base.segment, source_id, request);
	return iommu_report_page_request(iommu, unit->base.segment, source_id, request);
}

static void take(struct vtd_unit *unit, uint64_t word0, uint64_t word1)
{
	const bool has_pasid = (word0 & VTD_PAGE_REQUEST_HAS_PASID) != 0;
	const struct iommu_page_request request = {
		.address = word1 & VTD_ENTRY_ADDRESS_MASK,
		.prot = ((word1 & VTD_PAGE_REQUEST_READ) != 0 ? IOMMU_PROT_READ : 0U) |
			((word1 & VTD_PAGE_REQUEST_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U),
		.has_pasid = has_pasid,
		.pasid = has_pasid ? vtd_page_request_pasid(word0) : 0,
		.group = vtd_page_request_group(word1),
		.is_last = (word1 & VTD_PAGE_REQUEST_LAST) != 0,
	};

	/* A stop marker has a PASID (PCI Express, "Stop Marker Messages"). */
	if (vtd_page_request_type(word0) != VTD_PAGE_REQUEST_TYPE ||
	    (has_pasid && vtd_page_request_is_stop(word1)))
		return;
	if (hand_on(unit, word0, &request) == IOMMU_ENODEV)
		refuse_request(unit, word0, &request);
}

static void arm(void *ctx)
{
	vtd_write32(ctx, VTD_PRS, VTD_PRS_PPR);
}

static int empty_ring(void *ctx)
{
	struct vtd_unit *unit = ctx;
	const uint64_t tail = vtd_read64(unit, VTD_PQT);
	const uint64_t address = vtd_read64(unit, VTD_PQA);
	uint64_t head = iommu_event_gate_head(&unit->requests_gate);
	int count = 0;

	if (tail >= RING_BYTES || tail % REQUEST_SIZE != 0)
		return IOMMU_EIO;
	/* It is in another ring, or none: what it tells is not of this one. */
	if (address != address_register(unit))
		return 0;
	iommu_full_fence(); /* the tail, then what lies before it */
	while (head != tail) {
		const struct vtd_page_request *request = &unit->requests[head / REQUEST_SIZE];

		take(unit, iommu_le64(iommu_cell_load(&request->words[0])),
		     iommu_le64(iommu_cell_load(&request->words[1])));
		head = (head + REQUEST_SIZE) % RING_BYTES;
		count++;
	}
	unit->requests_gate.head = (uint32_t)head;
	vtd_write64(unit, VTD_PQH, iommu_event_gate_head(&unit->requests_gate));
	return count;
}

/*
 * The ring overflowed: hardware answers what comes until it is told that this was seen, with the
 * ring empty.
 */
static bool clear_overflow(void *ctx)
{
	struct vtd_unit *unit = ctx;
	const uint32_t status = vtd_read32(unit, VTD_PRS);

	if (status == UINT32_MAX || (status & VTD_PRS_PRO) == 0)
		return false;
	vtd_write32(unit, VTD_PRS, VTD_PRS_PRO);
	return true;
}

static const struct iommu_request_log_ops log_ops = {arm, empty_ring, clear_overflow};

int iommu_vtd_handle_page_requests(struct iommu_unit *base, bool *lost)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	if (unit->requests == NULL)
		return 0;
	return iommu_request_log_read(&unit->requests_gate, &log_ops, unit, lost);
}

/* --- Draining --------------------------------------------------------------------------------- */

static void handle_all(struct vtd_unit *unit)
{
	iommu_request_log_drain(&unit->requests_gate, &log_ops, unit, unit->platform);
}

int iommu_vtd_page_requests_drain(struct vtd_unit *unit)
{
	struct iommu_batch batch = {.count = 0};
	int status;

	if (unit->requests == NULL)
		return 0;
	unit->is_undrained = true;
	/* Nothing is delivered until it is enabled, and what is attached then drains first. */
	if (!iommu_unit_is_active(&unit->state))
		return 0;
	/* Room in the ring first, or what is drained is dropped. */
	handle_all(unit);
	vtd_batch_add(&batch, vtd_descriptor_drain());
	status = iommu_vtd_tell(unit, &batch);
	handle_all(unit);
	unit->is_undrained = status != 0;
	return status;
}

#endif
