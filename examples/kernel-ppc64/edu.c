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

static void run(const struct dma_device *device, uint64_t source, uint64_t destination, size_t size,
		uint64_t direction)
{
	const struct edu *edu = device->data;
	struct machine *machine = edu->machine;
	const uint64_t registers = edu->pci.bar0;

	machine->write(machine, registers + EDU_DMA_SOURCE, source);
	machine->write(machine, registers + EDU_DMA_DESTINATION, destination);
	machine->write(machine, registers + EDU_DMA_COUNT, size);
	machine->write(machine, registers + EDU_DMA_COMMAND, EDU_START | direction);
	while ((machine->read(machine, registers + EDU_DMA_COMMAND) & EDU_START) != 0)
		;
	/* Reads of what the device has written come after this. */
	__asm__ volatile("sync" ::: "memory");
}

static void edu_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	run(device, iova, EDU_BUFFER, size, 0);
}

static void edu_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	run(device, EDU_BUFFER, iova, size, EDU_TO_MEMORY);
}

void edu_start(struct dma_device *device, struct edu *edu)
{
	device->read = edu_read;
	device->write = edu_write;
	device->data = edu;
	device->info.source_id = edu->pci.source_id;
}
