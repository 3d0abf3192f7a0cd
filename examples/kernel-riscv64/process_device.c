/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of the test device of tests/system/pasid-device, by its requests with process ids. */
#include "machine.h"
#include "pasid_device.h"

static bool process_device_copy(struct riscv_process_device *device, uint32_t process,
				iommu_iova_t iova, size_t size, bool to_memory)
{
	const uint64_t registers = (uint64_t)(uintptr_t)device->data;

	write32(registers + PASID_REG_PASID, process);
	write32(registers + PASID_REG_ADDRESS_LOW, (uint32_t)iova);
	write32(registers + PASID_REG_ADDRESS_HIGH, (uint32_t)(iova >> 32));
	write32(registers + PASID_REG_SIZE, (uint32_t)size);
	write32(registers + PASID_REG_COMMAND,
		(to_memory ? PASID_COMMAND_WRITE : PASID_COMMAND_READ) | PASID_IN_ATTRIBUTES |
			(process != 0 ? PASID_WITH_PASID : 0));
	return read32(registers + PASID_REG_RESULT) == PASID_RESULT_DONE;
}

void process_device_start(struct riscv_process_device *device, const struct pci_device *pci)
{
	device->info.source_id = pci->source_id;
	device->data = (void *)(uintptr_t)pci->bar0;
	device->copy = process_device_copy;
	if (read32(pci->bar0 + PASID_REG_ID) != PASID_DEVICE_ID)
		console_text("the device with PASIDs has other registers than this driver\n");
}
