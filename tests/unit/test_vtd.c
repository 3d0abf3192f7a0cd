/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d driver against registers that obey and registers that do not: bring-up, attach and
 * detach with the invalidations in their order, the map path, faults, and every way in which
 * hardware can refuse to answer.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/iommu.h>

#include "fake_vtd.h"
#include "test.h"
#include "test_contract.h"

/* 5000 polls of the test's clock: the fake answers at once, or never. */
#define SHORT_TIMEOUT 5000000ULL
#define RW            IOMMU_PROT_READ_WRITE

struct fixture {
	struct fake_machine machine;
	struct fake_vtd *hw;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct iommu_domain *domain;
};

static int probe(struct fixture *f, unsigned int flags)
{
	const struct iommu_vtd_options options = {.flags = flags, .timeout_ns = SHORT_TIMEOUT};

	assert_int_equal(iommu_create(&f->machine.test.platform, &f->iommu), 0);
	return iommu_vtd_probe(f->iommu, f->machine.dmar, f->machine.dmar_size, &options);
}

static struct iommu_endpoint *add_endpoint(struct fixture *f, uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.name = "device", .source_id = source_id};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(f->iommu, &info, &endpoint), 0);
	return endpoint;
}

/* One unit, one endpoint, one paging domain; nothing attached or enabled. */
static void begin(struct fixture *f, uint64_t cap, uint64_t ecap, unsigned int flags)
{
	memset(f, 0, sizeof(*f));
	fake_machine_init(&f->machine, 1, cap, ecap);
	f->machine.test.quiet = true;
	f->hw = &f->machine.units[0];
	assert_int_equal(probe(f, flags), 0);
	f->unit = iommu_next_unit(f->iommu, NULL);
	f->endpoint = add_endpoint(f, 0x20);
	f->group = iommu_endpoint_group(f->endpoint);
	assert_int_equal(iommu_domain_alloc(f->unit, IOMMU_DOMAIN_PAGING, NULL, &f->domain), 0);
}

/* The same, enabled and attached, with the events of that forgotten. */
static void begin_running(struct fixture *f, uint64_t cap, uint64_t ecap, unsigned int flags)
{
	begin(f, cap, ecap, flags);
	assert_int_equal(iommu_unit_enable(f->unit), 0);
	assert_int_equal(iommu_domain_attach_group(f->domain, f->group), 0);
	fake_forget(f->hw);
}

static void end(struct fixture *f)
{
	(void)iommu_domain_detach_group(f->group);
	assert_int_equal(iommu_domain_free(f->domain), 0);
	assert_int_equal(iommu_release_endpoint(f->endpoint), 0);
	assert_int_equal(iommu_destroy(f->iommu), 0);
	fake_machine_destroy(&f->machine);
}

/* --- Bring-up --------------------------------------------------------------------------------- */

static void bring_up_and_down_in_order(void **state)
{
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin(&f, FAKE_CAP_48 | VTD_CAP_RWBF | VTD_CAP_PLMR, FAKE_ECAP_QI, 0);
	f.hw->faults[0][1] = 1ULL << 63; /* an old fault */
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_QIE, true);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_WBF, true);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_SRTP, true);
	fake_expect_context(f.hw, &at, VTD_GRANULARITY_GLOBAL, 0, 0);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_GLOBAL, 0);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_TE, true);
	fake_expect_no_more(f.hw, at);
	assert_int_equal(f.hw->pmen, 0);
	assert_int_equal(f.hw->faults[0][1], 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0); /* again: nothing to do */
	fake_expect_no_more(f.hw, at);

	assert_int_equal(iommu_unit_disable(f.unit), 0);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_TE, false);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_QIE, false);
	fake_expect_no_more(f.hw, at);
	end(&f);
}

static void a_unit_that_firmware_left_on_is_taken_over(void **state)
{
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	f.hw->gsts = VTD_GLOBAL_TE | VTD_GLOBAL_QIE | VTD_GLOBAL_IRE;
	f.hw->root_latched = 0x1000;
	f.hw->fsts = VTD_FSTS_IQE | VTD_FSTS_PFO;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_TE, false);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_QIE, false);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_QIE, true);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_SRTP, true);
	assert_int_equal(f.hw->fsts, 0);
	/* What is not ours stays. */
	assert_true((f.hw->gsts & VTD_GLOBAL_IRE) != 0);
	end(&f);
}

static void without_a_queue_registers_serve(void **state)
{
	static const struct {
		uint64_t ecap;
		unsigned int flags;
	} cases[] = {{FAKE_ECAP, 0}, {FAKE_ECAP_QI, IOMMU_VTD_REGISTER_INVALIDATION}};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct iommu_vtd_info info;
		struct fixture f;
		unsigned int at = 0;

		begin(&f, FAKE_CAP_48, cases[i].ecap, cases[i].flags);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		fake_expect_command(f.hw, &at, VTD_GLOBAL_SRTP, true);
		fake_expect_context(f.hw, &at, VTD_GRANULARITY_GLOBAL, 0, 0);
		fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_GLOBAL, 0);
		fake_expect_command(f.hw, &at, VTD_GLOBAL_TE, true);
		fake_expect_no_more(f.hw, at);
		assert_int_equal(iommu_vtd_get_info(f.unit, &info), 0);
		assert_false(info.queued);
		end(&f);
	}
}

/* A version without register invalidation uses the queue whatever the option says. */
static void new_versions_have_only_the_queue(void **state)
{
	struct fixture f;
	struct iommu_vtd_info info;

	(void)state;
	memset(&f, 0, sizeof(f));
	fake_machine_init(&f.machine, 1, FAKE_CAP_48, FAKE_ECAP_QI);
	f.machine.units[0].version = 0x60;
	assert_int_equal(probe(&f, IOMMU_VTD_REGISTER_INVALIDATION), 0);
	assert_int_equal(iommu_vtd_get_info(iommu_next_unit(f.iommu, NULL), &info), 0);
	assert_true(info.queued);
	assert_int_equal(info.version_major, 6);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	fake_machine_destroy(&f.machine);
}

static void each_step_that_hangs_is_reported_and_undone(void **state)
{
	static const uint32_t stuck[] = {VTD_GLOBAL_QIE, VTD_GLOBAL_WBF, VTD_GLOBAL_SRTP,
					 VTD_GLOBAL_TE};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct fixture f;

		begin(&f, FAKE_CAP_48 | VTD_CAP_RWBF, FAKE_ECAP_QI, 0);
		f.hw->stuck_commands = stuck[i];
		assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
		assert_true(f.machine.test.log_lines > 0);
		/* No other command may be given while one is under way. */
		assert_int_equal(f.hw->gsts & VTD_GLOBAL_TE, 0);
		assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
		/* Mended hardware works. */
		f.hw->stuck_commands = 0;
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		end(&f);
	}
	{
		struct fixture f;

		begin(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
		f.hw->queue_dead = true;
		assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
		assert_int_equal(f.hw->gsts & VTD_GLOBAL_TE, 0);
		f.hw->queue_dead = false;
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		/* A unit that does not turn off stays, and so does the instance. */
		f.hw->stuck_commands = VTD_GLOBAL_TE;
		assert_int_equal(iommu_unit_disable(f.unit), IOMMU_ETIMEDOUT);
		f.hw->stuck_commands = 0;
		end(&f);
	}
	{
		struct fixture f;

		begin(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
		f.hw->gone = true;
		assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
		fake_expect_no_more(f.hw, 0); /* no command from what a dead unit seems to say */
		f.hw->gone = false;
		end(&f);
	}
	{
		struct fixture f;

		/* It starts half way and then does not stop: its tables must stay. */
		begin(&f, FAKE_CAP_48 | VTD_CAP_PLMR, FAKE_ECAP_QI, 0);
		f.hw->pmen_stuck = true;
		f.hw->stuck_stops = VTD_GLOBAL_TE;
		assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
		assert_int_equal(iommu_domain_free(f.domain), 0);
		assert_int_equal(iommu_release_endpoint(f.endpoint), 0);
		assert_int_equal(iommu_destroy(f.iommu), IOMMU_ETIMEDOUT);
		f.hw->stuck_stops = 0;
		assert_int_equal(iommu_destroy(f.iommu), 0);
		fake_machine_destroy(&f.machine);
	}
}

/* Waits are bounded without a clock, too. */
static void no_clock_is_needed(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	f.machine.test.platform.now_ns = NULL;
	f.machine.test.platform.relax = NULL;
	f.hw->stuck_commands = VTD_GLOBAL_SRTP;
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
	f.hw->stuck_commands = 0;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	end(&f);
}

/* --- Probing ---------------------------------------------------------------------------------- */

static void nonsense_is_refused_whole(void **state)
{
	static const struct {
		uint64_t cap, ecap;
		uint32_t version;
	} cases[] = {
		{UINT64_MAX, UINT64_MAX, UINT32_MAX},
		{0, 0, 0},
		{FAKE_CAP_48 & ~0x1f00ULL, FAKE_ECAP_QI, 0x10},        /* no table depth */
		{FAKE_CAP_48 | 7, FAKE_ECAP_QI, 0x10},                 /* reserved domain count */
		{FAKE_CAP_48 & ~(0x3ffULL << 24), FAKE_ECAP_QI, 0x10}, /* faults over registers */
		{FAKE_CAP_48, FAKE_ECAP_QI & ~0x3ff00ULL, 0x10},       /* IOTLB over registers */
		{FAKE_CAP_48, FAKE_ECAP, 0x60},                        /* no way to invalidate */
		{FAKE_CAP_48, FAKE_ECAP_QI, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		memset(&f, 0, sizeof(f));
		fake_machine_init(&f.machine, 2, FAKE_CAP_48, FAKE_ECAP_QI);
		f.machine.test.quiet = true;
		/* The second unit is the bad one: the first must be undone. */
		f.machine.units[1].cap = cases[i].cap;
		f.machine.units[1].ecap = cases[i].ecap;
		f.machine.units[1].version = cases[i].version;
		assert_int_equal(probe(&f, 0), IOMMU_EIO);
		/* The smallest library has no texts. */
		if (iommu_reason(f.iommu)[0] != '\0' && i < 2)
			assert_non_null(
				strstr(iommu_reason(f.iommu),
				       i == 0 ? "read as ones: no unit is at this address"
					      : "no capability: no unit is at this address"));
		assert_null(iommu_next_unit(f.iommu, NULL));
		assert_int_equal(f.machine.mapped, 0);
		assert_int_equal(iommu_destroy(f.iommu), 0);
		fake_machine_destroy(&f.machine);
	}
}

static void each_allocation_of_a_probe_fails_in_turn(void **state)
{
	unsigned int n;
	int status = IOMMU_ENOMEM;

	(void)state;
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		struct fixture f;

		memset(&f, 0, sizeof(f));
		fake_machine_init(&f.machine, 2, FAKE_CAP_48, FAKE_ECAP_QI);
		assert_int_equal(iommu_create(&f.machine.test.platform, &f.iommu), 0);
		f.machine.test.fail_after = f.machine.test.allocations + n;
		status = iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, NULL);
		if (status != 0)
			assert_null(iommu_next_unit(f.iommu, NULL));
		assert_int_equal(iommu_destroy(f.iommu), 0);
		fake_machine_destroy(&f.machine);
	}
	assert_int_equal(status, 0);
	assert_true(n > 10);
}

static void probe_answers(void **state)
{
	static const uint8_t no_units[] = {'D', 'M', 'A', 'R', 48, 0, 0, 0, 1, 0x87 - 0x6d, 0};
	uint8_t table[48] = {0};
	struct fixture f;
	unsigned int i;
	uint8_t sum = 0;

	(void)state;
	memset(&f, 0, sizeof(f));
	fake_machine_init(&f.machine, 2, FAKE_CAP_48, FAKE_ECAP_QI);
	f.machine.test.quiet = true;
	assert_int_equal(probe(&f, 0), 0);
	assert_string_equal(iommu_unit_name(iommu_next_unit(f.iommu, NULL)), "dmar0");
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, NULL),
			 IOMMU_EBUSY);
	assert_int_equal(iommu_destroy(f.iommu), 0);

	assert_int_equal(iommu_create(&f.machine.test.platform, &f.iommu), 0);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, 10, NULL), IOMMU_EINVAL);
	memcpy(table, no_units, sizeof(no_units));
	table[36] = 45;
	table[9] = 0;
	for (i = 0; i < 48; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
	assert_int_equal(iommu_vtd_probe(f.iommu, table, 48, NULL), IOMMU_ENODEV);

	/* A unit without an address: nothing is enabled, rather than half of the machine. */
	for (i = 0; i < 8; i++) {
		f.machine.dmar[9] =
			(uint8_t)(f.machine.dmar[9] + f.machine.dmar[48 + DMAR_DRHD_BASE + i]);
		f.machine.dmar[48 + DMAR_DRHD_BASE + i] = 0;
	}
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, NULL),
			 IOMMU_EIO);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	fake_machine_destroy(&f.machine);
}

static void captured_capabilities_are_decoded(void **state)
{
	static const struct {
		uint64_t cap;
		unsigned int width;
	} cases[] = {{FAKE_CAP_39, 39}, {FAKE_CAP_48, 48}};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct iommu_vtd_info info;
		struct fixture f;

		begin(&f, cases[i].cap, FAKE_ECAP_QI, 0);
		assert_int_equal(iommu_vtd_get_info(f.unit, &info), 0);
		assert_int_equal(info.capability, cases[i].cap);
		assert_int_equal(info.address_width, cases[i].width);
		assert_int_equal(info.output_width, 46);
		assert_int_equal(info.domains, 65536);
		assert_int_equal(info.pgsize_bitmap, IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G);
		assert_true(info.page_selective);
		assert_true(info.pass_through);
		assert_false(info.coherent);
		assert_false(info.caching_mode);
		assert_int_equal(info.fault_records, 1);
		assert_int_equal(vtd_cap_fault_offset(cases[i].cap), 0x220);
		assert_int_equal(vtd_cap_max_address_mask(cases[i].cap), 18);
		end(&f);
	}
}

/* What QEMU's unit and a kernel on it really held. */
static void captured_values_are_decoded(void **state)
{
	const uint64_t ecap = 0xf00f4a, cap = FAKE_CAP_48;

	(void)state;
	assert_int_equal(vtd_ecap_iotlb_offset(ecap), 0xf0);
	assert_true((ecap & VTD_ECAP_QI) != 0 && (ecap & VTD_ECAP_PT) != 0);
	assert_true((ecap & VTD_ECAP_IR) != 0);
	assert_true((ecap & (VTD_ECAP_C | VTD_ECAP_SC | VTD_ECAP_DT | VTD_ECAP_EIM)) == 0);
	assert_int_equal(vtd_cap_domains(cap), 65536);
	assert_int_equal(vtd_cap_sagaw(cap), VTD_SAGAW_3_LEVELS | VTD_SAGAW_4_LEVELS);
	assert_int_equal(vtd_cap_guest_address_width(cap), 48);
	assert_int_equal(vtd_cap_second_stage_large_pages(cap), IOMMU_SIZE_2M | IOMMU_SIZE_1G);
	assert_int_equal(vtd_cap_fault_records(cap), 1);
	assert_int_equal(vtd_version_major(0x10), 1);
	assert_int_equal(vtd_version_minor(0x10), 0);

	/* A root entry, a context entry of domain 1 with 4 levels, and one that passes through. */
	assert_int_equal(vtd_root_low(0x12e000), 0x12e001);
	assert_int_equal(vtd_context_low(0x130000, VTD_TRANSLATE_UNTRANSLATED), 0x130001);
	assert_int_equal(vtd_context_high(4, 1), 0x102);
	assert_int_equal(vtd_context_low(0, VTD_PASS_THROUGH), 0x9);
	assert_int_equal(vtd_context_type(0x9), VTD_PASS_THROUGH);
	assert_int_equal(vtd_context_levels(0x102), 4);
	assert_int_equal(vtd_context_domain_id(0x102), 1);
	/* Page-table entries: a table, and pages of each size. */
	assert_int_equal(vtd_ss_table(0x136000), 0x136003);
	assert_int_equal(vtd_ss_leaf(0x133000, 1, true, true), 0x133003);
	assert_int_equal(vtd_ss_leaf(0, 3, true, true), 0x83);
	assert_true(vtd_ss_is_leaf(0x83, 3));
	assert_false(vtd_ss_is_leaf(0x136003, 4));
	/* A fault record of a blocked write by 00:04.0: valid, reason 5, type write. */
	assert_int_equal(vtd_fault_reason(0x8000000500000020ULL), 5);
	assert_int_equal(vtd_fault_source_id(0x8000000500000020ULL), 0x20);
	assert_int_equal(vtd_fault_type(0x8000000500000020ULL), VTD_FAULT_WRITE);
	assert_int_equal(vtd_fault_type(0xc000000600000020ULL), VTD_FAULT_READ);
	assert_false(vtd_fault_has_pasid(0x8000000500000020ULL));
}

/* --- Attach and detach ------------------------------------------------------------------------ */

static void attach_writes_the_entry_that_hardware_needs(void **state)
{
	struct iommu_vtd_tables tables;
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint, &tables), 0);
	assert_int_equal(tables.root_table, f.hw->root_latched);
	assert_int_equal(tables.root_entry, tables.context_table | 1);
	assert_int_equal(tables.context_low & 0xfff, 1);   /* present, translate untranslated */
	assert_int_equal(tables.context_high, 2 | 1 << 8); /* 4 levels, domain id 1 */

	/* To not present: the context entry with the old domain id, then that domain's IOTLB. */
	assert_int_equal(iommu_domain_detach_group(f.group), 0);
	fake_expect_context(f.hw, &at, VTD_GRANULARITY_DEVICE, 1, 0x20);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_DOMAIN, 1);
	fake_expect_no_more(f.hw, at);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint, &tables), 0);
	assert_int_equal(tables.context_low, 0);
	/* To present: nothing, without caching mode and write buffer. */
	assert_int_equal(iommu_domain_attach_group(f.domain, f.group), 0);
	fake_expect_no_more(f.hw, at);
	end(&f);
}

static void caching_mode_is_told_of_everything_new(void **state)
{
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin_running(&f, FAKE_CAP_48 | VTD_CAP_CM, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_detach_group(f.group), 0);
	fake_forget(f.hw);
	assert_int_equal(iommu_domain_attach_group(f.domain, f.group), 0);
	fake_expect_context(f.hw, &at, VTD_GRANULARITY_DEVICE, 0, 0x20);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_DOMAIN, 1);
	fake_expect_no_more(f.hw, at);
	/* A new mapping: its pages, and without the hint, for tables were new, too. */
	assert_int_equal(iommu_map(f.domain, 0x5000, 0x9000, 0x3000, RW), 0);
	fake_expect_pages(f.hw, &at, 1, 0x4000, 2, false);
	fake_expect_no_more(f.hw, at);
	end(&f);
}

static void a_write_buffer_is_flushed(void **state)
{
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin_running(&f, FAKE_CAP_48 | VTD_CAP_RWBF, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0x5000, 0x9000, 0x1000, RW), 0);
	fake_expect_command(f.hw, &at, VTD_GLOBAL_WBF, true);
	fake_expect_no_more(f.hw, at);
	end(&f);
}

static void replacing_a_domain_goes_through_not_present(void **state)
{
	struct iommu_vtd_tables tables;
	struct iommu_domain *identity, *blocked;
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &identity), 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_BLOCKED, NULL, &blocked), 0);
	assert_int_equal(iommu_domain_attach_group(identity, f.group), 0);
	fake_expect_context(f.hw, &at, VTD_GRANULARITY_DEVICE, 1, 0x20);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_DOMAIN, 1);
	fake_expect_no_more(f.hw, at);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint, &tables), 0);
	assert_int_equal(tables.context_low, 1 | 2 << 2);  /* present, pass-through */
	assert_int_equal(tables.context_high, 2 | 2 << 8); /* the deepest width, its own id */
	assert_ptr_equal(iommu_group_domain(f.group), identity);
	assert_int_equal(iommu_domain_free(identity), IOMMU_EBUSY);

	assert_int_equal(iommu_domain_attach_group(blocked, f.group), 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint, &tables), 0);
	assert_int_equal(tables.context_low, 0);
	assert_int_equal(iommu_domain_attach_group(f.domain, f.group), 0);
	assert_int_equal(iommu_domain_free(identity), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	end(&f);
}

static void domains_that_do_not_fit_are_refused(void **state)
{
	struct iommu_domain_config config = {.address_width = 49};
	struct iommu_domain *domain;
	struct fixture f;
	struct iommu_endpoint *other;
	struct iommu_unit *second;

	(void)state;
	memset(&f, 0, sizeof(f));
	fake_machine_init(&f.machine, 2, FAKE_CAP_48, FAKE_ECAP_QI | VTD_ECAP_C);
	f.machine.units[1].cap = FAKE_CAP_39;
	f.machine.units[1].ecap = FAKE_ECAP_QI & ~VTD_ECAP_PT;
	assert_int_equal(probe(&f, 0), 0);
	f.unit = iommu_next_unit(f.iommu, NULL);
	second = iommu_next_unit(f.iommu, f.unit);
	other = add_endpoint(&f, 0x30); /* named by no scope: the second unit */
	assert_ptr_equal(iommu_endpoint_unit(other), second);

	assert_int_equal(iommu_domain_alloc(f.unit,
					    (enum iommu_domain_type)(IOMMU_DOMAIN_QUARANTINE + 1),
					    NULL, &domain),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	config = (struct iommu_domain_config){.pgsize_bitmap = 1ULL << 39 | IOMMU_SIZE_4K};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(second, IOMMU_DOMAIN_IDENTITY, NULL, &domain),
			 IOMMU_EOPNOTSUPP);

	/* Something mapped beyond 39 bits: the second unit cannot walk there. */
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	assert_int_equal(iommu_map(domain, 1ULL << 40, 0x1000, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(other)),
			 IOMMU_EINVAL);
	assert_null(iommu_group_domain(iommu_endpoint_group(other)));
	assert_int_equal(iommu_domain_free(domain), 0);
	/* Identity made for the first unit, on one without pass-through. */
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(other)),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(domain), 0);

	/* 39 bits, non-coherent: made for the second, fits the first as well. */
	assert_int_equal(iommu_domain_alloc(second, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	f.endpoint = add_endpoint(&f, 0x20);
	assert_ptr_equal(iommu_endpoint_unit(f.endpoint), f.unit);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(second), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(other)), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(f.endpoint)), 0);
	/* Each unit is told of an unmap. */
	assert_int_equal(iommu_map(domain, 0x1000, 0x1000, 0x1000, RW), 0);
	fake_forget(&f.machine.units[0]);
	fake_forget(&f.machine.units[1]);
	assert_int_equal(iommu_unmap(domain, 0x1000, 0x1000, 0, NULL), 0);
	assert_int_equal(f.machine.units[0].event_count, 1);
	assert_int_equal(f.machine.units[1].event_count, 1);

	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(other)), 0);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(f.endpoint)), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_release_endpoint(f.endpoint), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	fake_machine_destroy(&f.machine);
}

static void domain_ids_run_out_and_come_back(void **state)
{
	/* ND = 0: 16 ids, of which 0 is never used. */
	struct iommu_domain *domains[16];
	struct iommu_endpoint *endpoints[16];
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, FAKE_CAP_48 & ~7ULL, FAKE_ECAP_QI, 0);
	for (i = 0; i < 16; i++) {
		endpoints[i] = add_endpoint(&f, (uint16_t)(0x40 + i));
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domains[i]),
				 0);
		assert_int_equal(
			iommu_domain_attach_group(domains[i], iommu_endpoint_group(endpoints[i])),
			i < 15 ? 0 : IOMMU_ENOSPC);
	}
	assert_null(iommu_group_domain(iommu_endpoint_group(endpoints[15])));
	/* The id comes back when nothing uses the domain any more, not when it is freed. */
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoints[3])), 0);
	assert_int_equal(
		iommu_domain_attach_group(domains[15], iommu_endpoint_group(endpoints[15])), 0);
	for (i = 0; i < 16; i++) {
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoints[i])), 0);
		assert_int_equal(iommu_domain_free(domains[i]), 0);
		assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
	}
	end(&f);
}

/* --- The map path ----------------------------------------------------------------------------- */

static void invalidations_cover_exactly_what_they_must(void **state)
{
	static const struct {
		uint64_t iova, size;
		struct {
			uint64_t address;
			unsigned int mask;
		} blocks[4];
	} cases[] = {
		{0x5000, 0x1000, {{0x5000, 0}}},
		{0x4000, 0x2000, {{0x4000, 1}}},
		/* One block when at least half of it had to go, … */
		{0x5000, 0x2000, {{0x4000, 2}}},
		{0x100000, 0x100000, {{0x100000, 8}}},
		/* … else exactly what had to, when that is not many, … */
		{0x7000, 0x2000, {{0x7000, 0}, {0x8000, 0}}},
		{0x1ff000, 0x2000, {{0x1ff000, 0}, {0x200000, 0}}},
		{0x7000, 0xb000, {{0x7000, 0}, {0x8000, 3}, {0x10000, 1}}},
		/* … else more than had to. */
		{0x7f000, 0x30000, {{0x0, 8}}},
	};
	struct fixture f;
	unsigned int at = 0;
	unsigned int b;
	size_t i;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x1000, RW), 0); /* keeps the tables */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(iommu_map(f.domain, cases[i].iova, 0x1001000, cases[i].size, RW),
				 0);
		fake_expect_no_more(f.hw, at); /* not present to present: nothing */
		assert_int_equal(iommu_unmap(f.domain, cases[i].iova, cases[i].size, 0, NULL), 0);
		for (b = 0; b < 4 && (b == 0 || cases[i].blocks[b].address != 0); b++)
			fake_expect_pages(f.hw, &at, 1, cases[i].blocks[b].address,
					  cases[i].blocks[b].mask, true);
	}
	/* A table goes away: no hint. */
	assert_int_equal(iommu_map(f.domain, 0x200000, 0x1000, 0x200000, RW), 0);
	assert_int_equal(iommu_unmap(f.domain, 0x200000, 0x200000, 0, NULL), 0);
	fake_expect_pages(f.hw, &at, 1, 0x200000, 9, false);
	/* Too wide for a mask of 18 bits: the domain. */
	assert_int_equal(iommu_map(f.domain, 3 * IOMMU_SIZE_1G, 0x1000, 0x1000, RW), 0);
	assert_int_equal(iommu_unmap(f.domain, 0, 1ULL << 40, 0, NULL), 0);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_DOMAIN, 1);
	fake_expect_no_more(f.hw, at);
	end(&f);
}

static void without_page_selection_the_domain_goes(void **state)
{
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin_running(&f, FAKE_CAP_48 & ~VTD_CAP_PSI, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0x1000, 0x1000, 0x1000, RW), 0);
	assert_int_equal(iommu_unmap(f.domain, 0x1000, 0x1000, 0, NULL), 0);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_DOMAIN, 1);
	fake_expect_no_more(f.hw, at);
	end(&f);
}

static void drains_are_asked_for_where_offered(void **state)
{
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48 | VTD_CAP_DRD | VTD_CAP_DWD, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0x1000, 0x1000, 0x1000, RW), 0);
	assert_int_equal(iommu_unmap(f.domain, 0x1000, 0x1000, 0, NULL), 0);
	assert_int_equal(f.hw->events[0].descriptor.low & 0xc0, 0xc0);
	end(&f);
}

static void the_map_path_of_a_domain_without_tables(void **state)
{
	struct iommu_domain *identity;
	struct fixture f;
	iommu_paddr_t paddr;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &identity), 0);
	assert_int_equal(iommu_map(identity, 0, 0, 0x1000, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_unmap(identity, 0, 0x1000, 0, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_walk(identity, 0, 1, NULL, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_iova_to_phys(identity, 0x1234, &paddr), 0);
	assert_int_equal(paddr, 0x1234);
	assert_int_equal(iommu_iova_to_phys(identity, 1ULL << 46, &paddr), IOMMU_ERANGE);
	assert_int_equal(iommu_domain_free(identity), 0);
	end(&f);
}

/* --- When hardware does not confirm ----------------------------------------------------------- */

static struct iommu_domain_info info_of(struct iommu_domain *domain)
{
	struct iommu_domain_info info;

	iommu_domain_get_info(domain, &info);
	return info;
}

/* Nothing comes back to the host until an invalidation is confirmed; then all of it does. */
static void unconfirmed_pages_are_kept(void **state)
{
	struct fixture f;
	uint64_t pages;
	unsigned int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		const bool queue = round == 0;

		begin_running(&f, FAKE_CAP_48, queue ? FAKE_ECAP_QI : FAKE_ECAP, 0);
		assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x400000, RW), 0);
		pages = f.machine.test.hosted.pages_in_use;
		f.hw->queue_dead = queue;
		f.hw->registers_dead = !queue;
		assert_int_equal(iommu_unmap(f.domain, 0, 0x200000, 0, NULL), IOMMU_ETIMEDOUT);
		assert_int_equal(iommu_unmap(f.domain, 0x200000, 0x200000, 0, NULL),
				 IOMMU_ETIMEDOUT);
		assert_int_equal(iommu_iova_to_phys(f.domain, 0x1000, NULL), IOMMU_ENOENT);
		assert_int_equal(f.machine.test.hosted.pages_in_use, pages);
		assert_true(info_of(f.domain).withheld);

		/* It answers again: the next operation begins with a global invalidation. */
		f.hw->queue_dead = f.hw->registers_dead = false;
		f.hw->ccmd = f.hw->iotlb = 0;
		fake_forget(f.hw);
		assert_int_equal(iommu_map(f.domain, 0x40000000, 0x1000, 0x1000, RW), 0);
		assert_int_equal(iommu_unmap(f.domain, 0x40000000, 0x1000, 0, NULL), 0);
		assert_false(info_of(f.domain).withheld);
		/* Two lowest tables went, one directory and one lowest table came. */
		assert_int_equal(f.machine.test.hosted.pages_in_use, pages);
		assert_int_equal(iommu_unmap(f.domain, 0, 1ULL << 48, 0, NULL), 0);
		assert_int_equal(info_of(f.domain).table_pages, 1);
		end(&f);
	}
}

static void global_invalidation_follows_a_failure(void **state)
{
	struct fixture f;
	unsigned int at = 0;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x1000, RW), 0);
	f.hw->queue_dead = true;
	assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	f.hw->queue_dead = false;
	fake_forget(f.hw);
	/*
	 * What hung is executed when the doorbell rings; the map then begins with the global one.
	 */
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x1000, RW), 0);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_PAGE, 1);
	fake_expect_context(f.hw, &at, VTD_GRANULARITY_GLOBAL, 0, 0);
	fake_expect_iotlb(f.hw, &at, VTD_GRANULARITY_GLOBAL, 0);
	fake_expect_no_more(f.hw, at);
	assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL), 0);
	end(&f);
}

/* A domain whose unit is suspect stays, with its tables and its id. */
static void a_domain_that_hardware_may_use_is_not_freed(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t paddr;
	struct fixture f;
	uint64_t pages;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group), 0);
	assert_int_equal(iommu_map(domain, 0, 0x1000, 0x1000, RW), 0);
	pages = f.machine.test.hosted.pages_in_use;
	f.hw->queue_dead = true;
	assert_int_equal(iommu_domain_detach_group(f.group), IOMMU_ETIMEDOUT);
	assert_null(iommu_group_domain(f.group));
	/* With its mappings, which hardware may go on to use: the caller knows. */
	assert_int_equal(iommu_domain_free(domain), IOMMU_ETIMEDOUT);
	assert_int_equal(f.machine.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_iova_to_phys(domain, 0, &paddr), 0);
	f.hw->queue_dead = false;
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_true(f.machine.test.hosted.pages_in_use <= pages - 3);
	end(&f);
}

/* Blocked is what it was told to be: 0 comes when the unit has confirmed it, and not before. */
static void a_detach_that_was_not_confirmed_is_asked_for_again(void **state)
{
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_attach_group(f.domain, f.group), 0);
	f.hw->queue_dead = true;
	assert_int_equal(iommu_domain_detach_group(f.group), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_detach_group(f.group), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_group_claim(f.group, &f), IOMMU_ETIMEDOUT);
	f.hw->queue_dead = false;
	assert_int_equal(iommu_domain_detach_group(f.group), 0);
	assert_int_equal(iommu_group_claim(f.group, &f), 0);
	assert_int_equal(iommu_group_release(f.group, &f), 0);
	end(&f);
}

/* A control call while the global invalidation is under way: what waits for it is not freed yet. */
static void call_in_between(void *ctx)
{
	struct fixture *f = ctx;
	const size_t pages = f->machine.test.hosted.pages_in_use;
	const uintptr_t held = test_contract_enter_cpu(&f->machine.test);
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(f->unit, IOMMU_DOMAIN_BLOCKED, NULL, &domain), 0);
	assert_true(f->machine.test.hosted.pages_in_use >= pages);
	assert_int_equal(iommu_domain_free(domain), 0);
	test_contract_leave_cpu(&f->machine.test, held);
}

static void nothing_is_freed_before_the_confirmation(void **state)
{
	struct iommu_domain *domain;
	struct fixture f;
	uint64_t pages;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group), 0);
	assert_int_equal(iommu_map(domain, 0, 0x1000, 0x1000, RW), 0);
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x1000, RW), 0);
	f.hw->queue_dead = true;
	assert_int_equal(iommu_domain_detach_group(f.group), IOMMU_ETIMEDOUT);
	f.hw->queue_dead = false;
	pages = f.machine.test.hosted.pages_in_use;
	f.hw->on_descriptor = call_in_between;
	f.hw->ctx = &f;
	assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL), 0); /* the global one */
	f.hw->on_descriptor = NULL;
	assert_int_equal(f.machine.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_true(f.machine.test.hosted.pages_in_use <= pages - 3); /* now */
	end(&f);
}

static void a_failed_attach_leaves_the_old_domain(void **state)
{
	struct iommu_vtd_tables before, after;
	struct iommu_domain *other;
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &other), 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint, &before), 0);
	f.hw->queue_dead = true;
	assert_int_equal(iommu_domain_attach_group(other, f.group), IOMMU_ETIMEDOUT);
	f.hw->queue_dead = false;
	assert_ptr_equal(iommu_group_domain(f.group), f.domain);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(iommu_domain_free(other), 0);
	end(&f);
}

/* A refused descriptor: its submitter is told, the queue goes on. */
static void a_queue_error_is_mended(void **state)
{
	unsigned int which;

	(void)state;
	for (which = 1; which <= 2; which++) { /* the descriptor, then the wait behind it */
		struct fixture f;

		begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
		assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x2000, RW), 0);
		f.hw->refuse_after = which;
		/* A lost wait is asked for again; a refused descriptor would be refused again. */
		assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL),
				 which == 1 ? IOMMU_EIO : 0);
		assert_int_equal(f.hw->fsts & VTD_FSTS_IQE, 0);
		assert_int_equal(iommu_unmap(f.domain, 0x1000, 0x1000, 0, NULL), 0);
		assert_false(info_of(f.domain).withheld);
		end(&f);
	}
}

/* The library that this is linked with asks no devices. */
#ifndef WITHOUT_DEVICE_TLB
#define WITHOUT_DEVICE_TLB 0
#endif

static void a_dropped_wait_is_asked_for_again(void **state)
{
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x2000, RW), 0);
	f.hw->drop_after = 1;
	/* Where no device is asked none is lost: hardware that says so is waited for in vain. */
	assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL),
			 WITHOUT_DEVICE_TLB ? IOMMU_ETIMEDOUT : 0);
	assert_int_equal(f.hw->fsts & VTD_FSTS_ITE, 0);
	if (WITHOUT_DEVICE_TLB)
		assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_unmap(f.domain, 0x1000, 0x1000, 0, NULL), 0);
	end(&f);
}

static void a_head_that_lies_restarts_the_queue(void **state)
{
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x2000, RW), 0);
	f.hw->refuse_after = 1;
	f.hw->head_lies = true;
	assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	f.hw->head_lies = false;
	f.hw->fsts = 0;
	assert_int_equal(iommu_unmap(f.domain, 0x1000, 0x1000, 0, NULL), 0);
	end(&f);
}

static void registers_that_refuse_are_reported(void **state)
{
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP, 0);
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x2000, RW), 0);
	f.hw->registers_refuse = true;
	assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL), IOMMU_EIO);
	f.hw->registers_refuse = false;
	assert_int_equal(iommu_unmap(f.domain, 0x1000, 0x1000, 0, NULL), 0);
	end(&f);
}

/* In caching mode a map that is not confirmed is taken back. */
static void an_unconfirmed_map_is_undone(void **state)
{
	struct fixture f;

	(void)state;
	begin_running(&f, FAKE_CAP_48 | VTD_CAP_CM, FAKE_ECAP_QI, 0);
	f.hw->queue_dead = true;
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x2000, RW), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_iova_to_phys(f.domain, 0, NULL), IOMMU_ENOENT);
	f.hw->queue_dead = false;
	assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x2000, RW), 0);
	end(&f);
}

/* Thousands of submissions: slots come back, and the ring wraps. */
static void the_ring_wraps(void **state)
{
	struct fixture f;
	unsigned int i;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(iommu_map(f.domain, 0, 0x1000, 0x1000, RW), 0);
		assert_int_equal(iommu_unmap(f.domain, 0, 0x1000, 0, NULL), 0);
	}
	end(&f);
}

struct submitter {
	struct iommu_domain *domain;
	iommu_iova_t iova;
	int failures;
};

static void *submit_many(void *argument)
{
	struct submitter *s = argument;
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		s->failures += iommu_map(s->domain, s->iova, 0x1000, 0x1000, RW) != 0;
		s->failures += iommu_unmap(s->domain, s->iova, 0x1000, 0, NULL) != 0;
	}
	return NULL;
}

/* Several CPUs use the queue at once, and each gets its own answer. */
static void several_cpus_submit_at_once(void **state)
{
	struct submitter submitters[4];
	pthread_t threads[4];
	struct fixture f;
	unsigned int i;

	(void)state;
	begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
	for (i = 0; i < 4; i++) {
		submitters[i] = (struct submitter){f.domain, i * 0x1000ULL, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &submitters[i]), 0);
	}
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 4; i++)
		assert_int_equal(submitters[i].failures, 0);
	end(&f);
}

struct mapper {
	struct submitter submitter;
	bool *stop;
};

static void *map_until_told(void *argument)
{
	struct mapper *m = argument;

	while (!__atomic_load_n(m->stop, __ATOMIC_RELAXED)) {
		m->submitter.failures +=
			iommu_map(m->submitter.domain, m->submitter.iova, 0x1000, 0x1000, RW) != 0;
		m->submitter.failures +=
			iommu_unmap(m->submitter.domain, m->submitter.iova, 0x1000, 0, NULL) != 0;
	}
	return NULL;
}

/* Mapping goes on, without an error, while units come and go under it and endpoints move. */
static void maps_run_beside_control_calls(void **state)
{
	struct mapper mappers[2];
	pthread_t threads[2];
	bool stop = false;
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, FAKE_CAP_48 | VTD_CAP_CM, FAKE_ECAP_QI, 0);
	for (i = 0; i < 2; i++) {
		mappers[i] = (struct mapper){{f.domain, i * 0x1000ULL, 0}, &stop};
		assert_int_equal(pthread_create(&threads[i], NULL, map_until_told, &mappers[i]), 0);
	}
	for (i = 0; i < 200; i++) {
		fake_forget(f.hw);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_int_equal(iommu_domain_attach_group(f.domain, f.group), 0);
		assert_int_equal(iommu_domain_detach_group(f.group), 0);
		assert_int_equal(iommu_domain_attach_group(f.domain, f.group), 0);
		assert_int_equal(iommu_unit_disable(f.unit), 0);
		assert_int_equal(iommu_domain_detach_group(f.group), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(mappers[i].submitter.failures, 0);
	}
	end(&f);
}

/* --- A ring without room ---------------------------------------------------------------------- */

#define RING_ROOM 255 /* slots that can be in use at once */

struct crowd {
	struct fixture *f;
	unsigned int depth;
	bool answer;   /* let hardware go on once there is no room */
	bool was_full; /* a submission found no room */
};

static struct crowd crowd;

static unsigned int slots_in_use(const struct fake_vtd *hw)
{
	return (unsigned int)(hw->iqt - hw->iqh) % 4096 / 16;
}

static void unmap_one_more(void)
{
	const iommu_iova_t iova = 0x10000000 + crowd.depth * IOMMU_PAGE_SIZE;

	crowd.depth++;
	assert_int_equal(iommu_unmap(crowd.f->domain, iova, IOMMU_PAGE_SIZE, 0, NULL),
			 crowd.answer ? 0 : IOMMU_ETIMEDOUT);
}

/* Another CPU's work, while this one waits: as many at once as there is room, and one more. */
static void relax_in_a_crowd(void *ctx)
{
	struct fake_machine *machine = ctx;
	struct fake_vtd *hw = crowd.f->hw;

	if (!hw->queue_dead || crowd.was_full)
		return;
	if (slots_in_use(hw) + 2 > RING_ROOM && crowd.depth * 2 > RING_ROOM) {
		crowd.was_full = true;
		if (!crowd.answer)
			return;
		hw->queue_dead = false;
		machine->test.platform.mmio_write64(
			ctx, (void *)(uintptr_t)(FAKE_BASE(0) + VTD_IQT), hw->iqt);
		return;
	}
	unmap_one_more();
}

static void a_full_ring_is_waited_for(void **state)
{
	struct fixture f;
	unsigned int answer, i;

	(void)state;
	for (answer = 0; answer < 2; answer++) {
		begin_running(&f, FAKE_CAP_48, FAKE_ECAP_QI, 0);
		f.machine.test.platform.relax = relax_in_a_crowd;
		crowd = (struct crowd){.f = &f, .answer = answer != 0};
		assert_int_equal(
			iommu_map(f.domain, 0x10000000, 0x40000000, 256 * IOMMU_PAGE_SIZE, RW), 0);
		f.hw->queue_dead = true;
		unmap_one_more();
		assert_true(crowd.was_full);
		assert_int_equal(crowd.depth, RING_ROOM / 2 + 1);
		/* Whatever came of them: the entries are gone, and the queue serves again. */
		f.hw->queue_dead = false;
		for (i = 0; i < crowd.depth; i++)
			assert_int_equal(iommu_iova_to_phys(f.domain,
							    0x10000000 + i * IOMMU_PAGE_SIZE, NULL),
					 IOMMU_ENOENT);
		assert_int_equal(iommu_unmap(f.domain, 0x10000000, 256 * IOMMU_PAGE_SIZE, 0, NULL),
				 0);
		end(&f);
	}
}

/* --- Faults ----------------------------------------------------------------------------------- */

struct seen {
	struct iommu_fault faults[32];
	unsigned int count;
};

static void see(void *ctx, const struct iommu_fault *fault)
{
	struct seen *seen = ctx;

	seen->faults[seen->count++] = *fault;
}

static void faults_are_read_decoded_and_cleared(void **state)
{
	struct seen seen = {.count = 0};
	struct fixture f;
	bool lost = true;

	(void)state;
	/* Four records; the ring is read from where hardware says, around the end. */
	begin_running(&f, FAKE_CAP_48 | 3ULL << 40, FAKE_ECAP_QI, 0);
	iommu_set_fault_handler(f.iommu, see, &seen);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 0);
	assert_false(lost);
	fake_fault(f.hw, 3, 0x20, 0x12345678, 6, true);
	fake_fault(f.hw, 0, 0x99, 0xfffff000, 2, false);
	fake_fault(f.hw, 1, 0x20, 0, 0x21, false);
	f.hw->faults[1][0] = 77ULL << 48;
	f.hw->fsts |= VTD_FSTS_PFO;
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 3);
	assert_true(lost);
	assert_int_equal(seen.count, 3);
	assert_ptr_equal(seen.faults[0].endpoint, f.endpoint);
	assert_int_equal(seen.faults[0].source_id, 0x20);
	assert_int_equal(seen.faults[0].address, 0x12345000);
	assert_int_equal(seen.faults[0].access, IOMMU_FAULT_READ);
	assert_string_equal(seen.faults[0].reason_name, "read denied");
	assert_null(seen.faults[1].endpoint); /* an unknown id */
	assert_int_equal(seen.faults[1].access, IOMMU_FAULT_WRITE);
	assert_int_equal(seen.faults[2].address, 77); /* an interrupt index */
	assert_int_equal(seen.faults[2].access, IOMMU_FAULT_OTHER);
	assert_int_equal(f.hw->fsts & (VTD_FSTS_PFO | VTD_FSTS_PPF), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);

	/* Without a handler a fault is logged. */
	iommu_set_fault_handler(f.iommu, NULL, NULL);
	f.machine.test.log_lines = 0;
	fake_fault(f.hw, 2, 0x20, 0x1000, 5, false);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_int_equal(f.machine.test.log_lines, 1);

	iommu_set_fault_handler(f.iommu, see, &seen);
	/* The types that take two bits: a request for a page, an atomic operation. */
	seen.count = 0;
	fake_fault(f.hw, 0, 0x20, 0x1000, 5, false);
	f.hw->faults[0][1] |= 1ULL << 28;
	fake_fault(f.hw, 1, 0x20, 0x2000, 5, true);
	f.hw->faults[1][1] |= 1ULL << 28;
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 2);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.faults[0].access, IOMMU_FAULT_OTHER);
	assert_int_equal(seen.faults[1].access, IOMMU_FAULT_ATOMIC);

	/* An error of the queue that is no descriptor's is taken back. */
	f.hw->fsts = VTD_FSTS_ICE;
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(f.hw->fsts, 0);

	/* Registers that make no sense. */
	f.hw->fsts = VTD_FSTS_PPF | 200U << 8;
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), IOMMU_EIO);
	f.hw->fsts = 0;
	f.hw->gone = true;
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), IOMMU_EIO);
	f.hw->gone = false;
	end(&f);
}

static void every_reason_has_a_name_and_an_explanation(void **state)
{
	static const uint8_t known[] = {1,    2,    3,    4,    5,    6,    7,    8,    9,    10,
					11,   12,   13,   14,   0x20, 0x21, 0x22, 0x23, 0x24, 0x25,
					0x26, 0x27, 0x28, 0x29, 0x30, 0x58, 0x71, 0x87, 0x91};
	unsigned int i;

	(void)state;
	for (i = 0; i < 256; i++) {
		assert_non_null(iommu_vtd_fault_name(i));
		assert_non_null(iommu_vtd_fault_explanation(i));
	}
	for (i = 0; i < sizeof(known); i++)
		assert_string_not_equal(iommu_vtd_fault_name(known[i]), "unknown reason");
	assert_string_equal(iommu_vtd_fault_name(0xff), "unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bring_up_and_down_in_order),
		cmocka_unit_test(a_unit_that_firmware_left_on_is_taken_over),
		cmocka_unit_test(without_a_queue_registers_serve),
		cmocka_unit_test(new_versions_have_only_the_queue),
		cmocka_unit_test(each_step_that_hangs_is_reported_and_undone),
		cmocka_unit_test(no_clock_is_needed),
		cmocka_unit_test(nonsense_is_refused_whole),
		cmocka_unit_test(each_allocation_of_a_probe_fails_in_turn),
		cmocka_unit_test(probe_answers),
		cmocka_unit_test(captured_capabilities_are_decoded),
		cmocka_unit_test(captured_values_are_decoded),
		cmocka_unit_test(attach_writes_the_entry_that_hardware_needs),
		cmocka_unit_test(caching_mode_is_told_of_everything_new),
		cmocka_unit_test(a_write_buffer_is_flushed),
		cmocka_unit_test(replacing_a_domain_goes_through_not_present),
		cmocka_unit_test(domains_that_do_not_fit_are_refused),
		cmocka_unit_test(domain_ids_run_out_and_come_back),
		cmocka_unit_test(invalidations_cover_exactly_what_they_must),
		cmocka_unit_test(without_page_selection_the_domain_goes),
		cmocka_unit_test(drains_are_asked_for_where_offered),
		cmocka_unit_test(the_map_path_of_a_domain_without_tables),
		cmocka_unit_test(unconfirmed_pages_are_kept),
		cmocka_unit_test(global_invalidation_follows_a_failure),
		cmocka_unit_test(a_domain_that_hardware_may_use_is_not_freed),
		cmocka_unit_test(a_detach_that_was_not_confirmed_is_asked_for_again),
		cmocka_unit_test(nothing_is_freed_before_the_confirmation),
		cmocka_unit_test(a_failed_attach_leaves_the_old_domain),
		cmocka_unit_test(a_queue_error_is_mended),
		cmocka_unit_test(a_dropped_wait_is_asked_for_again),
		cmocka_unit_test(a_head_that_lies_restarts_the_queue),
		cmocka_unit_test(registers_that_refuse_are_reported),
		cmocka_unit_test(an_unconfirmed_map_is_undone),
		cmocka_unit_test(the_ring_wraps),
		cmocka_unit_test(several_cpus_submit_at_once),
		cmocka_unit_test(a_full_ring_is_waited_for),
		cmocka_unit_test(maps_run_beside_control_calls),
		cmocka_unit_test(faults_are_read_decoded_and_cleared),
		cmocka_unit_test(every_reason_has_a_name_and_an_explanation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
