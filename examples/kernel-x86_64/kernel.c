/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest kernel that does real DMA through tables that libiommu built.
 *
 * It starts up, fills in one host-services table, finds the VT-d units through firmware's DMAR
 * table and two "edu" devices by scanning PCI, and runs the scenario of tests/system/ on them.
 *
 * Command line:
 *   registers   invalidate through registers instead of the queue
 *   device-tlb  let the devices keep translations, as far as the library is concerned
 *   interrupts  remap interrupts, too
 *   x2apic      … with the CPU's interrupt controller in x2APIC mode
 *   interrupt-faults  expect that the unit records refused interrupts
 *   interrupts-only   the unit has no tables for DMA
 *   drivers     do it as an operating system does: back ends, bus events, the DMA mapping API
 *   pasids      use a device with PASIDs, and translations of its own
 *   page-requests  … that requests pages
 *   take-over   start a second and a third instance of the library over the first
 */
#include "machine.h"
#include "pages.h"
#include "pasid_device.h"
#include "services.h"

#include <iommu_x86_64.h>
#include <libiommu/iommu.h>

static struct iommu_x86_64 port;

static struct iommu_platform platform = {
	KERNEL_SERVICES,
	.direct_map_offset = DIRECT_MAP_OFFSET,
};

static bool has_word(const char *line, const char *word)
{
	const char *at;

	for (at = line; *at != '\0'; at++) {
		size_t i;

		if (at != line && at[-1] != ' ')
			continue;
		for (i = 0; word[i] != '\0' && at[i] == word[i]; i++)
			;
		if (word[i] == '\0' && (at[i] == '\0' || at[i] == ' '))
			return true;
	}
	return false;
}

static _Noreturn void stop(const char *why)
{
	console_text("cannot go on: ");
	console_text(why);
	console_text("\n");
	machine_exit(false);
}

static void line_set_entry(struct interrupt_line *line, uint64_t entry)
{
	(void)line;
	ioapic_set(entry);
}

static _Noreturn void use_pasids(struct scenario_machine *machine, bool page_requests)
{
	const unsigned int features = IOMMU_FEATURE_PASID | IOMMU_FEATURE_ATS |
				      (page_requests ? IOMMU_FEATURE_PAGE_REQUESTS : 0);
	static struct pci_device pci;
	static struct pasid_device device;

	if (pci_find(PASID_DEVICE_VENDOR, PASID_DEVICE_DEVICE, features, &pci, 1) != 1)
		stop("a device with PASIDs is needed");
	pasid_device_start(&device, &pci);
	device.info.name = "device P";
	interrupt_start(false);
	machine->interrupts_seen = interrupt_seen;
	machine->old_message_address = INTERRUPT_OLD_MESSAGE;
	machine_exit(scenario_pasids(machine, &device, page_requests));
}

static void *alloc_memory(uint64_t size)
{
	unsigned int order = 0;

	while ((4096ULL << order) < size)
		order++;
	return pages_alloc(order);
}

void kernel_main(uint64_t start_info)
{
	struct scenario_machine machine = {
		.say = console_text,
		.platform = &platform,
		.alloc = alloc_memory,
	};
	static struct pci_device found[2];
	static struct interrupt_line line = {.set_entry = line_set_entry, .pulse = edu_pulse};
	const char *command_line;
	const void *mcfg;
	size_t mcfg_size = 0;
	unsigned int i;

	console_start();
	if (!memory_start(start_info))
		stop("the start info describes no memory");
	iommu_x86_64_init(&port, clock_measure_tsc());
	iommu_x86_64_fill(&platform, &port);
	machine.dmar = acpi_find(start_info, "DMAR", &machine.dmar_size);
	if (machine.dmar == NULL)
		stop("firmware has no DMAR table: no VT-d here");
	mcfg = acpi_find(start_info, "MCFG", &mcfg_size);
	if (!pci_start(mcfg, mcfg_size))
		stop("there are more PCI functions than there is room for");
	if (pci_find(EDU_VENDOR, EDU_DEVICE, 0, found, 2) != 2)
		stop("two edu devices are needed");
	for (i = 0; i < 2; i++)
		edu_start(&machine.devices[i], &found[i]);
	machine.topology = pci_topology();
	machine.devices[0].info.name = "device A";
	machine.devices[1].info.name = "device B";
	command_line = start_info_command_line(start_info);
	if (has_word(command_line, "registers"))
		machine.vtd_options.flags |= IOMMU_VTD_REGISTER_INVALIDATION;
	for (i = 0; i < 2; i++)
		machine.devices[i].info.device_tlb = has_word(command_line, "device-tlb");
	if (has_word(command_line, "interrupts")) {
		machine.x2apic = has_word(command_line, "x2apic");
		machine.records_interrupt_faults = has_word(command_line, "interrupt-faults");
		interrupt_start(machine.x2apic);
		line.ioapic = ioapic_id();
		line.data = &machine.devices[0];
		machine.line = &line;
		machine.interrupts_seen = interrupt_seen;
		machine.old_message_address = INTERRUPT_OLD_MESSAGE;
	}
	if (has_word(command_line, "pasids"))
		use_pasids(&machine, has_word(command_line, "page-requests"));
	if (has_word(command_line, "interrupts-only"))
		machine_exit(scenario_interrupts_only(&machine));
	if (has_word(command_line, "drivers"))
		machine_exit(scenario_drivers(&machine));
	machine_exit(has_word(command_line, "take-over") ? scenario_take_over(&machine)
							 : scenario_run(&machine));
}
