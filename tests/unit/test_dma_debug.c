/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking build of the DMA mapping API: each mistake of a driver is reported, with both
 * ranges, and correct calls are not.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <libiommu/dma.h>

#include "model_machine.h"
#include "test.h"
#include "test_platform.h"

#define PAGE IOMMU_PAGE_SIZE
#define BOTH IOMMU_DMA_BIDIRECTIONAL

static const struct iommu_dma_device any;
static const struct iommu_dma_device untrusted = {.untrusted = true};

static struct {
	struct model_machine machine;
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domains[2]; /* the first is attached */
	struct iommu_dma *dmas[2];
	iommu_paddr_t memory;
	uint32_t reports;
} f;

static void begin(void)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_vtd_options options = {.timeout_ns = 2000000};
	const struct iommu_endpoint_info info = {.source_id = 0x20, .physical_function = 0x20};
	unsigned int i;

	memset(&f, 0, sizeof(f));
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	model_machine_add_unit(&f.machine, &config);
	(void)model_machine_add_device(&f.machine, 0, 0x20);
	model_machine_make_dmar(&f.machine);
	f.memory = model_machine_take(&f.machine, 32);
	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoint), 0);
	for (i = 0; i < 2; i++) {
		struct iommu_dma_config dma = {.flags = 0};

		assert_int_equal(iommu_domain_alloc(iommu_next_unit(f.iommu, NULL),
						    IOMMU_DOMAIN_DMA, NULL, &f.domains[i]),
				 0);
		dma.domain = f.domains[i];
		assert_int_equal(iommu_dma_create(&dma, &f.dmas[i]), 0);
		assert_true(iommu_dma_debug_is_on(f.dmas[i]));
	}
	assert_int_equal(iommu_domain_attach_group(f.domains[0], iommu_endpoint_group(f.endpoint)),
			 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	f.reports = iommu_dma_debug_reports();
}

/* So many reports since the last time, or the beginning. */
static void expect_reports(uint32_t count)
{
	assert_int_equal(iommu_dma_debug_reports() - f.reports, count);
	f.reports += count;
}

static void end(uint32_t leaks)
{
	unsigned int i;

	expect_reports(0);
	model_machine_give(&f.machine, f.memory, 32);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(f.endpoint)), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_dma_destroy(f.dmas[i]), 0);
		assert_int_equal(iommu_domain_free(f.domains[i]), 0);
	}
	expect_reports(leaks);
	assert_int_equal(iommu_release_endpoint(f.endpoint), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	model_machine_destroy(&f.machine);
}

struct range {
	uint64_t address, size;
};

/* What the last line says, behind the name of the handle: "DMA of domain 3: ", or "DMA: ". */
static const char *last_report(void)
{
	const char *line = f.machine.last[IOMMU_LOG_ERROR];
	unsigned int domain;
	int used = 0;

	if (sscanf(line, "DMA of domain %u: %n", &domain, &used) == 1)
		assert_true(domain != 0);
	else
		used = 5;
	assert_int_equal(strncmp(line, "DMA", 3), 0);
	return line + used;
}

/* One report, of just these words. kind NULL: it is about no mapping. */
static void expect_report(const char *what, struct range said, const char *kind,
			  struct range mapped, uint64_t memory)
{
	char line[256], about[128] = "";

	if (kind != NULL)
		snprintf(about, sizeof(about), "; %s 0x%llx+0x%llx of 0x%llx", kind,
			 (unsigned long long)mapped.address, (unsigned long long)mapped.size,
			 (unsigned long long)memory);
	snprintf(line, sizeof(line), "%s: 0x%llx+0x%llx%s", what, (unsigned long long)said.address,
		 (unsigned long long)said.size, about);
	expect_reports(1);
	assert_string_equal(last_report(), line);
}

static const struct range none;

static iommu_iova_t map(uint64_t size, enum iommu_dma_direction direction)
{
	iommu_iova_t address = 0;

	assert_int_equal(iommu_dma_map(f.dmas[0], &any, f.memory + 8, size, direction, &address),
			 0);
	return address;
}

/* --- Unmap ------------------------------------------------------------------------------------ */

static void an_unmap_has_the_size_that_was_mapped(void **state)
{
	const uint64_t size = 3 * PAGE;
	iommu_iova_t at;

	(void)state;
	begin();
	at = map(size, BOTH);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], at, PAGE - 8), 0);
	expect_report("short unmap", (struct range){at, PAGE - 8}, "buffer",
		      (struct range){at, size}, f.memory + 8);
	at = map(100, BOTH);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], at, 101), 0);
	expect_report("unmap of more than was mapped", (struct range){at, 101}, "buffer",
		      (struct range){at, 100}, f.memory + 8);
	at = map(size, BOTH);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], at + PAGE, PAGE), 0);
	expect_report("unmap from the middle", (struct range){at + PAGE, PAGE}, "buffer",
		      (struct range){at, size}, f.memory + 8);
	/* The rest of it is not lost from sight. */
	end(1);
}

static void an_unmap_is_of_what_is_mapped(void **state)
{
	iommu_iova_t at, other;

	(void)state;
	begin();
	at = map(100, BOTH);
	other = map(100, BOTH);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], at, 100), 0);
	expect_reports(0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], at, 100), IOMMU_ENOENT);
	expect_report("unmapped twice", (struct range){at, 100}, NULL, none, 0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], 0x123000, 64), IOMMU_ENOENT);
	expect_report("unmap of what is not mapped", (struct range){0x123000, 64}, NULL, none, 0);
	assert_int_equal(iommu_dma_unmap(f.dmas[1], other, 100), IOMMU_ENOENT);
	expect_report("unmapped by the wrong handle", (struct range){other, 100}, "buffer",
		      (struct range){other, 100}, f.memory + 8);
	assert_int_equal(iommu_dma_unmap(f.dmas[1], other, 101), IOMMU_ENOENT);
	expect_report("unmap of what is not mapped", (struct range){other, 101}, NULL, none, 0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], other, 100), 0);
	end(0);
}

static void each_kind_has_its_own_way_back(void **state)
{
	struct iommu_dma_window window;
	iommu_iova_t at, doorbell;
	void *memory, *wrong;

	(void)state;
	begin();
	assert_int_equal(iommu_dma_alloc(f.dmas[0], &any, 2 * PAGE, &memory, &at), 0);
	wrong = (unsigned char *)memory + PAGE;
	assert_int_equal(iommu_dma_unmap(f.dmas[0], at, 2 * PAGE), 0);
	expect_report("unmapped as another kind", (struct range){at, 2 * PAGE}, "shared memory",
		      (struct range){at, 2 * PAGE}, (uintptr_t)memory);
	/* It is not mapped any more, and was not given back either. */
	assert_int_equal(iommu_dma_free(f.dmas[0], memory, at, 2 * PAGE), IOMMU_ENOENT);
	expect_reports(0);
	f.machine.platform.free_pages(&f.machine, memory, 1);
	assert_int_equal(iommu_dma_free(f.dmas[0], wrong, at, 2 * PAGE), IOMMU_ENOENT);
	expect_report("freed with other memory", (struct range){at, 2 * PAGE}, "shared memory",
		      (struct range){at, 2 * PAGE}, (uintptr_t)memory);

	assert_int_equal(iommu_dma_window_create(f.dmas[0], &any, 4, &window), 0);
	assert_int_equal(iommu_dma_window_map(&window, 1, f.memory, 2, BOTH), 0);
	iommu_dma_sync_for_cpu(f.dmas[0], window.start + PAGE, 64);
	expect_reports(0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], window.start + PAGE, PAGE), 0);
	expect_report("unmap from the middle", (struct range){window.start + PAGE, PAGE}, "window",
		      (struct range){window.start, 4 * PAGE}, 0);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);

	assert_int_equal(iommu_dma_map_msi(f.dmas[0], 0xfee00000, &doorbell), 0);
	assert_int_equal(iommu_dma_map_msi(f.dmas[0], 0xfee00004, &doorbell), 0);
	doorbell &= ~(PAGE - 1);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], doorbell, PAGE), 0);
	expect_report("unmapped as another kind", (struct range){doorbell, PAGE}, "doorbell",
		      (struct range){doorbell, PAGE}, 0xfee00000);
	/* The shared memory whose notes stayed; the doorbell stays for the life of the domain. */
	end(1);
}

/* An unmap that has not taken place is one that is still to be made. */
static void what_is_not_begun_stays_noted(void **state)
{
	static const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	static const struct iommu_model_vtd_faults well;
	struct iommu_dma_window window;
	iommu_iova_t addresses[40];
	unsigned int i, begun = 0;

	(void)state;
	begin();
	assert_int_equal(iommu_dma_window_create(f.dmas[0], &any, 4, &window), 0);
	for (i = 0; i < 40; i++)
		addresses[i] = map(PAGE, BOTH);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_window_destroy(&window), IOMMU_ETIMEDOUT);
	for (i = 0; i < 40; i++) {
		int status = iommu_dma_unmap(f.dmas[0], addresses[i], PAGE);

		if (status == IOMMU_ETIMEDOUT)
			assert_int_equal(begun++, i);
		else
			assert_int_equal(status, IOMMU_EAGAIN);
	}
	assert_true(begun > 0 && begun < 40);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_tick(f.dmas[0]), 0);
	for (i = begun; i < 40; i++)
		assert_int_equal(iommu_dma_unmap(f.dmas[0], addresses[i], PAGE), 0);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	end(0);
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void a_list_is_unmapped_as_it_was_mapped(void **state)
{
	struct iommu_dma_piece pieces[3] = {{.paddr = 0, .size = 100}, {.size = 64}, {.size = 32}};
	unsigned int elements, i;
	iommu_iova_t at;
	uint64_t extent;

	(void)state;
	begin();
	for (i = 0; i < 3; i++)
		pieces[i].paddr = f.memory + 4 * i * PAGE + 16;
	assert_int_equal(iommu_dma_map_sg(f.dmas[0], &any, pieces, 3, BOTH, &elements), 0);
	assert_int_equal(elements, 3);
	at = pieces[0].address;
	extent = pieces[2].address + 32 - at;
	iommu_dma_sync_for_cpu(f.dmas[0], pieces[1].address, 64);
	expect_reports(0);
	assert_int_equal(iommu_dma_unmap_sg(f.dmas[0], pieces, 2), 0);
	expect_report("list unmapped with another count", (struct range){at, 164}, "list",
		      (struct range){at, extent}, 196);
	assert_int_equal(iommu_dma_map_sg(f.dmas[0], &any, pieces, 3, BOTH, &elements), 0);
	at = pieces[0].address;
	pieces[2].size = 31;
	assert_int_equal(iommu_dma_unmap_sg(f.dmas[0], pieces, 3), 0);
	expect_report("list changed since it was mapped", (struct range){at, 195}, "list",
		      (struct range){at, extent}, 196);
	pieces[2].size = 32;
	assert_int_equal(iommu_dma_map_sg(f.dmas[0], &any, pieces, 3, BOTH, &elements), 0);
	assert_int_equal(iommu_dma_unmap_sg(f.dmas[0], pieces, 3), 0);
	expect_reports(0);
	assert_int_equal(iommu_dma_unmap_sg(f.dmas[0], pieces, 3), IOMMU_ENOENT);
	expect_report("unmapped twice", (struct range){pieces[0].address, 196}, NULL, none, 0);
	assert_int_equal(iommu_dma_map_sg(f.dmas[0], &any, pieces, 3, BOTH, &elements), 0);
	end(1);
}

/* --- Sync ------------------------------------------------------------------------------------- */

static void a_sync_is_of_what_is_mapped_in_either_way(void **state)
{
	iommu_iova_t both, to, from;

	(void)state;
	begin();
	both = map(100, BOTH);
	to = map(100, IOMMU_DMA_TO_DEVICE);
	from = map(100, IOMMU_DMA_FROM_DEVICE);
	iommu_dma_sync_for_cpu(f.dmas[0], both, 100);
	iommu_dma_sync_for_device(f.dmas[0], both + 99, 1);
	iommu_dma_sync_for_device(f.dmas[0], to + 5, 20);
	iommu_dma_sync_for_cpu(f.dmas[0], from, 100);
	iommu_dma_sync_for_cpu(f.dmas[0], 0x1000, 0);
	expect_reports(0);
	iommu_dma_sync_for_cpu(f.dmas[0], both + 50, 51);
	expect_report("sync beyond the end of a mapping", (struct range){both + 50, 51}, "buffer",
		      (struct range){both, 100}, f.memory + 8);
	iommu_dma_sync_for_cpu(f.dmas[0], both, UINT64_MAX);
	expect_report("sync beyond the end of a mapping", (struct range){both, UINT64_MAX},
		      "buffer", (struct range){both, 100}, f.memory + 8);
	iommu_dma_sync_for_device(f.dmas[0], both - 1, 5);
	expect_report("sync of what is not mapped", (struct range){both - 1, 5}, NULL, none, 0);
	iommu_dma_sync_for_device(f.dmas[1], both, 5);
	expect_report("sync of what is not mapped", (struct range){both, 5}, NULL, none, 0);
	/* Before the CPU fills it again, and before the device does. */
	iommu_dma_sync_for_cpu(f.dmas[0], to, 100);
	iommu_dma_sync_for_device(f.dmas[0], from, 100);
	expect_reports(0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], both, 100), 0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], to, 100), 0);
	assert_int_equal(iommu_dma_unmap(f.dmas[0], from, 100), 0);
	end(0);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void what_is_left_is_said_at_the_end(void **state)
{
	struct iommu_dma_window window;
	unsigned int i;

	(void)state;
	begin();
	assert_int_equal(iommu_dma_window_create(f.dmas[0], &any, 4, &window), 0);
	end(1);
	begin();
	for (i = 0; i < 20; i++)
		(void)map(PAGE, BOTH);
	end(20);
	assert_string_equal(last_report(), "more are still mapped at the end");
}

/*
 * Each allocation fails once: nothing is reported that is not so, and that it is not watched is
 * said.
 */
static void without_memory_nothing_is_said_that_is_not_so(void **state)
{
	unsigned int nth, off = 0;
	bool reached = true;

	(void)state;
	for (nth = 1; reached; nth++) {
		struct iommu_dma_config dma = {.flags = 0};
		struct iommu_dma *watched = NULL;
		iommu_iova_t address = 0;
		unsigned int lines;
		int status;

		begin();
		dma.domain = f.domains[0];
		lines = f.machine.lines[IOMMU_LOG_ERROR];
		f.machine.fail_at = f.machine.allocations + nth;
		status = iommu_dma_create(&dma, &watched);
		if (status == 0)
			status = iommu_dma_map(watched, &untrusted, f.memory + 8, 64, BOTH,
					       &address);
		reached = f.machine.allocations >= f.machine.fail_at;
		f.machine.fail_at = 0;
		if (watched != NULL && !iommu_dma_debug_is_on(watched)) {
			off++;
			assert_int_equal(status, 0);
			assert_int_equal(f.machine.lines[IOMMU_LOG_ERROR], lines + 1);
			/* What it does not know it does not judge. */
			iommu_dma_sync_for_cpu(watched, 0x1000, 64);
			assert_int_equal(iommu_dma_unmap(watched, 0x1000, 64), IOMMU_ENOENT);
			assert_int_equal(f.machine.lines[IOMMU_LOG_ERROR], lines + 1);
		}
		if (status == 0)
			assert_int_equal(iommu_dma_unmap(watched, address, 64), 0);
		if (watched != NULL)
			assert_int_equal(iommu_dma_destroy(watched), 0);
		assert_true(iommu_dma_debug_is_on(f.dmas[0]));
		end(0);
	}
	assert_int_equal(off, 2); /* the handle's page, and the first of the notes */
}

/* --- Where nothing translates ----------------------------------------------------------------- */

#define CELLS 24U
#define LIVE  8U
#define STEP  100U

struct live {
	uint64_t address, size;
};

static struct {
	struct test_platform platform;
	struct iommu_dma *dma;
	struct live live[LIVE];
	unsigned int count;
	uint32_t seed;
} d;

static uint32_t random_below(uint32_t limit)
{
	d.seed = d.seed * 1664525U + 1013904223U;
	return (d.seed >> 8) % limit;
}

static void begin_direct(void)
{
	memset(&d, 0, sizeof(d));
	test_platform_init(&d.platform, 4U << 20, 0x10000000);
	d.platform.quiet = true;
	assert_int_equal(iommu_dma_create_direct(&d.platform.platform, &d.dma), 0);
	f.reports = iommu_dma_debug_reports();
}

static void end_direct(void)
{
	expect_reports(0);
	assert_int_equal(iommu_dma_destroy(d.dma), 0);
	expect_reports(0);
	test_platform_destroy(&d.platform);
}

/* The same memory is mapped many times over there, for different devices, and each time is one. */
static void the_same_memory_may_be_mapped_often(void **state)
{
	struct iommu_dma_piece pieces[2] = {{.paddr = 0x5000, .size = 100},
					    {.paddr = 0x5020, .size = 100}};
	struct iommu_dma_piece others[2] = {{.paddr = 0x5000, .size = 100},
					    {.paddr = 0x9000, .size = 10}};
	unsigned int elements;
	iommu_iova_t at;

	(void)state;
	begin_direct();
	assert_int_equal(iommu_dma_map(d.dma, &any, 0x5000, 100, IOMMU_DMA_TO_DEVICE, &at), 0);
	assert_int_equal(iommu_dma_map(d.dma, &any, 0x5000, 100, IOMMU_DMA_TO_DEVICE, &at), 0);
	assert_int_equal(iommu_dma_map(d.dma, &any, 0x5000, 40, IOMMU_DMA_FROM_DEVICE, &at), 0);
	assert_int_equal(iommu_dma_map_sg(d.dma, &any, pieces, 2, BOTH, &elements), 0);
	assert_int_equal(iommu_dma_map_sg(d.dma, &any, others, 2, BOTH, &elements), 0);
	iommu_dma_sync_for_cpu(d.dma, 0x5010, 10);
	iommu_dma_sync_for_device(d.dma, 0x5010, 10);
	iommu_dma_sync_for_cpu(d.dma, 0x9000, 10);
	assert_int_equal(iommu_dma_unmap_sg(d.dma, others, 2), 0);
	assert_int_equal(iommu_dma_unmap(d.dma, 0x5000, 100), 0);
	assert_int_equal(iommu_dma_unmap(d.dma, 0x5000, 40), 0);
	assert_int_equal(iommu_dma_unmap_sg(d.dma, pieces, 2), 0);
	assert_int_equal(iommu_dma_unmap(d.dma, 0x5000, 100), 0);
	expect_reports(0);
	assert_int_equal(iommu_dma_unmap(d.dma, 0x5000, 100), 0);
	expect_reports(1);
	iommu_dma_sync_for_cpu(d.dma, 0x5020, 10);
	expect_reports(1);
	end_direct();
}

static bool covers(uint64_t first, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < d.count; i++)
		if (d.live[i].address <= first &&
		    first + size <= d.live[i].address + d.live[i].size)
			return true;
	return false;
}

static void map_one(void)
{
	struct live *live = &d.live[d.count];
	iommu_iova_t address;

	live->address = 0x100000 + random_below(CELLS) * STEP;
	live->size = (1 + random_below(6)) * STEP;
	assert_int_equal(iommu_dma_map(d.dma, &any, live->address, live->size,
				       (enum iommu_dma_direction)(1 + random_below(3)), &address),
			 0);
	d.count++;
}

static void unmap_one(void)
{
	struct live *live = &d.live[random_below(d.count)];
	const struct live gone = *live;

	*live = d.live[--d.count];
	assert_int_equal(iommu_dma_unmap(d.dma, gone.address, gone.size), 0);
}

static void overlaps_are_judged_as_by_a_list(void **state)
{
	unsigned int turn;

	(void)state;
	begin_direct();
	d.seed = 7;
	for (turn = 0; turn < 20000; turn++) {
		const uint64_t first = 0x100000 + random_below((CELLS + 6) * STEP);
		/* Often just to where mappings end. */
		const uint64_t size =
			random_below(2) != 0 ? 1 + random_below(3 * STEP) : STEP - first % STEP;
		const bool to_device = random_below(2) != 0;

		if (d.count < LIVE && (d.count == 0 || random_below(2) != 0))
			map_one();
		else
			unmap_one();
		expect_reports(0);
		if (to_device)
			iommu_dma_sync_for_device(d.dma, first, size);
		else
			iommu_dma_sync_for_cpu(d.dma, first, size);
		expect_reports(covers(first, size) ? 0 : 1);
	}
	while (d.count != 0) {
		d.count--;
		assert_int_equal(
			iommu_dma_unmap(d.dma, d.live[d.count].address, d.live[d.count].size), 0);
	}
	end_direct();
}

#define THREADS 3
#define ROUNDS  3000U

static void *map_and_unmap(void *argument)
{
	const uint64_t own = 0x100000 + (uintptr_t)argument * 0x1000;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		iommu_iova_t address = 0;
		iommu_iova_t shared = 0;

		(void)iommu_dma_map(d.dma, &any, own + i % 64, 64, BOTH, &address);
		(void)iommu_dma_map(d.dma, &any, 0x200000, 64, BOTH, &shared);
		iommu_dma_sync_for_cpu(d.dma, address, 64);
		(void)iommu_dma_unmap(d.dma, shared, 64);
		(void)iommu_dma_unmap(d.dma, address, 64);
	}
	return NULL;
}

static void threads_are_not_taken_for_one_another(void **state)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	(void)state;
	begin_direct();
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, map_and_unmap, (void *)i), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end_direct();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unmap_has_the_size_that_was_mapped),
		cmocka_unit_test(an_unmap_is_of_what_is_mapped),
		cmocka_unit_test(each_kind_has_its_own_way_back),
		cmocka_unit_test(what_is_not_begun_stays_noted),
		cmocka_unit_test(a_list_is_unmapped_as_it_was_mapped),
		cmocka_unit_test(a_sync_is_of_what_is_mapped_in_either_way),
		cmocka_unit_test(what_is_left_is_said_at_the_end),
		cmocka_unit_test(without_memory_nothing_is_said_that_is_not_so),
		cmocka_unit_test(the_same_memory_may_be_mapped_often),
		cmocka_unit_test(overlaps_are_judged_as_by_a_list),
		cmocka_unit_test(threads_are_not_taken_for_one_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
