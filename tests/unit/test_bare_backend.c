/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end, and a host, that have nothing but what they must have: each call whose function is
 * missing says so by the status that its header has for that, or has nothing to do; and arguments
 * at the edge of what the core's calls take.
 */
#include <string.h>

#include <libiommu/counters.h>
#include <libiommu/eeh.h>
#include <libiommu/window.h>

#include "recorder.h"
#include "test.h"

static struct recorder r;
/* The recorder's functions, but for those that a back end need not have. */
static struct iommu_ops bare;
static struct iommu_domain_ops bare_domain;

static int setup(void **state)
{
	(void)state;
	recorder_init(&r);
	r.has_tlbs = r.has_pasids = r.has_dirty = true;
	r.group_key = &r;
	bare = *r.units[0].base.ops;
	bare.confirm = NULL;
	bare.capable = NULL;
	bare.set_feature = NULL;
	bare.page_response = NULL;
	bare.default_type = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_destroy(&r);
	return 0;
}

static void use_bare_units(void)
{
	for (unsigned int i = 0; i < RECORDER_UNITS; i++)
		r.units[i].base.ops = &bare;
}

static struct iommu_endpoint *add(uint16_t source_id)
{
	return recorder_add_capable(&r, source_id);
}

/* --- Units ------------------------------------------------------------------------------------ */

static void units_need_not_do_more(void **state)
{
	struct iommu_counters_info info = {.counters = 77};
	struct iommu_counter_config counted = {0};
	struct iommu_hardware_info hardware;
	struct iommu_endpoint *endpoint;
	struct iommu_freeze freeze;
	struct iommu_group *group;
	struct iommu_unit *unit;
	unsigned int counter = 77;
	unsigned char data[8];
	size_t length;

	(void)state;
	use_bare_units();
	endpoint = add(8);
	group = iommu_endpoint_group(endpoint);
	unit = iommu_endpoint_unit(endpoint);
	for (unsigned int i = 0; i < 16; i++)
		assert_false(iommu_capable(endpoint, (enum iommu_capability)i));
	assert_int_equal(iommu_unit_get_hardware_info(unit, &hardware), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_get_counters(unit, &info), IOMMU_EOPNOTSUPP);
	assert_int_equal(info.counters, 77);
	assert_int_equal(iommu_counter_alloc(unit, &counted, &counter), IOMMU_EOPNOTSUPP);
	assert_int_equal(counter, 77);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_get_diagnostics(group, data, sizeof(data), &length),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_check_freezes(unit), IOMMU_EOPNOTSUPP);
	assert_false(iommu_endpoint_is_lost(endpoint));
	/* Without a member there is no unit to ask. */
	iommu_group_hold(group);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_ENODEV);
	assert_int_equal(iommu_group_get_diagnostics(group, data, sizeof(data), &length),
			 IOMMU_ENODEV);
	iommu_group_drop(group);
}

/* Nothing is open where nothing says so: what is detached is detached. */
static void nothing_is_confirmed_where_nothing_is_open(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	use_bare_units();
	endpoint = add(8);
	group = iommu_endpoint_group(endpoint);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_unit_enable(&r.units[0].base), 0);
	r.calls[0] = '\0';
	r.confirm = IOMMU_ETIMEDOUT; /* it would, if it were asked */
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	EXPECT_CALLS(&r, "attach");
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	EXPECT_CALLS(&r, "detach");
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* ATS is the device's affair; all else needs the back end. */
static void features_need_a_back_end(void **state)
{
	const struct iommu_page_request request = {.prot = IOMMU_PROT_READ, .is_last = true};
	struct iommu_endpoint *endpoint;

	(void)state;
	use_bare_units();
	endpoint = add(8);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_endpoint_features(endpoint), IOMMU_FEATURE_ATS);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_report_page_request(r.iommu, 0, 8, &request), IOMMU_ENODEV);
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_endpoint_features(endpoint), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Resets ----------------------------------------------------------------------------------- */

static void resets_are_nested_so_deep(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	use_bare_units();
	endpoint = add(8);
	group = iommu_endpoint_group(endpoint);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_endpoint_reset_end(endpoint), IOMMU_EINVAL);
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), 0);
	EXPECT_CALLS(&r, "detach");
	assert_int_equal(iommu_endpoint_was_reset(endpoint), IOMMU_EBUSY);
	endpoint->resets = UINT32_MAX - 1;
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), 0);
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), IOMMU_EBUSY);
	assert_int_equal(endpoint->resets, UINT32_MAX);
	assert_int_equal(iommu_endpoint_reset_end(endpoint), 0);
	assert_true(iommu_endpoint_is_in_reset(endpoint));
	EXPECT_CALLS(&r, "");
	endpoint->resets = 1;
	assert_int_equal(iommu_endpoint_reset_end(endpoint), 0);
	assert_false(iommu_endpoint_is_in_reset(endpoint));
	EXPECT_CALLS(&r, "attach");
	/* A reset that cannot begin: the group's domain is given back. */
	r.detach = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), IOMMU_ETIMEDOUT);
	r.detach = 0;
	EXPECT_CALLS(&r, "detach attach");
	assert_false(iommu_endpoint_is_in_reset(endpoint));
	/* One that nothing is told of before. */
	assert_int_equal(iommu_endpoint_was_reset(endpoint), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Domains ---------------------------------------------------------------------------------- */

static struct iommu_domain *bare_domain_of(enum iommu_domain_type type)
{
	struct iommu_domain *domain = recorder_domain(&r, type);

	bare_domain = *domain->ops;
	bare_domain.attach_pasid = NULL;
	bare_domain.detach_pasid = NULL;
	bare_domain.flush_all = NULL;
	bare_domain.set_dirty_tracking = NULL;
	bare_domain.read_dirty = NULL;
	bare_domain.note_written = NULL;
	bare_domain.invalidate_user = NULL;
	domain->ops = &bare_domain;
	return domain;
}

static void domains_need_not_do_more(void **state)
{
	struct iommu_domain *domain = bare_domain_of(IOMMU_DOMAIN_PAGING);
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = 0x1000, .bits = 8, .page_shift = 12};
	struct iommu_window_limits limits;
	struct iommu_pasid_handle handle;
	struct iommu_endpoint *endpoint = add(8);
	unsigned int done = 77;

	(void)state;
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_read_dirty(domain, 0x1000, 0x1000, 0, &bitmap),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_split(domain, 0, 0x200000, 0x1000), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_invalidate_user(domain, &word, 8, 1, &done),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(done, 0);
	assert_int_equal(iommu_domain_invalidate_range(domain, 0, 0x1000), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_window_get_limits(domain, &limits), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(
		iommu_domain_attach_pasid(domain, iommu_endpoint_group(endpoint), 3, &handle),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(word, 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* --- Arguments -------------------------------------------------------------------------------- */

/* Regions and memory are whole pages, of a type and permissions that there are. */
static void regions_and_memory_are_checked(void **state)
{
	static const struct iommu_region wrong[] = {
		{.start = 0x2000, .last = 0xfff, .type = IOMMU_REGION_RESERVED},
		{.start = 0x1800, .last = 0x1fff, .type = IOMMU_REGION_RESERVED},
		{.start = 0x1000, .last = 0x1ffe, .type = IOMMU_REGION_RESERVED},
		{.start = 0x1000, .last = 0x1fff, .type = (enum iommu_region_type)99},
		{.start = 0x1000, .last = 0x1fff, .type = IOMMU_REGION_DIRECT},
		{.start = 0x1000, .last = 0x1fff, .type = IOMMU_REGION_DIRECT, .prot = 4},
		{.start = 0x1000, .last = 0x1fff, .type = IOMMU_REGION_DIRECT, .prot = 7},
		{.start = 0x1000, .last = 0x1fff, .type = IOMMU_REGION_DIRECT_RELAXABLE, .prot = 5},
	};
	static const iommu_paddr_t ranges[][2] = {
		{0x2000, 0x1fff}, {0x1001, 0x1fff}, {0x1000, 0x1ffe}};
	struct iommu_region found;
	struct iommu_endpoint *endpoint;
	unsigned int cursor = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(iommu_add_region(r.iommu, 0, 8, &wrong[i]), IOMMU_EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(iommu_add_memory(r.iommu, ranges[i][0], ranges[i][1]),
				 IOMMU_EINVAL);
		assert_int_not_equal(iommu_remove_memory(r.iommu, ranges[i][0], ranges[i][1]), 0);
	}
	endpoint = add(8);
	assert_false(iommu_endpoint_next_region(endpoint, &cursor, &found));
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	/* One that can be is the endpoint's of that id, and may not come later. */
	found = wrong[5];
	found.prot = IOMMU_PROT_READ;
	assert_int_equal(iommu_add_region(r.iommu, 0, 8, &found), 0);
	endpoint = add(8);
	cursor = 0;
	assert_true(iommu_endpoint_next_region(endpoint, &cursor, &found));
	assert_true(found.start == 0x1000 && found.prot == IOMMU_PROT_READ);
	assert_int_equal(iommu_add_region(r.iommu, 0, 8, &found), IOMMU_EBUSY);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void descriptions_of_devices_are_checked(void **state)
{
	static const struct iommu_fwspec many = {.id_count = IOMMU_FWSPEC_IDS_MAX + 1};
	static const struct {
		struct iommu_endpoint_info info;
		const char *field;
	} wrong[] = {
		{{.phantom_bits = 4}, "phantom_bits"},
		{{.tlb_queue_depth = 32}, "tlb_queue_depth"},
		{{.path_length = IOMMU_PCI_PATH_MAX + 1}, "path_length"},
		{{.path_length = 1, .path = {{.device = 32}}}, "path has a device"},
		{{.path_length = 1, .path = {{.function = 8}}}, "path has a device"},
		{{.fwspec = &many}, "id_count"},
	};
	struct iommu_endpoint *endpoint = NULL;

	(void)state;
	r.calls[0] = '\0';
	assert_int_equal(iommu_probe_endpoint(r.iommu, NULL, &endpoint), IOMMU_EINVAL);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(iommu_probe_endpoint(r.iommu, &wrong[i].info, &endpoint),
				 IOMMU_EINVAL);
		assert_non_null(strstr(iommu_reason(r.iommu), wrong[i].field));
	}
	assert_null(endpoint);
	EXPECT_CALLS(&r, "");
}

static unsigned int told;

static void note_requests(void *ctx, struct iommu_endpoint *endpoint,
			  const struct iommu_page_request *requests, unsigned int count)
{
	assert_ptr_equal(ctx, &r);
	(void)endpoint;
	(void)requests;
	told += count;
}

/* Without a clock no request is ever late; what has no permission, or another, is refused. */
static void page_requests_are_checked_and_never_late(void **state)
{
	struct iommu_page_request request = {
		.address = 0x1000, .prot = IOMMU_PROT_READ, .group = 5, .is_last = true};
	struct iommu_page_response response = {.group = 5,
					       .code = (enum iommu_page_response_code)3};
	struct iommu_endpoint *endpoint = add(8);

	(void)state;
	told = 0;
	r.test.platform.now_ns = NULL;
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS), 0);
	iommu_endpoint_set_request_handler(endpoint, note_requests, &r);
	assert_int_equal(iommu_report_page_request(r.iommu, 0, 8, &request), 0);
	assert_int_equal(told, 1);
	iommu_endpoint_tick_page_requests(endpoint, 0);
	assert_int_equal(r.response_count, 0);
	assert_int_equal(iommu_page_respond(endpoint, &response), IOMMU_EINVAL);
	assert_int_equal(r.response_count, 0);
	response.code = IOMMU_PAGE_SUCCESS;
	assert_int_equal(iommu_page_respond(endpoint, &response), 0);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(r.responses[0].code, IOMMU_PAGE_SUCCESS);
	for (unsigned int i = 0; i < 2; i++) {
		/* The answer is for the group, with its last. */
		request.prot = i == 0 ? 0 : 5;
		request.is_last = false;
		assert_int_equal(iommu_report_page_request(r.iommu, 0, 8, &request), IOMMU_EINVAL);
		assert_int_equal(r.response_count, 1 + i);
		request.is_last = true;
		request.prot = IOMMU_PROT_READ;
		assert_int_equal(iommu_report_page_request(r.iommu, 0, 8, &request), IOMMU_EINVAL);
		assert_int_equal(r.response_count, 2 + i);
		assert_int_equal(r.responses[1 + i].code, IOMMU_PAGE_FAILURE);
	}
	assert_int_equal(told, 1);
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS), 0);
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* A unit's own PASID stays while a domain is attached to it; those of other units do not count. */
static void pasids_of_a_unit_are_freed_when_unused(void **state)
{
	struct iommu_pasid_handle handle;
	struct iommu_endpoint *endpoint = add(8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	struct iommu_unit *unit = iommu_endpoint_unit(endpoint);
	struct iommu_unit *other = &r.units[unit == &r.units[0].base].base;
	struct iommu_domain *domain;
	uint32_t pasid = 0;

	(void)state;
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_unit_set_pasid_range(unit, 4, 7), 0);
	assert_int_equal(iommu_unit_set_pasid_range(other, 8, 11), 0);
	assert_int_equal(iommu_unit_pasid_alloc(unit, &pasid), 0);
	assert_int_equal(pasid, 4);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, group, 4, &handle), 0);
	assert_int_equal(iommu_unit_pasid_free(unit, 4), IOMMU_EBUSY);
	assert_int_equal(iommu_unit_pasid_free(unit, 5), IOMMU_ENOENT);
	assert_int_equal(iommu_unit_pasid_free(other, 8), IOMMU_ENOENT);
	assert_int_equal(iommu_domain_detach_pasid(group, 4), 0);
	assert_int_equal(iommu_unit_pasid_free(unit, 4), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void routes_are_within_an_instance(void **state)
{
	static struct recorder second;
	const struct iommu_endpoint_info info = {.source_id = 8, .physical_function = 8};
	enum iommu_pci_route route = IOMMU_PCI_ROUTE_UNKNOWN;
	struct iommu_endpoint *endpoint = add(8), *other = NULL;

	(void)state;
	recorder_init(&second);
	assert_int_equal(iommu_probe_endpoint(second.iommu, &info, &other), 0);
	assert_int_equal(iommu_find_route(endpoint, other, &route), IOMMU_EINVAL);
	assert_int_equal(route, IOMMU_PCI_ROUTE_UNKNOWN);
	assert_int_equal(iommu_release_endpoint(other), 0);
	recorder_destroy(&second);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- What is not confirmed -------------------------------------------------------------------- */

/* A map without its sync has removed a table, and that is not confirmed: the map is taken back. */
static void a_map_that_clears_is_confirmed(void **state)
{
	struct iommu_domain *domain;

	(void)state;
	r.has_pasids = r.has_dirty = false;
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	r.tracks = true;
	r.calls[0] = '\0';
	r.map_clears = true;
	assert_int_equal(iommu_map_nosync(domain, 0x4000, 0x9000, 0x2000, IOMMU_PROT_READ_WRITE),
			 0);
	assert_int_equal(recorder_pages(domain), 3 << 4);
	r.sync = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_map_nosync(domain, 0x8000, 0x9000, 0x2000, IOMMU_PROT_READ_WRITE),
			 IOMMU_ETIMEDOUT);
	assert_int_equal(recorder_pages(domain), 3 << 4);
	r.sync = 0;
	r.map_clears = false;
	assert_int_equal(iommu_unmap(domain, 0x4000, 0x2000, 0, NULL), 0);
	assert_int_equal(recorder_pages(domain), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* One that sleeps is not put to sleep again; it wakes with what was on. */
static void units_sleep_once(void **state)
{
	struct iommu_endpoint *endpoint;

	(void)state;
	endpoint = add(8);
	assert_int_equal(iommu_unit_enable(&r.units[0].base), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_suspend(r.iommu), 0);
	EXPECT_CALLS(&r, "disable");
	assert_int_equal(iommu_suspend(r.iommu), 0);
	EXPECT_CALLS(&r, "");
	/* What cannot wake is not enabled either, and is tried again. */
	r.enable = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_unit_enable(&r.units[0].base), IOMMU_ETIMEDOUT);
	assert_false(iommu_unit_is_enabled(&r.units[0].base));
	r.enable = 0;
	r.calls[0] = '\0';
	assert_int_equal(iommu_resume(r.iommu), 0);
	EXPECT_CALLS(&r, "enable");
	assert_true(iommu_unit_is_enabled(&r.units[0].base));
	r.calls[0] = '\0';
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static int stays(void *data)
{
	assert_ptr_equal(data, &r);
	return IOMMU_EBUSY;
}

/* The data of a layer above keep a default domain: the group's type stays. */
static void a_default_domain_in_use_stays(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct iommu_domain *domain;

	(void)state;
	r.shared_identity = false;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	endpoint = add(8);
	group = iommu_endpoint_group(endpoint);
	domain = endpoint->domain;
	assert_non_null(domain);
	assert_int_equal(iommu_group_default_type(group), IOMMU_DOMAIN_DMA);
	domain->data = &r;
	domain->release_data = stays;
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), IOMMU_EBUSY);
	assert_int_equal(iommu_group_default_type(group), IOMMU_DOMAIN_DMA);
	assert_ptr_equal(endpoint->domain, domain);
	domain->release_data = NULL;
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), 0);
	assert_null(endpoint->domain);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* The first page of all is a region's like any other. */
static void a_region_may_begin_at_0(void **state)
{
	const struct iommu_region region = {
		.start = 0, .last = 0x1fff, .type = IOMMU_REGION_RESERVED};
	struct iommu_region found = {.start = 77};
	struct iommu_endpoint *endpoint;
	unsigned int cursor = 0;

	(void)state;
	assert_int_equal(iommu_add_region(r.iommu, 0, 8, &region), 0);
	endpoint = add(8);
	assert_true(iommu_endpoint_next_region(endpoint, &cursor, &found));
	assert_true(found.start == 0 && found.last == 0x1fff);
	assert_false(iommu_endpoint_next_region(endpoint, &cursor, &found));
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* An id that the topology names twice is one alias; its own is none. */
static void aliases_are_counted_once(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = 16, .alias_count = 3, .aliases = {24, 24, 16}}};
	const struct iommu_pci_topology topology = {functions, 1};
	struct iommu_endpoint *endpoint;

	(void)state;
	r.group_key = NULL;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	endpoint = add(16);
	assert_int_equal(endpoint->alias_count, 1);
	assert_int_equal(endpoint->aliases[0]->info.source_id, 24);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(units_need_not_do_more),
		TEST(nothing_is_confirmed_where_nothing_is_open),
		TEST(features_need_a_back_end),
		TEST(resets_are_nested_so_deep),
		TEST(domains_need_not_do_more),
		TEST(a_region_may_begin_at_0),
		TEST(aliases_are_counted_once),
		TEST(a_map_that_clears_is_confirmed),
		TEST(units_sleep_once),
		TEST(a_default_domain_in_use_stays),
		TEST(regions_and_memory_are_checked),
		TEST(descriptions_of_devices_are_checked),
		TEST(page_requests_are_checked_and_never_late),
		TEST(pasids_of_a_unit_are_freed_when_unused),
		TEST(routes_are_within_an_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
