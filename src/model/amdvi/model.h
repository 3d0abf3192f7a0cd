/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AMD model's structures, and the interfaces between its files: registers, command buffer,
 * logs, interrupts, notices for the host, cache, the way of a request (journey.h), state. Called
 * with the model's lock held, unless stated otherwise.
 *
 * Locking: `lock` guards registers, rings and what is to be delivered; a request of a device takes
 * it only to log an event. The registers that requests depend on are published (struct
 * model_published), and cached entries are in the cache, which has a lock of its own, taken inside
 * this one (see cache.h). No function of the host but the platform's irq_save, irq_restore and
 * relax is called with either.
 */
#ifndef IOMMU_MODEL_AMDVI_MODEL_H
#define IOMMU_MODEL_AMDVI_MODEL_H

#include <libiommu/hw/amdvi_command.h>
#include <libiommu/hw/amdvi_device_table.h>
#include <libiommu/hw/amdvi_event.h>
#include <libiommu/hw/amdvi_features.h>
#include <libiommu/hw/amdvi_interrupt.h>
#include <libiommu/hw/amdvi_page_request.h>
#include <libiommu/hw/amdvi_registers.h>
#include <libiommu/model_amdvi.h>

#include "base/byteorder.h"
#include "base/spinlock.h"
#include "model/walk.h"

/* The command buffer, and the logs. */
enum model_ring_kind {
	MODEL_COMMANDS,
	MODEL_EVENTS,
	MODEL_REQUESTS,
	MODEL_GUESTS, /* GA log */
	MODEL_RINGS
};

struct model_ring_registers {
	uint64_t base, head, tail;
};

#define MODEL_SIGNAL_SOURCES 3

/* The state that a guest can see and that migration must carry. Only 64-bit words: see state.c. */
struct model_registers {
	uint64_t control;
	uint64_t status; /* with the run bits */
	uint64_t tables[AMDVI_SEGMENTS_MAX];
	uint64_t exclusion_base, exclusion_limit;
	struct model_ring_registers ring[MODEL_RINGS];
	uint64_t ga_tail_address; /* stored, and not used */
	uint64_t msi_control, msi_address, msi_data;
	uint64_t xt[MODEL_SIGNAL_SOURCES];
	uint64_t auto_response;
	/* A bit for each source whose interrupt is to be sent. */
	uint64_t signals;
	/* A device has not answered, and no time is set: the command buffer waits forever. */
	uint64_t waits_for_device;
};

/* What it caches. An entry with a reason is one that is not present. */
enum model_kind {
	/*
	 * tag = device id; level 0: word 0, word 1 as third, and MODEL_HIGH_LOGGED; level 1: words
	 * 2 and 3 likewise, and a check on the others
	 */
	MODEL_DEVICE,
	/* tag = model_host_tag; see journey.h */
	MODEL_HOST,
	/* tag = model_guest_tag */
	MODEL_GUEST,
	/* tag = domain id and PASID, its lower parts 0; level = that of the GCR3 table */
	MODEL_GCR3,
	/* tag = device id, address = index; low and third: the entry */
	MODEL_INTERRUPT,
};

_Static_assert(MODEL_INTERRUPT < MODEL_CACHE_KINDS, "every kind is counted");

/* Of a device's entry: with SE, a page fault of it has been logged. */
#define MODEL_HIGH_LOGGED 1ULL

/* What one leaf spans: the levels of the cache's keys. Larger leaves are cached in pieces. */
#define MODEL_LEAF_SPANS 8U

_Static_assert(MODEL_LEAF_SPANS <= MODEL_CACHE_LEVELS, "every span is counted");

static inline unsigned int model_span_shift(unsigned int span)
{
	static const uint8_t shifts[MODEL_LEAF_SPANS] = {12, 13, 16, 18, 21, 25, 30, 39};

	return shifts[span];
}

/* The largest span that a block of 2^shift bytes, 12 at least, has. */
static inline unsigned int model_span_of(unsigned int shift)
{
	unsigned int span = MODEL_LEAF_SPANS - 1;

	while (model_span_shift(span) > shift)
		span--;
	return span;
}

/* --- Tags of entries of tables ---------------------------------------------------------------- */

/* The lowest bit: whether it leads to a table; then the level of the key is that of the entry. */
#define MODEL_TAG_TABLE 1U

static inline uint64_t model_host_tag(uint16_t domain)
{
	return (uint64_t)domain << 1;
}

#define MODEL_PASID_BITS 20

static inline uint64_t model_pasid_tag(uint16_t domain, uint32_t pasid)
{
	return (uint64_t)domain << MODEL_PASID_BITS | pasid;
}

static inline uint64_t model_guest_tag(uint16_t domain, uint32_t pasid)
{
	return model_pasid_tag(domain, pasid) << 1;
}

/* --- Bounds ----------------------------------------------------------------------------------- */

/*
 * The most that one call into the model does, in commands and calls of the host. The lock is
 * released after each.
 */
#define MODEL_BUDGET 32768U

/* Notices for the host, each with a place of its own, in this order. */
enum model_notice_place {
	NOTICE_RESET,
	NOTICE_ENABLE,
	NOTICE_QUEUE, /* the command at the head waits */
	MODEL_NOTICES
};

/* Records that processors can write into a log side by side. */
#define MODEL_WRITERS_MAX 32U

/* An answer of a command, and one of the unit itself. */
#define MODEL_ANSWERS_MAX 2

/* Commands that a lazy unit puts off. */
#define MODEL_PUT_OFF_MAX 32U

/* --- the model -------------------------------------------------------------------------------- */

/* A command, and where it lies. */
struct model_command {
	struct amdvi_command command;
	uint64_t place;
};

struct model_notice {
	/* Changes when a notice is posted, and when it is withdrawn. */
	uint32_t serial;
	struct iommu_model_amdvi_invalidation what;
	uint64_t place; /* of the command */
};

/*
 * The state that requests of devices depend on, read without the lock and written with it, by
 * iommu_amdmodel_publish alone, which changes the cache's generation with any change.
 */
struct model_published {
	iommu_cell_t control;
	iommu_cell_t tables[AMDVI_SEGMENTS_MAX];
	iommu_cell_t exclusion_base, exclusion_limit;
	iommu_cell_t corrupt_first, corrupt_last;
};

/*
 * Places behind a log's tail that are being written: the number of the first, how many there are,
 * which are written, and which of these could not be. `epoch` changes when the log is turned off or
 * on.
 */
struct model_ring {
	uint32_t epoch, first, writers, written, failed;
	uint32_t in_flight; /* processors that are writing, those of an earlier epoch included */
	/* A record that the tail has passed and that is not written yet (record_delay). */
	bool is_late;
	unsigned int late_reads;
	uint64_t late_place;
	uint64_t late_words[2];
};

struct iommu_model_amdvi {
	const struct iommu_platform *platform;
	struct iommu_model_amdvi_config config;
	struct model_cache cache;
	struct model_published published;
	struct model_counter *counters; /* of the model's own, for its statistics */
	uint8_t work_is_left;           /* a copy of has_work, for readers without the lock */
	unsigned char apart[MODEL_CACHE_LINE];
	struct iommu_spinlock lock;
	struct model_registers regs;
	struct iommu_model_amdvi_faults faults;
	struct model_ring rings[MODEL_RINGS];
	/* The COMPLETION_WAIT at the head of the command buffer is held back. */
	bool wait_held;
	unsigned int wait_reads;
	uint64_t wait_ticket; /* walks that it waits for */
	bool queue_left;      /* the command buffer has to be looked at */
	/* Changes when the command buffer is turned on or off, which voids what was fetched. */
	uint32_t queue_generation;
	bool queue_busy; /* used by one processor, without the lock */
	unsigned int put_off_count;
	struct model_command put_off[MODEL_PUT_OFF_MAX];
	/* The budget of the call that has the lock. */
	unsigned int budget;
	/*
	 * Bits for places: not yet completed for the guest; of these, not yet delivered to the
	 * host. The host is in the callback of a notice; of an interrupt or a misuse.
	 */
	unsigned int notices_open, notices_wanted;
	bool telling, sending;
	struct model_notice notices[MODEL_NOTICES];
	/* Answers that are due to devices, and given without the lock; commands wait for them. */
	unsigned int answer_count;
	struct iommu_model_amdvi_page_answer answers[MODEL_ANSWERS_MAX];
	unsigned int answering;
	const char *misuse;
	uint64_t commands, event_total;
};

/* --- in and out (entry.c) --------------------------------------------------------------------- */

uintptr_t iommu_amdmodel_enter(struct iommu_model_amdvi *model);
/*
 * Release the lock for a call of the host, and take it again. go_out returns the budget that is
 * left, which come_back takes.
 */
unsigned int iommu_amdmodel_go_out(struct iommu_model_amdvi *model, uintptr_t state);
uintptr_t iommu_amdmodel_come_back(struct iommu_model_amdvi *model, unsigned int left);
/* As go_out, for a piece of work that costs budget. */
unsigned int iommu_amdmodel_spend(struct iommu_model_amdvi *model, uintptr_t state);
/* From now on requests obey the registers; called before what that makes stale is dropped. */
void iommu_amdmodel_publish(struct iommu_model_amdvi *model);
/*
 * Post a notice; one in the same place is replaced. If the host has no callback the guest may see
 * completion at once.
 */
void iommu_amdmodel_notify(struct iommu_model_amdvi *model, enum model_notice_place place,
			   const struct iommu_model_amdvi_invalidation *what);
void iommu_amdmodel_give_up_notice(struct iommu_model_amdvi *model, enum model_notice_place place);
/* Have the command buffer looked at when the model is left. */
void iommu_amdmodel_queue_wake(struct iommu_model_amdvi *model);
/* Words of a structure in memory, without the lock; at most 2. */
bool iommu_amdmodel_read(const struct iommu_model_amdvi *model, iommu_paddr_t paddr,
			 uint64_t *words, unsigned int count);
bool iommu_amdmodel_write(const struct iommu_model_amdvi *model, iommu_paddr_t paddr,
			  const uint64_t *words, unsigned int count);

/* --- what is delivered, and what is done on leaving (work.c) ---------------------------------- */

/* Leave: deliver all that is due, and go on with the commands. Without the lock afterwards. */
void iommu_amdmodel_leave(struct iommu_model_amdvi *model, uintptr_t state);
/* The work of leave, without leaving; the lock is released in between. */
void iommu_amdmodel_work(struct iommu_model_amdvi *model, uintptr_t *state);
/* Add an answer. The lock is released when there is no room. */
void iommu_amdmodel_owe_answer(struct iommu_model_amdvi *model, uintptr_t *state,
			       const struct iommu_model_amdvi_page_answer *answer);

/* What a request leaves behind: an event, an entry of the GA log. */
struct model_traces {
	bool has_event, has_guest;
	struct amdvi_event event;
	uint64_t guest;
};

/*
 * Complete a request, without the lock; traces: NULL, or of a passage that is a walk. Work that is
 * due is then done by this processor.
 */
void iommu_amdmodel_passage_end(struct iommu_model_amdvi *model, struct model_passage *passage,
				const struct model_traces *traces);

/* --- interrupts ------------------------------------------------------------------------------- */

/* A bit of the status register becomes 1; its interrupt is sent if it is enabled and was 0. */
void iommu_amdmodel_status_set(struct iommu_model_amdvi *model, uint64_t bit);
/* Interrupts that the control register has enabled: of bits that are 1 already. */
void iommu_amdmodel_interrupts_enabled(struct iommu_model_amdvi *model, uint64_t before);
/* Send one; the lock is released in between. */
void iommu_amdmodel_interrupts_send(struct iommu_model_amdvi *model, uintptr_t *state);

/* --- logs (ring.c) ---------------------------------------------------------------------------- */

enum model_put {
	MODEL_PUT,         /* written */
	MODEL_PUT_NOWHERE, /* the log does not run */
	MODEL_PUT_FULL,    /* it is full, and has stopped with that */
	MODEL_PUT_FAILED,  /* its memory could not be written */
};

/* Write a record of 2 words, of the GA log of 1, into the next place. The lock is released. */
enum model_put iommu_amdmodel_ring_put(struct iommu_model_amdvi *model, uintptr_t *state,
				       enum model_ring_kind which, const uint64_t *words);
/* Log an event. The lock is released. */
void iommu_amdmodel_log_event(struct iommu_model_amdvi *model, uintptr_t *state,
			      const struct amdvi_event *event);
/* It was turned on or off. */
void iommu_amdmodel_ring_restart(struct iommu_model_amdvi *model, enum model_ring_kind which);
/* Write a record that is late, now. The lock is released. */
void iommu_amdmodel_ring_write_late(struct iommu_model_amdvi *model, uintptr_t *state,
				    enum model_ring_kind which);
/* A register is read: a little time passes. */
void iommu_amdmodel_rings_pass_time(struct iommu_model_amdvi *model, uintptr_t *state);

/* --- commands --------------------------------------------------------------------------------- */

bool iommu_amdmodel_queue_has_work(const struct iommu_model_amdvi *model);
/* Execute the command at the head, if it can be; false: nothing was done. */
bool iommu_amdmodel_queue_step(struct iommu_model_amdvi *model, uintptr_t *state);
/* The host was told of the command at the head. The lock is released. */
void iommu_amdmodel_queue_told(struct iommu_model_amdvi *model, uintptr_t *state,
			       const struct model_notice *told, bool answered);
/* The command buffer is turned on or off. */
void iommu_amdmodel_queue_forget(struct iommu_model_amdvi *model);
/* A register is read: a little time passes. */
void iommu_amdmodel_queue_pass_time(struct iommu_model_amdvi *model);
/* Is it a command that a lazy unit puts off, from a saved state? */
bool iommu_amdmodel_may_be_put_off(const struct iommu_model_amdvi *model,
				   const struct amdvi_command *command);
/* Is it legal on this unit? (legal.c) */
bool iommu_amdmodel_command_is_legal(const struct iommu_model_amdvi *model,
				     const struct amdvi_command *command);
/* Drop what a command names, and tell the host. (invalidate.c) */
void iommu_amdmodel_invalidate(struct iommu_model_amdvi *model,
			       const struct model_command *command);

/* --- configurations (config.c) ---------------------------------------------------------------- */

void iommu_amdmodel_set_defaults(struct iommu_model_amdvi_config *config);
/* What contradicts itself; NULL: nothing. */
const char *iommu_amdmodel_config_defect(const struct iommu_model_amdvi_config *config);

/* --- registers -------------------------------------------------------------------------------- */

void iommu_amdmodel_registers_reset(struct iommu_model_amdvi *model);
/* Bits that the registers can hold, each for itself. */
bool iommu_amdmodel_registers_are_sane(const struct iommu_model_amdvi *model,
				       const struct model_registers *regs);

/* --- the control register and the status register (control.c) --------------------------------- */

void iommu_amdmodel_control_written(struct iommu_model_amdvi *model, uint64_t value);
void iommu_amdmodel_status_written(struct iommu_model_amdvi *model, uint64_t value);
/* The status register, as it is read. */
uint64_t iommu_amdmodel_status(const struct iommu_model_amdvi *model);
/* Bits of the control register that can be 1 on this unit. */
uint64_t iommu_amdmodel_control_bits(const struct iommu_model_amdvi *model);
/* What requests depend on was written: everything that the host keeps is void. */
void iommu_amdmodel_notify_enable(struct iommu_model_amdvi *model);

/* --- state ------------------------------------------------------------------------------------ */

/* Post the notice that everything that the host keeps is void. */
void iommu_amdmodel_notify_reset(struct iommu_model_amdvi *model);
/* Forget everything that is cached. */
void iommu_amdmodel_drop_caches(struct iommu_model_amdvi *model);

/* --- small things ----------------------------------------------------------------------------- */

static inline bool model_efr(const struct iommu_model_amdvi *model, unsigned int field)
{
	return amdvi_bits(model->config.efr, field) != 0;
}

static inline bool model_efr2(const struct iommu_model_amdvi *model, unsigned int field)
{
	return amdvi_bits(model->config.efr2, field) != 0;
}

static inline bool model_flag(const struct iommu_model_amdvi *model,
			      enum iommu_model_amdvi_flags flag)
{
	return (model->config.flags & (unsigned int)flag) != 0;
}

static inline bool model_has_device_tlbs(const struct iommu_model_amdvi *model)
{
	return !model_flag(model, IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS);
}

static inline bool model_is_strict(const struct iommu_model_amdvi *model,
				   enum iommu_model_amdvi_strict rule)
{
	return (model->config.strict & (unsigned int)rule) != 0;
}

/* Are commands executed when what they have to precede is, and not before? */
static inline bool model_puts_off(const struct iommu_model_amdvi *model)
{
	return model_is_strict(model, IOMMU_MODEL_AMDVI_LAZY) ||
	       model_is_strict(model, IOMMU_MODEL_AMDVI_UNORDERED);
}

/* The first misuse of a call is reported. */
static inline void model_misuse(struct iommu_model_amdvi *model, const char *text)
{
	if (model->misuse == NULL)
		model->misuse = text;
}

static inline uint64_t model_last_address(const struct iommu_model_amdvi *model)
{
	return (1ULL << model->config.physical_bits) - 1;
}

static inline bool model_control(const struct iommu_model_amdvi *model, unsigned int field)
{
	return amdvi_bits(model->regs.control, field) != 0;
}

/* --- Rings ------------------------------------------------------------------------------------ */

static inline unsigned int model_ring_shift(enum model_ring_kind which)
{
	return which == MODEL_GUESTS ? 3 : 4;
}

/* Bits of a head or tail. */
static inline uint64_t model_ring_pointer(enum model_ring_kind which)
{
	return amdvi_field_mask(which == MODEL_GUESTS ? AMDVI_GA_RING_POINTER : AMDVI_RING_POINTER);
}

/* Bytes of a ring; 0: its length is reserved. */
static inline uint32_t model_ring_size(const struct iommu_model_amdvi *model,
				       enum model_ring_kind which)
{
	const unsigned int order = amdvi_ring_order(model->regs.ring[which].base);

	return order < AMDVI_RING_ORDER_MIN ? 0 : 1U << (order + model_ring_shift(which));
}

static inline uint64_t model_ring_run(enum model_ring_kind which)
{
	static const uint64_t bits[MODEL_RINGS] = {
		AMDVI_STATUS_CMD_BUF_RUN, AMDVI_STATUS_EVENT_LOG_RUN, AMDVI_STATUS_PPR_LOG_RUN,
		AMDVI_STATUS_GA_LOG_RUN};

	return bits[which];
}

static inline bool model_ring_runs(const struct iommu_model_amdvi *model,
				   enum model_ring_kind which)
{
	return (model->regs.status & model_ring_run(which)) != 0;
}

/* A head or tail, moved by `bytes`; a pointer beyond the ring counts as one inside. */
static inline uint32_t model_ring_move(const struct iommu_model_amdvi *model,
				       enum model_ring_kind which, uint64_t pointer, uint32_t bytes)
{
	return ((uint32_t)pointer + bytes) & (model_ring_size(model, which) - 1);
}

static inline uint64_t model_ring_place(const struct iommu_model_amdvi *model,
					enum model_ring_kind which, uint32_t pointer)
{
	return amdvi_ring_address(model->regs.ring[which].base) + pointer;
}

#endif
