/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Primary fault logging (VT-d specification, "Primary Fault Logging"), and the interrupts of faults
 * and page requests ("Fault Event Control Register", "Page Request Event Control Register").
 *
 * The fault records are a ring. FSTS holds the index of the oldest record; records are read from
 * there until one has F clear, and each is released by clearing F. If all records are in use
 * hardware sets PFO and records nothing more until PFO is cleared.
 *
 * A unit sends its interrupt when the first condition appears in FSTS, and none while any is
 * pending: a condition that stays pending silences the unit for good. So the handler repeats until
 * nothing is pending, including errors of the queue, and clears PFO last: that write makes FSTS 0
 * for a moment, whatever devices do. A device that faults exactly as fast as its records are read
 * neither fills the ring nor leaves it empty; the handler then waits until the ring is full.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/spinlock.h"
#include "unit/command_ring.h"
#include "unit/event.h"
#include "vtd/event.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_FAULT_TEXTS

struct reason {
	uint8_t code;
	const char *name;
	const char *explanation;
};

static const struct reason reasons[] = {
	{VTD_REASON_ROOT_NOT_PRESENT, "root entry not present",
	 "no root entry for the bus of this device: it was never attached to a domain"},
	{VTD_REASON_CONTEXT_NOT_PRESENT, "context entry not present",
	 "no context entry for this device: no domain is attached to it, all its DMA is blocked"},
	{VTD_REASON_CONTEXT_INVALID, "context entry invalid",
	 "the context entry names a table depth or a translation type that the unit does not have"},
	{VTD_REASON_ADDRESS_TOO_WIDE, "address beyond width",
	 "the device used an address wider than its domain"},
	{VTD_REASON_WRITE_DENIED, "write denied",
	 "the device wrote to a page that is not mapped, or mapped without write permission"},
	{VTD_REASON_READ_DENIED, "read denied",
	 "the device read a page that is not mapped, or mapped without read permission"},
	{VTD_REASON_TABLE_ACCESS, "page table access error",
	 "the unit could not read a page-table entry from memory"},
	{VTD_REASON_ROOT_ACCESS, "root table access error",
	 "the unit could not read a root entry from memory"},
	{VTD_REASON_CONTEXT_ACCESS, "context table access error",
	 "the unit could not read a context entry from memory"},
	{VTD_REASON_ROOT_RESERVED, "root entry reserved bit",
	 "a reserved bit is set in a present root entry"},
	{VTD_REASON_CONTEXT_RESERVED, "context entry reserved bit",
	 "a reserved bit is set in a present context entry"},
	{VTD_REASON_TABLE_RESERVED, "page table reserved bit",
	 "a reserved bit is set in a present page-table entry"},
	{VTD_REASON_REQUEST_TYPE_BLOCKED, "request type blocked",
	 "the context entry does not allow this type of request, such as an already translated "
	 "one"},
	{VTD_REASON_INTERRUPT_RANGE, "interrupt address range",
	 "the address, or what it translates to, lies in the interrupt range"},
	{VTD_REASON_INTERRUPT_RESERVED, "interrupt request reserved field",
	 "a reserved field is set in a remappable interrupt request"},
	{VTD_REASON_INTERRUPT_INDEX, "interrupt index too large",
	 "the interrupt request names an entry beyond the end of the remapping table"},
	{VTD_REASON_INTERRUPT_ENTRY_NOT_PRESENT, "interrupt entry not present",
	 "the interrupt remapping entry is not present"},
	{VTD_REASON_INTERRUPT_ENTRY_ACCESS, "interrupt table access error",
	 "the unit could not read an interrupt remapping entry from memory"},
	{VTD_REASON_INTERRUPT_ENTRY_RESERVED, "interrupt entry reserved bit",
	 "a reserved bit is set in a present interrupt remapping entry"},
	{VTD_REASON_INTERRUPT_COMPATIBILITY, "compatibility interrupt blocked",
	 "an interrupt in the old format was sent while only remapped ones are allowed"},
	{VTD_REASON_INTERRUPT_SOURCE, "interrupt source refused",
	 "the device is not the one that the interrupt remapping entry is for"},
	{VTD_REASON_POSTED_ACCESS, "posted descriptor access error",
	 "the unit could not access a posted-interrupt descriptor"},
	{VTD_REASON_POSTED_RESERVED, "posted descriptor reserved bit",
	 "a reserved field is set in a posted-interrupt descriptor"},
	{VTD_REASON_INTERRUPT_UNTRANSLATED, "untranslated interrupt invalid",
	 "an untranslated interrupt request was not valid"},
	{VTD_REASON_ROOT_ADDRESS_INVALID, "root table address invalid",
	 "the root table address register does not hold a valid table or mode"},
	{VTD_REASON_LEGACY_PASID, "PASID with legacy table",
	 "a request with PASID arrived while the unit is in legacy mode"},
	{VTD_REASON_LEGACY_PAGE_REQUEST, "page request with legacy table",
	 "a page request arrived while the unit is in legacy mode"},
	{VTD_REASON_SCALABLE_ROOT_ACCESS, "scalable root access error",
	 "the unit could not read a scalable-mode root entry from memory"},
	{VTD_REASON_SCALABLE_ROOT_NOT_PRESENT, "scalable root not present",
	 "no scalable-mode root entry for the bus of this device"},
	{VTD_REASON_SCALABLE_ROOT_RESERVED, "scalable root reserved bit",
	 "a reserved bit is set in a scalable-mode root entry"},
	{VTD_REASON_SCALABLE_CONTEXT_ACCESS, "scalable context access error",
	 "the unit could not read a scalable-mode context entry from memory"},
	{VTD_REASON_SCALABLE_CONTEXT_NOT_PRESENT, "scalable context not present",
	 "no scalable-mode context entry for this device"},
	{VTD_REASON_SCALABLE_CONTEXT_RESERVED, "scalable context reserved bit",
	 "a reserved bit is set in a scalable-mode context entry"},
	{VTD_REASON_SCALABLE_CONTEXT_INVALID, "scalable context invalid",
	 "the scalable-mode context entry holds something that the unit does not have"},
	{VTD_REASON_DEVICE_TLB_DISABLED, "device-TLB not enabled",
	 "a translation request came from a device whose context entry does not enable its "
	 "device-TLB"},
	{VTD_REASON_PASID_DISABLED, "PASID not enabled",
	 "a request with PASID came from a device whose context entry does not enable PASIDs"},
	{VTD_REASON_PASID_TOO_LARGE, "PASID too large",
	 "the PASID lies beyond the device's PASID directory"},
	{VTD_REASON_PAGE_REQUESTS_DISABLED, "page requests not enabled",
	 "a page request came from a device whose context entry does not enable them"},
	{VTD_REASON_RID_PASID_INVALID, "PASID for plain requests invalid",
	 "the PASID that stands for requests without one is not valid"},
	{VTD_REASON_DIRECTORY_ACCESS, "PASID directory access error",
	 "the unit could not read a PASID directory entry from memory"},
	{VTD_REASON_DIRECTORY_NOT_PRESENT, "PASID directory not present",
	 "no PASID directory entry for this PASID"},
	{VTD_REASON_DIRECTORY_RESERVED, "PASID directory reserved bit",
	 "a reserved bit is set in a PASID directory entry"},
	{VTD_REASON_PASID_ENTRY_ACCESS, "PASID table access error",
	 "the unit could not read a PASID table entry from memory"},
	{VTD_REASON_PASID_ENTRY_NOT_PRESENT, "PASID entry not present",
	 "no PASID table entry for this PASID: no domain is attached to it"},
	{VTD_REASON_PASID_ENTRY_RESERVED, "PASID entry reserved bit",
	 "a reserved bit is set in a PASID table entry"},
	{VTD_REASON_PASID_ENTRY_INVALID, "PASID entry invalid",
	 "the PASID table entry holds something that the unit does not have, or is empty"},
	{VTD_REASON_EXECUTE_DISABLED, "execute requests not enabled",
	 "an execute request used a PASID that does not enable them"},
	{VTD_REASON_SUPERVISOR_DISABLED, "supervisor requests not enabled",
	 "a supervisor request used a PASID that does not enable them"},
	{VTD_REASON_FIRST_STAGE_ACCESS, "first-stage table access error",
	 "the unit could not read a first-stage entry from memory"},
	{VTD_REASON_FIRST_STAGE_NOT_PRESENT, "first-stage entry not present",
	 "the address is not mapped in the first stage"},
	{VTD_REASON_FIRST_STAGE_RESERVED, "first-stage reserved bit",
	 "a reserved bit is set in a first-stage entry"},
	{VTD_REASON_FIRST_STAGE_ROOT_ACCESS, "first-stage root access error",
	 "the unit could not read the first-stage root table"},
	{VTD_REASON_FIRST_STAGE_TOO_WIDE, "first-stage address too wide",
	 "a first-stage address lies beyond what the second stage translates"},
	{VTD_REASON_NESTED_ROOT_NOT_READABLE, "nested table pointer not readable",
	 "the second stage does not let the unit read the first-stage root table"},
	{VTD_REASON_NESTED_TABLE_NOT_READABLE, "nested table not readable",
	 "the second stage does not let the unit read a first-stage table"},
	{VTD_REASON_NESTED_TABLE_NOT_WRITABLE, "nested table not writable",
	 "the second stage does not let the unit write a first-stage table"},
	{VTD_REASON_SECOND_STAGE_ACCESS, "second-stage table access error",
	 "the unit could not read a second-stage entry from memory"},
	{VTD_REASON_SECOND_STAGE_DENIED, "second-stage permission",
	 "the address is not mapped in the second stage, or not with this permission"},
	{VTD_REASON_SECOND_STAGE_RESERVED, "second-stage reserved bit",
	 "a reserved bit is set in a second-stage entry"},
	{VTD_REASON_SECOND_STAGE_ROOT_INVALID, "second-stage root invalid",
	 "the second-stage root table address is not valid"},
	{VTD_REASON_SECOND_STAGE_DIRTY_NO_SNOOP, "second-stage dirty update refused",
	 "accessed or dirty bits would have to be written by a request that does not snoop"},
	{VTD_REASON_NOT_CANONICAL, "address not canonical",
	 "the upper bits of the device's address do not agree with its width"},
	{VTD_REASON_USER_ON_SUPERVISOR, "user access to supervisor page",
	 "an ordinary request reached a page that is for supervisor requests"},
	{VTD_REASON_NOT_EXECUTABLE, "page not executable",
	 "an execute request reached a page that must not be executed"},
	{VTD_REASON_BEYOND_HARDWARE, "address beyond hardware",
	 "the address is wider than the hardware can handle"},
	{VTD_REASON_SECOND_STAGE_TOO_WIDE, "second-stage input too wide",
	 "the address is wider than the second stage"},
	{VTD_REASON_SCALABLE_WRITE_DENIED, "write denied (scalable)",
	 "the device wrote to a page without write permission"},
	{VTD_REASON_SCALABLE_READ_DENIED, "read denied (scalable)",
	 "the device read a page without read permission"},
	{VTD_REASON_SCALABLE_INTERRUPT_RANGE, "interrupt address (scalable)",
	 "the address, or what it translates to, lies in the interrupt range"},
	{VTD_REASON_FIRST_STAGE_DIRTY_NO_SNOOP, "first-stage dirty update refused",
	 "accessed or dirty bits would have to be written by a request that does not snoop"},
	{VTD_REASON_FIRST_STAGE_DIRTY_FAILED, "first-stage dirty update failed",
	 "the unit could not write accessed or dirty bits"},
};

static const struct reason *find_reason(unsigned int code)
{
	static const struct reason unknown = {
		0, "unknown reason", "the unit gives a reason that this library does not know"};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return &reasons[i];
	return &unknown;
}

const char *iommu_vtd_fault_name(unsigned int reason)
{
	return find_reason(reason)->name;
}

const char *iommu_vtd_fault_explanation(unsigned int reason)
{
	return find_reason(reason)->explanation;
}

#else

const char *iommu_vtd_fault_name(unsigned int reason)
{
	(void)reason;
	return "";
}

const char *iommu_vtd_fault_explanation(unsigned int reason)
{
	(void)reason;
	return "";
}

#endif

static enum iommu_fault_access access_of(enum vtd_fault_type type)
{
	switch (type) {
	case VTD_FAULT_WRITE:
		return IOMMU_FAULT_WRITE;
	case VTD_FAULT_READ:
		return IOMMU_FAULT_READ;
	case VTD_FAULT_ATOMIC:
		return IOMMU_FAULT_ATOMIC;
	case VTD_FAULT_PAGE_REQUEST:
	default:
		return IOMMU_FAULT_OTHER;
	}
}

/* A device that faults without end must not keep a CPU busy with reports. */
static bool may_report(struct vtd_unit *unit)
{
	const unsigned int limit = unit->probe->faults_per_second;

	return limit == IOMMU_VTD_FAULTS_UNBOUNDED ||
	       iommu_event_budget_take(&unit->fault_budget, unit->platform, limit);
}

static bool is_interrupt_reason(unsigned int reason)
{
	return reason >= 0x20 && reason < 0x30;
}

static void report(struct vtd_unit *unit, uint64_t low, uint64_t high)
{
	const unsigned int reason = vtd_fault_reason(high);
	struct iommu_fault fault = {
		.unit = &unit->base,
		.segment = unit->base.segment,
		.source_id = vtd_fault_source_id(high),
		.address = vtd_fault_address(low),
		.access = access_of(vtd_fault_type(high)),
		.has_pasid = vtd_fault_has_pasid(high),
		.pasid = vtd_fault_has_pasid(high) ? vtd_fault_pasid(high) : 0,
		.reason = reason,
		.reason_name = iommu_vtd_fault_name(reason),
		.explanation = iommu_vtd_fault_explanation(reason),
	};

	if (is_interrupt_reason(reason)) {
		fault.address = low >> 48;
		fault.access = IOMMU_FAULT_OTHER;
	}
	iommu_report_fault(unit->base.iommu, &fault);
}

/* --- Until nothing is pending ----------------------------------------------------------------- */

/* What the queue reports in FSTS, and all that makes the unit send its message. */
#define QUEUE_ERRORS (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)
#define CONDITIONS   (VTD_FSTS_PFO | VTD_FSTS_PPF | QUEUE_ERRORS)
/* Looks at FSTS before the ring is let run full. */
#define PATIENCE 4

/* One call. */
struct sweep {
	struct vtd_unit *unit;
	bool silent; /* what was recorded is old: nothing is reported */
	bool lost;
	/* FSTS was 0 for a moment: what is pending now has sent a message. */
	bool rearmed;
	unsigned int reported;
};

static uint32_t record_offset(const struct vtd_unit *unit, unsigned int index)
{
	return unit->caps.fault_offset + index * VTD_FAULT_RECORD_SIZE;
}

/* Read, give back and report one record; false when it holds no fault. */
static bool handle_record(struct sweep *sweep, unsigned int index)
{
	struct vtd_unit *unit = sweep->unit;
	const uint32_t offset = record_offset(unit, index);
	const uint64_t high = vtd_read64(unit, offset + VTD_FAULT_RECORD_HIGH);
	uint64_t low;

	if ((high & VTD_FAULT_F) == 0)
		return false;
	low = vtd_read64(unit, offset);
	vtd_write32(unit, offset + VTD_FAULT_RECORD_TOP, (uint32_t)(VTD_FAULT_F >> 32));
	if (sweep->silent)
		return true;
	if (may_report(unit)) {
		report(unit, low, high);
		sweep->reported++;
	} else {
		sweep->lost = true;
	}
	return true;
}

static int empty_ring(struct sweep *sweep, unsigned int index)
{
	const unsigned int records = sweep->unit->caps.fault_records;
	unsigned int left;

	if (index >= records)
		return IOMMU_EIO;
	for (left = records; left > 0 && handle_record(sweep, index); left--)
		index = (index + 1) % records;
	return 0;
}

/* Its submitters are told; what the queue cannot make good, being off or broken, must not stay. */
static void settle_queue(struct vtd_unit *unit)
{
	uint32_t fsts;

	iommu_ring_check_errors(&unit->queue);
	fsts = vtd_read32(unit, VTD_FSTS);
	if (fsts != UINT32_MAX && (fsts & QUEUE_ERRORS) != 0 && !iommu_ring_answers(&unit->queue))
		vtd_write32(unit, VTD_FSTS, fsts & QUEUE_ERRORS);
}

/*
 * The ring is empty, and stays so until PFO goes. The queue's lock keeps its errors where they are:
 * if none shows afterwards, none was there when PFO went.
 */
static void clear_overflow(struct sweep *sweep)
{
	struct vtd_unit *unit = sweep->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->queue.lock);

	vtd_write32(unit, VTD_FSTS, VTD_FSTS_PFO);
	if ((vtd_read32(unit, VTD_FSTS) & QUEUE_ERRORS) == 0)
		sweep->rearmed = true;
	iommu_spin_unlock(unit->platform, &unit->queue.lock, state);
	sweep->lost = true;
}

static int settle(struct sweep *sweep, uint32_t fsts)
{
	int status = 0;

	if ((fsts & QUEUE_ERRORS) != 0)
		settle_queue(sweep->unit);
	if ((fsts & VTD_FSTS_PPF) != 0)
		status = empty_ring(sweep, vtd_fsts_record_index(fsts));
	if (status == 0 && (fsts & VTD_FSTS_PFO) != 0)
		clear_overflow(sweep);
	return status;
}

/*
 * Twice as long as all records take that are given back, with none given back: writing 0 does
 * nothing.
 */
static void let_ring_run_full(struct vtd_unit *unit)
{
	unsigned int i;

	for (i = 0; i < 2 * unit->caps.fault_records; i++) {
		const uint32_t offset = record_offset(unit, i % unit->caps.fault_records);

		(void)vtd_read64(unit, offset + VTD_FAULT_RECORD_HIGH);
		(void)vtd_read64(unit, offset);
		vtd_write32(unit, offset + VTD_FAULT_RECORD_TOP, 0);
	}
}

/* 0: nothing is pending. */
static int look(void *ctx, unsigned int round)
{
	struct sweep *sweep = ctx;
	const uint32_t fsts = vtd_read32(sweep->unit, VTD_FSTS);
	int status = 0;

	if (fsts == UINT32_MAX)
		return IOMMU_EIO;
	if ((fsts & CONDITIONS) == 0)
		return 0;
	if (round == PATIENCE && !sweep->rearmed && (fsts & VTD_FSTS_PFO) == 0)
		let_ring_run_full(sweep->unit);
	else
		status = settle(sweep, fsts);
	return status != 0 ? status : 1;
}

static int sweep_faults(struct sweep *sweep)
{
	const int status = iommu_event_rounds(look, sweep);

	if (status <= 0)
		return status;
	return sweep->rearmed ? 0 : IOMMU_EIO;
}

int iommu_vtd_handle_faults(struct iommu_unit *base, bool *lost)
{
	struct sweep sweep = {.unit = vtd_unit_of(base)};
	int status = sweep_faults(&sweep);

	if (sweep.lost)
		*lost = true;
	return status != 0 ? status : (int)sweep.reported;
}

int iommu_vtd_discard_faults(struct vtd_unit *unit)
{
	struct sweep sweep = {.unit = unit, .silent = true};
	unsigned int i;

	/* Whatever FSTS says of them. */
	for (i = 0; i < unit->caps.fault_records; i++)
		vtd_write32(unit, record_offset(unit, i) + VTD_FAULT_RECORD_TOP,
			    (uint32_t)(VTD_FAULT_F >> 32));
	return sweep_faults(&sweep);
}

/* --- Messages --------------------------------------------------------------------------------- */

/* Where the registers of an event lie, behind its control register. */
#define EVENT_DATA          4
#define EVENT_ADDRESS       8
#define EVENT_UPPER_ADDRESS 12

void iommu_vtd_event_apply(struct vtd_unit *unit, uint32_t control, const struct vtd_event *event)
{
	vtd_write32(unit, control, VTD_EVENT_MASK);
	if (!event->enabled)
		return;
	vtd_write32(unit, control + EVENT_DATA, event->data);
	vtd_write32(unit, control + EVENT_ADDRESS, (uint32_t)event->address);
	vtd_write32(unit, control + EVENT_UPPER_ADDRESS, (uint32_t)(event->address >> 32));
	/* Read back: the writes have arrived before the interrupt is let out. */
	(void)vtd_read32(unit, control + EVENT_UPPER_ADDRESS);
	vtd_write32(unit, control, 0);
}

bool iommu_vtd_event_set(struct vtd_event *event, uint64_t address, uint32_t data)
{
	if ((uint32_t)address < VTD_INTERRUPT_RANGE_START ||
	    (uint32_t)address > VTD_INTERRUPT_RANGE_LAST || (address & 3) != 0 || data > UINT16_MAX)
		return false;
	*event = (struct vtd_event){.address = address, .data = data, .enabled = true};
	return true;
}
