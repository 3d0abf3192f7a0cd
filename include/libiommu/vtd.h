/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Intel VT-d back end: finding the units of a machine, turning them on together, and what only
 * VT-d has. Interrupt remapping: <libiommu/vtd_interrupt.h>.
 *
 * Legacy mode: root and context entries by bus, device and function, second-stage page tables.
 * Scalable mode, where a unit has it: PASIDs, first and second stage, nested, dirty bits. Both are
 * used side by side, unit by unit. Units are driven as the VT-d specification describes, through
 * queued invalidation where the unit has it and through registers where it does not.
 *
 * Locking: all but the look-ups are control path, see <libiommu/endpoint.h>.
 */
#ifndef LIBIOMMU_VTD_H
#define LIBIOMMU_VTD_H

#include <libiommu/backend.h>
#include <libiommu/endpoint.h>
#include <libiommu/instance.h>

IOMMU_BEGIN_DECLS

enum iommu_vtd_flags {
	/*
	 * Invalidate through registers even where the unit has a queue. For hosts in doubt of it.
	 * Not where the unit was left on in scalable mode, which has only the queue.
	 */
	IOMMU_VTD_REGISTER_INVALIDATION = 1 << 0,
	/*
	 * Units that are on when they are found were left so by a kernel that died, with DMA under
	 * way: copy what leads to their page tables, and go on with those where they lie. Only for
	 * a kernel whose memory does not overlap the old one's, as a crash kernel's does not: the
	 * old page tables are in use until the first attach of each endpoint, or of a PASID of it,
	 * which replaces all that the endpoint has of before. What cannot be copied is blocked.
	 * Units with nothing known behind them, and those that IOMMU_VTD_BYPASS_GRAPHICS names, are
	 * taken over like all others. A unit stays in the mode that it is in. When bring-up fails,
	 * a unit that is taken over goes on translating; the host may try again.
	 *
	 * Without this flag everything of before goes: units that are used are not turned off for
	 * that, but get the new tables while they translate, so that no access passes untranslated;
	 * only one that was left in legacy mode and is to be used in scalable mode has to be off in
	 * between, and one that nothing is behind, or that is bypassed, is turned off. Remapping of
	 * interrupts goes off at once, with the flag when it is enabled or disabled.
	 */
	IOMMU_VTD_TAKE_OVER = 1 << 1,
	/*
	 * Leave units alone that have nothing but display devices behind them: their DMA is not
	 * restricted, and only identity domains can be attached. What was left on of such a unit
	 * goes off, and its protected memory is opened.
	 */
	IOMMU_VTD_BYPASS_GRAPHICS = 1 << 2,
	/* Bridges to ISA or LPC reach the first 16 MiB of memory while nothing is attached. */
	IOMMU_VTD_ISA_WINDOW = 1 << 3,
	/* Legacy mode even where the unit has scalable mode, unless it was left on in that. */
	IOMMU_VTD_LEGACY_MODE = 1 << 4,
};

/* For iommu_vtd_options.faults_per_second: a device may then keep a CPU busy with its faults. */
#define IOMMU_VTD_FAULTS_UNBOUNDED 0xffffffffU

/* What the host says to a region that firmware claims for a device. */
enum iommu_vtd_region_answer {
	/*
	 * Refused for an endpoint that is untrusted, and where all regions of the device together
	 * are larger than 256 MiB, or for a display device 4 GiB; else accepted.
	 */
	IOMMU_VTD_REGION_DEFAULT = 0,
	IOMMU_VTD_REGION_ACCEPT, /* also where that would refuse it */
	IOMMU_VTD_REGION_REFUSE,
};

struct iommu_vtd_options {
	/* enum iommu_vtd_flags */
	unsigned int flags;
	/*
	 * How long to wait for a unit to confirm a command or an invalidation of what it caches
	 * itself. 0: one second, some thousand times of what units need; a wait spins. After one
	 * that was in vain the unit is left alone: later calls answer IOMMU_ETIMEDOUT at once,
	 * until the unit has answered everything that it was asked, or an attach, enable or resume
	 * has restarted its queue.
	 */
	uint64_t timeout_ns;
	/*
	 * The most faults of a unit that are reported in a second of the host's clock; the rest is
	 * cleared, and counts as lost. 0: 1000. A host without a clock has no bound.
	 */
	unsigned int faults_per_second;
	/*
	 * For IOMMU_VTD_TAKE_OVER: is there memory at a physical address? Old tables may say
	 * anything, and what they name is read: root, context, PASID directories and tables, each
	 * after this has been asked for each of its pages. Page tables are only asked for by their
	 * root. NULL: every address below the machine's width can be read.
	 */
	bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *is_memory_ctx;
	/*
	 * The most pages that copies take, of all units together: one for each bus, or half of one,
	 * that has devices, and in scalable mode two for most devices. What is beyond is blocked.
	 * 0: 4096.
	 */
	uint64_t inherited_pages_max;
	/*
	 * The same while a device behind the unit is being asked to invalidate its TLB, which holds
	 * up all requests behind it. PCIe (ATS, "Invalidate Completion") gives a device one minute,
	 * plus half of that; the unit itself tells of one that takes longer. 0: timeout_ns if that
	 * is given, otherwise 90 seconds, so that a slow device makes no unmap of another domain
	 * fail.
	 */
	uint64_t device_timeout_ns;
	/*
	 * Firmware claims memory [*start, *last] for a device, which then reaches it as long as
	 * nothing is attached, and wherever firmware's regions are kept (<libiommu/region.h>). May
	 * such a claim be believed? The host may make it smaller, by whole pages. Asked once for
	 * each region when the endpoint is probed, in the control path; each answer is logged.
	 * NULL: IOMMU_VTD_REGION_DEFAULT.
	 *
	 * Never accepted, whatever the answer: what the unit cannot address, what overlaps the
	 * interrupt window, a unit's registers, or a page that is one of the library's tables; a
	 * page that a device reaches so does not become one later. The device is blocked from a
	 * region that was not accepted; everything else about it, and all other devices, are as
	 * they would be without that claim.
	 */
	enum iommu_vtd_region_answer (*firmware_region)(void *ctx,
							const struct iommu_endpoint_info *endpoint,
							iommu_paddr_t *start, iommu_paddr_t *last);
	void *firmware_region_ctx;
	/*
	 * The NUMA node of a proximity domain of ACPI, by which firmware says where a unit is
	 * (RHSA): its root, context and interrupt tables, its queues, and the page tables of
	 * domains that are made for it come from there, unless the endpoint's node is known. NULL:
	 * the number as it is.
	 */
	int (*node_of)(void *ctx, uint32_t proximity_domain);
	void *node_of_ctx;
};

/*
 * iommu_vtd_probe - find the units that a DMAR table describes and register them, disabled.
 *
 * @dmar, @size: the ACPI table (see iommu_dmar_open). Copied.
 * @options:     NULL means all zero.
 *
 * All or nothing. The units are named dmar0, dmar1, … in table order. A unit that knows no depth of
 * table remaps interrupts only: it is registered, and left out of iommu_vtd_enable; DMA behind it
 * is not restricted, so probing an endpoint there is IOMMU_ENODEV, and enabling the unit or making
 * a domain on it IOMMU_EOPNOTSUPP. Returns 0, or
 *   IOMMU_EINVAL     the table is broken (see iommu_dmar_open)
 *   IOMMU_ENODEV     it describes no unit: an ordinary answer on machines without VT-d
 *   IOMMU_EIO        a unit has no register address, or registers that are another unit's, too (in
 *                    whatever segment), or does not answer with sensible capabilities.
 *                    Nothing is enabled then, rather than leaving the devices behind it unprotected
 *                    while the host believes otherwise
 *   IOMMU_EFAULT     the host cannot map a unit's registers
 *   IOMMU_EBUSY      the instance has VT-d units already
 *   IOMMU_ENOMEM
 */
IOMMU_API int iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
			      const struct iommu_vtd_options *options);

/*
 * iommu_vtd_enable - turn all units on, step by step together, as some chipsets want it: every
 * queue works before any root table is set.
 *
 * Call it when the devices that are there have been probed. Units that no endpoint is behind, and
 * that do not take the rest of their segment, are left off, and turned off where a kernel before
 * this one left them on; they are enabled when they get one.
 * Returns 0, also when no endpoint is known and nothing was turned on, which is logged:
 * iommu_translating tells; IOMMU_ENODEV: iommu_vtd_probe has found none; or the error of the step
 * that failed, as iommu_unit_enable: everything is off again, and iommu_vtd_get_info names the
 * step.
 */
IOMMU_API int iommu_vtd_enable(struct iommu *iommu);

/*
 * VT-d among other back ends (see <libiommu/backend.h>), under the name "vtd": detected where the
 * table describes a unit; early_init is iommu_vtd_probe, late_init iommu_vtd_enable.
 *
 * iommu_vtd_backend_init - fill in the caller's structure. @dmar: stays the caller's, and is needed
 * until iommu_start has returned; NULL: the machine has none. @options: as iommu_vtd_probe; copied.
 */
struct iommu_vtd_backend {
	struct iommu_backend base;
	const void *dmar;
	size_t size;
	struct iommu_vtd_options options;
};
IOMMU_API void iommu_vtd_backend_init(struct iommu_vtd_backend *backend, const void *dmar,
				      size_t size, const struct iommu_vtd_options *options);

/*
 * iommu_vtd_add_units - units that came with a host bridge at run time.
 *
 * @structures, @size: remapping structures as the bridge's _DSM returns them, DRHDs first. Copied.
 *
 * The new units are registered, disabled, all or none; where interrupts are remapped, they begin to
 * do that, too. Errors as iommu_vtd_probe and, where interrupts are remapped,
 * iommu_vtd_interrupts_enable; IOMMU_ENODEV: iommu_vtd_probe has found none; IOMMU_EEXIST: a unit
 * at that address is known. IOMMU_EINVAL also when there is a structure that cannot be added (a
 * reserved region).
 */
IOMMU_API int iommu_vtd_add_units(struct iommu *iommu, const void *structures, size_t size);

/*
 * iommu_vtd_remove_unit - disable a unit and forget it.
 *
 * No map or unmap that began before its last endpoint was released may still be running. Returns 0;
 * IOMMU_EBUSY while it has endpoints, released ones that a driver or a holder has not let go of
 * included, or interrupt entries, or is the last one; IOMMU_EINVAL: not of this back end; or
 * IOMMU_ETIMEDOUT, when it does not confirm that it is off: it then stays.
 * IOMMU_EIO: it reported an error, or is gone.
 */
IOMMU_API int iommu_vtd_remove_unit(struct iommu_unit *unit);

/*
 * iommu_vtd_set_fault_interrupt - have the unit send this message (an MSI's address and data, not
 * remapped) when it has recorded a fault; the host then calls iommu_unit_handle_faults.
 * iommu_vtd_mask_fault_interrupt - no longer. Both take effect at once and survive disable, enable,
 * suspend and resume. IOMMU_EINVAL: not of this back end, or address is none of an interrupt.
 */
IOMMU_API int iommu_vtd_set_fault_interrupt(struct iommu_unit *unit, uint64_t address,
					    uint32_t data);
IOMMU_API int iommu_vtd_mask_fault_interrupt(struct iommu_unit *unit);

/*
 * iommu_vtd_set_page_request_interrupt, iommu_vtd_mask_page_request_interrupt - the same for page
 * requests, which the host then has reported with iommu_unit_handle_page_requests
 * (<libiommu/page_request.h>). IOMMU_EOPNOTSUPP: the unit has none; IOMMU_EINVAL: it is none of
 * this back end, or the address is none of an interrupt.
 */
IOMMU_API int iommu_vtd_set_page_request_interrupt(struct iommu_unit *unit, uint64_t address,
						   uint32_t data);
IOMMU_API int iommu_vtd_mask_page_request_interrupt(struct iommu_unit *unit);

/*
 * iommu_vtd_find_named - the segment and source id of a device that is no PCI function, by its ACPI
 * path; its endpoint is probed with these. IOMMU_ENOENT: firmware names none, or by a path through
 * bridges that the topology (iommu_set_pci_topology) does not show. Any context, but not while the
 * topology changes.
 */
IOMMU_API int iommu_vtd_find_named(struct iommu *iommu, const char *acpi_path, uint16_t *segment,
				   uint16_t *source_id);

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
	bool snoop_control;
	bool device_tlb;
	bool scalable; /* it is used in scalable mode; the rest of this line only holds then: */
	bool first_stage, second_stage, nested, dirty_tracking, page_requests;
	unsigned int pasid_bits; /* 0: it knows no PASIDs */
	bool interrupt_remapping, x2apic, posted_interrupts;
	unsigned int fault_records;
	bool bypassed;          /* see IOMMU_VTD_BYPASS_GRAPHICS */
	unsigned int inherited; /* domain ids of a kernel before us that are still in use */
	const char *failure;    /* the step of the last bring-up that failed, or NULL */
	bool interrupts_only;   /* it does not translate DMA: see iommu_vtd_probe */
};

/* iommu_vtd_get_info - IOMMU_EINVAL when the unit is not of this back end. Any context. */
IOMMU_API int iommu_vtd_get_info(const struct iommu_unit *unit, struct iommu_vtd_info *info);

/* --- Scalable mode ---------------------------------------------------------------------------- */

enum iommu_vtd_first_stage_flags {
	IOMMU_VTD_PRIVILEGED = 1 << 0,    /* privileged requests are served, too */
	IOMMU_VTD_WRITE_PROTECT = 1 << 1, /* … and obey write protection */
	IOMMU_VTD_NO_EXECUTE = 1 << 2,    /* entries have execute-disable */
};

/*
 * iommu_domain_config.user_data of IOMMU_DOMAIN_SVA and IOMMU_DOMAIN_NESTED: a first-stage table,
 * which is that of an x86-64 processor, that the library does not own: the host does, which says
 * with iommu_domain_invalidate_range what it has changed; or a guest, whose addresses the parent
 * translates, and whose invalidations come with iommu_domain_invalidate_user. A larger structure,
 * of a page at most, must go on with zeros.
 *
 * Entries are as the processor has them: requests of a device are a user's unless they have a PASID
 * and say otherwise, so that every entry on the way needs its user bit, or the access is a fault
 * (reason 81h).
 */
struct iommu_vtd_first_stage {
	uint64_t table;      /* physical, or guest physical; of a page */
	unsigned int levels; /* 4 or 5 */
	unsigned int flags;  /* enum iommu_vtd_first_stage_flags */
};

#define IOMMU_VTD_LEAVES_ONLY 1U /* no table has changed */

/*
 * A request of iommu_domain_invalidate_user. A larger one must go on with zeros: IOMMU_EOPNOTSUPP
 * otherwise, as for unknown flags and what is reserved. IOMMU_EINVAL: no pages, an address that is
 * none of a page; IOMMU_EOVERFLOW: the range wraps.
 */
struct iommu_vtd_invalidation {
	uint64_t address;  /* of a page */
	uint64_t pages;    /* of 4 KiB; UINT64_MAX with address 0: everything */
	uint32_t flags;    /* IOMMU_VTD_LEAVES_ONLY */
	uint32_t reserved; /* 0 */
};

/* The structures that lead hardware from an endpoint's source id to its page table. */
struct iommu_vtd_tables {
	iommu_paddr_t root_table;
	uint64_t root_entry; /* the word for its bus; 0: that has no context table */
	iommu_paddr_t context_table;
	uint64_t context_low, context_high;
	/* Scalable mode: the words that are used, of the entry for requests without a PASID. */
	uint64_t pasid_entry[3];
};

/*
 * iommu_vtd_get_tables - for a debugger or a person. Returns 0, IOMMU_EINVAL (not of this back
 * end), or IOMMU_ENODEV (it was released).
 */
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
