/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libiommu in LK: host services over LK's, and the way from the DMAR table to units that translate,
 * before the first driver is started.
 *
 * LK's page allocator takes a mutex, so that pages for maps in interrupt handlers come from a
 * reserve, which a thread fills; the same thread reports faults.
 */
#include "iommu_lk.h"

#include <libiommu/page_reserve.h>
#include <libiommu/pci.h>
#include <libiommu/vtd_host.h>

#include <iommu_x86_64.h>

#include <arch/interrupts.h>
#include <arch/ops.h>
#include <kernel/event.h>
#include <kernel/mutex.h>
#include <kernel/thread.h>
#include <kernel/vm.h>
#include <lib/acpi_lite.h>
#include <lk/debug.h>
#include <lk/init.h>
#include <platform/time.h>
#include <string.h>

#define FUNCTIONS    256
#define HOUSEKEEPING 100 /* milliseconds */

struct iommu_platform iommu_lk_platform;
struct iommu *iommu_lk;

static struct iommu_x86_64 port;
static struct iommu_page_reserve reserve;
static event_t refill;
static struct iommu_dma *direct; /* where nothing translates */
static struct iommu_pci_function functions[FUNCTIONS];
static struct iommu_pci_topology topology = {.functions = functions};

/* --- Host services ---------------------------------------------------------------------------- */

static void *take_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *pages;
	paddr_t paddr;

	(void)ctx, (void)node, (void)flags;
	if (pmm_alloc_contiguous(1U << order, (uint8_t)(PAGE_SIZE_SHIFT + order), &paddr, NULL) ==
	    0)
		return NULL;
	pages = paddr_to_kvaddr(paddr);
	return pages != NULL ? memset(pages, 0, (size_t)IOMMU_PAGE_SIZE << order) : NULL;
}

static void give_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	pmm_free_kpages(pages, 1U << order);
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	(void)ctx;
	return iommu_page_reserve_alloc(&reserve, order, node, flags);
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	iommu_page_reserve_free(&reserve, pages, order);
}

static void wake(void *ctx)
{
	(void)ctx;
	event_signal(&refill, false);
}

static void *phys_to_virt(void *ctx, iommu_paddr_t paddr)
{
	(void)ctx;
	return paddr_to_kvaddr((paddr_t)paddr);
}

static iommu_paddr_t virt_to_phys(void *ctx, const void *virt)
{
	(void)ctx;
	return vaddr_to_paddr((void *)(uintptr_t)virt);
}

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	void *registers;

	(void)ctx;
	if (vmm_alloc_physical(vmm_get_kernel_aspace(), "iommu", size, &registers, PAGE_SIZE_SHIFT,
			       (paddr_t)paddr, 0, ARCH_MMU_FLAG_UNCACHED_DEVICE) != NO_ERROR)
		return NULL;
	return registers;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx, (void)size;
	vmm_free_region(vmm_get_kernel_aspace(), (vaddr_t)registers);
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return current_time_hires() * 1000;
}

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return arch_curr_cpu_num();
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return SMP_MAX_CPUS;
}

static uintptr_t irq_save(void *ctx)
{
	(void)ctx;
	return arch_interrupt_save();
}

static void irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	arch_interrupt_restore(state);
}

static void *mutex_create(void *ctx)
{
	mutex_t *mutex = malloc(sizeof(*mutex));

	(void)ctx;
	if (mutex != NULL)
		mutex_init(mutex);
	return mutex;
}

static void mutex_end(void *ctx, void *mutex)
{
	(void)ctx;
	mutex_destroy(mutex);
	free(mutex);
}

static void mutex_lock(void *ctx, void *mutex)
{
	(void)ctx;
	mutex_acquire(mutex);
}

static void mutex_unlock(void *ctx, void *mutex)
{
	(void)ctx;
	mutex_release(mutex);
}

static void log_line(void *ctx, enum iommu_log_level level, const char *text)
{
	(void)ctx;
	if (level <= IOMMU_LOG_INFO)
		dprintf(level == IOMMU_LOG_ERROR ? CRITICAL : INFO, "iommu: %s\n", text);
}

static int services(void)
{
	const struct iommu_page_reserve_config config = {
		.alloc_pages = take_pages,
		.free_pages = give_pages,
		.irq_save = irq_save,
		.irq_restore = irq_restore,
		.wake = wake,
		.ready = {64},
	};
	struct iommu_platform *platform = &iommu_lk_platform;

	event_init(&refill, false, EVENT_FLAG_AUTOUNSIGNAL);
	iommu_x86_64_init(&port, 1000000000); /* its clock is not used */
	iommu_x86_64_fill(platform, &port);
	platform->alloc_pages = alloc_pages;
	platform->free_pages = free_pages;
	platform->phys_to_virt = phys_to_virt;
	platform->virt_to_phys = virt_to_phys;
	platform->now_ns = now_ns;
	platform->cpu_id = cpu_id;
	platform->cpu_count = cpu_count;
	platform->irq_save = irq_save;
	platform->irq_restore = irq_restore;
	platform->mutex_create = mutex_create;
	platform->mutex_destroy = mutex_end;
	platform->mutex_lock = mutex_lock;
	platform->mutex_unlock = mutex_unlock;
	platform->log = log_line;
	if (platform->map_mmio == NULL) {
		platform->map_mmio = map_mmio;
		platform->unmap_mmio = unmap_mmio;
	}
	if (iommu_page_reserve_init(&reserve, &config) != 0)
		return IOMMU_EINVAL;
	return iommu_page_reserve_refill(&reserve);
}

/* --- Boot ------------------------------------------------------------------------------------- */

static pci_location_t location_of(uint16_t segment, uint16_t id)
{
	return (pci_location_t){.segment = segment,
				.bus = (uint8_t)(id >> 8),
				.dev = (uint8_t)(id >> 3 & 0x1f),
				.fn = (uint8_t)(id & 7)};
}

static uint32_t read_config(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	uint32_t value;

	(void)ctx;
	if (pci_read_config_word(location_of(segment, id), offset, &value) != NO_ERROR)
		return UINT32_MAX;
	return value;
}

/* Every function: what keeps them apart is turned on, stated, and each is probed. */
static int find_devices(void)
{
	const struct iommu_pci_config config = {.read = read_config};
	struct iommu_endpoint_info info;
	struct iommu_endpoint *endpoint;
	int status = 0;
	size_t i;

	if (iommu_pci_scan(&config, 0, 0, functions, FUNCTIONS, &topology.count) != 0)
		return IOMMU_ENOSPC;
	for (i = 0; i < topology.count; i++) {
		struct iommu_pci_function *function = &functions[i];

		if (function->acs_offset != 0) {
			function->acs_control = iommu_pci_acs_wanted(function);
			pci_write_config_half(
				location_of(function->segment, iommu_pci_id(function)),
				function->acs_offset, function->acs_control);
		}
	}
	status = iommu_set_pci_topology(iommu_lk, &topology);
	for (i = 0; status == 0 && i < topology.count; i++) {
		status = iommu_pci_describe(&config, &topology, i, 0, &info);
		if (status == 0)
			status = iommu_probe_endpoint(iommu_lk, &info, &endpoint);
		if (status == IOMMU_ENODEV) /* no unit translates for it, or it does not respond */
			status = 0;
	}
	return status;
}

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	dprintf(INFO, "iommu: %02x:%02x.%x at %#llx: %s\n", fault->source_id >> 8,
		fault->source_id >> 3 & 0x1f, fault->source_id & 7,
		(unsigned long long)fault->address, fault->explanation);
}

static int housekeeper(void *argument)
{
	struct iommu_unit *unit;

	(void)argument;
	for (;;) {
		event_wait_timeout(&refill, HOUSEKEEPING);
		iommu_page_reserve_refill(&reserve);
		if (iommu_lk == NULL)
			continue;
		for (unit = iommu_next_unit(iommu_lk, NULL); unit != NULL;
		     unit = iommu_next_unit(iommu_lk, unit))
			iommu_unit_handle_faults(unit, NULL);
	}
	return 0;
}

static int protect(const struct acpi_sdt_header *dmar)
{
	int status = iommu_create(&iommu_lk_platform, &iommu_lk);

	if (status != 0)
		return status;
	iommu_set_fault_handler(iommu_lk, on_fault, NULL);
	status = iommu_set_default_type(iommu_lk, IOMMU_DOMAIN_DMA);
	if (status == 0)
		status = iommu_vtd_probe(iommu_lk, dmar, dmar->length, NULL);
	if (status == 0)
		status = find_devices();
	return status != 0 ? status : iommu_vtd_enable(iommu_lk);
}

static void boot(uint level)
{
	const struct acpi_sdt_header *dmar = acpi_get_table_by_sig("DMAR");
	thread_t *thread;
	int status = services();

	(void)level;
	if (status == 0)
		status = iommu_dma_create_direct(&iommu_lk_platform, &direct);
	if (status == 0 && dmar != NULL)
		status = protect(dmar);
	if (status != 0 || dmar == NULL)
		dprintf(CRITICAL, "iommu: devices reach all memory: %s\n",
			dmar == NULL ? "the machine has no unit" : iommu_strerror(status));
	thread = thread_create("iommu", housekeeper, NULL, DEFAULT_PRIORITY, DEFAULT_STACK_SIZE);
	if (thread != NULL)
		thread_resume(thread);
}

/* After the buses, before the drivers of a target. */
LK_INIT_HOOK(iommu, boot, LK_INIT_LEVEL_TARGET - 1);

/* --- Drivers ---------------------------------------------------------------------------------- */

static struct iommu_endpoint *endpoint_at(pci_location_t location)
{
	const uint16_t id = (uint16_t)(location.bus << 8 | location.dev << 3 | location.fn);

	if (iommu_lk == NULL || iommu_translating(iommu_lk) == 0)
		return NULL;
	return iommu_find_endpoint(iommu_lk, location.segment, id);
}

int iommu_lk_device(pci_location_t location, uint64_t mask, struct iommu_dma **dma,
		    struct iommu_dma_device *limits)
{
	struct iommu_endpoint *endpoint = endpoint_at(location);

	if (endpoint != NULL) {
		*limits = iommu_dma_device_of(endpoint, mask);
		return iommu_dma_of(endpoint, dma);
	}
	if (read_config(NULL, location.segment,
			(uint16_t)(location.bus << 8 | location.dev << 3 | location.fn),
			0) == UINT32_MAX)
		return IOMMU_ENODEV;
	*limits = (struct iommu_dma_device){.mask = mask};
	*dma = direct;
	return direct != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_lk_done(pci_location_t location)
{
	struct iommu_endpoint *endpoint = endpoint_at(location);

	if (endpoint != NULL)
		iommu_unuse_default_domain(endpoint);
}
