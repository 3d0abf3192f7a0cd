/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POWER's back ends pass the kit (kit.h): bridges under OPAL that firmware invalidates, bridges
 * that are invalidated through their register, and windows of a hypervisor.
 */
#include <string.h>

#include "kit.h"
#include "phb_registers.h"
#include "test.h"

#define BYPASS (1ULL << 59)

static struct {
	struct test_platform *test;
	struct test_platform outside; /* for the models' own memory */
	struct iommu_model_phb *bridge;
	struct iommu_model_papr *papr;
	unsigned int generation;
	/* Two ids that are put into a PE, and taken out. */
	bool has_pe[2];
	uint32_t pe[2];
	unsigned int calls;
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	if (paddr > (1ULL << 24) - sizeof(*bytes))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test->platform, paddr), sizeof(*bytes));
	assert_true(*bytes != TEST_POISON * 0x0101010101010101ULL); /* a table that was freed */
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	kit_fail(text);
}

static void begin(struct test_platform *test, unsigned int generation)
{
	memset(&f, 0, sizeof(f));
	f.test = test;
	f.generation = generation;
	test_platform_init(&f.outside, 1 << 23, 0);
}

/* --- Bridges ---------------------------------------------------------------------------------- */

#define PES              8
#define FIRST_ID         0x100
#define OWN_ID           0x700
#define MEMORY_OF_BRIDGE (1ULL << 32)

static int64_t call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	enum kit_answer answer;
	int64_t code = -6;

	(void)ctx;
	kit_look();
	answer = kit_step();
	if (answer == KIT_OBEY)
		code = iommu_model_phb_opal(f.bridge, token, arguments);
	else if (answer == KIT_LIE)
		assert_int_equal(iommu_model_phb_opal(f.bridge, token, arguments), 0);
	else if (answer == KIT_BUSY)
		code = -2;
	kit_look();
	return code;
}

/* What the register does not do at once is done later, when the driver has given up. */
static void write_register(void *ctx, volatile void *reg, uint64_t value)
{
	struct iommu_model_phb_faults faults = {0};

	kit_look();
	if (kit_step() != KIT_OBEY)
		faults.slow_kills = 8;
	iommu_model_phb_misbehave(f.bridge, &faults);
	phb_registers_write64(ctx, reg, value);
	kit_look();
}

static void end_kill(void)
{
	while (iommu_model_phb_kill_read(f.bridge) != 0)
		;
}

static void begin_bridge(struct test_platform *test, unsigned int generation)
{
	struct iommu_model_phb_config config = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .misuse = refuse_misuse},
		.generation = generation,
		.pes = PES,
	};

	begin(test, generation);
	phb_registers_install(&test->platform, &f.bridge, NULL);
	test->platform.mmio_write64 = write_register;
	assert_int_equal(iommu_model_phb_create(&config, &f.bridge), 0);
}

static void begin_by_call(struct test_platform *test)
{
	begin_bridge(test, 4);
}

static void begin_by_register(struct test_platform *test)
{
	begin_bridge(test, 3);
}

static void end_bridge(void)
{
	iommu_model_phb_destroy(f.bridge);
	test_platform_destroy(&f.outside);
}

static void reboot_bridge(void)
{
	phb_registers.mapped = 0;
}

static int probe_bridge(struct iommu *iommu)
{
	const struct iommu_opal_config config = {
		.pes = PES,
		.call = call,
		.page_sizes = 1ULL << 12 | 1ULL << 16,
		.output_bits = 50,
		.window_bits = 31,
		.memory_end = MEMORY_OF_BRIDGE,
		.registers = f.generation == 3 ? PHB_REGISTERS : 0,
	};

	return iommu_opal_probe(iommu, &config);
}

static uint16_t id_behind_bridge(unsigned int device)
{
	return (uint16_t)(FIRST_ID * (device + 1));
}

static uint16_t mate_behind_bridge(unsigned int device)
{
	return (uint16_t)(id_behind_bridge(device) + 1);
}

/* A bus for each, with two functions on it. */
static void make_pes(struct iommu_unit *unit)
{
	unsigned int i;

	for (i = 0; i < KIT_DEVICES; i++) {
		const struct iommu_opal_pe_config config = {.kind = IOMMU_OPAL_PE_BUS,
							    .source_id = id_behind_bridge(i),
							    .number = IOMMU_OPAL_NO_PE};
		uint32_t pe;

		assert_int_equal(iommu_opal_add_pe(unit, &config, &pe), 0);
	}
}

static bool dma_of_bridge(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	const uint16_t id = id_behind_bridge(device);
	const uint32_t pe = iommu_model_phb_pe_of(f.bridge, id);
	struct iommu_model_tce_access access;
	int status = iommu_model_phb_access(f.bridge, id, address, true, &access);

	assert_int_not_equal(access.reason, IOMMU_MODEL_TCE_MEMORY);
	if (status != 0 && pe != IOMMU_MODEL_NO_PE)
		assert_int_equal(iommu_model_phb_thaw(f.bridge, pe), 0);
	*paddr = access.paddr;
	return status == 0;
}

/* Firmware's state of an id is that of the last call that returned 0. */
static void change_pe(struct iommu_unit *unit, unsigned int n)
{
	const struct iommu_opal_pe_config config = {.source_id = (uint16_t)(OWN_ID + n),
						    .number = IOMMU_OPAL_NO_PE};
	int status = f.has_pe[n] ? iommu_opal_remove_pe(unit, f.pe[n])
				 : iommu_opal_add_pe(unit, &config, &f.pe[n]);

	if (status != 0)
		return;
	f.has_pe[n] = !f.has_pe[n];
	assert_int_equal(iommu_model_phb_pe_of(f.bridge, config.source_id),
			 f.has_pe[n] ? f.pe[n] : IOMMU_MODEL_NO_PE);
	if (f.has_pe[n])
		assert_int_not_equal(iommu_model_phb_pe_of(f.bridge, (uint16_t)(OWN_ID + !n)),
				     f.pe[n]);
}

static void change_pes(struct iommu_unit *unit)
{
	change_pe(unit, 0);
	change_pe(unit, 1);
}

/* --- Hypervisors ------------------------------------------------------------------------------ */

#define WINDOW       0x80000000U
#define DIRECT       0x80000001U
#define WINDOW_START 0x10000000ULL
#define WINDOW_PAGES (1ULL << 15)
#define DIRECT_SHIFT 16
#define DIRECT_PAGES 1024ULL /* two lists of the hypervisor's */

static int64_t hypercall(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			 uint64_t third, uint64_t fourth, uint64_t *result)
{
	static const int64_t codes[] = {-1, -4, -11, -44};
	enum kit_answer answer;
	int64_t code = codes[f.calls++ % 4];

	(void)ctx;
	kit_look();
	answer = kit_step();
	if (answer == KIT_OBEY)
		code = iommu_model_papr_hypercall(f.papr, opcode, liobn, address, third, fourth,
						  result);
	else if (answer == KIT_LIE)
		(void)iommu_model_papr_hypercall(f.papr, opcode, liobn, address, third, fourth,
						 result);
	else if (answer == KIT_BUSY)
		code = 1;
	kit_look();
	return code;
}

static void begin_papr(struct test_platform *test)
{
	struct iommu_model_papr_config config = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .misuse = refuse_misuse}};

	begin(test, 0);
	assert_int_equal(iommu_model_papr_create(&config, &f.papr), 0);
	assert_int_equal(
		iommu_model_papr_add_window(f.papr, WINDOW, WINDOW_START, 12, WINDOW_PAGES), 0);
	assert_int_equal(
		iommu_model_papr_add_window(f.papr, DIRECT, BYPASS, DIRECT_SHIFT, DIRECT_PAGES), 0);
}

static void end_papr(void)
{
	iommu_model_papr_destroy(f.papr);
	test_platform_destroy(&f.outside);
}

static int probe_papr(struct iommu *iommu)
{
	const struct iommu_papr_config config = {
		.last_id = 0xff,
		.window = {WINDOW, WINDOW_START, WINDOW_PAGES << 12, 12},
		.direct = {DIRECT, BYPASS, DIRECT_PAGES << DIRECT_SHIFT, DIRECT_SHIFT},
		.memory_end = DIRECT_PAGES << DIRECT_SHIFT,
		.has_multiple = true,
		.call = hypercall,
	};

	return iommu_papr_probe(iommu, &config);
}

static uint16_t id_in_partition(unsigned int device)
{
	return (uint16_t)(8 + device);
}

static uint16_t mate_in_partition(unsigned int device)
{
	return (uint16_t)(16 + device);
}

static bool dma_in_partition(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	struct iommu_model_tce_access access;
	int status = iommu_model_papr_access(f.papr, address >= BYPASS ? DIRECT : WINDOW, address,
					     true, &access);

	(void)device;
	*paddr = access.paddr;
	return status == 0;
}

#define BRIDGE(kind, count, begin_it, mend_it, own_it)                                             \
	{                                                                                          \
		.name = (kind), .page = 4096, .leaf = 3, .stride = 1 << 23, .large_pages = 1536,   \
		.is_big_endian = true, .devices = (count), .has_identity = true, .bypass = BYPASS, \
		.memory_end = MEMORY_OF_BRIDGE, .begin = (begin_it), .end = end_bridge,            \
		.reboot = reboot_bridge, .probe = probe_bridge, .dma = dma_of_bridge,              \
		.source_id = id_behind_bridge, .mate_id = mate_behind_bridge, .mend = (mend_it),   \
		.ready = make_pes, .own = (own_it),                                                \
	}

int main(void)
{
	static const struct kit_backend backends[] = {
		BRIDGE("opal", 3, begin_by_call, NULL, change_pes),
		BRIDGE("opal by register", 2, begin_by_register, end_kill, NULL),
		{
			.name = "papr",
			.page = 4096,
			.leaf = 3,
			.start = WINDOW_START,
			.stride = 1 << 23,
			.large_pages = 1536,
			.is_big_endian = true,
			.devices = 1,
			.bypass = BYPASS,
			.memory_end = DIRECT_PAGES << DIRECT_SHIFT,
			.begin = begin_papr,
			.end = end_papr,
			.probe = probe_papr,
			.dma = dma_in_partition,
			.source_id = id_in_partition,
			.mate_id = mate_in_partition,
		},
	};

	return kit_run(backends, sizeof(backends) / sizeof(backends[0]));
}
