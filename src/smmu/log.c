/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues that hardware fills: events and page requests (IHI 0070, 3.5, "Command and Event queues",
 * 7.4 and 8.2 on overflow). One CPU at a time reads one (unit/event.h), with no lock held.
 *
 * Records that find no room are lost: hardware toggles a bit beside its producer, and software
 * answers beside its consumer. The producer is read once for a look: what comes later is seen by
 * the next. The CPU writes to no record: what its caches hold of one may be dropped.
 */
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "smmu/unit.h"

const struct smmu_log_registers iommu_smmu_event_registers = {SMMU_EVENTQ_BASE, SMMU_EVENTQ_PROD,
							      SMMU_EVENTQ_CONS, SMMU_CR0_EVENTQEN};
const struct smmu_log_registers iommu_smmu_request_registers = {SMMU_PRIQ_BASE, SMMU_PRIQ_PROD,
								SMMU_PRIQ_CONS, SMMU_CR0_PRIQEN};

int iommu_smmu_log_start(struct smmu_unit *unit, struct iommu_driven_log *log,
			 const struct smmu_log_registers *registers)
{
	const uint64_t base = smmu_queue_base(iommu_virt_to_phys(unit->common.platform, log->pages),
					      log->order, true);
	int status;

	if (iommu_smmu_is_on(unit, registers->enable) && smmu_read64(unit, registers->base) == base)
		return 0;
	status = iommu_smmu_change_cr0(unit, 0, registers->enable);
	if (status != 0)
		return status;
	smmu_write64(unit, registers->base, base);
	if (smmu_read64(unit, registers->base) != base)
		return IOMMU_EIO;
	iommu_event_gate_restart(&log->gate);
	smmu_write32(unit, registers->producer, 0);
	smmu_write32(unit, registers->consumer, 0);
	/* Hardware that still has an earlier place would have records where none were written. */
	if (((smmu_read32(unit, registers->producer) | smmu_read32(unit, registers->consumer)) &
	     SMMU_QUEUE_POINTER) != 0)
		return IOMMU_EIO;
	return iommu_smmu_change_cr0(unit, registers->enable, 0);
}

static void take(const struct smmu_log_reading *reading, uint32_t index)
{
	const iommu_cell_t *record =
		(const iommu_cell_t *)reading->log->pages + (size_t)index * reading->words;
	uint64_t words[4];
	unsigned int i;

	smmu_drop_cached(reading->unit, record, reading->words * sizeof(*record));
	for (i = 0; i < reading->words; i++)
		words[i] = iommu_le64(iommu_cell_load(&record[i]));
	reading->take(reading->ctx, words);
}

int iommu_smmu_log_read(struct smmu_log_reading *reading)
{
	struct smmu_unit *unit = reading->unit;
	struct iommu_driven_log *log = reading->log;
	const uint32_t producer = smmu_read32(unit, reading->registers->producer);
	const uint32_t consumer = smmu_read32(unit, reading->registers->consumer);
	const uint32_t overflow = producer & SMMU_QUEUE_OVERFLOW;
	uint32_t head = iommu_event_gate_head(&log->gate);
	uint32_t left = smmu_queue_used(producer, head, log->order);
	uint32_t next;
	int count = 0;

	if (producer == UINT32_MAX || iommu_smmu_is_gone(unit))
		return IOMMU_EIO;
	/* What is off puts nothing there. */
	if (!iommu_smmu_is_on(unit, reading->registers->enable))
		return 0;
	if (left > 1U << log->order)
		return IOMMU_EIO;
	iommu_full_fence(); /* the producer, then what lies before it */
	for (; left != 0; left--) {
		take(reading, smmu_queue_index(head, log->order));
		head = smmu_queue_advance(head, 1, log->order);
		count++;
	}
	if (((producer ^ consumer) & SMMU_QUEUE_OVERFLOW) != 0)
		reading->overflowed = true;
	log->gate.head = head;
	/* The restart that may have come meanwhile begins at 0, and without an overflow. */
	next = iommu_event_gate_head(&log->gate);
	smmu_write32(unit, reading->registers->consumer, next | (next == head ? overflow : 0));
	return count;
}
