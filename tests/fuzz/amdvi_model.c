/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of an AMD IOMMU under a hostile guest: register accesses of any place and width, device
 * tables, tables and rings of any contents, devices that send requests and interrupts of all kinds,
 * states restored from any bytes.
 *
 * After each call: no lock is held, the memory that the model takes stays within its bound, and the
 * call has read and written the guest's memory no more often than the header allows. What a look-up
 * without effects says is what the request then gets; with nothing cached a request gets what it
 * got before, if memory has not changed; what a walk says lies in the range that was asked for, in
 * order; a state that was saved is restored, saved again, and is the same.
 */
#include "bare_amdvi.h"
#include "fuzz.h"
#include "test_contract.h"

#define MEMORY      (1U << 20)
#define OPERATIONS  160
#define LARGEST     32768U /* commands that one call executes at most */
#define ACCESSES    4U     /* of memory, for one command, or record */
#define LONGEST     2400U  /* … for one look-up: both tables, entries that change */
#define ENTRIES     512U   /* of the cache */
#define MODEL_PAGES 256U

static struct fuzz_bytes input;
static unsigned int accesses_before;
static struct iommu_model_amdvi_config config;

static void begin_call(void)
{
	accesses_before = am.reads + am.writes;
}

static void end_call(unsigned int most)
{
	struct iommu_model_amdvi_stats stats;

	test_contract_no_lock(&am.hosted, "a call of the model");
	FUZZ_CHECK(am.reads + am.writes - accesses_before <= most);
	FUZZ_CHECK(am.hosted.pages_in_use <= MODEL_PAGES);
	iommu_model_amdvi_get_stats(am.model, &stats);
	FUZZ_CHECK(stats.cached_devices + stats.cached_host + stats.cached_guest +
			   stats.cached_gcr3 + stats.cached_interrupts <=
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
		return amdvi_pte_table(page, 1 + fuzz_below(&input, 6));
	case 2:
		return amdvi_pte_leaf(page, AM_RW);
	case 3:
		return amdvi_pte_leaf_coded(page, 13 + fuzz_below(&input, 30), AM_RW);
	case 4:
		return amdvi_pte_leaf(page, AM_RW) ^ (uint64_t)fuzz_byte(&input) << 56;
	case 5:
		return page | AM_PAGE | (fuzz_flag(&input) ? AM_LARGE : 0);
	case 6:
		return amdvi_gcr3_entry(page);
	default:
		return 1ULL | (uint64_t)fuzz_byte(&input) << 2 | (uint64_t)fuzz_byte(&input) << 32;
	}
}

static void write_memory(void)
{
	uint64_t at = any_page() & 0x7ffff;
	unsigned int count = fuzz_byte(&input);

	at += (uint64_t)(fuzz_flag(&input) ? fuzz_below(&input, 512) : fuzz_below(&input, 16)) * 8;
	if (count < 192) {
		am_word(at, any_word());
	} else if (count < 250) {
		for (count = count % 8 + 1; count != 0; count--, at += 8)
			am_word(at, any_word());
	} else {
		const uint64_t value = any_word();

		for (at &= ~4095ULL, count = 512; count != 0; count--, at += 8)
			am_word(at, value);
	}
}

/* An entry that could be right; one field of it, perhaps, is not. */
static void write_device(void)
{
	static const unsigned int wild[] = {
		AMDVI_DTE_V,          AMDVI_DTE_TV,       AMDVI_DTE_HAD,
		AMDVI_DTE_MODE,       AMDVI_DTE_PPR,      AMDVI_DTE_GPRP,
		AMDVI_DTE_GIOV,       AMDVI_DTE_GV,       AMDVI_DTE_GLX,
		AMDVI_DTE_IR,         AMDVI_DTE_IW,       AMDVI_DTE_I,
		AMDVI_DTE_SE,         AMDVI_DTE_SA,       AMDVI_DTE_EX,
		AMDVI_DTE_IV,         AMDVI_DTE_INT_CTL,  AMDVI_DTE_IG,
		AMDVI_DTE_GUEST_MODE, AMDVI_DTE_NMI_PASS, AMDVI_DTE_LINT0_PASS,
		AMDVI_DTE_EINT_PASS,  AMDVI_DTE_DOMAIN,   AMDVI_DTE_INT_TAB_LEN,
	};
	struct amdvi_dte dte = am_guest_dte(fuzz_below(&input, 7));
	unsigned int changes = fuzz_below(&input, 4);

	amdvi_set(dte.words, AMDVI_DTE_GV, fuzz_flag(&input) ? 1 : 0);
	amdvi_set(dte.words, AMDVI_DTE_HAD, fuzz_flag(&input) ? 0 : AMDVI_HAD_DIRTY);
	amdvi_set(dte.words, AMDVI_DTE_I, fuzz_flag(&input) ? 1 : 0);
	amdvi_set_address(dte.words, AMDVI_DTE_HOST_ROOT, any_page());
	if (fuzz_flag(&input))
		amdvi_dte_set_gcr3_root(&dte, any_page());
	amdvi_set(dte.words, AMDVI_DTE_IV, 1);
	amdvi_set(dte.words, AMDVI_DTE_INT_CTL, AMDVI_INT_CTL_REMAP);
	amdvi_set(dte.words, AMDVI_DTE_INT_TAB_LEN, 9);
	amdvi_set_address(dte.words, AMDVI_DTE_INT_ROOT, AM_INTERRUPTS);
	for (; changes != 0; changes--)
		amdvi_set(dte.words, wild[fuzz_below(&input, 24)], fuzz_byte(&input));
	am_device((uint16_t)fuzz_below(&input, 16), &dte);
}

/* Tables that could be right, of the host and of a guest. */
static void write_tables(void)
{
	const uint64_t address = any_page();
	const unsigned int level = 1 + fuzz_below(&input, 3);

	if (fuzz_flag(&input)) {
		am_map(level + fuzz_below(&input, 4), address, level,
		       amdvi_pte_leaf(any_page(), AM_RW | (uint64_t)fuzz_below(&input, 2) << 60));
	} else {
		am_map_guest(address, level, any_page() | AM_PAGE | (level > 1 ? AM_LARGE : 0));
		am_word(AM_GCR3 + 0x1000 + fuzz_below(&input, 4) * 8ULL,
			amdvi_gcr3_entry(AM_GUEST + 0x4000));
	}
}

static void write_register(void)
{
	static const uint32_t offsets[] = {
		AMDVI_DEVICE_TABLE_BASE, AMDVI_COMMAND_BASE,      AMDVI_EVENT_BASE,
		AMDVI_CONTROL,           AMDVI_EXCLUSION_BASE,    AMDVI_EXCLUSION_LIMIT,
		AMDVI_PPR_BASE,          AMDVI_GA_BASE,           AMDVI_GA_TAIL_ADDRESS,
		AMDVI_SEGMENT_BASE,      AMDVI_MSI_CAPABILITY,    AMDVI_MSI_ADDRESS_LOW,
		AMDVI_MSI_DATA,          AMDVI_COMMAND_HEAD,      AMDVI_COMMAND_TAIL,
		AMDVI_EVENT_HEAD,        AMDVI_EVENT_TAIL,        AMDVI_STATUS,
		AMDVI_PPR_HEAD,          AMDVI_PPR_TAIL,          AMDVI_GA_HEAD,
		AMDVI_GA_TAIL,           AMDVI_PPR_AUTO_RESPONSE,
	};
	const unsigned int how = fuzz_byte(&input);
	const uint32_t offset = how < 230 ? offsets[how % 23] : (uint32_t)fuzz_number(&input, 3);
	const unsigned int size = fuzz_flag(&input) ? 4 : 8;
	const uint64_t value = fuzz_flag(&input) ? fuzz_wild(&input) : fuzz_number(&input, 2);

	begin_call();
	iommu_model_amdvi_mmio_write(am.model, offset, size, value);
	end_working_call();
	begin_call();
	(void)iommu_model_amdvi_mmio_read(am.model, offset, size);
	end_working_call();
}

static void start_unit(void)
{
	static const unsigned int optional[] = {
		AMDVI_CONTROL_GT_EN,        AMDVI_CONTROL_GA_EN,       AMDVI_CONTROL_XT_EN,
		AMDVI_CONTROL_GA_LOG_EN,    AMDVI_CONTROL_GA_INT_EN,   AMDVI_CONTROL_PPR_EN,
		AMDVI_CONTROL_EVENT_INT_EN, AMDVI_CONTROL_PPR_AUTO_EN,
	};
	const unsigned int chosen = fuzz_byte(&input);
	uint64_t control = amdvi_place(AMDVI_CONTROL_INV_TIMEOUT, fuzz_below(&input, 3)) |
			   amdvi_place(AMDVI_CONTROL_GAM_EN, fuzz_below(&input, 2)) |
			   amdvi_place(AMDVI_CONTROL_INT_REMAP_MODE, fuzz_below(&input, 2)) |
			   amdvi_field_mask(AMDVI_CONTROL_CMD_BUF_EN) |
			   amdvi_field_mask(AMDVI_CONTROL_EVENT_LOG_EN) |
			   amdvi_field_mask(AMDVI_CONTROL_PPR_LOG_EN) |
			   amdvi_field_mask(AMDVI_CONTROL_COM_WAIT_INT_EN);
	unsigned int i;

	for (i = 0; i < 8; i++)
		if ((chosen >> i & 1) != 0)
			control |= amdvi_field_mask(optional[i]);
	begin_call();
	am_set(AMDVI_CONTROL, 0);
	am_set(AMDVI_STATUS, UINT64_MAX);
	am_set(AMDVI_DEVICE_TABLE_BASE, amdvi_device_table_base(AM_DEVICES, 0x1000));
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(AM_COMMANDS, 7 + fuzz_below(&input, 4)));
	am_set(AMDVI_EVENT_BASE, amdvi_ring_base(AM_EVENTS, 8));
	am_set(AMDVI_PPR_BASE, amdvi_ring_base(AM_REQUESTS, 8));
	am_set(AMDVI_GA_BASE, amdvi_ring_base(AM_GUEST_LOG, 8));
	am_set(AMDVI_CONTROL, control | (fuzz_below(&input, 8) != 0 ? 1 : 0));
	end_working_call();
}

static struct amdvi_command any_command(void)
{
	const uint16_t devid = (uint16_t)fuzz_below(&input, 16);
	const uint16_t domain = fuzz_flag(&input) ? AM_DOMAIN : (uint16_t)fuzz_byte(&input);
	const uint32_t pasid = fuzz_below(&input, 4);
	const uint64_t address = any_page();
	const unsigned int shift = fuzz_flag(&input) ? 64 : 12 + fuzz_below(&input, 52);
	struct amdvi_command c;

	switch (fuzz_below(&input, 12)) {
	case 0:
		return amdvi_invalidate_devtab_entry(devid);
	case 1:
		return amdvi_invalidate_interrupt_table(devid);
	case 2:
	case 3:
		return amdvi_invalidate_pages(domain, address, shift, fuzz_flag(&input));
	case 4:
	case 5:
		return amdvi_pages_with_pasid(
			amdvi_invalidate_pages(domain, address, shift, fuzz_flag(&input)), pasid);
	case 6:
		c = amdvi_invalidate_iotlb(devid, 1, address, shift);
		return fuzz_flag(&input) ? amdvi_iotlb_with_pasid(c, pasid) : c;
	case 7:
		return amdvi_complete_ppr(devid, pasid, AMDVI_PAGE_SUCCESS);
	case 8:
		return amdvi_invalidate_all();
	case 9:
		return amdvi_command_of(fuzz_wild(&input), fuzz_wild(&input));
	case 10:
		c = amdvi_command_for(AMDVI_COMPLETION_WAIT, 0);
		amdvi_set(c.words, AMDVI_WAIT_INTERRUPT, 1);
		return c;
	default:
		return amdvi_completion_wait(fuzz_flag(&input) ? AM_FLAG : address, pasid);
	}
}

static void submit_commands(void)
{
	unsigned int count = 1 + fuzz_below(&input, 8);
	uint64_t tail = am_reg(AMDVI_COMMAND_TAIL);
	const uint64_t base = amdvi_ring_address(am_reg(AMDVI_COMMAND_BASE));

	for (; count != 0; count--, tail += 16) {
		const uint64_t place = base + (tail & 0xfff);
		const struct amdvi_command c = any_command();

		if (place > MEMORY - 16)
			break;
		am_word(place, c.words[0]);
		am_word(place + 8, c.words[1]);
	}
	begin_call();
	am_set(AMDVI_COMMAND_TAIL, tail & 0xfff);
	end_working_call();
	/* A buffer that has stopped is started again, as a driver would. */
	if (fuzz_flag(&input) && (am_reg(AMDVI_STATUS) & AMDVI_STATUS_CMD_BUF_RUN) == 0) {
		begin_call();
		am_disable(AMDVI_CONTROL_CMD_BUF_EN);
		am_set(AMDVI_COMMAND_HEAD, 0);
		am_set(AMDVI_COMMAND_TAIL, 0);
		am_enable(AMDVI_CONTROL_CMD_BUF_EN);
		end_working_call();
	}
}

/* --- What devices do -------------------------------------------------------------------------- */

static struct iommu_model_amdvi_request any_request(void)
{
	const unsigned int how = fuzz_byte(&input);

	return (struct iommu_model_amdvi_request){
		.devid =
			(how & 0x80) != 0 ? (uint16_t)fuzz_number(&input, 2) : (uint16_t)(how & 15),
		.type = (enum iommu_model_amdvi_request_type)(
			fuzz_flag(&input) ? 0 : fuzz_below(&input, 3)),
		.has_pasid = (how & 0x40) != 0,
		.pasid = (how & 0x20) != 0 ? (uint32_t)fuzz_number(&input, 3) & 0xfffff
					   : fuzz_below(&input, 4),
		.address = fuzz_flag(&input) ? any_page() | fuzz_byte(&input) : fuzz_wild(&input),
		.access = fuzz_below(&input, 4),
		.privileged = fuzz_flag(&input),
		.execute = fuzz_flag(&input),
	};
}

static bool is_quiet(void)
{
	return config.forget_seed == 0 && am.meanwhile == NULL;
}

static bool is_same(const struct iommu_model_amdvi_translation *a,
		    const struct iommu_model_amdvi_translation *b)
{
	return a->event == b->event && a->paddr == b->paddr && a->size == b->size &&
	       a->prot == b->prot && a->is_interrupt == b->is_interrupt &&
	       a->force_coherent == b->force_coherent && a->answer == b->answer;
}

static void translate(void)
{
	const struct iommu_model_amdvi_request request = any_request();
	struct iommu_model_amdvi_translation peeked, result;
	int expected, status;

	begin_call();
	expected = iommu_model_amdvi_peek(am.model, &request, &peeked);
	end_call(LONGEST);
	FUZZ_CHECK((expected == 0) == (peeked.answer == IOMMU_MODEL_AMDVI_SUCCESS));
	begin_call();
	status = iommu_model_amdvi_translate(am.model, &request, &result);
	end_working_call();
	FUZZ_CHECK((status == 0) == (result.answer == IOMMU_MODEL_AMDVI_SUCCESS));
	/* Nothing that memory does not have is put out. */
	FUZZ_CHECK(status != 0 || result.paddr >> 52 == 0);
	FUZZ_CHECK(status != 0 || (result.size & (result.size - 1)) == 0);
	/* A mark that cannot be set, or that changes what is read, makes a difference. */
	if (!is_quiet() || am.broken_last != 0)
		return;
	FUZZ_CHECK(status == expected && is_same(&peeked, &result));
}

/* From memory alone, and from the cache: the same, if nothing has changed. */
static void translate_twice(void)
{
	const struct iommu_model_amdvi_request request = any_request();
	struct iommu_model_amdvi_translation first, second;
	static unsigned char state[4096];
	const size_t size = iommu_model_amdvi_save(am.model, state, sizeof(state));

	if (!is_quiet() || config.strict != 0)
		return;
	FUZZ_CHECK(size <= sizeof(state));
	/* A restored unit has nothing cached. */
	FUZZ_CHECK(iommu_model_amdvi_restore(am.model, state, size) == 0);
	while (iommu_model_amdvi_run(am.model))
		;
	(void)iommu_model_amdvi_translate(am.model, &request, &first);
	(void)iommu_model_amdvi_peek(am.model, &request, &second);
	FUZZ_CHECK(first.event == second.event && first.paddr == second.paddr);
	/* A leaf of which a part is cached is smaller. */
	FUZZ_CHECK(second.size <= first.size && second.prot == first.prot);
}

static void interrupt(void)
{
	const struct iommu_model_amdvi_message message = {
		.devid = (uint16_t)fuzz_below(&input, 16),
		.kind = fuzz_below(&input, 8) != 0
				? IOMMU_MODEL_AMDVI_MESSAGE
				: (enum iommu_model_amdvi_interrupt_kind)fuzz_below(&input, 3),
		.address = 0xfee00000ULL | fuzz_byte(&input),
		.data = (uint32_t)fuzz_number(&input, 2) & 0x7ff,
	};
	struct iommu_model_amdvi_remapped peeked, result;
	int expected, status;

	begin_call();
	expected = iommu_model_amdvi_peek_interrupt(am.model, &message, &peeked);
	end_call(LONGEST);
	begin_call();
	status = iommu_model_amdvi_interrupt(am.model, &message, &result);
	end_working_call();
	FUZZ_CHECK((status == 0) == (result.event == 0));
	if (is_quiet())
		FUZZ_CHECK(status == expected && peeked.event == result.event &&
			   peeked.vector == result.vector &&
			   peeked.destination == result.destination &&
			   peeked.unchanged == result.unchanged);
}

static int visit(void *ctx, const struct iommu_model_amdvi_piece *piece)
{
	uint64_t *next = ctx;

	FUZZ_CHECK(piece->size != 0 && piece->offset == *next);
	*next += piece->size;
	return *next > 1U << 20 ? 1 : 0;
}

static void access_buffer(void)
{
	const struct iommu_model_amdvi_request request = any_request();
	struct iommu_model_amdvi_translation last;
	uint64_t next = 0;

	(void)iommu_model_amdvi_access(am.model, &request, 1 + fuzz_number(&input, 2), visit, &next,
				       &last);
}

static void walk(void)
{
	struct iommu_model_amdvi_walk_state walk = {.devid = (uint16_t)fuzz_below(&input, 16),
						    .has_pasid = fuzz_flag(&input),
						    .pasid = fuzz_below(&input, 4),
						    .next = any_page(),
						    .last = any_page() | 4095};
	const uint64_t first = walk.next, last = walk.last;
	struct iommu_model_amdvi_mapping found[16];
	struct iommu_model_amdvi_stage stage;
	uint64_t at = first;
	size_t count = 16, i;
	int status;

	begin_call();
	(void)iommu_model_amdvi_get_stage(am.model, walk.devid, walk.has_pasid, walk.pasid, &stage);
	end_call(LONGEST);
	begin_call();
	status = iommu_model_amdvi_walk(am.model, &walk, found, &count);
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
	const struct iommu_model_amdvi_request like = any_request();
	const struct iommu_model_amdvi_page_message request = {.devid = like.devid,
							       .has_pasid = like.has_pasid,
							       .pasid = like.pasid,
							       .privileged = like.privileged,
							       .execute = like.execute,
							       .address = like.address,
							       .access = like.access,
							       .group = (uint16_t)fuzz_byte(&input),
							       .is_last = fuzz_flag(&input)};

	begin_call();
	(void)iommu_model_amdvi_page_request(am.model, &request);
	end_working_call();
}

/* --- States ----------------------------------------------------------------------------------- */

static void save_and_restore(void)
{
	static unsigned char state[4096], again[4096];
	const size_t size = iommu_model_amdvi_save(am.model, state, sizeof(state));
	unsigned int flips = fuzz_below(&input, 4);

	FUZZ_CHECK(size <= sizeof(state));
	for (; flips != 0; flips--)
		state[fuzz_number(&input, 2) % size] ^= (unsigned char)(1 << fuzz_below(&input, 8));
	begin_call();
	(void)iommu_model_amdvi_restore(am.model, state, size);
	end_working_call();
	if (am.meanwhile != NULL)
		return;
	while (iommu_model_amdvi_run(am.model))
		;
	FUZZ_CHECK(iommu_model_amdvi_save(am.model, state, sizeof(state)) == size);
	FUZZ_CHECK(iommu_model_amdvi_restore(am.model, state, size) == 0);
	(void)iommu_model_amdvi_save(am.model, again, sizeof(again));
	/* A buffer that was held up goes on; the features and what is enabled are the same. */
	FUZZ_CHECK(memcmp(state, again, 5 * 8) == 0);
}

/* --- Operations ------------------------------------------------------------------------------- */

static unsigned int depth;

static void act_meanwhile(void)
{
	if (++depth < 100 && !fuzz_is_done(&input))
		am_set(AMDVI_COMMAND_TAIL, (uint64_t)fuzz_byte(&input) << 4);
}

static void misbehave(void)
{
	const struct iommu_model_amdvi_faults faults = {
		.wait_delay = fuzz_below(&input, 3),
		.refuse_after = fuzz_below(&input, 3),
		.fetch_fails_after = fuzz_below(&input, 3),
		.record_delay = fuzz_below(&input, 4),
		.corrupt_first = any_page(),
		.corrupt_last = fuzz_flag(&input) ? any_page() : 0,
		.waits_hang = fuzz_below(&input, 8) == 0,
		.gone = fuzz_below(&input, 16) == 0,
	};
	const struct iommu_model_amdvi_faults none = {0};

	begin_call();
	iommu_model_amdvi_misbehave(am.model, &faults);
	end_working_call();
	translate();
	write_register();
	submit_commands();
	iommu_model_amdvi_misbehave(am.model, &none);
}

static void change_host(void)
{
	am.silent = fuzz_flag(&input);
	am.meanwhile = fuzz_flag(&input) ? act_meanwhile : NULL;
	am.broken_first = any_page();
	am.broken_last = fuzz_below(&input, 4) == 0 ? am.broken_first + 4095 : 0;
}

static void reset_or_misbehave(void)
{
	if (fuzz_below(&input, 4) != 0) {
		misbehave();
		return;
	}
	begin_call();
	iommu_model_amdvi_reset(am.model);
	end_working_call();
}

static void operate(void)
{
	static void (*const operations[])(void) = {
		write_memory,       write_memory,    write_tables,    write_tables,
		write_tables,       write_device,    write_device,    write_device,
		write_register,     start_unit,      submit_commands, submit_commands,
		submit_commands,    translate,       translate,       translate,
		translate,          translate_twice, access_buffer,   walk,
		ask_for_page,       interrupt,       interrupt,       save_and_restore,
		reset_or_misbehave, change_host,
	};

	operations[fuzz_below(&input, sizeof(operations) / sizeof(operations[0]))]();
}

/* The features of a unit: all, or any, of which most contradict each other. */
static struct iommu_model_amdvi_config any_config(void)
{
	const unsigned int how = fuzz_byte(&input);
	struct iommu_model_amdvi_config any = {.cache_entries = ENTRIES};

	if ((how & 0x80) != 0) {
		any.efr = 0x00134ad3002098dfULL ^ 1ULL << fuzz_below(&input, 64) ^
			  (fuzz_flag(&input) ? fuzz_number(&input, 2) : 0);
		any.efr2 = fuzz_flag(&input) ? 0x900 : 0x100;
		any.physical_bits = fuzz_flag(&input) ? 0 : 32 + fuzz_below(&input, 21);
	}
	if ((how & 0x40) != 0) {
		any.strict = fuzz_below(&input, 32);
		any.flags = fuzz_below(&input, 8);
		any.forget_seed = fuzz_below(&input, 4);
	}
	return any;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned int i;

	input = (struct fuzz_bytes){bytes, size};
	depth = 0;
	memset(&am, 0, offsetof(struct bare_amdvi, memory) + MEMORY);
	am.size = MEMORY;
	FUZZ_CHECK(iommu_hosted_init(&am.hosted, NULL, 4 << 20, 0) == 0);
	test_contract_hosted(&am.hosted);
	config = any_config();
	if (am_create(&config) != 0) {
		FUZZ_CHECK(am.hosted.pages_in_use == 0);
		iommu_hosted_destroy(&am.hosted);
		return 0;
	}
	for (i = 0; i < OPERATIONS && !fuzz_is_done(&input); i++)
		operate();
	am.meanwhile = NULL;
	am_end();
	return 0;
}
