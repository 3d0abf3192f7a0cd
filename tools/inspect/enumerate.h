/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that page tables map, in ascending order, and what the tables themselves take. A table
 * that is reached twice is looked at twice, as hardware does, and counted once; the number of
 * entries that are looked at is bounded, because a table may lead to itself.
 */
#ifndef INSPECT_ENUMERATE_H
#define INSPECT_ENUMERATE_H

#include "pages.h"

/* Tables by the number of filled entries: 0, 1, 2 to 3, 4 to 7 and so on. */
#define FILL_CLASSES 33

struct table_usage {
	uint64_t tables;  /* different ones */
	uint64_t repeats; /* that were reached again */
	uint64_t filled, leaves;
	uint64_t classes[FILL_CLASSES];
};

struct mapping {
	uint64_t iova, address, size;
	uint64_t page; /* the smallest that translates it, of either stage */
	unsigned int rights;
};

struct enumeration {
	struct memory *memory;
	const struct page_table *table;
	const struct page_table *second; /* translates the addresses in the table; NULL: none */
	uint64_t left; /* entries that may still be looked at; 0 at the end: there are more */
	/* Both may be NULL. A table has been read: the table above it, 0 for the root's. */
	void (*visit)(void *ctx, const struct mapping *mapping);
	void (*tell)(void *ctx, uint64_t where, uint64_t above, unsigned int level,
		     unsigned int filled);
	void *ctx;
	/* Results. */
	bool is_cut;              /* there are more entries than may be looked at */
	uint64_t unmapped_tables; /* that the second stage does not map */
	uint64_t defects;         /* entries at which hardware faults, of a table that is judged */
	const char *defect;       /* of the first, and the first address that it would translate */
	uint64_t defect_at;
	struct table_usage usage[PAGES_LEVELS_MAX + 1]; /* by level */
	/* Private. */
	struct table_set *seen;
};

/* Memory that is not there is noted in `memory`, and left out. */
void enumerate(struct enumeration *e);

#endif
