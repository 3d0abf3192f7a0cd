/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario, the very file that runs in the kernel under QEMU, against the model, in many
 * kinds of hardware. With the argument "--print" (and "first-stage" or "second-stage", "take-over"
 * or "drivers") the transcript of one run goes to the console, for comparison with QEMU's.
 */
#include <stdio.h>
#include <string.h>

#include "model_machine.h"
#include "test.h"

static struct model_machine machine;

static void say_nothing(const char *text)
{
	(void)text;
}

static void say_aloud(const char *text)
{
	fputs(text, stdout);
}

static void *scenario_alloc(uint64_t size)
{
	const iommu_paddr_t paddr =
		model_machine_take(&machine, (unsigned int)(size / IOMMU_PAGE_SIZE));

	return paddr != 0 ? model_machine_bytes(&machine, paddr) : NULL;
}

/* --- Interrupts: what a CPU would see of them ------------------------------------------------- */

static struct {
	bool x2apic;
	uint64_t address[2];
	uint32_t data[2];
	unsigned int seen[256];
	uint64_t entry;
} cpu;

static unsigned int interrupts_seen(unsigned int vector)
{
	return cpu.seen[vector];
}

static void send(uint16_t source_id, uint64_t address, uint32_t data)
{
	struct iommu_model_interrupt interrupt;

	if (iommu_model_vtd_interrupt(machine.units[0], source_id, address, data, &interrupt) != 0)
		return;
	if (interrupt.unchanged)
		cpu.seen[data & 0xff]++;
	else if (interrupt.logical == cpu.x2apic && interrupt.destination == (cpu.x2apic ? 1 : 0))
		cpu.seen[interrupt.vector]++;
}

static unsigned int number_of(const struct dma_device *device)
{
	return device->info.source_id == 0x20 ? 0 : 1;
}

static void set_message(struct dma_device *device, uint64_t address, uint32_t data)
{
	cpu.address[number_of(device)] = address;
	cpu.data[number_of(device)] = data;
}

static void device_interrupt(struct dma_device *device)
{
	send(device->info.source_id, cpu.address[number_of(device)], cpu.data[number_of(device)]);
}

#define IOAPIC_ID     9
#define IOAPIC_SOURCE 0xf0f8

static void line_set_entry(struct interrupt_line *line, uint64_t entry)
{
	(void)line;
	cpu.entry = entry;
}

/* The message that an I/O APIC makes of a redirection entry. */
static void line_pulse(struct interrupt_line *line)
{
	const uint64_t entry = cpu.entry;

	(void)line;
	if ((entry >> 16 & 1) == 0)
		send(IOAPIC_SOURCE,
		     0xfee00000 | (entry >> 48 & 0xffff) << 4 | (entry >> 11 & 1) << 2,
		     (uint32_t)entry & 0xff);
}

static void make_dmar(void)
{
	const struct iommu_pci_hop hop = {IOAPIC_SOURCE >> 3 & 31, IOAPIC_SOURCE & 7};
	struct iommu_dmar_builder builder;
	int size;

	iommu_dmar_begin(&builder, machine.dmar, sizeof(machine.dmar), 46, DMAR_FLAG_INTR_REMAP);
	iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(0), 4096, true);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_IOAPIC, IOAPIC_ID, IOAPIC_SOURCE >> 8, &hop, 1);
	iommu_dmar_add_ports(&builder, 0, true);
	size = iommu_dmar_finish(&builder, "TEST", "SCENARIO");
	assert_true(size > 0);
	machine.dmar_size = (size_t)size;
}

/* Shared memory is taken by the library, for devices. */
static void lend(void *page, bool is_lent)
{
	model_machine_mark(&machine, iommu_virt_to_phys(&machine.platform, page), 1,
			   is_lent ? PAGE_DEVICE : PAGE_TABLE);
}

/* --- Runs ------------------------------------------------------------------------------------- */

static bool run(const struct iommu_model_vtd_config *config, unsigned int vtd_flags,
		bool (*scenario)(struct scenario_machine *), void (*say)(const char *text))
{
	struct interrupt_line line = {
		.ioapic = IOAPIC_ID, .set_entry = line_set_entry, .pulse = line_pulse};
	struct scenario_machine host = {
		.say = say,
		.platform = &machine.platform,
		.alloc = scenario_alloc,
		.lend = lend,
		.vtd_options = {.flags = vtd_flags, .timeout_ns = 50000000},
	};
	unsigned int i;
	bool passed;

	memset(&cpu, 0, sizeof(cpu));
	model_machine_init(&machine, 1, config);
	host.devices[0] = model_device_for_scenario(model_machine_add_device(&machine, 0, 0x20));
	host.devices[1] = model_device_for_scenario(model_machine_add_device(&machine, 0, 0x28));
	host.devices[0].info.name = "device A";
	host.devices[1].info.name = "device B";
	for (i = 0; i < 2; i++) {
		host.devices[i].set_message = set_message;
		host.devices[i].interrupt = device_interrupt;
		if ((config->flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0)
			host.devices[i].info.device_tlb = machine.devices[i].tlb_is_off = true;
	}
	if ((config->flags & IOMMU_MODEL_VTD_INTERRUPT_REMAPPING) != 0) {
		host.interrupts_seen = interrupts_seen;
		host.line = &line;
		host.old_message_address = 0xfee00000;
		host.blocks_old_format = true;
		host.records_interrupt_faults = true;
		host.x2apic = cpu.x2apic = (config->flags & IOMMU_MODEL_VTD_X2APIC) != 0;
	}
	make_dmar();
	host.dmar = machine.dmar;
	host.dmar_size = machine.dmar_size;
	passed = scenario(&host);
	/* Instances that were taken over have left everything where it was. */
	if (scenario == scenario_take_over) {
		machine.pages_in_use = 0;
		machine.mapped = 0;
	}
	model_machine_destroy(&machine);
	return passed;
}

static void holds_in(const struct iommu_model_vtd_config *config, unsigned int vtd_flags,
		     bool (*scenario)(struct scenario_machine *))
{
	if (!run(config, vtd_flags, scenario, say_nothing)) {
		(void)run(config, vtd_flags, scenario, say_aloud);
		fail();
	}
}

static void holds(const struct iommu_model_vtd_config *config, unsigned int vtd_flags)
{
	holds_in(config, vtd_flags, scenario_run);
	holds_in(config, vtd_flags, scenario_drivers);
	holds_in(config, vtd_flags, scenario_take_over);
}

static void holds_on_every_kind_of_unit(void **state)
{
	static const unsigned int kinds[] = {
		0,
		IOMMU_MODEL_VTD_CACHING_MODE,
		IOMMU_MODEL_VTD_NONCOHERENT,
		IOMMU_MODEL_VTD_NO_QUEUE,
		IOMMU_MODEL_VTD_NO_PAGES,
		IOMMU_MODEL_VTD_PASS_THROUGH,
		IOMMU_MODEL_VTD_WRITE_BUFFER,
		IOMMU_MODEL_VTD_PROTECTED_MEMORY,
		IOMMU_MODEL_VTD_SELF_INVALIDATING,
		IOMMU_MODEL_VTD_DEVICE_TLB,
		IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_NONCOHERENT |
			IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_NO_PAGES,
		IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_CACHING_MODE |
			IOMMU_MODEL_VTD_WRITE_BUFFER | IOMMU_MODEL_VTD_NONCOHERENT,
	};
	static const unsigned int widths[] = {39, 48, 57};
	size_t kind, width;

	(void)state;
	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (width = 0; width < 3; width++) {
			struct iommu_model_vtd_config config = {
				.flags = kinds[kind],
				.address_width = widths[width],
				.address_mask = 18,
			};

			holds(&config, 0);
			holds(&config, IOMMU_VTD_REGISTER_INVALIDATION);
			config.address_mask = 0;
			config.forget_seed = 7 + kind;
			holds(&config, 0);
		}
}

/* Interrupts only go with the queue, and so only without the option. */
static void holds_with_interrupts(void **state)
{
	static const unsigned int kinds[] = {
		0, IOMMU_MODEL_VTD_CACHING_MODE, IOMMU_MODEL_VTD_NONCOHERENT,
		IOMMU_MODEL_VTD_SELF_INVALIDATING, IOMMU_MODEL_VTD_X2APIC};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct iommu_model_vtd_config config = {
			.flags = kinds[i] | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
				 IOMMU_MODEL_VTD_PASS_THROUGH,
			.address_mask = 18,
		};

		holds(&config, 0);
	}
}

/* A unit of which QEMU's is one: scalable mode, and tables of the first stage alone. */
#define FIRST_STAGE_ONLY                                                                           \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_FIRST_STAGE)

static void holds_in_scalable_mode(void **state)
{
	static const unsigned int kinds[] = {
		0,
		IOMMU_MODEL_VTD_CACHING_MODE,
		IOMMU_MODEL_VTD_NONCOHERENT | IOMMU_MODEL_VTD_PASS_THROUGH,
		IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASID,
		IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_CACHING_MODE |
			IOMMU_MODEL_VTD_NO_PAGES,
		IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_SELF_INVALIDATING,
	};
	static const unsigned int widths[] = {39, 48, 57};
	size_t kind, width;

	(void)state;
	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (width = 0; width < 3; width++) {
			const struct iommu_model_vtd_config config = {
				.flags = kinds[kind] | IOMMU_MODEL_VTD_SCALABLE,
				.address_width = widths[width],
				.address_mask = 18,
			};

			holds(&config, 0);
			/* The same unit, as it was before there was such a mode. */
			holds(&config, IOMMU_VTD_LEGACY_MODE);
		}
}

static void holds_with_first_stages(void **state)
{
	static const unsigned int kinds[] = {
		0,
		IOMMU_MODEL_VTD_CACHING_MODE,
		IOMMU_MODEL_VTD_NONCOHERENT | IOMMU_MODEL_VTD_PASS_THROUGH,
		IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASID,
		IOMMU_MODEL_VTD_FIRST_STAGE_5,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct iommu_model_vtd_config config = {
			.flags = kinds[i] | FIRST_STAGE_ONLY,
			.address_mask = 18,
		};

		holds(&config, 0);
	}
}

static void holds_with_small_caches_and_slow_commands(void **state)
{
	const struct iommu_model_vtd_config config = {
		.cache_entries = 2, .pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G};

	(void)state;
	holds(&config, 0);
}

/* The run that the words of a command line ask for, printed. */
static bool print(int words, char **word)
{
	struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_NONCOHERENT,
		.address_mask = 18,
		.fault_records = 1,
	};
	bool (*scenario)(struct scenario_machine *) = scenario_run;
	int i;

	for (i = 0; i < words; i++) {
		if (strcmp(word[i], "first-stage") == 0)
			config.flags |= FIRST_STAGE_ONLY;
		else if (strcmp(word[i], "second-stage") == 0)
			config.flags |= IOMMU_MODEL_VTD_SCALABLE;
		else if (strcmp(word[i], "take-over") == 0)
			scenario = scenario_take_over;
		else if (strcmp(word[i], "drivers") == 0)
			scenario = scenario_drivers;
	}
	return run(&config, 0, scenario, say_aloud);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_on_every_kind_of_unit),
		cmocka_unit_test(holds_with_interrupts),
		cmocka_unit_test(holds_in_scalable_mode),
		cmocka_unit_test(holds_with_first_stages),
		cmocka_unit_test(holds_with_small_caches_and_slow_commands),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print(argc - 2, argv + 2) ? 0 : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
