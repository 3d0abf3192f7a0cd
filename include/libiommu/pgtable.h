/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Radix page tables: one set of operations, with one table of functions for each hardware format.
 *
 * A `struct iommu_pgtable` is the table of one address space. Domains use it through their back
 * end; a host that only needs page tables can use it alone.
 *
 * Ownership instead of locks. A caller owns the IOVA range that it maps or unmaps, as it owns
 * memory: calls may run concurrently on any CPUs as long as their ranges are disjoint, without any
 * lock. Tables that two ranges share are installed with one compare-and-swap. `init` and `destroy`
 * need exclusive use of the table. map, unmap, iova_to_phys and walk may be called from interrupt
 * context: map allocates with IOMMU_ALLOC_ATOMIC, unless its prot has IOMMU_PROT_MAY_SLEEP, and so
 * does unmap when it splits a page. All others may sleep.
 *
 * Addresses that are read from an entry are masked to the unit's address width; addresses that are
 * written are not: one that does not fit is refused. With IOMMU_PGTABLE_NONCOHERENT each change is
 * flushed from the CPU caches, contents before the entry that publishes them.
 */
#ifndef LIBIOMMU_PGTABLE_H
#define LIBIOMMU_PGTABLE_H

#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* --- Page sizes ------------------------------------------------------------------------------- */

/* Choice of page sizes. */

/*
 * iommu_pgsize - the largest page that can map the start of a range, and the number of such pages
 * in a row.
 *
 * @pgsize_bitmap: the available page sizes: bit n set means pages of 2^n bytes.
 * @iova, @paddr:  start of the range, in bytes.
 * @size:          length of the range in bytes.
 * @pgsize:        receives the page size in bytes.
 * @count:         receives the number of pages of that size to use before calling again: up to the
 *                 end of the range, or to the point where both addresses reach the alignment of a
 *                 larger page together and enough of the range is left for it.
 *
 * Mapping *count pages of *pgsize bytes, advancing by them and calling again covers a range with
 * the fewest pages that alignment permits. Only [iova, iova + size) is considered: the addresses
 * may end at the very top of the 64-bit space.
 *
 * Returns 0, or with both outputs untouched
 *   IOMMU_EINVAL     @pgsize_bitmap is 0; @size is smaller than its smallest page; or @iova or
 *                    @paddr is not aligned to the smallest page
 *   IOMMU_EOVERFLOW  @iova or @paddr plus @size - 1 wraps around the 64-bit space
 * Pure function: no locks, any context.
 */
IOMMU_API int iommu_pgsize(uint64_t pgsize_bitmap, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, uint64_t *pgsize, uint64_t *count);

/* --- The gather ------------------------------------------------------------------------------- */

/*
 * The gather: entries that were cleared from a page table and have not yet been invalidated.
 *
 * An unmap clears entries and unlinks tables; hardware may continue to use what it has cached of
 * them until an invalidation is confirmed. A gather collects the range that the invalidation must
 * cover, and holds the unlinked table pages until then. The rule on which everything else depends:
 *
 *     no page of the gather's list, no IOVA of its range and no memory that was mapped there
 *     is reused before hardware has confirmed the invalidation that covers the gather.
 *
 * A gather is on the caller's stack or in a queue; it belongs to one page table and one thread at a
 * time, and takes no locks. It is complete when the table's `free_gathered` was called after the
 * invalidation.
 */

struct iommu_gather {
	/* The smallest range that contains everything that was cleared; empty if start > last. */
	iommu_iova_t start;
	iommu_iova_t last;
	/*
	 * The smallest leaf that may have been cleared, in bytes; 0 while empty. Of a run of
	 * entries (64K of RISC-V, Arm's Contiguous bit, AMD's coded sizes) one of its pages:
	 * hardware may have kept each of them.
	 */
	uint64_t pgsize;
	/*
	 * A table was unlinked: paging-structure caches must be invalidated as well as leaf
	 * translations.
	 */
	bool tables_unlinked;
	/*
	 * The unlinked subtrees, linked through their first entry. Hardware may still walk them:
	 * the link is encoded so that the entry reads as not present. Only the page table
	 * interprets it.
	 */
	uint64_t freed;
};

/* iommu_gather_init - make a gather that is empty. Context: any; takes no lock. */
static inline void iommu_gather_init(struct iommu_gather *gather)
{
	gather->start = UINT64_MAX;
	gather->last = 0;
	gather->pgsize = 0;
	gather->tables_unlinked = false;
	gather->freed = 0;
}

/* iommu_gather_is_empty - whether there is nothing to invalidate. Context: any; takes no lock. */
static inline bool iommu_gather_is_empty(const struct iommu_gather *gather)
{
	return gather->start > gather->last;
}

/*
 * iommu_gather_add - add the inclusive range [start, last], cleared in leaves of pgsize bytes or
 * larger. Context: any; takes no lock.
 */
static inline void iommu_gather_add(struct iommu_gather *gather, iommu_iova_t start,
				    iommu_iova_t last, uint64_t pgsize)
{
	if (start < gather->start)
		gather->start = start;
	if (last > gather->last)
		gather->last = last;
	if (gather->pgsize == 0 || pgsize < gather->pgsize)
		gather->pgsize = pgsize;
}

/* --- Dirty bitmaps ---------------------------------------------------------------------------- */

/* Dirty tracking: which pages devices have written. */

enum iommu_dirty_flags {
	/* The pages remain marked dirty in the tables. */
	IOMMU_DIRTY_KEEP = 1 << 0,
};

/* A bit for each 2^page_shift bytes from `start` on. */
struct iommu_dirty_bitmap {
	uint64_t *words;
	iommu_iova_t start;      /* address of bit 0: a multiple of the page size */
	uint64_t bits;           /* capacity in bits */
	unsigned int page_shift; /* 12 to 63 */
};

/* --- Page tables ------------------------------------------------------------------------------ */

enum iommu_pgtable_flags {
	/* Hardware does not snoop the CPU caches when it walks: flush every change. */
	IOMMU_PGTABLE_NONCOHERENT = 1 << 0,
	/*
	 * Leaves force snooping for the device's data accesses (VT-d SNP: needs snoop control; AMD
	 * FC).
	 */
	IOMMU_PGTABLE_FORCE_SNOOP = 1 << 1,
	/* All tables exist from the start: map never allocates (TCE). */
	IOMMU_PGTABLE_EAGER = 1 << 2,
	/*
	 * x86-64, first stage: execute-disable is enabled in hardware, so IOMMU_PROT_NO_EXEC can be
	 * obeyed.
	 */
	IOMMU_PGTABLE_NO_EXECUTE = 1 << 3,
	/*
	 * First stage: leaves are global: caches keep them when the address space changes.
	 */
	IOMMU_PGTABLE_GLOBAL = 1 << 4,
	/*
	 * First stage, AMD, and both stages of RISC-V: entries have accessed and dirty set from the
	 * start, so that hardware never writes them: for units that cannot, or if the bits are not
	 * needed. RISC-V hardware that cannot faults at entries without. Arm: the access flag
	 * alone; without it hardware has to set it (HA), or faults.
	 */
	IOMMU_PGTABLE_ACCESSED = 1 << 5,
	/*
	 * RISC-V: leaves have memory types (Svpbmt), so IOMMU_PROT_MMIO can be obeyed.
	 */
	IOMMU_PGTABLE_MEMORY_TYPES = 1 << 6,
	/*
	 * Arm, pages of 4K or 16K: descriptors for addresses of 52 bits (FEAT_LPA2, TCR.DS). All
	 * addresses may then have 52 bits, and there are larger blocks: 512G or 64G.
	 */
	IOMMU_PGTABLE_LPA2 = 1 << 7,
	/*
	 * Arm: what may be written begins as clean (DBM), and hardware notes writes (HD), which
	 * read_dirty finds. Hardware that does not faults at the first write.
	 */
	IOMMU_PGTABLE_DIRTY_TRACKING = 1 << 8,
	/*
	 * Arm: what hardware allows to be changed while it may be cached (FEAT_BBM; BBML of the
	 * SMMU): level 1, runs for single pages; level 2, the sizes of pages. <libiommu/aarch64.h>
	 * says what is refused without. Level 2 includes level 1.
	 */
	IOMMU_PGTABLE_BBM_LEVEL_1 = 1 << 9,
	IOMMU_PGTABLE_BBM_LEVEL_2 = 1 << 10,
};

struct iommu_pgtable_config {
	const struct iommu_platform *platform;
	/*
	 * Levels of table, including the one with the smallest leaves. VT-d second stage: 3 to 5;
	 * x86-64, VT-d first stage: 4 or 5. RISC-V: 3 to 5. TCE: 1 to 5. AMD: 1 to 6. Arm: 0, which
	 * leaves the choice to the format, or what input_bits take.
	 */
	unsigned int levels;
	/*
	 * Highest IOVA bit + 1, at most what the levels cover; the aperture is [0, 2^bits - 1].
	 * x86-64, VT-d first stage: of the lower half, at most 47 or 56; the upper half,
	 * [-2^bits, -1], has the same size.
	 */
	unsigned int input_bits;
	/*
	 * Width of a physical address that hardware accepts. Mapping beyond it is IOMMU_ERANGE. A
	 * page of the host beyond it is not used for a table: IOMMU_ENOMEM, and a line in the log.
	 */
	unsigned int output_bits;
	/*
	 * Page sizes that may be used, bit n = 2^n bytes; must include the format's smallest page.
	 * TCE: the one page size, 2^12 to 2^34. Arm: the smallest is the granule. AMD: any from 4K
	 * to 2^51; a size between 2M and 1G needs 2M, and so on, for it may become pages of that.
	 */
	uint64_t pgsize_bitmap;
	/*
	 * Each table has 2^order pages. TCE: up to IOMMU_MAX_ALLOC_ORDER. All others: 0; Arm's
	 * tables are as large as the granule.
	 */
	unsigned int table_order;
	/* Maximum number of table pages, including the root; 0: no limit. */
	uint64_t max_pages;
	/* NUMA node of the table pages, or IOMMU_NODE_ANY. */
	int node;
	/* enum iommu_pgtable_flags */
	unsigned int flags;
	/*
	 * Whether a block of the host may be used for a table; NULL: always. A block that is
	 * refused is freed, and counts as no memory. Called in the contexts of alloc_pages.
	 */
	bool (*accepts)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *accepts_ctx;
};

/* Fields are read-only except for the functions of the format. */
struct iommu_pgtable {
	const struct iommu_platform *platform;
	void *root;
	unsigned int levels;
	unsigned int table_order;
	unsigned int page_shift; /* of a format that chooses its smallest page */
	/* Those of the config; from bit 24 on what the format keeps there. */
	unsigned int flags;
	iommu_iova_t aperture_last;
	/* Address bits of an entry. */
	uint64_t address_mask;
	/* Last physical address that can be mapped. */
	iommu_paddr_t paddr_last;
	/* Bits of every leaf besides address and permissions. */
	uint64_t leaf_attributes;
	uint64_t pgsize_bitmap;
	uint64_t max_pages;
	/* Table pages in use, including unlinked ones in a gather. Changed atomically. */
	iommu_cell_t pages;
	int node;
	bool (*accepts)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *accepts_ctx;
	/* Pages of the host that could not be used for tables: atomic. */
	uint32_t refused_pages;
	/* See iommu_pgtable_ops.fill: the page, and a table for each level below the root's. */
	void *fill[6];
};

enum iommu_unmap_flags {
	/*
	 * If an end of the range lies inside a large page, replace that page by smaller ones first.
	 * Without the flag this is IOMMU_EINVAL. Splitting allocates tables.
	 */
	IOMMU_UNMAP_SPLIT = 1 << 0,
};

/* One entry, as `walk` reports it. */
struct iommu_pgtable_visit {
	iommu_iova_t iova;   /* first address that the entry covers */
	uint64_t size;       /* bytes that the entry covers */
	unsigned int level;  /* 1: lowest table; `levels`: root */
	bool is_table;       /* points to a table of level - 1, not to memory */
	iommu_paddr_t paddr; /* of the memory, or of the table */
	unsigned int prot;   /* enum iommu_prot */
	uint64_t entry;      /* as hardware reads it, in the host's byte order */
};

/* Called for each present entry; a result other than 0 ends the walk, and is its result. */
typedef int (*iommu_pgtable_visitor)(void *ctx, const struct iommu_pgtable_visit *visit);

struct iommu_pgtable_ops {
	const char *name;

	/*
	 * init - initialise an empty table, and allocate the root.
	 *
	 * Returns 0, IOMMU_EINVAL (a field of config does not fit the format or the other fields;
	 * the platform is unusable: a line at IOMMU_LOG_REFUSAL names the reason), or IOMMU_ENOMEM.
	 * After a failure *pt needs no destroy. Context: may sleep; nothing else uses the table.
	 */
	int (*init)(struct iommu_pgtable *pt, const struct iommu_pgtable_config *config);

	/*
	 * destroy - free all table pages. Hardware must no longer use the table: it is detached,
	 * and the invalidation is confirmed. Mappings are dropped. Context: may sleep; nothing else
	 * uses the table.
	 */
	void (*destroy)(struct iommu_pgtable *pt);

	/*
	 * map - map [iova, iova + size) to [paddr, paddr + size) with prot.
	 *
	 * Uses the largest pages that alignment and the page-size bitmap allow. Nothing in the
	 * range may be mapped. An empty table in the place of a large page is replaced by the page
	 * and added to `gather`: map, too, may require an invalidation, and the caller checks the
	 * gather after success and after failure.
	 *
	 * @mapped: receives the number of bytes that had become visible to hardware when the call
	 *          ended: size on success. On failure those bytes were unmapped again, and the
	 *          gather covers them; a failure in the first subtree that needs a new table
	 *          reports 0, and hardware has seen nothing.
	 *
	 * After a failure translations are exactly as before. A table that was installed and that
	 * another range may share remains, empty: at most one for each level.
	 *
	 * Returns 0, or
	 *   IOMMU_EINVAL     size is 0; iova, paddr or size is not aligned to the smallest page;
	 *                    prot has neither READ nor WRITE, or an unknown bit
	 *   IOMMU_EOVERFLOW  iova or paddr plus size - 1 wraps
	 *   IOMMU_ERANGE     beyond the aperture, or beyond the physical address width
	 *   IOMMU_EEXIST     part of the range is mapped
	 *   IOMMU_ENOMEM     no memory for a table, or the limit of pages
	 *
	 * Context: any, at once for disjoint ranges; takes no lock; sleeps only with
	 * IOMMU_PROT_MAY_SLEEP.
	 */
	int (*map)(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
		   unsigned int prot, struct iommu_gather *gather, uint64_t *mapped);

	/*
	 * unmap - clear all mappings in [iova, iova + size); holes are skipped.
	 *
	 * What was cleared is added to `gather`; tables that lie completely in the range are
	 * unlinked without reading them. flags: enum iommu_unmap_flags.
	 *
	 * @unmapped: receives the number of bytes that were mapped. If it is NULL, unmapping 1 GiB
	 *            of small pages takes one store, since counting has to read every entry; the
	 *            whole range is then added to the gather, whatever was mapped there.
	 *
	 * Allocates only with IOMMU_UNMAP_SPLIT. Returns 0 (also if nothing was mapped), or with
	 * every translation unchanged
	 *   IOMMU_EINVAL     size is 0, misaligned, or an end lies inside a large page and SPLIT is
	 *                    not set
	 *   IOMMU_EOVERFLOW  iova + size - 1 wraps
	 *   IOMMU_ERANGE     beyond the aperture
	 *   IOMMU_ENOMEM     no memory for a table to split a page
	 *   IOMMU_EOPNOTSUPP the page cannot be split while hardware may have it (Arm)
	 *
	 * Context: any, at once for disjoint ranges; takes no lock, never sleeps.
	 */
	int (*unmap)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, unsigned int flags,
		     struct iommu_gather *gather, uint64_t *unmapped);

	/*
	 * map_page - map one page of the smallest size, where that is one store. unmap_page - unmap
	 * one page of the smallest size, where that is one store. NULL in a library without
	 * IOMMU_CONFIG_ONE_PAGE.
	 *
	 * Return true, or with nothing changed false: anything else is asked for, a table is
	 * missing, or the page is mapped already, or not mapped. The caller then calls map or
	 * unmap, whose arguments and rules these are; there is no gather, because map has cleared
	 * nothing, and unmap exactly this page. Context: any, at once for disjoint ranges; takes no
	 * lock; sleeps only with IOMMU_PROT_MAY_SLEEP.
	 */
	bool (*map_page)(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr,
			 uint64_t size, unsigned int prot);
	bool (*unmap_page)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size);

	/*
	 * map_pieces - map pieces one behind the other from iova on, as long as that is a store for
	 * each page. NULL in a library without IOMMU_CONFIG_ONE_PAGE.
	 *
	 * Returns how many pieces, from the first on, are mapped; *mapped: their bytes. The first
	 * of the others is left as map_page leaves a page, or because a larger page may begin with
	 * it; the caller goes on there with map. Context: any, at once for disjoint ranges; takes
	 * no lock; sleeps only with IOMMU_PROT_MAY_SLEEP.
	 */
	unsigned int (*map_pieces)(struct iommu_pgtable *pt, iommu_iova_t iova,
				   const struct iommu_map_piece *pieces, unsigned int count,
				   unsigned int prot, uint64_t *mapped);

	/*
	 * free_gathered - free the table pages of a gather and reset it. After the invalidation.
	 * Context: any; takes no lock, never sleeps.
	 */
	void (*free_gathered)(struct iommu_pgtable *pt, struct iommu_gather *gather);

	/*
	 * merge_gathered - move the contents of `from` into `into`, and reset `from`. For gathers
	 * whose invalidation was not confirmed and that wait for a later one. Context: any; takes
	 * no lock, never sleeps.
	 */
	void (*merge_gathered)(const struct iommu_pgtable *pt, struct iommu_gather *into,
			       struct iommu_gather *from);

	/*
	 * iova_to_phys - the physical address and the permissions of iova, byte exact. Either
	 * output may be NULL.
	 *
	 * Returns 0, IOMMU_ENOENT (not mapped) or IOMMU_ERANGE (beyond the aperture). Context: any,
	 * at once for disjoint ranges; takes no lock, never sleeps.
	 */
	int (*iova_to_phys)(const struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t *paddr,
			    unsigned int *prot);

	/*
	 * walk - visit every present entry that covers part of [start, last] in ascending order,
	 * tables before their contents. Returns 0, the visitor's result if it is not 0,
	 * IOMMU_EINVAL (start > last), or IOMMU_ERANGE (start is beyond the aperture).
	 *
	 * Context: any, at once for disjoint ranges; takes no lock, never sleeps.
	 */
	int (*walk)(const struct iommu_pgtable *pt, iommu_iova_t start, iommu_iova_t last,
		    iommu_pgtable_visitor visitor, void *ctx);

	/*
	 * The functions below change the table as a whole: no map or unmap may run meanwhile,
	 * unless the three setters are given the present value.
	 *
	 * set_coherent - whether hardware snoops the CPU caches when it walks. A change to
	 * non-coherent flushes all tables. Context: may sleep; nothing else uses the table.
	 */
	void (*set_coherent)(struct iommu_pgtable *pt, bool coherent);

	/*
	 * set_pgsizes - set the page sizes to use from now on. Returns 0, IOMMU_EINVAL (the
	 * smallest is missing), or IOMMU_EBUSY: a page of a removed size is mapped; nothing has
	 * changed. Context: may sleep; nothing else uses the table.
	 */
	int (*set_pgsizes)(struct iommu_pgtable *pt, uint64_t pgsize_bitmap);

	/*
	 * set_aperture - set the last address that can be mapped. Returns 0, IOMMU_EINVAL (not the
	 * end of a page, or more than the levels cover), or IOMMU_EBUSY: something is mapped
	 * beyond; nothing has changed. Context: may sleep; nothing else uses the table.
	 */
	int (*set_aperture)(struct iommu_pgtable *pt, iommu_iova_t last);

	/*
	 * trim - remove the topmost level, for hardware that supports fewer levels. *top receives
	 * the former root: it still points to the new root, for hardware that uses it, and the
	 * caller frees it with free_top. Returns 0, IOMMU_EINVAL (the format's minimum),
	 * IOMMU_EBUSY (something is mapped beyond the first entry) or IOMMU_ENOMEM.
	 *
	 * Context: may sleep; nothing else uses the table.
	 */
	int (*trim)(struct iommu_pgtable *pt, void **top);

	/*
	 * extend - make a table of one more level, *top, whose first entry points to `below`: the
	 * root, or the result of trim or extend for the level below. The table itself is unchanged.
	 * Returns 0, IOMMU_EINVAL (first stage: a table with two halves has a fixed shape; the
	 * format has no more levels), or IOMMU_ENOMEM. free_top - free such a table when no
	 * hardware uses it; `level` is the number of levels that hardware sees from it on.
	 *
	 * Context: may sleep; nothing else uses the table.
	 */
	int (*extend)(struct iommu_pgtable *pt, const void *below, void **top);
	void (*free_top)(struct iommu_pgtable *pt, void *top, unsigned int level);

	/*
	 * read_dirty - set the bits of pages in [iova, iova + size) that devices have written, as
	 * hardware has marked them in the leaves, and mark the pages clean, unless flags has
	 * IOMMU_DIRTY_KEEP. Bits that are set remain set. Without a bitmap (NULL) the pages are
	 * only marked clean. These are added to the gather: hardware marks them again only after
	 * the invalidation. A large page that lies partly in the range remains marked.
	 *
	 * Returns 0, IOMMU_EINVAL, IOMMU_EOVERFLOW, IOMMU_ERANGE (range or bitmap: see
	 * iommu_domain_read_dirty) or IOMMU_EOPNOTSUPP (IOMMU_PGTABLE_ACCESSED; Arm: not
	 * IOMMU_PGTABLE_DIRTY_TRACKING). May run
	 * concurrently with map and unmap of other ranges. NULL: the format has no dirty bit.
	 *
	 * Context: may sleep; at once for disjoint ranges.
	 */
	int (*read_dirty)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size,
			  unsigned int flags, const struct iommu_dirty_bitmap *bitmap,
			  struct iommu_gather *gather);

	/*
	 * split - replace larger pages in [iova, iova + size) by pages of at most `pgsize`, one of
	 * the table's sizes, so that dirty tracking becomes finer. Translations are valid
	 * throughout. The pages are added to the gather: until the invalidation hardware may fail
	 * to mark a write if it had marked one before. A page that lies partly in the range is
	 * split as a whole.
	 *
	 * Returns 0, IOMMU_EINVAL, IOMMU_EOVERFLOW, IOMMU_ERANGE, or, where a part may have been
	 * split, IOMMU_ENOMEM or IOMMU_EOPNOTSUPP (as unmap). May run concurrently with map and
	 * unmap of other ranges. NULL: as read_dirty. Context: may sleep; at once for disjoint
	 * ranges.
	 */
	int (*split)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, uint64_t pgsize,
		     struct iommu_gather *gather);

	/*
	 * note_written - mark every leaf in [iova, iova + size) as written: for callers to whom
	 * hardware did not confirm the invalidation after read_dirty or split, so that writes may
	 * not have been marked. An invalid range is ignored. May run concurrently with map and
	 * unmap of other ranges. NULL: as read_dirty.
	 */
	void (*note_written)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size);

	/*
	 * clone - fill an empty table with a copy of the tables at physical address `root`, which
	 * have the same number of levels and were made by another kernel; they are not trusted.
	 * What the tables above a page do not allow, the copy does not. (AMD: a copy has the levels
	 * that an entry skips, and pages of the levels' own sizes.)
	 * Page and table addresses beyond the table's width, unsupported sizes and reserved bits
	 * are refused; set max_pages, because a table may refer to itself. is_memory tells whether
	 * a table page can be read; NULL: always.
	 *
	 * Returns 0, IOMMU_EEXIST (not empty), IOMMU_EINVAL, IOMMU_EFAULT (is_memory refused a
	 * page) or IOMMU_ENOMEM. After the last three the table is destroyed. Context: may sleep;
	 * nothing else uses the table.
	 */
	int (*clone)(struct iommu_pgtable *pt, iommu_paddr_t root,
		     bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size), void *ctx);

#if IOMMU_CONFIG_QUARANTINE
	/*
	 * fill - lead every address of the tables to which nothing is mapped to one page of zeros,
	 * for reads and writes. unfill - undo it.
	 *
	 * The page, and a table for each level, shared by all of its entries, are allocated with
	 * the first fill, and no mapping may lead to the page, as to no memory of the library's;
	 * they count as table pages, and are freed by destroy; another fill sets the
	 * page to zero again. Between the two only iova_to_phys, destroy and set_coherent may be
	 * called; set_pgsizes and set_aperture return IOMMU_EBUSY where they would take something
	 * away.
	 *
	 * Not in a library without IOMMU_CONFIG_QUARANTINE. fill returns 0, or with nothing changed
	 * IOMMU_ENOMEM, or IOMMU_EOPNOTSUPP: the smallest page is larger than a table.
	 */
	int (*fill)(struct iommu_pgtable *pt);
	void (*unfill)(struct iommu_pgtable *pt);
#endif
};

/*
 * The formats. The functions of a table are also exported one by one, as iommu_FORMAT_map and so
 * on, for callers that know the format and avoid the indirect call.
 */
#define IOMMU_PGTABLE_DECLARE(format)                                                              \
	IOMMU_API extern const struct iommu_pgtable_ops iommu_##format##_ops;                      \
	IOMMU_API int iommu_##format##_init(struct iommu_pgtable *pt,                              \
					    const struct iommu_pgtable_config *config);            \
	IOMMU_API void iommu_##format##_destroy(struct iommu_pgtable *pt);                         \
	IOMMU_API int iommu_##format##_map(struct iommu_pgtable *pt, iommu_iova_t iova,            \
					   iommu_paddr_t paddr, uint64_t size, unsigned int prot,  \
					   struct iommu_gather *gather, uint64_t *mapped);         \
	IOMMU_API int iommu_##format##_unmap(struct iommu_pgtable *pt, iommu_iova_t iova,          \
					     uint64_t size, unsigned int flags,                    \
					     struct iommu_gather *gather, uint64_t *unmapped);     \
	IOMMU_API bool iommu_##format##_map_page(struct iommu_pgtable *pt, iommu_iova_t iova,      \
						 iommu_paddr_t paddr, uint64_t size,               \
						 unsigned int prot);                               \
	IOMMU_API bool iommu_##format##_unmap_page(struct iommu_pgtable *pt, iommu_iova_t iova,    \
						   uint64_t size);                                 \
	IOMMU_API unsigned int iommu_##format##_map_pieces(                                        \
		struct iommu_pgtable *pt, iommu_iova_t iova, const struct iommu_map_piece *pieces, \
		unsigned int count, unsigned int prot, uint64_t *mapped);                          \
	IOMMU_API void iommu_##format##_free_gathered(struct iommu_pgtable *pt,                    \
						      struct iommu_gather *gather);                \
	IOMMU_API void iommu_##format##_merge_gathered(const struct iommu_pgtable *pt,             \
						       struct iommu_gather *into,                  \
						       struct iommu_gather *from);                 \
	IOMMU_API int iommu_##format##_iova_to_phys(const struct iommu_pgtable *pt,                \
						    iommu_iova_t iova, iommu_paddr_t *paddr,       \
						    unsigned int *prot);                           \
	IOMMU_API int iommu_##format##_walk(const struct iommu_pgtable *pt, iommu_iova_t start,    \
					    iommu_iova_t last, iommu_pgtable_visitor visitor,      \
					    void *ctx);                                            \
	IOMMU_API void iommu_##format##_set_coherent(struct iommu_pgtable *pt, bool coherent);     \
	IOMMU_API int iommu_##format##_set_pgsizes(struct iommu_pgtable *pt,                       \
						   uint64_t pgsize_bitmap);                        \
	IOMMU_API int iommu_##format##_set_aperture(struct iommu_pgtable *pt, iommu_iova_t last);  \
	IOMMU_API int iommu_##format##_trim(struct iommu_pgtable *pt, void **top);                 \
	IOMMU_API int iommu_##format##_extend(struct iommu_pgtable *pt, const void *below,         \
					      void **top);                                         \
	IOMMU_API void iommu_##format##_free_top(struct iommu_pgtable *pt, void *top,              \
						 unsigned int level);                              \
	IOMMU_API int iommu_##format##_clone(                                                      \
		struct iommu_pgtable *pt, iommu_paddr_t root,                                      \
		bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size), void *ctx)

#define IOMMU_PGTABLE_DECLARE_DIRTY(format)                                                        \
	IOMMU_API int iommu_##format##_read_dirty(                                                 \
		struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, unsigned int flags,    \
		const struct iommu_dirty_bitmap *bitmap, struct iommu_gather *gather);             \
	IOMMU_API int iommu_##format##_split(struct iommu_pgtable *pt, iommu_iova_t iova,          \
					     uint64_t size, uint64_t pgsize,                       \
					     struct iommu_gather *gather)

/*
 * Intel VT-d second stage: 3, 4 or 5 levels; pages of 4K, 2M, 1G. Functions: iommu_vtdss_init,
 * iommu_vtdss_map, iommu_vtdss_unmap, iommu_vtdss_iova_to_phys, iommu_vtdss_destroy and the others
 * above; those of other formats begin with iommu_x86_64_table_, iommu_riscvfs_, iommu_riscvss_,
 * iommu_vmsas1_, iommu_vmsas2_, iommu_amdv1_ and iommu_tce_.
 */
IOMMU_PGTABLE_DECLARE(vtdss);
IOMMU_PGTABLE_DECLARE_DIRTY(vtdss);

/*
 * x86-64 processors: 4 or 5 levels; pages of 4K, 2M, 1G. IOMMU_PROT_HINTS are obeyed as far as the
 * flags allow. Write permission implies read permission. A range lies in one half; set_aperture,
 * trim and extend are IOMMU_EINVAL. How a processor is given such a table: <libiommu/x86_64.h>.
 */
IOMMU_PGTABLE_DECLARE(x86_64_table);
IOMMU_PGTABLE_DECLARE_DIRTY(x86_64_table);

/* Intel VT-d first stage: the same tables, and so the same functions by the unit's name. */
#define iommu_vtdfs_ops            iommu_x86_64_table_ops
#define iommu_vtdfs_init           iommu_x86_64_table_init
#define iommu_vtdfs_destroy        iommu_x86_64_table_destroy
#define iommu_vtdfs_map            iommu_x86_64_table_map
#define iommu_vtdfs_unmap          iommu_x86_64_table_unmap
#define iommu_vtdfs_map_page       iommu_x86_64_table_map_page
#define iommu_vtdfs_unmap_page     iommu_x86_64_table_unmap_page
#define iommu_vtdfs_map_pieces     iommu_x86_64_table_map_pieces
#define iommu_vtdfs_free_gathered  iommu_x86_64_table_free_gathered
#define iommu_vtdfs_merge_gathered iommu_x86_64_table_merge_gathered
#define iommu_vtdfs_iova_to_phys   iommu_x86_64_table_iova_to_phys
#define iommu_vtdfs_walk           iommu_x86_64_table_walk
#define iommu_vtdfs_set_coherent   iommu_x86_64_table_set_coherent
#define iommu_vtdfs_set_pgsizes    iommu_x86_64_table_set_pgsizes
#define iommu_vtdfs_set_aperture   iommu_x86_64_table_set_aperture
#define iommu_vtdfs_trim           iommu_x86_64_table_trim
#define iommu_vtdfs_extend         iommu_x86_64_table_extend
#define iommu_vtdfs_free_top       iommu_x86_64_table_free_top
#define iommu_vtdfs_clone          iommu_x86_64_table_clone
#define iommu_vtdfs_read_dirty     iommu_x86_64_table_read_dirty
#define iommu_vtdfs_split          iommu_x86_64_table_split

/*
 * RISC-V: 3, 4 or 5 levels; pages of 4K, 64K, 2M, 1G, 512G, 256T. First stage (Sv39, Sv48, Sv57),
 * and second stage (Sv39x4, Sv48x4, Sv57x4), whose root has 16 KiB. Write permission implies read
 * permission. What a unit and a processor are given, and what is different: <libiommu/riscv64.h>.
 */
IOMMU_PGTABLE_DECLARE(riscvfs);
IOMMU_PGTABLE_DECLARE_DIRTY(riscvfs);
IOMMU_PGTABLE_DECLARE(riscvss);
IOMMU_PGTABLE_DECLARE_DIRTY(riscvss);

/*
 * Arm, VMSAv8-64: first stage and second stage, with pages of 4K, 16K or 64K, blocks, and runs of
 * entries with the Contiguous bit. What the SMMUv3 and a processor are given, how large the root
 * is, and what may be changed while hardware walks: <libiommu/aarch64.h>. trim and extend are
 * IOMMU_EINVAL.
 */
IOMMU_PGTABLE_DECLARE(vmsas1);
IOMMU_PGTABLE_DECLARE_DIRTY(vmsas1);
IOMMU_PGTABLE_DECLARE(vmsas2);
IOMMU_PGTABLE_DECLARE_DIRTY(vmsas2);

/*
 * AMD IOMMU, host tables (v1): 1 to 6 levels; pages of every power of two from 4K to 2^51 bytes,
 * those between the sizes of two levels as runs of entries. Some hardware has defects with pages of
 * 512G: leave the size out. read_dirty needs a unit with HDSup, and HAD 3 in the device table
 * entry. Guest tables (v2) are x86-64's: iommu_x86_64_table_init.
 */
IOMMU_PGTABLE_DECLARE(amdv1);
IOMMU_PGTABLE_DECLARE_DIRTY(amdv1);

/*
 * POWER translation control entries: 1 to 5 levels, one page size for a table. Entries are
 * big-endian on every host. (Linux and OPAL call tables of one level direct, others indirect.)
 */
IOMMU_PGTABLE_DECLARE(tce);

/*
 * iommu_pgtable_root - the physical address of the root table, which hardware is given. It changes
 * with trim. In the form in which hardware takes it:
 *
 *   processors          CR3: iommu_x86_64_table_cr3 of <libiommu/x86_64.h>
 *   RISC-V              iommu_riscvfs_iosatp, iommu_riscvss_iohgatp and others of
 *                       <libiommu/riscv64.h>
 *   Arm                 iommu_vmsas1_ttbr, iommu_vmsas2_vtcr and others of <libiommu/aarch64.h>
 *   AMD                 device table entry: Mode pt->levels, Host Page Table Root Pointer
 *                       (<libiommu/hw/amdvi_device_table.h>)
 *   VT-d first stage    PASID entry: vtd_pasid_word2(pt->levels, root, ...)
 *   VT-d second stage   PASID entry: vtd_pasid_word0(type, pt->levels, root); context entry:
 *                       vtd_context_low(root, type) and vtd_context_high(pt->levels, id)
 *   POWER               window: tve_table(root, pt->levels, IOMMU_PAGE_SHIFT + pt->table_order,
 *                       pt->page_shift)
 *
 * (<libiommu/hw/vtd_scalable.h>, <libiommu/hw/vtd_context.h>, <libiommu/hw/tve.h>). Of an
 * initialised table; any context.
 */
static inline iommu_paddr_t iommu_pgtable_root(const struct iommu_pgtable *pt)
{
	return iommu_virt_to_phys(pt->platform, pt->root);
}

IOMMU_END_DECLS
#endif
