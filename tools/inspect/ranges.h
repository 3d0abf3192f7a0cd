/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings, merged to ranges that are mapped alike. */
#ifndef INSPECT_RANGES_H
#define INSPECT_RANGES_H

#include "enumerate.h"

struct ranges {
	struct out *out;
	const struct page_format *format;
	bool is_open;
	struct mapping current;
	uint64_t pages; /* bit n: pages of 2^n bytes */
	uint64_t count, bytes;
};

/* In ascending order; a range that cannot grow any more is shown as an element of the list. */
void ranges_add(struct ranges *ranges, const struct mapping *mapping);
void ranges_end(struct ranges *ranges);

#endif
