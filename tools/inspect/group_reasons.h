/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why functions are one group. Each answer is the library's own, to a question that changes one
 * thing: the same topology in which all functions but one keep requests apart. What is joined then
 * is joined by that one; and what is joined although all keep apart shares ids. The reasons
 * together join what the library joins.
 */
#ifndef INSPECT_GROUP_REASONS_H
#define INSPECT_GROUP_REASONS_H

#include "topology.h"

struct group_reasons {
	const struct topology *topology;
	/* Group of each function, as iommu_pci_groups: by the topology, and by ids alone. */
	size_t *groups, *by_ids;
	/* Private: the topology in which all keep apart, and the groups by one function. */
	struct iommu_pci_function *apart;
	size_t *by_one;
};

/* False: the topology makes no sense. */
bool group_reasons_open(struct group_reasons *reasons, const struct topology *topology);
void group_reasons_close(struct group_reasons *reasons);

/* Whether a function itself keeps requests apart. */
bool group_reasons_keeps_apart(struct group_reasons *reasons, size_t index);

/*
 * The groups that are there because of a function alone, valid until the next call; the function
 * joins what is with it there, and was not by ids.
 */
const size_t *group_reasons_of(struct group_reasons *reasons, size_t index);

/* The number of groups if each function's ACS were on as iommu_pci_acs_wanted says. */
size_t group_reasons_best(struct group_reasons *reasons);

#endif
