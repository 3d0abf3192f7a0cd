/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers without an IOMMU: what is mapped is pinned, by an access object of the container, and
 * the user is told where it is. The device that is used with it reaches all of memory.
 */
#include "ioas/container.h"

#include <libiommu/vfio.h>

#include "group/group.h"

void iommu_allow_no_iommu(struct iommu *iommu, bool allow)
{
	iommu_control_lock(iommu);
	iommu->no_iommu = allow;
	iommu_control_unlock(iommu);
}

static bool is_allowed(struct iommu *iommu)
{
	bool allowed;

	iommu_control_lock(iommu);
	allowed = iommu->no_iommu;
	iommu_control_unlock(iommu);
	return allowed;
}

/* An area goes: it was pinned as a whole. */
static void let_go(void *ctx, iommu_iova_t iova, uint64_t size)
{
	const struct iommu_container *container = ctx;

	(void)iommu_access_unpin(container->file, container->access, iova, size);
}

/* Users of the container's file cannot destroy what pins. */
static void set_used(const struct iommu_container *container, bool used)
{
	int status;
	struct ioas_object *object = iommu_object_visit(container->file, container->access,
							IOMMU_OBJECT_ACCESS, &status);

	if (used)
		iommu_object_use(object);
	else
		iommu_object_unuse(object);
	iommu_object_leave(object);
}

int iommu_no_iommu_begin(struct iommu_container *container, const char *call, struct iommu *iommu)
{
	uint32_t access;
	int status;

	if (!is_allowed(iommu))
		return iommu_file_refuse_now(
			container->file, call, 0, IOMMU_EPERM,
			IOMMU_WHY("the host does not allow devices without an IOMMU"));
	status = iommu_access_alloc(container->file, let_go, container, &access);
	if (status == 0)
		status = iommu_access_attach(container->file, access, container->ioas);
	if (status != 0)
		return status;
	container->access = access;
	set_used(container, true);
	iommu_log(container->platform, IOMMU_LOG_WARNING, "no IOMMU",
		  IOMMU_LOG_TEXT("a container without an IOMMU was made: its devices reach all of "
				 "memory, and can make the host do anything"));
	return 0;
}

void iommu_no_iommu_end(struct iommu_container *container)
{
	set_used(container, false);
	container->access = 0;
}

int iommu_no_iommu_map(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
		       unsigned int prot, const struct iommu_backing *backing)
{
	int status;

	/* What is mapped and not pinned yet is not seen by another call. */
	iommu_container_lock(container);
	status = iommu_ioas_map(container->file, container->ioas, backing, size,
				IOMMU_IOAS_FIXED | prot, &iova);
	if (status == 0) {
		status = iommu_access_pin(container->file, container->access, iova, size, prot,
					  NULL);
		/* Nothing holds it, and no table has it: that does not fail. */
		if (status != 0)
			(void)iommu_ioas_unmap(container->file, container->ioas, iova, size, NULL);
	}
	iommu_container_unlock(container);
	return status;
}

/* Pin what was unpinned because its owner took it back. */
static int pin_again(const struct iommu_container *container, const void *backing)
{
	struct iommu_ioas_area area;
	iommu_iova_t iova = 0;
	int status = 0;

	while (status == 0 &&
	       iommu_ioas_next_area(container->file, container->ioas, iova, &area) == 0) {
		if (area.backing.ctx == backing && area.pins == 0)
			status = iommu_access_pin(container->file, container->access, area.iova,
						  area.size, area.prot, NULL);
		iova = area.iova + area.size;
		if (iova == 0)
			break;
	}
	return status;
}

int iommu_no_iommu_restore(struct iommu_container *container, void *backing)
{
	int status;

	iommu_container_lock(container);
	status = iommu_backing_restore(container->file, backing);
	if (status == 0)
		status = pin_again(container, backing);
	if (status != 0)
		(void)iommu_backing_revoke(container->file, backing);
	iommu_container_unlock(container);
	return status;
}

int iommu_container_get_paddr(struct iommu_container *container, iommu_iova_t iova,
			      iommu_paddr_t *paddr, uint64_t *size)
{
	if (!iommu_container_has_no_iommu(container))
		return iommu_file_refuse_now(container->file, IOMMU_CALL, 0, IOMMU_EOPNOTSUPP,
					     IOMMU_WHY("the container has an IOMMU"));
	return iommu_access_get_paddr(container->file, container->access, iova, paddr, size);
}
