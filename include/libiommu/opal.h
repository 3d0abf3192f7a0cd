/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for host bridges of POWER8 and later under OPAL firmware (PowerNV machines).
 *
 * A bridge assigns requests to partitionable endpoints (PEs) by their requester id. PEs are
 * isolated from each other, and requests within a PE cannot be told apart: a PE is a group, named
 * domain<segment>-pe<hex>. Each PE has a window of bus addresses from 0 on, translated by a table
 * of TCEs in memory; an identity domain is a window that passes addresses unchanged. A second
 * window, from bit 59 on, can pass all of memory in addition to the first
 * (IOMMU_DOMAIN_DMA_BYPASS); it is open only while such a domain is attached. Firmware configures
 * windows and invalidates the bridges' caches.
 *
 * Devices with more than 32 address bits that cannot generate bit 59 (bypass_width of struct
 * iommu_domain_config) get their bypass in the first window, where the bridge has pages of 16 MiB
 * or more, as POWER8's have of 256 MiB, and the devices reach 4 GiB beyond the end of memory:
 * address p of memory is at 4 GiB + p, through a table of the largest pages up to 4 GiB. All else
 * that the domain maps lies below 4 GiB and is in such pages, too, so that other devices of the PE,
 * with 32 address bits, have no use for it: it is for devices that are alone in their PE. Their
 * drivers have a DMA handle whose addresses are those of the bypass (iommu_dma_create, over a
 * domain of type IOMMU_DOMAIN_DMA), or add the offset themselves (iommu_domain_bypass).
 *
 * Without a window all DMA of a PE is blocked and freezes the PE: it stays blocked, including
 * accesses to its registers, until the host thaws it. Thus iommu_unit_disable blocks DMA here: no
 * state of the bridge passes everything.
 *
 * Failures of firmware or of a bridge. A firmware call that returned an error may have done
 * nothing, or everything: the intended state is that of the last call that returned 0, and the
 * actual state of a PE's windows is uncertain. Every control path call tries to bring the two
 * together, and none returns 0 while a window that it concerns is uncertain.
 *
 *   - attach: the group keeps its domain. If that could not be restored, the PE is closed as far as
 *     firmware obeys, and iommu_map in that domain is IOMMU_EIO until an attach of the same domain
 *     or iommu_unit_enable returns 0; and so is iommu_unmap where firmware does not close it.
 *   - detach: the group has no domain, and its window may still lead to what is mapped in its
 *     former domain. Until it is closed, a second detach, iommu_unit_enable, and probing another
 *     endpoint of the PE return the error. If the domain is freed meanwhile, its mappings are no
 *     longer reachable once the bridge has confirmed the invalidation; its tables are kept until
 *     the window is closed.
 *   - enable of a disabled unit: all windows are closed again. Of an enabled unit: it stays
 *     enabled.
 *   - disable: the windows that were closed are opened again: the unit is enabled as before.
 *   - unmap: the next operation on any domain of the bridge invalidates everything, and returns 0
 *     only when that is confirmed.
 *
 * Whatever firmware answers is IOMMU_EIO, also that it refuses a parameter: what is named to it is
 * what it has reported itself.
 *
 * Firmware and bridges that are busy for a second count as hung: later calls ask again without
 * waiting, until they have answered.
 *
 * Error recovery (has_eeh): the functions of <libiommu/eeh.h> ask firmware whether a PE is
 * frozen, freeze and thaw it, and iommu_unit_handle_faults reports the freezes of PEs that have
 * endpoints. Such a fault is reported for one endpoint of the PE, its address is 0 because firmware
 * does not tell, and its reason is the type that firmware gives: 2 the bridge, 3 the PE, 4 an
 * access of a CPU, 5 DMA. Without it, faults need no handler, and the host's own recovery
 * finds a frozen PE.
 *
 * Locking: see <libiommu/endpoint.h>. Firmware is called in every context in which map and unmap
 * are called, and never under a spinlock of the library.
 */
#ifndef LIBIOMMU_OPAL_H
#define LIBIOMMU_OPAL_H

#include <libiommu/eeh.h>
#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

#define IOMMU_OPAL_NO_PE UINT32_MAX

/* OPAL calls that the library uses; the last five with has_eeh only. */
#define IOMMU_OPAL_SET_PE             31
#define IOMMU_OPAL_MAP_PE_WINDOW      44
#define IOMMU_OPAL_MAP_PE_WINDOW_REAL 45
#define IOMMU_OPAL_TCE_KILL           126
#define IOMMU_OPAL_FREEZE_STATUS      23
#define IOMMU_OPAL_FREEZE_CLEAR       26
#define IOMMU_OPAL_SET_PELTV          32
#define IOMMU_OPAL_PHB_DIAGNOSTICS    64
#define IOMMU_OPAL_FREEZE_SET         97

struct iommu_opal_config {
	uint64_t phb;     /* firmware's id of the bridge ("ibm,opal-phbid") */
	uint16_t segment; /* number that the host assigns */
	unsigned int pes; /* number of PEs: 1 to 512 */
	/*
	 * The PE of requests with this id, which the host has configured before it probes the
	 * endpoint; IOMMU_OPAL_NO_PE: none, and the endpoint cannot be probed. NULL: the library
	 * manages PEs, see iommu_opal_add_pe; initially no id has a PE.
	 */
	uint32_t (*find_pe)(void *ctx, uint16_t source_id);
	/* The PE of ids that have none ("ibm,opal-reserved-pe"): never allocated. */
	uint32_t reserved_pe;
	/* Make a firmware call with this token and arguments; returns firmware's result. */
	int64_t (*call)(void *ctx, uint64_t token, const uint64_t arguments[7]);
	void *ctx;
	/* "ibm,supported-tce-sizes": bit n = pages of 2^n bytes; 2^12 is required. */
	uint64_t page_sizes;
	unsigned int output_bits; /* width of a physical address: 13 to 56 */
	unsigned int window_bits; /* a window is 2^bits bytes: 24 to 48 */
	/*
	 * End of memory (last address + 1), for windows that pass it: at most 2^49. 0: there are no
	 * such windows, and no domain with a bypass can be made.
	 */
	iommu_paddr_t memory_end;
	/*
	 * POWER8, whose firmware may not support IOMMU_OPAL_TCE_KILL: physical address of the
	 * bridge's registers, the first range of "reg". The bridge is invalidated through them, and
	 * polled until they read as idle; 256 PEs at most. 0: firmware invalidates.
	 */
	iommu_paddr_t registers;
	/* Bus addresses that the bridge decodes as registers or interrupts: not used for DMA. */
	iommu_iova_t reserved_start, reserved_last; /* last 0, or below start: none */
	/*
	 * With `registers`: the invalidation register keeps the written value, and never reads as
	 * idle, as on QEMU's POWER8 machines ("compatible" of the tree's root: "qemu,powernv8"),
	 * where iommu_opal_probe returns IOMMU_ETIMEDOUT without this flag. A read after the write
	 * is then the confirmation.
	 */
	bool register_is_silent;
	unsigned int flags; /* 0; others: IOMMU_EINVAL */
	/* Error recovery (<libiommu/eeh.h>); firmware writes its answers to the library's pages. */
	bool has_eeh;
	/*
	 * With has_eeh: "ibm,phb-diag-data-size", in bytes, at most 64 KiB; 0: 8576, which is
	 * enough for all bridges so far.
	 */
	uint32_t diagnostics_size;
};

/*
 * iommu_opal_probe - register a bridge as the unit "phb" followed by its id. All windows are
 * closed.
 *
 * Returns 0, IOMMU_EINVAL (the configuration, or more PEs than firmware has), IOMMU_EEXIST (the
 * unit exists), IOMMU_ENOMEM, IOMMU_EFAULT (the registers could not be mapped), IOMMU_EIO /
 * IOMMU_ETIMEDOUT (firmware refuses, or firmware or the bridge is busy for too long): windows may
 * still be open.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_opal_probe(struct iommu *iommu, const struct iommu_opal_config *config);

/*
 * What a PE contains. Ids of one PE may lie within those of another, and then belong to the inner
 * one.
 */
enum iommu_opal_pe_kind {
	IOMMU_OPAL_PE_DEVICE,           /* one function */
	IOMMU_OPAL_PE_BUS,              /* all functions of a bus */
	IOMMU_OPAL_PE_BUS_ALL,          /* a bus and those below it */
	IOMMU_OPAL_PE_VIRTUAL_FUNCTION, /* a virtual function, which may be added and removed */
};

#define IOMMU_OPAL_BUSES_MAX 32

struct iommu_opal_pe_config {
	enum iommu_opal_pe_kind kind;
	uint16_t source_id; /* of a function; of the first function of a bus */
	/* Of IOMMU_OPAL_PE_BUS_ALL: 1 to 32, a power of two; the first bus is a multiple of it. */
	unsigned int buses;
	uint32_t number;    /* number of the PE; IOMMU_OPAL_NO_PE: any that is free */
	unsigned int flags; /* 0; others: IOMMU_EINVAL */
};

/*
 * iommu_opal_add_pe - assign ids to a PE, before their endpoints are probed.
 *
 * @number: receives the number of the PE.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      the kind, ids or buses make no sense; no such PE
 *   IOMMU_EEXIST      the ids overlap those of another PE without lying completely within them
 *   IOMMU_EBUSY       an endpoint with one of the ids was probed; or the requested PE is in use or
 *                     reserved, or firmware does not close its window
 *   IOMMU_ENOSPC      no PE is free
 *   IOMMU_ENOMEM      with has_eeh
 *   IOMMU_EOPNOTSUPP  the host manages PEs itself (find_pe), or the unit is no bridge under OPAL
 *   IOMMU_EIO, IOMMU_ETIMEDOUT
 *                     firmware, which may have assigned the ids all the same, and not undone it:
 *                     that PE is then not allocated, and no PE is added or removed and no endpoint
 *                     probed until firmware confirms the assignment of the ids; or the same after
 *                     an earlier call
 *
 * iommu_opal_remove_pe - remove a PE: its ids belong to the PE around it, or to none. IOMMU_ENOENT:
 * no such PE; IOMMU_EBUSY: it has endpoints, or other PEs lie within it; IOMMU_EOPNOTSUPP;
 * IOMMU_EIO, IOMMU_ETIMEDOUT: it remains, and its ids may be uncertain as above.
 *
 * iommu_opal_get_pe - the contents of a PE. IOMMU_ENOENT, IOMMU_EOPNOTSUPP.
 *
 * All three: control path (<libiommu/endpoint.h>).
 */
IOMMU_API int iommu_opal_add_pe(struct iommu_unit *unit, const struct iommu_opal_pe_config *config,
				uint32_t *number);
IOMMU_API int iommu_opal_remove_pe(struct iommu_unit *unit, uint32_t number);
IOMMU_API int iommu_opal_get_pe(struct iommu_unit *unit, uint32_t number,
				struct iommu_opal_pe_config *config);

/*
 * Freezes that spread, with has_eeh. A bridge keeps, for each PE, the PEs that freeze with
 * it (PELT-V).
 *
 * iommu_opal_link_pes - when `parent` freezes, `child` freezes, too: an error of a switch or of a
 * physical function stops what is behind it. With IOMMU_OPAL_COMPOUND the two are also master and
 * slave of one compound PE: a freeze of either is one of both, and both are asked about, frozen and
 * thawed as one. A PE is the slave of at most one other.
 *
 * iommu_opal_unlink_pes - end the link of PEs.
 *
 * A PE of iommu_opal_add_pe freezes by itself from then on; iommu_opal_remove_pe is refused while
 * others are linked with it. Where the host manages PEs, it has set that up.
 *
 * Both return 0, or
 *   IOMMU_EINVAL      no such PE, both are the same, or unknown flags
 *   IOMMU_EEXIST      they are linked already; or, where one of the two links is a compound's,
 *                     the other way
 *   IOMMU_ENOENT      unlinked, and they were not linked
 *   IOMMU_EBUSY       the child is a slave already, or has slaves; or the parent is a slave
 *   IOMMU_ENOMEM
 *   IOMMU_EOPNOTSUPP  without has_eeh; or the unit is no bridge under OPAL
 *   IOMMU_EIO, IOMMU_ETIMEDOUT
 *                     firmware, which may have done it all the same: whether they are linked is in
 *                     doubt, and is as it was before once a later call of either, or an attach,
 *                     detach or enable that returns 0, has set it right
 *
 * Control path.
 */
#define IOMMU_OPAL_COMPOUND 1U
IOMMU_API int iommu_opal_link_pes(struct iommu_unit *unit, uint32_t parent, uint32_t child,
				  unsigned int flags);
IOMMU_API int iommu_opal_unlink_pes(struct iommu_unit *unit, uint32_t parent, uint32_t child);

/* From a bridge's diagnostic data, of one PE. */
struct iommu_opal_diagnosis {
	uint32_t generation;    /* of the bridge: 3, or 4 for later ones, too */
	uint32_t uncorrectable; /* AER's status of uncorrectable errors (PCIe) */
	uint16_t source_id;     /* of the device that sent the last error message */
	/* The PE's words of the state table: of its registers and of its DMA; bit 63: stopped. */
	uint64_t io_state, dma_state;
	bool is_io_stopped, is_dma_stopped;
};

/*
 * iommu_opal_read_diagnostics - read what iommu_group_get_diagnostics has returned, all of it, for
 * one PE. Returns 0, or IOMMU_EINVAL: too short, of another form, or the bridge has no such PE. Any
 * context.
 */
IOMMU_API int iommu_opal_read_diagnostics(const void *data, size_t size, uint32_t pe,
					  struct iommu_opal_diagnosis *diagnosis);

/*
 * iommu_opal_pe - the PE of an endpoint; IOMMU_OPAL_NO_PE: the endpoint is of another back end, or
 * was released. Context: any, as long as the endpoint exists; takes no lock.
 */
IOMMU_API uint32_t iommu_opal_pe(const struct iommu_endpoint *endpoint);

IOMMU_END_DECLS
#endif
