/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back ends of POWER on several threads: two map and unmap, and ask the models what is reached;
 * one attaches, detaches, and switches the unit off and on. For the thread and address sanitizers;
 * without them, for what must hold after each unmap.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libiommu/iommu.h>

#include "test.h"
#include "test_contract.h"

#define ROUNDS 400
#define WIDTH  32
#define MEMORY (1ULL << 49) /* no pointer of this process */
#define LIOBN  7
#define RW     IOMMU_PROT_READ_WRITE

static struct {
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domains[2];
	bool stop;
} s;

/* cmocka's assertions are for the main thread: the others count. */
static unsigned int failures;

static void expect(bool holds)
{
	if (!holds)
		__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

/* --- A host: pages that a sanitizer knows one by one ------------------------------------------ */

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	const size_t size = (size_t)IOMMU_PAGE_SIZE << order;
	void *pages = aligned_alloc(size, size);

	test_contract_alloc(ctx, order, flags);
	(void)node;
	return pages != NULL ? memset(pages, 0, size) : NULL;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	memset(pages, 0xdb, (size_t)IOMMU_PAGE_SIZE << order);
	free(pages);
}

static void *mutex_create(void *ctx)
{
	pthread_mutex_t *mutex = malloc(sizeof(*mutex));

	(void)ctx;
	assert_non_null(mutex);
	pthread_mutex_init(mutex, NULL);
	return mutex;
}

static void mutex_destroy(void *ctx, void *mutex)
{
	(void)ctx;
	pthread_mutex_destroy(mutex);
	free(mutex);
}

static void mutex_lock(void *ctx, void *mutex)
{
	test_contract_no_lock(ctx, "mutex_lock");
	pthread_mutex_lock(mutex);
}

static void mutex_unlock(void *ctx, void *mutex)
{
	(void)ctx;
	pthread_mutex_unlock(mutex);
}

/* A second of it is long, also where a busy machine lets another thread of ours wait. */
static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void relax(void *ctx)
{
	(void)ctx;
	(void)sched_yield();
}

static const struct iommu_platform platform = {
	.now_ns = now_ns,
	.relax = relax,
	.alloc_pages = alloc_pages,
	.free_pages = free_pages,
	.mutex_create = mutex_create,
	.mutex_destroy = mutex_destroy,
	.mutex_lock = mutex_lock,
	.mutex_unlock = mutex_unlock,
	.irq_save = test_contract_irq_save,
	.irq_restore = test_contract_irq_restore,
};

/* The models' machine is another: its locks are not the driver's. */
static struct iommu_platform outside(void)
{
	static char other;
	struct iommu_platform own = platform;

	own.ctx = &other;
	return own;
}

/* Entries are written while the bridge reads them: whole. */
static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
#if UINTPTR_MAX > UINT32_MAX
	*bytes = __atomic_load_n((uint64_t *)(uintptr_t)paddr, __ATOMIC_ACQUIRE);
#else
	memcpy(bytes, (const void *)(uintptr_t)paddr, sizeof(*bytes));
#endif
	return true;
}

/* --- Threads ---------------------------------------------------------------------------------- */

static bool reaches(iommu_iova_t iova, iommu_paddr_t paddr)
{
	struct iommu_model_tce_access access;
	int status;

	if (s.papr != NULL) {
		status = iommu_model_papr_access(s.papr, LIOBN, iova, true, &access);
	} else {
		status = iommu_model_phb_access(s.phb, 0x100, iova, true, &access);
		(void)iommu_model_phb_thaw(s.phb, 1);
	}
	return status == 0 && access.paddr == paddr;
}

static void *map_and_unmap(void *argument)
{
	const uintptr_t number = (uintptr_t)argument;
	uint64_t i;

	for (i = 0; !__atomic_load_n(&s.stop, __ATOMIC_RELAXED); i++) {
		/* Near each other, and then far away, in tables that come and go. */
		const iommu_iova_t iova = ((i % 16) << 27) + (number << 13);
		const iommu_paddr_t paddr = MEMORY + (i << 16) + (number << 13);
		struct iommu_domain *domain = s.domains[i % 2];
		uint64_t unmapped = 0;

		expect(iommu_map(domain, iova, paddr, 0x2000, RW) == 0);
		(void)reaches(iova, paddr);
		expect(iommu_unmap(domain, iova, 0x2000, 0, &unmapped) == 0);
		expect(unmapped == 0x2000);
		expect(!reaches(iova, paddr));
		expect(!reaches(iova + 0x1000, paddr + 0x1000));
	}
	return NULL;
}

static void switch_domains(void)
{
	struct iommu_group *group = iommu_endpoint_group(s.endpoint);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		assert_int_equal(iommu_domain_attach_group(s.domains[i % 2], group), 0);
		if (i % 5 == 0) {
			assert_int_equal(iommu_unit_disable(s.unit), 0);
			assert_int_equal(iommu_unit_enable(s.unit), 0);
		}
		if (i % 3 == 0)
			assert_int_equal(iommu_domain_detach_group(group), 0);
	}
	if (iommu_group_domain(group) != NULL)
		assert_int_equal(iommu_domain_detach_group(group), 0);
}

static void run(void)
{
	const struct iommu_endpoint_info info = {.source_id = 0x100};
	pthread_t threads[2];
	uintptr_t i;

	failures = 0;
	s.stop = false;
	assert_int_equal(iommu_probe_endpoint(s.iommu, &info, &s.endpoint), 0);
	assert_int_equal(iommu_unit_enable(s.unit), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(
			iommu_domain_alloc(s.unit, IOMMU_DOMAIN_PAGING, NULL, &s.domains[i]), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, map_and_unmap, (void *)i), 0);
	switch_domains();
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(failures, 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_domain_free(s.domains[i]), 0);
	assert_int_equal(iommu_release_endpoint(s.endpoint), 0);
	assert_int_equal(iommu_destroy(s.iommu), 0);
}

/* --- The other sides -------------------------------------------------------------------------- */

static int64_t opal_call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	(void)ctx;
	return iommu_model_phb_opal(s.phb, token, arguments);
}

static void a_bridge(void **state)
{
	const struct iommu_platform own = outside();
	const struct iommu_model_phb_config model = {
		.platform = &own, .host = {.read = read_memory}, .pes = 4};
	const struct iommu_opal_config config = {
		.pes = 4,
		.call = opal_call,
		.page_sizes = 1 << 12,
		.output_bits = 52,
		.window_bits = WIDTH,
		.reserved_start = 1,
	};
	const struct iommu_opal_pe_config pe = {
		.kind = IOMMU_OPAL_PE_DEVICE, .source_id = 0x100, .number = 1};
	uint32_t number;

	(void)state;
	memset(&s, 0, sizeof(s));
	assert_int_equal(iommu_model_phb_create(&model, &s.phb), 0);
	assert_int_equal(iommu_create(&platform, &s.iommu), 0);
	assert_int_equal(iommu_opal_probe(s.iommu, &config), 0);
	s.unit = iommu_next_unit(s.iommu, NULL);
	assert_int_equal(iommu_opal_add_pe(s.unit, &pe, &number), 0);
	run();
	iommu_model_phb_destroy(s.phb);
}

static int64_t hypercall(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			 uint64_t third, uint64_t fourth, uint64_t *result)
{
	(void)ctx;
	return iommu_model_papr_hypercall(s.papr, opcode, liobn, address, third, fourth, result);
}

static void a_hypervisor(void **state)
{
	const struct iommu_platform own = outside();
	const struct iommu_model_papr_config model = {.platform = &own,
						      .host = {.read = read_memory}};
	const struct iommu_papr_config config = {
		.last_id = UINT16_MAX,
		.window = {.liobn = LIOBN, .size = 1ULL << WIDTH, .page_shift = 12},
		.has_multiple = true,
		.call = hypercall,
	};

	(void)state;
	memset(&s, 0, sizeof(s));
	assert_int_equal(iommu_model_papr_create(&model, &s.papr), 0);
	assert_int_equal(iommu_model_papr_add_window(s.papr, LIOBN, 0, 12, 1ULL << (WIDTH - 12)),
			 0);
	assert_int_equal(iommu_create(&platform, &s.iommu), 0);
	assert_int_equal(iommu_papr_probe(s.iommu, &config), 0);
	s.unit = iommu_next_unit(s.iommu, NULL);
	run();
	iommu_model_papr_destroy(s.papr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bridge),
		cmocka_unit_test(a_hypervisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
