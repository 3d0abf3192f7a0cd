/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of commands in memory: VT-d's invalidation queue, AMD's command buffer, the command queues
 * of SMMUv3 and RISC-V. Hardware fetches commands in order, and may execute them in any: only a
 * completion is executed behind all that is before it, and before all that follows. One in the
 * middle of a submission is a barrier.
 *
 * A submission is a few commands and a completion command behind them, copied into the ring under
 * the lock. The submitter then polls the completion word of its own slot with no lock held, so that
 * several CPUs wait side by side. Hardware writes the submission's number there. Numbers only grow,
 * and the word of a slot that is filled anew starts at its new number - 1; so a submitter that
 * reads a number not before its own knows that its completion was executed, even when the slot has
 * found another user since. Therefore any submitter may reuse the slots of a submission that was
 * answered, without waiting for its submitter to have looked: one that is not scheduled for a while
 * does not block the ring.
 *
 * What can go wrong:
 *
 *   Hardware refuses a command and stops at it (iommu_ring_command_refused). A completion takes its
 *   place; the submitter is told, and the ring goes on.
 *
 *   Hardware drops the completions in flight, because a device did not answer
 *   (iommu_ring_completions_dropped). Their submitters are told, with the device's name as far as
 *   hardware knows it; they ask again. Such slots are kept until their submitter has seen that.
 *
 *   No answer at all. The submitter gives up and the ring *hangs*: nothing is submitted any more,
 *   and submitters are told at once, until everything that was submitted has been answered. No slot
 *   is reused before, because hardware may still write there. A submitter only looks for the
 *   answers and rings the doorbell again; the control path empties the ring, turns it off and on
 *   (iommu_ring_restart).
 *
 *   A device that is slow. The specification of ATS gives a device a minute and a half. Completions
 *   behind such a command, of whatever domain, have as much time.
 *
 * The family supplies how a completion is encoded, how the doorbell rings, and how errors are read
 * and cleared (struct iommu_ring_ops). How the ring is turned on and off is the family's, too.
 */
#ifndef IOMMU_UNIT_COMMAND_RING_H
#define IOMMU_UNIT_COMMAND_RING_H

#include <libiommu/platform.h>

#include "base/spinlock.h"

/* All families' commands have 128 bits, or 256 of which the upper half is 0. Of the CPU's order. */
struct iommu_command {
	uint64_t low, high;
};

/* Slots of a ring, and the most commands of one submission beside its completions. */
#define IOMMU_RING_SLOTS     256
#define IOMMU_RING_BATCH_MAX 16

struct iommu_command_ring;

struct iommu_ring_ops {
	/*
	 * The command that stores a number at an address when all before it has been executed, and
	 * before anything behind it is.
	 */
	struct iommu_command (*completion)(iommu_paddr_t address, uint32_t number);
	/* Does the command wait for a device? NULL: none does. */
	bool (*asks_device)(struct iommu_command command);
#if IOMMU_CONFIG_SMMU
	/*
	 * Hardware that stores no completions: look how far it has come, and say so with
	 * iommu_ring_completed. Called while `is_polled` is set. Locked.
	 */
	void (*look)(struct iommu_command_ring *ring);
#endif
	/* Tell hardware where the tail is. Locked. */
	void (*ring_doorbell)(struct iommu_command_ring *ring);
	/* Does hardware report an error of the ring? One look, without the lock. */
	bool (*has_error)(struct iommu_command_ring *ring);
	/*
	 * Look for errors; say what they are with the functions below, then acknowledge them.
	 * false: the unit is gone. Locked.
	 */
	bool (*handle_errors)(struct iommu_command_ring *ring);
};

/* What is known of a slot in use. */
struct iommu_ring_slot {
	/* Of a completion: the number of its submission, and what became of that. */
	uint32_t sequence;
	uint16_t silent; /* when it was dropped: the device, as far as hardware says */
	uint8_t state;
	/* The slot of the completion of its submission. */
	uint8_t owner;
	/* Its command was refused, and the one that took its place must not be. */
	bool replaced;
	/* Of a completion: its submission asks a device. */
	bool asks_device;
	/* Dropped, or refused in part, before hardware had read it, which it still does. */
	bool is_ahead;
};

struct iommu_command_ring {
	/*
	 * What each submission writes, on one cache line (structures are aligned to 16 bytes), and
	 * a line's length away from what a CPU reads while it waits.
	 */
	_Alignas(16) struct iommu_spinlock lock;
	unsigned int head; /* the oldest slot in use */
	unsigned int tail; /* the next slot to fill; head == tail: empty */
	uint32_t sequence; /* of the newest submission */
	bool running; /* hardware has confirmed that it is on; nothing is submitted otherwise */
	/*
	 * Hardware stopped answering: nothing is submitted before all that was has been answered.
	 */
	bool hangs;
#if IOMMU_CONFIG_SMMU
	/* The family's: completions are not stored (struct iommu_ring_ops). Atomic. */
	bool is_polled;
#endif
	/* The family's, set before iommu_ring_init. */
	unsigned int command_words; /* of 128 bits in a slot: 1 or 2 */
	uint64_t timeout_ns,
		device_timeout_ns; /* for an answer; for one that a device has part in */
	uint64_t apart[3];         /* not used: see above */
	const struct iommu_ring_ops *ops;
	const struct iommu_platform *platform;
	/* The ring's. */
	struct iommu_command *commands;
	/*
	 * One word for each slot: hardware writes it for the completion in that slot.
	 * Little-endian.
	 */
	uint32_t *completions;
	struct iommu_ring_slot *slots; /* in the same page, behind them */
	/* Counts restarts: what was submitted before one is lost. */
	uint32_t generation;
};

/* The order of the pages of the commands; those of the completions are one page. */
static inline unsigned int iommu_ring_order(const struct iommu_command_ring *ring)
{
	return ring->command_words - 1;
}

/* Use these zeroed pages, which hardware can address and which stay their owner's. */
void iommu_ring_init(struct iommu_command_ring *ring, void *commands, void *completions);

/*
 * Have hardware execute `count` commands, perhaps none, and all that came before them, and wait for
 * it; those whose bits are set in `barriers` behind all commands before them. 0; IOMMU_EIO:
 * hardware refused one, or the ring is off; IOMMU_EAGAIN: a device did not answer, *silent says
 * which (0: unknown), and what had been submitted behind it is lost, whichever submission it was
 * of; IOMMU_ETIMEDOUT; IOMMU_EINVAL: more than IOMMU_RING_BATCH_MAX. Any context.
 */
int iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
		      unsigned int count, uint32_t barriers, uint16_t *silent);
/*
 * The same of one command that asks no device, made at the last moment: `make` is called with the
 * lock held, behind a full fence, and reads what other CPUs may change; it calls nothing. It is the
 * caller's only fence between what it wrote before and these reads. IOMMU_EAGAIN, too: `make` has
 * declined, or it is not so simple, and nothing was submitted.
 */
int iommu_ring_submit_made(struct iommu_command_ring *ring,
			   bool (*make)(const void *ctx, struct iommu_command *command),
			   const void *ctx, uint16_t *silent);
/* Make good, for whichever submitter, what hardware complains of. Any context. */
void iommu_ring_check_errors(struct iommu_command_ring *ring);
/* Does it run, and has it not fallen silent, as far as is known? Any context. */
bool iommu_ring_answers(struct iommu_command_ring *ring);

/* --- For handle_errors: locked ---------------------------------------------------------------- */

/*
 * Hardware stopped at the command in a slot. A harmless one is in its place when this returns true;
 * false: it stopped at nothing of ours, or at the same one again, and is not to be mended.
 */
bool iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot);
/*
 * A device did not answer; which, or 0: unknown. Completions in flight are lost: those that
 * hardware has read, up to the slot `end`, which it reads next; and those of commands to devices of
 * which it has read a part. What it has not read it executes once it goes on, and its slots are not
 * used again before. An `end` that is not in the ring: the ring hangs.
 */
void iommu_ring_completions_dropped(struct iommu_command_ring *ring, unsigned int end,
				    uint16_t silent);

#if IOMMU_CONFIG_SMMU
/*
 * Every command before a slot is complete, which is not what all hardware means by its head: the
 * completions among them are as if they were stored. A slot that is not in the ring says nothing.
 */
void iommu_ring_completed(struct iommu_command_ring *ring, unsigned int end);
#endif

/* --- Control path ----------------------------------------------------------------------------- */

/* Accept submissions from now on, or none. */
void iommu_ring_set_running(struct iommu_command_ring *ring, bool running);
/* What was submitted is lost, and its submitters find that out. Hardware does not read the ring. */
void iommu_ring_restart(struct iommu_command_ring *ring);
/* A restart failed: with `on`, hardware still reads the ring, and may come back. */
void iommu_ring_let_hang(struct iommu_command_ring *ring, bool on);

#endif
