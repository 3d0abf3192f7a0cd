/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back ends at boot: detected in the order that they request, otherwise in the order of their
 * registration.
 */
#include <libiommu/instance.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/text.h"
#include "group/group.h"

static struct iommu_backend *backend_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_backend, link);
}

static struct iommu_backend *find(struct iommu *iommu, const char *name)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->backends)
		if (iommu_text_equal(backend_of(node)->name, name))
			return backend_of(node);
	return NULL;
}

static int register_backend(struct iommu *iommu, struct iommu_backend *backend)
{
	if (backend->name == NULL || backend->detect == NULL || backend->early_init == NULL)
		return IOMMU_REFUSE(iommu, backend->name != NULL ? backend->name : "", IOMMU_EINVAL,
				    "it lacks a name, detect or early_init");
	if (iommu->started)
		return IOMMU_REFUSE(iommu, backend->name, IOMMU_EBUSY,
				    "iommu_start has chosen already");
	if (find(iommu, backend->name) != NULL)
		return IOMMU_REFUSE(iommu, backend->name, IOMMU_EEXIST,
				    "there is a back end of this name");
	backend->is_detected = false;
	iommu_list_insert(&iommu->backends, &backend->link);
	return 0;
}

int iommu_register_backend(struct iommu *iommu, struct iommu_backend *backend)
{
	int status;

	iommu_control_lock(iommu);
	status = register_backend(iommu, backend);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- Order ------------------------------------------------------------------------------------ */

/* Has everything that it must come after been placed? */
static bool can_be_placed(struct iommu *iommu, const struct iommu_backend *backend)
{
	const struct iommu_backend *before =
		backend->after != NULL ? find(iommu, backend->after) : NULL;

	return before == NULL || before->is_placed;
}

/* The first that is not placed and can be; NULL: there is none. */
static struct iommu_backend *next_to_place(struct iommu *iommu)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->backends)
		if (!backend_of(node)->is_placed && can_be_placed(iommu, backend_of(node)))
			return backend_of(node);
	return NULL;
}

static bool report_circle(struct iommu *iommu)
{
	struct iommu_list_node *node;
	bool found = false;

	iommu_list_for_each (node, &iommu->backends) {
		const struct iommu_backend *backend = backend_of(node);

		if (backend->is_placed)
			continue;
		iommu_log(iommu->platform, IOMMU_LOG_ERROR, backend->name,
			  "it has to come after one that has to come after it");
		found = true;
	}
	return found;
}

static int sort(struct iommu *iommu)
{
	struct iommu_list_node *node;
	struct iommu_backend *backend;

	iommu_list_for_each (node, &iommu->backends)
		backend_of(node)->is_placed = false;
	/* Placed ones move to the end of the list: they stand there in order. */
	while ((backend = next_to_place(iommu)) != NULL) {
		backend->is_placed = true;
		iommu_list_remove(&backend->link);
		iommu_list_insert(&iommu->backends, &backend->link);
	}
	return report_circle(iommu)
		       ? IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "the order of back ends is a circle")
		       : 0;
}

/* --- Start ------------------------------------------------------------------------------------ */

static void report_failure(struct iommu *iommu, const struct iommu_backend *backend, int status)
{
	iommu_log(iommu->platform, IOMMU_LOG_ERROR, backend->name, iommu_why(iommu, status));
}

/* Those that are there find their units; the first error, of which the others know nothing. */
static int find_units(struct iommu *iommu)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &iommu->backends) {
		struct iommu_backend *backend = backend_of(node);
		int status;

		/* By an earlier start that failed for another reason, perhaps. */
		if (!backend->is_detected && !backend->detect(iommu, backend))
			continue;
		status = backend->is_detected ? 0 : backend->early_init(iommu, backend);
		backend->is_detected = status == 0;
		if (status != 0)
			report_failure(iommu, backend, status);
		if (result == 0)
			result = status;
		if ((backend->flags & IOMMU_BACKEND_LAST_IF_DETECTED) != 0)
			break;
	}
	return result;
}

static bool has_several(unsigned int flags)
{
	return (flags & (flags - 1)) != 0;
}

static bool flags_make_sense(unsigned int flags)
{
	const unsigned int types = IOMMU_START_PASS_THROUGH | IOMMU_START_STRICT | IOMMU_START_LAZY;
	const unsigned int known = types | IOMMU_START_OFF | IOMMU_START_REQUIRED |
				   IOMMU_START_PERMISSIVE |
				   (IOMMU_CONFIG_QUARANTINE ? IOMMU_START_QUARANTINE : 0U);

	if ((flags & ~known) != 0 || has_several(flags & types))
		return false;
	return (flags & IOMMU_START_REQUIRED) == 0 ||
	       (flags & (IOMMU_START_OFF | IOMMU_START_PERMISSIVE)) == 0;
}

static enum iommu_domain_type type_for(unsigned int flags)
{
	if ((flags & IOMMU_START_PASS_THROUGH) != 0)
		return IOMMU_DOMAIN_IDENTITY;
	if (!IOMMU_CONFIG_DMA)
		return IOMMU_DOMAIN_BLOCKED;
	return (flags & IOMMU_START_LAZY) != 0 ? IOMMU_DOMAIN_DMA_LAZY : IOMMU_DOMAIN_DMA;
}

static int start(struct iommu *iommu, unsigned int flags)
{
	int status = 0;

	if (!flags_make_sense(flags))
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL,
				    "the flags are unknown, or exclude each other");
	if (iommu->started)
		return IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "started already");
	iommu->default_type = type_for(flags);
	if ((flags & IOMMU_START_OFF) == 0)
		status = sort(iommu);
	if (status != 0)
		return status;
	iommu->required = (flags & IOMMU_START_REQUIRED) != 0;
	iommu->permissive = (flags & IOMMU_START_PERMISSIVE) != 0;
	iommu->quarantines = iommu->quarantines || (flags & IOMMU_START_QUARANTINE) != 0;
	if ((flags & IOMMU_START_OFF) == 0)
		status = find_units(iommu);
	iommu_probe_waiting_devices(iommu);
	if (iommu->required && status == 0 && iommu_list_is_empty(&iommu->units))
		status = IOMMU_REFUSE(iommu, "", IOMMU_ENODEV,
				      "protection is required, and no back end found a unit");
	if (iommu->permissive)
		status = 0;
	iommu->started = status == 0;
	return status;
}

int iommu_start(struct iommu *iommu, unsigned int flags)
{
	int status;

	iommu_control_lock(iommu);
	status = start(iommu, flags);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

static int start_late(struct iommu *iommu)
{
	struct iommu_list_node *node;
	int result = 0;

	if (!iommu->started)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "iommu_start has not succeeded");
	iommu_probe_waiting_devices(iommu);
	iommu_list_for_each (node, &iommu->backends) {
		struct iommu_backend *backend = backend_of(node);
		int status = 0;

		if (backend->is_detected && backend->late_init != NULL)
			status = backend->late_init(iommu, backend);
		if (status != 0)
			report_failure(iommu, backend, status);
		if (result == 0)
			result = status;
	}
	if (iommu->permissive)
		return 0;
	if (iommu->required && result == 0 && iommu_translating(iommu) == 0)
		return IOMMU_REFUSE(iommu, "", IOMMU_ENODEV,
				    "protection is required, and no unit is enabled");
	return result;
}

int iommu_start_late(struct iommu *iommu)
{
	int status;

	iommu_control_lock(iommu);
	status = start_late(iommu);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
