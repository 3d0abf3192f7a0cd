/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

struct recording_domain {
	struct iommu_domain base;
	struct recorder *recorder;
	bool is_shared;
	uint64_t pages;
};

static uint64_t *pages_of(struct iommu_domain *domain)
{
	return &iommu_container_of(domain, struct recording_domain, base)->pages;
}

uint64_t recorder_pages(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct recording_domain, base)->pages;
}

/* The pages of a range, as bits. */
static uint64_t bits_of(iommu_iova_t iova, uint64_t size)
{
	const uint64_t first = iova >> 12;
	const uint64_t count = size >> 12;

	if (first > 63 || count == 0)
		return 0;
	return (count > 63 ? UINT64_MAX : (1ULL << count) - 1) << first;
}

static void record(struct recorder *r, const char *call)
{
	if (r->calls[0] != '\0')
		strncat(r->calls, " ", sizeof(r->calls) - strlen(r->calls) - 1);
	strncat(r->calls, call, sizeof(r->calls) - strlen(r->calls) - 1);
}

static void record_of(struct recorder *r, const char *call, const struct iommu_endpoint *endpoint)
{
	char text[64];

	if (!r->with_ids) {
		record(r, call);
		return;
	}
	snprintf(text, sizeof(text), "%s:%x", call, endpoint->info.source_id);
	record(r, text);
}

static struct recorder *recorder_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct recording_unit, base)->recorder;
}

static struct recorder *domain_recorder(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct recording_domain, base)->recorder;
}

/* --- Domains ---------------------------------------------------------------------------------- */

static int domain_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	struct recorder *r = domain_recorder(domain);

	record_of(r, "attach", endpoint);
	if (r->attach_failures == 0 || --r->attach_from != 0)
		return 0;
	r->attach_failures--;
	r->attach_from = 1;
	r->is_open |= r->attach == IOMMU_ETIMEDOUT || r->attach == IOMMU_EIO;
	return r->attach;
}

static int domain_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	struct recorder *r = domain_recorder(domain);

	record_of(r, "detach", endpoint);
	r->is_open |= r->detach != 0;
	return r->detach;
}

static int domain_attach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			       uint32_t pasid, struct iommu_domain *before)
{
	struct recorder *r = domain_recorder(domain);

	(void)pasid;
	record_of(r, before != NULL ? "replace_pasid" : "attach_pasid", endpoint);
	if (r->attach_failures == 0 || --r->attach_from != 0)
		return r->attach_pasid;
	r->attach_failures--;
	r->attach_from = 1;
	return r->attach;
}

static int domain_detach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			       uint32_t pasid)
{
	(void)pasid;
	record_of(domain_recorder(domain), "detach_pasid", endpoint);
	return domain_recorder(domain)->detach_pasid;
}

static void domain_free(struct iommu_domain *domain)
{
	record(domain_recorder(domain), "free");
	if (iommu_container_of(domain, struct recording_domain, base)->is_shared)
		return;
	domain_recorder(domain)->alive--;
	free(domain);
}

static int domain_map(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	struct recorder *r = domain_recorder(domain);
	const bool fails = r->map != 0 && (r->map_from == 0 || --r->map_from == 0);

	(void)paddr;
	record(r, "map");
	r->prot = prot;
	r->mapped[r->maps % 8][0] = iova;
	r->mapped[r->maps++ % 8][1] = size;
	if (r->map_clears)
		iommu_gather_add(gather, iova, iova + (size - 1), size);
	if (r->tracks && !fails && (*pages_of(domain) & bits_of(iova, size)) != 0) {
		*mapped = 0;
		return IOMMU_EEXIST;
	}
	if (!fails)
		*pages_of(domain) |= bits_of(iova, size);
	*mapped = fails ? 0 : size;
	return fails ? r->map : 0;
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
	if (r->unmap == 0)
		*pages_of(domain) &= ~bits_of(iova, size);
	return r->unmap;
}

static bool domain_map_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			    uint64_t size, unsigned int prot)
{
	struct recorder *r = domain_recorder(domain);

	(void)iova;
	(void)paddr;
	(void)size;
	(void)prot;
	if (r->pages_alone)
		record(r, "map_page");
	return r->pages_alone;
}

static bool domain_unmap_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	struct recorder *r = domain_recorder(domain);

	(void)iova;
	(void)size;
	if (r->pages_alone)
		record(r, "unmap_page");
	return r->pages_alone;
}

static int domain_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	record(domain_recorder(domain), "sync");
	iommu_gather_init(gather);
	return domain_recorder(domain)->sync;
}

/* None: each run by map_pages. */
static unsigned int domain_map_pieces(struct iommu_domain *domain, iommu_iova_t iova,
				      const struct iommu_map_piece *pieces, unsigned int count,
				      unsigned int prot, uint64_t *mapped)
{
	(void)domain, (void)iova, (void)pieces, (void)count, (void)prot;
	*mapped = 0;
	return 0;
}

static int domain_sync_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	(void)iova;
	(void)size;
	record(domain_recorder(domain), "sync_page");
	return domain_recorder(domain)->sync;
}

static int domain_flush_all(struct iommu_domain *domain)
{
	record(domain_recorder(domain), "flush_all");
	return domain_recorder(domain)->flush_all;
}

static int domain_sync_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	(void)iova;
	(void)size;
	record(domain_recorder(domain), "sync_map");
	return domain_recorder(domain)->sync_map;
}

static int domain_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
	record(domain_recorder(domain), enable ? "track" : "untrack");
	return 0;
}

/* The first page of any range counts as written. */
static int domain_read_dirty(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			     unsigned int flags, struct iommu_dirty_bitmap *bitmap,
			     struct iommu_gather *gather)
{
	uint64_t bit;

	record(domain_recorder(domain), "read_dirty");
	if (bitmap != NULL) {
		bit = (iova - bitmap->start) >> bitmap->page_shift;
		bitmap->words[bit / 64] |= 1ULL << bit % 64;
	}
	if ((flags & IOMMU_DIRTY_KEEP) == 0)
		iommu_gather_add(gather, iova, iova + (size - 1), IOMMU_PAGE_SIZE);
	return 0;
}

static void domain_note_written(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	(void)iova;
	(void)size;
	record(domain_recorder(domain), "note_written");
}

static int domain_invalidate_user(struct iommu_domain *domain, const void *requests,
				  size_t request_size, unsigned int count, unsigned int *done)
{
	(void)requests;
	(void)request_size;
	record(domain_recorder(domain), "invalidate_user");
	*done = count - 1;
	return IOMMU_EINVAL;
}

static const struct iommu_page_ops page_ops = {
	.map_page = domain_map_page,
	.unmap_page = domain_unmap_page,
	.sync_page = domain_sync_page,
	.map_pieces = domain_map_pieces,
};

static const struct iommu_domain_ops plain_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.free = domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync = domain_sync,
	.flush_all = domain_flush_all,
	.sync_map = domain_sync_map,
};

static const struct iommu_domain_ops full_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.attach_pasid = domain_attach_pasid,
	.detach_pasid = domain_detach_pasid,
	.free = domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync = domain_sync,
	.flush_all = domain_flush_all,
	.sync_map = domain_sync_map,
	.set_dirty_tracking = domain_set_dirty_tracking,
	.read_dirty = domain_read_dirty,
	.note_written = domain_note_written,
	.invalidate_user = domain_invalidate_user,
};

static const struct iommu_domain_ops identity_table_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.free = domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync = domain_sync,
	.flush_all = domain_flush_all,
	.sync_map = domain_sync_map,
};

static const struct iommu_domain_ops identity_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.free = domain_free,
};

static int unit_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			     const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct recorder *r = recorder_of(unit);
	struct recording_domain *domain;

	assert_non_null(config);
	assert_true(type != IOMMU_DOMAIN_DMA && type != IOMMU_DOMAIN_DMA_LAZY &&
		    type != IOMMU_DOMAIN_DMA_BYPASS);
	assert_true(type == IOMMU_DOMAIN_PAGING || !config->bypass);
	if (r->domain_alloc != 0)
		return r->domain_alloc;
	if (type == IOMMU_DOMAIN_IDENTITY && r->shared_identity && r->identity != NULL) {
		*result = r->identity;
		return 0;
	}
	domain = calloc(1, sizeof(*domain));
	assert_non_null(domain);
	domain->base.ops = type == IOMMU_DOMAIN_IDENTITY && r->identity_has_table
				   ? &identity_table_ops
			   : type == IOMMU_DOMAIN_IDENTITY ? &identity_ops
			   : r->has_pasids || r->has_dirty ? &full_ops
							   : &plain_ops;
	if (domain->base.ops == &plain_ops)
		domain->base.page_ops = &page_ops;
	domain->base.aperture_last = UINT64_MAX;
	if (config->bypass && r->has_bypass) {
		domain->base.bypass_offset = 1ULL << 60;
		domain->base.bypass_size = 1ULL << 40;
	}
	domain->base.nest_parent = config->nest_parent && r->has_nesting;
	domain->recorder = r;
	domain->is_shared = type == IOMMU_DOMAIN_IDENTITY && r->shared_identity;
	if (domain->is_shared)
		r->identity = &domain->base;
	else
		r->alive++;
	*result = &domain->base;
	return 0;
}

/* --- Units and endpoints ---------------------------------------------------------------------- */

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
	endpoint->uses_device_tlb = recorder_of(unit)->has_tlbs && endpoint->info.device_tlb;
	return recorder_of(unit)->probe;
}

static void unit_release(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	record_of(recorder_of(unit), "release", endpoint);
}

static const void *unit_device_group(const struct iommu_endpoint *endpoint)
{
	const struct recorder *r = recorder_of(endpoint->unit);

	return r->groups_alone ? endpoint : r->group_key;
}

static bool unit_default_type(const struct iommu_endpoint *endpoint, enum iommu_domain_type *type)
{
	*type = recorder_of(endpoint->unit)->needed_type;
	return recorder_of(endpoint->unit)->needs_type;
}

static bool unit_capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	const struct recorder *r = recorder_of(endpoint->unit);

	return (capability == IOMMU_CAPABLE_PASID && r->has_pasids) ||
	       (capability == IOMMU_CAPABLE_INTERRUPT_ISOLATION && r->isolates_interrupts) ||
	       (capability == IOMMU_CAPABLE_INTERRUPT_REMAPPING && r->remaps_interrupts);
}

/* Only what was not confirmed is asked for again. */
static int unit_confirm(struct iommu_unit *unit)
{
	struct recorder *r = recorder_of(unit);

	if (!r->is_open)
		return 0;
	record(r, "confirm");
	r->is_open = r->confirm != 0;
	return r->confirm;
}

static int unit_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			    bool enable)
{
	static const char *const names[2][5] = {
		{NULL, "pasid-off", "ats-off", NULL, "requests-off"},
		{NULL, "pasid-on", "ats-on", NULL, "requests-on"},
	};

	record(recorder_of(endpoint->unit), names[enable][feature]);
	return recorder_of(endpoint->unit)->set_feature;
}

static int unit_page_response(struct iommu_endpoint *endpoint,
			      const struct iommu_page_response *response)
{
	struct recorder *r = recorder_of(endpoint->unit);

	assert_true(r->response_count < 16);
	r->responses[r->response_count++] = *response;
	return r->page_response;
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

	while (r->region_ids != NULL && *cursor < r->region_count &&
	       r->region_ids[*cursor] != endpoint->info.source_id)
		++*cursor;
	if (*cursor >= r->region_count ||
	    (r->region_of != 0 && r->region_of != endpoint->info.source_id))
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
	.device_group = unit_device_group,
	.default_type = unit_default_type,
	.capable = unit_capable,
	.confirm = unit_confirm,
	.set_feature = unit_set_feature,
	.page_response = unit_page_response,
	.domain_alloc = unit_domain_alloc,
	.next_region = unit_next_region,
	.handle_faults = unit_faults,
};

/* --- The whole -------------------------------------------------------------------------------- */

void recorder_init(struct recorder *r)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	test_platform_init(&r->test, 4 << 20, 0);
	assert_int_equal(iommu_create(&r->test.platform, &r->iommu), 0);
	for (i = 0; i < RECORDER_UNITS; i++) {
		r->units[i].recorder = r;
		r->units[i].match = IOMMU_MATCH_REST;
		r->units[i].base.ops = &unit_ops;
		r->units[i].base.name[0] = 'u';
		r->units[i].base.name[1] = (char)('0' + i);
		iommu_register_unit(r->iommu, &r->units[i].base);
	}
}

void recorder_destroy(struct recorder *r)
{
	assert_int_equal(iommu_destroy(r->iommu), 0);
	assert_int_equal(r->alive, 0);
	test_platform_destroy(&r->test);
	free(r->identity);
}

struct iommu_endpoint *recorder_add(struct recorder *r, uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(r->iommu, &info, &endpoint), 0);
	return endpoint;
}

struct iommu_endpoint *recorder_add_capable(struct recorder *recorder, uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.source_id = source_id,
						 .device_tlb = true,
						 .physical_function = source_id,
						 .max_pasids = 16,
						 .page_requests = 4};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(recorder->iommu, &info, &endpoint), 0);
	return endpoint;
}

struct iommu_domain *recorder_domain(struct recorder *r, enum iommu_domain_type type)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(&r->units[0].base, type, NULL, &domain), 0);
	return domain;
}
