/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Intel VT-d back end: finding and enabling the units of a machine, and functions specific to
 * VT-d. Interrupt remapping: <libiommu/vtd_interrupt.h>.
 *
 * Legacy mode: root and context entries by bus, device and function, second-stage page tables.
 * Scalable mode, if the unit supports it: PASIDs, first and second stage, nested translation, dirty
 * bits. The mode is chosen for each unit. Units are driven as the VT-d specification describes,
 * through queued invalidation if the unit has it, otherwise through registers.
 *
 * Locking: all functions except getters are control path, see <libiommu/endpoint.h>.
 */
#ifndef LIBIOMMU_VTD_H
#define LIBIOMMU_VTD_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/pci.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

enum iommu_vtd_flags {
	/*
	 * Invalidate through registers even if the unit has a queue: for hosts that do not trust
	 * it. No effect on a unit that was left enabled in scalable mode, which has only the queue.
	 */
	IOMMU_VTD_REGISTER_INVALIDATION = 1 << 0,
	/*
	 * Units that are enabled when they are found were left so by a kernel that crashed, with
	 * DMA in progress: the structures that lead to their page tables are copied, and the page
	 * tables are used where they are. Only for a kernel whose memory does not overlap the old
	 * one's, such as a crash kernel. The old page tables are used until the first attach of
	 * each endpoint, or of one of its PASIDs, which replaces everything that the endpoint has
	 * inherited. What cannot be copied is blocked. Units without known endpoints, and those of
	 * IOMMU_VTD_BYPASS_GRAPHICS, are taken over like all others. A unit remains in its mode. If
	 * enabling fails, a unit that was taken over continues to translate; the host may try
	 * again.
	 *
	 * Without this flag nothing is inherited: units that are used are not disabled for that,
	 * but get the new tables while they translate, so that no access passes untranslated. Only
	 * a unit that was left in legacy mode and is to be used in scalable mode has to be disabled
	 * in between, and a unit without endpoints, or a bypassed one, is disabled. Interrupt
	 * remapping is disabled at once; with the flag, when it is enabled or disabled.
	 */
	IOMMU_VTD_TAKE_OVER = 1 << 1,
	/*
	 * Bypass units that have only display devices behind them: their DMA is not restricted, and
	 * only identity domains can be attached. A bypassed unit that was left enabled is disabled,
	 * and its protected memory regions are opened.
	 */
	IOMMU_VTD_BYPASS_GRAPHICS = 1 << 2,
	/* Bridges to ISA or LPC may access the first 16 MiB of memory while nothing is attached. */
	IOMMU_VTD_ISA_WINDOW = 1 << 3,
	/*
	 * Legacy mode even if the unit supports scalable mode, unless it was left enabled in that.
	 */
	IOMMU_VTD_LEGACY_MODE = 1 << 4,
};

/*
 * For iommu_vtd_options.faults_per_second: no limit; a device may then keep a CPU busy with its
 * faults.
 */
#define IOMMU_VTD_FAULTS_UNBOUNDED 0xffffffffU

/* The host's decision about a region that firmware claims for a device. */
enum iommu_vtd_region_answer {
	/*
	 * Refuse it for an untrusted endpoint, and if all regions of the device together are larger
	 * than 256 MiB, or for a display device 4 GiB; otherwise accept it.
	 */
	IOMMU_VTD_REGION_DEFAULT = 0,
	IOMMU_VTD_REGION_ACCEPT, /* even if the default would refuse it */
	IOMMU_VTD_REGION_REFUSE,
};

/*
 * Quirks: hardware that does not behave as it reports, and what is done about it. The library knows
 * such hardware by
 *   - the chipset: vendor, device and revision of the function 00:00.0 of segment 0, read through
 *     iommu_vtd_options.pci_config;
 *   - the processor: iommu_vtd_options.processor;
 *   - the devices behind a unit: read through pci_config as far as firmware's table names them by a
 *     bus, and those of iommu_probe_endpoint, by vendor, device, revision and class in their info.
 * Each quirk that applies is logged once, at IOMMU_LOG_INFO, and reported by iommu_vtd_get_info.
 */
enum iommu_vtd_quirks {
	/*
	 * Translation is not turned off once it is on, because the unit would not confirm it, and
	 * the machine hangs: units of the graphics of Ice Lake to Meteor Lake processors. Where the
	 * unit would be turned off, by disable, suspend, shutdown, removal or a failed enable, it
	 * is given an empty root table instead: everything behind it is blocked, and the unit
	 * counts as disabled. It is not bypassed if it was left enabled. When such a unit is
	 * removed, the page of the empty table is not freed, because hardware still reads it: one
	 * page for each unit is lost for good.
	 */
	IOMMU_VTD_QUIRK_KEEP_TRANSLATING = 1 << 0,
	/*
	 * The unit has a write buffer, although it reports none: Cantiga and other chipsets of the
	 * 4 series.
	 */
	IOMMU_VTD_QUIRK_WRITE_BUFFER = 1 << 1,
	/*
	 * Display devices do not work with translation: Q35, the 4 series, QM57, Broadwell; and
	 * Calpella, if firmware has allocated no shadow of the graphics table. As
	 * IOMMU_VTD_BYPASS_GRAPHICS; and if their unit has other devices, too, the default domain
	 * of display devices is identity.
	 */
	IOMMU_VTD_QUIRK_BYPASS_GRAPHICS = 1 << 2,
	/*
	 * Invalidations must find display devices idle: Calpella, with a shadow of the graphics
	 * table. Their default domain is strict.
	 */
	IOMMU_VTD_QUIRK_STRICT_GRAPHICS = 1 << 3,
	/*
	 * The unit does not remap interrupts, although it reports that it does: 5500, 5520 and X58
	 * up to revision 13h, and device 3405h of revision 22h.
	 */
	IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING = 1 << 4,
	/* There are no protected memory regions, although they are reported: 5400. */
	IOMMU_VTD_QUIRK_NO_PROTECTED_MEMORY = 1 << 5,
	/* One invalidation covers at most 2^9 pages: Xeon E5, of stepping 6. */
	IOMMU_VTD_QUIRK_ADDRESS_MASK = 1 << 6,
	/*
	 * The device may confirm an invalidation of its TLB too early: each is sent twice. QAT of
	 * Sapphire Rapids and later. Of endpoints, not of units.
	 */
	IOMMU_VTD_QUIRK_INVALIDATE_TWICE = 1 << 7,
	/*
	 * Firmware has enabled a unit for the sound device alone, and given it no TLB, so that it
	 * does not work with translation: 5500 and X58. The unit is bypassed.
	 */
	IOMMU_VTD_QUIRK_BYPASS_SOUND = 1 << 8,
	/*
	 * Firmware names the wrong unit for the DMA engine of the 5400 chipset: probing it is
	 * IOMMU_ENODEV, since no known unit restricts it. Of endpoints; cannot be forced.
	 */
	IOMMU_VTD_QUIRK_WRONG_UNIT = 1 << 9,
	/*
	 * With nested translation, hardware may set accessed and dirty bits of a guest's first
	 * stage in memory that the second stage maps for reading only (Sapphire Rapids, erratum
	 * SPR17 of document 772415). Mappings without IOMMU_PROT_WRITE in a domain with nest_parent
	 * are refused: IOMMU_EINVAL. Applies also if `processor` is 0, to units that nest,
	 * unless they have caching mode, which emulators alone have.
	 */
	IOMMU_VTD_QUIRK_WRITABLE_PARENTS = 1 << 10,
};
#define IOMMU_VTD_QUIRKS_ALL ((1U << 11) - 1)

struct iommu_vtd_options {
	/* enum iommu_vtd_flags */
	unsigned int flags;
	/*
	 * Timeout for a unit to confirm a command, or an invalidation of its own caches; waits
	 * spin. 0: one second, some thousand times of what units need. After a timeout later calls
	 * return IOMMU_ETIMEDOUT at once, until the unit has answered all requests, or an attach,
	 * enable or resume has restarted its queue.
	 */
	uint64_t timeout_ns;
	/*
	 * Maximum rate of reported faults of a unit, per second of the host's clock; further faults
	 * are cleared, and count as lost. 0: 1000. There is no limit on a host without a clock.
	 */
	unsigned int faults_per_second;
	/*
	 * For IOMMU_VTD_TAKE_OVER: whether there is memory at a physical address. Old tables may
	 * contain anything, and what they refer to is read: root and context tables, PASID
	 * directories and tables, and interrupt remapping tables, each after this function was
	 * called for each of their pages. Of page tables only the root is checked. Written is at
	 * most one descriptor of the old queue, if it has stopped at it. NULL: every address below
	 * the machine's width can be read.
	 *
	 * Hardware that turns a queue off only after a wait (QEMU's does) keeps one on that an
	 * earlier kernel left stopped, where the descriptor must not be written or the unit is not
	 * taken over, and one that is idle after a descriptor of another kind: enabling the unit
	 * then fails with IOMMU_ETIMEDOUT each time, and its devices stay as they were.
	 */
	bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *is_memory_ctx;
	/*
	 * For IOMMU_VTD_TAKE_OVER: maximum number of pages for copies, of all units together: one
	 * for each bus, or half bus, with devices, and in scalable mode two for most devices. What
	 * exceeds it is blocked. 0: 4096.
	 */
	uint64_t inherited_pages_max;
	/*
	 * Timeout for an invalidation of device TLBs, which holds up all later requests of the
	 * unit. PCIe (ATS, "Invalidate Completion") allows a device one minute plus half of that;
	 * the unit itself reports a device that exceeds it. 0: timeout_ns if that is given,
	 * otherwise 90 seconds, so that a slow device does not fail the unmaps of other domains.
	 */
	uint64_t device_timeout_ns;
	/*
	 * Called when firmware claims memory [*start, *last] for a device, which can then access it
	 * as long as nothing is attached, and in every domain that maps firmware's regions
	 * (<libiommu/endpoint.h>). The host may make the region smaller, by whole pages. Called
	 * once for each region when the endpoint is probed, in the control path; each decision is
	 * logged. NULL: IOMMU_VTD_REGION_DEFAULT.
	 *
	 * Never accepted, whatever the decision, are regions that the unit cannot address, or that
	 * overlap the interrupt range, a unit's registers, or a page of the library's tables; a
	 * page that is part of an accepted region does not become a table later. The device is
	 * blocked from a region that was not accepted; nothing else about it, or about other
	 * devices, changes.
	 */
	enum iommu_vtd_region_answer (*firmware_region)(void *ctx,
							const struct iommu_endpoint_info *endpoint,
							iommu_paddr_t *start, iommu_paddr_t *last);
	void *firmware_region_ctx;
	/*
	 * The NUMA node of a proximity domain of ACPI, which firmware reports for a unit (RHSA).
	 * The unit's root, context and interrupt tables, its queues, and the page tables of its
	 * domains are allocated there, unless the node of the endpoint is known. NULL: the same
	 * number.
	 */
	int (*node_of)(void *ctx, uint32_t proximity_domain);
	void *node_of_ctx;
	/*
	 * Quirks (enum iommu_vtd_quirks) that apply to all units and endpoints, whatever the
	 * hardware is; and quirks that do not apply although the hardware is known to need them. A
	 * quirk in both applies. Default: those of the hardware.
	 */
	unsigned int force_quirks, ignore_quirks;
	/*
	 * How to read configuration space, to recognise hardware; called in the control path, at
	 * probe, enable and probe of endpoints. read NULL: the chipset is not recognised, and
	 * devices by what their info says.
	 */
	struct iommu_pci_config pci_config;
	/*
	 * The processor's signature: EAX of CPUID leaf 1. 0: unknown.
	 */
	uint32_t processor;
};

/*
 * iommu_vtd_probe - find the units that a DMAR table describes and register them, disabled.
 *
 * @dmar, @size: the ACPI table (see iommu_dmar_open). Copied.
 * @options:     NULL means all zero.
 *
 * All or nothing. The units are named dmar0, dmar1, … in table order. A unit that supports no page
 * table depth only remaps interrupts: it is registered, and iommu_vtd_enable ignores it; DMA behind
 * it is not restricted, so probing an endpoint there is IOMMU_ENODEV, and enabling the unit or
 * making a domain on it IOMMU_EOPNOTSUPP. Returns 0, or
 *   IOMMU_EINVAL  the table is malformed (see iommu_dmar_open)
 *   IOMMU_ENODEV  it describes no unit: normal on machines without VT-d
 *   IOMMU_EIO     a unit has no register address, shares registers with another unit (of any
 *                 segment), or has capabilities that make no sense. No unit is registered then, so
 *                 that the host does not believe the devices behind it to be protected
 *   IOMMU_EFAULT  the host cannot map a unit's registers
 *   IOMMU_EBUSY   the instance already has VT-d units
 *   IOMMU_EOPNOTSUPP  options->force_quirks has an unknown quirk, or one that cannot be forced; or
 *                 is not 0, and the library was built without IOMMU_CONFIG_QUIRKS
 *   IOMMU_ENOMEM
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
			      const struct iommu_vtd_options *options);

/*
 * iommu_vtd_enable - enable all units, step by step together, as some chipsets require: every queue
 * works before any root table is set.
 *
 * To be called after the devices that are present were probed. A unit without endpoints that does
 * not cover the rest of its segment stays disabled, and is disabled if an earlier kernel left it
 * enabled; it is enabled when it gets an endpoint. Returns 0, also if no endpoint is known and
 * nothing was enabled, which is logged (see iommu_translating); IOMMU_ENODEV: iommu_vtd_probe has
 * found no unit; or the error of the step that failed, as iommu_unit_enable: all units are disabled
 * again, and iommu_vtd_get_info names the step. Context: control path; may sleep.
 */
IOMMU_API int iommu_vtd_enable(struct iommu *iommu);

/*
 * VT-d as one of several back ends (see <libiommu/instance.h>), named "vtd": detected if the table
 * describes a unit; early_init is iommu_vtd_probe, late_init is iommu_vtd_enable.
 *
 * iommu_vtd_backend_init - initialise the caller's structure. @dmar: remains the caller's, and is
 * used until iommu_start has returned; NULL: the machine has no table. @options: as
 * iommu_vtd_probe; copied. Context: any, before iommu_register_backend.
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
 * iommu_vtd_add_units - add the units of a host bridge that was hot-plugged.
 *
 * @structures, @size: remapping structures as the bridge's _DSM returns them, DRHDs first. Copied.
 *
 * All or none of the units are registered, disabled; if interrupts are remapped, the new units
 * remap them, too. Errors as iommu_vtd_probe, and if interrupts are remapped, as
 * iommu_vtd_interrupts_enable; IOMMU_ENODEV: iommu_vtd_probe has found no unit; IOMMU_EEXIST: there
 * is a unit at that address; IOMMU_EINVAL also: a structure that cannot be added (a reserved
 * region). After IOMMU_ETIMEDOUT / IOMMU_EIO a unit that has not confirmed that it uses no memory
 * of the library remains, disabled, until iommu_vtd_remove_unit has succeeded. Context: control
 * path; may sleep.
 */
IOMMU_API int iommu_vtd_add_units(struct iommu *iommu, const void *structures, size_t size);

/*
 * iommu_vtd_remove_unit - disable a unit and remove it.
 *
 * Maps and unmaps that began before its last endpoint was released must have ended. Returns 0;
 * IOMMU_EBUSY: it has endpoints (including released ones that are still used or held), interrupt
 * entries or allocated performance counters, or is the last unit; IOMMU_EINVAL: a unit of another
 * back end; IOMMU_ETIMEDOUT: it did not confirm that it is disabled, and remains; IOMMU_EIO: it
 * reported an error, or does not respond. After these two parts of it may be off: the next enable
 * runs all of its steps.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_vtd_remove_unit(struct iommu_unit *unit);

/*
 * iommu_vtd_set_fault_interrupt - set the message that the unit sends when it has recorded a fault:
 * address and data of an MSI, not remapped. The host then calls iommu_unit_handle_faults.
 * iommu_vtd_mask_fault_interrupt - mask the fault interrupt. Both take effect at once and remain in
 * effect across disable, enable, suspend and resume. IOMMU_EINVAL: a unit of another back end, or
 * not an interrupt address. Context: any; one call at a time for a unit, also with enable and
 * resume; never sleeps.
 */
IOMMU_API int iommu_vtd_set_fault_interrupt(struct iommu_unit *unit, uint64_t address,
					    uint32_t data);
IOMMU_API int iommu_vtd_mask_fault_interrupt(struct iommu_unit *unit);

/*
 * iommu_vtd_set_page_request_interrupt - set the message for page requests.
 * iommu_vtd_mask_page_request_interrupt - mask the message for page requests. The host calls
 * iommu_unit_handle_page_requests (<libiommu/fault.h>). IOMMU_EOPNOTSUPP: the unit does not support
 * page requests; IOMMU_EINVAL: a unit of another back end, or not an interrupt address. Context:
 * any; one call at a time for a unit, also with enable and resume; never sleeps.
 */
IOMMU_API int iommu_vtd_set_page_request_interrupt(struct iommu_unit *unit, uint64_t address,
						   uint32_t data);
IOMMU_API int iommu_vtd_mask_page_request_interrupt(struct iommu_unit *unit);

/*
 * iommu_vtd_set_counter_interrupt - set the message for overflows of performance counters.
 * iommu_vtd_mask_counter_interrupt - mask the message for overflows of performance counters. The
 * host calls iommu_unit_handle_counters (<libiommu/counters.h>). IOMMU_EOPNOTSUPP: the unit has no
 * counters, or they send no interrupts; IOMMU_EINVAL: a unit of another back end, or not an
 * interrupt address. Context: any; one call at a time for a unit, also with enable and resume;
 * never sleeps.
 */
IOMMU_API int iommu_vtd_set_counter_interrupt(struct iommu_unit *unit, uint64_t address,
					      uint32_t data);
IOMMU_API int iommu_vtd_mask_counter_interrupt(struct iommu_unit *unit);

/*
 * iommu_vtd_find_named - the segment and source id of a device that is no PCI function, by its ACPI
 * path, for iommu_probe_endpoint. IOMMU_ENOENT: firmware does not describe it, or by a path through
 * bridges that are not in the topology (iommu_set_pci_topology). Any context, but not while the
 * topology changes.
 */
IOMMU_API int iommu_vtd_find_named(struct iommu *iommu, const char *acpi_path, uint16_t *segment,
				   uint16_t *source_id);

/* Capabilities and state of a unit. */
struct iommu_vtd_info {
	iommu_paddr_t register_base;
	unsigned int version_major, version_minor;
	uint64_t capability, extended_capability; /* raw register values */
	uint32_t domains;                         /* domain ids, including the unusable id 0 */
	unsigned int address_width;               /* of the widest domain, in bits */
	unsigned int output_width;                /* of a physical address, in bits */
	uint64_t pgsize_bitmap;
	bool coherent; /* page walks snoop the CPU caches */
	bool queued;   /* invalidation goes through the queue */
	bool caching_mode;
	bool pass_through;
	bool page_selective; /* IOTLB invalidation of single pages */
	bool snoop_control;
	bool device_tlb;
	/* Scalable mode is used; only then are the fields up to pasid_bits valid. */
	bool scalable;
	bool first_stage, second_stage, nested, dirty_tracking, page_requests;
	unsigned int pasid_bits; /* 0: PASIDs are not supported */
	bool interrupt_remapping, x2apic, posted_interrupts;
	unsigned int fault_records;
	bool bypassed;          /* see IOMMU_VTD_BYPASS_GRAPHICS */
	unsigned int inherited; /* domain ids of an earlier kernel that are still in use */
	const char *failure;    /* step at which enabling last failed, or NULL */
	bool interrupts_only;   /* it does not translate DMA: see iommu_vtd_probe */
	unsigned int quirks;    /* enum iommu_vtd_quirks, of the unit: those that apply */
	/* Entries of the interrupt remapping table, and those of an earlier kernel among them. */
	unsigned int interrupt_entries, inherited_interrupts;
};

/*
 * iommu_vtd_get_info - the capabilities and the state of a VT-d unit. IOMMU_EINVAL: a unit of
 * another back end. Any context.
 */
IOMMU_API int iommu_vtd_get_info(const struct iommu_unit *unit, struct iommu_vtd_info *info);

/* --- Scalable mode ---------------------------------------------------------------------------- */

enum iommu_vtd_first_stage_flags {
	IOMMU_VTD_PRIVILEGED = 1 << 0,    /* supervisor requests are allowed */
	IOMMU_VTD_WRITE_PROTECT = 1 << 1, /* … and obey write protection */
	IOMMU_VTD_NO_EXECUTE = 1 << 2,    /* execute-disable is enabled */
	/*
	 * The unit sets the extended accessed bit (10) in entries that it uses, beside the accessed
	 * bit: which were used by devices, and not by processors.
	 */
	IOMMU_VTD_EXTENDED_ACCESS = 1 << 3,
};

/*
 * iommu_domain_config.user_data of IOMMU_DOMAIN_SVA and IOMMU_DOMAIN_NESTED: a first-stage table,
 * in the format of x86-64 processors, that belongs to the host, which reports changes with
 * iommu_domain_invalidate_range; or to a guest, whose addresses the parent translates, and whose
 * invalidations are performed by iommu_domain_invalidate_user. A larger structure, of at most a
 * page, must continue with zeros.
 *
 * Entries are as for a processor: requests of a device are user-mode requests unless they have a
 * PASID and request supervisor mode, so every entry on the path needs its user bit; otherwise the
 * access faults (reason 81h).
 */
struct iommu_vtd_first_stage {
	uint64_t table;      /* physical, or guest physical; page-aligned */
	unsigned int levels; /* 4 or 5 */
	unsigned int flags;  /* enum iommu_vtd_first_stage_flags */
};

/*
 * iommu_domain_config.user_data of IOMMU_DOMAIN_SVA with `stage` IOMMU_STAGE_SECOND: a second-stage
 * table that belongs to the host, such as the one by which a hypervisor's processors translate for
 * a guest (extended page tables have this format). In either mode, with and without a PASID. The
 * host reports each change with iommu_domain_invalidate_range, and to units in caching mode
 * (iommu_vtd_info) new mappings, too; its entries lead only to memory within the width of every
 * unit. The table must stay until iommu_domain_free has returned 0. A larger structure, of at most
 * a page, must continue with zeros.
 *
 * config->pgsize_bitmap: the sizes that its leaves may have; 0: those of the unit that the domain
 * is made for. config->address_width: the width of the addresses that it maps; 0: all that its
 * levels and that unit have. A unit that lacks one of the sizes, the levels or the width, or that
 * does not snoop the CPU caches when it walks, cannot join: IOMMU_EINVAL of the attach.
 */
struct iommu_vtd_second_stage {
	uint64_t table;      /* physical; page-aligned */
	unsigned int levels; /* 3 to 5 */
	unsigned int flags;  /* 0 */
};

#define IOMMU_VTD_LEAVES_ONLY 1U /* only leaf entries have changed */

/*
 * A request of iommu_domain_invalidate_user. A larger one must continue with zeros:
 * IOMMU_EOPNOTSUPP otherwise, as for unknown flags and reserved fields. IOMMU_EINVAL: no pages, or
 * an address that is not page-aligned; IOMMU_EOVERFLOW: the range wraps.
 */
struct iommu_vtd_invalidation {
	uint64_t address;  /* page-aligned */
	uint64_t pages;    /* of 4 KiB; UINT64_MAX with address 0: everything */
	uint32_t flags;    /* IOMMU_VTD_LEAVES_ONLY */
	uint32_t reserved; /* 0 */
};

/* The structures that lead from an endpoint's source id to its page table. */
struct iommu_vtd_tables {
	iommu_paddr_t root_table;
	uint64_t root_entry; /* the qword for its bus; 0: no context table */
	iommu_paddr_t context_table;
	uint64_t context_low, context_high;
	/*
	 * Scalable mode: the qwords in use of the PASID table entry for requests without a PASID.
	 */
	uint64_t pasid_entry[3];
};

/*
 * iommu_vtd_get_tables - the table entries by which a unit finds an endpoint's domain; for
 * debugging. Returns 0, IOMMU_EINVAL (of another back end), or IOMMU_ENODEV (the endpoint was
 * released). Context: not while the control path changes what it reads; takes no lock, never
 * sleeps.
 */
IOMMU_API int iommu_vtd_get_tables(const struct iommu_endpoint *endpoint,
				   struct iommu_vtd_tables *tables);

/*
 * iommu_vtd_fault_name - what a fault's reason means on VT-d, in a few words.
 * iommu_vtd_fault_explanation - what a fault's reason means on VT-d, in a sentence. Static strings,
 * never NULL. (VT-d specification, "Fault Conditions".) Context: any; takes no lock.
 */
IOMMU_API const char *iommu_vtd_fault_name(unsigned int reason);
IOMMU_API const char *iommu_vtd_fault_explanation(unsigned int reason);

IOMMU_END_DECLS
#endif
