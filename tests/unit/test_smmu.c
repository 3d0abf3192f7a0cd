/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 back end over the model of its hardware, in what the kit (tests/backend) does not
 * know: entries that change in place, PASIDs, nested domains, devices' TLBs, page requests, events,
 * errors of the unit, interrupts, stalls, StreamIDs of every width, and units that lack something.
 */
#include <stdlib.h>
#include <string.h>

#include <libiommu/aarch64.h>
#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>
#include <libiommu/ioas.h>
#include <libiommu/iommu.h>
#include <libiommu/model_smmu.h>
#include <libiommu/smmu.h>

#include "base/byteorder.h"
#include "smmu/stream_entry.h"
#include "test.h"
#include "test_platform.h"

#define BASE      0x9050000ULL
#define ELSEWHERE 0x1000000ULL /* the same registers, once more */
#define ARENA     (1ULL << 26)
#define FARAWAY   0x200000000ULL /* memory that nothing has, for mappings */
#define IOVA      0x500000000ULL
#define DEVICES   4
#define RW        IOMMU_PROT_READ_WRITE
#define PAGE      IOMMU_PAGE_SIZE
#define SECONDS   1000000000ULL

/* A translation that a device keeps. */
struct kept {
	bool used;
	uint32_t pasid; /* 0: none */
	uint64_t address, size;
	iommu_paddr_t paddr;
};

struct device {
	uint32_t id;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct kept tlb[16];
	unsigned int next;
	bool silent; /* does not answer invalidations */
	unsigned int asked;
	struct iommu_model_smmu_page_answer answer;
	unsigned int answers;
	unsigned int resumed; /* stalled requests that have ended … */
	enum iommu_model_smmu_resumption resumption;
};

static struct {
	struct test_platform test, outside; /* the driver's; the model's own memory */
	struct iommu_model_smmu *model;
	struct iommu_model_smmu_faults faults_of_model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct device devices[DEVICES];
	struct iommu_fault faults[512];
	unsigned int fault_count;
	unsigned int messages;
	uint64_t message_address, dead_address; /* where no message can be written */
	iommu_paddr_t dead_memory;              /* a page that cannot be written; 0: none */
	uint32_t message_data;
	unsigned int wires[4];
	unsigned int groups; /* of page requests that were reported */
	struct iommu_page_request request;
	iommu_paddr_t next_memory;
	uint64_t now, step; /* the host's clock, and how far it goes with each look */
	/* Called while hardware is told to forget something. */
	void (*meanwhile)(const struct iommu_model_smmu_invalidation *what);
	/* Called when a device has forgotten something, while the unit reads memory, and while the
	 * driver waits. */
	void (*forgot)(void), (*reads)(void), (*waits)(void);
	unsigned int stalls_after; /* doorbells until no command is executed; 0: it goes on */
	bool spoils; /* the first command of the next doorbell is none that there is */
	unsigned int told;
	unsigned int aborted; /* accesses meanwhile that reached nothing */
	iommu_paddr_t allowed[2];
	struct iommu_model_smmu_invalidation last; /* that named addresses */
} f;

/* The unit does not see what CPUs have in their caches: all tests run with such a one, too. */
static bool is_apart;
/* The registers of a model that can everything. */
static struct iommu_model_smmu_config whole;

/* --- The model's services --------------------------------------------------------------------- */

static bool is_memory(iommu_paddr_t paddr, size_t size)
{
	return paddr < ARENA && size <= ARENA - paddr;
}

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	void (*const reads)(void) = f.reads;

	(void)ctx;
	f.reads = NULL; /* not for what the unit reads meanwhile */
	if (reads != NULL)
		reads();
	f.reads = reads;
	if (!is_memory(paddr, size))
		return false;
	memcpy(bytes, test_platform_seen(&f.test, paddr), size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size) || (f.dead_memory != 0 && paddr / PAGE == f.dead_memory / PAGE))
		return false;
	memcpy(test_platform_seen(&f.test, paddr), bytes, size);
	return true;
}

static bool compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t *at = test_platform_seen(&f.test, paddr);

	(void)ctx;
	if (!is_memory(paddr, 8) || *at != iommu_le64(expected))
		return false;
	*at = iommu_le64(desired);
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("%s", text);
}

/* To memory: completions; elsewhere: interrupts. */
static bool note_message(void *ctx, uint64_t address, uint32_t data)
{
	if (f.dead_address != 0 && address >= f.dead_address)
		return false;
	if (is_memory(address, 4)) {
		const uint32_t bytes = iommu_le32(data);

		return write_memory(ctx, address, &bytes, 4);
	}
	f.messages++;
	f.message_address = address;
	f.message_data = data;
	return true;
}

static void note_wire(void *ctx, enum iommu_model_smmu_wire wire)
{
	(void)ctx;
	f.wires[wire]++;
}

static struct device *device_of(uint32_t id)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		if (f.devices[i].endpoint != NULL && f.devices[i].id == id)
			return &f.devices[i];
	return NULL;
}

static void note_answer(void *ctx, const struct iommu_model_smmu_page_answer *answer)
{
	struct device *device = device_of(answer->stream);

	(void)ctx;
	if (device == NULL)
		device = &f.devices[DEVICES - 1];
	device->answer = *answer;
	device->answers++;
}

static void note_resume(void *ctx, uint32_t stream, uint16_t tag,
			enum iommu_model_smmu_resumption resumption)
{
	struct device *device = device_of(stream);

	(void)ctx;
	(void)tag;
	assert_non_null(device);
	device->resumed++;
	device->resumption = resumption;
}

/* What a device keeps, it forgets when it is told. */
static bool invalidate(void *ctx, const struct iommu_model_smmu_invalidation *what)
{
	struct device *device;
	unsigned int i;

	(void)ctx;
	f.told++;
	if (what->type != IOMMU_MODEL_SMMU_DEVICE_TLB && what->has_range && what->size != 0)
		f.last = *what;
	if (f.meanwhile != NULL)
		f.meanwhile(what);
	if (what->type != IOMMU_MODEL_SMMU_DEVICE_TLB)
		return true;
	device = device_of(what->first_stream);
	assert_non_null(device);
	device->asked++;
	if (device->silent)
		return false;
	for (i = 0; i < sizeof(device->tlb) / sizeof(device->tlb[0]); i++) {
		struct kept *kept = &device->tlb[i];
		const bool is_of = !what->has_substream || what->all_substreams ||
				   what->substream == kept->pasid;
		const bool overlaps = !what->has_range || what->size == 0 ||
				      (kept->address <= what->address + (what->size - 1) &&
				       what->address <= kept->address + (kept->size - 1));

		if (is_of && overlaps)
			kept->used = false;
	}
	if (f.forgot != NULL)
		f.forgot();
	return true;
}

/* --- The driver's services -------------------------------------------------------------------- */

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
	return ((uintptr_t)reg - BASE) % ELSEWHERE;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_smmu_mmio_read(f.model, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_smmu_mmio_read(f.model, offset_of(reg), 8);
}

static void stall(bool stalls)
{
	const struct iommu_model_smmu_faults faults = {.commands_hang = stalls};

	iommu_model_smmu_misbehave(f.model, &faults);
}

/* The command that is next, as hardware has it. */
static void spoil(void)
{
	const uint64_t base = iommu_model_smmu_mmio_read(f.model, SMMU_CMDQ_BASE, 8);
	const uint64_t slot = iommu_model_smmu_mmio_read(f.model, SMMU_CMDQ_CONS, 4) & 0xff;
	uint64_t *command =
		test_platform_seen(&f.test, (base & 0xfffffffffffe0ULL) + slot * SMMU_COMMAND_SIZE);

	f.spoils = false;
	*command = iommu_le64(0xff);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	if (offset_of(reg) == SMMU_CMDQ_PROD && f.stalls_after != 0 && --f.stalls_after == 0)
		stall(true);
	if (offset_of(reg) == SMMU_CMDQ_PROD && f.spoils)
		spoil();
	iommu_model_smmu_mmio_write(f.model, offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_smmu_mmio_write(f.model, offset_of(reg), 8, value);
}

/* Time passes with each look at it. */
static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	if (f.waits != NULL)
		f.waits();
	return f.now += f.step;
}

static void note_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	assert_true(f.fault_count < sizeof(f.faults) / sizeof(f.faults[0]));
	f.faults[f.fault_count++] = *fault;
}

/* --- The machine ------------------------------------------------------------------------------ */

static void set(uint32_t *idr, unsigned int field, uint64_t value)
{
	smmu_word_t word = *idr;

	smmu_set(&word, field, value);
	*idr = (uint32_t)word;
}

static void make_model(const struct iommu_model_smmu_config *given)
{
	struct iommu_model_smmu_config config = *given;

	config.platform = &f.outside.platform;
	config.host = (struct iommu_model_smmu_host){
		.read = read_memory,
		.write = write_memory,
		.compare_exchange = compare_exchange,
		.interrupt = note_message,
		.wire = note_wire,
		.page_answer = note_answer,
		.resume = note_resume,
		.misuse = refuse_misuse,
		.invalidate = invalidate,
	};
	config.cache_entries = SIZE_MAX;
	if (is_apart && config.idr0 == 0) {
		config.idr0 = whole.idr0;
		config.idr1 = whole.idr1;
		config.idr3 = whole.idr3;
		config.idr5 = whole.idr5;
	}
	if (is_apart)
		set(&config.idr0, SMMU_IDR0_COHACC, 0);
	assert_int_equal(iommu_model_smmu_create(&config, &f.model), 0);
}

static void machine(const struct iommu_model_smmu_config *config)
{
	memset(&f, 0, sizeof(f));
	f.next_memory = FARAWAY;
	f.step = 10000000;
	test_platform_init(&f.outside, 1 << 24, 0);
	test_platform_init(&f.test, ARENA, 0);
	f.test.quiet = true;
	if (is_apart)
		test_platform_hide_stores(&f.test);
	f.test.platform.map_mmio = map_mmio;
	f.test.platform.unmap_mmio = unmap_mmio;
	f.test.platform.mmio_read32 = read32;
	f.test.platform.mmio_read64 = read64;
	f.test.platform.mmio_write32 = write32;
	f.test.platform.mmio_write64 = write64;
	f.test.platform.now_ns = now_ns;
	make_model(config);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	iommu_set_fault_handler(f.iommu, note_fault, NULL);
}

static uint32_t reg(uint32_t offset)
{
	return (uint32_t)iommu_model_smmu_mmio_read(f.model, offset, 4);
}

/* What the model can, of which a test takes some away. */
static struct iommu_model_smmu_config registers_of_model(void)
{
	struct iommu_model_smmu_config config = {.idr0 = 0};

	machine(&config);
	config.idr0 = reg(SMMU_IDR0);
	config.idr1 = reg(SMMU_IDR1);
	config.idr3 = reg(SMMU_IDR3);
	config.idr5 = reg(SMMU_IDR5);
	config.aidr = reg(SMMU_AIDR);
	iommu_destroy(f.iommu);
	iommu_model_smmu_destroy(f.model);
	test_platform_destroy(&f.test);
	test_platform_destroy(&f.outside);
	return config;
}

static struct iommu_endpoint_info info_of(unsigned int i)
{
	return (struct iommu_endpoint_info){
		.source_id = (uint16_t)f.devices[i].id,
		.device_tlb = true,
		.tlb_queue_depth = 8,
		.max_pasids = 1U << 16,
		.page_requests = 8,
	};
}

static int add_device(unsigned int i, const struct iommu_endpoint_info *info)
{
	int status = iommu_probe_endpoint(f.iommu, info, &f.devices[i].endpoint);

	if (status == 0)
		f.devices[i].group = iommu_endpoint_group(f.devices[i].endpoint);
	return status;
}

static const struct iommu_smmu_config usual = {
	.registers = BASE, .timeout_ns = SECONDS, .device_timeout_ns = 2 * SECONDS};

/* A unit that is on, and devices 00:01.0, 00:02.0, … of its segment */
static void begin_with(const struct iommu_model_smmu_config *model,
		       const struct iommu_smmu_config *config)
{
	unsigned int i;

	machine(model);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, config, &f.unit), 0);
	for (i = 0; i < DEVICES; i++) {
		struct iommu_endpoint_info info;

		f.devices[i].id = 8 * (i + 1);
		info = info_of(i);
		info.segment = config->segment;
		assert_int_equal(add_device(i, &info), 0);
	}
	assert_int_equal(iommu_unit_enable(f.unit), 0);
}

static void begin(void)
{
	/* Nothing stalls that need not. */
	const struct iommu_model_smmu_config model = {.idr0 = 0};

	begin_with(&model, &usual);
}

static void stop(void)
{
	iommu_destroy(f.iommu);
	iommu_model_smmu_destroy(f.model);
	test_platform_destroy(&f.test);
	test_platform_destroy(&f.outside);
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		if (f.devices[i].endpoint != NULL)
			assert_int_equal(iommu_release_endpoint(f.devices[i].endpoint), 0);
	stop();
}

static void misbehave(void)
{
	iommu_model_smmu_misbehave(f.model, &f.faults_of_model);
}

static void be_well(void)
{
	memset(&f.faults_of_model, 0, sizeof(f.faults_of_model));
	misbehave();
}

static struct iommu_domain *make(enum iommu_domain_type type,
				 const struct iommu_domain_config *config)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit, type, config, &domain), 0);
	return domain;
}

static struct iommu_domain *paging(enum iommu_stage stage)
{
	const struct iommu_domain_config config = {.stage = stage};

	return make(IOMMU_DOMAIN_PAGING, &config);
}

static struct iommu_domain *identity(void)
{
	return make(IOMMU_DOMAIN_IDENTITY, NULL);
}

static iommu_paddr_t map(struct iommu_domain *domain, iommu_iova_t iova)
{
	const iommu_paddr_t paddr = f.next_memory;

	f.next_memory += PAGE;
	assert_int_equal(iommu_map(domain, iova, paddr, PAGE, RW), 0);
	return paddr;
}

static int attach(struct iommu_domain *domain, unsigned int i)
{
	return iommu_domain_attach_group(domain, f.devices[i].group);
}

static int detach(unsigned int i)
{
	return iommu_domain_detach_group(f.devices[i].group);
}

static int enable(unsigned int i, enum iommu_feature feature)
{
	return iommu_endpoint_enable_feature(f.devices[i].endpoint, feature);
}

static int disable(unsigned int i, enum iommu_feature feature)
{
	return iommu_endpoint_disable_feature(f.devices[i].endpoint, feature);
}

/* --- Devices ---------------------------------------------------------------------------------- */

static struct iommu_model_smmu_request request_of(unsigned int i, uint32_t pasid, uint64_t address)
{
	return (struct iommu_model_smmu_request){
		.stream = f.devices[i].id,
		.has_substream = pasid != 0,
		.substream = pasid,
		.address = address,
		.access = RW,
	};
}

/* An access; 0 with the address, or the code of the event. */
static unsigned int use(unsigned int i, uint32_t pasid, uint64_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_smmu_request request = request_of(i, pasid, address);
	struct iommu_model_smmu_translation translation = {0};

	if (iommu_model_smmu_translate(f.model, &request, &translation) != 0)
		return translation.event != 0 ? translation.event : UINT32_MAX;
	*paddr = translation.paddr;
	return 0;
}

static void reaches(unsigned int i, uint32_t pasid, uint64_t address, iommu_paddr_t paddr)
{
	iommu_paddr_t seen = 0;

	assert_int_equal(use(i, pasid, address, &seen), 0);
	assert_int_equal(seen, paddr);
}

static void is_stopped(unsigned int i, uint32_t pasid, uint64_t address, unsigned int event)
{
	iommu_paddr_t seen;

	assert_int_equal(use(i, pasid, address, &seen), event);
}

/* A device asks for a translation, and keeps it. */
static bool ask(unsigned int i, uint32_t pasid, uint64_t address)
{
	struct device *device = &f.devices[i];
	struct iommu_model_smmu_request request = request_of(i, pasid, address);
	struct iommu_model_smmu_translation translation = {0};

	request.type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST;
	if (iommu_model_smmu_translate(f.model, &request, &translation) != 0 ||
	    translation.prot == 0)
		return false;
	device->tlb[device->next++ % 16] = (struct kept){
		.used = true,
		.pasid = pasid,
		.address = address & ~(PAGE - 1),
		.size = PAGE,
		.paddr = translation.paddr & ~(PAGE - 1),
	};
	return true;
}

/* … and accesses by what it keeps; false: it keeps nothing, or the unit refuses it. */
static bool use_kept(unsigned int i, uint32_t pasid, uint64_t address, iommu_paddr_t *paddr)
{
	const struct device *device = &f.devices[i];
	struct iommu_model_smmu_translation translation = {0};
	struct iommu_model_smmu_request request;
	unsigned int n;

	for (n = 0; n < 16; n++) {
		const struct kept *kept = &device->tlb[n];

		if (!kept->used || kept->pasid != pasid || address - kept->address >= kept->size)
			continue;
		request = request_of(i, pasid, kept->paddr + (address - kept->address));
		request.type = IOMMU_MODEL_SMMU_TRANSLATED;
		if (iommu_model_smmu_translate(f.model, &request, &translation) != 0)
			return false;
		*paddr = translation.paddr;
		return true;
	}
	return false;
}

/* --- Commands that are executed in another order ---------------------------------------------- */

static void begin_unordered(void)
{
	const struct iommu_model_smmu_config model = {.strict = IOMMU_MODEL_SMMU_UNORDERED};

	begin_with(&model, &usual);
}

static const uint64_t *queue_words(void)
{
	const uint64_t base = iommu_model_smmu_mmio_read(f.model, SMMU_CMDQ_BASE, 8);

	return iommu_phys_to_virt(&f.test.platform, base & 0xfffffffffffe0ULL);
}

static uint64_t queue_tail(void)
{
	return iommu_model_smmu_mmio_read(f.model, SMMU_CMDQ_PROD, 4) & 0xff;
}

static bool is_configuration(uint64_t low)
{
	return (low & 0xff) >= SMMU_CFGI_STE && (low & 0xff) <= SMMU_CFGI_CD_ALL;
}

static bool is_completion(uint64_t low)
{
	return (low & 0xff) == SMMU_SYNC;
}

#include "command_order.h"

/* --- Entries that change in place ------------------------------------------------------------- */

/* Entries of every configuration, as the driver makes them, and a few more. */
static void make_entry(unsigned int kind, uint64_t *words)
{
	static const enum smmu_ste_config configs[] = {
		SMMU_STE_BYPASS,  SMMU_STE_STAGE_1, SMMU_STE_STAGE_1,
		SMMU_STE_STAGE_1, SMMU_STE_STAGE_1, SMMU_STE_STAGE_2,
		SMMU_STE_STAGE_2, SMMU_STE_NESTED,  SMMU_STE_ABORT,
	};

	memset(words, 0, 64);
	words[0] = smmu_ste_word0(configs[kind]);
	smmu_set(words, SMMU_STE_SHCFG, SMMU_SHCFG_INCOMING);
	if ((configs[kind] & 5) == 5) {
		smmu_set_address(words, SMMU_STE_S1CONTEXTPTR, 0x10000 + 0x40 * kind);
		smmu_set(words, SMMU_STE_S1CIR, 1);
		smmu_set(words, SMMU_STE_S1DSS, kind == 3 ? SMMU_S1DSS_BYPASS : SMMU_S1DSS_CD0);
		smmu_set(words, SMMU_STE_S1CDMAX, kind == 3 || kind == 4 ? 6 : 0);
		smmu_set(words, SMMU_STE_EATS, kind == 2 ? 0 : SMMU_EATS_FULL);
	}
	if ((configs[kind] & 6) == 6) {
		smmu_set(words, SMMU_STE_S2VMID, kind);
		smmu_set(words, SMMU_STE_S2T0SZ, 20);
		smmu_set_address(words, SMMU_STE_S2TTB, 0x40000 + 0x1000 * kind);
	}
}
#define ENTRY_KINDS 9

/* Does hardware see the same in both? */
static bool looks_like(const uint64_t *seen, const uint64_t *meant)
{
	uint64_t used[8], of_seen[8];
	unsigned int i;

	iommu_smmu_entry_used(meant, used);
	iommu_smmu_entry_used(seen, of_seen);
	for (i = 0; i < 8; i++)
		if (((seen[i] ^ meant[i]) & used[i]) != 0 || used[i] != of_seen[i])
			return false;
	return true;
}

/* In every image, and between two with any words of the next there, it is the old or the new. */
static void check_steps(const uint64_t *from, const uint64_t *to, unsigned int *in_place)
{
	uint64_t steps[SMMU_ENTRY_STEPS_MAX][8], at[8], mixed[8];
	const unsigned int count = iommu_smmu_entry_steps(from, to, steps);
	unsigned int step, word, mask;

	memcpy(at, from, sizeof(at));
	for (step = 0; step < count; step++) {
		for (mask = 0; mask < 256; mask++) {
			for (word = 0; word < 8; word++)
				mixed[word] =
					(mask >> word & 1) != 0 ? steps[step][word] : at[word];
			assert_true(looks_like(mixed, from) || looks_like(mixed, to));
		}
		memcpy(at, steps[step], sizeof(at));
	}
	if (count != 0)
		assert_memory_equal(at, to, sizeof(at));
	*in_place += count != 0;
}

static void test_entry_steps(void **state)
{
	uint64_t from[8], to[8], used[8];
	unsigned int i, j, in_place = 0;

	(void)state;
	for (i = 0; i < ENTRY_KINDS; i++)
		for (j = 0; j < ENTRY_KINDS; j++) {
			make_entry(i, from);
			make_entry(j, to);
			if (i != j)
				check_steps(from, to, &in_place);
		}
	/* Bypass, abort and one context and another; stages whose tables differ do not. */
	assert_in_range(in_place, 30, 60);
	make_entry(5, from);
	make_entry(6, to);
	in_place = 0;
	check_steps(from, to, &in_place);
	assert_int_equal(in_place, 0);
	/* Of what is not valid nothing is looked at but that. */
	make_entry(7, from);
	from[0] &= ~1ULL;
	iommu_smmu_entry_used(from, used);
	assert_int_equal(used[0], 1);
	assert_int_equal(used[1] | used[2] | used[3], 0);
}

/* A device that is not to notice: it reaches one memory or the other. */
static void use_meanwhile(const struct iommu_model_smmu_invalidation *what)
{
	iommu_paddr_t seen = 0;

	(void)what;
	if (use(0, 0, IOVA, &seen) != 0)
		f.aborted++;
	else
		assert_true(seen == f.allowed[0] || seen == f.allowed[1]);
}

static void replace(struct iommu_domain *domain, iommu_paddr_t before, iommu_paddr_t after)
{
	f.allowed[0] = before;
	f.allowed[1] = after;
	f.aborted = 0;
	f.told = 0;
	f.meanwhile = use_meanwhile;
	assert_int_equal(attach(domain, 0), 0);
	f.meanwhile = NULL;
	assert_true(f.told > 0);
	reaches(0, 0, IOVA, after);
}

static void test_replaced_in_place(void **state)
{
	struct iommu_domain *one, *two, *second, *open;
	iommu_paddr_t of_one, of_two, of_second;

	(void)state;
	begin();
	one = paging(IOMMU_STAGE_FIRST);
	two = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	open = identity();
	of_one = map(one, IOVA);
	of_two = map(two, IOVA);
	of_second = map(second, IOVA);
	assert_int_equal(attach(one, 0), 0);
	reaches(0, 0, IOVA, of_one);
	replace(two, of_one, of_two);
	assert_int_equal(f.aborted, 0);
	replace(one, of_two, of_one);
	assert_int_equal(f.aborted, 0);
	replace(open, of_one, IOVA);
	assert_int_equal(f.aborted, 0);
	replace(two, IOVA, of_two);
	assert_int_equal(f.aborted, 0);
	replace(open, of_two, IOVA);
	replace(second, IOVA, of_second);
	assert_int_equal(f.aborted, 0);
	/* A VMID and a configuration are two words: it is blocked in between. */
	replace(one, of_second, of_one);
	assert_true(f.aborted > 0);
	/* What was translated by the one before is forgotten. */
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	is_stopped(0, 0, IOVA, SMMU_C_BAD_STE);
	iommu_domain_free(one);
	iommu_domain_free(two);
	iommu_domain_free(second);
	iommu_domain_free(open);
	end();
}

/* With a step in the middle refused it is in the domain that it was in. */
static void test_replaced_and_refused(void **state)
{
	struct iommu_domain *one, *open;
	iommu_paddr_t paddr;
	unsigned int n, failed = 0;

	(void)state;
	begin();
	one = paging(IOMMU_STAGE_FIRST);
	open = identity();
	paddr = map(one, IOVA);
	assert_int_equal(attach(open, 0), 0);
	for (n = 1; n < 12; n++) {
		f.faults_of_model.refuse_after = n;
		misbehave();
		if (attach(one, 0) != 0) {
			failed++;
			be_well();
			assert_ptr_equal(iommu_group_domain(f.devices[0].group), open);
			assert_int_equal(iommu_unit_enable(f.unit), 0);
			reaches(0, 0, IOVA, IOVA);
			continue;
		}
		be_well();
		reaches(0, 0, IOVA, paddr);
		assert_int_equal(attach(open, 0), 0);
	}
	assert_true(failed >= 3);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(one);
	iommu_domain_free(open);
	end();
}

/* --- PASIDs ----------------------------------------------------------------------------------- */

static void pasids(const struct iommu_model_smmu_config *model, uint32_t large)
{
	struct iommu_pasid_handle handles[3] = {0};
	struct iommu_domain *rid, *one, *other, *second, *open;
	iommu_paddr_t of_rid, of_one, of_other;
	struct iommu_group *group;

	begin_with(model, &usual);
	group = f.devices[0].group;
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	open = identity();
	of_rid = map(rid, IOVA);
	of_one = map(one, IOVA);
	of_other = map(other, IOVA);
	assert_int_equal(attach(rid, 0), 0);
	is_stopped(0, 5, IOVA, SMMU_C_BAD_SUBSTREAMID);
	/* What it has without one goes on while they are enabled. */
	f.allowed[0] = f.allowed[1] = of_rid;
	f.meanwhile = use_meanwhile;
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, group, 5, &handles[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(other, group, large, &handles[1]), 0);
	f.meanwhile = NULL;
	assert_int_equal(f.aborted, 0);
	reaches(0, 0, IOVA, of_rid);
	reaches(0, 5, IOVA, of_one);
	reaches(0, large, IOVA, of_other);
	assert_true(use(0, 6, IOVA, &of_rid) != 0);
	/* One replaces another, and only there. */
	assert_int_equal(iommu_domain_replace_pasid(other, group, 5, &handles[2]), 0);
	reaches(0, 5, IOVA, of_other);
	assert_int_equal(iommu_domain_detach_pasid(group, 5), 0);
	is_stopped(0, 5, IOVA, SMMU_C_BAD_CD);
	reaches(0, large, IOVA, of_other);
	/* Requests without one pass, or are blocked, beside it. */
	assert_int_equal(attach(open, 0), 0);
	reaches(0, 0, IOVA, IOVA);
	reaches(0, large, IOVA, of_other);
	assert_int_equal(attach(second, 0), IOMMU_EOPNOTSUPP);
	reaches(0, 0, IOVA, IOVA);
	assert_int_equal(detach(0), 0);
	is_stopped(0, 0, IOVA, SMMU_F_STREAM_DISABLED);
	reaches(0, large, IOVA, of_other);
	assert_int_equal(iommu_domain_detach_pasid(group, large), 0);
	is_stopped(0, large, IOVA, SMMU_C_BAD_STE);
	/* From nothing, and back. */
	assert_int_equal(iommu_domain_attach_pasid(one, group, large, &handles[0]), 0);
	reaches(0, large, IOVA, of_one);
	is_stopped(0, 0, IOVA, SMMU_F_STREAM_DISABLED);
	assert_int_equal(attach(rid, 0), 0);
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	is_stopped(0, large, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(iommu_domain_detach_pasid(group, large), 0);
	assert_int_equal(iommu_domain_attach_pasid(second, group, 5, &handles[0]),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(disable(0, IOMMU_FEATURE_PASID), 0);
	is_stopped(0, 5, IOVA, SMMU_C_BAD_SUBSTREAMID);
	assert_int_equal(detach(0), 0);
	assert_int_equal(attach(second, 0), 0);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), IOMMU_EOPNOTSUPP);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	iommu_domain_free(other);
	iommu_domain_free(second);
	iommu_domain_free(open);
	end();
}

static void test_pasids(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();

	(void)state;
	pasids(&model, 40000);
	/* Of one level: 10 bits are the most. */
	set(&model.idr0, SMMU_IDR0_CD2L, 0);
	pasids(&model, 1000);
	set(&model.idr1, SMMU_IDR1_SSIDSIZE, 6);
	pasids(&model, 63);
}

/* Have requests under one domain, and then, under the ASID that it had, under another. */
static void use_asid_again(uint32_t pasid)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *one = paging(IOMMU_STAGE_FIRST), *two = paging(IOMMU_STAGE_FIRST);
	struct iommu_group *group = f.devices[0].group;
	const iommu_paddr_t paddr = map(one, IOVA);

	assert_int_equal(pasid == 0 ? attach(one, 0)
				    : iommu_domain_attach_pasid(one, group, pasid, &handle),
			 0);
	reaches(0, pasid, IOVA, paddr);
	assert_int_equal(pasid == 0 ? detach(0) : iommu_domain_detach_pasid(group, pasid), 0);
	assert_int_equal(pasid == 0 ? attach(two, 0)
				    : iommu_domain_attach_pasid(two, group, pasid, &handle),
			 0);
	is_stopped(0, pasid, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(pasid == 0 ? detach(0) : iommu_domain_detach_pasid(group, pasid), 0);
	iommu_domain_free(one);
	iommu_domain_free(two);
}

static void test_asids_again(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *beside;

	(void)state;
	begin();
	use_asid_again(0);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	use_asid_again(0);
	/* Beside another, so that the way to contexts stays. */
	beside = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_attach_pasid(beside, f.devices[0].group, 9, &handle), 0);
	use_asid_again(0);
	use_asid_again(5);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 9), 0);
	iommu_domain_free(beside);
	end();
}

static void test_no_pasids(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_smmu_info info;

	(void)state;
	set(&model.idr1, SMMU_IDR1_SSIDSIZE, 0);
	begin_with(&model, &usual);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), IOMMU_EOPNOTSUPP);
	assert_false(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_PASID));
	assert_int_equal(iommu_smmu_get_info(f.unit, &info), 0);
	assert_int_equal(info.pasid_bits, 0);
	end();
}

static void test_pasids_refused(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *rid, *one;
	iommu_paddr_t of_rid, of_one;
	unsigned int n, failed = 0;

	(void)state;
	begin();
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	of_rid = map(rid, IOVA);
	of_one = map(one, IOVA);
	assert_int_equal(attach(rid, 0), 0);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	for (n = 1; n < 8; n++) {
		int status;

		f.faults_of_model.refuse_after = n;
		misbehave();
		status = iommu_domain_attach_pasid(one, f.devices[0].group, 7, &handle);
		be_well();
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		reaches(0, 0, IOVA, of_rid);
		if (status == 0)
			reaches(0, 7, IOVA, of_one);
		else
			assert_true(use(0, 7, IOVA, &of_rid) != 0);
		failed += status != 0;
		if (status == 0)
			assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 7), 0);
	}
	assert_in_range(failed, 1, 6);
	assert_int_equal(detach(0), 0);
	assert_int_equal(disable(0, IOMMU_FEATURE_PASID), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	end();
}

/* --- Nested domains --------------------------------------------------------------------------- */

/* A guest: its memory is what the parent maps, one page after the other, from here on. */
#define GUEST     0x40000000ULL
#define GUEST_CD  (GUEST + 0x1000) /* its contexts */
#define GUEST_TT  (GUEST + 0x2000) /* tables of levels 1 to 3 */
#define GUEST_MEM (GUEST + 0x5000)
#define PASIDS    4U /* log2 of the contexts */

static unsigned char *guest_pages;

static uint64_t *guest_at(uint64_t ipa)
{
	return (uint64_t *)(void *)(guest_pages + (ipa - GUEST));
}

/* The guest knows, too, what does not snoop. */
static void write_back_guest(void)
{
	f.test.platform.cache_flush(f.test.platform.ctx, guest_pages, 8 * PAGE);
}

/* One page at IOVA of a context. */
static void write_guest(uint32_t pasid, uint16_t asid, uint64_t ipa)
{
	uint64_t *cd = guest_at(GUEST_CD) + (size_t)8 * pasid;
	smmu_word_t words[8] = {0};
	unsigned int i;

	smmu_set(words, SMMU_CD_V, 1);
	smmu_set(words, SMMU_CD_AA64, 1);
	smmu_set(words, SMMU_CD_T0SZ, 64 - 39);
	smmu_set(words, SMMU_CD_IPS, 4);
	smmu_set(words, SMMU_CD_EPD1, 1);
	smmu_set(words, SMMU_CD_A, 1);
	smmu_set(words, SMMU_CD_R, 1);
	smmu_set(words, SMMU_CD_ASID, asid);
	smmu_set_address(words, SMMU_CD_TTB0, GUEST_TT);
	words[SMMU_CD_MAIR] = VMSA_MAIR;
	for (i = 0; i < 8; i++)
		cd[i] = iommu_le64(words[i]);
	guest_at(GUEST_TT)[IOVA >> 30 & 511] = iommu_le64(vmsa_table(12, GUEST_TT + 0x1000));
	guest_at(GUEST_TT + 0x1000)[IOVA >> 21 & 511] =
		iommu_le64(vmsa_table(12, GUEST_TT + 0x2000));
	guest_at(GUEST_TT + 0x2000)[IOVA >> 12 & 511] =
		iommu_le64(ipa | vmsa_leaf_type(1) | VMSA_ACCESS_FLAG | VMSA_S1_UNPRIVILEGED |
			   VMSA_S1_NOT_GLOBAL | vmsa_s1_attr_index(VMSA_MEMORY_WRITE_BACK));
	write_back_guest();
}

static struct iommu_domain *make_parent(void)
{
	const struct iommu_domain_config config = {.nest_parent = true};
	struct iommu_domain *parent = make(IOMMU_DOMAIN_PAGING, &config);

	guest_pages = f.test.platform.alloc_pages(f.test.platform.ctx, 3, IOMMU_NODE_ANY, 0);
	assert_non_null(guest_pages);
	assert_int_equal(iommu_map(parent, GUEST, iommu_virt_to_phys(&f.test.platform, guest_pages),
				   8 * PAGE, RW),
			 0);
	return parent;
}

static void free_parent(struct iommu_domain *parent)
{
	iommu_domain_free(parent);
	f.test.platform.free_pages(f.test.platform.ctx, guest_pages, 3);
}

static struct iommu_smmu_stream guest_stream(enum smmu_ste_config config)
{
	struct iommu_smmu_stream stream = {{smmu_ste_word0(config), 0}};

	smmu_set_address(stream.words, SMMU_STE_S1CONTEXTPTR, GUEST_CD);
	smmu_set(stream.words, SMMU_STE_S1CDMAX, PASIDS);
	smmu_set(stream.words, SMMU_STE_S1DSS, SMMU_S1DSS_CD0);
	return stream;
}

static int nest(struct iommu_domain *parent, const struct iommu_smmu_stream *stream, size_t size,
		struct iommu_domain **domain)
{
	const struct iommu_domain_config config = {
		.parent = parent, .user_data = stream, .user_size = size};

	return iommu_domain_alloc(f.unit, IOMMU_DOMAIN_NESTED, &config, domain);
}

static int command(struct iommu_domain *domain, struct smmu_command c)
{
	const struct iommu_smmu_invalidation request = {{c.words[0], c.words[1]}};
	unsigned int done = 0;
	int status = iommu_domain_invalidate_user(domain, &request, sizeof(request), 1, &done);

	assert_int_equal(done, status == 0);
	return status;
}

static iommu_paddr_t host_of(uint64_t ipa)
{
	return iommu_virt_to_phys(&f.test.platform, guest_at(ipa));
}

static void test_nested(void **state)
{
	struct iommu_smmu_stream stream = guest_stream(SMMU_STE_STAGE_1);
	struct iommu_domain *parent, *domain, *bypass, *abort_it;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	parent = make_parent();
	write_guest(0, 3, GUEST_MEM);
	write_guest(2, 4, GUEST_MEM);
	assert_int_equal(nest(parent, &stream, sizeof(stream), &domain), 0);
	stream = guest_stream(SMMU_STE_BYPASS);
	assert_int_equal(nest(parent, &stream, sizeof(stream), &bypass), 0);
	stream.words[0] &= ~1ULL;
	assert_int_equal(nest(parent, &stream, sizeof(stream), &abort_it), 0);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, host_of(GUEST_MEM));
	reaches(0, 2, IOVA, host_of(GUEST_MEM));
	is_stopped(0, 1, IOVA, SMMU_C_BAD_CD);
	/* It changes a page, a context, and says so. */
	write_guest(0, 3, GUEST_MEM + PAGE);
	reaches(0, 0, IOVA, host_of(GUEST_MEM));
	assert_int_equal(
		command(domain, smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, 0, 3), IOVA, true)), 0);
	reaches(0, 0, IOVA, host_of(GUEST_MEM + PAGE));
	guest_at(GUEST_CD)[0] = 0;
	write_back_guest();
	reaches(0, 0, IOVA, host_of(GUEST_MEM + PAGE));
	assert_int_equal(command(domain, smmu_cfgi_cd(77, 0, true)), 0);
	is_stopped(0, 0, IOVA, SMMU_C_BAD_CD);
	write_guest(1, 5, GUEST_MEM + PAGE);
	assert_int_equal(command(domain, smmu_cfgi_cd_all(77)), 0);
	reaches(0, 1, IOVA, host_of(GUEST_MEM + PAGE));
	assert_int_equal(command(domain, smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0)), 0);
	assert_int_equal(command(domain, smmu_tlbi(SMMU_TLBI_NH_ASID, 9, 4)), 0);
	/* What is the host's, or reserved. */
	assert_int_equal(command(domain, smmu_tlbi(SMMU_TLBI_S12_VMALL, 0, 0)), IOMMU_EOPNOTSUPP);
	assert_int_equal(command(domain, smmu_cfgi_all()), IOMMU_EOPNOTSUPP);
	assert_int_equal(command(domain, smmu_sync(SMMU_SYNC_NONE)), IOMMU_EOPNOTSUPP);
	assert_int_equal(command(domain, smmu_command_of(SMMU_TLBI_NH_ALL | 1ULL << 9, 0)),
			 IOMMU_EOPNOTSUPP);
	/* The host takes memory away, also under what both stages gave together. */
	reaches(0, 1, IOVA, host_of(GUEST_MEM + PAGE));
	assert_int_equal(iommu_unmap(parent, GUEST_MEM + PAGE, PAGE, IOMMU_UNMAP_SPLIT, NULL), 0);
	assert_true(use(0, 1, IOVA, &seen) != 0);
	/* Contexts, too. */
	write_guest(3, 6, GUEST_MEM);
	assert_int_equal(command(domain, smmu_cfgi_cd_all(0)), 0);
	reaches(0, 3, IOVA, host_of(GUEST_MEM));
	assert_int_equal(iommu_unmap(parent, GUEST_CD, PAGE, IOMMU_UNMAP_SPLIT, NULL), 0);
	assert_true(use(0, 3, IOVA, &seen) != 0);
	/* The other configurations. */
	assert_int_equal(attach(bypass, 0), 0);
	reaches(0, 0, GUEST_MEM, host_of(GUEST_MEM));
	assert_int_equal(attach(abort_it, 0), 0);
	is_stopped(0, 0, GUEST_MEM, UINT32_MAX);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_domain_free(bypass);
	iommu_domain_free(abort_it);
	free_parent(parent);
	end();
}

/* What a device keeps of a guest's PASIDs goes with everything that changes. */
static void test_nested_device_tlb(void **state)
{
	struct iommu_smmu_stream stream = guest_stream(SMMU_STE_STAGE_1);
	struct iommu_domain *parent, *domain;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	parent = make_parent();
	write_guest(0, 3, GUEST_MEM);
	write_guest(2, 4, GUEST_MEM);
	assert_int_equal(nest(parent, &stream, sizeof(stream), &domain), 0);
	assert_int_equal(attach(domain, 0), 0);
	assert_true(ask(0, 0, IOVA));
	assert_true(ask(0, 2, IOVA));
	assert_true(use_kept(0, 2, IOVA, &seen));
	assert_int_equal(seen, host_of(GUEST_MEM));
	assert_int_equal(command(domain, smmu_atc_inv(1, IOVA, 0)), 0);
	assert_false(use_kept(0, 2, IOVA, &seen));
	assert_true(ask(0, 2, IOVA));
	assert_int_equal(command(domain, smmu_tlbi(SMMU_TLBI_NH_ALL, 0, 0)), 0);
	assert_false(use_kept(0, 2, IOVA, &seen));
	assert_true(ask(0, 2, IOVA));
	assert_int_equal(iommu_unmap(parent, GUEST_MEM, PAGE, IOMMU_UNMAP_SPLIT, NULL), 0);
	assert_false(use_kept(0, 2, IOVA, &seen));
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	free_parent(parent);
	end();
}

/* The masks say what hardware's fields say. */
static void test_nested_masks(void **state)
{
	static const unsigned int fields[] = {
		SMMU_STE_V,       SMMU_STE_CONFIG,   SMMU_STE_S1FMT, SMMU_STE_S1CONTEXTPTR,
		SMMU_STE_S1CDMAX, SMMU_STE_S1DSS,    SMMU_STE_S1CIR, SMMU_STE_S1COR,
		SMMU_STE_S1CSH,   SMMU_STE_S1STALLD, SMMU_STE_EATS,
	};
	uint64_t known[2] = {0, 0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		known[smmu_field_word(fields[i])] |= smmu_field_mask(fields[i]);
	assert_int_equal(known[0], IOMMU_SMMU_STREAM_WORD0);
	assert_int_equal(known[1], IOMMU_SMMU_STREAM_WORD1);
}

static void test_nested_nonsense(void **state)
{
	static const struct {
		unsigned int field;
		uint64_t value;
		int status;
	} cases[] = {
		{SMMU_STE_CONFIG, SMMU_STE_STAGE_2, IOMMU_EINVAL},
		{SMMU_STE_CONFIG, SMMU_STE_NESTED, IOMMU_EINVAL},
		{SMMU_STE_S1FMT, 3, IOMMU_EINVAL},
		{SMMU_STE_S1CDMAX, 17, IOMMU_EINVAL},
		{SMMU_STE_S1DSS, 3, IOMMU_EINVAL},
		{SMMU_STE_S1CONTEXTPTR, 1ULL << 49 >> 6, IOMMU_EINVAL},
		{SMMU_STE_S2FWB, 1, IOMMU_EOPNOTSUPP},
		{SMMU_STE_STRW, 2, IOMMU_EOPNOTSUPP},
		{SMMU_STE_PRIVCFG, 3, IOMMU_EOPNOTSUPP},
		{SMMU_STE_SHCFG, 1, IOMMU_EOPNOTSUPP},
	};
	static const struct {
		unsigned int field;
		uint64_t value;
	} sane[] = {
		{SMMU_STE_S1FMT, SMMU_S1FMT_64K},
		{SMMU_STE_S1CDMAX, 16},
		{SMMU_STE_S1DSS, SMMU_S1DSS_CD0},
		{SMMU_STE_S1CONTEXTPTR, (1ULL << 48 >> 6) - 1},
	};
	struct iommu_smmu_stream longer[2] = {guest_stream(SMMU_STE_STAGE_1)};
	struct iommu_domain *parent, *first, *plain, *domain;
	struct iommu_smmu_config config = usual;
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	unsigned int i, done;

	(void)state;
	begin();
	parent = make_parent();
	first = paging(IOMMU_STAGE_FIRST);
	plain = paging(IOMMU_STAGE_SECOND);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_smmu_stream stream = guest_stream(SMMU_STE_STAGE_1);

		smmu_set(stream.words, cases[i].field, cases[i].value);
		assert_int_equal(nest(parent, &stream, sizeof(stream), &domain), cases[i].status);
	}
	/* The last value of each that is one. */
	for (i = 0; i < sizeof(sane) / sizeof(sane[0]); i++) {
		struct iommu_smmu_stream stream = guest_stream(SMMU_STE_STAGE_1);

		smmu_set(stream.words, sane[i].field, sane[i].value);
		assert_int_equal(nest(parent, &stream, sizeof(stream), &domain), 0);
		iommu_domain_free(domain);
	}
	assert_int_equal(nest(parent, longer, 8, &domain), IOMMU_EINVAL);
	assert_int_equal(nest(parent, NULL, 0, &domain), IOMMU_EINVAL);
	assert_int_equal(nest(first, longer, sizeof(longer[0]), &domain), IOMMU_EINVAL);
	assert_int_equal(nest(plain, longer, sizeof(longer[0]), &domain), IOMMU_EINVAL);
	/* A longer structure, with nothing in it that is not known; and with something. */
	assert_int_equal(nest(parent, longer, sizeof(longer), &domain), 0);
	assert_int_equal(iommu_domain_invalidate_user(domain, longer, 8, 1, &done), IOMMU_EINVAL);
	iommu_domain_free(domain);
	longer[1].words[1] = 1;
	assert_int_equal(nest(parent, longer, sizeof(longer), &domain), IOMMU_EOPNOTSUPP);
	iommu_domain_free(first);
	iommu_domain_free(plain);
	free_parent(parent);
	end();
	/* Errata. */
	config.flags = IOMMU_SMMU_NO_NESTING;
	begin_with(&model, &config);
	parent = make_parent();
	assert_int_equal(nest(parent, longer, sizeof(longer[0]), &domain), IOMMU_EOPNOTSUPP);
	free_parent(parent);
	end();
}

/* --- Devices' TLBs ---------------------------------------------------------------------------- */

static void test_device_tlb(void **state)
{
	struct iommu_domain *domain, *second, *open;
	iommu_paddr_t paddr, seen = 0;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	open = identity();
	paddr = map(domain, IOVA);
	assert_true(iommu_endpoint_uses_device_tlb(f.devices[0].endpoint));
	assert_false(ask(0, 0, IOVA));
	assert_int_equal(attach(domain, 0), 0);
	assert_true(ask(0, 0, IOVA));
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(seen, paddr);
	/* It forgets what is unmapped, and what it has of a domain that it leaves. */
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	paddr = map(domain, IOVA);
	assert_true(ask(0, 0, IOVA));
	f.devices[0].asked = 0;
	assert_int_equal(attach(second, 0), 0);
	assert_int_equal(f.devices[0].asked, 1);
	assert_false(use_kept(0, 0, IOVA, &seen));
	paddr = map(second, IOVA);
	assert_true(ask(0, 0, IOVA));
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(seen, paddr);
	/* Of an identity domain it keeps nothing, and of what was before it. */
	assert_int_equal(attach(open, 0), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_false(ask(0, 0, IOVA));
	reaches(0, 0, IOVA, IOVA);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_domain_free(second);
	iommu_domain_free(open);
	end();
}

/* In place, too: the old memory is not reached by what the device has kept. */
static void test_device_tlb_in_place(void **state)
{
	struct iommu_domain *one, *two;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	one = paging(IOMMU_STAGE_FIRST);
	two = paging(IOMMU_STAGE_FIRST);
	(void)map(one, IOVA);
	(void)map(two, IOVA);
	assert_int_equal(attach(one, 0), 0);
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(attach(two, 0), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_true(ask(0, 0, IOVA));
	/* Off and on: it may have anything, and is emptied. */
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	f.devices[0].asked = 0;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(f.devices[0].asked > 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(detach(0), 0);
	iommu_domain_free(one);
	iommu_domain_free(two);
	end();
}

/* Switched off in the device it is asked nothing, and allowed nothing; and then again. */
static void test_device_tlb_switched(void **state)
{
	const struct iommu_model_smmu_faults gone = {.gone = true}, none = {0};
	struct iommu_domain *domain;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	assert_int_equal(enable(0, IOMMU_FEATURE_ATS), 0);
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(disable(0, IOMMU_FEATURE_ATS), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_false(ask(0, 0, IOVA));
	memset(f.devices[0].tlb, 0, sizeof(f.devices[0].tlb));
	f.devices[0].asked = 0;
	f.devices[0].silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(f.devices[0].asked, 0);
	assert_false(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_int_equal(detach(0), 0);
	assert_int_equal(attach(domain, 0), 0);
	/* On, which hardware does not confirm: it stays off. */
	iommu_model_smmu_misbehave(f.model, &gone);
	assert_int_not_equal(enable(0, IOMMU_FEATURE_ATS), 0);
	iommu_model_smmu_misbehave(f.model, &none);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(f.devices[0].asked, 0);
	f.devices[0].silent = false;
	assert_int_equal(enable(0, IOMMU_FEATURE_ATS), 0);
	(void)map(domain, IOVA);
	assert_true(ask(0, 0, IOVA));
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(disable(0, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static bool is_open(const struct iommu_domain *domain)
{
	struct iommu_domain_stats stats;
	struct iommu_domain_info info;

	iommu_domain_get_stats(domain, &stats);
	iommu_domain_get_info(domain, &info);
	assert_true(stats.is_open || !info.withheld);
	return stats.is_open;
}

/* What an unmap has left open is not so after a call that says that all is confirmed. */
static void test_nothing_stays_open(void **state)
{
	const struct iommu_model_smmu_faults hang = {.syncs_hang = true}, none = {0};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_ANY);
	assert_int_equal(attach(domain, 0), 0);
	for (i = 0; i < 2; i++) {
		(void)map(domain, IOVA);
		iommu_model_smmu_misbehave(f.model, &hang);
		assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), IOMMU_ETIMEDOUT);
		assert_true(is_open(domain));
		assert_int_not_equal(i == 0 ? iommu_unit_enable(f.unit) : attach(domain, 0), 0);
		assert_true(is_open(domain));
		iommu_model_smmu_misbehave(f.model, &none);
		assert_int_equal(i == 0 ? iommu_unit_enable(f.unit) : attach(domain, 0), 0);
		assert_false(is_open(domain));
	}
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* A unit that was opened by others aborts, too, when it is turned off. */
static void test_closed_when_off(void **state)
{
	(void)state;
	begin();
	iommu_model_smmu_mmio_write(f.model, SMMU_GBPA, 4, SMMU_GBPA_UPDATE);
	assert_int_equal(reg(SMMU_GBPA) & SMMU_GBPA_ABORT, 0);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(reg(SMMU_GBPA) & SMMU_GBPA_ABORT, SMMU_GBPA_ABORT);
	end();
}

/* A device that falls silent while its domain is replaced has no domain, and the caller knows. */
static void test_device_silent_in_a_replace(void **state)
{
	struct iommu_domain *domain, *other;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	(void)map(other, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	assert_true(ask(0, 0, IOVA));
	f.devices[0].silent = true;
	assert_int_equal(attach(other, 0), IOMMU_EIO);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_int_equal(attach(other, 0), IOMMU_EIO);
	assert_ptr_equal(iommu_group_domain(f.devices[0].group), domain);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_int_not_equal(use(0, 0, IOVA, &seen), 0);
	f.devices[0].silent = false;
	assert_int_equal(detach(0), 0);
	memset(f.devices[0].tlb, 0, sizeof(f.devices[0].tlb));
	assert_int_equal(iommu_endpoint_was_reset(f.devices[0].endpoint), 0);
	assert_int_equal(attach(other, 0), 0);
	assert_int_equal(use(0, 0, IOVA, &seen), 0);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_domain_free(other);
	end();
}

/* ATS that is enabled while it is used begins with what the device keeps: that has to go, too. */
static void test_device_tlb_on_late(void **state)
{
	const struct iommu_model_smmu_faults gone = {.gone = true}, none = {0};
	struct iommu_domain *domain, *other;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	assert_true(ask(0, 0, IOVA));
	iommu_model_smmu_misbehave(f.model, &gone);
	assert_int_not_equal(detach(0), 0);
	iommu_model_smmu_misbehave(f.model, &none);
	assert_int_equal(enable(0, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(attach(other, 0), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_domain_free(other);
	end();
}

static void use_kept_meanwhile(const struct iommu_model_smmu_invalidation *what)
{
	iommu_paddr_t seen;

	(void)what;
	assert_false(use_kept(0, 0, IOVA, &seen));
	f.aborted++;
}

/* What it was not told of while the unit was off it does not use before it has forgotten it. */
static void test_device_tlb_while_off(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	f.meanwhile = use_kept_meanwhile;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	f.meanwhile = NULL;
	assert_true(f.aborted > 2);
	assert_false(use_kept(0, 0, IOVA, &seen));
	(void)map(domain, IOVA);
	assert_true(ask(0, 0, IOVA));
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static void test_device_tlb_of_pasids(void **state)
{
	struct iommu_pasid_handle handles[3] = {0};
	struct iommu_domain *one, *two;
	iommu_paddr_t seen = 0;

	(void)state;
	begin();
	one = paging(IOMMU_STAGE_FIRST);
	two = paging(IOMMU_STAGE_FIRST);
	(void)map(one, IOVA);
	(void)map(two, IOVA);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, f.devices[0].group, 1, &handles[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(two, f.devices[0].group, 2, &handles[1]), 0);
	assert_true(ask(0, 1, IOVA));
	assert_true(ask(0, 2, IOVA));
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	assert_false(use_kept(0, 1, IOVA, &seen));
	assert_true(use_kept(0, 2, IOVA, &seen));
	/* Replaced, and taken away. */
	assert_int_equal(iommu_domain_replace_pasid(one, f.devices[0].group, 2, &handles[2]), 0);
	assert_false(use_kept(0, 2, IOVA, &seen));
	assert_int_equal(iommu_domain_replace_pasid(two, f.devices[0].group, 2, &handles[1]), 0);
	assert_true(ask(0, 2, IOVA));
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 2), 0);
	assert_false(use_kept(0, 2, IOVA, &seen));
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 1), 0);
	assert_int_equal(disable(0, IOMMU_FEATURE_PASID), 0);
	iommu_domain_free(one);
	iommu_domain_free(two);
	end();
}

/* A device that does not answer is blocked, and nothing else; its reset brings it back. */
static void silent_device(const struct iommu_smmu_config *config)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_domain *domain, *beside;
	iommu_paddr_t paddr, seen;

	begin_with(&model, config);
	domain = paging(IOMMU_STAGE_FIRST);
	beside = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	paddr = map(beside, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	assert_int_equal(attach(domain, 1), 0);
	assert_int_equal(attach(beside, 2), 0);
	assert_true(ask(0, 0, IOVA));
	assert_true(ask(1, 0, IOVA));
	f.devices[0].silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_false(iommu_endpoint_is_lost(f.devices[1].endpoint));
	assert_false(use_kept(0, 0, IOVA, &seen));
	assert_false(use_kept(1, 0, IOVA, &seen));
	is_stopped(0, 0, IOVA, SMMU_C_BAD_STE);
	is_stopped(1, 0, IOVA, SMMU_F_TRANSLATION);
	reaches(2, 0, IOVA, paddr);
	assert_int_equal(detach(0), 0);
	assert_int_equal(attach(beside, 0), IOMMU_EIO);
	f.devices[0].silent = false;
	assert_int_equal(iommu_endpoint_reset_begin(f.devices[0].endpoint), 0);
	memset(f.devices[0].tlb, 0, sizeof(f.devices[0].tlb));
	assert_int_equal(iommu_endpoint_reset_end(f.devices[0].endpoint), 0);
	assert_int_equal(attach(beside, 0), 0);
	reaches(0, 0, IOVA, paddr);
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(detach(0), 0);
	assert_int_equal(detach(1), 0);
	assert_int_equal(detach(2), 0);
	iommu_domain_free(domain);
	iommu_domain_free(beside);
	end();
}

static void test_silent_device(void **state)
{
	struct iommu_smmu_config config = usual;

	(void)state;
	silent_device(&config);
	config.flags = IOMMU_SMMU_POLLED;
	silent_device(&config);
}

/* --- Page requests ---------------------------------------------------------------------------- */

static void note_requests(void *ctx, struct iommu_endpoint *endpoint,
			  const struct iommu_page_request *requests, unsigned int count)
{
	const struct iommu_page_response response = {
		.group = requests[count - 1].group,
		.has_pasid = requests[count - 1].has_pasid,
		.pasid = requests[count - 1].pasid,
		.code = IOMMU_PAGE_SUCCESS,
	};

	(void)ctx;
	f.groups++;
	f.request = requests[count - 1];
	assert_int_equal(iommu_page_respond(endpoint, &response), 0);
}

static void test_page_requests(void **state)
{
	struct iommu_model_smmu_page_message request = {
		.stream = 8,
		.has_substream = true,
		.substream = 3,
		.address = IOVA,
		.access = RW,
		.group = 17,
		.is_last = true,
	};
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *domain;
	unsigned int i, before;
	bool lost = false;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.devices[0].group, 3, &handle), 0);
	assert_int_equal(
		iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_PAGE_REQUESTS, 0x8000000040, 0x33), 0);
	/* Not enabled: it is answered as not valid. */
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	(void)iommu_unit_handle_page_requests(f.unit, &lost);
	assert_int_equal(f.devices[0].answers, 1);
	assert_int_equal(f.devices[0].answer.code, 1);
	f.messages = 0;
	iommu_endpoint_set_request_handler(f.devices[0].endpoint, note_requests, NULL);
	assert_int_equal(enable(0, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(enable(0, IOMMU_FEATURE_PAGE_REQUESTS), 0);
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	assert_int_equal(f.messages, 1);
	assert_int_equal(f.message_data, 0x33);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_false(lost);
	assert_int_equal(f.groups, 1);
	assert_int_equal(f.request.address, IOVA);
	assert_int_equal(f.request.pasid, 3);
	assert_int_equal(f.devices[0].answers, 2);
	assert_int_equal(f.devices[0].answer.code, 0);
	assert_int_equal(f.devices[0].answer.group, 17);
	assert_true(f.devices[0].answer.has_substream);
	assert_int_equal(f.devices[0].answer.substream, 3);
	/* For execution: no domain serves it. Of a stream that no device has; a stop marker. */
	request.execute = true;
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.groups, 1);
	assert_int_equal(f.devices[0].answer.code, 1);
	request.execute = false;
	request.stream = 0x3000;
	before = f.devices[DEVICES - 1].answers;
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.devices[DEVICES - 1].answers, before + 1);
	request.stream = 8;
	request.access = 0;
	before = f.devices[0].answers;
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.devices[0].answers, before);
	/* More than there is room for: the queue takes some again once that was seen. */
	request.access = RW;
	for (i = 0; i < 512; i++) {
		request.group = (uint16_t)i;
		assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	}
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), IOMMU_ENOSPC);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 512);
	assert_true(lost);
	assert_int_equal(f.groups, 513);
	assert_int_equal(iommu_model_smmu_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(disable(0, IOMMU_FEATURE_PAGE_REQUESTS), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 3), 0);
	iommu_domain_free(domain);
	end();
}

/* --- Events ----------------------------------------------------------------------------------- */

static void test_events(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t seen;
	bool lost = false;
	unsigned int i;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_EVENTS, 0x8000000000, 7), 0);
	assert_int_equal(attach(domain, 0), 0);
	is_stopped(0, 0, IOVA + 5, SMMU_F_TRANSLATION);
	assert_int_equal(f.messages, 1);
	assert_int_equal(f.message_data, 7);
	is_stopped(1, 0, IOVA, SMMU_C_BAD_STE);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 2);
	assert_false(lost);
	assert_int_equal(f.faults[0].reason, SMMU_F_TRANSLATION);
	assert_int_equal(f.faults[0].address, IOVA + 5);
	assert_int_equal(f.faults[0].source_id, 8);
	assert_int_equal(f.faults[0].device_id, 8);
	assert_int_equal(f.faults[0].access, IOMMU_FAULT_WRITE);
	assert_false(f.faults[0].has_pasid);
	assert_string_equal(f.faults[0].reason_name, "page not mapped");
	assert_int_equal(f.faults[1].source_id, 16);
	/* Masked, and told again. */
	assert_int_equal(iommu_smmu_mask_interrupt(f.unit, IOMMU_SMMU_EVENTS), 0);
	is_stopped(0, 9, IOVA, SMMU_C_BAD_SUBSTREAMID);
	assert_int_equal(f.messages, 1);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_true(f.faults[2].has_pasid);
	assert_int_equal(f.faults[2].pasid, 9);
	/* More than there is room for; then all goes on, twice, because what says so toggles. */
	for (i = 0; i < 2; i++) {
		unsigned int n;

		f.fault_count = 0;
		lost = false;
		f.now += SECONDS;
		for (n = 0; n < 300; n++)
			(void)use(0, 0, IOVA, &seen);
		assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 256);
		assert_true(lost);
		lost = false;
		(void)use(0, 0, IOVA, &seen);
		assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
		assert_false(lost);
	}
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static void test_event_texts(void **state)
{
	static const uint8_t codes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
					11, 16, 17, 18, 19, 32, 33, 36, 37};
	const char *unknown = iommu_smmu_fault_name(0xe0);
	unsigned int i, j;

	(void)state;
	for (i = 0; i < sizeof(codes); i++) {
		assert_string_not_equal(iommu_smmu_fault_name(codes[i]), unknown);
		assert_true(strlen(iommu_smmu_fault_explanation(codes[i])) > 20);
		for (j = 0; j < i; j++)
			assert_string_not_equal(iommu_smmu_fault_name(codes[i]),
						iommu_smmu_fault_name(codes[j]));
	}
}

/* A device that faults without end. */
static void test_event_rate(void **state)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	iommu_paddr_t seen;
	bool lost = false;
	unsigned int i;

	(void)state;
	config.faults_per_second = 10;
	begin_with(&model, &config);
	f.step = 0;
	f.now = 5 * SECONDS;
	for (i = 0; i < 30; i++)
		(void)use(0, 0, IOVA, &seen);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 10);
	assert_true(lost);
	f.now += SECONDS;
	(void)use(0, 0, IOVA, &seen);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	f.step = 10000000;
	end();
}

/* --- Errors ----------------------------------------------------------------------------------- */

/* A command that is refused, or cannot be fetched, is told; the queue goes on. */
/* A command that hardware does not know: what the driver puts in its place, hardware reads. */
static void test_unknown_command(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(attach(domain, 0), 0);
	paddr = map(domain, IOVA);
	reaches(0, 0, IOVA, paddr);
	f.spoils = true;
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), IOMMU_EIO);
	assert_false(f.spoils);
	paddr = map(domain, IOVA + PAGE);
	assert_int_equal(iommu_unmap(domain, IOVA + PAGE, PAGE, 0, NULL), 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* An error that hardware went on to show after the command: no later command failed by it. */
static void test_error_that_stayed(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(attach(domain, 0), 0);
	paddr = map(domain, IOVA);
	reaches(0, 0, IOVA, paddr);
	f.faults_of_model.refuse_after = 1;
	f.faults_of_model.deaf_register = SMMU_GERRORN;
	misbehave();
	assert_true(iommu_unmap(domain, IOVA, PAGE, 0, NULL) < 0);
	assert_true(iommu_unit_enable(f.unit) < 0);
	be_well();
	assert_int_not_equal((reg(SMMU_GERROR) ^ reg(SMMU_GERRORN)) & SMMU_GERROR_CMDQ, 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal((reg(SMMU_GERROR) ^ reg(SMMU_GERRORN)) & SMMU_GERROR_CMDQ, 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* Submissions of every length at every place of the ring, and across its end. */
static void test_across_the_end(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();
	unsigned int round, crossed = 0;
	struct iommu_domain *domain;
	uint64_t before;

	(void)state;
	set(&model.idr3, SMMU_IDR3_RIL, 0);
	begin_with(&model, &usual);
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(attach(domain, 0), 0);
	for (round = 0; round < 600; round++) {
		/* A command for each. */
		const uint64_t pages = round % 3 == 0 ? 2 : 1;

		before = queue_tail();
		assert_int_equal(iommu_map(domain, IOVA, FARAWAY, pages * PAGE, RW), 0);
		reaches(0, 0, IOVA, FARAWAY);
		reaches(0, 0, IOVA + (pages - 1) * PAGE, FARAWAY + (pages - 1) * PAGE);
		assert_int_equal(iommu_unmap(domain, IOVA, pages * PAGE, 0, NULL), 0);
		is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
		is_stopped(0, 0, IOVA + (pages - 1) * PAGE, SMMU_F_TRANSLATION);
		crossed += queue_tail() != 0 && queue_tail() < before;
	}
	assert_int_not_equal(crossed, 0);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static void test_refused_commands(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t paddr;
	unsigned int i;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(attach(domain, 0), 0);
	for (i = 0; i < 4; i++) {
		paddr = map(domain, IOVA);
		reaches(0, 0, IOVA, paddr);
		if (i % 2 == 0)
			f.faults_of_model.refuse_after = 1 + i / 2;
		else
			f.faults_of_model.fetch_fails_after = 1 + i / 2;
		misbehave();
		assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), IOMMU_EIO);
		be_well();
		paddr = map(domain, IOVA + PAGE);
		assert_int_equal(iommu_unmap(domain, IOVA + PAGE, PAGE, 0, NULL), 0);
		is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	}
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* A unit that is silent, and comes back, in both ways to see a completion. */
static void hangs(unsigned int flags)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	config.flags = flags;
	begin_with(&model, &config);
	domain = paging(IOMMU_STAGE_SECOND);
	assert_int_equal(attach(domain, 0), 0);
	paddr = map(domain, IOVA);
	reaches(0, 0, IOVA, paddr);
	f.faults_of_model.commands_hang = true;
	misbehave();
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), IOMMU_ETIMEDOUT);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	be_well();
	assert_int_equal(attach(domain, 0), 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static void test_hangs(void **state)
{
	(void)state;
	hangs(0);
	hangs(IOMMU_SMMU_POLLED);
}

/* Completions that cannot be stored: what is consumed counts from then on. */
static void test_completions_not_stored(void **state)
{
	struct iommu_smmu_info info;
	struct iommu_domain *domain;
	bool lost = false;

	(void)state;
	begin();
	assert_int_equal(iommu_smmu_get_info(f.unit, &info), 0);
	/* What the unit stores past the caches is not looked for. */
	assert_int_equal(info.is_polled, is_apart);
	assert_int_equal(info.errors, 0);
	if (is_apart) {
		end();
		return;
	}
	domain = paging(IOMMU_STAGE_FIRST);
	f.dead_address = 1;
	assert_int_equal(attach(domain, 0), 0);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_smmu_get_info(f.unit, &info), 0);
	assert_true(info.is_polled);
	assert_int_equal(info.errors, SMMU_GERROR_MSI_CMDQ);
	f.test.lines[IOMMU_LOG_ERROR] = 0;
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 0);
	assert_int_equal(f.test.lines[IOMMU_LOG_ERROR], 1);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* The event queue cannot be written: that is told once, and what comes later is reported. */
/*
 * Beside PASIDs an identity domain is taken away from requests that have none: also where hardware
 * does not confirm it, and the calls after that find nothing to take away.
 */
static void test_identity_beside_pasids_goes_unconfirmed(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *passing, *other;
	struct iommu_group *group;

	(void)state;
	begin();
	group = f.devices[0].group;
	passing = identity();
	other = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(attach(passing, 0), 0);
	assert_int_equal(iommu_domain_attach_pasid(other, group, 5, &handle), 0);
	reaches(0, 0, IOVA, IOVA);
	f.faults_of_model.commands_hang = true;
	misbehave();
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	be_well();
	assert_int_equal(detach(0), 0);
	is_stopped(0, 0, IOVA, SMMU_F_STREAM_DISABLED);
	assert_int_equal(attach(passing, 0), 0);
	reaches(0, 0, IOVA, IOVA);
	f.faults_of_model.commands_hang = true;
	misbehave();
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	be_well();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	is_stopped(0, 0, IOVA, SMMU_F_STREAM_DISABLED);
	assert_int_equal(iommu_domain_detach_pasid(group, 5), 0);
	assert_int_equal(detach(0), 0);
	is_stopped(0, 0, IOVA, SMMU_C_BAD_STE);
	assert_int_equal(iommu_domain_free(passing), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end();
}

/* --- Address spaces that are cut -------------------------------------------------------------- */

static unsigned int pinned;

static int pin(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
	       struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)ctx;
	(void)prot;
	assert_true(room != 0);
	pinned += (unsigned int)(size / PAGE);
	pieces[0] = (struct iommu_map_piece){FARAWAY + address, size};
	*count = 1;
	return 0;
}

static void unpin(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
		  unsigned int count, unsigned int prot)
{
	unsigned int n;

	(void)ctx;
	(void)address;
	(void)prot;
	for (n = 0; n < count; n++)
		pinned -= (unsigned int)(pieces[n].size / PAGE);
}

/* Areas are cut anywhere, also on a unit that cuts no page: by small pages from the start. */
static void cut_areas(unsigned int bbm_level)
{
	static const struct iommu_backing_ops ops = {.pin = pin, .unpin = unpin};
	const struct iommu_backing memory = {&ops, NULL, 0};
	struct iommu_model_smmu_config model = whole;
	iommu_iova_t iova = 0x200000;
	struct iommu_file *file;
	uint32_t space, device, hwpt;
	uint64_t bytes;

	set(&model.idr3, SMMU_IDR3_BBML, bbm_level);
	begin_with(&model, &usual);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &file), 0);
	assert_int_equal(iommu_ioas_alloc(file, IOMMU_IOAS_SPLIT, &space), 0);
	assert_int_equal(iommu_device_bind(file, f.devices[0].endpoint, &device), 0);
	assert_int_equal(
		iommu_ioas_map(file, space, &memory, 0x400000, RW | IOMMU_IOAS_FIXED, &iova), 0);
	assert_int_equal(iommu_device_attach(file, device, 0, space, &hwpt), 0);
	reaches(0, 0, 0x3ff000, FARAWAY + 0x1ff000);
	assert_int_equal(iommu_ioas_unmap(file, space, 0x201000, 0x3fe000, &bytes), 0);
	assert_int_equal(bytes, 0x3fe000);
	assert_int_equal(pinned, 2);
	reaches(0, 0, 0x200000, FARAWAY);
	is_stopped(0, 0, 0x201000, SMMU_F_TRANSLATION);
	is_stopped(0, 0, 0x5fe000, SMMU_F_TRANSLATION);
	reaches(0, 0, 0x5ff000, FARAWAY + 0x3ff000);
	assert_int_equal(iommu_ioas_unmap(file, space, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(pinned, 0);
	assert_int_equal(iommu_device_detach(file, device, 0), 0);
	assert_int_equal(iommu_device_unbind(file, device), 0);
	assert_int_equal(iommu_file_destroy(file), 0);
	end();
}

static void test_cut_areas(void **state)
{
	(void)state;
	cut_areas(0);
	cut_areas(1);
	cut_areas(2);
}

/* --- Changes of which each command is the one that hangs -------------------------------------- */

#define PASID 5
#define FAR   0x123456000 /* mapped in no domain */

/* The domain that the device leaves, where it has one, and the one that it is to have. */
static struct {
	struct iommu_domain *before, *after, *passing;
	iommu_paddr_t of_before, of_after; /* IOVA leads there */
	struct iommu_pasid_handle handle;
} change;

static int attach_after(void)
{
	return attach(change.after, 0);
}

static int attach_passing(void)
{
	return attach(change.passing, 0);
}

static int attach_pasid(void)
{
	return iommu_domain_attach_pasid(change.after, f.devices[0].group, PASID, &change.handle);
}

static int enable_pasids(void)
{
	return enable(0, IOMMU_FEATURE_PASID);
}

/* A device that asks all the time, and keeps whatever it is told. */
static void ask_for_all(void)
{
	void (*waits)(void) = f.waits;

	f.waits = NULL;
	(void)ask(0, 0, IOVA);
	(void)ask(0, 0, FAR);
	(void)ask(0, PASID, IOVA);
	f.waits = waits;
}

/* Does the device reach nothing that is not the domain's, by itself and by what it keeps? */
static void reaches_only(const struct iommu_domain *domain, uint32_t pasid)
{
	static const uint64_t addresses[] = {IOVA, FAR};
	unsigned int n;

	for (n = 0; n < 2; n++) {
		iommu_paddr_t expected = 0, seen;

		if (domain == change.passing)
			expected = addresses[n];
		else if (domain != NULL && n == 0)
			expected = domain == change.before ? change.of_before : change.of_after;
		if (use(0, pasid, addresses[n], &seen) == 0)
			assert_int_equal(seen, expected);
		if (use_kept(0, pasid, addresses[n], &seen))
			assert_int_equal(seen, expected);
	}
}

/* It reaches, by itself or by what it keeps, no page that was unmapped. */
static void reaches_none_of(iommu_paddr_t gone)
{
	static const uint32_t pasids[] = {0, PASID};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		iommu_paddr_t seen = 0;

		assert_false(use(0, pasids[i], IOVA, &seen) == 0 && seen == gone);
		assert_false(use_kept(0, pasids[i], IOVA, &seen) && seen == gone);
	}
}

/* What calls say after a failure that was mended, and before the change is tried again. */
static void look_after_failure(void)
{
	const iommu_paddr_t gone = change.of_after;
	const struct iommu_domain *domain;

	assert_int_equal(iommu_unmap(change.after, IOVA, PAGE, 0, NULL), 0);
	change.of_after = 0;
	reaches_none_of(gone);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	domain = iommu_endpoint_domain(f.devices[0].endpoint);
	reaches_only(domain, 0);
	reaches_only(NULL, PASID);
	/* … and it has the domain that it is said to have. */
	if (domain == change.before)
		reaches(0, 0, IOVA, change.of_before);
	assert_int_equal(iommu_domain_free(change.passing), 0);
	change.passing = NULL;
	reaches_only(domain, 0);
}

/* With the n-th doorbell the unit hangs; false: there were not so many. */
static bool fails_at(int (*run)(void), bool has_pasids, bool has_domain, unsigned int n)
{
	bool has_hung;
	int status;

	begin();
	memset(&change, 0, sizeof(change));
	change.before = paging(IOMMU_STAGE_FIRST);
	change.after = paging(IOMMU_STAGE_FIRST);
	change.passing = identity();
	change.of_before = map(change.before, IOVA);
	change.of_after = map(change.after, IOVA);
	if (has_pasids)
		assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	if (has_domain)
		assert_int_equal(attach(change.before, 0), 0);
	f.stalls_after = n;
	f.waits = ask_for_all;
	status = run();
	has_hung = f.stalls_after == 0;
	f.waits = NULL;
	f.stalls_after = 0;
	stall(false);
	assert_int_equal(status, has_hung ? IOMMU_ETIMEDOUT : 0);
	if (has_hung) {
		look_after_failure();
		if (run != attach_passing)
			assert_int_equal(run(), 0);
	}
	(void)iommu_domain_detach_pasid(f.devices[0].group, PASID);
	assert_int_equal(detach(0), 0);
	if (change.passing != NULL)
		assert_int_equal(iommu_domain_free(change.passing), 0);
	assert_int_equal(iommu_domain_free(change.before), 0);
	assert_int_equal(iommu_domain_free(change.after), 0);
	end();
	return has_hung;
}

static void fails_everywhere(int (*run)(void), bool has_pasids, bool has_domain)
{
	unsigned int n = 1;

	while (fails_at(run, has_pasids, has_domain, n))
		n++;
	assert_true(n > 1);
}

static void test_each_command_hangs(void **state)
{
	(void)state;
	fails_everywhere(attach_after, false, false);
	fails_everywhere(attach_after, false, true);
	fails_everywhere(attach_after, true, false);
	fails_everywhere(attach_after, true, true);
	fails_everywhere(attach_passing, false, true);
	fails_everywhere(attach_passing, true, false);
	fails_everywhere(attach_passing, true, true);
	fails_everywhere(attach_pasid, true, false);
	fails_everywhere(attach_pasid, true, true);
	fails_everywhere(enable_pasids, false, true);
}

/*
 * A queue begins at 0, in both of its registers: hardware that did not take that would run through
 * commands that were not submitted, or have records that it did not write.
 */
static void test_queue_that_does_not_begin_anew(void **state)
{
	static const unsigned int logs[] = {SMMU_EVENTQ_PROD, SMMU_EVENTQ_CONS, SMMU_PRIQ_PROD,
					    SMMU_PRIQ_CONS};
	struct iommu_domain *domain;
	iommu_paddr_t paddr;
	unsigned int i;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	paddr = map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	f.faults_of_model.deaf_register = SMMU_CMDQ_PROD;
	misbehave();
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	assert_int_not_equal(reg(SMMU_CMDQ_PROD), 0);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	be_well();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	is_stopped(0, 0, IOVA, SMMU_C_BAD_STE);
	for (i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		assert_int_equal(iommu_unit_disable(f.unit), 0);
		iommu_model_smmu_mmio_write(f.model, logs[i], 4, 1);
		f.faults_of_model.deaf_register = logs[i];
		misbehave();
		assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
		be_well();
		assert_int_equal(iommu_unit_enable(f.unit), 0);
	}
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static void test_event_queue_fails(void **state)
{
	iommu_paddr_t seen;
	bool lost = false;

	(void)state;
	begin();
	f.dead_memory = iommu_model_smmu_mmio_read(f.model, SMMU_EVENTQ_BASE, 8) &
			smmu_field_mask(SMMU_QUEUE_BASE_ADDRESS);
	(void)use(0, 0, IOVA, &seen);
	f.dead_memory = 0;
	assert_int_equal(smmu_gerror_active(reg(SMMU_GERROR), reg(SMMU_GERRORN)),
			 SMMU_GERROR_EVENTQ_ABT);
	f.test.lines[IOMMU_LOG_ERROR] = 0;
	(void)iommu_unit_handle_faults(f.unit, &lost);
	assert_true(lost);
	assert_int_equal(f.test.lines[IOMMU_LOG_ERROR], 1);
	assert_int_equal(smmu_gerror_active(reg(SMMU_GERROR), reg(SMMU_GERRORN)), 0);
	lost = false;
	f.fault_count = 0;
	(void)use(1, 0, IOVA, &seen);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_false(lost);
	assert_int_equal(f.faults[0].source_id, 16);
	end();
}

/* A unit that fails for good, or is gone. */
static void test_fails_for_good(void **state)
{
	struct iommu_domain *domain;
	struct iommu_smmu_info info;
	bool lost = false;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(attach(domain, 0), 0);
	(void)map(domain, IOVA);
	f.faults_of_model.fails = true;
	misbehave();
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), IOMMU_ETIMEDOUT);
	(void)iommu_unit_handle_faults(f.unit, &lost);
	assert_int_equal(iommu_smmu_get_info(f.unit, &info), 0);
	assert_true((info.errors & SMMU_GERROR_SFM) != 0);
	be_well();
	iommu_model_smmu_reset(f.model);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	f.faults_of_model.gone = true;
	misbehave();
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), IOMMU_EIO);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), IOMMU_EIO);
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	be_well();
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static void test_interrupts(void **state)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	iommu_paddr_t seen;
	bool lost;

	(void)state;
	begin();
	assert_int_equal(reg(SMMU_IRQ_CTRLACK), 0);
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, (enum iommu_smmu_cause)3, 4, 0),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_smmu_mask_interrupt(f.unit, (enum iommu_smmu_cause)3), IOMMU_EINVAL);
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_EVENTS, 2, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_EVENTS, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_EVENTS, 1ULL << 52, 0),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_ERRORS, 0x8000000000, 1), 0);
	assert_int_equal(reg(SMMU_IRQ_CTRLACK), SMMU_IRQ_GERROR);
	f.faults_of_model.never_acks = true;
	misbehave();
	assert_int_equal(iommu_smmu_set_interrupt(f.unit, IOMMU_SMMU_ERRORS, 0x8000000000, 2),
			 IOMMU_ETIMEDOUT);
	be_well();
	/* They outlive a sleep. */
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_smmu_reset(f.model);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(reg(SMMU_IRQ_CTRLACK), SMMU_IRQ_GERROR);
	assert_int_equal(reg(SMMU_GERROR_IRQ_CFG1), 2);
	end();
	config.flags = IOMMU_SMMU_WIRES;
	begin_with(&model, &config);
	assert_int_equal(reg(SMMU_IRQ_CTRLACK), SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ | SMMU_IRQ_PRIQ);
	(void)use(0, 0, IOVA, &seen);
	assert_int_equal(f.wires[IOMMU_MODEL_SMMU_WIRE_EVENTS], 1);
	assert_int_equal(f.messages, 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	end();
}

/* --- Stalls ----------------------------------------------------------------------------------- */

static void test_forced_stalls(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_model_smmu_translation translation = {0};
	struct iommu_model_smmu_request request;
	const struct iommu_model_smmu_faults hang = {.commands_hang = true}, none = {0};
	struct iommu_domain *domain, *second;
	bool lost = false;

	(void)state;
	set(&model.idr0, SMMU_IDR0_STALL, SMMU_STALL_FORCED);
	begin_with(&model, &usual);
	assert_false(iommu_endpoint_uses_device_tlb(f.devices[0].endpoint));
	domain = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	assert_int_equal(attach(domain, 0), 0);
	request = request_of(0, 0, IOVA);
	request.may_stall = true;
	assert_int_equal(iommu_model_smmu_translate(f.model, &request, &translation), IOMMU_EFAULT);
	assert_int_equal(translation.answer, IOMMU_MODEL_SMMU_STALLED);
	/* The handler ends it. */
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.devices[0].resumed, 1);
	assert_int_equal(f.devices[0].resumption, IOMMU_MODEL_SMMU_END_ABORTED);
	/* After a detach, too: it reaches nothing meanwhile. */
	assert_int_equal(iommu_model_smmu_translate(f.model, &request, &translation), IOMMU_EFAULT);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.devices[0].resumed, 2);
	assert_int_equal(f.devices[0].resumption, IOMMU_MODEL_SMMU_END_ABORTED);
	assert_int_equal(attach(second, 0), 0);
	assert_int_equal(iommu_model_smmu_translate(f.model, &request, &translation), IOMMU_EFAULT);
	assert_int_equal(translation.answer, IOMMU_MODEL_SMMU_STALLED);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.devices[0].resumed, 3);
	/* While the unit executes nothing they stay; the next call that it confirms ends them. */
	assert_int_equal(iommu_model_smmu_translate(f.model, &request, &translation), IOMMU_EFAULT);
	request.address += PAGE;
	assert_int_equal(iommu_model_smmu_translate(f.model, &request, &translation), IOMMU_EFAULT);
	iommu_model_smmu_misbehave(f.model, &hang);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 2);
	iommu_model_smmu_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(f.devices[0].resumed, 5);
	assert_int_equal(f.devices[0].resumption, IOMMU_MODEL_SMMU_END_ABORTED);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_domain_free(second);
	end();
}

/* --- What devices have written ---------------------------------------------------------------- */

static void dirty(enum iommu_stage stage)
{
	const struct iommu_domain_config config = {.stage = stage, .dirty_tracking = true};
	uint64_t words[1] = {0};
	struct iommu_dirty_bitmap bitmap = {
		.words = words, .start = IOVA, .bits = 4, .page_shift = 12};
	struct iommu_domain *domain, *plain;
	iommu_paddr_t paddr;

	begin();
	domain = make(IOMMU_DOMAIN_PAGING, &config);
	plain = paging(stage);
	assert_int_equal(iommu_domain_set_dirty_tracking(plain, true), IOMMU_EOPNOTSUPP);
	paddr = map(domain, IOVA);
	(void)map(domain, IOVA + PAGE);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
	assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
	assert_int_equal(words[0], 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
	assert_int_equal(words[0], 1);
	words[0] = 0;
	assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
	assert_int_equal(words[0], 0);
	/* Hardware has forgotten that it had noted it. */
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
	assert_int_equal(words[0], 1);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_domain_free(plain);
	end();
}

static void test_dirty(void **state)
{
	const struct iommu_domain_config config = {.dirty_tracking = true};
	struct iommu_domain *domain;

	(void)state;
	if (is_apart) {
		/* What hardware notes the CPU would not see. */
		begin();
		assert_false(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_DIRTY_TRACKING));
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
				 IOMMU_EOPNOTSUPP);
		end();
		return;
	}
	dirty(IOMMU_STAGE_FIRST);
	dirty(IOMMU_STAGE_SECOND);
}

/* --- StreamIDs -------------------------------------------------------------------------------- */

static void test_stream_ids(void **state)
{
	static const struct iommu_smmu_ids ranges[] = {{0x100, 0x1ff, 0x7f0000}, {0, 7, 0x20}};
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_smmu_config config = usual;
	struct iommu_endpoint_info info = {.source_id = 0x110};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_smmu_info facts;
	iommu_paddr_t paddr;
	bool lost;

	(void)state;
	set(&model.idr1, SMMU_IDR1_SIDSIZE, 32);
	machine(&model);
	config.id_ranges = ranges;
	config.id_range_count = 2;
	config.stream_id_bits = 23;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_smmu_get_info(f.unit, &facts), 0);
	assert_int_equal(facts.stream_table_levels, 2);
	assert_int_equal(facts.stream_id_bits, 23);
	assert_int_equal(add_device(0, &info), 0);
	f.devices[0].id = 0x7f0010;
	info.source_id = 0x300; /* in no range */
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_ENODEV);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	domain = paging(IOMMU_STAGE_FIRST);
	paddr = map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, paddr);
	is_stopped(0, 0, IOVA + PAGE, SMMU_F_TRANSLATION);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.faults[0].source_id, 0x110);
	assert_int_equal(f.faults[0].device_id, 0x7f0010);
	/* In a part of the table that there is not, and beyond it. */
	f.devices[1].id = 0x400000;
	is_stopped(1, 0, IOVA, SMMU_C_BAD_STREAMID);
	f.devices[1].id = 1U << 23;
	is_stopped(1, 0, IOVA, SMMU_C_BAD_STREAMID);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

static void test_several_stream_ids(void **state)
{
	static const uint32_t ids[] = {0x40, 0x10c0, 0x20ff};
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	struct iommu_fwspec fwspec = {
		.unit_node = &config, .id_count = 3, .ids = {0x40, 0x10c0, 0x20ff}};
	struct iommu_endpoint_info info = {.source_id = 0x9999, .fwspec = &fwspec};
	struct iommu_domain *one, *two;
	iommu_paddr_t of_one, of_two;
	struct iommu_endpoint *endpoint;
	bool lost;
	unsigned int i;

	(void)state;
	machine(&model);
	config.firmware_node = &config;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(add_device(0, &info), 0);
	/* Another device with one of them, or with a wider one. */
	fwspec.ids[0] = 0x41;
	info.source_id = 0x9998;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EINVAL);
	fwspec.id_count = 1;
	fwspec.ids[0] = 0x10000;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EINVAL);
	fwspec.id_count = 0;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EINVAL);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	one = paging(IOMMU_STAGE_FIRST);
	two = paging(IOMMU_STAGE_SECOND);
	of_one = map(one, IOVA);
	of_two = map(two, IOVA);
	for (i = 0; i < 3; i++) {
		f.devices[0].id = ids[i];
		assert_int_equal(attach(one, 0), 0);
		reaches(0, 0, IOVA, of_one);
		assert_int_equal(attach(two, 0), 0);
		reaches(0, 0, IOVA, of_two);
		is_stopped(0, 0, IOVA + PAGE, SMMU_F_TRANSLATION);
		assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
		assert_int_equal(f.faults[f.fault_count - 1].source_id, 0x9999);
		assert_int_equal(detach(0), 0);
		is_stopped(0, 0, IOVA, SMMU_C_BAD_STE);
		(void)iommu_unit_handle_faults(f.unit, &lost);
	}
	iommu_domain_free(one);
	iommu_domain_free(two);
	end();
}

/* ASIDs of 8 bits: 255 domains can be known at a time, and one more once one is not. */
static void test_few_asids(void **state)
{
	static struct iommu_pasid_handle handles[257];
	static struct iommu_domain *domains[257];
	struct iommu_model_smmu_config model = registers_of_model();
	unsigned int i;

	(void)state;
	set(&model.idr0, SMMU_IDR0_ASID16, 0);
	begin_with(&model, &usual);
	memset(handles, 0, sizeof(handles));
	assert_int_equal(enable(0, IOMMU_FEATURE_PASID), 0);
	for (i = 1; i <= 256; i++) {
		domains[i] = paging(IOMMU_STAGE_FIRST);
		assert_int_equal(
			iommu_domain_attach_pasid(domains[i], f.devices[0].group, i, &handles[i]),
			i < 256 ? 0 : IOMMU_ENOSPC);
	}
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 7), 0);
	assert_int_equal(
		iommu_domain_attach_pasid(domains[256], f.devices[0].group, 256, &handles[256]), 0);
	reaches(0, 256, IOVA, map(domains[256], IOVA));
	for (i = 1; i <= 256; i++) {
		if (i != 7)
			assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, i), 0);
		iommu_domain_free(domains[i]);
	}
	end();
}

/* Arm's own units of which nested domains have errata. */
static void test_errata(void **state)
{
	static const struct {
		uint32_t iidr;
		bool is_bad;
	} units[] = {{0x4831043b, true}, {0x4832043b, false}, {0x4870143b, true},
		     {0x4871043b, true}, {0x4871143b, false}, {0x4831043c, false},
		     {0x4980043b, false}};
	struct iommu_smmu_stream stream = guest_stream(SMMU_STE_STAGE_1);
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct iommu_model_smmu_config model = registers_of_model();
		struct iommu_domain *parent, *domain;

		model.iidr = units[i].iidr;
		begin_with(&model, &usual);
		parent = make_parent();
		assert_int_equal(nest(parent, &stream, sizeof(stream), &domain),
				 units[i].is_bad ? IOMMU_EOPNOTSUPP : 0);
		if (!units[i].is_bad)
			iommu_domain_free(domain);
		free_parent(parent);
		end();
	}
}

/* --- Ranges of invalidations ------------------------------------------------------------------ */

static void unmap_pages(struct iommu_domain *domain, uint64_t pages)
{
	const iommu_paddr_t paddr = FARAWAY + 0x5000; /* no blocks */
	uint64_t i;

	assert_int_equal(iommu_map(domain, IOVA, paddr, pages * PAGE, RW), 0);
	for (i = 0; i < pages; i++)
		reaches(0, 0, IOVA + i * PAGE, paddr + i * PAGE);
	memset(&f.last, 0, sizeof(f.last));
	assert_int_equal(iommu_unmap(domain, IOVA, pages * PAGE, 0, NULL), 0);
	for (i = 0; i < pages; i++)
		is_stopped(0, 0, IOVA + i * PAGE, SMMU_F_TRANSLATION);
}

static void test_ranges(void **state)
{
	static const uint64_t sizes[] = {1, 2, 3, 4, 5, 31, 32, 33, 63, 65, 250};
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_domain *domain;
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 4; round++) {
		set(&model.idr3, SMMU_IDR3_RIL, round % 2);
		begin_with(&model, &usual);
		domain = paging(round < 2 ? IOMMU_STAGE_FIRST : IOMMU_STAGE_SECOND);
		assert_int_equal(attach(domain, 0), 0);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unmap_pages(domain, sizes[i]);
			/* What is told is little more than what was asked for. */
			if (round % 2 == 1) {
				assert_true(f.last.size >= sizes[i] * PAGE);
				assert_true(f.last.size <= sizes[i] * PAGE * 17 / 16 + PAGE);
			}
		}
		assert_int_equal(detach(0), 0);
		iommu_domain_free(domain);
		end();
	}
}

/* --- Units that lack something ---------------------------------------------------------------- */

static void test_refused_units(void **state)
{
	static const struct {
		unsigned int idr; /* 0, 1 */
		unsigned int field;
		uint64_t value;
		unsigned int flags;
		int status;
	} cases[] = {
		{0, SMMU_IDR0_COHACC, 0, 0, IOMMU_EOPNOTSUPP},
		{0, SMMU_IDR0_COHACC, 0, IOMMU_SMMU_COHERENT, 0},
		{0, SMMU_IDR0_COHACC, 1, IOMMU_SMMU_NOT_COHERENT, IOMMU_EOPNOTSUPP},
		{0, SMMU_IDR0_COHACC, 1, IOMMU_SMMU_COHERENT, 0},
		{0, SMMU_IDR0_TTENDIAN, SMMU_ENDIAN_BIG, 0, IOMMU_EOPNOTSUPP},
		{1, SMMU_IDR1_CMDQS, 7, 0, IOMMU_EOPNOTSUPP},
		{1, SMMU_IDR1_EVENTQS, 2, 0, 0},
		{0, SMMU_IDR0_ASID16, 0, 0, 0},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_model_smmu_config model = registers_of_model();
		struct iommu_smmu_config config = usual;

		/* The host of the other run has what such a unit needs. */
		if (is_apart && cases[i].field == SMMU_IDR0_COHACC)
			continue;
		set(cases[i].idr == 0 ? &model.idr0 : &model.idr1, cases[i].field, cases[i].value);
		machine(&model);
		config.flags = cases[i].flags;
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &f.unit), cases[i].status);
		if (cases[i].status == 0)
			assert_int_equal(iommu_unit_enable(f.unit), 0);
		stop();
	}
}

/* The refusal names the service that the host does not have. */
static void test_host_without_cache_services(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();

	(void)state;
	set(&model.idr0, SMMU_IDR0_COHACC, 0);
	machine(&model);
	f.test.platform.cache_invalidate = NULL;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, NULL), IOMMU_EOPNOTSUPP);
	assert_non_null(strstr(iommu_reason(f.iommu), "the host has no cache_invalidate"));
	f.test.platform.cache_flush = NULL;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, NULL), IOMMU_EOPNOTSUPP);
	assert_non_null(strstr(iommu_reason(f.iommu), "the host has no cache_flush"));
	stop();
}

/* IDR0.COHACC is set, and firmware says that it is not so. */
static void test_not_coherent_by_firmware(void **state)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	struct iommu_endpoint_info info;
	struct iommu_domain_info of_domain;
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	if (!is_apart)
		return;
	machine(&model);
	f.faults_of_model.lies = true;
	f.faults_of_model.lying_register = SMMU_IDR0;
	f.faults_of_model.lie = reg(SMMU_IDR0) | smmu_place(SMMU_IDR0_COHACC, 1);
	misbehave();
	config.flags = IOMMU_SMMU_NOT_COHERENT;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &f.unit), 0);
	f.devices[0].id = 8;
	info = info_of(0);
	assert_int_equal(add_device(0, &info), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_false(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_CACHE_COHERENCY));
	domain = paging(IOMMU_STAGE_ANY);
	iommu_domain_get_info(domain, &of_domain);
	assert_false(of_domain.coherent);
	paddr = map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_release_endpoint(f.devices[0].endpoint);
	stop();
}

/* What the unit notes: the register says it, or firmware, which then counts. */
static void test_httu(void **state)
{
	static const struct {
		unsigned int register_value;
		enum iommu_smmu_httu said;
		bool notes;
	} cases[] = {
		{SMMU_HTTU_NONE, IOMMU_SMMU_HTTU_BY_REGISTER, false},
		{SMMU_HTTU_ACCESS, IOMMU_SMMU_HTTU_BY_REGISTER, false},
		{SMMU_HTTU_DIRTY, IOMMU_SMMU_HTTU_BY_REGISTER, true},
		{SMMU_HTTU_TABLES, IOMMU_SMMU_HTTU_BY_REGISTER, true},
		{SMMU_HTTU_DIRTY, IOMMU_SMMU_HTTU_NONE, false},
		{SMMU_HTTU_DIRTY, IOMMU_SMMU_HTTU_ACCESS, false},
		{SMMU_HTTU_DIRTY, IOMMU_SMMU_HTTU_DIRTY, true},
		{SMMU_HTTU_NONE, IOMMU_SMMU_HTTU_DIRTY, true},
	};
	const struct iommu_domain_config notes = {.dirty_tracking = true};
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_smmu_config config = usual;
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* What it writes past the caches is not read back, whatever firmware says. */
		const bool expected = cases[i].notes && !is_apart;
		uint32_t idr0 = model.idr0;

		machine(&model);
		set(&idr0, SMMU_IDR0_HTTU, cases[i].register_value);
		if (is_apart)
			set(&idr0, SMMU_IDR0_COHACC, 0);
		f.faults_of_model.lies = true;
		f.faults_of_model.lying_register = SMMU_IDR0;
		f.faults_of_model.lie = idr0;
		misbehave();
		config.httu = cases[i].said;
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &f.unit), 0);
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &notes, &domain),
				 expected ? 0 : IOMMU_EOPNOTSUPP);
		if (expected)
			assert_int_equal(iommu_domain_free(domain), 0);
		stop();
	}
}

/*
 * A domain that was made for a unit which snoops, and is used by one that does not. The other unit
 * has the same registers, elsewhere, and is never enabled.
 */
static void test_domain_of_unlike_units(void **state)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	struct iommu_endpoint_info device;
	struct iommu_domain_info info;
	struct iommu_domain *domain;
	struct iommu_unit *other;
	iommu_paddr_t first, second;

	(void)state;
	machine(&model);
	config.flags = IOMMU_SMMU_COHERENT;
	config.registers = BASE + ELSEWHERE;
	config.segment = 1;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &other), 0);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, &f.unit), 0);
	assert_int_equal(
		iommu_domain_alloc(other, IOMMU_DOMAIN_PAGING,
				   &(struct iommu_domain_config){.stage = IOMMU_STAGE_FIRST},
				   &domain),
		0);
	first = map(domain, IOVA);
	iommu_domain_get_info(domain, &info);
	assert_true(info.coherent);
	f.devices[0].id = 8;
	device = info_of(0);
	assert_int_equal(add_device(0, &device), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(attach(domain, 0), 0);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.coherent, !is_apart);
	second = map(domain, IOVA + PAGE);
	reaches(0, 0, IOVA, first);
	reaches(0, 0, IOVA + PAGE, second);
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	iommu_release_endpoint(f.devices[0].endpoint);
	stop();
}

/* A domain that has outlived its units is of no later unit, also of one at the same registers. */
static void test_domain_of_removed_units(void **state)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_endpoint_info device;
	struct iommu_domain *domain, *another;

	(void)state;
	machine(&model);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, &f.unit), 0);
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_smmu_remove_unit(f.unit), 0);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, &f.unit), 0);
	f.devices[0].id = 8;
	device = info_of(0);
	assert_int_equal(add_device(0, &device), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(attach(domain, 0), IOMMU_EINVAL);
	another = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(attach(another, 0), 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(another);
	iommu_release_endpoint(f.devices[0].endpoint);
	assert_int_equal(iommu_smmu_remove_unit(f.unit), 0);
	iommu_domain_free(domain);
	stop();
}

/* --- Devices that are lost: ids of their domains are not used again unforgotten --------------- */

/* The next domain has the ids of the one before. Device 1 must not reach what device 0 did. */
static void next_domain_is_empty(enum iommu_stage stage)
{
	struct iommu_domain *next = paging(stage);
	iommu_paddr_t seen;

	assert_int_equal(attach(next, 1), 0);
	assert_true(use(1, 0, IOVA, &seen) != 0);
	assert_int_equal(detach(1), 0);
	iommu_domain_free(next);
}

static void test_lost_device_is_detached(void **state)
{
	static const enum iommu_stage stages[] = {IOMMU_STAGE_FIRST, IOMMU_STAGE_SECOND};
	struct iommu_domain *domain;
	iommu_paddr_t paddr;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin();
		domain = paging(stages[i]);
		paddr = map(domain, IOVA);
		(void)map(domain, IOVA + PAGE);
		assert_int_equal(attach(domain, 0), 0);
		assert_true(ask(0, 0, IOVA));
		reaches(0, 0, IOVA, paddr);
		f.devices[0].silent = true;
		assert_int_equal(iommu_unmap(domain, IOVA + PAGE, PAGE, 0, NULL), 0);
		assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
		assert_int_equal(detach(0), 0);
		assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		next_domain_is_empty(stages[i]);
		end();
	}
}

/* While the entry changes the device uses it once. */
static void use_new_domain(const struct iommu_model_smmu_invalidation *what)
{
	iommu_paddr_t seen;

	if (what->type == IOMMU_MODEL_SMMU_DEVICE_TLB && f.aborted == 0)
		f.aborted += use(0, 0, IOVA, &seen) == 0;
}

static void test_lost_device_in_an_attach(void **state)
{
	struct iommu_domain *before, *domain;

	(void)state;
	begin();
	before = paging(IOMMU_STAGE_FIRST);
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(before, IOVA + PAGE);
	(void)map(domain, IOVA);
	assert_int_equal(attach(before, 0), 0);
	assert_true(ask(0, 0, IOVA + PAGE));
	f.devices[0].silent = true;
	f.meanwhile = use_new_domain;
	assert_int_equal(attach(domain, 0), IOMMU_EIO);
	f.meanwhile = NULL;
	assert_int_equal(f.aborted, 1);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	next_domain_is_empty(IOMMU_STAGE_FIRST);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(before);
	end();
}

/* One device that does not answer keeps no unit off. */
static void test_lost_device_and_its_unit(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t seen;

	(void)state;
	begin();
	iommu_set_quarantine(f.iommu, true);
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	assert_true(ask(0, 0, IOVA));
	f.devices[0].silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	(void)detach(0);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(use(0, 0, IOVA, &seen) != 0);
	f.devices[0].silent = false;
	assert_int_equal(iommu_endpoint_was_reset(f.devices[0].endpoint), 0);
	iommu_domain_free(domain);
	end();
}

/* A unit that was reset by others answers, and everything passes: no call says that all is well. */
static void test_reset_by_others(void **state)
{
	struct iommu_domain *domain;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	iommu_model_smmu_reset(f.model);
	assert_true(iommu_unmap(domain, IOVA, PAGE, 0, NULL) < 0);
	assert_true(attach(domain, 1) < 0);
	assert_true(iommu_domain_free(domain) < 0);
	assert_true(iommu_unit_enable(f.unit) < 0);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	is_stopped(0, 0, IOVA, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

/* What no model can be, its registers say. */
static void test_lying_units(void **state)
{
	static const struct {
		unsigned int offset;
		uint64_t value;
		int status;
		const char *why;
	} cases[] = {
		{SMMU_AIDR, 0x10, IOMMU_EOPNOTSUPP, "no SMMUv3"},
		{SMMU_IDR0, 0xffffffff, IOMMU_EOPNOTSUPP, "ones: no unit is at this address"},
		{SMMU_IDR0, 0, IOMMU_EOPNOTSUPP,
		 "no stage and no tables: no unit is at this address"},
		{SMMU_IDR0, 0x10, IOMMU_EOPNOTSUPP, "no unit is at this address"},
		{SMMU_IDR0, 0x16, IOMMU_EOPNOTSUPP, "no AArch64 tables"},
		{SMMU_IDR0, 0x18, IOMMU_EIO, "it has no stage"},
		{SMMU_IDR5, 5, IOMMU_EIO, "it has no size of pages"},
		{SMMU_IDR1, 1U << 29 | 8U << 21, IOMMU_EOPNOTSUPP, "in its own memory"},
		{SMMU_IDR1, 1U << 30 | 8U << 21, IOMMU_EOPNOTSUPP, "in its own memory"},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_model_smmu_config model = registers_of_model();

		machine(&model);
		f.faults_of_model.lies = true;
		f.faults_of_model.lying_register = cases[i].offset;
		f.faults_of_model.lie = cases[i].value;
		misbehave();
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, NULL), cases[i].status);
		assert_non_null(strstr(iommu_reason(f.iommu), cases[i].why));
		stop();
	}
}

/* Firmware's memory is reached when the unit is on, by the device of its stream alone. */
static void test_regions(void **state)
{
	static const struct iommu_smmu_region regions[] = {
		{8, 8, {FARAWAY, FARAWAY + 2 * PAGE - 1, IOMMU_REGION_DIRECT_RELAXABLE, RW}},
		{17, 1000, {FARAWAY, FARAWAY + PAGE - 1, IOMMU_REGION_DIRECT, IOMMU_PROT_READ}},
		{17, 23, {0, PAGE - 1, IOMMU_REGION_RESERVED, 0}},
	};
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	struct iommu_endpoint_info info;
	struct iommu_region region;
	unsigned int cursor = 0;
	iommu_paddr_t seen;

	(void)state;
	config.regions = regions;
	config.region_count = 3;
	begin_with(&model, &config);
	assert_true(iommu_endpoint_next_region(f.devices[0].endpoint, &cursor, &region));
	assert_int_equal(region.start, FARAWAY);
	assert_int_equal(region.last, FARAWAY + 2 * PAGE - 1);
	assert_int_equal(region.type, IOMMU_REGION_DIRECT_RELAXABLE);
	assert_false(iommu_endpoint_next_region(f.devices[0].endpoint, &cursor, &region));
	cursor = 0;
	assert_false(iommu_endpoint_next_region(f.devices[1].endpoint, &cursor, &region));
	cursor = 0;
	assert_true(iommu_endpoint_next_region(f.devices[2].endpoint, &cursor, &region));
	assert_int_equal(region.type, IOMMU_REGION_DIRECT);
	assert_false(iommu_endpoint_next_region(f.devices[2].endpoint, &cursor, &region));
	reaches(0, 0, FARAWAY + PAGE + 8, FARAWAY + PAGE + 8);
	assert_true(use(1, 0, FARAWAY, &seen) != 0);
	assert_true(use(0, 0, FARAWAY + 2 * PAGE, &seen) != 0);
	assert_true(use(2, 0, FARAWAY, &seen) != 0); /* a write */
	/* A device that is not trusted gets none but what it must not use. */
	assert_int_equal(iommu_release_endpoint(f.devices[2].endpoint), 0);
	info = info_of(2);
	info.untrusted = true;
	f.devices[2].id = info.source_id = 20;
	assert_int_equal(add_device(2, &info), 0);
	cursor = 0;
	assert_true(iommu_endpoint_next_region(f.devices[2].endpoint, &cursor, &region));
	assert_int_equal(region.type, IOMMU_REGION_RESERVED);
	assert_false(iommu_endpoint_next_region(f.devices[2].endpoint, &cursor, &region));
	end();
}

static void test_wrong_regions(void **state)
{
	static const struct {
		struct iommu_smmu_region region;
		const char *why;
	} wrong[] = {
		{{9, 8, {0, PAGE - 1, IOMMU_REGION_DIRECT, RW}}, "before it begins"},
		{{8, 8, {PAGE, PAGE - 1, IOMMU_REGION_DIRECT, RW}}, "before it begins"},
		{{8, 8, {8, PAGE - 1, IOMMU_REGION_DIRECT, RW}}, "whole pages"},
		{{8, 8, {0, PAGE - 2, IOMMU_REGION_DIRECT, RW}}, "whole pages"},
		{{8, 8, {0, PAGE - 1, (enum iommu_region_type)5, RW}}, "type"},
		{{8, 8, {0, (1ULL << 48) + PAGE - 1, IOMMU_REGION_DIRECT, RW}}, "can address"},
		{{8, 8, {0, PAGE - 1, IOMMU_REGION_DIRECT, 0}}, "no access"},
		{{8, 8, {BASE + 0x1f000, BASE + 0x20fff, IOMMU_REGION_DIRECT, RW}},
		 "own registers"},
		{{8, 8, {BASE - PAGE, BASE + PAGE - 1, IOMMU_REGION_DIRECT, RW}}, "own registers"},
	};
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		machine(&model);
		config.regions = &wrong[i].region;
		config.region_count = 1;
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
		assert_non_null(strstr(iommu_reason(f.iommu), wrong[i].why));
		config.region_count = IOMMU_SMMU_REGIONS_MAX + 1;
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
		assert_non_null(strstr(iommu_reason(f.iommu), "too many regions"));
		config.regions = NULL;
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
		assert_non_null(strstr(iommu_reason(f.iommu), "no regions"));
		stop();
	}
}

static void refused_domain(const struct iommu_domain_config *config, int status, const char *why)
{
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, config, &domain), status);
	assert_non_null(strstr(iommu_reason(f.iommu), why));
}

#define CONFIG(...) (&(struct iommu_domain_config){__VA_ARGS__})

/* Each refusal names the one cause that there is. */
static void test_reasons(void **state)
{
	struct iommu_model_smmu_config model;

	(void)state;
	begin();
	refused_domain(CONFIG(.force_snoop = true), IOMMU_EOPNOTSUPP,
		       "smmu0: it does not force snooping");
	refused_domain(CONFIG(.address_width = 49), IOMMU_EINVAL, "more than the 48 of stage 1");
	refused_domain(CONFIG(.address_width = 49, .stage = IOMMU_STAGE_SECOND), IOMMU_EINVAL,
		       "its addresses have, which stage 2 translates (IDR5.OAS)");
	refused_domain(CONFIG(.pgsize_bitmap = IOMMU_SIZE_2M), IOMMU_EINVAL,
		       "the smallest size in pgsize_bitmap is no granule that it has");
	refused_domain(CONFIG(.pgsize_bitmap = IOMMU_SIZE_4K | 1ULL << 13), IOMMU_EINVAL,
		       "pgsize_bitmap has a size that tables of its smallest have not");
	end();

	model = registers_of_model();
	set(&model.idr5, SMMU_IDR5_OAS, 6);
	set(&model.idr0, SMMU_IDR0_S1P, 0);
	set(&model.idr0, SMMU_IDR0_HYP, 0);
	begin_with(&model, &usual);
	refused_domain(CONFIG(.address_width = 49), IOMMU_EINVAL, "more than the 48 of stage 2");
	refused_domain(CONFIG(.address_width = 53, .pgsize_bitmap = IOMMU_SIZE_64K), IOMMU_EINVAL,
		       "(IDR5.OAS)");
	refused_domain(CONFIG(.stage = IOMMU_STAGE_FIRST), IOMMU_EOPNOTSUPP, "it has no stage 1");
	end();
}

static void refused_unit(const struct iommu_model_smmu_config *model,
			 const struct iommu_smmu_config *config, const char *why)
{
	machine(model);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, config, NULL), IOMMU_EINVAL);
	assert_non_null(strstr(iommu_reason(f.iommu), why));
	stop();
}

#define UNIT(...) (&(struct iommu_smmu_config){.registers = BASE, __VA_ARGS__})

static void test_reasons_of_units(void **state)
{
	static const struct iommu_smmu_ids high = {.last = 8, .stream_id = 0xfff8};
	struct iommu_model_smmu_config model = registers_of_model();

	(void)state;
	refused_unit(&model, UNIT(.flags = 1U << 30), "unknown flags");
	refused_unit(&model, UNIT(.flags = IOMMU_SMMU_COHERENT | IOMMU_SMMU_NOT_COHERENT),
		     "said to be coherent, and not to be");
	refused_unit(&model, UNIT(.httu = (enum iommu_smmu_httu)4), "no such httu");
	refused_unit(&model, &(struct iommu_smmu_config){.registers = BASE + 1}, "64 KiB");
	refused_unit(&model, UNIT(.id_ranges = &high, .id_range_count = 1),
		     "ends above what stream_id_bits allow");
	refused_unit(&model, UNIT(.stream_id_bits = 17), "IDR1.SIDSIZE");
	set(&model.idr1, SMMU_IDR1_SIDSIZE, 24);
	refused_unit(&model, UNIT(.stream_id_bits = 24), "the 23 of the largest");
	/* No unit may have so many StreamIDs, and no second level. */
	machine(&model);
	f.faults_of_model.lies = true;
	f.faults_of_model.lying_register = SMMU_IDR0;
	f.faults_of_model.lie = reg(SMMU_IDR0) & ~smmu_field_mask(SMMU_IDR0_ST_LEVEL);
	misbehave();
	assert_int_equal(iommu_smmu_add_unit(f.iommu, UNIT(.stream_id_bits = 11), NULL),
			 IOMMU_EINVAL);
	assert_non_null(strstr(iommu_reason(f.iommu), "the 10 of the largest"));
	stop();
}

static void test_configurations(void **state)
{
	static const struct iommu_smmu_ids wrong[][2] = {
		{{5, 4, 0}, {0, 0, 0}},
		{{0, 1, 0xffff}, {9, 9, 9}},
		{{0, 9, 0}, {9, 10, 0x100}},
		{{0, 9, 0}, {20, 30, 5}},
	};
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	struct iommu_smmu_config config = usual;
	struct iommu_smmu_info info;
	struct iommu_hardware_info hardware;
	struct iommu_unit *unit;
	unsigned int i;

	(void)state;
	machine(&model);
	for (i = 0; i < 4; i++) {
		config.id_ranges = wrong[i];
		config.id_range_count = i == 0 ? 1 : 2;
		assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
	}
	config = usual;
	config.id_range_count = 1;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
	config.id_ranges = wrong[3];
	config.id_range_count = 513;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
	config = usual;
	config.flags = 1 << 7;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
	config = usual;
	config.registers = BASE + 0x1000;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
	config = usual;
	config.stream_id_bits = 17;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, &unit), 0);
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_smmu_get_info(unit, &info), 0);
	assert_int_equal(info.output_bits, 48);
	assert_int_equal(info.registers, BASE);
	assert_int_equal(info.idr5, reg(SMMU_IDR5));
	assert_int_equal(info.stream_id_bits, 16);
	assert_int_equal(iommu_unit_get_hardware_info(unit, &hardware), 0);
	assert_int_equal(hardware.type, IOMMU_HARDWARE_SMMU);
	assert_int_equal((uint32_t)hardware.words[0], reg(SMMU_IDR0));
	assert_int_equal(hardware.words[1] >> 32, reg(SMMU_IDR5));
	assert_int_equal(iommu_smmu_remove_unit(NULL), 0);
	assert_int_equal(iommu_smmu_remove_unit(unit), 0);
	/* It is as if it had never been, but that it still lets nothing pass. */
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, &unit), 0);
	assert_int_equal(iommu_smmu_remove_unit(unit), 0);
	assert_true((reg(SMMU_GBPA) & SMMU_GBPA_ABORT) != 0);
	stop();
}

/* Emulators have such units. The host has to say that it knows. */
static void test_unit_without_gbpa(void **state)
{
	struct iommu_smmu_config config = usual;
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	machine(&(struct iommu_model_smmu_config){.idr0 = 0});
	f.faults_of_model.deaf_register = SMMU_GBPA;
	misbehave();
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, NULL), IOMMU_EIO);
	assert_non_null(strstr(iommu_reason(f.iommu), "does not abort while it is off"));
	config.flags = IOMMU_SMMU_PASSES_WHILE_OFF;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &config, &f.unit), 0);
	f.devices[0].id = 8;
	assert_int_equal(add_device(0, &(struct iommu_endpoint_info){.source_id = 8}), 0);
	reaches(0, 0, IOVA, IOVA);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	is_stopped(0, 0, IOVA, SMMU_C_BAD_STE);
	domain = paging(IOMMU_STAGE_FIRST);
	paddr = map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	reaches(0, 0, IOVA, IOVA);
	assert_int_equal(iommu_resume(f.iommu), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	reaches(0, 0, IOVA, IOVA);
	be_well();
	end();
}

static void test_domain_options(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_domain_config config = {.force_snoop = true};
	struct iommu_domain_info info;
	struct iommu_domain *domain;

	(void)state;
	set(&model.idr0, SMMU_IDR0_S2P, 0);
	set(&model.idr0, SMMU_IDR0_HTTU, 0);
	set(&model.idr5, SMMU_IDR5_GRAN16K, 0);
	begin_with(&model, &usual);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	config = (struct iommu_domain_config){.dirty_tracking = true};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	config = (struct iommu_domain_config){.stage = IOMMU_STAGE_SECOND};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	config = (struct iommu_domain_config){.nest_parent = true, .stage = IOMMU_STAGE_FIRST};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EOPNOTSUPP);
	config = (struct iommu_domain_config){.pgsize_bitmap = 1ULL << 14};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	config = (struct iommu_domain_config){.pgsize_bitmap = IOMMU_SIZE_4K | 1ULL << 13};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	config = (struct iommu_domain_config){.address_width = 49};
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	/* Pages of 64K alone, and fewer addresses. */
	config = (struct iommu_domain_config){.pgsize_bitmap = IOMMU_SIZE_64K, .address_width = 40};
	domain = make(IOMMU_DOMAIN_PAGING, &config);
	assert_int_equal(iommu_map(domain, IOVA, FARAWAY, IOMMU_SIZE_64K, RW), 0);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA + 0x8123, FARAWAY + 0x8123);
	assert_int_equal(iommu_unmap(domain, IOVA, IOMMU_SIZE_64K, 0, NULL), 0);
	is_stopped(0, 0, IOVA + 0x8123, SMMU_F_TRANSLATION);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	assert_true(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_PASID));
	assert_int_equal(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_CACHE_COHERENCY),
			 !is_apart);
	domain = paging(IOMMU_STAGE_ANY);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.coherent, !is_apart);
	iommu_domain_free(domain);
	assert_false(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_DIRTY_TRACKING));
	assert_false(iommu_capable(f.devices[0].endpoint, IOMMU_CAPABLE_ENFORCED_COHERENCY));
	end();
}

/* Without a wish a domain has all sizes of the unit's smallest granule. */
static void test_granules(void **state)
{
	static const struct {
		unsigned int granule;
		uint64_t sizes;
	} cases[] = {
		{12, IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | 1ULL << 25 | IOMMU_SIZE_1G},
		{14, 1ULL << 14 | IOMMU_SIZE_2M | 1ULL << 25 | IOMMU_SIZE_1G},
		{16, IOMMU_SIZE_64K | IOMMU_SIZE_2M | 1ULL << 29},
	};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct iommu_model_smmu_config model = registers_of_model();
		struct iommu_domain_info info;
		struct iommu_domain *domain;

		if (cases[i].granule > 12)
			set(&model.idr5, SMMU_IDR5_GRAN4K, 0);
		if (cases[i].granule > 14)
			set(&model.idr5, SMMU_IDR5_GRAN16K, 0);
		begin_with(&model, &usual);
		domain = make(IOMMU_DOMAIN_PAGING, NULL);
		iommu_domain_get_info(domain, &info);
		assert_int_equal(info.pgsize_bitmap, cases[i].sizes);
		iommu_domain_free(domain);
		end();
	}
}

/* A stage 2 has no more addresses than the unit. */
static void test_widths(void **state)
{
	struct iommu_model_smmu_config model = registers_of_model();
	struct iommu_domain_config config = {.stage = IOMMU_STAGE_SECOND, .address_width = 45};
	struct iommu_domain *domain;

	(void)state;
	set(&model.idr5, SMMU_IDR5_OAS, 4);
	begin_with(&model, &usual);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
			 IOMMU_EINVAL);
	for (config.address_width = 32; config.address_width <= 44; config.address_width++) {
		const iommu_iova_t last = (1ULL << config.address_width) - PAGE;
		iommu_paddr_t paddr;

		domain = make(IOMMU_DOMAIN_PAGING, &config);
		paddr = map(domain, last);
		assert_int_equal(attach(domain, 0), 0);
		reaches(0, 0, last, paddr);
		assert_int_equal(iommu_unmap(domain, last, PAGE, 0, NULL), 0);
		is_stopped(0, 0, last, SMMU_F_TRANSLATION);
		assert_int_equal(detach(0), 0);
		iommu_domain_free(domain);
	}
	end();
}

/* Each allocation of adding a unit, a device and a domain fails in turn. */
static void test_without_memory(void **state)
{
	const struct iommu_model_smmu_config model = {.idr0 = 0};
	unsigned int n, failed = 0;

	(void)state;
	for (n = 1; n < 40; n++) {
		struct iommu_endpoint_info info;
		struct iommu_domain *domain = NULL;
		int status;

		machine(&model);
		f.devices[0].id = 8;
		info = info_of(0);
		f.test.fail_after = f.test.allocations + n;
		status = iommu_smmu_add_unit(f.iommu, &usual, &f.unit);
		if (status == 0)
			status = add_device(0, &info);
		if (status == 0)
			status = iommu_unit_enable(f.unit);
		if (status == 0)
			status = iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domain);
		if (status == 0)
			status = attach(domain, 0);
		if (status == 0)
			status = enable(0, IOMMU_FEATURE_PASID);
		failed += status != 0;
		if (status != 0)
			assert_int_equal(status, IOMMU_ENOMEM);
		f.test.fail_after = 0;
		if (f.devices[0].group != NULL)
			(void)detach(0);
		iommu_domain_free(domain);
		end();
	}
	assert_in_range(failed, 10, 38);
}

/* --- Any order -------------------------------------------------------------------------------- */

/*
 * Operations in any order, some of which fail in the middle, on devices that keep what they were
 * told. Each mapping is of memory that no other has. Of a page that was asked to change a device
 * reaches the old or the new, or nothing; once a call has confirmed, all is as the shadow says.
 */
#define R_DOMAINS 4U
#define R_PAGES   3U
#define R_PASIDS  3U /* none, 1 and 2 */
#define R_DEVICES 2U

static struct {
	uint64_t state; /* of the random numbers */
	struct iommu_domain *domains[R_DOMAINS];
	iommu_paddr_t pages[R_DOMAINS][R_PAGES]; /* 0: not mapped */
	unsigned int told[R_DEVICES][R_PASIDS];  /* the domain and 1; 0: none */
	struct iommu_pasid_handle handles[R_DEVICES][R_PASIDS];
	bool has_pasids[R_DEVICES];
	bool is_on;
	unsigned int failures;
} r;

static unsigned int any(unsigned int count)
{
	r.state = r.state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(r.state >> 33) % count;
}

/* What a request reaches by the shadow; 0: nothing. */
static iommu_paddr_t meant(unsigned int device, unsigned int pasid, unsigned int page)
{
	const unsigned int told = r.told[device][pasid];

	if (!r.is_on || told == 0 || (pasid != 0 && !r.has_pasids[device]))
		return 0;
	return r.pages[told - 1][page];
}

static void all_meant(iommu_paddr_t *seen)
{
	unsigned int i;

	for (i = 0; i < R_DEVICES * R_PASIDS * R_PAGES; i++)
		seen[i] = meant(i / (R_PASIDS * R_PAGES), i / R_PAGES % R_PASIDS, i % R_PAGES);
}

static iommu_paddr_t reached(unsigned int device, unsigned int pasid, unsigned int page)
{
	iommu_paddr_t paddr = 0;

	return use(device, pasid, IOVA + page * PAGE, &paddr) == 0 ? paddr : 0;
}

/* By what it keeps, too; and perhaps it keeps some more. */
static iommu_paddr_t reached_by_kept(unsigned int device, unsigned int pasid, unsigned int page)
{
	iommu_paddr_t paddr = 0;

	if (use_kept(device, pasid, IOVA + page * PAGE, &paddr))
		return paddr;
	if (any(2) == 0)
		(void)ask(device, pasid, IOVA + page * PAGE);
	return 0;
}

static void check_all(const iommu_paddr_t *before, const iommu_paddr_t *after, bool is_sure)
{
	unsigned int i;

	for (i = 0; i < R_DEVICES * R_PASIDS * R_PAGES; i++) {
		const unsigned int device = i / (R_PASIDS * R_PAGES);
		const unsigned int pasid = i / R_PAGES % R_PASIDS, page = i % R_PAGES;
		const iommu_paddr_t seen = reached(device, pasid, page);
		const iommu_paddr_t kept = reached_by_kept(device, pasid, page);

		if (is_sure)
			assert_int_equal(seen, after[i]);
		else
			assert_true(seen == 0 || seen == before[i] || seen == after[i]);
		assert_true(kept == 0 || kept == after[i] || (!is_sure && kept == before[i]));
	}
}

static void any_fault(void)
{
	memset(&f.faults_of_model, 0, sizeof(f.faults_of_model));
	switch (any(6)) {
	case 0:
		f.faults_of_model.refuse_after = 1 + any(6);
		break;
	case 1:
		f.faults_of_model.fetch_fails_after = 1 + any(6);
		break;
	case 2:
		f.faults_of_model.syncs_hang = any(4) == 0;
		break;
	case 3:
		f.faults_of_model.never_acks = any(4) == 0;
		break;
	default:
		break;
	}
	misbehave();
}

/* One page more, or less; not while it is on its way by an operation that may fail. */
static int change_page(void)
{
	const unsigned int domain = any(R_DOMAINS), page = any(R_PAGES);
	int status;

	if (r.pages[domain][page] == 0) {
		const iommu_paddr_t paddr = f.next_memory;

		f.next_memory += PAGE;
		status = iommu_map(r.domains[domain], IOVA + page * PAGE, paddr, PAGE, RW);
		if (status == 0)
			r.pages[domain][page] = paddr;
		return status;
	}
	status = iommu_unmap(r.domains[domain], IOVA + page * PAGE, PAGE, 0, NULL);
	r.pages[domain][page] = 0;
	return status;
}

static int change_domain(unsigned int device)
{
	const unsigned int domain = any(R_DOMAINS + 1);
	unsigned int i;
	int status = domain == 0 ? detach(device) : attach(r.domains[domain - 1], device);

	r.told[device][0] = 0;
	for (i = 0; i < R_DOMAINS; i++)
		if (iommu_group_domain(f.devices[device].group) == r.domains[i])
			r.told[device][0] = i + 1;
	return status;
}

/* Domains of stage 1 are the first two. */
static int change_pasid(unsigned int device)
{
	const unsigned int pasid = 1 + any(R_PASIDS - 1), domain = any(2);
	struct iommu_group *group = f.devices[device].group;
	struct iommu_pasid_handle *handle = &r.handles[device][pasid];
	int status;

	if (!r.has_pasids[device])
		return 0;
	if (r.told[device][pasid] != 0) {
		status = iommu_domain_detach_pasid(group, pasid);
		r.told[device][pasid] = 0;
		return status;
	}
	memset(handle, 0, sizeof(*handle));
	status = iommu_domain_attach_pasid(r.domains[domain], group, pasid, handle);
	if (status == 0)
		r.told[device][pasid] = domain + 1;
	return status;
}

static int change_feature(unsigned int device)
{
	int status;

	if (r.told[device][1] != 0 || r.told[device][2] != 0)
		return 0;
	status = r.has_pasids[device] ? disable(device, IOMMU_FEATURE_PASID)
				      : enable(device, IOMMU_FEATURE_PASID);
	if (status == 0)
		r.has_pasids[device] = !r.has_pasids[device];
	return status;
}

static int change_unit(void)
{
	int status = r.is_on ? iommu_unit_disable(f.unit) : iommu_unit_enable(f.unit);

	r.is_on = iommu_unit_is_enabled(f.unit);
	return status;
}

static int change_any(void)
{
	switch (any(12)) {
	case 0:
		return change_unit();
	case 1:
		return change_feature(any(R_DEVICES));
	case 2:
	case 3:
	case 4:
		return change_domain(any(R_DEVICES));
	case 5:
	case 6:
	case 7:
		return change_pasid(any(R_DEVICES));
	default:
		return change_page();
	}
}

/* Whatever has failed is made good by the next call that succeeds. */
static void recover(void)
{
	be_well();
	if (!r.is_on)
		assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	r.is_on = true;
}

static void run_in_any_order(uint64_t seed, unsigned int flags)
{
	const struct iommu_model_smmu_config model = {
		.idr0 = 0, .strict = (seed & 1) != 0 ? IOMMU_MODEL_SMMU_LAZY : 0};
	iommu_paddr_t before[R_DEVICES * R_PASIDS * R_PAGES], after[R_DEVICES * R_PASIDS * R_PAGES];
	struct iommu_smmu_config config = usual;
	unsigned int i, n;
	bool lost;

	config.flags = flags;
	begin_with(&model, &config);
	memset(&r, 0, sizeof(r));
	r.state = seed;
	r.is_on = true;
	for (i = 0; i < R_DOMAINS; i++)
		r.domains[i] = paging(i < 3 ? IOMMU_STAGE_FIRST : IOMMU_STAGE_SECOND);
	for (n = 0; n < 400; n++) {
		int status;

		all_meant(before);
		any_fault();
		status = change_any();
		all_meant(after);
		check_all(before, after, false);
		if (status != 0) {
			r.failures++;
			recover();
			all_meant(after);
		}
		be_well();
		check_all(before, after, true);
		(void)iommu_unit_handle_faults(f.unit, &lost);
		f.fault_count = 0;
	}
	recover();
	for (i = 0; i < R_DEVICES; i++) {
		for (n = 1; n < R_PASIDS; n++)
			if (r.told[i][n] != 0)
				assert_int_equal(iommu_domain_detach_pasid(f.devices[i].group, n),
						 0);
		assert_int_equal(detach(i), 0);
	}
	for (i = 0; i < R_DOMAINS; i++)
		iommu_domain_free(r.domains[i]);
	assert_in_range(r.failures, 10, 300);
	end();
}

static void test_any_order(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 12; seed++)
		run_in_any_order(seed, seed % 3 == 0 ? IOMMU_SMMU_POLLED : 0);
}

/* --- A predecessor ---------------------------------------------------------------------------- */

static void use_after_off(const struct iommu_model_smmu_invalidation *what)
{
	iommu_paddr_t seen;

	(void)what;
	f.aborted += use(0, 0, IOVA, &seen) != 0;
	assert_true(use(0, 0, IOVA, &seen) != 0 || seen == f.allowed[0]);
}

/* What was left translating is taken from it: nothing passes on the way, nor until it is on. */
static void test_predecessor(void **state)
{
	struct iommu_domain *domain;
	struct iommu *earlier;
	iommu_paddr_t paddr;

	(void)state;
	begin();
	domain = paging(IOMMU_STAGE_FIRST);
	paddr = map(domain, IOVA);
	assert_int_equal(attach(domain, 0), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_not_equal(reg(SMMU_CR0) & SMMU_CR0_EVENTQEN, 0);
	iommu_model_smmu_mmio_write(f.model, SMMU_IRQ_CTRL, 4, SMMU_IRQ_EVENTQ);
	earlier = f.iommu;
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	f.allowed[0] = paddr;
	f.meanwhile = use_after_off;
	assert_int_equal(iommu_smmu_add_unit(f.iommu, &usual, NULL), 0);
	f.meanwhile = NULL;
	assert_int_equal(reg(SMMU_CR0ACK), 0);
	assert_int_equal(reg(SMMU_IRQ_CTRL), 0);
	is_stopped(0, 0, IOVA, UINT32_MAX);
	iommu_destroy(f.iommu);
	f.iommu = earlier;
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(detach(0), 0);
	iommu_domain_free(domain);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_no_order),
		cmocka_unit_test(a_block_waits_for_all),
		cmocka_unit_test(test_entry_steps),
		cmocka_unit_test(test_replaced_in_place),
		cmocka_unit_test(test_replaced_and_refused),
		cmocka_unit_test(test_pasids),
		cmocka_unit_test(test_asids_again),
		cmocka_unit_test(test_no_pasids),
		cmocka_unit_test(test_pasids_refused),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_device_tlb),
		cmocka_unit_test(test_nested_masks),
		cmocka_unit_test(test_nested_nonsense),
		cmocka_unit_test(test_device_tlb),
		cmocka_unit_test(test_device_tlb_in_place),
		cmocka_unit_test(test_device_tlb_switched),
		cmocka_unit_test(test_device_tlb_on_late),
		cmocka_unit_test(test_device_silent_in_a_replace),
		cmocka_unit_test(test_closed_when_off),
		cmocka_unit_test(test_nothing_stays_open),
		cmocka_unit_test(test_device_tlb_while_off),
		cmocka_unit_test(test_device_tlb_of_pasids),
		cmocka_unit_test(test_silent_device),
		cmocka_unit_test(test_page_requests),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_event_texts),
		cmocka_unit_test(test_event_rate),
		cmocka_unit_test(test_unknown_command),
		cmocka_unit_test(test_error_that_stayed),
		cmocka_unit_test(test_across_the_end),
		cmocka_unit_test(test_refused_commands),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_completions_not_stored),
		cmocka_unit_test(test_identity_beside_pasids_goes_unconfirmed),
		cmocka_unit_test(test_each_command_hangs),
		cmocka_unit_test(test_cut_areas),
		cmocka_unit_test(test_queue_that_does_not_begin_anew),
		cmocka_unit_test(test_event_queue_fails),
		cmocka_unit_test(test_fails_for_good),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_forced_stalls),
		cmocka_unit_test(test_dirty),
		cmocka_unit_test(test_stream_ids),
		cmocka_unit_test(test_several_stream_ids),
		cmocka_unit_test(test_few_asids),
		cmocka_unit_test(test_errata),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_refused_units),
		cmocka_unit_test(test_host_without_cache_services),
		cmocka_unit_test(test_not_coherent_by_firmware),
		cmocka_unit_test(test_httu),
		cmocka_unit_test(test_domain_of_unlike_units),
		cmocka_unit_test(test_domain_of_removed_units),
		cmocka_unit_test(test_lost_device_is_detached),
		cmocka_unit_test(test_lost_device_in_an_attach),
		cmocka_unit_test(test_lost_device_and_its_unit),
		cmocka_unit_test(test_reset_by_others),
		cmocka_unit_test(test_lying_units),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_wrong_regions),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_reasons_of_units),
		cmocka_unit_test(test_configurations),
		cmocka_unit_test(test_unit_without_gbpa),
		cmocka_unit_test(test_domain_options),
		cmocka_unit_test(test_granules),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_predecessor),
	};

	int failed;

	cmocka_set_test_filter(getenv("IOMMU_TEST_FILTER"));
	whole = registers_of_model();
	failed = cmocka_run_group_tests_name("coherent", tests, NULL, NULL);
	is_apart = true;
	return failed + cmocka_run_group_tests_name("not coherent", tests, NULL, NULL);
}
