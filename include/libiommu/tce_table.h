/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POWER translation windows: a range of bus addresses, a table entry for each page of it, and who
 * has which of them.
 *
 * Where the entries are kept is the table's back end's: in memory that a host bridge walks
 * (iommu_tce_memory_create), or in a hypervisor that is asked for every change
 * (iommu_tce_papr_create). Entries are handed out by a bitmap cut into pools, one for each of a few
 * CPUs and one for large requests, next-fit within a pool: constant effort for the short-lived
 * small mappings of drivers.
 *
 * <libiommu/iova.h> hands out addresses by best knowledge of all gaps: it finds what there is in a
 * fragmented window, in logarithmic time, and takes memory by what is mapped; the bitmap takes a
 * bit for each page of the window, and searches. Where there is room both cost the same
 * (bench/bench_tce.cc), and the bitmap's CPUs do not meet at one lock: a window of the usual 2 GiB,
 * and devices with 32 address bits, are what it is for. In a window that is nearly full, or of
 * terabytes, take the other.
 *
 * Locking: map and unmap may run at any time on any CPU, in any context in which the back end's
 * callbacks can. Create, destroy, take and give back need the table to themselves.
 */
#ifndef LIBIOMMU_TCE_TABLE_H
#define LIBIOMMU_TCE_TABLE_H

#include <stdbool.h>

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_tce_table;

enum iommu_tce_table_flags {
	/*
	 * Entries that are valid when the table is created were left so by a kernel that died, with
	 * DMA under way: they stay, and their addresses are not handed out. So does an entry that
	 * cannot be read. Otherwise all is cleared. Should fewer than 2048 be left, the last 2048
	 * of the window are taken away from that kernel; address 0 and the reserved pages are never
	 * handed out.
	 */
	IOMMU_TCE_TABLE_KEEP = 1 << 0,
	/* An owner can keep a word of its own with each entry: iommu_tce_table_set_user. */
	IOMMU_TCE_TABLE_USER_WORDS = 1 << 1,
};

struct iommu_tce_table_config {
	const struct iommu_platform *platform;
	/*
	 * The first page of the window, as a page number on the bus; how many; log2 of their size.
	 */
	uint64_t first_page;
	uint64_t entries;        /* at most 2^28 */
	unsigned int page_shift; /* 12 to 34 */
	/* Page numbers on the bus that are not handed out; first > last: none. */
	uint64_t reserved_first, reserved_last;
	/* Pages by which a pool moves on after a small request, a power of two; 0: 16. */
	unsigned int block;
	unsigned int flags; /* enum iommu_tce_table_flags */
};

/* What a device can address and how. Zero in a field: no limit. */
struct iommu_tce_limits {
	uint64_t mask;          /* the highest address that it can put on the bus */
	uint64_t boundary;      /* no range may cross a multiple of so many bytes: a power of two */
	unsigned int alignment; /* the first page number is a multiple of 2^alignment */
};

/*
 * iommu_tce_table_map - let devices of the window reach `pages` pages of memory from `paddr` on.
 *
 * @paddr: a multiple of the page size. @prot: enum iommu_prot. @limits: NULL: none.
 * *address receives the bus address, never 0.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL   no pages, alignment of paddr, prot, limits that make no sense
 *   IOMMU_EOVERFLOW, IOMMU_ERANGE  paddr + size wraps, or is beyond what an entry can hold
 *   IOMMU_ENOSPC   no run of so many pages is free within the limits
 *   IOMMU_EBUSY    an owner has taken the table (iommu_tce_table_take)
 *   IOMMU_EAGAIN   the hypervisor has no resources for it, or is too busy; or the bridge did not
 *                  confirm that it sees it
 *   IOMMU_EPERM, IOMMU_EFAULT  the hypervisor refuses the memory; IOMMU_EOPNOTSUPP: the call
 *   IOMMU_ENOMEM   for a table
 *   IOMMU_ETIMEDOUT, IOMMU_EIO  hardware must be told and did not confirm, or the hypervisor says
 *                  no; the addresses are kept back for good, and counted
 */
IOMMU_API int iommu_tce_table_map(struct iommu_tce_table *table, iommu_paddr_t paddr,
				  uint64_t pages, unsigned int prot,
				  const struct iommu_tce_limits *limits, uint64_t *address);

/*
 * iommu_tce_table_unmap - the devices cannot reach them any more; addresses as mapped, or part of
 * them.
 *
 * Entries are cleared and hardware has forgotten them before their addresses are free. Returns 0;
 * IOMMU_EINVAL (not in the window, or not mapped); IOMMU_ENOMEM; or IOMMU_ETIMEDOUT / IOMMU_EIO:
 * not confirmed, the addresses are kept back for good, the memory must not be reused.
 */
IOMMU_API int iommu_tce_table_unmap(struct iommu_tce_table *table, uint64_t address,
				    uint64_t pages);

/*
 * iommu_tce_table_get - where a bus address leads; paddr and prot may be NULL. IOMMU_ENOENT:
 * nowhere; IOMMU_ERANGE: it is none of the window. Of a window in a hypervisor also IOMMU_EINVAL,
 * IOMMU_EPERM, IOMMU_EOPNOTSUPP, IOMMU_EAGAIN, IOMMU_EIO (it refuses), IOMMU_EBUSY and
 * IOMMU_ETIMEDOUT (it is busy for too long).
 */
IOMMU_API int iommu_tce_table_get(struct iommu_tce_table *table, uint64_t address,
				  iommu_paddr_t *paddr, unsigned int *prot);

/*
 * iommu_tce_table_exchange - replace one entry, mapped or not, in a table that was taken; prot 0
 * clears it. *old_paddr and *old_prot receive what was there. For owners who do their own
 * bookkeeping. The change is seen, and what was there forgotten, after iommu_tce_table_flush, which
 * covers any number of exchanges. Errors as iommu_tce_table_map and iommu_tce_table_get: with
 * IOMMU_ETIMEDOUT / IOMMU_EIO the entry is what it was or what it was to be, which
 * iommu_tce_table_get tells; IOMMU_EPERM: not taken. A flush that fails has confirmed nothing: the
 * next one that returns 0 has confirmed all.
 */
IOMMU_API int iommu_tce_table_exchange(struct iommu_tce_table *table, uint64_t address,
				       iommu_paddr_t paddr, unsigned int prot,
				       iommu_paddr_t *old_paddr, unsigned int *old_prot);
IOMMU_API int iommu_tce_table_flush(struct iommu_tce_table *table);

/*
 * iommu_tce_table_take - an owner gets the whole window, cleared; nothing is handed out until it is
 * given back. Returns 0, IOMMU_EBUSY (something is mapped, kept back, or it is taken already), or
 * the error of clearing it.
 *
 * iommu_tce_table_give_back - everything is cleared again. Returns 0, IOMMU_EINVAL (not taken), or
 * the error of clearing, IOMMU_ETIMEDOUT, IOMMU_EIO or IOMMU_ENOMEM: it stays taken.
 */
IOMMU_API int iommu_tce_table_take(struct iommu_tce_table *table);
IOMMU_API int iommu_tce_table_give_back(struct iommu_tce_table *table);

/*
 * iommu_tce_table_set_user, iommu_tce_table_get_user - a word of the owner's own for the entry of a
 * bus address, such as where its user has the memory; of a table made with
 * IOMMU_TCE_TABLE_USER_WORDS. 0 at first; exchanges leave it alone; giving the table back clears
 * all. Memory is taken for those that are set.
 *
 * Returns 0, IOMMU_EOPNOTSUPP (made without), IOMMU_EPERM (not taken), IOMMU_ERANGE, or, of the
 * first, IOMMU_ENOMEM. Any context; any CPU, for different entries.
 */
IOMMU_API int iommu_tce_table_set_user(struct iommu_tce_table *table, uint64_t address,
				       uint64_t word);
IOMMU_API int iommu_tce_table_get_user(struct iommu_tce_table *table, uint64_t address,
				       uint64_t *word);

struct iommu_tce_table_stats {
	uint64_t entries;  /* of the window */
	uint64_t taken;    /* handed out now, reserved and kept-back ones included */
	uint64_t reserved; /* never handed out */
	uint64_t lost;     /* kept back because something was not confirmed */
	unsigned int pools;
};
IOMMU_API void iommu_tce_table_get_stats(struct iommu_tce_table *table,
					 struct iommu_tce_table_stats *stats);

/*
 * iommu_tce_table_destroy - clear what is mapped, and free. Returns 0, or the error of clearing it,
 * IOMMU_ETIMEDOUT / IOMMU_EIO, or IOMMU_ENOMEM: the table stays.
 */
IOMMU_API int iommu_tce_table_destroy(struct iommu_tce_table *table);

/* --- Tables in memory ------------------------------------------------------------------------- */

/*
 * How a host bridge is told to forget entries: those of some pages of the window, or all of the
 * partitionable endpoint's. `pages` may do more than it is asked to, or be left out (NULL); `all`
 * not. Each returns 0 when the bridge has confirmed, or an error. Any context in which the table is
 * used.
 */
struct iommu_tce_kill {
	void *ctx;
	int (*pages)(void *ctx, uint64_t address, unsigned int page_shift, uint64_t pages);
	int (*all)(void *ctx);
};

/*
 * What all windows of one bridge share that are told through its register: all zero at first, then
 * the library's.
 */
struct iommu_tce_register_state {
	uint32_t words[3];
};

/*
 * POWER8's bridges are told through a register: iommu_tce_register_kill_pages and _pe for the two
 * fields above, with one of these as their context, which stays as long as the window does.
 *
 * The bridge is waited for before it is told and until it has forgotten, for a second at most. Both
 * return 0, or IOMMU_ETIMEDOUT: it is busy, and may remember anything. While it does not answer,
 * later calls look once and do not wait.
 */
struct iommu_tce_register {
	const struct iommu_platform *platform; /* for its mmio functions, and its clock */
	volatile void *registers;              /* of the bridge, from its first on */
	uint32_t pe;                           /* 0 to 255 */
	/* NULL: this is the only window, and it is used by one CPU at a time. */
	struct iommu_tce_register_state *state;
	/*
	 * The register keeps what was written, and never shows that the bridge has done it: QEMU's
	 * POWER8 machines. A read after the write, which no longer passes it, is the confirmation
	 * then.
	 */
	bool is_silent;
};
IOMMU_API int iommu_tce_register_kill_pages(void *ctx, uint64_t address, unsigned int page_shift,
					    uint64_t pages);
IOMMU_API int iommu_tce_register_kill_pe(void *ctx);

struct iommu_tce_memory_config {
	struct iommu_tce_table_config table;
	unsigned int levels;      /* 1 to 5 */
	unsigned int table_order; /* each table takes 2^order pages of 4 KiB: 0 to 4 */
	unsigned int output_bits; /* width of a physical address */
	bool eager;               /* all tables from the start: map never allocates */
	struct iommu_tce_kill kill;
};

/*
 * iommu_tce_memory_create - a window whose entries are in memory. Returns 0, IOMMU_EINVAL (see
 * above; or the levels and tables do not hold the window), or IOMMU_ENOMEM.
 * iommu_tce_memory_root - the physical address of the first table, for the bridge; levels and table
 * size are those of the configuration.
 */
IOMMU_API int iommu_tce_memory_create(const struct iommu_tce_memory_config *config,
				      struct iommu_tce_table **table);
IOMMU_API iommu_paddr_t iommu_tce_memory_root(const struct iommu_tce_table *table);

/* --- Tables in a hypervisor ------------------------------------------------------------------- */

/* PAPR hypervisor calls for entries, and what they return. */
#define IOMMU_H_GET_TCE          0x1c
#define IOMMU_H_PUT_TCE          0x20
#define IOMMU_H_STUFF_TCE        0x138
#define IOMMU_H_PUT_TCE_INDIRECT 0x13c

struct iommu_tce_papr_config {
	struct iommu_tce_table_config table;
	uint32_t liobn; /* the hypervisor's number of the window */
	/* It has IOMMU_H_PUT_TCE_INDIRECT and IOMMU_H_STUFF_TCE. */
	bool has_multiple;
	/*
	 * One call: `result` receives what it returns besides its status. Any context in which the
	 * table is used.
	 */
	int64_t (*call)(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			uint64_t third, uint64_t fourth, uint64_t *result);
	void *ctx;
};

/*
 * iommu_tce_papr_create - IOMMU_EINVAL, IOMMU_ENOMEM; IOMMU_EIO, IOMMU_ETIMEDOUT: the hypervisor
 * knows no such window, or does not clear it: its entries may lead somewhere.
 */
IOMMU_API int iommu_tce_papr_create(const struct iommu_tce_papr_config *config,
				    struct iommu_tce_table **table);

IOMMU_END_DECLS
#endif
