/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of the test device of tests/system/pasid-device. */
#include "pasid_device.h"
#include "machine.h"

static volatile uint32_t *register_at(const struct pasid_device *device, uint32_t offset)
{
	return (volatile uint32_t *)device->data + offset / sizeof(uint32_t);
}

static enum pasid_outcome run(const struct pasid_device *device, const struct pasid_access *access,
			      uint32_t command)
{
	*register_at(device, PASID_REG_PASID) = access->pasid;
	*register_at(device, PASID_REG_ADDRESS_LOW) = (uint32_t)access->iova;
	*register_at(device, PASID_REG_ADDRESS_HIGH) = (uint32_t)(access->iova >> 32);
	*register_at(device, PASID_REG_COMMAND) = command |
						  (access->has_pasid ? PASID_WITH_PASID : 0) |
						  (access->through_tlb ? PASID_THROUGH_TLB : 0);
	switch (*register_at(device, PASID_REG_RESULT)) {
	case PASID_RESULT_DONE:
		return PASID_DONE;
	case PASID_RESULT_REFUSED:
		return PASID_REFUSED;
	case PASID_RESULT_FULL:
		return PASID_FULL;
	default:
		return PASID_BROKEN;
	}
}

static enum pasid_outcome device_copy(struct pasid_device *device,
				      const struct pasid_access *access, size_t size,
				      bool to_memory)
{
	*register_at(device, PASID_REG_SIZE) = (uint32_t)size;
	return run(device, access, to_memory ? PASID_COMMAND_WRITE : PASID_COMMAND_READ);
}

static enum pasid_outcome device_request(struct pasid_device *device,
					 const struct pasid_access *access, unsigned int prot,
					 uint16_t group, bool is_last)
{
	*register_at(device, PASID_REG_GROUP) = group;
	return run(device, access,
		   PASID_COMMAND_REQUEST |
			   ((prot & IOMMU_PROT_READ) != 0 ? PASID_REQUEST_READ : 0) |
			   ((prot & IOMMU_PROT_WRITE) != 0 ? PASID_REQUEST_WRITE : 0) |
			   (is_last ? PASID_REQUEST_LAST : 0));
}

static void device_look(struct pasid_device *device, struct pasid_device_state *state)
{
	*state = (struct pasid_device_state){
		.responses = *register_at(device, PASID_REG_RESPONSES),
		.response_group = *register_at(device, PASID_REG_RESPONSE_GROUP),
		.response_code = *register_at(device, PASID_REG_RESPONSE_CODE),
		.invalidations = *register_at(device, PASID_REG_INVALIDATIONS),
		.invalidated = *register_at(device, PASID_REG_INVALIDATED),
		.translations = *register_at(device, PASID_REG_TRANSLATIONS),
	};
}

static void device_set_feature(struct pasid_device *device, enum iommu_feature feature, bool on)
{
	pci_set_feature(device->info.host_data, feature, on);
}

void pasid_device_start(struct pasid_device *device, const struct pci_device *pci)
{
	pci_enable(pci);
	device->info = pci->info;
	device->info.host_data = (void *)(uintptr_t)pci;
	device->data = physical(pci->bar0);
	device->copy = device_copy;
	device->request = device_request;
	device->look = device_look;
	device->set_feature = device_set_feature;
	if (*register_at(device, PASID_REG_ID) != PASID_DEVICE_ID)
		console_text("the device with PASIDs has other registers than this driver\n");
}
