/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on groups, with the back end failing in between, against a few lines that say what
 * each group should be using. A call that fails leaves everything as it was; what could not be taken
 * back is blocked, and never uses anything else.
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

static struct recorder r;
static struct test_random rng;
static struct iommu_domain *domains[DOMAINS];
static int owners[OWNERS];

/* What should be: of a group while it has members. */
struct expected {
	struct iommu_group *group;
	struct iommu_domain *domain;
	int owner; /* -1: nobody */
	unsigned int claims;
	enum iommu_domain_type type;
};

static struct {
	struct iommu_endpoint *endpoint;
	unsigned int drivers;
	bool may_be_blocked;
} devices[DEVICES];
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
		r.detach = IOMMU_ETIMEDOUT;
	if (one_in(6))
		r.domain_alloc = IOMMU_ENOMEM;
	if (one_in(6))
		r.test.fail_after = r.test.allocations + 1 + any(3);
}

static void fail_no_more(void)
{
	r.attach_failures = r.attach_from = 0;
	r.detach = r.domain_alloc = 0;
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
		n += devices[i].drivers;
	return n;
}

static bool has_untrusted(unsigned int g)
{
	unsigned int i;

	for (i = g; i < DEVICES; i += GROUPS)
		if (devices[i].endpoint != NULL && devices[i].endpoint->info.untrusted)
			return true;
	return false;
}

static void check(void)
{
	unsigned int attached[DOMAINS] = {0};
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
		for (d = 0; d < DOMAINS; d++)
			attached[d] += e->domain == domains[d];
		for (i = g; i < DEVICES; i += GROUPS) {
			if (devices[i].endpoint == NULL)
				continue;
			assert_ptr_equal(devices[i].endpoint->group, e->group);
			if (devices[i].may_be_blocked && devices[i].endpoint->domain == NULL)
				continue;
			assert_ptr_equal(devices[i].endpoint->domain, wanted);
		}
	}
	for (d = 0; d < DOMAINS; d++)
		assert_int_equal(domains[d]->groups, attached[d]);
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
	devices[i].may_be_blocked = false;
}

static void release_device(unsigned int i)
{
	const unsigned int g = i % GROUPS;
	const bool is_last = members(g) == 1;
	struct expected *e = &groups[g];
	int status = iommu_release_endpoint(devices[i].endpoint);

	if (is_last && e->domain != NULL) {
		assert_int_equal(status, IOMMU_EBUSY);
		return;
	}
	assert_int_equal(status, 0);
	devices[i].endpoint = NULL;
	devices[i].drivers = 0;
	/* A claim outlives the members. */
	while (is_last && e->owner >= 0 && e->claims-- != 0)
		assert_int_equal(iommu_group_release(e->group, &owners[e->owner]), 0);
}

static void attach(unsigned int g)
{
	struct iommu_domain *domain = domains[any(DOMAINS)];
	int status = iommu_domain_attach_group(domain, groups[g].group);

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
	if (was_attached)
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

static void unuse(unsigned int i)
{
	iommu_unuse_default_domain(devices[i].endpoint);
	if (devices[i].drivers != 0)
		devices[i].drivers--;
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
			if (devices[i].endpoint != NULL && one_in(2))
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

static void groups_use_what_they_should(void **state)
{
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
		recorder_init(&r);
		r.test.quiet = true;
		assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
		assert_int_equal(iommu_set_default_type(r.iommu, usual[round]), 0);
		for (i = 0; i < DOMAINS; i++)
			domains[i] = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
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
