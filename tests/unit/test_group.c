/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core above a back end that records what it is asked: finding units, groups, attach and its
 * rollback, and that the map path settles what the back end cleared on every path.
 */
#include <string.h>

#include <libiommu/ops.h>
#include <libiommu/status.h>

#include "group/group.h"
#include "test.h"
#include "test_platform.h"

struct recording_domain {
	struct iommu_domain base;
	struct recorder *recorder;
};

struct recording_unit {
	struct iommu_unit base;
	struct recorder *recorder;
	enum iommu_match match;
};

struct recorder {
	struct recording_unit units[2];
	char calls[512];
	/* What the next call of each kind answers. */
	int probe, attach, detach, map, unmap, sync, sync_map, enable, disable;
	/* The attaches from this one on, counted from 1, answer `attach`, so many of them. */
	unsigned int attach_from, attach_failures;
	bool map_clears, unmap_clears; /* put something on the gather */
	unsigned int alive;            /* domains */
	const struct iommu_region *regions;
	unsigned int region_count;
};

static void record(struct recorder *r, const char *call)
{
	if (r->calls[0] != '\0')
		strcat(r->calls, " ");
	strcat(r->calls, call);
}

#define EXPECT_CALLS(r, expected)                                                                  \
	do {                                                                                       \
		assert_string_equal((r)->calls, expected);                                         \
		(r)->calls[0] = '\0';                                                              \
	} while (0)

static struct recorder *recorder_of(struct iommu_unit *unit)
{
	return iommu_container_of(unit, struct recording_unit, base)->recorder;
}

static struct recorder *domain_recorder(struct iommu_domain *domain)
{
	return iommu_container_of(domain, struct recording_domain, base)->recorder;
}

static int domain_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	struct recorder *r = domain_recorder(domain);

	(void)endpoint;
	record(r, "attach");
	if (r->attach_failures == 0 || --r->attach_from != 0)
		return 0;
	r->attach_failures--;
	r->attach_from = 1;
	return r->attach;
}

static int domain_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	record(domain_recorder(domain), "detach");
	return domain_recorder(domain)->detach;
}

static void domain_free(struct iommu_domain *domain)
{
	domain_recorder(domain)->alive--;
	record(domain_recorder(domain), "free");
	free(domain);
}

static int domain_map(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	struct recorder *r = domain_recorder(domain);

	(void)paddr;
	(void)prot;
	record(r, "map");
	if (r->map_clears)
		iommu_gather_add(gather, iova, iova + (size - 1), size);
	*mapped = r->map == 0 ? size : 0;
	return r->map;
}

static int domain_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	struct recorder *r = domain_recorder(domain);

	(void)flags;
	record(r, "unmap");
	if (r->unmap_clears)
		iommu_gather_add(gather, iova, iova + (size - 1), size);
	if (unmapped != NULL)
		*unmapped = r->unmap == 0 ? size : 0;
	return r->unmap;
}

static int domain_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	record(domain_recorder(domain), "sync");
	iommu_gather_init(gather);
	return domain_recorder(domain)->sync;
}

static int domain_sync_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	(void)iova;
	(void)size;
	record(domain_recorder(domain), "sync_map");
	return domain_recorder(domain)->sync_map;
}

static const struct iommu_domain_ops domain_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.free = domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync = domain_sync,
	.sync_map = domain_sync_map,
};

static int unit_enable(struct iommu_unit *unit)
{
	record(recorder_of(unit), "enable");
	return recorder_of(unit)->enable;
}

static int unit_disable(struct iommu_unit *unit)
{
	record(recorder_of(unit), "disable");
	return recorder_of(unit)->disable;
}

static void unit_remove(struct iommu_unit *unit)
{
	record(recorder_of(unit), "remove");
}

static enum iommu_match unit_match(const struct iommu_unit *unit,
				   const struct iommu_endpoint_info *info)
{
	(void)info;
	return iommu_container_of((uintptr_t)unit, struct recording_unit, base)->match;
}

static int unit_probe(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	return recorder_of(unit)->probe;
}

static void unit_release(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	record(recorder_of(unit), "release");
}

static int unit_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			     const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct recording_domain *domain = calloc(1, sizeof(*domain));

	assert_non_null(domain);
	assert_non_null(config);
	(void)type;
	domain->base.ops = &domain_ops;
	domain->base.aperture_last = UINT64_MAX;
	domain->recorder = recorder_of(unit);
	domain->recorder->alive++;
	*result = &domain->base;
	return 0;
}

static int unit_faults(struct iommu_unit *unit, bool *lost)
{
	struct iommu_fault fault = {.unit = unit, .source_id = 0x10, .explanation = "it was tried"};

	*lost = true;
	iommu_report_fault(unit->iommu, &fault);
	return 1;
}

static bool unit_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			     struct iommu_region *region)
{
	const struct recorder *r = recorder_of(endpoint->unit);

	if (*cursor >= r->region_count)
		return false;
	*region = r->regions[(*cursor)++];
	return true;
}

static const struct iommu_ops unit_ops = {
	.name = "recording",
	.enable = unit_enable,
	.disable = unit_disable,
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = unit_probe,
	.release_endpoint = unit_release,
	.domain_alloc = unit_domain_alloc,
	.next_region = unit_next_region,
	.handle_faults = unit_faults,
};

struct fixture {
	struct test_platform test;
	struct recorder recorder;
	struct iommu *iommu;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned int i;

	assert_non_null(f);
	test_platform_init(&f->test, 1 << 20, 0);
	assert_int_equal(iommu_create(&f->test.platform, &f->iommu), 0);
	for (i = 0; i < 2; i++) {
		f->recorder.units[i].recorder = &f->recorder;
		f->recorder.units[i].match = IOMMU_MATCH_REST;
		f->recorder.units[i].base.ops = &unit_ops;
		iommu_register_unit(f->iommu, &f->recorder.units[i].base);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->recorder.alive, 0);
	assert_int_equal(iommu_destroy(f->iommu), 0);
	test_platform_destroy(&f->test);
	free(f);
	return 0;
}

static struct iommu_endpoint *add(struct fixture *f, uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), 0);
	return endpoint;
}

static struct iommu_domain *new_domain(struct fixture *f)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(iommu_next_unit(f->iommu, NULL), IOMMU_DOMAIN_PAGING,
					    NULL, &domain),
			 0);
	return domain;
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
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_endpoint *endpoint;
		int status;

		f->recorder.units[0].match = cases[i].first;
		f->recorder.units[1].match = cases[i].second;
		status = iommu_probe_endpoint(f->iommu, &info, &endpoint);
		assert_int_equal(status, cases[i].winner == 2 ? IOMMU_ENODEV : 0);
		if (status != 0)
			continue;
		assert_ptr_equal(iommu_endpoint_unit(endpoint),
				 &f->recorder.units[cases[i].winner].base);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
	}
}

static void endpoints_are_checked_and_found(void **state)
{
	struct fixture *f = *state;
	struct iommu_endpoint_info info = {
		.name = "a name that is longer than anybody will ever need",
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
	struct fixture *f = *state;
	struct iommu_endpoint *endpoint;
	unsigned int n;

	f->recorder.probe = IOMMU_ENOMEM;
	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), IOMMU_ENOMEM);
	f->recorder.probe = 0;
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
	struct fixture *f = *state;
	struct iommu_endpoint *e[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		e[i] = add(f, (uint16_t)(8 * i));
		assert_int_equal(iommu_group_id(iommu_endpoint_group(e[i])), i);
	}
	assert_int_equal(iommu_release_endpoint(e[2]), 0);
	assert_int_equal(iommu_release_endpoint(e[1]), 0);
	e[2] = add(f, 0x80);
	assert_int_equal(iommu_group_id(iommu_endpoint_group(e[2])), 1);
	e[1] = add(f, 0x88);
	assert_int_equal(iommu_group_id(iommu_endpoint_group(e[1])), 2);
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_release_endpoint(e[i]), 0);
}

static void attach_detach_and_what_is_busy(void **state)
{
	struct fixture *f = *state;
	struct iommu_endpoint *endpoint = add(f, 8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_domain *a = new_domain(f), *b = new_domain(f);

	assert_null(iommu_group_domain(group));
	assert_int_equal(iommu_domain_detach_group(group), 0); /* nothing to do */
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	assert_int_equal(iommu_domain_attach_group(a, group), 0); /* again: nothing */
	EXPECT_CALLS(&f->recorder, "attach");
	assert_int_equal(iommu_domain_free(a), IOMMU_EBUSY);
	assert_int_equal(iommu_release_endpoint(endpoint), IOMMU_EBUSY);
	assert_int_equal(iommu_destroy(f->iommu), IOMMU_EBUSY);

	/* Replaced directly, without going through detach. */
	assert_int_equal(iommu_domain_attach_group(b, group), 0);
	EXPECT_CALLS(&f->recorder, "attach");
	assert_int_equal(iommu_domain_free(a), 0);
	/* A detach that is not confirmed has detached all the same. */
	f->recorder.detach = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_ETIMEDOUT);
	assert_null(iommu_group_domain(group));
	f->recorder.detach = 0;
	assert_int_equal(iommu_domain_free(b), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* A group of three: all change, or none does. */
static void a_group_is_attached_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	struct iommu_endpoint *e[3];
	struct iommu_group *group;
	struct iommu_domain *a = new_domain(f), *b = new_domain(f);
	unsigned int i, failing;

	for (i = 0; i < 3; i++)
		e[i] = add(f, (uint16_t)(8 * i));
	group = iommu_endpoint_group(e[0]);
	for (i = 1; i < 3; i++) {
		struct iommu_group *own = e[i]->group;

		iommu_list_remove(&e[i]->group_link);
		iommu_list_insert(&group->endpoints, &e[i]->group_link);
		e[i]->group = group;
		iommu_group_free(own);
	}
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	EXPECT_CALLS(&f->recorder, "attach attach attach");
	f->recorder.attach = IOMMU_ENOSPC;
	for (failing = 1; failing <= 3; failing++) {
		f->recorder.attach_from = failing;
		f->recorder.attach_failures = 1;
		assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_ENOSPC);
		assert_ptr_equal(iommu_group_domain(group), a);
		for (i = 0; i < 3; i++)
			assert_ptr_equal(e[i]->domain, a);
		assert_int_equal(b->groups, 0);
		f->recorder.calls[0] = '\0';
	}
	/* The way back fails, too: such an endpoint is at least blocked. */
	f->recorder.attach_from = 3;
	f->recorder.attach_failures = 2; /* the third member, and the second one's way back */
	assert_int_equal(iommu_domain_attach_group(b, group), IOMMU_ENOSPC);
	EXPECT_CALLS(&f->recorder, "attach attach attach attach detach attach");
	assert_ptr_equal(e[0]->domain, a);
	assert_null(e[1]->domain);
	assert_ptr_equal(e[2]->domain, a);
	/* Attaching again brings it back. */
	assert_int_equal(iommu_domain_attach_group(a, group), 0);
	EXPECT_CALLS(&f->recorder, "attach");
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
	struct fixture *f = *state;
	struct recorder *r = &f->recorder;
	struct iommu_domain *domain = new_domain(f);
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
	assert_int_equal(iommu_unmap(domain, 0, 0x1000, 0, &unmapped), 0);
	EXPECT_CALLS(r, "unmap");
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void count_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)fault;
	++*(unsigned int *)ctx;
}

static void units_are_enabled_disabled_and_asked(void **state)
{
	struct fixture *f = *state;
	struct iommu_unit *unit = iommu_next_unit(f->iommu, NULL);
	unsigned int faults = 0;
	bool lost = false;

	f->recorder.enable = IOMMU_EIO;
	assert_int_equal(iommu_unit_enable(unit), IOMMU_EIO);
	f->recorder.enable = 0;
	assert_int_equal(iommu_unit_enable(unit), 0);
	assert_int_equal(iommu_unit_enable(unit), 0);
	EXPECT_CALLS(&f->recorder, "enable enable");
	f->recorder.disable = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_unit_disable(unit), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_destroy(f->iommu), IOMMU_ETIMEDOUT);
	f->recorder.disable = 0;
	assert_int_equal(iommu_unit_disable(unit), 0);
	assert_int_equal(iommu_unit_disable(unit), 0);
	EXPECT_CALLS(&f->recorder, "disable disable disable");

	iommu_set_fault_handler(f->iommu, count_fault, &faults);
	assert_int_equal(iommu_unit_handle_faults(unit, &lost), 1);
	assert_true(lost);
	assert_int_equal(faults, 1);
}

static void two_instances_know_nothing_of_each_other(void **state)
{
	struct fixture *f = *state;
	struct test_platform other;
	struct iommu *second;

	test_platform_init(&other, 1 << 20, 0x40000000);
	assert_int_equal(iommu_create(&other.platform, &second), 0);
	assert_null(iommu_next_unit(second, NULL));
	assert_non_null(iommu_next_unit(f->iommu, NULL));
	assert_int_equal(iommu_destroy(second), 0);
	test_platform_destroy(&other);
}

static void broken_platforms_are_refused(void **state)
{
	struct fixture *f = *state;
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
	HALF_A_PAIR(irq_save, (uintptr_t(*)(void *))(uintptr_t)1);
	HALF_A_PAIR(mmio_read32, (uint32_t(*)(void *, const volatile void *))(uintptr_t)1);
	HALF_A_PAIR(map_mmio, (void *(*)(void *, iommu_paddr_t, uint64_t))(uintptr_t)1);
	f->test.fail_after = 1;
	assert_int_equal(iommu_create(&f->test.platform, &iommu), IOMMU_ENOMEM);
	f->test.fail_after = 0;
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
	struct fixture *f = *state;
	struct iommu_endpoint *endpoint = add(f, 8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_region result[10];
	unsigned int count = 10;
	unsigned int i;

	assert_int_equal(iommu_group_regions(group, NULL, 0, &count), 0);
	assert_int_equal(count, 0);
	f->recorder.regions = regions;
	f->recorder.region_count = 10;
	assert_int_equal(iommu_group_regions(group, result, 10, &count), 0);
	assert_int_equal(count, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(result[i].start, merged[i].start);
		assert_int_equal(result[i].last, merged[i].last);
		assert_int_equal(result[i].type, merged[i].type);
		assert_int_equal(result[i].prot, merged[i].prot);
	}
	assert_int_equal(iommu_group_regions(group, result, 5, &count), IOMMU_ENOSPC);
	assert_int_equal(count, 0);
	f->recorder.region_count = 0;
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* Against a map of single pages. */
static void regions_cover_just_what_they_did(void **state)
{
	enum {
		PAGES = 40,
		COUNT = 12
	};
	struct fixture *f = *state;
	struct iommu_endpoint *endpoint = add(f, 8);
	struct test_random random = {.state = 11};
	struct iommu_region regions[COUNT], result[COUNT];
	unsigned int round, i, page, count;

	f->recorder.regions = regions;
	for (round = 0; round < 2000; round++) {
		bool wanted[4][PAGES] = {{false}};
		bool got[4][PAGES] = {{false}};

		for (i = 0; i < COUNT; i++) {
			const unsigned int first = (unsigned int)test_random_below(&random, PAGES);
			const unsigned int pages = 1 + (unsigned int)test_random_below(&random, 4);
			const unsigned int type = (unsigned int)test_random_below(&random, 4);
			const unsigned int last = first + pages > PAGES ? PAGES : first + pages;

			regions[i] = (struct iommu_region){first * 4096ULL, last * 4096ULL - 1,
							   (enum iommu_region_type)type, 0};
			for (page = first; page < last; page++)
				wanted[type][page] = true;
		}
		f->recorder.region_count = COUNT;
		assert_int_equal(
			iommu_group_regions(iommu_endpoint_group(endpoint), result, COUNT, &count),
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
	f->recorder.region_count = 0;
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
		WITH_FIXTURE(units_are_enabled_disabled_and_asked),
		WITH_FIXTURE(two_instances_know_nothing_of_each_other),
		WITH_FIXTURE(broken_platforms_are_refused),
		WITH_FIXTURE(a_groups_regions_are_merged),
		WITH_FIXTURE(regions_cover_just_what_they_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
