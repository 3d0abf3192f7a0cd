/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PEs that the library makes: the ids of each are compared with the PE to which the model's bridge
 * assigns requests.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "test.h"
#include "test_platform.h"

#define PES      8
#define RESERVED 7
#define NONE     IOMMU_OPAL_NO_PE

static struct {
	struct test_platform test, outside;
	struct iommu_model_phb *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	int64_t refuse; /* what firmware says to a change of ids, after making it or not */
	bool refuse_late;
	bool refuse_always;
	unsigned int calls;
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	return true;
}

static int64_t call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	int64_t refuse = 0;

	(void)ctx;
	if (token == IOMMU_OPAL_SET_PE) {
		f.calls++;
		refuse = f.refuse;
		if (!f.refuse_always)
			f.refuse = 0;
	}
	if (refuse != 0 && !f.refuse_late)
		return refuse;
	if (f.refuse_always) /* the first is made, the others not */
		f.refuse_late = false;
	(void)iommu_model_phb_opal(f.model, token, arguments);
	return refuse;
}

static int begin(void **state)
{
	const struct iommu_model_phb_config model = {
		.platform = &f.outside.platform, .host = {.read = read_memory}, .pes = PES};
	const struct iommu_opal_config config = {
		.pes = PES,
		.reserved_pe = RESERVED,
		.call = call,
		.page_sizes = 1 << 12,
		.output_bits = 50,
		.window_bits = 32,
		.reserved_start = 1,
	};

	(void)state;
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.test, 1 << 22, 0);
	test_platform_init(&f.outside, 1 << 22, 0);
	f.test.quiet = true;
	assert_int_equal(iommu_model_phb_create(&model, &f.model), 0);
	/* Of a predecessor. */
	assert_int_equal(iommu_model_phb_set_pe(f.model, 0x4200, 3), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x4200), IOMMU_MODEL_NO_PE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_model_phb_destroy(f.model);
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
	return 0;
}

static int add(enum iommu_opal_pe_kind kind, uint16_t source_id, unsigned int buses,
	       uint32_t wanted, uint32_t *number)
{
	const struct iommu_opal_pe_config config = {
		.kind = kind, .source_id = source_id, .buses = buses, .number = wanted};

	return iommu_opal_add_pe(f.unit, &config, number);
}

static uint32_t make(enum iommu_opal_pe_kind kind, uint16_t source_id, unsigned int buses)
{
	uint32_t number = NONE;

	assert_int_equal(add(kind, source_id, buses, NONE, &number), 0);
	return number;
}

/* The bridge sorts these into a PE, and nothing on either side of them. */
static void assert_ids(uint32_t first, uint32_t last, uint32_t pe, uint32_t beside)
{
	uint32_t id;

	for (id = first; id <= last; id++)
		assert_int_equal(iommu_model_phb_pe_of(f.model, (uint16_t)id), pe);
	if (first != 0)
		assert_int_equal(iommu_model_phb_pe_of(f.model, (uint16_t)(first - 1)), beside);
	if (last != 0xffff)
		assert_int_equal(iommu_model_phb_pe_of(f.model, (uint16_t)(last + 1)), beside);
}

static void each_kind_has_its_ids(void **state)
{
	struct iommu_opal_pe_config config;
	unsigned int buses;
	uint32_t pe;

	(void)state;
	pe = make(IOMMU_OPAL_PE_DEVICE, 0x123, 0);
	assert_ids(0x123, 0x123, pe, IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_opal_get_pe(f.unit, pe, &config), 0);
	assert_int_equal(config.kind, IOMMU_OPAL_PE_DEVICE);
	assert_int_equal(config.source_id, 0x123);
	assert_int_equal(config.number, pe);
	assert_int_equal(iommu_opal_remove_pe(f.unit, pe), 0);
	assert_ids(0x123, 0x123, IOMMU_MODEL_NO_PE, IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_opal_get_pe(f.unit, pe, &config), IOMMU_ENOENT);
	assert_int_equal(iommu_opal_remove_pe(f.unit, pe), IOMMU_ENOENT);
	assert_int_equal(iommu_opal_remove_pe(f.unit, PES), IOMMU_ENOENT);

	pe = make(IOMMU_OPAL_PE_BUS, 0x200, 0);
	assert_ids(0x200, 0x2ff, pe, IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_opal_remove_pe(f.unit, pe), 0);
	for (buses = 1; buses <= IOMMU_OPAL_BUSES_MAX; buses *= 2) {
		pe = make(IOMMU_OPAL_PE_BUS_ALL, 0x4000, buses);
		assert_ids(0x4000, 0x4000 + buses * 256 - 1, pe, IOMMU_MODEL_NO_PE);
		assert_int_equal(iommu_opal_get_pe(f.unit, pe, &config), 0);
		assert_int_equal(config.kind, IOMMU_OPAL_PE_BUS_ALL);
		assert_int_equal(config.buses, buses);
		assert_int_equal(iommu_opal_remove_pe(f.unit, pe), 0);
	}
	/* The last ids there are. */
	pe = make(IOMMU_OPAL_PE_BUS_ALL, 0xe000, 32);
	assert_ids(0xe000, 0xffff, pe, IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_opal_remove_pe(f.unit, pe), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	const struct iommu_opal_pe_config newer = {.source_id = 8, .number = NONE, .flags = 1};
	uint32_t number;

	(void)state;
	assert_int_equal(iommu_opal_add_pe(f.unit, &newer, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_BUS, 0x201, 0, NONE, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_BUS_ALL, 0x200, 0, NONE, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_BUS_ALL, 0x200, 3, NONE, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_BUS_ALL, 0x200, 4, NONE, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_BUS_ALL, 0, 64, NONE, &number), IOMMU_EINVAL);
	assert_int_equal(add((enum iommu_opal_pe_kind)9, 0, 0, NONE, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 8, 0, PES, &number), IOMMU_EINVAL);
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 8, 0, RESERVED, &number), IOMMU_EBUSY);
	assert_int_equal(f.calls, 1); /* that of the probe */
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 8, 0, 5, &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 16, 0, 5, &number), IOMMU_EBUSY);
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 8, 0, NONE, &number), IOMMU_EEXIST);
	/* Around it. */
	assert_int_equal(add(IOMMU_OPAL_PE_BUS, 0, 0, NONE, &number), IOMMU_EEXIST);
	assert_int_equal(add(IOMMU_OPAL_PE_BUS_ALL, 0, 2, NONE, &number), IOMMU_EEXIST);
	assert_int_equal(iommu_opal_remove_pe(f.unit, 5), 0);
}

static void virtual_functions_come_and_go_within_a_bus(void **state)
{
	uint32_t outer, bus, function;

	(void)state;
	outer = make(IOMMU_OPAL_PE_BUS_ALL, 0x1000, 16);
	bus = make(IOMMU_OPAL_PE_BUS, 0x1400, 0);
	function = make(IOMMU_OPAL_PE_VIRTUAL_FUNCTION, 0x1481, 0);
	assert_ids(0x1481, 0x1481, function, bus);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x14ff), bus);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x1500), outer);
	/* From the inside out, and never under one that is within. */
	assert_int_equal(iommu_opal_remove_pe(f.unit, outer), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_remove_pe(f.unit, bus), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_remove_pe(f.unit, function), 0);
	assert_ids(0x1400, 0x14ff, bus, outer);
	assert_int_equal(iommu_opal_remove_pe(f.unit, bus), 0);
	assert_ids(0x1000, 0x1fff, outer, IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_opal_remove_pe(f.unit, outer), 0);
	assert_ids(0x1000, 0x1fff, IOMMU_MODEL_NO_PE, IOMMU_MODEL_NO_PE);
}

static void pes_run_out(void **state)
{
	uint32_t number, i;

	(void)state;
	for (i = 0; i < PES - 1; i++)
		assert_int_equal(make(IOMMU_OPAL_PE_DEVICE, (uint16_t)(8 * i), 0), i);
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 0x100, 0, NONE, &number), IOMMU_ENOSPC);
	for (i = 0; i < PES - 1; i++)
		assert_int_equal(iommu_opal_remove_pe(f.unit, i), 0);
}

/* Where a device is sorted does not change while it is there. */
static void endpoints_keep_their_pe(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 0x208};
	const struct iommu_endpoint_info other = {.source_id = 0x210};
	struct iommu_endpoint *first, *second, *none;
	struct iommu_domain *domain;
	struct iommu_group *group;
	uint32_t bus, number;

	(void)state;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &none), IOMMU_ENOENT);
	bus = make(IOMMU_OPAL_PE_BUS, 0x200, 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &first), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &none), IOMMU_EEXIST);
	assert_int_equal(iommu_opal_pe(first), bus);
	assert_int_equal(iommu_opal_remove_pe(f.unit, bus), IOMMU_EBUSY);
	assert_int_equal(add(IOMMU_OPAL_PE_VIRTUAL_FUNCTION, 0x208, 0, NONE, &number), IOMMU_EBUSY);
	number = make(IOMMU_OPAL_PE_VIRTUAL_FUNCTION, 0x210, 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &other, &second), 0);
	assert_int_equal(iommu_opal_pe(second), number);
	group = iommu_endpoint_group(first);
	assert_ptr_not_equal(group, iommu_endpoint_group(second));
	assert_string_equal(iommu_group_name(iommu_endpoint_group(second)), "domain0-pe1");
	/* A window that firmware does not close: its PE is not given away. */
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(second)), 0);
	iommu_model_phb_misbehave(f.model, &(struct iommu_model_phb_faults){.refuse_close = true});
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(second)), 0);
	assert_int_equal(iommu_release_endpoint(second), 0);
	iommu_model_phb_misbehave(f.model, &(struct iommu_model_phb_faults){0});
	assert_int_equal(iommu_opal_remove_pe(f.unit, number), 0);
	assert_int_equal(iommu_release_endpoint(first), 0);
	assert_int_equal(iommu_opal_remove_pe(f.unit, bus), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void firmware_that_refuses_changes_nothing(void **state)
{
	uint32_t bus, number;

	(void)state;
	bus = make(IOMMU_OPAL_PE_BUS, 0x200, 0);
	for (f.refuse_late = false;; f.refuse_late = true) {
		f.refuse = -6;
		assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 0x208, 0, NONE, &number), IOMMU_EIO);
		assert_ids(0x200, 0x2ff, bus, IOMMU_MODEL_NO_PE);
		f.refuse = -6;
		assert_int_equal(add(IOMMU_OPAL_PE_BUS, 0x300, 0, NONE, &number), IOMMU_EIO);
		assert_ids(0x200, 0x2ff, bus, IOMMU_MODEL_NO_PE);
		if (f.refuse_late)
			break;
		f.refuse = -6;
		assert_int_equal(iommu_opal_remove_pe(f.unit, bus), IOMMU_EIO);
		assert_ids(0x200, 0x2ff, bus, IOMMU_MODEL_NO_PE);
	}
	assert_int_equal(iommu_opal_remove_pe(f.unit, bus), 0);
}

static uint32_t find_pe(void *ctx, uint16_t source_id)
{
	(void)ctx;
	(void)source_id;
	return 0;
}

static void hosts_may_keep_them_themselves(void **state)
{
	const struct iommu_opal_config config = {
		.phb = 0,
		.segment = 1,
		.pes = PES,
		.find_pe = find_pe,
		.call = call,
		.page_sizes = 1 << 12,
		.output_bits = 50,
		.window_bits = 32,
		.reserved_start = 1,
	};
	const struct iommu_opal_pe_config pe = {.number = NONE};
	struct iommu_opal_pe_config found;
	uint32_t number;

	(void)state;
	assert_int_equal(iommu_destroy(f.iommu), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	f.calls = 0;
	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
	assert_int_equal(f.calls, 0);
	assert_int_equal(iommu_opal_add_pe(f.unit, &pe, &number), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_remove_pe(f.unit, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_get_pe(f.unit, 0, &found), IOMMU_EOPNOTSUPP);
}

/* Firmware makes a PE, returns an error and keeps the PE: its ids are in no other PE until then. */
static void ids_in_doubt_keep_their_pe(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 0x100};
	struct iommu_opal_pe_config config;
	struct iommu_endpoint *endpoint;
	uint32_t lost, number;

	(void)state;
	f.refuse = -6;
	f.refuse_late = f.refuse_always = true;
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 0x100, 0, NONE, &number), IOMMU_EIO);
	lost = iommu_model_phb_pe_of(f.model, 0x100);
	assert_int_not_equal(lost, NONE);
	assert_int_equal(iommu_opal_get_pe(f.unit, lost, &config), IOMMU_ENOENT);
	assert_int_equal(add(IOMMU_OPAL_PE_DEVICE, 0x200, 0, NONE, &number), IOMMU_EIO);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x200), NONE);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO); /* nothing to do but that */
	f.refuse = 0;
	f.refuse_always = false;
	number = make(IOMMU_OPAL_PE_DEVICE, 0x200, 0);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x100), NONE);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x200), number);
	/*
	 * The same when one is taken apart: its ids are its own still, and no device is probed
	 * meanwhile.
	 */
	f.refuse = -6;
	f.refuse_late = f.refuse_always = true;
	assert_int_equal(iommu_opal_remove_pe(f.unit, number), IOMMU_EIO);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x200), NONE);
	endpoint = NULL;
	{
		const struct iommu_endpoint_info own = {.source_id = 0x200};

		assert_int_equal(iommu_probe_endpoint(f.iommu, &own, &endpoint), IOMMU_EIO);
		f.refuse = 0;
		f.refuse_always = false;
		assert_int_equal(iommu_probe_endpoint(f.iommu, &own, &endpoint), 0);
	}
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x200), number);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_ENOENT);
	assert_int_equal(iommu_release_endpoint(iommu_find_endpoint(f.iommu, 0, 0x200)), 0);
	assert_int_equal(iommu_opal_remove_pe(f.unit, number), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_kind_has_its_ids, begin, end),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(virtual_functions_come_and_go_within_a_bus, begin,
						end),
		cmocka_unit_test_setup_teardown(pes_run_out, begin, end),
		cmocka_unit_test_setup_teardown(endpoints_keep_their_pe, begin, end),
		cmocka_unit_test_setup_teardown(firmware_that_refuses_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(ids_in_doubt_keep_their_pe, begin, end),
		cmocka_unit_test_setup_teardown(hosts_may_keep_them_themselves, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
