/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest program that does protected DMA on a bare machine: docs/bare-metal.md goes through
 * it. It starts without a kernel, fills in the table of host services, finds VT-d's units, protects
 * every device, lets QEMU's "edu" device copy from page to page through what is mapped, takes the
 * mapping away and shows how the next access is blocked. QEMU's exit status: 33 if all was as
 * expected, 35 if not.
 */
#include <iommu_x86_64.h>
#include <libiommu/iommu.h>

#include "boot.h"
#include "clock.h"
#include "console.h"
#include "pages.h"
#include "port_io.h"

#define FUNCTIONS 32

static struct iommu_x86_64 port;
static struct iommu *iommu;
static struct iommu_pci_function functions[FUNCTIONS];
static struct iommu_pci_topology topology = {.functions = functions};
static struct iommu_fault last_fault;

/* --- Words ------------------------------------------------------------------------------------ */

static void say_hex(uint64_t number, unsigned int digits)
{
	char text[2] = "";

	while (digits-- != 0) {
		text[0] = "0123456789abcdef"[number >> 4 * digits & 15];
		console_text(text);
	}
}

static _Noreturn void fail(const char *what, int status)
{
	console_text(what);
	console_text(": ");
	console_text(iommu_strerror(status));
	console_text("\nverdict: FAILED\n");
	machine_exit(false);
}

static void need(const char *what, int status)
{
	if (status != 0)
		fail(what, status);
}

static void expect(const char *what, bool holds)
{
	console_text(holds ? "ok      " : "FAILED  ");
	console_text(what);
	console_text("\n");
	if (!holds)
		fail("not as expected", IOMMU_EIO);
}

/* --- Host services ---------------------------------------------------------------------------- */

static void *host_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	(void)ctx, (void)node, (void)flags;
	return pages_alloc(order);
}

static void host_free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	pages_free(pages, order);
}

static void host_log(void *ctx, enum iommu_log_level level, const char *text)
{
	(void)ctx;
	if (level > IOMMU_LOG_INFO)
		return;
	console_text("libiommu: ");
	console_text(text);
	console_text("\n");
}

/* One CPU, no interrupts, all memory and registers in one direct map: this is enough. */
static struct iommu_platform platform = {
	.alloc_pages = host_alloc_pages,
	.free_pages = host_free_pages,
	.direct_map_offset = DIRECT_MAP_OFFSET,
	.log = host_log,
};

/* --- What the boot loader tells: PVH's start info, version 1 ---------------------------------- */

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, memory_map;
	uint32_t memory_map_entries, reserved;
};

struct memory_entry {
	uint64_t address, size;
	uint32_t type; /* 1: RAM */
	uint32_t reserved;
};

/* Pages come from behind the program, to the end of the memory that it lies in. */
static void start_memory(const struct start_info *info)
{
	const struct memory_entry *map = physical(info->memory_map);
	const uint64_t first = (uint64_t)kernel_end - KERNEL_BASE;
	uint32_t i;

	for (i = 0; i < info->memory_map_entries; i++)
		if (map[i].type == 1 && map[i].address <= first &&
		    map[i].address + map[i].size > first)
			pages_start((uintptr_t)physical(first),
				    (uintptr_t)physical(map[i].address + map[i].size));
}

static bool read_memory(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	(void)ctx;
	if (address >= DIRECT_MAP_SIZE || size > DIRECT_MAP_SIZE - address)
		return false;
	__builtin_memcpy(bytes, physical(address), size);
	return true;
}

/* --- PCI -------------------------------------------------------------------------------------- */

#define PCI_ADDRESS                   0xcf8
#define PCI_DATA                      0xcfc
#define PCI_COMMAND                   0x04
#define PCI_COMMAND_MEMORY_AND_MASTER 0x6
#define PCI_BAR0                      0x10

/* The first 256 bytes of each function, which the ports reach; no ACS is behind them. */
static uint32_t read_config(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	(void)ctx;
	if (segment != 0 || offset >= 256)
		return UINT32_MAX;
	out32(PCI_ADDRESS, 0x80000000U | (uint32_t)id << 8 | offset);
	return in32(PCI_DATA);
}

static void write_config(uint16_t id, unsigned int offset, uint32_t value)
{
	out32(PCI_ADDRESS, 0x80000000U | (uint32_t)id << 8 | offset);
	out32(PCI_DATA, value);
}

/* --- Protection ------------------------------------------------------------------------------- */

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	last_fault = *fault;
	console_text("blocked: device ");
	say_hex(fault->source_id >> 8, 2);
	console_text(":");
	say_hex(fault->source_id >> 3 & 31, 2);
	console_text(".");
	say_hex(fault->source_id & 7, 1);
	console_text(fault->access == IOMMU_FAULT_WRITE ? " writes to 0x" : " reads from 0x");
	say_hex(fault->address, 16);
	console_text(", ");
	console_text(fault->reason_name);
	console_text(": ");
	console_text(fault->explanation);
	console_text("\n");
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

static struct iommu_endpoint *protect(uint64_t rsdp)
{
	static const struct iommu_acpi_memory memory = {.read = read_memory};
	struct iommu_acpi_table dmar;
	struct iommu_endpoint *edu;

	need("ACPI's table DMAR", iommu_acpi_find_table(&memory, rsdp, "DMAR", &dmar));
	need("instance", iommu_create(&platform, &iommu));
	iommu_set_fault_handler(iommu, on_fault, NULL);
	need("default type", iommu_set_default_type(iommu, IOMMU_DOMAIN_DMA));
	need("units", iommu_vtd_probe(iommu, physical(dmar.address), dmar.size, NULL));
	edu = probe_devices();
	if (edu == NULL)
		fail("the edu device", IOMMU_ENODEV);
	need("translation", iommu_vtd_enable(iommu));
	return edu;
}

/* --- The device: a buffer of a page, and an engine that copies from and to memory ------------- */

#define EDU_SOURCE      0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT       0x90
#define EDU_COMMAND     0x98
#define EDU_BUFFER      0x40000
#define EDU_MASK        ((1ULL << 28) - 1) /* it has 28 address lines */
#define BYTES           2048               /* QEMU 7.2 refuses to fill the whole buffer */

static volatile uint64_t *registers; /* of the edu device */

static void edu_copy(uint64_t from, uint64_t to, bool to_memory)
{
	registers[EDU_SOURCE / 8] = from;
	registers[EDU_DESTINATION / 8] = to;
	registers[EDU_COUNT / 8] = BYTES;
	registers[EDU_COMMAND / 8] = to_memory ? 3 : 1;
	while ((registers[EDU_COMMAND / 8] & 1) != 0)
		__asm__ volatile("pause");
}

static void start_device(const struct iommu_endpoint *edu)
{
	const uint16_t id = iommu_endpoint_source_id(edu);

	write_config(id, PCI_COMMAND, PCI_COMMAND_MEMORY_AND_MASTER);
	registers = physical(read_config(NULL, 0, id, PCI_BAR0) & ~0xfU);
}

static void dma(struct iommu_endpoint *edu)
{
	const struct iommu_dma_device device = iommu_dma_device_of(edu, EDU_MASK);
	void *const pages[] = {pages_alloc(0), pages_alloc(0)};
	volatile unsigned char *const source = pages[0], *const target = pages[1];
	iommu_iova_t from, to;
	struct iommu_dma *dma;

	if (source == NULL || target == NULL)
		fail("two pages", IOMMU_ENOMEM);
	source[0] = 0x5a;
	source[BYTES - 1] = 0xa5;
	need("handle", iommu_dma_of(edu, &dma));
	need("map", iommu_dma_map(dma, &device, iommu_virt_to_phys(&platform, pages[0]),
				  IOMMU_PAGE_SIZE, IOMMU_DMA_TO_DEVICE, &from));
	need("map", iommu_dma_map(dma, &device, iommu_virt_to_phys(&platform, pages[1]),
				  IOMMU_PAGE_SIZE, IOMMU_DMA_FROM_DEVICE, &to));
	edu_copy(from, EDU_BUFFER, false);
	edu_copy(EDU_BUFFER, to, true);
	expect("what was read from one page arrived in the other",
	       target[0] == 0x5a && target[BYTES - 1] == 0xa5);

	need("unmap", iommu_dma_unmap(dma, to, IOMMU_PAGE_SIZE));
	target[0] = 0;
	edu_copy(EDU_BUFFER, to, true);
	expect("after the unmap, nothing arrives there", target[0] == 0);
	expect("the unit recorded one fault",
	       iommu_unit_handle_faults(iommu_next_unit(iommu, NULL), NULL) == 1);
	expect("... which is that write", last_fault.endpoint == edu && last_fault.address == to &&
						  last_fault.access == IOMMU_FAULT_WRITE);
	need("unmap", iommu_dma_unmap(dma, from, IOMMU_PAGE_SIZE));
	iommu_unuse_default_domain(edu);
}

void kernel_main(uint64_t start_info)
{
	const struct start_info *info = physical(start_info);
	struct iommu_endpoint *edu;

	console_start();
	start_memory(info);
	iommu_x86_64_init(&port, clock_measure_tsc());
	iommu_x86_64_fill(&platform, &port);
	edu = protect(info->rsdp);
	start_device(edu);
	dma(edu);
	console_text("verdict: PASSED\n");
	machine_exit(true);
}
