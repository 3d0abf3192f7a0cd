/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internals of the DMA mapping API.
 *
 * One spinlock guards withheld addresses, bounced buffers and doorbells; nothing is mapped or
 * invalidated under it. A buffer belongs to its caller: what is looked up under the lock remains
 * valid until the caller unmaps it.
 */
#ifndef IOMMU_DMA_INTERNAL_H
#define IOMMU_DMA_INTERNAL_H

#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "base/rbtree.h"
#include "base/spinlock.h"

#define DMA_WITHHELD_MAX 64
/* From here on nothing is begun that might need room: see withheld.c. */
#define DMA_WITHHELD_HIGH 32
#define DMA_BOUNCE_SIZE   128 /* of struct dma_bounce, at most */
#define DMA_AREA_SIZE     64  /* of struct dma_area */
/* Buffers of more pages take just these, from the tree: see iommu_iova_cache_alloc_size. */
#define DMA_CACHED_PAGES (1U << (IOMMU_IOVA_CACHED_ORDERS - 1))

/* The largest block of the host's that surely lies at a multiple of its size. */
#define DMA_BLOCK_MAX (IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER)

struct dma_bounce;
struct dma_area;

/* What of ours a device reaches through a mapping, to be freed when it cannot any more. */
struct dma_hanging {
	/* How it goes; NULL: nothing hangs on the addresses. */
	void (*release)(struct iommu_dma *dma, const struct dma_hanging *hanging);
	void *memory;       /* a block of the host's, a struct dma_area or a struct dma_bounce */
	unsigned int order; /* of the block */
};

/* Addresses that hardware may still use. */
struct dma_withheld {
	uint64_t first, pages;
	uint32_t serial;
	struct dma_hanging hanging;
};

struct dma_doorbell {
	iommu_paddr_t page;
	iommu_iova_t iova;
};

struct iommu_dma {
	const struct iommu_platform *platform;
	struct iommu_domain *domain;
	unsigned int page_shift; /* of the domain's smallest page; addresses are handed out by it */
	uint64_t page_mask;      /* its size less one */
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
	/*
	 * The shortest way (one_page.h): for which calls there is one, and the last page that a
	 * device of any mask is given first.
	 */
	bool maps_pages_alone, unmaps_pages_alone;
	uint64_t near_last;
	struct iommu_flush_queue *queue; /* NULL: strict */
	unsigned int place_flags;        /* how a call that must not sleep asks for addresses */
	/*
	 * Physical addresses up to pass_last are reached as they are, at pass_offset: through a
	 * bypass beside what is mapped, or as the only way (`is_direct`), without cache and space:
	 * where nothing translates, at 0 (`domain` is NULL where there is no unit either), or
	 * through a bypass that is all there is, and leads to memory alone (`passes_memory`).
	 */
	bool passes, is_direct, passes_memory;
	iommu_iova_t pass_offset;
	iommu_paddr_t pass_last;
	struct iommu_object_cache bounces;
	struct iommu_rb_tree bounced; /* records, by address */
	struct iommu_object_cache areas, pieces;
	struct iommu_list_node areas_in_use;
	struct iommu_spinlock lock;
	struct dma_withheld withheld[DMA_WITHHELD_MAX]; /* the oldest first */
	uint32_t serial;                                /* of the newest one */
	unsigned int withheld_count, lost;
	unsigned int record_count, bounced_count; /* of the latter are those with pages of ours */
	bool writes_back; /* a device that is not coherent was given what it reads, in place */
	struct dma_doorbell doorbells[IOMMU_DMA_MSI_PAGES];
	unsigned int doorbell_count;
#ifdef IOMMU_DMA_DEBUG
	struct dma_debug *debug; /* see dma/debug.h; NULL: there was no memory for it */
#endif
};

/*
 * Macros, like vtd_is_scalable: what is left out is not missing when it links, at any level of
 * optimisation.
 */
#define dma_passes(dma)    (IOMMU_CONFIG_DMA_DIRECT && (dma)->passes)
#define dma_is_direct(dma) (IOMMU_CONFIG_DMA_DIRECT && (dma)->is_direct)
#define dma_place_flags(dma)                                                                       \
	(IOMMU_CONFIG_DMA_TUNING ? (dma)->place_flags                                              \
				 : (unsigned int)IOMMU_IOVA_LOW_FIRST | IOMMU_IOVA_ATOMIC)
#define dma_is_lazy(dma) (IOMMU_CONFIG_DMA_LAZY && (dma)->queue != NULL)
/*
 * As iommu_flush_queue_unmap_size, of one granule, whose entry in the tables the caller has
 * cleared.
 */
int iommu_flush_queue_put_page(struct iommu_flush_queue *queue, uint64_t first);
/*
 * Has any buffer a record (bounce.c)? The call that maps and unmaps this very buffer sees its own.
 */
#define dma_has_records(dma)                                                                       \
	(IOMMU_CONFIG_DMA_BOUNCE &&                                                                \
	 __builtin_expect(__atomic_load_n(&(dma)->record_count, __ATOMIC_ACQUIRE) != 0, 0))
/* Does the device access memory past the CPU caches? */
#define dma_is_noncoherent(device) (IOMMU_CONFIG_DMA_NONCOHERENT && (device)->noncoherent)
/* Does it reach only memory that is shared with the host of a confidential guest? */
#define dma_is_shared_only(device) (IOMMU_CONFIG_ENCRYPTION && (device)->shared_only)
/* Is more to be done for it than to map pages? */
#define dma_needs_care(device)                                                                     \
	((device)->untrusted || dma_is_noncoherent(device) || dma_is_shared_only(device))

static inline uint64_t dma_page_mask(const struct iommu_dma *dma)
{
	return dma->page_mask;
}

/* The pages that a buffer lies on: size is not 0, and the end does not wrap. */
static inline uint64_t dma_pages_of(const struct iommu_dma *dma, uint64_t address, uint64_t size)
{
	return (((address & dma_page_mask(dma)) + (size - 1)) >> dma->page_shift) + 1;
}

/* The order of so many pages for the host's allocator, whose pages are of 4 KiB. */
static inline unsigned int dma_host_order(const struct iommu_dma *dma, unsigned int order)
{
	return order + dma->page_shift - IOMMU_PAGE_SHIFT;
}

static inline unsigned int dma_order_of(uint64_t pages)
{
	const unsigned int order = iommu_highest_bit(pages);

	return (pages & (pages - 1)) == 0 ? order : order + 1;
}

/*
 * How a buffer is mapped: its direction and attributes, in one word. The functions below the public
 * ones take it in place of a direction.
 */
#define DMA_ATTRIBUTES                                                                             \
	((unsigned int)IOMMU_DMA_SKIP_SYNC | IOMMU_DMA_PRIVILEGED | IOMMU_DMA_MMIO |               \
	 IOMMU_DMA_WEAK_ORDERING | IOMMU_DMA_NO_WARN | IOMMU_DMA_SHARED)

static inline unsigned int dma_prot_of(unsigned int direction)
{
	return ((direction & IOMMU_DMA_TO_DEVICE) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((direction & IOMMU_DMA_FROM_DEVICE) != 0 ? IOMMU_PROT_WRITE : 0U);
}

static inline unsigned int dma_prot_of_attributes(unsigned int attributes)
{
	return ((attributes & IOMMU_DMA_PRIVILEGED) != 0 ? IOMMU_PROT_PRIVILEGED : 0U) |
	       ((attributes & IOMMU_DMA_MMIO) != 0 ? IOMMU_PROT_MMIO : 0U) |
	       ((attributes & IOMMU_DMA_SHARED) != 0 ? IOMMU_PROT_SHARED : 0U);
}

/* May it be reached as it is, beside what is mapped? */
static inline bool dma_may_bypass(unsigned int how)
{
	return (how & (IOMMU_DMA_PRIVILEGED | IOMMU_DMA_MMIO | IOMMU_DMA_SHARED)) == 0;
}

/* How the host is asked for pages in a map. */
static inline unsigned int dma_alloc_flags(const struct iommu_dma_device *device)
{
	return device->may_sleep ? 0U : IOMMU_ALLOC_ATOMIC;
}

/* What a map of the domain is told. */
static inline unsigned int dma_map_prot(const struct iommu_dma_device *device,
					unsigned int direction, unsigned int attributes)
{
	return dma_prot_of(direction) | dma_prot_of_attributes(attributes) |
	       (device->may_sleep ? IOMMU_PROT_MAY_SLEEP : 0U);
}

/* Does the page that it begins on lie as the device wants it? */
static inline bool dma_is_aligned(const struct iommu_dma *dma,
				  const struct iommu_dma_device *device, iommu_iova_t address)
{
	return device->alignment == 0 ||
	       (address & ~dma_page_mask(dma) & (device->alignment - 1)) == 0;
}

/* Would a range cross one of the device's boundaries? */
static inline bool dma_crosses(const struct iommu_dma_device *device, iommu_iova_t address,
			       uint64_t length)
{
	return device->boundary != 0 && (address ^ (address + (length - 1))) >= device->boundary;
}

/*
 * The page of a range, which begins at a multiple of the boundary if it crosses one at all, that
 * the next piece of a list begins on: *page, or the first one behind the next boundary. False: it
 * crosses one wherever it lies.
 */
static inline bool dma_place_piece(const struct iommu_dma *dma,
				   const struct iommu_dma_device *device,
				   const struct iommu_dma_piece *piece, uint64_t *page)
{
	const uint64_t at = piece->paddr & dma_page_mask(dma);
	unsigned int order;

	if (!dma_crosses(device, (*page << dma->page_shift) + at, piece->size))
		return true;
	if (device->boundary <= dma_page_mask(dma) || dma_crosses(device, at, piece->size))
		return false;
	order = iommu_highest_bit(device->boundary) - dma->page_shift;
	*page = ((*page >> order) + 1) << order;
	return true;
}

static inline bool dma_is_unconfirmed(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* The caches of the CPU, which a device that is not coherent does not see. */

#if IOMMU_CONFIG_DMA_NONCOHERENT
static inline void dma_write_back(const struct iommu_dma *dma, iommu_paddr_t paddr, uint64_t size)
{
	dma->platform->cache_write_back(dma->platform->ctx, paddr, size);
}
static inline void dma_invalidate(const struct iommu_dma *dma, iommu_paddr_t paddr, uint64_t size)
{
	dma->platform->cache_invalidate(dma->platform->ctx, paddr, size);
}
#else
static inline void dma_write_back(const struct iommu_dma *dma, iommu_paddr_t paddr, uint64_t size)
{
	(void)dma, (void)paddr, (void)size;
}
static inline void dma_invalidate(const struct iommu_dma *dma, iommu_paddr_t paddr, uint64_t size)
{
	(void)dma, (void)paddr, (void)size;
}
#endif

/* A block of the host's, private or shared. */
static inline void dma_free_block(const struct iommu_dma *dma, void *pages, unsigned int order,
				  bool shared)
{
	const struct iommu_platform *platform = dma->platform;

	if (IOMMU_CONFIG_ENCRYPTION && shared)
		platform->free_shared(platform->ctx, pages, order);
	else
		platform->free_pages(platform->ctx, pages, order);
}

/* Can the host do for the device what it needs? */
static inline bool dma_host_serves(const struct iommu_dma *dma,
				   const struct iommu_dma_device *device)
{
	return !dma_is_noncoherent(device) || dma->platform->cache_write_back != NULL;
}

/* Does the device reach copies of its buffers alone, in memory that is shared with the host? */
static inline bool dma_is_replaced(const struct iommu_dma_device *device, unsigned int how)
{
	return dma_is_shared_only(device) && (how & (IOMMU_DMA_SHARED | IOMMU_DMA_MMIO)) == 0;
}

/* What is set in an address that a device gets where nothing translates. */
static inline iommu_iova_t dma_bits(const struct iommu_dma *dma, unsigned int how)
{
	if (!IOMMU_CONFIG_ENCRYPTION)
		return 0;
	if ((how & IOMMU_DMA_SHARED) != 0)
		return dma->platform->shared_bits;
	return (how & IOMMU_DMA_MMIO) != 0 ? 0 : dma->platform->private_bits;
}

/* And the address without any. */
static inline iommu_paddr_t dma_plain(const struct iommu_dma *dma, iommu_iova_t address)
{
	if (!IOMMU_CONFIG_ENCRYPTION)
		return address;
	return address & ~(dma->platform->private_bits | dma->platform->shared_bits);
}

/* Where a direct handle has a device find memory: no bits are set where there is an offset. */
static inline iommu_iova_t dma_address_of(const struct iommu_dma *dma, iommu_paddr_t paddr,
					  unsigned int how)
{
	return dma->pass_offset + (paddr | dma_bits(dma, how));
}

/* And what memory it finds. */
static inline iommu_paddr_t dma_paddr_of(const struct iommu_dma *dma, iommu_iova_t address)
{
	return dma_plain(dma, address - dma->pass_offset);
}

/* Does a buffer share a cache line with other data that a write of the device could cost? */
static inline bool dma_shares_lines(const struct iommu_dma *dma,
				    const struct iommu_dma_device *device, iommu_paddr_t paddr,
				    uint64_t size, unsigned int how)
{
	return dma_is_noncoherent(device) && (how & IOMMU_DMA_FROM_DEVICE) != 0 &&
	       ((paddr | size) & (dma->platform->cache_line_size - 1)) != 0;
}

/* Is more to be done for a buffer than to map its pages? Of registers, nothing ever is. */
static inline bool dma_needs_record(const struct iommu_dma *dma,
				    const struct iommu_dma_device *device, iommu_paddr_t paddr,
				    uint64_t size, unsigned int how)
{
	return dma_is_replaced(device, how) ||
	       (device->untrusted && ((paddr | size) & dma_page_mask(dma)) != 0) ||
	       (dma_is_noncoherent(device) && (how & IOMMU_DMA_MMIO) == 0);
}

/* dma.c: the steps that every kind of buffer is made of. Pages and page numbers throughout. */
int iommu_dma_check_device(const struct iommu_dma_device *device);
int iommu_dma_check_buffer(const struct iommu_dma_device *device, iommu_paddr_t paddr,
			   uint64_t size, enum iommu_dma_direction direction);
/* Attributes that make no sense, or that the domain cannot honour. */
int iommu_dma_check_attributes(const struct iommu_dma *dma, unsigned int attributes);
/* IOMMU_EOPNOTSUPP: the handle, or the host, cannot do what such a device needs. */
int iommu_dma_check_care(const struct iommu_dma *dma, const struct iommu_dma_device *device);
/* The last page that the device reaches all of. False: not even one. */
bool iommu_dma_last_page(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			 uint64_t *last);
/*
 * Addresses for so many pages of memory that begins at `paddr`; the rule stands at iommu_dma_map.
 */
int iommu_dma_take_addresses(struct iommu_dma *dma, const struct iommu_dma_device *device,
			     uint64_t pages, iommu_paddr_t paddr, uint64_t *first);
/*
 * Take back the first `mapped` pages of a range of which not all could be mapped because of `why`,
 * its addresses, and what hangs on it; withheld if hardware may know of them.
 */
void iommu_dma_undo(struct iommu_dma *dma, uint64_t first, uint64_t mapped, uint64_t pages, int why,
		    const struct dma_hanging *hanging);
/*
 * Unmap, wait, and give the addresses back. What hangs on them stays the caller's if that worked.
 */
int iommu_dma_unmap_strictly(struct iommu_dma *dma, uint64_t first, uint64_t pages,
			     const struct dma_hanging *hanging);
int iommu_dma_unmap_pages(struct iommu_dma *dma, uint64_t first, uint64_t pages);

/* How a range of so many pages has to lie for the device. */
void iommu_dma_want_place(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct iommu_iova_request *request);

/* withheld.c */
void iommu_dma_withhold(struct iommu_dma *dma, uint64_t first, uint64_t pages,
			const struct dma_hanging *hanging);
/*
 * Is there room to withhold something? If not, have hardware confirm what waits, or IOMMU_EAGAIN.
 */
int iommu_dma_find_room(struct iommu_dma *dma);
static inline int dma_make_room(struct iommu_dma *dma)
{
	if (__builtin_expect(
		    __atomic_load_n(&dma->withheld_count, __ATOMIC_RELAXED) < DMA_WITHHELD_HIGH, 1))
		return 0;
	return iommu_dma_find_room(dma);
}
/* Give back what was withheld no later than `serial`: an invalidation has covered it. */
void iommu_dma_give_withheld(struct iommu_dma *dma, uint32_t serial);
/* Have everything invalidated that was not, and give it back. */
int iommu_dma_settle_withheld(struct iommu_dma *dma);
static inline void dma_release(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	if (hanging->release != NULL)
		hanging->release(dma, hanging);
}

/* area.c */
/* Is memory of pieces there? *status is then that of freeing it. */
bool iommu_dma_free_area(struct iommu_dma *dma, const void *memory, iommu_iova_t address,
			 uint64_t pages, int *status);
#if IOMMU_CONFIG_DMA_PIECES
/* As iommu_dma_alloc, of pieces. @memory: NULL: the CPU needs no address. @prot: of the mapping. */
int iommu_dma_alloc_area(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 uint64_t pages, unsigned int prot, void **memory, iommu_iova_t *address);
#else
static inline int iommu_dma_alloc_area(struct iommu_dma *dma, const struct iommu_dma_device *device,
				       uint64_t pages, unsigned int prot, void **memory,
				       iommu_iova_t *address)
{
	(void)dma, (void)pages, (void)prot, (void)address;
	return memory == NULL || dma_needs_care(device) ? IOMMU_EOPNOTSUPP : IOMMU_ENOMEM;
}
#endif

/* direct.c: where nothing is mapped. */
int iommu_dma_map_direct(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 iommu_paddr_t paddr, uint64_t size, unsigned int how,
			 iommu_iova_t *address);
int iommu_dma_unmap_direct(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			   unsigned int attributes);
int iommu_dma_map_sg_direct(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
			    unsigned int *elements);
int iommu_dma_unmap_sg_direct(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
			      unsigned int count, unsigned int attributes);
int iommu_dma_alloc_direct(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   uint64_t size, void **memory, iommu_iova_t *address);
int iommu_dma_free_direct(struct iommu_dma *dma, void *memory, iommu_iova_t address, uint64_t size);
/* Does it cross a boundary of the device that it need not cross elsewhere? */
bool iommu_dma_crosses_needlessly(const struct iommu_dma *dma,
				  const struct iommu_dma_device *device, iommu_iova_t address,
				  uint64_t size);
uint64_t iommu_dma_max_size_direct(const struct iommu_dma *dma,
				   const struct iommu_dma_device *device);
/*
 * Zeroed pages that a device reaches untranslated. IOMMU_ENOMEM; IOMMU_ENOSPC: the host gave
 * others.
 */
int iommu_dma_pages_within(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   unsigned int order, unsigned int alloc_flags, bool shared, void **pages);

/* bounce.c */
/* Has this buffer a record, as some have? *status is then that of unmapping it. */
bool iommu_dma_unmap_bounced(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			     unsigned int attributes, int *status);
/* The same for pages that a list is mapped in. */
bool iommu_dma_unmap_list_bounced(struct iommu_dma *dma, uint64_t first, uint64_t pages,
				  unsigned int attributes, int *status);
/*
 * Where nothing translates: a buffer that a device that is not coherent reaches as it is. It shares
 * no cache line.
 */
int iommu_dma_map_in_place(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   iommu_paddr_t paddr, uint64_t size, unsigned int how);
#define DMA_LINKS_RECORDED (IOMMU_CONFIG_DMA_BOUNCE && IOMMU_CONFIG_DMA_NONCOHERENT)
#if DMA_LINKS_RECORDED
/*
 * Windows of devices that are not coherent: each piece has a record, from `start`, of a page, on.
 * IOMMU_EOPNOTSUPP: it shares a cache line, or a page, with what is not the device's;
 * IOMMU_EEXIST: something is recorded there. @tell: hardware, too.
 */
int iommu_dma_link_recorded(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    iommu_iova_t start, iommu_paddr_t paddr, uint64_t size,
			    unsigned int how, bool tell);
/*
 * Unmap pages of a window. The pieces there are the CPU's when hardware has confirmed that; until
 * then their records stay. IOMMU_EINVAL: part of a piece.
 */
int iommu_dma_unlink_recorded(struct iommu_dma *dma, iommu_iova_t start, uint64_t size);
#else
static inline int iommu_dma_link_recorded(struct iommu_dma *dma,
					  const struct iommu_dma_device *device, iommu_iova_t start,
					  iommu_paddr_t paddr, uint64_t size, unsigned int how,
					  bool tell)
{
	(void)dma, (void)device, (void)start, (void)paddr, (void)size, (void)how, (void)tell;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_dma_unlink_recorded(struct iommu_dma *dma, iommu_iova_t start,
					    uint64_t size)
{
	(void)dma, (void)start, (void)size;
	return IOMMU_EOPNOTSUPP;
}
#endif
#if IOMMU_CONFIG_DMA_BOUNCE
/* All of a buffer, through pages within what the device reaches untranslated. */
int iommu_dma_map_bounced_whole(struct iommu_dma *dma, const struct iommu_dma_device *device,
				iommu_paddr_t paddr, uint64_t size, unsigned int how,
				iommu_iova_t *address);
/*
 * Shared memory in a block that is larger than it, for its alignment; freed as what is bounced is
 * unmapped.
 */
int iommu_dma_alloc_aligned(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    uint64_t size, void **memory, iommu_iova_t *address);
int iommu_dma_map_bounced(struct iommu_dma *dma, const struct iommu_dma_device *device,
			  iommu_paddr_t paddr, uint64_t size, unsigned int how, uint64_t *first);
/*
 * Pieces of which some need a record, in the `pages` pages from `first` on, which are given back if
 * not all can be mapped.
 */
int iommu_dma_map_list_bounced(struct iommu_dma *dma, const struct iommu_dma_device *device,
			       const struct iommu_dma_piece *pieces, unsigned int count,
			       unsigned int how, uint64_t first, uint64_t pages);
#else
/* What the device must not get, or cannot reach, is refused. */
static inline int iommu_dma_map_bounced_whole(struct iommu_dma *dma,
					      const struct iommu_dma_device *device,
					      iommu_paddr_t paddr, uint64_t size, unsigned int how,
					      iommu_iova_t *address)
{
	(void)dma, (void)device, (void)paddr, (void)size, (void)how, (void)address;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_dma_alloc_aligned(struct iommu_dma *dma,
					  const struct iommu_dma_device *device, uint64_t size,
					  void **memory, iommu_iova_t *address)
{
	(void)dma, (void)device, (void)size, (void)memory, (void)address;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_dma_map_bounced(struct iommu_dma *dma,
					const struct iommu_dma_device *device, iommu_paddr_t paddr,
					uint64_t size, unsigned int how, uint64_t *first)
{
	(void)dma, (void)device, (void)paddr, (void)size, (void)how, (void)first;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_dma_map_list_bounced(struct iommu_dma *dma,
					     const struct iommu_dma_device *device,
					     const struct iommu_dma_piece *pieces,
					     unsigned int count, unsigned int how, uint64_t first,
					     uint64_t pages)
{
	(void)dma, (void)device, (void)pieces, (void)count, (void)how, (void)first, (void)pages;
	return IOMMU_EOPNOTSUPP;
}
#endif

/*
 * Buffers that are not mapped at all: where the domain has a window through which memory is reached
 * as it is (iommu_domain_bypass), and a device that is trusted has the address bits for all of it.
 *
 * Such addresses lie beyond the domain's aperture, so an address says whether there is anything to
 * unmap.
 */

/* Does this buffer pass as it is, and at what address? */
static inline bool dma_bypasses(const struct iommu_dma *dma, const struct iommu_dma_device *device,
				iommu_paddr_t paddr, uint64_t size, iommu_iova_t *address)
{
	if (__builtin_expect(!dma_passes(dma), 1))
		return false;
	if (dma_needs_care(device) ||
	    (device->mask != 0 && device->mask < dma->pass_offset + dma->pass_last) ||
	    paddr > dma->pass_last || size - 1 > dma->pass_last - paddr ||
	    dma_crosses(device, dma->pass_offset + paddr, size) ||
	    !dma_is_aligned(dma, device, dma->pass_offset + paddr))
		return false;
	*address = dma->pass_offset + paddr;
	return true;
}

/* Is this the address of one? */
static inline bool dma_is_bypass(const struct iommu_dma *dma, iommu_iova_t address)
{
	return __builtin_expect(dma_passes(dma), 0) && address - dma->pass_offset <= dma->pass_last;
}

#endif
