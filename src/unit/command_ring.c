/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of commands: submitting, waiting, and what hardware complains of. */
#include "unit/command_ring.h"

#include <libiommu/backend/deadline.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/inline_atomics.h"
#include "base/memory.h"

#define SLOT(index) ((index) % IOMMU_RING_SLOTS)

/*
 * Where the words of a slot are. Neighbours are not on one cache line, so that CPUs that wait side
 * by side do not disturb each other.
 */
static inline unsigned int place_of(unsigned int slot)
{
#ifdef __OPTIMIZE_SIZE__
	return slot;
#else
	return slot % 16 * (IOMMU_RING_SLOTS / 16) + slot / 16;
#endif
}

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

static inline struct iommu_ring_slot *slot_at(const struct iommu_command_ring *ring,
					      unsigned int slot)
{
	return &ring->slots[place_of(slot)];
}

static inline uint32_t *word_of(const struct iommu_command_ring *ring, unsigned int slot)
{
	return &ring->completions[place_of(slot)];
}

static enum submission_state state_of(const struct iommu_command_ring *ring, unsigned int slot)
{
	return (enum submission_state)__atomic_load_n(&slot_at(ring, slot)->state,
						      __ATOMIC_RELAXED);
}

static void set_state(struct iommu_command_ring *ring, unsigned int slot,
		      enum submission_state state)
{
	__atomic_store_n(&slot_at(ring, slot)->state, (uint8_t)state, __ATOMIC_RELAXED);
}

/* Has hardware executed the completion with this number in this slot? */
static bool is_answered(const struct iommu_command_ring *ring, unsigned int slot, uint32_t sequence)
{
	uint32_t seen = iommu_le32(__atomic_load_n(word_of(ring, slot), __ATOMIC_ACQUIRE));

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
	/*
	 * Each half by itself: the two were just made, and a load of both together would wait until
	 * the stores of each have left the processor.
	 */
	volatile struct iommu_command *at = &ring->commands[slot * ring->command_words];

	at->low = iommu_le64(command.low);
	at->high = iommu_le64(command.high);
}

/* It stores the number of its submission to the word of its own slot. */
static inline void write_completion(struct iommu_command_ring *ring, unsigned int slot,
				    uint32_t sequence)
{
	write_slot(ring, slot,
		   ring->ops->completion(iommu_virt_to_phys(ring->platform, word_of(ring, slot)),
					 sequence));
}

/* The same in the middle of a submission: in that word no submitter waits for a higher number. */
static __attribute__((noinline)) void write_barrier(struct iommu_command_ring *ring,
						    unsigned int slot, uint32_t sequence)
{
	write_completion(ring, slot, sequence);
}

void iommu_ring_init(struct iommu_command_ring *ring, void *commands, void *completions)
{
	ring->commands = commands;
	ring->completions = completions;
	if (completions != NULL)
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
		unsigned int slot = slot_at(ring, ring->head)->owner;
		enum submission_state state = state_of(ring, slot);

		if (state == SUBMITTED || state == ABANDONED
			    ? !is_answered(ring, slot, slot_at(ring, slot)->sequence)
			    : state != TOLD)
			return;
		/* Hardware has not read it yet. */
		if (slot_at(ring, slot)->is_ahead &&
		    !is_answered(ring, slot, slot_at(ring, slot)->sequence))
			return;
		ring->head = SLOT(slot + 1);
	}
}

static bool asks_device(const struct iommu_command_ring *ring, struct iommu_command command)
{
	return IOMMU_CONFIG_DEVICE_TLB && ring->ops->asks_device(command);
}

/* Behind `count` commands, which are in their slots: the completion, and what is known of all. */
static inline __attribute__((always_inline)) void
complete(struct iommu_command_ring *ring, unsigned int count, bool asks, struct ticket *ticket)
{
	const unsigned int last = SLOT(ring->tail + count);
	struct iommu_ring_slot *of_last = slot_at(ring, last);
	unsigned int i;

	*ticket = (struct ticket){
		.slot = last,
		.sequence = ++ring->sequence,
		.generation = ring->generation,
	};
	write_completion(ring, last, ticket->sequence);
	for (i = 0; i <= count; i++) {
		struct iommu_ring_slot *slot = slot_at(ring, SLOT(ring->tail + i));

		slot->owner = (uint8_t)last;
		slot->replaced = false;
	}
	of_last->asks_device = asks;
	of_last->is_ahead = false;
	of_last->sequence = ticket->sequence;
	set_state(ring, last, SUBMITTED);
	/* Release: who reads this number knows of the restart, if any, that came before it. */
	__atomic_store_n(word_of(ring, last), iommu_le32(ticket->sequence - 1), __ATOMIC_RELEASE);
	ring->tail = SLOT(last + 1);
	ring->ops->ring_doorbell(ring);
}

/* Copy a submission into the ring, which is locked and has room. */
static void fill(struct iommu_command_ring *ring, const struct iommu_command *commands,
		 unsigned int count, uint32_t barriers, struct ticket *ticket)
{
	unsigned int slots = 0;
	bool asks = false;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if ((barriers >> i & 1) != 0)
			write_barrier(ring, SLOT(ring->tail + slots++), ring->sequence + 1);
		write_slot(ring, SLOT(ring->tail + slots++), commands[i]);
		asks = asks || asks_device(ring, commands[i]);
	}
	complete(ring, slots, asks, ticket);
}

/* --- Errors ----------------------------------------------------------------------------------- */

/* Its submitter is told. A barrier takes its place. */
bool iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot)
{
	unsigned int last;

	if (slot >= IOMMU_RING_SLOTS || !is_used(ring, slot) || slot_at(ring, slot)->replaced) {
		ring->hangs = true;
		return false;
	}
	last = slot_at(ring, slot)->owner;
	/* A refused completion does not answer for what is before it: its submitter asks again. */
	slot_at(ring, last)->silent = 0;
	if (state_of(ring, last) != TOLD)
		set_state(ring, last,
			  state_of(ring, last) == ABANDONED ? TOLD
			  : last == slot                    ? DROPPED
							    : REFUSED);
	slot_at(ring, slot)->replaced = true;
	/* Whatever its submitter knows by then, hardware has yet to come to its end. */
	slot_at(ring, last)->is_ahead = true;
	write_barrier(ring, slot, slot_at(ring, last)->sequence);
	return true;
}

#if IOMMU_CONFIG_DEVICE_TLB
void iommu_ring_completions_dropped(struct iommu_command_ring *ring, unsigned int end,
				    uint16_t silent)
{
	bool is_read = true, is_begun = true, is_first = true;
	unsigned int slot;

	if (end >= IOMMU_RING_SLOTS || SLOT(end - ring->head) > SLOT(ring->tail - ring->head)) {
		ring->hangs = true;
		return;
	}
	for (slot = ring->head; slot != ring->tail; slot = SLOT(slot + 1)) {
		struct iommu_ring_slot *of = slot_at(ring, slot);
		const enum submission_state was = state_of(ring, slot);

		is_read = is_read && slot != end;
		if (is_first)
			is_begun = is_read;
		is_first = of->owner == slot;
		if (!is_first)
			continue;
		/* Dropped before, and read since: there is nothing more to wait for. */
		if (is_read)
			of->is_ahead = false;
		if (was == TOLD || is_answered(ring, slot, of->sequence))
			continue;
		/* None of it was read, or nothing that waits for a device: hardware executes it. */
		if (!is_read && (!is_begun || !of->asks_device))
			continue;
		of->silent = silent;
		of->is_ahead = !is_read;
		set_state(ring, slot, was == ABANDONED ? TOLD : DROPPED);
	}
}
#endif

/* Locked. */
static void handle_errors(struct iommu_command_ring *ring)
{
	if (!ring->ops->handle_errors(ring))
		ring->hangs = true;
}

#if IOMMU_CONFIG_SMMU

void iommu_ring_completed(struct iommu_command_ring *ring, unsigned int end)
{
	unsigned int slot;

	if (end >= IOMMU_RING_SLOTS || SLOT(end - ring->head) > SLOT(ring->tail - ring->head))
		return;
	for (slot = ring->head; slot != end; slot = SLOT(slot + 1)) {
		const struct iommu_ring_slot *of = slot_at(ring, slot);

		if (of->owner == slot && !is_answered(ring, slot, of->sequence))
			__atomic_store_n(word_of(ring, slot), iommu_le32(of->sequence),
					 __ATOMIC_RELEASE);
	}
}

static bool is_polled(const struct iommu_command_ring *ring)
{
	return __atomic_load_n(&ring->is_polled, __ATOMIC_RELAXED);
}

/* Locked. */
static void look(struct iommu_command_ring *ring)
{
	if (is_polled(ring) && ring->running)
		ring->ops->look(ring);
}

static void look_once(struct iommu_command_ring *ring)
{
	uintptr_t state;

	if (!is_polled(ring))
		return;
	state = iommu_spin_lock(ring->platform, &ring->lock);
	look(ring);
	iommu_spin_unlock(ring->platform, &ring->lock, state);
}

#else
#define look(ring)      ((void)(ring))
#define look_once(ring) ((void)(ring))
#endif

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
	look(ring);
	retire(ring);
	ring->hangs = ring->head != ring->tail;
	return !ring->hangs;
}

/*
 * A submitter may find the error of another one's command. While the ring hangs, too: what hardware
 * says now it does not say again.
 */
void iommu_ring_check_errors(struct iommu_command_ring *ring)
{
	uintptr_t state;

	if (!ring->ops->has_error(ring))
		return;
	state = iommu_spin_lock(ring->platform, &ring->lock);
	if (!ring->hangs)
		handle_errors(ring);
	else if (ring->running)
		(void)has_come_back(ring);
	iommu_spin_unlock(ring->platform, &ring->lock, state);
}

static unsigned int room(const struct iommu_command_ring *ring)
{
	return SLOT(ring->head - ring->tail - 1);
}

/* IOMMU_EAGAIN: the ring is full. */
static int post(struct iommu_command_ring *ring, const struct iommu_command *commands,
		unsigned int count, uint32_t barriers, struct ticket *ticket)
{
	/* At most, where there are barriers. */
	const unsigned int slots = (barriers != 0 ? 2 * count : count) + 1;
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);
	int status = ring->running ? 0 : IOMMU_EIO;

	if (status == 0 && ring->hangs && !has_come_back(ring))
		status = IOMMU_ETIMEDOUT;
	if (room(ring) < slots) {
		look(ring);
		retire(ring);
	}
	if (status == 0 && room(ring) < slots)
		status = IOMMU_EAGAIN;
	if (status == 0)
		fill(ring, commands, count, barriers, ticket);
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
		const unsigned int last = slot_at(ring, slot)->owner;

		waits = slot_at(ring, last)->asks_device &&
			!is_answered(ring, last, slot_at(ring, last)->sequence);
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
		look_once(ring);
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
	    slot_at(ring, ticket->slot)->sequence == ticket->sequence) {
		status = state_of(ring, ticket->slot) == DROPPED ? IOMMU_EAGAIN : IOMMU_EIO;
		*silent = slot_at(ring, ticket->slot)->silent;
		set_state(ring, ticket->slot, TOLD);
	}
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return status;
}

static int give_up(struct iommu_command_ring *ring, const struct ticket *ticket)
{
	uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);

	if (ring->generation == ticket->generation &&
	    slot_at(ring, ticket->slot)->sequence == ticket->sequence) {
		ring->hangs = true;
		set_state(ring, ticket->slot,
			  state_of(ring, ticket->slot) == SUBMITTED ? ABANDONED : TOLD);
	}
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return IOMMU_ETIMEDOUT;
}

int iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
		      unsigned int count, uint32_t barriers, uint16_t *silent)
{
	struct iommu_deadline deadline = iommu_deadline_in(ring->platform, ring->timeout_ns);
	struct ticket ticket = {0};
	int status;

	if (count > IOMMU_RING_BATCH_MAX)
		return IOMMU_EINVAL;
	while ((status = post(ring, commands, count, barriers, &ticket)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	if (await(ring, &ticket, &deadline) != 0)
		return give_up(ring, &ticket);
	return verdict(ring, &ticket, silent);
}

#if IOMMU_CONFIG_ONE_PAGE

/* False: not so simple, or not wanted; nothing has happened. */
static inline bool post_made(struct iommu_command_ring *ring,
			     bool (*make)(const void *ctx, struct iommu_command *command),
			     const void *ctx, struct ticket *ticket)
{
	const uintptr_t state = iommu_spin_lock(ring->platform, &ring->lock);
	struct iommu_command command;
	bool is_simple;

	iommu_spin_lock_fences();
	if (room(ring) < 2) {
		look(ring);
		retire(ring);
	}
	is_simple = ring->running && !ring->hangs && room(ring) >= 2 && make(ctx, &command);
	if (__builtin_expect(is_simple, 1)) {
		write_slot(ring, ring->tail, command);
		complete(ring, 1, false, ticket);
	}
	iommu_spin_unlock(ring->platform, &ring->lock, state);
	return is_simple;
}

int iommu_ring_submit_made(struct iommu_command_ring *ring,
			   bool (*make)(const void *ctx, struct iommu_command *command),
			   const void *ctx, uint16_t *silent)
{
	struct ticket ticket;

	if (!post_made(ring, make, ctx, &ticket))
		return IOMMU_EAGAIN;
	/* The clock is read while hardware works. */
	if (!is_answered(ring, ticket.slot, ticket.sequence)) {
		struct iommu_deadline deadline =
			iommu_deadline_in(ring->platform, ring->timeout_ns);

		if (await(ring, &ticket, &deadline) != 0)
			return give_up(ring, &ticket);
	}
	/* As the verdict would begin. */
	if (__builtin_expect(__atomic_load_n(&ring->generation, __ATOMIC_ACQUIRE) ==
					     ticket.generation &&
				     state_of(ring, ticket.slot) == SUBMITTED,
			     1))
		return 0;
	return verdict(ring, &ticket, silent);
}

#endif

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
