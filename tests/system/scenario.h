/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario: two devices do real DMA, through tables and invalidations of the library,
 * and each step prints what must happen and what did.
 *
 * It uses devices only by the interface below, so that the same file runs in a kernel with emulated
 * or real devices, and against a software model of the hardware. Freestanding: no libc.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <libiommu/iommu.h>

/*
 * A device with a private buffer of at least SCENARIO_DMA_MAX bytes that copies between the buffer
 * and memory. Both calls return when the transfer has ended; whether it was blocked is seen in
 * memory and in fault records alone.
 */
struct dma_device {
	struct iommu_endpoint_info info;
	/* From memory at iova to the buffer. */
	void (*read)(struct dma_device *device, iommu_iova_t iova, size_t size);
	/* From the buffer to memory at iova. */
	void (*write)(struct dma_device *device, iommu_iova_t iova, size_t size);
	/*
	 * Its interrupt message, and the function that has the device send it. NULL: it sends none.
	 */
	void (*set_message)(struct dma_device *device, uint64_t address, uint32_t data);
	void (*interrupt)(struct dma_device *device);
	/* The device's own. */
	void *data;
};

#define SCENARIO_DMA_MAX 2048

/* An interrupt line of the first device, which ends at an I/O APIC. */
struct interrupt_line {
	unsigned int ioapic; /* its id */
	/* Write the redirection entry of the line's pin: 64 bits. */
	void (*set_entry)(struct interrupt_line *line, uint64_t entry);
	/* Have the device raise and lower the line, instead of sending its message. */
	void (*pulse)(struct interrupt_line *line);
	void *data;
};

struct scenario_machine {
	/* Print text; no newline is added. */
	void (*say)(const char *text);
	const struct iommu_platform *platform;
	/* Zeroed memory that devices can reach, aligned to its size, up to 2 MiB; never freed. */
	void *(*alloc)(uint64_t size);
	/*
	 * For a machine that watches what devices reach: this page of the library's is meant for
	 * devices, or no longer. NULL: it does not watch.
	 */
	void (*lend)(void *page, bool is_lent);
	const void *dmar;
	size_t dmar_size;
	/* The machine's PCI functions; NULL: each device is alone. */
	const struct iommu_pci_topology *topology;
	struct iommu_vtd_options vtd_options;
	struct dma_device devices[2];
	/*
	 * The number of interrupts with this vector that have arrived. NULL: the machine cannot
	 * remap any.
	 */
	unsigned int (*interrupts_seen)(unsigned int vector);
	struct interrupt_line *line;
	/* The message in the old format that leads to a vector. */
	uint64_t old_message_address;
	/*
	 * The specification requires both. QEMU lets the old format pass; and before its version 10
	 * it records no fault of an interrupt.
	 */
	bool blocks_old_format;
	bool records_interrupt_faults;
	/* The CPU's interrupt controller is in x2APIC mode, and entries are to be, too. */
	bool x2apic;
};

/* Vectors that the scenario uses. */
#define SCENARIO_VECTOR  0x40
#define SCENARIO_VECTORS 4

/*
 * The library as an operating system uses it: back ends started, devices reported by the bus,
 * drivers that map by the DMA API, a device handed to a user, and one that is removed.
 */
bool scenario_drivers(struct scenario_machine *machine);

/*
 * A first instance of the library translates and is abandoned; a second one takes over, once with a
 * copy of what the first had, once from scratch.
 */
bool scenario_take_over(struct scenario_machine *machine);

/*
 * A unit that has no tables for DMA remaps interrupts.
 */
bool scenario_interrupts_only(struct scenario_machine *machine);

/*
 * Run all steps; print a line "verdict: …" at the end; return whether every step was as expected.
 */
bool scenario_run(struct scenario_machine *machine);

#endif
