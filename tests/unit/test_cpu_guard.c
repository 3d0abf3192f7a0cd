/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library that was built with the host's guard of a CPU (IOMMU_CPU_GUARD_HEADER): its caches of
 * addresses have no lock, threads move between CPUs whenever they are not inside, nothing of the
 * host is called inside, and what other CPUs have is drained all the same.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/dma.h>
#include <libiommu/iova.h>

#include "iova/cache.h"
#include "model_machine.h"
#include "test.h"
#include "test_platform.h"

#define CPUS     2
#define SPACE    (1U << 18) /* granules: large enough for magazines of the usual size */
#define QUICK_NS 2000000

/* --- The guard -------------------------------------------------------------------------------- */

static pthread_mutex_t cpus[CPUS] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
/* What went wrong, in whichever thread. Atomic. */
static unsigned int nested, called_inside, asked_for_cpu, other_state, changed_outside;
/* What a CPU has, as it was when a thread left it: nothing changes before the next enters. */
static const struct iommu_iova_cache *watched;
static struct belongings {
	struct iova_cpu cpu;
	uint64_t counts[2 * IOMMU_IOVA_CACHED_ORDERS];
} left[CPUS];

static __thread unsigned int on_cpu;       /* where the thread is */
static __thread struct test_random *moves; /* it moves at random; NULL: it stays */
/* The CPUs of its next times inside; then it stays. */
static __thread const unsigned int *script;
static __thread unsigned int script_left;
static __thread bool is_inside;
static __thread unsigned int times_inside;

static void count(unsigned int *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static void look_at(unsigned int cpu, struct belongings *now)
{
	unsigned int i;

	memset(now, 0, sizeof(*now));
	memcpy(&now->cpu, iova_cpu_at(watched, cpu), sizeof(now->cpu));
	for (i = 0; i < IOMMU_IOVA_CACHED_ORDERS; i++) {
		now->counts[2 * i] = now->cpu.pairs[i].loaded->count;
		now->counts[2 * i + 1] = now->cpu.pairs[i].spare->count;
	}
}

/* From now on these caches are looked at, if any. No thread is inside. */
static void watch(const struct iommu_iova_cache *cache)
{
	unsigned int cpu;

	watched = cache;
	for (cpu = 0; cache != NULL && cpu < CPUS; cpu++)
		look_at(cpu, &left[cpu]);
}

unsigned int test_guard_enter(uintptr_t *state)
{
	if (is_inside)
		count(&nested);
	if (moves != NULL)
		on_cpu = (unsigned int)test_random_below(moves, CPUS);
	if (script_left != 0) {
		on_cpu = *script++;
		script_left--;
	}
	pthread_mutex_lock(&cpus[on_cpu]);
	if (watched != NULL) {
		struct belongings found;

		look_at(on_cpu, &found);
		if (memcmp(&found, &left[on_cpu], sizeof(found)) != 0)
			count(&changed_outside);
	}
	is_inside = true;
	times_inside++;
	*state = 100 + on_cpu;
	return on_cpu;
}

void test_guard_leave(uintptr_t state)
{
	if (state != 100 + on_cpu)
		count(&other_state);
	is_inside = false;
	if (watched != NULL)
		look_at(on_cpu, &left[on_cpu]);
	pthread_mutex_unlock(&cpus[on_cpu]);
}

static void all_went_well(void)
{
	assert_int_equal(nested, 0);
	assert_int_equal(called_inside, 0);
	assert_int_equal(asked_for_cpu, 0);
	assert_int_equal(other_state, 0);
	assert_int_equal(changed_outside, 0);
}

/* --- The host --------------------------------------------------------------------------------- */

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	count(&asked_for_cpu);
	return 0;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return CPUS;
}

/* The host's own, and how often it was asked for pages by a caller that does not sleep. */
static struct iommu_platform host;
static unsigned int atomic_allocations;

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	if (is_inside)
		count(&called_inside);
	if ((flags & IOMMU_ALLOC_ATOMIC) != 0)
		__atomic_add_fetch(&atomic_allocations, 1, __ATOMIC_RELAXED);
	return host.alloc_pages(ctx, order, node, flags);
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	if (is_inside)
		count(&called_inside);
	host.free_pages(ctx, pages, order);
}

/* One that masks interrupts, too: never around a CPU, which has the guard. */
static void guard(struct iommu_platform *platform)
{
	host = *platform;
	platform->alloc_pages = alloc_pages;
	platform->free_pages = free_pages;
	platform->cpu_id = cpu_id;
	platform->cpu_count = cpu_count;
	on_cpu = 0;
	moves = NULL;
	script_left = 0;
}

/* --- Caches ----------------------------------------------------------------------------------- */

struct fixture {
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
};

static void begin(struct fixture *f, unsigned int flags)
{
	struct iommu_iova_config space = {.granule = 4096, .first = 1, .last = SPACE - 1};
	struct iommu_iova_cache_config cache = {.depot_magazines = 16};

	test_platform_init(&f->test, 1 << 26, 0);
	guard(&f->test.platform);
	space.platform = &f->test.platform;
	assert_int_equal(iommu_iova_space_create(&space, &f->space), 0);
	cache.space = f->space;
	cache.flags = IOMMU_IOVA_CACHE_CPU_EXCLUSIVE | flags;
	assert_int_equal(iommu_iova_cache_create(&cache, &f->cache), 0);
	watch(f->cache);
}

static uint64_t taken(const struct fixture *f)
{
	struct iommu_iova_stats stats;

	iommu_iova_get_stats(f->space, &stats);
	return stats.taken;
}

static void end(struct fixture *f)
{
	watch(NULL);
	iommu_iova_cache_destroy(f->cache);
	assert_int_equal(taken(f), 0);
	iommu_iova_space_destroy(f->space);
	test_platform_destroy(&f->test);
	all_went_well();
}

static uint64_t take(struct fixture *f)
{
	uint64_t first = 0;

	assert_int_equal(iommu_iova_cache_alloc(f->cache, 0, UINT64_MAX, 0, &first), 0);
	return first;
}

/* So many granules go through the caches of the CPU that the thread is on. */
static void warm(struct fixture *f, unsigned int granules)
{
	uint64_t firsts[256];
	unsigned int i;

	for (i = 0; i < granules; i++)
		firsts[i] = take(f);
	for (i = 0; i < granules; i++)
		iommu_iova_cache_free(f->cache, firsts[i], 0);
}

static void a_hit_is_one_time_inside(void **state)
{
	struct fixture f;
	uint64_t first;

	(void)state;
	begin(&f, 0);
	warm(&f, 10);
	times_inside = 0;
	first = take(&f);
	assert_int_equal(times_inside, 1);
	iommu_iova_cache_free(f.cache, first, 0);
	assert_int_equal(times_inside, 2);
	assert_int_equal(taken(&f), 10);
	/* Of the CPU that the thread is on by then, whichever it names. */
	on_cpu = 1;
	assert_int_equal(iommu_iova_cache_alloc_on(f.cache, 0, 0, UINT64_MAX, 0, &first), 0);
	assert_int_equal(taken(&f), 11);
	iommu_iova_cache_free_on(f.cache, 0, first, 0);
	on_cpu = 0;
	iommu_iova_cache_drain_cpu(f.cache, 0);
	assert_int_equal(taken(&f), 1);
	/* Another CPU's, which is offline. */
	watch(NULL);
	iommu_iova_cache_drain_cpu(f.cache, 1);
	assert_int_equal(taken(&f), 0);
	end(&f);
}

/* Each CPU answers when a thread next frees on it, wherever the thread was before and is after. */
static void cpus_that_are_asked_drain(void **state)
{
	/* Asked on the one, but by then on the other, which has answered; back, and asked again. */
	static const unsigned int moving[] = {1, 0, 0};
	struct fixture f;
	uint64_t first, other;

	(void)state;
	begin(&f, 0);
	warm(&f, 100);
	on_cpu = 1;
	warm(&f, 200);
	assert_int_equal(taken(&f), 300);
	first = take(&f);
	other = take(&f);
	on_cpu = 0;
	iommu_iova_cache_drain(f.cache);
	assert_int_equal(taken(&f), 200);
	script = moving;
	script_left = 3;
	iommu_iova_cache_free(f.cache, first, 0);
	assert_int_equal(script_left, 0);
	assert_int_equal(taken(&f), 200);
	on_cpu = 1;
	iommu_iova_cache_free(f.cache, other, 0);
	/* The one that was freed on each CPU. */
	assert_int_equal(taken(&f), 2);
	/* All have answered: the shortest way is open again. */
	first = take(&f);
	times_inside = 0;
	iommu_iova_cache_free(f.cache, first, 0);
	assert_int_equal(times_inside, 1);
	end(&f);
}

/* --- Threads ---------------------------------------------------------------------------------- */

/* Each granule: is it in use? Atomic. */
static unsigned int in_use[SPACE];

struct worker {
	struct fixture *fixture;
	struct test_random random, moves;
	unsigned int wrong;
};

/* A range is in use once at a time. */
static void mark(struct worker *w, uint64_t first, unsigned int order, unsigned int use)
{
	uint64_t i;

	for (i = 0; i < 1ULL << order; i++)
		if (__atomic_exchange_n(&in_use[first + i], use, __ATOMIC_RELAXED) == use)
			w->wrong++;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct iommu_iova_cache *cache = w->fixture->cache;
	uint64_t firsts[64] = {0};
	unsigned int orders[64] = {0}, i;

	moves = &w->moves;
	for (i = 0; i < 40000; i++) {
		const unsigned int at = (unsigned int)test_random_below(&w->random, 64);

		if (firsts[at] != 0) {
			mark(w, firsts[at], orders[at], 0);
			iommu_iova_cache_free(cache, firsts[at], orders[at]);
		}
		orders[at] = (unsigned int)test_random_below(&w->random, 7);
		if (iommu_iova_cache_alloc(cache, orders[at], UINT64_MAX, 0, &firsts[at]) != 0)
			w->wrong++;
		mark(w, firsts[at], orders[at], 1);
		if (i % 500 == 499)
			iommu_iova_cache_drain(cache);
	}
	for (i = 0; i < 64; i++)
		if (firsts[i] != 0) {
			mark(w, firsts[i], orders[i], 0);
			iommu_iova_cache_free(cache, firsts[i], orders[i]);
		}
	return NULL;
}

static void threads_move_between_cpus(void **state)
{
	struct worker workers[4];
	pthread_t threads[4];
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, IOMMU_IOVA_CACHE_LINES);
	for (i = 0; i < 4; i++) {
		workers[i] = (struct worker){&f, {i}, {100 + i}, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	assert_true(taken(&f) <= SPACE / 4);
	end(&f);
}

/* --- The DMA mapping API ---------------------------------------------------------------------- */

static void buffers_take_the_guard(void **state)
{
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_endpoint_info info = {.source_id = 0x20};
	const struct iommu_dma_device any = {0}, patient = {.may_sleep = true};
	struct model_machine machine;
	struct model_device *device;
	struct model_host started;
	struct iommu_dma_config config = {0};
	struct iommu_dma *dma;
	iommu_iova_t address, others[200];
	iommu_paddr_t memory, reached;
	unsigned int i;

	(void)state;
	model_machine_init(&machine, 0, NULL);
	machine.quiet = true;
	machine.platform.cpu_exclusive = true;
	guard(&machine.platform);
	model_machine_add_unit(&machine, &(struct iommu_model_vtd_config){.address_mask = 9});
	device = model_machine_add_device(&machine, 0, 0x20);
	started = model_machine_start(&machine, &options, &info);
	config.domain = started.domain;
	assert_int_equal(iommu_dma_create(&config, &dma), 0);
	memory = model_machine_take(&machine, 1);
	/*
	 * A call that may sleep leaves the host its choice, since the CPU is not its own meanwhile:
	 * but for the page of magazines, which a free makes.
	 */
	atomic_allocations = 0;
	for (i = 0; i < 200; i++)
		assert_int_equal(iommu_dma_map(dma, &patient, memory, 4096, IOMMU_DMA_BIDIRECTIONAL,
					       &others[i]),
				 0);
	assert_int_equal(atomic_allocations, 1);
	assert_int_equal(iommu_dma_map(dma, &any, memory, 4096, IOMMU_DMA_BIDIRECTIONAL, &address),
			 0);
	assert_int_equal(iommu_dma_unmap(dma, address, 4096), 0);
	times_inside = 0;
	assert_int_equal(iommu_dma_map(dma, &any, memory, 4096, IOMMU_DMA_BIDIRECTIONAL, &address),
			 0);
	assert_int_equal(times_inside, 1);
	assert_int_equal(model_device_access(device, address, IOMMU_PROT_WRITE, &reached), 0);
	assert_int_equal(reached, memory);
	assert_int_equal(iommu_dma_unmap(dma, address, 4096), 0);
	assert_int_equal(times_inside, 2);
	assert_int_not_equal(model_device_access(device, address, IOMMU_PROT_WRITE, &reached), 0);
	for (i = 0; i < 200; i++)
		assert_int_equal(iommu_dma_unmap(dma, others[i], 4096), 0);
	model_machine_give(&machine, memory, 1);
	assert_int_equal(iommu_dma_destroy(dma), 0);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(started.endpoint)), 0);
	assert_int_equal(iommu_domain_free(started.domain), 0);
	assert_int_equal(iommu_release_endpoint(started.endpoint), 0);
	assert_int_equal(iommu_destroy(started.iommu), 0);
	model_machine_destroy(&machine);
	all_went_well();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_is_one_time_inside),
		cmocka_unit_test(cpus_that_are_asked_drain),
		cmocka_unit_test(threads_move_between_cpus),
		cmocka_unit_test(buffers_take_the_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
