/* SPDX-License-Identifier: BSD-2-Clause */
/* The command trace without its words. */
#ifndef INSPECT_TRACE_H
#define INSPECT_TRACE_H

#include "output.h"
#include "trace_tally.h"

/* What a file's bytes add up to, and, where wanted, each event; returns a status. */
int trace_show(struct out *out, const uint8_t *bytes, size_t size, bool with_events);

#endif
