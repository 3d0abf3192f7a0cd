/* SPDX-License-Identifier: BSD-2-Clause */
/* Look-ups in a tree of either form. */
#include "tree.h"

#include <stddef.h>

uint32_t tree_big32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static uint64_t big64(const unsigned char *bytes)
{
	return (uint64_t)tree_big32(bytes) << 32 | tree_big32(bytes + 4);
}

static bool begins_with(const char *text, const char *prefix)
{
	for (; *prefix != '\0'; text++, prefix++)
		if (*text != *prefix)
			return false;
	return true;
}

bool tree_text_equal(const char *one, const char *other)
{
	for (; *one != '\0' && *one == *other; one++)
		other++;
	return *one == *other;
}

uint32_t tree_cell(const struct tree *tree, uint32_t node, const char *name, uint32_t index,
		   uint32_t otherwise)
{
	uint32_t size = 0;
	const unsigned char *cells = tree->property(tree, node, name, &size);

	return cells != NULL && size >= (index + 1) * 4 ? tree_big32(cells + (size_t)index * 4)
							: otherwise;
}

uint64_t tree_two_cells(const struct tree *tree, uint32_t node, const char *name, uint32_t index)
{
	return (uint64_t)tree_cell(tree, node, name, index, 0) << 32 |
	       tree_cell(tree, node, name, index + 1, 0);
}

bool tree_has_string(const struct tree *tree, uint32_t node, const char *name, const char *text)
{
	uint32_t size = 0;
	const char *strings = tree->property(tree, node, name, &size);
	uint32_t at = 0;

	while (strings != NULL && at < size && strings[size - 1] == '\0') {
		if (tree_text_equal(strings + at, text))
			return true;
		while (strings[at] != '\0')
			at++;
		at++;
	}
	return false;
}

bool tree_find(const struct tree *tree, const char *prefix, uint32_t *node)
{
	while (tree->next(tree, node))
		if (begins_with(tree->name(tree, *node), prefix))
			return true;
	return false;
}

bool tree_reservation(const struct tree *tree, unsigned int index, uint64_t *start, uint64_t *size)
{
	const unsigned char *entry = tree->start + tree->reservations + (size_t)index * 16;

	if (tree->reservations == 0)
		return false;
	*start = big64(entry);
	*size = big64(entry + 8);
	return *size != 0;
}
