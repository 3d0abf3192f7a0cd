/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small manager of a virtual machine. The guest has memory, a virtual IOMMU, an emulated device
 * and a passed-through device of the host.
 *
 *	the guest's driver ── a VT-d unit that the manager emulates (a model)
 *	                        ├ emulated device: each access asks that model
 *	                        └ the host's device: what the guest says of its tables goes to the
 *	                          host's unit
 *	the manager           ── the host's VT-d unit (a second model, for want of a real one)
 *
 * Both drivers are this library's. What a manager does is in the first half: an address space with
 * the guest's memory in it (ioas.h), and then one of two ways. On a host whose unit nests, the
 * guest's own table is a first stage over the manager's tables: a nested HWPT for what the guest
 * sets up, and its invalidations handed on; such a guest is also migrated while its device writes.
 * On any other host a shadow (shadow.h) keeps a second address space equal to what the guest's
 * tables say.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommu_hosted.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/iommu.h>

#define MIB          (1UL << 20)
#define HOST_MEMORY  (32 * MIB) /* of the host's own tables … */
#define GUEST_MEMORY (8 * MIB)  /* … and of the guest, behind it */
#define HOST_BASE    0x100000000ULL
#define GUEST_TABLES (4 * MIB) /* where the guest's allocator has its pages; its data is above */
#define UNIT_BASE    0xfed90000ULL
#define EMULATED     0x20          /* 00:04.0 */
#define PASSED       0x28          /* 00:05.0 */
#define BUFFER       0x40000000ULL /* where the guest maps what its devices write */
#define BUFFER_PAGES 16

static bool good = true;

static void expect(bool holds, const char *what)
{
	printf("%-72s %s\n", what, holds ? "ok" : "WRONG");
	good = good && holds;
}

/* --- A machine: memory, a unit, and a driver for it ------------------------------------------- */

struct machine {
	struct iommu_hosted tables; /* pages of the driver, in the machine's memory */
	struct iommu_hosted own;    /* the model's */
	struct iommu_platform platform;
	unsigned char *memory;
	iommu_paddr_t base;
	size_t size;
	struct iommu_model_vtd *unit;
	struct iommu *iommu;
	struct iommu_endpoint *endpoints[2];
};

static unsigned char *at(const struct machine *m, iommu_paddr_t paddr, size_t size)
{
	if (paddr < m->base || paddr - m->base > m->size || size > m->size - (paddr - m->base))
		return NULL;
	return m->memory + (paddr - m->base);
}

static bool memory_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	const unsigned char *memory = at(ctx, paddr, size);

	if (memory != NULL)
		memcpy(bytes, memory, size);
	return memory != NULL;
}

static bool memory_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	unsigned char *memory = at(ctx, paddr, size);

	if (memory != NULL)
		memcpy(memory, bytes, size);
	return memory != NULL;
}

/* As it lies in memory: little-endian, whatever the processor. */
static uint64_t in_memory(uint64_t value)
{
	unsigned char bytes[8];
	uint64_t word;

	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
	memcpy(&word, bytes, 8);
	return word;
}

static bool memory_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t *word = (void *)at(ctx, paddr, 8);

	return word != NULL &&
	       __sync_bool_compare_and_swap(word, in_memory(expected), in_memory(desired));
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	struct machine *m = ctx;

	return (uint32_t)iommu_model_vtd_mmio_read(m->unit, (uintptr_t)reg - UNIT_BASE, 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	struct machine *m = ctx;

	return iommu_model_vtd_mmio_read(m->unit, (uintptr_t)reg - UNIT_BASE, 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	struct machine *m = ctx;

	iommu_model_vtd_mmio_write(m->unit, (uintptr_t)reg - UNIT_BASE, 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	struct machine *m = ctx;

	iommu_model_vtd_mmio_write(m->unit, (uintptr_t)reg - UNIT_BASE, 8, value);
}

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)size;
	return (void *)(uintptr_t)paddr; /* a token */
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct machine *m = ctx;

	return m->tables.platform.alloc_pages(&m->tables, order, node, flags);
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	struct machine *m = ctx;

	m->tables.platform.free_pages(&m->tables, pages, order);
}

/*
 * Memory from `base` on, of which the driver's pages are the first part; a unit with these
 * features; a driver, and two devices.
 */
static int machine_start(struct machine *m, unsigned char *memory, size_t size, size_t tables,
			 iommu_paddr_t base, unsigned int features,
			 const struct iommu_model_vtd_host *extra)
{
	const struct iommu_vtd_options options = {0};
	struct iommu_model_vtd_config config = {.flags = features};
	struct iommu_dmar_builder builder;
	unsigned char dmar[256];
	int status, length;

	m->memory = memory;
	m->base = base;
	m->size = size;
	status = iommu_hosted_init(&m->tables, memory, tables, base);
	if (status == 0)
		status = iommu_hosted_init(&m->own, NULL, 16 * MIB, 0);
	if (status != 0)
		return status;
	config.platform = &m->own.platform;
	config.host = *extra;
	config.host.ctx = m;
	config.host.read = memory_read;
	config.host.write = memory_write;
	config.host.compare_exchange = memory_exchange;
	status = iommu_model_vtd_create(&config, &m->unit);
	if (status != 0)
		return status;
	iommu_dmar_begin(&builder, dmar, sizeof(dmar), 46, 0);
	iommu_dmar_add_unit(&builder, 0, UNIT_BASE, iommu_model_vtd_register_space(m->unit), true);
	length = iommu_dmar_finish(&builder, "EXAMPL", "PASSTHRU");
	m->platform = (struct iommu_platform){
		.ctx = m,
		.alloc_pages = alloc_pages,
		.free_pages = free_pages,
		.map_mmio = map_mmio,
		.unmap_mmio = unmap_mmio,
		.mmio_read32 = read32,
		.mmio_read64 = read64,
		.mmio_write32 = write32,
		.mmio_write64 = write64,
		.direct_map_offset = m->tables.platform.direct_map_offset,
		/*
		 * There is no interrupt controller in this example. A kernel sets this only if its
		 * controller checks the sender of a message.
		 */
		.isolates_interrupts = true,
	};
	status = iommu_create(&m->platform, &m->iommu);
	if (status == 0)
		status = iommu_vtd_probe(m->iommu, dmar, (size_t)length, &options);
	return status;
}

static int machine_add(struct machine *m, unsigned int i, uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.source_id = source_id,
						 .physical_function = source_id};

	return iommu_probe_endpoint(m->iommu, &info, &m->endpoints[i]);
}

static bool machine_stop(struct machine *m)
{
	bool stopped = true;

	for (unsigned int i = 0; i < 2; i++)
		if (m->endpoints[i] != NULL)
			stopped = iommu_release_endpoint(m->endpoints[i]) == 0 && stopped;
	stopped = iommu_destroy(m->iommu) == 0 && stopped;
	iommu_model_vtd_destroy(m->unit);
	iommu_hosted_destroy(&m->own);
	iommu_hosted_destroy(&m->tables);
	return stopped;
}

/* A device behind a unit writes a byte. False: the unit stopped it. */
static bool device_writes(struct machine *m, uint16_t source_id, iommu_iova_t address,
			  unsigned char value)
{
	const struct iommu_model_request request = {
		.source_id = source_id, .address = address, .access = IOMMU_PROT_WRITE};
	struct iommu_model_translation where;

	return iommu_model_vtd_translate(m->unit, &request, &where) == 0 &&
	       memory_write(m, where.paddr, &value, 1);
}

/* --- The manager ------------------------------------------------------------------------------ */

static struct {
	struct machine host, guest;
	struct iommu_file *ctx;
	uint32_t ioas, device;
	/* Where the host's unit nests; `nested` is 0 where the guest has set nothing up. */
	uint32_t parent, nested;
	iommu_paddr_t nested_table;
	unsigned int handed_on;
	/* Where it does not: what the device is attached to, which the shadow keeps. */
	uint32_t space;
	struct iommu_shadow *shadow;
} vm;

/* The guest's memory is part of this process: a real manager would pin it here. */
static int pin(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
	       struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)ctx;
	(void)prot;
	(void)room;
	pieces[0] = (struct iommu_map_piece){HOST_BASE + HOST_MEMORY + address, size};
	*count = 1;
	return 0;
}

static void unpin(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
		  unsigned int count, unsigned int prot)
{
	(void)ctx;
	(void)address;
	(void)pieces;
	(void)count;
	(void)prot;
}

static const struct iommu_backing_ops guest_memory = {.pin = pin, .unpin = unpin};

/*
 * The table that the guest has given the passed-through device becomes a nested HWPT; without a
 * table the device is detached.
 */
static bool follow_guest(void)
{
	const uint32_t before = vm.nested;
	struct iommu_vtd_first_stage first = {0};
	const struct iommu_hwpt_config config = {.user_data = &first, .user_size = sizeof(first)};
	struct iommu_model_stage stage;

	if (iommu_model_vtd_get_stage(vm.guest.unit, PASSED, false, 0, &stage) != 0 ||
	    !stage.first) {
		if (before == 0)
			return true;
		vm.nested = 0;
		vm.nested_table = 0;
		return iommu_device_detach(vm.ctx, vm.device, IOMMU_NO_PASID) == 0 &&
		       iommu_object_destroy(vm.ctx, before) == 0;
	}
	if (before != 0 && stage.first_table == vm.nested_table)
		return true;
	first.table = stage.first_table;
	first.levels = stage.first_levels;
	if (iommu_hwpt_alloc(vm.ctx, vm.device, vm.parent, &config, &vm.nested) != 0)
		return false;
	vm.nested_table = stage.first_table;
	if (before == 0)
		return iommu_device_attach(vm.ctx, vm.device, IOMMU_NO_PASID, vm.nested, NULL) == 0;
	return iommu_device_replace(vm.ctx, vm.device, IOMMU_NO_PASID, vm.nested, NULL) == 0 &&
	       iommu_object_destroy(vm.ctx, before) == 0;
}

/* The guest invalidates what its unit has cached of its table: that is what the host's unit has. */
static bool hand_on(const struct iommu_model_invalidation *what)
{
	const struct iommu_vtd_invalidation request = {
		.address = what->address, .pages = what->size == 0 ? UINT64_MAX : what->size >> 12};
	unsigned int done = 0;

	vm.handed_on++;
	return vm.nested == 0 ||
	       iommu_hwpt_invalidate(vm.ctx, vm.nested, &request, sizeof(request), 1, &done) == 0;
}

/*
 * A shadow is told, and is equal when it returns. Where it could not take away what the guest has
 * taken away, the device is stopped before the guest goes on.
 */
static bool keep_shadow(const struct iommu_model_invalidation *what)
{
	struct iommu_shadow_stats stats;

	if (iommu_shadow_invalidate(vm.shadow, what) == 0)
		return true;
	good = false;
	iommu_shadow_get_stats(vm.shadow, &stats);
	return stats.is_safe || iommu_device_detach(vm.ctx, vm.device, IOMMU_NO_PASID) == 0;
}

/* In caching mode the guest also invalidates entries that it has just made present. */
static bool guest_invalidates(void *ctx, const struct iommu_model_invalidation *what)
{
	(void)ctx;
	if (vm.shadow != NULL)
		return keep_shadow(what);
	if (what->has_source && ((what->source_id ^ PASSED) & what->source_mask) != 0)
		return true;
	switch (what->type) {
	case IOMMU_MODEL_INVALIDATE_IOTLB:
		return hand_on(what);
	case IOMMU_MODEL_INVALIDATE_CONTEXTS:
	case IOMMU_MODEL_INVALIDATE_PASIDS:
	case IOMMU_MODEL_ROOT_TABLE_SET:
	case IOMMU_MODEL_TRANSLATION_SWITCHED:
	case IOMMU_MODEL_RESET:
		good = follow_guest() && good;
		return true;
	case IOMMU_MODEL_INVALIDATE_DEVICE_TLB: /* there is none */
	case IOMMU_MODEL_INVALIDATE_INTERRUPTS:
	case IOMMU_MODEL_PROTECTED_MEMORY_SWITCHED:
	case IOMMU_MODEL_INTERRUPT_TABLE_SET:
	case IOMMU_MODEL_INTERRUPTS_SWITCHED:
	case IOMMU_MODEL_COMPATIBILITY_SWITCHED:
		break;
	}
	return true;
}

/* The guest's memory, at its own addresses; and the device. */
static int manager_start(void)
{
	const struct iommu_backing backing = {&guest_memory, NULL, 0};
	iommu_iova_t iova = 0;
	int status = iommu_file_create(vm.host.iommu, NULL, &vm.ctx);

	if (status == 0)
		status = iommu_ioas_alloc(vm.ctx, 0, &vm.ioas);
	if (status == 0)
		status = iommu_ioas_map(vm.ctx, vm.ioas, &backing, GUEST_MEMORY,
					IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | IOMMU_IOAS_WRITE,
					&iova);
	if (status == 0)
		status = iommu_device_bind(vm.ctx, vm.host.endpoints[0], &vm.device);
	return status;
}

/* What the guest's tables will be nested on. */
static int manager_nests(void)
{
	const struct iommu_hwpt_config config = {.flags =
							 IOMMU_HWPT_NEST_PARENT | IOMMU_HWPT_DIRTY};

	return iommu_hwpt_alloc(vm.ctx, vm.device, vm.ioas, &config, &vm.parent);
}

/* An address space for the device, and what keeps it. */
static int manager_shadows(void)
{
	struct iommu_shadow_config config;
	int status = iommu_ioas_alloc(vm.ctx, IOMMU_IOAS_SPLIT, &vm.space);

	if (status == 0)
		status = iommu_device_attach(vm.ctx, vm.device, IOMMU_NO_PASID, vm.space, NULL);
	config = (struct iommu_shadow_config){.file = vm.ctx,
					      .ioas = vm.space,
					      .memory = vm.ioas,
					      .model = vm.guest.unit,
					      .source_id = PASSED};
	if (status == 0)
		status = iommu_shadow_create(&config, &vm.shadow);
	return status;
}

/* --- The guest -------------------------------------------------------------------------------- */

static struct iommu_domain *domains[2];

static bool guest_boots(void)
{
	bool booted = iommu_vtd_enable(vm.guest.iommu) == 0;

	for (unsigned int i = 0; i < 2 && booted; i++)
		booted = iommu_domain_alloc(iommu_endpoint_unit(vm.guest.endpoints[i]),
					    IOMMU_DOMAIN_PAGING, NULL, &domains[i]) == 0 &&
			 iommu_domain_attach_group(
				 domains[i], iommu_endpoint_group(vm.guest.endpoints[i])) == 0;
	return booted;
}

static bool guest_maps(unsigned int i, iommu_paddr_t memory, uint64_t size)
{
	return iommu_map(domains[i], BUFFER, memory, size, IOMMU_PROT_READ_WRITE) == 0;
}

static bool guest_shuts_down(void)
{
	bool down = true;

	for (unsigned int i = 0; i < 2; i++)
		down = iommu_domain_detach_group(iommu_endpoint_group(vm.guest.endpoints[i])) ==
			       0 &&
		       iommu_domain_free(domains[i]) == 0 && down;
	return down;
}

/* A byte of memory, by its guest physical address. */
static unsigned char guest_byte(iommu_paddr_t paddr)
{
	return vm.guest.memory[paddr];
}

/* --- The way to another host ------------------------------------------------------------------ */

/* Copy the pages that were written since the last round; returns their number. */
static unsigned int copy_round(unsigned char *destination, bool everything)
{
	static uint64_t words[GUEST_MEMORY / 4096 / 64];
	struct iommu_dirty_bitmap bitmap = {
		.words = words, .bits = GUEST_MEMORY / 4096, .page_shift = 12};
	unsigned int pages = 0;

	memset(words, everything ? 0xff : 0, sizeof(words));
	if (!everything &&
	    iommu_hwpt_read_dirty(vm.ctx, vm.parent, 0, GUEST_MEMORY, 0, &bitmap) != 0)
		return UINT32_MAX;
	for (size_t page = 0; page < GUEST_MEMORY / 4096; page++) {
		if ((words[page / 64] >> page % 64 & 1) == 0)
			continue;
		memcpy(destination + page * 4096, vm.guest.memory + page * 4096, 4096);
		pages++;
	}
	return pages;
}

/* The device goes on writing, to fewer pages in each round. */
static void migrate(unsigned char *destination)
{
	unsigned int pages;

	expect(iommu_hwpt_set_dirty(vm.ctx, vm.parent, true) == 0, "dirty tracking is on");
	expect(iommu_hwpt_split(vm.ctx, vm.parent, 0, GUEST_MEMORY, 4096) == 0,
	       "large pages of the guest's memory are split");
	pages = copy_round(destination, true);
	printf("  round 0: all %u pages copied, while the device writes\n", pages);
	for (unsigned int round = 1; round <= 4; round++) {
		const unsigned int writes = BUFFER_PAGES >> (round - 1);

		for (unsigned int i = 0; i < writes; i++)
			(void)device_writes(&vm.host, PASSED, BUFFER + i * 4096UL + round,
					    (unsigned char)(100 + round));
		pages = copy_round(destination, false);
		printf("  round %u: the device has written %u pages; copied again: %u\n", round,
		       writes, pages);
		good = good && pages >= writes && pages != UINT32_MAX;
	}
	expect(copy_round(destination, false) == 0,
	       "the device has stopped: nothing is left to copy");
	expect(memcmp(destination, vm.guest.memory + 0, GUEST_MEMORY) == 0,
	       "the copy is the guest's memory");
	expect(iommu_hwpt_set_dirty(vm.ctx, vm.parent, false) == 0, "dirty tracking is off");
}

/* What the manager has done for the guest's device so far. */
static uint64_t work_done(void)
{
	struct iommu_shadow_stats stats;

	if (vm.shadow == NULL)
		return vm.handed_on;
	iommu_shadow_get_stats(vm.shadow, &stats);
	return stats.unmapped_pages;
}

/* --- What happens ----------------------------------------------------------------------------- */

static void run(unsigned char *destination)
{
	const iommu_paddr_t first = GUEST_TABLES + 0x100000, second = GUEST_TABLES + 0x200000;
	const bool nests = vm.shadow == NULL;
	uint64_t before;

	expect(!device_writes(&vm.host, PASSED, BUFFER, 1),
	       "the host's device is blocked at first");
	expect(guest_boots(), "the guest boots, and turns its IOMMU on");
	if (nests)
		expect(vm.nested != 0,
		       "the guest starts that device: its table is nested in the host's unit");
	expect(guest_maps(0, first, 4096), "the guest maps a page for the emulated device");
	expect(device_writes(&vm.guest, EMULATED, BUFFER, 11) && guest_byte(first) == 11,
	       "which writes it");
	expect(!device_writes(&vm.guest, EMULATED, first, 12), "and nothing else");
	expect(guest_maps(1, second, BUFFER_PAGES * 4096UL),
	       "the guest maps a buffer for the host's device");
	expect(device_writes(&vm.host, PASSED, BUFFER + 5, 21) && guest_byte(second + 5) == 21,
	       nests ? "which writes it, through both stages"
		     : "which writes it, by the shadow of the guest's tables");
	expect(!device_writes(&vm.host, PASSED, second, 22),
	       "and not at the guest's own addresses");
	expect(!device_writes(&vm.host, PASSED, HOST_BASE, 23), "nor at the host's");
	if (nests)
		migrate(destination);
	before = work_done();
	expect(iommu_unmap(domains[1], BUFFER, BUFFER_PAGES * 4096UL, 0, NULL) == 0,
	       "the guest unmaps the buffer");
	expect(work_done() != before, "its invalidation was followed");
	expect(!device_writes(&vm.host, PASSED, BUFFER + 5, 24),
	       "the device does not reach it any more");
	expect(guest_shuts_down(), "the guest lets go of its devices");
	if (nests)
		expect(vm.nested == 0, "and the device is detached from the guest's table");
	expect(!device_writes(&vm.host, PASSED, BUFFER, 25), "it is blocked again");
}

/* A host whose unit nests, or does not, and a guest on it. */
static bool machines_start(unsigned char *memory, bool nests)
{
	const struct iommu_model_vtd_host for_guest = {.invalidate = guest_invalidates};
	const struct iommu_model_vtd_host for_host = {.invalidate = NULL};
	const unsigned int host = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
				  IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_DIRTY;
	/* What is nested is a first stage; what is shadowed, a second one, in caching mode. */
	const unsigned int guest =
		IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_CACHING_MODE |
		(nests ? IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NO_SECOND_STAGE : 0);

	return machine_start(&vm.host, memory, HOST_MEMORY + GUEST_MEMORY, HOST_MEMORY, HOST_BASE,
			     nests ? host : 0, &for_host) == 0 &&
	       machine_add(&vm.host, 0, PASSED) == 0 && iommu_vtd_enable(vm.host.iommu) == 0 &&
	       manager_start() == 0 &&
	       machine_start(&vm.guest, memory + HOST_MEMORY, GUEST_MEMORY, GUEST_TABLES, 0, guest,
			     &for_guest) == 0 &&
	       machine_add(&vm.guest, 0, EMULATED) == 0 && machine_add(&vm.guest, 1, PASSED) == 0 &&
	       (nests ? manager_nests() : manager_shadows()) == 0;
}

static void run_on(unsigned char *memory, unsigned char *destination, bool nests)
{
	memset(&vm, 0, sizeof(vm));
	memset(memory, 0, HOST_MEMORY + GUEST_MEMORY);
	puts(nests ? "a host that nests:" : "a host that does not:");
	if (!machines_start(memory, nests)) {
		good = false;
		return;
	}
	run(destination);
	good = iommu_shadow_destroy(vm.shadow) == 0 && good;
	vm.shadow = NULL;
	good = machine_stop(&vm.guest) && good;
	good = iommu_file_destroy(vm.ctx) == 0 && good;
	good = machine_stop(&vm.host) && good;
}

int main(void)
{
	unsigned char *memory = aligned_alloc(IOMMU_HOSTED_ALIGNMENT, HOST_MEMORY + GUEST_MEMORY);
	unsigned char *destination = calloc(1, GUEST_MEMORY);

	if (memory == NULL || destination == NULL)
		return 1;
	run_on(memory, destination, true);
	run_on(memory, destination, false);
	free(destination);
	free(memory);
	puts(good ? "all as it should be" : "something is wrong");
	return good ? 0 : 1;
}
