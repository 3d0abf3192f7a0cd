/* SPDX-License-Identifier: BSD-2-Clause */
/* What a unit can do, as its capability registers say. */
#ifndef IOMMU_VTD_CAP_H
#define IOMMU_VTD_CAP_H

#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

struct vtd_capabilities {
	uint64_t cap, ecap;
	unsigned int version_major, version_minor;
	uint32_t domains;
	unsigned int sagaw;
	unsigned int guest_width; /* usable bits of a device address */
	uint64_t pgsize_bitmap;
	unsigned int max_address_mask;
	unsigned int fault_records;
	uint32_t fault_offset, iotlb_offset;
	uint64_t drain;               /* the drain bits for IOTLB descriptors */
	unsigned int max_handle_mask; /* interrupt entries of one invalidation, as a power of two */
	/* DMA; a unit that does not is there for interrupts alone. */
	bool translates;
	bool coherent, queue, registers, caching_mode, write_buffer, pass_through, page_selective;
	bool protected_memory, snoop_control, device_tlb, names_functions;
	bool interrupt_remapping, x2apic, posted_interrupts;
	bool counters; /* and the commands that they need */
	bool invalidates_on_root, invalidates_on_interrupts;
	/* Scalable mode, and what is there only in it. */
	bool scalable, first_stage, first_stage_5, second_stage, nested, dirty, pasids,
		page_requests;
	bool walks_snoop;
	unsigned int pasid_bits;
	uint64_t first_stage_sizes;
};

/* 0, or IOMMU_EIO when the registers cannot be those of a usable unit. */
int iommu_vtd_decode_capabilities(struct vtd_capabilities *caps, uint32_t version, uint64_t cap,
				  uint64_t ecap);

/* Bytes of register space that the capabilities point into. */
uint64_t iommu_vtd_register_space(const struct vtd_capabilities *caps);

#endif
