/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO address spaces as objects: what a manager of virtual machines, or an emulator, knows from /dev/iommu.
 *
 *	iommu_ctx_create(iommu, NULL, &ctx)                    a user: one virtual machine, say
 *	iommu_ioas_alloc(ctx, 0, &ioas)                        an address space
 *	iommu_ioas_map(ctx, ioas, &backing, size, flags, &iova)  memory in it, pinned once
 *	iommu_device_bind(ctx, endpoint, &device)              ioas_device.h: the device is ours
 *	iommu_device_attach(ctx, device, IOMMU_NO_PASID, ioas, NULL)  … and reaches what is mapped
 *
 * A context has objects, which are named by ids from 1 on; an id of an object that went is used again. An IOAS is what its
 * users see; a hardware page table (HWPT, <libiommu/hwpt.h>) is a domain that it fills. Whatever is mapped in an IOAS is
 * in each of its HWPTs, always: the first of them has the memory pinned, the last one lets it go. The tables are where the
 * physical addresses are kept: an area costs as much memory for 4 KiB as for a terabyte.
 *
 * Locking. Calls that make, destroy, bind or attach objects are the control path of their context: one mutex of the host's,
 * under which they wait for those that map. They may sleep and must not be called from the callbacks below. Map, unmap,
 * copy, and what access objects do run at once with them and each other, and wait only for those that need the same pages
 * or the same area; they may sleep as far as the callbacks do. Semantics are those of Linux's iommufd where nothing
 * else is said (Documentation/userspace-api/iommufd.rst); what differs is listed in docs/iommufd.md.
 *
 * Every function below that takes an id: IOMMU_ENOENT: no object has it; IOMMU_EINVAL: it has another type.
 */
#ifndef LIBIOMMU_IOAS_H
#define LIBIOMMU_IOAS_H

#include <libiommu/domain.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_ctx;

/* --- Contexts --------------------------------------------------------------------------------- */

/*
 * What one context may take, so that its owner cannot exhaust the host. 0: as much as it likes, where nothing else is said.
 * Beyond it are, of the host's own: a PASID table for each 64 PASIDs of an endpoint (its max_pasids) that were ever attached,
 * until it is released; and 64 KiB for each call that is under way.
 */
struct iommu_ctx_limits {
	uint32_t objects;
	uint64_t areas;
	uint64_t pinned_pages; /* of 4 KiB, at once */
	/* Ranges that are allowed in one address space (iommu_ioas_allow). 0: as many as areas. */
	uint64_t allowed_ranges;
	/* Devices that are attached, each PASID counted. 0: as many as objects. */
	uint64_t attachments;
	/* Pages that access objects have pinned, each as often as it is pinned. 0: as many as pinned_pages. */
	uint64_t access_pages;
	/* Pages of the tables of one HWPT. When they are used up, those that are empty are looked for before anything fails. */
	uint64_t table_pages;
	/* See struct iommu_ctx_stats: all memory but that of tables. */
	uint64_t metadata_bytes;
};

/*
 * iommu_ctx_create - a context without objects. @limits: NULL: none. Returns 0 or IOMMU_ENOMEM.
 *
 * iommu_ctx_destroy - close it: every object goes, whatever is attached, mapped or pinned, in the order in which they hang on
 * each other. Returns 0; or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that something is out of use. What
 * is left stays as it is then, with its memory pinned: call again. No other call may use the
 * context meanwhile or afterwards.
 */
IOMMU_API int iommu_ctx_create(struct iommu *iommu, const struct iommu_ctx_limits *limits,
			       struct iommu_ctx **ctx);
IOMMU_API int iommu_ctx_destroy(struct iommu_ctx *ctx);

enum iommu_object_type {
	IOMMU_OBJECT_ANY = 0,
	IOMMU_OBJECT_IOAS,
	IOMMU_OBJECT_HWPT,        /* it maps what an IOAS says */
	IOMMU_OBJECT_HWPT_NESTED, /* it maps what a guest says, over one of those */
	IOMMU_OBJECT_DEVICE,
	IOMMU_OBJECT_ACCESS,
	IOMMU_OBJECT_FAULT_QUEUE,
	IOMMU_OBJECT_VIRTUAL_UNIT,
	IOMMU_OBJECT_VIRTUAL_DEVICE,
	IOMMU_OBJECT_EVENT_QUEUE,
};

/*
 * Ids. Every call that takes one returns IOMMU_ENOENT where no object has it, and IOMMU_EINVAL where
 * the object is of another type.
 *
 * iommu_object_destroy - returns 0, IOMMU_ENOENT, IOMMU_EBUSY (other objects need it; a device, which goes when it is
 * unbound), or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that it, or what hangs on it,
 * is out of use. It is there then, of an HWPT with what is mapped pinned; the same call again goes
 * on from there.
 *
 * iommu_object_type - IOMMU_OBJECT_ANY: there is no such object. iommu_object_next - the next id above `id`; 0: none.
 */
IOMMU_API int iommu_object_destroy(struct iommu_ctx *ctx, uint32_t id);
IOMMU_API enum iommu_object_type iommu_object_type(struct iommu_ctx *ctx, uint32_t id);
IOMMU_API uint32_t iommu_object_next(struct iommu_ctx *ctx, uint32_t id);

struct iommu_ctx_stats {
	uint32_t objects;
	uint64_t areas;
	uint64_t pinned_pages; /* of 4 KiB, each counted once */
	/* Of objects, areas, ranges, attachments, fault queues, and what is pinned by access; not tables. */
	uint64_t metadata_bytes;
	uint64_t attachments;
	uint64_t access_pages;
};
IOMMU_API void iommu_ctx_get_stats(struct iommu_ctx *ctx, struct iommu_ctx_stats *stats);

/* --- Address spaces --------------------------------------------------------------------------- */

enum iommu_ioas_flags {
	/* A part of an area may be unmapped: the area becomes two, or shorter. */
	IOMMU_IOAS_SPLIT = 1 << 0,
	/*
	 * Its HWPTs use the smallest pages of their units alone: what is written can be told to a page from the first moment,
	 * and no unmap has to split one; more tables, and more misses.
	 */
	IOMMU_IOAS_SMALL_PAGES = 1 << 4,
};

/*
 * iommu_ioas_alloc - empty. Returns 0, IOMMU_EOPNOTSUPP (flags), IOMMU_ENOMEM, IOMMU_ENOSPC (the
 * context's limit), IOMMU_ENODEV (the context is closed).
 */
IOMMU_API int iommu_ioas_alloc(struct iommu_ctx *ctx, unsigned int flags, uint32_t *ioas);

enum iommu_backing_flags {
	/*
	 * Registers of a device (a BAR), not memory: tables say so where they have bits for it
	 * (IOMMU_PROT_MMIO), so that nothing caches them; they count as no pinned pages; and
	 * software reads and writes them with `copy` and does not pin them.
	 */
	IOMMU_BACKING_MMIO = 1 << 0,
};

/*
 * Memory that may appear in address spaces: a process's, a file's, a guest's. Addresses are the backing's own, in bytes.
 * The functions may sleep and may be called at once for different areas; they must not call the library.
 */
struct iommu_backing_ops {
	/*
	 * Have [address, address + size) stay where it is, from its beginning on, and say where: pieces of whole pages of 4 KiB,
	 * at most `room` of them, which together may be less than was asked for, but not nothing. On failure nothing is pinned.
	 * Pieces that adjoin may be given as one.
	 */
	int (*pin)(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
		   struct iommu_map_piece *pieces, unsigned int room, unsigned int *count);
	/* What was pinned there is no longer needed; each page once. With IOMMU_PROT_WRITE it may have been written. */
	void (*unpin)(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
		      unsigned int count, unsigned int prot);
	/* See iommu_access_rw. NULL: through iommu_phys_to_virt, while it is pinned. */
	int (*copy)(void *ctx, uint64_t address, void *bytes, size_t size, bool write);
	/* See iommu_ioas_change_backing: is it the same memory, at the same place? NULL: never. */
	bool (*is_same)(void *ctx, void *other, uint64_t address, uint64_t size);
	unsigned int flags; /* enum iommu_backing_flags */
};

struct iommu_backing {
	const struct iommu_backing_ops *ops; /* in use as long as anything of it is mapped */
	void *ctx; /* what is revoked and restored together has one of its own */
	uint64_t address;
};

enum iommu_ioas_map_flags {
	IOMMU_IOAS_FIXED = 1 << 0, /* at *iova, and nowhere else */
	IOMMU_IOAS_READ = 1 << 1,
	IOMMU_IOAS_WRITE = 1 << 2,
};

/*
 * iommu_ioas_map - an area of `size` bytes from backing->address on.
 *
 * Without IOMMU_IOAS_FIXED at the lowest place that is free, allowed and not reserved, aligned as the size is (to 1 GiB at
 * most) as far as the backing's address is, so that large pages can be used; where no such place is left aligned to 2 MiB, and
 * then as it must be; never at address 0, nor at the last page of all. With it the place need not be among those that are
 * allowed. All HWPTs of the IOAS map it, or none; without any its memory is not pinned.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      size 0; size, place or address are not multiples of the alignment (iommu_ioas_ranges); neither read nor
 *                     write; a fixed place that touches what is reserved; a function is missing
 *   IOMMU_EOPNOTSUPP  unknown flags, of the call or of the backing
 *   IOMMU_EOVERFLOW   the place, or the backing's addresses, wrap
 *   IOMMU_EEXIST      a fixed place that is not free
 *   IOMMU_ENOSPC      no place; or the context's limit of areas
 *   IOMMU_ENOMEM      also: the limit of pinned pages, of table pages, or of metadata
 *   IOMMU_EBUSY       the last HWPT is on its way out and hardware has not confirmed that
 *   IOMMU_ENOENT      no object has this id
 *   otherwise         what pin said (IOMMU_EFAULT: no sense), or as iommu_map. IOMMU_ETIMEDOUT /
 *                     IOMMU_EIO: what had been mapped was taken back, but hardware did not confirm:
 *                     the place stays taken, and its memory pinned, until an unmap of it succeeds
 */
IOMMU_API int iommu_ioas_map(struct iommu_ctx *ctx, uint32_t ioas,
			     const struct iommu_backing *backing, uint64_t size, unsigned int flags,
			     iommu_iova_t *iova);

/*
 * iommu_ioas_copy - what [from_iova, from_iova + size) of one IOAS leads to, in another one, or elsewhere in the same: the same
 * memory, pinned once for both. The range must be mapped without a hole. flags, *iova and errors as
 * iommu_ioas_map; IOMMU_ENOENT also: a hole; IOMMU_EPERM: to write, where the original may only be
 * read.
 */
IOMMU_API int iommu_ioas_copy(struct iommu_ctx *ctx, uint32_t to, uint32_t from,
			      iommu_iova_t from_iova, uint64_t size, unsigned int flags,
			      iommu_iova_t *iova);

/*
 * iommu_ioas_unmap - take out all areas in [iova, iova + size): areas as a whole, or parts with IOMMU_IOAS_SPLIT.
 *
 * Those who access the areas are told first, and have let go when it goes on. When it returns 0, hardware has confirmed, and
 * memory that nothing else needs is unpinned. iova 0 with size UINT64_MAX is everything, and never fails for want of areas.
 * *unmapped: bytes; may be NULL.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     size 0; an area lies in the range only in part, and is not to be split, or not there: not aligned (iommu_ioas_ranges)
 *   IOMMU_ENOENT     no area is there, or no object has this id
 *   IOMMU_ENOSPC     a part of an area is to go, and what is left would exceed the limit of areas
 *   IOMMU_EOVERFLOW
 *   IOMMU_EBUSY      an area is being mapped or unmapped by another call; or is pinned, and its
 *                    holder did not let go. Calls of iommu_access_rw that are under way are waited
 *                    for
 *   IOMMU_ENOMEM     the area is mapped as before, though perhaps as several that adjoin
 *                    (IOMMU_IOAS_SPLIT); where only some of its HWPTs could be asked it is on its
 *                    way out: the same call again goes on from there
 *   IOMMU_EFAULT     the tables do not lead where the area was mapped: they were changed past the
 *                    library; its memory stays pinned
 *   IOMMU_ETIMEDOUT / IOMMU_EIO  hardware did not confirm. Devices do not reach the area, or a part of it, any more as far as
 *                    is known; its place stays taken and its memory pinned. The same call again goes on from there.
 * Areas before the one that failed are gone, and counted.
 */
IOMMU_API int iommu_ioas_unmap(struct iommu_ctx *ctx, uint32_t ioas, iommu_iova_t iova,
			       uint64_t size, uint64_t *unmapped);

/* An area, for a list of them. */
struct iommu_ioas_area {
	iommu_iova_t iova;
	uint64_t size;
	unsigned int prot;
	struct iommu_backing backing;
	unsigned int pins; /* calls of iommu_access_pin that hold a part of it */
	bool is_revoked;   /* no device reaches it: iommu_backing_revoke */
};

/*
 * iommu_ioas_next_area - the first area that ends at or after iova. 0, or IOMMU_ENOENT: there is none, or no
 * object has this id; IOMMU_EINVAL: the object is no address space. An area may end at the
 * last byte of the space: there iova + size is 0.
 */
IOMMU_API int iommu_ioas_next_area(struct iommu_ctx *ctx, uint32_t ioas, iommu_iova_t iova,
				   struct iommu_ioas_area *area);

/*
 * iommu_ioas_change_backing - memory has another owner: a process that was replaced by its successor. Every area that is
 * backed by `from` is backed by `to` from now on, if backing->ops->is_same says so for each; all or none. Copies of such an
 * area, in whatever space, go with it; when this returns, nothing of the context uses `from` for them any more. Returns 0,
 * IOMMU_EOPNOTSUPP (one cannot say), IOMMU_EINVAL (one is not the same), IOMMU_ENOENT: none is.
 * Control path.
 */
IOMMU_API int iommu_ioas_change_backing(struct iommu_ctx *ctx, uint32_t ioas, void *from, void *to);

/*
 * iommu_backing_revoke - the owner of memory takes it back while it is mapped: a device whose
 * registers are in address spaces is about to be reset, or sleeps. Everything that is backed by
 * `backing` (struct iommu_backing.ctx) goes out of all tables of all spaces of the context, copies
 * included, and is unpinned. Areas stay where they are, with nothing behind them: devices fault
 * there, software is refused with IOMMU_ENODEV, an HWPT that is made meanwhile has a hole there,
 * and so has a copy. They may be unmapped, cut and copied as always. Those who pin a part are told
 * first, as by iommu_ioas_unmap.
 *
 * The owner sees to it beforehand that its `pin` refuses (with IOMMU_ENODEV, say) from then on:
 * what is mapped anew asks that.
 *
 * Returns 0: hardware has confirmed that no device reaches any of it, also when nothing was mapped;
 * or
 *   IOMMU_EBUSY   who pins a part did not let go of it. No device reaches any of it
 *   IOMMU_ENOMEM  a part shares a large page with what is not its own, which could not be split;
 *                 or there is no memory to note what hardware is asked to forget
 *   IOMMU_ETIMEDOUT / IOMMU_EIO  hardware did not confirm
 * After an error it is revoked all the same, as far as that went, and what went no further is
 * pinned still: call again.
 *
 * iommu_backing_restore - and gives it back, perhaps at another physical address: pin is asked
 * again for every area whose space has an HWPT, and devices reach it as before. What a revocation
 * has left undone is done first. Returns 0, also when nothing was revoked; or, with all of it
 * revoked as before, the errors of iommu_backing_revoke, of pin, of iommu_map, or IOMMU_ENOMEM: a
 * limit of the context. After IOMMU_ETIMEDOUT or IOMMU_EIO, which is also the answer when what had
 * been restored could not be taken out again, devices may reach that, until iommu_backing_revoke or
 * another iommu_backing_restore has returned 0.
 *
 * Control path, of this context: an owner whose memory is mapped in several asks each of them.
 * Calls that map, unmap or copy in the context wait meanwhile. Not from a function of a backing.
 */
IOMMU_API int iommu_backing_revoke(struct iommu_ctx *ctx, void *backing);
IOMMU_API int iommu_backing_restore(struct iommu_ctx *ctx, void *backing);

/* --- Which addresses -------------------------------------------------------------------------- */

struct iommu_iova_bounds {
	iommu_iova_t first, last; /* inclusive */
};

/*
 * iommu_ioas_ranges - where fixed mappings may lie: what no device and no HWPT reserves. In order, and how much they have to
 * be aligned. Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (no address space has this id), or IOMMU_ENOSPC: *count are needed, and
 * `capacity` of them were filled in.
 */
IOMMU_API int iommu_ioas_ranges(struct iommu_ctx *ctx, uint32_t ioas,
				struct iommu_iova_bounds *ranges, unsigned int capacity,
				unsigned int *count, uint64_t *alignment);

/*
 * iommu_ioas_allow - the only ranges in which places are chosen from now on, and that no device may reserve; none: anywhere.
 * Replaces those from before. Returns 0, IOMMU_EINVAL (first >= last, or two overlap), IOMMU_EADDRINUSE (reserved), IOMMU_ENOSPC
 * (the context's limit of ranges), IOMMU_ENOMEM, IOMMU_ENOENT (no object has this id).
 */
IOMMU_API int iommu_ioas_allow(struct iommu_ctx *ctx, uint32_t ioas,
			       const struct iommu_iova_bounds *ranges, unsigned int count);

IOMMU_END_DECLS
#endif
