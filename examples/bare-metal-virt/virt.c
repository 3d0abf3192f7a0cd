/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest program that does protected DMA on a bare machine "virt", of Arm or RISC-V:
 * docs/bare-metal.md says what it shares with the one for a PC. It starts without firmware, finds
 * everything in the device tree, protects every device, lets QEMU's "edu" device copy from page to
 * page through what is mapped, takes the mapping away and shows how the next access is blocked.
 * QEMU's exit status: 0 if all was as expected.
 */
#include "virt.h"
#include "pages.h"

#define FUNCTIONS 32

static struct iommu *iommu;
static struct iommu_unit *unit;
static struct pci_bridge bridge;
static struct iommu_pci_function functions[FUNCTIONS];
static struct iommu_pci_topology topology = {.functions = functions};
static struct iommu_fault first_fault;

void kernel_main(const void *flat_tree);

/* --- Words ------------------------------------------------------------------------------------ */

static void need(const char *what, int status)
{
	if (status == 0)
		return;
	console_text(what);
	console_text(": ");
	console_text(iommu_strerror(status));
	if (iommu != NULL && iommu_reason(iommu)[0] != '\0') {
		console_text("; the last reason given: ");
		console_text(iommu_reason(iommu));
	}
	console_text("\nverdict: FAILED\n");
	machine_exit(false);
}

static void expect(const char *what, bool holds)
{
	console_text(holds ? "ok      " : "FAILED  ");
	console_text(what);
	console_text("\n");
	if (!holds)
		need("not as expected", IOMMU_EIO);
}

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	/* One for each piece of the access: the first says it all. */
	if (first_fault.unit != NULL)
		return;
	first_fault = *fault;
	console_text("blocked: device 0x");
	console_hex(fault->source_id);
	console_text(fault->access == IOMMU_FAULT_WRITE ? " writes to 0x" : " reads from 0x");
	console_hex(fault->address);
	console_text(", ");
	console_text(fault->reason_name);
	console_text(": ");
	console_text(fault->explanation);
	console_text("\n");
}

/* --- Protection ------------------------------------------------------------------------------- */

/* All of the configuration space, extended capabilities too: it is memory. */
static uint32_t read_config(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	(void)ctx;
	return segment == 0 ? read32(bridge.config + ((uint64_t)id << 12) + offset) : UINT32_MAX;
}

/* The edu device's endpoint, once all that are there have one. */
static struct iommu_endpoint *probe_devices(void)
{
	static const struct iommu_pci_config config = {.read = read_config};
	struct iommu_endpoint *edu = NULL, *endpoint;
	struct iommu_endpoint_info info;
	size_t i;
	int status;

	need("PCI", iommu_pci_scan(&config, 0, 0, functions, FUNCTIONS, &topology.count));
	need("topology", iommu_set_pci_topology(iommu, &topology));
	for (i = 0; i < topology.count; i++) {
		need("a function", iommu_pci_describe(&config, &topology, i, 0, &info));
		status = iommu_probe_endpoint(iommu, &info, &endpoint);
		if (status == IOMMU_ENODEV) /* no unit translates for it */
			continue;
		need("an endpoint", status);
		if (info.vendor == 0x1234 && info.device == 0x11e8)
			edu = endpoint;
	}
	return edu;
}

static struct iommu_endpoint *protect(const struct iommu_fdt *tree)
{
	struct iommu_fdt_node pci;
	struct iommu_endpoint *edu;

	if (!pci_open(tree, &pci, &bridge))
		need("PCI in the device tree", IOMMU_ENODEV);
	need("instance", iommu_create(&host_platform, &iommu));
	iommu_set_fault_handler(iommu, on_fault, NULL);
	need("default type", iommu_set_default_type(iommu, IOMMU_DOMAIN_DMA));
	need("the unit in the device tree", virt_add_unit(iommu, tree, &pci, &unit));
	edu = probe_devices();
	if (edu == NULL)
		need("the edu device", IOMMU_ENODEV);
	need("translation", iommu_unit_enable(unit));
	return edu;
}

/* --- The device: a buffer of a page, and an engine that copies from and to memory ------------- */

#define EDU_SOURCE      0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT       0x90
#define EDU_COMMAND     0x98
#define EDU_BUFFER      0x40000
#define EDU_MASK        ((1ULL << 28) - 1) /* it has 28 address lines */
#define BYTES           8

static uint64_t registers; /* of the edu device */

static void edu_copy(uint64_t from, uint64_t to, bool to_memory)
{
	write64(registers + EDU_SOURCE, from);
	write64(registers + EDU_DESTINATION, to);
	write64(registers + EDU_COUNT, BYTES);
	write64(registers + EDU_COMMAND, to_memory ? 3 : 1);
	while ((read64(registers + EDU_COMMAND) & 1) != 0)
		;
}

static void dma(struct iommu_endpoint *edu)
{
	const struct iommu_dma_device device = iommu_dma_device_of(edu, EDU_MASK);
	void *const pages[] = {pages_alloc(0), pages_alloc(0)};
	volatile unsigned char *const source = pages[0], *const target = pages[1];
	iommu_iova_t from, to;
	struct iommu_dma *dma;

	if (source == NULL || target == NULL)
		need("two pages", IOMMU_ENOMEM);
	source[0] = 0x5a;
	source[BYTES - 1] = 0xa5;
	need("handle", iommu_dma_of(edu, &dma));
	need("map", iommu_dma_map(dma, &device, iommu_virt_to_phys(&host_platform, pages[0]),
				  IOMMU_PAGE_SIZE, IOMMU_DMA_TO_DEVICE, &from));
	need("map", iommu_dma_map(dma, &device, iommu_virt_to_phys(&host_platform, pages[1]),
				  IOMMU_PAGE_SIZE, IOMMU_DMA_FROM_DEVICE, &to));
	edu_copy(from, EDU_BUFFER, false);
	edu_copy(EDU_BUFFER, to, true);
	expect("what was read from one page arrived in the other",
	       target[0] == 0x5a && target[BYTES - 1] == 0xa5);

	need("unmap", iommu_dma_unmap(dma, to, IOMMU_PAGE_SIZE));
	target[0] = 0;
	edu_copy(EDU_BUFFER, to, true);
	expect("after the unmap, nothing arrives there", target[0] == 0);
	expect("the unit recorded a fault", iommu_unit_handle_faults(unit, NULL) > 0);
	expect("... which is that write", first_fault.endpoint == edu &&
						  first_fault.address == to &&
						  first_fault.access == IOMMU_FAULT_WRITE);
	need("unmap", iommu_dma_unmap(dma, from, IOMMU_PAGE_SIZE));
	iommu_unuse_default_domain(edu);
}

void kernel_main(const void *flat_tree)
{
	struct iommu_endpoint *edu;
	struct pci_device device;
	struct iommu_fdt tree;

	if (iommu_fdt_open(&tree, flat_tree, IOMMU_FDT_MAX_SIZE) != 0 || !console_start(&tree))
		for (;;)
			; /* no console */
	if (!host_memory_start(&tree))
		host_stop("memory is not where it is needed");
	virt_fill(&tree, &host_platform);
	edu = protect(&tree);
	/* Its registers are placed, and it may do DMA, now that the unit is on. */
	pci_start(&bridge, iommu_endpoint_source_id(edu), &device);
	registers = device.bar0;
	dma(edu);
	console_text("verdict: PASSED\n");
	machine_exit(true);
}
