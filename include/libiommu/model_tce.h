/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models for TCEs: a POWER host bridge with its firmware, which walks tables in memory, and a
 * hypervisor that keeps the tables of a partition. For emulators, which place them between a
 * guest's memory and its devices; and for tests of drivers, as adversaries.
 *
 * A bridge assigns requests to partitionable endpoints (PEs) by their source id. Each PE has two
 * windows, selected by bit 59 of the address, and each window has a translation validation entry
 * (TVE): translated by tables of translation control entries (TCEs) in memory, passed through, or
 * closed. The bridge caches every entry that it has read, including absent ones and those of the
 * upper levels, until it is invalidated: not even setting a window anew invalidates. A faulting
 * access freezes its PE, and the PEs in its vector (PELT-V), which are blocked until each is
 * thawed.
 *
 * Everything that is read from memory and everything that a guest requests is treated as hostile:
 * the worst reaction is a refusal.
 *
 * Concurrency: every function but create and destroy may be called from any thread. Accesses
 * through a bridge run concurrently, as described in <libiommu/model_vtd.h> for translations, and
 * with the same rule for completion: the invalidation register reads as 0, and firmware's call
 * returns success, when nothing that was named is cached and every access that was reading tables
 * before has ended. Until then the register keeps the written value, and the call returns
 * OPAL_BUSY_EVENT; the repeated call invalidates again, because its arguments may have changed. A
 * hypervisor has one spinlock, for short work. No lock is held around the host's functions, which
 * several threads call at once; `read` must not call the model.
 */
#ifndef LIBIOMMU_MODEL_TCE_H
#define LIBIOMMU_MODEL_TCE_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

/* Services that the models need from their emulator. */
struct iommu_model_tce_host {
	void *ctx;
	/* read - read 8 aligned bytes of memory atomically; false: there is no memory. REQUIRED. */
	bool (*read)(void *ctx, iommu_paddr_t paddr, uint64_t *bytes);
	/* misuse - the driver violated a rule; a static text, for a log. May be NULL. */
	void (*misuse)(void *ctx, const char *text);
	/*
	 * write - write bytes of memory; false: there is no memory. For calls of firmware and of a
	 * hypervisor that answer in the guest's memory; NULL: they return that a parameter is bad.
	 */
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
};

/* Reason for which an access is blocked. */
enum iommu_model_tce_reason {
	IOMMU_MODEL_TCE_OK,
	IOMMU_MODEL_TCE_NO_PE,    /* the source id has no PE; freezes nothing */
	IOMMU_MODEL_TCE_FROZEN,   /* the PE is frozen by an earlier access */
	IOMMU_MODEL_TCE_ADDRESS,  /* invalid top bits, or beyond the window */
	IOMMU_MODEL_TCE_CLOSED,   /* the window is closed, or its entry is invalid */
	IOMMU_MODEL_TCE_MEMORY,   /* a table lies outside of memory */
	IOMMU_MODEL_TCE_ABSENT,   /* the TCE has no permissions */
	IOMMU_MODEL_TCE_NO_WRITE, /* the TCE is read-only */
	IOMMU_MODEL_TCE_NO_READ,  /* the TCE is write-only */
};

struct iommu_model_tce_access {
	iommu_paddr_t paddr; /* byte exact */
	uint64_t size;       /* of the page, in bytes; 0: unknown, not translated */
	bool is_interrupt;   /* no memory access: a message */
	enum iommu_model_tce_reason reason;
};

/* --- Host bridges ----------------------------------------------------------------------------- */

struct iommu_model_phb;

struct iommu_model_phb_config {
	/* For the model's own memory, not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_tce_host host;
	uint64_t phb;            /* firmware's id of the bridge */
	unsigned int generation; /* 3 (POWER8), 4 (POWER9) or 5 (POWER10); 0: 4 */
	unsigned int pes;        /* 1 to 256 (generation 3) or 512; 0: 256 */
	size_t cache_entries;    /* as of <libiommu/model_vtd.h>; 0: 16384 */
	uint64_t forget_seed;    /* not 0: entries are evicted at random, as real caches do */
	unsigned int flags;      /* 0; others: IOMMU_EINVAL */
};

/* Faulty behaviour of bridge and firmware, for tests of drivers. All zero: none. */
struct iommu_model_phb_faults {
	unsigned int busy;        /* number of firmware calls that return busy */
	bool kills_hang;          /* invalidations never complete: calls return busy */
	bool refuse_close;        /* windows cannot be closed */
	unsigned int refuse_open; /* the n-th opening of a window from now fails; 0: none */
	/* Number of reads of the invalidation register until an invalidation takes effect. */
	unsigned int slow_kills;
	/*
	 * Invalidations by register take effect at once, and the register keeps the value: QEMU's
	 * generation 3.
	 */
	bool keeps_kills;
	bool keeps_frozen; /* a thaw, or a freeze, returns success and does nothing */
	bool is_fenced;    /* the whole bridge has stopped: every PE counts as frozen */
};

/*
 * iommu_model_phb_create - create a bridge in its reset state: no source id has a PE, all windows
 * are closed. Returns 0, IOMMU_EINVAL (config) or IOMMU_ENOMEM. Context: may sleep; no other call
 * uses what is destroyed.
 */
IOMMU_API int iommu_model_phb_create(const struct iommu_model_phb_config *config,
				     struct iommu_model_phb **phb);
/*
 * iommu_model_phb_destroy - destroy a bridge that no device uses any more; NULL: nothing. Context:
 * may sleep; no other call uses what is destroyed.
 */
IOMMU_API void iommu_model_phb_destroy(struct iommu_model_phb *phb);

/*
 * iommu_model_phb_page_sizes - supported page sizes of windows: bit n = pages of 2^n bytes.
 * Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_model_phb_page_sizes(const struct iommu_model_phb *phb);

/* --- What a guest sets ------------------------------------------------------------------------ */

#define IOMMU_MODEL_NO_PE UINT32_MAX

/*
 * iommu_model_phb_set_pe - assign a source id to a PE, or (IOMMU_MODEL_NO_PE) to none. Returns 0,
 * IOMMU_EINVAL (no such PE), or IOMMU_ENOMEM.
 *
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_phb_set_pe(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe);
/*
 * iommu_model_phb_pe_of - the PE of a source id, or IOMMU_MODEL_NO_PE. Context: any, at once with
 * other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API uint32_t iommu_model_phb_pe_of(struct iommu_model_phb *phb, uint16_t source_id);

/*
 * iommu_model_phb_set_tve - set the entry of a window in the bridge's table: number 2 * PE +
 * window. Any value is accepted; an invalid one blocks DMA. Returns 0, or IOMMU_EINVAL: no such
 * window. Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_phb_set_tve(struct iommu_model_phb *phb, uint32_t number, uint64_t tve);
/*
 * iommu_model_phb_tve - the entry of a window, as it was set; 0: no such window. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API uint64_t iommu_model_phb_tve(struct iommu_model_phb *phb, uint32_t number);

/*
 * iommu_model_phb_kill_write - write the bridge's invalidation register (offset 0x210), in the byte
 * order of the host. iommu_model_phb_kill_read - read the bridge's invalidation register. It reads
 * as the written value while an invalidation is in progress, then 0. Context: any, at once with
 * other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_phb_kill_write(struct iommu_model_phb *phb, uint64_t value);
IOMMU_API uint64_t iommu_model_phb_kill_read(struct iommu_model_phb *phb);

/*
 * iommu_model_phb_opal - firmware's calls for PEs, windows, invalidation and frozen PEs
 * (<libiommu/opal.h>), with firmware's checks and return values. Unknown token: -1. Diagnostic data
 * have the format of the generation: the state of each PE, and the id of the last bad access.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int64_t iommu_model_phb_opal(struct iommu_model_phb *phb, uint64_t token,
				       const uint64_t arguments[7]);

/* --- What devices do -------------------------------------------------------------------------- */

/*
 * iommu_model_phb_access - translate an access of a device to one byte. Returns 0, or IOMMU_EFAULT
 * with the reason; the PE is then frozen. Context: any, at once with other calls; never sleeps, but
 * for the functions of the host.
 */
IOMMU_API int iommu_model_phb_access(struct iommu_model_phb *phb, uint16_t source_id,
				     uint64_t address, bool is_write,
				     struct iommu_model_tce_access *result);

/*
 * The first faulting access, which froze a PE, perhaps another one whose vector (PELT-V) has this
 * PE. Of a PE that was frozen by firmware: reason IOMMU_MODEL_TCE_OK.
 */
struct iommu_model_phb_freeze {
	bool is_frozen; /* its DMA is stopped */
	uint16_t source_id;
	bool is_write;
	uint64_t address;
	enum iommu_model_tce_reason reason;
	bool is_io_stopped; /* accesses to its registers are stopped */
};

/*
 * iommu_model_phb_get_freeze - whether and why a PE is frozen. iommu_model_phb_thaw - thaw a frozen
 * PE. Both return 0, or IOMMU_EINVAL: no such PE. A guest thaws, and freezes, by firmware's calls.
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_phb_get_freeze(struct iommu_model_phb *phb, uint32_t pe,
					 struct iommu_model_phb_freeze *freeze);
IOMMU_API int iommu_model_phb_thaw(struct iommu_model_phb *phb, uint32_t pe);

/*
 * iommu_model_phb_misbehave - set the faulty behaviour of a bridge; copied. Context: any, at once
 * with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_phb_misbehave(struct iommu_model_phb *phb,
					 const struct iommu_model_phb_faults *faults);

struct iommu_model_phb_stats {
	size_t cached_pages, cached_tables;
	uint64_t accesses, walks, freezes;
	uint64_t page_kills, pe_kills, all_kills; /* invalidations carried out */
};
/*
 * iommu_model_phb_get_stats - what a bridge has cached, and what it has done so far. Context: any,
 * at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_phb_get_stats(struct iommu_model_phb *phb,
					 struct iommu_model_phb_stats *stats);

/* --- Hypervisors ------------------------------------------------------------------------------ */

struct iommu_model_papr;

struct iommu_model_papr_config {
	/* For the model's own memory, which holds the entries, not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_tce_host host;
	bool single_calls; /* IOMMU_H_PUT_TCE_INDIRECT and IOMMU_H_STUFF_TCE are not supported */
	/*
	 * Windows that the guest can create: their number, page sizes (bit n: 2^n bytes), and
	 * maximum number of pages: up to 2^22, which is also the meaning of 0. A window takes 64
	 * KiB of the model's memory, and 8 bytes for each entry that was ever set, in pages.
	 */
	uint32_t dynamic_windows;
	uint64_t dynamic_page_sizes;
	uint64_t dynamic_pages;
	bool wide_query;    /* "ibm,ddw-extensions", 2, is 1 */
	unsigned int flags; /* 0; others: IOMMU_EINVAL */
	/*
	 * Not 0: the address of the PE that all windows belong to, for the services of error
	 * recovery. Once the guest has enabled that, a faulting access freezes it.
	 */
	uint32_t pe_address;
};

/* Faulty behaviour of a hypervisor, for tests of drivers. All zero: none. */
struct iommu_model_papr_faults {
	unsigned int busy;    /* number of calls that return busy */
	unsigned int fail_at; /* the n-th change of an entry from now fails; 0: none */
	int64_t fail_with;    /* with this status */
	bool keeps_frozen;    /* a thaw, or a freeze, returns success and does nothing */
	uint32_t wait_ms;     /* not 0: the PE is unavailable, for so long */
};

/*
 * iommu_model_papr_create - create a partition without windows. Returns 0, IOMMU_EINVAL (the
 * platform or host.read is missing, or dynamic_pages exceeds 2^22) or IOMMU_ENOMEM. Context: may
 * sleep; no other call uses what is destroyed.
 */
IOMMU_API int iommu_model_papr_create(const struct iommu_model_papr_config *config,
				      struct iommu_model_papr **papr);
/*
 * iommu_model_papr_destroy - destroy a partition that no device uses any more; NULL: nothing.
 * Context: may sleep; no other call uses what is destroyed.
 */
IOMMU_API void iommu_model_papr_destroy(struct iommu_model_papr *papr);

/*
 * iommu_model_papr_add_window - add a window of `pages` pages of 2^page_shift bytes, all absent.
 *
 * @address:    first bus address: a multiple of the page size.
 * @page_shift: 12 to 34.
 * @pages:      1 to 2^22.
 *
 * Returns 0, IOMMU_EINVAL, IOMMU_ERANGE (beyond 2^64), IOMMU_EEXIST (the number is in use) or
 * IOMMU_ENOMEM. Memory for entries is allocated as they are set.
 *
 * iommu_model_papr_remove_window - remove a window. Returns 0, or IOMMU_ENOENT. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_papr_add_window(struct iommu_model_papr *papr, uint32_t liobn,
					  uint64_t address, unsigned int page_shift,
					  uint64_t pages);
IOMMU_API int iommu_model_papr_remove_window(struct iommu_model_papr *papr, uint32_t liobn);

/*
 * iommu_model_papr_hypercall - the guest's calls for entries (<libiommu/tce_table.h>), with a
 * hypervisor's checks, partial progress and return values; others: -2 (H_FUNCTION). When the model
 * lacks memory: -44 (H_NOT_ENOUGH_RESOURCES). One call sets at most 4096 entries: IOMMU_H_STUFF_TCE
 * of more returns 1 (H_BUSY), and the same call continues. Context: any, at once with other calls;
 * never sleeps, but for the functions of the host.
 */
IOMMU_API int64_t iommu_model_papr_hypercall(struct iommu_model_papr *papr, uint64_t opcode,
					     uint64_t liobn, uint64_t address, uint64_t third,
					     uint64_t fourth, uint64_t *result);

/*
 * iommu_model_papr_rtas - the guest's services for windows and for error recovery, whatever tokens
 * the device tree assigns to them: arguments and status (outputs[0], also returned) as
 * <libiommu/papr.h> uses them. Windows are created from bus address 2^59 on; a window of
 * iommu_model_papr_add_window can be removed, and is restored by a reset. All bridges are one here:
 * the bridge's id is ignored. Context: any, at once with other calls; never sleeps, but for the
 * functions of the host.
 */
enum iommu_model_papr_service {
	IOMMU_MODEL_PAPR_QUERY,
	IOMMU_MODEL_PAPR_CREATE,
	IOMMU_MODEL_PAPR_REMOVE,
	IOMMU_MODEL_PAPR_RESET,
	/* Of error recovery: "ibm,set-eeh-option", "ibm,read-slot-reset-state2", … */
	IOMMU_MODEL_PAPR_SET_EEH_OPTION,
	IOMMU_MODEL_PAPR_READ_STATE,
	IOMMU_MODEL_PAPR_ERROR_DETAIL,
	IOMMU_MODEL_PAPR_CONFIGURE_PE,
	IOMMU_MODEL_PAPR_LIMIT, /* of "ibm,ddw-extensions": windows below 2^40, or not */
};
IOMMU_API int32_t iommu_model_papr_rtas(struct iommu_model_papr *papr,
					enum iommu_model_papr_service service,
					unsigned int input_count, const uint32_t *inputs,
					unsigned int output_count, uint32_t *outputs);

/*
 * iommu_model_papr_access - translate an access to one byte by a device behind this window. Returns
 * 0, or IOMMU_EFAULT with the reason; IOMMU_MODEL_TCE_CLOSED: no such window. Context: any, at once
 * with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_papr_access(struct iommu_model_papr *papr, uint32_t liobn,
				      uint64_t address, bool is_write,
				      struct iommu_model_tce_access *result);

/*
 * iommu_model_papr_add_memory - the partition gets a range of memory. From the first call on, only
 * entries of pages that are memory can be set: others are refused with -4 (H_PARAMETER). Returns 0,
 * IOMMU_EINVAL (size 0, or the range wraps), IOMMU_EEXIST (part of it is memory) or IOMMU_ENOSPC
 * (more than 64 ranges).
 *
 * iommu_model_papr_remove_memory - a range is taken from the partition. Returns 0, IOMMU_EINVAL,
 * IOMMU_ENOENT (part of it is no memory), IOMMU_ENOSPC; or IOMMU_EBUSY: an entry of a window leads
 * there. All entries are looked at, which takes its time.
 *
 * Context: any, at once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API int iommu_model_papr_add_memory(struct iommu_model_papr *papr, iommu_paddr_t start,
					  uint64_t size);
IOMMU_API int iommu_model_papr_remove_memory(struct iommu_model_papr *papr, iommu_paddr_t start,
					     uint64_t size);

/*
 * iommu_model_papr_misbehave - set the faulty behaviour of a hypervisor; copied. Context: any, at
 * once with other calls; never sleeps, but for the functions of the host.
 */
IOMMU_API void iommu_model_papr_misbehave(struct iommu_model_papr *papr,
					  const struct iommu_model_papr_faults *faults);

IOMMU_END_DECLS
#endif
