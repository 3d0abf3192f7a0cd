/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMA mapping API: a driver names the memory that its device is to access, and gets the address
 * to program into the device.
 *
 *	iommu_dma_of(endpoint, &dma)                          once for each device: begin of use
 *	struct iommu_dma_device device = iommu_dma_device_of(endpoint, mask);
 *	iommu_dma_map(dma, &device, paddr, size, IOMMU_DMA_TO_DEVICE, &address)
 *	iommu_dma_unmap(dma, address, size)
 *	iommu_unuse_default_domain(endpoint)                  end of use
 *
 * A DMA handle works on an IOMMU_DOMAIN_DMA domain, usually the default domain of the device's
 * group, or without a domain where nothing translates (iommu_dma_create_direct). Addresses come
 * from the domain's IOVA space through per-CPU caches, and mappings go into its tables, unless its
 * bypass is the only way (iommu_dma_create). When an unmap returns, the device can no longer reach
 * the memory; in lazy mode, shortly after (see "Flush queues" below).
 *
 * Buffers need not begin or end at page boundaries. A device can access the whole pages that
 * contain a buffer, which is acceptable for a trusted device. For an untrusted device, partial
 * pages at the ends are replaced by bounce pages of the library, and the data are copied.
 *
 * A device that is not coherent (iommu_dma_device.noncoherent) accesses memory past the caches of
 * the CPU. For it the platform's cache services move the data, in the same calls: a map, and
 * iommu_dma_sync_for_device, write back what the CPU has changed; an unmap, and
 * iommu_dma_sync_for_cpu, drop what the CPU has cached of a buffer that the device may write. Each
 * byte is in one such request of a call. An end of a buffer that the device may write, and that
 * shares a cache line with other data, is replaced by a bounce page, or, where nothing translates,
 * the whole buffer is: the CPU may use the other data at any time. Registers (IOMMU_DMA_MMIO) are
 * not cached. Its shared memory is not cached by the CPU (map_uncached).
 *
 * Confidential guests: for a device that reaches only shared memory (iommu_dma_device.shared_only)
 * buffers are replaced as a whole, by pages that the platform shares with the host (alloc_shared),
 * and the data are copied, unless the driver says that the buffer is shared already
 * (IOMMU_DMA_SHARED) or consists of registers. A buffer, or piece, may have up to
 * iommu_dma_max_size bytes. What iommu_dma_alloc returns is shared as well. Wherever memory is
 * encrypted, addresses in tables, and device addresses where nothing translates, have the bits that
 * say so (iommu_platform.private_bits, shared_bits).
 *
 * Locking: every function may be called at any time on any CPU for different buffers, and from any
 * context unless its comment says that it may sleep; maps may sleep if iommu_dma_device.may_sleep
 * is set. Nothing is lost on an error: an address whose invalidation hardware did not confirm is
 * withheld until it is confirmed.
 */
#ifndef LIBIOMMU_DMA_H
#define LIBIOMMU_DMA_H

#include <libiommu/domain.h>
#include <libiommu/iova.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

struct iommu_dma;

enum iommu_dma_flags {
	/* Unmap now and invalidate later: much cheaper, for trusted devices. */
	IOMMU_DMA_LAZY = 1 << 0,
	/*
	 * The highest addresses that a device can generate first, rather than those below 4 GiB:
	 * these are left to devices that need them, and faults of devices with long addresses are
	 * found. A device's mask must be true then. Unknown in a library without
	 * IOMMU_CONFIG_DMA_TUNING.
	 */
	IOMMU_DMA_WIDE_FIRST = 1 << 1,
};

struct iommu_dma_config {
	struct iommu_domain
		*domain;    /* IOMMU_DOMAIN_DMA or IOMMU_DOMAIN_DMA_LAZY; must outlive the handle */
	unsigned int flags; /* enum iommu_dma_flags; implied by IOMMU_DOMAIN_DMA_LAZY */
	/* Of the flush queue: see struct iommu_flush_queue_config. 0: its defaults. */
	unsigned int queue_entries;
	uint64_t queue_max_age_ns;
	unsigned int queue_flags; /* enum iommu_flush_queue_flags */
};

/*
 * iommu_dma_create - make a DMA handle for the devices of one domain, with its smallest page size;
 * for a domain of type IOMMU_DOMAIN_IDENTITY as iommu_dma_create_direct, for addresses up to the
 * end of the domain.
 *
 * Pages of the domain that are larger than 2^IOMMU_MAX_ALLOC_ORDER pages of 4 KiB are too large to
 * map buffers in. A domain with such pages and a bypass (iommu_domain_bypass), as the one below bit
 * 59 of <libiommu/opal.h>, has a handle that maps nothing: as iommu_dma_create_direct, but
 *   - the device address of physical address p is at the offset of the bypass, plus p, for all of
 *     memory; mask, boundary and alignment of a device are those of that sum. A mask that does not
 *     reach a page there is IOMMU_ENOSPC;
 *   - it leads to memory alone: IOMMU_DMA_MMIO, and iommu_dma_map_msi, are IOMMU_EOPNOTSUPP.
 *
 * May sleep. Returns 0, IOMMU_EINVAL (no domain, or one of another type; unknown flags; more than
 * 4,096 CPUs), IOMMU_EOPNOTSUPP (pages that are too large, in a domain without a bypass, with one
 * that does not begin at a multiple of that size, where memory is encrypted or shared by address
 * bits (iommu_platform.private_bits), or in a library without IOMMU_CONFIG_DMA_DIRECT; or memory is
 * encrypted, and an identity domain is made of tables, because a unit has no pass-through) or
 * IOMMU_ENOMEM.
 *
 * iommu_dma_destroy - free a handle. Buffers that are still mapped remain mapped in the domain,
 * which is to be freed next. No other call may use the handle. May sleep. Returns 0; IOMMU_EBUSY: a
 * bounced buffer is mapped, or a buffer or shared memory of a device that is not coherent, or
 * shared memory in pieces, or, where nothing translates, shared memory in a block that is larger
 * because of its alignment; or IOMMU_ETIMEDOUT / IOMMU_EIO: a last invalidation was not confirmed:
 * nothing is freed, try again. Context: may sleep; no other call uses a handle that is destroyed.
 */
IOMMU_API int iommu_dma_create(const struct iommu_dma_config *config, struct iommu_dma **dma);
IOMMU_API int iommu_dma_destroy(struct iommu_dma *dma);

/*
 * iommu_dma_create_direct - make a DMA handle for devices that are not translated, so that their
 * drivers need no special case: the machine has no unit, the host leaves it disabled, or
 * iommu_probe_endpoint has returned IOMMU_ENODEV. Nothing restricts what such a device can access.
 *
 * Device addresses are physical addresses. A buffer that the device cannot address (mask), that
 * does not have the required alignment, or that crosses the device's boundary although it is no
 * larger, is bounced through pages that the device can address, which the platform provides
 * (alloc_pages_below), up to iommu_dma_max_size bytes: so iommu_dma_sync_for_cpu and
 * iommu_dma_sync_for_device must be called. Shared memory is allocated where the device can address
 * it, if the platform has such blocks (IOMMU_ENOSPC: it returned another one). Differences from a
 * handle that translates:
 *   - an unmap of a buffer that was not bounced does nothing and returns 0, whatever its arguments;
 *   - each piece of a scattered buffer is an element of its own;
 *   - buffers that a device that is not coherent may write may be mapped more than once with the
 *     same bytes, but must not overlap otherwise (IOMMU_EEXIST). What a device may write is not
 *     mapped for reading alone beside that: later it is IOMMU_EEXIST, too; before, the caller has
 *     to see to it, because a buffer that is only read leaves no record (one that is both is
 *     mapped once, IOMMU_DMA_BIDIRECTIONAL). Coherent devices have another handle;
 *   - windows and untrusted devices are IOMMU_EOPNOTSUPP; the address of a doorbell is its physical
 *     address (through a bypass there is none);
 *   - iommu_dma_free checks that the address belongs to the memory, as it does for memory through a
 *     bypass: IOMMU_ENOENT.
 *
 * @platform: used as long as the handle exists. May sleep. Returns 0, IOMMU_EINVAL (see
 *            iommu_platform_check) or IOMMU_ENOMEM. Freed by iommu_dma_destroy.
 *
 * iommu_dma_max_size - the size of the largest buffer, or piece, in bytes, that can be mapped
 * wherever it lies in memory, as far as addresses are free. UINT64_MAX: any size. 0: no block of
 * the platform has the device's alignment, or the mask does not hold a page. Any context.
 *
 * iommu_dma_best_size - the largest size, in bytes, for which mapping is cheapest: addresses come
 * from the CPU's cache and go back to it: for block and network drivers that can split their
 * requests. At most iommu_dma_max_size; counted from the beginning of a page. Any context.
 *
 * iommu_dma_merge_boundary - pieces of a list that end, and begin, at multiples of this many bytes
 * of physical memory become one element (iommu_dma_map_sg), so that a device with few elements
 * reaches long lists. A power of two; 0: pieces are not merged, because buffers are, or may be,
 * reached as they are. Any context.
 */
struct iommu_dma_device;
IOMMU_API int iommu_dma_create_direct(const struct iommu_platform *platform,
				      struct iommu_dma **dma);
IOMMU_API uint64_t iommu_dma_max_size(const struct iommu_dma *dma,
				      const struct iommu_dma_device *device);
IOMMU_API uint64_t iommu_dma_best_size(const struct iommu_dma *dma,
				       const struct iommu_dma_device *device);
IOMMU_API uint64_t iommu_dma_merge_boundary(const struct iommu_dma *dma);

/*
 * iommu_dma_of - the DMA handle of an endpoint, on the default domain of its group. It is made on
 * first use, shared by the group, and freed with the default domain, not by its users. If the
 * default domain is an identity, device addresses are physical addresses (see
 * iommu_dma_create_direct).
 *
 * A driver that has the handle uses the default domain: the group cannot be claimed, nor its
 * default domain changed, until iommu_unuse_default_domain, or until the bus reports that the
 * driver is unbound. Until then the handle is valid, also if the endpoint is released (see
 * iommu_release_endpoint).
 *
 * Returns 0, or
 *   IOMMU_ENODEV  the endpoint was released
 *   IOMMU_EPERM   the group has no default domain: it is blocked
 *   IOMMU_EAGAIN  the domain translates, and the endpoint's unit is not enabled: the device would
 *                 access physical memory at its buffers' device addresses. Enable the unit first;
 *                 if it is to stay disabled, use iommu_dma_create_direct. (A handle that the driver
 *                 has already remains valid.)
 *   IOMMU_ENOMEM
 *   otherwise  as iommu_use_default_domain. Control path
 */
IOMMU_API int iommu_dma_of(struct iommu_endpoint *endpoint, struct iommu_dma **dma);

/*
 * iommu_set_dma_defaults - how the handles are made that iommu_dma_of makes from now on: all but
 * the domain, which is NULL, of a configuration; NULL: as if nothing had been set. Whether a
 * default domain is lazy is its type (iommu_set_default_type). Returns 0, or IOMMU_EINVAL: unknown
 * flags, or IOMMU_DMA_LAZY; a domain; queue_entries, as iommu_flush_queue_create. IOMMU_EOPNOTSUPP:
 * a library without IOMMU_CONFIG_DMA_TUNING. Control path.
 */
IOMMU_API int iommu_set_dma_defaults(struct iommu *iommu, const struct iommu_dma_config *config);

/*
 * iommu_dma_tick - for a timer: retry invalidations that hardware did not confirm, and flush lazy
 * unmaps that are too old (see iommu_flush_queue_tick). Returns 0: every unmap, including those of
 * windows, is confirmed; or IOMMU_ETIMEDOUT / IOMMU_EIO: not yet. Context: any, such as a timer;
 * never sleeps.
 */
IOMMU_API int iommu_dma_tick(struct iommu_dma *dma);

/* Addressing limits of a device. 0 in a field: no limit. */
struct iommu_dma_device {
	uint64_t mask;        /* highest address that it can generate: 2^n - 1 */
	uint64_t max_segment; /* maximum size of an element of a scatter list */
	/*
	 * A power of two. No element of a scatter list crosses a multiple of it; nor does a mapping
	 * or window that is no larger, counted in pages.
	 */
	uint64_t boundary;
	uint64_t alignment; /* of the first page of a mapping, in bytes: a power of two */
	bool untrusted : 1; /* it must not reach memory outside of its buffers */
	/* Applies to calls, not to the device: maps may sleep while the host allocates pages. */
	bool may_sleep : 1;
	/* It accesses memory past the CPU caches: see the head of this file. */
	bool noncoherent : 1;
	/*
	 * It reaches only memory that this confidential guest shares with its host, as devices that
	 * the host emulates, or that have not proved what they are: see "Confidential guests" at
	 * the head of this file.
	 */
	bool shared_only : 1;
};

/*
 * iommu_dma_device_of - the limits of an endpoint as it was probed, with the mask that the driver
 * gives; 0: no limit. Any context.
 */
IOMMU_API struct iommu_dma_device iommu_dma_device_of(const struct iommu_endpoint *endpoint,
						      uint64_t mask);

/* Direction of a transfer, from which follow the permissions of the device. */
enum iommu_dma_direction {
	IOMMU_DMA_TO_DEVICE = IOMMU_PROT_READ,    /* the device reads */
	IOMMU_DMA_FROM_DEVICE = IOMMU_PROT_WRITE, /* the device writes */
	IOMMU_DMA_BIDIRECTIONAL = IOMMU_PROT_READ_WRITE,
};

/*
 * Attributes of a mapping: a word of the calls whose names end in _with, which otherwise do what
 * the functions without do. An unknown attribute is IOMMU_EINVAL. An attribute that restricts what
 * may happen is IOMMU_EOPNOTSUPP where it cannot be honoured; the others are hints.
 */
enum iommu_dma_attributes {
	/*
	 * The driver transfers the ownership itself (iommu_dma_sync_for_device,
	 * iommu_dma_sync_for_cpu): the call copies nothing into bounce pages, or from them, and
	 * leaves the CPU caches alone.
	 * A map of memory that the device may write copies all the same: what the device leaves as
	 * it was is copied back with the rest. Not for shared memory.
	 */
	IOMMU_DMA_SKIP_SYNC = 1 << 8,
	/*
	 * Only supervisor requests of the device may use the mapping (IOMMU_PROT_PRIVILEGED).
	 * IOMMU_EOPNOTSUPP: the domain's tables do not distinguish them, or nothing translates.
	 */
	IOMMU_DMA_PRIVILEGED = 1 << 9,
	/*
	 * `paddr` are registers of another device, not memory (IOMMU_PROT_MMIO): the CPU never
	 * copies them, and they are always mapped, in a domain with a bypass, too.
	 * IOMMU_EOPNOTSUPP: they would have to be bounced, or the handle has nothing but the bypass
	 * (iommu_dma_create). Not for shared memory.
	 */
	IOMMU_DMA_MMIO = 1 << 10,
	/* A hint: the device's accesses may be reordered. No table of the library says so. */
	IOMMU_DMA_WEAK_ORDERING = 1 << 11,
	/* A hint: failure is expected. Maps log no failure, with or without it. */
	IOMMU_DMA_NO_WARN = 1 << 12,
	/*
	 * The memory is shared with the host of this confidential guest, or not encrypted, already
	 * (IOMMU_PROT_SHARED): it is not bounced for that. Of shared memory of
	 * iommu_dma_alloc_with: it is to be. IOMMU_EOPNOTSUPP: a library without
	 * IOMMU_CONFIG_ENCRYPTION.
	 */
	IOMMU_DMA_SHARED = 1 << 13,
};

/*
 * iommu_dma_required_mask - the smallest mask that covers all addresses the handle may return. A
 * device with a smaller mask gets addresses below its own. Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_dma_required_mask(const struct iommu_dma *dma);

/*
 * iommu_dma_map - map `size` bytes of memory at `paddr` for a device.
 *
 * @address: receives the device address; its offset in the page is that of paddr.
 *
 * The memory of an untrusted device must be accessible through the platform's address conversion.
 *
 * Choice of the address, in pages of the domain:
 *   - up to 2^(IOMMU_IOVA_CACHED_ORDERS - 1) = 32 pages: the next power of two, naturally aligned,
 *     from the cache of the CPU;
 *   - larger: exactly the pages of the buffer. If possible they begin at a multiple of the largest
 *     page size that fits into the buffer and divides paddr, so that large pages can be used; else
 *     of the next smaller one, and so on. No alignment is required: if there are enough free pages
 *     in a row below the mask, they are found;
 *   - in both cases at a multiple of the device's `alignment`, and between two multiples of its
 *     `boundary`, or, for a larger buffer, beginning at a multiple.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      size 0; direction; or an invalid mask, boundary or alignment
 *   IOMMU_EOPNOTSUPP  an untrusted device in lazy mode, or where nothing translates; a device that
 *                     is not coherent, on a host without cache services, or in a library without
 *                     IOMMU_CONFIG_DMA_NONCOHERENT; in a library without IOMMU_CONFIG_DMA_BOUNCE, a
 *                     buffer that would have to be bounced; a device that reaches only shared
 *                     memory, where there is none (alloc_shared, IOMMU_CONFIG_ENCRYPTION)
 *   IOMMU_EOVERFLOW   paddr + size wraps
 *   IOMMU_ERANGE      beyond what the units can address; too large to be bounced
 *                     (iommu_dma_max_size)
 *   IOMMU_ENOSPC      no suitable addresses below the mask are free, or there is no bounce page
 *                     below it
 *   IOMMU_ENOMEM
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                 hardware must be told of new mappings, and did not confirm
 *   IOMMU_EAGAIN  so many operations wait for hardware that no new one is started
 *   IOMMU_EEXIST  a caller has mapped something in the domain itself, at the chosen address; or
 *                 where nothing translates, as iommu_dma_create_direct
 *   otherwise     a hypervisor that keeps the tables refuses, as iommu_map
 *
 * Context: any, at once for different buffers; sleeps only with iommu_dma_device.may_sleep.
 */
IOMMU_API int iommu_dma_map(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    iommu_paddr_t paddr, uint64_t size, enum iommu_dma_direction direction,
			    iommu_iova_t *address);

/*
 * iommu_dma_unmap - unmap a buffer: address and size as mapped.
 *
 * Data that the device has written are in the buffer afterwards. If hardware does not confirm, that
 * is so only once it has, for a device that is untrusted or not coherent, so the buffer must not be
 * touched until then. Returns 0; IOMMU_ENOENT:
 * nothing is mapped there, nothing has changed; IOMMU_EINVAL: the range is part of a mapping with
 * large pages, which are not split: nothing has changed; IOMMU_EAGAIN: so many operations wait for
 * hardware that no new one is started: the buffer is still mapped, unmap it again later; or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: unmapped but not confirmed; the memory must not be reused before a
 * later unmap, or iommu_dma_tick, succeeds.
 *
 * Context: any, at once for different buffers; never sleeps.
 */
IOMMU_API int iommu_dma_unmap(struct iommu_dma *dma, iommu_iova_t address, uint64_t size);

/*
 * iommu_dma_map_with - map a buffer with attributes (enum iommu_dma_attributes).
 * iommu_dma_unmap_with - unmap a buffer with attributes. For an unmap only IOMMU_DMA_SKIP_SYNC has
 * an effect: what the device has written to bounce pages since the last iommu_dma_sync_for_cpu is
 * dropped. Errors as iommu_dma_map and iommu_dma_unmap; IOMMU_EINVAL and IOMMU_EOPNOTSUPP also as
 * the attributes say, with nothing changed. Context: any, at once for different buffers; sleeps
 * only with iommu_dma_device.may_sleep.
 */
IOMMU_API int iommu_dma_map_with(struct iommu_dma *dma, const struct iommu_dma_device *device,
				 iommu_paddr_t paddr, uint64_t size,
				 enum iommu_dma_direction direction, unsigned int attributes,
				 iommu_iova_t *address);
IOMMU_API int iommu_dma_unmap_with(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
				   unsigned int attributes);

/*
 * iommu_dma_sync_for_cpu - give the CPU a mapped buffer, or part of it, or of an element of a list,
 * while it stays mapped. iommu_dma_sync_for_device - give the device a mapped buffer, or a part of
 * it, again. Effective for bounced buffers, that is, of untrusted devices, or where nothing
 * translates; and for devices that are not coherent, whose caches are looked after as well. For the
 * CPU: data that the device has written are copied into the buffer, if the device may write it. For
 * the device: data that the CPU has written are copied to the device's pages, if the device may
 * read them. Other combinations of call and direction are allowed and copy nothing: a driver may
 * return a buffer that the device only writes to the device before its next use (data that arrive
 * meanwhile are not overwritten), and take one that the device only reads before filling it again.
 * Context: any, at once for different buffers; never sleeps.
 */
IOMMU_API void iommu_dma_sync_for_cpu(struct iommu_dma *dma, iommu_iova_t address, uint64_t size);
IOMMU_API void iommu_dma_sync_for_device(struct iommu_dma *dma, iommu_iova_t address,
					 uint64_t size);

/* A piece of a scattered buffer, and an element of the list for the device. */
struct iommu_dma_piece {
	iommu_paddr_t paddr;
	uint64_t size;
	/* Set by map in the first *elements entries of the list; length is 0 in the next one. */
	iommu_iova_t address;
	uint64_t length;
};

/*
 * iommu_dma_map_sg - map a scattered buffer at consecutive addresses, piece by piece.
 *
 * Adjoining pieces (one ends at the end of a page, the next begins at the start of one) are merged
 * into one element, within the device's max_segment and boundary. A piece that would cross a
 * multiple of the boundary at its place is moved to that multiple, leaving a gap. A list is
 * therefore refused because of the boundary only if one of its pieces, with the bytes before it in
 * its page, is larger than the boundary.
 *
 * For an untrusted device, and one that is not coherent, each piece is treated as a buffer of
 * iommu_dma_map: what else is on its first and last page, or cache line, is out of the device's
 * reach. The list is unmapped, and confirmed, at once.
 *
 * All or nothing. Errors as iommu_dma_map; IOMMU_EINVAL also: no pieces, or a piece larger than
 * max_segment or the boundary, as above.
 *
 * iommu_dma_unmap_sg - unmap a list, which must be unchanged since it was mapped. Errors as
 * iommu_dma_unmap. Context: any, at once for different buffers; sleeps only with
 * iommu_dma_device.may_sleep.
 */
IOMMU_API int iommu_dma_map_sg(struct iommu_dma *dma, const struct iommu_dma_device *device,
			       struct iommu_dma_piece *pieces, unsigned int count,
			       enum iommu_dma_direction direction, unsigned int *elements);
IOMMU_API int iommu_dma_unmap_sg(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
				 unsigned int count);

/*
 * iommu_dma_map_sg_with - map a scattered buffer with attributes, as iommu_dma_map_with.
 * iommu_dma_unmap_sg_with - unmap a scattered buffer with attributes, as iommu_dma_unmap_with.
 * Errors as iommu_dma_map_sg, iommu_dma_map_with and iommu_dma_unmap_with. Context: any, at once
 * for different buffers; sleeps only with iommu_dma_device.may_sleep.
 */
IOMMU_API int iommu_dma_map_sg_with(struct iommu_dma *dma, const struct iommu_dma_device *device,
				    struct iommu_dma_piece *pieces, unsigned int count,
				    enum iommu_dma_direction direction, unsigned int attributes,
				    unsigned int *elements);
IOMMU_API int iommu_dma_unmap_sg_with(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
				      unsigned int count, unsigned int attributes);

/*
 * iommu_dma_alloc - allocate zeroed memory that CPU and device share, for rings, descriptors, or a
 * device's own buffers: whole pages at consecutive device addresses.
 *
 * @memory: receives the CPU's address, consecutive as well. NULL: the CPU never accesses the memory
 *          (such as a host memory buffer of an NVMe drive); memory in pieces is then always
 *          possible.
 *
 * Memory is one block of the host, of the next power of two of pages (iommu_platform.alloc_pages).
 * If the host has no such block, the memory is made of pieces, as large as available, down to
 * single pages; the CPU's address then comes from the platform's map_pieces, and must not be passed
 * to iommu_virt_to_phys. A host without map_pieces is limited to its largest block, except with
 * @memory NULL. With map_pieces, more than 2^IOMMU_MAX_ALLOC_ORDER pages that are no power of two
 * are always made of pieces. So is the memory of a device that is not coherent, of one piece or
 * more, with an address for the CPU from map_uncached.
 *
 * May sleep. Returns 0, IOMMU_EINVAL (size 0, or invalid limits of the device), IOMMU_ERANGE (more
 * than the CPU can address), IOMMU_ENOMEM (no block and no pieces, or no CPU addresses for them),
 * IOMMU_EOPNOTSUPP (@memory is NULL, or the device not coherent, in a library without
 * IOMMU_CONFIG_DMA_PIECES; a device that is not coherent, on a host without map_uncached); other
 * errors as iommu_dma_map.
 *
 * iommu_dma_free - free memory: memory (NULL if it was allocated so), address and size as
 * allocated. May sleep if the platform's unmap_pieces does and the memory may be in pieces; from
 * any context otherwise. Returns 0; IOMMU_ENOENT: nothing is mapped there, an address inside of a
 * page, or memory in pieces of another size, nothing has changed; IOMMU_EINVAL: as iommu_dma_unmap;
 * IOMMU_EAGAIN: as iommu_dma_unmap, the memory is still allocated; or IOMMU_ETIMEDOUT / IOMMU_EIO:
 * freed but not confirmed: the library keeps the pages until it is.
 */
IOMMU_API int iommu_dma_alloc(struct iommu_dma *dma, const struct iommu_dma_device *device,
			      uint64_t size, void **memory, iommu_iova_t *address);
IOMMU_API int iommu_dma_free(struct iommu_dma *dma, void *memory, iommu_iova_t address,
			     uint64_t size);

/*
 * iommu_dma_alloc_with - allocate memory for CPU and device with attributes; it is freed as any
 * other. Errors as iommu_dma_alloc and iommu_dma_map_with; IOMMU_EINVAL also: IOMMU_DMA_SKIP_SYNC
 * or IOMMU_DMA_MMIO, which shared memory cannot have. Context: as iommu_dma_alloc.
 */
IOMMU_API int iommu_dma_alloc_with(struct iommu_dma *dma, const struct iommu_dma_device *device,
				   uint64_t size, unsigned int attributes, void **memory,
				   iommu_iova_t *address);

/*
 * Windows: consecutive addresses that are reserved once, in which memory is mapped afterwards.
 *
 * For rings, page by page: any number of neighbouring pages is unmapped with one invalidation.
 * For a request of many pieces, in two steps: its pieces are linked byte by byte in the window, and
 * hardware is told of all of them at once.
 *
 *	iommu_dma_window_reserve(dma, &device, first_paddr, total, &window)
 *	for each piece: iommu_dma_window_link(&window, offset, paddr, size, direction, 0)
 *	iommu_dma_window_tell(&window, 0, total)      at iommu_dma_window_address
 *	iommu_dma_window_destroy(&window)             when the device has finished
 *
 * For a device that is not coherent, link and map write back what is cached of the memory, and
 * unlink, unmap and destroy, after hardware has confirmed, drop what is cached of what the device
 * may write; iommu_dma_sync_for_cpu and iommu_dma_sync_for_device work in between. Each piece is
 * unlinked as a whole. One linked with IOMMU_DMA_SKIP_SYNC is left to the driver at both ends. If
 * hardware does not confirm, a piece stays known: the call is to be repeated until it returns 0,
 * before the memory is used, or another piece linked there (iommu_dma_tick alone drops nothing).
 */
struct iommu_dma_window {
	struct iommu_dma *dma;
	struct iommu_iova_range *range; /* NULL: from the caches */
	iommu_iova_t start;             /* of its first page */
	uint64_t pages;
	uint64_t offset;  /* of its first byte in that page */
	uint64_t size;    /* in bytes, from that on */
	bool untrusted;   /* the device is */
	bool shared_only; /* … is so */
	bool noncoherent; /* … is so */
};

/*
 * iommu_dma_window_create - reserve a window of `pages` pages of the domain's smallest size. May
 * sleep. Returns 0, IOMMU_EINVAL (no pages, mask), IOMMU_EOPNOTSUPP (the handle maps nothing, or
 * the device is not coherent, on a host without cache services or in a library without
 * IOMMU_CONFIG_DMA_BOUNCE), IOMMU_ENOSPC or IOMMU_ENOMEM.
 *
 * Context: may sleep.
 */
IOMMU_API int iommu_dma_window_create(struct iommu_dma *dma, const struct iommu_dma_device *device,
				      uint64_t pages, struct iommu_dma_window *window);
/*
 * iommu_dma_window_map - map whole pages at page number `first` of the window, without allocating
 * addresses. IOMMU_ERANGE: beyond the window; IOMMU_EEXIST: something is mapped there;
 * IOMMU_EOPNOTSUPP: the device reaches only shared memory (use link); otherwise as iommu_map.
 * iommu_dma_window_unmap - unmap `count` pages from `first` on, skipping holes, with one
 * invalidation. Errors as iommu_unmap; IOMMU_EINVAL also: part of what was mapped, or linked, for a
 * device that is not coherent. One call at a time for the same pages.
 *
 * Context: any; never sleeps.
 */
IOMMU_API int iommu_dma_window_map(struct iommu_dma_window *window, uint64_t first,
				   iommu_paddr_t paddr, uint64_t count,
				   enum iommu_dma_direction direction);
IOMMU_API int iommu_dma_window_unmap(struct iommu_dma_window *window, uint64_t first,
				     uint64_t count);
/*
 * iommu_dma_window_reserve - reserve a window for a buffer of `size` bytes, the first of which is
 * at `paddr`, or at another address with the same offset in its page. The choice of addresses, and
 * errors, are as of iommu_dma_map; IOMMU_EOPNOTSUPP also: the handle maps nothing, or the
 * device is untrusted and the handle lazy. Nothing is mapped. The caller maps with
 * iommu_dma_map where the call is refused.
 *
 * iommu_dma_window_address - where the device finds byte `offset` of the window.
 *
 * iommu_dma_window_link - map `size` bytes of memory at `paddr` from byte `offset` of the window
 * on, without telling hardware. @attributes: enum iommu_dma_attributes. A piece that begins or ends
 * inside a page must be the first, or the last, of the window; its offset in its page must be that
 * of its place. Returns 0; IOMMU_EINVAL: otherwise, or direction or attributes; IOMMU_ERANGE:
 * beyond the window; IOMMU_EEXIST: something is mapped there; IOMMU_EOPNOTSUPP: part of a page of
 * an untrusted device, memory that is not shared for one that reaches no other, part of a cache
 * line that a device that is not coherent may write, or as the attributes say; otherwise as
 * iommu_map_nosync. Pieces that were linked before stay so.
 *
 * iommu_dma_window_tell - tell hardware of what was linked in `size` bytes from `offset` on: once
 * for a request. The device may use it when 0 is returned. Errors as iommu_sync_map, and
 * IOMMU_ERANGE: beyond the window.
 *
 * iommu_dma_window_unlink - unmap what was linked, or mapped, in `size` bytes from `offset` on,
 * skipping holes, with one invalidation: whole pages of the window, as for link. Errors as
 * iommu_unmap, and IOMMU_ERANGE, IOMMU_EINVAL as link and as iommu_dma_window_unmap. The addresses
 * remain reserved.
 *
 * One call at a time for the same bytes. Contexts as iommu_dma_map; link does not sleep.
 */
IOMMU_API int iommu_dma_window_reserve(struct iommu_dma *dma, const struct iommu_dma_device *device,
				       iommu_paddr_t paddr, uint64_t size,
				       struct iommu_dma_window *window);
static inline iommu_iova_t iommu_dma_window_address(const struct iommu_dma_window *window,
						    uint64_t offset)
{
	return window->start + window->offset + offset;
}
IOMMU_API int iommu_dma_window_link(struct iommu_dma_window *window, uint64_t offset,
				    iommu_paddr_t paddr, uint64_t size,
				    enum iommu_dma_direction direction, unsigned int attributes);
IOMMU_API int iommu_dma_window_tell(struct iommu_dma_window *window, uint64_t offset,
				    uint64_t size);
IOMMU_API int iommu_dma_window_unlink(struct iommu_dma_window *window, uint64_t offset,
				      uint64_t size);
/*
 * iommu_dma_window_destroy - unmap all pages and free the addresses. Returns 0, or IOMMU_ETIMEDOUT
 * / IOMMU_EIO, as iommu_unmap: the window remains. Context: any; no other call uses the window.
 */
IOMMU_API int iommu_dma_window_destroy(struct iommu_dma_window *window);

/*
 * DMA between devices: the registers, or the memory, of one device (the provider) as the target of
 * another's (the client's) DMA. Below one switch that does not redirect requests, they do not pass
 * the IOMMU: the client uses the provider's bus addresses. Otherwise they go through the root
 * complex, if it passes them on, and the registers are mapped like memory, which they are not:
 * IOMMU_DMA_MMIO. (Registers of no particular device are mapped with iommu_dma_map_with and that
 * attribute.)
 *
 *	iommu_dma_peer_init(&peer, client, provider, bus_offset, flags)         once for each pair
 *	iommu_dma_map_peer(dma, &device, &peer, paddr, size, direction, &address)
 *	iommu_dma_unmap_peer(dma, &peer, address, size)
 */
struct iommu_dma_peer {
	uint64_t bus_offset;
	bool by_bus; /* requests do not pass the IOMMU */
};

enum iommu_dma_peer_flags {
	/*
	 * The root complex passes requests on between the devices below one of its host bridges …
	 */
	IOMMU_DMA_PEER_HOST_BRIDGE = 1 << 0,
	/* … and between those below different ones. */
	IOMMU_DMA_PEER_HOST_BRIDGES = 1 << 1,
};

/*
 * iommu_dma_peer_init - find out how two devices reach each other, from the PCI topology
 * (iommu_find_route). It holds until the topology, or ACS of a bridge, changes. An untrusted client
 * never uses bus addresses, because nothing would limit it to what is mapped.
 *
 * @peer:       the caller's; needs no destruction.
 * @bus_offset: bus address of the provider's registers less their physical address, modulo 2^64:
 *              0 on a PC.
 * @flags:      enum iommu_dma_peer_flags: what the host knows of the root complex.
 *
 * Returns 0; IOMMU_EOPNOTSUPP: requests go through the root complex, of which `flags` does not say
 * that it passes them on, or the topology does not say where they go; IOMMU_EINVAL: unknown flags;
 * otherwise as iommu_find_route. Control path.
 *
 * iommu_dma_map_peer - the address at which the client, whose handle and limits these are, finds
 * `size` bytes of the provider's registers at the physical address `paddr`. Nothing is copied, and
 * no cache is involved. With bus addresses nothing is mapped; IOMMU_ERANGE, IOMMU_EOVERFLOW: the
 * client cannot generate them, they cross its boundary although they need not, or they wrap.
 * Otherwise as iommu_dma_map_with. The addresses of BARs must not be handed out as device addresses
 * of memory: iommu_reserve.
 *
 * iommu_dma_unmap_peer - the inverse, as iommu_dma_unmap_with; 0 for a bus address.
 */
IOMMU_API int iommu_dma_peer_init(struct iommu_dma_peer *peer, struct iommu_endpoint *client,
				  struct iommu_endpoint *provider, uint64_t bus_offset,
				  unsigned int flags);
IOMMU_API int iommu_dma_map_peer(struct iommu_dma *dma, const struct iommu_dma_device *device,
				 const struct iommu_dma_peer *peer, iommu_paddr_t paddr,
				 uint64_t size, enum iommu_dma_direction direction,
				 iommu_iova_t *address);
IOMMU_API int iommu_dma_unmap_peer(struct iommu_dma *dma, const struct iommu_dma_peer *peer,
				   iommu_iova_t address, uint64_t size);

/*
 * iommu_dma_map_msi - the address at which devices of the domain reach a page of interrupt
 * registers, for units that translate interrupts like memory. Mapped on first use, for the life of
 * the domain. IOMMU_ENOSPC: more than IOMMU_DMA_MSI_PAGES different pages; IOMMU_EOPNOTSUPP also:
 * the handle has nothing but a bypass (iommu_dma_create); otherwise as iommu_dma_map. May sleep.
 * Context: may sleep.
 */
#define IOMMU_DMA_MSI_PAGES 8
IOMMU_API int iommu_dma_map_msi(struct iommu_dma *dma, iommu_paddr_t doorbell,
				iommu_iova_t *address);

struct iommu_dma_stats {
	unsigned int withheld; /* address ranges that wait for a confirmed invalidation */
	unsigned int
		lost; /* ranges that could not be recorded as such: more than 32 calls at once */
	unsigned int bounced; /* buffers mapped through bounce pages */
};
/* iommu_dma_get_stats - counts of a handle, at this moment. Any context. */
IOMMU_API void iommu_dma_get_stats(struct iommu_dma *dma, struct iommu_dma_stats *stats);

/*
 * Checking of drivers. A library built with IOMMU_DMA_DEBUG (a CMake option; a macro for hosts that
 * compile src/ themselves) records every mapping, and reports calls that do not match in the
 * platform's log, at IOMMU_LOG_ERROR, with address and size of the call and of the mapping:
 *
 *   - unmap of less, or more, than was mapped; from the middle; twice; of an address that is not
 *     mapped;
 *   - unmap through the wrong handle, while another one has this mapping;
 *   - unmap by the function for another kind: lists, shared memory, windows, buffers;
 *   - unmap of a list with another count, or changed since it was mapped; free of other memory;
 *   - sync beyond the end of a mapping, or of an address that is not mapped, whatever the
 *     direction;
 *   - mappings that remain at the end of a handle (iommu_dma_destroy, or the end of the default
 *     domain).
 *
 * The call then has the same result as without the option. Each mapping takes an object of some 100
 * bytes in pages of the host (IOMMU_ALLOC_ATOMIC). If there is no memory, the handle is no longer
 * watched, which is logged; there are no false reports. Other builds contain nothing of this.
 *
 * iommu_dma_debug_reports - the number of reports of all handles since the program started; 0 in
 * other builds. iommu_dma_debug_is_on - whether the handle is watched. Both: any context.
 */
IOMMU_API uint32_t iommu_dma_debug_reports(void);
IOMMU_API bool iommu_dma_debug_is_on(const struct iommu_dma *dma);

/* --- Flush queues ----------------------------------------------------------------------------- */

/*
 * Flush queues defer invalidations: addresses and memory that were unmapped are kept until a common
 * invalidation has completed.
 *
 * An unmap through the queue clears the page table entries and returns; the unit's caches may use
 * the old translation for some time. The address range and the table pages that became free wait in
 * a ring of the calling CPU until an invalidation of the whole domain, started after they were
 * queued, has completed; then they are returned to the IOVA cache and to the host. A device may
 * reach unmapped memory for a bounded time, and many unmaps share one invalidation: for trusted
 * devices.
 *
 * Bounds are the number of entries and of bytes of each ring, and the age of entries. An unmap that
 * reaches one of the first two invalidates before it queues. The age is enforced by
 * iommu_flush_queue_tick, which the host calls periodically: no entry gets older than max_age_ns
 * plus the time between two ticks. An unmap does not read the clock unless it invalidates.
 *
 * If hardware does not confirm an invalidation, nothing is released: the entries remain, and an
 * unmap that finds no room returns the error, with its range still allocated.
 *
 * Locking: one spinlock for the ring of each CPU, held for a few entries at a time, and never while
 * waiting for hardware or freeing. unmap, flush and tick may be called concurrently, from any
 * context, on any CPU.
 *
 * A queue may also have one ring for all CPUs, or bounds that adapt to the load (enum
 * iommu_flush_queue_flags).
 *
 * Memory: 128 bytes for each CPU, and a ring from the CPU's first unmap on, allocated with
 * IOMMU_ALLOC_ATOMIC. If the host has no block for a whole ring, a shorter one is used; without
 * even a page, the unmap waits for its own invalidation.
 */

struct iommu_flush_queue;

struct iommu_flush_queue_config {
	const struct iommu_platform *platform;
	struct iommu_domain *domain;    /* a paging domain */
	struct iommu_iova_cache *cache; /* receives the ranges; both must outlive the queue */
	uint64_t granule;               /* of the cache's space, in bytes */
	unsigned int entries; /* maximum of a ring: 2 to 1024 (single: 2048); 0: 256 (1024) */
	uint64_t max_bytes;   /* maximum of a ring; 0: 64 MiB */
	uint64_t max_age_ns;  /* 0: 10 ms. Without a clock (now_ns) every tick flushes */
	unsigned int flags;   /* enum iommu_flush_queue_flags */
};

enum iommu_flush_queue_flags {
	/*
	 * One ring for all CPUs, with a lock that they share: for few CPUs, or where an
	 * invalidation is so slow, as a hypervisor's that shadows tables, that as many unmaps as
	 * possible are to share one.
	 */
	IOMMU_FLUSH_QUEUE_SINGLE = 1 << 0,
	/*
	 * Entries and age are maximums that are reached under load: a ring begins with an eighth of
	 * its entries, is given twice as many when an unmap finds it full, and half as many when a
	 * tick finds entries that are too old and the ring at most a quarter full. Of max_age_ns as
	 * much is used as the largest ring has of its entries. So devices that are seldom busy
	 * reach unmapped memory for a shorter time, at the price of few invalidations.
	 */
	IOMMU_FLUSH_QUEUE_ADAPTIVE = 1 << 1,
};

/*
 * iommu_flush_queue_create - make an empty queue. Returns 0, IOMMU_EINVAL (a domain without tables;
 * entries or granule; unknown flags; no CPU or more than 4096) or IOMMU_ENOMEM. Context: may sleep.
 */
IOMMU_API int iommu_flush_queue_create(const struct iommu_flush_queue_config *config,
				       struct iommu_flush_queue **queue);

/*
 * iommu_flush_queue_destroy - flush and free the queue. No other call may use it. Returns 0, or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: an invalidation was not confirmed; the queue remains, with its
 * entries.
 *
 * Context: any; no other call uses the queue.
 */
IOMMU_API int iommu_flush_queue_destroy(struct iommu_flush_queue *queue);

/*
 * iommu_flush_queue_unmap - unmap 2^order granules from granule `first` on, and return the range to
 * the cache when that is safe.
 *
 * iommu_flush_queue_unmap_size - unmap lazily, and queue, a range of any size, in granules, which
 * is returned as by iommu_iova_cache_free_size.
 *
 * Return 0; IOMMU_EINVAL: size 0, or beyond 64 bits; the errors of iommu_pgtable_ops.unmap, and
 * IOMMU_ENOENT if nothing was mapped, with nothing changed (the range stays allocated: it may
 * belong to another buffer by now); or, if the ring is full, or there is no memory for one, and
 * hardware does not confirm, IOMMU_ETIMEDOUT or IOMMU_EIO: unmapped, and the range stays allocated
 * for good.
 *
 * Context: any, at once for different ranges; never sleeps.
 */
IOMMU_API int iommu_flush_queue_unmap(struct iommu_flush_queue *queue, uint64_t first,
				      unsigned int order);
IOMMU_API int iommu_flush_queue_unmap_size(struct iommu_flush_queue *queue, uint64_t first,
					   uint64_t size);

/*
 * iommu_flush_queue_flush - invalidate now, and release all entries that were queued before, on all
 * CPUs: under memory pressure, or before a driver is unloaded. Returns 0, or IOMMU_ETIMEDOUT /
 * IOMMU_EIO: the invalidation was not confirmed, and all entries remain.
 *
 * Context: any, such as a timer; never sleeps.
 */
IOMMU_API int iommu_flush_queue_flush(struct iommu_flush_queue *queue);

/*
 * iommu_flush_queue_tick - flush a queue when it is time to, for a timer: if the queue has entries
 * and the last confirmed invalidation began more than max_age_ns ago; on a host without a clock, if
 * the queue has entries. An entry may thus be released before max_age_ns, and is at the latest by
 * the first tick after it. Reads the clock at most twice. Returns as iommu_flush_queue_flush; 0 if
 * there was nothing to do. Context: any, such as a timer; never sleeps.
 */
IOMMU_API int iommu_flush_queue_tick(struct iommu_flush_queue *queue);

struct iommu_flush_queue_stats {
	uint64_t entries; /* at present */
	uint64_t bytes;   /* at present */
	uint64_t flushes; /* invalidations started */
};

/* iommu_flush_queue_get_stats - takes the lock of each CPU in turn. Context: any. */
IOMMU_API void iommu_flush_queue_get_stats(struct iommu_flush_queue *queue,
					   struct iommu_flush_queue_stats *stats);

IOMMU_END_DECLS
#endif
