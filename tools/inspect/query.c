/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "inspect.h"
#include "options.h"
#include "query.h"

/* Entries that are looked at, unless more are asked for: those of 512 GiB in pages of 4 KiB. */
#define LIMIT_DEFAULT (1ULL << 27)

/* What the options say, before it is known what of it is needed. */
struct given {
	const char *memory, *format;
	uint64_t base, root, rtaddr, pasid, levels, page_shift, table_shift, tve, width, bits,
		granule;
	bool has_root, has_rtaddr, has_source, has_levels, has_page_shift, has_table_shift, has_tve;
	bool has_limit, has_width, has_bits, has_granule, scalable, lpa2;
};

static int take(struct query *query, struct given *given, int count, char **words)
{
	const struct option options[] = {
		{"memory", OPTION_TEXT, &given->memory, NULL},
		{"base", OPTION_NUMBER, &given->base, NULL},
		{"format", OPTION_TEXT, &given->format, NULL},
		{"root", OPTION_NUMBER, &given->root, &given->has_root},
		{"rtaddr", OPTION_HEX, &given->rtaddr, &given->has_rtaddr},
		{"scalable", OPTION_FLAG, &given->scalable, NULL},
		{"source", OPTION_SOURCE, &query->source_id, &given->has_source},
		{"pasid", OPTION_NUMBER, &given->pasid, &query->has_pasid},
		{"write", OPTION_FLAG, &query->write, NULL},
		{"execute", OPTION_FLAG, &query->execute, NULL},
		{"privileged", OPTION_FLAG, &query->privileged, NULL},
		{"cap", OPTION_HEX, &query->cap, &query->has_cap},
		{"ecap", OPTION_HEX, &query->ecap, &query->has_ecap},
		{"width", OPTION_NUMBER, &given->width, &given->has_width},
		{"levels", OPTION_NUMBER, &given->levels, &given->has_levels},
		{"page-shift", OPTION_NUMBER, &given->page_shift, &given->has_page_shift},
		{"table-shift", OPTION_NUMBER, &given->table_shift, &given->has_table_shift},
		{"tve", OPTION_HEX, &given->tve, &given->has_tve},
		{"bits", OPTION_NUMBER, &given->bits, &given->has_bits},
		{"granule", OPTION_NUMBER, &given->granule, &given->has_granule},
		{"lpa2", OPTION_FLAG, &given->lpa2, NULL},
		{"limit", OPTION_NUMBER, &query->limit, &given->has_limit},
		{"dot", OPTION_FLAG, &query->dot, NULL},
		{NULL, OPTION_FLAG, NULL, NULL},
	};

	return options_take(options, count, words);
}

static bool is_within(uint64_t value, uint64_t least, uint64_t most)
{
	return value >= least && value <= most;
}

/* Each of these returns what is wrong, or NULL. */
static const char *check_use(const struct query *query, const struct given *given,
			     enum query_use use)
{
	if (use == QUERY_OF_ADDRESS && (query->dot || given->has_limit))
		return "--dot and --limit are for tables";
	if (use == QUERY_OF_ALL && (query->write || query->execute))
		return "--write and --execute are for walk";
	return NULL;
}

static const char *check_unit(const struct given *given)
{
	if (given->has_levels || given->has_page_shift || given->has_table_shift ||
	    given->has_tve || given->has_bits || given->has_granule || given->lpa2)
		return "--levels, --page-shift, --table-shift, --tve, --bits, --granule and --lpa2 "
		       "are of a table alone (--format)";
	return given->scalable && given->has_rtaddr ? "--rtaddr has the mode: no --scalable" : NULL;
}

static const char *check_table(const struct query *query, const struct given *given)
{
	const bool is_tce = strcmp(given->format, "tce") == 0;
	const bool is_arm = strncmp(given->format, "vmsa", 4) == 0;

	if (given->has_source || query->has_pasid || given->has_rtaddr || given->scalable ||
	    query->has_cap || query->has_ecap || given->has_width || query->execute ||
	    query->privileged)
		return "with --format there is no device, and no unit: none of --source, --pasid, "
		       "--rtaddr, --scalable, --cap, --ecap, --width, --execute and --privileged";
	if (!is_tce && (given->has_page_shift || given->has_table_shift || given->has_tve))
		return "--page-shift, --table-shift and --tve are of the format tce";
	if (!is_arm && (given->has_bits || given->has_granule || given->lpa2))
		return "--bits, --granule and --lpa2 are of the formats vmsas1 and vmsas2";
	return given->has_tve && (given->has_root || given->has_levels || given->has_page_shift ||
				  given->has_table_shift)
		       ? "--tve has all that --root, --levels and shifts say"
		       : NULL;
}

static const char *read_unit(struct query *query, const struct given *given)
{
	query->by_unit = true;
	query->rtaddr = given->has_rtaddr ? given->rtaddr : given->root;
	if (given->has_root == given->has_rtaddr)
		return "one of --root and --rtaddr is needed";
	if (given->scalable)
		query->rtaddr |= VTD_RTADDR_SCALABLE;
	if (given->has_root && (given->root & ~VTD_ENTRY_ADDRESS_MASK) != 0)
		return "--root is not at the beginning of a page";
	if (!given->has_source)
		return "--source BUS:DEVICE.FUNCTION is needed";
	if (given->pasid >> VTD_PASID_BITS_MAX != 0)
		return "--pasid has more than 20 bits";
	if (!is_within(given->width, 32, 52))
		return "--width is not within 32 to 52";
	return NULL;
}

static const char *read_second_stage(struct page_table *table, const struct given *given)
{
	if (!is_within(given->levels, VTD_SS_LEVELS_MIN, VTD_SS_LEVELS_MAX))
		return "--levels is not within 3 to 5";
	*table = (struct page_table){.format = &pages_second_stage,
				     .is_judged = true,
				     .root = given->root & VTD_SS_ADDRESS_MASK,
				     .levels = (unsigned int)given->levels,
				     .page_shift = 12,
				     .index_bits = VTD_SS_TABLE_BITS};
	return NULL;
}

static const char *read_x86_64(struct page_table *table, const struct given *given)
{
	if (!is_within(given->levels, VTD_FS_LEVELS_MIN, VTD_FS_LEVELS_MAX))
		return "--levels is not 4 or 5";
	*table = (struct page_table){.format = &pages_first_stage,
				     .is_judged = true,
				     .root = given->root & VTD_FS_ADDRESS_MASK,
				     .levels = (unsigned int)given->levels,
				     .page_shift = 12,
				     .index_bits = VTD_FS_TABLE_BITS};
	return NULL;
}

static const char *read_riscv(struct page_table *table, const struct given *given, bool is_second)
{
	const uint64_t below = is_second ? RISCV_SECOND_STAGE_ROOT - 1 : 0xfff;

	if (!is_within(given->levels, RISCV_LEVELS_MIN, RISCV_LEVELS_MAX))
		return "--levels is not within 3 to 5";
	if ((given->root & below) != 0)
		return is_second ? "--root is not at a multiple of 16 KiB"
				 : "--root is not at the beginning of a page";
	*table = (struct page_table){
		.format = is_second ? &pages_riscv_second : &pages_riscv_first,
		.is_judged = true,
		.root = given->root,
		.levels = (unsigned int)given->levels,
		.page_shift = 12,
		.index_bits = RISCV_PTE_BITS,
		.root_bits = RISCV_PTE_BITS + (is_second ? RISCV_SECOND_STAGE_EXTRA : 0),
	};
	return NULL;
}

/* The fewest levels that translate so many bits, where a root may have so many entries. */
static unsigned int arm_levels(unsigned int granule, uint64_t bits, unsigned int root_most)
{
	unsigned int levels = 1;

	while (levels < VMSA_LEVELS_MAX && vmsa_level_shift(granule, levels) + root_most < bits)
		levels++;
	return levels;
}

static const char *read_arm(struct page_table *table, const struct given *given, bool is_second)
{
	const unsigned int granule = given->granule == 4 ? 12 : given->granule == 16 ? 14 : 16;
	const unsigned int stride = vmsa_table_bits(granule);
	const unsigned int most = stride + (is_second ? VMSA_CONCATENATED_MAX : 0);
	const uint64_t levels =
		given->has_levels ? given->levels : arm_levels(granule, given->bits, most);
	uint64_t shift;

	if (given->granule != 4 && given->granule != 16 && given->granule != 64)
		return "--granule is none of 4, 16 and 64 (KiB)";
	if (!is_within(given->bits, VMSA_INPUT_BITS_MIN, 52))
		return "--bits is not within 25 to 52";
	if (!is_within(levels, 1, VMSA_LEVELS_MAX))
		return "--levels is not within 1 to 5";
	shift = vmsa_level_shift(granule, (unsigned int)levels);
	if (!is_within(given->bits, shift + 1, shift + most))
		return "--levels do not translate so many --bits";
	*table = (struct page_table){
		.format = is_second ? &pages_arm_second : &pages_arm_first,
		.is_judged = true,
		.root = given->root,
		.levels = (unsigned int)levels,
		.page_shift = granule,
		.index_bits = stride,
		.root_bits = (unsigned int)(given->bits - shift),
		.is_wide = given->lpa2,
	};
	return NULL;
}

static const char *read_tce(struct page_table *table, const struct given *given)
{
	struct given as = *given;

	if (!given->has_levels)
		as.levels = 1;
	if (given->has_tve) {
		as.root = tve_table_address(given->tve);
		as.levels = tve_levels(given->tve);
		as.page_shift = tve_page_shift(given->tve);
		as.table_shift = tve_table_shift(given->tve);
		if (as.page_shift == 0 || as.table_shift == 0)
			return "--tve is an entry without tables (see cap)";
	}
	if (!is_within(as.levels, 1, TCE_LEVELS_MAX) ||
	    !is_within(as.page_shift, TCE_PAGE_SHIFT_MIN, TCE_PAGE_SHIFT_MAX) ||
	    !is_within(as.table_shift, 12, 34) ||
	    as.page_shift + as.levels * (as.table_shift - 3) > 63)
		return "no bridge has such a table (--levels, --page-shift, --table-shift)";
	*table = (struct page_table){.format = &pages_tce,
				     .is_judged = true,
				     .root = as.root & TCE_ADDRESS_MASK,
				     .levels = (unsigned int)as.levels,
				     .page_shift = (unsigned int)as.page_shift,
				     .index_bits = (unsigned int)as.table_shift - 3};
	return NULL;
}

static const char *read_table(struct query *query, const struct given *given)
{
	if (!given->has_root && !given->has_tve)
		return "--root, the address of the table, is needed";
	if (strcmp(given->format, "second-stage") == 0)
		return read_second_stage(&query->table, given);
	if (strcmp(given->format, "x86_64") == 0)
		return read_x86_64(&query->table, given);
	if (strcmp(given->format, "tce") == 0)
		return read_tce(&query->table, given);
	if (strcmp(given->format, "riscvfs") == 0 || strcmp(given->format, "riscvss") == 0)
		return read_riscv(&query->table, given, given->format[5] == 's');
	if (strcmp(given->format, "vmsas1") == 0 || strcmp(given->format, "vmsas2") == 0)
		return read_arm(&query->table, given, given->format[5] == '2');
	return "--format is none of vtd, second-stage, x86_64, tce, riscvfs, riscvss, vmsas1 and "
	       "vmsas2";
}

static const char *read_given(struct query *query, const struct given *given, enum query_use use)
{
	const bool is_unit = strcmp(given->format, "vtd") == 0;
	const char *problem = check_use(query, given, use);

	if (problem == NULL)
		problem = is_unit ? check_unit(given) : check_table(query, given);
	if (problem == NULL)
		problem = is_unit ? read_unit(query, given) : read_table(query, given);
	if (problem == NULL && given->memory == NULL)
		problem = "--memory FILE is needed";
	return problem;
}

int query_read(struct query *query, enum query_use use, int *count, char **words)
{
	struct given given = {.format = "vtd",
			      .levels = 4,
			      .page_shift = 12,
			      .table_shift = 16,
			      .width = 52,
			      .bits = 48,
			      .granule = 4};
	const char *problem;

	*query = (struct query){.limit = LIMIT_DEFAULT};
	*count = take(query, &given, *count, words);
	if (*count < 0)
		return INSPECT_USAGE;
	problem = read_given(query, &given, use);
	if (problem != NULL)
		return inspect_complain(INSPECT_USAGE, "%s", problem);
	query->pasid = (uint32_t)given.pasid;
	query->width = (unsigned int)given.width;
	return memory_open(&query->memory, given.memory, given.base);
}

void query_show_table(struct out *out, const struct page_table *table)
{
	out_text(out, "format", "%s", table->format->name);
	out_number(out, "levels", table->levels);
	out_number(out, "bits translated", pages_width(table));
	out_hex(out, "root", table->root);
}
