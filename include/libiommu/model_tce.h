/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of the other side of TCEs: of a POWER host bridge with its firmware, which walks tables in
 * memory, and of a hypervisor that keeps them for a partition. For emulators, which put them
 * between a guest's memory and its devices; and for tests of drivers, to which they are
 * adversaries.
 *
 * A bridge sorts requests into partitionable endpoints (PEs) by their source id. Each PE has two
 * windows, told apart by bit 59 of the address, and each window a translation validation entry
 * (TVE): by tables of translation control entries (TCEs) in memory, as it is, or closed. The bridge
 * remembers every entry that it has read, absent ones and those of the upper levels too, and
 * forgets nothing until it is told to: not even when a window is set anew. A bad DMA freezes its
 * PE, which is then deaf until it is thawed.
 *
 * What is read from memory and all that a guest asks is hostile: it is answered with a refusal.
 *
 * Concurrency: every function but create and destroy may be called from any thread. Accesses
 * through a bridge run side by side, as <libiommu/model_vtd.h> says of translations, with the same
 * rule: the invalidation register reads as 0, and firmware's call returns success, when nothing
 * that was named is remembered and every access that was reading tables before has ended; until
 * then the register keeps what was written, and the call returns OPAL_BUSY_EVENT, and comes again:
 * for what it is asked for then, which may be something that has changed since, so that it forgets
 * once more. A hypervisor has one spinlock, for short work. No lock is held around the host's
 * functions, which several threads call at once; `read` must not call the model.
 */
#ifndef LIBIOMMU_MODEL_TCE_H
#define LIBIOMMU_MODEL_TCE_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

/* What models ask of the emulator around them. */
struct iommu_model_tce_host {
	void *ctx;
	/* read - 8 aligned bytes of memory, in one piece; false: nothing is there. REQUIRED. */
	bool (*read)(void *ctx, iommu_paddr_t paddr, uint64_t *bytes);
	/* misuse - the driver broke a rule; a static text, for a log. May be NULL. */
	void (*misuse)(void *ctx, const char *text);
};

/* Why an access does not pass. */
enum iommu_model_tce_reason {
	IOMMU_MODEL_TCE_OK,
	IOMMU_MODEL_TCE_NO_PE,    /* freezes nothing */
	IOMMU_MODEL_TCE_FROZEN,   /* the PE is, since an earlier access */
	IOMMU_MODEL_TCE_ADDRESS,  /* top bits that mean nothing, or beyond the window */
	IOMMU_MODEL_TCE_CLOSED,   /* the window is closed, or its entry makes no sense */
	IOMMU_MODEL_TCE_MEMORY,   /* a table is where no memory is */
	IOMMU_MODEL_TCE_ABSENT,   /* a TCE allows nothing */
	IOMMU_MODEL_TCE_NO_WRITE, /* it allows only to read */
	IOMMU_MODEL_TCE_NO_READ,  /* it allows only to write */
};

struct iommu_model_tce_access {
	iommu_paddr_t paddr; /* byte exact */
	uint64_t size;       /* of the page around it, in bytes; 0: unknown, not translated */
	bool is_interrupt;   /* not memory: a message */
	enum iommu_model_tce_reason reason;
};

/* --- Host bridges ----------------------------------------------------------------------------- */

struct iommu_model_phb;

struct iommu_model_phb_config {
	/* For the model's own memory, which is not the guest's. */
	const struct iommu_platform *platform;
	struct iommu_model_tce_host host;
	uint64_t phb;            /* firmware's number of it */
	unsigned int generation; /* 3 (POWER8), 4 (POWER9) or 5 (POWER10); 0: 4 */
	unsigned int pes;        /* 1 to 256 (generation 3) or 512; 0: 256 */
	size_t cache_entries;    /* as of <libiommu/model_vtd.h>; 0: 16384 */
	uint64_t forget_seed;    /* not 0: entries are forgotten at random, as real caches do */
};

/* How bridge and firmware misbehave, for tests of drivers. All zero: not at all. */
struct iommu_model_phb_faults {
	unsigned int busy; /* so many calls of firmware are told to come again */
	bool kills_hang;   /* nothing is forgotten: calls are told to come again */
	bool refuse_close; /* no window is closed */
	unsigned int
		refuse_open; /* the n-th window that is to be opened from now is not; 0: none */
	/* What the register was told takes so many reads of it, and nothing is forgotten before. */
	unsigned int slow_kills;
	/*
	 * What the register is told is done at once, and the register keeps it: QEMU's generation
	 * 3.
	 */
	bool keeps_kills;
};

/*
 * iommu_model_phb_create - a bridge after reset: no source id has a PE, all windows are closed.
 * Returns 0, IOMMU_EINVAL (config) or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_model_phb_create(const struct iommu_model_phb_config *config,
				     struct iommu_model_phb **phb);
IOMMU_API void iommu_model_phb_destroy(struct iommu_model_phb *phb);

/* iommu_model_phb_page_sizes - what windows can have: bit n = pages of 2^n bytes. */
IOMMU_API uint64_t iommu_model_phb_page_sizes(const struct iommu_model_phb *phb);

/* --- What a guest sets ------------------------------------------------------------------------ */

#define IOMMU_MODEL_NO_PE UINT32_MAX

/*
 * iommu_model_phb_set_pe - requests with this source id belong to this PE, or (IOMMU_MODEL_NO_PE)
 * to none. Returns 0, IOMMU_EINVAL (no such PE), or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_model_phb_set_pe(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe);
IOMMU_API uint32_t iommu_model_phb_pe_of(struct iommu_model_phb *phb, uint16_t source_id);

/*
 * iommu_model_phb_set_tve - the entry of a window, as the bridge's table has it: number 2 * PE +
 * window. Any value is taken, nonsense refuses DMA. Returns 0, or IOMMU_EINVAL: no such window.
 */
IOMMU_API int iommu_model_phb_set_tve(struct iommu_model_phb *phb, uint32_t number, uint64_t tve);
IOMMU_API uint64_t iommu_model_phb_tve(struct iommu_model_phb *phb, uint32_t number);

/*
 * iommu_model_phb_kill_write, _read - the bridge's invalidation register (offset 0x210), in the
 * byte order of the host. It reads as what was written while it is at it, then 0.
 */
IOMMU_API void iommu_model_phb_kill_write(struct iommu_model_phb *phb, uint64_t value);
IOMMU_API uint64_t iommu_model_phb_kill_read(struct iommu_model_phb *phb);

/*
 * iommu_model_phb_opal - firmware's calls for PEs, windows and invalidation (<libiommu/opal.h>),
 * with firmware's checks and return values. A token that it does not know: -1.
 */
IOMMU_API int64_t iommu_model_phb_opal(struct iommu_model_phb *phb, uint64_t token,
				       const uint64_t arguments[7]);

/* --- What devices do -------------------------------------------------------------------------- */

/*
 * iommu_model_phb_access - where one byte goes that a device reads or writes. Returns 0, or
 * IOMMU_EFAULT with the reason; the PE is then frozen.
 */
IOMMU_API int iommu_model_phb_access(struct iommu_model_phb *phb, uint16_t source_id,
				     uint64_t address, bool is_write,
				     struct iommu_model_tce_access *result);

/* What froze a PE: the first bad access. */
struct iommu_model_phb_freeze {
	bool is_frozen;
	uint16_t source_id;
	bool is_write;
	uint64_t address;
	enum iommu_model_tce_reason reason;
};

/*
 * iommu_model_phb_get_freeze - why a PE is frozen, or that it is not. iommu_model_phb_thaw - it is
 * not any more. Both return 0, or IOMMU_EINVAL: no such PE.
 */
IOMMU_API int iommu_model_phb_get_freeze(struct iommu_model_phb *phb, uint32_t pe,
					 struct iommu_model_phb_freeze *freeze);
IOMMU_API int iommu_model_phb_thaw(struct iommu_model_phb *phb, uint32_t pe);

/* iommu_model_phb_misbehave - see struct iommu_model_phb_faults; copied. */
IOMMU_API void iommu_model_phb_misbehave(struct iommu_model_phb *phb,
					 const struct iommu_model_phb_faults *faults);

struct iommu_model_phb_stats {
	size_t cached_pages, cached_tables;
	uint64_t accesses, walks, freezes;
	uint64_t page_kills, pe_kills, all_kills; /* that were carried out */
};
IOMMU_API void iommu_model_phb_get_stats(struct iommu_model_phb *phb,
					 struct iommu_model_phb_stats *stats);

/* --- Hypervisors ------------------------------------------------------------------------------ */

struct iommu_model_papr;

struct iommu_model_papr_config {
	/* For the model's own memory, which is not the guest's: entries are there. */
	const struct iommu_platform *platform;
	struct iommu_model_tce_host host;
	bool single_calls; /* has no IOMMU_H_PUT_TCE_INDIRECT and IOMMU_H_STUFF_TCE */
	/*
	 * Windows that the guest can ask for: so many, of these page sizes (bit n: 2^n bytes), of
	 * so many pages at most: to 2^22, which 0 stands for. A larger one is refused. Of the
	 * model's memory a window takes 8 bytes for each entry that was ever set, in pages, and 64
	 * KiB.
	 */
	uint32_t dynamic_windows;
	uint64_t dynamic_page_sizes;
	uint64_t dynamic_pages;
	bool wide_query; /* "ibm,ddw-extensions", 2, is 1 */
};

/* How a hypervisor misbehaves, for tests of drivers. All zero: not at all. */
struct iommu_model_papr_faults {
	unsigned int busy;    /* so many calls are told to come again */
	unsigned int fail_at; /* the n-th change of an entry from now fails; 0: none */
	int64_t fail_with;    /* with this */
};

/*
 * iommu_model_papr_create - a partition without windows. Returns 0, IOMMU_EINVAL (the platform or
 * host.read is missing, or dynamic_pages is more than 2^22) or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_model_papr_create(const struct iommu_model_papr_config *config,
				      struct iommu_model_papr **papr);
IOMMU_API void iommu_model_papr_destroy(struct iommu_model_papr *papr);

/*
 * iommu_model_papr_add_window - pages of 2^page_shift bytes from this bus address on, all absent.
 *
 * @address: a multiple of the page size. @page_shift: 12 to 34. @pages: 1 to 2^22.
 * Returns 0, IOMMU_EINVAL, IOMMU_ERANGE (beyond 2^64), IOMMU_EEXIST (the number is in use) or
 * IOMMU_ENOMEM. Entries get memory as they are set.
 *
 * iommu_model_papr_remove_window - returns 0, or IOMMU_ENOENT.
 */
IOMMU_API int iommu_model_papr_add_window(struct iommu_model_papr *papr, uint32_t liobn,
					  uint64_t address, unsigned int page_shift,
					  uint64_t pages);
IOMMU_API int iommu_model_papr_remove_window(struct iommu_model_papr *papr, uint32_t liobn);

/*
 * iommu_model_papr_hypercall - one of the guest's calls for entries (<libiommu/tce_table.h>), with
 * a hypervisor's checks, partial progress and return values; others: -2 (H_FUNCTION). When the
 * model's memory is short: -44 (H_NOT_ENOUGH_RESOURCES). One call sets at most 4096 entries:
 * IOMMU_H_STUFF_TCE of more of them is answered with 1 (H_BUSY), and the same call goes on from
 * there.
 */
IOMMU_API int64_t iommu_model_papr_hypercall(struct iommu_model_papr *papr, uint64_t opcode,
					     uint64_t liobn, uint64_t address, uint64_t third,
					     uint64_t fourth, uint64_t *result);

/*
 * iommu_model_papr_rtas - one of the guest's services for windows, whichever token the device tree
 * gives them: arguments and status (outputs[0], also returned) as <libiommu/papr.h> makes and takes
 * them. Windows are from bus address 2^59 on; what iommu_model_papr_add_window made can be given
 * up, and comes back with a reset. All bridges are one here: which is asked is not looked at.
 */
enum iommu_model_papr_service {
	IOMMU_MODEL_PAPR_QUERY,
	IOMMU_MODEL_PAPR_CREATE,
	IOMMU_MODEL_PAPR_REMOVE,
	IOMMU_MODEL_PAPR_RESET,
};
IOMMU_API int32_t iommu_model_papr_rtas(struct iommu_model_papr *papr,
					enum iommu_model_papr_service service,
					unsigned int input_count, const uint32_t *inputs,
					unsigned int output_count, uint32_t *outputs);

/*
 * iommu_model_papr_access - where one byte goes that a device behind this window reads or writes.
 * Returns 0, or IOMMU_EFAULT with the reason; IOMMU_MODEL_TCE_CLOSED: no such window.
 */
IOMMU_API int iommu_model_papr_access(struct iommu_model_papr *papr, uint32_t liobn,
				      uint64_t address, bool is_write,
				      struct iommu_model_tce_access *result);

/* iommu_model_papr_misbehave - see struct iommu_model_papr_faults; copied. */
IOMMU_API void iommu_model_papr_misbehave(struct iommu_model_papr *papr,
					  const struct iommu_model_papr_faults *faults);

IOMMU_END_DECLS
#endif
