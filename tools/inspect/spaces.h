/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration spaces of PCI functions, and the topology that the library finds in them. */
#ifndef INSPECT_SPACES_H
#define INSPECT_SPACES_H

#include "lines.h"
#include "topology.h"

/* "OFFSET: BYTE BYTE ...", as lspci prints it. */
struct row {
	unsigned int offset, count;
	/* The offset has three digits: rows that are zero are left out (tests/data/pci/capture). */
	bool is_sparse;
	uint8_t bytes[16];
};

/* False: the current line is no row. */
bool spaces_read_row(const struct lines *lines, struct row *row);

/* What lspci -xxx or -xxxx prints, with or without other lines. Returns a status. */
int spaces_read_dump(struct topology *topology, struct lines lines);

#endif
