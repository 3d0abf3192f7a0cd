/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host whose page allocator may sleep, in both directions: it ends the test when it is called
 * where that is not allowed. First the reserve alone, then the library over it, with a machine of
 * models.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/iommu.h>

#include "model_machine.h"
#include "test.h"
#include "test_contract.h"

#define PAGE  IOMMU_PAGE_SIZE
#define BOTH  IOMMU_DMA_BIDIRECTIONAL
#define READY 8

/* --- A host that sleeps ----------------------------------------------------------------------- */

/* What this thread is in: an interrupt, say, or between preempt_disable and preempt_enable. */
static _Thread_local unsigned int atomic;

static struct {
	struct iommu_hosted hosted;
	struct iommu_page_reserve reserve;
	pthread_mutex_t mutex;
	unsigned int wakes;
	unsigned int left; /* allocations until the host has no more; 0: no end */
	bool is_model;     /* pages come from the machine */
} h;

static struct {
	struct model_machine machine;
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*free_pages)(void *ctx, void *pages, unsigned int order);
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct model_device *device;
	struct iommu_dma *dma;
	iommu_paddr_t memory;
} f;

static void *sleeping_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *pages = NULL;

	assert_ptr_equal(ctx, &h);
	assert_int_equal(atomic, 0);
	assert_int_equal(flags & IOMMU_ALLOC_ATOMIC, 0);
	test_contract_no_lock(ctx, "a host that sleeps");
	pthread_mutex_lock(&h.mutex);
	if (h.left == 0 || --h.left != 0)
		pages = h.is_model ? f.alloc_pages(&f.machine, order, node, flags)
				   : h.hosted.platform.alloc_pages(&h.hosted, order, node, flags);
	pthread_mutex_unlock(&h.mutex);
	return pages;
}

static void sleeping_free(void *ctx, void *pages, unsigned int order)
{
	assert_int_equal(atomic, 0);
	test_contract_no_lock(ctx, "a host that sleeps");
	pthread_mutex_lock(&h.mutex);
	if (h.is_model)
		f.free_pages(&f.machine, pages, order);
	else
		h.hosted.platform.free_pages(&h.hosted, pages, order);
	pthread_mutex_unlock(&h.mutex);
}

static void wake(void *ctx)
{
	test_contract_no_lock(ctx, "wake");
	__atomic_add_fetch(&h.wakes, 1, __ATOMIC_RELAXED);
}

static void begin_reserve(unsigned int ready, unsigned int large)
{
	const struct iommu_page_reserve_config config = {
		.alloc_pages = sleeping_alloc,
		.free_pages = sleeping_free,
		.irq_save = test_contract_irq_save,
		.irq_restore = test_contract_irq_restore,
		.wake = wake,
		.ctx = &h,
		.ready = {ready, 0, large},
	};

	memset(&h, 0, sizeof(h));
	atomic = 0;
	test_contract_begin(&h);
	pthread_mutex_init(&h.mutex, NULL);
	assert_int_equal(iommu_hosted_init(&h.hosted, NULL, 8U << 20, 0x10000000), 0);
	assert_int_equal(iommu_page_reserve_init(&h.reserve, &config), 0);
}

static void end_reserve(void)
{
	iommu_page_reserve_empty(&h.reserve);
	assert_int_equal(h.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&h.hosted);
}

static unsigned int ready_of(unsigned int order)
{
	struct iommu_page_reserve_stats stats;

	iommu_page_reserve_get_stats(&h.reserve, order, &stats);
	return stats.ready;
}

static unsigned int missed(void)
{
	struct iommu_page_reserve_stats stats;

	iommu_page_reserve_get_stats(&h.reserve, 0, &stats);
	return stats.missed;
}

static void *take(unsigned int order)
{
	void *pages;

	atomic++;
	pages = iommu_page_reserve_alloc(&h.reserve, order, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
	atomic--;
	return pages;
}

static void give(void *pages, unsigned int order)
{
	atomic++;
	iommu_page_reserve_free(&h.reserve, pages, order);
	atomic--;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size && bytes[i] == 0; i++)
		;
	return i == size;
}

/* --- The reserve alone ------------------------------------------------------------------------ */

static void what_is_ready_is_had_where_nothing_may_sleep(void **state)
{
	void *pages[READY];
	unsigned int i;

	(void)state;
	begin_reserve(READY, 0);
	assert_null(take(0));
	assert_int_equal(missed(), 1);
	assert_int_equal(h.wakes, 1);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(ready_of(0), READY);
	assert_int_equal(h.hosted.pages_in_use, READY);
	for (i = 0; i < READY; i++) {
		pages[i] = take(0);
		assert_non_null(pages[i]);
		assert_int_equal((uintptr_t)pages[i] % PAGE, 0);
		assert_true(is_zero(pages[i], PAGE));
		memset(pages[i], 0xee, PAGE);
		/* Asked for once, when less than half was left. */
		assert_int_equal(h.wakes, i < READY / 2 ? 1 : 2);
	}
	assert_null(take(0));
	assert_int_equal(missed(), 2);
	/* What is given back is ready at once, and clean, without a refill. */
	give(pages[3], 0);
	assert_int_equal(ready_of(0), 1);
	assert_ptr_equal(take(0), pages[3]);
	assert_true(is_zero(pages[3], PAGE));
	for (i = 0; i < READY; i++) {
		memset(pages[i], 0xee, PAGE);
		give(pages[i], 0);
	}
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(h.hosted.pages_in_use, READY);
	for (i = 0; i < READY; i++) {
		pages[i] = take(0);
		assert_true(is_zero(pages[i], PAGE));
	}
	for (i = 0; i < READY; i++)
		give(pages[i], 0);
	end_reserve();
}

static void what_may_sleep_is_the_hosts(void **state)
{
	void *pages;

	(void)state;
	begin_reserve(2, 0);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	pages = iommu_page_reserve_alloc(&h.reserve, 3, 0, 0);
	assert_non_null(pages);
	assert_int_equal(ready_of(0), 2);
	assert_int_equal(h.hosted.pages_in_use, 2 + 8);
	give(pages, 3);
	assert_int_equal(h.hosted.pages_in_use, 2 + 8);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(h.hosted.pages_in_use, 2);
	/* Larger ones than are ever kept ready, for shared memory. */
	assert_null(take(IOMMU_MAX_ALLOC_ORDER + 1));
	pages = iommu_page_reserve_alloc(&h.reserve, IOMMU_MAX_ALLOC_ORDER + 1, 0, 0);
	assert_non_null(pages);
	h.wakes = 0;
	give(pages, IOMMU_MAX_ALLOC_ORDER + 1);
	assert_int_equal(h.wakes, 1);
	assert_int_equal(h.hosted.pages_in_use, 2 + 32);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(h.hosted.pages_in_use, 2);
	pages = iommu_page_reserve_alloc(&h.reserve, IOMMU_MAX_ALLOC_ORDER + 2, 0, 0);
	give(pages, IOMMU_MAX_ALLOC_ORDER + 2);
	end_reserve();
}

static void each_order_has_blocks_of_its_own(void **state)
{
	unsigned char *block;
	struct iommu_page_reserve_stats stats;

	(void)state;
	begin_reserve(0, 1);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_null(take(0));
	block = take(2);
	assert_non_null(block);
	assert_int_equal((uintptr_t)block % (4 * PAGE), 0);
	assert_null(take(2));
	memset(block, 0xee, 4 * PAGE);
	give(block, 2);
	assert_ptr_equal(take(2), block);
	assert_true(is_zero(block, 4 * PAGE));
	give(block, 2);
	iommu_page_reserve_get_stats(&h.reserve, 2, &stats);
	assert_int_equal(stats.taken, 2);
	assert_int_equal(stats.missed, 1);
	iommu_page_reserve_get_stats(&h.reserve, IOMMU_MAX_ALLOC_ORDER + 1, &stats);
	assert_int_equal(stats.ready, 0);
	end_reserve();
}

static void the_level_rises_and_falls(void **state)
{
	(void)state;
	begin_reserve(4, 0);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	iommu_page_reserve_set_ready(&h.reserve, 0, 100);
	iommu_page_reserve_set_ready(&h.reserve, IOMMU_MAX_ALLOC_ORDER + 1, 100);
	assert_int_equal(ready_of(0), 4);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(ready_of(0), 100);
	iommu_page_reserve_set_ready(&h.reserve, 0, 4);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(ready_of(0), 4);
	assert_int_equal(h.hosted.pages_in_use, 4);
	end_reserve();
}

static void a_host_without_memory_gives_what_it_has(void **state)
{
	void *pages[60];
	unsigned int i;

	(void)state;
	begin_reserve(READY, 2);
	h.left = 4;
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), IOMMU_ENOMEM);
	assert_int_equal(ready_of(0), 3);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(ready_of(0), READY);
	/* Too much is asked to be fetched, too. */
	iommu_page_reserve_set_ready(&h.reserve, 0, 60);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	h.wakes = 0;
	for (i = 0; i < 60; i++)
		pages[i] = take(0);
	iommu_page_reserve_set_ready(&h.reserve, 0, READY);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	h.wakes = 0;
	for (i = 0; i < 60; i++)
		give(pages[i], 0);
	assert_int_equal(h.wakes, 1);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(h.hosted.pages_in_use, READY + 2 * 4);
	end_reserve();
}

static void a_reserve_that_makes_no_sense_is_refused(void **state)
{
	struct iommu_page_reserve_config config = {.alloc_pages = sleeping_alloc};
	struct iommu_page_reserve reserve;

	(void)state;
	assert_int_equal(iommu_page_reserve_init(&reserve, &config), IOMMU_EINVAL);
	config.free_pages = sleeping_free;
	assert_int_equal(iommu_page_reserve_init(&reserve, &config), 0);
	config.irq_save = test_contract_irq_save;
	assert_int_equal(iommu_page_reserve_init(&reserve, &config), IOMMU_EINVAL);
}

#define THREADS 3
#define ROUNDS  4000U

static bool must_stop;

/* Blocks belong to one at a time: what is written there stays. */
static void *use(void *argument)
{
	const unsigned char own = (unsigned char)(1 + (uintptr_t)argument);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		unsigned char *one = take(0);
		unsigned char *other = take(0);

		if (one != NULL) {
			assert_true(is_zero(one, PAGE));
			memset(one, own, 64);
		}
		if (other != NULL)
			memset(other, own, 64);
		if (one != NULL) {
			assert_int_equal(one[0], own);
			assert_int_equal(one[63], own);
			give(one, 0);
		}
		if (other != NULL)
			give(other, 0);
	}
	return NULL;
}

static void *refill(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&must_stop, __ATOMIC_RELAXED))
		assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	return NULL;
}

static void threads_share_it(void **state)
{
	pthread_t threads[THREADS], refills[2];
	struct iommu_page_reserve_stats stats;
	uintptr_t i;

	(void)state;
	begin_reserve(4, 0);
	must_stop = false;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&refills[i], NULL, refill, NULL), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, (void *)i), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&must_stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(refills[i], NULL);
	iommu_page_reserve_get_stats(&h.reserve, 0, &stats);
	assert_int_equal(stats.taken + stats.missed, 2 * THREADS * ROUNDS);
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(h.hosted.pages_in_use, 4);
	end_reserve();
}

/* --- The library over it ---------------------------------------------------------------------- */

static void *host_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	test_contract_alloc(ctx, order, flags);
	return iommu_page_reserve_alloc(&h.reserve, order, node, flags);
}

static void host_free(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	iommu_page_reserve_free(&h.reserve, pages, order);
}

static void begin_machine(unsigned int ready, bool exclusive)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_vtd_options options = {.timeout_ns = 2000000};
	const struct iommu_endpoint_info info = {.source_id = 0x20, .physical_function = 0x20};

	begin_reserve(ready, 0);
	memset(&f, 0, sizeof(f));
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	model_machine_add_unit(&f.machine, &config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
	model_machine_make_dmar(&f.machine);
	f.memory = model_machine_take(&f.machine, 64);
	f.alloc_pages = f.machine.platform.alloc_pages;
	f.free_pages = f.machine.platform.free_pages;
	h.is_model = true;
	f.machine.platform.alloc_pages = host_alloc;
	f.machine.platform.free_pages = host_free;
	f.machine.platform.cpu_exclusive = exclusive;
	assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoint), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), 0);
	/* Nothing of all that was in a hurry. */
	assert_int_equal(missed(), 0);
	assert_int_equal(ready_of(0) >= ready, true);
}

static void end_machine(void)
{
	iommu_unuse_default_domain(f.endpoint);
	assert_int_equal(iommu_release_endpoint(f.endpoint), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_page_reserve_empty(&h.reserve);
	model_machine_give(&f.machine, f.memory, 64);
	model_machine_destroy(&f.machine);
	end_reserve();
}

/* Interrupt handlers map and unmap; a thread refills when it is told. */
static void interrupts_map_from_what_is_ready(void **state)
{
	static const struct iommu_dma_device any;
	static const struct iommu_dma_device untrusted = {.untrusted = true};
	iommu_iova_t addresses[64];
	unsigned int round, i;

	(void)state;
	begin_machine(32, false);
	for (round = 0; round < 50; round++) {
		atomic = 1;
		for (i = 0; i < 64; i++) {
			/* A few are bounced: pages of the library's own. */
			const bool bounced = i % 16 == 0;

			assert_int_equal(iommu_dma_map(f.dma, bounced ? &untrusted : &any,
						       f.memory + i * PAGE + (bounced ? 8 : 0), 64,
						       BOTH, &addresses[i]),
					 0);
		}
		for (i = 0; i < 64; i++)
			assert_int_equal(iommu_dma_unmap(f.dma, addresses[i], 64), 0);
		atomic = 0;
		if (h.wakes != 0)
			assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
		h.wakes = 0;
	}
	assert_int_equal(missed(), 0);
	end_machine();
}

/*
 * With nothing ready an atomic map fails and changes nothing, and one that may sleep does not need
 * it.
 */
static void who_may_sleep_needs_no_reserve(void **state)
{
	unsigned int exclusive;

	(void)state;
	for (exclusive = 0; exclusive < 2; exclusive++) {
		const struct iommu_dma_device atomically = {.mask = 0};
		const struct iommu_dma_device sleeping = {.may_sleep = true};
		const struct iommu_dma_device strange = {.may_sleep = true, .untrusted = true};
		struct iommu_domain *domain;
		struct iommu_dma_piece piece = {.paddr = 0, .size = PAGE};
		unsigned int elements;
		iommu_iova_t one, other;
		void *shared;

		begin_machine(0, exclusive != 0);
		domain = iommu_group_default_domain(iommu_endpoint_group(f.endpoint));
		assert_int_equal(iommu_dma_map(f.dma, &atomically, f.memory, PAGE, BOTH, &one),
				 IOMMU_ENOMEM);
		assert_int_equal(iommu_map(domain, 0x40000000, f.memory, PAGE, IOMMU_PROT_READ),
				 IOMMU_ENOMEM);
		assert_true(missed() >= 2);
		/*
		 * Exclusive caches keep their part atomic: a handle, which is there from the start.
		 */
		if (exclusive != 0) {
			iommu_page_reserve_set_ready(&h.reserve, 0, 1);
			assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
		}
		assert_int_equal(iommu_dma_map(f.dma, &sleeping, f.memory, PAGE, BOTH, &one), 0);
		assert_int_equal(iommu_dma_unmap(f.dma, one, PAGE), 0);
		iommu_page_reserve_set_ready(&h.reserve, 0, 0);
		assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
		assert_int_equal(iommu_dma_map(f.dma, &sleeping, f.memory, PAGE, BOTH, &one), 0);
		assert_int_equal(
			iommu_dma_map(f.dma, &strange, f.memory + PAGE + 8, 64, BOTH, &other), 0);
		assert_int_equal(iommu_dma_unmap(f.dma, other, 64), 0);
		piece.paddr = f.memory + 2 * PAGE;
		assert_int_equal(iommu_dma_map_sg(f.dma, &sleeping, &piece, 1, BOTH, &elements), 0);
		assert_int_equal(iommu_dma_unmap_sg(f.dma, &piece, 1), 0);
		assert_int_equal(iommu_dma_alloc(f.dma, &atomically, PAGE, &shared, &other), 0);
		assert_int_equal(iommu_dma_free(f.dma, shared, other, PAGE), 0);
		assert_int_equal(iommu_map(domain, 0x40000000, f.memory, PAGE,
					   IOMMU_PROT_READ | IOMMU_PROT_MAY_SLEEP),
				 0);
		assert_int_equal(iommu_unmap(domain, 0x40000000, PAGE, 0, NULL), 0);
		assert_int_equal(iommu_dma_unmap(f.dma, one, PAGE), 0);
		end_machine();
	}
}

/*
 * In the middle of anything what is ready comes to an end: what fails leaves nothing, and goes
 * later.
 */
static void exhaustion_fails_whole(void **state)
{
	static const struct iommu_dma_device untrusted = {.untrusted = true};
	unsigned int ready, failures = 0;

	(void)state;
	for (ready = 0; ready < 12; ready++) {
		struct iommu_dma_stats stats;
		iommu_iova_t address = 0;
		int status;

		begin_machine(ready, false);
		atomic = 1;
		status = iommu_dma_map(f.dma, &untrusted, f.memory + 8, 2 * PAGE, BOTH, &address);
		atomic = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		failures += status != 0;
		iommu_dma_get_stats(f.dma, &stats);
		assert_int_equal(stats.bounced, status == 0 ? 1 : 0);
		assert_int_equal(stats.withheld, 0);
		iommu_page_reserve_set_ready(&h.reserve, 0, 16);
		assert_int_equal(iommu_page_reserve_refill(&h.reserve), 0);
		atomic = 1;
		if (status != 0)
			assert_int_equal(iommu_dma_map(f.dma, &untrusted, f.memory + 8, 2 * PAGE,
						       BOTH, &address),
					 0);
		assert_int_equal(iommu_dma_unmap(f.dma, address, 2 * PAGE), 0);
		atomic = 0;
		end_machine();
	}
	assert_true(failures >= 4 && failures < 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ready_is_had_where_nothing_may_sleep),
		cmocka_unit_test(what_may_sleep_is_the_hosts),
		cmocka_unit_test(each_order_has_blocks_of_its_own),
		cmocka_unit_test(the_level_rises_and_falls),
		cmocka_unit_test(a_host_without_memory_gives_what_it_has),
		cmocka_unit_test(a_reserve_that_makes_no_sense_is_refused),
		cmocka_unit_test(threads_share_it),
		cmocka_unit_test(interrupts_map_from_what_is_ready),
		cmocka_unit_test(who_may_sleep_needs_no_reserve),
		cmocka_unit_test(exhaustion_fails_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
