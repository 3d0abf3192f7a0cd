/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for Arm's SMMUv3 (IHI 0070: SMMUv3.0 and later, the Non-secure side).
 *
 * A host tells the library of each unit: what ACPI's IORT or the device tree say of it. The
 * registers are 128 KiB.
 *
 *	const struct iommu_smmu_config config = {.registers = 0x9050000};
 *	status = iommu_smmu_add_unit(iommu, &config, &unit);
 *
 * Endpoints are probed as on every other back end (<libiommu/endpoint.h>), and translation begins
 * with iommu_unit_enable. From iommu_smmu_add_unit on nothing of a device passes that no domain
 * says: a unit that does not translate aborts every transaction (GBPA.ABORT), and so does one that
 * was disabled or removed. A StreamID without a domain is aborted, and reported as a fault, like
 * that of any other back end.
 *
 * Firmware's memory. Memory that firmware lets devices use since before the start (RMR of IORT) is
 * told with the unit, in `regions`. It is mapped to itself in the default domain of each device
 * from its probe on, and in other domains of drivers, as the regions of every back end
 * (<libiommu/endpoint.h>); for an untrusted device it is not. The host passes on no memory that it
 * gives to the library or uses for something else. From iommu_smmu_add_unit to iommu_unit_enable
 * such a device is aborted, too: the host adds the unit, probes these devices, and enables the
 * unit, without a pause.
 *
 * StreamIDs. That of a PCI function is its source id, or what a range of the configuration makes
 * of it ("iommu-map" of a device tree, an id mapping of IORT). A device that is no PCI function is
 * probed with a fwspec: its ids are the StreamIDs ("iommus"), and its info has the unit's segment
 * and a source id of the host's choice that no other device of the segment has (IOMMU_EEXIST); a
 * fault of any of its ids is reported for it, with that source id. A device with a fwspec cannot
 * share a StreamID with another device: the probe of the second is IOMMU_EINVAL, as that of an id
 * with more bits than the unit's. Functions that share one by the PCI topology are in one group.
 *
 * Domains. A paging domain uses stage 1, or stage 2 where the unit has no stage 1, where the host
 * asks for it, or where nested domains are to be made of it. The smallest page is 4K, 16K or 64K,
 * as the unit and the host's pgsize_bitmap have it. An identity domain needs no tables. Dirty
 * tracking needs a unit that notes writes (IDR0.HTTU 2, or what firmware says instead).
 *
 * PASIDs are SubstreamIDs: at most 19 bits of them, at most 10 where the unit has no CD tables of
 * two levels. They need stage 1, and IOMMU_FEATURE_PASID; while that is enabled, domains with a
 * stage 2 cannot be attached (IOMMU_EOPNOTSUPP). In an identity domain
 * beside PASIDs, requests without one reach memory at their own address.
 * Without PASIDs a device with a TLB keeps nothing of an identity domain: the unit does not allow
 * it there, and answers its translation requests so.
 *
 * Messages of devices are writes like all others: the doorbell of the interrupt controller has to
 * be mapped in each domain, with IOMMU_PROT_MMIO. The unit isolates no interrupts.
 *
 * Units whose accesses are not coherent with the CPUs' caches need the host's cache_flush and
 * cache_invalidate, which goes with cache_write_back and cache_line_size (<libiommu/platform.h>);
 * without them iommu_smmu_add_unit is IOMMU_EOPNOTSUPP.
 * Structures are written back before the unit is told of them, events are read from memory,
 * completions are polled, and there is no dirty tracking. A guest does the same for what it writes.
 *
 * Left out, and refused with IOMMU_EOPNOTSUPP: units that know only big-endian tables, that have no
 * AArch64 tables, or whose command queue has fewer than 256 entries (iommu_smmu_add_unit); tables
 * in the unit's own memory;
 * IOMMU_DOMAIN_SVA; force_snoop; iommu_unit_check. Addresses have at most 48 bits, and 52 where
 * pages are of 64K. Transactions are stalled only by units that can do nothing else
 * (STALL_MODEL 2), and are then ended with an abort when the fault is handled; devices behind such
 * a unit have no TLB. Not used: EL2 streams, broadcast invalidations (BTM), ECMDQ, MPAM, ATOS.
 *
 * Failures are those of every back end: nothing is reused before the unit has confirmed that it has
 * forgotten it, and after a failure a call repeats the invalidation, restarting the command queue,
 * or fails. A device that does not invalidate its TLB is blocked until it was reset.
 *
 * Locking: see <libiommu/endpoint.h>.
 */
#ifndef LIBIOMMU_SMMU_H
#define LIBIOMMU_SMMU_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

enum iommu_smmu_flags {
	/* Interrupts by wires, although the unit could send messages. */
	IOMMU_SMMU_WIRES = 1 << 0,
	/*
	 * Firmware says that the unit is coherent ("dma-coherent" of a device tree; `coherent` of
	 * IORT), and counts instead of IDR0.COHACC. IOMMU_SMMU_NOT_COHERENT: that it is not. With
	 * neither the register counts, with both the call is IOMMU_EINVAL.
	 */
	IOMMU_SMMU_COHERENT = 1 << 1,
	/*
	 * The completion of commands is read from the queue's register, although the unit could
	 * store it: for units that store more than 4 bytes (HiSilicon Hi161x, model 1 of IORT).
	 */
	IOMMU_SMMU_POLLED = 1 << 2,
	/* The registers of page 1 are in page 0 (Cavium CN99xx); 64 KiB are mapped. */
	IOMMU_SMMU_ONE_PAGE = 1 << 3,
	/* No nested domains: errata. Set by itself for MMU-600 before r2, MMU-700 before r1p1. */
	IOMMU_SMMU_NO_NESTING = 1 << 4,
	/*
	 * The unit has no GBPA, and lets everything pass while it is off (QEMU before its version
	 * 8). Without this flag such a unit is refused (IOMMU_EIO).
	 */
	IOMMU_SMMU_PASSES_WHILE_OFF = 1 << 5,
	IOMMU_SMMU_NOT_COHERENT = 1 << 6, /* see IOMMU_SMMU_COHERENT */
};

/*
 * What the unit notes in tables: what IDR0.HTTU says, or what firmware says, which then counts
 * instead (`httu` of IORT, plus IOMMU_SMMU_HTTU_NONE). The library uses DIRTY alone.
 */
enum iommu_smmu_httu {
	IOMMU_SMMU_HTTU_BY_REGISTER = 0,
	IOMMU_SMMU_HTTU_NONE,
	IOMMU_SMMU_HTTU_ACCESS, /* that a page was accessed */
	IOMMU_SMMU_HTTU_DIRTY,  /* that it was accessed, and written */
};

/* The source ids [first, last] of PCI functions: stream_id is that of `first`. */
struct iommu_smmu_ids {
	uint16_t first, last;
	uint32_t stream_id;
};

#define IOMMU_SMMU_REGIONS_MAX 64

/*
 * A region of the devices with StreamIDs first_stream to last_stream. IOMMU_REGION_DIRECT: memory
 * that must be reached for ever, which keeps the device from being handed to another owner;
 * IOMMU_REGION_DIRECT_RELAXABLE: until a driver has taken over.
 */
struct iommu_smmu_region {
	uint32_t first_stream, last_stream;
	struct iommu_region region;
};

#define IOMMU_SMMU_FAULTS_UNBOUNDED UINT32_MAX

struct iommu_smmu_config {
	iommu_paddr_t registers; /* physical address, a multiple of 64 KiB */
	unsigned int flags;      /* enum iommu_smmu_flags */
	enum iommu_smmu_httu httu;
	uint16_t segment; /* of the PCI functions behind it */
	/* By which the fwspec of an endpoint names the unit; NULL: none does. */
	const void *firmware_node;
	/*
	 * The PCI functions behind it, at most 512 ranges; copied. None: all of the segment that no
	 * other unit names, with their source ids as StreamIDs.
	 */
	const struct iommu_smmu_ids *id_ranges;
	unsigned int id_range_count;
	/*
	 * Firmware's memory, and other regions of devices; copied. Whole pages of the domains that
	 * the devices use.
	 */
	const struct iommu_smmu_region *regions;
	unsigned int region_count; /* at most IOMMU_SMMU_REGIONS_MAX */
	/*
	 * Bits of the StreamIDs that exist, at most 23, or 10 where the unit has stream tables of
	 * one level alone; 0: 16, or as many as the unit has.
	 */
	unsigned int stream_id_bits;
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
	 * lost. 0: 1000. IOMMU_SMMU_FAULTS_UNBOUNDED: no limit, as on a host without a clock.
	 */
	unsigned int faults_per_second;
};

/*
 * iommu_smmu_add_unit - register an SMMUv3, named "smmu" and a number, disabled: it aborts every
 * transaction.
 *
 * @unit: receives the unit; may be NULL.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      unknown flags, both of IOMMU_SMMU_COHERENT and _NOT_COHERENT, an unknown
 *                     httu, registers that are not a multiple of 64 KiB, a range of ids that is
 *                     empty or wider than stream_id_bits, two that have ids in common, or more bits
 *                     than there are; a region that is empty, not of whole pages, of an
 *                     unknown type, beyond what the unit can address, over its registers, or for no
 *                     access
 *   IOMMU_EEXIST      there is a unit at these registers
 *   IOMMU_ENOMEM      no memory, or none that the unit can address
 *   IOMMU_EFAULT      the host does not map the registers
 *   IOMMU_EOPNOTSUPP  the unit is no SMMUv3, is not there, or lacks what the head of this file
 *                     says; regions, in a library without IOMMU_CONFIG_REGIONS
 *   IOMMU_EIO         what its registers say makes no sense
 *   IOMMU_ETIMEDOUT / IOMMU_EIO  it does not confirm that it aborts, that a predecessor's tables
 *                     are no longer used, or that its queues and messages have stopped
 * A unit that a predecessor left translating is turned off, and aborts before that; and nothing is
 * written any more to memory that was the predecessor's: events are recorded from the first enable
 * on. Control path.
 */
IOMMU_API int iommu_smmu_add_unit(struct iommu *iommu, const struct iommu_smmu_config *config,
				  struct iommu_unit **unit);

/*
 * iommu_smmu_remove_unit - disable an SMMUv3 and remove it; NULL: nothing.
 *
 * Maps and unmaps that began before its last endpoint was released must have ended. Returns 0;
 * IOMMU_EBUSY: it has endpoints (including released ones that are still used or held);
 * IOMMU_EINVAL: a unit of another back end; IOMMU_ETIMEDOUT / IOMMU_EIO: it did not confirm that it
 * is disabled, and remains. Control path.
 */
IOMMU_API int iommu_smmu_remove_unit(struct iommu_unit *unit);

/* What a unit tells the host of; wires and messages alike, each as an edge. */
enum iommu_smmu_cause {
	IOMMU_SMMU_ERRORS = 0,        /* GERROR: iommu_unit_handle_faults */
	IOMMU_SMMU_EVENTS = 1,        /* iommu_unit_handle_faults */
	IOMMU_SMMU_PAGE_REQUESTS = 2, /* iommu_unit_handle_page_requests */
};

/*
 * iommu_smmu_set_interrupt - set the message that an SMMUv3 sends for a cause: a write of `data` to
 * `address`, a multiple of 4 of at most 52 bits, that is not translated.
 * iommu_smmu_mask_interrupt - have it send none for a cause.
 *
 * Both take effect at once while the unit is enabled, and remain in effect across disable, enable,
 * suspend and resume. A unit with wires needs neither: it tells of all causes. Return 0, or
 * IOMMU_EINVAL: a unit of another back end, no such cause, or not such an address; IOMMU_ETIMEDOUT
 * / IOMMU_EIO: the unit does not confirm, and may send either message, or none. Not concurrently
 * with each other, or with enable and resume, for one unit.
 *
 * Context: any otherwise; polls hardware, never sleeps.
 */
IOMMU_API int iommu_smmu_set_interrupt(struct iommu_unit *unit, enum iommu_smmu_cause cause,
				       uint64_t address, uint32_t data);
IOMMU_API int iommu_smmu_mask_interrupt(struct iommu_unit *unit, enum iommu_smmu_cause cause);

/* Features and state of a unit. */
struct iommu_smmu_info {
	iommu_paddr_t registers;
	uint32_t idr0, idr1, idr3, idr5, iidr, aidr; /* the raw register values */
	unsigned int output_bits;                    /* of a physical address */
	unsigned int stream_id_bits;                 /* of the ids that the stream table serves */
	unsigned int stream_table_levels;            /* 1 or 2 */
	iommu_paddr_t stream_table;
	unsigned int pasid_bits; /* of a PASID; 0: there are none */
	bool is_polled;          /* completions are read from a register */
	uint32_t errors;         /* bits of GERROR that were seen so far */
	const char *failure;     /* step at which enabling last failed, or NULL */
};

/*
 * iommu_smmu_get_info - registers and state of an SMMUv3. Returns 0, or IOMMU_EINVAL: a unit of
 * another back end. Any context.
 */
IOMMU_API int iommu_smmu_get_info(const struct iommu_unit *unit, struct iommu_smmu_info *info);

/*
 * iommu_smmu_fault_name - what the code of an event, a fault's reason, means in a few words.
 * iommu_smmu_fault_explanation - the same in a sentence. Never NULL. Any context.
 */
IOMMU_API const char *iommu_smmu_fault_name(unsigned int code);
IOMMU_API const char *iommu_smmu_fault_explanation(unsigned int code);

/* --- Tables of a guest ------------------------------------------------------------------------ */

/*
 * user_data of struct iommu_domain_config for IOMMU_DOMAIN_NESTED: the first two words of the
 * guest's own stream table entry, in the CPU's byte order. Its configuration is abort, bypass or
 * stage 1; V clear is abort. Allowed beside V and Config are S1Fmt, S1ContextPtr and S1CDMax, and
 * S1DSS, S1CIR, S1COR, S1CSH, S1STALLD and EATS, the last two of which are ignored: the host
 * decides. Others, which a driver's entry usually has (SHCFG, for example), are IOMMU_EOPNOTSUPP:
 * the caller takes what IOMMU_SMMU_STREAM_WORD0 and _WORD1 leave of the guest's words, as
 * iommu_model_smmu_get_stage does. All addresses are of `parent`, which translates them.
 *
 * With S1CDMax above 0 the device's PASIDs are the guest's, and the host enables them in the device
 * before the domain is attached.
 */
struct iommu_smmu_stream {
	uint64_t words[2];
};

/* The bits of the two words that are a guest's. */
#define IOMMU_SMMU_STREAM_WORD0 0xf8ffffffffffffffULL
#define IOMMU_SMMU_STREAM_WORD1 0x00000000380000ffULL

/*
 * A command of a guest's own unit, for iommu_domain_invalidate_user of a nested domain, as the
 * guest has written it, in the CPU's byte order: CMD_TLBI_NH_ALL, CMD_TLBI_NH_ASID, CMD_TLBI_NH_VA,
 * CMD_TLBI_NH_VAA, CMD_TLBI_NSNH_ALL, CMD_CFGI_CD, CMD_CFGI_CD_ALL and CMD_ATC_INV; of the last
 * three whatever StreamID they name, for all devices of the domain. Others, and reserved bits, are
 * IOMMU_EOPNOTSUPP. Everything is done under the guest's VMID alone, whatever it names, and may be
 * dropped more widely. What the devices keep is always dropped, too. (A change of the entry's own
 * words is another domain.)
 */
struct iommu_smmu_invalidation {
	uint64_t words[2];
};

IOMMU_END_DECLS
#endif
