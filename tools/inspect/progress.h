/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs of life on stderr, if that is a terminal, while something takes long. */
#ifndef INSPECT_PROGRESS_H
#define INSPECT_PROGRESS_H

#include <stdint.h>

/* To be called often: how much is left of the limit, and where the work is. */
void progress_tell(uint64_t left, uint64_t iova);
/* The line is taken away. */
void progress_end(void);

#endif
