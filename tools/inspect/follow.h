/* SPDX-License-Identifier: BSD-2-Clause */
/* One address through page tables, level by level, each entry shown in the current list. */
#ifndef INSPECT_FOLLOW_H
#define INSPECT_FOLLOW_H

#include "pages.h"

struct follow {
	struct out *out; /* NULL: nothing is shown */
	struct memory *memory;
	/* What translates the addresses in the table's entries, and its root; NULL: memory's. */
	const struct page_table *second;
};

struct follow_end {
	bool is_mapped;
	uint64_t address; /* byte exact */
	uint64_t size;    /* of the block around it that is mapped alike, or absent alike */
	unsigned int rights;
	const char *defect; /* of an entry, where the address is not mapped; NULL: it is absent */
};

/* False: an entry is not in memory. A table that the second stage does not map is absent. */
bool follow_address(const struct follow *follow, const struct page_table *table, uint64_t address,
		    struct follow_end *end);

#endif
