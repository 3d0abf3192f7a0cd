/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port on the bare machine that it is for: each of its services, and the library over them, which
 * drives a unit of the model's. What is printed last decides.
 */
#include <libiommu/emulator.h>
#include <libiommu/iommu.h>

#if defined(__aarch64__)
#include "iommu_aarch64.h"
#define UART 0x09000000UL
static struct iommu_aarch64 port;
#else
#include "iommu_riscv64.h"
#define UART 0x10000000UL
#ifndef CACHE_BLOCK
#define CACHE_BLOCK 0
#endif
static struct iommu_riscv64 port = {.timebase_hz = 10000000, .cache_block = CACHE_BLOCK};
#endif

static struct iommu_platform platform, model_platform;
static unsigned char pages[4 << 20] __attribute__((aligned(1 << 16)));
static size_t used;
static unsigned int failures;

/* --- What a kernel has ------------------------------------------------------------------------ */

static void print(const char *text)
{
	for (; *text != '\0'; text++)
		*(volatile unsigned char *)UART = (unsigned char)*text;
}

void *memset(void *to, int value, size_t size)
{
	unsigned char *at = to;

	while (size-- > 0)
		*at++ = (unsigned char)value;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	unsigned char *at = to;
	const unsigned char *byte = from;

	while (size-- > 0)
		*at++ = *byte++;
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	unsigned char *at = to;
	const unsigned char *byte = from;

	if (at <= byte)
		return memcpy(to, from, size);
	while (size-- > 0)
		at[size] = byte[size];
	return to;
}

int memcmp(const void *one, const void *two, size_t size)
{
	const unsigned char *a = one;
	const unsigned char *b = two;

	for (; size > 0 && *a == *b; size--)
		a++, b++;
	return size > 0 ? *a - *b : 0;
}

/* For a program that ends soon: pages are never reused. */
static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	const size_t size = (size_t)IOMMU_PAGE_SIZE << order;

	(void)ctx, (void)node, (void)flags;
	used = (used + size - 1) & ~(size - 1);
	if (size > sizeof(pages) - used)
		return NULL;
	used += size;
	return memset(&pages[used - size], 0, size);
}

static void free_pages(void *ctx, void *block, unsigned int order)
{
	(void)ctx, (void)block, (void)order;
}

static void check(bool is_good, const char *what)
{
	print(is_good ? "ok    " : "WRONG ");
	print(what);
	print("\n");
	failures += !is_good;
}

/* --- The services ----------------------------------------------------------------------------- */

static bool interrupts_pass(void)
{
#if defined(__aarch64__)
	uintptr_t daif;

	__asm__ volatile("mrs %0, daif" : "=r"(daif));
	return (daif & 3UL << 6) == 0;
#else
	uintptr_t sstatus;

	__asm__ volatile("csrr %0, sstatus" : "=r"(sstatus));
	return (sstatus & 2) != 0;
#endif
}

static void let_interrupts_pass(void)
{
#if defined(__aarch64__)
	__asm__ volatile("msr daifclr, #3" ::: "memory");
#else
	__asm__ volatile("csrs sstatus, %0" ::"r"(2UL) : "memory");
#endif
}

static void check_interrupts(void)
{
	uintptr_t outer, inner;

	let_interrupts_pass();
	outer = platform.irq_save(platform.ctx);
	check(!interrupts_pass(), "interrupts are masked");
	inner = platform.irq_save(platform.ctx);
	platform.irq_restore(platform.ctx, inner);
	check(!interrupts_pass(), "… and stay so in an inner section");
	platform.irq_restore(platform.ctx, outer);
	check(interrupts_pass(), "… until the outer one ends");
}

static void check_clock(void)
{
	const uint64_t start = platform.now_ns(platform.ctx);
	uint64_t now = start;
	unsigned int turns;

	for (turns = 0; turns < 100000000 && now < start + 2000000; turns++) {
		const uint64_t next = platform.now_ns(platform.ctx);

		if (next < now)
			break;
		now = next;
		platform.relax(platform.ctx);
	}
	check(now >= start + 2000000, "the clock goes on, and never back");
}

static void check_registers(void)
{
	static uint64_t word;

	platform.mmio_write64(platform.ctx, &word, 0x1122334455667788ULL);
	check(platform.mmio_read64(platform.ctx, &word) == 0x1122334455667788ULL,
	      "64-bit registers");
	platform.mmio_write32(platform.ctx, &word, 0x99aabbcc);
	check(platform.mmio_read32(platform.ctx, &word) == 0x99aabbcc && word >> 32 == 0x11223344,
	      "32-bit registers, and no byte beside them");
}

/* As if memory were elsewhere for the CPU: an address is converted, and once for each call. */
#define ELSEWHERE 0x100000000ULL
static unsigned int conversions;

static void *from_elsewhere(void *ctx, iommu_paddr_t paddr)
{
	(void)ctx;
	conversions++;
	return (void *)(uintptr_t)(paddr - ELSEWHERE);
}

static iommu_paddr_t to_elsewhere(void *ctx, const void *virt)
{
	(void)ctx;
	return (uintptr_t)virt + ELSEWHERE;
}

static void check_caches(void)
{
	static unsigned char bytes[1000];
	const iommu_paddr_t paddr = (uintptr_t)bytes + ELSEWHERE;
	size_t i;

	check(iommu_platform_check(&platform) == 0 &&
		      (platform.cache_line_size != 0) == (platform.cache_flush != NULL),
	      "what caches need is there as a whole, or not at all");
	if (platform.cache_flush == NULL) {
		print("      nothing for caches here\n");
		return;
	}
	platform.phys_to_virt = from_elsewhere;
	platform.virt_to_phys = to_elsewhere;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	platform.cache_flush(platform.ctx, bytes + 3, 1);
	platform.cache_flush(platform.ctx, bytes + 1, sizeof(bytes) - 1);
	platform.cache_write_back(platform.ctx, paddr + 3, 1);
	platform.cache_write_back(platform.ctx, paddr + 1, sizeof(bytes) - 1);
	platform.cache_invalidate(platform.ctx, paddr + 3, 1);
	platform.cache_invalidate(platform.ctx, paddr + 1, sizeof(bytes) - 1);
	for (i = 0; i < sizeof(bytes) && bytes[i] == (unsigned char)i; i++)
		;
	check(i == sizeof(bytes), "caches are written back, and nothing else is");
	check(conversions == 4, "… at the addresses that the CPU has of physical ones");
	platform.phys_to_virt = NULL;
	platform.virt_to_phys = NULL;
}

/* --- The library over them -------------------------------------------------------------------- */

static struct iommu_model_vtd *model;

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	memcpy(bytes, (const void *)(uintptr_t)paddr, size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	memcpy((void *)(uintptr_t)paddr, bytes, size);
	return true;
}

static bool reaches(iommu_iova_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_request request = {
		.source_id = 0x10, .address = address, .access = IOMMU_PROT_WRITE};
	struct iommu_model_translation found;

	if (iommu_model_vtd_translate(model, &request, &found) != 0)
		return false;
	*paddr = found.paddr;
	return true;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_vtd_mmio_read(model, (uintptr_t)reg - 1, 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_vtd_mmio_read(model, (uintptr_t)reg - 1, 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	iommu_model_vtd_mmio_write(model, (uintptr_t)reg - 1, 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_vtd_mmio_write(model, (uintptr_t)reg - 1, 8, value);
}

/* A token: registers are the model's. */
static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx, (void)paddr, (void)size;
	return (void *)1;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx, (void)registers, (void)size;
}

/* From the probe of a unit whose walks do not snoop to a mapping that is gone. */
static int protect(void)
{
	static unsigned char table[4096];
	struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_NONCOHERENT,
		.host = {.read = read_memory, .write = write_memory}};
	const struct iommu_endpoint_info info = {.source_id = 0x10};
	struct iommu_dmar_builder builder;
	struct iommu_dma_device limits;
	struct iommu_endpoint *endpoint;
	struct iommu_dma *dma;
	struct iommu *iommu;
	iommu_paddr_t paddr;
	iommu_iova_t address;
	int size;

	config.platform = &model_platform;
	iommu_dmar_begin(&builder, table, sizeof(table), 46, 0);
	iommu_dmar_add_unit(&builder, 0, 0xfed90000, 4096, true);
	size = iommu_dmar_finish(&builder, "TEST", "BARE");
	if (size <= 0 || iommu_model_vtd_create(&config, &model) != 0)
		return 1;
	if (iommu_create(&platform, &iommu) != 0 ||
	    iommu_set_default_type(iommu, IOMMU_DOMAIN_DMA) != 0)
		return 2;
	if (iommu_vtd_probe(iommu, table, (size_t)size, NULL) != 0 ||
	    iommu_probe_endpoint(iommu, &info, &endpoint) != 0 || iommu_vtd_enable(iommu) != 0)
		return 3;
	if (iommu_dma_of(endpoint, &dma) != 0)
		return 4;
	limits = iommu_dma_device_of(endpoint, UINT64_MAX);
	if (iommu_dma_map(dma, &limits, 0x80001000, 4096, IOMMU_DMA_BIDIRECTIONAL, &address) != 0 ||
	    !reaches(address + 5, &paddr) || paddr != 0x80001005)
		return 5;
	if (iommu_dma_unmap(dma, address, 4096) != 0 || reaches(address, &paddr))
		return 6;
	return 0;
}

int main(void)
{
	platform.alloc_pages = alloc_pages;
	platform.free_pages = free_pages;
#if defined(__aarch64__)
	iommu_aarch64_init(&port);
	iommu_aarch64_fill(&platform, &port);
#else
	iommu_riscv64_fill(&platform, &port);
#endif
	model_platform = platform;
	check_interrupts();
	check_clock();
	check_registers();
	check_caches();
	platform.map_mmio = map_mmio;
	platform.unmap_mmio = unmap_mmio;
	platform.mmio_read32 = read32;
	platform.mmio_read64 = read64;
	platform.mmio_write32 = write32;
	platform.mmio_write64 = write64;
	check(protect() == 0, "a device reaches what is mapped, and nothing else");
	print(failures == 0 ? "the port is good\n" : "the port is NOT good\n");
	return 0;
}
