/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers for POWER (VFIO's "SPAPR TCE", versions 1 and 2), and the hypercalls by which a guest
 * sets its own entries (what KVM does for a guest without leaving the kernel).
 *
 * A host under OPAL (<libiommu/opal.h>) hands groups to the manager of a virtual machine or to a
 * driver in user space. Their devices reach memory through windows of bus addresses, two at most:
 *
 *	iommu_container_create_with(iommu, &limits, IOMMU_CONTAINER_TCE_V2, &container)
 *	iommu_group_file_set_container(group_file, container)
 *	iommu_spapr_register_memory(container, &backing, size, prot)   pinned once, for all
 *	iommu_spapr_get_info(container, &info)                         what windows there can be
 *	iommu_spapr_add_window(container, &window, &start)
 *	iommu_container_map(container, start + offset, size, prot, &backing)
 *
 * In a guest of a PAPR hypervisor there are no such containers (a group that joins is refused with
 * IOMMU_EOPNOTSUPP): its windows belong to bridges, and its groups are put into containers of type
 * 1, whose mappings go through the windows that the host has opened.
 *
 * Version 2. Memory is registered first, by its address for the user, and pinned as a whole;
 * entries then lead to registered memory only. A window of 32 address bits with pages of 4 KiB, the
 * default window, is open from the first group on, until it is removed. Version 1: one group, one
 * window, the default one; each map pins its memory, and the container has to be enabled first,
 * which counts the size of the window as pinned.
 *
 * When the last group has left, all windows and their entries are gone; memory remains registered.
 * The host's own domain, with its windows, is what a group uses after it has left and its device is
 * not owned any more.
 *
 * Locking: calls on one container run one after the other, under a mutex of the host, and may
 * sleep; but for iommu_spapr_guest_hypercall, which may be called in any context in which firmware
 * can be called, on any CPU.
 */
#ifndef LIBIOMMU_SPAPR_H
#define LIBIOMMU_SPAPR_H

#include <libiommu/status.h>
#include <libiommu/types.h>
#include <libiommu/vfio.h>
#include <libiommu/window.h>

IOMMU_BEGIN_DECLS

/* --- Containers ------------------------------------------------------------------------------- */

/*
 * The calls of <libiommu/vfio.h> on such a container:
 *
 * iommu_group_file_set_container - also IOMMU_EOPNOTSUPP: the group is behind a unit without
 * windows that an owner can open. IOMMU_EBUSY: version 1 has a group already, or is enabled.
 * IOMMU_EINVAL: the unit does not support a window that the container has. IOMMU_ENOSPC: the
 * container's groups are behind IOMMU_SPAPR_UNITS other units. Several groups have the same
 * entries.
 *
 * iommu_container_map - set entries; what they led to before is replaced. The pages are those of
 * the window; iova, size and the backing's address are multiples of them. With version 2 the memory
 * is found by the backing's address, and must be registered with the same functions and the same
 * ctx, in one piece or several; pages larger than 4 KiB must be contiguous in memory. Returns 0, or
 * with nothing changed IOMMU_EINVAL (size 0, alignment, prot), IOMMU_EOVERFLOW (a range wraps),
 * IOMMU_ERANGE (the range does not lie in one window), IOMMU_ENOENT (memory is not registered),
 * IOMMU_EPERM (it is registered for reading only; version 1: not enabled), IOMMU_EFAULT (it is
 * contiguous in smaller pieces than the window's pages), IOMMU_ENOMEM (memory, a limit, or, of
 * version 1, what enabling has counted); and for version 1 the error of the backing's pin.
 * IOMMU_ETIMEDOUT / IOMMU_EIO: a bridge did not confirm: the entries were cleared.
 *
 * iommu_container_unmap - clear entries in [iova, iova + size); `unmapped`: the bytes of those that
 * were set. Anything may be cut out. iova 0 with size UINT64_MAX: of all windows. `bitmap` must be
 * NULL (IOMMU_EOPNOTSUPP). IOMMU_EINVAL (size 0, alignment), IOMMU_EOVERFLOW, IOMMU_ERANGE as
 * above. IOMMU_ETIMEDOUT / IOMMU_EIO: the entries are cleared, but devices may still use them:
 * their memory stays registered (version 1: pinned) until a later call on the container is
 * confirmed.
 *
 * iommu_container_destroy - also IOMMU_EBUSY: a window is attached to a table of a guest;
 * and the errors of iommu_domain_free: a unit has not confirmed that it does not use the container.
 * Registered memory is unpinned. iommu_container_get_info - alignment 4096, flags; no ranges
 * (IOMMU_ENODEV). Calls for address spaces, virtual addresses: IOMMU_ENODEV, or IOMMU_EOPNOTSUPP as
 * all others.
 */

/* The units that the groups of a container can be behind. */
#define IOMMU_SPAPR_UNITS 8

/*
 * iommu_spapr_register_memory - pin memory of the user, so that entries can lead to it.
 *
 * @backing: its address is the user's, by which it is named; a multiple of 4 KiB.
 * @prot:    IOMMU_PROT_READ, with or without IOMMU_PROT_WRITE: what devices may do with it.
 *
 * It counts towards the pinned pages of the container's limits and of its account. Returns 0, or
 * with nothing changed
 *   IOMMU_EINVAL      size 0, alignment, or prot; the backing lacks a function, or is registers
 *   IOMMU_EOVERFLOW   the range wraps
 *   IOMMU_EEXIST      a part of the range is registered
 *   IOMMU_ENOMEM      also: a limit
 *   IOMMU_EFAULT      pin returned something invalid
 *   IOMMU_EOPNOTSUPP  the container is not one of version 2
 *   otherwise         the error that pin returned
 *
 * iommu_spapr_unregister_memory - unpin memory: the range as it was registered. Returns 0,
 * IOMMU_ENOENT (no such range is registered), IOMMU_EBUSY (entries lead to it), IOMMU_EOPNOTSUPP,
 * or IOMMU_ETIMEDOUT / IOMMU_EIO: entries that led to it were replaced, which is not confirmed.
 *
 * Context: one call at a time for a container, under the host's mutex; may sleep.
 */
IOMMU_API int iommu_spapr_register_memory(struct iommu_container *container,
					  const struct iommu_backing *backing, uint64_t size,
					  unsigned int prot);
IOMMU_API int iommu_spapr_unregister_memory(struct iommu_container *container, uint64_t address,
					    uint64_t size);

/*
 * iommu_spapr_enable - of version 1: count the pages of the window as pinned, once for all maps,
 * and allow them. Returns 0, IOMMU_EBUSY (enabled already), IOMMU_ENODEV (there is no group),
 * IOMMU_ENOMEM (the limit of pinned pages), or IOMMU_EOPNOTSUPP (not of version 1).
 * iommu_spapr_disable - end the use of a container's windows. Returns 0 (also if it is not
 * enabled), IOMMU_EBUSY (something is mapped), or IOMMU_EOPNOTSUPP. A container whose group leaves
 * is disabled.
 *
 * What a map has pinned counts until all of its entries are gone, also while others replace them
 * one by one, and no more is pinned at one time than was counted. Context: one call at a time for a
 * container, under the host's mutex; may sleep.
 */
IOMMU_API int iommu_spapr_enable(struct iommu_container *container);
IOMMU_API int iommu_spapr_disable(struct iommu_container *container);

struct iommu_spapr_window {
	iommu_iova_t start;
	uint64_t size; /* 0: there is no window */
	unsigned int page_shift;
	unsigned int levels; /* of tables, as asked for */
};

struct iommu_spapr_info {
	iommu_iova_t start32; /* the window of 32 address bits: where it is, or would be */
	uint64_t size32;
	/* What all units of the container's groups support. Version 1: 4 KiB, 0 and 1. */
	uint64_t page_sizes; /* bit n = pages of 2^n bytes */
	unsigned int windows_max;
	unsigned int levels_max;
	uint64_t size_max; /* of a window that is not within 32 bits */
	struct iommu_spapr_window windows[IOMMU_WINDOWS]; /* those that are there */
};

/*
 * iommu_spapr_get_info - the windows that a container may have. Returns 0, IOMMU_ENODEV (there is
 * no group, whose unit would say), or IOMMU_EOPNOTSUPP (a container of another kind). Context: one
 * call at a time for a container, under the host's mutex; may sleep.
 */
IOMMU_API int iommu_spapr_get_info(struct iommu_container *container,
				   struct iommu_spapr_info *info);

/*
 * iommu_spapr_add_window - open another window, of `size` bytes, for all groups: at 0, if it is
 * not larger than the 32-bit window and that place is free, else at bit 59. `start` is ignored;
 * *start receives it. levels 0: chosen.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      page size, size (a power of two, two pages at least) or levels that a unit
 *                     does not support
 *   IOMMU_ENOSPC      no place is free
 *   IOMMU_ENODEV      there is no group
 *   IOMMU_EOPNOTSUPP  the container is not one of version 2
 *   IOMMU_ENOMEM      also: the limit on metadata (8 bytes for each page of the window)
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     a unit did not confirm
 *
 * iommu_spapr_remove_window - close a window, by its start, with all of its entries. Tables of
 * guests lose it. Returns 0, IOMMU_ENOENT (no window starts there), IOMMU_EOPNOTSUPP, or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: not confirmed by all units: nothing can be mapped in the window any
 * more, its place is not free, and memory that it leads to stays registered: the same call
 * continues.
 *
 * Context: one call at a time for a container, under the host's mutex; may sleep.
 */
IOMMU_API int iommu_spapr_add_window(struct iommu_container *container,
				     const struct iommu_spapr_window *window, iommu_iova_t *start);
IOMMU_API int iommu_spapr_remove_window(struct iommu_container *container, iommu_iova_t start);

/* --- Guests ----------------------------------------------------------------------------------- */

/*
 * A pseries guest sets the entries of its windows by hypercalls. For each window that the guest
 * knows, by its number (LIOBN), there is a table here, with what the guest has put; and windows of
 * containers are attached to it, whose entries are set accordingly: the guest's address of each
 * page is translated, by the guest's memory map, to an address of the user's, and that must be
 * registered with the container. Everything that the guest says is hostile.
 *
 *	iommu_spapr_guest_create(iommu, &config, &guest)
 *	iommu_spapr_guest_add_memory(guest, 0, size, address)
 *	iommu_spapr_guest_add_table(guest, &table)
 *	iommu_spapr_guest_attach_window(guest, liobn, container, start)
 *	code = iommu_spapr_guest_hypercall(guest, opcode, liobn, address, third, fourth, &result)
 *
 * Locking: hypercalls run at once with each other and with all other calls; those are control path:
 * of one guest they run one after the other, under a mutex of the host, and may sleep.
 */
struct iommu_spapr_guest;

struct iommu_spapr_guest_config {
	/*
	 * Read 8 aligned bytes of the guest's memory, in the byte order of memory; false: there is
	 * no memory. Called by hypercalls, without a lock. REQUIRED.
	 */
	bool (*read)(void *ctx, uint64_t guest_address, uint64_t *bytes);
	void *ctx;
	unsigned int flags; /* 0 */
};

/*
 * iommu_spapr_guest_create - create the windows of a guest. Returns 0, IOMMU_EINVAL (no function to
 * read), IOMMU_EOPNOTSUPP (flags), or IOMMU_ENOMEM. iommu_spapr_guest_destroy - destroy a guest's
 * windows, with all tables. No hypercall may run, or follow. Errors as
 * iommu_spapr_guest_remove_table: call again. Context: control path (<libiommu/endpoint.h>) of
 * calls for one guest; may sleep.
 */
IOMMU_API int iommu_spapr_guest_create(struct iommu *iommu,
				       const struct iommu_spapr_guest_config *config,
				       struct iommu_spapr_guest **guest);
IOMMU_API int iommu_spapr_guest_destroy(struct iommu_spapr_guest *guest);

/*
 * iommu_spapr_guest_add_memory - the guest's addresses [guest_address, guest_address + size) are
 * the user's from `address` on; multiples of 4 KiB. Returns 0, IOMMU_EINVAL (size 0, alignment),
 * IOMMU_EOVERFLOW, IOMMU_EEXIST (a part of the range has memory), or IOMMU_ENOMEM.
 *
 * iommu_spapr_guest_remove_memory - remove memory from a guest, a range as it was added. From then
 * on hypercalls no longer translate to it, and none that does is running when the call returns.
 * Entries that lead there remain, and with them the memory stays registered, until the guest or the
 * user clears them. IOMMU_ENOENT. Context: control path (<libiommu/endpoint.h>) of calls for one
 * guest; may sleep.
 */
IOMMU_API int iommu_spapr_guest_add_memory(struct iommu_spapr_guest *guest, uint64_t guest_address,
					   uint64_t size, uint64_t address);
IOMMU_API int iommu_spapr_guest_remove_memory(struct iommu_spapr_guest *guest,
					      uint64_t guest_address, uint64_t size);

struct iommu_spapr_table {
	uint32_t liobn;
	iommu_iova_t address;    /* first bus address: a multiple of the page size */
	unsigned int page_shift; /* 12 to 34 */
	uint64_t pages;          /* at most 2^28 */
};

/*
 * iommu_spapr_guest_add_table - add a window that the guest knows; all entries are 0. Takes 8 bytes
 * for each entry that the guest sets. Returns 0, IOMMU_EINVAL, IOMMU_EOVERFLOW (it ends beyond 64
 * bits), IOMMU_EEXIST (the number is in use), or IOMMU_ENOMEM.
 *
 * iommu_spapr_guest_remove_table - detach all windows and remove it. When the call returns, no
 * hypercall uses it. Returns 0, IOMMU_ENOENT, or IOMMU_ETIMEDOUT / IOMMU_EIO as
 * iommu_spapr_guest_detach_window: the table is gone all the same. Context: control path
 * (<libiommu/endpoint.h>) of calls for one guest; may sleep.
 */
IOMMU_API int iommu_spapr_guest_add_table(struct iommu_spapr_guest *guest,
					  const struct iommu_spapr_table *table);
IOMMU_API int iommu_spapr_guest_remove_table(struct iommu_spapr_guest *guest, uint32_t liobn);

/* The windows that can be attached to a table. */
#define IOMMU_SPAPR_TABLE_WINDOWS 8

/*
 * iommu_spapr_guest_attach_window - have a table set the entries of a window, which starts there in
 * the container: those that the guest has set already, and all that follow. The window covers the
 * table's addresses, and its pages are not larger than the table's, nor 4,097 times smaller or
 * more.
 *
 * Returns 0, or with nothing changed but that entries of the window were cleared
 *   IOMMU_ENOENT      no table has the number; no window starts there; or what the guest has set
 *                     leads to memory that is not registered with the container
 *   IOMMU_EINVAL      the window does not fit the table
 *   IOMMU_EEXIST      it is attached to the table
 *   IOMMU_ENOSPC      IOMMU_SPAPR_TABLE_WINDOWS are attached
 *   IOMMU_EOPNOTSUPP  the container is not one of version 2
 *   IOMMU_EPERM, IOMMU_EFAULT, IOMMU_ENOMEM, IOMMU_ETIMEDOUT, IOMMU_EIO as iommu_container_map
 *
 * iommu_spapr_guest_detach_window - end it; the entries of the table in the window are cleared. A
 * window that was removed, or whose groups have left, is detached in the same way, and does nothing
 * meanwhile. Returns 0, IOMMU_ENOENT (not attached), or IOMMU_ETIMEDOUT / IOMMU_EIO: it is detached
 * and cleared, but not confirmed, as iommu_container_unmap. Context: control path
 * (<libiommu/endpoint.h>) of calls for one guest; may sleep.
 */
IOMMU_API int iommu_spapr_guest_attach_window(struct iommu_spapr_guest *guest, uint32_t liobn,
					      struct iommu_container *container,
					      iommu_iova_t start);
IOMMU_API int iommu_spapr_guest_detach_window(struct iommu_spapr_guest *guest, uint32_t liobn,
					      struct iommu_container *container,
					      iommu_iova_t start);

/* What the hypercalls return to the guest, in register 3. */
#define IOMMU_H_SUCCESS              0
#define IOMMU_H_HARDWARE             (-1)
#define IOMMU_H_FUNCTION             (-2)
#define IOMMU_H_PARAMETER            (-4)
#define IOMMU_H_NOT_ENOUGH_RESOURCES (-44)

/*
 * iommu_spapr_guest_hypercall - carry out a hypercall of the guest: IOMMU_H_PUT_TCE (third: the
 * entry), IOMMU_H_GET_TCE (*result: what was put), IOMMU_H_STUFF_TCE (third: the entry, fourth: how
 * often), IOMMU_H_PUT_TCE_INDIRECT (third: the guest's address of a list of entries, big-endian, in
 * one page of 4 KiB; fourth: 512 at most), as registers 4 to 7 have them (<libiommu/tce_table.h>).
 *
 * Returns what the guest gets:
 *   IOMMU_H_SUCCESS    devices use the new entries, and no old one
 *   IOMMU_H_FUNCTION   another opcode
 *   IOMMU_H_PARAMETER  no table has the number; the range is not in it; the list is not aligned, is
 *                      too long, or cannot be read; an entry with permissions is not aligned to the
 *                      table's pages, leads to nothing in the guest's memory map, or to memory that
 *                      is not registered with a container, not for writing, or contiguous in
 *                      smaller pieces than a window's pages. A page lies in one range of the memory
 *                      map and in one that was registered
 *   IOMMU_H_NOT_ENOUGH_RESOURCES
 *                      no memory for tables, or a limit of the container
 *   IOMMU_H_HARDWARE   a bridge did not confirm. The entries are set, devices may still use former
 *                      ones, whose memory stays registered
 *
 * Each entry is set in all windows that are attached, or in none, and H_GET_TCE tells which of them
 * were. H_PUT_TCE and H_STUFF_TCE change nothing when they fail for a parameter; so does
 * H_PUT_TCE_INDIRECT, unless the guest changes its list, or the user its memory, meanwhile: then
 * the entries before the one that is refused are set. Each entry of the list is read once more when
 * it is set, and what is set is what was checked. Without memory, a part may be set.
 *
 * However many entries a call is for, nothing waits for all of it: after some 16,384 (of all
 * windows together, and never within one of the table's) hardware is told, and calls of the control
 * path that wait for the hypercall go on, as iommu_spapr_remove_window and those on the guest. What
 * they change, the hypercall finds: a window that is attached by then gets all entries, one that is
 * gone none. Where the table is gone, or is another one of its number, or the guest's or the user's
 * memory is gone, the call ends with IOMMU_H_PARAMETER, and the entries before are set. So a whole
 * H_STUFF_TCE does not come at once, for H_GET_TCE or for devices. Context: any in which firmware
 * may be called; at once with all other calls; never sleeps.
 */
IOMMU_API int64_t iommu_spapr_guest_hypercall(struct iommu_spapr_guest *guest, uint64_t opcode,
					      uint64_t liobn, uint64_t address, uint64_t third,
					      uint64_t fourth, uint64_t *result);

IOMMU_END_DECLS
#endif
