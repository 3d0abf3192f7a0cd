/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of commands: submitting, waiting, and what hardware complains of. */
#include "unit/command_ring.h"

#include <libiommu/backend/deadline.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/inline_atomics.h"
#include "base/memory.h"

#define SLOT(index) ((index) % IOMMU_RING_SLOTS)

/* What became of a submission; kept in the slot of its completion. */
enum submission_state {
	SUBMITTED = 0,
	REFUSED,   /* hardware refused one of its commands */
	DROPPED,   /* hardware dropped its completion: no answer will come */
	TOLD,      /* one of the two above, and the submitter knows */
	ABANDONED, /* the submitter waits no longer; hardware may still answer */
};

/* A submission on its way. */
struct ticket {
	unsigned int slot; /* of the completion */
	uint32_t sequence;
	uint32_t generation;
};

static enum submission_state state_of(const struct iommu_command_ring *ring, unsigned int slot)
{
	return (enum submission_state)__atomic_load_n(&ring->slots[slot].state, __ATOMIC_RELAXED);
}

static void set_state(struct iommu_command_ring *ring, unsigned int slot,
		      enum submission_state state)
{
	__atomic_store_n(&ring->slots[slot].state, (uint8_t)state, __ATOMIC_RELAXED);
}

/* Has hardware executed the completion with this number in this slot? */
static bool is_answered(const struct iommu_command_ring *ring, unsigned int slot, uint32_t sequence)
{
	uint32_t seen = iommu_le32(__atomic_load_n(&ring->completions[slot], __ATOMIC_ACQUIRE));

	return (int32_t)(seen - sequence) >= 0;
}

/* Is this slot of the ring in use? */
static bool is_used(const struct iommu_command_ring *ring, unsigned int slot)
{
	return SLOT(slot - ring->head) < SLOT(ring->tail - ring->head);
}

/* Of a wide command the second half is, and stays, 0. */
static void write_slot(struct iommu_command_ring *ring, unsigned int slot,
		       struct iommu_command command)
{
	struct iommu_command *at = &ring->commands[slot * ring->command_words];

	at->low = iommu_le64(command.low);
	at->high = iommu_le64(command.high);
}

/* It stores the number of its submission to the word of its own slot. */
static void write_completion(struct iommu_command_ring *ring, unsigned int slot, uint32_t sequence)
{
	write_slot(ring, slot,
		   ring->ops->completion(
			   iommu_virt_to_phys(ring->platform, &ring->completions[slot]), sequence));
}

void iommu_ring_init(struct iommu_command_ring *ring, void *commands, void *completions)
{
	ring->commands = commands;
	ring->completions = completions;
	ring->slots = (struct iommu_ring_slot *)(ring->completions + IOMMU_RING_SLOTS);
}

_Static_assert((sizeof(uint32_t) + sizeof(struct iommu_ring_slot)) * IOMMU_RING_SLOTS <=
		       IOMMU_PAGE_SIZE,
	       "completions and slots are one page");

/* --- Submitting ------------------------------------------------------------------------------- */

/* Take back the slots of submissions that were answered, oldest first. Locked. */
static void retire(struct iommu_command_ring *ring)
{
	while (ring->head != ring->tail) {
		unsigned int slot = ring->slots[ring->head].owner;
		enum submission_state state = state_of(ring, slot);

		if (state == SUBMITTED || state == ABANDONED
			    ? !is_answered(ring, slot, ring->slots[slot].sequence)
			    : state != TOLD)
			return;
		ring->head = SLOT(slot + 1);
	}
}

static bool asks_device(const struct iommu_command_ring *ring, struct iommu_command command)
{
	return IOMMU_CONFIG_DEVICE_TLB && ring->ops->asks_device(command);
}

/* Copy a submission into the ring, which is locked and has room. */
static void fill(struct iommu_command_ring *ring, const struct iommu_command *commands,
		 unsigned int count, struct ticket *ticket)
{
	const unsigned int last = SLOT(ring->tail + count);
	unsigned int i;

	*ticket = (struct ticket){
		.slot = last,
		.sequence = ++ring->sequence,
		.generation = ring->generation,
	};
	ring->slots[last].asks_device = false;
	for (i = 0; i < count; i++) {
		write_slot(ring, SLOT(ring->tail + i), commands[i]);
		if (asks_device(ring, commands[i]))
			ring->slots[last].asks_device = true;
	}
	write_completion(ring, last, ticket->sequence);
	for (i = 0; i <= count; i++) {
		ring->slots[SLOT(ring->tail + i)].owner = (uint8_t)last;
		ring->slots[SLOT(ring->tail + i)].replaced = false;
	}
	ring->slots[last].sequence = ticket->sequence;
	set_state(ring, last, SUBMITTED);
	/* Release: who reads this number knows of the restart, if any, that came before it. */
	__atomic_store_n(&ring->completions[last], iommu_le32(ticket->sequence - 1),
			 __ATOMIC_RELEASE);
	ring->tail = SLOT(last + 1);
	ring->ops->ring_doorbell(ring);
}

/* --- Errors ----------------------------------------------------------------------------------- */

/*
 * Its submitter is told. The harmless command writes the number of its submission to the word of
 * its own slot: no submitter waits there for a higher one.
 */
bool iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot)
{
	unsigned int last;

	if (slot >= IOMMU_RING_SLOTS || !is_used(ring, slot) || ring->slots[slot].replaced) {
		ring->hangs = true;
		return false;
	}
	last = ring->slots[slot].owner;
	/* A refused completion does not answer for what is before it: its submitter asks again. */
	ring->slots[last].silent = 0;
	if (state_of(ring, last) != TOLD)
		set_state(ring, last,
			  state_of(ring, last) == ABANDONED ? TOLD
			  : last == slot                    ? DROPPED
							    : REFUSED);
	ring->slots[slot].replaced = true;
	write_completion(ring, slot, ring->slots[last].sequence);
	return true;
}

void iommu_ring_completions_dropped(struct iommu_command_ring *ring, uint16_t silent)
{
	unsigned int slot;

	for (slot = ring->head; slot != ring->tail; slot = SLOT(slot + 1)) {
		const enum submission_state was = state_of(ring, slot);

		if (ring->slots[slot].owner != slot || was == TOLD ||
		    is_answered(ring, slot, ring->slots[slot].sequence))
			continue;
		ring->slots[slot].silent = silent;
		set_state(ring, slot, was == ABANDONED ? TOLD : DROPPED);
	}
}

/* Locked. */
static void handle_errors(struct iommu_command_ring *ring)
{
	if (!ring->ops->handle_errors(ring))
		ring->hangs = true;
}

/* A submitter may find the error of another one's command. */
void iommu_ring_check_errors(struct iommu_command_ring *ring)
{
	uintptr_t state;

	if (!ring->ops->has_error(ring))
		return;
	state = iommu_spin_lock(ring->platform, &ring->lock);
	if (!ring->hangs)
		handle_errors(ring);
	iommu_spin_unlock(ring->platform, &ring->lock, state);
}

bool iommu_ring_answers(struct iommu_command_ring *ring)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);
	const bool answers = ring->running && !ring->hangs;

	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return answers;
}

/* Has a ring that hung answered everything since? One look, no wait. Locked. */
static bool has_come_back(struct iommu_command_ring *ring)
{
	ring->hangs = false;
	ring->ops->ring_doorbell(ring);
	handle_errors(ring);
	if (ring->hangs)
		return false;
	retire(ring);
	ring->hangs = ring->head != ring->tail;
	return !ring->hangs;
}

static unsigned int room(const struct iommu_command_ring *ring)
{
	return SLOT(ring->head - ring->tail - 1);
}

/* IOMMU_EAGAIN: the ring is full. */
static int post(struct iommu_command_ring *ring, const struct iommu_command *commands,
		unsigned int count, struct ticket *ticket)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);
	int status = ring->running ? 0 : IOMMU_EIO;

	if (status == 0 && ring->hangs && !has_come_back(ring))
		status = IOMMU_ETIMEDOUT;
	if (room(ring) < count + 1)
		retire(ring);
	if (status == 0 && room(ring) < count + 1)
		status = IOMMU_EAGAIN;
	if (status == 0)
		fill(ring, commands, count, ticket);
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return status;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Is a device being asked in front of this submission, or by it? */
static bool waits_for_device(struct iommu_command_ring *ring, const struct ticket *ticket)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);
	unsigned int slot = ring->head;
	bool waits = false;

	while (ring->generation == ticket->generation && is_used(ring, slot) && !waits) {
		const unsigned int last = ring->slots[slot].owner;

		waits = ring->slots[last].asks_device &&
			!is_answered(ring, last, ring->slots[last].sequence);
		if (last == ticket->slot)
			break;
		slot = SLOT(last + 1);
	}
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return waits;
}

/* Poll for the answer: 0, or why there will be none. */
static int await(struct iommu_command_ring *ring, const struct ticket *ticket,
		 struct iommu_deadline *deadline)
{
	unsigned int polls = 0;

	while (!is_answered(ring, ticket->slot, ticket->sequence)) {
		if (__atomic_load_n(&ring->generation, __ATOMIC_ACQUIRE) != ticket->generation)
			return IOMMU_ETIMEDOUT;
		if (state_of(ring, ticket->slot) == DROPPED)
			return 0; /* the verdict says so */
		/* A register read takes far longer than a look at memory. */
		if (++polls % 64 == 0)
			iommu_ring_check_errors(ring);
		if (!iommu_deadline_passed(deadline))
			continue;
		if (!IOMMU_CONFIG_DEVICE_TLB || deadline->timeout_ns >= ring->device_timeout_ns ||
		    !waits_for_device(ring, ticket))
			return is_answered(ring, ticket->slot, ticket->sequence) ? 0
										 : IOMMU_ETIMEDOUT;
		deadline->timeout_ns = ring->device_timeout_ns;
		deadline->polls = 0;
	}
	return 0;
}

/* Answered; but was all of it executed? */
static int verdict(struct iommu_command_ring *ring, const struct ticket *ticket, uint16_t *silent)
{
	uintptr_t state;
	int status = 0;

	/* After a restart numbers grow on, but what was submitted before is lost. */
	if (__atomic_load_n(&ring->generation, __ATOMIC_ACQUIRE) != ticket->generation)
		return IOMMU_ETIMEDOUT;
	/* A submission that failed keeps its slots until here: if none has, this one has not. */
	if (state_of(ring, ticket->slot) == SUBMITTED)
		return 0;
	state = iommu_spin_lock(ring->platform, &ring->lock);
	if (ring->generation == ticket->generation &&
	    ring->slots[ticket->slot].sequence == ticket->sequence) {
		status = state_of(ring, ticket->slot) == DROPPED ? IOMMU_EAGAIN : IOMMU_EIO;
		*silent = ring->slots[ticket->slot].silent;
		set_state(ring, ticket->slot, TOLD);
	}
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return status;
}

static int give_up(struct iommu_command_ring *ring, const struct ticket *ticket)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);

	if (ring->generation == ticket->generation &&
	    ring->slots[ticket->slot].sequence == ticket->sequence) {
		ring->hangs = true;
		set_state(ring, ticket->slot,
			  state_of(ring, ticket->slot) == SUBMITTED ? ABANDONED : TOLD);
	}
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return IOMMU_ETIMEDOUT;
}

int iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
		      unsigned int count, uint16_t *silent)
{
	struct iommu_deadline deadline = iommu_deadline_in(ring->platform, ring->timeout_ns);
	struct ticket ticket = {0};
	int status;

	if (count > IOMMU_RING_BATCH_MAX)
		return IOMMU_EINVAL;
	while ((status = post(ring, commands, count, &ticket)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	if (await(ring, &ticket, &deadline) != 0)
		return give_up(ring, &ticket);
	return verdict(ring, &ticket, silent);
}

/* --- On and off ------------------------------------------------------------------------------- */

void iommu_ring_set_running(struct iommu_command_ring *ring, bool running)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);

	ring->running = running;
	iommu_spin_unlock(ring->platform, &ring->lock, state);
}

void iommu_ring_restart(struct iommu_command_ring *ring)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);

	/*
	 * Completions keep their numbers: an old one must not be taken for an answer to a new one.
	 */
	memset(ring->commands, 0, (size_t)IOMMU_PAGE_SIZE << iommu_ring_order(ring));
	ring->head = 0;
	ring->tail = 0;
	ring->hangs = false;
	__atomic_add_fetch(&ring->generation, 1, __ATOMIC_RELEASE);
	iommu_spin_unlock(ring->platform, &ring->lock, state);
}

void iommu_ring_let_hang(struct iommu_command_ring *ring, bool on)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);

	ring->running = on;
	ring->hangs = on;
	iommu_spin_unlock(ring->platform, &ring->lock, state);
}
