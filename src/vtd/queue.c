/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue (VT-d specification, "Queued Invalidation Interface").
 *
 * A submission is a few descriptors and a wait descriptor behind them, copied into the ring under
 * the lock. The submitter then polls the status dword of its own wait slot, with no lock held, so
 * that several CPUs wait side by side; the value that hardware writes there is the submission's
 * sequence number, so that nobody takes another's answer for his own. Slots become free when their
 * submitter says so, not when hardware has read them: a slot is never refilled while somebody still
 * polls it.
 *
 * What can go wrong: hardware refuses a descriptor (IQE) and stops: the descriptor is replaced by
 * one that does nothing, its submitter is told, and the queue goes on. A device does not answer
 * (ITE): waits in flight are lost and their submitters told. No answer at all: the submitter gives
 * up, and the queue is restarted before it is used again; its slots stay taken until then, because
 * hardware may still write their status.
 */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "vtd/vtd.h"

#define SLOT(index) ((index) % VTD_QUEUE_ENTRIES)

/* A submission on its way. */
struct ticket {
	unsigned int first; /* slot */
	unsigned int count; /* slots, the wait included */
	unsigned int wait;  /* slot */
	uint32_t sequence;
	uint32_t generation;
};

static void slot_set(struct vtd_queue *queue, unsigned int slot, enum vtd_slot_state state)
{
	__atomic_store_n(&queue->state[slot], (uint8_t)state, __ATOMIC_RELAXED);
}

static void ring_write(struct vtd_queue *queue, unsigned int slot, struct vtd_descriptor descriptor)
{
	queue->ring[slot].low = iommu_le64(descriptor.low);
	queue->ring[slot].high = iommu_le64(descriptor.high);
}

int iommu_vtd_queue_alloc(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_queue *queue = &unit->queue;

	queue->ring = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	queue->status = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (queue->ring != NULL && queue->status != NULL)
		return 0;
	iommu_vtd_queue_free(unit);
	return IOMMU_ENOMEM;
}

void iommu_vtd_queue_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_queue *queue = &unit->queue;

	if (queue->ring != NULL)
		platform->free_pages(platform->ctx, queue->ring, 0);
	if (queue->status != NULL)
		platform->free_pages(platform->ctx, queue->status, 0);
	queue->ring = NULL;
	queue->status = NULL;
}

int iommu_vtd_queue_start(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	int status;

	memset(queue->ring, 0, IOMMU_PAGE_SIZE);
	memset(queue->status, 0, IOMMU_PAGE_SIZE);
	memset(queue->state, VTD_SLOT_FREE, sizeof(queue->state));
	queue->head = 0;
	queue->tail = 0;
	__atomic_add_fetch(&queue->generation, 1, __ATOMIC_RELEASE);
	vtd_write64(unit, VTD_IQT, 0);
	vtd_write64(unit, VTD_IQA, vtd_iqa(iommu_virt_to_phys(unit->platform, queue->ring), 0));
	status = iommu_vtd_command_set(unit, VTD_GLOBAL_QIE);
	queue->running = status == 0;
	queue->broken = false;
	return status;
}

int iommu_vtd_queue_stop(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	int status = 0;

	/* Let hardware finish what it has begun; one that never does is stopped all the same. */
	if (queue->running && !queue->broken)
		status = iommu_vtd_wait64(unit, VTD_IQH, UINT64_MAX, vtd_queue_offset(queue->tail));
	queue->running = false;
	(void)status;
	return iommu_vtd_command_clear(unit, VTD_GLOBAL_QIE);
}

/* The queue stopped answering: empty it and start again. The queue is locked. */
static int queue_restart(struct vtd_unit *unit)
{
	int status = iommu_vtd_command_clear(unit, VTD_GLOBAL_QIE);

	if (status == 0)
		status = iommu_vtd_queue_start(unit);
	if (status != 0)
		unit->queue.broken = true;
	return status;
}

/* Copy a submission into the ring; the queue is locked and has room. */
static void queue_fill(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
		       unsigned int count, struct ticket *ticket)
{
	struct vtd_queue *queue = &unit->queue;
	unsigned int i;

	*ticket = (struct ticket){
		.first = queue->tail,
		.count = count + 1,
		.wait = SLOT(queue->tail + count),
		.sequence = ++queue->sequence,
		.generation = queue->generation,
	};
	/* 0 is what an unanswered status holds. */
	if (ticket->sequence == 0)
		ticket->sequence = ++queue->sequence;
	for (i = 0; i < count; i++)
		ring_write(queue, SLOT(ticket->first + i), descriptors[i]);
	queue->status[ticket->wait] = 0;
	ring_write(queue, ticket->wait,
		   vtd_descriptor_wait(
			   iommu_virt_to_phys(unit->platform, &queue->status[ticket->wait]),
			   ticket->sequence));
	for (i = 0; i < ticket->count; i++) {
		slot_set(queue, SLOT(ticket->first + i), VTD_SLOT_USED);
		queue->owner[SLOT(ticket->first + i)] = (uint8_t)ticket->wait;
	}
	queue->tail = SLOT(ticket->first + ticket->count);
	vtd_write64(unit, VTD_IQT, vtd_queue_offset(queue->tail));
}

/* IOMMU_EAGAIN: the ring is full. */
static int queue_post(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
		      unsigned int count, struct ticket *ticket)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state = iommu_spin_lock(unit->platform, &queue->lock);
	int status = queue->running ? 0 : IOMMU_EIO;

	if (queue->broken)
		status = queue_restart(unit);
	if (status == 0 && SLOT(queue->head - queue->tail - 1) < count + 1)
		status = IOMMU_EAGAIN;
	if (status == 0)
		queue_fill(unit, descriptors, count, ticket);
	iommu_spin_unlock(unit->platform, &queue->lock, state);
	return status;
}

/* A descriptor was refused: tell its submitter, make it harmless, let hardware go on. Locked. */
static void queue_descriptor_refused(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	unsigned int head = vtd_queue_index(vtd_read64(unit, VTD_IQH));

	/* A head that points at nothing of ours: this hardware is not to be trusted with a mend. */
	if (head >= VTD_QUEUE_ENTRIES || queue->state[head] == VTD_SLOT_FREE) {
		queue->broken = true;
		return;
	}
	slot_set(queue, queue->owner[head],
		 queue->owner[head] == head ? VTD_SLOT_DROPPED : VTD_SLOT_REFUSED);
	ring_write(queue, head, vtd_descriptor_nothing());
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_IQE);
	vtd_write64(unit, VTD_IQT, vtd_queue_offset(queue->tail));
}

/* Waits that were in flight are lost. Locked. */
static void queue_waits_dropped(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	unsigned int i;

	for (i = 0; i < VTD_QUEUE_ENTRIES; i++)
		if (queue->state[i] != VTD_SLOT_FREE && queue->owner[i] == i)
			slot_set(queue, i, VTD_SLOT_DROPPED);
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_ITE);
	vtd_write64(unit, VTD_IQT, vtd_queue_offset(queue->tail));
}

/* Look for what hardware has to complain about. Any submitter may find another's trouble. */
static void queue_check_errors(struct vtd_unit *unit)
{
	const uint32_t errors = VTD_FSTS_IQE | VTD_FSTS_ITE | VTD_FSTS_ICE;
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state;
	uint32_t fsts;

	if ((vtd_read32(unit, VTD_FSTS) & errors) == 0)
		return;
	state = iommu_spin_lock(unit->platform, &queue->lock);
	fsts = vtd_read32(unit, VTD_FSTS);
	if (fsts == UINT32_MAX)
		queue->broken = true; /* the unit is gone */
	else if (!queue->broken && (fsts & VTD_FSTS_IQE) != 0)
		queue_descriptor_refused(unit);
	else if (!queue->broken && (fsts & VTD_FSTS_ITE) != 0)
		queue_waits_dropped(unit);
	else if ((fsts & VTD_FSTS_ICE) != 0)
		vtd_write32(unit, VTD_FSTS, VTD_FSTS_ICE);
	iommu_spin_unlock(unit->platform, &queue->lock, state);
}

/* Poll for the answer: 0, or why there will be none. */
static int queue_await(struct vtd_unit *unit, const struct ticket *ticket,
		       struct iommu_deadline *deadline)
{
	struct vtd_queue *queue = &unit->queue;
	unsigned int polls = 0;

	while (iommu_le32(__atomic_load_n(&queue->status[ticket->wait], __ATOMIC_ACQUIRE)) !=
	       ticket->sequence) {
		if (__atomic_load_n(&queue->generation, __ATOMIC_ACQUIRE) != ticket->generation)
			return IOMMU_ETIMEDOUT;
		if (__atomic_load_n(&queue->state[ticket->wait], __ATOMIC_RELAXED) ==
		    VTD_SLOT_DROPPED)
			return IOMMU_EIO;
		/* A register read takes far longer than a look at memory. */
		if (++polls % 64 == 0)
			queue_check_errors(unit);
		if (iommu_deadline_passed(deadline))
			return IOMMU_ETIMEDOUT;
	}
	return 0;
}

/* Give the slots back and learn the verdict; after a time-out hardware keeps them. */
static int queue_finish(struct vtd_unit *unit, const struct ticket *ticket, int status)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state = iommu_spin_lock(unit->platform, &queue->lock);
	unsigned int i;

	if (queue->generation != ticket->generation) {
		status = status != 0 ? status : IOMMU_ETIMEDOUT;
	} else if (status == IOMMU_ETIMEDOUT) {
		queue->broken = true;
	} else {
		if (queue->state[ticket->wait] != VTD_SLOT_USED)
			status = IOMMU_EIO;
		for (i = 0; i < ticket->count; i++)
			slot_set(queue, SLOT(ticket->first + i), VTD_SLOT_FREE);
		while (queue->head != queue->tail && queue->state[queue->head] == VTD_SLOT_FREE)
			queue->head = SLOT(queue->head + 1);
	}
	iommu_spin_unlock(unit->platform, &queue->lock, state);
	return status;
}

int iommu_vtd_queue_submit(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
			   unsigned int count)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	struct ticket ticket = {0};
	int status;

	if (count == 0 || count > VTD_BATCH_MAX)
		return IOMMU_EINVAL;
	while ((status = queue_post(unit, descriptors, count, &ticket)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	return queue_finish(unit, &ticket, queue_await(unit, &ticket, &deadline));
}
