/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: address spaces for endpoints, and what is mapped in them.
 *
 * A group is the smallest set of endpoints that hardware can isolate from others; a domain is
 * attached to whole groups. Locking: see the head of <libiommu/endpoint.h>. Map, unmap and lookups
 * do not take a lock that a map of another range takes, and may be called from interrupt context
 * (an unmap polls hardware there).
 */
#ifndef LIBIOMMU_DOMAIN_H
#define LIBIOMMU_DOMAIN_H

#include <libiommu/pgtable.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_group;
struct iommu_domain;

enum iommu_domain_type {
	IOMMU_DOMAIN_PAGING =
		0,             /* translated by page tables that iommu_map fills; initially empty */
	IOMMU_DOMAIN_IDENTITY, /* every device address is the physical address */
	IOMMU_DOMAIN_BLOCKED,  /* all DMA faults */
	/*
	 * A paging domain for the host's own drivers: it has an IOVA space, from which reserved
	 * ranges are excluded, and maps the direct regions of the endpoints that are attached.
	 */
	IOMMU_DOMAIN_DMA,
	/* IOMMU_DOMAIN_DMA with deferred invalidation of unmapped memory (<libiommu/dma.h>). */
	IOMMU_DOMAIN_DMA_LAZY,
	/*
	 * IOMMU_DOMAIN_DMA with, in addition, all of memory untranslated at an offset, for trusted
	 * devices with enough address bits (iommu_domain_bypass). For back ends that support it.
	 */
	IOMMU_DOMAIN_DMA_BYPASS,
	/*
	 * For back ends that support them: a guest's table, whose addresses the parent translates
	 * (<libiommu/vtd.h>, <libiommu/riscv.h>, <libiommu/smmu.h>); and a table of the host's own,
	 * of a process (first stage) or of a guest's memory (second stage; <libiommu/vtd.h>,
	 * <libiommu/riscv.h>).
	 */
	IOMMU_DOMAIN_NESTED,
	IOMMU_DOMAIN_SVA,
	/*
	 * Every address leads to one page of memory, for reads and writes, except for the direct
	 * regions of the endpoints, which lead to themselves: for devices that lock up the machine
	 * when an access faults. The page is set to zero before each attach; what a device writes
	 * there reaches nothing else, because the domain can be attached to one group only. It
	 * takes a few pages, whatever its width. Nothing else can be mapped in it.
	 */
	IOMMU_DOMAIN_QUARANTINE,
};

/*
 * Stages of a unit with two-stage translation: the first is for its users, the second for the host
 * of those.
 */
enum iommu_stage {
	IOMMU_STAGE_ANY = 0,
	IOMMU_STAGE_FIRST,
	IOMMU_STAGE_SECOND,
};

enum iommu_domain_flags {
	/*
	 * Of IOMMU_DOMAIN_PAGING, behind units that support it: the owner opens the windows of the
	 * domain, and sets their entries (<libiommu/window.h>); address_width and pgsize_bitmap are
	 * ignored.
	 */
	IOMMU_DOMAIN_WINDOWS = 1 << 0,
};

/* Properties of a paging domain. All zero: what suits most devices of the unit. */
struct iommu_domain_config {
	/*
	 * Width of the address space, in bits; the smallest tables that have it, of either stage
	 * unless `stage` says which. 0: the largest that the unit supports; of RISC-V units tables
	 * of 4 levels, where it has these.
	 */
	unsigned int address_width;
	/* Page sizes to use, bit n = 2^n bytes; 0: all of the unit's. */
	uint64_t pgsize_bitmap;
	/*
	 * Maximum number of table pages; 0: no limit. A map that needs more is IOMMU_ENOMEM. A
	 * table emptied by several unmaps counts until one unmap covers its whole range.
	 */
	uint64_t max_table_pages;
	/* Accesses of devices snoop the CPU caches; only for units that can enforce it. */
	bool force_snoop;
	/* The stage that its tables are used for; IOMMU_STAGE_ANY: the unit's best. */
	enum iommu_stage stage;
	/* Nested domains may be made on it. */
	bool nest_parent;
	/* Has dirty tracking (iommu_domain_set_dirty_tracking); only for units that support it. */
	bool dirty_tracking;
	/* Of a paging domain: with the bypass of IOMMU_DOMAIN_DMA_BYPASS, which sets this field. */
	bool bypass;
	/*
	 * Of IOMMU_DOMAIN_NESTED, required: a domain made with nest_parent, which translates the
	 * addresses that the nested domain produces.
	 */
	struct iommu_domain *parent;
	/*
	 * Of IOMMU_DOMAIN_NESTED and IOMMU_DOMAIN_SVA: parameters that their back end defines.
	 * Copied: nothing of it is used when the call has returned.
	 */
	const void *user_data;
	size_t user_size;
	/* 1 + the NUMA node for its tables; 0: the node of the unit, if firmware reports one. */
	unsigned int near_node;
	unsigned int flags; /* enum iommu_domain_flags */
	/*
	 * With `bypass`: the address bits that all of its devices have; 0: at least 60. A bypass
	 * that they cannot reach to its end is none (IOMMU_EOPNOTSUPP), except where the back end
	 * can make one at lower addresses, see <libiommu/opal.h>.
	 */
	unsigned int bypass_width;
};

/*
 * iommu_domain_alloc - make a domain for endpoints behind `unit` and similar units.
 *
 * @config: NULL means all zero. Ignored for identity and blocked domains, except for its flags.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      unknown type; the unit does not support the width or the page sizes; `parent`
 *                     is no parent of nested domains, is another instance's or another back end's,
 *                     or is given for another type than IOMMU_DOMAIN_NESTED
 *   IOMMU_EOPNOTSUPP  the back end does not support the type (IOMMU_DOMAIN_QUARANTINE: VT-d,
 *                     RISC-V and SMMUv3 do, without nest_parent, dirty_tracking or bypass);
 *                     IOMMU_DOMAIN_WINDOWS on a unit, or for a type, that does not support it;
 *                     IOMMU_DOMAIN_IDENTITY on a
 *                     unit without pass-through, and no memory was added that tables could map (see
 *                     iommu_add_memory); force_snoop, bypass, stage, nest_parent or dirty_tracking
 *                     on a unit that does not support it; unknown flags
 *   IOMMU_ENOMEM
 *   and for an identity domain that is made of tables the errors of iommu_map
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
				 const struct iommu_domain_config *config,
				 struct iommu_domain **domain);

/*
 * iommu_domain_free - free a domain, its mappings and its tables.
 *
 * Returns 0; IOMMU_EBUSY: it is attached to a group, or is the parent of nested domains; for a
 * domain with a DMA handle (iommu_dma_of), the errors of iommu_dma_destroy; IOMMU_ETIMEDOUT /
 * IOMMU_EIO: a unit has not confirmed that it uses the domain no longer, or never did: an attach or
 * a detach of it had failed. The memory that is mapped in it may still be reached, and the host's
 * own table (IOMMU_DOMAIN_SVA) be walked. On failure the domain remains, and the call may be made
 * again. A domain in which nothing is mapped (identity, blocked, nested) is freed without that:
 * what the detach has not confirmed is still for a detach, or an attach, to confirm.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_domain_free(struct iommu_domain *domain);

/*
 * Dirty tracking: hardware records in the page tables which pages devices have written, so that
 * memory can be copied while it is in use.
 *
 * iommu_domain_set_dirty_tracking - turn dirty tracking on, with all pages clean, or off; for a
 * domain made with dirty_tracking. Errors: IOMMU_EOPNOTSUPP; IOMMU_ETIMEDOUT / IOMMU_EIO: nothing
 * has changed.
 *
 * iommu_domain_read_dirty - set bit (address - bitmap->start) >> bitmap->page_shift in
 * bitmap->words for each page written in [iova, iova + size), and mark the pages clean, unless
 * IOMMU_DIRTY_KEEP is among the flags. Bits that are set remain set. When the call returns 0,
 * hardware records new writes. Errors: IOMMU_EINVAL (size 0; a range that is not whole pages of the
 * bitmap or lies outside it; tracking is off), IOMMU_EOVERFLOW, IOMMU_ERANGE (beyond the aperture),
 * IOMMU_EOPNOTSUPP (also unknown flags); IOMMU_ETIMEDOUT / IOMMU_EIO: the bitmap has every page
 * that was marked clean, but hardware may not record new writes before the next invalidation is
 * confirmed: everything that is mapped in the range counts as written at the next read.
 *
 * Control path. Meanwhile the range (for turning tracking on or off: the domain) must not be mapped
 * or unmapped, because its tables are read and written.
 */
IOMMU_API int iommu_domain_set_dirty_tracking(struct iommu_domain *domain, bool enable);
IOMMU_API int iommu_domain_read_dirty(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				      unsigned int flags, struct iommu_dirty_bitmap *bitmap);

/*
 * iommu_domain_split - replace pages in [iova, iova + size) that are larger than `pgsize` by pages
 * of at most that size, so that dirty tracking becomes finer. Mappings stay valid throughout, also
 * while devices use them; a page that lies partly in the range is split as a whole. Later maps use
 * large pages again. Returns 0, IOMMU_EINVAL (size 0 or misaligned; pgsize is no page size of the
 * domain), IOMMU_EOVERFLOW, IOMMU_ERANGE, IOMMU_EOPNOTSUPP, IOMMU_ENOMEM: a part was split; or
 * IOMMU_ETIMEDOUT / IOMMU_EIO as iommu_domain_read_dirty. Control path; the range must not be
 * mapped or unmapped meanwhile.
 */
IOMMU_API int iommu_domain_split(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				 uint64_t pgsize);

/*
 * iommu_domain_invalidate_user - perform invalidations that the owner of a nested domain's tables
 * requests.
 *
 * @requests, @request_size, @count: an array of requests of `request_size` bytes, in the format of
 *                                   the back end.
 * @done:                            receives the number of requests that were performed.
 *
 * With count 0 the call tells whether requests of this format are possible. Between batches of many
 * requests other control path calls may run. Returns 0, or the error of the first request that
 * failed: IOMMU_EINVAL (the request makes no sense; `requests` is NULL, or request_size is 0,
 * larger than a page, or smaller than the format), IOMMU_EOVERFLOW (its range wraps),
 * IOMMU_EOPNOTSUPP (unknown flags; reserved fields are not zero; the domain is not nested),
 * IOMMU_ETIMEDOUT / IOMMU_EIO (not confirmed). Control path.
 */
IOMMU_API int iommu_domain_invalidate_user(struct iommu_domain *domain, const void *requests,
					   size_t request_size, unsigned int count,
					   unsigned int *done);

/*
 * iommu_domain_invalidate_range - invalidate [iova, iova + size) after the host has changed the
 * tables of an IOMMU_DOMAIN_SVA domain, which are the host's own. To be called after the change and
 * before memory that was mapped there is reused, like a TLB shootdown of processors. A unit caches
 * entries of all tables that hang below the root, also those of the kernel's half, which processes
 * share: before a table page of the kernel is freed, its range is invalidated in every such domain.
 * The range is one of bytes: all pages that it touches are invalidated. Any context, any CPU.
 *
 * Returns 0; IOMMU_EINVAL (size 0), IOMMU_EOVERFLOW; IOMMU_EOPNOTSUPP: another type of domain;
 * IOMMU_ETIMEDOUT / IOMMU_EIO as iommu_unmap.
 */
IOMMU_API int iommu_domain_invalidate_range(struct iommu_domain *domain, iommu_iova_t iova,
					    uint64_t size);

/* Facts about a domain. */
struct iommu_domain_info {
	enum iommu_domain_type type;
	iommu_iova_t aperture_last; /* the aperture is [0, aperture_last] */
	uint64_t pgsize_bitmap;
	uint64_t table_pages; /* in use at present, including those that are withheld */
	union {
		bool withheld;   /* table pages wait for an invalidation that was not confirmed */
		bool quarantine; /* the name of `withheld` in earlier versions, until the next */
	};
	bool coherent;          /* all of its units snoop the CPU caches when they read tables */
	bool snoop_control;     /* all its units can force snooping */
	unsigned int levels;    /* of its table; 0: no table */
	enum iommu_stage stage; /* IOMMU_STAGE_ANY: the unit has one stage, or there is no table */
	/* See iommu_domain_bypass; size 0: no bypass. */
	iommu_iova_t bypass_offset;
	uint64_t bypass_size;
	iommu_paddr_t paddr_last; /* the last that can be mapped; 0: iommu_map is for others */
};
/* iommu_domain_get_info - the properties of a domain at this moment. Any context. */
IOMMU_API void iommu_domain_get_info(const struct iommu_domain *domain,
				     struct iommu_domain_info *info);

/*
 * iommu_domain_bypass - the address range at which devices reach memory untranslated, in addition
 * to mappings: physical address p is at *offset + p.
 *
 * @mask: the highest address that the device can generate; 0: any.
 *
 * Returns 0; IOMMU_ENOENT: the domain has no bypass; IOMMU_ERANGE: the device cannot reach the end
 * of memory there, so its buffers must be mapped. No locks; any context.
 */
IOMMU_API int iommu_domain_bypass(const struct iommu_domain *domain, uint64_t mask,
				  iommu_iova_t *offset);

/*
 * iommu_domain_attach_group - attach a group: all of its endpoints use this domain instead of their
 * present one. They are blocked for a moment in between. All or none: on failure each endpoint
 * keeps its domain.
 *
 * The call does not check whether drivers of the host use the group, whose buffers would become
 * unreachable: claim the group first (iommu_group_claim), which does.
 *
 * A domain adapts to the units that join it: address width, page sizes and coherency become what
 * all of them support, and page sizes and coherency grow again when one leaves. If units differ in
 * these, nothing may be mapped or unmapped in the domain while the first endpoint behind a unit
 * joins it or the last one leaves.
 *
 * Direct regions of the endpoints are mapped in IOMMU_DOMAIN_DMA and IOMMU_DOMAIN_QUARANTINE
 * domains, and in identity domains that are made of tables, as long as an endpoint with such a
 * region is attached; a failed attach leaves none. (While an endpoint with regions joins or leaves
 * an IOMMU_DOMAIN_QUARANTINE that others use, their accesses may fault.) Addresses that were once
 * reserved for them stay reserved.
 *
 * Returns 0 (also if the group is attached already; hardware is then asked for outstanding
 * confirmations), or
 *   IOMMU_EINVAL  domain and unit do not fit: a mapping lies beyond the unit's width or uses pages
 *                 that it does not support; the unit cannot enforce snooping; or the domain is
 *                 another instance's, or another back end's
 *   IOMMU_EPERM   an endpoint has an IOMMU_REGION_DIRECT region, and the domain is
 *                 IOMMU_DOMAIN_PAGING or IOMMU_DOMAIN_NESTED, whose addresses the library does not
 *                 manage; an endpoint is untrusted, and the domain is an identity, lazy, or has a
 *                 bypass; or the unit is bypassed
 *   IOMMU_EBUSY   the domain is an IOMMU_DOMAIN_QUARANTINE, and attached to another group
 *   IOMMU_EEXIST  a direct region is in use otherwise in an IOMMU_DOMAIN_DMA domain
 *   IOMMU_ERANGE  a direct region lies beyond the aperture, or beyond what the unit can address
 *   IOMMU_EIO     an endpoint is lost (see iommu_endpoint_was_reset); or its DMA is frozen, and the
 *                 domain is another than before (<libiommu/eeh.h>); or a unit reported an error
 *   IOMMU_ENOSPC  a unit has no free domain id
 *   IOMMU_EFAULT, IOMMU_EPERM, IOMMU_EOPNOTSUPP, IOMMU_EAGAIN
 *                 a hypervisor keeps the tables and refuses a mapping, as iommu_map
 *   IOMMU_ENOMEM
 *   IOMMU_ETIMEDOUT  a unit did not confirm the invalidation
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_domain_attach_group(struct iommu_domain *domain, struct iommu_group *group);

/*
 * iommu_domain_detach_group - detach the domain that the host has attached: the group uses its
 * default domain again, or is blocked except for direct regions.
 *
 * An endpoint that cannot use the default domain is blocked, which is logged. Returns 0 (also if
 * nothing is attached), or IOMMU_ETIMEDOUT / IOMMU_EIO: the endpoints are detached, but a unit did
 * not confirm the invalidation. Memory that was mapped must not be reused before another call of
 * this function, or an attach, has returned 0: each asks the unit again. Other errors are those of
 * attaching the default domain, as iommu_domain_attach_group: the endpoints concerned are blocked.
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_domain_detach_group(struct iommu_group *group);

/*
 * iommu_domain_attach_endpoint - attach the group of an endpoint that is its only member.
 * iommu_domain_detach_endpoint - detach the group of an endpoint that is its only member.
 * IOMMU_EINVAL also: there are other members; IOMMU_ENODEV: the endpoint was released. Other errors
 * as iommu_domain_attach_group and iommu_domain_detach_group.
 *
 * Context: control path; may sleep.
 */
struct iommu_endpoint;
IOMMU_API int iommu_domain_attach_endpoint(struct iommu_domain *domain,
					   struct iommu_endpoint *endpoint);
IOMMU_API int iommu_domain_detach_endpoint(struct iommu_endpoint *endpoint);

/*
 * iommu_domain_iova_space - the IOVA space of an IOMMU_DOMAIN_DMA domain, in granules of its
 * smallest page; NULL for other types. Context: any, as long as the domain exists.
 */
struct iommu_iova_space;
IOMMU_API struct iommu_iova_space *iommu_domain_iova_space(const struct iommu_domain *domain);

/*
 * iommu_map - map [paddr, paddr + size) at [iova, iova + size) for the devices of a domain.
 *
 * @iova, @paddr, @size: bytes; multiples of the smallest page size.
 * @prot:                enum iommu_prot: permissions, and hints; with IOMMU_PROT_MAY_SLEEP the call
 *                       may sleep.
 *
 * All or nothing; the largest possible pages are used. Concurrent calls must be for disjoint
 * ranges, and then need no lock. When the call returns 0, the mapping is visible to hardware. The
 * caller leaves out regions (iommu_group_get_regions): what is mapped over one of IOMMU_REGION_MSI,
 * such as 0xfee00000 on x86, is never reached as memory.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     size 0, alignment, prot, or the domain is not a paging domain; or the mapping
 *                    is for reading only, and the domain a parent of nested domains on hardware
 *                    that might write to it (IOMMU_HARDWARE_WRITABLE_PARENTS)
 *   IOMMU_EOVERFLOW  a range wraps
 *   IOMMU_ERANGE     iova is beyond the aperture, or paddr beyond what the units can address
 *   IOMMU_EEXIST     something is mapped in the range
 *   IOMMU_ENOMEM     no memory for a table, or the domain's limit of table pages
 *   IOMMU_EFAULT, IOMMU_EPERM, IOMMU_EOPNOTSUPP, IOMMU_EAGAIN
 *                    a hypervisor keeps the tables, and refuses the memory; the window; the call;
 *                    or everything for now, because it is busy or short of memory. Nothing is
 *                    mapped
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                    a unit that must be told of new mappings did not confirm, or did not confirm
 *                    that the mapping was removed again; or a hypervisor reported an error. The
 *                    memory must not be reused before an operation on this domain succeeds
 *
 * Context: any, at once for different ranges; sleeps only with IOMMU_PROT_MAY_SLEEP.
 */
IOMMU_API int iommu_map(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			uint64_t size, unsigned int prot);

/*
 * iommu_map_nosync - map as the first of two steps, for many mappings that hardware is told of at
 * once. iommu_sync_map - tell hardware of what iommu_map_nosync has mapped, the second step. Only
 * units that cache what is not mapped, or have a write buffer, are told at all.
 *
 * iommu_map_nosync: as iommu_map, but devices may fault at the mapping until iommu_sync_map has
 * returned 0 for it. iommu_sync_map tells hardware of everything that was mapped in [iova, iova +
 * size), and waits: in caching mode one invalidation. The range is one of bytes, and need not be
 * aligned: hardware is told of all pages that it touches. It may have holes; a mapping in it that
 * was told of before is told of again.
 *
 * Return as iommu_map; iommu_sync_map: 0, IOMMU_EINVAL (size 0, or no paging domain),
 * IOMMU_EOVERFLOW, IOMMU_ERANGE (beyond the aperture), or IOMMU_ETIMEDOUT / IOMMU_EIO: a unit did
 * not confirm; the mappings remain, devices may or may not reach them, and they are to be unmapped,
 * or told of again.
 *
 * Context: any, at once for different ranges; sleeps only with IOMMU_PROT_MAY_SLEEP.
 */
IOMMU_API int iommu_map_nosync(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			       uint64_t size, unsigned int prot);
IOMMU_API int iommu_sync_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);

/*
 * iommu_unmap - unmap [iova, iova + size).
 *
 * @flags:    enum iommu_unmap_flags.
 * @unmapped: receives the number of bytes that were mapped; may be NULL, which is faster (see
 *            iommu_pgtable_ops.unmap).
 *
 * When the call returns 0, hardware has confirmed the invalidation, and the memory may be reused.
 * Holes are skipped. A range that cuts a large page, or a run of 64K, needs IOMMU_UNMAP_SPLIT.
 * Without `unmapped` the whole range is invalidated, whatever was mapped there, so that repeating
 * the call obtains a confirmation that failed before.
 *
 * Returns 0, also if nothing was mapped; with every translation unchanged
 *   IOMMU_EINVAL      size 0, alignment, or the domain is not a paging domain; or an end of the
 *                     range lies inside a large page, or a run of 64K, without IOMMU_UNMAP_SPLIT
 *   IOMMU_EOVERFLOW   the range wraps
 *   IOMMU_ERANGE      the range is beyond the aperture
 *   IOMMU_ENOMEM      IOMMU_UNMAP_SPLIT: no memory for the table of the smaller pages, or the
 *                     domain's limit of table pages
 *   IOMMU_EOPNOTSUPP  IOMMU_UNMAP_SPLIT: this format cannot split a page in use (Arm)
 * or, with the range unmapped,
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     a unit did not confirm, or a hypervisor reported an error: the memory must
 *                     not be reused before a map or an unmap of this domain, or an attach of it to
 *                     the units in question, returns 0
 *
 * Context: any, at once for different ranges; polls hardware, never sleeps.
 */
IOMMU_API int iommu_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			  unsigned int flags, uint64_t *unmapped);

/*
 * iommu_map_sg - map several pieces at consecutive addresses from iova on. All or nothing. Pieces
 * that adjoin in memory are mapped as one, with larger pages, and hardware is notified once. Errors
 * as iommu_map; IOMMU_EINVAL also: no pieces, or one of size 0; IOMMU_EOVERFLOW: the sum of sizes
 * wraps.
 *
 * @mapped: receives the number of bytes; may be NULL.
 *
 * Context: any, at once for different ranges; sleeps only with IOMMU_PROT_MAY_SLEEP.
 */
IOMMU_API int iommu_map_sg(struct iommu_domain *domain, iommu_iova_t iova,
			   const struct iommu_map_piece *pieces, unsigned int count,
			   unsigned int prot, uint64_t *mapped);

/*
 * iommu_unmap_gather - iommu_unmap without the invalidation, for several ranges of one domain,
 * preferably near each other, that are invalidated together.
 *
 * @gather: memory of the caller, from iommu_gather_init (<libiommu/pgtable.h>) to
 *          iommu_sync_gather.
 *
 * Neither addresses nor memory of these ranges may be reused before iommu_sync_gather has returned
 * 0.
 *
 * iommu_sync_gather - invalidate what was gathered, wait for the confirmation, and empty the gather
 * in any case. Returns 0, also if nothing was gathered; IOMMU_ETIMEDOUT / IOMMU_EIO as iommu_unmap.
 * Context: any, at once for different ranges; polls hardware, never sleeps.
 */
IOMMU_API int iommu_unmap_gather(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				 unsigned int flags, struct iommu_gather *gather,
				 uint64_t *unmapped);
IOMMU_API int iommu_sync_gather(struct iommu_domain *domain, struct iommu_gather *gather);

/*
 * iommu_iova_to_phys - the physical address that iova is translated to.
 *
 * Returns 0, IOMMU_ENOENT (an access would fault) or IOMMU_ERANGE (beyond the aperture). Context:
 * any; takes no lock, never sleeps.
 */
IOMMU_API int iommu_iova_to_phys(const struct iommu_domain *domain, iommu_iova_t iova,
				 iommu_paddr_t *paddr);

/*
 * iommu_domain_walk - visit the entries of a paging domain's tables; see iommu_pgtable_ops.walk.
 * IOMMU_EINVAL: the domain has no tables, or is an IOMMU_DOMAIN_QUARANTINE; IOMMU_ERANGE: start is
 * beyond the aperture.
 *
 * Context: any; takes no lock, never sleeps.
 */
IOMMU_API int iommu_domain_walk(const struct iommu_domain *domain, iommu_iova_t start,
				iommu_iova_t last, iommu_pgtable_visitor visitor, void *ctx);

IOMMU_END_DECLS
#endif
