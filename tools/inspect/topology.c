/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "heap.h"
#include "inspect.h"
#include "lines.h"
#include "spaces.h"
#include "topology.h"
#include "topology_text.h"

void topology_free(struct topology *topology)
{
	for (size_t i = 0; i < topology->count; i++)
		free(topology->names[i]);
	free(topology->names);
	free(topology->functions);
	*topology = (struct topology){0};
}

struct iommu_pci_topology topology_view(const struct topology *topology)
{
	return (struct iommu_pci_topology){topology->functions, topology->count};
}

bool topology_add(struct topology *topology, const struct iommu_pci_function *function,
		  const char *name, size_t name_length)
{
	if (topology->count == TOPOLOGY_MAX)
		return false;
	if (topology->count == topology->room) {
		topology->room = topology->room * 2 + 16;
		topology->functions = heap_resize(topology->functions, topology->room,
						  sizeof(*topology->functions));
		topology->names =
			heap_resize(topology->names, topology->room, sizeof(*topology->names));
	}
	topology->functions[topology->count] = *function;
	topology->names[topology->count++] = heap_text(name, name_length);
	return true;
}

const char *topology_type_name(enum iommu_pci_type type)
{
	static const char *const names[] = {
		[IOMMU_PCI_ENDPOINT] = "endpoint",
		[IOMMU_PCI_ROOT_PORT] = "root-port",
		[IOMMU_PCI_UPSTREAM_PORT] = "upstream-port",
		[IOMMU_PCI_DOWNSTREAM_PORT] = "downstream-port",
		[IOMMU_PCI_EXPRESS_TO_PCI] = "express-to-pci-bridge",
		[IOMMU_PCI_PCI_TO_EXPRESS] = "pci-to-express-bridge",
		[IOMMU_PCI_INTEGRATED] = "integrated-endpoint",
		[IOMMU_PCI_EVENT_COLLECTOR] = "event-collector",
		[IOMMU_PCI_CONVENTIONAL] = "conventional-device",
		[IOMMU_PCI_CONVENTIONAL_BRIDGE] = "conventional-bridge",
	};

	return type <= IOMMU_PCI_CONVENTIONAL_BRIDGE ? names[type] : NULL;
}

/* Rows of bytes make a dump. */
static bool is_dump(struct lines lines)
{
	struct row row;

	while (lines_next(&lines))
		if (spaces_read_row(&lines, &row))
			return true;
	return false;
}

int topology_read_lines(struct topology *topology, const char *file, const uint8_t *bytes,
			size_t size)
{
	const struct lines lines = lines_of(file, bytes, size);

	return is_dump(lines) ? spaces_read_dump(topology, lines)
			      : topology_read_text(topology, lines);
}
