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
	return iommu_smmu_log_alloc(unit, &unit->requests, most < QUEUE_ORDER ? most : QUEUE_ORDER,
				    RECORD_LOG2);
}

/* Off, too, where it is not used: a predecessor may have left it on. */
int iommu_smmu_requests_start(struct smmu_unit *unit)
{
	return unit->requests.pages != NULL
		       ? iommu_smmu_log_start(unit, &unit->requests, &iommu_smmu_request_registers)
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

static int respond(struct smmu_unit *unit, uint32_t stream,
		   const struct iommu_page_response *response)
{
	struct smmu_command command =
		smmu_pri_resp(stream, response->group, code_of(response->code));
	struct iommu_batch batch = {.count = 0};

	if (response->has_pasid)
		command = smmu_command_with_ssid(command, response->pasid);
	smmu_batch_add(&batch, command);
	return iommu_smmu_tell_once(unit, &batch);
}

int iommu_smmu_page_response(struct iommu_endpoint *endpoint,
			     const struct iommu_page_response *response)
{
	struct iommu_page_response answer = *response;

	/* Of devices that expect no PASID in an answer. */
	if (endpoint->info.page_responses_without_pasid)
		answer.has_pasid = false;
	return respond(smmu_unit_of(endpoint->unit), smmu_endpoint_of(endpoint)->streams.ids[0],
		       &answer);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* To the core, which owns the group that it belongs to and answers it once. */
static int hand_on(struct smmu_unit *unit, const uint64_t *words,
		   const struct iommu_page_request *request)
{
	struct iommu *iommu = unit->common.base.iommu;
	const uint32_t stream = (uint32_t)smmu_get(words, SMMU_PPR_SID);
	const uint16_t source_id = iommu_id_map_source_of(&unit->common.map, stream);

	/* Of no function: what its lower bits name is another device. */
	if (iommu_id_map_id_of(&unit->common.map, source_id) != stream)
		return IOMMU_ENODEV;
	/* No domain of ours serves privileged requests, or ones to execute. */
	if (smmu_has(words, SMMU_PPR_PRIVILEGED) || smmu_has(words, SMMU_PPR_EXECUTE))
		return iommu_refuse_page_request(iommu, unit->common.base.segment, source_id,
						 request);
	return iommu_report_page_request(iommu, unit->common.base.segment, source_id, request);
}

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
	/* The core does not know this device, or has no page requests of it. */
	const struct iommu_page_response refusal = {
		.group = request.group,
		.has_pasid = request.has_pasid,
		.pasid = request.pasid,
		.code = IOMMU_PAGE_INVALID,
	};

	/* A stop marker wants no answer. */
	if (request.is_last && has_pasid && request.prot == 0)
		return;
	if (hand_on(unit, words, &request) == IOMMU_ENODEV && request.is_last)
		(void)respond(unit, (uint32_t)smmu_get(words, SMMU_PPR_SID), &refusal);
}

/* One look at a log, for struct iommu_request_log_ops. */
struct look {
	struct smmu_unit *unit;
	bool overflowed;
};

/* Its interrupts are edges, and the queue is looked at until it is empty. */
static void arm(void *ctx)
{
	struct look *look = ctx;

	look->overflowed = false;
	iommu_ring_check_errors(&look->unit->common.queue);
}

static int empty_queue(void *ctx)
{
	struct look *look = ctx;
	struct smmu_log_reading reading = {
		.unit = look->unit,
		.log = &look->unit->requests,
		.registers = &iommu_smmu_request_registers,
		.take = take,
		.ctx = look->unit,
		.words = SMMU_PAGE_REQUEST_WORDS,
	};
	const int count = iommu_smmu_log_read(&reading);

	look->overflowed = reading.overflowed;
	return count;
}

/* It was acknowledged with the consumer. */
static bool clear_errors(void *ctx)
{
	return ((const struct look *)ctx)->overflowed;
}

static const struct iommu_request_log_ops log_ops = {arm, empty_queue, clear_errors};

int iommu_smmu_handle_requests(struct iommu_unit *base, bool *lost)
{
	struct smmu_unit *unit = smmu_unit_of(base);
	struct look look = {.unit = unit};

	if (unit->requests.pages == NULL)
		return 0;
	return iommu_request_log_read(&unit->requests.gate, &log_ops, &look, lost);
}

/* --- Draining --------------------------------------------------------------------------------- */

static void handle_all(struct smmu_unit *unit)
{
	struct look look = {.unit = unit};

	iommu_request_log_drain(&unit->requests.gate, &log_ops, &look, unit->common.platform);
}

/* Behind a CMD_SYNC: what the unit had taken before it is in the queue, or was answered. */
int iommu_smmu_requests_drain(struct smmu_unit *unit)
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
	status = iommu_smmu_tell(unit, &batch);
	handle_all(unit);
	unit->common.is_undrained = status != 0;
	return status;
}

#else

int iommu_smmu_requests_drain(struct smmu_unit *unit)
{
	(void)unit;
	return 0;
}

#endif
