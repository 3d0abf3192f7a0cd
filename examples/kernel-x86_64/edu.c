/* SPDX-License-Identifier: BSD-2-Clause */
/* The "edu" device of QEMU: a buffer of 4 KiB and a DMA engine that copies from and to memory. */
#include "machine.h"

#define EDU_RAISE           0x60
#define EDU_ACKNOWLEDGE     0x64
#define EDU_DMA_SOURCE      0x80
#define EDU_DMA_DESTINATION 0x88
#define EDU_DMA_COUNT       0x90
#define EDU_DMA_COMMAND     0x98
#define EDU_BUFFER          0x40000

#define EDU_START           1
#define EDU_TO_MEMORY       2

static volatile uint64_t *register_at(const struct dma_device *device, uint32_t offset)
{
	return (volatile uint64_t *)device->data + offset / sizeof(uint64_t);
}

static void run(const struct dma_device *device, uint64_t source, uint64_t destination, size_t size,
		uint64_t direction)
{
	*register_at(device, EDU_DMA_SOURCE) = source;
	*register_at(device, EDU_DMA_DESTINATION) = destination;
	*register_at(device, EDU_DMA_COUNT) = size;
	*register_at(device, EDU_DMA_COMMAND) = EDU_START | direction;
	while ((*register_at(device, EDU_DMA_COMMAND) & EDU_START) != 0)
		__asm__ volatile("pause");
}

static void edu_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	run(device, iova, EDU_BUFFER, size, 0);
}

static void edu_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	run(device, EDU_BUFFER, iova, size, EDU_TO_MEMORY);
}

static volatile uint32_t *register32_at(const struct dma_device *device, uint32_t offset)
{
	return (volatile uint32_t *)device->data + offset / sizeof(uint32_t);
}

/* Raise an interrupt, give it time to arrive, and lower it. */
static void edu_interrupt(struct dma_device *device)
{
	unsigned int i;

	*register32_at(device, EDU_RAISE) = 1;
	for (i = 0; i < 1000; i++)
		__asm__ volatile("pause");
	*register32_at(device, EDU_ACKNOWLEDGE) = 1;
}

static void edu_set_message(struct dma_device *device, uint64_t address, uint32_t data)
{
	pci_set_message(device->info.host_data, address, data);
}

void edu_pulse(struct interrupt_line *line)
{
	struct dma_device *device = line->data;

	pci_set_message(device->info.host_data, 0, 0);
	edu_interrupt(device);
}

void edu_start(struct dma_device *device, const struct pci_device *pci)
{
	pci_enable(pci);
	device->read = edu_read;
	device->write = edu_write;
	device->set_message = edu_set_message;
	device->interrupt = edu_interrupt;
	device->info = pci->info;
	device->info.host_data = (void *)(uintptr_t)pci;
	device->data = physical(pci->bar0);
}
