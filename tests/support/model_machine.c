/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "model_machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"
#include "test_platform.h"

#define MODELS_MEMORY (256UL << 20)
#define LINE          64
/* The driver's pages are below, the devices' from here up. */
#define DEVICE_PAGES (MACHINE_PAGES / 2)
/* A page of device memory that is never mapped. */
#define STALE_TARGET (MACHINE_BASE + (MACHINE_PAGES - 1) * IOMMU_PAGE_SIZE)

static void violated(struct model_machine *machine, const char *text)
{
	if (machine->violation == NULL)
		machine->violation = text;
}

/* --- Memory ----------------------------------------------------------------------------------- */

static bool in_memory(iommu_paddr_t paddr, size_t size)
{
	return paddr >= MACHINE_BASE &&
	       paddr + size <= MACHINE_BASE + MACHINE_PAGES * IOMMU_PAGE_SIZE;
}

static unsigned int page_of(iommu_paddr_t paddr)
{
	return (unsigned int)((paddr - MACHINE_BASE) >> IOMMU_PAGE_SHIFT);
}

static bool stores_can_be_late(const struct model_machine *machine)
{
	return machine->visible != machine->memory;
}

void *model_machine_bytes(struct model_machine *machine, iommu_paddr_t paddr)
{
	return machine->memory + (paddr - MACHINE_BASE);
}

static void set_state(struct model_machine *machine, unsigned int page, unsigned int order,
		      enum page_state state)
{
	memset(machine->states + page, (int)state, 1U << order);
}

/* The page freed last is used first. Pages of one order stay of that order. */
static bool take_pages(struct model_machine *machine, unsigned int order, unsigned int *page)
{
	unsigned int count;

	if (order >= MACHINE_ORDERS)
		return false;
	count = 1U << order;
	if (machine->free_count[order] != 0) {
		*page = machine->free_list[order][--machine->free_count[order]];
		return true;
	}
	*page = (machine->next_page + count - 1) & ~(count - 1);
	if (*page + count > DEVICE_PAGES)
		return false;
	machine->next_page = *page + count;
	return true;
}

static void give_pages(struct model_machine *machine, unsigned int page, unsigned int order)
{
	set_state(machine, page, order, PAGE_FREE);
	memset(machine->memory + page * IOMMU_PAGE_SIZE, TEST_POISON,
	       (size_t)IOMMU_PAGE_SIZE << order);
	machine->free_list[order][machine->free_count[order]++] = page;
}

/*
 * The contents of memory until something was flushed to it: the worst case, entries that are
 * present, in tables of all kinds, and lead to a page of device memory.
 */
static void fill_with_stale(unsigned char *visible, size_t size)
{
	const uint64_t entry = iommu_le64(STALE_TARGET | 1);
	size_t at;

	memset(visible, 0, size);
	for (at = 0; at < size; at += 16)
		memcpy(visible + at, &entry, sizeof(entry));
}

static void *machine_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct model_machine *machine = ctx;
	size_t size;
	unsigned int page;

	(void)node;
	test_contract_alloc(ctx, order, flags);
	machine->allocations++;
	if (machine->allocations == machine->fail_at ||
	    (machine->fail_every != 0 && machine->allocations % machine->fail_every == 0))
		return NULL;
	if (!take_pages(machine, order, &page))
		return NULL;
	size = (size_t)IOMMU_PAGE_SIZE << order;
	set_state(machine, page, order, PAGE_TABLE);
	machine->pages_in_use += (size_t)1 << order;
	memset(machine->memory + page * IOMMU_PAGE_SIZE, 0, size);
	/* The zeros are still in the CPU's caches. */
	if (stores_can_be_late(machine))
		fill_with_stale(machine->visible + page * IOMMU_PAGE_SIZE, size);
	return machine->memory + page * IOMMU_PAGE_SIZE;
}

static void machine_free_pages(void *ctx, void *pages, unsigned int order)
{
	struct model_machine *machine = ctx;
	const size_t offset = (size_t)((unsigned char *)pages - machine->memory);

	machine->pages_in_use -= (size_t)1 << order;
	give_pages(machine, (unsigned int)(offset / IOMMU_PAGE_SIZE), order);
}

/* The first run of free pages in the upper half, which is device memory. */
iommu_paddr_t model_machine_take(struct model_machine *machine, unsigned int count)
{
	const unsigned int align = (count & (count - 1)) == 0 ? count : 1;
	unsigned int page = DEVICE_PAGES;
	unsigned int run = 0;

	while (run < count) {
		if (page + count > MACHINE_PAGES)
			return 0;
		if (machine->states[page + run] == PAGE_FREE) {
			run++;
			continue;
		}
		page = (page + run + align) & ~(align - 1);
		run = 0;
	}
	memset(machine->states + page, PAGE_DEVICE, count);
	memset(machine->memory + page * IOMMU_PAGE_SIZE, 0, count * IOMMU_PAGE_SIZE);
	return MACHINE_BASE + page * IOMMU_PAGE_SIZE;
}

void model_machine_give(struct model_machine *machine, iommu_paddr_t paddr, unsigned int count)
{
	const unsigned int page = page_of(paddr);

	memset(machine->states + page, PAGE_FREE, count);
	memset(machine->memory + page * IOMMU_PAGE_SIZE, TEST_POISON, count * IOMMU_PAGE_SIZE);
}

void model_machine_mark(struct model_machine *machine, iommu_paddr_t paddr, unsigned int count,
			enum page_state state)
{
	memset(machine->states + page_of(paddr), (int)state, count);
}

/* --- What the driver's platform does ---------------------------------------------------------- */

static void machine_cache_flush(void *ctx, const void *virt, size_t size)
{
	struct model_machine *machine = ctx;
	const size_t offset = (size_t)((const unsigned char *)virt - machine->memory);
	const size_t first = offset & ~(size_t)(LINE - 1);
	const size_t end = (offset + size + LINE - 1) & ~(size_t)(LINE - 1);

	if (stores_can_be_late(machine))
		memcpy(machine->visible + first, machine->memory + first, end - first);
}

static void *machine_map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct model_machine *machine = ctx;

	(void)size;
	test_contract_no_lock(ctx, "map_mmio");
	machine->mapped++;
	/* A token, which only the functions below look at. */
	return (void *)(uintptr_t)paddr;
}

static void machine_unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	struct model_machine *machine = ctx;

	(void)registers;
	(void)size;
	machine->mapped--;
}

static struct iommu_model_vtd *unit_at(const struct model_machine *machine,
				       const volatile void *reg, uint64_t *offset,
				       unsigned int *index)
{
	const uint64_t address = (uintptr_t)reg;

	assert_true(machine->mapped != 0);
	*index = (unsigned int)((address - MACHINE_UNIT(0)) / 0x10000);
	*offset = (address - MACHINE_UNIT(0)) % 0x10000;
	assert_true(*index < machine->unit_count);
	return machine->units[*index];
}

static uint64_t mmio_read(struct model_machine *machine, const volatile void *reg,
			  unsigned int size)
{
	unsigned int index;
	uint64_t offset;
	struct iommu_model_vtd *unit = unit_at(machine, reg, &offset, &index);
	const unsigned int held = test_contract_swap_mutexes(0);
	uint64_t value;

	test_contract_register((uintptr_t)reg, size);
	if (machine->meanwhile != NULL && machine->meanwhile_reading)
		machine->meanwhile(machine);
	value = iommu_model_vtd_mmio_read(unit, offset, size);
	(void)test_contract_swap_mutexes(held);
	return value;
}

static void mmio_write(struct model_machine *machine, volatile void *reg, unsigned int size,
		       uint64_t value)
{
	unsigned int index;
	uint64_t offset;
	struct iommu_model_vtd *unit = unit_at(machine, reg, &offset, &index);
	const unsigned int held = test_contract_swap_mutexes(0);

	test_contract_register((uintptr_t)reg, size);
	if (machine->meanwhile != NULL)
		machine->meanwhile(machine);
	/* The queue is read through the CPU's caches, whether walks snoop or not. */
	if (offset == VTD_IQA && size == 8)
		machine->queue_page[index] = value;
	iommu_model_vtd_mmio_write(unit, offset, size, value);
	(void)test_contract_swap_mutexes(held);
}

static uint32_t machine_read32(void *ctx, const volatile void *reg)
{
	return (uint32_t)mmio_read(ctx, reg, 4);
}

static uint64_t machine_read64(void *ctx, const volatile void *reg)
{
	return mmio_read(ctx, reg, 8);
}

static void machine_write32(void *ctx, volatile void *reg, uint32_t value)
{
	mmio_write(ctx, reg, 4, value);
}

static void machine_write64(void *ctx, volatile void *reg, uint64_t value)
{
	mmio_write(ctx, reg, 8, value);
}

/* Time passes only when the clock is read: a time-out is a number of polls. */
static uint64_t machine_now_ns(void *ctx)
{
	struct model_machine *machine = ctx;

	test_contract_clock(ctx);
	return machine->clock_ns += 1000;
}

static void machine_log(void *ctx, enum iommu_log_level level, const char *text)
{
	struct model_machine *machine = ctx;

	test_contract_log(level, text);
	machine->lines[level]++;
	machine->heard += machine->awaited != NULL && strstr(text, machine->awaited) != NULL;
	snprintf(machine->last[level], sizeof(machine->last[level]), "%s", text);
	if (level <= IOMMU_LOG_WARNING) {
		machine->log_lines++;
		snprintf(machine->log_last, sizeof(machine->log_last), "%s", text);
	}
	if (!machine->quiet && level <= IOMMU_LOG_WARNING)
		fprintf(stderr, "# log: %s\n", text);
}

/* --- What the models ask for ------------------------------------------------------------------ */

static bool is_queue(const struct model_machine *machine, iommu_paddr_t paddr)
{
	unsigned int i;

	for (i = 0; i < machine->unit_count; i++)
		if (paddr - (machine->queue_page[i] & VTD_ENTRY_ADDRESS_MASK) <
		    IOMMU_PAGE_SIZE << (machine->queue_page[i] & 7))
			return true;
	return false;
}

static bool host_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	const struct model_unit *unit = ctx;
	struct model_machine *machine = unit->machine;
	const unsigned char *from = is_queue(machine, paddr) ? machine->memory : unit->memory;

	test_contract_memory(paddr, size);
	if (!in_memory(paddr, size)) {
		violated(machine, "hardware read a table where there is no memory");
		return false;
	}
	switch ((enum page_state)machine->states[page_of(paddr)]) {
	case PAGE_FREE:
		violated(machine, "hardware walked into a page that was given back");
		break;
	case PAGE_DEVICE:
		violated(machine, "hardware walked into a page of device memory");
		break;
	case PAGE_POSTED:
		from = machine->memory;
		break;
	case PAGE_TABLE:
		break;
	}
	memcpy(bytes, from + (paddr - MACHINE_BASE), size);
	return true;
}

static struct model_machine *machine_of(void *ctx)
{
	return ((struct model_unit *)ctx)->machine;
}

static bool host_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	struct model_machine *machine = machine_of(ctx);

	test_contract_memory(paddr, size);
	if (!in_memory(paddr, size) || machine->states[page_of(paddr)] != PAGE_TABLE) {
		violated(machine, "hardware wrote a status where there is no table page");
		return false;
	}
	memcpy(machine->memory + (paddr - MACHINE_BASE), bytes, size);
	return true;
}

static bool host_set_bits(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before)
{
	struct model_machine *machine = machine_of(ctx);
	unsigned char *at = machine->memory + (paddr - MACHINE_BASE);
	unsigned int i;

	if (!in_memory(paddr, 8) || machine->states[page_of(paddr)] != PAGE_POSTED)
		return false;
	*before = 0;
	for (i = 0; i < 8; i++) {
		*before |= (uint64_t)at[i] << 8 * i;
		at[i] |= (unsigned char)(bits >> 8 * i);
	}
	return true;
}

static void host_interrupt(void *ctx, uint64_t address, uint32_t data)
{
	struct model_machine *machine = machine_of(ctx);

	machine->messages++;
	machine->messages_of[data & 0xff]++;
	machine->message_address = address;
	machine->message_data = data;
}

static void host_misuse(void *ctx, const char *text)
{
	violated(machine_of(ctx), text);
}

static void host_write_buffer_flushed(void *ctx)
{
	struct model_machine *machine = machine_of(ctx);

	if (stores_can_be_late(machine))
		memcpy(machine->visible, machine->memory, machine->next_page * IOMMU_PAGE_SIZE);
}

static struct model_device *device_of(struct model_machine *machine, uint16_t source_id)
{
	unsigned int i;

	for (i = 0; i < machine->device_count; i++)
		if (machine->devices[i].source_id == source_id)
			return &machine->devices[i];
	return NULL;
}

static bool host_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				  uint64_t desired)
{
	struct model_machine *machine = machine_of(ctx);
	unsigned char *at = machine->memory + (paddr - MACHINE_BASE);
	const uint64_t old = iommu_le64(expected);
	const uint64_t value = iommu_le64(desired);

	if (!in_memory(paddr, 8) || machine->states[page_of(paddr)] == PAGE_FREE) {
		violated(machine, "hardware noted an access where there is no table");
		return false;
	}
	if (memcmp(at, &old, 8) != 0)
		return false;
	memcpy(at, &value, 8);
	if (stores_can_be_late(machine))
		memcpy(machine->visible + (paddr - MACHINE_BASE), &value, 8);
	return true;
}

/* As it is noted of a device. */
static uint32_t pasid_of(bool has_pasid, uint32_t pasid)
{
	return has_pasid && pasid == 0 ? MODEL_PASID_0 : has_pasid ? pasid : 0;
}

static bool host_invalidate_device_tlb(void *ctx, const struct iommu_model_device_tlb *forget)
{
	struct model_machine *machine = machine_of(ctx);
	struct model_device *device = device_of(machine, forget->source_id);
	unsigned int i;

	if (device == NULL || (!device->has_tlb && !device->tlb_is_off)) {
		violated(machine, "a device without a TLB was told to invalidate it");
		return true;
	}
	if (device->silent)
		return false;
	device->invalidations++;
	device->invalidated = pasid_of(forget->has_pasid, forget->pasid);
	for (i = 0; i < sizeof(device->tlb) / sizeof(device->tlb[0]); i++) {
		const struct device_tlb_entry *entry = &device->tlb[i];
		const bool overlaps = forget->size == 0 ||
				      (entry->address <= forget->address + (forget->size - 1) &&
				       forget->address <= entry->address + (entry->size - 1));

		const bool is_meant =
			forget->all_pasids
				? entry->pasid != 0
				: entry->pasid == pasid_of(forget->has_pasid, forget->pasid);

		if (overlaps && is_meant)
			device->tlb[i].used = false;
	}
	return true;
}

static void host_page_answer(void *ctx, const struct iommu_model_page_answer *answer)
{
	struct model_device *device = device_of(machine_of(ctx), answer->source_id);

	if (device == NULL) {
		violated(machine_of(ctx), "an answer to page requests went to no device");
		return;
	}
	device->answer = *answer;
	device->answers++;
}

/* --- Life ------------------------------------------------------------------------------------- */

static bool host_invalidate(void *ctx, const struct iommu_model_invalidation *what)
{
	struct model_machine *machine = ((struct model_unit *)ctx)->machine;

	return machine->invalidate == NULL || machine->invalidate(machine, what);
}

/* Memory of such contents; machines of a program share it but for the pages that are written. */
static unsigned char *map_stale(void)
{
	const size_t size = MACHINE_PAGES * IOMMU_PAGE_SIZE;
	static int file = -1;
	unsigned char *memory;

	if (file < 0) {
		file = memfd_create("stale", MFD_CLOEXEC);
		assert_true(file >= 0 && ftruncate(file, (off_t)size) == 0);
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		assert_true(memory != MAP_FAILED);
		fill_with_stale(memory, size);
		munmap(memory, size);
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
	assert_true(memory != MAP_FAILED);
	return memory;
}

void model_machine_add_unit(struct model_machine *machine,
			    const struct iommu_model_vtd_config *config)
{
	const unsigned int late = IOMMU_MODEL_VTD_WRITE_BUFFER | IOMMU_MODEL_VTD_NONCOHERENT;
	struct model_unit *view = &machine->views[machine->unit_count];
	struct iommu_model_vtd_config own = *config;

	own.strict |= MACHINE_STRICT;
	/* The defaults of a unit where the test does not say. */
	if (own.fault_records == 0)
		own.fault_records = 1;
	if (own.address_mask == 0 && (own.flags & IOMMU_MODEL_VTD_NO_PAGES) == 0)
		own.flags |= IOMMU_MODEL_VTD_SINGLE_PAGES;
	if (own.cache_entries == 0)
		own.cache_entries = SIZE_MAX; /* no random eviction */
	own.platform = &machine->models.platform;
	own.host = (struct iommu_model_vtd_host){
		.ctx = view,
		.read = host_read,
		.write = host_write,
		.set_bits = host_set_bits,
		.interrupt = host_interrupt,
		.compare_exchange = host_compare_exchange,
		.invalidate_device_tlb = host_invalidate_device_tlb,
		.page_answer = host_page_answer,
		.misuse = host_misuse,
		.invalidate = host_invalidate,
	};
	if ((own.flags & IOMMU_MODEL_VTD_WRITE_BUFFER) != 0)
		own.host.write_buffer_flushed = host_write_buffer_flushed;
	if ((own.flags & late) != 0 && !stores_can_be_late(machine))
		machine->visible = map_stale();
	*view = (struct model_unit){
		.machine = machine,
		.memory = (own.flags & late) != 0 ? machine->visible : machine->memory,
	};
	assert_int_equal(iommu_model_vtd_create(&own, &machine->units[machine->unit_count]), 0);
	machine->unit_count++;
}

/* Aligned to 2 MiB; a file, so that a test can map its pages at other addresses, too. */
static unsigned char *map_memory(int *file)
{
	const size_t size = MACHINE_PAGES * IOMMU_PAGE_SIZE;
	const size_t alignment = 1 << 21;
	unsigned char *memory = mmap(NULL, size + alignment, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before;

	*file = memfd_create("machine", MFD_CLOEXEC);
	assert_true(memory != MAP_FAILED && *file >= 0 && ftruncate(*file, (off_t)size) == 0);
	before = -(uintptr_t)memory & (alignment - 1);
	if (before != 0)
		munmap(memory, before);
	munmap(memory + before + size, alignment - before);
	assert_true(mmap(memory + before, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, *file, 0) != MAP_FAILED);
	return memory + before;
}

void model_machine_init(struct model_machine *machine, unsigned int units,
			const struct iommu_model_vtd_config *config)
{
	unsigned int i;

	memset(machine, 0, sizeof(*machine));
	assert_int_equal(iommu_hosted_init(&machine->models, NULL, MODELS_MEMORY, 0), 0);
	test_contract_hosted(&machine->models);
	test_contract_begin(machine);
	machine->memory = map_memory(&machine->memory_file);
	machine->visible = machine->memory;
	machine->states = calloc(MACHINE_PAGES, 1);
	assert_non_null(machine->states);
	machine->states[MACHINE_PAGES - 1] = PAGE_DEVICE;
	for (i = 0; i < MACHINE_ORDERS; i++) {
		machine->free_list[i] = calloc(MACHINE_PAGES, sizeof(uint32_t));
		assert_non_null(machine->free_list[i]);
	}
	machine->platform = (struct iommu_platform){
		.ctx = machine,
		.alloc_pages = machine_alloc_pages,
		.free_pages = machine_free_pages,
		.direct_map_offset = (uint64_t)(uintptr_t)machine->memory - MACHINE_BASE,
		.map_mmio = machine_map_mmio,
		.unmap_mmio = machine_unmap_mmio,
		.mmio_read32 = machine_read32,
		.mmio_read64 = machine_read64,
		.mmio_write32 = machine_write32,
		.mmio_write64 = machine_write64,
		.cache_flush = machine_cache_flush,
		.now_ns = machine_now_ns,
		.irq_save = test_contract_irq_save,
		.irq_restore = test_contract_irq_restore,
		.log = machine_log,
		/* The platform isolates no interrupts; units that can remap them have to. */
		.isolates_interrupts = true,
	};
	test_platform_add_mutex(&machine->platform);
	for (i = 0; i < units; i++)
		model_machine_add_unit(machine, config);
}

void model_machine_destroy(struct model_machine *machine)
{
	unsigned int i;

	if (machine->violation != NULL)
		fail_msg("the driver broke a rule: %s", machine->violation);
	assert_int_equal(machine->pages_in_use, 0);
	assert_int_equal(machine->mapped, 0);
	for (i = 0; i < machine->unit_count; i++)
		iommu_model_vtd_destroy(machine->units[i]);
	assert_int_equal(machine->models.pages_in_use, 0);
	iommu_hosted_destroy(&machine->models);
	for (i = 0; i < MACHINE_ORDERS; i++)
		free(machine->free_list[i]);
	if (stores_can_be_late(machine))
		munmap(machine->visible, MACHINE_PAGES * IOMMU_PAGE_SIZE);
	munmap(machine->memory, MACHINE_PAGES * IOMMU_PAGE_SIZE);
	close(machine->memory_file);
	free(machine->states);
}

struct model_device *model_machine_add_device(struct model_machine *machine, unsigned int unit,
					      uint16_t source_id)
{
	struct model_device *device = &machine->devices[machine->device_count];

	assert_true(machine->device_count < MACHINE_DEVICES);
	machine->device_count++;
	device->machine = machine;
	device->unit = unit;
	device->source_id = source_id;
	return device;
}

void model_machine_make_dmar(struct model_machine *machine)
{
	struct iommu_dmar_builder builder;
	unsigned int unit, i;
	int size;

	iommu_dmar_begin(&builder, machine->dmar, sizeof(machine->dmar), 46, DMAR_FLAG_INTR_REMAP);
	for (unit = 0; unit < machine->unit_count; unit++) {
		const bool last = unit == machine->unit_count - 1;

		iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(unit),
				    iommu_model_vtd_register_space(machine->units[unit]), last);
		for (i = 0; i < machine->device_count && !last; i++) {
			const uint16_t id = machine->devices[i].source_id;
			const struct iommu_pci_hop hop = {id >> 3 & 31, id & 7};

			if (machine->devices[i].unit == unit)
				iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0,
						     (uint8_t)(id >> 8), &hop, 1);
		}
	}
	size = iommu_dmar_finish(&builder, "TEST", "MODEL");
	assert_true(size > 0);
	machine->dmar_size = (size_t)size;
}

/* --- Devices ---------------------------------------------------------------------------------- */

static const struct device_tlb_entry *tlb_find(const struct model_device *device, uint32_t pasid,
					       iommu_iova_t iova, unsigned int access)
{
	unsigned int i;

	for (i = 0; i < sizeof(device->tlb) / sizeof(device->tlb[0]); i++) {
		const struct device_tlb_entry *entry = &device->tlb[i];

		if (entry->used && entry->pasid == pasid && iova >= entry->address &&
		    iova - entry->address < entry->size && (access & ~entry->prot) == 0)
			return entry;
	}
	return NULL;
}

/* Through the device's TLB: a translation request where it has none, then a translated request. */
static int access_by_tlb(struct model_device *device, struct iommu_model_request *request,
			 struct iommu_model_translation *result)
{
	struct iommu_model_vtd *unit = device->machine->units[device->unit];
	const struct device_tlb_entry *known =
		tlb_find(device, pasid_of(request->has_pasid, request->pasid), request->address,
			 request->access);
	struct device_tlb_entry *entry;

	if (known == NULL) {
		request->type = IOMMU_MODEL_TRANSLATION_REQUEST;
		/* Refused: the device may still send the request untranslated. */
		if (iommu_model_vtd_translate(unit, request, result) != 0) {
			if (device->asks_only)
				return IOMMU_EFAULT;
			request->type = IOMMU_MODEL_UNTRANSLATED;
			return iommu_model_vtd_translate(unit, request, result);
		}
		if ((request->access & ~result->prot) != 0)
			return IOMMU_EFAULT;
		entry = &device->tlb[device->tlb_next++ %
				     (sizeof(device->tlb) / sizeof(device->tlb[0]))];
		*entry = (struct device_tlb_entry){
			.used = true,
			.pasid = pasid_of(request->has_pasid, request->pasid),
			.address = request->address & ~(result->size - 1),
			.size = result->size,
			.paddr = result->paddr & ~(result->size - 1),
			.prot = result->prot,
		};
		known = entry;
	}
	request->type = IOMMU_MODEL_TRANSLATED;
	request->address = known->paddr + (request->address - known->address);
	return iommu_model_vtd_translate(unit, request, result);
}

int model_device_access_pasid(struct model_device *device, uint32_t pasid, iommu_iova_t iova,
			      unsigned int access, iommu_paddr_t *paddr)
{
	struct model_machine *machine = device->machine;
	struct iommu_model_request request = {
		.source_id = device->source_id,
		.has_pasid = pasid != 0,
		.pasid = pasid & ~MODEL_PASID_0,
		.address = iova,
		.access = access,
	};
	const unsigned int held = test_contract_swap_mutexes(0);
	struct iommu_model_translation result;
	int status;

	if (device->has_tlb)
		status = access_by_tlb(device, &request, &result);
	else
		status = iommu_model_vtd_translate(machine->units[device->unit], &request, &result);
	(void)test_contract_swap_mutexes(held);
	if (status != 0)
		return status;
	if (in_memory(result.paddr, 1) && machine->states[page_of(result.paddr)] != PAGE_DEVICE)
		violated(machine, "a device reached a page that is not device memory");
	*paddr = result.paddr;
	return 0;
}

int model_device_access(struct model_device *device, iommu_iova_t iova, unsigned int access,
			iommu_paddr_t *paddr)
{
	return model_device_access_pasid(device, 0, iova, access, paddr);
}

int model_device_request_page(struct model_device *device, uint32_t pasid, iommu_iova_t iova,
			      unsigned int access, uint16_t group, bool is_last)
{
	const struct iommu_model_page_request request = {
		.source_id = device->source_id,
		.has_pasid = pasid != 0,
		.pasid = pasid,
		.address = iova,
		.access = access,
		.group = group,
		.is_last = is_last,
	};

	return iommu_model_vtd_page_request(device->machine->units[device->unit], &request);
}

static size_t chunk_of(iommu_iova_t iova, size_t size)
{
	const size_t left = (size_t)(IOMMU_PAGE_SIZE - iova % IOMMU_PAGE_SIZE);

	return size < left ? size : left;
}

static void transfer(struct model_device *device, iommu_iova_t iova, size_t size,
		     unsigned int access)
{
	unsigned char *bytes = device->buffer;
	iommu_paddr_t paddr;

	while (size != 0) {
		const size_t chunk = chunk_of(iova, size);

		if (model_device_access(device, iova, access, &paddr) == 0 &&
		    in_memory(paddr, chunk)) {
			void *memory = model_machine_bytes(device->machine, paddr);

			if (access == IOMMU_PROT_WRITE)
				memcpy(memory, bytes, chunk);
			else
				memcpy(bytes, memory, chunk);
		}
		iova += chunk;
		bytes += chunk;
		size -= chunk;
	}
}

void model_device_read(struct model_device *device, iommu_iova_t iova, size_t size)
{
	transfer(device, iova, size, IOMMU_PROT_READ);
}

void model_device_write(struct model_device *device, iommu_iova_t iova, size_t size)
{
	transfer(device, iova, size, IOMMU_PROT_WRITE);
}

static void scenario_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	model_device_read(device->data, iova, size);
}

static void scenario_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	model_device_write(device->data, iova, size);
}

struct dma_device model_device_for_scenario(struct model_device *device)
{
	return (struct dma_device){
		.info = {.source_id = device->source_id},
		.read = scenario_read,
		.write = scenario_write,
		.data = device,
	};
}

struct model_host model_machine_start(struct model_machine *machine,
				      const struct iommu_vtd_options *options,
				      const struct iommu_endpoint_info *info)
{
	struct model_host host;

	model_machine_make_dmar(machine);
	assert_int_equal(iommu_create(&machine->platform, &host.iommu), 0);
	assert_int_equal(iommu_vtd_probe(host.iommu, machine->dmar, machine->dmar_size, options),
			 0);
	assert_int_equal(iommu_probe_endpoint(host.iommu, info, &host.endpoint), 0);
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(host.iommu, NULL), IOMMU_DOMAIN_DMA,
					    NULL, &host.domain),
			 0);
	assert_int_equal(
		iommu_domain_attach_group(host.domain, iommu_endpoint_group(host.endpoint)), 0);
	assert_int_equal(iommu_vtd_enable(host.iommu), 0);
	return host;
}
