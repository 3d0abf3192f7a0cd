/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine under the glue, for a test without LK: LK's functions over a process, a unit of the
 * model's, and two PCI functions. It boots, as LK would, and lets a device do DMA.
 */
#include "iommu_lk.h"

#include <iommu_hosted.h>
#include <libiommu/emulator.h>

#include <kernel/event.h>
#include <kernel/thread.h>
#include <kernel/vm.h>
#include <lib/acpi_lite.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct iommu_hosted memory, models;
static struct iommu_model_vtd *model;
static unsigned char dmar[4096];
static int (*housekeeper)(void *argument);
static bool has_unit;
static unsigned int lines, interrupts_off;
static bool slept_wrongly; /* a mutex was taken, as the allocator does, with interrupts off */

/* --- LK --------------------------------------------------------------------------------------- */

int dprintf(int level, const char *format, ...)
{
	va_list arguments;

	(void)level;
	lines++;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	return 0;
}

/* Memory is where the process has it: virtual addresses stand for physical ones. */
size_t pmm_alloc_contiguous(uint count, uint8_t align_log2, paddr_t *address, void *list)
{
	unsigned int order = 0;
	void *pages;

	(void)align_log2, (void)list;
	slept_wrongly |= interrupts_off != 0;
	while (1U << order < count)
		order++;
	pages = memory.platform.alloc_pages(&memory, order, 0, 0);
	*address = (paddr_t)pages;
	return pages != NULL ? count : 0;
}

size_t pmm_free_kpages(void *pages, uint count)
{
	unsigned int order = 0;

	while (1U << order < count)
		order++;
	memory.platform.free_pages(&memory, pages, order);
	return count;
}

void *paddr_to_kvaddr(paddr_t address)
{
	return (void *)address;
}

paddr_t vaddr_to_paddr(void *address)
{
	return (paddr_t)address;
}

vmm_aspace_t *vmm_get_kernel_aspace(void)
{
	return NULL;
}

status_t vmm_alloc_physical(vmm_aspace_t *aspace, const char *name, size_t size, void **address,
			    uint8_t align_log2, paddr_t paddr, uint vmm_flags, uint arch_mmu_flags)
{
	(void)aspace, (void)name, (void)size, (void)address, (void)align_log2, (void)paddr;
	(void)vmm_flags, (void)arch_mmu_flags;
	return -1; /* its registers are the model's: see map_mmio */
}

status_t vmm_free_region(vmm_aspace_t *aspace, vaddr_t address)
{
	(void)aspace, (void)address;
	return NO_ERROR;
}

arch_interrupt_saved_state_t arch_interrupt_save(void)
{
	return interrupts_off++;
}

void arch_interrupt_restore(arch_interrupt_saved_state_t state)
{
	interrupts_off = (unsigned int)state;
}

uint arch_curr_cpu_num(void)
{
	return 0;
}

lk_bigtime_t current_time_hires(void)
{
	return memory.platform.now_ns(&memory) / 1000;
}

void mutex_init(mutex_t *mutex)
{
	mutex->count = 0;
}

void mutex_destroy(mutex_t *mutex)
{
	mutex->count = -1;
}

status_t mutex_acquire(mutex_t *mutex)
{
	slept_wrongly |= interrupts_off != 0;
	return mutex->count++ == 0 ? NO_ERROR : -1;
}

status_t mutex_release(mutex_t *mutex)
{
	return --mutex->count == 0 ? NO_ERROR : -1;
}

void event_init(event_t *event, bool initial, uint flags)
{
	(void)flags;
	event->signaled = initial;
}

status_t event_signal(event_t *event, bool reschedule)
{
	(void)reschedule;
	event->signaled = true;
	return NO_ERROR;
}

status_t event_wait_timeout(event_t *event, lk_time_t milliseconds)
{
	(void)milliseconds;
	event->signaled = false;
	return NO_ERROR;
}

/* The only thread is not run: it has no end. */
thread_t *thread_create(const char *name, int (*entry)(void *argument), void *argument,
			int priority, size_t stack_size)
{
	(void)name, (void)argument, (void)priority, (void)stack_size;
	housekeeper = entry;
	return NULL;
}

status_t thread_resume(thread_t *thread)
{
	(void)thread;
	return NO_ERROR;
}

int pci_get_last_bus(void)
{
	return 0;
}

/* Two integrated functions, 00:02.0 and 00:03.0, without any capability. */
status_t pci_read_config_word(pci_location_t device, uint32_t reg, uint32_t *value)
{
	const bool is_there = device.segment == 0 && device.bus == 0 && device.fn == 0 &&
			      (device.dev == 2 || device.dev == 3);

	*value = !is_there ? UINT32_MAX : reg == 0 ? 0x12345678 : reg == 8 ? 0x02000000 : 0;
	return NO_ERROR;
}

status_t pci_write_config_half(pci_location_t device, uint32_t reg, uint16_t value)
{
	(void)device, (void)reg, (void)value;
	return NO_ERROR;
}

const struct acpi_sdt_header *acpi_get_table_by_sig(const char *sig)
{
	return has_unit && strcmp(sig, "DMAR") == 0 ? (const struct acpi_sdt_header *)dmar : NULL;
}

/* --- The unit --------------------------------------------------------------------------------- */

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

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx, (void)paddr, (void)size;
	return dmar; /* a token */
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx, (void)registers, (void)size;
}

static uint64_t offset_of(const volatile void *reg)
{
	return (uint64_t)((const volatile unsigned char *)reg - dmar);
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_vtd_mmio_read(model, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_vtd_mmio_read(model, offset_of(reg), 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	iommu_model_vtd_mmio_write(model, offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_vtd_mmio_write(model, offset_of(reg), 8, value);
}

static int machine(void)
{
	struct iommu_model_vtd_config config = {
		.host = {.read = read_memory, .write = write_memory}, .output_width = 52};
	struct iommu_dmar_builder builder;

	if (iommu_hosted_init(&memory, NULL, 16 << 20, 0) != 0 ||
	    iommu_hosted_init(&models, NULL, 4 << 20, 0) != 0)
		return 1;
	config.platform = &models.platform;
	if (iommu_model_vtd_create(&config, &model) != 0)
		return 1;
	iommu_dmar_begin(&builder, dmar, sizeof(dmar), 52, 0);
	iommu_dmar_add_unit(&builder, 0, 0xfed90000, iommu_model_vtd_register_space(model), true);
	iommu_lk_platform.map_mmio = map_mmio;
	iommu_lk_platform.unmap_mmio = unmap_mmio;
	iommu_lk_platform.mmio_read32 = read32;
	iommu_lk_platform.mmio_read64 = read64;
	iommu_lk_platform.mmio_write32 = write32;
	iommu_lk_platform.mmio_write64 = write64;
	return iommu_dmar_finish(&builder, "LK", "TEST") <= 0;
}

/* --- A driver --------------------------------------------------------------------------------- */

static bool reaches(uint8_t device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_request request = {.source_id = (uint16_t)(device << 3),
						    .address = address,
						    .access = IOMMU_PROT_WRITE};
	struct iommu_model_translation found;

	if (iommu_model_vtd_translate(model, &request, &found) != 0)
		return false;
	*paddr = found.paddr;
	return true;
}

extern void (*const lk_hook_iommu)(uint level_reached);

#define TRY(condition)                                                                             \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("line %d: %s\n", __LINE__, #condition);                             \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int with_unit(void)
{
	static unsigned char buffer[4096] __attribute__((aligned(4096)));
	const pci_location_t nic = {.dev = 2}, nothing = {.dev = 9};
	struct iommu_dma_device limits;
	struct iommu_dma *dma;
	iommu_iova_t address;
	iommu_paddr_t paddr;

	TRY(!reaches(2, (uintptr_t)buffer, &paddr));
	TRY(iommu_lk_device(nothing, UINT64_MAX, &dma, &limits) == IOMMU_ENODEV);
	TRY(iommu_lk_device(nic, UINT32_MAX, &dma, &limits) == 0);
	TRY(iommu_dma_map(dma, &limits, (uintptr_t)buffer, 4096, IOMMU_DMA_FROM_DEVICE, &address) ==
	    0);
	TRY(address <= UINT32_MAX);
	TRY(reaches(2, address + 7, &paddr) && paddr == (uintptr_t)buffer + 7);
	TRY(!reaches(3, address, &paddr));
	TRY(iommu_dma_unmap(dma, address, 4096) == 0);
	TRY(!reaches(2, address, &paddr));
	iommu_lk_done(nic);
	/* Three accesses were stopped, and what the thread does with them. */
	lines = 0;
	TRY(iommu_unit_handle_faults(iommu_next_unit(iommu_lk, NULL), NULL) == 3);
	TRY(lines == 3 && housekeeper != NULL && interrupts_off == 0 && !slept_wrongly);
	return 0;
}

/* What a kernel does not do: everything is given back. */
static int the_end(void)
{
	struct iommu_endpoint *endpoint;

	while ((endpoint = iommu_next_endpoint(iommu_lk, NULL)) != NULL)
		TRY(iommu_release_endpoint(endpoint) == 0);
	TRY(iommu_destroy(iommu_lk) == 0);
	iommu_model_vtd_destroy(model);
	return 0;
}

/* A machine without a unit, which is said, and where the driver is the same. */
static int without(void)
{
	const pci_location_t nic = {.dev = 2};
	struct iommu_dma_device limits;
	struct iommu_dma *dma;
	iommu_iova_t address;

	TRY(lines == 1);
	TRY(iommu_lk_device(nic, UINT64_MAX, &dma, &limits) == 0);
	TRY(iommu_dma_map(dma, &limits, 0x5000, 4096, IOMMU_DMA_FROM_DEVICE, &address) == 0);
	TRY(address == 0x5000 && iommu_dma_unmap(dma, address, 4096) == 0);
	return 0;
}

int main(int count, char **arguments)
{
	(void)arguments;
	has_unit = count == 1;
	if (machine() != 0)
		return 1;
	lk_hook_iommu(LK_INIT_LEVEL_TARGET - 1);
	if (!has_unit)
		return without();
	return with_unit() != 0 || the_end() != 0;
}
