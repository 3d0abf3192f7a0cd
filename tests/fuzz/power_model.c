/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The models of a POWER host bridge, its firmware and a hypervisor, under a hostile guest: tables
 * of any contents, firmware's calls, the kill register, hypercalls and services with any arguments,
 * devices that reach for any address.
 *
 * After each call: no lock is held, memory is bounded, and memory of the guest was read no more
 * often than the header allows. An access that passes leads where a walk of the tables, at some
 * time since the last invalidation, could have led: in a page of the guest's own words. Of the
 * hypervisor's first window there is a list of what each call has set: a device reaches just that.
 */
#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/iommu.h>

#include "base/byteorder.h"
#include "fuzz.h"
#include "test_contract.h"
#include "test_platform.h"

#define MEMORY_SIZE 0x40000U
#define OPERATIONS  160U
#define ENTRIES     256U
#define LIOBN       0x80000001U
#define PAGES       64U /* of the first window */
#define ID          0x0108

static struct {
	struct fuzz_bytes input;
	struct test_platform outside;
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;
	uint8_t memory[MEMORY_SIZE];
	unsigned int reads, reads_before;
	uint64_t entries[PAGES]; /* of the first window, as calls that succeeded have set them */
	bool is_known;           /* the window is as it was made */
	bool forgets;            /* the bridge, at random */
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	FUZZ_CHECK(paddr % 8 == 0);
	f.reads++;
	if (paddr > MEMORY_SIZE - 8)
		return false;
	memcpy(bytes, f.memory + paddr, 8);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	FUZZ_CHECK(size != 0 && size <= 65536);
	if (paddr > MEMORY_SIZE || size > MEMORY_SIZE - paddr)
		return false;
	memcpy(f.memory + paddr, bytes, size);
	return true;
}

static void told_misuse(void *ctx, const char *text)
{
	(void)ctx;
	FUZZ_CHECK(text != NULL && text[0] != '\0');
}

static void end_call(unsigned int most)
{
	test_contract_no_lock(&f.outside, "a call of the model");
	FUZZ_CHECK(f.reads - f.reads_before <= most);
	f.reads_before = f.reads;
}

/* --- The guest's memory ----------------------------------------------------------------------- */

static uint64_t any_paddr(void)
{
	const unsigned int how = fuzz_byte(&f.input);

	if (how < 224)
		return (uint64_t)(how & 63) << 12;
	return fuzz_wild(&f.input);
}

static void fill_memory(void)
{
	uint64_t at = any_paddr() % MEMORY_SIZE & ~7ULL;
	unsigned int count = 1 + fuzz_below(&f.input, 16);

	if (fuzz_below(&f.input, 16) == 0)
		count = 512;
	if (fuzz_flag(&f.input))
		at += (uint64_t)fuzz_below(&f.input, 512) * 8;
	for (; count != 0 && at + 8 <= MEMORY_SIZE; count--, at += 8) {
		uint64_t entry = any_paddr() | fuzz_below(&f.input, 4);

		entry = iommu_be64(entry);
		memcpy(f.memory + at, &entry, 8);
	}
}

/* --- The bridge ------------------------------------------------------------------------------- */

static uint64_t any_size(void)
{
	if (fuzz_below(&f.input, 4) == 0)
		return fuzz_wild(&f.input);
	return 1ULL << fuzz_below(&f.input, 40);
}

static void call_firmware(void)
{
	static const uint64_t tokens[] = {IOMMU_OPAL_SET_PE,
					  IOMMU_OPAL_MAP_PE_WINDOW,
					  IOMMU_OPAL_MAP_PE_WINDOW_REAL,
					  IOMMU_OPAL_TCE_KILL,
					  IOMMU_OPAL_FREEZE_STATUS,
					  IOMMU_OPAL_FREEZE_CLEAR,
					  IOMMU_OPAL_SET_PELTV,
					  IOMMU_OPAL_PHB_DIAGNOSTICS,
					  IOMMU_OPAL_FREEZE_SET,
					  0,
					  44};
	const unsigned int which = fuzz_below(&f.input, 11);
	uint64_t arguments[7] = {fuzz_below(&f.input, 8) != 0, fuzz_below(&f.input, 8)};
	uint64_t page = 1ULL << (12 + fuzz_below(&f.input, 20));

	switch (tokens[which]) {
	case IOMMU_OPAL_MAP_PE_WINDOW:
		arguments[2] = arguments[1] << 1 | fuzz_below(&f.input, 2);
		arguments[3] = fuzz_below(&f.input, 7);
		arguments[4] = any_paddr();
		arguments[5] = any_size();
		arguments[6] = page;
		break;
	case IOMMU_OPAL_MAP_PE_WINDOW_REAL:
		arguments[2] = arguments[1] << 1 | fuzz_below(&f.input, 2);
		arguments[3] = (uint64_t)fuzz_below(&f.input, 4) << 59;
		arguments[4] = any_size();
		break;
	case IOMMU_OPAL_TCE_KILL:
		arguments[1] = fuzz_below(&f.input, 4);
		arguments[2] = fuzz_below(&f.input, 8);
		arguments[3] = fuzz_number(&f.input, 1);
		arguments[4] = (uint64_t)fuzz_number(&f.input, 2) << 12;
		arguments[5] = fuzz_number(&f.input, 2);
		break;
	default:
		for (unsigned int i = 2; i < 7; i++)
			arguments[i] = fuzz_flag(&f.input) ? any_paddr() : fuzz_byte(&f.input);
		break;
	}
	/* Any of them may be anything. */
	if (fuzz_below(&f.input, 8) == 0)
		arguments[fuzz_below(&f.input, 7)] = fuzz_wild(&f.input);
	(void)iommu_model_phb_opal(f.phb, tokens[which], arguments);
	end_call(64);
}

static void set_by_hand(void)
{
	const uint32_t number = fuzz_below(&f.input, 18);
	uint64_t tve = fuzz_wild(&f.input);
	int status;

	switch (fuzz_below(&f.input, 4)) {
	case 0:
		tve = tve_table(any_paddr() & 0xfffffffff000, 1 + fuzz_below(&f.input, 5),
				12 + fuzz_below(&f.input, 8), 12 + fuzz_below(&f.input, 20));
		break;
	case 1:
		tve = tve_bypass(any_size(), any_size());
		break;
	default:
		break;
	}
	status = iommu_model_phb_set_tve(f.phb, number, tve);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	FUZZ_CHECK(status != 0 || iommu_model_phb_tve(f.phb, number) == tve);
	status = iommu_model_phb_set_pe(f.phb, (uint16_t)(ID + fuzz_below(&f.input, 4)),
					fuzz_flag(&f.input) ? fuzz_below(&f.input, 9)
							    : IOMMU_MODEL_NO_PE);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL || status == IOMMU_ENOMEM);
	end_call(0);
}

static void kill(void)
{
	const uint64_t bits = (uint64_t)fuzz_byte(&f.input) << 56;

	iommu_model_phb_kill_write(f.phb, fuzz_flag(&f.input)
						  ? bits | fuzz_below(&f.input, 8) |
							    (uint64_t)fuzz_number(&f.input, 2) << 12
						  : fuzz_wild(&f.input));
	(void)iommu_model_phb_kill_read(f.phb);
	end_call(0);
}

static void access_through_bridge(void)
{
	const uint16_t id = (uint16_t)(ID + fuzz_below(&f.input, 4));
	uint64_t address = (uint64_t)fuzz_below(&f.input, 2) << TVE_WINDOW_BIT;
	const bool is_write = fuzz_flag(&f.input);
	struct iommu_model_tce_access first, again;
	const uint32_t pe = iommu_model_phb_pe_of(f.phb, id);
	struct iommu_model_phb_freeze freeze;
	int status;

	address |=
		fuzz_flag(&f.input) ? (uint64_t)fuzz_number(&f.input, 3) << 8 : fuzz_wild(&f.input);
	status = iommu_model_phb_access(f.phb, id, address, is_write, &first);
	FUZZ_CHECK(status == 0 ? first.reason == IOMMU_MODEL_TCE_OK : status == IOMMU_EFAULT);
	FUZZ_CHECK(status == 0 || first.reason != IOMMU_MODEL_TCE_OK);
	end_call(8);
	FUZZ_CHECK((first.reason == IOMMU_MODEL_TCE_NO_PE) == (pe == IOMMU_MODEL_NO_PE));
	if (pe == IOMMU_MODEL_NO_PE)
		return;
	FUZZ_CHECK(iommu_model_phb_get_freeze(f.phb, pe, &freeze) == 0);
	FUZZ_CHECK(freeze.is_frozen || status == 0);
	if (status == 0) {
		/* Nothing has changed: what was remembered is, and in the same page. */
		if (!f.forgets) {
			FUZZ_CHECK(iommu_model_phb_access(f.phb, id, address, is_write, &again) ==
				   0);
			FUZZ_CHECK(again.paddr == first.paddr && again.size == first.size);
		}
		FUZZ_CHECK(first.size == 0 || ((first.paddr ^ address) & (first.size - 1)) == 0);
	} else if (fuzz_flag(&f.input)) {
		FUZZ_CHECK(iommu_model_phb_thaw(f.phb, pe) == 0);
	}
	end_call(16);
}

static void trouble_bridge(void)
{
	const struct iommu_model_phb_faults faults = {
		.busy = fuzz_below(&f.input, 3),
		.kills_hang = fuzz_below(&f.input, 8) == 0,
		.refuse_close = fuzz_below(&f.input, 8) == 0,
		.refuse_open = fuzz_below(&f.input, 3),
		.slow_kills = fuzz_below(&f.input, 3),
		.keeps_kills = fuzz_below(&f.input, 8) == 0,
		.keeps_frozen = fuzz_below(&f.input, 8) == 0,
		.is_fenced = fuzz_below(&f.input, 16) == 0,
	};
	struct iommu_model_phb_stats stats;

	iommu_model_phb_misbehave(f.phb, &faults);
	iommu_model_phb_get_stats(f.phb, &stats);
	FUZZ_CHECK(stats.cached_pages + stats.cached_tables <= ENTRIES);
	FUZZ_CHECK(iommu_model_phb_page_sizes(f.phb) != 0);
}

static bool begin_bridge(void)
{
	const struct iommu_model_phb_config config = {
		.platform = &f.outside.platform,
		.host = {.ctx = &f,
			 .read = read_memory,
			 .write = fuzz_below(&f.input, 8) != 0 ? write_memory : NULL,
			 .misuse = told_misuse},
		.phb = 1,
		.generation = 2 + fuzz_below(&f.input, 5),
		.pes = 8 + fuzz_below(&f.input, 4) * 128,
		.cache_entries = ENTRIES,
		.forget_seed = fuzz_below(&f.input, 4) == 0 ? 7 : 0,
	};

	f.forgets = config.forget_seed != 0;
	return iommu_model_phb_create(&config, &f.phb) == 0;
}

static void operate_bridge(void)
{
	switch (fuzz_below(&f.input, 10)) {
	case 0:
	case 1:
		fill_memory();
		break;
	case 2:
	case 3:
	case 4:
		call_firmware();
		break;
	case 5:
		set_by_hand();
		break;
	case 6:
		kill();
		break;
	case 7:
	case 8:
		access_through_bridge();
		break;
	default:
		if (fuzz_below(&f.input, 4) == 0)
			trouble_bridge();
		break;
	}
}

/* --- The hypervisor --------------------------------------------------------------------------- */

/* What a call that returned 0 has set in the first window; partial progress makes it unknown. */
static void note(uint64_t address, uint64_t pages, const uint64_t *entries, int64_t status)
{
	const uint64_t first = address >> 12;

	if (status != 0) {
		f.is_known = f.is_known && (first >= PAGES || pages <= 1);
		return;
	}
	FUZZ_CHECK(!f.is_known || (first < PAGES && pages <= PAGES - first));
	for (uint64_t i = 0; i < pages && first + i < PAGES; i++)
		f.entries[first + i] = entries[i];
}

static void hypercall(void)
{
	static const uint64_t opcodes[] = {IOMMU_H_GET_TCE, IOMMU_H_PUT_TCE, IOMMU_H_STUFF_TCE,
					   IOMMU_H_PUT_TCE_INDIRECT, 0x24};
	const uint64_t opcode = opcodes[fuzz_below(&f.input, 5)];
	const uint64_t liobn = fuzz_below(&f.input, 8) != 0 ? LIOBN : fuzz_wild(&f.input);
	uint64_t address = (uint64_t)fuzz_below(&f.input, PAGES + 2) << 12;
	uint64_t entry = any_paddr() | fuzz_below(&f.input, 4), count, result = 0;
	uint64_t entries[512];
	int64_t status;

	if (fuzz_below(&f.input, 8) == 0)
		address = fuzz_wild(&f.input);
	count = fuzz_flag(&f.input) ? fuzz_byte(&f.input) : fuzz_wild(&f.input);
	switch (opcode) {
	case IOMMU_H_PUT_TCE:
		status = iommu_model_papr_hypercall(f.papr, opcode, liobn, address, entry, 0,
						    &result);
		if (liobn == LIOBN)
			note(address, 1, &entry, status);
		break;
	case IOMMU_H_STUFF_TCE:
		status = iommu_model_papr_hypercall(f.papr, opcode, liobn, address, entry, count,
						    &result);
		for (unsigned int i = 0; i < 512; i++)
			entries[i] = entry;
		if (liobn == LIOBN)
			note(address, count, entries, status);
		break;
	case IOMMU_H_PUT_TCE_INDIRECT: {
		const uint64_t list = any_paddr();

		status = iommu_model_papr_hypercall(f.papr, opcode, liobn, address, list, count,
						    &result);
		FUZZ_CHECK(status != 0 || count <= 512);
		for (unsigned int i = 0; status == 0 && i < count; i++) {
			FUZZ_CHECK(list + i * 8 + 8 <= MEMORY_SIZE);
			memcpy(&entries[i], f.memory + list + (size_t)i * 8, 8);
			entries[i] = iommu_be64(entries[i]);
		}
		if (liobn == LIOBN)
			note(address, count, entries, status);
		break;
	}
	default:
		status = iommu_model_papr_hypercall(f.papr, opcode, liobn, address, entry, count,
						    &result);
		if (status == 0 && liobn == LIOBN && f.is_known) {
			const uint64_t known = f.entries[address >> 12];

			FUZZ_CHECK((result & 3) == (known & 3));
		}
		break;
	}
	end_call(4096 + 8);
}

static void access_window(void)
{
	const bool is_first = fuzz_below(&f.input, 4) != 0, is_write = fuzz_flag(&f.input);
	const uint64_t address =
		is_first ? (uint64_t)fuzz_number(&f.input, 3) % 0x50000 : fuzz_wild(&f.input);
	const uint32_t liobn = is_first ? LIOBN : (uint32_t)fuzz_wild(&f.input);
	struct iommu_model_tce_access access;
	const int status = iommu_model_papr_access(f.papr, liobn, address, is_write, &access);
	uint64_t entry;

	FUZZ_CHECK((status == 0) == (access.reason == IOMMU_MODEL_TCE_OK));
	end_call(8);
	if (!is_first || !f.is_known || access.reason == IOMMU_MODEL_TCE_FROZEN)
		return;
	entry = address >> 12 < PAGES ? f.entries[address >> 12] : 0;
	if ((entry & (is_write ? TCE_WRITE : TCE_READ)) == 0)
		FUZZ_CHECK(status != 0);
	else
		FUZZ_CHECK(status == 0 && access.paddr == (tce_address(entry) | (address & 4095)));
}

static void call_service(void)
{
	const enum iommu_model_papr_service service =
		(enum iommu_model_papr_service)fuzz_below(&f.input, 10);
	uint32_t inputs[8], outputs[16] = {0};
	const unsigned int given = fuzz_below(&f.input, 9), asked = fuzz_below(&f.input, 10);

	for (unsigned int i = 0; i < 8; i++)
		inputs[i] = (uint32_t)fuzz_number(&f.input, 1 + fuzz_below(&f.input, 2) * 3);
	if (fuzz_flag(&f.input)) {
		/* As a guest gives them: the PE's address, and the bridge's. */
		inputs[0] = 0x10000;
		inputs[1] = inputs[2] = 0;
		inputs[3] = 12 + fuzz_below(&f.input, 24);
		inputs[4] = 20 + fuzz_below(&f.input, 20);
	}
	if (service == IOMMU_MODEL_PAPR_REMOVE)
		inputs[0] = fuzz_flag(&f.input) ? LIOBN : inputs[0];
	if (service == IOMMU_MODEL_PAPR_REMOVE || service == IOMMU_MODEL_PAPR_RESET)
		f.is_known = false;
	(void)iommu_model_papr_rtas(f.papr, service, given, inputs, asked, outputs);
	for (unsigned int i = asked; i < 16; i++)
		FUZZ_CHECK(outputs[i] == 0);
	end_call(64);
}

static void change_partition(void)
{
	const uint64_t start = any_paddr(), size = any_size();
	int status;

	switch (fuzz_below(&f.input, 5)) {
	case 0:
		status = iommu_model_papr_add_memory(f.papr, start, size);
		break;
	case 1:
		status = iommu_model_papr_remove_memory(f.papr, start, size);
		break;
	case 2:
		status = iommu_model_papr_add_window(
			f.papr, (uint32_t)fuzz_number(&f.input, 1),
			(uint64_t)fuzz_number(&f.input, 2) << 24, fuzz_below(&f.input, 40),
			fuzz_flag(&f.input) ? fuzz_byte(&f.input) : fuzz_wild(&f.input));
		break;
	case 3:
		status = iommu_model_papr_remove_window(f.papr, (uint32_t)fuzz_number(&f.input, 1));
		break;
	default: {
		const struct iommu_model_papr_faults faults = {
			.busy = fuzz_below(&f.input, 3),
			.fail_at = fuzz_below(&f.input, 3),
			.fail_with = -1,
			.wait_ms = fuzz_below(&f.input, 2),
		};

		iommu_model_papr_misbehave(f.papr, &faults);
		if (faults.fail_at != 0)
			f.is_known = false;
		status = 0;
		break;
	}
	}
	FUZZ_CHECK(status <= 0);
	end_call(0);
}

static bool begin_partition(void)
{
	const struct iommu_model_papr_config config = {
		.platform = &f.outside.platform,
		.host = {.ctx = &f,
			 .read = read_memory,
			 .write = write_memory,
			 .misuse = told_misuse},
		.single_calls = fuzz_below(&f.input, 4) == 0,
		.dynamic_windows = fuzz_below(&f.input, 4),
		.dynamic_page_sizes = 1ULL << 12 | 1ULL << 16 | (uint64_t)fuzz_byte(&f.input) << 20,
		.dynamic_pages = fuzz_byte(&f.input),
		.wide_query = fuzz_flag(&f.input),
		.pe_address = fuzz_flag(&f.input) ? 0x10000 : 0,
	};

	if (iommu_model_papr_create(&config, &f.papr) != 0)
		return false;
	f.is_known = iommu_model_papr_add_window(f.papr, LIOBN, 0, 12, PAGES) == 0;
	return true;
}

static void operate_partition(void)
{
	switch (fuzz_below(&f.input, 8)) {
	case 0:
		fill_memory();
		break;
	case 1:
	case 2:
	case 3:
		hypercall();
		break;
	case 4:
	case 5:
		access_window();
		break;
	case 6:
		call_service();
		break;
	default:
		change_partition();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	bool is_bridge;

	memset(&f, 0, sizeof(f));
	f.input = (struct fuzz_bytes){bytes, size};
	test_platform_init(&f.outside, 16 << 20, 0);
	f.outside.quiet = true;
	is_bridge = fuzz_flag(&f.input);
	if (is_bridge ? begin_bridge() : begin_partition())
		for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&f.input); i++) {
			if (fuzz_below(&f.input, 32) == 0)
				f.outside.fail_every = fuzz_below(&f.input, 4);
			if (is_bridge)
				operate_bridge();
			else
				operate_partition();
		}
	if (f.phb != NULL)
		iommu_model_phb_destroy(f.phb);
	if (f.papr != NULL)
		iommu_model_papr_destroy(f.papr);
	test_platform_destroy(&f.outside);
	return 0;
}
