/* SPDX-License-Identifier: BSD-2-Clause */
/* A trace as a timeline, in SVG. */
#ifndef INSPECT_TRACE_PICTURE_H
#define INSPECT_TRACE_PICTURE_H

#include <stdio.h>

#include "trace_file.h"

void trace_picture_draw(FILE *file, const struct trace_file *trace);

#endif
