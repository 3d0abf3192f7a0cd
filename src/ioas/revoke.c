/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that its owner withdraws while it is mapped, and restores later.
 *
 * Everything here is control path with all gates of the file closed: no area is being mapped or
 * unmapped, nothing is being copied, and no pin is made, so that checks of one area after the other
 * hold for all of them together. The areas remain. While their pages are revoked, nothing maps
 * them: neither a new HWPT, nor a copy. If hardware does not confirm, part of an area may be left
 * in tables; it is completed by the next call here, by an unmap, and before an HWPT is destroyed.
 */
#include "ioas/ioas.h"

/* Something that is done to an area; *status is what has come of the areas before it. */
typedef void (*area_action)(struct ioas_area *area, int *status);

/* Of every area that the backing is behind, in all spaces. */
static int everywhere(struct iommu_file *file, const void *backing, area_action action)
{
	struct iommu_ioas *ioas;
	struct ioas_area *area;
	uint32_t id = 0;
	int status = 0;

	while ((ioas = iommu_ioas_after(file, &id)) != NULL)
		for (area = iommu_area_from(ioas, 0); area != NULL;
		     area = iommu_area_from(ioas, area->range.last + 1))
			if (area->pages->backing.ctx == backing)
				action(area, &status);
	return status;
}

static void revoke(struct ioas_area *area, int *status)
{
	(void)status;
	area->pages->state = IOAS_PAGES_REVOKED;
}

/*
 * Out of all tables, and unpinned, if it is revoked. One that fails does not keep the others: as
 * little as can be is reached afterwards. What hardware did not confirm matters more than a holder
 * that does not let go.
 */
static void revoke_take_back(struct ioas_area *area, int *status)
{
	int pinned, mapped;

	if (area->pages->state != IOAS_PAGES_REVOKED)
		return;
	pinned = iommu_area_have_unpinned(area);
	iommu_pages_lock(area->pages);
	mapped = iommu_area_empty(area);
	iommu_pages_unlock(area->pages);
	if (mapped == 0)
		mapped = pinned;
	if (*status == 0 || (*status == IOMMU_EBUSY && mapped != 0))
		*status = mapped;
}

static void let_come(struct ioas_area *area, int *status)
{
	(void)status;
	if (area->pages->state == IOAS_PAGES_REVOKED)
		area->pages->state = IOAS_PAGES_COMING;
}

/* Into all tables; what is not filled with the last HWPT on its way out is so with the next one. */
static void revoke_fill(struct ioas_area *area, int *status)
{
	if (*status != 0 || area->pages->state != IOAS_PAGES_COMING ||
	    area->state != IOAS_AREA_LIVE || area->ioas->draining)
		return;
	iommu_pages_lock(area->pages);
	*status = iommu_area_fill(area);
	iommu_pages_unlock(area->pages);
}

static void let_stay(struct ioas_area *area, int *status)
{
	(void)status;
	if (area->pages->state == IOAS_PAGES_COMING)
		area->pages->state = IOAS_PAGES_THERE;
}

/*
 * Back to what it was. Pages that were never revoked, because they were mapped since, are left
 * alone.
 */
static void let_go(struct ioas_area *area, int *status)
{
	(void)status;
	if (area->pages->state == IOAS_PAGES_COMING)
		area->pages->state = IOAS_PAGES_REVOKED;
}

static int restore(struct iommu_file *file, const void *backing)
{
	/* What a revocation has left undone comes first: no page is mapped where it was before. */
	int status = everywhere(file, backing, revoke_take_back), left;

	if (status != 0)
		return status;
	(void)everywhere(file, backing, let_come);
	status = everywhere(file, backing, revoke_fill);
	if (status == 0)
		return everywhere(file, backing, let_stay);
	(void)everywhere(file, backing, let_go);
	left = everywhere(file, backing, revoke_take_back);
	if (left == 0)
		return status;
	/* Devices may reach what is left, whatever kept it: no other error says that. */
	return left == IOMMU_ETIMEDOUT ? left : IOMMU_EIO;
}

int iommu_backing_revoke(struct iommu_file *file, void *backing)
{
	int status;

	iommu_file_lock(file);
	iommu_gates_close(file);
	(void)everywhere(file, backing, revoke);
	status = everywhere(file, backing, revoke_take_back);
	iommu_gates_open(file);
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_backing_restore(struct iommu_file *file, void *backing)
{
	int status;

	iommu_file_lock(file);
	iommu_gates_close(file);
	status = restore(file, backing);
	iommu_gates_open(file);
	return iommu_file_end(file, IOMMU_CALL, status);
}
