/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of endpoints: what the host calls them, or their place; unique in their group. */
#include "base/log.h"
#include "base/text.h"
#include "group/group.h"

static size_t append_hex(char *line, size_t used, unsigned int number, unsigned int digits)
{
	static const char hex[] = "0123456789abcdef";
	char text[5];
	unsigned int i;

	for (i = 0; i < digits; i++)
		text[i] = hex[number >> 4 * (digits - 1 - i) & 15];
	text[digits] = '\0';
	return iommu_line_append(line, IOMMU_NAME_SIZE, used, text);
}

void iommu_name_by_place(char *name, uint16_t segment, uint16_t source_id)
{
	size_t used = append_hex(name, 0, segment, 4);

	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ":");
	used = append_hex(name, used, source_id >> 8, 2);
	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ":");
	used = append_hex(name, used, source_id >> 3 & 31, 2);
	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ".");
	(void)append_hex(name, used, source_id & 7, 1);
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
