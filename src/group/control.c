/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control path: one call at a time for each instance; and the reasons of refused calls. A
 * reason is recorded where it is found, at any depth, and logged where the call ends: so there is
 * one line for each call, however many attempts were made inside it, and none for an attempt that
 * was made good.
 */
#include <libiommu/instance.h>

#include "base/log.h"
#include "base/text.h"
#include "group/group.h"

void iommu_control_lock(struct iommu *iommu)
{
	if (iommu->mutex != NULL)
		iommu->platform->mutex_lock(iommu->platform->ctx, iommu->mutex);
#if IOMMU_CONFIG_REASONS
	iommu->refusal.status = 0;
#endif
}

void iommu_control_unlock(struct iommu *iommu)
{
	if (iommu->mutex != NULL)
		iommu->platform->mutex_unlock(iommu->platform->ctx, iommu->mutex);
}

int iommu_unit_confirm(struct iommu_unit *unit)
{
	return unit->ops->confirm != NULL ? unit->ops->confirm(unit) : 0;
}

/* --- Reasons ---------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_REASONS

const char *iommu_group_who(const struct iommu_group *group)
{
	if (group->name[0] != '\0' || iommu_list_is_empty(&group->endpoints))
		return group->name;
	return iommu_member_of(group->endpoints.next)->name;
}

int iommu_refuse(struct iommu *iommu, const char *who, int status, const char *why)
{
	struct iommu_refusal *refusal = &iommu->refusal;

	refusal->status = status;
	refusal->why = why;
	(void)iommu_line_append(refusal->who, sizeof(refusal->who), 0, who);
	return status;
}

const char *iommu_why(const struct iommu *iommu, int status)
{
	const struct iommu_refusal *noted = &iommu->refusal;

	return noted->status == status && noted->why[0] != '\0' ? noted->why
								: iommu_strerror(status);
}

/* Calls that do not hold the control lock come here, too, and at once. */
static void remember(struct iommu *iommu, const char *who, const char *why)
{
	const uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->reason_lock);
	size_t used = iommu_line_append(iommu->reason, sizeof(iommu->reason), 0, who);

	if (used != 0)
		used = iommu_line_append(iommu->reason, sizeof(iommu->reason), used, ": ");
	(void)iommu_line_append(iommu->reason, sizeof(iommu->reason), used, why);
	__atomic_store_n(&iommu->refusals, iommu->refusals + 1, __ATOMIC_RELAXED);
	iommu_spin_unlock(iommu->platform, &iommu->reason_lock, state);
}

int iommu_refuse_now(struct iommu *iommu, const char *call, const char *who, int status,
		     const char *why)
{
	remember(iommu, who, why[0] != '\0' ? why : iommu_meaning(status));
	return iommu_log_refusal(iommu->platform, call, who, why, status);
}

int iommu_control_end_for(struct iommu *iommu, const char *call, const char *who, int status)
{
	const struct iommu_refusal *noted = &iommu->refusal;

	if (status != 0 && noted->status == status)
		(void)iommu_refuse_now(iommu, call, noted->who, status, noted->why);
	else if (status != 0)
		(void)iommu_refuse_now(iommu, call, who, status, "");
	iommu_control_unlock(iommu);
	return status;
}

int iommu_control_end(struct iommu *iommu, const char *call, int status)
{
	return iommu_control_end_for(iommu, call, "", status);
}

uint32_t iommu_refusals(const struct iommu *iommu)
{
	return __atomic_load_n(&iommu->refusals, __ATOMIC_RELAXED);
}

const char *iommu_reason(const struct iommu *iommu)
{
	return iommu->reason;
}

#else

const char *iommu_group_who(const struct iommu_group *group)
{
	(void)group;
	return "";
}

int iommu_refuse(struct iommu *iommu, const char *who, int status, const char *why)
{
	(void)iommu;
	(void)who;
	(void)why;
	return status;
}

const char *iommu_why(const struct iommu *iommu, int status)
{
	(void)iommu;
	return iommu_strerror(status);
}

int iommu_refuse_now(struct iommu *iommu, const char *call, const char *who, int status,
		     const char *why)
{
	(void)call;
	return iommu_refuse(iommu, who, status, why);
}

int iommu_control_end_for(struct iommu *iommu, const char *call, const char *who, int status)
{
	(void)who;
	return iommu_control_end(iommu, call, status);
}

int iommu_control_end(struct iommu *iommu, const char *call, int status)
{
	(void)call;
	iommu_control_unlock(iommu);
	return status;
}

uint32_t iommu_refusals(const struct iommu *iommu)
{
	(void)iommu;
	return 0;
}

const char *iommu_reason(const struct iommu *iommu)
{
	(void)iommu;
	return "";
}

#endif
