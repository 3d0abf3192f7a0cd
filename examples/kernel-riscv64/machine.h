/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of this kernel besides libiommu: what it looks for in the device tree, its console,
 * interrupts, PCI, and the DMA devices. Each has a file of its own name. The CPU is in M mode,
 * without translation: virtual addresses are physical ones.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <iommu_riscv64.h>
#include <libiommu/device_tree.h>
#include <stddef.h>

#include "scenario_riscv.h"

/* Registers of devices: ordered with memory, and with each other. */
static inline uint32_t read32(uint64_t address)
{
	const uint32_t value = *(const volatile uint32_t *)address;

	__asm__ volatile("fence i, iorw" ::: "memory");
	return value;
}

static inline void write32(uint64_t address, uint32_t value)
{
	__asm__ volatile("fence iorw, o" ::: "memory");
	*(volatile uint32_t *)address = value;
}

static inline uint64_t read64(uint64_t address)
{
	const uint64_t value = *(const volatile uint64_t *)address;

	__asm__ volatile("fence i, iorw" ::: "memory");
	return value;
}

static inline void write64(uint64_t address, uint64_t value)
{
	__asm__ volatile("fence iorw, o" ::: "memory");
	*(volatile uint64_t *)address = value;
}

/* --- tree.c: the device tree, by the library's reader ----------------------------------------- */
/* The first node that is compatible with this; the first that has this property. */
bool tree_find(const struct iommu_fdt *tree, const char *compatible, struct iommu_fdt_node *node);
bool tree_find_with(const struct iommu_fdt *tree, const char *property,
		    struct iommu_fdt_node *node);
/* Where a node's first registers are; 0: it has none. */
uint64_t tree_address(const struct iommu_fdt *tree, const struct iommu_fdt_node *node);

/* --- console.c: the serial line, and the way out ---------------------------------------------- */
/* False: the tree names no serial line, or no way out. */
bool console_start(const struct iommu_fdt *tree);
void console_text(const char *text);
void console_hex(uint64_t number);
/* Ends QEMU: exit status 0 for success, 1 for failure. */
_Noreturn void machine_exit(bool success);

/* --- interrupt.c ------------------------------------------------------------------------------ */
/* How the unit's interrupts reach this kernel. */
enum interrupt_way {
	INTERRUPT_MEMORY, /* there is no controller for messages: they are looked for in memory */
	INTERRUPT_IMSIC,  /* messages to the CPU's interrupt file */
	INTERRUPT_WIRES,  /* wires of the unit, by the platform's controller (PLIC) */
};

/*
 * Begin to count the unit's interrupts, and fill in how they are sent. With wires: those of the
 * unit's node. False: the machine has no controller for them.
 */
bool interrupts_start(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit, bool wires,
		      struct riscv_machine *machine);

/* --- pci.c ------------------------------------------------------------------------------------ */
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
 * All devices of the root bus with this vendor and device id, at most `space`, with registers and
 * DMA switched on; returns how many.
 */
unsigned int pci_find(struct pci_bridge *bridge, uint16_t vendor, uint16_t device,
		      struct pci_device *found, unsigned int space);
/* One function, of which the class is known: 0xffffff if there is none. */
uint32_t pci_class(const struct pci_bridge *bridge, uint16_t source_id);
void pci_start(struct pci_bridge *bridge, uint16_t source_id, struct pci_device *device);
/* Let a function send its interrupts as messages (MSI-X); false: it has none. */
bool pci_enable_messages(const struct pci_bridge *bridge, uint16_t source_id);

/* Have a device send its interrupts as this message (MSI); false: it sends none. */
bool pci_set_message(const struct pci_device *device, uint64_t address, uint32_t data);

/* --- edu.c: QEMU's educational device --------------------------------------------------------- */
#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

void edu_start(struct dma_device *device, struct pci_device *pci);

/* --- process_device.c: a device with process ids (tests/system/pasid-device) ------------------ */
void process_device_start(struct riscv_process_device *device, const struct pci_device *pci);

#endif
