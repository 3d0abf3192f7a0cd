/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map functions: one hop from the public API to the back end, which makes the one to the page
 * table. What a back end has cleared is invalidated here, on every path: see <libiommu/pgtable.h>.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/domain.h>
#include <libiommu/status.h>

#include "base/piece.h"
#include "base/trace.h"
#include "group/group.h"
#include "group/map_page.h"

int iommu_note_sync(struct iommu_domain *domain, uint32_t failures, int status)
{
	if (__builtin_expect(status != 0, 0))
		iommu_confirmation_fail(&domain->confirmation);
	else if (__builtin_expect(iommu_confirmation_is_open(&domain->confirmation), 0))
		iommu_confirmation_end(&domain->confirmation, failures);
	return status;
}

#if IOMMU_CONFIG_TRACE
/* Invalidate what a gather has, or everything (NULL); the end is told to the host's trace. */
static __attribute__((noinline)) int sync_traced(struct iommu_domain *domain,
						 struct iommu_gather *gather)
{
	const struct iommu_tracer *tracer = iommu_tracer_of(domain);
	const uint32_t failures = iommu_confirmation_begin(&domain->confirmation);
	/* What an earlier one has not confirmed this one does, wherever that was. */
	const bool is_of_all = iommu_confirmation_is_open(&domain->confirmation);
	const iommu_iova_t start = gather != NULL ? gather->start : 0;
	const uint64_t size = gather != NULL ? gather->last - start + 1 : 0;
	const uint64_t begun_ns = iommu_trace_now(tracer);
	int status =
		gather != NULL ? domain->ops->sync(domain, gather) : domain->ops->flush_all(domain);

	status = iommu_note_sync(domain, failures, status);
	if (status == 0 && is_of_all)
		iommu_trace_settled(domain, 0, 0, begun_ns, 0);
	else
		iommu_trace_settled(domain, start, size, begun_ns, status);
	return status;
}
#else
#define sync_traced(domain, gather) 0
#endif

int iommu_domain_flush(struct iommu_domain *domain)
{
	const uint32_t failures = iommu_confirmation_begin(&domain->confirmation);

	if (iommu_is_traced(domain))
		return sync_traced(domain, NULL);
	return iommu_note_sync(domain, failures, domain->ops->flush_all(domain));
}

int iommu_domain_settle(struct iommu_domain *domain)
{
	return iommu_confirmation_is_open(&domain->confirmation) ? iommu_domain_flush(domain) : 0;
}

/*
 * Invalidate what a map or unmap cleared; nothing to do in the usual case of a map. But nothing is
 * done on top of an earlier unmap that was not confirmed: it may have been of the same addresses.
 */
static int settle(struct iommu_domain *domain, struct iommu_gather *gather)
{
	uint32_t failures;

	if (iommu_gather_is_empty(gather)) {
		if (__builtin_expect(!iommu_confirmation_is_open(&domain->confirmation), 1))
			return 0;
		return iommu_domain_flush(domain);
	}
	if (iommu_is_traced(domain))
		return sync_traced(domain, gather);
	failures = iommu_confirmation_begin(&domain->confirmation);
	return iommu_note_sync(domain, failures, domain->ops->sync(domain, gather));
}

#if IOMMU_CONFIG_TRACE
int iommu_sync_traced_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	struct iommu_gather gather = {.start = iova, .last = iova + (size - 1), .pgsize = size};

	iommu_trace_unmap(domain, iova, size, 0);
	return sync_traced(domain, &gather);
}
#endif

/*
 * After map_pages. One that failed and cleared nothing has shown nothing to hardware: its error
 * stands, whatever else is open in the domain.
 */
static inline int settle_map(struct iommu_domain *domain, struct iommu_gather *gather, int status)
{
	if (__builtin_expect(status != 0, 0) && iommu_gather_is_empty(gather))
		return 0;
	return settle(domain, gather);
}

int iommu_take_map_back(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int why)
{
	struct iommu_gather gather;
	int status, settled;

	iommu_gather_init(&gather);
	status = domain->ops->unmap_pages(domain, iova, size, 0, &gather, NULL);
	settled = settle(domain, &gather);
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO)
		return status;
	return settled != 0 ? settled : why;
}

static inline int map_untraced(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			       uint64_t size, unsigned int prot)
{
	const struct iommu_domain_ops *ops = domain->ops;
	struct iommu_gather gather;
	uint64_t mapped;
	int status, settled;

	iommu_gather_init(&gather);
	status = ops->map_pages(domain, iova, paddr, size, prot, &gather, &mapped);
	settled = settle_map(domain, &gather, status);
	if (status != 0)
		return settled != 0 ? settled : status;
	status = settled != 0 ? settled : iommu_tell_of_map(domain, iova, size);
	if (status == 0)
		return 0;
	/* Hardware may not know of the mapping: unmap it rather than leave it half known. */
	return iommu_take_map_back(domain, iova, size, status);
}

static inline int map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			    uint64_t size, unsigned int prot)
{
	const int status = map_untraced(domain, iova, paddr, size, prot);

	iommu_trace_map(domain, iova, size, status);
	return status;
}

static inline int unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			      unsigned int flags, uint64_t *unmapped)
{
	struct iommu_gather gather;
	int status, settled;

	iommu_gather_init(&gather);
	status = domain->ops->unmap_pages(domain, iova, size, flags, &gather, unmapped);
	iommu_trace_unmap(domain, iova, size, status);
	settled = settle(domain, &gather);
	return status != 0 ? status : settled;
}

/* One page of the smallest size that formats have, as a driver's buffer often is. */
static inline bool is_one_page(uint64_t size)
{
	return IOMMU_CONFIG_ONE_PAGE && size == IOMMU_PAGE_SIZE;
}

/* May the host map there? What is identity, or a quarantine, is the library's own business. */
static inline bool is_open_to_the_host(const struct iommu_domain *domain)
{
	return domain->ops->map_pages != NULL && !domain->is_closed;
}

/* Without the hints that the domain's tables have no bits for. */
static inline unsigned int known_prot(const struct iommu_domain *domain, unsigned int prot)
{
	if (__builtin_expect(prot <= IOMMU_PROT_READ_WRITE, 1))
		return prot;
	return prot & ~((unsigned int)IOMMU_PROT_HINTS & ~domain->prot_hints);
}

int iommu_map(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
	      unsigned int prot)
{
	int status;

	if (!is_open_to_the_host(domain))
		return IOMMU_EINVAL;
	/* The usual case asks once about all hints. */
	paddr = iommu_encode_memory(domain, paddr, prot <= IOMMU_PROT_READ_WRITE ? 0 : prot);
	prot = known_prot(domain, prot);
	if (is_one_page(size) && iommu_map_one_page(domain, iova, paddr, size, prot, &status))
		return status;
	return map_pages(domain, iova, paddr, size, prot);
}

int iommu_map_nosync(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		     uint64_t size, unsigned int prot)
{
	struct iommu_gather gather;
	uint64_t mapped;
	int status, settled;

	if (!is_open_to_the_host(domain))
		return IOMMU_EINVAL;
	iommu_gather_init(&gather);
	status = domain->ops->map_pages(domain, iova, iommu_encode_memory(domain, paddr, prot),
					size, known_prot(domain, prot), &gather, &mapped);
	settled = settle_map(domain, &gather, status);
	if (status == 0 && settled != 0)
		status = iommu_take_map_back(domain, iova, size, settled);
	else if (settled != 0)
		status = settled;
	iommu_trace_map(domain, iova, size, status);
	return status;
}

int iommu_sync_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	if (!is_open_to_the_host(domain) || size == 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - iova)
		return IOMMU_EOVERFLOW;
	if (iova + (size - 1) > domain->aperture_last)
		return IOMMU_ERANGE;
	return iommu_tell_of_map(domain, iova, size);
}

int iommu_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, unsigned int flags,
		uint64_t *unmapped)
{
	int status;

	if (unmapped != NULL)
		*unmapped = 0;
	if (!is_open_to_the_host(domain))
		return IOMMU_EINVAL;
	if (is_one_page(size) && iommu_unmap_one_page(domain, iova, size, &status)) {
		if (unmapped != NULL)
			*unmapped = size;
		return status;
	}
	return unmap_pages(domain, iova, size, flags, unmapped);
}

/* --- Scattered memory, and many ranges -------------------------------------------------------- */

/* Pieces that are mapped one behind the other, and how far that is done. */
struct map_list {
	const struct iommu_map_piece *pieces;
	unsigned int count, next;
	uint64_t bytes; /* mapped, of the pieces before the next one */
};

/* Is a piece more of a run? An empty one is a run of its own, which map refuses. */
static inline bool adjoins(const struct iommu_map_piece *run, const struct iommu_map_piece *piece)
{
	return run->size != 0 && piece->size != 0 &&
	       iommu_adjoins(run->paddr + run->size, piece->paddr);
}

/* The next run of pieces that adjoin in memory, as one. False: sizes that wrap. */
static bool next_run(struct map_list *list, struct iommu_map_piece *run)
{
	*run = list->pieces[list->next++];
	while (list->next < list->count && adjoins(run, &list->pieces[list->next])) {
		if (list->pieces[list->next].size > UINT64_MAX - run->size)
			return false;
		run->size += list->pieces[list->next++].size;
	}
	return true;
}

/* Pieces from the next one on, as far as that is a store for each page. */
static inline void map_stored(struct iommu_domain *domain, iommu_iova_t iova, struct map_list *list,
			      unsigned int prot)
{
	uint64_t mapped = 0;

	if (!IOMMU_CONFIG_ONE_PAGE || domain->page_ops == NULL ||
	    iommu_encode_memory(domain, 0, prot) != 0)
		return;
	list->next += domain->page_ops->map_pieces(
		domain, iova + list->bytes, &list->pieces[list->next], list->count - list->next,
		known_prot(domain, prot), &mapped);
	list->bytes += mapped;
}

static int map_run(struct iommu_domain *domain, iommu_iova_t iova,
		   const struct iommu_map_piece *run, unsigned int prot,
		   struct iommu_gather *gather)
{
	uint64_t done;

	return domain->ops->map_pages(domain, iova, iommu_encode_memory(domain, run->paddr, prot),
				      run->size, known_prot(domain, prot), gather, &done);
}

static int map_runs(struct iommu_domain *domain, iommu_iova_t iova, struct map_list *list,
		    unsigned int prot, struct iommu_gather *gather)
{
	int status = 0;

	while (list->next < list->count && status == 0) {
		struct iommu_map_piece run;

		if (!next_run(list, &run) || iova > UINT64_MAX - list->bytes ||
		    run.size > UINT64_MAX - list->bytes)
			return IOMMU_EOVERFLOW;
		status = map_run(domain, iova + list->bytes, &run, prot, gather);
		if (status != 0)
			return status;
		list->bytes += run.size;
		if (list->next < list->count)
			map_stored(domain, iova, list, prot);
	}
	return 0;
}

/* What stores alone do not map, and hardware is told. */
static __attribute__((noinline)) int map_rest(struct iommu_domain *domain, iommu_iova_t iova,
					      struct map_list *list, unsigned int prot)
{
	struct iommu_gather gather;
	int status, settled;

	iommu_gather_init(&gather);
	status = map_runs(domain, iova, list, prot, &gather);
	settled = settle_map(domain, &gather, status);
	if (status == 0)
		status = settled != 0 ? settled : iommu_tell_of_map(domain, iova, list->bytes);
	if (status == 0)
		return 0;
	if (list->bytes != 0)
		status = iommu_take_map_back(domain, iova, list->bytes, status);
	return settled != 0 ? settled : status;
}

int iommu_map_sg(struct iommu_domain *domain, iommu_iova_t iova,
		 const struct iommu_map_piece *pieces, unsigned int count, unsigned int prot,
		 uint64_t *mapped)
{
	struct map_list list = {.pieces = pieces, .count = count};
	int status;

	if (mapped != NULL)
		*mapped = 0;
	if (!is_open_to_the_host(domain) || count == 0)
		return IOMMU_EINVAL;
	map_stored(domain, iova, &list, prot);
	if (__builtin_expect(list.next == count, 1))
		status = iommu_settle_stored(domain, iova, list.bytes);
	else
		status = map_rest(domain, iova, &list, prot);
	iommu_trace_map(domain, iova, list.bytes, status);
	if (status == 0 && mapped != NULL)
		*mapped = list.bytes;
	return status;
}

int iommu_unmap_gather(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	int status;

	if (unmapped != NULL)
		*unmapped = 0;
	if (!is_open_to_the_host(domain))
		return IOMMU_EINVAL;
	status = domain->ops->unmap_pages(domain, iova, size, flags, gather, unmapped);
	iommu_trace_unmap(domain, iova, size, status);
	return status;
}

int iommu_sync_gather(struct iommu_domain *domain, struct iommu_gather *gather)
{
	return settle(domain, gather);
}

/* --- For the library itself ------------------------------------------------------------------- */

int iommu_map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		    uint64_t size, unsigned int prot)
{
	return map_pages(domain, iova, iommu_encode_memory(domain, paddr, prot), size, prot);
}

int iommu_unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		      unsigned int flags, uint64_t *unmapped)
{
	return unmap_pages(domain, iova, size, flags, unmapped);
}

int iommu_iova_to_phys(const struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t *paddr)
{
	if (domain->ops->iova_to_phys != NULL) {
		int status = domain->ops->iova_to_phys(domain, iova, paddr);

		if (IOMMU_CONFIG_ENCRYPTION && status == 0 && paddr != NULL)
			*paddr &= ~(domain->private_bits | domain->shared_bits);
		return status;
	}
	if (iova > domain->aperture_last)
		return IOMMU_ERANGE;
	if (domain->type != IOMMU_DOMAIN_IDENTITY)
		return IOMMU_ENOENT;
	if (paddr != NULL)
		*paddr = iova;
	return 0;
}

int iommu_domain_walk(const struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
		      iommu_pgtable_visitor visitor, void *ctx)
{
	/* All entries of a quarantine lead to one page: they would be visited without an end. */
	if (domain->ops->walk == NULL || iommu_is_quarantine(domain))
		return IOMMU_EINVAL;
	return domain->ops->walk(domain, start, last, visitor, ctx);
}
