/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default domain and the owner of a group: types of default domains, claims, drivers that come
 * and go, and bus events, above a back end that records its calls.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "base/list.h"
#include "recorder.h"
#include "test.h"

static struct recorder r;

static int setup(void **state)
{
	(void)state;
	recorder_init(&r);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_destroy(&r);
	return 0;
}

static struct iommu_endpoint *add_with(const struct iommu_endpoint_info *info)
{
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(r.iommu, info, &endpoint), 0);
	return endpoint;
}

static enum iommu_domain_type type_of(const struct iommu_endpoint *endpoint)
{
	return iommu_group_default_type(iommu_endpoint_group(endpoint));
}

/* --- Types ------------------------------------------------------------------------------------ */

static void the_type_follows_the_rules(void **state)
{
	enum {
		BLOCKED = IOMMU_DOMAIN_BLOCKED,
		IDENTITY = IOMMU_DOMAIN_IDENTITY,
		STRICT = IOMMU_DOMAIN_DMA,
		LAZY = IOMMU_DOMAIN_DMA_LAZY,
		ANY = -1
	};
	static const struct {
		int usual, needed;
		bool untrusted, narrow;
		int result;
	} cases[] = {
		{BLOCKED, ANY, false, false, BLOCKED},
		{BLOCKED, IDENTITY, false, false, BLOCKED},
		{BLOCKED, ANY, true, false, BLOCKED},
		{IDENTITY, ANY, false, false, IDENTITY},
		{STRICT, ANY, false, false, STRICT},
		{LAZY, ANY, false, false, LAZY},
		{LAZY, ANY, true, false, STRICT},
		{IDENTITY, ANY, true, false, STRICT},
		{IDENTITY, ANY, false, true, STRICT},
		{LAZY, IDENTITY, false, false, IDENTITY},
		{IDENTITY, STRICT, false, false, STRICT},
		{LAZY, IDENTITY, true, false, STRICT},
	};
	size_t i;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_PAGING), IOMMU_EINVAL);
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_SVA), IOMMU_EINVAL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_endpoint_info info = {.source_id = 8,
							 .untrusted = cases[i].untrusted,
							 .requires_dma_32 = cases[i].narrow};
		struct iommu_endpoint *endpoint;
		struct iommu_domain *domain;

		assert_int_equal(
			iommu_set_default_type(r.iommu, (enum iommu_domain_type)cases[i].usual), 0);
		r.needs_type = cases[i].needed != ANY;
		r.needed_type = (enum iommu_domain_type)cases[i].needed;
		endpoint = add_with(&info);
		domain = iommu_group_default_domain(iommu_endpoint_group(endpoint));
		assert_int_equal(type_of(endpoint), cases[i].result);
		assert_int_equal(domain == NULL, cases[i].result == BLOCKED);
		assert_ptr_equal(iommu_endpoint_domain(endpoint), domain);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
		assert_int_equal(r.alive, 0);
	}
}

/* What is said of one device, by its id, before it is there. */
static void devices_have_types_of_their_own(void **state)
{
	static const struct {
		enum iommu_domain_type types[2], result;
	} pairs[] = {
		{{IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_IDENTITY}, IOMMU_DOMAIN_IDENTITY},
		{{IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_DMA_LAZY}, IOMMU_DOMAIN_DMA},
		{{IOMMU_DOMAIN_BLOCKED, IOMMU_DOMAIN_IDENTITY}, IOMMU_DOMAIN_BLOCKED},
		{{IOMMU_DOMAIN_DMA_LAZY, IOMMU_DOMAIN_BLOCKED}, IOMMU_DOMAIN_BLOCKED},
	};
	struct iommu_endpoint *one, *other;
	unsigned int i;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	assert_int_equal(iommu_set_default_type_of(r.iommu, 0, 8, IOMMU_DOMAIN_PAGING),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_set_default_type_of(r.iommu, 0, 8, IOMMU_DOMAIN_BLOCKED), 0);
	assert_int_equal(iommu_set_default_type_of(r.iommu, 0, 8, IOMMU_DOMAIN_IDENTITY), 0);
	assert_int_equal(iommu_set_default_type_of(r.iommu, 1, 16, IOMMU_DOMAIN_IDENTITY), 0);
	one = add_with(&(struct iommu_endpoint_info){.source_id = 8});
	other = add_with(&(struct iommu_endpoint_info){.source_id = 16});
	assert_int_equal(type_of(one), IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(type_of(other), IOMMU_DOMAIN_DMA_LAZY);
	assert_int_equal(iommu_set_default_type_of(r.iommu, 0, 8, IOMMU_DOMAIN_DMA), IOMMU_EBUSY);
	/* The host's word for the group comes after that. */
	assert_int_equal(iommu_group_set_default_type(iommu_endpoint_group(one), IOMMU_DOMAIN_DMA),
			 0);
	assert_int_equal(type_of(one), IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_release_endpoint(one), 0);
	/* It holds for the device that comes next, unless that must not have it. */
	one = add_with(&(struct iommu_endpoint_info){.source_id = 8});
	assert_int_equal(type_of(one), IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_release_endpoint(one), 0);
	one = add_with(&(struct iommu_endpoint_info){.source_id = 8, .untrusted = true});
	assert_int_equal(type_of(one), IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	/* Members of one group of which different things were said. */
	r.group_key = &r;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(iommu_set_default_type_of(r.iommu, 0, 8, pairs[i].types[0]), 0);
		assert_int_equal(iommu_set_default_type_of(r.iommu, 0, 9, pairs[i].types[1]), 0);
		one = add_with(&(struct iommu_endpoint_info){.source_id = 8});
		other = add_with(&(struct iommu_endpoint_info){.source_id = 9});
		assert_ptr_equal(iommu_endpoint_group(one), iommu_endpoint_group(other));
		assert_int_equal(type_of(one), pairs[i].result);
		assert_int_equal(iommu_release_endpoint(one), 0);
		assert_int_equal(iommu_release_endpoint(other), 0);
	}
}

/* What the host has said of a group holds, whatever was said of a member that comes later. */
static void what_was_said_of_a_group_holds(void **state)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_DMA,
						       IOMMU_DOMAIN_DMA_LAZY};
	unsigned int i, same;

	(void)state;
	r.group_key = &r;
	for (i = 0; i < 3; i++)
		for (same = 0; same < 2; same++) {
			struct iommu_endpoint *one, *other;

			/* Also where it is what the group has in any case. */
			assert_int_equal(iommu_set_default_type(
						 r.iommu, same != 0 ? types[i] : IOMMU_DOMAIN_DMA),
					 0);
			one = add_with(&(struct iommu_endpoint_info){.source_id = 8});
			assert_int_equal(
				iommu_group_set_default_type(iommu_endpoint_group(one), types[i]),
				0);
			assert_int_equal(type_of(one), types[i]);
			assert_int_equal(
				iommu_set_default_type_of(r.iommu, 0, 16, IOMMU_DOMAIN_BLOCKED), 0);
			other = add_with(&(struct iommu_endpoint_info){.source_id = 16});
			assert_ptr_equal(iommu_endpoint_group(one), iommu_endpoint_group(other));
			assert_int_equal(type_of(one), types[i]);
			assert_int_equal(type_of(other), types[i]);
			assert_int_equal(iommu_release_endpoint(other), 0);
			assert_int_equal(type_of(one), types[i]);
			assert_int_equal(iommu_release_endpoint(one), 0);
		}
}

static void identity_that_a_unit_cannot_do_becomes_tables(void **state)
{
	struct iommu_endpoint *endpoint;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_IDENTITY), 0);
	r.domain_alloc = IOMMU_EOPNOTSUPP;
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu, &(struct iommu_endpoint_info){.source_id = 8}, &endpoint),
			 IOMMU_EOPNOTSUPP); /* nor can it do those */
	r.domain_alloc = IOMMU_ENOMEM;
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu, &(struct iommu_endpoint_info){.source_id = 8}, &endpoint),
			 IOMMU_ENOMEM);
	assert_null(iommu_find_endpoint(r.iommu, 0, 8));
	assert_null(iommu_next_group(r.iommu, NULL));
	r.domain_alloc = 0;
}

static void the_type_changes_only_while_no_driver_uses_it(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *other;
	struct iommu_group *group;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	endpoint = recorder_add(&r, 8);
	group = iommu_endpoint_group(endpoint);
	EXPECT_CALLS(&r, "attach");
	/* A driver is bound; the group is claimed; something is attached. */
	assert_int_equal(iommu_use_default_domain(endpoint), 0);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA), IOMMU_EBUSY);
	iommu_unuse_default_domain(endpoint);
	assert_int_equal(iommu_group_claim(group, &r), 0);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA), IOMMU_EBUSY);
	assert_int_equal(iommu_group_release(group, &r), 0);
	other = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(other, group), 0);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	r.calls[0] = '\0';

	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_PAGING), IOMMU_EINVAL);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_IDENTITY), 0);
	EXPECT_CALLS(&r, "attach free");
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), 0);
	EXPECT_CALLS(&r, "detach free");
	assert_null(iommu_endpoint_domain(endpoint));
	/* What fails leaves things as they were. */
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA), 0);
	r.calls[0] = '\0';
	other = iommu_endpoint_domain(endpoint);
	r.domain_alloc = IOMMU_ENOMEM;
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_IDENTITY), IOMMU_ENOMEM);
	r.domain_alloc = 0;
	r.attach = IOMMU_ENOSPC;
	r.attach_from = r.attach_failures = 1;
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_IDENTITY), IOMMU_ENOSPC);
	EXPECT_CALLS(&r, "attach free");
	assert_int_equal(type_of(endpoint), IOMMU_DOMAIN_DMA);
	assert_ptr_equal(iommu_endpoint_domain(endpoint), other);
	/* A default domain cannot be freed or attached by the host. */
	assert_int_equal(iommu_domain_free(other), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_attach_group(other, group), IOMMU_EINVAL);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* Memory beside the domain: where the back end has a bypass, for trusted devices. */
static void a_bypass_is_for_those_who_are_trusted(void **state)
{
	const struct iommu_endpoint_info untrusted = {.source_id = 16, .untrusted = true};
	struct iommu_domain_config config = {.bypass = true};
	struct iommu_endpoint *first, *second = NULL;
	struct iommu_domain_info info;
	struct iommu_domain *domain;
	iommu_iova_t offset = 0;

	(void)state;
	r.group_key = &r;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA_BYPASS), 0);
	/* The back end has none: strict. A call that asks for a bypass is refused. */
	first = recorder_add(&r, 8);
	assert_int_equal(type_of(first), IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_domain_bypass(iommu_endpoint_domain(first), 0, &offset),
			 IOMMU_ENOENT);
	assert_int_equal(
		iommu_domain_alloc(&r.units[0].base, IOMMU_DOMAIN_PAGING, &config, &domain),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_release_endpoint(first), 0);

	r.has_bypass = true;
	first = recorder_add(&r, 8);
	assert_int_equal(type_of(first), IOMMU_DOMAIN_DMA_BYPASS);
	domain = iommu_endpoint_domain(first);
	assert_non_null(iommu_domain_iova_space(domain));
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.bypass_offset, 1ULL << 60);
	assert_int_equal(info.bypass_size, 1ULL << 40);
	/* The device must reach all of it: up to its last byte. */
	assert_int_equal(iommu_domain_bypass(domain, 0, &offset), 0);
	assert_int_equal(offset, 1ULL << 60);
	assert_int_equal(iommu_domain_bypass(domain, (1ULL << 60) + (1ULL << 40) - 1, &offset), 0);
	assert_int_equal(iommu_domain_bypass(domain, (1ULL << 60) + (1ULL << 40) - 2, &offset),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_domain_bypass(domain, UINT32_MAX, &offset), IOMMU_ERANGE);
	/* Strict as soon as one is there who is not. */
	second = add_with(&untrusted);
	assert_int_equal(type_of(first), IOMMU_DOMAIN_DMA);
	assert_int_equal(
		iommu_group_set_default_type(iommu_endpoint_group(first), IOMMU_DOMAIN_DMA_BYPASS),
		IOMMU_EINVAL);
	assert_int_equal(iommu_release_endpoint(second), 0);
	assert_int_equal(
		iommu_group_set_default_type(iommu_endpoint_group(first), IOMMU_DOMAIN_DMA_BYPASS),
		0);
	assert_int_equal(type_of(first), IOMMU_DOMAIN_DMA_BYPASS);
	assert_int_equal(iommu_release_endpoint(first), 0);
	/* Other types know nothing of it. */
	assert_int_equal(
		iommu_domain_alloc(&r.units[0].base, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_domain_bypass(domain, 0, &offset), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(
		iommu_domain_alloc(&r.units[0].base, IOMMU_DOMAIN_IDENTITY, &config, &domain), 0);
	assert_int_equal(iommu_domain_bypass(domain, 0, &offset), IOMMU_ENOENT);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void an_untrusted_member_makes_its_group_strict(void **state)
{
	const struct iommu_endpoint_info untrusted = {.source_id = 16, .untrusted = true};
	struct iommu_endpoint *first, *second = NULL;

	(void)state;
	r.group_key = &r;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	first = recorder_add(&r, 8);
	assert_int_equal(iommu_use_default_domain(first), 0);
	/* Not under the feet of a driver. */
	assert_int_equal(iommu_probe_endpoint(r.iommu, &untrusted, &second), IOMMU_EBUSY);
	assert_int_equal(iommu_group_size(iommu_endpoint_group(first)), 1);
	iommu_unuse_default_domain(first);
	second = add_with(&untrusted);
	assert_int_equal(type_of(first), IOMMU_DOMAIN_DMA);
	assert_ptr_equal(iommu_endpoint_domain(first), iommu_endpoint_domain(second));
	assert_int_equal(
		iommu_group_set_default_type(iommu_endpoint_group(first), IOMMU_DOMAIN_DMA_LAZY),
		IOMMU_EINVAL);
	assert_int_equal(iommu_release_endpoint(first), 0);
	assert_int_equal(iommu_release_endpoint(second), 0);
}

static void one_identity_domain_serves_all(void **state)
{
	struct iommu_endpoint *one, *other;
	struct iommu_domain *domain;

	(void)state;
	r.shared_identity = true;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_IDENTITY), 0);
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	assert_ptr_equal(iommu_endpoint_domain(one), iommu_endpoint_domain(other));
	domain = recorder_domain(&r, IOMMU_DOMAIN_IDENTITY);
	assert_ptr_equal(domain, iommu_endpoint_domain(one));
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_ptr_equal(iommu_endpoint_domain(other), domain);
	assert_int_equal(iommu_release_endpoint(other), 0);
	/* And again, after its last device has gone. */
	one = recorder_add(&r, 8);
	assert_ptr_equal(iommu_endpoint_domain(one), domain);
	assert_int_equal(iommu_release_endpoint(one), 0);
}

/* … and so does one DMA handle, which goes with the last of them. */
static void one_direct_handle_serves_all(void **state)
{
	static const struct iommu_dma_device any;
	struct iommu_endpoint *one, *other;
	struct iommu_dma *dma = NULL;
	struct iommu_dma *second = NULL;
	struct iommu_dma_stats stats;
	iommu_iova_t address = 0;

	(void)state;
	r.shared_identity = true;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_IDENTITY), 0);
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	assert_int_equal(iommu_dma_of(one, &dma), 0);
	assert_int_equal(iommu_dma_of(other, &second), 0);
	assert_ptr_equal(dma, second);
	iommu_unuse_default_domain(one);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_true(iommu_dma_required_mask(dma) == UINT64_MAX);
	iommu_dma_get_stats(dma, &stats);
	assert_int_equal(stats.bounced, 0);
	assert_int_equal(iommu_dma_map(dma, &any, 0x5000, 64, IOMMU_DMA_TO_DEVICE, &address), 0);
	assert_int_equal(address, 0x5000);
	assert_int_equal(iommu_dma_unmap(dma, address, 64), 0);
	iommu_unuse_default_domain(other);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

/* --- Coming back to it ------------------------------------------------------------------------ */

static void detach_goes_back_to_the_default(void **state)
{
	struct iommu_domain *domain, *rest;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	endpoint = recorder_add(&r, 8);
	group = iommu_endpoint_group(endpoint);
	rest = iommu_group_default_domain(group);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	r.calls[0] = '\0';
	assert_int_equal(iommu_domain_attach_endpoint(domain, endpoint), 0);
	assert_ptr_equal(iommu_group_domain(group), domain);
	assert_int_equal(iommu_domain_detach_endpoint(endpoint), 0);
	EXPECT_CALLS(&r, "attach attach"); /* never blocked in between */
	assert_null(iommu_group_domain(group));
	assert_ptr_equal(iommu_endpoint_domain(endpoint), rest);
	/* It cannot go back: blocked, and said so. The next use brings it back. */
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	r.attach = IOMMU_ENOSPC;
	r.attach_from = r.attach_failures = 1;
	r.test.log_lines = 0;
	r.test.quiet = true;
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_ENOSPC);
	assert_int_equal(r.test.log_lines, 1);
	assert_null(iommu_endpoint_domain(endpoint));
	assert_int_equal(iommu_use_default_domain(endpoint), 0);
	assert_ptr_equal(iommu_endpoint_domain(endpoint), rest);
	iommu_unuse_default_domain(endpoint);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void endpoints_are_attached_alone_only_when_they_are(void **state)
{
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_endpoint *one, *other;

	(void)state;
	r.group_key = &r;
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	assert_int_equal(iommu_domain_attach_endpoint(domain, one), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(one)), 0);
	assert_int_equal(iommu_domain_detach_endpoint(one), IOMMU_EINVAL);
	/* Members may go while the others use it; the last one may not. */
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_ptr_equal(iommu_endpoint_domain(other), domain);
	assert_int_equal(iommu_release_endpoint(other), IOMMU_EBUSY);
	/* One that comes uses what the group uses. */
	one = recorder_add(&r, 24);
	assert_ptr_equal(iommu_endpoint_domain(one), domain);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(one)), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* --- Claims ----------------------------------------------------------------------------------- */

static void owners_and_drivers_keep_each_other_away(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;
	int one, other;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	endpoint = recorder_add(&r, 8);
	group = iommu_endpoint_group(endpoint);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_group_claim(group, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_group_release(group, &one), IOMMU_EPERM);
	assert_int_equal(iommu_use_default_domain(endpoint), 0);
	assert_int_equal(iommu_group_claim(group, &one), IOMMU_EBUSY);
	iommu_unuse_default_domain(endpoint);
	iommu_unuse_default_domain(endpoint); /* once too often: nothing */

	assert_int_equal(iommu_group_claim(group, &one), 0);
	assert_null(iommu_endpoint_domain(endpoint));
	assert_ptr_equal(iommu_group_owner(group), &one);
	assert_int_equal(iommu_group_claim(group, &other), IOMMU_EPERM);
	assert_int_equal(iommu_group_claim(group, &one), 0);
	assert_int_equal(iommu_use_default_domain(endpoint), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_group_release(group, &other), IOMMU_EPERM);
	assert_int_equal(iommu_group_release(group, &one), 0);
	assert_int_equal(iommu_group_release(group, &one), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_null(iommu_endpoint_domain(endpoint)); /* claimed: not the default */
	/* The way back fails: the claim stays. */
	r.attach = IOMMU_ENOSPC;
	r.attach_from = r.attach_failures = 1;
	assert_int_equal(iommu_group_release(group, &one), IOMMU_ENOSPC);
	assert_ptr_equal(iommu_group_owner(group), &one);
	assert_int_equal(iommu_group_release(group, &one), 0);
	assert_null(iommu_group_owner(group));
	assert_ptr_equal(iommu_endpoint_domain(endpoint), iommu_group_default_domain(group));
	/* Nor is it claimed when it cannot be blocked. */
	r.detach = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_group_claim(group, &one), IOMMU_ETIMEDOUT);
	r.detach = 0;
	assert_null(iommu_group_owner(group));
	assert_ptr_equal(iommu_endpoint_domain(endpoint), iommu_group_default_domain(group));
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void a_claimed_group_outlives_its_members(void **state)
{
	struct iommu_endpoint *endpoint = recorder_add(&r, 8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);
	int owner;

	(void)state;
	assert_int_equal(iommu_group_claim(group, &owner), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_group_size(group), 0);
	assert_int_equal(iommu_destroy(r.iommu), IOMMU_EBUSY);
	assert_ptr_equal(iommu_find_group(r.iommu, 0), group);
	/* One that comes now has a group of its own, with another id. */
	endpoint = recorder_add(&r, 8);
	assert_int_equal(iommu_group_id(iommu_endpoint_group(endpoint)), 1);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_group_release(group, &owner), 0);
	assert_null(iommu_find_group(r.iommu, 0));
}

/* Firmware's regions hold while a group is claimed, and nothing else does. */
static void direct_regions_survive_a_claim(void **state)
{
	static const struct iommu_region region = {0x5000, 0x5fff, IOMMU_REGION_DIRECT_RELAXABLE,
						   IOMMU_PROT_READ_WRITE};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *window;
	struct iommu_group *group;
	int owner;

	(void)state;
	r.regions = &region;
	r.region_count = 1;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	endpoint = recorder_add(&r, 8);
	group = iommu_endpoint_group(endpoint);
	EXPECT_CALLS(&r, "map sync_map attach"); /* mapped before it is attached */
	assert_int_equal(iommu_group_claim(group, &owner), 0);
	EXPECT_CALLS(&r, "map sync_map attach");
	window = iommu_endpoint_domain(endpoint);
	assert_non_null(window);
	assert_ptr_not_equal(window, iommu_group_default_domain(group));
	assert_int_equal(iommu_domain_free(window), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_attach_group(window, group), IOMMU_EINVAL);
	assert_int_equal(iommu_group_release(group, &owner), 0);
	EXPECT_CALLS(&r, "attach"); /* they are there */
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/*
 * Of a domain that the host fills the library cannot know what belongs where firmware wants to be.
 */
static void direct_regions_refuse_the_unknown(void **state)
{
	static const struct iommu_region region = {0x5000, 0x5fff, IOMMU_REGION_DIRECT,
						   IOMMU_PROT_READ_WRITE};
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_endpoint *one, *other = NULL;

	(void)state;
	r.regions = &region;
	r.region_count = 1;
	r.region_of = 16;
	r.group_key = &r;
	one = recorder_add(&r, 8);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(one)), 0);
	/* Nor may such a device join a group that uses one. */
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu, &(struct iommu_endpoint_info){.source_id = 16}, &other),
			 IOMMU_EPERM);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(one)), 0);
	other = recorder_add(&r, 16);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(one)), IOMMU_EPERM);
	assert_null(iommu_endpoint_domain(one));
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

static int send(enum iommu_bus_event_type type, uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	const struct iommu_bus_event event = {.type = type, .info = &info, .source_id = source_id};

	return iommu_report_bus_event(r.iommu, &event);
}

/* --- Who may use what, and what is mapped for it ---------------------------------------------- */

/* Two devices in a group of their own each, with regions that overlap: pages 2 to 5, and 4 to 7. */
static const struct iommu_region two_regions[] = {
	{0x2000, 0x5fff, IOMMU_REGION_DIRECT_RELAXABLE, IOMMU_PROT_READ_WRITE},
	{0x4000, 0x7fff, IOMMU_REGION_DIRECT_RELAXABLE, IOMMU_PROT_READ_WRITE},
};
static const uint16_t region_ids[] = {8, 16};

static void have_regions(void)
{
	r.tracks = true;
	r.regions = two_regions;
	r.region_ids = region_ids;
	r.region_count = 2;
}

/* What is mapped for endpoints goes with the last of them that needs it, and nothing else does. */
static void regions_are_counted(void **state)
{
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_DMA);
	struct iommu_endpoint *one, *other;

	(void)state;
	have_regions();
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	assert_int_equal(iommu_domain_attach_endpoint(domain, one), 0);
	assert_int_equal(recorder_pages(domain), 0x3c);
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), 0);
	assert_int_equal(recorder_pages(domain), 0xfc);
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), 0); /* again: once */
	assert_int_equal(iommu_domain_detach_endpoint(one), 0);
	assert_int_equal(recorder_pages(domain), 0xf0);
	assert_int_equal(iommu_domain_attach_endpoint(domain, one), 0);
	assert_int_equal(iommu_domain_detach_endpoint(other), 0);
	assert_int_equal(recorder_pages(domain), 0x3c);
	assert_int_equal(iommu_domain_detach_endpoint(one), 0);
	assert_int_equal(recorder_pages(domain), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

/* An attach that fails, at whatever step, leaves the regions of the others, and no more. */
static void a_failed_attach_leaves_no_region(void **state)
{
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_DMA);
	struct iommu_endpoint *one, *other;
	unsigned int nth;

	(void)state;
	have_regions();
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	assert_int_equal(iommu_domain_attach_endpoint(domain, one), 0);
	r.attach = IOMMU_ENOSPC;
	r.attach_from = r.attach_failures = 1;
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), IOMMU_ENOSPC);
	assert_int_equal(recorder_pages(domain), 0x3c);
	r.map = IOMMU_ENOMEM;
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), IOMMU_ENOMEM);
	assert_int_equal(recorder_pages(domain), 0x3c);
	r.map = 0;
	/* The second half of it is in use for something else. */
	assert_int_equal(iommu_map(domain, 0x7000, 0x1000, 0x1000, IOMMU_PROT_READ), 0);
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), IOMMU_EEXIST);
	assert_int_equal(recorder_pages(domain), 0xbc);
	assert_int_equal(iommu_unmap(domain, 0x7000, 0x1000, 0, NULL), 0);
	for (nth = 1; nth < 8; nth++) {
		int status;

		r.test.fail_after = r.test.allocations + nth;
		status = iommu_domain_attach_endpoint(domain, other);
		r.test.fail_after = 0;
		assert_int_equal(recorder_pages(domain), status == 0 ? 0xfc : 0x3c);
		if (status == 0)
			assert_int_equal(iommu_domain_detach_endpoint(other), 0);
	}
	/* A detach that is not confirmed has taken them out all the same. */
	r.attach = r.detach = IOMMU_ETIMEDOUT;
	r.attach_from = r.attach_failures = 1;
	r.test.quiet = true;
	assert_int_equal(iommu_domain_detach_endpoint(one), IOMMU_ETIMEDOUT);
	r.detach = 0;
	assert_int_equal(recorder_pages(domain), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

/* It joins while something else is attached: its regions are there when the group comes back. */
static void a_member_that_joins_late_gets_its_regions_at_the_detach(void **state)
{
	static const enum iommu_domain_type rest[] = {IOMMU_DOMAIN_BLOCKED, IOMMU_DOMAIN_DMA};
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_endpoint *one, *other;
	struct iommu_group *group;
	unsigned int i;
	int owner;

	(void)state;
	have_regions();
	r.group_key = &r;
	assert_int_equal(iommu_unit_enable(&r.units[0].base), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_set_default_type(r.iommu, rest[i]), 0);
		one = recorder_add(&r, 24); /* without any */
		group = iommu_endpoint_group(one);
		assert_int_equal(iommu_domain_attach_group(domain, group), 0);
		other = recorder_add(&r, 16);
		if (i == 1) /* kept out of the hands of the other's driver, whatever is attached */
			assert_non_null(
				iommu_iova_find(iommu_group_default_domain(group)->space, 5));
		assert_int_equal(recorder_pages(domain), 0);
		assert_int_equal(iommu_domain_detach_group(group), 0);
		assert_non_null(iommu_endpoint_domain(other));
		assert_int_equal(recorder_pages(iommu_endpoint_domain(other)), 0xf0);
		/* Also while it is claimed; and they go with the member. */
		assert_int_equal(iommu_group_claim(group, &owner), 0);
		assert_int_equal(recorder_pages(iommu_endpoint_domain(one)), 0xf0);
		assert_int_equal(iommu_release_endpoint(other), 0);
		assert_int_equal(recorder_pages(iommu_endpoint_domain(one)), 0);
		assert_int_equal(iommu_group_release(group, &owner), 0);
		assert_int_equal(iommu_release_endpoint(one), 0);
	}
	assert_int_equal(iommu_domain_free(domain), 0);
}

/*
 * Identity that is made of tables has firmware's regions beside memory; neither takes the other
 * away.
 */
static void identity_has_memory_and_regions(void **state)
{
	struct iommu_endpoint *one, *other;
	struct iommu_domain *domain;

	(void)state;
	have_regions();
	r.identity_has_table = true;
	assert_int_equal(iommu_add_memory(r.iommu, 0x10000, 0x1ffff), 0);
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	domain = recorder_domain(&r, IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(recorder_pages(domain), 0xffff0000);
	assert_int_equal(iommu_domain_attach_endpoint(domain, one), 0);
	assert_int_equal(recorder_pages(domain), 0xffff003c);
	assert_int_equal(iommu_add_memory(r.iommu, 0x3000, 0x4fff), 0);
	assert_int_equal(recorder_pages(domain), 0xffff003c);
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), 0);
	assert_int_equal(recorder_pages(domain), 0xffff00fc);
	assert_int_equal(iommu_domain_detach_endpoint(one), 0);
	assert_int_equal(recorder_pages(domain), 0xffff00f8); /* memory, and the other's */
	assert_int_equal(iommu_remove_memory(r.iommu, 0x3000, 0x4fff), 0);
	assert_int_equal(recorder_pages(domain), 0xffff00f0);
	assert_int_equal(iommu_domain_detach_endpoint(other), 0);
	assert_int_equal(recorder_pages(domain), 0xffff0000);
	assert_int_equal(iommu_domain_free(domain), 0);
	/* So has the default domain. */
	assert_int_equal(
		iommu_group_set_default_type(iommu_endpoint_group(one), IOMMU_DOMAIN_IDENTITY), 0);
	assert_int_equal(recorder_pages(iommu_endpoint_domain(one)), 0xffff003c);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

/* Into what reaches more than was given, or for longer, an untrusted device comes by no way. */
static void untrusted_devices_are_kept_out(void **state)
{
	static const enum iommu_domain_type open[] = {IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_DMA_LAZY,
						      IOMMU_DOMAIN_DMA_BYPASS};
	const struct iommu_domain_config beside = {.bypass = true};
	struct iommu_endpoint_info untrusted = {
		.source_id = 16, .untrusted = true, .max_pasids = 16, .device_tlb = true};
	struct iommu_pasid_handle handle;
	struct iommu_endpoint *one, *other = NULL;
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	r.group_key = &r;
	r.has_bypass = r.has_pasids = true;
	one = recorder_add(&r, 8);
	for (i = 0; i < 4; i++) {
		if (i < 3)
			domain = recorder_domain(&r, open[i]);
		else
			assert_int_equal(iommu_domain_alloc(&r.units[0].base, IOMMU_DOMAIN_PAGING,
							    &beside, &domain),
					 0);
		assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(one)), 0);
		assert_int_equal(iommu_probe_endpoint(r.iommu, &untrusted, &other), IOMMU_EBUSY);
		assert_int_equal(iommu_group_size(iommu_endpoint_group(one)), 1);
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(one)), 0);
		/* Nor when it was there before. */
		other = add_with(&untrusted);
		assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(one)),
				 IOMMU_EPERM);
		assert_int_equal(
			iommu_domain_attach_pasid(domain, iommu_endpoint_group(one), 3, &handle),
			i == 0 ? IOMMU_EOPNOTSUPP : IOMMU_EPERM);
		assert_null(iommu_endpoint_domain(one));
		assert_int_equal(iommu_release_endpoint(other), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	assert_int_equal(iommu_release_endpoint(one), 0);
}

/* What hardware did not confirm is asked for again, also by calls that change nothing. */
static void what_was_not_confirmed_is_asked_again(void **state)
{
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_endpoint *endpoint = recorder_add(&r, 8);
	struct iommu_group *group = iommu_endpoint_group(endpoint);

	(void)state;
	r.calls[0] = '\0';
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	r.detach = r.confirm = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(&r, "attach detach confirm");
	assert_int_equal(iommu_group_default_type(group), IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED),
			 IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_use_default_domain(endpoint), IOMMU_ETIMEDOUT);
	EXPECT_CALLS(&r, "confirm confirm");
	r.detach = r.confirm = 0;
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	EXPECT_CALLS(&r, "confirm");
	/* An attach that was not confirmed has left it in the domain from before: for certain? */
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	r.attach = IOMMU_ETIMEDOUT;
	r.attach_from = r.attach_failures = 1;
	r.calls[0] = '\0';
	{
		struct iommu_domain *second = recorder_domain(&r, IOMMU_DOMAIN_PAGING);

		assert_int_equal(iommu_domain_attach_group(second, group), IOMMU_ETIMEDOUT);
		assert_int_equal(iommu_domain_free(second), 0);
	}
	r.calls[0] = '\0';
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	EXPECT_CALLS(&r, "confirm");
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Drivers whose device goes ---------------------------------------------------------------- */

static unsigned int data_released;
static int data_status;

static int release_data(void *data)
{
	(void)data;
	data_released += data_status == 0;
	return data_status;
}

/* What a driver holds outlives its device, until it lets go. */
static void what_a_driver_holds_outlives_its_device(void **state)
{
	struct iommu_endpoint *endpoint, *next;
	struct iommu_domain *domain;
	struct iommu_group *group;
	unsigned int way;
	int owner;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	for (way = 0; way < 4; way++) {
		endpoint = recorder_add(&r, 8);
		group = iommu_endpoint_group(endpoint);
		domain = iommu_group_default_domain(group);
		domain->release_data = release_data;
		data_released = 0;
		assert_int_equal(send(IOMMU_BUS_BINDING, 8), 0);
		assert_int_equal(iommu_use_dma(endpoint), 0);
		if (way % 2 == 0)
			assert_int_equal(iommu_release_endpoint(endpoint), 0);
		else
			assert_int_equal(send(IOMMU_BUS_REMOVED, 8), 0);
		/* Nothing translates by it any more, and everything is still there. */
		assert_null(iommu_endpoint_domain(endpoint));
		assert_null(iommu_next_endpoint(r.iommu, NULL));
		assert_int_equal(data_released, 0);
		assert_ptr_equal(iommu_endpoint_group(endpoint), group);
		assert_ptr_equal(iommu_group_default_domain(group), domain);
		assert_int_equal(iommu_map(domain, 0x1000, 0x1000, 0x1000, IOMMU_PROT_READ), 0);
		assert_int_equal(iommu_unmap(domain, 0x1000, 0x1000, 0, NULL), 0);
		assert_int_equal(iommu_release_endpoint(endpoint), IOMMU_ENODEV);
		assert_int_equal(iommu_use_default_domain(endpoint), IOMMU_ENODEV);
		assert_int_equal(iommu_use_dma(endpoint), IOMMU_ENODEV);
		assert_int_equal(iommu_endpoint_was_reset(endpoint), IOMMU_ENODEV);
		assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS),
				 IOMMU_ENODEV);
		assert_true(iommu_endpoint_is_lost(endpoint));
		assert_int_equal(iommu_group_claim(group, &owner), IOMMU_EBUSY);
		/* The next device at its place has nothing to do with it. */
		next = recorder_add(&r, 8);
		assert_ptr_not_equal(iommu_endpoint_group(next), group);
		if (way < 2) {
			/* What hardware does not confirm stays, and is tried again. */
			data_status = IOMMU_ETIMEDOUT;
			iommu_unuse_default_domain(endpoint);
			data_status = 0;
			assert_int_equal(data_released, 0);
		} else {
			assert_int_equal(send(IOMMU_BUS_UNBOUND, 8), 0);
			assert_int_equal(data_released, 1);
		}
		assert_int_equal(iommu_release_endpoint(next), 0);
		assert_int_equal(data_released, 1);
		assert_null(iommu_next_group(r.iommu, NULL));
	}
	/* One that never lets go does so when the instance ends. */
	endpoint = recorder_add(&r, 8);
	assert_int_equal(iommu_use_default_domain(endpoint), 0);
	assert_int_equal(iommu_use_default_domain(endpoint), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* The others of its group go on, and what they share is not taken from under the driver. */
static void a_driver_holds_what_its_group_shares(void **state)
{
	struct iommu_endpoint *one, *other;
	struct iommu_group *group;

	(void)state;
	r.group_key = &r;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	one = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	group = iommu_endpoint_group(one);
	assert_int_equal(iommu_use_dma(one), 0);
	assert_int_equal(iommu_use_dma(one), 0); /* once, however often */
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), IOMMU_EBUSY);
	iommu_unuse_default_domain(one);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

/*
 * What is still to be had of a device that was released: nothing, and nothing of its group's
 * others.
 */
static void expect_released(struct iommu_endpoint *endpoint, struct iommu_domain *domain)
{
	struct iommu_dma *dma;
	unsigned int cursor = 0;
	struct iommu_region region;

	assert_int_equal(iommu_dma_of(endpoint, &dma), IOMMU_ENODEV);
	assert_int_equal(iommu_use_default_domain(endpoint), IOMMU_ENODEV);
	assert_int_equal(iommu_domain_attach_endpoint(domain, endpoint), IOMMU_ENODEV);
	assert_int_equal(iommu_domain_detach_endpoint(endpoint), IOMMU_ENODEV);
	assert_int_equal(iommu_endpoint_was_reset(endpoint), IOMMU_ENODEV);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID),
			 IOMMU_ENODEV);
	assert_int_equal(iommu_release_endpoint(endpoint), IOMMU_ENODEV);
	assert_true(iommu_endpoint_is_lost(endpoint));
	assert_false(iommu_capable(endpoint, IOMMU_CAPABLE_CACHE_COHERENCY));
	assert_false(iommu_endpoint_next_region(endpoint, &cursor, &region));
}

/*
 * A holder's pointer leads to the group that was the device's, and to none that comes in its place.
 */
static void a_held_endpoint_keeps_its_group(void **state)
{
	struct iommu_endpoint *held, *other, *next;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	held = recorder_add(&r, 8);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	iommu_endpoint_hold(held);
	assert_int_equal(iommu_release_endpoint(held), 0);
	next = recorder_add(&r, 8);
	group = iommu_endpoint_group(held);
	assert_ptr_not_equal(group, iommu_endpoint_group(next));
	assert_ptr_equal(iommu_find_group(r.iommu, 0), group);
	assert_int_equal(iommu_group_size(group), 0);
	assert_null(iommu_group_default_domain(group));
	expect_released(held, domain);
	assert_int_equal(iommu_endpoint_unit(held)->endpoints, 2); /* so it is not removed */
	iommu_endpoint_drop(held);
	assert_null(iommu_find_group(r.iommu, 0));
	assert_int_equal(iommu_endpoint_unit(next)->endpoints, 1);
	assert_int_equal(iommu_release_endpoint(next), 0);
	/* In a group that goes on. */
	r.group_key = &r;
	held = recorder_add(&r, 8);
	other = recorder_add(&r, 16);
	iommu_endpoint_hold(held);
	assert_int_equal(iommu_release_endpoint(held), 0);
	assert_int_equal(iommu_domain_attach_endpoint(domain, other), 0);
	expect_released(held, domain);
	assert_ptr_equal(iommu_endpoint_domain(other), domain);
	assert_int_equal(iommu_domain_detach_endpoint(other), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	iommu_endpoint_drop(held);
	assert_null(iommu_next_group(r.iommu, NULL));
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* --- The bus ---------------------------------------------------------------------------------- */

static char told[256];

static void listen(void *ctx, enum iommu_group_event event, struct iommu_endpoint *endpoint)
{
	static const char *const names[] = {"added",     "removed", "binding",  "bound",
					    "unbinding", "unbound", "not-bound"};

	strcat(told, told[0] != '\0' ? " " : "");
	strcat(told, (const char *)ctx);
	strcat(told, names[event]);
	assert_non_null(endpoint);
}

static void the_bus_tells_and_listeners_hear_in_order(void **state)
{
	struct iommu_group_notifier first = {.listener = listen, .ctx = (void *)(uintptr_t) "1:"};
	struct iommu_group_notifier second = {.listener = listen, .ctx = (void *)(uintptr_t) "2:"};
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	int owner;

	(void)state;
	told[0] = '\0';
	r.group_key = &r;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	assert_int_equal(send(IOMMU_BUS_ADDED, 8), 0);
	assert_int_equal(send(IOMMU_BUS_ADDED, 8), IOMMU_EEXIST);
	endpoint = iommu_find_endpoint(r.iommu, 0, 8);
	group = iommu_endpoint_group(endpoint);
	iommu_group_listen(group, &first);
	iommu_group_listen(group, &second);
	assert_int_equal(send(IOMMU_BUS_ADDED, 16), 0);
	assert_int_equal(send(IOMMU_BUS_BINDING, 8), 0);
	assert_int_equal(iommu_group_claim(group, &owner), IOMMU_EBUSY);
	assert_int_equal(send(IOMMU_BUS_BOUND, 8), 0);
	iommu_group_unlisten(group, &second);
	assert_int_equal(send(IOMMU_BUS_BINDING, 16), 0);
	assert_int_equal(send(IOMMU_BUS_NOT_BOUND, 16), 0);
	assert_int_equal(send(IOMMU_BUS_UNBINDING, 8), 0);
	assert_int_equal(send(IOMMU_BUS_UNBOUND, 8), 0);
	assert_string_equal(told, "1:added 2:added 1:binding 2:binding 1:bound 2:bound "
				  "1:binding 1:not-bound 1:unbinding 1:unbound");
	told[0] = '\0';
	/* Without a driver it can be claimed; drivers are kept away, and no listener is told. */
	assert_int_equal(iommu_group_claim(group, &owner), 0);
	assert_int_equal(send(IOMMU_BUS_BINDING, 8), IOMMU_EBUSY);
	assert_string_equal(told, "");
	assert_int_equal(iommu_group_release(group, &owner), 0);
	assert_int_equal(send(IOMMU_BUS_REMOVED, 16), 0);
	assert_string_equal(told, "1:removed");
	/* The last one goes with a driver bound, and something attached. */
	assert_int_equal(send(IOMMU_BUS_BINDING, 8), 0);
	assert_int_equal(send(IOMMU_BUS_REMOVED, 8), 0);
	assert_null(iommu_next_endpoint(r.iommu, NULL));
	assert_int_equal(send(IOMMU_BUS_REMOVED, 8), 0); /* not ours */
	assert_int_equal(send(IOMMU_BUS_BINDING, 8), 0);
	assert_int_equal(send((enum iommu_bus_event_type)7, 8), IOMMU_EINVAL);
	assert_int_equal(
		iommu_report_bus_event(r.iommu, &(struct iommu_bus_event){.type = IOMMU_BUS_ADDED}),
		IOMMU_EINVAL);
}

static void removal_detaches_what_was_attached(void **state)
{
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_endpoint *endpoint = recorder_add(&r, 8);

	(void)state;
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(send(IOMMU_BUS_REMOVED, 8), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void devices_wait_for_their_unit(void **state)
{
	static const int node, other_node;
	struct iommu_fwspec fwspec = {.unit_node = &node, .id_count = 2, .ids = {7, 9}};
	struct iommu_endpoint_info info = {.source_id = 16, .name = "disk", .fwspec = &fwspec};
	const struct iommu_bus_event added = {.type = IOMMU_BUS_ADDED, .info = &info};
	struct iommu_endpoint *endpoint;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++)
		r.units[i].match = IOMMU_MATCH_NONE;
	assert_int_equal(send(IOMMU_BUS_ADDED, 8), 0); /* nothing translates for it: for now */
	assert_int_equal(iommu_report_bus_event(r.iommu, &added), IOMMU_EPROBE_DEFER);
	assert_int_equal(iommu_report_bus_event(r.iommu, &added), IOMMU_EEXIST);
	assert_int_equal(iommu_probe_endpoint(r.iommu, &info, &endpoint), IOMMU_EPROBE_DEFER);
	assert_int_equal(iommu_waiting(r.iommu), 2);
	assert_int_equal(send(IOMMU_BUS_BINDING, 8), 0);
	assert_int_equal(send(IOMMU_BUS_BINDING, 16), IOMMU_EPROBE_DEFER);
	iommu_probe_waiting(r.iommu);
	assert_int_equal(iommu_waiting(r.iommu), 2);
	/* What the host said of it was copied. */
	fwspec.unit_node = &other_node;
	fwspec.ids[0] = 0;
	info.name = NULL;
	r.units[1].base.firmware_node = &node;
	r.test.fail_after = r.test.allocations + 1;
	iommu_probe_waiting(r.iommu);
	r.test.fail_after = 0;
	assert_int_equal(iommu_waiting(r.iommu), 2); /* no memory: tried again later */
	iommu_probe_waiting(r.iommu);
	assert_int_equal(iommu_waiting(r.iommu), 1);
	endpoint = iommu_find_endpoint(r.iommu, 0, 16);
	assert_ptr_equal(iommu_endpoint_unit(endpoint), &r.units[1].base);
	assert_string_equal(iommu_endpoint_name(endpoint), "disk");
	assert_int_equal(endpoint->info.fwspec->ids[0], 7);
	assert_int_equal(send(IOMMU_BUS_BINDING, 16), 0);
	/* Gone before its unit came. */
	assert_int_equal(send(IOMMU_BUS_REMOVED, 8), 0);
	assert_int_equal(iommu_waiting(r.iommu), 0);
	assert_int_equal(send(IOMMU_BUS_REMOVED, 16), 0);
	fwspec.id_count = IOMMU_FWSPEC_IDS_MAX + 1;
	assert_int_equal(iommu_probe_endpoint(r.iommu, &info, &endpoint), IOMMU_EINVAL);
	/* What still waits goes with the instance. */
	assert_int_equal(send(IOMMU_BUS_ADDED, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_FIXTURE(the_type_follows_the_rules),
		WITH_FIXTURE(devices_have_types_of_their_own),
		WITH_FIXTURE(what_was_said_of_a_group_holds),
		WITH_FIXTURE(identity_that_a_unit_cannot_do_becomes_tables),
		WITH_FIXTURE(the_type_changes_only_while_no_driver_uses_it),
		WITH_FIXTURE(a_bypass_is_for_those_who_are_trusted),
		WITH_FIXTURE(an_untrusted_member_makes_its_group_strict),
		WITH_FIXTURE(one_identity_domain_serves_all),
		WITH_FIXTURE(one_direct_handle_serves_all),
		WITH_FIXTURE(detach_goes_back_to_the_default),
		WITH_FIXTURE(endpoints_are_attached_alone_only_when_they_are),
		WITH_FIXTURE(owners_and_drivers_keep_each_other_away),
		WITH_FIXTURE(a_claimed_group_outlives_its_members),
		WITH_FIXTURE(direct_regions_survive_a_claim),
		WITH_FIXTURE(direct_regions_refuse_the_unknown),
		WITH_FIXTURE(regions_are_counted),
		WITH_FIXTURE(a_failed_attach_leaves_no_region),
		WITH_FIXTURE(a_member_that_joins_late_gets_its_regions_at_the_detach),
		WITH_FIXTURE(identity_has_memory_and_regions),
		WITH_FIXTURE(untrusted_devices_are_kept_out),
		WITH_FIXTURE(what_was_not_confirmed_is_asked_again),
		WITH_FIXTURE(what_a_driver_holds_outlives_its_device),
		WITH_FIXTURE(a_driver_holds_what_its_group_shares),
		WITH_FIXTURE(a_held_endpoint_keeps_its_group),
		WITH_FIXTURE(the_bus_tells_and_listeners_hear_in_order),
		WITH_FIXTURE(removal_detaches_what_was_attached),
		WITH_FIXTURE(devices_wait_for_their_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
