/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy of the host for default domains, beyond their type in general (default_domain.c): the type
 * for a device, known by its id before it is probed, and the largest page.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/object_cache.h"
#include "group/group.h"

#if IOMMU_CONFIG_POLICY

/* Of one device; there is at most one for each id. */
struct iommu_type_rule {
	struct iommu_type_rule *next;
	enum iommu_domain_type type;
	uint16_t segment, source_id;
};

static struct iommu_type_rule *find_rule(const struct iommu *iommu, uint16_t segment,
					 uint16_t source_id)
{
	struct iommu_type_rule *rule = iommu->type_rules;

	while (rule != NULL && (rule->segment != segment || rule->source_id != source_id))
		rule = rule->next;
	return rule;
}

bool iommu_policy_type(const struct iommu_group *group, enum iommu_domain_type *type)
{
	const struct iommu_list_node *node;
	bool is_ruled = false;

	iommu_list_for_each (node, &group->endpoints) {
		const struct iommu_endpoint *endpoint =
			iommu_container_of((uintptr_t)node, struct iommu_endpoint, group_link);
		const struct iommu_type_rule *rule =
			endpoint->is_alias ? NULL
					   : find_rule(group->iommu, endpoint->info.segment,
						       endpoint->info.source_id);

		if (rule == NULL)
			continue;
		/* Of two that differ neither: what is blocked stays so, the rest is strict. */
		if (is_ruled && rule->type != *type)
			*type = rule->type == IOMMU_DOMAIN_BLOCKED || *type == IOMMU_DOMAIN_BLOCKED
					? IOMMU_DOMAIN_BLOCKED
					: IOMMU_DOMAIN_DMA;
		else
			*type = rule->type;
		is_ruled = true;
	}
	return is_ruled;
}

static int set_rule(struct iommu *iommu, uint16_t segment, uint16_t source_id,
		    enum iommu_domain_type type)
{
	const struct iommu_endpoint *endpoint = iommu_find_id(iommu, segment, source_id);
	struct iommu_type_rule *rule = find_rule(iommu, segment, source_id);

	if (!iommu_is_default_type(type))
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, IOMMU_NOT_DEFAULT);
	if (endpoint != NULL && !endpoint->is_alias)
		return IOMMU_REFUSE(iommu, endpoint->name, IOMMU_EBUSY, "it was probed before");
	if (rule == NULL) {
		rule = iommu_object_alloc(&iommu->rule_cache, 0);
		if (rule == NULL)
			return IOMMU_ENOMEM;
		rule->segment = segment;
		rule->source_id = source_id;
		rule->next = iommu->type_rules;
		iommu->type_rules = rule;
	}
	rule->type = type;
	return 0;
}

int iommu_set_default_type_of(struct iommu *iommu, uint16_t segment, uint16_t source_id,
			      enum iommu_domain_type type)
{
	int status;

	iommu_control_lock(iommu);
	status = set_rule(iommu, segment, source_id, type);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_set_largest_page(struct iommu *iommu, uint64_t size)
{
	int status = 0;

	iommu_control_lock(iommu);
	if ((size & (size - 1)) == 0)
		iommu->largest_page = size;
	else
		status = IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "the size is no power of two");
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

uint64_t iommu_policy_pgsizes(const struct iommu *iommu, uint64_t pgsize_bitmap)
{
	const uint64_t smallest = pgsize_bitmap & -pgsize_bitmap;
	uint64_t allowed = pgsize_bitmap;

	if (iommu->largest_page != 0)
		allowed &= iommu->largest_page | (iommu->largest_page - 1);
	return allowed | smallest;
}

void iommu_policy_init(struct iommu *iommu)
{
	iommu_object_cache_init(&iommu->rule_cache, iommu->platform,
				sizeof(struct iommu_type_rule));
}

void iommu_policy_free(struct iommu *iommu)
{
	while (iommu->type_rules != NULL) {
		struct iommu_type_rule *rule = iommu->type_rules;

		iommu->type_rules = rule->next;
		iommu_object_free(&iommu->rule_cache, rule);
	}
}

#endif
