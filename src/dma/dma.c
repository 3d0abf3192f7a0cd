/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMA mapping API over a domain: addresses from the per-CPU caches, mappings through the
 * domain's map path, unmapping strict or through the flush queue.
 */
#include "dma/dma.h"
#include "base/cpu_guard.h"
#include "base/log.h"
#include "base/per_cpu.h"
#include "base/trace.h"
#include "dma/debug.h"
#include "dma/one_page.h"
#include "group/group.h"

#define DEPOT_MAGAZINES 32

_Static_assert(sizeof(struct iommu_dma) <= IOMMU_PAGE_SIZE, "it is one page");

static const struct dma_hanging nothing_hangs = {.release = NULL};

/* --- Life ------------------------------------------------------------------------------------- */

static bool is_lazy(const struct iommu_dma_config *config)
{
	return (config->flags & IOMMU_DMA_LAZY) != 0 ||
	       config->domain->type == IOMMU_DOMAIN_DMA_LAZY;
}

#if IOMMU_CONFIG_DMA_LAZY
static int make_queue(struct iommu_dma *dma, const struct iommu_dma_config *config)
{
	const struct iommu_flush_queue_config queue = {
		.platform = dma->platform,
		.domain = dma->domain,
		.cache = dma->cache,
		.granule = 1ULL << dma->page_shift,
		.entries = config->queue_entries,
		.max_age_ns = config->queue_max_age_ns,
		.flags = config->queue_flags,
	};

	if (!is_lazy(config))
		return 0;
	return iommu_flush_queue_create(&queue, &dma->queue);
}
#else
#define make_queue(dma, config) (is_lazy(config) ? IOMMU_EOPNOTSUPP : 0)
#endif

/* What every kind has; NULL: no memory. */
static struct iommu_dma *dma_new(const struct iommu_platform *platform, unsigned int page_shift)
{
	struct iommu_dma *dma = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (dma == NULL)
		return NULL;
	dma->platform = platform;
	dma->page_shift = page_shift;
	dma->page_mask = (1ULL << page_shift) - 1;
#if IOMMU_CONFIG_DMA_BOUNCE
	iommu_object_cache_init(&dma->bounces, platform, DMA_BOUNCE_SIZE);
#endif
#if IOMMU_CONFIG_DMA_PIECES
	iommu_object_cache_init(&dma->areas, platform, DMA_AREA_SIZE);
	iommu_object_cache_init(&dma->pieces, platform, sizeof(struct iommu_memory_piece));
	iommu_list_init(&dma->areas_in_use);
#endif
	return dma;
}

/* How addresses are asked for. */
static unsigned int place_flags_of(const struct iommu_dma_config *config)
{
	if ((config->flags & IOMMU_DMA_WIDE_FIRST) != 0)
		return IOMMU_IOVA_ATOMIC;
	return (unsigned int)IOMMU_IOVA_ATOMIC | IOMMU_IOVA_LOW_FIRST;
}

/* Addresses, and what unmapping takes, over a domain that translates. */
static int make_translated(struct iommu_dma *dma, const struct iommu_dma_config *config)
{
	struct iommu_domain *domain = config->domain;
	const struct iommu_iova_cache_config cache = {
		.space = domain->space,
		.depot_magazines = DEPOT_MAGAZINES,
		.flags = IOMMU_IOVA_CACHE_LINES |
			 (dma->platform->cpu_exclusive ? IOMMU_IOVA_CACHE_CPU_EXCLUSIVE : 0U),
	};
	int status;

	dma->domain = domain;
	dma->space = domain->space;
	if (IOMMU_CONFIG_DMA_TUNING)
		dma->place_flags = place_flags_of(config);
	/* Addresses of the bypass are without the bits that tell encrypted memory. */
	if (IOMMU_CONFIG_DMA_DIRECT && domain->bypass_size != 0 && dma_bits(dma, 0) == 0) {
		dma->passes = true;
		dma->pass_offset = domain->bypass_offset;
		dma->pass_last = domain->bypass_size - 1;
	}
	status = iommu_iova_cache_create(&cache, &dma->cache);
	if (status == 0)
		status = make_queue(dma, config);
	dma_one_page_init(dma);
	if (status != 0 && dma->cache != NULL)
		iommu_iova_cache_destroy(dma->cache);
	return status;
}

#define KNOWN_FLAGS                                                                                \
	((unsigned int)IOMMU_DMA_LAZY | (IOMMU_CONFIG_DMA_TUNING ? IOMMU_DMA_WIDE_FIRST : 0U))

/* Why a handle is not made: said by the call that it is for. */
static int because(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}

/* Shared memory and bounce pages are whole pages of the domain, from the host's allocator. */
static bool has_huge_pages(const struct iommu_domain *domain)
{
	return domain->page_shift > IOMMU_PAGE_SHIFT + IOMMU_MAX_ALLOC_ORDER;
}

#if IOMMU_CONFIG_DMA_DIRECT

static int create_direct(const struct iommu_platform *platform, struct iommu_domain *domain,
			 struct iommu_dma **result)
{
	struct iommu_dma *dma = dma_new(platform, IOMMU_PAGE_SHIFT);

	if (dma == NULL)
		return IOMMU_ENOMEM;
	dma->domain = domain;
	dma->passes = dma->is_direct = true;
	dma->pass_last = domain != NULL ? domain->aperture_last : UINT64_MAX;
	if (domain != NULL && domain->space != NULL) {
		dma->passes_memory = true;
		dma->pass_offset = domain->bypass_offset;
		dma->pass_last = domain->bypass_size - 1;
	}
	iommu_dma_debug_create(dma);
	*result = dma;
	return 0;
}

int iommu_dma_create_direct(const struct iommu_platform *platform, struct iommu_dma **result)
{
	int status = iommu_refuse_defect(platform, IOMMU_CALL, iommu_platform_defect(platform));

	return status != 0 ? status : create_direct(platform, NULL, result);
}

/*
 * Is the domain's bypass the only way, because its pages are too large to map buffers in? Blocks of
 * the host lie there at multiples of their size, as they do in memory. Its addresses are without
 * the bits that tell encrypted memory.
 */
static bool only_passes(const struct iommu_domain *domain, const struct iommu_platform *platform)
{
	return has_huge_pages(domain) && domain->bypass_size != 0 &&
	       (domain->bypass_offset & (DMA_BLOCK_MAX - 1)) == 0 &&
	       (!IOMMU_CONFIG_ENCRYPTION || (platform->private_bits | platform->shared_bits) == 0);
}

#else
#define create_direct(platform, domain, result) IOMMU_EOPNOTSUPP
#define only_passes(domain, platform)           false
#endif

static int create(const struct iommu_dma_config *config, struct iommu_dma **result,
		  const char **why)
{
	struct iommu_domain *domain = config->domain;
	const struct iommu_platform *platform;
	struct iommu_dma *dma;
	int status;

	*why = "";
	if ((config->flags & ~KNOWN_FLAGS) != 0)
		return because(why, IOMMU_EINVAL, IOMMU_WHY("unknown flags"));
	if (domain->space == NULL && domain->type != IOMMU_DOMAIN_IDENTITY)
		return because(
			why, IOMMU_EINVAL,
			IOMMU_WHY("the domain is neither one for DMA nor an identity domain"));
	platform = iommu_platform_of(domain->iommu);
	/*
	 * Such tables hold the bits, of private memory, which device addresses must not have then.
	 */
	if (IOMMU_CONFIG_ENCRYPTION && domain->space == NULL &&
	    (platform->private_bits | platform->shared_bits) != 0 &&
	    domain->ops->iova_to_phys != NULL)
		return because(why, IOMMU_EOPNOTSUPP,
			       IOMMU_WHY("memory is encrypted, and the identity domain is made of "
					 "tables"));
	if (domain->space == NULL || only_passes(domain, platform))
		return create_direct(platform, domain, result);
	if (iommu_per_cpu_defect(platform) != NULL)
		return because(why, IOMMU_EINVAL, iommu_per_cpu_defect(platform));
	if (has_huge_pages(domain))
		return because(why, IOMMU_EOPNOTSUPP,
			       IOMMU_WHY("the domain's smallest page is larger than a block of the "
					 "host's allocator"));
	dma = dma_new(platform, domain->page_shift);
	if (dma == NULL)
		return IOMMU_ENOMEM;
	status = make_translated(dma, config);
	if (status != 0) {
		platform->free_pages(platform->ctx, dma, 0);
		return status;
	}
	iommu_dma_debug_create(dma);
	*result = dma;
	return 0;
}

int iommu_dma_create(const struct iommu_dma_config *config, struct iommu_dma **result)
{
	const char *why;
	int status;

	if (config->domain == NULL)
		return IOMMU_EINVAL;
	status = create(config, result, &why);
	/* What is wrong with the queue, the queue has said. */
	if (status == IOMMU_EINVAL && why[0] == '\0')
		return status;
	return status == 0 ? 0
			   : iommu_refuse_now(config->domain->iommu, IOMMU_CALL, "", status, why);
}

int iommu_dma_destroy(struct iommu_dma *dma)
{
	const struct iommu_platform *platform;
	int status;

	if (dma == NULL)
		return 0;
	platform = dma->platform;
	if (dma_has_records(dma) ||
	    (IOMMU_CONFIG_DMA_PIECES && !iommu_list_is_empty(&dma->areas_in_use)))
		return iommu_log_refusal(platform, IOMMU_CALL, "",
					 IOMMU_WHY("buffers or shared memory are mapped"),
					 IOMMU_EBUSY);
	status = iommu_dma_settle_withheld(dma);
	if (dma_is_lazy(dma) && status == 0)
		status = iommu_flush_queue_destroy(dma->queue);
	if (status != 0)
		return iommu_log_refusal(platform, IOMMU_CALL, "", "", status);
	iommu_dma_debug_destroy(dma);
	if (dma->cache != NULL)
		iommu_iova_cache_destroy(dma->cache);
	platform->free_pages(platform->ctx, dma, 0);
	return 0;
}

/* --- The default domain's --------------------------------------------------------------------- */

static int destroy_with_domain(void *data)
{
	return iommu_dma_destroy(data);
}

#if IOMMU_CONFIG_DMA_TUNING

static int set_defaults(struct iommu *iommu, const struct iommu_dma_config *config)
{
	const unsigned int queue_flags = IOMMU_FLUSH_QUEUE_SINGLE | IOMMU_FLUSH_QUEUE_ADAPTIVE;
	unsigned int most;

	if (config == NULL) {
		iommu->dma_defaults = (struct iommu_dma_config){.domain = NULL};
		return 0;
	}
	most = (config->queue_flags & IOMMU_FLUSH_QUEUE_SINGLE) != 0 ? 2048 : 1024;
	if (config->domain != NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "defaults are not for one domain");
	if ((config->flags & ~(unsigned int)IOMMU_DMA_WIDE_FIRST) != 0 ||
	    (config->queue_flags & ~queue_flags) != 0)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL,
				    "unknown flags, or the one for lazy mode");
	if (config->queue_entries == 1 || config->queue_entries > most)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL,
				    "a ring does not have so many entries");
	iommu->dma_defaults = *config;
	return 0;
}

int iommu_set_dma_defaults(struct iommu *iommu, const struct iommu_dma_config *config)
{
	int status;

	iommu_control_lock(iommu);
	status = set_defaults(iommu, config);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

static struct iommu_dma_config defaults_for(struct iommu_domain *domain)
{
	struct iommu_dma_config config = domain->iommu->dma_defaults;

	config.domain = domain;
	return config;
}

#else
#define defaults_for(domain) ((struct iommu_dma_config){.domain = (domain)})
#endif

static int find_or_create(struct iommu_domain *domain, struct iommu_dma **dma)
{
	const struct iommu_dma_config config = defaults_for(domain);
	int status = 0;

	if (domain->release_data == NULL) {
		const char *why;

		status = create(&config, dma, &why);
		if (status != 0)
			return why[0] != '\0' ? iommu_refuse(domain->iommu, "", status, why)
					      : status;
		domain->data = *dma;
		domain->release_data = destroy_with_domain;
	}
	*dma = domain->data;
	return 0;
}

/*
 * The handle is a use of the default domain: the group is no other's to have while a driver has it.
 */
static int take_handle(struct iommu_endpoint *endpoint, struct iommu_dma **dma)
{
	struct iommu_domain *domain = iommu_group_default_domain(endpoint->group);
	const bool was_used = endpoint->uses_dma;
	int status;

	if (iommu_endpoint_is_released(endpoint))
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_ENODEV,
				    "it was released");
	if (domain == NULL)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EPERM,
				    "its group is to reach nothing");
	/* Addresses of the domain would go to memory as they are. */
	if (domain->space != NULL && !endpoint->unit->enabled && !was_used)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EAGAIN,
				    "its unit is not enabled, so nothing would be translated");
	status = iommu_use_dma(endpoint);
	if (status != 0)
		return status;
	status = find_or_create(domain, dma);
	if (status != 0 && !was_used)
		iommu_unuse_dma(endpoint);
	return status;
}

int iommu_dma_of(struct iommu_endpoint *endpoint, struct iommu_dma **dma)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = take_handle(endpoint, dma);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

struct iommu_dma_device iommu_dma_device_of(const struct iommu_endpoint *endpoint, uint64_t mask)
{
	const uint64_t widest = endpoint->info.requires_dma_32 ? UINT32_MAX : UINT64_MAX;

	return (struct iommu_dma_device){
		.mask = mask == 0 || mask > widest ? widest : mask,
		.untrusted = endpoint->info.untrusted,
		.noncoherent = endpoint->info.noncoherent,
		.shared_only = endpoint->info.shared_only,
	};
}

/* --- While it is used ------------------------------------------------------------------------- */

int iommu_dma_tick(struct iommu_dma *dma)
{
	int status = iommu_dma_settle_withheld(dma);

	if (dma_is_lazy(dma) && status == 0)
		status = iommu_flush_queue_tick(dma->queue);
	return status;
}

void iommu_dma_get_stats(struct iommu_dma *dma, struct iommu_dma_stats *stats)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);

	*stats = (struct iommu_dma_stats){
		.withheld = dma->withheld_count,
		.lost = dma->lost,
		.bounced = dma->bounced_count,
	};
	iommu_spin_unlock(dma->platform, &dma->lock, state);
}

uint64_t iommu_dma_required_mask(const struct iommu_dma *dma)
{
	const iommu_iova_t last =
		dma_passes(dma) ? dma->pass_offset + dma->pass_last : dma->domain->aperture_last;

	return UINT64_MAX >> (63 - iommu_highest_bit(last));
}

uint64_t iommu_dma_max_size(const struct iommu_dma *dma, const struct iommu_dma_device *device)
{
	uint64_t last;

	if (dma_is_direct(dma))
		return iommu_dma_max_size_direct(dma, device);
	if (!iommu_dma_last_page(dma, device, &last) || last == 0)
		return 0;
	if (dma_is_replaced(device, 0))
		return (IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER) - dma_page_mask(dma);
	if (device->mask == 0 || device->mask >= dma->domain->aperture_last)
		return UINT64_MAX;
	/* All but the first page, or, of so few, the highest aligned power of two of them. */
	if (last <= DMA_CACHED_PAGES)
		last = 1ULL << (iommu_highest_bit(last + 1) - 1);
	/* Wherever in its first page it begins. */
	return (last << dma->page_shift) - dma_page_mask(dma);
}

uint64_t iommu_dma_best_size(const struct iommu_dma *dma, const struct iommu_dma_device *device)
{
	const uint64_t most = iommu_dma_max_size(dma, device);
	const uint64_t cached = dma_is_direct(dma) || !IOMMU_CONFIG_IOVA_CACHES
					? UINT64_MAX
					: (uint64_t)DMA_CACHED_PAGES << dma->page_shift;

	return cached < most ? cached : most;
}

uint64_t iommu_dma_merge_boundary(const struct iommu_dma *dma)
{
	return dma_passes(dma) ? 0 : dma_page_mask(dma) + 1;
}

/* --- Addresses -------------------------------------------------------------------------------- */

bool iommu_dma_last_page(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			 uint64_t *last)
{
	uint64_t mask = dma->domain->aperture_last;

	if (device->mask != 0 && device->mask < mask)
		mask = device->mask;
	*last = mask >> dma->page_shift;
	return mask >= dma_page_mask(dma);
}

/* Page sizes that a mapping of memory at `paddr` could use if its address were aligned to them. */
static uint64_t useful_page_sizes(const struct iommu_dma *dma, uint64_t pages, iommu_paddr_t paddr)
{
	const unsigned int size_order = iommu_highest_bit(pages) + dma->page_shift;
	const unsigned int order = paddr != 0 && iommu_lowest_bit(paddr) < size_order
					   ? iommu_lowest_bit(paddr)
					   : size_order;

	return dma->domain->pgsize_bitmap & (UINT64_MAX >> (63 - order));
}

/*
 * How addresses are asked for. Exclusive caches are the CPU's for as long as the call is in them,
 * unless the host's guard makes them so.
 */
static inline unsigned int iova_flags(const struct iommu_dma *dma,
				      const struct iommu_dma_device *device)
{
	if (__builtin_expect(device->may_sleep, 0) &&
	    (IOMMU_HAS_CPU_GUARD || !dma->platform->cpu_exclusive))
		return dma_place_flags(dma) & ~(unsigned int)IOMMU_IOVA_ATOMIC;
	return dma_place_flags(dma);
}

void iommu_dma_want_place(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct iommu_iova_request *request)
{
	const uint64_t boundary = device->boundary >> dma->page_shift;
	const bool fits = boundary >= request->size;

	request->boundary = fits ? boundary : 0;
	request->alignment = device->alignment >> dma->page_shift;
	/*
	 * What has to cross boundaries begins at one: so it can be laid out before it has a place.
	 */
	if (!fits && boundary > request->alignment)
		request->alignment = boundary;
}

/* Addresses that do not come from a CPU's cache: large ones, and those that need more alignment. */
static __attribute__((noinline)) int search_addresses(struct iommu_dma *dma,
						      const struct iommu_dma_device *device,
						      uint64_t pages, uint64_t limit,
						      iommu_paddr_t paddr, uint64_t *first)
{
	struct iommu_iova_request request = {
		.size = pages,
		.limit = limit,
		.flags = iova_flags(dma, device),
	};
	uint64_t sizes = pages > DMA_CACHED_PAGES ? useful_page_sizes(dma, pages, paddr) : 0;
	int status;

	iommu_dma_want_place(dma, device, &request);
	while (sizes != 0) {
		const unsigned int size_order = iommu_highest_bit(sizes);
		struct iommu_iova_request aligned = request;
		struct iommu_iova_range *range;

		sizes -= 1ULL << size_order;
		aligned.alignment = 1ULL << (size_order - dma->page_shift);
		if (aligned.alignment == 1 || aligned.alignment <= request.alignment)
			break;
		if (iommu_iova_alloc(dma->space, &aligned, &range) == 0) {
			*first = range->first;
			return 0;
		}
	}
	status = iommu_iova_cache_alloc_size(dma->cache, &request, first);
	if (status != IOMMU_ENOSPC || (request.alignment <= 1 && request.boundary == 0))
		return status;
	/* Only a place where it fits by luck is left. */
	request.flags |= IOMMU_IOVA_EXACT;
	return iommu_iova_cache_alloc_size(dma->cache, &request, first);
}

int iommu_dma_take_addresses(struct iommu_dma *dma, const struct iommu_dma_device *device,
			     uint64_t pages, iommu_paddr_t paddr, uint64_t *first)
{
	uint64_t limit;
	int status = dma_make_room(dma);

	if (status != 0)
		return status;
	if (!iommu_dma_last_page(dma, device, &limit) || pages > limit)
		return IOMMU_ENOSPC;
	if (__builtin_expect(IOMMU_CONFIG_IOVA_CACHES && pages <= DMA_CACHED_PAGES &&
				     device->alignment >> dma->page_shift <= pages,
			     1))
		return iommu_iova_cache_alloc(dma->cache, dma_order_of(pages), limit,
					      iova_flags(dma, device), first);
	return search_addresses(dma, device, pages, limit, paddr, first);
}

static void give_addresses(struct iommu_dma *dma, uint64_t first, uint64_t pages)
{
#if DMA_HAS_ONE_PAGE
	if (__builtin_expect(pages <= DMA_CACHED_PAGES &&
				     dma_give_cached(dma, first, dma_order_of(pages)),
			     1))
		return;
#endif
	iommu_iova_cache_free_size(dma->cache, first, pages);
}

/* --- The steps -------------------------------------------------------------------------------- */

int iommu_dma_check_device(const struct iommu_dma_device *device)
{
	if ((device->mask & (device->mask + 1)) != 0 ||
	    (device->boundary & (device->boundary - 1)) != 0 ||
	    (device->alignment & (device->alignment - 1)) != 0)
		return IOMMU_EINVAL;
	/* What a part that was left out would have to do for it. */
	return (!IOMMU_CONFIG_DMA_NONCOHERENT && device->noncoherent) ||
			       (!IOMMU_CONFIG_ENCRYPTION && device->shared_only)
		       ? IOMMU_EOPNOTSUPP
		       : 0;
}

int iommu_dma_check_buffer(const struct iommu_dma_device *device, iommu_paddr_t paddr,
			   uint64_t size, enum iommu_dma_direction direction)
{
	if (size == 0 || direction < IOMMU_DMA_TO_DEVICE || direction > IOMMU_DMA_BIDIRECTIONAL)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - paddr)
		return IOMMU_EOVERFLOW;
	return iommu_dma_check_device(device);
}

#if IOMMU_CONFIG_DMA_ATTRIBUTES
int iommu_dma_check_attributes(const struct iommu_dma *dma, unsigned int attributes)
{
	if ((attributes & ~DMA_ATTRIBUTES) != 0)
		return IOMMU_EINVAL;
	if (!IOMMU_CONFIG_ENCRYPTION && (attributes & IOMMU_DMA_SHARED) != 0)
		return IOMMU_EOPNOTSUPP;
	/* Without the bit in the tables every request of the device could use it. */
	if ((attributes & IOMMU_DMA_PRIVILEGED) != 0 &&
	    (dma_is_direct(dma) || (dma->domain->prot_hints & IOMMU_PROT_PRIVILEGED) == 0))
		return IOMMU_EOPNOTSUPP;
	return 0;
}
#endif

void iommu_dma_undo(struct iommu_dma *dma, uint64_t first, uint64_t mapped, uint64_t pages, int why,
		    const struct dma_hanging *hanging)
{
	int status = 0;

	if (mapped != 0)
		status = iommu_unmap(dma->domain, first << dma->page_shift,
				     mapped << dma->page_shift, 0, NULL);
	if (dma_is_unconfirmed(why) || status != 0) {
		iommu_dma_withhold(dma, first, pages, hanging);
		return;
	}
	dma_release(dma, hanging);
	give_addresses(dma, first, pages);
}

/* No address of such a range was ever handed out: nothing is mapped there. */
static int not_unmapped(int status)
{
	return status == IOMMU_ERANGE || status == IOMMU_EOVERFLOW ? IOMMU_ENOENT : status;
}

/* Unmapped, but not as it should be. */
static DMA_OUT_OF_LINE int unmap_failed(struct iommu_dma *dma, uint64_t first, uint64_t pages,
					const struct dma_hanging *hanging, int status)
{
	if (dma_is_unconfirmed(status))
		iommu_dma_withhold(dma, first, pages, hanging);
	return not_unmapped(status);
}

int iommu_dma_unmap_strictly(struct iommu_dma *dma, uint64_t first, uint64_t pages,
			     const struct dma_hanging *hanging)
{
	const uint32_t serial = __atomic_load_n(&dma->serial, __ATOMIC_ACQUIRE);
	uint64_t unmapped;
	int status = dma_make_room(dma);

	if (status != 0)
		return status;
	status = iommu_unmap(dma->domain, first << dma->page_shift, pages << dma->page_shift, 0,
			     &unmapped);

	/*
	 * Nothing was there: an error is of something else, and the addresses are not the caller's.
	 */
	if (unmapped == 0 && (status == 0 || dma_is_unconfirmed(status)))
		return IOMMU_ENOENT;
	if (status != 0)
		return unmap_failed(dma, first, pages, hanging, status);
	give_addresses(dma, first, pages);
	if (__builtin_expect(__atomic_load_n(&dma->withheld_count, __ATOMIC_ACQUIRE) != 0, 0))
		iommu_dma_give_withheld(dma, serial);
	return 0;
}

int iommu_dma_unmap_pages(struct iommu_dma *dma, uint64_t first, uint64_t pages)
{
	int status;

	if (!dma_is_lazy(dma))
		return iommu_dma_unmap_strictly(dma, first, pages, &nothing_hangs);
	status = dma_make_room(dma);
	if (status == 0)
		status = iommu_flush_queue_unmap_size(dma->queue, first, pages);
	if (__builtin_expect(status == 0, 1))
		return 0;
	/* A queue that is full of what hardware does not confirm. */
	if (dma_is_unconfirmed(status))
		iommu_dma_withhold(dma, first, pages, &nothing_hangs);
	return not_unmapped(status);
}

/* Whole pages: what hangs on them if they cannot be mapped, and where they are. */
struct place {
	struct dma_hanging hanging;
	uint64_t first;
};

static int dma_map_pages(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 iommu_paddr_t paddr, uint64_t pages, unsigned int prot,
			 struct place *place)
{
	int status = iommu_dma_take_addresses(dma, device, pages, paddr, &place->first);

	if (status != 0) {
		dma_release(dma, &place->hanging);
		return status;
	}
	status = iommu_map(dma->domain, place->first << dma->page_shift, paddr,
			   pages << dma->page_shift, prot);
	if (status != 0)
		iommu_dma_undo(dma, place->first, 0, pages, status, &place->hanging);
	return status;
}

/* --- One page --------------------------------------------------------------------------------- */

#if DMA_HAS_ONE_PAGE

/* False: not this way, and nothing has happened. */
static inline __attribute__((always_inline)) bool
map_one_page(struct iommu_dma *dma, const struct iommu_dma_device *device, iommu_paddr_t paddr,
	     uint64_t size, enum iommu_dma_direction direction, iommu_iova_t *address, int *status)
{
	const iommu_paddr_t page = paddr & ~dma_page_mask(dma);
	const uint64_t page_size = dma_page_mask(dma) + 1;
	iommu_iova_t iova;
	uint64_t first;

	if (__builtin_expect(!dma->maps_pages_alone || !dma_is_on_one_page(dma, paddr, size) ||
				     (unsigned int)direction - 1 > 2 ||
				     !dma_is_undemanding(device) || dma_withholds(dma),
			     0))
		return false;
	if (__builtin_expect(!dma_take_cached(dma, device, 0, &first), 0)) {
		*status = iommu_dma_take_addresses(dma, device, 1, page, &first);
		if (*status != 0)
			return true;
	}
	iova = first << dma->page_shift;
	if (__builtin_expect(!iommu_map_one_page(dma->domain, iova,
						 iommu_encode_memory(dma->domain, page, 0),
						 page_size, dma_prot_of(direction), status),
			     0)) {
		/* Cached before a unit of fewer address bits joined the others of the domain. */
		if (iova > dma->domain->aperture_last) {
			give_addresses(dma, first, 1);
			return false;
		}
		*status = iommu_map(dma->domain, iova, page, page_size,
				    dma_map_prot(device, direction, 0));
	}
	if (__builtin_expect(*status == 0, 1))
		*address = iova | (paddr & dma_page_mask(dma));
	else
		iommu_dma_undo(dma, first, 0, 1, *status, &nothing_hangs);
	return true;
}

/* False: not this way, and nothing has happened. */
static inline __attribute__((always_inline)) bool
unmap_one_page(struct iommu_dma *dma, iommu_iova_t address, uint64_t size, int *status)
{
	const uint64_t mask = dma_page_mask(dma);
	uint64_t first;

	if (__builtin_expect(
		    !dma->unmaps_pages_alone || !dma_is_on_one_page(dma, address, size) ||
			    dma_has_records(dma) || dma_withholds(dma) ||
			    !iommu_unmap_one_page(dma->domain, address & ~mask, mask + 1, status),
		    0))
		return false;
	first = address >> dma->page_shift;
	if (__builtin_expect(*status != 0, 0)) {
		*status = unmap_failed(dma, first, 1, &nothing_hangs, *status);
		return true;
	}
	if (__builtin_expect(!dma_give_cached(dma, first, 0), 0))
		iommu_iova_cache_free(dma->cache, first, 0);
	return true;
}

#if IOMMU_CONFIG_DMA_LAZY
/* The same for later. */
static inline bool unmap_one_page_lazily(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
					 int *status)
{
	const uint64_t mask = dma_page_mask(dma);
	const uint64_t first = address >> dma->page_shift;

	/* What is traced goes the way of all pages, which tells of it. */
	if (!dma->maps_pages_alone || !dma_is_lazy(dma) || iommu_is_traced(dma->domain) ||
	    !dma_is_on_one_page(dma, address, size) || dma_has_records(dma) || dma_withholds(dma) ||
	    !dma->domain->page_ops->unmap_page(dma->domain, address & ~mask, mask + 1))
		return false;
	*status = iommu_flush_queue_put_page(dma->queue, first);
	if (__builtin_expect(*status != 0, 0))
		*status = unmap_failed(dma, first, 1, &nothing_hangs, *status);
	return true;
}
#else
#define unmap_one_page_lazily(dma, address, size, status) false
#endif

#else
#define unmap_one_page_lazily(dma, address, size, status)                  false
#define map_one_page(dma, device, paddr, size, direction, address, status) false
#define unmap_one_page(dma, address, size, status)                         false
#endif

/* --- One buffer ------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) int
map_buffer_pages(struct iommu_dma *dma, const struct iommu_dma_device *device, iommu_paddr_t paddr,
		 uint64_t size, unsigned int how, struct place *place)
{
	return dma_map_pages(dma, device, paddr & ~dma_page_mask(dma),
			     dma_pages_of(dma, paddr, size), dma_map_prot(device, how, how), place);
}

int iommu_dma_check_care(const struct iommu_dma *dma, const struct iommu_dma_device *device)
{
	/* In lazy mode a device reaches for a while what is not its any more. */
	return (device->untrusted && dma_is_lazy(dma)) || !dma_host_serves(dma, device)
		       ? IOMMU_EOPNOTSUPP
		       : 0;
}

#if IOMMU_CONFIG_DMA_BOUNCE
/* For a device that must not reach, or does not see, all of what is on the pages. */
static __attribute__((noinline)) int map_with_care(struct iommu_dma *dma,
						   const struct iommu_dma_device *device,
						   iommu_paddr_t paddr, uint64_t size,
						   unsigned int how, struct place *place)
{
	int status = iommu_dma_check_care(dma, device);

	if (status != 0)
		return status;
	if (!dma_needs_record(dma, device, paddr, size, how))
		return map_buffer_pages(dma, device, paddr, size, how, place);
	if ((how & IOMMU_DMA_MMIO) != 0)
		return IOMMU_EOPNOTSUPP;
	return iommu_dma_map_bounced(dma, device, paddr, size, how, &place->first);
}
#else
/* Nothing is done for such a device: what would have to be is refused. */
static int map_with_care(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 iommu_paddr_t paddr, uint64_t size, unsigned int how, struct place *place)
{
	if (iommu_dma_check_care(dma, device) != 0 ||
	    dma_needs_record(dma, device, paddr, size, how))
		return IOMMU_EOPNOTSUPP;
	return map_buffer_pages(dma, device, paddr, size, how, place);
}
#endif

static DMA_OUT_OF_LINE int map_buffer(struct iommu_dma *dma, const struct iommu_dma_device *device,
				      iommu_paddr_t paddr, uint64_t size,
				      enum iommu_dma_direction direction, unsigned int attributes,
				      iommu_iova_t *address)
{
	const unsigned int how = (unsigned int)direction | attributes;
	int status = iommu_dma_check_buffer(device, paddr, size, direction);
	struct place place;

	if (status != 0)
		return status;
	if (__builtin_expect(dma_passes(dma), 0)) {
		if (dma_is_direct(dma))
			return iommu_dma_map_direct(dma, device, paddr, size, how, address);
		if (dma_may_bypass(attributes) && dma_bypasses(dma, device, paddr, size, address))
			return 0;
	}
	place.hanging.release = NULL;
	if (__builtin_expect(dma_needs_care(device), 0))
		status = map_with_care(dma, device, paddr, size, how, &place);
	else
		status = map_buffer_pages(dma, device, paddr, size, how, &place);
	if (status == 0)
		*address = (place.first << dma->page_shift) | (paddr & dma_page_mask(dma));
	return status;
}

static inline void note_buffer(struct iommu_dma *dma, const struct iommu_dma_device *device,
			       iommu_paddr_t paddr, uint64_t size, iommu_iova_t address)
{
	iommu_dma_debug_map(dma, (struct dma_claim){.kind = DMA_BUFFER,
						    .address = address,
						    .size = size,
						    .memory = paddr,
						    .may_sleep = device->may_sleep});
}

int iommu_dma_map(struct iommu_dma *dma, const struct iommu_dma_device *device, iommu_paddr_t paddr,
		  uint64_t size, enum iommu_dma_direction direction, iommu_iova_t *address)
{
	int status;

	if (!map_one_page(dma, device, paddr, size, direction, address, &status))
		status = map_buffer(dma, device, paddr, size, direction, 0, address);
	if (status == 0)
		note_buffer(dma, device, paddr, size, *address);
	return status;
}

#if IOMMU_CONFIG_DMA_ATTRIBUTES
int iommu_dma_map_with(struct iommu_dma *dma, const struct iommu_dma_device *device,
		       iommu_paddr_t paddr, uint64_t size, enum iommu_dma_direction direction,
		       unsigned int attributes, iommu_iova_t *address)
{
	int status = iommu_dma_check_attributes(dma, attributes);

	if (status == 0)
		status = map_buffer(dma, device, paddr, size, direction, attributes, address);
	if (status == 0)
		note_buffer(dma, device, paddr, size, *address);
	return status;
}
#endif

static DMA_OUT_OF_LINE int unmap_buffer(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
					unsigned int attributes)
{
	int status;

	if (unmap_one_page_lazily(dma, address, size, &status))
		return status;
	if (size == 0 || size - 1 > UINT64_MAX - address)
		return IOMMU_ENOENT;
	if (__builtin_expect(dma_passes(dma), 0)) {
		if (dma_is_direct(dma))
			return iommu_dma_unmap_direct(dma, address, size, attributes);
		if (dma_is_bypass(dma, address))
			return 0;
	}
	if (dma_has_records(dma) &&
	    iommu_dma_unmap_bounced(dma, address, size, attributes, &status))
		return status;
	return iommu_dma_unmap_pages(dma, address >> dma->page_shift,
				     dma_pages_of(dma, address, size));
}

int iommu_dma_unmap(struct iommu_dma *dma, iommu_iova_t address, uint64_t size)
{
	struct dma_mapping *noted = iommu_dma_debug_unmap(
		dma, (struct dma_claim){.kind = DMA_BUFFER, .address = address, .size = size});
	int status;

	if (!unmap_one_page(dma, address, size, &status))
		status = unmap_buffer(dma, address, size, 0);
	iommu_dma_debug_unmap_end(dma, noted, status);
	return status;
}

#if IOMMU_CONFIG_DMA_ATTRIBUTES
int iommu_dma_unmap_with(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			 unsigned int attributes)
{
	struct dma_mapping *noted;
	int status;

	if ((attributes & ~DMA_ATTRIBUTES) != 0)
		return IOMMU_EINVAL;
	noted = iommu_dma_debug_unmap(
		dma, (struct dma_claim){.kind = DMA_BUFFER, .address = address, .size = size});
	status = unmap_buffer(dma, address, size, attributes);
	iommu_dma_debug_unmap_end(dma, noted, status);
	return status;
}
#endif

/* --- Shared memory ---------------------------------------------------------------------------- */

/* The largest power of two that the CPU can have addresses for. */
#define SHARED_MAX (SIZE_MAX / 2 + 1)

static void release_block(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	dma->platform->free_pages(dma->platform->ctx, hanging->memory, hanging->order);
}

/* One block of the host's for so many pages, or NULL: in pieces. */
static void *shared_block(struct iommu_dma *dma, uint64_t pages, unsigned int *order)
{
	const struct iommu_platform *platform = dma->platform;

	*order = dma_host_order(dma, dma_order_of(pages));
	/* Of what is large, pieces waste less than the next power of two. */
	if (IOMMU_CONFIG_DMA_PIECES && *order > IOMMU_MAX_ALLOC_ORDER &&
	    (pages & (pages - 1)) != 0 && platform->map_pieces != NULL)
		return NULL;
	return platform->alloc_pages(platform->ctx, *order, IOMMU_NODE_ANY, 0);
}

static int alloc_shared(struct iommu_dma *dma, const struct iommu_dma_device *device, uint64_t size,
			unsigned int attributes, void **memory, iommu_iova_t *address)
{
	struct place place;
	struct dma_hanging *hanging = &place.hanging;
	iommu_paddr_t paddr;
	uint64_t pages;
	bool in_area; /* in any case: memory of a special kind, of which a record is kept */
	int status = iommu_dma_check_device(device);

	if (status != 0)
		return status;
	if (size == 0)
		return IOMMU_EINVAL;
	if (size > SHARED_MAX)
		return IOMMU_ERANGE;
	in_area = dma_is_noncoherent(device) || dma_is_shared_only(device) ||
		  (IOMMU_CONFIG_ENCRYPTION && (attributes & IOMMU_DMA_SHARED) != 0);
	if (dma_is_direct(dma) && !in_area)
		return iommu_dma_alloc_direct(dma, device, size, memory, address);
	pages = dma_pages_of(dma, 0, size);
	hanging->memory = NULL;
	if (memory != NULL && !in_area)
		hanging->memory = shared_block(dma, pages, &hanging->order);
	if (hanging->memory == NULL)
		return iommu_dma_alloc_area(
			dma, device, pages,
			dma_map_prot(device, IOMMU_DMA_BIDIRECTIONAL, attributes), memory, address);
	hanging->release = release_block;
	*memory = hanging->memory;
	paddr = iommu_virt_to_phys(dma->platform, hanging->memory);
	if (dma_may_bypass(attributes) && dma_bypasses(dma, device, paddr, size, address))
		return 0;
	status = dma_map_pages(dma, device, paddr, pages,
			       dma_map_prot(device, IOMMU_DMA_BIDIRECTIONAL, attributes), &place);
	if (status == 0)
		*address = place.first << dma->page_shift;
	return status;
}

static int alloc_noted(struct iommu_dma *dma, const struct iommu_dma_device *device, uint64_t size,
		       unsigned int attributes, void **memory, iommu_iova_t *address)
{
	struct iommu_dma_device sleeping = *device;
	int status;

	sleeping.may_sleep = true;
	status = alloc_shared(dma, &sleeping, size, attributes, memory, address);
	if (status == 0)
		iommu_dma_debug_map(
			dma, (struct dma_claim){.kind = DMA_SHARED,
						.address = *address,
						.size = size,
						.memory = memory != NULL ? (uintptr_t)*memory : 0,
						.may_sleep = true});
	return status;
}

int iommu_dma_alloc(struct iommu_dma *dma, const struct iommu_dma_device *device, uint64_t size,
		    void **memory, iommu_iova_t *address)
{
	return alloc_noted(dma, device, size, 0, memory, address);
}

#if IOMMU_CONFIG_DMA_ATTRIBUTES
int iommu_dma_alloc_with(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 uint64_t size, unsigned int attributes, void **memory,
			 iommu_iova_t *address)
{
	int status = iommu_dma_check_attributes(dma, attributes);

	if (status == 0 && (attributes & (IOMMU_DMA_SKIP_SYNC | IOMMU_DMA_MMIO)) != 0)
		status = IOMMU_EINVAL;
	return status != 0 ? status : alloc_noted(dma, device, size, attributes, memory, address);
}
#endif

static int free_shared(struct iommu_dma *dma, void *memory, iommu_iova_t address, uint64_t size)
{
	struct dma_hanging hanging = {.release = release_block, .memory = memory};
	uint64_t pages;
	int status;

	/* Whole pages were allocated: what is inside of one is no memory's address. */
	if (size == 0 || size > SHARED_MAX || ((uintptr_t)memory | address) % IOMMU_PAGE_SIZE != 0)
		return IOMMU_ENOENT;
	pages = dma_pages_of(dma, 0, size);
	if (IOMMU_CONFIG_DMA_PIECES && iommu_dma_free_area(dma, memory, address, pages, &status))
		return status;
	if (dma_is_direct(dma))
		return iommu_dma_free_direct(dma, memory, address, size);
	if (memory == NULL)
		return IOMMU_ENOENT;
	hanging.order = dma_host_order(dma, dma_order_of(pages));
	if (dma_is_bypass(dma, address)) {
		if (dma_paddr_of(dma, address) != iommu_virt_to_phys(dma->platform, memory))
			return IOMMU_ENOENT;
		dma_release(dma, &hanging);
		return 0;
	}
	/* Strict in either mode: the pages go back to the host at once. */
	status = iommu_dma_unmap_strictly(dma, address >> dma->page_shift, pages, &hanging);
	if (status == 0)
		dma_release(dma, &hanging);
	return status;
}

int iommu_dma_free(struct iommu_dma *dma, void *memory, iommu_iova_t address, uint64_t size)
{
	struct dma_mapping *noted =
		iommu_dma_debug_unmap(dma, (struct dma_claim){.kind = DMA_SHARED,
							      .address = address,
							      .size = size,
							      .memory = (uintptr_t)memory});
	int status = free_shared(dma, memory, address, size);

	iommu_dma_debug_unmap_end(dma, noted, status);
	return status;
}

/* --- Doorbells -------------------------------------------------------------------------------- */

/* The doorbell of a page, or NULL. Under the lock. */
static const struct dma_doorbell *doorbell_find(const struct iommu_dma *dma, iommu_paddr_t page)
{
	unsigned int i;

	for (i = 0; i < dma->doorbell_count; i++) {
		if (dma->doorbells[i].page == page)
			return &dma->doorbells[i];
	}
	return NULL;
}

/* Is a page mapped already? If not, and `iova` is given, remember that it now is there. */
static int doorbell_at(struct iommu_dma *dma, iommu_paddr_t page, const iommu_iova_t *iova,
		       iommu_iova_t *address)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	const struct dma_doorbell *known = doorbell_find(dma, page);
	int status = 0;

	if (known == NULL && dma->doorbell_count == IOMMU_DMA_MSI_PAGES) {
		status = IOMMU_ENOSPC;
	} else if (known == NULL && iova != NULL) {
		dma->doorbells[dma->doorbell_count] = (struct dma_doorbell){page, *iova};
		known = &dma->doorbells[dma->doorbell_count++];
	} else if (known == NULL) {
		status = IOMMU_ENOENT;
	}
	if (known != NULL)
		*address = known->iova;
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	return status;
}

/* Registers, of which encryption has nothing to say. */
static int map_doorbell(struct iommu_dma *dma, const struct iommu_dma_device *any,
			iommu_paddr_t page, iommu_iova_t *address)
{
#if IOMMU_CONFIG_ENCRYPTION && IOMMU_CONFIG_DMA_ATTRIBUTES
	if (dma_bits(dma, 0) != 0)
		return iommu_dma_map_with(dma, any, page, IOMMU_PAGE_SIZE, IOMMU_DMA_FROM_DEVICE,
					  IOMMU_DMA_MMIO, address);
#endif
	return iommu_dma_map(dma, any, page, IOMMU_PAGE_SIZE, IOMMU_DMA_FROM_DEVICE, address);
}

int iommu_dma_map_msi(struct iommu_dma *dma, iommu_paddr_t doorbell, iommu_iova_t *address)
{
	const struct iommu_dma_device any = {.may_sleep = true};
	const iommu_paddr_t page = doorbell & ~dma_page_mask(dma);
	iommu_iova_t own = 0;
	iommu_iova_t found = 0;
	int status = dma_is_direct(dma) ? 0 : doorbell_at(dma, page, NULL, &found);

	if (dma_is_direct(dma) && dma->passes_memory)
		return IOMMU_EOPNOTSUPP; /* registers are not there */
	if (dma_is_direct(dma))
		found = page;
	if (status == IOMMU_ENOENT) {
		status = map_doorbell(dma, &any, page, &own);
		if (status != 0)
			return status;
		status = doorbell_at(dma, page, &own, &found);
		/* Another call was faster. This handle was not used. */
		if (found != own)
			(void)iommu_dma_unmap(dma, own, IOMMU_PAGE_SIZE);
		else
			iommu_dma_debug_set_kind(dma, own, IOMMU_PAGE_SIZE, DMA_DOORBELL);
	}
	if (status == 0)
		*address = found | (doorbell & dma_page_mask(dma));
	return status;
}
