/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of Arm's SMMUv3 of include/libiommu/hw/smmu_*.h: what is encoded is decoded again, for
 * all values of every field, and nothing else is touched. Queues: what is full, empty and used, for
 * all orders and pointers.
 */
#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/smmu_page_request.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "proof.h"

/* Any field of a word. */
static void fields(void)
{
	const unsigned int low = any_below(64), high = low + any_below(64 - low);
	const unsigned int field = SMMU_FIELD(1U, high, low);
	const uint64_t most = ~0ULL >> (63 - (high - low)), value = any_64();
	const uint64_t word = smmu_place(field, value);

	CLAIM(smmu_field_word(field) == 1 && smmu_field_mask(field) == most << low);
	CLAIM(smmu_bits(word, field) == (value & most));
	CLAIM((word & ~smmu_field_mask(field)) == 0);
}

/* A structure: what is set is read, and nothing else is touched. */
static void structures(void)
{
	const uint64_t value = any_64(), first = any_64(), second = any_64();
	smmu_word_t words[2] = {first, second};

	smmu_set(words, SMMU_STE_S1CDMAX, value);
	CLAIM(smmu_get(words, SMMU_STE_S1CDMAX) == (value & 31));
	CLAIM(smmu_has(words, SMMU_STE_S1CDMAX) == ((value & 31) != 0));
	CLAIM((words[0] ^ first) >> 59 << 59 == (words[0] ^ first) && words[1] == second);
	smmu_set_address(words, SMMU_CD_TTB0, value);
	CLAIM(smmu_address(words, SMMU_CD_TTB0) == (value & 0x00fffffffffffff0ULL));
	CLAIM(((words[1] ^ second) & 0xff0000000000000fULL) == 0);
}

static void queues(void)
{
	const unsigned int order = any_below(20);
	const uint32_t cons = any_32() & ((2U << order) - 1), used = any_32();
	const uint32_t prod = smmu_queue_advance(cons, used, order);
	const uint64_t base = any_64();

	ASSUME(used <= 1U << order);
	CLAIM(smmu_queue_used(prod, cons, order) == used);
	CLAIM(smmu_queue_is_empty(prod, cons, order) == (used == 0));
	CLAIM(smmu_queue_is_full(prod, cons, order) == (used == 1U << order));
	CLAIM(smmu_queue_index(prod, order) < 1U << order);
	CLAIM(smmu_queue_base_order(smmu_queue_base(base, order, any_bool())) == order);
	CLAIM(smmu_queue_base_address(smmu_queue_base(base, order, any_bool())) ==
	      (base & 0x00ffffffffffffe0ULL));
	CLAIM(smmu_strtab_split(any_32()) <= 10);
}

static void tables(void)
{
	const uint64_t address = any_64(), descriptor = any_64();
	const unsigned int span = any_below(32);
	const struct smmu_ste ste = {{any_64()}};

	CLAIM(smmu_l1std_span(smmu_l1std(address, span)) == span);
	CLAIM(smmu_l1std_address(smmu_l1std(address, span)) == (address & 0x00ffffffffffffc0ULL));
	CLAIM(smmu_l1cd_is_valid(smmu_l1cd(address)));
	CLAIM(smmu_l1cd_address(smmu_l1cd(address)) == (address & 0x00fffffffffff000ULL));
	CLAIM((smmu_l1cd_address(descriptor) & 0xfff) == 0);
	CLAIM(!smmu_ste_has_stage_1(&ste) || (ste.words[0] & 8) != 0);
	CLAIM(!smmu_ste_has_stage_2(&ste) || (ste.words[0] & 8) != 0);
	CLAIM(smmu_tg0_shift(any_32()) <= 16 && smmu_tg1_shift(any_32()) <= 16);
	CLAIM(smmu_s2sl0_level(any_below(4), any_bool() ? 12 : 16) <= 4);
	CLAIM(smmu_address_bits(any_32()) <= 56 && smmu_address_size(any_32()) < 8);
	CLAIM(smmu_mair_attribute(any_64(), any_32()) < 256);
}

static void commands(void)
{
	const uint32_t sid = any_32(), ssid = any_32() & 0xfffff;
	const uint16_t vmid = any_16(), asid = any_16(), stag = any_16();
	const uint64_t address = any_64();
	const unsigned int num = any_below(32), scale = any_below(32), ttl = any_below(4);
	struct smmu_command c = smmu_command_with_ssid(smmu_cfgi_cd(sid, 0, any_bool()), ssid);

	CLAIM(smmu_command_sid(&c) == sid && smmu_command_ssid(&c) == ssid);
	CLAIM(smmu_command_opcode(&c) == SMMU_CFGI_CD);
	c = smmu_tlbi_range(
		smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, vmid, asid), address, any_bool()),
		SMMU_TLBI_64K, num, scale, ttl);
	CLAIM(smmu_get(c.words, SMMU_TLBI_VMID) == vmid);
	CLAIM(smmu_get(c.words, SMMU_TLBI_ASID) == asid);
	CLAIM(smmu_address(c.words, SMMU_TLBI_ADDRESS) == (address & ~0xfffULL));
	CLAIM(smmu_tlbi_shift(&c) == 16 && smmu_tlbi_pages(&c) == (num + 1ULL) << scale);
	CLAIM(smmu_command_opcode(&c) == SMMU_TLBI_NH_VA);
	c = smmu_resume(sid, stag, SMMU_RESUME_ABORT);
	CLAIM(smmu_get(c.words, SMMU_RESUME_STAG) == stag && smmu_command_sid(&c) == sid);
	c = smmu_sync_store(address, sid);
	CLAIM(smmu_get(c.words, SMMU_SYNC_MSI_DATA) == sid);
	CLAIM(smmu_address(c.words, SMMU_SYNC_MSI_ADDRESS) == (address & 0x00fffffffffffffcULL));
	CLAIM(smmu_command_opcode(&c) == SMMU_SYNC);
}

int main(void)
{
	fields();
	structures();
	queues();
	tables();
	commands();
	END();
	return 0;
}
