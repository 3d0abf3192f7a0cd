/* SPDX-License-Identifier: BSD-2-Clause */
/* A file as bytes: mapped where the system can, read otherwise (a pipe, a file of sysfs). */
#ifndef INSPECT_INPUT_H
#define INSPECT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *bytes;
	size_t size;
	bool is_mapped;
};

/* "-" is the standard input. Returns a status; what is wrong has been said. */
int input_open(struct input *input, const char *name);
void input_close(struct input *input);

#endif
