/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains and groups: address spaces, and who uses them.
 *
 * A group is the smallest set of endpoints that hardware can keep apart from others; a domain is
 * attached to whole groups. Locking: see the head of <libiommu/endpoint.h>; map, unmap and look-ups
 * take no lock that another range's map takes, and may be called from interrupt context (an unmap
 * then polls hardware there).
 */
#ifndef LIBIOMMU_DOMAIN_H
#define LIBIOMMU_DOMAIN_H

#include <libiommu/pgtable.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_group;
struct iommu_domain;

enum iommu_domain_type {
	IOMMU_DOMAIN_PAGING = 0, /* translated by tables that iommu_map fills; empty at first */
	IOMMU_DOMAIN_IDENTITY,   /* device addresses are physical addresses, all of them */
	IOMMU_DOMAIN_BLOCKED,    /* all DMA faults */
	/*
	 * A paging domain of the host's own drivers: it has an IOVA space in which nothing reserved
	 * is handed out, and maps the direct regions of the endpoints that join.
	 */
	IOMMU_DOMAIN_DMA,
	/* The same, and what is unmapped may be invalidated a moment later (<libiommu/dma.h>). */
	IOMMU_DOMAIN_DMA_LAZY,
	/*
	 * IOMMU_DOMAIN_DMA, and beside it all of memory, untranslated, at an offset: for devices
	 * that are trusted and have the address bits (iommu_domain_bypass). For back ends that have
	 * it.
	 */
	IOMMU_DOMAIN_DMA_BYPASS,
	/* For back ends that have them: see <libiommu/backend/ops.h>. */
	IOMMU_DOMAIN_NESTED,
	IOMMU_DOMAIN_SVA,
};

/* Where a unit translates twice: by tables for its own users, and by those of what they run on. */
enum iommu_stage {
	IOMMU_STAGE_ANY = 0,
	IOMMU_STAGE_FIRST,
	IOMMU_STAGE_SECOND,
};

/* What a paging domain should be like. All zero: the widest that the unit can do. */
struct iommu_domain_config {
	/* Bits of the address space; 0: as many as the unit has. */
	unsigned int address_width;
	/* Page sizes to use, bit n = 2^n bytes; 0: all that the unit has. */
	uint64_t pgsize_bitmap;
	/*
	 * The most table pages it may take; 0: unbounded. Reaching it is IOMMU_ENOMEM from map. A
	 * table that unmaps have emptied counts until one unmap covers all that it stands for.
	 */
	uint64_t max_table_pages;
	/* Leaves force the devices' accesses to snoop; only units that can do that may join. */
	bool force_snoop;
	/* Which stage its tables are for; IOMMU_STAGE_ANY: what the unit is best at. */
	enum iommu_stage stage;
	/* Nested domains are to be made of it. */
	bool nest_parent;
	/* iommu_domain_set_dirty_tracking is to work; only units that can do that may join. */
	bool dirty_tracking;
	/* As IOMMU_DOMAIN_DMA_BYPASS, which sets it, of a paging domain of any other use. */
	bool bypass;
	/*
	 * Of IOMMU_DOMAIN_NESTED, required: what its results are translated by, made with
	 * nest_parent.
	 */
	struct iommu_domain *parent;
	/* Of IOMMU_DOMAIN_NESTED and IOMMU_DOMAIN_SVA: what their back end wants to know. */
	const void *user_data;
	size_t user_size;
	/*
	 * 1 + the NUMA node that its tables come from; 0: the unit's, if firmware says where it is.
	 */
	unsigned int near_node;
};

/*
 * iommu_domain_alloc - an address space for endpoints behind `unit` and units like it.
 *
 * @config: NULL means all zero. Ignored for identity and blocked domains.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      unknown type; the width or page sizes are none that the unit can do; a parent
 *                     that is none, or is given for another type than IOMMU_DOMAIN_NESTED
 *   IOMMU_EOPNOTSUPP  the back end does not know the type; IOMMU_DOMAIN_IDENTITY on a unit without
 *                     pass-through, and no memory was added that tables could map (see
 *                     iommu_add_memory); force_snoop on a unit without snoop control; bypass,
 *                     stage, nest_parent or dirty_tracking on one that has none
 *   IOMMU_ENOMEM
 *   and of an identity domain that is made of tables the errors of iommu_map
 */
IOMMU_API int iommu_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
				 const struct iommu_domain_config *config,
				 struct iommu_domain **domain);

/*
 * iommu_domain_free - free a domain and its tables. What is mapped in it is forgotten.
 *
 * Returns 0; IOMMU_EBUSY while it is attached to a group, or is the parent of others; or, of a
 * domain that has a DMA handle of its own (iommu_dma_of), the errors of iommu_dma_destroy: the
 * domain stays. Tables that hardware might still walk, because a unit did not confirm an
 * invalidation, are kept until it does.
 */
IOMMU_API int iommu_domain_free(struct iommu_domain *domain);

/*
 * What devices have written, for those who copy memory while it is in use: where the hardware notes
 * it in the tables.
 *
 * iommu_domain_set_dirty_tracking - on, with nothing noted, or off, in a domain that was made for
 * it. Errors: IOMMU_EOPNOTSUPP; IOMMU_ETIMEDOUT / IOMMU_EIO: it is as before.
 * iommu_domain_read_dirty - set bit (address - bitmap->start) >> bitmap->page_shift in
 * bitmap->words for what was written in [iova, iova + size), and forget it, unless IOMMU_DIRTY_KEEP
 * is among the flags. When it returns, hardware notes again. Bits that are set stay set. Errors:
 * IOMMU_EINVAL (size 0, or a range that is not whole pages of the bitmap or lies outside it; it is
 * off), IOMMU_EOVERFLOW, IOMMU_ERANGE (beyond the aperture), IOMMU_EOPNOTSUPP (also unknown flags);
 * IOMMU_ETIMEDOUT / IOMMU_EIO: what was forgotten was noted in the bitmap, but
 * hardware may not note new writes before the next invalidation is confirmed: whatever is mapped in
 * the range counts as written at the next read.
 *
 * Control path; and beside it nothing of the range (to switch tracking: nothing of the domain) is
 * mapped or unmapped, because tables are read, and written, that an unmap gives back.
 */
IOMMU_API int iommu_domain_set_dirty_tracking(struct iommu_domain *domain, bool enable);
IOMMU_API int iommu_domain_read_dirty(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				      unsigned int flags, struct iommu_dirty_bitmap *bitmap);

/*
 * iommu_domain_split - before that: have larger pages in [iova, iova + size) replaced by pages of
 * at most `pgsize`, so that no more has to be copied again than was written. What is mapped stays
 * mapped, also while devices are at it; a page that lies in the range only in part is split whole.
 * Maps that come later use large pages again. Returns 0, IOMMU_EINVAL (size 0 or misaligned, pgsize
 * is none of the domain's), IOMMU_EOVERFLOW, IOMMU_ERANGE, IOMMU_EOPNOTSUPP, IOMMU_ENOMEM: a part
 * was split; or IOMMU_ETIMEDOUT / IOMMU_EIO as iommu_domain_read_dirty. Control path, with the
 * range to itself.
 */
IOMMU_API int iommu_domain_split(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				 uint64_t pgsize);

/*
 * iommu_domain_invalidate_user - what the owner of a nested domain's tables wants invalidated:
 * `count` requests of `request_size` bytes, whose form is its back end's. *done of them were.
 * Without any it says whether there could be some. Returns 0, or the error of the first that was
 * not: IOMMU_EINVAL (a request makes no sense; `requests` is NULL, or of size 0, or larger than a
 * page, or than the form is smaller), IOMMU_EOVERFLOW (its range wraps), IOMMU_EOPNOTSUPP (its
 * flags, or what is reserved in it is not zero; or the domain is not a nested one), IOMMU_ETIMEDOUT
 * / IOMMU_EIO (not confirmed). Control path, which others enter in between when there are many.
 */
IOMMU_API int iommu_domain_invalidate_user(struct iommu_domain *domain, const void *requests,
					   size_t request_size, unsigned int count,
					   unsigned int *done);

/*
 * iommu_domain_invalidate_range - the host has changed the tables of an IOMMU_DOMAIN_SVA domain,
 * which are its own, in [iova, iova + size): from now on hardware knows. To be called after the
 * change and before memory that was mapped there is reused, like a processor's TLB shootdown. Any
 * context, any CPU.
 *
 * Returns 0; IOMMU_EINVAL (size 0), IOMMU_EOVERFLOW; IOMMU_EOPNOTSUPP: not such a domain;
 * IOMMU_ETIMEDOUT / IOMMU_EIO as iommu_unmap.
 */
IOMMU_API int iommu_domain_invalidate_range(struct iommu_domain *domain, iommu_iova_t iova,
					    uint64_t size);

/* Facts about a domain. */
struct iommu_domain_info {
	enum iommu_domain_type type;
	iommu_iova_t aperture_last; /* the aperture is [0, aperture_last] */
	uint64_t pgsize_bitmap;
	uint64_t table_pages;   /* held now, quarantined ones included */
	bool quarantine;        /* pages wait for an invalidation that was not confirmed */
	bool coherent;          /* all its units walk tables through the CPU caches */
	bool snoop_control;     /* all its units can force snooping */
	unsigned int levels;    /* of its table; 0: it has none */
	enum iommu_stage stage; /* IOMMU_STAGE_ANY: the unit has but one, or it has no table */
	/* See iommu_domain_bypass; size 0: none. */
	iommu_iova_t bypass_offset;
	uint64_t bypass_size;
};
IOMMU_API void iommu_domain_get_info(const struct iommu_domain *domain,
				     struct iommu_domain_info *info);

/*
 * iommu_domain_bypass - where devices reach memory untranslated, beside what is mapped: physical
 * address p at *offset + p.
 *
 * @mask: the highest address that the device can put on the bus; 0: any.
 * Returns 0; IOMMU_ENOENT: the domain has no such window; IOMMU_ERANGE: the device does not reach
 * the end of memory there, and must have its buffers mapped. No locks; any context.
 */
IOMMU_API int iommu_domain_bypass(const struct iommu_domain *domain, uint64_t mask,
				  iommu_iova_t *offset);

/*
 * iommu_domain_attach_group - let all endpoints of a group use this domain, instead of the one they
 * use now. Blocked for a moment in between; all or none: on failure each keeps what it had.
 *
 * It does not ask whether a driver of the host uses the group, whose buffers would be gone: claim
 * the group first (iommu_group_claim), which does.
 *
 * A domain adapts to the units that join it: address width, page sizes and coherency become what
 * all of them can do, and page sizes and coherency grow again when one leaves. Where units differ
 * in these, nothing may be mapped or unmapped in the domain while the first endpoint behind a unit
 * joins it or the last one leaves.
 *
 * Regions that firmware wants endpoints to reach are mapped in IOMMU_DOMAIN_DMA domains, and in
 * identity domains that are made of tables, for as long as one that has them is attached; a failed
 * attach leaves none. Addresses that were once kept free for them stay so.
 *
 * Returns 0 (also when it is attached already; hardware is asked to confirm what it did not), or
 *   IOMMU_EINVAL     domain and a unit do not fit each other: what is mapped already lies beyond
 *                    the unit's width or uses pages that it does not have; or snooping
 *   IOMMU_EPERM      firmware wants an endpoint to reach a region for ever (IOMMU_REGION_DIRECT),
 *                    and the domain is an IOMMU_DOMAIN_PAGING or IOMMU_DOMAIN_NESTED one, of which
 *                    the library does not know what belongs at those addresses; or an endpoint is
 *                    untrusted, and the domain lets it reach more than it is given, or for longer:
 *                    an identity, a lazy one, or one with a bypass; or the unit is bypassed
 *   IOMMU_EEXIST     a direct region is in use for something else in an IOMMU_DOMAIN_DMA domain
 *   IOMMU_ERANGE     a direct region lies beyond the domain's addresses, or what the unit can
 *                    address
 *   IOMMU_EIO        an endpoint is lost (see iommu_endpoint_was_reset)
 *   IOMMU_ENOSPC     a unit has no domain id left
 *   IOMMU_EFAULT, IOMMU_EPERM, IOMMU_EOPNOTSUPP, IOMMU_EAGAIN
 *                    a hypervisor keeps the tables, and refuses, as of iommu_map, what is mapped
 *   IOMMU_ENOMEM
 *   IOMMU_ETIMEDOUT  a unit did not confirm the invalidation; IOMMU_EIO: it reported an error
 */
IOMMU_API int iommu_domain_attach_group(struct iommu_domain *domain, struct iommu_group *group);

/*
 * iommu_domain_detach_group - take away what the host has attached: the group's default domain is
 * used again, or the endpoints' DMA is blocked except to direct regions.
 *
 * An endpoint that cannot go to the default domain is blocked and logged. Returns 0 (also when
 * nothing is attached), or IOMMU_ETIMEDOUT / IOMMU_EIO: the endpoints are detached, but a unit did
 * not confirm that it forgot the old translations. Memory that was mapped must then not be reused
 * before another call of this, or an attach, has returned 0: each asks the unit again. Other errors
 * are those of the way to the default domain, as iommu_domain_attach_group: the endpoints concerned
 * are blocked.
 */
IOMMU_API int iommu_domain_detach_group(struct iommu_group *group);

/*
 * iommu_domain_attach_endpoint, iommu_domain_detach_endpoint - the same for the group of an
 * endpoint that is the only one in it; IOMMU_EINVAL also: it is not; IOMMU_ENODEV: it was released.
 * Other errors as
 * iommu_domain_attach_group and iommu_domain_detach_group.
 */
struct iommu_endpoint;
IOMMU_API int iommu_domain_attach_endpoint(struct iommu_domain *domain,
					   struct iommu_endpoint *endpoint);
IOMMU_API int iommu_domain_detach_endpoint(struct iommu_endpoint *endpoint);

/*
 * The IOVA space of an IOMMU_DOMAIN_DMA domain, in granules of its smallest page; NULL: it has
 * none.
 */
struct iommu_iova_space;
IOMMU_API struct iommu_iova_space *iommu_domain_iova_space(const struct iommu_domain *domain);

/*
 * iommu_map - let devices of the domain reach [paddr, paddr + size) at [iova, iova + size).
 *
 * @iova, @paddr, @size: multiples of the smallest page size, in bytes.
 * @prot:                enum iommu_prot: what the devices may do, and hints; with
 *                       IOMMU_PROT_MAY_SLEEP the call may sleep.
 *
 * All or nothing; the largest pages that fit are used. The caller owns the range: two calls for
 * overlapping ranges must not run at once, disjoint ones may, without a lock. When it returns,
 * hardware sees the mapping.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      size 0, alignment, prot, or the domain is not a paging domain
 *   IOMMU_EOVERFLOW   a range wraps
 *   IOMMU_ERANGE      iova is beyond the aperture, or paddr beyond what the units can address
 *   IOMMU_EEXIST      something is mapped there
 *   IOMMU_ENOMEM      for a table, or more tables than the domain may have
 *   IOMMU_EFAULT, IOMMU_EPERM, IOMMU_EOPNOTSUPP, IOMMU_EAGAIN
 *                     a hypervisor keeps the tables, and refuses: the memory; the window; the call;
 *                     for now, because it is busy or short of memory. Nothing is mapped
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     a unit that must be told of new mappings did not confirm, or not that the
 *                     call took back what it had mapped: the memory must not be reused before an
 *                     operation on this domain succeeds
 */
IOMMU_API int iommu_map(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			uint64_t size, unsigned int prot);

/*
 * iommu_unmap - end the devices' access to [iova, iova + size).
 *
 * @flags:    enum iommu_unmap_flags.
 * @unmapped: receives how many bytes were mapped; may be NULL, which is cheaper (see
 *            iommu_pgtable_ops.unmap).
 *
 * Strict: when it returns 0, hardware has confirmed, and the memory may be reused. Holes are
 * skipped. Without `unmapped` all of the range is invalidated, whatever was mapped there: so the
 * call, repeated, confirms what it could not the first time. Returns 0, the errors of
 * iommu_pgtable_ops.unmap with nothing changed, IOMMU_EINVAL when the domain is not a paging
 * domain, or IOMMU_ETIMEDOUT / IOMMU_EIO: the range is cleared, but a unit did not confirm: the
 * memory must not be reused before an operation on this domain succeeds.
 */
IOMMU_API int iommu_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			  unsigned int flags, uint64_t *unmapped);

/* One piece of memory that is scattered. */
struct iommu_map_piece {
	iommu_paddr_t paddr;
	uint64_t size;
};

/*
 * iommu_map_sg - iommu_map for pieces that are to appear one behind the other, from iova on. All or
 * nothing. Pieces that adjoin in memory are mapped as one, with larger pages, and hardware is told
 * once. Errors as iommu_map; IOMMU_EINVAL also: no pieces; IOMMU_EOVERFLOW: their sizes wrap.
 *
 * *mapped receives the bytes; may be NULL.
 */
IOMMU_API int iommu_map_sg(struct iommu_domain *domain, iommu_iova_t iova,
			   const struct iommu_map_piece *pieces, unsigned int count,
			   unsigned int prot, uint64_t *mapped);

/*
 * iommu_unmap_gather - iommu_unmap without the invalidation: for many ranges, of one domain, that
 * are invalidated together, best when they are near each other.
 *
 * @gather: the caller's, from iommu_gather_init (<libiommu/pgtable.h>) to iommu_sync_gather.
 *
 * Nothing of these ranges, neither addresses nor memory, may be reused before iommu_sync_gather has
 * returned 0. iommu_sync_gather invalidates what was gathered, waits, and empties the gather in any
 * case; 0 also when there was nothing; IOMMU_ETIMEDOUT / IOMMU_EIO as iommu_unmap.
 */
IOMMU_API int iommu_unmap_gather(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				 unsigned int flags, struct iommu_gather *gather,
				 uint64_t *unmapped);
IOMMU_API int iommu_sync_gather(struct iommu_domain *domain, struct iommu_gather *gather);

/*
 * iommu_iova_to_phys - where a device's access to iova goes.
 *
 * Returns 0, IOMMU_ENOENT (it would fault) or IOMMU_ERANGE (beyond the aperture).
 */
IOMMU_API int iommu_iova_to_phys(const struct iommu_domain *domain, iommu_iova_t iova,
				 iommu_paddr_t *paddr);

/*
 * iommu_domain_walk - visit the entries of a paging domain's tables; see iommu_pgtable_ops.walk.
 * IOMMU_EINVAL when it has none; IOMMU_ERANGE: start is beyond the aperture.
 */
IOMMU_API int iommu_domain_walk(const struct iommu_domain *domain, iommu_iova_t start,
				iommu_iova_t last, iommu_pgtable_visitor visitor, void *ctx);

IOMMU_END_DECLS
#endif
