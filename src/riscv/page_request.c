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
#define QUEUE_ORDER   9
#define SMALLER_ORDER 8
#define RECORD_LOG2   4

/* --- The queue -------------------------------------------------------------------------------- */

int iommu_riscv_requests_alloc(struct riscv_unit *unit)
{
	if (!(IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DEVICE_TLB) || !riscv_has(unit, RISCV_CAP_ATS))
		return 0;
	return iommu_driven_log_alloc(&unit->common, &unit->common.requests, QUEUE_ORDER,
				      RECORD_LOG2);
}

/* Does the unit keep a queue of 2^order requests? */
static bool has_queue_of(struct riscv_unit *unit, unsigned int order)
{
	const uint64_t base = riscv_queue_base(
		iommu_virt_to_phys(unit->common.platform, unit->common.requests.pages), order);

	riscv_write64(unit, RISCV_PQB, base);
	/* A handler may be at the queue of an earlier start. */
	__atomic_store_n(&unit->common.requests.order, order, __ATOMIC_RELAXED);
	return riscv_read64(unit, RISCV_PQB) == base;
}

int iommu_riscv_requests_start(struct riscv_unit *unit)
{
	int status;

	if (!riscv_has(unit, RISCV_CAP_ATS))
		return 0;
	/* Off, too, where it is not used: a predecessor may have left it on. */
	status = iommu_riscv_queue_off(unit, RISCV_PQCSR);
	if (status != 0 || unit->common.requests.pages == NULL)
		return status;
	if (!has_queue_of(unit, QUEUE_ORDER) && !has_queue_of(unit, SMALLER_ORDER))
		return iommu_riscv_queue_misfit(unit, RISCV_PQB, SMALLER_ORDER);
	iommu_event_gate_restart(&unit->common.requests.gate);
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

static struct iommu_command answer(uint32_t device_id, const struct iommu_page_response *response)
{
	struct riscv_command command = riscv_command_page_response(
		(uint16_t)device_id, response->group, code_of(response->code));

	if (device_id >> 16 != 0)
		command = riscv_command_to_segment(command, device_id >> 16);
	if (response->has_pasid)
		command = riscv_command_with_pasid(command, response->pasid);
	return riscv_command_words(command);
}

/* --- Requests --------------------------------------------------------------------------------- */

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

	/* A stop marker has a PASID (PCI Express, "Stop Marker Messages"). */
	if (has_pasid && riscv_page_request_is_stop(high))
		return;
	iommu_driven_take_request(
		&unit->common, riscv_page_request_device_id(low),
		(low & (RISCV_PAGE_REQUEST_PRIVILEGED | RISCV_PAGE_REQUEST_EXECUTE)) == 0,
		&request);
}

static void arm(void *ctx)
{
	riscv_write32(riscv_of(ctx), RISCV_IPSR, RISCV_IPSR_PAGE_REQUESTS);
}

static int empty_queue(void *ctx)
{
	struct riscv_unit *unit = riscv_of(ctx);
	const struct riscv_page_request *requests = unit->common.requests.pages;
	const uint32_t tail = riscv_read32(unit, RISCV_PQT);
	const uint32_t csr = riscv_read32(unit, RISCV_PQCSR);
	const uint32_t size = 1U << __atomic_load_n(&unit->common.requests.order, __ATOMIC_RELAXED);
	uint32_t head = iommu_event_gate_head(&unit->common.requests.gate);
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
	unit->common.requests.gate.head = head;
	riscv_write32(unit, RISCV_PQH, iommu_event_gate_head(&unit->common.requests.gate));
	return count;
}

/*
 * The queue overflowed, or its memory failed: hardware answers what comes until it is told that
 * this was seen, with the queue empty.
 */
static bool clear_errors(void *ctx)
{
	struct riscv_unit *unit = riscv_of(ctx);
	const uint32_t csr = riscv_read32(unit, RISCV_PQCSR);

	if (csr == UINT32_MAX || (csr & RISCV_QUEUE_ERRORS) == 0)
		return false;
	riscv_write32(unit, RISCV_PQCSR,
		      csr & (RISCV_QUEUE_ERRORS | RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT));
	return true;
}

const struct iommu_driver_requests iommu_riscv_requests = {
	.log = {arm, empty_queue, clear_errors},
	.answer = answer,
};

#endif
