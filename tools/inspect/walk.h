/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk of one address, as members of the current object. */
#ifndef INSPECT_WALK_H
#define INSPECT_WALK_H

#include "query.h"

/* Returns a status. */
int walk_show(struct out *out, struct query *query, uint64_t address);

#endif
