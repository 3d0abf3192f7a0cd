/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows: for managers of virtual machines that give a device of the host to a guest behind a VT-d
 * unit that they emulate (<libiommu/model_vtd.h>), on hosts whose own units cannot nest a guest's
 * tables, or are of another kind.
 *
 * A shadow keeps an IOAS equal to what the guest's tables say for one device, or for one PASID of
 * it: the host's device, attached to that IOAS, reaches what the guest has mapped for it, and
 * nothing else. The guest's unit must have IOMMU_MODEL_VTD_CACHING_MODE, so that the guest
 * invalidates also what it maps, and no first stage, of which it need not even then
 * (IOMMU_MODEL_VTD_FIRST_STAGE). The model's `invalidate` callback drives the shadow:
 *
 *	memory: an IOAS with the guest's memory, at its guest-physical addresses
 *	iommu_ioas_alloc(file, IOMMU_IOAS_SPLIT, &ioas)          for the shadow alone
 *	iommu_device_attach(file, device, IOMMU_NO_PASID, ioas, NULL)
 *	iommu_shadow_create(&config, &shadow)
 *	iommu_shadow_sync(shadow, 0, UINT64_MAX)                 what the guest has set up so far
 *	bool invalidate(void *ctx, const struct iommu_model_invalidation *what)
 *	{
 *		return iommu_shadow_invalidate(shadow, what) == 0;   and see its errors
 *	}
 *
 * Only differences reach the IOAS: what was mapped and is still mapped in the same way stays in the
 * host's tables, and the device may use it throughout. Pages are pinned once, however often the
 * guest maps them, also together with other users of `memory`.
 *
 * Dirty tracking of an HWPT is by the addresses that the device uses, and ends where the shadow
 * unmaps; a manager that migrates the guest asks iommu_shadow_read_dirty, which answers by those of
 * the guest's memory.
 *
 * Locking: a mutex of the host for each shadow, taken before those of the IOMMU file; calls may
 * sleep. iommu_shadow_invalidate is called from the model's callback, which holds no lock.
 */
#ifndef LIBIOMMU_SHADOW_H
#define LIBIOMMU_SHADOW_H

#include <libiommu/ioas.h>
#include <libiommu/model_vtd.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_shadow;

struct iommu_shadow_config {
	/*
	 * An IOAS of the file that was made with IOMMU_IOAS_SPLIT and is empty, and one with the
	 * guest's memory. Nothing else may map in the former; neither can be destroyed before the
	 * shadow.
	 */
	struct iommu_file *file;
	uint32_t ioas, memory;
	/* The guest's unit, the number of the device there, and one of its PASIDs, or none. */
	struct iommu_model_vtd *model;
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	/*
	 * The most entries of the guest's tables, leaves and absent ones, that one call looks at;
	 * what is behind them is not mapped. A hostile guest can fill its whole address space with
	 * one page of tables. 0: 2^24, which is 64 GiB in pages of 4 KiB. The number of areas is
	 * limited by the file.
	 */
	uint64_t max_leaves;
};

/*
 * iommu_shadow_create - create a shadow, in which nothing is mapped yet. Returns 0, IOMMU_ENOMEM,
 * IOMMU_ENOENT (no object has one of the ids), IOMMU_EOPNOTSUPP (the guest's unit has no caching
 * mode, or a first stage), or IOMMU_EINVAL: an object is no IOAS; `ioas` is not empty, cannot be
 * split, or is `memory`.
 *
 * iommu_shadow_destroy - unmap everything in the IOAS, and free the shadow. The IOAS and the
 * attachments of devices remain. The model must not call it any more. NULL: nothing to do. Returns
 * 0, or an error of iommu_ioas_unmap, after which the shadow remains: call again. Context: under
 * the shadow's mutex of the host; may sleep.
 */
IOMMU_API int iommu_shadow_create(const struct iommu_shadow_config *config,
				  struct iommu_shadow **shadow);
IOMMU_API int iommu_shadow_destroy(struct iommu_shadow *shadow);

/*
 * iommu_shadow_sync - make [iova, iova + size) of the IOAS equal to what the guest's tables say
 * now; iova 0 with size UINT64_MAX stands for everything. The range is extended to whole pages, and
 * to what an earlier call could not map. For the guest's first set-up, for a changed memory map of
 * the guest, and after a failure.
 *
 * First everything is removed that the guest does not have in its tables any more; then what is
 * missing is mapped. Where the guest maps addresses at which it has no memory, or that the IOAS
 * reserves (iommu_ioas_get_ranges), nothing is mapped, and the device faults: that is no error.
 *
 * Returns 0: the range is equal. IOMMU_EINVAL: size 0; IOMMU_EOVERFLOW: the range wraps. Otherwise
 *   IOMMU_EBUSY, IOMMU_EFAULT, IOMMU_ETIMEDOUT, IOMMU_EIO
 *                  something could not be unmapped, or not be removed again for certain after an
 *                  attempt to map it: the device may still reach memory that the guest has taken
 *                  back. Detach it (iommu_device_detach), or call again: every later call tries
 *                  again. Not returned for anything else, except IOMMU_EFAULT by a backing's pin:
 *                  see is_safe of struct iommu_shadow_stats
 *   IOMMU_EAGAIN   nothing can be mapped for now: iommu_ioas_copy returned IOMMU_EBUSY
 *   other errors   of iommu_ioas_copy, or IOMMU_ENOSPC: max_leaves. The device reaches nothing that
 *                  the guest has not mapped, but not all that it has; every later call tries again
 * When memory is too short to cut a mapping, it is removed as a whole and mapped again in parts:
 * the device may fault there meanwhile.
 *
 * iommu_shadow_invalidate - the guest has invalidated `what`: iommu_shadow_sync of what may have
 * changed by that for the device; if it concerns others, only of what could not be unmapped before.
 * Returns 0 or the errors of iommu_shadow_sync. The guest sees completion when the model's callback
 * returns: after an error that leaves access behind, detach the device before. Context: under the
 * shadow's mutex of the host; may sleep.
 */
IOMMU_API int iommu_shadow_sync(struct iommu_shadow *shadow, iommu_iova_t iova, uint64_t size);
IOMMU_API int iommu_shadow_invalidate(struct iommu_shadow *shadow,
				      const struct iommu_model_invalidation *what);

/*
 * iommu_shadow_set_dirty - begin to say which of the guest's memory the device may have written
 * since, or (log NULL) end it.
 *
 * @log: a bitmap of the guest's memory, by its addresses in `memory`; what lies outside is not
 *       told of. Its words are the library's, which clears them, until the next call or the end of
 *       the shadow.
 *
 * Returns 0, or with nothing changed IOMMU_EINVAL: no words or bits, page_shift, or `start` is not
 * a multiple of a page; or IOMMU_EBUSY, of a log: something could not be unmapped (is_safe). For
 * exact answers an HWPT of `ioas` has dirty tracking (IOMMU_HWPT_DIRTY), and it is turned on
 * (iommu_hwpt_set_dirty) before this call.
 *
 * iommu_shadow_read_dirty - set the bits of what the device may have written since the beginning,
 * or since the last read without IOMMU_DIRTY_KEEP. Bits that are set remain set.
 *
 * @hwpt:   an HWPT of `ioas` with dirty tracking: of what is mapped the pages count that hardware
 *          has marked, and they are marked clean. 0: all that the device may write counts.
 * @bitmap: of the same pages as the log.
 *
 * What the device could write and was unmapped since, or could not be mapped in the end, counts as
 * written in either case, page by page of 4 KiB. Memory that lies at several of the guest's
 * addresses counts at all of them; what was taken out of `memory` counts no more. Where devices use
 * several HWPTs of `ioas`, there is one call for each.
 *
 * Returns 0; IOMMU_EOPNOTSUPP (unknown flags); IOMMU_EINVAL (tracking is off, a bitmap of other
 * pages, or an HWPT of another IOAS); IOMMU_EBUSY: something could not be unmapped (is_safe), and
 * may still be written: iommu_shadow_sync first; or an error of iommu_hwpt_read_dirty, after which
 * the bitmap has more bits, and nothing is lost. Context: under the shadow's mutex of the host; may
 * sleep.
 */
IOMMU_API int iommu_shadow_set_dirty(struct iommu_shadow *shadow,
				     const struct iommu_dirty_bitmap *log);
IOMMU_API int iommu_shadow_read_dirty(struct iommu_shadow *shadow, uint32_t hwpt,
				      unsigned int flags, struct iommu_dirty_bitmap *bitmap);

struct iommu_shadow_stats {
	/* The device reaches nothing that the guest had not mapped at the last call. */
	bool is_safe;
	/* It reaches all of it, as far as was looked at; false: something could not be mapped. */
	bool is_complete;
	uint64_t syncs; /* calls that looked at the guest's tables */
	/* Pages of 4 KiB that were mapped and unmapped since the beginning. */
	uint64_t mapped_pages, unmapped_pages;
};
/*
 * iommu_shadow_get_stats - how far a shadow agrees with the tables of the guest. Context: under the
 * shadow's mutex of the host; may sleep.
 */
IOMMU_API void iommu_shadow_get_stats(struct iommu_shadow *shadow,
				      struct iommu_shadow_stats *stats);

IOMMU_END_DECLS
#endif
