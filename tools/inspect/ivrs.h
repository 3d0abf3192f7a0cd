/* SPDX-License-Identifier: BSD-2-Clause */
/* An ACPI IVRS table, block by block, with the offset of everything that is wrong. */
#ifndef INSPECT_IVRS_H
#define INSPECT_IVRS_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"

/* Show the table as members of the current object; returns how many problems it has. */
unsigned int ivrs_show(struct out *out, const uint8_t *bytes, size_t size);

#endif
