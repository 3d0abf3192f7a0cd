/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 back end passes the kit (kit.h): units with stage 1, with stage 2 alone, with stream
 * tables of one level and of two, with completions that are stored or read from a register, with
 * ranges in invalidations, whose accesses are coherent or not, and with every granule. A step is a
 * write to a register that starts something.
 */
#include <string.h>

#include <libiommu/aarch64.h>
#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/model_smmu.h>
#include <libiommu/smmu.h>

#include "kit.h"
#include "test.h"

#define BASE  0x9050000ULL
#define START 0x40000000ULL
#define ARENA (1ULL << 24)

/* Of a page in either stage. */
#define LEAF_1                                                                                     \
	(VMSA_VALID | VMSA_PAGE_OR_TABLE | VMSA_ACCESS_FLAG | VMSA_SH_INNER |                      \
	 VMSA_S1_UNPRIVILEGED | VMSA_S1_NOT_GLOBAL | (uint64_t)VMSA_MEMORY_WRITE_BACK << 2)
#define LEAF_2                                                                                     \
	(VMSA_VALID | VMSA_PAGE_OR_TABLE | VMSA_ACCESS_FLAG | VMSA_SH_INNER | VMSA_S2_READ |       \
	 VMSA_S2_WRITE | VMSA_S2_WRITE_BACK)

static struct {
	struct test_platform *test;
	struct test_platform outside; /* for the model's own memory */
	struct iommu_model_smmu *unit;
	struct iommu_model_smmu_faults faults;
	unsigned int flags, id_bits;
} f;

/* --- The model's memory ----------------------------------------------------------------------- */

static bool memory_is_there(iommu_paddr_t paddr, size_t size)
{
	return paddr < ARENA && size <= ARENA - paddr;
}

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (!memory_is_there(paddr, size))
		return false;
	memcpy(bytes, test_platform_seen(f.test, paddr), size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!memory_is_there(paddr, size))
		return false;
	memcpy(test_platform_seen(f.test, paddr), bytes, size);
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
	return (uint32_t)iommu_model_smmu_mmio_read(f.unit, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_smmu_mmio_read(f.unit, offset_of(reg), 8);
}

static bool starts_something(uint64_t offset)
{
	return offset == SMMU_CR0 || offset == SMMU_GBPA || offset == SMMU_IRQ_CTRL ||
	       offset == SMMU_CMDQ_PROD;
}

/*
 * Work that hardware does not do, or does not report, at once: a change completes after the
 * driver's time-out, or not; a command is refused, or executed without the CMD_SYNC behind it.
 */
static void fail_by(enum kit_answer answer, uint64_t offset)
{
	if (answer == KIT_BUSY)
		f.faults.commands_hang = f.faults.never_acks = true;
	else if (answer == KIT_REFUSE && offset == SMMU_CMDQ_PROD)
		f.faults.refuse_after = 1;
	else if (answer == KIT_REFUSE)
		f.faults.deaf_register = (unsigned int)offset;
	else if (offset == SMMU_CMDQ_PROD)
		f.faults.syncs_hang = true;
	else
		f.faults.ack_delay = 24;
	iommu_model_smmu_misbehave(f.unit, &f.faults);
}

static void write_register(uint64_t offset, unsigned int size, uint64_t value)
{
	enum kit_answer answer = KIT_OBEY;

	kit_look();
	if (starts_something(offset))
		answer = kit_step();
	if (answer != KIT_OBEY)
		fail_by(answer, offset);
	iommu_model_smmu_mmio_write(f.unit, offset, size, value);
	/* The next command is accepted again, and so is the next write. */
	f.faults.refuse_after = 0;
	f.faults.deaf_register = 0;
	if (answer != KIT_OBEY)
		iommu_model_smmu_misbehave(f.unit, &f.faults);
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
	iommu_model_smmu_misbehave(f.unit, &f.faults);
	for (i = 0; i < 64; i++)
		(void)iommu_model_smmu_mmio_read(f.unit, SMMU_CR0ACK, 4);
}

/* --- The machine ------------------------------------------------------------------------------ */

#define COMMON                                                                                     \
	(smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) |                                             \
	 smmu_place(SMMU_IDR0_TTENDIAN, SMMU_ENDIAN_LITTLE) |                                      \
	 smmu_place(SMMU_IDR0_STALL, SMMU_STALL_NEVER))
#define FIRST    smmu_place(SMMU_IDR0_S1P, 1)
#define SECOND   smmu_place(SMMU_IDR0_S2P, 1)
#define MESSAGES smmu_place(SMMU_IDR0_MSI, 1)
#define LEVELS   smmu_place(SMMU_IDR0_ST_LEVEL, SMMU_ST_LEVEL_BOTH)
#define WIDE_IDS (smmu_place(SMMU_IDR0_ASID16, 1) | smmu_place(SMMU_IDR0_VMID16, 1))
#define RANGES   smmu_place(SMMU_IDR3_RIL, 1)
#define BBM(n)   smmu_place(SMMU_IDR3_BBML, n)

struct kind {
	uint64_t idr0, idr3;
	unsigned int stream_bits, granules; /* … of IDR5: 1 4K, 2 16K, 4 64K */
	unsigned int strict, flags, id_bits;
	bool is_open;
	bool is_apart; /* its accesses are not coherent with the CPUs' caches */
};

static void begin(struct test_platform *test, const struct kind *kind)
{
	const struct iommu_model_smmu_config config = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .write = write_memory, .misuse = refuse_misuse},
		.idr0 = (uint32_t)(COMMON | smmu_place(SMMU_IDR0_COHACC, !kind->is_apart) |
				   kind->idr0),
		.idr1 = (uint32_t)(smmu_place(SMMU_IDR1_SIDSIZE, kind->stream_bits) |
				   smmu_place(SMMU_IDR1_CMDQS, 8) |
				   smmu_place(SMMU_IDR1_EVENTQS, 7)),
		.idr3 = (uint32_t)kind->idr3,
		.idr5 = (uint32_t)(smmu_place(SMMU_IDR5_OAS, 4) |
				   (uint64_t)kind->granules << (SMMU_IDR5_GRAN4K & 0xff)),
		.aidr = 1,
		.resets_aborting = !kind->is_open,
		.strict = kind->strict,
		.cache_entries = SIZE_MAX,
	};

	memset(&f, 0, sizeof(f));
	if (kind->is_apart)
		test_platform_hide_stores(test);
	f.test = test;
	f.flags = kind->flags;
	f.id_bits = kind->id_bits;
	test_platform_init(&f.outside, 1 << 23, 0);
	assert_int_equal(iommu_model_smmu_create(&config, &f.unit), 0);
	test->platform.map_mmio = map_mmio;
	test->platform.unmap_mmio = unmap_mmio;
	test->platform.mmio_read32 = read32;
	test->platform.mmio_read64 = read64;
	test->platform.mmio_write32 = write32;
	test->platform.mmio_write64 = write64;
}

static void end(void)
{
	iommu_model_smmu_destroy(f.unit);
	test_platform_destroy(&f.outside);
}

static void sleep_it(void)
{
	iommu_model_smmu_reset(f.unit);
}

static int probe(struct iommu *iommu)
{
	const struct iommu_smmu_config config = {
		.registers = BASE, .flags = f.flags, .stream_id_bits = f.id_bits};

	return iommu_smmu_add_unit(iommu, &config, NULL);
}

static uint16_t source_id(unsigned int device)
{
	return (uint16_t)(8 * (device + 1));
}

static bool dma(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_smmu_request request = {
		.stream = source_id(device),
		.address = address,
		.access = IOMMU_PROT_READ,
	};
	struct iommu_model_smmu_translation translation = {0};
	int status = iommu_model_smmu_translate(f.unit, &request, &translation);

	*paddr = translation.paddr;
	return status == 0;
}

/* --- The kinds of units ----------------------------------------------------------------------- */

static void begin_first_stage(struct test_platform *test)
{
	const struct kind kind = {.idr0 = FIRST | SECOND | MESSAGES | LEVELS | WIDE_IDS,
				  .idr3 = BBM(2),
				  .stream_bits = 16,
				  .granules = 1};

	begin(test, &kind);
}

static void begin_second_stage(struct test_platform *test)
{
	const struct kind kind = {.idr0 = SECOND | MESSAGES,
				  .idr3 = RANGES,
				  .stream_bits = 6,
				  .granules = 7,
				  .strict = IOMMU_MODEL_SMMU_WILD_RESET};

	begin(test, &kind);
}

static void begin_polled(struct test_platform *test)
{
	const struct kind kind = {.idr0 = FIRST | LEVELS,
				  .idr3 = RANGES | BBM(1),
				  .stream_bits = 32,
				  .granules = 1,
				  .strict =
					  IOMMU_MODEL_SMMU_UNORDERED | IOMMU_MODEL_SMMU_WILD_RESET,
				  .id_bits = 23};

	begin(test, &kind);
}

static void begin_open(struct test_platform *test)
{
	const struct kind kind = {.idr0 = FIRST | MESSAGES | LEVELS,
				  .stream_bits = 10,
				  .granules = 1,
				  .strict = IOMMU_MODEL_SMMU_LAZY,
				  .is_open = true};

	begin(test, &kind);
}

static void begin_16k(struct test_platform *test)
{
	const struct kind kind = {.idr0 = FIRST | MESSAGES | LEVELS,
				  .idr3 = BBM(2),
				  .stream_bits = 10,
				  .granules = 2,
				  .strict = IOMMU_MODEL_SMMU_WILD_RESET};

	begin(test, &kind);
}

static void begin_64k(struct test_platform *test)
{
	const struct kind kind = {
		.idr0 = SECOND, .idr3 = RANGES | BBM(2), .stream_bits = 5, .granules = 4};

	begin(test, &kind);
}

static void begin_apart(struct test_platform *test)
{
	const struct kind kind = {.idr0 = FIRST | SECOND | MESSAGES | LEVELS | WIDE_IDS,
				  .idr3 = RANGES | BBM(2),
				  .stream_bits = 16,
				  .granules = 1,
				  .strict = IOMMU_MODEL_SMMU_UNORDERED,
				  .is_apart = true};

	begin(test, &kind);
}

static void begin_second_apart(struct test_platform *test)
{
	const struct kind kind = {
		.idr0 = SECOND, .stream_bits = 6, .granules = 1, .is_apart = true};

	begin(test, &kind);
}

/* A large mapping is more than one block, and more than one page table. */
#define UNIT(kind, begin_it, leaf_bits, page_bytes, large, open)                                   \
	{                                                                                          \
		.name = (kind), .leaf = (leaf_bits), .page = (page_bytes), .start = START,         \
		.stride = 1 << 23, .large_pages = (large), .devices = 2, .has_identity = true,     \
		.is_open_when_off = (open), .reports_faults = true, .begin = (begin_it),           \
		.end = end, .probe = probe, .dma = dma, .source_id = source_id, .mend = be_well,   \
		.sleep = sleep_it,                                                                 \
	}

int main(void)
{
	static const struct kit_backend backends[] = {
		UNIT("smmu, first stage", begin_first_stage, LEAF_1, 4096, 1536, false),
		UNIT("smmu, second stage", begin_second_stage, LEAF_2, 4096, 1536, false),
		UNIT("smmu, polled", begin_polled, LEAF_1, 4096, 1536, false),
		UNIT("smmu, open", begin_open, LEAF_1, 4096, 1536, true),
		UNIT("smmu, not coherent", begin_apart, LEAF_1, 4096, 1536, false),
		UNIT("smmu, second stage, not coherent", begin_second_apart, LEAF_2, 4096, 1536,
		     false),
		UNIT("smmu, pages of 16K", begin_16k, LEAF_1, 16384, 384, false),
		UNIT("smmu, pages of 64K", begin_64k, LEAF_2, 65536, 96, false),
	};

	return kit_run(backends, sizeof(backends) / sizeof(backends[0]));
}
