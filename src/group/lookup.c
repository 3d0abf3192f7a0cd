/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookup of endpoints by their ids, and their names. Faults and page requests arrive concurrently
 * with the control path: an endpoint is looked up under `look_lock`, and counts its users until
 * they release it; iommu_release_endpoint waits for them.
 */
#include <libiommu/endpoint.h>

#include "base/text.h"
#include "group/group.h"

/* --- Ids -------------------------------------------------------------------------------------- */

struct iommu_endpoint *iommu_find_id(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		if (endpoint->info.segment == segment && endpoint->info.source_id == source_id)
			return endpoint;
	}
	return NULL;
}

/* What has an id only because others use it, too: the first of those. Locked. */
static struct iommu_endpoint *user_of(struct iommu_endpoint *alias)
{
	struct iommu_list_node *node;
	unsigned int i;

	iommu_list_for_each (node, &alias->iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		for (i = 0; i < endpoint->alias_count; i++)
			if (endpoint->aliases[i] == alias)
				return endpoint;
	}
	return NULL;
}

#if IOMMU_DEVICE_IDS
/* The one behind a unit that sends with an id of hardware's. Locked. */
static struct iommu_endpoint *find_sender(const struct iommu_unit *unit, uint32_t device_id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &unit->iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		if (endpoint->unit == unit && unit->ops->sends(endpoint, device_id))
			return endpoint;
	}
	return NULL;
}

struct iommu_endpoint *iommu_look_up_sender(struct iommu_fault *fault)
{
	struct iommu *iommu = fault->unit->iommu;
	struct iommu_endpoint *endpoint;
	uintptr_t state;

	if (fault->unit->ops->sends == NULL) {
		fault->device_id = fault->source_id;
		return iommu_look_up(iommu, fault->segment, fault->source_id);
	}
	state = iommu_spin_lock(iommu->platform, &iommu->look_lock);
	endpoint = find_sender(fault->unit, fault->device_id);
	if (endpoint != NULL)
		fault->source_id = endpoint->info.source_id;
	if (endpoint != NULL && endpoint->is_alias)
		endpoint = user_of(endpoint);
	if (endpoint != NULL)
		__atomic_add_fetch(&endpoint->users, 1, __ATOMIC_RELAXED);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	return endpoint;
}
#endif

struct iommu_endpoint *iommu_look_up(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);
	struct iommu_endpoint *endpoint = iommu_find_id(iommu, segment, source_id);

	if (endpoint != NULL && endpoint->is_alias)
		endpoint = user_of(endpoint);
	if (endpoint != NULL)
		__atomic_add_fetch(&endpoint->users, 1, __ATOMIC_RELAXED);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	return endpoint;
}

void iommu_let_go(struct iommu_endpoint *endpoint)
{
	__atomic_sub_fetch(&endpoint->users, 1, __ATOMIC_RELEASE);
}

struct iommu_endpoint *iommu_find_endpoint(struct iommu *iommu, uint16_t segment,
					   uint16_t source_id)
{
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);
	struct iommu_endpoint *endpoint = iommu_find_id(iommu, segment, source_id);

	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	return endpoint != NULL && endpoint->is_alias ? NULL : endpoint;
}

void iommu_wait_for_users(const struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;

	while (__atomic_load_n(&endpoint->users, __ATOMIC_ACQUIRE) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
}

/* --- Names ------------------------------------------------------------------------------------ */

/* What the host calls them, or their place; unique in their group. */
#if IOMMU_CONFIG_NAMES

void iommu_name_by_place(char *name, uint16_t segment, uint16_t source_id)
{
	size_t used = iommu_line_append_hex(name, IOMMU_NAME_SIZE, 0, segment, 4);

	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ":");
	used = iommu_line_append_hex(name, IOMMU_NAME_SIZE, used, source_id >> 8, 2);
	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ":");
	used = iommu_line_append_hex(name, IOMMU_NAME_SIZE, used, source_id >> 3 & 31, 2);
	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ".");
	(void)iommu_line_append_hex(name, IOMMU_NAME_SIZE, used, source_id & 7, 1);
}

static bool name_is_taken(const struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &endpoint->group->endpoints)
		if (iommu_member_of(node) != endpoint &&
		    iommu_text_equal(iommu_member_of(node)->name, endpoint->name))
			return true;
	return false;
}

#define SUFFIX_SIZE 8 /* of ".999999" */

void iommu_make_name_unique(struct iommu_endpoint *endpoint)
{
	unsigned int number;
	size_t length = 0;
	size_t used;

	while (length < IOMMU_NAME_SIZE - SUFFIX_SIZE && endpoint->name[length] != '\0')
		length++;
	for (number = 1; name_is_taken(endpoint); number++) {
		used = iommu_line_append(endpoint->name, IOMMU_NAME_SIZE, length, ".");
		(void)iommu_line_append_number(endpoint->name, IOMMU_NAME_SIZE, used, number);
	}
}

#endif
