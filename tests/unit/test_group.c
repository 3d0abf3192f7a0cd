/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core above a back end that records its calls: finding units, groups, attach and its rollback,
 * and the invalidation of what the back end cleared, on every path of a map.
 */
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "group/group.h"
#include "recorder.h"
#include "test.h"

static int setup(void **state)
{
	struct recorder *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	recorder_init(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	recorder_destroy(*state);
	free(*state);
	return 0;
}

static void the_surest_unit_gets_the_endpoint(void **state)
{
	static const struct {
		enum iommu_match first, second;
		unsigned int winner; /* 2: none */
	} cases[] = {
		{IOMMU_MATCH_REST, IOMMU_MATCH_NAMED, 1}, {IOMMU_MATCH_NAMED, IOMMU_MATCH_REST, 0},
		{IOMMU_MATCH_REST, IOMMU_MATCH_REST, 0},  {IOMMU_MATCH_NONE, IOMMU_MATCH_REST, 1},
		{IOMMU_MATCH_NONE, IOMMU_MATCH_NONE, 2},
	};
	const struct iommu_endpoint_info info = {.source_id = 8};
	struct recorder *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_endpoint *endpoint;
		int status;

		f->units[0].match = cases[i].first;
		f->units[1].match = cases[i].second;
		status = iommu_probe_endpoint(f->iommu, &info, &endpoint);
		assert_int_equal(status, cases[i].winner == 2 ? IOMMU_ENODEV : 0);
		if (status != 0)
			continue;
		assert_ptr_equal(iommu_endpoint_unit(endpoint), &f->units[cases[i].winner].base);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
	}
}

static void endpoints_are_checked_and_found(void **state)
{
	struct recorder *f = *state;
	struct iommu_endpoint_info info = {
		.name = "a name that is longer than any host will ever need",
		.segment = 3,
		.source_id = 0x0123,
		.host_data = f,
	};
	struct iommu_endpoint *endpoint, *other;

	assert_int_equal(iommu_probe_endpoint(f->iommu, NULL, &endpoint), IOMMU_EINVAL);
	info.path_length = IOMMU_PCI_PATH_MAX + 1;
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), IOMMU_EINVAL);
	info.path_length = 1;
	info.path[0].device = 32;
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), IOMMU_EINVAL);
	info.path[0] = (struct iommu_pci_hop){0, 8};
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), IOMMU_EINVAL);
	info.path_length = 0;
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), 0);
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &other), IOMMU_EEXIST);

	assert_ptr_equal(iommu_find_endpoint(f->iommu, 3, 0x0123), endpoint);
	assert_null(iommu_find_endpoint(f->iommu, 2, 0x0123));
	assert_null(iommu_find_endpoint(f->iommu, 3, 0x0124));
	assert_ptr_equal(iommu_endpoint_host_data(endpoint), f);
	assert_int_equal(iommu_endpoint_source_id(endpoint), 0x0123);
	assert_int_equal(strlen(iommu_endpoint_name(endpoint)), IOMMU_NAME_SIZE - 1);
	/* Without a path it is on a root bus. */
	assert_int_equal(endpoint->info.root_bus, 1);
	assert_int_equal(endpoint->info.path_length, 1);
	assert_int_equal(endpoint->info.path[0].device, 4);
	assert_int_equal(endpoint->info.path[0].function, 3);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_null(iommu_find_endpoint(f->iommu, 3, 0x0123));
}

static void a_failed_probe_leaves_nothing(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 8};
	struct recorder *f = *state;
	struct iommu_endpoint *endpoint;
	unsigned int n;

	f->probe = IOMMU_ENOMEM;
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), IOMMU_ENOMEM);
	f->probe = 0;
	for (n = 1; n <= 2; n++) {
		f->test.fail_after = f->test.allocations + n;
		assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), IOMMU_ENOMEM);
		f->test.fail_after = 0;
		assert_null(iommu_find_endpoint(f->iommu, 0, 8));
		assert_int_equal(f->test.hosted.pages_in_use, 1); /* the instance */
	}
}

static void group_ids_are_reused_smallest_first(void **state)
{
	struct recorder *f = *state;
	struct iommu_endpoint *e[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		e[i] = recorder_add(f, (uint16_t)(8 * i));
		assert_int_equal(iommu_group_id(iommu_endpoint_group(e[i])), i);
	}
	assert_int_equal(iommu_release_endpoint(e[2]), 0);
	assert_int_equal(iommu_release_endpoint(e[1]), 0);
	e[2] = recorder_add(f, 0x80);
	assert_int_equal(iommu_group_id(iommu_endpoint_group(e[2])), 1);
	e[1] = recorder_add(f, 0x88);
	assert_int_equal(iommu_group_id(iommu_endpoint_group(e[1])), 2);
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_release_endpoint(e[i]), 0);
}

static void attach_detach_and_what_is_busy(void **state)
{
	struct recorder *f = *state;
	struct iommu_endpoint *endpoint = recorder_add(f, 8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *a = recorder_domain(f, IOMMU_DOMAIN_PAGING),
			    *b = recorder_domain(f, IOMMU_DOMAIN_PAGING);

	assert_null(iommu_group_domain(group));
	assert_int_equal(iommu_domain_detach_group(group), 0); /* nothing to do */
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_int_equal(iommu_domain_attach_group(a, group), 0); /* again: nothing */
	EXPECT_CALLS(f, "attach");
	assert_int_equal(iommu_domain_free(a), IOMMU_EBUSY);
	assert_int_equal(iommu_release_endpoint(endpoint), IOMMU_EBUSY);
	assert_int_equal(iommu_destroy(f->iommu), IOMMU_EBUSY);

	/* Replaced directly, without going through detach. */
	assert_int_equal(iommu_domain_attach_group(b, group), 0);
	EXPECT_CALLS(f, "attach");
	assert_int_equal(iommu_domain_free(a), 0);
	/* A detach that is not confirmed has detached all the same. */
	f->detach = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_ETIMEDOUT);
	assert_null(iommu_group_domain(group));
	f->detach = 0;
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* A group of three: all change, or none does. */
static void a_group_is_attached_whole_or_not_at_all(void **state)
{
	struct recorder *f = *state;
	struct iommu_endpoint *e[3];
	struct iommu_group *group;
	struct iommu_domain *a = recorder_domain(f, IOMMU_DOMAIN_PAGING),
			    *b = recorder_domain(f, IOMMU_DOMAIN_PAGING);
	unsigned int i, failing;

	f->group_key = f;
	for (i = 0; i < 3; i++)
		e[i] = recorder_add(f, (uint16_t)(8 * i));
	group = iommu_endpoint_group(e[0]);
	assert_int_equal(iommu_group_size(group), 3);
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	EXPECT_CALLS(f, "attach attach attach");
	f->attach = IOMMU_ENOSPC;
	for (failing = 1; failing <= 3; failing++) {
		f->attach_from = failing;
		f->attach_failures = 1;
		assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_ENOSPC);
		assert_ptr_equal(iommu_group_domain(group), a);
		for (i = 0; i < 3; i++)
			assert_ptr_equal(e[i]->domain, a);
		assert_int_equal(b->groups, 0);
		f->calls[0] = '\0';
	}
	/* The way back fails, too: such an endpoint is at least blocked. */
	f->attach_from = 3;
	f->attach_failures = 2; /* the third member, and the second one's way back */
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_ENOSPC);
	EXPECT_CALLS(f, "attach attach attach attach detach attach");
	assert_ptr_equal(e[0]->domain, a);
	assert_null(e[1]->domain);
	assert_ptr_equal(e[2]->domain, a);
	/* Attaching again brings it back. */
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	EXPECT_CALLS(f, "attach");
	assert_ptr_equal(e[1]->domain, a);
	assert_int_equal(a->groups, 1);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(a), 0);
	assert_int_equal(iommu_domain_free(b), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(iommu_release_endpoint(e[i]), 0);
}

static void maps_and_unmaps_are_settled_on_every_path(void **state)
{
	struct recorder *f = *state;
	struct recorder *r = f;
	struct iommu_domain *domain = recorder_domain(f, IOMMU_DOMAIN_PAGING);
	uint64_t unmapped;

	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map sync_map");
	r->map_clears = true; /* an empty table gave way */
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map sync sync_map");
	r->map = IOMMU_EEXIST; /* something was visible and was undone */
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_EEXIST);
	EXPECT_CALLS(r, "map sync");
	r->map_clears = false;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_EEXIST);
	EXPECT_CALLS(r, "map");
	r->map = 0;
	r->unmap_clears = true;
	r->sync_map = IOMMU_ETIMEDOUT; /* hardware may not know: taken back */
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "map sync_map unmap sync");
	r->map_clears = true;
	r->sync = IOMMU_EIO;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_EIO);
	EXPECT_CALLS(r, "map sync unmap sync");
	/* Also where taking back fails half way: what came off the table is settled. */
	r->unmap = IOMMU_ENOMEM;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_EIO);
	EXPECT_CALLS(r, "map sync unmap sync");
	r->unmap = 0;

	r->sync = 0;
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	EXPECT_CALLS(r, "unmap sync");
	r->sync = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "unmap sync");
	r->unmap =
		IOMMU_ENOMEM; /* split half way: what was split is settled, the first error told */
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), IOMMU_ENOMEM);
	EXPECT_CALLS(r, "unmap sync");
	r->unmap_clears = false;
	r->unmap = 0;
	/* Nothing to unmap; but what was not confirmed is asked for again, until it is. */
	r->flush_all = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "unmap flush_all");
	r->flush_all = 0;
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), 0);
	EXPECT_CALLS(r, "unmap flush_all");
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), 0);
	EXPECT_CALLS(r, "unmap");
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* The same of one page, where that is one store. */
static void a_page_alone_is_settled_on_every_path(void **state)
{
	struct recorder *r = *state;
	struct iommu_domain *domain = recorder_domain(r, IOMMU_DOMAIN_PAGING);
	uint64_t unmapped = 0;

	r->pages_alone = true;
	r->unmap_clears = true;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map_page sync_map");
	assert_int_equal(iommu_map(domain, 0, 0, 0x2000, 1), 0);
	EXPECT_CALLS(r, "map sync_map");
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	EXPECT_CALLS(r, "unmap_page sync_page");
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, IOMMU_UNMAP_SPLIT, NULL), 0);
	EXPECT_CALLS(r, "unmap_page sync_page");
	assert_int_equal(iommu_unmap(domain, 0, 0x2000, 0, NULL), 0);
	EXPECT_CALLS(r, "unmap sync");

	r->sync_map = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "map_page sync_map unmap sync");
	r->sync_map = 0;
	r->sync = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "unmap_page sync_page");
	/* Not on top of what was not confirmed. */
	r->flush_all = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "map_page flush_all unmap sync");
	r->flush_all = 0;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map_page flush_all sync_map");
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map_page sync_map");
	r->sync = 0;
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* Of maps, hardware is told where, and as soon as, the back end says that it wants to be. */
static void hardware_is_told_of_maps_if_it_wants_to_be(void **state)
{
	static const struct iommu_map_piece piece = {.paddr = 0, .size = 0x1000};
	struct recorder *r = *state;
	struct iommu_domain *domain = recorder_domain(r, IOMMU_DOMAIN_PAGING);
	bool wants = false;

	domain->tells_of_maps = &wants;
	assert_int_equal(iommu_map(domain, 0, 0, 0x2000, 1), 0);
	EXPECT_CALLS(r, "map");
	r->pages_alone = true;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map_page");
	assert_int_equal(iommu_map_sg(domain, 0, &piece, 1, 1, NULL), 0);
	EXPECT_CALLS(r, "map");
	assert_int_equal(iommu_sync_map(domain, 0, 0x1000), 0);
	EXPECT_CALLS(r, "");
	wants = true;
	assert_int_equal(iommu_map(domain, 0, 0, 0x2000, 1), 0);
	EXPECT_CALLS(r, "map sync_map");
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 1), 0);
	EXPECT_CALLS(r, "map_page sync_map");
	assert_int_equal(iommu_map_sg(domain, 0, &piece, 1, 1, NULL), 0);
	EXPECT_CALLS(r, "map sync_map");
	assert_int_equal(iommu_sync_map(domain, 0, 0x1000), 0);
	EXPECT_CALLS(r, "sync_map");
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void pieces_are_mapped_as_one_or_not_at_all(void **state)
{
	static const struct iommu_map_piece pieces[] = {
		{0x10000, 0x1000}, {0x11000, 0x3000}, {0x20000, 0x1000}, {0x21000, 0x1000}};
	static const struct iommu_map_piece wrapping[] = {{0, 0x1000}, {0x1000, UINT64_MAX}};
	struct recorder *r = *state;
	struct iommu_domain *domain = recorder_domain(r, IOMMU_DOMAIN_PAGING);
	struct iommu_domain *identity = recorder_domain(r, IOMMU_DOMAIN_IDENTITY);
	uint64_t mapped = 1;

	assert_int_equal(iommu_map_sg(identity, 0, pieces, 4, 1, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(identity), 0);
	assert_int_equal(iommu_map_sg(domain, 0, pieces, 0, 1, &mapped), IOMMU_EINVAL);
	assert_int_equal(mapped, 0);
	r->calls[0] = '\0';
	assert_int_equal(iommu_map_sg(domain, 0x5000, pieces, 4, 1, &mapped), 0);
	EXPECT_CALLS(r, "map map sync_map"); /* neighbours as one; hardware is told once */
	assert_int_equal(mapped, 0x6000);
	assert_int_equal(r->mapped[0][0], 0x5000);
	assert_int_equal(r->mapped[0][1], 0x4000);
	assert_int_equal(r->mapped[1][0], 0x9000);
	assert_int_equal(r->mapped[1][1], 0x2000);
	/* The second run fails: the first one goes. */
	r->map = IOMMU_ENOMEM;
	r->map_from = 2;
	r->unmap_clears = true;
	assert_int_equal(iommu_map_sg(domain, 0x5000, pieces, 4, 1, &mapped), IOMMU_ENOMEM);
	EXPECT_CALLS(r, "map map unmap sync");
	assert_int_equal(mapped, 0);
	r->map_from = 1;
	assert_int_equal(iommu_map_sg(domain, 0x5000, pieces, 4, 1, NULL), IOMMU_ENOMEM);
	EXPECT_CALLS(r, "map");
	r->map = 0;
	r->sync_map = IOMMU_EIO;
	assert_int_equal(iommu_map_sg(domain, 0x5000, pieces, 4, 1, NULL), IOMMU_EIO);
	EXPECT_CALLS(r, "map map sync_map unmap sync");
	r->sync_map = 0;
	assert_int_equal(iommu_map_sg(domain, 0, wrapping, 2, 1, NULL), IOMMU_EOVERFLOW);
	EXPECT_CALLS(r, "");
	assert_int_equal(iommu_map_sg(domain, UINT64_MAX - 0x3fff, pieces, 4, 1, NULL),
			 IOMMU_EOVERFLOW);
	EXPECT_CALLS(r, "map unmap sync");
	r->sync_map = IOMMU_EIO;
	r->unmap = IOMMU_ENOMEM;
	assert_int_equal(iommu_map_sg(domain, 0x5000, pieces, 4, 1, NULL), IOMMU_EIO);
	EXPECT_CALLS(r, "map map sync_map unmap sync");
	r->sync_map = r->unmap = 0;
	r->unmap_clears = false;
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void hints_go_to_those_who_know_them(void **state)
{
	struct recorder *r = *state;
	struct iommu_domain *domain = recorder_domain(r, IOMMU_DOMAIN_PAGING);
	const unsigned int hints = IOMMU_PROT_HINTS;

	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, IOMMU_PROT_READ | hints), 0);
	assert_int_equal(r->prot, IOMMU_PROT_READ);
	domain->prot_hints = IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC;
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, IOMMU_PROT_READ | hints), 0);
	assert_int_equal(r->prot, IOMMU_PROT_READ | IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC);
	/* An unknown bit is for the back end to refuse. */
	assert_int_equal(iommu_map(domain, 0, 0, 0x1000, 0x80 | IOMMU_PROT_READ), 0);
	assert_int_equal(r->prot, 0x80 | IOMMU_PROT_READ);
	r->calls[0] = '\0';
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void many_ranges_are_invalidated_together(void **state)
{
	struct recorder *r = *state;
	struct iommu_domain *domain = recorder_domain(r, IOMMU_DOMAIN_PAGING);
	struct iommu_gather gather;
	uint64_t unmapped;

	iommu_gather_init(&gather);
	assert_int_equal(iommu_sync_gather(domain, &gather), 0);
	r->unmap_clears = true;
	assert_int_equal(iommu_unmap_gather(domain, 0x1000, 0x1000, 0, &gather, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	assert_int_equal(iommu_unmap_gather(domain, 0x8000, 0x1000, 0, &gather, NULL), 0);
	EXPECT_CALLS(r, "unmap unmap");
	assert_int_equal(gather.start, 0x1000);
	assert_int_equal(gather.last, 0x8fff);
	r->sync = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_sync_gather(domain, &gather), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(r, "sync");
	r->sync = 0;
	assert_true(iommu_gather_is_empty(&gather));
	assert_int_equal(iommu_domain_free(domain), 0);
}

static int stop_at(void *ctx, struct iommu_endpoint *endpoint)
{
	unsigned int *left = ctx;

	assert_non_null(endpoint);
	return --*left == 0 ? 77 : 0;
}

static void members_have_names_and_can_be_visited(void **state)
{
	static const char long_name[] = "a-name-of-thirty-one-characters";
	static const char *const expected[] = {
		"nic",
		"nic.1",
		"0000:00:03.0",
		"nic.2",
		"a-name-of-thirty-one-characters",
		"a-name-of-thirty-one-cha.1",
	};
	struct recorder *r = *state;
	struct iommu_endpoint_info info = {.source_id = 8, .name = "nic"};
	struct iommu_endpoint *e[6];
	unsigned int i, left;

	r->group_key = r;
	for (i = 0; i < 6; i++) {
		info.source_id = (uint16_t)(8 * (i + 1));
		info.name = i == 2 ? NULL : i < 4 ? "nic" : long_name;
		assert_int_equal(iommu_probe_endpoint(r->iommu, &info, &e[i]), 0);
		assert_string_equal(iommu_endpoint_name(e[i]), expected[i]);
	}
	left = 3;
	assert_int_equal(iommu_group_for_each(e[0]->group, stop_at, &left), 77);
	left = 10;
	assert_int_equal(iommu_group_for_each(e[0]->group, stop_at, &left), 0);
	assert_int_equal(left, 4);
	/* A name that is free again is taken again. */
	assert_int_equal(iommu_release_endpoint(e[1]), 0);
	info = (struct iommu_endpoint_info){.source_id = 16, .name = "nic"};
	assert_int_equal(iommu_probe_endpoint(r->iommu, &info, &e[1]), 0);
	assert_string_equal(iommu_endpoint_name(e[1]), "nic.1");
	for (i = 0; i < 6; i++)
		assert_int_equal(iommu_release_endpoint(e[i]), 0);
}

static unsigned int released;

static void release(void *data)
{
	assert_ptr_equal(data, &released);
	released++;
}

static void groups_keep_what_they_are_given(void **state)
{
	struct recorder *r = *state;
	struct iommu_endpoint *one = recorder_add(r, 8), *other = recorder_add(r, 16);
	struct iommu_group *group = iommu_endpoint_group(one);

	released = 0;
	assert_string_equal(iommu_group_name(group), "");
	iommu_group_set_name(group, "slot 1");
	assert_string_equal(iommu_group_name(group), "slot 1");
	assert_null(iommu_group_data(group));
	iommu_group_set_data(group, &released, release);
	assert_ptr_equal(iommu_group_data(group), &released);
	iommu_group_set_data(group, r, NULL);
	assert_int_equal(released, 1);
	iommu_group_set_data(group, &released, release);
	iommu_group_set_unit_data(group, &released, release);
	assert_ptr_equal(iommu_group_unit_data(group), &released);
	assert_ptr_equal(iommu_next_group(r->iommu, NULL), group);
	assert_ptr_equal(iommu_next_group(r->iommu, group), iommu_endpoint_group(other));
	assert_null(iommu_next_group(r->iommu, iommu_endpoint_group(other)));
	assert_ptr_equal(iommu_find_group(r->iommu, 1), iommu_endpoint_group(other));
	assert_null(iommu_find_group(r->iommu, 2));
	iommu_group_hold(group);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(released, 1);
	assert_string_equal(iommu_group_name(group), "slot 1");
	iommu_group_drop(group);
	assert_int_equal(released, 3);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

static void count_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)fault;
	++*(unsigned int *)ctx;
}

static void units_are_enabled_disabled_and_asked(void **state)
{
	struct recorder *f = *state;
	struct iommu_unit *unit = iommu_next_unit(f->iommu, NULL);
	unsigned int faults = 0;
	bool lost = false;

	f->enable = IOMMU_EIO;
	assert_int_equal(iommu_unit_enable(unit), IOMMU_EIO);
	f->enable = 0;
	assert_int_equal(iommu_unit_enable(unit), 0);
	assert_int_equal(iommu_unit_enable(unit), 0);
	EXPECT_CALLS(f, "enable enable");
	f->disable = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_unit_disable(unit), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_destroy(f->iommu), IOMMU_ETIMEDOUT);
	f->disable = 0;
	assert_int_equal(iommu_unit_disable(unit), 0);
	assert_int_equal(iommu_unit_disable(unit), 0);
	/* One that is off is told so again: others may have turned it on. */
	EXPECT_CALLS(f, "disable disable disable disable");

	iommu_set_fault_handler(f->iommu, count_fault, &faults);
	assert_int_equal(iommu_unit_handle_faults(unit, &lost), 1);
	assert_true(lost);
	assert_int_equal(faults, 1);
}

/* A device decides how many faults there are, not how long the log is. */
static void faults_fill_no_log(void **state)
{
	struct recorder *f = *state;
	struct iommu_unit *unit = iommu_next_unit(f->iommu, NULL);
	unsigned int i;

	f->test.quiet = true;
	for (i = 0; i < 1000; i++)
		assert_int_equal(iommu_unit_handle_faults(unit, NULL), 1);
	assert_int_equal(f->test.log_lines, 11);
	f->test.clock_ns += 5000000000;
	assert_int_equal(iommu_unit_handle_faults(unit, NULL), 1);
	assert_int_equal(f->test.log_lines, 12);
	/* Without a clock: so many in all. */
	f->test.platform.now_ns = NULL;
	for (i = 0; i < 1000; i++)
		assert_int_equal(iommu_unit_handle_faults(unit, NULL), 1);
	assert_true(f->test.log_lines <= 23);
}

static void two_instances_know_nothing_of_each_other(void **state)
{
	struct recorder *f = *state;
	struct test_platform other;
	struct iommu *second;

	test_platform_init(&other, 1 << 20, 0x40000000);
	assert_int_equal(iommu_create(&other.platform, &second), 0);
	assert_null(iommu_next_unit(second, NULL));
	assert_non_null(iommu_next_unit(f->iommu, NULL));
	assert_int_equal(iommu_destroy(second), 0);
	test_platform_destroy(&other);
}

static void *no_mutex(void *ctx)
{
	(void)ctx;
	return NULL;
}

static void broken_platforms_are_refused(void **state)
{
	struct recorder *f = *state;
	struct iommu_platform p;
	struct iommu *iommu;

#define REFUSED(field)                                                                             \
	p = f->test.platform;                                                                      \
	p.field = NULL;                                                                            \
	assert_int_equal(iommu_create(&p, &iommu), IOMMU_EINVAL)
#define HALF_A_PAIR(field, value)                                                                  \
	p = f->test.platform;                                                                      \
	p.field = value;                                                                           \
	assert_int_equal(iommu_create(&p, &iommu), IOMMU_EINVAL)
	assert_int_equal(iommu_create(NULL, &iommu), IOMMU_EINVAL);
	REFUSED(alloc_pages);
	REFUSED(free_pages);
	HALF_A_PAIR(phys_to_virt, (void *(*)(void *, iommu_paddr_t))(uintptr_t)1);
	HALF_A_PAIR(cpu_id, (unsigned int (*)(void *))(uintptr_t)1);
	HALF_A_PAIR(irq_save, NULL);
	HALF_A_PAIR(mmio_read32, (uint32_t(*)(void *, const volatile void *))(uintptr_t)1);
	REFUSED(mutex_create);
	REFUSED(mutex_lock);
	HALF_A_PAIR(map_mmio, (void *(*)(void *, iommu_paddr_t, uint64_t))(uintptr_t)1);
	f->test.fail_after = 1;
	assert_int_equal(iommu_create(&f->test.platform, &iommu), IOMMU_ENOMEM);
	f->test.fail_after = 0;
	/* What a host refuses leaves no page behind: the end looks for them. */
	p = f->test.platform;
	p.mutex_create = no_mutex;
	assert_int_equal(iommu_create(&p, &iommu), IOMMU_ENOMEM);
}

static void a_groups_regions_are_merged(void **state)
{
	static const struct iommu_region regions[] = {
		{0x9000, 0x9fff, IOMMU_REGION_MSI, 0},
		{0x1000, 0x1fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ},
		{0x3000, 0x3fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ},
		{0x2000, 0x2fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ}, /* closes a gap */
		{0x4000, 0x5fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ_WRITE},
		{0x5000, 0x6fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ}, /* overlaps */
		{0x3000, 0x3fff, IOMMU_REGION_RESERVED, 0},
		{0x3000, 0x3fff, IOMMU_REGION_RESERVED, 0},
		{0xfffffffffffff000, UINT64_MAX, IOMMU_REGION_RESERVED, 0},
		{0, 0xfff, IOMMU_REGION_RESERVED, 0}, /* no neighbour of the last page */
	};
	static const struct iommu_region merged[] = {
		{0x1000, 0x3fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ},
		{0x4000, 0x6fff, IOMMU_REGION_DIRECT, IOMMU_PROT_READ_WRITE},
		{0, 0xfff, IOMMU_REGION_RESERVED, 0},
		{0x3000, 0x3fff, IOMMU_REGION_RESERVED, 0},
		{0xfffffffffffff000, UINT64_MAX, IOMMU_REGION_RESERVED, 0},
		{0x9000, 0x9fff, IOMMU_REGION_MSI, 0},
	};
	struct recorder *f = *state;
	struct iommu_endpoint *endpoint = recorder_add(f, 8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_region result[10];
	unsigned int count = 10;
	unsigned int i;

	assert_int_equal(iommu_group_get_regions(group, NULL, 0, &count), 0);
	assert_int_equal(count, 0);
	f->regions = regions;
	f->region_count = 10;
	assert_int_equal(iommu_group_get_regions(group, result, 10, &count), 0);
	assert_int_equal(count, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(result[i].start, merged[i].start);
		assert_int_equal(result[i].last, merged[i].last);
		assert_int_equal(result[i].type, merged[i].type);
		assert_int_equal(result[i].prot, merged[i].prot);
	}
	assert_int_equal(iommu_group_get_regions(group, result, 5, &count), IOMMU_ENOSPC);
	assert_int_equal(count, 0);
	f->region_count = 0;
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* Against a map of single pages. */
static void regions_cover_just_what_they_did(void **state)
{
	enum {
		PAGES = 40,
		COUNT = 12
	};
	struct recorder *f = *state;
	struct iommu_endpoint *endpoint = recorder_add(f, 8);
	struct test_random random = {.state = 11};
	struct iommu_region regions[COUNT], result[COUNT];
	unsigned int round, i, page, count;

	f->regions = regions;
	for (round = 0; round < 2000; round++) {
		bool wanted[5][PAGES] = {{false}};
		bool got[5][PAGES] = {{false}};

		for (i = 0; i < COUNT; i++) {
			const unsigned int first = (unsigned int)test_random_below(&random, PAGES);
			const unsigned int pages = 1 + (unsigned int)test_random_below(&random, 4);
			const unsigned int type = (unsigned int)test_random_below(&random, 5);
			const unsigned int last = first + pages > PAGES ? PAGES : first + pages;

			regions[i] = (struct iommu_region){first * 4096ULL, last * 4096ULL - 1,
							   (enum iommu_region_type)type, 0};
			for (page = first; page < last; page++)
				wanted[type][page] = true;
		}
		f->region_count = COUNT;
		assert_int_equal(iommu_group_get_regions(iommu_endpoint_group(endpoint), result,
							 COUNT, &count),
				 0);
		for (i = 0; i < count; i++) {
			/* Of one type they are in order, with a gap between them. */
			if (i > 0 && result[i].type == result[i - 1].type)
				assert_true(result[i].start > result[i - 1].last + 1);
			if (i > 0)
				assert_true(result[i].type >= result[i - 1].type);
			for (page = (unsigned int)(result[i].start / 4096);
			     page <= result[i].last / 4096; page++)
				got[result[i].type][page] = true;
		}
		assert_memory_equal(got, wanted, sizeof(got));
	}
	f->region_count = 0;
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_FIXTURE(the_surest_unit_gets_the_endpoint),
		WITH_FIXTURE(endpoints_are_checked_and_found),
		WITH_FIXTURE(a_failed_probe_leaves_nothing),
		WITH_FIXTURE(group_ids_are_reused_smallest_first),
		WITH_FIXTURE(attach_detach_and_what_is_busy),
		WITH_FIXTURE(a_group_is_attached_whole_or_not_at_all),
		WITH_FIXTURE(maps_and_unmaps_are_settled_on_every_path),
		WITH_FIXTURE(a_page_alone_is_settled_on_every_path),
		WITH_FIXTURE(hardware_is_told_of_maps_if_it_wants_to_be),
		WITH_FIXTURE(pieces_are_mapped_as_one_or_not_at_all),
		WITH_FIXTURE(hints_go_to_those_who_know_them),
		WITH_FIXTURE(many_ranges_are_invalidated_together),
		WITH_FIXTURE(members_have_names_and_can_be_visited),
		WITH_FIXTURE(groups_keep_what_they_are_given),
		WITH_FIXTURE(units_are_enabled_disabled_and_asked),
		WITH_FIXTURE(faults_fill_no_log),
		WITH_FIXTURE(two_instances_know_nothing_of_each_other),
		WITH_FIXTURE(broken_platforms_are_refused),
		WITH_FIXTURE(a_groups_regions_are_merged),
		WITH_FIXTURE(regions_cover_just_what_they_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
