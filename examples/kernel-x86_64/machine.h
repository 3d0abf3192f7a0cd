/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of this kernel besides libiommu: the console and the clock (console.h, clock.h),
 * memory, ACPI tables, PCI, and the DMA device. Each has a file of its own name.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot.h"
#include "clock.h"
#include "console.h"
#include "port_io.h"
#include "scenario.h"
#include "scenario_pasid.h"

/* --- model-specific registers ----------------------------------------------------------------- */
static inline uint64_t msr_read(uint32_t number)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
	return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t number, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* --- interrupt.c: vectors, the local APIC, and the I/O APIC ----------------------------------- */
#define INTERRUPT_OLD_MESSAGE 0xfee00000ULL /* to CPU 0 */

/* x2apic: in this mode of the local APIC, whose registers are the processor's then. */
void interrupt_start(bool x2apic);
/* The number of interrupts with this vector that have arrived. */
unsigned int interrupt_seen(unsigned int vector);
/* Write the redirection entry of the pins that PCI lines lead to; and the I/O APIC's id. */
void ioapic_set(uint64_t entry);
unsigned int ioapic_id(void);

/* --- memory.c --------------------------------------------------------------------------------- */
/* Take over the largest piece of memory that the start info describes. False: there is none. */
bool memory_start(uint64_t start_info);

/* --- acpi.c ----------------------------------------------------------------------------------- */
/* The table with this signature, found through the start info's RSDP; NULL: none. */
const void *acpi_find(uint64_t start_info, const char *signature, size_t *size);
/* The kernel's command line, or "". */
const char *start_info_command_line(uint64_t start_info);
uint64_t start_info_memory_map(uint64_t start_info, uint32_t *entries);

/* --- pci.c ------------------------------------------------------------------------------------ */
struct pci_device {
	struct iommu_endpoint_info info;
	uint64_t bar0;
};

#define PCI_FUNCTIONS_MAX 64

/* Find all functions. mcfg: ACPI's table, or NULL. False: there are more than PCI_FUNCTIONS_MAX. */
bool pci_start(const void *mcfg, size_t size);
/* All functions, for the library to form groups. */
const struct iommu_pci_topology *pci_topology(void);
/*
 * All devices with this vendor and device id, at most `space`; returns how many. features: those
 * that will be enabled in them.
 */
unsigned int pci_find(uint16_t vendor, uint16_t device, unsigned int features,
		      struct pci_device *found, unsigned int space);
/* Enable or disable a feature in a device that has it. */
void pci_set_feature(const struct pci_device *device, enum iommu_feature feature, bool on);
/* Let a device decode its registers and do DMA. */
void pci_enable(const struct pci_device *device);
/* Have a device send interrupts as this message, or, with address 0, raise its line instead. */
void pci_set_message(const struct pci_device *device, uint64_t address, uint32_t data);

/* --- edu.c: QEMU's educational device --------------------------------------------------------- */
#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

void edu_start(struct dma_device *device, const struct pci_device *pci);
/* Raise the device's interrupt line, wait until the interrupt was taken, and lower the line. */
void edu_pulse(struct interrupt_line *line);

/* --- pasid_device.c: a device with PASIDs (tests/system/pasid-device) ------------------------- */
void pasid_device_start(struct pasid_device *device, const struct pci_device *pci);

#endif
