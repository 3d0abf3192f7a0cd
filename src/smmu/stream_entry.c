/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing a stream table entry that is in use (IHI 0070, 3.21.3 "Configuration structures and
 * configuration invalidation completion", 5.2 "STE").
 *
 * Hardware reads an entry of 64 bytes by words of 64 bits, in any order. So one word may change and
 * several may not, but for bits that it does not look at: which they are depends on other fields of
 * the entry. First the bits that the old entry does not use get their new values; then one word
 * changes; then what the new entry does not use is cleared. If more than one word is left to be
 * changed in the middle, there is no such way.
 */
#include "smmu/stream_entry.h"

#include "base/memory.h"

static void use(uint64_t *used, unsigned int field)
{
	used[smmu_field_word(field)] |= smmu_field_mask(field);
}

/* What an access is made to look like, where no stage says it. */
static void use_attributes(uint64_t *used)
{
	use(used, SMMU_STE_MEMATTR);
	use(used, SMMU_STE_MTCFG);
	use(used, SMMU_STE_ALLOCCFG);
	use(used, SMMU_STE_SHCFG);
}

static void use_first_stage(const uint64_t *words, uint64_t *used)
{
	use(used, SMMU_STE_S1FMT);
	use(used, SMMU_STE_S1CONTEXTPTR);
	use(used, SMMU_STE_S1CDMAX);
	use(used, SMMU_STE_S1CIR);
	use(used, SMMU_STE_S1COR);
	use(used, SMMU_STE_S1CSH);
	use(used, SMMU_STE_S1STALLD);
	use(used, SMMU_STE_S2VMID);
	if (smmu_get(words, SMMU_STE_CONFIG) == SMMU_STE_STAGE_1)
		use(used, SMMU_STE_STRW);
	if (smmu_get(words, SMMU_STE_S1CDMAX) == 0)
		return;
	use(used, SMMU_STE_S1DSS);
	if (smmu_get(words, SMMU_STE_S1DSS) == SMMU_S1DSS_BYPASS)
		use_attributes(used);
}

static void use_second_stage(uint64_t *used)
{
	use_attributes(used);
	use(used, SMMU_STE_S2HWU);
	use(used, SMMU_STE_S2FWB);
	used[2] = used[3] = UINT64_MAX;
}

void iommu_smmu_entry_used(const uint64_t *words, uint64_t *used)
{
	const unsigned int config = (unsigned int)smmu_get(words, SMMU_STE_CONFIG);

	memset(used, 0, SMMU_STE_WORDS * sizeof(*used));
	use(used, SMMU_STE_V);
	if (!smmu_has(words, SMMU_STE_V))
		return;
	use(used, SMMU_STE_CONFIG);
	if (config < SMMU_STE_BYPASS)
		return;
	use(used, SMMU_STE_PRIVCFG);
	use(used, SMMU_STE_INSTCFG);
	if (config == SMMU_STE_BYPASS) {
		use_attributes(used);
		return;
	}
	use(used, SMMU_STE_EATS);
	use(used, SMMU_STE_PPAR);
	use(used, SMMU_STE_MEV);
	if ((config & 1) != 0)
		use_first_stage(words, used);
	if ((config & 2) != 0)
		use_second_stage(used);
}

/* One image more, if it is another than the one before. */
static unsigned int add_step(uint64_t steps[SMMU_ENTRY_STEPS_MAX][SMMU_STE_WORDS],
			     unsigned int count, const uint64_t *before, const uint64_t *image)
{
	if (memcmp(before, image, SMMU_STE_WORDS * sizeof(*image)) == 0)
		return count;
	memcpy(steps[count], image, SMMU_STE_WORDS * sizeof(*image));
	return count + 1;
}

unsigned int iommu_smmu_entry_steps(const uint64_t *from, const uint64_t *to,
				    uint64_t steps[SMMU_ENTRY_STEPS_MAX][SMMU_STE_WORDS])
{
	uint64_t used[SMMU_STE_WORDS], needed[SMMU_STE_WORDS];
	uint64_t first[SMMU_STE_WORDS], middle[SMMU_STE_WORDS];
	unsigned int word, critical = 0, count;

	iommu_smmu_entry_used(from, used);
	iommu_smmu_entry_used(to, needed);
	for (word = 0; word < SMMU_STE_WORDS; word++) {
		first[word] = (from[word] & used[word]) | (to[word] & ~used[word]);
		middle[word] = first[word];
		if (((first[word] ^ to[word]) & needed[word]) == 0)
			continue;
		middle[word] = to[word];
		critical++;
	}
	if (critical > 1)
		return 0;
	count = add_step(steps, 0, from, first);
	count = add_step(steps, count, first, middle);
	return add_step(steps, count, middle, to);
}
