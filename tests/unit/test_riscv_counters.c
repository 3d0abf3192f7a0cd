/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters of RISC-V's units, against the model; and against registers that lie, keep
 * less than they are told, or are gone.
 */
#include <string.h>

#include <libiommu/counters.h>
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/iommu.h>
#include <libiommu/model_riscv.h>
#include <libiommu/riscv.h>

#include "test.h"
#include "test_platform.h"

#define BASE      0x3010000ULL
#define ARENA     (1ULL << 24)
#define IOVA      0x500000000ULL
#define MEMORY    0x200000000ULL
#define DEVICES   3U
#define SOURCE(i) (0x20U + 8 * (i)) /* 00:04.0, 00:05.0, 00:06.0 */
#define COUNTERS  5U
#define EVERY     (RISCV_CAP_SV39 | RISCV_CAP_SV39X4 | RISCV_CAP_HPM | RISCV_CAP_PD8 | 46ULL << 32)

static struct {
	struct test_platform test, outside;
	struct iommu_model_riscv *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_endpoint *endpoints[DEVICES];
	struct iommu_domain *domains[2]; /* of a second stage: devices 0 and 2; device 1 */
	unsigned int messages;
	/* The register at this offset keeps these bits alone, when it is written. */
	bool is_narrow;
	uint64_t narrow;
	uint64_t keeps;
	/* Writes are not heard from the n-th on; 0: all are. */
	unsigned int deaf_after;
	/* A count is read in halves, with so many events between, at the read after so many. */
	unsigned int torn, torn_after;
	/* Device 0 does this much when a count is read. */
	unsigned int uses;
	/* Reads of counts; each finds so much more. */
	unsigned int reads;
	uint64_t step;
} f;

/* --- The machine ------------------------------------------------------------------------------ */

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (paddr >= ARENA || size > ARENA - paddr)
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (paddr >= ARENA || size > ARENA - paddr)
		return false;
	memcpy(iommu_phys_to_virt(&f.test.platform, paddr), bytes, size);
	return true;
}

static bool note_message(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	assert_int_equal(address, 0x24000000);
	assert_int_equal(data, 7);
	f.messages++;
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("%s", text);
}

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)size;
	return (void *)(uintptr_t)paddr;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

/* A device reads, so often. */
static void use(unsigned int device, unsigned int times)
{
	const struct iommu_model_riscv_request request = {
		.device_id = SOURCE(device), .address = IOVA, .access = IOMMU_PROT_READ};
	struct iommu_model_riscv_translation translation;

	for (; times != 0; times--)
		assert_int_equal(iommu_model_riscv_translate(f.model, &request, &translation), 0);
}

/* As hardware sees it: past the lies. */
static uint64_t hw_read(uint64_t offset, unsigned int size)
{
	return iommu_model_riscv_mmio_read(f.model, offset, size);
}

static void hw_write(uint64_t offset, unsigned int size, uint64_t value)
{
	iommu_model_riscv_mmio_write(f.model, offset, size, value);
}

static uint64_t offset_of(const volatile void *reg)
{
	return (uintptr_t)reg - BASE;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)hw_read(offset_of(reg), 4);
}

static bool is_count(uint64_t offset)
{
	return offset >= RISCV_IOHPMCYCLES && offset < RISCV_IOHPMEVT;
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	const uint64_t offset = offset_of(reg);
	uint64_t low;

	(void)ctx;
	if (is_count(offset)) {
		f.reads++;
		if (f.step != 0)
			hw_write(offset, 8, hw_read(offset, 8) + f.step);
	}
	if (is_count(offset) && f.uses != 0) {
		const unsigned int times = f.uses;

		f.uses = 0;
		use(0, times);
	}
	if (f.torn == 0 || !is_count(offset) || f.torn_after-- != 0)
		return hw_read(offset, 8);
	low = hw_read(offset, 4);
	hw_write(offset, 8, hw_read(offset, 8) + f.torn);
	f.torn = 0;
	return hw_read(offset + 4, 4) << 32 | low;
}

static void write_register(uint64_t offset, unsigned int size, uint64_t value)
{
	if (f.deaf_after != 0 && offset >= RISCV_IOCOUNTINH && offset < RISCV_TR_REQ_IOVA &&
	    --f.deaf_after == 0) {
		f.deaf_after = 1;
		return;
	}
	if (f.is_narrow && offset == f.narrow)
		value &= f.keeps;
	hw_write(offset, size, value);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	write_register(offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	write_register(offset_of(reg), 8, value);
}

static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 10000000;
}

static void begin_with(const struct iommu_model_riscv_config *given,
		       const struct iommu_riscv_ids *ids, unsigned int id_count)
{
	const struct iommu_riscv_config config = {
		.registers = BASE, .id_ranges = ids, .id_range_count = id_count};
	struct iommu_model_riscv_config model = *given;

	test_platform_init(&f.outside, 1 << 23, 0);
	test_platform_init(&f.test, ARENA, 0);
	f.test.quiet = true;
	f.test.platform.map_mmio = map_mmio;
	f.test.platform.unmap_mmio = unmap_mmio;
	f.test.platform.mmio_read32 = read32;
	f.test.platform.mmio_read64 = read64;
	f.test.platform.mmio_write32 = write32;
	f.test.platform.mmio_write64 = write64;
	f.test.platform.now_ns = now_ns;
	model.platform = &f.outside.platform;
	model.host = (struct iommu_model_riscv_host){.read = read_memory,
						     .write = write_memory,
						     .interrupt = note_message,
						     .misuse = refuse_misuse};
	model.cache_entries = SIZE_MAX;
	model.strict = IOMMU_MODEL_RISCV_WILD_RESET;
	assert_int_equal(iommu_model_riscv_create(&model, &f.model), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
}

static struct iommu_domain *second_stage(void)
{
	const struct iommu_domain_config config = {.stage = IOMMU_STAGE_SECOND};
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_map(domain, IOVA, MEMORY, IOMMU_PAGE_SIZE, IOMMU_PROT_READ_WRITE),
			 0);
	return domain;
}

static void join(unsigned int device, struct iommu_domain *domain)
{
	const struct iommu_endpoint_info info = {.source_id = (uint16_t)SOURCE(device)};

	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoints[device]), 0);
	assert_int_equal(
		iommu_domain_attach_group(domain, iommu_endpoint_group(f.endpoints[device])), 0);
}

/* A unit that is on, with devices. */
static void begin(unsigned int counter_bits)
{
	const struct iommu_model_riscv_config model = {
		.capabilities = EVERY, .counters = COUNTERS - 1, .counter_bits = counter_bits};

	memset(&f, 0, sizeof(f));
	begin_with(&model, NULL, 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	f.domains[0] = second_stage();
	f.domains[1] = second_stage();
	join(0, f.domains[0]);
	join(1, f.domains[1]);
	join(2, f.domains[0]);
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		if (f.endpoints[i] == NULL)
			continue;
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(f.endpoints[i])),
				 0);
		assert_int_equal(iommu_release_endpoint(f.endpoints[i]), 0);
	}
	for (i = 0; i < 2; i++)
		if (f.domains[i] != NULL)
			assert_int_equal(iommu_domain_free(f.domains[i]), 0);
	iommu_destroy(f.iommu);
	iommu_model_riscv_destroy(f.model);
	test_platform_destroy(&f.test);
	test_platform_destroy(&f.outside);
}

/* A unit has nothing cached any more. */
static void forget(unsigned int domain)
{
	assert_int_equal(iommu_unmap(f.domains[domain], IOVA, IOMMU_PAGE_SIZE, 0, NULL), 0);
	assert_int_equal(
		iommu_map(f.domains[domain], IOVA, MEMORY, IOMMU_PAGE_SIZE, IOMMU_PROT_READ_WRITE),
		0);
}

/* --- Counters --------------------------------------------------------------------------------- */

static const struct iommu_counter_config requests = {.event = RISCV_EVENT_UNTRANSLATED};
static const struct iommu_counter_config misses = {.event = RISCV_EVENT_TLB_MISS};
static const struct iommu_counter_config cycles = {.event = RISCV_EVENT_NONE};

static struct iommu_counters_info info_of_unit(void)
{
	struct iommu_counters_info info;

	assert_int_equal(iommu_unit_get_counters(f.unit, &info), 0);
	return info;
}

static unsigned int counter_for(const struct iommu_counter_config *config)
{
	unsigned int counter = UINT32_MAX;

	assert_int_equal(iommu_counter_alloc(f.unit, config, &counter), 0);
	return counter;
}

static unsigned int started(const struct iommu_counter_config *config)
{
	const unsigned int counter = counter_for(config);

	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	return counter;
}

static uint64_t counted(unsigned int counter)
{
	uint64_t count = UINT64_MAX;

	assert_int_equal(iommu_counter_read(f.unit, counter, &count), 0);
	return count;
}

static void free_counter(unsigned int counter)
{
	assert_int_equal(iommu_counter_free(f.unit, counter), 0);
}

static uint64_t handled(void)
{
	uint64_t overflowed = UINT64_MAX;

	assert_int_equal(iommu_unit_handle_counters(f.unit, &overflowed), 0);
	return overflowed;
}

static int refused(const struct iommu_counter_config *config)
{
	unsigned int counter = 99;
	const int status = iommu_counter_alloc(f.unit, config, &counter);

	assert_int_equal(counter, 99);
	return status;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void a_unit_says_what_it_counts(void **state)
{
	struct iommu_counters_info info;

	(void)state;
	begin(40);
	info = info_of_unit();
	assert_int_equal(info.counters, COUNTERS);
	assert_int_equal(info.unused, COUNTERS);
	assert_int_equal(info.width, 40);
	assert_int_equal(info.groups, 1);
	assert_int_equal(info.events[0], 0x1ff);
	assert_int_equal(info.filters, IOMMU_COUNTER_OF_SOURCE | IOMMU_COUNTER_OF_DOMAIN |
					       IOMMU_COUNTER_OF_PASID);
	assert_int_equal(info.source_bits, 16);
	assert_true(info.interrupts);
	assert_true(info.freezes);
	/* Whatever they held after reset, nothing counts. */
	assert_int_equal(hw_read(RISCV_IOCOUNTINH, 4), (2U << (COUNTERS - 1)) - 1);
	end();
	/* Of the widest, cycles have one bit less: theirs is the overflow. */
	begin(0);
	assert_int_equal(info_of_unit().width, 63);
	end();
}

static void a_unit_without_counters(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERY & ~RISCV_CAP_HPM};
	struct iommu_counters_info info;
	uint64_t value;

	(void)state;
	memset(&f, 0, sizeof(f));
	begin_with(&model, NULL, 0);
	assert_int_equal(iommu_unit_get_counters(f.unit, &info), IOMMU_EOPNOTSUPP);
	assert_int_equal(refused(&requests), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_start(f.unit, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_stop(f.unit, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_free(f.unit, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_counter_read(f.unit, 1, &value), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_freeze_counters(f.unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_handle_counters(f.unit, &value), IOMMU_EOPNOTSUPP);
	end();
}

/* Before a unit is enabled it may be asked, too. */
static void a_unit_that_is_off(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERY, .counters = 2};
	uint64_t value;
	unsigned int counter;

	(void)state;
	memset(&f, 0, sizeof(f));
	begin_with(&model, NULL, 0);
	/* Nothing is known, and nothing has overflowed. */
	assert_int_equal(handled(), 0);
	assert_int_equal(iommu_counter_read(f.unit, 1, &value), IOMMU_EINVAL);
	counter = started(&cycles);
	assert_int_equal(counter, 0);
	assert_true(counted(counter) != 0);
	assert_int_equal(info_of_unit().counters, 3);
	assert_int_equal(info_of_unit().unused, 2);
	free_counter(counter);
	/* It stays off over a suspend. */
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_false(iommu_unit_is_enabled(f.unit));
	end();
}

static void what_devices_do_is_counted(void **state)
{
	unsigned int asked, missed, passed;
	uint64_t before;

	(void)state;
	begin(0);
	asked = started(&requests);
	missed = started(&misses);
	passed = started(&cycles);
	assert_int_equal(passed, 0);
	use(0, 5);
	assert_int_equal(counted(asked), 5);
	assert_int_equal(counted(missed), 1);
	forget(0);
	use(0, 2);
	assert_int_equal(counted(asked), 7);
	assert_int_equal(counted(missed), 2);
	before = counted(passed);
	assert_true(counted(passed) > before);
	/* Only while it is started, and in addition to what was counted. */
	assert_int_equal(iommu_counter_stop(f.unit, asked), 0);
	assert_int_equal(iommu_counter_stop(f.unit, asked), 0);
	use(1, 4);
	assert_int_equal(counted(asked), 7);
	assert_int_equal(iommu_counter_start(f.unit, asked), 0);
	assert_int_equal(iommu_counter_start(f.unit, asked), 0);
	use(1, 4);
	assert_int_equal(counted(asked), 11);
	/* One that is freed and allocated again begins with nothing. */
	free_counter(asked);
	use(1, 3);
	assert_int_equal(counter_for(&requests), asked);
	assert_int_equal(counted(asked), 0);
	use(1, 3);
	assert_int_equal(counted(asked), 0);
	free_counter(asked);
	free_counter(missed);
	free_counter(passed);
	end();
}

static void filtered_by_device(void **state)
{
	struct iommu_counter_config one = requests, all = requests, two = requests;
	unsigned int of_one, of_all, of_two;

	(void)state;
	begin(0);
	one.filters = all.filters = two.filters = IOMMU_COUNTER_OF_SOURCE;
	one.source_id = SOURCE(1);
	two.source_id = SOURCE(0) + 3; /* 00:04.0 to 00:05.7 */
	two.source_bits = 4;
	all.source_id = 0xffff;
	all.source_bits = 16;
	of_one = started(&one);
	of_two = started(&two);
	of_all = started(&all);
	use(0, 1);
	use(1, 2);
	use(2, 4);
	assert_int_equal(counted(of_one), 2);
	assert_int_equal(counted(of_two), 3);
	assert_int_equal(counted(of_all), 7);
	assert_int_equal(hw_read(riscv_counter_event(of_one), 8),
			 RISCV_EVENT_UNTRANSLATED | (uint64_t)SOURCE(1) << 36 |
				 RISCV_EVENT_HAS_DEVICE);
	free_counter(of_one);
	one.event = RISCV_EVENT_TLB_MISS;
	of_one = counter_for(&one);
	assert_int_equal(hw_read(riscv_counter_event(of_one), 8),
			 RISCV_EVENT_TLB_MISS | (uint64_t)SOURCE(1) << 36 | RISCV_EVENT_HAS_DEVICE);
	free_counter(of_one);
	free_counter(of_two);
	free_counter(of_all);
	end();
}

/* The ids that hardware knows devices by are not those of the bus. */
static void filtered_by_device_of_another_id(void **state)
{
	static const struct iommu_riscv_ids ids[] = {
		{.first = 0x20, .last = 0x27, .device_id = 0x40},
		{.first = 0x28, .last = 0x2f, .device_id = 0x81},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERY};
	struct iommu_counter_config config = requests;
	unsigned int counter;

	(void)state;
	memset(&f, 0, sizeof(f));
	begin_with(&model, ids, 2);
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	config.source_id = 0x21;
	counter = counter_for(&config);
	assert_int_equal(riscv_event_device_id(hw_read(riscv_counter_event(counter), 8)), 0x41);
	free_counter(counter);
	config.source_bits = 3;
	counter = counter_for(&config);
	assert_int_equal(riscv_event_device_id(hw_read(riscv_counter_event(counter), 8)), 0x43);
	assert_true((hw_read(riscv_counter_event(counter), 8) & RISCV_EVENT_PARTLY) != 0);
	free_counter(counter);
	/* Of no range; of two; of one that hardware cannot mask. */
	config.source_bits = 0;
	config.source_id = 0x30;
	assert_int_equal(refused(&config), IOMMU_EINVAL);
	config.source_id = 0x20;
	config.source_bits = 4;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.source_id = 0x28;
	config.source_bits = 3;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	end();
}

/* One that is no function is told by its own ids, whatever it was probed as. */
static void filtered_by_device_without_a_place(void **state)
{
	struct iommu_fwspec spec = {.ids = {0x9105, 0x9106}, .id_count = 1};
	const struct iommu_model_riscv_config model = {.capabilities = EVERY};
	struct iommu_endpoint_info info = {.source_id = 5, .fwspec = &spec};
	struct iommu_counter_config config = requests;
	unsigned int counter;

	(void)state;
	memset(&f, 0, sizeof(f));
	begin_with(&model, NULL, 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoints[0]), 0);
	spec.id_count = 2;
	spec.ids[0] = 0x9107;
	info.source_id = 6;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoints[1]), 0);
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	config.source_id = 5;
	counter = counter_for(&config);
	/* By the device id, and by nothing else: all above the number of the event. */
	assert_int_equal(hw_read(riscv_counter_event(counter), 8) & ~0x7fffULL,
			 riscv_event(RISCV_EVENT_NONE, 0x9105, 0, RISCV_EVENT_HAS_DEVICE));
	free_counter(counter);
	config.source_bits = 3;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.source_bits = 0;
	config.source_id = 6;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.source_id = 7;
	counter = counter_for(&config);
	assert_int_equal(riscv_event_device_id(hw_read(riscv_counter_event(counter), 8)), 7);
	free_counter(counter);
	end();
}

static void filtered_by_domain(void **state)
{
	struct iommu_counter_config config = misses;
	struct iommu_domain *unused = NULL;
	unsigned int counter;

	(void)state;
	begin(0);
	config.filters = IOMMU_COUNTER_OF_DOMAIN;
	config.domain = f.domains[1];
	counter = started(&config);
	use(0, 1);
	use(2, 1);
	assert_int_equal(counted(counter), 0);
	use(1, 3);
	assert_int_equal(counted(counter), 1);
	assert_int_equal(hw_read(riscv_counter_event(counter), 8) & ~(0xffffffULL << 36),
			 RISCV_EVENT_TLB_MISS | RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_BY_CONTEXT);
	config.event = 64;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	/* Of requests no unit knows which domain translates them. */
	config.event = RISCV_EVENT_UNTRANSLATED;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.event = RISCV_EVENT_DEVICE_WALK;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.event = RISCV_EVENT_SECOND_STAGE_WALK;
	free_counter(counter_for(&config));
	config.event = RISCV_EVENT_FIRST_STAGE_WALK;
	free_counter(counter_for(&config));
	unused = second_stage();
	config.domain = unused;
	assert_int_equal(refused(&config), IOMMU_EINVAL);
	config.domain = NULL;
	assert_int_equal(refused(&config), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(unused), 0);
	free_counter(counter);
	end();
}

static void a_first_stage_is_no_filter(void **state)
{
	const struct iommu_domain_config first = {.stage = IOMMU_STAGE_FIRST};
	struct iommu_counter_config config = misses;
	struct iommu_domain *domain = NULL;
	struct iommu_group *group;

	(void)state;
	begin(0);
	group = iommu_endpoint_group(f.endpoints[1]);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &first, &domain), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	config.filters = IOMMU_COUNTER_OF_DOMAIN;
	config.domain = domain;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_attach_group(f.domains[1], group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void filtered_by_pasid(void **state)
{
	struct iommu_counter_config config = requests;
	unsigned int counter;

	(void)state;
	begin(0);
	config.filters = IOMMU_COUNTER_OF_PASID;
	config.pasid = 0xabcde;
	counter = started(&config);
	assert_int_equal(hw_read(riscv_counter_event(counter), 8),
			 1 | 0xabcdeULL << 16 | RISCV_EVENT_HAS_PROCESS);
	use(0, 3);
	assert_int_equal(counted(counter), 0);
	config.pasid = 0x100000;
	assert_int_equal(refused(&config), IOMMU_EINVAL);
	/* A device's requests without a PASID would count, too. */
	config.pasid = 1;
	config.filters |= IOMMU_COUNTER_OF_SOURCE;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	free_counter(counter);
	end();
}

static void what_cannot_be_counted(void **state)
{
	struct iommu_counter_config config = requests;
	unsigned int taken[COUNTERS - 1], i;

	(void)state;
	begin(0);
	config.group = 1;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config = requests;
	config.event = 9; /* reserved: no register keeps it */
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.event = 0x4000; /* a maker's own */
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.event = 0x8000;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config = requests;
	config.flags = 1;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config = requests;
	config.filters = IOMMU_COUNTER_OF_TYPES;
	config.types = 1;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	config.source_bits = 17;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	config.source_bits = 0;
	config.source_id = 0x10000;
	assert_int_equal(refused(&config), IOMMU_EINVAL);
	config = cycles;
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	for (i = 0; i < COUNTERS - 1; i++)
		taken[i] = counter_for(&requests);
	assert_int_equal(refused(&misses), IOMMU_ENOSPC);
	free_counter(counter_for(&cycles));
	for (i = 0; i < COUNTERS - 1; i++)
		free_counter(taken[i]);
	assert_int_equal(info_of_unit().unused, COUNTERS);
	end();
}

static void numbers_that_are_not_allocated(void **state)
{
	unsigned int counter;
	uint64_t count;

	(void)state;
	begin(0);
	counter = counter_for(&requests);
	free_counter(counter);
	for (counter = 0; counter < 70; counter++) {
		assert_int_equal(iommu_counter_start(f.unit, counter), IOMMU_EINVAL);
		assert_int_equal(iommu_counter_stop(f.unit, counter), IOMMU_EINVAL);
		assert_int_equal(iommu_counter_free(f.unit, counter), IOMMU_EINVAL);
		assert_int_equal(iommu_counter_read(f.unit, counter, &count), IOMMU_EINVAL);
	}
	end();
}

/* One of the counters takes one event alone: it is the one to be asked for that. */
static void which_counter_is_chosen(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERY, .counters = 3};
	unsigned int first, second;

	(void)state;
	memset(&f, 0, sizeof(f));
	f.is_narrow = true;
	f.narrow = riscv_counter_event(2);
	f.keeps = ~0xeULL; /* event 1, and no other */
	begin_with(&model, NULL, 0);
	first = counter_for(&requests);
	assert_int_equal(first, 2);
	second = counter_for(&requests);
	assert_int_equal(second, 1);
	assert_int_equal(counter_for(&misses), 3);
	assert_int_equal(refused(&misses), IOMMU_ENOSPC);
	free_counter(first);
	assert_int_equal(refused(&misses), IOMMU_ENOSPC);
	free_counter(second);
	free_counter(3);
	end();
}

/* Counters of registers that keep too little are none; nor where no event is kept. */
static void registers_that_make_no_sense(void **state)
{
	static const struct {
		uint64_t offset, keeps;
	} lies[] = {
		{RISCV_IOHPMCTR, 0x7fffffff},
		{RISCV_IOHPMCTR, 0xfffffffffffffffe},
		{RISCV_IOHPMCTR, 0x1ffffefffffffff},
		{RISCV_IOHPMEVT, ~0x7fffULL},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERY, .counters = 2};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		memset(&f, 0, sizeof(f));
		f.is_narrow = true;
		f.narrow = lies[i].offset;
		f.keeps = lies[i].keeps;
		begin_with(&model, NULL, 0);
		assert_int_equal(info_of_unit().counters, 2);
		assert_int_equal(counter_for(&requests), 2);
		assert_int_equal(refused(&requests), IOMMU_ENOSPC);
		free_counter(2);
		end();
	}
}

static void a_filter_that_is_not_kept(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERY, .counters = 1};
	struct iommu_counter_config config = requests;

	(void)state;
	memset(&f, 0, sizeof(f));
	f.is_narrow = true;
	f.narrow = riscv_counter_event(1);
	f.keeps = ~RISCV_EVENT_HAS_DEVICE;
	begin_with(&model, NULL, 0);
	config.filters = IOMMU_COUNTER_OF_SOURCE;
	config.source_id = 8;
	assert_int_equal(refused(&config), IOMMU_EOPNOTSUPP);
	free_counter(counter_for(&requests));
	end();
}

static void counts_are_wider_than_counters(void **state)
{
	unsigned int counter;
	uint64_t register_of;

	(void)state;
	begin(32);
	counter = started(&requests);
	register_of = riscv_counter(counter);
	use(0, 1);
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 0);
	assert_int_equal(counted(counter), 1);
	hw_write(register_of, 8, 0xfffffffe);
	assert_int_equal(counted(counter), 0xfffffffe);
	use(0, 3);
	assert_int_equal(hw_read(register_of, 8), 1);
	assert_int_equal(counted(counter), 0x100000001);
	/* The bit that told of it is gone: the next one is told of, too. */
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 0);
	use(0, 2);
	assert_int_equal(counted(counter), 0x100000003);
	/* Once round, and beyond the last value: the bit alone tells. */
	hw_write(register_of, 8, 0xffffffff);
	use(0, 5);
	assert_int_equal(hw_read(register_of, 8), 4);
	assert_int_equal(counted(counter), 0x200000004);
	free_counter(counter);
	end();
}

static void overflows_send_messages(void **state)
{
	unsigned int counter, passed;

	(void)state;
	begin(32);
	assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_COUNTERS, 0x24000000, 7), 0);
	counter = started(&requests);
	passed = started(&cycles);
	hw_write(riscv_counter(counter), 8, 0xffffffff);
	use(0, 2);
	assert_int_equal(f.messages, 1);
	assert_int_equal(handled(), 1U << counter);
	assert_int_equal(handled(), 0);
	assert_int_equal(counted(counter), 0x100000001);
	/* Again, and that of cycles, whose bit lies in the count. */
	hw_write(riscv_counter(counter), 8, 0xffffffff);
	use(0, 1);
	assert_int_equal(f.messages, 2);
	hw_write(RISCV_IOHPMCYCLES, 8, 0xfffffffe);
	while ((hw_read(RISCV_IOCOUNTOVF, 4) & 1) == 0)
		;
	assert_int_equal(handled(), 1U << counter | 1U << passed);
	assert_true(counted(passed) > 0xffffffff);
	assert_true(counted(passed) < 0x100000100);
	assert_int_equal(counted(counter), 0x200000000);
	hw_write(RISCV_IOHPMCYCLES, 8, 0xfffffffe);
	while ((hw_read(RISCV_IOCOUNTOVF, 4) & 1) == 0)
		;
	assert_true(f.messages >= 3);
	/* What a reader found first is told by the handler all the same. */
	assert_true(counted(passed) > 0x1ffffffff);
	assert_int_equal(handled(), 1U << passed);
	free_counter(counter);
	free_counter(passed);
	end();
}

/* Between the look at the bit and the look at the count. */
static void an_overflow_on_the_way(void **state)
{
	unsigned int counter;

	(void)state;
	begin(32);
	counter = started(&requests);
	hw_write(riscv_counter(counter), 8, 0xfffffffe);
	assert_int_equal(counted(counter), 0xfffffffe);
	f.uses = 4;
	assert_int_equal(counted(counter), 0x100000002);
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 1U << counter);
	assert_int_equal(counted(counter), 0x100000002);
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 0);
	assert_int_equal(handled(), 1U << counter);
	/* The next one is another one. */
	hw_write(riscv_counter(counter), 8, 0xffffffff);
	use(0, 1);
	assert_int_equal(counted(counter), 0x200000000);
	free_counter(counter);
	end();
}

/* One that was left while the counter was stopped would keep the next one silent. */
static void an_overflow_of_before(void **state)
{
	unsigned int counter;

	(void)state;
	begin(32);
	assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_COUNTERS, 0x24000000, 7), 0);
	counter = counter_for(&requests);
	hw_write(riscv_counter_event(counter), 8, RISCV_EVENT_UNTRANSLATED | RISCV_EVENT_OVERFLOW);
	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	assert_int_equal(handled(), 0);
	hw_write(riscv_counter(counter), 8, 0xffffffff);
	use(0, 1);
	assert_int_equal(f.messages, 1);
	assert_int_equal(counted(counter), 0x100000000);
	free_counter(counter);
	counter = counter_for(&cycles);
	hw_write(RISCV_IOHPMCYCLES, 8, RISCV_CYCLES_OVERFLOW | 5);
	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 0);
	assert_true(counted(counter) < 0x1000);
	free_counter(counter);
	end();
}

/* The bit of an overflow that cannot be cleared says nothing, and keeps no CPU. */
static void an_overflow_that_stays(void **state)
{
	unsigned int counter;

	(void)state;
	begin(32);
	counter = started(&requests);
	use(0, 3);
	iommu_model_riscv_misbehave(
		f.model, &(struct iommu_model_riscv_faults){.lies = true,
							    .lying_register = RISCV_IOCOUNTOVF,
							    .lie = 1ULL << counter});
	assert_int_equal(counted(counter), 3);
	use(0, 3);
	assert_int_equal(counted(counter), 6);
	assert_int_equal(handled(), 0);
	assert_int_equal(iommu_counter_stop(f.unit, counter), 0);
	assert_int_equal(counted(counter), 6);
	free_counter(counter);
	end();
}

/* A host reads the two halves of a count one after the other. */
static void a_count_that_is_torn(void **state)
{
	unsigned int counter;

	(void)state;
	begin(0);
	counter = started(&requests);
	hw_write(riscv_counter(counter), 8, 0xffffffff);
	assert_int_equal(counted(counter), 0xffffffff);
	f.torn = 2; /* low half of before, high half of after */
	assert_int_equal(counted(counter), 0x100000001);
	hw_write(riscv_counter(counter), 8, 0x1ffffffff);
	f.torn = 2;
	f.torn_after = 1;
	assert_int_equal(counted(counter), 0x200000001);
	free_counter(counter);
	end();
}

/* A count that stands still is read twice; one that is torn always, no more than five times. */
static void how_often_a_count_is_read(void **state)
{
	static const struct {
		uint64_t first, step;
		unsigned int reads;
	} cases[] = {
		{0, 0, 2},          {0x90000000, 0, 2}, {UINT64_MAX - 1, 0, 2},
		{0, 0x7fffffff, 2}, {0, 0x80000000, 5}, {0, 0xffff00000000, 5},
	};
	unsigned int counter;
	size_t i;

	(void)state;
	begin(0);
	counter = started(&requests);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hw_write(riscv_counter(counter), 8, cases[i].first);
		f.reads = 0;
		f.step = cases[i].step;
		(void)counted(counter);
		f.step = 0;
		assert_int_equal(f.reads, cases[i].reads);
	}
	free_counter(counter);
	end();
}

/* What a stop has added before its bit was seen hides no overflow after the next start. */
static void an_overflow_in_a_stop(void **state)
{
	unsigned int counter;
	uint64_t before;

	(void)state;
	begin(32);
	counter = started(&requests);
	hw_write(riscv_counter(counter), 8, 0xfffffffe);
	assert_int_equal(counted(counter), 0xfffffffe);
	f.uses = 4;
	(void)counted(counter);
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 1U << counter);
	iommu_model_riscv_misbehave(
		f.model, &(struct iommu_model_riscv_faults){.lies = true,
							    .lying_register = RISCV_IOCOUNTOVF});
	assert_int_equal(iommu_counter_stop(f.unit, counter), 0);
	iommu_model_riscv_misbehave(f.model, &(struct iommu_model_riscv_faults){0});
	assert_true((hw_read(RISCV_IOCOUNTINH, 4) >> counter & 1) != 0);
	before = counted(counter);
	assert_int_equal(before, 0x100000002);
	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	assert_int_equal(hw_read(RISCV_IOCOUNTOVF, 4), 0);
	hw_write(riscv_counter(counter), 8, 0xffffffff);
	use(0, 5);
	assert_int_equal(counted(counter), before + 0x100000002);
	free_counter(counter);
	end();
}

static void frozen_counters_do_not_count(void **state)
{
	unsigned int first, second;

	(void)state;
	begin(0);
	first = started(&requests);
	second = counter_for(&requests);
	use(0, 1);
	assert_int_equal(iommu_unit_freeze_counters(f.unit), 0);
	use(0, 2);
	assert_int_equal(iommu_counter_start(f.unit, second), 0);
	use(0, 4);
	assert_int_equal(counted(first), 1);
	assert_int_equal(counted(second), 0);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit), 0);
	use(0, 8);
	assert_int_equal(counted(first), 9);
	assert_int_equal(counted(second), 8);
	free_counter(first);
	free_counter(second);
	end();
}

/* A unit that does not do as it is told is asked again. */
static void registers_that_do_not_obey(void **state)
{
	const struct iommu_model_riscv_faults deaf = {.deaf_register = RISCV_IOCOUNTINH};
	const struct iommu_model_riscv_faults none = {0};
	unsigned int counter;

	(void)state;
	begin(0);
	counter = counter_for(&requests);
	iommu_model_riscv_misbehave(f.model, &deaf);
	assert_int_equal(iommu_counter_start(f.unit, counter), IOMMU_EIO);
	use(0, 2);
	assert_int_equal(counted(counter), 0);
	assert_int_equal(iommu_unit_freeze_counters(f.unit), 0); /* nothing counts */
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit), 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	use(0, 3);
	iommu_model_riscv_misbehave(f.model, &deaf);
	assert_int_equal(iommu_unit_freeze_counters(f.unit), IOMMU_EIO);
	assert_int_equal(iommu_counter_stop(f.unit, counter), IOMMU_EIO);
	assert_int_equal(iommu_counter_free(f.unit, counter), IOMMU_EIO);
	use(0, 1);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_unfreeze_counters(f.unit), 0);
	assert_int_equal(iommu_counter_stop(f.unit, counter), 0);
	use(0, 1);
	assert_int_equal(counted(counter), 4);
	free_counter(counter);
	end();
}

static void a_unit_that_is_gone(void **state)
{
	const struct iommu_model_riscv_faults gone = {.gone = true};
	const struct iommu_model_riscv_faults none = {0};
	unsigned int counter;
	uint64_t value;

	(void)state;
	begin(0);
	counter = started(&requests);
	use(0, 2);
	iommu_model_riscv_misbehave(f.model, &gone);
	assert_int_equal(iommu_counter_read(f.unit, counter, &value), IOMMU_EIO);
	assert_int_equal(iommu_unit_handle_counters(f.unit, &value), IOMMU_EIO);
	assert_int_equal(iommu_counter_stop(f.unit, counter), IOMMU_EIO);
	assert_int_equal(refused(&misses), IOMMU_EIO);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(counted(counter), 2);
	free_counter(counter);
	end();
}

static void counts_are_kept_over_a_suspend(void **state)
{
	unsigned int runs, stopped;
	uint64_t value;

	(void)state;
	begin(0);
	runs = started(&requests);
	stopped = started(&misses);
	use(0, 2);
	assert_int_equal(iommu_counter_stop(f.unit, stopped), 0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_int_equal(iommu_counter_start(f.unit, stopped), IOMMU_EBUSY);
	assert_int_equal(iommu_counter_stop(f.unit, runs), IOMMU_EBUSY);
	assert_int_equal(iommu_counter_free(f.unit, runs), IOMMU_EBUSY);
	assert_int_equal(iommu_unit_freeze_counters(f.unit), IOMMU_EBUSY);
	assert_int_equal(refused(&misses), IOMMU_EBUSY);
	assert_int_equal(info_of_unit().unused, COUNTERS - 2);
	assert_int_equal(counted(runs), 2);
	assert_int_equal(iommu_unit_handle_counters(f.unit, &value), 0);
	iommu_model_riscv_reset(f.model); /* power was off */
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(counted(runs), 2);
	use(0, 3);
	assert_int_equal(counted(runs), 5);
	assert_int_equal(counted(stopped), 1);
	assert_int_equal(iommu_counter_start(f.unit, stopped), 0);
	forget(0);
	use(0, 1);
	assert_int_equal(counted(stopped), 2);
	free_counter(runs);
	free_counter(stopped);
	end();
}

/* A unit whose counters were never asked for says what it has while it is asleep, too. */
static void asked_for_the_first_time_in_a_suspend(void **state)
{
	unsigned int counter;

	(void)state;
	begin(0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_int_equal(info_of_unit().counters, COUNTERS);
	iommu_model_riscv_reset(f.model);
	assert_int_equal(iommu_resume(f.iommu), 0);
	counter = started(&requests);
	use(0, 2);
	assert_int_equal(counted(counter), 2);
	free_counter(counter);
	end();
}

/* What a counter selects is written again when it starts: it counts that, or does not start. */
static void a_register_that_forgets(void **state)
{
	unsigned int counter;

	(void)state;
	begin(0);
	counter = started(&requests);
	use(0, 2);
	assert_int_equal(iommu_counter_stop(f.unit, counter), 0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_riscv_reset(f.model);
	f.is_narrow = true;
	f.narrow = riscv_counter_event(counter);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(counted(counter), 2);
	assert_int_equal(iommu_counter_start(f.unit, counter), IOMMU_EIO);
	f.is_narrow = false;
	use(0, 4);
	assert_int_equal(counted(counter), 2);
	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	use(0, 8);
	assert_int_equal(counted(counter), 10);
	free_counter(counter);
	end();
}

/* A start of one that runs may fail, and takes nothing from it. */
static void a_second_start_that_fails(void **state)
{
	const struct iommu_model_riscv_faults liar = {
		.lies = true, .lying_register = RISCV_IOCOUNTINH, .lie = UINT32_MAX};
	const struct iommu_model_riscv_faults none = {0};
	unsigned int counter;

	(void)state;
	begin(0);
	counter = started(&requests);
	use(0, 2);
	iommu_model_riscv_misbehave(f.model, &liar);
	assert_int_equal(iommu_counter_start(f.unit, counter), IOMMU_EIO);
	iommu_model_riscv_misbehave(f.model, &none);
	use(0, 3);
	assert_int_equal(counted(counter), 5);
	free_counter(counter);
	end();
}

static void a_counter_that_does_not_come_back(void **state)
{
	const struct iommu_model_riscv_faults deaf = {.deaf_register = RISCV_IOCOUNTINH};
	const struct iommu_model_riscv_faults none = {0};
	unsigned int counter;
	uint64_t value;

	(void)state;
	begin(0);
	counter = started(&requests);
	use(0, 2);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_riscv_misbehave(f.model, &deaf);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(iommu_counter_read(f.unit, counter, &value), IOMMU_EIO);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_counter_read(f.unit, counter, &value), IOMMU_EIO);
	assert_int_equal(iommu_counter_start(f.unit, counter), 0);
	assert_int_equal(counted(counter), 2);
	use(0, 1);
	assert_int_equal(counted(counter), 3);
	free_counter(counter);
	end();
}

static void a_unit_with_counters_is_not_removed(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERY, .counters = 2};
	unsigned int counter;

	(void)state;
	memset(&f, 0, sizeof(f));
	begin_with(&model, NULL, 0);
	counter = started(&requests);
	assert_int_equal(iommu_riscv_remove_unit(f.unit), IOMMU_EBUSY);
	free_counter(counter);
	counter = started(&cycles);
	free_counter(counter);
	assert_int_equal(iommu_riscv_remove_unit(f.unit), 0);
	assert_int_equal(hw_read(RISCV_IOCOUNTINH, 4) & 7, 7);
	end();
}

/* What still counts when everything is given up is stopped. */
static void counters_that_are_left(void **state)
{
	(void)state;
	begin(0);
	(void)started(&requests);
	assert_int_equal(hw_read(RISCV_IOCOUNTINH, 4) & 0x1e, 0x1c);
	assert_int_equal(iommu_shutdown(f.iommu), 0);
	assert_int_equal(hw_read(RISCV_IOCOUNTINH, 4) & 0x1f, 0x1f);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_says_what_it_counts),
		cmocka_unit_test(a_unit_without_counters),
		cmocka_unit_test(a_unit_that_is_off),
		cmocka_unit_test(what_devices_do_is_counted),
		cmocka_unit_test(filtered_by_device),
		cmocka_unit_test(filtered_by_device_of_another_id),
		cmocka_unit_test(filtered_by_device_without_a_place),
		cmocka_unit_test(filtered_by_domain),
		cmocka_unit_test(a_first_stage_is_no_filter),
		cmocka_unit_test(filtered_by_pasid),
		cmocka_unit_test(what_cannot_be_counted),
		cmocka_unit_test(numbers_that_are_not_allocated),
		cmocka_unit_test(which_counter_is_chosen),
		cmocka_unit_test(registers_that_make_no_sense),
		cmocka_unit_test(a_filter_that_is_not_kept),
		cmocka_unit_test(counts_are_wider_than_counters),
		cmocka_unit_test(overflows_send_messages),
		cmocka_unit_test(an_overflow_on_the_way),
		cmocka_unit_test(an_overflow_of_before),
		cmocka_unit_test(an_overflow_that_stays),
		cmocka_unit_test(a_count_that_is_torn),
		cmocka_unit_test(how_often_a_count_is_read),
		cmocka_unit_test(an_overflow_in_a_stop),
		cmocka_unit_test(frozen_counters_do_not_count),
		cmocka_unit_test(registers_that_do_not_obey),
		cmocka_unit_test(a_unit_that_is_gone),
		cmocka_unit_test(counts_are_kept_over_a_suspend),
		cmocka_unit_test(asked_for_the_first_time_in_a_suspend),
		cmocka_unit_test(a_register_that_forgets),
		cmocka_unit_test(a_second_start_that_fails),
		cmocka_unit_test(a_counter_that_does_not_come_back),
		cmocka_unit_test(a_unit_with_counters_is_not_removed),
		cmocka_unit_test(counters_that_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
