/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Intel VT-d back end: finding the units of a machine, and facts that only VT-d has.
 *
 * Legacy mode: root and context entries by bus, device and function, second-stage page tables.
 * Units are driven as the VT-d specification describes, through queued invalidation where the unit
 * has it and through registers where it does not.
 */
#ifndef LIBIOMMU_VTD_H
#define LIBIOMMU_VTD_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>

IOMMU_BEGIN_DECLS

enum iommu_vtd_flags {
	/* Invalidate through registers even where the unit has a queue. For hosts in doubt of it.
	 */
	IOMMU_VTD_REGISTER_INVALIDATION = 1 << 0,
};

struct iommu_vtd_options {
	/* enum iommu_vtd_flags */
	unsigned int flags;
	/* How long to wait for a unit to confirm a command or an invalidation; 0: one second. */
	uint64_t timeout_ns;
};

/*
 * iommu_vtd_probe - find the units that a DMAR table describes and register them, disabled.
 *
 * @dmar, @size: the ACPI table (see iommu_dmar_open). Copied.
 * @options:     NULL means all zero.
 *
 * All or nothing. The units are named dmar0, dmar1, … in table order. Returns 0, or
 *   IOMMU_EINVAL     the table is broken (see iommu_dmar_open)
 *   IOMMU_ENODEV     it describes no unit: an ordinary answer on machines without VT-d
 *   IOMMU_EIO        a unit has no register address or does not answer with sensible capabilities.
 *                    Nothing is enabled then, rather than leaving the devices behind it unprotected
 *                    while the host believes otherwise
 *   IOMMU_EFAULT     the host cannot map a unit's registers
 *   IOMMU_EBUSY      the instance has VT-d units already
 *   IOMMU_ENOMEM
 */
IOMMU_API int iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
			      const struct iommu_vtd_options *options);

/* What a unit can do, in units that people use. */
struct iommu_vtd_info {
	iommu_paddr_t register_base;
	unsigned int version_major, version_minor;
	uint64_t capability, extended_capability; /* the registers as they are */
	uint32_t domains;                         /* domain ids, the unusable id 0 included */
	unsigned int address_width;               /* widest domain, in bits */
	unsigned int output_width;                /* of physical addresses, in bits */
	uint64_t pgsize_bitmap;
	bool coherent; /* walks snoop the CPU caches */
	bool queued;   /* invalidation goes through the queue */
	bool caching_mode;
	bool pass_through;
	bool page_selective; /* IOTLB invalidation of single pages */
	unsigned int fault_records;
};

/* iommu_vtd_get_info - IOMMU_EINVAL when the unit is not of this back end. Any context. */
IOMMU_API int iommu_vtd_get_info(const struct iommu_unit *unit, struct iommu_vtd_info *info);

/* The structures that lead hardware from an endpoint's source id to its page table. */
struct iommu_vtd_tables {
	iommu_paddr_t root_table;
	uint64_t root_entry; /* low word; 0: no context table for this bus */
	iommu_paddr_t context_table;
	uint64_t context_low, context_high;
};

/* iommu_vtd_get_tables - for a debugger or a person; IOMMU_EINVAL when not of this back end. */
IOMMU_API int iommu_vtd_get_tables(const struct iommu_endpoint *endpoint,
				   struct iommu_vtd_tables *tables);

/*
 * iommu_vtd_fault_name, iommu_vtd_fault_explanation - a fault reason in words; static strings,
 * never NULL. (VT-d specification, "Fault Conditions".)
 */
IOMMU_API const char *iommu_vtd_fault_name(unsigned int reason);
IOMMU_API const char *iommu_vtd_fault_explanation(unsigned int reason);

IOMMU_END_DECLS
#endif
