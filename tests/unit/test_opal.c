/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for bridges under OPAL, over the model of a bridge and of firmware that obeys or
 * does not. What a PE reaches is tested by DMA, never read from tables.
 */
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/hw/tce.h>
#include <libiommu/iommu.h>

#include "phb_registers.h"
#include "test.h"
#include "test_memory.h"
#include "test_platform.h"
#include "trace_log.h"

#define RW          IOMMU_PROT_READ_WRITE
#define PES         16
#define PHB         3
#define SEGMENT     12
#define ARENA       (1ULL << 24)
#define WINDOW_BITS 32
#define MEMORY_END  (1ULL << 31)
#define BYPASS      (1ULL << 59)
#define MEMORY      0x70000000ULL /* no bus address of a test is one of memory */

static struct {
	struct test_platform test;
	struct test_platform outside; /* for the model's own memory */
	struct iommu_model_phb *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	/* Firmware refuses from the n-th call on, so many. */
	unsigned int refuse_at, refusals;
	int64_t answer; /* with this; 0: hardware */
} f;

/* The bridge is told to forget through its registers, and firmware knows no call for that. */
static bool by_register;

/* --- The bridge ------------------------------------------------------------------------------- */

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	assert_ptr_equal(ctx, &f);
	if (paddr > ARENA - sizeof(*bytes))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	/* A table that was freed: filled with something, and walked all the same. */
	assert_true((*bytes & 0xff) != TEST_POISON);
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	assert_ptr_equal(ctx, &f);
	fail_msg("misuse: %s", text);
}

static int64_t call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	assert_ptr_equal(ctx, &f);
	assert_false(by_register && token == IOMMU_OPAL_TCE_KILL);
	if (f.refuse_at != 0 && --f.refuse_at == 0) {
		f.refuse_at = --f.refusals != 0;
		return f.answer != 0 ? f.answer : -6;
	}
	return iommu_model_phb_opal(f.model, token, arguments);
}

static void misbehave(struct iommu_model_phb_faults faults)
{
	iommu_model_phb_misbehave(f.model, &faults);
}

#define MISBEHAVE(...) misbehave((struct iommu_model_phb_faults){__VA_ARGS__})
#define BEHAVE()       misbehave((struct iommu_model_phb_faults){0})

static bool is_open(uint32_t pe)
{
	return iommu_model_phb_tve(f.model, 2 * pe) != 0 ||
	       iommu_model_phb_tve(f.model, 2 * pe + 1) != 0;
}

/* Where a write of a PE goes; false: it is blocked. The PE is thawed, to be asked again. */
static bool access_by(uint32_t pe, uint64_t address, iommu_paddr_t *paddr)
{
	struct iommu_model_tce_access access;
	int status = iommu_model_phb_access(f.model, (uint16_t)(pe << 8), address, true, &access);

	assert_false(access.is_interrupt);
	assert_true(access.reason != IOMMU_MODEL_TCE_NO_PE);
	assert_true(access.reason != IOMMU_MODEL_TCE_MEMORY);
	assert_int_equal(iommu_model_phb_thaw(f.model, pe), 0);
	*paddr = access.paddr;
	return status == 0;
}

static bool reaches(uint32_t pe, uint64_t address, iommu_paddr_t expected)
{
	iommu_paddr_t paddr;

	return access_by(pe, address, &paddr) && paddr == expected;
}

/* The same for reading. */
static bool reaches_read(uint32_t pe, uint64_t address, iommu_paddr_t expected)
{
	struct iommu_model_tce_access access;
	int status = iommu_model_phb_access(f.model, (uint16_t)(pe << 8), address, false, &access);

	assert_int_equal(iommu_model_phb_thaw(f.model, pe), 0);
	return status == 0 && access.paddr == expected;
}

static bool is_blocked(uint32_t pe, uint64_t address)
{
	iommu_paddr_t paddr;

	return !access_by(pe, address, &paddr);
}

/* --- The host --------------------------------------------------------------------------------- */

static uint32_t find_pe(void *ctx, uint16_t source_id)
{
	assert_ptr_equal(ctx, &f);
	return iommu_model_phb_pe_of(f.model, source_id);
}

/* Function n of a device on bus b: PE b; buses beyond the PEs have none. All windows open. */
static void make_bridge(void)
{
	const struct iommu_model_phb_config config = {
		.platform = &f.outside.platform,
		.host = {.ctx = &f, .read = read_memory, .misuse = refuse_misuse},
		.phb = PHB,
		.generation = 3,
		.pes = PES,
	};
	unsigned int i;

	test_platform_init(&f.outside, 1 << 20, 0);
	assert_int_equal(iommu_model_phb_create(&config, &f.model), 0);
	for (i = 0; i < PES << 8; i++)
		assert_int_equal(iommu_model_phb_set_pe(f.model, (uint16_t)i, i >> 8), 0);
	for (i = 0; i < PES; i++) {
		assert_int_equal(iommu_model_phb_set_tve(f.model, 2 * i, ~0ULL), 0);
		assert_int_equal(iommu_model_phb_set_tve(f.model, 2 * i + 1, ~0ULL), 0);
	}
}

static struct iommu_opal_config good_config(void)
{
	return (struct iommu_opal_config){
		.phb = PHB,
		.segment = SEGMENT,
		.pes = PES,
		.find_pe = find_pe,
		.call = call,
		.ctx = &f,
		.page_sizes = 1ULL << 12 | 1ULL << 16 | 1ULL << 24,
		.output_bits = 50,
		.window_bits = WINDOW_BITS,
		.memory_end = MEMORY_END,
		.registers = by_register ? PHB_REGISTERS : 0,
		.reserved_start = 0x80000000,
		.reserved_last = 0x80ffffff,
	};
}

static void begin_unprobed(void)
{
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.test, ARENA, 0);
	f.test.quiet = true;
	f.test.platform.relax = NULL; /* time passes with each look: nothing is waited for */
	phb_registers_install(&f.test.platform, &f.model, NULL);
	make_bridge();
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
}

static void begin(void)
{
	const struct iommu_opal_config config = good_config();
	unsigned int i;

	begin_unprobed();
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "phb3");
	assert_non_null(f.unit);
	for (i = 0; i < PES; i++)
		assert_false(is_open(i));
}

static void end(void)
{
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_model_phb_destroy(f.model);
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
}

static struct iommu_endpoint *add(uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.segment = SEGMENT, .source_id = source_id};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), 0);
	return endpoint;
}

static struct iommu_domain *domain_of(enum iommu_domain_type type)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit, type, NULL, &domain), 0);
	return domain;
}

/* --- Probing ---------------------------------------------------------------------------------- */

/* The interrupts, and what the host has named; nothing where it has not. */
static void what_is_reserved(void **state)
{
	static const struct {
		iommu_iova_t start, last;
		unsigned int regions;
	} cases[] = {{0, 0, 1}, {1, 0, 1}, {0x80000000, 0x80ffffff, 2}, {0, 0xfff, 2}};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_opal_config config = good_config();
		struct iommu_endpoint *endpoint;
		struct iommu_region region;
		unsigned int cursor = 0, regions = 0;

		config.reserved_start = cases[i].start;
		config.reserved_last = cases[i].last;
		begin_unprobed();
		assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
		endpoint = add(0x100);
		while (iommu_endpoint_next_region(endpoint, &cursor, &region))
			regions++;
		assert_int_equal(regions, cases[i].regions);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
		end();
	}
}

static void bridges_are_probed_or_refused(void **state)
{
	struct iommu_opal_config config;

	(void)state;
	begin();
	config = good_config();
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_EEXIST);
#define REFUSED(field, value)                                                                      \
	config = good_config();                                                                    \
	config.field = value;                                                                      \
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_EINVAL)
	REFUSED(pes, 0);
	REFUSED(pes, 513);
	REFUSED(call, NULL);
	REFUSED(flags, 1);
	REFUSED(page_sizes, 1ULL << 16);
	REFUSED(page_sizes, 1ULL << 12 | 1ULL << 35);
	REFUSED(output_bits, 12);
	REFUSED(output_bits, 57);
	REFUSED(window_bits, 23);
	REFUSED(registers, 0x1008);
	REFUSED(memory_end, (1ULL << 49) + 1);
	REFUSED(window_bits, 49);
	end();
	/* Firmware knows fewer PEs; is busy; has no memory left. */
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.test, ARENA, 0);
	make_bridge();
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	config = good_config();
	config.pes = 512; /* the most: there is memory for their records */
	f.test.allocations = 0;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_EINVAL);
	assert_int_equal(f.test.allocations, 2);
	config.pes = PES;
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_ETIMEDOUT);
	BEHAVE();
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_EIO);
	BEHAVE();
	f.test.fail_after = f.test.allocations + 1;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_ENOMEM);
	f.test.fail_after = f.test.allocations + 2;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_ENOMEM);
	f.test.fail_after = 0;
	MISBEHAVE(.busy = 30);
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	end();
}

static void a_pe_is_a_group(void **state)
{
	const struct iommu_endpoint_info nowhere = {.segment = SEGMENT, .source_id = 0x2000};
	struct iommu_endpoint *one, *other, *alone, *far, *none;

	(void)state;
	begin();
	one = add(0x100);
	other = add(0x101);
	alone = add(0x200);
	assert_ptr_equal(iommu_endpoint_group(one), iommu_endpoint_group(other));
	assert_ptr_not_equal(iommu_endpoint_group(one), iommu_endpoint_group(alone));
	assert_int_equal(iommu_opal_pe(alone), 2);
	assert_string_equal(iommu_group_name(iommu_endpoint_group(alone)), "domain12-pe2");
	far = add(0xf00);
	assert_string_equal(iommu_group_name(iommu_endpoint_group(far)), "domain12-pef");
	assert_int_equal(iommu_release_endpoint(far), 0);
	/* What the host calls it stays. */
	iommu_group_set_name(iommu_endpoint_group(one), "disks");
	far = add(0x102);
	assert_string_equal(iommu_group_name(iommu_endpoint_group(far)), "disks");
	assert_int_equal(iommu_release_endpoint(far), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &nowhere, &none), IOMMU_ENOENT);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_release_endpoint(alone), 0);
	end();
}

/* --- Mapping ---------------------------------------------------------------------------------- */

static void drivers_map_through_a_window(void **state)
{
	struct iommu_endpoint *one, *other;
	struct iommu_dma_device device;
	struct iommu_dma *dma, *second;
	iommu_iova_t address, next;
	unsigned int i;

	(void)state;
	begin();
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	one = add(0x100);
	other = add(0x200);
	assert_true(is_blocked(1, 0x1000)); /* not enabled: closed */
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_dma_of(one, &dma), 0);
	assert_int_equal(iommu_dma_of(other, &second), 0);
	device = iommu_dma_device_of(one, 0);
	/* The bridge has looked everywhere, and remembers that there was nothing. */
	for (i = 0; i < 40; i++)
		assert_true(is_blocked(1, 0xfffef000ULL - i * 0x1000ULL));
	assert_int_equal(iommu_dma_map(dma, &device, MEMORY + 0x123, 0x2000,
				       IOMMU_DMA_BIDIRECTIONAL, &address),
			 0);
	assert_true(reaches(1, address, MEMORY + 0x123));
	assert_true(reaches(1, address + 0x1fff, MEMORY + 0x2122));
	assert_true(is_blocked(2, address)); /* another PE */
	/* Never in the interrupt window, or where the bridge decodes. */
	for (i = 0; i < 200; i++) {
		assert_int_equal(
			iommu_dma_map(dma, &device, MEMORY, 0x1000, IOMMU_DMA_BIDIRECTIONAL, &next),
			0);
		assert_true(next < 0xffff0000 && next >> 24 != 0x80);
	}
	assert_int_equal(iommu_dma_unmap(dma, address, 0x2000), 0);
	assert_true(is_blocked(1, address));
	assert_true(is_blocked(1, address + 0x1000));
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_false(is_open(1));
	assert_int_equal(iommu_release_endpoint(other), 0);
	end();
}

/* The bridge is told of the pages that any bytes are on, wherever those begin and end. */
static void any_bytes_are_told_of(void **state)
{
	static const struct {
		uint64_t offset, size;
	} cases[] = {{0, 8192},  {1, 4096}, {0x40, 64}, {0xfff, 2},
		     {0xfff, 1}, {4096, 1}, {5, 8000}};
	const uint64_t iova = 0x10000000;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	unsigned int i, page;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t offset = cases[i].offset, last = offset + cases[i].size - 1;

		for (page = 0; page < 2; page++) {
			assert_true(is_blocked(1, iova + page * 0x1000));
			assert_int_equal(iommu_map_nosync(domain, iova + page * 0x1000, MEMORY,
							  0x1000,
							  IOMMU_PROT_READ | IOMMU_PROT_WRITE),
					 0);
		}
		assert_int_equal(iommu_sync_map(domain, iova + offset, cases[i].size), 0);
		for (page = (unsigned int)(offset >> 12); page <= last >> 12; page++)
			assert_true(reaches(1, iova + page * 0x1000, MEMORY));
		assert_int_equal(iommu_unmap(domain, iova, 0x2000, 0, NULL), 0);
	}
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Each event once: of entries, of what the bridge is told, and of what it does not confirm. */
static void what_is_traced(void **state)
{
	const uint64_t iova = 0x10000000;
	struct iommu_unit_stats stats;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct trace_log log;
	unsigned int id;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	id = domain->number;
	trace_log_begin(&log, f.iommu, &f.test);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	EXPECT(&log, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = IOMMU_TRACE_DOMAIN,
	       .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = IOMMU_TRACE_DOMAIN,
	       .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_ATTACH, .domain = id, .unit = 1, .segment = SEGMENT,
	       .source_id = 0x100);
	trace_log_expect_end(&log);

	/* The bridge caches that there is nothing: it is told of a map, too. */
	assert_int_equal(iommu_map(domain, iova, MEMORY, 0x2000, RW), 0);
	EXPECT(&log, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova, .size = 0x2000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova, .size = 0x2000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_MAP, .domain = id, .iova = iova, .size = 0x2000);
	trace_log_expect_end(&log);
	assert_int_equal(iommu_unmap(domain, iova, 0x1000, 0, NULL), 0);
	EXPECT(&log, .type = IOMMU_TRACE_UNMAP, .domain = id, .iova = iova, .size = 0x1000);
	EXPECT(&log, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova, .size = 0x1000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova, .size = 0x1000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .domain = id, .iova = iova, .size = 0x1000);
	trace_log_expect_end(&log);

	/* Not confirmed; and everything, once the bridge answers. */
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_unmap(domain, iova + 0x1000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	EXPECT(&log, .type = IOMMU_TRACE_UNMAP, .domain = id, .iova = iova + 0x1000,
	       .size = 0x1000);
	EXPECT(&log, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova + 0x1000, .size = 0x1000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova + 0x1000, .size = 0x1000, .detail = 1, .count = 1,
	       .status = IOMMU_ETIMEDOUT);
	EXPECT(&log, .type = IOMMU_TRACE_WITHHELD, .domain = id, .iova = iova + 0x1000,
	       .size = 0x1000, .status = IOMMU_ETIMEDOUT);
	trace_log_expect_end(&log);
	BEHAVE();
	assert_int_equal(iommu_map(domain, iova, MEMORY, 0x1000, RW), 0);
	EXPECT(&log, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = IOMMU_TRACE_ALL,
	       .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = IOMMU_TRACE_ALL, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .domain = id);
	EXPECT(&log, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova, .size = 0x1000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = IOMMU_TRACE_PAGES,
	       .iova = iova, .size = 0x1000, .detail = 1, .count = 1);
	EXPECT(&log, .type = IOMMU_TRACE_MAP, .domain = id, .iova = iova, .size = 0x1000);
	trace_log_expect_end(&log);

	iommu_unit_get_stats(f.unit, &stats);
	assert_int_equal(stats.batches, 6);
	assert_int_equal(stats.confirmed, 5);
	assert_int_equal(stats.timed_out, 1);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	log.at = log.count - 1;
	EXPECT(&log, .type = IOMMU_TRACE_DETACH, .domain = id, .unit = 1, .segment = SEGMENT,
	       .source_id = 0x100);
	trace_log_expect_end(&log);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	EXPECT(&log, .type = IOMMU_TRACE_FREE, .domain = id);
	trace_log_expect_end(&log);
	end();
}

/*
 * The second window passes all of memory on, for those who have the bits, and no longer than it is
 * attached.
 */
static void memory_is_reached_beside_a_window(void **state)
{
	struct iommu_dma_piece pieces[3];
	struct iommu_dma_device wide, narrow;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *users;
	struct iommu_group *group;
	struct iommu_dma *dma;
	iommu_iova_t address;
	unsigned int elements;
	void *memory;

	(void)state;
	begin();
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA_BYPASS), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	assert_int_equal(iommu_dma_of(endpoint, &dma), 0);
	assert_int_equal(iommu_dma_required_mask(dma), (1ULL << 60) - 1);
	assert_true(reaches(1, BYPASS + MEMORY, MEMORY));
	assert_true(reaches(1, BYPASS + MEMORY_END - 1, MEMORY_END - 1));
	assert_true(is_blocked(1, BYPASS + MEMORY_END));
	assert_true(is_blocked(1, MEMORY));
	assert_true(is_blocked(2, BYPASS + MEMORY));

	wide = iommu_dma_device_of(endpoint, (1ULL << 60) - 1);
	narrow = iommu_dma_device_of(endpoint, (1ULL << 59) - 1);
	assert_int_equal(iommu_dma_map(dma, &wide, MEMORY + 5, 100, IOMMU_DMA_TO_DEVICE, &address),
			 0);
	assert_int_equal(address, BYPASS + MEMORY + 5);
	assert_int_equal(iommu_dma_unmap(dma, address, 100), 0);
	assert_int_equal(
		iommu_dma_map(dma, &narrow, MEMORY + 5, 100, IOMMU_DMA_TO_DEVICE, &address), 0);
	assert_true(address < 1ULL << WINDOW_BITS);
	assert_true(reaches_read(1, address, MEMORY + 5));
	assert_int_equal(iommu_dma_unmap(dma, address, 100), 0);
	assert_true(is_blocked(1, address));
	/*
	 * Not for registers beyond memory, for buffers that cross what the device cannot, nor for
	 * untrusted devices.
	 */
	assert_int_equal(
		iommu_dma_map(dma, &wide, MEMORY_END - 4096, 8192, IOMMU_DMA_TO_DEVICE, &address),
		0);
	assert_true(address < 1ULL << WINDOW_BITS);
	assert_int_equal(iommu_dma_unmap(dma, address, 8192), 0);
	wide.boundary = 0x10000;
	assert_int_equal(
		iommu_dma_map(dma, &wide, MEMORY + 0xfffe, 4, IOMMU_DMA_TO_DEVICE, &address), 0);
	assert_true(address < 1ULL << WINDOW_BITS);
	assert_int_equal(iommu_dma_unmap(dma, address, 4), 0);
	wide.boundary = 0;
	/* Nor what does not lie as the device asks. */
	wide.alignment = 0x40000;
	assert_int_equal(
		iommu_dma_map(dma, &wide, MEMORY + 0x10007, 4, IOMMU_DMA_TO_DEVICE, &address), 0);
	assert_true(address < 1ULL << WINDOW_BITS);
	assert_int_equal(address % 0x40000, 7);
	assert_int_equal(iommu_dma_unmap(dma, address, 4), 0);
	wide.alignment = 0;
	wide.untrusted = true;
	assert_int_equal(iommu_dma_map(dma, &wide, MEMORY, 4096, IOMMU_DMA_TO_DEVICE, &address), 0);
	assert_true(address < 1ULL << WINDOW_BITS);
	assert_int_equal(iommu_dma_unmap(dma, address, 4096), 0);
	wide.untrusted = false;
	/* Shared memory, and scattered buffers: all pieces or none. */
	assert_int_equal(iommu_dma_alloc(dma, &wide, 5000, &memory, &address), 0);
	assert_int_equal(address, BYPASS + iommu_virt_to_phys(&f.test.platform, memory));
	assert_int_equal(iommu_dma_free(dma, memory, address + 4096, 5000), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(dma, (char *)memory + 8, address + 8, 5000), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(dma, memory, address, 5000), 0);
	assert_int_equal(iommu_dma_alloc(dma, &narrow, 5000, &memory, &address), 0);
	assert_true(address < 1ULL << WINDOW_BITS);
	assert_int_equal(iommu_dma_free(dma, memory, address, 5000), 0);
	pieces[0] = (struct iommu_dma_piece){.paddr = MEMORY, .size = 0x1000};
	pieces[1] = (struct iommu_dma_piece){.paddr = MEMORY + 0x1000, .size = 0x234};
	pieces[2] = (struct iommu_dma_piece){.paddr = MEMORY + 0x8000, .size = 0x10};
	assert_int_equal(iommu_dma_map_sg(dma, &wide, pieces, 3, IOMMU_DMA_TO_DEVICE, &elements),
			 0);
	assert_int_equal(elements, 2);
	assert_int_equal(pieces[0].address, BYPASS + MEMORY);
	assert_int_equal(pieces[0].length, 0x1234);
	assert_int_equal(pieces[1].address, BYPASS + MEMORY + 0x8000);
	assert_int_equal(pieces[1].length, 0x10);
	assert_int_equal(iommu_dma_unmap_sg(dma, pieces, 3), 0);
	pieces[2].paddr = MEMORY_END;
	assert_int_equal(iommu_dma_map_sg(dma, &wide, pieces, 3, IOMMU_DMA_TO_DEVICE, &elements),
			 0);
	assert_true(pieces[0].address < 1ULL << WINDOW_BITS);
	assert_int_equal(iommu_dma_unmap_sg(dma, pieces, 3), 0);

	/* It goes as ownership does. */
	assert_int_equal(iommu_group_claim(group, &f), IOMMU_EBUSY); /* the handle is a use */
	iommu_unuse_default_domain(endpoint);
	assert_int_equal(iommu_group_claim(group, &f), 0);
	assert_true(is_blocked(1, BYPASS + MEMORY));
	users = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(users, group), 0);
	assert_true(is_blocked(1, BYPASS + MEMORY));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_group_release(group, &f), 0);
	assert_true(reaches(1, BYPASS + MEMORY, MEMORY));
	/* Firmware does not open it, and later does not close it. */
	assert_int_equal(iommu_group_claim(group, &f), 0);
	MISBEHAVE(.refuse_open = 1);
	assert_int_equal(iommu_group_release(group, &f), IOMMU_EIO);
	assert_true(is_blocked(1, BYPASS + MEMORY));
	assert_true(is_blocked(1, MEMORY));
	assert_int_equal(iommu_group_release(group, &f), 0);
	assert_true(reaches(1, BYPASS + MEMORY, MEMORY));
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(iommu_group_claim(group, &f), IOMMU_EIO);
	BEHAVE();
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_true(is_blocked(1, BYPASS + MEMORY));
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(reaches(1, BYPASS + MEMORY, MEMORY));
	assert_int_equal(iommu_domain_free(users), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_true(is_blocked(1, BYPASS + MEMORY));
	end();
}

#define LARGE 0x10000ULL

/* The whole DMA API in pages of 64K: nothing is handed out, shared or bounced by less. */
static void drivers_map_in_larger_pages(void **state)
{
	const struct iommu_domain_config config = {.pgsize_bitmap = LARGE};
	struct iommu_dma_config dma_config = {.domain = NULL};
	struct iommu_dma_device device, untrusted;
	struct iommu_dma_window window;
	struct iommu_dma_piece pieces[2];
	struct iommu_dma_stats stats;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	iommu_iova_t address, other;
	unsigned char *buffer;
	struct iommu_dma *dma;
	unsigned int elements, i, lazy;
	iommu_paddr_t paddr;
	void *memory;

	(void)state;
	for (lazy = 0; lazy < 2; lazy++) {
		begin();
		assert_int_equal(iommu_reserve(f.iommu, 0x50fff, 0x51000), 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		endpoint = add(0x100);
		device = iommu_dma_device_of(endpoint, UINT32_MAX);
		untrusted = device;
		untrusted.untrusted = true;
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_DMA, &config, &domain), 0);
		assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)),
				 0);
		dma_config.domain = domain;
		dma_config.flags = lazy != 0 ? IOMMU_DMA_LAZY : 0;
		assert_int_equal(iommu_dma_create(&dma_config, &dma), 0);
		assert_non_null(iommu_iova_find(iommu_domain_iova_space(domain), 0x50000 / LARGE));

		/* A buffer on two pages: both, whole; and the address has its place in the page. */
		assert_int_equal(iommu_dma_map(dma, &device, MEMORY + LARGE - 16, 32,
					       IOMMU_DMA_BIDIRECTIONAL, &address),
				 0);
		assert_int_equal(address % LARGE, LARGE - 16);
		assert_true(reaches(1, address, MEMORY + LARGE - 16));
		assert_true(reaches(1, address + 31, MEMORY + LARGE + 15));
		assert_true(reaches(1, address - (LARGE - 16), MEMORY));
		assert_int_equal(
			iommu_dma_map(dma, &device, MEMORY, 1, IOMMU_DMA_BIDIRECTIONAL, &other), 0);
		assert_true(other / LARGE != address / LARGE &&
			    other / LARGE != address / LARGE + 1);
		assert_int_equal(iommu_dma_unmap(dma, address, 32), 0);
		assert_int_equal(iommu_dma_unmap(dma, other, 1), 0);
		assert_int_equal(is_blocked(1, address), lazy == 0);
		assert_int_equal(is_blocked(1, address + 16), lazy == 0);
		assert_true(is_blocked(1, other)); /* the bridge never looked */

		/* Shared memory takes a page of its own. */
		assert_int_equal(iommu_dma_alloc(dma, &device, 100, &memory, &address), 0);
		assert_int_equal(iommu_virt_to_phys(&f.test.platform, memory) % LARGE, 0);
		assert_true(reaches(1, address + LARGE - 1,
				    iommu_virt_to_phys(&f.test.platform, memory) + LARGE - 1));
		assert_int_equal(iommu_dma_free(dma, memory, address, 100), 0);
		assert_true(is_blocked(1, address));
		assert_int_equal(iommu_dma_alloc(dma, &device, LARGE + 1, &memory, &address), 0);
		assert_true(reaches(1, address + 2 * LARGE - 1,
				    iommu_virt_to_phys(&f.test.platform, memory) + 2 * LARGE - 1));
		assert_int_equal(iommu_dma_free(dma, memory, address, LARGE + 1), 0);
		assert_true(is_blocked(1, address + LARGE));
		/* In pieces: whole pages of the domain, too. */
		assert_int_equal(iommu_dma_alloc(dma, &device, 3 * LARGE, NULL, &address), 0);
		for (i = 0; i < 3; i++) {
			assert_int_equal(iommu_iova_to_phys(domain, address + i * LARGE, &paddr),
					 0);
			assert_int_equal(paddr % LARGE, 0);
		}
		assert_int_equal(iommu_dma_free(dma, NULL, address, 3 * LARGE), 0);
		assert_true(is_blocked(1, address + LARGE));

		pieces[0] = (struct iommu_dma_piece){.paddr = MEMORY + 0x100, .size = 0x200};
		pieces[1] = (struct iommu_dma_piece){.paddr = MEMORY + 0x9ff00, .size = 0x200};
		assert_int_equal(iommu_dma_map_sg(dma, &device, pieces, 2, IOMMU_DMA_BIDIRECTIONAL,
						  &elements),
				 0);
		assert_int_equal(elements, 2);
		assert_true(reaches(1, pieces[0].address, MEMORY + 0x100));
		assert_true(reaches(1, pieces[1].address + 0x1ff, MEMORY + 0xa00ff));
		assert_int_equal(iommu_dma_unmap_sg(dma, pieces, 2), 0);

		assert_int_equal(iommu_dma_window_create(dma, &device, 4, &window), 0);
		assert_int_equal(window.start % LARGE, 0);
		assert_int_equal(
			iommu_dma_window_map(&window, 1, MEMORY, 2, IOMMU_DMA_BIDIRECTIONAL), 0);
		assert_true(is_blocked(1, window.start));
		assert_true(reaches(1, window.start + 3 * LARGE - 1, MEMORY + 2 * LARGE - 1));
		assert_true(is_blocked(1, window.start + 3 * LARGE));
		assert_int_equal(iommu_dma_window_destroy(&window), 0);

		/* A device that is not trusted sees nothing else of the page. */
		buffer = f.test.platform.alloc_pages(f.test.platform.ctx, 4, IOMMU_NODE_ANY, 0);
		assert_non_null(buffer);
		paddr = iommu_virt_to_phys(&f.test.platform, buffer);
		for (i = 0; i < LARGE; i++)
			buffer[i] = 0x5a;
		if (lazy == 0) {
			iommu_paddr_t page;

			assert_int_equal(iommu_dma_map(dma, &untrusted, paddr + 0x8000, 0x10,
						       IOMMU_DMA_BIDIRECTIONAL, &address),
					 0);
			assert_int_equal(address % LARGE, 0x8000);
			assert_true(access_by(1, address, &page));
			assert_true(page / LARGE != paddr / LARGE);
			memory = iommu_phys_to_virt(&f.test.platform, page & -LARGE);
			for (i = 0; i < LARGE; i++)
				assert_int_equal(((unsigned char *)memory)[i],
						 i >= 0x8000 && i < 0x8010 ? 0x5a : 0);
			memset(memory, 0x77, LARGE);
			assert_int_equal(iommu_dma_unmap(dma, address, 0x10), 0);
			for (i = 0; i < LARGE; i++)
				assert_int_equal(buffer[i],
						 i >= 0x8000 && i < 0x8010 ? 0x77 : 0x5a);
		}
		f.test.platform.free_pages(f.test.platform.ctx, buffer, 4);
		iommu_dma_get_stats(dma, &stats);
		assert_int_equal(stats.bounced + stats.lost, 0);
		assert_int_equal(iommu_dma_destroy(dma), 0);
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
		end();
	}
}

static void pages_beyond_the_hosts_are_refused(void **state)
{
	const struct iommu_domain_config config = {.pgsize_bitmap = 1 << 24};
	struct iommu_dma_config dma_config = {.domain = NULL};
	struct iommu_domain *domain;
	struct iommu_dma *dma;

	(void)state;
	begin();
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_DMA, &config, &domain), 0);
	dma_config.domain = domain;
	assert_int_equal(iommu_dma_create(&dma_config, &dma), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void all_kinds_of_domains(void **state)
{
	struct iommu_domain_config config = {.pgsize_bitmap = 1ULL << 16, .address_width = 30};
	struct iommu_domain *identity, *blocked, *large, *none;
	struct iommu_endpoint *endpoint;
	struct iommu_domain_info info;
	struct iommu_group *group;

	(void)state;
	begin();
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	identity = domain_of(IOMMU_DOMAIN_IDENTITY);
	blocked = domain_of(IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &large), 0);
	iommu_domain_get_info(large, &info);
	assert_int_equal(info.pgsize_bitmap, 1ULL << 16);
	assert_int_equal(info.aperture_last, (1ULL << 30) - 1);
	assert_int_equal(info.levels, 2);
	config.address_width = 33;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &none),
			 IOMMU_EINVAL);
	config = (struct iommu_domain_config){.pgsize_bitmap = 1ULL << 21};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &none),
			 IOMMU_EINVAL);
	config = (struct iommu_domain_config){.force_snoop = true};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &none),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_attach_group(identity, group), 0);
	assert_true(reaches(1, MEMORY, MEMORY));
	assert_int_equal(iommu_domain_attach_group(large, group), 0);
	assert_true(is_blocked(1, 0x10000));
	assert_int_equal(iommu_map(large, 0x10000, MEMORY, 0x1000, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_map(large, 0x10000, MEMORY, 0x20000, RW), 0);
	assert_true(reaches(1, 0x2fff0, MEMORY + 0x1fff0));
	assert_int_equal(iommu_unmap(large, 0x10000, 0x10000, 0, NULL), 0);
	assert_true(is_blocked(1, 0x10000));
	assert_true(reaches(1, 0x20000, MEMORY + 0x10000));
	assert_int_equal(iommu_domain_attach_group(blocked, group), 0);
	assert_true(is_blocked(1, 0x20000));
	assert_int_equal(iommu_domain_attach_group(large, group), 0);
	assert_true(reaches(1, 0x20000, MEMORY + 0x10000));
	/* Off is closed here; what was attached holds again after on. */
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_true(is_blocked(1, 0x20000));
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(reaches(1, 0x20000, MEMORY + 0x10000));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_true(is_blocked(1, 0x20000));
	assert_int_equal(iommu_domain_free(identity), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	assert_int_equal(iommu_domain_free(large), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* Few PEs are told one by one, many with one call. */
static void one_domain_in_many_pes(void **state)
{
	struct iommu_model_phb_stats before, after;
	struct iommu_endpoint *endpoints[12];
	struct iommu_domain *domain;
	unsigned int count, i;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	for (count = 1; count <= 12; count++) {
		endpoints[count - 1] = add((uint16_t)(count << 8));
		assert_int_equal(iommu_domain_attach_group(
					 domain, iommu_endpoint_group(endpoints[count - 1])),
				 0);
		assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
		for (i = 1; i <= count; i++)
			assert_true(reaches(i, 0x5000, MEMORY));
		iommu_model_phb_get_stats(f.model, &before);
		assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), 0);
		iommu_model_phb_get_stats(f.model, &after);
		assert_int_equal(after.page_kills - before.page_kills, count <= 8 ? count : 0);
		assert_int_equal(after.all_kills - before.all_kills, count > 8);
		for (i = 1; i <= count; i++)
			assert_true(is_blocked(i, 0x5000));
	}
	for (i = 0; i < 12; i++) {
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoints[i])), 0);
		assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
	}
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* What functions of one PE have, they have together. */
static void members_of_a_pe_come_and_go(void **state)
{
	struct iommu_endpoint *one, *other;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	one = add(0x100);
	group = iommu_endpoint_group(one);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	other = add(0x101);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_true(reaches(1, 0x5000, MEMORY)); /* the other goes on */
	one = add(0x102);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	end();
}

/* --- Failures --------------------------------------------------------------------------------- */

static void what_the_bridge_does_not_forget_is_kept(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_domain_info info;
	size_t pages;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_map(domain, 0, MEMORY, IOMMU_SIZE_2M, RW), 0);
	assert_true(reaches(1, 0x5000, MEMORY + 0x5000));
	pages = f.test.hosted.pages_in_use;
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_unmap(domain, 0, IOMMU_SIZE_2M, 0, NULL), IOMMU_ETIMEDOUT);
	assert_true(reaches(1, 0x5000, MEMORY + 0x5000)); /* that is why */
	assert_int_equal(f.test.hosted.pages_in_use, pages);
	iommu_domain_get_info(domain, &info);
	assert_true(info.withheld);
	assert_int_equal(iommu_map(domain, 0x40000000, MEMORY, 0x1000, RW), IOMMU_ETIMEDOUT);
	BEHAVE();
	pages = f.test.hosted.pages_in_use;
	/* Whatever is told it next is told as: forget all. */
	assert_int_equal(iommu_unmap(domain, 0x80000000, 0x1000, 0, NULL), 0);
	assert_true(is_blocked(1, 0x5000));
	iommu_domain_get_info(domain, &info);
	assert_false(info.withheld);
	assert_int_equal(f.test.hosted.pages_in_use, pages - 1);
	/* The same for a domain that goes. */
	assert_int_equal(iommu_map(domain, 0, MEMORY, IOMMU_SIZE_2M, RW), 0);
	assert_true(reaches(1, 0x5000, MEMORY + 0x5000));
	pages = f.test.hosted.pages_in_use;
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)),
			 IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_free(domain), IOMMU_ETIMEDOUT);
	assert_int_equal(f.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_release_endpoint(endpoint), IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* A window that firmware does not close leads to its tables still. */
static void a_window_that_stays_open_keeps_its_tables(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain, *other;
	struct iommu_group *group;
	size_t pages;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	pages = f.test.hosted.pages_in_use;
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_EIO);
	assert_int_equal(iommu_domain_detach_group(group),
			 IOMMU_EIO); /* there is nothing to detach */
	assert_true(reaches(1, 0x5000, MEMORY));
	/* Its first table, and the domain, stay; what was mapped in it does not. */
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_true(f.test.hosted.pages_in_use >= 2 && f.test.hosted.pages_in_use < pages);
	assert_true(is_blocked(1, 0x5000));
	pages = f.test.hosted.pages_in_use;
	/* It takes its time; an invalidation that is confirmed is not enough. */
	other = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(other, 0x5000, MEMORY, 0x1000, RW), 0);
	assert_int_equal(iommu_unmap(other, 0x5000, 0x1000, 0, NULL), 0);
	assert_true(f.test.hosted.pages_in_use > pages);
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	BEHAVE();
	/* Closed by the next control call, and then its tables go. */
	assert_int_equal(iommu_domain_attach_group(other, group), 0);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	assert_true(f.test.hosted.pages_in_use < pages);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

static void a_window_that_is_not_opened_leaves_the_old_one(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *a, *b;
	struct iommu_group *group;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	a = domain_of(IOMMU_DOMAIN_PAGING);
	b = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(a, 0x5000, MEMORY, 0x2000, RW), 0);
	MISBEHAVE(.refuse_open = 1);
	assert_int_equal(iommu_domain_attach_group(a, group), IOMMU_EIO);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	MISBEHAVE(.refuse_open = 1);
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_EIO);
	assert_true(reaches(1, 0x5000, MEMORY));
	/* Opened, but the bridge does not say that it has forgotten the old one. */
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_true(reaches(1, 0x6000, MEMORY + 0x1000)); /* it had not looked there before */
	assert_ptr_equal(iommu_group_domain(group), a);
	/* Nor does it come up with such a window. */
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	MISBEHAVE(.refuse_open = 1);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

static void refuse(unsigned int at, unsigned int count)
{
	f.refuse_at = at;
	f.refusals = count;
}

/* Two of three PEs in use; the third is there to show that nothing happens to the others. */
static void a_disable_that_stops_half_way_is_none(void **state)
{
	struct iommu_domain *domains[3];
	struct iommu_endpoint *endpoints[3];
	unsigned int i;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	for (i = 0; i < 3; i++) {
		endpoints[i] = add((uint16_t)(0x100 + 0x100 * i));
		domains[i] = domain_of(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_map(domains[i], 0x5000, MEMORY + (i << 12), 0x1000, RW), 0);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(
			iommu_domain_attach_group(domains[i], iommu_endpoint_group(endpoints[i])),
			0);
	refuse(2, 1); /* the second window stays open */
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	assert_true(iommu_unit_is_enabled(f.unit));
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_true(reaches(2, 0x5000, MEMORY + 0x1000));
	assert_int_equal(iommu_domain_attach_group(domains[2], iommu_endpoint_group(endpoints[2])),
			 0);
	assert_true(reaches(2, 0x5000, MEMORY + 0x1000));
	assert_true(reaches(3, 0x5000, MEMORY + 0x2000));
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	/* The same where the way back fails: then a map says so, and an enable repairs. */
	refuse(2, 4);
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	assert_int_equal(iommu_map(domains[0], 0x6000, MEMORY, 0x1000, RW), IOMMU_EIO);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_map(domains[0], 0x6000, MEMORY, 0x1000, RW), 0);
	assert_true(reaches(1, 0x6000, MEMORY));
	for (i = 0; i < 3; i++) {
		assert_true(reaches(i + 1, 0x5000, MEMORY + (i << 12)));
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoints[i])), 0);
		assert_int_equal(iommu_domain_free(domains[i]), 0);
		assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
	}
	end();
}

/* Whatever firmware answers: the caller's arguments are not what is wrong. */
static void answers_of_firmware_are_errors_of_the_header(void **state)
{
	static const struct {
		int64_t answer;
		int status;
	} rows[] = {{-1, IOMMU_EIO},  {-6, IOMMU_EIO},       {-14, IOMMU_EIO},
		    {-99, IOMMU_EIO}, {-2, IOMMU_ETIMEDOUT}, {-12, IOMMU_ETIMEDOUT}};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain, *other;
	struct iommu_group *group;
	size_t i;

	(void)state;
	begin();
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	other = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.answer = rows[i].answer;
		refuse(1, UINT32_MAX);
		assert_int_equal(iommu_unit_enable(f.unit), rows[i].status);
		assert_false(iommu_unit_is_enabled(f.unit));
		refuse(0, 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_true(reaches(1, 0x5000, MEMORY));
		refuse(1, UINT32_MAX);
		assert_int_equal(iommu_domain_attach_group(other, group), rows[i].status);
		assert_int_equal(iommu_unit_enable(f.unit), rows[i].status);
		assert_int_equal(iommu_unit_disable(f.unit), rows[i].status);
		assert_int_equal(iommu_domain_detach_group(group), rows[i].status);
		refuse(0, 0);
		assert_int_equal(iommu_domain_attach_group(domain, group), 0);
		assert_int_equal(iommu_unit_disable(f.unit), 0);
	}
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* Two PEs with a domain each, behind a unit that is off. */
static void make_two_users(struct iommu_domain **domains, struct iommu_endpoint **endpoints)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		endpoints[i] = add((uint16_t)(0x100 + 0x100 * i));
		domains[i] = domain_of(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_map(domains[i], 0x5000, MEMORY + (i << 12), 0x1000, RW), 0);
		assert_int_equal(
			iommu_domain_attach_group(domains[i], iommu_endpoint_group(endpoints[i])),
			0);
	}
}

static void end_two_users(struct iommu_domain **domains, struct iommu_endpoint **endpoints)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoints[i])), 0);
		assert_int_equal(iommu_domain_free(domains[i]), 0);
		assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
	}
}

/* What is on stays on, and is known to be: a disable is none that says 0 and leaves it so. */
static void an_enable_that_fails_turns_nothing_off(void **state)
{
	struct iommu_domain *domains[2];
	struct iommu_endpoint *endpoints[2];

	(void)state;
	begin();
	make_two_users(domains, endpoints);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	refuse(2, 1);
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	refuse(1, 2);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	assert_true(iommu_unit_is_enabled(f.unit));
	/* A suspend that fails has resumed what was on. */
	refuse(1, 1);
	assert_int_equal(iommu_suspend(f.iommu), IOMMU_EIO);
	assert_true(iommu_unit_is_enabled(f.unit));
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit));
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_false(iommu_unit_is_enabled(f.unit));
	assert_true(is_blocked(1, 0x5000));
	assert_true(is_blocked(2, 0x5000));
	end_two_users(domains, endpoints);
	end();
}

/* A window that an enable has opened, and could not close: no suspend makes that settled. */
static void half_an_enable_is_undone_by_a_disable(void **state)
{
	struct iommu_domain *domains[2];
	struct iommu_endpoint *endpoints[2];

	(void)state;
	begin();
	make_two_users(domains, endpoints);
	refuse(2, 1000);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	assert_int_equal(iommu_suspend(f.iommu), IOMMU_EIO);
	refuse(0, 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_false(iommu_unit_is_enabled(f.unit));
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_true(is_blocked(1, 0x5000));
	end_two_users(domains, endpoints);
	end();
}

/* A detached device whose window stays open: no call says 0 on top of that. */
static void what_is_not_detached_is_not_said_to_be(void **state)
{
	struct iommu_endpoint *endpoint, *member;
	const struct iommu_endpoint_info info = {.segment = SEGMENT, .source_id = 0x101};
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_EIO);
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_EIO);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &member), IOMMU_EIO);
	BEHAVE();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* An attach fails, and the way back, too. */
static void an_attach_whose_way_back_fails_is_repaired(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *a, *b;
	struct iommu_group *group;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	a = domain_of(IOMMU_DOMAIN_PAGING);
	b = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_int_equal(iommu_map(a, 0x5000, MEMORY, 0x1000, RW), 0);
	assert_int_equal(iommu_map(b, 0x5000, MEMORY + 0x1000, 0x1000, RW), 0);
	refuse(1, 2);
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_EIO);
	assert_ptr_equal(iommu_group_domain(group), a);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_map(a, 0x6000, MEMORY, 0x1000, RW), IOMMU_EIO);
	refuse(1, 2);
	assert_int_equal(iommu_domain_attach_group(a, group), IOMMU_EIO);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_int_equal(iommu_map(a, 0x6000, MEMORY, 0x1000, RW), 0);
	assert_true(reaches(1, 0x6000, MEMORY));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* An unmap of what is not mapped confirms what an earlier one could not. */
static void an_unmap_of_nothing_confirms(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;
	uint64_t unmapped, before;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, &unmapped), IOMMU_ETIMEDOUT);
	before = f.test.clock_ns;
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, &unmapped), IOMMU_ETIMEDOUT);
	assert_true(f.test.clock_ns - before < 1000000); /* it is not waited for again */
	assert_true(reaches(1, 0x5000, MEMORY));
	BEHAVE();
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, &unmapped), 0);
	assert_int_equal(unmapped, 0);
	assert_true(is_blocked(1, 0x5000));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/*
 * A second of the host's clock for the first wait that runs out; the next looks, and does not wait.
 */
static void a_busy_bridge_is_waited_for_once(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;
	uint64_t before;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x3000, RW), 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	assert_true(reaches(1, 0x7000, MEMORY + 0x2000));
	/* It takes its time: nothing is lost of what is told it one after the other. */
	MISBEHAVE(.slow_kills = 50);
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x3000, 0, NULL), 0);
	assert_true(is_blocked(1, 0x5000));
	assert_true(is_blocked(1, 0x7000));
	BEHAVE();
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	assert_true(reaches(1, 0x5000, MEMORY));
	MISBEHAVE(.kills_hang = true);
	before = f.test.clock_ns;
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	assert_true(f.test.clock_ns - before >= 1000000000);
	assert_true(reaches(1, 0x5000, MEMORY));
	before = f.test.clock_ns;
	assert_int_equal(iommu_map(domain, 0x8000, MEMORY, 0x1000, RW), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	assert_true(f.test.clock_ns - before < 1000000);
	BEHAVE();
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), 0);
	assert_true(is_blocked(1, 0x5000));
	/* Alive again, and slow: it is waited for. */
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	MISBEHAVE(.slow_kills = 50);
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), 0);
	BEHAVE();
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/*
 * A register that keeps what was written never reads as idle: the host says so, or the bridge is
 * not taken.
 */
static void a_silent_register_is_read_back(void **state)
{
	struct iommu_opal_config config;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	begin_unprobed();
	config = good_config();
	MISBEHAVE(.keeps_kills = true);
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_ETIMEDOUT);
	config.register_is_silent = true;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	f.unit = iommu_next_unit(f.iommu, NULL);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x2000, RW), 0);
	assert_true(reaches(1, 0x6000, MEMORY + 0x1000));
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x2000, 0, NULL), 0);
	assert_true(is_blocked(1, 0x6000));
	/* All ones are what is read where no bridge is any more. */
	assert_int_equal(iommu_map(domain, 0x5000, MEMORY, 0x1000, RW), 0);
	phb_registers.are_gone = true;
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	phb_registers.are_gone = false;
	assert_int_equal(iommu_unmap(domain, 0x5000, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* A host's own window on such a bridge, without the back end. */
static void windows_of_hosts_are_told_by_register(void **state)
{
	struct iommu_tce_register told = {
		.platform = &f.test.platform, .registers = phb_registers_base, .pe = 5};
	struct iommu_tce_memory_config config = {
		.table = {.platform = &f.test.platform, .entries = 1 << 18, .page_shift = 12},
		.levels = 2,
		.output_bits = 50,
		.kill = {.ctx = &told,
			 .pages = iommu_tce_register_kill_pages,
			 .all = iommu_tce_register_kill_pe},
	};
	struct iommu_model_phb_stats before, after;
	struct iommu_tce_table *table;
	uint64_t address, i;

	(void)state;
	begin();
	config.levels = 2;
	assert_int_equal(iommu_tce_memory_create(&config, &table), 0);
	assert_int_equal(
		iommu_model_phb_set_tve(f.model, 2 * 5,
					tve_table(iommu_tce_memory_root(table), 2, 12, 12)),
		0);
	for (i = 0; i < 32; i++)
		assert_true(is_blocked(5, i << 12)); /* it remembers that */
	assert_int_equal(iommu_tce_table_map(table, MEMORY, 3, RW, NULL, &address), 0);
	for (i = 0; i < 3; i++)
		assert_true(reaches(5, address + (i << 12), MEMORY + (i << 12)));
	iommu_model_phb_get_stats(f.model, &before);
	assert_int_equal(iommu_tce_table_unmap(table, address, 3), 0);
	iommu_model_phb_get_stats(f.model, &after);
	assert_true(after.page_kills - before.page_kills + after.pe_kills - before.pe_kills > 0);
	for (i = 0; i < 3; i++)
		assert_true(is_blocked(5, address + (i << 12)));
	/* Many: all of the PE's at once. */
	assert_int_equal(iommu_tce_table_map(table, MEMORY, 100, RW, NULL, &address), 0);
	assert_true(reaches(5, address + 99 * 4096, MEMORY + 99 * 4096));
	iommu_model_phb_get_stats(f.model, &before);
	assert_int_equal(iommu_tce_table_unmap(table, address, 100), 0);
	iommu_model_phb_get_stats(f.model, &after);
	assert_int_equal(after.page_kills, before.page_kills);
	assert_true(is_blocked(5, address + 99 * 4096));
	/* A busy bridge is no bridge that has forgotten. */
	assert_int_equal(iommu_tce_table_map(table, MEMORY, 1, RW, NULL, &address), 0);
	assert_true(reaches(5, address, MEMORY));
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_tce_table_unmap(table, address, 1), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_tce_table_destroy(table), IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_int_equal(iommu_model_phb_set_tve(f.model, 2 * 5, 0), 0);
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	end();
}

static void registers_are_mapped_and_given_back(void **state)
{
	struct iommu_opal_config config;

	(void)state;
	begin();
	assert_int_equal(phb_registers.mapped, 1);
	config = good_config();
	config.phb = PHB + 1;
	config.pes = 257; /* the register has eight bits for them */
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_EINVAL);
	config.pes = PES;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), IOMMU_EFAULT);
	phb_registers.mapped--;
	assert_int_equal(iommu_destroy(f.iommu), 0);
	assert_int_equal(phb_registers.mapped, 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	end();
}

/* Memory of a manager's, through the window of one PE and then of two. */
static void managers_map_through_a_window(void **state)
{
	const unsigned int rw = IOMMU_IOAS_READ | IOMMU_IOAS_WRITE;
	struct iommu_endpoint *one, *other;
	struct test_memory memory;
	struct iommu_backing backing;
	uint32_t ioas, device, second;
	struct iommu_file *ctx;
	iommu_iova_t iova;
	uint64_t unmapped;

	(void)state;
	begin();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	one = add(0x100);
	other = add(0x200);
	test_memory_init(&memory, MEMORY_SCATTERED, 0, 1024, MEMORY);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_true(iommu_capable(one, IOMMU_CAPABLE_INTERRUPT_ISOLATION));
	assert_true(iommu_capable(one, IOMMU_CAPABLE_CACHE_COHERENCY));
	assert_int_equal(iommu_device_bind(ctx, one, &device), 0);
	assert_int_equal(iommu_device_bind(ctx, other, &second), 0);
	assert_int_equal(iommu_device_attach(ctx, device, 0, ioas, NULL), 0);
	/* Where the bridge decodes, where interrupts go, and beyond the window. */
	for (unsigned int i = 0; i < 3; i++) {
		iova = (const iommu_iova_t[]){0x80fff000, 0xffff0000, 1ULL << WINDOW_BITS}[i];
		assert_int_equal(
			iommu_ioas_map(ctx, ioas, &backing, 0x1000, rw | IOMMU_IOAS_FIXED, &iova),
			IOMMU_EINVAL);
	}
	iova = 0x40000000;
	assert_int_equal(
		iommu_ioas_map(ctx, ioas, &backing, 1024 * 4096, rw | IOMMU_IOAS_FIXED, &iova), 0);
	assert_int_equal(memory.pins, 1024);
	assert_true(reaches(1, iova + 0x5678, test_memory_paddr(&memory, 0x5678)));
	assert_true(is_blocked(2, iova));
	assert_int_equal(iommu_device_attach(ctx, second, 0, ioas, NULL), 0);
	assert_int_equal(memory.pins, 1024);
	assert_true(reaches(2, iova + 0x3ff123, test_memory_paddr(&memory, 0x3ff123)));
	/* The bridge does not forget: what was mapped stays pinned. */
	MISBEHAVE(.kills_hang = true);
	assert_int_not_equal(iommu_ioas_unmap(ctx, ioas, iova, 1024 * 4096, &unmapped), 0);
	assert_int_equal(memory.pins, 1024);
	BEHAVE();
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova, 1024 * 4096, &unmapped), 0);
	assert_int_equal(unmapped, 1024 * 4096);
	assert_int_equal(memory.pins, 0);
	assert_true(is_blocked(1, iova) && is_blocked(2, iova));
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x4000, rw, &iova), 0);
	assert_true(reaches(2, iova, test_memory_paddr(&memory, 0)));
	assert_int_equal(iommu_file_destroy(ctx), 0);
	assert_true(is_blocked(1, iova) && is_blocked(2, iova));
	test_memory_destroy(&memory);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	end();
}

/*
 * An attach fails, and so does the way back: as long as a window may lead to all of memory, nothing
 * is unmapped for certain; where firmware has closed both, it is.
 */
static void no_unmap_is_confirmed_beside_a_window_in_doubt(void **state)
{
	const struct iommu_domain_config config = {.bypass = true};
	struct iommu_domain *plain, *others[2];
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	unsigned int astray = 0, closed = 0, n, i;

	(void)state;
	begin();
	endpoint = add(0x200);
	group = iommu_endpoint_group(endpoint);
	plain = domain_of(IOMMU_DOMAIN_PAGING);
	others[0] = domain_of(IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &others[1]), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_attach_group(plain, group), 0);
	for (i = 0; i < 32; i++) {
		bool reached;
		int status;

		assert_int_equal(iommu_map(plain, 0x1000, MEMORY, 0x1000, RW), 0);
		f.refuse_at = 1 + i / 2 % 4;
		f.refusals = i < 16 ? 1000 : 1 + i / 8 % 2;
		status = iommu_domain_attach_group(others[i % 2], group);
		f.refuse_at = 0;
		reached = reaches(2, MEMORY, MEMORY) || reaches(2, BYPASS | MEMORY, MEMORY);
		n = status != 0 && reached;
		astray += n;
		closed += !is_open(2);
		status = iommu_unmap(plain, 0x1000, 0x1000, 0, NULL);
		assert_true(n != 0 ? status == IOMMU_EIO : status == 0 || is_open(2));
		assert_int_equal(iommu_domain_attach_group(plain, group), 0);
		assert_true(is_blocked(2, MEMORY) && is_blocked(2, BYPASS | MEMORY));
		assert_int_equal(iommu_unmap(plain, 0x1000, 0x1000, 0, NULL), 0);
	}
	assert_true(closed != 0);
	assert_true(astray >= 2);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(plain), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_domain_free(others[i]), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* --- A bypass below bit 59 -------------------------------------------------------------------- */

#define LOW (1ULL << 32)

static void begin_low(iommu_paddr_t memory_end)
{
	struct iommu_opal_config config = good_config();

	begin_unprobed();
	config.page_sizes |= 1ULL << 28;
	config.memory_end = memory_end;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "phb3");
}

/* Devices of 32 to 59 address bits, on a bridge with pages of 256 MiB. */
static void a_bypass_lies_where_devices_reach_it(void **state)
{
	const iommu_paddr_t end_of_memory = MEMORY_END - 0x10000; /* within a page */
	struct iommu_domain_config config = {.bypass = true, .bypass_width = 40};
	struct iommu_domain *domain = NULL;
	struct iommu_endpoint *endpoint;
	iommu_iova_t offset = 0;

	(void)state;
	begin_low(end_of_memory);
	endpoint = add(0x200);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_domain_bypass(domain, (1ULL << 40) - 1, &offset), 0);
	assert_int_equal(offset, LOW);
	assert_int_equal(iommu_domain_bypass(domain, LOW + end_of_memory - 1, &offset), 0);
	assert_int_equal(iommu_domain_bypass(domain, LOW + end_of_memory - 2, &offset),
			 IOMMU_ERANGE);
	/* The other window stays closed. */
	assert_true(reaches(2, LOW, 0));
	assert_true(reaches(2, LOW + 0x12345678, 0x12345678));
	assert_true(reaches(2, LOW + end_of_memory - 1, end_of_memory - 1));
	assert_true(is_blocked(2, LOW + MEMORY_END));
	assert_true(is_blocked(2, LOW - (1 << 28)));
	assert_true(is_blocked(2, BYPASS));
	assert_true(is_blocked(2, MEMORY));
	/* Below it, large pages; in it, nothing of the caller's. */
	assert_int_equal(iommu_map(domain, 1 << 28, 1 << 28, 1 << 28, RW), 0);
	assert_true(reaches(2, (1 << 28) + 5, (1 << 28) + 5));
	assert_int_equal(iommu_unmap(domain, 1 << 28, 1 << 28, 0, NULL), 0);
	assert_true(is_blocked(2, (1 << 28) + 5));
	assert_int_equal(iommu_map(domain, LOW, 0, 1 << 28, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_unmap(domain, LOW, 1 << 28, 0, NULL), IOMMU_ERANGE);
	assert_true(reaches(2, LOW, 0));
	assert_int_equal(iommu_map(domain, 0x1000, MEMORY, 0x1000, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_true(is_blocked(2, LOW));
	assert_int_equal(iommu_domain_free(domain), 0);
	/* Devices that reach bit 59 get the other one. */
	config.bypass_width = 60;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_domain_bypass(domain, 0, &offset), 0);
	assert_int_equal(offset, BYPASS);
	assert_int_equal(iommu_domain_free(domain), 0);
	/* They do not reach the end; or want other pages. */
	config.bypass_width = 32;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	config.bypass_width = 33;
	config.pgsize_bitmap = 1 << 12;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* Pages are too large to map buffers in: a driver's buffers are all reached so. */
static void drivers_use_a_low_bypass(void **state)
{
	const struct iommu_domain_config config = {.bypass = true, .bypass_width = 40};
	const struct iommu_dma_device device = {.mask = (1ULL << 40) - 1};
	const struct iommu_dma_device narrow = {.mask = UINT32_MAX};
	struct iommu_dma_config dma_config = {.domain = NULL};
	struct iommu_dma_piece pieces[] = {{.paddr = MEMORY + 8, .size = 100},
					   {.paddr = MEMORY_END - 1, .size = 1}};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_dma *dma;
	unsigned int elements = 0;
	iommu_iova_t address = 0;
	void *memory = NULL;

	(void)state;
	begin_low(MEMORY_END);
	endpoint = add(0x200);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_DMA, &config, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	dma_config.domain = domain;
	assert_int_equal(iommu_dma_create(&dma_config, &dma), 0);
	assert_int_equal(iommu_dma_required_mask(dma), (1ULL << 33) - 1);
	assert_int_equal(
		iommu_dma_map(dma, &device, MEMORY + 5, 100, IOMMU_DMA_TO_DEVICE, &address), 0);
	assert_true(reaches(2, address, MEMORY + 5));
	assert_true(reaches(2, address + 99, MEMORY + 104));
	assert_int_equal(iommu_dma_unmap(dma, address, 100), 0);
	assert_int_equal(iommu_dma_map_sg(dma, &device, pieces, 2, IOMMU_DMA_TO_DEVICE, &elements),
			 0);
	assert_int_equal(elements, 2);
	assert_true(reaches(2, pieces[0].address, MEMORY + 8));
	assert_true(reaches(2, pieces[1].address, MEMORY_END - 1));
	assert_int_equal(iommu_dma_unmap_sg(dma, pieces, 2), 0);
	assert_int_equal(iommu_dma_alloc(dma, &device, 5000, &memory, &address), 0);
	assert_true(reaches(2, address, iommu_virt_to_phys(&f.test.platform, memory)));
	assert_int_equal(iommu_dma_free(dma, memory, address, 5000), 0);
	/* What it does not lead to, and devices that it is not for. */
	assert_int_equal(iommu_dma_map(dma, &device, MEMORY_END, 1, IOMMU_DMA_TO_DEVICE, &address),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(dma, &narrow, MEMORY, 1, IOMMU_DMA_TO_DEVICE, &address),
			 IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_map_msi(dma, MEMORY_END, &address), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_destroy(dma), 0);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* Memory is larger than a table of one level, and than what the library's windows have. */
static void a_low_bypass_takes_few_tables(void **state)
{
	struct iommu_domain_config config = {.bypass = true, .bypass_width = 42};
	const iommu_paddr_t end_of_memory = 3ULL << 40;
	struct iommu_domain *domain = NULL;
	struct iommu_endpoint *endpoint;
	struct iommu_domain_info info;
	unsigned int i;

	(void)state;
	begin_low(end_of_memory);
	endpoint = add(0x200);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	for (i = 1;; i++) {
		int status;

		f.test.fail_after = f.test.allocations + i;
		status = iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain);
		f.test.fail_after = 0;
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
	}
	assert_in_range(i, 20, 40); /* 12,288 pages in tables of 512 */
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.table_pages, 26);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	assert_true(reaches(2, LOW + end_of_memory - 1, end_of_memory - 1));
	assert_true(reaches(2, LOW + (1ULL << 40) + 1, (1ULL << 40) + 1));
	assert_true(is_blocked(2, LOW + end_of_memory));
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	config.max_table_pages = 3;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_ENOMEM);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* --- What is refused -------------------------------------------------------------------------- */

static void refuse_domain(const struct iommu_domain_config *config, enum iommu_domain_type type,
			  int status)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit, type, config, &domain), status);
	assert_null(domain);
}

static void domains_that_bridges_do_not_have_are_refused(void **state)
{
	struct iommu_domain_config config = {.bypass = true, .bypass_width = 40};
	struct iommu_domain_config windows = {.flags = IOMMU_DOMAIN_WINDOWS, .bypass = true};
	const uint64_t user = 1;
	const struct iommu_domain_config sva = {.user_data = &user, .user_size = sizeof(user)};

	(void)state;
	begin_low(MEMORY_END);
	refuse_domain(&sva, IOMMU_DOMAIN_SVA, IOMMU_EOPNOTSUPP);
	refuse_domain(&windows, IOMMU_DOMAIN_PAGING, IOMMU_EOPNOTSUPP);
	windows.bypass = false;
	windows.force_snoop = true;
	refuse_domain(&windows, IOMMU_DOMAIN_PAGING, IOMMU_EOPNOTSUPP);
	end();
	/* No memory; and more than lies below bit 59. */
	begin_low(0);
	refuse_domain(&config, IOMMU_DOMAIN_PAGING, IOMMU_EOPNOTSUPP);
	end();
	begin_low(1ULL << 49);
	config.bypass_width = 59;
	refuse_domain(&config, IOMMU_DOMAIN_PAGING, IOMMU_EOPNOTSUPP);
	end();
}

/* What drivers map below a bypass ends where the caller says, and before the bypass. */
static void addresses_below_a_bypass_have_a_width(void **state)
{
	static const struct {
		unsigned int width;
		iommu_iova_t last;
	} cases[] = {{0, LOW - 1}, {30, (1 << 30) - 1}, {32, LOW - 1}, {33, LOW - 1}};
	struct iommu_domain_config config = {.bypass = true, .bypass_width = 40};
	struct iommu_domain *domain = NULL;
	struct iommu_domain_info info;

	(void)state;
	begin_low(MEMORY_END);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config.address_width = cases[i].width;
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
				 0);
		iommu_domain_get_info(domain, &info);
		assert_int_equal(info.aperture_last, cases[i].last);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	end();
}

static void windows_of_owners_are_checked(void **state)
{
	static const struct iommu_window_config wrong[] = {
		{.number = 0, .page_shift = 16, .size = 0},
		{.number = 0, .page_shift = 16, .size = 3 << 20},
		{.number = 0, .page_shift = 16, .size = 1ULL << 50},
		{.number = 0, .page_shift = 16, .size = 1 << 20, .levels = TCE_LEVELS_MAX + 1},
		{.number = 0, .page_shift = 20, .size = 1 << 24},
		{.number = 0, .page_shift = TCE_PAGE_SHIFT_MAX + 1, .size = 1ULL << 40},
		{.number = 0, .page_shift = 64, .size = 1 << 24},
		{.number = 0, .page_shift = 16, .size = 1 << 16},
		{.number = 0, .page_shift = 24, .size = 1 << 20},
		{.number = 1, .page_shift = 12, .size = 1ULL << 50, .levels = 1},
	};
	const struct iommu_domain_config config = {.flags = IOMMU_DOMAIN_WINDOWS};
	struct iommu_window_config window = {.number = 0, .page_shift = 16, .size = 1 << 20};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain = NULL;
	struct iommu_domain_info info;
	iommu_paddr_t old;
	iommu_iova_t start = 1;
	unsigned int prot;

	(void)state;
	begin();
	endpoint = add(0x200);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(iommu_window_open(domain, &wrong[i], &start), IOMMU_EINVAL);
	window.flags = 1;
	assert_int_equal(iommu_window_open(domain, &window, &start), IOMMU_EOPNOTSUPP);
	assert_int_equal(start, 1);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.table_pages, 0);
	assert_int_equal(iommu_window_close(domain, 0), IOMMU_ENOENT);
	assert_false(is_open(2));
	window.flags = 0;
	assert_int_equal(iommu_window_open(domain, &window, &start), 0);
	assert_int_equal(start, 0);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.table_pages, 1);
	/* Entries that no window has, and none that lead beyond an entry's reach. */
	assert_int_equal(iommu_window_exchange(domain, 0, 16, MEMORY, RW, &old, &prot),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_window_exchange(domain, 0, UINT64_MAX, MEMORY, RW, &old, &prot),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_window_exchange(domain, 0, 3, MEMORY + 0x1000, RW, &old, &prot),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_window_exchange(domain, 0, 3, MEMORY, RW << 2, &old, &prot),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_window_exchange(domain, 0, 3, 1ULL << 52, RW, &old, &prot),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_window_get(domain, 0, UINT64_MAX, &old, &prot), IOMMU_ERANGE);
	assert_int_equal(iommu_window_get(domain, 0, 16, &old, &prot), IOMMU_ERANGE);
	assert_int_equal(prot, 0);
	assert_int_equal(iommu_window_get(domain, 0, 3, &old, &prot), 0);
	assert_int_equal(prot, 0);
	assert_true(is_blocked(2, 3 << 16));
	assert_int_equal(iommu_window_exchange(domain, 0, 3, MEMORY, RW, &old, &prot), 0);
	assert_int_equal(prot, 0);
	assert_int_equal(iommu_window_confirm(domain, 0, 3, 1), 0);
	assert_true(reaches(2, (3 << 16) + 5, MEMORY + 5));
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* A first window ends before what the bridge decodes, and at 2 GiB; a power of two. */
static void first_windows_end_before_what_is_reserved(void **state)
{
	static const struct {
		unsigned int bits;
		iommu_iova_t start, last;
		uint64_t size;
	} cases[] = {{32, 0, 0, 1ULL << 31},
		     {32, 2, 1, 1ULL << 31},
		     {32, 0x80000000, 0x80ffffff, 1ULL << 31},
		     {32, 0x7ffff000, 0x7fffffff, 1ULL << 30},
		     {32, 0x10000000, 0x10000fff, 1ULL << 28},
		     {30, 0x80000000, 0x80ffffff, 1ULL << 30}};
	const struct iommu_domain_config config = {.flags = IOMMU_DOMAIN_WINDOWS};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_opal_config bridge = good_config();
		struct iommu_domain *domain = NULL;
		struct iommu_window_limits limits;

		bridge.window_bits = cases[i].bits;
		bridge.reserved_start = cases[i].start;
		bridge.reserved_last = cases[i].last;
		begin_unprobed();
		assert_int_equal(iommu_opal_probe(f.iommu, &bridge), 0);
		f.unit = iommu_find_unit(f.iommu, "phb3");
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
				 0);
		assert_int_equal(iommu_window_get_limits(domain, &limits), 0);
		assert_int_equal(limits.windows[0].start, 0);
		assert_int_equal(limits.windows[0].size, cases[i].size);
		assert_int_equal(iommu_domain_free(domain), 0);
		end();
	}
}

int main(void)
{
	int failed;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bridges_are_probed_or_refused),
		cmocka_unit_test(what_is_reserved),
		cmocka_unit_test(a_pe_is_a_group),
		cmocka_unit_test(drivers_map_through_a_window),
		cmocka_unit_test(any_bytes_are_told_of),
		cmocka_unit_test(what_is_traced),
		cmocka_unit_test(memory_is_reached_beside_a_window),
		cmocka_unit_test(drivers_map_in_larger_pages),
		cmocka_unit_test(pages_beyond_the_hosts_are_refused),
		cmocka_unit_test(all_kinds_of_domains),
		cmocka_unit_test(one_domain_in_many_pes),
		cmocka_unit_test(members_of_a_pe_come_and_go),
		cmocka_unit_test(what_the_bridge_does_not_forget_is_kept),
		cmocka_unit_test(a_window_that_stays_open_keeps_its_tables),
		cmocka_unit_test(a_window_that_is_not_opened_leaves_the_old_one),
		cmocka_unit_test(answers_of_firmware_are_errors_of_the_header),
		cmocka_unit_test(a_disable_that_stops_half_way_is_none),
		cmocka_unit_test(an_enable_that_fails_turns_nothing_off),
		cmocka_unit_test(half_an_enable_is_undone_by_a_disable),
		cmocka_unit_test(what_is_not_detached_is_not_said_to_be),
		cmocka_unit_test(an_attach_whose_way_back_fails_is_repaired),
		cmocka_unit_test(an_unmap_of_nothing_confirms),
		cmocka_unit_test(managers_map_through_a_window),
		cmocka_unit_test(no_unmap_is_confirmed_beside_a_window_in_doubt),
		cmocka_unit_test(a_bypass_lies_where_devices_reach_it),
		cmocka_unit_test(drivers_use_a_low_bypass),
		cmocka_unit_test(a_low_bypass_takes_few_tables),
		cmocka_unit_test(domains_that_bridges_do_not_have_are_refused),
		cmocka_unit_test(addresses_below_a_bypass_have_a_width),
		cmocka_unit_test(windows_of_owners_are_checked),
		cmocka_unit_test(first_windows_end_before_what_is_reserved),
	};

	const struct CMUnitTest tests_by_register[] = {
		cmocka_unit_test(registers_are_mapped_and_given_back),
		cmocka_unit_test(windows_of_hosts_are_told_by_register),
		cmocka_unit_test(a_busy_bridge_is_waited_for_once),
		cmocka_unit_test(a_silent_register_is_read_back),
		cmocka_unit_test(drivers_map_through_a_window),
		cmocka_unit_test(any_bytes_are_told_of),
		cmocka_unit_test(what_is_traced),
		cmocka_unit_test(all_kinds_of_domains),
		cmocka_unit_test(one_domain_in_many_pes),
		cmocka_unit_test(members_of_a_pe_come_and_go),
	};

	failed = cmocka_run_group_tests(tests, NULL, NULL);
	by_register = true;
	return failed + cmocka_run_group_tests(tests_by_register, NULL, NULL);
}
