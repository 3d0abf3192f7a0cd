/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest emulator with a virtual IOMMU: guest memory is one buffer, one VT-d unit stands at a
 * guest physical address, and one device does DMA through it. The guest is the library's own
 * driver; an operating system in its place would see the same registers.
 *
 * What an emulator has to do is in the first half: give the model access to guest memory, pass
 * register accesses to it, ask it where each DMA goes, and describe the unit in a DMAR table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <iommu_hosted.h>
#include <libiommu/iommu.h>

#define GUEST_MEMORY  (16UL << 20)
#define UNIT_BASE     0xfed90000ULL
#define DEVICE_SOURCE 0x0020 /* 00:04.0 */

/* --- The emulator ----------------------------------------------------------------------------- */

struct emulator {
	struct iommu_hosted guest_memory; /* also where the guest of this example gets pages */
	struct iommu_hosted own_memory;   /* the model's */
	struct iommu_model_vtd *unit;
	bool unit_has_work;
	uint8_t dmar[256];
	size_t dmar_size;
};

static bool in_guest_memory(const struct emulator *e, iommu_paddr_t paddr, size_t size)
{
	return paddr <= e->guest_memory.arena_size && size <= e->guest_memory.arena_size - paddr;
}

static bool read_guest(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	struct emulator *e = ctx;

	if (!in_guest_memory(e, paddr, size))
		return false;
	memcpy(bytes, e->guest_memory.arena + paddr, size);
	return true;
}

static bool write_guest(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	struct emulator *e = ctx;

	if (!in_guest_memory(e, paddr, size))
		return false;
	memcpy(e->guest_memory.arena + paddr, bytes, size);
	return true;
}

/* A mistake of the guest's driver, for the log. */
static void note_misuse(void *ctx, const char *text)
{
	(void)ctx;
	printf("guest error: %s\n", text);
}

/*
 * A queue longer than one call executes must not hold up the guest's processor: the emulator's main
 * loop executes the rest, even if the guest only polls memory meanwhile.
 */
static void note_work(void *ctx)
{
	struct emulator *e = ctx;

	e->unit_has_work = true;
}

static void main_loop_once(struct emulator *e)
{
	if (e->unit_has_work)
		e->unit_has_work = iommu_model_vtd_run(e->unit);
}

static void describe_to_guest(struct emulator *e)
{
	struct iommu_dmar_builder builder;
	int size;

	iommu_dmar_begin(&builder, e->dmar, sizeof(e->dmar), 39, 0);
	iommu_dmar_add_unit(&builder, 0, UNIT_BASE, iommu_model_vtd_register_space(e->unit), true);
	size = iommu_dmar_finish(&builder, "EXAMPL", "EMULATOR");
	e->dmar_size = size > 0 ? (size_t)size : 0;
}

static int emulator_start(struct emulator *e)
{
	const struct iommu_model_vtd_config config = {
		.platform = &e->own_memory.platform,
		.host = {.ctx = e,
			 .read = read_guest,
			 .write = write_guest,
			 .misuse = note_misuse,
			 .work_remains = note_work},
		.output_width = 39,
	};
	int status = iommu_hosted_init(&e->guest_memory, NULL, GUEST_MEMORY, 0);

	if (status == 0)
		status = iommu_hosted_init(&e->own_memory, NULL, GUEST_MEMORY, 0);
	if (status == 0)
		status = iommu_model_vtd_create(&config, &e->unit);
	if (status == 0)
		describe_to_guest(e);
	return status;
}

static void emulator_stop(struct emulator *e)
{
	iommu_model_vtd_destroy(e->unit);
	iommu_hosted_destroy(&e->own_memory);
	iommu_hosted_destroy(&e->guest_memory);
}

/* A device of the emulator writes a byte: every access asks the unit where it goes. */
static bool device_writes(struct emulator *e, uint64_t address, uint8_t value)
{
	const struct iommu_model_request request = {
		.source_id = DEVICE_SOURCE, .address = address, .access = IOMMU_PROT_WRITE};
	struct iommu_model_translation where;

	if (iommu_model_vtd_translate(e->unit, &request, &where) != 0) {
		printf("device writes %#" PRIx64 ": stopped, %s\n", address,
		       iommu_vtd_fault_name(where.reason));
		return false;
	}
	printf("device writes %#" PRIx64 ": goes to %#" PRIx64 "\n", address, where.paddr);
	return write_guest(e, where.paddr, &value, 1);
}

/* --- The guest -------------------------------------------------------------------------------- */

/* Where an emulator decodes the guest's loads and stores, this guest calls directly. */
static uint64_t register_offset(const volatile void *reg)
{
	return (uintptr_t)reg - UNIT_BASE;
}

static uint32_t guest_read32(void *ctx, const volatile void *reg)
{
	struct emulator *e = ctx;

	return (uint32_t)iommu_model_vtd_mmio_read(e->unit, register_offset(reg), 4);
}

static uint64_t guest_read64(void *ctx, const volatile void *reg)
{
	struct emulator *e = ctx;

	return iommu_model_vtd_mmio_read(e->unit, register_offset(reg), 8);
}

static void guest_write32(void *ctx, volatile void *reg, uint32_t value)
{
	struct emulator *e = ctx;

	iommu_model_vtd_mmio_write(e->unit, register_offset(reg), 4, value);
	main_loop_once(e);
}

static void guest_write64(void *ctx, volatile void *reg, uint64_t value)
{
	struct emulator *e = ctx;

	iommu_model_vtd_mmio_write(e->unit, register_offset(reg), 8, value);
	main_loop_once(e);
}

static void *guest_map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)size;
	return (void *)(uintptr_t)paddr; /* a token */
}

static void guest_unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

static void *guest_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct emulator *e = ctx;

	return e->guest_memory.platform.alloc_pages(&e->guest_memory, order, node, flags);
}

static void guest_free(void *ctx, void *pages, unsigned int order)
{
	struct emulator *e = ctx;

	e->guest_memory.platform.free_pages(&e->guest_memory, pages, order);
}

/* Map one page for the device, let it write, and unmap the page. */
static bool guest_runs(struct emulator *e, struct iommu *iommu, unsigned char *page)
{
	const uint64_t paddr = (uint64_t)(page - e->guest_memory.arena);
	const struct iommu_endpoint_info info = {.source_id = DEVICE_SOURCE};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	bool good;

	if (iommu_vtd_probe(iommu, e->dmar, e->dmar_size, NULL) != 0 ||
	    iommu_probe_endpoint(iommu, &info, &endpoint) != 0 ||
	    iommu_domain_alloc(iommu_endpoint_unit(endpoint), IOMMU_DOMAIN_PAGING, NULL, &domain) !=
		    0)
		return false;
	good = device_writes(e, paddr, 1) && page[0] == 1;
	good = good && iommu_vtd_enable(iommu) == 0;
	good = good && !device_writes(e, paddr, 2);
	good = good && iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)) == 0 &&
	       iommu_map(domain, 0x40000000, paddr, IOMMU_PAGE_SIZE, IOMMU_PROT_WRITE) == 0;
	good = good && device_writes(e, 0x40000000, 3) && page[0] == 3;
	good = good && iommu_unmap(domain, 0x40000000, IOMMU_PAGE_SIZE, 0, NULL) == 0;
	good = good && !device_writes(e, 0x40000000, 4) && page[0] == 3;
	return iommu_domain_detach_group(iommu_endpoint_group(endpoint)) == 0 &&
	       iommu_domain_free(domain) == 0 && iommu_release_endpoint(endpoint) == 0 && good;
}

int main(void)
{
	static struct emulator e;
	struct iommu_platform platform = {
		.ctx = &e,
		.alloc_pages = guest_alloc,
		.free_pages = guest_free,
		.map_mmio = guest_map_mmio,
		.unmap_mmio = guest_unmap_mmio,
		.mmio_read32 = guest_read32,
		.mmio_read64 = guest_read64,
		.mmio_write32 = guest_write32,
		.mmio_write64 = guest_write64,
	};
	struct iommu *iommu;
	unsigned char *page;
	bool good;

	if (emulator_start(&e) != 0)
		return 1;
	platform.direct_map_offset = e.guest_memory.platform.direct_map_offset;
	page = guest_alloc(&e, 0, IOMMU_NODE_ANY, 0);
	if (page == NULL || iommu_create(&platform, &iommu) != 0)
		return 1;
	good = guest_runs(&e, iommu, page);
	good = iommu_destroy(iommu) == 0 && good;
	guest_free(&e, page, 0);
	emulator_stop(&e);
	puts(good ? "all as it should be" : "something is wrong");
	return good ? 0 : 1;
}
