/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of Arm's SMMUv3 (IHI 0070; the Non-secure side of SMMUv3.0 to SMMUv3.2 without AArch32
 * tables and 52-bit virtual addresses): for emulators, which present it to a guest; and for tests
 * of drivers, as an adversary.
 *
 * It is written against the specification and not against any driver. It caches as much as the
 * specification allows: level 1 descriptors, stream table entries and context descriptors, invalid
 * ones, too; leaves and tables of stage 1 by VMID and ASID, of stage 2 by VMID; and, where both
 * stages translate, what both give together, which CMD_TLBI_S2_IPA does not reach. No fault of a
 * page-table entry is cached. As long as cache_entries is not reached it evicts nothing on its own,
 * so that a missing or too narrow invalidation has an effect; a test that wants random evictions
 * sets forget_seed. Everything that it reads from guest memory and every register write is treated
 * as hostile: the worst reaction is an abort, an event, an error bit or silence. The work of one
 * call is bounded, and so is the memory that a guest can make the model allocate.
 *
 * Concurrency: every function but create and destroy may be called from any thread, and requests of
 * devices run concurrently: cached entries are found without a lock, and a lock is held only for
 * short work inside the model, never around a function of `host`. Of the platform only irq_save,
 * irq_restore and relax are called with a lock held; pages are allocated with IOMMU_ALLOC_ATOMIC.
 * The memory callbacks (read, write, compare_exchange) are called by several threads at once, in
 * the middle of a walk, and must not call the model; nor must work_remains; all others may.
 * Callbacks other than those of memory do not nest without bound: what arises while one is under
 * way is delivered afterwards by the same thread, except that requests made within a page_answer
 * may wait, two at most.
 *
 * Completion. CMD_SYNC, a change of CR0 and of GBPA show the completion of an operation to the
 * guest (CONS, the stored data, CR0ACK, GBPA.Update) only when
 *   1. nothing that the operation named is cached, and nothing of it can be cached again: what a
 *   walk that began earlier has read is discarded;
 *   2. the host has been notified (`invalidate`);
 *   3. every request that was reading the guest's tables before has ended: it has set its access
 *   and dirty state, recorded its event.
 * No function waits for this: completion is deferred, and performed by the thread of the request
 * that ends last. A request that begins after completion sees no old data. That an old result is no
 * longer in use (by a transfer in progress, say) when the guest sees completion is up to the
 * emulator: in `invalidate` it waits for users of earlier results, or drops them.
 */
#ifndef LIBIOMMU_MODEL_SMMU_H
#define LIBIOMMU_MODEL_SMMU_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

struct iommu_model_smmu;

/* An operation of the guest that makes an emulator's copies of the model's results stale. */
enum iommu_model_smmu_invalidation_type {
	IOMMU_MODEL_SMMU_STAGE_1,    /* CMD_TLBI_NH_…, CMD_TLBI_EL2_… */
	IOMMU_MODEL_SMMU_STAGE_2,    /* CMD_TLBI_S2_IPA */
	IOMMU_MODEL_SMMU_BOTH,       /* CMD_TLBI_S12_VMALL, CMD_TLBI_NSNH_ALL */
	IOMMU_MODEL_SMMU_STREAMS,    /* CMD_CFGI_STE…: streams, with their contexts */
	IOMMU_MODEL_SMMU_CONTEXTS,   /* CMD_CFGI_CD… */
	IOMMU_MODEL_SMMU_DEVICE_TLB, /* CMD_ATC_INV: what a device keeps */
	IOMMU_MODEL_SMMU_ENABLE,     /* CR0 or GBPA was written: everything */
	IOMMU_MODEL_SMMU_RESET,      /* iommu_model_smmu_reset or _restore: everything */
};

/*
 * An invalidation. A field without its has_… flag restricts nothing. More may be invalidated than
 * requested, never less.
 */
struct iommu_model_smmu_invalidation {
	enum iommu_model_smmu_invalidation_type type;
	bool is_el2; /* stage 1: of streams of EL2, which have no VMID */
	bool has_vmid;
	uint16_t vmid;
	/* Stage 1: of this ASID; with a range, entries that are global, too. */
	bool has_asid;
	uint16_t asid;
	/* Streams first_stream to last_stream; contexts and device TLBs: of one stream. */
	bool has_streams;
	uint32_t first_stream, last_stream;
	/* Contexts. Device TLBs: entries with this PASID, or, without it, those of any. */
	bool has_substream;
	uint32_t substream;
	bool all_substreams; /* device TLBs: entries of any PASID, although one is named */
	/* [address, address + size - 1], multiples of 4 KiB; size 0: everything. */
	bool has_range;
	uint64_t address, size;
	bool leaves_only; /* no entry that points to a table has changed */
	/*
	 * The command as the driver has given it, as iommu_smmu_invalidation of <libiommu/smmu.h>
	 * has it; 0: there was none.
	 */
	uint64_t words[2];
};

struct iommu_model_smmu_page_answer {
	uint32_t stream;
	bool has_substream;
	uint32_t substream;
	uint16_t group;
	unsigned int code; /* PCIe: 0 success, 1 invalid request, 15 failure */
};

/* What is to be done with a stalled request. */
enum iommu_model_smmu_resumption {
	IOMMU_MODEL_SMMU_RETRY,          /* make it anew: it is translated again */
	IOMMU_MODEL_SMMU_END_ABORTED,    /* end it with an abort */
	IOMMU_MODEL_SMMU_END_UNANSWERED, /* end it: a read is 0, a write is ignored */
};

/* The unit's wires, all for edges. */
enum iommu_model_smmu_wire {
	IOMMU_MODEL_SMMU_WIRE_ERRORS,
	IOMMU_MODEL_SMMU_WIRE_EVENTS,
	IOMMU_MODEL_SMMU_WIRE_REQUESTS, /* page requests */
	IOMMU_MODEL_SMMU_WIRE_SYNC,     /* CMD_SYNC */
};

/* Services that the model needs from its emulator. */
struct iommu_model_smmu_host {
	void *ctx;
	/*
	 * read, write - access guest physical memory, `size` bytes: 4, 8 or 16, naturally aligned.
	 * False: there is no memory. Aligned 8 bytes must be read atomically. REQUIRED.
	 */
	bool (*read)(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
	/*
	 * compare_exchange - atomically replace 8 aligned bytes, little-endian, if they equal
	 * `expected`. False: they do not, or there is no memory. Needed for IDR0.HTTU.
	 */
	bool (*compare_exchange)(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				 uint64_t desired);
	/*
	 * interrupt - a message of the unit itself, 4 bytes: to a controller of interrupts, or, of
	 * a CMD_SYNC, to memory. False: nothing is there, which becomes an error of the unit. NULL:
	 * messages are written by `write`.
	 */
	bool (*interrupt)(void *ctx, uint64_t address, uint32_t data);
	/* wire - an edge on a wire of the unit. May be NULL. */
	void (*wire)(void *ctx, enum iommu_model_smmu_wire wire);
	/* send_event - a CMD_SYNC wakes the processors (SEV). May be NULL. */
	void (*send_event)(void *ctx);
	/* page_answer - deliver the answer to a device's page requests. Needed for ATS. */
	void (*page_answer)(void *ctx, const struct iommu_model_smmu_page_answer *answer);
	/*
	 * resume - go on with a stalled request of a stream, which a translation has named by its
	 * tag; it may be called before that translation has returned to its caller. Needed for
	 * STALL_MODEL other than 1.
	 */
	void (*resume)(void *ctx, uint32_t stream, uint16_t tag,
		       enum iommu_model_smmu_resumption resumption);
	/*
	 * misuse - the driver violated a rule of the specification; a static text, for a log. The
	 * operation is ignored, or performed as far as it makes sense. A guest can cause a report
	 * with every call: limit the log. May be NULL.
	 */
	void (*misuse)(void *ctx, const char *text);
	/*
	 * work_remains - the guest has queued more than one call of the model processes: call
	 * iommu_model_smmu_run from a timer or a bottom half; not from here, nor any other
	 * function. Called without the lock, by every function but iommu_model_smmu_run. NULL: the
	 * rest is processed by the next call of any function, for which a guest that polls memory
	 * may wait in vain.
	 */
	void (*work_remains)(void *ctx);
	/*
	 * invalidate - the guest invalidates or sets something: the emulator's copies of the
	 * model's results become stale as `what` describes. The model returns new results already,
	 * but the guest does not see the completion before this function returns.
	 *
	 * The result counts for IOMMU_MODEL_SMMU_DEVICE_TLB alone. False: the device does not
	 * answer, which the next CMD_SYNC finds.
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
	bool (*invalidate)(void *ctx, const struct iommu_model_smmu_invalidation *what);
};

/* What a unit may do, and few do: for tests of drivers. */
enum iommu_model_smmu_strict {
	/*
	 * Commands are executed when a CMD_SYNC behind them is, and not before, unless more than 32
	 * are waiting.
	 */
	IOMMU_MODEL_SMMU_LAZY = 1 << 0,
	/* Registers without a reset value hold anything. */
	IOMMU_MODEL_SMMU_WILD_RESET = 1 << 1,
	/*
	 * Entries with the contiguous hint are cached one by one, so that an invalidation of one of
	 * them leaves the others; otherwise a group is one entry.
	 */
	IOMMU_MODEL_SMMU_NO_GROUPS = 1 << 2,
	/* The same as LAZY, and the newest command is executed first (IHI 0070, 4.7.3). */
	IOMMU_MODEL_SMMU_UNORDERED = 1 << 3,
};

/* Requests that can be stalled at a time. */
#define IOMMU_MODEL_SMMU_STALLS_MAX 64

/* Copied by iommu_model_smmu_create, except for the platform, which is kept by reference. */
struct iommu_model_smmu_config {
	/* Pages, lock and address conversion for the model's own memory, not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_smmu_host host;
	/*
	 * The registers (<libiommu/hw/smmu_registers.h>). idr0, idr1, idr3 and idr5 all 0: what the
	 * model can, of SMMUv3.2, with 16 bits of StreamID, 16 of SubstreamID, addresses of 48
	 * bits, queues of 2^12 entries; hardware access and dirty state, ATS with PRI, and stalls
	 * where `host` has what they need. Not possible, and refused: IDR0.TTF with AArch32, BTM,
	 * ATOS, VATOS, VMW; IDR1.QUEUES_PRESET, TABLES_PRESET, ECMDQ; of IDR3 all but HAD, XNX,
	 * PPS, FWB, STT, RIL and BBML; IDR5.DS, D128, VAX, OAS of 56 bits.
	 *
	 * Names such as SMMU_IDR0_TTF are fields, not masks. A unit with stage 1 alone, written
	 * out, has
	 *	.idr0 = (uint32_t)(smmu_place(SMMU_IDR0_S1P, 1) |
	 *			   smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) |
	 *			   smmu_place(SMMU_IDR0_COHACC, 1) |
	 *			   smmu_place(SMMU_IDR0_STALL, SMMU_STALL_NEVER) | …)
	 * and idr1, idr3 and idr5 alike. To take something off what the model can: create one with
	 * all of them 0, read its registers by iommu_model_smmu_mmio_read (SMMU_IDR0 …, 4 bytes),
	 * destroy it, and clear fields, as in
	 *	config.idr0 &= ~(uint32_t)smmu_field_mask(SMMU_IDR0_PRI);
	 * docs/emulator.md has a program that does so.
	 */
	uint32_t idr0, idr1, idr3, idr5;
	uint32_t iidr, aidr; /* aidr is 2, SMMUv3.2, where all are 0 */
	/*
	 * Whatever the registers say, there is no stage 2, and nothing that needs one, and no EL2:
	 * a unit for guests whose stage 1 is nested in the host's unit.
	 */
	bool no_second_stage;
	bool resets_aborting; /* GBPA.ABORT after reset */
	/*
	 * Maximum number of cached entries of all kinds; an entry takes about 200 bytes on demand.
	 * 0: 16384; SIZE_MAX: no limit except memory, and no eviction: for tests of drivers.
	 */
	size_t cache_entries;
	/* Not 0: entries are evicted at random, as real caches do. */
	uint64_t forget_seed;
	unsigned int strict; /* enum iommu_model_smmu_strict */
};

/* Faulty behaviour of hardware, for tests of drivers. All zero: none. */
struct iommu_model_smmu_faults {
	/* Register reads until CR0ACK, IRQ_CTRLACK and GBPA.Update follow. */
	unsigned int ack_delay;
	unsigned int sync_delay;        /* register reads until CMD_SYNC completes */
	bool never_acks;                /* they never follow */
	bool syncs_hang;                /* commands are executed, but CMD_SYNC does not complete */
	bool commands_hang;             /* no command is executed */
	unsigned int refuse_after;      /* the n-th command from now is illegal; 0: none */
	unsigned int fetch_fails_after; /* the n-th command from now cannot be fetched; 0: none */
	bool fails; /* service failure: GERROR.SFM_ERR, and no command is executed */
	bool gone;  /* every register reads as all ones, writes do nothing */
	/* Writes to the register at this offset do nothing; 0: none. */
	unsigned int deaf_register;
	/* The register at this offset reads as `lie`; lies: there is one. */
	bool lies;
	unsigned int lying_register;
	uint64_t lie;
	/* Reads of tables and structures here abort; last 0: none. */
	iommu_paddr_t corrupt_first, corrupt_last;
};

/*
 * iommu_model_smmu_create - create a unit in its reset state.
 *
 * Returns 0, IOMMU_EINVAL (a field of config is out of range, or fields contradict each other) or
 * IOMMU_ENOMEM. iommu_model_smmu_destroy - free an SMMU; NULL: nothing.
 *
 * Context: may sleep; no other call uses what is destroyed.
 */
IOMMU_API int iommu_model_smmu_create(const struct iommu_model_smmu_config *config,
				      struct iommu_model_smmu **model);
IOMMU_API void iommu_model_smmu_destroy(struct iommu_model_smmu *model);

/*
 * iommu_model_smmu_reset - reset an SMMU: caches are empty, and registers have their reset values;
 * those that have none are 0, or anything with IOMMU_MODEL_SMMU_WILD_RESET. Stalled requests are
 * forgotten.
 *
 * Devices must be quiescent: no request may be in progress or begin before the call has returned.
 * The same holds for iommu_model_smmu_restore. Context: any, while no request of a device is in
 * progress.
 */
IOMMU_API void iommu_model_smmu_reset(struct iommu_model_smmu *model);

/*
 * iommu_model_smmu_mmio_read - the guest reads a register of an SMMU, in a window of 128 KiB.
 * iommu_model_smmu_mmio_write - the guest writes a register of an SMMU. size is 4 or 8, offset is
 * aligned to it, and the access stays in one register; otherwise 0 is read, a write is ignored, and
 * misuse is reported. Context: any, at once with other calls; never sleeps, but for the functions
 * of the host.
 */
IOMMU_API uint64_t iommu_model_smmu_mmio_read(struct iommu_model_smmu *model, uint64_t offset,
					      unsigned int size);
IOMMU_API void iommu_model_smmu_mmio_write(struct iommu_model_smmu *model, uint64_t offset,
					   unsigned int size, uint64_t value);

/*
 * iommu_model_smmu_run - continue processing what the guest has queued; true: there is more, call
 * again. The work of one call of any function is bounded: see work_remains. Context: any, at once
 * with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API bool iommu_model_smmu_run(struct iommu_model_smmu *model);

enum iommu_model_smmu_request_type {
	IOMMU_MODEL_SMMU_UNTRANSLATED = 0,
	IOMMU_MODEL_SMMU_TRANSLATION_REQUEST = 1, /* ATS: a device fills its TLB */
	IOMMU_MODEL_SMMU_TRANSLATED = 2,          /* the address came from the device's TLB */
};

struct iommu_model_smmu_request {
	uint32_t stream;
	enum iommu_model_smmu_request_type type;
	bool has_substream; /* PCIe: a PASID */
	uint32_t substream; /* 20 bits */
	iommu_iova_t address;
	/*
	 * enum iommu_prot; 0: a read. Both: an atomic operation. A translation request asks for
	 * reading in any case.
	 */
	unsigned int access;
	bool privileged, execute; /* execute: of a read; a translation request: beside */
	/* The emulator can stall this request; never so for devices of PCIe. */
	bool may_stall;
};

/* How a request ends. */
enum iommu_model_smmu_answer {
	IOMMU_MODEL_SMMU_SUCCESS,
	IOMMU_MODEL_SMMU_ABORTED,     /* of a translation request: CA */
	IOMMU_MODEL_SMMU_UNANSWERED,  /* a read is 0, a write is ignored */
	IOMMU_MODEL_SMMU_UNSUPPORTED, /* of a translation request: UR */
	IOMMU_MODEL_SMMU_STALLED,     /* not at all yet: `resume` says when */
};

/* The memory type; INCOMING: that of the request. */
enum iommu_model_smmu_memory {
	IOMMU_MODEL_SMMU_INCOMING,
	IOMMU_MODEL_SMMU_CACHEABLE,
	IOMMU_MODEL_SMMU_NON_CACHEABLE,
	IOMMU_MODEL_SMMU_DEVICE,
};

struct iommu_model_smmu_translation {
	iommu_paddr_t paddr; /* byte exact; of the intermediate space with is_intermediate */
	unsigned int prot;   /* permissions of the device */
	bool executable;     /* … in a request for that */
	/* Size of the naturally aligned block around it with the same translation, in bytes. */
	uint64_t size;
	enum iommu_model_smmu_memory memory;
	bool is_intermediate; /* split-stage ATS: the answer to a translation request */
	enum iommu_model_smmu_answer answer;
	unsigned int event; /* the code of the event; 0: none */
	uint16_t tag;       /* of a stalled request */
};

/*
 * iommu_model_smmu_translate - translate an access of a device.
 *
 * Returns 0 with the translation, or IOMMU_EFAULT: the request faulted, result->answer says how it
 * ends, and result->event why, which was recorded as the specification requires. The event 0 with
 * an abort: the stream is configured so. A translation request for a page without the requested
 * permission is no fault: it returns 0 with prot 0, or fewer permissions than requested. Context:
 * any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_smmu_translate(struct iommu_model_smmu *model,
					 const struct iommu_model_smmu_request *request,
					 struct iommu_model_smmu_translation *result);

/* A part of an access that is translated alike. */
struct iommu_model_smmu_piece {
	struct iommu_model_smmu_translation where; /* paddr: of the first byte */
	uint64_t offset;                           /* in the access */
	uint64_t size;                             /* in bytes */
};

/* Called for each piece, in ascending order; a result other than 0 ends the access. */
typedef int (*iommu_model_smmu_piece_visitor)(void *ctx,
					      const struct iommu_model_smmu_piece *piece);

/*
 * iommu_model_smmu_access - translate an access of `size` bytes from request->address on, which may
 * cross pages, piece by piece: each is translated when the one before has been visited.
 *
 * @last: receives the last translation; after a fault, its event and answer. An access that stalls
 * in the middle is made anew from the address where it stalled: last->paddr is not filled in.
 *
 * Returns 0; what the visitor returned; IOMMU_EFAULT as iommu_model_smmu_translate; or, with
 * nothing asked for, IOMMU_EINVAL (size 0, or a translation request) or IOMMU_EOVERFLOW (the range
 * wraps). Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_smmu_access(struct iommu_model_smmu *model,
				      const struct iommu_model_smmu_request *request, uint64_t size,
				      iommu_model_smmu_piece_visitor visitor, void *ctx,
				      struct iommu_model_smmu_translation *last);

/*
 * iommu_model_smmu_peek - the result of iommu_model_smmu_translate without side effects: it only
 * reads guest memory; no event is recorded, nothing stalls, no bit of a table is set, nothing is
 * added to the cache or evicted. Cached entries are used, as for a device. Context: any, at once
 * with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_smmu_peek(struct iommu_model_smmu *model,
				    const struct iommu_model_smmu_request *request,
				    struct iommu_model_smmu_translation *result);

/* How a stream's requests are translated, as configured by the driver and known to the unit. */
struct iommu_model_smmu_stage {
	bool first, second; /* by which stages; neither: they pass */
	bool is_el2;
	uint16_t asid, vmid;
	/*
	 * Tables of either stage: log2 of the granule and bits of the input. The first stage's are
	 * intermediate addresses with a second stage; [1] is of the upper half of its addresses,
	 * bits 0: none.
	 */
	unsigned int first_granule[2], first_bits[2];
	iommu_paddr_t first_table[2];
	unsigned int second_granule, second_bits;
	iommu_paddr_t second_table;
	bool ats, can_stall;
	unsigned int event; /* of the fault, if they are blocked; 0: configured so */
	enum iommu_model_smmu_answer answer; /* … and how they end */
	/*
	 * What the stream's own entry says of stage 1, whatever substream is asked for: the words
	 * of struct iommu_smmu_stream (<libiommu/smmu.h>), without bits that are not a guest's, for
	 * a nested domain. Also where requests are blocked, but not where the unit is off or the
	 * entry is missing or invalid (has_entry false).
	 */
	bool has_entry;
	uint64_t entry[2];
};

/*
 * iommu_model_smmu_get_stage - the stages for a stream's requests with a substream, or without one:
 * no side effects, as iommu_model_smmu_peek. Call again when the driver has invalidated the stream
 * (IOMMU_MODEL_SMMU_STREAMS: a driver does so, too, when an entry becomes valid), or switched the
 * unit. Returns 0, or IOMMU_EFAULT: requests are blocked. Context: any, at once with other calls;
 * never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_smmu_get_stage(struct iommu_model_smmu *model, uint32_t stream,
					 bool has_substream, uint32_t substream,
					 struct iommu_model_smmu_stage *stage);

/* A leaf, or the part of one that lies in the requested range. */
struct iommu_model_smmu_mapping {
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	uint64_t size; /* in bytes; a multiple of 4 KiB, not always a power of two */
	unsigned int prot;
};

/* State of a walk. The caller fills it in once; is_done, event and looked_at begin as 0. */
struct iommu_model_smmu_walk_state {
	uint32_t stream;
	bool has_substream;
	uint32_t substream;
	/* The range to visit: [next, last], whole pages of 4 KiB. next is advanced. */
	iommu_iova_t next, last;
	bool is_done;
	unsigned int event; /* why the stream's requests are blocked */
	/* The blocks that were visited so far, mapped or not. */
	uint64_t looked_at;
};

/*
 * iommu_model_smmu_walk - the next mappings for a stream's requests, leaf by leaf, in ascending
 * order, as an unprivileged request is translated by the stages that the driver has configured, or
 * a privileged one where the stream makes all requests privileged.
 *
 * No side effects, as iommu_model_smmu_peek. The stream's configuration comes from the unit's
 * caches, but tables are read from memory, and may be newer than what the device sees before the
 * driver invalidates, as shadow tables require. A driver does not invalidate what it maps anew: an
 * emulator that shadows needs one that does, or asks for each page when the device's access faults.
 *
 * @walk:             see struct iommu_model_smmu_walk_state. Only an address is kept between two
 *                    calls.
 * @mappings, @count: an array of *count entries, at least one; *count receives the number returned,
 *                    which may be 0 although there are more: continue until walk->is_done. One call
 *                    visits at most 512 blocks, mapped or not. A hostile guest can map all of its
 *                    address space with one table that points to itself: limit looked_at.
 *
 * Returns 0; IOMMU_EFAULT: the stream's requests are blocked, nothing is mapped, the walk is done,
 * and walk->event is why; or IOMMU_EINVAL: the range is empty or not page-aligned, or *count is 0.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_smmu_walk(struct iommu_model_smmu *model,
				    struct iommu_model_smmu_walk_state *walk,
				    struct iommu_model_smmu_mapping *mappings, size_t *count);

/* A page request of a device (PCIe PRI). */
struct iommu_model_smmu_page_message {
	uint32_t stream;
	bool has_substream;
	uint32_t substream;
	bool privileged, execute;
	iommu_iova_t address;
	/* enum iommu_prot; 0, with is_last and a substream: a stop marker. */
	unsigned int access;
	uint16_t group; /* 0 to 511 */
	bool is_last;
};

/*
 * iommu_model_smmu_page_request - put a request into the driver's queue.
 *
 * Returns 0; IOMMU_ENOSPC: the queue is full, or was and the driver has not said that it knows; or
 * IOMMU_EFAULT: the request could not be put there for another reason. In both cases the unit has
 * answered the last request of a group itself.
 *
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_smmu_page_request(struct iommu_model_smmu *model,
					    const struct iommu_model_smmu_page_message *request);

/*
 * iommu_model_smmu_misbehave - set the faulty behaviour; copied. Context: any, at once with other
 * calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_smmu_misbehave(struct iommu_model_smmu *model,
					  const struct iommu_model_smmu_faults *faults);

/*
 * iommu_model_smmu_save - the guest-visible state, for migration and snapshots, including
 * operations in progress. The state says which requests are stalled; the requests themselves are
 * the emulator's to save. Caches are not included, because hardware may evict entries at any time.
 * Returns the size; nothing is written if `size` is smaller, and `bytes` may be NULL with size 0.
 *
 * iommu_model_smmu_restore - restore such a state, in any state of the model, and continue from
 * there, including the queue: the host's functions are called before it returns. 0, or IOMMU_EINVAL
 * with nothing changed: not a state of a model with this configuration, or one of a release that
 * saves otherwise. The bytes are not trusted. Context: any, at once with other calls; a restore,
 * while no request is in progress.
 */
IOMMU_API size_t iommu_model_smmu_save(struct iommu_model_smmu *model, void *bytes, size_t size);
IOMMU_API int iommu_model_smmu_restore(struct iommu_model_smmu *model, const void *bytes,
				       size_t size);

/*
 * iommu_model_smmu_get_stats - what an SMMU has cached now, and what was done so far. Context: any,
 * at once with other calls; never sleeps, but for the functions of the host.
 */
struct iommu_model_smmu_stats {
	size_t cached_streams, cached_contexts; /* with level 1 descriptors, in parts */
	size_t cached_first, cached_second;     /* entries of tables */
	size_t stalled;
	uint64_t translations, walks, commands, events;
};
IOMMU_API void iommu_model_smmu_get_stats(struct iommu_model_smmu *model,
					  struct iommu_model_smmu_stats *stats);

IOMMU_END_DECLS
#endif
