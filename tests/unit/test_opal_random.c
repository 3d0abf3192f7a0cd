/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on the back end for bridges under OPAL against the model of a bridge that
 * caches all that it reads; devices do DMA before and after each call of firmware, and after each
 * operation.
 *
 * Each mapping leads to memory of its own, so that the memory that an access reaches says which
 * mapping let it through: never one that was unmapped, whatever fails. While nothing has failed
 * every PE reaches exactly what its domain maps.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "phb_registers.h"
#include "test.h"
#include "test_platform.h"

#define PES        6
#define PHB        0
#define DOMAINS    5 /* of tables; and one each that is blocked and that passes on */
#define SLOTS      40
#define MOST_PAGES 12 /* of a mapping … */
#define LARGE_PAGES                                                                                \
	600 /* … but for some: more than one part of anything that the back end does at once */
#define ARENA        (1ULL << 24)
#define WINDOW_BITS  34
#define MEMORY       (1ULL << 40)
#define MAPPING_BITS 24 /* of memory, for each mapping */
#define MAPPINGS     (1U << 16)
#define NO_SLOT      UINT32_MAX
#define BYPASS       (1ULL << 59)
#define MEMORY_END   (3ULL << 40)
#define IDENTITY     DOMAINS
#define BLOCKED      (DOMAINS + 1)

/* What became of a mapping. */
enum fate {
	MAPPED,
	UNCONFIRMED, /* taken away, or never made whole, and the bridge has not confirmed it */
	GONE,
};

struct mapping {
	uint8_t fate;
	uint8_t domain;
	uint8_t slot;
	bool is_orphan; /* its domain was freed */
};

static struct {
	struct test_platform test;
	struct test_platform outside;
	struct iommu_model_phb *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_endpoint *endpoints[PES][2];
	bool leaves[PES][2]; /* its release was not confirmed */
	struct iommu_domain *domains[DOMAINS + 2];
	uint32_t slots[DOMAINS][SLOTS]; /* the mapping, or NO_SLOT */
	struct mapping mappings[MAPPINGS];
	uint64_t large_page;
	bool by_register;               /* the bridge is told to forget through it */
	uint32_t made;                  /* the next mapping */
	unsigned int locks;             /* that the driver holds */
	uint32_t unconfirmed[MAPPINGS]; /* mappings of that fate, and those that were */
	unsigned int unconfirmed_count;
	uint8_t may[PES]; /* domains that a PE has left, or not come to, with an error: bits */
	bool is_trouble;
	bool is_between;   /* the driver is at work */
	bool is_switching; /* at a PE's window: others may map and unmap meanwhile */
	unsigned int left; /* the domain that it leaves */
} f;
static struct test_random rng;

static unsigned int any(unsigned int n)
{
	return (unsigned int)test_random_below(&rng, n);
}

static bool one_in(unsigned int n)
{
	return any(n) == 0;
}

/* --- Where mappings are ----------------------------------------------------------------------- */

static uint64_t page_of(unsigned int domain)
{
	static const uint64_t pages[DOMAINS - 1] = {1 << 12, 1 << 12, 1 << 16, 1 << 16};

	return domain < DOMAINS - 1 ? pages[domain] : f.large_page;
}

static uint64_t pages_in(unsigned int domain, unsigned int slot)
{
	if (domain < 2 && slot % MOST_PAGES == MOST_PAGES - 1)
		return LARGE_PAGES;
	return domain < DOMAINS - 1 ? 1 + slot % MOST_PAGES : 1;
}

/* Slots lie side by side in some places; some lie in two tables. */
static uint64_t address_of(unsigned int domain, unsigned int slot)
{
	static const uint64_t places[] = {0, 0x10000000, 0x3ffc0000, 0x3f0000000};
	const uint64_t stride = page_of(domain) * (domain < 2             ? LARGE_PAGES
						   : domain < DOMAINS - 1 ? MOST_PAGES
									  : 1);

	return (places[slot % 4] & -page_of(domain)) + slot / 4 * stride;
}

/* Beyond all windows, and all tables. */
static iommu_paddr_t memory_of(uint32_t mapping)
{
	return MEMORY + ((uint64_t)mapping << MAPPING_BITS);
}

/* --- DMA -------------------------------------------------------------------------------------- */

static struct iommu_group *group_of(unsigned int pe)
{
	if (f.endpoints[pe][0] != NULL)
		return iommu_endpoint_group(f.endpoints[pe][0]);
	return f.endpoints[pe][1] != NULL ? iommu_endpoint_group(f.endpoints[pe][1]) : NULL;
}

static unsigned int domain_of(unsigned int pe)
{
	const struct iommu_group *group = group_of(pe);
	const struct iommu_domain *domain = group != NULL ? iommu_group_domain(group) : NULL;
	unsigned int i;

	for (i = 0; i < DOMAINS + 2; i++)
		if (domain != NULL && f.domains[i] == domain)
			return i;
	return BLOCKED;
}

/* It was told to use that, or has left it, or not come to it, with an error. */
static bool may_be_in(unsigned int pe, unsigned int domain)
{
	return domain_of(pe) == domain || (f.may[pe] >> domain & 1) != 0;
}

/* What must hold of an access that went through, whatever goes on and whatever has failed. */
static void check_passed(unsigned int pe, uint64_t address, iommu_paddr_t paddr)
{
	const uint64_t number = (paddr - MEMORY) >> MAPPING_BITS;
	const struct mapping *mapping = &f.mappings[number % MAPPINGS];

	if (paddr == address) { /* as it is: no memory of a mapping */
		assert_true(may_be_in(pe, IDENTITY));
		return;
	}
	assert_true(paddr >= MEMORY && number < f.made);
	assert_int_not_equal(mapping->fate, GONE);
	assert_true(may_be_in(pe, mapping->domain));
	/* A page that it remembers may be taken for one of another window's size meanwhile. */
	if (f.is_trouble || f.is_between)
		return;
	assert_int_equal(paddr - memory_of((uint32_t)number),
			 address - address_of(mapping->domain, mapping->slot));
}

static void do_dma(unsigned int pe, unsigned int domain, unsigned int slot)
{
	const uint64_t address = address_of(domain, slot) +
				 test_random_below(&rng, pages_in(domain, slot) * page_of(domain));
	struct iommu_model_tce_access access;
	const bool passes = iommu_model_phb_access(f.model, (uint16_t)(pe << 8), address, one_in(2),
						   &access) == 0;
	const unsigned int used = domain_of(pe);

	assert_int_equal(iommu_model_phb_thaw(f.model, pe), 0);
	assert_int_not_equal(access.reason, IOMMU_MODEL_TCE_MEMORY);
	if (passes)
		check_passed(pe, address, access.paddr);
	if (f.is_trouble || f.is_between)
		return;
	if (used == IDENTITY)
		assert_true(passes && access.paddr == address);
	else if (used == BLOCKED)
		assert_false(passes);
	else if (used == domain)
		assert_int_equal(passes, f.slots[domain][slot] != NO_SLOT);
}

static bool has_bypass(unsigned int domain)
{
	return domain < DOMAINS && domain % 3 == 0;
}

/* All of memory, while a domain is attached that lets it through, and no other time. */
static void do_bypass_dma(unsigned int pe)
{
	const uint64_t paddr = test_random_below(&rng, MEMORY_END);
	struct iommu_model_tce_access access;
	const bool passes = iommu_model_phb_access(f.model, (uint16_t)(pe << 8), BYPASS | paddr,
						   one_in(2), &access) == 0;

	assert_int_equal(iommu_model_phb_thaw(f.model, pe), 0);
	if (passes) {
		unsigned int d, ways = 0;

		assert_int_equal(access.paddr, paddr);
		for (d = 0; d < DOMAINS; d++)
			ways += has_bypass(d) && may_be_in(pe, d);
		assert_int_not_equal(ways, 0);
	}
	if (!f.is_trouble && !f.is_between)
		assert_int_equal(passes, has_bypass(domain_of(pe)));
}

static void do_some_dma(unsigned int count)
{
	if (one_in(4))
		do_bypass_dma(any(PES));
	while (count-- != 0) {
		const unsigned int pe = any(PES);
		const unsigned int used = domain_of(pe);

		do_dma(pe, used < DOMAINS && !one_in(4) ? used : any(DOMAINS), any(SLOTS));
	}
}

/* --- The bridge, and the host ----------------------------------------------------------------- */

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	if (paddr > ARENA - sizeof(*bytes))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	assert_true(*bytes != TEST_POISON * 0x0101010101010101ULL); /* a table that was freed */
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("misuse: %s", text);
}

static void change_meanwhile(void);

static int64_t call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	const bool was_between = f.is_between;
	int64_t code;

	(void)ctx;
	assert_false(f.by_register && token == IOMMU_OPAL_TCE_KILL);
	f.is_between = true;
	do_some_dma(2);
	change_meanwhile();
	code = iommu_model_phb_opal(f.model, token, arguments);
	do_some_dma(2);
	change_meanwhile();
	f.is_between = was_between;
	return code;
}

/* While the bridge is told through its register, and looked at: other CPUs wait for the lock. */
static void around_register(void)
{
	const bool was_between = f.is_between;

	f.is_between = true;
	do_some_dma(2);
	if (f.locks == 0)
		change_meanwhile();
	f.is_between = was_between;
}

static uintptr_t lock_begins(void *ctx)
{
	(void)ctx;
	return f.locks++;
}

static void lock_ends(void *ctx, uintptr_t state)
{
	(void)ctx;
	assert_int_equal(--f.locks, state);
}

/* Firmware is busy for a few calls, then for too long. */
static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 100000000;
}

static uint32_t find_pe(void *ctx, uint16_t source_id)
{
	(void)ctx;
	return iommu_model_phb_pe_of(f.model, source_id);
}

static void make_unit(unsigned int generation, uint64_t forget_seed)
{
	const struct iommu_model_phb_config model = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .misuse = refuse_misuse},
		.phb = PHB,
		.generation = generation,
		.pes = PES,
		.forget_seed = forget_seed,
	};
	struct iommu_opal_config config = {
		.phb = PHB,
		.pes = PES,
		.find_pe = find_pe,
		.call = call,
		.output_bits = 50,
		.window_bits = WINDOW_BITS,
		.reserved_start = 1,
		.memory_end = MEMORY_END,
		.registers = f.by_register ? PHB_REGISTERS : 0,
	};
	unsigned int i;

	assert_int_equal(iommu_model_phb_create(&model, &f.model), 0);
	for (i = 0; i < PES * 2; i++)
		assert_int_equal(
			iommu_model_phb_set_pe(f.model, (uint16_t)(i / 2 << 8 | i % 2), i / 2), 0);
	config.page_sizes = iommu_model_phb_page_sizes(f.model);
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void begin_trouble(void)
{
	const struct iommu_model_phb_faults faults = {
		.busy = any(4),
		.kills_hang = one_in(3),
		.slow_kills = any(20),
		.refuse_close = one_in(4),
		.refuse_open = any(3),
	};

	f.is_trouble = true;
	iommu_model_phb_misbehave(f.model, &faults);
	f.test.fail_every = one_in(3) ? 1 + any(4) : 0;
}

static void confirm(uint32_t mapping)
{
	if (f.mappings[mapping].fate == UNCONFIRMED)
		f.mappings[mapping].fate = GONE;
}

/* An operation on a domain has succeeded: so has all that was not confirmed before it. */
static void confirm_domain(unsigned int d)
{
	unsigned int i;

	for (i = 0; i < f.unconfirmed_count; i++) {
		const struct mapping *mapping = &f.mappings[f.unconfirmed[i]];

		if (mapping->domain == d && !mapping->is_orphan)
			confirm(f.unconfirmed[i]);
	}
}

/*
 * Those whose release was not confirmed go; or come back, where meanwhile they are the last and
 * something is attached.
 */
static void end_release(unsigned int pe, unsigned int function)
{
	const unsigned int used = domain_of(pe);
	const bool is_last = f.endpoints[pe][!function] == NULL;

	f.leaves[pe][function] = false;
	f.is_between = true;
	if (is_last && iommu_group_domain(group_of(pe)) != NULL) {
		assert_int_equal(iommu_domain_attach_group(f.domains[used], group_of(pe)), 0);
	} else {
		assert_int_equal(iommu_release_endpoint(f.endpoints[pe][function]), 0);
		f.endpoints[pe][function] = NULL;
	}
	f.is_between = false;
}

static void end_releases(void)
{
	unsigned int pe, function;

	for (pe = 0; pe < PES; pe++)
		for (function = 0; function < 2; function++)
			if (f.leaves[pe][function])
				end_release(pe, function);
}

static void end_trouble(void)
{
	const struct iommu_model_phb_faults faults = {0};

	iommu_model_phb_misbehave(f.model, &faults);
	while (f.by_register && iommu_model_phb_kill_read(f.model) != 0)
		;
	f.test.fail_every = 0;
	/* All windows as they should be, and everything forgotten: by that alone. */
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	while (f.unconfirmed_count != 0)
		confirm(f.unconfirmed[--f.unconfirmed_count]);
	memset(f.may, 0, sizeof(f.may));
	end_releases();
	f.is_trouble = false;
}

/* A call may fail only when something is wrong. */
static void check_status(int status)
{
	assert_true(status == 0 || f.is_trouble);
}

static void lose(uint32_t mapping, int status)
{
	f.mappings[mapping].fate = status == 0 ? GONE : UNCONFIRMED;
	if (status != 0)
		f.unconfirmed[f.unconfirmed_count++] = mapping;
}

/* --- Operations ------------------------------------------------------------------------------- */

static bool is_used(unsigned int domain)
{
	unsigned int pe;

	for (pe = 0; pe < PES; pe++)
		if (domain_of(pe) == domain)
			return true;
	return false;
}

static void make_domain(unsigned int d)
{
	const struct iommu_domain_config config = {
		.pgsize_bitmap = d < DOMAINS ? page_of(d) : 0,
		.bypass = has_bypass(d),
	};
	const enum iommu_domain_type type = d == IDENTITY  ? IOMMU_DOMAIN_IDENTITY
					    : d == BLOCKED ? IOMMU_DOMAIN_BLOCKED
							   : IOMMU_DOMAIN_PAGING;
	int status = iommu_domain_alloc(f.unit, type, &config, &f.domains[d]);

	check_status(status);
	if (status != 0)
		f.domains[d] = NULL;
}

static void free_domain(unsigned int d)
{
	unsigned int slot;
	int status = iommu_domain_free(f.domains[d]);

	if (d != BLOCKED && is_used(d)) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	if (status == IOMMU_EBUSY) /* the blocked one: domain_of does not tell it from none */
		return;
	check_status(status);
	if (status != 0)
		return;
	f.domains[d] = NULL;
	for (slot = 0; d < DOMAINS && slot < SLOTS; slot++) {
		if (f.slots[d][slot] != NO_SLOT)
			lose(f.slots[d][slot], 0);
		f.slots[d][slot] = NO_SLOT;
	}
	for (slot = 0; slot < f.unconfirmed_count; slot++)
		f.mappings[f.unconfirmed[slot]].is_orphan |=
			f.mappings[f.unconfirmed[slot]].domain == d;
}

static void map(unsigned int d, unsigned int slot)
{
	const uint32_t mapping = f.made;
	int status;

	if (mapping == MAPPINGS)
		return;
	f.mappings[mapping] = (struct mapping){MAPPED, (uint8_t)d, (uint8_t)slot, false};
	f.made++;
	f.is_between = true;
	status = iommu_map(f.domains[d], address_of(d, slot), memory_of(mapping),
			   pages_in(d, slot) * page_of(d), IOMMU_PROT_READ_WRITE);
	f.is_between = false;
	if (f.slots[d][slot] != NO_SLOT) {
		assert_true(status == IOMMU_EEXIST || f.is_trouble);
		assert_int_not_equal(status, 0);
	} else {
		check_status(status);
	}
	if (status == 0) {
		f.slots[d][slot] = mapping;
		confirm_domain(d);
	} else {
		lose(mapping, status == IOMMU_ETIMEDOUT || status == IOMMU_EIO ? status : 0);
	}
}

static void unmap(unsigned int d, unsigned int slot)
{
	const uint64_t size = pages_in(d, slot) * page_of(d);
	uint64_t unmapped = 0;
	int status;

	f.is_between = true;
	status = iommu_unmap(f.domains[d], address_of(d, slot), size, 0, &unmapped);
	f.is_between = false;
	check_status(status);
	if (status == 0)
		confirm_domain(d);
	if (f.slots[d][slot] == NO_SLOT) {
		assert_int_equal(unmapped, 0);
		return;
	}
	assert_int_equal(unmapped, size);
	lose(f.slots[d][slot], status);
	f.slots[d][slot] = NO_SLOT;
}

/* What another CPU does while this one is at a window: what it has unmapped is gone at once. */
static void change_meanwhile(void)
{
	const unsigned int d = f.left < DOMAINS && !one_in(3) ? f.left : any(DOMAINS);

	if (!f.is_switching || f.domains[d] == NULL || !one_in(2))
		return;
	f.is_switching = false;
	if (one_in(4))
		map(d, any(SLOTS));
	else
		unmap(d, any(SLOTS));
	f.is_between = true;
	do_some_dma(8);
	f.is_switching = true;
}

/* Everything at once, and with it the tables. */
static void clear(unsigned int d)
{
	uint64_t unmapped = 0, expected = 0;
	unsigned int slot;
	int status;

	f.is_between = true;
	status = iommu_unmap(f.domains[d], 0, 1ULL << WINDOW_BITS, 0, &unmapped);
	f.is_between = false;
	check_status(status);
	for (slot = 0; slot < SLOTS; slot++) {
		if (f.slots[d][slot] == NO_SLOT)
			continue;
		expected += pages_in(d, slot) * page_of(d);
		lose(f.slots[d][slot], status);
		f.slots[d][slot] = NO_SLOT;
	}
	assert_int_equal(unmapped, expected);
}

static void attach(unsigned int pe, unsigned int d)
{
	struct iommu_group *group = group_of(pe);
	const struct iommu_domain *before;
	int status;

	if (group == NULL || f.domains[d] == NULL)
		return;
	before = iommu_group_domain(group);
	f.left = domain_of(pe);
	f.may[pe] |= (uint8_t)(1U << f.left | 1U << d);
	f.is_between = f.is_switching = true;
	status = iommu_domain_attach_group(f.domains[d], group);
	f.is_between = f.is_switching = false;
	check_status(status);
	if (status == 0)
		f.may[pe] = 0;
	if (status == 0)
		assert_ptr_equal(iommu_group_domain(group), f.domains[d]);
	else
		assert_true(iommu_group_domain(group) == before ||
			    iommu_group_domain(group) == NULL);
}

static void detach(unsigned int pe)
{
	struct iommu_group *group = group_of(pe);
	int status;

	if (group == NULL || iommu_group_domain(group) == NULL)
		return;
	f.left = domain_of(pe);
	f.may[pe] |= (uint8_t)(1U << f.left);
	f.is_between = f.is_switching = true;
	status = iommu_domain_detach_group(group);
	f.is_between = f.is_switching = false;
	check_status(status);
	if (status == 0)
		f.may[pe] = 0;
	assert_null(iommu_group_domain(group));
}

static void add(unsigned int pe, unsigned int function)
{
	const struct iommu_endpoint_info info = {.source_id = (uint16_t)(pe << 8 | function)};
	int status;

	f.is_between = true;
	status = iommu_probe_endpoint(f.iommu, &info, &f.endpoints[pe][function]);
	f.is_between = false;
	check_status(status);
	if (status != 0)
		f.endpoints[pe][function] = NULL;
}

static void take_away(unsigned int pe, unsigned int function)
{
	const bool is_last = f.endpoints[pe][!function] == NULL;
	const bool is_attached = iommu_group_domain(group_of(pe)) != NULL;
	int status;

	f.is_between = true;
	status = iommu_release_endpoint(f.endpoints[pe][function]);
	f.is_between = false;
	if (is_last && is_attached) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	check_status(status);
	f.leaves[pe][function] = status != 0;
	if (status == 0)
		f.endpoints[pe][function] = NULL;
}

static void operate(void)
{
	const unsigned int d = any(DOMAINS);
	const unsigned int pe = any(PES);
	const unsigned int function = any(2);

	if (one_in(60))
		begin_trouble();
	else if (f.is_trouble && one_in(30))
		end_trouble();
	switch (any(16)) {
	case 0:
		attach(pe, any(DOMAINS + 2));
		break;
	case 1:
		if (f.is_trouble || one_in(3))
			detach(pe);
		break;
	case 2:
		if (f.endpoints[pe][function] == NULL)
			add(pe, function);
		else if (one_in(3))
			take_away(pe, function);
		break;
	case 3:
		if (f.domains[d] != NULL && (f.is_trouble || one_in(4)))
			free_domain(d);
		break;
	default:
		if (f.domains[d] == NULL)
			make_domain(d);
		else if (one_in(20))
			clear(d);
		else if (one_in(2))
			map(d, any(SLOTS));
		else
			unmap(d, any(SLOTS));
		break;
	}
	do_some_dma(3);
}

/* --- Machines --------------------------------------------------------------------------------- */

static void begin(unsigned int generation, uint64_t forget_seed)
{
	unsigned int d, slot;

	memset(&f, 0, sizeof(f));
	for (d = 0; d < DOMAINS; d++)
		for (slot = 0; slot < SLOTS; slot++)
			f.slots[d][slot] = NO_SLOT;
	test_platform_init(&f.test, ARENA, 0);
	test_platform_init(&f.outside, 1 << 24, 0);
	f.test.quiet = true;
	f.test.platform.now_ns = now_ns;
	f.test.platform.relax = NULL; /* time is counted here: nothing is waited for */
	f.test.platform.irq_save = lock_begins;
	f.test.platform.irq_restore = lock_ends;
	phb_registers_install(&f.test.platform, &f.model, around_register);
	f.by_register = generation == 3 && forget_seed == 0;
	f.large_page = generation == 3 ? 1 << 24 : 1 << 21;
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	make_unit(generation, forget_seed);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	for (d = 0; d < DOMAINS + 2; d++)
		make_domain(d);
}

static void end(void)
{
	unsigned int pe, d;

	end_trouble();
	for (pe = 0; pe < PES; pe++) {
		detach(pe);
		for (d = 0; d < 2; d++)
			if (f.endpoints[pe][d] != NULL)
				take_away(pe, d);
	}
	for (d = 0; d < DOMAINS + 2; d++)
		if (f.domains[d] != NULL)
			assert_int_equal(iommu_domain_free(f.domains[d]), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_model_phb_destroy(f.model);
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
}

static void devices_reach_what_is_mapped_for_them(void **state)
{
	const uint64_t operations = test_setting("IOMMU_TEST_OPERATIONS", 400000);
	const uint64_t seed = test_setting("IOMMU_TEST_SEED", 22);
	uint64_t done = 0;
	unsigned int machine;

	(void)state;
	for (machine = 0; done < operations; machine++) {
		uint64_t n;

		rng.state = seed + machine;
		begin(3 + machine % 3, machine % 8 == 3 || machine % 4 == 1 ? rng.state : 0);
		for (n = 0; n < 10000 && done < operations; n++, done++)
			operate();
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_reach_what_is_mapped_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
