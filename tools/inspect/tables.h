/* SPDX-License-Identifier: BSD-2-Clause */
/* All mappings of a device or a table, as members of the current object. */
#ifndef INSPECT_TABLES_H
#define INSPECT_TABLES_H

#include "query.h"

/* Returns a status. */
int tables_show(struct out *out, struct query *query);

#endif
