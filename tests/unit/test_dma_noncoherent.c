/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA of devices that access memory past the CPU caches: over the VT-d driver and the model, and
 * where nothing translates. What the CPU sees and what is in memory are two images; a line goes
 * from one to the other only when the host is asked for it.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libiommu/dma.h>

#include "dma/dma.h"
#include "model_machine.h"
#include "test.h"
#include "test_contract.h"
#include "test_platform.h"

#define PAGE     IOMMU_PAGE_SIZE
#define LINE     64U
#define LINES    (MACHINE_PAGES * (unsigned int)PAGE / LINE)
#define BOTH     IOMMU_DMA_BIDIRECTIONAL
#define QUICK_NS 2000000

enum kind {
	STRICT,
	LAZY,
	DIRECT,
	KINDS
};

/* A stretch of addresses that the host was asked for. */
struct request {
	iommu_paddr_t paddr;
	uint64_t size;
};

static struct fixture {
	struct model_machine machine;
	unsigned char *dram; /* as the device sees memory */
	int dram_file;
	bool newer[LINES]; /* the device has written a line that the CPU may still have */
	struct model_host host;
	struct model_device *device;
	struct iommu_dma *dma;
	enum kind kind;
	unsigned int written_back, invalidated, uncached; /* calls, and mappings */
	struct request last_written_back, last_invalidated;
	iommu_paddr_t lent[64];
	unsigned int lent_count;
} f;

static const struct iommu_dma_device device = {.noncoherent = true};
static const struct iommu_dma_device both_ways = {.noncoherent = true, .untrusted = true};

/* --- The host --------------------------------------------------------------------------------- */

static unsigned char *bytes(iommu_paddr_t paddr)
{
	return model_machine_bytes(&f.machine, paddr);
}

static unsigned char *dram(iommu_paddr_t paddr)
{
	return f.dram + (paddr - MACHINE_BASE);
}

static unsigned int line_of(iommu_paddr_t paddr)
{
	return (unsigned int)((paddr - MACHINE_BASE) / LINE);
}

/* Does the CPU have something of a line that is not in memory? */
static bool is_dirty(unsigned int line)
{
	return !f.newer[line] && memcmp(f.machine.memory + (size_t)line * LINE,
					f.dram + (size_t)line * LINE, LINE) != 0;
}

static void write_back(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	unsigned int line;

	(void)ctx;
	f.written_back++;
	f.last_written_back = (struct request){paddr, size};
	for (line = line_of(paddr); line <= line_of(paddr + size - 1); line++)
		if (is_dirty(line))
			memcpy(f.dram + (size_t)line * LINE, f.machine.memory + (size_t)line * LINE,
			       LINE);
}

/* What was not written back is lost. */
static void invalidate(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	unsigned int line;

	(void)ctx;
	f.invalidated++;
	f.last_invalidated = (struct request){paddr, size};
	for (line = line_of(paddr); line <= line_of(paddr + size - 1); line++) {
		memcpy(f.machine.memory + (size_t)line * LINE, f.dram + (size_t)line * LINE, LINE);
		f.newer[line] = false;
	}
}

static void *map_uncached(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size)
{
	unsigned char *memory =
		mmap(NULL, (size_t)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at = 0;

	test_contract_no_lock(ctx, "map_uncached");
	assert_true(memory != MAP_FAILED);
	for (; pieces != NULL; pieces = pieces->next) {
		const off_t offset = (off_t)((unsigned char *)pieces->memory - f.machine.memory);
		const size_t length = (size_t)PAGE << pieces->order;
		unsigned int line = (unsigned int)offset / LINE;

		for (; line < ((unsigned int)offset + length) / LINE; line++)
			assert_false(is_dirty(line) || f.newer[line]);
		assert_true(mmap(memory + at, length, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, f.dram_file, offset) != MAP_FAILED);
		at += length;
	}
	assert_int_equal(at, size);
	f.uncached++;
	return memory;
}

static void unmap_uncached(void *ctx, void *memory, uint64_t size)
{
	test_contract_no_lock(ctx, "unmap_uncached");
	assert_int_equal(munmap(memory, (size_t)size), 0);
	f.uncached--;
}

static void add_services(void)
{
	struct iommu_platform *platform = &f.machine.platform;

	f.dram_file = memfd_create("dram", MFD_CLOEXEC);
	assert_int_equal(ftruncate(f.dram_file, (off_t)(MACHINE_PAGES * PAGE)), 0);
	f.dram = mmap(NULL, MACHINE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f.dram_file,
		      0);
	assert_true(f.dram != MAP_FAILED);
	platform->cache_write_back = write_back;
	platform->cache_invalidate = invalidate;
	platform->cache_line_size = LINE;
	platform->map_uncached = map_uncached;
	platform->unmap_uncached = unmap_uncached;
}

static void begin_without_services(enum kind kind)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_endpoint_info info = {
		.source_id = 0x20, .physical_function = 0x20, .noncoherent = true};
	struct iommu_dma_config dma = {.flags = kind == LAZY ? IOMMU_DMA_LAZY : 0U};

	memset(&f, 0, sizeof(f));
	f.kind = kind;
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	model_machine_add_unit(&f.machine, &config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
	f.host = model_machine_start(&f.machine, &options, &info);
	dma.domain = f.host.domain;
	if (kind == DIRECT)
		assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &f.dma), 0);
	else
		assert_int_equal(iommu_dma_create(&dma, &f.dma), 0);
}

static void begin(enum kind kind)
{
	begin_without_services(kind);
	add_services();
}

static void end(void)
{
	struct iommu_dma_stats stats;

	iommu_dma_get_stats(f.dma, &stats);
	assert_int_equal(stats.withheld + stats.bounced, 0);
	assert_int_equal(f.uncached, 0);
	assert_int_equal(iommu_dma_destroy(f.dma), 0);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(f.host.endpoint)), 0);
	assert_int_equal(iommu_domain_free(f.host.domain), 0);
	assert_int_equal(iommu_release_endpoint(f.host.endpoint), 0);
	assert_int_equal(iommu_destroy(f.host.iommu), 0);
	model_machine_destroy(&f.machine);
	if (f.dram == NULL)
		return;
	munmap(f.dram, MACHINE_PAGES * PAGE);
	close(f.dram_file);
}

static struct iommu_dma_stats stats(void)
{
	struct iommu_dma_stats now;

	iommu_dma_get_stats(f.dma, &now);
	return now;
}

/* --- The device, and the CPU ------------------------------------------------------------------ */

/* The machine is suspicious when a device reaches a page that the library took. */
static iommu_paddr_t reach(iommu_iova_t address, unsigned int access)
{
	iommu_paddr_t paddr = address;

	if (f.kind == DIRECT)
		return paddr;
	assert_int_equal(iommu_iova_to_phys(f.host.domain, address, &paddr), 0);
	if (f.machine.states[(paddr - MACHINE_BASE) / PAGE] == PAGE_TABLE) {
		model_machine_mark(&f.machine, paddr & ~(PAGE - 1), 1, PAGE_DEVICE);
		assert_int_equal(model_device_access(f.device, address, access, &paddr), 0);
		model_machine_mark(&f.machine, paddr & ~(PAGE - 1), 1, PAGE_TABLE);
	} else {
		assert_int_equal(model_device_access(f.device, address, access, &paddr), 0);
	}
	return paddr;
}

/* In memory; a line that the CPU has changed may be written over it at any time. */
static void device_writes(iommu_iova_t address, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size; i++) {
		const iommu_paddr_t paddr = reach(address + i, IOMMU_PROT_WRITE);

		assert_false(is_dirty(line_of(paddr)));
		*dram(paddr) = value;
		f.newer[line_of(paddr)] = true;
	}
}

static bool device_reads(iommu_iova_t address, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size; i++)
		if (*dram(reach(address + i, IOMMU_PROT_READ)) != value)
			return false;
	return true;
}

static void cpu_writes(iommu_paddr_t paddr, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size; i++) {
		assert_false(f.newer[line_of(paddr + i)]);
		*bytes(paddr + i) = value;
	}
}

static bool cpu_reads(iommu_paddr_t paddr, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size && *bytes(paddr + i) == value; i++)
		;
	return i == size;
}

static void expect(unsigned int written_back, unsigned int invalidated)
{
	assert_int_equal(f.written_back, written_back);
	assert_int_equal(f.invalidated, invalidated);
	f.written_back = f.invalidated = 0;
}

/* --- One buffer ------------------------------------------------------------------------------- */

/* A buffer that shares no line: each range once in each direction, and nothing is copied. */
static void caches_follow_the_direction(void **state)
{
	const struct request all = {0, 3 * PAGE};
	enum kind kind;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		iommu_iova_t address = 0;
		iommu_paddr_t memory;
		unsigned int direction;

		begin(kind);
		memory = model_machine_take(&f.machine, 4) + LINE;
		for (direction = IOMMU_DMA_TO_DEVICE; direction <= BOTH; direction++) {
			const bool reads = (direction & IOMMU_DMA_TO_DEVICE) != 0;
			const bool writes = (direction & IOMMU_DMA_FROM_DEVICE) != 0;

			cpu_writes(memory, all.size, 1);
			assert_int_equal(iommu_dma_map(f.dma, &device, memory, all.size,
						       (enum iommu_dma_direction)direction,
						       &address),
					 0);
			expect(1, 0);
			assert_int_equal(f.last_written_back.paddr, memory);
			assert_int_equal(f.last_written_back.size, all.size);
			assert_int_equal(stats().bounced, 0);
			if (reads)
				assert_true(device_reads(address, all.size, 1));
			/* What the device leaves as it was stays so. */
			if (writes)
				device_writes(address + 8, all.size - 8, 2);
			iommu_dma_sync_for_cpu(f.dma, address + PAGE, 100);
			expect(0, writes ? 1 : 0);
			if (writes) {
				assert_int_equal(f.last_invalidated.paddr, memory + PAGE);
				assert_int_equal(f.last_invalidated.size, 100);
				assert_true(cpu_reads(memory + PAGE, 100, 2));
			}
			cpu_writes(memory + PAGE, 100, 3);
			iommu_dma_sync_for_device(f.dma, address + PAGE, 100);
			expect(1, 0);
			if (reads)
				assert_true(device_reads(address + PAGE, 100, 3));
			if (writes)
				device_writes(address + PAGE, 100, 2);
			assert_int_equal(iommu_dma_unmap(f.dma, address, all.size), 0);
			expect(0, writes ? 1 : 0);
			if (writes) {
				assert_int_equal(f.last_invalidated.paddr, memory);
				assert_int_equal(f.last_invalidated.size, all.size);
				assert_true(cpu_reads(memory, 8, 1));
				assert_true(cpu_reads(memory + 8, all.size - 8, 2));
			}
		}
		end();
	}
}

/* The driver moves the data itself; and registers are in no cache. */
static void caches_are_left_to_the_driver(void **state)
{
	enum kind kind;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		iommu_iova_t address = 0;
		iommu_paddr_t memory;

		begin(kind);
		memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_dma_map_with(f.dma, &device, memory, PAGE, BOTH,
						    IOMMU_DMA_SKIP_SYNC, &address),
				 0);
		expect(0, 0);
		cpu_writes(memory, PAGE, 1);
		iommu_dma_sync_for_device(f.dma, address, PAGE);
		assert_true(device_reads(address, PAGE, 1));
		device_writes(address, PAGE, 2);
		iommu_dma_sync_for_cpu(f.dma, address, PAGE);
		expect(1, 1);
		assert_true(cpu_reads(memory, PAGE, 2));
		assert_int_equal(iommu_dma_unmap_with(f.dma, address, PAGE, IOMMU_DMA_SKIP_SYNC),
				 0);
		expect(0, 0);
		assert_int_equal(iommu_dma_map_with(f.dma, &device, memory, PAGE,
						    IOMMU_DMA_TO_DEVICE, IOMMU_DMA_SKIP_SYNC,
						    &address),
				 0);
		expect(0, 0);
		cpu_writes(memory, PAGE, 5);
		iommu_dma_sync_for_device(f.dma, address, PAGE);
		expect(1, 0);
		assert_true(device_reads(address, PAGE, 5));
		assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);

		assert_int_equal(iommu_dma_map_with(f.dma, &device, memory + 4, 8, BOTH,
						    IOMMU_DMA_MMIO, &address),
				 0);
		assert_int_equal(stats().bounced, 0);
		assert_int_equal(iommu_dma_unmap_with(f.dma, address, 8, IOMMU_DMA_MMIO), 0);
		expect(0, 0);
		end();
	}
}

/* The CPU works on what lies beside a buffer, while the device writes to the buffer. */
static void neighbours_on_a_line_keep_their_data(void **state)
{
	static const struct {
		unsigned int offset, size;
	} cases[] = {{100, 28},   {64, 65},     {65, 63},   {LINE, LINE}, {1, 4095},
		     {4000, 200}, {4095, 4098}, {8, 12280}, {4032, 128}};
	enum kind kind;
	unsigned int i;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		begin(kind);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const iommu_paddr_t memory = model_machine_take(&f.machine, 4);
			const iommu_paddr_t buffer = memory + cases[i].offset;
			const uint64_t rest = 4 * PAGE - cases[i].offset - cases[i].size;
			const bool shares = ((cases[i].offset | cases[i].size) % LINE) != 0;
			iommu_iova_t address = 0;

			cpu_writes(memory, 4 * PAGE, 1);
			assert_int_equal(iommu_dma_map(f.dma, &device, buffer, cases[i].size, BOTH,
						       &address),
					 0);
			assert_int_equal(stats().bounced, shares ? 1 : 0);
			cpu_writes(memory, cases[i].offset, 2);
			assert_true(device_reads(address, cases[i].size, 1));
			device_writes(address, cases[i].size, 3);
			cpu_writes(buffer + cases[i].size, rest, 4);
			assert_int_equal(iommu_dma_unmap(f.dma, address, cases[i].size), 0);
			assert_true(cpu_reads(memory, cases[i].offset, 2));
			assert_true(cpu_reads(buffer, cases[i].size, 3));
			assert_true(cpu_reads(buffer + cases[i].size, rest, 4));

			/* What is only read may share lines: nothing is dropped. */
			assert_int_equal(iommu_dma_map(f.dma, &device, buffer, cases[i].size,
						       IOMMU_DMA_TO_DEVICE, &address),
					 0);
			assert_int_equal(stats().bounced, 0);
			assert_true(device_reads(address, cases[i].size, 3));
			f.invalidated = 0;
			assert_int_equal(iommu_dma_unmap(f.dma, address, cases[i].size), 0);
			assert_int_equal(f.invalidated, 0);
			model_machine_give(&f.machine, memory, 4);
		}
		end();
	}
}

/* An untrusted device finds nothing else on its pages, in memory either. */
static void pages_hold_nothing_else_in_memory(void **state)
{
	iommu_iova_t address = 0;
	iommu_paddr_t memory;

	(void)state;
	begin(STRICT);
	memset(f.dram, 0x5e, MACHINE_PAGES * PAGE);
	memory = model_machine_take(&f.machine, 1);
	cpu_writes(memory, PAGE, 1);
	assert_int_equal(
		iommu_dma_map(f.dma, &both_ways, memory + 128, 64, IOMMU_DMA_TO_DEVICE, &address),
		0);
	assert_true(device_reads(address - 128, 128, 0));
	assert_true(device_reads(address, 64, 1));
	assert_true(device_reads(address + 64, PAGE - 192, 0));
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	end();
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void lists_are_moved_piece_by_piece(void **state)
{
	enum kind kind;
	unsigned int i;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		struct iommu_dma_piece pieces[4];
		iommu_paddr_t memory;
		unsigned int elements = 0;

		begin(kind);
		memory = model_machine_take(&f.machine, 8);
		cpu_writes(memory, 8 * PAGE, 1);
		/* Of which the first three become one element where the domain translates. */
		pieces[0] = (struct iommu_dma_piece){.paddr = memory + 10, .size = PAGE - 10};
		pieces[1] = (struct iommu_dma_piece){.paddr = memory + 4 * PAGE, .size = PAGE};
		pieces[2] = (struct iommu_dma_piece){.paddr = memory + 2 * PAGE, .size = 100};
		pieces[3] = (struct iommu_dma_piece){.paddr = memory + 6 * PAGE + 50, .size = 7};
		assert_int_equal(iommu_dma_map_sg(f.dma, &device, pieces, 4, BOTH, &elements), 0);
		assert_int_equal(elements, kind == DIRECT ? 4 : 2);
		for (i = 0; i < elements; i++) {
			assert_true(device_reads(pieces[i].address, pieces[i].length, 1));
			device_writes(pieces[i].address, pieces[i].length, 2);
		}
		cpu_writes(memory, 10, 3);
		cpu_writes(memory + 2 * PAGE + 100, 50, 3);
		/* The whole of an element, and a part of it. */
		iommu_dma_sync_for_cpu(f.dma, pieces[0].address, pieces[0].length);
		assert_true(cpu_reads(pieces[0].paddr, pieces[0].size, 2));
		if (kind != DIRECT)
			assert_true(cpu_reads(pieces[2].paddr, pieces[2].size, 2));
		cpu_writes(pieces[0].paddr, 20, 4);
		iommu_dma_sync_for_device(f.dma, pieces[0].address, 20);
		assert_true(device_reads(pieces[0].address, 20, 4));
		/* One of them is not a buffer. */
		if (kind != DIRECT)
			assert_int_equal(iommu_dma_unmap(f.dma, pieces[0].address, PAGE - 10),
					 IOMMU_ENOENT);
		assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 4), 0);
		assert_true(cpu_reads(memory, 10, 3));
		assert_true(cpu_reads(pieces[0].paddr, 20, 4));
		assert_true(cpu_reads(pieces[0].paddr + 20, pieces[0].size - 20, 2));
		assert_true(cpu_reads(pieces[1].paddr, PAGE, 2));
		assert_true(cpu_reads(pieces[2].paddr, 100, 2));
		assert_true(cpu_reads(pieces[2].paddr + 100, 50, 3));
		assert_true(cpu_reads(pieces[3].paddr, 7, 2));
		assert_true(cpu_reads(pieces[3].paddr + 7, 100, 1));
		assert_int_equal(stats().bounced, 0);
		end();
	}
}

/* --- Shared memory ---------------------------------------------------------------------------- */

static void memory_is_shared_past_the_caches(void **state)
{
	static const uint64_t sizes[] = {1, 3 * PAGE, 40 * PAGE};
	enum kind kind;
	unsigned int i;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		begin(kind);
		/* What was in memory before is not what the CPU has cached of it. */
		memset(f.dram, 0x5e, MACHINE_PAGES * PAGE);
		for (i = 0; i < 3; i++) {
			const size_t pages = f.machine.pages_in_use;
			iommu_iova_t address = 0;
			unsigned char *shared = NULL;
			void *memory = NULL;

			assert_int_equal(
				iommu_dma_alloc(f.dma, &device, sizes[i], &memory, &address), 0);
			shared = memory;
			assert_int_equal(f.uncached, 1);
			assert_true(device_reads(address, sizes[i], 0));
			f.written_back = f.invalidated = 0;
			shared[0] = 7;
			assert_true(device_reads(address, 1, 7));
			*dram(reach(address, IOMMU_PROT_WRITE)) = 9;
			assert_int_equal(shared[0], 9);
			expect(0, 0);
			assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_EBUSY);
			assert_int_equal(iommu_dma_free(f.dma, shared + 1, address, sizes[i]),
					 IOMMU_ENOENT);
			assert_int_equal(iommu_dma_free(f.dma, shared, address, sizes[i]), 0);
			assert_true(f.machine.pages_in_use <= pages + 4);
			/* Without an address for the CPU. */
			assert_int_equal(iommu_dma_alloc(f.dma, &device, sizes[i], NULL, &address),
					 0);
			assert_true(device_reads(address, sizes[i], 0));
			assert_int_equal(f.uncached, 0);
			assert_int_equal(iommu_dma_free(f.dma, NULL, address, sizes[i]), 0);
		}
		end();
	}
}

/* --- What cannot be --------------------------------------------------------------------------- */

static void a_host_that_cannot_refuses(void **state)
{
	enum kind kind;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		struct iommu_dma_piece piece = {.size = PAGE};
		struct iommu_dma_window window;
		iommu_iova_t address = 0;
		iommu_paddr_t memory;
		unsigned int elements;
		void *shared;

		begin_without_services(kind);
		memory = piece.paddr = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_dma_map(f.dma, &device, memory, PAGE, BOTH, &address),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_map_sg(f.dma, &device, &piece, 1, BOTH, &elements),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_alloc(f.dma, &device, PAGE, &shared, &address),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_alloc(f.dma, &device, PAGE, NULL, &address),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_window_create(f.dma, &device, 1, &window),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_window_reserve(f.dma, &device, memory, PAGE, &window),
				 IOMMU_EOPNOTSUPP);
		add_services();
		f.machine.platform.map_uncached = NULL;
		f.machine.platform.unmap_uncached = NULL;
		assert_int_equal(iommu_dma_alloc(f.dma, &device, PAGE, &shared, &address),
				 IOMMU_EOPNOTSUPP);
		if (kind != STRICT)
			assert_int_equal(
				iommu_dma_map(f.dma, &both_ways, memory, PAGE, BOTH, &address),
				IOMMU_EOPNOTSUPP);
		assert_int_equal(address, 0);
		expect(0, 0);
		end();
	}
}

static void services_go_together(void **state)
{
	struct iommu_dma *dma;

	(void)state;
	begin(DIRECT);
	f.machine.platform.cache_line_size = 0;
	assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &dma), IOMMU_EINVAL);
	f.machine.platform.cache_line_size = 96;
	assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &dma), IOMMU_EINVAL);
	f.machine.platform.cache_line_size = 2 * PAGE;
	assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &dma), IOMMU_EINVAL);
	f.machine.platform.cache_line_size = LINE;
	f.machine.platform.cache_invalidate = NULL;
	assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &dma), IOMMU_EINVAL);
	f.machine.platform.cache_invalidate = invalidate;
	f.machine.platform.unmap_uncached = NULL;
	assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &dma), IOMMU_EINVAL);
	end();
}

/* Every allocation fails in turn, of buffers, lists and shared memory. */
/* --- Windows ---------------------------------------------------------------------------------- */

static const struct iommu_model_vtd_faults stuck = {.invalidations_hang = true};
static const struct iommu_model_vtd_faults sound;

/* Piece by piece, in the direction of each; unlinked in whole pieces. */
static void caches_follow_the_pieces_of_a_window(enum kind kind)
{
	const uint64_t head = 4 * LINE, total = head + 3 * PAGE;
	struct iommu_dma_window window;
	iommu_paddr_t memory, first;
	iommu_iova_t address;

	begin(kind);
	memory = model_machine_take(&f.machine, 8);
	first = memory + PAGE - head;
	cpu_writes(memory, 8 * PAGE, 1);
	assert_int_equal(iommu_dma_window_reserve(f.dma, &device, first, total, &window), 0);
	address = iommu_dma_window_address(&window, head);
	assert_int_equal(iommu_dma_window_link(&window, 0, first, head, IOMMU_DMA_TO_DEVICE, 0), 0);
	expect(1, 0);
	assert_int_equal(iommu_dma_window_link(&window, head, memory + 2 * PAGE, 2 * PAGE, BOTH, 0),
			 0);
	expect(1, 0);
	/* The driver does it itself, at either end. */
	assert_int_equal(iommu_dma_window_link(&window, head + 2 * PAGE, memory + 5 * PAGE, PAGE,
					       BOTH, IOMMU_DMA_SKIP_SYNC),
			 0);
	expect(0, 0);
	assert_int_equal(iommu_dma_window_tell(&window, 0, total), 0);
	assert_true(device_reads(address - head, head, 1));
	assert_true(device_reads(address, 2 * PAGE, 1));
	device_writes(address + PAGE, PAGE, 2);
	iommu_dma_sync_for_cpu(f.dma, address + PAGE, PAGE);
	expect(0, 1);
	assert_true(cpu_reads(memory + 3 * PAGE, PAGE, 2));
	cpu_writes(memory + 3 * PAGE, PAGE, 3);
	iommu_dma_sync_for_device(f.dma, address + PAGE, PAGE);
	expect(1, 0);
	assert_true(device_reads(address + PAGE, PAGE, 3));
	device_writes(address, 2 * PAGE, 4);
	/* It is there; it is no other call's; half of it is none. */
	assert_int_equal(iommu_dma_window_link(&window, head, memory + 2 * PAGE, 2 * PAGE, BOTH, 0),
			 IOMMU_EEXIST);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 2 * PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_window_unlink(&window, head + PAGE, PAGE), IOMMU_EINVAL);
	expect(0, 0);
	/* The CPU may have it when hardware has confirmed, and not before. */
	iommu_model_vtd_misbehave(f.machine.units[0], &stuck);
	assert_int_equal(iommu_dma_window_unlink(&window, head, 2 * PAGE), IOMMU_ETIMEDOUT);
	expect(0, 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &sound);
	assert_int_equal(iommu_dma_window_unlink(&window, head, 2 * PAGE), 0);
	expect(0, 1);
	assert_int_equal(f.last_invalidated.paddr, memory + 2 * PAGE);
	assert_int_equal(f.last_invalidated.size, 2 * PAGE);
	assert_true(cpu_reads(memory + 2 * PAGE, 2 * PAGE, 4));
	assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_EBUSY);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	expect(0, 0);
	model_machine_give(&f.machine, memory, 8);
	end();
}

/* There are no bounce pages in a window. */
static void what_shares_a_line_is_not_linked(enum kind kind)
{
	struct iommu_dma_window window;
	iommu_paddr_t memory;

	begin(kind);
	memory = model_machine_take(&f.machine, 2);
	assert_int_equal(iommu_dma_window_reserve(f.dma, &device, memory + 8, 16, &window), 0);
	assert_int_equal(
		iommu_dma_window_link(&window, 0, memory + 8, 16, IOMMU_DMA_FROM_DEVICE, 0),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_window_link(&window, 0, memory + 8, 16, IOMMU_DMA_TO_DEVICE, 0),
			 0);
	expect(1, 0);
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	/* By pages; and registers, which are not cached. */
	assert_int_equal(iommu_dma_window_create(f.dma, &device, 4, &window), 0);
	assert_int_equal(iommu_dma_window_map(&window, 0, memory + LINE, 1, BOTH), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_window_map(&window, 0, memory, 0, BOTH), IOMMU_EINVAL);
	expect(0, 0);
	cpu_writes(memory, PAGE, 1);
	assert_int_equal(iommu_dma_window_map(&window, 2, memory, 1, BOTH), 0);
	expect(1, 0);
	assert_true(device_reads(iommu_dma_window_address(&window, 2 * PAGE), PAGE, 1));
	device_writes(iommu_dma_window_address(&window, 2 * PAGE), PAGE, 2);
	assert_int_equal(
		iommu_dma_window_link(&window, 0, memory + PAGE, PAGE, BOTH, IOMMU_DMA_MMIO), 0);
	expect(0, 0);
	assert_int_equal(iommu_dma_window_unmap(&window, 0, 4), 0);
	expect(0, 1);
	assert_true(cpu_reads(memory, PAGE, 2));
	assert_int_equal(iommu_dma_window_destroy(&window), 0);
	model_machine_give(&f.machine, memory, 2);
	end();
}

/* Records, and tables, for which there is no memory. */
static void a_piece_without_memory_is_not_linked(enum kind kind)
{
	struct iommu_dma_window window;
	unsigned int n, failures = 0;
	iommu_paddr_t memory;
	int status;

	for (n = 1; n < 24; n++) {
		begin(kind);
		memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_dma_window_reserve(f.dma, &device, memory, PAGE, &window),
				 0);
		f.machine.fail_at = f.machine.allocations + n;
		status = iommu_dma_window_link(&window, 0, memory, PAGE, BOTH, 0);
		f.machine.fail_at = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		failures += status != 0;
		if (status != 0)
			assert_int_equal(iommu_dma_window_link(&window, 0, memory, PAGE, BOTH, 0),
					 0);
		assert_int_equal(iommu_dma_window_unlink(&window, 0, PAGE), 0);
		assert_int_equal(f.invalidated, 1);
		assert_int_equal(iommu_dma_window_destroy(&window), 0);
		model_machine_give(&f.machine, memory, 1);
		end();
	}
	assert_true(failures != 0);
}

static void windows_look_after_caches(void **state)
{
	(void)state;
	caches_follow_the_pieces_of_a_window(STRICT);
	caches_follow_the_pieces_of_a_window(LAZY);
	what_shares_a_line_is_not_linked(STRICT);
	what_shares_a_line_is_not_linked(LAZY);
	a_piece_without_memory_is_not_linked(STRICT);
}

static void a_failed_allocation_changes_nothing(void **state)
{
	enum kind kind;
	unsigned int what, n;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		for (what = 0; what < 3; what++) {
			unsigned int failures = 0;

			for (n = 1; n < 24; n++) {
				int status;
				struct iommu_dma_piece pieces[2];
				iommu_iova_t address = 0;
				iommu_paddr_t memory;
				unsigned int elements;
				void *shared = NULL;

				begin(kind);
				memory = model_machine_take(&f.machine, 4);
				cpu_writes(memory, 4 * PAGE, 1);
				pieces[0] =
					(struct iommu_dma_piece){.paddr = memory + 1, .size = PAGE};
				pieces[1] = (struct iommu_dma_piece){.paddr = memory + 2 * PAGE,
								     .size = 3};
				f.machine.fail_at = f.machine.allocations + n;
				if (what == 0)
					status = iommu_dma_map(f.dma, &device, memory + 1, PAGE,
							       BOTH, &address);
				else if (what == 1)
					status = iommu_dma_map_sg(f.dma, &device, pieces, 2, BOTH,
								  &elements);
				else
					status = iommu_dma_alloc(f.dma, &device, 3 * PAGE, &shared,
								 &address);
				f.machine.fail_at = 0;
				assert_true(status == 0 || status == IOMMU_ENOMEM);
				failures += status != 0;
				assert_true(cpu_reads(memory, 4 * PAGE, 1));
				if (status == 0 && what == 0)
					assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
				else if (status == 0 && what == 1)
					assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 2), 0);
				else if (status == 0)
					assert_int_equal(
						iommu_dma_free(f.dma, shared, address, 3 * PAGE),
						0);
				assert_true(cpu_reads(memory, 4 * PAGE, 1));
				end();
			}
			assert_true(failures >= 2);
		}
	}
}

/* The device may write until hardware has confirmed: only then is the buffer looked at. */
static void data_come_back_when_it_is_confirmed(void **state)
{
	static const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	static const struct iommu_model_vtd_faults well;
	iommu_iova_t address = 0;
	iommu_paddr_t memory, paddr;

	(void)state;
	begin(STRICT);
	memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_dma_map(f.dma, &device, memory, PAGE, BOTH, &address), 0);
	paddr = reach(address, IOMMU_PROT_WRITE);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	f.invalidated = 0;
	assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), IOMMU_ETIMEDOUT);
	assert_int_equal(f.invalidated, 0);
	*dram(paddr) = 5;
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
	assert_int_equal(f.invalidated, 1);
	assert_int_equal(*bytes(memory), 5);
	end();
}

/* --- Where nothing translates ----------------------------------------------------------------- */

static void buffers_in_place_overlap_or_not(void **state)
{
	iommu_iova_t first = 0, second = 0;
	iommu_paddr_t memory;

	(void)state;
	begin(DIRECT);
	memory = model_machine_take(&f.machine, 2);
	assert_true(iommu_dma_max_size(f.dma, &device) == 61441);
	/* Side by side on one page; and what a device only reads overlaps anything of that kind. */
	assert_int_equal(iommu_dma_map(f.dma, &device, memory, 128, BOTH, &first), 0);
	assert_int_equal(iommu_dma_map(f.dma, &device, memory + 128, 64, BOTH, &second), 0);
	assert_int_equal(first, memory);
	assert_int_equal(second, memory + 128);
	assert_int_equal(iommu_dma_map(f.dma, &device, memory + 64, 128, BOTH, &second),
			 IOMMU_EEXIST);
	assert_int_equal(
		iommu_dma_map(f.dma, &device, memory + 60, 100, IOMMU_DMA_TO_DEVICE, &second),
		IOMMU_EEXIST);
	assert_int_equal(iommu_dma_map(f.dma, &device, memory, 128, IOMMU_DMA_TO_DEVICE, &second),
			 IOMMU_EEXIST);
	assert_int_equal(
		iommu_dma_map(f.dma, &device, memory + 192, 100, IOMMU_DMA_TO_DEVICE, &second), 0);
	assert_int_equal(
		iommu_dma_map(f.dma, &device, memory + 200, 100, IOMMU_DMA_TO_DEVICE, &second), 0);
	f.invalidated = 0;
	assert_int_equal(iommu_dma_unmap(f.dma, memory + 192, 100), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, memory + 200, 100), 0);
	assert_int_equal(f.invalidated, 0);
	assert_int_equal(iommu_dma_unmap(f.dma, memory + 128, 64), 0);
	/* What is only read is all written back, also where part of it has a record. */
	assert_int_equal(
		iommu_dma_map(f.dma, &device, memory + 192, 192, IOMMU_DMA_TO_DEVICE, &second), 0);
	assert_int_equal(
		iommu_dma_map(f.dma, &device, memory + 256, 64, IOMMU_DMA_FROM_DEVICE, &second), 0);
	cpu_writes(memory + 192, 192, 7);
	iommu_dma_sync_for_device(f.dma, memory + 192, 192);
	assert_true(device_reads(memory + 192, 192, 7));
	assert_int_equal(iommu_dma_unmap(f.dma, second, 64), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, memory + 192, 192), 0);
	/* The same bytes twice: of each unmap the CPU sees what was written by then. */
	assert_int_equal(iommu_dma_map(f.dma, &device, memory, 128, IOMMU_DMA_FROM_DEVICE, &second),
			 0);
	device_writes(first, 128, 1);
	assert_int_equal(iommu_dma_unmap(f.dma, first, 128), 0);
	assert_true(cpu_reads(memory, 128, 1));
	device_writes(first, 128, 2);
	assert_int_equal(iommu_dma_unmap(f.dma, first, 128), 0);
	assert_true(cpu_reads(memory, 128, 2));
	/* Larger than what can be bounced. */
	memory = model_machine_take(&f.machine, 32);
	assert_int_equal(iommu_dma_map(f.dma, &device, memory + 1, 31 * PAGE, BOTH, &first),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(f.dma, &device, memory, 31 * PAGE, BOTH, &first), 0);
	assert_int_equal(iommu_dma_unmap(f.dma, first, 31 * PAGE), 0);
	end();
}

/* --- Everything ------------------------------------------------------------------------------- */

struct mapped {
	iommu_paddr_t paddr;
	iommu_iova_t address;
	unsigned int size, direction;
	unsigned char value;
};

/* Buffers side by side on lines and pages; of each, what was written last is what is read. */
static void anything_in_any_order(void **state)
{
	enum {
		COUNT = 24,
		ROOM = 700,
	};
	enum kind kind;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		struct test_random random = {.state = kind + 1U};
		static struct mapped buffers[COUNT];
		iommu_paddr_t memory;
		unsigned int step;

		begin(kind);
		memset(buffers, 0, sizeof(buffers));
		memory = model_machine_take(&f.machine, (COUNT * ROOM + 4095) / 4096);
		for (step = 0; step < 3000; step++) {
			const unsigned int n = (unsigned int)test_random_below(&random, COUNT);
			struct mapped *b = &buffers[n];
			const bool maps = b->size == 0;

			if (maps) {
				b->size = 1 + (unsigned int)test_random_below(&random, ROOM - 1);
				b->direction = 1 + (unsigned int)test_random_below(&random, 3);
				b->paddr = memory + n * ROOM;
				b->value = (unsigned char)step;
				cpu_writes(b->paddr, b->size, b->value);
				assert_int_equal(
					iommu_dma_map(f.dma, &device, b->paddr, b->size,
						      (enum iommu_dma_direction)b->direction,
						      &b->address),
					0);
				continue;
			}
			if ((b->direction & IOMMU_DMA_TO_DEVICE) != 0)
				assert_true(device_reads(b->address, b->size, b->value));
			if ((b->direction & IOMMU_DMA_FROM_DEVICE) != 0) {
				b->value = (unsigned char)(step ^ 0x55);
				device_writes(b->address, b->size, b->value);
			}
			if (test_random_below(&random, 3) == 0) {
				iommu_dma_sync_for_cpu(f.dma, b->address, b->size);
				assert_true(cpu_reads(b->paddr, b->size, b->value));
				b->value ^= 0xff;
				cpu_writes(b->paddr, b->size, b->value);
				iommu_dma_sync_for_device(f.dma, b->address, b->size);
				if ((b->direction & IOMMU_DMA_TO_DEVICE) == 0) {
					device_writes(b->address, b->size, b->value);
				}
				continue;
			}
			assert_int_equal(iommu_dma_unmap(f.dma, b->address, b->size), 0);
			assert_true(cpu_reads(b->paddr, b->size, b->value));
			b->size = 0;
		}
		for (step = 0; step < COUNT; step++)
			if (buffers[step].size != 0)
				assert_int_equal(iommu_dma_unmap(f.dma, buffers[step].address,
								 buffers[step].size),
						 0);
		end();
	}
}

/* What was given at the probe. */
static void an_endpoint_knows_what_it_is(void **state)
{
	(void)state;
	begin(STRICT);
	assert_true(iommu_dma_device_of(f.host.endpoint, 0).noncoherent);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caches_follow_the_direction),
		cmocka_unit_test(caches_are_left_to_the_driver),
		cmocka_unit_test(neighbours_on_a_line_keep_their_data),
		cmocka_unit_test(pages_hold_nothing_else_in_memory),
		cmocka_unit_test(lists_are_moved_piece_by_piece),
		cmocka_unit_test(memory_is_shared_past_the_caches),
		cmocka_unit_test(a_host_that_cannot_refuses),
		cmocka_unit_test(services_go_together),
		cmocka_unit_test(windows_look_after_caches),
		cmocka_unit_test(a_failed_allocation_changes_nothing),
		cmocka_unit_test(data_come_back_when_it_is_confirmed),
		cmocka_unit_test(buffers_in_place_overlap_or_not),
		cmocka_unit_test(anything_in_any_order),
		cmocka_unit_test(an_endpoint_knows_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
