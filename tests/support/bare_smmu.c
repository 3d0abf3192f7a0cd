/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_smmu.h"

#include <string.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

struct bare_smmu sm;
struct iommu_model_smmu_translation sm_result;

const struct sm_space sm_first = {
	.root = SM_FIRST + 0x10000, .below = SM_FIRST, .granule = 12, .level = 1, .bits = 39};
const struct sm_space sm_second = {
	.root = SM_ROOT_2, .below = SM_SECOND, .granule = 12, .level = 1, .bits = 39};

/* --- The machine around it -------------------------------------------------------------------- */

static bool is_broken(iommu_paddr_t paddr)
{
	return sm.broken_last != 0 && paddr >= sm.broken_first && paddr <= sm.broken_last;
}

static bool host_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&sm.reads, 1, __ATOMIC_RELAXED);
	if (paddr > sm.size - size)
		return false;
	memcpy(bytes, sm.memory + paddr, size);
	if (sm.reading != NULL)
		sm.reading(paddr);
	return true;
}

static bool host_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&sm.writes, 1, __ATOMIC_RELAXED);
	if (paddr > sm.size - size || is_broken(paddr))
		return false;
	memcpy(sm.memory + paddr, bytes, size);
	if (sm.writing != NULL)
		sm.writing(paddr);
	return true;
}

static bool host_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				  uint64_t desired)
{
	uint64_t bytes;

	(void)ctx;
	test_contract_memory(paddr, 8);
	(void)__atomic_add_fetch(&sm.writes, 1, __ATOMIC_RELAXED);
	if (paddr > sm.size - 8 || is_broken(paddr))
		return false;
	memcpy(&bytes, sm.memory + paddr, 8);
	if (iommu_le64(bytes) != expected)
		return false;
	bytes = iommu_le64(desired);
	memcpy(sm.memory + paddr, &bytes, 8);
	return true;
}

static bool host_interrupt(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	sm.messages++;
	sm.message_address = address;
	sm.message_data = data;
	if (sm.meanwhile != NULL)
		sm.meanwhile();
	return !sm.deaf;
}

static void host_wire(void *ctx, enum iommu_model_smmu_wire wire)
{
	(void)ctx;
	sm.edges[wire]++;
}

static void host_send_event(void *ctx)
{
	(void)ctx;
	sm.wakes++;
}

static void host_page_answer(void *ctx, const struct iommu_model_smmu_page_answer *answer)
{
	(void)ctx;
	sm.answers++;
	sm.answer_last = *answer;
	if (sm.meanwhile != NULL)
		sm.meanwhile();
}

static void host_resume(void *ctx, uint32_t stream, uint16_t tag,
			enum iommu_model_smmu_resumption resumption)
{
	(void)ctx;
	sm.resumptions++;
	sm.resumed_stream = stream;
	sm.resumed_tag = tag;
	sm.resumed_how = resumption;
}

static void host_misuse(void *ctx, const char *text)
{
	(void)ctx;
	sm.misuses++;
	sm.misuse = text;
}

static void host_work_remains(void *ctx)
{
	(void)ctx;
	sm.work_remains++;
}

static bool host_invalidate(void *ctx, const struct iommu_model_smmu_invalidation *what)
{
	(void)ctx;
	sm.told++;
	sm.told_last = *what;
	if (sm.meanwhile != NULL)
		sm.meanwhile();
	return !sm.silent;
}

int sm_create(const struct iommu_model_smmu_config *config)
{
	struct iommu_model_smmu_config own = *config;

	own.platform = &sm.hosted.platform;
	own.host = (struct iommu_model_smmu_host){
		.read = host_read,
		.write = host_write,
		.compare_exchange = host_compare_exchange,
		.interrupt = host_interrupt,
		.wire = host_wire,
		.send_event = host_send_event,
		.page_answer = host_page_answer,
		.resume = host_resume,
		.misuse = host_misuse,
		.work_remains = host_work_remains,
		.invalidate = host_invalidate,
	};
	return iommu_model_smmu_create(&own, &sm.model);
}

void sm_begin(const struct iommu_model_smmu_config *config)
{
	memset(&sm, 0, sizeof(sm));
	sm.size = SM_MEMORY;
	assert_int_equal(iommu_hosted_init(&sm.hosted, NULL, 16 << 20, 0), 0);
	test_contract_hosted(&sm.hosted);
	assert_int_equal(sm_create(config), 0);
}

void sm_end(void)
{
	iommu_model_smmu_destroy(sm.model);
	assert_int_equal(sm.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&sm.hosted);
}

/* --- Registers and memory --------------------------------------------------------------------- */

uint64_t sm_reg(uint32_t offset, unsigned int size)
{
	return iommu_model_smmu_mmio_read(sm.model, offset, size);
}

void sm_set(uint32_t offset, unsigned int size, uint64_t value)
{
	iommu_model_smmu_mmio_write(sm.model, offset, size, value);
}

void sm_word(iommu_paddr_t paddr, uint64_t value)
{
	const uint64_t bytes = iommu_le64(value);

	assert_true(paddr <= SM_MEMORY - 8);
	memcpy(sm.memory + paddr, &bytes, 8);
}

uint64_t sm_look(iommu_paddr_t paddr)
{
	uint64_t bytes;

	assert_true(paddr <= SM_MEMORY - 8);
	memcpy(&bytes, sm.memory + paddr, 8);
	return iommu_le64(bytes);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

void sm_enable(uint32_t bits)
{
	const uint32_t after = (uint32_t)sm_reg(SMMU_CR0, 4) | bits;

	sm_set(SMMU_CR0, 4, after);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), after);
}

void sm_disable(uint32_t bits)
{
	const uint32_t after = (uint32_t)sm_reg(SMMU_CR0, 4) & ~bits;

	sm_set(SMMU_CR0, 4, after);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), after);
}

void sm_interrupts(uint32_t bits)
{
	sm_set(SMMU_IRQ_CTRL, 4, bits);
	assert_int_equal(sm_reg(SMMU_IRQ_CTRLACK, 4), bits);
}

void sm_queues_on(void)
{
	const bool has_pri = smmu_bits(sm_reg(SMMU_IDR0, 4), SMMU_IDR0_PRI) != 0;

	sm_set(SMMU_CMDQ_BASE, 8, smmu_queue_base(SM_COMMANDS, 8, true));
	sm_set(SMMU_CMDQ_PROD, 4, 0);
	sm_set(SMMU_CMDQ_CONS, 4, 0);
	sm_set(SMMU_EVENTQ_BASE, 8, smmu_queue_base(SM_EVENTS, 7, true));
	sm_set(SMMU_EVENTQ_PROD, 4, 0);
	sm_set(SMMU_EVENTQ_CONS, 4, 0);
	sm_set(SMMU_PRIQ_BASE, 8, smmu_queue_base(SM_REQUESTS, 8, true));
	sm_set(SMMU_PRIQ_PROD, 4, 0);
	sm_set(SMMU_PRIQ_CONS, 4, 0);
	sm_enable(SMMU_CR0_CMDQEN | SMMU_CR0_EVENTQEN | (has_pri ? SMMU_CR0_PRIQEN : 0));
	sm.prod = 0;
}

void sm_unit_on(void)
{
	sm_queues_on();
	sm_set(SMMU_CR2, 4, SMMU_CR2_RECINVSID | SMMU_CR2_PTM);
	sm_set(SMMU_STRTAB_BASE, 8, SM_STREAMS);
	sm_set(SMMU_STRTAB_BASE_CFG, 4, smmu_strtab_cfg(SMMU_STREAM_TABLE_LINEAR, 8, 0));
	sm_enable(SMMU_CR0_SMMUEN);
}

struct smmu_ste sm_ste(enum smmu_ste_config config)
{
	struct smmu_ste ste = {{0}};
	smmu_word_t *w = ste.words;

	w[0] = smmu_ste_word0(config);
	smmu_set(w, SMMU_STE_SHCFG, SMMU_SHCFG_INCOMING);
	if (smmu_ste_has_stage_1(&ste))
		smmu_set_address(w, SMMU_STE_S1CONTEXTPTR, SM_CONTEXTS);
	smmu_set(w, SMMU_STE_S2VMID, SM_VMID);
	if (!smmu_ste_has_stage_2(&ste))
		return ste;
	smmu_set(w, SMMU_STE_S2T0SZ, 64 - 39);
	smmu_set(w, SMMU_STE_S2SL0, 1);
	smmu_set(w, SMMU_STE_S2PS, smmu_address_size(48));
	smmu_set(w, SMMU_STE_S2AA64, 1);
	smmu_set(w, SMMU_STE_S2R, 1);
	smmu_set_address(w, SMMU_STE_S2TTB, SM_ROOT_2);
	return ste;
}

struct smmu_cd sm_cd(void)
{
	struct smmu_cd cd = {{0}};
	smmu_word_t *w = cd.words;

	smmu_set(w, SMMU_CD_T0SZ, 64 - 39);
	smmu_set(w, SMMU_CD_EPD1, 1);
	smmu_set(w, SMMU_CD_V, 1);
	smmu_set(w, SMMU_CD_IPS, smmu_address_size(48));
	smmu_set(w, SMMU_CD_AA64, 1);
	smmu_set(w, SMMU_CD_R, 1);
	smmu_set(w, SMMU_CD_A, 1);
	smmu_set(w, SMMU_CD_ASID, SM_ASID);
	smmu_set_address(w, SMMU_CD_TTB0, sm_first.root);
	w[SMMU_CD_MAIR] = 0x44ULL | 0xffULL << 8 | 0x04ULL << 16;
	return cd;
}

void sm_stream(uint32_t sid, const struct smmu_ste *ste)
{
	unsigned int i;

	for (i = 0; i < SMMU_STE_WORDS; i++)
		sm_word(SM_STREAMS + sid * 64ULL + i * 8ULL, ste->words[i]);
}

void sm_context(uint32_t ssid, const struct smmu_cd *cd)
{
	unsigned int i;

	for (i = 0; i < SMMU_CD_WORDS; i++)
		sm_word(SM_CONTEXTS + ssid * 64ULL + i * 8ULL, cd->words[i]);
}

iommu_paddr_t sm_place(const struct sm_space *space, uint64_t address, unsigned int level)
{
	const unsigned int stride = space->granule - 3;
	const unsigned int shift = space->granule + stride * (3 - level);
	const unsigned int bits = level == space->level ? space->bits - shift : stride;
	const uint64_t table = level == space->level ? space->root : space->below + 0x10000 * level;

	return table + 8 * (address >> shift & ((1ULL << bits) - 1));
}

void sm_map(const struct sm_space *space, uint64_t address, unsigned int level, uint64_t descriptor)
{
	unsigned int l;

	for (l = space->level; l < level; l++)
		sm_word(sm_place(space, address, l), (space->below + 0x10000 * (l + 1)) | SM_TABLE);
	sm_word(sm_place(space, address, level), descriptor);
}

void sm_submit(struct smmu_command command)
{
	const iommu_paddr_t place =
		SM_COMMANDS + (iommu_paddr_t)smmu_queue_index(sm.prod, 8) * SMMU_COMMAND_SIZE;

	sm_word(place, command.words[0]);
	sm_word(place + 8, command.words[1]);
	sm.prod = smmu_queue_advance(sm.prod, 1, 8);
	sm_set(SMMU_CMDQ_PROD, 4, sm.prod);
}

void sm_run(struct smmu_command command)
{
	sm_submit(command);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), sm.prod);
	assert_int_equal((sm_reg(SMMU_GERROR, 4) ^ sm_reg(SMMU_GERRORN, 4)) & SMMU_GERROR_CMDQ, 0);
}

/* --- Requests --------------------------------------------------------------------------------- */

unsigned int sm_ask(const struct iommu_model_smmu_request *request)
{
	const int status = iommu_model_smmu_translate(sm.model, request, &sm_result);

	assert_int_equal(status == 0, sm_result.answer == IOMMU_MODEL_SMMU_SUCCESS);
	assert_true(status == 0 || status == IOMMU_EFAULT);
	if (status != 0 && sm_result.event == 0)
		return SM_SILENT;
	return sm_result.event;
}

unsigned int sm_reach(uint64_t address, unsigned int access)
{
	const struct iommu_model_smmu_request request = {
		.stream = SM_STREAM, .address = address, .access = access};

	return sm_ask(&request);
}

unsigned int sm_events(void)
{
	return smmu_queue_used((uint32_t)sm_reg(SMMU_EVENTQ_PROD, 4),
			       (uint32_t)sm_reg(SMMU_EVENTQ_CONS, 4), 7);
}

struct smmu_event sm_event(void)
{
	const uint32_t cons = (uint32_t)sm_reg(SMMU_EVENTQ_CONS, 4);
	struct smmu_event event;
	unsigned int i;

	assert_int_not_equal(sm_events(), 0);
	for (i = 0; i < SMMU_EVENT_WORDS; i++)
		event.words[i] = sm_look(SM_EVENTS + smmu_queue_index(cons, 7) * 32ULL + i * 8ULL);
	sm_set(SMMU_EVENTQ_CONS, 4, smmu_queue_advance(cons, 1, 7) | (cons & SMMU_QUEUE_OVERFLOW));
	return event;
}
