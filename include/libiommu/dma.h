/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMA mapping API: a driver says which memory its device is to reach, and gets the address to
 * put into the device.
 *
 *	iommu_dma_of(endpoint, &dma)                          once, for each device: it is in use
 *	struct iommu_dma_device device = iommu_dma_device_of(endpoint, mask);
 *	iommu_dma_map(dma, &device, paddr, size, IOMMU_DMA_TO_DEVICE, &address)
 *	iommu_dma_unmap(dma, address, size)
 *	iommu_unuse_default_domain(endpoint)                  it is not any more
 *
 * It stands on an IOMMU_DOMAIN_DMA domain, usually the default domain of the device's group, or,
 * where nothing translates, on none (iommu_dma_create_direct). Addresses come from the domain's
 * IOVA space through per-CPU caches, mappings go into its tables, and when a call that unmaps
 * returns, the device cannot reach the memory any more; in lazy mode a moment later, see
 * <libiommu/flush_queue.h>.
 *
 * Buffers need not begin or end at pages. A device reaches the whole pages that a buffer lies on,
 * which is fine for one that is trusted. For one that is not, the pages at the ends are replaced by
 * others of the library's own, and the bytes are copied.
 *
 * Locking: every function may be called at any time on any CPU for different buffers, from any
 * context; what says so may sleep, and every map whose device says so (iommu_dma_device.may_sleep).
 * Nothing is lost on an error: an address that hardware did not confirm to have forgotten is kept
 * back until it has.
 */
#ifndef LIBIOMMU_DMA_H
#define LIBIOMMU_DMA_H

#include <libiommu/domain.h>
#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_dma;

enum iommu_dma_flags {
	/* Unmap now, invalidate soon: much cheaper, for devices that the host trusts. */
	IOMMU_DMA_LAZY = 1 << 0,
};

struct iommu_dma_config {
	struct iommu_domain *domain; /* IOMMU_DOMAIN_DMA or its lazy kind; must outlive this */
	unsigned int flags;          /* enum iommu_dma_flags; the lazy kind implies the flag */
	/* Of the lazy queue: see struct iommu_flush_queue_config. 0: its defaults. */
	unsigned int queue_entries;
	uint64_t queue_max_age_ns;
};

/*
 * iommu_dma_create - DMA mapping for the devices of one domain, in its smallest pages; over a
 * domain of the type IOMMU_DOMAIN_IDENTITY as iommu_dma_create_direct, for addresses up to the
 * domain's last. May sleep. Returns 0, IOMMU_EINVAL (no domain, or one of another type; unknown
 * flags; more than 4,096 CPUs), IOMMU_EOPNOTSUPP (its smallest page is larger than
 * 2^IOMMU_MAX_ALLOC_ORDER pages of 4 KiB) or IOMMU_ENOMEM.
 *
 * iommu_dma_destroy - what is still mapped stays mapped in the domain, which is to be freed next.
 * May sleep. No other call may be using it. Returns 0; IOMMU_EBUSY: a bounced buffer is mapped (an
 * untrusted device's, or one that its device does not reach untranslated), or shared memory in
 * pieces, or, where nothing translates, in a block that is larger than it for its alignment; or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: a last invalidation was not confirmed: nothing is freed, try again.
 */
IOMMU_API int iommu_dma_create(const struct iommu_dma_config *config, struct iommu_dma **dma);
IOMMU_API int iommu_dma_destroy(struct iommu_dma *dma);

/*
 * iommu_dma_create_direct - DMA mapping for devices that nothing translates for, so that their
 * drivers are written as all others: the machine has no unit, or the host leaves it off, or
 * iommu_probe_endpoint has returned IOMMU_ENODEV. Nothing restricts what such a device reaches.
 *
 * An address is the physical one. A buffer that the device has not the address bits for (mask),
 * that is not aligned as it asks, or that crosses its boundary though it is no larger than that, is
 * copied through pages that the device reaches, which the platform gives (alloc_pages_below), at
 * most iommu_dma_max_size bytes: so the hand-over functions have to be called. Shared memory lies
 * where the device reaches it, and as it asks, as far as the platform gives such blocks
 * (IOMMU_ENOSPC: it gave another). What differs from a handle that translates:
 *   - an unmap of what was not bounced does nothing and returns 0, whatever it names;
 *   - each piece of a scattered buffer is an element of its own;
 *   - windows, and untrusted devices, are IOMMU_EOPNOTSUPP; a doorbell's address is its own;
 *   - iommu_dma_free wants the address that belongs to the memory: IOMMU_ENOENT.
 *
 * @platform: lives as long as the handle. May sleep. Returns 0, IOMMU_EINVAL (see
 * iommu_platform_check) or IOMMU_ENOMEM. Ended by iommu_dma_destroy.
 *
 * iommu_dma_max_size - the most bytes that one iommu_dma_map, or one piece, may have wherever they
 * lie in memory. UINT64_MAX: any size. 0: its alignment is beyond all blocks that the platform has.
 * Any context.
 */
struct iommu_dma_device;
IOMMU_API int iommu_dma_create_direct(const struct iommu_platform *platform,
				      struct iommu_dma **dma);
IOMMU_API uint64_t iommu_dma_max_size(const struct iommu_dma *dma,
				      const struct iommu_dma_device *device);

/*
 * iommu_dma_of - DMA mapping for an endpoint, through the default domain of its group. Made on
 * first use, the same for all of the group, and destroyed with the default domain: not by its
 * users. Where that is an identity, buffers pass as they are (see iommu_dma_create_direct).
 *
 * A driver that has the handle uses the default domain: the group cannot be claimed, nor its
 * default domain change, until iommu_unuse_default_domain, or the bus tells that the driver is
 * unbound. Until then the handle is valid, also when the endpoint was released (see
 * iommu_release_endpoint).
 *
 * Returns 0, or
 *   IOMMU_ENODEV  the endpoint was released
 *   IOMMU_EPERM   the group has no default domain: the device is to reach nothing
 *   IOMMU_EAGAIN  the domain translates, and the endpoint's unit is not enabled: the device would
 *                 write to whatever memory has its buffers' addresses. Enable the unit first; where
 *                 it is to stay off, iommu_dma_create_direct has a handle. (A handle that the
 *                 driver has already stays.)
 *   IOMMU_ENOMEM; otherwise as iommu_use_default_domain. Control path.
 */
IOMMU_API int iommu_dma_of(struct iommu_endpoint *endpoint, struct iommu_dma **dma);

/*
 * iommu_dma_tick - for a timer: try again what hardware did not confirm, and in lazy mode flush
 * what is too old (see iommu_flush_queue_tick). Returns 0: no call's failure to have an unmap
 * confirmed is left, those of windows included; or IOMMU_ETIMEDOUT / IOMMU_EIO: still not
 * confirmed.
 */
IOMMU_API int iommu_dma_tick(struct iommu_dma *dma);

/* What a device can address and how. Zero in a field: no limit. */
struct iommu_dma_device {
	uint64_t mask;        /* the highest address that it can put on the bus: 2^n - 1 */
	uint64_t max_segment; /* bytes of one element of a scatter list */
	/*
	 * No element of a scatter list crosses a multiple of it, and no other mapping, or window,
	 * that is not larger, counted in pages: a power of two.
	 */
	uint64_t boundary;
	bool untrusted;     /* share nothing with it that it was not given */
	uint64_t alignment; /* of the page that a mapping begins on, in bytes: a power of two */
	/* Of the calls, not of the device: maps may sleep while the host looks for pages. */
	bool may_sleep;
};

/*
 * iommu_dma_device_of - what an endpoint's probe said of it, with the mask that its driver gives;
 * 0: no limit. Any context.
 */
IOMMU_API struct iommu_dma_device iommu_dma_device_of(const struct iommu_endpoint *endpoint,
						      uint64_t mask);

enum iommu_dma_direction {
	IOMMU_DMA_TO_DEVICE = 1,   /* the device reads */
	IOMMU_DMA_FROM_DEVICE = 2, /* the device writes */
	IOMMU_DMA_BIDIRECTIONAL = 3,
};

/*
 * iommu_dma_required_mask - the narrowest mask that reaches every address this may hand out: a
 * device with less gets its addresses below its own.
 */
IOMMU_API uint64_t iommu_dma_required_mask(const struct iommu_dma *dma);

/*
 * iommu_dma_map - let a device reach `size` bytes of memory at `paddr`.
 *
 * *address is what the device uses; it has the same place in its page as paddr. For an untrusted
 * device memory must be reachable by the platform's address conversion.
 *
 * Which addresses a buffer takes, in pages of the domain:
 *   - of up to 2^(IOMMU_IOVA_CACHED_ORDERS - 1) = 32 pages: the next power of two, at a multiple of
 *     that; such blocks come from the CPU's cache;
 *   - larger: just its pages. They begin at a multiple of the largest page of the domain that fits
 *     into the buffer and divides paddr, where there is such a place, so that large pages map it;
 *     then of the next smaller, and so on. No alignment is needed: if so many pages in a row are
 *     free below the mask, they are found;
 *   - at a multiple of the device's `alignment` in either case, and inside two multiples of its
 *     `boundary`, or, where the buffer is larger than that, from one multiple on.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     size 0, direction, or mask, boundary or alignment that make no sense
 *   IOMMU_EOPNOTSUPP an untrusted device in lazy mode, or where nothing translates; in a library
 *                    without IOMMU_CONFIG_DMA_BOUNCE, a buffer that would have to be bounced
 *   IOMMU_EOVERFLOW  paddr + size wraps
 *   IOMMU_ERANGE     beyond what the units can address; larger than what can be bounced
 *                    (iommu_dma_max_size)
 *   IOMMU_ENOSPC     no such addresses below the mask are free, or no page to bounce through lies
 *                    below it
 *   IOMMU_ENOMEM
 *   IOMMU_ETIMEDOUT, IOMMU_EIO  hardware must be told of new mappings, and did not confirm
 *   IOMMU_EAGAIN     so much waits for hardware that does not confirm that no more is begun
 *   IOMMU_EEXIST     a caller has mapped something in the domain by itself, at the address that was
 *                    chosen
 *   otherwise a hypervisor that keeps the tables refuses, as of iommu_map
 */
IOMMU_API int iommu_dma_map(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    iommu_paddr_t paddr, uint64_t size, enum iommu_dma_direction direction,
			    iommu_iova_t *address);

/*
 * iommu_dma_unmap - the device is done with a buffer: address and size as mapped.
 *
 * What an untrusted device wrote is in the buffer afterwards; where hardware does not confirm, when
 * it has: so the buffer must be left alone until then. Returns 0; IOMMU_ENOENT: nothing is mapped
 * there, nothing changed; IOMMU_EINVAL: it is a part of a mapping that large pages serve, which are
 * not cut: nothing changed; IOMMU_EAGAIN: so much waits for hardware that does not confirm that no
 * more is begun: the buffer is mapped as before, unmap it again later; or IOMMU_ETIMEDOUT /
 * IOMMU_EIO: unmapped but not confirmed, the memory must not be reused before a later unmap, or
 * iommu_dma_tick, succeeds.
 */
IOMMU_API int iommu_dma_unmap(struct iommu_dma *dma, iommu_iova_t address, uint64_t size);

/*
 * iommu_dma_sync_for_cpu, iommu_dma_sync_for_device - hand a mapped buffer over for a while. Only
 * what is copied has to be: of an untrusted device, or where nothing translates; of any other there
 * is nothing to do. The range may be part of the buffer. For the CPU: what the device has written,
 * of a buffer that it writes; for the device: what the CPU has, of one that the device reads. The
 * other two do nothing, and are no mistake: a driver may give a buffer that the device only writes
 * back to the device before the next use (what arrives meanwhile is not overwritten), and take one
 * that it only reads for the CPU before it fills it again.
 */
IOMMU_API void iommu_dma_sync_for_cpu(struct iommu_dma *dma, iommu_iova_t address, uint64_t size);
IOMMU_API void iommu_dma_sync_for_device(struct iommu_dma *dma, iommu_iova_t address,
					 uint64_t size);

/* One piece of a scattered buffer, and one element of what the device gets. */
struct iommu_dma_piece {
	iommu_paddr_t paddr;
	uint64_t size;
	/*
	 * Filled in by map, in the first *elements pieces of the list; length is 0 in the next one.
	 */
	iommu_iova_t address;
	uint64_t length;
};

/*
 * iommu_dma_map_sg - map a scattered buffer in one range of addresses, piece after piece.
 *
 * Pieces that come to lie one behind the other (a piece that ends at the end of a page, before one
 * that begins at the beginning of one) become one element, as far as the device's max_segment and
 * boundary allow. A piece that would cross a multiple of the boundary where the one before it ends
 * is put at that multiple, and the addresses between are left out: so a list is refused for its
 * boundary only when one of its pieces, with the bytes before it in its page, is larger than that.
 *
 * All or nothing. Errors as iommu_dma_map; IOMMU_EINVAL also: no pieces, or one that is larger than
 * max_segment or the boundary, as above. Not for untrusted devices (IOMMU_EOPNOTSUPP).
 *
 * iommu_dma_unmap_sg - the same list, untouched since: its elements say where it is mapped. Errors
 * as iommu_dma_unmap.
 */
IOMMU_API int iommu_dma_map_sg(struct iommu_dma *dma, const struct iommu_dma_device *device,
			       struct iommu_dma_piece *pieces, unsigned int count,
			       enum iommu_dma_direction direction, unsigned int *elements);
IOMMU_API int iommu_dma_unmap_sg(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
				 unsigned int count);

/*
 * iommu_dma_alloc - zeroed memory that CPU and device share: rings, descriptors, a device's own
 * buffers. Whole pages, at consecutive addresses for the device.
 *
 * @memory: where the CPU's address of it goes; consecutive, too. NULL: the CPU never looks at it,
 * as at a host-memory buffer of an NVMe drive; then memory in pieces always serves.
 *
 * Memory is one block of the host's, of the next power of two of pages
 * (iommu_platform.alloc_pages). Where the host has no such block it is made of pieces, as large as
 * there are, down to single pages; the CPU's address then comes from the platform's map_pieces, and
 * is not one for iommu_virt_to_phys. A host without map_pieces is limited, for memory that the CPU
 * looks at, to the largest block that it has. Where there is map_pieces, more than
 * 2^IOMMU_MAX_ALLOC_ORDER pages that are no power of two are always made of pieces.
 *
 * May sleep. Returns 0, IOMMU_EINVAL (no size, or a device that makes no sense), IOMMU_ERANGE (more
 * than the CPU has addresses for), IOMMU_ENOMEM (no block, and no pieces, or no CPU addresses for
 * them), IOMMU_EOPNOTSUPP (@memory is NULL in a library without IOMMU_CONFIG_DMA_PIECES); other
 * errors as iommu_dma_map.
 *
 * iommu_dma_free - memory (NULL, where alloc was given NULL), address and size as allocated. May
 * sleep where the platform's unmap_pieces does, if the memory may be of pieces; from any context
 * otherwise. Returns 0; IOMMU_ENOENT: nothing is mapped there, or memory in pieces of another size,
 * nothing changed; IOMMU_EINVAL: as iommu_dma_unmap; IOMMU_EAGAIN: as iommu_dma_unmap, it is still
 * the caller's; or IOMMU_ETIMEDOUT / IOMMU_EIO: not confirmed: the pages are kept until it is,
 * rather than be reused while the device may reach them; they are not the caller's any more.
 */
IOMMU_API int iommu_dma_alloc(struct iommu_dma *dma, const struct iommu_dma_device *device,
			      uint64_t size, void **memory, iommu_iova_t *address);
IOMMU_API int iommu_dma_free(struct iommu_dma *dma, void *memory, iommu_iova_t address,
			     uint64_t size);

/*
 * Windows, for rings: consecutive addresses are reserved once, buffers are mapped into them page by
 * page, and any number of neighbours is unmapped with one invalidation.
 */
struct iommu_dma_window {
	struct iommu_dma *dma;
	struct iommu_iova_range *range;
	iommu_iova_t start; /* of its first page */
	uint64_t pages;
};

/*
 * iommu_dma_window_create - reserve; pages are the smallest of the domain, throughout. May sleep.
 * Returns 0, IOMMU_EINVAL (no pages, mask), IOMMU_EOPNOTSUPP (nothing translates), IOMMU_ENOSPC or
 * IOMMU_ENOMEM.
 */
IOMMU_API int iommu_dma_window_create(struct iommu_dma *dma, const struct iommu_dma_device *device,
				      uint64_t pages, struct iommu_dma_window *window);
/*
 * iommu_dma_window_map - map whole pages at page number `first` of the window: no address is looked
 * for. IOMMU_ERANGE: beyond the window; IOMMU_EEXIST: something is mapped there; otherwise as
 * iommu_map. iommu_dma_window_unmap - `count` pages from `first` on, holes included, with one
 * invalidation. As iommu_unmap. One call at a time for the same pages.
 */
IOMMU_API int iommu_dma_window_map(struct iommu_dma_window *window, uint64_t first,
				   iommu_paddr_t paddr, uint64_t count,
				   enum iommu_dma_direction direction);
IOMMU_API int iommu_dma_window_unmap(struct iommu_dma_window *window, uint64_t first,
				     uint64_t count);
/*
 * iommu_dma_window_destroy - unmap all and give the addresses back. Returns 0, or IOMMU_ETIMEDOUT /
 * IOMMU_EIO, as iommu_unmap: the window then stays.
 */
IOMMU_API int iommu_dma_window_destroy(struct iommu_dma_window *window);

/*
 * iommu_dma_map_msi - the address at which devices of the domain reach a page of interrupt
 * registers that the IOMMU translates like memory. Mapped on first use, and then for the life of
 * the domain. IOMMU_ENOSPC: more than IOMMU_DMA_MSI_PAGES different pages; otherwise as
 * iommu_dma_map. May sleep.
 */
#define IOMMU_DMA_MSI_PAGES 8
IOMMU_API int iommu_dma_map_msi(struct iommu_dma *dma, iommu_paddr_t doorbell,
				iommu_iova_t *address);

struct iommu_dma_stats {
	unsigned int withheld; /* address ranges that wait for a confirmed invalidation */
	unsigned int lost; /* … and those for which there was no room: more than 32 calls at once */
	unsigned int bounced; /* buffers mapped through pages of the library's own */
};
IOMMU_API void iommu_dma_get_stats(struct iommu_dma *dma, struct iommu_dma_stats *stats);

/*
 * Mistakes of drivers. A library that was built with IOMMU_DMA_DEBUG (a CMake option; a macro for
 * hosts that compile src/ themselves) knows every live mapping, and reports in the platform's log,
 * at IOMMU_LOG_ERROR, each call that does not fit them, with the caller's address and size, and
 * those of the mapping:
 *
 *   short unmap; unmap of more than was mapped; unmap from the middle; unmapped twice; unmap of
 *     what is not mapped;
 *   unmapped by the wrong handle: another one has just that mapping
 *   unmapped as another kind: a list, shared memory, a window by the function for buffers, say
 *   list unmapped with another count; list changed since it was mapped; freed with other memory
 *   sync beyond the end of a mapping; sync of what is not mapped (of either way, whatever the
 *     direction)
 *   still mapped at the end: of the handle (iommu_dma_destroy, or the end of the default domain)
 *
 * The call then goes on as it does without, with the same result. A mapping costs an object of some
 * 100 bytes in pages of the host (IOMMU_ALLOC_ATOMIC). Where there is none, the handle is not
 * watched any more, and the log says so; nothing is reported that is not a mistake. Other builds
 * have no trace of it.
 *
 * iommu_dma_debug_reports - how many reports there were since the program began, of all handles; 0
 * in other builds. iommu_dma_debug_is_on - is the handle watched? Any context.
 */
IOMMU_API uint32_t iommu_dma_debug_reports(void);
IOMMU_API bool iommu_dma_debug_is_on(const struct iommu_dma *dma);

IOMMU_END_DECLS
#endif
