/* SPDX-License-Identifier: BSD-2-Clause */
/* A fault reason of VT-d as members of the current object: name, explanation, likely causes. */
#ifndef INSPECT_REASON_H
#define INSPECT_REASON_H

#include "output.h"

void reason_show(struct out *out, unsigned int reason);

#endif
