/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest kernel that does real DMA through tables that libiommu built, on a RISC-V machine.
 *
 * It finds everything through the device tree: console, memory, the IOMMU, which is a device of the
 * platform or a PCI function, and its interrupts. It fills in one host-services table, finds two
 * "edu" devices by scanning PCI, and runs the scenario of tests/system/ on them.
 *
 * Command line:
 *   first, second  the stage of the devices' domains, rather than the unit's best
 *   wires      the unit's interrupts by wires, rather than as messages
 *   old        this is QEMU before its version 11
 *   processes  a third device uses process ids (PASIDs)
 *   one-level  a directory of one level, for the devices of the first eight slots
 *   take-over  start a second instance of the library over the first
 */
#include "machine.h"
#include "pasid_device.h"

#define CLASS_IOMMU   0x080600
#define DIRECTORY     0x10 /* the unit's register of the device directory */
#define DIRECTORY_OFF 0
#define DIRECTORY_ANY 0xf
#define IDS_MAX       16
#define ONE_LEVEL     6 /* bits of the ids of a directory of one level, of either format */

static struct iommu_riscv64 port = {.machine_mode = true};

static uint64_t timebase(const struct iommu_fdt *tree)
{
	struct iommu_fdt_node node;
	const uint8_t *value;
	uint32_t size = 0;

	if (!tree_find_with(tree, "timebase-frequency", &node))
		return 0;
	value = iommu_fdt_property(tree, &node, "timebase-frequency", &size);
	return size >= 4 ? iommu_fdt_cell(value, 0) : 0;
}

/* The ids of PCI functions behind the unit. */
static unsigned int read_ids(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
			     const struct iommu_fdt_node *unit, struct iommu_riscv_ids *ids)
{
	const uint32_t phandle = iommu_fdt_phandle(tree, unit);
	struct iommu_fdt_map map = {0};
	unsigned int count = 0;

	while (count < IDS_MAX && iommu_fdt_next_map(tree, pci, &map))
		if (map.unit == phandle)
			ids[count++] = (struct iommu_riscv_ids){
				.first = (uint16_t)map.source,
				.last = (uint16_t)(map.source + map.count - 1),
				.device_id = map.id,
			};
	return count;
}

/* A unit that is a function of the bridge has to be started. */
static uint64_t start_function(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit,
			       struct pci_bridge *bridge)
{
	struct pci_device function;
	uint16_t source_id;

	if (iommu_fdt_get_function(tree, unit, &source_id) != 0 ||
	    pci_class(bridge, source_id) != CLASS_IOMMU)
		host_stop("the function that the tree names is no IOMMU");
	pci_start(bridge, source_id, &function);
	if (!pci_enable_messages(bridge, source_id))
		host_stop("the IOMMU sends no messages");
	return function.bar0;
}

/* The unit: a device of the platform, or a function of the bridge. */
static void find_unit(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
		      struct pci_bridge *bridge, struct iommu_fdt_node *unit,
		      struct iommu_riscv_config *config)
{
	static struct iommu_riscv_ids ids[IDS_MAX];

	if (tree_find(tree, "riscv,iommu", unit))
		config->registers = tree_address(tree, unit);
	else if (tree_find(tree, "riscv,pci-iommu", unit))
		config->registers = start_function(tree, unit, bridge);
	else
		host_stop("the device tree has no IOMMU");
	config->id_range_count = read_ids(tree, pci, unit, ids);
	config->id_ranges = ids;
	config->firmware_node = unit->name;
	/* The scenario counts faults, and is fast. */
	config->faults_per_second = IOMMU_RISCV_FAULTS_UNBOUNDED;
}

/* Of the ids that the tree names, those that such a directory has room for. */
static void keep_to_one_level(struct iommu_riscv_config *config)
{
	static const struct iommu_riscv_ids ids = {.first = 0, .last = (1 << ONE_LEVEL) - 1};

	config->device_id_bits = ONE_LEVEL;
	config->id_ranges = &ids;
	config->id_range_count = 1;
}

static void use_process_device(struct pci_bridge *bridge, struct riscv_machine *machine)
{
	static struct riscv_process_device device;
	struct pci_device pci;

	if (pci_find(bridge, 0, PASID_DEVICE_VENDOR, PASID_DEVICE_DEVICE, &pci, 1) != 1)
		host_stop("a device with PASIDs is needed");
	process_device_start(&device, &pci);
	device.info.name = "device P";
	machine->process_device = &device;
}

void kernel_main(const void *flat_tree);

void kernel_main(const void *flat_tree)
{
	static struct riscv_machine machine = {
		.base = {.say = console_text, .platform = &host_platform, .alloc = host_memory},
	};
	struct iommu_fdt_node pci, unit;
	struct pci_bridge bridge;
	struct iommu_fdt tree;

	if (iommu_fdt_open(&tree, flat_tree, IOMMU_FDT_MAX_SIZE) != 0 || !console_start(&tree))
		for (;;)
			; /* no console */
	if (!host_memory_start(&tree))
		host_stop("memory is not where it is needed");
	port.timebase_hz = timebase(&tree);
	if (port.timebase_hz == 0)
		host_stop("the time base has no frequency");
	iommu_riscv64_fill(&host_platform, &port);
	if (!pci_open(&tree, &pci, &bridge))
		host_stop("the device tree has no PCI");
	find_unit(&tree, &pci, &bridge, &unit, &machine.unit);
	edu_start_both(&bridge, 0, machine.base.devices);
	machine.stage = tree_has_word(&tree, "second")  ? IOMMU_STAGE_SECOND
			: tree_has_word(&tree, "first") ? IOMMU_STAGE_FIRST
							: IOMMU_STAGE_ANY;
	machine.is_old = tree_has_word(&tree, "old");
	machine.resets_bare =
		(read64(machine.unit.registers + DIRECTORY) & DIRECTORY_ANY) != DIRECTORY_OFF;
	if (tree_has_word(&tree, "wires"))
		machine.unit.flags = IOMMU_RISCV_WIRES;
	if (tree_has_word(&tree, "one-level"))
		keep_to_one_level(&machine.unit);
	if (!interrupts_start(&tree, &unit, tree_has_word(&tree, "wires"), &machine))
		host_stop("the unit's interrupts have nowhere to go");
	if (tree_has_word(&tree, "processes"))
		use_process_device(&bridge, &machine);
	machine_exit(tree_has_word(&tree, "take-over") ? scenario_riscv_take_over(&machine)
						       : scenario_riscv(&machine));
}
