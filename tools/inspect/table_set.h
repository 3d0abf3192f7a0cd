/* SPDX-License-Identifier: BSD-2-Clause */
/* Which tables have been seen, and as tables of which level: a hash table that grows. */
#ifndef INSPECT_TABLE_SET_H
#define INSPECT_TABLE_SET_H

#include <stdbool.h>
#include <stdint.h>

struct table_set;

struct table_set *table_set_create(void);
void table_set_destroy(struct table_set *set);

/* False: it was there already. Addresses are multiples of 8, and not 2^64 - 8. */
bool table_set_add(struct table_set *set, uint64_t address, unsigned int level);

#endif
