/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers: a file with one address space. Groups that join share an HWPT as far as they fit each
 * other; each HWPT has dirty tracking, if possible.
 */
#include "ioas/container.h"

#include <libiommu/ioas.h>

#include "ioas/device.h"

/* Of no groups, with nothing in it. */
static void container_free(struct iommu_container *container)
{
	const struct iommu_platform *platform = container->platform;

	if (container->mutex != NULL)
		platform->mutex_destroy(platform->ctx, container->mutex);
	platform->free_pages(platform->ctx, container, 0);
}

/* The space whose id this is becomes the container's: it does not go before leave_space. */
static int take_space(struct iommu_container *container, const char *call, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(container->file);
	object = iommu_object_find(container->file, id, IOMMU_OBJECT_IOAS, &status);
	if (object != NULL)
		iommu_object_use(object);
	return iommu_file_end(container->file, call, status);
}

/* Another takes the place of this one, or none does: 0. */
static void leave_space(struct iommu_container *container, uint32_t id, uint32_t next)
{
	struct ioas_object *object;
	int status;

	__atomic_store_n(&container->ioas, next, __ATOMIC_RELAXED);
	if (id == 0)
		return;
	object = iommu_object_visit(container->file, id, IOMMU_OBJECT_IOAS, &status);
	iommu_object_unuse(object);
	iommu_object_leave(object);
}

static uint32_t space_of(const struct iommu_container *container)
{
	return __atomic_load_n(&container->ioas, __ATOMIC_RELAXED);
}

static int prepare(struct iommu_container *container, const char *call, struct iommu *iommu,
		   const struct iommu_file_limits *limits)
{
	const bool cuts = (container->flags & IOMMU_CONTAINER_CUTS) != 0;
	const struct iommu_platform *platform = container->platform;
	uint32_t ioas = 0;
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
	if (container_has_windows(container))
		status = iommu_spapr_create(container);
	else
		status = iommu_ioas_alloc(container->file, cuts ? IOMMU_IOAS_SPLIT : 0, &ioas);
	if (status == 0 && !container_has_windows(container))
		status = take_space(container, call, ioas);
	if (status == 0)
		container->ioas = ioas;
	if (status == 0 && iommu_container_has_no_iommu(container))
		status = iommu_no_iommu_begin(container, call, iommu);
	if (status != 0) {
		leave_space(container, container->ioas, 0);
		(void)iommu_file_destroy(container->file);
	}
	return status;
}

/* That the caller asks for something that there is, and that may be. */
static int check_flags(struct iommu *iommu, const char *call, unsigned int flags)
{
	const unsigned int known = IOMMU_CONTAINER_CUTS | IOMMU_CONTAINER_NO_IOMMU |
				   (IOMMU_CONFIG_POWER ? TCE_FLAGS : 0);

	if ((flags & ~known) != 0)
		return iommu_refuse_now(iommu, call, "", IOMMU_EOPNOTSUPP,
					IOMMU_WHY("flags that a container does not have"));
	if ((flags & (flags - 1)) != 0)
		return iommu_refuse_now(iommu, call, "", IOMMU_EINVAL,
					IOMMU_WHY("a container is of one kind"));
	return 0;
}

int iommu_container_create(struct iommu *iommu, const struct iommu_file_limits *limits,
			   struct iommu_container **result)
{
	return iommu_container_create_with(iommu, limits, 0, result);
}

int iommu_container_create_with(struct iommu *iommu, const struct iommu_file_limits *limits,
				unsigned int flags, struct iommu_container **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct iommu_file_limits own = {0};
	struct iommu_container *container;
	int status = check_flags(iommu, IOMMU_CALL, flags);

	if (status != 0)
		return status;
	container = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (container == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	if (limits != NULL)
		own = *limits;
	if (own.areas == 0)
		own.areas = IOMMU_CONTAINER_MAPPINGS;
	container->platform = platform;
	container->mappings = own.areas;
	container->flags = flags;
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
	if (IOMMU_CONFIG_POWER && container->spapr != NULL) {
		status = iommu_spapr_destroy(container, IOMMU_CALL);
		if (status != 0)
			return status;
	}
	if (container->access != 0) {
		status = iommu_ioas_unmap(container->file, container->ioas, 0, UINT64_MAX, NULL);
		if (status != 0)
			return status;
		iommu_no_iommu_end(container);
	}
	leave_space(container, container->ioas, 0);
	status = iommu_file_destroy(container->file);
	if (status == 0)
		container_free(container);
	return status;
}

/* --- HWPTs ------------------------------------------------------------------------------------ */

/*
 * Is it one that the container made, or that was left behind when something was made? Others of the
 * file are those of users of the container's space.
 */
static bool is_own(const struct iommu_container *container, uint32_t id)
{
	int status;
	struct ioas_object *object =
		iommu_object_visit(container->file, id, IOMMU_OBJECT_HWPT, &status);
	bool own;

	if (object == NULL)
		return false;
	own = iommu_hwpt_of(object)->container == container || iommu_hwpt_of(object)->is_orphan;
	iommu_object_leave(object);
	return own;
}

static void mark_own(const struct iommu_container *container, uint32_t id)
{
	int status;
	struct ioas_object *object =
		iommu_object_visit(container->file, id, IOMMU_OBJECT_HWPT, &status);

	if (object == NULL)
		return;
	iommu_hwpt_of(object)->container = container;
	iommu_object_leave(object);
}

/* The next HWPT after an id; 0: there is none. */
static uint32_t next_hwpt(const struct iommu_container *container, uint32_t id)
{
	do
		id = iommu_object_next(container->file, id);
	while (id != 0 && !is_own(container, id));
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
	if (status == 0)
		mark_own(container, hwpt);
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

static int no_space(const struct iommu_container *container, const char *call)
{
	return iommu_file_refuse_now(container->file, call, 0, IOMMU_ENODEV,
				     IOMMU_WHY("the container has no address space"));
}

static int container_join(struct iommu_container *container, const char *call,
			  struct iommu_endpoint *endpoint, uint32_t *device)
{
	int status;

	*device = 0;
	if (iommu_container_has_no_iommu(container))
		return iommu_file_refuse_now(
			container->file, call, 0, IOMMU_EINVAL,
			IOMMU_WHY("the container is one without an IOMMU, and the group has one"));
	if (container->ioas == 0)
		return no_space(container, call);
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

int iommu_container_join(struct iommu_container *container, const char *call,
			 struct iommu_endpoint *endpoint, uint32_t *device)
{
	int status;

	iommu_container_lock(container);
	status = container_has_windows(container)
			 ? iommu_spapr_join(container, call, endpoint, device)
			 : container_join(container, call, endpoint, device);
	iommu_container_unlock(container);
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

	iommu_container_lock(container);
	status = container_has_windows(container) ? iommu_spapr_leave(container, device)
						  : container_leave(container, device);
	iommu_container_unlock(container);
	return status;
}

/* --- Mappings --------------------------------------------------------------------------------- */

int iommu_container_map(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
			unsigned int prot, const struct iommu_backing *backing)
{
	const uint32_t ioas = space_of(container);

	if ((prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0)
		return iommu_file_refuse_now(container->file, IOMMU_CALL, 0, IOMMU_EINVAL,
					     IOMMU_WHY("unknown permissions"));
	if (container_has_windows(container))
		return iommu_spapr_map(container, IOMMU_CALL, iova, size, prot, backing);
	if (iommu_container_has_no_iommu(container))
		return iommu_no_iommu_map(container, iova, size, prot, backing);
	if (ioas == 0)
		return no_space(container, IOMMU_CALL);
	return iommu_ioas_map(container->file, ioas, backing, size, IOMMU_IOAS_FIXED | prot, &iova);
}

static bool is_one_mapping(const struct iommu_container *container, uint32_t ioas,
			   iommu_iova_t iova, uint64_t size)
{
	struct iommu_ioas_area area;

	return iommu_ioas_next_area(container->file, ioas, iova, &area) == 0 && area.iova == iova &&
	       area.size == size;
}

int iommu_container_unmap(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
			  struct iommu_dirty_bitmap *bitmap, uint64_t *unmapped)
{
	const bool cuts = (container->flags & IOMMU_CONTAINER_CUTS) != 0;
	const uint32_t ioas = space_of(container);
	int status = 0;

	if (unmapped != NULL)
		*unmapped = 0;
	if (container_has_windows(container))
		return iommu_spapr_unmap(container, IOMMU_CALL, iova, size, bitmap, unmapped);
	if (ioas == 0)
		return no_space(container, IOMMU_CALL);
	if (bitmap != NULL && !is_one_mapping(container, ioas, iova, size))
		return iommu_file_refuse_now(
			container->file, IOMMU_CALL, 0, IOMMU_EINVAL,
			IOMMU_WHY("with a bitmap the range must be that of one mapping"));
	if (bitmap != NULL)
		status = iommu_container_read_dirty(container, iova, size, bitmap);
	if (status == 0)
		status = iommu_ioas_unmap_container(container->file, IOMMU_CALL, ioas, iova, size,
						    !cuts, unmapped);
	return status;
}

int iommu_container_unmap_vaddr(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
				uint64_t *bytes)
{
	const uint32_t ioas = space_of(container);
	uint64_t unused;

	return ioas != 0 ? iommu_ioas_unmap_vaddr(container->file, IOMMU_CALL, ioas, iova, size,
						  bytes != NULL ? bytes : &unused)
			 : no_space(container, IOMMU_CALL);
}

int iommu_container_map_vaddr(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
			      const struct iommu_backing *backing)
{
	const uint32_t ioas = space_of(container);

	return ioas != 0 ? iommu_ioas_map_vaddr(container->file, IOMMU_CALL, ioas, iova, size,
						backing)
			 : no_space(container, IOMMU_CALL);
}

/* What containers of POWER's windows do not do. */
static int no_windows(const struct iommu_container *container, const char *call)
{
	return iommu_file_refuse_now(container->file, call, 0, IOMMU_EOPNOTSUPP,
				     IOMMU_WHY("the container is one of POWER's windows"));
}

int iommu_container_revoke(struct iommu_container *container, void *backing)
{
	if (container_has_windows(container))
		return no_windows(container, IOMMU_CALL);
	return iommu_backing_revoke(container->file, backing);
}

int iommu_container_restore(struct iommu_container *container, void *backing)
{
	if (container_has_windows(container))
		return no_windows(container, IOMMU_CALL);
	return iommu_container_has_no_iommu(container)
		       ? iommu_no_iommu_restore(container, backing)
		       : iommu_backing_restore(container->file, backing);
}

/* --- What devices have written ---------------------------------------------------------------- */

int iommu_container_set_dirty(struct iommu_container *container, bool enable)
{
	int result = 0;

	if (container_has_windows(container))
		return no_windows(container, IOMMU_CALL);
	if (iommu_container_has_no_iommu(container))
		return iommu_file_refuse_now(
			container->file, IOMMU_CALL, 0, IOMMU_EOPNOTSUPP,
			IOMMU_WHY("without an IOMMU it is not seen what devices write"));
	iommu_container_lock(container);
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
	iommu_container_unlock(container);
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
	iommu_container_lock(container);
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
	iommu_container_unlock(container);
	return status;
}

/* --- Its address space as an object ----------------------------------------------------------- */

struct iommu_file *iommu_container_file(struct iommu_container *container)
{
	return container->file;
}

int iommu_container_get_ioas(struct iommu_container *container, uint32_t *ioas)
{
	*ioas = space_of(container);
	return *ioas != 0 ? 0 : no_space(container, IOMMU_CALL);
}

/* That it may have another: nothing of it is in use. */
static int check_change(struct iommu_container *container, const char *call)
{
	if (container_has_windows(container))
		return no_windows(container, call);
	if (iommu_container_has_no_iommu(container))
		return iommu_file_refuse_now(container->file, call, 0, IOMMU_EOPNOTSUPP,
					     IOMMU_WHY("the container is one without an IOMMU"));
	if (container->groups != 0 || container->notes)
		return iommu_file_refuse_now(
			container->file, call, 0, IOMMU_EBUSY,
			IOMMU_WHY("groups have not left it yet, or dirty tracking is on"));
	return destroy_unused(container);
}

int iommu_container_set_ioas(struct iommu_container *container, uint32_t ioas)
{
	int status;

	iommu_container_lock(container);
	status = check_change(container, IOMMU_CALL);
	if (status == 0)
		status = take_space(container, IOMMU_CALL, ioas);
	if (status == 0)
		leave_space(container, container->ioas, ioas);
	iommu_container_unlock(container);
	return status;
}

int iommu_container_clear_ioas(struct iommu_container *container)
{
	int status;

	iommu_container_lock(container);
	status = check_change(container, IOMMU_CALL);
	if (status == 0)
		leave_space(container, container->ioas, 0);
	iommu_container_unlock(container);
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
	const uint32_t ioas = space_of(container);
	struct iommu_file_stats stats;

	iommu_file_get_stats(container->file, &stats);
	*info = (struct iommu_container_info){
		.available =
			stats.areas < container->mappings ? container->mappings - stats.areas : 0,
		.dirty_pgsizes =
			(common.flags & IOMMU_HWPT_DIRTY) != 0 ? ~(IOMMU_PAGE_SIZE - 1) : 0,
		.enforced_coherency = common.enforced_coherency,
		.flags = container->flags,
		.alignment = IOMMU_PAGE_SIZE,
	};
	*count = 0;
	if (ioas == 0)
		return no_space(container, IOMMU_CALL);
	return iommu_ioas_get_ranges(container->file, ioas, ranges, capacity, count,
				     &info->alignment);
}
