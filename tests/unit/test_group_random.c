/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on groups, with the back end failing in between, against a short model of what
 * each group should use, and which regions should be mapped for that. A call that fails leaves
 * everything as it was; an endpoint that cannot be switched back is blocked, and never uses
 * anything else; and a call that returns 0 because nothing is left to do has had hardware confirm
 * what was open.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "group/group.h"
#include "recorder.h"
#include "test.h"

#define DEVICES 8
#define GROUPS  3 /* device n belongs to group n % GROUPS, by PCI topology */
#define DOMAINS 3
#define OWNERS  2
#define GONE    16 /* devices that went under their drivers, at most */

static struct recorder r;
static struct test_random rng;
static struct iommu_domain *domains[DOMAINS];
static int owners[OWNERS];

/* What should be: of a group while it has members. */
struct expected {
	struct iommu_group *group;
	struct iommu_domain *domain;
	int owner; /* -1: none */
	unsigned int claims;
	enum iommu_domain_type type;
};

static struct {
	struct iommu_endpoint *endpoint;
	unsigned int drivers;
	bool uses_dma;
	bool may_be_blocked;
} devices[DEVICES];

/* Released, and a driver has not let go. */
static struct {
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct iommu_domain *domain;
	unsigned int drivers;
} gone[GONE];
static unsigned int gone_count;

/* Two devices of each group have regions, which overlap. */
static struct iommu_region regions[2 * GROUPS];
static uint16_t region_ids[2 * GROUPS];
static struct expected groups[GROUPS];

static bool one_in(unsigned int n)
{
	return test_random_below(&rng, n) == 0;
}

static unsigned int any(unsigned int n)
{
	return (unsigned int)test_random_below(&rng, n);
}

/* --- Failures --------------------------------------------------------------------------------- */

static bool is_failing;

/* Do calls that take memory, or map, fail at some point? */
static void fail_in_the_core(void)
{
	if (one_in(6))
		r.domain_alloc = IOMMU_ENOMEM;
	if (one_in(6))
		r.test.fail_after = r.test.allocations + 1 + any(3);
	if (one_in(6)) {
		r.map = IOMMU_ENOMEM;
		r.map_from = 1 + any(3);
	}
}

static void fail_sometimes(void)
{
	static const int errors[] = {IOMMU_ENOSPC, IOMMU_ENOMEM, IOMMU_ETIMEDOUT, IOMMU_EINVAL};

	is_failing = one_in(3);
	r.attach_failures = r.attach_from = 0;
	r.detach = r.domain_alloc = 0;
	r.test.fail_after = 0;
	if (!is_failing)
		return;
	r.attach = errors[any(4)];
	if (one_in(2)) {
		r.attach_from = 1 + any(4);
		r.attach_failures = 1 + any(3);
	}
	if (one_in(4))
		r.detach = r.confirm = IOMMU_ETIMEDOUT;
	if (one_in(6))
		r.sync = IOMMU_ETIMEDOUT;
	fail_in_the_core();
}

static void fail_no_more(void)
{
	r.attach_failures = r.attach_from = 0;
	r.detach = r.confirm = r.domain_alloc = r.sync = 0;
	r.map = 0;
	r.map_from = 0;
	r.test.fail_after = 0;
}

/* --- What should be --------------------------------------------------------------------------- */

static unsigned int members(unsigned int g)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = g; i < DEVICES; i += GROUPS)
		n += devices[i].endpoint != NULL;
	return n;
}

static unsigned int drivers(unsigned int g)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = g; i < DEVICES; i += GROUPS)
		n += devices[i].drivers + devices[i].uses_dma;
	for (i = 0; i < gone_count; i++)
		n += members(g) != 0 && gone[i].group == groups[g].group;
	return n;
}

/* The pages that firmware wants the members to reach. */
static uint64_t wanted_pages(unsigned int g)
{
	uint64_t pages = 0;
	unsigned int i, k;

	for (i = g; i < DEVICES; i += GROUPS)
		for (k = 0; devices[i].endpoint != NULL && k < 2 * GROUPS; k++)
			if (region_ids[k] == devices[i].endpoint->info.source_id)
				pages |= 0xfULL << (regions[k].start >> 12);
	return pages;
}

static bool has_untrusted(unsigned int g)
{
	unsigned int i;

	for (i = g; i < DEVICES; i += GROUPS)
		if (devices[i].endpoint != NULL && devices[i].endpoint->info.untrusted)
			return true;
	return false;
}

/* What is mapped is what those who use it need. */
static void check_pages(const struct expected *e, uint64_t pages)
{
	const struct iommu_domain *rest = iommu_group_default_domain(e->group);

	if (rest != NULL && rest->type != IOMMU_DOMAIN_IDENTITY)
		assert_int_equal(recorder_pages(rest), pages);
	if (e->group->window != NULL && iommu_group_current(e->group) == e->group->window)
		assert_int_equal(recorder_pages(e->group->window), pages);
}

/* What a driver holds whose device is gone is still there. */
static void check_gone(void)
{
	unsigned int i;

	for (i = 0; i < gone_count; i++) {
		assert_ptr_equal(iommu_endpoint_group(gone[i].endpoint), gone[i].group);
		assert_ptr_equal(iommu_group_default_domain(gone[i].group), gone[i].domain);
		if (!gone[i].endpoint->is_alias)
			assert_null(iommu_endpoint_domain(gone[i].endpoint));
	}
}

static void check(void)
{
	unsigned int attached[DOMAINS] = {0};
	uint64_t pages[DOMAINS] = {0};
	unsigned int g, i, d;

	for (g = 0; g < GROUPS; g++) {
		const struct expected *e = &groups[g];
		const struct iommu_domain *wanted = NULL;

		if (members(g) == 0)
			continue;
		assert_int_equal(iommu_group_size(e->group), members(g));
		assert_ptr_equal(iommu_group_domain(e->group), e->domain);
		assert_ptr_equal(iommu_group_owner(e->group),
				 e->owner < 0 ? NULL : &owners[e->owner]);
		assert_int_equal(iommu_group_default_type(e->group), e->type);
		if (has_untrusted(g))
			assert_true(e->type == IOMMU_DOMAIN_DMA || e->type == IOMMU_DOMAIN_BLOCKED);
		if (e->domain != NULL)
			wanted = e->domain;
		else if (e->owner < 0)
			wanted = iommu_group_default_domain(e->group);
		/* Firmware's regions, and nothing else. */
		if (wanted == NULL)
			wanted = e->group->window;
		for (d = 0; d < DOMAINS; d++) {
			attached[d] += e->domain == domains[d];
			pages[d] |= e->domain == domains[d] ? wanted_pages(g) : 0;
		}
		check_pages(e, wanted_pages(g));
		for (i = g; i < DEVICES; i += GROUPS) {
			if (devices[i].endpoint == NULL)
				continue;
			assert_ptr_equal(devices[i].endpoint->group, e->group);
			if (devices[i].may_be_blocked && devices[i].endpoint->domain == NULL)
				continue;
			assert_ptr_equal(devices[i].endpoint->domain, wanted);
		}
	}
	for (d = 0; d < DOMAINS; d++) {
		assert_int_equal(domains[d]->groups, attached[d]);
		assert_int_equal(recorder_pages(domains[d]),
				 domains[d]->type == IOMMU_DOMAIN_PAGING ? 0 : pages[d]);
	}
	check_gone();
}

static void note_outcome(unsigned int g, int status)
{
	unsigned int i;

	for (i = g; i < DEVICES; i += GROUPS) {
		if (status == 0)
			devices[i].may_be_blocked = false;
		else if (is_failing)
			devices[i].may_be_blocked = true;
	}
}

/* --- Operations ------------------------------------------------------------------------------- */

static void probe(unsigned int i)
{
	const unsigned int g = i % GROUPS;
	const struct iommu_endpoint_info info = {.source_id = (uint16_t)((g + 1) << 8 | i << 3),
						 .untrusted = one_in(4)};
	const bool was_empty = members(g) == 0;
	int status = iommu_probe_endpoint(r.iommu, &info, &devices[i].endpoint);

	if (status != 0) {
		devices[i].endpoint = NULL;
		assert_true(is_failing || status == IOMMU_EBUSY);
		/* An idle group may have become strict for it. */
		if (!was_empty)
			groups[g].type = iommu_group_default_type(groups[g].group);
		note_outcome(g, status);
		return;
	}
	if (was_empty)
		groups[g] = (struct expected){.group = devices[i].endpoint->group, .owner = -1};
	groups[g].type = iommu_group_default_type(groups[g].group);
	devices[i].drivers = 0;
	devices[i].uses_dma = false;
	devices[i].may_be_blocked = false;
	/* What its group uses it may use, too. */
	if (info.untrusted && groups[g].domain != NULL)
		assert_int_not_equal(groups[g].domain->type, IOMMU_DOMAIN_DMA_LAZY);
}

static void let_go(unsigned int k)
{
	while (gone[k].drivers-- > 1)
		iommu_unuse_default_domain(gone[k].endpoint);
	iommu_unuse_default_domain(gone[k].endpoint);
	gone[k] = gone[--gone_count];
}

/* It goes under its driver, which holds what it held. */
static void note_gone(unsigned int i)
{
	if (devices[i].drivers == 0 && !devices[i].uses_dma)
		return;
	gone[gone_count].endpoint = devices[i].endpoint;
	gone[gone_count].group = devices[i].endpoint->group;
	gone[gone_count].domain = iommu_group_default_domain(devices[i].endpoint->group);
	gone[gone_count++].drivers = devices[i].drivers;
}

static void release_device(unsigned int i)
{
	const unsigned int g = i % GROUPS;
	const bool is_last = members(g) == 1;
	struct expected *e = &groups[g];
	int status;

	if (gone_count == GONE)
		let_go(any(GONE));
	if (!is_last || e->domain == NULL)
		note_gone(i);
	status = iommu_release_endpoint(devices[i].endpoint);

	if (is_last && e->domain != NULL) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_int_equal(status, 0);
	devices[i].endpoint = NULL;
	devices[i].drivers = 0;
	devices[i].uses_dma = false;
	/* A claim outlives the members. */
	while (is_last && e->owner >= 0 && e->claims-- != 0)
		assert_int_equal(iommu_group_release(e->group, &owners[e->owner]), 0);
}

static void attach(unsigned int g)
{
	struct iommu_domain *domain = domains[any(DOMAINS)];
	int status = iommu_domain_attach_group(domain, groups[g].group);

	if (domain->type == IOMMU_DOMAIN_DMA_LAZY && has_untrusted(g)) {
		assert_true(status == IOMMU_EPERM || (status != 0 && is_failing));
		return;
	}
	assert_true(status == 0 || is_failing);
	if (status == 0)
		groups[g].domain = domain;
	note_outcome(g, status);
}

/* Detached, whatever it returns. */
static void detach(unsigned int g)
{
	const bool was_attached = groups[g].domain != NULL;
	int status = iommu_domain_detach_group(groups[g].group);

	assert_true(status == 0 || is_failing);
	groups[g].domain = NULL;
	/* Nothing was to be done: then hardware has confirmed all that was done before. */
	if (!was_attached && members(g) != 0 && status == 0)
		assert_false(r.is_open);
	if (was_attached || status != 0)
		note_outcome(g, status);
}

static void claim(unsigned int g)
{
	struct expected *e = &groups[g];
	const int owner = (int)any(OWNERS);
	int status = iommu_group_claim(e->group, &owners[owner]);

	if (e->owner >= 0 && e->owner != owner) {
		assert_int_equal(status, IOMMU_EPERM);
		return;
	}
	if (e->owner < 0 && (drivers(g) != 0 || e->domain != NULL)) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_true(status == 0 || is_failing);
	if (e->owner < 0)
		note_outcome(g, status);
	if (status != 0)
		return;
	e->owner = owner;
	e->claims++;
}

static void disclaim(unsigned int g)
{
	struct expected *e = &groups[g];
	const int owner = (int)any(OWNERS);
	int status = iommu_group_release(e->group, &owners[owner]);

	if (e->owner != owner) {
		assert_int_equal(status, IOMMU_EPERM);
		return;
	}
	if (e->claims == 1 && e->domain != NULL) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_true(status == 0 || is_failing);
	if (e->claims == 1)
		note_outcome(g, status);
	if (status != 0)
		return;
	if (--e->claims == 0)
		e->owner = -1;
}

static void use(unsigned int i)
{
	const unsigned int g = i % GROUPS;
	int status = iommu_use_default_domain(devices[i].endpoint);

	if (groups[g].owner >= 0 || groups[g].domain != NULL) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_true(status == 0 || is_failing);
	if (status == 0)
		devices[i].drivers++;
	if (groups[g].type != IOMMU_DOMAIN_BLOCKED)
		note_outcome(g, status);
}

/* The DMA layer's use: once, however often. */
static void use_dma(unsigned int i)
{
	const unsigned int g = i % GROUPS;
	const bool is_used = devices[i].drivers != 0 || devices[i].uses_dma;
	int status = iommu_use_dma(devices[i].endpoint);

	if (!is_used && (groups[g].owner >= 0 || groups[g].domain != NULL)) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_true(status == 0 || (is_failing && !is_used));
	if (status == 0)
		devices[i].uses_dma = true;
	if (!is_used && groups[g].type != IOMMU_DOMAIN_BLOCKED)
		note_outcome(g, status);
}

static void unuse(unsigned int i)
{
	iommu_unuse_default_domain(devices[i].endpoint);
	if (devices[i].drivers != 0)
		devices[i].drivers--;
	if (devices[i].drivers == 0)
		devices[i].uses_dma = false;
}

static void set_type(unsigned int g)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_BLOCKED, IOMMU_DOMAIN_IDENTITY,
						       IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_DMA_LAZY};
	struct expected *e = &groups[g];
	const enum iommu_domain_type type = types[any(4)];
	int status = iommu_group_set_default_type(e->group, type);

	if (has_untrusted(g) && type != IOMMU_DOMAIN_DMA && type != IOMMU_DOMAIN_BLOCKED) {
		assert_int_equal(status, IOMMU_EINVAL);
		return;
	}
	if (e->owner >= 0 || e->domain != NULL || drivers(g) != 0) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_true(status == 0 || is_failing);
	if (type != e->type)
		note_outcome(g, status);
	if (status == 0)
		e->type = type;
}

static void operate(void)
{
	const unsigned int i = any(DEVICES);
	const unsigned int g = i % GROUPS;

	fail_sometimes();
	if (devices[i].endpoint == NULL && (members(g) == 0 || one_in(4))) {
		probe(i);
	} else if (members(g) != 0) {
		switch (any(9)) {
		case 0:
		case 1:
			attach(g);
			break;
		case 2:
		case 3:
			detach(g);
			break;
		case 4:
			claim(g);
			break;
		case 5:
			disclaim(g);
			break;
		case 6:
			set_type(g);
			break;
		case 7:
			if (gone_count != 0 && one_in(4))
				let_go(any(gone_count));
			else if (devices[i].endpoint != NULL && one_in(4))
				use_dma(i);
			else if (devices[i].endpoint != NULL && one_in(2))
				use(i);
			else if (devices[i].endpoint != NULL)
				unuse(i);
			break;
		default:
			fail_no_more();
			if (devices[i].endpoint != NULL)
				release_device(i);
			break;
		}
	}
	fail_no_more();
	check();
}

/* One conventional bus for each group; its bridge puts an id of its own on requests. */
static void make_topology(struct iommu_pci_function *functions, struct iommu_pci_topology *topology)
{
	unsigned int i;

	for (i = 0; i < GROUPS; i++)
		functions[i] = (struct iommu_pci_function){
			.devfn = (uint8_t)(8 + 8 * i),
			.type = IOMMU_PCI_EXPRESS_TO_PCI,
			.secondary_bus = (uint8_t)(i + 1),
		};
	for (i = 0; i < DEVICES; i++)
		functions[GROUPS + i] = (struct iommu_pci_function){
			.bus = (uint8_t)(i % GROUPS + 1),
			.devfn = (uint8_t)(i << 3),
			.type = IOMMU_PCI_CONVENTIONAL,
		};
	*topology = (struct iommu_pci_topology){functions, GROUPS + DEVICES};
}

static void have_regions(void)
{
	unsigned int k;

	for (k = 0; k < 2 * GROUPS; k++) {
		const unsigned int g = k / 2;
		const unsigned int i = k % 2 * GROUPS + g;
		const iommu_iova_t start = 0x2000 + 0x2000 * (iommu_iova_t)k;

		regions[k] =
			(struct iommu_region){start, start + 0x3fff, IOMMU_REGION_DIRECT_RELAXABLE,
					      IOMMU_PROT_READ_WRITE};
		region_ids[k] = (uint16_t)((g + 1) << 8 | i << 3);
	}
	r.tracks = true;
	r.regions = regions;
	r.region_ids = region_ids;
	r.region_count = 2 * GROUPS;
}

static void groups_use_what_they_should(void **state)
{
	static const enum iommu_domain_type kinds[DOMAINS] = {IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_DMA,
							      IOMMU_DOMAIN_DMA_LAZY};
	static const enum iommu_domain_type usual[] = {IOMMU_DOMAIN_BLOCKED, IOMMU_DOMAIN_IDENTITY,
						       IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_DMA_LAZY};
	const uint64_t seed = test_setting("IOMMU_TEST_SEED", 1);
	const uint64_t operations = test_setting("IOMMU_TEST_OPERATIONS", 1000000);
	struct iommu_pci_function functions[GROUPS + DEVICES];
	struct iommu_pci_topology topology;
	unsigned int round, i;
	uint64_t n;

	(void)state;
	make_topology(functions, &topology);
	for (round = 0; round < 4; round++) {
		rng.state = seed + round;
		memset(devices, 0, sizeof(devices));
		memset(gone, 0, sizeof(gone));
		gone_count = 0;
		recorder_init(&r);
		r.test.quiet = true;
		r.unmap_clears = true;
		have_regions();
		assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
		assert_int_equal(iommu_set_default_type(r.iommu, usual[round]), 0);
		for (i = 0; i < DOMAINS; i++)
			domains[i] = recorder_domain(&r, kinds[i]);
		for (n = 0; n < operations / 4; n++) {
			r.calls[0] = '\0';
			operate();
		}
		for (i = 0; i < DEVICES; i++) {
			if (devices[i].endpoint == NULL)
				continue;
			detach(i % GROUPS);
			release_device(i);
		}
		while (gone_count != 0)
			let_go(gone_count - 1);
		for (i = 0; i < DOMAINS; i++)
			assert_int_equal(iommu_domain_free(domains[i]), 0);
		assert_null(iommu_next_group(r.iommu, NULL));
		recorder_destroy(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_use_what_they_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
