/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d interrupt remapping: interrupt messages of devices pass through a table, so that a device
 * can send only interrupts that were assigned to it. (VT-d specification, "Interrupt Remapping and
 * Posting".)
 *
 *	iommu_vtd_interrupts_enable(iommu, 0)                        once, when the units are known
 *	iommu_vtd_interrupt_alloc_for(endpoint, count, &interrupt)   entries for a device
 *	iommu_vtd_interrupt_set(&interrupt, 0, &target)              where the interrupt goes
 *	iommu_vtd_interrupt_message(&interrupt, 0, …)                what to write into the device
 *
 * A unit's table has 4096 entries at first, in 64 KiB of memory, and 20 KiB beside it. When it is
 * full, an allocation doubles it while interrupts go on, up to 65,536 entries in 1 MiB; the old
 * table is freed after hardware has confirmed the new one. A host without blocks of 128 KiB to
 * 1 MiB (iommu_platform.alloc_pages) keeps what it has.
 *
 * Locking: enable and disable are control path, see <libiommu/endpoint.h>. The others may be called
 * at any time and on any CPU for different interrupts; set, clear and free poll hardware, in any
 * context. Allocation sleeps, and polls hardware, when the table is full; in any context while it
 * is not.
 */
#ifndef LIBIOMMU_VTD_INTERRUPT_H
#define LIBIOMMU_VTD_INTERRUPT_H

#include <libiommu/pci.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_endpoint;
struct iommu_unit;

enum iommu_vtd_interrupts_flags {
	/*
	 * 32-bit destinations, for CPUs in x2APIC mode. Cannot be changed while remapping is
	 * enabled.
	 */
	IOMMU_VTD_X2APIC = 1 << 0,
	/* … even if firmware opts out of it. */
	IOMMU_VTD_X2APIC_IGNORE_OPT_OUT = 1 << 1,
};

/*
 * iommu_vtd_interrupts_enable - enable interrupt remapping on all units. From then on interrupts in
 * compatibility format are blocked, as is every interrupt that no entry allows.
 *
 * All or none. Remapping that an earlier kernel left enabled was disabled by the probe; with
 * IOMMU_VTD_TAKE_OVER it is still enabled, and the table is replaced without an interruption unless
 * the APIC mode differs. Entries of that kernel are kept in their places, so that its devices,
 * which still send interrupts, see none refused, until a block is allocated for the device that an
 * entry names (alloc_for, alloc_ioapic, alloc_hpet), or remapping is disabled. The vectors are the
 * old kernel's: the host ignores them. Not kept are entries with reserved bits, without a sender,
 * with another delivery mode than fixed or lowest priority, or a vector below 16, and posted ones:
 * hardware would write to the old kernel's memory.
 *
 * Where all units remap interrupts in this mode already, the call asks only for invalidations that
 * are not confirmed, and a failure turns nothing off. Returns 0, or
 *   IOMMU_EOPNOTSUPP  firmware or a unit does not support it, a unit has no queue or must not use
 *                     it; or x2APIC mode is requested and a unit does not support it
 *   IOMMU_EPERM       firmware opts out of x2APIC mode
 *   IOMMU_EBUSY       remapping is enabled in the other APIC mode
 *   IOMMU_ERANGE      an entry that was set in x2APIC mode has a destination above 255, and x2APIC
 *                     mode is not requested
 *   IOMMU_ENOMEM, IOMMU_ETIMEDOUT, IOMMU_EIO
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_vtd_interrupts_enable(struct iommu *iommu, unsigned int flags);

/*
 * iommu_vtd_interrupts_disable - disable interrupt remapping, also what an earlier kernel left
 * enabled: interrupts pass unchanged. Entries remain allocated, and take effect again with the next
 * enable, for the same processors even if the APIC mode differs. Returns 0, IOMMU_EIO (a unit does
 * not respond) or IOMMU_ETIMEDOUT: a unit may still remap, and keeps its table and its queue; call
 * again. Context: control path; may sleep.
 */
IOMMU_API int iommu_vtd_interrupts_disable(struct iommu *iommu);

/* A block of table entries: memory of the caller, filled in by alloc. */
struct iommu_vtd_interrupt {
	struct iommu_unit *unit;
	uint16_t index;     /* first entry */
	unsigned int order; /* 2^order entries */
	/*
	 * The sender of all interrupts of the block; has_sender false: each target names its own.
	 */
	bool has_sender;
	struct iommu_pci_requester sender;
};

/*
 * iommu_vtd_interrupt_alloc_for - allocate entries for `count` interrupts of an endpoint, as one
 * block, as multi-message MSI requires; count is rounded up to a power of two, at most 128.
 *
 * Only messages of this endpoint pass, with any id that they may carry, including those of bridges
 * above it and of its phantom functions (iommu_pci_requester), according to the topology at the
 * time of the probe. Nothing passes until an entry is set. The block must be freed before the
 * endpoint is released. Returns 0, or
 *   IOMMU_EINVAL      count; or its unit is of another back end
 *   IOMMU_ENODEV      the endpoint was released
 *   IOMMU_EOPNOTSUPP  interrupt remapping is not enabled
 *   IOMMU_ENOSPC      the table is full, and is the largest, or there is no memory for a larger one
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     hardware did not confirm a larger table, or that an earlier kernel's entries
 *                     of this sender are gone; call again
 *
 * Context: any while the table is not full; sleeps, and polls hardware, when it is.
 */
IOMMU_API int iommu_vtd_interrupt_alloc_for(const struct iommu_endpoint *endpoint,
					    unsigned int count,
					    struct iommu_vtd_interrupt *interrupt);

/*
 * iommu_vtd_interrupt_alloc_ioapic - allocate entries for the pins of an I/O APIC, by its id in
 * ACPI's MADT. iommu_vtd_interrupt_alloc_hpet - allocate entries for an HPET, by its number.
 * Firmware's table names their unit and source id. The errors of iommu_vtd_find_ioapic and of
 * iommu_vtd_interrupt_alloc_for. Not while the topology changes. Context: any while the table is
 * not full; sleeps, and polls hardware, when it is.
 */
IOMMU_API int iommu_vtd_interrupt_alloc_ioapic(struct iommu *iommu, unsigned int id,
					       unsigned int count,
					       struct iommu_vtd_interrupt *interrupt);
IOMMU_API int iommu_vtd_interrupt_alloc_hpet(struct iommu *iommu, unsigned int number,
					     unsigned int count,
					     struct iommu_vtd_interrupt *interrupt);

/*
 * iommu_vtd_interrupt_alloc - allocate entries for a sender that is no endpoint: each target names
 * the source id that may send, or IOMMU_VTD_SOURCE_ANY for everything behind the unit.
 *
 * Nothing passes until an entry is set. Returns 0, IOMMU_EINVAL (count, or a unit of another back
 * end), IOMMU_EOPNOTSUPP (remapping is not enabled), or the other errors of
 * iommu_vtd_interrupt_alloc_for. Context: any while the table is not full; sleeps, and polls
 * hardware, when it is.
 */
IOMMU_API int iommu_vtd_interrupt_alloc(struct iommu_unit *unit, unsigned int count,
					struct iommu_vtd_interrupt *interrupt);

/*
 * iommu_vtd_interrupt_free - free a block. Returns 0, or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did
 * not confirm the invalidation of the entries, and may still pass their interrupts; they are not
 * reused before it has. The block is not the caller's any more either way, and is not freed again.
 * Context: any, at once for different interrupts; polls hardware, never sleeps.
 */
IOMMU_API int iommu_vtd_interrupt_free(struct iommu_vtd_interrupt *interrupt);

/* The allowed sender of an interrupt, for a block without a sender of its own. */
enum iommu_vtd_source {
	IOMMU_VTD_SOURCE_ANY = 0,
	IOMMU_VTD_SOURCE_ID,  /* source_id, except for ignored_function_bits */
	IOMMU_VTD_SOURCE_BUS, /* any device on the buses first_bus to last_bus: behind a bridge */
};

struct iommu_vtd_interrupt_target {
	enum iommu_vtd_source source; /* IOMMU_VTD_SOURCE_ANY if the block has a sender */
	uint16_t source_id;
	unsigned int ignored_function_bits; /* number of high bits of the function number: 0 to 3 */
	uint8_t first_bus, last_bus;

	uint8_t vector; /* 16 to 255; ignored with a delivery mode above 1 */
	/* Remapped: */
	uint8_t delivery_mode; /* 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
	bool logical;          /* logical destination mode */
	bool redirection_hint;
	bool level;
	uint32_t destination; /* APIC id; at most 255 unless in x2APIC mode */
	/*
	 * … or posted: recorded in a posted interrupt descriptor of 64 bytes, aligned to 64, at
	 * this address.
	 */
	bool posted;
	bool urgent;
	iommu_paddr_t descriptor;
};

/*
 * iommu_vtd_interrupt_set - set the target of interrupt `number` of a block, and let it pass from
 * now on.
 *
 * If only the target changes, and neither the source nor the upper half of a posted interrupt
 * descriptor's address, the entry changes atomically; on a host with compare_exchange_16
 * (<libiommu/platform.h>) always. Otherwise it is blocked for a moment, and the caller masks the
 * device meanwhile if that matters. Returns 0, or
 *   IOMMU_EINVAL      number; a field of target is out of range, such as a vector below 16; a
 *                     source, if the block has a sender
 *   IOMMU_EOPNOTSUPP  posted, on a unit that does not support it
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     hardware may still use the old entry
 *
 * Context: any, at once for different interrupts; polls hardware, never sleeps.
 */
IOMMU_API int iommu_vtd_interrupt_set(const struct iommu_vtd_interrupt *interrupt,
				      unsigned int number,
				      const struct iommu_vtd_interrupt_target *target);

/*
 * iommu_vtd_interrupt_clear - block an interrupt again. Errors as iommu_vtd_interrupt_set. Context:
 * any, at once for different interrupts; polls hardware, never sleeps.
 */
IOMMU_API int iommu_vtd_interrupt_clear(const struct iommu_vtd_interrupt *interrupt,
					unsigned int number);

/*
 * iommu_vtd_interrupt_message - the MSI or MSI-X message for an interrupt of a block. For a device
 * with one message for several interrupts (multi-message MSI), that of number 0: the device
 * increments the data. Any context.
 */
IOMMU_API void iommu_vtd_interrupt_message(const struct iommu_vtd_interrupt *interrupt,
					   unsigned int number, uint64_t *address, uint32_t *data);

/*
 * iommu_vtd_interrupt_ioapic_entry - the redirection table entry of an I/O APIC pin. Vector and
 * trigger mode must be those of the target, because the I/O APIC uses them at the end of interrupt.
 * Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_vtd_interrupt_ioapic_entry(const struct iommu_vtd_interrupt *interrupt,
						    unsigned int number, uint8_t vector, bool level,
						    bool active_low);

/*
 * iommu_vtd_find_ioapic - the unit and the source id of an I/O APIC, by its id in ACPI's MADT.
 * iommu_vtd_find_hpet - the unit and the source id of an HPET, by its number. IOMMU_ENOENT:
 * firmware does not describe it, or by a path through bridges that are not in the topology
 * (iommu_set_pci_topology); with such an I/O APIC interrupt remapping must stay disabled. Any
 * context, but not while the topology changes.
 */
IOMMU_API int iommu_vtd_find_ioapic(struct iommu *iommu, unsigned int id, struct iommu_unit **unit,
				    uint16_t *source_id);
IOMMU_API int iommu_vtd_find_hpet(struct iommu *iommu, unsigned int number,
				  struct iommu_unit **unit, uint16_t *source_id);

IOMMU_END_DECLS
#endif
