/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue, and errors of the unit (IHI 0070, 7.2 "Event queue", 7.3 "Event records", 7.5
 * "Global error recording").
 *
 * Hardware sends its message when a record comes into an empty queue: the queue is looked at again
 * until nothing is in it. What a record says comes from devices and is not trusted. One CPU at a
 * time reads the queue, with no lock held; the unit's errors are acknowledged under the lock of the
 * command queue, whose errors are among them (queue.c).
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "driver/fault.h"
#include "smmu/command.h"
#include "smmu/unit.h"
#include "unit/event.h"

/* Two pages of records, or as many as the unit has. */
#define QUEUE_ORDER 8
#define RECORD_LOG2 5

/* --- Codes ------------------------------------------------------------------------------------ */

#if IOMMU_CONFIG_FAULT_TEXTS

struct code {
	uint8_t code;
	const char *name;
	const char *explanation;
};

static const struct code codes[] = {
	{SMMU_F_UUT, "unsupported transaction",
	 "the device sent what the unit cannot serve, such as a translated request that is not "
	 "allowed"},
	{SMMU_C_BAD_STREAMID, "stream unknown",
	 "the StreamID lies beyond the stream table, or in a part that no device was probed in"},
	{SMMU_F_STE_FETCH, "stream table access fault",
	 "the unit could not read an entry of the stream table"},
	{SMMU_C_BAD_STE, "stream not valid",
	 "no domain is attached to the device, and all its DMA is blocked; or its entry has what "
	 "the unit does not know"},
	{SMMU_F_BAD_ATS_TREQ, "bad translation request",
	 "the device asked for a translation (ATS) that it is not allowed to ask for"},
	{SMMU_F_STREAM_DISABLED, "stream disabled",
	 "no domain is attached for requests without a PASID, or the device used PASID 0"},
	{SMMU_F_TRANSL_FORBIDDEN, "translated request forbidden",
	 "the device sent an address that it says is translated, which it is not allowed to"},
	{SMMU_C_BAD_SUBSTREAMID, "PASID unknown",
	 "the device used a PASID that is too wide, or although its PASIDs are not enabled"},
	{SMMU_F_CD_FETCH, "context access fault",
	 "the unit could not read a context descriptor, or what leads to it"},
	{SMMU_C_BAD_CD, "context not valid",
	 "no domain is attached for this PASID; or the context descriptor has what the unit does "
	 "not know"},
	{SMMU_F_WALK_EABT, "page table access fault",
	 "the unit could not read an entry of a page table"},
	{SMMU_F_TRANSLATION, "page not mapped", "the device used an address that is not mapped"},
	{SMMU_F_ADDR_SIZE, "address too wide",
	 "an address, or what it is translated to, is wider than the unit's addresses"},
	{SMMU_F_ACCESS, "access flag fault",
	 "an entry of a page table does not have its access flag"},
	{SMMU_F_PERMISSION, "permission fault",
	 "the page is mapped, but not for what the device did"},
	{SMMU_F_TLB_CONFLICT, "TLB conflict",
	 "the unit has cached two translations of one address: software has changed a table in a "
	 "way that the unit does not allow"},
	{SMMU_F_CFG_CONFLICT, "configuration conflict",
	 "the unit has cached two entries for one stream"},
	{SMMU_E_PAGE_REQUEST, "page request hint",
	 "the unit expects that the device will use a page"},
	{SMMU_F_VMS_FETCH, "VMS access fault",
	 "the unit could not read a virtual machine structure"},
};

static const struct code *find_code(unsigned int code)
{
	static const struct code unknown = {
		0, "unknown event", "the unit gives a code that this library does not know"};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return &codes[i];
	return &unknown;
}

const char *iommu_smmu_fault_name(unsigned int code)
{
	return find_code(code)->name;
}

const char *iommu_smmu_fault_explanation(unsigned int code)
{
	return find_code(code)->explanation;
}

#else

const char *iommu_smmu_fault_name(unsigned int code)
{
	(void)code;
	return "";
}

const char *iommu_smmu_fault_explanation(unsigned int code)
{
	(void)code;
	return "";
}

#endif

/* --- Records ---------------------------------------------------------------------------------- */

int iommu_smmu_events_alloc(struct smmu_unit *unit)
{
	const unsigned int most = (unsigned int)smmu_bits(unit->idr1, SMMU_IDR1_EVENTQS);

	return iommu_driven_log_alloc(&unit->common, &unit->common.faults,
				      most < QUEUE_ORDER ? most : QUEUE_ORDER, RECORD_LOG2);
}

int iommu_smmu_events_start(struct smmu_unit *unit)
{
	return iommu_smmu_log_start(unit, &unit->common.faults, &iommu_smmu_event_registers);
}

static enum iommu_fault_access access_of(const uint64_t *words, unsigned int code)
{
	if (!smmu_event_may_stall(code) && code != SMMU_F_WALK_EABT &&
	    code != SMMU_F_TRANSL_FORBIDDEN)
		return IOMMU_FAULT_OTHER;
	return smmu_has(words, SMMU_EVENT_RNW) ? IOMMU_FAULT_READ : IOMMU_FAULT_WRITE;
}

static void report(struct iommu_driven_sweep *sweep, const uint64_t *words)
{
	const unsigned int code = (unsigned int)smmu_get(words, SMMU_EVENT_CODE);
	const uint32_t stream = (uint32_t)smmu_get(words, SMMU_EVENT_SID);
	const bool has_pasid = smmu_has(words, SMMU_EVENT_SSV) || code == SMMU_C_BAD_SUBSTREAMID;
	struct iommu_fault fault = {
		.device_id = stream,
		.address = smmu_event_has_input(code) ? words[SMMU_EVENT_INPUT] : 0,
		.access = access_of(words, code),
		.has_pasid = has_pasid,
		.pasid = has_pasid ? (uint32_t)smmu_get(words, SMMU_EVENT_SSID) : 0,
		.reason = code,
		.reason_name = iommu_smmu_fault_name(code),
		.explanation = iommu_smmu_fault_explanation(code),
	};

	iommu_driven_report(sweep, &fault);
}

/* What a unit has stalled that can do nothing else is ended: no domain serves it later. */
static void end_stalled(struct smmu_unit *unit, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!smmu_event_may_stall((unsigned int)smmu_get(words, SMMU_EVENT_CODE)) ||
	    !smmu_has(words, SMMU_EVENT_STALL))
		return;
	smmu_batch_add(&batch,
		       smmu_resume((uint32_t)smmu_get(words, SMMU_EVENT_SID),
				   (uint16_t)smmu_get(words, SMMU_EVENT_STAG), SMMU_RESUME_ABORT));
	if (iommu_driven_tell_once(&unit->common, &batch) != 0)
		__atomic_store_n(&unit->has_stalled, 1, __ATOMIC_RELEASE);
}

static void take(void *ctx, const uint64_t *words)
{
	struct iommu_driven_sweep *sweep = ctx;

	end_stalled(smmu_of(sweep->unit), words);
	if (iommu_driven_may_report(sweep))
		report(sweep, words);
}

/* --- Errors of the unit ----------------------------------------------------------------------- */

static void tell_error(const struct smmu_unit *unit, uint32_t error)
{
	switch (error) {
	case SMMU_GERROR_EVENTQ_ABT:
		smmu_log(unit, IOMMU_LOG_ERROR, "cannot write to its event queue: faults are lost");
		return;
	case SMMU_GERROR_PRIQ_ABT:
		smmu_log(unit, IOMMU_LOG_ERROR, "cannot write to its page request queue");
		return;
	case SMMU_GERROR_MSI_CMDQ:
		smmu_log(unit, IOMMU_LOG_ERROR,
			 "cannot store completions: their register is read instead");
		return;
	case SMMU_GERROR_SFM:
		smmu_log(unit, IOMMU_LOG_ERROR, "has failed for good");
		return;
	default:
		smmu_log(unit, IOMMU_LOG_ERROR, "cannot send a message of its own");
		return;
	}
}

static void handle_errors(struct iommu_driven_sweep *sweep)
{
	struct smmu_unit *unit = smmu_of(sweep->unit);
	uint32_t errors, bit;

	iommu_ring_check_errors(&unit->common.queue);
	errors = __atomic_exchange_n(&unit->new_errors, 0, __ATOMIC_ACQ_REL);
	for (bit = 1; bit <= errors; bit <<= 1)
		if ((errors & bit) != 0)
			tell_error(unit, bit);
	if ((errors & SMMU_GERROR_EVENTQ_ABT) != 0)
		sweep->lost = true;
}

/* --- The queue -------------------------------------------------------------------------------- */

/* 0: the queue is empty, and hardware is armed again. */
static int look(void *ctx, unsigned int round)
{
	struct iommu_driven_sweep *sweep = ctx;
	struct smmu_log_reading reading = {
		.unit = smmu_of(sweep->unit),
		.log = &sweep->unit->faults,
		.registers = &iommu_smmu_event_registers,
		.take = take,
		.ctx = sweep,
		.words = SMMU_EVENT_WORDS,
	};
	int count;

	/* After an abort hardware writes nothing before that is acknowledged. */
	if (round == 0)
		handle_errors(sweep);
	count = iommu_smmu_log_read(&reading);
	if (reading.overflowed)
		sweep->lost = true;
	return count <= 0 ? count : 1;
}

int iommu_smmu_handle_faults(struct iommu_unit *base, bool *lost)
{
	return iommu_driven_handle_faults(iommu_driven_of(base), look, lost);
}
