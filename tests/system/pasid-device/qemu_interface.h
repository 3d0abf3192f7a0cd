/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device uses of QEMU 11: functions that its program exports, and the few structures that
 * pass between the two. Own declarations, from the facts of QEMU's interface, so that the device is
 * compiled without QEMU's source.
 *
 * Structures of QEMU that the device only passes on are opaque, and none is embedded: their sizes
 * may change. Where a class's fields lie is measured from a class of known contents, see
 * class_fields. What cannot be measured is as it has been in all versions that have these
 * functions; were it otherwise, the kernel's first steps would fail.
 */
#ifndef QEMU_INTERFACE_H
#define QEMU_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* --- Objects ---------------------------------------------------------------------------------- */

struct interface_info {
	const char *type;
};

struct type_info {
	const char *name;
	const char *parent;
	size_t instance_size; /* 0: the parent's */
	size_t instance_align;
	void (*instance_init)(void *object);
	void (*instance_post_init)(void *object);
	void (*instance_finalize)(void *object);
	bool abstract;
	size_t class_size; /* 0: the parent's */
	void (*class_init)(void *class, const void *data);
	void (*class_base_init)(void *class, const void *data);
	const void *class_data;
	const struct interface_info *interfaces;
};

/* The stage of QEMU's start that follows the one at which it registers its own types. */
#define STAGE_AFTER_TYPES 0

void register_module_init(void (*function)(void), int stage);
void *type_register_static(const struct type_info *info);
void *object_class_by_name(const char *name);

/* --- Memory ----------------------------------------------------------------------------------- */

/*
 * Attributes of an access: 0 is an access without any, by an untranslated address. In the byte
 * order of the little-endian machine that QEMU runs on.
 */
struct access_attributes {
	uint64_t bits;
};
#define ATTRIBUTES_PROCESS(id) ((uint64_t)(id) << 22)
#define ATTRIBUTES_PROCESS_MAX 0xffU
#define ATTRIBUTES_UNSPECIFIED (1ULL << 32) /* no process either */

struct region_ops {
	uint64_t (*read)(void *opaque, uint64_t address, unsigned int size);
	void (*write)(void *opaque, uint64_t address, uint64_t data, unsigned int size);
	void *read_with_attributes, *write_with_attributes;
	int endianness; /* 0: the processor's */
	struct {
		unsigned int min_size, max_size;
		bool unaligned;
		void *accepts;
	} valid;
	struct {
		unsigned int min_size, max_size;
		bool unaligned;
	} impl;
};

struct memory_region;
struct address_space;

/* All of memory, as the processor sees it: data, of a type that is opaque here. */
extern char address_space_memory[];

void memory_region_init_io(struct memory_region *region, void *owner, const struct region_ops *ops,
			   void *opaque, const char *name, uint64_t size);
/* Returns 0, or why the access failed. */
int address_space_rw(struct address_space *space, uint64_t address,
		     struct access_attributes attributes, void *buffer, uint64_t size,
		     bool is_write);

/* --- PCI -------------------------------------------------------------------------------------- */

struct pci_device;

void pci_register_bar(struct pci_device *device, int number, uint8_t type,
		      struct memory_region *region);
int pcie_endpoint_cap_init(struct pci_device *device, uint8_t offset);
void pcie_ats_init(struct pci_device *device, uint16_t offset, bool page_aligned);
void pcie_pasid_init(struct pci_device *device, uint16_t offset, uint8_t bits, bool execute,
		     bool privileged);
void pcie_pri_init(struct pci_device *device, uint16_t offset, uint32_t requests,
		   bool responses_with_pasid);
/* The space of requests without a PASID, before translation. */
struct address_space *pci_device_iommu_address_space(struct pci_device *device);

/* In place of a PASID: none. */
#define NO_PASID UINT32_MAX

/* A translation, and with the permissions 0 an invalidation. */
struct tlb_entry {
	struct address_space *target;
	uint64_t address;
	uint64_t translated;
	uint64_t mask;   /* the page's size, less 1 */
	int permissions; /* 1 read, 2 write */
	uint32_t pasid;
};

/* Returns the number of entries, or a negative error. *refused: parts without the permission. */
ssize_t pci_ats_request_translation(struct pci_device *device, uint32_t pasid, bool privileged,
				    bool execute, uint64_t address, size_t size, bool no_write,
				    struct tlb_entry *entries, size_t space, uint32_t *refused);

/* Longer than QEMU's own, whose fields are its alone. */
struct tlb_notifier {
	uint64_t words[32];
};

int pci_iommu_init_iotlb_notifier(struct pci_device *device, struct tlb_notifier *notifier,
				  void (*notify)(struct tlb_notifier *, struct tlb_entry *),
				  void *opaque);
int pci_iommu_register_iotlb_notifier(struct pci_device *device, uint32_t pasid,
				      struct tlb_notifier *notifier);

struct page_response {
	int code; /* 0 success, 1 invalid, otherwise failure */
	uint16_t group;
};

struct page_response_notifier {
	void (*notify)(struct page_response_notifier *notifier, struct page_response *response);
};

int pci_pri_register_notifier(struct pci_device *device, uint32_t pasid,
			      struct page_response_notifier *notifier);
/* Returns 0, or a negative error: the request was not taken. */
int pci_pri_request_page(struct pci_device *device, uint32_t pasid, bool privileged, bool execute,
			 uint64_t address, bool is_last, uint16_t group, bool read, bool write);

#endif
