/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions with their names, from one of three sources: a description in text, configuration
 * spaces as lspci -xxxx prints them, or a tree of files such as /sys/bus/pci.
 */
#ifndef INSPECT_TOPOLOGY_H
#define INSPECT_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommu/pci.h>

/* What takes minutes to group is no machine. */
#define TOPOLOGY_MAX 8192U

struct topology {
	struct iommu_pci_function *functions;
	char **names; /* of each function; never NULL */
	size_t count, room;
	/*
	 * Of configuration spaces: those that may hide their ACS, because only 256 bytes are known;
	 * those that end even before that; and those that no bus leads to.
	 */
	size_t conventional, cut, unreached;
};

void topology_free(struct topology *topology);
struct iommu_pci_topology topology_view(const struct topology *topology);

/* Append a function; false: there are too many. */
bool topology_add(struct topology *topology, const struct iommu_pci_function *function,
		  const char *name, size_t name_length);

/* How a type is called in descriptions: "root-port". Between its words a blank, for people. */
const char *topology_type_name(enum iommu_pci_type type);

/*
 * Each of these returns a status; what is wrong has been said. Lines: a description or a dump,
 * whichever it is. Files: a folder with "devices", as /sys/bus/pci.
 */
int topology_read_lines(struct topology *topology, const char *file, const uint8_t *bytes,
			size_t size);
int topology_read_files(struct topology *topology, const char *folder);

#endif
