/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Radix page tables: one set of operations, one table of them per hardware format.
 *
 * A `struct iommu_pgtable` is the table of one address space. Domains use it through their back
 * end; it also works alone, for a host that only wants tables built.
 *
 * Ownership instead of locks. A caller owns the IOVA range that it maps or unmaps, as it owns
 * memory: two calls may run at once on any CPUs as long as their ranges are disjoint, with no lock
 * held anywhere. Tables that two ranges share are installed with one compare-and-swap. `init` and
 * `destroy` need the table to themselves. map, unmap, iova_to_phys and walk may be called from
 * interrupt context: map allocates with IOMMU_ALLOC_ATOMIC, unless its prot has
 * IOMMU_PROT_MAY_SLEEP, and so does unmap when it splits a page. All others may sleep.
 *
 * What is read from an entry is masked to the unit's address width; what is written there never is:
 * an address that does not fit is refused. With IOMMU_PGTABLE_NONCOHERENT each change is flushed
 * from the CPU caches, contents before the entry that publishes them.
 */
#ifndef LIBIOMMU_PGTABLE_H
#define LIBIOMMU_PGTABLE_H

#include <libiommu/platform.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* --- Page sizes ------------------------------------------------------------------------------- */

/* Which page size serves a piece of a mapping best. */

/*
 * iommu_pgsize - the largest page that can map the start of a range, and how many of it in a row.
 *
 * @pgsize_bitmap: the page sizes on offer: bit n set means pages of 2^n bytes.
 * @iova, @paddr:  where the range starts, in bytes.
 * @size:          its length in bytes.
 * @pgsize:        receives the page size in bytes.
 * @count:         receives how many pages of that size to use before asking again: until the range
 *                 ends, or until a larger page would serve because both addresses reach the larger
 *                 page's alignment together and enough of the range is left.
 *
 * Mapping *count pages of *pgsize bytes, advancing by them and asking again covers a range with the
 * fewest pages that alignment permits. Only the part [iova, iova + size) that the caller vouches
 * for is considered: the addresses may end at the very top of the 64-bit space.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     @pgsize_bitmap is 0; @size is smaller than its smallest page; or @iova or
 *                    @paddr is not aligned to the smallest page
 *   IOMMU_EOVERFLOW  @iova or @paddr plus @size - 1 wraps around the 64-bit space
 * with both outputs untouched. Pure function: no locks, any context.
 */
IOMMU_API int iommu_pgsize(uint64_t pgsize_bitmap, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, uint64_t *pgsize, uint64_t *count);

/* --- The gather ------------------------------------------------------------------------------- */

/*
 * The gather: what was cleared from a page table and still has to be invalidated.
 *
 * Unmapping clears entries and unlinks tables; hardware may go on using what it cached of them
 * until an invalidation is confirmed. A gather collects what that invalidation must cover, and
 * holds the unlinked table pages until then. The rule that everything else rests on:
 *
 *     no page of the gather's list, no IOVA of its range and no memory that was mapped there
 *     is reused before hardware confirmed the invalidation that covers the gather.
 *
 * A gather lives on the caller's stack or in a queue; it belongs to one page table and one thread
 * at a time, and takes no locks. It is complete when the table's `free_gathered` was called after
 * the invalidation.
 */

struct iommu_gather {
	/* The smallest range that holds all that was cleared; empty while start > last. */
	iommu_iova_t start;
	iommu_iova_t last;
	/* The smallest leaf that may have been cleared, in bytes; 0 while empty. */
	uint64_t pgsize;
	/* A table went away too: paging-structure caches must go, not only leaf translations. */
	bool tables_unlinked;
	/*
	 * The unlinked subtrees, linked through their first entry. Hardware may still walk them:
	 * the link is written so that the entry reads as not present. Only the page table
	 * understands it.
	 */
	uint64_t freed;
};

static inline void iommu_gather_init(struct iommu_gather *gather)
{
	gather->start = UINT64_MAX;
	gather->last = 0;
	gather->pgsize = 0;
	gather->tables_unlinked = false;
	gather->freed = 0;
}

/* Is there anything to invalidate? */
static inline bool iommu_gather_is_empty(const struct iommu_gather *gather)
{
	return gather->start > gather->last;
}

/* Add the inclusive range [start, last], cleared in leaves of pgsize bytes or larger. */
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

/* Where it is noted what devices have written. */

enum iommu_dirty_flags {
	/* It is read, and stays noted in the tables. */
	IOMMU_DIRTY_KEEP = 1 << 0,
};

/* A bit for each 2^page_shift bytes from `start` on. */
struct iommu_dirty_bitmap {
	uint64_t *words;
	iommu_iova_t start;      /* of bit 0: a multiple of that size */
	uint64_t bits;           /* room */
	unsigned int page_shift; /* 12 to 63 */
};

/* --- Page tables ------------------------------------------------------------------------------ */

enum iommu_pgtable_flags {
	/* Hardware does not snoop the CPU caches when it walks: flush every change. */
	IOMMU_PGTABLE_NONCOHERENT = 1 << 0,
	/* Leaves force snooping for the device's data accesses (VT-d SNP; needs snoop control). */
	IOMMU_PGTABLE_FORCE_SNOOP = 1 << 1,
	/* All tables are there from the start: map never allocates (TCE). */
	IOMMU_PGTABLE_EAGER = 1 << 2,
	/*
	 * x86-64, first stage: execute-disable is on in hardware, so that IOMMU_PROT_NO_EXEC can be
	 * obeyed.
	 */
	IOMMU_PGTABLE_NO_EXECUTE = 1 << 3,
	/*
	 * x86-64, first stage: leaves are global: they outlive a change of address space in caches.
	 */
	IOMMU_PGTABLE_GLOBAL = 1 << 4,
	/*
	 * x86-64, first stage: entries come with accessed and dirty set, so that hardware never
	 * writes them: for units that cannot, or tables whose bits are of no interest.
	 */
	IOMMU_PGTABLE_ACCESSED = 1 << 5,
};

struct iommu_pgtable_config {
	const struct iommu_platform *platform;
	/*
	 * Levels of table, counting the one with the smallest leaves. VT-d second stage: 3 to 5;
	 * x86-64, VT-d first stage: 4 or 5. TCE: 1 to 5.
	 */
	unsigned int levels;
	/*
	 * Highest IOVA bit + 1. At most what the levels hold; the aperture is [0, 2^bits - 1].
	 * x86-64, VT-d first stage: of the lower half, at most 47 or 56; the upper half,
	 * [-2^bits, -1], is as large.
	 */
	unsigned int input_bits;
	/*
	 * Width of a physical address that hardware accepts; mapping beyond it is IOMMU_ERANGE, and
	 * a page of the host's beyond it is not made a table: IOMMU_ENOMEM, and a line in the log.
	 */
	unsigned int output_bits;
	/*
	 * Page sizes that may be used, bit n = 2^n bytes. Must hold the format's smallest page.
	 * TCE: the one page size, 2^12 to 2^34.
	 */
	uint64_t pgsize_bitmap;
	/* Each table takes 2^order pages. VT-d: 0; TCE: up to IOMMU_MAX_ALLOC_ORDER. */
	unsigned int table_order;
	/* The most pages that tables may take, the root included; 0: no bound. */
	uint64_t max_pages;
	/* NUMA node of the table pages, or IOMMU_NODE_ANY. */
	int node;
	/* enum iommu_pgtable_flags */
	unsigned int flags;
	/*
	 * May these bytes of the host's be a table? NULL: always. What may not is given back, and
	 * counts as no memory. Called as alloc_pages is, beside itself.
	 */
	bool (*accepts)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *accepts_ctx;
};

/* Fields are read-only for all but the format's own functions. */
struct iommu_pgtable {
	const struct iommu_platform *platform;
	void *root;
	unsigned int levels;
	unsigned int table_order;
	unsigned int page_shift; /* of a format that has one page size, which is chosen */
	unsigned int flags;
	iommu_iova_t aperture_last;
	/* Bits of an entry that are an address. */
	uint64_t address_mask;
	/* The last physical address that can be mapped. */
	iommu_paddr_t paddr_last;
	/* Bits that every leaf carries besides address and permissions. */
	uint64_t leaf_attributes;
	uint64_t pgsize_bitmap;
	uint64_t max_pages;
	/* Table pages held, unlinked ones that wait in a gather included. Changed atomically. */
	iommu_cell_t pages;
	int node;
	bool (*accepts)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *accepts_ctx;
	/* Pages of the host's that could not be tables, and were not used: atomic. */
	uint32_t refused_pages;
};

enum iommu_unmap_flags {
	/*
	 * Where an end of the range cuts a large page, replace that page by smaller ones first.
	 * Without it a cut is IOMMU_EINVAL. Splitting allocates tables.
	 */
	IOMMU_UNMAP_SPLIT = 1 << 0,
};

/* One entry, as `walk` shows it. */
struct iommu_pgtable_visit {
	iommu_iova_t iova;   /* the first address that the entry covers */
	uint64_t size;       /* bytes that it covers */
	unsigned int level;  /* 1 = the lowest table; `levels` = the root */
	bool is_table;       /* it points to a table of level - 1, not to memory */
	iommu_paddr_t paddr; /* of the memory, or of the table */
	unsigned int prot;   /* enum iommu_prot */
	uint64_t entry;      /* as hardware reads it, in the host's byte order */
};

/* Called for each present entry; anything but 0 ends the walk, which returns it. */
typedef int (*iommu_pgtable_visitor)(void *ctx, const struct iommu_pgtable_visit *visit);

struct iommu_pgtable_ops {
	const char *name;

	/*
	 * init - an empty table: allocates the root.
	 *
	 * Returns 0, IOMMU_EINVAL (a field of config does not fit the format or the other fields;
	 * the platform is unusable: a line at IOMMU_LOG_REFUSAL says which), or IOMMU_ENOMEM. On
	 * failure *pt needs no destroy.
	 */
	int (*init)(struct iommu_pgtable *pt, const struct iommu_pgtable_config *config);

	/*
	 * destroy - free every table page. Hardware must not walk the table any more: detached, and
	 * the invalidation confirmed. What is still mapped is forgotten.
	 */
	void (*destroy)(struct iommu_pgtable *pt);

	/*
	 * map - make [iova, iova + size) translate to [paddr, paddr + size) with prot.
	 *
	 * Uses the largest pages that alignment and the page-size bitmap allow. Nothing in the
	 * range may be mapped. An empty table in the way of a large page is replaced by the page
	 * and goes to `gather`: map, too, may owe an invalidation, and the caller looks at the
	 * gather after success and after failure.
	 *
	 * *mapped receives how many bytes had become visible when the call ended: size on success.
	 * On failure those bytes were unmapped again and the gather covers them; a failure in the
	 * first subtree that needs a new table reports 0 and hardware has seen nothing.
	 * Translations are exactly as before. A table that was installed on the way and that
	 * another range may share stays, empty: at most one per level.
	 *
	 * Returns 0, or
	 *   IOMMU_EINVAL     size is 0; iova, paddr or size is not aligned to the smallest page;
	 *                    prot has neither READ nor WRITE, or an unknown bit
	 *   IOMMU_EOVERFLOW  iova or paddr plus size - 1 wraps
	 *   IOMMU_ERANGE     beyond the aperture, or beyond the physical address width
	 *   IOMMU_EEXIST     part of the range is mapped already
	 *   IOMMU_ENOMEM     no table page, or the page budget is used up
	 */
	int (*map)(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
		   unsigned int prot, struct iommu_gather *gather, uint64_t *mapped);

	/*
	 * unmap - clear all that is mapped in [iova, iova + size); holes are skipped.
	 *
	 * What was cleared is added to `gather`; tables whose whole span lies in the range are
	 * unlinked onto it without being looked at. flags: enum iommu_unmap_flags.
	 *
	 * *unmapped receives how many bytes were mapped. It may be NULL, and then dropping 1 GiB
	 * of small pages costs one store: counting means reading every entry. Not counted, all of
	 * the range goes to the gather, whatever was mapped there.
	 *
	 * Never allocates without IOMMU_UNMAP_SPLIT. Returns 0 (also when nothing was mapped), or
	 *   IOMMU_EINVAL     size is 0, misaligned, or cuts a large page and SPLIT is not set
	 *   IOMMU_EOVERFLOW  iova + size - 1 wraps
	 *   IOMMU_ERANGE     beyond the aperture
	 *   IOMMU_ENOMEM     splitting needs a table and there is none
	 * with every translation as it was.
	 */
	int (*unmap)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, unsigned int flags,
		     struct iommu_gather *gather, uint64_t *unmapped);

	/* free_gathered - free the gather's table pages and reset it. After the invalidation. */
	void (*free_gathered)(struct iommu_pgtable *pt, struct iommu_gather *gather);

	/*
	 * merge_gathered - move all that `from` holds into `into`, and reset `from`. For gathers
	 * whose invalidation was not confirmed and that wait for a later one.
	 */
	void (*merge_gathered)(const struct iommu_pgtable *pt, struct iommu_gather *into,
			       struct iommu_gather *from);

	/*
	 * iova_to_phys - where iova leads, byte exact, and with which permissions.
	 *
	 * Returns 0, IOMMU_ENOENT (not mapped) or IOMMU_ERANGE (beyond the aperture). Either output
	 * may be NULL.
	 */
	int (*iova_to_phys)(const struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t *paddr,
			    unsigned int *prot);

	/*
	 * walk - visit every present entry that covers part of [start, last], tables before what
	 * they hold, in ascending order. Returns 0, the visitor's non-zero value, or
	 * IOMMU_EINVAL (start > last), IOMMU_ERANGE (start is beyond the aperture).
	 */
	int (*walk)(const struct iommu_pgtable *pt, iommu_iova_t start, iommu_iova_t last,
		    iommu_pgtable_visitor visitor, void *ctx);

	/*
	 * The functions below change the table as a whole: no map or unmap may run meanwhile,
	 * except when the three setters are given what holds already.
	 *
	 * set_coherent - whether hardware snoops the CPU caches when it walks. On the way to not
	 * coherent all tables are flushed.
	 */
	void (*set_coherent)(struct iommu_pgtable *pt, bool coherent);

	/*
	 * set_pgsizes - the page sizes to use from now on. Returns 0, IOMMU_EINVAL (the smallest is
	 * missing), or IOMMU_EBUSY: a page of a size that is to go is mapped; nothing changed.
	 */
	int (*set_pgsizes)(struct iommu_pgtable *pt, uint64_t pgsize_bitmap);

	/*
	 * set_aperture - make `last` the last address that can be mapped. Returns 0, IOMMU_EINVAL
	 * (no end of a page, or more than the levels hold), or IOMMU_EBUSY: something is mapped
	 * beyond; nothing changed.
	 */
	int (*set_aperture)(struct iommu_pgtable *pt, iommu_iova_t last);

	/*
	 * trim - make the table one level shallower, for hardware that knows no deeper one. What
	 * was the root becomes *top: it goes on leading to the new root, for hardware that uses it,
	 * and is the caller's to free with free_top. Returns 0, IOMMU_EINVAL (as shallow as the
	 * format has it), IOMMU_EBUSY (something is mapped beyond the first entry) or IOMMU_ENOMEM.
	 */
	int (*trim)(struct iommu_pgtable *pt, void **top);

	/*
	 * extend - a table of one level more, *top, whose first entry leads to `below`: the root,
	 * or the result of trim or extend for the level below. The table itself stays as it is.
	 * Returns 0, IOMMU_EINVAL (first stage: two halves do not change their shape), or
	 * IOMMU_ENOMEM. free_top - free it, once no hardware uses it; `level` is its own: how many
	 * levels hardware sees that starts there.
	 */
	int (*extend)(struct iommu_pgtable *pt, const void *below, void **top);
	void (*free_top)(struct iommu_pgtable *pt, void *top, unsigned int level);

	/*
	 * read_dirty - mark what devices have written of [iova, iova + size) in a bitmap, as
	 * hardware has noted it in the leaves, and clear it there, unless flags has
	 * IOMMU_DIRTY_KEEP. Bits that are set stay set. Without a bitmap (NULL) it is only
	 * forgotten. What was cleared goes on the gather: hardware notes it again only after that
	 * is invalidated. A large page of which only a part is asked for stays noted as a whole.
	 *
	 * Returns 0, IOMMU_EINVAL, IOMMU_EOVERFLOW, IOMMU_ERANGE (range or bitmap: see
	 * iommu_domain_read_dirty) or IOMMU_EOPNOTSUPP (IOMMU_PGTABLE_ACCESSED). Beside map and
	 * unmap of other ranges, on any CPU. NULL: the format has no such bit.
	 */
	int (*read_dirty)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size,
			  unsigned int flags, const struct iommu_dirty_bitmap *bitmap,
			  struct iommu_gather *gather);

	/*
	 * split - replace what is mapped by larger pages in [iova, iova + size) by pages of at most
	 * `pgsize`, one of the table's sizes, so that writes are noted in that grain. Translations
	 * stay as they are, at every moment. What was split goes on the gather: until that is
	 * invalidated hardware may note a write nowhere, if it had noted one before. A page of
	 * which only a part lies in the range is split whole.
	 *
	 * Returns 0, IOMMU_EINVAL, IOMMU_EOVERFLOW, IOMMU_ERANGE, or IOMMU_ENOMEM: a part was
	 * split. Beside map and unmap of other ranges. NULL: as read_dirty.
	 */
	int (*split)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, uint64_t pgsize,
		     struct iommu_gather *gather);

	/*
	 * note_written - every leaf in [iova, iova + size) counts as written from now on: for who
	 * could not have hardware confirm what read_dirty or split left on the gather, so that it
	 * may have noted writes nowhere. Nothing for a range that is none. Beside map and unmap of
	 * other ranges. NULL: as read_dirty.
	 */
	void (*note_written)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size);

	/*
	 * clone - fill an empty table with a copy of the tables at physical address `root`, which
	 * have as many levels and were made by another kernel: nothing in them is trusted. Page and
	 * table addresses beyond the table's width, sizes that it does not use and bits that make
	 * no sense are refused; set max_pages, since a table may lead to itself. is_memory says
	 * whether a table page can be read there; NULL: it always can.
	 *
	 * Returns 0, IOMMU_EEXIST (not empty), IOMMU_EINVAL, IOMMU_EFAULT (is_memory said no) or
	 * IOMMU_ENOMEM. After the last three the table is destroyed.
	 */
	int (*clone)(struct iommu_pgtable *pt, iommu_paddr_t root,
		     bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size), void *ctx);
};

/*
 * The formats. The functions in a table are also exported one by one, as iommu_FORMAT_map and so
 * on, for callers that know the format and save the indirect call.
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

/* Intel VT-d second stage: 3, 4 or 5 levels; pages of 4K, 2M, 1G. */
IOMMU_PGTABLE_DECLARE(vtdss);
IOMMU_PGTABLE_DECLARE_DIRTY(vtdss);

/*
 * x86-64 processors: 4 or 5 levels; pages of 4K, 2M, 1G; IOMMU_PROT_HINTS are obeyed as far as the
 * flags let them. Writing implies reading. A range lies in one half; set_aperture, trim and extend
 * are IOMMU_EINVAL. How a processor is given such a table: <libiommu/x86_64.h>.
 */
IOMMU_PGTABLE_DECLARE(x86_64_table);
IOMMU_PGTABLE_DECLARE_DIRTY(x86_64_table);

/* Intel VT-d first stage: the same tables, and so the same functions by the unit's name. */
#define iommu_vtdfs_ops            iommu_x86_64_table_ops
#define iommu_vtdfs_init           iommu_x86_64_table_init
#define iommu_vtdfs_destroy        iommu_x86_64_table_destroy
#define iommu_vtdfs_map            iommu_x86_64_table_map
#define iommu_vtdfs_unmap          iommu_x86_64_table_unmap
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
 * POWER translation control entries: 1 to 5 levels, one page size for a table. Entries are
 * big-endian on every host. (Linux and OPAL call a table of one level direct, others indirect.)
 */
IOMMU_PGTABLE_DECLARE(tce);

/*
 * iommu_pgtable_root - the physical address of the root table, which hardware is given. It changes
 * with trim. In the form in which hardware takes it:
 *
 *   processors          CR3: iommu_x86_64_table_cr3 of <libiommu/x86_64.h>
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
