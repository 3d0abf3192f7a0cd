/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_amdvi.h"

#include <string.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

struct bare_amdvi am;
struct iommu_model_amdvi_translation am_result;

/* --- The machine around it -------------------------------------------------------------------- */

static bool is_broken(iommu_paddr_t paddr)
{
	return am.broken_last != 0 && paddr >= am.broken_first && paddr <= am.broken_last;
}

static bool host_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&am.reads, 1, __ATOMIC_RELAXED);
	if (paddr > am.size - size)
		return false;
	memcpy(bytes, am.memory + paddr, size);
	if (am.reading != NULL)
		am.reading(paddr);
	return true;
}

static bool host_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&am.writes, 1, __ATOMIC_RELAXED);
	if (paddr > am.size - size || is_broken(paddr))
		return false;
	memcpy(am.memory + paddr, bytes, size);
	if (am.writing != NULL)
		am.writing(paddr);
	return true;
}

static bool host_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				  uint64_t desired)
{
	uint64_t bytes;

	(void)ctx;
	test_contract_memory(paddr, 8);
	(void)__atomic_add_fetch(&am.writes, 1, __ATOMIC_RELAXED);
	if (paddr > am.size - 8 || is_broken(paddr))
		return false;
	memcpy(&bytes, am.memory + paddr, 8);
	if (iommu_le64(bytes) != expected)
		return false;
	bytes = iommu_le64(desired);
	memcpy(am.memory + paddr, &bytes, 8);
	return true;
}

static void host_interrupt(void *ctx, const struct iommu_model_amdvi_signal *signal)
{
	(void)ctx;
	am.signals++;
	am.signal = *signal;
	if (am.meanwhile != NULL)
		am.meanwhile();
}

static void host_page_answer(void *ctx, const struct iommu_model_amdvi_page_answer *answer)
{
	(void)ctx;
	am.answers++;
	am.answer_last = *answer;
	if (am.meanwhile != NULL)
		am.meanwhile();
}

static void host_misuse(void *ctx, const char *text)
{
	(void)ctx;
	am.misuses++;
	am.misuse = text;
}

static void host_work_remains(void *ctx)
{
	(void)ctx;
	am.work_remains++;
}

static bool host_invalidate(void *ctx, const struct iommu_model_amdvi_invalidation *what)
{
	(void)ctx;
	am.told++;
	am.told_last = *what;
	if (am.meanwhile != NULL)
		am.meanwhile();
	return !am.silent;
}

int am_create(const struct iommu_model_amdvi_config *config)
{
	struct iommu_model_amdvi_config own = *config;

	own.platform = &am.hosted.platform;
	own.host = (struct iommu_model_amdvi_host){
		.read = host_read,
		.write = host_write,
		.compare_exchange = host_compare_exchange,
		.interrupt = host_interrupt,
		.page_answer = host_page_answer,
		.misuse = host_misuse,
		.work_remains = host_work_remains,
		.invalidate = host_invalidate,
	};
	return iommu_model_amdvi_create(&own, &am.model);
}

void am_begin(const struct iommu_model_amdvi_config *config)
{
	memset(&am, 0, sizeof(am));
	am.size = AM_MEMORY;
	assert_int_equal(iommu_hosted_init(&am.hosted, NULL, 16 << 20, 0), 0);
	test_contract_hosted(&am.hosted);
	assert_int_equal(am_create(config), 0);
}

void am_end(void)
{
	iommu_model_amdvi_destroy(am.model);
	assert_int_equal(am.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&am.hosted);
}

/* --- Registers and memory --------------------------------------------------------------------- */

uint64_t am_reg(uint32_t offset)
{
	return iommu_model_amdvi_mmio_read(am.model, offset, 8);
}

void am_set(uint32_t offset, uint64_t value)
{
	iommu_model_amdvi_mmio_write(am.model, offset, 8, value);
}

void am_word(iommu_paddr_t paddr, uint64_t value)
{
	const uint64_t bytes = iommu_le64(value);

	assert_true(paddr <= AM_MEMORY - 8);
	memcpy(am.memory + paddr, &bytes, 8);
}

uint64_t am_look(iommu_paddr_t paddr)
{
	uint64_t bytes;

	assert_true(paddr <= AM_MEMORY - 8);
	memcpy(&bytes, am.memory + paddr, 8);
	return iommu_le64(bytes);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

void am_enable(unsigned int field)
{
	am_set(AMDVI_CONTROL, am_reg(AMDVI_CONTROL) | amdvi_field_mask(field));
}

void am_disable(unsigned int field)
{
	am_set(AMDVI_CONTROL, am_reg(AMDVI_CONTROL) & ~amdvi_field_mask(field));
}

void am_unit_on(void)
{
	const uint64_t efr = am_reg(AMDVI_EFR);

	am_set(AMDVI_DEVICE_TABLE_BASE, amdvi_device_table_base(AM_DEVICES, 0x10000));
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(AM_COMMANDS, 8));
	am_set(AMDVI_EVENT_BASE, amdvi_ring_base(AM_EVENTS, 8));
	am_enable(AMDVI_CONTROL_CMD_BUF_EN);
	am_enable(AMDVI_CONTROL_EVENT_LOG_EN);
	am_enable(AMDVI_CONTROL_GT_EN);
	if (amdvi_bits(efr, AMDVI_EFR_PPR) != 0) {
		am_set(AMDVI_PPR_BASE, amdvi_ring_base(AM_REQUESTS, 8));
		am_enable(AMDVI_CONTROL_PPR_LOG_EN);
		am_enable(AMDVI_CONTROL_PPR_EN);
	}
	am_enable(AMDVI_CONTROL_IOMMU_EN);
	am.tail = 0;
}

struct amdvi_dte am_dte(void)
{
	struct amdvi_dte dte = amdvi_dte_blocked();
	amdvi_word_t *w = dte.words;

	amdvi_set(w, AMDVI_DTE_MODE, 4);
	amdvi_set_address(w, AMDVI_DTE_HOST_ROOT, AM_HOST + 0x4000);
	amdvi_set(w, AMDVI_DTE_IR, 1);
	amdvi_set(w, AMDVI_DTE_IW, 1);
	amdvi_set(w, AMDVI_DTE_DOMAIN, AM_DOMAIN);
	return dte;
}

struct amdvi_dte am_guest_dte(unsigned int mode)
{
	struct amdvi_dte dte = am_dte();
	amdvi_word_t *w = dte.words;

	amdvi_set(w, AMDVI_DTE_MODE, mode);
	amdvi_set_address(w, AMDVI_DTE_HOST_ROOT, AM_HOST + 0x1000ULL * mode);
	amdvi_set(w, AMDVI_DTE_GV, 1);
	amdvi_dte_set_gcr3_root(&dte, AM_GCR3 + 0x1000);
	return dte;
}

void am_device(uint16_t devid, const struct amdvi_dte *dte)
{
	unsigned int i;

	for (i = 0; i < AMDVI_DTE_WORDS; i++)
		am_word(AM_DEVICES + devid * 32ULL + i * 8ULL, dte->words[i]);
}

iommu_paddr_t am_place(uint64_t tables, uint64_t address, unsigned int level)
{
	return tables + 0x1000ULL * level + 8 * (address >> (12 + 9 * (level - 1)) & 511);
}

void am_map(unsigned int levels, uint64_t address, unsigned int level, uint64_t entry)
{
	unsigned int l;

	for (l = levels; l > level; l--)
		am_word(am_place(AM_HOST, address, l),
			amdvi_pte_table(AM_HOST + 0x1000ULL * (l - 1), l - 1));
	am_word(am_place(AM_HOST, address, level), entry);
}

void am_map_guest(uint64_t address, unsigned int level, uint64_t entry)
{
	unsigned int l;

	for (l = 4; l > level; l--)
		am_word(am_place(AM_GUEST, address, l), (AM_GUEST + 0x1000ULL * (l - 1)) | AM_PAGE);
	am_word(am_place(AM_GUEST, address, level), entry);
}

void am_submit(struct amdvi_command command)
{
	am_word(AM_COMMANDS + am.tail, command.words[0]);
	am_word(AM_COMMANDS + am.tail + 8, command.words[1]);
	am.tail = (am.tail + AMDVI_COMMAND_SIZE) & 0xfff;
	am_set(AMDVI_COMMAND_TAIL, am.tail);
}

void am_run(struct amdvi_command command)
{
	am_submit(command);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), am.tail);
	assert_true((am_reg(AMDVI_STATUS) & AMDVI_STATUS_CMD_BUF_RUN) != 0);
}

void am_forget(void)
{
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, true));
}

/* --- Requests --------------------------------------------------------------------------------- */

unsigned int am_ask(const struct iommu_model_amdvi_request *request)
{
	const int status = iommu_model_amdvi_translate(am.model, request, &am_result);

	assert_int_equal(status == 0, am_result.answer == IOMMU_MODEL_AMDVI_SUCCESS);
	assert_true(status == 0 || status == IOMMU_EFAULT);
	if (status != 0 && am_result.event == 0)
		return AM_SILENT;
	return am_result.event;
}

unsigned int am_reach(uint64_t address, unsigned int access)
{
	const struct iommu_model_amdvi_request request = {
		.devid = AM_DEVICE, .address = address, .access = access};

	return am_ask(&request);
}

unsigned int am_reach_guest(uint32_t pasid, uint64_t address, unsigned int access)
{
	const struct iommu_model_amdvi_request request = {.devid = AM_DEVICE,
							  .address = address,
							  .access = access,
							  .has_pasid = true,
							  .pasid = pasid};

	return am_ask(&request);
}

unsigned int am_events(void)
{
	return (unsigned int)((am_reg(AMDVI_EVENT_TAIL) - am_reg(AMDVI_EVENT_HEAD)) & 0xfff) /
	       AMDVI_EVENT_SIZE;
}

struct amdvi_event am_event(void)
{
	const uint64_t head = am_reg(AMDVI_EVENT_HEAD);
	struct amdvi_event event;

	assert_int_not_equal(am_events(), 0);
	event.words[0] = am_look(AM_EVENTS + head);
	event.words[1] = am_look(AM_EVENTS + head + 8);
	am_set(AMDVI_EVENT_HEAD, (head + AMDVI_EVENT_SIZE) & 0xfff);
	return event;
}
