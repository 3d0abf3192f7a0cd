/* SPDX-License-Identifier: BSD-2-Clause */
/* The "edu" device of QEMU: a buffer of 4 KiB and a DMA engine that copies from and to memory. */
#include "edu.h"
#include "access.h"
#include "host.h"

#define EDU_RAISE           0x60
#define EDU_ACKNOWLEDGE     0x64
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
	const struct pci_device *pci = device->data;
	const uint64_t registers = pci->bar0;

	write64(registers + EDU_DMA_SOURCE, source);
	write64(registers + EDU_DMA_DESTINATION, destination);
	write64(registers + EDU_DMA_COUNT, size);
	write64(registers + EDU_DMA_COMMAND, EDU_START | direction);
	while ((read64(registers + EDU_DMA_COMMAND) & EDU_START) != 0)
		;
}

static void edu_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	run(device, iova, EDU_BUFFER, size, 0);
}

static void edu_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	run(device, EDU_BUFFER, iova, size, EDU_TO_MEMORY);
}

static void edu_set_message(struct dma_device *device, uint64_t address, uint32_t data)
{
	if (!pci_set_message(device->data, address, data))
		console_text("the edu device sends no messages\n");
}

/* Its message is sent at once. */
static void edu_interrupt(struct dma_device *device)
{
	const struct pci_device *pci = device->data;

	write32(pci->bar0 + EDU_RAISE, 1);
	write32(pci->bar0 + EDU_ACKNOWLEDGE, 1);
}

void edu_start(struct dma_device *device, struct pci_device *pci)
{
	device->read = edu_read;
	device->write = edu_write;
	device->set_message = edu_set_message;
	device->interrupt = edu_interrupt;
	device->data = pci;
	device->info.source_id = pci->source_id;
}

void edu_start_both(struct pci_bridge *bridge, uint16_t port, struct dma_device *devices)
{
	static struct pci_device found[2];
	unsigned int i, count;

	count = pci_find(bridge, 0, EDU_VENDOR, EDU_DEVICE, found, port == 0 ? 2 : 1);
	if (port != 0)
		count += pci_find(bridge, pci_open_port(bridge, port), EDU_VENDOR, EDU_DEVICE,
				  &found[1], 1);
	if (count != 2)
		host_stop("two edu devices are needed");
	for (i = 0; i < 2; i++)
		edu_start(&devices[i], &found[i]);
	devices[0].info.name = "device A";
	devices[1].info.name = "device B";
}
