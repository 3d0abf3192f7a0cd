/* SPDX-License-Identifier: BSD-2-Clause */
/* Performance counters of units: what is the same for all back ends. */
#include <libiommu/backend/ops.h>
#include <libiommu/counters.h>
#include <libiommu/status.h>

#include "group/group.h"

#if IOMMU_CONFIG_COUNTERS

#define NO_COUNTERS "it has no performance counters"
#define FILTERS                                                                                    \
	(IOMMU_COUNTER_OF_SOURCE | IOMMU_COUNTER_OF_DOMAIN | IOMMU_COUNTER_OF_PASID |              \
	 IOMMU_COUNTER_OF_TYPES | IOMMU_COUNTER_OF_LEVELS)
#define PASID_MAX                  0xfffffU

#define refuse(unit, status, text) IOMMU_REFUSE((unit)->iommu, (unit)->name, status, text)

int iommu_unit_get_counters(struct iommu_unit *unit, struct iommu_counters_info *info)
{
	struct iommu_counters_info found = {0};
	int status = IOMMU_EOPNOTSUPP;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters != NULL)
		status = unit->ops->counters->get(unit, &found);
	iommu_control_unlock(unit->iommu);
	if (status == 0)
		*info = found;
	return status;
}

/* What is wrong on any unit. */
static int check(const struct iommu_unit *unit, const struct iommu_counter_config *config)
{
	if (config->flags != 0 || (config->filters & ~(unsigned int)FILTERS) != 0)
		return refuse(unit, IOMMU_EOPNOTSUPP, "flags or filters that are not known");
	if ((config->filters & IOMMU_COUNTER_OF_DOMAIN) != 0 &&
	    (config->domain == NULL || config->domain->iommu != unit->iommu ||
	     !iommu_is_for(config->domain, unit)))
		return refuse(unit, IOMMU_EINVAL,
			      "the domain is none, or another instance's or back end's");
	if ((config->filters & IOMMU_COUNTER_OF_PASID) != 0 && config->pasid > PASID_MAX)
		return refuse(unit, IOMMU_EINVAL, "a PASID has 20 bits");
	return 0;
}

static int alloc(struct iommu_unit *unit, const struct iommu_counter_config *config,
		 unsigned int *counter)
{
	const int status = check(unit, config);

	return status == 0 ? unit->ops->counters->alloc(unit, config, counter) : status;
}

int iommu_counter_alloc(struct iommu_unit *unit, const struct iommu_counter_config *config,
			unsigned int *counter)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters == NULL)
		status = refuse(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	else
		status = alloc(unit, config, counter);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_counter_start(struct iommu_unit *unit, unsigned int counter)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters == NULL)
		status = refuse(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	else
		status = unit->ops->counters->start(unit, counter);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_counter_stop(struct iommu_unit *unit, unsigned int counter)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters == NULL)
		status = refuse(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	else
		status = unit->ops->counters->stop(unit, counter);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_counter_free(struct iommu_unit *unit, unsigned int counter)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters == NULL)
		status = refuse(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	else
		status = unit->ops->counters->free(unit, counter);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_unit_freeze_counters(struct iommu_unit *unit)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters == NULL)
		status = refuse(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	else
		status = unit->ops->counters->freeze(unit, true);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_unit_unfreeze_counters(struct iommu_unit *unit)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->ops->counters == NULL)
		status = refuse(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	else
		status = unit->ops->counters->freeze(unit, false);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

/* --- Any context ------------------------------------------------------------------------------ */

int iommu_counter_read(struct iommu_unit *unit, unsigned int counter, uint64_t *count)
{
	if (unit->ops->counters == NULL)
		return IOMMU_EOPNOTSUPP;
	return unit->ops->counters->read(unit, counter, count);
}

int iommu_unit_handle_counters(struct iommu_unit *unit, uint64_t *overflowed)
{
	if (unit->ops->counters == NULL)
		return IOMMU_EOPNOTSUPP;
	return unit->ops->counters->handle(unit, overflowed);
}

#endif
