/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate of an address space: any number of calls that map and unmap may be inside; a call that
 * changes the HWPTs closes it and waits until it is empty. Calls that find it closed wait for a
 * mutex that the closing call holds, so that they sleep if the host can. This is not the mutex of
 * the control path: these calls count as visitors of the space, and the next call of the control
 * path may be about to destroy the space, and waits for them.
 */
#include "base/atomic.h"
#include "ioas/ioas.h"

static bool try_enter(struct iommu_ioas *ioas)
{
	/* Either we see that it is closed, or its closer sees us. */
	__atomic_add_fetch(&ioas->inside, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ioas->closed, __ATOMIC_SEQ_CST) == 0)
		return true;
	iommu_gate_leave(ioas);
	return false;
}

static void gate_lock(struct iommu_file *file)
{
	if (file->gate_mutex != NULL)
		file->platform->mutex_lock(file->platform->ctx, file->gate_mutex);
}

static void gate_unlock(struct iommu_file *file)
{
	if (file->gate_mutex != NULL)
		file->platform->mutex_unlock(file->platform->ctx, file->gate_mutex);
}

static void wait_for_closer(struct iommu_file *file)
{
	gate_lock(file);
	gate_unlock(file);
}

void iommu_gate_enter(struct iommu_ioas *ioas)
{
	while (!try_enter(ioas))
		wait_for_closer(ioas->object.file);
}

/*
 * Who is inside one gate must not wait for another: the closer of that one may come to this one,
 * too.
 */
void iommu_gate_enter_both(struct iommu_ioas *one, struct iommu_ioas *other)
{
	for (;;) {
		iommu_gate_enter(one);
		if (try_enter(other))
			return;
		iommu_gate_leave(one);
		wait_for_closer(one->object.file);
	}
}

void iommu_gate_leave(struct iommu_ioas *ioas)
{
	__atomic_sub_fetch(&ioas->inside, 1, __ATOMIC_SEQ_CST);
}

static void shut(struct iommu_ioas *ioas)
{
	const struct iommu_platform *platform = ioas->object.file->platform;

	__atomic_store_n(&ioas->closed, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ioas->inside, __ATOMIC_SEQ_CST) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
}

static void unshut(struct iommu_ioas *ioas)
{
	__atomic_store_n(&ioas->closed, 0, __ATOMIC_SEQ_CST);
}

void iommu_gate_close(struct iommu_ioas *ioas)
{
	gate_lock(ioas->object.file);
	shut(ioas);
}

void iommu_gate_open(struct iommu_ioas *ioas)
{
	unshut(ioas);
	gate_unlock(ioas->object.file);
}

struct iommu_ioas *iommu_ioas_after(struct iommu_file *file, uint32_t *id)
{
	int status;

	while ((*id = iommu_object_next(file, *id)) != 0) {
		struct ioas_object *object;

		if (iommu_object_type(file, *id) != IOMMU_OBJECT_IOAS)
			continue;
		object = iommu_object_find(file, *id, IOMMU_OBJECT_IOAS, &status);
		if (object != NULL)
			return iommu_ioas_of(object);
	}
	return NULL;
}

static void with_all(struct iommu_file *file, void (*action)(struct iommu_ioas *ioas))
{
	struct iommu_ioas *ioas;
	uint32_t id = 0;

	while ((ioas = iommu_ioas_after(file, &id)) != NULL)
		action(ioas);
}

/* One after the other: a call inside one gate waits for no other. */
void iommu_gates_close(struct iommu_file *file)
{
	gate_lock(file);
	with_all(file, shut);
}

void iommu_gates_open(struct iommu_file *file)
{
	with_all(file, unshut);
	gate_unlock(file);
}
