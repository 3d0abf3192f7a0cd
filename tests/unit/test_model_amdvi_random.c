/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translations of the model of an AMD IOMMU against a second translator, which knows no cache and
 * is written from the tables of the facts: random levels, random entries, random requests, through
 * host tables, guest tables and both. What is compared: event and its flags, or the address and the
 * permissions; first with nothing cached, then again from the cache.
 */
#include "bare_amdvi.h"

#include "test.h"

#define UNITS    600U
#define REQUESTS 300U
/* Tables and data: 64 pages. */
#define POOL  0x100000ULL
#define PAGES 64U

static struct test_random chance = {.state = 4711};

static unsigned int below(unsigned int bound)
{
	return (unsigned int)(test_random_next(&chance) >> 20) % bound;
}

static uint64_t any_page(void)
{
	return POOL + (uint64_t)below(PAGES) * 0x1000;
}

/* --- The second translator -------------------------------------------------------------------- */

struct outcome {
	unsigned int event;
	bool present, denied, reserved, of_guest;
	uint64_t where; /* the address of the event, or of memory */
	bool reads, writes, executes;
};

/* As the device's entry has them. */
static unsigned int host_levels, guest_levels;
static uint64_t host_root, guest_root;
static bool entry_reads, entry_writes;

static struct outcome fails(uint64_t where, bool present, bool denied, bool reserved, bool of_guest)
{
	return (struct outcome){.event = AMDVI_IO_PAGE_FAULT,
				.present = present,
				.denied = denied,
				.reserved = reserved,
				.of_guest = of_guest,
				.where = where};
}

static struct outcome is_unreadable(uint64_t where)
{
	return (struct outcome){.event = AMDVI_PAGE_TAB_HARDWARE_ERROR, .where = where};
}

/* Bytes of a leaf, by what 11:9 say; 0: illegal at the level. */
static uint64_t leaf_bytes(uint64_t entry, unsigned int level)
{
	const uint64_t own = 4096ULL << 9 * (level - 1);
	unsigned int zero = 12;

	if (level == 6)
		return 0;
	if ((entry >> 9 & 7) == 0)
		return own;
	while (zero < 52 && (entry >> zero & 1) != 0)
		zero++;
	return 2ULL << zero > own && 2ULL << zero < own << 9 ? 2ULL << zero : 0;
}

static struct outcome through_host(uint64_t at, bool reads, bool writes)
{
	unsigned int level = host_levels;
	bool may_read = true, may_write = true;
	uint64_t table = host_root;

	if (level == 0)
		return (struct outcome){.where = at, .reads = true, .writes = true};
	if (level < 6 && at >> (12 + 9 * level) != 0)
		return fails(at, false, false, false, false);
	for (;;) {
		const unsigned int low = 12 + 9 * (level - 1);
		const uint64_t place = table + 8 * (at >> low & 0x1ff);
		uint64_t entry, bytes;
		unsigned int next;

		if (place > AM_MEMORY - 8)
			return is_unreadable(place);
		entry = am_look(place);
		if ((entry & 1) == 0)
			return fails(at, false, false, false, false);
		next = (unsigned int)(entry >> 9) & 7;
		if (next != 0 && next != 7) {
			const unsigned int above = 12 + 9 * next;

			if (next >= level)
				return fails(at, true, false, false, false);
			if ((entry >> 52 & 0x1ff) != 0)
				return fails(at, true, false, true, false);
			if (at % (1ULL << low) >> above != 0)
				return fails(at, true, false, false, false);
			may_read &= (entry >> 61 & 1) != 0;
			may_write &= (entry >> 62 & 1) != 0;
			table = entry & 0x000ffffffffff000ULL;
			level = next;
			continue;
		}
		bytes = leaf_bytes(entry, level);
		if (bytes == 0)
			return fails(at, true, false, false, false);
		if ((entry >> 52 & 0x7f) != 0)
			return fails(at, true, false, true, false);
		may_read &= (entry >> 61 & 1) != 0;
		may_write &= (entry >> 62 & 1) != 0;
		if ((reads && !may_read) || (writes && !may_write))
			return fails(at, true, true, false, false);
		return (struct outcome){.where = (entry & 0x000ffffffffff000ULL) / bytes * bytes +
						 at % bytes,
					.reads = may_read,
					.writes = may_write};
	}
}

struct access {
	bool writes, executes, privileged;
};

static struct outcome through_guest(uint64_t at, const struct access *how)
{
	const unsigned int bits = 12 + 9 * guest_levels;
	const uint64_t sign = at >> (bits - 1);
	uint64_t table = guest_root, all = ~0ULL, any = 0;
	unsigned int level;

	if (sign != 0 && sign != UINT64_MAX >> (bits - 1))
		return fails(at, false, false, false, true);
	for (level = guest_levels;; level--) {
		const unsigned int low = 12 + 9 * (level - 1);
		struct outcome place = through_host(table + 8 * (at >> low & 0x1ff), true, true);
		uint64_t entry, target;

		if (place.event != 0)
			return place;
		if (place.where > AM_MEMORY - 8)
			return is_unreadable(place.where);
		entry = am_look(place.where);
		if ((entry & 1) == 0)
			return fails(at, false, false, false, true);
		target = entry & 0x000ffffffffff000ULL;
		if (level > 1 && (entry & 0x80) != 0 &&
		    (level > 3 || (target % (1ULL << low) & ~0x1000ULL) != 0))
			return fails(at, true, false, true, true);
		all &= entry;
		any |= entry;
		if (level > 1 && (entry & 0x80) == 0) {
			table = target;
			continue;
		}
		if ((how->writes && (all & 2) == 0) || (!how->privileged && (all & 4) == 0) ||
		    (how->executes && any >> 63 != 0))
			return fails(at, true, true, false, true);
		place = through_host(target - target % (1ULL << low) + at % (1ULL << low),
				     !how->writes, how->writes);
		place.writes &= (all & 2) != 0;
		place.executes = any >> 63 == 0;
		return place;
	}
}

static struct outcome translate_plainly(uint64_t at, bool guest, const struct access *how)
{
	struct outcome found;

	if (how->writes ? !entry_writes : !entry_reads)
		return fails(at, true, true, false, guest);
	found = guest ? through_guest(at, how) : through_host(at, !how->writes, how->writes);
	if (found.event == 0 && found.where >> 48 != 0)
		found.event = AM_SILENT;
	return found;
}

/* --- Random units ----------------------------------------------------------------------------- */

/*
 * Pages of coded sizes, of which all entries would have to be equal, and here are not: then nothing
 * is cached from one request to the next.
 */
static bool has_coded;

static uint64_t any_host_entry(void)
{
	uint64_t entry = any_page() | AM_RW | 1;

	switch (below(20)) {
	case 0:
		return 0;
	case 1:
		return entry ^ AMDVI_PTE_READ;
	case 2:
		return entry ^ AMDVI_PTE_WRITE;
	case 3:
		return entry | 1ULL << (52 + below(9)) | (uint64_t)below(2) << 9;
	case 4:
		return !has_coded ? entry
				  : entry | 7ULL << 9 | ((1ULL << (12 + below(12))) - 1) << 12;
	case 5:
		return entry | (uint64_t)below(7) << 9;
	case 6:
		return (entry & ~0xfff000ULL) | 0x7f00000000ULL;
	case 7:
	case 8:
	case 9:
		return entry | 2ULL << 9;
	case 10:
	case 11:
	case 12:
	case 13:
		return entry | 1ULL << 9;
	default:
		return entry | (uint64_t)below(4) << 5;
	}
}

static uint64_t any_guest_entry(void)
{
	uint64_t entry = any_page() | AM_PAGE;

	switch (below(24)) {
	case 0:
		return 0;
	case 1:
		return entry ^ AM_WRITABLE;
	case 2:
		return entry ^ AM_USER;
	case 3:
		return entry | AM_NX;
	case 4:
		return entry | AM_LARGE;
	case 5:
		return AM_PAGE | AM_LARGE | (uint64_t)below(2) << 12;
	case 6:
		return (entry & ~0xfff000ULL) | 0x7f00000000ULL;
	default:
		return entry | (uint64_t)below(4) << 5;
	}
}

/* Where both translate, host tables are mostly flat, so that tables of the guest are found. */
static void fill_pool(bool host, bool guest)
{
	uint64_t at;

	for (at = POOL; at < POOL + PAGES * 0x1000; at += 8) {
		const bool is_host = host && (!guest || (at >> 12 & 1) != 0);
		uint64_t entry = is_host ? any_host_entry() : any_guest_entry();

		if (is_host && guest && below(8) != 0)
			entry = any_page() | AM_RW | 1;
		am_word(at, entry);
	}
}

static void choose_entry(struct amdvi_dte *dte, bool host, bool guest)
{
	host_levels = !host ? 0 : guest ? 1 : 1 + below(6);
	guest_levels = 4 + below(2);
	host_root = any_page() | 0x1000;
	guest_root = any_page() & ~0x1000ULL;
	entry_reads = below(8) != 0;
	entry_writes = below(8) != 0;
	*dte = am_dte();
	amdvi_set(dte->words, AMDVI_DTE_MODE, host_levels);
	amdvi_set_address(dte->words, AMDVI_DTE_HOST_ROOT, host_root);
	amdvi_set(dte->words, AMDVI_DTE_IR, entry_reads ? 1 : 0);
	amdvi_set(dte->words, AMDVI_DTE_IW, entry_writes ? 1 : 0);
	amdvi_set(dte->words, AMDVI_DTE_GV, guest ? 1 : 0);
	amdvi_set(dte->words, AMDVI_DTE_GUEST_MODE, guest_levels - 4);
	amdvi_dte_set_gcr3_root(dte, AM_GCR3 + 0x1000);
	am_word(AM_GCR3 + 0x1000 + 8 * AM_PASID, amdvi_gcr3_entry(guest_root));
}

static uint64_t any_address(bool guest)
{
	const unsigned int bits = 12 + 9 * (guest ? guest_levels : host_levels);
	uint64_t address = test_random_next(&chance);

	if (!guest && host_levels == 0)
		address &= 0xffffffffffffULL;
	else if (bits < 64 && below(40) != 0)
		address &= (1ULL << (guest ? bits - 1 : bits)) - 1;
	/* Often the same upper parts, so that the cache has them. */
	if (below(2) != 0)
		address &= 0x1ffffff;
	if (guest && below(8) == 0)
		address = ~address;
	/* Interrupts are none of memory. */
	return address - 0xfee00000ULL < 0x100000 ? address & 0xfffff : address;
}

static unsigned int reached, faulted;

static void check_event(const struct iommu_model_amdvi_request *request,
			const struct outcome *expected)
{
	const struct amdvi_event record = am_event();
	const amdvi_word_t *words = record.words;

	assert_int_equal(amdvi_event_code(&record), expected->event);
	assert_int_equal(words[1], expected->where);
	assert_int_equal(amdvi_get(words, AMDVI_EVENT_PR), expected->present);
	assert_int_equal(amdvi_get(words, AMDVI_EVENT_PE), expected->denied);
	assert_int_equal(amdvi_get(words, AMDVI_EVENT_RZ), expected->reserved);
	assert_int_equal(amdvi_get(words, AMDVI_EVENT_GN), expected->of_guest);
	assert_int_equal(amdvi_get(words, AMDVI_EVENT_RW),
			 (request->access & IOMMU_PROT_WRITE) != 0);
	assert_int_equal(am_events(), 0);
}

static void check_request(const struct iommu_model_amdvi_request *request,
			  const struct outcome *expected)
{
	const unsigned int event = am_ask(request);
	unsigned int prot = 0;

	assert_int_equal(event, expected->event);
	if (event == AM_SILENT)
		return;
	if (event != 0) {
		faulted++;
		check_event(request, expected);
		return;
	}
	reached++;
	if (expected->reads && entry_reads)
		prot |= IOMMU_PROT_READ;
	if (expected->writes && entry_writes)
		prot |= IOMMU_PROT_WRITE;
	assert_int_equal(am_result.paddr, expected->where);
	/* Guests' writes need a mark first. */
	if (request->has_pasid && (request->access & IOMMU_PROT_WRITE) == 0)
		assert_int_equal(am_result.prot & ~prot, 0);
	else
		assert_int_equal(am_result.prot, prot);
	if (request->execute && request->has_pasid && entry_reads && expected->reads)
		assert_int_equal(am_result.executable, expected->executes);
}

static void one_request(bool guest)
{
	const struct access how = {.writes = below(3) == 0,
				   .executes = guest && below(4) == 0,
				   .privileged = guest && below(2) != 0};
	const struct iommu_model_amdvi_request request = {
		.devid = AM_DEVICE,
		.has_pasid = guest,
		.pasid = guest ? AM_PASID : 0,
		.address = any_address(guest),
		.access = how.writes ? IOMMU_PROT_WRITE : IOMMU_PROT_READ,
		.privileged = how.privileged,
		.execute = how.executes,
	};
	struct access as = how;
	struct outcome expected;
	unsigned int times;

	as.executes = how.executes && !how.writes;
	expected = translate_plainly(request.address, guest, &as);
	for (times = 0; times < 2; times++)
		check_request(&request, &expected);
}

static void one_unit(bool host, bool guest)
{
	struct amdvi_dte dte;
	unsigned int i;

	has_coded = below(2) != 0;
	fill_pool(host, guest);
	choose_entry(&dte, host, guest);
	am_device(AM_DEVICE, &dte);
	am_forget();
	for (i = 0; i < REQUESTS; i++) {
		one_request(guest);
		if (has_coded)
			am_run(amdvi_invalidate_all());
	}
}

static void translations_agree(void **state)
{
	static const struct iommu_model_amdvi_config all = {0};
	static const unsigned int share[3] = {8, 16, 64};
	unsigned int unit, kind, before[2];

	(void)state;
	am_begin(&all);
	am_unit_on();
	for (kind = 0; kind < 3; kind++) {
		before[0] = reached;
		before[1] = faulted;
		for (unit = 0; unit < UNITS / 3; unit++)
			one_unit(kind != 1, kind != 0);
		assert_true(reached - before[0] > UNITS / 3 * REQUESTS * 2 / share[kind]);
		assert_true(faulted - before[1] > UNITS / 3 * REQUESTS * 2 / share[kind]);
	}
	am_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translations_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
