/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scalable mode of the VT-d model by itself, against the specification: what each kind of PASID
 * entry translates, each fault reason, what is cached and which descriptor drops it, page requests,
 * state. Without the library's driver.
 */
#include <string.h>

#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "bare_vtd.h"
#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

#define DIRECTORY 0x14000ULL
#define PASIDS    0x15000ULL                     /* the table of 64 to 127 */
#define FIRST(n)  (0x15000ULL + 0x1000ULL * (n)) /* the first-stage table of level n */
#define LOW_TABLE 0x1b000ULL                     /* the PASID table of 0 to 63 */
#define RING      0x1c000ULL
#define ENTRY     (CONTEXT + 0x20 * 32) /* SID's context entry */
#define PASID     77U
#define P(n)      (PASIDS + (PASID % 64) * 64 + (n)*8)
#define DOMAIN    5
#define ADDRESS   0x123000ULL
/* Where the first stage leads when it is nested: an address of the second. */
#define GUEST 0x124000ULL
#define EVERYTHING                                                                                 \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |         \
	 IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH |            \
	 IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS)

static const struct iommu_model_vtd_config everything = {.flags = EVERYTHING, .address_mask = 18};

/* --- Tables ----------------------------------------------------------------------------------- */

static void pasid_entry(iommu_paddr_t at, enum vtd_pasid_type type)
{
	unsigned int i;

	word(at, vtd_pasid_word0(type, 4, LEVEL(4), 0));
	word(at + 8, DOMAIN);
	word(at + 16, vtd_pasid_word2(4, FIRST(4), 0));
	for (i = 3; i < VTD_PASID_ENTRY_WORDS; i++)
		word(at + i * 8, 0);
}

/* ADDRESS leads to DATA, whatever translates it. */
static void make_scalable_tables(enum vtd_pasid_type type)
{
	unsigned int level;

	word(ROOT + 16, vtd_root_low(CONTEXT));
	word(ENTRY, vtd_scalable_context_low(DIRECTORY, 0,
					     VTD_CONTEXT_DEVICE_TLB | VTD_CONTEXT_PASIDS |
						     VTD_CONTEXT_PAGE_REQUESTS));
	word(DIRECTORY, LOW_TABLE | VTD_PASID_DIRECTORY_PRESENT);
	word(DIRECTORY + 8, PASIDS | VTD_PASID_DIRECTORY_PRESENT);
	pasid_entry(P(0), type);
	pasid_entry(LOW_TABLE, type);
	for (level = 4; level > 1; level--) {
		word(LEVEL(level), vtd_ss_table(LEVEL(level - 1)));
		word(FIRST(level), vtd_fs_table(FIRST(level - 1)));
	}
	word(LEVEL(1) + 0x123 * 8, vtd_ss_leaf(DATA, 1, true, true));
	word(FIRST(1) + 0x123 * 8, vtd_fs_table(DATA));
	if (type != VTD_PASID_NESTED)
		return;
	/*
	 * Through the second stage: the tables of the first, as they lie in memory, and what it
	 * leads to.
	 */
	for (level = 1; level <= 4; level++)
		word(LEVEL(1) + (FIRST(level) >> 12) * 8, vtd_ss_leaf(FIRST(level), 1, true, true));
	word(LEVEL(1) + 0x124 * 8, vtd_ss_leaf(DATA, 1, true, true));
	word(FIRST(1) + 0x123 * 8, vtd_fs_table(GUEST));
}

static void on(void)
{
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_true((reg(VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0);
}

static void run_as(const struct iommu_model_vtd_config *config, enum vtd_pasid_type type)
{
	begin(config);
	make_scalable_tables(type);
	on();
	wide_queue_on();
}

static unsigned int request_by(const struct iommu_model_request *request)
{
	int status = iommu_model_vtd_translate(t.model, request, &result);

	assert_int_equal(status, result.reason == 0 ? 0 : IOMMU_EFAULT);
	return result.reason;
}

static unsigned int reach_pasid(uint32_t pasid, uint64_t address, unsigned int access)
{
	const struct iommu_model_request request = {.source_id = SID,
						    .has_pasid = true,
						    .pasid = pasid,
						    .address = address,
						    .access = access};

	return request_by(&request);
}

static unsigned int reach_as_kernel(uint64_t address, unsigned int access, bool execute)
{
	const struct iommu_model_request request = {.source_id = SID,
						    .has_pasid = true,
						    .pasid = PASID,
						    .address = address,
						    .access = access,
						    .privileged = true,
						    .execute = execute};

	return request_by(&request);
}

static uint64_t word_at(iommu_paddr_t paddr)
{
	uint64_t bytes;

	memcpy(&bytes, t.memory + paddr, 8);
	return iommu_le64(bytes);
}

/* --- What it is ------------------------------------------------------------------------------- */

static void configurations_that_contradict_themselves(void **state)
{
	static const struct iommu_model_vtd_config bad[] = {
		{.flags = IOMMU_MODEL_VTD_FIRST_STAGE},
		{.flags = IOMMU_MODEL_VTD_DIRTY},
		{.flags = IOMMU_MODEL_VTD_PASID},
		{.flags = IOMMU_MODEL_VTD_NO_SECOND_STAGE},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_NO_QUEUE},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_NO_SECOND_STAGE},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_NESTED},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE_5},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			  IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_NESTED},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			  IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_DIRTY},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PAGE_REQUESTS},
		{.flags = IOMMU_MODEL_VTD_SCALABLE, .pasid_bits = 21},
	};
	size_t i;

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(iommu_hosted_init(&t.hosted, NULL, 1 << 20, 0), 0);
	test_contract_hosted(&t.hosted);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(create(&bad[i]), IOMMU_EINVAL);
	iommu_hosted_destroy(&t.hosted);
}

static void capabilities_are_shown(void **state)
{
	struct iommu_model_vtd_config config = everything;
	uint64_t ecap;

	(void)state;
	config.pasid_bits = 16;
	begin(&config);
	ecap = reg(VTD_ECAP, 8);
	assert_true((ecap & VTD_ECAP_SMTS) != 0 && (ecap & VTD_ECAP_FSTS) != 0 &&
		    (ecap & VTD_ECAP_SSTS) != 0 && (ecap & VTD_ECAP_NEST) != 0 &&
		    (ecap & VTD_ECAP_SSADS) != 0 && (ecap & VTD_ECAP_PASID) != 0 &&
		    (ecap & VTD_ECAP_PRS) != 0);
	assert_int_equal(ecap >> 35 & 31, 15);
	end();
	config.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
		       IOMMU_MODEL_VTD_NO_SECOND_STAGE;
	begin(&config);
	ecap = reg(VTD_ECAP, 8);
	assert_true((ecap & VTD_ECAP_SSTS) == 0 && (ecap & VTD_ECAP_PASID) == 0);
	end();
}

/* --- Translation ------------------------------------------------------------------------------ */

static void each_kind_of_entry_translates(void **state)
{
	static const enum vtd_pasid_type types[] = {VTD_PASID_FIRST_STAGE, VTD_PASID_SECOND_STAGE,
						    VTD_PASID_NESTED};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		run_as(&everything, types[i]);
		assert_int_equal(reach_pasid(PASID, ADDRESS + 0x234, RW), 0);
		assert_int_equal(result.paddr, DATA + 0x234);
		assert_int_equal(result.prot, RW);
		assert_int_equal(result.size, 4096);
		/* Without one: PASID 0. */
		assert_int_equal(reach(ADDRESS + 1, RW), 0);
		assert_int_equal(result.paddr, DATA + 1);
		end();
	}
	run_as(&everything, VTD_PASID_PASS_THROUGH);
	assert_int_equal(reach_pasid(PASID, 0x12345678, RW), 0);
	assert_int_equal(result.paddr, 0x12345678);
	assert_int_equal(reach_pasid(PASID, 1ULL << 46, RW), 0x83);
	end();
}

static void devices_above_15_have_the_other_half_of_the_root_entry(void **state)
{
	struct iommu_model_request request = {
		.source_id = 0x0180, .address = ADDRESS, .access = RW};

	(void)state;
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	assert_int_equal(request_by(&request), 0x39);
	word(ROOT + 24, vtd_root_low(0x1d000));
	word(0x1d000, vtd_scalable_context_low(DIRECTORY, 0, 0));
	assert_int_equal(request_by(&request), 0);
	assert_int_equal(result.paddr, DATA);
	end();
}

/* What an emulator asks that passes a device through. */
static void stages_are_told(void **state)
{
	struct iommu_model_stage stage;

	(void)state;
	begin(&everything);
	make_scalable_tables(VTD_PASID_NESTED);
	assert_int_equal(iommu_model_vtd_get_stage(t.model, SID, false, 0, &stage), 0);
	assert_true(stage.passes && !stage.first && !stage.second);
	on();
	assert_int_equal(iommu_model_vtd_get_stage(t.model, SID, true, PASID, &stage), 0);
	assert_true(stage.first && stage.second && !stage.passes);
	assert_int_equal(stage.first_table, FIRST(4));
	assert_int_equal(stage.first_levels, 4);
	assert_int_equal(stage.domain_id, DOMAIN);
	assert_int_equal(iommu_model_vtd_get_stage(t.model, SID, true, PASID + 1, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.reason, 0x59);
	assert_int_equal(reg(VTD_FSTS, 4), 0); /* nothing is recorded */
	end();
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	assert_int_equal(iommu_model_vtd_get_stage(t.model, SID, false, 0, &stage), 0);
	assert_true(stage.second && !stage.first);
	assert_int_equal(stage.first_table, 0);
	end();
}

struct lie {
	iommu_paddr_t paddr;
	uint64_t value;
	unsigned int reason;
	enum vtd_pasid_type type;
};

#define ENTRY_LOW (DIRECTORY | 2 << 9 | VTD_CONTEXT_PASIDS | VTD_CONTEXT_PRESENT)
#define NOWHERE   0x1000000ULL /* no memory there */
#define BEYOND    (1ULL << 46)
#define SS        VTD_PASID_SECOND_STAGE
#define FS        VTD_PASID_FIRST_STAGE
#define NEST      VTD_PASID_NESTED
#define WORD0(t)  ((uint64_t)(t) << 6 | LEVEL(4) | 2 << 2 | VTD_PASID_PRESENT)

static void each_fault_has_its_reason(void **state)
{
	static const struct lie lies[] = {
		{ROOT + 16, 0, 0x39, SS},
		{ROOT + 16, CONTEXT | 1 | 2, 0x3a, SS},
		{ROOT + 16, CONTEXT | 1 | BEYOND, 0x3a, SS},
		{ROOT + 16, NOWHERE | 1, 0x40, SS},
		{ENTRY, ENTRY_LOW & ~1ULL, 0x41, SS},
		{ENTRY, ENTRY_LOW | 0x20, 0x42, SS},
		{ENTRY, ENTRY_LOW | BEYOND, 0x42, SS},
		{ENTRY + 8, 1 << 21, 0x42, SS},
		{ENTRY + 16, 1, 0x42, SS},
		{ENTRY + 24, 1, 0x42, SS},
		{ENTRY, ENTRY_LOW & ~VTD_CONTEXT_PASIDS, 0x45, SS},
		{ENTRY, (ENTRY_LOW & ~0xe00ULL) | NOWHERE, 0x50, SS},
		{DIRECTORY + 8, PASIDS, 0x51, SS},
		{DIRECTORY + 8, PASIDS | 1 | 4, 0x52, SS},
		{DIRECTORY + 8, PASIDS | 1 | BEYOND, 0x52, SS},
		{DIRECTORY + 8, NOWHERE | 1, 0x58, SS},
		{P(0), WORD0(SS) & ~1ULL, 0x59, SS},
		{P(0), WORD0(SS) | 0x400, 0x5a, SS},
		{P(0), WORD0(SS) | BEYOND, 0x5a, SS},
		{P(1), DOMAIN | 1 << 16, 0x5a, SS},
		{P(2), FIRST(4) | 0x100, 0x5a, FS},
		{P(2), FIRST(4) | BEYOND, 0x5a, FS},
		{P(3), 1, 0x5a, SS},
		{P(7), 1, 0x5a, SS},
		{P(0), WORD0(0), 0x5b, SS},
		{P(0), WORD0(5), 0x5b, SS},
		{P(0), WORD0(SS) & ~(7ULL << 2), 0x5b, SS},   /* two levels */
		{P(0), WORD0(SS) | 7 << 2, 0x5b, SS},         /* nine */
		{P(0), WORD0(SS) | VTD_PASID_SSEE, 0x5b, SS}, /* no such feature */
		{P(1), DOMAIN | VTD_PASID_PGSNP, 0x5b, SS},   /* nor that */
		{P(2), FIRST(4) | 1 << 2, 0x5b, FS},          /* five levels */
		{P(2), FIRST(4) | 2 << 2, 0x5b, NEST},        /* six */
		{LEVEL(4), NOWHERE | 3, 0x78, SS},
		{LEVEL(4), 0, 0x79, SS},
		{LEVEL(1) + 0x123 * 8, DATA | VTD_SS_WRITE, 0x79, SS},
		{LEVEL(3), LEVEL(2) | 3 | BEYOND, 0x7a, SS},
		{P(2), NOWHERE, 0x73, FS},
		{FIRST(4), NOWHERE | 1, 0x70, FS},
		{FIRST(4), 0, 0x71, FS},
		{FIRST(1) + 0x123 * 8, 0, 0x71, FS},
		{FIRST(4), FIRST(3) | 1 | VTD_FS_PAGE_SIZE, 0x72, FS},
		{FIRST(3), FIRST(2) | 1 | BEYOND, 0x72, FS},
		{FIRST(3), FIRST(2) | 1 | VTD_FS_NO_EXECUTE, 0x72, FS}, /* reserved while off */
		{FIRST(2), 0x200000 | 5 | VTD_FS_PAGE_SIZE | 0x2000, 0x72, FS},
		{FIRST(1) + 0x123 * 8, DATA | VTD_FS_PRESENT, 0x81, FS},
		{P(2), 1ULL << 48, 0x75, NEST},        /* its root is not below */
		{FIRST(3), 0x7000000 | 7, 0x76, NEST}, /* a table is not */
		{FIRST(1) + 0x123 * 8, 1ULL << 50 | 7, 0x74, NEST},
		{FIRST(1) + 0x123 * 8, 0x7000000 | 7, 0x79, NEST},
		{LEVEL(1) + (FIRST(2) >> 12) * 8, FIRST(2) | VTD_SS_READ, 0x77, NEST}, /* to note */
	};
	unsigned int hidden;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (hidden = 0; hidden < 3; hidden++) {
			/* An entry that cannot be read is always said. */
			const bool is_hidden = hidden == 1
						       ? lies[i].reason >= 0x59
						       : hidden == 2 && lies[i].reason >= 0x51 &&
								 lies[i].reason != 0x58;
			uint64_t high;

			begin(&everything);
			make_scalable_tables(lies[i].type);
			word(lies[i].paddr, lies[i].value);
			/*
			 * Faults may be kept from being recorded from the PASID entry on, or from
			 * the entry of the directory that leads to it.
			 */
			if (hidden == 1)
				word(P(0), word_at(P(0)) | VTD_PASID_FPD);
			if (hidden == 2)
				word(DIRECTORY + 8,
				     word_at(DIRECTORY + 8) | VTD_PASID_DIRECTORY_FPD);
			on();
			assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ),
					 lies[i].reason);
			if (is_hidden) {
				assert_int_equal(reg(VTD_FSTS, 4), 0);
				end();
				continue;
			}
			high = reg(0x228, 8);
			assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_PPF);
			assert_int_equal(vtd_fault_reason(high), lies[i].reason);
			assert_int_equal(vtd_fault_source_id(high), SID);
			assert_true(vtd_fault_has_pasid(high));
			assert_int_equal(vtd_fault_pasid(high), PASID);
			assert_int_equal(reg(0x220, 8), ADDRESS);
			end();
		}
}

/* Pages of the first stage that are larger than what the unit has are reserved bits. */
static void first_stage_pages_are_those_that_there_are(void **state)
{
	static const struct {
		uint64_t sizes;
		unsigned int level, reason;
	} cases[] = {
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G, 3, 0},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M, 3, 0x72},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G, 4, 0x72},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M, 4, 0x72},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M, 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_model_vtd_config config = everything;

		config.pgsize_bitmap = cases[i].sizes;
		begin(&config);
		make_scalable_tables(FS);
		word(FIRST(cases[i].level), 7 | VTD_FS_PAGE_SIZE);
		on();
		assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ), cases[i].reason);
		end();
	}
}

static void requests_that_no_entry_serves(void **state)
{
	struct iommu_model_vtd_config config = everything;
	const struct iommu_model_request translated = {
		.source_id = SID, .type = IOMMU_MODEL_TRANSLATED, .address = DATA, .access = RW};

	(void)state;
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	/* Beyond the directory, and beyond the address width. */
	assert_int_equal(reach_pasid(32768, ADDRESS, RW), 0x46);
	assert_int_equal(reach_pasid(PASID, 1ULL << 48, RW), 0x84);
	/* Translated requests of a device that may send them, and of one that may not. */
	assert_int_equal(request_by(&translated), 0);
	assert_int_equal(result.paddr, DATA);
	word(ENTRY, ENTRY_LOW);
	run_descriptors(&(struct vtd_descriptor){0x31 | 0x0120ULL << 32, 0}, 1);
	assert_int_equal(request_by(&translated), 0x44);
	end();
	/* Fewer PASIDs than a directory leads to. */
	config.pasid_bits = 6;
	run_as(&config, VTD_PASID_SECOND_STAGE);
	assert_int_equal(reach_pasid(PASID, ADDRESS, RW), 0x46);
	end();
	/* The unit's mode: legacy, and one that is none. */
	begin(&everything);
	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	translation_on();
	assert_int_equal(reach(ADDRESS, RW), 0);
	assert_int_equal(reach_pasid(PASID, ADDRESS, RW), 0x31);
	command(VTD_GLOBAL_TE, false);
	set(VTD_RTADDR, 8, ROOT | 2 << 10);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reach(ADDRESS, RW), 0x30);
	end();
	config.flags = 0;
	config.pasid_bits = 0;
	begin(&config);
	make_scalable_tables(VTD_PASID_SECOND_STAGE);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reach(ADDRESS, RW), 0x30);
	end();
}

/* --- The first stage -------------------------------------------------------------------------- */

static void first_stage_permissions(void **state)
{
	(void)state;
	run_as(&everything, VTD_PASID_FIRST_STAGE);
	word(FIRST(1) + 0x125 * 8, DATA | VTD_FS_PRESENT | VTD_FS_USER);
	assert_int_equal(reach_pasid(PASID, 0x125000, IOMMU_PROT_READ), 0);
	assert_int_equal(result.prot, IOMMU_PROT_READ);
	assert_int_equal(reach_pasid(PASID, 0x125000, IOMMU_PROT_WRITE), 0x85);
	/* Privileged requests: not served; served, around write protection; and not around it. */
	assert_int_equal(reach_as_kernel(0x125000, IOMMU_PROT_READ, false), 0x5d);
	assert_int_equal(reach_as_kernel(0x125000, IOMMU_PROT_READ, true), 0x5c);
	word(P(2), vtd_pasid_word2(4, FIRST(4), VTD_PASID_SRE | VTD_PASID_ERE | VTD_PASID_NXE));
	run_descriptors(
		&(struct vtd_descriptor){
			vtd_descriptor_pasid_cache(VTD_PASID_CACHE_GLOBAL, 0, 0).low, 0},
		1);
	assert_int_equal(reach_as_kernel(0x125000, IOMMU_PROT_WRITE, false), 0);
	word(FIRST(1) + 0x126 * 8, DATA | VTD_FS_PRESENT | VTD_FS_NO_EXECUTE);
	assert_int_equal(reach_as_kernel(0x126000, IOMMU_PROT_READ, false), 0);
	assert_int_equal(reach_as_kernel(0x126000, IOMMU_PROT_READ, true), 0x82);
	assert_int_equal(reach_pasid(PASID, 0x126000, IOMMU_PROT_READ), 0x81);
	word(P(2), vtd_pasid_word2(4, FIRST(4), VTD_PASID_SRE | VTD_PASID_WPE));
	run_descriptors(
		&(struct vtd_descriptor){
			vtd_descriptor_pasid_cache(VTD_PASID_CACHE_GLOBAL, 0, 0).low, 0},
		1);
	assert_int_equal(reach_as_kernel(0x125000, IOMMU_PROT_WRITE, false), 0x85);
	end();
}

/* What both entries allow, for each kind of access: by a walk, and by what the walk has left. */
static void check_first_stage(uint64_t table, uint64_t leaf, bool protects)
{
	const uint64_t both = table & leaf;
	unsigned int way, times;

	word(FIRST(2), (FIRST(1) | VTD_FS_PRESENT) | table);
	word(FIRST(1) + 0x127 * 8, (DATA | VTD_FS_PRESENT) | leaf);
	for (way = 0; way < 8; way++) {
		const struct iommu_model_request request = {
			.source_id = SID,
			.has_pasid = true,
			.pasid = PASID,
			.address = 0x127000,
			.access = (way & 1) != 0 ? IOMMU_PROT_WRITE : IOMMU_PROT_READ,
			.privileged = (way & 2) != 0,
			.execute = (way & 4) != 0};
		unsigned int expected = 0;

		if (!request.privileged && (both & VTD_FS_USER) == 0)
			expected = 0x81;
		else if ((way & 1) != 0 && (both & VTD_FS_WRITE) == 0 &&
			 (!request.privileged || protects))
			expected = 0x85;
		else if (request.execute && ((table | leaf) & VTD_FS_NO_EXECUTE) != 0)
			expected = 0x82;
		run_descriptors(
			&(struct vtd_descriptor){
				vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0).low, 0},
			1);
		for (times = 0; times < 2; times++)
			assert_int_equal(request_by(&request), expected);
	}
}

static void first_stage_permissions_of_each_entry(void **state)
{
	static const uint64_t bits[] = {VTD_FS_WRITE, VTD_FS_USER, VTD_FS_NO_EXECUTE};
	const uint64_t served = VTD_PASID_SRE | VTD_PASID_ERE | VTD_PASID_NXE;
	unsigned int protects, all;

	(void)state;
	for (protects = 0; protects < 2; protects++) {
		run_as(&everything, VTD_PASID_FIRST_STAGE);
		word(P(2),
		     vtd_pasid_word2(4, FIRST(4), served | (protects != 0 ? VTD_PASID_WPE : 0)));
		for (all = 0; all < 64; all++) {
			uint64_t entries[2] = {0, 0};
			unsigned int i;

			for (i = 0; i < 6; i++)
				entries[i / 3] |= (all >> i & 1) != 0 ? bits[i % 3] : 0;
			check_first_stage(entries[0], entries[1], protects != 0);
		}
		end();
	}
}

static void first_stage_addresses_are_canonical(void **state)
{
	(void)state;
	run_as(&everything, VTD_PASID_FIRST_STAGE);
	word(FIRST(4) + 511 * 8, vtd_fs_table(FIRST(3)));
	word(FIRST(3) + 511 * 8, vtd_fs_table(FIRST(2)));
	word(FIRST(2) + 511 * 8, vtd_fs_table(FIRST(1)));
	word(FIRST(1) + 511 * 8, vtd_fs_table(DATA));
	assert_int_equal(reach_pasid(PASID, UINT64_MAX - 0xfff, RW), 0);
	assert_int_equal(result.paddr, DATA);
	assert_int_equal(reach_pasid(PASID, (1ULL << 47) - 0x1000, RW), 0x71);
	assert_int_equal(reach_pasid(PASID, 1ULL << 47, RW), 0x80);
	assert_int_equal(reach_pasid(PASID, 1ULL << 63, RW), 0x80);
	assert_int_equal(reach_pasid(PASID, UINT64_MAX << 48, RW), 0x80);
	assert_int_equal(reach_pasid(PASID, UINT64_MAX << 47, RW), 0x71);
	end();
}

static void accesses_are_noted(void **state)
{
	(void)state;
	run_as(&everything, VTD_PASID_FIRST_STAGE);
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ), 0);
	assert_int_equal(word_at(FIRST(4)) & VTD_FS_ACCESSED, VTD_FS_ACCESSED);
	assert_int_equal(word_at(FIRST(1) + 0x123 * 8) & (VTD_FS_ACCESSED | VTD_FS_DIRTY),
			 VTD_FS_ACCESSED);
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_WRITE), 0);
	assert_true((word_at(FIRST(1) + 0x123 * 8) & VTD_FS_DIRTY) != 0);
	/* What is cached as written is not noted again. */
	word(FIRST(1) + 0x123 * 8, vtd_fs_table(DATA));
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_WRITE), 0);
	assert_true((word_at(FIRST(1) + 0x123 * 8) & VTD_FS_DIRTY) == 0);
	end();
	/* Of the second stage only where the entry says so. */
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_WRITE), 0);
	assert_int_equal(word_at(LEVEL(1) + 0x123 * 8), vtd_ss_leaf(DATA, 1, true, true));
	word(P(0), vtd_pasid_word0(VTD_PASID_SECOND_STAGE, 4, LEVEL(4), VTD_PASID_SSADE));
	iommu_model_vtd_reset(t.model);
	on();
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ), 0);
	assert_int_equal(word_at(LEVEL(1) + 0x123 * 8),
			 vtd_ss_leaf(DATA, 1, true, true) | VTD_SS_ACCESSED);
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_WRITE), 0);
	assert_int_equal(word_at(LEVEL(1) + 0x123 * 8),
			 vtd_ss_leaf(DATA, 1, true, true) | VTD_SS_ACCESSED | VTD_SS_DIRTY);
	end();
	/* Nested: a note in the guest's table is a write below it. */
	begin(&everything);
	make_scalable_tables(VTD_PASID_NESTED);
	word(P(0), vtd_pasid_word0(VTD_PASID_NESTED, 4, LEVEL(4), VTD_PASID_SSADE));
	on();
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_WRITE), 0);
	assert_true((word_at(FIRST(1) + 0x123 * 8) & VTD_FS_DIRTY) != 0);
	assert_true((word_at(LEVEL(1) + (FIRST(1) >> 12) * 8) & VTD_SS_DIRTY) != 0);
	assert_true((word_at(LEVEL(1) + 0x124 * 8) & VTD_SS_DIRTY) != 0);
	end();
}

static void large_pages_meet_small_ones(void **state)
{
	(void)state;
	/* 2M of the guest's over 4K of the host's: what is cached is the smaller. */
	run_as(&everything, VTD_PASID_NESTED);
	word(FIRST(2), 0 | 7 | VTD_FS_PAGE_SIZE);
	assert_int_equal(reach_pasid(PASID, GUEST + 8, RW), 0);
	assert_int_equal(result.paddr, DATA + 8);
	assert_int_equal(result.size, 4096);
	assert_int_equal(reach_pasid(PASID, 0x125000, RW), 0x79);
	end();
	run_as(&everything, VTD_PASID_FIRST_STAGE);
	word(FIRST(3), 0x40000000 | 7 | VTD_FS_PAGE_SIZE);
	assert_int_equal(reach_pasid(PASID, 0x12345678, RW), 0);
	assert_int_equal(result.paddr, 0x52345678);
	assert_int_equal(result.size, IOMMU_SIZE_1G);
	end();
}

/* --- Caches ----------------------------------------------------------------------------------- */

/* After PASID entry or leaf was cleared in memory: does this descriptor make the model notice? */
static bool drops(enum vtd_pasid_type type, iommu_paddr_t what, struct vtd_descriptor d)
{
	bool dropped;

	run_as(&everything, type);
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ), 0);
	word(what, 0);
	assert_int_equal(reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ), 0); /* not told */
	run_descriptors(&d, 1);
	dropped = reach_pasid(PASID, ADDRESS, IOMMU_PROT_READ) != 0;
	end();
	return dropped;
}

#define PASID_CACHE(granularity, domain, pasid)                                                    \
	vtd_descriptor_pasid_cache(VTD_PASID_CACHE_##granularity, domain, pasid)

static void only_the_right_descriptor_drops_a_pasid_entry(void **state)
{
	(void)state;
	assert_true(drops(SS, P(0), PASID_CACHE(PASID, DOMAIN, PASID)));
	assert_true(drops(SS, P(0), PASID_CACHE(DOMAIN, DOMAIN, 0)));
	assert_true(drops(SS, P(0), PASID_CACHE(GLOBAL, 0, 0)));
	assert_false(drops(SS, P(0), PASID_CACHE(PASID, DOMAIN + 1, PASID)));
	assert_false(drops(SS, P(0), PASID_CACHE(PASID, DOMAIN, PASID + 1)));
	assert_false(drops(SS, P(0), PASID_CACHE(DOMAIN, DOMAIN + 1, 0)));
	assert_false(drops(SS, P(0), vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0)));
	assert_false(drops(SS, P(0), vtd_descriptor_pasid_iotlb(DOMAIN, PASID)));
	assert_false(drops(SS, P(0), vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0)));
}

static void only_the_right_descriptor_drops_a_page(void **state)
{
	const iommu_paddr_t first = FIRST(1) + 0x123 * 8, second = LEVEL(1) + 0x123 * 8;

	(void)state;
	assert_true(drops(FS, first, vtd_descriptor_pasid_iotlb(DOMAIN, PASID)));
	assert_true(drops(FS, first,
			  vtd_descriptor_pasid_iotlb_pages(DOMAIN, PASID, ADDRESS, 0, true)));
	assert_true(drops(FS, first,
			  vtd_descriptor_pasid_iotlb_pages(DOMAIN, PASID, 0x120000, 3, true)));
	assert_true(drops(FS, first, vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, DOMAIN, 0)));
	assert_true(drops(FS, first, vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0)));
	assert_false(drops(FS, first, vtd_descriptor_pasid_iotlb(DOMAIN, 0)));
	assert_false(drops(FS, first, vtd_descriptor_pasid_iotlb(DOMAIN + 1, PASID)));
	assert_false(drops(FS, first,
			   vtd_descriptor_pasid_iotlb_pages(DOMAIN, PASID, 0x122000, 0, true)));
	assert_false(drops(FS, first, vtd_descriptor_iotlb_pages(DOMAIN, ADDRESS, 0, true, 0)));
	assert_false(drops(FS, first, PASID_CACHE(GLOBAL, 0, 0)));
	assert_true(drops(SS, second, vtd_descriptor_iotlb_pages(DOMAIN, ADDRESS, 0, true, 0)));
	assert_true(drops(SS, second, vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, DOMAIN, 0)));
	assert_false(drops(SS, second, vtd_descriptor_pasid_iotlb(DOMAIN, PASID)));
	/* What went through both stages: the second alone does not find it. */
	assert_true(drops(NEST, first, vtd_descriptor_pasid_iotlb(DOMAIN, PASID)));
	assert_true(drops(NEST, LEVEL(1) + 0x124 * 8,
			  vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, DOMAIN, 0)));
	assert_false(drops(NEST, LEVEL(1) + 0x124 * 8,
			   vtd_descriptor_iotlb_pages(DOMAIN, GUEST, 0, false, 0)));
	assert_false(drops(NEST, LEVEL(1) + 0x124 * 8,
			   vtd_descriptor_pasid_iotlb_pages(DOMAIN, PASID, ADDRESS, 0, false)));
}

static void caching_mode_remembers_what_is_not_there(void **state)
{
	struct iommu_model_vtd_config config = everything;
	uint64_t present;

	(void)state;
	config.flags |= IOMMU_MODEL_VTD_CACHING_MODE;
	begin(&config);
	make_scalable_tables(VTD_PASID_SECOND_STAGE);
	present = word_at(P(0));
	word(P(0), 0);
	on();
	wide_queue_on();
	assert_int_equal(reach_pasid(PASID, ADDRESS, RW), 0x59);
	word(P(0), present);
	assert_int_equal(reach_pasid(PASID, ADDRESS, RW), 0x59);
	run_descriptors(&(struct vtd_descriptor){PASID_CACHE(PASID, DOMAIN, PASID).low, 0}, 1);
	assert_int_equal(reach_pasid(PASID, ADDRESS, RW), 0);
	end();
	/* Of a first stage it never does. */
	run_as(&config, VTD_PASID_FIRST_STAGE);
	assert_int_equal(reach_pasid(PASID, 0x200000, RW), 0x71);
	word(FIRST(2) + 8, 0x200000 | 7 | VTD_FS_PAGE_SIZE);
	assert_int_equal(reach_pasid(PASID, 0x200000, RW), 0);
	end();
}

/* --- Descriptors ------------------------------------------------------------------------------ */

static void descriptors_that_are_wrong_stop_the_queue(void **state)
{
	static const struct {
		bool wide;
		struct vtd_descriptor d;
		unsigned int why;
	} cases[] = {
		/* In descriptors of 128 bits there is none of them. */
		{false, {VTD_DESCRIPTOR_PASID_IOTLB | 2 << 4, 0}, VTD_QUEUE_ERROR_TYPE},
		{false, {VTD_DESCRIPTOR_PASID_CACHE | 3 << 4, 0}, VTD_QUEUE_ERROR_TYPE},
		{false, {VTD_DESCRIPTOR_PASID_DEVICE_TLB, 0}, VTD_QUEUE_ERROR_TYPE},
		{false, {VTD_DESCRIPTOR_PAGE_RESPONSE, 0}, VTD_QUEUE_ERROR_TYPE},
		{true, {VTD_DESCRIPTOR_PASID_IOTLB | 1 << 4, 0}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_IOTLB | 2 << 4 | 1 << 6, 0}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_IOTLB | 3 << 4, 1 << 7}, VTD_QUEUE_ERROR_RESERVED},
		{true,
		 {VTD_DESCRIPTOR_PASID_IOTLB | 2 << 4 | 1ULL << 52, 0},
		 VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_CACHE | 2 << 4, 0}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_CACHE | 3 << 4, 1}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_CACHE | 3 << 4 | 1 << 6, 0}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_DEVICE_TLB | 1ULL << 52, 0}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PASID_DEVICE_TLB, 2}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PAGE_RESPONSE | 1 << 5, 0}, VTD_QUEUE_ERROR_RESERVED},
		{true, {VTD_DESCRIPTOR_PAGE_RESPONSE, 1 << 12}, VTD_QUEUE_ERROR_RESERVED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&everything);
		if (cases[i].wide)
			wide_queue_on();
		else
			queue_on();
		submit(cases[i].d);
		assert_true((reg(VTD_FSTS, 4) & VTD_FSTS_IQE) != 0);
		assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, cases[i].why);
		assert_int_equal(reg(VTD_IQH, 8), 0);
		end();
	}
	/*
	 * The high half of a wide one is reserved; in scalable mode narrow ones are not understood.
	 */
	begin(&everything);
	wide_queue_on();
	word(QUEUE + 16, 1);
	word(QUEUE, VTD_DESCRIPTOR_WAIT);
	word(QUEUE + 8, 0);
	set(VTD_IQT, 8, vtd_queue_offset(1, true));
	assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, VTD_QUEUE_ERROR_RESERVED);
	end();
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	command(VTD_GLOBAL_QIE, false);
	queue_on();
	submit(vtd_descriptor_wait(STATUS, 1));
	assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, VTD_QUEUE_ERROR_WIDTH);
	end();
	/* A tail between two of them. */
	begin(&everything);
	wide_queue_on();
	set(VTD_IQT, 8, 16);
	assert_true((reg(VTD_FSTS, 4) & VTD_FSTS_IQE) != 0);
	end();
}

/* Each reserved bit of a wait is one alone; the one that drains requests, where there are none. */
static void each_reserved_bit_of_a_wait_is_seen(void **state)
{
	const unsigned int page_requests = IOMMU_MODEL_VTD_PAGE_REQUESTS;

	(void)state;
	for (unsigned int has = 0; has < 2; has++)
		for (unsigned int bit = 7; bit < 32 + 2; bit++) {
			struct iommu_model_vtd_config config = everything;
			struct vtd_descriptor d = vtd_descriptor_wait(STATUS, 1);
			const bool drains = bit < 32 && 1ULL << bit == VTD_WAIT_DRAIN;

			if (has == 0)
				config.flags &= ~page_requests;
			if (bit < 32)
				d.low |= 1ULL << bit;
			else
				d.high |= 1ULL << (bit - 32);
			begin(&config);
			queue_on();
			submit(d);
			if (drains && has != 0) {
				assert_int_equal(reg(VTD_FSTS, 4) & VTD_FSTS_IQE, 0);
			} else {
				assert_true((reg(VTD_FSTS, 4) & VTD_FSTS_IQE) != 0);
				assert_true((reg(VTD_IQERCD, 8) & 0xf) ==
						    VTD_QUEUE_ERROR_RESERVED ||
					    (bit >= 9 && bit < 12 &&
					     (reg(VTD_IQERCD, 8) & 0xf) == VTD_QUEUE_ERROR_TYPE));
			}
			end();
		}
}

static void devices_are_asked_with_their_pasid(void **state)
{
	struct vtd_descriptor d;

	(void)state;
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	d = vtd_descriptor_pasid_device_tlb(SID, PASID, 0x120000, 2, 0, false, 0);
	run_descriptors(&d, 1);
	assert_int_equal(t.asked, 1);
	assert_true(t.asked_last.has_pasid && !t.asked_last.all_pasids);
	assert_int_equal(t.asked_last.source_id, SID);
	assert_int_equal(t.asked_last.pasid, PASID);
	assert_int_equal(t.asked_last.address, 0x120000);
	assert_int_equal(t.asked_last.size, 0x4000);
	d = vtd_descriptor_all_pasids_device_tlb(SID, 0, false, 0);
	run_descriptors(&d, 1);
	assert_true(t.asked_last.all_pasids);
	assert_int_equal(t.asked_last.size, 0); /* everything */
	end();
}

/* --- Page requests ---------------------------------------------------------------------------- */

static int ask(unsigned int group, bool is_last)
{
	const struct iommu_model_page_request request = {.source_id = SID,
							 .has_pasid = true,
							 .pasid = PASID,
							 .address = 0x7654321000ULL,
							 .access = IOMMU_PROT_WRITE,
							 .group = (uint16_t)group,
							 .is_last = is_last};

	return iommu_model_vtd_page_request(t.model, &request);
}

static void ring_on(void)
{
	set(VTD_PQA, 8, RING);
	set(VTD_PEDATA, 4, 0x33);
	set(VTD_PEADDR, 4, 0xfee01000);
	set(VTD_PECTL, 4, 0);
}

static void requests_come_through_the_ring(void **state)
{
	uint64_t words[2];

	(void)state;
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	ring_on();
	assert_int_equal(ask(300, false), 0);
	assert_int_equal(t.messages, 0); /* more is to come */
	assert_int_equal(reg(VTD_PRS, 4), 0);
	assert_int_equal(ask(300, true), 0);
	assert_int_equal(t.messages, 1);
	assert_int_equal(t.message_data, 0x33);
	assert_int_equal(reg(VTD_PRS, 4), VTD_PRS_PPR);
	assert_int_equal(reg(VTD_PQT, 8), 64);
	words[0] = word_at(RING + 32);
	words[1] = word_at(RING + 40);
	assert_int_equal(vtd_page_request_type(words[0]), VTD_PAGE_REQUEST_TYPE);
	assert_int_equal(vtd_page_request_source_id(words[0]), SID);
	assert_int_equal(vtd_page_request_pasid(words[0]), PASID);
	assert_true((words[0] & VTD_PAGE_REQUEST_HAS_PASID) != 0);
	assert_int_equal(vtd_page_request_group(words[1]), 300);
	assert_int_equal(words[1] & ~0xfffULL, 0x7654321000ULL);
	assert_int_equal(words[1] & 7, VTD_PAGE_REQUEST_WRITE | VTD_PAGE_REQUEST_LAST);
	assert_true((word_at(RING + 8) & VTD_PAGE_REQUEST_LAST) == 0);
	/* Pending already: no second message until it was cleared. */
	assert_int_equal(ask(301, true), 0);
	assert_int_equal(t.messages, 1);
	set(VTD_PRS, 4, VTD_PRS_PPR);
	assert_int_equal(reg(VTD_PRS, 4), 0);
	assert_int_equal(ask(302, true), 0);
	assert_int_equal(t.messages, 2);
	/* What is asked for need not be there; the answer comes by descriptor. */
	assert_int_equal(t.answers, 0);
	run_descriptors(
		&(struct vtd_descriptor){
			vtd_descriptor_page_response(SID, true, PASID, 300, VTD_PAGE_INVALID).low,
			vtd_descriptor_page_response(SID, true, PASID, 300, VTD_PAGE_INVALID).high},
		1);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.answer_last.group, 300);
	assert_int_equal(t.answer_last.pasid, PASID);
	assert_int_equal(t.answer_last.source_id, SID);
	assert_int_equal(t.answer_last.code, VTD_PAGE_INVALID);
	end();
}

static void a_full_ring_answers_by_itself(void **state)
{
	unsigned int i;

	(void)state;
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	ring_on();
	for (i = 0; i < 4096 / 32 - 1; i++)
		assert_int_equal(ask(i, true), 0);
	assert_int_equal(ask(200, false), IOMMU_ENOSPC);
	assert_int_equal(t.answers, 0); /* only the last of a group is answered */
	assert_true((reg(VTD_PRS, 4) & VTD_PRS_PRO) != 0);
	assert_int_equal(ask(200, true), IOMMU_ENOSPC);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.answer_last.code, VTD_PAGE_SUCCESS);
	assert_int_equal(t.answer_last.group, 200);
	/* Room alone is not enough: the overflow has to be seen. */
	set(VTD_PQH, 8, reg(VTD_PQT, 8));
	assert_int_equal(ask(201, true), IOMMU_ENOSPC);
	set(VTD_PRS, 4, VTD_PRS_PRO);
	assert_int_equal(ask(202, true), 0);
	assert_int_equal(reg(VTD_PQT, 8), 0); /* around its end */
	end();
}

static void requests_that_are_not_allowed(void **state)
{
	(void)state;
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	ring_on();
	word(ENTRY, ENTRY_LOW | VTD_CONTEXT_DEVICE_TLB);
	assert_int_equal(ask(1, true), IOMMU_EFAULT);
	assert_int_equal(vtd_fault_reason(reg(0x228, 8)), 0x47);
	assert_int_equal(t.answer_last.code, VTD_PAGE_FAILURE);
	assert_int_equal(t.answers, 1);
	assert_int_equal(reg(VTD_PQT, 8), 0);
	end();
	/* While translation is off, and by a unit that knows none. */
	begin(&everything);
	assert_int_equal(ask(1, true), IOMMU_EFAULT);
	end();
	begin(&(struct iommu_model_vtd_config){.flags = IOMMU_MODEL_VTD_SCALABLE});
	assert_int_equal(ask(1, true), IOMMU_EFAULT);
	end();
	/* Into a queue that is no memory. */
	run_as(&everything, VTD_PASID_SECOND_STAGE);
	set(VTD_PQA, 8, NOWHERE);
	assert_int_equal(ask(1, true), IOMMU_EFAULT);
	assert_int_equal(t.misuses, 1);
	assert_int_equal(t.answers, 1);
	end();
}

/* --- State ------------------------------------------------------------------------------------ */

static void state_is_saved_and_restored(void **state)
{
	unsigned char saved[2048];
	struct iommu_model_vtd *first, *second;
	size_t size, i;

	(void)state;
	run_as(&everything, VTD_PASID_NESTED);
	ring_on();
	assert_int_equal(ask(300, true), 0);
	size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	assert_true(size <= sizeof(saved));
	first = t.model;
	assert_int_equal(create(&everything), 0);
	second = t.model;
	assert_int_equal(iommu_model_vtd_restore(second, saved, size), 0);
	assert_int_equal(reach_pasid(PASID, ADDRESS, RW), 0);
	assert_int_equal(reg(VTD_PQT, 8), 32);
	assert_int_equal(reg(VTD_PRS, 4), VTD_PRS_PPR);
	assert_int_equal(ask(301, true), 0);
	assert_int_equal(vtd_page_request_group(word_at(RING + 40)), 301);
	submit(vtd_descriptor_wait(STATUS, 7));
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 7);
	/*
	 * Whatever the bytes are: refused, or a state in which nothing worse than a fault happens.
	 */
	for (i = 0; i < size * 8; i++) {
		const struct iommu_model_request request = {.source_id = SID,
							    .has_pasid = true,
							    .pasid = PASID,
							    .address = ADDRESS,
							    .access = RW};

		saved[i / 8] ^= (unsigned char)(1 << i % 8);
		if (iommu_model_vtd_restore(second, saved, size) == 0) {
			(void)iommu_model_vtd_translate(second, &request, &result);
			(void)ask(1, true);
			set(VTD_IQT, 8, 32);
		}
		saved[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	iommu_model_vtd_destroy(second);
	t.model = first;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configurations_that_contradict_themselves),
		cmocka_unit_test(capabilities_are_shown),
		cmocka_unit_test(each_kind_of_entry_translates),
		cmocka_unit_test(devices_above_15_have_the_other_half_of_the_root_entry),
		cmocka_unit_test(stages_are_told),
		cmocka_unit_test(each_fault_has_its_reason),
		cmocka_unit_test(first_stage_pages_are_those_that_there_are),
		cmocka_unit_test(requests_that_no_entry_serves),
		cmocka_unit_test(first_stage_permissions),
		cmocka_unit_test(first_stage_permissions_of_each_entry),
		cmocka_unit_test(first_stage_addresses_are_canonical),
		cmocka_unit_test(accesses_are_noted),
		cmocka_unit_test(large_pages_meet_small_ones),
		cmocka_unit_test(only_the_right_descriptor_drops_a_pasid_entry),
		cmocka_unit_test(only_the_right_descriptor_drops_a_page),
		cmocka_unit_test(caching_mode_remembers_what_is_not_there),
		cmocka_unit_test(descriptors_that_are_wrong_stop_the_queue),
		cmocka_unit_test(each_reserved_bit_of_a_wait_is_seen),
		cmocka_unit_test(devices_are_asked_with_their_pasid),
		cmocka_unit_test(requests_come_through_the_ring),
		cmocka_unit_test(a_full_ring_answers_by_itself),
		cmocka_unit_test(requests_that_are_not_allowed),
		cmocka_unit_test(state_is_saved_and_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
