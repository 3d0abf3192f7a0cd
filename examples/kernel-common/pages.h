/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of an example kernel: taken from one range upwards, given back to a list for each order. */
#ifndef KERNEL_PAGES_H
#define KERNEL_PAGES_H

#include <stdint.h>

/* Memory from start to end - 1 may be handed out, as the CPU sees it. */
void pages_start(uintptr_t start, uintptr_t end);
/* 2^order zeroed pages of 4 KiB, aligned to their size; NULL: no more, or an order beyond 2 MiB. */
void *pages_alloc(unsigned int order);
void pages_free(void *pages, unsigned int order);

#endif
