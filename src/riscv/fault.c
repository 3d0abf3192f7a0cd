/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault queue (RISC-V IOMMU specification 1.0.0, 3.2 "Fault/Event-Queue").
 *
 * Hardware adds records and sends its message when it adds the first, and none while the condition
 * is pending: it is cleared before the queue is looked at. A queue that is full, or whose memory
 * failed, takes no records until that is cleared, which is done with the queue empty. What a record
 * says comes from devices and is not trusted. One CPU at a time reads the queue, with no lock held.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "driver/fault.h"
#include "riscv/unit.h"
#include "unit/event.h"

/* Two pages of records. */
#define QUEUE_ORDER 8
#define RECORD_LOG2 5
#define RECORDS     (1U << QUEUE_ORDER)

_Static_assert(RISCV_FAULT_SIZE == 1U << RECORD_LOG2, "the queue has room for its records");

/* --- Causes ----------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_FAULT_TEXTS

struct cause {
	uint16_t code;
	const char *name;
	const char *explanation;
};

static const struct cause causes[] = {
	{RISCV_FAULT_EXECUTE_ACCESS, "execute access fault",
	 "the device fetched from memory that cannot be accessed so, or a table lies there"},
	{RISCV_FAULT_READ_MISALIGNED, "read address misaligned",
	 "the device read at an address that is not aligned as the access must be"},
	{RISCV_FAULT_READ_ACCESS, "read access fault",
	 "the device read memory that cannot be accessed so, or a table lies there"},
	{RISCV_FAULT_WRITE_MISALIGNED, "write address misaligned",
	 "the device wrote to an address that is not aligned as the access must be"},
	{RISCV_FAULT_WRITE_ACCESS, "write access fault",
	 "the device wrote to memory that cannot be accessed so, or a table lies there"},
	{RISCV_FAULT_EXECUTE_PAGE, "execute page fault",
	 "the device fetched from a page that is not mapped, or not for execution"},
	{RISCV_FAULT_READ_PAGE, "read page fault",
	 "the device read a page that is not mapped, or mapped without read permission"},
	{RISCV_FAULT_WRITE_PAGE, "write page fault",
	 "the device wrote to a page that is not mapped, or mapped without write permission"},
	{RISCV_FAULT_EXECUTE_GUEST_PAGE, "execute guest-page fault",
	 "the second stage does not map what the device fetched, or a table on the way to it"},
	{RISCV_FAULT_READ_GUEST_PAGE, "read guest-page fault",
	 "the second stage does not map what the device read, or a table on the way to it"},
	{RISCV_FAULT_WRITE_GUEST_PAGE, "write guest-page fault",
	 "the second stage does not map what the device wrote to, or a table on the way to it"},
	{RISCV_FAULT_ALL_DISALLOWED, "all requests disallowed",
	 "the unit is off, and refuses every request"},
	{RISCV_FAULT_DEVICE_LOAD, "device directory access fault",
	 "the unit could not read an entry of the device directory"},
	{RISCV_FAULT_DEVICE_NOT_VALID, "device context not valid",
	 "no domain is attached to the device: all its DMA is blocked"},
	{RISCV_FAULT_DEVICE_MISCONFIGURED, "device context misconfigured",
	 "the device context, or an entry that leads to it, has what the unit does not know"},
	{RISCV_FAULT_TYPE_DISALLOWED, "transaction type disallowed",
	 "the device context does not allow this kind of request, such as one that is already "
	 "translated or has a PASID; or an id is too wide"},
	{RISCV_FAULT_MSI_LOAD, "MSI table access fault",
	 "the unit could not read an entry of the MSI page table"},
	{RISCV_FAULT_MSI_NOT_VALID, "MSI entry not valid",
	 "the device wrote to an interrupt file that its guest does not have"},
	{RISCV_FAULT_MSI_MISCONFIGURED, "MSI entry misconfigured",
	 "an entry of the MSI page table has what the unit does not know"},
	{RISCV_FAULT_MRIF_ACCESS, "interrupt file access fault",
	 "the unit could not access an interrupt file in memory"},
	{RISCV_FAULT_PROCESS_LOAD, "process directory access fault",
	 "the unit could not read an entry of the process directory"},
	{RISCV_FAULT_PROCESS_NOT_VALID, "process context not valid",
	 "no domain is attached for this PASID, or for requests without one"},
	{RISCV_FAULT_PROCESS_MISCONFIGURED, "process context misconfigured",
	 "the process context, or an entry that leads to it, has what the unit does not know"},
	{RISCV_FAULT_DEVICE_CORRUPT, "device directory corrupted",
	 "memory reported that an entry of the device directory is corrupted"},
	{RISCV_FAULT_PROCESS_CORRUPT, "process directory corrupted",
	 "memory reported that an entry of the process directory is corrupted"},
	{RISCV_FAULT_MSI_CORRUPT, "MSI table corrupted",
	 "memory reported that an entry of the MSI page table is corrupted"},
	{RISCV_FAULT_MRIF_CORRUPT, "interrupt file corrupted",
	 "memory reported that an interrupt file in memory is corrupted"},
	{RISCV_FAULT_INTERNAL, "internal data path error", "the unit reports an error of its own"},
	{RISCV_FAULT_MSI_WRITE, "interrupt message fault",
	 "the unit could not send an interrupt of its own"},
	{RISCV_FAULT_TABLE_CORRUPT, "page table corrupted",
	 "memory reported that a page-table entry is corrupted"},
};

static const struct cause *find_cause(unsigned int code)
{
	static const struct cause unknown = {
		0, "unknown cause", "the unit gives a cause that this library does not know"};
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].code == code)
			return &causes[i];
	return &unknown;
}

const char *iommu_riscv_fault_name(unsigned int cause)
{
	return find_cause(cause)->name;
}

const char *iommu_riscv_fault_explanation(unsigned int cause)
{
	return find_cause(cause)->explanation;
}

#else

const char *iommu_riscv_fault_name(unsigned int cause)
{
	(void)cause;
	return "";
}

const char *iommu_riscv_fault_explanation(unsigned int cause)
{
	(void)cause;
	return "";
}

#endif

static enum iommu_fault_access access_of(unsigned int transaction)
{
	switch (transaction) {
	case RISCV_TRANSACTION_WRITE:
	case RISCV_TRANSACTION_TRANSLATED_WRITE:
		return IOMMU_FAULT_WRITE;
	case RISCV_TRANSACTION_READ:
	case RISCV_TRANSACTION_TRANSLATED_READ:
	case RISCV_TRANSACTION_EXECUTE:
	case RISCV_TRANSACTION_TRANSLATED_EXECUTE:
		return IOMMU_FAULT_READ;
	default:
		return IOMMU_FAULT_OTHER;
	}
}

/* --- The queue -------------------------------------------------------------------------------- */

int iommu_riscv_faults_alloc(struct riscv_unit *unit)
{
	return iommu_driven_log_alloc(&unit->common, &unit->common.faults, QUEUE_ORDER,
				      RECORD_LOG2);
}

/* What a predecessor has left in its own is gone with it. */
int iommu_riscv_faults_start(struct riscv_unit *unit)
{
	const uint64_t base = riscv_queue_base(
		iommu_virt_to_phys(unit->common.platform, unit->common.faults.pages), QUEUE_ORDER);
	int status = iommu_riscv_queue_off(unit, RISCV_FQCSR);

	if (status != 0)
		return status;
	riscv_write64(unit, RISCV_FQB, base);
	if (riscv_read64(unit, RISCV_FQB) != base)
		return iommu_riscv_queue_misfit(unit, RISCV_FQB, QUEUE_ORDER);
	iommu_event_gate_restart(&unit->common.faults.gate);
	riscv_write32(unit, RISCV_FQH, 0);
	riscv_write32(unit, RISCV_IPSR, RISCV_IPSR_FAULTS);
	return iommu_riscv_queue_on(unit, RISCV_FQCSR, iommu_riscv_is_told(unit, 1));
}

static void report(struct iommu_driven_sweep *sweep, const uint64_t *words)
{
	const unsigned int cause = riscv_fault_cause(words[0]);
	const bool has_process = (words[0] & RISCV_FAULT_HAS_PROCESS) != 0;
	struct iommu_fault fault = {
		.device_id = riscv_fault_device_id(words[0]),
		.address = words[2],
		.access = access_of(riscv_fault_transaction(words[0])),
		.has_pasid = has_process,
		.pasid = has_process ? riscv_fault_process_id(words[0]) : 0,
		.reason = cause,
		.reason_name = iommu_riscv_fault_name(cause),
		.explanation = iommu_riscv_fault_explanation(cause),
	};

	iommu_driven_report(sweep, &fault);
}

/* Report what is in the queue now; how many, or IOMMU_EIO: registers that make no sense. */
static int empty_queue(struct iommu_driven_sweep *sweep)
{
	struct riscv_unit *unit = riscv_of(sweep->unit);
	const struct riscv_fault *records = unit->common.faults.pages;
	const uint32_t tail = riscv_read32(unit, RISCV_FQT);
	const uint32_t csr = riscv_read32(unit, RISCV_FQCSR);
	uint32_t head = iommu_event_gate_head(&unit->common.faults.gate);
	unsigned int i;
	int count = 0;

	if (csr == UINT32_MAX)
		return IOMMU_EIO;
	/* What is off puts nothing there. */
	if ((csr & RISCV_QUEUE_ON) == 0)
		return 0;
	if (tail >= RECORDS)
		return IOMMU_EIO;
	iommu_full_fence(); /* the tail, then what lies before it */
	for (; head != tail; head = (head + 1) % RECORDS) {
		uint64_t words[RISCV_FAULT_WORDS];

		for (i = 0; i < RISCV_FAULT_WORDS; i++)
			words[i] = iommu_le64(iommu_cell_load(&records[head].words[i]));
		count++;
		if (iommu_driven_may_report(sweep))
			report(sweep, words);
	}
	unit->common.faults.gate.head = head;
	riscv_write32(unit, RISCV_FQH, iommu_event_gate_head(&unit->common.faults.gate));
	return count;
}

/* Records were dropped, and are until hardware is told that this was seen. */
static bool clear_errors(struct riscv_unit *unit, bool *gone)
{
	const uint32_t csr = riscv_read32(unit, RISCV_FQCSR);

	*gone = csr == UINT32_MAX;
	if (*gone || (csr & RISCV_QUEUE_ERRORS) == 0)
		return false;
	riscv_write32(unit, RISCV_FQCSR,
		      csr & (RISCV_QUEUE_ERRORS | RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT));
	return true;
}

/* 0: the queue is empty, and hardware is armed again. */
static int look(void *ctx, unsigned int round)
{
	struct iommu_driven_sweep *sweep = ctx;
	bool gone;
	int count;

	(void)round;
	/* Before the queue is looked at: what comes after that sends a message of its own. */
	riscv_write32(riscv_of(sweep->unit), RISCV_IPSR, RISCV_IPSR_FAULTS);
	count = empty_queue(sweep);
	if (count < 0)
		return count;
	if (clear_errors(riscv_of(sweep->unit), &gone))
		sweep->lost = true;
	else if (count == 0)
		return gone ? IOMMU_EIO : 0;
	return 1;
}

int iommu_riscv_handle_faults(struct iommu_unit *base, bool *lost)
{
	return iommu_driven_handle_faults(iommu_driven_of(base), look, lost);
}
