/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of Arm's SMMUv3 under a hostile guest: register accesses of any place and width, stream
 * tables, contexts, tables and queues of any contents, devices that send requests of all kinds,
 * states restored from any bytes.
 *
 * After each call: no lock is held, the memory that the model takes stays within its bound, and the
 * call has read and written the guest's memory no more often than the header allows. What a look-up
 * without effects says is what the request then gets; with nothing cached a request gets what it
 * got before, if memory has not changed; what a walk says lies in the range that was asked for, in
 * order; a state that was saved is restored, saved again, and is the same.
 */
#include "bare_smmu.h"
#include "fuzz.h"
#include "test_contract.h"

#define MEMORY      (1U << 20)
#define OPERATIONS  160
#define LARGEST     32768U /* commands that one call executes at most */
#define ACCESSES    4U     /* of memory, for one command, or record */
#define LONGEST     1200U  /* … for one look-up: structures, two stages, entries that change */
#define ENTRIES     512U   /* of the cache */
#define MODEL_PAGES 256U

static struct fuzz_bytes input;
static unsigned int accesses_before;
static struct iommu_model_smmu_config config;

static void begin_call(void)
{
	accesses_before = sm.reads + sm.writes;
}

static void end_call(unsigned int most)
{
	struct iommu_model_smmu_stats stats;

	test_contract_no_lock(&sm.hosted, "a call of the model");
	FUZZ_CHECK(sm.reads + sm.writes - accesses_before <= most);
	FUZZ_CHECK(sm.hosted.pages_in_use <= MODEL_PAGES);
	iommu_model_smmu_get_stats(sm.model, &stats);
	FUZZ_CHECK(stats.cached_streams + stats.cached_contexts + stats.cached_first +
			   stats.cached_second <=
		   ENTRIES);
}

static void end_working_call(void)
{
	end_call(LARGEST * ACCESSES + 2 * LONGEST);
}

/* --- What a guest writes ---------------------------------------------------------------------- */

/* Memory is small here: pages of the first 512 KiB, of no memory, or any address. */
static uint64_t any_page(void)
{
	const unsigned int how = fuzz_byte(&input);

	if (how < 224)
		return (uint64_t)(how & 127) << 12;
	return fuzz_wild(&input) & ~4095ULL;
}

static uint64_t any_word(void)
{
	const uint64_t page = any_page();

	switch (fuzz_below(&input, 8)) {
	case 0:
		return fuzz_wild(&input);
	case 1:
		return page | SM_TABLE | (uint64_t)(fuzz_byte(&input) & 0xf) << 59;
	case 2:
	case 3:
		return page | SM_PAGE_1;
	case 4:
		return page | ((SM_PAGE_1 | SM_DBM) ^ (uint64_t)fuzz_byte(&input) << 4) |
		       (uint64_t)(fuzz_byte(&input) & 7) << 52;
	case 5:
		return (page & ~0x1fffffULL) | SM_BLOCK_1 | (fuzz_flag(&input) ? SM_CONTIGUOUS : 0);
	case 6:
		return smmu_l1std(page, fuzz_below(&input, 12));
	default:
		return page | SM_PAGE_2 | (fuzz_flag(&input) ? SM_DBM : 0);
	}
}

static void write_memory(void)
{
	uint64_t at = any_page() & 0x7ffff;
	unsigned int count = fuzz_byte(&input);

	at += (uint64_t)(fuzz_flag(&input) ? fuzz_below(&input, 512) : fuzz_below(&input, 16)) * 8;
	if (count < 192) {
		sm_word(at, any_word());
	} else if (count < 250) {
		for (count = count % 8 + 1; count != 0; count--, at += 8)
			sm_word(at, any_word());
	} else {
		const uint64_t value = any_word();

		for (at &= ~4095ULL, count = 512; count != 0; count--, at += 8)
			sm_word(at, value);
	}
}

/* An entry that could be right; one field of it, perhaps, is not. */
static void write_stream(void)
{
	static const unsigned int wild[] = {
		SMMU_STE_S1CDMAX, SMMU_STE_S1DSS,   SMMU_STE_EATS,   SMMU_STE_STRW,
		SMMU_STE_PRIVCFG, SMMU_STE_INSTCFG, SMMU_STE_S2T0SZ, SMMU_STE_S2SL0,
		SMMU_STE_S2TG,    SMMU_STE_S2PS,    SMMU_STE_S2ENDI, SMMU_STE_S2HA,
		SMMU_STE_S2HD,    SMMU_STE_S2S,     SMMU_STE_S2R,    SMMU_STE_S2PTW,
		SMMU_STE_S2FWB,   SMMU_STE_S2VMID,  SMMU_STE_S1FMT,  SMMU_STE_S1STALLD,
		SMMU_STE_PPAR,    SMMU_STE_MTCFG,   SMMU_STE_S2AFFD, SMMU_STE_V,
	};
	static const enum smmu_ste_config configs[] = {
		SMMU_STE_STAGE_1, SMMU_STE_STAGE_2, SMMU_STE_NESTED, SMMU_STE_NESTED,
		SMMU_STE_STAGE_1, SMMU_STE_STAGE_2, SMMU_STE_BYPASS, SMMU_STE_ABORT};
	struct smmu_ste ste = sm_ste(configs[fuzz_below(&input, 8)]);
	unsigned int changes = fuzz_below(&input, 4);

	smmu_set_address(ste.words, SMMU_STE_S1CONTEXTPTR,
			 fuzz_flag(&input) ? SM_CONTEXTS : any_page());
	smmu_set_address(ste.words, SMMU_STE_S2TTB, any_page() & ~0xffffULL);
	for (; changes != 0; changes--)
		smmu_set(ste.words, wild[fuzz_below(&input, 24)], fuzz_byte(&input));
	sm_stream(fuzz_below(&input, 16), &ste);
}

static void write_context(void)
{
	static const unsigned int wild[] = {
		SMMU_CD_T0SZ, SMMU_CD_TG0,  SMMU_CD_EPD0, SMMU_CD_ENDI, SMMU_CD_IPS,  SMMU_CD_AFFD,
		SMMU_CD_WXN,  SMMU_CD_TBI0, SMMU_CD_PAN,  SMMU_CD_HD,   SMMU_CD_HA,   SMMU_CD_S,
		SMMU_CD_R,    SMMU_CD_A,    SMMU_CD_ASET, SMMU_CD_ASID, SMMU_CD_HAD0, SMMU_CD_V,
		SMMU_CD_TBI1, SMMU_CD_T1SZ, SMMU_CD_TG1,  SMMU_CD_HAD1,
	};
	struct smmu_cd cd = sm_cd();
	unsigned int changes = fuzz_below(&input, 4);

	smmu_set_address(cd.words, SMMU_CD_TTB0, any_page());
	if (fuzz_flag(&input)) {
		smmu_set(cd.words, SMMU_CD_EPD1, 0);
		smmu_set(cd.words, SMMU_CD_TG1, SMMU_TG1_4K);
		smmu_set(cd.words, SMMU_CD_T1SZ, 25);
		smmu_set_address(cd.words, SMMU_CD_TTB1, any_page());
	}
	for (; changes != 0; changes--)
		smmu_set(cd.words, wild[fuzz_below(&input, 22)], fuzz_byte(&input));
	sm_context(fuzz_below(&input, 4), &cd);
	if (fuzz_below(&input, 4) == 0)
		sm_word(SM_CONTEXTS_1 + fuzz_below(&input, 4) * 8ULL, smmu_l1cd(SM_CONTEXTS));
}

static void write_register(void)
{
	static const uint32_t offsets[] = {
		SMMU_CR0,
		SMMU_CR1,
		SMMU_CR2,
		SMMU_GBPA,
		SMMU_IRQ_CTRL,
		SMMU_GERRORN,
		SMMU_STRTAB_BASE,
		SMMU_STRTAB_BASE_CFG,
		SMMU_CMDQ_BASE,
		SMMU_CMDQ_PROD,
		SMMU_CMDQ_CONS,
		SMMU_EVENTQ_BASE,
		SMMU_EVENTQ_PROD,
		SMMU_EVENTQ_CONS,
		SMMU_PRIQ_BASE,
		SMMU_PRIQ_PROD,
		SMMU_PRIQ_CONS,
		SMMU_GERROR_IRQ_CFG0,
		SMMU_EVENTQ_IRQ_CFG0,
		SMMU_PRIQ_IRQ_CFG0,
		SMMU_GERROR_IRQ_CFG1,
		SMMU_PRIQ_IRQ_CFG2,
		SMMU_CR0ACK,
	};
	const unsigned int how = fuzz_byte(&input);
	const uint32_t offset = how < 230 ? offsets[how % 23] : (uint32_t)fuzz_number(&input, 3);
	const unsigned int size = fuzz_flag(&input) ? 4 : 8;
	const uint64_t value = fuzz_flag(&input) ? fuzz_wild(&input) : fuzz_number(&input, 2);

	begin_call();
	sm_set(offset, size, value);
	end_working_call();
	begin_call();
	(void)sm_reg(offset, size);
	end_working_call();
}

static void set(uint32_t offset, unsigned int size, uint64_t value)
{
	sm_set(offset, size, value);
}

static void start_unit(void)
{
	const bool levels = fuzz_below(&input, 4) == 0;

	begin_call();
	set(SMMU_CR0, 4, 0);
	set(SMMU_GERRORN, 4, sm_reg(SMMU_GERROR, 4));
	set(SMMU_CMDQ_BASE, 8, smmu_queue_base(SM_COMMANDS, fuzz_below(&input, 9), false));
	set(SMMU_CMDQ_PROD, 4, 0);
	set(SMMU_CMDQ_CONS, 4, 0);
	set(SMMU_EVENTQ_BASE, 8, smmu_queue_base(SM_EVENTS, fuzz_below(&input, 8), false));
	set(SMMU_EVENTQ_PROD, 4, 0);
	set(SMMU_EVENTQ_CONS, 4, 0);
	set(SMMU_PRIQ_BASE, 8, smmu_queue_base(SM_REQUESTS, fuzz_below(&input, 9), false));
	set(SMMU_PRIQ_PROD, 4, 0);
	set(SMMU_PRIQ_CONS, 4, 0);
	set(SMMU_CR2, 4, fuzz_below(&input, 16));
	set(SMMU_STRTAB_BASE, 8, levels ? SM_LEVEL_1 : SM_STREAMS);
	set(SMMU_STRTAB_BASE_CFG, 4, smmu_strtab_cfg((enum smmu_stream_table_format)levels, 8, 6));
	if (levels)
		sm_word(SM_LEVEL_1, smmu_l1std(SM_STREAMS, 5));
	set(SMMU_IRQ_CTRL, 4, fuzz_below(&input, 8));
	set(SMMU_CR0, 4, fuzz_below(&input, 8) != 0 ? 0x1f : fuzz_byte(&input));
	end_working_call();
}

static void submit_commands(void)
{
	static const uint8_t opcodes[] = {
		SMMU_CFGI_STE,       SMMU_CFGI_STE_RANGE, SMMU_CFGI_CD,         SMMU_CFGI_CD_ALL,
		SMMU_TLBI_NH_ALL,    SMMU_TLBI_NH_ASID,   SMMU_TLBI_NH_VA,      SMMU_TLBI_NH_VAA,
		SMMU_TLBI_EL2_ALL,   SMMU_TLBI_EL2_ASID,  SMMU_TLBI_EL2_VA,     SMMU_TLBI_EL2_VAA,
		SMMU_TLBI_S12_VMALL, SMMU_TLBI_S2_IPA,    SMMU_TLBI_NSNH_ALL,   SMMU_ATC_INV,
		SMMU_PRI_RESP,       SMMU_RESUME,         SMMU_STALL_TERM,      SMMU_SYNC,
		SMMU_SYNC,           SMMU_PREFETCH_ADDR,  SMMU_PREFETCH_CONFIG, 0,
	};
	unsigned int count = 1 + fuzz_below(&input, 8);
	uint64_t prod = sm_reg(SMMU_CMDQ_PROD, 4);
	const uint64_t base = smmu_queue_base_address(sm_reg(SMMU_CMDQ_BASE, 8));

	for (; count != 0; count--, prod++) {
		const uint64_t place = base + (prod & 255) * 16;
		uint64_t word0 = opcodes[fuzz_below(&input, 24)], word1 = 0;

		if (place > MEMORY - 16)
			break;
		/* Ids where commands have theirs, flags and ranges. */
		word0 |= (uint64_t)fuzz_below(&input, 16) << 32;
		if (fuzz_flag(&input)) {
			word0 |= (uint64_t)(fuzz_flag(&input) ? SM_ASID : 0) << 48;
			word0 |= (uint64_t)(fuzz_byte(&input) & 0x3f) << 11;
			word1 = any_page() | (fuzz_byte(&input) & 0xf0f);
		} else {
			word0 = (word0 & ~(0xffULL << 32)) | (uint64_t)SM_VMID << 32;
			word1 = fuzz_byte(&input);
		}
		if (fuzz_below(&input, 16) == 0)
			word0 = fuzz_wild(&input);
		sm_word(place, word0);
		sm_word(place + 8, word1);
	}
	begin_call();
	sm_set(SMMU_CMDQ_PROD, 4, prod);
	end_working_call();
	/* What was refused is skipped, and the error acknowledged, as a driver would. */
	if (fuzz_flag(&input)) {
		const uint64_t at = base + (sm_reg(SMMU_CMDQ_CONS, 4) & 255) * 16;

		if (at <= MEMORY - 16)
			sm_word(at, SMMU_SYNC);
		begin_call();
		sm_set(SMMU_GERRORN, 4, sm_reg(SMMU_GERROR, 4));
		end_working_call();
	}
}

/* --- What devices do -------------------------------------------------------------------------- */

static struct iommu_model_smmu_request any_request(void)
{
	const unsigned int how = fuzz_byte(&input);

	return (struct iommu_model_smmu_request){
		.stream = (how & 0x80) != 0 ? (uint32_t)fuzz_number(&input, 4) : how & 15,
		.type = (enum iommu_model_smmu_request_type)(
			fuzz_flag(&input) ? 0 : fuzz_below(&input, 3)),
		.has_substream = (how & 0x40) != 0,
		.substream = (how & 0x20) != 0 ? (uint32_t)fuzz_number(&input, 3) & 0xfffff
					       : fuzz_below(&input, 4),
		.address = fuzz_flag(&input) ? any_page() | fuzz_byte(&input) : fuzz_wild(&input),
		.access = fuzz_below(&input, 4),
		.privileged = fuzz_flag(&input),
		.execute = fuzz_flag(&input),
		.may_stall = fuzz_flag(&input),
	};
}

static bool is_quiet(void)
{
	return config.forget_seed == 0 && sm.meanwhile == NULL;
}

static bool is_same(const struct iommu_model_smmu_translation *a,
		    const struct iommu_model_smmu_translation *b)
{
	return a->event == b->event && a->paddr == b->paddr && a->size == b->size &&
	       a->prot == b->prot && a->memory == b->memory &&
	       a->is_intermediate == b->is_intermediate;
}

static void translate(void)
{
	const struct iommu_model_smmu_request request = any_request();
	struct iommu_model_smmu_translation peeked, result;
	int expected, status;

	begin_call();
	expected = iommu_model_smmu_peek(sm.model, &request, &peeked);
	end_call(LONGEST);
	FUZZ_CHECK((expected == 0) == (peeked.answer == IOMMU_MODEL_SMMU_SUCCESS));
	begin_call();
	status = iommu_model_smmu_translate(sm.model, &request, &result);
	end_working_call();
	FUZZ_CHECK((status == 0) == (result.answer == IOMMU_MODEL_SMMU_SUCCESS));
	FUZZ_CHECK(result.answer != IOMMU_MODEL_SMMU_STALLED || request.may_stall);
	if (!is_quiet())
		return;
	FUZZ_CHECK(status == expected && is_same(&peeked, &result));
	FUZZ_CHECK(status != 0 || (result.size & (result.size - 1)) == 0);
	/* Nothing that memory does not have is put out. */
	FUZZ_CHECK(status != 0 || result.paddr >> 52 == 0);
}

/* From memory alone, and from the cache: the same, if nothing has changed. */
static void translate_twice(void)
{
	const struct iommu_model_smmu_request request = any_request();
	struct iommu_model_smmu_translation first, second;
	static unsigned char state[8192];
	const size_t size = iommu_model_smmu_save(sm.model, state, sizeof(state));

	if (!is_quiet() || config.strict != 0)
		return;
	FUZZ_CHECK(size <= sizeof(state));
	/* A restored unit has nothing cached. */
	FUZZ_CHECK(iommu_model_smmu_restore(sm.model, state, size) == 0);
	while (iommu_model_smmu_run(sm.model))
		;
	(void)iommu_model_smmu_translate(sm.model, &request, &first);
	(void)iommu_model_smmu_peek(sm.model, &request, &second);
	FUZZ_CHECK(first.event == second.event && first.paddr == second.paddr);
	/* A leaf of which a part is cached is smaller. */
	FUZZ_CHECK(second.size <= first.size && second.prot == first.prot);
}

static int visit(void *ctx, const struct iommu_model_smmu_piece *piece)
{
	uint64_t *next = ctx;

	FUZZ_CHECK(piece->size != 0 && piece->offset == *next);
	*next += piece->size;
	return *next > 1U << 20 ? 1 : 0;
}

static void access_buffer(void)
{
	const struct iommu_model_smmu_request request = any_request();
	struct iommu_model_smmu_translation last;
	uint64_t next = 0;

	(void)iommu_model_smmu_access(sm.model, &request, 1 + fuzz_number(&input, 2), visit, &next,
				      &last);
}

static void walk(void)
{
	struct iommu_model_smmu_walk_state walk = {.stream = fuzz_below(&input, 16),
						   .has_substream = fuzz_flag(&input),
						   .substream = fuzz_below(&input, 4),
						   .next = any_page(),
						   .last = any_page() | 4095};
	const uint64_t first = walk.next, last = walk.last;
	struct iommu_model_smmu_mapping found[16];
	struct iommu_model_smmu_stage stage;
	uint64_t at = first;
	size_t count = 16, i;
	int status;

	begin_call();
	(void)iommu_model_smmu_get_stage(sm.model, walk.stream, walk.has_substream, walk.substream,
					 &stage);
	end_call(LONGEST);
	begin_call();
	status = iommu_model_smmu_walk(sm.model, &walk, found, &count);
	end_call(512 * LONGEST);
	FUZZ_CHECK(status == 0 || count == 0);
	for (i = 0; i < count; i++) {
		FUZZ_CHECK(found[i].iova >= at && found[i].size != 0);
		FUZZ_CHECK((found[i].size & 4095) == 0 && found[i].prot != 0);
		at = found[i].iova + (found[i].size - 1);
		FUZZ_CHECK(at <= last);
	}
}

static void ask_for_page(void)
{
	const struct iommu_model_smmu_request like = any_request();
	const struct iommu_model_smmu_page_message request = {.stream = like.stream,
							      .has_substream = like.has_substream,
							      .substream = like.substream,
							      .privileged = like.privileged,
							      .execute = like.execute,
							      .address = like.address,
							      .access = like.access,
							      .group = (uint16_t)fuzz_byte(&input),
							      .is_last = fuzz_flag(&input)};

	begin_call();
	(void)iommu_model_smmu_page_request(sm.model, &request);
	end_working_call();
}

/* --- States ----------------------------------------------------------------------------------- */

static void save_and_restore(void)
{
	static unsigned char state[8192], again[8192];
	const size_t size = iommu_model_smmu_save(sm.model, state, sizeof(state));
	unsigned int flips = fuzz_below(&input, 4);

	FUZZ_CHECK(size <= sizeof(state));
	for (; flips != 0; flips--)
		state[fuzz_number(&input, 2) % size] ^= (unsigned char)(1 << fuzz_below(&input, 8));
	begin_call();
	(void)iommu_model_smmu_restore(sm.model, state, size);
	end_working_call();
	if (sm.meanwhile != NULL)
		return;
	while (iommu_model_smmu_run(sm.model))
		;
	FUZZ_CHECK(iommu_model_smmu_save(sm.model, state, sizeof(state)) == size);
	FUZZ_CHECK(iommu_model_smmu_restore(sm.model, state, size) == 0);
	(void)iommu_model_smmu_save(sm.model, again, sizeof(again));
	/* A queue that was held up goes on; the features and what is enabled are the same. */
	FUZZ_CHECK(memcmp(state, again, 4 * 8) == 0);
}

/* --- Operations ------------------------------------------------------------------------------- */

static unsigned int depth;

static void act_meanwhile(void)
{
	if (++depth < 100 && !fuzz_is_done(&input))
		sm_set(SMMU_CMDQ_PROD, 4, fuzz_byte(&input));
}

static void misbehave(void)
{
	const struct iommu_model_smmu_faults faults = {
		.ack_delay = fuzz_below(&input, 3),
		.sync_delay = fuzz_below(&input, 3),
		.refuse_after = fuzz_below(&input, 3),
		.fetch_fails_after = fuzz_below(&input, 3),
		.corrupt_first = any_page(),
		.corrupt_last = fuzz_flag(&input) ? any_page() : 0,
		.never_acks = fuzz_below(&input, 8) == 0,
		.syncs_hang = fuzz_below(&input, 8) == 0,
		.gone = fuzz_below(&input, 16) == 0,
	};
	const struct iommu_model_smmu_faults none = {0};

	begin_call();
	iommu_model_smmu_misbehave(sm.model, &faults);
	end_working_call();
	translate();
	write_register();
	submit_commands();
	iommu_model_smmu_misbehave(sm.model, &none);
}

static void change_host(void)
{
	sm.silent = fuzz_flag(&input);
	sm.deaf = fuzz_flag(&input);
	sm.meanwhile = fuzz_flag(&input) ? act_meanwhile : NULL;
	sm.broken_first = any_page();
	sm.broken_last = fuzz_below(&input, 4) == 0 ? sm.broken_first + 4095 : 0;
}

static void operate(void)
{
	switch (fuzz_below(&input, 24)) {
	case 0:
	case 1:
	case 2:
	case 3:
		write_memory();
		break;
	case 4:
	case 5:
		write_stream();
		break;
	case 6:
	case 7:
		write_context();
		break;
	case 8:
		write_register();
		break;
	case 9:
		start_unit();
		break;
	case 10:
	case 11:
	case 12:
		submit_commands();
		break;
	case 13:
	case 14:
	case 15:
	case 16:
		translate();
		break;
	case 17:
		translate_twice();
		break;
	case 18:
		access_buffer();
		break;
	case 19:
		walk();
		break;
	case 20:
		ask_for_page();
		break;
	case 21:
		save_and_restore();
		break;
	case 22:
		if (fuzz_below(&input, 4) == 0) {
			begin_call();
			iommu_model_smmu_reset(sm.model);
			end_working_call();
		} else {
			misbehave();
		}
		break;
	default:
		change_host();
		break;
	}
}

/* The features of a unit: all, or any, of which most contradict each other. */
static struct iommu_model_smmu_config any_config(void)
{
	const unsigned int how = fuzz_byte(&input);
	struct iommu_model_smmu_config any = {.cache_entries = ENTRIES};

	if ((how & 0x80) != 0) {
		any.idr0 = 0x088d769fU ^ (uint32_t)fuzz_number(&input, 4);
		any.idr1 = 0x0d8c6410U ^ (fuzz_flag(&input) ? (uint32_t)fuzz_number(&input, 4) : 0);
		any.idr3 = (uint32_t)fuzz_number(&input, 2) & 0x1f34;
		any.idr5 = (uint32_t)(fuzz_byte(&input) & 0x77) | 64U << 16;
		any.idr0 &= ~4U;
	}
	if ((how & 0x40) != 0) {
		any.strict = fuzz_below(&input, 8);
		any.forget_seed = fuzz_below(&input, 4);
		any.resets_aborting = fuzz_flag(&input);
	}
	return any;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned int i;

	input = (struct fuzz_bytes){bytes, size};
	depth = 0;
	memset(&sm, 0, offsetof(struct bare_smmu, memory) + MEMORY);
	sm.size = MEMORY;
	FUZZ_CHECK(iommu_hosted_init(&sm.hosted, NULL, 4 << 20, 0) == 0);
	test_contract_hosted(&sm.hosted);
	config = any_config();
	if (sm_create(&config) != 0) {
		FUZZ_CHECK(sm.hosted.pages_in_use == 0);
		iommu_hosted_destroy(&sm.hosted);
		return 0;
	}
	for (i = 0; i < OPERATIONS && !fuzz_is_done(&input); i++)
		operate();
	sm.meanwhile = NULL;
	sm_end();
	return 0;
}
