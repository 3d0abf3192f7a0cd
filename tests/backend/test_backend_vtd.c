/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d's back end passes the kit (kit.h): units with and without a queue, units in caching mode,
 * and in scalable mode. A step is a write to a register that starts something.
 */
#include <string.h>

#include <libiommu/hw/vtd_registers.h>

#include "kit.h"
#include "test.h"

#define BASE  0xfed90000ULL
#define START 0x40000000ULL

/* Bits of leaves: present, writable and for users; readable and writable. */
#define FIRST_STAGE  7
#define SECOND_STAGE 3

static struct {
	struct test_platform *test;
	struct test_platform outside; /* for the model's own memory */
	struct iommu_model_vtd *unit;
	struct iommu_model_vtd_faults faults;
	unsigned int options; /* enum iommu_vtd_flags */
	uint8_t dmar[256];
	size_t dmar_size;
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

static bool compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t *at = iommu_phys_to_virt(&f.test->platform, paddr);

	(void)ctx;
	if (!memory_is_there(paddr, 8) || *at != expected)
		return false;
	*at = desired;
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
	return (uint32_t)iommu_model_vtd_mmio_read(f.unit, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_vtd_mmio_read(f.unit, offset_of(reg), 8);
}

static bool starts_something(uint64_t offset)
{
	const uint64_t iotlb =
		(f.options & IOMMU_VTD_REGISTER_INVALIDATION) != 0 ? 0xf8 : offset + 1;

	return offset == VTD_GCMD || offset == VTD_IQT || offset == VTD_CCMD || offset == iotlb;
}

/*
 * Work that hardware does not do, or does not report, at once: a command completes after the
 * driver's time-out, a descriptor is refused, or executed without the wait behind it.
 */
static void fail_by(enum kit_answer answer, uint64_t offset)
{
	if (answer == KIT_BUSY || (answer == KIT_REFUSE && offset != VTD_IQT))
		f.faults.commands_hang = f.faults.invalidations_hang = true;
	else if (answer == KIT_REFUSE)
		f.faults.refuse_after = 1;
	else if (offset == VTD_GCMD)
		f.faults.command_delay = 12;
	else
		f.faults.waits_hang = true;
	iommu_model_vtd_misbehave(f.unit, &f.faults);
}

static void write_register(uint64_t offset, unsigned int size, uint64_t value)
{
	enum kit_answer answer = KIT_OBEY;

	kit_look();
	if (starts_something(offset))
		answer = kit_step();
	if (answer != KIT_OBEY)
		fail_by(answer, offset);
	iommu_model_vtd_mmio_write(f.unit, offset, size, value);
	/* The next descriptor is accepted again. */
	f.faults.refuse_after = 0;
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
	iommu_model_vtd_misbehave(f.unit, &f.faults);
	for (i = 0; i < 16; i++)
		(void)iommu_model_vtd_mmio_read(f.unit, VTD_GSTS, 4);
}

/* --- The machine ------------------------------------------------------------------------------ */

static void begin(struct test_platform *test, unsigned int flags, unsigned int options)
{
	struct iommu_model_vtd_config config = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory,
			 .write = write_memory,
			 .compare_exchange = compare_exchange,
			 .misuse = refuse_misuse},
		.flags = flags | IOMMU_MODEL_VTD_PASS_THROUGH,
		.strict = IOMMU_MODEL_VTD_STRICT_WAITS | IOMMU_MODEL_VTD_STRICT_QUEUE_OFF |
			  IOMMU_MODEL_VTD_STRICT_ORDER | IOMMU_MODEL_VTD_STRICT_QUEUE_LAST,
		.domain_bits = 4,
		.address_mask = 9,
	};
	struct iommu_dmar_builder builder;
	int size;

	memset(&f, 0, sizeof(f));
	f.test = test;
	f.options = options;
	test_platform_init(&f.outside, 1 << 23, 0);
	assert_int_equal(iommu_model_vtd_create(&config, &f.unit), 0);
	test->platform.map_mmio = map_mmio;
	test->platform.unmap_mmio = unmap_mmio;
	test->platform.mmio_read32 = read32;
	test->platform.mmio_read64 = read64;
	test->platform.mmio_write32 = write32;
	test->platform.mmio_write64 = write64;
	iommu_dmar_begin(&builder, f.dmar, sizeof(f.dmar), 46, 1);
	iommu_dmar_add_unit(&builder, 0, BASE, 4096, true);
	size = iommu_dmar_finish(&builder, "TEST", "TEST");
	assert_true(size > 0);
	f.dmar_size = (size_t)size;
}

static void end(void)
{
	iommu_model_vtd_destroy(f.unit);
	test_platform_destroy(&f.outside);
}

static void sleep_it(void)
{
	iommu_model_vtd_reset(f.unit);
}

static int probe(struct iommu *iommu)
{
	const struct iommu_vtd_options options = {.flags = f.options};

	return iommu_vtd_probe(iommu, f.dmar, f.dmar_size, &options);
}

static bool dma(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_request request = {
		.source_id = (uint16_t)(8 * (device + 1)),
		.address = address,
		.access = IOMMU_PROT_READ,
	};
	struct iommu_model_translation translation = {0};
	int status = iommu_model_vtd_translate(f.unit, &request, &translation);

	*paddr = translation.paddr;
	return status == 0;
}

static uint16_t source_id(unsigned int device)
{
	return (uint16_t)(8 * (device + 1));
}

/* --- The kinds of units ----------------------------------------------------------------------- */

static void begin_legacy(struct test_platform *test)
{
	begin(test, 0, 0);
}

static void begin_registers(struct test_platform *test)
{
	begin(test, 0, IOMMU_VTD_REGISTER_INVALIDATION);
}

static void begin_caching(struct test_platform *test)
{
	begin(test, IOMMU_MODEL_VTD_CACHING_MODE, 0);
}

static void begin_scalable(struct test_platform *test)
{
	begin(test, IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID, 0);
}

static void begin_first_stage(struct test_platform *test)
{
	begin(test,
	      IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_CACHING_MODE,
	      0);
}

/* A large mapping is more than one block, and more than one page table. */
#define UNIT(kind, bits, begin_it)                                                                 \
	{                                                                                          \
		.name = (kind), .leaf = (bits), .page = 4096, .start = START, .stride = 1 << 23,   \
		.large_pages = 1536, .devices = 2, .has_identity = true, .is_open_when_off = true, \
		.reports_faults = true, .begin = (begin_it), .end = end, .probe = probe,           \
		.dma = dma, .source_id = source_id, .mend = be_well, .sleep = sleep_it,            \
	}

int main(void)
{
	static const struct kit_backend backends[] = {
		UNIT("vtd, queue", SECOND_STAGE, begin_legacy),
		UNIT("vtd, registers", SECOND_STAGE, begin_registers),
		UNIT("vtd, caching mode", SECOND_STAGE, begin_caching),
		UNIT("vtd, scalable", SECOND_STAGE, begin_scalable),
		UNIT("vtd, first stage", FIRST_STAGE, begin_first_stage),
	};

	return kit_run(backends, sizeof(backends) / sizeof(backends[0]));
}
