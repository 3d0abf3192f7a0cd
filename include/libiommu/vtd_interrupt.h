/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d interrupt remapping: interrupts of devices go through a table, too, so that a device can
 * only send those that it was given. (VT-d specification, "Interrupt Remapping and Posting".)
 *
 *	iommu_vtd_interrupts_enable(iommu, 0)                        once, when the units are known
 *	iommu_vtd_interrupt_alloc_for(endpoint, count, &interrupt)   for what that device sends
 *	iommu_vtd_interrupt_set(&interrupt, 0, &target)              what becomes of it
 *	iommu_vtd_interrupt_message(&interrupt, 0, …)                what to write into the device
 *
 * Locking: enable and disable are control path, see <libiommu/endpoint.h>. The others may run at
 * any time and on any CPU for different interrupts; set, clear and free poll hardware, in any
 * context.
 */
#ifndef LIBIOMMU_VTD_INTERRUPT_H
#define LIBIOMMU_VTD_INTERRUPT_H

#include <libiommu/pci.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_endpoint;
struct iommu_unit;

enum iommu_vtd_interrupts_flags {
	/* 32-bit destinations, for CPUs in x2APIC mode. Cannot be changed while it is on. */
	IOMMU_VTD_X2APIC = 1 << 0,
	/* … even where firmware asks not to. */
	IOMMU_VTD_X2APIC_IGNORE_OPT_OUT = 1 << 1,
};

/*
 * iommu_vtd_interrupts_enable - remap on all units. From then on interrupts in the old format are
 * blocked, and so is every one that no entry allows.
 *
 * All or none. Remapping that a kernel before this one left on is off since the probe; with
 * IOMMU_VTD_TAKE_OVER it is still on and changes its table without a gap, unless the APIC mode is
 * another one: what that kernel's devices send is blocked from then on. Returns 0, or
 *   IOMMU_EOPNOTSUPP  firmware or a unit does not support it, a unit has no queue or is told not to
 *                     use it; or X2APIC is asked for and a unit does not have it
 *   IOMMU_EPERM       firmware asks not to use x2APIC mode
 *   IOMMU_EBUSY       it is on already
 *   IOMMU_ERANGE      an entry that was set in x2APIC mode has a destination above 255, and x2APIC
 *                     is not asked for
 *   IOMMU_ENOMEM, IOMMU_ETIMEDOUT, IOMMU_EIO
 */
IOMMU_API int iommu_vtd_interrupts_enable(struct iommu *iommu, unsigned int flags);

/*
 * iommu_vtd_interrupts_disable - interrupts pass as they are again; remapping that a kernel before
 * this one left on goes off, too. Entries stay taken, and hold again after the next enable, for the
 * same processors also where that is in the other APIC mode. Returns 0, IOMMU_EIO (a unit is gone)
 * or IOMMU_ETIMEDOUT: a unit may go on remapping, and keeps its table and its queue; call again.
 */
IOMMU_API int iommu_vtd_interrupts_disable(struct iommu *iommu);

/* A block of table entries: the caller's memory, filled in by alloc. */
struct iommu_vtd_interrupt {
	struct iommu_unit *unit;
	uint16_t index;     /* of the first */
	unsigned int order; /* 2^order of them */
	/* Whose messages pass, for all of the block; false: each target says it. */
	bool has_sender;
	struct iommu_pci_requester sender;
};

/*
 * iommu_vtd_interrupt_alloc_for - entries for `count` interrupts of an endpoint, in one block as
 * multi-message MSI wants it; count is rounded up to a power of two, at most 128.
 *
 * Only messages of this endpoint pass: by all ids that they may carry, those of bridges above it
 * and of its phantom functions included (iommu_pci_requester), as the topology was when it was
 * probed. Nothing passes until an entry is set. The block is to be freed before the endpoint is
 * released. Returns 0, or
 *   IOMMU_EINVAL      count, or its unit is not of this back end
 *   IOMMU_ENODEV      it was released
 *   IOMMU_EOPNOTSUPP  interrupt remapping is not enabled
 *   IOMMU_ENOSPC      the table is full
 */
IOMMU_API int iommu_vtd_interrupt_alloc_for(const struct iommu_endpoint *endpoint,
					    unsigned int count,
					    struct iommu_vtd_interrupt *interrupt);

/*
 * iommu_vtd_interrupt_alloc_ioapic, iommu_vtd_interrupt_alloc_hpet - the same for the pins of an
 * I/O APIC, by the id of ACPI's MADT, or for a timer block by its number: whose unit and id
 * firmware's table says. The errors of iommu_vtd_find_ioapic and of iommu_vtd_interrupt_alloc_for.
 * Not while the topology changes.
 */
IOMMU_API int iommu_vtd_interrupt_alloc_ioapic(struct iommu *iommu, unsigned int id,
					       unsigned int count,
					       struct iommu_vtd_interrupt *interrupt);
IOMMU_API int iommu_vtd_interrupt_alloc_hpet(struct iommu *iommu, unsigned int number,
					     unsigned int count,
					     struct iommu_vtd_interrupt *interrupt);

/*
 * iommu_vtd_interrupt_alloc - the same for a sender that the library does not know: each target
 * says by its raw id who may send, and with IOMMU_VTD_SOURCE_ANY it is anything behind the unit.
 *
 * Nothing passes through them until they are set. Returns 0, IOMMU_EINVAL (count, or a unit that is
 * not of this back end), IOMMU_EOPNOTSUPP (not enabled) or IOMMU_ENOSPC (the table is full).
 */
IOMMU_API int iommu_vtd_interrupt_alloc(struct iommu_unit *unit, unsigned int count,
					struct iommu_vtd_interrupt *interrupt);

/*
 * iommu_vtd_interrupt_free - give a block back. Returns 0, or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware
 * did not confirm that it forgot them; they are then not used again before it has.
 */
IOMMU_API int iommu_vtd_interrupt_free(struct iommu_vtd_interrupt *interrupt);

/* Who may send an interrupt of a block that has no sender of its own. */
enum iommu_vtd_source {
	IOMMU_VTD_SOURCE_ANY = 0,
	IOMMU_VTD_SOURCE_ID,  /* source_id, but for ignored_function_bits */
	IOMMU_VTD_SOURCE_BUS, /* any device of the buses first_bus to last_bus: behind a bridge */
};

struct iommu_vtd_interrupt_target {
	enum iommu_vtd_source source; /* IOMMU_VTD_SOURCE_ANY where the block has a sender */
	uint16_t source_id;
	unsigned int ignored_function_bits; /* the highest 0 to 3 of the function number */
	uint8_t first_bus, last_bus;

	uint8_t vector; /* 16 to 255; of no meaning with a delivery mode above 1 */
	/* Delivered: */
	uint8_t delivery_mode; /* 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
	bool logical;          /* destination is a logical one */
	bool redirection_hint;
	bool level;
	uint32_t destination; /* APIC id; at most 255 without x2APIC mode */
	/* … or posted: noted in a descriptor of 64 bytes, aligned to them, at this address. */
	bool posted;
	bool urgent;
	iommu_paddr_t descriptor;
};

/*
 * iommu_vtd_interrupt_set - let interrupt `number` of a block pass as `target` says, from now on.
 *
 * When only the target changes and not the source, it changes in one piece; else the entry is
 * blocked for a moment, and the caller masks the device meanwhile if that matters. Returns 0, or
 *   IOMMU_EINVAL      number; a field of target is out of range, such as a vector below 16; a
 *                     source, where the block has a sender
 *   IOMMU_EOPNOTSUPP  posted, on a unit that cannot
 *   IOMMU_ETIMEDOUT, IOMMU_EIO  hardware may still use the entry as it was
 */
IOMMU_API int iommu_vtd_interrupt_set(const struct iommu_vtd_interrupt *interrupt,
				      unsigned int number,
				      const struct iommu_vtd_interrupt_target *target);

/* iommu_vtd_interrupt_clear - block it again. Errors as iommu_vtd_interrupt_set. */
IOMMU_API int iommu_vtd_interrupt_clear(const struct iommu_vtd_interrupt *interrupt,
					unsigned int number);

/*
 * iommu_vtd_interrupt_message - the MSI or MSI-X message for one interrupt of a block. For a
 * device with one message for several interrupts (multi-message MSI), number 0 of the block: the
 * device then counts up in the data. Any context.
 */
IOMMU_API void iommu_vtd_interrupt_message(const struct iommu_vtd_interrupt *interrupt,
					   unsigned int number, uint64_t *address, uint32_t *data);

/*
 * iommu_vtd_interrupt_ioapic_entry - the redirection entry of an I/O APIC pin. Vector and trigger
 * mode must be those of the target, since the I/O APIC looks at them when the interrupt ends.
 */
IOMMU_API uint64_t iommu_vtd_interrupt_ioapic_entry(const struct iommu_vtd_interrupt *interrupt,
						    unsigned int number, uint8_t vector, bool level,
						    bool active_low);

/*
 * iommu_vtd_find_ioapic, iommu_vtd_find_hpet - the unit and the source id of an I/O APIC (by the
 * id of ACPI's MADT) or of a timer block. IOMMU_ENOENT: firmware names none, or by a path through
 * bridges that the topology (iommu_set_pci_topology) does not show; an I/O APIC without one means
 * that interrupt remapping must stay off. Any context, but not while the topology changes.
 */
IOMMU_API int iommu_vtd_find_ioapic(struct iommu *iommu, unsigned int id, struct iommu_unit **unit,
				    uint16_t *source_id);
IOMMU_API int iommu_vtd_find_hpet(struct iommu *iommu, unsigned int number,
				  struct iommu_unit **unit, uint16_t *source_id);

IOMMU_END_DECLS
#endif
