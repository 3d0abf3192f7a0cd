/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers as tables of fields; the bits themselves are those of include/libiommu/hw/. */
#ifndef INSPECT_REGISTERS_H
#define INSPECT_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

#define REGISTER_WORDS 128

struct register_field {
	uint64_t mask;
	const char *name;    /* the specification's */
	const char *meaning; /* what it says, or is */
	/* What the register's value says in this field; NULL: the bit is set, or not. */
	const char *(*words)(char text[REGISTER_WORDS], uint64_t value);
};

struct register_table {
	const char *name;
	const char *meaning;
	unsigned int bits;
	const struct register_field *fields;
	size_t count;
};

/* By its name, in upper or lower case; NULL: it is unknown. */
const struct register_table *register_find(const char *name, size_t length);
/* All tables, by index; NULL: no more. */
const struct register_table *register_at(size_t index);

#endif
