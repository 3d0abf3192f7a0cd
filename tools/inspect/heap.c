/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "inspect.h"

void *heap_resize(void *memory, size_t count, size_t size)
{
	/* One byte more, so that nothing is something, too. */
	void *resized = count > (SIZE_MAX - 1) / size ? NULL : realloc(memory, count * size + 1);

	if (resized == NULL)
		exit(inspect_complain(INSPECT_UNREADABLE, "out of memory"));
	return resized;
}

void *heap_zeroed(size_t count, size_t size)
{
	void *memory = heap_resize(NULL, count, size);

	memset(memory, 0, count * size);
	return memory;
}

char *heap_text(const char *text, size_t length)
{
	char *copy = heap_resize(NULL, length + 1, 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}
