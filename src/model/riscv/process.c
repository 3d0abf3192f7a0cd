/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process directory: from a process id to its context, and the first stage that the request has
 * (RISC-V IOMMU specification, "Process to translate an IOVA", steps 7 to 16, and "Process to
 * locate the Process-context"). Where there is a second stage, the directory lies at guest
 * addresses. What is cached of its upper levels are addresses of memory: what the second stage has
 * made of them.
 */
#include "model/riscv/journey.h"

/* --- The directory ---------------------------------------------------------------------------- */

static struct model_cached entry_of(const struct journey *j, unsigned int level)
{
	const unsigned int below =
		level == 1 ? 0 : RISCV_PROCESS_CONTEXT_BITS + (level - 2) * RISCV_DIRECTORY_BITS;

	return (struct model_cached){
		.kind = MODEL_PROCESS,
		.level = (uint8_t)level,
		.tag = model_process_tag(j->request->device_id, j->process_id >> below),
	};
}

/* A page of the directory: where it lies in memory. */
static unsigned int locate(struct journey *j, uint64_t address, uint64_t *paddr)
{
	struct model_leaf leaf = {0};
	unsigned int cause;

	*paddr = address;
	if (!journey_has_second(j))
		return 0;
	cause = iommu_rvmodel_second_stage(j, address, RISCV_PTE_READ, MODEL_IMPLICIT_READ, &leaf);
	*paddr = leaf.paddr;
	return cause;
}

static unsigned int read_words(const struct journey *j, uint64_t place, uint64_t *words,
			       unsigned int count)
{
	if (journey_is_corrupt(j, place))
		return RISCV_FAULT_PROCESS_CORRUPT;
	return iommu_rvmodel_read(j->model, place, words, count, (j->tc & RISCV_TC_SBE) != 0)
		       ? 0
		       : RISCV_FAULT_PROCESS_LOAD;
}

static unsigned int check_context(const struct journey *j, const uint64_t *words)
{
	if ((words[RISCV_PROCESS_TA] & RISCV_PC_VALID) == 0)
		return RISCV_FAULT_PROCESS_NOT_VALID;
	return (words[RISCV_PROCESS_TA] & RISCV_PC_TA_RESERVED) == 0 &&
			       (words[RISCV_PROCESS_FSC] & RISCV_FSC_RESERVED) == 0 &&
			       iommu_rvmodel_first_stage_is_known(
				       j->model, riscv_root_mode(words[RISCV_PROCESS_FSC]),
				       journey_is_32_bit(j))
		       ? 0
		       : RISCV_FAULT_PROCESS_MISCONFIGURED;
}

/* The deepest table on the way that is known: its level, and *table in memory. */
static unsigned int start_of_walk(struct journey *j, uint64_t *table, unsigned int *level)
{
	const unsigned int levels =
		riscv_process_levels((enum riscv_process_directory_mode)riscv_root_mode(j->fsc));

	for (*level = 2; *level <= levels; (*level)++) {
		struct model_cached known = entry_of(j, *level);

		if (!journey_find(j, MODEL_PROCESS, known.tag, *level, 0, &known))
			continue;
		*table = known.low;
		(*level)--;
		return 0;
	}
	*level = levels;
	return locate(j, riscv_root_address(j->fsc), table);
}

static unsigned int walk(struct journey *j, uint64_t *words)
{
	unsigned int level;
	uint64_t table;
	unsigned int cause = start_of_walk(j, &table, &level);

	j->walks.process++;
	journey_count_walk(j);
	for (; cause == 0 && level > 1; level--) {
		struct model_cached above = entry_of(j, level);
		uint64_t entry;

		cause = read_words(j, table + riscv_process_index(j->process_id, level) * 8ULL,
				   &entry, 1);
		if (cause != 0)
			return cause;
		if ((entry & RISCV_DIRECTORY_VALID) == 0)
			return RISCV_FAULT_PROCESS_NOT_VALID;
		if ((entry & RISCV_DIRECTORY_RESERVED) != 0)
			return RISCV_FAULT_PROCESS_MISCONFIGURED;
		cause = locate(j, riscv_ppn_address(entry), &table);
		if (cause != 0)
			return cause;
		above.low = table;
		journey_remember(j, &above);
	}
	if (cause == 0)
		cause = read_words(j,
				   table + riscv_process_index(j->process_id, 1) *
						   (uint64_t)RISCV_PROCESS_CONTEXT_SIZE,
				   words, RISCV_PROCESS_CONTEXT_WORDS);
	return cause != 0 ? cause : check_context(j, words);
}

static unsigned int find_context(struct journey *j, uint64_t *words)
{
	struct model_cached known = entry_of(j, 1);
	unsigned int cause;

	if (journey_find(j, MODEL_PROCESS, known.tag, 1, 0, &known)) {
		words[RISCV_PROCESS_TA] = known.low;
		words[RISCV_PROCESS_FSC] = known.high;
		return 0;
	}
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	cause = walk(j, words);
	if (cause != 0)
		return cause;
	known.low = words[RISCV_PROCESS_TA];
	known.high = words[RISCV_PROCESS_FSC];
	journey_remember(j, &known);
	return 0;
}

/* --- The request ------------------------------------------------------------------------------ */

static unsigned int check_type(const struct journey *j)
{
	const struct iommu_model_riscv_request *request = j->request;
	const unsigned int mode = riscv_root_mode(j->fsc);

	if (request->type != IOMMU_MODEL_RISCV_UNTRANSLATED && (j->tc & RISCV_TC_EN_ATS) == 0)
		return RISCV_FAULT_TYPE_DISALLOWED;
	if (!request->has_process)
		return 0;
	if ((j->tc & RISCV_TC_PDTV) == 0)
		return RISCV_FAULT_TYPE_DISALLOWED;
	if (mode != RISCV_PDTP_BARE &&
	    request->process_id >> riscv_process_id_bits(riscv_process_levels(
					   (enum riscv_process_directory_mode)mode)) !=
		    0)
		return RISCV_FAULT_TYPE_DISALLOWED;
	return 0;
}

unsigned int iommu_rvmodel_find_process(struct journey *j)
{
	const struct iommu_model_riscv_request *request = j->request;
	uint64_t words[RISCV_PROCESS_CONTEXT_WORDS];
	unsigned int cause = check_type(j);

	j->first = 0;
	if (cause != 0 || request->type == IOMMU_MODEL_RISCV_TRANSLATED)
		return cause;
	if ((j->tc & RISCV_TC_PDTV) == 0) {
		j->first = j->fsc;
		j->pscid = riscv_ta_pscid(j->ta);
		return 0;
	}
	if ((!request->has_process && (j->tc & RISCV_TC_DPE) == 0) ||
	    riscv_root_mode(j->fsc) == RISCV_PDTP_BARE)
		return 0;
	j->of_process = true;
	j->process_id = request->has_process ? request->process_id : 0;
	cause = find_context(j, words);
	if (cause != 0)
		return cause;
	if (j->privileged && (words[RISCV_PROCESS_TA] & RISCV_PC_ENS) == 0)
		return RISCV_FAULT_TYPE_DISALLOWED;
	j->sum = (words[RISCV_PROCESS_TA] & RISCV_PC_SUM) != 0;
	j->first = words[RISCV_PROCESS_FSC];
	j->pscid = riscv_ta_pscid(words[RISCV_PROCESS_TA]);
	return 0;
}
