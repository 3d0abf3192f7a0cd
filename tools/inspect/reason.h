/* SPDX-License-Identifier: BSD-2-Clause */
/* The reason of a fault as members of the current object: name, explanation, likely causes. */
#ifndef INSPECT_REASON_H
#define INSPECT_REASON_H

#include "output.h"

/* Whose reasons: each kind of unit has codes of its own. */
enum reason_unit {
	REASON_VTD,
	REASON_SMMU,
	REASON_RISCV,
};

/* The kind of this name; false: there is none, or the library was built without its driver. */
bool reason_find_unit(const char *name, enum reason_unit *unit);

/* The largest code that a kind of unit may have. */
unsigned int reason_last(enum reason_unit unit);

void reason_show(struct out *out, enum reason_unit unit, unsigned int reason);

#endif
