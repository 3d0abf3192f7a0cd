/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of a VT-d unit: the other side of the interface. For emulators, which give it to a guest
 * as its virtual IOMMU; and for tests of drivers, to which it is an adversary.
 *
 * It is written against the specification and against no driver. It caches as much as the
 * specification allows and, as long as cache_entries is not reached, forgets nothing on its own, so
 * that a missing or too narrow invalidation shows; a test that wants hardware to forget at random
 * sets forget_seed. Everything that it reads from guest memory and every register write is hostile:
 * it answers with a fault, an error bit or silence, and never with more. The work of one call is
 * bounded, and so is the memory that a guest can make the model take.
 *
 * Legacy mode: root and context tables, second-stage tables of 3 to 5 levels, both invalidation
 * interfaces, device-TLBs, interrupt remapping and posting. Scalable mode: PASID directories and
 * tables, first stage, second stage, nested, pass-through, accessed and dirty bits, page requests.
 *
 * Concurrency: every function but create and destroy may be called from any thread, and requests of
 * devices (translate, interrupt, and the look-ups) run side by side: what is cached is found
 * without a lock, and a lock is held only for short work inside the model, never around a function
 * of `host`. Of the platform only irq_save, irq_restore and relax are called with one; pages are
 * asked for with IOMMU_ALLOC_ATOMIC. The memory callbacks (read, write, set_bits, compare_exchange)
 * are called by several threads at once, in the middle of a walk, and must not call the model; nor
 * must work_remains; all others may. However much a guest queues, these calls do not come to stand
 * in each other: while a message or a misuse is told (interrupt, misuse), what else there is of
 * both is told after that, by the same thread; and so with answers (page_answer), but for those of
 * requests that are made within one, of which two wait.
 *
 * What the guest is told to be complete is complete: a wait descriptor, ICC, IVT, GSTS and PRS show
 * it only when
 *   1. nothing that was named is in the cache any more, and nothing can come back: what a walk has
 *      read that began before is not remembered;
 *   2. the host has been told (`invalidate`);
 *   3. every request that was reading the guest's tables before has ended: it has set its accessed
 *      and dirty bits, posted its interrupt, recorded its fault. So a guest may take back tables,
 *      queues and posted-interrupt descriptors when it sees completion.
 * No function waits for that: completion is put off, and the thread of the request that ends last
 * sees to it. A request that begins after completion finds nothing old. An answer was right at some
 * moment between call and return; that what it names is not used any more when the guest sees
 * completion (by a transfer that is under way, say) is the emulator's to ensure: it waits in
 * `invalidate` for its own users of answers from before, or is told there and drops them.
 */
#ifndef LIBIOMMU_MODEL_VTD_H
#define LIBIOMMU_MODEL_VTD_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_model_vtd;

/* What a device's TLB must forget: [address, address + size - 1], size 0 means everything. */
struct iommu_model_device_tlb {
	uint16_t source_id;
	bool has_pasid;  /* what belongs to this PASID; otherwise what belongs to none */
	bool all_pasids; /* … or to any */
	uint32_t pasid;
	uint64_t address, size;
};

/*
 * What the guest has done, by which things that an emulator keeps of the model's answers go stale.
 */
enum iommu_model_invalidation_type {
	/* The guest invalidates a cache, by a descriptor of its queue or by a register. */
	IOMMU_MODEL_INVALIDATE_IOTLB,
	IOMMU_MODEL_INVALIDATE_CONTEXTS,
	IOMMU_MODEL_INVALIDATE_PASIDS,
	IOMMU_MODEL_INVALIDATE_DEVICE_TLB,
	IOMMU_MODEL_INVALIDATE_INTERRUPTS, /* entries of the interrupt remapping table */
	/* The guest sets or switches something of the whole unit. */
	IOMMU_MODEL_ROOT_TABLE_SET,
	IOMMU_MODEL_TRANSLATION_SWITCHED,
	IOMMU_MODEL_PROTECTED_MEMORY_SWITCHED,
	IOMMU_MODEL_INTERRUPT_TABLE_SET,
	IOMMU_MODEL_INTERRUPTS_SWITCHED,    /* remapping of interrupts */
	IOMMU_MODEL_COMPATIBILITY_SWITCHED, /* whether messages in the old format pass */
	/* iommu_model_vtd_reset or iommu_model_vtd_restore: all of the above, at once. */
	IOMMU_MODEL_RESET,
};

/* Of what an invalidation speaks. */
enum iommu_model_granularity {
	IOMMU_MODEL_OF_ALL,     /* everything of its type */
	IOMMU_MODEL_OF_DOMAIN,  /* what is tagged with domain_id */
	IOMMU_MODEL_OF_DEVICES, /* what belongs to the source ids that are meant */
	IOMMU_MODEL_OF_PASID,   /* what belongs to pasid, in domain_id or of source_id */
	IOMMU_MODEL_OF_RANGE,   /* addresses, of whatever the other fields name */
	IOMMU_MODEL_OF_INDEXES, /* entries of the interrupt remapping table */
};

/*
 * A field that is not said to be there restricts nothing. More may be forgotten than is asked for,
 * never less.
 */
struct iommu_model_invalidation {
	enum iommu_model_invalidation_type type;
	enum iommu_model_granularity granularity;
	bool by_register;
	bool is_on; /* what was switched is on now */
	/*
	 * IOTLB (not of OF_ALL): domain_id. Contexts of legacy mode (not of OF_ALL): domain_id.
	 * PASIDs (not of OF_ALL): domain_id.
	 */
	bool has_domain;
	uint16_t domain_id;
	/*
	 * Contexts (OF_DEVICES) and device-TLBs: source ids that are equal to source_id in the bits
	 * of source_mask.
	 */
	bool has_source;
	uint16_t source_id, source_mask;
	/* Entries of this PASID. Device-TLBs: all_pasids, of whichever, but not those of none. */
	bool has_pasid, all_pasids;
	uint32_t pasid;
	/* OF_RANGE: [address, address + size - 1], both multiples of 4 KiB; size 0: everything. */
	uint64_t address, size;
	bool leaves_only; /* no entry that leads to a table has changed */
	/* OF_INDEXES: [first_index, first_index + index_count - 1]. */
	uint32_t first_index, index_count;
};

struct iommu_model_page_answer {
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;
	unsigned int code; /* PCIe: 0 success, 1 invalid request, 15 failure */
};

/* What the model asks of the emulator around it. */
struct iommu_model_vtd_host {
	void *ctx;
	/*
	 * read, write - guest physical memory, `size` bytes: 4, 8 or 16, aligned to it. Return
	 * false when nothing is there. An aligned 8 bytes must be read in one piece. REQUIRED.
	 */
	bool (*read)(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
	/*
	 * set_bits - atomically or `bits` into 8 aligned bytes, little-endian, and answer what was
	 * there. Needed for IOMMU_MODEL_VTD_POSTED_INTERRUPTS.
	 */
	bool (*set_bits)(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before);
	/*
	 * compare_exchange - atomically replace 8 aligned bytes, little-endian, that are
	 * `expected`. False: they are not, or nothing is there. Needed for
	 * IOMMU_MODEL_VTD_FIRST_STAGE and _DIRTY.
	 */
	bool (*compare_exchange)(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				 uint64_t desired);
	/*
	 * interrupt - the unit itself sends a message: a fault, or a completed wait. May be NULL.
	 */
	void (*interrupt)(void *ctx, uint64_t address, uint32_t data);
	/*
	 * invalidate_device_tlb - the device must forget what it was told of. False: it does not
	 * answer, which stops the queue with a time-out error. The rest of the queue runs after it
	 * returned; of a queue that was turned off meanwhile the answer is ignored. NULL: no device
	 * has a TLB, or `invalidate` is enough.
	 */
	bool (*invalidate_device_tlb)(void *ctx, const struct iommu_model_device_tlb *forget);
	/*
	 * page_answer - a device gets the answer to its page requests. Needed for
	 * IOMMU_MODEL_VTD_PAGE_REQUESTS.
	 */
	void (*page_answer)(void *ctx, const struct iommu_model_page_answer *answer);
	/*
	 * misuse - the driver broke a rule of the specification; a static text, for a log. What the
	 * driver asked for is then ignored, or done as far as it makes sense. A guest can cause one
	 * with every call: limit what is logged. May be NULL.
	 */
	void (*misuse)(void *ctx, const char *text);
	/*
	 * write_buffer_flushed - what the CPU wrote is in memory now. Called on the flush command
	 * and before each invalidation. For tests of drivers. May be NULL.
	 */
	void (*write_buffer_flushed)(void *ctx);
	/*
	 * work_remains - the guest has queued more than one call of the model does (its queue,
	 * refilled while it runs, or one larger than any): call iommu_model_vtd_run from a timer or
	 * a bottom half; not from here, nor any other function. Called without the lock, by any
	 * function but that one. NULL: what remains goes on at the next call of any function, which
	 * a guest that polls memory may wait for in vain.
	 */
	void (*work_remains)(void *ctx);
	/*
	 * invalidate - the guest invalidates, sets or switches something: what the emulator keeps
	 * of earlier answers of the model (a device's TLB, a cached route of an interrupt, what is
	 * mapped for a passed-through device) goes stale as `what` says. The model has forgotten it
	 * already and look-ups give the new answers, but the guest does not see the completion
	 * (head of the queue, wait descriptor, register bits IVT, ICC, GSTS, PRS) before this
	 * returns. False: the device does not answer, as of invalidate_device_tlb; otherwise
	 * ignored.
	 *
	 * An answer that another thread has asked for before, and puts away only now, is old. So
	 * what is kept is guarded by a count of these calls, read before the model is asked: an
	 * answer is only kept if the count has not changed since.
	 *
	 * Called without the lock; it may call every function but destroy. Two of these calls (or
	 * of invalidate_device_tlb) are never under way at once for a model: what comes up
	 * meanwhile, also by what it does itself, is told after it returned, by the same thread,
	 * and the guest's queue rests until then. What the guest gives up meanwhile, by turning its
	 * queue off or by a reset, is not told. With invalidate_device_tlb it is told of
	 * device-TLBs first. NULL: nothing is kept.
	 */
	bool (*invalidate)(void *ctx, const struct iommu_model_invalidation *what);
};

enum iommu_model_vtd_flags {
	IOMMU_MODEL_VTD_CACHING_MODE = 1 << 0,
	IOMMU_MODEL_VTD_NONCOHERENT = 1 << 1, /* says that its walks do not see CPU caches */
	IOMMU_MODEL_VTD_NO_QUEUE = 1 << 2,    /* invalidation by registers only */
	IOMMU_MODEL_VTD_NO_PAGES = 1 << 3,    /* no page-selective invalidation */
	IOMMU_MODEL_VTD_PASS_THROUGH = 1 << 4,
	IOMMU_MODEL_VTD_SNOOP_CONTROL = 1 << 5,
	IOMMU_MODEL_VTD_DEVICE_TLB = 1 << 6,
	IOMMU_MODEL_VTD_INTERRUPT_REMAPPING = 1 << 7,
	IOMMU_MODEL_VTD_X2APIC = 1 << 8,
	IOMMU_MODEL_VTD_POSTED_INTERRUPTS = 1 << 9,
	IOMMU_MODEL_VTD_WRITE_BUFFER = 1 << 10, /* wants the write buffer flushed */
	IOMMU_MODEL_VTD_PROTECTED_MEMORY = 1 << 11,
	IOMMU_MODEL_VTD_SELF_INVALIDATING = 1 << 12, /* setting a table pointer drops the caches */
	IOMMU_MODEL_VTD_SCALABLE =
		1 << 13, /* scalable mode; with the queue only. The others need it: */
	IOMMU_MODEL_VTD_NO_SECOND_STAGE = 1 << 14, /* not in scalable mode */
	IOMMU_MODEL_VTD_FIRST_STAGE = 1 << 15,
	IOMMU_MODEL_VTD_FIRST_STAGE_5 = 1 << 16, /* of 5 levels, too */
	IOMMU_MODEL_VTD_NESTED = 1 << 17,        /* needs both stages */
	IOMMU_MODEL_VTD_DIRTY = 1 << 18,         /* accessed and dirty bits in the second stage */
	IOMMU_MODEL_VTD_PASID = 1 << 19,
	IOMMU_MODEL_VTD_PAGE_REQUESTS = 1 << 20, /* needs device-TLBs */
	/* Page-selective invalidation of one page at a time; address_mask is 0 then. */
	IOMMU_MODEL_VTD_SINGLE_PAGES = 1 << 21,
};

/*
 * Where the specification asks something of software without saying what happens otherwise, some
 * units (those of QEMU, for example) ignore or refuse what others take. A driver's adversary does
 * all of it.
 */
enum iommu_model_vtd_strict {
	/* A wait that asks for a fence alone is refused, as one that asks for nothing always is. */
	IOMMU_MODEL_VTD_STRICT_WAITS = 1 << 0,
	/* The queue is not turned off while its head and its tail differ … */
	IOMMU_MODEL_VTD_STRICT_QUEUE_OFF = 1 << 1,
	/* … nor unless the last descriptor that it has executed was a wait. */
	IOMMU_MODEL_VTD_STRICT_QUEUE_LAST = 1 << 2,
};

/* Copied by iommu_model_vtd_create; the platform is kept by reference. */
struct iommu_model_vtd_config {
	/*
	 * Pages, lock and address conversion for the model's own memory, which is not the guest's.
	 */
	const struct iommu_platform *platform;
	struct iommu_model_vtd_host host;
	unsigned int flags;         /* enum iommu_model_vtd_flags */
	unsigned int version;       /* major << 4 | minor; 0: 1.0; 6.0 and up have only the queue */
	unsigned int address_width; /* of devices: 30 to 57; 0: 48 */
	unsigned int levels;       /* bit n: tables of n levels, n = 3 to 5; 0: that of the width */
	unsigned int output_width; /* of memory, in bits: 32 to 52; 0: 46 */
	unsigned int domain_bits;  /* 4, 6, … 16; 0: 16 */
	unsigned int pasid_bits;   /* 1 to 20; 0: 20 */
	/*
	 * The most pages of one invalidation, as a power of two: 1 to 52; 0: 18, which is 1 GiB.
	 * For one page see IOMMU_MODEL_VTD_SINGLE_PAGES. A driver invalidates what is larger by the
	 * domain.
	 */
	unsigned int address_mask;
	unsigned int fault_records; /* 1 to 256; 0: 64 */
	uint64_t pgsize_bitmap;     /* 4K, and 2M and 1G if wished; 0: all three */
	/*
	 * Cached entries of all kinds, of about 200 bytes each, never 300, which are taken as they
	 * come; before that a byte each for the table by which they are found, 64 KiB at most, and
	 * a page. When memory is short, fewer are cached. When there are more, what was learned
	 * first and not used since goes: no request goes uncached because others came first. What
	 * passes through, or is not translated, takes one entry or none. 0: 16384; SIZE_MAX: as
	 * many as there is memory for, which a guest can use up, and the cache forgets nothing by
	 * itself: for tests of drivers.
	 */
	size_t cache_entries;
	/* Not 0: entries are forgotten at random, as real caches do. */
	uint64_t forget_seed;
	unsigned int strict; /* enum iommu_model_vtd_strict */
};

/* How hardware misbehaves, for tests of drivers. All zero: not at all. */
struct iommu_model_vtd_faults {
	unsigned int command_delay; /* register reads until a command completes */
	unsigned int wait_delay;    /* register reads until a wait descriptor completes */
	bool waits_hang;            /* wait descriptors never complete, all others do */
	bool invalidations_hang;    /* no descriptor and no register invalidation is executed */
	bool commands_hang;         /* commands never complete */
	unsigned int refuse_after;  /* the n-th descriptor from now is refused; 0: none */
	/*
	 * A page request stays inside the unit until another comes, or the driver asks for what
	 * there is.
	 */
	bool holds_requests;
	bool gone; /* every register reads as all ones, writes do nothing */
	/* What these registers show instead; 0: the truth. */
	uint64_t capability, extended_capability;
};

/*
 * iommu_model_vtd_create - a unit as it is after reset.
 *
 * Returns 0, IOMMU_EINVAL (a field of config is out of its range, or two contradict each other) or
 * IOMMU_ENOMEM.
 */
IOMMU_API int iommu_model_vtd_create(const struct iommu_model_vtd_config *config,
				     struct iommu_model_vtd **model);
IOMMU_API void iommu_model_vtd_destroy(struct iommu_model_vtd *model);

/*
 * iommu_model_vtd_reset - as after power-on: registers at reset values, caches empty.
 *
 * Devices rest: no request of theirs is under way, and none begins before the call has returned. A
 * request that does may be answered from parts of the state before and of the state after, which
 * were never the guest's together. It is the same with iommu_model_vtd_restore.
 */
IOMMU_API void iommu_model_vtd_reset(struct iommu_model_vtd *model);

/* iommu_model_vtd_register_space - bytes of the register window, a multiple of 4 KiB. */
IOMMU_API uint64_t iommu_model_vtd_register_space(const struct iommu_model_vtd *model);

/*
 * iommu_model_vtd_mmio_read, _write - the guest accesses a register. size is 4 or 8, offset is
 * aligned to it and inside the window: otherwise 0 is read, the write is ignored, and misuse is
 * told.
 */
IOMMU_API uint64_t iommu_model_vtd_mmio_read(struct iommu_model_vtd *model, uint64_t offset,
					     unsigned int size);
IOMMU_API void iommu_model_vtd_mmio_write(struct iommu_model_vtd *model, uint64_t offset,
					  unsigned int size, uint64_t value);

/*
 * iommu_model_vtd_run - go on with what the guest has queued; true: there is still more, call it
 * again. What one call of any function does is bounded: see work_remains. A guest's usual queue
 * never needs it.
 */
IOMMU_API bool iommu_model_vtd_run(struct iommu_model_vtd *model);

/* How a request says that its address is to be taken (PCIe "AT" field). */
enum iommu_model_request_type {
	IOMMU_MODEL_UNTRANSLATED = 0,
	IOMMU_MODEL_TRANSLATION_REQUEST = 1, /* a device fills its TLB; faults are not recorded
						for pages that are merely not mapped */
	IOMMU_MODEL_TRANSLATED = 2,          /* the address came from the device's TLB */
};

struct iommu_model_request {
	uint16_t source_id;
	enum iommu_model_request_type type;
	bool has_pasid;
	uint32_t pasid;
	iommu_iova_t address;
	unsigned int access; /* enum iommu_prot; 0: a zero-length read */
	/* As requests with a PASID may be. */
	bool privileged, execute;
};

struct iommu_model_translation {
	iommu_paddr_t paddr; /* byte exact */
	unsigned int prot;   /* what the device may do there */
	/*
	 * Of the naturally aligned block around it that is alike, in bytes: of memory that is not
	 * translated the largest that holds neither the interrupt range nor protected memory.
	 */
	uint64_t size;
	bool snoop;          /* the table asks for coherent access */
	bool is_interrupt;   /* not memory: give it to iommu_model_vtd_interrupt */
	unsigned int reason; /* why not, when refused (VT-d specification, "Fault Conditions") */
};

/*
 * iommu_model_vtd_translate - where an access of a device goes.
 *
 * Returns 0 with the translation, or IOMMU_EFAULT: refused, result->reason says why, and the fault
 * was recorded as the specification wants it. A translation request for a page without the wanted
 * permission is not refused: it returns 0 with prot 0 or less than was asked for.
 */
IOMMU_API int iommu_model_vtd_translate(struct iommu_model_vtd *model,
					const struct iommu_model_request *request,
					struct iommu_model_translation *result);

/*
 * iommu_model_vtd_peek - what iommu_model_vtd_translate would answer, for an emulator that asks on
 * behalf of no device: a debugger, or what has to be known beforehand.
 *
 * It only reads guest memory: no fault is recorded and no message sent for one, no accessed or
 * dirty bit is set, no misuse is told, nothing is added to the cache, forgotten or counted as used,
 * and no statistics count it. What is cached is believed, as it is for a device.
 *
 * A device that writes later asks again, by iommu_model_vtd_translate, or the dirty bit of its page
 * is missing. That a bit cannot be set, only a device finds out: because another processor changes
 * the entry all the time, or because the host's memory cannot be written.
 */
IOMMU_API int iommu_model_vtd_peek(struct iommu_model_vtd *model,
				   const struct iommu_model_request *request,
				   struct iommu_model_translation *result);

/* Where the driver has set a device's requests to be translated, as far as the unit knows. */
struct iommu_model_stage {
	bool first, second, passes; /* by which stages; or not at all */
	uint16_t domain_id;
	/*
	 * Of the first stage, for struct iommu_vtd_first_stage: an emulator that passes a device
	 * through nests it.
	 */
	iommu_paddr_t first_table;
	unsigned int first_levels;
	unsigned int reason; /* why they are blocked */
	/* Of the second stage: the root of its tables, and how many levels of 9 bits they have. */
	iommu_paddr_t second_table;
	unsigned int second_levels;
};

/*
 * iommu_model_vtd_get_stage - what a device's requests with a PASID, or without one, go through:
 * without side effects, as iommu_model_vtd_peek. Through the unit's caches: ask again when the
 * driver has invalidated contexts or PASIDs of the device, set the root table or switched
 * translation. Returns 0, or IOMMU_EFAULT: they are blocked, for stage->reason.
 */
IOMMU_API int iommu_model_vtd_get_stage(struct iommu_model_vtd *model, uint16_t source_id,
					bool has_pasid, uint32_t pasid,
					struct iommu_model_stage *stage);

/* A leaf, or the part of one that is asked for and that requests can reach. */
struct iommu_model_mapping {
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	uint64_t size; /* in bytes; a multiple of 4 KiB, not always a power of two */
	unsigned int prot;
	bool snoop;
};

/* A walk, and where it stands. The caller fills it in once; is_done and reason begin as 0. */
struct iommu_model_walk {
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	/* What is to be looked at: [next, last], of whole pages of 4 KiB. next moves on. */
	iommu_iova_t next, last;
	bool is_done;
	unsigned int reason; /* why the device's requests are blocked */
};

/*
 * iommu_model_vtd_walk - the next mappings of a device's requests with a PASID, or without one:
 * leaf by leaf, in order of their addresses, as an unprivileged request would reach them, through
 * whichever stages the driver has set. Where stages are nested, a leaf is what is alike in both.
 * Where requests pass through, or translation is off, all of memory is one. Interrupt messages and
 * protected memory are left out, where no request reaches memory: a leaf that reaches into them
 * comes in pieces.
 *
 * Without side effects, as iommu_model_vtd_peek. The device's context comes through the unit's
 * caches, but tables are read from memory, and so may be newer than what the device is told until
 * the driver invalidates: for shadow tables, in caching mode, this is what is wanted.
 *
 * @walk: as struct iommu_model_walk says. Nothing but an address is remembered between two calls:
 * what the guest changes meanwhile behind that address is seen, what it changes before it is not.
 * @mappings, @count: room for so many, at least one; answers how many there are now, perhaps none
 * although there are more: until walk->is_done. One call looks at 512 blocks, mapped or not, at
 * most. A hostile guest can map all of its address space, page by page, with one table that leads
 * to itself: an emulator gives up a walk after as many mappings as it can use.
 *
 * Returns 0; IOMMU_EFAULT: the device's requests are blocked,
 * nothing is mapped, the walk is done, and walk->reason says why; or IOMMU_EINVAL: the range is
 * empty or cuts pages, or there is room for none.
 */
IOMMU_API int iommu_model_vtd_walk(struct iommu_model_vtd *model, struct iommu_model_walk *walk,
				   struct iommu_model_mapping *mappings, size_t *count);

/* A device asks for a page (PCIe PRI). */
struct iommu_model_page_request {
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	iommu_iova_t address;
	unsigned int access; /* enum iommu_prot; 0, with is_last: it has stopped using the PASID */
	uint16_t group;      /* 0 to 511 */
	bool is_last;
};

/*
 * iommu_model_vtd_page_request - put a request into the driver's queue.
 *
 * Returns 0; IOMMU_ENOSPC: the queue is full, and the unit has answered in the driver's place, when
 * it was the last of its group, that the device may try again; or IOMMU_EFAULT: the device must not
 * ask, which was recorded and answered with a failure.
 */
IOMMU_API int iommu_model_vtd_page_request(struct iommu_model_vtd *model,
					   const struct iommu_model_page_request *request);

/* An interrupt as it leaves the unit. */
struct iommu_model_interrupt {
	/* Posted: the vector was noted in the descriptor, and what follows is the notification. */
	bool posted;
	bool notify; /* false: posted, and a notification is under way already or suppressed */
	/* Not remapped: the message as it came. */
	bool unchanged;
	uint64_t address;
	uint32_t data;
	/* Otherwise: */
	uint8_t vector;
	uint8_t delivery_mode;
	bool logical, redirection_hint, level;
	uint32_t destination;
	unsigned int reason; /* when refused */
};

/*
 * iommu_model_vtd_interrupt - a device or I/O APIC with this source id sends a message (an I/O
 * APIC's redirection entry: as the message that it makes of it). Returns 0, or IOMMU_EFAULT with
 * the reason, recorded.
 */
IOMMU_API int iommu_model_vtd_interrupt(struct iommu_model_vtd *model, uint16_t source_id,
					uint64_t address, uint32_t data,
					struct iommu_model_interrupt *interrupt);

/*
 * iommu_model_vtd_peek_interrupt - what iommu_model_vtd_interrupt would answer, for a route that is
 * set up before there is an interrupt (irqfd, an I/O APIC's entry). Without side effects, as
 * iommu_model_vtd_peek, and nothing is posted: `posted` says that it would be, `notify` that the
 * notification would be sent.
 */
IOMMU_API int iommu_model_vtd_peek_interrupt(struct iommu_model_vtd *model, uint16_t source_id,
					     uint64_t address, uint32_t data,
					     struct iommu_model_interrupt *interrupt);

/* iommu_model_vtd_misbehave - see struct iommu_model_vtd_faults; copied. */
IOMMU_API void iommu_model_vtd_misbehave(struct iommu_model_vtd *model,
					 const struct iommu_model_vtd_faults *faults);

/*
 * iommu_model_vtd_save - the state that a guest can see, for migration and snapshots, with what is
 * on its way: a command, answers and messages that are not told yet. Caches are not part of it:
 * hardware may forget them at any time. A device that is being asked to forget is asked again after
 * the restore. Returns the size; nothing is written when `size` is smaller.
 *
 * iommu_model_vtd_restore - take such a state, in any state of the model, and go on from there,
 * with the queue, too: the host's functions are called before it returns. 0, or IOMMU_EINVAL with
 * nothing changed: not a state of a model with these capabilities. The bytes are hostile.
 */
IOMMU_API size_t iommu_model_vtd_save(struct iommu_model_vtd *model, void *bytes, size_t size);
IOMMU_API int iommu_model_vtd_restore(struct iommu_model_vtd *model, const void *bytes,
				      size_t size);

struct iommu_model_vtd_stats {
	size_t cached_contexts, cached_pages, cached_tables, cached_interrupts;
	size_t cached_pasids, cached_first_pages, cached_first_tables;
	uint64_t translations, walks, descriptors, faults;
};
IOMMU_API void iommu_model_vtd_get_stats(struct iommu_model_vtd *model,
					 struct iommu_model_vtd_stats *stats);

IOMMU_END_DECLS
#endif
