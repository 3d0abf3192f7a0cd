/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for guests of a hypervisor, and dynamic windows, over a model of a hypervisor that
 * obeys or does not. What devices reach is tested by DMA, never read from tables.
 */
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/iommu.h>

#include "test.h"
#include "test_memory.h"
#include "test_platform.h"
#include "trace_log.h"

#define RW          IOMMU_PROT_READ_WRITE
#define ARENA       (1ULL << 24)
#define MEMORY      0x70000000ULL /* no bus address of a test is one of memory */
#define MEMORY_END  (1ULL << 31)
#define LIOBN       0x80000000U
#define DIRECT      0x88000000U
#define DIRECT_BASE (1ULL << 59)
#define SEGMENT     3
#define START       0x10000000ULL
#define PAGES       2048ULL
#define SIZE        (PAGES << 12)

static struct {
	struct test_platform test, outside;
	struct iommu_model_papr *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	unsigned int calls;
	/* The hypervisor refuses from the n-th call on, so many. */
	unsigned int refuse_at, refusals;
	int64_t answer; /* with this; 0: hardware */
	bool watches_locks;
	unsigned int locks, calls_under_lock; /* the driver's, and since it took one */
	bool remove_lies;                     /* a window is removed, and that refused */
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	if (paddr > ARENA - sizeof(*bytes))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	return true;
}

static int64_t call(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address, uint64_t third,
		    uint64_t fourth, uint64_t *result)
{
	(void)ctx;
	f.calls++;
	/* Whatever is asked of an entry, it is by the address of its page. */
	assert_int_equal(address % 4096, 0);
	/*
	 * Nothing is waited for under a lock: a few calls for what is done at once, each a few
	 * times.
	 */
	if (f.locks != 0)
		f.calls_under_lock++;
	assert_true(!f.watches_locks || f.calls_under_lock <= 16);
	if (f.refuse_at != 0 && --f.refuse_at == 0) {
		f.refuse_at = --f.refusals != 0;
		return f.answer != 0 ? f.answer : -1;
	}
	return iommu_model_papr_hypercall(f.model, opcode, liobn, address, third, fourth, result);
}

/* The hypervisor is busy for a few calls, then for too long. */
static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 300000000;
}

static void misbehave(struct iommu_model_papr_faults faults)
{
	iommu_model_papr_misbehave(f.model, &faults);
}

#define MISBEHAVE(...) misbehave((struct iommu_model_papr_faults){__VA_ARGS__})
#define BEHAVE()       misbehave((struct iommu_model_papr_faults){0})

static bool access_at(uint32_t liobn, uint64_t address, iommu_paddr_t *paddr)
{
	struct iommu_model_tce_access access;
	int status = iommu_model_papr_access(f.model, liobn, address, true, &access);

	*paddr = access.paddr;
	return status == 0;
}

static bool reaches_at(uint32_t liobn, uint64_t address, iommu_paddr_t expected)
{
	iommu_paddr_t paddr;

	return access_at(liobn, address, &paddr) && paddr == expected;
}

static bool reaches(uint64_t address, iommu_paddr_t expected)
{
	return reaches_at(LIOBN, address, expected);
}

static bool is_blocked(uint64_t address)
{
	iommu_paddr_t paddr;

	return !access_at(LIOBN, address, &paddr);
}

static bool reaches_directly(uint64_t address)
{
	iommu_paddr_t paddr;

	return access_at(DIRECT, DIRECT_BASE + address, &paddr) && paddr == address;
}

static struct iommu_papr_config good_config(void)
{
	return (struct iommu_papr_config){
		.segment = SEGMENT,
		.first_id = 0x100,
		.last_id = 0x1ff,
		.pe = 0x10000,
		.window = {.liobn = LIOBN, .address = START, .size = SIZE, .page_shift = 12},
		.direct = {.liobn = DIRECT,
			   .address = DIRECT_BASE,
			   .size = MEMORY_END,
			   .page_shift = 16},
		.memory_end = MEMORY_END,
		.has_multiple = true,
		.call = call,
		.ctx = &f,
	};
}

static void make_model(bool single_calls)
{
	const struct iommu_model_papr_config config = {
		.platform = &f.outside.platform,
		.host = {.ctx = &f, .read = read_memory},
		.single_calls = single_calls,
		.dynamic_windows = 1,
		.dynamic_page_sizes = 1 << 12 | 1 << 16 | 1 << 24,
		.wide_query = single_calls,
	};
	uint64_t i, unused;

	memset(&f, 0, sizeof(f));
	test_platform_init(&f.test, ARENA, 0);
	test_platform_init(&f.outside, 1 << 22, 0);
	f.test.quiet = true;
	f.test.platform.now_ns = now_ns;
	assert_int_equal(iommu_model_papr_create(&config, &f.model), 0);
	assert_int_equal(iommu_model_papr_add_window(f.model, LIOBN, START, 12, PAGES), 0);
	assert_int_equal(
		iommu_model_papr_add_window(f.model, DIRECT, DIRECT_BASE, 16, MEMORY_END >> 16), 0);
	/* Of a predecessor. */
	for (i = 0; i < PAGES; i += 100)
		assert_int_equal(iommu_model_papr_hypercall(f.model, IOMMU_H_PUT_TCE, LIOBN,
							    START + (i << 12), 0x5003, 0, &unused),
				 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
}

static void begin_with(bool single_calls)
{
	const struct iommu_papr_config config = good_config();
	uint64_t i;

	make_model(single_calls);
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "liobn80000000");
	assert_non_null(f.unit);
	for (i = 0; i < PAGES; i += 100)
		assert_true(is_blocked(START + (i << 12)));
}

static int begin(void **state)
{
	(void)state;
	begin_with(false);
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_model_papr_destroy(f.model);
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
	return 0;
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

/* --- Units ------------------------------------------------------------------------------------ */

static void windows_are_probed_or_refused(void **state)
{
	const struct iommu_papr_config good = good_config();
	struct iommu_papr_config config;
	unsigned int n;
	int status;

	(void)state;
	assert_int_equal(iommu_papr_probe(f.iommu, &good), IOMMU_EEXIST);
#define REFUSED(field, value)                                                                      \
	config = good, config.window.liobn = 5, config.field = (value);                            \
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL)
	REFUSED(window.size, 0);
	REFUSED(window.size, 0x1800);
	REFUSED(window.size, 0x1000ULL << 29);
	REFUSED(window.address, 0x800);
	REFUSED(window.address, -0x1000ULL);
	REFUSED(window.page_shift, 11);
	REFUSED(window.page_shift, 35);
	REFUSED(call, NULL);
	REFUSED(flags, 1);
	REFUSED(last_id, 0xff);
	REFUSED(memory_end, 0);
	REFUSED(memory_end, MEMORY_END + 1);
	REFUSED(direct.liobn, 5);
	REFUSED(direct.page_shift, 40);
	/* A window that the hypervisor does not know. */
	config = good;
	config.window.liobn = 5;
	config.direct.size = 0;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EIO);
	/* One that is another unit's, of either kind, is wiped for neither use. */
	config.window.liobn = good.direct.liobn;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EEXIST);
	config = good;
	config.window.liobn = 5;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EEXIST);
	config.direct.liobn = good.window.liobn;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EEXIST);
	/* No memory, and an answer that is no. */
	assert_int_equal(iommu_destroy(f.iommu), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	for (n = 1, status = IOMMU_ENOMEM; status != 0; n++) {
		f.test.fail_after = f.test.allocations + n;
		status = iommu_papr_probe(f.iommu, &good);
		assert_true(status == 0 || status == IOMMU_ENOMEM);
	}
	f.test.fail_after = 0;
	assert_int_equal(n, 9); /* the unit, two of what was touched, and two lists */
	assert_int_equal(iommu_destroy(f.iommu), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	MISBEHAVE(.fail_at = 3, .fail_with = -1);
	assert_int_equal(iommu_papr_probe(f.iommu, &good), IOMMU_EIO);
	MISBEHAVE(.busy = 1000);
	assert_int_equal(iommu_papr_probe(f.iommu, &good), IOMMU_EIO);
	BEHAVE();
}

static void all_behind_a_window_is_one_group(void **state)
{
	const struct iommu_endpoint_info beyond = {.segment = SEGMENT, .source_id = 0x200};
	struct iommu_endpoint *first, *second;
	struct iommu_region region;
	unsigned int cursor = 0;

	(void)state;
	first = add(0x100);
	second = add(0x1ff);
	assert_ptr_equal(iommu_endpoint_group(first), iommu_endpoint_group(second));
	assert_string_equal(iommu_group_name(iommu_endpoint_group(first)), "domain3-pe10000");
	assert_int_equal(iommu_probe_endpoint(f.iommu, &beyond, &first), IOMMU_ENODEV);
	assert_true(iommu_endpoint_next_region(second, &cursor, &region));
	assert_int_equal(region.start, 0);
	assert_int_equal(region.last, START - 1);
	assert_false(iommu_endpoint_next_region(second, &cursor, &region));
	assert_int_equal(iommu_release_endpoint(second), 0);
	assert_int_equal(iommu_release_endpoint(iommu_find_endpoint(f.iommu, SEGMENT, 0x100)), 0);
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void use_domains(void)
{
	struct iommu_endpoint *first = add(0x100);
	struct iommu_endpoint *second = add(0x108);
	struct iommu_group *group = iommu_endpoint_group(first);
	struct iommu_domain *a = domain_of(IOMMU_DOMAIN_PAGING);
	struct iommu_domain *b = domain_of(IOMMU_DOMAIN_PAGING);
	struct iommu_domain *blocked = domain_of(IOMMU_DOMAIN_BLOCKED);
	iommu_paddr_t paddr;
	uint64_t unmapped;

	/* Mapped before it is attached, and attached before the unit is enabled. */
	assert_int_equal(iommu_map(a, START, MEMORY, 0x3000, RW), 0);
	assert_int_equal(iommu_map(a, START + SIZE - 0x1000, MEMORY + 0x10000, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_true(is_blocked(START));
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(reaches(START + 0x2fff, MEMORY + 0x2fff));
	assert_true(reaches(START + SIZE - 1, MEMORY + 0x10fff));
	assert_true(is_blocked(START + 0x3000));
	assert_int_equal(iommu_map(a, START + 0x1000, MEMORY, 0x1000, RW), IOMMU_EEXIST);
	assert_int_equal(iommu_map(a, START - 0x1000, MEMORY, 0x1000, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_map(a, START + SIZE, MEMORY, 0x1000, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_iova_to_phys(a, START + 0x1234, &paddr), 0);
	assert_int_equal(paddr, MEMORY + 0x1234);
	/* Many at once, and some of them gone. */
	assert_int_equal(iommu_map(a, START + 0x100000, MEMORY + 0x100000, 0x400000, RW), 0);
	assert_true(reaches(START + 0x4fffff, MEMORY + 0x4fffff));
	assert_int_equal(iommu_unmap(a, START + 0x101000, 0x1000, 0, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	assert_true(is_blocked(START + 0x101000));
	assert_true(reaches(START + 0x100fff, MEMORY + 0x100fff));
	assert_true(reaches(START + 0x102000, MEMORY + 0x102000));
	/* Another, and back: nothing of the one is left with the other. */
	assert_int_equal(iommu_map(b, START + 0x1000, MEMORY + 0x800000, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(b, group), 0);
	assert_true(is_blocked(START));
	assert_true(is_blocked(START + 0x102000));
	assert_true(reaches(START + 0x1000, MEMORY + 0x800000));
	/* Maps in a domain without a device change nothing in the window. */
	assert_int_equal(iommu_unmap(a, START, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_map(a, START + 0x5000, MEMORY, 0x1000, RW), 0);
	assert_true(is_blocked(START + 0x5000));
	assert_int_equal(iommu_domain_attach_group(blocked, group), 0);
	assert_true(is_blocked(START + 0x1000));
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_true(is_blocked(START));
	assert_true(reaches(START + 0x5000, MEMORY));
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_true(is_blocked(START + 0x5000));
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(reaches(START + 0x5000, MEMORY));
	/* One leaves; the other still uses it. */
	assert_int_equal(iommu_release_endpoint(second), 0);
	assert_true(reaches(START + 0x5000, MEMORY));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_true(is_blocked(START + 0x5000));
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	assert_int_equal(iommu_release_endpoint(first), 0);
}

static void domains_are_switched(void **state)
{
	(void)state;
	use_domains();
}

static void domains_are_switched_by_single_calls(void **state)
{
	assert_int_equal(end(state), 0);
	begin_with(true);
	use_domains();
}

static void domains_are_made_as_the_window_is(void **state)
{
	struct iommu_domain_config config = {.pgsize_bitmap = 1 << 16};
	struct iommu_domain_info info;
	struct iommu_domain *domain;

	(void)state;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	config = (struct iommu_domain_config){.force_snoop = true};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	config = (struct iommu_domain_config){.address_width = 28};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.pgsize_bitmap, 1 << 12);
	assert_int_equal(info.aperture_last, START + SIZE - 1);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* The hypervisor gets the pages that any bytes are on, wherever those begin and end. */
static void any_bytes_are_told_of(void **state)
{
	static const struct {
		uint64_t offset, size;
	} cases[] = {{0, 8192},  {1, 4096}, {0x40, 64}, {0xfff, 2},
		     {0xfff, 1}, {4096, 1}, {5, 8000}};
	const iommu_iova_t iova = START + 0x4000;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	unsigned int i, page;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t offset = cases[i].offset, last = offset + cases[i].size - 1;

		for (page = 0; page < 2; page++)
			assert_int_equal(iommu_map_nosync(domain, iova + page * 0x1000, MEMORY,
							  0x1000,
							  IOMMU_PROT_READ | IOMMU_PROT_WRITE),
					 0);
		assert_int_equal(iommu_sync_map(domain, iova + offset, cases[i].size), 0);
		for (page = 0; page < 2; page++)
			assert_int_equal(reaches(iova + page * 0x1000, MEMORY),
					 page >= offset >> 12 && page <= last >> 12);
		assert_int_equal(iommu_unmap(domain, iova, 0x2000, 0, NULL), 0);
		assert_true(is_blocked(iova));
		assert_true(is_blocked(iova + 0x1000));
	}
	/* In front of the window, and across its start. */
	assert_int_equal(
		iommu_map_nosync(domain, START, MEMORY, 0x1000, IOMMU_PROT_READ | IOMMU_PROT_WRITE),
		0);
	assert_int_equal(iommu_sync_map(domain, START - 0x1000, 0x1001), 0);
	assert_true(reaches(START, MEMORY));
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* The DMA API, strict, lazy and beside the window. */
static void drivers_map_and_bypass(void **state)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_DMA_LAZY,
						       IOMMU_DOMAIN_DMA_BYPASS};
	struct iommu_dma_device wide, narrow;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	iommu_iova_t address;
	struct iommu_dma *dma;
	unsigned int i;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	wide = iommu_dma_device_of(endpoint, 0);
	narrow = iommu_dma_device_of(endpoint, UINT32_MAX);
	for (i = 0; i < 3; i++) {
		assert_int_equal(iommu_group_set_default_type(group, types[i]), 0);
		assert_int_equal(iommu_dma_of(endpoint, &dma), 0);
		assert_int_equal(iommu_dma_map(dma, &narrow, MEMORY + 7, 0x1800,
					       IOMMU_DMA_BIDIRECTIONAL, &address),
				 0);
		assert_true(address >= START && address < START + SIZE);
		assert_true(reaches(address, MEMORY + 7));
		assert_int_equal(iommu_dma_unmap(dma, address, 0x1800), 0);
		/* In lazy mode, too: the hypervisor is told at once. */
		assert_true(is_blocked(address));
		assert_int_equal(iommu_dma_map(dma, &wide, MEMORY + 7, 0x1800,
					       IOMMU_DMA_BIDIRECTIONAL, &address),
				 0);
		assert_int_equal(address == DIRECT_BASE + MEMORY + 7, i == 2);
		assert_int_equal(reaches_directly(MEMORY + 7), i == 2);
		assert_int_equal(reaches_directly(MEMORY_END - 1), i == 2);
		assert_int_equal(iommu_dma_unmap(dma, address, 0x1800), 0);
		iommu_unuse_default_domain(endpoint);
	}
	/* It goes with ownership; and is not there by half. */
	assert_int_equal(iommu_group_claim(group, &f), 0);
	assert_false(reaches_directly(MEMORY));
	MISBEHAVE(.fail_at = 1000, .fail_with = -44);
	assert_int_equal(iommu_group_release(group, &f), IOMMU_EAGAIN);
	BEHAVE();
	assert_false(reaches_directly(0));
	assert_int_equal(iommu_group_release(group, &f), 0);
	assert_true(reaches_directly(0));
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), 0);
	assert_false(reaches_directly(0));
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- A hypervisor that does not obey ---------------------------------------------------------- */

static void what_is_not_cleared_is_said(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	/* Not set: as if it had not been asked for, whatever part of it was set. */
	MISBEHAVE(.fail_at = 3, .fail_with = -44);
	assert_int_equal(iommu_map(domain, START, MEMORY, 0x8000, RW), IOMMU_EAGAIN);
	assert_true(is_blocked(START));
	assert_int_equal(iommu_map(domain, START, MEMORY, 0x8000, RW), 0);
	/* Not cleared at first. */
	MISBEHAVE(.fail_at = 2, .fail_with = -1);
	assert_int_equal(iommu_unmap(domain, START, 0x2000, 0, NULL), IOMMU_EIO);
	/* Not cleared, twice. The third one that is makes good for both. */
	MISBEHAVE(.busy = 1000);
	assert_int_equal(iommu_unmap(domain, START + 0x4000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_unmap(domain, START + 0x3000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_true(reaches(START + 0x3000, MEMORY + 0x3000));
	assert_int_equal(iommu_unmap(domain, START + 0x7000, 0x1000, 0, NULL), 0);
	assert_true(is_blocked(START));
	assert_true(is_blocked(START + 0x1000));
	assert_true(is_blocked(START + 0x3000));
	assert_true(is_blocked(START + 0x4000));
	assert_true(reaches(START + 0x2000, MEMORY + 0x2000));
	/* A detach that is not obeyed; the next attach begins with that. */
	MISBEHAVE(.fail_at = 1, .fail_with = -1);
	assert_int_not_equal(iommu_domain_detach_group(group), 0);
	BEHAVE();
	assert_true(reaches(START + 0x2000, MEMORY + 0x2000));
	assert_int_equal(iommu_domain_free(domain), 0);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	MISBEHAVE(.fail_at = 1, .fail_with = -1);
	assert_int_equal(iommu_domain_attach_group(domain, group), IOMMU_EIO);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_true(is_blocked(START + 0x2000));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- In the middle of a change ---------------------------------------------------------------- */

/* Takes a page out of a domain when the library has let go of a lock so many times. */
static struct {
	struct iommu_domain *domain;
	unsigned int releases; /* 0: not now */
} intruder;

static uintptr_t irq_save(void *ctx)
{
	(void)ctx;
	return 0;
}

static void irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	(void)state;
	if (intruder.releases == 0 || --intruder.releases != 0)
		return;
	assert_int_equal(iommu_unmap(intruder.domain, START + SIZE - 0x1000, 0x1000, 0, NULL), 0);
	/* The call that changes which domain is followed is before this page or behind it. */
	assert_true(is_blocked(START + SIZE - 0x1000));
}

static void a_page_taken_out_while_domains_change(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *a = domain_of(IOMMU_DOMAIN_PAGING);
	struct iommu_domain *b = domain_of(IOMMU_DOMAIN_PAGING);
	unsigned int releases, taken_out = 0;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	f.test.platform.irq_save = irq_save;
	f.test.platform.irq_restore = irq_restore;
	intruder.domain = a;
	/* All of the window, so that there is something to do before the last page. */
	assert_int_equal(iommu_map(a, START, MEMORY, SIZE, RW), 0);
	for (releases = 1; releases < 100; releases++) {
		/* Into the domain, and out of it. */
		intruder.releases = releases % 2 != 0 ? releases / 2 + 1 : 0;
		assert_int_equal(iommu_domain_attach_group(a, group), 0);
		taken_out += intruder.releases == 0 && releases % 2 != 0;
		intruder.releases = releases % 2 == 0 ? releases / 2 : 0;
		assert_int_equal(iommu_domain_attach_group(b, group), 0);
		taken_out += intruder.releases == 0 && releases % 2 == 0;
		intruder.releases = 0;
		assert_true(is_blocked(START));
		assert_true(is_blocked(START + SIZE - 0x1000));
		if (iommu_iova_to_phys(a, START + SIZE - 0x1000, &(iommu_paddr_t){0}) != 0)
			assert_int_equal(iommu_map(a, START + SIZE - 0x1000, MEMORY, 0x1000, RW),
					 0);
	}
	assert_true(taken_out > 8); /* four parts each way, at least */
	f.test.platform.irq_save = NULL;
	f.test.platform.irq_restore = NULL;
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void a_domain_that_cannot_be_set_leaves_the_old_one(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *a, *b;
	struct iommu_group *group;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	a = domain_of(IOMMU_DOMAIN_PAGING);
	b = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(a, START, MEMORY, 0x1000, RW), 0);
	assert_int_equal(iommu_map(b, START + 0x200000, MEMORY + 0x200000, 0x300000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	MISBEHAVE(.fail_at = 512 + 600, .fail_with = -44);
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_EAGAIN);
	BEHAVE();
	assert_ptr_equal(iommu_group_domain(group), a);
	assert_true(reaches(START, MEMORY));
	assert_true(is_blocked(START + 0x200000));
	assert_true(is_blocked(START + 0x4ff000));
	assert_int_equal(iommu_domain_attach_group(b, group), 0);
	assert_true(is_blocked(START));
	assert_true(reaches(START + 0x4fffff, MEMORY + 0x4fffff));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Half done -------------------------------------------------------------------------------- */

static void refuse(unsigned int at, unsigned int count)
{
	f.refuse_at = at;
	f.refusals = count;
}

/* Each answer of the hypervisor is the error that the headers name, of an enable and of a map. */
static void answers_of_the_hypervisor_are_errors_of_the_header(void **state)
{
	static const struct {
		int64_t answer;
		int status;
	} rows[] = {{-1, IOMMU_EIO},   {-2, IOMMU_EOPNOTSUPP}, {-4, IOMMU_EFAULT},
		    {-7, IOMMU_EIO},   {-11, IOMMU_EPERM},     {-44, IOMMU_EAGAIN},
		    {1, IOMMU_EAGAIN}, {9900, IOMMU_EAGAIN},   {9905, IOMMU_EAGAIN},
		    {9906, IOMMU_EIO}};
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_domain *domain = domain_of(IOMMU_DOMAIN_PAGING);
	size_t i;

	(void)state;
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_map(domain, START, MEMORY, 0x3000, RW), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.answer = rows[i].answer;
		refuse(1, UINT32_MAX);
		assert_int_equal(iommu_unit_enable(f.unit), rows[i].status);
		assert_false(iommu_unit_is_enabled(f.unit));
		refuse(0, 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_true(reaches(START, MEMORY));
		/* The entry is set again, or cleared, when the map returns. */
		refuse(1, 1);
		if (rows[i].answer < 0 && rows[i].answer != -2)
			assert_int_equal(iommu_map(domain, START + 0x10000, MEMORY, 0x1000, RW),
					 rows[i].status);
		refuse(0, 0);
		assert_true(!reaches(START + 0x10000, MEMORY));
		assert_int_equal(iommu_unit_disable(f.unit), 0);
	}
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

#define MANY 1536ULL /* pages: three parts of what is done at once */

static unsigned int reached_from(uint64_t address, uint64_t pages)
{
	unsigned int i, count = 0;

	for (i = 0; i < pages; i++)
		count += reaches(address + ((uint64_t)i << 12), MEMORY + ((uint64_t)i << 12));
	return count;
}

static unsigned int reached_of_many(void)
{
	return reached_from(START, MANY);
}

/* What was not cleared, wherever in the range, is cleared before anything is said to be done. */
static void an_unmap_in_parts_is_owed_whole(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_domain *domain = domain_of(IOMMU_DOMAIN_PAGING);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	const iommu_iova_t beside = START + ((MANY + 1) << 12);
	unsigned int part;

	(void)state;
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	for (part = 0; part < 3; part++) {
		assert_int_equal(iommu_map(domain, START, MEMORY, MANY << 12, RW), 0);
		assert_int_equal(reached_of_many(), MANY);
		refuse(part + 1, 1);
		assert_int_equal(iommu_unmap(domain, START, MANY << 12, 0, NULL), IOMMU_EIO);
		/* The others were cleared at once, and this at the second attempt. */
		assert_int_equal(reached_of_many(), 0);
	}
	/* Neither succeeds, and a map does not before it has. */
	assert_int_equal(iommu_map(domain, START, MEMORY, MANY << 12, RW), 0);
	refuse(3, 2);
	assert_int_equal(iommu_unmap(domain, START, MANY << 12, 0, NULL), IOMMU_EIO);
	assert_int_equal(reached_of_many(), MANY / 3);
	refuse(1, 100);
	assert_int_equal(iommu_map(domain, beside, MEMORY, 0x1000, RW), IOMMU_EIO);
	assert_int_equal(reached_of_many(), MANY / 3);
	refuse(0, 0);
	assert_int_equal(iommu_map(domain, beside, MEMORY, 0x1000, RW), 0);
	assert_int_equal(reached_of_many(), 0);
	assert_true(reaches(beside, MEMORY));
	assert_int_equal(iommu_unmap(domain, beside, 0x1000, 0, NULL), 0);
	/* All of them, and mapped anew in the middle of one: that is not cleared again. */
	assert_int_equal(iommu_map(domain, START, MEMORY, MANY << 12, RW), 0);
	refuse(1, 6);
	assert_int_equal(iommu_unmap(domain, START, MANY << 12, 0, NULL), IOMMU_EIO);
	assert_int_equal(reached_of_many(), MANY);
	assert_int_equal(iommu_map(domain, START + 0x300000, MEMORY + 0x700000, 0x1000, RW), 0);
	assert_true(reaches(START + 0x300000, MEMORY + 0x700000));
	assert_int_equal(reached_of_many(), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static uintptr_t lock_begins(void *ctx)
{
	(void)ctx;
	f.calls_under_lock = 0;
	return f.locks++;
}

static void lock_ends(void *ctx, uintptr_t state)
{
	(void)ctx;
	assert_int_equal(--f.locks, state);
}

/* One that is busy is waited for without the lock; one that hangs is waited for once. */
static void nothing_is_waited_for_under_the_lock(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_domain *domain = domain_of(IOMMU_DOMAIN_PAGING);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	unsigned int calls;

	(void)state;
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	f.test.platform.irq_save = lock_begins;
	f.test.platform.irq_restore = lock_ends;
	f.test.platform.now_ns = NULL; /* a million looks are a second */
	f.watches_locks = true;
	assert_int_equal(iommu_map(domain, START, MEMORY, 100 << 12, RW), 0);
	MISBEHAVE(.busy = 100);
	assert_int_equal(iommu_unmap(domain, START, 100 << 12, 0, NULL), 0);
	assert_true(is_blocked(START));
	MISBEHAVE(.busy = 100);
	assert_int_equal(iommu_map(domain, START, MEMORY, 100 << 12, RW), 0);
	assert_true(reaches(START + (99 << 12), MEMORY + (99 << 12)));
	f.test.platform.now_ns = now_ns;
	MISBEHAVE(.busy = UINT32_MAX);
	assert_int_equal(iommu_unmap(domain, START, 100 << 12, 0, NULL), IOMMU_ETIMEDOUT);
	calls = f.calls;
	assert_int_equal(iommu_unmap(domain, START, 100 << 12, 0, NULL), IOMMU_ETIMEDOUT);
	assert_true(f.calls - calls <= 16);
	BEHAVE();
	assert_int_equal(iommu_unmap(domain, START, 100 << 12, 0, NULL), 0);
	assert_true(is_blocked(START));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* The same for drivers: no address is handed out while another leads where it did. */
static void a_drivers_unmap_is_owed_whole(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_dma_device device = iommu_dma_device_of(endpoint, 0);
	iommu_iova_t address, other;
	const uint64_t pages = 1000; /* two parts */
	struct iommu_dma *dma;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA), 0);
	assert_int_equal(iommu_dma_of(endpoint, &dma), 0);
	assert_int_equal(
		iommu_dma_map(dma, &device, MEMORY, pages << 12, IOMMU_DMA_BIDIRECTIONAL, &address),
		0);
	assert_int_equal(reached_from(address, pages), pages);
	refuse(2, 100);
	assert_int_equal(iommu_dma_unmap(dma, address, pages << 12), IOMMU_EIO);
	assert_int_not_equal(reached_from(address, pages), 0);
	assert_int_not_equal(
		iommu_dma_map(dma, &device, MEMORY, 0x1000, IOMMU_DMA_BIDIRECTIONAL, &other), 0);
	refuse(0, 0);
	assert_int_equal(
		iommu_dma_map(dma, &device, MEMORY, 0x1000, IOMMU_DMA_BIDIRECTIONAL, &other), 0);
	assert_true(reaches(other, MEMORY));
	assert_true(reached_from(address, pages) <= 1); /* it may be one of these */
	assert_int_equal(iommu_dma_unmap(dma, other, 0x1000), 0);
	assert_int_equal(reached_from(address, pages), 0);
	iommu_unuse_default_domain(endpoint);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* An attach fails, and the way back, too. */
static void an_attach_whose_way_back_fails_is_repaired(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *a = domain_of(IOMMU_DOMAIN_PAGING);
	struct iommu_domain *b = domain_of(IOMMU_DOMAIN_PAGING);

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_int_equal(iommu_map(a, START, MEMORY, 0x1000, RW), 0);
	refuse(1, 100);
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_EIO);
	assert_ptr_equal(iommu_group_domain(group), a);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	/* It would obey, but nothing follows the domain yet. */
	refuse(0, 0);
	assert_int_equal(iommu_map(a, START + 0x1000, MEMORY, 0x1000, RW), IOMMU_EIO);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_true(reaches(START, MEMORY));
	assert_int_equal(iommu_map(a, START + 0x1000, MEMORY, 0x1000, RW), 0);
	assert_true(reaches(START + 0x1000, MEMORY));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void a_disable_that_stops_half_way_is_none(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *domain = domain_of(IOMMU_DOMAIN_PAGING);

	(void)state;
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_map(domain, START, MEMORY, MANY << 12, RW), 0);
	refuse(2, 1); /* the second part stays, the others are cleared */
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	assert_true(iommu_unit_is_enabled(f.unit));
	assert_int_equal(reached_of_many(), MANY);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(reached_of_many(), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/*
 * A bypass window of which only a part was set, and then not cleared: it is neither open nor
 * closed.
 */
static void a_bypass_that_is_half_set_is_set_anew(void **state)
{
	const struct iommu_domain_config config = {.bypass = true};
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *domain;

	(void)state;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	refuse(3, 1000);
	assert_int_equal(iommu_domain_attach_group(domain, group), IOMMU_EIO);
	assert_true(reaches_directly(0x5000)); /* the first two lists */
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_EIO);
	refuse(0, 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_true(reaches_directly(0x5000));
	assert_true(reaches_directly(MEMORY_END - 1));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_false(reaches_directly(0x5000));
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/*
 * An attach of a domain with a bypass stops half way, and so does the way back: what is unmapped
 * then may still be reached through the bypass.
 */
static void no_unmap_is_confirmed_beside_a_bypass_in_doubt(void **state)
{
	const struct iommu_domain_config config = {.bypass = true};
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *plain = domain_of(IOMMU_DOMAIN_PAGING), *other;

	(void)state;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &other), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_attach_group(plain, group), 0);
	assert_int_equal(iommu_map(plain, START, 0x5000, 0x3000, RW), 0);
	refuse(3, 1000);
	assert_int_equal(iommu_domain_attach_group(other, group), IOMMU_EIO);
	refuse(0, 0);
	assert_ptr_equal(iommu_group_domain(group), plain);
	assert_true(reaches_directly(0x5000));
	assert_int_equal(iommu_unmap(plain, START, 0x1000, 0, NULL), IOMMU_EIO);
	assert_true(is_blocked(START));
	/* What is not attached is not reached, beside whatever. */
	assert_int_equal(iommu_map(other, START, 0x5000, 0x1000, RW), 0);
	assert_int_equal(iommu_unmap(other, START, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_false(reaches_directly(0x5000));
	assert_int_equal(iommu_unmap(plain, START, 0x2000, 0, NULL), 0);
	assert_true(reaches(START + 0x2000, 0x7000));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(plain), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Random operations ------------------------------------------------------------------------ */

#define DOMAINS 2
#define SLOTS   34 /* many small ones, and two of more than one part of the back end's work */
#define SMALL   32
#define NO_SLOT UINT32_MAX

static struct test_random rng;

static unsigned int any(unsigned int n)
{
	return (unsigned int)test_random_below(&rng, n);
}

/*
 * Each mapping leads to memory of its own, so that where an access ends says which let it through.
 */
static struct {
	struct iommu_domain *domains[DOMAINS];
	uint32_t slots[DOMAINS][SLOTS];
	bool is_gone[1 << 16]; /* unmapped, and that was confirmed */
	bool is_doubtful[1 << 16];
	uint8_t domain_of[1 << 16];
	unsigned int may; /* domains that were left, or not reached, with an error */
	uint32_t made;
	int attached; /* or -1 */
	bool is_enabled, is_trouble;
} r;

static uint64_t slot_address(unsigned int slot)
{
	static const uint64_t large[] = {512, 1200};

	return START + ((slot < SMALL ? slot * 16ULL : large[slot - SMALL]) << 12);
}

static uint64_t slot_size(unsigned int slot)
{
	static const uint64_t large[] = {600, 800};

	return (slot < SMALL ? 1 + slot % 16 : large[slot - SMALL]) << 12;
}

static iommu_paddr_t memory_of(uint32_t mapping)
{
	return (1ULL << 40) + ((uint64_t)mapping << 23);
}

static void check_access(unsigned int slot)
{
	const uint64_t offset = test_random_below(&rng, slot_size(slot));
	const uint32_t mapping = r.attached >= 0 ? r.slots[r.attached][slot] : NO_SLOT;
	iommu_paddr_t paddr;
	const bool passes = access_at(LIOBN, slot_address(slot) + offset, &paddr);
	const uint64_t number = (paddr - memory_of(0)) >> 23;

	/*
	 * Whatever has failed: of a domain that it was told to use, or may be in as the caller
	 * knows.
	 */
	if (passes) {
		assert_true(number < r.made && !r.is_gone[number]);
		assert_true(r.domain_of[number] == r.attached ||
			    (r.may >> r.domain_of[number] & 1) != 0);
	}
	if (r.is_trouble)
		return;
	assert_int_equal(passes, r.is_enabled && mapping != NO_SLOT);
	if (passes)
		assert_int_equal(paddr, memory_of(mapping) + offset);
}

static void lose(unsigned int d, unsigned int slot, int status)
{
	const uint32_t mapping = r.slots[d][slot];

	r.slots[d][slot] = NO_SLOT;
	r.is_gone[mapping] = status == 0;
	r.is_doubtful[mapping] = status != 0;
}

/* An operation that succeeds makes good for all that were not confirmed before it. */
static void settle(void)
{
	uint32_t i;

	for (i = 0; i < r.made; i++) {
		r.is_gone[i] |= r.is_doubtful[i];
		r.is_doubtful[i] = false;
	}
}

static void operate_on_slot(unsigned int d, unsigned int slot)
{
	uint64_t unmapped = 0;
	int status;

	if (r.slots[d][slot] == NO_SLOT && r.made < 1 << 16) {
		status = iommu_map(r.domains[d], slot_address(slot), memory_of(r.made),
				   slot_size(slot), RW);
		assert_true(status == 0 || r.is_trouble);
		r.domain_of[r.made] = (uint8_t)d;
		r.slots[d][slot] = r.made++;
		if (status != 0)
			lose(d, slot,
			     status == IOMMU_EIO || status == IOMMU_ETIMEDOUT ? status : 0);
		else
			settle();
		return;
	}
	status = iommu_unmap(r.domains[d], slot_address(slot), slot_size(slot), 0, &unmapped);
	assert_true(status == 0 || r.is_trouble);
	if (r.slots[d][slot] == NO_SLOT)
		return;
	assert_int_equal(unmapped, slot_size(slot));
	lose(d, slot, status);
	if (status == 0)
		settle();
}

static void change_attachment(struct iommu_group *group)
{
	const unsigned int d = any(DOMAINS + 1);
	int status;

	if (d == DOMAINS && r.attached < 0)
		return;
	r.may |= (d < DOMAINS ? 1U << d : 0) | (r.attached >= 0 ? 1U << r.attached : 0);
	status = d < DOMAINS ? iommu_domain_attach_group(r.domains[d], group)
			     : iommu_domain_detach_group(group);
	assert_true(status == 0 || r.is_trouble);
	if (status == 0)
		r.may = 0;
	r.attached = -1;
	if (iommu_group_domain(group) == r.domains[0])
		r.attached = 0;
	else if (iommu_group_domain(group) == r.domains[1])
		r.attached = 1;
}

static void change_trouble(void)
{
	r.is_trouble = !r.is_trouble;
	if (r.is_trouble) {
		MISBEHAVE(.busy = any(2) * any(1000), .fail_at = any(200),
			  .fail_with = any(2) ? -44 : -1);
		f.test.fail_every = any(3) == 0 ? 1 + any(5) : 0;
		return;
	}
	BEHAVE();
	f.test.fail_every = 0;
	/* All as it should be, by that alone. */
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	r.is_enabled = true;
	r.may = 0;
	settle();
}

static void operate(struct iommu_group *group)
{
	unsigned int i;

	if (any(100) == 0) {
		change_trouble();
	} else if (any(40) == 0) {
		change_attachment(group);
	} else if (any(60) == 0 && !r.is_trouble) {
		assert_int_equal(
			r.is_enabled ? iommu_unit_disable(f.unit) : iommu_unit_enable(f.unit), 0);
		r.is_enabled = !r.is_enabled;
	} else {
		operate_on_slot(any(DOMAINS), any(SLOTS));
	}
	for (i = 0; i < 4; i++)
		check_access(any(SLOTS));
}

static void run_machine(uint64_t operations)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	unsigned int d, slot;

	memset(&r, 0, sizeof(r));
	memset(r.slots, 0xff, sizeof(r.slots));
	r.attached = -1;
	for (d = 0; d < DOMAINS; d++)
		r.domains[d] = domain_of(IOMMU_DOMAIN_PAGING);
	while (operations-- != 0)
		operate(group);
	if (r.is_trouble)
		change_trouble();
	if (r.attached >= 0)
		assert_int_equal(iommu_domain_detach_group(group), 0);
	for (slot = 0; slot < SLOTS; slot++)
		assert_true(is_blocked(slot_address(slot)));
	for (d = 0; d < DOMAINS; d++)
		assert_int_equal(iommu_domain_free(r.domains[d]), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
}

static void devices_reach_what_is_mapped_for_them(void **state)
{
	uint64_t left = test_setting("IOMMU_TEST_OPERATIONS", 200000);
	bool is_single = false;

	rng.state = test_setting("IOMMU_TEST_SEED", 1);
	while (left != 0) {
		const uint64_t operations = left < 20000 ? left : 20000;

		run_machine(operations);
		assert_int_equal(end(state), 0);
		is_single = !is_single;
		begin_with(is_single);
		left -= operations;
	}
}

/* --- Windows without domains ------------------------------------------------------------------ */

static unsigned int released;

static void note_release(struct iommu_tce_set *set)
{
	assert_non_null(set->tables[0]);
	released++;
}

/* A host that hands out addresses itself finds a device's windows by its group. */
static void devices_are_registered_with_windows(void **state)
{
	const struct iommu_tce_papr_config window = {
		.table = {.platform = &f.test.platform,
			  .first_page = DIRECT_BASE >> 16,
			  .entries = MEMORY_END >> 16,
			  .page_shift = 16},
		.liobn = DIRECT,
		.has_multiple = true,
		.call = call,
	};
	struct iommu_tce_set set = {.release = note_release};
	struct iommu_tce_set none = {.release = note_release};
	struct iommu_tce_set other;
	struct iommu_endpoint *endpoint, *second;
	uint64_t address;

	(void)state;
	released = 0;
	assert_int_equal(iommu_tce_papr_create(&window, &set.tables[0]), 0);
	assert_int_equal(iommu_tce_set_register(&set, f.iommu, SEGMENT, 0x100, 16), IOMMU_ENOENT);
	assert_int_equal(iommu_tce_set_unregister(f.iommu, SEGMENT, 0x100), IOMMU_ENOENT);
	endpoint = add(0x100);
	assert_null(iommu_tce_set_of(endpoint));
	assert_int_equal(iommu_tce_set_unregister(f.iommu, SEGMENT, 0x100), IOMMU_ENOENT);
	/* No table: left out. Pages larger than the CPU's: refused. */
	assert_int_equal(iommu_tce_set_register(&none, f.iommu, SEGMENT, 0x100, 16), 0);
	assert_null(iommu_tce_set_of(endpoint));
	assert_int_equal(iommu_tce_set_register(&set, f.iommu, SEGMENT, 0x100, 12), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_set_register(&set, f.iommu, SEGMENT, 0x100, 16), 0);
	assert_ptr_equal(iommu_tce_set_of(endpoint), &set);
	assert_int_equal(iommu_tce_set_register(&set, f.iommu, SEGMENT, 0x100, 16), IOMMU_EBUSY);
	assert_int_equal(iommu_tce_set_register(&none, f.iommu, SEGMENT, 0x100, 16), IOMMU_EBUSY);
	assert_int_equal(iommu_tce_table_map(iommu_tce_set_of(endpoint)->tables[0], 0x10000, 1, RW,
					     NULL, &address),
			 0);
	assert_int_equal(released, 0);
	assert_int_equal(iommu_tce_set_unregister(f.iommu, SEGMENT, 0x100), 0);
	assert_int_equal(released, 1);
	/* A second device of the PE uses the same windows, and keeps them. */
	second = add(0x101);
	assert_ptr_equal(iommu_endpoint_group(second), iommu_endpoint_group(endpoint));
	assert_int_equal(iommu_tce_set_register(&set, f.iommu, SEGMENT, 0x100, 16), 0);
	assert_null(iommu_tce_set_of(second));
	assert_int_equal(iommu_tce_set_unregister(f.iommu, SEGMENT, 0x101), IOMMU_ENOENT);
	other = set;
	assert_int_equal(iommu_tce_set_register(&other, f.iommu, SEGMENT, 0x101, 16), IOMMU_EBUSY);
	assert_int_equal(iommu_tce_set_register(&set, f.iommu, SEGMENT, 0x101, 16), 0);
	assert_ptr_equal(iommu_tce_set_of(second), &set);
	assert_int_equal(iommu_tce_set_unregister(f.iommu, SEGMENT, 0x100), 0);
	assert_int_equal(released, 1);
	assert_null(iommu_tce_set_of(endpoint));
	assert_ptr_equal(iommu_tce_set_of(second), &set);
	/* It goes with the group. */
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(released, 1);
	assert_int_equal(iommu_release_endpoint(second), 0);
	assert_int_equal(released, 2);
	assert_int_equal(iommu_tce_table_destroy(set.tables[0]), 0);
}

/* --- Windows that are asked for --------------------------------------------------------------- */

static void the_device_tree_is_read(void **state)
{
	static const unsigned char window[] = {0x80, 0, 0, 0, 0x08, 0, 0,    0, 0, 0,
					       0,    0, 0, 0, 0,    0, 0x40, 0, 0, 0};
	static const unsigned char narrow[] = {0, 0, 0, 7, 0, 0, 0x10, 0, 0, 0, 0x20, 0};
	static const unsigned char tokens[] = {0,    0,    0x20, 0x26, 0,    0,
					       0x20, 0x27, 0,    0,    0x20, 0x28};
	static const unsigned char extensions[] = {0, 0, 0, 2, 0, 0, 0x20, 0x29, 0, 0, 0, 1};
	struct iommu_papr_window read;
	struct iommu_papr_ddw ddw;
	size_t size;

	(void)state;
	assert_int_equal(iommu_papr_parse_window(window, sizeof(window), 2, 2, &read), 0);
	assert_int_equal(read.liobn, 0x80000000);
	assert_int_equal(read.address, 0x0800000000000000);
	assert_int_equal(read.size, 0x40000000);
	assert_int_equal(read.page_shift, 12);
	assert_int_equal(iommu_papr_parse_window(narrow, sizeof(narrow), 1, 1, &read), 0);
	assert_int_equal(read.liobn, 7);
	assert_int_equal(read.address, 0x1000);
	assert_int_equal(read.size, 0x2000);
	for (size = 0; size < sizeof(window); size++)
		assert_int_equal(iommu_papr_parse_window(window, size, 2, 2, &read), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_parse_window(window, sizeof(window), 3, 2, &read),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_papr_parse_window(window, sizeof(window), 2, 0, &read),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_papr_parse_window(NULL, 20, 2, 2, &read), IOMMU_EINVAL);
	/* Read at the wrong place, it makes no window: its size is 0. */
	assert_int_equal(iommu_papr_parse_window(window, sizeof(window), 1, 1, &read),
			 IOMMU_EINVAL);

	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, extensions, 12, &ddw), 0);
	assert_int_equal(ddw.query_token, 0x2026);
	assert_int_equal(ddw.create_token, 0x2027);
	assert_int_equal(ddw.remove_token, 0x2028);
	assert_int_equal(ddw.reset_token, 0x2029);
	assert_true(ddw.has_wide_query);
	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, NULL, 0, &ddw), 0);
	assert_int_equal(ddw.reset_token, 0);
	assert_false(ddw.has_wide_query);
	assert_int_equal(iommu_papr_parse_ddw(tokens, 11, NULL, 0, &ddw), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_parse_ddw(NULL, 0, NULL, 0, &ddw), IOMMU_EINVAL);
	/* More than there are; and not even their number. */
	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, extensions, 8, &ddw), IOMMU_EINVAL);
	for (size = 0; size < 4; size++)
		assert_int_equal(iommu_papr_parse_ddw(tokens, 12, extensions + 4, size, &ddw),
				 IOMMU_EINVAL);
}

/* Each extension of dynamic windows is there as far as the property's count says. */
static void extensions_are_counted(void **state)
{
	static const unsigned char tokens[12] = {0};
	unsigned char extensions[] = {0, 0, 0, 0, 0, 0, 0x20, 0x29, 0, 0, 0, 1, 0, 0, 0x20, 0x2a};
	struct iommu_papr_ddw ddw;

	(void)state;
	for (unsigned char count = 0; count < 4; count++) {
		extensions[3] = count;
		for (size_t size = 4; size <= sizeof(extensions); size += 4) {
			const int status = iommu_papr_parse_ddw(tokens, sizeof(tokens), extensions,
								size, &ddw);

			assert_int_equal(status, size / 4 > count ? 0 : IOMMU_EINVAL);
			if (status != 0)
				continue;
			assert_int_equal(ddw.reset_token, count >= 1 ? 0x2029 : 0);
			assert_true(ddw.has_wide_query == (count >= 2));
			assert_int_equal(ddw.limit_token, count >= 3 ? 0x202a : 0);
		}
	}
}

static int32_t rtas(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
		    unsigned int output_count, uint32_t *outputs)
{
	(void)ctx;
	if (input_count >= 3) {
		assert_int_equal(inputs[0], 0x10000);
		assert_int_equal(inputs[1], 0x08000000);
		assert_int_equal(inputs[2], 0x20000001);
	}
	if (f.remove_lies && token - 100 == IOMMU_MODEL_PAPR_REMOVE) {
		(void)iommu_model_papr_rtas(f.model, IOMMU_MODEL_PAPR_REMOVE, input_count, inputs,
					    output_count, outputs);
		return -1;
	}
	return iommu_model_papr_rtas(f.model, (enum iommu_model_papr_service)(token - 100),
				     input_count, inputs, output_count, outputs);
}

static struct iommu_papr_ddw ddw_of(void)
{
	return (struct iommu_papr_ddw){
		.platform = &f.test.platform,
		.config_address = 0x10000,
		.bridge = 0x0800000020000001,
		.query_token = 100 + IOMMU_MODEL_PAPR_QUERY,
		.create_token = 100 + IOMMU_MODEL_PAPR_CREATE,
		.remove_token = 100 + IOMMU_MODEL_PAPR_REMOVE,
		.reset_token = 100 + IOMMU_MODEL_PAPR_RESET,
		.rtas = rtas,
	};
}

static void windows_are_made_and_removed(void **state)
{
	struct iommu_papr_ddw ddw = ddw_of();
	struct iommu_papr_window window;
	struct iommu_papr_grant grant;
	unsigned int wide;

	for (wide = 0; wide < 2; wide++) {
		ddw.has_wide_query = wide != 0;
		assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
		assert_int_equal(grant.windows, 1);
		assert_int_equal(grant.largest_pages, 1 << 22);
		assert_int_equal(grant.page_sizes, 1 << 12 | 1 << 16 | 1 << 24);
		assert_int_equal(iommu_papr_create_window(&ddw, 16, 30, &window), 0);
		assert_int_equal(window.size, 1 << 30);
		assert_int_equal(window.page_shift, 16);
		assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
		assert_int_equal(grant.windows, 0);
		assert_int_equal(iommu_papr_create_window(&ddw, 16, 30, &window), IOMMU_EIO);
		assert_int_equal(iommu_papr_remove_window(&ddw, window.liobn), 0);
		assert_int_equal(iommu_papr_remove_window(&ddw, window.liobn), IOMMU_EINVAL);
		/* Everything as at first. */
		assert_int_equal(iommu_papr_remove_window(&ddw, LIOBN), 0);
		assert_int_equal(iommu_papr_reset_windows(&ddw), 0);
		assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
		assert_int_equal(grant.windows, 1);
		if (wide == 0) {
			assert_int_equal(end(state), 0);
			begin_with(true);
		}
	}
	assert_int_equal(iommu_papr_create_window(&ddw, 11, 30, &window), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_create_window(&ddw, 16, 15, &window), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_create_window(&ddw, 12, 41, &window), IOMMU_EINVAL);
	MISBEHAVE(.busy = 1000);
	assert_int_equal(iommu_papr_query_windows(&ddw, &grant), IOMMU_ETIMEDOUT);
	MISBEHAVE(.busy = 2);
	assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
	ddw.reset_token = 0;
	assert_int_equal(iommu_papr_reset_windows(&ddw), IOMMU_EOPNOTSUPP);
}

static void the_best_window_is_chosen(void **state)
{
	struct iommu_papr_ddw ddw = ddw_of();
	struct iommu_papr_window first = {
		.liobn = LIOBN, .address = START, .size = SIZE, .page_shift = 12};
	struct iommu_papr_window window, other;
	struct iommu_papr_grant grant;
	uint64_t unused;
	bool holds;

	(void)state;
	/* All of memory, in the largest pages that both know. */
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16 | 1 << 21, MEMORY_END, UINT64_MAX,
						NULL, &window, &holds),
			 0);
	assert_true(holds);
	assert_int_equal(window.page_shift, 16);
	assert_int_equal(window.size, MEMORY_END);
	/* No more; but the first one can be given up, where it can be brought back. */
	assert_int_equal(
		iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT64_MAX, NULL, &other, &holds),
		IOMMU_ENOSPC);
	ddw.reset_token = 0;
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT64_MAX, &first,
						&other, &holds),
			 IOMMU_ENOSPC);
	ddw = ddw_of();
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 12, 1ULL << 40, UINT64_MAX, &first,
						&other, &holds),
			 0);
	assert_false(holds); /* 2^22 pages of 4 KiB */
	assert_int_equal(other.size, 1ULL << 34);
	assert_int_equal(first.size, 0);
	assert_int_equal(iommu_papr_reset_windows(&ddw), 0);
	/* What the device does not reach is given back, and so is the first. */
	first.size = SIZE;
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END,
						(1ULL << 59) + MEMORY_END - 2, NULL, &window,
						&holds),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
	assert_int_equal(grant.windows, 1);
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END,
						(1ULL << 59) + MEMORY_END - 1, NULL, &window,
						&holds),
			 0);
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT32_MAX, &first,
						&other, &holds),
			 IOMMU_ERANGE);
	assert_int_equal(first.size, SIZE);
	/* One that is gone although the hypervisor says no is brought back. */
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT64_MAX, NULL,
						&window, &holds),
			 0);
	f.remove_lies = true;
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT64_MAX, &first,
						&other, &holds),
			 IOMMU_EIO);
	f.remove_lies = false;
	assert_int_equal(first.size, SIZE);
	assert_int_equal(
		iommu_model_papr_hypercall(f.model, IOMMU_H_GET_TCE, LIOBN, START, 0, 0, &unused),
		0);
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT64_MAX, NULL,
						&window, &holds),
			 0);
	assert_int_equal(
		iommu_papr_open_window(&ddw, 1 << 21, MEMORY_END, UINT64_MAX, NULL, &other, &holds),
		IOMMU_ENOSPC);
	assert_int_equal(
		iommu_papr_open_window(&ddw, 0, MEMORY_END, UINT64_MAX, NULL, &other, &holds),
		IOMMU_EINVAL);
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, 0, UINT64_MAX, NULL, &other, &holds),
			 IOMMU_EINVAL);
}

/*
 * A window of 64 KiB pages that begins far up: memory of a manager's must be aligned so, and is
 * placed there.
 */
static void managers_map_in_larger_pages(void **state)
{
	const unsigned int rw = IOMMU_IOAS_READ | IOMMU_IOAS_WRITE;
	struct iommu_papr_config config = good_config();
	struct iommu_endpoint *endpoint;
	struct test_memory memory;
	struct iommu_backing backing;
	uint32_t ioas, unaligned, device;
	struct iommu_file *ctx;
	uint64_t alignment;
	iommu_iova_t iova;
	unsigned int count;
	struct iommu_iova_bounds ranges[2];

	(void)state;
	make_model(false);
	config.window = config.direct;
	config.direct = (struct iommu_papr_window){0};
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "liobn88000000");
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	test_memory_init(&memory, MEMORY_CONTIGUOUS, 0, 1024, MEMORY);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &ioas), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &unaligned), 0);
	assert_true(iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_ISOLATION));
	assert_true(iommu_capable(endpoint, IOMMU_CAPABLE_CACHE_COHERENCY));
	assert_int_equal(iommu_device_bind(ctx, endpoint, &device), 0);
	/* An area that cannot be mapped in such pages, or not there. */
	backing = test_memory_at(&memory, 0);
	iova = DIRECT_BASE + 0x1000;
	assert_int_equal(
		iommu_ioas_map(ctx, unaligned, &backing, 0x10000, rw | IOMMU_IOAS_FIXED, &iova), 0);
	assert_int_equal(iommu_device_attach(ctx, device, 0, unaligned, NULL), IOMMU_EADDRINUSE);
	assert_int_equal(iommu_ioas_unmap(ctx, unaligned, iova, 0x10000, NULL), 0);
	iova = DIRECT_BASE - 0x10000;
	assert_int_equal(
		iommu_ioas_map(ctx, unaligned, &backing, 0x10000, rw | IOMMU_IOAS_FIXED, &iova), 0);
	assert_int_equal(iommu_device_attach(ctx, device, 0, unaligned, NULL), IOMMU_EADDRINUSE);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_device_attach(ctx, device, 0, ioas, NULL), 0);
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 2, &count, &alignment), 0);
	assert_int_equal(alignment, 0x10000);
	assert_int_equal(count, 1);
	assert_int_equal(ranges[0].first, DIRECT_BASE);
	assert_int_equal(ranges[0].last, DIRECT_BASE + MEMORY_END - 1);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x1000, rw, &iova), IOMMU_EINVAL);
	backing = test_memory_at(&memory, 0x1000);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x10000, rw, &iova), IOMMU_EINVAL);
	backing = test_memory_at(&memory, 0x10000);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x30000, rw, &iova), 0);
	assert_int_equal(iova % 0x10000, 0);
	assert_true(iova >= DIRECT_BASE);
	assert_true(reaches_at(DIRECT, iova + 0x2ffff, MEMORY + 0x3ffff));
	/* Nor is it cut anywhere else. */
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova + 0x1000, 0x1f000, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova, 0x1000, NULL), IOMMU_EINVAL);
	assert_true(reaches_at(DIRECT, iova, MEMORY + 0x10000));
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova + 0x10000, 0x10000, NULL), 0);
	assert_false(reaches_at(DIRECT, iova + 0x10000, MEMORY + 0x20000));
	assert_true(reaches_at(DIRECT, iova + 0x2ffff, MEMORY + 0x3ffff));
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova, 0x30000, NULL), 0);
	assert_false(reaches_at(DIRECT, iova, MEMORY + 0x10000));
	/* Memory that is not contiguous in such pages. */
	memory.shape = MEMORY_SCATTERED;
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x30000, rw, &iova), IOMMU_EINVAL);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_file_destroy(ctx), 0);
	test_memory_destroy(&memory);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	(void)end(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* The second window is a bypass for devices that reach the end of memory in it. */
static void a_bypass_is_reached_or_is_none(void **state)
{
	struct iommu_domain_config config = {.bypass = true, .bypass_width = 60};
	struct iommu_domain *domain = NULL;

	(void)state;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	config.bypass_width = 59;
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
}

/* A domain ends with its window, or where the width that is asked for does. */
static void widths_of_domains_are_kept(void **state)
{
	static const struct {
		unsigned int width;
		iommu_iova_t last; /* 0: refused */
	} cases[] = {{0, START + SIZE - 1},
		     {64, START + SIZE - 1},
		     {63, START + SIZE - 1},
		     {29, START + SIZE - 1},
		     {28, 0}};
	struct iommu_domain_config config = {.pgsize_bitmap = 1 << 12};
	struct iommu_domain_info info;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_domain *domain = NULL;

		config.address_width = cases[i].width;
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
				 cases[i].last != 0 ? 0 : IOMMU_EINVAL);
		if (domain == NULL)
			continue;
		iommu_domain_get_info(domain, &info);
		assert_int_equal(info.aperture_last, cases[i].last);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	config.address_width = 0;
	config.pgsize_bitmap = 1 << 16;
	{
		struct iommu_domain *domain = NULL;

		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
				 IOMMU_EINVAL);
		assert_null(domain);
	}
}

/* Devices of all widths that reach the second window pass through it; none does without one. */
static void a_bypass_needs_a_second_window(void **state)
{
	static const unsigned int widths[] = {0, 60, 63, 64};
	struct iommu_papr_config config = good_config();
	struct iommu_domain_config bypass = {.bypass = true};
	iommu_iova_t offset = 0;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct iommu_domain *domain = NULL;

		bypass.bypass_width = widths[i];
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &bypass, &domain),
				 0);
		assert_int_equal(iommu_domain_bypass(domain, 0, &offset), 0);
		assert_int_equal(offset, DIRECT_BASE);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	assert_int_equal(end(state), 0);
	make_model(false);
	config.direct.size = 0;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "liobn80000000");
	for (unsigned int i = 0; i < 4; i++) {
		struct iommu_domain *domain = NULL;

		bypass.bypass_width = widths[i];
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &bypass, &domain),
				 IOMMU_EOPNOTSUPP);
		assert_null(domain);
	}
}

/* Whichever allocation fails: a domain is whole, or there is none, and no page is left. */
static void domains_have_all_their_memory_or_are_none(void **state)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_BLOCKED};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		const size_t pages = f.test.hosted.pages_in_use;
		struct iommu_domain_info info;
		struct iommu_domain *domain = NULL;
		unsigned int nth = 0;
		int status;

		do {
			f.test.fail_after = f.test.allocations + ++nth;
			status = iommu_domain_alloc(f.unit, types[i], NULL, &domain);
			f.test.fail_after = 0;
			assert_true(status == 0 || status == IOMMU_ENOMEM);
			assert_true(status == 0 || f.test.hosted.pages_in_use == pages);
		} while (status != 0);
		assert_true(nth > (i == 0 ? 2 : 1));
		iommu_domain_get_info(domain, &info);
		assert_int_equal(info.table_pages != 0, i == 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(f.test.hosted.pages_in_use, pages);
	}
}

static struct iommu_domain *attached(struct iommu_unit *unit, struct iommu_endpoint *endpoint,
				     bool bypass)
{
	const struct iommu_domain_config config = {.bypass = bypass};
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	return domain;
}

static void unattached(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Windows of an earlier kernel, and one window as two -------------------------------------- */

static void windows_are_described_for_the_next_kernel(void **state)
{
	static const struct iommu_papr_window windows[] = {
		{0x70000001, 1ULL << 59, 1ULL << 40, 24},
		{0xffffffff, 0, 1 << 16, 16},
		{5, -(1ULL << 34), 1ULL << 34, 34},
	};
	unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE + 4], packed[20];
	struct iommu_papr_window window, bad = windows[0];
	unsigned int i, size;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(property, 0xee, sizeof(property));
		assert_int_equal(iommu_papr_describe_window(&windows[i], property), 0);
		assert_int_equal(property[IOMMU_PAPR_LEFT_WINDOW_SIZE], 0xee);
		memcpy(packed, property, 4);
		memcpy(packed + 4, property + 8, 16);
		for (size = 20; size <= 24; size += 4) {
			memset(&window, 0, sizeof(window));
			assert_int_equal(iommu_papr_parse_left_window(
						 size == 20 ? packed : property, size, &window),
					 0);
			assert_int_equal(window.liobn, windows[i].liobn);
			assert_int_equal(window.address, windows[i].address);
			assert_int_equal(window.size, windows[i].size);
			assert_int_equal(window.page_shift, windows[i].page_shift);
		}
		for (size = 0; size <= 28; size++)
			assert_int_equal(iommu_papr_parse_left_window(property, size, &window),
					 size == 20 || size == 24 ? (size == 24 ? 0 : IOMMU_EINVAL)
								  : IOMMU_EINVAL);
	}
	assert_int_equal(iommu_papr_parse_left_window(NULL, 24, &window), IOMMU_EINVAL);
	/* Pages, sizes and addresses that there are not. */
	for (i = 0; i < 4; i++) {
		static const struct {
			unsigned char at, value;
		} defects[] = {{23, 64}, {19, 11}, {15, 1}, {16, 0xff}};

		assert_int_equal(iommu_papr_describe_window(&windows[0], property), 0);
		property[defects[i].at] = defects[i].value;
		assert_int_equal(iommu_papr_parse_left_window(property, 24, &window), IOMMU_EINVAL);
	}
	bad.size = 3ULL << 24;
	assert_int_equal(iommu_papr_describe_window(&bad, property), IOMMU_EINVAL);
	bad.size = 0;
	assert_int_equal(iommu_papr_describe_window(&bad, property), IOMMU_EINVAL);
}

/* Pages that the earlier kernel has mapped in its window. */
static void leave_a_window(struct iommu_papr_ddw *ddw, struct iommu_papr_window *window,
			   unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE])
{
	uint64_t unused;

	assert_int_equal(iommu_papr_create_window(ddw, 16, 31, window), 0);
	assert_int_equal(iommu_model_papr_hypercall(f.model, IOMMU_H_PUT_TCE, window->liobn,
						    window->address + 0x30000, 0x30003, 0, &unused),
			 0);
	assert_int_equal(iommu_papr_describe_window(window, property), 0);
	assert_true(reaches_at(window->liobn, window->address + 0x30000, 0x30000));
}

static int adopt(const struct iommu_papr_config *config, const void *property, size_t size,
		 uint64_t page_sizes, uint64_t mask, struct iommu_papr_window *window, bool *holds)
{
	const struct iommu_papr_ddw ddw = ddw_of();
	const struct iommu_papr_wanted wanted = {page_sizes, MEMORY_END, mask};

	return iommu_papr_adopt_window(&ddw, config, property, size, &wanted, window, holds);
}

static void windows_of_an_earlier_kernel_are_found(void **state)
{
	struct iommu_papr_config config = good_config();
	unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE];
	struct iommu_papr_ddw ddw = ddw_of();
	struct iommu_papr_window left, window = {0};
	struct iommu_papr_grant grant;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	uint64_t unused;
	bool holds = false;

	(void)state;
	make_model(false);
	ddw = ddw_of();
	leave_a_window(&ddw, &left, property);
	assert_int_equal(iommu_papr_find_window(&f.test.platform, &config, &left), 0);
	/* Not quite the window that there is: left alone. */
	left.liobn++;
	assert_int_equal(iommu_papr_find_window(&f.test.platform, &config, &left), IOMMU_ENOENT);
	left.liobn--;
	left.size *= 2;
	assert_int_equal(iommu_papr_find_window(&f.test.platform, &config, &left), IOMMU_ENOENT);
	assert_int_equal(iommu_papr_describe_window(&left, property), 0);
	assert_int_equal(adopt(&config, property, 24, 1 << 16, UINT64_MAX, &window, &holds),
			 IOMMU_ENOENT);
	left.size /= 2;
	/* Nor are pages of another size its own; the last one stays as it was. */
	assert_int_equal(iommu_model_papr_hypercall(f.model, IOMMU_H_PUT_TCE, left.liobn,
						    left.address + left.size - 0x10000, 0x50003, 0,
						    &unused),
			 0);
	for (left.page_shift = 12; left.page_shift <= 24; left.page_shift += 4) {
		const bool is_right = left.page_shift == 16;

		assert_int_equal(iommu_papr_describe_window(&left, property), 0);
		assert_int_equal(
			adopt(&config, property, 24, UINT64_MAX, UINT64_MAX, &window, &holds),
			is_right ? 0 : IOMMU_ENOENT);
		assert_true(reaches_at(left.liobn, left.address + left.size - 1, 0x5ffff));
		assert_true(reaches_at(left.liobn, left.address + 0x30000, 0x30000));
	}
	window = (struct iommu_papr_window){0};
	left.page_shift = 16;
	assert_int_equal(iommu_papr_describe_window(&left, property), 0);
	assert_int_equal(adopt(&config, property, 23, 1 << 16, UINT64_MAX, &window, &holds),
			 IOMMU_EINVAL);
	refuse(1, 1);
	assert_int_equal(adopt(&config, property, 24, 1 << 16, UINT64_MAX, &window, &holds),
			 IOMMU_EIO);
	MISBEHAVE(.busy = 1000000);
	assert_int_equal(adopt(&config, property, 24, 1 << 16, UINT64_MAX, &window, &holds),
			 IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_int_equal(window.size, 0);
	assert_true(reaches_at(left.liobn, left.address + 0x30000, 0x30000));
	/* Adopted, and a unit's: what was mapped is not reached any more, and memory is. */
	assert_int_equal(adopt(&config, property, 24, 1 << 16, left.address + left.size - 1,
			       &window, &holds),
			 0);
	assert_true(holds);
	assert_int_equal(window.liobn, left.liobn);
	config.direct = window;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	assert_false(reaches_at(left.liobn, left.address + 0x30000, 0x30000));
	f.unit = iommu_find_unit(f.iommu, "liobn80000000");
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	domain = attached(f.unit, endpoint, true);
	assert_true(reaches_at(left.liobn, left.address + MEMORY_END - 1, MEMORY_END - 1));
	unattached(domain, endpoint);
	assert_int_equal(end(NULL), 0);

	/* One that does not suit makes room. */
	make_model(false);
	leave_a_window(&ddw, &left, property);
	assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
	assert_int_equal(grant.windows, 0);
	f.remove_lies = true;
	assert_int_equal(adopt(&config, property, 24, 1 << 12, UINT64_MAX, &window, &holds),
			 IOMMU_EIO);
	f.remove_lies = false;
	leave_a_window(&ddw, &left, property);
	assert_int_equal(adopt(&config, property, 24, 1 << 16, left.address + left.size - 2,
			       &window, &holds),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
	assert_int_equal(grant.windows, 1);
	/* Those that are not described go all at once. */
	leave_a_window(&ddw, &left, property);
	assert_int_equal(iommu_papr_query_anew(&ddw, &grant), 0);
	assert_int_equal(grant.windows, 1);
	assert_false(reaches_at(left.liobn, left.address + 0x30000, 0x30000));
	ddw.reset_token = 0;
	assert_int_equal(iommu_papr_query_anew(&ddw, &grant), IOMMU_EOPNOTSUPP);
	assert_int_equal(end(NULL), 0);
}

/* Devices of few address bits: no window that they reach, unless addresses are limited. */
static void windows_lie_where_devices_reach_them(void **state)
{
	struct iommu_papr_ddw ddw = ddw_of();
	const uint64_t mask = (1ULL << 40) - 1;
	struct iommu_papr_window window;
	struct iommu_papr_grant grant;
	bool holds;

	(void)state;
	assert_int_equal(iommu_papr_limit_addresses(&ddw), IOMMU_EOPNOTSUPP);
	assert_int_equal(
		iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, mask, NULL, &window, &holds),
		IOMMU_ERANGE);
	ddw.limit_token = 100 + IOMMU_MODEL_PAPR_LIMIT;
	assert_int_equal(
		iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, mask, NULL, &window, &holds), 0);
	assert_true(holds);
	assert_true(window.address + (window.size - 1) <= mask);
	assert_int_equal(iommu_papr_reset_windows(&ddw), 0);
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END, UINT32_MAX, NULL,
						&window, &holds),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_papr_query_windows(&ddw, &grant), 0);
	assert_int_equal(grant.windows, 1);
	ddw.limit_token = 99;
	assert_int_equal(iommu_papr_limit_addresses(&ddw), IOMMU_EINVAL);
}

static void one_window_is_two(void **state)
{
	const struct iommu_papr_window whole = {7, 1ULL << 59, 1ULL << 32, 16};
	struct iommu_papr_config config = good_config();
	struct iommu_papr_ddw ddw = ddw_of();
	const iommu_paddr_t pmem = 1ULL << 45; /* beyond memory */
	struct iommu_papr_window window, bad = whole;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	iommu_iova_t first, offset;
	bool holds;

	(void)state;
	assert_int_equal(iommu_papr_split_window(&whole, 0x12345, &config.direct, &config.window),
			 0);
	assert_int_equal(config.direct.size, 0x20000);
	assert_int_equal(config.window.address, whole.address + 0x20000);
	assert_int_equal(config.window.size, whole.size - 0x20000);
	assert_int_equal(iommu_papr_split_window(&whole, 0, &window, &window), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_split_window(&whole, whole.size - 5, &window, &window),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_papr_split_window(&whole, UINT64_MAX, &window, &window),
			 IOMMU_EINVAL);
	bad.size = 0;
	assert_int_equal(iommu_papr_split_window(&bad, 1, &window, &window), IOMMU_EINVAL);

	make_model(false);
	assert_int_equal(iommu_papr_open_window(&ddw, 1 << 16, MEMORY_END + (1ULL << 24),
						UINT64_MAX, NULL, &window, &holds),
			 0);
	assert_true(holds);
	assert_int_equal(
		iommu_papr_split_window(&window, MEMORY_END, &config.direct, &config.window), 0);
	/* Parts that overlap, or have pages of two sizes, are none. */
	config.window.address -= 0x10000;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
	config.window.address += 0x10000;
	config.direct.page_shift = 24;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
	config.direct.page_shift = 16;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EEXIST);
	f.unit = iommu_find_unit(f.iommu, "liobn90000000");
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	endpoint = add(0x100);
	domain = attached(f.unit, endpoint, true);
	first = config.window.address;
	assert_int_equal(iommu_domain_bypass(domain, 0, &offset), 0);
	assert_int_equal(offset, window.address);
	/*
	 * Memory as it is in the low part; pages in the rest, and nothing of theirs in the other.
	 */
	assert_true(reaches_at(window.liobn, window.address + MEMORY_END - 1, MEMORY_END - 1));
	assert_false(reaches_at(window.liobn, first, 0));
	assert_int_equal(iommu_map(domain, first, pmem, 0x20000, RW), 0);
	assert_true(reaches_at(window.liobn, first + 0x1ffff, pmem + 0x1ffff));
	assert_int_equal(iommu_map(domain, window.address, pmem, 0x10000, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_papr_remove_memory(f.iommu, 0x10000, 0x10000), 0);
	assert_false(reaches_at(window.liobn, window.address + 0x10000, 0x10000));
	assert_true(reaches_at(window.liobn, first, pmem));
	assert_int_equal(iommu_unmap(domain, first, 0x20000, 0, NULL), 0);
	assert_false(reaches_at(window.liobn, first, pmem));
	assert_true(reaches_at(window.liobn, window.address, 0));
	unattached(domain, endpoint);
	assert_false(reaches_at(window.liobn, window.address, 0));
	assert_int_equal(end(NULL), 0);
}

/* --- Memory that comes and goes --------------------------------------------------------------- */

#define BLOCK (1ULL << 24)
#define LIMIT (MEMORY_END + 4 * BLOCK)

/* Two units with second windows, the other one's of larger pages, and one without. */
static void begin_memory(struct iommu_unit *units[3])
{
	static const char *const names[] = {"liobn80000000", "liobn80000001", "liobn80000002"};
	unsigned int i;

	make_model(false);
	assert_int_equal(iommu_model_papr_add_memory(f.model, 0, LIMIT), 0);
	assert_int_equal(
		iommu_model_papr_add_window(f.model, DIRECT + 2, DIRECT_BASE, 16, LIMIT >> 16), 0);
	assert_int_equal(
		iommu_model_papr_add_window(f.model, DIRECT + 1, DIRECT_BASE, 24, LIMIT >> 24), 0);
	for (i = 0; i < 3; i++) {
		struct iommu_papr_config config = good_config();

		config.window.liobn += i;
		config.first_id = (uint16_t)(0x100 * (i + 1));
		config.last_id = (uint16_t)(config.first_id + 0xff);
		config.direct.liobn = DIRECT + 2 - i;
		config.direct.size = i < 2 ? LIMIT : 0;
		config.direct.page_shift = i == 0 ? 16 : 24;
		config.memory_limit = LIMIT;
		if (i != 0)
			assert_int_equal(
				iommu_model_papr_add_window(f.model, LIOBN + i, START, 12, PAGES),
				0);
		assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
		units[i] = iommu_find_unit(f.iommu, names[i]);
		assert_int_equal(iommu_unit_enable(units[i]), 0);
	}
}

/* Do both windows lead to an address, as is expected of them? */
static void both_reach(uint64_t address, bool expected)
{
	assert_int_equal(reaches_at(DIRECT + 2, DIRECT_BASE + address, address), expected);
	assert_int_equal(reaches_at(DIRECT + 1, DIRECT_BASE + address, address), expected);
}

static void memory_comes_and_goes(void **state)
{
	struct iommu_endpoint *endpoints[3];
	struct iommu_domain *domains[2];
	struct iommu_unit *units[3];
	iommu_iova_t offset;
	unsigned int i;
	size_t pages;

	(void)state;
	begin_memory(units);
	for (i = 0; i < 3; i++)
		endpoints[i] = add((uint16_t)(0x100 * (i + 1)));
	domains[0] = attached(units[0], endpoints[0], true);
	domains[1] = attached(units[1], endpoints[1], true);
	/* What may come counts for the devices' address bits. */
	assert_int_equal(iommu_domain_bypass(domains[0], DIRECT_BASE + LIMIT - 1, &offset), 0);
	assert_int_equal(iommu_domain_bypass(domains[0], DIRECT_BASE + LIMIT - 2, &offset),
			 IOMMU_ERANGE);
	both_reach(MEMORY_END - 1, true);
	both_reach(MEMORY_END, false);
	/* What only one of them could follow takes no memory of the host's. */
	pages = f.test.hosted.pages_in_use;
	assert_int_equal(iommu_papr_add_memory(f.iommu, MEMORY_END, BLOCK / 2), IOMMU_EINVAL);
	assert_int_equal(f.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_papr_add_memory(f.iommu, MEMORY_END + BLOCK, 2 * BLOCK), 0);
	both_reach(MEMORY_END, false);
	both_reach(MEMORY_END + BLOCK, true);
	both_reach(MEMORY_END + 3 * BLOCK - 1, true);
	both_reach(MEMORY_END + 3 * BLOCK, false);
	/* A hole; what is beside it stays. */
	assert_int_equal(iommu_papr_remove_memory(f.iommu, 8 * BLOCK, BLOCK), 0);
	both_reach(8 * BLOCK - 1, true);
	both_reach(8 * BLOCK, false);
	both_reach(9 * BLOCK - 1, false);
	both_reach(9 * BLOCK, true);
	assert_int_equal(iommu_papr_remove_memory(f.iommu, 7 * BLOCK, 3 * BLOCK), IOMMU_ENOENT);
	assert_int_equal(iommu_papr_add_memory(f.iommu, 8 * BLOCK, 2 * BLOCK), IOMMU_EEXIST);
	assert_int_equal(iommu_papr_add_memory(f.iommu, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_add_memory(f.iommu, 8 * BLOCK, BLOCK / 2), IOMMU_EINVAL);
	assert_int_equal(iommu_papr_add_memory(f.iommu, -BLOCK, 2 * BLOCK), IOMMU_EOVERFLOW);
	assert_int_equal(iommu_papr_add_memory(f.iommu, -BLOCK, BLOCK), IOMMU_ERANGE);
	assert_int_equal(iommu_papr_add_memory(f.iommu, LIMIT, BLOCK), IOMMU_ERANGE);
	assert_int_equal(iommu_papr_add_memory(f.iommu, LIMIT - BLOCK, 2 * BLOCK), IOMMU_ERANGE);
	both_reach(LIMIT - BLOCK, false);
	/* Over a border of what came at different times. */
	assert_int_equal(iommu_papr_add_memory(f.iommu, MEMORY_END, BLOCK), 0);
	assert_int_equal(iommu_papr_remove_memory(f.iommu, MEMORY_END - BLOCK, 3 * BLOCK), 0);
	both_reach(MEMORY_END - BLOCK - 1, true);
	both_reach(MEMORY_END - BLOCK, false);
	both_reach(MEMORY_END + 2 * BLOCK - 1, false);
	both_reach(MEMORY_END + 2 * BLOCK, true);
	/* A window that is closed follows when it is opened. */
	unattached(domains[0], endpoints[0]);
	assert_int_equal(iommu_papr_add_memory(f.iommu, 8 * BLOCK, BLOCK), 0);
	assert_int_equal(iommu_papr_remove_memory(f.iommu, 4 * BLOCK, BLOCK), 0);
	assert_false(reaches_at(DIRECT + 2, DIRECT_BASE + 8 * BLOCK, 8 * BLOCK));
	endpoints[0] = add(0x100);
	domains[0] = attached(units[0], endpoints[0], true);
	both_reach(8 * BLOCK, true);
	both_reach(4 * BLOCK, false);
	both_reach(MEMORY_END - BLOCK, false);
	unattached(domains[0], endpoints[0]);
	unattached(domains[1], endpoints[1]);
	both_reach(8 * BLOCK, false);
	assert_int_equal(iommu_release_endpoint(endpoints[2]), 0);
	assert_int_equal(end(NULL), 0);
}

/* Mapped in a first window: of a unit with a second one, and of one without. */
static void memory_that_is_mapped_does_not_go(void **state)
{
	struct iommu_unit *units[3];
	unsigned int i;

	(void)state;
	begin_memory(units);
	for (i = 0; i < 3; i += 2) {
		struct iommu_endpoint *endpoint = add((uint16_t)(0x100 * (i + 1)));
		struct iommu_domain *domain = attached(units[i], endpoint, false);
		const uint64_t far = START + SIZE - 0x1000;

		assert_int_equal(iommu_map(domain, far, 3 * BLOCK - 0x1000, 0x1000, RW), 0);
		assert_int_equal(iommu_papr_remove_memory(f.iommu, 2 * BLOCK, BLOCK), IOMMU_EBUSY);
		assert_true(reaches_at(LIOBN + i, far, 3 * BLOCK - 0x1000));
		assert_int_equal(iommu_papr_remove_memory(f.iommu, BLOCK, BLOCK), 0);
		assert_int_equal(iommu_papr_remove_memory(f.iommu, 3 * BLOCK, BLOCK), 0);
		assert_int_equal(iommu_papr_add_memory(f.iommu, BLOCK, BLOCK), 0);
		assert_int_equal(iommu_papr_add_memory(f.iommu, 3 * BLOCK, BLOCK), 0);
		/* An entry that was not cleared leads there, too. */
		refuse(1, 100);
		assert_int_equal(iommu_unmap(domain, far, 0x1000, 0, NULL), IOMMU_EIO);
		assert_int_equal(iommu_papr_remove_memory(f.iommu, 2 * BLOCK, BLOCK), IOMMU_EIO);
		assert_true(reaches_at(LIOBN + i, far, 3 * BLOCK - 0x1000));
		refuse(0, 0);
		assert_int_equal(iommu_papr_remove_memory(f.iommu, 2 * BLOCK, BLOCK), 0);
		assert_false(reaches_at(LIOBN + i, far, 3 * BLOCK - 0x1000));
		assert_int_equal(iommu_papr_add_memory(f.iommu, 2 * BLOCK, BLOCK), 0);
		unattached(domain, endpoint);
	}
	assert_int_equal(end(NULL), 0);
}

/* After any refusal: neither window has followed, once a call says that all is well. */
static void check_failed_change(struct iommu_unit *units[3], bool comes, uint64_t address)
{
	const bool is_settled =
		iommu_unit_enable(units[0]) == 0 && iommu_unit_enable(units[1]) == 0;

	assert_true(is_settled);
	both_reach(address, !comes);
	both_reach(address + 4 * BLOCK - 1, !comes);
	both_reach(0, true);
}

static void windows_follow_together_or_not_at_all(void **state)
{
	static const unsigned int lengths[] = {1, 3, 1000};
	unsigned int comes, at, i;

	(void)state;
	for (comes = 0; comes < 2; comes++) {
		for (i = 0; i < 3; i++) {
			for (at = 1;; at++) {
				const uint64_t address = comes ? MEMORY_END : 16 * BLOCK;
				struct iommu_endpoint *endpoints[2];
				struct iommu_domain *domains[2];
				struct iommu_unit *units[3];
				int status;

				begin_memory(units);
				endpoints[0] = add(0x100);
				endpoints[1] = add(0x200);
				domains[0] = attached(units[0], endpoints[0], true);
				domains[1] = attached(units[1], endpoints[1], true);
				refuse(at, lengths[i]);
				status = comes ? iommu_papr_add_memory(f.iommu, address, 4 * BLOCK)
					       : iommu_papr_remove_memory(f.iommu, address,
									  4 * BLOCK);
				/* Nothing is left that the hypervisor has to be asked for. */
				if (f.refuse_at != 0 && f.refusals != 0 && status == 0) {
					refuse(0, 0);
					both_reach(address, comes);
					unattached(domains[0], endpoints[0]);
					unattached(domains[1], endpoints[1]);
					assert_int_equal(end(NULL), 0);
					break;
				}
				assert_int_equal(status, IOMMU_EIO);
				if (f.refusals > 100) {
					assert_int_equal(iommu_unit_enable(units[0]) |
								 iommu_unit_enable(units[1]),
							 IOMMU_EIO);
					assert_int_equal(
						iommu_papr_remove_memory(f.iommu, 0, BLOCK),
						IOMMU_EIO);
				}
				refuse(0, 0);
				check_failed_change(units, comes, address);
				unattached(domains[0], endpoints[0]);
				unattached(domains[1], endpoints[1]);
				assert_int_equal(end(NULL), 0);
			}
			assert_in_range(at, 3, 40);
		}
	}
}

#define BLOCKS (LIMIT / BLOCK)

/* What both sides have as memory, and which units' bypass is open. */
static struct {
	bool is_memory[BLOCKS];
	struct iommu_endpoint *endpoints[2];
	struct iommu_domain *domains[2];
	bool is_attached[2];
} memory;

/* Memory goes from the partition when the library has let go of it, and comes before it is told. */
static void change_memory(uint64_t block, uint64_t count)
{
	const bool comes = !memory.is_memory[block];
	uint64_t i;
	int status;

	for (i = 0; i < count; i++)
		if (memory.is_memory[block + i] == comes)
			count = i;
	if (comes)
		assert_int_equal(iommu_model_papr_add_memory(f.model, block * BLOCK, count * BLOCK),
				 0);
	status = comes ? iommu_papr_add_memory(f.iommu, block * BLOCK, count * BLOCK)
		       : iommu_papr_remove_memory(f.iommu, block * BLOCK, count * BLOCK);
	if (status == 0 && !comes)
		assert_int_equal(
			iommu_model_papr_remove_memory(f.model, block * BLOCK, count * BLOCK), 0);
	if (status != 0) {
		assert_true(status == IOMMU_EIO);
		if (!comes)
			return;
		/* The host does not use it: it goes again, once nothing leads there. */
		refuse(0, 0);
		for (i = 0; i < 2; i++)
			assert_int_equal(
				iommu_unit_enable(iommu_endpoint_unit(memory.endpoints[i])), 0);
		assert_int_equal(
			iommu_model_papr_remove_memory(f.model, block * BLOCK, count * BLOCK), 0);
		return;
	}
	for (i = 0; i < count; i++)
		memory.is_memory[block + i] = comes;
}

static void turn_bypass(unsigned int unit)
{
	struct iommu_group *group = iommu_endpoint_group(memory.endpoints[unit]);

	if (memory.is_attached[unit]) {
		(void)iommu_domain_detach_group(group);
		memory.is_attached[unit] = false;
	} else {
		memory.is_attached[unit] =
			iommu_domain_attach_group(memory.domains[unit], group) == 0;
	}
}

/* With a hypervisor that obeys: devices reach what is memory, and nothing else. */
static void check_memory(struct iommu_unit *units[3])
{
	uint64_t i;
	unsigned int unit;

	refuse(0, 0);
	for (unit = 0; unit < 2; unit++) {
		assert_int_equal(iommu_unit_enable(units[unit]), 0);
		for (i = 0; i < BLOCKS; i++) {
			const uint64_t last = i * BLOCK + BLOCK - 1;

			assert_int_equal(
				reaches_at(DIRECT + 2 - unit, DIRECT_BASE + i * BLOCK, i * BLOCK),
				memory.is_memory[i] && memory.is_attached[unit]);
			assert_int_equal(reaches_at(DIRECT + 2 - unit, DIRECT_BASE + last, last),
					 memory.is_memory[i] && memory.is_attached[unit]);
		}
	}
}

static uint32_t any_number(void)
{
	static uint32_t seed = 12345;

	seed = seed * 1103515245 + 12345;
	return seed >> 16;
}

static void memory_follows_whatever_fails(void **state)
{
	const struct iommu_domain_config config = {.bypass = true};
	struct iommu_unit *units[3];
	unsigned int i;

	(void)state;
	begin_memory(units);
	assert_int_equal(iommu_model_papr_remove_memory(f.model, MEMORY_END, LIMIT - MEMORY_END),
			 0);
	for (i = 0; i < BLOCKS; i++)
		memory.is_memory[i] = i * BLOCK < MEMORY_END;
	for (i = 0; i < 2; i++) {
		memory.endpoints[i] = add((uint16_t)(0x100 * (i + 1)));
		memory.is_attached[i] = false;
		assert_int_equal(iommu_domain_alloc(units[i], IOMMU_DOMAIN_PAGING, &config,
						    &memory.domains[i]),
				 0);
	}
	for (i = 0; i < 1000; i++) {
		const uint64_t block = any_number() % (BLOCKS - 4);

		refuse(any_number() % 3 == 0 ? 1 + any_number() % 64 : 0, 1 + any_number() % 8);
		if (any_number() % 4 == 0)
			turn_bypass(any_number() % 2);
		else
			change_memory(block, 1 + any_number() % 4);
		if (any_number() % 8 == 0)
			check_memory(units);
	}
	check_memory(units);
	for (i = 0; i < 2; i++) {
		if (memory.is_attached[i])
			turn_bypass(i);
		assert_int_equal(iommu_domain_free(memory.domains[i]), 0);
		assert_int_equal(iommu_release_endpoint(memory.endpoints[i]), 0);
	}
	assert_int_equal(end(NULL), 0);
}

/* Holes at the probe; and what is no list of memory. */
static void memory_is_listed_at_the_probe(void **state)
{
	static const struct {
		struct iommu_papr_memory ranges[2];
		int status;
	} cases[] = {
		{{{4 * BLOCK, BLOCK}, {0, BLOCK}}, 0},
		{{{0, 2 * BLOCK}, {BLOCK, BLOCK}}, IOMMU_EINVAL},
		{{{0, BLOCK}, {BLOCK, 0}}, IOMMU_EINVAL},
		{{{0, BLOCK}, {BLOCK, 0x8000}}, IOMMU_EINVAL},
		{{{0, BLOCK}, {MEMORY_END, BLOCK}}, IOMMU_EINVAL},
		{{{0, BLOCK}, {BLOCK, UINT64_MAX & -0x10000ULL}}, IOMMU_EINVAL},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_papr_config config = good_config();
		struct iommu_endpoint *endpoint;
		struct iommu_domain *domain;

		make_model(false);
		config.memory = cases[i].ranges;
		config.memory_count = 2;
		assert_int_equal(iommu_papr_probe(f.iommu, &config), cases[i].status);
		if (cases[i].status == 0) {
			f.unit = iommu_find_unit(f.iommu, "liobn80000000");
			assert_int_equal(iommu_unit_enable(f.unit), 0);
			endpoint = add(0x100);
			domain = attached(f.unit, endpoint, true);
			assert_true(reaches_directly(BLOCK - 1));
			assert_false(reaches_directly(BLOCK));
			assert_false(reaches_directly(4 * BLOCK - 1));
			assert_true(reaches_directly(4 * BLOCK));
			unattached(domain, endpoint);
		}
		assert_int_equal(end(NULL), 0);
	}
	make_model(false);
	{
		struct iommu_papr_config config = good_config();

		config.memory_limit = MEMORY_END - 1;
		assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
		config.memory_limit = MEMORY_END + 1;
		assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
	}
	assert_int_equal(end(NULL), 0);
}

/* --- Tracing ---------------------------------------------------------------------------------- */

/* There is no hardware to be told: a hypervisor clears entries, or does not. */
static void what_is_traced(void **state)
{
	struct iommu_endpoint *endpoint = add(0x100);
	struct iommu_domain *domain = domain_of(IOMMU_DOMAIN_PAGING);
	const unsigned int id = domain->number;
	struct trace_log log;

	(void)state;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	trace_log_begin(&log, f.iommu, &f.test);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	EXPECT(&log, .type = IOMMU_TRACE_ATTACH, .domain = id, .unit = 1, .segment = SEGMENT,
	       .source_id = 0x100);
	assert_int_equal(iommu_map(domain, START, MEMORY, 0x2000, RW), 0);
	EXPECT(&log, .type = IOMMU_TRACE_MAP, .domain = id, .iova = START, .size = 0x2000);
	assert_int_equal(iommu_unmap(domain, START, 0x1000, 0, NULL), 0);
	EXPECT(&log, .type = IOMMU_TRACE_UNMAP, .domain = id, .iova = START, .size = 0x1000);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .domain = id, .iova = START, .size = 0x1000);
	trace_log_expect_end(&log);

	MISBEHAVE(.busy = 1000);
	assert_int_equal(iommu_unmap(domain, START + 0x1000, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	EXPECT(&log, .type = IOMMU_TRACE_UNMAP, .domain = id, .iova = START + 0x1000,
	       .size = 0x1000, .status = IOMMU_ETIMEDOUT);
	EXPECT(&log, .type = IOMMU_TRACE_WITHHELD, .domain = id, .iova = START + 0x1000,
	       .size = 0x1000, .status = IOMMU_ETIMEDOUT);
	trace_log_expect_end(&log);
	BEHAVE();
	assert_int_equal(iommu_map(domain, START, MEMORY, 0x1000, RW), 0);
	EXPECT(&log, .type = IOMMU_TRACE_CONFIRM, .domain = id);
	EXPECT(&log, .type = IOMMU_TRACE_MAP, .domain = id, .iova = START, .size = 0x1000);
	trace_log_expect_end(&log);
	assert_true(is_blocked(START + 0x1000));

	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	EXPECT(&log, .type = IOMMU_TRACE_DETACH, .domain = id, .unit = 1, .segment = SEGMENT,
	       .source_id = 0x100);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	EXPECT(&log, .type = IOMMU_TRACE_FREE, .domain = id);
	trace_log_expect_end(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_traced),
		TEST(windows_are_probed_or_refused),
		TEST(all_behind_a_window_is_one_group),
		TEST(domains_are_switched),
		TEST(domains_are_switched_by_single_calls),
		TEST(domains_are_made_as_the_window_is),
		TEST(any_bytes_are_told_of),
		TEST(drivers_map_and_bypass),
		TEST(what_is_not_cleared_is_said),
		TEST(a_page_taken_out_while_domains_change),
		TEST(a_domain_that_cannot_be_set_leaves_the_old_one),
		TEST(answers_of_the_hypervisor_are_errors_of_the_header),
		TEST(an_unmap_in_parts_is_owed_whole),
		TEST(nothing_is_waited_for_under_the_lock),
		TEST(a_drivers_unmap_is_owed_whole),
		TEST(an_attach_whose_way_back_fails_is_repaired),
		TEST(a_disable_that_stops_half_way_is_none),
		TEST(a_bypass_that_is_half_set_is_set_anew),
		TEST(no_unmap_is_confirmed_beside_a_bypass_in_doubt),
		TEST(a_bypass_is_reached_or_is_none),
		TEST(widths_of_domains_are_kept),
		TEST(domains_have_all_their_memory_or_are_none),
		TEST(a_bypass_needs_a_second_window),
		TEST(devices_reach_what_is_mapped_for_them),
		TEST(devices_are_registered_with_windows),
		cmocka_unit_test(managers_map_in_larger_pages),
		cmocka_unit_test(the_device_tree_is_read),
		cmocka_unit_test(extensions_are_counted),
		TEST(windows_are_made_and_removed),
		TEST(the_best_window_is_chosen),
		cmocka_unit_test(windows_are_described_for_the_next_kernel),
		cmocka_unit_test(windows_of_an_earlier_kernel_are_found),
		TEST(windows_lie_where_devices_reach_them),
		cmocka_unit_test(one_window_is_two),
		cmocka_unit_test(memory_comes_and_goes),
		cmocka_unit_test(memory_that_is_mapped_does_not_go),
		cmocka_unit_test(windows_follow_together_or_not_at_all),
		cmocka_unit_test(memory_follows_whatever_fails),
		cmocka_unit_test(memory_is_listed_at_the_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
