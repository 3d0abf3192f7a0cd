/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d's scalable mode, the driver against the model: which mode and which stage is used, PASIDs,
 * tables of another owner, nesting, dirty bits, page requests; and what is left when memory or
 * hardware fails on the way.
 */
#include <string.h>

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>

#include "base/byteorder.h"
#include "test.h"
#include "vtd_fixture.h"

#define SCALABLE IOMMU_MODEL_VTD_SCALABLE
#define FIRST    (SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE)
#define EVERYTHING                                                                                 \
	(FIRST | IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID |          \
	 IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_SNOOP_CONTROL)
#define WITH_TLB (EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB)
#define PASID    77

static struct iommu_model_vtd_config config_of(unsigned int flags)
{
	return (struct iommu_model_vtd_config){
		.flags = flags,
		.levels = 1U << 3 | 1U << 4,
		.address_mask = 9,
		.domain_bits = 6,
		.fault_records = 4,
	};
}

/* Units that are on, and devices that have what the units know. */
static void begin_with(unsigned int flags, unsigned int units, unsigned int device_count)
{
	const struct iommu_model_vtd_config config = config_of(flags);
	const struct iommu_vtd_options none = {0};
	unsigned int i;

	machine(units, &config);
	devices(device_count);
	f.info.max_pasids = 1U << 20;
	f.info.device_tlb = (flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0;
	f.info.page_requests = 8;
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	for (i = 0; i < device_count; i++)
		f.device[i]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[i]);
	for (i = 0; i < units; i++)
		assert_int_equal(iommu_unit_enable(f.unit[i]), 0);
	for (i = 0; i < device_count; i++) {
		if (iommu_capable(f.endpoint[i], IOMMU_CAPABLE_PASID))
			assert_int_equal(
				iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_PASID),
				0);
	}
	f.memory = model_machine_take(&f.machine, 1);
}

static struct iommu_domain *domain_with(const struct iommu_domain_config *config)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, config, &domain), 0);
	return domain;
}

static struct iommu_domain *domain_of_stage(enum iommu_stage stage)
{
	const struct iommu_domain_config config = {.stage = stage};

	return domain_with(&config);
}

static bool pasid_reaches(unsigned int device, uint32_t pasid, iommu_iova_t iova,
			  iommu_paddr_t paddr)
{
	iommu_paddr_t to = 0;

	return model_device_access_pasid(f.device[device], pasid, iova, IOMMU_PROT_WRITE, &to) ==
		       0 &&
	       to == paddr;
}

static bool pasid_is_blocked(unsigned int device, uint32_t pasid, iommu_iova_t iova)
{
	iommu_paddr_t to;

	return model_device_access_pasid(f.device[device], pasid, iova, IOMMU_PROT_READ, &to) != 0;
}

static void misbehave(const struct iommu_model_vtd_faults *faults)
{
	unsigned int i;

	for (i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], faults);
}

/* Invalidations are carried out, and not confirmed. */
static void fail_hardware(bool fails)
{
	const struct iommu_model_vtd_faults faults = {.waits_hang = fails};

	misbehave(&faults);
}

/* They are not even carried out. */
static void stop_hardware(bool stops)
{
	const struct iommu_model_vtd_faults faults = {.invalidations_hang = stops};

	misbehave(&faults);
}

/* --- Which mode, which stage ------------------------------------------------------------------ */

static void mode_follows_unit_and_option(void **state)
{
	static const struct {
		unsigned int model, option;
		bool scalable;
	} cases[] = {
		{0, 0, false},
		{EVERYTHING, 0, true},
		{EVERYTHING, IOMMU_VTD_LEGACY_MODE, false},
		{EVERYTHING, IOMMU_VTD_REGISTER_INVALIDATION, false}, /* which knows no PASIDs */
		{SCALABLE, 0, true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_vtd_config config = config_of(cases[i].model);
		const struct iommu_vtd_options options = {.flags = cases[i].option};
		struct iommu_vtd_info info;

		machine(1, &config);
		devices(1);
		assert_int_equal(probe_with(&options), 0);
		endpoints();
		assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
		assert_int_equal(info.scalable, cases[i].scalable);
		assert_int_equal(info.nested, cases[i].scalable && cases[i].model == EVERYTHING);
		assert_int_equal(info.pasid_bits,
				 cases[i].scalable && cases[i].model == EVERYTHING ? 20 : 0);
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		end();
	}
}

static void stage_follows_need(void **state)
{
	static const struct {
		unsigned int model;
		struct iommu_domain_config config;
		int status;
		enum iommu_stage stage;
	} cases[] = {
		{EVERYTHING, {.stage = IOMMU_STAGE_ANY}, 0, IOMMU_STAGE_SECOND},
		{EVERYTHING, {.stage = IOMMU_STAGE_FIRST}, 0, IOMMU_STAGE_FIRST},
		{EVERYTHING, {.nest_parent = true}, 0, IOMMU_STAGE_SECOND},
		{EVERYTHING, {.dirty_tracking = true}, 0, IOMMU_STAGE_SECOND},
		{EVERYTHING,
		 {.stage = IOMMU_STAGE_FIRST, .dirty_tracking = true},
		 0,
		 IOMMU_STAGE_FIRST},
		{EVERYTHING,
		 {.stage = IOMMU_STAGE_FIRST, .nest_parent = true},
		 IOMMU_EOPNOTSUPP,
		 0},
		/* Where nothing may be cached of a first stage that is not there. */
		{EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE, {.stage = 0}, 0, IOMMU_STAGE_FIRST},
		{EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE,
		 {.address_width = 48},
		 0,
		 IOMMU_STAGE_SECOND},
		{EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE,
		 {.nest_parent = true},
		 0,
		 IOMMU_STAGE_SECOND},
		{FIRST | IOMMU_MODEL_VTD_NO_SECOND_STAGE, {.stage = 0}, 0, IOMMU_STAGE_FIRST},
		{FIRST | IOMMU_MODEL_VTD_NO_SECOND_STAGE,
		 {.stage = IOMMU_STAGE_SECOND},
		 IOMMU_EOPNOTSUPP,
		 0},
		{FIRST | IOMMU_MODEL_VTD_NO_SECOND_STAGE,
		 {.dirty_tracking = true},
		 0,
		 IOMMU_STAGE_FIRST},
		{FIRST, {.nest_parent = true}, IOMMU_EOPNOTSUPP, 0},
		{FIRST, {.dirty_tracking = true}, 0, IOMMU_STAGE_FIRST},
		{FIRST | IOMMU_MODEL_VTD_NONCOHERENT,
		 {.dirty_tracking = true},
		 IOMMU_EOPNOTSUPP,
		 0},
		{EVERYTHING | IOMMU_MODEL_VTD_NONCOHERENT,
		 {.dirty_tracking = true},
		 IOMMU_EOPNOTSUPP,
		 0},
		{FIRST, {.stage = IOMMU_STAGE_FIRST, .address_width = 56}, IOMMU_EINVAL, 0},
		{FIRST | IOMMU_MODEL_VTD_FIRST_STAGE_5,
		 {.stage = IOMMU_STAGE_FIRST, .address_width = 56},
		 0,
		 IOMMU_STAGE_FIRST},
		{FIRST, {.stage = IOMMU_STAGE_FIRST, .force_snoop = true}, IOMMU_EOPNOTSUPP, 0},
		{SCALABLE, {.stage = IOMMU_STAGE_FIRST}, IOMMU_EOPNOTSUPP, 0},
		{0, {.stage = IOMMU_STAGE_FIRST}, IOMMU_EOPNOTSUPP, 0},
		{0, {.stage = IOMMU_STAGE_SECOND}, 0, IOMMU_STAGE_SECOND},
		{0, {.dirty_tracking = true}, IOMMU_EOPNOTSUPP, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_domain *domain;
		struct iommu_domain_info info;

		begin_with(cases[i].model, 1, 1);
		if (iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &cases[i].config, &domain) !=
		    cases[i].status)
			fail_msg("case %zu", i);
		if (cases[i].status == 0) {
			iommu_domain_get_info(domain, &info);
			assert_int_equal(info.stage, cases[i].stage);
			assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
			assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
			assert_true(reaches(0, IOVA, f.memory));
			assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
			assert_int_equal(iommu_domain_free(domain), 0);
		}
		end();
	}
}

/* Both halves, permissions, snooping, and that nothing stays cached. */
static void a_first_stage_is_a_processors_table(void **state)
{
	const struct iommu_domain_config config = {.stage = IOMMU_STAGE_FIRST, .force_snoop = true};
	static const iommu_iova_t places[] = {IOVA, 0xffff800000000000ULL, 0xfffffffffffff000ULL};
	struct iommu_model_translation result;
	struct iommu_domain *domain;
	iommu_paddr_t paddr;
	size_t i;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	domain = domain_with(&config);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct iommu_model_request request = {
			.source_id = 0x20, .address = places[i], .access = IOMMU_PROT_READ};

		assert_true(is_blocked(0, places[i]));
		assert_int_equal(iommu_map(domain, places[i], f.memory, 4096, IOMMU_PROT_READ), 0);
		assert_int_equal(iommu_model_vtd_translate(f.machine.units[0], &request, &result),
				 0);
		assert_true(result.snoop);
		assert_true(is_blocked(0, places[i]));
		assert_int_equal(iommu_unmap(domain, places[i], 4096, 0, NULL), 0);
		assert_int_equal(
			model_device_access(f.device[0], places[i], IOMMU_PROT_READ, &paddr),
			IOMMU_EFAULT);
		assert_int_equal(iommu_map(domain, places[i], f.memory, 4096, IOMMU_PROT_WRITE), 0);
		assert_int_equal(
			model_device_access(f.device[0], places[i], IOMMU_PROT_READ, &paddr), 0);
		assert_int_equal(iommu_unmap(domain, places[i], 4096, 0, NULL), 0);
	}
	assert_true(is_blocked(0, 0x0000800000000000ULL)); /* between the halves */
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void domains_and_units_that_do_not_fit(void **state)
{
	const struct iommu_model_vtd_config legacy = config_of(0);
	const struct iommu_vtd_options none = {0};
	const struct iommu_domain_config configs[] = {
		{.stage = IOMMU_STAGE_FIRST}, {.nest_parent = true}, {.dirty_tracking = true}};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	{
		const struct iommu_model_vtd_config config = config_of(EVERYTHING);

		machine(1, &config);
	}
	model_machine_add_unit(&f.machine, &legacy);
	devices(2);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	for (i = 0; i < 3; i++) {
		domain = domain_with(&configs[i]);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EINVAL);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	/* A plain second stage fits both. */
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* What a person or a debugger is shown. */
static void tables_are_shown(void **state)
{
	struct iommu_domain *domain;
	struct iommu_vtd_tables tables;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	assert_int_equal(tables.context_low, 0);
	assert_int_equal(tables.pasid_entry[0], 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	assert_int_equal(tables.context_low & VTD_CONTEXT_PRESENT, VTD_CONTEXT_PRESENT);
	assert_int_equal(vtd_pasid_type(tables.pasid_entry[0]), VTD_PASID_SECOND_STAGE);
	assert_int_equal(vtd_pasid_domain_id(tables.pasid_entry[1]), 1);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- PASIDs ----------------------------------------------------------------------------------- */

static struct {
	struct iommu_fault last;
	unsigned int count;
} faults;

static void note_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	faults.last = *fault;
	faults.count++;
}

static void pasids_have_domains_of_their_own(void **state)
{
	static const enum iommu_stage stages[] = {IOMMU_STAGE_FIRST, IOMMU_STAGE_SECOND};
	struct iommu_pasid_handle handle[2];
	struct iommu_domain *domain[2];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin_with(WITH_TLB, 1, 2);
		iommu_set_fault_handler(f.iommu, note_fault, NULL);
		domain[0] = domain_of_stage(stages[i]);
		domain[1] = domain_of_stage(stages[!i]);
		assert_int_equal(iommu_map(domain[0], IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(
			iommu_domain_attach_pasid(domain[0], f.group[0], PASID, &handle[0]), 0);
		assert_int_equal(
			iommu_domain_attach_pasid(domain[1], f.group[0], PASID, &handle[1]),
			IOMMU_EBUSY);
		assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
		/* Not without the PASID, not with another, not another device. */
		assert_true(is_blocked(0, IOVA));
		assert_true(pasid_is_blocked(0, PASID + 1, IOVA));
		assert_true(pasid_is_blocked(1, PASID, IOVA));
		assert_true(iommu_unit_handle_faults(f.unit[0], NULL) > 0);
		assert_null(faults.last.handle);
		/* A fault leads to the handle. */
		assert_true(pasid_is_blocked(0, PASID, IOVA + 0x1000));
		f.device[0]->has_tlb = false;
		assert_true(pasid_is_blocked(0, PASID, IOVA + 0x1000));
		f.device[0]->has_tlb = true;
		assert_int_equal(iommu_unit_handle_faults(f.unit[0], NULL), 1);
		assert_true(faults.last.has_pasid);
		assert_int_equal(faults.last.pasid, PASID);
		assert_ptr_equal(faults.last.handle, &handle[0]);
		/* Another domain in its place. */
		assert_int_equal(
			iommu_domain_replace_pasid(domain[1], f.group[0], PASID, &handle[1]), 0);
		assert_true(pasid_is_blocked(0, PASID, IOVA));
		assert_int_equal(iommu_domain_free(domain[0]), 0);
		assert_int_equal(iommu_map(domain[1], IOVA, f.memory, 4096, RW), 0);
		assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
		assert_int_equal(iommu_domain_free(domain[1]), IOMMU_EBUSY);
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
		assert_true(pasid_is_blocked(0, PASID, IOVA));
		assert_int_equal(iommu_domain_free(domain[1]), 0);
		end();
	}
}

static void pasids_that_cannot_be(void **state)
{
	struct iommu_pasid_handle handle;
	struct iommu_domain *domain;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 0, &handle), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 1U << 20, &handle),
			 IOMMU_EINVAL);
	/* Beyond the largest directory that a host can give memory for. */
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 1U << 19, &handle),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], (1U << 19) - 1, &handle), 0);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
			 IOMMU_EBUSY);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], (1U << 19) - 1), 0);
	/* Neither side forgets to ask. */
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
	/* No more than the unit has bits. */
	{
		struct iommu_model_vtd_config config = config_of(EVERYTHING);

		config.pasid_bits = 6;
		machine(1, &config);
	}
	devices(1);
	f.info.max_pasids = 1024;
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 64, &handle), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 63, &handle), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 63), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
	/* And none at all in legacy mode. */
	begin_with(0, 1, 1);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_false(iommu_capable(f.endpoint[0], IOMMU_CAPABLE_PASID));
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* What is attached keeps working through every step of the growth. */
static void works_on(struct model_machine *m)
{
	(void)m;
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	assert_true(pasid_is_blocked(0, PASID + 1, IOVA));
}

static void directories_grow_under_live_entries(void **state)
{
	static const uint32_t pasids[] = {32767, 32768, 100000, 300000};
	struct iommu_pasid_handle handle, handles[4];
	struct iommu_domain *domain;
	size_t before;
	unsigned int i;

	(void)state;
	begin_with(WITH_TLB | IOMMU_MODEL_VTD_CACHING_MODE, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle), 0);
	f.machine.meanwhile = works_on;
	for (i = 0; i < 4; i++) {
		before = f.machine.pages_in_use;
		assert_int_equal(
			iommu_domain_attach_pasid(domain, f.group[0], pasids[i], &handles[i]), 0);
		assert_true(pasid_reaches(0, pasids[i], IOVA, f.memory));
		/* A table; and what the larger directory is larger than the one before. */
		assert_int_equal(f.machine.pages_in_use - before, i == 0   ? 1
								  : i == 1 ? 2
								  : i == 2 ? 3
									   : 13);
	}
	f.machine.meanwhile = NULL;
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], pasids[i]), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void attaching_a_pasid_may_fail_anywhere(void **state)
{
	struct iommu_pasid_handle first, second;
	struct iommu_domain *domain[2];
	unsigned int step;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin_with(WITH_TLB, 1, 1);
	domain[0] = domain_of_stage(IOMMU_STAGE_SECOND);
	domain[1] = domain_of_stage(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_map(domain[0], IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain[0], f.group[0], PASID, &first), 0);
	for (step = 1; status != 0; step++) {
		f.machine.fail_at = f.machine.allocations + step;
		status = iommu_domain_attach_pasid(domain[1], f.group[0], 200000, &second);
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		if (status != 0)
			assert_null(iommu_group_find_pasid(f.group[0], 200000));
		assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	}
	f.machine.fail_at = 0;
	assert_true(step > 3);
	assert_int_equal(iommu_map(domain[1], IOVA, f.memory, 4096, RW), 0);
	assert_true(pasid_reaches(0, 200000, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 200000), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_free(domain[0]), 0);
	assert_int_equal(iommu_domain_free(domain[1]), 0);
	end();
}

/*
 * Not confirmed: what was attached stays, what was to go is gone, and nothing that hardware may
 * walk is freed.
 */
static void hardware_fails(void (*trouble)(bool begins))
{
	struct iommu_pasid_handle first, second;
	struct iommu_domain *domain[3];

	begin_with(EVERYTHING, 1, 2);
	domain[0] = domain_of_stage(IOMMU_STAGE_SECOND);
	domain[1] = domain_of_stage(IOMMU_STAGE_FIRST);
	domain[2] = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_group(domain[2], f.group[1]), 0);
	assert_int_equal(iommu_map(domain[0], IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain[0], f.group[0], PASID, &first), 0);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	trouble(true);
	assert_int_equal(iommu_domain_replace_pasid(domain[1], f.group[0], PASID, &second),
			 IOMMU_ETIMEDOUT);
	assert_ptr_equal(iommu_group_find_pasid(f.group[0], PASID), &first);
	/* A larger directory that hardware was told of and has not confirmed. */
	assert_int_equal(iommu_domain_attach_pasid(domain[1], f.group[0], 40000, &second),
			 IOMMU_ETIMEDOUT);
	trouble(false);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	assert_int_equal(iommu_domain_attach_pasid(domain[1], f.group[0], 40000, &second), 0);
	(void)pasid_is_blocked(0, 40000, IOVA);
	trouble(true);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 40000), IOMMU_ETIMEDOUT);
	assert_null(iommu_group_find_pasid(f.group[0], PASID));
	/* The endpoint stays, and so do the domains: hardware may go there. */
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_free(domain[0]), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_free(domain[1]), IOMMU_ETIMEDOUT);
	(void)pasid_is_blocked(0, PASID, IOVA);
	(void)pasid_is_blocked(0, 40000, IOVA);
	(void)pasid_is_blocked(0, 40001, IOVA);
	trouble(false);
	/* The next invalidation, of another domain, makes good for all that. */
	assert_int_equal(iommu_map(domain[2], IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_unmap(domain[2], IOVA, 4096, 0, NULL), 0);
	assert_int_equal(iommu_domain_free(domain[0]), 0);
	assert_int_equal(iommu_domain_free(domain[1]), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_true(pasid_is_blocked(0, 40000, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain[2]), 0);
	end();
}

static void dma_meanwhile(struct model_machine *machine)
{
	(void)machine;
	(void)pasid_is_blocked(0, 40000, IOVA);
}

/* A larger directory that hardware went to, and has not confirmed to have left. */
static void a_directory_that_is_taken_back(void **state)
{
	const struct iommu_model_vtd_faults late = {.waits_hang = true};
	const struct iommu_model_vtd_faults none = {0};
	struct iommu_pasid_handle first, second;
	struct iommu_domain *domain;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &first), 0);
	misbehave(&late);
	f.machine.meanwhile = dma_meanwhile;
	f.machine.meanwhile_reading = true;
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 40000, &second),
			 IOMMU_ETIMEDOUT);
	f.machine.meanwhile = NULL;
	(void)pasid_is_blocked(0, 40001, IOVA);
	misbehave(&none);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void hardware_that_does_not_confirm_pasids(void **state)
{
	(void)state;
	hardware_fails(fail_hardware);
	hardware_fails(stop_hardware);
}

static void refuse(unsigned int descriptor)
{
	const struct iommu_model_vtd_faults one = {.refuse_after = descriptor};

	misbehave(&one);
}

/*
 * Of the five that the end of a PASID needs, one is refused: the PASID's cache, the IOTLB, the
 * device's TLB, and the waits between them.
 */
static void ends_of_pasids_that_are_refused(void **state)
{
	struct iommu_pasid_handle first, second;
	struct iommu_domain *domain, *empty;
	unsigned int refused;

	(void)state;
	for (refused = 1; refused <= 5; refused++) {
		begin_with(WITH_TLB, 1, 2);
		domain = domain_of_stage(IOMMU_STAGE_FIRST);
		empty = domain_of_stage(IOMMU_STAGE_FIRST);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &first), 0);
		assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID + 1, &second),
				 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
		assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
		refuse(refused);
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), IOMMU_EIO);
		/* The others work on, without the device's TLB if need be. */
		assert_true(pasid_reaches(0, PASID + 1, IOVA, f.memory));
		/* When another invalidation is confirmed that one is made good. */
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		assert_true(pasid_is_blocked(0, PASID, IOVA));
		assert_true(pasid_is_blocked(0, PASID + 1, IOVA));
		assert_int_equal(iommu_domain_attach_pasid(empty, f.group[0], PASID, &first), 0);
		assert_true(pasid_is_blocked(0, PASID, IOVA));
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_true(pasid_is_blocked(0, PASID, IOVA));
		assert_true(pasid_reaches(0, PASID + 1, IOVA, f.memory));
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID + 1), 0);
		assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_domain_free(empty), 0);
		end();
	}
}

/*
 * More devices than one batch has room for, of which one leaves while the first batch is on its
 * way.
 */
static struct iommu_group *leaves;
static uint64_t (*machine_clock)(void *ctx);

static uint64_t one_leaves(void *ctx)
{
	struct iommu_group *group = leaves;

	leaves = NULL;
	if (group != NULL)
		assert_int_equal(iommu_domain_detach_group(group), 0);
	return machine_clock(ctx);
}

static void every_device_of_many_is_told(void **state)
{
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	begin_with(WITH_TLB, 1, 24);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	for (i = 0; i < f.devices; i++)
		assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	for (i = 0; i < f.devices; i++)
		assert_true(reaches(i, IOVA, f.memory));
	leaves = f.group[2];
	machine_clock = f.machine.platform.now_ns;
	f.machine.platform.now_ns = one_leaves;
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_null(leaves);
	for (i = 0; i < f.devices; i++)
		assert_true(is_blocked(i, IOVA));
	for (i = 0; i < f.devices; i++)
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A device that uses a PASID as soon as it can, while its attach is on its way to fail. */
static unsigned int looks;

static uint64_t device_looks(void *ctx)
{
	if (looks != 0 && --looks == 0)
		assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	return machine_clock(ctx);
}

static void what_is_taken_back_was_learnt(void **state)
{
	struct iommu_pasid_handle first, second;
	struct iommu_domain *domain;

	(void)state;
	begin_with(WITH_TLB | IOMMU_MODEL_VTD_CACHING_MODE, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID + 1, &first), 0);
	machine_clock = f.machine.platform.now_ns;
	f.machine.platform.now_ns = device_looks;
	fail_hardware(true);
	looks = 3;
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &second),
			 IOMMU_ETIMEDOUT);
	assert_int_equal(looks, 0);
	fail_hardware(false);
	f.machine.platform.now_ns = machine_clock;
	/* The next invalidation makes good for it: nothing is used again before that. */
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_true(pasid_reaches(0, PASID + 1, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID + 1), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* The reason why a PASID is blocked. */
static unsigned int fault_of(uint32_t pasid)
{
	const struct iommu_model_request request = {.source_id = f.device[0]->source_id,
						    .has_pasid = true,
						    .pasid = pasid,
						    .address = IOVA,
						    .access = IOMMU_PROT_READ};
	struct iommu_model_translation result;

	(void)iommu_model_vtd_translate(f.machine.units[0], &request, &result);
	return result.reason;
}

/* Memory that is new to hardware is empty, too, where it does not look into the CPU's caches. */
static void pasids_that_are_not_attached(void **state)
{
	struct iommu_pasid_handle first, second;
	struct iommu_domain *domain;
	uint32_t pasid;

	(void)state;
	begin_with(EVERYTHING | IOMMU_MODEL_VTD_NONCOHERENT, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &first), 0);
	for (pasid = 64; pasid < 128; pasid++)
		assert_int_equal(fault_of(pasid), pasid == PASID ? 0x79 : 0x59);
	for (pasid = 128; pasid < 32768; pasid += 64)
		assert_int_equal(fault_of(pasid), 0x51);
	assert_int_equal(fault_of(32768), 0x46);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 32768, &second), 0);
	assert_int_equal(fault_of(32769), 0x59);
	assert_int_equal(fault_of(PASID + 1), 0x59);
	for (pasid = 32768 + 64; pasid < 65536; pasid += 64)
		assert_int_equal(fault_of(pasid), 0x51);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 32768), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/*
 * A device that does not answer for one PASID is closed off with all of them, until it was reset.
 */
static void silent_devices_lose_all_pasids(void **state)
{
	struct iommu_pasid_handle handle[2];
	struct iommu_domain *domain;

	(void)state;
	begin_with(WITH_TLB, 1, 2);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID + 1, &handle[1]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	assert_true(reaches(1, IOVA, f.memory));
	f.device[0]->silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.endpoint[0]));
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(pasid_is_blocked(0, PASID + 1, IOVA));
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_domain_replace_pasid(domain, f.group[0], PASID, &handle[1]),
			 IOMMU_EIO);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	f.device[0]->silent = false;
	memset(f.device[0]->tlb, 0, sizeof(f.device[0]->tlb));
	assert_int_equal(iommu_endpoint_was_reset(f.endpoint[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle[0]), 0);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	/* What had stayed attached is so again. */
	assert_true(pasid_reaches(0, PASID + 1, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID + 1), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* PASIDs are part of it: what is attached to them when the reset ends is what they lead to. */
static void pasids_are_reset_with_their_device(void **state)
{
	struct iommu_pasid_handle handle[4];
	struct iommu_domain *domain, *other;
	struct iommu_endpoint *endpoint;
	unsigned int asked, i;
	iommu_paddr_t page;

	(void)state;
	begin_with(WITH_TLB, 1, 2);
	endpoint = f.endpoint[0];
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	other = domain_of_stage(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_map(other, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(
			iommu_domain_attach_pasid(domain, f.group[0], PASID + i, &handle[i]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	for (i = 0; i < 3; i++)
		assert_true(pasid_reaches(0, PASID + i, IOVA, f.memory));
	f.device[0]->silent = true;
	asked = f.device[0]->invalidations;
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), 0);
	assert_true(is_blocked(0, IOVA));
	for (i = 0; i < 3; i++)
		assert_true(pasid_is_blocked(0, PASID + i, IOVA));
	/* One goes, one changes, one comes; the device hears of none. */
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_replace_pasid(other, f.group[0], PASID + 1, &handle[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(other, f.group[0], PASID + 3, &handle[3]), 0);
	assert_ptr_equal(iommu_group_find_pasid(f.group[0], PASID + 1), &handle[0]);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	for (i = 0; i < 4; i++)
		assert_true(pasid_is_blocked(0, PASID + i, IOVA));
	assert_int_equal(f.device[0]->invalidations, asked);
	assert_false(iommu_endpoint_is_lost(endpoint));
	f.device[0]->silent = false;
	memset(f.device[0]->tlb, 0, sizeof(f.device[0]->tlb));
	assert_int_equal(iommu_endpoint_reset_end(endpoint), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_true(pasid_reaches(0, PASID + 1, IOVA, f.memory));
	assert_true(pasid_is_blocked(0, PASID + 2, IOVA));
	assert_true(pasid_reaches(0, PASID + 3, IOVA, f.memory));
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(pasid_reaches(0, PASID + 2, IOVA, f.memory));
	for (i = 1; i < 4; i++)
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID + i), 0);
	/* One that does not begin: what the device has kept goes before the device may use it. */
	page = model_machine_take(&f.machine, 1);
	assert_true(reaches(0, IOVA, f.memory));
	f.machine.quiet = true;
	fail_hardware(true);
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), IOMMU_ETIMEDOUT);
	assert_false(iommu_endpoint_is_in_reset(endpoint));
	fail_hardware(false);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_int_equal(iommu_map(domain, IOVA, page, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, IOVA, page));
	model_machine_give(&f.machine, page, 1);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end();
}

/*
 * What was unmapped, or detached, while the unit was off is not in a device's TLB when it is on
 * again.
 */
static void tlbs_are_emptied_of_pasids_after_a_rest(void **state)
{
	struct iommu_pasid_handle handle[2];
	struct iommu_domain *domain;
	unsigned int global;

	(void)state;
	for (global = 0; global < 2; global++) {
		begin_with(WITH_TLB, 1, 0);
		f.device[0] = NULL;
		end();
		begin_with(WITH_TLB, 1, 1);
		assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
				 0);
		assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
		f.info.tlb_global_invalidate = global != 0;
		endpoints();
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
				 0);
		domain = domain_of_stage(IOMMU_STAGE_FIRST);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle[0]),
				 0);
		assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 40000, &handle[1]),
				 0);
		assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
		assert_true(pasid_reaches(0, 40000, IOVA, f.memory));
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
		f.device[0]->invalidations = 0;
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		assert_true(pasid_is_blocked(0, PASID, IOVA));
		assert_true(pasid_is_blocked(0, 40000, IOVA));
		/* Beside none and 0 one for all PASIDs, or one for each that may have been. */
		assert_int_equal(f.device[0]->invalidations, global != 0 ? 3 : 2 + 64 + 64);
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], 40000), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		end();
	}
}

/*
 * PASID 0 is that of requests without a PASID, and a device may tag with it what it keeps: that
 * goes with the rest, in any way that the rest does.
 */
static void what_is_kept_under_pasid_0_goes(void **state)
{
	struct iommu_domain *domain, *other;
	unsigned int way;

	(void)state;
	for (way = 0; way < 4; way++) {
		begin_with(WITH_TLB, 1, 1);
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
				 0);
		domain = domain_of_stage(IOMMU_STAGE_SECOND);
		other = domain_of_stage(IOMMU_STAGE_SECOND);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		f.device[0]->has_tlb = true;
		assert_true(pasid_reaches(0, MODEL_PASID_0, IOVA, f.memory));
		assert_true(f.device[0]->tlb[0].used);
		assert_int_equal(f.device[0]->tlb[0].pasid, MODEL_PASID_0);
		switch (way) {
		case 0:
			assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
			break;
		case 1:
			assert_int_equal(iommu_domain_attach_group(other, f.group[0]), 0);
			break;
		case 2:
			assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
			assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
			break;
		default:
			assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
			break;
		}
		assert_false(f.device[0]->tlb[0].used);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_domain_free(other), 0);
		end();
	}
}

/* The host switches ATS off in a device: it is asked nothing, and believed nothing. */
static void a_device_without_ats_is_not_asked(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	begin_with(WITH_TLB, 1, 1);
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	f.device[0]->has_tlb = f.device[0]->asks_only = true;
	assert_int_equal(model_device_access(f.device[0], IOVA, IOMMU_PROT_READ, &paddr), 0);
	memset(f.device[0]->tlb, 0, sizeof(f.device[0]->tlb));
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_not_equal(model_device_access(f.device[0], IOVA, IOMMU_PROT_READ, &paddr), 0);
	f.device[0]->silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_false(iommu_endpoint_is_lost(f.endpoint[0]));
	/* On again. */
	f.device[0]->silent = false;
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(model_device_access(f.device[0], IOVA, IOMMU_PROT_READ, &paddr), 0);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_int_not_equal(model_device_access(f.device[0], IOVA, IOMMU_PROT_READ, &paddr), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- Tables of another owner ------------------------------------------------------------------ */

static struct iommu_pgtable hosts_table;

static void make_hosts_table(const struct iommu_platform *platform, unsigned int levels)
{
	const struct iommu_pgtable_config config = {
		.platform = platform,
		.levels = levels,
		.input_bits = levels == 5 ? 56 : 47,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};

	assert_int_equal(iommu_vtdfs_init(&hosts_table, &config), 0);
}

static struct iommu_vtd_first_stage described(const struct iommu_platform *platform)
{
	return (struct iommu_vtd_first_stage){
		.table = iommu_virt_to_phys(platform, hosts_table.root),
		.levels = hosts_table.levels};
}

static void hosts_map(iommu_iova_t iova, iommu_paddr_t paddr, unsigned int prot)
{
	struct iommu_gather gather;
	uint64_t mapped;

	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdfs_map(&hosts_table, iova, paddr, 4096, prot, &gather, &mapped),
			 0);
}

static void hosts_unmap(iommu_iova_t iova, uint64_t size, struct iommu_gather *gather)
{
	iommu_gather_init(gather);
	assert_int_equal(iommu_vtdfs_unmap(&hosts_table, iova, size, 0, gather, NULL), 0);
}

static int sva(const struct iommu_vtd_first_stage *table, struct iommu_domain **domain)
{
	const struct iommu_domain_config config = {.user_data = table, .user_size = sizeof(*table)};

	return iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &config, domain);
}

static void processes_share_their_tables(void **state)
{
	struct iommu_pasid_handle handle[2];
	struct iommu_vtd_first_stage table;
	struct iommu_domain *domain;
	struct iommu_gather gather;

	(void)state;
	begin_with(WITH_TLB | IOMMU_MODEL_VTD_FIRST_STAGE_5, 2, 2);
	make_hosts_table(&f.machine.platform, 5);
	table = described(&f.machine.platform);
	assert_int_equal(sva(&table, &domain), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_EINVAL);
	/* Under one number in both devices, and under another. */
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[1], PASID + 1, &handle[1]), 0);
	hosts_map(IOVA, f.memory, RW);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	assert_true(pasid_reaches(1, PASID + 1, IOVA, f.memory));
	/* What hardware knows goes only when it is said. */
	hosts_unmap(0, 1ULL << 40, &gather);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	assert_int_equal(iommu_domain_invalidate_range(domain, IOVA, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_invalidate_range(domain, IOVA, UINT64_MAX), IOMMU_EOVERFLOW);
	assert_int_equal(iommu_domain_invalidate_range(domain, 0, 1ULL << 40), 0);
	iommu_vtdfs_free_gathered(&hosts_table, &gather);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_true(pasid_is_blocked(1, PASID + 1, IOVA));
	/* One page; and the other stays. */
	hosts_map(IOVA, f.memory, RW);
	hosts_map(IOVA + 0x1000, f.memory, RW);
	assert_true(pasid_reaches(0, PASID, IOVA + 0x1000, f.memory));
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	hosts_unmap(IOVA, 4096, &gather);
	assert_int_equal(iommu_domain_invalidate_range(domain, IOVA, 4096), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_true(pasid_reaches(0, PASID, IOVA + 0x1000, f.memory));
	/* Not confirmed is said. */
	fail_hardware(true);
	assert_int_equal(iommu_domain_invalidate_range(domain, IOVA, 4096), IOMMU_ETIMEDOUT);
	fail_hardware(false);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[1], PASID + 1), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	iommu_vtdfs_destroy(&hosts_table);
	end();
}

static void tables_that_cannot_be_taken(void **state)
{
	static const struct {
		struct iommu_vtd_first_stage table;
		int status;
	} cases[] = {
		{{0x1234000, 4, 0}, 0},
		{{0x1234000, 4,
		  IOMMU_VTD_PRIVILEGED | IOMMU_VTD_WRITE_PROTECT | IOMMU_VTD_NO_EXECUTE},
		 0},
		{{0x1234800, 4, 0}, IOMMU_EINVAL},
		{{1ULL << 46, 4, 0}, IOMMU_EINVAL},
		{{0x1234000, 3, 0}, IOMMU_EINVAL},
		{{0x1234000, 6, 0}, IOMMU_EINVAL},
		{{0x1234000, 5, 0}, IOMMU_EOPNOTSUPP},
		{{0x1234000, 4, IOMMU_VTD_EXTENDED_ACCESS},
		 IOMMU_EOPNOTSUPP}, /* the unit has none */
		{{0x1234000, 4, 16}, IOMMU_EOPNOTSUPP},
		{{0x1234000, 4, IOMMU_VTD_WRITE_PROTECT}, IOMMU_EINVAL},
	};
	const struct iommu_domain_config none = {0};
	struct iommu_domain *domain;
	size_t i;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sva(&cases[i].table, &domain), cases[i].status);
		if (cases[i].status == 0)
			assert_int_equal(iommu_domain_free(domain), 0);
	}
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &none, &domain),
			 IOMMU_EINVAL);
	end();
	/* Hardware that does not look into the CPU's caches would not see what the host writes. */
	begin_with(EVERYTHING | IOMMU_MODEL_VTD_NONCOHERENT, 1, 1);
	assert_int_equal(sva(&cases[0].table, &domain), IOMMU_EOPNOTSUPP);
	end();
	begin_with(SCALABLE, 1, 1);
	assert_int_equal(sva(&cases[0].table, &domain), IOMMU_EOPNOTSUPP);
	end();
}

/* The words of what an entry leads to. */
static const uint64_t *words_at(uint64_t entry)
{
	return model_machine_bytes(&f.machine, iommu_le64(entry) & ~0xfffULL);
}

/* The entry of a PASID of the first device. */
static const uint64_t *pasid_words(uint32_t pasid)
{
	struct iommu_vtd_tables tables;
	const uint64_t *root, *context, *directory;

	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	root = model_machine_bytes(&f.machine, tables.root_table);
	context = words_at(root[0]) + (size_t)4 * f.device[0]->source_id;
	directory = words_at(context[0]);
	return words_at(directory[pasid / 64]) + (size_t)8 * (pasid % 64);
}

/* Each flag of a host's table is one bit of the entry, and no other. */
static void flags_of_a_hosts_table(void **state)
{
	static const struct {
		unsigned int flag;
		uint64_t bit;
	} flags[] = {
		{IOMMU_VTD_PRIVILEGED, VTD_PASID_SRE},
		{IOMMU_VTD_WRITE_PROTECT, VTD_PASID_WPE},
		{IOMMU_VTD_NO_EXECUTE, VTD_PASID_NXE},
	};
	struct iommu_vtd_first_stage table;
	struct iommu_pasid_handle handle;
	struct iommu_domain *domain;
	unsigned int chosen, i;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	make_hosts_table(&f.machine.platform, 4);
	for (chosen = 0; chosen < 8; chosen++) {
		uint64_t bits = 0;

		/* Write protection is of privileged requests. */
		if ((chosen & 3) == 2)
			continue;
		table = described(&f.machine.platform);
		table.flags = 0;
		for (i = 0; i < 3; i++) {
			table.flags |= (chosen >> i & 1) != 0 ? flags[i].flag : 0;
			bits |= (chosen >> i & 1) != 0 ? flags[i].bit : 0;
		}
		assert_int_equal(sva(&table, &domain), 0);
		assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle), 0);
		assert_int_equal(
			iommu_le64(pasid_words(PASID)[2]) &
				(VTD_PASID_SRE | VTD_PASID_WPE | VTD_PASID_NXE | VTD_PASID_EAFE),
			bits);
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	iommu_vtdfs_destroy(&hosts_table);
	end();
}

/* A host that frees its domain frees its table next: it does not go while a unit may walk it. */
static void a_hosts_table_is_kept_until_it_is_not_walked(void **state)
{
	struct iommu_pasid_handle handle;
	struct iommu_vtd_first_stage table;
	struct iommu_domain *domain;
	struct iommu_gather gather;

	(void)state;
	begin_with(WITH_TLB, 1, 1);
	make_hosts_table(&f.machine.platform, 4);
	table = described(&f.machine.platform);
	assert_int_equal(sva(&table, &domain), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle), 0);
	hosts_map(IOVA, f.memory, RW);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	fail_hardware(true);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_free(domain), IOMMU_ETIMEDOUT);
	fail_hardware(false);
	assert_int_equal(iommu_domain_free(domain), 0);
	hosts_unmap(0, 1ULL << 40, &gather);
	iommu_vtdfs_free_gathered(&hosts_table, &gather);
	iommu_vtdfs_destroy(&hosts_table);
	end();
}

/* One member lost its PASIDs in a release that failed: a replacement that fails gives it none. */
static void a_member_without_its_pasid_gets_none_back(void **state)
{
	const struct iommu_model_vtd_config config = config_of(EVERYTHING);
	const struct iommu_vtd_options none = {0};
	struct iommu_pci_function functions[2] = {{0}};
	const struct iommu_pci_topology topology = {functions, 2};
	struct iommu_domain *domain, *other;
	struct iommu_pasid_handle handle, next;
	struct iommu_model_vtd_faults hang = {.waits_hang = true}, well = {0};
	unsigned int i;

	(void)state;
	machine(2, &config);
	for (i = 0; i < 2; i++) {
		functions[i].devfn = (uint8_t)(0x20 + i);
		functions[i].flags = IOMMU_PCI_MULTIFUNCTION;
		f.device[i] = model_machine_add_device(&f.machine, i, (uint16_t)(0x20 + i));
	}
	f.devices = 2;
	model_machine_make_dmar(&f.machine);
	f.info.max_pasids = 128;
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	endpoints();
	assert_ptr_equal(f.group[0], f.group[1]);
	f.memory = model_machine_take(&f.machine, 1);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_unit_enable(f.unit[i]), 0);
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_PASID),
				 0);
	}
	domain = domain_of_stage(IOMMU_STAGE_SECOND);
	other = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], PASID, &handle), 0);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	iommu_model_vtd_misbehave(f.machine.units[1], &hang);
	assert_int_equal(iommu_domain_replace_pasid(other, f.group[0], PASID, &next),
			 IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[1], &well);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end();
}

/* --- A hypervisor's second stage -------------------------------------------------------------- */

static struct iommu_pgtable guests_memory;

static int share(const struct iommu_domain_config *wanted,
		 const struct iommu_vtd_second_stage *table, struct iommu_domain **domain)
{
	struct iommu_domain_config config = *wanted;

	config.stage = IOMMU_STAGE_SECOND;
	config.user_data = table;
	config.user_size = sizeof(*table);
	return iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &config, domain);
}

static struct iommu_vtd_second_stage make_guests_memory(void)
{
	const struct iommu_pgtable_config config = {
		.platform = &f.machine.platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};

	assert_int_equal(iommu_vtdss_init(&guests_memory, &config), 0);
	return (struct iommu_vtd_second_stage){
		.table = iommu_virt_to_phys(&f.machine.platform, guests_memory.root), .levels = 4};
}

/* As the hypervisor does: the table is changed, then the units are told. */
static void guest_gets(iommu_iova_t address, struct iommu_domain *tell)
{
	struct iommu_gather gather;
	uint64_t mapped;

	iommu_gather_init(&gather);
	assert_int_equal(
		iommu_vtdss_map(&guests_memory, address, f.memory, 4096, RW, &gather, &mapped), 0);
	if (tell != NULL)
		assert_int_equal(iommu_domain_invalidate_range(tell, address, 4096), 0);
}

static int guest_loses(iommu_iova_t address, struct iommu_domain *domain)
{
	struct iommu_gather gather;
	int status;

	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_unmap(&guests_memory, address, 4096, 0, &gather, NULL), 0);
	status = iommu_domain_invalidate_range(domain, address, 4096);
	iommu_vtdss_free_gathered(&guests_memory, &gather);
	return status;
}

static void a_hypervisors_table_is_shared(void **state)
{
	static const struct {
		unsigned int flags, options;
	} cases[] = {
		{WITH_TLB, 0},
		{WITH_TLB, IOMMU_VTD_LEGACY_MODE},
		{WITH_TLB | IOMMU_MODEL_VTD_CACHING_MODE, 0},
		{WITH_TLB | IOMMU_MODEL_VTD_CACHING_MODE, IOMMU_VTD_LEGACY_MODE},
	};
	const struct iommu_domain_config none = {0};
	unsigned int i, device;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_vtd_options options = {.flags = cases[i].options};
		const struct iommu_model_vtd_config config = config_of(cases[i].flags);
		const bool caches_nothing = (cases[i].flags & IOMMU_MODEL_VTD_CACHING_MODE) != 0;
		struct iommu_vtd_second_stage table;
		struct iommu_vtd_tables tables;
		struct iommu_domain_info info;
		struct iommu_domain *domain;

		machine(2, &config);
		devices(2);
		f.info.device_tlb = true;
		assert_int_equal(probe_with(&options), 0);
		endpoints();
		f.memory = model_machine_take(&f.machine, 1);
		for (device = 0; device < 2; device++) {
			f.device[device]->has_tlb =
				iommu_endpoint_uses_device_tlb(f.endpoint[device]);
			assert_int_equal(iommu_unit_enable(f.unit[device]), 0);
		}
		table = make_guests_memory();
		assert_int_equal(share(&none, &table, &domain), 0);
		iommu_domain_get_info(domain, &info);
		assert_int_equal(info.stage, IOMMU_STAGE_SECOND);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_EINVAL);
		for (device = 0; device < 2; device++)
			assert_int_equal(iommu_domain_attach_group(domain, f.group[device]), 0);
		for (device = 0; device < 2; device++)
			assert_true(is_blocked(device, IOVA));
		/* In legacy mode the context entry lets a device ask for translations. */
		assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
		if (cases[i].options == IOMMU_VTD_LEGACY_MODE)
			assert_int_equal(tables.context_low >> 2 & 3, VTD_TRANSLATE_ALL);
		guest_gets(IOVA, caches_nothing ? domain : NULL);
		guest_gets(IOVA + 0x1000, caches_nothing ? domain : NULL);
		for (device = 0; device < 2; device++) {
			assert_true(reaches(device, IOVA, f.memory));
			assert_true(reaches(device, IOVA + 0x1000, f.memory));
		}
		assert_int_equal(guest_loses(IOVA, domain), 0);
		for (device = 0; device < 2; device++) {
			assert_true(is_blocked(device, IOVA));
			assert_true(reaches(device, IOVA + 0x1000, f.memory));
		}
		fail_hardware(true);
		assert_int_equal(guest_loses(IOVA + 0x1000, domain), IOMMU_ETIMEDOUT);
		fail_hardware(false);
		for (device = 0; device < 2; device++)
			assert_int_equal(iommu_domain_detach_group(f.group[device]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		iommu_vtdss_destroy(&guests_memory);
		end();
	}
}

static void a_hypervisors_table_fits_or_is_refused(void **state)
{
	static const struct {
		struct iommu_vtd_second_stage table;
		struct iommu_domain_config config;
		int status;
	} cases[] = {
		{{0x1234000, 4, 0}, {0}, 0},
		{{0x1234000, 4, 0}, {.address_width = 48, .pgsize_bitmap = IOMMU_SIZE_4K}, 0},
		{{0x1234800, 4, 0}, {0}, IOMMU_EINVAL},
		{{1ULL << 46, 4, 0}, {0}, IOMMU_EINVAL},
		{{0x1234000, 2, 0}, {0}, IOMMU_EINVAL},
		{{0x1234000, 6, 0}, {0}, IOMMU_EINVAL},
		{{0x1234000, 4, 1}, {0}, IOMMU_EOPNOTSUPP},
		{{0x1234000, 4, 0}, {.force_snoop = true}, IOMMU_EOPNOTSUPP},
		{{0x1234000, 4, 0}, {.dirty_tracking = true}, IOMMU_EOPNOTSUPP},
		{{0x1234000, 4, 0}, {.nest_parent = true}, IOMMU_EOPNOTSUPP},
		{{0x1234000, 4, 0}, {.address_width = 12}, IOMMU_EINVAL},
		{{0x1234000, 3, 0}, {.address_width = 48}, IOMMU_EINVAL},
		{{0x1234000, 4, 0}, {.pgsize_bitmap = 1ULL << 39}, IOMMU_EINVAL},
	};
	/* What the unit does not have is noticed when it is to use it. */
	static const struct {
		struct iommu_vtd_second_stage table;
		struct iommu_domain_config config;
	} foreign[] = {
		{{0x1234000, 5, 0}, {.address_width = 48}},
		{{0x1234000, 5, 0}, {.address_width = 57}},
	};
	const struct iommu_domain_config none = {.stage = IOMMU_STAGE_SECOND};
	const struct iommu_model_vtd_config whole = config_of(EVERYTHING);
	struct iommu_model_vtd_config small = whole;
	const struct iommu_vtd_options plain = {0};
	struct iommu_domain *domain;
	size_t i;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(share(&cases[i].config, &cases[i].table, &domain),
				 cases[i].status);
		if (cases[i].status == 0)
			assert_int_equal(iommu_domain_free(domain), 0);
	}
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &none, &domain),
			 IOMMU_EINVAL);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_int_equal(share(&foreign[i].config, &foreign[i].table, &domain), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_EINVAL);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	end();
	/* The second unit has no pages of 1G, which the table may have. */
	small.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M;
	machine(1, &whole);
	model_machine_add_unit(&f.machine, &small);
	devices(2);
	assert_int_equal(probe_with(&plain), 0);
	endpoints();
	assert_int_equal(share(&cases[0].config, &cases[0].table, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
	begin_with(EVERYTHING | IOMMU_MODEL_VTD_NONCOHERENT, 1, 1);
	assert_int_equal(share(&cases[0].config, &cases[0].table, &domain), IOMMU_EOPNOTSUPP);
	end();
}

/* The bit beside the accessed bit is set where the unit has it; such tables go nowhere else. */
static void extended_accessed_bits_are_asked_for(void **state)
{
	static const struct iommu_vtd_first_stage table = {0x1234000, 4, IOMMU_VTD_EXTENDED_ACCESS};
	const struct iommu_model_vtd_config config = config_of(EVERYTHING);
	const struct iommu_domain_config below = {.nest_parent = true};
	struct iommu_domain_config above = {.user_data = &table, .user_size = sizeof(table)};
	const struct iommu_vtd_options none = {0};
	struct iommu_model_vtd_faults lies = {0};
	struct iommu_domain *parent, *nested, *other;
	struct iommu_vtd_tables tables;

	(void)state;
	machine(2, &config);
	devices(2);
	lies.extended_capability =
		iommu_model_vtd_mmio_read(f.machine.units[0], VTD_ECAP, 8) | VTD_ECAP_EAFS;
	iommu_model_vtd_misbehave(f.machine.units[0], &lies);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &below, &parent), 0);
	above.parent = parent;
	assert_int_equal(iommu_domain_alloc(f.unit[1], IOMMU_DOMAIN_NESTED, &above, &other),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &above, &nested), 0);
	assert_int_equal(iommu_domain_attach_group(nested, f.group[0]), 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	assert_int_equal(tables.pasid_entry[2] & (VTD_PASID_EAFE | VTD_PASID_SRE), VTD_PASID_EAFE);
	assert_int_equal(iommu_domain_attach_group(nested, f.group[1]), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(nested), 0);
	assert_int_equal(iommu_domain_free(parent), 0);
	end();
}

/* --- Nesting ---------------------------------------------------------------------------------- */

#define GUEST_BASE  0x40000000ULL /* guest physical */
#define GUEST_PAGES 64
#define GUEST_DATA  32 /* the first page that is not the guest's tables */

static struct {
	struct iommu_platform platform; /* the guest's */
	iommu_paddr_t memory;
	unsigned int next;
	struct iommu_domain *parent, *nested;
} guest;

static void *guest_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	(void)ctx;
	(void)node;
	(void)flags;
	assert_int_equal(order, 0);
	assert_true(guest.next < GUEST_DATA);
	return model_machine_bytes(&f.machine, guest.memory + guest.next++ * IOMMU_PAGE_SIZE);
}

static void guest_free(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	(void)pages;
	(void)order;
}

static int nest(const struct iommu_vtd_first_stage *table, struct iommu_domain **domain)
{
	const struct iommu_domain_config config = {
		.parent = guest.parent, .user_data = table, .user_size = sizeof(*table)};

	return iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, domain);
}

/* A guest with memory, which the parent maps, and a table of its own in it. */
static void begin_guest(unsigned int flags, bool dirty)
{
	const struct iommu_domain_config config = {.nest_parent = true, .dirty_tracking = dirty};
	struct iommu_vtd_first_stage table;

	begin_with(flags, 1, 2);
	memset(&guest, 0, sizeof(guest));
	guest.memory = model_machine_take(&f.machine, GUEST_PAGES);
	model_machine_mark(&f.machine, guest.memory, GUEST_DATA, PAGE_TABLE);
	guest.platform = f.machine.platform;
	guest.platform.alloc_pages = guest_alloc;
	guest.platform.free_pages = guest_free;
	guest.platform.direct_map_offset =
		(uint64_t)(uintptr_t)model_machine_bytes(&f.machine, guest.memory) - GUEST_BASE;
	guest.parent = domain_with(&config);
	assert_int_equal(iommu_map(guest.parent, GUEST_BASE, guest.memory,
				   GUEST_PAGES * IOMMU_PAGE_SIZE, RW),
			 0);
	make_hosts_table(&guest.platform, 4);
	table = described(&guest.platform);
	assert_int_equal(nest(&table, &guest.nested), 0);
}

static void end_guest(void)
{
	assert_int_equal(iommu_domain_free(guest.parent), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_free(guest.nested), 0);
	assert_int_equal(iommu_domain_free(guest.parent), 0);
	model_machine_mark(&f.machine, guest.memory, GUEST_PAGES, PAGE_DEVICE);
	end();
}

static iommu_paddr_t guest_page(unsigned int page)
{
	return guest.memory + (GUEST_DATA + page) * IOMMU_PAGE_SIZE;
}

static iommu_paddr_t guest_address(unsigned int page)
{
	return GUEST_BASE + (GUEST_DATA + page) * IOMMU_PAGE_SIZE;
}

static int guest_invalidates(uint64_t address, uint64_t pages)
{
	const struct iommu_vtd_invalidation request = {.address = address, .pages = pages};
	unsigned int done;

	return iommu_domain_invalidate_user(guest.nested, &request, sizeof(request), 1, &done);
}

static void guests_translate_first(void **state)
{
	static const unsigned int kinds[] = {EVERYTHING, WITH_TLB,
					     EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE};
	struct iommu_pasid_handle handle;
	struct iommu_gather gather;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin_guest(kinds[i], false);
		/* One device as a whole, and a PASID of another. */
		assert_int_equal(iommu_domain_attach_group(guest.nested, f.group[0]), 0);
		assert_int_equal(
			iommu_domain_attach_pasid(guest.nested, f.group[1], PASID, &handle), 0);
		hosts_map(IOVA, guest_address(0), RW);
		hosts_map(IOVA + 0x1000, guest_address(1), IOMMU_PROT_READ);
		assert_true(reaches(0, IOVA, guest_page(0)));
		assert_true(pasid_reaches(1, PASID, IOVA, guest_page(0)));
		assert_true(is_blocked(0, IOVA + 0x1000)); /* the guest does not let it write */
		assert_true(is_blocked(0, guest_address(0)));
		/* The guest unmaps, and says so. */
		hosts_unmap(IOVA, 4096, &gather);
		assert_true(reaches(0, IOVA, guest_page(0)));
		assert_int_equal(guest_invalidates(IOVA, 1), 0);
		assert_true(is_blocked(0, IOVA));
		assert_true(pasid_is_blocked(1, PASID, IOVA));
		/* Two of them. */
		hosts_map(IOVA, guest_address(0), RW);
		hosts_map(IOVA + 0x3000, guest_address(1), RW);
		hosts_map(IOVA + 0x4000, guest_address(2), RW);
		assert_true(reaches(0, IOVA + 0x3000, guest_page(1)));
		assert_true(reaches(0, IOVA + 0x4000, guest_page(2)));
		hosts_unmap(IOVA + 0x3000, 8192, &gather);
		assert_int_equal(guest_invalidates(IOVA + 0x3000, 2), 0);
		assert_true(is_blocked(0, IOVA + 0x3000));
		assert_true(is_blocked(0, IOVA + 0x4000));
		hosts_unmap(IOVA, 4096, &gather);
		assert_int_equal(guest_invalidates(IOVA, 1), 0);
		/* The host unmaps below: what was nested on it must not stay. */
		hosts_map(IOVA, guest_address(0), RW);
		assert_true(reaches(0, IOVA, guest_page(0)));
		assert_true(pasid_reaches(1, PASID, IOVA, guest_page(0)));
		assert_int_equal(iommu_unmap(guest.parent, guest_address(0), 4096, 0, NULL), 0);
		assert_true(is_blocked(0, IOVA));
		assert_true(pasid_is_blocked(1, PASID, IOVA));
		/* Also a table of the guest's. */
		assert_int_equal(iommu_map(guest.parent, guest_address(0), guest_page(0), 4096, RW),
				 0);
		assert_true(reaches(0, IOVA, guest_page(0)));
		assert_int_equal(iommu_unmap(guest.parent, GUEST_BASE, GUEST_DATA * 4096, 0, NULL),
				 0);
		assert_true(is_blocked(0, IOVA));
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.group[1], PASID), 0);
		end_guest();
	}
}

/*
 * The domain id of a nested domain is used again: what it tagged of the second stage, below the
 * guest, is gone.
 */
static void ids_of_guests_are_used_again(void **state)
{
	struct iommu_domain *other, *empty;

	(void)state;
	begin_guest(EVERYTHING, false);
	assert_int_equal(iommu_domain_attach_group(guest.nested, f.group[0]), 0);
	hosts_map(IOVA, guest_address(0), RW);
	assert_true(reaches(0, IOVA, guest_page(0)));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	/* It is the second that is free: the first was the parent's. */
	other = domain_of_stage(IOMMU_STAGE_SECOND);
	empty = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_group(other, f.group[1]), 0);
	assert_int_equal(iommu_domain_attach_group(empty, f.group[0]), 0);
	assert_true(is_blocked(0, guest_address(0)));
	assert_true(is_blocked(0, GUEST_BASE));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	assert_int_equal(iommu_domain_free(empty), 0);
	end_guest();
}

/* Both ids are given back: otherwise a unit has none left before long. */
static void guests_come_and_go(void **state)
{
	const struct iommu_domain_config config = {.nest_parent = true};
	unsigned int i;

	(void)state;
	begin_guest(EVERYTHING, false);
	for (i = 0; i < 70; i++) {
		struct iommu_vtd_first_stage table = described(&guest.platform);
		struct iommu_domain *parent = guest.parent, *nested;
		unsigned int left;

		guest.parent = domain_with(&config);
		assert_int_equal(nest(&table, &nested), 0);
		for (left = 0; left < 2; left++) {
			assert_int_equal(iommu_domain_attach_group(nested, f.group[0]), 0);
			assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		}
		assert_int_equal(iommu_domain_free(nested), 0);
		assert_int_equal(iommu_domain_free(guest.parent), 0);
		guest.parent = parent;
	}
	end_guest();
}

static void guests_ask_for_anything(void **state)
{
	static const struct {
		struct iommu_vtd_invalidation request;
		int status;
	} cases[] = {
		{{IOVA, 1, 0, 0}, 0},
		{{IOVA, 1, IOMMU_VTD_LEAVES_ONLY, 0}, 0},
		{{0, UINT64_MAX, 0, 0}, 0},
		{{IOVA, 1ULL << 40, 0, 0}, 0},
		{{0xfffffffffffff000ULL, 1, 0, 0}, 0},
		{{0, 1ULL << 52, 0, 0}, 0},
		{{IOVA, UINT64_MAX, 0, 0}, IOMMU_EINVAL},
		{{IOVA + 8, 1, 0, 0}, IOMMU_EINVAL},
		{{IOVA, 0, 0, 0}, IOMMU_EINVAL},
		{{0xfffffffffffff000ULL, 2, 0, 0}, IOMMU_EOVERFLOW},
		{{IOVA, 1ULL << 52, 0, 0}, IOMMU_EOVERFLOW},
		{{IOVA, 1, 2, 0}, IOMMU_EOPNOTSUPP},
		{{IOVA, 1, 0, 1}, IOMMU_EOPNOTSUPP},
		{{IOVA, 1, 0, 1U << 31}, IOMMU_EOPNOTSUPP},
	};
	struct iommu_vtd_invalidation many[200],
		several[3] = {{IOVA, 1, 0, 0}, {IOVA, 0, 0, 0}, {IOVA, 1, 0, 0}};
	struct {
		struct iommu_vtd_invalidation request;
		uint64_t more;
	} longer = {{IOVA, 1, 0, 0}, 0};
	unsigned int done;
	size_t i;

	(void)state;
	begin_guest(EVERYTHING, false);
	assert_int_equal(iommu_domain_attach_group(guest.nested, f.group[0]), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		done = 9;
		assert_int_equal(iommu_domain_invalidate_user(guest.nested, &cases[i].request,
							      sizeof(cases[i].request), 1, &done),
				 cases[i].status);
		assert_int_equal(done, cases[i].status == 0);
	}
	/* What was done before the one that is wrong is done. */
	assert_int_equal(
		iommu_domain_invalidate_user(guest.nested, several, sizeof(several[0]), 3, &done),
		IOMMU_EINVAL);
	assert_int_equal(done, 1);
	assert_int_equal(iommu_domain_invalidate_user(guest.nested, several, 8, 1, &done),
			 IOMMU_EINVAL);
	/* More than are done at once. */
	for (i = 0; i < 200; i++)
		many[i] = (struct iommu_vtd_invalidation){IOVA, i != 150, 0, 0};
	assert_int_equal(
		iommu_domain_invalidate_user(guest.nested, many, sizeof(many[0]), 200, &done),
		IOMMU_EINVAL);
	assert_int_equal(done, 150);
	many[150].pages = 1;
	assert_int_equal(
		iommu_domain_invalidate_user(guest.nested, many, sizeof(many[0]), 200, &done), 0);
	assert_int_equal(done, 200);
	assert_int_equal(iommu_domain_invalidate_user(guest.nested, several, 24, 0, &done), 0);
	assert_int_equal(
		iommu_domain_invalidate_user(guest.nested, &longer, sizeof(longer), 1, &done), 0);
	longer.more = 1;
	assert_int_equal(
		iommu_domain_invalidate_user(guest.nested, &longer, sizeof(longer), 1, &done),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_invalidate_user(guest.nested, NULL, 24, 1, &done),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_invalidate_user(guest.nested, &longer, 4097, 1, &done),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_invalidate_user(guest.nested, NULL, 0, 0, &done), 0);
	assert_int_equal(
		iommu_domain_invalidate_user(guest.parent, &longer, sizeof(longer), 1, &done),
		IOMMU_EOPNOTSUPP);
	fail_hardware(true);
	assert_int_equal(guest_invalidates(IOVA, 1), IOMMU_ETIMEDOUT);
	/* What hardware did not confirm is not done. */
	several[1].pages = 1;
	done = 9;
	assert_int_equal(
		iommu_domain_invalidate_user(guest.nested, several, sizeof(several[0]), 3, &done),
		IOMMU_ETIMEDOUT);
	assert_int_equal(done, 0);
	fail_hardware(false);
	assert_int_equal(guest_invalidates(IOVA, 1), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	end_guest();
}

/* A table that leads out of the guest's memory, or is none, is the guest's trouble alone. */
/* A table that a newer host describes: what is not known of it has to be zero. */
static void guests_that_say_more(void **state)
{
	struct {
		struct iommu_vtd_first_stage table;
		unsigned char more[4096];
	} longer = {.more = {0}};
	struct iommu_domain_config config = {.user_data = &longer, .user_size = 64};
	struct iommu_domain *nested;

	(void)state;
	begin_guest(EVERYTHING, false);
	longer.table = described(&guest.platform);
	config.parent = guest.parent;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, &nested), 0);
	assert_int_equal(iommu_domain_free(nested), 0);
	longer.more[64 - sizeof(longer.table) - 1] = 1;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, &nested),
			 IOMMU_EOPNOTSUPP);
	config.user_size = 4097;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, &nested),
			 IOMMU_EINVAL);
	config.user_size = sizeof(longer.table) - 1;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, &nested),
			 IOMMU_EINVAL);
	end_guest();
}

static void guests_with_bad_tables(void **state)
{
	static const struct iommu_vtd_first_stage tables[] = {
		{GUEST_BASE + 0x10000000, 4, 0}, {0x000ffffffffff000ULL, 4, 0}, {0, 4, 0}};
	struct iommu_domain *nested;
	size_t i;

	(void)state;
	begin_guest(EVERYTHING, false);
	for (i = 0; i < 3; i++) {
		assert_int_equal(nest(&tables[i], &nested), 0);
		assert_int_equal(iommu_domain_attach_group(nested, f.group[0]), 0);
		assert_true(is_blocked(0, IOVA));
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(nested), 0);
	}
	end_guest();
	/* And a unit that cannot nest says so. */
	begin_with(FIRST, 1, 1);
	guest.parent = domain_of_stage(IOMMU_STAGE_SECOND);
	assert_int_equal(nest(&tables[0], &nested), IOMMU_EINVAL); /* was not made for it */
	assert_int_equal(iommu_domain_free(guest.parent), 0);
	end();
}

/* --- What devices have written ---------------------------------------------------------------- */

static uint64_t bits[4];

static uint64_t dirty_pages(struct iommu_domain *domain, iommu_iova_t iova, unsigned int flags)
{
	struct iommu_dirty_bitmap bitmap = {
		.words = bits, .start = iova, .bits = 64, .page_shift = 12};

	memset(bits, 0, sizeof(bits));
	assert_int_equal(iommu_domain_read_dirty(domain, iova, 64 * 4096ULL, flags, &bitmap), 0);
	return bits[0];
}

static void writes_are_noted(void **state)
{
	static const struct {
		unsigned int flags;
		enum iommu_stage stage;
	} kinds[] = {
		{EVERYTHING, IOMMU_STAGE_SECOND},
		{WITH_TLB, IOMMU_STAGE_SECOND},
		{EVERYTHING, IOMMU_STAGE_FIRST},
		{WITH_TLB, IOMMU_STAGE_FIRST},
		{EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE, IOMMU_STAGE_SECOND},
	};
	iommu_paddr_t to;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct iommu_domain_config config = {.stage = kinds[k].stage,
							   .dirty_tracking = true};
		struct iommu_dirty_bitmap none = {
			.words = bits, .start = IOVA, .bits = 64, .page_shift = 12};
		struct iommu_pasid_handle handle;
		struct iommu_domain *domain;
		iommu_paddr_t memory;

		begin_with(kinds[k].flags, 1, 2);
		memory = model_machine_take(&f.machine, 64);
		domain = domain_with(&config);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_domain_attach_pasid(domain, f.group[1], PASID, &handle), 0);
		assert_int_equal(iommu_map(domain, IOVA, memory, 64 * 4096, RW), 0);
		assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 4096, 0, &none),
				 IOMMU_EINVAL);
		/* Written before: not noted, but hardware may hold the translation. */
		assert_true(reaches(0, IOVA, memory));
		assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
		assert_int_equal(dirty_pages(domain, IOVA, 0), 0);
		assert_true(reaches(0, IOVA, memory));
		assert_int_equal(dirty_pages(domain, IOVA, IOMMU_DIRTY_KEEP), 1);
		assert_int_equal(dirty_pages(domain, IOVA, 0), 1);
		assert_int_equal(dirty_pages(domain, IOVA, 0), 0);
		/* Again, after it was read: nothing is lost. A read is no write. */
		assert_true(reaches(0, IOVA, memory));
		assert_int_equal(
			model_device_access(f.device[0], IOVA + 0x1000, IOMMU_PROT_READ, &to), 0);
		assert_true(pasid_reaches(1, PASID, IOVA + 0x3f000, memory + 0x3f000));
		assert_int_equal(dirty_pages(domain, IOVA, 0), 1ULL << 63 | 1);
		/* Who comes later notes, too. */
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_true(reaches(0, IOVA + 0x2000, memory + 0x2000));
		assert_int_equal(dirty_pages(domain, IOVA, 0), 4);
		/* Off; and what was noted before is not there when it is on again. */
		assert_true(reaches(0, IOVA + 0x5000, memory + 0x5000));
		assert_int_equal(iommu_domain_set_dirty_tracking(domain, false), 0);
		assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 4096, 0, &none),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
		assert_int_equal(dirty_pages(domain, IOVA, 0), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.group[1], PASID), 0);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		end();
	}
}

/* A page of 2M is written all over by one byte; split, by a page. */
static void large_pages_are_split_beforehand(void **state)
{
	const struct iommu_domain_config config = {.dirty_tracking = true};
	struct iommu_domain *domain;
	iommu_paddr_t memory;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	memory = model_machine_take(&f.machine, 512);
	domain = domain_with(&config);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, memory, IOMMU_SIZE_2M, RW), 0);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
	assert_true(reaches(0, IOVA + 0x7000, memory + 0x7000));
	assert_int_equal(dirty_pages(domain, IOVA, IOMMU_DIRTY_KEEP), UINT64_MAX);
	assert_int_equal(iommu_domain_split(domain, IOVA, IOMMU_SIZE_2M, 0x3000), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_split(domain, IOVA, 0, 0x1000), IOMMU_EINVAL);
	f.machine.fail_at = f.machine.allocations + 1;
	assert_int_equal(iommu_domain_split(domain, IOVA, IOMMU_SIZE_2M, 0x1000), IOMMU_ENOMEM);
	assert_int_equal(iommu_domain_split(domain, IOVA, IOMMU_SIZE_2M, 0x1000), 0);
	/* What is known of the whole is known of its parts; from now on each is its own. */
	assert_int_equal(dirty_pages(domain, IOVA, 0), UINT64_MAX);
	assert_true(reaches(0, IOVA + 0x7000, memory + 0x7000));
	assert_int_equal(dirty_pages(domain, IOVA, 0), 1 << 7);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void guests_write_and_it_is_noted_below(void **state)
{
	(void)state;
	begin_guest(EVERYTHING, true);
	assert_int_equal(iommu_domain_attach_group(guest.nested, f.group[0]), 0);
	hosts_map(IOVA, guest_address(0), RW);
	assert_true(reaches(0, IOVA, guest_page(0)));
	assert_int_equal(iommu_domain_set_dirty_tracking(guest.parent, true), 0);
	assert_true(reaches(0, IOVA, guest_page(0)));
	/* The page, and the guest's tables, in which hardware has noted it, too. */
	assert_true((dirty_pages(guest.parent, GUEST_BASE, 0) & 1ULL << GUEST_DATA) != 0);
	assert_int_equal(dirty_pages(guest.parent, GUEST_BASE, 0), 0);
	assert_true(reaches(0, IOVA, guest_page(0)));
	assert_int_equal(dirty_pages(guest.parent, GUEST_BASE, 0), 1ULL << GUEST_DATA);
	assert_int_equal(iommu_domain_set_dirty_tracking(guest.nested, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	end_guest();
}

static void noting_that_hardware_does_not_confirm(void **state)
{
	const struct iommu_domain_config config = {.dirty_tracking = true};
	struct iommu_dirty_bitmap bitmap = {
		.words = bits, .start = IOVA, .bits = 64, .page_shift = 12};
	struct iommu_domain *domain;

	(void)state;
	begin_with(EVERYTHING, 1, 1);
	domain = domain_with(&config);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	fail_hardware(true);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 4096, 0, &bitmap), IOMMU_EINVAL);
	fail_hardware(false);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
	assert_true(reaches(0, IOVA, f.memory));
	/* Marked; and what is written before hardware has confirmed is marked by the next read. */
	stop_hardware(true);
	memset(bits, 0, sizeof(bits));
	assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 4096, 0, &bitmap), IOMMU_ETIMEDOUT);
	assert_int_equal(bits[0], 1);
	assert_true(reaches(0, IOVA, f.memory));
	stop_hardware(false);
	assert_int_equal(dirty_pages(domain, IOVA, 0), 1);
	assert_int_equal(dirty_pages(domain, IOVA, 0), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- Page requests ---------------------------------------------------------------------------- */

#define WITH_REQUESTS (WITH_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS)

static struct {
	struct iommu_domain *domain;
	struct iommu_page_request last;
	unsigned int groups, pages;
	bool maps, answers;
} pager;

/* Makes what is asked for present, and says so. */
static void page_in(void *ctx, struct iommu_endpoint *endpoint,
		    const struct iommu_page_request *requests, unsigned int count)
{
	struct iommu_page_response response = {
		.group = requests[0].group,
		.code = IOMMU_PAGE_SUCCESS,
		.has_pasid = requests[0].has_pasid,
		.pasid = requests[0].pasid,
	};
	unsigned int i;

	(void)ctx;
	pager.groups++;
	pager.pages += count;
	pager.last = requests[count - 1];
	for (i = 0; i < count && pager.maps; i++)
		if (iommu_map(pager.domain, requests[i].address, f.memory, 4096, RW) != 0)
			response.code = IOMMU_PAGE_INVALID;
	if (pager.answers)
		assert_int_equal(iommu_page_respond(endpoint, &response), 0);
}

static void begin_paging(void)
{
	begin_with(WITH_REQUESTS, 1, 2);
	memset(&pager, 0, sizeof(pager));
	pager.maps = pager.answers = true;
	pager.domain = domain_of_stage(IOMMU_STAGE_FIRST);
	iommu_endpoint_set_request_handler(f.endpoint[0], page_in, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 IOMMU_EBUSY); /* ATS first */
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 0);
}

static void end_paging(void)
{
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	(void)iommu_domain_detach_pasid(f.group[0], PASID);
	assert_int_equal(iommu_domain_free(pager.domain), 0);
	end();
}

/* A device touches a page that is not there; it is brought, and the transfer completes. */
static void pages_come_on_demand(void **state)
{
	struct iommu_pasid_handle handle;
	bool lost;

	(void)state;
	begin_paging();
	assert_int_equal(iommu_domain_attach_pasid(pager.domain, f.group[0], PASID, &handle), 0);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(f.unit[0], 0x1000, 5), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(f.unit[0], 0xfee01000, 0x45), 0);
	assert_true(pasid_is_blocked(0, PASID, IOVA));
	assert_int_equal(model_device_request_page(f.device[0], PASID, IOVA + 0x1000, RW, 3, false),
			 0);
	assert_int_equal(f.machine.messages, 0);
	assert_int_equal(model_device_request_page(f.device[0], PASID, IOVA, RW, 3, true), 0);
	assert_int_equal(f.machine.messages, 1);
	assert_int_equal(f.machine.message_data, 0x45);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], &lost), 2);
	assert_false(lost);
	assert_int_equal(pager.groups, 1);
	assert_int_equal(pager.pages, 2);
	assert_int_equal(pager.last.pasid, PASID);
	assert_int_equal(f.device[0]->answers, 1);
	assert_int_equal(f.device[0]->answer.code, 0);
	assert_int_equal(f.device[0]->answer.group, 3);
	assert_int_equal(f.device[0]->answer.pasid, PASID);
	assert_true(pasid_reaches(0, PASID, IOVA, f.memory));
	/* Without a PASID it is the same. */
	assert_int_equal(iommu_domain_attach_group(pager.domain, f.group[0]), 0);
	assert_int_equal(model_device_request_page(f.device[0], 0, IOVA + 0x8000, RW, 4, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_false(f.device[0]->answer.has_pasid);
	assert_true(reaches(0, IOVA + 0x8000, f.memory));
	/* The interrupt comes each time, and not when it is masked. */
	assert_int_equal(f.machine.messages, 2);
	assert_int_equal(iommu_vtd_mask_page_request_interrupt(f.unit[0]), 0);
	assert_int_equal(model_device_request_page(f.device[0], 0, IOVA + 0x9000, RW, 4, true), 0);
	assert_int_equal(f.machine.messages, 2);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 0);
	/* It was using the PASID, and has stopped: no answer is due. */
	assert_int_equal(model_device_request_page(f.device[0], PASID, 0, 0, 0, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(f.device[0]->answers, 3);
	/* Without a PASID that is a broken request, and answered. */
	assert_int_equal(model_device_request_page(f.device[0], 0, 0, 0, 0, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(f.device[0]->answers, 4);
	end_paging();
}

/* Into the ring, past the device. */
static void put_request(uint64_t word0, uint64_t word1)
{
	struct iommu_model_vtd *model = f.machine.units[0];
	const uint64_t ring = iommu_model_vtd_mmio_read(model, VTD_PQA, 8) & ~0xfffULL;
	const uint64_t tail = iommu_model_vtd_mmio_read(model, VTD_PQT, 8);
	uint64_t *words = (void *)model_machine_bytes(&f.machine, ring + tail);

	words[0] = iommu_le64(word0);
	words[1] = iommu_le64(word1);
	words[2] = words[3] = 0;
	iommu_model_vtd_mmio_write(model, VTD_PQT, 8, (tail + 32) % 16384);
}

static void requests_that_no_handler_should_see(void **state)
{
	const uint64_t last = IOVA | VTD_PAGE_REQUEST_READ | VTD_PAGE_REQUEST_LAST;
	uint64_t by, other;
	unsigned int i;

	(void)state;
	begin_paging();
	by = VTD_PAGE_REQUEST_TYPE | (uint64_t)f.device[0]->source_id << 16;
	other = VTD_PAGE_REQUEST_TYPE | (uint64_t)f.device[1]->source_id << 16;
	assert_int_equal(iommu_domain_attach_group(pager.domain, f.group[0]), 0);
	/* Of a device that is not to ask: it is told so, when it has said all. */
	put_request(other, last & ~VTD_PAGE_REQUEST_LAST);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(f.device[1]->answers, 0);
	put_request(other, last | 7 << 3);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(f.device[1]->answers, 1);
	assert_int_equal(f.device[1]->answer.code, 1);
	assert_int_equal(f.device[1]->answer.group, 7);
	/* With privilege, or to execute. */
	put_request(by | VTD_PAGE_REQUEST_PRIVILEGED, last);
	put_request(by | VTD_PAGE_REQUEST_EXECUTE, last);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 2);
	assert_int_equal(f.device[0]->answers, 2);
	assert_int_equal(f.device[0]->answer.code, 1);
	assert_int_equal(pager.groups, 0);
	/*
	 * What came before of that group is answered with it: nothing stays, to be answered again.
	 */
	put_request(by, (last & ~VTD_PAGE_REQUEST_LAST) | 5 << 3);
	put_request(by | VTD_PAGE_REQUEST_EXECUTE, last | 5 << 3);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 2);
	assert_int_equal(f.device[0]->answers, 3);
	assert_int_equal(f.device[0]->answer.group, 5);
	iommu_endpoint_drop_page_requests(f.endpoint[0]);
	assert_int_equal(f.device[0]->answers, 3);
	f.device[0]->answers = 2;
	/* What is no request at all, and the end of one: no answer. */
	put_request(by ^ VTD_PAGE_REQUEST_TYPE, last);
	put_request(by | VTD_PAGE_REQUEST_HAS_PASID, VTD_PAGE_REQUEST_LAST);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 2);
	assert_int_equal(f.device[0]->answers, 2);
	/* All around the ring. */
	for (i = 0; i < 600; i++) {
		put_request(by, last);
		assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	}
	assert_int_equal(f.device[0]->answers, 602);
	end_paging();
}

static void requests_that_are_refused(void **state)
{
	unsigned int i;
	bool lost;

	(void)state;
	begin_paging();
	assert_int_equal(iommu_domain_attach_group(pager.domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_group(pager.domain, f.group[1]), 0);
	/* A device for which it was not enabled: the unit itself says no. */
	assert_int_equal(model_device_request_page(f.device[1], 0, IOVA, RW, 1, true),
			 IOMMU_EFAULT);
	assert_int_equal(f.device[1]->answer.code, 15);
	/* One that asks for more than it said: its group is failed. */
	for (i = 0; i < 9; i++)
		assert_int_equal(model_device_request_page(f.device[0], 0, IOVA + i * 4096ULL, RW,
							   5, i == 8),
				 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], &lost), 9);
	assert_int_equal(f.device[0]->answer.code, 15);
	assert_int_equal(pager.groups, 0);
	/* More than the ring holds: the unit answers, and the device asks again. */
	for (i = 0; model_device_request_page(f.device[0], 0, IOVA, RW, 6, true) == 0; i++)
		assert_true(i < 1000);
	assert_int_equal(i, 511);
	assert_int_equal(f.device[0]->answer.code, 0);
	assert_true(iommu_unit_handle_page_requests(f.unit[0], &lost) >= 511);
	assert_true(lost);
	f.device[0]->answers = 0;
	assert_int_equal(model_device_request_page(f.device[0], 0, IOVA + 0x40000, RW, 7, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], &lost), 1);
	assert_false(lost);
	assert_int_equal(f.device[0]->answers, 1);
	/* No handler is set: the access fails. */
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 0);
	iommu_endpoint_set_request_handler(f.endpoint[0], NULL, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 0);
	assert_int_equal(model_device_request_page(f.device[0], 0, IOVA + 0x50000, RW, 7, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], &lost), 1);
	assert_int_equal(f.device[0]->answer.code, 1);
	/* A ring whose registers lie. */
	{
		const struct iommu_model_vtd_faults gone = {.gone = true};
		const struct iommu_model_vtd_faults none = {0};

		iommu_model_vtd_misbehave(f.machine.units[0], &gone);
		assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], &lost), IOMMU_EIO);
		iommu_model_vtd_misbehave(f.machine.units[0], &none);
	}
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	end_paging();
}

/* Detached: what is in the ring is reported first, and what waits is answered. */
static void a_detached_pasid_leaves_no_question_open(void **state)
{
	const struct iommu_page_response late = {.group = 2, .has_pasid = true, .pasid = PASID};
	struct iommu_pasid_handle handle;

	(void)state;
	begin_paging();
	pager.answers = pager.maps = false;
	assert_int_equal(iommu_domain_attach_pasid(pager.domain, f.group[0], PASID, &handle), 0);
	/*
	 * One that its handler keeps, one that is not complete, one in the ring; and one of a
	 * PASID that is not attached.
	 */
	assert_int_equal(model_device_request_page(f.device[0], PASID, IOVA, RW, 2, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(model_device_request_page(f.device[0], PASID, IOVA, RW, 3, false), 0);
	assert_int_equal(model_device_request_page(f.device[0], PASID, IOVA, RW, 4, true), 0);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 IOMMU_EBUSY);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	assert_int_equal(pager.groups, 2);
	assert_int_equal(f.device[0]->answers, 3);
	assert_int_equal(f.device[0]->answer.code, 1);
	assert_int_equal(iommu_page_respond(f.endpoint[0], &late), IOMMU_ENOENT);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 0);
	end_paging();
}

/* One that is still inside the unit when its PASID goes, and a ring that has no room for it. */
static void what_the_unit_holds_is_drained(void **state)
{
	const struct iommu_model_vtd_faults holds = {.holds_requests = true};
	struct iommu_pasid_handle handle;
	unsigned int i;

	(void)state;
	begin_paging();
	pager.answers = pager.maps = false;
	assert_int_equal(iommu_domain_attach_pasid(pager.domain, f.group[0], PASID, &handle), 0);
	for (i = 0; i < 511; i++)
		assert_int_equal(model_device_request_page(f.device[0], 0, IOVA, RW, i % 8, true),
				 0);
	misbehave(&holds);
	f.device[0]->answers = 0;
	assert_int_equal(model_device_request_page(f.device[0], PASID, IOVA, RW, 9, true), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID), 0);
	/*
	 * The last answer is the last request's, and it is the host's: not that it may try again.
	 */
	assert_true(f.device[0]->answers > 0);
	assert_int_equal(f.device[0]->answer.group, 9);
	assert_int_equal(f.device[0]->answer.pasid, PASID);
	assert_int_equal(f.device[0]->answer.code, 1);
	iommu_endpoint_drop_page_requests(f.endpoint[0]);
	end_paging();
}

/* --- What ends the use of a PASID, or of page requests; the unit may hold a request then. --- */

static struct iommu_pasid_handle ends_handle;

static int end_by_detach(void)
{
	return iommu_domain_detach_pasid(f.group[0], PASID);
}

static int end_by_replace(void)
{
	return iommu_domain_replace_pasid(pager.domain, f.group[0], PASID, &ends_handle);
}

static int end_by_reset(void)
{
	return iommu_endpoint_reset_begin(f.endpoint[0]);
}

static int end_by_detach_of_the_group(void)
{
	return iommu_domain_detach_group(f.group[0]);
}

static struct iommu_domain *ends_blocked;

/* The PASID stays. */
static int end_by_block(void)
{
	return iommu_domain_attach_group(ends_blocked, f.group[0]);
}

/* What was reported meanwhile is answered first. */
static int end_of_the_feature(void)
{
	iommu_endpoint_drop_page_requests(f.endpoint[0]);
	return iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS);
}

/* Another endpoint of the same id: it must not get what the former one asked for. */
static int end_by_release(void)
{
	int status;

	if (f.endpoint[0] != NULL) {
		(void)iommu_domain_detach_pasid(f.group[0], PASID);
		(void)iommu_domain_detach_group(f.group[0]);
		status = iommu_release_endpoint(f.endpoint[0]);
		if (status != 0)
			return status;
		f.endpoint[0] = NULL;
	}
	f.info.source_id = f.device[0]->source_id;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &f.info, &f.endpoint[0]), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	iommu_endpoint_set_request_handler(f.endpoint[0], page_in, NULL);
	status = iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID);
	if (status == 0)
		status = iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS);
	if (status == 0)
		status = iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS);
	if (status != 0) {
		assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
		f.endpoint[0] = NULL;
	}
	return status;
}

/*
 * After 0 no request of what was before is on its way; until then the call may be repeated, and
 * what is attached instead waits for it.
 */
static void drain_is_confirmed(int (*end_it)(void), uint32_t pasid,
			       const struct iommu_model_vtd_faults *behaviour)
{
	const struct iommu_model_vtd_faults well = {.holds_requests = true};
	const struct iommu_page_response late = {.group = 9, .has_pasid = true, .pasid = PASID};
	struct iommu_pasid_handle handle;
	int status;

	begin_paging();
	ends_blocked = domain_of_type(IOMMU_DOMAIN_BLOCKED);
	f.machine.quiet = true;
	pager.answers = pager.maps = false;
	assert_int_equal(iommu_domain_attach_group(pager.domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(pager.domain, f.group[0], PASID, &handle), 0);
	misbehave(&well);
	assert_int_equal(model_device_request_page(f.device[0], pasid, IOVA, RW, 9, true), 0);
	pager.groups = f.device[0]->answers = 0;
	misbehave(behaviour);
	status = end_it();
	if (status == 0)
		assert_int_not_equal(pager.groups + f.device[0]->answers, 0);
	misbehave(&well);
	if (status != 0 && end_it == end_by_detach) {
		assert_int_equal(
			iommu_domain_attach_pasid(pager.domain, f.group[0], PASID, &handle), 0);
		assert_int_not_equal(pager.groups + f.device[0]->answers, 0);
		/* It is not this domain's to answer. */
		assert_int_equal(iommu_page_respond(f.endpoint[0], &late), IOMMU_ENOENT);
	} else if (status != 0) {
		assert_int_equal(end_it(), 0);
		assert_int_not_equal(pager.groups + f.device[0]->answers, 0);
	}
	iommu_endpoint_drop_page_requests(f.endpoint[0]);
	if (end_it == end_by_reset)
		assert_int_equal(iommu_endpoint_reset_end(f.endpoint[0]), 0);
	if (end_it == end_by_block)
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(ends_blocked), 0);
	end_paging();
}

static void a_drain_that_is_not_confirmed_is_none(void **state)
{
	static const struct {
		int (*end)(void);
		uint32_t pasid;
	} ends[] = {
		{end_by_detach, PASID},
		{end_by_replace, PASID},
		{end_by_reset, PASID},
		{end_by_reset, 0},
		{end_by_detach_of_the_group, 0},
		{end_of_the_feature, 0},
		{end_by_block, 0},
		{end_by_release, 0},
	};
	unsigned int i, n;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct iommu_model_vtd_faults ill = {.holds_requests = true};

		for (n = 0; n < 16; n++) {
			ill.refuse_after = n;
			drain_is_confirmed(ends[i].end, ends[i].pasid, &ill);
		}
		ill.refuse_after = 0;
		ill.waits_hang = true;
		drain_is_confirmed(ends[i].end, ends[i].pasid, &ill);
	}
}

/*
 * The interrupt of page requests is programmed again after a rest in which the unit has forgotten
 * it.
 */
static void page_request_interrupts_come_back(void **state)
{
	struct iommu_model_vtd *model;

	(void)state;
	begin_paging();
	model = f.machine.units[0];
	assert_int_equal(iommu_domain_attach_group(pager.domain, f.group[0]), 0);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(f.unit[0], 0xfee01000, 0x44), 0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_vtd_reset(model);
	assert_int_equal(iommu_model_vtd_mmio_read(model, VTD_PECTL, 4) >> 31, 1);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(iommu_model_vtd_mmio_read(model, VTD_PECTL, 4) >> 31, 0);
	assert_int_equal(iommu_model_vtd_mmio_read(model, VTD_PEADDR, 4), 0xfee01000);
	assert_int_equal(iommu_model_vtd_mmio_read(model, VTD_PEDATA, 4), 0x44);
	assert_int_equal(iommu_vtd_mask_page_request_interrupt(f.unit[0]), 0);
	assert_int_equal(iommu_model_vtd_mmio_read(model, VTD_PECTL, 4) >> 31, 1);
	end_paging();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_follows_unit_and_option),
		cmocka_unit_test(stage_follows_need),
		cmocka_unit_test(a_first_stage_is_a_processors_table),
		cmocka_unit_test(domains_and_units_that_do_not_fit),
		cmocka_unit_test(tables_are_shown),
		cmocka_unit_test(pasids_have_domains_of_their_own),
		cmocka_unit_test(pasids_that_cannot_be),
		cmocka_unit_test(directories_grow_under_live_entries),
		cmocka_unit_test(pasids_that_are_not_attached),
		cmocka_unit_test(attaching_a_pasid_may_fail_anywhere),
		cmocka_unit_test(a_directory_that_is_taken_back),
		cmocka_unit_test(hardware_that_does_not_confirm_pasids),
		cmocka_unit_test(ends_of_pasids_that_are_refused),
		cmocka_unit_test(every_device_of_many_is_told),
		cmocka_unit_test(what_is_taken_back_was_learnt),
		cmocka_unit_test(silent_devices_lose_all_pasids),
		cmocka_unit_test(pasids_are_reset_with_their_device),
		cmocka_unit_test(tlbs_are_emptied_of_pasids_after_a_rest),
		cmocka_unit_test(what_is_kept_under_pasid_0_goes),
		cmocka_unit_test(a_device_without_ats_is_not_asked),
		cmocka_unit_test(processes_share_their_tables),
		cmocka_unit_test(tables_that_cannot_be_taken),
		cmocka_unit_test(flags_of_a_hosts_table),
		cmocka_unit_test(a_hosts_table_is_kept_until_it_is_not_walked),
		cmocka_unit_test(a_member_without_its_pasid_gets_none_back),
		cmocka_unit_test(a_hypervisors_table_is_shared),
		cmocka_unit_test(a_hypervisors_table_fits_or_is_refused),
		cmocka_unit_test(extended_accessed_bits_are_asked_for),
		cmocka_unit_test(guests_translate_first),
		cmocka_unit_test(ids_of_guests_are_used_again),
		cmocka_unit_test(guests_come_and_go),
		cmocka_unit_test(guests_ask_for_anything),
		cmocka_unit_test(guests_that_say_more),
		cmocka_unit_test(guests_with_bad_tables),
		cmocka_unit_test(writes_are_noted),
		cmocka_unit_test(large_pages_are_split_beforehand),
		cmocka_unit_test(guests_write_and_it_is_noted_below),
		cmocka_unit_test(noting_that_hardware_does_not_confirm),
		cmocka_unit_test(pages_come_on_demand),
		cmocka_unit_test(requests_that_are_refused),
		cmocka_unit_test(requests_that_no_handler_should_see),
		cmocka_unit_test(a_detached_pasid_leaves_no_question_open),
		cmocka_unit_test(what_the_unit_holds_is_drained),
		cmocka_unit_test(a_drain_that_is_not_confirmed_is_none),
		cmocka_unit_test(page_request_interrupts_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
