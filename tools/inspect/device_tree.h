/* SPDX-License-Identifier: BSD-2-Clause */
/* The IOMMUs of a flattened device tree, and the nodes that are behind them. */
#ifndef INSPECT_DEVICE_TREE_H
#define INSPECT_DEVICE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"

/* Show the nodes as members of the current object; returns how many problems they have. */
unsigned int device_tree_show(struct out *out, const uint8_t *bytes, size_t size);

#endif
