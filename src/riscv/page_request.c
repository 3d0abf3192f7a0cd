/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: the queue that hardware fills, and the answers (RISC-V IOMMU specification 1.0.0,
 * 3.3 "Page-Request-Queue", 3.1.4 "IOMMU ATS commands").
 *
 * One CPU at a time reads the queue, and reports requests with no lock held (unit/event.h). The
 * contents of the queue come from devices and are not trusted.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/fault.h>
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_page_request.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "riscv/command.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"
#include "unit/event.h"

/* Two pages: 512 requests, as many as one device may have outstanding; one, if that is all. */
#define PAGES_ORDER   1
#define QUEUE_ORDER   9
#define SMALLER_ORDER 8

/* --- The queue -------------------------------------------------------------------------------- */

int iommu_riscv_requests_alloc(struct riscv_unit *unit)
{
	if (!(IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DEVICE_TLB) || !riscv_has(unit, RISCV_CAP_ATS))
		return 0;
	unit->requests.pages = iommu_driven_pages_alloc(&unit->common, PAGES_ORDER);
	return unit->requests.pages != NULL ? 0 : IOMMU_ENOMEM;
}

/* Does the unit keep a queue of 2^order requests? */
static bool has_queue_of(struct riscv_unit *unit, unsigned int order)
{
	const uint64_t base = riscv_queue_base(
		iommu_virt_to_phys(unit->common.platform, unit->requests.pages), order);

	riscv_write64(unit, RISCV_PQB, base);
	unit->requests.order = order;
	return riscv_read64(unit, RISCV_PQB) == base;
}

int iommu_riscv_requests_start(struct riscv_unit *unit)
{
	int status;

	if (!riscv_has(unit, RISCV_CAP_ATS))
		return 0;
	/* Off, too, where it is not used: a predecessor may have left it on. */
	status = iommu_riscv_queue_off(unit, RISCV_PQCSR);
	if (status != 0 || unit->requests.pages == NULL)
		return status;
	if (!has_queue_of(unit, QUEUE_ORDER) && !has_queue_of(unit, SMALLER_ORDER))
		return iommu_riscv_queue_misfit(unit, RISCV_PQB, SMALLER_ORDER);
	iommu_event_gate_restart(&unit->requests.gate);
	riscv_write32(unit, RISCV_PQH, 0);
	riscv_write32(unit, RISCV_IPSR, RISCV_IPSR_PAGE_REQUESTS);
	return iommu_riscv_queue_on(unit, RISCV_PQCSR, iommu_riscv_is_told(unit, 3));
}

#if IOMMU_CONFIG_SCALABLE

/* --- Answers ---------------------------------------------------------------------------------- */

static enum riscv_page_response code_of(enum iommu_page_response_code code)
{
	switch (code) {
	case IOMMU_PAGE_SUCCESS:
		return RISCV_PAGE_SUCCESS;
	case IOMMU_PAGE_INVALID:
		return RISCV_PAGE_INVALID;
	case IOMMU_PAGE_FAILURE:
	default:
		return RISCV_PAGE_FAILURE;
	}
}

static int respond(struct riscv_unit *unit, uint32_t device_id,
		   const struct iommu_page_response *response)
{
	struct riscv_command command = riscv_command_page_response(
		(uint16_t)device_id, response->group, code_of(response->code));
	struct iommu_batch batch = {.count = 0};

	if (device_id >> 16 != 0)
		command = riscv_command_to_segment(command, device_id >> 16);
	if (response->has_pasid)
		command = riscv_command_with_pasid(command, response->pasid);
	riscv_batch_add(&batch, command);
	return iommu_riscv_tell_once(unit, &batch);
}

int iommu_riscv_page_response(struct iommu_endpoint *endpoint,
			      const struct iommu_page_response *response)
{
	struct iommu_page_response answer = *response;

	/* Of devices that expect no PASID in an answer. */
	if (endpoint->info.page_responses_without_pasid)
		answer.has_pasid = false;
	return respond(riscv_unit_of(endpoint->unit), riscv_endpoint_of(endpoint)->ids.ids[0],
		       &answer);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* To the core, which owns the group that it belongs to and answers it once. */
static int hand_on(struct riscv_unit *unit, uint64_t low, const struct iommu_page_request *request)
{
	struct iommu *iommu = unit->common.base.iommu;
	const uint32_t device_id = riscv_page_request_device_id(low);
	const uint16_t source_id = iommu_id_map_source_of(&unit->common.map, device_id);

	/* Of no function: what its lower bits name is another device. */
	if (iommu_id_map_id_of(&unit->common.map, source_id) != device_id)
		return IOMMU_ENODEV;
	/* No domain of ours serves privileged requests, or ones to execute. */
	if ((low & (RISCV_PAGE_REQUEST_PRIVILEGED | RISCV_PAGE_REQUEST_EXECUTE)) != 0)
		return iommu_refuse_page_request(iommu, unit->common.base.segment, source_id,
						 request);
	return iommu_report_page_request(iommu, unit->common.base.segment, source_id, request);
}

static void take(struct riscv_unit *unit, uint64_t low, uint64_t high)
{
	const bool has_pasid = (low & RISCV_PAGE_REQUEST_HAS_PROCESS) != 0;
	const struct iommu_page_request request = {
		.address = riscv_page_request_address(high),
		.prot = ((high & RISCV_PAGE_REQUEST_READ) != 0 ? IOMMU_PROT_READ : 0U) |
			((high & RISCV_PAGE_REQUEST_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U),
		.has_pasid = has_pasid,
		.pasid = has_pasid ? riscv_page_request_process_id(low) : 0,
		.group = riscv_page_request_group(high),
		.is_last = (high & RISCV_PAGE_REQUEST_LAST) != 0,
	};
	/* The core does not know this device, or has no page requests of it. */
	const struct iommu_page_response refusal = {
		.group = request.group,
		.has_pasid = request.has_pasid,
		.pasid = request.pasid,
		.code = IOMMU_PAGE_INVALID,
	};

	/* A stop marker has a PASID (PCI Express, "Stop Marker Messages"). */
	if (has_pasid && riscv_page_request_is_stop(high))
		return;
	if (hand_on(unit, low, &request) == IOMMU_ENODEV && request.is_last)
		(void)respond(unit, riscv_page_request_device_id(low), &refusal);
}

static void arm(void *ctx)
{
	riscv_write32(ctx, RISCV_IPSR, RISCV_IPSR_PAGE_REQUESTS);
}

static int empty_queue(void *ctx)
{
	struct riscv_unit *unit = ctx;
	const struct riscv_page_request *requests = unit->requests.pages;
	const uint32_t tail = riscv_read32(unit, RISCV_PQT);
	const uint32_t csr = riscv_read32(unit, RISCV_PQCSR);
	const uint32_t size = 1U << unit->requests.order;
	uint32_t head = iommu_event_gate_head(&unit->requests.gate);
	int count = 0;

	if (csr == UINT32_MAX)
		return IOMMU_EIO;
	/* What is off puts nothing there. */
	if ((csr & RISCV_QUEUE_ON) == 0)
		return 0;
	if (head >= size || tail >= size)
		return IOMMU_EIO;
	iommu_full_fence(); /* the tail, then what lies before it */
	for (; head != tail; head = (head + 1) % size) {
		take(unit, iommu_le64(iommu_cell_load(&requests[head].low)),
		     iommu_le64(iommu_cell_load(&requests[head].high)));
		count++;
	}
	unit->requests.gate.head = head;
	riscv_write32(unit, RISCV_PQH, iommu_event_gate_head(&unit->requests.gate));
	return count;
}

/*
 * The queue overflowed, or its memory failed: hardware answers what comes until it is told that
 * this was seen, with the queue empty.
 */
static bool clear_errors(void *ctx)
{
	struct riscv_unit *unit = ctx;
	const uint32_t csr = riscv_read32(unit, RISCV_PQCSR);

	if (csr == UINT32_MAX || (csr & RISCV_QUEUE_ERRORS) == 0)
		return false;
	riscv_write32(unit, RISCV_PQCSR,
		      csr & (RISCV_QUEUE_ERRORS | RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT));
	return true;
}

static const struct iommu_request_log_ops log_ops = {arm, empty_queue, clear_errors};

int iommu_riscv_handle_requests(struct iommu_unit *base, bool *lost)
{
	struct riscv_unit *unit = riscv_unit_of(base);

	if (unit->requests.pages == NULL)
		return 0;
	return iommu_request_log_read(&unit->requests.gate, &log_ops, unit, lost);
}

/* --- Draining --------------------------------------------------------------------------------- */

static void handle_all(struct riscv_unit *unit)
{
	iommu_request_log_drain(&unit->requests.gate, &log_ops, unit, unit->common.platform);
}

/* Behind a fence: what the unit had taken before it is in the queue, or was answered. */
int iommu_riscv_requests_drain(struct riscv_unit *unit)
{
	struct iommu_batch batch = {.count = 0};
	int status;

	if (unit->requests.pages == NULL)
		return 0;
	unit->common.is_undrained = true;
	/* Nothing is delivered until it is enabled, and what is attached then drains first. */
	if (!iommu_unit_is_active(&unit->common.state))
		return 0;
	/* Room in the queue first, or what comes is dropped. */
	handle_all(unit);
	status = iommu_riscv_tell(unit, &batch);
	handle_all(unit);
	unit->common.is_undrained = status != 0;
	return status;
}

#else

int iommu_riscv_requests_drain(struct riscv_unit *unit)
{
	(void)unit;
	return 0;
}

#endif
