/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching by itself (src/unit/attach.h): endpoints of a family that keeps only what it was told,
 * against a table of what each request should be under. Each step of the family may fail, units
 * run out of ids, and domains are nested. After each operation hardware, places, ids and uses are
 * what the table says; and while the family changes an entry, the domain of before and the domain
 * of afterwards are both in use.
 */
#include <string.h>

#include <libiommu/status.h>

#include "test.h"
#include "test_platform.h"
#include "unit/attach.h"
#include "unit/id.h"

#define UNITS     2
#define DOMAINS   5 /* the last two are nested in the first two */
#define NESTED    3
#define ENDPOINTS 4
#define PASIDS    3 /* 0: requests without one */
#define IDS       5 /* of which 0 is never given */

struct unit {
	struct iommu_unit_state state;
	struct iommu_ids ids;
	uint64_t taken;
};

struct entry {
	struct iommu_placed *domain;
	uint16_t id;
};

struct endpoint {
	struct iommu_attached attached;
	struct entry entries[PASIDS]; /* hardware's */
};

static struct {
	struct test_platform test;
	struct iommu_unit_set set;
	struct unit units[UNITS];
	struct iommu_placed domains[DOMAINS];
	struct endpoint endpoints[ENDPOINTS];
	struct iommu_object_cache places, uses;
	/* What each request should be under; and how many units each domain has joined. */
	struct iommu_placed *told[ENDPOINTS][PASIDS];
	int joins[DOMAINS];
	/* The step that fails from now, counted from 1; 0: none, or it has failed. */
	unsigned int fail_at;
	bool has_failed;
} f;

static bool fails(void)
{
	if (f.fail_at == 0 || --f.fail_at != 0)
		return false;
	f.has_failed = true;
	return true;
}

/* --- The family ------------------------------------------------------------------------------- */

static int find(struct iommu_placed *domain, void *at, struct iommu_place **place)
{
	struct unit *unit = at;

	if (fails())
		return IOMMU_EINVAL;
	*place = iommu_place_get(domain, &f.places, &unit->state, unit);
	if (*place == NULL)
		return IOMMU_ENOMEM;
	(*place)->ids = &unit->ids;
	return 0;
}

static int join(struct iommu_placed *domain, void *at)
{
	(void)at;
	f.joins[domain - f.domains]++;
	return fails() ? IOMMU_EINVAL : 0;
}

static void left(struct iommu_placed *domain)
{
	f.joins[domain - f.domains]--;
	assert_true(f.joins[domain - f.domains] >= 0);
}

static const struct iommu_place_ops place_ops = {.find = find, .join = join, .left = left};

struct wanted {
	const struct endpoint *endpoint;
	uint32_t pasid;
	bool is_found;
};

static bool is_wanted(void *ctx, const struct iommu_listing *listing)
{
	struct wanted *wanted = ctx;

	if (listing->use->user == &wanted->endpoint->attached &&
	    listing->use->pasid == wanted->pasid)
		wanted->is_found = true;
	return true;
}

/* Would a change in the domain be invalidated for these requests, under this id? */
static bool depends(const struct endpoint *endpoint, uint32_t pasid, struct iommu_placed *domain,
		    uint16_t id)
{
	const struct iommu_place *place = iommu_place_find(domain, endpoint->attached.at);
	struct wanted wanted = {endpoint, pasid, false};
	uint64_t number = 0;

	assert_false(iommu_uses_visit(domain, &number, is_wanted, &wanted));
	return wanted.is_found && place != NULL && iommu_place_is_used(place) && place->id == id;
}

/* The domain and its parent are in use, before hardware can translate by them and as long as. */
static void check_in_use(const struct endpoint *endpoint, uint32_t pasid,
			 struct iommu_placed *domain, uint16_t id)
{
	struct iommu_placed *parent = iommu_placed_parent(domain);

	assert_true(depends(endpoint, pasid, domain, id));
	if (parent == NULL)
		return;
	assert_true(depends(endpoint, pasid, parent,
			    iommu_place_find(parent, endpoint->attached.at)->id));
}

static int set(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
	       uint16_t id)
{
	struct endpoint *endpoint = iommu_container_of(attached, struct endpoint, attached);
	struct entry *entry = &endpoint->entries[pasid];
	const bool is_refused = fails();

	if (entry->domain != NULL)
		check_in_use(endpoint, pasid, entry->domain, entry->id);
	if (domain != NULL)
		check_in_use(endpoint, pasid, domain, id);
	if (!is_refused || domain == NULL)
		*entry = (struct entry){domain, id};
	return is_refused ? IOMMU_ETIMEDOUT : 0;
}

static void put_back(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
		     uint16_t id)
{
	struct endpoint *endpoint = iommu_container_of(attached, struct endpoint, attached);

	assert_null(endpoint->entries[pasid].domain);
	check_in_use(endpoint, pasid, domain, id);
	endpoint->entries[pasid] = (struct entry){domain, id};
}

static bool is_special(struct iommu_attached *attached, const struct iommu_placed *domain,
		       uint32_t pasid)
{
	(void)attached;
	(void)domain;
	return pasid != 0;
}

static const struct iommu_attach_ops attach_ops = {set, put_back, is_special};

/* --- The machine ------------------------------------------------------------------------------ */

static void release(struct iommu_placed *domain)
{
	iommu_placed_destroy(domain, &f.places);
}

static void begin(void)
{
	unsigned int i;

	memset(&f, 0, sizeof(f));
	test_platform_init(&f.test, 1 << 20, 0x100000);
	iommu_unit_set_init(&f.set);
	iommu_object_cache_init(&f.places, &f.test.platform, sizeof(struct iommu_place));
	iommu_object_cache_init(&f.uses, &f.test.platform, sizeof(struct iommu_use));
	for (i = 0; i < UNITS; i++) {
		f.units[i].state.set = &f.set;
		f.units[i].state.active = true;
		f.units[i].ids = (struct iommu_ids){.count = IDS, .taken = &f.units[i].taken};
	}
	for (i = 0; i < DOMAINS; i++) {
		iommu_placed_init(&f.domains[i], &place_ops, &f.test.platform, &f.set, release);
		if (i >= NESTED)
			f.domains[i].parent = &f.domains[i - NESTED];
	}
	for (i = 0; i < ENDPOINTS; i++)
		iommu_attached_init(&f.endpoints[i].attached, &attach_ops, &f.units[i % UNITS],
				    &f.uses);
}

static unsigned int users_of(const struct iommu_placed *domain, const struct unit *unit)
{
	unsigned int e, pasid, users = 0;

	for (e = 0; e < ENDPOINTS; e++)
		for (pasid = 0; pasid < PASIDS; pasid++)
			if (f.endpoints[e].attached.at == unit && f.told[e][pasid] != NULL)
				users += (f.told[e][pasid] == domain ||
					  f.told[e][pasid]->parent == domain);
	return users;
}

static bool count_use(void *ctx, const struct iommu_listing *listing)
{
	(void)listing;
	++*(unsigned int *)ctx;
	return true;
}

/* On one unit: users as the table says, and an id of its own for each domain that has any. */
static void check_unit(const struct unit *unit, int *joined)
{
	uint64_t ids = 0;
	unsigned int d;

	for (d = 0; d < DOMAINS; d++) {
		const struct iommu_place *place = iommu_place_find(&f.domains[d], unit);
		const unsigned int users = users_of(&f.domains[d], unit);

		assert_int_equal(place != NULL ? place->users : 0, users);
		if (users == 0)
			continue;
		joined[d]++;
		assert_true(place->id != 0 && place->id < IDS);
		assert_int_equal(ids >> place->id & 1, 0);
		ids |= 1ULL << place->id;
	}
	assert_int_equal(unit->taken, ids);
}

static void check(void)
{
	int joined[DOMAINS] = {0};
	unsigned int e, pasid, d;

	for (e = 0; e < ENDPOINTS; e++)
		for (pasid = 0; pasid < PASIDS; pasid++) {
			const struct entry *entry = &f.endpoints[e].entries[pasid];

			assert_ptr_equal(entry->domain, f.told[e][pasid]);
			if (entry->domain != NULL)
				check_in_use(&f.endpoints[e], pasid, entry->domain, entry->id);
			if (pasid != 0)
				assert_int_equal(
					iommu_attached_has_pasid(&f.endpoints[e].attached, pasid),
					entry->domain != NULL);
		}
	for (d = 0; d < UNITS; d++)
		check_unit(&f.units[d], joined);
	for (d = 0; d < DOMAINS; d++) {
		unsigned int uses = 0;
		uint64_t number = 0;

		assert_false(iommu_uses_visit(&f.domains[d], &number, count_use, &uses));
		assert_int_equal(uses, users_of(&f.domains[d], &f.units[0]) +
					       users_of(&f.domains[d], &f.units[1]));
		assert_int_equal(f.joins[d], joined[d]);
	}
}

/* --- Operations ------------------------------------------------------------------------------- */

/* Ids that the domain, and its parent, need on the unit and do not have. */
static unsigned int ids_wanted(const struct iommu_placed *domain, const struct unit *unit)
{
	unsigned int wanted = 0;

	for (; domain != NULL; domain = domain->parent)
		wanted += users_of(domain, unit) == 0;
	return wanted;
}

static unsigned int ids_free(const struct unit *unit)
{
	unsigned int id, free_ids = 0;

	for (id = 1; id < IDS; id++)
		free_ids += (unit->taken >> id & 1) == 0;
	return free_ids;
}

static void attach(unsigned int e, unsigned int pasid, struct iommu_placed *domain)
{
	struct iommu_attached *endpoint = &f.endpoints[e].attached;
	const bool has_ids = ids_wanted(domain, endpoint->at) <= ids_free(endpoint->at);
	int status = pasid == 0 ? iommu_attached_set(endpoint, domain)
				: iommu_attached_set_pasid(endpoint, domain, pasid);

	assert_int_equal(status == 0, has_ids && !f.has_failed);
	if (status == 0)
		f.told[e][pasid] = domain;
	else if (!f.has_failed)
		assert_int_equal(status, IOMMU_ENOSPC);
}

static void detach(unsigned int e, unsigned int pasid, bool or_stays)
{
	struct iommu_attached *endpoint = &f.endpoints[e].attached;
	int status = pasid == 0 ? iommu_attached_clear(endpoint, or_stays)
				: iommu_attached_clear_pasid(endpoint, pasid);

	assert_int_equal(status, f.has_failed ? IOMMU_ETIMEDOUT : 0);
	if (status == 0 || pasid != 0 || !or_stays)
		f.told[e][pasid] = NULL;
}

static void end(void)
{
	unsigned int e, pasid, d, i;

	f.fail_at = 0;
	f.has_failed = false;
	for (e = 0; e < ENDPOINTS; e++)
		for (pasid = 0; pasid < PASIDS; pasid++)
			detach(e, pasid, false);
	check();
	/* What failed is made good. */
	for (i = 0; i < UNITS; i++) {
		struct iommu_confirmation *open = &f.units[i].state.confirmation;

		iommu_confirmation_end(open, iommu_confirmation_begin(open));
	}
	for (d = DOMAINS; d-- != 0;)
		iommu_placed_free(&f.domains[d].base);
	test_platform_destroy(&f.test);
}

/* Any operations, a third of which fail at one of their steps. */
static void requests_are_under_what_was_said(void **state)
{
	struct test_random random = {test_setting("IOMMU_TEST_SEED", 1)};
	unsigned int n;

	(void)state;
	begin();
	for (n = 0; n < 20000; n++) {
		const unsigned int e = (unsigned int)test_random_below(&random, ENDPOINTS);
		const unsigned int pasid = (unsigned int)test_random_below(&random, PASIDS);

		f.has_failed = false;
		f.fail_at = test_random_below(&random, 3) == 0
				    ? 1 + (unsigned int)test_random_below(&random, 6)
				    : 0;
		if (test_random_below(&random, 3) != 0)
			attach(e, pasid, &f.domains[test_random_below(&random, DOMAINS)]);
		else
			detach(e, pasid, test_random_below(&random, 2) != 0);
		check();
	}
	end();
}

/* Each allocation fails in turn. */
static void memory_that_is_missing_changes_nothing(void **state)
{
	unsigned int missing;

	(void)state;
	for (missing = 1; missing <= 2; missing++) {
		begin();
		f.test.fail_after = f.test.allocations + missing;
		assert_int_equal(
			iommu_attached_set_pasid(&f.endpoints[0].attached, &f.domains[NESTED], 1),
			IOMMU_ENOMEM);
		f.test.fail_after = 0;
		check();
		attach(0, 1, &f.domains[NESTED]);
		check();
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_under_what_was_said),
		cmocka_unit_test(memory_that_is_missing_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
