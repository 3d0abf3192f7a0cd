/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario of Arm's SMMUv3, the very file that runs in the kernel under QEMU, against
 * the model, in many kinds of hardware. With the argument "--print", and words for what differs,
 * the transcript of one run goes to the console, for comparison with QEMU's.
 */
#include <string.h>

#include <libiommu/hw/smmu_registers.h>
#include <libiommu/model_smmu.h>

#include "scenario_memory.h"
#include "scenario_smmu.h"
#include "test.h"

#define MEMORY_BASE     0x40000000ULL
#define MEMORY_SIZE     (16ULL << 20)
#define REGISTERS       0x9050000ULL
#define REGISTERS_SIZE  0x20000U
#define BUFFER_SIZE     4096
#define ACCESS_SIZE     4 /* of a device: each has a fault of its own */

#define MESSAGE_ADDRESS 0x8090040ULL
#define MESSAGE_DATA    0x15

/* Units as QEMU's are, of versions 10 and 11. */
#define IDR0_OF_QEMU 0x0d44101bU
#define IDR1_OF_QEMU 0x02730010U
#define IDR3_OF_QEMU 0x1414U
#define IDR5_OF_QEMU 0x74U
#define AIDR_OF_QEMU 1U
#define OF_QEMU                                                                                    \
	.idr0 = IDR0_OF_QEMU, .idr1 = IDR1_OF_QEMU, .idr3 = IDR3_OF_QEMU, .idr5 = IDR5_OF_QEMU,    \
	.aidr = AIDR_OF_QEMU

static struct {
	struct iommu_model_smmu *model;
	unsigned char buffers[2][BUFFER_SIZE]; /* of the devices */
	unsigned int interrupts;
} f;

static unsigned char *const register_base = (unsigned char *)0x7000;

/* --- Registers and interrupts ----------------------------------------------------------------- */

static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	assert_int_equal(paddr, REGISTERS);
	assert_int_equal(size, REGISTERS_SIZE);
	return register_base;
}

static void unmap_registers(void *ctx, void *mapped, uint64_t size)
{
	(void)ctx;
	(void)size;
	assert_ptr_equal(mapped, register_base);
}

static uint64_t offset_of(const volatile void *reg)
{
	const uint64_t offset = (uintptr_t)reg - (uintptr_t)register_base;

	assert_true(offset < REGISTERS_SIZE);
	return offset;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_smmu_mmio_read(f.model, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_smmu_mmio_read(f.model, offset_of(reg), 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	iommu_model_smmu_mmio_write(f.model, offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_smmu_mmio_write(f.model, offset_of(reg), 8, value);
}

static uint32_t in_memory(uint32_t data)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? data : __builtin_bswap32(data);
}

/* To the controller of interrupts, or the completion of a command to memory. */
static bool message_arrives(void *ctx, uint64_t address, uint32_t data)
{
	const uint32_t bytes = in_memory(data);

	if (address != MESSAGE_ADDRESS)
		return scenario_write(ctx, address, &bytes, 4);
	assert_int_equal(data, MESSAGE_DATA);
	f.interrupts++;
	return true;
}

static void wire_rises(void *ctx, enum iommu_model_smmu_wire wire)
{
	(void)ctx;
	assert_int_not_equal(wire, IOMMU_MODEL_SMMU_WIRE_SYNC);
	f.interrupts++;
}

static void page_answer(void *ctx, const struct iommu_model_smmu_page_answer *answer)
{
	(void)ctx;
	fail_msg("an answer to a request of stream %#x that nothing asked for", answer->stream);
}

static void no_resumption(void *ctx, uint32_t stream, uint16_t tag,
			  enum iommu_model_smmu_resumption resumption)
{
	(void)ctx;
	(void)tag;
	(void)resumption;
	fail_msg("stream %#x goes on, and has not stopped", stream);
}

static unsigned int interrupts_seen(void)
{
	return f.interrupts;
}

static void interrupts_handled(void)
{
}

/* The faulty behaviour stays. */
static void lose_state(void)
{
	iommu_model_smmu_reset(f.model);
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* Access by access, as QEMU's device does: one that is refused does not end the transfer. */
static void transfer(const struct dma_device *device, iommu_iova_t iova, size_t size, bool is_write)
{
	struct iommu_model_smmu_request request = {
		.stream = device->info.source_id,
		.access = is_write ? IOMMU_PROT_WRITE : IOMMU_PROT_READ,
	};
	struct iommu_model_smmu_translation where;
	unsigned char *buffer = device->data;
	size_t i;

	for (i = 0; i < size; i += ACCESS_SIZE) {
		request.address = iova + i;
		if (iommu_model_smmu_translate(f.model, &request, &where) != 0)
			continue;
		if (is_write)
			(void)scenario_write(NULL, where.paddr, buffer + i, ACCESS_SIZE);
		else
			(void)scenario_read(NULL, where.paddr, buffer + i, ACCESS_SIZE);
	}
}

static void device_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	transfer(device, iova, size, false);
}

static void device_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	transfer(device, iova, size, true);
}

/* The message of the first device. */
static uint64_t message_address;
static uint32_t message_data;

static void set_message(struct dma_device *device, uint64_t address, uint32_t data)
{
	(void)device;
	message_address = address;
	message_data = in_memory(data);
}

static void device_interrupt(struct dma_device *device)
{
	const struct iommu_model_smmu_request request = {
		.stream = device->info.source_id,
		.address = message_address,
		.access = IOMMU_PROT_WRITE,
	};
	struct iommu_model_smmu_translation where;

	if (iommu_model_smmu_translate(f.model, &request, &where) == 0)
		assert_true(scenario_write(NULL, where.paddr, &message_data, 4));
}

/* --- Runs ------------------------------------------------------------------------------------- */

/* A kind of hardware, and of what the host makes of it. */
struct kind {
	struct iommu_model_smmu_config model;
	enum iommu_stage stage;
	bool wires;
	bool has_no_gbpa; /* it lets everything pass while it is off */
};

static void begin(const struct kind *kind)
{
	const struct iommu_model_smmu_faults faults = {.deaf_register =
							       kind->has_no_gbpa ? SMMU_GBPA : 0};
	struct iommu_model_smmu_config config = kind->model;
	struct iommu_platform *platform = &scenario_host.platform;

	scenario_memory_begin(MEMORY_BASE, MEMORY_SIZE);
	f.interrupts = 0;
	platform->map_mmio = map_registers;
	platform->unmap_mmio = unmap_registers;
	platform->mmio_read32 = read32;
	platform->mmio_read64 = read64;
	platform->mmio_write32 = write32;
	platform->mmio_write64 = write64;
	config.platform = &scenario_outside.platform;
	config.host = (struct iommu_model_smmu_host){
		.read = scenario_read,
		.write = scenario_write,
		.compare_exchange = scenario_compare_exchange,
		.interrupt = message_arrives,
		.wire = wire_rises,
		.page_answer = page_answer,
		.resume = no_resumption,
		.misuse = scenario_refuse_misuse,
	};
	assert_int_equal(iommu_model_smmu_create(&config, &f.model), 0);
	iommu_model_smmu_misbehave(f.model, &faults);
}

/* An instance that was taken over has left everything where it was. */
static void end(bool leaves_all)
{
	iommu_model_smmu_destroy(f.model);
	scenario_memory_end(leaves_all);
}

static bool has_messages(const struct kind *kind)
{
	return kind->model.idr0 == 0 || smmu_bits(kind->model.idr0, SMMU_IDR0_MSI) != 0;
}

static bool run(const struct kind *kind, bool (*scenario)(struct smmu_machine *),
		void (*say)(const char *text))
{
	const bool wires = kind->wires || !has_messages(kind);
	struct smmu_machine machine = {
		.base = {.say = say,
			 .platform = &scenario_host.platform,
			 .alloc = scenario_memory_alloc},
		.unit = {.registers = REGISTERS,
			 .flags = (kind->wires ? IOMMU_SMMU_WIRES : 0U) |
				  (kind->has_no_gbpa ? IOMMU_SMMU_PASSES_WHILE_OFF : 0U),
			 .faults_per_second = IOMMU_SMMU_FAULTS_UNBOUNDED},
		.stage = kind->stage,
		.is_old = kind->has_no_gbpa,
		.message_address = wires ? 0 : MESSAGE_ADDRESS,
		.message_data = wires ? 0 : MESSAGE_DATA,
		.interrupts_seen = interrupts_seen,
		.interrupts_handled = interrupts_handled,
		.lose_state = lose_state,
	};
	unsigned int i;
	bool passed;

	begin(kind);
	memset(f.buffers, 0xee, sizeof(f.buffers));
	for (i = 0; i < 2; i++) {
		struct dma_device *device = &machine.base.devices[i];

		device->read = device_read;
		device->write = device_write;
		device->set_message = set_message;
		device->interrupt = device_interrupt;
		device->data = f.buffers[i];
		device->info.source_id = (uint16_t)(0x20 + 8 * i);
		device->info.name = i == 0 ? "device A" : "device B";
	}
	passed = scenario(&machine);
	/* What failed is shown, rather than what it has left. */
	end(!passed || scenario == scenario_smmu_take_over);
	return passed;
}

static void holds_in(const struct kind *kind, bool (*scenario)(struct smmu_machine *))
{
	if (!run(kind, scenario, scenario_say_nothing)) {
		(void)run(kind, scenario, scenario_say_aloud);
		fail();
	}
}

static void holds(const struct kind *kind)
{
	holds_in(kind, scenario_smmu);
	holds_in(kind, scenario_smmu_take_over);
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void holds_on_every_kind_of_unit(void **state)
{
	static const struct kind kinds[] = {
		{.wires = false},
		{.wires = true},
		{.model = {OF_QEMU}},
		{.model = {OF_QEMU}, .has_no_gbpa = true},
		{.model = {.resets_aborting = true}},
		{.model = {.cache_entries = SIZE_MAX}},
		{.model = {.cache_entries = 4}},
		{.model = {.forget_seed = 7}},
		{.model = {.strict = IOMMU_MODEL_SMMU_LAZY}},
		{.model = {.strict = IOMMU_MODEL_SMMU_WILD_RESET}},
		{.model = {.strict = IOMMU_MODEL_SMMU_NO_GROUPS}},
	};
	static const enum iommu_stage stages[] = {IOMMU_STAGE_ANY, IOMMU_STAGE_FIRST,
						  IOMMU_STAGE_SECOND};
	size_t i, stage;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (stage = 0; stage < 3; stage++) {
			struct kind kind = kinds[i];

			kind.stage = stages[stage];
			holds(&kind);
		}
}

/* What QEMU's unit is not: without a stage, without ranges, with fewer granules, narrow. */
static void holds_with_less(void **state)
{
	static const struct kind kinds[] = {
		{.model = {.idr0 = IDR0_OF_QEMU & ~1U,
			   .idr1 = IDR1_OF_QEMU,
			   .idr3 = IDR3_OF_QEMU,
			   .idr5 = IDR5_OF_QEMU,
			   .aidr = AIDR_OF_QEMU}},
		{.model = {.idr0 = IDR0_OF_QEMU & ~2U,
			   .idr1 = IDR1_OF_QEMU,
			   .idr3 = IDR3_OF_QEMU,
			   .idr5 = IDR5_OF_QEMU,
			   .aidr = AIDR_OF_QEMU}},
		{.model = {.idr0 = IDR0_OF_QEMU,
			   .idr1 = IDR1_OF_QEMU,
			   .idr3 = 0,
			   .idr5 = 0x14,
			   .aidr = 0}},
		{.model = {.idr0 = IDR0_OF_QEMU,
			   .idr1 = 0x01080008,
			   .idr3 = IDR3_OF_QEMU,
			   .idr5 = 0x72,
			   .aidr = AIDR_OF_QEMU}},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		holds(&kinds[i]);
}

/* The run that the words of a command line ask for, printed. */
static bool print(int words, char **word)
{
	struct kind kind = {.model = {OF_QEMU}};
	bool (*scenario)(struct smmu_machine *) = scenario_smmu;
	int i;

	for (i = 0; i < words; i++) {
		if (strcmp(word[i], "second") == 0)
			kind.stage = IOMMU_STAGE_SECOND;
		else if (strcmp(word[i], "take-over") == 0)
			scenario = scenario_smmu_take_over;
	}
	return run(&kind, scenario, scenario_say_aloud);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_on_every_kind_of_unit),
		cmocka_unit_test(holds_with_less),
	};

	if (argc >= 2 && strcmp(argv[1], "--print") == 0)
		return print(argc - 2, argv + 2) ? 0 : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
