/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to an address space by software: a device that is emulated, or that is hardware's only in part, uses the memory that its
 * guest has mapped. What it pins stays where it is until it unpins it, which it does when it is told that the memory goes.
 *
 * Locking and ids: see <libiommu/ioas.h>. Create, attach, replace, detach and destroy (iommu_object_destroy) are control path;
 * pin and rw wait for those who need the same memory, and may sleep; unpin may be called from the callback.
 */
#ifndef LIBIOMMU_ACCESS_H
#define LIBIOMMU_ACCESS_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ctx;

/*
 * What is pinned in [iova, iova + size) has to be unpinned before this returns, and nothing of it is to be used any more. Called
 * by the call that unmaps it, revokes what backs it (iommu_backing_revoke), or detaches the access;
 * of the library only iommu_access_unpin may be called. Told even if nothing is pinned there.
 */
typedef void (*iommu_access_unmap)(void *ctx, iommu_iova_t iova, uint64_t size);

/*
 * iommu_access_create - @unmap: NULL: it does not pin, it only reads and writes. Returns 0, IOMMU_ENOMEM, IOMMU_ENOSPC,
 * IOMMU_ENODEV.
 *
 * iommu_access_attach  - to an IOAS; IOMMU_EINVAL also: it is attached already.
 * iommu_access_replace - to another one; IOMMU_EINVAL also: it is attached to none. All that is pinned is unpinned first.
 * iommu_access_detach  - IOMMU_EINVAL also: it is attached to none. As iommu_object_destroy, IOMMU_EBUSY: the holder did not
 *                        unpin when it was told to.
 */
IOMMU_API int iommu_access_create(struct iommu_ctx *ctx, iommu_access_unmap unmap, void *unmap_ctx,
				  uint32_t *access);
IOMMU_API int iommu_access_attach(struct iommu_ctx *ctx, uint32_t access, uint32_t ioas);
IOMMU_API int iommu_access_replace(struct iommu_ctx *ctx, uint32_t access, uint32_t ioas);
IOMMU_API int iommu_access_detach(struct iommu_ctx *ctx, uint32_t access);

/*
 * iommu_access_pin - where the pages of [iova, iova + size) are, and stay, until iommu_access_unpin with the same range.
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
 *   IOMMU_ENOMEM     also: the context's limit of pages that access objects pin, or of those that are pinned at all
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

IOMMU_END_DECLS
#endif
