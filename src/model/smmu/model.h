/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMU model's structures, and the interfaces between its files: registers, command queue,
 * rings of records, interrupts, stalled requests, notices for the host, cache, the way of a request
 * (journey.h), state. Called with the model's lock held, unless stated otherwise.
 *
 * Locking: `lock` guards registers, queues and what is to be delivered; a request of a device takes
 * it only to record an event. The registers that requests depend on are published (struct
 * model_published), and cached entries are in the cache, which has a lock of its own, taken inside
 * this one (see cache.h). No function of the host but the platform's irq_save, irq_restore and
 * relax is called with either.
 */
#ifndef IOMMU_MODEL_SMMU_MODEL_H
#define IOMMU_MODEL_SMMU_MODEL_H

#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/smmu_page_request.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>
#include <libiommu/model_smmu.h>

#include "base/byteorder.h"
#include "base/spinlock.h"
#include "model/walk.h"

/* The queues, in the order of their registers. */
enum model_queue {
	MODEL_COMMANDS,
	MODEL_EVENTS,
	MODEL_REQUESTS,
	MODEL_QUEUES
};

struct model_queue_registers {
	uint64_t base, prod, cons;
};

/* Sources of interrupts that have messages of their own, in the order of IRQ_CTRL's bits. */
enum model_source {
	MODEL_SOURCE_ERRORS,
	MODEL_SOURCE_REQUESTS,
	MODEL_SOURCE_EVENTS,
	MODEL_SOURCES
};

/* A bit of its own for the wire of CMD_SYNC. */
#define MODEL_SIGNAL_SYNC MODEL_SOURCES

struct model_message_registers {
	uint64_t address, data, attributes;
};

/* The state that a guest can see and that migration must carry. Only 64-bit words: see state.c. */
struct model_registers {
	uint64_t cr0;     /* as written */
	uint64_t enabled; /* as requests and queues see it */
	uint64_t cr0ack, cr1, cr2;
	uint64_t gbpa;   /* as written, with Update */
	uint64_t bypass; /* as requests see it */
	uint64_t irq_ctrl, irq_ctrlack;
	uint64_t gerror, gerrorn;
	uint64_t strtab_base, strtab_cfg;
	struct model_queue_registers queue[MODEL_QUEUES];
	struct model_message_registers messages[MODEL_SOURCES];
	/* A bit for each source whose interrupt is to be sent, and MODEL_SIGNAL_SYNC. */
	uint64_t signals;
	/* A device has not answered since the last CMD_SYNC. */
	uint64_t device_is_silent;
	/* Stalled requests, by their tags: MODEL_STALL_… and the stream. */
	uint64_t stalls[IOMMU_MODEL_SMMU_STALLS_MAX];
};

/* Of a stalled request. */
#define MODEL_STALL_STREAM   0xffffffffULL
#define MODEL_STALL_USED     (1ULL << 32)
#define MODEL_STALL_UNTOLD   (1ULL << 33) /* no record could be written: it is tried again */
#define MODEL_STALL_RESUMED  (1ULL << 34) /* the host is to be told, with: */
#define MODEL_STALL_HOW      35           /* enum iommu_model_smmu_resumption */
#define MODEL_STALL_ALL_BITS ((4ULL << MODEL_STALL_HOW) - 1)

/* What it caches. Entries may have a reason: then what they say is that event. */
enum model_kind {
	/* tag = StreamID >> SPLIT; low = the level 1 descriptor */
	MODEL_STREAM_TABLE,
	/* tag = StreamID; level 0: words 0 to 2, level 1: word 3, and a check on the others */
	MODEL_STREAM,
	/*
	 * tag = StreamID, address = SubstreamID; levels 0 and 1 as MODEL_STREAM; level 2, address =
	 * index in the table of level 1: low = the level 1 descriptor
	 */
	MODEL_CONTEXT,
	/* tag: model_stage_1_tag; see journey.h */
	MODEL_STAGE_1,
	/* tag: model_stage_2_tag */
	MODEL_STAGE_2,
};

_Static_assert(MODEL_STAGE_2 < MODEL_CACHE_KINDS, "every kind is counted");

#define MODEL_CONTEXT_TABLE 2U

/* What one leaf spans: the levels of the cache's keys. Larger leaves are cached in pieces. */
#define MODEL_SPANS 8U

_Static_assert(MODEL_SPANS <= MODEL_CACHE_LEVELS, "every span is counted");

static inline unsigned int model_span_shift(unsigned int span)
{
	static const uint8_t shifts[MODEL_SPANS] = {12, 14, 16, 21, 25, 29, 30, 34};

	return shifts[span];
}

/* The largest span that a block of 2^shift bytes, 12 at least, has. */
static inline unsigned int model_span_of(unsigned int shift)
{
	unsigned int span = MODEL_SPANS - 1;

	while (model_span_shift(span) > shift)
		span--;
	return span;
}

/* --- Tags of entries of tables ---------------------------------------------------------------- */

/*
 * The lower bits: level of the leaf, or of the entry that leads to a table; granule (16K, 4K and
 * 64K as in the commands: enum smmu_tlbi_granule); whether it leads to a table; whether it is
 * global, when the ASID is that of all that share it: ASET.
 */
#define MODEL_TAG_LEVEL   3U
#define MODEL_TAG_GRANULE 2U /* shift */
#define MODEL_TAG_TABLE   (1U << 4)
#define MODEL_TAG_GLOBAL  (1U << 5)
#define MODEL_TAG_ASID    6U /* shift */
#define MODEL_TAG_VMID    22U
#define MODEL_TAG_WORLD   38U
#define MODEL_TAG_LOW     0x1fULL

/* Streams' worlds, which no entry is shared between. */
enum model_world {
	MODEL_EL1,
	MODEL_EL2,
	MODEL_EL2_E2H,
};

static inline uint64_t model_stage_1_tag(enum model_world world, uint16_t vmid, uint16_t asid)
{
	return (uint64_t)world << MODEL_TAG_WORLD | (uint64_t)vmid << MODEL_TAG_VMID |
	       (uint64_t)asid << MODEL_TAG_ASID;
}

static inline uint64_t model_stage_2_tag(uint16_t vmid)
{
	return (uint64_t)vmid << MODEL_TAG_VMID;
}

/* log2 of a granule as commands code it. */
static inline unsigned int model_granule_code(unsigned int shift)
{
	return (shift - 10) / 2;
}

static inline uint64_t model_tag_entry(unsigned int granule_shift, unsigned int level)
{
	return (uint64_t)model_granule_code(granule_shift) << MODEL_TAG_GRANULE | level;
}

/* log2 of what an entry of a level spans. */
static inline unsigned int model_level_shift(unsigned int granule_shift, unsigned int level)
{
	return granule_shift + (granule_shift - 3) * (3 - level);
}

/* The virtual address that entries are cached under: bit 55 says which half. */
static inline uint64_t model_canonical(uint64_t address)
{
	const uint64_t top = 0xff00000000000000ULL;

	return (address >> 55 & 1) != 0 ? address | top : address & ~top;
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
	NOTICE_ENABLE, /* CR0ACK and GBPA.Update wait */
	NOTICE_QUEUE,  /* CONS waits */
	MODEL_NOTICES
};

/* Records that processors can write into a ring side by side. */
#define MODEL_WRITERS_MAX 32U

/* An answer of a command, and one of the unit itself. */
#define MODEL_ANSWERS_MAX 2

/* Commands that a lazy unit puts off. */
#define MODEL_PUT_OFF_MAX 32U

/* --- the model -------------------------------------------------------------------------------- */

struct model_notice {
	/* Changes when a notice is posted, and when it is withdrawn. */
	uint32_t serial;
	struct iommu_model_smmu_invalidation what;
};

/*
 * The state that requests of devices depend on, read without the lock and written with it, by
 * iommu_smmodel_publish alone, which changes the cache's generation with any change.
 */
struct model_published {
	iommu_cell_t enabled, cr2, bypass;
	iommu_cell_t strtab_base, strtab_cfg;
	iommu_cell_t corrupt_first, corrupt_last;
};

/*
 * Places behind a ring's producer that are being written: the number of the first, how many there
 * are, which are written, which of these could not be, and which are the last of a group. `epoch`
 * changes when the ring is turned off or on.
 */
struct model_ring {
	uint32_t epoch, first, writers, written, failed, lasts;
	uint32_t in_flight; /* processors that are writing, those of an earlier epoch included */
};

struct iommu_model_smmu {
	const struct iommu_platform *platform;
	struct iommu_model_smmu_config config;
	struct model_cache cache;
	struct model_published published;
	struct model_counter *counters; /* of the model's own, for its statistics */
	uint8_t work_is_left;           /* a copy of has_work, for readers without the lock */
	unsigned char apart[MODEL_CACHE_LINE];
	struct iommu_spinlock lock;
	struct model_registers regs;
	uint64_t random; /* for a wild reset */
	struct iommu_model_smmu_faults faults;
	/* CR0, GBPA or IRQ_CTRL was written: the reads until it is looked at; that is due now. */
	unsigned int change_reads;
	bool change_is_due;
	bool change_has_begun;  /* in force, and told to the host */
	uint64_t change_ticket; /* walks before */
	struct model_ring rings[MODEL_QUEUES];
	/* The CMD_SYNC at the head of the queue is held back. */
	bool sync_held;
	unsigned int sync_reads;
	uint64_t sync_ticket; /* walks that it waits for */
	bool queue_left;      /* the queue has to be looked at */
	/* Changes when the queue is turned on or off, which voids what was fetched before. */
	uint32_t queue_generation;
	bool queue_busy; /* used by one processor, without the lock */
	unsigned int put_off_count;
	struct smmu_command put_off[MODEL_PUT_OFF_MAX];
	unsigned int resumes; /* stalled requests that the host is to be told of */
	/* The budget of the call that has the lock. */
	unsigned int budget;
	/*
	 * Bits for places: not yet completed for the guest; of these, not yet delivered to the
	 * host. The host is in the callback of a notice; of a message, a resumption or a misuse.
	 */
	unsigned int notices_open, notices_wanted;
	bool telling, sending;
	struct model_notice notices[MODEL_NOTICES];
	/* Answers that are due to devices, and given without the lock; the queue waits for them. */
	unsigned int answer_count;
	struct iommu_model_smmu_page_answer answers[MODEL_ANSWERS_MAX];
	unsigned int answering;
	const char *misuse;
	uint64_t commands, event_total;
};

/* --- in and out (entry.c) --------------------------------------------------------------------- */

uintptr_t iommu_smmodel_enter(struct iommu_model_smmu *model);
/*
 * Release the lock for a call of the host, and take it again. go_out returns the budget that is
 * left, which come_back takes.
 */
unsigned int iommu_smmodel_go_out(struct iommu_model_smmu *model, uintptr_t state);
uintptr_t iommu_smmodel_come_back(struct iommu_model_smmu *model, unsigned int left);
/* As go_out, for a piece of work that costs budget. */
unsigned int iommu_smmodel_spend(struct iommu_model_smmu *model, uintptr_t state);
/* From now on requests obey the registers; called before what that makes stale is dropped. */
void iommu_smmodel_publish(struct iommu_model_smmu *model);
/*
 * Post a notice; one in the same place is replaced. If the host has no callback the guest may see
 * completion at once.
 */
void iommu_smmodel_notify(struct iommu_model_smmu *model, enum model_notice_place place,
			  const struct iommu_model_smmu_invalidation *what);
void iommu_smmodel_give_up_notice(struct iommu_model_smmu *model, enum model_notice_place place);
/* Have the command queue looked at when the model is left. */
void iommu_smmodel_queue_wake(struct iommu_model_smmu *model);
/* Words of a structure in memory, without the lock; at most 2. */
bool iommu_smmodel_read(const struct iommu_model_smmu *model, iommu_paddr_t paddr, uint64_t *words,
			unsigned int count);
bool iommu_smmodel_write(const struct iommu_model_smmu *model, iommu_paddr_t paddr,
			 const uint64_t *words, unsigned int count);

/* --- what is delivered, and what is done on leaving (work.c) ---------------------------------- */

/* Leave: deliver all that is due, and go on with the queue. Without the lock afterwards. */
void iommu_smmodel_leave(struct iommu_model_smmu *model, uintptr_t state);
/* The work of leave, without leaving; the lock is released in between. */
void iommu_smmodel_work(struct iommu_model_smmu *model, uintptr_t *state);
/* Add an answer. The lock is released when there is no room. */
void iommu_smmodel_owe_answer(struct iommu_model_smmu *model, uintptr_t *state,
			      const struct iommu_model_smmu_page_answer *answer);

/*
 * Complete a request, without the lock. `event` is recorded, unless NULL, for a passage that is a
 * walk; *tag: for a stalled request, otherwise NULL. False: it cannot be stalled. Work that is due
 * is then done by this processor.
 */
bool iommu_smmodel_passage_end(struct iommu_model_smmu *model, struct model_passage *passage,
			       struct smmu_event *event, uint16_t *tag);

/* --- interrupts ------------------------------------------------------------------------------- */

/* An interrupt of a source, if it is enabled. */
void iommu_smmodel_interrupt(struct iommu_model_smmu *model, enum model_source source);
/* An error becomes active, unless it is. */
void iommu_smmodel_error(struct iommu_model_smmu *model, uint32_t error);
bool iommu_smmodel_interrupts_have_work(const struct iommu_model_smmu *model);
/* Send one; the lock is released in between. */
void iommu_smmodel_interrupts_send(struct iommu_model_smmu *model, uintptr_t *state);
/* A message of 4 bytes, without the lock. */
bool iommu_smmodel_send_message(const struct iommu_model_smmu *model, uint64_t address,
				uint32_t data);

/* --- rings of records: events and page requests ----------------------------------------------- */

enum model_put {
	MODEL_PUT,         /* written */
	MODEL_PUT_NOWHERE, /* the queue is off */
	MODEL_PUT_FULL,    /* it is full, or page requests were lost */
	MODEL_PUT_FAILED,  /* its memory could not be written, or could not before */
};

/* A record of 2 or 4 words; keeps: it is not lost when there is no room, but tried again. */
struct model_record {
	enum model_queue which;
	const smmu_word_t *words;
	unsigned int count;
	bool is_last, keeps;
};

/* Write a record into the next place. The lock is released. */
enum model_put iommu_smmodel_ring_put(struct iommu_model_smmu *model, uintptr_t *state,
				      const struct model_record *record);
/* Were records lost that the driver does not know of? */
bool iommu_smmodel_ring_has_overflowed(const struct iommu_model_smmu *model,
				       enum model_queue which);
/* Requests are lost, and that is not known yet. */
void iommu_smmodel_ring_overflow(struct iommu_model_smmu *model, enum model_queue which);
/* It was turned on or off. */
void iommu_smmodel_ring_restart(struct iommu_model_smmu *model, enum model_queue which);
bool iommu_smmodel_ring_is_writable(const struct iommu_model_smmu *model, enum model_queue which);

/* --- stalled requests ------------------------------------------------------------------------- */

/* Room for one; false: there are too many. */
bool iommu_smmodel_stall_begin(struct iommu_model_smmu *model, uint32_t stream, uint16_t *tag);
/* No record of it could be written. */
void iommu_smmodel_stall_untold(struct iommu_model_smmu *model, uint16_t tag);
/* CMD_RESUME or CMD_STALL_TERM. */
void iommu_smmodel_stall_command(struct iommu_model_smmu *model, const struct smmu_command *c);
/* All of them, because translation is turned off. */
void iommu_smmodel_stalls_end(struct iommu_model_smmu *model);
/* The event queue may have room: those without a record are tried again. */
void iommu_smmodel_stalls_retry(struct iommu_model_smmu *model);
bool iommu_smmodel_stalls_tell(struct iommu_model_smmu *model, uintptr_t *state);
bool iommu_smmodel_stall_is_sane(const struct iommu_model_smmu *model, unsigned int tag,
				 uint64_t stall);
void iommu_smmodel_stalls_resume(struct iommu_model_smmu *model);

/* --- commands --------------------------------------------------------------------------------- */

bool iommu_smmodel_queue_has_work(const struct iommu_model_smmu *model);
/* Execute the command at the head, if it can be; false: nothing was done. */
bool iommu_smmodel_queue_step(struct iommu_model_smmu *model, uintptr_t *state);
/* The host was told of the command at the head. */
void iommu_smmodel_queue_told(struct iommu_model_smmu *model, bool answered);
/* The queue is turned on or off. */
void iommu_smmodel_queue_forget(struct iommu_model_smmu *model);
/* Is it a command that a lazy unit puts off, from a saved state? */
bool iommu_smmodel_may_be_put_off(const struct iommu_model_smmu *model,
				  const struct smmu_command *command);
/* Drop what a command names, and tell the host. */
void iommu_smmodel_invalidate(struct iommu_model_smmu *model, const struct smmu_command *command);

/* --- configurations (config.c) ---------------------------------------------------------------- */

void iommu_smmodel_set_defaults(struct iommu_model_smmu_config *config);
/* What contradicts itself; NULL: nothing. */
const char *iommu_smmodel_config_defect(const struct iommu_model_smmu_config *config);

/* --- registers -------------------------------------------------------------------------------- */

void iommu_smmodel_registers_reset(struct iommu_model_smmu *model);
/* Bits that the registers can hold, each for itself. */
bool iommu_smmodel_registers_are_sane(const struct iommu_model_smmu *model,
				      const struct model_registers *regs);

/* --- changes of CR0, GBPA and IRQ_CTRL (control.c) -------------------------------------------- */

void iommu_smmodel_cr0_written(struct iommu_model_smmu *model, uint32_t value);
void iommu_smmodel_gbpa_written(struct iommu_model_smmu *model, uint32_t value);
void iommu_smmodel_irq_ctrl_written(struct iommu_model_smmu *model, uint32_t value);
bool iommu_smmodel_control_has_work(const struct iommu_model_smmu *model);
/* Complete what is due; false: nothing was done. */
bool iommu_smmodel_control_step(struct iommu_model_smmu *model);
/* A register is read: a little time passes. */
void iommu_smmodel_control_pass_time(struct iommu_model_smmu *model);
/* Something that a change waits for has ended, or it goes on from a saved state. */
void iommu_smmodel_control_wake(struct iommu_model_smmu *model);

/* --- state ------------------------------------------------------------------------------------ */

/* Post the notice that everything that the host keeps is void. */
void iommu_smmodel_notify_reset(struct iommu_model_smmu *model);
/* Forget everything that is cached. */
void iommu_smmodel_drop_caches(struct iommu_model_smmu *model);

/* --- small things ----------------------------------------------------------------------------- */

static inline bool model_idr0(const struct iommu_model_smmu *model, unsigned int field)
{
	return smmu_bits(model->config.idr0, field) != 0;
}

static inline bool model_idr1(const struct iommu_model_smmu *model, unsigned int field)
{
	return smmu_bits(model->config.idr1, field) != 0;
}

static inline bool model_idr3(const struct iommu_model_smmu *model, unsigned int field)
{
	return smmu_bits(model->config.idr3, field) != 0;
}

static inline unsigned int model_httu(const struct iommu_model_smmu *model)
{
	return (unsigned int)smmu_bits(model->config.idr0, SMMU_IDR0_HTTU);
}

static inline unsigned int model_stall_model(const struct iommu_model_smmu *model)
{
	return (unsigned int)smmu_bits(model->config.idr0, SMMU_IDR0_STALL);
}

static inline bool model_is_strict(const struct iommu_model_smmu *model,
				   enum iommu_model_smmu_strict rule)
{
	return (model->config.strict & (unsigned int)rule) != 0;
}

/* Are commands executed when what they have to precede is, and not before? */
static inline bool model_puts_off(const struct iommu_model_smmu *model)
{
	return model_is_strict(model, IOMMU_MODEL_SMMU_LAZY) ||
	       model_is_strict(model, IOMMU_MODEL_SMMU_UNORDERED);
}

/* The first misuse of a call is reported. */
static inline void model_misuse(struct iommu_model_smmu *model, const char *text)
{
	if (model->misuse == NULL)
		model->misuse = text;
}

static inline bool model_notice_is_open(const struct iommu_model_smmu *model,
					enum model_notice_place place)
{
	return (model->notices_open >> place & 1) != 0;
}

/* Bits of an output address; the intermediate ones have as many. */
static inline unsigned int model_output_bits(const struct iommu_model_smmu *model)
{
	return smmu_address_bits((unsigned int)smmu_bits(model->config.idr5, SMMU_IDR5_OAS));
}

static inline uint64_t model_last_address(const struct iommu_model_smmu *model)
{
	return (1ULL << model_output_bits(model)) - 1;
}

static inline uint32_t model_active_errors(const struct iommu_model_smmu *model)
{
	return smmu_gerror_active((uint32_t)model->regs.gerror, (uint32_t)model->regs.gerrorn);
}

/* log2 of the largest queue. */
static inline unsigned int model_queue_order_max(const struct iommu_model_smmu *model,
						 enum model_queue which)
{
	static const unsigned int fields[MODEL_QUEUES] = {SMMU_IDR1_CMDQS, SMMU_IDR1_EVENTQS,
							  SMMU_IDR1_PRIQS};

	return (unsigned int)smmu_bits(model->config.idr1, fields[which]);
}

/* log2 of a queue, as it is used: never more than there is. */
static inline unsigned int model_queue_order(const struct iommu_model_smmu *model,
					     enum model_queue which)
{
	const unsigned int order = smmu_queue_base_order(model->regs.queue[which].base);
	const unsigned int max = model_queue_order_max(model, which);

	return order < max ? order : max;
}

/* Is a queue on? That of page requests only with the unit. */
static inline bool model_queue_is_on(const struct iommu_model_smmu *model, enum model_queue which)
{
	static const uint32_t bits[MODEL_QUEUES] = {SMMU_CR0_CMDQEN, SMMU_CR0_EVENTQEN,
						    SMMU_CR0_PRIQEN | SMMU_CR0_SMMUEN};

	return (model->regs.enabled & bits[which]) == bits[which];
}

/* The place of an entry of 2^shift bytes; the base is aligned to the queue. */
static inline uint64_t model_queue_place(const struct iommu_model_smmu *model,
					 enum model_queue which, uint32_t pointer,
					 unsigned int shift)
{
	const unsigned int order = model_queue_order(model, which);
	const uint64_t size = 1ULL << (order + shift);

	return (smmu_queue_base_address(model->regs.queue[which].base) & ~(size - 1)) +
	       ((uint64_t)smmu_queue_index(pointer, order) << shift);
}

#endif
