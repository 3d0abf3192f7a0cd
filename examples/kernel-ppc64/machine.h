/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of this kernel besides libiommu: the device tree (tree.h), two kinds of machine that
 * reach console, PCI and registers in different ways, PCI, and the DMA device. Each has a file of
 * its own name.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <iommu_ppc64.h>
#include <stddef.h>

#include "scenario_power.h"
#include "tree.h"

/* A PCI host bridge, as the device tree describes it. */
struct bridge {
	uint32_t node;
	uint64_t id; /* OPAL's number, or the hypervisor's */
	/* Its 32-bit window for registers: the start, as a bus address and as a CPU address. */
	uint64_t bus_address, cpu_address, size;
	uint64_t used; /* of it */
};

/* The operations of a kind of machine. */
struct machine {
	const char *name;
	void (*console)(struct machine *machine, const char *text, size_t size);
	uint32_t (*config_read)(struct machine *machine, const struct bridge *bridge,
				uint16_t source_id, unsigned int offset);
	void (*config_write)(struct machine *machine, const struct bridge *bridge,
			     uint16_t source_id, unsigned int offset, uint32_t value);
	/* Registers of devices, in the byte order of the host: 64 bits at a CPU address. */
	uint64_t (*read)(struct machine *machine, uint64_t address);
	void (*write)(struct machine *machine, uint64_t address, uint64_t value);
	void (*power_off)(struct machine *machine); /* does not return */
	struct iommu_ppc64 port;
	struct tree tree;
	/* Tokens of the hypervisor's services. */
	uint32_t read_config_token, write_config_token, power_off_token;
};

/* --- powernv.c: bare machines, with OPAL firmware --------------------------------------------- */
bool powernv_start(struct machine *machine);

/* --- pseries.c: guests of a hypervisor -------------------------------------------------------- */
bool pseries_start(struct machine *machine);
/* Call a service of the hypervisor by its token; returns its status, which outputs[0] has, too. */
int32_t pseries_rtas(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
		     unsigned int output_count, uint32_t *outputs);

/* --- pci.c ------------------------------------------------------------------------------------ */
struct pci_device {
	struct bridge *bridge;
	uint16_t source_id;
	uint64_t bar0; /* as the CPU sees it */
};

/* Read the description of a bridge from the tree. */
void bridge_open(struct machine *machine, struct bridge *bridge, uint32_t node);
/*
 * All devices with this vendor and device id, at most `space`, behind a bridge, with registers and
 * DMA switched on; returns how many.
 */
unsigned int pci_start(struct machine *machine, struct bridge *bridge, uint16_t vendor,
		       uint16_t device, struct pci_device *found, unsigned int space);

/* --- edu.c: QEMU's educational device --------------------------------------------------------- */
#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

struct edu {
	struct machine *machine;
	struct pci_device pci;
};

void edu_start(struct dma_device *device, struct edu *edu);

#endif
