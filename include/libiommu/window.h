/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows of a domain: on POWER a device reaches memory through two windows of bus addresses, each
 * with a page size of its own. In most domains they are the library's business; in a domain made
 * with IOMMU_DOMAIN_WINDOWS, its owner opens and closes them, and replaces their entries one by
 * one. For hypervisors whose guests set entries themselves (H_PUT_TCE), and for user-space drivers;
 * <libiommu/spapr.h> does both on top of this.
 *
 *	struct iommu_domain_config config = {.flags = IOMMU_DOMAIN_WINDOWS};
 *	iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &config, &domain)
 *	iommu_domain_attach_group(domain, group)        nothing is reached: no window is open
 *	iommu_window_open(domain, &window, &start)      bus addresses from `start` on, all absent
 *	iommu_window_prepare(domain, 0, index, count)   memory for these entries
 *	iommu_window_exchange(domain, 0, index, paddr, prot, &old_paddr, &old_prot)
 *	iommu_window_confirm(domain, 0, index, count)   devices use the new entries, and no old one
 *
 * Window 0 begins at bus address 0, and is what devices with 32 address bits reach; window 1 begins
 * at bit 59. Attaching a group opens the windows of the domain for it, and detaching closes them;
 * the host's own domain, with its windows, takes their place when the group is given back.
 * iommu_map and iommu_unmap do not work on such a domain (IOMMU_EINVAL). Bridges under OPAL have
 * such domains (<libiommu/opal.h>); in a guest of a PAPR hypervisor windows are requested from the
 * hypervisor for a bridge and not for a domain (<libiommu/papr.h>), and iommu_domain_alloc returns
 * IOMMU_EOPNOTSUPP.
 *
 * Locking. Open and close are control path (<libiommu/endpoint.h>). The other functions may be
 * called in any context and on any CPU, also at once for the same entries; but not for a window
 * while it is opened or closed, or while the domain is freed. `number` is that of a window that is
 * open, and the entries are within it.
 */
#ifndef LIBIOMMU_WINDOW_H
#define LIBIOMMU_WINDOW_H

#include <libiommu/domain.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

#define IOMMU_WINDOWS 2

struct iommu_window_limits {
	uint64_t page_sizes; /* bit n = pages of 2^n bytes */
	unsigned int levels; /* the most levels of tables */
	struct {
		iommu_iova_t start;
		uint64_t size; /* the largest, in bytes */
	} windows[IOMMU_WINDOWS];
};

/*
 * iommu_window_get_limits - what windows the unit of a domain can have. Returns 0, or
 * IOMMU_EOPNOTSUPP: the domain was not made with IOMMU_DOMAIN_WINDOWS. Any context.
 */
IOMMU_API int iommu_window_get_limits(const struct iommu_domain *domain,
				      struct iommu_window_limits *limits);

struct iommu_window_config {
	unsigned int number; /* 0 or 1 */
	unsigned int page_shift;
	unsigned int levels; /* of tables; 0: the fewest with tables of one page each */
	uint64_t size;       /* in bytes: a power of two, of two pages at least */
	unsigned int flags;  /* 0 */
};

/*
 * iommu_window_open - open a window, for all groups that are attached and for those that follow.
 * Tables are made as entries need them, except for the first. *start: its first bus address.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      the number; a size or a page size that the unit does not support; levels that
 *                     are too many, or so few that a table would be larger than 64 KiB
 *   IOMMU_EBUSY       the window is open
 *   IOMMU_EOPNOTSUPP  flags, or the domain was not made with IOMMU_DOMAIN_WINDOWS
 *   IOMMU_ENOMEM
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     the unit did not confirm, now or earlier. If it does not confirm either that
 *                     windows are as before, it is asked again by later calls of the control path
 *
 * iommu_window_close - close a window; when the call returns 0, devices reach nothing through it,
 * and its entries and tables are gone. IOMMU_EINVAL (the number), IOMMU_ENOENT (it is not open),
 * IOMMU_EOPNOTSUPP; IOMMU_ETIMEDOUT / IOMMU_EIO: not confirmed; the window remains open, with its
 * entries.
 */
IOMMU_API int iommu_window_open(struct iommu_domain *domain,
				const struct iommu_window_config *window, iommu_iova_t *start);
IOMMU_API int iommu_window_close(struct iommu_domain *domain, unsigned int number);

/*
 * iommu_window_prepare - make the tables for entries [index, index + count); count is not 0. They
 * remain until the window is closed. Returns 0, or IOMMU_ENOMEM: also the limit of table pages of
 * the domain.
 *
 * iommu_window_exchange - replace one entry: a device sees the old entry or the new one, never
 * none. prot 0: the new entry is absent. The former entry goes to *old_paddr and *old_prot (0: it
 * was absent), each former entry to one call alone. What devices have cached is not affected before
 * iommu_window_confirm. Returns 0; or with nothing changed IOMMU_EINVAL (paddr is no multiple of
 * the page size; unknown bits of prot), IOMMU_ERANGE (paddr is beyond what an entry can hold;
 * index), or IOMMU_ENOMEM (the entry is not prepared; never with prot 0).
 *
 * iommu_window_confirm - have hardware forget what it has cached of entries [index, index + count),
 * before memory that they led to is reused, and before new entries are relied on. count 0: of all
 * windows. Returns 0; IOMMU_ETIMEDOUT / IOMMU_EIO: not confirmed: the same call, of these or of
 * other entries, asks for everything that is open.
 *
 * iommu_window_get - read an entry; *prot 0: absent. IOMMU_ERANGE: index.
 *
 * All four: IOMMU_EOPNOTSUPP, as iommu_window_get_limits. Context: any, also at once for the same
 * entries; not while the window is opened or closed.
 */
IOMMU_API int iommu_window_prepare(struct iommu_domain *domain, unsigned int number, uint64_t index,
				   uint64_t count);
IOMMU_API int iommu_window_exchange(struct iommu_domain *domain, unsigned int number,
				    uint64_t index, iommu_paddr_t paddr, unsigned int prot,
				    iommu_paddr_t *old_paddr, unsigned int *old_prot);
IOMMU_API int iommu_window_confirm(struct iommu_domain *domain, unsigned int number, uint64_t index,
				   uint64_t count);
IOMMU_API int iommu_window_get(struct iommu_domain *domain, unsigned int number, uint64_t index,
			       iommu_paddr_t *paddr, unsigned int *prot);

IOMMU_END_DECLS
#endif
