/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device directory: from a device id to its context, with every check that the specification
 * lists (RISC-V IOMMU specification, "Process to locate the Device-context" and "Device-context
 * configuration checks"). Contexts that are good are cached, and so are the entries that lead to
 * them.
 */
#include "model/riscv/journey.h"

/* In the cached word with ta and tc: there is an MSI table. */
#define HAS_MESSAGE_TABLE (1ULL << 32)
#define TC_BITS           0xfffULL

/* --- Checks ----------------------------------------------------------------------------------- */

static bool is_32_bit_unit(const struct journey *j)
{
	return (j->fctl & RISCV_FCTL_GXL) != 0;
}

static bool second_stage_is_known(const struct journey *j, unsigned int mode)
{
	const struct iommu_model_riscv *model = j->model;

	if (mode == RISCV_IOHGATP_BARE)
		return true;
	if (is_32_bit_unit(j))
		return mode == RISCV_IOHGATP_SV32X4 && model_has(model, RISCV_CAP_SV32X4);
	return (mode == RISCV_IOHGATP_SV39X4 && model_has(model, RISCV_CAP_SV39X4)) ||
	       (mode == RISCV_IOHGATP_SV48X4 && model_has(model, RISCV_CAP_SV48X4)) ||
	       (mode == RISCV_IOHGATP_SV57X4 && model_has(model, RISCV_CAP_SV57X4));
}

bool iommu_rvmodel_first_stage_is_known(const struct iommu_model_riscv *model, unsigned int mode,
					bool is_32_bit)
{
	if (mode == RISCV_IOSATP_BARE)
		return true;
	if (is_32_bit)
		return mode == RISCV_IOSATP_SV32 && model_has(model, RISCV_CAP_SV32);
	return (mode == RISCV_IOSATP_SV39 && model_has(model, RISCV_CAP_SV39)) ||
	       (mode == RISCV_IOSATP_SV48 && model_has(model, RISCV_CAP_SV48)) ||
	       (mode == RISCV_IOSATP_SV57 && model_has(model, RISCV_CAP_SV57));
}

static bool process_directory_is_known(const struct iommu_model_riscv *model, unsigned int mode)
{
	return mode == RISCV_PDTP_BARE ||
	       (mode == RISCV_PDTP_PD8 && model_has(model, RISCV_CAP_PD8)) ||
	       (mode == RISCV_PDTP_PD17 && model_has(model, RISCV_CAP_PD17)) ||
	       (mode == RISCV_PDTP_PD20 && model_has(model, RISCV_CAP_PD20));
}

/* Of tc: flags that need another, or a capability. */
static bool flags_are_good(const struct iommu_model_riscv *model, uint64_t tc)
{
	const uint64_t ats = RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_PRPR;

	if ((tc & ats) != 0 && !model_has(model, RISCV_CAP_ATS))
		return false;
	if ((tc & RISCV_TC_EN_ATS) == 0 && (tc & (RISCV_TC_T2GPA | RISCV_TC_EN_PRI)) != 0)
		return false;
	if ((tc & RISCV_TC_EN_PRI) == 0 && (tc & RISCV_TC_PRPR) != 0)
		return false;
	if ((tc & RISCV_TC_T2GPA) != 0 && !model_has(model, RISCV_CAP_T2GPA))
		return false;
	if ((tc & RISCV_TC_PDTV) == 0 && (tc & RISCV_TC_DPE) != 0)
		return false;
	return (tc & (RISCV_TC_SADE | RISCV_TC_GADE)) == 0 || model_has(model, RISCV_CAP_AMO_HWAD);
}

/* Byte order and width of the first stage follow fctl where that cannot be changed. */
static bool widths_are_good(const struct journey *j, uint64_t tc)
{
	const uint32_t writable = model_fctl_writable(&j->model->config);
	const bool sxl = (tc & RISCV_TC_SXL) != 0;
	const bool sbe = (tc & RISCV_TC_SBE) != 0;

	if (sbe != ((j->fctl & RISCV_FCTL_BE) != 0) && (writable & RISCV_FCTL_BE) == 0)
		return false;
	if (is_32_bit_unit(j))
		return sxl;
	return !sxl || (writable & RISCV_FCTL_GXL) != 0;
}

static bool second_stage_is_good(const struct journey *j, uint64_t tc, uint64_t iohgatp)
{
	if (!second_stage_is_known(j, riscv_root_mode(iohgatp)))
		return false;
	if (riscv_root_mode(iohgatp) == RISCV_IOHGATP_BARE)
		return (tc & RISCV_TC_T2GPA) == 0;
	return (iohgatp & RISCV_IOHGATP_MISALIGNED) == 0;
}

static bool first_stage_is_good(const struct journey *j, uint64_t tc, uint64_t fsc)
{
	if ((fsc & RISCV_FSC_RESERVED) != 0)
		return false;
	return (tc & RISCV_TC_PDTV) != 0
		       ? process_directory_is_known(j->model, riscv_root_mode(fsc))
		       : iommu_rvmodel_first_stage_is_known(j->model, riscv_root_mode(fsc),
							    (tc & RISCV_TC_SXL) != 0);
}

static bool attributes_are_good(const struct iommu_model_riscv *model, uint64_t ta)
{
	const uint64_t too_wide = 0xfffULL & ~((1ULL << model->config.qos_bits) - 1);

	if ((ta & RISCV_TA_RESERVED) != 0)
		return false;
	if (!model_has(model, RISCV_CAP_QOSID))
		return (ta & RISCV_TA_QOS) == 0;
	return (ta & (too_wide << 40 | too_wide << 52)) == 0;
}

/* Bits of guest addresses, which MSI patterns can have. */
static unsigned int guest_address_bits(const struct iommu_model_riscv *model)
{
	if (model_has(model, RISCV_CAP_SV57X4))
		return 59;
	if (model_has(model, RISCV_CAP_SV48X4))
		return 50;
	if (model_has(model, RISCV_CAP_SV39X4))
		return 41;
	return model_has(model, RISCV_CAP_SV32X4)
		       ? 34
		       : riscv_cap_physical_bits(model->config.capabilities);
}

static bool messages_are_good(const struct journey *j, const uint64_t *words)
{
	const uint64_t beyond = ~((1ULL << (guest_address_bits(j->model) - 12)) - 1);
	const unsigned int mode = riscv_root_mode(words[RISCV_CONTEXT_MSIPTP]);

	if (!model_has(j->model, RISCV_CAP_MSI_FLAT))
		return true;
	if (mode > RISCV_MSIPTP_FLAT ||
	    (words[RISCV_CONTEXT_MSIPTP] & RISCV_MSIPTP_RESERVED) != 0 ||
	    words[RISCV_CONTEXT_RESERVED] != 0)
		return false;
	if (((words[RISCV_CONTEXT_MSI_ADDRESS_MASK] | words[RISCV_CONTEXT_MSI_ADDRESS_PATTERN]) &
	     beyond) != 0)
		return false;
	return mode == RISCV_MSIPTP_OFF ||
	       riscv_root_mode(words[RISCV_CONTEXT_IOHGATP]) != RISCV_IOHGATP_BARE;
}

static unsigned int check_context(const struct journey *j, const uint64_t *words)
{
	const uint64_t tc = words[RISCV_CONTEXT_TC];

	if ((tc & RISCV_TC_VALID) == 0)
		return RISCV_FAULT_DEVICE_NOT_VALID;
	return (tc & RISCV_TC_RESERVED) == 0 && flags_are_good(j->model, tc) &&
			       widths_are_good(j, tc) &&
			       second_stage_is_good(j, tc, words[RISCV_CONTEXT_IOHGATP]) &&
			       attributes_are_good(j->model, words[RISCV_CONTEXT_TA]) &&
			       first_stage_is_good(j, tc, words[RISCV_CONTEXT_FSC]) &&
			       messages_are_good(j, words)
		       ? 0
		       : RISCV_FAULT_DEVICE_MISCONFIGURED;
}

/* --- From memory ------------------------------------------------------------------------------ */

static bool is_extended(const struct journey *j)
{
	return model_has(j->model, RISCV_CAP_MSI_FLAT);
}

static bool is_big_endian(const struct journey *j)
{
	return (j->fctl & RISCV_FCTL_BE) != 0;
}

/* Whose entry of a level leads to a device: the id without what the levels below tell apart. */
static struct model_cached entry_above(const struct journey *j, unsigned int level)
{
	const unsigned int below =
		riscv_context_bits(is_extended(j)) + (level - 2) * RISCV_DIRECTORY_BITS;

	return (struct model_cached){
		.kind = MODEL_DIRECTORY,
		.level = (uint8_t)level,
		.tag = j->request->device_id >> below,
	};
}

/* The deepest table on the way that is known: its level, and *table. */
static unsigned int start_of_walk(const struct journey *j, uint64_t *table)
{
	const unsigned int levels = (unsigned int)riscv_ddtp_mode(j->directory) - 1;
	unsigned int level;

	for (level = 2; level <= levels; level++) {
		struct model_cached known = entry_above(j, level);

		if (!journey_find(j, MODEL_DIRECTORY, known.tag, level, 0, &known))
			continue;
		*table = known.low;
		return level - 1;
	}
	*table = riscv_ppn_address(j->directory);
	return levels;
}

static unsigned int read_words(const struct journey *j, uint64_t place, uint64_t *words,
			       unsigned int count)
{
	unsigned int i, pair = count < 2 ? 1 : 2;

	for (i = 0; i < count; i += pair) {
		if (journey_is_corrupt(j, place + i * 8ULL))
			return RISCV_FAULT_DEVICE_CORRUPT;
		if (!iommu_rvmodel_read(j->model, place + i * 8ULL, &words[i], pair,
					is_big_endian(j)))
			return RISCV_FAULT_DEVICE_LOAD;
	}
	return 0;
}

static unsigned int walk(struct journey *j, uint64_t *words)
{
	const bool extended = is_extended(j);
	uint64_t table;
	unsigned int level = start_of_walk(j, &table);
	unsigned int cause;

	j->walks.device++;
	journey_count_walk(j);
	for (; level > 1; level--) {
		const uint32_t index =
			riscv_directory_index(j->request->device_id, level, extended);
		struct model_cached above = entry_above(j, level);
		uint64_t entry;

		cause = read_words(j, table + index * 8ULL, &entry, 1);
		if (cause != 0)
			return cause;
		if ((entry & RISCV_DIRECTORY_VALID) == 0)
			return RISCV_FAULT_DEVICE_NOT_VALID;
		if ((entry & RISCV_DIRECTORY_RESERVED) != 0)
			return RISCV_FAULT_DEVICE_MISCONFIGURED;
		table = riscv_ppn_address(entry);
		above.low = table;
		journey_remember(j, &above);
	}
	table += (uint64_t)riscv_directory_index(j->request->device_id, 1, extended) *
		 (extended ? RISCV_CONTEXT_EXTENDED_SIZE : RISCV_CONTEXT_BASE_SIZE);
	cause = read_words(j, table, words,
			   extended ? RISCV_CONTEXT_WORDS : RISCV_CONTEXT_WORDS_BASE);
	return cause != 0 ? cause : check_context(j, words);
}

/* --- Through the cache ------------------------------------------------------------------------ */

static struct model_cached context_entry(const struct journey *j, unsigned int part)
{
	return (struct model_cached){
		.kind = MODEL_CONTEXT, .tag = j->request->device_id, .level = (uint8_t)part};
}

/* What is cached: the stages, and, for units with MSI tables, where that is. */
static void remember(const struct journey *j, const uint64_t *words)
{
	const bool messages = riscv_root_mode(words[RISCV_CONTEXT_MSIPTP]) == RISCV_MSIPTP_FLAT;
	struct model_cached stages = context_entry(j, 0);
	struct model_cached table = context_entry(j, 1);

	stages.low = words[RISCV_CONTEXT_TA] | (words[RISCV_CONTEXT_TC] & TC_BITS) |
		     (messages ? HAS_MESSAGE_TABLE : 0);
	stages.high = words[RISCV_CONTEXT_IOHGATP];
	stages.third = words[RISCV_CONTEXT_FSC];
	journey_remember(j, &stages);
	table.low = words[RISCV_CONTEXT_MSIPTP];
	table.high = words[RISCV_CONTEXT_MSI_ADDRESS_MASK];
	table.third = words[RISCV_CONTEXT_MSI_ADDRESS_PATTERN];
	if (messages)
		journey_remember(j, &table);
}

static unsigned int fetch(struct journey *j, uint64_t *words)
{
	unsigned int cause;

	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	cause = walk(j, words);
	if (cause == 0)
		remember(j, words);
	return cause;
}

static void use(struct journey *j, uint64_t attributes, uint64_t iohgatp, uint64_t fsc)
{
	j->tc = attributes & TC_BITS;
	j->ta = attributes & ~(TC_BITS | HAS_MESSAGE_TABLE);
	j->has_message_table = (attributes & HAS_MESSAGE_TABLE) != 0;
	j->iohgatp = iohgatp;
	j->fsc = fsc;
}

unsigned int iommu_rvmodel_find_context(struct journey *j)
{
	struct model_cached known = context_entry(j, 0);
	uint64_t words[RISCV_CONTEXT_WORDS] = {0};
	unsigned int cause;

	if (j->request->device_id >> model_id_bits(j->model, j->directory) != 0)
		return RISCV_FAULT_TYPE_DISALLOWED;
	if (journey_find(j, MODEL_CONTEXT, known.tag, 0, 0, &known)) {
		use(j, known.low, known.high, known.third);
		return 0;
	}
	cause = fetch(j, words);
	if (cause != 0)
		return cause;
	use(j, words[RISCV_CONTEXT_TA] | (words[RISCV_CONTEXT_TC] & TC_BITS),
	    words[RISCV_CONTEXT_IOHGATP], words[RISCV_CONTEXT_FSC]);
	j->has_message_table = riscv_root_mode(words[RISCV_CONTEXT_MSIPTP]) == RISCV_MSIPTP_FLAT;
	return 0;
}

unsigned int iommu_rvmodel_find_message_table(struct journey *j, struct model_message_table *table)
{
	struct model_cached known = context_entry(j, 1);
	uint64_t words[RISCV_CONTEXT_WORDS] = {0};
	unsigned int cause;

	if (journey_find(j, MODEL_CONTEXT, known.tag, 1, 0, &known)) {
		*table = (struct model_message_table){known.low, known.high, known.third};
		return 0;
	}
	/* Forgotten, or not yet in the cache: hardware reads it again. */
	cause = fetch(j, words);
	*table = (struct model_message_table){words[RISCV_CONTEXT_MSIPTP],
					      words[RISCV_CONTEXT_MSI_ADDRESS_MASK],
					      words[RISCV_CONTEXT_MSI_ADDRESS_PATTERN]};
	return cause;
}
