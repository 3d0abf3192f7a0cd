/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue (VT-d specification, "Queued Invalidation Interface").
 *
 * A submission is a few descriptors and a wait descriptor behind them, copied into the ring under
 * the lock. The submitter then polls the status dword of its own wait slot with no lock held, so
 * that several CPUs wait side by side. Hardware writes the submission's sequence number there.
 * Numbers only grow, and a slot that is filled anew starts at its new number - 1; so a submitter
 * that reads a number not before its own knows that its wait was executed, even when the slot has
 * found another user since. Therefore any submitter may reuse the slots of a submission that was
 * answered, without waiting for its submitter to have looked: one that is not scheduled for a while
 * does not block the ring.
 *
 * What can go wrong:
 *
 *   Hardware refuses a descriptor (IQE) and stops. A wait descriptor that writes a status word
 *   takes its place (one that writes nothing is reserved, and would be refused, too); the submitter
 *   is told, and the queue goes on.
 *
 *   A device does not answer (ITE). The waits in flight are lost and their submitters told, with
 *   the device's name as far as hardware knows it; they ask again. Such slots are kept until their
 *   submitter has seen that.
 *
 *   No answer at all. The submitter gives up and the queue *hangs*: nothing is submitted any more,
 *   and submitters are told at once, until everything that was submitted has been answered. No slot
 *   is reused before, because hardware may still write there. A hot path only looks for the answers
 *   and rings the doorbell again; the control path empties the queue, turns it off and on
 *   (iommu_vtd_queue_hold).
 *
 *   A device that is slow. The specification of ATS gives a device a minute and a half; hardware
 *   tells of one that takes longer (ITE). Waits behind such a request, of whatever domain, have as
 *   much time.
 */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "vtd/vtd.h"
#include <libiommu/backend/deadline.h>

#define SLOT(index) ((index) % VTD_QUEUE_ENTRIES)

/* A submission on its way. */
struct ticket {
	unsigned int wait; /* slot */
	uint32_t sequence;
	uint32_t generation;
};

static enum vtd_submission_state state_of(const struct vtd_queue *queue, unsigned int wait)
{
	return (enum vtd_submission_state)__atomic_load_n(&queue->slots[wait].state,
							  __ATOMIC_RELAXED);
}

static void set_state(struct vtd_queue *queue, unsigned int wait, enum vtd_submission_state state)
{
	__atomic_store_n(&queue->slots[wait].state, (uint8_t)state, __ATOMIC_RELAXED);
}

/* Has hardware executed the wait descriptor with this number in this slot? */
static bool is_answered(const struct vtd_queue *queue, unsigned int wait, uint32_t sequence)
{
	uint32_t seen = iommu_le32(__atomic_load_n(&queue->status[wait], __ATOMIC_ACQUIRE));

	return (int32_t)(seen - sequence) >= 0;
}

/* Is this slot of the ring in use? */
static bool is_used(const struct vtd_queue *queue, unsigned int slot)
{
	return SLOT(slot - queue->head) < SLOT(queue->tail - queue->head);
}

/* Of a wide descriptor the second half is, and stays, 0. */
static void ring_write(struct vtd_queue *queue, unsigned int slot, struct vtd_descriptor descriptor)
{
	struct vtd_descriptor *at = &queue->ring[queue->wide ? 2 * slot : slot];

	at->low = iommu_le64(descriptor.low);
	at->high = iommu_le64(descriptor.high);
}

static unsigned int ring_order(const struct vtd_queue *queue)
{
	return queue->wide ? 1 : 0;
}

int iommu_vtd_queue_alloc(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;

	/*
	 * In legacy mode, too: the mode that hardware is left in by a predecessor may want it so.
	 */
	queue->wide = (unit->caps.ecap & VTD_ECAP_SMTS) != 0;
	queue->ring = iommu_vtd_pages_alloc(unit, ring_order(queue));
	queue->status = iommu_vtd_pages_alloc(unit, 0);
	queue->slots = (struct vtd_slot *)(queue->status + VTD_QUEUE_ENTRIES);
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
		platform->free_pages(platform->ctx, queue->ring, ring_order(queue));
	if (queue->status != NULL)
		platform->free_pages(platform->ctx, queue->status, 0);
	queue->ring = NULL;
	queue->status = NULL;
}

/* --- Submitting ------------------------------------------------------------------------------- */

/* Take back the slots of submissions that were answered, oldest first. The queue is locked. */
static void queue_retire(struct vtd_queue *queue)
{
	while (queue->head != queue->tail) {
		unsigned int wait = queue->slots[queue->head].owner;
		enum vtd_submission_state state = state_of(queue, wait);

		if (state == VTD_SUBMITTED || state == VTD_ABANDONED
			    ? !is_answered(queue, wait, queue->slots[wait].sequence)
			    : state != VTD_TOLD)
			return;
		queue->head = SLOT(wait + 1);
	}
}

static bool asks_device(struct vtd_descriptor descriptor)
{
	if (!IOMMU_CONFIG_DEVICE_TLB)
		return false;
	return vtd_descriptor_type(descriptor) == VTD_DESCRIPTOR_DEVICE_TLB ||
	       vtd_descriptor_type(descriptor) == VTD_DESCRIPTOR_PASID_DEVICE_TLB;
}

/* Copy a submission into the ring; the queue is locked and has room. */
static void queue_fill(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
		       unsigned int count, struct ticket *ticket)
{
	struct vtd_queue *queue = &unit->queue;
	const unsigned int wait = SLOT(queue->tail + count);
	unsigned int i;

	*ticket = (struct ticket){
		.wait = wait,
		.sequence = ++queue->sequence,
		.generation = queue->generation,
	};
	queue->slots[wait].asks_device = false;
	for (i = 0; i < count; i++) {
		ring_write(queue, SLOT(queue->tail + i), descriptors[i]);
		if (asks_device(descriptors[i]))
			queue->slots[wait].asks_device = true;
	}
	ring_write(queue, wait,
		   vtd_descriptor_wait(iommu_virt_to_phys(unit->platform, &queue->status[wait]),
				       ticket->sequence));
	for (i = 0; i <= count; i++) {
		queue->slots[SLOT(queue->tail + i)].owner = (uint8_t)wait;
		queue->slots[SLOT(queue->tail + i)].replaced = false;
	}
	queue->slots[wait].sequence = ticket->sequence;
	set_state(queue, wait, VTD_SUBMITTED);
	/* Release: who reads this number knows of the restart, if any, that came before it. */
	__atomic_store_n(&queue->status[wait], iommu_le32(ticket->sequence - 1), __ATOMIC_RELEASE);
	queue->tail = SLOT(wait + 1);
	vtd_write64(unit, VTD_IQT, vtd_queue_offset(queue->tail, queue->wide));
}

/* --- Errors ----------------------------------------------------------------------------------- */

static void ring_doorbell(struct vtd_unit *unit)
{
	vtd_write64(unit, VTD_IQT, vtd_queue_offset(unit->queue.tail, unit->queue.wide));
}

/*
 * A descriptor was refused: tell its submitter, put a harmless one in its place, let hardware go
 * on. The harmless one writes the number of its submission to the status word of its own slot: no
 * submitter waits there for a higher one. Locked.
 */
static void descriptor_refused(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	const unsigned int head = vtd_queue_index(vtd_read64(unit, VTD_IQH), queue->wide);
	unsigned int wait;

	/* A head that points at nothing of ours, or stays: this hardware is not to be mended. */
	if (head >= VTD_QUEUE_ENTRIES || !is_used(queue, head) || queue->slots[head].replaced) {
		queue->hangs = true;
		return;
	}
	wait = queue->slots[head].owner;
	/* A refused wait does not answer for what is before it: its submitter asks again. */
	queue->slots[wait].silent = 0;
	if (state_of(queue, wait) != VTD_TOLD)
		set_state(queue, wait,
			  state_of(queue, wait) == VTD_ABANDONED ? VTD_TOLD
			  : wait == head                         ? VTD_DROPPED
								 : VTD_REFUSED);
	queue->slots[head].replaced = true;
	ring_write(queue, head,
		   vtd_descriptor_wait(iommu_virt_to_phys(unit->platform, &queue->status[head]),
				       queue->slots[wait].sequence));
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_IQE);
	ring_doorbell(unit);
}

/* Waits that were in flight are lost. Locked. */
static void waits_dropped(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	const uint16_t silent = vtd_iqercd_silent(vtd_read64(unit, VTD_IQERCD));
	unsigned int slot;

	for (slot = queue->head; slot != queue->tail; slot = SLOT(slot + 1)) {
		const enum vtd_submission_state was = state_of(queue, slot);

		if (queue->slots[slot].owner != slot || was == VTD_TOLD ||
		    is_answered(queue, slot, queue->slots[slot].sequence))
			continue;
		queue->slots[slot].silent = silent;
		set_state(queue, slot, was == VTD_ABANDONED ? VTD_TOLD : VTD_DROPPED);
	}
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_ITE);
	ring_doorbell(unit);
}

/* Look for what hardware has to complain about. Locked. */
static void handle_errors(struct vtd_unit *unit)
{
	const uint32_t fsts = vtd_read32(unit, VTD_FSTS);

	if (fsts == UINT32_MAX)
		unit->queue.hangs = true; /* the unit is gone */
	else if ((fsts & VTD_FSTS_IQE) != 0)
		descriptor_refused(unit);
	else if ((fsts & VTD_FSTS_ITE) != 0)
		waits_dropped(unit);
	else if ((fsts & VTD_FSTS_ICE) != 0)
		vtd_write32(unit, VTD_FSTS, VTD_FSTS_ICE);
}

/* Any submitter may find another's trouble. */
void iommu_vtd_queue_check_errors(struct vtd_unit *unit)
{
	const uint32_t errors = VTD_FSTS_IQE | VTD_FSTS_ITE | VTD_FSTS_ICE;
	uintptr_t state;

	if ((vtd_read32(unit, VTD_FSTS) & errors) == 0)
		return;
	state = iommu_spin_lock(unit->platform, &unit->queue.lock);
	if (!unit->queue.hangs)
		handle_errors(unit);
	iommu_spin_unlock(unit->platform, &unit->queue.lock, state);
}

bool iommu_vtd_queue_answers(struct vtd_unit *unit)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->queue.lock);
	const bool answers = unit->queue.running && !unit->queue.hangs;

	iommu_spin_unlock(unit->platform, &unit->queue.lock, state);
	return answers;
}

/* Has a queue that hung answered everything since? One look, no wait. Locked. */
static bool has_come_back(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;

	if (vtd_read32(unit, VTD_FSTS) == UINT32_MAX)
		return false;
	ring_doorbell(unit);
	handle_errors(unit);
	queue_retire(queue);
	queue->hangs = queue->head != queue->tail;
	return !queue->hangs;
}

/* IOMMU_EAGAIN: the ring is full. */
static int queue_post(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
		      unsigned int count, struct ticket *ticket)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state = iommu_spin_lock(unit->platform, &queue->lock);
	int status = queue->running ? 0 : IOMMU_EIO;

	if (status == 0 && queue->hangs && !has_come_back(unit))
		status = IOMMU_ETIMEDOUT;
	if (SLOT(queue->head - queue->tail - 1) < count + 1)
		queue_retire(queue);
	if (status == 0 && SLOT(queue->head - queue->tail - 1) < count + 1)
		status = IOMMU_EAGAIN;
	if (status == 0)
		queue_fill(unit, descriptors, count, ticket);
	iommu_spin_unlock(unit->platform, &queue->lock, state);
	return status;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Is a device being asked in front of this submission, or by it? */
static bool waits_for_device(struct vtd_unit *unit, const struct ticket *ticket)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state = iommu_spin_lock(unit->platform, &queue->lock);
	unsigned int slot = queue->head;
	bool waits = false;

	while (queue->generation == ticket->generation && is_used(queue, slot) && !waits) {
		const unsigned int wait = queue->slots[slot].owner;

		waits = queue->slots[wait].asks_device &&
			!is_answered(queue, wait, queue->slots[wait].sequence);
		if (wait == ticket->wait)
			break;
		slot = SLOT(wait + 1);
	}
	iommu_spin_unlock(unit->platform, &queue->lock, state);
	return waits;
}

/* Poll for the answer: 0, or why there will be none. */
static int queue_await(struct vtd_unit *unit, const struct ticket *ticket,
		       struct iommu_deadline *deadline)
{
	struct vtd_queue *queue = &unit->queue;
	unsigned int polls = 0;

	while (!is_answered(queue, ticket->wait, ticket->sequence)) {
		if (__atomic_load_n(&queue->generation, __ATOMIC_ACQUIRE) != ticket->generation)
			return IOMMU_ETIMEDOUT;
		if (state_of(queue, ticket->wait) == VTD_DROPPED)
			return 0; /* the verdict says so */
		/* A register read takes far longer than a look at memory. */
		if (++polls % 64 == 0)
			iommu_vtd_queue_check_errors(unit);
		if (!iommu_deadline_passed(deadline))
			continue;
		if (!IOMMU_CONFIG_DEVICE_TLB || deadline->timeout_ns >= unit->device_timeout_ns ||
		    !waits_for_device(unit, ticket))
			return is_answered(queue, ticket->wait, ticket->sequence) ? 0
										  : IOMMU_ETIMEDOUT;
		deadline->timeout_ns = unit->device_timeout_ns;
		deadline->polls = 0;
	}
	return 0;
}

/* Answered; but was all of it executed? */
static int queue_verdict(struct vtd_unit *unit, const struct ticket *ticket, uint16_t *silent)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state;
	int status = 0;

	/* After a restart numbers grow on, but what was submitted before is lost. */
	if (__atomic_load_n(&queue->generation, __ATOMIC_ACQUIRE) != ticket->generation)
		return IOMMU_ETIMEDOUT;
	/* A submission that failed keeps its slots until here: if none has failed, ours has not. */
	if (state_of(queue, ticket->wait) == VTD_SUBMITTED)
		return 0;
	state = iommu_spin_lock(unit->platform, &queue->lock);
	if (queue->generation == ticket->generation &&
	    queue->slots[ticket->wait].sequence == ticket->sequence) {
		status = state_of(queue, ticket->wait) == VTD_DROPPED ? IOMMU_EAGAIN : IOMMU_EIO;
		*silent = queue->slots[ticket->wait].silent;
		set_state(queue, ticket->wait, VTD_TOLD);
	}
	iommu_spin_unlock(unit->platform, &queue->lock, state);
	return status;
}

static int queue_gave_up(struct vtd_unit *unit, const struct ticket *ticket)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state = iommu_spin_lock(unit->platform, &queue->lock);

	if (queue->generation == ticket->generation &&
	    queue->slots[ticket->wait].sequence == ticket->sequence) {
		queue->hangs = true;
		set_state(queue, ticket->wait,
			  state_of(queue, ticket->wait) == VTD_SUBMITTED ? VTD_ABANDONED
									 : VTD_TOLD);
	}
	iommu_spin_unlock(unit->platform, &queue->lock, state);
	return IOMMU_ETIMEDOUT;
}

int iommu_vtd_queue_submit(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
			   unsigned int count, uint16_t *silent)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	struct ticket ticket = {0};
	int status;

	if (count > VTD_BATCH_MAX)
		return IOMMU_EINVAL;
	while ((status = queue_post(unit, descriptors, count, &ticket)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	if (queue_await(unit, &ticket, &deadline) != 0)
		return queue_gave_up(unit, &ticket);
	return queue_verdict(unit, &ticket, silent);
}

/* --- On and off ------------------------------------------------------------------------------- */

static uint64_t base_register(const struct vtd_unit *unit)
{
	const struct vtd_queue *queue = &unit->queue;

	return vtd_iqa(iommu_virt_to_phys(unit->platform, queue->ring), ring_order(queue)) |
	       (queue->wide ? VTD_IQA_WIDE : 0);
}

static void set_running(struct vtd_unit *unit, bool running)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->queue.lock);

	unit->queue.running = running;
	iommu_spin_unlock(unit->platform, &unit->queue.lock, state);
}

/* What was submitted is lost, and its submitters find that out. The queue is off. */
static void forget_submissions(struct vtd_unit *unit)
{
	struct vtd_queue *queue = &unit->queue;
	uintptr_t state = iommu_spin_lock(unit->platform, &queue->lock);

	/*
	 * Status words keep their numbers: an old one must not be taken for an answer to a new one.
	 */
	memset(queue->ring, 0, (size_t)IOMMU_PAGE_SIZE << ring_order(queue));
	queue->head = 0;
	queue->tail = 0;
	queue->hangs = false;
	__atomic_add_fetch(&queue->generation, 1, __ATOMIC_RELEASE);
	iommu_spin_unlock(unit->platform, &queue->lock, state);
}

/* Is hardware at work in this ring? Its registers may have been lost, or its ring be another's. */
static bool is_at_work(const struct vtd_unit *unit)
{
	return unit->queue.ring != NULL && (vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_QIE) != 0 &&
	       vtd_read64(unit, VTD_IQA) == base_register(unit);
}

/*
 * Hardware may ignore that a busy queue is turned off. A queue that answers is brought to rest
 * behind a wait descriptor: also one that went on, or stayed on, after the wait for that had timed
 * out.
 */
static int bring_to_rest(struct vtd_unit *unit)
{
	uint16_t silent;
	int status;

	if (!is_at_work(unit))
		return IOMMU_EIO;
	set_running(unit, true);
	status = iommu_vtd_queue_submit(unit, NULL, 0, &silent);
	if (status == 0 && unit->queue.stayed_on)
		iommu_vtd_command_cancel(unit, VTD_GLOBAL_QIE);
	if (status == 0)
		unit->queue.stayed_on = false;
	return status;
}

void iommu_vtd_queue_look(struct vtd_unit *unit)
{
	if (unit->queue.stayed_on)
		(void)bring_to_rest(unit);
}

/*
 * Any other, which may be another kernel's, is let read what there is. One that has stopped at a
 * descriptor which it refuses reads nothing more, and is empty once its tail is where it stopped.
 */
static void empty_queue(struct vtd_unit *unit)
{
	uint64_t tail = vtd_read64(unit, VTD_IQT);

	if (vtd_read64(unit, VTD_IQH) == tail)
		return;
	vtd_write64(unit, VTD_IQT, tail);
	if ((vtd_read32(unit, VTD_FSTS) & (VTD_FSTS_IQE | VTD_FSTS_ITE)) == 0 &&
	    iommu_vtd_wait64(unit, VTD_IQH, UINT64_MAX, tail) == 0)
		return;
	tail = vtd_read64(unit, VTD_IQH);
	vtd_write64(unit, VTD_IQT, tail);
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_IQE | VTD_FSTS_ITE | VTD_FSTS_ICE);
}

int iommu_vtd_queue_turn_off(struct vtd_unit *unit)
{
	const bool rests = bring_to_rest(unit) == 0;
	int status;

	set_running(unit, false); /* nothing new is accepted */
	if ((vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_QIE) == 0)
		return 0;
	empty_queue(unit);
	status = iommu_vtd_command_clear(unit, VTD_GLOBAL_QIE);
	unit->queue.stayed_on = status != 0 && !rests;
	return status;
}

static int turn_on(struct vtd_unit *unit)
{
	int status;

	forget_submissions(unit);
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_IQE | VTD_FSTS_ITE | VTD_FSTS_ICE);
	vtd_write64(unit, VTD_IQT, 0);
	vtd_write64(unit, VTD_IQA, base_register(unit));
	status = iommu_vtd_command_set(unit, VTD_GLOBAL_QIE);
	if (status == 0)
		set_running(unit, true);
	return status;
}

/* --- Shared by translation and interrupts ----------------------------------------------------- */

/* A restart failed. If hardware is still in the ring, submitters look whether it has come back. */
static void let_hang(struct vtd_unit *unit)
{
	const bool on = is_at_work(unit);
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->queue.lock);

	unit->queue.running = on;
	unit->queue.hangs = on;
	iommu_spin_unlock(unit->platform, &unit->queue.lock, state);
}

int iommu_vtd_queue_hold(struct vtd_unit *unit)
{
	const bool was_on = unit->queue_is_on;
	int status;

	if (!unit->use_queue)
		return 0;
	if (unit->queue_is_on && iommu_vtd_queue_answers(unit) && is_at_work(unit))
		return 0;
	status = bring_to_rest(unit);
	/* One that may still turn off is turned off first. */
	if (status != 0 || iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE)) {
		/* Firmware, or a kernel before us, may have left its own on. */
		status = iommu_vtd_queue_turn_off(unit);
		if (status == 0)
			status = turn_on(unit);
		if (status == 0 && was_on)
			vtd_log(unit, IOMMU_LOG_INFO, "the invalidation queue was restarted");
	}
	if (status != 0)
		let_hang(unit);
	unit->queue_is_on = status == 0 || unit->queue.running;
	return status;
}

int iommu_vtd_queue_release(struct vtd_unit *unit)
{
	int status;

	if (!unit->queue_is_on || vtd_unit_is_active(unit) || vtd_interrupts_may_run(unit))
		return 0;
	status = iommu_vtd_queue_turn_off(unit);
	unit->queue_is_on = status != 0;
	return status;
}
