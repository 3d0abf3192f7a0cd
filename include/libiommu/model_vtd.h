/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of a VT-d unit: for emulators, which present it to a guest as a virtual IOMMU; and for
 * tests of drivers, as an adversary.
 *
 * It is written against the specification and not against any driver. It caches as much as the
 * specification allows and, as long as cache_entries is not reached, evicts nothing on its own, so
 * that a missing or too narrow invalidation has an effect; a test that wants random evictions sets
 * forget_seed. Everything that it reads from guest memory and every register write is treated as
 * hostile: the worst reaction is a fault, an error bit or silence. The work of one call is bounded,
 * and so is the memory that a guest can make the model allocate.
 *
 * Legacy mode: root and context tables, second-stage tables of 3 to 5 levels, both invalidation
 * interfaces, device TLBs, interrupt remapping and posting. Scalable mode: PASID directories and
 * tables, first stage, second stage, nested, pass-through, accessed and dirty bits, page requests.
 *
 * Concurrency: every function but create and destroy may be called from any thread, and requests of
 * devices (translate, interrupt, and the lookups) run concurrently: cached entries are found
 * without a lock, and a lock is held only for short work inside the model, never around a function
 * of `host`. Of the platform only irq_save, irq_restore and relax are called with a lock held;
 * pages are allocated with IOMMU_ALLOC_ATOMIC. The memory callbacks (read, write, set_bits,
 * compare_exchange) are called by several threads at once, in the middle of a walk, and must not
 * call the model; nor must work_remains; all others may. Callbacks do not nest without bound: while
 * a message or a misuse is being delivered (interrupt, misuse), further ones are delivered
 * afterwards by the same thread; so are answers (page_answer), except that requests made within an
 * answer may wait, two at most.
 *
 * Completion. A wait descriptor, ICC, IVT, GSTS and PRS show the completion of an operation to the
 * guest only when
 *   1. nothing that the operation named is cached, and nothing of it can be cached again: what a
 *   walk that began earlier has read is discarded;
 *   2. the host has been notified (`invalidate`);
 *   3. every request that was reading the guest's tables before has ended: it has set its accessed
 *   and dirty bits, posted its interrupt, recorded its fault. A guest may thus reuse tables, queues
 *   and posted-interrupt descriptors when it sees completion.
 * No function waits for this: completion is deferred, and performed by the thread of the request
 * that ends last. A request that begins after completion sees no old data. A result was correct at
 * some moment between call and return. That an old result is no longer in use (by a transfer in
 * progress, say) when the guest sees completion is up to the emulator: in `invalidate` it waits for
 * users of earlier results, or drops them.
 */
#ifndef LIBIOMMU_MODEL_VTD_H
#define LIBIOMMU_MODEL_VTD_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

struct iommu_model_vtd;

/* What a device's TLB must invalidate: [address, address + size - 1], size 0: everything. */
struct iommu_model_device_tlb {
	uint16_t source_id;
	bool has_pasid;  /* entries of this PASID; false: entries without a PASID */
	bool all_pasids; /* … or of any PASID */
	uint32_t pasid;
	uint64_t address, size;
};

/* An operation of the guest that makes an emulator's copies of the model's results stale. */
enum iommu_model_invalidation_type {
	/* Invalidations, by a descriptor of the queue or by a register. */
	IOMMU_MODEL_INVALIDATE_IOTLB,
	IOMMU_MODEL_INVALIDATE_CONTEXTS,
	IOMMU_MODEL_INVALIDATE_PASIDS,
	IOMMU_MODEL_INVALIDATE_DEVICE_TLB,
	IOMMU_MODEL_INVALIDATE_INTERRUPTS, /* entries of the interrupt remapping table */
	/* Changes of the whole unit. */
	IOMMU_MODEL_ROOT_TABLE_SET,
	IOMMU_MODEL_TRANSLATION_SWITCHED,
	IOMMU_MODEL_PROTECTED_MEMORY_SWITCHED,
	IOMMU_MODEL_INTERRUPT_TABLE_SET,
	IOMMU_MODEL_INTERRUPTS_SWITCHED,    /* remapping of interrupts */
	IOMMU_MODEL_COMPATIBILITY_SWITCHED, /* whether interrupts in compatibility format pass */
	/* iommu_model_vtd_reset or iommu_model_vtd_restore: all of the above at once. */
	IOMMU_MODEL_RESET,
};

/* Scope of an invalidation. */
enum iommu_model_granularity {
	IOMMU_MODEL_OF_ALL,     /* everything of its type */
	IOMMU_MODEL_OF_DOMAIN,  /* what is tagged with domain_id */
	IOMMU_MODEL_OF_DEVICES, /* what belongs to the selected source ids */
	IOMMU_MODEL_OF_PASID,   /* what belongs to pasid, in domain_id or of source_id */
	IOMMU_MODEL_OF_RANGE,   /* addresses, of what the other fields select */
	IOMMU_MODEL_OF_INDEXES, /* entries of the interrupt remapping table */
};

/*
 * An invalidation. A field without its has_… flag restricts nothing. More may be invalidated than
 * requested, never less.
 */
struct iommu_model_invalidation {
	enum iommu_model_invalidation_type type;
	enum iommu_model_granularity granularity;
	bool by_register;
	bool is_on; /* the new state of what was switched */
	/*
	 * IOTLB (not of OF_ALL): domain_id. Contexts of legacy mode (not of OF_ALL): domain_id.
	 * PASIDs (not of OF_ALL): domain_id.
	 */
	bool has_domain;
	uint16_t domain_id;
	/*
	 * Contexts (OF_DEVICES) and device TLBs: source ids equal to source_id in the bits of
	 * source_mask.
	 */
	bool has_source;
	uint16_t source_id, source_mask;
	/*
	 * Entries of this PASID. Device TLBs: all_pasids: of every PASID, but not those without
	 * one.
	 */
	bool has_pasid, all_pasids;
	uint32_t pasid;
	/* OF_RANGE: [address, address + size - 1], both multiples of 4 KiB; size 0: everything. */
	uint64_t address, size;
	bool leaves_only; /* no entry that points to a table has changed */
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

/* Services that the model needs from its emulator. */
struct iommu_model_vtd_host {
	void *ctx;
	/*
	 * read, write - access guest physical memory, `size` bytes: 4, 8 or 16, naturally aligned.
	 * False: there is no memory. Aligned 8 bytes must be read atomically. REQUIRED.
	 */
	bool (*read)(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
	/*
	 * set_bits - atomically set `bits` in 8 aligned bytes, little-endian, and return the former
	 * value. Needed for IOMMU_MODEL_VTD_POSTED_INTERRUPTS.
	 */
	bool (*set_bits)(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before);
	/*
	 * compare_exchange - atomically replace 8 aligned bytes, little-endian, if they equal
	 * `expected`. False: they do not, or there is no memory. Needed for
	 * IOMMU_MODEL_VTD_FIRST_STAGE and _DIRTY.
	 */
	bool (*compare_exchange)(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				 uint64_t desired);
	/*
	 * interrupt - deliver a message of the unit itself: a fault, or a completed wait. May be
	 * NULL.
	 */
	void (*interrupt)(void *ctx, uint64_t address, uint32_t data);
	/*
	 * invalidate_device_tlb - invalidate a device's TLB. False: the device does not answer,
	 * which stops the queue with a time-out error. The queue continues after the call returned;
	 * if it was disabled meanwhile, the result is ignored. NULL: no device has a TLB, or
	 * `invalidate` is used instead.
	 */
	bool (*invalidate_device_tlb)(void *ctx, const struct iommu_model_device_tlb *forget);
	/*
	 * page_answer - deliver the answer to a device's page requests. Needed for
	 * IOMMU_MODEL_VTD_PAGE_REQUESTS.
	 */
	void (*page_answer)(void *ctx, const struct iommu_model_page_answer *answer);
	/*
	 * misuse - the driver violated a rule of the specification; a static text, for a log. The
	 * operation is ignored, or performed as far as it makes sense. A guest can cause a report
	 * with every call: limit the log. May be NULL.
	 */
	void (*misuse)(void *ctx, const char *text);
	/*
	 * write_buffer_flushed - all writes of the CPU are in memory now. Called for the flush
	 * command and before each invalidation. For tests of drivers. May be NULL.
	 */
	void (*write_buffer_flushed)(void *ctx);
	/*
	 * work_remains - the guest has queued more than one call of the model processes: 32,768
	 * descriptors and calls of the functions of this structure together (16,384 descriptors
	 * where `invalidate` is called for each). Call iommu_model_vtd_run from a timer or a bottom
	 * half; not from here, nor any other function. Called without the lock, by every
	 * function but iommu_model_vtd_run. NULL: the rest is processed by the next call of any
	 * function, for which a guest that polls memory may wait in vain.
	 */
	void (*work_remains)(void *ctx);
	/*
	 * invalidate - the guest invalidates, sets or switches something: the emulator's copies of
	 * the model's results (a device's TLB, a cached interrupt route, the mappings of a
	 * passed-through device) become stale as `what` describes. The model returns new results
	 * already, but the guest does not see the completion (head of the queue, wait descriptor,
	 * register bits IVT, ICC, GSTS, PRS) before this function returns.
	 *
	 * The result counts for IOMMU_MODEL_INVALIDATE_DEVICE_TLB alone. False: the device does not
	 * answer, as with invalidate_device_tlb.
	 *
	 * A result that another thread has obtained before, and stores only now, is stale. The
	 * emulator therefore counts these calls and reads the count before it calls the model: it
	 * stores a result only if the count has not changed since. The comparison and the store are
	 * one step, under a lock that this function takes for the count and for what it drops; an
	 * emulator of one thread needs neither. That suffices for what is kept and looked up again
	 * under the lock; a copy that goes on with an address needs the section of
	 * docs/emulator.md, "Threads".
	 *
	 * Called without the lock; it may call every function but destroy. At most one call (of
	 * this or of invalidate_device_tlb) is in progress for a model: further ones, including
	 * those caused by the call itself, are made after it returned, by the same thread, and the
	 * guest's queue pauses until then. Operations that the guest abandons meanwhile, by
	 * disabling the queue or by a reset, are not reported. If invalidate_device_tlb is set, it
	 * gets device TLB invalidations first. NULL: the emulator keeps no results.
	 */
	bool (*invalidate)(void *ctx, const struct iommu_model_invalidation *what);
};

enum iommu_model_vtd_flags {
	/*
	 * Drivers invalidate what becomes present, too: entries of contexts and PASIDs, mappings of
	 * the second stage; not those of a first stage. For emulators that shadow or nest.
	 */
	IOMMU_MODEL_VTD_CACHING_MODE = 1 << 0,
	IOMMU_MODEL_VTD_NONCOHERENT = 1 << 1, /* page walks do not snoop the CPU caches */
	IOMMU_MODEL_VTD_NO_QUEUE = 1 << 2,    /* invalidation by registers only */
	IOMMU_MODEL_VTD_NO_PAGES = 1 << 3,    /* no page-selective invalidation */
	IOMMU_MODEL_VTD_PASS_THROUGH = 1 << 4,
	IOMMU_MODEL_VTD_SNOOP_CONTROL = 1 << 5,
	IOMMU_MODEL_VTD_DEVICE_TLB = 1 << 6,
	IOMMU_MODEL_VTD_INTERRUPT_REMAPPING = 1 << 7,
	IOMMU_MODEL_VTD_X2APIC = 1 << 8,
	IOMMU_MODEL_VTD_POSTED_INTERRUPTS = 1 << 9,
	IOMMU_MODEL_VTD_WRITE_BUFFER = 1 << 10, /* requires write buffer flushing */
	IOMMU_MODEL_VTD_PROTECTED_MEMORY = 1 << 11,
	/* Setting a table pointer invalidates the caches. */
	IOMMU_MODEL_VTD_SELF_INVALIDATING = 1 << 12,
	/* Scalable mode; requires the queue. Required by the following: */
	IOMMU_MODEL_VTD_SCALABLE = 1 << 13,
	IOMMU_MODEL_VTD_NO_SECOND_STAGE = 1 << 14, /* not in scalable mode */
	IOMMU_MODEL_VTD_FIRST_STAGE = 1 << 15,
	IOMMU_MODEL_VTD_FIRST_STAGE_5 = 1 << 16, /* with 5 levels as well */
	IOMMU_MODEL_VTD_NESTED = 1 << 17,        /* requires both stages */
	IOMMU_MODEL_VTD_DIRTY = 1 << 18,         /* accessed and dirty bits in the second stage */
	IOMMU_MODEL_VTD_PASID = 1 << 19,
	IOMMU_MODEL_VTD_PAGE_REQUESTS = 1 << 20, /* requires device TLBs */
	/* Page-selective invalidation of one page at a time; address_mask is 0 then. */
	IOMMU_MODEL_VTD_SINGLE_PAGES = 1 << 21,
	/*
	 * Performance counters and enhanced commands: 8 counters, with filters by source id, domain
	 * id, PASID and request type, that know requests, page requests, look-ups in the IOTLB and
	 * among interrupt entries (not of those that are posted), and their hits. The last of them
	 * counts what the IOTLB does alone. While a counter counts, requests take the unit's lock.
	 */
	IOMMU_MODEL_VTD_COUNTERS = 1 << 22,
};

/*
 * Stricter behaviour. Where the specification requires something of software without defining what
 * happens otherwise, some units (those of QEMU, for example) ignore or refuse what others accept.
 * Tests of drivers set all flags.
 */
enum iommu_model_vtd_strict {
	/* A wait descriptor with only a fence is refused, as one without any action always is. */
	IOMMU_MODEL_VTD_STRICT_WAITS = 1 << 0,
	/* The queue cannot be disabled while its head and its tail differ … */
	IOMMU_MODEL_VTD_STRICT_QUEUE_OFF = 1 << 1,
	/* … nor unless the last descriptor, executed or refused, was a wait. */
	IOMMU_MODEL_VTD_STRICT_QUEUE_LAST = 1 << 2,
	/*
	 * Descriptors may be executed in any order, but for a wait with a fence ("Invalidation
	 * Wait Descriptor"): it is misuse when what one of them drops may be cached anew through
	 * what one before it drops, and no such wait lies between them.
	 */
	IOMMU_MODEL_VTD_STRICT_ORDER = 1 << 3,
};

/* Copied by iommu_model_vtd_create, except for the platform, which is kept by reference. */
struct iommu_model_vtd_config {
	/* Pages, lock and address conversion for the model's own memory, not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_vtd_host host;
	unsigned int flags;         /* enum iommu_model_vtd_flags */
	unsigned int version;       /* major << 4 | minor; 0: 1.0; 6.0 and up have only the queue */
	unsigned int address_width; /* of devices: 30 to 57; 0: 48 */
	unsigned int levels; /* bit n: tables of n levels, n = 3 to 5; 0: the level of the width */
	unsigned int output_width; /* of memory, in bits: 32 to 52; 0: 46 */
	unsigned int domain_bits;  /* 4, 6, … 16; 0: 16 */
	unsigned int pasid_bits;   /* 1 to 20; 0: 20 */
	/*
	 * Maximum number of pages of one invalidation, as a power of two: 1 to 52; 0: 18, which is
	 * 1 GiB. For one page see IOMMU_MODEL_VTD_SINGLE_PAGES. Drivers use a domain-selective
	 * invalidation for larger ranges.
	 */
	unsigned int address_mask;
	unsigned int fault_records; /* 1 to 256; 0: 64 */
	uint64_t pgsize_bitmap;     /* 4K, and optionally 2M and 1G; 0: all three */
	/*
	 * Maximum number of cached entries of all kinds. An entry takes about 200 bytes (less than
	 * 300) on demand; the hash table takes one byte for each possible entry, 64 KiB at most,
	 * plus a page. With little memory fewer entries are cached. When the limit is reached, the
	 * least recently used entries are evicted: every request is cached. A request that passes
	 * through, or is not translated, takes one entry or none. 0: 16384; SIZE_MAX: no limit
	 * except memory, which a guest can exhaust, and no eviction: for tests of drivers.
	 */
	size_t cache_entries;
	/* Not 0: entries are evicted at random, as real caches do. */
	uint64_t forget_seed;
	unsigned int strict; /* enum iommu_model_vtd_strict */
	/* Of performance counters, in bits: 4 to 64; 0: 48. */
	unsigned int counter_width;
};

/* Faulty behaviour of hardware, for tests of drivers. All zero: none. */
struct iommu_model_vtd_faults {
	unsigned int command_delay; /* register reads until a command completes, enhanced or not */
	unsigned int wait_delay;    /* register reads until a wait descriptor completes */
	/*
	 * Invalidations are executed, and that is not reported: wait descriptors, and register
	 * invalidations, do not complete.
	 */
	bool waits_hang;
	bool invalidations_hang;   /* no descriptor and no register invalidation is executed */
	bool commands_hang;        /* commands never complete, enhanced or not */
	unsigned int refuse_after; /* the n-th descriptor from now fails; 0: none */
	/*
	 * A page request stays inside the unit until another arrives, or the driver drains
	 * requests.
	 */
	bool holds_requests;
	bool gone; /* every register reads as all ones, writes do nothing */
	/* Values that these registers show instead; 0: the true ones. */
	uint64_t capability, extended_capability;
	bool hides_queue_width; /* IQA always reads as with narrow descriptors, as QEMU 7.2's */
};

/*
 * iommu_model_vtd_create - create a VT-d unit in its reset state.
 *
 * Returns 0, IOMMU_EINVAL (a field of config is out of range, or fields contradict each other) or
 * IOMMU_ENOMEM.
 *
 * Context: may sleep; no other call uses what is destroyed.
 */
IOMMU_API int iommu_model_vtd_create(const struct iommu_model_vtd_config *config,
				     struct iommu_model_vtd **model);
/*
 * iommu_model_vtd_destroy - destroy a unit that no device uses any more; NULL: nothing. Context:
 * may sleep; no other call uses what is destroyed.
 */
IOMMU_API void iommu_model_vtd_destroy(struct iommu_model_vtd *model);

/*
 * iommu_model_vtd_reset - reset the unit: registers have their reset values, caches are empty.
 *
 * Devices must be quiescent: no request may be in progress or begin before the call has returned.
 * Such a request may be answered from a mixture of old and new state. The same holds for
 * iommu_model_vtd_restore. Context: any, while no request of a device is in progress.
 */
IOMMU_API void iommu_model_vtd_reset(struct iommu_model_vtd *model);

/*
 * iommu_model_vtd_register_space - size of the register window in bytes, a multiple of 4 KiB.
 * Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_model_vtd_register_space(const struct iommu_model_vtd *model);

/*
 * iommu_model_vtd_mmio_read - the guest reads a register of a VT-d unit. iommu_model_vtd_mmio_write
 * - the guest writes a register of a VT-d unit. size is 4 or 8, offset is aligned to it and inside
 * the window; otherwise 0 is read, a write is ignored, and misuse is reported.
 *
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API uint64_t iommu_model_vtd_mmio_read(struct iommu_model_vtd *model, uint64_t offset,
					     unsigned int size);
IOMMU_API void iommu_model_vtd_mmio_write(struct iommu_model_vtd *model, uint64_t offset,
					  unsigned int size, uint64_t value);

/*
 * iommu_model_vtd_run - continue processing what the guest has queued for a VT-d unit; true: there
 * is more, call again. The work of one call of any function is bounded: see work_remains. Not
 * needed for usual guests. Context: any, at once with other calls; never sleeps, but for the
 * functions of the host.
 */
IOMMU_API bool iommu_model_vtd_run(struct iommu_model_vtd *model);

/* Type of a request (PCIe "AT" field). */
enum iommu_model_request_type {
	IOMMU_MODEL_UNTRANSLATED = 0,
	IOMMU_MODEL_TRANSLATION_REQUEST =
		1, /* a device fills its TLB; a page that is not mapped is no fault */
	IOMMU_MODEL_TRANSLATED = 2, /* the address came from the device's TLB */
};

struct iommu_model_request {
	uint16_t source_id;
	enum iommu_model_request_type type;
	bool has_pasid;
	uint32_t pasid;
	iommu_iova_t address;
	unsigned int access; /* enum iommu_prot; 0: a zero-length read */
	/* Attributes of a request with a PASID. */
	bool privileged, execute;
};

struct iommu_model_translation {
	iommu_paddr_t paddr; /* byte exact */
	unsigned int prot;   /* permissions of the device */
	/*
	 * Size of the naturally aligned block around it with the same translation, in bytes; for
	 * untranslated memory, the largest that contains neither the interrupt range nor protected
	 * memory.
	 */
	uint64_t size;
	bool snoop;          /* the table requires snooping */
	bool is_interrupt;   /* no memory access: pass it to iommu_model_vtd_interrupt */
	unsigned int reason; /* fault reason (VT-d specification, "Fault Conditions") */
};

/*
 * iommu_model_vtd_translate - translate an access of a device behind a VT-d unit.
 *
 * Returns 0 with the translation, or IOMMU_EFAULT: the request faulted with result->reason, and the
 * fault was recorded as the specification requires. A translation request for a page without the
 * requested permission is no fault: it returns 0 with prot 0, or fewer permissions than requested.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_vtd_translate(struct iommu_model_vtd *model,
					const struct iommu_model_request *request,
					struct iommu_model_translation *result);

/* A part of an access that is translated alike. */
struct iommu_model_piece {
	struct iommu_model_translation where; /* paddr: of the first byte */
	uint64_t offset;                      /* in the access */
	uint64_t size;                        /* in bytes */
};

/* Called for each piece, in ascending order; a result other than 0 ends the access. */
typedef int (*iommu_model_piece_visitor)(void *ctx, const struct iommu_model_piece *piece);

/*
 * iommu_model_vtd_access - translate an access of `size` bytes behind a VT-d unit, piece by piece,
 * from request->address on, which may cross pages: for an emulator whose devices copy buffers.
 *
 * Each piece is translated when the one before has been visited, as a device sends one request
 * after the other: so a fault in the middle finds the beginning done. What
 * iommu_model_vtd_translate says of an answer after the call holds for the visitor.
 *
 * @last: receives the last translation; after a fault, its reason.
 *
 * Returns 0; what the visitor returned; IOMMU_EFAULT as iommu_model_vtd_translate; or, with nothing
 * asked for, IOMMU_EINVAL (size 0, or a translation request) or IOMMU_EOVERFLOW (the range wraps).
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_vtd_access(struct iommu_model_vtd *model,
				     const struct iommu_model_request *request, uint64_t size,
				     iommu_model_piece_visitor visitor, void *ctx,
				     struct iommu_model_translation *last);

/*
 * iommu_model_vtd_peek - the result of iommu_model_vtd_translate without side effects, for a
 * debugger, or for an emulator that needs to know it in advance.
 *
 * It only reads guest memory: no fault is recorded and no message sent, no accessed or dirty bit is
 * set, no misuse is reported, nothing is added to the cache, evicted or counted as used, and no
 * statistics change. Cached entries are used, as for a device.
 *
 * A device that writes later must use iommu_model_vtd_translate, or the dirty bit of its page is
 * missing. Only iommu_model_vtd_translate finds out that a bit cannot be set, because another
 * processor changes the entry all the time, or because the host's memory cannot be written.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_vtd_peek(struct iommu_model_vtd *model,
				   const struct iommu_model_request *request,
				   struct iommu_model_translation *result);

/* How a device's requests are translated, as configured by the driver and known to the unit. */
struct iommu_model_stage {
	bool first, second, passes; /* by which stages; or passed through */
	uint16_t domain_id;
	/*
	 * Of the first stage, for struct iommu_vtd_first_stage: an emulator nests it for a
	 * passed-through device.
	 */
	iommu_paddr_t first_table;
	unsigned int first_levels;
	unsigned int reason; /* fault reason, if they are blocked */
	/* Of the second stage: root of its tables, and number of levels, of 9 bits each. */
	iommu_paddr_t second_table;
	unsigned int second_levels;
};

/*
 * iommu_model_vtd_get_stage - the stages for a device's requests with a PASID, or without one: no
 * side effects, as iommu_model_vtd_peek. The unit's caches are used: call again when the driver has
 * invalidated contexts or PASIDs of the device, set the root table or switched translation. Only
 * with IOMMU_MODEL_VTD_CACHING_MODE does a driver invalidate an entry that becomes present. Returns
 * 0, or IOMMU_EFAULT: requests are blocked with stage->reason. Context: any, at once with other
 * calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_vtd_get_stage(struct iommu_model_vtd *model, uint16_t source_id,
					bool has_pasid, uint32_t pasid,
					struct iommu_model_stage *stage);

/* A leaf, or the part of one that lies in the requested range and is reachable. */
struct iommu_model_mapping {
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	uint64_t size; /* in bytes; a multiple of 4 KiB, not always a power of two */
	unsigned int prot;
	bool snoop;
};

/* State of a walk. The caller fills it in once; is_done, reason and looked_at begin as 0. */
struct iommu_model_walk {
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	/* The range to visit: [next, last], whole pages of 4 KiB. next is advanced. */
	iommu_iova_t next, last;
	bool is_done;
	unsigned int reason; /* why the device's requests are blocked */
	/* Begins as 0: the blocks that were visited so far, mapped or not. */
	uint64_t looked_at;
};

/*
 * iommu_model_vtd_walk - the next mappings for a device's requests with a PASID, or without one:
 * leaf by leaf, in ascending order, as an unprivileged request is translated by the stages that the
 * driver has configured. For nested stages, a leaf is a block with the same leaf in both. If
 * requests pass through, or translation is off, all of memory is one leaf. The interrupt range and
 * protected memory, where no request reaches memory, are left out: a leaf that overlaps them is
 * returned in pieces.
 *
 * No side effects, as iommu_model_vtd_peek. The device's context comes from the unit's caches, but
 * tables are read from memory, and may be newer than what the device sees before the driver
 * invalidates, as shadow tables in caching mode require.
 *
 * @walk:             see struct iommu_model_walk. Only an address is kept between two calls:
 *                    changes of the guest above that address are seen, changes below it are not.
 * @mappings, @count: an array of *count entries, at least one; *count receives the number returned,
 *                    which may be 0 although there are more: continue until walk->is_done. One call
 *                    visits at most 512 blocks, mapped or not. A hostile guest can map all of its
 *                    address space, page by page, with one table that points to itself, or have
 *                    tables all over it that map nothing: an emulator should limit looked_at.
 *
 * Returns 0; IOMMU_EFAULT: the device's requests are blocked, nothing is mapped, the walk is done,
 * and walk->reason is the reason; or IOMMU_EINVAL: the range is empty or not page-aligned, or
 * *count is 0. Context: any, at once with other calls; never sleeps, but for the functions of the
 * host.
 */
IOMMU_API int iommu_model_vtd_walk(struct iommu_model_vtd *model, struct iommu_model_walk *walk,
				   struct iommu_model_mapping *mappings, size_t *count);

/* A page request of a device (PCIe PRI). */
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
 * iommu_model_vtd_page_request - put a device's page request into the queue of a VT-d unit's
 * driver.
 *
 * Returns 0; IOMMU_ENOSPC: the queue is full, and for the last request of a group the unit has
 * answered itself, so that the device retries; or IOMMU_EFAULT: the device must not send page
 * requests; this was recorded and answered with a failure. Context: any, at once with other calls;
 * never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_vtd_page_request(struct iommu_model_vtd *model,
					   const struct iommu_model_page_request *request);

/* An interrupt after remapping. */
struct iommu_model_interrupt {
	/*
	 * The vector was posted to the descriptor, and the following fields are the notification.
	 */
	bool posted;
	bool notify; /* false: posted, and a notification is outstanding already, or suppressed */
	/* Not remapped: the original message. */
	bool unchanged;
	uint64_t address;
	uint32_t data;
	/* Remapped: */
	uint8_t vector;
	uint8_t delivery_mode;
	bool logical, redirection_hint, level;
	uint32_t destination;
	unsigned int reason; /* fault reason, if blocked */
};

/*
 * iommu_model_vtd_interrupt - a message from a device or I/O APIC with this source id (for an I/O
 * APIC's redirection entry, the message that it stands for). Returns 0, or IOMMU_EFAULT with the
 * reason, which was recorded. Context: any, at once with other calls; never sleeps, but for the
 * functions of the host.
 */
IOMMU_API int iommu_model_vtd_interrupt(struct iommu_model_vtd *model, uint16_t source_id,
					uint64_t address, uint32_t data,
					struct iommu_model_interrupt *interrupt);

/*
 * iommu_model_vtd_peek_interrupt - the result of iommu_model_vtd_interrupt, for a route that is set
 * up in advance (irqfd, an I/O APIC's entry). No side effects, as iommu_model_vtd_peek, and nothing
 * is posted: `posted` tells that it would be, `notify` that the notification would be sent.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_vtd_peek_interrupt(struct iommu_model_vtd *model, uint16_t source_id,
					     uint64_t address, uint32_t data,
					     struct iommu_model_interrupt *interrupt);

/*
 * iommu_model_vtd_misbehave - set the faulty behaviour of a VT-d unit; copied. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_vtd_misbehave(struct iommu_model_vtd *model,
					 const struct iommu_model_vtd_faults *faults);

/*
 * iommu_model_vtd_save - the guest-visible state of a VT-d unit, for migration and snapshots,
 * including operations in progress: a command, answers and messages that were not delivered. Caches
 * are not included, because hardware may evict entries at any time. A device TLB invalidation in
 * progress is repeated after the restore. Returns the size; nothing is written if `size` is
 * smaller, and `bytes` may be NULL with size 0.
 *
 * iommu_model_vtd_restore - restore a saved state of a VT-d unit, in any state of the model, and
 * continue from there, including the queue: the host's functions are called before it returns. 0,
 * or IOMMU_EINVAL with nothing changed: not a state of a model with these capabilities, or one of a
 * release that saves otherwise. The bytes are not trusted. Context: any, at once with other calls;
 * a restore, while no request is in progress.
 */
IOMMU_API size_t iommu_model_vtd_save(struct iommu_model_vtd *model, void *bytes, size_t size);
IOMMU_API int iommu_model_vtd_restore(struct iommu_model_vtd *model, const void *bytes,
				      size_t size);

struct iommu_model_vtd_stats {
	size_t cached_contexts, cached_pages, cached_tables, cached_interrupts;
	size_t cached_pasids, cached_first_pages, cached_first_tables;
	uint64_t translations, walks, descriptors, faults;
};
/*
 * iommu_model_vtd_get_stats - what a unit has cached, and what it has done so far. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_vtd_get_stats(struct iommu_model_vtd *model,
					 struct iommu_model_vtd_stats *stats);

IOMMU_END_DECLS
#endif
