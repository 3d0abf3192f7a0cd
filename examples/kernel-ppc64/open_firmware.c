/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree that firmware keeps, read by the client interface: cells of 32 bits, big-endian.
 */
#include "tree.h"

#include <stddef.h>

#define ANSWER_SIZE 1024
#define ERROR       UINT32_MAX

/* boot.S */
void firmware_call(uint64_t entry, void *arguments);

static uint32_t big32(uint32_t value)
{
	return tree_big32((const unsigned char *)&value);
}

/* Call a service with up to four arguments; returns its one result. */
static uint32_t ask(const struct tree *tree, const char *service, uint32_t count, uint32_t first,
		    uint32_t second, uint32_t third, uint32_t fourth)
{
	uint32_t cells[8] = {(uint32_t)(uintptr_t)service, count, 1, first, second, third, fourth};
	unsigned int i;

	cells[3 + count] = ERROR;
	for (i = 0; i < 8; i++)
		cells[i] = big32(cells[i]);
	firmware_call(tree->entry, cells);
	return big32(cells[3 + count]);
}

static bool next(const struct tree *tree, uint32_t *node)
{
	uint32_t at = *node;
	uint32_t found = ask(tree, at == 0 ? "peer" : "child", 1, at, 0, 0, 0);

	while (at != 0 && (found == 0 || found == ERROR)) {
		found = ask(tree, "peer", 1, at, 0, 0, 0);
		if (found == 0 || found == ERROR)
			at = ask(tree, "parent", 1, at, 0, 0, 0);
		if (at == ERROR)
			at = 0;
	}
	*node = found;
	return found != 0 && found != ERROR;
}

static const void *property_of(const struct tree *tree, uint32_t node, const char *name,
			       uint32_t *size)
{
	static unsigned char answer[ANSWER_SIZE] __attribute__((aligned(8)));

	*size = ask(tree, "getprop", 4, node, (uint32_t)(uintptr_t)name,
		    (uint32_t)(uintptr_t)answer, ANSWER_SIZE);
	if (*size == ERROR || *size > ANSWER_SIZE)
		return NULL;
	return answer;
}

/* The name with its unit address: the last part of the path. */
static const char *name_of(const struct tree *tree, uint32_t node)
{
	static char path[ANSWER_SIZE];
	const uint32_t size = ask(tree, "package-to-path", 3, node, (uint32_t)(uintptr_t)path,
				  ANSWER_SIZE - 1, 0);
	const char *name = path;
	uint32_t i;

	if (size == ERROR || size >= ANSWER_SIZE)
		return "";
	path[size] = '\0';
	for (i = 0; path[i] != '\0'; i++)
		if (path[i] == '/')
			name = &path[i + 1];
	return name;
}

bool open_firmware_open(struct tree *tree, uint64_t entry)
{
	uint32_t node = 0;

	*tree = (struct tree){
		.next = next, .name = name_of, .property = property_of, .entry = entry};
	return entry != 0 && next(tree, &node);
}
