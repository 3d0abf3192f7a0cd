/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translations of the model of Arm's SMMUv3 against a second translator, which knows no cache and
 * is written from the tables of the facts: random geometry, random descriptors, random requests,
 * through stage 1, stage 2 and both. What is compared: event, stage and class, or the address and
 * the permissions; first with nothing cached, then again from the cache.
 */
#include "bare_smmu.h"

#include "test.h"

#define UNITS    300U
#define REQUESTS 400U
/* Tables and data: 16 pieces of 64 KiB, one after the other. */
#define POOL   0x100000ULL
#define PIECES 16U

static struct test_random chance = {.state = 77};

static unsigned int below(unsigned int bound)
{
	return (unsigned int)(test_random_next(&chance) >> 20) % bound;
}

/* --- The second translator -------------------------------------------------------------------- */

struct geometry {
	unsigned int granule, bits, levels; /* levels: of tables, the first included */
	unsigned int output;
	uint64_t root;
};

struct access {
	bool reads, writes, executes, privileged;
};

struct outcome {
	unsigned int event;
	bool second;
	unsigned int class_of;
	uint64_t address;
	uint64_t leaf, limits; /* the descriptor, and what tables add */
};

static struct geometry first, second;
static bool has_first, has_second, xnx;

static struct outcome fails(unsigned int event, bool of_second, unsigned int class_of)
{
	return (struct outcome){.event = event, .second = of_second, .class_of = class_of};
}

static struct outcome through_second(uint64_t ipa, const struct access *how, unsigned int class_of);

/* From the table at the top to a leaf. */
static struct outcome descend(const struct geometry *g, uint64_t at, bool of_second,
			      unsigned int class_of)
{
	static const struct access reading = {.reads = true};
	const unsigned int per_level = g->granule - 3;
	unsigned int left = g->levels, low = g->granule + (g->levels - 1) * per_level;
	uint64_t table = g->root, limits = 0;

	table -= table % (8ULL << (g->bits - low));
	for (;; left--, low -= per_level) {
		const uint64_t part =
			left == g->levels ? at >> low : at >> low & ((1ULL << per_level) - 1);
		uint64_t place = table + 8 * part, entry, target;
		struct outcome located;

		if (!of_second && has_second) {
			located = through_second(place, &reading, SMMU_CLASS_TT);
			if (located.event != 0)
				return located;
			place = located.address;
		}
		if (place > SM_MEMORY - 8)
			return fails(SMMU_F_WALK_EABT, of_second,
				     of_second ? class_of : SMMU_CLASS_TT);
		entry = sm_look(place);
		if ((entry & 1) == 0 || (left == 1 && (entry & 2) == 0))
			return fails(SMMU_F_TRANSLATION, of_second, class_of);
		if (left > 1 && (entry & 2) == 0 && !(g->granule == 12 ? left <= 3 : left == 2))
			return fails(SMMU_F_TRANSLATION, of_second, class_of);
		target = entry & 0x0000fffffffff000ULL;
		if (left > 1 && (entry & 2) != 0) {
			target -= target % (1ULL << g->granule);
			if (target >= 1ULL << g->output)
				return fails(SMMU_F_ADDR_SIZE, of_second, class_of);
			limits |= of_second ? 0 : entry;
			table = target;
			continue;
		}
		target -= target % (1ULL << low);
		if (target >= 1ULL << g->output)
			return fails(SMMU_F_ADDR_SIZE, of_second, class_of);
		if ((entry & SM_AF) == 0)
			return fails(SMMU_F_ACCESS, of_second, class_of);
		return (struct outcome){
			.address = target + at % (1ULL << low), .leaf = entry, .limits = limits};
	}
}

static bool second_allows(uint64_t leaf, const struct access *how)
{
	const unsigned int xn = (unsigned int)(leaf >> 53) & 3;
	const bool may_execute =
		xnx ? (how->privileged ? xn == 0 || xn == 3 : xn <= 1) : (xn & 2) == 0;

	if (how->writes && (leaf & SM_S2_WRITE) == 0)
		return false;
	if (how->executes)
		return may_execute;
	return !how->reads || (leaf & SM_S2_READ) != 0;
}

static struct outcome through_second(uint64_t ipa, const struct access *how, unsigned int class_of)
{
	struct outcome found;

	if (!has_second)
		return (struct outcome){.address = ipa};
	if (ipa >> second.bits != 0)
		return fails(SMMU_F_TRANSLATION, true, class_of);
	found = descend(&second, ipa, true, class_of);
	if (found.event == 0 && !second_allows(found.leaf, how))
		return fails(SMMU_F_PERMISSION, true, class_of);
	return found;
}

static bool first_allows(uint64_t leaf, uint64_t limits, const struct access *how)
{
	const bool users = (leaf & SM_USER) != 0 && (limits >> 61 & 1) == 0;
	const bool readonly = (leaf & SM_READONLY) != 0 || (limits >> 62 & 1) != 0;
	const bool uxn = (leaf & SM_UXN) != 0 || (limits >> 60 & 1) != 0;
	const bool pxn = (leaf & SM_PXN) != 0 || (limits >> 59 & 1) != 0;

	if (how->writes && (readonly || (!how->privileged && !users)))
		return false;
	if (how->executes)
		return how->privileged ? !pxn && (readonly || !users) : !uxn;
	return !how->reads || how->privileged || users;
}

static struct outcome translate_plainly(uint64_t address, const struct access *how)
{
	struct outcome found = {.address = address};

	if (has_first) {
		if (address >> first.bits != 0)
			return fails(SMMU_F_TRANSLATION, false, SMMU_CLASS_IN);
		found = descend(&first, address, false, SMMU_CLASS_IN);
		if (found.event == 0 && !first_allows(found.leaf, found.limits, how))
			return fails(SMMU_F_PERMISSION, false, SMMU_CLASS_IN);
		if (found.event != 0)
			return found;
	}
	/* More than an intermediate address has is a fault of the stage that is skipped. */
	if (address >> 48 != 0 && !has_first)
		return fails(SMMU_F_ADDR_SIZE, false, SMMU_CLASS_IN);
	return through_second(found.address, how, SMMU_CLASS_IN);
}

/* --- Random units ----------------------------------------------------------------------------- */

static uint64_t any_descriptor(bool of_second)
{
	const uint64_t target = POOL + (uint64_t)below(PIECES) * 0x10000;
	uint64_t entry = target | (of_second ? SM_PAGE_2 : SM_PAGE_1);

	switch (below(24)) {
	case 0:
		return 0;
	case 1:
		return entry & ~2ULL;
	case 2:
		return entry & ~SM_AF;
	case 3:
		return entry | 1ULL << (40 + below(8));
	case 4:
		return entry ^ SM_USER;
	case 5:
		return entry ^ SM_READONLY;
	case 6:
		return entry | (uint64_t)below(4) << 53;
	case 7:
		return entry | (uint64_t)below(16) << 59;
	case 8:
		return (entry & 0xfff) | 0x7f000000;
	default:
		return entry;
	}
}

/* Stage 2 leads to the same pieces, so that tables of stage 1 are found. */
static void fill_pool(void)
{
	uint64_t at;

	for (at = POOL; at < POOL + PIECES * 0x10000; at += 8)
		sm_word(at, any_descriptor(has_second && (!has_first || (at >> 16 & 1) != 0)));
}

static const unsigned int granules[] = {12, 14, 16};
static const unsigned int tg0_of[] = {SMMU_TG0_4K, SMMU_TG0_16K, SMMU_TG0_64K};

static void choose_first(struct smmu_cd *cd)
{
	const unsigned int which = below(3), ips = 2 + below(4);

	first.granule = granules[which];
	first.bits = 25 + below(24);
	first.levels = (first.bits - first.granule + first.granule - 4) / (first.granule - 3);
	first.root = POOL + (uint64_t)below(PIECES) * 0x10000;
	first.output = smmu_address_bits(ips);
	smmu_set(cd->words, SMMU_CD_TG0, tg0_of[which]);
	smmu_set(cd->words, SMMU_CD_T0SZ, 64 - first.bits);
	smmu_set(cd->words, SMMU_CD_IPS, ips);
	smmu_set_address(cd->words, SMMU_CD_TTB0, first.root);
}

/* By the table of start levels: the fewest levels, or one less with concatenated tables. */
static void choose_second(struct smmu_ste *ste)
{
	const unsigned int which = below(3), ps = 2 + below(4);
	const unsigned int granule = granules[which], per_level = granule - 3;
	unsigned int levels, level;

	second.bits = 25 + below(24);
	levels = (second.bits - granule + per_level - 1) / per_level;
	if (levels > 1 && second.bits - granule - (levels - 1) * per_level <= 4 &&
	    (below(2) != 0 || (granule != 12 && levels == 4)))
		levels--;
	level = 4 - levels;
	second.granule = granule;
	second.levels = levels;
	second.root = POOL + (uint64_t)(below(PIECES / 2) * 2 + 1) * 0x10000;
	second.output = smmu_address_bits(ps);
	smmu_set(ste->words, SMMU_STE_S2TG, tg0_of[which]);
	smmu_set(ste->words, SMMU_STE_S2T0SZ, 64 - second.bits);
	smmu_set(ste->words, SMMU_STE_S2SL0, granule == 12 ? 2 - level : 3 - level);
	smmu_set(ste->words, SMMU_STE_S2PS, ps);
	smmu_set_address(ste->words, SMMU_STE_S2TTB, second.root);
}

/* Levels of both stages that the entries can say: stage 2 has no level 3 with 4 KiB here. */
static bool geometry_is_good(void)
{
	return !has_second || (second.granule == 12 ? second.levels >= 2 && second.levels <= 4
						    : second.levels <= 3);
}

static uint64_t any_address(void)
{
	const unsigned int bits = has_first ? first.bits : second.bits;
	uint64_t address = test_random_next(&chance) & ((1ULL << bits) - 1);

	/* Often the same upper parts, so that the cache has them. */
	if (below(2) != 0)
		address &= 0x1ffffff;
	return below(40) == 0 ? address | 1ULL << bits : address;
}

static unsigned int reached, faulted;

static void check_request(const struct iommu_model_smmu_request *request,
			  const struct outcome *expected)
{
	const unsigned int event = sm_ask(request);

	assert_int_equal(event, expected->event);
	if (event == 0) {
		assert_int_equal(sm_result.paddr, expected->address);
		assert_int_equal(sm_result.prot & request->access, request->access);
		reached++;
		return;
	}
	faulted++;
	if (sm_events() != 0) {
		const struct smmu_event record = sm_event();

		assert_int_equal(smmu_get(record.words, SMMU_EVENT_S2), expected->second);
		assert_int_equal(smmu_get(record.words, SMMU_EVENT_CLASS), expected->class_of);
		assert_int_equal(record.words[SMMU_EVENT_INPUT], request->address);
	}
}

/* Where stage 2 leads somewhere, and still does when the context is there. False: nowhere. */
static bool place_context(struct smmu_ste *ste, const struct smmu_cd *cd)
{
	static const struct access reading = {.reads = true};
	unsigned int tries, i;

	for (tries = 0; tries < 3000; tries++) {
		const uint64_t ipa = test_random_next(&chance) & ((1ULL << second.bits) - 1) &
				     (below(2) != 0 ? 0x1fffc0 : 0xffffffffffc0ULL);
		struct outcome found = through_second(ipa, &reading, SMMU_CLASS_CD);

		if (found.event != 0 || found.address > SM_MEMORY - 64)
			continue;
		for (i = 0; i < SMMU_CD_WORDS; i++)
			sm_word(found.address + i * 8ULL, cd->words[i]);
		smmu_set_address(ste->words, SMMU_STE_S1CONTEXTPTR, ipa);
		found = through_second(ipa, &reading, SMMU_CLASS_CD);
		if (found.event == 0 && sm_look(found.address) == cd->words[0])
			return true;
	}
	return false;
}

static bool one_unit(enum smmu_ste_config stages)
{
	struct smmu_ste ste = sm_ste(stages);
	struct smmu_cd cd = sm_cd();
	unsigned int i, times;

	has_first = smmu_ste_has_stage_1(&ste);
	has_second = smmu_ste_has_stage_2(&ste);
	do {
		choose_first(&cd);
		choose_second(&ste);
	} while (!geometry_is_good());
	if (!has_second)
		ste.words[3] = 0;
	fill_pool();
	smmu_set_address(ste.words, SMMU_STE_S1CONTEXTPTR, SM_CONTEXTS);
	sm_context(0, &cd);
	if (has_first && has_second && !place_context(&ste, &cd))
		return false;
	sm_stream(SM_STREAM, &ste);
	sm_run(smmu_cfgi_all());
	sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
	for (i = 0; i < REQUESTS; i++) {
		const struct access how = {.writes = below(3) == 0,
					   .reads = true,
					   .executes = below(4) == 0,
					   .privileged = below(2) != 0};
		struct access as = how;
		const struct iommu_model_smmu_request request = {
			.stream = SM_STREAM,
			.address = any_address(),
			.access = how.writes ? IOMMU_PROT_WRITE : IOMMU_PROT_READ,
			.privileged = how.privileged,
			.execute = how.executes,
		};
		struct outcome expected;

		as.reads = !how.writes;
		as.executes = how.executes && !how.writes;
		expected = translate_plainly(request.address, &as);
		for (times = 0; times < 2; times++) {
			if (as.executes && expected.event == 0) {
				assert_int_equal(sm_ask(&request), 0);
				assert_int_equal(sm_result.paddr, expected.address);
			} else {
				check_request(&request, &expected);
			}
		}
	}
	return true;
}

static void translations_agree(void **state)
{
	static const struct iommu_model_smmu_config all = {0};
	static const enum smmu_ste_config configs[] = {SMMU_STE_STAGE_1, SMMU_STE_STAGE_2,
						       SMMU_STE_NESTED};
	unsigned int unit, nested = 0;

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	xnx = true;
	for (unit = 0; unit < UNITS; unit++)
		if (one_unit(configs[unit % 3]) && unit % 3 == 2)
			nested++;
	sm_end();
	assert_true(reached > UNITS * REQUESTS / 8);
	assert_true(faulted > UNITS * REQUESTS / 8);
	assert_true(nested > UNITS / 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(translations_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
