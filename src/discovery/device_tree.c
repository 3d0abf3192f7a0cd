/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of flattened device trees.
 *
 * iommu_fdt_open goes through the whole structure block once, and checks that each word is known,
 * each name and value ends inside its block, and nodes nest. All other functions step through what
 * was checked, from one word to the next, and end where it ends. Where a node is, is the list of
 * the offsets of the nodes above it, which has a bound: nothing recurs.
 */
#include <libiommu/device_tree.h>
#include <libiommu/hw/device_tree.h>
#include <libiommu/status.h>

#include "base/log.h"

/* A longer name of a property is damaged: those of the specification have 31 characters. */
#define NAME_MAX 256U
/* Of addresses below a PCI root complex: the first has bus, device and function in 23:8. */
#define PCI_ADDRESS_CELLS 3U
/* Of a longer list of references only the beginning is read: each is looked for in the tree. */
#define LIST_MAX 1024U

static uint32_t word_at(const struct iommu_fdt *fdt, uint32_t offset)
{
	return iommu_fdt_cell(fdt->bytes + offset, 0);
}

/* Not strcmp: the library needs no more of its host than functions for memory. */
static bool is_same(const char *a, const char *b)
{
	while (*a != 0 && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The length of a string that ends before `end`, with its NUL; 0: it does not. */
static uint32_t string_length(const struct iommu_fdt *fdt, uint32_t offset, uint32_t end)
{
	uint32_t at;

	for (at = offset; at < end; at++)
		if (fdt->bytes[at] == 0)
			return at - offset + 1;
	return 0;
}

/* --- Words ------------------------------------------------------------------------------------ */

/* One word of the structure block, with what belongs to it. */
struct word {
	uint32_t token;
	uint32_t name;  /* of a node or property: offset in the blob */
	uint32_t value; /* of a property */
	uint32_t size;
	uint32_t next; /* offset of the next word; 0: the word is damaged */
};

/* The end of so many bytes, up to a multiple of 4; 0: it lies outside. */
static uint32_t end_of(const struct iommu_fdt *fdt, uint32_t offset, uint32_t size)
{
	const uint32_t room = fdt->structure_end - offset;
	const uint32_t padded = (size + 3) & ~3U;

	return size > room || padded > room || padded < size ? 0 : offset + padded;
}

static void read_property(const struct iommu_fdt *fdt, uint32_t offset, struct word *word)
{
	uint32_t name;

	if (fdt->structure_end - offset < 8)
		return;
	word->size = word_at(fdt, offset);
	name = word_at(fdt, offset + 4);
	word->value = offset + 8;
	if (name >= fdt->strings_end - fdt->strings)
		return;
	word->name = fdt->strings + name;
	if (string_length(fdt, word->name,
			  fdt->strings_end - word->name > NAME_MAX ? word->name + NAME_MAX
								   : fdt->strings_end) != 0)
		word->next = end_of(fdt, word->value, word->size);
}

static struct word read_word(const struct iommu_fdt *fdt, uint32_t offset)
{
	struct word word = {0};
	uint32_t length;

	if (offset > fdt->structure_end || fdt->structure_end - offset < 4)
		return word;
	word.token = word_at(fdt, offset);
	offset += 4;
	switch (word.token) {
	case FDT_BEGIN_NODE:
		word.name = offset;
		length = string_length(fdt, offset, fdt->structure_end);
		word.next = length != 0 ? end_of(fdt, offset, length) : 0;
		break;
	case FDT_PROPERTY:
		read_property(fdt, offset, &word);
		break;
	case FDT_END_NODE:
	case FDT_NOP:
	case FDT_END:
		word.next = offset;
		break;
	default:
		break;
	}
	return word;
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* Why the blocks are none; NULL: they lie inside. */
static const char *defect_of_header(const uint8_t *bytes, size_t size)
{
	const uint32_t blocks[2][2] = {{FDT_STRUCTURE, FDT_STRUCTURE_SIZE},
				       {FDT_STRINGS, FDT_STRINGS_SIZE}};
	uint32_t total;
	unsigned int i;

	if (bytes == NULL || size < FDT_HEADER_SIZE)
		return IOMMU_WHY("there is no device tree, or less than its header");
	if (iommu_fdt_cell(bytes + FDT_MAGIC_OFFSET, 0) != FDT_MAGIC)
		return IOMMU_WHY("the signature is not a device tree's");
	total = iommu_fdt_cell(bytes + FDT_SIZE, 0);
	if (total < FDT_HEADER_SIZE || total > size || total > IOMMU_FDT_MAX_SIZE)
		return IOMMU_WHY("the tree says that it is longer than what was given or can be");
	if (iommu_fdt_cell(bytes + FDT_VERSION, 0) < FDT_VERSION_OF_LAYOUT ||
	    iommu_fdt_cell(bytes + FDT_COMPATIBLE, 0) > FDT_VERSION_OF_LAYOUT)
		return IOMMU_WHY("the version of the layout is not known");
	for (i = 0; i < 2; i++) {
		const uint32_t offset = iommu_fdt_cell(bytes + blocks[i][0], 0);

		if (offset > total || iommu_fdt_cell(bytes + blocks[i][1], 0) > total - offset)
			return IOMMU_WHY("a block lies outside of the tree");
	}
	if (iommu_fdt_cell(bytes + FDT_STRUCTURE, 0) % 4 != 0)
		return IOMMU_WHY("the structure is not aligned");
	return NULL;
}

/* Why the words are no tree of nodes; NULL: they are, and end. */
static const char *defect_of_structure(const struct iommu_fdt *fdt)
{
	unsigned int depth = 0, roots = 0;
	bool has_children[IOMMU_FDT_MAX_DEPTH + 1] = {false};
	uint32_t offset = fdt->structure;

	for (;;) {
		const struct word word = read_word(fdt, offset);

		if (word.next == 0)
			return IOMMU_WHY("a word of the tree is damaged");
		if (word.token == FDT_BEGIN_NODE) {
			roots += depth == 0;
			has_children[depth] = true;
			if (roots > 1 || ++depth > IOMMU_FDT_MAX_DEPTH)
				return IOMMU_WHY("there are two trees, or one that is too deep");
			has_children[depth] = false;
		} else if (word.token == FDT_END_NODE) {
			if (depth-- == 0)
				return IOMMU_WHY("a node ends that has not begun");
		} else if (word.token == FDT_PROPERTY) {
			/* Properties stand before the nodes below: look-ups end there. */
			if (depth == 0 || has_children[depth])
				return IOMMU_WHY("a property stands outside of its node");
		} else if (word.token == FDT_END) {
			return depth == 0 && roots == 1 ? NULL : IOMMU_WHY("a node does not end");
		}
		offset = word.next;
	}
}

int iommu_fdt_open(struct iommu_fdt *fdt, const void *bytes, size_t size)
{
	struct iommu_fdt tree = {.bytes = bytes, .refusal = ""};
	const char *defect = defect_of_header(bytes, size);

	if (defect == NULL) {
		tree.structure = word_at(&tree, FDT_STRUCTURE);
		tree.structure_end = tree.structure + word_at(&tree, FDT_STRUCTURE_SIZE);
		tree.strings = word_at(&tree, FDT_STRINGS);
		tree.strings_end = tree.strings + word_at(&tree, FDT_STRINGS_SIZE);
		defect = defect_of_structure(&tree);
	}
	if (defect != NULL) {
		*fdt = (struct iommu_fdt){.refusal = defect};
		return IOMMU_EINVAL;
	}
	*fdt = tree;
	return 0;
}

/* --- Nodes ------------------------------------------------------------------------------------ */

bool iommu_fdt_next(const struct iommu_fdt *fdt, struct iommu_fdt_node *node)
{
	uint32_t offset = node->next != 0 ? node->next : fdt->structure;

	if (fdt->bytes == NULL)
		return false;
	for (;;) {
		const struct word word = read_word(fdt, offset);

		if (word.token == FDT_BEGIN_NODE) {
			node->path[node->depth++] = offset;
			node->name = (const char *)fdt->bytes + word.name;
			node->next = word.next;
			return true;
		}
		if (word.token == FDT_END_NODE)
			node->depth--;
		if (word.token == FDT_END) {
			/* Stay at the end, however often we are asked. */
			node->next = offset;
			return false;
		}
		offset = word.next;
	}
}

/* A property of the node that begins at an offset. */
static const uint8_t *property_at(const struct iommu_fdt *fdt, uint32_t node, const char *name,
				  uint32_t *size)
{
	uint32_t offset = read_word(fdt, node).next;

	for (;;) {
		const struct word word = read_word(fdt, offset);

		if (word.token == FDT_PROPERTY &&
		    is_same((const char *)fdt->bytes + word.name, name)) {
			*size = word.size;
			return fdt->bytes + word.value;
		}
		if (word.token != FDT_PROPERTY && word.token != FDT_NOP)
			return NULL;
		offset = word.next;
	}
}

/* A property of one cell, or what there is without. */
static uint32_t cell_at(const struct iommu_fdt *fdt, uint32_t node, const char *name,
			uint32_t otherwise)
{
	uint32_t size;
	const uint8_t *value = property_at(fdt, node, name, &size);

	return value != NULL && size == 4 ? iommu_fdt_cell(value, 0) : otherwise;
}

static uint32_t offset_of(const struct iommu_fdt_node *node)
{
	return node->path[node->depth - 1];
}

const uint8_t *iommu_fdt_property(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
				  const char *name, uint32_t *size)
{
	return property_at(fdt, offset_of(node), name, size);
}

uint32_t iommu_fdt_phandle(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node)
{
	return cell_at(fdt, offset_of(node), "phandle", 0);
}

int iommu_fdt_find(const struct iommu_fdt *fdt, uint32_t phandle, struct iommu_fdt_node *node)
{
	*node = (struct iommu_fdt_node){0};
	while (phandle != 0 && iommu_fdt_next(fdt, node))
		if (iommu_fdt_phandle(fdt, node) == phandle)
			return 0;
	return IOMMU_ENOENT;
}

bool iommu_fdt_is_compatible(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			     const char *string)
{
	uint32_t size, at = 0, length;
	const uint8_t *value = iommu_fdt_property(fdt, node, "compatible", &size);
	const uint32_t start = value != NULL ? (uint32_t)(value - fdt->bytes) : 0;

	while (value != NULL && at < size) {
		length = string_length(fdt, start + at, start + size);
		if (length == 0)
			return false;
		if (is_same((const char *)value + at, string))
			return true;
		at += length;
	}
	return false;
}

bool iommu_fdt_is_available(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node)
{
	unsigned int depth;

	for (depth = 0; depth < node->depth; depth++) {
		uint32_t size;
		const uint8_t *value = property_at(fdt, node->path[depth], "status", &size);

		if (value == NULL)
			continue;
		if (size == 0 || value[size - 1] != 0 ||
		    (!is_same((const char *)value, "okay") && !is_same((const char *)value, "ok")))
			return false;
	}
	return true;
}

/* --- Addresses -------------------------------------------------------------------------------- */

/* A number of so many cells, 1 or 2. */
static uint64_t number_at(const uint8_t *value, uint32_t index, uint32_t cells)
{
	return cells == 1 ? iommu_fdt_cell(value, index)
			  : (uint64_t)iommu_fdt_cell(value, index) << 32 |
				    iommu_fdt_cell(value, index + 1);
}

static bool is_number(uint32_t cells)
{
	return cells == 1 || cells == 2;
}

/* An address below the node at `depth`, as it is above. */
static int translate(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
		     unsigned int depth, struct iommu_fdt_registers *registers)
{
	const uint32_t bus = node->path[depth];
	const uint32_t child = cell_at(fdt, bus, "#address-cells", FDT_ADDRESS_CELLS);
	const uint32_t parent =
		cell_at(fdt, node->path[depth - 1], "#address-cells", FDT_ADDRESS_CELLS);
	const uint32_t length = cell_at(fdt, bus, "#size-cells", FDT_SIZE_CELLS);
	uint32_t size, at;
	const uint8_t *ranges = property_at(fdt, bus, "ranges", &size);

	if (ranges == NULL)
		return IOMMU_EOPNOTSUPP;
	if (size == 0)
		return 0;
	if (!is_number(child) || !is_number(parent) || !is_number(length))
		return IOMMU_EOPNOTSUPP;
	if (size % ((child + parent + length) * 4) != 0)
		return IOMMU_EINVAL;
	for (at = 0; at < size / 4; at += child + parent + length) {
		const uint64_t first = number_at(ranges, at, child);
		const uint64_t bytes = number_at(ranges, at + child + parent, length);

		if (registers->base < first || registers->base - first >= bytes ||
		    registers->size > bytes - (registers->base - first))
			continue;
		registers->base += number_at(ranges, at + child, parent) - first;
		return 0;
	}
	return IOMMU_EOPNOTSUPP;
}

int iommu_fdt_get_registers(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			    unsigned int index, struct iommu_fdt_registers *registers)
{
	uint32_t size, address, length, parent;
	const uint8_t *reg = iommu_fdt_property(fdt, node, "reg", &size);
	unsigned int depth;

	if (reg == NULL || node->depth < 2)
		return IOMMU_ENOENT;
	parent = node->path[node->depth - 2];
	address = cell_at(fdt, parent, "#address-cells", FDT_ADDRESS_CELLS);
	length = cell_at(fdt, parent, "#size-cells", FDT_SIZE_CELLS);
	if (!is_number(address) || !is_number(length))
		return IOMMU_EOPNOTSUPP;
	if (size % ((address + length) * 4) != 0)
		return IOMMU_EINVAL;
	if (index >= size / ((address + length) * 4))
		return IOMMU_ENOENT;
	registers->base = number_at(reg, index * (address + length), address);
	registers->size = number_at(reg, index * (address + length) + address, length);
	for (depth = node->depth - 2; depth > 0; depth--) {
		const int status = translate(fdt, node, depth, registers);

		if (status != 0)
			return status;
	}
	return registers->size != 0 && registers->size - 1 > UINT64_MAX - registers->base
		       ? IOMMU_EINVAL
		       : 0;
}

int iommu_fdt_get_function(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			   uint16_t *rid)
{
	uint32_t size;
	const uint8_t *reg = iommu_fdt_property(fdt, node, "reg", &size);

	if (reg == NULL || size < 4 * PCI_ADDRESS_CELLS || node->depth < 2 ||
	    cell_at(fdt, node->path[node->depth - 2], "#address-cells", FDT_ADDRESS_CELLS) !=
		    PCI_ADDRESS_CELLS)
		return IOMMU_ENOENT;
	*rid = (uint16_t)(iommu_fdt_cell(reg, 0) >> 8);
	return 0;
}

/* --- References ------------------------------------------------------------------------------- */

static uint32_t words_of(uint32_t size)
{
	return size / 4 < LIST_MAX ? size / 4 : LIST_MAX;
}

/* So many cells from a value, if they are there. */
static bool take_cells(const uint8_t *value, uint32_t size, uint32_t count,
		       struct iommu_fdt_reference *reference)
{
	const uint32_t words = words_of(size);
	uint32_t i;

	if (count > IOMMU_FDT_MAX_CELLS || reference->position > words ||
	    count > words - reference->position)
		return false;
	for (i = 0; i < count; i++)
		reference->cells[i] = iommu_fdt_cell(value, reference->position + i);
	reference->position += count;
	reference->count = count;
	return true;
}

/* The next of a list of phandles, each with as many cells as its node says. */
static bool next_reference(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			   const char *list, const char *cells,
			   struct iommu_fdt_reference *reference)
{
	struct iommu_fdt_node target;
	uint32_t size, count;
	const uint8_t *value = iommu_fdt_property(fdt, node, list, &size);

	if (value == NULL || reference->position >= words_of(size))
		return false;
	reference->phandle = iommu_fdt_cell(value, reference->position);
	if (iommu_fdt_find(fdt, reference->phandle, &target) != 0)
		return false;
	count = cell_at(fdt, offset_of(&target), cells, UINT32_MAX);
	reference->position++;
	if (take_cells(value, size, count, reference))
		return true;
	/* Stay at the end, however often we are asked. */
	reference->position = LIST_MAX;
	return false;
}

bool iommu_fdt_next_iommu(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			  struct iommu_fdt_reference *reference)
{
	return next_reference(fdt, node, "iommus", "#iommu-cells", reference);
}

bool iommu_fdt_next_interrupt(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			      struct iommu_fdt_reference *reference)
{
	struct iommu_fdt_node controller;
	unsigned int depth;
	uint32_t size;
	const uint8_t *value;

	if (iommu_fdt_property(fdt, node, "interrupts-extended", &size) != NULL)
		return next_reference(fdt, node, "interrupts-extended", "#interrupt-cells",
				      reference);
	value = iommu_fdt_property(fdt, node, "interrupts", &size);
	reference->phandle = 0;
	for (depth = node->depth; depth != 0 && reference->phandle == 0; depth--)
		reference->phandle = cell_at(fdt, node->path[depth - 1], "interrupt-parent", 0);
	if (value == NULL || reference->position >= words_of(size) ||
	    iommu_fdt_find(fdt, reference->phandle, &controller) != 0)
		return false;
	return take_cells(value, size,
			  cell_at(fdt, offset_of(&controller), "#interrupt-cells", UINT32_MAX),
			  reference) &&
	       reference->count != 0;
}

/* --- Maps of ids ------------------------------------------------------------------------------ */

bool iommu_fdt_next_map(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			struct iommu_fdt_map *map)
{
	uint32_t size;
	const uint8_t *value = iommu_fdt_property(fdt, node, "iommu-map", &size);

	while (value != NULL && size / 4 >= 4 && map->position <= size / 4 - 4) {
		const uint32_t at = map->position;

		map->source = iommu_fdt_cell(value, at);
		map->unit = iommu_fdt_cell(value, at + 1);
		map->id = iommu_fdt_cell(value, at + 2);
		map->count = iommu_fdt_cell(value, at + 3);
		map->position += 4;
		if (map->count != 0 && map->count - 1 <= UINT32_MAX - map->source &&
		    map->count - 1 <= UINT32_MAX - map->id)
			return true;
	}
	return false;
}

int iommu_fdt_map_id(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node, uint32_t rid,
		     uint32_t *unit, uint32_t *id)
{
	const uint32_t masked = rid & cell_at(fdt, offset_of(node), "iommu-map-mask", UINT32_MAX);
	struct iommu_fdt_map map = {0};

	while (iommu_fdt_next_map(fdt, node, &map)) {
		if (masked < map.source || masked - map.source >= map.count)
			continue;
		*unit = map.unit;
		*id = map.id + (masked - map.source);
		return 0;
	}
	return IOMMU_ENOENT;
}
