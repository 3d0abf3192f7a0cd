/* SPDX-License-Identifier: BSD-2-Clause */
/* Instances and their units. */
#include <libiommu/instance.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/text.h"
#include "group/group.h"

static struct iommu_unit *unit_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_unit, link);
}

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_create(const struct iommu_platform *platform, struct iommu **result)
{
	struct iommu *iommu;
	int status = iommu_refuse_defect(platform, IOMMU_CALL, iommu_platform_defect(platform));

	if (status != 0)
		return status;
	iommu = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (iommu == NULL)
		return iommu_log_refusal(platform, IOMMU_CALL, "", "", IOMMU_ENOMEM);
	iommu->platform = platform;
	if (platform->mutex_create != NULL) {
		iommu->mutex = platform->mutex_create(platform->ctx);
		if (iommu->mutex == NULL) {
			platform->free_pages(platform->ctx, iommu, 0);
			return iommu_log_refusal(platform, IOMMU_CALL, "",
						 IOMMU_WHY("the host gives no mutex"),
						 IOMMU_ENOMEM);
		}
	}
#if IOMMU_CONFIG_TRACE
	/* Before there is anything to trace: it is read without an order. */
	iommu->tracer.platform = platform;
#endif
	iommu->default_type = IOMMU_DOMAIN_BLOCKED;
	iommu_list_init(&iommu->backends);
	iommu_list_init(&iommu->waiting);
	iommu_list_init(&iommu->units);
	iommu_list_init(&iommu->endpoints);
	iommu_list_init(&iommu->gone);
	iommu_list_init(&iommu->groups);
	iommu_list_init(&iommu->domains);
	iommu_list_init(&iommu->memory);
	iommu_object_cache_init(&iommu->endpoint_cache, platform, sizeof(struct iommu_endpoint));
	iommu_object_cache_init(&iommu->group_cache, platform, sizeof(struct iommu_group));
	iommu_waiting_init(iommu);
	iommu_holds_init(iommu);
	iommu_regions_init(iommu);
	iommu_host_regions_init(iommu);
	iommu_policy_init(iommu);
	*result = iommu;
	return 0;
}

/* Of several units, the one that failed is named, unless it has said more than the status. */
#if IOMMU_CONFIG_REASONS
static int refuse_for(struct iommu_unit *unit, int status)
{
	if (unit->iommu->refusal.status == status)
		return status;
	return iommu_refuse(unit->iommu, unit->name, status, "");
}
#else
#define refuse_for(unit, status) ((void)(unit), (status))
#endif

/* All units off; nothing else has changed if one of them cannot be. */
static int stop_units(struct iommu *iommu)
{
	struct iommu_list_node *node;

	if (!iommu_list_is_empty(&iommu->endpoints))
		return IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "there are endpoints");
	iommu_end_uses(iommu);
	if (!iommu_list_is_empty(&iommu->domains))
		return IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "there are domains");
	if (!iommu_list_is_empty(&iommu->groups))
		return IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "groups are claimed or held");
	/*
	 * All units, not only enabled ones: a unit that failed to start may not have stopped. And
	 * all of each: interrupts are remapped by memory, too.
	 */
	iommu_list_for_each (node, &iommu->units) {
		const struct iommu_ops *ops = unit_of(node)->ops;
		int status = ops->disable(unit_of(node));

		if (IOMMU_CONFIG_INTERRUPTS && status == 0 && ops->suspend != NULL)
			status = ops->suspend(unit_of(node));
		if (status != 0) {
			unit_of(node)->unsettled = true;
			return refuse_for(unit_of(node), status);
		}
		iommu_unit_settle(unit_of(node), false, 0);
	}
	return 0;
}

int iommu_destroy(struct iommu *iommu)
{
	const struct iommu_platform *platform;
	int status;

	if (iommu == NULL)
		return 0;
	platform = iommu->platform;
	iommu_control_lock(iommu);
	status = iommu_control_end(iommu, IOMMU_CALL, stop_units(iommu));
	if (status != 0)
		return status;
	while (!iommu_list_is_empty(&iommu->units)) {
		struct iommu_unit *unit = unit_of(iommu->units.next);

		iommu_list_remove(&unit->link);
		iommu_unit_pasids_forget(unit);
		unit->ops->remove(unit);
	}
	iommu_pasids_forget(iommu);
	iommu_regions_free(iommu);
	iommu_host_regions_free(iommu);
	iommu_policy_free(iommu);
	iommu_topology_forget(iommu);
	iommu_forget_waiting_devices(iommu);
	if (iommu->mutex != NULL)
		platform->mutex_destroy(platform->ctx, iommu->mutex);
	platform->free_pages(platform->ctx, iommu, 0);
	return 0;
}

const struct iommu_platform *iommu_platform_of(const struct iommu *iommu)
{
	return iommu->platform;
}

void iommu_register_unit(struct iommu *iommu, struct iommu_unit *unit)
{
	unit->iommu = iommu;
	iommu_trace_adopt_unit(iommu, unit);
	iommu_list_insert(&iommu->units, &unit->link);
}

void iommu_unregister_unit(struct iommu_unit *unit)
{
	iommu_unit_pasids_forget(unit);
	iommu_list_remove(&unit->link);
}

struct iommu_unit *iommu_next_unit(struct iommu *iommu, struct iommu_unit *unit)
{
	struct iommu_list_node *next = unit == NULL ? iommu->units.next : unit->link.next;

	return next == &iommu->units ? NULL : unit_of(next);
}

unsigned int iommu_translating(struct iommu *iommu)
{
	struct iommu_list_node *node;
	unsigned int count = 0;

	iommu_list_for_each (node, &iommu->units)
		if (iommu_unit_is_enabled(unit_of(node)))
			count++;
	return count;
}

/* --- Units ------------------------------------------------------------------------------------ */

const char *iommu_unit_name(const struct iommu_unit *unit)
{
	return unit->name;
}

const char *iommu_unit_backend(const struct iommu_unit *unit)
{
	return unit->ops->name;
}

/* Hardware's own word, where the back end can ask for it. */
bool iommu_unit_is_enabled(const struct iommu_unit *unit)
{
	if (unit->ops->translates != NULL)
		return unit->ops->translates(unit);
	return unit->enabled && !unit->unsettled && unit->power == IOMMU_UNIT_AWAKE;
}

struct iommu_unit *iommu_find_unit(struct iommu *iommu, const char *name)
{
	struct iommu_unit *unit = NULL;

	while ((unit = iommu_next_unit(iommu, unit)) != NULL)
		if (iommu_text_equal(unit->name, name))
			break;
	return unit;
}

int iommu_unit_get_hardware_info(const struct iommu_unit *unit, struct iommu_hardware_info *info)
{
	*info = (struct iommu_hardware_info){.type = IOMMU_HARDWARE_NONE};
	if (unit->ops->hardware_info == NULL)
		return IOMMU_EOPNOTSUPP;
	return unit->ops->hardware_info(unit, info);
}

#if IOMMU_CONFIG_REGIONS

static bool has_lost_member(const struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (iommu_endpoint_is_lost(iommu_member_of(node)))
			return true;
	return false;
}

/*
 * Regions of one group that cannot be mapped are no reason to leave all others unprotected: its
 * members stay blocked.
 */
static int open_window(struct iommu_endpoint *endpoint)
{
	int status = iommu_group_open_window(endpoint->group);

	/* One that did not answer is blocked until it is reset. */
	if (status == IOMMU_EIO && has_lost_member(endpoint->group))
		return 0;
	if (status != IOMMU_ERANGE && status != IOMMU_EINVAL && status != IOMMU_EEXIST)
		return status;
	iommu_log(endpoint->iommu->platform, IOMMU_LOG_ERROR, endpoint->name,
		  "blocked: the regions that firmware claims for its group cannot be mapped");
	return 0;
}

/* Groups with members behind the unit may need their direct regions from the first moment on. */
int iommu_unit_prepare(struct iommu_unit *unit)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &unit->iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		if (endpoint->unit == unit)
			status = open_window(endpoint);
		if (status != 0)
			return status;
	}
	return 0;
}

#else

int iommu_unit_prepare(struct iommu_unit *unit)
{
	(void)unit;
	return 0;
}

#endif

int iommu_unit_start(struct iommu_unit *unit)
{
	int status = iommu_unit_wake(unit);

	if (status != 0)
		return status;
	if (unit->enabled && !unit->unsettled)
		return iommu_unit_confirm(unit);
	status = iommu_unit_prepare(unit);
	if (status == 0)
		status = unit->ops->enable(unit);
	iommu_unit_settle(unit, status == 0, status);
	if (status == 0)
		iommu_log(unit->iommu->platform, IOMMU_LOG_INFO, unit->name, "translation is on");
	return status;
}

/* What calls of domains have left open; another unit that has failed is not this one's matter. */
static void settle_domains(struct iommu *iommu)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->domains)
		(void)iommu_domain_settle(iommu_container_of(node, struct iommu_domain, link));
}

int iommu_unit_enable(struct iommu_unit *unit)
{
	int status;

	iommu_control_lock(unit->iommu);
	status = iommu_unit_start(unit);
	if (status == 0)
		settle_domains(unit->iommu);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_unit_disable(struct iommu_unit *unit)
{
	const bool was_on = unit->enabled || unit->unsettled || unit->power != IOMMU_UNIT_AWAKE;
	int status;

	iommu_control_lock(unit->iommu);
	/* Also of one that is off: others may have reset it since, to whatever that leaves. */
	status = unit->ops->disable(unit);
	if (was_on) {
		iommu_unit_settle(unit, unit->enabled && status != 0, status);
		if (status == 0)
			iommu_log(unit->iommu->platform, IOMMU_LOG_INFO, unit->name,
				  "translation is off");
	}
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

/* --- Power ------------------------------------------------------------------------------------ */

int iommu_unit_wake(struct iommu_unit *unit)
{
	int status = 0;

	if (!IOMMU_CONFIG_SUSPEND || unit->power == IOMMU_UNIT_AWAKE)
		return 0;
	if (unit->ops->resume != NULL)
		status = unit->ops->resume(unit);
	else if (unit->enabled)
		status = unit->ops->enable(unit);
	unit->power = status == 0 ? IOMMU_UNIT_AWAKE : IOMMU_UNIT_HALF_AWAKE;
	/* Of one that is to be off nothing was done: how it is shows the next enable or disable. */
	if (status == 0 && unit->enabled)
		unit->unsettled = false;
	return status;
}

/* After a failure the unit is asked again: only a suspend that was confirmed is one. */
static int unit_suspend(struct iommu_unit *unit)
{
	int status = 0;

	if (unit->power == IOMMU_UNIT_ASLEEP)
		return 0;
	if (unit->ops->suspend != NULL)
		status = unit->ops->suspend(unit);
	else if (unit->enabled || unit->unsettled)
		status = unit->ops->disable(unit);
	unit->power = status == 0 ? IOMMU_UNIT_ASLEEP : IOMMU_UNIT_HALF_AWAKE;
	if (status == 0 && !unit->enabled)
		unit->unsettled = false;
	return status;
}

#if IOMMU_CONFIG_SUSPEND

static int resume(struct iommu *iommu)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &iommu->units) {
		int status = iommu_unit_wake(unit_of(node));

		if (result == 0 && status != 0)
			result = refuse_for(unit_of(node), status);
	}
	return result;
}

int iommu_resume(struct iommu *iommu)
{
	int status;

	iommu_control_lock(iommu);
	status = resume(iommu);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_suspend(struct iommu *iommu)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_control_lock(iommu);
	iommu_list_for_each (node, &iommu->units) {
		status = unit_suspend(unit_of(node));
		if (status != 0)
			break;
	}
	if (status != 0)
		(void)resume(iommu);
	if (status != 0)
		(void)refuse_for(unit_of(node), status);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

#endif

int iommu_shutdown(struct iommu *iommu)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &iommu->units) {
		struct iommu_unit *unit = unit_of(node);
		int status = unit_suspend(unit);

		if (result == 0 && status != 0)
			result = iommu_refuse_now(iommu, IOMMU_CALL, unit->name, status, "");
		iommu_unit_settle(unit, unit->enabled && status != 0, status);
		unit->power = IOMMU_UNIT_AWAKE;
	}
	return result;
}
