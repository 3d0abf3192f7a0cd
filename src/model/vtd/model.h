/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d model's structures, and what its files offer each other: registers, queue (and register
 * invalidation), notices of it for the host, cache, the way of a request (journey.h), page
 * requests, interrupt, fault, state. Everything here is called with the model's lock held, unless
 * it says otherwise.
 *
 * Locking: `lock` guards registers, queue, faults and messages; a request of a device takes it only
 * to record a fault. What requests depend on of the registers is published (struct
 * model_published), and what they remember is in the cache, which has a lock of its own behind this
 * one (see cache.h). No function of the host but the platform's irq_save, irq_restore and relax is
 * called with either.
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

/* Where the registers lie whose place the capabilities name. */
#define MODEL_IVA          0x0f0
#define MODEL_IOTLB        0x0f8
#define MODEL_FAULT_OFFSET 0x220
#define MODEL_FAULTS_MAX   256

/* Index masks of the interrupt entry cache. */
#define MODEL_HANDLE_MASK_MAX 15

/* What a guest can see and migration must carry. Only 64-bit words: see state.c. */
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
	uint64_t fault_next; /* the record that the next fault goes to */
	uint64_t pqh, pqt, pqa, prs, pectl, pedata, peaddr, peuaddr;
};

/* What it caches. */
enum model_kind {
	MODEL_CONTEXT, /* tag = source id, level = mode; low, high = entry; owner = domain id */
	MODEL_PAGE,    /* tag = domain id; a leaf: low = physical address, high = what is allowed */
	MODEL_TABLE,   /* tag = domain id; an entry of `level`: low = the table, high = allowed */
	MODEL_INTERRUPT, /* tag 0, address = index; low, high = entry */
	/* Scalable mode. */
	/* tag = PASID, address = source id; low, high, third = words 0, 2, 1; owner likewise */
	MODEL_PASID,
	MODEL_FIRST_PAGE,  /* tag = domain id << 32 | PASID; of both stages where they are nested */
	MODEL_FIRST_TABLE, /* likewise; low = where it is, third = its address in the first stage */
};

/* The owner of a PASID entry that is not present or wrong: no domain id. */
#define MODEL_NO_DOMAIN 0x10000U

/*
 * What one entry into the model may do at most, in descriptors and calls of the host: as much as
 * fits the largest queue. The lock is let go of for each.
 */
#define MODEL_BUDGET 32768U

/*
 * What the host is told of without the lock, each kind in a place of its own, in this order. The
 * guest sees no completion before the host has been told.
 */
enum model_notice_place {
	NOTICE_RESET,
	NOTICE_COMMAND,    /* GSTS shows the state before */
	NOTICE_PROTECTION, /* PRS shows the state before */
	NOTICE_CONTEXT,    /* ICC stays set */
	NOTICE_IOTLB,      /* IVT stays set */
	NOTICE_QUEUE,      /* the head stays */
	MODEL_NOTICES
};

/* Page requests that several processors may write into the ring at once. */
#define MODEL_WRITERS_MAX 32U

/* The unit may owe one answer to a request that it held, and one to the request behind it. */
#define MODEL_ANSWERS_MAX 2

/* --- the model -------------------------------------------------------------------------------- */

_Static_assert(MODEL_FIRST_TABLE < MODEL_CACHE_KINDS, "every kind is counted");

/* A message that is sent once the lock is released. */
struct model_message {
	bool wanted;
	uint64_t address;
	uint32_t data;
};

struct model_notice {
	/* Changes when something is to be told, and when that is given up. */
	uint32_t serial;
	struct iommu_model_invalidation what;
};

/*
 * What requests of devices depend on, read without the lock and written with it, by
 * iommu_model_publish alone, which changes the cache's generation when it changes any of it.
 */
struct model_published {
	iommu_cell_t works; /* what is on, of TE, IRE and CFI */
	iommu_cell_t root, interrupts;
	/* Protected memory; first above last: none. */
	iommu_cell_t low_first, low_last, high_first, high_last;
};

/* An invalidation by a register: what it names has gone; and is it complete? */
struct model_register_command {
	bool is_due; /* to be looked at */
	bool is_dropped;
	unsigned int granularity;
	uint64_t ticket;
};

struct iommu_model_vtd {
	const struct iommu_platform *platform;
	struct iommu_model_vtd_config config;
	struct model_cache cache;
	struct model_published published;
	struct model_counter *counters;
	uint8_t work_is_left; /* has_work, for those without the lock */
	unsigned char apart[MODEL_CACHE_LINE];
	struct iommu_spinlock lock;
	struct model_registers regs;
	uint64_t (*fault_records)[2];
	unsigned int fault_count, fault_order;
	struct iommu_model_vtd_faults faults;
	/* A command on its way: its bit, the value that it gets, reads left. */
	uint32_t command;
	bool command_value;
	unsigned int command_reads;
	/*
	 * It is to be looked at; it has taken effect, and is complete when older walks have ended.
	 */
	bool command_is_due, command_has_begun;
	uint64_t command_ticket;
	/* What is on of TE, IRE and CFI: ahead of the status until a command is complete. */
	uint32_t works;
	struct model_register_command context, iotlb;
	/* The protected regions were turned on or off. */
	uint64_t protection_ticket;
	bool protection_is_due;
	/* A wait descriptor at the head of the queue is being delayed. */
	bool wait_held;
	unsigned int wait_reads;
	uint64_t wait_ticket; /* walks that it waits for */
	/* The last descriptor that was executed since the queue was turned on was a wait. */
	bool last_was_wait;
	/* The queue is to be looked at. */
	bool queue_left;
	/* How much the entry that has the lock may still do. */
	unsigned int budget;
	/* Changes when the queue is turned on or off: what was asked for before is for nothing. */
	uint32_t queue_generation;
	/*
	 * Bits for places: not completed for the guest yet; of these, the host is still to be told.
	 * It is being told of one; it is being told a message or a misuse.
	 */
	unsigned int notices_open, notices_wanted;
	bool telling, sending;
	struct model_notice notices[MODEL_NOTICES];
	bool queue_busy;   /* in the hands of one processor, which is out of the lock */
	bool queue_writes; /* … to memory: the queue is not off before that is done */
	/* A page request that has not reached the queue. */
	bool request_held;
	struct iommu_model_page_request held;
	/*
	 * Places behind the tail of the ring that are being written: the number of the first, how
	 * many, which of them are written, which of those are the last of a group. `ring_epoch`
	 * changes when software moves the ring under them.
	 */
	uint32_t ring_epoch, ring_first, ring_writers, ring_written, ring_last;
	/* Answers that devices get without the lock; the queue waits for them. */
	unsigned int answer_count;
	struct iommu_model_page_answer answers[MODEL_ANSWERS_MAX];
	/* Answers that are being given. */
	unsigned int answering;
	/* To be told without the lock. */
	struct model_message fault_message, wait_message, request_message;
	const char *misuse;
	uint64_t descriptors, fault_total;
};

/*
 * Enter and leave the model: leave tells what there is to tell, and goes on with the queue. Neither
 * with the lock held.
 */
uintptr_t iommu_model_enter(struct iommu_model_vtd *model);
void iommu_model_leave(struct iommu_model_vtd *model, uintptr_t state);
/* What leave does, without leaving; the lock is let go of in between. */
void iommu_model_work(struct iommu_model_vtd *model, uintptr_t *state);
/* Devices get the answers that are due: there is room for new ones. */
void iommu_model_give_answers(struct iommu_model_vtd *model, uintptr_t *state);
/* … and will get this one. The lock is let go of when there is no room. */
void iommu_model_owe_answer(struct iommu_model_vtd *model, uintptr_t *state,
			    const struct iommu_model_page_answer *answer);
/*
 * Let go of the lock, for a call of the host, and take it again. go_out answers what this entry may
 * still do, which come_back wants to have.
 */
unsigned int iommu_model_go_out(struct iommu_model_vtd *model, uintptr_t state);
uintptr_t iommu_model_come_back(struct iommu_model_vtd *model, unsigned int left);
/* Requests from now on obey what the registers say; before what that makes stale is dropped. */
void iommu_model_publish(struct iommu_model_vtd *model);
/* Walks that something waited for have ended. */
void iommu_model_walks_ended(struct iommu_model_vtd *model);
/* What the CPU wrote is in memory. Without the lock. */
void iommu_model_flush_writes(struct iommu_model_vtd *model);

/* --- notices ---------------------------------------------------------------------------------- */

/*
 * The host is to be told; what there was in this place is told no more. False: it does not want to
 * know, and the guest may see completion at once.
 */
bool iommu_model_notify(struct iommu_model_vtd *model, enum model_notice_place place,
			const struct iommu_model_invalidation *what);
/* What there is to be told in this place is given up. */
void iommu_model_give_up_notice(struct iommu_model_vtd *model, enum model_notice_place place);
/* Tell the host, without the lock. Answers whether a device has answered. */
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

static inline bool model_is_strict(const struct iommu_model_vtd *model,
				   enum iommu_model_vtd_strict rule)
{
	return (model->config.strict & (unsigned int)rule) != 0;
}

static inline bool model_is_on(const struct iommu_model_vtd *model, uint32_t bit)
{
	return (model->regs.gsts & bit) != 0;
}

/* Only the first misuse of a call is told. */
static inline void model_misuse(struct iommu_model_vtd *model, const char *text)
{
	if (model->misuse == NULL)
		model->misuse = text;
}

static inline uint64_t model_output_last(const struct iommu_model_vtd *model)
{
	return (1ULL << model->config.output_width) - 1;
}

/* One or two little-endian words at paddr; false: nothing is there, or beyond the output width. */
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

/* Four words, which the host is asked for in two pieces. */
static inline bool model_read_wide(struct iommu_model_vtd *model, iommu_paddr_t paddr,
				   uint64_t *words)
{
	return model_read_words(model, paddr, words, 2) &&
	       model_read_words(model, paddr + 16, &words[2], 2);
}

/* --- a request's passage, without the lock ---------------------------------------------------- */

/* Beyond what the specification has for reasons: what was found before may be old. Again. */
#define MODEL_AGAIN 0x100U

struct model_fault;
/*
 * The request has its answer. `fault` is recorded, unless NULL, of a passage that is a walk;
 * `misuse` told, unless NULL. When there is work for a processor that enters the model, this one
 * does.
 */
void iommu_model_passage_end(struct iommu_model_vtd *model, struct model_passage *passage,
			     const struct model_fault *fault, const char *misuse);

/* --- queue: invalidation, by queue and by registers ------------------------------------------- */

/* The queue is looked at when the model is left. */
void iommu_model_queue_wake(struct iommu_model_vtd *model);
/* Is there something for this processor to do in the queue? */
bool iommu_model_queue_has_work(const struct iommu_model_vtd *model);
/* Execute the descriptor at the head, if there is one and it can be; false: nothing was done. */
bool iommu_model_queue_step(struct iommu_model_vtd *model, uintptr_t *state);
/* A page request that is held up reaches the queue. The lock is let go of. */
void iommu_model_requests_drain(struct iommu_model_vtd *model, uintptr_t *state);
/* Software has moved the ring of page requests. */
void iommu_model_ring_moved(struct iommu_model_vtd *model);
/* The device that was asked has answered, or not. */
void iommu_model_queue_answered(struct iommu_model_vtd *model, bool answered);
/* Could it be at this place in its queue? */
bool iommu_model_queue_head_is_sane(const struct model_registers *regs);
/* The command that the register holds is looked at when the model is left. */
void iommu_model_context_command(struct iommu_model_vtd *model);
void iommu_model_iotlb_command(struct iommu_model_vtd *model);
bool iommu_model_register_commands_have_work(const struct iommu_model_vtd *model);
/* Execute one, or complete it; false: nothing was done. The lock is let go of. */
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

void iommu_model_fault_record(struct iommu_model_vtd *model, const struct model_fault *fault);
/* Bits of FSTS that ask for the fault interrupt have been set. */
void iommu_model_fault_event(struct iommu_model_vtd *model, uint32_t fsts_bits);
/* FSTS or a record was written: recompute what depends on them. */
void iommu_model_fault_written(struct iommu_model_vtd *model);
void iommu_model_wait_event(struct iommu_model_vtd *model);
void iommu_model_request_event(struct iommu_model_vtd *model);
void iommu_model_event_unmasked(struct iommu_model_vtd *model);

/* --- registers -------------------------------------------------------------------------------- */

void iommu_model_registers_reset(struct iommu_model_vtd *model);
/* The command that is due, and the protected regions: as the functions of their names above. */
bool iommu_model_commands_have_work(const struct iommu_model_vtd *model);
bool iommu_model_commands_step(struct iommu_model_vtd *model, uintptr_t *state);
/*
 * Bits that these registers can hold, each for itself; what one says of another is not looked at.
 */
bool iommu_model_registers_are_sane(const struct iommu_model_vtd *model,
				    const struct model_registers *regs);
/* Why this bit of the command register may not be changed so; NULL: it may. */
const char *iommu_model_command_mistake(const struct iommu_model_vtd *model,
					const struct model_registers *regs, uint32_t bit,
					bool value);

/* --- state ------------------------------------------------------------------------------------ */

/* The host is to be told that nothing that it knew holds any more. */
void iommu_model_notify_reset(struct iommu_model_vtd *model);
/* Forget everything that is cached. */
void iommu_model_drop_caches(struct iommu_model_vtd *model);

#endif
