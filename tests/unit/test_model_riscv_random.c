/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random contexts, tables and requests: what the RISC-V model answers, records and writes is what a
 * plain reading of the specification gives (riscv_reference.c). Every structure is right for the
 * most part, and wrong in a bit here and there.
 */
#include <stdio.h>
#include <string.h>

#include "bare_riscv.h"
#include "riscv_reference.h"
#include "test.h"

#define ADDRESSES  6
#define FIRST_FREE 0x10000ULL

static struct test_random random_numbers;
static uint64_t next_page;
static unsigned char expected_memory[RV_MEMORY];
/* How often each cause was expected. */
static unsigned int causes[512];
/* Of the round under way; 0: all are done. */
static uint64_t seed_now;

/* What one round has made. */
static struct {
	uint64_t cap;
	uint32_t fctl;
	enum riscv_ddtp_mode mode;
	uint32_t did;
	uint64_t dc[8];
	bool narrow_first, narrow_second;
	unsigned int first_mode, second_mode;
	uint64_t second_root;
	uint64_t address[ADDRESSES], guest[ADDRESSES];
	uint32_t pid;
	unsigned int pdtp;
} made;

static uint64_t below(uint64_t bound)
{
	return test_random_below(&random_numbers, bound);
}

static bool one_in(uint64_t n)
{
	return below(n) == 0;
}

static uint64_t anything(void)
{
	return test_random_next(&random_numbers);
}

static uint64_t take_page(uint64_t size)
{
	uint64_t page = (next_page + size - 1) & ~(size - 1);

	assert_true(page + size <= RV_MEMORY);
	next_page = page + size;
	memset(rv.memory + page, 0, (size_t)size);
	return page;
}

/* Wrong now and then. */
static uint64_t spoilt(uint64_t word, uint64_t seldom)
{
	return one_in(seldom) ? word ^ 1ULL << below(64) : word;
}

static void put(iommu_paddr_t place, uint64_t word, bool big_endian, unsigned int bytes)
{
	rv.big_endian = big_endian;
	if (bytes == 4)
		rv_half(place, (uint32_t)word);
	else
		rv_word(place, word);
}

static uint64_t get(iommu_paddr_t place, bool big_endian, unsigned int bytes)
{
	uint64_t word;

	rv.big_endian = big_endian;
	word = rv_look(place & ~7ULL);
	if (bytes == 8)
		return word;
	return ((place & 4) != 0) != big_endian ? word >> 32 : word & UINT32_MAX;
}

/* --- Tables ----------------------------------------------------------------------------------- */

static uint64_t random_flags(void)
{
	static const uint64_t usual[] = {0xdf, 0xd7, 0xd3, 0xdf, 0xd7};
	uint64_t flags = usual[below(5)];

	if (one_in(4))
		flags &= ~(RISCV_PTE_DIRTY | (one_in(2) ? RISCV_PTE_ACCESSED : 0));
	if (one_in(8))
		flags ^= 1ULL << below(8);
	return flags;
}

/* A leaf of a level for an address. */
static uint64_t random_leaf(uint64_t target, unsigned int level, bool narrow)
{
	const unsigned int index = narrow ? 10 : 9;
	const uint64_t inside = (4096ULL << level * index) - 1;
	uint64_t leaf = riscv_ppn(target & ~inside) | random_flags();

	if (narrow)
		return spoilt(leaf & UINT32_MAX, 30) & UINT32_MAX;
	if (one_in(6))
		leaf |= below(4) << 61;
	/* Which of the 16 entries of a run has A and D set is up to the unit. */
	if (level == 0 && one_in(3))
		leaf = (leaf & ~RISCV_NAPOT_PPN_MASK) | RISCV_NAPOT_PPN | RISCV_PTE_NAPOT |
		       RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY;
	return spoilt(leaf, 30);
}

/* A run is 16 equal entries. */
static void put_leaf(iommu_paddr_t place, uint64_t leaf, bool big_endian, unsigned int bytes)
{
	const uint64_t noted = RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY;
	const bool is_run = bytes == 8 && riscv_pte_is_napot(leaf) &&
			    (leaf & RISCV_NAPOT_PPN_MASK) == RISCV_NAPOT_PPN;
	unsigned int i;

	if (!is_run)
		put(place, leaf, big_endian, bytes);
	for (i = 0; is_run && i < 16; i++)
		put((place & ~127ULL) + i * 8, leaf | noted, big_endian, 8);
}

/* Entries on the way of an address, from the root to a leaf; those that are there stay. */
static void make_path(uint64_t root, unsigned int levels, bool narrow, bool second, bool big_endian,
		      uint64_t address, uint64_t target)
{
	const unsigned int index = narrow ? 10 : 9, bytes = narrow ? 4 : 8;
	const unsigned int last = one_in(3) ? (unsigned int)below(levels) : 0;
	unsigned int level;
	uint64_t table = root;

	for (level = levels - 1;; level--) {
		const unsigned int bits = index + (second && level == levels - 1 ? 2 : 0);
		const uint64_t place =
			table + (address >> (12 + level * index) & ((1ULL << bits) - 1)) * bytes;
		uint64_t entry;

		/* Where a spoilt entry leads, nothing is made. */
		if (table < FIRST_FREE || place + 8 > next_page)
			return;
		entry = get(place, big_endian, bytes);
		if ((entry & 0xf) == 1 && level != 0) {
			table = riscv_ppn_address(entry);
			continue;
		}
		if (entry != 0)
			return;
		if (level <= last) {
			put_leaf(place, random_leaf(target, level, narrow), big_endian, bytes);
			return;
		}
		table = take_page(4096);
		put(place, spoilt(riscv_pte_table(table) | (one_in(8) ? RISCV_PTE_GLOBAL : 0), 60),
		    big_endian, bytes);
	}
}

static unsigned int levels_of(unsigned int mode, bool narrow)
{
	return narrow ? 2 : mode - 5;
}

/* Memory is where it is for a guest, too, or nearly. */
static void make_second(void)
{
	const bool big = (made.fctl & RISCV_FCTL_BE) != 0;
	const unsigned int levels = levels_of(made.second_mode, made.narrow_second);
	const bool whole = one_in(2);
	uint64_t page;
	unsigned int i;

	made.second_root = take_page(0x4000);
	for (page = 0; page < RV_MEMORY; page += 4096) {
		const unsigned int index = made.narrow_second ? 10 : 9;
		unsigned int level;
		uint64_t table = made.second_root;

		for (level = levels - 1; level > (whole ? 1 : 0); level--) {
			const uint64_t place = table + (page >> (12 + level * index)) %
							       (1U << index) *
							       (made.narrow_second ? 4ULL : 8ULL);
			uint64_t entry = get(place, big, made.narrow_second ? 4 : 8);

			if (entry == 0) {
				entry = riscv_pte_table(take_page(4096));
				put(place, entry, big, made.narrow_second ? 4 : 8);
			}
			table = riscv_ppn_address(entry);
		}
		if (whole) {
			put(table, 0xdf, big, made.narrow_second ? 4 : 8);
			break;
		}
		put(table + (page >> 12) * (made.narrow_second ? 4 : 8),
		    riscv_ppn(page) | (one_in(40) ? random_flags() : 0xdf), big,
		    made.narrow_second ? 4 : 8);
	}
	for (i = 0; i < ADDRESSES; i++)
		make_path(made.second_root, levels, made.narrow_second, true, big, made.guest[i],
			  below(RV_MEMORY));
}

static uint64_t random_address(unsigned int width, bool sign)
{
	uint64_t address = anything() >> (64 - width);

	if (one_in(3))
		address &= 0x1fffff;
	if (sign && (address >> (width - 1) & 1) != 0)
		address |= UINT64_MAX << (width - 1);
	return one_in(20) ? address ^ 1ULL << below(64) : address;
}

static void choose_addresses(void)
{
	const unsigned int first = levels_of(made.first_mode, made.narrow_first);
	const unsigned int second = levels_of(made.second_mode, made.narrow_second);
	unsigned int i;

	for (i = 0; i < ADDRESSES; i++) {
		made.guest[i] =
			one_in(3) || made.second_mode == 0
				? below(RV_MEMORY)
				: random_address(made.narrow_second ? 34 : 14 + second * 9, false);
		if (made.first_mode == 0)
			made.address[i] = made.guest[i];
		else
			made.address[i] = random_address(made.narrow_first ? 32 : 12 + first * 9,
							 !made.narrow_first);
	}
}

static uint64_t make_first(void)
{
	const bool big = (made.dc[0] & RISCV_TC_SBE) != 0;
	const uint64_t root = take_page(4096);
	unsigned int i;

	for (i = 0; made.first_mode != 0 && i < ADDRESSES; i++)
		make_path(root, levels_of(made.first_mode, made.narrow_first), made.narrow_first,
			  false, big, made.address[i], made.guest[i]);
	return root;
}

/* --- Contexts --------------------------------------------------------------------------------- */

static unsigned int random_mode(uint64_t lowest, bool narrow)
{
	if (one_in(4))
		return 0;
	if (narrow)
		return 8;
	do {
		const unsigned int mode = 8 + (unsigned int)below(3);

		if ((made.cap & lowest << (mode - 8)) != 0 || one_in(40))
			return mode;
	} while ((made.cap & (lowest | lowest << 1 | lowest << 2)) != 0);
	return 0;
}

static uint64_t make_processes(uint64_t fsc)
{
	const bool big = (made.dc[0] & RISCV_TC_SBE) != 0;
	const uint64_t root = take_page(4096);
	uint64_t table = root;
	unsigned int level;

	for (level = made.pdtp; level > 1; level--) {
		const uint64_t place = table + riscv_process_index(made.pid, level) * 8ULL;

		table = take_page(4096);
		put(place, spoilt(riscv_directory_entry(table), 30), big, 8);
	}
	table += riscv_process_index(made.pid, 1) * 16ULL;
	put(table, spoilt(riscv_process_ta(0x77, below(4) << 1), 12), big, 8);
	put(table + 8, spoilt(fsc, 12), big, 8);
	return riscv_pdtp((enum riscv_process_directory_mode)made.pdtp, root);
}

static void make_messages(void)
{
	const bool big = (made.fctl & RISCV_FCTL_BE) != 0;
	const uint64_t table = take_page(4096);
	unsigned int i;

	made.dc[5] = 0x5;
	made.dc[6] = made.guest[0] >> 12;
	made.dc[4] = spoilt(riscv_msiptp(RISCV_MSIPTP_FLAT, table), 20);
	for (i = 0; i < 4; i++) {
		const bool file = one_in(3);

		put(table + i * 16,
		    spoilt(file ? riscv_mrif_low(below(RV_MEMORY) & ~511ULL)
				: riscv_msi_basic(below(RV_MEMORY)),
			   8),
		    big, 8);
		put(table + i * 16 + 8,
		    file ? spoilt(riscv_mrif_high(0x5000, (unsigned int)below(0x800)), 8)
			 : anything(),
		    big, 8);
	}
}

static void random_tc(void)
{
	uint64_t tc = RISCV_TC_VALID;

	tc |= one_in(2) ? RISCV_TC_EN_ATS : 0;
	tc |= one_in(4) && (tc & RISCV_TC_EN_ATS) != 0 ? RISCV_TC_EN_PRI : 0;
	tc |= one_in(4) && (tc & RISCV_TC_EN_ATS) != 0 && made.second_mode != 0 ? RISCV_TC_T2GPA
										: 0;
	tc |= one_in(6) ? RISCV_TC_DTF : 0;
	tc |= one_in(2) ? RISCV_TC_GADE : 0;
	tc |= one_in(2) ? RISCV_TC_SADE : 0;
	if ((made.cap & RISCV_CAP_ATS) == 0)
		tc &= ~(RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_T2GPA);
	if ((made.cap & RISCV_CAP_AMO_HWAD) == 0)
		tc &= ~(RISCV_TC_GADE | RISCV_TC_SADE);
	tc |= made.narrow_first ? RISCV_TC_SXL : 0;
	tc |= (made.fctl & RISCV_FCTL_BE) != 0 ? RISCV_TC_SBE : 0;
	if ((made.cap & RISCV_CAP_END) != 0 && one_in(3))
		tc ^= RISCV_TC_SBE;
	if (made.pdtp != 0)
		tc |= RISCV_TC_PDTV | (one_in(2) ? RISCV_TC_DPE : 0);
	made.dc[0] = tc;
}

static void make_context(void)
{
	uint64_t fsc;
	unsigned int i;

	memset(made.dc, 0, sizeof(made.dc));
	made.pdtp = one_in(2) ? (unsigned int)below(4) : 0;
	made.pid = (uint32_t)(anything() & 0xfffff) >> (made.pdtp == 1   ? 12
							: made.pdtp == 2 ? 3
									 : 0);
	random_tc();
	choose_addresses();
	if (made.second_mode != 0) {
		make_second();
		made.dc[1] =
			(uint64_t)made.second_mode << 60 | 0x1234ULL << 44 | made.second_root >> 12;
	}
	fsc = (uint64_t)made.first_mode << 60 | make_first() >> 12;
	made.dc[2] = riscv_ta(0x55);
	if ((made.cap & RISCV_CAP_QOSID) != 0)
		made.dc[2] |=
			riscv_ta_qos((uint32_t)below(16), (uint32_t)(one_in(50) ? 16 : below(16)));
	made.dc[3] = made.pdtp != 0 ? make_processes(fsc) : fsc;
	if ((made.cap & RISCV_CAP_MSI_FLAT) != 0 && made.second_mode != 0 && one_in(2))
		make_messages();
	if (one_in(10)) {
		i = (unsigned int)below((made.cap & RISCV_CAP_MSI_FLAT) != 0 ? 8 : 4);
		made.dc[i] ^= 1ULL << below(64);
	}
}

static void make_directory(void)
{
	const bool extended = (made.cap & RISCV_CAP_MSI_FLAT) != 0;
	const bool big = (made.fctl & RISCV_FCTL_BE) != 0;
	unsigned int level = (unsigned int)made.mode - 1, i;
	uint64_t table = RV_ROOT;

	made.did = (uint32_t)anything() & ((1U << riscv_directory_id_bits(level, extended)) - 1);
	memset(rv.memory + RV_ROOT, 0, 4096);
	for (; level > 1; level--) {
		const uint64_t place =
			table + riscv_directory_index(made.did, level, extended) * 8ULL;

		table = take_page(4096);
		put(place, spoilt(riscv_directory_entry(table), 40), big, 8);
	}
	table += riscv_directory_index(made.did, 1, extended) * (extended ? 64ULL : 32ULL);
	for (i = 0; i < (extended ? 8U : 4U); i++)
		put(table + i * 8, made.dc[i], big, 8);
}

/* --- Requests --------------------------------------------------------------------------------- */

static struct iommu_model_riscv_request random_request(void)
{
	struct iommu_model_riscv_request request = {
		.device_id = one_in(30) ? made.did ^ 1U << below(24) : made.did,
		.type = one_in((made.dc[0] & RISCV_TC_EN_ATS) != 0 ? 2 : 20)
				? (enum iommu_model_riscv_request_type)(1 + below(2))
				: IOMMU_MODEL_RISCV_UNTRANSLATED,
		.address = made.address[below(ADDRESSES)] ^ below(0x2000),
		.access = (unsigned int)below(4),
	};

	if (request.type == IOMMU_MODEL_RISCV_TRANSLATED)
		request.address = made.guest[below(ADDRESSES)];
	request.has_process = made.pdtp != 0 ? !one_in(4) : one_in(30);
	if (request.has_process) {
		request.process_id = one_in(20) ? (uint32_t)below(1 << 20) : made.pid;
		request.privileged = one_in(3);
		request.execute = one_in(3);
	}
	return request;
}

static bool is_denial(unsigned int cause)
{
	return cause == 12 || cause == 13 || cause == 15 || cause == 20 || cause == 21 ||
	       cause == 23 || cause == 262 || cause == 266;
}

/* The record for a cause, word by word. */
static void check_record(const struct iommu_model_riscv_request *request,
			 const struct reference_result *expected)
{
	static const unsigned int kinds[3][3] = {{2, 3, 1}, {8, 8, 8}, {6, 7, 5}};
	const bool writes = (request->access & IOMMU_PROT_WRITE) != 0;
	const unsigned int how = writes ? 1 : request->execute && request->has_process ? 2 : 0;
	const struct riscv_fault fault = rv_fault();
	uint64_t first = expected->cause | (uint64_t)kinds[request->type][how] << 34 |
			 (uint64_t)request->device_id << 40;

	if (request->has_process)
		first |= (uint64_t)request->process_id << 12 | 1ULL << 32 |
			 (request->privileged ? 1ULL << 33 : 0);
	assert_int_equal(fault.words[0], first);
	assert_int_equal(fault.words[1], 0);
	assert_int_equal(fault.words[2], request->address);
	assert_int_equal(fault.words[3], expected->iotval2);
}

static void check_fault(const struct iommu_model_riscv_request *request,
			const struct reference_result *expected)
{
	const bool ats = request->type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;
	const unsigned int cause = expected->cause;
	const bool always = (cause >= 256 && cause <= 259) || cause == 268 || cause >= 272;

	rv.big_endian = (made.fctl & RISCV_FCTL_BE) != 0;
	if (ats && is_denial(cause)) {
		assert_int_equal(rv_result.cause, 0);
		assert_int_equal(rv_result.prot, 0);
		assert_int_equal(rv_faults(), 0);
		return;
	}
	assert_int_equal(rv_result.cause, cause);
	assert_int_equal(rv_result.answer, ats && (cause < 256 || cause > 260)
						   ? IOMMU_MODEL_RISCV_ABORTED
						   : IOMMU_MODEL_RISCV_UNSUPPORTED);
	if (expected->dtf && !always)
		assert_int_equal(rv_faults(), 0);
	else
		check_record(request, expected);
}

static void check_success(const struct iommu_model_riscv_request *request,
			  const struct reference_result *expected)
{
	const bool ats = request->type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;

	assert_int_equal(rv_result.cause, 0);
	assert_int_equal(rv_result.answer, IOMMU_MODEL_RISCV_SUCCESS);
	assert_int_equal(rv_faults(), 0);
	assert_int_equal(rv_result.prot, (expected->r ? IOMMU_PROT_READ : 0) |
						 (expected->w ? IOMMU_PROT_WRITE : 0));
	assert_int_equal(rv_result.executable, request->execute && expected->x);
	assert_int_equal(rv_result.memory_type, expected->pbmt);
	assert_int_equal(rv_result.is_message, expected->is_message);
	assert_int_equal(rv_result.is_file, expected->is_file);
	assert_int_equal(rv_result.rcid, expected->rcid);
	assert_int_equal(rv_result.mcid, expected->mcid);
	if (ats) {
		assert_int_equal(rv_result.is_global, expected->global);
		assert_int_equal(rv_result.is_privileged,
				 request->has_process && request->privileged);
	}
	if (expected->is_file) {
		assert_int_equal(rv_result.file, expected->file);
		assert_int_equal(rv_result.notice, expected->notice);
		assert_int_equal(rv_result.notice_data, expected->nid);
	} else {
		assert_int_equal(rv_result.paddr, expected->pa);
	}
}

/* Another address in the block of the last answer is translated alike. */
static void check_block(struct reference_unit *unit, struct reference_request request,
			const struct iommu_model_riscv_translation *answer)
{
	static unsigned char untouched[RV_MEMORY];
	const uint64_t offset = anything() & (answer->size - 1);
	const uint64_t first = request.iova & ~(answer->size - 1);
	struct reference_result other;

	assert_int_equal(answer->size & (answer->size - 1), 0);
	assert_true(answer->size >= 4096);
	if (answer->is_file || answer->prot == 0 || answer->size > 1ULL << 50)
		return;
	memcpy(untouched, unit->memory, (size_t)next_page);
	request.iova = first | offset;
	riscv_reference(unit, &request, &other);
	memcpy(unit->memory, untouched, (size_t)next_page);
	assert_int_equal(other.cause, 0);
	assert_int_equal(other.pa, (answer->paddr & ~(answer->size - 1)) | offset);
}

static void ask(struct reference_unit *unit)
{
	const struct iommu_model_riscv_request request = random_request();
	struct iommu_model_riscv_translation peeked;
	const struct reference_request plain = {
		.did = request.device_id,
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
	struct reference_result expected;

	memcpy(expected_memory, rv.memory, (size_t)next_page);
	riscv_reference(unit, &plain, &expected);
	causes[expected.cause]++;
	(void)iommu_model_riscv_peek(rv.model, &request, &peeked);
	(void)rv_ask(&request);
	assert_int_equal(peeked.cause, rv_result.cause);
	if (expected.cause != 0)
		check_fault(&request, &expected);
	else
		check_success(&request, &expected);
	/* What the unit wrote to tables. */
	assert_memory_equal(rv.memory + FIRST_FREE, expected_memory + FIRST_FREE,
			    (size_t)(next_page - FIRST_FREE));
	if (expected.cause == 0)
		check_block(unit, plain, &rv_result);
}

/* --- Rounds ----------------------------------------------------------------------------------- */

static uint64_t random_capabilities(void)
{
	uint64_t cap = RV_ALL;

	if (one_in(3))
		cap |= RV_32_BIT;
	if (one_in(4))
		cap = (RV_32_BIT |
		       (RV_ALL & ~(RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4)));
	if (one_in(4))
		cap &= ~(RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF | RISCV_CAP_AMO_MRIF);
	if (one_in(4))
		cap &= ~(RISCV_CAP_SV57 | RISCV_CAP_SV57X4 | RISCV_CAP_SVPBMT);
	if (one_in(4))
		cap &= ~(RISCV_CAP_ATS | RISCV_CAP_T2GPA);
	if (one_in(4))
		cap &= ~RISCV_CAP_AMO_HWAD;
	if (one_in(4))
		cap &= ~(RISCV_CAP_END | RISCV_CAP_QOSID | RISCV_CAP_PD17 | RISCV_CAP_MSI_MRIF |
			 RISCV_CAP_AMO_MRIF);
	if (one_in(4))
		cap |= RISCV_CAP_SVRSW60T59B;
	return cap;
}

static void random_round(uint64_t seed)
{
	struct iommu_model_riscv_config config = {.qos_bits = 4};
	struct reference_unit unit = {.qos_bits = 4};
	unsigned int i, gxl;

	random_numbers.state = seed;
	made.cap = config.capabilities = random_capabilities();
	config.forget_seed = one_in(3) ? seed | 1 : 0;
	rv_begin(&config);
	rv_set(RISCV_FCTL, 4, below(8) & ~(uint64_t)RISCV_FCTL_WSI);
	made.fctl = (uint32_t)rv_reg(RISCV_FCTL, 4);
	rv.big_endian = (made.fctl & RISCV_FCTL_BE) != 0;
	rv_queues_on(false);
	gxl = (made.fctl & RISCV_FCTL_GXL) != 0;
	unit.fctl_writable = (made.cap & RISCV_CAP_END) != 0 ? 1 : 0;
	if ((made.cap & RISCV_CAP_SV32X4) != 0 && (made.cap & RISCV_CAP_SV39X4) != 0)
		unit.fctl_writable |= 4;
	made.narrow_second = gxl != 0;
	made.narrow_first = gxl != 0 || ((unit.fctl_writable & 4) != 0 && one_in(4));
	made.mode = (enum riscv_ddtp_mode)(RISCV_DDTP_1LVL + below(3));
	made.first_mode = random_mode(RISCV_CAP_SV39, made.narrow_first);
	made.second_mode = random_mode(RISCV_CAP_SV39X4, made.narrow_second);
	next_page = FIRST_FREE;
	make_context();
	make_directory();
	if (one_in(40))
		made.mode = (enum riscv_ddtp_mode)below(2);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(made.mode, RV_ROOT));
	memset(expected_memory, 0, sizeof(expected_memory));
	unit.memory = expected_memory;
	unit.size = RV_MEMORY;
	unit.capabilities = rv_reg(RISCV_CAPABILITIES, 8);
	unit.fctl = made.fctl;
	unit.ddtp = rv_reg(RISCV_DDTP, 8);
	for (i = 0; i < 24; i++)
		ask(&unit);
	rv_end();
}

static void what_the_specification_says(void **state)
{
	/* Those that no injected fault is needed for. */
	static const uint16_t seen[] = {0,   1,   5,   7,   12,  13,  15,  20,  21,  23, 256,
					257, 258, 259, 260, 261, 262, 263, 265, 266, 267};
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 60000) / 24;
	const uint64_t seed = test_setting("IOMMU_TEST_SEED", 1);
	uint64_t i;

	(void)state;
	for (i = 0; i < rounds; i++) {
		seed_now = seed + i;
		random_round(seed + i);
	}
	seed_now = 0;
	for (i = 0; i < sizeof(seen) / sizeof(seen[0]) && rounds >= 1000; i++)
		assert_true(causes[seen[i]] != 0);
}

static int tell_seed(void **state)
{
	(void)state;
	if (seed_now != 0)
		fprintf(stderr, "IOMMU_TEST_SEED=%llu IOMMU_TEST_OPERATIONS=24\n",
			(unsigned long long)seed_now);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_the_specification_says, tell_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
