/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: the queue that hardware fills, and the answers (IHI 0070, chapter 8, "Page request
 * queue", 4.5.2 "CMD_PRI_RESP").
 *
 * One CPU at a time reads the queue, and reports requests with no lock held (unit/event.h). The
 * contents of the queue come from devices and are not trusted. When it overflows, hardware answers
 * what comes until it is told that this was seen, with the queue empty.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/fault.h>
#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_page_request.h>
#include <libiommu/status.h>

#include "smmu/command.h"
#include "smmu/endpoint.h"
#include "smmu/unit.h"
#include "unit/event.h"

/* Two pages: 512 requests, as many as one device may have outstanding; or what the unit has. */
#define QUEUE_ORDER 9
#define RECORD_LOG2 4

/* --- The queue -------------------------------------------------------------------------------- */

int iommu_smmu_requests_alloc(struct smmu_unit *unit)
{
	const unsigned int most = (unsigned int)smmu_bits(unit->idr1, SMMU_IDR1_PRIQS);

	if (!smmu_has_requests(unit))
		return 0;
	return iommu_driven_log_alloc(&unit->common, &unit->common.requests,
				      most < QUEUE_ORDER ? most : QUEUE_ORDER, RECORD_LOG2);
}

/* Off, too, where it is not used: a predecessor may have left it on. */
int iommu_smmu_requests_start(struct smmu_unit *unit)
{
	return unit->common.requests.pages != NULL
		       ? iommu_smmu_log_start(unit, &unit->common.requests,
					      &iommu_smmu_request_registers)
		       : iommu_smmu_change_cr0(unit, 0, SMMU_CR0_PRIQEN);
}

#if IOMMU_CONFIG_SCALABLE

/* --- Answers ---------------------------------------------------------------------------------- */

static enum smmu_pri_response code_of(enum iommu_page_response_code code)
{
	switch (code) {
	case IOMMU_PAGE_SUCCESS:
		return SMMU_PRI_SUCCESS;
	case IOMMU_PAGE_INVALID:
		return SMMU_PRI_INVALID;
	case IOMMU_PAGE_FAILURE:
	default:
		return SMMU_PRI_FAILURE;
	}
}

static struct iommu_command answer(uint32_t stream, const struct iommu_page_response *response)
{
	struct smmu_command command =
		smmu_pri_resp(stream, response->group, code_of(response->code));

	if (response->has_pasid)
		command = smmu_command_with_ssid(command, response->pasid);
	return smmu_command_words(command);
}

/* --- Requests --------------------------------------------------------------------------------- */

static void take(void *ctx, const uint64_t *words)
{
	struct smmu_unit *unit = ctx;
	const bool has_pasid = smmu_has(words, SMMU_PPR_SSV);
	const struct iommu_page_request request = {
		.address = smmu_address(words, SMMU_PPR_ADDRESS),
		.prot = (smmu_has(words, SMMU_PPR_READ) ? IOMMU_PROT_READ : 0U) |
			(smmu_has(words, SMMU_PPR_WRITE) ? IOMMU_PROT_WRITE : 0U),
		.has_pasid = has_pasid,
		.pasid = has_pasid ? (uint32_t)smmu_get(words, SMMU_PPR_SSID) : 0,
		.group = (uint16_t)smmu_get(words, SMMU_PPR_GROUP),
		.is_last = smmu_has(words, SMMU_PPR_LAST),
	};

	/* A stop marker wants no answer. */
	if (request.is_last && has_pasid && request.prot == 0)
		return;
	iommu_driven_take_request(&unit->common, (uint32_t)smmu_get(words, SMMU_PPR_SID),
				  !smmu_has(words, SMMU_PPR_PRIVILEGED) &&
					  !smmu_has(words, SMMU_PPR_EXECUTE),
				  &request);
}

/* Its interrupts are edges, and the queue is looked at until it is empty. */
static void arm(void *ctx)
{
	struct smmu_unit *unit = smmu_of(ctx);

	unit->requests_overflowed = false;
	iommu_ring_check_errors(&unit->common.queue);
}

static int empty_queue(void *ctx)
{
	struct smmu_unit *unit = smmu_of(ctx);
	struct smmu_log_reading reading = {
		.unit = unit,
		.log = &unit->common.requests,
		.registers = &iommu_smmu_request_registers,
		.take = take,
		.ctx = unit,
		.words = SMMU_PAGE_REQUEST_WORDS,
	};
	const int count = iommu_smmu_log_read(&reading);

	unit->requests_overflowed = reading.overflowed;
	return count;
}

/* It was acknowledged with the consumer. */
static bool clear_errors(void *ctx)
{
	return smmu_of(ctx)->requests_overflowed;
}

const struct iommu_driver_requests iommu_smmu_requests = {
	.log = {arm, empty_queue, clear_errors},
	.answer = answer,
};

#endif
