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

/* A table that a reader of the library judges. */
struct acpi_kind {
	const char *signature;
	const char *not_signature; /* what is said of another one */
	uint32_t header_size, max_size;
	/* What its header says beside what every header says. */
	void (*show_header)(struct out *out, const uint8_t *bytes);
	/*
	 * What follows, of a copy whose header has the length of what is there. The view is the
	 * first member of the command's own.
	 */
	void (*show_body)(struct acpi_view *view, const uint8_t *bytes, uint32_t length);
	/* The library's refusal; NULL: it uses the table, and how much of it is broken. */
	const char *(*judge)(const uint8_t *bytes, size_t size, unsigned int *defects);
};

/* Show all of it, as members of the current object; returns how many problems there were. */
unsigned int acpi_show_table(struct acpi_view *view, const struct acpi_kind *kind, size_t size);

/* Nodes behind each other, each with its length in the header that all have. */
struct acpi_nodes {
	const uint8_t *bytes; /* of the table */
	uint32_t length, first, count;
	uint32_t header_size, length_field;
	void (*show)(struct acpi_view *view, uint32_t offset, uint32_t length);
};
void acpi_show_nodes(struct acpi_view *view, const struct acpi_nodes *nodes);

/* How a command shows its table: as members of the current object; returns how many problems. */
typedef unsigned int (*acpi_show)(struct out *out, const uint8_t *bytes, size_t size);

/* The command `name` for the table with a signature: from a file, or out of a dump of memory. */
int acpi_look(struct out *out, int count, char **words, const char *name, const char *signature,
	      acpi_show show);

#endif
