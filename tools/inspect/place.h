/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a source id to its page tables: root and context entries and, in scalable mode, PASID
 * directory and PASID table (<libiommu/hw/vtd_context.h>, <libiommu/hw/vtd_scalable.h>).
 */
#ifndef INSPECT_PLACE_H
#define INSPECT_PLACE_H

#include "pages.h"
#include "query.h"

struct place {
	bool has_first, has_second, passes;
	struct page_table first, second;
	uint16_t domain_id;
};

/*
 * Follow the entries as far as they lead, and show each as an element of the current list. False:
 * they end before any page table, because one is absent, makes no sense or is not in memory.
 */
bool place_find(struct out *out, struct query *query, struct place *place);

#endif
