/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that is there, or the program ends and says so. free() gives it back. */
#ifndef INSPECT_HEAP_H
#define INSPECT_HEAP_H

#include <stddef.h>

/* As realloc, for `count` things of a size; NULL: new ones. */
void *heap_resize(void *memory, size_t count, size_t size);
/* New ones, all zero. */
void *heap_zeroed(size_t count, size_t size);
/* A copy of `length` characters, with its end. */
char *heap_text(const char *text, size_t length);

#endif
