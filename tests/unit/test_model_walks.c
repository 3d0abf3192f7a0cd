/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks and invalidations at once: while a device's request reads tables, another processor of the
 * guest changes them, and invalidates. The invalidation is complete only when the walk has ended;
 * nothing that the walk has read is cached; and no request that begins after that finds anything
 * stale.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/status.h>

#include "bare_vtd.h"
#include "base/byteorder.h"
#include "test.h"

/* --- One walk, one invalidation --------------------------------------------------------------- */

#define PAGE  0x123000ULL
#define OTHER 0x30000ULL /* where it leads after the change */

static const struct iommu_model_vtd_config plain = {.flags = 0};

static struct {
	void (*act)(void);
	iommu_paddr_t at; /* when this is read */
	unsigned int acts;
} second;

static iommu_paddr_t leaf_of(uint64_t page)
{
	return LEVEL(1) + (page >> 12 & 511) * 8;
}

/* Once, by the other processor, behind the walk's back. */
static void read_by_walk(iommu_paddr_t paddr)
{
	void (*act)(void) = second.act;

	if (paddr != second.at || act == NULL)
		return;
	second.act = NULL;
	second.acts++;
	act();
}

static void watch(iommu_paddr_t at, void (*act)(void))
{
	second.act = act;
	second.at = at;
	second.acts = 0;
	t.reading = read_by_walk;
}

static uint32_t status_word(void)
{
	return iommu_read_le32(t.memory + STATUS);
}

static void invalidate_by_queue(void)
{
	word(leaf_of(PAGE), vtd_ss_leaf(OTHER, 1, true, true));
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, 5, 0));
	submit(vtd_descriptor_wait(STATUS, 7));
	/* The walk has read the old entry, and is not over. */
	assert_int_equal(status_word(), 0);
}

static void a_wait_waits_for_walks(void **state)
{
	(void)state;
	running(&plain);
	queue_on();
	watch(leaf_of(PAGE), invalidate_by_queue);
	assert_int_equal(reach(PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(second.acts, 1);
	/* The walk that ends last sees to it, and has left nothing behind. */
	assert_int_equal(status_word(), 7);
	assert_int_equal(reg(VTD_IQH, 8), reg(VTD_IQT, 8));
	assert_int_equal(reach(PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(result.paddr, OTHER);
	end();
}

static void begin_another_walk(void)
{
	const struct iommu_model_request request = {
		.source_id = SID, .address = PAGE + 0x1000, .access = IOMMU_PROT_READ};
	struct iommu_model_translation unused;

	invalidate_by_queue();
	/* One that begins behind the wait keeps it from nothing; nor does its end free it. */
	(void)iommu_model_vtd_translate(t.model, &request, &unused);
	assert_int_equal(status_word(), 0);
}

static void a_wait_waits_for_walks_before_it(void **state)
{
	(void)state;
	running(&plain);
	queue_on();
	watch(leaf_of(PAGE), begin_another_walk);
	(void)reach(PAGE, IOMMU_PROT_READ);
	assert_int_equal(second.acts, 1);
	assert_int_equal(status_word(), 7);
	end();
}

static void take_back_a_wait(void)
{
	submit(vtd_descriptor_wait(STATUS, 6));
	assert_int_equal(status_word(), 0);
	t.tail = 0;
	set(VTD_IQT, 8, 0);
}

/* What a wait waited for that software has taken back is not what the next one waits for. */
static void a_wait_that_was_taken_back(void **state)
{
	(void)state;
	running(&plain);
	queue_on();
	watch(leaf_of(PAGE), take_back_a_wait);
	(void)reach(PAGE, IOMMU_PROT_READ);
	assert_int_equal(status_word(), 0);
	watch(leaf_of(PAGE + 0x1000), invalidate_by_queue);
	(void)reach(PAGE + 0x1000, IOMMU_PROT_READ);
	assert_int_equal(second.acts, 1);
	assert_int_equal(status_word(), 7);
	end();
}

static void invalidate_by_register(void)
{
	word(leaf_of(PAGE), vtd_ss_leaf(OTHER, 1, true, true));
	set(0xf8, 8, VTD_IOTLB_IVT | 1ULL << 60);
	assert_int_not_equal(reg(0xf8, 8) & VTD_IOTLB_IVT, 0);
	set(VTD_CCMD, 8, VTD_CCMD_ICC | 1ULL << 61);
	assert_int_not_equal(reg(VTD_CCMD, 8) & VTD_CCMD_ICC, 0);
}

static void a_register_waits_for_walks(void **state)
{
	(void)state;
	running(&plain);
	watch(leaf_of(PAGE), invalidate_by_register);
	assert_int_equal(reach(PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(second.acts, 1);
	assert_int_equal(reg(0xf8, 8) & VTD_IOTLB_IVT, 0);
	assert_int_equal(reg(0xf8, 8) >> 57 & 3, 1);
	assert_int_equal(reg(VTD_CCMD, 8) & VTD_CCMD_ICC, 0);
	assert_int_equal(reach(PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(result.paddr, OTHER);
	end();
}

static void turn_off(void)
{
	set(VTD_GCMD, 4, 0);
	assert_int_not_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_TE, 0);
}

static void close_memory(void)
{
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	assert_int_equal(reg(VTD_PMEN, 4) & VTD_PMEN_PRS, 0);
}

static void switches_wait_for_walks(void **state)
{
	const struct iommu_model_vtd_config closed = {.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY};

	(void)state;
	running(&plain);
	watch(leaf_of(PAGE), turn_off);
	(void)reach(PAGE, IOMMU_PROT_READ);
	assert_int_equal(second.acts, 1);
	assert_int_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_TE, 0);
	assert_int_equal(reach(0x5000, IOMMU_PROT_READ), 0);
	assert_int_equal(result.paddr, 0x5000);
	end();
	running(&closed);
	watch(leaf_of(PAGE), close_memory);
	(void)reach(PAGE, IOMMU_PROT_READ);
	assert_int_equal(second.acts, 1);
	assert_int_not_equal(reg(VTD_PMEN, 4) & VTD_PMEN_PRS, 0);
	end();
}

/*
 * A new root, and what the old one said is not remembered though nothing was cached when it was
 * set.
 */
static void set_root(void)
{
	word(leaf_of(PAGE), vtd_ss_leaf(OTHER, 1, true, true));
	set(VTD_RTADDR, 8, ROOT);
	set(VTD_GCMD, 4, VTD_GLOBAL_TE | VTD_GLOBAL_SRTP);
}

static void a_new_root_leaves_nothing_of_the_old(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_SELF_INVALIDATING};

	(void)state;
	running(&config);
	watch(leaf_of(PAGE), set_root);
	(void)reach(PAGE, IOMMU_PROT_READ);
	assert_int_equal(second.acts, 1);
	assert_int_not_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_SRTP, 0);
	assert_int_equal(reach(PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(result.paddr, OTHER);
	end();
}

/* Of pages that are not remembered, the blocks; without those that are not as they are. */
static void what_passes_is_one_block(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH};
	struct iommu_model_vtd_stats stats;

	(void)state;
	begin(&config);
	for (unsigned int on = 0; on < 2; on++) {
		if (on != 0) {
			make_tables(4, VTD_PASS_THROUGH);
			translation_on();
		}
		for (uint64_t i = 0; i < 1000; i++)
			assert_int_equal(reach(i << 12, IOMMU_PROT_READ), 0);
		assert_int_equal(reach(0x123456, IOMMU_PROT_READ), 0);
		assert_int_equal(result.size, 1ULL << 31);
		assert_int_equal(reach(0x923456789, IOMMU_PROT_READ), 0);
		assert_int_equal(result.paddr, 0x923456789);
		assert_int_equal(result.size, 1ULL << 35);
		assert_int_equal(reach(0xfed00000, IOMMU_PROT_READ), 0);
		assert_int_equal(result.size, 1ULL << 21);
		assert_int_equal(reach(0xfef00000, IOMMU_PROT_READ), 0);
		assert_int_equal(result.size, 1ULL << 20);
	}
	iommu_model_vtd_get_stats(t.model, &stats);
	assert_int_equal(stats.cached_pages, 1);
	/* One page of it invalidated, and it is gone. */
	queue_on();
	submit(vtd_descriptor_iotlb_pages(5, 0x77000, 0, false, 0));
	iommu_model_vtd_get_stats(t.model, &stats);
	assert_int_equal(stats.cached_pages, 0);
	end();
}

/* --- Many ------------------------------------------------------------------------------------- */

#define PAGES      32
#define BASE       (1ULL << 44) /* of what is mapped: in it, the number of the change */
#define QUEUE_PAGE 3ULL
#define STATUS_AT  (4ULL << 12)
#define WORDS      (PAGES * 512)

/*
 * Guest memory in words that both sides access at once; and whether the guest has taken a page
 * back.
 */
static struct {
	uint64_t words[WORDS];
	uint32_t is_free[PAGES];
	struct iommu_hosted hosted;
	struct iommu_model_vtd *model;
	uint64_t completed; /* changes that the guest knows to be seen by all */
	uint32_t stop, violations;
	uint64_t tail;
	unsigned int domain, table;
	bool by_registers;
	uint64_t answers, late;
} m;

static void violation(void)
{
	__atomic_fetch_add(&m.violations, 1, __ATOMIC_RELAXED);
}

static bool read_shared(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	static __thread uint32_t turn;
	uint64_t *to = bytes;
	size_t i;

	(void)ctx;
	if (paddr > sizeof(m.words) - size)
		return false;
	/* The threads let each other in: walks take long. */
	if (++turn % 4 == 0)
		sched_yield();
	if (__atomic_load_n(&m.is_free[paddr >> 12], __ATOMIC_ACQUIRE) != 0)
		violation();
	for (i = 0; i < size / 8; i++)
		to[i] = __atomic_load_n(&m.words[paddr / 8 + i], __ATOMIC_ACQUIRE);
	return true;
}

static bool write_shared(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	uint32_t value;

	(void)ctx;
	if (paddr != STATUS_AT || size != 4)
		return false;
	memcpy(&value, bytes, 4);
	__atomic_store_n(&m.words[STATUS_AT / 8], iommu_le32(value), __ATOMIC_RELEASE);
	return true;
}

static void store(iommu_paddr_t paddr, uint64_t value)
{
	__atomic_store_n(&m.words[paddr / 8], iommu_le64(value), __ATOMIC_RELEASE);
}

static void mark(iommu_paddr_t page, bool is_free)
{
	__atomic_store_n(&m.is_free[page >> 12], is_free, __ATOMIC_RELEASE);
}

/* Tables of three levels for each domain; of the lowest, two that take turns. */
static iommu_paddr_t table_of(unsigned int domain, unsigned int level, unsigned int turn)
{
	return (8 + domain * 4 + (level == 1 ? turn : level)) * 4096ULL;
}

static void put_descriptor(struct vtd_descriptor d)
{
	store(QUEUE_PAGE * 4096 + m.tail, d.low);
	store(QUEUE_PAGE * 4096 + m.tail + 8, d.high);
	m.tail = (m.tail + 16) % 4096;
}

static void finish_by_registers(void)
{
	iommu_model_vtd_mmio_write(m.model, VTD_CCMD, 8, VTD_CCMD_ICC | 1ULL << 61);
	while ((iommu_model_vtd_mmio_read(m.model, VTD_CCMD, 8) & VTD_CCMD_ICC) != 0)
		sched_yield();
	iommu_model_vtd_mmio_write(m.model, 0xf8, 8, VTD_IOTLB_IVT | 1ULL << 60);
	while ((iommu_model_vtd_mmio_read(m.model, 0xf8, 8) & VTD_IOTLB_IVT) != 0) {
		m.late++;
		sched_yield();
	}
}

/* The unit forgets, and says that it has. */
static void finish(uint64_t change, struct vtd_descriptor what)
{
	if (m.by_registers) {
		finish_by_registers();
	} else {
		put_descriptor(vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0));
		put_descriptor(what);
		put_descriptor(vtd_descriptor_wait(STATUS_AT, (uint32_t)change));
		iommu_model_vtd_mmio_write(m.model, VTD_IQT, 8, m.tail);
		while (__atomic_load_n(&m.words[STATUS_AT / 8], __ATOMIC_ACQUIRE) !=
		       (uint32_t)change) {
			m.late++;
			sched_yield();
		}
	}
	__atomic_store_n(&m.completed, change, __ATOMIC_RELEASE);
}

static uint64_t leaf(uint64_t change)
{
	return vtd_ss_leaf(BASE | change << 12, 1, true, true);
}

static void set_contexts(uint64_t low, uint64_t high)
{
	for (unsigned int device = 0; device < 2; device++) {
		store(2 * 4096 + device * 16 + 8, high);
		store(2 * 4096 + device * 16, low);
	}
}

/* Another page. */
static void change_leaf(uint64_t change)
{
	store(table_of(m.domain, 1, m.table), leaf(change));
	finish(change, vtd_descriptor_iotlb_pages((uint16_t)(5 + m.domain), 0, 0, true, 0));
}

/* Another table; the old one is the guest's again. */
static void change_table(uint64_t change)
{
	const iommu_paddr_t old = table_of(m.domain, 1, m.table);
	const iommu_paddr_t fresh = table_of(m.domain, 1, m.table ^ 1);

	mark(fresh, false);
	store(fresh, leaf(change));
	store(table_of(m.domain, 2, 0), vtd_ss_table(fresh));
	finish(change, vtd_descriptor_iotlb_pages((uint16_t)(5 + m.domain), 0, 0, false, 0));
	mark(old, true);
	m.table ^= 1;
}

/* Another domain: by way of none. */
static void change_domain(uint64_t change)
{
	const struct vtd_descriptor all = vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0);
	const unsigned int old = m.domain, fresh = old ^ 1, old_table = m.table;

	set_contexts(0, 0);
	finish(change, all);
	for (unsigned int level = 1; level <= 3; level++)
		mark(table_of(old, level, old_table), true);
	for (unsigned int level = 1; level <= 3; level++)
		mark(table_of(fresh, level, 0), false);
	m.domain = fresh;
	m.table = 0;
	store(table_of(fresh, 1, 0), leaf(change + 1));
	store(table_of(fresh, 2, 0), vtd_ss_table(table_of(fresh, 1, 0)));
	store(table_of(fresh, 3, 0), vtd_ss_table(table_of(fresh, 2, 0)));
	set_contexts(vtd_context_low(table_of(fresh, 3, 0), VTD_TRANSLATE_UNTRANSLATED),
		     vtd_context_high(3, (uint16_t)(5 + fresh)));
	finish(change + 1, all);
}

/* A device, again and again: never anything that is older than what the guest knew before. */
static void *one_device(void *which)
{
	const struct iommu_model_request request = {.source_id = (uint16_t)((uintptr_t)which & 1),
						    .access = IOMMU_PROT_READ};
	const bool peeks = (uintptr_t)which == 2;
	struct iommu_model_translation where;

	while (__atomic_load_n(&m.stop, __ATOMIC_RELAXED) == 0) {
		const uint64_t before = __atomic_load_n(&m.completed, __ATOMIC_ACQUIRE);
		const int status = peeks ? iommu_model_vtd_peek(m.model, &request, &where)
					 : iommu_model_vtd_translate(m.model, &request, &where);

		if (status == 0 && (where.paddr < BASE || (where.paddr - BASE) >> 12 < before))
			violation();
		/* Of those that only look no walk is counted. */
		__atomic_fetch_add(&m.answers, status == 0 && !peeks, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void start_unit(size_t cache_entries, bool by_registers)
{
	struct iommu_model_vtd_config config = {.address_width = 39,
						.cache_entries = cache_entries};

	memset(&m, 0, sizeof(m));
	m.by_registers = by_registers;
	assert_int_equal(iommu_hosted_init(&m.hosted, NULL, 16 << 20, 0), 0);
	config.platform = &m.hosted.platform;
	config.host.read = read_shared;
	config.host.write = write_shared;
	assert_int_equal(iommu_model_vtd_create(&config, &m.model), 0);
	store(1 * 4096, vtd_root_low(2 * 4096));
	iommu_model_vtd_mmio_write(m.model, VTD_RTADDR, 8, 1 * 4096);
	iommu_model_vtd_mmio_write(m.model, VTD_GCMD, 4, VTD_GLOBAL_SRTP);
	iommu_model_vtd_mmio_write(m.model, VTD_GCMD, 4, VTD_GLOBAL_TE);
	iommu_model_vtd_mmio_write(m.model, VTD_IQA, 8, QUEUE_PAGE * 4096);
	if (!by_registers)
		iommu_model_vtd_mmio_write(m.model, VTD_GCMD, 4, VTD_GLOBAL_TE | VTD_GLOBAL_QIE);
}

static void hold(size_t cache_entries, bool by_registers)
{
	const uint64_t changes = test_setting("IOMMU_TEST_CHANGES", 1500);
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 11)};
	struct iommu_model_vtd_stats stats;
	pthread_t threads[3];
	uint64_t change = 1;
	uintptr_t i;

	start_unit(cache_entries, by_registers);
	change_domain(change);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, one_device, (void *)i), 0);
	/* The devices have their turns, too, however busy the machine is. */
	for (change = 3; change < changes || __atomic_load_n(&m.answers, __ATOMIC_RELAXED) < 100;
	     change += 2) {
		switch (test_random_below(&random, 4)) {
		case 0:
			change_domain(change);
			break;
		case 1:
			change_table(change);
			break;
		default:
			change_leaf(change);
		}
	}
	__atomic_store_n(&m.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(m.violations, 0);
	iommu_model_vtd_get_stats(m.model, &stats);
	assert_true(stats.walks != 0);
	iommu_model_vtd_destroy(m.model);
	assert_int_equal(m.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&m.hosted);
}

static void nothing_old_is_found(void **state)
{
	(void)state;
	hold(0, false);
	hold(0, true);
}

/* Entries come and go all the time. */
static void nothing_old_is_found_in_a_small_cache(void **state)
{
	(void)state;
	hold(2, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_waits_for_walks),
		cmocka_unit_test(a_wait_waits_for_walks_before_it),
		cmocka_unit_test(a_wait_that_was_taken_back),
		cmocka_unit_test(a_register_waits_for_walks),
		cmocka_unit_test(switches_wait_for_walks),
		cmocka_unit_test(a_new_root_leaves_nothing_of_the_old),
		cmocka_unit_test(what_passes_is_one_block),
		cmocka_unit_test(nothing_old_is_found),
		cmocka_unit_test(nothing_old_is_found_in_a_small_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
