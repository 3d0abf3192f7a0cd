/* SPDX-License-Identifier: BSD-2-Clause */
/* An ACPI RIMT table, node by node, with the offset of everything that is wrong. */
#ifndef INSPECT_RIMT_H
#define INSPECT_RIMT_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"

/* Show the table as members of the current object; returns how many problems it has. */
unsigned int rimt_show(struct out *out, const uint8_t *bytes, size_t size);

#endif
