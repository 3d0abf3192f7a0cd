/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Features of devices beyond DMA: their order, PASIDs, page requests; and the calls of domains that
 * need a back end with support.
 */
#include <string.h>

#include <libiommu/counters.h>
#include <libiommu/eeh.h>
#include <libiommu/iommu.h>
#include <libiommu/vtd.h>
#include <libiommu/vtd_interrupt.h>

#include "recorder.h"
#include "test.h"

static struct recorder r;

static int setup(void **state)
{
	(void)state;
	recorder_init(&r);
	r.has_tlbs = r.has_pasids = r.has_dirty = true;
	r.group_key = &r;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_destroy(&r);
	return 0;
}

static struct iommu_endpoint *add(uint16_t source_id)
{
	return recorder_add_capable(&r, source_id);
}

/* --- Features --------------------------------------------------------------------------------- */

static void features_keep_their_order(void **state)
{
	struct iommu_endpoint *e = add(8);

	(void)state;
#define ON(feature)  iommu_endpoint_enable_feature(e, IOMMU_FEATURE_##feature)
#define OFF(feature) iommu_endpoint_disable_feature(e, IOMMU_FEATURE_##feature)
	assert_int_equal(ON(PAGE_REQUESTS), IOMMU_EBUSY); /* without ATS */
	assert_int_equal(ON(ATS), 0);
	assert_int_equal(ON(ATS), 0);
	assert_int_equal(ON(PASID), IOMMU_EBUSY); /* not while ATS is on */
	assert_int_equal(OFF(ATS), 0);
	assert_int_equal(ON(PASID), 0);
	assert_int_equal(ON(ATS), 0);
	assert_int_equal(ON(PAGE_REQUESTS), 0);
	assert_int_equal(iommu_endpoint_features(e), 7);
	assert_int_equal(OFF(PASID), IOMMU_EBUSY);
	assert_int_equal(OFF(ATS), IOMMU_EBUSY);
	assert_int_equal(OFF(PAGE_REQUESTS), 0);
	assert_int_equal(OFF(PAGE_REQUESTS), 0);
	assert_int_equal(OFF(ATS), 0);
	assert_int_equal(OFF(PASID), 0);
	EXPECT_CALLS(&r,
		     "ats-on ats-off pasid-on ats-on requests-on requests-off ats-off pasid-off");
	assert_int_equal(iommu_endpoint_enable_feature(e, (enum iommu_feature)8), IOMMU_EINVAL);
	assert_int_equal(iommu_endpoint_disable_feature(e, (enum iommu_feature)3), IOMMU_EINVAL);
	assert_true(iommu_capable(e, IOMMU_CAPABLE_PASID));
	assert_false(iommu_capable(e, IOMMU_CAPABLE_DIRTY_TRACKING));
	/* What is on when it goes is turned off in order. */
	assert_int_equal(ON(PASID), 0);
	assert_int_equal(ON(ATS), 0);
	assert_int_equal(ON(PAGE_REQUESTS), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_release_endpoint(e), 0);
	EXPECT_CALLS(&r, "requests-off ats-off pasid-off release");
}

/* A request that it says is translated would be believed. */
static void untrusted_devices_have_no_translations_of_their_own(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 8,
						 .device_tlb = true,
						 .untrusted = true,
						 .max_pasids = 16,
						 .page_requests = 4};
	static const struct iommu_pci_function functions[] = {
		{.devfn = 8},
		{.devfn = 16, .alias_count = 1, .aliases = {8}},
	};
	const struct iommu_pci_topology topology = {functions, 2};
	struct iommu_endpoint *e, *other;

	(void)state;
	assert_int_equal(iommu_probe_endpoint(r.iommu, &info, &e), 0);
	assert_false(iommu_endpoint_uses_device_tlb(e));
	assert_int_equal(ON(ATS), IOMMU_EPERM);
	assert_int_equal(ON(PAGE_REQUESTS), IOMMU_EPERM);
	assert_int_equal(ON(PASID), 0);
	EXPECT_CALLS(&r, "pasid-on");
	assert_int_equal(iommu_release_endpoint(e), 0);
	/* Nor may it use the id of a device that has. */
	r.group_key = NULL;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	e = add(8);
	assert_true(iommu_endpoint_uses_device_tlb(e));
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu,
				 &(struct iommu_endpoint_info){.source_id = 16, .untrusted = true},
				 &other),
			 IOMMU_EBUSY);
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu, &(struct iommu_endpoint_info){.source_id = 16}, &other),
			 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_release_endpoint(e), 0);
}

static void features_that_are_not_there_or_fail(void **state)
{
	const struct iommu_endpoint_info plain = {.source_id = 8};
	struct iommu_endpoint *e;
	size_t pages;

	(void)state;
	assert_int_equal(iommu_probe_endpoint(r.iommu, &plain, &e), 0);
	assert_int_equal(ON(ATS), IOMMU_EOPNOTSUPP);
	assert_int_equal(ON(PASID), IOMMU_EOPNOTSUPP);
	assert_int_equal(ON(PAGE_REQUESTS), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_release_endpoint(e), 0);
	e = add(8);
	r.set_feature = IOMMU_EIO;
	assert_int_equal(ON(ATS), IOMMU_EIO);
	assert_int_equal(iommu_endpoint_features(e), 0);
	r.set_feature = 0;
	assert_int_equal(ON(ATS), 0);
	pages = r.test.hosted.pages_in_use;
	r.test.fail_after = r.test.allocations + 1;
	assert_int_equal(ON(PAGE_REQUESTS), IOMMU_ENOMEM);
	r.test.fail_after = 0;
	r.set_feature = IOMMU_EIO;
	assert_int_equal(ON(PAGE_REQUESTS), IOMMU_EIO);
	r.set_feature = 0;
	assert_int_equal(r.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_endpoint_features(e), IOMMU_FEATURE_ATS);
	assert_int_equal(iommu_release_endpoint(e), 0);
}

/* --- PASIDs ----------------------------------------------------------------------------------- */

static void pasids_are_attached_for_all_or_none(void **state)
{
	struct iommu_pasid_handle first, second, third;
	struct iommu_domain *a, *b;
	struct iommu_endpoint *e[3];
	struct iommu_group *group;
	unsigned int i, failing;

	(void)state;
	for (i = 0; i < 3; i++)
		e[i] = add((uint16_t)(8 + 8 * i));
	group = iommu_endpoint_group(e[0]);
	a = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	b = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_pasid(a, group, 5, &first),
			 IOMMU_EOPNOTSUPP); /* not on */
	assert_int_equal(iommu_domain_attach_pasid(a, group, 16, &first), IOMMU_EOPNOTSUPP);
	for (i = 0; i < 3; i++)
		assert_int_equal(iommu_endpoint_enable_feature(e[i], IOMMU_FEATURE_PASID), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_domain_attach_pasid(a, group, 0, &first), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_pasid(a, group, 16, &first), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_pasid(a, group, 15, &first), 0);
	EXPECT_CALLS(&r, "attach_pasid attach_pasid attach_pasid");
	assert_int_equal(iommu_domain_attach_pasid(a, group, 15, &second), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_replace_pasid(a, group, 14, &second), IOMMU_ENOENT);
	assert_int_equal(iommu_domain_detach_pasid(group, 14), IOMMU_ENOENT);
	assert_ptr_equal(iommu_group_find_pasid(group, 15), &first);
	assert_null(iommu_group_find_pasid(group, 14));
	assert_int_equal(iommu_domain_free(a), IOMMU_EBUSY);
	/* All or none, of a new one and of one that takes another's place. */
	r.attach = IOMMU_ENOSPC;
	for (failing = 1; failing <= 3; failing++) {
		r.attach_from = failing;
		r.attach_failures = 1;
		assert_int_equal(iommu_domain_attach_pasid(b, group, 7, &second), IOMMU_ENOSPC);
		assert_null(iommu_group_find_pasid(group, 7));
		r.attach_from = failing;
		r.attach_failures = 1;
		assert_int_equal(iommu_domain_replace_pasid(b, group, 15, &second), IOMMU_ENOSPC);
		assert_ptr_equal(iommu_group_find_pasid(group, 15), &first);
	}
	EXPECT_CALLS(&r, "attach_pasid replace_pasid "
			 "attach_pasid attach_pasid detach_pasid "
			 "replace_pasid replace_pasid replace_pasid "
			 "attach_pasid attach_pasid attach_pasid detach_pasid detach_pasid "
			 "replace_pasid replace_pasid replace_pasid replace_pasid replace_pasid");
	/* The way back fails, too: that member's requests fault, and it is said. */
	r.test.quiet = true;
	r.test.log_lines = 0;
	r.attach_from = 2;
	r.attach_failures = 2;
	assert_int_equal(iommu_domain_replace_pasid(b, group, 15, &second), IOMMU_ENOSPC);
	EXPECT_CALLS(&r, "replace_pasid replace_pasid replace_pasid detach_pasid");
	assert_int_equal(r.test.log_lines, 1);
	assert_int_equal(iommu_domain_replace_pasid(b, group, 15, &second), 0);
	assert_ptr_equal(iommu_group_find_pasid(group, 15), &second);
	assert_ptr_equal(second.domain, b);
	assert_int_equal(iommu_domain_free(a), 0);
	/* Busy: features, claims, default domains, new members, the last member. */
	assert_int_equal(iommu_endpoint_disable_feature(e[0], IOMMU_FEATURE_PASID), IOMMU_EBUSY);
	assert_int_equal(iommu_group_claim(group, &r), IOMMU_EBUSY);
	assert_int_equal(iommu_use_default_domain(e[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu, &(struct iommu_endpoint_info){.source_id = 64}, &e[0]),
			 IOMMU_EBUSY);
	assert_null(iommu_find_endpoint(r.iommu, 0, 64));
	e[0] = iommu_find_endpoint(r.iommu, 0, 8);
	assert_int_equal(iommu_domain_attach_pasid(b, group, 1, &third), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_release_endpoint(e[1]), 0);
	EXPECT_CALLS(&r, "detach_pasid detach_pasid pasid-off release");
	/* One that is being reset has left its PASIDs before. */
	assert_int_equal(iommu_endpoint_reset_begin(e[2]), 0);
	r.calls[0] = '\0';
	assert_int_equal(iommu_release_endpoint(e[2]), 0);
	assert_null(strstr(r.calls, "detach_pasid"));
	assert_int_equal(iommu_release_endpoint(e[0]), IOMMU_EBUSY);
	r.detach_pasid = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_domain_detach_pasid(group, 15), IOMMU_ETIMEDOUT);
	r.detach_pasid = 0;
	assert_null(iommu_group_find_pasid(group, 15));
	assert_int_equal(iommu_domain_detach_pasid(group, 1), 0);
	assert_int_equal(iommu_release_endpoint(e[0]), 0);
	assert_int_equal(iommu_domain_free(b), 0);
}

static void pasids_need_a_back_end_that_has_them(void **state)
{
	struct iommu_pasid_handle handle;
	struct iommu_domain *domain;
	struct iommu_endpoint *e = add(8);

	(void)state;
	r.has_pasids = r.has_dirty = false;
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_pasid(domain, iommu_endpoint_group(e), 1, &handle),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(e), 0);
}

/* --- Page requests ---------------------------------------------------------------------------- */

static struct iommu_page_request seen[8];
static unsigned int seen_count, seen_calls;

static void note_requests(void *ctx, struct iommu_endpoint *endpoint,
			  const struct iommu_page_request *requests, unsigned int count)
{
	assert_ptr_equal(ctx, &r);
	assert_int_equal(iommu_endpoint_source_id(endpoint), 8);
	assert_true(count <= 8);
	memcpy(seen, requests, count * sizeof(*requests));
	seen_count = count;
	seen_calls++;
}

static int ask_of(uint32_t pasid, uint16_t group, iommu_iova_t address, bool is_last)
{
	const struct iommu_page_request request = {.address = address,
						   .prot = IOMMU_PROT_READ,
						   .has_pasid = pasid != 0,
						   .pasid = pasid,
						   .group = group,
						   .is_last = is_last};

	return iommu_report_page_request(r.iommu, 0, 8, &request);
}

static int ask(uint16_t group, iommu_iova_t address, bool is_last)
{
	return ask_of(3, group, address, is_last);
}

static struct iommu_endpoint *begin_requests(iommu_page_request_handler handler)
{
	struct iommu_endpoint *e = add(8);

	seen_count = seen_calls = 0;
	iommu_endpoint_set_request_handler(e, handler, &r);
	assert_int_equal(ON(ATS), 0);
	assert_int_equal(ON(PAGE_REQUESTS), 0);
	return e;
}

static int respond(struct iommu_endpoint *e, uint16_t group, enum iommu_page_response_code code)
{
	const struct iommu_page_response response = {.group = group, .code = code};

	return iommu_page_respond(e, &response);
}

static void groups_are_told_whole_and_answered_once(void **state)
{
	struct iommu_endpoint *e = begin_requests(note_requests);

	(void)state;
	assert_int_equal(ask(1, 0x1000, false), 0);
	assert_int_equal(ask(2, 0x9000, false), 0);
	assert_int_equal(respond(e, 1, IOMMU_PAGE_SUCCESS), IOMMU_ENOENT); /* not told yet */
	assert_int_equal(ask(1, 0x2000, true), 0);
	assert_int_equal(seen_calls, 1);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].address, 0x1000);
	assert_int_equal(seen[1].address, 0x2000);
	assert_true(seen[1].is_last);
	assert_int_equal(OFF(PAGE_REQUESTS), IOMMU_EBUSY);
	assert_int_equal(r.response_count, 0);
	assert_int_equal(respond(e, 1, (enum iommu_page_response_code)3), IOMMU_EINVAL);
	assert_int_equal(respond(e, 1, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(respond(e, 1, IOMMU_PAGE_SUCCESS), IOMMU_ENOENT);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(r.responses[0].group, 1);
	assert_int_equal(r.responses[0].code, IOMMU_PAGE_SUCCESS);
	/* The PASID is the request's. */
	assert_true(r.responses[0].has_pasid);
	assert_int_equal(r.responses[0].pasid, 3);
	/* The number may be used again at once. */
	assert_int_equal(ask(1, 0x3000, true), 0);
	assert_int_equal(seen_calls, 2);
	assert_int_equal(seen_count, 1);
	r.page_response = IOMMU_EIO;
	assert_int_equal(respond(e, 1, IOMMU_PAGE_INVALID), IOMMU_EIO);
	r.page_response = 0;
	assert_int_equal(respond(e, 1, IOMMU_PAGE_INVALID), IOMMU_ENOENT);
	/* What is open when the endpoint goes is answered. */
	r.response_count = 0;
	assert_int_equal(ask(4, 0x3000, true), 0);
	assert_int_equal(iommu_release_endpoint(e), 0);
	assert_int_equal(r.response_count, 2);
	assert_int_equal(r.responses[0].group, 2);
	assert_int_equal(r.responses[1].group, 4);
	assert_int_equal(r.responses[1].code, IOMMU_PAGE_FAILURE);
	assert_int_equal(ask(4, 0x3000, true), IOMMU_ENODEV);
}

static void devices_that_ask_for_too_much_are_stopped(void **state)
{
	const struct iommu_page_request nothing = {.address = 0x1000, .group = 9, .is_last = true};
	struct iommu_endpoint *e = begin_requests(note_requests);
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(ask(1, i << 12, false), 0);
	assert_int_equal(ask(2, 0x9000, true), 0);
	/* It may have four outstanding. */
	assert_int_equal(ask(1, 0x8000, true), IOMMU_EINVAL);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(r.responses[0].group, 1);
	assert_int_equal(r.responses[0].code, IOMMU_PAGE_FAILURE);
	/* A group that waits for its answer is not to be added to. */
	assert_int_equal(ask(2, 0x8000, true), IOMMU_EINVAL);
	assert_int_equal(r.responses[1].group, 2);
	assert_int_equal(respond(e, 2, IOMMU_PAGE_SUCCESS), IOMMU_ENOENT);
	assert_int_equal(iommu_report_page_request(r.iommu, 0, 8, &nothing), IOMMU_EINVAL);
	assert_int_equal(r.responses[2].group, 9);
	assert_int_equal(r.response_count, 3);
	assert_int_equal(iommu_report_page_request(r.iommu, 0, 16, &nothing), IOMMU_ENODEV);
	/* There is room again. */
	for (i = 0; i < 4; i++)
		assert_int_equal(ask(1, i << 12, i == 3), 0);
	assert_int_equal(seen_count, 4);
	assert_int_equal(respond(e, 1, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(OFF(PAGE_REQUESTS), 0);
	assert_int_equal(ask(1, 0, true), IOMMU_ENODEV);
	assert_int_equal(iommu_release_endpoint(e), 0);
}

static int refuse(uint16_t group, iommu_iova_t address, bool is_last)
{
	const struct iommu_page_request request = {
		.address = address, .prot = IOMMU_PROT_READ, .group = group, .is_last = is_last};

	return iommu_refuse_page_request(r.iommu, 0, 8, &request);
}

/*
 * A group of which one request is refused has one answer, with its last, and leaves nothing behind.
 */
static void a_refused_group_is_answered_once(void **state)
{
	struct iommu_endpoint *e = begin_requests(note_requests);
	uint16_t group;

	(void)state;
	/* The last one is refused. */
	assert_int_equal(ask(5, 0x1000, false), 0);
	assert_int_equal(refuse(5, 0x2000, true), IOMMU_EINVAL);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(r.responses[0].group, 5);
	assert_int_equal(r.responses[0].code, IOMMU_PAGE_INVALID);
	assert_int_equal(ask(5, 0x7000, true), 0);
	assert_int_equal(seen_count, 1);
	assert_int_equal(seen[0].address, 0x7000);
	assert_int_equal(respond(e, 5, IOMMU_PAGE_SUCCESS), 0);
	/* The first one is: the others are swallowed, and the answer waits for the last. */
	r.response_count = seen_calls = 0;
	assert_int_equal(refuse(6, 0x1000, false), IOMMU_EINVAL);
	assert_int_equal(ask(6, 0x2000, false), IOMMU_EINVAL);
	assert_int_equal(r.response_count, 0);
	assert_int_equal(respond(e, 6, IOMMU_PAGE_SUCCESS), IOMMU_ENOENT);
	assert_int_equal(ask(6, 0x3000, true), IOMMU_EINVAL);
	assert_int_equal(seen_calls, 0);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(r.responses[0].code, IOMMU_PAGE_INVALID);
	/* More such groups than the device may have requests outstanding take no room. */
	for (group = 10; group < 18; group++) {
		assert_int_equal(ask(group, 0x1000, false), 0);
		assert_int_equal(refuse(group, 0x2000, true), IOMMU_EINVAL);
		r.response_count = 0;
	}
	assert_int_equal(ask(5, 0x7000, true), 0);
	assert_int_equal(respond(e, 5, IOMMU_PAGE_SUCCESS), 0);
	/* Its last never comes: it is answered like any other that is not complete. */
	r.response_count = 0;
	assert_int_equal(refuse(6, 0x1000, false), IOMMU_EINVAL);
	iommu_endpoint_drop_page_requests(e);
	assert_int_equal(r.response_count, 1);
	iommu_endpoint_drop_page_requests(e);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(refuse(6, 0x1000, true), IOMMU_EINVAL);
	assert_int_equal(r.response_count, 2);
	assert_int_equal(iommu_release_endpoint(e), 0);
	assert_int_equal(r.response_count, 2);
	assert_int_equal(refuse(6, 0x1000, true), IOMMU_ENODEV);
}

/* Those of a PASID that is detached are answered, and no others. */
static void requests_go_with_their_pasid(void **state)
{
	struct iommu_pasid_handle third, fourth;
	struct iommu_endpoint *e = add(8);
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);

	(void)state;
	iommu_endpoint_set_request_handler(e, note_requests, &r);
	assert_int_equal(ON(PASID), 0);
	assert_int_equal(ON(ATS), 0);
	assert_int_equal(ON(PAGE_REQUESTS), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, iommu_endpoint_group(e), 3, &third), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, iommu_endpoint_group(e), 4, &fourth), 0);
	assert_int_equal(ask_of(4, 1, 0x1000, true), 0);
	assert_int_equal(ask_of(3, 2, 0x1000, true), 0);
	assert_int_equal(ask_of(0, 3, 0x1000, true), 0);
	assert_int_equal(ask_of(3, 4, 0x1000, false), 0);
	assert_int_equal(iommu_domain_detach_pasid(iommu_endpoint_group(e), 3), 0);
	assert_int_equal(r.response_count, 2);
	assert_int_equal(r.responses[0].group, 2);
	assert_int_equal(r.responses[1].group, 4);
	assert_int_equal(r.responses[1].code, IOMMU_PAGE_INVALID);
	assert_int_equal(respond(e, 2, IOMMU_PAGE_SUCCESS), IOMMU_ENOENT);
	assert_int_equal(respond(e, 1, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(respond(e, 3, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(iommu_domain_detach_pasid(iommu_endpoint_group(e), 4), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(e), 0);
}

static void no_request_waits_for_ever(void **state)
{
	struct iommu_endpoint *e = begin_requests(note_requests);

	(void)state;
	assert_int_equal(ask(1, 0x1000, false), 0); /* its end never comes */
	assert_int_equal(ask(2, 0x1000, true), 0);  /* its answer never comes */
	r.test.clock_ns += 1000000;
	assert_int_equal(ask(3, 0x1000, true), 0);
	iommu_endpoint_tick_page_requests(e, 2000000);
	assert_int_equal(r.response_count, 0);
	iommu_endpoint_tick_page_requests(e, 1000000);
	assert_int_equal(r.response_count, 2);
	assert_int_equal(r.responses[0].group, 1);
	assert_int_equal(r.responses[1].group, 2);
	assert_int_equal(r.responses[1].code, IOMMU_PAGE_FAILURE);
	assert_int_equal(respond(e, 3, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(iommu_release_endpoint(e), 0);
	/* Without a handler the answer is at once. */
	r.response_count = 0;
	e = begin_requests(NULL);
	assert_int_equal(ask(5, 0x1000, true), 0);
	assert_int_equal(r.response_count, 1);
	assert_int_equal(r.responses[0].code, IOMMU_PAGE_INVALID);
	assert_int_equal(iommu_release_endpoint(e), 0);
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void dirty_pages_are_read_and_forgotten(void **state)
{
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	uint64_t words[2] = {0};
	struct iommu_dirty_bitmap bitmap = {
		.words = words, .start = 0x100000, .bits = 128, .page_shift = 12};

	(void)state;
#define READ(iova, size, flags) iommu_domain_read_dirty(domain, iova, size, flags, &bitmap)
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
	assert_int_equal(READ(0x100000, 0x1000, 0), 0);
	EXPECT_CALLS(&r, "track read_dirty sync");
	assert_int_equal(READ(0x17f000, 0x1000, IOMMU_DIRTY_KEEP), 0);
	EXPECT_CALLS(&r, "read_dirty");
	assert_int_equal(words[0], 1);
	assert_true(words[1] == 1ULL << 63);
	assert_int_equal(READ(0x100000, 0, 0), IOMMU_EINVAL);
	assert_int_equal(READ(0xff000, 0x1000, 0), IOMMU_EINVAL);
	assert_int_equal(READ(0x17f000, 0x2000, 0), IOMMU_EINVAL);
	assert_int_equal(READ(0x100800, 0x1000, 0), IOMMU_EINVAL);
	assert_int_equal(READ(0x100000, 0x1000, 2), IOMMU_EOPNOTSUPP);
	assert_int_equal(READ(0xfffffffffffff000, 0x2000, 0), IOMMU_EOVERFLOW);
	bitmap.page_shift = 11;
	assert_int_equal(READ(0x100000, 0x1000, 0), IOMMU_EINVAL);
	/* The largest pages of all, one more, and the last page of the space. */
	bitmap = (struct iommu_dirty_bitmap){.words = words, .bits = 1, .page_shift = 63};
	assert_int_equal(READ(0, 1ULL << 63, 0), 0);
	bitmap.page_shift = 64;
	assert_int_equal(READ(0, 1ULL << 63, 0), IOMMU_EINVAL);
	words[1] = 0;
	bitmap = (struct iommu_dirty_bitmap){
		.words = words, .start = -128ULL << 12, .bits = 128, .page_shift = 12};
	assert_int_equal(READ(UINT64_MAX - 0xfff, 0x1000, 0), 0);
	assert_true(words[1] == 1ULL << 63);
	/* Without a bitmap what was noted is forgotten. */
	assert_int_equal(iommu_domain_read_dirty(domain, 0x100000, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_domain_read_dirty(domain, 0x100000, 0, 0, NULL), IOMMU_EINVAL);
	bitmap.start = 0x100000;
	r.sync = IOMMU_ETIMEDOUT;
	r.calls[0] = '\0';
	assert_int_equal(READ(0x100000, 0x1000, 0), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(&r, "read_dirty sync note_written");
	r.sync = 0;
	assert_int_equal(iommu_domain_free(domain), 0);
	r.has_dirty = r.has_pasids = false;
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(READ(0x100000, 0x1000, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void nested_domains_hold_their_parent(void **state)
{
	struct iommu_unit *unit = iommu_next_unit(r.iommu, NULL);
	const struct iommu_domain_config of_nests = {.nest_parent = true};
	struct iommu_domain *plain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_domain_config config = {.parent = plain};
	const struct iommu_domain_config none = {0};
	struct iommu_domain *parent, *nested;
	unsigned int done = 9;

	(void)state;
	/* Not every paging domain will do. */
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_NESTED, &config, &nested),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(plain), 0);
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &of_nests, &parent),
			 IOMMU_EOPNOTSUPP);
	r.has_nesting = true;
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &of_nests, &parent), 0);
	config.parent = parent;
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_NESTED, &none, &nested),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &config, &nested),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(unit, (enum iommu_domain_type)99, NULL, &nested),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_NESTED, &config, &nested), 0);
	assert_int_equal(iommu_domain_free(parent), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_invalidate_user(parent, &done, 4, 2, &done),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(done, 0);
	assert_int_equal(iommu_domain_invalidate_user(nested, &done, 4, 2, &done), IOMMU_EINVAL);
	assert_int_equal(done, 1); /* of two the first was done */
	assert_int_equal(iommu_domain_free(nested), 0);
	assert_int_equal(iommu_domain_free(parent), 0);
}

/* What the back end has not made is not taken for what was asked for. */
static void domains_are_what_was_asked_for(void **state)
{
	struct iommu_unit *unit = iommu_next_unit(r.iommu, NULL);
	const struct iommu_domain_config wanted[] = {{.stage = IOMMU_STAGE_FIRST},
						     {.stage = IOMMU_STAGE_SECOND},
						     {.dirty_tracking = true}};
	struct iommu_domain *domain;
	size_t i;

	(void)state;
	r.has_dirty = false;
	r.has_pasids = false;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &wanted[i], &domain),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(r.alive, 0);
	}
	r.has_dirty = true;
	assert_int_equal(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &wanted[2], &domain), 0);
	/* Its tables can be changed by their owner alone. */
	assert_int_equal(iommu_domain_invalidate_range(domain, 0, 0x1000), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* A unit that counts and freezes nothing, and is no VT-d unit: refused, and nothing is touched. */
static void what_a_back_end_lacks_is_refused(void **state)
{
	const struct iommu_counter_config config = {.group = 0};
	struct iommu_endpoint *e = add(8);
	struct iommu_unit *unit = iommu_endpoint_unit(e);
	struct iommu_group *group = iommu_endpoint_group(e);
	struct iommu_vtd_interrupt interrupt;
	struct iommu_freeze freeze = {.stopped = 77};
	struct iommu_vtd_tables tables = {.root_table = 77};
	struct iommu_vtd_info info;
	unsigned int counter = 77;
	uint64_t count = 77;

	(void)state;
	r.calls[0] = '\0';
	assert_int_equal(iommu_counter_alloc(unit, &config, &counter), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_start(unit, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_stop(unit, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_free(unit, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_freeze_counters(unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_unfreeze_counters(unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_read(unit, 0, &count), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_handle_counters(unit, &count), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_set_fault_interrupt(unit, 0xfee00000, 0x41), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_mask_fault_interrupt(unit), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(unit, 0xfee00000, 0x41),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_mask_page_request_interrupt(unit), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_get_info(unit, &info), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_get_tables(e, &tables), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_alloc(unit, 1, &interrupt), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(e, 1, &interrupt), IOMMU_EINVAL);
	assert_true(counter == 77 && count == 77 && freeze.stopped == 77 &&
		    tables.root_table == 77);
	EXPECT_CALLS(&r, "");
	assert_int_equal(iommu_release_endpoint(e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_FIXTURE(features_keep_their_order),
		WITH_FIXTURE(untrusted_devices_have_no_translations_of_their_own),
		WITH_FIXTURE(features_that_are_not_there_or_fail),
		WITH_FIXTURE(pasids_are_attached_for_all_or_none),
		WITH_FIXTURE(pasids_need_a_back_end_that_has_them),
		WITH_FIXTURE(groups_are_told_whole_and_answered_once),
		WITH_FIXTURE(devices_that_ask_for_too_much_are_stopped),
		WITH_FIXTURE(a_refused_group_is_answered_once),
		WITH_FIXTURE(requests_go_with_their_pasid),
		WITH_FIXTURE(no_request_waits_for_ever),
		WITH_FIXTURE(dirty_pages_are_read_and_forgotten),
		WITH_FIXTURE(what_a_back_end_lacks_is_refused),
		WITH_FIXTURE(nested_domains_hold_their_parent),
		WITH_FIXTURE(domains_are_what_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
