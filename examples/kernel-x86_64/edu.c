/* SPDX-License-Identifier: BSD-2-Clause */
/* The "edu" device of QEMU: a buffer of 4 KiB and a DMA engine that copies from and to memory. */
#include "machine.h"

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

void edu_start(struct dma_device *device, const struct pci_device *pci)
{
	pci_enable(pci);
	device->read = edu_read;
	device->write = edu_write;
	device->data = physical(pci->bar0);
	device->info.segment = 0;
	device->info.source_id = (uint16_t)(pci->bus << 8 | pci->device << 3 | pci->function);
	device->info.root_bus = 0;
	device->info.path_length = pci->path_length;
	__builtin_memcpy(device->info.path, pci->path, sizeof(pci->path));
}
