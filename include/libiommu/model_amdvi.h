/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of an AMD IOMMU (AMD-Vi; AMD I/O Virtualization Technology Specification, 48882), without
 * what SNP and virtual units add: for emulators, which present it to a guest; and for tests of
 * drivers, as an adversary.
 *
 * It is written against the specification and not against any driver. It caches as much as the
 * specification allows: device table entries, those with V=0, too; entries of host tables that lead
 * to tables, and pages, by domain id; GCR3 entries and entries of guest tables by domain id and
 * PASID; interrupt remapping entries by device; with AMDVI_CAP_NP_CACHE also what is not present.
 * As long as cache_entries is not reached it evicts nothing on its own, so that a missing or too
 * narrow invalidation has an effect; a test that wants random evictions sets forget_seed.
 * Everything that it reads from guest memory and every register write is treated as hostile: the
 * worst reaction is an abort, an event, a stopped ring or silence. The work of one call is bounded,
 * and so is the memory that a guest can make the model allocate.
 *
 * What invalidations reach. INVALIDATE_DEVTAB_ENTRY: the entry of the device, and nothing that was
 * found through it. INVALIDATE_IOMMU_PAGES without GN: host pages of the domain that intersect the
 * range, with PDE entries that lead to tables, too; what guest tables give is not found by the
 * addresses of a host table, and goes only when the range is everything. With GN: pages of guest
 * tables of the PASID, with PDE also entries that lead to tables, and GCR3 entries.
 *
 * Where the specification is silent, or its revisions differ, the model does this: an address that
 * the levels of a table do not reach, TV=0, and a PASID without a GCR3 entry are page faults with
 * PR=0; Mode 7, and more levels than the unit has, are illegal entries with RZ=0, reserved bits
 * with RZ=1; a device beyond the device table is an illegal entry, too; a fault of the host table
 * in the midst of a guest one is reported with the guest physical address and without GN; the head
 * of a command buffer that has stopped is at the command that it stopped at.
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
 * Completion. COMPLETION_WAIT shows the completion of the commands before it to the guest (the
 * stored data, ComWaitInt, the head) only when
 *   1. nothing that the commands named is cached, and nothing of it can be cached again: what a
 *   walk that began earlier has read is discarded;
 *   2. the host has been notified (`invalidate`);
 *   3. every request that was reading the guest's tables before has ended: it has set its accessed
 *   and dirty bits, recorded its event.
 * No function waits for this: completion is deferred, and performed by the thread of the request
 * that ends last. A request that begins after completion sees no old data. A write of the control
 * register is in force for requests that begin after it; for those under way, too, when a
 * COMPLETION_WAIT that was submitted afterwards has completed. That an old result is no longer in
 * use (by a transfer in progress, say) when the guest sees completion is up to the emulator: in
 * `invalidate` it waits for users of earlier results, or drops them.
 */
#ifndef LIBIOMMU_MODEL_AMDVI_H
#define LIBIOMMU_MODEL_AMDVI_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

struct iommu_model_amdvi;

/* An operation of the guest that makes an emulator's copies of the model's results stale. */
enum iommu_model_amdvi_invalidation_type {
	IOMMU_MODEL_AMDVI_DEVICES,    /* INVALIDATE_DEVTAB_ENTRY */
	IOMMU_MODEL_AMDVI_PAGES,      /* INVALIDATE_IOMMU_PAGES */
	IOMMU_MODEL_AMDVI_INTERRUPTS, /* INVALIDATE_INTERRUPT_TABLE */
	IOMMU_MODEL_AMDVI_DEVICE_TLB, /* INVALIDATE_IOTLB_PAGES: what a device keeps */
	IOMMU_MODEL_AMDVI_ALL,        /* INVALIDATE_IOMMU_ALL */
	/* Control, device tables or exclusion range were written: everything. */
	IOMMU_MODEL_AMDVI_ENABLE,
	IOMMU_MODEL_AMDVI_RESET, /* iommu_model_amdvi_reset or _restore: everything */
};

/*
 * An invalidation. A field without its has_… flag restricts nothing. More may be invalidated than
 * requested, never less.
 */
struct iommu_model_amdvi_invalidation {
	enum iommu_model_amdvi_invalidation_type type;
	bool has_devid; /* devices, interrupts, device TLBs */
	uint16_t devid;
	bool has_domain; /* pages */
	uint16_t domain;
	/*
	 * GN. Pages: of guest tables; device TLBs: entries with this PASID, or, without it, with
	 * none.
	 */
	bool has_pasid;
	uint32_t pasid;
	/* [address, address + size - 1], multiples of 4 KiB; size 0: everything. */
	bool has_range;
	uint64_t address, size;
	bool leaves_only; /* no entry that leads to a table has changed */
	/* The command as the driver has given it; 0: there was none. */
	uint64_t words[2];
};

struct iommu_model_amdvi_page_answer {
	uint16_t devid;
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;    /* the tag of the request */
	unsigned int code; /* PCIe: 0 success, 1 invalid request, 15 failure */
};

/* What an interrupt of the unit itself is about; each has a message, or a register, of its own. */
enum iommu_model_amdvi_source {
	IOMMU_MODEL_AMDVI_GENERAL, /* event log, COMPLETION_WAIT */
	IOMMU_MODEL_AMDVI_PPR_LOG,
	IOMMU_MODEL_AMDVI_GA_LOG,
};

/* An interrupt of the unit itself. It is not remapped. */
struct iommu_model_amdvi_signal {
	enum iommu_model_amdvi_source source;
	/*
	 * IntCapXTEn: a message to the processors with this destination, by the source's register.
	 * Otherwise the message of this number, from the first of the unit's MSI capability, and
	 * where that is in registers (EFR.MsiCapMmioSup) and enabled there, its address and data.
	 */
	bool has_destination;
	uint32_t destination;
	bool logical, arbitrated;
	uint8_t vector;
	unsigned int message;
	bool has_address;
	uint64_t address;
	uint32_t data;
};

/* Services that the model needs from its emulator. */
struct iommu_model_amdvi_host {
	void *ctx;
	/*
	 * read, write - access guest physical memory, `size` bytes: 4, 8 or 16, naturally aligned.
	 * False: there is no memory. Aligned 8 bytes must be read atomically. REQUIRED.
	 */
	bool (*read)(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
	/*
	 * compare_exchange - atomically replace 8 aligned bytes, little-endian, if they equal
	 * `expected`. False: they do not, or there is no memory. Needed for EFR.HASup and GTSup.
	 */
	bool (*compare_exchange)(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				 uint64_t desired);
	/* interrupt - an interrupt of the unit itself. May be NULL. */
	void (*interrupt)(void *ctx, const struct iommu_model_amdvi_signal *signal);
	/* page_answer - deliver the answer to a device's page requests. Needed for EFR.PPRSup. */
	void (*page_answer)(void *ctx, const struct iommu_model_amdvi_page_answer *answer);
	/*
	 * misuse - the driver violated a rule of the specification; a static text, for a log. The
	 * operation is ignored, or performed as far as it makes sense. A guest can cause a report
	 * with every call: limit the log. May be NULL.
	 */
	void (*misuse)(void *ctx, const char *text);
	/*
	 * work_remains - the guest has queued more than one call of the model processes: call
	 * iommu_model_amdvi_run from a timer or a bottom half; not from here, nor any other
	 * function. Called without the lock, by every function but iommu_model_amdvi_run. NULL: the
	 * rest is processed by the next call of any function, for which a guest that polls memory
	 * may wait in vain.
	 */
	void (*work_remains)(void *ctx);
	/*
	 * invalidate - the guest invalidates or sets something: the emulator's copies of the
	 * model's results become stale as `what` describes. The model returns new results already,
	 * but the guest does not see the completion before this function returns.
	 *
	 * The result counts for IOMMU_MODEL_AMDVI_DEVICE_TLB alone. False: the device does not
	 * answer, which is an event; with InvTimeOut 0 the command buffer waits for it forever.
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
	 * the guest's command buffer pauses until then. NULL: the emulator keeps no results.
	 */
	bool (*invalidate)(void *ctx, const struct iommu_model_amdvi_invalidation *what);
};

/* What a unit has that its registers of features do not say. */
enum iommu_model_amdvi_flags {
	/* NpCache: entries that are not present are cached, too. */
	IOMMU_MODEL_AMDVI_NP_CACHE = 1 << 0,
	/* No IotlbSup: devices have no TLBs (ATS), and INVALIDATE_IOTLB_PAGES is illegal. */
	IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS = 1 << 1,
	/* Control.IRTCacheDis can be set: then no interrupt remapping entry is cached. */
	IOMMU_MODEL_AMDVI_IRT_CACHE_DIS = 1 << 2,
};

/* What a unit may do, and few do: for tests of drivers. */
enum iommu_model_amdvi_strict {
	/*
	 * Commands are executed when a COMPLETION_WAIT behind them is, and not before, unless more
	 * than 32 are waiting.
	 */
	IOMMU_MODEL_AMDVI_LAZY = 1 << 0,
	/* The same, and the newest command is executed first. */
	IOMMU_MODEL_AMDVI_UNORDERED = 1 << 1,
	/*
	 * A device table entry is read in two halves of 128 bits, without a look whether both are
	 * of the same state; otherwise, as specified, it is read in one piece.
	 */
	IOMMU_MODEL_AMDVI_TORN = 1 << 2,
	/* The head of a command buffer that has stopped is behind the command. */
	IOMMU_MODEL_AMDVI_HEAD_PAST = 1 << 3,
	/*
	 * Pages of all sizes are cached in pieces of 4 KiB, so that an invalidation of a part of a
	 * page leaves the rest; otherwise a page is dropped as a whole, but for the largest.
	 */
	IOMMU_MODEL_AMDVI_PIECES = 1 << 4,
};

/* Copied by iommu_model_amdvi_create, except for the platform, which is kept by reference. */
struct iommu_model_amdvi_config {
	/* Pages, lock and address conversion for the model's own memory, not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_amdvi_host host;
	/*
	 * The registers of features (<libiommu/hw/amdvi_features.h>). Both 0: what the model can,
	 * as far as `host` has what that needs: host tables of 6 levels with accessed and dirty
	 * bits, guest tables of 5 levels, PASIDs of 20 bits, page requests, interrupt entries of
	 * 128 bits for 2,048 interrupts of a device, device tables of 8 segments. Not possible, and
	 * refused: EFR.HESup, PCSup, SmiFSup, GAMSup above 1, DualPprLogSup, DualEventLogSup,
	 * SATSSup, PprOvrflwEarlySup, MarcSup, SnoopAttrSup, EPHSup, AttrFWSup, V2HDDisSup,
	 * InvIotlbTypeSup, what is of vIOMMU and SNP; EFR2 but NumIntRemapSup, HtRangeIgnore.
	 *
	 * Names such as AMDVI_EFR_HATS are fields, not masks. To take something off what the model
	 * can: create one with both 0, read AMDVI_EFR by iommu_model_amdvi_mmio_read, destroy it,
	 * and clear fields, as in
	 *	config.efr &= ~amdvi_field_mask(AMDVI_EFR_GT);
	 */
	uint64_t efr, efr2;
	unsigned int flags;         /* enum iommu_model_amdvi_flags */
	unsigned int physical_bits; /* of memory: 32 to 52; 0: 48 */
	/* Numbers of messages of the unit's MSI capability, by enum iommu_model_amdvi_source. */
	unsigned int messages[3]; /* 0 to 31 */
	/*
	 * Maximum number of cached entries of all kinds; an entry takes about 200 bytes on demand.
	 * 0: 16384; SIZE_MAX: no limit except memory, and no eviction: for tests of drivers.
	 */
	size_t cache_entries;
	/* Not 0: entries are evicted at random, as real caches do. */
	uint64_t forget_seed;
	unsigned int strict; /* enum iommu_model_amdvi_strict */
};

/* Faulty behaviour of hardware, for tests of drivers. All zero: none. */
struct iommu_model_amdvi_faults {
	unsigned int wait_delay;   /* register reads until COMPLETION_WAIT completes */
	bool waits_hang;           /* commands are executed, COMPLETION_WAIT does not complete */
	bool commands_hang;        /* no command is executed */
	unsigned int refuse_after; /* the n-th command from now is illegal; 0: none */
	unsigned int fetch_fails_after; /* the n-th command from now cannot be fetched; 0: none */
	/*
	 * Errata 732 and 733: the tail of a log moves at once, and its record is written when a
	 * register has been read so often; a log waits for a record before the next. 0: at once.
	 */
	unsigned int record_delay;
	bool gone; /* every register reads as all ones, writes do nothing */
	/* Writes to the register at this offset do nothing; deaf: there is one. */
	bool deaf;
	unsigned int deaf_register;
	/* The register at this offset reads as `lie`; lies: there is one. */
	bool lies;
	unsigned int lying_register;
	uint64_t lie;
	/* Reads of tables and structures here fail; last 0: none. */
	iommu_paddr_t corrupt_first, corrupt_last;
};

/*
 * iommu_model_amdvi_create - create an AMD unit in its reset state.
 *
 * Returns 0, IOMMU_EINVAL (a field of config is out of range, or fields contradict each other) or
 * IOMMU_ENOMEM. iommu_model_amdvi_destroy - free an AMD unit; NULL: nothing.
 *
 * Context: may sleep; no other call uses what is destroyed.
 */
IOMMU_API int iommu_model_amdvi_create(const struct iommu_model_amdvi_config *config,
				       struct iommu_model_amdvi **model);
IOMMU_API void iommu_model_amdvi_destroy(struct iommu_model_amdvi *model);

/*
 * iommu_model_amdvi_reset - reset an AMD unit: caches are empty, and registers have their reset
 * values. All requests pass untranslated.
 *
 * Devices must be quiescent: no request may be in progress or begin before the call has returned.
 * The same holds for iommu_model_amdvi_restore. Context: any, while no request of a device is in
 * progress.
 */
IOMMU_API void iommu_model_amdvi_reset(struct iommu_model_amdvi *model);

/* What firmware and PCI configuration space say of a unit. */
struct iommu_model_amdvi_firmware {
	/*
	 * The capability's words (<libiommu/hw/amdvi_capability.h>): header, base, range,
	 * miscellany. The emulator adds the next pointer and the base, whose Enable bit it sets.
	 */
	uint32_t capability[6];
	uint64_t registers_size; /* bytes of the window that the base names */
	/*
	 * For struct iommu_ivrs_unit (<libiommu/ivrs_builder.h>): flags and features of a block of
	 * type 10h; flags, attributes and registers of types 11h and 40h; info of all.
	 */
	uint8_t flags_10, flags_11;
	uint16_t info;
	uint32_t features, attributes;
	bool host_tables_off;
	uint64_t efr, efr2;
	unsigned int physical_bits, virtual_bits;
};

/*
 * iommu_model_amdvi_get_firmware - what an emulator puts into IVRS and into the configuration space
 * of a unit. Context: any, at once with other calls.
 */
IOMMU_API void iommu_model_amdvi_get_firmware(const struct iommu_model_amdvi *model,
					      struct iommu_model_amdvi_firmware *firmware);

/*
 * iommu_model_amdvi_mmio_read - the guest reads a register of an AMD unit, in a window of 16 KiB.
 * iommu_model_amdvi_mmio_write - the guest writes a register of an AMD unit. size is 4 or 8, offset
 * is aligned to it, and the access stays in one register; otherwise 0 is read, a write is ignored,
 * and misuse is reported. Context: any, at once with other calls; never sleeps, but for the
 * functions of the host.
 */
IOMMU_API uint64_t iommu_model_amdvi_mmio_read(struct iommu_model_amdvi *model, uint64_t offset,
					       unsigned int size);
IOMMU_API void iommu_model_amdvi_mmio_write(struct iommu_model_amdvi *model, uint64_t offset,
					    unsigned int size, uint64_t value);

/*
 * iommu_model_amdvi_run - continue processing the commands that the guest has queued in an AMD
 * unit; true: there is more, call again. The work of one call of any function is bounded: see
 * work_remains. Context: any, at once with other calls; never sleeps, but for the functions of the
 * host.
 */
IOMMU_API bool iommu_model_amdvi_run(struct iommu_model_amdvi *model);

enum iommu_model_amdvi_request_type {
	IOMMU_MODEL_AMDVI_UNTRANSLATED = 0,
	IOMMU_MODEL_AMDVI_TRANSLATION_REQUEST = 1, /* ATS: a device fills its TLB */
	IOMMU_MODEL_AMDVI_TRANSLATED = 2,          /* the address came from the device's TLB */
};

struct iommu_model_amdvi_request {
	uint16_t devid; /* bus << 8 | device << 3 | function, as aliases have made it */
	enum iommu_model_amdvi_request_type type;
	bool has_pasid;
	uint32_t pasid; /* 20 bits */
	iommu_iova_t address;
	/* enum iommu_prot; 0: a read. A translation request asks for reading in any case. */
	unsigned int access;
	bool privileged, execute; /* with a PASID; execute: of a read */
};

/* How a request ends. */
enum iommu_model_amdvi_answer {
	IOMMU_MODEL_AMDVI_SUCCESS,
	IOMMU_MODEL_AMDVI_ABORTED,     /* target abort, completer abort */
	IOMMU_MODEL_AMDVI_UNSUPPORTED, /* of a translation request: UR */
};

struct iommu_model_amdvi_translation {
	iommu_paddr_t paddr; /* byte exact */
	unsigned int prot;   /* permissions of the device */
	bool executable;     /* … in a request for that */
	/* Size of the naturally aligned block around it with the same translation, in bytes. */
	uint64_t size;
	bool force_coherent; /* FC of a host page: accesses snoop, whatever the device asks for */
	/* No memory access: pass it to iommu_model_amdvi_interrupt. */
	bool is_interrupt;
	enum iommu_model_amdvi_answer answer;
	unsigned int event; /* enum amdvi_event_code; 0: none */
};

/*
 * iommu_model_amdvi_translate - translate an access of a device behind an AMD unit.
 *
 * Returns 0 with the translation, or IOMMU_EFAULT: the request faulted, result->answer says how it
 * ends, and result->event why, which was logged unless the device's entry suppresses that. A
 * translation request for a page without the requested permission is no fault: it returns 0 with
 * prot 0, or fewer permissions than requested, and logs nothing. Context: any, at once with other
 * calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_translate(struct iommu_model_amdvi *model,
					  const struct iommu_model_amdvi_request *request,
					  struct iommu_model_amdvi_translation *result);

/* A part of an access that is translated alike. */
struct iommu_model_amdvi_piece {
	struct iommu_model_amdvi_translation where; /* paddr: of the first byte */
	uint64_t offset;                            /* in the access */
	uint64_t size;                              /* in bytes */
};

/* Called for each piece, in ascending order; a result other than 0 ends the access. */
typedef int (*iommu_model_amdvi_piece_visitor)(void *ctx,
					       const struct iommu_model_amdvi_piece *piece);

/*
 * iommu_model_amdvi_access - translate an access of `size` bytes behind an AMD unit, from
 * request->address on, which may cross pages, piece by piece: each is translated when the one
 * before has been visited.
 *
 * @last: receives the last translation; after a fault, its event and answer.
 *
 * Returns 0; what the visitor returned; IOMMU_EFAULT as iommu_model_amdvi_translate; or, with
 * nothing asked for, IOMMU_EINVAL (size 0, or a translation request) or IOMMU_EOVERFLOW (the range
 * wraps). Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_access(struct iommu_model_amdvi *model,
				       const struct iommu_model_amdvi_request *request,
				       uint64_t size, iommu_model_amdvi_piece_visitor visitor,
				       void *ctx, struct iommu_model_amdvi_translation *last);

/*
 * iommu_model_amdvi_peek - the result of iommu_model_amdvi_translate without side effects: it only
 * reads guest memory; no event is logged, no bit of a table is set, nothing is added to the cache
 * or evicted. Cached entries are used, as for a device. Context: any, at once with other calls;
 * never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_peek(struct iommu_model_amdvi *model,
				     const struct iommu_model_amdvi_request *request,
				     struct iommu_model_amdvi_translation *result);

/* How a device's requests are translated, as configured by the driver and known to the unit. */
struct iommu_model_amdvi_stage {
	bool host, guest;         /* by which tables; neither: they pass, as far as prot allows */
	uint16_t domain;          /* of both */
	unsigned int host_levels; /* 1 to 6 */
	iommu_paddr_t host_table;
	/* A guest physical address with a host table; 4 or 5 levels. */
	unsigned int guest_levels;
	uint64_t guest_table;
	unsigned int prot; /* what the device's entry allows at most */
	bool ats, page_requests;
	unsigned int event; /* of the fault, if they are blocked */
	enum iommu_model_amdvi_answer answer;
	/*
	 * The device's entry as the unit knows it: struct amdvi_dte of
	 * <libiommu/hw/amdvi_device_table.h>; has_entry false: the unit is off, or the entry cannot
	 * be read.
	 */
	bool has_entry;
	uint64_t entry[4];
};

/*
 * iommu_model_amdvi_get_stage - the tables for a device's requests with a PASID, or without one: no
 * side effects, as iommu_model_amdvi_peek. Call again when the driver has invalidated the device's
 * entry (IOMMU_MODEL_AMDVI_DEVICES), all (IOMMU_MODEL_AMDVI_ALL), or switched the unit. Returns 0,
 * or IOMMU_EFAULT: requests are blocked. Context: any, at once with other calls; never sleeps, but
 * for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_get_stage(struct iommu_model_amdvi *model, uint16_t devid,
					  bool has_pasid, uint32_t pasid,
					  struct iommu_model_amdvi_stage *stage);

/* A leaf, or the part of one that lies in the requested range. */
struct iommu_model_amdvi_mapping {
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	uint64_t size; /* in bytes; a multiple of 4 KiB, not always a power of two */
	unsigned int prot;
};

/* State of a walk. The caller fills it in once; is_done, event and looked_at begin as 0. */
struct iommu_model_amdvi_walk_state {
	uint16_t devid;
	bool has_pasid;
	uint32_t pasid;
	/* The range to visit: [next, last], whole pages of 4 KiB. next is advanced. */
	iommu_iova_t next, last;
	bool is_done;
	unsigned int event; /* why the device's requests are blocked */
	/* The blocks that were visited so far, mapped or not. */
	uint64_t looked_at;
};

/*
 * iommu_model_amdvi_walk - the next mappings for requests of a device behind an AMD unit, leaf by
 * leaf, in ascending order, as an unprivileged request is translated by the tables that the driver
 * has configured.
 *
 * No side effects, as iommu_model_amdvi_peek. The device's entry comes from the unit's cache, but
 * tables are read from memory, and may be newer than what the device sees before the driver
 * invalidates, as shadow tables require. A driver does not invalidate what it maps anew, unless the
 * unit has IOMMU_MODEL_AMDVI_NP_CACHE. The interrupt range is never mapped.
 *
 * @walk:             see struct iommu_model_amdvi_walk_state. Only an address is kept between two
 *                    calls.
 * @mappings, @count: an array of *count entries, at least one; *count receives the number returned,
 *                    which may be 0 although there are more: continue until walk->is_done. One call
 *                    visits at most 512 blocks, mapped or not. A hostile guest can map all of its
 *                    address space with one table that points to itself: limit looked_at.
 *
 * Returns 0; IOMMU_EFAULT: the device's requests are blocked, nothing is mapped, the walk is done,
 * and walk->event is why; or IOMMU_EINVAL: the range is empty or not page-aligned, or *count is 0.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_walk(struct iommu_model_amdvi *model,
				     struct iommu_model_amdvi_walk_state *walk,
				     struct iommu_model_amdvi_mapping *mappings, size_t *count);

/* A page request of a device (PCIe PRI). */
struct iommu_model_amdvi_page_message {
	uint16_t devid;
	bool has_pasid;
	uint32_t pasid;
	bool privileged, execute;
	iommu_iova_t address;
	/* enum iommu_prot; 0, with is_last and a PASID: a stop marker, which is not answered. */
	unsigned int access;
	uint16_t group; /* 0 to 511 */
	bool is_last;
};

/*
 * iommu_model_amdvi_page_request - put a device's page request into the log of an AMD unit.
 *
 * Returns 0; IOMMU_ENOSPC: the log is full, or was and does not run: with PprAutoRspEn the unit has
 * answered the last request of a group itself, otherwise it is lost; or IOMMU_EFAULT: the device
 * must not send page requests, which is an event, or the log cannot be written: the unit has
 * answered the last request of a group with a failure.
 *
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_page_request(struct iommu_model_amdvi *model,
					     const struct iommu_model_amdvi_page_message *request);

/* What kind of interrupt a device or an I/O APIC sends. */
enum iommu_model_amdvi_interrupt_kind {
	IOMMU_MODEL_AMDVI_MESSAGE, /* by a write to 0xfeex_xxxx: its data say what it is */
	IOMMU_MODEL_AMDVI_LINT0,   /* of a legacy controller (ExtInt) */
	IOMMU_MODEL_AMDVI_LINT1,   /* … and its NMI */
};

struct iommu_model_amdvi_message {
	uint16_t devid; /* of an I/O APIC: as IVRS says */
	enum iommu_model_amdvi_interrupt_kind kind;
	uint64_t address;
	uint32_t data;
};

/* An interrupt after remapping. */
struct iommu_model_amdvi_remapped {
	bool unchanged; /* it passes as it is; nothing else is filled in */
	/* Fixed, or arbitrated (lowest priority), to a destination of 8 bits, or 32 with XTEn. */
	uint8_t vector;
	bool arbitrated, logical;
	uint32_t destination;
	bool wants_eoi; /* RqEoi */
	/*
	 * GuestMode: set the vector in the virtual APIC's page instead. If it runs, `destination`
	 * is the processor to be told; otherwise the GA log was told, where the entry says so.
	 */
	bool is_guest, is_running;
	iommu_paddr_t virtual_apic;
	uint32_t tag;
	unsigned int event; /* enum amdvi_event_code, of a fault; 0: none */
};

/*
 * iommu_model_amdvi_interrupt - remap an interrupt of a device or I/O APIC.
 *
 * Returns 0, or IOMMU_EFAULT: it is aborted; why, interrupt->event says, which was logged unless
 * the device's entry or that of the interrupt suppresses it. Context: any, at once with other
 * calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_interrupt(struct iommu_model_amdvi *model,
					  const struct iommu_model_amdvi_message *message,
					  struct iommu_model_amdvi_remapped *interrupt);

/*
 * iommu_model_amdvi_peek_interrupt - the result of iommu_model_amdvi_interrupt without side
 * effects, for a route that is set up before the interrupt comes. Context: any, at once with other
 * calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_amdvi_peek_interrupt(struct iommu_model_amdvi *model,
					       const struct iommu_model_amdvi_message *message,
					       struct iommu_model_amdvi_remapped *interrupt);

/*
 * iommu_model_amdvi_misbehave - set the faulty behaviour of an AMD unit; copied. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_amdvi_misbehave(struct iommu_model_amdvi *model,
					   const struct iommu_model_amdvi_faults *faults);

/*
 * iommu_model_amdvi_save - the guest-visible state of an AMD unit, for migration and snapshots,
 * including operations in progress. Caches are not included, because hardware may evict entries at
 * any time. Returns the size; nothing is written if `size` is smaller, and `bytes` may be NULL with
 * size 0.
 *
 * iommu_model_amdvi_restore - restore such a state, in any state of the model, and continue from
 * there, including the command buffer: the host's functions are called before it returns. 0, or
 * IOMMU_EINVAL with nothing changed: not a state of a model with this configuration, or one of a
 * release that saves otherwise. The bytes are not trusted. Context: any, at once with other calls;
 * a restore, while no request is in progress.
 */
IOMMU_API size_t iommu_model_amdvi_save(struct iommu_model_amdvi *model, void *bytes, size_t size);
IOMMU_API int iommu_model_amdvi_restore(struct iommu_model_amdvi *model, const void *bytes,
					size_t size);

/*
 * iommu_model_amdvi_get_stats - what an AMD unit has cached now, and what was done so far. Context:
 * any, at once with other calls; never sleeps, but for the functions of the host.
 */
struct iommu_model_amdvi_stats {
	size_t cached_devices;            /* device table entries, in halves */
	size_t cached_host, cached_guest; /* entries of tables */
	size_t cached_gcr3;               /* entries that lead to guest tables */
	size_t cached_interrupts;         /* interrupt remapping entries */
	uint64_t translations, walks, commands, events;
};
IOMMU_API void iommu_model_amdvi_get_stats(struct iommu_model_amdvi *model,
					   struct iommu_model_amdvi_stats *stats);

IOMMU_END_DECLS
#endif
