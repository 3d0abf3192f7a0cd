/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers: a file with one address space. Groups that join share an HWPT as far as they fit each
 * other; each HWPT has dirty tracking, if possible.
 */
#include "ioas/container.h"

#include <libiommu/ioas.h>

#include "ioas/device.h"

static void container_lock(const struct iommu_container *container)
{
	if (container->mutex != NULL)
		container->platform->mutex_lock(container->platform->ctx, container->mutex);
}

static void container_unlock(const struct iommu_container *container)
{
	if (container->mutex != NULL)
		container->platform->mutex_unlock(container->platform->ctx, container->mutex);
}

/* Of no groups, with nothing in it. */
static void container_free(struct iommu_container *container)
{
	const struct iommu_platform *platform = container->platform;

	if (container->mutex != NULL)
		platform->mutex_destroy(platform->ctx, container->mutex);
	platform->free_pages(platform->ctx, container, 0);
}

static int prepare(struct iommu_container *container, const char *call, struct iommu *iommu,
		   const struct iommu_file_limits *limits)
{
	const struct iommu_platform *platform = container->platform;
	int status;

	if (platform->mutex_create != NULL) {
		container->mutex = platform->mutex_create(platform->ctx);
		if (container->mutex == NULL)
			return iommu_refuse_now(iommu, call, "", IOMMU_ENOMEM,
						IOMMU_WHY("the host makes no mutex"));
	}
	status = iommu_file_create(iommu, limits, &container->file);
	if (status != 0)
		return status;
	status = iommu_ioas_alloc(container->file, 0, &container->ioas);
	if (status != 0)
		(void)iommu_file_destroy(container->file);
	return status;
}

int iommu_container_create(struct iommu *iommu, const struct iommu_file_limits *limits,
			   struct iommu_container **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct iommu_file_limits own = {0};
	struct iommu_container *container =
		platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	int status;

	if (container == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	if (limits != NULL)
		own = *limits;
	if (own.areas == 0)
		own.areas = IOMMU_CONTAINER_MAPPINGS;
	container->platform = platform;
	container->mappings = own.areas;
	status = prepare(container, IOMMU_CALL, iommu, &own);
	if (status != 0) {
		container_free(container);
		return status;
	}
	*result = container;
	return 0;
}

int iommu_container_destroy(struct iommu_container *container)
{
	int status;

	if (container == NULL)
		return 0;
	if (container->groups != 0)
		return iommu_file_refuse_now(container->file, IOMMU_CALL, 0, IOMMU_EBUSY,
					     IOMMU_WHY("groups have not left it yet"));
	status = iommu_file_destroy(container->file);
	if (status == 0)
		container_free(container);
	return status;
}

/* --- HWPTs ------------------------------------------------------------------------------------ */

/* The next HWPT after an id; 0: there is none. */
static uint32_t next_hwpt(const struct iommu_container *container, uint32_t id)
{
	do
		id = iommu_object_next(container->file, id);
	while (id != 0 && iommu_object_type(container->file, id) != IOMMU_OBJECT_HWPT);
	return id;
}

static struct iommu_hwpt_info info_of(const struct iommu_container *container, uint32_t hwpt)
{
	struct iommu_hwpt_info info = {0};

	(void)iommu_hwpt_get_info(container->file, hwpt, &info);
	return info;
}

/*
 * One that others use and that fits; or a new one. What can be made to snoop is made to, whatever
 * was there before.
 */
static int container_attach(struct iommu_container *container, uint32_t device, bool notes,
			    bool snoops)
{
	const struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_ATTACH |
							  (notes ? IOMMU_HWPT_DIRTY : 0U)};
	uint32_t hwpt;
	int status;

	for (hwpt = next_hwpt(container, 0); hwpt != 0; hwpt = next_hwpt(container, hwpt)) {
		if (snoops && !info_of(container, hwpt).enforced_coherency)
			continue;
		status = iommu_device_attach(container->file, device, IOMMU_NO_PASID, hwpt, NULL);
		if (status != IOMMU_EINVAL)
			return status;
	}
	status = iommu_hwpt_alloc(container->file, device, container->ioas, &config, &hwpt);
	if (status == 0 && container->notes && notes)
		status = iommu_hwpt_set_dirty(container->file, hwpt, true);
	return status;
}

/*
 * Those that no group uses any more. While it is noted what devices write they stay, with what was
 * noted in them; a group that comes meanwhile uses them again.
 */
static int destroy_unused(struct iommu_container *container)
{
	int result = 0;

	if (container->notes)
		return 0;
	for (uint32_t hwpt = next_hwpt(container, 0); hwpt != 0;
	     hwpt = next_hwpt(container, hwpt)) {
		int status = iommu_object_end_unused(container->file, hwpt);

		if (status != 0)
			result = status;
	}
	return result;
}

static int container_join(struct iommu_container *container, struct iommu_endpoint *endpoint,
			  uint32_t *device)
{
	int status;

	*device = 0;
	status = iommu_device_bind(container->file, endpoint, device);
	if (status != 0)
		return status;
	status = container_attach(container, *device,
				  iommu_device_can(endpoint, IOMMU_CAPABLE_DIRTY_TRACKING),
				  iommu_device_can(endpoint, IOMMU_CAPABLE_ENFORCED_COHERENCY));
	if (status != 0 && iommu_device_unbind(container->file, *device) == 0) {
		(void)destroy_unused(container);
		*device = 0;
		return status;
	}
	/* One that can neither come nor go has to leave. */
	container->groups++;
	return status;
}

int iommu_container_join(struct iommu_container *container, struct iommu_endpoint *endpoint,
			 uint32_t *device)
{
	int status;

	container_lock(container);
	status = container_join(container, endpoint, device);
	container_unlock(container);
	return status;
}

static int container_leave(struct iommu_container *container, uint32_t device)
{
	int status = 0;

	/* It may have left before, and only its HWPT could not go. */
	if (iommu_object_type(container->file, device) == IOMMU_OBJECT_DEVICE)
		status = iommu_device_unbind(container->file, device);
	if (status != 0)
		return status;
	status = destroy_unused(container);
	if (status == 0)
		container->groups--;
	return status;
}

int iommu_container_leave(struct iommu_container *container, uint32_t device)
{
	int status;

	container_lock(container);
	status = container_leave(container, device);
	container_unlock(container);
	return status;
}

/* --- Mappings --------------------------------------------------------------------------------- */

int iommu_container_map(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
			unsigned int prot, const struct iommu_backing *backing)
{
	if ((prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0)
		return iommu_file_refuse_now(container->file, IOMMU_CALL, 0, IOMMU_EINVAL,
					     IOMMU_WHY("unknown permissions"));
	return iommu_ioas_map(container->file, container->ioas, backing, size,
			      IOMMU_IOAS_FIXED | prot, &iova);
}

static bool is_one_mapping(const struct iommu_container *container, iommu_iova_t iova,
			   uint64_t size)
{
	struct iommu_ioas_area area;

	return iommu_ioas_next_area(container->file, container->ioas, iova, &area) == 0 &&
	       area.iova == iova && area.size == size;
}

int iommu_container_unmap(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
			  struct iommu_dirty_bitmap *bitmap, uint64_t *unmapped)
{
	int status = 0;

	if (unmapped != NULL)
		*unmapped = 0;
	if (bitmap != NULL && !is_one_mapping(container, iova, size))
		return iommu_file_refuse_now(
			container->file, IOMMU_CALL, 0, IOMMU_EINVAL,
			IOMMU_WHY("with a bitmap the range must be that of one mapping"));
	if (bitmap != NULL)
		status = iommu_container_read_dirty(container, iova, size, bitmap);
	if (status == 0)
		status = iommu_ioas_unmap_whole(container->file, IOMMU_CALL, container->ioas, iova,
						size, unmapped);
	return status;
}

int iommu_container_revoke(struct iommu_container *container, void *backing)
{
	return iommu_backing_revoke(container->file, backing);
}

int iommu_container_restore(struct iommu_container *container, void *backing)
{
	return iommu_backing_restore(container->file, backing);
}

/* --- What devices have written ---------------------------------------------------------------- */

int iommu_container_set_dirty(struct iommu_container *container, bool enable)
{
	int result = 0;

	container_lock(container);
	for (uint32_t hwpt = next_hwpt(container, 0); hwpt != 0;
	     hwpt = next_hwpt(container, hwpt)) {
		int status = iommu_hwpt_set_dirty(container->file, hwpt, enable);

		/* Those that cannot count everything as written. */
		if (status != 0 && status != IOMMU_EOPNOTSUPP)
			result = status;
	}
	if (result == 0) {
		container->notes = enable;
		/* What cannot go yet does with the next group, or with the container. */
		(void)destroy_unused(container);
	}
	container_unlock(container);
	return result;
}

/* Everything that is mapped in the range. */
static void set_all(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
		    const struct iommu_dirty_bitmap *bitmap)
{
	const iommu_iova_t last = iova + (size - 1);
	struct iommu_ioas_area area;

	while (iova <= last &&
	       iommu_ioas_next_area(container->file, container->ioas, iova, &area) == 0 &&
	       area.iova <= last) {
		const iommu_iova_t from = area.iova > iova ? area.iova : iova;
		const iommu_iova_t end =
			area.iova + (area.size - 1) < last ? area.iova + (area.size - 1) : last;

		for (uint64_t bit = (from - bitmap->start) >> bitmap->page_shift;
		     bit <= (end - bitmap->start) >> bitmap->page_shift; bit++)
			bitmap->words[bit / 64] |= 1ULL << bit % 64;
		if (end == UINT64_MAX)
			return;
		iova = end + 1;
	}
}

static int check_range(iommu_iova_t iova, uint64_t size, const struct iommu_dirty_bitmap *bitmap,
		       const char **why)
{
	if (size == 0)
		return ioas_because(why, IOMMU_EINVAL, IOMMU_WHY("the size is 0"));
	if (bitmap->page_shift < IOMMU_PAGE_SHIFT || bitmap->page_shift > 63)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("the bitmap's page_shift is not within 12 to 63"));
	if (size - 1 > UINT64_MAX - iova)
		return ioas_because(why, IOMMU_EOVERFLOW,
				    IOMMU_WHY("the address plus the size wraps"));
	if (((iova | size) & ((1ULL << bitmap->page_shift) - 1)) != 0)
		return ioas_because(
			why, IOMMU_EINVAL,
			IOMMU_WHY("address or size are not aligned to the bitmap's pages"));
	if (iova < bitmap->start ||
	    (iova + (size - 1) - bitmap->start) >> bitmap->page_shift >= bitmap->bits)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("the bitmap does not cover the range"));
	return 0;
}

int iommu_container_read_dirty(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
			       struct iommu_dirty_bitmap *bitmap)
{
	/* Read once, for what is checked is what is written to. */
	struct iommu_dirty_bitmap own = *bitmap;
	const char *why;
	int status = check_range(iova, size, &own, &why);

	if (status != 0)
		return iommu_file_refuse_now(container->file, IOMMU_CALL, 0, status, why);
	container_lock(container);
	if (!container->notes)
		status = iommu_file_refuse_now(container->file, IOMMU_CALL, 0, IOMMU_EINVAL,
					       IOMMU_WHY("what devices write is not being noted"));
	for (uint32_t hwpt = next_hwpt(container, 0); hwpt != 0 && status == 0;
	     hwpt = next_hwpt(container, hwpt)) {
		status = iommu_hwpt_read_dirty(container->file, hwpt, iova, size, 0, &own);
		if (status == IOMMU_EOPNOTSUPP || status == IOMMU_EINVAL) {
			set_all(container, iova, size, &own);
			status = 0;
		}
	}
	container_unlock(container);
	return status;
}

/* --- Facts ------------------------------------------------------------------------------------ */

/* What all HWPTs do; nothing, while there is none. */
static struct iommu_hwpt_info common_info(const struct iommu_container *container)
{
	struct iommu_hwpt_info common = {0};
	uint32_t id = next_hwpt(container, 0);

	if (id != 0)
		common = info_of(container, id);
	for (; id != 0; id = next_hwpt(container, id)) {
		const struct iommu_hwpt_info info = info_of(container, id);

		common.flags &= info.flags;
		common.enforced_coherency = common.enforced_coherency && info.enforced_coherency;
	}
	return common;
}

int iommu_container_get_info(struct iommu_container *container, struct iommu_container_info *info,
			     struct iommu_iova_bounds *ranges, unsigned int capacity,
			     unsigned int *count)
{
	const struct iommu_hwpt_info common = common_info(container);
	struct iommu_file_stats stats;

	iommu_file_get_stats(container->file, &stats);
	*info = (struct iommu_container_info){
		.available =
			stats.areas < container->mappings ? container->mappings - stats.areas : 0,
		.dirty_pgsizes =
			(common.flags & IOMMU_HWPT_DIRTY) != 0 ? ~(IOMMU_PAGE_SIZE - 1) : 0,
		.enforced_coherency = common.enforced_coherency,
	};
	return iommu_ioas_get_ranges(container->file, container->ioas, ranges, capacity, count,
				     &info->alignment);
}
