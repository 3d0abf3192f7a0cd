/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for host bridges of POWER8 and later under OPAL firmware (PowerNV machines).
 *
 * A bridge sorts requests into partitionable endpoints (PEs) by their requester id; what one PE
 * does, no other sees, and within one nothing can be told apart: a PE is a group, named
 * domain<segment>-pe<hex>. Each has a window of bus addresses from 0 on, translated by a table of
 * TCEs in memory; an identity domain is a window through which addresses pass as they are. A second
 * window, from bit 59 on, can pass on all of memory beside the first (IOMMU_DOMAIN_DMA_BYPASS); it
 * is open only while such a domain is attached. Firmware sets windows and tells bridges to forget.
 *
 * Without a window all DMA of a PE is blocked, and freezes the PE: it stays blocked, also for
 * registers, until the host thaws it. So iommu_unit_disable blocks here: there is no "off" that
 * lets everything pass.
 *
 * When firmware or a bridge fails. A call of firmware that answered with an error may have done
 * nothing, or all: what was asked for is what the last call said that returned 0, and what a PE's
 * windows hold is in doubt. Every call of the control path tries to bring the two together, and
 * none returns 0 on top of a doubt that concerns it.
 *
 *   attach    the group keeps the domain that it had. If that could not be given back, its PE is
 *   closed as far
 *             as firmware obeys, and iommu_map in that domain is IOMMU_EIO, until an attach of the
 *             same domain or iommu_unit_enable returns 0.
 *   detach    the group has no domain, and its window may lead to what is mapped in the one it had.
 *   Until it is
 *             closed, a second detach, iommu_unit_enable, and probing another endpoint of the PE
 *             return the error. If the domain is freed meanwhile, what was mapped in it is not
 *             reached any more once the bridge has forgotten; its tables are kept until the window
 *             is closed.
 *   enable    of a unit that was off: all windows are closed again. Of one that was on: it stays
 *   so. disable   the windows that were closed are opened again: the unit is on as before.
 *   unmap     the bridge is told to forget all by the next operation on any of its domains, which
 *   returns 0 only
 *             when it has.
 *
 * Firmware and bridges that are busy for a second count as hung: they are asked again by each call,
 * but not waited for, until they have answered.
 *
 * Faults need no handler: a frozen PE is seen by the host's error recovery, and holds up no report
 * of another.
 *
 * Locking: see <libiommu/endpoint.h>. Firmware is called in any context in which mapping is done,
 * and never under a spinlock of the library.
 */
#ifndef LIBIOMMU_OPAL_H
#define LIBIOMMU_OPAL_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>

IOMMU_BEGIN_DECLS

#define IOMMU_OPAL_NO_PE UINT32_MAX

/* OPAL calls that the library makes. */
#define IOMMU_OPAL_SET_PE             31
#define IOMMU_OPAL_MAP_PE_WINDOW      44
#define IOMMU_OPAL_MAP_PE_WINDOW_REAL 45
#define IOMMU_OPAL_TCE_KILL           126

struct iommu_opal_config {
	uint64_t phb;     /* firmware's number of the bridge ("ibm,opal-phbid") */
	uint16_t segment; /* the host's */
	unsigned int pes; /* so many: 1 to 512 */
	/*
	 * Which PE do requests with this id belong to? The host has told firmware before it probes
	 * the endpoint; IOMMU_OPAL_NO_PE: to none, and the endpoint cannot be probed. NULL: the
	 * library keeps that, see iommu_opal_add_pe; all ids belong to none at first.
	 */
	uint32_t (*find_pe)(void *ctx, uint16_t source_id);
	/* That of ids which belong to none ("ibm,opal-reserved-pe"): never handed out. */
	uint32_t reserved_pe;
	/* Make a call: token and arguments; returns what firmware does. */
	int64_t (*call)(void *ctx, uint64_t token, const uint64_t arguments[7]);
	void *ctx;
	/* "ibm,supported-tce-sizes": bit n = pages of 2^n bytes; has to have 2^12. */
	uint64_t page_sizes;
	unsigned int output_bits; /* width of a physical address: 13 to 56 */
	unsigned int window_bits; /* a window is 2^bits bytes: 24 to 48 */
	/*
	 * The first address behind all of memory, for the windows that pass it on: at most 2^49. 0:
	 * there are none, and no domain with a bypass can be made.
	 */
	iommu_paddr_t memory_end;
	/*
	 * POWER8, whose firmware may know no IOMMU_OPAL_TCE_KILL: the physical address of the
	 * bridge's registers, the first range of "reg". It is told to forget through them, and
	 * waited for until they read as idle; 256 PEs at most. 0: firmware tells it.
	 */
	iommu_paddr_t registers;
	/* Where the bridge decodes registers, or interrupts: not used as device addresses. */
	iommu_iova_t reserved_start, reserved_last; /* start > last: none */
	/*
	 * With `registers`: the one that tells the bridge to forget keeps what was written, and
	 * never reads as idle. So do QEMU's POWER8 machines ("compatible" of the tree's root:
	 * "qemu,powernv8"), where iommu_opal_probe returns IOMMU_ETIMEDOUT without this. A read
	 * after the write is the confirmation then.
	 */
	bool register_is_silent;
};

/*
 * iommu_opal_probe - register a bridge, as the unit "phb" and its number. All windows are closed.
 *
 * Returns 0, IOMMU_EINVAL (the configuration, or a number of PEs beyond firmware's), IOMMU_EEXIST
 * (there is such a unit), IOMMU_ENOMEM, IOMMU_EFAULT (the registers could not be mapped), IOMMU_EIO
 * / IOMMU_ETIMEDOUT (firmware refuses, or it or the bridge is busy for too long): windows may be
 * open still.
 */
IOMMU_API int iommu_opal_probe(struct iommu *iommu, const struct iommu_opal_config *config);

/*
 * What a PE holds. Ids of one kind may lie within those of another, and are then the inner one's.
 */
enum iommu_opal_pe_kind {
	IOMMU_OPAL_PE_DEVICE,           /* one function */
	IOMMU_OPAL_PE_BUS,              /* all functions of a bus */
	IOMMU_OPAL_PE_BUS_ALL,          /* a bus and those below it */
	IOMMU_OPAL_PE_VIRTUAL_FUNCTION, /* one, which comes and goes */
};

#define IOMMU_OPAL_BUSES_MAX 32

struct iommu_opal_pe_config {
	enum iommu_opal_pe_kind kind;
	uint16_t source_id; /* of a function; of the first of a bus */
	/* Of IOMMU_OPAL_PE_BUS_ALL: 1 to 32, a power of two; the first is a multiple of it. */
	unsigned int buses;
	uint32_t number; /* of the PE; IOMMU_OPAL_NO_PE: any that is free */
};

/*
 * iommu_opal_add_pe - put ids into a PE, before their endpoints are probed. *number receives which.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      the kind, ids or buses make no sense; no such PE
 *   IOMMU_EEXIST      some of the ids, but not all with more around, are a PE's already
 *   IOMMU_EBUSY       an endpoint with one of them is probed; or the wanted PE is in use, or
 *                     reserved, or firmware does not close its window
 *   IOMMU_ENOSPC      no PE is free
 *   IOMMU_EOPNOTSUPP  the host keeps PEs itself (find_pe), or the unit is no bridge under OPAL
 *   IOMMU_EIO, IOMMU_ETIMEDOUT  firmware, which may have made it all the same, and not taken it
 *                     back: then that PE is not handed out, and no PE is made, none taken apart and
 *                     no endpoint probed, until firmware confirms where its ids are; or the same of
 *                     an earlier call
 *
 * iommu_opal_remove_pe - its ids are the PE's around it, or none's. IOMMU_ENOENT; IOMMU_EBUSY: it
 * has endpoints, or others lie within it; IOMMU_EOPNOTSUPP; IOMMU_EIO, IOMMU_ETIMEDOUT: it stays,
 * and its ids may be in doubt as above.
 *
 * iommu_opal_get_pe - what a PE holds. IOMMU_ENOENT, IOMMU_EOPNOTSUPP.
 *
 * All three: control path (<libiommu/endpoint.h>).
 */
IOMMU_API int iommu_opal_add_pe(struct iommu_unit *unit, const struct iommu_opal_pe_config *config,
				uint32_t *number);
IOMMU_API int iommu_opal_remove_pe(struct iommu_unit *unit, uint32_t number);
IOMMU_API int iommu_opal_get_pe(struct iommu_unit *unit, uint32_t number,
				struct iommu_opal_pe_config *config);

/*
 * iommu_opal_pe - the PE of an endpoint, or IOMMU_OPAL_NO_PE when it is none of this back end, or
 * was released.
 */
IOMMU_API uint32_t iommu_opal_pe(const struct iommu_endpoint *endpoint);

IOMMU_END_DECLS
#endif
