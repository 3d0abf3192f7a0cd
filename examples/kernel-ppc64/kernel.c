/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest kernel that does real DMA through TCEs that libiommu wrote.
 *
 * It reads the kind of machine from the device tree, fills in one host-services table, finds two
 * "edu" devices by scanning PCI, and runs a scenario of tests/system/ on them: on a bare machine
 * through tables that the host bridge walks, under a hypervisor through its calls.
 */
#include "machine.h"
#include "pages.h"
#include "services.h"

/* The memory that is used: above the image, below firmware. */
#define MEMORY_SIZE (64ULL << 20)

extern char kernel_end[];

static struct machine machine;

void console_text(const char *text)
{
	size_t size = 0;

	while (text[size] != '\0')
		size++;
	machine.console(&machine, text, size);
}

/* The CPU is in real mode: virtual addresses are physical ones. */
static struct iommu_platform platform = {
	KERNEL_SERVICES,
};

static void *alloc_memory(uint64_t size)
{
	unsigned int order = 0;

	while ((4096ULL << order) < size)
		order++;
	return pages_alloc(order);
}

static _Noreturn void finish(bool success)
{
	/* The exit status of the machine says nothing: the log must. */
	console_text(success ? "kernel: PASSED\n" : "kernel: FAILED\n");
	machine.power_off(&machine);
	for (;;)
		;
}

static _Noreturn void stop(const char *why)
{
	console_text("cannot go on: ");
	console_text(why);
	console_text("\n");
	finish(false);
}

static bool memory_start(const struct tree *tree)
{
	const uint64_t start = ((uint64_t)kernel_end + 0x1fffff) & ~0x1fffffULL;
	const uint64_t end = start + MEMORY_SIZE;
	uint64_t reserved, size;
	uint32_t node = 0;
	unsigned int i;

	if (!tree_find(tree, "memory@0", &node) || tree_two_cells(tree, node, "reg", 0) != 0 ||
	    tree_two_cells(tree, node, "reg", 2) < end)
		return false;
	for (i = 0; tree_reservation(tree, i, &reserved, &size); i++)
		if (reserved < end && start < reserved + size)
			return false;
	pages_start(start, end);
	return true;
}

static uint64_t timebase(const struct tree *tree)
{
	uint32_t node = 0;
	uint64_t hz = 0;

	while (hz == 0 && tree->next(tree, &node))
		if (tree_has_string(tree, node, "device_type", "cpu"))
			hz = tree_cell(tree, node, "timebase-frequency", 0, 0);
	return hz;
}

static void use_devices(struct scenario_machine *base, const struct pci_device found[2])
{
	static struct edu edus[2];
	unsigned int i;

	base->say = console_text;
	base->platform = &platform;
	base->alloc = alloc_memory;
	for (i = 0; i < 2; i++) {
		edus[i] = (struct edu){&machine, found[i]};
		edu_start(&base->devices[i], &edus[i]);
	}
	base->devices[0].info.name = "device A";
	base->devices[1].info.name = "device B";
}

/* --- Bare machines ---------------------------------------------------------------------------- */

static uint64_t page_sizes(const struct tree *tree, uint32_t node)
{
	uint64_t sizes = 0;
	uint32_t i, shift;

	for (i = 0; (shift = tree_cell(tree, node, "ibm,supported-tce-sizes", i, 64)) < 64; i++)
		sizes |= 1ULL << shift;
	return sizes != 0 ? sizes : 1ULL << 12 | 1ULL << 16;
}

/* The first address behind all of memory. */
static uint64_t memory_end(const struct tree *tree)
{
	uint32_t node = 0;
	uint64_t end = 0;

	while (tree_find(tree, "memory@", &node)) {
		const uint64_t own =
			tree_two_cells(tree, node, "reg", 0) + tree_two_cells(tree, node, "reg", 2);

		if (own > end)
			end = own;
	}
	return end;
}

/* The first node is the root, whose name is empty. */
static bool is_machine(const struct tree *tree, const char *name)
{
	uint32_t root = 0;

	return tree_find(tree, "", &root) && tree_has_string(tree, root, "compatible", name);
}

static _Noreturn void run_opal(void)
{
	static struct opal_machine m;
	static struct pci_device found[2];
	static struct bridge bridge;
	const struct tree *tree = &machine.tree;
	uint32_t node = 0;
	unsigned int count = 0;

	while (count != 2 && tree_find(tree, "pciex@", &node)) {
		bridge_open(&machine, &bridge, node);
		bridge.id = tree_two_cells(tree, node, "ibm,opal-phbid", 0);
		count = pci_start(&machine, &bridge, EDU_VENDOR, EDU_DEVICE, found, 2);
	}
	if (count != 2)
		stop("two edu devices are needed behind one bridge");
	m.opal = (struct iommu_opal_config){
		.phb = bridge.id,
		.pes = tree_cell(tree, bridge.node, "ibm,opal-num-pes", 0, 1),
		.reserved_pe = tree_cell(tree, bridge.node, "ibm,opal-reserved-pe", 0, 0),
		.call = iommu_ppc64_opal_call,
		.ctx = &machine.port,
		.page_sizes = page_sizes(tree, bridge.node),
		/* POWER8's firmware has no call that invalidates a bridge's cache. */
		.registers = tree_has_string(tree, bridge.node, "compatible", "ibm,power8-pciex")
				     ? tree_two_cells(tree, bridge.node, "reg", 0)
				     : 0,
		.memory_end = memory_end(tree),
		.output_bits = 50,
		.window_bits = 48,
		.reserved_start = bridge.bus_address,
		.reserved_last = bridge.bus_address + bridge.size - 1,
		.register_is_silent = is_machine(tree, "qemu,powernv8"),
		.has_eeh = true,
		.diagnostics_size = tree_cell(tree, bridge.node, "ibm,phb-diag-data-size", 0, 0),
	};
	use_devices(&m.base, found);
	finish(scenario_opal(&m));
}

/* --- Guests ----------------------------------------------------------------------------------- */

/* The window of a bridge, as the device tree has it. */
static bool window_of(const struct tree *tree, uint32_t node, struct iommu_tce_papr_config *config)
{
	const uint32_t address_cells = tree_cell(tree, node, "ibm,#dma-address-cells", 0, 2);
	const uint32_t size_cells = tree_cell(tree, node, "ibm,#dma-size-cells", 0, 2);
	struct iommu_papr_window window;
	const void *property;
	uint32_t rtas = 0;
	uint32_t size = 0;

	property = tree->property(tree, node, "ibm,dma-window", &size);
	if (iommu_papr_parse_window(property, size, address_cells, size_cells, &window) != 0)
		return false;
	config->liobn = window.liobn;
	config->table.platform = &platform;
	config->table.page_shift = window.page_shift;
	config->table.first_page = window.address >> window.page_shift;
	config->table.entries = window.size >> window.page_shift;
	config->call = iommu_ppc64_hypercall;
	config->has_multiple =
		tree_find(tree, "rtas", &rtas) &&
		tree_has_string(tree, rtas, "ibm,hypertas-functions", "hcall-multi-tce");
	return true;
}

/* The tokens for dynamic windows. A property is valid until the next is read. */
static bool ddw_of(const struct tree *tree, const struct bridge *bridge, uint16_t source_id,
		   struct iommu_papr_ddw *ddw)
{
	unsigned char applicable[12];
	uint32_t size = 0;
	const void *property = tree->property(tree, bridge->node, "ibm,ddw-applicable", &size);

	if (property == NULL || size != sizeof(applicable))
		return false;
	__builtin_memcpy(applicable, property, sizeof(applicable));
	property = tree->property(tree, bridge->node, "ibm,ddw-extensions", &size);
	if (iommu_papr_parse_ddw(applicable, sizeof(applicable), property,
				 property != NULL ? size : 0, ddw) != 0)
		return false;
	ddw->platform = &platform;
	ddw->config_address = (uint32_t)source_id << 8;
	ddw->bridge = bridge->id;
	ddw->rtas = pseries_rtas;
	ddw->ctx = &machine;
	return true;
}

static _Noreturn void run_papr(void)
{
	static struct papr_machine m;
	static struct bridge bridges[2];
	static struct pci_device found[2];
	const struct tree *tree = &machine.tree;
	unsigned int count = 0;
	uint32_t node = 0;

	while (count < 2 && tree_find(tree, "pci@", &node)) {
		bridge_open(&machine, &bridges[count], node);
		bridges[count].id = tree_two_cells(tree, node, "reg", 0);
		if (pci_start(&machine, &bridges[count], EDU_VENDOR, EDU_DEVICE, &found[count],
			      1) != 1)
			continue;
		if (!window_of(tree, node, &m.windows[count]))
			stop("a bridge has no window");
		count++;
	}
	if (count != 2)
		stop("two bridges are needed, with an edu device each");
	if (!ddw_of(tree, &bridges[0], found[0].source_id, &m.ddw))
		stop("no windows can be asked for");
	m.memory_end = memory_end(tree);
	use_devices(&m.base, found);
	finish(scenario_papr(&m));
}

void kernel_main(const void *flat_tree, uint64_t open_firmware);

void kernel_main(const void *flat_tree, uint64_t open_firmware)
{
	bool is_bare;

	if (!fdt_open(&machine.tree, flat_tree) &&
	    !open_firmware_open(&machine.tree, open_firmware))
		for (;;)
			; /* no console either */
	is_bare = powernv_start(&machine);
	if (!is_bare && !pseries_start(&machine))
		for (;;)
			;
	console_text("a ");
	console_text(machine.name);
	console_text(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? " machine, little-endian\n"
							       : " machine, big-endian\n");
	if (!memory_start(&machine.tree))
		stop("memory is not where it is needed");
	machine.port.timebase_hz = timebase(&machine.tree);
	if (machine.port.timebase_hz == 0)
		stop("the time base has no frequency");
	iommu_ppc64_fill(&platform, &machine.port);
	if (is_bare)
		run_opal();
	run_papr();
}
