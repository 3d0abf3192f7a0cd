/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A topology as people write it. A line for each function:
 *
 *	[SEGMENT:]BUS:DEVICE.FUNCTION TYPE [bus=BUS] [acs=CAPABILITY/CONTROL] [multifunction]
 *		[virtual=BUS:DEVICE.FUNCTION] [alias=DEVICE.FUNCTION]... [isolated] [hides-below]
 *		[keeps-ids] [# NAME]
 *
 * all in one; numbers are hexadecimal; TYPE as topology_type_name; what follows "#" at the
 * beginning of a line is a comment.
 */
#ifndef INSPECT_TOPOLOGY_TEXT_H
#define INSPECT_TOPOLOGY_TEXT_H

#include "lines.h"
#include "topology.h"

int topology_read_text(struct topology *topology, struct lines lines);

#endif
