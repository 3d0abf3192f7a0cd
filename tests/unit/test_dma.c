/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMA mapping API, over the VT-d driver and the model. What a device reaches is tested by its
 * DMA, never read from tables.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include <libiommu/dma.h>

#include "dma/dma.h"
#include "model_machine.h"
#include "test.h"
#include "test_contract.h"

#define PAGE     IOMMU_PAGE_SIZE
#define QUICK_NS 2000000
#define LENT_MAX 1024
#define BOTH     IOMMU_DMA_BIDIRECTIONAL

struct fixture {
	struct model_machine machine;
	struct model_host host;
	struct model_device *device;
	struct iommu_dma *dma;
	iommu_paddr_t lent[LENT_MAX];
	unsigned int lent_count;
	/*
	 * Of a library that watches its callers: those that the test makes, and what was said
	 * before.
	 */
	uint32_t mistakes, reports;
};

static struct fixture f;

static const struct iommu_dma_device any;
static const struct iommu_dma_device untrusted = {.untrusted = true};
static const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
static const struct iommu_model_vtd_faults well;

static void begin_machine(void)
{
	memset(&f, 0, sizeof(f));
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
}

/* @beside: of a second unit; NULL: there is one. */
static void begin_on(unsigned int dma_flags, const struct iommu_model_vtd_config *config,
		     const struct iommu_model_vtd_config *beside)
{
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_endpoint_info info = {.source_id = 0x20, .physical_function = 0x20};
	struct iommu_dma_config dma = {.flags = dma_flags};

	model_machine_add_unit(&f.machine, config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
	if (beside != NULL) {
		model_machine_add_unit(&f.machine, beside);
		model_machine_add_device(&f.machine, 1, 0x30);
	}
	f.host = model_machine_start(&f.machine, &options, &info);
	dma.domain = f.host.domain;
	assert_int_equal(iommu_dma_create(&dma, &f.dma), 0);
	f.reports = iommu_dma_debug_reports();
}

static void begin_with(unsigned int dma_flags, const struct iommu_model_vtd_config *config)
{
	begin_machine();
	begin_on(dma_flags, config, NULL);
}

/* On a host that does not mask interrupts, where the shortest way of a page is the shortest. */
static void begin_shortest(unsigned int dma_flags, const struct iommu_model_vtd_config *config,
			   const struct iommu_model_vtd_config *beside)
{
	begin_machine();
	f.machine.platform.irq_save = NULL;
	f.machine.platform.irq_restore = NULL;
	begin_on(dma_flags, config, beside);
}

static void begin(void)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};

	begin_with(0, &config);
}

static void end(void)
{
	const bool watched = iommu_dma_debug_is_on(f.dma);
	struct iommu_dma_stats stats;

	iommu_dma_get_stats(f.dma, &stats);
	assert_int_equal(stats.withheld, 0);
	assert_int_equal(stats.bounced, 0);
	assert_int_equal(iommu_dma_destroy(f.dma), 0);
	if (watched)
		assert_int_equal(iommu_dma_debug_reports() - f.reports, f.mistakes);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(f.host.endpoint)), 0);
	assert_int_equal(iommu_domain_free(f.host.domain), 0);
	assert_int_equal(iommu_release_endpoint(f.host.endpoint), 0);
	assert_int_equal(iommu_destroy(f.host.iommu), 0);
	model_machine_destroy(&f.machine);
}

static struct iommu_dma_stats stats(void)
{
	struct iommu_dma_stats now;

	iommu_dma_get_stats(f.dma, &now);
	return now;
}

static uint64_t descriptors(void)
{
	struct iommu_model_vtd_stats now;

	iommu_model_vtd_get_stats(f.machine.units[0], &now);
	return now.descriptors;
}

static unsigned char *bytes(iommu_paddr_t paddr)
{
	return model_machine_bytes(&f.machine, paddr);
}

static bool can(iommu_iova_t address, unsigned int access)
{
	iommu_paddr_t to;

	return model_device_access(f.device, address, access, &to) == 0;
}

static bool reaches(iommu_iova_t address, iommu_paddr_t paddr)
{
	iommu_paddr_t to = 0;

	return model_device_access(f.device, address, IOMMU_PROT_READ, &to) == 0 && to == paddr;
}

static bool is_blocked(iommu_iova_t address)
{
	return !can(address, IOMMU_PROT_READ) && !can(address, IOMMU_PROT_WRITE);
}

/*
 * The machine is suspicious when a device reaches a page that the library took. Those behind a
 * mapping are lent to the device, and taken back before the library frees them.
 */
static void lend(iommu_iova_t address, uint64_t size)
{
	iommu_paddr_t paddr;
	iommu_iova_t at;

	for (at = address & ~(PAGE - 1); at < address + size; at += PAGE) {
		assert_int_equal(iommu_iova_to_phys(f.host.domain, at, &paddr), 0);
		if (f.machine.states[(paddr - MACHINE_BASE) / PAGE] != PAGE_TABLE)
			continue;
		assert_true(f.lent_count < LENT_MAX);
		f.lent[f.lent_count++] = paddr;
		model_machine_mark(&f.machine, paddr, 1, PAGE_DEVICE);
	}
}

static void take_back(void)
{
	while (f.lent_count != 0)
		model_machine_mark(&f.machine, f.lent[--f.lent_count], 1, PAGE_TABLE);
}

static bool all_are(const unsigned char *at, size_t size, unsigned char value)
{
	size_t i;

	for (i = 0; i < size && at[i] == value; i++)
		;
	return i == size;
}

/* --- One buffer ------------------------------------------------------------------------------- */

static void a_buffer_is_reached_until_it_is_unmapped(void **state)
{
	static const struct {
		unsigned int offset, size;
	} cases[] = {{0, 4096},  {0, 1},    {4095, 1},    {100, 64},
		     {4090, 12}, {1, 4095}, {2048, 4096}, {3000, 3 * 4096}};
	iommu_paddr_t memory;
	iommu_iova_t address;
	unsigned int i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 4);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const iommu_paddr_t paddr = memory + cases[i].offset;
		const size_t size = cases[i].size < 4096 ? cases[i].size : 4096;

		memset(bytes(memory), 0xee, 4 * PAGE);
		assert_int_equal(iommu_dma_map(f.dma, &any, paddr, cases[i].size, BOTH, &address),
				 0);
		assert_int_equal(address % PAGE, cases[i].offset);
		assert_true(reaches(address + cases[i].size - 1, paddr + cases[i].size - 1));
		test_pattern(f.device->buffer, size, i);
		model_device_write(f.device, address, size);
		assert_true(test_has_pattern(bytes(paddr), size, i));
		assert_int_equal(iommu_dma_unmap(f.dma, address, cases[i].size), 0);
		assert_true(is_blocked(address));
		assert_true(is_blocked(address + cases[i].size - 1));
		assert_int_equal(iommu_dma_unmap(f.dma, address, cases[i].size), IOMMU_ENOENT);
		f.mistakes++;
	}
	end();
}

static void direction_is_permission(void **state)
{
	iommu_paddr_t memory;
	iommu_iova_t address;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, IOMMU_DMA_TO_DEVICE, &address),
			 0);
	assert_true(can(address, IOMMU_PROT_READ));
	assert_false(can(address, IOMMU_PROT_WRITE));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, IOMMU_DMA_FROM_DEVICE, &address),
			 0);
	assert_false(can(address, IOMMU_PROT_READ));
	assert_true(can(address, IOMMU_PROT_WRITE));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	end();
}

static const struct iommu_dma_device hole = {.mask = 0xff00ff};
static const struct iommu_dma_device crooked = {.boundary = 0x3000};

static void maps_that_make_no_sense_are_refused(void **state)
{
	iommu_iova_t address = 0;
	iommu_paddr_t memory;
	const struct {
		const struct iommu_dma_device *device;
		iommu_paddr_t paddr;
		uint64_t size;
		int direction, status;
	} cases[] = {
		{&any, 0, 0, BOTH, IOMMU_EINVAL},
		{&any, 0, 1, 0, IOMMU_EINVAL},
		{&any, 0, 1, 4, IOMMU_EINVAL},
		{&hole, 0, 1, BOTH, IOMMU_EINVAL},
		{&crooked, 0, 1, BOTH, IOMMU_EINVAL},
		{&any, UINT64_MAX - 10, 12, BOTH, IOMMU_EOVERFLOW},
		{&any, UINT64_MAX - 10, 11, BOTH, IOMMU_ERANGE},
		{&any, 1ULL << 50, PAGE, BOTH, IOMMU_ERANGE},
		{&any, 1, UINT64_MAX - 1, BOTH, IOMMU_ENOSPC},
	};
	unsigned int i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const iommu_paddr_t paddr = cases[i].paddr != 0 ? cases[i].paddr : memory;

		assert_int_equal(iommu_dma_map(f.dma, cases[i].device, paddr, cases[i].size,
					       (enum iommu_dma_direction)cases[i].direction,
					       &address),
				 cases[i].status);
	}
	assert_int_equal(address, 0);
	assert_int_equal(iommu_dma_unmap(f.dma, 0x5000, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_unmap(f.dma, 0x5000, UINT64_MAX), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_unmap(f.dma, 0x5000, PAGE), IOMMU_ENOENT);
	/* Where no address can be, or partly. */
	assert_int_equal(iommu_dma_unmap(f.dma, 1ULL << 60, PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_unmap(f.dma, (1ULL << 48) - PAGE, 2 * PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_unmap(f.dma, UINT64_MAX - (PAGE - 1), PAGE), IOMMU_ENOENT);
	f.mistakes = 6;
	end();
}

static void other_requests_that_make_no_sense_are_refused(void **state)
{
	struct iommu_dma_window window;
	iommu_iova_t address = 0;
	unsigned int elements;
	void *shared;

	(void)state;
	begin();
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, NULL, 0, BOTH, &elements), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, NULL, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 0, &shared, &address), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_alloc(f.dma, &hole, 1, &shared, &address), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, UINT64_MAX, &shared, &address), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 1ULL << 62, &shared, &address),
			 sizeof(void *) == 4 ? IOMMU_ERANGE : IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_free(f.dma, &shared, 0x5000, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(f.dma, &shared, 0x5000, UINT64_MAX), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(f.dma, &shared, 1ULL << 60, PAGE), IOMMU_ENOENT);
	f.mistakes = 3;
	assert_int_equal(iommu_dma_window_create(f.dma, &any, 0, &window), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_create(f.dma, &hole, 1, &window), IOMMU_EINVAL);
	assert_int_equal(address, 0);
	end();
}

static void defaults_that_make_no_sense_are_refused(void **state)
{
	struct iommu_dma_config config = {.flags = IOMMU_DMA_LAZY};

	(void)state;
	begin();
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), IOMMU_EINVAL);
	config = (struct iommu_dma_config){.domain = f.host.domain};
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), IOMMU_EINVAL);
	config = (struct iommu_dma_config){.queue_flags = 4};
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), IOMMU_EINVAL);
	config = (struct iommu_dma_config){.queue_entries = 1};
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), IOMMU_EINVAL);
	config.queue_entries = 1025;
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), IOMMU_EINVAL);
	config.queue_flags = IOMMU_FLUSH_QUEUE_SINGLE;
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), 0);
	config.queue_entries = 2049;
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &config), IOMMU_EINVAL);
	end();
}

static void configurations_that_make_no_sense_are_refused(void **state)
{
	struct iommu_dma_config config = {.flags = 0};
	struct iommu_domain *paging;
	struct iommu_dma *dma;

	(void)state;
	begin();
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EINVAL);
	config.domain = f.host.domain;
	config.flags = 4;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EINVAL);
	config.flags = IOMMU_DMA_LAZY;
	config.queue_entries = 1;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EINVAL);
	config = (struct iommu_dma_config){.flags = 0};
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(f.host.iommu, NULL),
					    IOMMU_DOMAIN_PAGING, NULL, &paging),
			 0);
	config.domain = paging;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(paging), 0);
	end();
}

static void addresses_stay_below_the_devices_mask(void **state)
{
	static const struct iommu_dma_device narrow = {.mask = 0xffff};
	static const struct iommu_dma_device none = {.mask = 0xfff >> 1};
	static const struct iommu_dma_device wide = {.mask = UINT64_MAX};
	iommu_iova_t addresses[16];
	iommu_paddr_t memory;
	iommu_iova_t address;
	unsigned int count = 0;

	(void)state;
	begin();
	assert_int_equal(iommu_dma_required_mask(f.dma), (1ULL << 48) - 1);
	memory = model_machine_take(&f.machine, 1);
	/* Pages 1 to 15: address 0 is never used. */
	while (iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &address) == 0) {
		assert_true(address != 0 && address <= 0xf000);
		assert_true(count < 15);
		addresses[count++] = address;
	}
	assert_int_equal(count, 15);
	assert_int_equal(iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &address), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_map(f.dma, &none, memory, 1, BOTH, &address), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_map(f.dma, &wide, memory, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, memory));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	while (count-- != 0)
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[count], PAGE), 0);
	assert_int_equal(iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &address), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	end();
}

/* Above 4 GiB as soon as there is a choice: of buffers, lists, shared memory and windows. */
static void the_highest_addresses_first(void **state)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	static const struct iommu_dma_device wide = {.mask = (1ULL << 40) - 1};
	static const struct iommu_dma_device narrow = {.mask = UINT32_MAX};
	struct iommu_dma_window window;
	struct iommu_dma_piece piece;
	iommu_paddr_t memory;
	iommu_iova_t address;
	unsigned int elements, size;
	void *shared;

	(void)state;
	begin_with(IOMMU_DMA_WIDE_FIRST, &config);
	memory = model_machine_take(&f.machine, 64);
	for (size = 1; size <= 64; size *= 8) {
		assert_int_equal(iommu_dma_map(f.dma, &wide, memory, size * PAGE, BOTH, &address),
				 0);
		assert_true(address > 1ULL << 39 && address < 1ULL << 40);
		assert_true(reaches(address, memory));
		assert_int_equal(iommu_dma_unmap(f.dma, address, size * PAGE), 0);
	}
	piece = (struct iommu_dma_piece){.paddr = memory, .size = PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, &piece, 1, BOTH, &elements), 0);
	assert_true(piece.address > 1ULL << 32);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, &piece, 1), 0);
	assert_int_equal(iommu_dma_alloc(f.dma, &wide, PAGE, &shared, &address), 0);
	assert_true(address > 1ULL << 32);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, PAGE), 0);
	assert_int_equal(iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &address), 0);
	assert_true(address < 1ULL << 32);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_int_equal(iommu_dma_window_create(f.dma, &any, 4, &window), 0);
	assert_true(window.start > 1ULL << 40);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	end();
}

/* What a handle says of itself is what its calls do. */
static void a_handle_says_what_suits_it(void **state)
{
	static const struct iommu_dma_device none = {.mask = 0x7ff};
	struct iommu_dma_piece pieces[2];
	iommu_paddr_t memory;
	iommu_iova_t address;
	unsigned int elements, bits;
	uint64_t size;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 150);
	assert_true(iommu_dma_max_size(f.dma, &any) == UINT64_MAX);
	assert_int_equal(iommu_dma_best_size(f.dma, &any), 32 * PAGE);
	assert_int_equal(iommu_dma_max_size(f.dma, &none), 0);
	assert_int_equal(iommu_dma_best_size(f.dma, &none), 0);
	/* The largest for a mask, wherever it begins; one byte more does not fit. */
	for (bits = 13; bits <= 19; bits++) {
		const struct iommu_dma_device narrow = {.mask = (1ULL << bits) - 1};

		size = iommu_dma_max_size(f.dma, &narrow);
		assert_int_equal(
			iommu_dma_map(f.dma, &narrow, memory + PAGE - 1, size, BOTH, &address), 0);
		assert_int_equal(iommu_dma_unmap(f.dma, address, size), 0);
		iommu_iova_cache_drain(f.dma->cache);
		assert_int_equal(
			iommu_dma_map(f.dma, &narrow, memory + PAGE - 1, size + 1, BOTH, &address),
			IOMMU_ENOSPC);
		assert_int_equal(iommu_dma_best_size(f.dma, &narrow),
				 size < 32 * PAGE ? size : 32 * PAGE);
	}
	assert_int_equal(iommu_dma_merge_boundary(f.dma), PAGE);
	size = iommu_dma_merge_boundary(f.dma);
	pieces[0] = (struct iommu_dma_piece){.paddr = memory + 5, .size = size - 5};
	pieces[1] = (struct iommu_dma_piece){.paddr = memory + 3 * size, .size = 9};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 2, BOTH, &elements), 0);
	assert_int_equal(elements, 1);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 2), 0);
	end();
}

/* --- Failure ---------------------------------------------------------------------------------- */

/* Each kind of mapping, of three pages; unmapped again if it worked. */
static int map_and_unmap(unsigned int kind, iommu_paddr_t memory)
{
	struct iommu_dma_piece pieces[] = {{.paddr = memory, .size = PAGE},
					   {.paddr = memory + 2 * PAGE, .size = 100}};
	struct iommu_dma_window window;
	unsigned int elements;
	iommu_iova_t address;
	void *shared;
	int status;

	switch (kind) {
	case 0:
		status = iommu_dma_map(f.dma, &any, memory + 5, 2 * PAGE, BOTH, &address);
		return status != 0 ? status : iommu_dma_unmap(f.dma, address, 2 * PAGE);
	case 1:
		status = iommu_dma_map(f.dma, &untrusted, memory + 5, 2 * PAGE, BOTH, &address);
		return status != 0 ? status : iommu_dma_unmap(f.dma, address, 2 * PAGE);
	case 2:
		status = iommu_dma_map_sg(f.dma, &any, pieces, 2, BOTH, &elements);
		return status != 0 ? status : iommu_dma_unmap_sg(f.dma, pieces, 2);
	case 3:
		status = iommu_dma_alloc(f.dma, &any, 3 * PAGE, &shared, &address);
		return status != 0 ? status : iommu_dma_free(f.dma, shared, address, 3 * PAGE);
	default:
		status = iommu_dma_window_create(f.dma, &any, 3, &window);
		if (status != 0)
			return status;
		status = iommu_dma_window_map(&window, 0, memory, 3, BOTH);
		assert_int_equal(iommu_dma_window_destroy(&window), 0);
		return status;
	}
}

static void a_failed_allocation_changes_nothing(void **state)
{
	unsigned int kind, nth, failures;

	(void)state;
	for (kind = 0; kind < 5; kind++) {
		iommu_paddr_t memory;
		bool watched;
		size_t least;

		failures = 0;
		for (nth = 1; nth < 32; nth++) {
			int status;

			begin();
			watched = iommu_dma_debug_is_on(f.dma);
			memory = model_machine_take(&f.machine, 4);
			least = f.machine.pages_in_use;
			f.machine.fail_at = f.machine.allocations + nth;
			status = map_and_unmap(kind, memory);
			f.machine.fail_at = 0;
			assert_true(status == 0 || status == IOMMU_ENOMEM);
			failures += status != 0;
			assert_int_equal(stats().bounced, 0);
			assert_int_equal(stats().withheld, 0);
			/* What watches the callers may have had the one that failed. */
			failures += watched && !iommu_dma_debug_is_on(f.dma);
			/* What stays are empty tables, and ranges that the address cache holds. */
			assert_true(f.machine.pages_in_use <= least + 8);
			assert_int_equal(map_and_unmap(kind, memory), 0);
			end();
		}
		/* At least a table for each level below the root. */
		assert_true(failures >= 3);
	}
}

static void creation_fails_whole(void **state)
{
	struct iommu_dma_config config = {.flags = IOMMU_DMA_LAZY};
	struct iommu_dma *dma;
	unsigned int nth;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin();
	config.domain = f.host.domain;
	for (nth = 1; status != 0; nth++) {
		const size_t before = f.machine.pages_in_use;

		f.machine.fail_at = f.machine.allocations + nth;
		status = iommu_dma_create(&config, &dma);
		f.machine.fail_at = 0;
		if (status != 0) {
			assert_int_equal(status, IOMMU_ENOMEM);
			assert_int_equal(f.machine.pages_in_use, before);
		}
	}
	assert_true(nth > 3);
	assert_int_equal(iommu_dma_destroy(dma), 0);
	end();
}

/*
 * A host whose memory is in pieces, none larger than 2^largest pages; it can have them side by
 * side.
 */
static struct {
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	unsigned int largest;
	unsigned int mapped; /* runs of CPU addresses */
	uint64_t mapped_size;
	bool refuses_to_map;
} host;

static void *alloc_pieces(void *ctx, unsigned int order, int node, unsigned int flags)
{
	return order <= host.largest ? host.alloc_pages(ctx, order, node, flags) : NULL;
}

static void *map_pieces(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size)
{
	unsigned char *memory;
	uint64_t at = 0;

	test_contract_no_lock(ctx, "map_pieces");
	if (host.refuses_to_map)
		return NULL;
	memory = mmap(NULL, (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	for (; pieces != NULL; pieces = pieces->next) {
		const off_t offset = (off_t)((unsigned char *)pieces->memory - f.machine.memory);

		assert_true(mmap(memory + at, (size_t)PAGE << pieces->order, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, f.machine.memory_file,
				 offset) != MAP_FAILED);
		at += PAGE << pieces->order;
	}
	assert_int_equal(at, size);
	host.mapped++;
	host.mapped_size += size;
	return memory;
}

static void unmap_pieces(void *ctx, void *memory, uint64_t size)
{
	test_contract_no_lock(ctx, "unmap_pieces");
	assert_int_equal(munmap(memory, (size_t)size), 0);
	host.mapped--;
	host.mapped_size -= size;
}

/* From here on. Single pages come in no order. */
static void fragment_memory(unsigned int largest, bool side_by_side)
{
	static void *pages[512];
	struct test_random random = {largest + 1};
	unsigned int i;

	memset(&host, 0, sizeof(host));
	for (i = 0; i < 512; i++)
		pages[i] = f.machine.platform.alloc_pages(&f.machine, 0, IOMMU_NODE_ANY, 0);
	for (i = 512; i != 0; i--) {
		const uint64_t at = test_random_below(&random, i);

		f.machine.platform.free_pages(&f.machine, pages[at], 0);
		pages[at] = pages[i - 1];
	}
	host.alloc_pages = f.machine.platform.alloc_pages;
	host.largest = largest;
	f.machine.platform.alloc_pages = alloc_pieces;
	f.machine.platform.map_pieces = side_by_side ? map_pieces : NULL;
	f.machine.platform.unmap_pieces = side_by_side ? unmap_pieces : NULL;
}

static unsigned int host_cpus;

static unsigned int host_cpu_count(void *ctx)
{
	(void)ctx;
	return host_cpus;
}

static unsigned int last_cpu(void *ctx)
{
	(void)ctx;
	return host_cpus - 1;
}

/* Any number of CPUs that a host may have, in single pages, strict and lazy. */
static void a_handle_serves_many_cpus(void **state)
{
	static const unsigned int counts[] = {513, 1024, 4096};
	unsigned int i, lazy;

	(void)state;
	begin();
	fragment_memory(0, false);
	f.machine.platform.cpu_count = host_cpu_count;
	f.machine.platform.cpu_id = last_cpu;
	for (i = 0; i < 6; i++) {
		struct iommu_dma_config config = {.domain = f.host.domain};
		const size_t pages = f.machine.pages_in_use;
		iommu_iova_t address;
		struct iommu_dma *dma;

		lazy = i % 2;
		host_cpus = counts[i / 2];
		config.flags = lazy != 0 ? IOMMU_DMA_LAZY : 0;
		assert_int_equal(iommu_dma_create(&config, &dma), 0);
		assert_true((f.machine.pages_in_use - pages) * PAGE <=
			    4 * PAGE + (1 + lazy) * (host_cpus + 31) / 32 * PAGE);
		assert_int_equal(iommu_dma_map(dma, &any, 1ULL << 33, PAGE, BOTH, &address), 0);
		assert_int_equal(iommu_dma_unmap(dma, address, PAGE), 0);
		assert_int_equal(iommu_dma_destroy(dma), 0);
		host_cpus = 4097;
		assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EINVAL);
	}
	f.machine.platform.cpu_count = NULL;
	f.machine.platform.cpu_id = NULL;
	end();
}

static void what_is_not_confirmed_is_withheld(void **state)
{
	iommu_iova_t address, other, shared_address, bounced;
	iommu_paddr_t memory;
	size_t pages;
	void *shared;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 4);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory + PAGE, PAGE, BOTH, &other), 0);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, PAGE, &shared, &shared_address), 0);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory + 2 * PAGE + 8, 8, BOTH, &bounced),
			 0);
	assert_true(reaches(address, memory));
	lend(shared_address, PAGE);
	lend(bounced, PAGE);
	assert_true(can(shared_address, IOMMU_PROT_READ));
	assert_true(can(bounced, IOMMU_PROT_READ));
	pages = f.machine.pages_in_use;

	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_free(f.dma, shared, shared_address, PAGE), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_unmap(f.dma, bounced, 8), IOMMU_ETIMEDOUT);
	assert_int_equal(stats().withheld, 3);
	assert_int_equal(iommu_dma_tick(f.dma), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_ETIMEDOUT);
	assert_int_equal(stats().withheld, 3);
	/* The device still reaches the pages, so they are still there for it. */
	assert_true(reaches(address, memory));
	assert_true(can(shared_address, IOMMU_PROT_READ));
	assert_true(can(bounced, IOMMU_PROT_READ));
	assert_true(f.machine.pages_in_use >= pages);

	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	/* The next one that is confirmed sets the others free, with what hangs on them. */
	take_back();
	assert_int_equal(iommu_dma_unmap(f.dma, other, PAGE), 0);
	assert_int_equal(stats().withheld, 0);
	assert_true(f.machine.pages_in_use <= pages - 2);
	assert_true(is_blocked(address));
	assert_true(is_blocked(shared_address));
	assert_true(is_blocked(bounced));
	end();
}

/*
 * An unmap that is not confirmed loses nothing that the device wrote, nor touches a buffer that was
 * never mapped.
 */
static void what_a_device_wrote_comes_back_in_the_end(void **state)
{
	const enum iommu_dma_direction directions[] = {IOMMU_DMA_FROM_DEVICE, BOTH,
						       IOMMU_DMA_TO_DEVICE};
	iommu_iova_t address;
	iommu_paddr_t memory;
	unsigned int i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < 3; i++) {
		memset(bytes(memory), 0x11, PAGE);
		assert_int_equal(
			iommu_dma_map(f.dma, &untrusted, memory + 8, 64, directions[i], &address),
			0);
		lend(address, 64);
		test_pattern(f.device->buffer, 64, i);
		if (directions[i] != IOMMU_DMA_TO_DEVICE)
			model_device_write(f.device, address, 64);
		iommu_model_vtd_misbehave(f.machine.units[0], &hang);
		assert_int_equal(iommu_dma_unmap(f.dma, address, 64), IOMMU_ETIMEDOUT);
		assert_int_equal(iommu_dma_tick(f.dma), IOMMU_ETIMEDOUT);
		assert_true(all_are(bytes(memory), PAGE, 0x11));
		iommu_model_vtd_misbehave(f.machine.units[0], &well);
		take_back();
		assert_int_equal(iommu_dma_tick(f.dma), 0);
		if (directions[i] != IOMMU_DMA_TO_DEVICE)
			assert_true(test_has_pattern(bytes(memory) + 8, 64, i));
		else
			assert_true(all_are(bytes(memory) + 8, 64, 0x11));
		assert_true(all_are(bytes(memory), 8, 0x11));
		assert_true(all_are(bytes(memory) + 72, PAGE - 72, 0x11));
	}
	end();
}

static void withheld_addresses_are_not_handed_out(void **state)
{
	static const struct iommu_dma_device narrow = {.mask = 0xffff};
	iommu_iova_t addresses[15];
	iommu_iova_t address;
	iommu_paddr_t memory;
	unsigned int i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < 15; i++)
		assert_int_equal(iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &addresses[i]),
				 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_unmap(f.dma, addresses[3], PAGE), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &address), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_unmap(f.dma, addresses[3], PAGE), IOMMU_ENOENT);
	f.mistakes++;
	assert_int_equal(stats().withheld, 1);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_int_equal(stats().withheld, 0);
	assert_int_equal(iommu_dma_map(f.dma, &narrow, memory, PAGE, BOTH, &address), 0);
	assert_int_equal(address, addresses[3]);
	for (i = 0; i < 15; i++)
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[i], PAGE), 0);
	end();
}

/*
 * In caching mode hardware must be told of new mappings: it may know them though we were told no.
 */
static void an_unconfirmed_mapping_is_withheld(void **state)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9,
							     .flags = IOMMU_MODEL_VTD_CACHING_MODE};
	const struct iommu_dma_device *devices[] = {&any, &untrusted};
	iommu_paddr_t memory;
	iommu_iova_t address;
	void *shared;
	unsigned int i;

	(void)state;
	begin_with(0, &config);
	memory = model_machine_take(&f.machine, 3);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	for (i = 0; i < 2; i++)
		assert_int_equal(
			iommu_dma_map(f.dma, devices[i], memory + 5, 2 * PAGE, BOTH, &address),
			IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, PAGE, &shared, &address), IOMMU_ETIMEDOUT);
	assert_int_equal(stats().withheld, 3);
	assert_int_equal(stats().bounced, 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	/* The buffers were never mapped: they are their owners', and nothing is copied to them. */
	memset(bytes(memory), 0x77, 3 * PAGE);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_true(all_are(bytes(memory), 3 * PAGE, 0x77));
	end();
}

static void nothing_is_begun_that_could_not_be_withheld(void **state)
{
	enum {
		COUNT = 80
	};
	const struct iommu_dma_stats full = {.withheld = 32};
	iommu_iova_t addresses[COUNT];
	iommu_iova_t address;
	iommu_paddr_t memory;
	void *shared;
	unsigned int i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &addresses[i]), 0);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, PAGE, &shared, &address), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[i], PAGE),
				 i < full.withheld ? IOMMU_ETIMEDOUT : IOMMU_EAGAIN);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, PAGE), IOMMU_EAGAIN);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), IOMMU_EAGAIN);
	assert_int_equal(stats().withheld, full.withheld);
	assert_int_equal(stats().lost, 0);
	/* What was not begun is as it was: nothing is lost. */
	for (i = full.withheld; i < COUNT; i++)
		assert_true(reaches(addresses[i], memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_unmap(f.dma, addresses[full.withheld], PAGE), 0);
	assert_int_equal(stats().withheld, 0);
	for (i = full.withheld + 1; i < COUNT; i++)
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[i], PAGE), 0);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, PAGE), 0);
	assert_true(is_blocked(addresses[0]));
	assert_true(is_blocked(addresses[COUNT - 1]));
	model_machine_give(&f.machine, memory, 1);
	end();
}

#define CROWD 70

static struct {
	iommu_iova_t addresses[CROWD];
	unsigned int depth;
} crowd;

static void unmap_one_more(void)
{
	const iommu_iova_t address = crowd.addresses[crowd.depth++];

	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), IOMMU_ETIMEDOUT);
}

/* Other CPUs' calls, which begin while this one waits. */
static void relax_in_a_crowd(void *ctx)
{
	(void)ctx;
	if (crowd.depth != 0 && crowd.depth < CROWD)
		unmap_one_more();
}

static void more_calls_at_once_than_there_is_room_lose_but_never_reuse(void **state)
{
	iommu_paddr_t memory;
	iommu_iova_t address;
	unsigned int i, j;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < CROWD; i++)
		assert_int_equal(
			iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &crowd.addresses[i]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	crowd.depth = 0;
	f.machine.platform.relax = relax_in_a_crowd;
	unmap_one_more();
	f.machine.platform.relax = NULL;
	assert_int_equal(crowd.depth, CROWD);
	assert_int_equal(stats().withheld, 64);
	assert_int_equal(stats().lost, CROWD - 64);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_int_equal(stats().withheld, 0);
	/* The last to end were the first that began: those found no room. */
	for (i = 0; i < 2 * CROWD; i++) {
		assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
		for (j = 0; j < CROWD - 64; j++)
			assert_true(address != crowd.addresses[j]);
		f.mistakes++; /* it is left mapped */
	}
	model_machine_give(&f.machine, memory, 1);
	end();
}

/* --- Scattered buffers ------------------------------------------------------------------------ */

/*
 * 300 bytes to the end of a page, two whole pages elsewhere, a beginning; then a page, and a piece
 * of one.
 */
static void scattered(struct iommu_dma_piece pieces[6], iommu_paddr_t memory)
{
	const struct iommu_dma_piece list[6] = {
		{.paddr = memory + PAGE - 300, .size = 300},
		{.paddr = memory + 4 * PAGE, .size = PAGE},
		{.paddr = memory + 5 * PAGE, .size = PAGE},
		{.paddr = memory + 9 * PAGE, .size = 100},
		{.paddr = memory + 11 * PAGE, .size = PAGE},
		{.paddr = memory + 13 * PAGE + 8, .size = 8},
	};

	memcpy(pieces, list, sizeof(list));
}

static void pieces_become_elements(void **state)
{
	struct iommu_dma_piece pieces[6];
	iommu_paddr_t memory;
	unsigned int elements, i;
	uint64_t before;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 16);
	scattered(pieces, memory);
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 6, BOTH, &elements), 0);
	assert_int_equal(elements, 3);
	assert_int_equal(pieces[0].length, 300 + 2 * PAGE + 100);
	assert_int_equal(pieces[1].length, PAGE);
	assert_int_equal(pieces[2].length, 8);
	assert_true(reaches(pieces[0].address, memory + PAGE - 300));
	assert_true(reaches(pieces[0].address + 300, memory + 4 * PAGE));
	assert_true(reaches(pieces[0].address + 300 + PAGE, memory + 5 * PAGE));
	assert_true(reaches(pieces[0].address + 300 + 2 * PAGE + 99, memory + 9 * PAGE + 99));
	assert_true(reaches(pieces[1].address, memory + 11 * PAGE));
	assert_true(reaches(pieces[2].address, memory + 13 * PAGE + 8));
	before = descriptors();
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 6), 0);
	assert_int_equal(descriptors() - before, 2); /* one invalidation and its wait */
	for (i = 0; i < 3; i++)
		assert_true(is_blocked(pieces[i].address));
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 6), IOMMU_ENOENT);
	f.mistakes++;
	end();
}

static void elements_keep_to_the_devices_limits(void **state)
{
	static const struct iommu_dma_device segments = {.max_segment = 2 * PAGE};
	static const struct iommu_dma_device bounded = {.boundary = 0x10000};
	struct iommu_dma_piece pieces[6];
	iommu_paddr_t memory;
	unsigned int elements;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 16);
	scattered(pieces, memory);
	assert_int_equal(iommu_dma_map_sg(f.dma, &segments, pieces, 6, BOTH, &elements), 0);
	assert_int_equal(elements, 4);
	assert_int_equal(pieces[0].length, 300 + PAGE);
	assert_int_equal(pieces[1].length, PAGE + 100);
	assert_true(reaches(pieces[1].address, memory + 5 * PAGE));
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 6), 0);
	pieces[1].size = 3 * PAGE;
	assert_int_equal(iommu_dma_map_sg(f.dma, &segments, pieces, 6, BOTH, &elements),
			 IOMMU_EINVAL);

	/*
	 * A boundary is not crossed: the second piece begins at one. Only what is larger is
	 * refused.
	 */
	pieces[0] = (struct iommu_dma_piece){.paddr = memory, .size = 8 * PAGE};
	pieces[1] = (struct iommu_dma_piece){.paddr = memory, .size = 16 * PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &bounded, pieces, 2, BOTH, &elements), 0);
	assert_int_equal(elements, 2);
	assert_int_equal(pieces[1].address % 0x10000, 0);
	assert_int_equal(pieces[1].address - pieces[0].address, 0x10000);
	assert_true(is_blocked(pieces[0].address + 8 * PAGE)); /* what was left out */
	assert_true(reaches(pieces[1].address, memory));
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 2), 0);
	assert_true(is_blocked(pieces[1].address + 15 * PAGE));
	pieces[1].size++;
	assert_int_equal(iommu_dma_map_sg(f.dma, &bounded, pieces, 2, BOTH, &elements),
			 IOMMU_EINVAL);
	pieces[1] = (struct iommu_dma_piece){.paddr = memory + 1, .size = 16 * PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &bounded, pieces, 2, BOTH, &elements),
			 IOMMU_EINVAL);
	pieces[1].paddr = memory;
	pieces[1].size = 8 * PAGE;
	pieces[2] = pieces[0];
	assert_int_equal(iommu_dma_map_sg(f.dma, &bounded, pieces, 3, BOTH, &elements), 0);
	assert_int_equal(elements, 2);
	assert_int_equal(pieces[0].length, 16 * PAGE);
	assert_int_equal(pieces[1].length, 8 * PAGE);
	assert_int_equal(pieces[1].address % 0x10000, 0);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 3), 0);
	end();
}

static void scattered_buffers_are_mapped_whole_or_not_at_all(void **state)
{
	static struct iommu_dma_piece many[4097];
	struct iommu_dma_piece pieces[6];
	iommu_paddr_t memory;
	unsigned int elements, i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 16);
	/* Sizes whose sum is more than there is, also when it wraps to a little. */
	for (i = 0; i < 4096; i++)
		many[i] = (struct iommu_dma_piece){.paddr = 0, .size = UINT64_MAX};
	many[4096] = (struct iommu_dma_piece){.paddr = memory, .size = PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, many, 4097, BOTH, &elements), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, many, 4097), IOMMU_ENOENT);
	f.mistakes++;
	for (i = 0; i < 6; i++)
		pieces[i] = (struct iommu_dma_piece){.paddr = 0, .size = UINT64_MAX};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 6, BOTH, &elements), IOMMU_ENOSPC);
	pieces[0].paddr = 1;
	pieces[0].size = UINT64_MAX;
	pieces[1].paddr = 2;
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 6, BOTH, &elements),
			 IOMMU_EOVERFLOW);
	/* One that wraps, of which nothing would be mapped, because it is copied. */
	pieces[0] = (struct iommu_dma_piece){.paddr = UINT64_MAX - 63, .size = 128};
	assert_int_equal(iommu_dma_map_sg(f.dma, &untrusted, pieces, 1, BOTH, &elements),
			 IOMMU_EOVERFLOW);
	/* One piece in the middle that no unit can address: the first is taken back. */
	scattered(pieces, memory);
	pieces[3].paddr = 1ULL << 51;
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 6, BOTH, &elements), IOMMU_ERANGE);
	assert_true(is_blocked(pieces[0].address));
	end();
}

/* Lists of whole pages have a way of their own: it refuses, and cuts, what the general one does. */
static void lists_of_whole_pages_are_lists_like_others(void **state)
{
	static const struct iommu_dma_device segments = {.max_segment = 2 * PAGE};
	static const struct iommu_dma_device no_page = {.mask = PAGE - 1};
	struct iommu_dma_piece pieces[3];
	iommu_iova_t address;
	iommu_paddr_t memory;
	unsigned int elements, i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 16);
	for (i = 0; i < 3; i++)
		pieces[i] = (struct iommu_dma_piece){.paddr = memory + 3 * i * PAGE, .size = PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &segments, pieces, 3, BOTH, &elements), 0);
	assert_int_equal(elements, 2);
	assert_int_equal(pieces[0].length, 2 * PAGE);
	assert_int_equal(pieces[1].length, PAGE);
	assert_true(reaches(pieces[1].address, memory + 6 * PAGE));
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 3), 0);
	/* Of the size of a page, but not where one begins. */
	pieces[0].paddr += 8;
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 1, BOTH, &elements), 0);
	assert_int_equal(pieces[0].address % PAGE, 8);
	assert_true(reaches(pieces[0].address + PAGE - 1, memory + PAGE + 7));
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 1), 0);
	pieces[0].paddr -= 8;
	/* What is wrong with a piece comes before what there is no room for. */
	assert_int_equal(iommu_dma_map_sg(f.dma, &no_page, pieces, 3, BOTH, &elements),
			 IOMMU_ENOSPC);
	pieces[1].size = 0;
	assert_int_equal(iommu_dma_map_sg(f.dma, &no_page, pieces, 3, BOTH, &elements),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 3, BOTH, &elements), IOMMU_EINVAL);
	/* A sum that wraps to one page, and a piece that wraps. */
	pieces[1].size = 1ULL << 63;
	pieces[2].size = 1ULL << 63;
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 3, BOTH, &elements), IOMMU_ENOSPC);
	pieces[1] = (struct iommu_dma_piece){.paddr = UINT64_MAX - (PAGE - 1), .size = 2 * PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 2, BOTH, &elements),
			 IOMMU_EOVERFLOW);
	/* A list that was not mapped says so when it is unmapped, whatever lies there by now. */
	pieces[1] = (struct iommu_dma_piece){.paddr = memory, .size = PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 2, BOTH, &elements), 0);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 2), 0);
	pieces[1].paddr = 1ULL << 51;
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 2, BOTH, &elements), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, 2 * PAGE, BOTH, &address), 0);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 2), IOMMU_ENOENT);
	f.mistakes++;
	assert_true(reaches(address, memory));
	assert_int_equal(iommu_dma_unmap(f.dma, address, 2 * PAGE), 0);
	end();
}

/*
 * One piece is moved to the boundary at which addresses end. The others would add up to 2^64 pages,
 * and one.
 */
static void lists_do_not_wrap_where_a_piece_is_moved(void **state)
{
	enum {
		COUNT = 8193
	};
	static const struct iommu_dma_device device = {.boundary = 1ULL << 63};
	static struct iommu_dma_piece pieces[COUNT];
	unsigned int elements, i;

	(void)state;
	begin();
	for (i = 0; i < COUNT; i++)
		pieces[i].size = 1ULL << 63;
	pieces[1].size -= PAGE;
	pieces[2].size = 2 * PAGE;
	pieces[COUNT - 1].size = PAGE;
	assert_int_equal(iommu_dma_map_sg(f.dma, &device, pieces, COUNT, BOTH, &elements),
			 IOMMU_ENOSPC);
	end();
}

/* More pieces than are handed on at once. */
static void long_lists_are_mapped_whole_or_not_at_all(void **state)
{
	enum {
		COUNT = 70
	};
	static struct iommu_dma_piece pieces[COUNT];
	iommu_paddr_t memory;
	unsigned int elements, i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, COUNT);
	for (i = 0; i < COUNT; i++) /* no two are neighbours */
		pieces[i] = (struct iommu_dma_piece){.paddr = memory + (i * 37 % COUNT) * PAGE,
						     .size = PAGE};
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, COUNT, BOTH, &elements), 0);
	assert_int_equal(elements, 1);
	assert_int_equal(pieces[0].length, COUNT * PAGE);
	for (i = 0; i < COUNT; i++)
		assert_true(reaches(pieces[0].address + i * PAGE, pieces[i].paddr));
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, COUNT), 0);
	for (i = 0; i < COUNT; i++)
		assert_true(is_blocked(pieces[0].address + i * PAGE));
	/* What cannot be addressed comes late: what came before is taken back. */
	pieces[COUNT - 1].paddr = 1ULL << 51;
	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, COUNT, BOTH, &elements),
			 IOMMU_ERANGE);
	for (i = 0; i < COUNT; i++)
		assert_true(is_blocked(pieces[0].address + i * PAGE));
	model_machine_give(&f.machine, memory, COUNT);
	end();
}

/* The device's limits, and what the list was before it was mapped. */
struct sg_case {
	struct iommu_dma_device device;
	struct iommu_dma_piece pieces[12], asked[12];
	unsigned int count, elements;
};

static struct sg_case random_list(struct test_random *random, iommu_paddr_t memory,
				  unsigned int pages)
{
	static const uint64_t boundaries[] = {0, 0x200, PAGE, 0x4000, 0x10000, 0x100000};
	static const uint64_t segments[] = {0, 0x10000, 0x20000};
	struct sg_case c = {.count = 1 + (unsigned int)test_random_below(random, 12)};
	unsigned int i;

	c.device.boundary = boundaries[test_random_below(random, 6)];
	c.device.max_segment = segments[test_random_below(random, 3)];
	for (i = 0; i < c.count; i++) {
		const uint64_t size = test_random_below(random, 2) != 0
					      ? 1ULL << test_random_below(random, 18)
					      : 1 + test_random_below(random, 3 * PAGE);
		uint64_t at = test_random_below(random, pages * PAGE - size + 1);

		/* Mostly aligned as a driver's are. */
		if (test_random_below(random, 4) != 0)
			at &= ~((size & (size - 1)) == 0 ? size - 1 : PAGE - 1);
		/* Whatever a list held before has no part in what it becomes. */
		c.pieces[i] = (struct iommu_dma_piece){
			.paddr = memory + at, .size = size, .length = 1 + i};
	}
	memcpy(c.asked, c.pieces, sizeof(c.asked));
	return c;
}

/* May the list be refused? Only for a piece that is too large, wherever it lies. */
static bool may_be_refused(const struct sg_case *c)
{
	const struct iommu_dma_device *device = &c->device;
	const uint64_t in_page = (device->boundary < PAGE ? device->boundary : PAGE) - 1;
	unsigned int i;

	for (i = 0; i < c->count; i++) {
		const struct iommu_dma_piece *piece = &c->asked[i];

		if ((device->max_segment != 0 && piece->size > device->max_segment) ||
		    (device->boundary != 0 &&
		     (piece->paddr & in_page) + piece->size > device->boundary))
			return true;
	}
	return false;
}

static bool fits(const struct iommu_dma_device *device, iommu_iova_t address, uint64_t length)
{
	return (device->max_segment == 0 || length <= device->max_segment) &&
	       (device->boundary == 0 ||
		address / device->boundary == (address + length - 1) / device->boundary);
}

/*
 * What the device gets holds the pieces, in order: each in the current element, or at the beginning
 * of the next, and then not for want of trying: it does not lie behind the one before it, or the
 * device's limits forbid it. Pages are left out only before a boundary that would be crossed.
 */
static void check_elements(const struct sg_case *c)
{
	const struct iommu_dma_device *device = &c->device;
	unsigned int element = 0, i;
	uint64_t used = 0;

	for (i = 0; i < c->count; i++) {
		const struct iommu_dma_piece *asked = &c->asked[i];
		const struct iommu_dma_piece *current = &c->pieces[element];
		iommu_iova_t at = current->address + used;

		if (i != 0 && used == current->length) {
			const iommu_iova_t page = (at + PAGE - 1) & ~(PAGE - 1);
			const iommu_iova_t beside = page + asked->paddr % PAGE;

			assert_true(++element < c->elements);
			current++;
			used = 0;
			if (fits(&(struct iommu_dma_device){.boundary = device->boundary}, beside,
				 asked->size))
				assert_int_equal(current->address, beside);
			else
				assert_true(current->address - beside < device->boundary);
			assert_false(current->address == at &&
				     fits(device, current[-1].address,
					  current[-1].length + asked->size));
			at = current->address;
		}
		assert_int_equal(at % PAGE, asked->paddr % PAGE);
		used += asked->size;
		assert_true(used <= current->length);
		assert_true(fits(device, current->address, current->length));
		assert_true(reaches(at, asked->paddr));
		assert_true(reaches(at + asked->size - 1, asked->paddr + asked->size - 1));
	}
	assert_int_equal(element + 1, c->elements);
	assert_int_equal(used, c->pieces[element].length);
	if (c->elements < c->count)
		assert_int_equal(c->pieces[c->elements].length, 0);
}

static void lists_of_any_kind_keep_to_the_devices_limits(void **state)
{
	enum {
		PAGES = 64
	};
	struct test_random random = {4711};
	struct iommu_iova_stats before, after;
	unsigned int mapped = 0, n, i;
	iommu_paddr_t memory;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, PAGES);
	iommu_iova_get_stats(iommu_domain_iova_space(f.host.domain), &before);
	for (n = 0; n < 2000; n++) {
		struct sg_case c = random_list(&random, memory, PAGES);
		int status =
			iommu_dma_map_sg(f.dma, &c.device, c.pieces, c.count, BOTH, &c.elements);

		assert_int_equal(status, may_be_refused(&c) ? IOMMU_EINVAL : 0);
		if (status != 0) {
			assert_int_equal(iommu_dma_unmap_sg(f.dma, c.pieces, c.count),
					 IOMMU_ENOENT);
			f.mistakes++;
			continue;
		}
		mapped++;
		check_elements(&c);
		assert_int_equal(iommu_dma_unmap_sg(f.dma, c.pieces, c.count), 0);
		for (i = 0; i < c.elements; i++) {
			assert_true(is_blocked(c.pieces[i].address));
			assert_true(is_blocked(c.pieces[i].address + c.pieces[i].length - 1));
		}
	}
	assert_true(mapped > 500);
	/* All addresses came back: what is not in caches is free. */
	iommu_iova_cache_drain(f.dma->cache);
	iommu_iova_get_stats(iommu_domain_iova_space(f.host.domain), &after);
	assert_int_equal(after.taken, before.taken);
	end();
}

/* --- Which addresses -------------------------------------------------------------------------- */

static uint64_t taken(void)
{
	struct iommu_iova_stats now;

	iommu_iova_get_stats(iommu_domain_iova_space(f.host.domain), &now);
	return now.taken;
}

static iommu_iova_t map_large(const struct iommu_dma_device *device, iommu_paddr_t paddr,
			      uint64_t size)
{
	iommu_iova_t address = 0;

	assert_int_equal(iommu_dma_map(f.dma, device, paddr, size, BOTH, &address), 0);
	return address;
}

static void large_buffers_take_just_their_pages(void **state)
{
	static const struct iommu_dma_device low = {.mask = UINT32_MAX};
	const uint64_t gib = 1ULL << 30, mib = 1ULL << 20;
	const iommu_paddr_t paddr = 1ULL << 33; /* mapped, never reached */
	iommu_iova_t address, others[3];
	uint64_t before;
	unsigned int i;

	(void)state;
	begin();
	before = taken();
	address = map_large(&low, paddr, gib + PAGE);
	assert_int_equal(taken() - before, gib / PAGE + 1);
	assert_int_equal(address % gib, 0); /* as the memory is: a large page maps it */
	assert_true(address + gib + PAGE <= 1ULL << 32);
	assert_int_equal(iommu_dma_unmap(f.dma, address, gib + PAGE), 0);
	/* 33 pages: the first size beyond the caches. */
	address = map_large(&low, paddr, 33 * PAGE);
	assert_int_equal(taken() - before, 33);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 33 * PAGE), 0);
	assert_int_equal(taken(), before);
	/* Three of 1,300 MiB in the 4,078 that are free in a row below the interrupt window. */
	for (i = 0; i < 3; i++)
		others[i] = map_large(&low, paddr + 2 * mib, 1300 * mib);
	assert_int_equal(others[0] % (2 * mib), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, others[1], 1300 * mib), 0);
	address = map_large(&low, paddr, 1300 * mib);
	assert_int_equal(address, others[1]);
	assert_int_equal(iommu_dma_map(f.dma, &low, paddr, 1300 * mib, BOTH, &others[1]),
			 IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 1300 * mib), 0);
	/* All but 1 MiB of it: the alignment to 2 MiB is given up, not the buffer. */
	assert_int_equal(iommu_dma_unmap(f.dma, others[0], 1300 * mib), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, others[2], 1300 * mib), 0);
	address = map_large(&low, paddr, 4077 * mib);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 4077 * mib), 0);
	/* Unmapped with another size the addresses are not given to others. */
	address = map_large(&low, paddr, 40 * PAGE);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 34 * PAGE), 0);
	f.mistakes++;
	assert_int_equal(taken() - before, 40);
	assert_int_equal(iommu_iova_free_at(iommu_domain_iova_space(f.host.domain), address / PAGE),
			 0);
	end();
}

/*
 * Alignment that the device asks for, of small buffers and large ones, and of windows; and its
 * boundary.
 */
static void addresses_are_aligned_as_the_device_asks(void **state)
{
	static const struct iommu_dma_device wide = {.alignment = 0x10000, .mask = UINT32_MAX};
	static const struct iommu_dma_device narrow = {.alignment = 8};
	static const struct iommu_dma_device odd = {.alignment = 3 * PAGE};
	static const struct iommu_dma_device bounded = {.boundary = 0x100000};
	static const uint64_t sizes[] = {1,         PAGE,      3 * PAGE,  16 * PAGE,
					 17 * PAGE, 33 * PAGE, 100 * PAGE};
	struct iommu_dma_window window, windows[8];
	iommu_iova_t address, addresses[8];
	unsigned int i, n;

	(void)state;
	begin();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (n = 0; n < 2; n++) {
			addresses[n] = map_large(&wide, (1ULL << 33) + 0x1123, sizes[i]);
			assert_int_equal(addresses[n] % 0x10000, 0x123);
		}
		for (n = 0; n < 2; n++)
			assert_int_equal(iommu_dma_unmap(f.dma, addresses[n], sizes[i]), 0);
	}
	address = map_large(&narrow, (1ULL << 33) + 0x1123, PAGE);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_int_equal(iommu_dma_map(f.dma, &odd, 1ULL << 33, PAGE, BOTH, &address),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_create(f.dma, &wide, 3, &window), 0);
	assert_int_equal(window.start % 0x10000, 0);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	/* Large ones, and windows, that fit do not cross the boundary; larger ones begin at it. */
	for (i = 0; i < 8; i++) {
		assert_int_equal(iommu_dma_window_create(f.dma, &bounded, 100, &windows[i]), 0);
		assert_true(windows[i].start % 0x100000 <= 156 * PAGE);
	}
	for (i = 0; i < 8; i++)
		assert_int_equal(iommu_dma_window_destroy(&windows[i]), 0);
	assert_int_equal(iommu_dma_window_create(f.dma, &bounded, 300, &window), 0);
	assert_int_equal(window.start % 0x100000, 0);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	for (i = 0; i < 8; i++) {
		addresses[i] =
			map_large(&bounded, (1ULL << 33) + PAGE, (i == 7 ? 300 : 100) * PAGE);
		if (i < 7)
			assert_true(addresses[i] % 0x100000 <= 156 * PAGE);
		else
			assert_int_equal(addresses[i] % 0x100000, 0);
	}
	for (i = 0; i < 8; i++)
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[i], (i == 7 ? 300 : 100) * PAGE),
				 0);
	end();
}

/* --- In two steps ----------------------------------------------------------------------------- */

/* A request of many pieces: reserved once, linked to the byte, told of once, taken back once. */
static void pieces_are_linked_and_told_of_at_once(void **state)
{
	static const struct iommu_model_vtd_config caching = {
		.address_mask = 9, .flags = IOMMU_MODEL_VTD_CACHING_MODE};
	enum {
		PIECES = 16
	};
	struct iommu_dma_window window;
	iommu_paddr_t memory[PIECES];
	uint64_t before, offset, total;
	unsigned int i;

	(void)state;
	begin_with(0, &caching);
	for (i = 0; i < PIECES; i++)
		memory[i] = model_machine_take(&f.machine, 1);
	/* From 100 on in the first page to 200 in the last. */
	total = PAGE - 100 + (PIECES - 2) * PAGE + 200;
	assert_int_equal(iommu_dma_window_reserve(f.dma, &any, memory[0] + 100, total, &window), 0);
	assert_int_equal(iommu_dma_window_address(&window, 0) % PAGE, 100);
	assert_true(is_blocked(iommu_dma_window_address(&window, 0)));
	before = descriptors();
	for (i = 0, offset = 0; i < PIECES; i++) {
		const uint64_t size = i == 0 ? PAGE - 100 : i == PIECES - 1 ? 200 : PAGE;

		assert_int_equal(iommu_dma_window_link(&window, offset,
						       memory[i] + (i == 0 ? 100 : 0), size, BOTH,
						       IOMMU_DMA_NO_WARN),
				 0);
		offset += size;
	}
	assert_int_equal(offset, total);
	assert_int_equal(descriptors(), before);
	assert_int_equal(iommu_dma_window_tell(&window, 0, total), 0);
	/* One invalidation, and the wait for it. */
	assert_true(descriptors() - before <= 4);
	for (i = 0; i < PIECES; i++)
		assert_true(reaches(window.start + i * PAGE + 150, memory[i] + 150));
	assert_true(is_blocked(window.start + PIECES * PAGE));
	/* The same bytes again, or beside their place, or part of a page between others. */
	assert_int_equal(iommu_dma_window_link(&window, 0, memory[0] + 100, 8, BOTH, 0),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_link(&window, 0, memory[0] + 100, PAGE - 100, BOTH, 0),
			 IOMMU_EEXIST);
	before = descriptors();
	assert_int_equal(iommu_dma_window_unlink(&window, PAGE - 100, 2 * PAGE), 0);
	assert_true(descriptors() - before <= 4);
	assert_true(is_blocked(window.start + PAGE));
	assert_true(is_blocked(window.start + 2 * PAGE));
	assert_true(reaches(window.start + 3 * PAGE, memory[3]));
	assert_int_equal(iommu_dma_window_link(&window, PAGE - 100, memory[0] + 8, PAGE, BOTH, 0),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_unlink(&window, PAGE - 99, PAGE - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_unlink(&window, PAGE - 100, PAGE - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_unlink(&window, 0, total + 1), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_link(&window, total, memory[0], 1, BOTH, 0),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_link(&window, UINT64_MAX, memory[0], 2, BOTH, 0),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_tell(&window, 1, total), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_tell(&window, 1, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_link(&window, PAGE - 100, memory[0], PAGE, BOTH,
					       IOMMU_DMA_PRIVILEGED),
			 IOMMU_EOPNOTSUPP);
	/* Told of while hardware does not answer: not reached, or not relied upon; and again. */
	assert_int_equal(iommu_dma_window_link(&window, PAGE - 100, memory[1], PAGE, BOTH, 0), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_window_tell(&window, 0, total), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_window_destroy(&window), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	assert_true(is_blocked(iommu_dma_window_address(&window, 0) + PAGE));

	/* Its addresses go back to where they are taken from. */
	for (i = 0; i < 100; i++) {
		assert_int_equal(
			iommu_dma_window_reserve(f.dma, &any, memory[0], 64 * PAGE, &window), 0);
		offset = i == 0 ? window.start : offset;
		assert_true(window.start == offset);
		assert_int_equal(iommu_dma_window_destroy(&window), 0);
	}
	/* Of an untrusted device whole pages only. */
	assert_int_equal(iommu_dma_window_reserve(f.dma, &untrusted, memory[0], PAGE + 8, &window),
			 0);
	assert_int_equal(iommu_dma_window_link(&window, 0, memory[0], PAGE, BOTH, 0), 0);
	assert_int_equal(iommu_dma_window_link(&window, PAGE, memory[1], 8, BOTH, 0),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	assert_int_equal(iommu_dma_window_reserve(f.dma, &any, 0, 0, &window), IOMMU_EINVAL);
	assert_int_equal(iommu_sync_map(f.host.domain, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_sync_map(f.host.domain, UINT64_MAX, 2), IOMMU_EOVERFLOW);
	assert_int_equal(iommu_sync_map(f.host.domain, 1ULL << 62, PAGE), IOMMU_ERANGE);
	end();
}

/* --- Untrusted devices ------------------------------------------------------------------------ */

static void an_untrusted_device_sees_only_its_buffer(void **state)
{
	static const struct {
		unsigned int offset, size;
	} cases[] = {{100, 64},          {0, 64},  {4000, 96}, {4000, 200}, {100, 4096},
		     {8, 4 * 4096 - 16}, {0, 5000}};
	iommu_paddr_t memory;
	iommu_iova_t address;
	unsigned int i;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 5);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned int offset = cases[i].offset;
		const unsigned int size = cases[i].size;
		const unsigned int last = (offset + size - 1) % 4096;
		unsigned char *own = f.device->buffer;
		size_t at;

		memset(bytes(memory), 0x5e, 5 * PAGE);
		test_pattern(bytes(memory + offset), size, i);
		assert_int_equal(
			iommu_dma_map(f.dma, &untrusted, memory + offset, size, BOTH, &address), 0);
		assert_int_equal(stats().bounced, 1);
		assert_int_equal(address % PAGE, offset);
		lend(address, size);

		/* It reads its buffer, and nothing of what lies beside it on the same pages. */
		for (at = 0; at < size; at += 64) {
			const size_t chunk = size - at < 64 ? size - at : 64;
			model_device_read(f.device, address + at, chunk);
			assert_memory_equal(own, bytes(memory + offset + at), chunk);
		}
		memset(own, 0, 4096);
		model_device_read(f.device, address - offset, offset);
		assert_true(all_are(own, offset, 0));
		model_device_read(f.device, address + size, 4095 - last);
		assert_true(all_are(own, 4095 - last, 0));

		/* It writes all it can; only the buffer changes, and only when it is unmapped. */
		memset(own, 0xaa, 4096);
		for (at = 0; at < offset + size + 4095 - last; at += 4096)
			model_device_write(f.device, address - offset + at, 4096);
		take_back();
		assert_int_equal(iommu_dma_unmap(f.dma, address, size), 0);
		assert_true(is_blocked(address));
		assert_true(all_are(bytes(memory), offset, 0x5e));
		assert_true(all_are(bytes(memory + offset), size, 0xaa));
		assert_true(all_are(bytes(memory + offset + size),
				    (size_t)(5 * PAGE) - offset - size, 0x5e));
		assert_int_equal(stats().bounced, 0);
	}
	/* Whole pages are not copied. */
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory, 2 * PAGE, BOTH, &address), 0);
	assert_int_equal(stats().bounced, 0);
	assert_true(reaches(address + PAGE, memory + PAGE));
	assert_int_equal(iommu_dma_unmap(f.dma, address, 2 * PAGE), 0);
	end();
}

static void a_bounced_buffer_is_no_list(void **state)
{
	struct iommu_dma_piece element = {.length = 64};
	iommu_paddr_t memory;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	memset(bytes(memory), 0x77, PAGE);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory + 256, 64, BOTH, &element.address),
			 0);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, &element, 1), IOMMU_ENOENT);
	f.mistakes++;
	lend(element.address, 64);
	model_device_read(f.device, element.address, 64);
	take_back();
	assert_true(all_are(f.device->buffer, 64, 0x77));
	assert_int_equal(iommu_dma_unmap(f.dma, element.address, 64), 0);
	end();
}

/* Of a list: each piece, and nothing of what lies beside it. */
/* Also what no page of would be mapped, because it is copied. */
static void memory_beyond_the_units_is_refused(void **state)
{
	struct iommu_domain_info info;
	struct iommu_dma_piece pieces[2];
	unsigned int elements;
	iommu_iova_t address;
	iommu_paddr_t beyond;

	(void)state;
	begin();
	iommu_domain_get_info(f.host.domain, &info);
	beyond = info.paddr_last + 1;
	pieces[0] = (struct iommu_dma_piece){.paddr = model_machine_take(&f.machine, 1), .size = 9};
	pieces[1] = (struct iommu_dma_piece){.paddr = beyond + 8, .size = 64};
	assert_int_equal(iommu_dma_map(f.dma, &any, beyond + 8, 64, BOTH, &address), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, beyond + 8, 64, BOTH, &address),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, beyond - 8, 64, BOTH, &address),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map_sg(f.dma, &untrusted, pieces, 2, BOTH, &elements),
			 IOMMU_ERANGE);
	end();
}

static void an_untrusted_device_sees_only_its_pieces(void **state)
{
	struct iommu_dma_piece pieces[5];
	unsigned char *own;
	unsigned int elements, i;
	iommu_paddr_t memory;

	(void)state;
	begin();
	own = f.device->buffer;
	memory = model_machine_take(&f.machine, 12);
	memset(bytes(memory), 0x5e, 12 * PAGE);
	pieces[0] = (struct iommu_dma_piece){.paddr = memory + 100, .size = 2 * PAGE - 100};
	pieces[1] = (struct iommu_dma_piece){.paddr = memory + 4 * PAGE, .size = PAGE};
	pieces[2] = (struct iommu_dma_piece){.paddr = memory + 6 * PAGE, .size = 50};
	pieces[3] = (struct iommu_dma_piece){.paddr = memory + 8 * PAGE, .size = 2 * PAGE};
	pieces[4] = (struct iommu_dma_piece){.paddr = memory + 11 * PAGE + 8, .size = 8};
	for (i = 0; i < 5; i++)
		memset(bytes(pieces[i].paddr), (int)i + 1, (size_t)pieces[i].size);
	assert_int_equal(iommu_dma_map_sg(f.dma, &untrusted, pieces, 5, BOTH, &elements), 0);
	assert_int_equal(elements, 3);
	assert_int_equal(stats().bounced, 3);
	assert_int_equal(pieces[0].length, 3 * PAGE - 50);
	lend(pieces[0].address, pieces[0].length);
	lend(pieces[1].address, pieces[1].length);
	lend(pieces[2].address, pieces[2].length);
	/* It reads what it is given, and no more. */
	model_device_read(f.device, pieces[0].address, 20);
	assert_true(all_are(own, 20, 1));
	model_device_read(f.device, pieces[0].address + 3 * PAGE - 100, 50);
	assert_true(all_are(own, 50, 3));
	memset(own, 0, 4096);
	model_device_read(f.device, pieces[0].address - 100, 100);
	assert_true(all_are(own, 100, 0));
	model_device_read(f.device, pieces[2].address + 8, 100);
	assert_true(all_are(own, 100, 0));
	assert_true(reaches(pieces[0].address + PAGE - 100, memory + PAGE));
	/* It writes all that it can. */
	memset(own, 0xaa, 4096);
	for (i = 0; i < 6; i++)
		model_device_write(f.device, pieces[0].address - 100 + i * PAGE, 4096);
	model_device_write(f.device, pieces[2].address - 8, 4096);
	take_back();
	/* A part of it is no buffer, nor is a shorter list that ends inside a piece. */
	assert_int_equal(iommu_dma_unmap(f.dma, pieces[0].address, pieces[0].size), IOMMU_ENOENT);
	f.mistakes++;
	assert_int_equal(stats().bounced, 3);
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 5), 0);
	assert_true(is_blocked(pieces[0].address) && is_blocked(pieces[2].address));
	for (i = 0; i < 5; i++)
		assert_true(all_are(bytes(pieces[i].paddr), (size_t)pieces[i].size, 0xaa));
	assert_true(all_are(bytes(memory), 100, 0x5e));
	assert_true(all_are(bytes(memory + 6 * PAGE + 50), PAGE - 50, 0x5e));
	assert_true(all_are(bytes(memory + 11 * PAGE), 8, 0x5e));
	assert_true(all_are(bytes(memory + 11 * PAGE + 16), PAGE - 16, 0x5e));
	end();
}

/* All pieces or none: on each failure, and when hardware does not confirm the end. */
static void bounced_lists_are_mapped_whole_or_not_at_all(void **state)
{
	unsigned int failures = 0;
	unsigned int n;

	(void)state;
	for (n = 1; n < 24; n++) {
		struct iommu_dma_piece pieces[3];
		int status;

		unsigned int elements;
		iommu_paddr_t memory;
		size_t pages;

		begin();
		memory = model_machine_take(&f.machine, 4);
		memset(bytes(memory), 1, 4 * PAGE);
		pieces[0] = (struct iommu_dma_piece){.paddr = memory + 1, .size = 2};
		pieces[1] = (struct iommu_dma_piece){.paddr = memory + PAGE, .size = PAGE};
		pieces[2] = (struct iommu_dma_piece){.paddr = memory + 2 * PAGE + 9, .size = PAGE};
		pages = f.machine.pages_in_use;
		f.machine.fail_at = f.machine.allocations + n;
		status = iommu_dma_map_sg(f.dma, &untrusted, pieces, 3, BOTH, &elements);
		f.machine.fail_at = 0;
		if (status != 0) {
			assert_int_equal(status, IOMMU_ENOMEM);
			failures++;
			assert_true(f.machine.pages_in_use <= pages + 8);
			assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 3), IOMMU_ENOENT);
			f.mistakes++;
			end();
			continue;
		}
		/* Not even one of the pages goes back before the unit has confirmed. */
		lend(pieces[0].address, 2);
		memset(f.device->buffer, 9, 2);
		model_device_write(f.device, pieces[0].address, 2);
		take_back();
		iommu_model_vtd_misbehave(f.machine.units[0], &hang);
		assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 3), IOMMU_ETIMEDOUT);
		assert_true(all_are(bytes(memory + 1), 2, 1));
		assert_int_equal(stats().withheld, 1);
		iommu_model_vtd_misbehave(f.machine.units[0], &well);
		assert_int_equal(iommu_dma_tick(f.dma), 0);
		assert_true(all_are(bytes(memory + 1), 2, 9));
		end();
	}
	/* A record's page, the pages that stand for its ends, and tables. */
	assert_true(failures >= 4);
}

static void bounced_bytes_go_the_way_of_the_direction(void **state)
{
	unsigned char *own;
	iommu_paddr_t memory;
	iommu_iova_t address;

	(void)state;
	begin();
	own = f.device->buffer;
	memory = model_machine_take(&f.machine, 1);
	/* What is only read does not come back, whatever is in the page. */
	memset(bytes(memory), 1, PAGE);
	assert_int_equal(
		iommu_dma_map(f.dma, &untrusted, memory + 16, 64, IOMMU_DMA_TO_DEVICE, &address),
		0);
	assert_false(can(address, IOMMU_PROT_WRITE));
	memset(bytes(memory), 2, PAGE);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	assert_true(all_are(bytes(memory), PAGE, 2));

	/* What it does not write stays as it was. */
	assert_int_equal(
		iommu_dma_map(f.dma, &untrusted, memory + 16, 64, IOMMU_DMA_FROM_DEVICE, &address),
		0);
	lend(address, 64);
	memset(own, 9, 8);
	model_device_write(f.device, address + 8, 8);
	take_back();
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	assert_true(all_are(bytes(memory + 16), 8, 2));
	assert_true(all_are(bytes(memory + 24), 8, 9));
	assert_true(all_are(bytes(memory + 32), 48, 2));
	end();
}

/* The driver says when bytes are copied: neither the map nor the unmap does it then. */
static void bounce_pages_are_left_to_the_driver(void **state)
{
	const unsigned int skip = IOMMU_DMA_SKIP_SYNC;
	unsigned char *own;
	iommu_paddr_t memory;
	iommu_iova_t address;

	(void)state;
	begin();
	own = f.device->buffer;
	memory = model_machine_take(&f.machine, 1);
	memset(bytes(memory), 1, PAGE);
	assert_int_equal(iommu_dma_map_with(f.dma, &untrusted, memory + 16, 64, IOMMU_DMA_TO_DEVICE,
					    skip, &address),
			 0);
	lend(address, 64);
	model_device_read(f.device, address, 64);
	assert_true(all_are(own, 64, 0));
	iommu_dma_sync_for_device(f.dma, address, 64);
	model_device_read(f.device, address, 64);
	assert_true(all_are(own, 64, 1));
	take_back();
	assert_int_equal(iommu_dma_unmap_with(f.dma, address, 64, skip), 0);

	/* Of what the device writes, what it leaves out is not lost at a plain unmap. */
	assert_int_equal(
		iommu_dma_map_with(f.dma, &untrusted, memory + 16, 64, BOTH, skip, &address), 0);
	lend(address, 64);
	memset(own, 9, 8);
	model_device_write(f.device, address + 8, 8);
	take_back();
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	assert_true(all_are(bytes(memory + 16), 8, 1));
	assert_true(all_are(bytes(memory + 24), 8, 9));
	assert_true(all_are(bytes(memory + 32), 48, 1));

	/* What was not taken before an unmap that skips is dropped. */
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory + 16, 64, BOTH, &address), 0);
	lend(address, 64);
	memset(own, 7, 64);
	model_device_write(f.device, address, 64);
	iommu_dma_sync_for_cpu(f.dma, address, 8);
	take_back();
	assert_int_equal(iommu_dma_unmap_with(f.dma, address, 64, skip), 0);
	assert_true(is_blocked(address));
	assert_true(all_are(bytes(memory + 16), 8, 7));
	assert_true(all_are(bytes(memory + 24), 8, 9));
	end();
}

/* What the tables cannot restrict is refused; what is only asked for is not. */
static void attributes_are_honoured_or_refused(void **state)
{
	const unsigned int hints = IOMMU_DMA_WEAK_ORDERING | IOMMU_DMA_NO_WARN;
	const unsigned int unknown = 1U << 31;
	struct iommu_dma_piece piece = {.size = PAGE};
	unsigned int elements;
	iommu_paddr_t memory;
	iommu_iova_t address;
	void *shared;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 2);
	piece.paddr = memory;
	assert_int_equal(iommu_dma_map_with(f.dma, &any, memory, PAGE, BOTH, unknown, &address),
			 IOMMU_EINVAL);
	/* A direction is none of the attributes, nor an attribute a direction. */
	assert_int_equal(iommu_dma_map_with(f.dma, &any, memory, PAGE, IOMMU_DMA_TO_DEVICE,
					    IOMMU_DMA_FROM_DEVICE, &address),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE,
				       (enum iommu_dma_direction)(BOTH | IOMMU_DMA_SKIP_SYNC),
				       &address),
			 IOMMU_EINVAL);
	assert_int_equal(
		iommu_dma_map_with(f.dma, &any, memory, PAGE, BOTH, IOMMU_DMA_PRIVILEGED, &address),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map_sg_with(f.dma, &any, &piece, 1, BOTH, unknown, &elements),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map_sg_with(f.dma, &any, &piece, 1, BOTH, IOMMU_DMA_PRIVILEGED,
					       &elements),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(
		iommu_dma_alloc_with(f.dma, &any, PAGE, IOMMU_DMA_PRIVILEGED, &shared, &address),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_alloc_with(f.dma, &any, PAGE, IOMMU_DMA_MMIO, &shared, &address),
			 IOMMU_EINVAL);
	assert_int_equal(
		iommu_dma_alloc_with(f.dma, &any, PAGE, IOMMU_DMA_SKIP_SYNC, &shared, &address),
		IOMMU_EINVAL);
	/* Registers are not copied. */
	assert_int_equal(iommu_dma_map_with(f.dma, &untrusted, memory + 8, 64, BOTH, IOMMU_DMA_MMIO,
					    &address),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map_with(f.dma, &untrusted, memory, PAGE, BOTH,
					    IOMMU_DMA_MMIO | hints, &address),
			 0);
	assert_true(reaches(address, memory));
	assert_int_equal(iommu_dma_unmap_with(f.dma, address, PAGE, unknown), IOMMU_EINVAL);
	assert_true(reaches(address, memory));
	assert_int_equal(iommu_dma_unmap_with(f.dma, address, PAGE, IOMMU_DMA_MMIO | hints), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_dma_map_sg_with(f.dma, &any, &piece, 1, BOTH, hints, &elements), 0);
	assert_true(reaches(piece.address, memory));
	assert_int_equal(iommu_dma_unmap_sg_with(f.dma, &piece, 1, unknown), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_unmap_sg_with(f.dma, &piece, 1, hints), 0);
	assert_int_equal(iommu_dma_alloc_with(f.dma, &any, PAGE, hints, &shared, &address), 0);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, PAGE), 0);
	end();
}

static void a_bounced_buffer_is_handed_over_in_parts(void **state)
{
	unsigned char *own;
	iommu_paddr_t memory;
	iommu_iova_t address, plain;

	(void)state;
	begin();
	own = f.device->buffer;
	memory = model_machine_take(&f.machine, 3);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory + 100, 5000, BOTH, &address), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory + 2 * PAGE, 100, BOTH, &plain), 0);
	lend(address, 5000);

	/* The device writes; the CPU takes a part. */
	memset(own, 7, 4096);
	model_device_write(f.device, address, 200);
	iommu_dma_sync_for_cpu(f.dma, address + 50, 100);
	assert_true(all_are(bytes(memory + 100), 50, 0));
	assert_true(all_are(bytes(memory + 150), 100, 7));
	assert_true(all_are(bytes(memory + 250), 50, 0));
	/* The CPU writes a part on each page; the device takes them. */
	memset(bytes(memory + 4090), 5, 20);
	iommu_dma_sync_for_device(f.dma, address + 3990, 20);
	model_device_read(f.device, address + 3990, 20);
	assert_true(all_are(own, 20, 5));
	/* More than the buffer, and what is no buffer: only what is there. */
	model_device_write(f.device, address + 4990, 10);
	iommu_dma_sync_for_cpu(f.dma, address + 4990, UINT64_MAX);
	assert_true(all_are(bytes(memory + 5100), 92, 0));
	iommu_dma_sync_for_cpu(f.dma, address - 1, 50);
	iommu_dma_sync_for_device(f.dma, plain, 100);
	assert_true(all_are(bytes(memory + 100), 50, 0));

	/* Unmapping something else than was mapped changes nothing. */
	assert_int_equal(stats().bounced, 1);
	assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_EBUSY);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 4999), IOMMU_ENOENT);
	f.mistakes = 3;
	assert_int_equal(stats().bounced, 1);
	take_back();
	assert_int_equal(iommu_dma_unmap(f.dma, address, 5000), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, plain, 100), 0);
	end();
}

static void many_bounced_buffers_are_told_apart(void **state)
{
	enum {
		COUNT = 200
	};
	struct test_random random = {.state = 5};
	iommu_iova_t addresses[COUNT];
	iommu_paddr_t memory;
	unsigned int i, j;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 4);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory + 16 * i, 16,
					       IOMMU_DMA_FROM_DEVICE, &addresses[i]),
				 0);
	for (i = 0; i < COUNT; i++) {
		lend(addresses[i], 16);
		memset(f.device->buffer, (int)i, 16);
		model_device_write(f.device, addresses[i], 16);
		take_back();
	}
	assert_int_equal(stats().bounced, COUNT);
	for (i = 0; i < COUNT; i++) {
		do
			j = (unsigned int)test_random_below(&random, COUNT);
		while (addresses[j] == 0);
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[j], 16), 0);
		assert_true(all_are(bytes(memory + 16 * j), 16, (unsigned char)j));
		addresses[j] = 0;
	}
	end();
}

/* --- Shared memory, windows, doorbells -------------------------------------------------------- */

static void memory_is_shared(void **state)
{
	static const struct iommu_dma_device low = {.mask = UINT32_MAX, .untrusted = true};
	iommu_iova_t address;
	void *shared;
	size_t pages;

	(void)state;
	begin();
	pages = f.machine.pages_in_use;
	assert_int_equal(iommu_dma_alloc(f.dma, &low, 3 * PAGE - 5, &shared, &address), 0);
	assert_int_equal((uintptr_t)shared % PAGE, 0);
	assert_int_equal(address % PAGE, 0);
	assert_true(address + 3 * PAGE <= 1ULL << 32);
	assert_true(all_are(shared, 3 * PAGE, 0));
	lend(address, 3 * PAGE);
	test_pattern(f.device->buffer, 100, 3);
	model_device_write(f.device, address + 2 * PAGE - 50, 100);
	assert_true(test_has_pattern((unsigned char *)shared + 2 * PAGE - 50, 100, 3));
	/* The fourth page of the block is not the device's. */
	assert_true(is_blocked(address + 3 * PAGE));
	take_back();
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 3 * PAGE - 5), 0);
	assert_true(is_blocked(address));
	assert_true(f.machine.pages_in_use <= pages + 4);
	end();
}

/* What the device writes the CPU sees, and the other way, on each page. */
static void check_shared(unsigned char *memory, iommu_iova_t address, uint64_t size)
{
	uint64_t at;

	assert_int_equal(address % PAGE, 0);
	assert_true(all_are(memory, (size_t)size, 0));
	lend(address, size);
	for (at = 0; at < size; at += PAGE) {
		test_pattern(f.device->buffer, 16, (unsigned int)(at / PAGE));
		model_device_write(f.device, address + at + 8, 16);
	}
	for (at = 0; at < size; at += PAGE)
		assert_true(test_has_pattern(memory + at + 8, 16, (unsigned int)(at / PAGE)));
	assert_true(is_blocked(address + ((size + PAGE - 1) & ~(PAGE - 1))));
	take_back();
}

/* One block, as long as the host has one. */
static void a_large_block_is_shared(void **state)
{
	iommu_iova_t address;
	uint64_t before;
	size_t pages;
	void *shared;

	(void)state;
	begin();
	pages = f.machine.pages_in_use;
	before = taken();
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 3 << 20, &shared, &address), 0);
	assert_int_equal(taken() - before, 768);
	assert_true(f.machine.pages_in_use >= pages + 1024);
	assert_true(f.machine.pages_in_use < pages + 1024 + 8); /* tables and a handle */
	check_shared(shared, address, 3 << 20);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 3 << 20), 0);
	assert_true(is_blocked(address));
	assert_int_equal(taken(), before);
	assert_true(f.machine.pages_in_use <= pages + 4);
	end();
}

static void memory_in_pieces_is_shared(void **state)
{
	static const uint64_t sizes[] = {3 * PAGE, 100 * PAGE + 1, 256 * PAGE, 511 * PAGE};
	unsigned int largest, i;

	(void)state;
	for (largest = 0; largest < 8; largest += 3) {
		begin();
		fragment_memory(largest, true);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			const uint64_t whole = (sizes[i] + PAGE - 1) & ~(PAGE - 1);
			const uint64_t before = taken();
			const bool one_block = whole <= PAGE << largest;
			size_t pages = f.machine.pages_in_use;
			iommu_iova_t address, inside;
			iommu_paddr_t paddr;
			void *shared;

			assert_int_equal(iommu_dma_alloc(f.dma, &any, sizes[i], &shared, &address),
					 0);
			assert_int_equal(host.mapped_size, one_block ? 0 : whole);
			check_shared(shared, address, whole);
			inside = address + PAGE;
			if (!one_block) {
				/* Only all of it is freed. */
				assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_EBUSY);
				assert_int_equal(iommu_dma_free(f.dma, shared, address, PAGE),
						 IOMMU_ENOENT);
				assert_int_equal(iommu_dma_free(f.dma, NULL, address, sizes[i]),
						 IOMMU_ENOENT);
				assert_int_equal(iommu_dma_free(f.dma, shared, inside, sizes[i]),
						 IOMMU_ENOENT);
				f.mistakes += 3;
				assert_int_equal(host.mapped, 1);
				assert_int_equal(iommu_iova_to_phys(f.host.domain, inside, &paddr),
						 0);
			}
			assert_int_equal(iommu_dma_free(f.dma, shared, address, sizes[i]), 0);
			assert_true(is_blocked(address) && is_blocked(inside));
			assert_int_equal(host.mapped, 0);
			iommu_iova_cache_drain(f.dma->cache);
			assert_int_equal(taken(), before);
			assert_true(f.machine.pages_in_use <= pages + 4);
		}
		end();
	}
}

/* A device's own buffer: pieces serve on every host. Where the CPU needs an address they do not. */
static void memory_that_the_cpu_never_sees(void **state)
{
	iommu_iova_t address = 0;
	uint64_t before;
	size_t pages;
	void *shared = NULL;

	(void)state;
	begin();
	fragment_memory(0, false);
	before = taken();
	pages = f.machine.pages_in_use;
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 2 * PAGE, &shared, &address), IOMMU_ENOMEM);
	assert_int_equal(f.machine.pages_in_use, pages);
	assert_int_equal(taken(), before);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 300 * PAGE, NULL, &address), 0);
	lend(address, 300 * PAGE);
	test_pattern(f.device->buffer, 100, 3);
	model_device_write(f.device, address + 200 * PAGE - 50, 100);
	memset(f.device->buffer, 0, 100);
	model_device_read(f.device, address + 200 * PAGE - 50, 100);
	assert_true(test_has_pattern(f.device->buffer, 100, 3));
	take_back();
	assert_int_equal(iommu_dma_free(f.dma, NULL, address, 300 * PAGE), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_dma_free(f.dma, NULL, address, 300 * PAGE), IOMMU_ENOENT);
	f.mistakes++;
	assert_int_equal(taken(), before);
	/* A single page, too. */
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 1, NULL, &address), 0);
	assert_int_equal(iommu_dma_free(f.dma, NULL, address, 1), 0);
	end();
}

/* Whatever fails on the way, nothing stays behind. */
static void pieces_are_shared_whole_or_not_at_all(void **state)
{
	int status = IOMMU_ENOMEM;
	iommu_iova_t address;
	uint64_t before, n;
	size_t pages;
	void *shared;

	(void)state;
	begin();
	fragment_memory(2, true);
	/* Handles and tables that stay are there already. */
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 40 * PAGE, &shared, &address), 0);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), 0);
	before = taken();
	pages = f.machine.pages_in_use;
	host.refuses_to_map = true;
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 40 * PAGE, &shared, &address), IOMMU_ENOMEM);
	host.refuses_to_map = false;
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		assert_true(f.machine.pages_in_use <= pages + 2);
		assert_int_equal(taken(), before);
		assert_int_equal(host.mapped, 0);
		/* This one, and all that are asked for in its place. */
		f.machine.fail_at = f.machine.allocations + n;
		host.largest = n % 2 != 0 ? 0 : 2;
		status = iommu_dma_alloc(f.dma, &any, 40 * PAGE, &shared, &address);
		f.machine.fail_at = 0;
		if (status == 0 && n < 20) {
			/* A smaller piece did in its place. */
			check_shared(shared, address, 40 * PAGE);
			assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), 0);
			status = IOMMU_ENOMEM;
		}
	}
	assert_int_equal(status, 0);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), 0);
	/* A mask that nothing fits below. */
	assert_int_equal(iommu_dma_alloc(f.dma, &(struct iommu_dma_device){.mask = 0xffff},
					 40 * PAGE, &shared, &address),
			 IOMMU_ENOSPC);
	assert_int_equal(taken(), before);
	assert_int_equal(host.mapped, 0);
	end();
}

/* What is not confirmed: the CPU lets go at once, the pages stay until the device has. */
static void unconfirmed_pieces_are_kept(void **state)
{
	iommu_iova_t address, mapped[32];
	iommu_paddr_t memory;
	size_t pages;
	void *shared;
	unsigned int i;

	(void)state;
	begin();
	fragment_memory(0, true);
	memory = model_machine_take(&f.machine, 32);
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 40 * PAGE, &shared, &address), 0);
	lend(address, 40 * PAGE);
	assert_true(can(address + 39 * PAGE, IOMMU_PROT_READ)); /* it is in the unit's cache */
	pages = f.machine.pages_in_use;
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), IOMMU_ETIMEDOUT);
	assert_int_equal(host.mapped, 0);
	assert_int_equal(stats().withheld, 1);
	/* But for the page of notes that one which watches the callers has given back. */
	assert_true(f.machine.pages_in_use >= pages - (iommu_dma_debug_is_on(f.dma) ? 1 : 0));
	assert_true(can(address + 39 * PAGE, IOMMU_PROT_READ)); /* as long as it is there */
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), IOMMU_ENOENT);
	f.mistakes++;
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	take_back();
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_true(f.machine.pages_in_use <= pages - 40);
	assert_true(is_blocked(address + 39 * PAGE));
	/* So much waits that none is begun: it is as it was. */
	assert_int_equal(iommu_dma_alloc(f.dma, &any, 40 * PAGE, &shared, &address), 0);
	for (i = 0; i < 32; i++)
		assert_int_equal(
			iommu_dma_map(f.dma, &any, memory + i * PAGE, PAGE, BOTH, &mapped[i]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	for (i = 0; i < 32; i++)
		assert_int_equal(iommu_dma_unmap(f.dma, mapped[i], PAGE), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), IOMMU_EAGAIN);
	assert_int_equal(host.mapped, 1);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	check_shared(shared, address, 40 * PAGE);
	assert_int_equal(iommu_dma_free(f.dma, shared, address, 40 * PAGE), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	end();
}

/*
 * A tick, and the end, know also of what is withheld nowhere: a part of a window stays the
 * window's.
 */
static void a_tick_asks_for_windows_too(void **state)
{
	struct iommu_dma_window window;
	iommu_paddr_t memory;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_dma_window_create(f.dma, &any, 4, &window), 0);
	assert_int_equal(iommu_dma_window_map(&window, 1, memory, 1, BOTH), 0);
	assert_true(reaches(window.start + PAGE, memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_window_unmap(&window, 1, 1), IOMMU_ETIMEDOUT);
	assert_int_equal(stats().withheld, 0);
	assert_int_equal(iommu_dma_tick(f.dma), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_ETIMEDOUT);
	assert_true(reaches(window.start + PAGE, memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_true(is_blocked(window.start + PAGE));
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	end();
}

static void a_window_is_unmapped_at_once(void **state)
{
	static const struct iommu_dma_device narrow = {.mask = 0xfffff};
	struct iommu_dma_window window, other;
	iommu_paddr_t memory;
	uint64_t i, before;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 64);
	assert_int_equal(iommu_dma_window_create(f.dma, &narrow, 256, &window), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_window_create(f.dma, &narrow, 64, &window), 0);
	assert_true(window.start + 64 * PAGE <= 0x100000);
	/* Each second page, the other way round. */
	for (i = 0; i < 64; i += 2)
		assert_int_equal(
			iommu_dma_window_map(&window, i, memory + (63 - i) * PAGE, 1, BOTH), 0);
	for (i = 0; i < 64; i++) {
		if (i % 2 == 0)
			assert_true(reaches(window.start + i * PAGE, memory + (63 - i) * PAGE));
		else
			assert_true(is_blocked(window.start + i * PAGE));
	}
	assert_int_equal(iommu_dma_window_map(&window, 2, memory, 1, BOTH), IOMMU_EEXIST);
	assert_int_equal(iommu_dma_window_map(&window, 64, memory, 1, BOTH), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_map(&window, 63, memory, 2, BOTH), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_map(&window, 1, memory, UINT64_MAX, BOTH), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_unmap(&window, 60, 5), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_window_create(f.dma, &any, 64, &other), 0);
	assert_true(other.start != window.start);

	before = descriptors();
	assert_int_equal(iommu_dma_window_unmap(&window, 0, 62), 0);
	assert_int_equal(descriptors() - before, 2);
	for (i = 0; i < 62; i++)
		assert_true(is_blocked(window.start + i * PAGE));
	assert_true(reaches(window.start + 62 * PAGE, memory + PAGE));

	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	assert_null(window.dma);
	assert_int_equal(iommu_dma_window_destroy(&other), 0);
	end();
}

static void an_unconfirmed_window_stays(void **state)
{
	struct iommu_dma_window window;
	iommu_paddr_t memory;
	iommu_iova_t address;
	uint64_t page;

	(void)state;
	begin();
	memory = model_machine_take(&f.machine, 1);
	/* It covers a table whole, which an unmap drops: nothing is left there to be unmapped. */
	assert_int_equal(iommu_dma_window_create(f.dma, &any, 1024, &window), 0);
	page = 512 - (window.start / PAGE) % 512;
	address = window.start + page * PAGE;
	assert_int_equal(iommu_dma_window_map(&window, page, memory, 1, BOTH), 0);
	assert_true(reaches(address, memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_window_destroy(&window), IOMMU_ETIMEDOUT);
	/* There is still something to confirm. */
	assert_int_equal(iommu_dma_window_destroy(&window), IOMMU_ETIMEDOUT);
	assert_true(reaches(address, memory));
	assert_non_null(iommu_iova_find(iommu_domain_iova_space(f.host.domain), address / PAGE));
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	assert_true(is_blocked(address));
	end();
}

static void doorbells_are_mapped_once(void **state)
{
	iommu_iova_t address, again, first = 0;
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < IOMMU_DMA_MSI_PAGES; i++) {
		const iommu_paddr_t doorbell = 0x8020000 + i * PAGE + 0x40;
		iommu_paddr_t to = 0;

		assert_int_equal(iommu_dma_map_msi(f.dma, doorbell, &address), 0);
		assert_int_equal(address % PAGE, 0x40);
		assert_int_equal(iommu_dma_map_msi(f.dma, doorbell + 4, &again), 0);
		assert_int_equal(again, address + 4);
		assert_false(can(address, IOMMU_PROT_READ));
		assert_int_equal(model_device_access(f.device, address, IOMMU_PROT_WRITE, &to), 0);
		assert_int_equal(to, doorbell);
		if (i == 0)
			first = address;
	}
	assert_int_equal(iommu_dma_map_msi(f.dma, 0x9000000, &address), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_map_msi(f.dma, 0x8020040, &address), 0);
	assert_int_equal(address, first);
	end();
}

/* --- Lazy mode -------------------------------------------------------------------------------- */

static void lazily_unmapped_addresses_wait_for_the_flush(void **state)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	iommu_iova_t address, next, shared_address;
	iommu_paddr_t memory;
	uint64_t before;
	void *shared;
	unsigned int i;

	(void)state;
	begin_with(IOMMU_DMA_LAZY, &config);
	memory = model_machine_take(&f.machine, 2);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory, PAGE, BOTH, &address),
			 IOMMU_EOPNOTSUPP);
	/* Without memory for a queue at once. */
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, memory));
	f.machine.fail_every = 1;
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	f.machine.fail_every = 0;
	assert_true(is_blocked(address));

	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, memory));
	before = descriptors();
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), IOMMU_ENOENT);
	f.mistakes++;
	for (i = 0; i < 100; i++) {
		assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &next), 0);
		assert_true(next != address);
		assert_int_equal(iommu_dma_unmap(f.dma, next, PAGE), 0);
	}
	assert_int_equal(descriptors(), before);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_int_equal(descriptors(), before);
	f.machine.clock_ns += 1000000000;
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_true(descriptors() > before);
	assert_true(is_blocked(address));

	/* Memory that goes back to the host does not wait. */
	assert_int_equal(iommu_dma_alloc(f.dma, &any, PAGE, &shared, &shared_address), 0);
	lend(shared_address, PAGE);
	assert_true(can(shared_address, IOMMU_PROT_READ));
	take_back();
	assert_int_equal(iommu_dma_free(f.dma, shared, shared_address, PAGE), 0);
	assert_true(is_blocked(shared_address));
	end();
}

/* Tables that an unmap has emptied wait for the flush with its addresses. */
static void lazily_freed_tables_wait_for_the_flush(void **state)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	const uint64_t size = 1024 * PAGE; /* a table at least is all of it */
	size_t with_tables, unmapped;
	iommu_iova_t address;
	iommu_paddr_t memory;

	(void)state;
	begin_with(IOMMU_DMA_LAZY, &config);
	memory = model_machine_take(&f.machine, 1026);
	/* No page of 2 MiB fits. */
	memory += (memory & (IOMMU_SIZE_2M - 1)) == 0 ? PAGE : 0;
	/* The queue itself is made by the first unmap. */
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, size, BOTH, &address), 0);
	assert_true(reaches(address + size - PAGE, memory + size - PAGE));
	with_tables = f.machine.pages_in_use;
	assert_int_equal(iommu_dma_unmap(f.dma, address, size), 0);
	unmapped = f.machine.pages_in_use;
	f.machine.clock_ns += 1000000000;
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_true(is_blocked(address));
	assert_true(f.machine.pages_in_use < with_tables);
	assert_true(f.machine.pages_in_use < unmapped);
	end();
}

static uint64_t free_granules(void)
{
	struct iommu_iova_stats now;

	iommu_iova_get_stats(iommu_domain_iova_space(f.host.domain), &now);
	return now.free;
}

/* The queue is full of what hardware does not confirm: what finds no place there is withheld. */
static void a_full_queue_loses_no_address(void **state)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	enum {
		COUNT = 400
	};
	iommu_iova_t addresses[COUNT];
	struct iommu_dma_config again = {.flags = IOMMU_DMA_LAZY};
	iommu_paddr_t memory;
	unsigned int refused = 0;
	uint64_t before;
	unsigned int i;
	int status;

	(void)state;
	begin_with(IOMMU_DMA_LAZY, &config);
	before = free_granules();
	memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &addresses[i]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	for (i = 0; i < COUNT; i++) {
		status = iommu_dma_unmap(f.dma, addresses[i], PAGE);
		if (status == IOMMU_EAGAIN)
			addresses[refused++] = addresses[i];
		else
			assert_true(status == 0 || status == IOMMU_ETIMEDOUT);
	}
	assert_true(refused != 0);
	assert_int_equal(stats().withheld, 32);
	assert_int_equal(stats().lost, 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	for (i = 0; i < refused; i++)
		assert_int_equal(iommu_dma_unmap(f.dma, addresses[i], PAGE), 0);
	/* All of it is back where it came from. */
	assert_int_equal(iommu_dma_destroy(f.dma), 0);
	assert_int_equal(free_granules(), before);
	again.domain = f.host.domain;
	assert_int_equal(iommu_dma_create(&again, &f.dma), 0);
	model_machine_give(&f.machine, memory, 1);
	end();
}

/* --- Everything ------------------------------------------------------------------------------- */

#define SLOTS 64

struct slot {
	bool used, bounced;
	iommu_iova_t address;
	iommu_paddr_t paddr;
	uint64_t size;
};

static void random_map(struct test_random *random, struct slot *slot, iommu_paddr_t memory,
		       bool may_bounce)
{
	const bool bounce = may_bounce && test_random_below(random, 4) == 0;
	int status;

	slot->size =
		1 + test_random_below(random, test_random_below(random, 8) == 0 ? 60000 : 6000);
	slot->paddr = memory + test_random_below(random, 64 * PAGE - slot->size);
	if (test_random_below(random, 8) == 0)
		f.machine.fail_at = f.machine.allocations + 1 + test_random_below(random, 4);
	status = iommu_dma_map(f.dma, bounce ? &untrusted : &any, slot->paddr, slot->size, BOTH,
			       &slot->address);
	f.machine.fail_at = 0;
	assert_true(status == 0 || status == IOMMU_ENOMEM);
	slot->used = status == 0;
	slot->bounced = bounce;
}

/* Any byte of the buffer, as the device sees it now. */
static void check_slot(struct test_random *random, const struct slot *slot)
{
	iommu_paddr_t paddr = 0;
	uint64_t at;

	if (!slot->used || slot->bounced)
		return;
	at = test_random_below(random, slot->size);
	assert_int_equal(model_device_access(f.device, slot->address + at, IOMMU_PROT_READ, &paddr),
			 0);
	assert_int_equal(paddr, slot->paddr + at);
}

static void anything_in_any_order(void **state)
{
	static const struct iommu_model_vtd_config configs[] = {
		{.address_mask = 9},
		{.address_mask = 9, .flags = IOMMU_MODEL_VTD_CACHING_MODE},
		{.flags = IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_NO_PAGES, .forget_seed = 3},
	};
	const uint64_t steps = test_setting("IOMMU_TEST_OPERATIONS", 20000);
	static struct slot slots[SLOTS];
	unsigned int c;

	(void)state;
	for (c = 0; c < 6; c++) {
		struct test_random random = {.state = 77 + c};
		const bool lazy = c >= 3;
		iommu_paddr_t memory;
		uint64_t step;

		begin_with(lazy ? IOMMU_DMA_LAZY : 0, &configs[c % 3]);
		memory = model_machine_take(&f.machine, 64);
		memset(slots, 0, sizeof(slots));
		for (step = 0; step < steps / 6; step++) {
			struct slot *slot = &slots[test_random_below(&random, SLOTS)];

			check_slot(&random, &slots[test_random_below(&random, SLOTS)]);
			if (!slot->used) {
				random_map(&random, slot, memory, !lazy);
				continue;
			}
			assert_int_equal(iommu_dma_unmap(f.dma, slot->address, slot->size), 0);
			slot->used = false;
			if (!lazy)
				assert_true(is_blocked(slot->address));
			f.machine.clock_ns += 10000;
			assert_int_equal(iommu_dma_tick(f.dma), 0);
		}
		for (step = 0; step < SLOTS; step++) {
			if (slots[step].used)
				assert_int_equal(iommu_dma_unmap(f.dma, slots[step].address,
								 slots[step].size),
						 0);
		}
		end();
	}
}

/* --- The shortest way of a page --------------------------------------------------------------- */

static const struct iommu_model_vtd_config selective = {.address_mask = 9};

/* Of the CPU's cache, so that the next map finds it there. */
static iommu_iova_t cached_page(iommu_paddr_t memory)
{
	iommu_iova_t address;

	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	return address;
}

static void a_page_takes_the_address_that_was_freed_last(void **state)
{
	static const struct iommu_dma_device low = {.mask = 0xffffff};
	static const struct iommu_dma_device senseless[] = {
		{.mask = 0xfff0}, {.boundary = 0x3000}, {.alignment = 0x3000}};
	iommu_paddr_t memory;
	iommu_iova_t cached, address;
	unsigned int i;

	(void)state;
	begin_shortest(0, &selective, NULL);
	memory = model_machine_take(&f.machine, 1);
	cached = cached_page(memory);
	/* What makes no sense is refused with an address at hand, too. */
	for (i = 0; i < 3; i++)
		assert_int_equal(iommu_dma_map(f.dma, &senseless[i], memory, PAGE, BOTH, &address),
				 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, 0, &address), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, 4, &address), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, 0, BOTH, &address), IOMMU_EINVAL);
	/* A device that does not reach it gets another one. */
	assert_true(cached > low.mask);
	assert_int_equal(iommu_dma_map(f.dma, &low, memory, PAGE, BOTH, &address), 0);
	assert_true(address + PAGE - 1 <= low.mask);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	/* One that must see nothing else, too, sees its bytes alone. */
	memset(bytes(memory), 0xee, PAGE);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, memory, 64, BOTH, &address), 0);
	lend(address, 64);
	assert_false(reaches(address, memory));
	take_back();
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	end();
}

/* What could not be mapped gives its address back: the space does not run out. */
static void a_page_that_is_not_mapped_keeps_no_address(void **state)
{
	const iommu_paddr_t beyond = 1ULL << 50;
	iommu_paddr_t memory;
	iommu_iova_t cached, address;
	unsigned int i;

	(void)state;
	begin_shortest(0, &selective, NULL);
	memory = model_machine_take(&f.machine, 1);
	cached = cached_page(memory);
	for (i = 0; i < 20; i++)
		assert_int_equal(iommu_dma_map(f.dma, &any, beyond, PAGE, BOTH, &address),
				 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_int_equal(address, cached);
	assert_true(reaches(address, memory));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_true(is_blocked(address));
	end();
}

/* Addresses that were cached before lie beyond what the domain has then. */
static void a_narrower_unit_joins_while_addresses_are_cached(void **state)
{
	static const struct iommu_model_vtd_config narrow = {.address_mask = 9,
							     .address_width = 39};
	const struct iommu_endpoint_info info = {.source_id = 0x30, .physical_function = 0x30};
	struct iommu_endpoint *joiner;
	iommu_paddr_t memory;
	iommu_iova_t address;

	(void)state;
	begin_shortest(IOMMU_DMA_WIDE_FIRST, &selective, &narrow);
	memory = model_machine_take(&f.machine, 1);
	assert_true(cached_page(memory) >> 39 != 0);
	assert_int_equal(iommu_probe_endpoint(f.host.iommu, &info, &joiner), 0);
	assert_int_equal(iommu_domain_attach_group(f.host.domain, iommu_endpoint_group(joiner)), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_true(address >> 39 == 0);
	assert_true(reaches(address, memory));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(joiner)), 0);
	assert_int_equal(iommu_release_endpoint(joiner), 0);
	end();
}

/* --- Through default domains ------------------------------------------------------------------ */

static int tell(enum iommu_bus_event_type type, const struct iommu_endpoint_info *info)
{
	const struct iommu_bus_event event = {
		.type = type, .info = info, .segment = info->segment, .source_id = info->source_id};

	return iommu_report_bus_event(f.host.iommu, &event);
}

/* A host that only starts back ends and tells of devices. */
static void begin_by_bus(unsigned int start_flags, const struct iommu_endpoint_info *info)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9,
							     .flags = IOMMU_MODEL_VTD_PASS_THROUGH};
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	static struct iommu_vtd_backend backend;

	memset(&f, 0, sizeof(f));
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	model_machine_add_unit(&f.machine, &config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
	model_machine_make_dmar(&f.machine);
	assert_int_equal(iommu_create(&f.machine.platform, &f.host.iommu), 0);
	iommu_vtd_backend_init(&backend, f.machine.dmar, f.machine.dmar_size, &options);
	assert_int_equal(iommu_register_backend(f.host.iommu, &backend.base), 0);
	assert_int_equal(tell(IOMMU_BUS_ADDED, info), 0);
	assert_int_equal(iommu_waiting(f.host.iommu), 1);
	assert_int_equal(iommu_start(f.host.iommu, start_flags | IOMMU_START_REQUIRED), 0);
	assert_int_equal(iommu_waiting(f.host.iommu), 0);
	assert_int_equal(iommu_start_late(f.host.iommu), 0);
	assert_string_equal(iommu_unit_backend(iommu_find_unit(f.host.iommu, "dmar0")), "vtd");
	assert_int_equal(tell(IOMMU_BUS_BINDING, info), 0);
	f.host.endpoint = iommu_find_endpoint(f.host.iommu, info->segment, info->source_id);
	f.host.domain = iommu_group_default_domain(iommu_endpoint_group(f.host.endpoint));
}

static void end_by_bus(const struct iommu_endpoint_info *info)
{
	assert_int_equal(tell(IOMMU_BUS_UNBOUND, info), 0);
	assert_int_equal(tell(IOMMU_BUS_REMOVED, info), 0);
	assert_int_equal(iommu_destroy(f.host.iommu), 0);
	model_machine_destroy(&f.machine);
}

/* --- Peers ------------------------------------------------------------------------------------ */

/* A switch with a device below each of its ports, and a device below another root port. */
static struct iommu_pci_function peers[] = {
	{.bus = 0, .devfn = 0x08, .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	{.bus = 1, .devfn = 0x00, .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	{.bus = 2, .devfn = 0x00, .type = IOMMU_PCI_DOWNSTREAM_PORT, .secondary_bus = 3},
	{.bus = 2, .devfn = 0x08, .type = IOMMU_PCI_DOWNSTREAM_PORT, .secondary_bus = 4},
	{.bus = 3, .devfn = 0x00},
	{.bus = 4, .devfn = 0x00},
	{.bus = 0, .devfn = 0x10, .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 5},
	{.bus = 5, .devfn = 0x00},
};

static struct iommu_endpoint *peer_at(unsigned int bus, bool suspect)
{
	struct iommu_endpoint_info info = {.source_id = (uint16_t)(bus << 8),
					   .path_length = bus == 5 ? 2 : 4,
					   .untrusted = suspect};
	struct iommu_endpoint *endpoint = NULL;

	info.path[0].device = bus == 5 ? 2 : 1;
	info.path[2].device = bus == 4 ? 1 : 0;
	assert_int_equal(iommu_probe_endpoint(f.host.iommu, &info, &endpoint), 0);
	return endpoint;
}

static int find_peer(struct iommu_endpoint *client, struct iommu_endpoint *provider,
		     unsigned int flags, struct iommu_dma_peer *peer)
{
	return iommu_dma_peer_init(peer, client, provider, 0x100000000, flags);
}

/* By a bus address where nothing translates it, by a mapping where requests reach the unit. */
static void peers_find_each_other(void **state)
{
	static const struct iommu_pci_topology topology = {peers, 8};
	static const struct iommu_dma_device narrow = {.mask = UINT32_MAX};
	static const struct iommu_dma_device fenced = {.boundary = 0x10000};
	const iommu_paddr_t registers = 0x80000000;
	struct iommu_endpoint *one, *other, *far, *suspect;
	struct iommu_dma_peer peer;
	iommu_iova_t address = 0;

	(void)state;
	begin();
	/* Nothing is known, or one is not where anything is known of. */
	assert_int_equal(find_peer(f.host.endpoint, f.host.endpoint, 0, &peer), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_release_endpoint(f.host.endpoint), IOMMU_EBUSY);
	assert_int_equal(iommu_set_pci_topology(f.host.iommu, &topology), 0);
	one = peer_at(3, false);
	other = peer_at(4, false);
	far = peer_at(5, false);
	assert_int_equal(find_peer(one, f.host.endpoint, IOMMU_DMA_PEER_HOST_BRIDGE, &peer),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(find_peer(one, far, 4, &peer), IOMMU_EINVAL);

	assert_int_equal(find_peer(one, other, 0, &peer), 0);
	assert_int_equal(iommu_dma_map_peer(f.dma, &any, &peer, registers + 8, 64, BOTH, &address),
			 0);
	assert_true(address == registers + 0x100000008);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_dma_unmap_peer(f.dma, &peer, address, 64), 0);
	assert_int_equal(iommu_dma_map_peer(f.dma, &narrow, &peer, registers, 64, BOTH, &address),
			 IOMMU_ERANGE);
	assert_int_equal(
		iommu_dma_map_peer(f.dma, &fenced, &peer, registers - 8, 64, BOTH, &address),
		IOMMU_ERANGE);
	assert_int_equal(
		iommu_dma_map_peer(f.dma, &fenced, &peer, registers - 8, 0x10001, BOTH, &address),
		0);
	assert_int_equal(iommu_dma_map_peer(f.dma, &any, &peer, registers, 0, BOTH, &address),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_dma_map_peer(f.dma, &any, &peer, UINT64_MAX - 0x100000000 - 9, 20,
					    BOTH, &address),
			 IOMMU_EOVERFLOW);
	/* The last byte that there is. */
	assert_int_equal(iommu_dma_map_peer(f.dma, &any, &peer, UINT64_MAX - 0x100000000 - 19, 20,
					    BOTH, &address),
			 0);
	assert_int_equal(address, UINT64_MAX - 19);
	assert_int_equal(iommu_dma_map_peer(f.dma, &any, &peer, UINT64_MAX - 0x100000000 - 18, 20,
					    BOTH, &address),
			 IOMMU_EOVERFLOW);

	/* Through the root complex, if it passes requests on. */
	assert_int_equal(find_peer(one, far, 0, &peer), IOMMU_EOPNOTSUPP);
	assert_int_equal(find_peer(one, far, IOMMU_DMA_PEER_HOST_BRIDGE, &peer), 0);
	assert_int_equal(iommu_dma_map_peer(f.dma, &any, &peer, registers + 8, 64, BOTH, &address),
			 0);
	assert_true(reaches(address, registers + 8));
	assert_int_equal(iommu_dma_unmap_peer(f.dma, &peer, address, 64), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_dma_unmap_peer(f.dma, &peer, address, 64), IOMMU_ENOENT);
	f.mistakes++;
	assert_int_equal(find_peer(one, f.host.endpoint, IOMMU_DMA_PEER_HOST_BRIDGES, &peer), 0);
	assert_false(peer.by_bus);
	assert_int_equal(iommu_release_endpoint(other), 0);
	/* A device that is not trusted is held to what is mapped, although it has the choice. */
	suspect = peer_at(4, true);
	assert_int_equal(find_peer(suspect, one, 0, &peer), IOMMU_EOPNOTSUPP);
	assert_int_equal(find_peer(suspect, one, IOMMU_DMA_PEER_HOST_BRIDGE, &peer), 0);
	assert_false(peer.by_bus);
	assert_int_equal(iommu_release_endpoint(suspect), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(far), 0);
	end();
}

static void drivers_map_through_the_default_domain(void **state)
{
	static const struct iommu_endpoint_info info = {.source_id = 0x20, .requires_dma_32 = true};
	static const struct iommu_dma_config defaults = {.flags = IOMMU_DMA_WIDE_FIRST,
							 .queue_flags = IOMMU_FLUSH_QUEUE_SINGLE};
	struct iommu_dma_device device;
	struct iommu_hardware_info hardware;
	struct iommu_dma *again;
	iommu_paddr_t page;
	iommu_iova_t address;
	int owner;

	(void)state;
	begin_by_bus(IOMMU_START_LAZY, &info);
	page = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, &defaults), 0);
	assert_int_equal(iommu_dma_of(f.host.endpoint, &f.dma), 0);
	assert_int_equal(iommu_set_dma_defaults(f.host.iommu, NULL), 0);
	assert_int_equal(iommu_dma_of(f.host.endpoint, &again), 0);
	assert_ptr_equal(again, f.dma);
	/*
	 * As the host has set it for what is made now: in lazy mode, the highest addresses first.
	 */
	assert_int_equal(iommu_dma_map(f.dma, &any, page, PAGE, BOTH, &address), 0);
	assert_true(address > UINT32_MAX);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	device = iommu_dma_device_of(f.host.endpoint, 0);
	assert_int_equal(device.mask, UINT32_MAX);
	device = iommu_dma_device_of(f.host.endpoint, 0xffffff);
	assert_int_equal(device.mask, 0xffffff);
	assert_int_equal(iommu_dma_map(f.dma, &device, page, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, page));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_true(reaches(address, page)); /* for a moment */
	/* What waits is invalidated before the domain can go. */
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(tell(IOMMU_BUS_UNBOUND, &info), 0);
	assert_int_equal(iommu_release_endpoint(f.host.endpoint), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(tell(IOMMU_BUS_BINDING, &info), 0);
	/* Claimed, it is out of reach; afterwards it serves again. */
	assert_int_equal(tell(IOMMU_BUS_UNBOUND, &info), 0);
	assert_int_equal(iommu_group_claim(iommu_endpoint_group(f.host.endpoint), &owner), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_group_release(iommu_endpoint_group(f.host.endpoint), &owner), 0);
	/* Another type has another DMA mapping, or none. */
	assert_int_equal(iommu_group_set_default_type(iommu_endpoint_group(f.host.endpoint),
						      IOMMU_DOMAIN_DMA),
			 0);
	f.host.domain = iommu_group_default_domain(iommu_endpoint_group(f.host.endpoint));
	assert_int_equal(iommu_dma_of(f.host.endpoint, &f.dma), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, page, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, page));
	assert_true(address <= UINT32_MAX);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_true(is_blocked(address));
	/* The handle is a use, though no driver was ever announced. */
	assert_int_equal(iommu_group_claim(iommu_endpoint_group(f.host.endpoint), &owner),
			 IOMMU_EBUSY);
	assert_int_equal(iommu_group_set_default_type(iommu_endpoint_group(f.host.endpoint),
						      IOMMU_DOMAIN_BLOCKED),
			 IOMMU_EBUSY);
	iommu_unuse_default_domain(f.host.endpoint);
	assert_int_equal(iommu_group_set_default_type(iommu_endpoint_group(f.host.endpoint),
						      IOMMU_DOMAIN_BLOCKED),
			 0);
	assert_int_equal(iommu_dma_of(f.host.endpoint, &f.dma), IOMMU_EPERM);
	assert_int_equal(
		iommu_unit_get_hardware_info(iommu_endpoint_unit(f.host.endpoint), &hardware), 0);
	assert_int_equal(hardware.type, IOMMU_HARDWARE_VTD);
	assert_true(iommu_capable(f.host.endpoint, IOMMU_CAPABLE_CACHE_COHERENCY));
	assert_false(iommu_capable(f.host.endpoint, IOMMU_CAPABLE_PASID));
	model_machine_give(&f.machine, page, 1);
	assert_int_equal(tell(IOMMU_BUS_BINDING, &info), 0);
	end_by_bus(&info);
}

/*
 * A device that is pulled out: its driver, which has not heard of it yet, does what it always does.
 */
static void a_handle_outlives_its_device(void **state)
{
	static const struct iommu_endpoint_info info = {.source_id = 0x20, .untrusted = true};
	struct iommu_endpoint *gone;
	struct iommu_dma_device device;
	iommu_iova_t address, second;
	iommu_paddr_t page;

	(void)state;
	begin_by_bus(0, &info);
	page = model_machine_take(&f.machine, 2);
	assert_int_equal(iommu_dma_of(f.host.endpoint, &f.dma), 0);
	gone = f.host.endpoint;
	device = iommu_dma_device_of(gone, 0);
	assert_int_equal(iommu_dma_map(f.dma, &device, page + 8, 64, BOTH, &address), 0);
	assert_int_equal(tell(IOMMU_BUS_REMOVED, &info), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_dma_map(f.dma, &device, page + PAGE, PAGE, BOTH, &second), 0);
	assert_true(is_blocked(second));
	assert_int_equal(stats().bounced, 1);
	assert_int_equal(iommu_dma_of(gone, &f.dma), IOMMU_ENODEV);
	/* Another one at its place has a handle of its own. */
	assert_int_equal(tell(IOMMU_BUS_ADDED, &info), 0);
	assert_true(is_blocked(second));
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, second, PAGE), 0);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	model_machine_give(&f.machine, page, 2);
	end_by_bus(&info);
}

static void passing_through_is_for_those_who_are_trusted(void **state)
{
	static const struct iommu_endpoint_info trusted = {.source_id = 0x20};
	static const struct iommu_endpoint_info not_trusted = {.source_id = 0x20,
							       .untrusted = true};
	struct iommu_dma_device device;
	iommu_paddr_t page;
	iommu_iova_t address;

	(void)state;
	begin_by_bus(IOMMU_START_PASS_THROUGH, &trusted);
	page = model_machine_take(&f.machine, 1);
	assert_true(reaches(page, page));
	/* Its driver notices nothing. */
	assert_int_equal(iommu_dma_of(f.host.endpoint, &f.dma), 0);
	device = iommu_dma_device_of(f.host.endpoint, 0);
	assert_int_equal(iommu_dma_map(f.dma, &device, page, PAGE, BOTH, &address), 0);
	assert_int_equal(address, page);
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	model_machine_give(&f.machine, page, 1);
	end_by_bus(&trusted);

	begin_by_bus(IOMMU_START_PASS_THROUGH, &not_trusted);
	page = model_machine_take(&f.machine, 1);
	assert_true(is_blocked(page));
	assert_int_equal(iommu_dma_of(f.host.endpoint, &f.dma), 0);
	device = iommu_dma_device_of(f.host.endpoint, 0);
	assert_true(device.untrusted);
	assert_int_equal(iommu_dma_map(f.dma, &device, page, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, page));
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
	assert_true(is_blocked(address));
	model_machine_give(&f.machine, page, 1);
	end_by_bus(&not_trusted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_is_reached_until_it_is_unmapped),
		cmocka_unit_test(direction_is_permission),
		cmocka_unit_test(maps_that_make_no_sense_are_refused),
		cmocka_unit_test(other_requests_that_make_no_sense_are_refused),
		cmocka_unit_test(configurations_that_make_no_sense_are_refused),
		cmocka_unit_test(defaults_that_make_no_sense_are_refused),
		cmocka_unit_test(addresses_stay_below_the_devices_mask),
		cmocka_unit_test(the_highest_addresses_first),
		cmocka_unit_test(a_handle_says_what_suits_it),
		cmocka_unit_test(a_failed_allocation_changes_nothing),
		cmocka_unit_test(creation_fails_whole),
		cmocka_unit_test(a_handle_serves_many_cpus),
		cmocka_unit_test(what_is_not_confirmed_is_withheld),
		cmocka_unit_test(what_a_device_wrote_comes_back_in_the_end),
		cmocka_unit_test(withheld_addresses_are_not_handed_out),
		cmocka_unit_test(an_unconfirmed_mapping_is_withheld),
		cmocka_unit_test(nothing_is_begun_that_could_not_be_withheld),
		cmocka_unit_test(more_calls_at_once_than_there_is_room_lose_but_never_reuse),
		cmocka_unit_test(pieces_become_elements),
		cmocka_unit_test(elements_keep_to_the_devices_limits),
		cmocka_unit_test(scattered_buffers_are_mapped_whole_or_not_at_all),
		cmocka_unit_test(lists_of_whole_pages_are_lists_like_others),
		cmocka_unit_test(lists_do_not_wrap_where_a_piece_is_moved),
		cmocka_unit_test(long_lists_are_mapped_whole_or_not_at_all),
		cmocka_unit_test(lists_of_any_kind_keep_to_the_devices_limits),
		cmocka_unit_test(large_buffers_take_just_their_pages),
		cmocka_unit_test(addresses_are_aligned_as_the_device_asks),
		cmocka_unit_test(pieces_are_linked_and_told_of_at_once),
		cmocka_unit_test(an_untrusted_device_sees_only_its_buffer),
		cmocka_unit_test(an_untrusted_device_sees_only_its_pieces),
		cmocka_unit_test(a_bounced_buffer_is_no_list),
		cmocka_unit_test(memory_beyond_the_units_is_refused),
		cmocka_unit_test(bounced_lists_are_mapped_whole_or_not_at_all),
		cmocka_unit_test(bounced_bytes_go_the_way_of_the_direction),
		cmocka_unit_test(bounce_pages_are_left_to_the_driver),
		cmocka_unit_test(attributes_are_honoured_or_refused),
		cmocka_unit_test(a_bounced_buffer_is_handed_over_in_parts),
		cmocka_unit_test(many_bounced_buffers_are_told_apart),
		cmocka_unit_test(memory_is_shared),
		cmocka_unit_test(a_large_block_is_shared),
		cmocka_unit_test(memory_in_pieces_is_shared),
		cmocka_unit_test(memory_that_the_cpu_never_sees),
		cmocka_unit_test(pieces_are_shared_whole_or_not_at_all),
		cmocka_unit_test(unconfirmed_pieces_are_kept),
		cmocka_unit_test(a_window_is_unmapped_at_once),
		cmocka_unit_test(a_tick_asks_for_windows_too),
		cmocka_unit_test(an_unconfirmed_window_stays),
		cmocka_unit_test(doorbells_are_mapped_once),
		cmocka_unit_test(lazily_unmapped_addresses_wait_for_the_flush),
		cmocka_unit_test(lazily_freed_tables_wait_for_the_flush),
		cmocka_unit_test(a_full_queue_loses_no_address),
		cmocka_unit_test(anything_in_any_order),
		cmocka_unit_test(a_page_takes_the_address_that_was_freed_last),
		cmocka_unit_test(a_page_that_is_not_mapped_keeps_no_address),
		cmocka_unit_test(a_narrower_unit_joins_while_addresses_are_cached),
		cmocka_unit_test(peers_find_each_other),
		cmocka_unit_test(drivers_map_through_the_default_domain),
		cmocka_unit_test(a_handle_outlives_its_device),
		cmocka_unit_test(passing_through_is_for_those_who_are_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
