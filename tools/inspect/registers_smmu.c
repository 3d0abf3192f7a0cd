/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of an SMMUv3 that say what it can (IHI 0070, 6.3), field by field. */
#include <libiommu/hw/smmu_registers.h>

#include "register_words.h"

/* Of a field of one register. */
#define MASK(field) BITS((field) >> 8 & 0xff, (field)&0xff)

/* --- IDR0 ------------------------------------------------------------------------------------- */

WORDS(table_formats)
{
	const uint64_t formats = smmu_bits(value, SMMU_IDR0_TTF);

	(void)text;
	if (formats == SMMU_TTF_AARCH64)
		return "AArch64";
	return formats == SMMU_TTF_AARCH32 ? "AArch32" : formats == 0 ? "none" : "AArch32, AArch64";
}

WORDS(hardware_updates)
{
	static const char *const kinds[] = {"none", "the access flag",
					    "the access flag and dirty state",
					    "the access flag, dirty state, and table descriptors"};

	(void)text;
	return kinds[smmu_bits(value, SMMU_IDR0_HTTU)];
}

WORDS(table_order)
{
	static const char *const orders[] = {"both byte orders", "reserved value", "little-endian",
					     "big-endian: not driven by this library"};

	(void)text;
	return orders[smmu_bits(value, SMMU_IDR0_TTENDIAN)];
}

WORDS(stall_model)
{
	static const char *const models[] = {"stalls and terminates", "never stalls",
					     "stalls every fault", "reserved value"};

	(void)text;
	return models[smmu_bits(value, SMMU_IDR0_STALL)];
}

WORDS(stream_levels)
{
	const uint64_t level = smmu_bits(value, SMMU_IDR0_ST_LEVEL);

	(void)text;
	if (level == SMMU_ST_LEVEL_LINEAR)
		return "1 level";
	return level == SMMU_ST_LEVEL_BOTH ? "1 or 2 levels" : "reserved value";
}

static const struct register_field idr0_fields[] = {
	{MASK(SMMU_IDR0_S2P), "S2P", "stage 2", NULL},
	{MASK(SMMU_IDR0_S1P), "S1P", "stage 1", NULL},
	{MASK(SMMU_IDR0_TTF), "TTF", "formats of tables", table_formats},
	{MASK(SMMU_IDR0_COHACC), "COHACC", "its accesses are coherent with the processors'", NULL},
	{MASK(SMMU_IDR0_BTM), "BTM", "takes the processors' TLB invalidations", NULL},
	{MASK(SMMU_IDR0_HTTU), "HTTU", "the unit itself updates", hardware_updates},
	{MASK(SMMU_IDR0_DORMHINT), "DORMHINT", "says when its caches are empty", NULL},
	{MASK(SMMU_IDR0_HYP), "HYP", "streams of EL2", NULL},
	{MASK(SMMU_IDR0_ATS), "ATS", "devices' TLBs", NULL},
	{MASK(SMMU_IDR0_NS1ATS), "NS1ATS", "no split-stage ATS", NULL},
	{MASK(SMMU_IDR0_ASID16), "ASID16", "ASIDs of 16 bits, not 8", NULL},
	{MASK(SMMU_IDR0_MSI), "MSI", "messages", NULL},
	{MASK(SMMU_IDR0_SEV), "SEV", "wakes processors from WFE", NULL},
	{MASK(SMMU_IDR0_ATOS), "ATOS", "address translation by registers", NULL},
	{MASK(SMMU_IDR0_PRI), "PRI", "page requests", NULL},
	{MASK(SMMU_IDR0_VMW), "VMW", "wildcards of VMIDs", NULL},
	{MASK(SMMU_IDR0_VMID16), "VMID16", "VMIDs of 16 bits, not 8", NULL},
	{MASK(SMMU_IDR0_CD2L), "CD2L", "tables of contexts (PASIDs) of 2 levels", NULL},
	{MASK(SMMU_IDR0_VATOS), "VATOS", "address translation by a guest", NULL},
	{MASK(SMMU_IDR0_TTENDIAN), "TTENDIAN", "byte order of tables", table_order},
	{MASK(SMMU_IDR0_ATSRECERR), "ATSRECERR", "records errors of ATS", NULL},
	{MASK(SMMU_IDR0_STALL), "STALL", "faults", stall_model},
	{MASK(SMMU_IDR0_TERM_MODEL), "TERM_MODEL", "faults always abort", NULL},
	{MASK(SMMU_IDR0_ST_LEVEL), "ST_LEVEL", "stream table", stream_levels},
};

/* --- IDR1, IDR3, IDR5 ------------------------------------------------------------------------- */

static const char *bits_text(char text[REGISTER_WORDS], uint64_t bits)
{
	return SAY(text, "%" PRIu64 " bits", bits);
}

static const char *entries_text(char text[REGISTER_WORDS], uint64_t order)
{
	return SAY(text, "up to 2^%" PRIu64 " entries", order);
}

WORDS(stream_bits)
{
	return bits_text(text, smmu_bits(value, SMMU_IDR1_SIDSIZE));
}

WORDS(substream_bits)
{
	return bits_text(text, smmu_bits(value, SMMU_IDR1_SSIDSIZE));
}

WORDS(request_queue)
{
	return entries_text(text, smmu_bits(value, SMMU_IDR1_PRIQS));
}

WORDS(event_queue)
{
	return entries_text(text, smmu_bits(value, SMMU_IDR1_EVENTQS));
}

WORDS(command_queue)
{
	return entries_text(text, smmu_bits(value, SMMU_IDR1_CMDQS));
}

static const struct register_field idr1_fields[] = {
	{MASK(SMMU_IDR1_SIDSIZE), "SIDSIZE", "a StreamID", stream_bits},
	{MASK(SMMU_IDR1_SSIDSIZE), "SSIDSIZE", "a SubstreamID (PASID)", substream_bits},
	{MASK(SMMU_IDR1_PRIQS), "PRIQS", "page request queue", request_queue},
	{MASK(SMMU_IDR1_EVENTQS), "EVENTQS", "event queue", event_queue},
	{MASK(SMMU_IDR1_CMDQS), "CMDQS", "command queue (this library needs 2^8)", command_queue},
	{MASK(SMMU_IDR1_ATTR_PERMS_OVR), "PERMS", "permissions can be overridden", NULL},
	{MASK(SMMU_IDR1_ATTR_TYPES_OVR), "TYPES", "memory types can be overridden", NULL},
	{MASK(SMMU_IDR1_REL), "REL", "preset bases are relative", NULL},
	{MASK(SMMU_IDR1_QUEUES_PRESET), "QUEUES", "queues lie in the unit", NULL},
	{MASK(SMMU_IDR1_TABLES_PRESET), "TABLES", "tables lie in the unit", NULL},
	{MASK(SMMU_IDR1_ECMDQ), "ECMDQ", "further command queues", NULL},
};

WORDS(break_before_make)
{
	static const char *const levels[] = {"0: break before make", "1: with the bit nT", "2",
					     "reserved value"};

	(void)text;
	return levels[smmu_bits(value, SMMU_IDR3_BBML)];
}

static const struct register_field idr3_fields[] = {
	{MASK(SMMU_IDR3_HAD), "HAD", "hierarchical attributes can be disabled", NULL},
	{MASK(SMMU_IDR3_PBHA), "PBHA", "page-based hardware attributes", NULL},
	{MASK(SMMU_IDR3_XNX), "XNX", "two bits of execute-never in stage 2", NULL},
	{MASK(SMMU_IDR3_PPS), "PPS", "automatic answers to page requests have the PASID", NULL},
	{MASK(SMMU_IDR3_MPAM), "MPAM", "partitions of caches", NULL},
	{MASK(SMMU_IDR3_FWB), "FWB", "memory types are forced by stage 2", NULL},
	{MASK(SMMU_IDR3_STT), "STT", "small translation tables", NULL},
	{MASK(SMMU_IDR3_RIL), "RIL", "invalidation of ranges", NULL},
	{MASK(SMMU_IDR3_BBML), "BBML", "changes of the size of a mapping", break_before_make},
	{MASK(SMMU_IDR3_E0PD), "E0PD", "EL0 can be kept out of a half", NULL},
	{MASK(SMMU_IDR3_PTWNNC), "PTWNNC", "walks of non-cacheable memory", NULL},
	{MASK(SMMU_IDR3_DPT), "DPT", "device permission tables", NULL},
};

WORDS(output_size)
{
	static const unsigned int sizes[] = {32, 36, 40, 42, 44, 48, 52, 56};

	return bits_text(text, sizes[smmu_bits(value, SMMU_IDR5_OAS)]);
}

WORDS(virtual_size)
{
	static const char *const sizes[] = {"48 bits", "52 bits", "56 bits", "reserved value"};

	(void)text;
	return sizes[smmu_bits(value, SMMU_IDR5_VAX)];
}

WORDS(stall_number)
{
	return SAY(text, "%" PRIu64 " transactions", smmu_bits(value, SMMU_IDR5_STALL_MAX));
}

static const struct register_field idr5_fields[] = {
	{MASK(SMMU_IDR5_OAS), "OAS", "addresses of memory", output_size},
	{MASK(SMMU_IDR5_GRAN4K), "GRAN4K", "pages of 4 KiB", NULL},
	{MASK(SMMU_IDR5_GRAN16K), "GRAN16K", "pages of 16 KiB", NULL},
	{MASK(SMMU_IDR5_GRAN64K), "GRAN64K", "pages of 64 KiB", NULL},
	{MASK(SMMU_IDR5_DS), "DS", "52 bits with pages of 4 KiB and 16 KiB", NULL},
	{MASK(SMMU_IDR5_D128), "D128", "descriptors of 128 bits", NULL},
	{MASK(SMMU_IDR5_VAX), "VAX", "virtual addresses", virtual_size},
	{MASK(SMMU_IDR5_STALL_MAX), "STALL_MAX", "can be stalled", stall_number},
};

const struct register_table registers_smmu[] = {
	TABLE(idr0, 32, "what an SMMUv3 can (0x000)"),
	TABLE(idr1, 32, "sizes of an SMMUv3 (0x004)"),
	TABLE(idr3, 32, "what an SMMUv3 can, further (0x00c)"),
	TABLE(idr5, 32, "addresses of an SMMUv3 (0x014)"),
	{NULL, NULL, 0, NULL, 0},
};
