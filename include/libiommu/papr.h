/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for guests of a PAPR hypervisor (pSeries machines), and the windows that it grants.
 *
 * Devices access memory through windows of bus addresses whose entries (TCEs) the hypervisor keeps;
 * a window has a number, its LIOBN. The device tree describes one for each bridge
 * ("ibm,dma-window"); more, larger ones with larger pages can be requested (dynamic DMA windows).
 *
 * Devices behind the same window cannot be told apart, and are one group. A domain's tables are the
 * library's own; while it is attached, the hypervisor's entries are kept equal to them. A change is
 * complete, for devices too, when the hypervisor call returns: nothing is invalidated, and lazy
 * mode has no benefit.
 *
 * Failures of the hypervisor. A call that returned an error may have done nothing, or everything.
 *
 *   - unmap: all entries of the range are tried, also after one that was not cleared.
 *     IOMMU_ETIMEDOUT / IOMMU_EIO: some entries may be unchanged. All of them are remembered; every
 *     later map, unmap, attach and enable starts with them, and returns 0 only when they are clear.
 *   - map: nothing is mapped; with IOMMU_ETIMEDOUT / IOMMU_EIO some of it may be reachable, as
 *     after an unmap.
 *   - attach: the group keeps its domain. If the entries cannot be set to that domain again,
 *     iommu_map in it is IOMMU_EIO until an attach of the same domain or iommu_unit_enable returns
 *     0; and so is iommu_unmap while a bypass that another domain was to have may be open. Errors
 *     also IOMMU_EAGAIN (no resources for its mappings), IOMMU_EPERM, IOMMU_EFAULT (its memory is
 *     refused). The same holds for resume.
 *   - detach: the group has no domain; entries that were not cleared are remembered as after an
 *     unmap. A second detach returns the error until all are clear.
 *   - disable: the entries are set to the domain again: the unit is enabled as before. enable: the
 *     unit is disabled as before.
 *
 * A hypervisor that is busy is waited for without a lock, for a second at most; then it counts as
 * hung: later calls ask again without waiting, until it has answered.
 *
 * Error recovery (struct iommu_papr_eeh): the hypervisor is asked to watch each endpoint at its
 * probe; one that it does not watch is never frozen, which is logged. iommu_unit_handle_faults
 * reports a freeze for one endpoint of the window, without an address; its reason is the
 * hypervisor's state of the PE: 1 in reset, 2 stopped, 4 DMA stopped, 5 unavailable. Registers are
 * thawed before DMA; a thaw of DMA alone is refused by the hypervisor while they are stopped. It
 * freezes all or nothing (IOMMU_STOPPED_ALL).
 *
 * For hosts that do not need domains: <libiommu/tce_table.h>.
 */
#ifndef LIBIOMMU_PAPR_H
#define LIBIOMMU_PAPR_H

#include <libiommu/eeh.h>
#include <libiommu/endpoint.h>
#include <libiommu/instance.h>
#include <libiommu/status.h>
#include <libiommu/tce_table.h>

IOMMU_BEGIN_DECLS

struct iommu_papr_window {
	uint32_t liobn;
	iommu_iova_t address; /* first bus address: a multiple of the page size */
	uint64_t size;        /* in bytes: whole pages, at most 2^28 of them; 0: no window */
	unsigned int page_shift;
};

/*
 * iommu_papr_parse_window - read "ibm,dma-window" (or "ibm,my-dma-window"): number, address, size,
 * in pages of 4 KiB.
 *
 * @property:                   as in the device tree, big-endian; not trusted.
 * @address_cells, @size_cells: of "ibm,#dma-address-cells" and "ibm,#dma-size-cells", 1 or 2 each.
 *
 * Returns 0, or IOMMU_EINVAL: too short, or an impossible window. Context: any; takes no lock.
 */
IOMMU_API int iommu_papr_parse_window(const void *property, size_t size, unsigned int address_cells,
				      unsigned int size_cells, struct iommu_papr_window *window);

/*
 * The services of error recovery (RTAS) for the PE of a window, with their tokens from the device
 * tree; `rtas` as in struct iommu_papr_ddw. It is also called by iommu_unit_handle_faults, in the
 * contexts in which the host calls that.
 */
struct iommu_papr_eeh {
	int32_t (*rtas)(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
			unsigned int output_count, uint32_t *outputs); /* NULL: no recovery */
	void *ctx;
	uint32_t pe_address;      /* of "ibm,get-config-addr-info2" */
	uint64_t bridge;          /* unit id of the bridge */
	uint32_t option_token;    /* "ibm,set-eeh-option" */
	uint32_t state_token;     /* "ibm,read-slot-reset-state2" */
	uint32_t detail_token;    /* "ibm,slot-error-detail"; 0: there are no diagnostic data */
	uint32_t configure_token; /* "ibm,configure-pe" or "ibm,configure-bridge"; 0: none */
	/*
	 * Memory for error logs, below 4 GiB and contiguous, which the library uses as long as the
	 * unit exists; log_size: at least 8 ("rtas-error-log-max"). NULL: no diagnostic data.
	 */
	void *log;
	uint32_t log_size;
};

/* A range of memory, in whole pages of the second windows. */
struct iommu_papr_memory {
	iommu_paddr_t start;
	uint64_t size;
};

struct iommu_papr_config {
	uint16_t segment;
	uint16_t first_id, last_id; /* source ids of the devices behind the window */
	uint32_t pe;                /* of the group's name, domain<segment>-pe<hex> */
	struct iommu_papr_window window;
	/*
	 * A second window that contains all of memory, for domains with a bypass
	 * (IOMMU_DOMAIN_DMA_BYPASS): physical address p at direct.address + p, while one is
	 * attached. Size 0: none. Both may be parts of one window of the hypervisor, with its
	 * number and page size (iommu_papr_split_window).
	 */
	struct iommu_papr_window direct;
	/* End of memory (last address + 1); used with `direct`. */
	iommu_paddr_t memory_end;
	bool has_multiple; /* supports IOMMU_H_PUT_TCE_INDIRECT and IOMMU_H_STUFF_TCE */
	/* See struct iommu_tce_papr_config. Called with a spinlock held: it must not wait. */
	int64_t (*call)(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			uint64_t third, uint64_t fourth, uint64_t *result);
	void *ctx;
	unsigned int flags;        /* 0; others: IOMMU_EINVAL */
	struct iommu_papr_eeh eeh; /* error recovery: <libiommu/eeh.h> */
	/*
	 * With `direct`: the end of all memory that may ever be there (iommu_papr_add_memory), for
	 * which the window has room, and which is what devices must reach for a bypass; 0:
	 * memory_end. And the ranges that are memory now, of which there are `memory_count`, read
	 * by the probe; NULL: all below memory_end, rounded up to the window's pages.
	 */
	iommu_paddr_t memory_limit;
	const struct iommu_papr_memory *memory;
	size_t memory_count;
};

/*
 * iommu_papr_probe - register a window as the unit "liobn" followed by its number in hexadecimal.
 * Its entries are cleared.
 *
 * Only these windows are cleared: others of the bridge that an earlier kernel has requested remain
 * as they were, until they are removed (iommu_papr_reset_windows).
 *
 * Returns 0, IOMMU_EINVAL (the configuration; `direct` does not contain all of memory),
 * IOMMU_EEXIST (one of the numbers is in use by a unit), IOMMU_ENOMEM, IOMMU_EIO / IOMMU_ETIMEDOUT
 * (the hypervisor knows no such window, or does not clear it).
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_papr_probe(struct iommu *iommu, const struct iommu_papr_config *config);

/*
 * Memory that comes and goes (DLPAR): the second windows of all units of the instance follow. A
 * window that is open leads to what is memory and nowhere else; one that is closed will.
 *
 * iommu_papr_add_memory - map a range that has become memory: before it is used for DMA.
 *
 * iommu_papr_remove_memory - unmap a range of memory that is about to go: before it is given back,
 * when no buffer in it is mapped and none will be. When this returns 0, no device reaches it
 * through any window.
 *
 * Both return 0, or
 *   IOMMU_EINVAL      size 0, or not whole pages of one of the windows
 *   IOMMU_EOVERFLOW   the range wraps
 *   IOMMU_ERANGE      beyond memory_limit of one of the units
 *   IOMMU_EEXIST      (add) part of it is memory already
 *   IOMMU_ENOENT      (remove) part of it is not
 *   IOMMU_EBUSY       (remove) a domain that is attached maps part of it, in a first window
 *   IOMMU_ENOMEM
 *   IOMMU_EAGAIN      (add) the hypervisor has no resources for more entries
 *   IOMMU_EIO, IOMMU_ETIMEDOUT
 *                     the hypervisor does not change an entry, or has not confirmed earlier changes
 *
 * On failure no window follows: those that did are set back. Where the hypervisor refuses that,
 * too, the window is in doubt, as after an attach that failed, and is set right by any later call
 * of the control path that returns 0; until then devices may reach the range, or may not. Control
 * path.
 */
IOMMU_API int iommu_papr_add_memory(struct iommu *iommu, iommu_paddr_t start, uint64_t size);
IOMMU_API int iommu_papr_remove_memory(struct iommu *iommu, iommu_paddr_t start, uint64_t size);

/*
 * iommu_papr_configure_pe - have the hypervisor configure the bridges of the unit's PE again, after
 * its devices were reset. Returns 0, IOMMU_EOPNOTSUPP (the unit is no window of a hypervisor, or
 * has no such service), IOMMU_EIO (refused) or IOMMU_ETIMEDOUT (busy for too long). Control path.
 */
IOMMU_API int iommu_papr_configure_pe(struct iommu_unit *unit);

/* --- Dynamic windows -------------------------------------------------------------------------- */

/*
 * The dynamic DMA window services (RTAS) of a bridge, from the device tree. `rtas` returns the
 * status, outputs[0]; it is called again while that is busy.
 */
struct iommu_papr_ddw {
	const struct iommu_platform *platform;
	uint32_t config_address;                          /* bus << 16 | device and function << 8 */
	uint64_t bridge;                                  /* unit id of the bridge */
	uint32_t query_token, create_token, remove_token; /* "ibm,ddw-applicable" */
	uint32_t reset_token;                             /* "ibm,ddw-extensions", 1; 0: none */
	bool has_wide_query;                              /* "ibm,ddw-extensions", 2, is 1 */
	int32_t (*rtas)(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
			unsigned int output_count, uint32_t *outputs);
	void *ctx;
	uint32_t limit_token; /* "ibm,ddw-extensions", 3; 0: none */
};

/*
 * iommu_papr_parse_ddw - read both properties into the tokens; extensions may be NULL. Returns 0,
 * or IOMMU_EINVAL: too short. Context: any; takes no lock.
 */
IOMMU_API int iommu_papr_parse_ddw(const void *applicable, size_t applicable_size,
				   const void *extensions, size_t extensions_size,
				   struct iommu_papr_ddw *ddw);

struct iommu_papr_grant {
	uint32_t windows;       /* number that can still be created */
	uint64_t largest_pages; /* maximum size of one */
	uint64_t page_sizes;    /* bit n = pages of 2^n bytes */
};

/*
 * All of these return 0, IOMMU_EINVAL (arguments), IOMMU_EIO (the hypervisor refuses), or
 * IOMMU_ETIMEDOUT (busy for too long); those that need a token that there is not,
 * IOMMU_EOPNOTSUPP.
 *
 * iommu_papr_query_windows - which windows can be created. iommu_papr_create_window - create a
 * window of 2^size_shift bytes, in pages of 2^page_shift; *window receives it, and its entries are
 * clear. iommu_papr_remove_window - remove a window by its number. iommu_papr_reset_windows -
 * return to the first window alone (reset_token). iommu_papr_query_anew - reset the windows, and
 * ask which can be created: when an earlier kernel may have left windows that are not described;
 * none of the bridge's windows may be in use. iommu_papr_limit_addresses - windows that are created
 * from now on lie at addresses of less than 64 bits, for devices that have no more (limit_token); a
 * bridge has this state until it is reset. Context: may sleep: a busy hypervisor is waited for; one
 * call at a time for a bridge.
 */
IOMMU_API int iommu_papr_query_windows(const struct iommu_papr_ddw *ddw,
				       struct iommu_papr_grant *grant);
IOMMU_API int iommu_papr_create_window(const struct iommu_papr_ddw *ddw, unsigned int page_shift,
				       unsigned int size_shift, struct iommu_papr_window *window);
IOMMU_API int iommu_papr_remove_window(const struct iommu_papr_ddw *ddw, uint32_t liobn);
IOMMU_API int iommu_papr_reset_windows(const struct iommu_papr_ddw *ddw);
IOMMU_API int iommu_papr_query_anew(const struct iommu_papr_ddw *ddw,
				    struct iommu_papr_grant *grant);
IOMMU_API int iommu_papr_limit_addresses(const struct iommu_papr_ddw *ddw);

/*
 * iommu_papr_open_window - create the most suitable window: with the largest pages among
 * `page_sizes` that the hypervisor offers; for all of memory if possible, which *holds_memory
 * tells; otherwise as large as possible.
 *
 * @mask:  the highest address that all devices behind it can generate.
 * @first: the first window, to be given up if no window can be created otherwise; it is removed
 *         only if it can be restored, and first->size is then 0. NULL: it is kept. Restoring it
 *         removes every other requested window of the bridge: with @first given, none may be in
 *         use.
 *
 * A window that is made beyond the mask is removed; with limit_token, one is then made at lower
 * addresses (iommu_papr_limit_addresses).
 *
 * Returns 0, or, with *window and *holds_memory unchanged, IOMMU_ENOSPC (none can be created),
 * IOMMU_ERANGE (only one beyond the mask), or the errors of iommu_papr_query_windows. Nothing has
 * changed then, except that first->size is 0 if the first window was not restored.
 *
 * Context: may sleep: a busy hypervisor is waited for; one call at a time for a bridge.
 */
IOMMU_API int iommu_papr_open_window(const struct iommu_papr_ddw *ddw, uint64_t page_sizes,
				     iommu_paddr_t memory_end, uint64_t mask,
				     struct iommu_papr_window *first,
				     struct iommu_papr_window *window, bool *holds_memory);

/*
 * iommu_papr_split_window - make one window of the hypervisor both of struct iommu_papr_config: its
 * low part leads to memory as it is, and pages are mapped in the rest. For bridges that grant a
 * single window, for memory that is mapped page by page (persistent memory beyond memory_limit),
 * and for devices of few address bits, which need both close to each other. The window is one of
 * more than all of memory: iommu_papr_open_window with memory_limit plus the size that is wanted of
 * the rest as memory_end.
 *
 * @direct: receives the part from its first address on, for memory_limit in whole pages.
 * @rest:   receives the other part.
 *
 * Returns 0, or IOMMU_EINVAL: `whole` is no window, memory_limit is 0, or nothing is left. Context:
 * any; takes no lock.
 */
IOMMU_API int iommu_papr_split_window(const struct iommu_papr_window *whole,
				      iommu_paddr_t memory_limit, struct iommu_papr_window *direct,
				      struct iommu_papr_window *rest);

/* --- Windows of an earlier kernel ------------------------------------------------------------- */

#define IOMMU_PAPR_LEFT_WINDOW_SIZE 24

/* What a window is wanted for: see iommu_papr_open_window. */
struct iommu_papr_wanted {
	uint64_t page_sizes;
	iommu_paddr_t memory_end;
	uint64_t mask;
};

/*
 * A kernel that starts another one (kexec, kdump) leaves the windows that it has requested. It
 * describes them for the other in the device tree: "linux,direct64-ddr-window-info" and
 * "linux,dma64-ddr-window-info". They are adopted or removed before any of the bridge's windows is
 * a unit's; all of them at once by iommu_papr_query_anew. The probe of an adopted window clears its
 * entries, so that DMA of the earlier kernel is blocked, and freezes its PE until its first
 * endpoint is probed (struct iommu_papr_eeh).
 *
 * iommu_papr_parse_left_window - read such a property: 24 bytes, or 20 without padding; not
 * trusted. IOMMU_EINVAL: of another size, or an impossible window.
 *
 * iommu_papr_describe_window - the contents of such a property for the next kernel; the window's
 * size is a power of two, or IOMMU_EINVAL.
 *
 * iommu_papr_find_window - ask the hypervisor whether it has a window: IOMMU_ENOENT: it has none of
 * this number, at this address, of this size. Of `hypervisor`, `call` and `ctx` are used. Also for
 * the first window, which an earlier kernel may have given up; iommu_papr_reset_windows restores
 * it.
 *
 * iommu_papr_adopt_window - take such a window where it suits, as iommu_papr_open_window would make
 * one: *window and *holds_memory receive it. The window's last entry is set for a moment, to find
 * out how large its pages are, and set back. IOMMU_ENOENT: the hypervisor has no such window, or
 * one with pages of another size; or the window does not suit and was removed: one can be opened
 * instead. IOMMU_EINVAL: the property
 * makes no sense; nothing was removed.
 *
 * All return 0, the errors above, or those of iommu_papr_query_windows. Context: may sleep: a busy
 * hypervisor is waited for; one call at a time for a bridge. The first two are of any context.
 */
IOMMU_API int iommu_papr_parse_left_window(const void *property, size_t size,
					   struct iommu_papr_window *window);
IOMMU_API int iommu_papr_describe_window(const struct iommu_papr_window *window,
					 unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE]);
IOMMU_API int iommu_papr_find_window(const struct iommu_platform *platform,
				     const struct iommu_papr_config *hypervisor,
				     const struct iommu_papr_window *window);
IOMMU_API int iommu_papr_adopt_window(const struct iommu_papr_ddw *ddw,
				      const struct iommu_papr_config *hypervisor,
				      const void *property, size_t size,
				      const struct iommu_papr_wanted *wanted,
				      struct iommu_papr_window *window, bool *holds_memory);

IOMMU_END_DECLS
#endif
