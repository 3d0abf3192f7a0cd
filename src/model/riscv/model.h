/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V model's structures, and the interfaces between its files: registers, command queue,
 * rings of records, interrupts, notices for the host, cache, the way of a request (journey.h),
 * counters, state. Called with the model's lock held, unless stated otherwise.
 *
 * Locking: `lock` guards registers, queues and what is to be delivered; a request of a device takes
 * it only to record a fault, or to be counted while a counter counts. The registers that requests
 * depend on are published (struct model_published), and cached entries are in the cache, which has
 * a lock of its own, taken inside this one (see cache.h). No function of the host but the
 * platform's irq_save, irq_restore and relax is called with either.
 */
#ifndef IOMMU_MODEL_RISCV_MODEL_H
#define IOMMU_MODEL_RISCV_MODEL_H

#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/model_riscv.h>

#include "base/byteorder.h"
#include "base/spinlock.h"
#include "model/walk.h"

/* The queues, in the order of their registers. */
enum model_queue {
	MODEL_COMMANDS,
	MODEL_FAULTS,
	MODEL_REQUESTS,
	MODEL_QUEUES
};

/* A queue's registers: base, the hardware's and the software's index, control and status. */
struct model_queue_registers {
	uint64_t base, head, tail, control;
};

struct model_msi_registers {
	uint64_t address, data, control;
};

/* The state that a guest can see and that migration must carry. Only 64-bit words: see state.c. */
struct model_registers {
	uint64_t capabilities, fctl;
	uint64_t ddtp;      /* as written, with busy */
	uint64_t directory; /* as requests see it */
	struct model_queue_registers queue[MODEL_QUEUES];
	uint64_t ipsr, icvec;
	struct model_msi_registers msi[RISCV_MSI_VECTORS];
	uint64_t
		/* a bit for each vector whose message is to be sent: pending, or masked */
		messages;
	uint64_t inhibited, cycles;
	uint64_t counts[RISCV_COUNTERS], events[RISCV_COUNTERS];
	uint64_t request_iova, request_control, response;
	uint64_t qosid;
	/* A device has not answered since the last IOFENCE.C. */
	uint64_t device_is_silent;
};

/* What it caches. */
enum model_kind {
	/* tag = device id; level 0: tc and ta, iohgatp, fsc; 1: msiptp, mask, pattern */
	MODEL_CONTEXT,
	/* tag = the part of a device id above; an entry of `level`: low = the table */
	MODEL_DIRECTORY,
	/*
	 * tag = device id << 20 | process id. Level 1: low = ta, high = fsc. Levels 2 and 3, with
	 * the part of the process id above: low = the table's address in memory.
	 */
	MODEL_PROCESS,
	/* As MODEL_PROCESS, level 0: where the root of a guest's first stage lies in memory. */
	MODEL_ROOT,
	/*
	 * tag: model_first_tag; level: enum model_span; low = the address, a guest's where there
	 * is a second stage; high = MODEL_HIGH_… and the flags of the entry.
	 */
	MODEL_FIRST,
	/* tag: model_second_tag; the rest likewise */
	MODEL_SECOND,
	/* tag = GSCID, address = guest page; low, high = the words */
	MODEL_MESSAGE,
};

_Static_assert(MODEL_MESSAGE < MODEL_CACHE_KINDS, "every kind is counted");

/* What one entry of a page table spans: the levels of the cache's keys. */
enum model_span {
	MODEL_SPAN_4K,
	MODEL_SPAN_64K,
	MODEL_SPAN_2M,
	MODEL_SPAN_4M,
	MODEL_SPAN_1G,
	MODEL_SPAN_512G,
	MODEL_SPAN_256T,
	MODEL_SPANS
};

_Static_assert(MODEL_SPANS <= MODEL_CACHE_LEVELS, "every span is counted");

static inline unsigned int model_span_shift(unsigned int span)
{
	static const uint8_t shifts[MODEL_SPANS] = {12, 16, 21, 22, 30, 39, 48};

	return shifts[span];
}

/* Tags of entries that lead to tables, and of entries that are global. */
#define MODEL_TAG_TABLE   1U
#define MODEL_TAG_GLOBAL  2U
#define MODEL_TAG_PROCESS (MODEL_TAG_TABLE | MODEL_TAG_GLOBAL | 0xfffffU << 2)

/* The address spaces of a guest, or of the contexts without a second stage. */
static inline uint64_t model_first_space(bool has_guest, uint16_t gscid)
{
	return has_guest ? 1ULL << 38 | (uint64_t)gscid << 22 : 0;
}

static inline uint64_t model_first_tag(uint64_t space, uint32_t pscid)
{
	return space | (uint64_t)(pscid & 0xfffff) << 2;
}

static inline uint64_t model_second_tag(uint16_t gscid)
{
	return (uint64_t)gscid << 1;
}

static inline uint64_t model_process_tag(uint32_t device_id, uint32_t process_id)
{
	return (uint64_t)device_id << RISCV_PROCESS_ID_BITS | process_id;
}

/*
 * The most that one call into the model does, in commands and calls of the host. The lock is
 * released after each.
 */
#define MODEL_BUDGET 32768U

/* Notices for the host, each with a place of its own, in this order. */
enum model_notice_place {
	NOTICE_RESET,
	NOTICE_MODE,  /* ddtp stays busy */
	NOTICE_QUEUE, /* the head stays */
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
	struct iommu_model_riscv_invalidation what;
};

/*
 * The state that requests of devices depend on, read without the lock and written with it, by
 * iommu_rvmodel_publish alone, which changes the cache's generation with any change.
 */
struct model_published {
	iommu_cell_t directory;
	iommu_cell_t control; /* fctl, and above it: a counter counts */
	iommu_cell_t corrupt_first, corrupt_last;
	iommu_cell_t qosid;
};

#define MODEL_CONTROL_COUNTS (1ULL << 32)

/*
 * Places behind a ring's tail that are being written: the number of the first, how many there are,
 * which are written, and which of these could not be. `epoch` changes when the ring is turned on.
 */
struct model_ring {
	uint32_t epoch, first, writers, written, failed;
	uint32_t in_flight; /* processors that are writing, those of an earlier epoch included */
};

struct iommu_model_riscv {
	const struct iommu_platform *platform;
	struct iommu_model_riscv_config config;
	struct model_cache cache;
	struct model_published published;
	struct model_counter *counters; /* of the model's own, for its statistics */
	uint8_t work_is_left;           /* a copy of has_work, for readers without the lock */
	unsigned char apart[MODEL_CACHE_LINE];
	struct iommu_spinlock lock;
	struct model_registers regs;
	uint64_t random; /* for a wild reset */
	struct iommu_model_riscv_faults faults;
	/* ddtp was written: to be looked at; in force; the reads until then; walks before. */
	bool mode_is_due, mode_has_begun;
	unsigned int mode_reads;
	uint64_t mode_ticket;
	/* Queues that change: a bit for each that is to be looked at, and the reads until then. */
	unsigned int switches_due;
	unsigned int switch_reads[MODEL_QUEUES];
	struct model_ring rings[MODEL_QUEUES];
	/* The IOFENCE.C at the head of the queue is held back. */
	bool fence_held;
	unsigned int fence_reads;
	uint64_t fence_ticket; /* walks that it waits for */
	bool queue_left;       /* the queue has to be looked at */
	/* Changes when the queue is turned on or off, which voids what was fetched before. */
	uint32_t queue_generation;
	bool queue_busy; /* used by one processor, without the lock */
	unsigned int put_off_count;
	struct riscv_command put_off[MODEL_PUT_OFF_MAX];
	/* A translation request by registers is to be looked at. */
	bool request_is_due, request_is_busy;
	/* The budget of the call that has the lock. */
	unsigned int budget;
	/*
	 * Bits for places: not yet completed for the guest; of these, not yet delivered to the
	 * host. The host is in the callback of a notice; of a message or a misuse.
	 */
	unsigned int notices_open, notices_wanted;
	bool telling, sending;
	struct model_notice notices[MODEL_NOTICES];
	/* Answers that are due to devices, and given without the lock; the queue waits for them. */
	unsigned int answer_count;
	struct iommu_model_riscv_page_answer answers[MODEL_ANSWERS_MAX];
	unsigned int answering;
	uint32_t wires; /* as the host was told */
	const char *misuse;
	uint64_t commands, fault_total;
};

/* --- in and out (entry.c) --------------------------------------------------------------------- */

uintptr_t iommu_rvmodel_enter(struct iommu_model_riscv *model);
/*
 * Release the lock for a call of the host, and take it again. go_out returns the budget that is
 * left, which come_back takes.
 */
unsigned int iommu_rvmodel_go_out(struct iommu_model_riscv *model, uintptr_t state);
uintptr_t iommu_rvmodel_come_back(struct iommu_model_riscv *model, unsigned int left);
/* From now on requests obey the registers; called before what that makes stale is dropped. */
void iommu_rvmodel_publish(struct iommu_model_riscv *model);
/*
 * Post a notice; one in the same place is replaced. If the host has no callback the guest may see
 * completion at once.
 */
void iommu_rvmodel_notify(struct iommu_model_riscv *model, enum model_notice_place place,
			  const struct iommu_model_riscv_invalidation *what);
void iommu_rvmodel_give_up_notice(struct iommu_model_riscv *model, enum model_notice_place place);
/* Have the command queue looked at when the model is left. */
void iommu_rvmodel_queue_wake(struct iommu_model_riscv *model);
/* Words of a structure in memory, without the lock. */
bool iommu_rvmodel_read(const struct iommu_model_riscv *model, iommu_paddr_t paddr, uint64_t *words,
			unsigned int count, bool big_endian);
bool iommu_rvmodel_write(const struct iommu_model_riscv *model, iommu_paddr_t paddr,
			 const uint64_t *words, unsigned int count, bool big_endian);

/* --- what is delivered, and what is done on leaving (work.c) ---------------------------------- */

/* Leave: deliver all that is due, and go on with the queue. Without the lock afterwards. */
void iommu_rvmodel_leave(struct iommu_model_riscv *model, uintptr_t state);
/* The work of leave, without leaving; the lock is released in between. */
void iommu_rvmodel_work(struct iommu_model_riscv *model, uintptr_t *state);
/* Add an answer. The lock is released when there is no room. */
void iommu_rvmodel_owe_answer(struct iommu_model_riscv *model, uintptr_t *state,
			      const struct iommu_model_riscv_page_answer *answer);

struct model_fault;
/*
 * Complete a request, without the lock. `fault` is recorded, unless NULL, for a passage that is a
 * walk. Work that is due is then done by this processor.
 */
void iommu_rvmodel_passage_end(struct iommu_model_riscv *model, struct model_passage *passage,
			       const struct model_fault *fault);

/* --- interrupts ------------------------------------------------------------------------------- */

/* A bit of ipsr becomes 1; a message is sent if it was 0. */
void iommu_rvmodel_interrupt_raise(struct iommu_model_riscv *model, uint32_t ipsr_bits);
/* Registers that interrupts depend on were written: what is still the case is pending again. */
void iommu_rvmodel_interrupts_look(struct iommu_model_riscv *model);
bool iommu_rvmodel_interrupts_have_work(const struct iommu_model_riscv *model);
/* Send messages and move wires; the lock is released in between. */
void iommu_rvmodel_interrupts_send(struct iommu_model_riscv *model, uintptr_t *state);

/* --- rings of records: faults and page requests ----------------------------------------------- */

enum model_put {
	MODEL_PUT,         /* written */
	MODEL_PUT_NOWHERE, /* the queue is off */
	MODEL_PUT_FULL,    /* it is full, or was */
	MODEL_PUT_FAILED,  /* its memory could not be written, or could not before */
};

/* Write a record of 2 or 4 words into the next place. The lock is released. */
enum model_put iommu_rvmodel_ring_put(struct iommu_model_riscv *model, uintptr_t *state,
				      enum model_queue which, const uint64_t *words,
				      unsigned int count);
/* Is a record being written? Then the queue cannot be off. */
static inline bool model_ring_is_used(const struct iommu_model_riscv *model, enum model_queue which)
{
	return model->rings[which].in_flight != 0;
}

/* --- faults ----------------------------------------------------------------------------------- */

struct model_fault {
	unsigned int cause;
	enum riscv_transaction transaction;
	uint32_t device_id;
	bool has_process, privileged;
	uint32_t process_id;
	uint64_t iotval, iotval2;
	bool hidden; /* DTF */
};

/* The lock is released. */
void iommu_rvmodel_fault_record(struct iommu_model_riscv *model, uintptr_t *state,
				const struct model_fault *fault);

/* --- commands --------------------------------------------------------------------------------- */

bool iommu_rvmodel_queue_has_work(const struct iommu_model_riscv *model);
/* Execute the command at the head, if it can be; false: nothing was done. */
bool iommu_rvmodel_queue_step(struct iommu_model_riscv *model, uintptr_t *state);
/* The host was told of the command at the head. */
void iommu_rvmodel_queue_told(struct iommu_model_riscv *model, bool answered);
/* Is it a command that a lazy unit puts off, from a saved state? */
bool iommu_rvmodel_may_be_put_off(const struct iommu_model_riscv *model,
				  struct riscv_command command);
/* Drop what a command names, and tell the host. */
void iommu_rvmodel_invalidate(struct iommu_model_riscv *model, struct riscv_command command);

/* --- configurations (config.c) ---------------------------------------------------------------- */

void iommu_rvmodel_set_defaults(struct iommu_model_riscv_config *config);
/* What contradicts itself; NULL: nothing. */
const char *iommu_rvmodel_config_defect(const struct iommu_model_riscv_config *config);
/* Of a configuration whose defaults are filled in: the register, and fctl. */
uint64_t iommu_rvmodel_capabilities(const struct iommu_model_riscv_config *config);
uint64_t iommu_rvmodel_fctl_after_reset(const struct iommu_model_riscv_config *config);

/* --- registers -------------------------------------------------------------------------------- */

void iommu_rvmodel_registers_reset(struct iommu_model_riscv *model);
/* Bits that the registers can hold, each for itself. */
bool iommu_rvmodel_registers_are_sane(const struct iommu_model_riscv *model,
				      const struct model_registers *regs);

/* --- changes of ddtp and of queues (control.c) ------------------------------------------------ */

void iommu_rvmodel_ddtp_written(struct iommu_model_riscv *model, uint64_t value);
void iommu_rvmodel_control_written(struct iommu_model_riscv *model, enum model_queue which,
				   uint32_t value);
bool iommu_rvmodel_control_has_work(const struct iommu_model_riscv *model);
/* Complete what is due; false: nothing was done. */
bool iommu_rvmodel_control_step(struct iommu_model_riscv *model);
/* A register is read: a little time passes. */
void iommu_rvmodel_control_pass_time(struct iommu_model_riscv *model);
/* What was changing when the state was saved goes on. */
void iommu_rvmodel_control_resume(struct iommu_model_riscv *model);

/* --- translation requests by registers (debug.c) ---------------------------------------------- */

bool iommu_rvmodel_request_has_work(const struct iommu_model_riscv *model);
bool iommu_rvmodel_request_step(struct iommu_model_riscv *model, uintptr_t *state);

/* --- counters --------------------------------------------------------------------------------- */

/* Something that happened, `times` times. */
struct model_happened {
	enum riscv_event event;
	unsigned int times;
	uint32_t device_id;
	bool has_process;
	uint32_t process_id;
	bool has_gscid, has_pscid;
	uint16_t gscid;
	uint32_t pscid;
};

void iommu_rvmodel_count(struct iommu_model_riscv *model, const struct model_happened *happened);
uint32_t iommu_rvmodel_overflows(const struct iommu_model_riscv *model);
/* The bits that a count has. */
uint64_t iommu_rvmodel_count_mask(const struct iommu_model_riscv *model);
void iommu_rvmodel_count_cycles(struct iommu_model_riscv *model);

/* --- state ------------------------------------------------------------------------------------ */

/* Post the notice that everything that the host keeps is void. */
void iommu_rvmodel_notify_reset(struct iommu_model_riscv *model);
/* Forget everything that is cached. */
void iommu_rvmodel_drop_caches(struct iommu_model_riscv *model);

/* --- small things ----------------------------------------------------------------------------- */

static inline bool model_has(const struct iommu_model_riscv *model, uint64_t capability)
{
	return (model->config.capabilities & capability) != 0;
}

/* Bits of fctl that can be written. */
static inline uint32_t model_fctl_writable(const struct iommu_model_riscv_config *config)
{
	const uint64_t wide = RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4;
	const uint64_t cap = config->capabilities;
	uint32_t writable = 0;

	if ((cap & RISCV_CAP_END) != 0)
		writable |= RISCV_FCTL_BE;
	if (riscv_cap_interrupts(cap) == RISCV_INTERRUPTS_BOTH)
		writable |= RISCV_FCTL_WSI;
	if ((cap & RISCV_CAP_SV32X4) != 0 && (cap & wide) != 0)
		writable |= RISCV_FCTL_GXL;
	return writable & ~config->fctl_fixed;
}

/* Does a counter count? */
static inline bool model_counts_events(const struct iommu_model_riscv *model)
{
	const struct model_registers *regs = &model->regs;
	unsigned int i;

	for (i = 0; i < model->config.counters && model_has(model, RISCV_CAP_HPM); i++)
		if (riscv_event_number(regs->events[i]) != RISCV_EVENT_NONE &&
		    (regs->inhibited >> (i + 1) & 1) == 0)
			return true;
	return false;
}

static inline bool model_is_strict(const struct iommu_model_riscv *model,
				   enum iommu_model_riscv_strict rule)
{
	return (model->config.strict & (unsigned int)rule) != 0;
}

/* Are commands executed when what they have to precede is, and not before? */
static inline bool model_puts_off(const struct iommu_model_riscv *model)
{
	return model_is_strict(model, IOMMU_MODEL_RISCV_LAZY) ||
	       model_is_strict(model, IOMMU_MODEL_RISCV_UNORDERED);
}

/* The first misuse of a call is reported. */
static inline void model_misuse(struct iommu_model_riscv *model, const char *text)
{
	if (model->misuse == NULL)
		model->misuse = text;
}

static inline bool model_notice_is_open(const struct iommu_model_riscv *model,
					enum model_notice_place place)
{
	return (model->notices_open >> place & 1) != 0;
}

static inline uint64_t model_last_address(const struct iommu_model_riscv *model)
{
	const unsigned int bits = riscv_cap_physical_bits(model->config.capabilities);

	return (1ULL << bits) - 1;
}

static inline bool model_is_big_endian(const struct iommu_model_riscv *model)
{
	return (model->regs.fctl & RISCV_FCTL_BE) != 0;
}

/* The largest index of a queue: as many ones as its size has bits. */
static inline uint64_t model_index_mask(uint64_t base)
{
	return (1ULL << riscv_queue_order(base)) - 1;
}

/* Bits of device ids that a mode of ddtp serves; those without a directory know no limit. */
static inline unsigned int model_id_bits(const struct iommu_model_riscv *model, uint64_t ddtp)
{
	const enum riscv_ddtp_mode mode = riscv_ddtp_mode(ddtp);

	return mode < RISCV_DDTP_1LVL
		       ? RISCV_DEVICE_ID_BITS
		       : riscv_directory_id_bits((unsigned int)mode - 1,
						 model_has(model, RISCV_CAP_MSI_FLAT));
}

#endif
