/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V back end over the model of its hardware, in what the kit (tests/backend) does not
 * know: PASIDs, nested domains, devices' TLBs, page requests, faults, messages, interrupt files of
 * guests, device ids of every width, and units that a predecessor left on.
 */
#include <string.h>

#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_page_request.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/iommu.h>
#include <libiommu/model_riscv.h>
#include <libiommu/riscv.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_platform.h"

#define BASE      0x3010000ULL
#define ARENA     (1ULL << 26)
#define FARAWAY   0x200000000ULL /* memory that nothing has, for mappings */
#define IOVA      0x500000000ULL
#define DEVICES   4
#define WITH_0    (1U << 31) /* of a device's requests: PASID 0, which is not the same as none */
#define RW        IOMMU_PROT_READ_WRITE
#define PAGE      IOMMU_PAGE_SIZE
#define FIRST     (RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57)
#define SECOND    (RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4)
#define PROCESSES (RISCV_CAP_PD8 | RISCV_CAP_PD17 | RISCV_CAP_PD20)
#define MESSAGES  (RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF)
#define EVERYTHING                                                                                 \
	(FIRST | SECOND | PROCESSES | MESSAGES | RISCV_CAP_ATS | RISCV_CAP_AMO_HWAD |              \
	 RISCV_CAP_DBG | 50ULL << 32)

/* A translation that a device keeps. */
struct kept {
	bool used;
	uint32_t pasid; /* 0: none */
	uint64_t address, size;
	iommu_paddr_t paddr;
	bool is_guest_address;
};

struct device {
	uint32_t id;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct kept tlb[16];
	unsigned int next;
	bool silent; /* does not answer invalidations */
	unsigned int asked;
	struct iommu_model_riscv_page_answer answer;
	unsigned int answers;
};

static struct {
	struct test_platform test, outside; /* the driver's; the model's own memory */
	struct iommu_model_riscv *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct device devices[DEVICES];
	struct iommu_fault faults[512];
	unsigned int fault_count;
	unsigned int messages;
	uint64_t message_address;
	uint32_t message_data;
	/* Groups of page requests that were reported. */
	unsigned int groups;
	struct iommu_page_request request;
	enum iommu_page_response_code response; /* of the handler … */
	bool answers_later;                     /* … which gives none */
	iommu_paddr_t next_memory;
	bool says_off;      /* the next look at the directory's mode */
	uint64_t resets_at; /* the unit resets itself when this register has been read; 0: not */
	uint64_t now, step; /* the host's clock, and how far it goes with each look */
	unsigned int again; /* faults that the handler itself causes, by the first device */
	/* Called while hardware is told to forget something. */
	void (*meanwhile)(const struct iommu_model_riscv_invalidation *what);
	/* Called when a device has forgotten something, and while the unit reads memory. */
	void (*forgot)(void), (*reads)(void);
	unsigned int stalls_after; /* doorbells until no command is executed; 0: it goes on */
	unsigned int told;
	struct iommu_model_riscv_invalidation tlb_told[16]; /* of those, what devices were told */
	unsigned int tlb_told_count;
	unsigned int doorbells; /* of the command queue, since its errors were cleared */
} f;

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
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(iommu_phys_to_virt(&f.test.platform, paddr), bytes, size);
	return true;
}

static bool set_bits(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before)
{
	uint64_t *at = iommu_phys_to_virt(&f.test.platform, paddr);

	(void)ctx;
	if (!is_memory(paddr, 8))
		return false;
	*before = iommu_le64(*at);
	*at |= iommu_le64(bits);
	return true;
}

static bool compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t *at = iommu_phys_to_virt(&f.test.platform, paddr);

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

static bool note_message(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	f.messages++;
	f.message_address = address;
	f.message_data = data;
	return true;
}

static struct device *device_of(uint32_t id)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		if (f.devices[i].endpoint != NULL && f.devices[i].id == id)
			return &f.devices[i];
	return NULL;
}

static void note_answer(void *ctx, const struct iommu_model_riscv_page_answer *answer)
{
	struct device *device = device_of(answer->device_id);

	(void)ctx;
	assert_non_null(device);
	device->answer = *answer;
	device->answers++;
}

static uint32_t pasid_of(const struct iommu_model_riscv_invalidation *what)
{
	if (!what->has_process)
		return 0;
	return what->process_id != 0 ? what->process_id : WITH_0;
}

/* What a device keeps, it forgets when it is told. */
static bool invalidate(void *ctx, const struct iommu_model_riscv_invalidation *what)
{
	struct device *device;
	unsigned int i;

	(void)ctx;
	f.told++;
	if (f.meanwhile != NULL)
		f.meanwhile(what);
	if (what->type != IOMMU_MODEL_RISCV_DEVICE_TLB)
		return true;
	device = device_of(what->device_id);
	assert_non_null(device);
	device->asked++;
	f.tlb_told[f.tlb_told_count++ % 16] = *what;
	if (device->silent)
		return false;
	for (i = 0; i < sizeof(device->tlb) / sizeof(device->tlb[0]); i++) {
		struct kept *kept = &device->tlb[i];
		const bool is_of =
			what->all_processes ? kept->pasid != 0 : pasid_of(what) == kept->pasid;
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
	/* Of whichever unit: all have the one model. */
	return ((uintptr_t)reg - BASE) & (PAGE - 1);
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	const uint32_t value = (uint32_t)iommu_model_riscv_mmio_read(f.model, offset_of(reg), 4);

	(void)ctx;
	if (f.resets_at != 0 && offset_of(reg) == f.resets_at) {
		f.resets_at = 0;
		iommu_model_riscv_reset(f.model);
	}
	return value;
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	if (f.says_off && offset_of(reg) == RISCV_DDTP) {
		f.says_off = false;
		return iommu_model_riscv_mmio_read(f.model, RISCV_DDTP, 8) & RISCV_PPN_MASK;
	}
	return iommu_model_riscv_mmio_read(f.model, offset_of(reg), 8);
}

static void stall(bool stalls)
{
	const struct iommu_model_riscv_faults faults = {.commands_hang = stalls};

	iommu_model_riscv_misbehave(f.model, &faults);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	if (offset_of(reg) == RISCV_CQT && f.stalls_after != 0 && --f.stalls_after == 0)
		stall(true);
	if (offset_of(reg) == RISCV_CQCSR && (value & RISCV_CQCSR_ERRORS) != 0)
		f.doorbells = 0;
	f.doorbells += offset_of(reg) == RISCV_CQT;
	iommu_model_riscv_mmio_write(f.model, offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_riscv_mmio_write(f.model, offset_of(reg), 8, value);
}

/* Time passes with each look at it. */
static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return f.now += f.step;
}

static void note_fault(void *ctx, const struct iommu_fault *fault)
{
	const struct iommu_model_riscv_request request = {.device_id = f.devices[0].id};
	struct iommu_model_riscv_translation translation;

	(void)ctx;
	assert_true(f.fault_count < sizeof(f.faults) / sizeof(f.faults[0]));
	f.faults[f.fault_count++] = *fault;
	if (f.again == 0)
		return;
	f.again--;
	assert_int_equal(iommu_model_riscv_translate(f.model, &request, &translation),
			 IOMMU_EFAULT);
}

/* --- The machine ------------------------------------------------------------------------------ */

static void make_model(const struct iommu_model_riscv_config *given)
{
	struct iommu_model_riscv_config config = *given;

	config.platform = &f.outside.platform;
	config.host = (struct iommu_model_riscv_host){
		.read = read_memory,
		.write = write_memory,
		.set_bits = set_bits,
		.compare_exchange = compare_exchange,
		.interrupt = note_message,
		.page_answer = note_answer,
		.misuse = refuse_misuse,
		.invalidate = invalidate,
	};
	config.cache_entries = SIZE_MAX;
	assert_int_equal(iommu_model_riscv_create(&config, &f.model), 0);
}

static void make_host(void)
{
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	iommu_set_fault_handler(f.iommu, note_fault, NULL);
}

static void machine(const struct iommu_model_riscv_config *config)
{
	memset(&f, 0, sizeof(f));
	f.next_memory = FARAWAY;
	f.step = 10000000;
	test_platform_init(&f.outside, 1 << 24, 0);
	test_platform_init(&f.test, ARENA, 0);
	f.test.quiet = true;
	f.test.platform.map_mmio = map_mmio;
	f.test.platform.unmap_mmio = unmap_mmio;
	f.test.platform.mmio_read32 = read32;
	f.test.platform.mmio_read64 = read64;
	f.test.platform.mmio_write32 = write32;
	f.test.platform.mmio_write64 = write64;
	f.test.platform.now_ns = now_ns;
	make_model(config);
	make_host();
}

static struct iommu_endpoint_info info_of(unsigned int i)
{
	return (struct iommu_endpoint_info){
		.source_id = (uint16_t)f.devices[i].id,
		.device_tlb = true,
		.tlb_queue_depth = 8,
		.max_pasids = 1U << 17,
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

/* A unit that is on, and devices 00:01.0, 00:02.0, … of its segment */
static void begin_with(const struct iommu_model_riscv_config *model,
		       const struct iommu_riscv_config *config)
{
	unsigned int i;

	machine(model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, config, &f.unit), 0);
	for (i = 0; i < DEVICES; i++) {
		struct iommu_endpoint_info info;

		f.devices[i].id = 8 * (i + 1);
		info = info_of(i);
		info.segment = config->segment;
		assert_int_equal(add_device(i, &info), 0);
	}
	assert_int_equal(iommu_unit_enable(f.unit), 0);
}

static void begin(uint64_t capabilities)
{
	const struct iommu_model_riscv_config model = {.capabilities = capabilities};
	const struct iommu_riscv_config config = {
		.registers = BASE, .timeout_ns = 1000000000, .device_timeout_ns = 2000000000};

	begin_with(&model, &config);
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		if (f.devices[i].endpoint != NULL)
			assert_int_equal(iommu_release_endpoint(f.devices[i].endpoint), 0);
	iommu_destroy(f.iommu);
	iommu_model_riscv_destroy(f.model);
	test_platform_destroy(&f.test);
	test_platform_destroy(&f.outside);
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

static iommu_paddr_t map(struct iommu_domain *domain, iommu_iova_t iova)
{
	const iommu_paddr_t paddr = f.next_memory;

	f.next_memory += PAGE;
	assert_int_equal(iommu_map(domain, iova, paddr, PAGE, RW), 0);
	return paddr;
}

/* --- Devices ---------------------------------------------------------------------------------- */

static struct iommu_model_riscv_request request_of(unsigned int i, uint32_t pasid, uint64_t address)
{
	return (struct iommu_model_riscv_request){
		.device_id = f.devices[i].id,
		.has_process = pasid != 0,
		.process_id = pasid & ~WITH_0,
		.address = address,
		.access = RW,
	};
}

/* An access; 0 with the address, or the cause of the fault. */
static unsigned int use(unsigned int i, uint32_t pasid, uint64_t address, iommu_paddr_t *paddr)
{
	const struct iommu_model_riscv_request request = request_of(i, pasid, address);
	struct iommu_model_riscv_translation translation = {0};

	if (iommu_model_riscv_translate(f.model, &request, &translation) != 0)
		return translation.cause;
	*paddr = translation.paddr;
	return 0;
}

static void reaches(unsigned int i, uint32_t pasid, uint64_t address, iommu_paddr_t paddr)
{
	iommu_paddr_t seen = 0;

	assert_int_equal(use(i, pasid, address, &seen), 0);
	assert_int_equal(seen, paddr);
}

static void is_stopped(unsigned int i, uint32_t pasid, uint64_t address, unsigned int cause)
{
	iommu_paddr_t seen;

	assert_int_equal(use(i, pasid, address, &seen), cause);
}

/* A device asks for a translation, and keeps it. */
static bool ask(unsigned int i, uint32_t pasid, uint64_t address)
{
	struct device *device = &f.devices[i];
	struct iommu_model_riscv_request request = request_of(i, pasid, address);
	struct iommu_model_riscv_translation translation = {0};

	request.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;
	if (iommu_model_riscv_translate(f.model, &request, &translation) != 0 ||
	    translation.prot == 0)
		return false;
	device->tlb[device->next++ % 16] = (struct kept){
		.used = true,
		.pasid = pasid,
		.address = address & ~(PAGE - 1),
		.size = PAGE,
		.paddr = translation.paddr & ~(PAGE - 1),
		.is_guest_address = translation.is_guest_address,
	};
	return true;
}

/* … and accesses by what it keeps; false: it keeps nothing, or the unit refuses it. */
static bool use_kept(unsigned int i, uint32_t pasid, uint64_t address, iommu_paddr_t *paddr)
{
	const struct device *device = &f.devices[i];
	struct iommu_model_riscv_translation translation = {0};
	struct iommu_model_riscv_request request;
	unsigned int n;

	for (n = 0; n < 16; n++) {
		const struct kept *kept = &device->tlb[n];

		if (!kept->used || kept->pasid != pasid || address - kept->address >= kept->size)
			continue;
		request = request_of(i, pasid, kept->paddr + (address - kept->address));
		request.type = IOMMU_MODEL_RISCV_TRANSLATED;
		if (iommu_model_riscv_translate(f.model, &request, &translation) != 0)
			return false;
		*paddr = translation.paddr;
		return true;
	}
	return false;
}

/* Does it keep anything of a PASID? */
static bool keeps(unsigned int i, uint32_t pasid)
{
	unsigned int n;

	for (n = 0; n < 16; n++)
		if (f.devices[i].tlb[n].used && f.devices[i].tlb[n].pasid == pasid)
			return true;
	return false;
}

/* --- Commands that are executed in another order ---------------------------------------------- */

static void begin_unordered(void)
{
	const struct iommu_model_riscv_config model = {.strict = IOMMU_MODEL_RISCV_UNORDERED};
	const struct iommu_riscv_config config = {
		.registers = BASE, .timeout_ns = 1000000000, .device_timeout_ns = 2000000000};

	begin_with(&model, &config);
}

static const uint64_t *queue_words(void)
{
	return iommu_phys_to_virt(&f.test.platform, riscv_ppn_address(iommu_model_riscv_mmio_read(
							    f.model, RISCV_CQB, 8)));
}

static uint64_t queue_tail(void)
{
	return iommu_model_riscv_mmio_read(f.model, RISCV_CQT, 4);
}

static bool is_configuration(uint64_t low)
{
	const enum riscv_command_kind kind = riscv_command_kind(riscv_command_of(low, 0));

	return kind == RISCV_INVAL_DDT || kind == RISCV_INVAL_PDT;
}

static bool is_completion(uint64_t low)
{
	return riscv_command_kind(riscv_command_of(low, 0)) == RISCV_IOFENCE_C;
}

#include "command_order.h"

/* --- PASIDs ----------------------------------------------------------------------------------- */

static void test_pasids(void **state)
{
	struct iommu_pasid_handle handles[3] = {0};
	struct iommu_domain *rid, *one, *other, *second, *identity;
	iommu_paddr_t of_rid, of_one, of_other;

	(void)state;
	begin(EVERYTHING);
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	identity = make(IOMMU_DOMAIN_IDENTITY, NULL);
	of_rid = map(rid, IOVA);
	of_one = map(one, IOVA);
	of_other = map(other, IOVA);
	assert_int_equal(iommu_domain_attach_group(rid, f.devices[0].group), 0);
	/* Not before they are enabled; and what is attached stays reached. */
	is_stopped(0, 5, IOVA, RISCV_FAULT_TYPE_DISALLOWED);
	assert_int_equal(iommu_domain_attach_pasid(one, f.devices[0].group, 5, &handles[0]),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	reaches(0, 0, IOVA, of_rid);
	is_stopped(0, 5, IOVA, RISCV_FAULT_PROCESS_NOT_VALID);
	assert_int_equal(iommu_domain_attach_pasid(one, f.devices[0].group, 5, &handles[0]), 0);
	/* In a table of its own of the directory. */
	assert_int_equal(iommu_domain_attach_pasid(other, f.devices[0].group, 0x1ff00, &handles[1]),
			 0);
	reaches(0, 5, IOVA, of_one);
	reaches(0, 0x1ff00, IOVA, of_other);
	reaches(0, 0, IOVA, of_rid);
	is_stopped(0, 6, IOVA, RISCV_FAULT_PROCESS_NOT_VALID);
	/* What has a second stage has no place beside them. */
	assert_int_equal(iommu_domain_attach_pasid(second, f.devices[0].group, 7, &handles[2]),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_attach_group(second, f.devices[0].group), IOMMU_EOPNOTSUPP);
	reaches(0, 0, IOVA, of_rid);
	/* An unmap is seen at once, under each. */
	assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
	is_stopped(0, 5, IOVA, RISCV_FAULT_WRITE_PAGE);
	reaches(0, 0x1ff00, IOVA, of_other);
	/* Replaced, detached. */
	assert_int_equal(iommu_domain_replace_pasid(identity, f.devices[0].group, 5, &handles[2]),
			 0);
	reaches(0, 5, 0x1234000, 0x1234000);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
	is_stopped(0, 5, 0x1234000, RISCV_FAULT_PROCESS_NOT_VALID);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 0x1ff00), 0);
	is_stopped(0, 0x1ff00, IOVA, RISCV_FAULT_PROCESS_NOT_VALID);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_domain_attach_group(rid, f.devices[0].group), 0);
	reaches(0, 0, IOVA, of_rid);
	assert_int_equal(iommu_endpoint_disable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	reaches(0, 0, IOVA, of_rid);
	is_stopped(0, 5, IOVA, RISCV_FAULT_TYPE_DISALLOWED);
	assert_int_equal(iommu_domain_attach_group(second, f.devices[0].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	iommu_domain_free(other);
	iommu_domain_free(second);
	iommu_domain_free(identity);
	end();
}

/* Hardware fails on the way into PASIDs, and out: what was attached is reached, or blocked. */
static void test_pasids_that_fail(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	struct iommu_domain *rid;
	iommu_paddr_t paddr;

	(void)state;
	begin(EVERYTHING);
	rid = paging(IOMMU_STAGE_ANY);
	paddr = map(rid, IOVA);
	assert_int_equal(iommu_domain_attach_group(rid, f.devices[0].group), 0);
	reaches(0, 0, IOVA, paddr);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	reaches(0, 0, IOVA, paddr);
	is_stopped(0, 5, IOVA, RISCV_FAULT_TYPE_DISALLOWED);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	reaches(0, 0, IOVA, paddr);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_endpoint_disable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_unmap(rid, IOVA, PAGE, 0, NULL), 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(rid);
	end();
}

/* --- Nested domains --------------------------------------------------------------------------- */

#define GUEST_TABLE 0x40000000ULL /* guest addresses */
#define GUEST_PAGE  0x50000000ULL

/* A guest's table of one entry: a gigabyte, at address 0 of the device. */
static void set_guest_entry(uint64_t *table, uint64_t guest_address)
{
	table[0] =
		iommu_le64(riscv_ppn(guest_address) | RISCV_PTE_VALID | RISCV_PTE_READ |
			   RISCV_PTE_WRITE | RISCV_PTE_USER | RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY);
}

static void test_nested(void **state)
{
	const struct iommu_domain_config parent_config = {.nest_parent = true};
	const struct iommu_riscv_first_stage table = {
		.root = riscv_iosatp(RISCV_IOSATP_SV39, GUEST_TABLE), .process = 77};
	const struct iommu_domain_config config = {.user_data = &table, .user_size = sizeof(table)};
	struct riscv_command command = riscv_command_of_process(riscv_command_vma(), 77);
	struct iommu_riscv_invalidation request = {command.low, command.high};
	struct iommu_domain_config nested_config = config;
	struct iommu_domain *parent, *nested;
	iommu_paddr_t page, other;
	uint64_t *guest;
	unsigned int done;

	(void)state;
	begin(EVERYTHING);
	parent = make(IOMMU_DOMAIN_PAGING, &parent_config);
	nested_config.parent = parent;
	guest = f.test.platform.alloc_pages(f.test.platform.ctx, 0, IOMMU_NODE_ANY, 0);
	assert_int_equal(iommu_map(parent, GUEST_TABLE, iommu_virt_to_phys(&f.test.platform, guest),
				   PAGE, RW),
			 0);
	page = map(parent, 0x80000000ULL + GUEST_PAGE);
	other = map(parent, 0xc0000000ULL + GUEST_PAGE);
	set_guest_entry(guest, 0x80000000ULL);
	nested = make(IOMMU_DOMAIN_NESTED, &nested_config);
	assert_int_equal(iommu_domain_attach_group(nested, f.devices[0].group), 0);
	assert_int_equal(iommu_domain_attach_group(nested, f.devices[1].group), 0);
	/* Through both stages. GUEST_PAGE lies in the second gigabyte, which is not mapped. */
	is_stopped(0, 0, GUEST_PAGE, RISCV_FAULT_WRITE_PAGE);
	(void)page;
	(void)other;
	assert_int_equal(iommu_unmap(parent, 0x80000000ULL + GUEST_PAGE, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_unmap(parent, 0xc0000000ULL + GUEST_PAGE, PAGE, 0, NULL), 0);
	page = map(parent, 0x80000000ULL + 0x5000);
	other = map(parent, 0xc0000000ULL + 0x5000);
	reaches(0, 0, 0x5000, page);
	reaches(1, 0, 0x5000, page);
	/* The guest changes its table, and tells. */
	set_guest_entry(guest, 0xc0000000ULL);
	assert_int_equal(iommu_domain_invalidate_user(nested, &request, sizeof(request), 1, &done),
			 0);
	assert_int_equal(done, 1);
	reaches(0, 0, 0x5000, other);
	reaches(1, 0, 0x5000, other);
	/* The host unmaps from under it. */
	assert_int_equal(iommu_unmap(parent, 0xc0000000ULL + 0x5000, PAGE, 0, NULL), 0);
	is_stopped(0, 0, 0x5000, RISCV_FAULT_WRITE_GUEST_PAGE);
	other = map(parent, 0xc0000000ULL + 0x5000);
	reaches(0, 0, 0x5000, other);
	/* The guest's root itself goes, and hardware, once told, knows where it was no more. */
	assert_int_equal(iommu_unmap(parent, GUEST_TABLE, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_domain_invalidate_user(nested, &request, sizeof(request), 1, &done),
			 0);
	is_stopped(0, 0, 0x5000, RISCV_FAULT_WRITE_GUEST_PAGE);
	/* What no guest may give. */
	command = riscv_command_of_guest(riscv_command_vma(), 3);
	request = (struct iommu_riscv_invalidation){command.low, command.high};
	assert_int_equal(iommu_domain_invalidate_user(nested, &request, sizeof(request), 1, &done),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(done, 0);
	command = riscv_command_gvma();
	request = (struct iommu_riscv_invalidation){command.low, command.high};
	assert_int_equal(iommu_domain_invalidate_user(nested, &request, sizeof(request), 1, &done),
			 IOMMU_EOPNOTSUPP);
	/* PASIDs of the host have no place beside it. */
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	is_stopped(0, 0, 0x5000, RISCV_FAULT_DEVICE_NOT_VALID);
	iommu_domain_free(nested);
	iommu_domain_free(parent);
	f.test.platform.free_pages(f.test.platform.ctx, guest, 0);
	end();
}

/*
 * A guest's invalidation that hardware does not confirm: nothing of any guest is known any more
 * when the unit works again.
 */
static void test_nested_unconfirmed(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};
	const struct iommu_domain_config parent_config = {.nest_parent = true};
	const struct iommu_riscv_first_stage table = {
		.root = riscv_iosatp(RISCV_IOSATP_SV39, GUEST_TABLE), .process = 77};
	struct iommu_domain_config config = {.user_data = &table, .user_size = sizeof(table)};
	const struct riscv_command command = riscv_command_vma();
	const struct iommu_riscv_invalidation request = {command.low, command.high};
	struct iommu_domain *parents[3], *nested[3];
	iommu_paddr_t page[3], other[3];
	uint64_t *guest[3];
	unsigned int done = 7, i;

	(void)state;
	begin(EVERYTHING & ~RISCV_CAP_ATS);
	for (i = 0; i < 3; i++) {
		parents[i] = make(IOMMU_DOMAIN_PAGING, &parent_config);
		guest[i] = f.test.platform.alloc_pages(f.test.platform.ctx, 0, IOMMU_NODE_ANY, 0);
		assert_int_equal(iommu_map(parents[i], GUEST_TABLE,
					   iommu_virt_to_phys(&f.test.platform, guest[i]), PAGE,
					   RW),
				 0);
		page[i] = map(parents[i], 0x80000000ULL + 0x5000);
		other[i] = map(parents[i], 0xc0000000ULL + 0x5000);
		set_guest_entry(guest[i], 0x80000000ULL);
		config.parent = parents[i];
		nested[i] = make(IOMMU_DOMAIN_NESTED, &config);
		assert_int_equal(iommu_domain_attach_group(nested[i], f.devices[i].group), 0);
		reaches(i, 0, 0x5000, page[i]);
		set_guest_entry(guest[i], 0xc0000000ULL);
		reaches(i, 0, 0x5000, page[i]);
	}
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(
		iommu_domain_invalidate_user(nested[1], &request, sizeof(request), 1, &done),
		IOMMU_ETIMEDOUT);
	assert_int_equal(done, 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	for (i = 0; i < 3; i++) {
		reaches(i, 0, 0x5000, other[i]);
		assert_int_equal(iommu_domain_detach_group(f.devices[i].group), 0);
		iommu_domain_free(nested[i]);
		iommu_domain_free(parents[i]);
		f.test.platform.free_pages(f.test.platform.ctx, guest[i], 0);
	}
	end();
}

/* Commands of a guest: one after the other, up to the one that is none. */
static void test_nested_requests(void **state)
{
	const struct iommu_domain_config parent_config = {.nest_parent = true};
	const struct iommu_riscv_first_stage table = {
		.root = riscv_iosatp(RISCV_IOSATP_SV39, GUEST_TABLE), .process = 77};
	struct iommu_domain_config config = {.user_data = &table, .user_size = sizeof(table)};
	const struct riscv_command vma = riscv_command_vma();
	static const struct {
		uint64_t low, high; /* beside those of the command */
		int status;
	} cases[] = {
		{0, 0, 0},
		{RISCV_IOTINVAL_AV, 0x12345ULL << 10, 0},
		{RISCV_IOTINVAL_AV | RISCV_IOTINVAL_NL, 0x12345ULL << 10, 0},
		{RISCV_IOTINVAL_PSCV | 0xfffffULL << 12, 0, 0},
		{RISCV_IOTINVAL_GV, 0, IOMMU_EOPNOTSUPP},
		{1ULL << 44, 0, IOMMU_EOPNOTSUPP},
		{1ULL << 63, 0, IOMMU_EOPNOTSUPP},
		{0, RISCV_IOTINVAL_HIGH_RESERVED, IOMMU_EOPNOTSUPP},
	};
	static const struct {
		struct iommu_riscv_invalidation request;
		int status;
	} directories[] = {
		{{RISCV_INVAL_DDT, 0}, 0},
		{{RISCV_INVAL_DDT | RISCV_INVAL_DDT_DV | 0x123456ULL << 40, 0}, 0},
		{{RISCV_INVAL_DDT | 1ULL << 12, 0}, IOMMU_EOPNOTSUPP},
		{{RISCV_INVAL_DDT | 1ULL << 32, 0}, IOMMU_EOPNOTSUPP},
		{{RISCV_INVAL_DDT, 1}, IOMMU_EOPNOTSUPP},
		{{RISCV_INVAL_PDT | RISCV_INVAL_DDT_DV | 0xfffffULL << 12, 0}, 0},
		{{RISCV_INVAL_PDT | 0xfffffULL << 12, 0}, IOMMU_EOPNOTSUPP},
		{{RISCV_INVAL_PDT | RISCV_INVAL_DDT_DV | 1ULL << 10, 0}, IOMMU_EOPNOTSUPP},
		{{RISCV_INVAL_PDT | RISCV_INVAL_DDT_DV, 1}, IOMMU_EOPNOTSUPP},
	};
	struct {
		struct iommu_riscv_invalidation request;
		uint64_t rest;
	} longer[3];
	struct iommu_domain *parent, *nested;
	unsigned int done, i;

	(void)state;
	begin(EVERYTHING & ~RISCV_CAP_ATS);
	parent = make(IOMMU_DOMAIN_PAGING, &parent_config);
	config.parent = parent;
	nested = make(IOMMU_DOMAIN_NESTED, &config);
	assert_int_equal(iommu_domain_attach_group(nested, f.devices[0].group), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_riscv_invalidation request = {vma.low | cases[i].low,
								 vma.high | cases[i].high};

		done = 7;
		f.told = 0;
		assert_int_equal(
			iommu_domain_invalidate_user(nested, &request, sizeof(request), 1, &done),
			cases[i].status);
		assert_int_equal(done, cases[i].status == 0);
		assert_int_equal(f.told != 0, cases[i].status == 0);
	}
	memset(longer, 0, sizeof(longer));
	for (i = 0; i < 3; i++)
		longer[i].request = (struct iommu_riscv_invalidation){vma.low, vma.high};
	assert_int_equal(iommu_domain_invalidate_user(nested, longer, sizeof(longer[0]), 3, &done),
			 0);
	assert_int_equal(done, 3);
	longer[1].rest = 1ULL << 63;
	assert_int_equal(iommu_domain_invalidate_user(nested, longer, sizeof(longer[0]), 3, &done),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(done, 1);
	longer[1].rest = 0;
	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		assert_int_equal(iommu_domain_invalidate_user(nested, &directories[i].request,
							      sizeof(directories[i].request), 1,
							      &done),
				 directories[i].status);
	longer[2].request.low = 0x7f;
	assert_int_equal(iommu_domain_invalidate_user(nested, longer, sizeof(longer[0]), 3, &done),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(done, 2);
	assert_int_equal(iommu_domain_invalidate_user(nested, longer, 15, 1, &done), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_invalidate_user(nested, longer, 0, 0, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(nested);
	iommu_domain_free(parent);
	end();
}

/* What was not valid is known to nothing: a first attach says nothing to hardware. */
static void test_first_attach_says_nothing(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *rid, *one;

	(void)state;
	begin(EVERYTHING & ~RISCV_CAP_ATS);
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	f.told = 0;
	assert_int_equal(iommu_domain_attach_group(rid, f.devices[0].group), 0);
	assert_int_equal(f.told, 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[1].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_pasid(one, f.devices[1].group, 5, &handle), 0);
	(void)map(one, IOVA);
	assert_int_equal(f.told, 0);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[1].group, 5), 0);
	assert_int_not_equal(f.told, 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	end();
}

/* What a guest says of its table makes no sense. */
static void test_nested_nonsense(void **state)
{
	static const struct {
		struct iommu_riscv_first_stage table;
		int status;
	} cases[] = {
		{{.root = 11ULL << 60}, IOMMU_EOPNOTSUPP},
		{{.root = RISCV_FSC_RESERVED}, IOMMU_EINVAL},
		{{.process = 1U << 20}, IOMMU_EINVAL},
		{{.reserved = 1}, IOMMU_EINVAL},
		{{.control = RISCV_TC_VALID}, IOMMU_EOPNOTSUPP},
		{{.control = RISCV_TC_EN_ATS}, IOMMU_EOPNOTSUPP},
		{{.control = RISCV_TC_SXL}, IOMMU_EOPNOTSUPP},
		{{.control = RISCV_TC_DPE}, IOMMU_EINVAL},
		{{.root = 4ULL << 60, .control = RISCV_TC_PDTV}, IOMMU_EOPNOTSUPP},
		{{.root = 0}, 0},
		{{.root = 3ULL << 60, .control = RISCV_TC_PDTV | RISCV_TC_DPE}, 0},
	};
	const struct iommu_domain_config parent_config = {.nest_parent = true};
	struct iommu_domain *parent, *nested;
	unsigned int i;

	(void)state;
	begin(EVERYTHING);
	parent = make(IOMMU_DOMAIN_PAGING, &parent_config);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_domain_config config = {.parent = parent,
							   .user_data = &cases[i].table,
							   .user_size = sizeof(cases[i].table)};

		nested = NULL;
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_NESTED, &config, &nested),
				 cases[i].status);
		iommu_domain_free(nested);
	}
	iommu_domain_free(parent);
	end();
}

/* --- Devices' TLBs ---------------------------------------------------------------------------- */

static void test_device_tlb(void **state)
{
	struct iommu_domain *domain, *second;
	iommu_paddr_t paddr, seen = 0;

	(void)state;
	begin(EVERYTHING | RISCV_CAP_T2GPA);
	domain = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	paddr = map(domain, IOVA);
	assert_true(iommu_endpoint_uses_device_tlb(f.devices[0].endpoint));
	assert_false(ask(0, 0, IOVA));
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_true(ask(0, 0, IOVA));
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(seen, paddr);
	/* It forgets what is unmapped, and what it has of a domain that it leaves. */
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	paddr = map(domain, IOVA);
	assert_true(ask(0, 0, IOVA));
	/* For which it is asked once, and then may use its TLB at once. */
	f.devices[0].asked = 0;
	assert_int_equal(iommu_domain_attach_group(second, f.devices[0].group), 0);
	assert_int_equal(f.devices[0].asked, 1);
	assert_false(use_kept(0, 0, IOVA, &seen));
	/* With a second stage it is told guest addresses, which are translated once more. */
	paddr = map(second, IOVA);
	assert_true(ask(0, 0, IOVA));
	assert_true(f.devices[0].tlb[2].is_guest_address);
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(seen, paddr);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	iommu_domain_free(domain);
	iommu_domain_free(second);
	end();
}

static void test_silent_device(void **state)
{
	struct iommu_domain *domain, *beside;
	iommu_paddr_t paddr, seen;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_ANY);
	beside = paging(IOMMU_STAGE_ANY);
	(void)map(domain, IOVA);
	paddr = map(beside, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_domain_attach_group(beside, f.devices[1].group), 0);
	assert_true(ask(0, 0, IOVA));
	f.devices[0].silent = true;
	/* The unmap is confirmed all the same: nothing of the device passes any more. */
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_false(use_kept(0, 0, IOVA, &seen));
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	reaches(1, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_attach_group(beside, f.devices[0].group), IOMMU_EIO);
	/* Reset, its TLB is empty. */
	f.devices[0].silent = false;
	memset(f.devices[0].tlb, 0, sizeof(f.devices[0].tlb));
	assert_int_equal(iommu_endpoint_was_reset(f.devices[0].endpoint), 0);
	assert_int_equal(iommu_domain_attach_group(beside, f.devices[0].group), 0);
	reaches(0, 0, IOVA, paddr);
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	iommu_domain_free(domain);
	iommu_domain_free(beside);
	end();
}

/* While its unit comes on a device does not answer: that one is blocked, and all else works. */
static void test_silent_at_enable(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	struct iommu_domain *domain;
	iommu_paddr_t paddr, seen;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_ANY);
	paddr = map(domain, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[1].group), 0);
	assert_true(ask(0, 0, IOVA));
	assert_true(ask(1, 0, IOVA));
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	is_stopped(1, 0, IOVA, RISCV_FAULT_ALL_DISALLOWED);
	f.devices[0].asked = f.devices[1].asked = 0;
	f.devices[0].silent = true;
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_false(iommu_endpoint_is_lost(f.devices[1].endpoint));
	assert_int_equal(f.devices[1].asked, 1);
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_false(use_kept(0, 0, IOVA, &seen));
	/* What the other had kept it does not have any more; it may keep new things. */
	assert_false(use_kept(1, 0, IOVA, &seen));
	reaches(1, 0, IOVA, paddr);
	assert_true(ask(1, 0, IOVA));
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	is_stopped(1, 0, IOVA, RISCV_FAULT_ALL_DISALLOWED);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	reaches(1, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	iommu_domain_free(domain);
	end();
}

/*
 * A lost device that was reset leaves its domain, which hardware does not confirm: until it does,
 * no call returns 0, and nothing of what the device had is reached.
 */
static void test_reset_unconfirmed(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	struct iommu_domain *domain;
	iommu_paddr_t seen;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_ANY);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_true(ask(0, 0, IOVA));
	f.devices[0].silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	f.devices[0].silent = false;
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_not_equal(iommu_endpoint_was_reset(f.devices[0].endpoint), 0);
	assert_true(iommu_endpoint_is_lost(f.devices[0].endpoint));
	assert_int_not_equal(iommu_endpoint_was_reset(f.devices[0].endpoint), 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_endpoint_was_reset(f.devices[0].endpoint), 0);
	assert_false(use_kept(0, 0, IOVA, &seen));
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/*
 * The end of a reset fails where the PASIDs come back, and hardware does not confirm that the
 * device is blocked again: no call may return 0 as if it were.
 */
static void test_reset_end_fails(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};
	struct iommu_pasid_handle handles[3] = {0};
	struct iommu_domain *rid, *one, *second;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	iommu_paddr_t of_rid;

	(void)state;
	begin(EVERYTHING);
	endpoint = f.devices[0].endpoint;
	group = f.devices[0].group;
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	of_rid = map(rid, IOVA);
	(void)map(one, IOVA);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_group(rid, group), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, group, 5, &handles[0]), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, group, 1, &handles[2]), 0);
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), 0);
	/* That a second stage has no PASIDs here is seen when the device gets it. */
	assert_int_equal(iommu_domain_replace_pasid(second, group, 5, &handles[1]), 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_endpoint_reset_end(endpoint), IOMMU_ETIMEDOUT);
	assert_true(iommu_endpoint_is_in_reset(endpoint));
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_attach_group(one, group), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_attach_pasid(one, group, 6, &handles[0]), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_detach_pasid(group, 1), IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_endpoint_reset_end(endpoint), 0);
	assert_int_equal(iommu_endpoint_reset_end(endpoint), IOMMU_EOPNOTSUPP);
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_domain_detach_pasid(group, 5), 0);
	assert_int_equal(iommu_endpoint_reset_end(endpoint), 0);
	assert_false(iommu_endpoint_is_in_reset(endpoint));
	reaches(0, 0, IOVA, of_rid);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	iommu_domain_free(second);
	end();
}

/* A reset cannot begin, and the PASIDs that it took come back with the group's next domain. */
static void test_reset_begin_fails(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *rid, *one;
	iommu_paddr_t of_rid, of_one;
	struct iommu_group *group;

	(void)state;
	begin(EVERYTHING);
	group = f.devices[0].group;
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	of_rid = map(rid, IOVA);
	of_one = map(one, IOVA);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_group(rid, group), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, group, 5, &handle), 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_endpoint_reset_begin(f.devices[0].endpoint), IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_domain_attach_group(rid, group), 0);
	reaches(0, 0, IOVA, of_rid);
	reaches(0, 5, IOVA, of_one);
	assert_int_equal(iommu_domain_detach_pasid(group, 5), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	end();
}

/* Does this device reach memory, by what is cached of it or not? */
static bool is_open(uint32_t id)
{
	const struct iommu_model_riscv_request request = {
		.device_id = id, .address = IOVA, .access = IOMMU_PROT_READ};
	struct iommu_model_riscv_translation translation;

	return iommu_model_riscv_translate(f.model, &request, &translation) == 0;
}

/*
 * Two devices below a bridge send with its id, too. One is being reset when the other goes: what
 * neither uses any more is blocked before the release returns 0, whichever command is refused.
 */
static void test_release_beside_a_reset(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.bus = 0, .devfn = 0xf0, .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 5},
		{.bus = 5, .devfn = 0, .type = IOMMU_PCI_CONVENTIONAL},
		{.bus = 5, .devfn = 8, .type = IOMMU_PCI_CONVENTIONAL},
		{.bus = 5, .devfn = 0x10, .type = IOMMU_PCI_CONVENTIONAL},
	};
	static const struct iommu_pci_topology topology = {functions, 4};
	unsigned int refused, other, failures = 0;

	(void)state;
	for (other = 0x500; other <= 0x510; other += 0x10) {
		for (refused = 0; refused < 12; refused++) {
			const struct iommu_model_riscv_faults none = {0};
			const struct iommu_model_riscv_faults refuses = {.refuse_after = refused};
			struct iommu_endpoint_info info = {.source_id = 0x508};
			struct iommu_endpoint *leaves, *in_reset;
			struct iommu_domain *domain;
			struct iommu_group *group;
			int status;

			begin(EVERYTHING);
			assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
			assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &leaves), 0);
			info.source_id = (uint16_t)other;
			assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &in_reset), 0);
			group = iommu_endpoint_group(leaves);
			assert_ptr_equal(group, iommu_endpoint_group(in_reset));
			/* A fault of the id that is shared says so, and names one of its users. */
			assert_false(is_open(0x500));
			assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
			assert_int_equal(f.faults[0].source_id, 0x500);
			assert_ptr_equal(f.faults[0].endpoint, other == 0x500 ? in_reset : leaves);
			domain = paging(IOMMU_STAGE_ANY);
			(void)map(domain, IOVA);
			assert_int_equal(iommu_domain_attach_group(domain, group), 0);
			assert_true(is_open(0x500));
			assert_true(is_open(0x508));
			assert_int_equal(iommu_endpoint_reset_begin(in_reset), 0);
			assert_true(is_open(0x500)); /* the other's, too */
			iommu_model_riscv_misbehave(f.model, &refuses);
			status = iommu_release_endpoint(leaves);
			iommu_model_riscv_misbehave(f.model, &none);
			failures += status != 0;
			if (status != 0)
				assert_int_equal(iommu_release_endpoint(leaves), 0);
			else
				assert_false(is_open(0x500));
			assert_false(is_open(0x500));
			assert_false(is_open(0x508));
			assert_int_equal(iommu_endpoint_reset_end(in_reset), 0);
			assert_true(is_open(0x500));
			assert_int_equal(iommu_domain_detach_group(group), 0);
			assert_int_equal(iommu_release_endpoint(in_reset), 0);
			assert_int_equal(iommu_domain_free(domain), 0);
			end();
		}
	}
	assert_true(failures > 4);
}

/*
 * A device is to be blocked by a domain that blocks, while something of another is open. Whichever
 * command is refused: the device is blocked, or it has what it had.
 */
static void test_blocked_beside_what_is_open(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	unsigned int refused, failures = 0;

	(void)state;
	for (refused = 0; refused < 20; refused++) {
		const struct iommu_model_riscv_faults refuses = {.refuse_after = refused};
		struct iommu_pasid_handle handles[2] = {{0}, {0}};
		struct iommu_domain *domain, *others, *blocked;
		int status;

		begin(EVERYTHING);
		domain = paging(IOMMU_STAGE_FIRST);
		others = paging(IOMMU_STAGE_FIRST);
		blocked = make(IOMMU_DOMAIN_BLOCKED, NULL);
		(void)map(domain, IOVA);
		(void)map(others, IOVA);
		assert_int_equal(
			iommu_endpoint_enable_feature(f.devices[1].endpoint, IOMMU_FEATURE_PASID),
			0);
		assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
		assert_int_equal(iommu_domain_attach_group(others, f.devices[1].group), 0);
		assert_int_equal(
			iommu_domain_attach_pasid(others, f.devices[1].group, 5, &handles[0]), 0);
		assert_int_equal(
			iommu_domain_attach_pasid(others, f.devices[1].group, 1, &handles[1]), 0);
		assert_int_equal(
			iommu_endpoint_enable_feature(f.devices[1].endpoint, IOMMU_FEATURE_ATS), 0);
		assert_true(is_open(f.devices[0].id));
		iommu_model_riscv_misbehave(f.model, &hang);
		assert_int_equal(iommu_domain_detach_pasid(f.devices[1].group, 5), IOMMU_ETIMEDOUT);
		iommu_model_riscv_misbehave(f.model, &refuses);
		status = iommu_domain_attach_group(blocked, f.devices[0].group);
		iommu_model_riscv_misbehave(f.model, &none);
		failures += status != 0;
		assert_int_equal(is_open(f.devices[0].id), status != 0);
		assert_ptr_equal(iommu_endpoint_domain(f.devices[0].endpoint),
				 status != 0 ? domain : blocked);
		assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.devices[1].group, 1), 0);
		assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_domain_free(others), 0);
		assert_int_equal(iommu_domain_free(blocked), 0);
		end();
	}
	assert_true(failures > 1);
}

/* PASIDs go, and hardware does not confirm it: the end of the feature may only say so. */
static void feature_end_unconfirmed(uint64_t capabilities)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};
	struct iommu_pasid_handle handle = {0};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *one;

	begin(capabilities);
	endpoint = f.devices[0].endpoint;
	one = paging(IOMMU_STAGE_FIRST);
	(void)map(one, IOVA);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, f.devices[0].group, 5, &handle), 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_not_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
	assert_int_not_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_not_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	is_stopped(0, 5, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	iommu_domain_free(one);
	end();
}

static void test_feature_end_unconfirmed(void **state)
{
	(void)state;
	feature_end_unconfirmed(EVERYTHING);
	feature_end_unconfirmed(EVERYTHING & ~RISCV_CAP_ATS);
}

/* What a device has of PASIDs goes with them. */
static void test_device_tlb_of_pasids(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *domain, *identity;
	iommu_paddr_t seen;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_FIRST);
	identity = make(IOMMU_DOMAIN_IDENTITY, NULL);
	assert_int_equal(iommu_domain_attach_group(identity, f.devices[0].group), 0);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.devices[0].group, 9, &handle), 0);
	assert_true(ask(0, 9, IOVA));
	assert_true(use_kept(0, 9, IOVA, &seen));
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_false(use_kept(0, 9, IOVA, &seen));
	(void)map(domain, IOVA);
	assert_true(ask(0, 9, IOVA));
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 9), 0);
	assert_false(use_kept(0, 9, IOVA, &seen));
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(identity);
	iommu_domain_free(domain);
	end();
}

/*
 * Process 0 is that of requests without a PASID, and a device may tag with PASID 0 what it keeps:
 * that goes with the rest, in any way that the rest does.
 */
static void test_device_tlb_of_pasid_0(void **state)
{
	struct iommu_domain *domain, *other;
	unsigned int way;

	(void)state;
	for (way = 0; way < 5; way++) {
		begin(EVERYTHING);
		domain = paging(IOMMU_STAGE_FIRST);
		other = paging(IOMMU_STAGE_FIRST);
		(void)map(domain, IOVA);
		assert_int_equal(
			iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			0);
		assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
		assert_true(ask(0, WITH_0, IOVA));
		assert_true(keeps(0, WITH_0));
		switch (way) {
		case 0:
			assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
			break;
		case 1:
			assert_int_equal(iommu_domain_attach_group(other, f.devices[0].group), 0);
			break;
		case 2:
			assert_int_equal(iommu_unit_disable(f.unit), 0);
			assert_int_equal(iommu_unit_enable(f.unit), 0);
			break;
		case 3:
			assert_int_equal(iommu_endpoint_disable_feature(f.devices[0].endpoint,
									IOMMU_FEATURE_PASID),
					 0);
			break;
		default:
			assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
			assert_int_equal(iommu_endpoint_disable_feature(f.devices[0].endpoint,
									IOMMU_FEATURE_PASID),
					 0);
			break;
		}
		assert_false(keeps(0, WITH_0));
		assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		iommu_domain_free(domain);
		iommu_domain_free(other);
		end();
	}
}

/* ATS that is enabled while it is used begins with what the device keeps: that has to go, too. */
static void test_device_tlb_on_late(void **state)
{
	const struct iommu_model_riscv_faults gone = {.gone = true}, none = {0};
	struct iommu_domain *domain, *other;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_true(ask(0, 0, IOVA));
	iommu_model_riscv_misbehave(f.model, &gone);
	assert_int_not_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_ATS),
			 0);
	assert_int_equal(iommu_domain_attach_group(other, f.devices[0].group), 0);
	assert_false(keeps(0, 0));
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	iommu_domain_free(other);
	end();
}

/* The host switches ATS off in a device: it is asked nothing, and believed nothing. */
static void test_device_tlb_off(void **state)
{
	const struct iommu_model_riscv_faults gone = {.gone = true}, none = {0};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	iommu_paddr_t seen;

	(void)state;
	begin(EVERYTHING);
	endpoint = f.devices[0].endpoint;
	domain = paging(IOMMU_STAGE_FIRST);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_true(ask(0, 0, IOVA));
	assert_true(use_kept(0, 0, IOVA, &seen));
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_false(ask(0, 0, IOVA));
	assert_false(use_kept(0, 0, IOVA, &seen));
	f.devices[0].silent = true;
	f.devices[0].asked = 0;
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(f.devices[0].asked, 0);
	assert_false(iommu_endpoint_is_lost(endpoint));
	/* On again, which hardware does not confirm: it stays off. */
	iommu_model_riscv_misbehave(f.model, &gone);
	assert_int_not_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	iommu_model_riscv_misbehave(f.model, &none);
	(void)map(domain, IOVA);
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(f.devices[0].asked, 0);
	/* On again, and empty. */
	f.devices[0].silent = false;
	memset(f.devices[0].tlb, 0, sizeof(f.devices[0].tlb));
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	(void)map(domain, IOVA);
	assert_true(ask(0, 0, IOVA));
	assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
	assert_false(keeps(0, 0));
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* After a time without power over its TLB a device is told to forget each PASID that it had. */
static void test_device_tlb_unknown(void **state)
{
	static const uint32_t pasids[] = {1, 9, 255, 256, 0x1ff00};
	unsigned int global, i;

	(void)state;
	for (global = 0; global < 2; global++) {
		const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
		const struct iommu_riscv_config config = {.registers = BASE};
		struct iommu_pasid_handle handles[5];
		struct iommu_endpoint_info info;
		struct iommu_domain *rid, *one;
		iommu_paddr_t seen;

		memset(handles, 0, sizeof(handles));
		machine(&model);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
		f.devices[0].id = 8;
		info = info_of(0);
		info.tlb_global_invalidate = global != 0;
		assert_int_equal(add_device(0, &info), 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		rid = paging(IOMMU_STAGE_ANY);
		one = paging(IOMMU_STAGE_FIRST);
		(void)map(rid, IOVA);
		(void)map(one, IOVA);
		assert_int_equal(
			iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			0);
		assert_int_equal(iommu_domain_attach_group(rid, f.devices[0].group), 0);
		for (i = 0; i < 5; i++)
			assert_int_equal(iommu_domain_attach_pasid(one, f.devices[0].group,
								   pasids[i], &handles[i]),
					 0);
		/* What was blocked since may be kept as well. */
		assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 9), 0);
		assert_int_equal(iommu_unit_disable(f.unit), 0);
		f.tlb_told_count = 0;
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_int_equal(f.tlb_told_count, global != 0 ? 3 : 7);
		for (i = 0; i < f.tlb_told_count; i++) {
			const struct iommu_model_riscv_invalidation *what = &f.tlb_told[i];

			assert_int_equal(what->device_id, 8);
			assert_int_equal(what->size, 0);
			assert_int_equal(what->has_process, i != 0);
			assert_int_equal(what->all_processes, i > 1 && global != 0);
			if (i == 1)
				assert_int_equal(what->process_id, 0);
			if (i > 1 && global == 0)
				assert_int_equal(what->process_id, pasids[i - 2]);
		}
		/* Then it may keep what it is told. */
		assert_true(ask(0, 0, IOVA));
		assert_true(ask(0, 0x1ff00, IOVA));
		assert_true(use_kept(0, 0x1ff00, IOVA, &seen));
		for (i = 0; i < 5; i++)
			if (pasids[i] != 9)
				assert_int_equal(
					iommu_domain_detach_pasid(f.devices[0].group, pasids[i]),
					0);
		assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		iommu_domain_free(rid);
		iommu_domain_free(one);
		end();
	}
}

/* --- Page requests ---------------------------------------------------------------------------- */

static void note_requests(void *ctx, struct iommu_endpoint *endpoint,
			  const struct iommu_page_request *requests, unsigned int count)
{
	const struct iommu_page_response response = {
		.group = requests[count - 1].group,
		.has_pasid = requests[count - 1].has_pasid,
		.pasid = requests[count - 1].pasid,
		.code = f.response,
	};

	(void)ctx;
	f.groups++;
	f.request = requests[count - 1];
	if (f.answers_later)
		return;
	assert_int_equal(iommu_page_respond(endpoint, &response), 0);
}

static void test_page_requests(void **state)
{
	struct iommu_model_riscv_page_message request = {
		.device_id = 8,
		.has_process = true,
		.process_id = 3,
		.address = IOVA,
		.access = RW,
		.group = 17,
		.is_last = true,
	};
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *domain;
	bool lost = false;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.devices[0].group, 3, &handle), 0);
	assert_int_equal(
		iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_PAGE_REQUESTS, 0x28000000, 0x33), 0);
	/* Not enabled: the unit answers. */
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), IOMMU_EFAULT);
	assert_int_equal(f.devices[0].answers, 1);
	iommu_endpoint_set_request_handler(f.devices[0].endpoint, note_requests, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_ATS),
			 0);
	assert_int_equal(
		iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
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
	assert_true(f.devices[0].answer.has_process);
	assert_int_equal(f.devices[0].answer.process_id, 3);
	/* For execution: no domain serves it. */
	request.execute = true;
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.groups, 1);
	assert_int_equal(f.devices[0].answers, 3);
	assert_int_equal(f.devices[0].answer.code, 1);
	/* A stop marker is not answered; without a PASID it is none, and a broken request. */
	request.execute = false;
	request.access = 0;
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.devices[0].answers, 3);
	request.has_process = false;
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.groups, 1);
	assert_int_equal(f.devices[0].answers, 4);
	assert_int_equal(f.devices[0].answer.code, 15);
	assert_int_equal(
		iommu_endpoint_disable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), IOMMU_EFAULT);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 3), 0);
	iommu_domain_free(domain);
	end();
}

/*
 * A unit has reset itself, and its registers hold anything: what was reported, and answered, is not
 * reported again, in no look, however often. With the unit off and on again all goes on.
 */
static void test_page_requests_after_a_reset(void **state)
{
	struct iommu_model_riscv_page_message request = {
		.device_id = 8, .address = IOVA, .access = RW, .is_last = true};
	const struct iommu_model_riscv_config wild = {.capabilities = EVERYTHING,
						      .strict = IOMMU_MODEL_RISCV_WILD_RESET};
	const struct iommu_riscv_config config = {.registers = BASE, .timeout_ns = 1000000000};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	begin_with(&wild, &config);
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	iommu_endpoint_set_request_handler(f.devices[0].endpoint, note_requests, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_ATS),
			 0);
	assert_int_equal(
		iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	for (i = 0; i < 40; i++) {
		request.group = (uint16_t)i;
		assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
		assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 1);
		is_stopped(1, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	}
	assert_int_equal(f.groups, 40);
	assert_int_equal(f.fault_count, 40);
	for (i = 0; i < 20; i++) {
		iommu_model_riscv_reset(f.model);
		(void)iommu_unmap(domain, IOVA, PAGE, 0, NULL); /* the command queue starts again */
		assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 0);
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	}
	assert_int_equal(f.groups, 40);
	assert_int_equal(f.fault_count, 40);
	assert_int_equal(f.devices[0].answers, 40);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 0);
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 1);
	is_stopped(1, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_int_equal(f.groups, 41);
	assert_int_equal(f.fault_count, 41);
	/* In the middle of a look, too. */
	for (i = 0; i < 4; i++) {
		f.resets_at = (i & 1) == 0 ? RISCV_PQCSR : RISCV_PQT;
		assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 0);
		f.resets_at = (i & 1) == 0 ? RISCV_FQCSR : RISCV_FQT;
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
		f.resets_at = 0;
		assert_int_equal(iommu_unit_disable(f.unit), 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
		assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 1);
		is_stopped(1, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	}
	assert_int_equal(
		iommu_endpoint_disable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* The queue overflows; what fits is reported, and it goes on. */
static void test_page_requests_overflow(void **state)
{
	struct iommu_model_riscv_page_message request = {
		.device_id = 8, .address = IOVA, .access = RW, .is_last = true};
	struct iommu_domain *domain;
	bool lost = false;
	unsigned int i;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	iommu_endpoint_set_request_handler(f.devices[0].endpoint, note_requests, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_ATS),
			 0);
	assert_int_equal(
		iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	for (i = 0; i < 600; i++) {
		request.group = (uint16_t)(i % 512);
		(void)iommu_model_riscv_page_request(f.model, &request);
	}
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 511);
	assert_true(lost);
	assert_int_equal(f.devices[0].answers, 600);
	lost = false;
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_false(lost);
	assert_int_equal(
		iommu_endpoint_disable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* --- Faults and messages ---------------------------------------------------------------------- */

static void test_faults(void **state)
{
	struct iommu_model_riscv_faults gone = {.gone = true}, none = {0};
	struct iommu_domain *domain;
	bool lost = false;
	unsigned int i;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_ANY);
	assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_FAULTS, 0x28001000, 0x22),
			 0);
	is_stopped(1, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(f.messages, 1);
	assert_int_equal(f.message_address, 0x28001000);
	assert_int_equal(f.message_data, 0x22);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.fault_count, 1);
	assert_int_equal(f.faults[0].source_id, 16);
	assert_int_equal(f.faults[0].reason, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(f.faults[0].address, IOVA);
	assert_int_equal(f.faults[0].access, IOMMU_FAULT_WRITE);
	assert_string_equal(f.faults[0].reason_name, "device context not valid");
	/* Each fault is told of again. */
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[1].group), 0);
	is_stopped(1, 0, IOVA + 4, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(f.messages, 2);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.faults[1].reason, RISCV_FAULT_WRITE_PAGE);
	assert_false(lost);
	/* More than the queue holds: what is lost is said, and it goes on. */
	f.fault_count = 0;
	for (i = 0; i < 400; i++)
		is_stopped(1, 0, IOVA, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 255);
	assert_true(lost);
	f.fault_count = 0;
	lost = false;
	is_stopped(1, 0, IOVA, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_false(lost);
	/* Masked, nothing is told; what is there is reported all the same. */
	f.messages = 0;
	assert_int_equal(iommu_riscv_mask_interrupt(f.unit, IOMMU_RISCV_FAULTS), 0);
	assert_int_equal(
		iommu_model_riscv_mmio_read(f.model, riscv_msi_entry(1) + RISCV_MSI_CONTROL, 4) &
			RISCV_MSI_MASKED,
		RISCV_MSI_MASKED);
	is_stopped(1, 0, IOVA, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(f.messages, 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	iommu_model_riscv_misbehave(f.model, &gone);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), IOMMU_EIO);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	iommu_domain_free(domain);
	end();
}

/* Messages to a guest: to a file of the hardware, and to one in memory. */
static void test_interrupt_files(void **state)
{
	const iommu_iova_t guest_file = 0x28000000ULL;
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_request request;
	struct iommu_domain *domain, *first;
	iommu_paddr_t memory;
	uint64_t *file;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_SECOND);
	first = paging(IOMMU_STAGE_FIRST);
	file = f.test.platform.alloc_pages(f.test.platform.ctx, 0, IOMMU_NODE_ANY, 0);
	memory = iommu_virt_to_phys(&f.test.platform, file);
	assert_int_equal(iommu_riscv_set_files(first, 3, guest_file >> 12), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_set_files(domain, 1ULL << 51, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_set_files(domain, 0x1fff, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_map_file(domain, 0, FARAWAY), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_set_files(domain, 3, guest_file >> 12), 0);
	assert_int_equal(iommu_riscv_set_files(domain, 3, guest_file >> 12), IOMMU_EEXIST);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	request = request_of(0, 0, guest_file + 0x2000);
	request.access = IOMMU_PROT_WRITE;
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), IOMMU_EFAULT);
	assert_int_equal(message.where.cause, RISCV_FAULT_MSI_NOT_VALID);
	assert_int_equal(iommu_riscv_map_file(domain, 4, FARAWAY), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_map_file(domain, 2, FARAWAY + 1), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_map_file(domain, 2, FARAWAY), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), 0);
	assert_true(message.is_due);
	assert_int_equal(message.address, FARAWAY);
	/* It moves into memory: the identity is noted there, and a notice is sent. */
	assert_int_equal(iommu_riscv_map_file_in_memory(domain, 2, memory + 16, FARAWAY + PAGE, 9),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_map_file_in_memory(domain, 2, memory, FARAWAY + PAGE, 2048),
			 IOMMU_EINVAL);
	file[1] = iommu_le64(1ULL << 7); /* the identity is enabled */
	assert_int_equal(iommu_riscv_map_file_in_memory(domain, 2, memory, FARAWAY + PAGE, 9), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), 0);
	assert_int_equal(iommu_le64(file[0]), 1ULL << 7);
	assert_true(message.is_due);
	assert_int_equal(message.address, FARAWAY + PAGE);
	assert_int_equal(message.data, 9);
	assert_int_equal(iommu_riscv_unmap_file(domain, 2), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), IOMMU_EFAULT);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	iommu_domain_free(first);
	f.test.platform.free_pages(f.test.platform.ctx, file, 0);
	end();
}

/* As many files as a table of several pages has, each with its own entry. */
static void test_many_interrupt_files(void **state)
{
	const iommu_iova_t guest_file = 0x28000000ULL;
	static const uint64_t files[] = {0, 1, 255, 256, 511, 512, 1023};
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_request request;
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_SECOND);
	/* 1024 files, of which the upper half of addresses begins 16 MiB further. */
	assert_int_equal(iommu_riscv_set_files(domain, 0x11ff, guest_file >> 12), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_riscv_set_files(domain, 1, guest_file >> 12), IOMMU_EEXIST);
	assert_int_equal(iommu_riscv_map_file(domain, 1024, FARAWAY), IOMMU_EINVAL);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(iommu_riscv_map_file(domain, files[i], FARAWAY + PAGE * i), 0);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		request = request_of(
			0, 0, guest_file + ((files[i] & 0x1ff) << 12) + ((files[i] >> 9) << 24));
		request.access = IOMMU_PROT_WRITE;
		assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), 0);
		assert_int_equal(message.address, FARAWAY + PAGE * i);
		/* It moves, and is gone. */
		assert_int_equal(iommu_riscv_map_file(domain, files[i], FARAWAY + 64 * PAGE), 0);
		assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), 0);
		assert_int_equal(message.address, FARAWAY + 64 * PAGE);
		assert_int_equal(iommu_riscv_unmap_file(domain, files[i]), 0);
		assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message),
				 IOMMU_EFAULT);
	}
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	domain = paging(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_riscv_set_files(domain, 3, guest_file >> 12), IOMMU_EBUSY);
	assert_int_equal(iommu_riscv_unmap_file(domain, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_int_equal(iommu_riscv_set_files(domain, 0, guest_file >> 12), 0);
	assert_int_equal(iommu_riscv_map_file(domain, 1, FARAWAY), IOMMU_EINVAL);
	assert_int_equal(iommu_riscv_map_file(domain, 0, FARAWAY), 0);
	iommu_domain_free(domain);
	end();
}

/* An entry that was changed, which hardware did not confirm: no later change hides that. */
static void test_files_unconfirmed(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};
	const iommu_iova_t guest_file = 0x28000000ULL;
	struct iommu_model_riscv_request request;
	struct iommu_model_riscv_message message;
	struct iommu_domain *domain;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_riscv_set_files(domain, 3, guest_file >> 12), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	request = request_of(0, 0, guest_file + 0x2000);
	request.access = IOMMU_PROT_WRITE;
	assert_int_equal(iommu_riscv_map_file(domain, 2, FARAWAY), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_not_equal(iommu_riscv_unmap_file(domain, 2), 0);
	assert_int_not_equal(iommu_riscv_map_file(domain, 2, FARAWAY + PAGE), 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_riscv_map_file(domain, 2, FARAWAY + PAGE), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 7, &message), 0);
	assert_int_equal(message.address, FARAWAY + PAGE);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* --- Guests through the address spaces of a manager ------------------------------------------- */

#define GUEST_ORDER 4 /* of its memory */
#define GUEST_SIZE  (PAGE << GUEST_ORDER)
#define GUEST_RAM   0x80000000ULL /* where the guest has it */
#define GUEST_FILES 0x28000000ULL

/* A guest: its memory, and the manager's objects. */
static struct {
	unsigned char *memory;
	iommu_paddr_t paddr;
	unsigned int pinned; /* pages */
	struct iommu_file *file;
	uint32_t ioas, device, parent;
} guest;

static int pin_guest(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
		     struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)ctx;
	(void)prot;
	assert_true(room != 0 && address + size <= GUEST_SIZE);
	pieces[0] = (struct iommu_map_piece){guest.paddr + address, size};
	*count = 1;
	guest.pinned += (unsigned int)(size / PAGE);
	return 0;
}

static void unpin_guest(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
			unsigned int count, unsigned int prot)
{
	unsigned int i;

	(void)ctx;
	(void)address;
	(void)prot;
	for (i = 0; i < count; i++)
		guest.pinned -= (unsigned int)(pieces[i].size / PAGE);
}

/* A file with the guest's memory at its place, the first device, and an HWPT for it. */
static void begin_guest_on(uint64_t capabilities, unsigned int flags)
{
	static const struct iommu_backing_ops ops = {.pin = pin_guest, .unpin = unpin_guest};
	const struct iommu_backing ram = {.ops = &ops};
	const struct iommu_hwpt_config config = {.flags = flags};
	struct iommu_platform *platform = &f.test.platform;
	iommu_iova_t at = GUEST_RAM;

	begin(capabilities);
	memset(&guest, 0, sizeof(guest));
	guest.memory = platform->alloc_pages(platform->ctx, GUEST_ORDER, IOMMU_NODE_ANY, 0);
	assert_non_null(guest.memory);
	guest.paddr = iommu_virt_to_phys(platform, guest.memory);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &guest.file), 0);
	assert_int_equal(iommu_ioas_alloc(guest.file, 0, &guest.ioas), 0);
	assert_int_equal(iommu_ioas_map(guest.file, guest.ioas, &ram, GUEST_SIZE,
					IOMMU_IOAS_READ | IOMMU_IOAS_WRITE | IOMMU_IOAS_FIXED, &at),
			 0);
	assert_int_equal(iommu_device_bind(guest.file, f.devices[0].endpoint, &guest.device), 0);
	is_stopped(0, 0, GUEST_RAM, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(
		iommu_hwpt_alloc(guest.file, guest.device, guest.ioas, &config, &guest.parent), 0);
	assert_int_equal(guest.pinned, GUEST_SIZE / PAGE);
}

static void begin_guest(unsigned int flags)
{
	begin_guest_on(EVERYTHING, flags);
}

static void end_guest(void)
{
	assert_int_equal(iommu_file_destroy(guest.file), 0);
	assert_int_equal(guest.pinned, 0);
	is_stopped(0, 0, GUEST_RAM, RISCV_FAULT_DEVICE_NOT_VALID);
	f.test.platform.free_pages(f.test.platform.ctx, guest.memory, GUEST_ORDER);
	end();
}

static int set_guest_files(void *ctx, struct iommu_domain *domain)
{
	const uint64_t *mask = ctx;

	return iommu_riscv_set_files(domain, *mask, GUEST_FILES >> 12);
}

static int map_guest_file(void *ctx, struct iommu_domain *domain)
{
	const iommu_paddr_t *page = ctx;

	return iommu_riscv_map_file(domain, 1, *page);
}

/* A function of the back end, for an HWPT: what it returns, or why it was not called. */
static void test_call_for_a_guest(void **state)
{
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_request request;
	iommu_paddr_t page = FARAWAY;
	uint64_t mask = 3, far = 1ULL << 51;

	(void)state;
	begin_guest(IOMMU_HWPT_NEST_PARENT);
	assert_int_equal(iommu_hwpt_call(guest.file, 77, set_guest_files, &mask), IOMMU_ENOENT);
	assert_int_equal(iommu_hwpt_call(guest.file, guest.ioas, set_guest_files, &mask),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_call(guest.file, guest.device, set_guest_files, &mask),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_call(guest.file, guest.parent, set_guest_files, &far),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_call(guest.file, guest.parent, set_guest_files, &mask), 0);
	assert_int_equal(iommu_hwpt_call(guest.file, guest.parent, set_guest_files, &mask),
			 IOMMU_EEXIST);
	assert_int_equal(
		iommu_device_attach(guest.file, guest.device, IOMMU_NO_PASID, guest.parent, NULL),
		0);
	reaches(0, 0, GUEST_RAM + 0x3004, guest.paddr + 0x3004);
	/* The guest's second file: nowhere, on a processor, on another one. */
	request = request_of(0, 0, GUEST_FILES + PAGE);
	request.access = IOMMU_PROT_WRITE;
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 5, &message), IOMMU_EFAULT);
	assert_int_equal(iommu_hwpt_call(guest.file, guest.parent, map_guest_file, &page), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 5, &message), 0);
	assert_int_equal(message.address, FARAWAY);
	page = FARAWAY + PAGE;
	assert_int_equal(iommu_hwpt_call(guest.file, guest.parent, map_guest_file, &page), 0);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 5, &message), 0);
	assert_int_equal(message.address, FARAWAY + PAGE);
	/* Memory goes while the device goes on. */
	assert_int_equal(iommu_ioas_unmap(guest.file, guest.ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(guest.pinned, 0);
	is_stopped(0, 0, GUEST_RAM + 0x3004, RISCV_FAULT_WRITE_GUEST_PAGE);
	assert_int_equal(iommu_model_riscv_interrupt(f.model, &request, 5, &message), 0);
	end_guest();
}

/*
 * The guest's own table, or directory of its processes, on its memory: pages of GUEST_RAM appear
 * at 0. `at` pages into it stand the tables, of three levels, with a leaf of a page.
 */
static void write_guest_table(unsigned int at, uint64_t gpa)
{
	uint64_t *root = (uint64_t *)(void *)(guest.memory + at * PAGE);

	root[0] = iommu_le64(riscv_pte_table(GUEST_RAM + (at + 1) * PAGE));
	root[512] = iommu_le64(riscv_pte_table(GUEST_RAM + (at + 2) * PAGE));
	root[1024] =
		iommu_le64(riscv_pte_leaf(gpa, RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_USER |
						       RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY));
}

static int invalidate_for_guest(uint32_t nested, struct riscv_command command)
{
	const struct iommu_riscv_invalidation request = {command.low, command.high};
	unsigned int done = 0;
	const int status =
		iommu_hwpt_invalidate(guest.file, nested, &request, sizeof(request), 1, &done);

	assert_int_equal(done, status == 0);
	return status;
}

static void test_table_of_a_guest(void **state)
{
	const struct iommu_riscv_first_stage table = {
		.root = riscv_iosatp(RISCV_IOSATP_SV39, GUEST_RAM), .process = 9};
	struct iommu_hwpt_config config = {
		.user_data = &table, .user_size = sizeof(table), .user_type = IOMMU_HARDWARE_VTD};
	struct iommu_hwpt_info info;
	struct riscv_command command;
	uint32_t nested = 0;
	uint64_t mask = 0;

	(void)state;
	begin_guest(IOMMU_HWPT_NEST_PARENT);
	write_guest_table(0, GUEST_RAM + 5 * PAGE);
	assert_int_equal(iommu_hwpt_alloc(guest.file, guest.device, guest.parent, &config, &nested),
			 IOMMU_EOPNOTSUPP);
	config.user_type = IOMMU_HARDWARE_RISCV;
	config.user_size = sizeof(table) - 1;
	assert_int_equal(iommu_hwpt_alloc(guest.file, guest.device, guest.parent, &config, &nested),
			 IOMMU_EINVAL);
	config.user_size = sizeof(table);
	assert_int_equal(iommu_hwpt_alloc(guest.file, guest.device, guest.parent, &config, &nested),
			 0);
	assert_int_equal(iommu_hwpt_get_info(guest.file, nested, &info), 0);
	assert_int_equal(info.ioas, guest.ioas);
	assert_int_equal(iommu_hwpt_call(guest.file, nested, set_guest_files, &mask), IOMMU_EINVAL);
	assert_int_equal(
		iommu_device_attach(guest.file, guest.device, IOMMU_NO_PASID, nested, NULL), 0);
	reaches(0, 0, 8, guest.paddr + 5 * PAGE + 8);
	/* Kept by hardware until the guest says so, in its own words. */
	write_guest_table(0, GUEST_RAM + 6 * PAGE);
	reaches(0, 0, 8, guest.paddr + 5 * PAGE + 8);
	command = riscv_command_at(riscv_command_of_process(riscv_command_vma(), 9), 0);
	assert_int_equal(invalidate_for_guest(nested, command), 0);
	reaches(0, 0, 8, guest.paddr + 6 * PAGE + 8);
	assert_int_equal(invalidate_for_guest(nested, riscv_command_gvma()), IOMMU_EOPNOTSUPP);
	assert_int_equal(invalidate_for_guest(guest.parent, command), IOMMU_EINVAL);
	/* Outside its memory. */
	write_guest_table(0, GUEST_RAM + GUEST_SIZE);
	assert_int_equal(invalidate_for_guest(nested, command), 0);
	is_stopped(0, 0, 8, RISCV_FAULT_WRITE_GUEST_PAGE);
	/* In use from above and from below. */
	assert_int_equal(iommu_object_destroy(guest.file, nested), IOMMU_EBUSY);
	assert_int_equal(iommu_object_destroy(guest.file, guest.parent), IOMMU_EBUSY);
	assert_int_equal(
		iommu_device_replace(guest.file, guest.device, IOMMU_NO_PASID, guest.parent, NULL),
		0);
	reaches(0, 0, GUEST_RAM + 8, guest.paddr + 8);
	assert_int_equal(iommu_object_destroy(guest.file, nested), 0);
	end_guest();
}

/* A directory of the guest's: its processes have tables of their own, and PASIDs of the guest's. */
static void processes_of_a_guest(uint64_t capabilities)
{
	const struct iommu_riscv_first_stage directory = {
		.root = riscv_pdtp(RISCV_PDTP_PD8, GUEST_RAM),
		.control = RISCV_TC_PDTV | RISCV_TC_DPE};
	const struct iommu_hwpt_config config = {.user_data = &directory,
						 .user_size = sizeof(directory)};
	uint32_t nested = 0, unit = 0, number = 0, found = 0;
	struct iommu_riscv_invalidation request;
	struct riscv_command command;
	unsigned int done = 0;
	uint64_t *contexts;

	begin_guest_on(capabilities, IOMMU_HWPT_NEST_PARENT);
	contexts = (uint64_t *)(void *)guest.memory;
	contexts[0] = iommu_le64(riscv_process_ta(1, 0));
	contexts[1] = iommu_le64(riscv_iosatp(RISCV_IOSATP_SV39, GUEST_RAM + 4 * PAGE));
	contexts[10] = iommu_le64(riscv_process_ta(2, 0));
	contexts[11] = iommu_le64(riscv_iosatp(RISCV_IOSATP_SV39, GUEST_RAM + 8 * PAGE));
	write_guest_table(4, GUEST_RAM + 12 * PAGE);
	write_guest_table(8, GUEST_RAM + 13 * PAGE);
	assert_int_equal(iommu_virtual_unit_alloc(guest.file, guest.device, guest.parent, &unit),
			 0);
	assert_int_equal(iommu_virtual_device_alloc(guest.file, unit, guest.device, 0x18, &number),
			 0);
	assert_int_equal(iommu_virtual_unit_find(guest.file, unit, 0x18, &found), 0);
	assert_int_equal(found, guest.device);
	assert_int_equal(iommu_hwpt_alloc(guest.file, guest.device, unit, &config, &nested), 0);
	assert_int_equal(
		iommu_device_attach(guest.file, guest.device, IOMMU_NO_PASID, nested, NULL), 0);
	reaches(0, 0, 0x10, guest.paddr + 12 * PAGE + 0x10);
	reaches(0, 5, 0x10, guest.paddr + 13 * PAGE + 0x10);
	is_stopped(0, 6, 0x10, RISCV_FAULT_PROCESS_NOT_VALID);
	/* A process ends, and its command names the device as the guest does. */
	contexts[10] = 0;
	reaches(0, 5, 0x10, guest.paddr + 13 * PAGE + 0x10);
	command = riscv_command_inval_process(0x18, 5);
	request = (struct iommu_riscv_invalidation){command.low, command.high};
	assert_int_equal(iommu_virtual_unit_invalidate(guest.file, unit, &request, sizeof(request),
						       1, &done),
			 0);
	assert_int_equal(done, 1);
	is_stopped(0, 5, 0x10, RISCV_FAULT_PROCESS_NOT_VALID);
	reaches(0, 0, 0x10, guest.paddr + 12 * PAGE + 0x10);
	/* The device cannot be told to forget all PASIDs, and keeps nothing. */
	assert_false(ask(0, 0, 0x10));
	end_guest();
}

static void test_processes_of_a_guest(void **state)
{
	(void)state;
	processes_of_a_guest(EVERYTHING);
	processes_of_a_guest(EVERYTHING & ~RISCV_CAP_ATS);
}

/*
 * A device that keeps translations of a guest's PASIDs, of which the host knows none: they go when
 * the host unmaps, when the guest says so, and when the device leaves the guest.
 */
static void test_pasids_of_a_guest_kept(void **state)
{
	const struct iommu_riscv_first_stage directory = {
		.root = riscv_pdtp(RISCV_PDTP_PD8, GUEST_RAM),
		.control = RISCV_TC_PDTV | RISCV_TC_DPE};
	const struct iommu_hwpt_config config = {.user_data = &directory,
						 .user_size = sizeof(directory)};
	const struct riscv_command process = riscv_command_inval_process(0x18, 5);
	struct iommu_endpoint_info info = {0};
	iommu_paddr_t seen = 0;
	uint32_t nested = 0;
	uint64_t *contexts;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		begin_guest(IOMMU_HWPT_NEST_PARENT);
		assert_int_equal(iommu_device_unbind(guest.file, guest.device), 0);
		assert_int_equal(iommu_release_endpoint(f.devices[0].endpoint), 0);
		info = info_of(0);
		info.tlb_global_invalidate = true;
		assert_int_equal(add_device(0, &info), 0);
		assert_int_equal(
			iommu_device_bind(guest.file, f.devices[0].endpoint, &guest.device), 0);
		contexts = (uint64_t *)(void *)guest.memory;
		contexts[10] = iommu_le64(riscv_process_ta(2, 0));
		contexts[11] = iommu_le64(riscv_iosatp(RISCV_IOSATP_SV39, GUEST_RAM + 8 * PAGE));
		write_guest_table(8, GUEST_RAM + 13 * PAGE);
		assert_int_equal(
			iommu_hwpt_alloc(guest.file, guest.device, guest.parent, &config, &nested),
			0);
		assert_int_equal(
			iommu_device_attach(guest.file, guest.device, IOMMU_NO_PASID, nested, NULL),
			0);
		assert_true(ask(0, 5, 0x10));
		assert_true(use_kept(0, 5, 0x10, &seen));
		assert_int_equal(seen, guest.paddr + 13 * PAGE + 0x10);
		switch (i) {
		case 0:
			assert_int_equal(
				iommu_ioas_unmap(guest.file, guest.ioas, 0, UINT64_MAX, NULL), 0);
			break;
		case 1:
			contexts[10] = 0;
			assert_int_equal(invalidate_for_guest(nested, process), 0);
			break;
		case 2:
			assert_int_equal(iommu_device_replace(guest.file, guest.device,
							      IOMMU_NO_PASID, guest.parent, NULL),
					 0);
			break;
		default:
			assert_int_equal(iommu_unit_disable(f.unit), 0);
			assert_int_equal(iommu_unit_enable(f.unit), 0);
			break;
		}
		assert_false(keeps(0, 5));
		end_guest();
	}
}

/* What a guest's device has written, page by page. */
static void test_dirty_pages_of_a_guest(void **state)
{
	uint64_t words[1] = {0};
	struct iommu_dirty_bitmap dirty = {words, GUEST_RAM, 64, 12};

	(void)state;
	begin_guest(IOMMU_HWPT_DIRTY);
	assert_int_equal(
		iommu_device_attach(guest.file, guest.device, IOMMU_NO_PASID, guest.parent, NULL),
		0);
	assert_int_equal(iommu_hwpt_set_dirty(guest.file, guest.parent, true), 0);
	assert_int_equal(iommu_hwpt_split(guest.file, guest.parent, GUEST_RAM, GUEST_SIZE, PAGE),
			 0);
	reaches(0, 0, GUEST_RAM + 3 * PAGE, guest.paddr + 3 * PAGE);
	reaches(0, 0, GUEST_RAM + 9 * PAGE, guest.paddr + 9 * PAGE);
	assert_int_equal(
		iommu_hwpt_read_dirty(guest.file, guest.parent, GUEST_RAM, GUEST_SIZE, 0, &dirty),
		0);
	assert_int_equal(words[0], 1 << 3 | 1 << 9);
	words[0] = 0;
	assert_int_equal(
		iommu_hwpt_read_dirty(guest.file, guest.parent, GUEST_RAM, GUEST_SIZE, 0, &dirty),
		0);
	assert_int_equal(words[0], 0);
	/* Told: what it writes again is noted again. */
	reaches(0, 0, GUEST_RAM + 9 * PAGE, guest.paddr + 9 * PAGE);
	assert_int_equal(
		iommu_hwpt_read_dirty(guest.file, guest.parent, GUEST_RAM, GUEST_SIZE, 0, &dirty),
		0);
	assert_int_equal(words[0], 1 << 9);
	end_guest();
}

/* Memory is unpinned only once hardware has confirmed that no device reaches it. */
static void test_guest_unconfirmed(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};

	(void)state;
	begin_guest(0);
	assert_int_equal(
		iommu_device_attach(guest.file, guest.device, IOMMU_NO_PASID, guest.parent, NULL),
		0);
	reaches(0, 0, GUEST_RAM, guest.paddr);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_ioas_unmap(guest.file, guest.ioas, 0, UINT64_MAX, NULL),
			 IOMMU_ETIMEDOUT);
	assert_int_equal(guest.pinned, GUEST_SIZE / PAGE);
	assert_int_not_equal(iommu_device_detach(guest.file, guest.device, IOMMU_NO_PASID), 0);
	assert_int_equal(guest.pinned, GUEST_SIZE / PAGE);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_ioas_unmap(guest.file, guest.ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(guest.pinned, 0);
	end_guest();
}

/* --- Emulators that want to be told of what becomes valid ------------------------------------- */

static struct {
	unsigned int devices, processes, first, second; /* how often it was told of each */
	uint64_t address, size;
} told;

static void note_told(const struct iommu_model_riscv_invalidation *what)
{
	told.devices += what->type == IOMMU_MODEL_RISCV_DEVICES;
	told.processes += what->type == IOMMU_MODEL_RISCV_PROCESSES;
	told.first += what->type == IOMMU_MODEL_RISCV_FIRST_STAGE;
	told.second += what->type == IOMMU_MODEL_RISCV_SECOND_STAGE;
	told.address = what->address;
	told.size = what->size;
}

static void begin_emulated(void)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING | RISCV_CAP_S};
	const struct iommu_riscv_config config = {
		.registers = BASE, .timeout_ns = 1000000000, .flags = IOMMU_RISCV_TELL_VALID};

	begin_with(&model, &config);
	f.meanwhile = note_told;
	memset(&told, 0, sizeof(told));
}

static void test_told_of_what_is_valid(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *first, *second;

	(void)state;
	begin_emulated();
	first = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	assert_int_equal(iommu_riscv_set_files(second, 0, 0x28000), 0);
	/* A context, behind which it is there to be looked at. */
	assert_int_equal(iommu_domain_attach_group(first, f.devices[0].group), 0);
	assert_int_equal(told.devices, 1);
	assert_int_equal(iommu_domain_attach_group(second, f.devices[1].group), 0);
	assert_int_equal(told.devices, 2);
	/* Mappings, by their addresses. */
	assert_int_equal(told.first + told.second, 0);
	(void)map(first, IOVA);
	assert_int_equal(told.first, 1);
	assert_int_equal(told.address, IOVA);
	assert_int_equal(told.size, PAGE);
	assert_int_equal(iommu_map(second, IOVA, FARAWAY, 16 * PAGE, RW), 0);
	assert_int_equal(told.second, 1);
	assert_int_equal(told.address, IOVA);
	assert_int_equal(told.size, 16 * PAGE);
	assert_int_equal(iommu_riscv_map_file(second, 0, FARAWAY), 0);
	assert_int_equal(told.second, 2);
	assert_int_equal(told.address, 0x28000ULL * PAGE);
	/* Processes. */
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(told.processes, 0);
	assert_int_equal(iommu_domain_attach_pasid(first, f.devices[0].group, 5, &handle), 0);
	assert_int_equal(told.processes, 1);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	f.meanwhile = NULL;
	iommu_domain_free(first);
	iommu_domain_free(second);
	end();
}

/* An emulator that does not confirm: what was to be valid is not, and what was before is again. */
static void test_not_told_of_what_is_valid(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};
	struct iommu_domain *first;
	iommu_paddr_t paddr;

	(void)state;
	begin_emulated();
	first = paging(IOMMU_STAGE_FIRST);
	paddr = map(first, IOVA);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_domain_attach_group(first, f.devices[0].group), IOMMU_ETIMEDOUT);
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_domain_attach_group(first, f.devices[0].group), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	f.meanwhile = NULL;
	iommu_domain_free(first);
	end();
}

static void test_not_told_of_processes(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true}, none = {0};
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *first;
	iommu_paddr_t paddr;

	(void)state;
	begin_emulated();
	first = paging(IOMMU_STAGE_FIRST);
	paddr = map(first, IOVA);
	assert_int_equal(iommu_domain_attach_group(first, f.devices[0].group), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_domain_attach_pasid(first, f.devices[0].group, 5, &handle),
			 IOMMU_ETIMEDOUT);
	is_stopped(0, 5, IOVA, RISCV_FAULT_PROCESS_NOT_VALID);
	assert_int_not_equal(iommu_map(first, IOVA + PAGE, FARAWAY, PAGE, RW), 0);
	is_stopped(0, 0, IOVA + PAGE, RISCV_FAULT_WRITE_PAGE);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_domain_attach_pasid(first, f.devices[0].group, 5, &handle), 0);
	reaches(0, 5, IOVA, paddr);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	f.meanwhile = NULL;
	iommu_domain_free(first);
	end();
}

/* --- Records, one by one ---------------------------------------------------------------------- */

static uint64_t reg(uint32_t offset, unsigned int size)
{
	return iommu_model_riscv_mmio_read(f.model, offset, size);
}

/* What each kind of request says of itself. */
static void test_fault_records(void **state)
{
	static const struct {
		enum iommu_model_riscv_request_type type;
		unsigned int prot;
		bool execute;
		uint32_t pasid;
		enum iommu_fault_access access;
	} cases[] = {
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_READ, false, 0, IOMMU_FAULT_READ},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_WRITE, false, 0, IOMMU_FAULT_WRITE},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_READ, true, 0x12345, IOMMU_FAULT_READ},
		{IOMMU_MODEL_RISCV_TRANSLATED, IOMMU_PROT_READ, false, 0, IOMMU_FAULT_READ},
		{IOMMU_MODEL_RISCV_TRANSLATED, IOMMU_PROT_WRITE, false, 0, IOMMU_FAULT_WRITE},
		{IOMMU_MODEL_RISCV_TRANSLATED, IOMMU_PROT_READ, true, 3, IOMMU_FAULT_READ},
		{IOMMU_MODEL_RISCV_TRANSLATION_REQUEST, IOMMU_PROT_READ, false, 0xfffff,
		 IOMMU_FAULT_OTHER},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_riscv_config config = {.registers = BASE, .segment = 7};
	unsigned int i;

	(void)state;
	begin_with(&model, &config);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t address = IOVA + 0x1000ULL * i;
		struct iommu_model_riscv_request request =
			request_of(i % DEVICES, cases[i].pasid, address);
		struct iommu_model_riscv_translation translation;
		const struct iommu_fault *fault = &f.faults[i];
		bool lost = false;

		request.type = cases[i].type;
		request.access = cases[i].prot;
		request.execute = cases[i].execute;
		assert_int_equal(iommu_model_riscv_translate(f.model, &request, &translation),
				 IOMMU_EFAULT);
		assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
		assert_false(lost);
		assert_ptr_equal(fault->unit, f.unit);
		assert_ptr_equal(fault->endpoint, f.devices[i % DEVICES].endpoint);
		assert_int_equal(fault->segment, 7);
		assert_int_equal(fault->source_id, f.devices[i % DEVICES].id);
		assert_int_equal(fault->address, address);
		assert_int_equal(fault->access, cases[i].access);
		assert_int_equal(fault->has_pasid, cases[i].pasid != 0);
		assert_int_equal(fault->pasid, cases[i].pasid);
		assert_int_equal(fault->reason, RISCV_FAULT_DEVICE_NOT_VALID);
	}
	end();
}

/* Each cause has a name and an explanation of its own; what is no cause has those of no cause. */
static void test_fault_texts(void **state)
{
	const char *unknown = iommu_riscv_fault_name(0), *names[300];
	unsigned int count = 0, cause, i;

	(void)state;
	for (cause = 0; cause < 300; cause++) {
		const char *name = iommu_riscv_fault_name(cause);

		assert_true(strlen(iommu_riscv_fault_explanation(cause)) > 20);
		if (strcmp(name, unknown) == 0) {
			assert_string_equal(iommu_riscv_fault_explanation(cause),
					    iommu_riscv_fault_explanation(0));
			continue;
		}
		for (i = 0; i < count; i++)
			assert_string_not_equal(name, names[i]);
		names[count++] = name;
	}
	assert_int_equal(count, 30);
	assert_string_equal(iommu_riscv_fault_name(RISCV_FAULT_EXECUTE_ACCESS),
			    "execute access fault");
	assert_string_equal(iommu_riscv_fault_name(RISCV_FAULT_TABLE_CORRUPT),
			    "page table corrupted");
	assert_string_equal(iommu_riscv_fault_name(2), unknown);
}

static void fault_times(unsigned int count)
{
	while (count-- != 0)
		is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	f.fault_count = 0;
}

/* In a second no more are reported than the host wants; what is beyond that is lost. */
static void test_fault_rate(void **state)
{
	static const struct {
		unsigned int configured, limit;
	} cases[] = {{3, 3}, {0, 1000}, {IOMMU_RISCV_FAULTS_UNBOUNDED, 1100}};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_riscv_config config = {.registers = BASE,
							  .faults_per_second = cases[i].configured};
		unsigned int left = cases[i].limit;
		unsigned int round;
		bool lost = false;

		begin_with(&model, &config);
		/* In the first second of the host, which does not pass. */
		f.now = f.step = 0;
		for (round = 0; round < 11; round++) {
			const unsigned int reported = left < 100 ? left : 100;

			fault_times(100);
			lost = false;
			assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), reported);
			assert_int_equal(f.fault_count, reported);
			assert_int_equal(lost, reported < 100);
			left -= reported;
		}
		fault_times(1);
		f.now += 1000000000;
		lost = false;
		assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
		assert_false(lost);
		end();
	}
}

/* A device that faults again with every report keeps the CPU for so many rounds, and no longer. */
static void test_fault_storm(void **state)
{
	bool lost = false;

	(void)state;
	begin(EVERYTHING);
	assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_FAULTS, 0x28001000, 0x22),
			 0);
	fault_times(1);
	f.again = 20;
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 8);
	assert_int_equal(f.fault_count, 8);
	assert_false(lost);
	/* For what is left the unit has sent a message. */
	f.again = 0;
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.fault_count, 9);
	assert_false(lost);
	end();
}

/* Tails that no queue has: nothing is read by them. Of heads hardware is not asked. */
static void test_senseless_queues(void **state)
{
	static const struct {
		unsigned int offset, size;
		bool is_fault;
		int status;
	} cases[] = {
		{RISCV_FQH, 256, true, 0},
		{RISCV_FQT, 256, true, IOMMU_EIO},
		{RISCV_PQH, 512, false, 0},
		{RISCV_PQT, 512, false, IOMMU_EIO},
	};
	const struct iommu_model_riscv_faults none = {0};
	unsigned int i;
	bool lost = false;

	(void)state;
	begin(EVERYTHING);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_faults liar = {
			.lies = true, .lying_register = cases[i].offset, .lie = cases[i].size};

		iommu_model_riscv_misbehave(f.model, &liar);
		assert_int_equal(cases[i].is_fault ? iommu_unit_handle_faults(f.unit, &lost)
						   : iommu_unit_handle_page_requests(f.unit, &lost),
				 cases[i].status);
		iommu_model_riscv_misbehave(f.model, &none);
		assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 0);
		assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 0);
		assert_false(lost);
		assert_int_equal(f.fault_count, 0);
	}
	end();
}

/* What is in the queues of a unit that could not be turned off is not lost when it is on again. */
static void test_enabled_again(void **state)
{
	const struct iommu_model_riscv_faults deaf = {.deaf_register = RISCV_DDTP}, none = {0};
	const struct iommu_model_riscv_page_message request = {
		.device_id = 8, .address = IOVA, .access = RW, .group = 5, .is_last = true};
	struct iommu_domain *domain;
	bool lost = false;
	uint64_t tail;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	iommu_endpoint_set_request_handler(f.devices[0].endpoint, note_requests, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_ATS),
			 0);
	assert_int_equal(
		iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	is_stopped(1, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	tail = reg(RISCV_CQT, 4);
	assert_int_not_equal(tail, 0);
	iommu_model_riscv_misbehave(f.model, &deaf);
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_EIO);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	/* Nor are the commands begun anew. */
	assert_true(reg(RISCV_CQT, 4) > tail);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_int_equal(f.faults[0].address, IOVA);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 1);
	assert_int_equal(f.groups, 1);
	assert_int_equal(f.request.group, 5);
	assert_false(lost);
	assert_int_equal(
		iommu_endpoint_disable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PAGE_REQUESTS),
		0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* --- Page requests, one by one ---------------------------------------------------------------- */

/* Put a record into the queue of page requests, past the unit. */
static void inject(uint64_t low, uint64_t high)
{
	const iommu_paddr_t queue = riscv_ppn_address(reg(RISCV_PQB, 8));
	const uint32_t head = (uint32_t)reg(RISCV_PQH, 4);
	struct iommu_model_riscv_faults liar = {
		.lies = true, .lying_register = RISCV_PQT, .lie = (head + 1) % 512};
	uint64_t *record = iommu_phys_to_virt(&f.test.platform, queue + 16ULL * head);

	record[0] = iommu_le64(low);
	record[1] = iommu_le64(high);
	iommu_model_riscv_misbehave(f.model, &liar);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 1);
	assert_int_equal(reg(RISCV_PQH, 4), (head + 1) % 512);
}

/* Requests of devices that have none: each group is answered once, and a stop is not. */
static void test_unknown_requests(void **state)
{
	const uint64_t access = RISCV_PAGE_REQUEST_READ | RISCV_PAGE_REQUEST_WRITE;
	struct device *device = &f.devices[1];

	(void)state;
	begin(EVERYTHING);
	inject(riscv_page_request_low(16), riscv_page_request_high(IOVA, 9, access));
	assert_int_equal(device->answers, 0);
	inject(riscv_page_request_low(16),
	       riscv_page_request_high(IOVA, 9, access | RISCV_PAGE_REQUEST_LAST));
	assert_int_equal(device->answers, 1);
	assert_int_equal(device->answer.device_id, 16);
	assert_int_equal(device->answer.group, 9);
	assert_int_equal(device->answer.code, 1);
	assert_false(device->answer.has_process);
	inject(riscv_page_request_low_process(16, 0x54321, 0),
	       riscv_page_request_high(IOVA, 511,
				       RISCV_PAGE_REQUEST_READ | RISCV_PAGE_REQUEST_LAST));
	assert_int_equal(device->answers, 2);
	assert_int_equal(device->answer.group, 511);
	assert_int_equal(device->answer.code, 1);
	assert_true(device->answer.has_process);
	assert_int_equal(device->answer.process_id, 0x54321);
	inject(riscv_page_request_low_process(16, 0x54321, 0),
	       riscv_page_request_high(0, 0, RISCV_PAGE_REQUEST_LAST));
	assert_int_equal(device->answers, 2);
	assert_int_equal(f.groups, 0);
	end();
}

/* What the host answers is what the device is told; and what it asked for is what the host sees. */
static void test_page_answers(void **state)
{
	static const struct {
		enum iommu_page_response_code response;
		unsigned int code, prot;
	} cases[] = {
		{IOMMU_PAGE_SUCCESS, 0, IOMMU_PROT_READ},
		{IOMMU_PAGE_INVALID, 1, IOMMU_PROT_WRITE},
		{IOMMU_PAGE_FAILURE, 15, RW},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	static const struct iommu_riscv_ids ranges[] = {
		{.first = 8, .last = 8, .device_id = 0xab0008}};
	const struct iommu_riscv_config config = {
		.registers = BASE, .device_id_bits = 24, .id_ranges = ranges, .id_range_count = 1};
	unsigned int without, i;

	(void)state;
	for (without = 0; without < 2; without++) {
		struct iommu_pasid_handle handle = {0};
		struct iommu_endpoint_info info;
		struct iommu_endpoint *endpoint;
		struct iommu_domain *domain;
		iommu_paddr_t seen;

		machine(&model);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
		f.devices[0].id = 8;
		info = info_of(0);
		info.page_responses_without_pasid = without != 0;
		assert_int_equal(add_device(0, &info), 0);
		/* To devices messages go by the segment, which is the upper part of their ids. */
		f.devices[0].id = 0xab0008;
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		endpoint = f.devices[0].endpoint;
		domain = paging(IOMMU_STAGE_FIRST);
		(void)map(domain, IOVA);
		iommu_endpoint_set_request_handler(endpoint, note_requests, NULL);
		assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
		assert_int_equal(
			iommu_domain_attach_pasid(domain, f.devices[0].group, 0x1fff, &handle), 0);
		assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
		assert_int_equal(
			iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS), 0);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const struct iommu_model_riscv_page_message request = {
				.device_id = 0xab0008,
				.has_process = true,
				.process_id = 0x1fff,
				.address = IOVA + 0x5000,
				.access = cases[i].prot,
				.group = (uint16_t)(511 - i),
				.is_last = true,
			};

			f.response = cases[i].response;
			assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
			assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 1);
			assert_int_equal(f.groups, i + 1);
			assert_int_equal(f.request.address, IOVA + 0x5000);
			assert_int_equal(f.request.prot, cases[i].prot);
			assert_int_equal(f.request.group, 511 - i);
			assert_true(f.request.has_pasid);
			assert_int_equal(f.request.pasid, 0x1fff);
			assert_true(f.request.is_last);
			assert_int_equal(f.devices[0].answers, i + 1);
			assert_int_equal(f.devices[0].answer.device_id, 0xab0008);
			assert_int_equal(f.devices[0].answer.code, cases[i].code);
			assert_int_equal(f.devices[0].answer.group, 511 - i);
			assert_int_equal(f.devices[0].answer.has_process, without == 0);
		}
		/* So do invalidations. */
		assert_true(ask(0, 0x1fff, IOVA));
		assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), 0);
		assert_false(use_kept(0, 0x1fff, IOVA, &seen));
		assert_int_equal(
			iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 0x1fff), 0);
		iommu_domain_free(domain);
		end();
	}
}

/* An answer that hardware does not confirm is an error, and the next is none. */
static void test_answer_unconfirmed(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	struct iommu_model_riscv_page_message request = {
		.device_id = 8, .address = IOVA, .access = RW, .is_last = true};
	struct iommu_page_response response = {.code = IOMMU_PAGE_SUCCESS};
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;

	(void)state;
	begin(EVERYTHING);
	endpoint = f.devices[0].endpoint;
	f.answers_later = true;
	domain = paging(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	iommu_endpoint_set_request_handler(endpoint, note_requests, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS), 0);
	for (request.group = 3; request.group <= 4; request.group++)
		assert_int_equal(iommu_model_riscv_page_request(f.model, &request), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 2);
	assert_int_equal(f.groups, 2);
	assert_int_equal(f.devices[0].answers, 0);
	response.group = 3;
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_page_respond(endpoint, &response), IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	response.group = 4;
	assert_int_equal(iommu_page_respond(endpoint, &response), 0);
	assert_int_equal(f.devices[0].answers, 2);
	assert_int_equal(f.devices[0].answer.group, 4);
	assert_int_equal(iommu_page_respond(endpoint, &response), IOMMU_ENOENT);
	assert_int_equal(iommu_endpoint_disable_feature(endpoint, IOMMU_FEATURE_PAGE_REQUESTS), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static bool is_told(uint32_t csr)
{
	return (reg(csr, 4) & RISCV_QUEUE_INTERRUPT) != 0;
}

static void entry_is(unsigned int vector, uint64_t address, uint32_t data)
{
	assert_int_equal(reg(riscv_msi_entry(vector) + RISCV_MSI_ADDRESS, 8), address);
	assert_int_equal(reg(riscv_msi_entry(vector) + RISCV_MSI_DATA, 4), data);
	assert_int_equal(reg(riscv_msi_entry(vector) + RISCV_MSI_CONTROL, 4), 0);
}

static bool is_masked(unsigned int vector)
{
	return (reg(riscv_msi_entry(vector) + RISCV_MSI_CONTROL, 4) & RISCV_MSI_MASKED) != 0;
}

/* Each cause has a vector as far as there are any; those that are masked disturb no other. */
static void test_vectors(void **state)
{
	static const unsigned int counts[] = {1, 2, 4, 8, 16};
	unsigned int i, cause;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING,
							       .vectors = counts[i]};
		const struct iommu_riscv_config config = {.registers = BASE};
		const unsigned int last = counts[i] - 1;
		const unsigned int of_faults = last < 1 ? last : 1;
		const unsigned int of_requests = last < 3 ? last : 3;
		struct iommu_riscv_info facts;

		machine(&model);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
		/* Before it is on, and while it is. */
		assert_int_equal(
			iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_FAULTS, 0x28001000, 0x22), 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
		for (cause = 0; cause < 4; cause++)
			assert_int_equal(riscv_icvec_vector(reg(RISCV_ICVEC, 8), cause),
					 cause < facts.vectors ? cause : facts.vectors - 1);
		assert_int_equal(facts.vectors, counts[i]);
		entry_is(of_faults, 0x28001000, 0x22);
		assert_true(is_told(RISCV_FQCSR));
		assert_false(is_told(RISCV_PQCSR));
		assert_false(is_told(RISCV_CQCSR));
		assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_PAGE_REQUESTS,
							   0xfffffffffffffcULL, 0xffffffff),
				 0);
		assert_true(is_told(RISCV_PQCSR));
		entry_is(of_requests, 0xfffffffffffffcULL, 0xffffffff);
		assert_int_equal(iommu_riscv_mask_interrupt(f.unit, IOMMU_RISCV_PAGE_REQUESTS), 0);
		assert_false(is_told(RISCV_PQCSR));
		assert_true(is_told(RISCV_FQCSR));
		if (of_requests != of_faults)
			assert_true(is_masked(of_requests));
		entry_is(of_faults, 0x28001000, 0x22);
		assert_int_equal(iommu_riscv_mask_interrupt(f.unit, IOMMU_RISCV_FAULTS), 0);
		assert_true(is_masked(of_faults));
		assert_false(is_told(RISCV_FQCSR));
		/* Addresses of messages have 56 bits, of whole words. */
		assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_FAULTS,
							   0x100000000000000ULL, 0),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_riscv_set_interrupt(f.unit, IOMMU_RISCV_FAULTS, 2, 0),
				 IOMMU_EINVAL);
		assert_int_equal(
			iommu_riscv_set_interrupt(f.unit, (enum iommu_riscv_cause)4, 0x28001000, 0),
			IOMMU_EINVAL);
		assert_int_equal(iommu_riscv_mask_interrupt(f.unit, (enum iommu_riscv_cause)4),
				 IOMMU_EINVAL);
		assert_true(is_masked(of_faults));
		end();
	}
}

/* --- Time ------------------------------------------------------------------------------------- */

/* How long a unit that does not confirm is waited for, and a device. */
static void test_timeouts(void **state)
{
	static const struct {
		uint64_t unit, device, unit_waits, device_waits; /* in seconds */
	} cases[] = {{0, 0, 1, 90}, {5, 0, 5, 5}, {5, 7, 5, 7}, {0, 7, 1, 7}};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	const uint64_t second = 1000000000;
	unsigned int i, with_device;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (with_device = 0; with_device < 2; with_device++) {
			const struct iommu_riscv_config config = {
				.registers = BASE,
				.timeout_ns = cases[i].unit * second,
				.device_timeout_ns = cases[i].device * second};
			const uint64_t expected = second * (with_device ? cases[i].device_waits
									: cases[i].unit_waits);
			struct iommu_endpoint_info info = {.source_id = 0x40,
							   .device_tlb = with_device != 0};
			struct iommu_domain *domain;
			uint64_t began;

			machine(&model);
			f.step = 1000000;
			assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
			f.devices[0].id = 0x40;
			assert_int_equal(add_device(0, &info), 0);
			assert_int_equal(iommu_unit_enable(f.unit), 0);
			domain = paging(IOMMU_STAGE_ANY);
			(void)map(domain, IOVA);
			assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
			iommu_model_riscv_misbehave(f.model, &hang);
			began = f.now;
			assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL), IOMMU_ETIMEDOUT);
			assert_in_range(f.now - began, expected, expected + expected / 10);
			iommu_model_riscv_misbehave(f.model, &none);
			assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
			iommu_domain_free(domain);
			end();
		}
}

/* --- What hardware sees meanwhile ------------------------------------------------------------- */

/* A context is not valid while hardware is told to forget what it was. */
static void first_device_is_stopped(const struct iommu_model_riscv_invalidation *what)
{
	iommu_paddr_t seen;

	(void)what;
	assert_int_not_equal(use(0, 0, IOVA, &seen), 0);
}

static void pasid_is_stopped(const struct iommu_model_riscv_invalidation *what)
{
	iommu_paddr_t seen;

	(void)what;
	assert_int_not_equal(use(0, 5, IOVA, &seen), 0);
}

static void test_replaced_through_not_valid(void **state)
{
	struct iommu_pasid_handle handles[2] = {0};
	struct iommu_domain *one, *other, *second;
	iommu_paddr_t of_one, of_other, of_second;

	(void)state;
	begin(EVERYTHING);
	one = paging(IOMMU_STAGE_FIRST);
	other = paging(IOMMU_STAGE_FIRST);
	second = paging(IOMMU_STAGE_SECOND);
	of_one = map(one, IOVA);
	of_other = map(other, IOVA);
	of_second = map(second, IOVA);
	assert_int_equal(iommu_domain_attach_group(one, f.devices[0].group), 0);
	f.told = 0;
	f.meanwhile = first_device_is_stopped;
	assert_int_equal(iommu_domain_attach_group(second, f.devices[0].group), 0);
	assert_int_not_equal(f.told, 0);
	f.meanwhile = NULL;
	reaches(0, 0, IOVA, of_second);
	f.told = 0;
	f.meanwhile = first_device_is_stopped;
	assert_int_equal(iommu_domain_attach_group(other, f.devices[0].group), 0);
	assert_int_not_equal(f.told, 0);
	f.meanwhile = NULL;
	reaches(0, 0, IOVA, of_other);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_pasid(one, f.devices[0].group, 5, &handles[0]), 0);
	reaches(0, 5, IOVA, of_one);
	f.told = 0;
	f.meanwhile = pasid_is_stopped;
	assert_int_equal(iommu_domain_replace_pasid(other, f.devices[0].group, 5, &handles[1]), 0);
	assert_int_not_equal(f.told, 0);
	f.meanwhile = NULL;
	reaches(0, 5, IOVA, of_other);
	f.told = 0;
	f.meanwhile = pasid_is_stopped;
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
	assert_int_not_equal(f.told, 0);
	f.meanwhile = first_device_is_stopped;
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	f.meanwhile = NULL;
	iommu_domain_free(one);
	iommu_domain_free(other);
	iommu_domain_free(second);
	end();
}

/* A group that cannot be blocked stays where it is, beside its PASIDs, each of which may go. */
static void test_block_unconfirmed(void **state)
{
	const struct iommu_model_riscv_faults hang = {.fences_hang = true}, none = {0};
	struct iommu_pasid_handle handle = {0};
	struct iommu_domain *rid, *one, *blocked;
	iommu_paddr_t of_rid, of_one;
	struct iommu_group *group;

	(void)state;
	begin(EVERYTHING);
	group = f.devices[0].group;
	rid = paging(IOMMU_STAGE_ANY);
	one = paging(IOMMU_STAGE_FIRST);
	blocked = make(IOMMU_DOMAIN_BLOCKED, NULL);
	of_rid = map(rid, IOVA);
	of_one = map(one, IOVA);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_group(rid, group), 0);
	assert_int_equal(iommu_domain_attach_pasid(one, group, 5, &handle), 0);
	iommu_model_riscv_misbehave(f.model, &hang);
	assert_int_equal(iommu_domain_attach_group(blocked, group), IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	reaches(0, 0, IOVA, of_rid);
	reaches(0, 5, IOVA, of_one);
	assert_int_equal(iommu_domain_detach_pasid(group, 5), 0);
	is_stopped(0, 5, IOVA, RISCV_FAULT_PROCESS_NOT_VALID);
	reaches(0, 0, IOVA, of_rid);
	assert_int_equal(iommu_domain_attach_group(blocked, group), 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	iommu_domain_free(rid);
	iommu_domain_free(one);
	iommu_domain_free(blocked);
	end();
}

/* A command that hardware refuses, or cannot fetch: it goes on, and is told that it may. */
/* An error that hardware went on to show after the command: no later command failed by it. */
static void test_error_that_stayed(void **state)
{
	const struct iommu_model_riscv_faults faults = {.refuse_after = 1,
							.deaf_register = RISCV_CQCSR},
					      none = {0};
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	begin(EVERYTHING & ~RISCV_CAP_ATS);
	domain = paging(IOMMU_STAGE_ANY);
	paddr = map(domain, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	reaches(0, 0, IOVA, paddr);
	iommu_model_riscv_misbehave(f.model, &faults);
	assert_true(iommu_unmap(domain, IOVA, PAGE, 0, NULL) < 0);
	assert_true(iommu_unit_enable(f.unit) < 0);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_not_equal(reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS, 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS, 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

static void test_refused_commands(void **state)
{
	unsigned int fetch, nth;

	(void)state;
	for (fetch = 0; fetch < 2; fetch++)
		for (nth = 1; nth <= 2; nth++) {
			const struct iommu_model_riscv_faults refuse = {
				.refuse_after = fetch != 0 ? 0 : nth,
				.fetch_fails_after = fetch != 0 ? nth : 0};
			const struct iommu_model_riscv_faults none = {0};
			struct iommu_domain *domain;
			iommu_paddr_t paddr;

			begin(EVERYTHING & ~RISCV_CAP_ATS);
			domain = paging(IOMMU_STAGE_ANY);
			paddr = map(domain, IOVA);
			assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
			reaches(0, 0, IOVA, paddr);
			iommu_model_riscv_misbehave(f.model, &refuse);
			/* Of the first nothing was done; the fence is in its own place again. */
			assert_int_equal(iommu_unmap(domain, IOVA, PAGE, 0, NULL),
					 nth == 1 ? IOMMU_EIO : 0);
			iommu_model_riscv_misbehave(f.model, &none);
			assert_int_equal(reg(RISCV_CQCSR, 4), RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON);
			assert_int_not_equal(f.doorbells, 0);
			assert_int_equal(iommu_unit_enable(f.unit), 0);
			is_stopped(0, 0, IOVA, RISCV_FAULT_WRITE_PAGE);
			assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
			iommu_domain_free(domain);
			end();
		}
}

/* --- Without memory --------------------------------------------------------------------------- */

/* The n-th allocation fails, and all after it, until the call that needed it has failed. */
static int status_of(int status)
{
	if (status == 0)
		return 0;
	assert_int_equal(status, IOMMU_ENOMEM);
	assert_int_not_equal(f.test.fail_after, 0);
	f.test.fail_after = 0;
	return status;
}

#define DO(call)                                                                                   \
	do {                                                                                       \
		if (status_of(call) != 0)                                                          \
			assert_int_equal(call, 0);                                                 \
	} while (0)

static void test_without_memory(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	static const struct iommu_riscv_ids ranges[] = {{.first = 0, .last = 255}};
	const struct iommu_riscv_config config = {
		.registers = BASE, .device_id_bits = 24, .id_ranges = ranges, .id_range_count = 1};
	const iommu_iova_t guest_file = 0x28000000ULL;
	bool more = true;
	unsigned int n;

	(void)state;
	for (n = 1; more; n++) {
		struct iommu_pasid_handle handles[2] = {0};
		struct iommu_domain *one = NULL, *second = NULL, *rid = NULL;
		struct iommu_endpoint_info info;
		iommu_paddr_t seen;
		unsigned int i;

		machine(&model);
		f.test.fail_after = f.test.allocations + n;
		DO(iommu_riscv_add_unit(f.iommu, &config, &f.unit));
		for (i = 0; i < 2; i++) {
			f.devices[i].id = 8 * (i + 1);
			info = info_of(i);
			DO(add_device(i, &info));
		}
		DO(iommu_unit_enable(f.unit));
		DO(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &rid));
		DO(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING,
				      &(struct iommu_domain_config){.stage = IOMMU_STAGE_FIRST},
				      &one));
		DO(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING,
				      &(struct iommu_domain_config){.stage = IOMMU_STAGE_SECOND},
				      &second));
		DO(iommu_riscv_set_files(second, 3, guest_file >> 12));
		DO(iommu_map(one, IOVA, FARAWAY, PAGE, RW));
		DO(iommu_map(second, IOVA, FARAWAY + PAGE, PAGE, RW));
		DO(iommu_domain_attach_group(rid, f.devices[0].group));
		DO(iommu_domain_attach_group(second, f.devices[1].group));
		DO(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID));
		DO(iommu_domain_attach_pasid(one, f.devices[0].group, 5, &handles[0]));
		DO(iommu_domain_attach_pasid(one, f.devices[0].group, 0x1ff00, &handles[1]));
		more = f.test.fail_after == 0;
		f.test.fail_after = 0;
		reaches(0, 0, 0x1234, 0x1234);
		reaches(0, 5, IOVA, FARAWAY);
		reaches(0, 0x1ff00, IOVA, FARAWAY);
		reaches(1, 0, IOVA, FARAWAY + PAGE);
		assert_int_equal(iommu_unmap(one, IOVA, PAGE, 0, NULL), 0);
		assert_int_not_equal(use(0, 5, IOVA, &seen), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 0x1ff00), 0);
		assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
		iommu_domain_free(one);
		iommu_domain_free(second);
		iommu_domain_free(rid);
		end();
	}
	assert_in_range(n, 20, 100);
}

/* --- Asking the unit, and dirty bits ---------------------------------------------------------- */

static void test_check(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t paddr, seen = 0;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_ANY);
	paddr = map(domain, IOVA);
	assert_int_equal(iommu_map(domain, 2 * IOVA, FARAWAY, PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(iommu_unit_check(f.devices[0].endpoint, 0, IOVA, RW, &seen), IOMMU_EFAULT);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	assert_int_equal(iommu_unit_check(f.devices[0].endpoint, 0, IOVA + 0x123, RW, &seen), 0);
	assert_int_equal(seen, paddr + 0x123);
	assert_int_equal(
		iommu_unit_check(f.devices[0].endpoint, 0, 2 * IOVA, IOMMU_PROT_READ, &seen), 0);
	assert_int_equal(iommu_unit_check(f.devices[0].endpoint, 0, 2 * IOVA, RW, &seen),
			 IOMMU_EFAULT);
	assert_int_equal(iommu_unit_check(f.devices[0].endpoint, 0, IOVA, 0, &seen), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
	begin(FIRST | 50ULL << 32);
	assert_int_equal(iommu_unit_check(f.devices[0].endpoint, 0, IOVA, RW, &seen),
			 IOMMU_EOPNOTSUPP);
	end();
}

static void test_dirty(void **state)
{
	static const enum iommu_stage stages[] = {IOMMU_STAGE_FIRST, IOMMU_STAGE_SECOND};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		const struct iommu_domain_config config = {.stage = stages[i],
							   .dirty_tracking = true};
		uint64_t words[1] = {0};
		struct iommu_dirty_bitmap bitmap = {
			.words = words, .start = IOVA, .bits = 4, .page_shift = 12};
		struct iommu_domain *domain;
		iommu_paddr_t paddr;

		begin(EVERYTHING);
		domain = make(IOMMU_DOMAIN_PAGING, &config);
		paddr = map(domain, IOVA);
		(void)map(domain, IOVA + PAGE);
		assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
		reaches(0, 0, IOVA, paddr);
		/* What was written before is not what is asked for. */
		assert_int_equal(iommu_domain_set_dirty_tracking(domain, true), 0);
		assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
		assert_int_equal(words[0], 0);
		reaches(0, 0, IOVA, paddr);
		assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
		assert_int_equal(words[0], 1);
		/* Hardware has forgotten that it has noted it. */
		words[0] = 0;
		reaches(0, 0, IOVA, paddr);
		assert_int_equal(iommu_domain_read_dirty(domain, IOVA, 2 * PAGE, 0, &bitmap), 0);
		assert_int_equal(words[0], 1);
		assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		iommu_domain_free(domain);
		end();
	}
}

/* --- Domains ---------------------------------------------------------------------------------- */

/* What may be asked of a domain with a table, and what it says of itself then. */
/* Each refusal names the one cause that there is. */
static void test_reasons_of_domains(void **state)
{
	static const struct {
		uint64_t capabilities;
		struct iommu_domain_config config;
		int status;
		const char *why;
	} cases[] = {
		{FIRST, {.address_width = 60}, IOMMU_EINVAL, "more than its deepest table has"},
		{FIRST, {.stage = IOMMU_STAGE_SECOND}, IOMMU_EOPNOTSUPP, "it has no second stage"},
		{SECOND, {.stage = IOMMU_STAGE_FIRST}, IOMMU_EOPNOTSUPP, "it has no first stage"},
		{FIRST, {.pgsize_bitmap = 1ULL << 13}, IOMMU_EINVAL, "pgsize_bitmap has a size"},
	};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].capabilities | 50ULL << 32);
		assert_int_equal(
			iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &cases[i].config, &domain),
			cases[i].status);
		assert_non_null(strstr(iommu_reason(f.iommu), cases[i].why));
		end();
	}
}

static void test_domain_options(void **state)
{
	const uint64_t common = IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;
	static const struct {
		uint64_t capabilities;
		struct iommu_domain_config config;
		int status;
		enum iommu_stage stage;
	} cases[] = {
		{FIRST | SECOND, {.force_snoop = true}, IOMMU_EOPNOTSUPP, IOMMU_STAGE_ANY},
		{FIRST | SECOND, {.dirty_tracking = true}, IOMMU_EOPNOTSUPP, IOMMU_STAGE_ANY},
		{FIRST | SECOND | RISCV_CAP_AMO_HWAD,
		 {.dirty_tracking = true},
		 0,
		 IOMMU_STAGE_FIRST},
		{FIRST | SECOND, {.nest_parent = true}, 0, IOMMU_STAGE_SECOND},
		{FIRST, {.nest_parent = true}, IOMMU_EOPNOTSUPP, IOMMU_STAGE_ANY},
		{FIRST | SECOND,
		 {.nest_parent = true, .stage = IOMMU_STAGE_FIRST},
		 IOMMU_EOPNOTSUPP,
		 IOMMU_STAGE_ANY},
		{FIRST | SECOND, {.pgsize_bitmap = 1ULL << 13}, IOMMU_EINVAL, IOMMU_STAGE_ANY},
		{FIRST | SECOND, {.pgsize_bitmap = 1ULL << 48}, IOMMU_EINVAL, IOMMU_STAGE_ANY},
		{FIRST | SECOND,
		 {.pgsize_bitmap = 1ULL << 48 | IOMMU_SIZE_4K, .address_width = 56},
		 0,
		 IOMMU_STAGE_FIRST},
		{FIRST | SECOND,
		 {.pgsize_bitmap = 1ULL << 39 | IOMMU_SIZE_4K, .address_width = 38},
		 IOMMU_EINVAL,
		 IOMMU_STAGE_ANY},
		/* Wider than the first stage's halves, and not than the second. */
		{RISCV_CAP_SV39 | RISCV_CAP_SV39X4, {.address_width = 38}, 0, IOMMU_STAGE_FIRST},
		{RISCV_CAP_SV39 | RISCV_CAP_SV39X4, {.address_width = 39}, 0, IOMMU_STAGE_SECOND},
		{RISCV_CAP_SV39 | RISCV_CAP_SV39X4,
		 {.address_width = 42},
		 IOMMU_EINVAL,
		 IOMMU_STAGE_ANY},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_domain_config *config = &cases[i].config;
		struct iommu_domain *domain = NULL;
		struct iommu_domain_info facts;

		begin(cases[i].capabilities | 50ULL << 32);
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, config, &domain),
				 cases[i].status);
		if (cases[i].status == 0) {
			iommu_domain_get_info(domain, &facts);
			assert_int_equal(facts.stage, cases[i].stage);
			assert_true(facts.coherent);
			assert_false(facts.snoop_control);
			assert_false(facts.withheld);
			assert_int_equal(facts.table_pages,
					 facts.stage == IOMMU_STAGE_SECOND ? 4 : 1);
			assert_int_equal(facts.paddr_last, (1ULL << 50) - 1);
			if (config->address_width != 0)
				assert_int_equal(facts.aperture_last,
						 (1ULL << config->address_width) - 1);
			assert_int_equal(iommu_map(domain, IOVA & 0xffffffff, FARAWAY, PAGE,
						   RW | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MAY_SLEEP |
							   IOMMU_PROT_MMIO),
					 0);
			if (config->pgsize_bitmap == 0)
				assert_int_equal(facts.pgsize_bitmap,
						 common | (facts.levels > 3 ? 1ULL << 39 : 0));
		}
		iommu_domain_free(domain);
		end();
	}
}

static void test_capable(void **state)
{
	static const struct {
		uint64_t capabilities;
		uint32_t pasids;
		bool pasid, dirty;
		unsigned int bits;
	} cases[] = {
		{EVERYTHING, 2, true, true, 20},
		{EVERYTHING, 1, false, true, 20},
		{FIRST | RISCV_CAP_PD8, 1U << 20, true, false, 8},
		{FIRST | RISCV_CAP_PD17, 1U << 20, true, false, 17},
		{FIRST | RISCV_CAP_AMO_HWAD, 1U << 20, false, true, 0},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_config model = {
			.capabilities = cases[i].capabilities | 50ULL << 32};
		const struct iommu_riscv_config config = {.registers = BASE, .device_id_bits = 17};
		const struct iommu_endpoint_info info = {.source_id = 8,
							 .max_pasids = cases[i].pasids};
		struct iommu_domain_info passes;
		struct iommu_riscv_info facts;
		struct iommu_endpoint *endpoint;
		struct iommu_domain *domain;

		machine(&model);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
		assert_int_equal(add_device(0, &info), 0);
		endpoint = f.devices[0].endpoint;
		assert_true(iommu_capable(endpoint, IOMMU_CAPABLE_CACHE_COHERENCY));
		assert_true(iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_ISOLATION));
		assert_false(iommu_capable(endpoint, IOMMU_CAPABLE_ENFORCED_COHERENCY));
		assert_false(iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_REMAPPING));
		assert_int_equal(iommu_capable(endpoint, IOMMU_CAPABLE_PASID), cases[i].pasid);
		assert_int_equal(iommu_capable(endpoint, IOMMU_CAPABLE_DIRTY_TRACKING),
				 cases[i].dirty);
		assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
		assert_int_equal(facts.registers, BASE);
		assert_int_equal(facts.capabilities, reg(RISCV_CAPABILITIES, 8));
		assert_int_equal(facts.output_bits, 50);
		assert_int_equal(facts.device_id_bits, 17);
		assert_int_equal(facts.process_id_bits, cases[i].bits);
		assert_int_equal(facts.vectors, 0);
		assert_null(facts.failure);
		/* What passes reaches all that the unit can put out. */
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &domain),
				 0);
		iommu_domain_get_info(domain, &passes);
		assert_int_equal(passes.aperture_last, (1ULL << 50) - 1);
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
		assert_int_equal(facts.directory, riscv_ppn_address(reg(RISCV_DDTP, 8)));
		assert_int_equal(facts.directory_levels,
				 riscv_ddtp_mode(reg(RISCV_DDTP, 8)) - RISCV_DDTP_BARE);
		end();
	}
}

/* --- Tables of the host's own processes ------------------------------------------------------- */

/* A first stage's table of one leaf, a gigabyte: the device's addresses from 0 on. */
static uint64_t *host_table(uint64_t leads_to)
{
	uint64_t *table = f.test.platform.alloc_pages(f.test.platform.ctx, 0, IOMMU_NODE_ANY, 0);

	assert_non_null(table);
	set_guest_entry(table, leads_to);
	return table;
}

static struct iommu_riscv_first_stage stage_of(const uint64_t *table)
{
	return (struct iommu_riscv_first_stage){
		.root = riscv_iosatp(RISCV_IOSATP_SV39,
				     iommu_virt_to_phys(&f.test.platform, table))};
}

/* A process of the host: its device sees what its table says, and what the host is told of. */
static void test_host_tables(void **state)
{
	struct iommu_pasid_handle handle = {0};
	struct iommu_riscv_first_stage given;
	struct iommu_domain_config config = {.user_data = &given, .user_size = sizeof(given)};
	struct iommu_domain *domain, *other;
	struct iommu_domain_info facts;
	iommu_paddr_t seen;
	uint64_t *table;

	(void)state;
	begin(EVERYTHING);
	table = host_table(0x80000000ULL);
	given = stage_of(table);
	domain = make(IOMMU_DOMAIN_SVA, &config);
	config.stage = IOMMU_STAGE_FIRST;
	other = make(IOMMU_DOMAIN_SVA, &config);
	iommu_domain_get_info(domain, &facts);
	assert_int_equal(facts.type, IOMMU_DOMAIN_SVA);
	assert_int_equal(facts.stage, IOMMU_STAGE_FIRST);
	assert_int_equal(facts.aperture_last, (1ULL << 38) - 1);
	assert_int_equal(facts.levels, 0);
	assert_int_equal(facts.paddr_last, 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.devices[0].endpoint, IOMMU_FEATURE_PASID),
			 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, f.devices[0].group, 5, &handle), 0);
	reaches(0, 5, 0x12345678, 0x92345678);
	assert_true(ask(0, 5, 0x12345678));
	assert_true(use_kept(0, 5, 0x12345678, &seen));
	/* The host changes its table, and tells: of addresses elsewhere, and of these. */
	set_guest_entry(table, 0xc0000000ULL);
	assert_int_equal(iommu_domain_invalidate_range(domain, 0x12345000, PAGE), 0);
	assert_false(use_kept(0, 5, 0x12345678, &seen));
	reaches(0, 5, 0x12345678, 0xd2345678);
	/* Also the table of all requests without a PASID, of another device. */
	assert_int_equal(iommu_domain_attach_group(other, f.devices[1].group), 0);
	reaches(1, 0, 0x4321, 0xc0004321);
	table[0] = 0;
	assert_int_equal(iommu_domain_invalidate_range(other, 0, 1ULL << 30), 0);
	is_stopped(1, 0, 0x4321, RISCV_FAULT_WRITE_PAGE);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.devices[0].group, 5), 0);
	is_stopped(0, 5, 0x12345678, RISCV_FAULT_DEVICE_NOT_VALID);
	iommu_domain_free(domain);
	iommu_domain_free(other);
	f.test.platform.free_pages(f.test.platform.ctx, table, 0);
	end();
}

/* What is said of a table of the host's makes no sense. */
static void test_host_table_nonsense(void **state)
{
	static const uint64_t root = 8ULL << 60 | 0x12345;
	static const struct {
		uint64_t capabilities;
		struct iommu_riscv_first_stage table;
		enum iommu_stage stage;
		int status;
	} cases[] = {
		{EVERYTHING, {.root = root}, IOMMU_STAGE_ANY, 0},
		{EVERYTHING, {.root = root}, IOMMU_STAGE_SECOND, IOMMU_EOPNOTSUPP},
		{EVERYTHING, {.root = 0x12345}, IOMMU_STAGE_ANY, IOMMU_EINVAL},
		{EVERYTHING, {.root = root | 1ULL << 44}, IOMMU_STAGE_ANY, IOMMU_EINVAL},
		/* The unit's memory ends at 50 bits. */
		{EVERYTHING, {.root = 8ULL << 60 | 1ULL << 37}, IOMMU_STAGE_ANY, 0},
		{EVERYTHING, {.root = 8ULL << 60 | 1ULL << 38}, IOMMU_STAGE_ANY, IOMMU_EINVAL},
		{EVERYTHING, {.root = root, .process = 0xfffff}, IOMMU_STAGE_ANY, 0},
		{EVERYTHING, {.root = root, .process = 1U << 20}, IOMMU_STAGE_ANY, IOMMU_EINVAL},
		{EVERYTHING, {.root = root, .reserved = 1}, IOMMU_STAGE_ANY, IOMMU_EINVAL},
		{EVERYTHING,
		 {.root = root, .control = RISCV_TC_PDTV},
		 IOMMU_STAGE_ANY,
		 IOMMU_EOPNOTSUPP},
		{EVERYTHING,
		 {.root = root, .control = RISCV_TC_DPE},
		 IOMMU_STAGE_ANY,
		 IOMMU_EOPNOTSUPP},
		{EVERYTHING, {.root = root, .control = RISCV_TC_SADE}, IOMMU_STAGE_ANY, 0},
		{RISCV_CAP_SV39 | 50ULL << 32,
		 {.root = root, .control = RISCV_TC_SADE},
		 IOMMU_STAGE_ANY,
		 IOMMU_EOPNOTSUPP},
		{RISCV_CAP_SV39 | 50ULL << 32, {.root = root}, IOMMU_STAGE_ANY, 0},
		{RISCV_CAP_SV39 | 50ULL << 32,
		 {.root = root + (1ULL << 60)},
		 IOMMU_STAGE_ANY,
		 IOMMU_EOPNOTSUPP},
		{RISCV_CAP_SV39 | RISCV_CAP_SV48 | 50ULL << 32,
		 {.root = root + (1ULL << 60)},
		 IOMMU_STAGE_ANY,
		 0},
		{RISCV_CAP_SV39 | RISCV_CAP_SV48 | 50ULL << 32,
		 {.root = root + (2ULL << 60)},
		 IOMMU_STAGE_ANY,
		 IOMMU_EOPNOTSUPP},
		{EVERYTHING, {.root = root + (2ULL << 60)}, IOMMU_STAGE_ANY, 0},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_domain_config config = {.stage = cases[i].stage,
						     .user_data = &cases[i].table,
						     .user_size = sizeof(cases[i].table)};
		struct {
			struct iommu_riscv_first_stage table;
			unsigned char rest[8];
		} longer = {.table = cases[i].table};
		struct iommu_domain *domain = NULL;
		struct iommu_domain_info facts;

		begin(cases[i].capabilities);
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_SVA, &config, &domain),
				 cases[i].status);
		if (cases[i].status == 0) {
			const unsigned int mode = (unsigned int)(cases[i].table.root >> 60);

			iommu_domain_get_info(domain, &facts);
			assert_int_equal(facts.aperture_last, (1ULL << (38 + 9 * (mode - 8))) - 1);
		}
		iommu_domain_free(domain);
		/* Of a later version of the structure, whose new members are not used. */
		domain = NULL;
		config.user_data = &longer;
		config.user_size = sizeof(longer);
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_SVA, &config, &domain),
				 cases[i].status);
		iommu_domain_free(domain);
		domain = NULL;
		longer.rest[7] = 1;
		assert_int_not_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_SVA, &config, &domain),
				     0);
		config.user_size = sizeof(longer.table) - 1;
		assert_int_not_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_SVA, &config, &domain),
				     0);
		end();
	}
}

/* --- Device ids ------------------------------------------------------------------------------- */

/* A unit that has only directories of three levels is given one. */
static void test_deep_directories(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING,
						       .levels = 1U << 3};
	const struct iommu_riscv_config config = {.registers = BASE, .device_id_bits = 6};
	struct iommu_endpoint_info info = {.source_id = 9};
	struct iommu_riscv_info facts;
	struct iommu_domain *identity;

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(add_device(0, &info), 0);
	f.devices[0].id = 9;
	identity = make(IOMMU_DOMAIN_IDENTITY, NULL);
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_int_equal(facts.directory_levels, 1);
	assert_int_equal(iommu_domain_attach_group(identity, f.devices[0].group), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_int_equal(facts.directory_levels, 3);
	reaches(0, 0, 0x7000, 0x7000);
	info.source_id = 64;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.devices[1].endpoint),
			 IOMMU_EINVAL);
	f.devices[1].endpoint = NULL;
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(identity);
	end();
}

/* Ids that firmware maps, phantom functions, and devices that are no PCI functions. */
static void test_device_ids(void **state)
{
	static const struct iommu_riscv_ids ranges[] = {
		{.first = 0x100, .last = 0x1ff, .device_id = 0x20000},
		{.first = 8, .last = 15, .device_id = 0x40},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	struct iommu_riscv_config config = {.registers = BASE,
					    .device_id_bits = 24,
					    .id_ranges = ranges,
					    .id_range_count = 2,
					    .firmware_node = &config};
	const struct iommu_fwspec fwspec = {
		.unit_node = &config, .id_count = 2, .ids = {0xabcdef, 0xabcdf0}};
	struct iommu_endpoint_info info = {.source_id = 0x123};
	struct iommu_domain *identity;

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(add_device(0, &info), 0);
	f.devices[0].id = 0x20023;
	info = (struct iommu_endpoint_info){.source_id = 8, .phantom_bits = 1};
	assert_int_equal(add_device(1, &info), 0);
	f.devices[1].id = 0x40;
	info = (struct iommu_endpoint_info){
		.source_id = 0xcdef, .fwspec = &fwspec, .not_in_topology = true};
	assert_int_equal(add_device(2, &info), 0);
	f.devices[2].id = 0xabcdef;
	info = (struct iommu_endpoint_info){.source_id = 0x300};
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.devices[3].endpoint),
			 IOMMU_ENODEV);
	f.devices[3].endpoint = NULL;
	identity = make(IOMMU_DOMAIN_IDENTITY, NULL);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	is_stopped(0, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
	is_stopped(2, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 2);
	assert_int_equal(f.faults[0].source_id, 0x123);
	assert_int_equal(f.faults[1].source_id, 0xcdef);
	assert_int_equal(iommu_domain_attach_group(identity, f.devices[0].group), 0);
	assert_int_equal(iommu_domain_attach_group(identity, f.devices[1].group), 0);
	assert_int_equal(iommu_domain_attach_group(identity, f.devices[2].group), 0);
	reaches(0, 0, 0x7000, 0x7000);
	reaches(1, 0, 0x7000, 0x7000);
	reaches(2, 0, 0x7000, 0x7000);
	/* Every id of a device is translated alike. */
	f.devices[1].id = 0x44;
	reaches(1, 0, 0x7000, 0x7000);
	f.devices[1].id = 0x41;
	is_stopped(1, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
	f.devices[2].id = 0xabcdf0;
	reaches(2, 0, 0x7000, 0x7000);
	assert_int_equal(iommu_domain_detach_group(f.devices[1].group), 0);
	assert_int_equal(iommu_domain_detach_group(f.devices[2].group), 0);
	f.devices[1].id = 0x44;
	is_stopped(1, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
	is_stopped(2, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(identity);
	end();
}

/* The ends of ranges of ids, and as many ranges as there can be. */
static void test_ranges(void **state)
{
	static const struct iommu_riscv_ids ranges[] = {
		{.first = 0, .last = 0, .device_id = 0},
		{.first = 0x100, .last = 0x1ff, .device_id = 0x20000},
		{.first = 0x200, .last = 0x200, .device_id = 0x20100},
		{.first = 0xfff0, .last = 0xffff, .device_id = 0xfffff0},
	};
	static const struct {
		uint16_t source_id;
		uint32_t device_id;
		bool exists;
	} cases[] = {
		{0, 0, true},
		{1, 0, false},
		{0xff, 0, false},
		{0x100, 0x20000, true},
		{0x1ff, 0x200ff, true},
		{0x200, 0x20100, true},
		{0x201, 0, false},
		{0xffef, 0, false},
		{0xfff0, 0xfffff0, true},
		{0xffff, 0xffffff, true},
	};
	static struct iommu_riscv_ids many[513];
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	struct iommu_riscv_config config = {
		.registers = BASE, .device_id_bits = 24, .id_ranges = ranges, .id_range_count = 4};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_endpoint_info info = {.source_id = cases[i].source_id};
		struct iommu_domain *identity;

		machine(&model);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
		assert_int_equal(add_device(0, &info), cases[i].exists ? 0 : IOMMU_ENODEV);
		if (!cases[i].exists) {
			f.devices[0].endpoint = NULL;
			end();
			continue;
		}
		f.devices[0].id = cases[i].device_id;
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		is_stopped(0, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
		assert_int_equal(f.faults[0].source_id, cases[i].source_id);
		assert_ptr_equal(f.faults[0].endpoint, f.devices[0].endpoint);
		identity = make(IOMMU_DOMAIN_IDENTITY, NULL);
		assert_int_equal(iommu_domain_attach_group(identity, f.devices[0].group), 0);
		reaches(0, 0, 0x7000, 0x7000);
		f.devices[0].id ^= 1;
		is_stopped(0, 0, 0x7000, RISCV_FAULT_DEVICE_NOT_VALID);
		assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		iommu_domain_free(identity);
		end();
	}
	for (i = 0; i < 513; i++)
		many[i] = (struct iommu_riscv_ids){.first = (uint16_t)(2 * i),
						   .last = (uint16_t)(2 * i),
						   .device_id = 1024 - i};
	machine(&model);
	config.id_ranges = many;
	config.id_range_count = 513;
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), IOMMU_EINVAL);
	config.id_range_count = 512;
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_riscv_remove_unit(f.unit), 0);
	/* Of so few bits, and one more. */
	config.device_id_bits = 11;
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_riscv_remove_unit(f.unit), 0);
	config.device_id_bits = 10;
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), IOMMU_EINVAL);
	end();
}

/* Ids that agree in their lower bits: a fault names its device, and no other. */
static void test_faults_of_like_ids(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_riscv_config config = {.registers = BASE, .device_id_bits = 20};
	const struct iommu_fwspec spec = {.ids = {0x20018, 0x39101}, .id_count = 2};
	struct iommu_endpoint_info info = {.source_id = 0x18};
	struct iommu_endpoint *nic, *platform, *twice;
	unsigned int i;
	static const struct {
		uint32_t id;
		int device; /* 0 nic, 1 platform, -1 none */
	} cases[] = {{0x18, 0}, {0x20018, 1}, {0x39101, 1}, {0x10018, -1}, {0x9101, -1}};

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &nic), 0);
	info.fwspec = &spec;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &twice), IOMMU_EEXIST);
	info.source_id = 0x9999;
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &platform), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f.devices[0].id = cases[i].id;
		is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
		assert_int_equal(f.fault_count, i + 1);
		assert_int_equal(f.faults[i].device_id, cases[i].id);
		assert_ptr_equal(f.faults[i].endpoint, cases[i].device == 0   ? nic
						       : cases[i].device == 1 ? platform
									      : NULL);
		if (cases[i].device >= 0)
			assert_int_equal(f.faults[i].source_id,
					 cases[i].device == 0 ? 0x18 : 0x9999);
	}
	assert_int_equal(iommu_release_endpoint(nic), 0);
	assert_int_equal(iommu_release_endpoint(platform), 0);
	end();
}

/* Of a device that the library does not know, the place on its bus is told all the same. */
static void test_faults_of_strangers(void **state)
{
	static const struct iommu_riscv_ids ids[] = {
		{.first = 0x100, .last = 0x1ff, .device_id = 0x40000},
		{.first = 0x000, .last = 0x0ff, .device_id = 0x30000},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_riscv_config config = {
		.registers = BASE, .device_id_bits = 20, .id_ranges = ids, .id_range_count = 2};

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	f.devices[0].id = 0x30012;
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	f.devices[0].id = 0x400ff;
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	f.devices[0].id = 0x51234;
	is_stopped(0, 0, IOVA, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 3);
	assert_int_equal(f.faults[0].source_id, 0x12);
	assert_int_equal(f.faults[0].device_id, 0x30012);
	assert_int_equal(f.faults[1].source_id, 0x1ff);
	assert_int_equal(f.faults[2].source_id, 0x1234);
	assert_int_equal(f.faults[2].device_id, 0x51234);
	assert_null(f.faults[0].endpoint);
	assert_null(f.faults[1].endpoint);
	assert_null(f.faults[2].endpoint);
	end();
}

/* Two devices with one id are not told apart by hardware. */
static void test_device_ids_once(void **state)
{
	static const struct iommu_riscv_ids ranges[] = {
		{.first = 0x100, .last = 0x10f, .device_id = 0x100},
		{.first = 0x200, .last = 0x20f, .device_id = 0x110},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_riscv_config config = {.registers = BASE,
						  .id_ranges = ranges,
						  .id_range_count = 2,
						  .firmware_node = &config};
	const struct iommu_fwspec same = {.unit_node = &config, .id_count = 1, .ids = {0x115}};
	struct iommu_endpoint_info info = {.source_id = 0x205};

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(add_device(0, &info), 0);
	info = (struct iommu_endpoint_info){
		.source_id = 0x300, .fwspec = &same, .not_in_topology = true};
	assert_int_equal(add_device(1, &info), IOMMU_EINVAL);
	f.devices[1].endpoint = NULL;
	assert_int_equal(iommu_release_endpoint(f.devices[0].endpoint), 0);
	assert_int_equal(add_device(0, &info), 0);
	end();
}

/* --- Units ------------------------------------------------------------------------------------ */

/* A unit with queues of 256 entries takes fewer page requests, and works. */
static void test_small_queues(void **state)
{
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING, .queue_max = 8};
	const struct iommu_riscv_config config = {.registers = BASE};
	struct iommu_model_riscv_config smaller = model;
	struct iommu_riscv_info facts;

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_model_riscv_mmio_read(f.model, RISCV_PQB, 8) & 31, 7);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, NULL), 0);
	end();
	/* Too small for what is written there before hardware is told. */
	smaller.queue_max = 7;
	machine(&smaller);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EOPNOTSUPP);
	assert_false(iommu_unit_is_enabled(f.unit));
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_string_equal(facts.failure, "the command queue does not start");
	end();
}

/* A unit without page requests has none to report. */
static void test_no_page_requests(void **state)
{
	bool lost = false;

	(void)state;
	begin(EVERYTHING & ~RISCV_CAP_ATS);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit, &lost), 0);
	assert_false(lost);
	assert_false(iommu_endpoint_uses_device_tlb(f.devices[0].endpoint));
	end();
}

/* How far a unit's addresses go, which says what memory it can be given. */
static void test_output_bits(void **state)
{
	static const struct {
		unsigned int bits;
		int status;
	} cases[] = {{12, IOMMU_EIO}, {13, IOMMU_ENOMEM}, {26, 0}, {56, 0}, {57, IOMMU_EIO}};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_riscv_config config = {.registers = BASE};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_faults liar = {
			.lies = true,
			.lying_register = RISCV_CAPABILITIES,
			.lie = RISCV_CAP_SV39 | (uint64_t)cases[i].bits << 32 | 0x10};
		struct iommu_riscv_info facts;

		machine(&model);
		/* Blocks that begin in the first two pages are at hand no more. */
		(void)f.test.platform.alloc_pages(f.test.platform.ctx, 1, IOMMU_NODE_ANY, 0);
		iommu_model_riscv_misbehave(f.model, &liar);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), cases[i].status);
		if (cases[i].status == 0) {
			assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
			assert_int_equal(facts.output_bits, cases[i].bits);
		}
		iommu_destroy(f.iommu);
		f.test.platform.free_pages(f.test.platform.ctx,
					   iommu_phys_to_virt(&f.test.platform, 0), 1);
		assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
		end();
	}
}

/* Registers that take their time, and those that take all of it. */
static void test_busy(void **state)
{
	const struct iommu_model_riscv_faults slow = {.busy_delay = 5}, busy = {.stays_busy = true},
					      none = {0};
	struct iommu_domain *domain;
	struct iommu_riscv_info facts;
	iommu_paddr_t paddr;

	(void)state;
	begin(EVERYTHING);
	domain = paging(IOMMU_STAGE_ANY);
	paddr = map(domain, IOVA);
	assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
	iommu_model_riscv_misbehave(f.model, &busy);
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_ETIMEDOUT);
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_ALL_DISALLOWED);
	assert_int_equal(reg(RISCV_CQCSR, 4) & (RISCV_QUEUE_ON | RISCV_QUEUE_ENABLE), 0);
	assert_int_equal(reg(RISCV_FQCSR, 4) & (RISCV_QUEUE_ON | RISCV_QUEUE_ENABLE), 0);
	assert_int_equal(reg(RISCV_PQCSR, 4) & (RISCV_QUEUE_ON | RISCV_QUEUE_ENABLE), 0);
	iommu_model_riscv_misbehave(f.model, &busy);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_ETIMEDOUT);
	assert_false(iommu_unit_is_enabled(f.unit));
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_string_equal(facts.failure, "cannot be turned off first");
	iommu_model_riscv_misbehave(f.model, &slow);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_null(facts.failure);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	is_stopped(0, 0, IOVA, RISCV_FAULT_ALL_DISALLOWED);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	reaches(0, 0, IOVA, paddr);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(domain);
	end();
}

/* What a predecessor has said of byte order and interrupts is set right, whatever is still on. */
static void test_features_of_a_predecessor(void **state)
{
	static const struct {
		uint32_t before, fixed;
		unsigned int flags;
		uint32_t after;
		int status;
	} cases[] = {
		{RISCV_FCTL_WSI, 0, 0, 0, 0},
		{RISCV_FCTL_WSI, 0, IOMMU_RISCV_WIRES, RISCV_FCTL_WSI, 0},
		{0, 0, IOMMU_RISCV_WIRES, RISCV_FCTL_WSI, 0},
		{RISCV_FCTL_BE, 0, 0, 0, 0},
		{RISCV_FCTL_BE | RISCV_FCTL_WSI, 0, 0, 0, 0},
		{RISCV_FCTL_WSI, RISCV_FCTL_WSI, 0, 0, IOMMU_EOPNOTSUPP},
		{0, RISCV_FCTL_WSI, IOMMU_RISCV_WIRES, 0, IOMMU_EOPNOTSUPP},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_config model = {
			.capabilities =
				EVERYTHING | RISCV_CAP_END | (uint64_t)RISCV_INTERRUPTS_BOTH << 28,
			.fctl = cases[i].before,
			.fctl_fixed = cases[i].fixed};
		const struct iommu_riscv_config config = {.registers = BASE,
							  .flags = cases[i].flags};
		static const uint32_t queues[][2] = {{RISCV_CQB, RISCV_CQCSR},
						     {RISCV_FQB, RISCV_FQCSR},
						     {RISCV_PQB, RISCV_PQCSR}};
		struct iommu_riscv_info facts;
		unsigned int n;

		machine(&model);
		assert_int_equal(reg(RISCV_FCTL, 4), cases[i].before);
		for (n = 0; n < 3; n++) {
			iommu_model_riscv_mmio_write(f.model, queues[n][0], 8,
						     riscv_queue_base(0x10000 + 0x1000 * n, 6));
			iommu_model_riscv_mmio_write(f.model, queues[n][1], 4, RISCV_QUEUE_ENABLE);
			assert_int_equal(reg(queues[n][1], 4), RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON);
		}
		iommu_model_riscv_mmio_write(f.model, RISCV_DDTP, 8, RISCV_DDTP_BARE);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
		/* What passes everything does so until it is turned on. */
		assert_int_equal(reg(RISCV_DDTP, 8), RISCV_DDTP_BARE);
		assert_int_equal(iommu_unit_enable(f.unit), cases[i].status);
		assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
		if (cases[i].status == 0) {
			assert_int_equal(reg(RISCV_FCTL, 4), cases[i].after);
			assert_true(riscv_ddtp_mode(reg(RISCV_DDTP, 8)) > RISCV_DDTP_BARE);
			assert_null(facts.failure);
			assert_int_equal((reg(RISCV_FQCSR, 4) & RISCV_QUEUE_INTERRUPT) != 0,
					 cases[i].flags != 0);
		} else {
			assert_int_equal(riscv_ddtp_mode(reg(RISCV_DDTP, 8)), RISCV_DDTP_OFF);
			assert_string_equal(facts.failure, "does not take little-endian tables, or "
							   "its kind of interrupts");
		}
		end();
	}
}

/* Which of several units a device is behind: that which names it, or else that which names none. */
static void test_units_of_devices(void **state)
{
	static const struct iommu_riscv_ids ranges[] = {
		{.first = 0x100, .last = 0x1ff, .device_id = 0x100}};
	static const struct {
		uint16_t segment, source_id;
		unsigned int unit; /* 3: none */
	} cases[] = {{1, 0x100, 0}, {1, 0x1ff, 0}, {1, 0xff, 1},  {1, 0x200, 1},
		     {2, 0x100, 2}, {2, 0x200, 3}, {3, 0x100, 3}, {0, 0x100, 3}};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	const struct iommu_riscv_config configs[] = {
		{.registers = BASE, .segment = 1, .id_ranges = ranges, .id_range_count = 1},
		{.registers = BASE + PAGE, .segment = 1},
		{.registers = BASE + 2 * PAGE,
		 .segment = 2,
		 .id_ranges = ranges,
		 .id_range_count = 1},
	};
	struct iommu_unit *units[3], *again;
	unsigned int i;

	(void)state;
	machine(&model);
	for (i = 0; i < 3; i++)
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &configs[i], &units[i]), 0);
	assert_string_equal(iommu_unit_name(units[0]), "riscv0");
	assert_string_equal(iommu_unit_name(units[2]), "riscv2");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_endpoint_info info = {.segment = cases[i].segment,
							 .source_id = cases[i].source_id};
		struct iommu_endpoint *endpoint = NULL;

		assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint),
				 cases[i].unit == 3 ? IOMMU_ENODEV : 0);
		if (cases[i].unit == 3)
			continue;
		assert_ptr_equal(iommu_endpoint_unit(endpoint), units[cases[i].unit]);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
	}
	/* One goes, and comes back at the same place; the others stay as they are. */
	assert_int_equal(iommu_riscv_remove_unit(units[1]), 0);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &configs[0], NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &configs[2], NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &configs[1], &again), 0);
	assert_ptr_equal(again, units[1]);
	assert_string_equal(iommu_unit_name(again), "riscv3");
	assert_int_equal(iommu_riscv_remove_unit(NULL), 0);
	end();
}

/* With wires, too, the causes' vectors are those of the unit, and not what reset has left. */
static void test_wires(void **state)
{
	const struct iommu_model_riscv_config model = {
		.capabilities = EVERYTHING | (uint64_t)RISCV_INTERRUPTS_BOTH << 28,
		.strict = IOMMU_MODEL_RISCV_WILD_RESET,
		.forget_seed = 77};
	const struct iommu_riscv_config config = {.registers = BASE, .flags = IOMMU_RISCV_WIRES};
	struct iommu_riscv_info facts;
	unsigned int cause;
	uint64_t vectors;

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_int_not_equal(facts.vectors, 0);
	vectors = iommu_model_riscv_mmio_read(f.model, RISCV_ICVEC, 8);
	for (cause = 0; cause < 4; cause++)
		assert_int_equal(riscv_icvec_vector(vectors, cause),
				 cause < facts.vectors ? cause : facts.vectors - 1);
	end();
}

static void test_configurations(void **state)
{
	static const struct iommu_riscv_ids empty = {.first = 2, .last = 1};
	static const struct iommu_riscv_ids wide = {.first = 0, .last = 1, .device_id = 0xffff};
	static const struct iommu_riscv_ids one_source[] = {
		{.first = 0x100, .last = 0x10f, .device_id = 0x100},
		{.first = 0x10f, .last = 0x11f, .device_id = 0x200},
	};
	static const struct iommu_riscv_ids one_device[] = {
		{.first = 0x100, .last = 0x10f, .device_id = 0x100},
		{.first = 0x200, .last = 0x20f, .device_id = 0x10f},
	};
	static const struct iommu_riscv_config wrong[] = {
		{.registers = BASE + 8},
		{.registers = BASE, .flags = 1U << 7},
		{.registers = BASE, .device_id_bits = 25},
		{.registers = BASE, .id_range_count = 1},
		{.registers = BASE, .id_ranges = &empty, .id_range_count = 1},
		{.registers = BASE, .id_ranges = &wide, .id_range_count = 1},
		{.registers = BASE, .id_ranges = one_source, .id_range_count = 2},
		{.registers = BASE, .id_ranges = one_device, .id_range_count = 2},
	};
	const struct iommu_model_riscv_config model = {.capabilities = EVERYTHING};
	static const struct {
		uint64_t value;
		const char *why;
	} lies[] = {
		{0x20 | EVERYTHING, "another version than 1.0"},
		{EVERYTHING, "another version than 1.0"},
		{0, "no capability: no unit is at this address"},
		{UINT64_MAX, "ones: no unit is at this address"},
	};
	const struct iommu_model_riscv_faults none = {0};
	const struct iommu_riscv_config right = {.registers = BASE};
	const struct iommu_endpoint_info info = {.source_id = 8};
	struct iommu_hardware_info hardware;
	struct iommu_endpoint *endpoint;
	unsigned int i;

	(void)state;
	machine(&model);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &wrong[i], NULL), IOMMU_EINVAL);
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const struct iommu_model_riscv_faults liar = {.lies = true, .lie = lies[i].value};

		iommu_model_riscv_misbehave(f.model, &liar);
		assert_int_equal(iommu_riscv_add_unit(f.iommu, &right, NULL), IOMMU_EOPNOTSUPP);
		assert_non_null(strstr(iommu_reason(f.iommu), lies[i].why));
	}
	iommu_model_riscv_misbehave(f.model, &none);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &right, &f.unit), 0);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &right, NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_unit_get_hardware_info(f.unit, &hardware), 0);
	assert_int_equal(hardware.type, IOMMU_HARDWARE_RISCV);
	assert_int_equal(hardware.words[0], EVERYTHING | 0x10);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), 0);
	assert_int_equal(iommu_riscv_remove_unit(f.unit), IOMMU_EBUSY);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_riscv_remove_unit(f.unit), 0);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &right, &f.unit), 0);
	end();
}

/* A unit that a predecessor left on is off before anything of it can be reused. */
static void take_from_predecessor(bool lies)
{
	const struct iommu_riscv_config config = {.registers = BASE};
	const struct iommu_model_riscv_faults deaf = {.deaf_register = RISCV_DDTP}, none = {0};
	static const uint32_t deafs[] = {RISCV_FQCSR, RISCV_PQCSR, RISCV_CQCSR, RISCV_IOCOUNTINH};
	struct iommu_domain *identity;
	unsigned int n;

	begin(EVERYTHING | RISCV_CAP_HPM);
	identity = make(IOMMU_DOMAIN_IDENTITY, NULL);
	assert_int_equal(iommu_domain_attach_group(identity, f.devices[0].group), 0);
	reaches(0, 0, 0x7000, 0x7000);
	/* The next kernel, on the same hardware. */
	{
		struct iommu *before = f.iommu, *next = NULL;
		struct iommu_unit *unit = NULL;

		assert_int_equal(iommu_create(&f.test.platform, &next), 0);
		iommu_model_riscv_misbehave(f.model, &deaf);
		assert_int_equal(iommu_riscv_add_unit(next, &config, &unit), IOMMU_EIO);
		iommu_model_riscv_misbehave(f.model, &none);
		reaches(0, 0, 0x7000, 0x7000);
		iommu_model_riscv_mmio_write(f.model, RISCV_IOCOUNTINH, 4, 0);
		for (n = 0; n < sizeof(deafs) / sizeof(deafs[0]); n++) {
			const struct iommu_model_riscv_faults deaf_one = {.deaf_register =
										  deafs[n]};

			iommu_model_riscv_misbehave(f.model, &deaf_one);
			assert_int_not_equal(iommu_riscv_add_unit(next, &config, &unit), 0);
			assert_non_null(strstr(iommu_reason(next), "do not stop"));
			iommu_model_riscv_misbehave(f.model, &none);
		}
		assert_int_equal(iommu_unit_disable(f.unit), 0);
		assert_int_equal(iommu_unit_enable(f.unit), 0);
		reaches(0, 0, 0x7000, 0x7000);
		assert_int_not_equal(
			iommu_model_riscv_mmio_read(f.model, RISCV_FQCSR, 4) & RISCV_QUEUE_ON, 0);
		/* Once in doubt about the mode, it is off as well. */
		f.says_off = lies;
		assert_int_equal(iommu_riscv_add_unit(next, &config, &unit), 0);
		is_stopped(0, 0, 0x7000, RISCV_FAULT_ALL_DISALLOWED);
		/* Nor does hardware write to what was its memory. */
		assert_int_equal(iommu_model_riscv_mmio_read(f.model, RISCV_IOCOUNTINH, 4) & 1, 1);
		assert_int_equal(
			iommu_model_riscv_mmio_read(f.model, RISCV_FQCSR, 4) & RISCV_QUEUE_ON, 0);
		assert_int_equal(
			iommu_model_riscv_mmio_read(f.model, RISCV_PQCSR, 4) & RISCV_QUEUE_ON, 0);
		assert_int_equal(
			iommu_model_riscv_mmio_read(f.model, RISCV_CQCSR, 4) & RISCV_QUEUE_ON, 0);
		iommu_destroy(next);
		f.iommu = before;
	}
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), 0);
	reaches(0, 0, 0x7000, 0x7000);
	assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
	iommu_domain_free(identity);
	end();
}

static void test_predecessor(void **state)
{
	(void)state;
	take_from_predecessor(false);
	take_from_predecessor(true);
}

/* A reset opens such a unit: off it is again with the resume, and with a disable. */
static void test_reset_while_off(void **state)
{
	const struct iommu_model_riscv_config model = {.resets_bare = true};
	const struct iommu_riscv_config config = {.registers = BASE};

	(void)state;
	begin_with(&model, &config);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_riscv_reset(f.model);
	reaches(0, 0, 0x7000, 0x7000);
	assert_int_equal(iommu_resume(f.iommu), 0);
	is_stopped(0, 0, 0x7000, RISCV_FAULT_ALL_DISALLOWED);
	iommu_model_riscv_reset(f.model);
	reaches(0, 0, 0x7000, 0x7000);
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	is_stopped(0, 0, 0x7000, RISCV_FAULT_ALL_DISALLOWED);
	end();
}

/* A unit with big-endian structures alone is refused. */
static void test_byte_order(void **state)
{
	const struct iommu_model_riscv_config model = {
		.capabilities = EVERYTHING, .fctl = RISCV_FCTL_BE, .fctl_fixed = RISCV_FCTL_BE};
	const struct iommu_riscv_config config = {.registers = BASE};
	struct iommu_riscv_info facts;

	(void)state;
	machine(&model);
	assert_int_equal(iommu_riscv_add_unit(f.iommu, &config, &f.unit), 0);
	assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_riscv_get_info(f.unit, &facts), 0);
	assert_non_null(facts.failure);
	end();
}

/* Both stages, each width, and what a unit does not have. */
static void test_widths(void **state)
{
	static const struct {
		uint64_t capabilities;
		enum iommu_stage stage;
		unsigned int width, levels;
		int status;
	} cases[] = {
		{FIRST | SECOND, IOMMU_STAGE_ANY, 0, 4, 0},
		{FIRST | SECOND, IOMMU_STAGE_FIRST, 38, 3, 0},
		{FIRST | SECOND, IOMMU_STAGE_FIRST, 39, 4, 0},
		{FIRST | SECOND, IOMMU_STAGE_FIRST, 56, 5, 0},
		{FIRST | SECOND, IOMMU_STAGE_FIRST, 57, 0, IOMMU_EINVAL},
		{FIRST | SECOND, IOMMU_STAGE_SECOND, 41, 3, 0},
		{FIRST | SECOND, IOMMU_STAGE_SECOND, 42, 4, 0},
		{FIRST | SECOND, IOMMU_STAGE_SECOND, 59, 5, 0},
		{RISCV_CAP_SV39, IOMMU_STAGE_ANY, 0, 3, 0},
		{RISCV_CAP_SV39, IOMMU_STAGE_ANY, 39, 0, IOMMU_EINVAL},
		{RISCV_CAP_SV39, IOMMU_STAGE_SECOND, 0, 0, IOMMU_EOPNOTSUPP},
		{SECOND, IOMMU_STAGE_ANY, 0, 4, 0},
		{SECOND, IOMMU_STAGE_FIRST, 0, 0, IOMMU_EOPNOTSUPP},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_domain_config config = {.stage = cases[i].stage,
							   .address_width = cases[i].width};
		struct iommu_domain *domain = NULL;
		struct iommu_domain_info facts;
		iommu_iova_t last;
		iommu_paddr_t paddr;

		begin(cases[i].capabilities | 50ULL << 32);
		assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &config, &domain),
				 cases[i].status);
		if (cases[i].status == 0) {
			iommu_domain_get_info(domain, &facts);
			assert_int_equal(facts.levels, cases[i].levels);
			last = facts.aperture_last & ~(PAGE - 1);
			paddr = map(domain, last);
			assert_int_equal(iommu_domain_attach_group(domain, f.devices[0].group), 0);
			reaches(0, 0, last, paddr);
			assert_int_equal(iommu_unmap(domain, last, PAGE, 0, NULL), 0);
			is_stopped(0, 0, last,
				   facts.stage == IOMMU_STAGE_FIRST ? RISCV_FAULT_WRITE_PAGE
								    : RISCV_FAULT_WRITE_GUEST_PAGE);
			assert_int_equal(iommu_domain_detach_group(f.devices[0].group), 0);
		}
		iommu_domain_free(domain);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_no_order),
		cmocka_unit_test(a_block_waits_for_all),
		cmocka_unit_test(test_pasids),
		cmocka_unit_test(test_pasids_that_fail),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_unconfirmed),
		cmocka_unit_test(test_nested_requests),
		cmocka_unit_test(test_first_attach_says_nothing),
		cmocka_unit_test(test_nested_nonsense),
		cmocka_unit_test(test_call_for_a_guest),
		cmocka_unit_test(test_table_of_a_guest),
		cmocka_unit_test(test_processes_of_a_guest),
		cmocka_unit_test(test_pasids_of_a_guest_kept),
		cmocka_unit_test(test_dirty_pages_of_a_guest),
		cmocka_unit_test(test_guest_unconfirmed),
		cmocka_unit_test(test_told_of_what_is_valid),
		cmocka_unit_test(test_not_told_of_what_is_valid),
		cmocka_unit_test(test_not_told_of_processes),
		cmocka_unit_test(test_device_tlb),
		cmocka_unit_test(test_silent_device),
		cmocka_unit_test(test_silent_at_enable),
		cmocka_unit_test(test_reset_unconfirmed),
		cmocka_unit_test(test_reset_end_fails),
		cmocka_unit_test(test_reset_begin_fails),
		cmocka_unit_test(test_feature_end_unconfirmed),
		cmocka_unit_test(test_device_tlb_of_pasids),
		cmocka_unit_test(test_page_requests),
		cmocka_unit_test(test_page_requests_overflow),
		cmocka_unit_test(test_page_requests_after_a_reset),
		cmocka_unit_test(test_release_beside_a_reset),
		cmocka_unit_test(test_blocked_beside_what_is_open),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_interrupt_files),
		cmocka_unit_test(test_files_unconfirmed),
		cmocka_unit_test(test_fault_records),
		cmocka_unit_test(test_fault_texts),
		cmocka_unit_test(test_fault_rate),
		cmocka_unit_test(test_fault_storm),
		cmocka_unit_test(test_senseless_queues),
		cmocka_unit_test(test_enabled_again),
		cmocka_unit_test(test_unknown_requests),
		cmocka_unit_test(test_page_answers),
		cmocka_unit_test(test_answer_unconfirmed),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_reasons_of_domains),
		cmocka_unit_test(test_domain_options),
		cmocka_unit_test(test_capable),
		cmocka_unit_test(test_host_tables),
		cmocka_unit_test(test_host_table_nonsense),
		cmocka_unit_test(test_replaced_through_not_valid),
		cmocka_unit_test(test_block_unconfirmed),
		cmocka_unit_test(test_error_that_stayed),
		cmocka_unit_test(test_refused_commands),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_no_page_requests),
		cmocka_unit_test(test_output_bits),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_dirty),
		cmocka_unit_test(test_deep_directories),
		cmocka_unit_test(test_device_ids),
		cmocka_unit_test(test_device_ids_once),
		cmocka_unit_test(test_device_tlb_of_pasid_0),
		cmocka_unit_test(test_device_tlb_on_late),
		cmocka_unit_test(test_device_tlb_off),
		cmocka_unit_test(test_device_tlb_unknown),
		cmocka_unit_test(test_many_interrupt_files),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_features_of_a_predecessor),
		cmocka_unit_test(test_units_of_devices),
		cmocka_unit_test(test_small_queues),
		cmocka_unit_test(test_faults_of_like_ids),
		cmocka_unit_test(test_faults_of_strangers),
		cmocka_unit_test(test_wires),
		cmocka_unit_test(test_configurations),
		cmocka_unit_test(test_predecessor),
		cmocka_unit_test(test_reset_while_off),
		cmocka_unit_test(test_byte_order),
		cmocka_unit_test(test_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
