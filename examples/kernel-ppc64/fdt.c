/* SPDX-License-Identifier: BSD-2-Clause */
/* A flattened tree, in memory. */
#include "tree.h"

#include <stddef.h>

#define FDT_MAGIC      0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROPERTY   3
#define FDT_NOP        4

/* The offset behind the token at `at`; the end of the tree if the token is invalid. */
static uint32_t skip(const struct tree *tree, uint32_t at)
{
	const uint32_t token = tree_big32(tree->start + at);

	at += 4;
	if (token == FDT_BEGIN_NODE) {
		while (at < tree->structure_end && tree->start[at] != '\0')
			at++;
		return (at + 4) & ~3U;
	}
	if (token == FDT_PROPERTY)
		return (at + 8 + tree_big32(tree->start + at) + 3) & ~3U;
	return token == FDT_END_NODE || token == FDT_NOP ? at : tree->structure_end;
}

static bool next(const struct tree *tree, uint32_t *node)
{
	uint32_t at = *node == 0 ? tree->structure : skip(tree, *node);

	while (at + 4 <= tree->structure_end && tree_big32(tree->start + at) != FDT_BEGIN_NODE)
		at = skip(tree, at);
	*node = at;
	return at + 4 <= tree->structure_end;
}

static const char *name_of(const struct tree *tree, uint32_t node)
{
	return (const char *)tree->start + node + 4;
}

static const void *property_of(const struct tree *tree, uint32_t node, const char *name,
			       uint32_t *size)
{
	uint32_t at = skip(tree, node);

	for (; at + 12 <= tree->structure_end; at = skip(tree, at)) {
		const uint32_t token = tree_big32(tree->start + at);
		uint32_t text;

		if (token == FDT_NOP)
			continue;
		if (token != FDT_PROPERTY)
			return NULL;
		text = tree->strings + tree_big32(tree->start + at + 8);
		*size = tree_big32(tree->start + at + 4);
		if (text < tree->strings_end && *size <= tree->structure_end - at - 12 &&
		    tree_text_equal((const char *)tree->start + text, name))
			return tree->start + at + 12;
	}
	return NULL;
}

bool fdt_open(struct tree *tree, const void *start)
{
	const unsigned char *header = start;
	uint32_t size;

	if (header == NULL || tree_big32(header) != FDT_MAGIC)
		return false;
	*tree = (struct tree){
		.next = next, .name = name_of, .property = property_of, .start = header};
	size = tree_big32(header + 4);
	tree->structure = tree_big32(header + 8);
	tree->strings = tree_big32(header + 12);
	tree->reservations = tree_big32(header + 16);
	tree->strings_end = tree->strings + tree_big32(header + 32);
	tree->structure_end = tree->structure + tree_big32(header + 36);
	return tree->structure_end <= size && tree->strings_end <= size &&
	       tree->reservations < size;
}
