/* SPDX-License-Identifier: BSD-2-Clause */
/* What walk and tables look at: options that say where tables are, and whose requests are asked. */
#ifndef INSPECT_QUERY_H
#define INSPECT_QUERY_H

#include "memory.h"
#include "pages.h"

struct query {
	struct memory memory;
	/* A device's requests through a VT-d unit … */
	bool by_unit;
	uint64_t rtaddr; /* with the mode */
	uint16_t source_id;
	bool has_pasid;
	uint32_t pasid;
	bool write, execute, privileged;
	/* The unit's registers, if they are known. */
	bool has_cap, has_ecap;
	uint64_t cap, ecap;
	unsigned int width; /* of memory's addresses, in bits */
	/* … or a table alone. */
	struct page_table table;
	/* Of `tables`: entries that are looked at; the graph as DOT in place of a listing. */
	uint64_t limit;
	bool dot;
};

enum query_use {
	QUERY_OF_ADDRESS, /* walk */
	QUERY_OF_ALL,     /* tables */
};

/*
 * Read the options and open the memory. *count becomes the number of other words. Returns a status;
 * what is wrong has been said. After success the memory is to be closed.
 */
int query_read(struct query *query, enum query_use use, int *count, char **words);

/* What a table alone is taken for. */
void query_show_table(struct out *out, const struct page_table *table);

#endif
