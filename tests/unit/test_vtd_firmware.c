/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware says, and how far it is trusted: the place of virtual functions, memory that is
 * claimed for devices, units that only remap interrupts, widths of addresses, paths through
 * bridges.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/iommu.h>

#include "test.h"
#include "vtd_fixture.h"

static const struct iommu_model_vtd_config plain = {.address_mask = 9, .fault_records = 4};
static const struct iommu_vtd_options none;
static struct iommu_dmar_builder b;

/* --- The log ---------------------------------------------------------------------------------- */

static char log_text[8192];

static void keep_log(void *ctx, enum iommu_log_level level, const char *line)
{
	const size_t used = strlen(log_text);

	(void)ctx;
	(void)level;
	if (used + strlen(line) + 2 < sizeof(log_text)) {
		strcat(log_text, line);
		strcat(log_text, "\n");
	}
}

/* How often is it there? */
static unsigned int log_has(const char *text)
{
	const char *at = log_text;
	unsigned int count = 0;

	while ((at = strstr(at, text)) != NULL) {
		at++;
		count++;
	}
	return count;
}

/* --- Tables by hand --------------------------------------------------------------------------- */

/*
 * Units, of which the last takes the rest, and devices 00:04.0, … on them in turn; a table to be
 * filled.
 */
static void start(unsigned int units, const struct iommu_model_vtd_config *config,
		  unsigned int device_count)
{
	machine(units, config);
	devices(device_count);
	f.machine.platform.log = keep_log;
	log_text[0] = '\0';
	memset(f.machine.dmar, 0, sizeof(f.machine.dmar));
	iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, DMAR_FLAG_INTR_REMAP);
}

static void name_device(unsigned int device)
{
	const struct iommu_pci_hop hop = {(uint8_t)device, 0};

	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
}

static void claim(iommu_paddr_t start_of, iommu_paddr_t last, unsigned int device)
{
	iommu_dmar_add_region(&b, 0, start_of, last);
	name_device(device);
}

static int probe_table(const struct iommu_vtd_options *options)
{
	const int size = iommu_dmar_finish(&b, "TEST", "MODEL");

	assert_true(size > 0);
	f.machine.dmar_size = (size_t)size;
	return probe_with(options);
}

static void one_unit(void)
{
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, true);
}

/* --- Virtual functions ------------------------------------------------------------------------ */

static struct iommu_endpoint *add(const struct iommu_endpoint_info *info)
{
	struct iommu_endpoint *endpoint_of = NULL;

	assert_int_equal(iommu_probe_endpoint(f.iommu, info, &endpoint_of), 0);
	return endpoint_of;
}

static void a_virtual_function_is_where_its_physical_one_is(void **state)
{
	/*
	 * On the next number, on another bus, with a path, behind a bridge; and devices that are
	 * none.
	 */
	static const struct iommu_endpoint_info infos[] = {
		{.source_id = 0x28, .physical_function = 0x20},
		{.source_id = 0x180, .physical_function = 0x20},
		{.source_id = 0x181,
		 .physical_function = 0x20,
		 .path_length = 1,
		 .path = {{0x10, 1}}},
		{.source_id = 0x201,
		 .physical_function = 0x100,
		 .path_length = 2,
		 .path = {{1, 0}, {0, 1}}},
		{.source_id = 0x30, .physical_function = 0x30},
		{.source_id = 0x38},
	};
	const struct iommu_pci_hop behind[] = {{1, 0}, {0, 0}};
	struct iommu_endpoint *endpoints_of[6];
	struct iommu_region region;
	unsigned int i, cursor = 0;

	(void)state;
	start(2, &plain, 1);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	name_device(4);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, behind, 2);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(1), 4096, true);
	claim(0x80000000, 0x80000fff, 4);
	assert_int_equal(probe_table(&none), 0);
	for (i = 0; i < 6; i++) {
		endpoints_of[i] = add(&infos[i]);
		assert_ptr_equal(iommu_endpoint_unit(endpoints_of[i]), f.unit[i < 4 ? 0 : 1]);
	}
	/* Firmware's memory is the physical function's. */
	assert_true(iommu_endpoint_next_region(endpoints_of[0], &cursor, &region));
	assert_int_equal(region.type, IOMMU_REGION_MSI);
	for (i = 0; i < 6; i++)
		assert_int_equal(iommu_release_endpoint(endpoints_of[i]), 0);
	f.devices = 0;
	end();
}

static void virtual_graphics_are_left_alone_with_the_physical_one(void **state)
{
	const struct iommu_vtd_options options = {.flags = IOMMU_VTD_BYPASS_GRAPHICS};
	const struct iommu_endpoint_info infos[] = {
		{.source_id = 0x20, .physical_function = 0x20, .class_code = 0x030000},
		{.source_id = 0x21, .physical_function = 0x20, .class_code = 0x030000},
	};
	struct iommu_endpoint *both[2];
	struct iommu_domain *domain;
	struct iommu_vtd_info info;

	(void)state;
	start(2, &plain, 1);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	name_device(4);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(1), 4096, true);
	assert_int_equal(probe_table(&options), 0);
	both[0] = add(&infos[0]);
	both[1] = add(&infos[1]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_get_info(iommu_endpoint_unit(both[1]), &info), 0);
	assert_true(info.bypassed);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_endpoint(domain, both[1]), IOMMU_EPERM);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(both[1]), 0);
	assert_int_equal(iommu_release_endpoint(both[0]), 0);
	f.devices = 0;
	end();
}

static void a_virtual_function_may_keep_translations_as_its_physical_one(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};
	const struct iommu_pci_hop port = {1, 0};
	const struct iommu_endpoint_info infos[] = {
		{.source_id = 0x200,
		 .physical_function = 0x100,
		 .device_tlb = true,
		 .path_length = 2,
		 .path = {{1, 0}, {0, 0}}},
		{.source_id = 0x201,
		 .physical_function = 0x100,
		 .device_tlb = true,
		 .untrusted = true,
		 .path_length = 2,
		 .path = {{1, 0}, {0, 1}}},
	};
	struct iommu_model_request request = {.source_id = 0x201,
					      .type = IOMMU_MODEL_TRANSLATED,
					      .address = 0xdeadb000,
					      .access = IOMMU_PROT_WRITE};
	struct iommu_model_translation result;
	struct iommu_endpoint *both[2];

	(void)state;
	start(1, &config, 1);
	model_machine_add_device(&f.machine, 0, 0x200)->has_tlb = true;
	one_unit();
	iommu_dmar_add_ports(&b, 0, false);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_BRIDGE, 0, 0, &port, 1);
	assert_int_equal(probe_table(&none), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	both[0] = add(&infos[0]);
	both[1] = add(&infos[1]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(iommu_endpoint_uses_device_tlb(both[0]));
	/* What one that is not trusted says to be translated does not pass. */
	assert_false(iommu_endpoint_uses_device_tlb(both[1]));
	assert_int_not_equal(iommu_model_vtd_translate(f.machine.units[0], &request, &result), 0);
	request.source_id = 0x200;
	assert_int_equal(iommu_model_vtd_translate(f.machine.units[0], &request, &result), 0);
	f.machine.violation = NULL;
	assert_int_equal(iommu_release_endpoint(both[1]), 0);
	assert_int_equal(iommu_release_endpoint(both[0]), 0);
	f.devices = 0;
	end();
}

/* --- Memory that firmware claims -------------------------------------------------------------- */

static enum iommu_vtd_region_answer host_says;
static iommu_paddr_t host_start, host_last;
static unsigned int host_asked;

static enum iommu_vtd_region_answer host(void *ctx, const struct iommu_endpoint_info *info,
					 iommu_paddr_t *start_of, iommu_paddr_t *last)
{
	assert_ptr_equal(ctx, &host_asked);
	assert_int_equal(info->source_id, 0x20);
	host_asked++;
	if (host_last != 0) {
		*start_of = host_start;
		*last = host_last;
	}
	return host_says;
}

#define DISPLAY 0x030000
#define MIB     (1ULL << 20)

static const struct {
	const char *reason; /* in the log */
	iommu_paddr_t start, last;
	uint32_t class_code;
	bool untrusted, asks;
	enum iommu_vtd_region_answer says;
	iommu_paddr_t host_start, host_last;
} claims[] = {
	{"0x80000000 to 0x80000fff: accepted", .start = 0x80000000, .last = 0x80000fff},
	{"0xfee00000 to 0xfee00fff: refused, writes", .start = 0xfee00000, .last = 0xfee00fff},
	{"refused, writes", .start = 0xfedff000, .last = 0xfee00fff},
	{"refused, writes", .start = 0xfeeff000, .last = 0xfef00fff},
	{"refused, the library's own", .start = 0xfed90000, .last = 0xfed90fff},
	{"0x400000000000 to 0x400000000fff: refused, the unit cannot address it",
	 .start = 1ULL << 46, .last = (1ULL << 46) + 0xfff},
	{"refused, the unit", .start = 0, .last = UINT64_MAX},
	{"refused, it is too large", .start = 0x100000000, .last = 0x100000fff + 256 * MIB},
	{"accepted", .start = 0x100000000, .last = 0x100000000 + 256 * MIB - 1},
	{"accepted", .start = 0x100000000, .last = 0x1ffffffff, .class_code = DISPLAY},
	{"refused, it is too large", .start = 0x100000000, .last = 0x200000fff,
	 .class_code = DISPLAY},
	{"refused, the device is not trusted", .start = 0x80000000, .last = 0x80000fff,
	 .untrusted = true},
	{"refused by the host", .start = 0x80000000, .last = 0x80000fff, .asks = true,
	 .says = IOMMU_VTD_REGION_REFUSE},
	{"accepted", .start = 0x80000000, .last = 0x80000fff, .asks = true,
	 .says = IOMMU_VTD_REGION_DEFAULT},
	{"accepted", .start = 0x80000000, .last = 0x80000fff, .asks = true,
	 .says = IOMMU_VTD_REGION_ACCEPT, .untrusted = true},
	{"accepted", .start = 0x100000000, .last = 0x1ffffffff, .asks = true,
	 .says = IOMMU_VTD_REGION_ACCEPT},
	{"refused, writes", .start = 0xfee00000, .last = 0xfee00fff, .asks = true,
	 .says = IOMMU_VTD_REGION_ACCEPT},
	{"0x80002000 to 0x80002fff: accepted", .start = 0x80000000, .last = 0x800fffff,
	 .asks = true, .host_start = 0x80002000, .host_last = 0x80002fff},
	{"0x100001000 to 0x100001fff: accepted", .start = 0x100000000, .last = 0x1ffffffff,
	 .asks = true, .host_start = 0x100001000, .host_last = 0x100001fff},
	{"refused, the host's answer", .start = 0x80000000, .last = 0x80000fff, .asks = true,
	 .host_start = 0x80000000, .host_last = 0x80001fff},
	{"refused, the host's answer", .start = 0x80001000, .last = 0x80001fff, .asks = true,
	 .host_start = 0x80000000, .host_last = 0x80001fff},
	{"refused, the host's answer", .start = 0x80000000, .last = 0x80001fff, .asks = true,
	 .host_start = 0x80000800, .host_last = 0x80000fff},
	{"refused, the host's answer", .start = 0x80000000, .last = 0x80001fff, .asks = true,
	 .host_start = 0x80001000, .host_last = 0x80000fff},
};

/* Is its first byte reached while nothing is attached, and no other? */
static void check_reach(iommu_paddr_t start_of, iommu_paddr_t last, bool accepted)
{
	const iommu_paddr_t at[] = {start_of, last - 0xfff, start_of - 0x1000, last + 1};
	iommu_paddr_t to = 0;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (at[i] >= VTD_INTERRUPT_RANGE_START && at[i] <= VTD_INTERRUPT_RANGE_LAST)
			continue;
		assert_int_equal(model_device_access(f.device[0], at[i], RW, &to),
				 accepted && i < 2 ? 0 : IOMMU_EFAULT);
	}
	f.machine.violation = NULL; /* no memory of the test's */
}

static void claims_are_believed_within_reason(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		const struct iommu_vtd_options options = {
			.firmware_region = claims[i].asks ? host : NULL,
			.firmware_region_ctx = &host_asked,
		};
		const bool accepted = strstr(claims[i].reason, "accepted") != NULL;
		const bool trimmed = claims[i].host_last != 0;

		host_says = claims[i].says;
		host_start = claims[i].host_start;
		host_last = claims[i].host_last;
		host_asked = 0;
		start(1, &plain, 1);
		one_unit();
		claim(claims[i].start, claims[i].last, 4);
		assert_int_equal(probe_table(&options), 0);
		f.info.class_code = claims[i].class_code;
		f.info.untrusted = claims[i].untrusted;
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		if (log_has(claims[i].reason) != 1 || log_has("firmware's region") != 1)
			fail_msg("claim %zu: %s, not %s", i, log_text, claims[i].reason);
		assert_int_equal(log_has("0000:00:04.0: firmware's region"), 1);
		assert_int_equal(host_asked, claims[i].asks);
		check_reach(accepted && trimmed ? host_start : claims[i].start,
			    accepted && trimmed ? host_last : claims[i].last, accepted);
		end();
	}
}

static void claims_of_one_device_count_together(void **state)
{
	(void)state;
	start(1, &plain, 1);
	one_unit();
	claim(0x100000000, 0x100000000 + 200 * MIB - 1, 4);
	claim(0x200000000, 0x200000000 + 100 * MIB - 1, 4);
	claim(0x300000000, 0x300000000 + 56 * MIB - 1, 4);
	claim(0x400000000, 0x400000fff, 4);
	assert_int_equal(probe_table(&none), 0);
	endpoints();
	assert_int_equal(log_has("accepted"), 2);
	assert_int_equal(log_has("0x200000000 to 0x2063fffff: refused, it is too large"), 1);
	assert_int_equal(log_has("0x400000000 to 0x400000fff: refused, it is too large"), 1);
	end();
}

/* One device's claim that cannot be is no reason to leave all others unprotected. */
static void a_claim_that_cannot_be_mapped_is_one_devices_affair(void **state)
{
	struct iommu_domain *domain;

	(void)state;
	start(1, &plain, 2);
	one_unit();
	claim(1ULL << 45, (1ULL << 47) + 0xfff, 4);
	assert_int_equal(probe_table(&none), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(log_has("0000:00:04.0: firmware's region 0x200000000000 to "
				 "0x800000000fff: refused"),
			 1);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(reaches(1, IOVA, f.memory));
	assert_true(is_blocked(1, f.memory));
	assert_true(is_blocked(0, f.memory));
	assert_true(is_blocked(0, 1ULL << 45));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Claims and tables: which of the two is first has the memory. Here it is the tables. */
static void no_claim_to_the_librarys_tables(void **state)
{
	const struct iommu_vtd_options options = {.firmware_region = host,
						  .firmware_region_ctx = &host_asked};

	(void)state;
	host_says = IOMMU_VTD_REGION_ACCEPT;
	host_last = 0;
	start(1, &plain, 1);
	one_unit();
	claim(MACHINE_BASE, MACHINE_BASE + MACHINE_PAGES * IOMMU_PAGE_SIZE - 1, 4);
	assert_int_equal(probe_table(&options), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(log_has("refused, the library's own tables"), 1);
	assert_true(is_blocked(0, MACHINE_BASE));
	end();
}

/* An id that others use becomes the device that firmware claims memory for. */
static void an_alias_that_becomes_a_device_has_its_regions(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = 0x20},
		{.devfn = 0x28, .alias_count = 1, .aliases = {0x20}},
	};
	const struct iommu_pci_topology topology = {functions, 2};
	struct iommu_region region;
	unsigned int cursor = 0;

	(void)state;
	start(1, &plain, 2);
	one_unit();
	claim(0x80000000, 0x80000fff, 4);
	assert_int_equal(probe_table(&none), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	assert_int_equal(endpoint(1), 0);
	assert_int_equal(log_has("firmware's region"), 0);
	assert_int_equal(endpoint(0), 0);
	assert_int_equal(log_has("accepted"), 1);
	assert_true(iommu_endpoint_next_region(f.endpoint[0], &cursor, &region));
	assert_int_equal(region.start, 0x80000000);
	f.group[0] = f.group[1] = iommu_endpoint_group(f.endpoint[0]);
	end();
}

/* --- Units that only remap interrupts --------------------------------------------------------- */

static void a_unit_without_table_depths_remaps_interrupts(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 9,
						      .flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	const struct iommu_model_vtd_faults well = {0};
	struct iommu_model_vtd_faults shallow = {0};
	struct iommu_vtd_interrupt interrupt;
	struct iommu_domain *domain;
	struct iommu_vtd_info info;

	(void)state;
	start(2, &config, 2);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	name_device(4);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(1), 4096, true);
	shallow.capability = iommu_model_vtd_mmio_read(f.machine.units[1], 8, 8) & ~(0x1fULL << 8);
	iommu_model_vtd_misbehave(f.machine.units[1], &shallow);
	assert_int_equal(probe_table(&none), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[1], &info), 0);
	assert_true(info.interrupts_only);
	assert_int_equal(endpoint(1), IOMMU_ENODEV);
	assert_int_equal(iommu_domain_alloc(f.unit[1], IOMMU_DOMAIN_PAGING, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_enable(f.unit[1]), IOMMU_EOPNOTSUPP);
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_false(iommu_unit_is_enabled(f.unit[1]));
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[1], 1, &interrupt), 0);
	iommu_vtd_interrupt_free(&interrupt);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	f.endpoint[1] = NULL;
	iommu_model_vtd_misbehave(f.machine.units[1], &well);
	end();
}

/* --- Widths ----------------------------------------------------------------------------------- */

static void registers_beyond_the_machine_are_not_mapped(void **state)
{
	unsigned int mapped;

	(void)state;
	start(1, &plain, 1);
	iommu_dmar_add_unit(&b, 0, 1ULL << 46, 4096, true);
	mapped = f.machine.mapped;
	assert_int_equal(probe_table(&none), IOMMU_EIO);
	assert_int_equal(f.machine.mapped, mapped);
	assert_int_equal(log_has("its registers lie beyond"), 1);
	f.devices = 0;
	end();
}

/*
 * One set of registers that firmware gives to two units: in two segments, with the same source ids
 * in both; with other devices in each; or in a part of what the other has.
 */
static void registers_belong_to_one_unit(void **state)
{
	static const struct {
		uint16_t segment;
		iommu_paddr_t base;
		uint64_t size;
		unsigned int device;
	} seconds[] = {
		{1, MACHINE_UNIT(0), 4096, 4},
		{0, MACHINE_UNIT(0), 4096, 5},
		{0, MACHINE_UNIT(0) + 4096, 4096, 5},
		{0, MACHINE_UNIT(0) - 4096, 8192, 5},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		start(2, &plain, 1);
		iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 8192, false);
		name_device(4);
		iommu_dmar_add_unit(&b, seconds[i].segment, seconds[i].base, seconds[i].size,
				    false);
		name_device(seconds[i].device);
		iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(1), 4096, true);
		assert_int_equal(probe_table(&none), IOMMU_EIO);
		assert_int_equal(log_has("its registers are another unit's, too"), 1);
		f.devices = 0;
		end();
	}
	/* The same once more says nothing new. */
	start(1, &plain, 1);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	name_device(4);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	name_device(4);
	assert_int_equal(probe_table(&none), 0);
	f.devices = 0;
	end();
}

/* One page of the host's that is far away; others are where they were. */
#define FAR (1ULL << 42)
static unsigned char far_page[4 * IOMMU_PAGE_SIZE] __attribute__((aligned(4 * IOMMU_PAGE_SIZE)));
static struct iommu_platform near;
static uint64_t far_at; /* the n-th allocation */
static uint64_t allocations;
static bool far_is_used;

static void *far_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	if (++allocations != far_at || order > 2)
		return near.alloc_pages(ctx, order, node, flags);
	far_is_used = true;
	memset(far_page, 0, sizeof(far_page));
	return far_page;
}

static void far_free(void *ctx, void *pages, unsigned int order)
{
	if (pages != far_page)
		near.free_pages(ctx, pages, order);
	else
		far_is_used = false;
}

static void *far_virt(void *ctx, iommu_paddr_t paddr)
{
	(void)ctx;
	return paddr >= FAR && paddr < FAR + sizeof(far_page)
		       ? far_page + (paddr - FAR)
		       : (unsigned char *)(uintptr_t)(paddr + near.direct_map_offset);
}

static iommu_paddr_t far_phys(void *ctx, const void *virt)
{
	const unsigned char *byte = virt;

	(void)ctx;
	return byte >= far_page && byte < far_page + sizeof(far_page)
		       ? FAR + (uint64_t)(byte - far_page)
		       : (uint64_t)(uintptr_t)virt - near.direct_map_offset;
}

/* Does a word of the driver's tables, or a register, lead there, or would when cut to 40 bits? */
static bool hardware_knows(void)
{
	static const uint16_t registers[] = {VTD_RTADDR, VTD_IQA, VTD_IRTA, VTD_PQA};
	unsigned int page, i;

	for (i = 0; i < 4; i++)
		if ((iommu_model_vtd_mmio_read(f.machine.units[0], registers[i], 8) & ~0xfffULL) ==
		    FAR)
			return true;
	for (page = 0; page < MACHINE_PAGES; page++) {
		const uint64_t *words =
			(const uint64_t *)(const void *)(f.machine.memory + page * IOMMU_PAGE_SIZE);

		for (i = 0; f.machine.states[page] == PAGE_TABLE && i < 512; i++)
			if ((words[i] & 0xffffffffff000ULL) >= FAR &&
			    (words[i] & 0xffffffffff000ULL) < FAR + sizeof(far_page))
				return true;
	}
	return false;
}

static int probe_far(void)
{
	int status;

	near = f.machine.platform;
	f.machine.platform.alloc_pages = far_alloc;
	f.machine.platform.free_pages = far_free;
	f.machine.platform.phys_to_virt = far_virt;
	f.machine.platform.virt_to_phys = far_phys;
	allocations = 0;
	far_is_used = false;
	status = iommu_dmar_finish(&b, "TEST", "MODEL");
	f.machine.dmar_size = (size_t)status;
	if (iommu_create(&f.machine.platform, &f.iommu) != 0)
		return IOMMU_ENOMEM;
	status = iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &none);
	f.unit[0] = iommu_next_unit(f.iommu, NULL);
	return status;
}

/* Claims and tables: which of the two is first has the memory. Here it is the device. */
static void what_a_device_reaches_becomes_no_table(void **state)
{
	struct iommu_domain *domain;

	(void)state;
	start(1, &plain, 2);
	f.memory = model_machine_take(&f.machine, 1);
	one_unit();
	claim(FAR, FAR + sizeof(far_page) - 1, 4);
	far_at = 0;
	assert_int_equal(probe_far(), 0);
	endpoints();
	assert_int_equal(log_has("accepted"), 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	/* The host's next page is one that the device reaches. */
	far_at = allocations + 1;
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_ENOMEM);
	far_at = allocations + 1;
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_ENOMEM);
	assert_int_equal(log_has("page table: the host's page cannot be a table"), 1);
	assert_false(far_is_used);
	/* Nor a context table: on another bus. */
	f.info.source_id = f.info.physical_function = 0x700;
	far_at = allocations + 1;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &f.info, &f.endpoint[5]), IOMMU_ENOMEM);
	assert_int_equal(log_has("the host's page is one that a device reaches"), 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Everything that takes pages for hardware. What failed is left out, and nothing of it is known. */
static int use_everything(struct iommu_domain **domain)
{
	static struct iommu_pasid_handle handle; /* until it is detached */
	int status = probe_far();

	*domain = NULL;
	if (status == 0)
		status = endpoint(0);
	if (status != 0)
		return status;
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	status = iommu_vtd_enable(f.iommu);
	if (status == 0)
		status = iommu_vtd_interrupts_enable(f.iommu, 0);
	if (status == 0)
		status = iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, NULL, domain);
	if (status == 0)
		status = iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID);
	if (status == 0)
		status = iommu_domain_attach_pasid(*domain, f.group[0], 40000, &handle);
	if (status == 0)
		status = iommu_map(*domain, IOVA, f.memory, 4096, RW);
	return status;
}

static void a_page_that_cannot_be_addressed_is_refused(void **state)
{
	const struct iommu_model_vtd_config config = {
		.output_width = 40,
		.pasid_bits = 20,
		.address_mask = 9,
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID |
			 IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_DEVICE_TLB |
			 IOMMU_MODEL_VTD_PAGE_REQUESTS};
	unsigned int refused = 0;
	int status = IOMMU_ENOMEM;

	(void)state;
	allocations = 1;
	for (far_at = 1; status != 0 || far_at <= allocations; far_at++) {
		struct iommu_domain *domain;

		start(1, &config, 1);
		iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 40,
				 DMAR_FLAG_INTR_REMAP);
		one_unit();
		f.memory = model_machine_take(&f.machine, 1);
		f.info.max_pasids = 1U << 17;
		status = use_everything(&domain);
		assert_false(hardware_knows());
		if (status != 0) {
			assert_int_equal(status, IOMMU_ENOMEM);
			assert_int_equal(log_has("the host's page"), 1);
			assert_false(far_is_used);
			refused++;
		}
		if (f.endpoint[0] != NULL) {
			(void)iommu_domain_detach_pasid(f.group[0], 40000);
			assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
		}
		if (domain != NULL)
			assert_int_equal(iommu_domain_free(domain), 0);
		f.devices = 0;
		end();
	}
	/*
	 * Root, ring, status, page requests; context, directory, its table; window's or domain's
	 * tables, …
	 */
	assert_true(refused >= 10);
}

/* Where the host's memory lies beyond what firmware states, the unit is asked. */
static void a_width_that_firmware_understates(void **state)
{
	struct iommu_model_vtd_config config = plain;
	struct iommu_vtd_info info;
	unsigned int width;

	(void)state;
	for (width = 40; width <= 46; width += 6) {
		config.output_width = width;
		start(1, &config, 1);
		iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 40, 0);
		one_unit();
		far_at = 4; /* of the table's copy */
		assert_int_equal(probe_far(), 0);
		assert_true(far_is_used);
		assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
		assert_int_equal(info.output_width, width);
		assert_int_equal(log_has("too few address bits"), width != 40);
		f.devices = 0;
		end();
	}
}

/* --- Paths through bridges -------------------------------------------------------------------- */

static void sources_behind_bridges_are_found_by_the_topology(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.bus = 0xf0,
		 .devfn = 0x1e << 3,
		 .type = IOMMU_PCI_CONVENTIONAL_BRIDGE,
		 .secondary_bus = 0xf3},
		{.bus = 0xf3, .devfn = 2 << 3, .type = IOMMU_PCI_CONVENTIONAL},
	};
	const struct iommu_pci_topology topology = {functions, 2};
	const struct iommu_pci_hop path[] = {{0x1e, 0}, {2, 0}}, other[] = {{0x1d, 0}, {2, 0}};
	struct iommu_unit *unit = NULL;
	uint16_t source_id = 0, segment;

	(void)state;
	start(1, &plain, 0);
	one_unit();
	iommu_dmar_add_scope(&b, DMAR_SCOPE_IOAPIC, 2, 0xf0, path, 2);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_IOAPIC, 3, 0xf0, other, 2);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_HPET, 1, 0xf0, path, 2);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_NAMESPACE, 1, 0xf0, path, 2);
	iommu_dmar_add_name(&b, 1, "\\_SB.I2C0");
	assert_int_equal(probe_table(&none), 0);
	/* Of which bus the last hop is, only a topology says. */
	assert_int_equal(iommu_vtd_find_ioapic(f.iommu, 2, &unit, &source_id), IOMMU_ENOENT);
	assert_int_equal(iommu_vtd_find_named(f.iommu, "\\_SB.I2C0", &segment, &source_id),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	assert_int_equal(iommu_vtd_find_ioapic(f.iommu, 2, &unit, &source_id), 0);
	assert_int_equal(source_id, 0xf310);
	assert_int_equal(iommu_vtd_find_hpet(f.iommu, 1, &unit, &source_id), 0);
	assert_int_equal(source_id, 0xf310);
	source_id = 0;
	assert_int_equal(iommu_vtd_find_named(f.iommu, "\\_SB.I2C0", &segment, &source_id), 0);
	assert_int_equal(source_id, 0xf310);
	assert_int_equal(iommu_vtd_find_ioapic(f.iommu, 3, &unit, &source_id), IOMMU_ENOENT);
	end();
}

/* --- Devices with a TLB of their own ---------------------------------------------------------- */

/* A machine's table: a unit for graphics, one for the rest, and two devices that need ATS. */
#define GRAPHICS_UNIT 0xfc800000ULL
#define OTHERS_UNIT   0xfc801000ULL

static void *(*map_unit)(void *ctx, iommu_paddr_t paddr, uint64_t size);

static void *map_real_unit(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	assert_true(paddr == GRAPHICS_UNIT || paddr == OTHERS_UNIT);
	return map_unit(ctx, paddr == GRAPHICS_UNIT ? MACHINE_UNIT(0) : MACHINE_UNIT(1), size);
}

static void read_real_table(void)
{
	FILE *file = fopen(TEST_DATA "/dmar/4ff4c5fa14e2.bin", "rb");

	assert_non_null(file);
	f.machine.dmar_size = fread(f.machine.dmar, 1, sizeof(f.machine.dmar), file);
	assert_true(f.machine.dmar_size > 48 && feof(file));
	fclose(file);
	map_unit = f.machine.platform.map_mmio;
	f.machine.platform.map_mmio = map_real_unit;
}

/* What the device had of a page goes with the page. */
static void use_its_tlb(unsigned int device)
{
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(f.endpoint[device]),
					    IOMMU_DOMAIN_PAGING, NULL, &domain),
			 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[device]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(reaches(device, IOVA, f.memory));
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	assert_true(is_blocked(device, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[device]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/*
 * Firmware says that two devices need ATS (SATC): in scalable mode they get it, in legacy mode it
 * is hardware's own affair. And none gets it that asks for parts of pages.
 */
static void what_needs_a_tlb_gets_it_in_scalable_mode(void **state)
{
	static const uint16_t ids[] = {0x02 << 3, 0x0b << 3};
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_SCALABLE |
							       IOMMU_MODEL_VTD_FIRST_STAGE |
							       IOMMU_MODEL_VTD_DEVICE_TLB};
	unsigned int mode, i;

	(void)state;
	for (mode = 0; mode < 3; mode++) {
		const struct iommu_vtd_options options = {.flags = mode == 1 ? IOMMU_VTD_LEGACY_MODE
									     : 0};

		machine(2, &config);
		for (i = 0; i < 2; i++) {
			f.device[i] = model_machine_add_device(&f.machine, i, ids[i]);
			f.device[i]->has_tlb = mode == 0;
		}
		f.devices = 2;
		read_real_table();
		assert_int_equal(probe_with(&options), 0);
		f.info.device_tlb = true;
		f.info.tlb_unaligned = mode == 2;
		endpoints();
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		for (i = 0; i < 2; i++) {
			assert_ptr_equal(iommu_endpoint_unit(f.endpoint[i]), f.unit[i]);
			assert_int_equal(iommu_endpoint_uses_device_tlb(f.endpoint[i]), mode == 0);
			use_its_tlb(i);
			assert_int_equal(f.device[i]->invalidations != 0, mode == 0);
		}
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_needs_a_tlb_gets_it_in_scalable_mode),
		cmocka_unit_test(a_virtual_function_is_where_its_physical_one_is),
		cmocka_unit_test(virtual_graphics_are_left_alone_with_the_physical_one),
		cmocka_unit_test(a_virtual_function_may_keep_translations_as_its_physical_one),
		cmocka_unit_test(claims_are_believed_within_reason),
		cmocka_unit_test(claims_of_one_device_count_together),
		cmocka_unit_test(a_claim_that_cannot_be_mapped_is_one_devices_affair),
		cmocka_unit_test(no_claim_to_the_librarys_tables),
		cmocka_unit_test(what_a_device_reaches_becomes_no_table),
		cmocka_unit_test(an_alias_that_becomes_a_device_has_its_regions),
		cmocka_unit_test(a_unit_without_table_depths_remaps_interrupts),
		cmocka_unit_test(registers_beyond_the_machine_are_not_mapped),
		cmocka_unit_test(registers_belong_to_one_unit),
		cmocka_unit_test(a_page_that_cannot_be_addressed_is_refused),
		cmocka_unit_test(a_width_that_firmware_understates),
		cmocka_unit_test(sources_behind_bridges_are_found_by_the_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
