/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V back end passes the kit (kit.h): units with a first stage, with a second stage alone,
 * with contexts of either format, with directories of several levels, and with ranges in
 * invalidations. A step is a write to a register that starts something.
 */
#include <string.h>

#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/model_riscv.h>
#include <libiommu/riscv.h>

#include "kit.h"
#include "test.h"

#define BASE  0x3010000ULL
#define START 0x40000000ULL

/* Of a leaf in either stage. */
#define LEAF                                                                                       \
	(RISCV_PTE_VALID | RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_EXECUTE | RISCV_PTE_USER | \
	 RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY)

#define FIRST  (RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_PD8)
#define SECOND (RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4)

static struct {
	struct test_platform *test;
	struct test_platform outside; /* for the model's own memory */
	struct iommu_model_riscv *unit;
	struct iommu_model_riscv_faults faults;
	unsigned int id_bits;
} f;

/* --- The model's memory ----------------------------------------------------------------------- */

static bool memory_is_there(iommu_paddr_t paddr, size_t size)
{
	return paddr < 1ULL << 24 && size <= (1ULL << 24) - paddr;
}

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (!memory_is_there(paddr, size))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test->platform, paddr), size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!memory_is_there(paddr, size))
		return false;
	memcpy(iommu_phys_to_virt(&f.test->platform, paddr), bytes, size);
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	kit_fail(text);
}

/* --- Its registers ---------------------------------------------------------------------------- */

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)size;
	return (void *)(uintptr_t)paddr;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

static uint64_t offset_of(const volatile void *reg)
{
	return (uintptr_t)reg - BASE;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_riscv_mmio_read(f.unit, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_riscv_mmio_read(f.unit, offset_of(reg), 8);
}

static bool starts_something(uint64_t offset)
{
	return offset == RISCV_DDTP || offset == RISCV_CQT || offset == RISCV_CQCSR ||
	       offset == RISCV_FQCSR;
}

/*
 * Work that hardware does not do, or does not report, at once: a change completes after the
 * driver's time-out, or not; a command is refused, or executed without the fence behind it.
 */
static void fail_by(enum kit_answer answer, uint64_t offset)
{
	if (answer == KIT_BUSY)
		f.faults.commands_hang = f.faults.stays_busy = true;
	else if (answer == KIT_REFUSE && offset == RISCV_CQT)
		f.faults.refuse_after = 1;
	else if (answer == KIT_REFUSE)
		f.faults.deaf_register = (unsigned int)offset;
	else if (offset == RISCV_CQT)
		f.faults.fences_hang = true;
	else
		f.faults.busy_delay = 24;
	iommu_model_riscv_misbehave(f.unit, &f.faults);
}

static void write_register(uint64_t offset, unsigned int size, uint64_t value)
{
	enum kit_answer answer = KIT_OBEY;

	kit_look();
	if (starts_something(offset))
		answer = kit_step();
	if (answer != KIT_OBEY)
		fail_by(answer, offset);
	iommu_model_riscv_mmio_write(f.unit, offset, size, value);
	/* The next command is accepted again, and so is the next write. */
	f.faults.refuse_after = 0;
	f.faults.deaf_register = 0;
	if (answer != KIT_OBEY)
		iommu_model_riscv_misbehave(f.unit, &f.faults);
	kit_look();
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	write_register(offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	write_register(offset_of(reg), 8, value);
}

/* What was in progress completes. */
static void be_well(void)
{
	unsigned int i;

	memset(&f.faults, 0, sizeof(f.faults));
	iommu_model_riscv_misbehave(f.unit, &f.faults);
	for (i = 0; i < 64; i++)
		(void)iommu_model_riscv_mmio_read(f.unit, RISCV_CQCSR, 4);
}

/* --- The machine ------------------------------------------------------------------------------ */

static void begin(struct test_platform *test, uint64_t capabilities, unsigned int strict,
		  unsigned int id_bits)
{
	const struct iommu_model_riscv_config config = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .write = write_memory, .misuse = refuse_misuse},
		.capabilities = capabilities | 46ULL << 32,
		.strict = strict,
		.cache_entries = SIZE_MAX,
	};

	memset(&f, 0, sizeof(f));
	f.test = test;
	f.id_bits = id_bits;
	test_platform_init(&f.outside, 1 << 23, 0);
	assert_int_equal(iommu_model_riscv_create(&config, &f.unit), 0);
	test->platform.map_mmio = map_mmio;
	test->platform.unmap_mmio = unmap_mmio;
	test->platform.mmio_read32 = read32;
	test->platform.mmio_read64 = read64;
	test->platform.mmio_write32 = write32;
	test->platform.mmio_write64 = write64;
}

static void end(void)
{
	iommu_model_riscv_destroy(f.unit);
	test_platform_destroy(&f.outside);
}

static void sleep_it(void)
{
	iommu_model_riscv_reset(f.unit);
}

static int probe(struct iommu *iommu)
{
	const struct iommu_riscv_config config = {.registers = BASE, .device_id_bits = f.id_bits};

	return iommu_riscv_add_unit(iommu, &config, NULL);
}

static uint16_t source_id(unsigned int device)
{
	return (uint16_t)(8 * (device + 1));
}

static bool dma(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_riscv_request request = {
		.device_id = source_id(device),
		.address = address,
		.access = IOMMU_PROT_READ,
	};
	struct iommu_model_riscv_translation translation = {0};
	int status = iommu_model_riscv_translate(f.unit, &request, &translation);

	*paddr = translation.paddr;
	return status == 0;
}

/* --- The kinds of units ----------------------------------------------------------------------- */

static void begin_first_stage(struct test_platform *test)
{
	begin(test, FIRST | SECOND, 0, 0);
}

static void begin_second_stage(struct test_platform *test)
{
	begin(test, SECOND | RISCV_CAP_S, IOMMU_MODEL_RISCV_WILD_RESET, 7);
}

static void begin_extended(struct test_platform *test)
{
	begin(test, FIRST | SECOND | RISCV_CAP_MSI_FLAT, IOMMU_MODEL_RISCV_UNORDERED, 24);
}

static void begin_ranges(struct test_platform *test)
{
	begin(test, FIRST | RISCV_CAP_S | RISCV_CAP_NL,
	      IOMMU_MODEL_RISCV_LAZY | IOMMU_MODEL_RISCV_WILD_RESET, 0);
}

/* A large mapping is more than one block, and more than one page table. */
#define UNIT(kind, begin_it)                                                                       \
	{                                                                                          \
		.name = (kind), .leaf = LEAF, .page = 4096, .start = START, .stride = 1 << 23,     \
		.large_pages = 1536, .devices = 2, .has_identity = true, .reports_faults = true,   \
		.begin = (begin_it), .end = end, .probe = probe, .dma = dma,                       \
		.source_id = source_id, .mend = be_well, .sleep = sleep_it,                        \
	}

int main(void)
{
	static const struct kit_backend backends[] = {
		UNIT("riscv, first stage", begin_first_stage),
		UNIT("riscv, second stage", begin_second_stage),
		UNIT("riscv, extended contexts", begin_extended),
		UNIT("riscv, ranges", begin_ranges),
	};

	return kit_run(backends, sizeof(backends) / sizeof(backends[0]));
}
