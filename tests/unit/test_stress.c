/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything at once: one thread attaches and claims, one adds and removes a device and does DMA
 * mapping for it, two map and unmap, one makes the unit report faults of both devices. For the
 * thread sanitizer; without it, for what must hold in the end.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/iommu.h>

#include "fake_vtd.h"
#include "test.h"

#define ROUNDS    1500
#define RESIDENT  0x20
#define VISITOR   0x28
#define NEIGHBOUR 0x30
#define RW        IOMMU_PROT_READ_WRITE

static struct {
	struct fake_machine machine;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_endpoint *resident;
	struct iommu_domain *domains[2];
	bool stop;
	unsigned int faults, unknown; /* of the fault thread */
} s;

/* cmocka's assertions are for the main thread: the others count. */
static unsigned int failures;

static void expect(bool holds)
{
	if (!holds)
		__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

static bool must_stop(void)
{
	return __atomic_load_n(&s.stop, __ATOMIC_RELAXED);
}

static void *map_and_unmap(void *argument)
{
	const iommu_iova_t iova = (uintptr_t)argument;
	unsigned int i = 0;

	while (!must_stop()) {
		struct iommu_domain *domain = s.domains[i++ % 2];
		struct iommu_gather gather;

		iommu_gather_init(&gather);
		expect(iommu_map(domain, iova, 0x5000, 0x2000, RW) == 0);
		expect(iommu_iova_to_phys(domain, iova + 0x1000, NULL) == 0);
		expect(iommu_unmap(domain, iova, 0x1000, 0, NULL) == 0);
		expect(iommu_unmap_gather(domain, iova + 0x1000, 0x1000, 0, &gather, NULL) == 0);
		expect(iommu_sync_gather(domain, &gather) == 0);
	}
	return NULL;
}

/* In the fault thread. An endpoint that is named lives at least until this returns. */
static void count_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	s.faults++;
	if (fault->endpoint == NULL)
		s.unknown++;
	else
		expect(iommu_endpoint_source_id(fault->endpoint) == fault->source_id ||
		       iommu_endpoint_source_id(fault->endpoint) == NEIGHBOUR);
}

/* On any CPU at any time: an event is whole, and of a type that there is. */
static void count_event(void *ctx, const struct iommu_trace_event *event)
{
	expect(event->type >= IOMMU_TRACE_MAP && event->type <= IOMMU_TRACE_FREE);
	__atomic_add_fetch((uint64_t *)ctx, 1, __ATOMIC_RELAXED);
}

static void *attach_and_claim(void *argument)
{
	static uint64_t events;
	static const struct iommu_trace trace = {.event = count_event, .ctx = &events};
	struct iommu_group *group = iommu_endpoint_group(s.resident);
	unsigned int i;

	(void)argument;
	for (i = 0; i < ROUNDS; i++) {
		iommu_endpoint_set_fault_handler(s.resident, i % 2 != 0 ? count_fault : NULL, NULL);
		iommu_set_trace(s.iommu, i % 4 < 2 ? &trace : NULL);
		expect(iommu_group_claim(group, &s) == 0);
		expect(iommu_domain_attach_group(s.domains[0], group) == 0);
		expect(iommu_domain_attach_group(s.domains[1], group) == 0);
		expect(iommu_group_release(group, &s) == IOMMU_EBUSY);
		expect(iommu_domain_detach_group(group) == 0);
		expect(iommu_group_release(group, &s) == 0);
		expect(iommu_group_set_default_type(group, i % 2 != 0 ? IOMMU_DOMAIN_IDENTITY
								      : IOMMU_DOMAIN_DMA) == 0);
	}
	expect(__atomic_load_n(&events, __ATOMIC_RELAXED) != 0);
	return NULL;
}

static int tell(enum iommu_bus_event_type type)
{
	const struct iommu_endpoint_info info = {.source_id = VISITOR};
	const struct iommu_bus_event event = {.type = type, .info = &info, .source_id = VISITOR};

	return iommu_report_bus_event(s.iommu, &event);
}

static void *come_and_go(void *argument)
{
	unsigned int i;

	(void)argument;
	for (i = 0; i < ROUNDS; i++) {
		struct iommu_endpoint *endpoint;
		struct iommu_dma_device device;
		struct iommu_dma *dma = NULL;
		iommu_iova_t address;

		expect(tell(IOMMU_BUS_ADDED) == 0);
		expect(tell(IOMMU_BUS_BINDING) == 0);
		endpoint = iommu_find_endpoint(s.iommu, 0, VISITOR);
		if (endpoint == NULL || iommu_dma_of(endpoint, &dma) != 0) {
			expect(false);
			return NULL;
		}
		device = iommu_dma_device_of(endpoint, UINT32_MAX);
		expect(iommu_dma_map(dma, &device, 0x123456, 100, IOMMU_DMA_TO_DEVICE, &address) ==
		       0);
		expect(iommu_dma_unmap(dma, address, 100) == 0);
		expect(tell(IOMMU_BUS_UNBOUND) == 0);
		expect(tell(IOMMU_BUS_REMOVED) == 0);
	}
	return NULL;
}

static void *fault_and_report(void *argument)
{
	unsigned int i = 0;

	(void)argument;
	/*
	 * A few of each in any case: on a busy machine the others may be done before this begins.
	 */
	while (!must_stop() || i < 4) {
		pthread_mutex_lock(&s.machine.lock);
		fake_fault(&s.machine.units[0], 0, i++ % 2 != 0 ? RESIDENT : VISITOR, 0x9000, 5,
			   true);
		pthread_mutex_unlock(&s.machine.lock);
		expect(iommu_unit_handle_faults(s.unit, NULL) >= 0);
	}
	return NULL;
}

static void everything_at_once(const struct iommu_pci_topology *topology)
{
	const struct iommu_endpoint_info neighbour_info = {.source_id = NEIGHBOUR};
	struct iommu_endpoint *neighbour = NULL;
	const struct iommu_vtd_options options = {.faults_per_second = IOMMU_VTD_FAULTS_UNBOUNDED};
	const struct iommu_endpoint_info info = {.source_id = RESIDENT};
	pthread_t workers[2], runners[3];
	unsigned int i;

	memset(&s, 0, sizeof(s));
	failures = 0;
	fake_machine_init(&s.machine, 1, FAKE_CAP_48 | VTD_CAP_CM, FAKE_ECAP_QI);
	assert_int_equal(iommu_create(&s.machine.test.platform, &s.iommu), 0);
	assert_int_equal(iommu_vtd_probe(s.iommu, s.machine.dmar, s.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_set_default_type(s.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	s.unit = iommu_next_unit(s.iommu, NULL);
	assert_int_equal(iommu_set_pci_topology(s.iommu, topology), 0);
	assert_int_equal(iommu_probe_endpoint(s.iommu, &info, &s.resident), 0);
	if (topology != NULL)
		assert_int_equal(iommu_probe_endpoint(s.iommu, &neighbour_info, &neighbour), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(
			iommu_domain_alloc(s.unit, IOMMU_DOMAIN_PAGING, NULL, &s.domains[i]), 0);
	assert_int_equal(iommu_vtd_enable(s.iommu), 0);
	iommu_set_fault_handler(s.iommu, count_fault, NULL);

	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&runners[i], NULL, map_and_unmap,
						(void *)(uintptr_t)(0x100000 * (i + 1))),
				 0);
	assert_int_equal(pthread_create(&runners[2], NULL, fault_and_report, NULL), 0);
	assert_int_equal(pthread_create(&workers[0], NULL, attach_and_claim, NULL), 0);
	assert_int_equal(pthread_create(&workers[1], NULL, come_and_go, NULL), 0);
	for (i = 0; i < 2; i++)
		pthread_join(workers[i], NULL);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(runners[i], NULL);

	assert_int_equal(failures, 0);
	assert_true(s.faults > s.unknown);
	assert_int_equal(iommu_release_endpoint(s.resident), 0);
	if (neighbour != NULL)
		assert_int_equal(iommu_release_endpoint(neighbour), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_domain_free(s.domains[i]), 0);
	assert_null(iommu_next_group(s.iommu, NULL));
	assert_int_equal(iommu_destroy(s.iommu), 0);
	fake_machine_destroy(&s.machine);
}

static void with_devices_that_are_alone(void **state)
{
	(void)state;
	everything_at_once(NULL);
}

/* The visitor's id is used by another, and stays when it goes. */
static void with_an_id_that_is_shared(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = RESIDENT},
		{.devfn = VISITOR},
		{.devfn = NEIGHBOUR, .alias_count = 1, .aliases = {VISITOR}}};
	static const struct iommu_pci_topology topology = {functions, 3};

	(void)state;
	everything_at_once(&topology);
}

/* --- Interrupt tables that grow --------------------------------------------------------------- */

#define ALLOCATORS 3
#define PER_THREAD 100 /* blocks, of 128 entries: the table is doubled four times, to the largest */

static uint32_t owners[65536 / 128];

/* No block is given twice, while all of them make the table grow. */
static void *allocate_blocks(void *argument)
{
	const uint8_t own = (uint8_t)(uintptr_t)argument;
	const struct iommu_vtd_interrupt_target target = {.vector = own};
	struct iommu_vtd_interrupt block;
	unsigned int i;

	for (i = 0; i < PER_THREAD; i++) {
		expect(iommu_vtd_interrupt_alloc(s.unit, 128, &block) == 0);
		expect(__atomic_exchange_n(&owners[block.index / 128], own, __ATOMIC_RELAXED) == 0);
		expect(iommu_vtd_interrupt_set(&block, 127, &target) == 0);
	}
	return NULL;
}

/* Meanwhile entries change. */
static void *change_entries(void *argument)
{
	const struct iommu_vtd_interrupt *block = argument;
	struct iommu_vtd_interrupt_target target = {.vector = 0x40};

	while (!must_stop()) {
		target.source = target.source == IOMMU_VTD_SOURCE_ANY ? IOMMU_VTD_SOURCE_ID
								      : IOMMU_VTD_SOURCE_ANY;
		expect(iommu_vtd_interrupt_set(block, 1, &target) == 0);
		expect(iommu_vtd_interrupt_clear(block, 1) == 0);
	}
	return NULL;
}

static void interrupt_tables_grow_under_all(void **state)
{
	struct iommu_vtd_interrupt block;
	pthread_t threads[ALLOCATORS], changer;
	struct iommu_vtd_info info;
	uintptr_t i;

	(void)state;
	memset(&s, 0, sizeof(s));
	failures = 0;
	fake_machine_init(&s.machine, 1, FAKE_CAP_48, FAKE_ECAP_QI | VTD_ECAP_IR);
	s.machine.dmar[DMAR_FLAGS_OFFSET] |= DMAR_FLAG_INTR_REMAP;
	s.machine.dmar[ACPI_TABLE_CHECKSUM_OFFSET]--;
	assert_int_equal(iommu_create(&s.machine.test.platform, &s.iommu), 0);
	assert_int_equal(iommu_vtd_probe(s.iommu, s.machine.dmar, s.machine.dmar_size, NULL), 0);
	s.unit = iommu_next_unit(s.iommu, NULL);
	assert_int_equal(iommu_vtd_interrupts_enable(s.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(s.unit, 128, &block), 0);
	pthread_create(&changer, NULL, change_entries, &block);
	for (i = 0; i < ALLOCATORS; i++)
		pthread_create(&threads[i], NULL, allocate_blocks, (void *)(i + 0x20));
	for (i = 0; i < ALLOCATORS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(changer, NULL);
	assert_int_equal(failures, 0);
	assert_int_equal(iommu_vtd_get_info(s.unit, &info), 0);
	assert_int_equal(info.interrupt_entries, 65536);
	assert_int_equal(iommu_vtd_interrupts_disable(s.iommu), 0);
	assert_int_equal(iommu_destroy(s.iommu), 0);
	fake_machine_destroy(&s.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_devices_that_are_alone),
		cmocka_unit_test(with_an_id_that_is_shared),
		cmocka_unit_test(interrupt_tables_grow_under_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
