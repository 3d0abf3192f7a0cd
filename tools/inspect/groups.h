/* SPDX-License-Identifier: BSD-2-Clause */
/* The isolation groups of a topology, as members of the current object, or as pictures. */
#ifndef INSPECT_GROUPS_H
#define INSPECT_GROUPS_H

#include "group_reasons.h"
#include "output.h"

/* Returns a status. */
int groups_show(struct out *out, const struct topology *topology);

/* Functions below their bridges: as a graph in DOT, and as an SVG picture. */
void group_graph_draw(FILE *file, const struct group_reasons *reasons);
void group_picture_draw(FILE *file, const struct group_reasons *reasons);

#endif
