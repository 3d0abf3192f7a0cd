/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of a RISC-V IOMMU (specification 1.0.0, with the extensions NL, S and QOSID of later
 * texts): for emulators, which present it to a guest; and for tests of drivers, as an adversary.
 *
 * It is written against the specification and not against any driver. It caches as much as the
 * specification allows, under the tags of the specification's table: device contexts and the
 * entries above them, process contexts and the entries above them, first-stage entries,
 * second-stage entries and MSI entries, leaves and pointers apart, and, of a guest's structures,
 * where their roots lie. Nothing that is not valid is cached. As long as cache_entries is not
 * reached it evicts nothing on its own, so that a missing or too narrow invalidation has an effect;
 * a test that wants random evictions sets forget_seed. Everything that it reads from guest memory
 * and every register write is treated as hostile: the worst reaction is a fault, an error bit or
 * silence. The work of one call is bounded, and so is the memory that a guest can make the model
 * allocate.
 *
 * Concurrency: every function but create and destroy may be called from any thread, and requests of
 * devices run concurrently: cached entries are found without a lock, and a lock is held only for
 * short work inside the model, never around a function of `host`. Of the platform only irq_save,
 * irq_restore and relax are called with a lock held; pages are allocated with IOMMU_ALLOC_ATOMIC.
 * The memory callbacks (read, write, set_bits, compare_exchange) are called by several threads at
 * once, in the middle of a walk, and must not call the model; nor must work_remains; all others
 * may. Callbacks other than those of memory do not nest without bound: what arises while one is
 * under way is delivered afterwards by the same thread, except that requests made within a
 * page_answer may wait, two at most.
 *
 * Completion. IOFENCE.C, a change of ddtp, and a queue that turns off show the completion of an
 * operation to the guest (cqh, the stored data, busy, …) only when
 *   1. nothing that the operation named is cached, and nothing of it can be cached again: what a
 *   walk that began earlier has read is discarded;
 *   2. the host has been notified (`invalidate`);
 *   3. every request that was reading the guest's tables before has ended: it has set its accessed
 *   and dirty bits, stored its message, recorded its fault.
 * No function waits for this: completion is deferred, and performed by the thread of the request
 * that ends last. A request that begins after completion sees no old data. That an old result is no
 * longer in use (by a transfer in progress, say) when the guest sees completion is up to the
 * emulator: in `invalidate` it waits for users of earlier results, or drops them. The head of the
 * queue may pass any other command before that.
 */
#ifndef LIBIOMMU_MODEL_RISCV_H
#define LIBIOMMU_MODEL_RISCV_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

struct iommu_model_riscv;

/* An operation of the guest that makes an emulator's copies of the model's results stale. */
enum iommu_model_riscv_invalidation_type {
	IOMMU_MODEL_RISCV_FIRST_STAGE,  /* IOTINVAL.VMA */
	IOMMU_MODEL_RISCV_SECOND_STAGE, /* IOTINVAL.GVMA: entries of MSI tables, too */
	IOMMU_MODEL_RISCV_DEVICES,      /* IODIR.INVAL_DDT: contexts, with those of processes */
	IOMMU_MODEL_RISCV_PROCESSES,    /* IODIR.INVAL_PDT */
	IOMMU_MODEL_RISCV_DEVICE_TLB,   /* ATS.INVAL: what a device keeps */
	IOMMU_MODEL_RISCV_MODE_SET,     /* ddtp was written: everything */
	IOMMU_MODEL_RISCV_RESET,        /* iommu_model_riscv_reset or _restore: everything */
};

/*
 * An invalidation. A field without its has_… flag restricts nothing. More may be invalidated than
 * requested, never less.
 */
struct iommu_model_riscv_invalidation {
	enum iommu_model_riscv_invalidation_type type;
	/*
	 * Of the guest with this GSCID. Without: the first stage of contexts that have no second
	 * stage; the second stage of all guests.
	 */
	bool has_guest;
	uint16_t gscid;
	/* First stage: of this PSCID, without entries that are global. */
	bool has_pscid;
	uint32_t pscid;
	/* Devices, processes, device TLBs. */
	bool has_device;
	uint32_t device_id;
	/* Processes. Device TLBs: entries with this PASID, or, without it, those with none. */
	bool has_process;
	uint32_t process_id;
	bool all_processes; /* device TLBs: entries of any PASID */
	/* [address, address + size - 1], multiples of 4 KiB; size 0: everything. */
	bool has_range;
	uint64_t address, size;
	bool leaves_only; /* no entry that points to a table has changed */
	/*
	 * The command as the driver has given it, as iommu_riscv_invalidation of <libiommu/riscv.h>
	 * has it; 0: there was none.
	 */
	uint64_t low, high;
};

struct iommu_model_riscv_page_answer {
	uint32_t device_id;
	bool has_process;
	uint32_t process_id;
	uint16_t group;
	unsigned int code; /* PCIe: 0 success, 1 invalid request, 15 failure */
};

/* Services that the model needs from its emulator. */
struct iommu_model_riscv_host {
	void *ctx;
	/*
	 * read, write - access guest physical memory, `size` bytes: 4, 8 or 16, naturally aligned.
	 * False: there is no memory. Aligned 8 bytes must be read atomically. REQUIRED.
	 */
	bool (*read)(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
	/*
	 * set_bits - atomically set `bits` in 8 aligned bytes, little-endian, and return the former
	 * value. Needed for the capability AMO_MRIF; without it messages are stored by read and
	 * write.
	 */
	bool (*set_bits)(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before);
	/*
	 * compare_exchange - atomically replace 8 aligned bytes, little-endian, if they equal
	 * `expected`. False: they do not, or there is no memory. Needed for AMO_HWAD.
	 */
	bool (*compare_exchange)(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				 uint64_t desired);
	/*
	 * interrupt - deliver a message of the unit itself, 4 bytes. False: nothing is there, which
	 * the unit records as a fault. NULL: messages are dropped.
	 */
	bool (*interrupt)(void *ctx, uint64_t address, uint32_t data);
	/* wire - a wire of the unit changes, with fctl.WSI. May be NULL. */
	void (*wire)(void *ctx, unsigned int vector, bool level);
	/* page_answer - deliver the answer to a device's page requests. Needed for ATS. */
	void (*page_answer)(void *ctx, const struct iommu_model_riscv_page_answer *answer);
	/*
	 * misuse - the driver violated a rule of the specification; a static text, for a log. The
	 * operation is ignored, or performed as far as it makes sense. A guest can cause a report
	 * with every call: limit the log. May be NULL.
	 */
	void (*misuse)(void *ctx, const char *text);
	/*
	 * work_remains - the guest has queued more than one call of the model processes: 32,768
	 * commands and calls of the functions of this structure together (16,384 commands where
	 * `invalidate` is called for each). Call iommu_model_riscv_run from a timer or a bottom
	 * half; not from here, nor any other function. Called without the lock, by every
	 * function but iommu_model_riscv_run. NULL: the rest is processed by the next call of any
	 * function, for which a guest that polls memory may wait in vain.
	 */
	void (*work_remains)(void *ctx);
	/*
	 * invalidate - the guest invalidates or sets something: the emulator's copies of the
	 * model's results become stale as `what` describes. The model returns new results already,
	 * but the guest does not see the completion before this function returns.
	 *
	 * The result counts for IOMMU_MODEL_RISCV_DEVICE_TLB alone. False: the device does not
	 * answer, which the next IOFENCE.C finds.
	 *
	 * A result that another thread has obtained before, and stores only now, is stale. The
	 * emulator therefore counts these calls and reads the count before it calls the model: it
	 * stores a result only if the count has not changed since. The comparison and the store are
	 * one step, under a lock that this function takes for the count and for what it drops; an
	 * emulator of one thread needs neither. That suffices for what is kept and looked up again
	 * under the lock; a copy that goes on with an address needs the section of
	 * docs/emulator.md, "Threads".
	 *
	 * Called without the lock; it may call every function but destroy. At most one call is in
	 * progress for a model: further ones are made after it returned, by the same thread, and
	 * the guest's queue pauses until then. NULL: the emulator keeps no results.
	 */
	bool (*invalidate)(void *ctx, const struct iommu_model_riscv_invalidation *what);
};

/* What a unit may do, and few do: for tests of drivers. */
enum iommu_model_riscv_strict {
	/*
	 * Commands are executed when an IOFENCE.C behind them is, and not before, unless more than
	 * 32 are waiting.
	 */
	IOMMU_MODEL_RISCV_LAZY = 1 << 0,
	/* Registers without a reset value, and bits that are not to be relied on, hold anything. */
	IOMMU_MODEL_RISCV_WILD_RESET = 1 << 1,
	/* The same as LAZY, and the newest command is executed first (3.1, "out of order"). */
	IOMMU_MODEL_RISCV_UNORDERED = 1 << 2,
};

/* Copied by iommu_model_riscv_create, except for the platform, which is kept by reference. */
struct iommu_model_riscv_config {
	/* Pages, lock and address conversion for the model's own memory, not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_riscv_host host;
	/*
	 * The register (<libiommu/hw/riscv_registers.h>): RISCV_CAP_…, IGS and PAS. The version is
	 * added, and 56 bits where PAS is 0. 0: all modes of 39 to 57 bits of both stages, Svpbmt,
	 * all process directories, MSI tables with interrupt files in memory, debug, 31 counters,
	 * messages and wires; accessed and dirty bits, and ATS with T2GPA, where `host` has what
	 * they need.
	 */
	uint64_t capabilities;
	/*
	 * fctl after reset, and which of its bits cannot be changed: those that the capabilities
	 * leave no choice for cannot in any case, and have the value that the capabilities imply;
	 * without END, BE is what `fctl` says.
	 */
	uint32_t fctl, fctl_fixed;
	bool resets_bare;      /* ddtp after reset: Bare, not Off */
	unsigned int levels;   /* bit n: device directories of n levels, n = 1 to 3; 0: all */
	unsigned int vectors;  /* of interrupts: 1, 2, 4, 8 or 16; 0: 4 */
	unsigned int counters; /* with HPM: 1 to 31; 0: 31 */
	/* With HPM: bits of a count, 32 to 64; 0: 64. Of cycles at most 63 are counted. */
	unsigned int counter_bits;
	unsigned int qos_bits;  /* with QOSID: of RCID and MCID, 1 to 12; 0: 12 */
	unsigned int queue_max; /* log2 of the entries of the largest queue, 1 to 32; 0: 32 */
	/*
	 * Maximum number of cached entries of all kinds; an entry takes about 200 bytes on demand.
	 * 0: 16384; SIZE_MAX: no limit except memory, and no eviction: for tests of drivers.
	 */
	size_t cache_entries;
	/* Not 0: entries are evicted at random, as real caches do. */
	uint64_t forget_seed;
	unsigned int strict; /* enum iommu_model_riscv_strict */
};

/* Faulty behaviour of hardware, for tests of drivers. All zero: none. */
struct iommu_model_riscv_faults {
	/* Register reads until a change of ddtp or of a queue's control is complete: busy. */
	unsigned int busy_delay;
	unsigned int fence_delay;       /* register reads until IOFENCE.C completes */
	bool stays_busy;                /* changes of ddtp and of queues never complete */
	bool fences_hang;               /* commands are executed, but IOFENCE.C does not complete */
	bool commands_hang;             /* no command is executed */
	unsigned int refuse_after;      /* the n-th command from now is illegal; 0: none */
	unsigned int fetch_fails_after; /* the n-th command from now cannot be fetched; 0: none */
	bool gone;                      /* every register reads as all ones, writes do nothing */
	/* Writes to the register at this offset do nothing; 0: none. */
	unsigned int deaf_register;
	/* The register at this offset reads as `lie`; lies: there is one. */
	bool lies;
	unsigned int lying_register;
	uint64_t lie;
	/* What lies here is corrupt (poisoned), for reads of tables; last 0: nothing. */
	iommu_paddr_t corrupt_first, corrupt_last;
};

/*
 * iommu_model_riscv_create - create a RISC-V unit in its reset state.
 *
 * Returns 0, IOMMU_EINVAL (a field of config is out of range, or fields contradict each other) or
 * IOMMU_ENOMEM. iommu_model_riscv_destroy - free a RISC-V unit; NULL: nothing.
 *
 * Context: may sleep; no other call uses what is destroyed.
 */
IOMMU_API int iommu_model_riscv_create(const struct iommu_model_riscv_config *config,
				       struct iommu_model_riscv **model);
IOMMU_API void iommu_model_riscv_destroy(struct iommu_model_riscv *model);

/*
 * iommu_model_riscv_reset - reset a RISC-V unit: caches are empty, and registers have their reset
 * values; those that have none are 0, or anything with IOMMU_MODEL_RISCV_WILD_RESET.
 *
 * Devices must be quiescent: no request may be in progress or begin before the call has returned.
 * The same holds for iommu_model_riscv_restore. Context: any, while no request of a device is in
 * progress.
 */
IOMMU_API void iommu_model_riscv_reset(struct iommu_model_riscv *model);

/*
 * iommu_model_riscv_mmio_read - the guest reads a register of a RISC-V unit, in a window of 4 KiB.
 * iommu_model_riscv_mmio_write - the guest writes a register of a RISC-V unit. size is 4 or 8,
 * offset is aligned to it, and the access stays in one register; otherwise 0 is read, a write is
 * ignored, and misuse is reported. Context: any, at once with other calls; never sleeps, but for
 * the functions of the host.
 */
IOMMU_API uint64_t iommu_model_riscv_mmio_read(struct iommu_model_riscv *model, uint64_t offset,
					       unsigned int size);
IOMMU_API void iommu_model_riscv_mmio_write(struct iommu_model_riscv *model, uint64_t offset,
					    unsigned int size, uint64_t value);

/*
 * iommu_model_riscv_run - continue processing what the guest has queued for a RISC-V unit; true:
 * there is more, call again. The work of one call of any function is bounded: see work_remains.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API bool iommu_model_riscv_run(struct iommu_model_riscv *model);

enum iommu_model_riscv_request_type {
	IOMMU_MODEL_RISCV_UNTRANSLATED = 0,
	IOMMU_MODEL_RISCV_TRANSLATION_REQUEST = 1, /* ATS: a device fills its TLB */
	IOMMU_MODEL_RISCV_TRANSLATED = 2,          /* the address came from the device's TLB */
};

struct iommu_model_riscv_request {
	uint32_t device_id; /* 24 bits */
	enum iommu_model_riscv_request_type type;
	bool has_process; /* PCIe: a PASID */
	uint32_t process_id;
	iommu_iova_t address;
	/*
	 * enum iommu_prot; 0: a read. Both: an atomic operation. A translation request asks for
	 * reading in any case.
	 */
	unsigned int access;
	/* Attributes of a request with a process id; execute: of a read. */
	bool privileged, execute;
};

/* How a request ends. */
enum iommu_model_riscv_answer {
	IOMMU_MODEL_RISCV_SUCCESS,
	IOMMU_MODEL_RISCV_UNSUPPORTED, /* PCIe: UR */
	IOMMU_MODEL_RISCV_ABORTED,     /* PCIe: CA; of translation requests alone */
};

struct iommu_model_riscv_translation {
	iommu_paddr_t paddr; /* byte exact; of a guest with is_guest_address */
	unsigned int prot;   /* permissions of the device */
	bool executable;     /* … in a request for that */
	/* Size of the naturally aligned block around it with the same translation, in bytes. */
	uint64_t size;
	unsigned int memory_type; /* PBMT: 0 as the platform says, 1 NC, 2 IO */
	bool is_guest_address;    /* T2GPA: the answer to a translation request */
	/*
	 * A page of a virtual interrupt file. With is_file the message is to be stored in memory,
	 * not at paddr: see iommu_model_riscv_interrupt.
	 */
	bool is_message, is_file;
	iommu_paddr_t file, notice; /* the file in memory; where the notice goes, and its data */
	uint32_t notice_data;
	/* In the answer to a translation request. */
	bool is_global, is_privileged, untranslated_only;
	uint16_t rcid, mcid; /* quality-of-service ids of the device's access */
	enum iommu_model_riscv_answer answer;
	unsigned int cause; /* of a fault: CAUSE of the specification; 0: none */
};

/*
 * iommu_model_riscv_translate - translate an access of a device behind a RISC-V unit.
 *
 * Returns 0 with the translation, or IOMMU_EFAULT: the request faulted with result->cause, and the
 * fault was recorded as the specification requires. A translation request for a page without the
 * requested permission is no fault: it returns 0 with prot 0, or fewer permissions than requested.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_translate(struct iommu_model_riscv *model,
					  const struct iommu_model_riscv_request *request,
					  struct iommu_model_riscv_translation *result);

/* A part of an access that is translated alike. */
struct iommu_model_riscv_piece {
	struct iommu_model_riscv_translation where; /* paddr: of the first byte */
	uint64_t offset;                            /* in the access */
	uint64_t size;                              /* in bytes */
};

/* Called for each piece, in ascending order; a result other than 0 ends the access. */
typedef int (*iommu_model_riscv_piece_visitor)(void *ctx,
					       const struct iommu_model_riscv_piece *piece);

/*
 * iommu_model_riscv_access - translate an access of `size` bytes behind a RISC-V unit, piece by
 * piece, from request->address on, which may cross pages: each is translated when the one before
 * has been visited.
 *
 * @last: receives the last translation; after a fault, its cause.
 *
 * Returns 0; what the visitor returned; IOMMU_EFAULT as iommu_model_riscv_translate; or, with
 * nothing asked for, IOMMU_EINVAL (size 0, or a translation request) or IOMMU_EOVERFLOW (the range
 * wraps). Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_access(struct iommu_model_riscv *model,
				       const struct iommu_model_riscv_request *request,
				       uint64_t size, iommu_model_riscv_piece_visitor visitor,
				       void *ctx, struct iommu_model_riscv_translation *last);

/*
 * iommu_model_riscv_peek - the result of iommu_model_riscv_translate without side effects: it only
 * reads guest memory; no fault is recorded, no bit of a table is set, nothing is added to the cache
 * or evicted. Cached entries are used, as for a device. Context: any, at once with other calls;
 * never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_peek(struct iommu_model_riscv *model,
				     const struct iommu_model_riscv_request *request,
				     struct iommu_model_riscv_translation *result);

/* A message of a device. */
struct iommu_model_riscv_message {
	struct iommu_model_riscv_translation where;
	/*
	 * What the emulator still has to store, 4 bytes: the message itself, or, where it was put
	 * into an interrupt file in memory, the notice. False: nothing.
	 */
	bool is_due;
	iommu_paddr_t address;
	uint32_t data;
};

/*
 * iommu_model_riscv_interrupt - a device stores 4 bytes, `data`, little-endian, at
 * request->address, which may be the page of a virtual interrupt file. Where the file lies in
 * memory the message is put there. Returns as iommu_model_riscv_translate. Context: any, at once
 * with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_interrupt(struct iommu_model_riscv *model,
					  const struct iommu_model_riscv_request *request,
					  uint32_t data, struct iommu_model_riscv_message *message);

/* How a device's requests are translated, as configured by the driver and known to the unit. */
struct iommu_model_riscv_stage {
	bool first, second; /* by which stages; neither: they pass */
	bool has_pscid;     /* there is a first stage */
	uint32_t pscid;
	uint16_t gscid; /* of the second stage */
	/*
	 * MODE and root of either stage; the first stage's root is a guest's with a second stage.
	 */
	unsigned int first_mode, second_mode;
	bool first_is_32_bit, second_is_32_bit;
	iommu_paddr_t first_table, second_table;
	bool ats, page_requests; /* what the device may send */
	unsigned int cause;      /* of the fault, if they are blocked */
	/*
	 * What the device's context itself says of its first stage, whatever process is asked for:
	 * the fields of struct iommu_riscv_first_stage (<libiommu/riscv.h>), for a nested domain.
	 * Also where requests are blocked, but not where there is no context (has_context false).
	 */
	bool has_context;
	uint64_t root, control; /* iosatp, or pdtp with RISCV_TC_PDTV; bits of tc */
	uint32_t process;
};

/*
 * iommu_model_riscv_get_stage - the stages for a device's requests with a process id, or without
 * one: no side effects, as iommu_model_riscv_peek. Call again when the driver has invalidated
 * contexts of the device, or set the mode. A driver need not say that a context becomes valid,
 * unless firmware's description of the unit asks for it (IOMMU_RISCV_TELL_VALID,
 * <libiommu/riscv.h>). Returns 0, or IOMMU_EFAULT: requests are blocked with stage->cause. Context:
 * any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_get_stage(struct iommu_model_riscv *model, uint32_t device_id,
					  bool has_process, uint32_t process_id,
					  struct iommu_model_riscv_stage *stage);

/* A leaf, or the part of one that lies in the requested range. */
struct iommu_model_riscv_mapping {
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	uint64_t size; /* in bytes; a multiple of 4 KiB, not always a power of two */
	unsigned int prot;
	bool is_message; /* a page of a virtual interrupt file: messages are written here */
};

/* State of a walk. The caller fills it in once; is_done, cause and looked_at begin as 0. */
struct iommu_model_riscv_walk_state {
	uint32_t device_id;
	bool has_process;
	uint32_t process_id;
	/* The range to visit: [next, last], whole pages of 4 KiB. next is advanced. */
	iommu_iova_t next, last;
	bool is_done;
	unsigned int cause; /* why the device's requests are blocked */
	/* The blocks that were visited so far, mapped or not. */
	uint64_t looked_at;
};

/*
 * iommu_model_riscv_walk - the next mappings for a device's requests, leaf by leaf, in ascending
 * order, as an unprivileged request is translated by the stages that the driver has configured.
 *
 * No side effects, as iommu_model_riscv_peek. The device's context comes from the unit's caches,
 * but tables are read from memory, and may be newer than what the device sees before the driver
 * invalidates, as shadow tables require. A driver does not invalidate what it maps anew: an
 * emulator that shadows needs one that does, or asks for each page when the device's access faults.
 *
 * @walk:             see struct iommu_model_riscv_walk_state. Only an address is kept between two
 *                    calls.
 * @mappings, @count: an array of *count entries, at least one; *count receives the number returned,
 *                    which may be 0 although there are more: continue until walk->is_done. One call
 *                    visits at most 512 blocks, mapped or not. A hostile guest can map all of its
 *                    address space with one table that points to itself: limit looked_at.
 *
 * Returns 0; IOMMU_EFAULT: the device's requests are blocked, nothing is mapped, the walk is done,
 * and walk->cause is the cause; or IOMMU_EINVAL: the range is empty or not page-aligned, or *count
 * is 0. Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_walk(struct iommu_model_riscv *model,
				     struct iommu_model_riscv_walk_state *walk,
				     struct iommu_model_riscv_mapping *mappings, size_t *count);

/* A page request of a device (PCIe PRI). */
struct iommu_model_riscv_page_message {
	uint32_t device_id;
	bool has_process;
	uint32_t process_id;
	bool privileged, execute;
	iommu_iova_t address;
	/* enum iommu_prot; 0, with is_last and a process id: a stop marker. */
	unsigned int access;
	uint16_t group; /* 0 to 511 */
	bool is_last;
};

/*
 * iommu_model_riscv_page_request - put a device's page request into the queue of a RISC-V unit's
 * driver.
 *
 * Returns 0; IOMMU_ENOSPC: the queue is full; or IOMMU_EFAULT: the request could not be put there
 * for another reason. In both cases the unit has answered the last request of a group itself.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_riscv_page_request(struct iommu_model_riscv *model,
					     const struct iommu_model_riscv_page_message *request);

/*
 * iommu_model_riscv_misbehave - set the faulty behaviour of a RISC-V unit; copied. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_riscv_misbehave(struct iommu_model_riscv *model,
					   const struct iommu_model_riscv_faults *faults);

/*
 * iommu_model_riscv_save - the guest-visible state of a RISC-V unit, for migration and snapshots,
 * including operations in progress. Caches are not included, because hardware may evict entries at
 * any time. Returns the size; nothing is written if `size` is smaller, and `bytes` may be NULL with
 * size 0.
 *
 * iommu_model_riscv_restore - restore a saved state of a RISC-V unit, in any state of the model,
 * and continue from there, including the queue: the host's functions are called before it returns.
 * 0, or IOMMU_EINVAL with nothing changed: not a state of a model with this configuration, or one
 * of a release that saves otherwise. The bytes are not trusted. Context: any, at once with other
 * calls; a restore, while no request is in progress.
 */
IOMMU_API size_t iommu_model_riscv_save(struct iommu_model_riscv *model, void *bytes, size_t size);
IOMMU_API int iommu_model_riscv_restore(struct iommu_model_riscv *model, const void *bytes,
					size_t size);

/*
 * iommu_model_riscv_get_stats - what is cached now, and what was done so far. Context: any, at once
 * with other calls; never sleeps, but for the functions of the host.
 */
struct iommu_model_riscv_stats {
	size_t cached_contexts, cached_directories, cached_processes, cached_roots;
	size_t cached_first, cached_second, cached_messages; /* entries of tables */
	uint64_t translations, walks, commands, faults;
};
IOMMU_API void iommu_model_riscv_get_stats(struct iommu_model_riscv *model,
					   struct iommu_model_riscv_stats *stats);

IOMMU_END_DECLS
#endif
