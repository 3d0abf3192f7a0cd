/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a VT-d unit cannot do is refused with the status for that, and nothing has changed: domains,
 * messages, units that are to go, what is another instance's; and hardware whose capabilities are
 * wrong in any single bit is refused, or used for what it says.
 */
#include <string.h>

#include <libiommu/counters.h>
#include <libiommu/dmar_builder.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/vtd_interrupt.h>

#include "test.h"
#include "vtd_fixture.h"

#define SCALABLE                                                                                   \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |         \
	 IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH)
#define LONG (IOMMU_PAGE_SIZE + 1)

static void begin_flags(unsigned int flags)
{
	const struct iommu_model_vtd_config config = {
		.flags = flags, .levels = 1U << 3 | 1U << 4, .address_mask = 9};

	machine(1, &config);
	devices(1);
	f.info.max_pasids = 1U << 16;
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void refuse_domain(enum iommu_domain_type type, const struct iommu_domain_config *config,
			  int status)
{
	struct iommu_domain *domain = NULL;
	const size_t pages = f.machine.pages_in_use;

	assert_int_equal(iommu_domain_alloc(f.unit[0], type, config, &domain), status);
	assert_null(domain);
	assert_int_equal(f.machine.pages_in_use, pages);
}

static uint64_t bytes[LONG / 8 + 1]; /* a description, and what is behind it */

static void second_stages_are_checked(void **state)
{
	const struct iommu_vtd_second_stage good = {.table = 0x10000000, .levels = 4};
	const struct iommu_domain_config plain = {
		.stage = IOMMU_STAGE_SECOND, .user_data = bytes, .user_size = sizeof(good)};
	struct iommu_domain_config config = plain;
	struct iommu_domain *domain;

	(void)state;
	begin_flags(SCALABLE);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &good, sizeof(good));
	config.user_data = NULL;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	config = plain;
	config.user_size = sizeof(good) - 1;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	config.user_size = LONG;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	config = plain;
	config.nest_parent = true;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EOPNOTSUPP);
	config = plain;
	config.max_table_pages = 1;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EOPNOTSUPP);
	config = plain;
	config.dirty_tracking = true;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EOPNOTSUPP);
	config = plain;
	config.address_width = 12;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	config.address_width = 49;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	config = plain;
	config.pgsize_bitmap = 1;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	/* More is known by then, unless it is 0. */
	config = plain;
	config.user_size = sizeof(good) + 16;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &config, &domain), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	bytes[sizeof(good) / 8 + 1] = 1;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EOPNOTSUPP);
	end();
}

static void stages_and_types_are_checked(void **state)
{
	const struct iommu_vtd_first_stage stage = {.table = 0x10000000, .levels = 4};
	struct iommu_domain_config config = {.user_data = &stage, .user_size = sizeof(stage)};
	struct iommu_domain_config first = {.stage = IOMMU_STAGE_FIRST};

	(void)state;
	begin_flags(SCALABLE);
	config.stage = (enum iommu_stage)9;
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EINVAL);
	refuse_domain((enum iommu_domain_type)99, NULL, IOMMU_EINVAL);
	/* A guest's table on what is no second stage. */
	config.stage = IOMMU_STAGE_ANY;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &first, &config.parent),
			 0);
	refuse_domain(IOMMU_DOMAIN_NESTED, &config, IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(config.parent), 0);
	config.parent = NULL;
	refuse_domain(IOMMU_DOMAIN_NESTED, &config, IOMMU_EINVAL);
	assert_false(iommu_capable(f.endpoint[0], (enum iommu_capability)99));
	end();
}

static void legacy_mode_has_neither_nesting_nor_pasids(void **state)
{
	const struct iommu_vtd_first_stage stage = {.table = 0x10000000, .levels = 4};
	struct iommu_domain_config config = {.user_data = &stage, .user_size = sizeof(stage)};
	struct iommu_pasid_handle handle;
	struct iommu_domain *domain;

	(void)state;
	begin_flags(0);
	refuse_domain(IOMMU_DOMAIN_SVA, &config, IOMMU_EOPNOTSUPP);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	config.parent = domain;
	assert_int_not_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, &domain),
			     0);
	assert_ptr_equal(domain, config.parent);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
			 IOMMU_EOPNOTSUPP);
	assert_int_not_equal(iommu_domain_attach_pasid(domain, f.group[0], 5, &handle), 0);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- Messages, and units that are to go ------------------------------------------------------- */

static void messages_are_checked(void **state)
{
	static const struct {
		uint64_t address;
		uint32_t data;
	} wrong[] = {{0xfedfffffULL, 0x41},
		     {0xfef00000ULL, 0x41},
		     {0xfee00002ULL, 0x41},
		     {0xfee00000ULL, 0x10000}};

	(void)state;
	begin_flags(SCALABLE | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS |
		    IOMMU_MODEL_VTD_COUNTERS);
	for (unsigned int i = 0; i < 4; i++) {
		const uint64_t address = wrong[i].address;

		assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], address, wrong[i].data),
				 IOMMU_EINVAL);
		assert_int_equal(
			iommu_vtd_set_page_request_interrupt(f.unit[0], address, wrong[i].data),
			IOMMU_EINVAL);
		assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], address, wrong[i].data),
				 IOMMU_EINVAL);
	}
	assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], 0xfee00000, 0x41), 0);
	assert_int_equal(iommu_vtd_mask_fault_interrupt(f.unit[0]), 0);
	end();
	/* A unit that has none of the two. */
	begin_flags(0);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], 0xfee00000, 0x41),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_mask_counter_interrupt(f.unit[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(f.unit[0], 0xfee00000, 0x41),
			 IOMMU_EOPNOTSUPP);
	end();
}

static void the_last_unit_stays(void **state)
{
	(void)state;
	begin_flags(SCALABLE);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	f.endpoint[0] = NULL;
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), IOMMU_EBUSY);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	end();
}

/* --- Another instance's ----------------------------------------------------------------------- */

static void instances_are_strangers(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_endpoint_info info = {.source_id = 0x20, .physical_function = 0x20};
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_vtd_first_stage stage = {.table = 0x10000000, .levels = 4};
	struct iommu_domain_config nested = {.user_data = &stage, .user_size = sizeof(stage)};
	struct iommu_counter_config counted = {.filters = IOMMU_COUNTER_OF_DOMAIN};
	static struct model_machine other;
	struct iommu_pasid_handle handle;
	struct model_host host;
	unsigned int counter;

	(void)state;
	begin_flags(SCALABLE | IOMMU_MODEL_VTD_COUNTERS);
	model_machine_init(&other, 1, &config);
	(void)model_machine_add_device(&other, 0, 0x20);
	host = model_machine_start(&other, &options, &info);
	assert_int_equal(iommu_domain_attach_group(host.domain, f.group[0]), IOMMU_EINVAL);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(host.domain, f.group[0], 5, &handle),
			 IOMMU_EINVAL);
	nested.parent = host.domain;
	refuse_domain(IOMMU_DOMAIN_NESTED, &nested, IOMMU_EINVAL);
	counted.domain = host.domain;
	assert_int_equal(iommu_counter_alloc(f.unit[0], &counted, &counter), IOMMU_EINVAL);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(host.endpoint)), 0);
	assert_int_equal(iommu_domain_free(host.domain), 0);
	assert_int_equal(iommu_release_endpoint(host.endpoint), 0);
	assert_int_equal(iommu_destroy(host.iommu), 0);
	model_machine_destroy(&other);
	end();
}

/* --- Units that cannot ------------------------------------------------------------------------ */

enum kind {
	SECOND,
	SNOOPING,
	NOTING,       /* a second stage whose writes are noted */
	NOTING_FIRST, /* … and a first one */
	PARENT,
	FIRST,
	FIRST_5, /* of five levels */
	FOREIGN_FIRST,
	FOREIGN_FIRST_5,
	FOREIGN_SECOND,
	NESTED,
	NESTED_5, /* a guest's table of five levels */
	IDENTITY,
};

static struct iommu_domain *parent;

static struct iommu_domain *domain_of_kind(enum kind kind)
{
	const struct iommu_vtd_second_stage second = {.table = 0x10000000, .levels = 4};
	const struct iommu_vtd_first_stage first = {
		.table = 0x10000000, .levels = kind == FOREIGN_FIRST_5 || kind == NESTED_5 ? 5 : 4};
	struct iommu_domain_config config = {
		.stage = kind == FIRST || kind == FIRST_5 || kind == NOTING_FIRST
				 ? IOMMU_STAGE_FIRST
				 : IOMMU_STAGE_SECOND,
		.force_snoop = kind == SNOOPING,
		.dirty_tracking = kind == NOTING || kind == NOTING_FIRST,
		.nest_parent = kind == PARENT,
		.address_width = kind == FIRST_5 ? 56 : 0,
	};
	enum iommu_domain_type type = IOMMU_DOMAIN_PAGING;
	struct iommu_domain *domain = NULL;

	parent = NULL;
	if (kind == NESTED || kind == NESTED_5) {
		parent = domain_of_kind(PARENT);
		config = (struct iommu_domain_config){
			.parent = parent, .user_data = &first, .user_size = sizeof(first)};
		type = IOMMU_DOMAIN_NESTED;
	} else if (kind == FOREIGN_FIRST || kind == FOREIGN_FIRST_5) {
		config = (struct iommu_domain_config){.user_data = &first,
						      .user_size = sizeof(first)};
		type = IOMMU_DOMAIN_SVA;
	} else if (kind == FOREIGN_SECOND) {
		config.user_data = &second;
		config.user_size = sizeof(second);
		type = IOMMU_DOMAIN_SVA;
	} else if (kind == IDENTITY) {
		config = (struct iommu_domain_config){.stage = IOMMU_STAGE_ANY};
		type = IOMMU_DOMAIN_IDENTITY;
	}
	assert_int_equal(iommu_domain_alloc(f.unit[0], type, &config, &domain), 0);
	return domain;
}

#define WITHOUT(flag) (all & ~(unsigned int)(flag))

/* A domain of a unit that can everything, and another unit that lacks something for it. */
static void domains_do_not_go_where_they_cannot(void **state)
{
	const unsigned int all =
		SCALABLE | IOMMU_MODEL_VTD_SNOOP_CONTROL | IOMMU_MODEL_VTD_FIRST_STAGE_5;
	const unsigned int levels = 1U << 3 | 1U << 4;
	const unsigned int legacy = IOMMU_MODEL_VTD_SNOOP_CONTROL | IOMMU_MODEL_VTD_PASS_THROUGH;
	const unsigned int stages = IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_DIRTY;
	const unsigned int first = IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_FIRST_STAGE_5;
	const struct {
		enum kind kind;
		struct iommu_model_vtd_config unit;
	} cases[] = {
		{SECOND,
		 {.flags = WITHOUT(stages) | IOMMU_MODEL_VTD_NO_SECOND_STAGE, .levels = levels}},
		{SNOOPING, {.flags = WITHOUT(IOMMU_MODEL_VTD_SNOOP_CONTROL), .levels = levels}},
		{NOTING, {.flags = legacy, .levels = levels}},
		{NOTING, {.flags = WITHOUT(IOMMU_MODEL_VTD_DIRTY), .levels = levels}},
		{NOTING_FIRST, {.flags = all | IOMMU_MODEL_VTD_NONCOHERENT, .levels = levels}},
		{PARENT, {.flags = legacy, .levels = levels}},
		{PARENT, {.flags = WITHOUT(IOMMU_MODEL_VTD_NESTED), .levels = levels}},
		{FIRST, {.flags = legacy, .levels = levels}},
		{FIRST, {.flags = WITHOUT(first | IOMMU_MODEL_VTD_NESTED), .levels = levels}},
		{FIRST_5, {.flags = WITHOUT(IOMMU_MODEL_VTD_FIRST_STAGE_5), .levels = levels}},
		{FOREIGN_FIRST, {.flags = all | IOMMU_MODEL_VTD_NONCOHERENT, .levels = levels}},
		{FOREIGN_FIRST, {.flags = legacy, .levels = levels}},
		{FOREIGN_FIRST_5,
		 {.flags = WITHOUT(IOMMU_MODEL_VTD_FIRST_STAGE_5), .levels = levels}},
		{FOREIGN_SECOND, {.flags = all | IOMMU_MODEL_VTD_NONCOHERENT, .levels = levels}},
		{FOREIGN_SECOND, {.flags = all, .levels = 1U << 3, .address_width = 39}},
		{FOREIGN_SECOND, {.flags = all, .levels = levels, .address_width = 40}},
		{FOREIGN_SECOND,
		 {.flags = all, .levels = levels, .pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M}},
		{NESTED, {.flags = legacy, .levels = levels}},
		{NESTED, {.flags = WITHOUT(IOMMU_MODEL_VTD_NESTED), .levels = levels}},
		{NESTED_5, {.flags = WITHOUT(IOMMU_MODEL_VTD_FIRST_STAGE_5), .levels = levels}},
		{IDENTITY, {.flags = WITHOUT(IOMMU_MODEL_VTD_PASS_THROUGH), .levels = levels}},
	};
	const struct iommu_model_vtd_config able = {.flags = all, .levels = levels};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_vtd_options none = {0};
		struct iommu_domain *domain;

		machine(1, &able);
		model_machine_add_unit(&f.machine, &cases[i].unit);
		devices(2);
		assert_int_equal(probe_with(&none), 0);
		endpoints();
		for (unsigned int unit = 0; unit < 2; unit++)
			assert_int_equal(iommu_unit_enable(f.unit[unit]), 0);
		domain = domain_of_kind(cases[i].kind);
		if (iommu_domain_attach_group(domain, f.group[1]) != IOMMU_EINVAL)
			fail_msg("case %u is attached", (unsigned int)i);
		assert_true(is_blocked(1, IOVA));
		/* Where it can it does. */
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EINVAL);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		if (cases[i].kind == NESTED || cases[i].kind == NESTED_5)
			assert_int_equal(iommu_domain_free(parent), 0);
		end();
	}
}

/* What a unit can do for a device: PASIDs need both, and where writes are noted one stage. */
static void capabilities_are_of_unit_and_device(void **state)
{
	const unsigned int first = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE;
	const struct {
		unsigned int flags, pasids;
		bool has_pasids, notes;
	} cases[] = {
		{0, 16, false, false},
		{IOMMU_MODEL_VTD_SCALABLE, 16, false, false},
		{IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID, 1, false, false},
		{IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID, 2, true, false},
		{IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_DIRTY, 16, false, true},
		{first, 16, false, true},
		{first | IOMMU_MODEL_VTD_NONCOHERENT, 16, false, false},
		{first | IOMMU_MODEL_VTD_NONCOHERENT | IOMMU_MODEL_VTD_DIRTY, 16, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_vtd_config config = {.flags = cases[i].flags,
							      .levels = 1U << 3 | 1U << 4};
		const struct iommu_domain_config noting = {.dirty_tracking = true};
		struct iommu_domain *domain = NULL;
		int status;

		machine(1, &config);
		devices(1);
		f.info.max_pasids = cases[i].pasids;
		assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
		endpoints();
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		assert_int_equal(iommu_capable(f.endpoint[0], IOMMU_CAPABLE_PASID),
				 cases[i].has_pasids);
		assert_int_equal(iommu_capable(f.endpoint[0], IOMMU_CAPABLE_DIRTY_TRACKING),
				 cases[i].notes);
		/* So it is. */
		status = iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID);
		assert_int_equal(status == 0, cases[i].has_pasids);
		status = iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &noting, &domain);
		assert_int_equal(status, cases[i].notes ? 0 : IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_domain_free(domain), 0);
		end();
	}
}

/* --- Units that come later -------------------------------------------------------------------- */

/* The structures of a table, without its header. */
static int add_units(struct iommu_dmar_builder *builder, const uint8_t *table)
{
	const int size = iommu_dmar_finish(builder, "OEM", "LATER");

	assert_true(size > (int)DMAR_HEADER_SIZE);
	return iommu_vtd_add_units(f.iommu, table + DMAR_HEADER_SIZE,
				   (size_t)size - DMAR_HEADER_SIZE);
}

/* Regions would come too late; a unit that is known is not another one; and all or nothing. */
static void what_is_added_later_is_units(void **state)
{
	static uint8_t table[512];
	struct iommu_dmar_builder builder;
	size_t pages;

	(void)state;
	begin_flags(0);
	pages = f.machine.pages_in_use;
	for (unsigned int i = 0; i < 3; i++) {
		iommu_dmar_begin(&builder, table, sizeof(table), 48, 0);
		iommu_dmar_add_affinity(&builder, MACHINE_UNIT(0), 1);
		if (i == 0) {
			iommu_dmar_add_region(&builder, 0, 0x100000, 0x1fffff);
		} else {
			if (i == 1)
				iommu_dmar_add_unit(&builder, 7, MACHINE_UNIT(5), 4096, false);
			iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(0), 4096, true);
		}
		assert_int_equal(add_units(&builder, table), i == 0 ? IOMMU_EINVAL : IOMMU_EEXIST);
		assert_ptr_equal(iommu_next_unit(f.iommu, NULL), f.unit[0]);
		assert_null(iommu_next_unit(f.iommu, f.unit[0]));
		assert_int_equal(f.machine.pages_in_use, pages);
	}
	/* Registers beyond the addresses of the machine, and at the end of all addresses. */
	for (unsigned int i = 0; i < 2; i++) {
		iommu_dmar_begin(&builder, table, sizeof(table), 48, 0);
		iommu_dmar_add_unit(&builder, 7, i == 0 ? 1ULL << 48 : UINT64_MAX - 0xfff, 8192,
				    false);
		assert_int_equal(add_units(&builder, table), IOMMU_EIO);
		assert_null(iommu_next_unit(f.iommu, f.unit[0]));
		assert_int_equal(f.machine.pages_in_use, pages);
	}
	end();
}

/* --- Regions of devices ----------------------------------------------------------------------- */

#define REGION 0x7000000ULL

static bool reaches_page(unsigned int device_number, unsigned int page)
{
	return reaches(device_number, REGION + page * IOMMU_PAGE_SIZE,
		       REGION + page * IOMMU_PAGE_SIZE);
}

/*
 * Regions of two devices that overlap, in a domain in which the host has mapped some of their pages
 * to themselves before: those are the host's, and stay where a region goes.
 */
static void pages_of_the_host_stay_where_regions_go(void **state)
{
	const struct iommu_model_vtd_config config = {.levels = 1U << 3 | 1U << 4};
	struct iommu_region region = {.type = IOMMU_REGION_DIRECT, .prot = RW};
	struct iommu_domain *domain;
	size_t pages;

	(void)state;
	machine(1, &config);
	devices(3);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	/* Pages 0 to 7, and 4 to 9. */
	for (unsigned int i = 0; i < 2; i++) {
		region.start = REGION + i * 4 * IOMMU_PAGE_SIZE;
		region.last = REGION + (i == 0 ? 8 : 10) * IOMMU_PAGE_SIZE - 1;
		assert_int_equal(iommu_add_region(f.iommu, 0, f.device[i]->source_id, &region), 0);
	}
	endpoints();
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	domain = domain_of_type(IOMMU_DOMAIN_DMA);
	/* Two of the host's that adjoin, and one that does not. */
	assert_int_equal(iommu_map(domain, REGION + IOMMU_PAGE_SIZE, REGION + IOMMU_PAGE_SIZE,
				   2 * IOMMU_PAGE_SIZE, RW),
			 0);
	assert_int_equal(iommu_map(domain, REGION + 5 * IOMMU_PAGE_SIZE,
				   REGION + 5 * IOMMU_PAGE_SIZE, IOMMU_PAGE_SIZE, RW),
			 0);
	for (unsigned int order = 0; order < 2; order++) {
		const unsigned int first = order, second = 1 - order;

		/* Short of memory, nothing of a region is left. */
		pages = f.machine.pages_in_use;
		f.machine.fail_every = 1;
		(void)iommu_domain_attach_group(domain, f.group[2]);
		f.machine.fail_every = 0;
		assert_int_equal(iommu_domain_attach_group(domain, f.group[2]), 0);
		for (unsigned int page = 0; page < 10; page++)
			assert_int_equal(reaches_page(2, page),
					 page == 1 || page == 2 || page == 5);
		assert_true(f.machine.pages_in_use >= pages);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[first]), 0);
		for (unsigned int page = 0; page < 10; page++)
			assert_int_equal(reaches_page(2, page),
					 first == 0 ? page < 8
						    : page >= 4 || page == 1 || page == 2);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[second]), 0);
		for (unsigned int page = 0; page < 10; page++)
			assert_true(reaches_page(2, page) && reaches_page(second, page));
		assert_int_equal(iommu_domain_detach_group(f.group[first]), 0);
		for (unsigned int page = 0; page < 10; page++)
			assert_int_equal(reaches_page(2, page),
					 second == 0 ? page < 8
						     : page >= 4 || page == 1 || page == 2);
		assert_int_equal(iommu_domain_detach_group(f.group[second]), 0);
		for (unsigned int page = 0; page < 10; page++)
			assert_int_equal(reaches_page(2, page),
					 page == 1 || page == 2 || page == 5);
		assert_int_equal(iommu_domain_detach_group(f.group[2]), 0);
	}
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A region that a domain has no addresses for: the device is not let into it. */
static void regions_beyond_a_domain_keep_devices_out(void **state)
{
	const struct iommu_model_vtd_config config = {.levels = 1U << 3 | 1U << 4};
	const struct iommu_domain_config narrow = {.address_width = 39};
	const struct iommu_region region = {.start = 1ULL << 40,
					    .last = (1ULL << 40) + 0xfff,
					    .type = IOMMU_REGION_DIRECT,
					    .prot = RW};
	struct iommu_domain *domain = NULL;

	(void)state;
	machine(1, &config);
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[0]->source_id, &region), 0);
	endpoints();
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_true(reaches(0, 1ULL << 40, 1ULL << 40));
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_DMA, &narrow, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_ERANGE);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_true(reaches(0, 1ULL << 40, 1ULL << 40));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- What has nothing to do ------------------------------------------------------------------- */

/* A hypervisor's table that could map more than the unit takes: as far as the unit goes. */
static void second_stages_end_where_units_do(void **state)
{
	const struct iommu_model_vtd_config config = {.levels = 1U << 4, .address_width = 40};
	const struct iommu_vtd_second_stage stage = {.table = 0x10000000, .levels = 4};
	struct iommu_domain_config wanted = {
		.stage = IOMMU_STAGE_SECOND, .user_data = &stage, .user_size = sizeof(stage)};
	struct iommu_domain_info info;
	struct iommu_domain *domain = NULL;

	(void)state;
	machine(1, &config);
	devices(1);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &wanted, &domain), 0);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.aperture_last, (1ULL << 40) - 1);
	assert_int_equal(iommu_domain_free(domain), 0);
	/* A wider one is none of this unit's. */
	wanted.address_width = 41;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &wanted, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(domain), 0);
	wanted.address_width = 39;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &wanted, &domain), 0);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.aperture_last, (1ULL << 39) - 1);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A parent of a unit that nests is none on another one that does not. */
static void parents_are_of_units_that_nest(void **state)
{
	const struct iommu_model_vtd_config able = {.flags = SCALABLE, .levels = 1U << 3 | 1U << 4};
	const struct iommu_model_vtd_config units[] = {
		{.levels = 1U << 3 | 1U << 4},
		{.flags = SCALABLE & ~(unsigned int)IOMMU_MODEL_VTD_NESTED,
		 .levels = 1U << 3 | 1U << 4}};
	const struct iommu_vtd_first_stage stage = {.table = 0x10000000, .levels = 4};
	const struct iommu_domain_config parents = {.nest_parent = true};
	struct iommu_domain_config nested = {.user_data = &stage, .user_size = sizeof(stage)};
	struct iommu_domain *domain = NULL;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		machine(1, &able);
		model_machine_add_unit(&f.machine, &units[i]);
		devices(2);
		assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
		endpoints();
		assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &parents,
						    &nested.parent),
				 0);
		domain = NULL;
		assert_int_equal(
			iommu_domain_alloc(f.unit[1], IOMMU_DOMAIN_NESTED, &nested, &domain),
			IOMMU_EOPNOTSUPP);
		assert_null(domain);
		assert_int_equal(
			iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &nested, &domain), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_domain_free(nested.parent), 0);
		end();
	}
}

/* What is so already is not done again: no descriptor is sent. */
static void what_is_so_already_is_not_done(void **state)
{
	const struct iommu_domain_config noting = {.dirty_tracking = true,
						   .stage = IOMMU_STAGE_SECOND};
	struct iommu_domain *domain = NULL;
	uint64_t tail;
	bool lost = true;

	(void)state;
	begin_flags(SCALABLE);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &noting, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
	tail = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IQT, 8);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
	assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IQT, 8), tail);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, false), 0);
	tail = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IQT, 8);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, false), 0);
	assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IQT, 8), tail);
	/* A unit without page requests has none. */
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], &lost), 0);
	assert_false(lost);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A unit with interrupts that are not freed stays; entries are cleared also where it is off. */
static void interrupts_keep_their_unit(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
						      .levels = 1U << 3 | 1U << 4};
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 3};
	struct iommu_vtd_interrupt block, late;
	struct iommu_model_interrupt seen;
	uint64_t address;
	uint32_t message;

	(void)state;
	machine(2, &config);
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[1], 4, &block), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&block, 1, &target), 0);
	assert_int_equal(iommu_release_endpoint(f.endpoint[1]), 0);
	f.endpoint[1] = NULL;
	assert_int_equal(iommu_vtd_remove_unit(f.unit[1]), IOMMU_EBUSY);
	iommu_vtd_interrupt_message(&block, 1, &address, &message);
	assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[1], f.device[1]->source_id,
						   address, message, &seen),
			 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupt_clear(&block, 1), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[1], 1, &late), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_not_equal(iommu_model_vtd_interrupt(f.machine.units[1], f.device[1]->source_id,
						       address, message, &seen),
			     0);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[1]), 0);
	end();
}

static unsigned int faults;

static void count_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	(void)fault;
	faults++;
}

/* Without a clock there are no seconds in which only so many faults are told of. */
static void a_host_without_a_clock_is_told_of_all_faults(void **state)
{
	uint64_t (*now_ns)(void *ctx);
	bool lost = false;

	(void)state;
	begin_flags(0);
	iommu_set_fault_handler(f.iommu, count_fault, NULL);
	now_ns = f.machine.platform.now_ns;
	f.machine.platform.now_ns = NULL;
	faults = 0;
	for (unsigned int i = 0; i < 2000; i++) {
		assert_true(is_blocked(0, IOVA + i * IOMMU_PAGE_SIZE));
		assert_true(iommu_unit_handle_faults(f.unit[0], &lost) >= 0);
	}
	f.machine.platform.now_ns = now_ns;
	assert_int_equal(faults, 2000);
	assert_false(lost);
	end();
}

/* --- Capabilities that lie -------------------------------------------------------------------- */

static bool is_refusal(int status)
{
	return status == IOMMU_EIO || status == IOMMU_EINVAL || status == IOMMU_EOPNOTSUPP ||
	       status == IOMMU_ETIMEDOUT || status == IOMMU_ENOMEM || status == IOMMU_ENODEV;
}

/* What a unit says that it has is what it is used for, or it is refused. */
static void use_anyway(void)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_IDENTITY,
						       IOMMU_DOMAIN_BLOCKED};
	struct iommu_domain *domain;
	struct iommu_vtd_info info;
	int status;

	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_true(info.domains != 0 && info.output_width >= 30);
	status = iommu_unit_enable(f.unit[0]);
	assert_true(status == 0 || is_refusal(status));
	for (unsigned int i = 0; i < 3; i++) {
		if (iommu_domain_alloc(f.unit[0], types[i], NULL, &domain) != 0)
			continue;
		status = iommu_domain_attach_group(domain, f.group[0]);
		assert_true(status == 0 || is_refusal(status));
		(void)iommu_domain_detach_group(f.group[0]);
		(void)iommu_domain_free(domain);
	}
}

static void flip(unsigned int flags, unsigned int bit)
{
	const struct iommu_model_vtd_config config = {
		.flags = flags, .levels = 1U << 3 | 1U << 4, .address_mask = 9};
	struct iommu_model_vtd_faults lies = {0};
	struct iommu_model_vtd *unit;
	uint64_t cap, ecap;
	int status;

	machine(1, &config);
	devices(1);
	f.info.max_pasids = 1U << 16;
	unit = f.machine.units[0];
	cap = iommu_model_vtd_mmio_read(unit, VTD_CAP, 8);
	ecap = iommu_model_vtd_mmio_read(unit, VTD_ECAP, 8);
	lies.capability = bit < 64 ? cap ^ 1ULL << bit : cap;
	lies.extended_capability = bit < 64 ? ecap : ecap ^ 1ULL << (bit - 64);
	iommu_model_vtd_misbehave(unit, &lies);
	status = probe_with(&(struct iommu_vtd_options){0});
	assert_true(status == 0 || is_refusal(status));
	if (status == 0 && endpoint(0) == 0) {
		f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		use_anyway();
	}
	/* A unit that is reset is off, whatever it is told; what rules hold a liar would know. */
	iommu_model_vtd_misbehave(unit, &(struct iommu_model_vtd_faults){0});
	iommu_model_vtd_reset(unit);
	f.machine.violation = NULL;
	if (status == 0)
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	end();
}

static void any_bit_may_lie(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 128; bit++) {
		flip(0, bit);
		flip(SCALABLE | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS |
			     IOMMU_MODEL_VTD_COUNTERS | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
		     bit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_stages_are_checked),
		cmocka_unit_test(stages_and_types_are_checked),
		cmocka_unit_test(legacy_mode_has_neither_nesting_nor_pasids),
		cmocka_unit_test(messages_are_checked),
		cmocka_unit_test(the_last_unit_stays),
		cmocka_unit_test(instances_are_strangers),
		cmocka_unit_test(domains_do_not_go_where_they_cannot),
		cmocka_unit_test(capabilities_are_of_unit_and_device),
		cmocka_unit_test(what_is_added_later_is_units),
		cmocka_unit_test(second_stages_end_where_units_do),
		cmocka_unit_test(parents_are_of_units_that_nest),
		cmocka_unit_test(what_is_so_already_is_not_done),
		cmocka_unit_test(interrupts_keep_their_unit),
		cmocka_unit_test(a_host_without_a_clock_is_told_of_all_faults),
		cmocka_unit_test(pages_of_the_host_stay_where_regions_go),
		cmocka_unit_test(regions_beyond_a_domain_keep_devices_out),
		cmocka_unit_test(any_bit_may_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
