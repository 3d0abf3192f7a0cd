/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI device for QEMU that uses PASIDs, ATS and page requests, which no device of QEMU's own
 * does.
 *
 * It is a shared object that is loaded into QEMU's program before that starts (LD_PRELOAD, or the
 * loader's --preload), and registers a device type, "pasiddev". A test tool: never linked with the
 * library. What it does is in pasid_device.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pasid_device.h"
#include "qemu_interface.h"

#define CAPABILITY_EXPRESS 0x40
#define CAPABILITY_ATS     0x100
#define CAPABILITY_PASID   0x110
#define CAPABILITY_PRI     0x120

#define TLB_ENTRIES        64
#define SPACES             32
#define PAGE               0x1000ULL

struct device;

/* What the unit says about one PASID, or about requests without one. */
struct space {
	struct tlb_notifier invalidations; /* first: the notifier is found in its space */
	struct device *device;
	uint32_t pasid;
	bool has_notifier, has_responses;
};

struct device {
	struct page_response_notifier responses; /* first, too */
	struct pci_device *pci;
	struct memory_region *region;
	uint32_t registers[PASID_REG_BUFFER / 4];
	unsigned char buffer[PASID_DEVICE_BUFFER_SIZE];
	struct tlb_entry tlb[TLB_ENTRIES];
	unsigned int tlb_next;
	struct space spaces[SPACES];
	unsigned int space_count;
};

static uint32_t *reg(struct device *device, unsigned int offset)
{
	return &device->registers[offset / 4];
}

/* --- The device-TLB --------------------------------------------------------------------------- */

static void invalidated(struct tlb_notifier *notifier, struct tlb_entry *what)
{
	struct space *space = (struct space *)notifier;
	struct device *device = space->device;
	const uint64_t last = what->address | what->mask;
	unsigned int i;

	++*reg(device, PASID_REG_INVALIDATIONS);
	*reg(device, PASID_REG_INVALIDATED) = space->pasid;
	for (i = 0; i < TLB_ENTRIES; i++) {
		struct tlb_entry *entry = &device->tlb[i];

		if (entry->pasid == space->pasid && entry->address <= last &&
		    (entry->address | entry->mask) >= (what->address & ~what->mask))
			entry->permissions = 0;
	}
}

static void responded(struct page_response_notifier *notifier, struct page_response *response)
{
	struct device *device = (struct device *)notifier;

	++*reg(device, PASID_REG_RESPONSES);
	*reg(device, PASID_REG_RESPONSE_GROUP) = response->group;
	*reg(device, PASID_REG_RESPONSE_CODE) = (uint32_t)response->code;
}

/* The space of a PASID, in which the unit's messages are listened to; NULL: there is none left. */
static struct space *space_of(struct device *device, uint32_t pasid)
{
	struct space *space;
	unsigned int i;

	for (i = 0; i < device->space_count; i++)
		if (device->spaces[i].pasid == pasid)
			return &device->spaces[i];
	if (device->space_count == SPACES)
		return NULL;
	space = &device->spaces[device->space_count++];
	space->device = device;
	space->pasid = pasid;
	return space;
}

static bool listen_to_invalidations(struct space *space)
{
	struct pci_device *pci = space->device->pci;

	if (!space->has_notifier)
		space->has_notifier = pci_iommu_init_iotlb_notifier(pci, &space->invalidations,
								    invalidated, space) == 0 &&
				      pci_iommu_register_iotlb_notifier(pci, space->pasid,
									&space->invalidations) == 0;
	return space->has_notifier;
}

static const struct tlb_entry *find(const struct device *device, uint32_t pasid, uint64_t address,
				    int permission)
{
	unsigned int i;

	for (i = 0; i < TLB_ENTRIES; i++) {
		const struct tlb_entry *entry = &device->tlb[i];

		if ((entry->permissions & permission) != 0 && entry->pasid == pasid &&
		    (address & ~entry->mask) == entry->address)
			return entry;
	}
	return NULL;
}

/* A translation for the permission: one that is kept, or the unit's answer. NULL: refused. */
static const struct tlb_entry *translate(struct device *device, uint32_t pasid, uint64_t address,
					 bool is_write)
{
	const int permission = is_write ? 2 : 1;
	const struct tlb_entry *kept = find(device, pasid, address, permission);
	struct tlb_entry *entry = &device->tlb[device->tlb_next];
	struct tlb_entry answer;
	uint32_t refused = 0;

	if (kept != NULL)
		return kept;
	++*reg(device, PASID_REG_TRANSLATIONS);
	if (pci_ats_request_translation(device->pci, pasid, false, false, address & ~(PAGE - 1),
					PAGE, !is_write, &answer, 1, &refused) != 1 ||
	    (answer.permissions & permission) == 0)
		return NULL;
	device->tlb_next = (device->tlb_next + 1) % TLB_ENTRIES;
	*entry = answer;
	entry->address = address & ~answer.mask;
	entry->pasid = pasid;
	return entry;
}

/* --- Commands --------------------------------------------------------------------------------- */

static uint64_t address_of(struct device *device)
{
	return (uint64_t)*reg(device, PASID_REG_ADDRESS_HIGH) << 32 |
	       *reg(device, PASID_REG_ADDRESS_LOW);
}

static bool copy_plainly(struct device *device, uint64_t address, uint32_t size,
			 struct access_attributes attributes, bool is_write)
{
	return address_space_rw(pci_device_iommu_address_space(device->pci), address, attributes,
				device->buffer, size, is_write) == 0;
}

static struct access_attributes attributes_of(uint32_t pasid)
{
	return (struct access_attributes){pasid == NO_PASID ? ATTRIBUTES_UNSPECIFIED
							    : ATTRIBUTES_PROCESS(pasid)};
}

static bool copy_through_tlb(struct device *device, uint32_t pasid, uint64_t address, uint32_t size,
			     bool is_write)
{
	const struct access_attributes none = {0};
	uint32_t done = 0;

	while (done < size) {
		const uint64_t at = address + done;
		const uint64_t left = PAGE - (at & (PAGE - 1));
		const uint32_t piece = left < size - done ? (uint32_t)left : size - done;
		const struct tlb_entry *entry = translate(device, pasid, at, is_write);

		if (entry == NULL ||
		    address_space_rw((struct address_space *)address_space_memory,
				     (entry->translated & ~entry->mask) | (at & entry->mask), none,
				     device->buffer + done, piece, is_write) != 0)
			return false;
		done += piece;
	}
	return true;
}

static uint32_t copy(struct device *device, uint32_t command, uint32_t pasid, bool is_write)
{
	const uint32_t size = *reg(device, PASID_REG_SIZE);
	const struct access_attributes none = {0};
	const uint64_t address = address_of(device);
	struct space *space;
	bool passed;

	if (size > PASID_DEVICE_BUFFER_SIZE)
		return PASID_RESULT_ERROR;
	if ((command & PASID_IN_ATTRIBUTES) != 0) {
		if (pasid != NO_PASID && pasid > ATTRIBUTES_PROCESS_MAX)
			return PASID_RESULT_ERROR;
		passed = copy_plainly(device, address, size, attributes_of(pasid), is_write);
	} else if ((command & PASID_THROUGH_TLB) == 0) {
		/* QEMU has no space of plain requests with a PASID. */
		if (pasid != NO_PASID)
			return PASID_RESULT_ERROR;
		passed = copy_plainly(device, address, size, none, is_write);
	} else {
		space = space_of(device, pasid);
		if (space == NULL || !listen_to_invalidations(space))
			return PASID_RESULT_ERROR;
		passed = copy_through_tlb(device, pasid, address, size, is_write);
	}
	return passed ? PASID_RESULT_DONE : PASID_RESULT_REFUSED;
}

static uint32_t request_page(struct device *device, uint32_t command, uint32_t pasid)
{
	struct space *space = space_of(device, pasid);
	int status;

	if (space == NULL)
		return PASID_RESULT_ERROR;
	if (!space->has_responses)
		space->has_responses =
			pci_pri_register_notifier(device->pci, pasid, &device->responses) == 0;
	if (!space->has_responses)
		return PASID_RESULT_ERROR;
	status = pci_pri_request_page(
		device->pci, pasid, false, false, address_of(device),
		(command & PASID_REQUEST_LAST) != 0, (uint16_t)*reg(device, PASID_REG_GROUP),
		(command & PASID_REQUEST_READ) != 0, (command & PASID_REQUEST_WRITE) != 0);
	if (status == 0)
		return PASID_RESULT_DONE;
	return status == -ENOSPC ? PASID_RESULT_FULL : PASID_RESULT_REFUSED;
}

static uint32_t run(struct device *device, uint32_t command)
{
	const uint32_t pasid =
		(command & PASID_WITH_PASID) != 0 ? *reg(device, PASID_REG_PASID) : NO_PASID;

	switch (command & PASID_COMMAND_MASK) {
	case PASID_COMMAND_READ:
		return copy(device, command, pasid, false);
	case PASID_COMMAND_WRITE:
		return copy(device, command, pasid, true);
	case PASID_COMMAND_REQUEST:
		return request_page(device, command, pasid);
	default:
		return PASID_RESULT_ERROR;
	}
}

/* --- Registers -------------------------------------------------------------------------------- */

static uint64_t region_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct device *device = opaque;
	uint32_t value = 0;

	(void)size;
	if (offset < PASID_REG_BUFFER)
		return offset == PASID_REG_ID ? PASID_DEVICE_ID
					      : *reg(device, (unsigned int)offset);
	if (offset < PASID_REG_BUFFER + PASID_DEVICE_BUFFER_SIZE)
		memcpy(&value, &device->buffer[offset - PASID_REG_BUFFER], sizeof(value));
	return value;
}

static void region_write(void *opaque, uint64_t offset, uint64_t data, unsigned int size)
{
	struct device *device = opaque;
	const uint32_t value = (uint32_t)data;

	(void)size;
	if (offset == PASID_REG_COMMAND)
		*reg(device, PASID_REG_RESULT) = run(device, value);
	else if (offset < PASID_REG_BUFFER)
		*reg(device, (unsigned int)offset) = value;
	else if (offset < PASID_REG_BUFFER + PASID_DEVICE_BUFFER_SIZE)
		memcpy(&device->buffer[offset - PASID_REG_BUFFER], &value, sizeof(value));
}

static const struct region_ops region_ops = {
	.read = region_read,
	.write = region_write,
	.valid = {.min_size = 4, .max_size = 4},
	.impl = {.min_size = 4, .max_size = 4},
};

/* --- The type --------------------------------------------------------------------------------- */

/* Memory for a structure of QEMU's whose size is not known here: some hundred bytes. */
#define ROOM_FOR_REGION 8192

static void realize(struct pci_device *pci, void **error)
{
	struct device *device = calloc(1, sizeof(*device));
	struct memory_region *region = calloc(1, ROOM_FOR_REGION);

	(void)error;
	if (device == NULL || region == NULL) {
		fputs("pasiddev: no memory\n", stderr);
		exit(1);
	}
	device->responses.notify = responded;
	device->pci = pci;
	device->region = region;
	memory_region_init_io(region, pci, &region_ops, device, "pasiddev", PASID_DEVICE_SIZE);
	pci_register_bar(pci, 0, 0, region);
	if (pcie_endpoint_cap_init(pci, CAPABILITY_EXPRESS) < 0) {
		fputs("pasiddev: it must be on a PCI Express bus\n", stderr);
		exit(1);
	}
	pcie_ats_init(pci, CAPABILITY_ATS, true);
	pcie_pasid_init(pci, CAPABILITY_PASID, PASID_DEVICE_PASIDS, false, false);
	pcie_pri_init(pci, CAPABILITY_PRI, PASID_DEVICE_REQUESTS, true);
}

/*
 * The fields of a PCI class that a device sets. They follow four pointers, the first of which is
 * the function that realises a device; where they lie depends on the length of what is before
 * them, and is found by the ids of a device whose ids are known.
 */
struct class_fields {
	void (*realize)(struct pci_device *pci, void **error);
	void *others[3];
	uint16_t vendor, device;
	uint8_t revision;
	uint16_t class;
};

#define KNOWN_NAME   "edu"
#define KNOWN_VENDOR 0x1234
#define KNOWN_DEVICE 0x11e8
#define KNOWN_CLASS  0x00ff
#define CLASS_SIZE   512 /* more than a PCI class's part before the fields has */

static size_t fields_offset(void)
{
	const unsigned char *known = object_class_by_name(KNOWN_NAME);
	size_t offset;

	for (offset = 0; known != NULL && offset < CLASS_SIZE; offset += sizeof(void *)) {
		struct class_fields fields;

		memcpy(&fields, known + offset, sizeof(fields));
		if (fields.vendor == KNOWN_VENDOR && fields.device == KNOWN_DEVICE &&
		    fields.class == KNOWN_CLASS)
			return offset;
	}
	fputs("pasiddev: this QEMU's PCI classes are not as this device knows them\n", stderr);
	exit(1);
}

static void class_init(void *class, const void *data)
{
	struct class_fields *fields =
		(struct class_fields *)(void *)((unsigned char *)class + fields_offset());

	(void)data;
	fields->realize = realize;
	fields->vendor = PASID_DEVICE_VENDOR;
	fields->device = PASID_DEVICE_DEVICE;
	fields->class = KNOWN_CLASS;
}

static const struct interface_info interfaces[] = {{"pci-express-device"}, {NULL}};

static const struct type_info type = {
	.name = "pasiddev",
	.parent = "pci-device",
	.class_init = class_init,
	.interfaces = interfaces,
};

static void register_type(void)
{
	type_register_static(&type);
}

/* Before QEMU's main function. */
__attribute__((constructor)) static void start(void)
{
	register_module_init(register_type, STAGE_AFTER_TYPES);
}
