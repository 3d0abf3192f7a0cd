/* SPDX-License-Identifier: BSD-2-Clause */
/* An ACPI table that is shown part by part, with the offset of everything that is wrong. */
#ifndef INSPECT_ACPI_VIEW_H
#define INSPECT_ACPI_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"

struct acpi_problem {
	uint32_t offset;
	const char *text;
};

struct acpi_view {
	struct out *out;
	const uint8_t *bytes;
	uint32_t length; /* of what is there, and belongs to the table */
	unsigned int problems;
	/* Of the part that is shown, until its end. */
	unsigned int pending_count, room;
	struct acpi_problem *pending;
};

/* Note a problem, and show those that were noted since the last call. */
void acpi_note(struct acpi_view *view, uint32_t offset, const char *text);
void acpi_show_problems(struct acpi_view *view);

/* What the header of every table says, as members of the current object; it is there. */
void acpi_show_header(struct out *out, const uint8_t *bytes);

/* What is wrong with the length, of which `size` bytes are there, and with the checksum. */
void acpi_check_length(struct acpi_view *view, size_t size, uint32_t least, uint32_t most);
void acpi_check_sum(struct acpi_view *view);

/* How a command shows its table: as members of the current object; returns how many problems. */
typedef unsigned int (*acpi_show)(struct out *out, const uint8_t *bytes, size_t size);

/* The command `name` for the table with a signature: from a file, or out of a dump of memory. */
int acpi_look(struct out *out, int count, char **words, const char *name, const char *signature,
	      acpi_show show);

#endif
