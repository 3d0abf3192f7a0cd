/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 driver (two_units.c has the calls, and the oracle): both stages, guests' stream table
 * entries and contexts, units that execute the newest command first, lose their registers while
 * the machine sleeps, stall what faults, or lack something.
 */
#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>
#include <libiommu/model_smmu.h>
#include <libiommu/smmu.h>

#include "two_units.h"

#define CONTEXTS (GUEST + 3 * PAGE)

/* With S1DSS 2 PASID 0 itself is unusable. */
const bool is_pasid_0_none = false;

static struct {
	struct iommu_model_smmu *model[UNITS];
	bool stalls[UNITS];
	bool has_failed[UNITS]; /* for good: only a reset ends that */
} s;

/* --- The machine ------------------------------------------------------------------------------ */

/* To memory: completions; elsewhere: interrupts. */
static bool interrupt(void *ctx, uint64_t address, uint32_t data)
{
	const uint32_t bytes = iommu_le32(data);

	(void)write_memory(ctx, address, &bytes, 4);
	return true;
}

static void answer(void *ctx, const struct iommu_model_smmu_page_answer *what)
{
	(void)ctx;
	(void)what;
}

static void resume(void *ctx, uint32_t stream, uint16_t tag,
		   enum iommu_model_smmu_resumption resumption)
{
	(void)ctx;
	(void)stream;
	(void)tag;
	(void)resumption;
}

static bool invalidate(void *ctx, const struct iommu_model_smmu_invalidation *what)
{
	const struct forgetting forgetting = {
		.unit = (unsigned int)((struct iommu_hosted *)ctx - t.models),
		.id = what->first_stream,
		.pasid = what->substream != 0 ? what->substream : WITH_0,
		.all_pasids = !what->has_substream || what->all_substreams,
		.or_none = !what->has_substream,
		.address = what->address,
		.size = what->has_range ? what->size : 0,
	};

	return what->type != IOMMU_MODEL_SMMU_DEVICE_TLB || forget(&forgetting);
}

uint64_t hardware_read(uint64_t at, unsigned int size)
{
	return iommu_model_smmu_mmio_read(s.model[at / SMMU_REGISTERS_SIZE],
					  at % SMMU_REGISTERS_SIZE, size);
}

void hardware_write(uint64_t at, unsigned int size, uint64_t value)
{
	iommu_model_smmu_mmio_write(s.model[at / SMMU_REGISTERS_SIZE], at % SMMU_REGISTERS_SIZE,
				    size, value);
}

bool hardware_translate(const struct asked *asked, struct found *found)
{
	static const enum iommu_model_smmu_request_type types[] = {
		IOMMU_MODEL_SMMU_UNTRANSLATED, IOMMU_MODEL_SMMU_TRANSLATION_REQUEST,
		IOMMU_MODEL_SMMU_TRANSLATED};
	const struct iommu_model_smmu_request request = {
		.stream = asked->id,
		.type = types[asked->how],
		.has_substream = asked->has_pasid,
		.substream = asked->pasid,
		.address = asked->address,
		.access = asked->access,
		.may_stall = s.stalls[asked->unit],
	};
	struct iommu_model_smmu_translation where;

	if (iommu_model_smmu_translate(s.model[asked->unit], &request, &where) != 0)
		return false;
	*found = (struct found){where.paddr, where.prot};
	return true;
}

void hardware_ask_for_page(const struct asked *asked, unsigned int group, bool is_last)
{
	const struct iommu_model_smmu_page_message request = {
		.stream = asked->id,
		.has_substream = asked->has_pasid,
		.substream = asked->pasid,
		.address = asked->address,
		.access = asked->access,
		.group = (uint16_t)group,
		.is_last = is_last,
	};

	(void)iommu_model_smmu_page_request(s.model[asked->unit], &request);
}

void hardware_check(const struct device *device)
{
	(void)device;
}

/* --- Domains ---------------------------------------------------------------------------------- */

/* A context of the guest's, by which PASIDs have the guest's table. */
static void write_context(uint32_t pasid)
{
	smmu_word_t words[SMMU_CD_WORDS] = {0};
	unsigned int i;

	smmu_set(words, SMMU_CD_V, 1);
	smmu_set(words, SMMU_CD_AA64, 1);
	smmu_set(words, SMMU_CD_T0SZ, 64 - 39);
	smmu_set(words, SMMU_CD_IPS, 4);
	smmu_set(words, SMMU_CD_EPD1, 1);
	smmu_set(words, SMMU_CD_A, 1);
	smmu_set(words, SMMU_CD_R, 1);
	smmu_set(words, SMMU_CD_ASID, 3 + pasid);
	smmu_set_address(words, SMMU_CD_TTB0, GUEST);
	words[SMMU_CD_MAIR] = VMSA_MAIR;
	for (i = 0; i < SMMU_CD_WORDS; i++)
		store(t.guest + 3 * PAGE + pasid * SMMU_CD_SIZE + i * 8ULL, words[i]);
}

/* Of a guest: a table that leads slot n to n pages behind BASE, and contexts that have it. */
void hardware_write_tables(void)
{
	unsigned int i;

	memset(&s, 0, sizeof(s));
	store(t.guest + (BASE >> 30) * 8, vmsa_table(12, GUEST + PAGE));
	store(t.guest + PAGE, vmsa_table(12, GUEST + 2 * PAGE));
	for (i = 0; i < SLOTS; i++)
		store(t.guest + 2 * PAGE + i * 8ULL,
		      (BASE + i * PAGE) | vmsa_leaf_type(1) | VMSA_ACCESS_FLAG |
			      VMSA_S1_UNPRIVILEGED | VMSA_S1_NOT_GLOBAL |
			      vmsa_s1_attr_index(VMSA_MEMORY_WRITE_BACK));
	for (i = 0; i < 3; i++)
		write_context(pasids[i]);
}

void hardware_made(unsigned int d)
{
	(void)d;
}

void hardware_gone(unsigned int d)
{
	(void)d;
}

/* A guest's stream that has one context, or many, or is bypassed. */
enum iommu_domain_type hardware_foreign(unsigned int d, struct iommu_domain_config *config)
{
	static struct iommu_smmu_stream stream;

	memset(&stream, 0, sizeof(stream));
	stream.words[0] = smmu_ste_word0(d == FOREIGN ? SMMU_STE_BYPASS : SMMU_STE_STAGE_1);
	if (d != FOREIGN)
		smmu_set_address(stream.words, SMMU_STE_S1CONTEXTPTR, CONTEXTS);
	if (d == PROCESSES) {
		smmu_set(stream.words, SMMU_STE_S1CDMAX, 3);
		smmu_set(stream.words, SMMU_STE_S1DSS,
			 below(4) == 0 ? SMMU_S1DSS_TERMINATE : SMMU_S1DSS_CD0);
	}
	config->user_data = &stream;
	config->user_size = sizeof(stream);
	return IOMMU_DOMAIN_NESTED;
}

void hardware_request(unsigned int which, uint64_t request[2])
{
	const struct smmu_command commands[] = {
		smmu_tlbi(SMMU_TLBI_NH_ALL, 0, 0),
		smmu_tlbi(SMMU_TLBI_NH_ASID, 0, 4),
		smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, 0, 3), BASE, which >> 3 & 1),
		smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VAA, 0, 0), BASE + PAGE, which >> 3 & 1),
		smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0),
		smmu_cfgi_cd(8, pasids[which >> 3 & 1], true),
		smmu_cfgi_cd_all(8),
		smmu_atc_inv(8, BASE, which >> 3 & 3),
	};

	request[0] = commands[which % 8].words[0];
	request[1] = commands[which % 8].words[1];
}

/* --- Units ------------------------------------------------------------------------------------ */

/* Messages of a unit. */
void hardware_call(void)
{
	static const enum iommu_smmu_cause causes[] = {IOMMU_SMMU_ERRORS, IOMMU_SMMU_EVENTS,
						       IOMMU_SMMU_PAGE_REQUESTS};
	struct iommu_unit *unit = t.unit[below(UNITS)];
	const enum iommu_smmu_cause cause = causes[below(3)];

	if (fuzz_flag(&t.input))
		(void)seen(iommu_smmu_set_interrupt(unit, cause, 0x8000000, cause));
	else
		(void)seen(iommu_smmu_mask_interrupt(unit, cause));
}

/* Registers have what they have after a reset. */
static void lose(unsigned int u)
{
	iommu_model_smmu_reset(s.model[u]);
	t.is_lost[u] = true;
}

/* Power is off. */
void hardware_slept(void)
{
	const unsigned int lost = below(4);
	unsigned int u;

	for (u = 0; u < UNITS; u++)
		if ((lost >> u & 1) != 0)
			lose(u);
}

/* No lie that says that something was done: that a driver believes. */
static void tell_lies(struct iommu_model_smmu_faults *faults)
{
	static const unsigned int registers[] = {SMMU_GERROR, SMMU_EVENTQ_PROD, SMMU_PRIQ_PROD,
						 SMMU_IRQ_CTRLACK};

	faults->lies = true;
	faults->lying_register = registers[below(4)];
	faults->lie = fuzz_number(&t.input, 4);
}

void hardware_misbehave(void)
{
	static const unsigned int deaf[] = {0,
					    0,
					    SMMU_CR0,
					    SMMU_CMDQ_PROD,
					    SMMU_GBPA,
					    SMMU_IRQ_CTRL,
					    SMMU_GERRORN,
					    SMMU_EVENTQ_CONS};
	const unsigned int how = fuzz_byte(&t.input), u = below(UNITS);
	struct iommu_model_smmu_faults faults = {
		.ack_delay = how & 1,
		.sync_delay = how >> 1 & 1,
		.never_acks = (how & 0x0c) == 0x0c,
		.syncs_hang = (how & 0x30) == 0x30,
		.commands_hang = (how & 0xc0) == 0xc0,
	};
	unsigned int more = fuzz_byte(&t.input);

	if ((more & 3) == 1)
		faults.refuse_after = 1 + below(6);
	if ((more & 3) == 2)
		faults.fetch_fails_after = 1 + below(6);
	more >>= 2;
	if (more < 8)
		faults.deaf_register = deaf[more];
	if (more == 8 || more == 9)
		tell_lies(&faults);
	if (more == 10) {
		faults.corrupt_first = MEMORY + below(1024) * PAGE;
		faults.corrupt_last = faults.corrupt_first + PAGE - 1;
	}
	faults.fails = more == 11;
	faults.gone = more == 12;
	if (faults.deaf_register != 0 || faults.gone || faults.fails || more >= 8)
		t.is_troubled = true;
	s.has_failed[u] |= faults.fails;
	iommu_model_smmu_misbehave(s.model[u], &faults);
}

void hardware_behave(unsigned int u)
{
	const struct iommu_model_smmu_faults none = {0};

	iommu_model_smmu_misbehave(s.model[u], &none);
	if (s.has_failed[u])
		lose(u);
	s.has_failed[u] = false;
}

/* What a unit can: everything, less what an input takes away. */
static uint32_t idr0_of(unsigned int how, unsigned int more)
{
	uint64_t idr0 =
		smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) | smmu_place(SMMU_IDR0_COHACC, 1);

	if ((how & 7) != 7)
		idr0 |= smmu_place(SMMU_IDR0_S1P, 1);
	if ((how & 7) != 6)
		idr0 |= smmu_place(SMMU_IDR0_S2P, 1);
	if ((how & 0x18) != 0x18)
		idr0 |= smmu_place(SMMU_IDR0_ATS, 1) | smmu_place(SMMU_IDR0_PRI, 1);
	if ((how & 0x20) == 0)
		idr0 |= smmu_place(SMMU_IDR0_MSI, 1);
	idr0 |= smmu_place(SMMU_IDR0_STALL,
			   (how & 0xc0) == 0xc0 ? SMMU_STALL_FORCED : SMMU_STALL_NEVER);
	if ((more & 1) == 0)
		idr0 |= smmu_place(SMMU_IDR0_CD2L, 1);
	if ((more & 2) == 0)
		idr0 |= smmu_place(SMMU_IDR0_ASID16, 1) | smmu_place(SMMU_IDR0_VMID16, 1);
	if ((more & 4) == 0)
		idr0 |= smmu_place(SMMU_IDR0_ST_LEVEL, SMMU_ST_LEVEL_BOTH);
	if ((more & 0x18) != 0x18)
		idr0 |= smmu_place(SMMU_IDR0_HTTU, SMMU_HTTU_DIRTY);
	return (uint32_t)idr0;
}

static struct iommu_model_smmu_config unit_of(unsigned int how, unsigned int more,
					      unsigned int strict)
{
	const uint64_t stalls = (how & 0xc0) == 0xc0 ? IOMMU_MODEL_SMMU_STALLS_MAX : 0;
	const uint64_t order = (more & 0x20) != 0 ? 3 : 8;

	return (struct iommu_model_smmu_config){
		.idr0 = idr0_of(how, more),
		.idr1 = (uint32_t)(smmu_place(SMMU_IDR1_SIDSIZE, (more & 4) != 0 ? 6 : 16) |
				   smmu_place(SMMU_IDR1_SSIDSIZE, (how & 7) != 7 ? 16 : 0) |
				   smmu_place(SMMU_IDR1_CMDQS, 8) |
				   smmu_place(SMMU_IDR1_EVENTQS, order) |
				   smmu_place(SMMU_IDR1_PRIQS, (how & 0x18) != 0x18 ? order : 0)),
		.idr3 = (uint32_t)(smmu_place(SMMU_IDR3_RIL, more >> 6 & 1) |
				   smmu_place(SMMU_IDR3_BBML, more >> 7 != 0 ? 2 : 0)),
		.idr5 = (uint32_t)(smmu_place(SMMU_IDR5_OAS, smmu_address_size(48)) |
				   smmu_place(SMMU_IDR5_GRAN4K, 1) |
				   smmu_place(SMMU_IDR5_STALL_MAX, stalls)),
		.aidr = 2,
		.resets_aborting = (strict & 0x10) != 0,
		.cache_entries = SIZE_MAX,
		.forget_seed = (strict & 0xe0) == 0xe0 ? 1 + strict : 0,
		.strict = strict & 0xf,
	};
}

void hardware_begin(unsigned int u)
{
	const unsigned int how = fuzz_byte(&t.input), more = fuzz_byte(&t.input);
	struct iommu_model_smmu_config given = unit_of(how, more, fuzz_byte(&t.input));
	const struct iommu_smmu_config config = {
		.registers = REGISTERS + u * (uint64_t)SMMU_REGISTERS_SIZE,
		.segment = (uint16_t)u,
		.timeout_ns = 3000000000,
		.device_timeout_ns = 6000000000,
		.flags = below(4) == 0 ? (unsigned int)IOMMU_SMMU_POLLED : 0,
	};

	given.platform = &t.models[u].platform;
	given.host = (struct iommu_model_smmu_host){
		.ctx = &t.models[u],
		.read = read_memory,
		.write = write_memory,
		.compare_exchange = compare_exchange,
		.interrupt = interrupt,
		.page_answer = answer,
		.resume = resume,
		.misuse = misuse,
		.invalidate = invalidate,
	};
	s.stalls[u] = (how & 0xc0) == 0xc0;
	FUZZ_CHECK(iommu_model_smmu_create(&given, &s.model[u]) == 0);
	FUZZ_CHECK(iommu_smmu_add_unit(t.iommu, &config, &t.unit[u]) == 0);
}

void hardware_end(unsigned int u)
{
	iommu_model_smmu_destroy(s.model[u]);
}
