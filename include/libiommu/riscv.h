/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for the RISC-V IOMMU (RISC-V IOMMU Architecture Specification, version 1.0).
 *
 * A host tells the library of each unit: what firmware's tables or the device tree say of it, or
 * what the configuration space of a unit that is a PCI function says. The registers are one page.
 *
 *	const struct iommu_riscv_config config = {.registers = 0x3010000};
 *	status = iommu_riscv_add_unit(iommu, &config, &unit);
 *
 * Endpoints are probed as on every other back end (<libiommu/endpoint.h>), and translation begins
 * with iommu_unit_enable. A unit that is disabled refuses every request: DMA is blocked, not
 * untranslated, before the first enable, too, if the unit was reset to "off".
 *
 * Device ids. Requests carry an id of up to 24 bits. That of a PCI function is its source id, or
 * what a range of the configuration makes of it ("iommu-map" of a device tree, an id mapping of
 * RIMT). A device that is no PCI function is probed with a fwspec: its ids are the device ids
 * ("iommus"), and its info has the unit's segment and a source id of the host's choice that no
 * other device of the segment has (IOMMU_EEXIST), such as the lower 16 bits of the first device id;
 * a fault of any of its ids is reported for it, with that source id. A device with a fwspec cannot
 * share a device id with another device: the probe of the second is IOMMU_EINVAL, as that of an id
 * with more bits than the unit's. Functions that share one by the PCI topology are in one group.
 *
 * Domains. A paging domain uses the first stage (Sv39, Sv48, Sv57), or the second (Sv39x4, Sv48x4,
 * Sv57x4) where the unit has no first, where the host asks for it, or where nested domains are to
 * be made of it. Pages are 4K, 64K (Svnapot), 2M, 1G, and with more levels 512G and 256T. An
 * identity domain needs no tables. Dirty tracking needs a unit that sets the bits itself
 * (AMO_HWAD).
 *
 * PASIDs are process ids. They need a unit with process directories, and IOMMU_FEATURE_PASID; while
 * that is enabled domains with a second stage cannot be attached (IOMMU_EOPNOTSUPP). PASIDs of a
 * guest's own directory need it not: see struct iommu_riscv_first_stage.
 *
 * Structures in memory are little-endian: a unit that knows only big-endian ones is refused when it
 * is enabled (IOMMU_EOPNOTSUPP), and so is one whose queues of commands, faults or page requests
 * have fewer than 256 entries. The unit's accesses to memory are coherent with those of the CPUs.
 * A host of 32 bits that supplies mmio_write64 writes the high half first.
 *
 * Failures are those of every back end: nothing is reused before the unit has confirmed that it has
 * forgotten it, and after a failure a call repeats the invalidation, restarting the command queue,
 * or fails. A device that does not invalidate its TLB is blocked until it was reset.
 *
 * Locking: see <libiommu/endpoint.h>.
 */
#ifndef LIBIOMMU_RISCV_H
#define LIBIOMMU_RISCV_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

enum iommu_riscv_flags {
	/*
	 * Interrupts by wires, where the unit has wires and messages. Units that have only one of
	 * the two use that.
	 */
	IOMMU_RISCV_WIRES = 1 << 0,
	/*
	 * The unit is an emulator's, which wants to be told of what becomes valid, too: contexts,
	 * mappings and interrupt files. It says so by a flag of its node in the device tree or of
	 * its table (specification, "Guidelines for emulating an IOMMU"). Each map has a command.
	 */
	IOMMU_RISCV_TELL_VALID = 1 << 1,
};

/* The source ids [first, last] of PCI functions: device_id is that of `first`. */
struct iommu_riscv_ids {
	uint16_t first, last;
	uint32_t device_id;
};

#define IOMMU_RISCV_FAULTS_UNBOUNDED UINT32_MAX

struct iommu_riscv_config {
	iommu_paddr_t registers; /* physical address, a multiple of 4 KiB */
	unsigned int flags;      /* enum iommu_riscv_flags */
	uint16_t segment;        /* of the PCI functions behind it */
	/* By which the fwspec of an endpoint names the unit; NULL: none does. */
	const void *firmware_node;
	/*
	 * The PCI functions behind it, at most 512 ranges; copied. None: all of the segment that no
	 * other unit names, with their source ids as device ids.
	 */
	const struct iommu_riscv_ids *id_ranges;
	unsigned int id_range_count;
	/* Bits of the device ids that exist, at most 24; 0: 16. More bits, deeper directories. */
	unsigned int device_id_bits;
	/* 1 + the NUMA node of the unit; 0: unknown. */
	unsigned int near_node;
	/*
	 * Timeout for the unit to confirm; waits spin. 0: one second. And where a device's TLB is
	 * asked, which may take a minute and a half; 0: timeout_ns if that is given, otherwise 90
	 * seconds.
	 */
	uint64_t timeout_ns, device_timeout_ns;
	/*
	 * Maximum rate of reported faults, per second of the host's clock; further faults count as
	 * lost. 0: 1000. IOMMU_RISCV_FAULTS_UNBOUNDED: no limit, as on a host without a clock.
	 */
	unsigned int faults_per_second;
};

/*
 * iommu_riscv_add_unit - register a unit, named "riscv" and a number, disabled.
 *
 * @unit: receives the unit; may be NULL.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      unknown flags, registers that are not on a page, a range of ids that is empty
 *                     or wider than device_id_bits, two that have ids in common, or more than 24
 *                     bits
 *   IOMMU_EEXIST      there is a unit at these registers
 *   IOMMU_ENOMEM      no memory, or none that the unit can address
 *   IOMMU_EFAULT      the host does not map the registers
 *   IOMMU_EOPNOTSUPP  the unit is of another version than 1.0, or not there
 *   IOMMU_EIO         its capabilities make no sense
 *   IOMMU_ETIMEDOUT / IOMMU_EIO  a predecessor's directory cannot be taken from it, or its queues
 *                     and counters do not stop
 * A unit that a predecessor left translating is turned off; one that lets everything pass does so
 * until it is enabled. Either writes nothing any more to memory that was the predecessor's: faults
 * are recorded from the first enable on. Control path.
 */
IOMMU_API int iommu_riscv_add_unit(struct iommu *iommu, const struct iommu_riscv_config *config,
				   struct iommu_unit **unit);

/*
 * iommu_riscv_remove_unit - disable a unit and remove it; NULL: nothing.
 *
 * Maps and unmaps that began before its last endpoint was released must have ended. Returns 0;
 * IOMMU_EBUSY: it has endpoints (including released ones that are still used or held), or
 * performance counters that are not freed; IOMMU_EINVAL: a unit of another back end;
 * IOMMU_ETIMEDOUT / IOMMU_EIO: it did not confirm that it is disabled, and remains. Control path.
 */
IOMMU_API int iommu_riscv_remove_unit(struct iommu_unit *unit);

/* What a unit tells the host of; wires and messages alike. */
enum iommu_riscv_cause {
	IOMMU_RISCV_COMMANDS = 0,      /* not used by the library */
	IOMMU_RISCV_FAULTS = 1,        /* iommu_unit_handle_faults */
	IOMMU_RISCV_COUNTERS = 2,      /* iommu_unit_handle_counters */
	IOMMU_RISCV_PAGE_REQUESTS = 3, /* iommu_unit_handle_page_requests */
};

/*
 * iommu_riscv_set_interrupt - set the message that the unit sends: a write of `data` to `address`,
 * a multiple of 4 of at most 56 bits, such as a page of an interrupt file. Units have 1 to 16
 * vectors (iommu_riscv_get_info): with fewer than four, the last ones share a vector, and the
 * message of the last cause that is set counts. iommu_riscv_mask_interrupt - mask it.
 *
 * Both take effect at once while the unit is enabled, and remain in effect across disable, enable,
 * suspend and resume. A unit with wires needs neither: it tells of all causes. Return 0, or
 * IOMMU_EINVAL: a unit of another back end, no such cause, or not such an address. Not concurrently
 * with each other, or with enable and resume, for one unit.
 *
 * Context: any otherwise; polls hardware, never sleeps.
 */
IOMMU_API int iommu_riscv_set_interrupt(struct iommu_unit *unit, enum iommu_riscv_cause cause,
					uint64_t address, uint32_t data);
IOMMU_API int iommu_riscv_mask_interrupt(struct iommu_unit *unit, enum iommu_riscv_cause cause);

/* Capabilities and state of a unit. */
struct iommu_riscv_info {
	iommu_paddr_t registers;
	uint64_t capabilities;         /* the raw register value */
	unsigned int output_bits;      /* of a physical address */
	unsigned int device_id_bits;   /* of the ids that the directory serves */
	unsigned int directory_levels; /* of the device directory: 1 to 3 */
	iommu_paddr_t directory;       /* its root */
	unsigned int process_id_bits;  /* of a PASID; 0: there are none */
	unsigned int vectors;          /* interrupt vectors, or wires; 0: not enabled so far */
	const char *failure;           /* step at which enabling last failed, or NULL */
};

/*
 * iommu_riscv_get_info - facts about a unit. Returns 0, or IOMMU_EINVAL: a unit of another back
 * end. Any context.
 */
IOMMU_API int iommu_riscv_get_info(const struct iommu_unit *unit, struct iommu_riscv_info *info);

/*
 * iommu_riscv_fault_name - what a fault's reason (the CAUSE of a fault record) means on RISC-V, in
 * a few words. iommu_riscv_fault_explanation - what a fault's reason means on RISC-V, in a
 * sentence. Never NULL. Any context.
 */
IOMMU_API const char *iommu_riscv_fault_name(unsigned int cause);
IOMMU_API const char *iommu_riscv_fault_explanation(unsigned int cause);

/* --- Interrupt files of a guest -------------------------------------------------------------- */

/*
 * Messages of a guest's devices, where the unit has MSI page tables: the guest's page of a virtual
 * interrupt file leads to a file of the hardware, or to one in memory, whatever the second stage
 * maps there. A page is that of a file if its number (address >> 12) equals `pattern`, the bits of
 * `mask` left aside; the bits under the mask, packed to the right, are the number of the file.
 *
 * iommu_riscv_set_files - give a domain its interrupt files, of which none leads anywhere yet: a
 * domain with a second stage (IOMMU_STAGE_SECOND) that is attached nowhere. It stays with the
 * domain.
 *
 * Returns 0, or
 *   IOMMU_EINVAL  the domain has no second stage of its own, or is another back end's; mask or
 *                 pattern reach beyond its addresses; or more than 4,096 files
 *   IOMMU_EEXIST  it has interrupt files
 *   IOMMU_EBUSY   it is attached, also as the parent of a nested domain
 *   IOMMU_ENOMEM  no memory
 * Control path. Attaching the domain to an endpoint whose unit has no such tables is IOMMU_EINVAL.
 */
IOMMU_API int iommu_riscv_set_files(struct iommu_domain *domain, uint64_t mask, uint64_t pattern);

/*
 * iommu_riscv_map_file - messages to a file go to a page: that of a hardware interrupt file.
 * iommu_riscv_map_file_in_memory - they are noted in `memory`, 512 bytes (a memory-resident
 * interrupt file), and a notice is sent: `notice_id`, at most 2047, is written to the page
 * `notice`. iommu_riscv_unmap_file - messages to it are blocked again.
 *
 * A file that is mapped already leads to the new place when the call returns 0; messages on their
 * way went to either. Return 0, or
 *   IOMMU_EINVAL  no such file; or a page that is not aligned, or that units cannot address
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                 a unit did not confirm: the file is unmapped, and where it led must not be reused
 *                 before an operation on the domain succeeds
 * Any context; calls for one file one at a time.
 */
IOMMU_API int iommu_riscv_map_file(struct iommu_domain *domain, uint64_t file, iommu_paddr_t page);
IOMMU_API int iommu_riscv_map_file_in_memory(struct iommu_domain *domain, uint64_t file,
					     iommu_paddr_t memory, iommu_paddr_t notice,
					     unsigned int notice_id);
IOMMU_API int iommu_riscv_unmap_file(struct iommu_domain *domain, uint64_t file);

/* --- Tables of another owner ------------------------------------------------------------------ */

/*
 * user_data of struct iommu_domain_config for IOMMU_DOMAIN_SVA (a table of the host's own, as of a
 * process) and IOMMU_DOMAIN_NESTED (a guest's: `parent` translates its addresses).
 *
 * `root` is a value as in a device context: mode in bits 63:60, page number in 43:0 (iosatp; or
 * pdtp, a process directory, with the bit PDTV of control). Nested only: `process` is the guest's
 * own process id (PSCID), and control may have PDTV (bit 5) and DPE (bit 9). Either: SADE (bit 8).
 * The owner invalidates by iommu_domain_invalidate_range (SVA), or with commands (nested).
 *
 * With PDTV the device's PASIDs are the guest's. The host sets the enable bit of the PASID
 * capability in the device's configuration space before the domain is attached, and does not call
 * iommu_endpoint_enable_feature for IOMMU_FEATURE_PASID: that is for PASIDs of the host's own
 * domains, and while it is enabled the attach is IOMMU_EOPNOTSUPP. max_pasids of the endpoint's
 * info is what the library goes by: 0 or 1 says that the device sends no PASID, and nothing of
 * PASIDs is invalidated in its TLB then; the host must not have enabled them in such a device. With
 * more, what the device keeps of PASIDs can only be invalidated all at once: its TLB is used if the
 * info says tlb_global_invalidate, and not otherwise.
 *
 * Page requests and ATS of a nested domain are enabled as on every other: by
 * iommu_endpoint_enable_feature, or by an HWPT with a fault queue (<libiommu/ioas.h>).
 */
struct iommu_riscv_first_stage {
	uint64_t root;
	uint64_t control; /* bits of a device context's translation control */
	uint32_t process;
	uint32_t reserved; /* 0 */
};

/*
 * A command of a guest's own unit, for iommu_domain_invalidate_user of a nested domain, as the
 * guest has written it, in the CPU's byte order: IOTINVAL.VMA, IODIR.INVAL_DDT or IODIR.INVAL_PDT;
 * either of the last two is for all contexts of the domain's devices, whatever device it names.
 * Others, and reserved bits, are IOMMU_EOPNOTSUPP. Everything is done under the guest's id alone;
 * what it names of itself may be dropped more widely.
 */
struct iommu_riscv_invalidation {
	uint64_t low, high;
};

IOMMU_END_DECLS
#endif
