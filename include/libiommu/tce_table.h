/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POWER translation windows: a range of bus addresses with a table entry for each page, and the
 * allocation of these entries; sets of windows as data of groups; and the division of one window
 * among PEs.
 *
 * A table's entries are in memory that a host bridge walks (iommu_tce_memory_create), or in a
 * hypervisor, which is called for every change (iommu_tce_papr_create). Entries are allocated from
 * a bitmap that is cut into pools, one for each of a few CPUs and one for large requests, next-fit
 * within a pool: constant effort for the short-lived small mappings of drivers.
 *
 * <libiommu/iova.h> is the alternative: it knows all gaps, allocates from a fragmented window in
 * logarithmic time, and takes memory in proportion to the mappings; the bitmap takes a bit for each
 * page of the window, and searches. With enough room both have the same cost (bench/bench_tce.cc),
 * and the bitmap has no lock that all CPUs share: it suits windows of the usual 2 GiB, and devices
 * with 32 address bits. For a window that is nearly full, or of terabytes, use the alternative.
 *
 * Locking: map and unmap may be called at any time on any CPU, in every context that the table's
 * callbacks allow. Create, destroy, take and give back need exclusive use of the table.
 */
#ifndef LIBIOMMU_TCE_TABLE_H
#define LIBIOMMU_TCE_TABLE_H

#include <stdbool.h>

#include <libiommu/endpoint.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_tce_table;

enum iommu_tce_table_flags {
	/*
	 * Entries that are valid when the table is created were left by a kernel that crashed, with
	 * DMA in progress: they are kept, and their addresses are not allocated; the same holds for
	 * an entry that cannot be read. Without the flag all entries are cleared. If fewer than
	 * 2048 entries would be left, the last 2048 of the window are taken from that kernel;
	 * address 0 and the reserved pages are never allocated.
	 */
	IOMMU_TCE_TABLE_KEEP = 1 << 0,
	/* An owner can keep a word of its own with each entry: iommu_tce_table_set_user. */
	IOMMU_TCE_TABLE_USER_WORDS = 1 << 1,
};

struct iommu_tce_table_config {
	const struct iommu_platform *platform;
	/*
	 * First page of the window, as a page number on the bus; number of pages; log2 of their
	 * size.
	 */
	uint64_t first_page;
	uint64_t entries;        /* at most 2^28 */
	unsigned int page_shift; /* 12 to 34 */
	/* Page numbers on the bus that are not allocated; first > last: none. */
	uint64_t reserved_first, reserved_last;
	/* Pages by which a pool advances after a small request, a power of two; 0: 16. */
	unsigned int block;
	unsigned int flags; /* enum iommu_tce_table_flags */
};

/* Addressing limits of a device. 0 in a field: no limit. */
struct iommu_tce_limits {
	uint64_t mask;          /* highest address that it can generate */
	uint64_t boundary;      /* in bytes; no range crosses a multiple of it: a power of two */
	unsigned int alignment; /* the first page number is a multiple of 2^alignment */
};

/*
 * iommu_tce_table_map - allocate addresses for `pages` pages, and map memory from `paddr` on.
 *
 * @paddr:   a multiple of the page size.
 * @prot:    enum iommu_prot.
 * @limits:  NULL: none.
 * @address: receives the bus address, never 0.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      no pages, alignment of paddr, prot, or invalid limits
 *   IOMMU_EOVERFLOW, IOMMU_ERANGE
 *                     paddr + size wraps, or exceeds what an entry can hold
 *   IOMMU_ENOSPC      not enough consecutive pages are free within the limits
 *   IOMMU_EBUSY       an owner has taken the table (iommu_tce_table_take)
 *   IOMMU_EAGAIN      the hypervisor lacks resources, or is too busy; or the bridge did not confirm
 *                     the new entries
 *   IOMMU_EPERM, IOMMU_EFAULT
 *                     the hypervisor refuses the memory
 *   IOMMU_EOPNOTSUPP  the hypervisor does not support the call
 *   IOMMU_ENOMEM      no memory for a table
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     hardware must be told and did not confirm, or the hypervisor refuses; the
 *                     addresses are never allocated again, and count as lost
 *
 * Context: any that the table's callbacks allow, at once on all CPUs; never sleeps.
 */
IOMMU_API int iommu_tce_table_map(struct iommu_tce_table *table, iommu_paddr_t paddr,
				  uint64_t pages, unsigned int prot,
				  const struct iommu_tce_limits *limits, uint64_t *address);

/*
 * iommu_tce_table_unmap - unmap pages: as mapped, or part of a mapping.
 *
 * The addresses become free after the entries were cleared and hardware has confirmed. Returns 0;
 * IOMMU_EINVAL (not in the window, or not mapped); IOMMU_ENOMEM; or IOMMU_ETIMEDOUT / IOMMU_EIO:
 * not confirmed: the addresses are not allocated, and the memory must not be reused, until a
 * repeated call for the same pages has returned 0.
 *
 * Context: any that the table's callbacks allow, at once on all CPUs; never sleeps.
 */
IOMMU_API int iommu_tce_table_unmap(struct iommu_tce_table *table, uint64_t address,
				    uint64_t pages);

/*
 * iommu_tce_table_get - the memory and the permissions of a bus address; paddr and prot may be
 * NULL. IOMMU_ENOENT: not mapped; IOMMU_ERANGE: not in the window. Of a window in a hypervisor also
 * IOMMU_EINVAL, IOMMU_EPERM, IOMMU_EOPNOTSUPP, IOMMU_EAGAIN, IOMMU_EIO (it refuses), IOMMU_EBUSY
 * and IOMMU_ETIMEDOUT (it is busy for too long).
 *
 * Context: any that the table's callbacks allow, at once on all CPUs; never sleeps.
 */
IOMMU_API int iommu_tce_table_get(struct iommu_tce_table *table, uint64_t address,
				  iommu_paddr_t *paddr, unsigned int *prot);

/*
 * iommu_tce_table_exchange - replace one entry, mapped or not, of a table that was taken; prot 0
 * clears it. *old_paddr and *old_prot receive the former entry. For owners that do their own
 * bookkeeping. The change takes effect with iommu_tce_table_flush, which covers any number of
 * exchanges. Errors as iommu_tce_table_map and iommu_tce_table_get: after IOMMU_ETIMEDOUT /
 * IOMMU_EIO the entry is the old or the new one, which iommu_tce_table_get tells; IOMMU_EPERM: not
 * taken.
 *
 * iommu_tce_table_flush - have hardware confirm all exchanges. A flush that fails has confirmed
 * nothing; the next one that returns 0 has confirmed all. Context: any that the table's callbacks
 * allow, at once on all CPUs; never sleeps.
 */
IOMMU_API int iommu_tce_table_exchange(struct iommu_tce_table *table, uint64_t address,
				       iommu_paddr_t paddr, unsigned int prot,
				       iommu_paddr_t *old_paddr, unsigned int *old_prot);
IOMMU_API int iommu_tce_table_flush(struct iommu_tce_table *table);

/*
 * iommu_tce_table_take - give the whole window, cleared, to an owner; nothing is allocated from it
 * until it is given back. Returns 0, IOMMU_EBUSY (something is mapped or lost, or the table is
 * taken), or the error of clearing it.
 *
 * iommu_tce_table_give_back - end the ownership; all entries are cleared. Returns 0, IOMMU_EINVAL
 * (not taken), or the error of clearing, IOMMU_ETIMEDOUT, IOMMU_EIO or IOMMU_ENOMEM: the table
 * remains taken. Context: may sleep; nothing else uses the table.
 */
IOMMU_API int iommu_tce_table_take(struct iommu_tce_table *table);
IOMMU_API int iommu_tce_table_give_back(struct iommu_tce_table *table);

/*
 * iommu_tce_table_set_user - store a word of the owner for the entry of a bus address, such as its
 * user's address of the memory. iommu_tce_table_get_user - read the owner's word for the entry of a
 * bus address. For a table made with IOMMU_TCE_TABLE_USER_WORDS. Initially 0; exchanges leave it
 * unchanged; giving the table back clears all words. Memory is allocated for words that are set.
 *
 * Returns 0, IOMMU_EOPNOTSUPP (made without the flag), IOMMU_EPERM (not taken), IOMMU_ERANGE, or
 * for set IOMMU_ENOMEM. Any context; any CPU, for different entries.
 */
IOMMU_API int iommu_tce_table_set_user(struct iommu_tce_table *table, uint64_t address,
				       uint64_t word);
IOMMU_API int iommu_tce_table_get_user(struct iommu_tce_table *table, uint64_t address,
				       uint64_t *word);

struct iommu_tce_table_stats {
	uint64_t entries;  /* of the window */
	uint64_t taken;    /* allocated now, including reserved and lost entries */
	uint64_t reserved; /* never allocated */
	uint64_t lost;     /* never allocated again: a call to map them was not confirmed */
	unsigned int pools;
};
/*
 * iommu_tce_table_get_stats - counts of the entries of a window, at this moment. Context: any that
 * the table's callbacks allow, at once on all CPUs; never sleeps.
 */
IOMMU_API void iommu_tce_table_get_stats(struct iommu_tce_table *table,
					 struct iommu_tce_table_stats *stats);

/*
 * iommu_tce_table_destroy - clear all mappings, and free the table. Returns 0, or the error of
 * clearing them, IOMMU_ETIMEDOUT / IOMMU_EIO, or IOMMU_ENOMEM: the table remains. Context: may
 * sleep; nothing else uses the table.
 */
IOMMU_API int iommu_tce_table_destroy(struct iommu_tce_table *table);

/* --- Tables in memory ------------------------------------------------------------------------- */

/*
 * Invalidation of a host bridge: of some pages of the window, or of everything of the partitionable
 * endpoint. `pages` may invalidate more than it is asked to, or be NULL; `all` is required. Each
 * returns 0 when the bridge has confirmed, or an error. Called in every context in which the table
 * is used.
 */
struct iommu_tce_kill {
	void *ctx;
	int (*pages)(void *ctx, uint64_t address, unsigned int page_shift, uint64_t pages);
	int (*all)(void *ctx);
};

/*
 * State that all windows of a bridge share if it is invalidated through its register: all zero at
 * first, then private to the library.
 */
struct iommu_tce_register_state {
	uint32_t words[3];
};

/*
 * POWER8's bridges are invalidated through a register: iommu_tce_register_kill_pages and
 * iommu_tce_register_kill_pe are the two functions above for them, with this structure as their
 * ctx, which must exist as long as the window.
 *
 * The bridge is polled before the write and until it has confirmed, for a second at most. Both
 * return 0, or IOMMU_ETIMEDOUT: it is busy, and nothing is confirmed. While it does not answer,
 * later calls poll once and do not wait.
 */
struct iommu_tce_register {
	const struct iommu_platform *platform; /* for its mmio functions, and its clock */
	volatile void *registers;              /* first register of the bridge */
	uint32_t pe;                           /* 0 to 255 */
	/* NULL: this is the only window, and is used by one CPU at a time. */
	struct iommu_tce_register_state *state;
	/*
	 * The register keeps the written value and never shows completion: QEMU's POWER8 machines.
	 * A read after the write, which completes after it, is then the confirmation.
	 */
	bool is_silent;
};
/*
 * iommu_tce_register_kill_pages - invalidate some pages of a window through the register of a
 * POWER8 bridge. iommu_tce_register_kill_pe - invalidate all of a PE through the register of a
 * POWER8 bridge. Return 0, or IOMMU_ETIMEDOUT. Context: any; polls the register, never sleeps.
 */
IOMMU_API int iommu_tce_register_kill_pages(void *ctx, uint64_t address, unsigned int page_shift,
					    uint64_t pages);
IOMMU_API int iommu_tce_register_kill_pe(void *ctx);

struct iommu_tce_memory_config {
	struct iommu_tce_table_config table;
	unsigned int levels;      /* 1 to 5 */
	unsigned int table_order; /* each table has 2^order pages of 4 KiB: 0 to 4 */
	unsigned int output_bits; /* width of a physical address */
	bool eager;               /* all tables are made at the start: map never allocates */
	struct iommu_tce_kill kill;
};

/*
 * iommu_tce_memory_create - make a window whose entries are in memory. Returns 0, IOMMU_EINVAL (see
 * above; or the levels and tables do not cover the window), or IOMMU_ENOMEM. iommu_tce_memory_root
 * - the physical address of the first table, for the bridge; levels and table size are those of the
 * configuration.
 *
 * Context: may sleep.
 */
IOMMU_API int iommu_tce_memory_create(const struct iommu_tce_memory_config *config,
				      struct iommu_tce_table **table);
IOMMU_API iommu_paddr_t iommu_tce_memory_root(const struct iommu_tce_table *table);

/* --- Tables in a hypervisor ------------------------------------------------------------------- */

/* PAPR hypervisor calls for entries, and their results. */
#define IOMMU_H_GET_TCE          0x1c
#define IOMMU_H_PUT_TCE          0x20
#define IOMMU_H_STUFF_TCE        0x138
#define IOMMU_H_PUT_TCE_INDIRECT 0x13c

struct iommu_tce_papr_config {
	struct iommu_tce_table_config table;
	uint32_t liobn; /* the hypervisor's number of the window */
	/* The hypervisor supports IOMMU_H_PUT_TCE_INDIRECT and IOMMU_H_STUFF_TCE. */
	bool has_multiple;
	/*
	 * Make one hypervisor call: `result` receives its output. Called in every context in which
	 * the table is used.
	 */
	int64_t (*call)(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			uint64_t third, uint64_t fourth, uint64_t *result);
	void *ctx;
};

/*
 * iommu_tce_papr_create - make a window whose entries are in a hypervisor. IOMMU_EINVAL,
 * IOMMU_ENOMEM; IOMMU_EIO, IOMMU_ETIMEDOUT: the hypervisor knows no such window, or does not clear
 * it: its entries may be valid.
 *
 * Context: may sleep.
 */
IOMMU_API int iommu_tce_papr_create(const struct iommu_tce_papr_config *config,
				    struct iommu_tce_table **table);

/* --- Windows of a group ----------------------------------------------------------------------- */

/*
 * The windows of a partitionable endpoint as data of its group: for hosts that allocate bus
 * addresses from these tables themselves, and look them up by device.
 */

#define IOMMU_TCE_SET_TABLES 2

/* Memory of the host, used until release is called. */
struct iommu_tce_set {
	struct iommu_tce_table *tables[IOMMU_TCE_SET_TABLES]; /* by window; NULL: none */
	/*
	 * Called when the group is freed, or when its last registered device was unregistered. May
	 * be NULL.
	 */
	void (*release)(struct iommu_tce_set *set);
};

/*
 * iommu_tce_set_register - register a device as a user of the windows: the first one of a group
 * makes them the group's data; others of the group register the same set.
 *
 * @cpu_page_shift: log2 of the CPU's page size.
 *
 * Returns 0, also if the first window has no table: the device is skipped, and has no set; or
 *   IOMMU_ENOENT  no endpoint with this id was probed
 *   IOMMU_EBUSY   the device is registered, or its group has other data
 *   IOMMU_EINVAL  the pages of a window are larger than the CPU's: a buffer could not be mapped
 *                 alone
 *
 * iommu_tce_set_unregister - end the registration; with the last device the group has no data.
 * IOMMU_ENOENT: no such endpoint, or not registered. iommu_tce_set_of - the set of an endpoint;
 * NULL: not registered, or skipped.
 *
 * Control path. These functions own the group's data; nothing else may set it. A device should be
 * unregistered before it is released; otherwise the set is used as long as the group exists.
 */
IOMMU_API int iommu_tce_set_register(struct iommu_tce_set *set, struct iommu *iommu,
				     uint16_t segment, uint16_t source_id,
				     unsigned int cpu_page_shift);
IOMMU_API int iommu_tce_set_unregister(struct iommu *iommu, uint16_t segment, uint16_t source_id);
IOMMU_API struct iommu_tce_set *iommu_tce_set_of(const struct iommu_endpoint *endpoint);

/* --- One window for all PEs ------------------------------------------------------------------- */

/*
 * Division of the DMA window of bridges before POWER8 (IODA1), which all PEs share: it consists of
 * segments of 256 MiB of bus addresses, and a PE gets consecutive segments.
 *
 * Pure functions: no memory, no locks, any context.
 */

struct iommu_tce_share {
	unsigned int first, count; /* segments; count 0: none */
};

/*
 * iommu_tce_weight - the share that a device will need, by its PCI class (24 bits: class, subclass,
 * interface): none for a bridge, little for a slow USB controller, much for a RAID controller. The
 * weight of a PE is the sum of its devices. Context: any; takes no lock.
 */
IOMMU_API unsigned int iommu_tce_weight(uint32_t class_code);

/*
 * iommu_tce_divide - divide all segments among `count` PEs by weight: each PE with a weight gets at
 * least one segment, in order, and differs from its exact share of the rest by at most one.
 *
 * @segments: 1 to 4096.
 * @weights:  their sum is below 2^20. A PE with weight 0 gets no segment; if all are 0, none gets
 *            any.
 *
 * Returns 0, IOMMU_EINVAL (see above), or IOMMU_ENOSPC: more PEs with a weight than segments.
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_tce_divide(unsigned int segments, const unsigned int *weights,
			       unsigned int count, struct iommu_tce_share *shares);

IOMMU_END_DECLS
#endif
