/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO address spaces as objects: what a manager of virtual machines, or an emulator, knows from
 * /dev/iommu.
 *
 *	iommu_ctx_create(iommu, NULL, &ctx)                    a user: one virtual machine, say
 *	iommu_ioas_alloc(ctx, 0, &ioas)                        an address space
 *	iommu_ioas_map(ctx, ioas, &backing, size, flags, &iova)  memory in it, pinned once
 *	iommu_device_bind(ctx, endpoint, &device)              the device is the context's
 *	iommu_device_attach(ctx, device, IOMMU_NO_PASID, ioas, NULL)  … and reaches what is mapped
 *
 * A context has objects, which are named by ids from 1 on; an id of an object that went is used
 * again. An IOAS is what its users see; a hardware page table (HWPT) is a domain that it fills.
 * Whatever is mapped in an IOAS is in each of its HWPTs, always: the first of them has the memory
 * pinned, the last one lets it go. The tables are where the physical addresses are kept: an area
 * costs as much memory for 4 KiB as for a terabyte.
 *
 * Locking. Calls that make, destroy, bind or attach objects are the control path of their context:
 * one mutex of the host's, under which they wait for those that map. They may sleep and must not be
 * called from the callbacks below. Map, unmap, copy, and what access objects do run at once with
 * them and each other, and wait only for those that need the same pages or the same area; they may
 * sleep as far as the callbacks do. Semantics are those of Linux's iommufd where nothing else is
 * said (Documentation/userspace-api/iommufd.rst); what differs is listed in docs/iommufd.md.
 *
 * Every function below that takes an id: IOMMU_ENOENT: no object has it; IOMMU_EINVAL: it has
 * another type.
 */
#ifndef LIBIOMMU_IOAS_H
#define LIBIOMMU_IOAS_H

#include <libiommu/domain.h>
#include <libiommu/fault.h>
#include <libiommu/instance.h>
#include <libiommu/page_request.h>
#include <libiommu/pgtable.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_ctx;

/* --- Contexts --------------------------------------------------------------------------------- */

/*
 * What one context may take, so that its owner cannot exhaust the host. 0: as much as it likes,
 * where nothing else is said. Beyond it are, of the host's own: a PASID table for each 64 PASIDs of
 * an endpoint (its max_pasids) that were ever attached, until it is released; and 64 KiB for each
 * call that is under way.
 */
struct iommu_ctx_limits {
	uint32_t objects;
	uint64_t areas;
	uint64_t pinned_pages; /* of 4 KiB, at once */
	/* Ranges that are allowed in one address space (iommu_ioas_allow). 0: as many as areas. */
	uint64_t allowed_ranges;
	/* Devices that are attached, each PASID counted. 0: as many as objects. */
	uint64_t attachments;
	/*
	 * Pages that access objects have pinned, each as often as it is pinned. 0: as many as
	 * pinned_pages.
	 */
	uint64_t access_pages;
	/*
	 * Pages of the tables of one HWPT. When they are used up, those that are empty are looked
	 * for before anything fails.
	 */
	uint64_t table_pages;
	/* See struct iommu_ctx_stats: all memory but that of tables. */
	uint64_t metadata_bytes;
};

/*
 * iommu_ctx_create - a context without objects. @limits: NULL: none. Returns 0 or IOMMU_ENOMEM.
 *
 * iommu_ctx_destroy - close it: every object goes, whatever is attached, mapped or pinned, in the
 * order in which they hang on each other. Returns 0; or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did
 * not confirm that something is out of use. What is left stays as it is then, with its memory
 * pinned: call again. No other call may use the context meanwhile or afterwards.
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
 * Ids. Every call that takes one returns IOMMU_ENOENT where no object has it, and IOMMU_EINVAL
 * where the object is of another type.
 *
 * iommu_object_destroy - returns 0, IOMMU_ENOENT, IOMMU_EBUSY (other objects need it; a device,
 * which goes when it is unbound), or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that it,
 * or what hangs on it, is out of use. It is there then, of an HWPT with what is mapped pinned; the
 * same call again goes on from there.
 *
 * iommu_object_type - IOMMU_OBJECT_ANY: there is no such object. iommu_object_next - the next id
 * above `id`; 0: none.
 */
IOMMU_API int iommu_object_destroy(struct iommu_ctx *ctx, uint32_t id);
IOMMU_API enum iommu_object_type iommu_object_type(struct iommu_ctx *ctx, uint32_t id);
IOMMU_API uint32_t iommu_object_next(struct iommu_ctx *ctx, uint32_t id);

struct iommu_ctx_stats {
	uint32_t objects;
	uint64_t areas;
	uint64_t pinned_pages; /* of 4 KiB, each counted once */
	/*
	 * Of objects, areas, ranges, attachments, fault queues, and what is pinned by access; not
	 * tables.
	 */
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
	 * Its HWPTs use the smallest pages of their units alone: what is written can be told to a
	 * page from the first moment, and no unmap has to split one; more tables, and more misses.
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
 * Memory that may appear in address spaces: a process's, a file's, a guest's. Addresses are the
 * backing's own, in bytes. The functions may sleep and may be called at once for different areas;
 * they must not call the library.
 */
struct iommu_backing_ops {
	/*
	 * Have [address, address + size) stay where it is, from its beginning on, and say where:
	 * pieces of whole pages of 4 KiB, at most `room` of them, which together may be less than
	 * was asked for, but not nothing. On failure nothing is pinned. Pieces that adjoin may be
	 * given as one.
	 */
	int (*pin)(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
		   struct iommu_map_piece *pieces, unsigned int room, unsigned int *count);
	/*
	 * What was pinned there is no longer needed; each page once. With IOMMU_PROT_WRITE it may
	 * have been written.
	 */
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
 * Without IOMMU_IOAS_FIXED at the lowest place that is free, allowed and not reserved, aligned as
 * the size is (to 1 GiB at most) as far as the backing's address is, so that large pages can be
 * used; where no such place is left aligned to 2 MiB, and then as it must be; never at address 0,
 * nor at the last page of all. With it the place need not be among those that are allowed. All
 * HWPTs of the IOAS map it, or none; without any its memory is not pinned.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      size 0; size, place or address are not multiples of the alignment
 *                     (iommu_ioas_ranges); neither read nor write; a fixed place that touches what
 *                     is reserved; a function is missing
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
 * iommu_ioas_copy - what [from_iova, from_iova + size) of one IOAS leads to, in another one, or
 * elsewhere in the same: the same memory, pinned once for both. The range must be mapped without a
 * hole. flags, *iova and errors as iommu_ioas_map; IOMMU_ENOENT also: a hole; IOMMU_EPERM: to
 * write, where the original may only be read.
 */
IOMMU_API int iommu_ioas_copy(struct iommu_ctx *ctx, uint32_t to, uint32_t from,
			      iommu_iova_t from_iova, uint64_t size, unsigned int flags,
			      iommu_iova_t *iova);

/*
 * iommu_ioas_unmap - take out all areas in [iova, iova + size): areas as a whole, or parts with
 * IOMMU_IOAS_SPLIT.
 *
 * Those who access the areas are told first, and have let go when it goes on. When it returns 0,
 * hardware has confirmed, and memory that nothing else needs is unpinned. iova 0 with size
 * UINT64_MAX is everything, and never fails for want of areas. *unmapped: bytes; may be NULL.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     size 0; an area lies in the range only in part, and is not to be split, or not
 *                    there: not aligned (iommu_ioas_ranges)
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
 *   IOMMU_ETIMEDOUT / IOMMU_EIO  hardware did not confirm. Devices do not reach the area, or a part
 *                                of it, any more as far as
 *                    is known; its place stays taken and its memory pinned. The same call again
 *                      goes on from there.
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
 * iommu_ioas_next_area - the first area that ends at or after iova. 0, or IOMMU_ENOENT: there is
 * none, or no object has this id; IOMMU_EINVAL: the object is no address space. An area may end at
 * the last byte of the space: there iova + size is 0.
 */
IOMMU_API int iommu_ioas_next_area(struct iommu_ctx *ctx, uint32_t ioas, iommu_iova_t iova,
				   struct iommu_ioas_area *area);

/*
 * iommu_ioas_change_backing - memory has another owner: a process that was replaced by its
 * successor. Every area that is backed by `from` is backed by `to` from now on, if
 * backing->ops->is_same says so for each; all or none. Copies of such an area, in whatever space,
 * go with it; when this returns, nothing of the context uses `from` for them any more. Returns 0,
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
 * iommu_ioas_ranges - where fixed mappings may lie: what no device and no HWPT reserves. In order,
 * and how much they have to be aligned. Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (no address space
 * has this id), or IOMMU_ENOSPC: *count are needed, and `capacity` of them were filled in.
 */
IOMMU_API int iommu_ioas_ranges(struct iommu_ctx *ctx, uint32_t ioas,
				struct iommu_iova_bounds *ranges, unsigned int capacity,
				unsigned int *count, uint64_t *alignment);

/*
 * iommu_ioas_allow - the only ranges in which places are chosen from now on, and that no device may
 * reserve; none: anywhere. Replaces those from before. Returns 0, IOMMU_EINVAL (first >= last, or
 * two overlap), IOMMU_EADDRINUSE (reserved), IOMMU_ENOSPC (the context's limit of ranges),
 * IOMMU_ENOMEM, IOMMU_ENOENT (no object has this id).
 */
IOMMU_API int iommu_ioas_allow(struct iommu_ctx *ctx, uint32_t ioas,
			       const struct iommu_iova_bounds *ranges, unsigned int count);

/* --- Hardware page tables --------------------------------------------------------------------- */

/*
 * Hardware page tables: the domains that stand behind an IOAS, or a guest's tables above one.
 *
 * Attaching a device to an IOAS finds one that fits, or makes one, which goes with the last device.
 * A caller that wants to say what it is like makes it with iommu_hwpt_alloc, and destroys it with
 * iommu_object_destroy.
 *
 * One whose end hardware does not confirm stays, and what is mapped stays pinned, until that was
 * asked for again and confirmed: by iommu_object_destroy of it (iommu_object_next finds it) or of
 * its IOAS. Those that an attach made, or that were left by a call that failed, are tried again by
 * the next detach, replace or iommu_hwpt_alloc of the same IOAS, too. The end of the context tries
 * all of them. Locking and ids: see the head of this file; all of this is control path.
 */

enum iommu_hwpt_flags {
	IOMMU_HWPT_NEST_PARENT = 1 << 0, /* nested ones are to be made of it */
	IOMMU_HWPT_DIRTY =
		1 << 1, /* what devices write can be told; devices that cannot are refused */
	IOMMU_HWPT_PASID = 1 << 2,  /* it may be attached for a PASID */
	IOMMU_HWPT_FAULTS = 1 << 3, /* page requests go to the fault queue `faults` */
	IOMMU_HWPT_ATTACH =
		1 << 4, /* the device, without a PASID, is led there at once; or there is none */
};

struct iommu_hwpt_config {
	unsigned int flags; /* enum iommu_hwpt_flags */
	uint32_t faults;
	/*
	 * Of a nested one: what the back end wants to know of the guest's table, such as struct
	 * iommu_vtd_first_stage.
	 */
	const void *user_data;
	size_t user_size;
};

/*
 * iommu_hwpt_alloc - for devices like `device`.
 *
 * Where the units of all members of its group can, devices are made to snoop the CPU caches,
 * whatever they ask for: a guest cannot have the host see stale memory. Devices behind units that
 * cannot are then refused with IOMMU_EINVAL; where the first device's cannot, no device is refused,
 * and nothing is enforced, for as long as the HWPT lives. A nested one does as the HWPT that it is
 * over.
 *
 * @on: an IOAS: all that is mapped in it is mapped at once, and pinned, and stays so without a
 * device. An HWPT made with
 *      IOMMU_HWPT_NEST_PARENT, or a virtual unit: a nested one, over that HWPT.
 *
 * Returns 0, IOMMU_ENOENT, or
 *   IOMMU_EINVAL      `on` is none of these, or not to be nested on, or of another back end, or a
 *                     virtual unit that stands for another unit than the device's; user data
 *                     missing, or too much
 *   IOMMU_EOPNOTSUPP  unknown flags, or those that the device's unit cannot do;
 *                     IOMMU_HWPT_NEST_PARENT with IOMMU_HWPT_FAULTS; of a nested one only
 *                     IOMMU_HWPT_PASID, IOMMU_HWPT_FAULTS and IOMMU_HWPT_ATTACH have a meaning
 *   IOMMU_EADDRINUSE  something is mapped, or allowed, beyond what the unit can address, or not
 *                     aligned to its pages
 *   IOMMU_EBUSY       the last HWPT of the IOAS is on its way out
 *   IOMMU_ENODEV      the context is closed
 *   and the errors of iommu_domain_alloc, iommu_map, and the backings' pin, with IOMMU_HWPT_ATTACH
 *   those of iommu_device_attach or iommu_device_replace, too: nothing has changed; after
 *   IOMMU_ETIMEDOUT or IOMMU_EIO an HWPT that hardware may know may be left, which no device uses:
 *   see above.
 */
IOMMU_API int iommu_hwpt_alloc(struct iommu_ctx *ctx, uint32_t device, uint32_t on,
			       const struct iommu_hwpt_config *config, uint32_t *hwpt);

struct iommu_hwpt_info {
	unsigned int flags;      /* as it was made */
	bool enforced_coherency; /* devices snoop, whatever they ask for */
	uint64_t table_pages;    /* of 4 KiB, now */
};
/* iommu_hwpt_get_info - of any HWPT. Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (it is none). */
IOMMU_API int iommu_hwpt_get_info(struct iommu_ctx *ctx, uint32_t hwpt,
				  struct iommu_hwpt_info *info);

/*
 * iommu_hwpt_set_dirty, iommu_hwpt_read_dirty - see iommu_domain_set_dirty_tracking and
 * iommu_domain_read_dirty; of an HWPT over an IOAS. iommu_hwpt_split - see iommu_domain_split.
 * Those who map or unmap in the IOAS wait meanwhile. IOMMU_ENOENT also: no object has this id;
 * IOMMU_EINVAL also: it is no HWPT over an IOAS.
 */
IOMMU_API int iommu_hwpt_set_dirty(struct iommu_ctx *ctx, uint32_t hwpt, bool enable);
IOMMU_API int iommu_hwpt_read_dirty(struct iommu_ctx *ctx, uint32_t hwpt, iommu_iova_t iova,
				    uint64_t size, unsigned int flags,
				    struct iommu_dirty_bitmap *bitmap);
IOMMU_API int iommu_hwpt_split(struct iommu_ctx *ctx, uint32_t hwpt, iommu_iova_t iova,
			       uint64_t size, uint64_t pgsize);

/*
 * iommu_hwpt_invalidate - what the owner of a nested one wants invalidated: see
 * iommu_domain_invalidate_user. Other calls of the control path come in between when there are many
 * requests; IOMMU_ENOENT with *done not 0: one of them has destroyed it.
 */
IOMMU_API int iommu_hwpt_invalidate(struct iommu_ctx *ctx, uint32_t hwpt, const void *requests,
				    size_t request_size, unsigned int count, unsigned int *done);

/* --- Devices ---------------------------------------------------------------------------------- */

/*
 * Devices of a context: bound to it, attached to its address spaces.
 *
 * A device is bound with its group: no other context and no driver may use a member. All members of
 * a group that are attached are attached to one HWPT, for each PASID; the first attaches the group,
 * the last detaches it. Locking and ids: see the head of this file; all of this is control path.
 */

struct iommu_endpoint;

/* For the requests of a device that carry no PASID. */
#define IOMMU_NO_PASID 0U

/*
 * iommu_device_bind - claim an endpoint's group for the context; members are blocked until they are
 * attached. An endpoint that is released while it is bound is blocked, and stays the device's until
 * that is unbound: what needs the endpoint itself (bind, attach, replace, iommu_hwpt_alloc,
 * iommu_virtual_unit_alloc, iommu_virtual_device_alloc) then returns IOMMU_ENODEV.
 *
 * Returns 0, or
 *   IOMMU_EPERM   translation alone does not keep the group from what is not its own: its
 *                 interrupts are not remapped, and the administrator has not allowed that
 *                 (iommu_allow_unsafe_interrupts); or a member reaches functions of another group.
 *                 See iommu_group_check_isolation
 *   IOMMU_EBUSY   the group is another context's, or a driver's; or the endpoint is bound already
 *   IOMMU_ENODEV  the context is closed
 *   and the errors of iommu_group_claim.
 *
 * iommu_device_unbind - detached first if need be. Returns 0; IOMMU_ENOENT or IOMMU_EINVAL (no
 * object has this id, or it is no device); or what iommu_group_release said: it is bound then, and
 * attached to nothing: call again. A detach that hardware did not confirm is no error here: what
 * was mapped stays pinned.
 */
IOMMU_API int iommu_device_bind(struct iommu_ctx *ctx, struct iommu_endpoint *endpoint,
				uint32_t *device);
IOMMU_API int iommu_device_unbind(struct iommu_ctx *ctx, uint32_t device);

/*
 * iommu_device_attach - let a device use what `to` says, without a PASID (IOMMU_NO_PASID) or with
 * one.
 *
 * @to:   an HWPT: that one. An IOAS: the first of its HWPTs that were made so and that fits; where
 *        none does, one is made.
 * @hwpt: which it is; may be NULL.
 *
 * What the group must not use as addresses is reserved in the IOAS as long as it is attached.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      `to` is neither, or was made on a virtual unit that stands for another unit;
 *                     the device is attached already (replace it); another member of its group is
 *                     attached elsewhere; HWPT and device do not fit each other; with a PASID, an
 *                     HWPT without IOMMU_HWPT_PASID
 *   IOMMU_EBUSY       the PASID is attached already
 *   IOMMU_EADDRINUSE  something is mapped, or allowed, that the group reserves
 *   IOMMU_EPERM       as of iommu_device_bind: it was isolated, and is no longer
 *   IOMMU_ENOSPC      the context's limit of attachments, or of objects
 *   and the errors of iommu_hwpt_alloc, iommu_domain_attach_group, iommu_attach_pasid and
 *   iommu_endpoint_enable_feature.
 *
 * iommu_device_replace - the same for one that is attached: with it all members of its group that
 * are attached for the PASID go over. IOMMU_EINVAL: it is not attached. 0 also when it is there
 * already.
 *
 * iommu_device_detach - with the last member of the group that was attached its requests fault.
 * Returns 0, IOMMU_EINVAL (it is not attached), or IOMMU_ETIMEDOUT / IOMMU_EIO: it is detached,
 * hardware did not confirm; what was mapped stays pinned until it has: see the head of this file
 * for the calls that ask again.
 */
IOMMU_API int iommu_device_attach(struct iommu_ctx *ctx, uint32_t device, uint32_t pasid,
				  uint32_t to, uint32_t *hwpt);
IOMMU_API int iommu_device_replace(struct iommu_ctx *ctx, uint32_t device, uint32_t pasid,
				   uint32_t to, uint32_t *hwpt);
IOMMU_API int iommu_device_detach(struct iommu_ctx *ctx, uint32_t device, uint32_t pasid);

struct iommu_device_info {
	struct iommu_endpoint *endpoint;
	bool dirty_tracking;
	uint32_t max_pasids; /* 0: none */
	/* What its unit says of itself; IOMMU_EOPNOTSUPP in `hardware_status`: nothing. */
	int hardware_status;
	struct iommu_hardware_info hardware;
	bool enforced_coherency; /* its unit can make it snoop; see iommu_hwpt_alloc */
};
IOMMU_API int iommu_device_get_info(struct iommu_ctx *ctx, uint32_t device,
				    struct iommu_device_info *info);

/* --- Access by software ----------------------------------------------------------------------- */

/*
 * Access to an address space by software: a device that is emulated, or that is hardware's only in
 * part, uses the memory that its guest has mapped. What it pins stays where it is until it unpins
 * it, which it does when it is told that the memory goes.
 *
 * Locking and ids: see the head of this file. Create, attach, replace, detach and destroy
 * (iommu_object_destroy) are control path; pin and rw wait for those who need the same memory, and
 * may sleep; unpin may be called from the callback.
 */

/*
 * What is pinned in [iova, iova + size) has to be unpinned before this returns, and nothing of it
 * is to be used any more. Called by the call that unmaps it, revokes what backs it
 * (iommu_backing_revoke), or detaches the access; of the library only iommu_access_unpin may be
 * called. Told even if nothing is pinned there.
 */
typedef void (*iommu_access_unmap)(void *ctx, iommu_iova_t iova, uint64_t size);

/*
 * iommu_access_create - @unmap: NULL: it does not pin, it only reads and writes. Returns 0,
 * IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV.
 *
 * iommu_access_attach  - to an IOAS; IOMMU_EINVAL also: it is attached already.
 * iommu_access_replace - to another one; IOMMU_EINVAL also: it is attached to none. All that is
 * pinned is unpinned first.
 * iommu_access_detach - IOMMU_EINVAL also: it is attached to none. As iommu_object_destroy,
 * IOMMU_EBUSY: the holder did not
 *                        unpin when it was told to.
 */
IOMMU_API int iommu_access_create(struct iommu_ctx *ctx, iommu_access_unmap unmap, void *unmap_ctx,
				  uint32_t *access);
IOMMU_API int iommu_access_attach(struct iommu_ctx *ctx, uint32_t access, uint32_t ioas);
IOMMU_API int iommu_access_replace(struct iommu_ctx *ctx, uint32_t access, uint32_t ioas);
IOMMU_API int iommu_access_detach(struct iommu_ctx *ctx, uint32_t access);

/*
 * iommu_access_pin - where the pages of [iova, iova + size) are, and stay, until iommu_access_unpin
 * with the same range.
 *
 * @prot:  what is going to be done there: enum iommu_prot.
 * @pages: receives the physical address of each page of 4 KiB.
 *
 * Returns 0, or with nothing pinned
 *   IOMMU_EOPNOTSUPP prot has other bits than IOMMU_PROT_READ and IOMMU_PROT_WRITE
 *   IOMMU_EINVAL     size 0, or not whole pages; neither to read nor to write; it cannot pin, or is
 *                    attached to none; a part is registers (IOMMU_BACKING_MMIO)
 *   IOMMU_EOVERFLOW
 *   IOMMU_ENOENT     a part is not mapped
 *   IOMMU_EBUSY      a part is on its way out
 *   IOMMU_EPERM      to write what may only be read
 *   IOMMU_ENODEV     what backs a part was revoked (iommu_backing_revoke)
 *   IOMMU_ENOMEM     also: the context's limit of pages that access objects pin, or of those that
 *                    are pinned at all
 *   and what the backing's pin said
 *
 * iommu_access_unpin - IOMMU_ENOENT: nothing is pinned by that range.
 * IOMMU_EFAULT: what pin said makes no sense (no piece, or more than was asked for).
 */
IOMMU_API int iommu_access_pin(struct iommu_ctx *ctx, uint32_t access, iommu_iova_t iova,
			       uint64_t size, unsigned int prot, iommu_paddr_t *pages);
IOMMU_API int iommu_access_unpin(struct iommu_ctx *ctx, uint32_t access, iommu_iova_t iova,
				 uint64_t size);

/*
 * iommu_access_rw - copy `size` bytes from an address of the space on, wherever they are, or to
 * there. Any addresses; registers only where their backing has a copy function. An unmap of what is
 * being copied waits for it. Errors as iommu_access_pin, or what the backing's copy said: a part
 * may have been copied.
 */
IOMMU_API int iommu_access_rw(struct iommu_ctx *ctx, uint32_t access, iommu_iova_t iova,
			      void *bytes, size_t size, bool write);

/* --- Fault queues ----------------------------------------------------------------------------- */

/*
 * Fault queues: page requests on their way to who manages a guest. An HWPT that was made with one
 * (IOMMU_HWPT_FAULTS) has the requests of the devices that are attached to it put there; page
 * requests are enabled in them as long as they are. Every group of requests is answered once: by
 * iommu_fault_respond, or with IOMMU_PAGE_INVALID when the device is detached, or there is no room.
 */

/*
 * Called when a queue that had nothing to read has; in the context in which requests are reported.
 * Must not call the library.
 */
typedef void (*iommu_fault_notifier)(void *ctx);

/*
 * iommu_fault_queue_alloc - room for 500 requests at least. @notifier: may be NULL. Returns 0,
 * IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV (the context is closed). Control path.
 */
IOMMU_API int iommu_fault_queue_alloc(struct iommu_ctx *ctx, iommu_fault_notifier notifier,
				      void *notifier_ctx, uint32_t *queue);

struct iommu_fault_record {
	uint32_t device;     /* its id */
	uint64_t virtual_id; /* of the virtual device that it is; UINT64_MAX: none */
	uint32_t cookie;     /* of the group: one answer for all records that have it */
	struct iommu_page_request request;
};

/*
 * iommu_fault_read - groups that have not been read, oldest first, and only whole ones. *count:
 * records that were filled in, 0: there is nothing. Returns 0, or IOMMU_EINVAL: there is not enough
 * room for the first group, or the object is no fault queue; or IOMMU_ENOENT: no object has this
 * id. Any context.
 *
 * iommu_fault_respond - the answer to a group that was read. Returns 0, IOMMU_ENOENT (no such group
 * waits, or no object has this id), IOMMU_EINVAL (code, or the object is no fault queue), or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that the device was answered. Control path.
 */
IOMMU_API int iommu_fault_read(struct iommu_ctx *ctx, uint32_t queue,
			       struct iommu_fault_record *records, unsigned int capacity,
			       unsigned int *count);
IOMMU_API int iommu_fault_respond(struct iommu_ctx *ctx, uint32_t queue, uint32_t cookie,
				  enum iommu_page_response_code code);

/* --- Virtual units ---------------------------------------------------------------------------- */

/*
 * A guest's IOMMU, as far as the host knows of it: which physical unit it stands for, what nested
 * tables it has, and by what numbers the guest calls its devices. What its devices do wrong it is
 * told through event queues, below. Control path, but for iommu_virtual_unit_find; ids as
 * everywhere here.
 */

/*
 * iommu_virtual_unit_alloc - for the unit that `device` is behind, over an HWPT made with
 * IOMMU_HWPT_NEST_PARENT. Nested HWPTs are made on it (iommu_hwpt_alloc), for devices behind the
 * same unit: for others that is IOMMU_EINVAL, and so is attaching them. Returns 0, IOMMU_EINVAL (no
 * such HWPT), IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV.
 *
 * iommu_virtual_device_alloc - the guest knows `device` by this number. Returns also IOMMU_EINVAL:
 * it is behind another unit; IOMMU_EEXIST: the number is taken, or the device has one. When the
 * device is unbound the object stays, and stands for nothing: the number is free again, and the
 * object goes when it is destroyed.
 *
 * iommu_virtual_unit_find - the device with a number; IOMMU_ENOENT: none. Any context.
 *
 * iommu_virtual_unit_invalidate - each request for all nested HWPTs on it: what a guest asks that
 * means more than one of its tables. As iommu_hwpt_invalidate; *done counts requests that all of
 * them have served.
 */
IOMMU_API int iommu_virtual_unit_alloc(struct iommu_ctx *ctx, uint32_t device, uint32_t hwpt,
				       uint32_t *virtual_unit);
IOMMU_API int iommu_virtual_device_alloc(struct iommu_ctx *ctx, uint32_t virtual_unit,
					 uint32_t device, uint64_t virtual_id,
					 uint32_t *virtual_device);
IOMMU_API int iommu_virtual_unit_find(struct iommu_ctx *ctx, uint32_t virtual_unit,
				      uint64_t virtual_id, uint32_t *device);
IOMMU_API int iommu_virtual_unit_invalidate(struct iommu_ctx *ctx, uint32_t virtual_unit,
					    const void *requests, size_t request_size,
					    unsigned int count, unsigned int *done);

/* --- Event queues ----------------------------------------------------------------------------- */

/*
 * Event queues of virtual units: faults of a guest's devices on their way to the manager of the
 * guest, which tells the guest of them as its own IOMMU would. A device takes part as long as it
 * has a number on the unit (iommu_virtual_device_alloc): its faults go to the queue, and to no
 * handler of the host's; afterwards they go where they went before. Page requests, which want an
 * answer, have queues of their own (fault queues, above).
 */

/*
 * Called when a queue that had nothing to read has; in the context of iommu_unit_handle_faults.
 * Must not call the library.
 */
typedef void (*iommu_event_notifier)(void *ctx);

/*
 * iommu_event_queue_alloc - of a virtual unit, which has one at most. Room for 500 events at least;
 * what comes when there is none is counted and dropped, so that a device that faults all the time
 * takes no memory. It is destroyed with iommu_object_destroy, and keeps its unit until then.
 * @notifier: may be NULL.
 *
 * Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (the id is none of a virtual unit), IOMMU_EEXIST (it has
 * one), IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV (the context is closed). Control path.
 */
IOMMU_API int iommu_event_queue_alloc(struct iommu_ctx *ctx, uint32_t virtual_unit,
				      iommu_event_notifier notifier, void *notifier_ctx,
				      uint32_t *queue);

struct iommu_event_record {
	uint64_t virtual_id; /* the guest's number for the device */
	uint32_t device;     /* its id when it faulted */
	/* One more with each event of the queue, those that were dropped included; it wraps. */
	uint32_t sequence;
	iommu_iova_t address; /* of the page: the guest's */
	enum iommu_fault_access access;
	bool has_pasid;
	uint32_t pasid; /* only with has_pasid */
	/* The hardware's number for it, and its name: a static string. */
	unsigned int reason;
	const char *reason_name;
};

/*
 * iommu_event_read - the oldest events, which are out of the queue then. *count: records that were
 * filled in, `capacity` at most; 0: there is nothing. *lost: events that were dropped since the
 * last read; may be NULL. Returns 0, IOMMU_ENOENT, IOMMU_EINVAL: it is no event queue. Any context.
 */
IOMMU_API int iommu_event_read(struct iommu_ctx *ctx, uint32_t queue,
			       struct iommu_event_record *records, unsigned int capacity,
			       unsigned int *count, uint64_t *lost);

IOMMU_END_DECLS
#endif
