/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device tree: flattened, as OPAL passes it (Devicetree Specification, chapter 5), or read
 * piece by piece by calls of Open Firmware (IEEE 1275, 6.3.2).
 */
#ifndef KERNEL_TREE_H
#define KERNEL_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct tree {
	/*
	 * The node after this one, in the order of the tree; 0 before the first; false after the
	 * last.
	 */
	bool (*next)(const struct tree *tree, uint32_t *node);
	const char *(*name)(const struct tree *tree, uint32_t node);
	/* A property of a node, or NULL; valid until the next call. Its bytes are big-endian. */
	const void *(*property)(const struct tree *tree, uint32_t node, const char *name,
				uint32_t *size);
	/* Flattened: its address, and offsets in it. */
	const unsigned char *start;
	uint32_t structure, structure_end;
	uint32_t strings, strings_end;
	uint32_t reservations; /* 0: none */
	/* Open Firmware's entry. */
	uint64_t entry;
};

/* fdt.c. False: it is not a device tree. */
bool fdt_open(struct tree *tree, const void *start);
/* open_firmware.c. False: it does not answer. */
bool open_firmware_open(struct tree *tree, uint64_t entry);

/* tree.c */
bool tree_text_equal(const char *one, const char *other);
uint32_t tree_big32(const unsigned char *bytes);
/* Cell `index` of a property; `otherwise` when there is none. */
uint32_t tree_cell(const struct tree *tree, uint32_t node, const char *name, uint32_t index,
		   uint32_t otherwise);
uint64_t tree_two_cells(const struct tree *tree, uint32_t node, const char *name, uint32_t index);
/* Is `text` one of the strings of a property? */
bool tree_has_string(const struct tree *tree, uint32_t node, const char *name, const char *text);
/* The next node whose name begins with this text. */
bool tree_find(const struct tree *tree, const char *prefix, uint32_t *node);
/* Reserved range `index` of memory; false: there are no more. */
bool tree_reservation(const struct tree *tree, unsigned int index, uint64_t *start, uint64_t *size);

#endif
