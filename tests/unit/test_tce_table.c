/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POWER windows: the allocation of pages against a naive search, tables in memory under a bridge
 * that caches all that it may, and tables in a hypervisor that is busy, out of memory, or refuses.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/hw/tce.h>
#include <libiommu/model_tce.h>
#include <libiommu/status.h>
#include <libiommu/tce_table.h>

#include "tce/answer.h"
#include "tce/table.h"
#include "test.h"
#include "test_platform.h"

#define RW IOMMU_PROT_READ_WRITE

static struct test_platform test;
static struct iommu_tce_table *table;
static unsigned int this_cpu;

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return this_cpu;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return 8;
}

static void platform_start(void)
{
	test_platform_init(&test, 1 << 26, 0);
	test.platform.cpu_id = cpu_id;
	test.platform.cpu_count = cpu_count;
	this_cpu = 0;
}

/* --- A bridge --------------------------------------------------------------------------------- */

#define CACHE_MAX 4096

/* It remembers each entry that it has looked at, absent ones too, until it is told to forget. */
static struct bridge {
	unsigned int levels, table_bits, page_shift;
	uint64_t first_page;
	struct {
		uint64_t page, entry;
	} cache[CACHE_MAX];
	unsigned int cached;
	bool hangs;
	unsigned int kills_of_pages, kills_of_all;
} bridge;

static int kill_pages(void *ctx, uint64_t address, unsigned int page_shift, uint64_t pages)
{
	unsigned int kept = 0;
	unsigned int i;

	assert_ptr_equal(ctx, &bridge);
	assert_int_equal(page_shift, bridge.page_shift);
	bridge.kills_of_pages++;
	if (bridge.hangs)
		return IOMMU_ETIMEDOUT;
	for (i = 0; i < bridge.cached; i++)
		if (bridge.cache[i].page - (address >> page_shift) >= pages)
			bridge.cache[kept++] = bridge.cache[i];
	bridge.cached = kept;
	return 0;
}

static int kill_all(void *ctx)
{
	assert_ptr_equal(ctx, &bridge);
	bridge.kills_of_all++;
	if (bridge.hangs)
		return IOMMU_ETIMEDOUT;
	bridge.cached = 0;
	return 0;
}

static uint64_t load_entry(uint64_t paddr)
{
	uint64_t entry;

	memcpy(&entry, iommu_phys_to_virt(&test.platform, paddr), sizeof(entry));
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? entry : __builtin_bswap64(entry);
}

static uint64_t walk(uint64_t index)
{
	uint64_t entry = iommu_tce_memory_root(table) | TCE_READ;
	unsigned int level;

	for (level = bridge.levels; level != 0 && tce_is_valid(entry); level--) {
		const uint64_t at = index >> (level - 1) * bridge.table_bits &
				    ((1ULL << bridge.table_bits) - 1);

		entry = load_entry(tce_address(entry) + at * 8);
	}
	return entry;
}

/* The entry that the bridge uses for a bus address. */
static uint64_t entry_at(uint64_t address)
{
	const uint64_t page = address >> bridge.page_shift;
	unsigned int i;

	for (i = 0; i < bridge.cached; i++)
		if (bridge.cache[i].page == page)
			return bridge.cache[i].entry;
	assert_true(bridge.cached < CACHE_MAX);
	bridge.cache[bridge.cached].page = page;
	bridge.cache[bridge.cached].entry = walk(page - bridge.first_page);
	return bridge.cache[bridge.cached++].entry;
}

static bool leads_to(uint64_t address, iommu_paddr_t paddr)
{
	const uint64_t entry = entry_at(address);

	return tce_is_valid(entry) && tce_address(entry) == paddr;
}

static bool is_blocked(uint64_t address)
{
	return !tce_is_valid(entry_at(address));
}

static const struct iommu_tce_table_config small_window = {.entries = 1024, .page_shift = 12};

static void begin(const struct iommu_tce_table_config *window, unsigned int levels,
		  unsigned int table_order)
{
	struct iommu_tce_memory_config config = {
		.table = *window,
		.levels = levels,
		.table_order = table_order,
		.output_bits = 50,
		.kill = {.ctx = &bridge, .pages = kill_pages, .all = kill_all},
	};

	platform_start();
	memset(&bridge, 0, sizeof(bridge));
	bridge.levels = levels;
	bridge.table_bits = 9 + table_order;
	bridge.page_shift = window->page_shift;
	bridge.first_page = window->first_page;
	config.table.platform = &test.platform;
	assert_int_equal(iommu_tce_memory_create(&config, &table), 0);
}

static void end(void)
{
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	test_platform_destroy(&test);
}

static struct iommu_tce_table_stats stats(void)
{
	struct iommu_tce_table_stats now;

	iommu_tce_table_get_stats(table, &now);
	return now;
}

static void configurations_that_do_not_fit_are_refused(void **state)
{
	struct iommu_tce_memory_config good, config;

	(void)state;
	platform_start();
	good = (struct iommu_tce_memory_config){
		.table = small_window,
		.levels = 2,
		.output_bits = 50,
		.kill = {.ctx = &bridge, .all = kill_all},
	};
	good.table.platform = &test.platform;
#define REFUSED(field, value)                                                                      \
	config = good;                                                                             \
	config.field = value;                                                                      \
	assert_int_equal(iommu_tce_memory_create(&config, &table), IOMMU_EINVAL)
	REFUSED(table.platform, NULL);
	REFUSED(table.entries, 0);
	REFUSED(table.entries, (1ULL << 28) + 1);
	REFUSED(table.page_shift, 11);
	REFUSED(table.page_shift, 35);
	REFUSED(table.first_page, UINT64_MAX >> 12);
	REFUSED(table.block, 3);
	REFUSED(table.flags, IOMMU_TCE_TABLE_KEEP);
	REFUSED(levels, 0);
	REFUSED(levels, 1); /* 512 entries do not hold 1024 */
	REFUSED(table_order, 5);
	REFUSED(output_bits, 12);
	REFUSED(kill.all, NULL);
	test_platform_destroy(&test);
}

static void each_allocation_of_a_window_fails_in_turn(void **state)
{
	struct iommu_tce_memory_config config = {
		.table = small_window,
		.levels = 2,
		.output_bits = 50,
		.eager = true,
		.kill = {.ctx = &bridge, .all = kill_all},
	};
	unsigned int n;

	(void)state;
	platform_start();
	config.table.platform = &test.platform;
	for (n = 1;; n++) {
		int status;

		test.fail_after = test.allocations + n;
		status = iommu_tce_memory_create(&config, &table);
		test.fail_after = 0;
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_int_equal(test.hosted.pages_in_use, 0);
	}
	assert_true(n > 5);
	end();
}

/* The only page that is free is found wherever it is, below what was handed out last, too. */
static void the_last_free_page_is_found(void **state)
{
	uint64_t address, again, count = 0;

	(void)state;
	begin(&small_window, 2, 0);
	while (iommu_tce_table_map(table, 0x100000, 1, RW, NULL, &address) == 0)
		count++;
	assert_int_equal(count, 1023);
	for (address = 0x1000; address < 1024 * 4096; address += 93 * 4096) {
		for (unsigned int cpu = 0; cpu < 8; cpu++) {
			this_cpu = cpu;
			assert_int_equal(iommu_tce_table_unmap(table, address, 1), 0);
			assert_int_equal(iommu_tce_table_map(table, 0x200000, 1, RW, NULL, &again),
					 0);
			assert_int_equal(again, address);
		}
	}
	this_cpu = 0;
	for (address = 0x1000; address < 1024 * 4096; address += 4096)
		assert_int_equal(iommu_tce_table_unmap(table, address, 1), 0);
	end();
}

/* Of a range, however many words its bits take, each page must have been handed out. */
static void an_unmap_is_of_what_is_mapped(void **state)
{
	static const uint64_t gaps[] = {1, 6, 7, 62, 63, 64, 65, 500, 1021};
	uint64_t address;

	(void)state;
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		const uint64_t gap = gaps[i];

		begin(&small_window, 2, 0);
		assert_int_equal(iommu_tce_table_map(table, 0x100000, 1023, RW, NULL, &address), 0);
		assert_true(address >> 12 < 64);
		assert_int_equal(iommu_tce_table_unmap(table, address + (gap << 12), 1), 0);
		assert_int_equal(iommu_tce_table_unmap(table, address, 1023), IOMMU_EINVAL);
		assert_true(leads_to(address, 0x100000));
		assert_true(leads_to(address + 0x3fe000, 0x4fe000));
		assert_int_equal(iommu_tce_table_unmap(table, address, gap), 0);
		assert_int_equal(
			iommu_tce_table_unmap(table, address + ((gap + 1) << 12), 1022 - gap), 0);
		end();
	}
}

static void pages_are_reached_until_they_are_unmapped(void **state)
{
	uint64_t address, other;
	iommu_paddr_t paddr;
	unsigned int prot;

	(void)state;
	begin(&small_window, 2, 0);
	/* The bridge has looked before: it remembers that there was nothing. */
	for (address = 0; address < 64 * 4096; address += 4096)
		assert_true(is_blocked(address));
	assert_int_equal(iommu_tce_table_map(table, 0x70000, 3, RW, NULL, &address), 0);
	assert_true(address != 0);
	assert_true(leads_to(address, 0x70000));
	assert_true(leads_to(address + 0x2000, 0x72000));
	assert_int_equal(iommu_tce_table_map(table, 0x90000, 1, IOMMU_PROT_READ, NULL, &other), 0);
	assert_int_equal(iommu_tce_table_get(table, other + 5, &paddr, &prot), 0);
	assert_int_equal(paddr, 0x90005);
	assert_int_equal(prot, IOMMU_PROT_READ);
	assert_int_equal(iommu_tce_table_get(table, 0, NULL, NULL), IOMMU_ENOENT);
	assert_int_equal(iommu_tce_table_get(table, 1024 * 4096, NULL, NULL), IOMMU_ERANGE);
	/* Part of it, and then the rest. */
	assert_int_equal(iommu_tce_table_unmap(table, address + 0x1000, 1), 0);
	assert_true(leads_to(address, 0x70000));
	assert_true(is_blocked(address + 0x1000));
	assert_int_equal(iommu_tce_table_unmap(table, address, 3), IOMMU_EINVAL); /* not all is */
	assert_int_equal(iommu_tce_table_unmap(table, address, 1), 0);
	assert_int_equal(iommu_tce_table_unmap(table, address + 0x2000, 1), 0);
	assert_true(is_blocked(address));
	assert_int_equal(iommu_tce_table_unmap(table, other, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_unmap(table, 0, 1), IOMMU_EINVAL); /* never handed out */
	assert_int_equal(iommu_tce_table_unmap(table, other + 1, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_unmap(table, 1023 * 4096, 2), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_unmap(table, other, 1), 0);
	assert_int_equal(stats().taken, 1); /* bus address 0 */
	assert_int_equal(stats().lost, 0);
	end();
}

/*
 * What no pool has by itself is found across them: in an empty window all of it, but for address 0.
 */
static void a_run_may_lie_in_several_pools(void **state)
{
	const struct iommu_tce_limits none = {.mask = 0};
	uint64_t small, large, other;

	(void)state;
	begin(&small_window, 2, 0);
	assert_int_equal(iommu_tce_table_map(table, 0x100000, 1023, RW, &none, &large), 0);
	assert_int_equal(large, 0x1000);
	assert_true(leads_to(large + 1022 * 0x1000, 0x100000 + 1022 * 0x1000));
	assert_int_equal(stats().taken, 1024);
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, &none, &small), IOMMU_ENOSPC);
	assert_int_equal(iommu_tce_table_unmap(table, large, 1023), 0);
	assert_int_equal(stats().taken, 1);
	/* Behind what is in the way, and not where there is nothing. */
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, &none, &small), 0);
	assert_int_equal(iommu_tce_table_map(table, 0x100000, 1000, RW, &none, &large), 0);
	assert_true(large > small);
	assert_int_equal(iommu_tce_table_map(table, 0x100000, 24, RW, &none, &other), IOMMU_ENOSPC);
	assert_int_equal(stats().taken, 1002);
	assert_int_equal(iommu_tce_table_unmap(table, large, 1000), 0);
	assert_int_equal(iommu_tce_table_unmap(table, small, 1), 0);
	assert_int_equal(stats().taken, 1);
	end();
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	struct iommu_tce_limits limits = {.mask = 0};
	uint64_t address;

	(void)state;
	begin(&small_window, 2, 0);
#define MAP(paddr, pages, prot) iommu_tce_table_map(table, paddr, pages, prot, &limits, &address)
	assert_int_equal(MAP(0x1000, 0, RW), IOMMU_EINVAL);
	assert_int_equal(MAP(0x1800, 1, RW), IOMMU_EINVAL);
	assert_int_equal(MAP(0x1000, 1, 0), IOMMU_EINVAL);
	assert_int_equal(MAP(0x1000, 1, 8), IOMMU_EINVAL);
	assert_int_equal(MAP(0x1000, 1025, RW), IOMMU_ENOSPC);
	assert_int_equal(MAP(UINT64_MAX - 0xfff, 2, RW), IOMMU_EOVERFLOW);
	assert_int_equal(MAP(1ULL << 50, 1, RW), IOMMU_ERANGE);
	limits.mask = 0xfffe;
	assert_int_equal(MAP(0x1000, 1, RW), IOMMU_EINVAL);
	limits.mask = 0xfff; /* only bus address 0 */
	assert_int_equal(MAP(0x1000, 1, RW), IOMMU_ENOSPC);
	limits.mask = 0x7ff;
	assert_int_equal(MAP(0x1000, 1, RW), IOMMU_ENOSPC);
	limits = (struct iommu_tce_limits){.boundary = 0x3000};
	assert_int_equal(MAP(0x1000, 1, RW), IOMMU_EINVAL);
	limits.boundary = 0x2000;
	assert_int_equal(MAP(0x1000, 3, RW), IOMMU_EINVAL);
	limits = (struct iommu_tce_limits){.alignment = 29};
	assert_int_equal(MAP(0x1000, 1, RW), IOMMU_EINVAL);
	assert_int_equal(stats().taken, 1);
	end();
}

/* Nothing may be used again that the bridge might still use. */
static void what_is_not_confirmed_is_kept_back(void **state)
{
	static const struct iommu_tce_table_config window = {.entries = 4096, .page_shift = 12};
	const struct iommu_tce_limits whole_table = {.alignment = 9};
	uint64_t address, other, i;
	uint64_t taken;
	size_t pages;

	(void)state;
	begin(&window, 2, 0);
	assert_int_equal(iommu_tce_table_map(table, 0x70000, 512, RW, &whole_table, &address), 0);
	assert_true(leads_to(address, 0x70000));
	pages = test.hosted.pages_in_use;
	taken = stats().taken;
	bridge.hangs = true;
	assert_int_equal(iommu_tce_table_unmap(table, address, 512), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_tce_table_unmap(table, address, 512), IOMMU_ETIMEDOUT);
	assert_int_equal(test.hosted.pages_in_use, pages);
	assert_int_equal(stats().taken, taken);
	bridge.hangs = false;
	for (i = 0; i < 300; i++) {
		assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &other), 0);
		assert_true(other < address || other >= address + 512 * 4096);
		/*
		 * The first kill that is confirmed, behind two that were not, is for all: the
		 * old table goes, a new one came.
		 */
		assert_int_equal(bridge.kills_of_all, 3);
		assert_true(i != 0 || test.hosted.pages_in_use == pages);
	}
	assert_true(is_blocked(address));
	/* Nor is what the bridge might not see. */
	bridge.hangs = true;
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &other), IOMMU_EIO);
	assert_int_equal(stats().lost, 1);
	bridge.hangs = false;
	/* Once it is confirmed they are free, and counted once. */
	taken = stats().taken;
	assert_int_equal(iommu_tce_table_unmap(table, address, 512), 0);
	assert_int_equal(stats().taken, taken - 512);
	assert_int_equal(iommu_tce_table_unmap(table, address, 512), IOMMU_EINVAL);
	assert_int_equal(stats().lost, 1);
	end();
}

/* A page whose kill failed: the next kill is of everything, and those after it of pages again. */
static void what_one_page_left_open_is_made_good(void **state)
{
	uint64_t first, second, third;

	(void)state;
	begin(&small_window, 2, 0);
	assert_int_equal(iommu_tce_table_map(table, 0x70000, 1, RW, NULL, &first), 0);
	assert_int_equal(iommu_tce_table_map(table, 0x80000, 1, RW, NULL, &second), 0);
	assert_true(leads_to(first, 0x70000));
	bridge.kills_of_all = 0;
	bridge.hangs = true;
	assert_int_equal(iommu_tce_table_unmap(table, first, 1), IOMMU_ETIMEDOUT);
	bridge.hangs = false;
	assert_int_equal(stats().lost, 0);
	assert_int_equal(stats().taken, 3);
	assert_int_equal(bridge.kills_of_all, 0);
	assert_int_equal(iommu_tce_table_map(table, 0x90000, 1, RW, NULL, &third), 0);
	assert_int_equal(bridge.kills_of_all, 1);
	assert_true(is_blocked(first));
	assert_int_equal(iommu_tce_table_unmap(table, second, 1), 0);
	assert_int_equal(iommu_tce_table_unmap(table, third, 1), 0);
	assert_int_equal(bridge.kills_of_all, 1);
	end();
}

/* So few pages that all of them are in the pool for large requests. */
static void the_smallest_windows_have_one_pool(void **state)
{
	static const struct iommu_tce_table_config window = {.entries = 64, .page_shift = 12};
	uint64_t addresses[63], i;

	(void)state;
	begin(&window, 1, 0);
	for (i = 0; i < 63; i++)
		assert_int_equal(iommu_tce_table_map(table, 0x70000, 1, RW, NULL, &addresses[i]),
				 0);
	assert_int_equal(stats().taken, 64);
	for (i = 0; i < 63; i++)
		assert_int_equal(iommu_tce_table_unmap(table, addresses[i], 1), 0);
	assert_int_equal(stats().taken, 1);
	end();
}

static void an_owner_takes_the_whole_window(void **state)
{
	iommu_paddr_t paddr;
	unsigned int prot;
	uint64_t address;

	(void)state;
	begin(&small_window, 2, 0);
	assert_int_equal(iommu_tce_table_exchange(table, 0, 0, 0, &paddr, &prot), IOMMU_EPERM);
	assert_int_equal(iommu_tce_table_flush(table), IOMMU_EPERM);
	assert_int_equal(iommu_tce_table_give_back(table), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address), 0);
	assert_int_equal(iommu_tce_table_take(table), IOMMU_EBUSY);
	assert_int_equal(iommu_tce_table_unmap(table, address, 1), 0);
	bridge.hangs = true;
	assert_int_equal(iommu_tce_table_take(table), IOMMU_ETIMEDOUT);
	bridge.hangs = false;
	assert_int_equal(iommu_tce_table_take(table), 0);
	assert_int_equal(iommu_tce_table_take(table), IOMMU_EBUSY);
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address), IOMMU_EBUSY);
	/* Address 0, too, is the owner's. */
	assert_int_equal(iommu_tce_table_exchange(table, 0, 0x5000, RW, &paddr, &prot), 0);
	assert_int_equal(prot, 0);
	assert_int_equal(iommu_tce_table_flush(table), 0);
	assert_true(leads_to(0, 0x5000));
	assert_int_equal(iommu_tce_table_exchange(table, 0, 0x6000, IOMMU_PROT_READ, &paddr, &prot),
			 0);
	assert_int_equal(paddr, 0x5000);
	assert_int_equal(prot, RW);
	assert_true(leads_to(0, 0x5000)); /* until the flush */
	assert_int_equal(iommu_tce_table_flush(table), 0);
	assert_true(leads_to(0, 0x6000));
	assert_int_equal(iommu_tce_table_exchange(table, 0, 1, RW, &paddr, &prot), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_exchange(table, 0, 1ULL << 50, RW, &paddr, &prot),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_tce_table_flush(table), 0);
	assert_true(leads_to(0, 0x6000));
	assert_int_equal(iommu_tce_table_exchange(table, 1024 * 4096, 0, 0, &paddr, &prot),
			 IOMMU_ERANGE);
	bridge.hangs = true;
	assert_int_equal(iommu_tce_table_give_back(table), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address), IOMMU_EBUSY);
	bridge.hangs = false;
	assert_int_equal(iommu_tce_table_give_back(table), 0);
	assert_true(is_blocked(0));
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address), 0);
	end();
}

/* --- Handing out ------------------------------------------------------------------------------ */

/* The pool of an index, as the header has it: three quarters for small ones, one for large. */
static uint64_t pool_of(const struct iommu_tce_table_config *window, uint64_t index)
{
	const uint64_t pools = window->entries << window->page_shift >= 1ULL << 30 ? 4 : 1;
	const uint64_t size = window->entries * 3 / 4 / pools / 64 * 64;

	return size == 0 || index / size > pools ? pools : index / size;
}

/* By looking everywhere: could the request have been served? */
static bool naive_finds(const bool *taken, const struct iommu_tce_table_config *window,
			uint64_t pages, const struct iommu_tce_limits *limits)
{
	const uint64_t boundary = limits->boundary >> window->page_shift;
	uint64_t start, i;

	for (start = 0; start + pages <= window->entries; start++) {
		const uint64_t first = window->first_page + start;
		const uint64_t last = first + pages - 1;

		if ((first & ((1ULL << limits->alignment) - 1)) != 0 ||
		    (boundary != 0 && first / boundary != last / boundary) ||
		    (limits->mask != 0 && ((last + 1) << window->page_shift) - 1 > limits->mask))
			continue;
		if (pool_of(window, start) != pool_of(window, start + pages - 1))
			continue;
		for (i = 0; i < pages && !taken[start + i]; i++)
			;
		if (i == pages)
			return true;
	}
	return false;
}

static void hand_out_at_random(const struct iommu_tce_table_config *window, unsigned int levels,
			       uint64_t seed)
{
	enum {
		LIVE = 200
	};
	struct {
		uint64_t address, pages;
	} live[LIVE] = {{0, 0}};
	struct test_random random = {.state = seed};
	bool *taken = calloc((size_t)window->entries, sizeof(bool));
	uint64_t page, i;
	unsigned int step;

	assert_non_null(taken);
	begin(window, levels, 0);
	for (page = 0; page < window->entries; page++) {
		const uint64_t bus = window->first_page + page;

		taken[page] = bus == 0 ||
			      (bus >= window->reserved_first && bus <= window->reserved_last &&
			       window->reserved_first <= window->reserved_last);
	}
	for (step = 0; step < 20000; step++) {
		const unsigned int slot = (unsigned int)test_random_below(&random, LIVE);
		struct iommu_tce_limits limits = {.mask = 0};
		uint64_t pages = 1 + test_random_below(&random, 8);
		uint64_t address = 0;
		int status;

		this_cpu = (unsigned int)test_random_below(&random, 8);
		bridge.cached = 0;
		if (live[slot].pages != 0) {
			assert_int_equal(
				iommu_tce_table_unmap(table, live[slot].address, live[slot].pages),
				0);
			page = (live[slot].address >> window->page_shift) - window->first_page;
			memset(&taken[page], 0, (size_t)live[slot].pages);
			live[slot].pages = 0;
			continue;
		}
		if (test_random_below(&random, 4) == 0)
			pages = 1 + test_random_below(&random, 60);
		if (test_random_below(&random, 3) == 0)
			limits.alignment = (unsigned int)test_random_below(&random, 6);
		if (test_random_below(&random, 3) == 0)
			limits.boundary = 64ULL << window->page_shift;
		if (test_random_below(&random, 4) == 0)
			limits.mask =
				((window->first_page + window->entries / 3) | ((1ULL << 9) - 1))
					<< window->page_shift |
				((1ULL << window->page_shift) - 1);
		if ((limits.mask & (limits.mask + 1)) != 0)
			limits.mask = UINT64_MAX >> __builtin_clzll(limits.mask);
		status = iommu_tce_table_map(table, page = 0, pages, RW, &limits, &address);
		if (status != 0) {
			assert_int_equal(status, IOMMU_ENOSPC);
			assert_false(naive_finds(taken, window, pages, &limits));
			continue;
		}
		assert_int_equal(address & ((1ULL << window->page_shift) - 1), 0);
		page = address >> window->page_shift;
		assert_true(page >= window->first_page &&
			    page - window->first_page + pages <= window->entries);
		assert_int_equal(page & ((1ULL << limits.alignment) - 1), 0);
		if (limits.mask != 0)
			assert_true(address + (pages << window->page_shift) - 1 <= limits.mask);
		if (limits.boundary != 0)
			assert_int_equal(page / 64, (page + pages - 1) / 64);
		page -= window->first_page;
		for (i = 0; i < pages; i++) {
			assert_false(taken[page + i]);
			taken[page + i] = true;
		}
		live[slot].address = address;
		live[slot].pages = pages;
	}
	for (step = 0; step < LIVE; step++)
		if (live[step].pages != 0)
			assert_int_equal(
				iommu_tce_table_unmap(table, live[step].address, live[step].pages),
				0);
	assert_int_equal(stats().taken, stats().reserved);
	end();
	free(taken);
}

static void owners_keep_words_of_their_own(void **state)
{
	const struct iommu_tce_table_config large = {.first_page = 0x100,
						     .entries = 1 << 20,
						     .page_shift = 16,
						     .flags = IOMMU_TCE_TABLE_USER_WORDS};
	const uint64_t first = 0x100ULL << 16;
	const uint64_t last = first + (((1ULL << 20) - 1) << 16);
	iommu_paddr_t paddr;
	unsigned int prot;
	uint64_t word, i;

	(void)state;
	begin(&small_window, 2, 0);
	assert_int_equal(iommu_tce_table_take(table), 0);
	assert_int_equal(iommu_tce_table_set_user(table, 0, 5), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_tce_table_get_user(table, 0, &word), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_tce_table_give_back(table), 0);
	end();

	begin(&large, 3, 0);
	assert_int_equal(iommu_tce_table_set_user(table, first, 5), IOMMU_EPERM);
	assert_int_equal(iommu_tce_table_get_user(table, first, &word), IOMMU_EPERM);
	assert_int_equal(iommu_tce_table_take(table), 0);
	assert_int_equal(iommu_tce_table_set_user(table, first - 1, 5), IOMMU_ERANGE);
	assert_int_equal(iommu_tce_table_get_user(table, last + 0x10000, &word), IOMMU_ERANGE);
	assert_int_equal(iommu_tce_table_get_user(table, last, &word), 0);
	assert_int_equal(word, 0);
	/* Nothing is set for want of memory, and 0 needs none. */
	test.fail_after = test.allocations + 2;
	assert_int_equal(iommu_tce_table_set_user(table, last, 7), IOMMU_ENOMEM);
	assert_int_equal(iommu_tce_table_set_user(table, last, 0), 0);
	test.fail_after = 0;
	for (i = 0; i < 1 << 20; i += 999)
		assert_int_equal(
			iommu_tce_table_set_user(table, first + (i << 16), i ^ 0x5555555500000000),
			0);
	assert_int_equal(iommu_tce_table_set_user(table, last, UINT64_MAX), 0);
	assert_int_equal(iommu_tce_table_exchange(table, first, 0x10000, RW, &paddr, &prot), 0);
	for (i = 0; i < 1 << 20; i++) {
		assert_int_equal(iommu_tce_table_get_user(table, first + (i << 16), &word), 0);
		assert_int_equal(word, i == (1 << 20) - 1 ? UINT64_MAX
				       : i % 999 == 0     ? (i ^ 0x5555555500000000)
							  : 0);
	}
	/* The next owner finds nothing of the last one's. */
	bridge.hangs = true;
	assert_int_equal(iommu_tce_table_give_back(table), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_tce_table_get_user(table, last, &word), 0);
	assert_int_equal(word, UINT64_MAX);
	bridge.hangs = false;
	assert_int_equal(iommu_tce_table_give_back(table), 0);
	assert_int_equal(iommu_tce_table_take(table), 0);
	assert_int_equal(iommu_tce_table_get_user(table, last, &word), 0);
	assert_int_equal(word, 0);
	assert_int_equal(iommu_tce_table_set_user(table, last, 9), 0);
	end(); /* also with words in it */
}

static void what_is_free_is_found(void **state)
{
	/* One pool and several; windows at 0 and elsewhere, at odd places; a hole in the middle. */
	static const struct iommu_tce_table_config windows[] = {
		{.entries = 1024, .page_shift = 12},
		{.entries = 100, .page_shift = 12, .first_page = 7, .reserved_first = 1},
		{.entries = 2048, .page_shift = 20, .reserved_first = 500, .reserved_last = 900},
		{.entries = 1500,
		 .page_shift = 24,
		 .first_page = 0x12345,
		 .reserved_first = 0,
		 .reserved_last = 0x12350},
		{.entries = 4096, .page_shift = 16, .block = 64, .reserved_first = 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		hand_out_at_random(&windows[i], 2, i + 1);
}

/* Each end of what a window may be, and one beyond it. */
static void windows_that_can_be(void **state)
{
	static const struct {
		struct iommu_tce_table_config config;
		bool can_be;
	} cases[] = {
		{{.entries = 1, .page_shift = 12}, true},
		{{.entries = 0, .page_shift = 12}, false},
		{{.entries = 1 << 28, .page_shift = 12}, true},
		{{.entries = (1 << 28) + 1, .page_shift = 12}, false},
		{{.entries = 1, .page_shift = 11}, false},
		{{.entries = 1, .page_shift = 34}, true},
		{{.entries = 1, .page_shift = 35}, false},
		{{.entries = 16, .page_shift = 16, .first_page = (1ULL << 48) - 17}, true},
		{{.entries = 16, .page_shift = 16, .first_page = (1ULL << 48) - 16}, false},
		{{.entries = 16, .page_shift = 16, .block = 1}, true},
		{{.entries = 16, .page_shift = 16, .block = 64}, true},
		{{.entries = 16, .page_shift = 16, .block = 65}, false},
		{{.entries = 16, .page_shift = 16, .block = 6}, false},
		{{.entries = 16,
		  .page_shift = 16,
		  .flags = IOMMU_TCE_TABLE_KEEP | IOMMU_TCE_TABLE_USER_WORDS},
		 true},
		{{.entries = 16, .page_shift = 16, .flags = 1U << 31}, false},
	};
	size_t i;

	(void)state;
	platform_start();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_tce_table_config config = cases[i].config;

		config.platform = &test.platform;
		assert_int_equal(iommu_tce_table_defect(&config) == NULL, cases[i].can_be);
	}
	test_platform_destroy(&test);
}

static void what_is_reserved_is_not_handed_out(void **state)
{
	static const struct iommu_tce_table_config window = {
		.entries = 1024, .page_shift = 12, .reserved_first = 10, .reserved_last = 20};

	(void)state;
	begin(&window, 2, 0);
	assert_int_equal(stats().reserved, 12);
	assert_int_equal(iommu_tce_table_unmap(table, 10 << 12, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_unmap(table, 20 << 12, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_table_unmap(table, 12 << 12, 4), IOMMU_EINVAL);
	assert_int_equal(stats().taken, 12);
	end();
}

static void cpus_have_pools_of_their_own(void **state)
{
	static const struct iommu_tce_table_config window = {
		.entries = 1 << 14, .page_shift = 16, .reserved_first = 1};
	uint64_t first[4], again, several, large;
	unsigned int i;

	(void)state;
	begin(&window, 2, 0);
	assert_int_equal(stats().pools, 5);
	for (i = 0; i < 4; i++) {
		this_cpu = i;
		assert_int_equal(iommu_tce_table_map(table, 0, 1, RW, NULL, &first[i]), 0);
		assert_int_equal((first[i] >> 16) / 3072, i);
	}
	this_cpu = 5; /* there are four */
	assert_int_equal(iommu_tce_table_map(table, 0, 1, RW, NULL, &again), 0);
	assert_int_equal((again >> 16) / 3072, 1);
	/* Large ones are at the top; small ones move on by whole blocks. */
	assert_int_equal(iommu_tce_table_map(table, 0, 63, RW, NULL, &several), 0);
	assert_int_equal((several >> 16) / 3072, 1);
	assert_int_equal(iommu_tce_table_map(table, 0, 64, RW, NULL, &large), 0);
	assert_true(large >> 16 >= 4 * 3072);
	assert_int_equal((again >> 16) % 16, 0);
	assert_true(again != first[1]);
	/* What was just freed is not what comes next. */
	assert_int_equal(iommu_tce_table_unmap(table, again, 1), 0);
	assert_int_equal(iommu_tce_table_map(table, 0, 1, RW, NULL, &first[1]), 0);
	assert_true(again != first[1]);
	/* After a pool that is full comes the next one, not the first. */
	do
		assert_int_equal(iommu_tce_table_map(table, 0, 1, RW, NULL, &again), 0);
	while ((again >> 16) / 3072 == 1);
	assert_int_equal((again >> 16) / 3072, 2);
	end();
}

/* Several at once, without a word between them. */
static void *map_and_unmap(void *argument)
{
	unsigned int *failures = argument;
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		uint64_t address;

		if (iommu_tce_table_map(table, 0x10000, 1 + i % 3, RW, NULL, &address) != 0)
			++*failures;
		else if (iommu_tce_table_unmap(table, address, 1 + i % 3) != 0)
			++*failures;
	}
	return NULL;
}

static int kill_nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

static void several_cpus_map_at_once(void **state)
{
	struct iommu_tce_memory_config config = {
		.table = {.entries = 1 << 14, .page_shift = 16, .reserved_first = 1},
		.levels = 2,
		.output_bits = 50,
		.kill = {.all = kill_nothing},
	};
	unsigned int failures[4] = {0};
	pthread_t threads[4];
	unsigned int i;

	(void)state;
	platform_start();
	test.platform.cpu_id = NULL;
	test.platform.cpu_count = NULL;
	config.table.platform = &test.platform;
	assert_int_equal(iommu_tce_memory_create(&config, &table), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, map_and_unmap, &failures[i]), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failures[i], 0);
	}
	assert_int_equal(stats().taken, 1);
	end();
}

/* --- A hypervisor ----------------------------------------------------------------------------- */

#define LIOBN      0x80000001ULL
#define HV_ENTRIES 8192

static struct hypervisor {
	struct iommu_model_papr *model;
	struct test_platform outside; /* for its own memory */
	unsigned int calls[4];        /* get, put, stuff, indirect */
	int64_t fails_always;         /* with this; 0: not */
	int64_t made_and_fails;       /* what changes an entry is done, and answered with this */
	uint64_t unreadable;          /* address of an entry; 0: none */
} hv;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	assert_ptr_equal(ctx, &hv);
	memcpy(bytes, iommu_phys_to_virt(&test.platform, paddr), sizeof(*bytes));
	return true;
}

static int64_t call(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address, uint64_t third,
		    uint64_t fourth, uint64_t *result)
{
	const bool is_unreadable =
		hv.unreadable != 0 && hv.unreadable == address && opcode == IOMMU_H_GET_TCE;
	const int64_t code = hv.fails_always != 0 ? hv.fails_always
			     : is_unreadable
				     ? -1
				     : iommu_model_papr_hypercall(hv.model, opcode, liobn, address,
								  third, fourth, result);

	assert_ptr_equal(ctx, &hv);
	if (code != 1 && code != 9903)
		hv.calls[opcode == IOMMU_H_GET_TCE     ? 0
			 : opcode == IOMMU_H_PUT_TCE   ? 1
			 : opcode == IOMMU_H_STUFF_TCE ? 2
						       : 3]++;
	/* No more at once than any hypervisor takes. */
	assert_true(opcode == IOMMU_H_GET_TCE || opcode == IOMMU_H_PUT_TCE || fourth <= 512);
	if (code == 0 && opcode != IOMMU_H_GET_TCE)
		return hv.made_and_fails;
	return code;
}

static uint64_t hv_entry(uint64_t index)
{
	uint64_t entry = 0;

	assert_int_equal(iommu_model_papr_hypercall(hv.model, IOMMU_H_GET_TCE, LIOBN, index << 12,
						    0, 0, &entry),
			 0);
	return entry;
}

static void hv_set(uint64_t index, uint64_t entry)
{
	uint64_t unused;

	assert_int_equal(iommu_model_papr_hypercall(hv.model, IOMMU_H_PUT_TCE, LIOBN, index << 12,
						    entry, 0, &unused),
			 0);
}

static void hv_misbehave(unsigned int busy, unsigned int fail_at, int64_t fail_with)
{
	const struct iommu_model_papr_faults faults = {
		.busy = busy, .fail_at = fail_at, .fail_with = fail_with};

	iommu_model_papr_misbehave(hv.model, &faults);
}

static void hv_start(bool has_multiple)
{
	struct iommu_model_papr_config config = {
		.host = {.ctx = &hv, .read = read_memory},
		.single_calls = !has_multiple,
	};

	memset(&hv, 0, sizeof(hv));
	test_platform_init(&hv.outside, 1 << 20, 0);
	config.platform = &hv.outside.platform;
	assert_int_equal(iommu_model_papr_create(&config, &hv.model), 0);
	assert_int_equal(iommu_model_papr_add_window(hv.model, LIOBN, 0, 12, HV_ENTRIES), 0);
}

static void hv_stop(void)
{
	iommu_model_papr_destroy(hv.model);
	test_platform_destroy(&hv.outside);
}

static void end_papr(void)
{
	end();
	hv_stop();
}

static struct iommu_tce_papr_config papr_config(bool says_multiple)
{
	return (struct iommu_tce_papr_config){
		.table = {.platform = &test.platform,
			  .entries = 2048,
			  .page_shift = 12,
			  .reserved_first = 1},
		.liobn = (uint32_t)LIOBN,
		.has_multiple = says_multiple,
		.call = call,
		.ctx = &hv,
	};
}

static void begin_papr(bool says_multiple, bool has_multiple)
{
	struct iommu_tce_papr_config config;

	platform_start();
	hv_start(has_multiple);
	hv_set(77, 0x1003); /* firmware's */
	config = papr_config(says_multiple);
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	assert_int_equal(hv_entry(77), 0);
	memset(hv.calls, 0, sizeof(hv.calls));
}

static bool all_clear(void)
{
	unsigned int i;

	for (i = 0; i < HV_ENTRIES; i++)
		if (hv_entry(i) != 0)
			return false;
	return true;
}

static void the_hypervisor_is_called_as_rarely_as_can_be(void **state)
{
	uint64_t address, i;

	(void)state;
	begin_papr(true, true);
	assert_int_equal(iommu_tce_table_map(table, 0x7000000, 1100, RW, NULL, &address), 0);
	assert_int_equal(hv.calls[1], 0);
	assert_int_equal(hv.calls[3], 3);
	for (i = 0; i < 1100; i++)
		assert_int_equal(hv_entry((address >> 12) + i), 0x7000003 + (i << 12));
	assert_int_equal(iommu_tce_table_unmap(table, address, 1100), 0);
	assert_int_equal(hv.calls[2], 3);
	assert_int_equal(hv.calls[0], 0); /* it is not asked what is known */
	assert_true(all_clear());
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, IOMMU_PROT_WRITE, NULL, &address),
			 0);
	assert_int_equal(hv.calls[1], 1);
	assert_int_equal(hv_entry(address >> 12), 0x1002);
	end_papr();
	/* It said that it has them, and has not: asked once, and never again. */
	begin_papr(true, false);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_tce_table_map(table, 0x7000000, 20, RW, NULL, &address), 0);
		assert_int_equal(iommu_tce_table_unmap(table, address, 20), 0);
	}
	assert_int_equal(hv.calls[2] + hv.calls[3], 0); /* it was found out when it was cleared */
	assert_int_equal(hv.calls[1], 80);
	assert_true(all_clear());
	end_papr();
	begin_papr(false, true);
	assert_int_equal(iommu_tce_table_map(table, 0x7000000, 20, RW, NULL, &address), 0);
	assert_int_equal(hv.calls[1], 20);
	assert_int_equal(hv.calls[3], 0);
	end_papr();
}

static void a_busy_hypervisor_is_asked_again(void **state)
{
	uint64_t address;

	(void)state;
	begin_papr(true, true);
	hv_misbehave(50, 0, 0);
	assert_int_equal(iommu_tce_table_map(table, 0x7000000, 20, RW, NULL, &address), 0);
	hv_misbehave(50, 0, 0);
	assert_int_equal(iommu_tce_table_unmap(table, address, 20), 0);
	assert_true(all_clear());
	/* But not for ever. */
	assert_int_equal(iommu_tce_table_map(table, 0x7000000, 20, RW, NULL, &address), 0);
	hv_misbehave(UINT32_MAX, 0, 0);
	assert_int_equal(iommu_tce_table_unmap(table, address, 20), IOMMU_ETIMEDOUT);
	assert_int_equal(stats().lost, 0);
	assert_int_equal(stats().taken, 21);
	hv_misbehave(0, 0, 0);
	assert_int_equal(iommu_tce_table_unmap(table, address, 20), 0);
	assert_true(all_clear());
	assert_int_equal(stats().taken, 1);
	end_papr();
}

/* Whatever fails at whichever entry: nothing stays, and the addresses can be used again. */
static void a_failure_is_unwound(void **state)
{
	static const struct {
		int64_t code;
		int status;
	} cases[] = {
		{-44, IOMMU_EAGAIN}, {-4, IOMMU_EINVAL}, {-11, IOMMU_EPERM}, {-1, IOMMU_EFAULT}};
	uint64_t address;
	unsigned int multiple, at;
	size_t i;

	(void)state;
	for (multiple = 0; multiple < 2; multiple++) {
		begin_papr(multiple != 0, true);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			for (at = 1; at <= 600; at += 37) {
				hv_misbehave(0, at, cases[i].code);
				assert_int_equal(iommu_tce_table_map(table, 0x7000000, 600, RW,
								     NULL, &address),
						 cases[i].status);
				assert_true(all_clear());
				assert_int_equal(stats().taken, 1);
			}
		assert_int_equal(stats().lost, 0);
		/* Not even clearing works: then they are not handed out again. */
		hv.fails_always = -1;
		assert_int_equal(iommu_tce_table_map(table, 0x7000000, 5, RW, NULL, &address),
				 IOMMU_EIO);
		assert_int_equal(stats().lost, 5);
		assert_int_equal(iommu_tce_table_destroy(table), IOMMU_EIO);
		hv.fails_always = 0;
		end_papr();
	}
}

/* Each answer that has a meaning; any other is one that the call does not have. */
static void answers_are_translated_row_by_row(void **state)
{
	static const struct {
		int32_t code;
		int opal, papr, rtas;
	} rows[] = {
		{0, 0, 0, 0},
		{1, IOMMU_EIO, TCE_AGAIN, IOMMU_EIO},
		{-1, IOMMU_EINVAL, IOMMU_EIO, IOMMU_EIO},
		{-2, TCE_AGAIN, IOMMU_EOPNOTSUPP, TCE_AGAIN},
		{-3, IOMMU_EIO, IOMMU_EIO, IOMMU_EINVAL},
		{-4, IOMMU_EIO, IOMMU_EINVAL, IOMMU_EIO},
		{-6, IOMMU_EIO, IOMMU_EIO, IOMMU_EIO},
		{-11, IOMMU_EIO, IOMMU_EPERM, IOMMU_EIO},
		{-12, TCE_AGAIN, IOMMU_EIO, IOMMU_EIO},
		{-14, IOMMU_EIO, IOMMU_EIO, IOMMU_EIO},
		{-44, IOMMU_EIO, IOMMU_EAGAIN, IOMMU_EIO},
		{9899, IOMMU_EIO, IOMMU_EIO, IOMMU_EIO},
		{9900, IOMMU_EIO, TCE_AGAIN, TCE_AGAIN},
		{9905, IOMMU_EIO, TCE_AGAIN, TCE_AGAIN},
		{9906, IOMMU_EIO, IOMMU_EIO, IOMMU_EIO},
		{INT32_MAX, IOMMU_EIO, IOMMU_EIO, IOMMU_EIO},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(iommu_opal_answer(rows[i].code), rows[i].opal);
		assert_int_equal(iommu_papr_answer(rows[i].code), rows[i].papr);
		assert_int_equal(iommu_rtas_answer(rows[i].code), rows[i].rtas);
	}
	/* Of 64 bits, of which the lower are no answer. */
	assert_int_equal(iommu_opal_answer(1LL << 32), IOMMU_EIO);
	assert_int_equal(iommu_papr_answer(1LL << 32), IOMMU_EIO);
}

static void a_dead_kernels_entries_are_kept(void **state)
{
	struct iommu_tce_papr_config config;
	uint64_t address;
	unsigned int i;

	(void)state;
	platform_start();
	hv_start(true);
	config = papr_config(true);
	config.table.flags = IOMMU_TCE_TABLE_KEEP;
	for (i = 100; i < 200; i++)
		hv_set(i, 0x5003);
	/* Fewer than 2048 are left in a window of 2048: all is taken away from the dead. */
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	assert_true(all_clear());
	assert_int_equal(stats().taken, 1);
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	test_platform_destroy(&test);
	/* In a larger one they stay, and are not handed out. */
	platform_start();
	config.table.platform = &test.platform;
	config.table.entries = HV_ENTRIES;
	for (i = 100; i < 200; i++)
		hv_set(i, 0x5003);
	hv_set(HV_ENTRIES - 1, 0x5003);
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	assert_int_equal(stats().taken, 102);
	assert_int_equal(hv_entry(HV_ENTRIES - 1), 0x5003);
	while (iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address) == 0)
		assert_true(address >> 12 < 100 || address >> 12 >= 200);
	assert_int_equal(stats().taken, HV_ENTRIES);
	for (i = 100; i < 200; i++)
		assert_int_equal(hv_entry(i), 0x5003);
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	assert_true(all_clear());
	test_platform_destroy(&test);
	/* A window that the hypervisor does not know. */
	platform_start();
	config = papr_config(true);
	config.liobn++;
	assert_int_equal(iommu_tce_papr_create(&config, &table), IOMMU_EIO);
	config.liobn--;
	config.call = NULL;
	assert_int_equal(iommu_tce_papr_create(&config, &table), IOMMU_EINVAL);
	config.call = call;
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address), 0);
	end_papr();
}

/* A kernel that died has used all of its window, and one entry cannot be read. */
static void what_is_kept_is_never_handed_out(void **state)
{
	struct iommu_tce_papr_config config;
	uint64_t address;
	unsigned int i;

	(void)state;
	platform_start();
	hv_start(true);
	config = papr_config(true);
	config.table.flags = IOMMU_TCE_TABLE_KEEP;
	config.table.reserved_first = 0x40;
	config.table.reserved_last = 0x7f;
	for (i = 0; i < 2048; i++)
		hv_set(i, 0x5003);
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	assert_int_equal(stats().reserved, 65);
	assert_int_equal(stats().taken, 65);
	while (iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address) == 0)
		assert_true(address != 0 && (address >> 12 < 0x40 || address >> 12 > 0x7f));
	assert_int_equal(stats().taken, 2048);
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	test_platform_destroy(&test);
	/* What cannot be read may be in use. */
	platform_start();
	config = papr_config(true);
	config.table.flags = IOMMU_TCE_TABLE_KEEP;
	config.table.entries = HV_ENTRIES;
	hv_set(100, 0x5003);
	hv.unreadable = 100 << 12;
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	hv.unreadable = 0;
	assert_int_equal(stats().taken, 2);
	while (iommu_tce_table_map(table, 0x1000, 1, RW, NULL, &address) == 0)
		assert_true(address >> 12 != 100);
	assert_int_equal(hv_entry(100), 0x5003);
	end_papr();
}

static void owners_change_entries_in_the_hypervisor(void **state)
{
	iommu_paddr_t paddr;
	unsigned int prot;

	(void)state;
	begin_papr(true, true);
	assert_int_equal(iommu_tce_table_take(table), 0);
	assert_int_equal(iommu_tce_table_exchange(table, 0x3000, 0x9000, RW, &paddr, &prot), 0);
	assert_int_equal(prot, 0);
	assert_int_equal(hv_entry(3), 0x9003);
	assert_int_equal(iommu_tce_table_exchange(table, 0x3000, 0, 0, &paddr, &prot), 0);
	assert_int_equal(paddr, 0x9000);
	assert_int_equal(prot, RW);
	assert_int_equal(hv_entry(3), 0);
	assert_int_equal(iommu_tce_table_flush(table), 0);
	assert_int_equal(iommu_tce_table_give_back(table), 0);
	end_papr();
}

/* An error that says that nothing was changed is believed only when the entry is what it was. */
static void an_exchange_that_failed_may_have_been_made(void **state)
{
	static const int64_t codes[] = {-1, -2, -4, -11, -44};
	iommu_paddr_t paddr;
	unsigned int prot, i;

	(void)state;
	for (i = 0; i < 5; i++) {
		begin_papr(true, true);
		assert_int_equal(iommu_tce_table_take(table), 0);
		hv.made_and_fails = codes[i];
		assert_int_equal(iommu_tce_table_exchange(table, 0x3000, 0x9000, RW, &paddr, &prot),
				 IOMMU_EIO);
		assert_int_equal(hv_entry(3), 0x9003);
		assert_int_equal(iommu_tce_table_get(table, 0x3000, &paddr, &prot), 0);
		assert_int_equal(paddr, 0x9000);
		/* Its memory, or what it allows, alone. */
		assert_int_equal(iommu_tce_table_exchange(table, 0x3000, 0xa000, RW, &paddr, &prot),
				 IOMMU_EIO);
		assert_int_equal(iommu_tce_table_exchange(table, 0x3000, 0xa000, IOMMU_PROT_READ,
							  &paddr, &prot),
				 IOMMU_EIO);
		assert_int_equal(hv_entry(3), 0xa001);
		hv.made_and_fails = 0;
		/* Refused, and not made. */
		hv_misbehave(0, 1, -11);
		assert_int_equal(iommu_tce_table_exchange(table, 0x3000, 0, 0, &paddr, &prot),
				 IOMMU_EPERM);
		assert_int_equal(hv_entry(3), 0xa001);
		hv_misbehave(0, 0, 0);
		assert_int_equal(iommu_tce_table_give_back(table), 0);
		end_papr();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configurations_that_do_not_fit_are_refused),
		cmocka_unit_test(each_allocation_of_a_window_fails_in_turn),
		cmocka_unit_test(the_last_free_page_is_found),
		cmocka_unit_test(an_unmap_is_of_what_is_mapped),
		cmocka_unit_test(pages_are_reached_until_they_are_unmapped),
		cmocka_unit_test(a_run_may_lie_in_several_pools),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
		cmocka_unit_test(what_is_not_confirmed_is_kept_back),
		cmocka_unit_test(what_one_page_left_open_is_made_good),
		cmocka_unit_test(the_smallest_windows_have_one_pool),
		cmocka_unit_test(an_owner_takes_the_whole_window),
		cmocka_unit_test(owners_keep_words_of_their_own),
		cmocka_unit_test(what_is_free_is_found),
		cmocka_unit_test(windows_that_can_be),
		cmocka_unit_test(what_is_reserved_is_not_handed_out),
		cmocka_unit_test(cpus_have_pools_of_their_own),
		cmocka_unit_test(several_cpus_map_at_once),
		cmocka_unit_test(the_hypervisor_is_called_as_rarely_as_can_be),
		cmocka_unit_test(a_busy_hypervisor_is_asked_again),
		cmocka_unit_test(a_failure_is_unwound),
		cmocka_unit_test(answers_are_translated_row_by_row),
		cmocka_unit_test(a_dead_kernels_entries_are_kept),
		cmocka_unit_test(what_is_kept_is_never_handed_out),
		cmocka_unit_test(owners_change_entries_in_the_hypervisor),
		cmocka_unit_test(an_exchange_that_failed_may_have_been_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
