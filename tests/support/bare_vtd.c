/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_vtd.h"

#include <string.h>

#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

struct bare_vtd t;
bool (*bare_vtd_invalidate)(void *ctx, const struct iommu_model_invalidation *what);
struct iommu_model_translation result;

/* --- The machine around it -------------------------------------------------------------------- */

static bool host_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&t.reads, 1, __ATOMIC_RELAXED);
	if (paddr > MEMORY - size)
		return false;
	memcpy(bytes, t.memory + paddr, size);
	if (t.reading != NULL)
		t.reading(paddr);
	return true;
}

static bool host_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&t.writes, 1, __ATOMIC_RELAXED);
	if (paddr > MEMORY - size)
		return false;
	/* Status words, written by several threads at once. */
	if (size == 4) {
		uint32_t value;

		memcpy(&value, bytes, 4);
		__atomic_store_n((uint32_t *)(void *)(t.memory + paddr), value, __ATOMIC_RELAXED);
		return true;
	}
	memcpy(t.memory + paddr, bytes, size);
	return true;
}

static bool host_set_bits(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before)
{
	uint64_t word;

	(void)ctx;
	(void)__atomic_add_fetch(&t.writes, 1, __ATOMIC_RELAXED);
	if (paddr > MEMORY - 8)
		return false;
	memcpy(&word, t.memory + paddr, 8);
	*before = iommu_le64(word);
	word |= iommu_le64(bits);
	memcpy(t.memory + paddr, &word, 8);
	return true;
}

static bool host_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				  uint64_t desired)
{
	uint64_t bytes;

	(void)ctx;
	(void)__atomic_add_fetch(&t.writes, 1, __ATOMIC_RELAXED);
	if (paddr > MEMORY - 8)
		return false;
	memcpy(&bytes, t.memory + paddr, 8);
	if (iommu_le64(bytes) != expected)
		return false;
	word(paddr, desired);
	return true;
}

static void host_interrupt(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	t.messages++;
	t.message_address = address;
	t.message_data = data;
	if (t.told != NULL)
		t.told();
}

static bool host_invalidate_device_tlb(void *ctx, const struct iommu_model_device_tlb *forget)
{
	(void)ctx;
	t.asked++;
	t.asked_last = *forget;
	if (t.meanwhile != NULL)
		t.meanwhile();
	return !t.silent;
}

static void host_page_answer(void *ctx, const struct iommu_model_page_answer *answer)
{
	(void)ctx;
	t.answers++;
	t.answer_last = *answer;
	if (t.meanwhile != NULL)
		t.meanwhile();
}

static void host_work_remains(void *ctx)
{
	(void)ctx;
	t.work_remains++;
}

static void host_misuse(void *ctx, const char *text)
{
	(void)ctx;
	t.misuses++;
	t.misuse = text;
	if (t.told != NULL)
		t.told();
}

static void host_write_buffer_flushed(void *ctx)
{
	(void)ctx;
	t.flushes++;
}

uint64_t reg(uint64_t offset, unsigned int size)
{
	return iommu_model_vtd_mmio_read(t.model, offset, size);
}

void set(uint64_t offset, unsigned int size, uint64_t value)
{
	iommu_model_vtd_mmio_write(t.model, offset, size, value);
}

void word(iommu_paddr_t paddr, uint64_t value)
{
	const uint64_t bytes = iommu_le64(value);

	memcpy(t.memory + paddr, &bytes, 8);
}

int create(const struct iommu_model_vtd_config *config)
{
	struct iommu_model_vtd_config own = *config;

	/* The defaults of a unit where the test does not say. */
	if (own.fault_records == 0)
		own.fault_records = 1;
	if (own.address_mask == 0 && (own.flags & IOMMU_MODEL_VTD_NO_PAGES) == 0)
		own.flags |= IOMMU_MODEL_VTD_SINGLE_PAGES;
	own.platform = &t.hosted.platform;
	own.host = (struct iommu_model_vtd_host){
		.read = host_read,
		.write = host_write,
		.set_bits = host_set_bits,
		.compare_exchange = host_compare_exchange,
		.page_answer = host_page_answer,
		.interrupt = host_interrupt,
		.invalidate_device_tlb = host_invalidate_device_tlb,
		.misuse = host_misuse,
		.work_remains = host_work_remains,
		.write_buffer_flushed = host_write_buffer_flushed,
		.invalidate = bare_vtd_invalidate,
	};
	return iommu_model_vtd_create(&own, &t.model);
}

void begin(const struct iommu_model_vtd_config *config)
{
	memset(&t, 0, sizeof(t));
	assert_int_equal(iommu_hosted_init(&t.hosted, NULL, 16 << 20, 0), 0);
	test_contract_hosted(&t.hosted);
	t.read = host_read;
	t.write = host_write;
	assert_int_equal(create(config), 0);
}

void end(void)
{
	iommu_model_vtd_destroy(t.model);
	assert_int_equal(t.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&t.hosted);
}

void command(uint32_t bit, bool value)
{
	const uint32_t lasting = (uint32_t)reg(VTD_GSTS, 4) & VTD_GLOBAL_LASTING;

	set(VTD_GCMD, 4, value ? lasting | bit : lasting & ~bit);
}

/* Tables by which address 0x123000 of SID leads to DATA, with so many levels. */
void make_tables(unsigned int levels, enum vtd_translation_type type)
{
	unsigned int level;

	word(ROOT + 16, vtd_root_low(CONTEXT));
	word(CONTEXT + 0x20 * 16, vtd_context_low(LEVEL(levels), type));
	word(CONTEXT + 0x20 * 16 + 8, vtd_context_high(levels, 5));
	for (level = levels; level > 1; level--)
		word(LEVEL(level), vtd_ss_table(LEVEL(level - 1)));
	word(LEVEL(1) + 0x123 * 8, vtd_ss_leaf(DATA, 1, true, true));
}

void translation_on(void)
{
	set(VTD_RTADDR, 8, ROOT);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_true((reg(VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0);
}

static void start_queue(bool wide)
{
	set(VTD_IQA, 8, QUEUE | (wide ? VTD_IQA_WIDE : 0));
	command(VTD_GLOBAL_QIE, true);
	t.tail = 0;
	t.wide = wide;
}

void queue_on(void)
{
	start_queue(false);
}

void wide_queue_on(void)
{
	start_queue(true);
}

void submit(struct vtd_descriptor d)
{
	const iommu_paddr_t place = QUEUE + vtd_queue_offset(t.tail, t.wide);

	word(place, d.low);
	word(place + 8, d.high);
	if (t.wide) {
		word(place + 16, 0);
		word(place + 24, 0);
	}
	t.tail = (t.tail + 1) % (t.wide ? 128 : 256);
	set(VTD_IQT, 8, vtd_queue_offset(t.tail, t.wide));
}

unsigned int reach_as(enum iommu_model_request_type type, uint64_t address, unsigned int access)
{
	const struct iommu_model_request request = {
		.source_id = SID, .type = type, .address = address, .access = access};
	int status = iommu_model_vtd_translate(t.model, &request, &result);

	assert_int_equal(status, result.reason == 0 ? 0 : IOMMU_EFAULT);
	return result.reason;
}

unsigned int reach(uint64_t address, unsigned int how)
{
	return reach_as(IOMMU_MODEL_UNTRANSLATED, address, how);
}

void running(const struct iommu_model_vtd_config *config)
{
	begin(config);
	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	translation_on();
}

void run_descriptors(const struct vtd_descriptor *d, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		submit(d[i]);
	assert_int_equal(reg(VTD_IQH, 8), vtd_queue_offset(t.tail, t.wide));
	assert_int_equal(reg(VTD_FSTS, 4) & VTD_FSTS_IQE, 0);
}
