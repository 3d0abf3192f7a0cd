/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters of VT-d's units, against the model; and against registers that lie, and
 * commands that hang or are refused.
 */
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/acpi_root.h>
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include <string.h>

#include "test.h"
#include "vtd_fixture.h"

#define MESSAGE  0xfee01000U
#define COUNTERS 8U
#define FIXED    7U /* the one for the IOTLB alone */

static const struct iommu_counter_config requests = {.group = VTD_EVENTS_OF_UNIT,
						     .event = VTD_EVENT_REQUESTS};
static const struct iommu_counter_config lookups = {.group = VTD_EVENTS_OF_IOTLB,
						    .event = VTD_EVENT_IOTLB_LOOKUPS};
static const struct iommu_counter_config hits = {.group = VTD_EVENTS_OF_IOTLB,
						 .event = VTD_EVENT_IOTLB_HITS};

/* --- Registers that lie ----------------------------------------------------------------------- */

static struct {
	bool on;
	uint64_t offset; /* of the first unit */
	uint64_t value;
	uint64_t step;      /* … and so much more each time */
	unsigned int after; /* so many reads of it are true; then it lies */
	unsigned int times; /* … so often; 0: always */
	unsigned int reads; /* of all registers */
	uint64_t largest;   /* window that was mapped */
	uint64_t refused;   /* no window of this size is mapped */
	uint64_t space;     /* none that is larger is mapped; 0: each is */
	struct {
		uint64_t offset, value;
	} fixed[16]; /* other registers that lie all the time */
	unsigned int fixed_count;
	uint64_t written[0x3000 / 4]; /* the last value that was written at each offset */
	unsigned int writes_at;       /* so many writes … */
	uint64_t watched;             /* … to this register */
} lie;
static uint64_t (*true_read64)(void *ctx, const volatile void *reg);
static uint32_t (*true_read32)(void *ctx, const volatile void *reg);
static void (*true_write64)(void *ctx, volatile void *reg, uint64_t value);
static void (*true_write32)(void *ctx, volatile void *reg, uint32_t value);
static void *(*true_map)(void *ctx, iommu_paddr_t paddr, uint64_t size);

static const uint64_t *fixed_lie(const volatile void *reg)
{
	unsigned int i;

	for (i = 0; i < lie.fixed_count; i++)
		if ((uintptr_t)reg - (uintptr_t)MACHINE_UNIT(0) == lie.fixed[i].offset)
			return &lie.fixed[i].value;
	return NULL;
}

/* A register that the model does not have. */
static bool is_beyond(const volatile void *reg)
{
	return f.machine.unit_count == 1 && (uintptr_t)reg >= (uintptr_t)MACHINE_UNIT(1);
}

static bool is_lie(const volatile void *reg)
{
	lie.reads++;
	if (!lie.on || (uintptr_t)reg - (uintptr_t)MACHINE_UNIT(0) != lie.offset)
		return false;
	if (lie.after != 0) {
		lie.after--;
		return false;
	}
	lie.value += lie.step;
	if (lie.times != 0 && --lie.times == 0)
		lie.on = false;
	return true;
}

static uint64_t lying_read64(void *ctx, const volatile void *reg)
{
	const uint64_t *value = fixed_lie(reg);

	if (is_lie(reg))
		return lie.value;
	if (is_beyond(reg))
		return 0;
	return value != NULL ? *value : true_read64(ctx, reg);
}

static uint32_t lying_read32(void *ctx, const volatile void *reg)
{
	const uint64_t *value = fixed_lie(reg);

	if (is_lie(reg))
		return (uint32_t)lie.value;
	if (is_beyond(reg))
		return 0;
	return value != NULL ? (uint32_t)*value : true_read32(ctx, reg);
}

static void note_write(const volatile void *reg, uint64_t value)
{
	const uint64_t offset = (uintptr_t)reg - (uintptr_t)MACHINE_UNIT(0);

	if (offset / 4 < sizeof(lie.written) / sizeof(lie.written[0]))
		lie.written[offset / 4] = value;
	lie.writes_at += offset == lie.watched;
}

static void watched_write64(void *ctx, volatile void *reg, uint64_t value)
{
	note_write(reg, value);
	if (!is_beyond(reg))
		true_write64(ctx, reg, value);
}

static void watched_write32(void *ctx, volatile void *reg, uint32_t value)
{
	note_write(reg, value);
	if (!is_beyond(reg))
		true_write32(ctx, reg, value);
}

static void *watched_map(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	if (size > lie.largest)
		lie.largest = size;
	if (size == lie.refused || (lie.space != 0 && size > lie.space))
		return NULL;
	return true_map(ctx, paddr, size);
}

static void tell_lie(uint64_t offset, uint64_t value)
{
	lie.on = true;
	lie.offset = offset;
	lie.value = value;
	lie.after = lie.times = 0;
	lie.step = 0;
}

static void tell_always(uint64_t offset, uint64_t value)
{
	lie.fixed[lie.fixed_count].offset = offset;
	lie.fixed[lie.fixed_count++].value = value;
}

/* --- The machine ------------------------------------------------------------------------------ */

static void wire(unsigned int units, unsigned int flags, unsigned int width)
{
	const struct iommu_model_vtd_config config = {.flags = flags, .counter_width = width};
	struct iommu_platform *platform = &f.machine.platform;

	machine(units, &config);
	devices(2);
	memset(&lie, 0, sizeof(lie));
	true_read64 = platform->mmio_read64;
	true_read32 = platform->mmio_read32;
	true_write64 = platform->mmio_write64;
	true_write32 = platform->mmio_write32;
	true_map = platform->map_mmio;
	platform->mmio_read64 = lying_read64;
	platform->mmio_read32 = lying_read32;
	platform->mmio_write64 = watched_write64;
	platform->mmio_write32 = watched_write32;
	platform->map_mmio = watched_map;
}

static struct iommu_domain *domain;

/* Two devices in one domain, with a page. */
static void begin_counting(unsigned int flags, unsigned int width)
{
	unsigned int i;

	wire(1, IOMMU_MODEL_VTD_COUNTERS | flags, width);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	f.memory = model_machine_take(&f.machine, 1);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	for (i = 0; i < f.devices; i++)
		assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
}

static void end_counting(void)
{
	unsigned int i;

	for (i = 0; i < f.devices; i++)
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	model_machine_give(&f.machine, f.memory, 1);
	end();
}

static unsigned int counter_for(const struct iommu_counter_config *config)
{
	unsigned int counter = UINT32_MAX;

	assert_int_equal(iommu_counter_alloc(f.unit[0], config, &counter), 0);
	return counter;
}

static unsigned int started(const struct iommu_counter_config *config)
{
	const unsigned int counter = counter_for(config);

	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	return counter;
}

static uint64_t count_of(unsigned int counter)
{
	uint64_t count = UINT64_MAX;

	assert_int_equal(iommu_counter_read(f.unit[0], counter, &count), 0);
	return count;
}

static void make_requests(unsigned int device, unsigned int number)
{
	while (number-- != 0)
		assert_true(reaches(device, IOVA, f.memory));
}

static void misbehave(struct iommu_model_vtd_faults faults)
{
	iommu_model_vtd_misbehave(f.machine.units[0], &faults);
}

/* A register of the unit, past the driver. */
static void set(uint64_t offset, unsigned int size, uint64_t value)
{
	iommu_model_vtd_mmio_write(f.machine.units[0], offset, size, value);
}

static uint64_t reg(uint64_t offset, unsigned int size)
{
	return iommu_model_vtd_mmio_read(f.machine.units[0], offset, size);
}

/* --- What a unit has -------------------------------------------------------------------------- */

static void a_unit_says_what_it_counts(void **state)
{
	struct iommu_counters_info info;
	unsigned int counter;

	(void)state;
	begin_counting(0, 0);
	counter = counter_for(&requests);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.counters, COUNTERS);
	assert_int_equal(info.unused, COUNTERS - 1);
	assert_int_equal(info.width, 48);
	assert_int_equal(info.groups, 5);
	assert_int_equal(info.events[VTD_EVENTS_OF_UNIT], 1 << VTD_EVENT_REQUESTS);
	assert_int_equal(info.events[VTD_EVENTS_OF_TABLES], 0);
	assert_int_equal(info.events[VTD_EVENTS_OF_IOTLB], 3);
	assert_int_equal(info.events[5], 0);
	assert_int_equal(info.filters, IOMMU_COUNTER_OF_SOURCE | IOMMU_COUNTER_OF_DOMAIN |
					       IOMMU_COUNTER_OF_PASID | IOMMU_COUNTER_OF_TYPES);
	assert_int_equal(info.source_bits, 0);
	assert_true(info.interrupts);
	assert_true(info.freezes);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.unused, COUNTERS);
	end_counting();
}

static void has_none(void)
{
	struct iommu_counters_info info;
	unsigned int counter;
	uint64_t value;

	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &counter), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_start(f.unit[0], 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_stop(f.unit[0], 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_free(f.unit[0], 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_read(f.unit[0], 0, &value), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &value), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_mask_counter_interrupt(f.unit[0]), IOMMU_EOPNOTSUPP);
}

static void a_unit_without_counters(void **state)
{
	(void)state;
	wire(1, 0, 0);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	has_none();
	end();
}

#define PERFCAP(count, width, groups)                                                              \
	((uint64_t)(count) | (uint64_t)(width) << 16 | (uint64_t)(groups) << 24 |                  \
	 VTD_PERFCAP_INTERRUPTS)

#define COUNTER(number)           (0x2000 + (number)*VTD_COUNTER_BLOCK)
#define OWN(width, groups)        (VTD_COUNTER_OWN | (width) << 8 | (uint32_t)(groups) << 28)
#define OWN_EVENTS(group, events) ((uint32_t)(group) << VTD_COUNTER_EVENTS_GROUP | (events))

/* A unit that lies has no counters, and is as good without them. */
static void registers_that_make_no_sense(void **state)
{
	static const struct {
		uint64_t offset, value;
	} cases[] = {
		{VTD_PERFCAP, 0},
		{VTD_PERFCAP, UINT64_MAX},
		{VTD_PERFCAP, PERFCAP(0, 48, 5)},
		{VTD_PERFCAP, PERFCAP(8, 0, 5)},
		{VTD_PERFCAP, PERFCAP(8, 65, 5)},
		{VTD_PERFCAP, PERFCAP(8, 48, 0)},
		{VTD_PERFCAP, PERFCAP(8, 48, 17)},
		/* Blocks over counts, and counts beyond all registers. */
		{VTD_PERFCAP, PERFCAP(64, 48, 5)},
		{VTD_PERFCAP, PERFCAP(16, 48, 5) | 7ULL << 52},
		/* On the fixed registers, on faults, on the IOTLB's, on each other, out of line. */
		{VTD_PERFCFGOFF, 0},
		{VTD_PERFCFGOFF, 0x400},
		{VTD_PERFCFGOFF, 0x500},
		{VTD_PERFCFGOFF, 0x2080},
		{VTD_PERFCFGOFF, 0x2700},
		{VTD_PERFCFGOFF, 0xffffff00},
		{VTD_PERFOVFOFF, 0},
		{VTD_PERFOVFOFF, 0x18},
		{VTD_PERFOVFOFF, 0x4f8},
		{VTD_PERFOVFOFF, 0x2700},
		{VTD_PERFOVFOFF, 0x2804},
		{VTD_PERFOVFOFF, 0xfffffff8},
		{VTD_PERFCNTROFF, 0},
		{VTD_PERFCNTROFF, 0x2000},
		{VTD_PERFCNTROFF, 0x2800},
		{VTD_PERFCNTROFF, 0x3004},
		{VTD_PERFCNTROFF, 0xfffffff8},
		/* No command to start or to stop them. */
		{VTD_ECCAP + 24, 0},
		{VTD_ECCAP + 24, 1ULL << 48},
		{VTD_ECCAP + 24, 1ULL << 49},
		{VTD_ECCAP + 24, UINT64_MAX},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
		tell_lie(cases[i].offset, cases[i].value);
		assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
		assert_true(lie.largest <= 0x100000);
		has_none();
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_true(is_blocked(0, IOVA));
		end();
	}
}

/* Firmware says of the first unit that it has one page of registers. */
static void understate(void)
{
	uint8_t *dmar = f.machine.dmar;
	uint8_t *size = &dmar[DMAR_HEADER_SIZE + 5];

	dmar[ACPI_TABLE_CHECKSUM_OFFSET] = (uint8_t)(dmar[ACPI_TABLE_CHECKSUM_OFFSET] + *size);
	*size = 0;
}

/* The registers are mapped as far as the counters reach; where that is refused, without them. */
static void registers_beyond_what_firmware_says(void **state)
{
	struct iommu_counters_info info;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	understate();
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(lie.largest, 0x5000);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	end();

	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	understate();
	lie.refused = 0x5000;
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	has_none();
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	end();
}

/* Where the registers of one unit are; 0: as in `usual`. */
struct layout {
	unsigned int count, width, groups, stride;
	uint64_t blocks, overflows, counts;
	uint64_t faults, fault_records, iotlb;
	uint64_t space; /* bytes of registers that are mapped for it; 0: it makes no sense */
};

static const struct layout usual = {.count = 8,
				    .width = 48,
				    .groups = 5,
				    .blocks = 0x2000,
				    .overflows = 0x2800,
				    .counts = 0x3000,
				    .faults = 0x1000,
				    .fault_records = 3,
				    .iotlb = 0x1800};

#define OR_USUAL(field) (layout->field != 0 ? layout->field : usual.field)

static void tell_layout(const struct layout *layout)
{
	const uint64_t cap = reg(VTD_CAP, 8) & ~(0x3ffULL << 24 | 0xffULL << 40);
	const uint64_t ecap = reg(VTD_ECAP, 8) & ~(0x3ffULL << 8);

	tell_always(VTD_CAP,
		    cap | OR_USUAL(faults) / 16 << 24 | (OR_USUAL(fault_records) - 1) << 40);
	tell_always(VTD_ECAP, ecap | OR_USUAL(iotlb) / 16 << 8);
	tell_always(VTD_PERFCAP, PERFCAP(OR_USUAL(count), OR_USUAL(width), OR_USUAL(groups)) |
					 (uint64_t)layout->stride << 52);
	tell_always(VTD_PERFCFGOFF, OR_USUAL(blocks));
	tell_always(VTD_PERFOVFOFF, OR_USUAL(overflows));
	tell_always(VTD_PERFCNTROFF, OR_USUAL(counts));
}

/* What adjoins does not overlap; and as much is mapped as the last register needs. */
static void where_registers_may_be(void **state)
{
	static const struct layout layouts[] = {
		{.space = 0x5000},
		/* Numbers at their bounds. */
		{.width = 1, .space = 0x5000},
		{.width = 64, .space = 0x5000},
		{.groups = 1, .space = 0x5000},
		{.groups = 16, .space = 0x5000},
		{.count = 1, .overflows = 0x2100, .counts = 0x2108, .space = 0x3000},
		{.count = 1, .overflows = 0x20f8, .counts = 0x2108},
		{.count = 1, .overflows = 0x2108, .counts = 0x2108},
		{.count = 64, .overflows = 0x6000, .counts = 0x7000, .space = 0x17000},
		{.count = 65, .overflows = 0x6000, .counts = 0x7000, .space = 0x17000},
		{.count = 65535, .overflows = 0x6000, .counts = 0x7000, .space = 0x17000},
		{.stride = 7, .space = 0xe4000},
		/* The status of overflows beside the blocks, and the counts. */
		{.overflows = 0x1ff8, .space = 0x5000},
		{.overflows = 0x2000},
		{.overflows = 0x27f8},
		{.overflows = 0x2ff8, .space = 0x5000},
		{.overflows = 0x3000},
		{.overflows = 0x4c00},
		{.overflows = 0x4c08, .space = 0x5000},
		/* The counts beside the blocks. */
		{.overflows = 0x1ff8, .counts = 0x2800, .space = 0x5000},
		{.overflows = 0x1ff8, .counts = 0x27f8},
		{.blocks = 0x4000, .overflows = 0x4800, .counts = 0x23f8, .space = 0x5000},
		{.blocks = 0x4000, .overflows = 0x4800, .counts = 0x2400},
		/* The first and the last places that there are. */
		{.blocks = 0x500, .space = 0x5000},
		{.overflows = 0x500, .space = 0x5000},
		{.overflows = 0x4f8},
		{.counts = 0x500,
		 .blocks = 0x3000,
		 .faults = 0x3e00,
		 .iotlb = 0x3f00,
		 .space = 0x4000},
		{.counts = 0x4f8, .blocks = 0x3000, .faults = 0x3e00, .iotlb = 0x3f00},
		{.blocks = 0xff800, .space = 0x100000},
		{.blocks = 0xff900},
		{.overflows = 0xffff8, .space = 0x100000},
		{.overflows = 0x100000},
		{.counts = 0xfe3f8, .space = 0x100000},
		{.counts = 0xfe400},
		/* The last register ends with its page. */
		{.blocks = 0x7800, .space = 0x8000},
		{.blocks = 0x7900, .space = 0x9000},
		{.overflows = 0x7ff8, .space = 0x8000},
		{.overflows = 0x8000, .space = 0x9000},
		{.blocks = 0x7800, .overflows = 0x8000, .space = 0x9000},
		{.counts = 0x63f8, .space = 0x8000},
		{.counts = 0x6400, .space = 0x9000},
		/* Records of faults beside the blocks, the overflows, the counts … */
		{.faults = 0x1fd0, .space = 0x5000},
		{.faults = 0x1fe0},
		{.faults = 0x27f0},
		{.faults = 0x2800},
		{.faults = 0x2810, .space = 0x5000},
		{.faults = 0x2fd0, .space = 0x5000},
		{.faults = 0x2fe0},
		{.count = 1, .faults = 0x3000},
		{.count = 1, .faults = 0x3010, .space = 0x4000},
		/* … and the fixed registers; the registers of the IOTLB as well. */
		{.faults = 0x2d0, .space = 0x5000},
		{.faults = 0x2e0},
		{.faults = 0x440},
		{.faults = 0x450, .space = 0x5000},
		{.iotlb = 0x1ff0, .space = 0x5000},
		{.iotlb = 0x2000},
		{.iotlb = 0x27f0},
		{.iotlb = 0x2800},
		{.iotlb = 0x2810, .space = 0x5000},
		{.iotlb = 0x2ff0, .space = 0x5000},
		{.iotlb = 0x3000},
		{.iotlb = 0x2f0, .space = 0x5000},
		{.iotlb = 0x300},
		{.iotlb = 0x440},
		{.iotlb = 0x450, .space = 0x5000},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct iommu_counters_info info;

		wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
		understate();
		tell_layout(&layouts[i]);
		/* The machine has no more registers than that. */
		lie.space = 0x10000;
		assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
		if (layouts[i].space == 0) {
			has_none();
			assert_true(lie.largest <= 0x4000);
		} else {
			assert_int_equal(lie.largest, layouts[i].space);
			assert_int_equal(iommu_unit_get_counters(f.unit[0], &info),
					 layouts[i].space <= lie.space ? 0 : IOMMU_EOPNOTSUPP);
		}
		end();
	}
}

static void tell_own(unsigned int counter, uint32_t capability)
{
	tell_always(COUNTER(counter) + VTD_COUNTER_CAPABILITY, capability);
}

static void tell_own_events(unsigned int counter, unsigned int place, uint32_t events)
{
	tell_always(COUNTER(counter) + VTD_COUNTER_EVENTS + place * 4, events);
}

/* What counters say of themselves: the groups that they name, and none beyond the unit's. */
static void counters_that_differ(void **state)
{
	static const struct iommu_counter_config last = {.group = 15, .event = 27},
						 first = {.group = 0, .event = 0};
	struct iommu_counters_info info;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	tell_always(VTD_PERFCAP, PERFCAP(8, 48, 16) | VTD_PERFCAP_UNLIKE);
	tell_own(2, OWN(64, 1) | VTD_COUNTER_HAS_INTERRUPTS);
	tell_own_events(2, 0, OWN_EVENTS(0, 1));
	tell_own(3, OWN(1, 2) | VTD_COUNTER_HAS_INTERRUPTS);
	tell_own_events(3, 0, OWN_EVENTS(4, 6));
	tell_own_events(3, 1, OWN_EVENTS(15, 1 << 27 | 1 << 26));
	tell_own_events(3, 2, OWN_EVENTS(14, 1));
	tell_own(8, OWN(48, 1) | VTD_COUNTER_HAS_INTERRUPTS);
	tell_own_events(8, 0, OWN_EVENTS(14, 1));
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.counters, COUNTERS);
	assert_int_equal(info.unused, COUNTERS);
	assert_int_equal(info.width, 1);
	assert_int_equal(info.groups, 16);
	assert_int_equal(info.events[0], 1 << VTD_EVENT_REQUESTS | 1);
	assert_int_equal(info.events[4], 7);
	assert_int_equal(info.events[14], 0);
	assert_int_equal(info.events[15], 1 << 27 | 1 << 26);
	assert_int_equal(counter_for(&first), 2);
	assert_int_equal(counter_for(&last), 3);
	assert_int_equal(counter_for(&requests), 0);
	end();

	/* Groups that the unit does not have; and without interrupts none is missed. */
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	tell_always(VTD_PERFCAP,
		    (PERFCAP(8, 48, 4) | VTD_PERFCAP_UNLIKE) & ~VTD_PERFCAP_INTERRUPTS);
	tell_own(2, OWN(40, 2));
	tell_own_events(2, 0, OWN_EVENTS(3, 1));
	tell_own_events(2, 1, OWN_EVENTS(4, 1));
	tell_own(3, OWN(32, 1));
	tell_own_events(3, 0, OWN_EVENTS(5, 1));
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.counters, COUNTERS - 1);
	assert_int_equal(info.width, 40);
	assert_int_equal(info.events[4], 0);
	assert_int_equal(info.events[5], 0);
	assert_false(info.interrupts);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_mask_counter_interrupt(f.unit[0]), IOMMU_EOPNOTSUPP);
	/* The counter for the least is taken for it: its configuration asks for no interrupt. */
	assert_int_equal(counter_for(&lookups), 2);
	assert_int_equal(lie.written[COUNTER(2) / 4],
			 vtd_counter_config(VTD_EVENTS_OF_IOTLB, VTD_EVENT_IOTLB_LOOKUPS, false));
	end();

	/* None is left: the width is that of no counter. */
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	tell_always(VTD_PERFCAP, PERFCAP(1, 48, 5) | VTD_PERFCAP_UNLIKE);
	tell_own(0, OWN(0, 1) | VTD_COUNTER_HAS_INTERRUPTS);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.counters, 0);
	assert_int_equal(info.unused, 0);
	assert_int_equal(info.width, 64);
	end();
}

/* A counter with a width of its own that makes no sense is not used; the others are. */
static void one_counter_that_makes_no_sense(void **state)
{
	static const uint32_t capabilities[] = {
		OWN(0, 1) | VTD_COUNTER_HAS_INTERRUPTS, OWN(65, 1) | VTD_COUNTER_HAS_INTERRUPTS,
		OWN(48, 1), /* it would overflow unheard */
	};
	struct iommu_counters_info info;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
		tell_lie(0x2000 + 7 * VTD_COUNTER_BLOCK + VTD_COUNTER_CAPABILITY, capabilities[i]);
		assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
		assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
		assert_int_equal(info.counters, COUNTERS - 1);
		assert_int_equal(info.width, 48);
		assert_int_equal(counter_for(&lookups), 0);
		end();
	}
}

static void no_memory_for_counters(void **state)
{
	uint64_t allocations, i;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	allocations = f.machine.allocations;
	end();
	for (i = 1; i <= allocations; i++) {
		wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
		assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
		f.machine.fail_at = i;
		(void)iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, NULL);
		f.machine.fail_at = 0;
		assert_int_equal(iommu_destroy(f.iommu), 0);
		model_machine_destroy(&f.machine);
	}
}

/* --- Counting --------------------------------------------------------------------------------- */

static void what_devices_do_is_counted(void **state)
{
	unsigned int counters[3];

	(void)state;
	begin_counting(0, 0);
	counters[0] = started(&requests);
	counters[1] = started(&lookups);
	counters[2] = started(&hits);
	make_requests(0, 5);
	assert_int_equal(count_of(counters[0]), 5);
	assert_int_equal(count_of(counters[1]), 5);
	assert_int_equal(count_of(counters[2]), 4);
	/* A fault is a request, too, that looks and finds nothing. */
	assert_true(is_blocked(0, IOVA + 4096));
	assert_int_equal(count_of(counters[0]), 6);
	assert_int_equal(count_of(counters[1]), 6);
	assert_int_equal(count_of(counters[2]), 4);
	end_counting();
}

static void only_while_it_is_started(void **state)
{
	unsigned int counter;

	(void)state;
	begin_counting(0, 0);
	counter = counter_for(&requests);
	make_requests(0, 2);
	assert_int_equal(count_of(counter), 0);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	make_requests(0, 3);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	make_requests(0, 4);
	assert_int_equal(count_of(counter), 3);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	make_requests(0, 5);
	assert_int_equal(count_of(counter), 8);
	/* Another's count begins at 0. */
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	make_requests(0, 1);
	assert_int_equal(counter_for(&requests), counter);
	assert_int_equal(count_of(counter), 0);
	end_counting();
}

/* What a kernel before left counting is stopped, and its interrupt masked; what it froze counts. */
static void after_a_predecessor(void **state)
{
	unsigned int counter;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 4);
	set(VTD_PERFINTRADDR, 4, MESSAGE);
	set(VTD_PERFINTRCTL, 4, 0);
	set(0x2000, 8, vtd_counter_config(VTD_EVENTS_OF_UNIT, VTD_EVENT_REQUESTS, true));
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_START_COUNTER, 0));
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_FREEZE_COUNTERS, 0));
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	counter = counter_for(&requests);
	assert_int_equal(counter, 0);
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_UNFREEZE_COUNTERS, 0));
	assert_true(reaches(0, f.memory, f.memory));
	assert_int_equal(count_of(counter), 0);
	assert_int_equal(reg(0x3000, 8), 0);
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_FREEZE_COUNTERS, 0));
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	assert_true(reaches(0, f.memory, f.memory));
	assert_int_equal(count_of(counter), 1);
	assert_int_equal(reg(VTD_PERFINTRCTL, 4), VTD_EVENT_MASK);
	model_machine_give(&f.machine, f.memory, 1);
	end();
}

/* Scarce counters are kept for what they alone can count, and come first for that. */
static void which_counter_is_chosen(void **state)
{
	struct iommu_counters_info info;
	unsigned int counter, i;

	(void)state;
	begin_counting(0, 0);
	assert_int_equal(counter_for(&hits), FIXED);
	for (i = 0; i < FIXED; i++)
		assert_int_equal(counter_for(&requests), i);
	assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &counter), IOMMU_ENOSPC);
	assert_int_equal(iommu_counter_free(f.unit[0], FIXED), 0);
	assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &counter), IOMMU_ENOSPC);
	assert_int_equal(counter_for(&lookups), FIXED);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.unused, 0);
	end_counting();
}

static void numbers_that_are_not_allocated(void **state)
{
	static const unsigned int numbers[] = {0, 7, 8, 63, 64, UINT32_MAX};
	uint64_t count = 12;
	size_t i;

	(void)state;
	begin_counting(0, 0);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(iommu_counter_start(f.unit[0], numbers[i]), IOMMU_EINVAL);
		assert_int_equal(iommu_counter_stop(f.unit[0], numbers[i]), IOMMU_EINVAL);
		assert_int_equal(iommu_counter_free(f.unit[0], numbers[i]), IOMMU_EINVAL);
		assert_int_equal(iommu_counter_read(f.unit[0], numbers[i], &count), IOMMU_EINVAL);
		assert_int_equal(count, 12);
	}
	end_counting();
}

/* --- Filters ---------------------------------------------------------------------------------- */

static void filtered_by_device_and_domain(void **state)
{
	struct iommu_counter_config config = requests;
	unsigned int first, second, in_domain;
	struct iommu_domain *other;

	(void)state;
	begin_counting(0, 0);
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	config.source_id = f.device[0]->source_id;
	first = started(&config);
	config.source_id = f.device[1]->source_id;
	second = started(&config);
	config.filters = IOMMU_COUNTER_OF_DOMAIN;
	config.domain = domain;
	in_domain = started(&config);
	make_requests(0, 2);
	make_requests(1, 3);
	assert_int_equal(count_of(first), 2);
	assert_int_equal(count_of(second), 3);
	assert_int_equal(count_of(in_domain), 5);
	other = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(other, IOVA, f.memory, 4096, RW), 0);
	/* Nothing behind the unit uses it yet. */
	config.domain = other;
	assert_int_equal(iommu_counter_alloc(f.unit[0], &config, &second), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_group(other, f.group[1]), 0);
	make_requests(1, 4);
	assert_int_equal(count_of(in_domain), 5);
	/* The filters of the one before are gone. */
	assert_int_equal(iommu_counter_free(f.unit[0], first), 0);
	assert_int_equal(started(&requests), first);
	make_requests(1, 2);
	assert_int_equal(count_of(first), 2);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end_counting();
}

static void filtered_by_pasid_and_type(void **state)
{
	struct iommu_counter_config config = requests;
	struct iommu_model_request request = {.source_id = 0x20, .address = IOVA, .access = RW};
	struct iommu_model_translation result;
	unsigned int of_pasid, of_types;

	(void)state;
	begin_counting(0, 0);
	config.filters = IOMMU_COUNTER_OF_PASID;
	config.pasid = 0xfffff;
	of_pasid = started(&config);
	config.filters = IOMMU_COUNTER_OF_TYPES;
	config.types = 1 << IOMMU_MODEL_TRANSLATION_REQUEST | 1 << IOMMU_MODEL_TRANSLATED;
	of_types = started(&config);
	make_requests(0, 1);
	request.has_pasid = true;
	request.pasid = 0xfffff;
	(void)iommu_model_vtd_translate(f.machine.units[0], &request, &result);
	request.pasid = 0xffff;
	(void)iommu_model_vtd_translate(f.machine.units[0], &request, &result);
	request.has_pasid = false;
	request.type = IOMMU_MODEL_TRANSLATION_REQUEST;
	(void)iommu_model_vtd_translate(f.machine.units[0], &request, &result);
	request.type = IOMMU_MODEL_TRANSLATED;
	(void)iommu_model_vtd_translate(f.machine.units[0], &request, &result);
	assert_int_equal(count_of(of_pasid), 1);
	assert_int_equal(count_of(of_types), 2);
	end_counting();
}

/* Each filter alone, at the bounds of its values: its register has it, and no other is on. */
static void filters_in_registers(void **state)
{
	static const struct {
		struct iommu_counter_config config;
		int status;
		unsigned int filter;
		uint32_t value;
	} cases[] = {
		{.config = {.filters = IOMMU_COUNTER_OF_SOURCE, .source_id = UINT16_MAX},
		 .filter = VTD_FILTER_SOURCE,
		 .value = UINT16_MAX},
		{.config = {.filters = IOMMU_COUNTER_OF_SOURCE}, .filter = VTD_FILTER_SOURCE},
		{.config = {.filters = IOMMU_COUNTER_OF_SOURCE, .source_id = UINT16_MAX + 1},
		 .status = IOMMU_EINVAL},
		{.config = {.filters = IOMMU_COUNTER_OF_PASID, .pasid = 0xfffff},
		 .filter = VTD_FILTER_PASID,
		 .value = 0xfffff},
		{.config = {.filters = IOMMU_COUNTER_OF_TYPES, .types = 1},
		 .filter = VTD_FILTER_TYPE,
		 .value = 1},
		{.config = {.filters = IOMMU_COUNTER_OF_TYPES, .types = 7},
		 .filter = VTD_FILTER_TYPE,
		 .value = 7},
		{.config = {.filters = IOMMU_COUNTER_OF_TYPES}, .status = IOMMU_EINVAL},
		{.config = {.filters = IOMMU_COUNTER_OF_TYPES, .types = 8}, .status = IOMMU_EINVAL},
		{.config = {.filters = IOMMU_COUNTER_OF_LEVELS, .levels = 1},
		 .filter = VTD_FILTER_LEVEL,
		 .value = 1},
		{.config = {.filters = IOMMU_COUNTER_OF_LEVELS, .levels = 0x1f},
		 .filter = VTD_FILTER_LEVEL,
		 .value = 0x1f},
		{.config = {.filters = IOMMU_COUNTER_OF_LEVELS}, .status = IOMMU_EINVAL},
		{.config = {.filters = IOMMU_COUNTER_OF_LEVELS, .levels = 0x20},
		 .status = IOMMU_EINVAL},
	};
	size_t i;
	unsigned int k;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	tell_always(VTD_PERFCAP, reg(VTD_PERFCAP, 8) | 0x1fULL << 32);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_counter_config config = cases[i].config;
		unsigned int counter = 12;

		config.event = VTD_EVENT_REQUESTS;
		assert_int_equal(iommu_counter_alloc(f.unit[0], &config, &counter),
				 cases[i].status);
		if (cases[i].status != 0)
			continue;
		assert_int_equal(counter, 0);
		for (k = 0; k < VTD_FILTERS; k++)
			assert_int_equal(lie.written[(0x2000 + VTD_COUNTER_FILTERS) / 4 + k],
					 k == cases[i].filter ? VTD_FILTER_ENABLE | cases[i].value
							      : 0);
		assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	}
	/* The values of filters that are off do not matter. */
	assert_int_equal(counter_for(&(struct iommu_counter_config){.event = VTD_EVENT_REQUESTS,
								    .source_id = UINT32_MAX,
								    .source_bits = 3,
								    .types = 8,
								    .levels = 0x20}),
			 0);
	end();
}

static void what_cannot_be_counted(void **state)
{
	struct iommu_counter_config config[] = {
		{.group = 0, .event = 0},
		{.group = 0, .event = 28},
		{.group = 0, .event = UINT32_MAX},
		{.group = 2, .event = 0},
		{.group = 5, .event = 0},
		{.group = 16, .event = 0},
		{.group = UINT32_MAX, .event = 0},
		{.group = 3, .event = 0, .flags = 1},
		{.group = 3, .event = 0, .filters = 1 << 5},
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_LEVELS, .levels = 1},
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_SOURCE, .source_bits = 3},
		/* From here on the arguments are wrong. */
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_SOURCE, .source_id = 1 << 16},
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_PASID, .pasid = 1 << 20},
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_TYPES},
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_TYPES, .types = 8},
		{.group = 3, .event = 0, .filters = IOMMU_COUNTER_OF_DOMAIN},
	};
	unsigned int counter = 12;
	size_t i;

	(void)state;
	begin_counting(0, 0);
	for (i = 0; i < sizeof(config) / sizeof(config[0]); i++) {
		assert_int_equal(iommu_counter_alloc(f.unit[0], &config[i], &counter),
				 i < 11 ? IOMMU_EOPNOTSUPP : IOMMU_EINVAL);
		assert_int_equal(counter, 12);
	}
	end_counting();
}

/* --- Overflow --------------------------------------------------------------------------------- */

/* One that is read often enough is right without any interrupt; the last bit counts, too. */
static void counts_are_wider_than_counters(void **state)
{
	static const unsigned int widths[] = {4, 5, 32, 63, 64};
	unsigned int counter, i, k;

	(void)state;
	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		begin_counting(0, widths[i]);
		/* It is near its end. */
		set(0x3000, 8, (UINT64_MAX >> (64 - widths[i])) - 2);
		counter = started(&requests);
		assert_int_equal(counter, 0);
		for (k = 1; k <= 20; k++) {
			make_requests(0, 11);
			assert_int_equal(count_of(counter), 11 * k);
		}
		end_counting();
	}
}

/* An overflow that leads to the very same value; it is told of, although a read has seen it. */
static void a_counter_that_comes_round(void **state)
{
	uint64_t overflowed;
	unsigned int counter, i;

	(void)state;
	begin_counting(0, 4);
	counter = started(&requests);
	for (i = 1; i <= 5; i++) {
		make_requests(0, 16);
		assert_int_equal(count_of(counter), 16 * i);
		assert_int_equal(count_of(counter), 16 * i);
	}
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 1U << counter);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 0);
	/* Round, and on; and in the last moment. */
	make_requests(0, 19);
	assert_int_equal(count_of(counter), 99);
	make_requests(0, 16);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(count_of(counter), 115);
	end_counting();
}

/* A host that does nothing but answer messages keeps up; each counter that overflowed is told. */
static void overflows_send_messages(void **state)
{
	unsigned int counter, other, seen, told = 0, i;
	uint64_t overflowed;

	(void)state;
	begin_counting(0, 4);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], 0x1234, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 0x51), 0);
	seen = f.machine.messages;
	other = started(&hits);
	counter = started(&requests);
	assert_int_equal(iommu_counter_stop(f.unit[0], other), 0);
	for (i = 1; i <= 100; i++) {
		make_requests(0, 1);
		if (f.machine.messages == seen)
			continue;
		seen++;
		assert_int_equal(f.machine.messages, seen);
		assert_int_equal(f.machine.message_address, MESSAGE);
		assert_int_equal(f.machine.message_data, 0x51);
		assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
		assert_int_equal(overflowed, 1U << counter);
		told++;
	}
	assert_int_equal(told, 100 / 16);
	assert_int_equal(count_of(counter), 100);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 0);
	/* Masked, it is pending; one that is freed is not told. */
	assert_int_equal(iommu_vtd_mask_counter_interrupt(f.unit[0]), 0);
	make_requests(0, 16);
	assert_int_equal(f.machine.messages, seen);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	assert_int_equal(started(&requests), counter);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 0);
	end_counting();
}

static unsigned int at_write, writes;

static void overflow_meanwhile(struct model_machine *machine)
{
	(void)machine;
	if (++writes == at_write)
		make_requests(0, 16);
}

/*
 * Whenever during the handler one overflows: it is told, by this call or by another message. So it
 * is where a read has seen the overflow that the message was for.
 */
static void handled_meanwhile(unsigned int counter, bool is_read)
{
	const uint64_t before = count_of(counter);
	unsigned int seen = f.machine.messages, told, rounds;
	uint64_t overflowed;

	make_requests(0, 16);
	assert_int_equal(f.machine.messages, ++seen);
	if (is_read)
		assert_int_equal(count_of(counter), before + 16);
	writes = 0;
	f.machine.meanwhile = overflow_meanwhile;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	f.machine.meanwhile = NULL;
	told = overflowed != 0;
	for (rounds = 0; f.machine.messages != seen && rounds < 4; rounds++) {
		seen++;
		assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
		told += overflowed != 0;
	}
	assert_true(told != 0);
	assert_int_equal(f.machine.messages, seen);
	/* Nothing is left that silences the unit, or that no message told of. */
	assert_int_equal(reg(VTD_PERFINTRSTS, 4), 0);
	assert_int_equal(reg(0x2800, 8), 0);
	/* Two overflows at once may be one. */
	assert_int_equal((count_of(counter) - before) % 16, 0);
}

static void overflows_during_the_handler(void **state)
{
	unsigned int counter, is_read;

	(void)state;
	begin_counting(0, 4);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 0x51), 0);
	counter = started(&requests);
	f.machine.meanwhile_reading = true;
	for (is_read = 0; is_read < 2; is_read++)
		for (at_write = 1; at_write < 20; at_write++)
			handled_meanwhile(counter, is_read != 0);
	f.machine.meanwhile_reading = false;
	end_counting();
}

static unsigned int handler_write;

static void overflow_after_the_look(struct model_machine *machine)
{
	(void)machine;
	if (++handler_write == 2)
		make_requests(0, 16);
}

/* A host that polls, with the interrupt masked: what overflows meanwhile is handled, too. */
static void overflows_of_a_host_that_polls(void **state)
{
	uint64_t overflowed;
	unsigned int counter;

	(void)state;
	begin_counting(0, 4);
	counter = started(&requests);
	make_requests(0, 16);
	/* The first write is to the status of the interrupt, the second clears the overflow. */
	handler_write = 0;
	f.machine.meanwhile = overflow_after_the_look;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	f.machine.meanwhile = NULL;
	assert_int_equal(overflowed, 1U << counter);
	assert_int_equal(reg(0x2800, 8), 0);
	assert_int_equal(reg(VTD_PERFINTRSTS, 4), 0);
	end_counting();
}

/* Bits that do not go, and bits of counters that are not there. */
static void an_overflow_that_stays(void **state)
{
	unsigned int counter, reads;
	uint64_t overflowed = 0;

	(void)state;
	begin_counting(0, 0);
	counter = started(&requests);
	tell_lie(0x2800, UINT64_MAX);
	reads = lie.reads;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 1U << counter);
	assert_true(lie.reads - reads < 100);
	lie.on = false;
	end_counting();
}

/* Bits beyond the last counter are none of ours: they are not cleared, and end no round. */
static void overflows_of_no_counter(void **state)
{
	uint64_t overflowed = 12;
	unsigned int counter;

	(void)state;
	begin_counting(0, 0);
	counter = started(&requests);
	lie.watched = 0x2800;
	tell_lie(0x2800, 1ULL << COUNTERS | 1ULL << 63);
	lie.reads = 0;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 0);
	assert_int_equal(lie.writes_at, 0);
	assert_int_equal(lie.reads, 1);
	/* All others are; those that are not allocated are not told of. */
	tell_lie(0x2800, UINT64_MAX);
	lie.times = 1;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 1U << counter);
	assert_int_equal(lie.writes_at, 1);
	assert_int_equal(lie.written[0x2800 / 4], 0xff);
	end_counting();
}

/* As many as there can be: each has its bit, and its place. */
static void as_many_counters_as_there_can_be(void **state)
{
	const uint64_t some = 1ULL << 63 | 1ULL << 62 | 1ULL << 32 | 1ULL << 31 | 1;
	struct iommu_counters_info info;
	unsigned int counter, i;
	uint64_t overflowed;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	tell_always(VTD_PERFCAP, PERFCAP(200, 48, 5));
	tell_always(VTD_PERFCFGOFF, 0x20000);
	/* Commands for counters that the model does not have. */
	tell_always(VTD_ECRSP, 0);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_int_equal(info.counters, 64);
	/* Overflows of before they were allocated are not of them. */
	tell_lie(0x2800, UINT64_MAX);
	for (i = 0; i < 64; i++)
		assert_int_equal(counter_for(&requests), i);
	assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &counter), IOMMU_ENOSPC);
	lie.on = false;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 0);
	tell_lie(0x2800, some);
	lie.times = 1;
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, some);
	assert_int_equal(lie.written[0x2800 / 4], some);
	/* One that is freed is not told, the other one is. */
	assert_int_equal(iommu_counter_start(f.unit[0], 5), 0);
	assert_int_equal(iommu_counter_start(f.unit[0], 63), 0);
	tell_lie(0x2800, 1ULL << 5 | 1ULL << 63);
	(void)count_of(5);
	(void)count_of(63);
	lie.on = false;
	assert_int_equal(iommu_counter_free(f.unit[0], 5), 0);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 1ULL << 63);
	end();
}

/* A register that is read in two halves, while the low one overflows. */
static void a_count_that_is_torn(void **state)
{
	unsigned int counter, torn;

	(void)state;
	for (torn = 0; torn < 2; torn++) {
		begin_counting(0, 48);
		set(0x3000, 8, 0xfffffffeU);
		counter = started(&requests);
		make_requests(0, 1);
		/* The high half of a moment later, with the low half of now. */
		tell_lie(0x3000, 0x1ffffffffULL);
		lie.after = torn;
		lie.times = 1;
		assert_int_equal(count_of(counter), 1);
		assert_false(lie.on);
		make_requests(0, 3);
		assert_int_equal(count_of(counter), 4);
		end_counting();
	}
}

/* A count that stands still is read twice; one that is torn always, no more than five times. */
static void how_often_a_count_is_read(void **state)
{
	static const struct {
		unsigned int width;
		uint64_t first, step;
		unsigned int reads; /* one of them is of the overflows */
	} cases[] = {
		{48, 0, 0, 3},
		{48, 0x90000000, 0, 3},
		{48, 0xffffffffffff, 0, 3},
		{64, UINT64_MAX - 1, 0, 3},
		{48, 1, 0x7fffffff, 3},
		{48, 1, 0x80000000, 6},
		{48, 0xfffffffffffe, 0x7fffffff, 3},
		{48, 0, 0xffff00000000, 6},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int counter;

		begin_counting(0, cases[i].width);
		counter = started(&requests);
		tell_lie(0x3000, cases[i].first - cases[i].step);
		lie.step = cases[i].step;
		lie.reads = 0;
		(void)count_of(counter);
		assert_int_equal(lie.reads, cases[i].reads);
		lie.on = false;
		end_counting();
	}
}

/* A count of all ones is one; it is none where the unit is gone, and then nothing is started. */
static void a_count_of_all_ones(void **state)
{
	unsigned int counter;
	uint64_t count = 12;

	(void)state;
	begin_counting(0, 64);
	counter = counter_for(&requests);
	tell_lie(0x3000, UINT64_MAX);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	assert_int_equal(count_of(counter), 0);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	lie.watched = VTD_ECMD;
	lie.writes_at = 0;
	tell_always(VTD_GSTS, UINT32_MAX);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_EIO);
	assert_int_equal(lie.writes_at, 0);
	lie.fixed_count = 0;
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	tell_always(VTD_GSTS, UINT32_MAX);
	assert_int_equal(iommu_counter_read(f.unit[0], counter, &count), IOMMU_EIO);
	assert_int_equal(count, 12);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), IOMMU_EIO);
	lie.on = false;
	lie.fixed_count = 0;
	end_counting();
}

/* --- Freezing --------------------------------------------------------------------------------- */

static void frozen_counters_do_not_count(void **state)
{
	unsigned int first, second;

	(void)state;
	begin_counting(0, 0);
	first = started(&requests);
	make_requests(0, 1);
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), 0);
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), 0);
	make_requests(0, 2);
	/* Started while all are frozen. */
	second = started(&requests);
	make_requests(0, 4);
	assert_int_equal(count_of(first), 1);
	assert_int_equal(count_of(second), 0);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), 0);
	make_requests(0, 8);
	assert_int_equal(count_of(first), 9);
	assert_int_equal(count_of(second), 8);
	end_counting();
}

static void a_unit_that_cannot_freeze(void **state)
{
	struct iommu_counters_info info;
	unsigned int counter;

	(void)state;
	wire(1, IOMMU_MODEL_VTD_COUNTERS, 0);
	tell_lie(VTD_ECCAP + 24, 3ULL << 48 | 1ULL << 52);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_unit_get_counters(f.unit[0], &info), 0);
	assert_false(info.freezes);
	counter = started(&requests);
	assert_int_equal(count_of(counter), 0);
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), IOMMU_EOPNOTSUPP);
	end();
}

/* --- Commands that fail ----------------------------------------------------------------------- */

static uint64_t elapsed(uint64_t since)
{
	return f.machine.clock_ns - since;
}

static void commands_that_hang(void **state)
{
	const struct iommu_model_vtd_faults hang = {.commands_hang = true}, none = {0};
	unsigned int counter, other = 12;
	uint64_t since;

	(void)state;
	begin_counting(0, 0);
	counter = counter_for(&requests);
	misbehave(hang);
	since = f.machine.clock_ns;
	assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_ETIMEDOUT);
	assert_true(elapsed(since) >= QUICK_NS);
	/* One time-out is enough: later calls look once. */
	since = f.machine.clock_ns;
	assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &other), IOMMU_ETIMEDOUT);
	assert_int_equal(other, 12);
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), IOMMU_ETIMEDOUT);
	assert_true(elapsed(since) < QUICK_NS);
	make_requests(0, 1);
	assert_int_equal(count_of(counter), 0);
	misbehave(none);
	/* That freeze was wanted. */
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), 0);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	make_requests(0, 2);
	misbehave(hang);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), IOMMU_ETIMEDOUT);
	make_requests(0, 3);
	assert_int_equal(count_of(counter), 5);
	misbehave(none);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	assert_int_equal(reg(VTD_ECRSP, 8), 0);
	/* Since one has completed, others are waited for again. */
	misbehave((struct iommu_model_vtd_faults){.command_delay = 40});
	(void)started(&requests);
	end_counting();
}

/* It is slow, but comes in time. */
static void commands_that_take_a_while(void **state)
{
	unsigned int counter;

	(void)state;
	begin_counting(0, 0);
	misbehave((struct iommu_model_vtd_faults){.command_delay = 40});
	counter = started(&requests);
	make_requests(0, 2);
	assert_int_equal(count_of(counter), 2);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	end_counting();
}

/* What hardware does already it is not told again. */
static void commands_are_given_once(void **state)
{
	unsigned int counter, i;

	(void)state;
	begin_counting(0, 0);
	lie.watched = VTD_ECMD;
	lie.written[VTD_ECEO / 4] = 12;
	/* Of filters that the unit lacks there is no register. */
	lie.written[(COUNTER(0) + VTD_COUNTER_FILTERS) / 4 + VTD_FILTER_LEVEL] = 12;
	counter = counter_for(&requests);
	assert_int_equal(lie.written[(COUNTER(0) + VTD_COUNTER_FILTERS) / 4 + VTD_FILTER_LEVEL],
			 12);
	lie.writes_at = 0;
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	/* That all count is settled before the first counter is started. */
	assert_int_equal(lie.writes_at, 2);
	assert_int_equal(lie.written[VTD_ECEO / 4], 0);
	assert_int_equal(lie.written[VTD_ECMD / 4], vtd_ecmd(VTD_COMMAND_START_COUNTER, 0));
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	assert_int_equal(lie.writes_at, 3);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	assert_int_equal(lie.writes_at, 4);
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), 0);
	assert_int_equal(lie.writes_at, 5);
	assert_int_equal(lie.written[VTD_ECMD / 4], vtd_ecmd(VTD_COMMAND_FREEZE_COUNTERS, 0));
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), 0);
	assert_int_equal(lie.writes_at, 6);
	assert_int_equal(lie.written[VTD_ECMD / 4], vtd_ecmd(VTD_COMMAND_UNFREEZE_COUNTERS, 0));
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	assert_int_equal(lie.writes_at, 7);
	assert_int_equal(counter_for(&requests), counter);
	assert_int_equal(lie.writes_at, 7);
	/* Counters that are not allocated are neither stopped nor programmed over a suspend. */
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	lie.written[COUNTER(1) / 4] = 12;
	lie.writes_at = 0;
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_int_equal(lie.writes_at, 1);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(lie.writes_at, 3);
	assert_int_equal(lie.written[COUNTER(1) / 4], 12);
	end_counting();
}

/* A counter that runs, although the unit denied it, has overflowed when it is started again. */
static void an_overflow_before_the_start(void **state)
{
	unsigned int counter;

	(void)state;
	begin_counting(0, 4);
	counter = started(&requests);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	tell_lie(VTD_ECRSP, 2 << 1);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_EIO);
	lie.on = false;
	make_requests(0, 17);
	assert_int_equal(reg(0x2800, 8), 1U << counter);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	make_requests(0, 2);
	assert_int_equal(count_of(counter), 2);
	make_requests(0, 16);
	assert_int_equal(count_of(counter), 18);
	/* What is stopped stays stopped, also where it was not known to run. */
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	lie.on = true;
	assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_EIO);
	lie.on = false;
	make_requests(0, 1);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	make_requests(0, 1);
	assert_int_equal(reg(0x3000, 8), (17 + 2 + 16 + 1) % 16);
	end_counting();
}

/* Each command in turn is refused: the call says so, and the next one makes it good. */
static void commands_that_are_refused(void **state)
{
	unsigned int counter = 12;

	(void)state;
	begin_counting(0, 0);
	tell_lie(VTD_ECRSP, 2 << 1);
	assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &counter), IOMMU_EIO);
	assert_int_equal(counter, 12);
	lie.on = false;
	counter = counter_for(&requests);
	lie.on = true;
	lie.watched = VTD_ECMD;
	lie.writes_at = 0;
	assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_EIO);
	/* It is not started while it is not known whether all are frozen. */
	assert_int_equal(lie.writes_at, 1);
	make_requests(0, 1);
	lie.on = false;
	assert_int_equal(count_of(counter), 0);
	/* It may have started all the same. */
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
	make_requests(0, 1);
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	make_requests(0, 2);
	assert_int_equal(count_of(counter), 2);
	lie.on = true;
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), IOMMU_EIO);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), IOMMU_EIO);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), IOMMU_EIO);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), IOMMU_EIO);
	lie.on = false;
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), 0);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	end_counting();
}

static void a_unit_that_is_gone(void **state)
{
	uint64_t value = 12;
	unsigned int counter;

	(void)state;
	begin_counting(0, 64);
	counter = started(&requests);
	make_requests(0, 2);
	misbehave((struct iommu_model_vtd_faults){.gone = true});
	assert_int_equal(iommu_counter_read(f.unit[0], counter, &value), IOMMU_EIO);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &value), IOMMU_EIO);
	assert_int_equal(value, 12);
	assert_int_equal(iommu_counter_stop(f.unit[0], counter), IOMMU_EIO);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), IOMMU_EIO);
	misbehave((struct iommu_model_vtd_faults){0});
	assert_int_equal(count_of(counter), 2);
	end_counting();
}

/* --- Power, and the end ----------------------------------------------------------------------- */

static void counts_are_kept_over_a_suspend(void **state)
{
	struct iommu_counter_config config = requests;
	unsigned int counter, stopped, other, loses_power;
	uint64_t overflowed;

	(void)state;
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	for (loses_power = 0; loses_power < 2; loses_power++) {
		begin_counting(0, 0);
		config.source_id = f.device[0]->source_id;
		assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 0x51), 0);
		counter = started(&config);
		stopped = started(&requests);
		make_requests(0, 3);
		assert_int_equal(iommu_counter_stop(f.unit[0], stopped), 0);
		assert_int_equal(iommu_suspend(f.iommu), 0);
		assert_int_equal(reg(VTD_PERFINTRCTL, 4), VTD_EVENT_MASK);
		/* Asleep, it is not touched. */
		lie.reads = 0;
		assert_int_equal(count_of(counter), 3);
		assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
		assert_int_equal(overflowed, 0);
		assert_int_equal(iommu_counter_start(f.unit[0], counter), IOMMU_EBUSY);
		assert_int_equal(iommu_counter_stop(f.unit[0], counter), IOMMU_EBUSY);
		assert_int_equal(iommu_counter_free(f.unit[0], counter), IOMMU_EBUSY);
		assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), IOMMU_EBUSY);
		assert_int_equal(iommu_counter_alloc(f.unit[0], &requests, &other), IOMMU_EBUSY);
		assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 0x52), 0);
		assert_int_equal(lie.reads, 0);
		if (loses_power)
			iommu_model_vtd_reset(f.machine.units[0]);
		assert_int_equal(iommu_resume(f.iommu), 0);
		make_requests(0, 4);
		make_requests(1, 5);
		assert_int_equal(count_of(counter), 7);
		assert_int_equal(count_of(stopped), 3);
		assert_int_equal(reg(VTD_PERFINTRCTL, 4), 0);
		assert_int_equal(reg(VTD_PERFINTRDATA, 4), 0x52);
		assert_int_equal(iommu_counter_start(f.unit[0], stopped), 0);
		make_requests(1, 1);
		assert_int_equal(count_of(stopped), 4);
		end_counting();
	}
}

static void what_was_frozen_stays_frozen_over_a_suspend(void **state)
{
	unsigned int counter;

	(void)state;
	begin_counting(0, 0);
	counter = started(&requests);
	assert_int_equal(iommu_unit_freeze_counters(f.unit[0]), 0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_vtd_reset(f.machine.units[0]);
	assert_int_equal(iommu_resume(f.iommu), 0);
	make_requests(0, 4);
	assert_int_equal(count_of(counter), 0);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit[0]), 0);
	make_requests(0, 5);
	assert_int_equal(count_of(counter), 5);
	end_counting();
}

/* One that does not come back says so; the unit comes back without it. */
static void a_counter_that_does_not_come_back(void **state)
{
	unsigned int counter, again;
	uint64_t count;

	(void)state;
	for (again = 0; again < 2; again++) {
		begin_counting(0, 0);
		counter = started(&requests);
		make_requests(0, 3);
		assert_int_equal(iommu_suspend(f.iommu), 0);
		iommu_model_vtd_reset(f.machine.units[0]);
		tell_lie(VTD_ECRSP, 2 << 1);
		assert_int_equal(iommu_resume(f.iommu), 0);
		assert_int_equal(iommu_counter_read(f.unit[0], counter, &count), IOMMU_EIO);
		/* Nor the next time. */
		assert_int_equal(iommu_suspend(f.iommu), 0);
		assert_int_equal(count_of(counter), 3);
		assert_int_equal(iommu_resume(f.iommu), 0);
		assert_int_equal(iommu_counter_read(f.unit[0], counter, &count), IOMMU_EIO);
		lie.on = false;
		if (again == 0)
			assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
		else
			assert_int_equal(iommu_counter_stop(f.unit[0], counter), 0);
		make_requests(0, 2);
		assert_int_equal(count_of(counter), again == 0 ? 5 : 3);
		end_counting();
	}
}

static void after_a_shutdown(void **state)
{
	unsigned int counter, seen;
	uint64_t overflowed;

	(void)state;
	begin_counting(0, 4);
	assert_int_equal(iommu_vtd_set_counter_interrupt(f.unit[0], MESSAGE, 0x51), 0);
	counter = started(&requests);
	make_requests(0, 3);
	assert_int_equal(iommu_shutdown(f.iommu), 0);
	assert_int_equal(count_of(counter), 3);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	/* The first call that needs hardware wakes them. */
	assert_int_equal(iommu_counter_start(f.unit[0], counter), 0);
	assert_int_equal(reg(VTD_PERFINTRCTL, 4), 0);
	make_requests(0, 2);
	assert_int_equal(count_of(counter), 5);
	seen = f.machine.messages;
	make_requests(0, 12);
	assert_int_equal(f.machine.messages, seen + 1);
	assert_int_equal(iommu_unit_handle_counters(f.unit[0], &overflowed), 0);
	assert_int_equal(overflowed, 1U << counter);
	end_counting();
}

static void a_unit_with_counters_is_not_removed(void **state)
{
	unsigned int counter;

	(void)state;
	wire(2, IOMMU_MODEL_VTD_COUNTERS, 0);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	counter = started(&requests);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_counter_free(f.unit[0], counter), 0);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), 0);
	/* Another that has some is destroyed with them, stopped. */
	f.unit[0] = f.unit[1];
	(void)started(&requests);
	lie.watched = MACHINE_UNIT(1) - MACHINE_UNIT(0) + VTD_ECMD;
	lie.writes_at = 0;
	end();
	assert_int_equal(lie.writes_at, 1);
}

/* --- The model's state ------------------------------------------------------------------------ */

static void the_model_is_saved_and_restored(void **state)
{
	static uint64_t words[512];
	unsigned int counter;
	size_t size, i, words_of_counters = 0;

	(void)state;
	begin_counting(0, 0);
	counter = started(&requests);
	make_requests(0, 3);
	size = iommu_model_vtd_save(f.machine.units[0], words, sizeof(words));
	assert_true(size <= sizeof(words));
	make_requests(0, 1);
	assert_int_equal(iommu_model_vtd_restore(f.machine.units[0], words, size), 0);
	assert_int_equal(reg(0x3000 + counter * 0x400, 8), 3);
	make_requests(0, 2);
	assert_int_equal(reg(0x3000 + counter * 0x400, 8), 5);
	/* None of what is behind the rest of the state can be all ones. */
	for (i = size / 8; i-- != size / 8 - 68;) {
		const uint64_t before = words[i];

		words[i] = UINT64_MAX;
		if (iommu_model_vtd_restore(f.machine.units[0], words, size) == IOMMU_EINVAL)
			words_of_counters++;
		words[i] = before;
	}
	assert_int_equal(words_of_counters, 68);
	assert_int_equal(iommu_model_vtd_restore(f.machine.units[0], words, size), 0);
	end_counting();
}

/* The other events that the model knows; and what it refuses. */
static void interrupts_and_commands_of_the_model(void **state)
{
	const uint64_t config =
		vtd_counter_config(VTD_EVENTS_OF_INTERRUPTS, VTD_EVENT_ENTRY_LOOKUPS, false);
	struct iommu_model_interrupt interrupt;
	uint32_t handle;

	(void)state;
	begin_counting(IOMMU_MODEL_VTD_INTERRUPT_REMAPPING, 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	set(0x2000, 8, config);
	set(0x2100, 8, vtd_counter_config(VTD_EVENTS_OF_INTERRUPTS, VTD_EVENT_ENTRY_HITS, false));
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_START_COUNTER, 0));
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_START_COUNTER, 1));
	assert_int_equal(reg(VTD_ECRSP, 8), 0);
	for (handle = 0; handle < 3; handle++)
		(void)iommu_model_vtd_interrupt(f.machine.units[0], 0x20, 0xfee00010, 0,
						&interrupt);
	assert_int_equal(reg(0x3000, 8), 3);
	assert_int_equal(reg(0x3400, 8), 0); /* the entry is not present */
	set(VTD_ECMD, 8, vtd_ecmd(VTD_COMMAND_START_COUNTER, COUNTERS));
	assert_int_not_equal(vtd_ecrsp_status(reg(VTD_ECRSP, 8)), 0);
	set(VTD_ECMD, 8, 0x12);
	assert_int_not_equal(vtd_ecrsp_status(reg(VTD_ECRSP, 8)), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end_counting();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_says_what_it_counts),
		cmocka_unit_test(a_unit_without_counters),
		cmocka_unit_test(registers_that_make_no_sense),
		cmocka_unit_test(registers_beyond_what_firmware_says),
		cmocka_unit_test(where_registers_may_be),
		cmocka_unit_test(counters_that_differ),
		cmocka_unit_test(one_counter_that_makes_no_sense),
		cmocka_unit_test(no_memory_for_counters),
		cmocka_unit_test(what_devices_do_is_counted),
		cmocka_unit_test(only_while_it_is_started),
		cmocka_unit_test(after_a_predecessor),
		cmocka_unit_test(which_counter_is_chosen),
		cmocka_unit_test(numbers_that_are_not_allocated),
		cmocka_unit_test(filtered_by_device_and_domain),
		cmocka_unit_test(filtered_by_pasid_and_type),
		cmocka_unit_test(filters_in_registers),
		cmocka_unit_test(what_cannot_be_counted),
		cmocka_unit_test(counts_are_wider_than_counters),
		cmocka_unit_test(a_counter_that_comes_round),
		cmocka_unit_test(overflows_send_messages),
		cmocka_unit_test(overflows_during_the_handler),
		cmocka_unit_test(overflows_of_a_host_that_polls),
		cmocka_unit_test(an_overflow_that_stays),
		cmocka_unit_test(overflows_of_no_counter),
		cmocka_unit_test(as_many_counters_as_there_can_be),
		cmocka_unit_test(a_count_that_is_torn),
		cmocka_unit_test(how_often_a_count_is_read),
		cmocka_unit_test(a_count_of_all_ones),
		cmocka_unit_test(frozen_counters_do_not_count),
		cmocka_unit_test(a_unit_that_cannot_freeze),
		cmocka_unit_test(commands_that_hang),
		cmocka_unit_test(commands_that_take_a_while),
		cmocka_unit_test(commands_are_given_once),
		cmocka_unit_test(an_overflow_before_the_start),
		cmocka_unit_test(commands_that_are_refused),
		cmocka_unit_test(a_unit_that_is_gone),
		cmocka_unit_test(counts_are_kept_over_a_suspend),
		cmocka_unit_test(what_was_frozen_stays_frozen_over_a_suspend),
		cmocka_unit_test(a_counter_that_does_not_come_back),
		cmocka_unit_test(after_a_shutdown),
		cmocka_unit_test(a_unit_with_counters_is_not_removed),
		cmocka_unit_test(the_model_is_saved_and_restored),
		cmocka_unit_test(interrupts_and_commands_of_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
