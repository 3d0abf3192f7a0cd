/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine's memory, or a part of it, in a file: its first byte has the address `base`. */
#ifndef INSPECT_MEMORY_H
#define INSPECT_MEMORY_H

#include "input.h"
#include "output.h"

struct memory {
	struct input input;
	uint64_t base;
	/* The first address that was asked for and is not there. */
	bool has_missed;
	uint64_t missed;
};

/* Returns a status; what is wrong has been said. */
int memory_open(struct memory *memory, const char *name, uint64_t base);
void memory_close(struct memory *memory);

/* False, and noted: not all of these bytes are there. */
bool memory_read(struct memory *memory, uint64_t address, void *bytes, size_t size);
bool memory_read_le64(struct memory *memory, uint64_t address, uint64_t *value);
bool memory_read_be64(struct memory *memory, uint64_t address, uint64_t *value);

/* As a problem of the current object: where something was missed, and what the file has. */
void memory_show_missed(struct out *out, const struct memory *memory);

#endif
