/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allocator of device addresses against a list of ranges: a space at either end of the 64-bit
 * addresses or in between, requests of any size, alignment, boundary and limits, reservations,
 * ranges that are freed, handles of the caller's own, per-CPU caches in front of it, bursts that
 * fill and empty their magazines, while allocations fail.
 *
 * What is handed out is free, lies where the request says, and is the highest or lowest place when
 * the request is one of those that are answered exactly; a request that is refused has no place.
 * The statistics, and the order of all ranges, agree with the list after each call.
 */
#include <libiommu/iova.h>

#include "fuzz.h"
#include "iova/cache.h"
#include "iova/space.h"
#include "test_platform.h"

#define RANGES     128U
#define OPERATIONS 128U
#define CPUS       3U
#define BURST      400U

struct known {
	uint64_t first, last;
	struct iommu_iova_range *range; /* NULL: of a cache */
	unsigned int order;
	bool is_reserved;
};

static struct {
	struct fuzz_bytes input;
	struct test_platform platform;
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
	struct iommu_iova_config config;
	struct known known[RANGES];
	unsigned int count;
	unsigned int cpu;
	bool had_cache; /* which takes whole blocks */
	bool owns;      /* the handles are this program's */
	uint64_t burst[BURST];
} f;

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return f.cpu;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return CPUS;
}

static bool is_taken(uint64_t first, uint64_t last)
{
	for (unsigned int i = 0; i < f.count; i++)
		if (first <= f.known[i].last && last >= f.known[i].first)
			return true;
	return false;
}

/* Whether a request has a place; the highest or the lowest of all. Slow, and obviously right. */
static bool find_place(const struct iommu_iova_request *request, uint64_t *place)
{
	const uint64_t alignment = request->alignment != 0 ? request->alignment : 1;
	const uint64_t lowest = request->lowest > f.config.first ? request->lowest : f.config.first;
	const uint64_t limit = request->limit < f.config.last ? request->limit : f.config.last;
	bool found = false;

	if (lowest > limit || request->size - 1 > limit - lowest)
		return false;
	/* A best place touches an end of the space, a range, or a multiple near to one. */
	for (unsigned int i = 0; i <= f.count; i++) {
		const bool up = (request->flags & IOMMU_IOVA_BOTTOM_UP) != 0;
		uint64_t at;

		if (up) {
			at = i == f.count ? lowest : f.known[i].last + 1;
			if (at < lowest || (i != f.count && at == 0))
				continue;
			if ((at & (alignment - 1)) != 0 && (at | (alignment - 1)) == UINT64_MAX)
				continue;
			at = (at + (alignment - 1)) & ~(alignment - 1);
		} else {
			const uint64_t end = i == f.count ? limit : f.known[i].first - 1;

			if (i != f.count && (f.known[i].first == 0 || end > limit))
				continue;
			if (end < lowest || request->size - 1 > end - lowest)
				continue;
			at = (end - (request->size - 1)) & ~(alignment - 1);
		}
		if (at < lowest || at > limit || request->size - 1 > limit - at ||
		    is_taken(at, at + (request->size - 1)))
			continue;
		if (!found || (up ? at < *place : at > *place))
			*place = at;
		found = true;
	}
	return found;
}

/* The first range that ends at or behind a granule. */
static void check_from(uint64_t granule)
{
	const struct iommu_iova_range *range = iommu_iova_find_from(f.space, granule);
	uint64_t first = UINT64_MAX;
	bool is_any = false;

	for (unsigned int i = 0; i < f.count; i++)
		if (f.known[i].last >= granule && f.known[i].first <= first) {
			first = f.known[i].first;
			is_any = true;
		}
	FUZZ_CHECK(is_any ? range != NULL && range->first == first : range == NULL);
}

static void check(void)
{
	const struct iommu_iova_range *range = NULL;
	struct iommu_iova_stats stats;
	uint64_t taken = 0;

	for (unsigned int i = 0; i < f.count; i++) {
		taken += f.known[i].last - f.known[i].first + 1;
		range = iommu_iova_find(f.space, f.known[i].first);
		FUZZ_CHECK(range != NULL && range->first <= f.known[i].first &&
			   range->last >= f.known[i].last);
	}
	iommu_iova_get_stats(f.space, &stats);
	/* Caches hold ranges that are in no hands, and hand out more than was asked for. */
	if (!f.had_cache)
		FUZZ_CHECK(stats.ranges == f.count && stats.taken == taken);
	else
		FUZZ_CHECK(stats.taken >= taken);
	FUZZ_CHECK(stats.largest_gap <= stats.free && stats.largest_block <= stats.largest_gap);
	FUZZ_CHECK(stats.taken + stats.free == f.config.last - f.config.first + 1);
	range = NULL;
	for (uint64_t previous = 0, any = 0; (range = iommu_iova_next(f.space, range)) != NULL;
	     any = 1) {
		FUZZ_CHECK(range->first <= range->last && (any == 0 || range->first > previous));
		previous = range->last;
	}
}

static uint64_t any_granule(void)
{
	const unsigned int how = fuzz_byte(&f.input);
	const uint64_t offset = fuzz_byte(&f.input);

	switch (how & 3) {
	case 0:
		return f.config.first + offset;
	case 1:
		return f.config.last - offset;
	case 2:
		return f.count != 0 ? f.known[how % f.count].last + (offset & 3) : offset;
	default:
		return fuzz_wild(&f.input);
	}
}

static struct iommu_iova_request any_request(void)
{
	struct iommu_iova_request request = {.limit = UINT64_MAX};
	const unsigned int how = fuzz_byte(&f.input);

	request.size = (how & 1) != 0 ? fuzz_byte(&f.input) : 1ULL << (fuzz_byte(&f.input) & 15);
	if ((how & 2) != 0)
		request.alignment = request.size;
	if ((how & 4) != 0)
		request.alignment = 1ULL << (fuzz_byte(&f.input) & 63);
	if ((how & 24) == 24)
		request.boundary = 1ULL << (fuzz_byte(&f.input) & 63);
	if ((how & 32) != 0)
		request.limit = any_granule();
	if ((how & 64) != 0)
		request.lowest = any_granule();
	request.flags = fuzz_byte(&f.input) & (IOMMU_IOVA_BOTTOM_UP | IOMMU_IOVA_EXACT |
					       IOMMU_IOVA_ATOMIC | IOMMU_IOVA_LOW_FIRST);
	if ((how & 128) != 0)
		request.size = fuzz_wild(&f.input);
	return request;
}

static bool is_power(uint64_t value)
{
	return (value & (value - 1)) == 0;
}

static bool is_valid(const struct iommu_iova_request *request)
{
	return request->size != 0 && is_power(request->alignment) && is_power(request->boundary) &&
	       (request->boundary == 0 || request->boundary >= request->size) &&
	       request->lowest <= request->limit;
}

static void add(uint64_t first, uint64_t last, struct iommu_iova_range *range, bool is_reserved)
{
	FUZZ_CHECK(f.count < RANGES && !is_taken(first, last));
	FUZZ_CHECK(first >= f.config.first && last <= f.config.last && first <= last);
	f.known[f.count++] = (struct known){first, last, range, 0, is_reserved};
}

static void check_place(const struct iommu_iova_request *request, uint64_t first)
{
	const uint64_t last = first + (request->size - 1);

	FUZZ_CHECK(first >= request->lowest && last <= request->limit && last >= first);
	FUZZ_CHECK(request->alignment == 0 || (first & (request->alignment - 1)) == 0);
	FUZZ_CHECK(request->boundary == 0 ||
		   (first & ~(request->boundary - 1)) == (last & ~(request->boundary - 1)));
}

static void allocate(void)
{
	const struct iommu_iova_request request = any_request();
	const bool is_exact = request.boundary == 0 &&
			      (request.flags & IOMMU_IOVA_LOW_FIRST) == 0 &&
			      ((request.flags & IOMMU_IOVA_EXACT) != 0 || request.alignment <= 1 ||
			       (request.alignment == request.size));
	struct iommu_iova_range *range = NULL;
	uint64_t place = 0;
	const bool has_place = is_valid(&request) && find_place(&request, &place);
	int status;

	if (f.owns) {
		range = malloc(sizeof(*range));
		FUZZ_CHECK(range != NULL);
		status = iommu_iova_place(f.space, &request, range);
		if (status != 0)
			free(range);
		FUZZ_CHECK(status != IOMMU_ENOMEM);
	} else {
		status = iommu_iova_alloc(f.space, &request, &range);
	}
	FUZZ_CHECK((status == IOMMU_EINVAL) == !is_valid(&request));
	if (status == IOMMU_EINVAL)
		return;
	FUZZ_CHECK(status == 0 || status == IOMMU_ENOSPC ||
		   (status == IOMMU_ENOMEM && f.platform.fail_every != 0));
	/* With caches, what they hold is taken, too. */
	if (status == IOMMU_ENOSPC && f.cache == NULL && is_exact)
		FUZZ_CHECK(!has_place);
	if (status != 0)
		return;
	check_place(&request, range->first);
	FUZZ_CHECK(range->last - range->first == request.size - 1);
	FUZZ_CHECK(f.cache != NULL || request.boundary != 0 || has_place);
	if (f.cache == NULL && is_exact)
		FUZZ_CHECK(range->first == place);
	add(range->first, range->last, range, false);
}

static void drop(unsigned int i)
{
	f.known[i] = f.known[--f.count];
}

/* Exactly there, with a handle of this program's. */
static void place_at(void)
{
	const uint64_t first = any_granule();
	const uint64_t last = fuzz_flag(&f.input) ? first + fuzz_byte(&f.input) : any_granule();
	struct iommu_iova_range *range = malloc(sizeof(*range));
	int status;

	FUZZ_CHECK(range != NULL);
	status = iommu_iova_place_at(f.space, first, last, range);
	if (first > last)
		FUZZ_CHECK(status == IOMMU_EINVAL);
	else if (first < f.config.first || last > f.config.last)
		FUZZ_CHECK(status == IOMMU_ERANGE);
	else
		FUZZ_CHECK(status == (is_taken(first, last) ? IOMMU_EEXIST : 0));
	if (status != 0) {
		free(range);
		return;
	}
	FUZZ_CHECK(range->first == first && range->last == last);
	add(first, last, range, false);
}

static void reserve(void)
{
	const uint64_t first = any_granule();
	const uint64_t last = fuzz_flag(&f.input) ? first + fuzz_byte(&f.input) : any_granule();
	const bool merges = fuzz_flag(&f.input);
	struct iommu_iova_range *range = NULL;
	const int status =
		iommu_iova_reserve(f.space, first, last, merges ? IOMMU_IOVA_MERGE : 0, &range);

	if (status == IOMMU_EINVAL) {
		FUZZ_CHECK(first > last);
	} else if (status == IOMMU_ERANGE) {
		FUZZ_CHECK(first < f.config.first || last > f.config.last);
	} else if (status == IOMMU_EEXIST) {
		FUZZ_CHECK(f.cache != NULL || is_taken(first, last));
	} else if (status == IOMMU_ENOMEM) {
		FUZZ_CHECK(f.platform.fail_every != 0);
	} else {
		uint64_t from = first, to = last;

		FUZZ_CHECK(status == 0);
		for (unsigned int i = 0; i < f.count;) {
			const struct known known = f.known[i];

			if (first > known.last || last < known.first) {
				i++;
				continue;
			}
			FUZZ_CHECK(merges && known.is_reserved);
			from = known.first < from ? known.first : from;
			to = known.last > to ? known.last : to;
			drop(i);
		}
		FUZZ_CHECK(range->first <= from && range->last >= to);
		/* Neighbours may have become one with it. */
		for (unsigned int i = 0; i < f.count;) {
			if (f.known[i].first >= range->first && f.known[i].last <= range->last) {
				FUZZ_CHECK(merges && f.known[i].is_reserved);
				drop(i);
			} else {
				i++;
			}
		}
		add(range->first, range->last, range, true);
	}
}

static void release(void)
{
	const unsigned int i = f.count != 0 ? fuzz_byte(&f.input) % f.count : 0;
	const uint64_t first = any_granule();

	if (f.owns) {
		check_from(first);
		if (f.count == 0)
			return;
		iommu_iova_remove(f.space, f.known[i].range);
		free(f.known[i].range);
		drop(i);
		return;
	}
	if (fuzz_below(&f.input, 4) == 0) {
		bool begins = false;
		unsigned int which = 0;

		for (unsigned int k = 0; k < f.count; k++)
			if (f.known[k].first == first) {
				begins = true;
				which = k;
			}
		/* What a cache holds, or has handed out, is not freed behind its back. */
		if (f.cache != NULL)
			return;
		FUZZ_CHECK(iommu_iova_free_at(f.space, first) == (begins ? 0 : IOMMU_ENOENT));
		if (begins)
			drop(which);
		return;
	}
	if (f.count == 0)
		return;
	if (f.known[i].range != NULL) {
		iommu_iova_free(f.space, f.known[i].range);
	} else {
		const uint64_t size = f.known[i].last - f.known[i].first + 1;

		f.cpu = fuzz_below(&f.input, CPUS);
		if (f.known[i].order == UINT32_MAX)
			iommu_iova_cache_free_size(f.cache, f.known[i].first, size);
		else
			iommu_iova_cache_free(f.cache, f.known[i].first, f.known[i].order);
	}
	drop(i);
}

static void allocate_cached(void)
{
	const unsigned int order = fuzz_byte(&f.input) % 54;
	const uint64_t limit = fuzz_flag(&f.input) ? UINT64_MAX : any_granule();
	const unsigned int flags = fuzz_byte(&f.input) & (IOMMU_IOVA_ATOMIC | IOMMU_IOVA_LOW_FIRST);
	uint64_t first = 0;
	int status;

	f.cpu = fuzz_below(&f.input, CPUS);
	if (fuzz_flag(&f.input)) {
		const struct iommu_iova_request request = any_request();

		status = iommu_iova_cache_alloc_size(f.cache, &request, &first);
		if (status == 0) {
			FUZZ_CHECK(is_valid(&request));
			check_place(&request, first);
			add(first, first + (request.size - 1), NULL, false);
			f.known[f.count - 1].order = UINT32_MAX;
		}
		return;
	}
	status = iommu_iova_cache_alloc(f.cache, order, limit, flags, &first);
	FUZZ_CHECK((status == IOMMU_EINVAL) == (order > 51) || status == IOMMU_EINVAL);
	FUZZ_CHECK(status != IOMMU_ENOMEM || f.platform.fail_every != 0);
	if (status != 0)
		return;
	FUZZ_CHECK((first & ((1ULL << order) - 1)) == 0);
	FUZZ_CHECK(first + ((1ULL << order) - 1) <= limit);
	add(first, first + ((1ULL << order) - 1), NULL, false);
	f.known[f.count - 1].order = order;
}

static int compare(const void *one, const void *other)
{
	const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

/*
 * Many of one size at once, and all of them back, perhaps from another CPU: the magazines fill, and
 * go to the depot and come from there. By the shortest way, as the DMA API does, or the usual one.
 */
static void burst(void)
{
	const unsigned int order = fuzz_below(&f.input, 7);
	const unsigned int wanted = 1 + fuzz_below(&f.input, BURST);
	const uint64_t limit = fuzz_below(&f.input, 4) == 0 ? any_granule() : UINT64_MAX;
	const bool is_short = fuzz_flag(&f.input);
	const uint64_t mask = (1ULL << order) - 1;
	unsigned int count = 0;

	f.cpu = fuzz_below(&f.input, CPUS);
	while (count < wanted) {
		uint64_t *first = &f.burst[count];

		if (!(is_short && f.cache->masks &&
		      iommu_iova_cache_take_masked(f.cache, order, limit, first)) &&
		    iommu_iova_cache_alloc_on(f.cache, f.cpu, order, limit, 0, first) != 0)
			break;
		FUZZ_CHECK((*first & mask) == 0 && *first + mask <= limit);
		FUZZ_CHECK(*first >= f.config.first && *first + mask <= f.config.last);
		FUZZ_CHECK(!is_taken(*first, *first + mask));
		count++;
	}
	qsort(f.burst, count, sizeof(f.burst[0]), compare);
	for (unsigned int i = 1; i < count; i++)
		FUZZ_CHECK(f.burst[i] > f.burst[i - 1] + mask);
	f.cpu = fuzz_below(&f.input, CPUS);
	while (count != 0) {
		const uint64_t first = f.burst[--count];

		if (!(is_short && f.cache->masks &&
		      iommu_iova_cache_give_masked(f.cache, first, order)))
			iommu_iova_cache_free_on(f.cache, f.cpu, first, order);
	}
}

static void drain(void)
{
	switch (fuzz_below(&f.input, 4)) {
	case 0:
		iommu_iova_cache_drain(f.cache);
		break;
	case 1:
		iommu_iova_cache_drain_cpu(f.cache, fuzz_below(&f.input, CPUS));
		break;
	case 2:
		iommu_iova_cache_trim(f.cache);
		break;
	default:
		break;
	}
}

/* Reservations of one space in another, perhaps of other granules. */
static void copy_reserved(void)
{
	struct iommu_iova_config config = f.config;
	struct iommu_iova_space *other;
	int status;

	config.granule = 4096ULL << fuzz_below(&f.input, 19);
	config.first = fuzz_byte(&f.input);
	config.last = UINT64_MAX / config.granule;
	if (iommu_iova_space_create(&config, &other) != 0)
		return;
	status = iommu_iova_copy_reserved(other, f.space);
	FUZZ_CHECK(status == 0 || (status == IOMMU_ENOMEM && f.platform.fail_every != 0));
	for (unsigned int i = 0; status == 0 && i < f.count; i++) {
		const uint64_t byte = f.known[i].first * f.config.granule;
		const uint64_t granule = byte / config.granule;

		if (!f.known[i].is_reserved || granule < config.first)
			continue;
		FUZZ_CHECK(iommu_iova_find(other, granule) != NULL);
	}
	iommu_iova_space_destroy(other);
}

static void operate_own(void)
{
	if (f.count + 2 >= RANGES || fuzz_below(&f.input, 3) == 0)
		release();
	else if (fuzz_below(&f.input, 3) == 0)
		place_at();
	else
		allocate();
}

static void operate(void)
{
	if (f.owns) {
		operate_own();
		return;
	}
	if (f.count + 2 >= RANGES) {
		release();
		return;
	}
	switch (fuzz_below(&f.input, 11)) {
	case 0:
	case 1:
	case 2:
		allocate();
		break;
	case 3:
		reserve();
		break;
	case 4:
	case 5:
		release();
		break;
	case 6:
	case 7:
		if (f.cache != NULL)
			allocate_cached();
		else
			allocate();
		break;
	case 8:
		if (f.cache != NULL)
			burst();
		else
			reserve();
		break;
	case 9:
		if (f.cache != NULL && fuzz_flag(&f.input))
			drain();
		else
			copy_reserved();
		break;
	default:
		f.platform.fail_every = fuzz_below(&f.input, 6) == 0 ? 3 : 0;
		break;
	}
}

/* Spaces that there cannot be, or for which there is no memory. */
static void check_refusals(void)
{
	struct iommu_iova_config config = f.config;
	struct iommu_iova_space *space;

	config.flags = 1U << fuzz_below(&f.input, 32);
	FUZZ_CHECK(iommu_iova_space_create(&config, &space) == IOMMU_EINVAL);
	config.flags = 0;
	config.granule = fuzz_wild(&f.input);
	if (config.granule < 4096 || config.granule > 1UL << 30 || !is_power(config.granule))
		FUZZ_CHECK(iommu_iova_space_create(&config, &space) == IOMMU_EINVAL);
	config.granule = 4096;
	config.first = config.last = 0;
	f.platform.fail_every = 1;
	FUZZ_CHECK(iommu_iova_space_create(&config, &space) == IOMMU_ENOMEM);
	f.platform.fail_every = 0;
	iommu_iova_space_destroy(NULL);
	iommu_iova_cache_destroy(NULL);
}

static bool begin(void)
{
	const unsigned int how = fuzz_byte(&f.input);

	f.platform.platform.cpu_id = cpu_id;
	f.platform.platform.cpu_count = cpu_count;
	f.config = (struct iommu_iova_config){.platform = &f.platform.platform,
					      .granule = 4096ULL << how % 19};
	switch (how >> 6) {
	case 0:
		f.config.first = fuzz_byte(&f.input);
		f.config.last = f.config.first + fuzz_number(&f.input, 2);
		break;
	case 1:
		f.config.last = UINT64_MAX / f.config.granule;
		f.config.first = f.config.last - fuzz_number(&f.input, 2);
		break;
	case 2:
		f.config.last = UINT64_MAX / f.config.granule;
		break;
	default:
		f.config.first = fuzz_wild(&f.input);
		f.config.last = fuzz_wild(&f.input);
		break;
	}
	if (fuzz_below(&f.input, 4) == 0) {
		f.platform.platform.irq_save = NULL;
		f.platform.platform.irq_restore = NULL;
	}
	f.owns = fuzz_below(&f.input, 4) == 0;
	if (fuzz_below(&f.input, 16) == 0)
		check_refusals();
	return iommu_iova_space_create(&f.config, &f.space) == 0;
}

static void begin_cache(void)
{
	const struct iommu_iova_cache_config config = {
		.space = f.space,
		.depot_magazines = fuzz_below(&f.input, 8) == 0 ? fuzz_below(&f.input, 5000)
								: fuzz_below(&f.input, 8),
		.flags = fuzz_below(&f.input, 16) == 0 ? fuzz_byte(&f.input)
						       : fuzz_below(&f.input, 4),
	};
	const bool is_sound = config.depot_magazines <= 4096 && config.flags < 4;
	int status;

	f.platform.fail_every = fuzz_below(&f.input, 16) == 0 ? 1 + fuzz_below(&f.input, 3) : 0;
	status = iommu_iova_cache_create(&config, &f.cache);
	FUZZ_CHECK((status == IOMMU_EINVAL) == !is_sound);
	FUZZ_CHECK(status != IOMMU_ENOMEM || f.platform.fail_every != 0);
	f.platform.fail_every = 0;
	if (status != 0)
		f.cache = NULL;
	f.had_cache = status == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	memset(&f, 0, sizeof(f));
	f.input = (struct fuzz_bytes){bytes, size};
	test_platform_init(&f.platform, 16UL << 20, 1ULL << 30);
	f.platform.quiet = true;
	if (begin()) {
		if (!f.owns && fuzz_below(&f.input, 2) == 0)
			begin_cache();
		for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&f.input); i++) {
			operate();
			check();
		}
		if (f.cache != NULL)
			iommu_iova_cache_destroy(f.cache);
		f.cache = NULL;
		check();
		while (f.owns && f.count != 0)
			release();
		iommu_iova_space_destroy(f.space);
	}
	test_platform_destroy(&f.platform);
	return 0;
}
