/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO address spaces as objects, in the manner of Linux's /dev/iommu: for managers of virtual
 * machines, and for emulators that hand real devices to their guests.
 *
 *	iommu_file_create(iommu, NULL, &file)                     one user: a virtual machine, say
 *	iommu_ioas_alloc(file, 0, &ioas)                          an address space
 *	iommu_ioas_map(file, ioas, &backing, size, flags, &iova)  memory in it, pinned once
 *	iommu_device_bind(file, endpoint, &device)                the file owns the device
 *	iommu_device_attach(file, device, IOMMU_NO_PASID, ioas, NULL)  the device reaches the memory
 *
 * An IOMMU file (struct iommu_file) holds the objects of one user. An object is named by an id,
 * counted from 1; the id of a destroyed object is used again. An IOAS is an address space as its
 * user sees it; a hardware page table (HWPT) is a domain that the library keeps filled with the
 * mappings of an IOAS. Every mapping of an IOAS is present in all of its HWPTs. Memory is pinned
 * when the first HWPT needs it and unpinned with the last. Physical addresses are kept in the page
 * tables only: an area takes the same amount of memory whether it covers 4 KiB or a terabyte.
 *
 * Locking. Calls that create, destroy, bind or attach objects are the control path of their file:
 * they run one at a time under a mutex of the host, and wait for calls that map. They may sleep,
 * and must not be made from the callbacks below. Map, unmap, copy, and the accesses of software run
 * concurrently with them and with each other, and wait only for calls that use the same pages or
 * the same area; they sleep only where a callback does. Semantics are those of Linux's iommufd
 * (Documentation/userspace-api/iommufd.rst) unless stated otherwise; docs/iommufd.md lists the
 * differences.
 *
 * Errors of every function that takes an id: IOMMU_ENOENT: no object has this id; IOMMU_EINVAL: the
 * object is of another type.
 */
#ifndef LIBIOMMU_IOAS_H
#define LIBIOMMU_IOAS_H

#include <libiommu/domain.h>
#include <libiommu/fault.h>
#include <libiommu/instance.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_file;

/* --- IOMMU files ------------------------------------------------------------------------------ */

/*
 * Limits of one file, so that its user cannot exhaust the host. 0: no limit, unless stated
 * otherwise. Not counted are a PASID table for each 64 PASIDs of an endpoint (its max_pasids) that
 * were ever attached, which is kept until the endpoint is released; and 64 KiB for each call in
 * progress.
 */
struct iommu_file_limits {
	uint32_t objects;
	uint64_t areas;
	uint64_t pinned_pages; /* of 4 KiB, at any one time */
	/* Ranges allowed in one address space (iommu_ioas_allow). 0: the limit of areas. */
	uint64_t allowed_ranges;
	/* Attachments of devices; each PASID counts. 0: the limit of objects. */
	uint64_t attachments;
	/*
	 * Pages pinned by access objects; a page counts as often as it is pinned. 0: the limit of
	 * pinned_pages.
	 */
	uint64_t access_pages;
	/*
	 * Table pages of one HWPT. When the limit is reached, empty tables are reclaimed before a
	 * call fails.
	 */
	uint64_t table_pages;
	/* All memory except page tables: see struct iommu_file_stats. */
	uint64_t metadata_bytes;
	/* Also charged with what the file pins; NULL: none. See iommu_file_set_account. */
	struct iommu_account *account;
};

/*
 * iommu_file_create - create a file without objects. @limits: NULL: no limits. Returns 0 or
 * IOMMU_ENOMEM.
 *
 * iommu_file_destroy - destroy all objects of a file, with their attachments, mappings and pins, in
 * the order of their dependencies, and free the file. Returns 0; or IOMMU_ETIMEDOUT / IOMMU_EIO:
 * hardware did not confirm that an object is out of use. The remaining objects are unchanged, and
 * their memory stays pinned: call again. No other call may use the file during or after this call.
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_file_create(struct iommu *iommu, const struct iommu_file_limits *limits,
				struct iommu_file **file);
IOMMU_API int iommu_file_destroy(struct iommu_file *file);

/*
 * Accounts count the pages that several files have pinned together, such as those of one user of
 * the host, and limit them: what Linux charges to a user's locked memory. A page that two files pin
 * counts twice; registers do not count.
 *
 * iommu_account_create - create an account of pinned pages. @pinned_pages: the limit, of 4 KiB; 0:
 * none. Returns 0 or IOMMU_ENOMEM. iommu_account_destroy - destroy an account. Returns 0, or
 * IOMMU_EBUSY: a file uses it. NULL: nothing to do.
 *
 * iommu_account_set_limit - change the limit, perhaps to less than is pinned: that stays pinned,
 * and no more is. iommu_account_pinned - how many pages an account is charged for. Both in any
 * context. What exceeds the limit fails like the limit of the file, with IOMMU_ENOMEM.
 */
struct iommu_account;
IOMMU_API int iommu_account_create(struct iommu *iommu, uint64_t pinned_pages,
				   struct iommu_account **account);
IOMMU_API int iommu_account_destroy(struct iommu_account *account);
IOMMU_API void iommu_account_set_limit(struct iommu_account *account, uint64_t pinned_pages);
IOMMU_API uint64_t iommu_account_pinned(const struct iommu_account *account);

/*
 * iommu_file_set_account - charge another account, or none (NULL), instead of that of the file's
 * limits: whether a user's or a process's limit applies (iommufd's OPTION_RLIMIT_MODE), or none
 * does for a user with privilege. Returns 0, IOMMU_EBUSY (the file has objects), or IOMMU_ENODEV
 * (it is being destroyed). Control path.
 */
IOMMU_API int iommu_file_set_account(struct iommu_file *file, struct iommu_account *account);

enum iommu_object_kind {
	IOMMU_OBJECT_ANY = 0,
	IOMMU_OBJECT_IOAS,
	IOMMU_OBJECT_HWPT,        /* filled with the mappings of an IOAS */
	IOMMU_OBJECT_HWPT_NESTED, /* a guest's own table, on top of an HWPT */
	IOMMU_OBJECT_DEVICE,
	IOMMU_OBJECT_ACCESS,
	IOMMU_OBJECT_FAULT_QUEUE,
	IOMMU_OBJECT_VIRTUAL_UNIT,
	IOMMU_OBJECT_VIRTUAL_DEVICE,
	IOMMU_OBJECT_EVENT_QUEUE,
};

/*
 * Every call that takes an id returns IOMMU_ENOENT: no object has it; or IOMMU_EINVAL: the object
 * is of another type.
 *
 * iommu_object_destroy - destroy an object. Returns 0, IOMMU_ENOENT, IOMMU_EBUSY (other objects use
 * it; or it is a device, which is destroyed by iommu_device_unbind), or IOMMU_ETIMEDOUT /
 * IOMMU_EIO: hardware did not confirm that the object, or one that depends on it, is out of use.
 * The object then still exists, and memory that an HWPT maps stays pinned; call again to continue.
 *
 * iommu_object_type - the type of an object. IOMMU_OBJECT_ANY: no object has this id.
 * iommu_object_next - the lowest id above `id`; 0: there is none. Context: control path of the
 * file; may sleep.
 */
IOMMU_API int iommu_object_destroy(struct iommu_file *file, uint32_t id);
IOMMU_API enum iommu_object_kind iommu_object_type(struct iommu_file *file, uint32_t id);
IOMMU_API uint32_t iommu_object_next(struct iommu_file *file, uint32_t id);

struct iommu_file_stats {
	uint32_t objects;
	uint64_t areas;
	uint64_t pinned_pages; /* of 4 KiB, each counted once */
	/*
	 * Memory of objects, areas, ranges, attachments, fault queues and pins of access objects;
	 * page tables are not included.
	 */
	uint64_t metadata_bytes;
	uint64_t attachments;
	uint64_t access_pages;
};
/*
 * iommu_file_get_stats - what the objects of a file hold at this moment. Context: any; takes a
 * spinlock of the file.
 */
IOMMU_API void iommu_file_get_stats(struct iommu_file *file, struct iommu_file_stats *stats);

/* --- Address spaces --------------------------------------------------------------------------- */

enum iommu_ioas_flags {
	/*
	 * Part of an area may be unmapped: the area becomes shorter, or two areas. HWPTs of units
	 * that do not cut a page while it is mapped (Arm without FEAT_BBM level 2) use the smallest
	 * page size, as with IOMMU_IOAS_SMALL_PAGES.
	 */
	IOMMU_IOAS_SPLIT = 1 << 0,
	/*
	 * HWPTs use only the smallest page size of their units: dirty tracking has the finest
	 * granularity from the start, and no unmap has to split a large page. Takes more tables,
	 * and causes more IOTLB misses.
	 */
	IOMMU_IOAS_SMALL_PAGES = 1 << 4,
};

/*
 * iommu_ioas_alloc - create an empty address space. Returns 0, IOMMU_EOPNOTSUPP (flags),
 * IOMMU_ENOMEM, IOMMU_ENOSPC (the limit of the file), IOMMU_ENODEV (the file is being destroyed).
 *
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_ioas_alloc(struct iommu_file *file, unsigned int flags, uint32_t *ioas);

enum iommu_backing_flags {
	/*
	 * The backing is registers of a device (a BAR), not memory. Page tables say so where they
	 * have bits for it (IOMMU_PROT_MMIO), so that nothing is cached. Such pages do not count as
	 * pinned. Software accesses them with `copy` and cannot pin them.
	 */
	IOMMU_BACKING_MMIO = 1 << 0,
};

struct iommu_backing;

/*
 * Memory that may be mapped in address spaces: of a process, a file, a guest. Addresses are the
 * backing's own, in bytes. The functions may sleep and may be called concurrently for different
 * areas; they must not call the library.
 */
struct iommu_backing_ops {
	/*
	 * Pin memory from `address` on, and return where it is: whole pages of 4 KiB in at most
	 * `room` pieces, at least one page and at most `size` bytes. On failure nothing is pinned.
	 * Adjoining pieces may be merged.
	 */
	int (*pin)(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
		   struct iommu_map_piece *pieces, unsigned int room, unsigned int *count);
	/*
	 * Unpin memory that pin returned; each page once. With IOMMU_PROT_WRITE it may have been
	 * written.
	 */
	void (*unpin)(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
		      unsigned int count, unsigned int prot);
	/*
	 * See iommu_access_rw. NULL: the library copies through iommu_phys_to_virt, with the memory
	 * pinned.
	 */
	int (*copy)(void *ctx, uint64_t address, void *bytes, size_t size, bool write);
	/*
	 * See iommu_ioas_change_backing: is `other` the same memory at the same place? NULL: never.
	 */
	bool (*is_same)(void *ctx, void *other, uint64_t address, uint64_t size);
	unsigned int flags; /* enum iommu_backing_flags */
	/*
	 * See iommu_container_map_vaddr: are the `size` bytes from other->address on in `other` the
	 * same memory as those from `address` on in ctx? NULL: is_same is asked, for the same
	 * address and functions; other memory never is.
	 */
	bool (*is_same_at)(void *ctx, uint64_t address, const struct iommu_backing *other,
			   uint64_t size);
};

struct iommu_backing {
	const struct iommu_backing_ops *ops; /* used as long as any of the backing is mapped */
	void *ctx; /* of the callbacks; also names what is revoked and restored together */
	uint64_t address;
};

/*
 * Permissions are those of enum iommu_prot: IOMMU_PROT_READ and IOMMU_PROT_WRITE may be given as
 * well.
 */
enum iommu_ioas_map_flags {
	IOMMU_IOAS_READ = IOMMU_PROT_READ,
	IOMMU_IOAS_WRITE = IOMMU_PROT_WRITE,
	IOMMU_IOAS_FIXED = 1 << 16, /* map at *iova; no bit of enum iommu_prot */
};

/*
 * iommu_ioas_map - map `size` bytes of memory, from backing->address on, as one area.
 *
 * With IOMMU_IOAS_FIXED the area is placed at *iova, which need not lie in an allowed range.
 * Without it, the area is placed at the lowest range that is free, allowed and not reserved. It is
 * aligned to its size (1 GiB at most) as far as the backing's address is, so that large pages can
 * be used; where no such range is free, to 2 MiB; then to the alignment of the IOAS. Neither
 * address 0 nor the last page of the address space is chosen. All HWPTs of the IOAS map the area,
 * or none does; without an HWPT the memory is not pinned.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      size 0; size, place or address are not multiples of the alignment
 *                     (iommu_ioas_get_ranges); neither read nor write; a fixed place overlaps a
 *                     reserved range; the backing lacks a function
 *   IOMMU_EOPNOTSUPP  unknown flags, of the call or of the backing; hints of enum iommu_prot, which
 *                     the library sets itself
 *   IOMMU_EOVERFLOW   the place, or the backing's addresses, wrap
 *   IOMMU_EEXIST      a fixed place is not free
 *   IOMMU_ENOSPC      no place is free; or the file's limit of areas
 *   IOMMU_ENOMEM      also: the limit of pinned pages of the file or of its account, of table
 *                     pages, or of metadata
 *   IOMMU_EBUSY       the last HWPT is being destroyed, and hardware has not confirmed it
 *   IOMMU_ENOENT      no object has this id
 *   otherwise         the error that pin returned (IOMMU_EFAULT: its result is invalid), or as
 *                     iommu_map. IOMMU_ETIMEDOUT / IOMMU_EIO: the mapping was removed again, but
 *                     hardware did not confirm: the place stays occupied, and the memory pinned,
 *                     until an unmap of it succeeds
 *
 * Context: sleeps where the functions of a backing do; at once with calls for other areas.
 */
IOMMU_API int iommu_ioas_map(struct iommu_file *file, uint32_t ioas,
			     const struct iommu_backing *backing, uint64_t size, unsigned int flags,
			     iommu_iova_t *iova);

/*
 * iommu_ioas_copy - map the memory that is mapped at [from_iova, from_iova + size) of IOAS `from`
 * in IOAS `to`, which may be the same. The memory is pinned once for both. The source range must
 * not have holes. flags, *iova and errors as iommu_ioas_map; IOMMU_ENOENT also: the range has a
 * hole; IOMMU_EPERM: a permission is asked for that the memory was not mapped with at first.
 * Context: sleeps where the functions of a backing do; at once with calls for other areas.
 */
IOMMU_API int iommu_ioas_copy(struct iommu_file *file, uint32_t to, uint32_t from,
			      iommu_iova_t from_iova, uint64_t size, unsigned int flags,
			      iommu_iova_t *iova);

/*
 * iommu_ioas_unmap - unmap all areas in [iova, iova + size): whole areas, or parts of areas with
 * IOMMU_IOAS_SPLIT.
 *
 * What HWPTs with dirty tracking have noted of these pages goes with the mappings, and no later
 * iommu_hwpt_read_dirty returns it. A manager that migrates stops the device, or its use of this
 * memory, then reads, and then unmaps.
 *
 * Access objects that have pinned pages of these areas are notified first, and must unpin them.
 * When the call returns 0, hardware has confirmed the invalidation, and memory without other users
 * is unpinned. iova 0 with size UINT64_MAX stands for everything, and never fails because nothing
 * is mapped. *unmapped: bytes; may be NULL.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     size 0; an area lies only partly in the range and cannot be split, or not at
 *                    this address because of the alignment (iommu_ioas_get_ranges)
 *   IOMMU_ENOENT     there is no area in the range, or no object has this id
 *   IOMMU_ENOSPC     splitting an area would exceed the limit of areas
 *   IOMMU_EOVERFLOW  the range wraps
 *   IOMMU_EBUSY      an area is being mapped or unmapped by another call; or it is pinned, and its
 *                    access object did not unpin it. Calls of iommu_access_rw in progress are
 *                    waited for
 *   IOMMU_ENOMEM     the area is mapped as before, perhaps as several areas that adjoin
 *                    (IOMMU_IOAS_SPLIT). If only some HWPTs were reached, the area is being
 *                    unmapped: the same call continues
 *   IOMMU_EFAULT     the page tables differ from the mapping: they were changed behind the
 *                    library's back; the memory stays pinned
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                    hardware did not confirm. As far as is known, devices no longer reach the
 *                    area, or the part of it; its place stays occupied and its memory pinned. The
 *                    same call continues
 * Areas before the one that failed are unmapped, and counted.
 *
 * Context: sleeps where the functions of a backing do; at once with calls for other areas.
 */
IOMMU_API int iommu_ioas_unmap(struct iommu_file *file, uint32_t ioas, iommu_iova_t iova,
			       uint64_t size, uint64_t *unmapped);

/* One area, as iommu_ioas_next_area returns it. */
struct iommu_ioas_area {
	iommu_iova_t iova;
	uint64_t size;
	unsigned int prot;
	struct iommu_backing backing;
	unsigned int pins; /* calls of iommu_access_pin that pin a part of it */
	bool is_revoked;   /* no device reaches it: see iommu_backing_revoke */
	/* Where its owner sees it is not known: see iommu_container_unmap_vaddr. */
	bool vaddr_unmapped;
};

/*
 * iommu_ioas_next_area - the first area whose last byte is at or above iova. Returns 0;
 * IOMMU_ENOENT: there is none, or no object has this id; IOMMU_EINVAL: the object is no IOAS. For
 * an area that ends at the last byte of the address space iova + size wraps to 0.
 *
 * Context: may sleep; at once with all other calls.
 */
IOMMU_API int iommu_ioas_next_area(struct iommu_file *file, uint32_t ioas, iommu_iova_t iova,
				   struct iommu_ioas_area *area);

/*
 * iommu_ioas_change_backing - transfer memory from one backing to another, such as from a process
 * to its successor. Every area backed by `from` becomes backed by `to`, provided that
 * backing->ops->is_same agrees for each; all areas or none. Copies of these areas, in whatever
 * IOAS, change with them; when the call returns 0, the file no longer uses `from` for them. Returns
 * 0, IOMMU_EOPNOTSUPP (a backing has no is_same), IOMMU_EINVAL (a backing is not the same),
 * IOMMU_ENOENT (no area is backed by `from`). Control path.
 */
IOMMU_API int iommu_ioas_change_backing(struct iommu_file *file, uint32_t ioas, void *from,
					void *to);

/*
 * iommu_backing_revoke - the owner of mapped memory withdraws it: for example, a device whose
 * registers are mapped is about to be reset or to sleep. All mappings of `backing` (struct
 * iommu_backing.ctx) are removed from all tables of all address spaces of the file, copies
 * included, and unpinned. The areas remain, with nothing behind them: devices fault there, software
 * gets IOMMU_ENODEV, and an HWPT that is made meanwhile has a hole there, as has a copy. Such areas
 * may be unmapped, split and copied as always. Access objects that have pinned a part are notified
 * first, as by iommu_ioas_unmap.
 *
 * Before the call, the owner makes its `pin` refuse (with IOMMU_ENODEV, say), because new mappings
 * use it.
 *
 * Returns 0: hardware has confirmed that no device reaches any of the backing, also when nothing
 * was mapped; or
 *   IOMMU_EBUSY   an access object did not unpin a part. No device reaches any of the backing
 *   IOMMU_ENOMEM  a part shares a large page with other memory, and the page could not be split; or
 *                 there was no memory to record the invalidation
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                 hardware did not confirm
 * After an error the backing is revoked as far as the call went; the rest is still pinned: call
 * again.
 *
 * iommu_backing_restore - undo a revocation, perhaps at another physical address: pin is called for
 * every area whose IOAS has an HWPT, and devices reach the memory as before. An incomplete
 * revocation is completed first. Returns 0, also when nothing was revoked; or, with everything
 * still revoked, the errors of iommu_backing_revoke, of pin, of iommu_map, or IOMMU_ENOMEM: a limit
 * of the file. After IOMMU_ETIMEDOUT or IOMMU_EIO, which also result when restored mappings could
 * not be removed again, devices may reach those until iommu_backing_revoke or iommu_backing_restore
 * has returned 0.
 *
 * Control path of this file: an owner whose memory is mapped through several files calls for each.
 * Calls that map, unmap or copy in the file wait meanwhile. Must not be called from a function of a
 * backing.
 */
IOMMU_API int iommu_backing_revoke(struct iommu_file *file, void *backing);
IOMMU_API int iommu_backing_restore(struct iommu_file *file, void *backing);

/* --- Ranges of addresses ---------------------------------------------------------------------- */

struct iommu_iova_bounds {
	iommu_iova_t first, last; /* inclusive */
};

/*
 * iommu_ioas_get_ranges - the ranges in which fixed mappings may lie, that is, those that no device
 * and no HWPT reserves, in ascending order; and the alignment of mappings, in bytes. Returns 0,
 * IOMMU_ENOENT or IOMMU_EINVAL (no IOAS has this id), or IOMMU_ENOSPC: *count are needed, and the
 * first `capacity` of them were returned.
 *
 * Context: any; takes a spinlock of the file.
 */
IOMMU_API int iommu_ioas_get_ranges(struct iommu_file *file, uint32_t ioas,
				    struct iommu_iova_bounds *ranges, unsigned int capacity,
				    unsigned int *count, uint64_t *alignment);

/*
 * iommu_ioas_allow - restrict the choice of places to these ranges, which no device may reserve. No
 * ranges: no restriction. Replaces earlier ranges. Returns 0, IOMMU_EINVAL (first >= last, or two
 * ranges overlap), IOMMU_EADDRINUSE (reserved), IOMMU_ENOSPC (the file's limit of ranges),
 * IOMMU_ENOMEM, IOMMU_ENOENT (no object has this id).
 *
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_ioas_allow(struct iommu_file *file, uint32_t ioas,
			       const struct iommu_iova_bounds *ranges, unsigned int count);

/* --- Hardware page tables --------------------------------------------------------------------- */

/*
 * Hardware page tables: domains that are filled from an IOAS, or a guest's own tables nested on
 * one.
 *
 * Attaching a device to an IOAS uses an HWPT that fits, or makes one, which is destroyed with the
 * last attachment. A caller that needs particular properties makes an HWPT with iommu_hwpt_alloc
 * and destroys it with iommu_object_destroy.
 *
 * An HWPT whose end hardware does not confirm remains, with its memory pinned, until another
 * attempt is confirmed: iommu_object_destroy of the HWPT (iommu_object_next finds it) or of its
 * IOAS. HWPTs that an attach made, or that a failed call left behind, are also tried again by the
 * next detach, replace or iommu_hwpt_alloc of the same IOAS. iommu_file_destroy tries all of them.
 * Locking and ids: see the head of this file; all calls are control path.
 */

enum iommu_hwpt_flags {
	IOMMU_HWPT_NEST_PARENT = 1 << 0, /* nested HWPTs may be made on it */
	/* Has dirty tracking; devices behind units without it are refused. */
	IOMMU_HWPT_DIRTY = 1 << 1,
	IOMMU_HWPT_PASID = 1 << 2, /* may be attached to a PASID */
	/* Page requests go to the fault queue `faults`. A device's ATS is enabled before. */
	IOMMU_HWPT_FAULTS = 1 << 3,
	/* Also attach the device, without a PASID; if that fails, no HWPT is made. */
	IOMMU_HWPT_ATTACH = 1 << 4,
};

struct iommu_hwpt_config {
	unsigned int flags; /* enum iommu_hwpt_flags */
	uint32_t faults;
	/*
	 * Of a nested HWPT: the back end's description of the guest's table: struct
	 * iommu_vtd_first_stage, iommu_riscv_first_stage, iommu_smmu_stream. Copied: nothing of it
	 * is used when the call has returned.
	 */
	const void *user_data;
	size_t user_size;
	/* What user_data is; IOMMU_HARDWARE_NONE: what the device's unit takes. */
	enum iommu_hardware_type user_type;
};

/*
 * iommu_hwpt_alloc - make an HWPT for devices like `device`.
 *
 * If the units of all members of the device's group can enforce it, devices snoop the CPU caches
 * whatever their requests say, so that a guest cannot make the host see stale memory. Devices
 * behind units that cannot are then refused with IOMMU_EINVAL. If the first device's unit cannot,
 * snooping is not enforced for any device as long as the HWPT exists. A nested HWPT follows its
 * parent.
 *
 * @on: an IOAS: all of its mappings are mapped and pinned at once, and stay so without a device. An
 *      HWPT made with IOMMU_HWPT_NEST_PARENT, or a virtual unit: the result is nested on that HWPT.
 *
 * Returns 0, IOMMU_ENOENT, or
 *   IOMMU_EINVAL      `on` is of another type, is no parent of nested HWPTs, belongs to another
 *                     back end, or is a virtual unit of another unit than the device's; user data
 *                     are missing or too large
 *   IOMMU_EOPNOTSUPP  user data of another type than the unit takes; unknown flags, or flags that
 *                     the device's unit does not support;
 *                     IOMMU_HWPT_NEST_PARENT with IOMMU_HWPT_FAULTS; for a nested HWPT, flags other
 *                     than IOMMU_HWPT_PASID, IOMMU_HWPT_FAULTS and IOMMU_HWPT_ATTACH
 *   IOMMU_EADDRINUSE  a mapping or an allowed range lies beyond what the unit can address, or is
 *                     not aligned to the unit's pages
 *   IOMMU_EBUSY       the last HWPT of the IOAS is being destroyed
 *   IOMMU_ENODEV      the file is being destroyed
 *   and the errors of iommu_domain_alloc, iommu_map and the backings' pin; with IOMMU_HWPT_ATTACH
 *   also those of iommu_device_attach or iommu_device_replace. Nothing has changed then, except
 *   that after IOMMU_ETIMEDOUT or IOMMU_EIO an HWPT may remain that hardware may know and no device
 *   uses: see above.
 *
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_hwpt_alloc(struct iommu_file *file, uint32_t device, uint32_t on,
			       const struct iommu_hwpt_config *config, uint32_t *hwpt);

struct iommu_hwpt_info {
	unsigned int flags;      /* as in its configuration */
	uint32_t ioas;           /* whose mappings it has; of a nested one, its parent's */
	bool enforced_coherency; /* devices snoop, whatever their requests say */
	uint64_t table_pages;    /* of 4 KiB, at present */
};
/*
 * iommu_hwpt_get_info - facts about an HWPT. Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (no HWPT).
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_hwpt_get_info(struct iommu_file *file, uint32_t hwpt,
				  struct iommu_hwpt_info *info);

/*
 * iommu_hwpt_set_dirty - turn dirty tracking of an HWPT of an IOAS on or off. iommu_hwpt_read_dirty
 * - which pages devices have written through an HWPT of an IOAS. iommu_hwpt_split - cut the large
 * pages of an HWPT of an IOAS, for finer dirty bits. Calls that map or unmap in the IOAS wait
 * meanwhile. Errors as iommu_domain_set_dirty_tracking, as iommu_domain_read_dirty and as
 * iommu_domain_split; IOMMU_ENOENT also: no object has this id; IOMMU_EINVAL also: it is no HWPT of
 * an IOAS.
 *
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_hwpt_set_dirty(struct iommu_file *file, uint32_t hwpt, bool enable);
IOMMU_API int iommu_hwpt_read_dirty(struct iommu_file *file, uint32_t hwpt, iommu_iova_t iova,
				    uint64_t size, unsigned int flags,
				    struct iommu_dirty_bitmap *bitmap);
IOMMU_API int iommu_hwpt_split(struct iommu_file *file, uint32_t hwpt, iommu_iova_t iova,
			       uint64_t size, uint64_t pgsize);

/*
 * iommu_hwpt_call - call `function` once with the domain of an HWPT, for what one back end alone
 * has, such as iommu_riscv_set_files. The function keeps no pointer to the domain, maps, unmaps,
 * attaches, detaches and frees nothing, and calls no function of the file.
 *
 * Returns what the function returns; IOMMU_ENOENT or IOMMU_EINVAL (no HWPT), without calling it.
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_hwpt_call(struct iommu_file *file, uint32_t hwpt,
			      int (*function)(void *ctx, struct iommu_domain *domain), void *ctx);

/*
 * iommu_hwpt_invalidate - perform invalidations that the owner of a nested HWPT's table requests:
 * see iommu_domain_invalidate_user. Between batches of many requests other control path calls may
 * run; IOMMU_ENOENT with *done not 0: one of them destroyed the HWPT. Context: control path of the
 * file; may sleep.
 */
IOMMU_API int iommu_hwpt_invalidate(struct iommu_file *file, uint32_t hwpt, const void *requests,
				    size_t request_size, unsigned int count, unsigned int *done);

/*
 * iommu_hwpt_invalidate_as - iommu_hwpt_invalidate for requests that come with their type, as a
 * guest's manager states it. iommu_virtual_unit_invalidate_as - iommu_virtual_unit_invalidate for
 * requests with their type. Count 0 asks whether the type is right. Errors as iommu_hwpt_invalidate
 * and as iommu_virtual_unit_invalidate; IOMMU_EINVAL also, with nothing performed: the type is not
 * that of the unit. Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_hwpt_invalidate_as(struct iommu_file *file, uint32_t hwpt,
				       enum iommu_hardware_type type, const void *requests,
				       size_t request_size, unsigned int count, unsigned int *done);
IOMMU_API int iommu_virtual_unit_invalidate_as(struct iommu_file *file, uint32_t virtual_unit,
					       enum iommu_hardware_type type, const void *requests,
					       size_t request_size, unsigned int count,
					       unsigned int *done);

/* --- Devices ---------------------------------------------------------------------------------- */

/*
 * Devices of a file: bound to it, and attached to its address spaces.
 *
 * A device is bound together with its group: no other file and no driver may then use a member of
 * the group. For each PASID, all attached members of a group are attached to the same HWPT; the
 * first attach attaches the group, the last detach detaches it. Locking and ids: see the head of
 * this file; all calls are control path.
 */

struct iommu_endpoint;

/* Stands for requests without a PASID. */
#define IOMMU_NO_PASID 0U

/*
 * iommu_device_bind - claim an endpoint's group for the file. DMA of the members is blocked until
 * they are attached. An endpoint that is released while it is bound is blocked, and remains until
 * the device is unbound; calls that need the endpoint itself (bind, attach, replace,
 * iommu_hwpt_alloc, iommu_virtual_unit_alloc, iommu_virtual_device_alloc) then return IOMMU_ENODEV.
 *
 * Returns 0, or
 *   IOMMU_EPERM   DMA translation alone does not isolate the group: its interrupts are not
 *                 remapped, and the administrator has not allowed that
 *                 (iommu_allow_unsafe_interrupts); or a member can reach functions of another
 *                 group. See iommu_group_check_isolation
 *   IOMMU_EBUSY   the group is in use by another file or by a driver; or the endpoint is already
 *                 bound
 *   IOMMU_ENODEV  the file is being destroyed
 *   and the errors of iommu_group_claim.
 *
 * iommu_device_unbind - detach the device if it is attached, and give it up. Returns 0;
 * IOMMU_ENOENT or IOMMU_EINVAL (no object has this id, or it is no device); IOMMU_EBUSY (its group
 * is in a container of <libiommu/spapr.h>, which unbinds it); or an error of iommu_group_release:
 * the device is still bound, and detached: call again. A detach that hardware did not confirm is no
 * error here: the memory that was mapped stays pinned.
 *
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_device_bind(struct iommu_file *file, struct iommu_endpoint *endpoint,
				uint32_t *device);
IOMMU_API int iommu_device_unbind(struct iommu_file *file, uint32_t device);

/*
 * iommu_device_attach - attach a device, or one of its PASIDs, to an address space.
 *
 * @to:   an HWPT; or an IOAS: its first HWPT that fits among those that iommu_device_attach made,
 *        or a new one.
 * @hwpt: receives the id of the HWPT; may be NULL.
 *
 * Ranges that the group reserves are reserved in the IOAS while the group is attached.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      `to` is neither, or was made on a virtual unit of another unit; the device is
 *                     already attached (use iommu_device_replace); another member of its group is
 *                     attached to another HWPT; HWPT and device do not fit; with a PASID, an HWPT
 *                     without IOMMU_HWPT_PASID
 *   IOMMU_EBUSY       the PASID is already attached; or the HWPT has a fault queue, and ATS is not
 *                     enabled (iommu_endpoint_enable_feature): see "Fault queues"
 *   IOMMU_EADDRINUSE  a mapping or an allowed range overlaps what the group reserves
 *   IOMMU_EPERM       as iommu_device_bind: the group is no longer isolated
 *   IOMMU_ENOSPC      the file's limit of attachments or of objects
 *   and the errors of iommu_hwpt_alloc, iommu_domain_attach_group, iommu_domain_attach_pasid and
 *   iommu_endpoint_enable_feature.
 *
 * iommu_device_replace - move an attached device, and with it all members of its group that are
 * attached for the PASID, to another HWPT. Returns 0 also if the device is attached there already.
 * IOMMU_EINVAL: the device is not attached. Other errors as iommu_device_attach.
 *
 * iommu_device_detach - detach a device. With the last attached member of a group, requests of the
 * group fault. Returns 0, IOMMU_EINVAL (not attached), or IOMMU_ETIMEDOUT / IOMMU_EIO: the device
 * is detached, but hardware did not confirm; the memory that was mapped stays pinned until it has.
 * The calls that try again are listed under "Hardware page tables". Context: control path of the
 * file; may sleep.
 */
IOMMU_API int iommu_device_attach(struct iommu_file *file, uint32_t device, uint32_t pasid,
				  uint32_t to, uint32_t *hwpt);
IOMMU_API int iommu_device_replace(struct iommu_file *file, uint32_t device, uint32_t pasid,
				   uint32_t to, uint32_t *hwpt);
IOMMU_API int iommu_device_detach(struct iommu_file *file, uint32_t device, uint32_t pasid);

struct iommu_device_info {
	struct iommu_endpoint *endpoint;
	bool dirty_tracking;
	uint32_t max_pasids; /* 0: none */
	/* What its unit reports; IOMMU_EOPNOTSUPP in `hardware_status`: nothing. */
	int hardware_status;
	struct iommu_hardware_info hardware;
	bool enforced_coherency; /* its unit can enforce snooping; see iommu_hwpt_alloc */
};
/*
 * iommu_device_get_info - what a device of the file is, and what its unit reports. Returns 0, or
 * IOMMU_ENOENT (no such object), or IOMMU_EINVAL: an object of another type.
 *
 * Context: control path of the file; may sleep.
 */
IOMMU_API int iommu_device_get_info(struct iommu_file *file, uint32_t device,
				    struct iommu_device_info *info);

/* --- Access by software ----------------------------------------------------------------------- */

/*
 * Access to an address space by software: an emulated device, or one that is only partly hardware,
 * uses the memory that its guest has mapped. Pinned pages stay where they are until they are
 * unpinned, which the access object must do when it is notified that they are being unmapped.
 *
 * Locking and ids: see the head of this file. Alloc, attach, replace, detach and destroy
 * (iommu_object_destroy) are control path. Pin and rw wait for calls that use the same memory, and
 * may sleep. Unpin may be called from the callback.
 */

/*
 * Called when [iova, iova + size) is being unmapped: before it returns, the callee must unpin all
 * pages that it has pinned in the range, and stop using them. The caller is an unmap, a revocation
 * of the backing (iommu_backing_revoke), or a detach of the access object. The only function of the
 * library that may be called is iommu_access_unpin. Called also if nothing is pinned in the range.
 */
typedef void (*iommu_access_unmap)(void *ctx, iommu_iova_t iova, uint64_t size);

/*
 * iommu_access_alloc - create an access object. @unmap: NULL: it reads and writes, and never pins.
 * Returns 0, IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV.
 *
 * iommu_access_attach - attach an access object to an IOAS. IOMMU_EINVAL also: it is already
 * attached. iommu_access_replace - move an access object to another IOAS; all of its pages are
 * unpinned first. IOMMU_EINVAL also: it is not attached. iommu_access_detach - detach an access
 * object from its IOAS. IOMMU_EINVAL also: it is not attached. Other errors as
 * iommu_object_destroy. IOMMU_EBUSY of all three: the callback did not unpin all pages. Context:
 * control path of the file; may sleep.
 */
IOMMU_API int iommu_access_alloc(struct iommu_file *file, iommu_access_unmap unmap, void *unmap_ctx,
				 uint32_t *access);
IOMMU_API int iommu_access_attach(struct iommu_file *file, uint32_t access, uint32_t ioas);
IOMMU_API int iommu_access_replace(struct iommu_file *file, uint32_t access, uint32_t ioas);
IOMMU_API int iommu_access_detach(struct iommu_file *file, uint32_t access);

/*
 * iommu_access_pin - pin the pages of [iova, iova + size) until iommu_access_unpin of the same
 * range.
 *
 * @prot:  the intended use: IOMMU_PROT_READ, IOMMU_PROT_WRITE or both.
 * @pages: receives the physical address of each page of 4 KiB. NULL: iommu_access_get_paddr tells.
 *
 * Returns 0, or with nothing pinned
 *   IOMMU_EOPNOTSUPP  prot has other bits
 *   IOMMU_EINVAL      size 0, or not whole pages; prot is 0; the access object has no callback, or
 *                     is not attached; a part is registers (IOMMU_BACKING_MMIO)
 *   IOMMU_EOVERFLOW   the range wraps
 *   IOMMU_ENOENT      a part is not mapped
 *   IOMMU_EBUSY       a part is being unmapped
 *   IOMMU_EPERM       the mapping does not permit the access
 *   IOMMU_ENODEV      the backing of a part was revoked (iommu_backing_revoke)
 *   IOMMU_ENOMEM      also: the file's limit of pages pinned by access objects, or of pinned pages
 *   IOMMU_EFAULT      the result of the backing's pin is invalid: no piece, or more than was asked
 *                     for
 *   and the errors of the backing's pin
 *
 * iommu_access_unpin - unpin the pages of a range that was pinned. IOMMU_ENOENT: nothing is pinned
 * with this range. Context: sleeps where the functions of a backing do; at once with calls for
 * other areas.
 */
IOMMU_API int iommu_access_pin(struct iommu_file *file, uint32_t access, iommu_iova_t iova,
			       uint64_t size, unsigned int prot, iommu_paddr_t *pages);
IOMMU_API int iommu_access_unpin(struct iommu_file *file, uint32_t access, iommu_iova_t iova,
				 uint64_t size);

/*
 * iommu_access_get_paddr - where memory is that the access object has pinned. *size: so many bytes
 * follow each other in memory from *paddr on, 1 GiB at most; more may. For memory that others have
 * pinned the answer may be out of date when the call returns. Returns 0, IOMMU_ENOENT (nothing is
 * mapped there, nothing has pinned it, or no object has this id), IOMMU_EBUSY (it is being
 * unmapped), IOMMU_ENODEV (revoked), IOMMU_ENOMEM, or IOMMU_EINVAL (the object is no access object,
 * or is not attached). Context: sleeps where the functions of a backing do; at once with calls for
 * other areas.
 */
IOMMU_API int iommu_access_get_paddr(struct iommu_file *file, uint32_t access, iommu_iova_t iova,
				     iommu_paddr_t *paddr, uint64_t *size);

/*
 * iommu_access_rw - copy `size` bytes from an address of the address space, or to it. Any address
 * and size; registers only if their backing has a copy function. An unmap of the memory waits for
 * the copy. Errors as iommu_access_pin, or those of the backing's copy: part of the data may have
 * been copied. Context: sleeps where the functions of a backing do; at once with calls for other
 * areas.
 */
IOMMU_API int iommu_access_rw(struct iommu_file *file, uint32_t access, iommu_iova_t iova,
			      void *bytes, size_t size, bool write);

/* --- Fault queues ----------------------------------------------------------------------------- */

/*
 * Fault queues deliver page requests to the manager of a guest. Devices attached to an HWPT that
 * was made with IOMMU_HWPT_FAULTS have their page requests put there. Every group of requests is
 * answered exactly once: by iommu_fault_respond, or with IOMMU_PAGE_INVALID when the device is
 * detached or the queue is full.
 *
 * The attach enables page requests of the device in its unit, and the detach disables them. It
 * enables nothing that they need: the order is
 *	iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID)   with PASIDs of the host
 *	iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS)     or it is IOMMU_EBUSY
 *	iommu_device_attach, or iommu_device_replace                   to an HWPT with a queue
 *	the bits of ATS, then of page requests, in the device's configuration space
 * and back: the device's bit of page requests is cleared before the detach, and that of ATS before
 * iommu_endpoint_disable_feature. Between a detach and the next attach ATS stays enabled.
 */

/*
 * Called when an empty queue receives records, in the context in which requests are reported. Must
 * not call the library.
 */
typedef void (*iommu_fault_notifier)(void *ctx);

/*
 * iommu_fault_queue_alloc - create a queue for at least 500 requests. @notifier: may be NULL.
 * Returns 0, IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV (the file is being destroyed). Control path.
 */
IOMMU_API int iommu_fault_queue_alloc(struct iommu_file *file, iommu_fault_notifier notifier,
				      void *notifier_ctx, uint32_t *queue);

struct iommu_fault_record {
	uint32_t device;     /* id of the device */
	uint64_t virtual_id; /* guest's number; UINT64_MAX: none */
	uint32_t cookie;     /* names the group: one answer for all records with this cookie */
	struct iommu_page_request request;
};

/*
 * iommu_fault_read - read groups of requests, oldest first; only whole groups are returned. *count:
 * number of records returned, 0 if there are none. Returns 0, IOMMU_EINVAL (the first group does
 * not fit into `capacity` records, or the object is no fault queue) or IOMMU_ENOENT (no object has
 * this id). Any context.
 *
 * iommu_fault_respond - answer a group that was read. Returns 0, IOMMU_ENOENT (no such group is
 * pending, or no object has this id), IOMMU_EINVAL (code, or the object is no fault queue), or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that the answer was sent. Control path.
 */
IOMMU_API int iommu_fault_read(struct iommu_file *file, uint32_t queue,
			       struct iommu_fault_record *records, unsigned int capacity,
			       unsigned int *count);
IOMMU_API int iommu_fault_respond(struct iommu_file *file, uint32_t queue, uint32_t cookie,
				  enum iommu_page_response_code code);

/* --- Virtual units ---------------------------------------------------------------------------- */

/*
 * A virtual unit represents a guest's IOMMU: the physical unit behind it, the guest's nested
 * tables, and the guest's numbers for its devices. Faults of the guest's devices are delivered by
 * event queues, below. All calls but iommu_virtual_unit_find are control path; ids as everywhere in
 * this file.
 */

/*
 * iommu_virtual_unit_alloc - create a virtual unit for the unit that `device` is behind, on an HWPT
 * made with IOMMU_HWPT_NEST_PARENT. Nested HWPTs are made on the virtual unit (iommu_hwpt_alloc),
 * for devices behind the same unit only: making one for, or attaching, another device is
 * IOMMU_EINVAL. Returns 0, IOMMU_EINVAL (no such HWPT), IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV.
 *
 * iommu_virtual_device_alloc - assign the guest's number to `device`. Returns also IOMMU_EINVAL:
 * the device is behind another unit; IOMMU_EEXIST: the number is in use, or the device has one.
 * When the device is unbound the object remains without a device: the number is free, and the
 * object goes with iommu_object_destroy.
 *
 * iommu_virtual_unit_find - find a device by its number. IOMMU_ENOENT also: there is none. Any
 * context.
 *
 * iommu_virtual_unit_invalidate - perform each request for all nested HWPTs of the virtual unit:
 * for invalidations of a guest that concern more than one table. As iommu_hwpt_invalidate; *done
 * counts the requests that were performed for all of them.
 */
IOMMU_API int iommu_virtual_unit_alloc(struct iommu_file *file, uint32_t device, uint32_t hwpt,
				       uint32_t *virtual_unit);
IOMMU_API int iommu_virtual_device_alloc(struct iommu_file *file, uint32_t virtual_unit,
					 uint32_t device, uint64_t virtual_id,
					 uint32_t *virtual_device);
IOMMU_API int iommu_virtual_unit_find(struct iommu_file *file, uint32_t virtual_unit,
				      uint64_t virtual_id, uint32_t *device);
IOMMU_API int iommu_virtual_unit_invalidate(struct iommu_file *file, uint32_t virtual_unit,
					    const void *requests, size_t request_size,
					    unsigned int count, unsigned int *done);

/* --- Event queues ----------------------------------------------------------------------------- */

/*
 * Event queues deliver the faults of a guest's devices to the guest's manager, which reports them
 * to the guest as its own IOMMU would. A device takes part as long as it has a number on the
 * virtual unit (iommu_virtual_device_alloc): its faults go to the queue instead of the handlers of
 * the host. Page requests need an answer, and have queues of their own (fault queues, above).
 */

/*
 * Called when an empty queue receives records, in the context of iommu_unit_handle_faults. Must not
 * call the library.
 */
typedef void (*iommu_event_notifier)(void *ctx);

/*
 * iommu_event_queue_alloc - create the event queue of a virtual unit, which has at most one. It
 * holds at least 500 events; further events are counted and dropped, so that a device that faults
 * all the time takes no memory. The virtual unit cannot be destroyed before its queue
 * (iommu_object_destroy). @notifier: may be NULL.
 *
 * Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (the id is not that of a virtual unit), IOMMU_EEXIST (it
 * has a queue), IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV (the file is being destroyed). Control
 * path.
 */
IOMMU_API int iommu_event_queue_alloc(struct iommu_file *file, uint32_t virtual_unit,
				      iommu_event_notifier notifier, void *notifier_ctx,
				      uint32_t *queue);

/* The most events that a queue can be made to hold. */
#define IOMMU_EVENT_QUEUE_DEPTH 8192U

struct iommu_event_queue_config {
	iommu_event_notifier notifier; /* may be NULL */
	void *notifier_ctx;
	/* The events that it holds, IOMMU_EVENT_QUEUE_DEPTH at most; 0: at least 500. */
	unsigned int depth;
};

/*
 * iommu_event_queue_alloc_with - create the event queue with a depth, as the guest's own IOMMU has
 * it. Errors as iommu_event_queue_alloc; IOMMU_EINVAL also: the depth is too large.
 *
 * iommu_event_queue_mark_lost - report that events may have been lost before they reached the
 * library: iommu_unit_handle_faults says so of a unit, and the host passes it on to the guests that
 * have devices behind it. The next event is marked, and one event counts as lost. Returns 0,
 * IOMMU_ENOENT, or IOMMU_EINVAL (no event queue). Any context.
 */
IOMMU_API int iommu_event_queue_alloc_with(struct iommu_file *file, uint32_t virtual_unit,
					   const struct iommu_event_queue_config *config,
					   uint32_t *queue);
IOMMU_API int iommu_event_queue_mark_lost(struct iommu_file *file, uint32_t queue);

struct iommu_event_record {
	uint64_t virtual_id; /* the guest's number for the device */
	uint32_t device;     /* id of the device when it faulted */
	/* Counts the events of the queue, including dropped ones; it wraps. */
	uint32_t sequence;
	iommu_iova_t address; /* the guest's, as struct iommu_fault has it */
	enum iommu_fault_access access;
	bool has_pasid;
	uint32_t pasid; /* valid with has_pasid */
	/* The hardware's code for the fault, and its name: a static string. */
	unsigned int reason;
	const char *reason_name;
	bool after_loss; /* events were dropped directly before this one */
};

/*
 * iommu_event_read - read and remove the oldest events. *count: number of records returned, at most
 * `capacity`; 0 if there are none. *lost: number of events dropped since the last read that asked
 * for it; may be NULL. Where they are missing is told by the records; behind the last one, if *lost
 * is not 0 and none that is left in the queue says so. Readers at the same time get each event
 * once. Returns 0, IOMMU_ENOENT, or IOMMU_EINVAL (no event queue). Any context.
 */
IOMMU_API int iommu_event_read(struct iommu_file *file, uint32_t queue,
			       struct iommu_event_record *records, unsigned int capacity,
			       unsigned int *count, uint64_t *lost);

IOMMU_END_DECLS
#endif
