/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of endpoints: the host's, or their address; unique in their group. */
#include "base/text.h"
#include "group/group.h"

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
