/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four memory functions that a freestanding C compiler may call on its own and therefore
 * expects the host to have. They are all that the library needs from outside.
 */
#ifndef IOMMU_BASE_MEMORY_H
#define IOMMU_BASE_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif
