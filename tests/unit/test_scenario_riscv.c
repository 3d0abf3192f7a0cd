/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario of the RISC-V IOMMU, the very file that runs in the kernel under QEMU,
 * against the model, in many kinds of hardware. With the argument "--print", and words for what
 * differs, the transcript of one run goes to the console, for comparison with QEMU's.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/hw/riscv_registers.h>
#include <libiommu/model_riscv.h>

#include "scenario_memory.h"
#include "scenario_riscv.h"
#include "test.h"

#define MEMORY_BASE     0x80000000ULL
#define MEMORY_SIZE     (16ULL << 20)
#define REGISTERS       0x3010000ULL
#define BUFFER_SIZE     4096
#define ACCESS_SIZE     4 /* of a device: each has a fault of its own */

#define MESSAGE_ADDRESS 0x24000000ULL
#define MESSAGE_DATA    0x15

/* A unit as QEMU's is. */
#define OF_QEMU                                                                                    \
	(RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 | RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 |  \
	 RISCV_CAP_SV57X4 | RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF | RISCV_CAP_ATS |              \
	 RISCV_CAP_HPM | RISCV_CAP_DBG | RISCV_CAP_PD8)
#define WIRES_TOO ((uint64_t)RISCV_INTERRUPTS_BOTH << 28)

static struct {
	struct iommu_model_riscv *model;
	unsigned char buffers[3][BUFFER_SIZE]; /* of the devices */
	unsigned int interrupts;
} f;

static unsigned char *const register_base = (unsigned char *)0x7000;

/* --- Registers and interrupts ----------------------------------------------------------------- */

static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	assert_int_equal(paddr, REGISTERS);
	assert_int_equal(size, RISCV_REGISTERS_SIZE);
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

	assert_true(offset < RISCV_REGISTERS_SIZE);
	return offset;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_riscv_mmio_read(f.model, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_riscv_mmio_read(f.model, offset_of(reg), 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	iommu_model_riscv_mmio_write(f.model, offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_riscv_mmio_write(f.model, offset_of(reg), 8, value);
}

static bool message_arrives(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	assert_int_equal(address, MESSAGE_ADDRESS);
	assert_int_equal(data, MESSAGE_DATA);
	f.interrupts++;
	return true;
}

static void wire_changes(void *ctx, unsigned int vector, bool level)
{
	(void)ctx;
	(void)vector;
	f.interrupts += level;
}

static void page_answer(void *ctx, const struct iommu_model_riscv_page_answer *answer)
{
	(void)ctx;
	fail_msg("an answer to a request of device %#x that nothing asked for", answer->device_id);
}

static unsigned int interrupts_seen(void)
{
	return f.interrupts;
}

static void interrupts_handled(void)
{
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* Access by access, as QEMU's device does: one that is refused does not end the transfer. */
static bool transfer(uint16_t source_id, unsigned char *buffer, uint32_t process, iommu_iova_t iova,
		     size_t size, bool is_write)
{
	struct iommu_model_riscv_request request = {
		.device_id = source_id,
		.has_process = process != 0,
		.process_id = process,
		.access = is_write ? IOMMU_PROT_WRITE : IOMMU_PROT_READ,
	};
	struct iommu_model_riscv_translation where;
	bool passed = true;
	size_t i;

	for (i = 0; i < size; i += ACCESS_SIZE) {
		request.address = iova + i;
		if (iommu_model_riscv_translate(f.model, &request, &where) != 0) {
			passed = false;
			continue;
		}
		passed = (is_write ? scenario_write(NULL, where.paddr, buffer + i, ACCESS_SIZE)
				   : scenario_read(NULL, where.paddr, buffer + i, ACCESS_SIZE)) &&
			 passed;
	}
	return passed;
}

static void device_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	(void)transfer(device->info.source_id, device->data, 0, iova, size, false);
}

static void device_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	(void)transfer(device->info.source_id, device->data, 0, iova, size, true);
}

/* The message of the first device. */
static uint64_t message_address;
static uint32_t message_data;

static void set_message(struct dma_device *device, uint64_t address, uint32_t data)
{
	(void)device;
	message_address = address;
	message_data = data;
}

static void device_interrupt(struct dma_device *device)
{
	const struct iommu_model_riscv_request request = {
		.device_id = device->info.source_id,
		.address = message_address,
		.access = IOMMU_PROT_WRITE,
	};
	struct iommu_model_riscv_message message;

	if (iommu_model_riscv_interrupt(f.model, &request, message_data, &message) == 0 &&
	    message.is_due)
		assert_true(scenario_write(NULL, message.address, &message.data, 4));
}

static bool process_copy(struct riscv_process_device *device, uint32_t process, iommu_iova_t iova,
			 size_t size, bool to_memory)
{
	return transfer(device->info.source_id, device->data, process, iova, size, to_memory);
}

/* --- Runs ------------------------------------------------------------------------------------- */

/* A kind of hardware, and of what the host makes of it. */
struct kind {
	struct iommu_model_riscv_config model;
	enum iommu_stage stage;
	bool wires, processes;
};

static void begin(const struct kind *kind)
{
	struct iommu_model_riscv_config config = kind->model;
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
	config.host = (struct iommu_model_riscv_host){
		.read = scenario_read,
		.write = scenario_write,
		.compare_exchange = scenario_compare_exchange,
		.interrupt = message_arrives,
		.wire = wire_changes,
		.page_answer = page_answer,
		.misuse = scenario_refuse_misuse,
	};
	assert_int_equal(iommu_model_riscv_create(&config, &f.model), 0);
}

/* An instance that was taken over has left everything where it was. */
static void end(bool leaves_all)
{
	iommu_model_riscv_destroy(f.model);
	scenario_memory_end(leaves_all);
}

static bool run(const struct kind *kind, bool (*scenario)(struct riscv_machine *),
		void (*say)(const char *text))
{
	static struct riscv_process_device process_device;
	struct riscv_machine machine = {
		.base = {.say = say,
			 .platform = &scenario_host.platform,
			 .alloc = scenario_memory_alloc},
		.unit = {.registers = REGISTERS,
			 .flags = kind->wires ? IOMMU_RISCV_WIRES : 0U,
			 .faults_per_second = IOMMU_RISCV_FAULTS_UNBOUNDED},
		.stage = kind->stage,
		.resets_bare = kind->model.resets_bare,
		.message_address = kind->wires ? 0 : MESSAGE_ADDRESS,
		.message_data = kind->wires ? 0 : MESSAGE_DATA,
		.interrupts_seen = interrupts_seen,
		.interrupts_handled = interrupts_handled,
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
	process_device = (struct riscv_process_device){
		.info = {.source_id = 0x30, .name = "device P"},
		.copy = process_copy,
		.data = f.buffers[2],
	};
	if (kind->processes)
		machine.process_device = &process_device;
	passed = scenario(&machine);
	/* What failed is shown, rather than what it has left. */
	end(!passed || scenario == scenario_riscv_take_over);
	return passed;
}

static void holds_in(const struct kind *kind, bool (*scenario)(struct riscv_machine *))
{
	if (!run(kind, scenario, scenario_say_nothing)) {
		(void)run(kind, scenario, scenario_say_aloud);
		fail();
	}
}

static void holds(const struct kind *kind)
{
	holds_in(kind, scenario_riscv);
	holds_in(kind, scenario_riscv_take_over);
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void holds_on_every_kind_of_unit(void **state)
{
	static const struct kind kinds[] = {
		{.processes = true},
		{.model = {.capabilities = OF_QEMU}, .processes = true},
		{.model = {.resets_bare = true}},
		{.model = {.cache_entries = SIZE_MAX}},
		{.model = {.cache_entries = 4}, .processes = true},
		{.model = {.forget_seed = 7}, .processes = true},
		{.model = {.strict = IOMMU_MODEL_RISCV_LAZY}, .processes = true},
		{.model = {.strict = IOMMU_MODEL_RISCV_WILD_RESET}, .processes = true},
		{.model = {.levels = 1 << 3}},
		{.model = {.vectors = 1}},
		{.model = {.queue_max = 9}},
		{.model = {.capabilities = OF_QEMU | WIRES_TOO}, .wires = true},
		{.model = {.capabilities = OF_QEMU & ~RISCV_CAP_DBG}},
		/* Ranges and entries above leaves in one command. */
		{.model = {.capabilities = OF_QEMU | RISCV_CAP_NL | RISCV_CAP_S},
		 .processes = true},
		/* Contexts of the smaller format. */
		{.model = {.capabilities = OF_QEMU & ~(RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF)}},
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

static void holds_with_one_stage(void **state)
{
	static const struct kind kinds[] = {
		{.model = {.capabilities = RISCV_CAP_SV39}},
		{.model = {.capabilities = RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57}},
		{.model = {.capabilities = RISCV_CAP_SV39X4}},
		{.model = {.capabilities = RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4 |
					   RISCV_CAP_MSI_FLAT}},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		holds(&kinds[i]);
}

/* The run that the words of a command line ask for, printed. */
static bool print(int words, char **word)
{
	struct kind kind = {.model = {.capabilities = OF_QEMU}};
	bool (*scenario)(struct riscv_machine *) = scenario_riscv;
	int i;

	for (i = 0; i < words; i++) {
		if (strcmp(word[i], "second") == 0) {
			kind.stage = IOMMU_STAGE_SECOND;
		} else if (strcmp(word[i], "wires") == 0) {
			kind.wires = true;
			kind.model.capabilities |= WIRES_TOO;
		} else if (strcmp(word[i], "processes") == 0) {
			kind.processes = true;
		} else if (strcmp(word[i], "take-over") == 0) {
			scenario = scenario_riscv_take_over;
		}
	}
	return run(&kind, scenario, scenario_say_aloud);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_on_every_kind_of_unit),
		cmocka_unit_test(holds_with_one_stage),
	};

	if (argc >= 2 && strcmp(argv[1], "--print") == 0)
		return print(argc - 2, argv + 2) ? 0 : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
