/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of a RISC-V IOMMU under a hostile guest: register accesses of any place and width,
 * directories, tables, queues and MSI tables of any contents, devices that send requests of all
 * kinds, states restored from any bytes.
 *
 * After each call: no lock is held, the memory that the model takes stays within its bound, and the
 * call has read and written the guest's memory no more often than the header allows. What a look-up
 * without effects says is what the request then gets; what a walk says lies in the range that was
 * asked for, in order; a state that was saved is restored, saved again, and is the same; and when
 * nothing is cached, a request gets what a plain reading of the specification gives.
 */
#include "bare_riscv.h"
#include "fuzz.h"
#include "riscv_reference.h"
#include "test_contract.h"

#define OPERATIONS  160
#define LARGEST     32768U /* commands that one call executes at most */
#define ACCESSES    4U     /* of memory, for one command, or record */
#define LONGEST     160U /* … for one look-up: directories and two stages, one within the other */
#define ENTRIES     512U /* of the cache */
#define MODEL_PAGES 256U

static struct fuzz_bytes input;
static unsigned int accesses_before;
static struct iommu_model_riscv_config config;

static void begin_call(void)
{
	accesses_before = rv.reads + rv.writes;
}

static void end_call(unsigned int most)
{
	struct iommu_model_riscv_stats stats;

	test_contract_no_lock(&rv.hosted, "a call of the model");
	FUZZ_CHECK(rv.reads + rv.writes - accesses_before <= most);
	FUZZ_CHECK(rv.hosted.pages_in_use <= MODEL_PAGES);
	iommu_model_riscv_get_stats(rv.model, &stats);
	FUZZ_CHECK(stats.cached_contexts + stats.cached_directories + stats.cached_processes +
			   stats.cached_roots + stats.cached_first + stats.cached_second +
			   stats.cached_messages <=
		   ENTRIES);
}

static void end_working_call(void)
{
	end_call(LARGEST * ACCESSES + 2 * LONGEST);
}

/* --- What a guest writes ---------------------------------------------------------------------- */

/* A page of its memory, of no memory, or any address. */
static uint64_t any_page(void)
{
	const unsigned int how = fuzz_byte(&input);

	if (how < 224)
		return (uint64_t)(how & 63) << 12;
	return fuzz_wild(&input) & ~4095ULL;
}

static uint64_t any_word(void)
{
	const uint64_t page = any_page();

	switch (fuzz_below(&input, 8)) {
	case 0:
		return fuzz_wild(&input);
	case 1:
		return riscv_pte_table(page);
	case 2:
		return riscv_pte_leaf(page, fuzz_byte(&input));
	case 3:
		return riscv_pte_napot(page & ~0xffffULL, fuzz_byte(&input));
	case 4:
		return riscv_root(8 + fuzz_below(&input, 3), page) | (uint64_t)fuzz_below(&input, 4)
									     << 44;
	case 5:
		return riscv_root(fuzz_below(&input, 4), page);
	case 6:
		return riscv_msi_basic(page) ^ fuzz_byte(&input);
	default:
		return riscv_mrif_low(page | (uint64_t)fuzz_below(&input, 8) << 9);
	}
}

static void write_memory(void)
{
	uint64_t at = any_page() % RV_MEMORY;
	unsigned int count = fuzz_byte(&input);

	at += (uint64_t)(fuzz_flag(&input) ? fuzz_below(&input, 512) : fuzz_below(&input, 16)) * 8;
	if (count < 192) {
		rv_word(at, any_word());
	} else if (count < 250) {
		for (count = count % 8 + 1; count != 0 && at < RV_MEMORY; count--, at += 8)
			rv_word(at, any_word());
	} else {
		const uint64_t value = any_word();

		for (at &= ~4095ULL, count = 512; count != 0; count--, at += 8)
			rv_word(at, value);
	}
}

/* A context that could be right. */
static void write_context(void)
{
	const iommu_paddr_t at = RV_ROOT + fuzz_below(&input, 32) * 64ULL;
	const unsigned int features = (unsigned int)fuzz_number(&input, 2);
	uint64_t tc = 1 | (features & 0xffe);
	unsigned int i;

	/* Flags that need others have them. */
	if ((tc & (RISCV_TC_EN_PRI | RISCV_TC_T2GPA)) != 0)
		tc |= RISCV_TC_EN_ATS;
	if ((tc & RISCV_TC_EN_PRI) == 0)
		tc &= ~RISCV_TC_PRPR;
	if ((tc & RISCV_TC_PDTV) == 0)
		tc &= ~RISCV_TC_DPE;
	rv_word(at, fuzz_below(&input, 8) != 0 ? tc : fuzz_wild(&input));
	rv_word(at + 8, (features & 0x1000) != 0
				? riscv_root(8 + fuzz_below(&input, 3), any_page() & ~0x3fffULL) |
					  (uint64_t)fuzz_below(&input, 4) << 44
				: 0);
	rv_word(at + 16, riscv_ta(fuzz_below(&input, 4)));
	rv_word(at + 24, riscv_root((tc & RISCV_TC_PDTV) != 0 ? fuzz_below(&input, 4)
							      : 8 + fuzz_below(&input, 3),
				    any_page()));
	for (i = 4; i < 8; i++)
		rv_word(at + i * 8ULL, 0);
	if ((features & 0x3000) != 0x3000)
		return;
	rv_word(at + 32, riscv_msiptp(RISCV_MSIPTP_FLAT, any_page()));
	rv_word(at + 40, fuzz_byte(&input));
	rv_word(at + 48, fuzz_byte(&input));
}

static void write_register(void)
{
	static const uint32_t offsets[] = {RISCV_FCTL,
					   RISCV_DDTP,
					   RISCV_CQB,
					   RISCV_CQT,
					   RISCV_FQB,
					   RISCV_FQH,
					   RISCV_PQB,
					   RISCV_PQH,
					   RISCV_CQCSR,
					   RISCV_FQCSR,
					   RISCV_PQCSR,
					   RISCV_IPSR,
					   RISCV_IOCOUNTINH,
					   RISCV_IOHPMEVT,
					   RISCV_IOHPMCTR,
					   RISCV_ICVEC,
					   RISCV_MSI_CFG_TBL,
					   RISCV_MSI_CFG_TBL + 8,
					   RISCV_MSI_CFG_TBL + 12,
					   RISCV_TR_REQ_IOVA,
					   RISCV_TR_REQ_CTL,
					   RISCV_IOMMU_QOSID,
					   RISCV_IOHPMCYCLES};
	const unsigned int how = fuzz_byte(&input);
	const uint32_t offset = how < 230 ? offsets[how % 23] : (uint32_t)fuzz_number(&input, 2);
	const unsigned int size = fuzz_flag(&input) ? 4 : 8;
	const uint64_t value = fuzz_flag(&input) ? fuzz_wild(&input) : fuzz_number(&input, 2);

	begin_call();
	rv_set(offset, size, value);
	end_working_call();
	begin_call();
	(void)rv_reg(offset, size);
	end_working_call();
}

static void start_unit(void)
{
	const enum riscv_ddtp_mode mode = (enum riscv_ddtp_mode)fuzz_below(&input, 5);

	begin_call();
	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 1 + fuzz_below(&input, 9)));
	rv_set(RISCV_CQCSR, 4, 0xf03);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 1 + fuzz_below(&input, 7)));
	rv_set(RISCV_FQCSR, 4, 0x303);
	rv_set(RISCV_PQB, 8, riscv_queue_base(RV_REQUESTS, 1 + fuzz_below(&input, 8)));
	rv_set(RISCV_PQCSR, 4, 0x303);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(mode, RV_ROOT));
	end_working_call();
}

static void submit_commands(void)
{
	static const uint64_t kinds[] = {
		RISCV_IOTINVAL_VMA, RISCV_IOTINVAL_GVMA, RISCV_IOFENCE_C, RISCV_INVAL_DDT,
		RISCV_INVAL_PDT,    RISCV_ATS_INVAL,     RISCV_ATS_PRGR,  0};
	unsigned int count = 1 + fuzz_below(&input, 8);
	uint64_t tail = rv_reg(RISCV_CQT, 4);
	const uint64_t base = riscv_ppn_address(rv_reg(RISCV_CQB, 8));

	for (; count != 0; count--, tail++) {
		const uint64_t place = base + (tail & 255) * 16;
		uint64_t low = kinds[fuzz_below(&input, 8)], high = 0;

		if (place > RV_MEMORY - 16)
			break;
		/* Flags where commands have theirs. */
		low |= (uint64_t)(fuzz_byte(&input) & 0xf) << 10;
		low |= (uint64_t)(fuzz_byte(&input) & 0x7) << 32;
		low |= (uint64_t)fuzz_below(&input, 8) << 12;
		low |= (uint64_t)fuzz_below(&input, 32) << 40;
		if (fuzz_flag(&input))
			high = any_page() >> 2 | (fuzz_flag(&input) ? RISCV_IOTINVAL_S : 0);
		if (fuzz_below(&input, 16) == 0)
			low = fuzz_wild(&input);
		rv_word(place, low);
		rv_word(place + 8, high);
	}
	begin_call();
	rv_set(RISCV_CQT, 4, tail);
	end_working_call();
}

#define GUESTS     4U /* whose ids are given to contexts on purpose */
#define FORGETTING (3 + GUESTS)

/* There is no command for what is kept of the first stages of all guests. */
static void forget_everything(void)
{
	struct riscv_command commands[FORGETTING] = {
		riscv_command_vma(), riscv_command_inval_directories(), riscv_command_gvma()};
	unsigned int i;

	for (i = 0; i < GUESTS; i++)
		commands[3 + i] = riscv_command_of_guest(riscv_command_vma(), (uint16_t)i);
	begin_call();
	rv_set(RISCV_CQCSR, 4, 0);
	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 8));
	rv_set(RISCV_CQT, 4, 0);
	for (i = 0; i < FORGETTING; i++) {
		rv_word(RV_COMMANDS + i * 16ULL, commands[i].low);
		rv_word(RV_COMMANDS + i * 16ULL + 8, commands[i].high);
	}
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE);
	rv_set(RISCV_CQT, 4, FORGETTING);
	end_working_call();
}

static bool knows_nothing(void)
{
	struct iommu_model_riscv_stats stats;

	iommu_model_riscv_get_stats(rv.model, &stats);
	return stats.cached_contexts + stats.cached_directories + stats.cached_processes +
		       stats.cached_roots + stats.cached_first + stats.cached_second +
		       stats.cached_messages ==
	       0;
}

/* --- A machine that works, as far as the input leaves it so ----------------------------------- */

/* Equal entries in a whole table. */
static void fill(uint64_t table, unsigned int entries, uint64_t entry)
{
	unsigned int i;

	for (i = 0; i < entries; i++)
		rv_word(table + i * 8ULL, entry);
}

/* Contexts, or entries that lead to them, at the end of a directory: each serves every id. */
static void write_directory(enum riscv_ddtp_mode mode, const uint64_t *context, unsigned int words)
{
	const uint64_t contexts = mode == RISCV_DDTP_1LVL ? RV_ROOT : RV_CONTEXTS;
	unsigned int i;

	for (i = 0; i < 4096 / 8; i++)
		rv_word(contexts + i * 8ULL, context[i % words]);
	if (mode == RISCV_DDTP_3LVL)
		fill(RV_CONTEXTS + 4096, 512, riscv_directory_entry(RV_CONTEXTS));
	if (mode != RISCV_DDTP_1LVL)
		fill(RV_ROOT, 512,
		     riscv_directory_entry(RV_CONTEXTS + (mode == RISCV_DDTP_3LVL ? 4096 : 0)));
}

/* The second stage: memory at its own address, by leaves of any level, and more pages by chance. */
static uint64_t write_second_stage(void)
{
	const unsigned int levels = 3 + fuzz_below(&input, 3);
	const unsigned int level = 1 + fuzz_below(&input, levels);
	const uint64_t flags = fuzz_below(&input, 4) != 0 ? RV_LEAF_FLAGS : fuzz_byte(&input);
	const uint64_t size = 1ULL << riscv_level_shift(level);
	uint64_t address;

	for (address = 0; address < RV_MEMORY; address += size)
		rv_map_second(levels, address, level, riscv_pte_leaf(address, flags));
	if (level == 1 && fuzz_flag(&input))
		for (address = RV_DATA; address < RV_DATA + 0x10000; address += 4096)
			rv_map_second(levels, address, 1, riscv_pte_napot(RV_DATA, flags));
	return riscv_root(8 + levels - 3, RV_GUEST_ROOT) | (uint64_t)fuzz_below(&input, 4) << 44;
}

/* A first stage all of whose addresses lead to pages of the memory. */
static uint64_t write_first_stage(void)
{
	const unsigned int levels = 3 + fuzz_below(&input, 3);
	const unsigned int level = 1 + fuzz_below(&input, levels);
	const uint64_t flags = fuzz_below(&input, 4) != 0 ? RV_LEAF_FLAGS : fuzz_byte(&input);
	unsigned int at;

	for (at = levels; at > level; at--)
		fill(RV_FIRST(at), 512, riscv_pte_table(RV_FIRST(at - 1)) | (flags & 0x20));
	if (level == 1 && fuzz_flag(&input))
		fill(RV_FIRST(1), 512, riscv_pte_napot(RV_DATA, flags));
	else
		fill(RV_FIRST(level), 512, riscv_pte_leaf(level == 1 ? any_page() : 0, flags));
	return riscv_root(8 + levels - 3, RV_FIRST(levels));
}

/* A process directory whose contexts are all alike. */
static uint64_t write_processes(void)
{
	const unsigned int levels = 1 + fuzz_below(&input, 3);
	const uint64_t flags = fuzz_below(&input, 4) << 1;
	const uint64_t root = fuzz_below(&input, 4) != 0 ? write_first_stage() : 0;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		rv_word(RV_PROCESSES + i * 16ULL, riscv_process_ta(i & 3, flags));
		rv_word(RV_PROCESSES + i * 16ULL + 8, root);
	}
	for (i = 1; i < levels; i++)
		fill(RV_PROCESSES + i * 4096ULL, 512,
		     riscv_directory_entry(RV_PROCESSES + (i - 1) * 4096ULL));
	return riscv_root(levels, RV_PROCESSES + (levels - 1) * 4096ULL);
}

/* Interrupt files: pages of the hardware's, or in memory. */
static void write_files(uint64_t *context)
{
	const uint64_t low = fuzz_flag(&input) ? riscv_msi_basic(RV_DATA) : riscv_mrif_low(RV_FILE);
	const uint64_t high = riscv_mrif_high(any_page(), fuzz_byte(&input));
	unsigned int i;

	for (i = 0; i < 256; i++) {
		rv_word(RV_MESSAGES + i * 16ULL, low);
		rv_word(RV_MESSAGES + i * 16ULL + 8, (low & 6) == 6 ? 0 : high);
	}
	context[RISCV_CONTEXT_MSIPTP] = riscv_msiptp(RISCV_MSIPTP_FLAT, RV_MESSAGES);
	context[RISCV_CONTEXT_MSI_ADDRESS_MASK] = fuzz_byte(&input);
	context[RISCV_CONTEXT_MSI_ADDRESS_PATTERN] = fuzz_byte(&input);
}

static void count_events(void)
{
	unsigned int i;

	rv_set(RISCV_IOCOUNTINH, 4, 0);
	for (i = 0; i < 4; i++) {
		rv_set(RISCV_IOHPMEVT + i * 8, 8,
		       (1 + fuzz_below(&input, 8)) | (uint64_t)fuzz_below(&input, 16) << 60 |
			       (uint64_t)fuzz_below(&input, 32) << 36 |
			       (uint64_t)fuzz_below(&input, 4) << 16 |
			       (uint64_t)fuzz_below(&input, 2) << 15);
		rv_set(RISCV_IOHPMCTR + i * 8, 8, UINT64_MAX - fuzz_below(&input, 4));
	}
}

static void build_machine(void)
{
	const enum riscv_ddtp_mode mode =
		(enum riscv_ddtp_mode)(RISCV_DDTP_1LVL + fuzz_below(&input, 3));
	const bool extended = (rv_reg(RISCV_CAPABILITIES, 8) & RISCV_CAP_MSI_FLAT) != 0;
	const unsigned int how = (unsigned int)fuzz_number(&input, 2);
	uint64_t context[RISCV_CONTEXT_WORDS] = {0};

	rv.big_endian = (rv_reg(RISCV_FCTL, 4) & RISCV_FCTL_BE) != 0;
	/* Accessed and dirty bits by hardware, ATS, page requests, guest addresses. */
	context[RISCV_CONTEXT_TC] = RISCV_TC_VALID | (how & (RISCV_TC_GADE | RISCV_TC_SADE));
	if ((how & 1) != 0)
		context[RISCV_CONTEXT_TC] |=
			RISCV_TC_EN_ATS | (how & (RISCV_TC_EN_PRI | RISCV_TC_PRPR));
	if ((context[RISCV_CONTEXT_TC] & RISCV_TC_EN_PRI) == 0)
		context[RISCV_CONTEXT_TC] &= ~RISCV_TC_PRPR;
	context[RISCV_CONTEXT_TA] = riscv_ta(how & 3);
	if ((how & 0x1000) != 0) {
		context[RISCV_CONTEXT_IOHGATP] = write_second_stage();
		if ((how & 9) == 9)
			context[RISCV_CONTEXT_TC] |= RISCV_TC_T2GPA;
	}
	if ((how & 0x6000) == 0x2000) {
		context[RISCV_CONTEXT_FSC] = write_first_stage();
	} else if ((how & 0x4000) != 0) {
		context[RISCV_CONTEXT_TC] |= RISCV_TC_PDTV | (how & RISCV_TC_DPE);
		context[RISCV_CONTEXT_FSC] = write_processes();
	}
	if ((how & 0x9000) == 0x9000 && extended)
		write_files(context);
	write_directory(mode, context, extended ? RISCV_CONTEXT_WORDS : RISCV_CONTEXT_WORDS_BASE);
	if ((how & 0x800) != 0)
		count_events();
	forget_everything();
	begin_call();
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 7));
	rv_set(RISCV_FQCSR, 4, 3);
	rv_set(RISCV_PQB, 8, riscv_queue_base(RV_REQUESTS, 8));
	rv_set(RISCV_PQCSR, 4, 3);
	rv_set(RISCV_DDTP, 8, 0);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(mode, RV_ROOT));
	end_working_call();
}

/* --- What devices do -------------------------------------------------------------------------- */

static struct iommu_model_riscv_request any_request(void)
{
	const unsigned int how = fuzz_byte(&input);

	return (struct iommu_model_riscv_request){
		.device_id = (how & 0x80) != 0 ? (uint32_t)fuzz_number(&input, 3) : how & 31,
		.type = (enum iommu_model_riscv_request_type)fuzz_below(&input, 3),
		.has_process = (how & 0x40) != 0,
		.process_id = (how & 0x20) != 0 ? (uint32_t)fuzz_number(&input, 3) & 0xfffff
						: fuzz_below(&input, 4),
		.address = fuzz_flag(&input) ? any_page() | fuzz_byte(&input) : fuzz_wild(&input),
		.access = fuzz_below(&input, 4),
		.privileged = fuzz_flag(&input),
		.execute = fuzz_flag(&input),
	};
}

static bool is_quiet(void)
{
	return config.forget_seed == 0 && rv.meanwhile == NULL;
}

static void translate(void)
{
	const struct iommu_model_riscv_request request = any_request();
	struct iommu_model_riscv_translation peeked, result;
	int expected, status;

	begin_call();
	expected = iommu_model_riscv_peek(rv.model, &request, &peeked);
	end_call(LONGEST);
	FUZZ_CHECK((expected == 0) == (peeked.cause == 0));
	begin_call();
	status = iommu_model_riscv_translate(rv.model, &request, &result);
	end_working_call();
	FUZZ_CHECK((status == 0) == (result.cause == 0));
	if (!is_quiet())
		return;
	FUZZ_CHECK(status == expected && result.cause == peeked.cause);
	FUZZ_CHECK(result.paddr == peeked.paddr && result.size == peeked.size);
	FUZZ_CHECK(result.prot == peeked.prot && result.is_file == peeked.is_file);
	FUZZ_CHECK(status != 0 || (result.size & (result.size - 1)) == 0);
}

/* With nothing cached: the plain reading decides. */
static void translate_by_the_book(void)
{
	static unsigned char copy[RV_MEMORY];
	const struct iommu_model_riscv_request request = any_request();
	struct reference_unit unit = {.memory = copy, .size = RV_MEMORY};
	const struct reference_request plain = {
		.did = request.device_id & 0xffffff,
		.type = (enum reference_type)request.type,
		.pv = request.has_process,
		.pid = request.process_id,
		.priv = request.privileged,
		.exec = request.execute,
		.read = (request.access & IOMMU_PROT_READ) != 0 ||
			request.type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
		.write = (request.access & IOMMU_PROT_WRITE) != 0,
		.iova = request.address,
	};
	struct iommu_model_riscv_translation result;
	struct reference_result expected;

	forget_everything();
	/* Anything that holds the queue up, or has changed what it stands for. */
	if (rv_reg(RISCV_CQH, 4) != FORGETTING || !knows_nothing() || config.strict != 0 ||
	    !is_quiet() || (rv_reg(RISCV_DDTP, 8) & RISCV_DDTP_BUSY) != 0)
		return;
	unit.capabilities = rv_reg(RISCV_CAPABILITIES, 8);
	unit.fctl = (uint32_t)rv_reg(RISCV_FCTL, 4);
	unit.fctl_writable =
		((unit.capabilities & RISCV_CAP_END) != 0 ? RISCV_FCTL_BE : 0) & ~config.fctl_fixed;
	unit.ddtp = rv_reg(RISCV_DDTP, 8);
	unit.qos_bits = 12;
	if ((unit.capabilities & RISCV_CAP_SV32X4) != 0)
		return;
	memcpy(copy, rv.memory, RV_MEMORY);
	riscv_reference(&unit, &plain, &expected);
	(void)iommu_model_riscv_translate(rv.model, &request, &result);
	if (request.type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST && result.cause == 0) {
		FUZZ_CHECK(expected.cause == 0 || result.prot == 0);
		return;
	}
	FUZZ_CHECK(result.cause == expected.cause);
	FUZZ_CHECK(result.cause != 0 || result.is_file || result.paddr == expected.pa);
}

static int visit(void *ctx, const struct iommu_model_riscv_piece *piece)
{
	uint64_t *next = ctx;

	FUZZ_CHECK(piece->size != 0 && piece->offset == *next);
	*next += piece->size;
	return *next > 1U << 20 ? 1 : 0;
}

static void access_buffer(void)
{
	const struct iommu_model_riscv_request request = any_request();
	struct iommu_model_riscv_translation last;
	uint64_t next = 0;

	(void)iommu_model_riscv_access(rv.model, &request, 1 + fuzz_number(&input, 2), visit, &next,
				       &last);
}

static void walk(void)
{
	struct iommu_model_riscv_walk_state walk = {.device_id = fuzz_below(&input, 32),
						    .has_process = fuzz_flag(&input),
						    .process_id = fuzz_below(&input, 4),
						    .next = any_page(),
						    .last = any_page() | 4095};
	const uint64_t first = walk.next, last = walk.last;
	struct iommu_model_riscv_mapping found[16];
	uint64_t at = first;
	size_t count = 16, i;
	int status;

	begin_call();
	status = iommu_model_riscv_walk(rv.model, &walk, found, &count);
	end_call(512 * LONGEST);
	FUZZ_CHECK(status == 0 || count == 0);
	for (i = 0; i < count; i++) {
		FUZZ_CHECK(found[i].iova >= at && found[i].size != 0);
		FUZZ_CHECK((found[i].size & 4095) == 0 && found[i].prot != 0);
		at = found[i].iova + (found[i].size - 1);
		FUZZ_CHECK(at <= last);
	}
}

static void send_message(void)
{
	const struct iommu_model_riscv_request request = any_request();
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_stage stage;

	begin_call();
	(void)iommu_model_riscv_interrupt(rv.model, &request, (uint32_t)fuzz_number(&input, 2),
					  &message);
	end_working_call();
	FUZZ_CHECK(!message.is_due || message.where.cause == 0);
	begin_call();
	(void)iommu_model_riscv_get_stage(rv.model, request.device_id, request.has_process,
					  request.process_id, &stage);
	end_call(LONGEST);
}

static void ask_for_page(void)
{
	const struct iommu_model_riscv_request like = any_request();
	const struct iommu_model_riscv_page_message request = {.device_id = like.device_id,
							       .has_process = like.has_process,
							       .process_id = like.process_id,
							       .privileged = like.privileged,
							       .execute = like.execute,
							       .address = like.address,
							       .access = like.access,
							       .group = (uint16_t)fuzz_byte(&input),
							       .is_last = fuzz_flag(&input)};

	begin_call();
	(void)iommu_model_riscv_page_request(rv.model, &request);
	end_working_call();
}

/* --- States ----------------------------------------------------------------------------------- */

static void save_and_restore(void)
{
	static unsigned char state[16384], again[16384];
	const size_t size = iommu_model_riscv_save(rv.model, state, sizeof(state));
	unsigned int flips = fuzz_below(&input, 4);

	FUZZ_CHECK(size <= sizeof(state));
	for (; flips != 0; flips--)
		state[fuzz_number(&input, 2) % size] ^= (unsigned char)(1 << fuzz_below(&input, 8));
	begin_call();
	(void)iommu_model_riscv_restore(rv.model, state, size);
	end_working_call();
	if (rv.meanwhile != NULL)
		return;
	while (iommu_model_riscv_run(rv.model))
		;
	FUZZ_CHECK(iommu_model_riscv_save(rv.model, state, sizeof(state)) == size);
	FUZZ_CHECK(iommu_model_riscv_restore(rv.model, state, size) == 0);
	(void)iommu_model_riscv_save(rv.model, again, sizeof(again));
	/* What was busy is not any more; a queue that was held up goes on. */
	FUZZ_CHECK(memcmp(state, again, 3 * 8) == 0);
}

/* --- Operations ------------------------------------------------------------------------------- */

static unsigned int depth;

static void act_meanwhile(void)
{
	if (++depth < 100 && !fuzz_is_done(&input))
		rv_set(RISCV_CQT, 4, fuzz_byte(&input));
}

static void misbehave(void)
{
	const struct iommu_model_riscv_faults faults = {
		.busy_delay = fuzz_below(&input, 3),
		.fence_delay = fuzz_below(&input, 3),
		.refuse_after = fuzz_below(&input, 3),
		.fetch_fails_after = fuzz_below(&input, 3),
		.corrupt_first = any_page(),
		.corrupt_last = fuzz_flag(&input) ? any_page() : 0,
	};
	const struct iommu_model_riscv_faults none = {0};

	begin_call();
	iommu_model_riscv_misbehave(rv.model, &faults);
	end_working_call();
	translate();
	write_register();
	iommu_model_riscv_misbehave(rv.model, &none);
}

static void operate(void)
{
	switch (fuzz_below(&input, 25)) {
	case 0:
	case 1:
	case 2:
	case 3:
		write_memory();
		break;
	case 4:
	case 5:
	case 6:
		write_context();
		break;
	case 7:
	case 8:
		write_register();
		break;
	case 9:
		start_unit();
		break;
	case 10:
	case 11:
		submit_commands();
		break;
	case 12:
		forget_everything();
		break;
	case 13:
	case 14:
		translate();
		break;
	case 15:
	case 16:
		translate_by_the_book();
		break;
	case 17:
		access_buffer();
		break;
	case 18:
		walk();
		break;
	case 19:
		send_message();
		break;
	case 20:
		ask_for_page();
		break;
	case 21:
		build_machine();
		break;
	case 22:
		save_and_restore();
		break;
	case 23:
		if (fuzz_below(&input, 4) == 0) {
			begin_call();
			iommu_model_riscv_reset(rv.model);
			end_working_call();
		} else {
			misbehave();
		}
		break;
	default:
		rv.silent = fuzz_flag(&input);
		rv.deaf = fuzz_flag(&input);
		rv.meanwhile = fuzz_flag(&input) ? act_meanwhile : NULL;
		break;
	}
}

/* The features of a unit: most of them, or any. */
static struct iommu_model_riscv_config any_config(void)
{
	const unsigned int how = fuzz_byte(&input);
	struct iommu_model_riscv_config any = {
		.capabilities = RV_ALL, .cache_entries = ENTRIES, .counters = 4};

	if ((how & 0x80) != 0)
		any.capabilities = (RV_ALL | RV_32_BIT) & ~(fuzz_number(&input, 5) & ~0xffULL);
	if ((how & 0x40) != 0) {
		any.levels = fuzz_below(&input, 16);
		any.vectors = 1U << fuzz_below(&input, 5);
		any.counters = fuzz_below(&input, 32);
		any.counter_bits = any.counters == 1 ? 32 : 0;
		any.queue_max = fuzz_below(&input, 33);
		any.strict = fuzz_below(&input, 4);
		any.forget_seed = fuzz_below(&input, 4);
		any.fctl = fuzz_below(&input, 8);
		any.fctl_fixed = fuzz_below(&input, 8);
		any.resets_bare = fuzz_flag(&input);
	}
	return any;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned int i;

	input = (struct fuzz_bytes){bytes, size};
	depth = 0;
	memset(&rv, 0, sizeof(rv));
	FUZZ_CHECK(iommu_hosted_init(&rv.hosted, NULL, 4 << 20, 0) == 0);
	test_contract_hosted(&rv.hosted);
	config = any_config();
	if (rv_create(&config) != 0) {
		FUZZ_CHECK(rv.hosted.pages_in_use == 0);
		iommu_hosted_destroy(&rv.hosted);
		return 0;
	}
	for (i = 0; i < OPERATIONS && !fuzz_is_done(&input); i++)
		operate();
	rv.meanwhile = NULL;
	rv_end();
	return 0;
}
