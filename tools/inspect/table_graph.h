/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables as a graph in DOT, which graphviz draws. */
#ifndef INSPECT_TABLE_GRAPH_H
#define INSPECT_TABLE_GRAPH_H

#include <stdio.h>

#include "query.h"

/* Returns a status. */
int table_graph_draw(FILE *file, struct query *query);

#endif
