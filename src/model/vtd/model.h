/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d model's structures, and the interfaces between its files: registers, queue (and
 * invalidation by registers), notices for the host, cache, the way of a request (journey.h), page
 * requests, interrupts, faults, state. Called with the model's lock held, unless stated otherwise.
 *
 * Locking: `lock` guards registers, queue, faults and messages; a request of a device takes it only
 * to record a fault, or to be counted while a performance counter counts. The registers that
 * requests depend on are published (struct model_published), and cached entries are in the cache,
 * which has a lock of its own, taken inside this one (see cache.h). No function of the host but the
 * platform's irq_save, irq_restore and relax is called with either.
 */
#ifndef IOMMU_MODEL_VTD_MODEL_H
#define IOMMU_MODEL_VTD_MODEL_H

#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/model_vtd.h>

#include "base/byteorder.h"
#include "base/spinlock.h"
#include "model/walk.h"

/* Offsets of registers whose place the capabilities name. */
#define MODEL_IVA          0x0f0
#define MODEL_IOTLB        0x0f8
#define MODEL_FAULT_OFFSET 0x220
#define MODEL_FAULTS_MAX   256
/* The registers of performance counters would lie within the records: then these are here. */
#define MODEL_FAULT_OFFSET_BEHIND 0x500

/* Of the published works: a performance counter counts. */
#define MODEL_COUNTS (1U << 0)

/* Index masks of the interrupt entry cache. */
#define MODEL_HANDLE_MASK_MAX 15

/* The state that a guest can see and that migration must carry. Only 64-bit words: see state.c. */
struct model_registers {
	uint64_t version, cap, ecap;
	uint64_t gcmd, gsts;
	uint64_t rtaddr, root; /* as written; as set by SRTP */
	uint64_t root_set;
	uint64_t ccmd, iva, iotlb;
	uint64_t fsts, fectl, fedata, feaddr, feuaddr;
	uint64_t pmen, plmbase, plmlimit, phmbase, phmlimit;
	uint64_t iqh, iqt, iqa, iqercd;
	uint64_t ics, iectl, iedata, ieaddr, ieuaddr;
	uint64_t irta, interrupts; /* as written; as set by SIRTP */
	uint64_t interrupts_set;
	uint64_t fault_next; /* the record of the next fault */
	uint64_t pqh, pqt, pqa, prs, pectl, pedata, peaddr, peuaddr;
};

/* What it caches. */
enum model_kind {
	MODEL_CONTEXT, /* tag = source id, level = mode; low, high = entry; owner = domain id */
	MODEL_PAGE,    /* tag = domain id; a leaf: low = physical address, high = what is allowed */
	MODEL_TABLE,   /* tag = domain id; an entry of `level`: low = the table, high = allowed */
	MODEL_INTERRUPT, /* tag 0, address = index; low, high = entry */
	/* Scalable mode. */
	/* tag = PASID, address = source id; low, high, third = words 0, 2, 1; owner = domain id */
	MODEL_PASID,
	MODEL_FIRST_PAGE,  /* tag = domain id << 32 | PASID; of both stages where they are nested */
	MODEL_FIRST_TABLE, /* likewise; low = the table, third = its address in the first stage */
};

/* The owner of a PASID entry that is not present or invalid: not a domain id. */
#define MODEL_NO_DOMAIN 0x10000U

/*
 * The most that one call into the model does, in descriptors and calls of the host: as much as fits
 * the largest queue. The lock is released after each.
 */
#define MODEL_BUDGET 32768U

/*
 * Notices for the host, which are delivered without the lock: each kind has a place of its own, in
 * this order. The guest sees no completion before the host's callback has returned.
 */
enum model_notice_place {
	NOTICE_RESET,
	NOTICE_COMMAND,    /* GSTS shows the old state until then */
	NOTICE_PROTECTION, /* PRS shows the old state until then */
	NOTICE_CONTEXT,    /* ICC stays set */
	NOTICE_IOTLB,      /* IVT stays set */
	NOTICE_QUEUE,      /* the head stays */
	MODEL_NOTICES
};

/* The number of page requests that processors can write into the ring side by side. */
#define MODEL_WRITERS_MAX 32U

/* The unit may owe one answer to a request that it held, and one to the request behind it. */
#define MODEL_ANSWERS_MAX 2

/* --- the model -------------------------------------------------------------------------------- */

_Static_assert(MODEL_FIRST_TABLE < MODEL_CACHE_KINDS, "every kind is counted");

/* A message that is sent once the lock is released. */
struct model_message {
	uint64_t address;
	uint32_t data;
	bool wanted;
};

struct model_notice {
	/* Changes when a notice is posted, and when it is withdrawn. */
	uint32_t serial;
	struct iommu_model_invalidation what;
};

/*
 * The state that requests of devices depend on, read without the lock and written with it, by
 * iommu_model_publish alone, which changes the cache's generation with any change.
 */
struct model_published {
	iommu_cell_t works; /* what is on, of TE, IRE and CFI */
	iommu_cell_t root, interrupts;
	/* Protected memory; first above last: none. */
	iommu_cell_t low_first, low_last, high_first, high_last;
};

/* An invalidation by registers: its entries were dropped; whether it is complete. */
struct model_register_command {
	bool is_due; /* to be looked at */
	bool is_dropped;
	unsigned int granularity;
	uint64_t ticket;
};

struct model_perf;

struct iommu_model_vtd {
	const struct iommu_platform *platform;
	struct iommu_model_vtd_config config;
	struct model_cache cache;
	struct model_published published;
	struct model_counter *counters; /* of the model's own, for its statistics */
	struct model_perf *perf;        /* performance counters; NULL: there are none */
	uint8_t work_is_left;           /* a copy of has_work, for readers without the lock */
	unsigned char apart[MODEL_CACHE_LINE];
	struct iommu_spinlock lock;
	struct model_registers regs;
	uint64_t (*fault_records)[2];
	unsigned int fault_count, fault_order;
	struct iommu_model_vtd_faults faults;
	/* A command in progress: its bit, the new value, the reads until it acts. */
	uint32_t command;
	bool command_value;
	unsigned int command_reads;
	/* To be looked at; has taken effect, and is complete when older walks have ended. */
	bool command_is_due, command_has_begun;
	uint64_t command_ticket;
	/*
	 * The state of TE, IRE and CFI, which is ahead of the status register until a command
	 * completes.
	 */
	uint32_t works;
	struct model_register_command context, iotlb;
	/* The protected regions were switched. */
	uint64_t protection_ticket;
	bool protection_is_due;
	/* The wait descriptor at the head of the queue is held back. */
	bool wait_held;
	unsigned int wait_reads;
	uint64_t wait_ticket; /* walks that it waits for */
	/* Since the queue was turned on, the last executed descriptor was a wait. */
	bool last_was_wait;
	/* The rank (queue.c) of the last descriptor since a fence; 0: none. */
	unsigned int last_rank;
	/* The queue has to be looked at. */
	bool queue_left;
	/* The budget of the call that has the lock. */
	unsigned int budget;
	/* Changes when the queue is turned on or off, which voids earlier requests. */
	uint32_t queue_generation;
	/*
	 * Bits for places: not yet completed for the guest; of these, not yet delivered to the
	 * host. The host is in the callback of a notice; of a message or a misuse.
	 */
	unsigned int notices_open, notices_wanted;
	bool telling, sending;
	struct model_notice notices[MODEL_NOTICES];
	bool queue_busy;   /* used by one processor, without the lock */
	bool queue_writes; /* a write to memory: the queue stays on until it is done */
	/* A page request that is not yet in the ring. */
	bool request_held;
	struct iommu_model_page_request held;
	/*
	 * Places behind the ring's tail that are being written: the number of the first, how many
	 * there are, which are written, and which of those end a group. `ring_epoch` changes when
	 * software moves the ring meanwhile.
	 */
	uint32_t ring_epoch, ring_first, ring_writers, ring_written, ring_last;
	/* Answers that are due to devices, and given without the lock; the queue waits for them. */
	unsigned int answer_count;
	struct iommu_model_page_answer answers[MODEL_ANSWERS_MAX];
	/* Answers that are being given. */
	unsigned int answering;
	/* Callbacks that are due, without the lock. */
	struct model_message fault_message, wait_message, request_message;
	const char *misuse;
	uint64_t descriptors, fault_total;
};

/*
 * Enter and leave the model: leave delivers all that is due, and goes on with the queue. Called
 * without the lock.
 */
uintptr_t iommu_model_enter(struct iommu_model_vtd *model);
void iommu_model_leave(struct iommu_model_vtd *model, uintptr_t state);
/* The work of leave, without leaving; the lock is released in between. */
void iommu_model_work(struct iommu_model_vtd *model, uintptr_t *state);
/* Deliver the answers that are due: there is room for new ones. */
void iommu_model_give_answers(struct iommu_model_vtd *model, uintptr_t *state);
/* Add an answer. The lock is released when there is no room. */
void iommu_model_owe_answer(struct iommu_model_vtd *model, uintptr_t *state,
			    const struct iommu_model_page_answer *answer);
/*
 * Release the lock for a call of the host, and take it again. go_out returns the budget that is
 * left, which come_back takes.
 */
unsigned int iommu_model_go_out(struct iommu_model_vtd *model, uintptr_t state);
uintptr_t iommu_model_come_back(struct iommu_model_vtd *model, unsigned int left);
/* From now on requests obey the registers; called before what that makes stale is dropped. */
void iommu_model_publish(struct iommu_model_vtd *model);
/* The walks that a completion waited for have ended. */
void iommu_model_walks_ended(struct iommu_model_vtd *model);
/* Order the processor's writes to memory. Without the lock. */
void iommu_model_flush_writes(struct iommu_model_vtd *model);

/* --- notices ---------------------------------------------------------------------------------- */

/*
 * Post a notice; one in the same place is replaced. False: the host has no callback, and the guest
 * may see completion at once.
 */
bool iommu_model_notify(struct iommu_model_vtd *model, enum model_notice_place place,
			const struct iommu_model_invalidation *what);
/* Withdraw the notice in this place. */
void iommu_model_give_up_notice(struct iommu_model_vtd *model, enum model_notice_place place);
/* Deliver to the host, without the lock. Returns whether a device has answered. */
bool iommu_model_tell_notice(const struct iommu_model_vtd_host *host,
			     const struct iommu_model_invalidation *what);

static inline bool model_notice_is_open(const struct iommu_model_vtd *model,
					enum model_notice_place place)
{
	return (model->notices_open >> place & 1) != 0;
}

static inline bool model_has(const struct iommu_model_vtd *model, enum iommu_model_vtd_flags flag)
{
	return (model->config.flags & (unsigned int)flag) != 0;
}

static inline uint32_t model_fault_offset(const struct iommu_model_vtd_config *config)
{
	return (config->flags & IOMMU_MODEL_VTD_COUNTERS) != 0 ? MODEL_FAULT_OFFSET_BEHIND
							       : MODEL_FAULT_OFFSET;
}

static inline bool model_is_strict(const struct iommu_model_vtd *model,
				   enum iommu_model_vtd_strict rule)
{
	return (model->config.strict & (unsigned int)rule) != 0;
}

static inline bool model_is_on(const struct iommu_model_vtd *model, uint32_t bit)
{
	return (model->regs.gsts & bit) != 0;
}

/* The first misuse of a call is reported. */
static inline void model_misuse(struct iommu_model_vtd *model, const char *text)
{
	if (model->misuse == NULL)
		model->misuse = text;
}

static inline uint64_t model_output_last(const struct iommu_model_vtd *model)
{
	return (1ULL << model->config.output_width) - 1;
}

/* One or two little-endian words at paddr; false: no memory there, or beyond the output width. */
static inline bool model_read_words(struct iommu_model_vtd *model, iommu_paddr_t paddr,
				    uint64_t *words, unsigned int count)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	unsigned int i;

	if (paddr > model_output_last(model) || !host->read(host->ctx, paddr, words, count * 8))
		return false;
	for (i = 0; i < count; i++)
		words[i] = iommu_le64(words[i]);
	return true;
}

/* Four words, read from the host in two pieces. */
static inline bool model_read_wide(struct iommu_model_vtd *model, iommu_paddr_t paddr,
				   uint64_t *words)
{
	return model_read_words(model, paddr, words, 2) &&
	       model_read_words(model, paddr + 16, &words[2], 2);
}

/* --- a request's passage, without the lock ---------------------------------------------------- */

/* Beyond the specification's reasons: what was found may be stale; begin anew. */
#define MODEL_AGAIN 0x100U

struct model_fault;
/*
 * Complete a request. `fault` is recorded, unless NULL, for a passage that is a walk; `misuse` is
 * reported, unless NULL. Work that is due is then done by this processor.
 */
void iommu_model_passage_end(struct iommu_model_vtd *model, struct model_passage *passage,
			     const struct model_fault *fault, const char *misuse);

/* --- queue: invalidation, by queue and by registers ------------------------------------------- */

/* Have the queue looked at when the model is left. */
void iommu_model_queue_wake(struct iommu_model_vtd *model);
/* Has this processor work to do in the queue? */
bool iommu_model_queue_has_work(const struct iommu_model_vtd *model);
/* Execute the descriptor at the head, if it can be; false: nothing was done. */
bool iommu_model_queue_step(struct iommu_model_vtd *model, uintptr_t *state);
/* Write the page request that is held back into the ring. Releases the lock. */
void iommu_model_requests_drain(struct iommu_model_vtd *model, uintptr_t *state);
/* Software has moved the ring of page requests. */
void iommu_model_ring_moved(struct iommu_model_vtd *model);
/* The device that was asked has answered, or has not. */
void iommu_model_queue_answered(struct iommu_model_vtd *model, bool answered);
/* Can the queue's head be where it is? */
bool iommu_model_queue_head_is_sane(const struct model_registers *regs);
/* Have the command in the register looked at when the model is left. */
void iommu_model_context_command(struct iommu_model_vtd *model);
void iommu_model_iotlb_command(struct iommu_model_vtd *model);
bool iommu_model_register_commands_have_work(const struct iommu_model_vtd *model);
/* Execute or complete a command; false: nothing was done. Releases the lock. */
bool iommu_model_register_commands_step(struct iommu_model_vtd *model, uintptr_t *state);
/* Drop everything that a new root table makes stale; between begin and end of a drop. */
void iommu_model_drop_translations(struct iommu_model_vtd *model);

/* --- fault ------------------------------------------------------------------------------------ */

struct model_fault {
	unsigned int reason;
	uint16_t source_id;
	uint64_t info; /* page address, or interrupt index in 63:48 */
	enum vtd_fault_type type;
	enum iommu_model_request_type at;
	bool has_pasid;
	uint32_t pasid;
	bool hidden; /* FPD: not recorded */
};

/* Send the message of an event, or mark it as pending. */
void iommu_model_send_event(uint64_t *control, struct model_message *message, uint64_t address,
			    uint64_t upper, uint64_t data);
void iommu_model_fault_record(struct iommu_model_vtd *model, const struct model_fault *fault);
/* Bits of FSTS that cause the fault interrupt have been set. */
void iommu_model_fault_event(struct iommu_model_vtd *model, uint32_t fsts_bits);
/* FSTS or a record was written: recompute what depends on it. */
void iommu_model_fault_written(struct iommu_model_vtd *model);
void iommu_model_wait_event(struct iommu_model_vtd *model);
void iommu_model_request_event(struct iommu_model_vtd *model);
void iommu_model_event_unmasked(struct iommu_model_vtd *model);

/* --- registers -------------------------------------------------------------------------------- */

void iommu_model_registers_reset(struct iommu_model_vtd *model);
/* Execute the command that is due; the same for the protected regions. */
bool iommu_model_commands_have_work(const struct iommu_model_vtd *model);
bool iommu_model_commands_step(struct iommu_model_vtd *model, uintptr_t *state);
/* Bits that these registers can hold, each register for itself. */
bool iommu_model_registers_are_sane(const struct iommu_model_vtd *model,
				    const struct model_registers *regs);
/* Why this bit of the command register must not be changed now; NULL: it may. */
const char *iommu_model_command_mistake(const struct iommu_model_vtd *model,
					const struct model_registers *regs, uint32_t bit,
					bool value);

/* --- state ------------------------------------------------------------------------------------ */

/* Post the notice that everything that the host keeps is void. */
void iommu_model_notify_reset(struct iommu_model_vtd *model);
/* Forget everything that is cached. */
void iommu_model_drop_caches(struct iommu_model_vtd *model);

#endif
