/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for guests of a PAPR hypervisor (pSeries machines), and the windows that it grants.
 *
 * Devices reach memory through windows of bus addresses whose entries (TCEs) the hypervisor keeps;
 * each has a number, its LIOBN. The device tree names one for each bridge ("ibm,dma-window"); more,
 * larger ones with larger pages can be asked for (dynamic DMA windows).
 *
 * Whatever is behind a window cannot be told apart by it, and is one group. A domain's tables are
 * the library's own; while it is attached the hypervisor's entries follow them. Each change is a
 * call, which has happened for devices, too, when it returns: nothing is invalidated, and lazy mode
 * saves nothing.
 *
 * When the hypervisor fails. A call that answered with an error may have done nothing, or all.
 *
 *   unmap     all entries of the range are tried, also behind one that was not cleared.
 *   IOMMU_ETIMEDOUT /
 *             IOMMU_EIO: some may lead where they did. They are remembered, all of them; every
 *             later map, unmap, attach and enable begins with them, and returns 0 only when they
 *             are clear.
 *   map       nothing is mapped; with IOMMU_ETIMEDOUT / IOMMU_EIO some of it may be reached, as
 *   after an unmap. attach    the group keeps the domain that it had. If the entries cannot follow
 *   that again, iommu_map in it
 *             is IOMMU_EIO until an attach of the same domain or iommu_unit_enable returns 0.
 *             Errors also IOMMU_EAGAIN (no resources for what is mapped there), IOMMU_EPERM,
 *             IOMMU_EFAULT (its memory is refused); resume likewise.
 *   detach    the group has no domain; what was not cleared is remembered as after an unmap. A
 *   second detach
 *             returns the error until all is clear.
 *   disable   the entries follow the domain again: the unit is on as before. enable: it is off as
 *   before.
 *
 * A hypervisor that is busy is waited for without a lock, for a second at most; then it counts as
 * hung, and is asked by each call but not waited for, until it has answered.
 *
 * For hosts that want no domains: <libiommu/tce_table.h>.
 */
#ifndef LIBIOMMU_PAPR_H
#define LIBIOMMU_PAPR_H

#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/tce_table.h>

IOMMU_BEGIN_DECLS

struct iommu_papr_window {
	uint32_t liobn;
	iommu_iova_t address; /* the first on the bus: a multiple of the page size */
	uint64_t size;        /* bytes: whole pages, at most 2^28 of them; 0: no window */
	unsigned int page_shift;
};

/*
 * iommu_papr_parse_window - read "ibm,dma-window" (or "ibm,my-dma-window"): number, address, size,
 * in pages of 4 KiB.
 *
 * @property: as it stands in the tree, big-endian; not trusted. @address_cells, @size_cells: of
 * "ibm,#dma-address-cells" and "ibm,#dma-size-cells", 1 or 2 each.
 * Returns 0, or IOMMU_EINVAL: too short, or such a window cannot be.
 */
IOMMU_API int iommu_papr_parse_window(const void *property, size_t size, unsigned int address_cells,
				      unsigned int size_cells, struct iommu_papr_window *window);

struct iommu_papr_config {
	uint16_t segment;
	uint16_t first_id, last_id; /* what is behind the window: source ids */
	uint32_t pe;                /* of the group's name, domain<segment>-pe<hex> */
	struct iommu_papr_window window;
	/*
	 * A second window that holds all of memory, for domains with a bypass
	 * (IOMMU_DOMAIN_DMA_BYPASS): physical address p at direct.address + p, while one is
	 * attached. Size 0: none.
	 */
	struct iommu_papr_window direct;
	iommu_paddr_t memory_end; /* the first address behind all of memory; used with `direct` */
	bool has_multiple;        /* IOMMU_H_PUT_TCE_INDIRECT and IOMMU_H_STUFF_TCE */
	/* See struct iommu_tce_papr_config. Called with a spinlock held: it must not wait. */
	int64_t (*call)(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			uint64_t third, uint64_t fourth, uint64_t *result);
	void *ctx;
};

/*
 * iommu_papr_probe - register a window, as the unit "liobn" and its number in hexadecimal. Its
 * entries are cleared.
 *
 * Only these windows are: others of the bridge that a kernel before this one has asked for lead
 * where it left them, until they are removed (iommu_papr_reset_windows).
 *
 * Returns 0, IOMMU_EINVAL (the configuration; `direct` does not hold all of memory), IOMMU_EEXIST
 * (one of the numbers is a unit's already, for either use), IOMMU_ENOMEM, IOMMU_EIO /
 * IOMMU_ETIMEDOUT (the hypervisor knows no such window, or does not clear it).
 */
IOMMU_API int iommu_papr_probe(struct iommu *iommu, const struct iommu_papr_config *config);

/* --- Dynamic windows -------------------------------------------------------------------------- */

/*
 * What the device tree says of a bridge, and how its services (RTAS) are called. `rtas` returns the
 * status, outputs[0]; it is called again while that says busy.
 */
struct iommu_papr_ddw {
	const struct iommu_platform *platform;
	uint32_t config_address;                          /* bus << 16 | device and function << 8 */
	uint64_t bridge;                                  /* its unit id */
	uint32_t query_token, create_token, remove_token; /* "ibm,ddw-applicable" */
	uint32_t reset_token;                             /* "ibm,ddw-extensions", 1; 0: none */
	bool has_wide_query;                              /* "ibm,ddw-extensions", 2, is 1 */
	int32_t (*rtas)(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
			unsigned int output_count, uint32_t *outputs);
	void *ctx;
};

/*
 * iommu_papr_parse_ddw - read both properties into the tokens; extensions may be NULL. Returns 0,
 * or IOMMU_EINVAL: too short.
 */
IOMMU_API int iommu_papr_parse_ddw(const void *applicable, size_t applicable_size,
				   const void *extensions, size_t extensions_size,
				   struct iommu_papr_ddw *ddw);

struct iommu_papr_grant {
	uint32_t windows;       /* that can still be made */
	uint64_t largest_pages; /* of one */
	uint64_t page_sizes;    /* bit n = pages of 2^n bytes */
};

/*
 * All of these: 0, IOMMU_EINVAL (arguments), IOMMU_EIO (it says no), IOMMU_ETIMEDOUT (busy for too
 * long).
 *
 * iommu_papr_query_windows - what can be had.
 * iommu_papr_create_window - make one of 2^size_shift bytes, in pages of 2^page_shift (*window
 * receives it; its entries are clear).
 * iommu_papr_remove_window - by its number. iommu_papr_reset_windows - back to the first window
 * alone; IOMMU_EOPNOTSUPP without the token.
 */
IOMMU_API int iommu_papr_query_windows(const struct iommu_papr_ddw *ddw,
				       struct iommu_papr_grant *grant);
IOMMU_API int iommu_papr_create_window(const struct iommu_papr_ddw *ddw, unsigned int page_shift,
				       unsigned int size_shift, struct iommu_papr_window *window);
IOMMU_API int iommu_papr_remove_window(const struct iommu_papr_ddw *ddw, uint32_t liobn);
IOMMU_API int iommu_papr_reset_windows(const struct iommu_papr_ddw *ddw);

/*
 * iommu_papr_open_window - the window that suits best: with the largest pages of those in
 * `page_sizes` that the hypervisor offers; for all of memory where that is to be had, and
 * *holds_memory then says so; otherwise as large as there is.
 *
 * @mask: the highest address that all devices behind it can put on the bus. @first: the first
 * window, to be given up when nothing is to be had otherwise; it is removed only if it can be
 * brought back, and first->size is then 0. NULL: it stays. Bringing it back removes every other
 * window of the bridge that was asked for: with @first given, none may be in use.
 *
 * Returns 0, or, with *window and *holds_memory as they were, IOMMU_ENOSPC (none is to be had),
 * IOMMU_ERANGE (one is, beyond the mask), or the errors of iommu_papr_query_windows. Everything is
 * as it was then, but first->size is 0 where the first window was not brought back.
 */
IOMMU_API int iommu_papr_open_window(const struct iommu_papr_ddw *ddw, uint64_t page_sizes,
				     iommu_paddr_t memory_end, uint64_t mask,
				     struct iommu_papr_window *first,
				     struct iommu_papr_window *window, bool *holds_memory);

IOMMU_END_DECLS
#endif
