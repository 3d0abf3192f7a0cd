/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI: the buses of one host bridge, whose configuration space is memory (ECAM). */
#ifndef KERNEL_ECAM_H
#define KERNEL_ECAM_H

#include <libiommu/device_tree.h>

struct pci_device {
	uint16_t source_id;
	uint64_t config; /* its configuration space */
	uint64_t bar0;
};

struct pci_bridge {
	uint64_t config;      /* the configuration space of all buses */
	uint64_t window, end; /* for registers: what is free of it */
};

/* Read the description of the host bridge from the tree; false: there is none. */
bool pci_open(const struct iommu_fdt *tree, struct iommu_fdt_node *node, struct pci_bridge *bridge);
/*
 * All devices of a bus with this vendor and device id, at most `space`, with registers and DMA
 * switched on; returns how many.
 */
unsigned int pci_find(struct pci_bridge *bridge, uint8_t bus, uint16_t vendor, uint16_t device,
		      struct pci_device *found, unsigned int space);
/*
 * Let requests through a port, to the one bus behind it, which becomes the next of its own, and is
 * returned. What is placed next lies there.
 */
uint8_t pci_open_port(struct pci_bridge *bridge, uint16_t port);
/* One function, of which the class is known: 0xffffff if there is none. */
uint32_t pci_class(const struct pci_bridge *bridge, uint16_t source_id);
void pci_start(struct pci_bridge *bridge, uint16_t source_id, struct pci_device *device);
/* Let a function send its interrupts as messages (MSI-X); false: it has none. */
bool pci_enable_messages(const struct pci_bridge *bridge, uint16_t source_id);

/* Have a device send its interrupts as this message (MSI); false: it sends none. */
bool pci_set_message(const struct pci_device *device, uint64_t address, uint32_t data);

#endif
