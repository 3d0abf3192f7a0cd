/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d's registers (VT-d specification, chapter "Register Descriptions"), and the TVE of POWER host
 * bridges, field by field.
 */
#include <ctype.h>
#include <stdbool.h>

#include <libiommu/hw/tve.h>
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>

#include "numbers.h"
#include "register_words.h"

#define ADDRESS BITS(63, 12)

/* --- What several registers have -------------------------------------------------------------- */

WORDS(page_address)
{
	return SAY(text, "0x%" PRIx64, value & ADDRESS);
}

WORDS(queue_offset)
{
	return SAY(text, "byte %" PRIu64 ": descriptor %u, or %u of 256 bits", value & 0x7fff0,
		   vtd_queue_index(value, false), vtd_queue_index(value, true));
}

/* --- VER, CAP --------------------------------------------------------------------------------- */

WORDS(version)
{
	return SAY(text, "%u.%u%s", vtd_version_major((uint32_t)value),
		   vtd_version_minor((uint32_t)value),
		   vtd_version_major((uint32_t)value) >= VTD_VERSION_QUEUE_ONLY
			   ? ": invalidates by its queue alone"
			   : "");
}

WORDS(domains)
{
	if (vtd_cap_domains(value) == 0)
		return "reserved value";
	return SAY(text, "%" PRIu32 " domain ids", vtd_cap_domains(value));
}

WORDS(table_depths)
{
	const unsigned int sagaw = vtd_cap_sagaw(value);

	if ((sagaw & (VTD_SAGAW_3_LEVELS | VTD_SAGAW_4_LEVELS | VTD_SAGAW_5_LEVELS)) == 0)
		return "no table depth that is defined";
	return SAY(text, "second-stage tables of%s%s%s levels",
		   (sagaw & VTD_SAGAW_3_LEVELS) != 0 ? " 3 (39 bits)" : "",
		   (sagaw & VTD_SAGAW_4_LEVELS) != 0 ? " 4 (48 bits)" : "",
		   (sagaw & VTD_SAGAW_5_LEVELS) != 0 ? " 5 (57 bits)" : "");
}

WORDS(guest_width)
{
	return SAY(text, "%u bits", vtd_cap_guest_address_width(value));
}

WORDS(fault_offset)
{
	return SAY(text, "at offset 0x%" PRIx32, vtd_cap_fault_offset(value));
}

WORDS(large_pages)
{
	const uint64_t sizes = vtd_cap_second_stage_large_pages(value);

	if (sizes == 0)
		return "none";
	return SAY(text, "%s%s%s", (sizes >> 21 & 1) != 0 ? "2 MiB" : "",
		   sizes == (1ULL << 21 | 1ULL << 30) ? ", " : "",
		   (sizes >> 30 & 1) != 0 ? "1 GiB" : "");
}

WORDS(fault_records)
{
	return SAY(text, "%u", vtd_cap_fault_records(value));
}

WORDS(address_mask)
{
	return SAY(text, "2^%u pages at once", vtd_cap_max_address_mask(value));
}

static const struct register_field ver_fields[] = {{0xff, "MAX, MIN", "version", version}};

static const struct register_field cap_fields[] = {
	{BITS(2, 0), "ND", "number of domains", domains},
	{VTD_CAP_AFL, "AFL", "advanced fault log", NULL},
	{VTD_CAP_RWBF, "RWBF", "software must flush the write buffer", NULL},
	{VTD_CAP_PLMR, "PLMR", "protected low memory region", NULL},
	{VTD_CAP_PHMR, "PHMR", "protected high memory region", NULL},
	{VTD_CAP_CM, "CM", "caching mode: entries that are not present may be cached", NULL},
	{BITS(12, 8), "SAGAW", "table depths", table_depths},
	{BITS(21, 16), "MGAW", "widest guest address", guest_width},
	{VTD_CAP_ZLR, "ZLR", "zero-length reads of write-only pages", NULL},
	{BITS(33, 24), "FRO", "fault recording registers", fault_offset},
	{BITS(37, 34), "SSLPS", "large pages of the second stage", large_pages},
	{VTD_CAP_PSI, "PSI", "page-selective invalidation of the IOTLB", NULL},
	{BITS(47, 40), "NFR", "number of fault recording registers", fault_records},
	{BITS(53, 48), "MAMV", "largest page-selective invalidation", address_mask},
	{VTD_CAP_DWD, "DWD", "write draining", NULL},
	{VTD_CAP_DRD, "DRD", "read draining", NULL},
	{VTD_CAP_FS1GP, "FS1GP", "pages of 1 GiB in the first stage", NULL},
	{VTD_CAP_PI, "PI", "posted interrupts", NULL},
	{VTD_CAP_FS5LP, "FS5LP", "5 levels in the first stage", NULL},
	{VTD_CAP_ECMDS, "ECMDS", "enhanced commands", NULL},
	{VTD_CAP_ESIRTPS, "ESIRTPS", "setting the interrupt table invalidates by itself", NULL},
	{VTD_CAP_ESRTPS, "ESRTPS", "setting the root table invalidates by itself", NULL},
};

/* --- ECAP ------------------------------------------------------------------------------------- */

WORDS(iotlb_offset)
{
	return SAY(text, "at offset 0x%" PRIx32, vtd_ecap_iotlb_offset(value));
}

WORDS(handle_mask)
{
	return SAY(text, "2^%u entries at once", vtd_ecap_max_handle_mask(value));
}

WORDS(pasid_bits)
{
	return SAY(text, "%u bits", vtd_ecap_pasid_bits(value));
}

static const struct register_field ecap_fields[] = {
	{VTD_ECAP_C, "C", "page walks are coherent with the caches of the CPU", NULL},
	{VTD_ECAP_QI, "QI", "queued invalidation", NULL},
	{VTD_ECAP_DT, "DT", "device-TLBs", NULL},
	{VTD_ECAP_IR, "IR", "interrupt remapping", NULL},
	{VTD_ECAP_EIM, "EIM", "x2APIC destinations", NULL},
	{VTD_ECAP_PT, "PT", "pass-through", NULL},
	{VTD_ECAP_SC, "SC", "snoop control", NULL},
	{BITS(17, 8), "IRO", "IOTLB registers", iotlb_offset},
	{BITS(23, 20), "MHMV", "largest invalidation of interrupt entries", handle_mask},
	{VTD_ECAP_MTS, "MTS", "memory types", NULL},
	{VTD_ECAP_NEST, "NEST", "nested translation", NULL},
	{VTD_ECAP_PRS, "PRS", "page requests", NULL},
	{VTD_ECAP_ERS, "ERS", "execute requests", NULL},
	{VTD_ECAP_SRS, "SRS", "privileged requests", NULL},
	{BITS(33, 33), "NWFS", "no-write flag of translation requests", NULL},
	{VTD_ECAP_EAFS, "EAFS", "extended accessed flag in the first stage", NULL},
	{BITS(39, 35), "PSS", "width of a PASID", pasid_bits},
	{VTD_ECAP_PASID, "PASID", "requests with a PASID", NULL},
	{VTD_ECAP_DIT, "DIT", "device-TLB invalidations name the physical function", NULL},
	{VTD_ECAP_PDS, "PDS", "page requests can be drained", NULL},
	{VTD_ECAP_SMTS, "SMTS", "scalable mode", NULL},
	{BITS(44, 44), "VCS", "virtual commands", NULL},
	{VTD_ECAP_SSADS, "SSADS", "accessed and dirty bits in the second stage", NULL},
	{VTD_ECAP_SSTS, "SSTS", "second stage in scalable mode", NULL},
	{VTD_ECAP_FSTS, "FSTS", "first stage", NULL},
	{VTD_ECAP_SMPWCS, "SMPWCS", "walks in scalable mode can be coherent", NULL},
	{VTD_ECAP_RPS, "RPS", "the PASID of requests without one can be set", NULL},
	{VTD_ECAP_PMS, "PMS", "performance counters", NULL},
	{BITS(52, 52), "ADMS", "abort-DMA mode", NULL},
	{BITS(53, 53), "RPRIVS", "requests without a PASID can be privileged", NULL},
};

/* --- Commands and tables ---------------------------------------------------------------------- */

static const struct register_field gcmd_fields[] = {
	{VTD_GLOBAL_TE, "TE", "enable translation", NULL},
	{VTD_GLOBAL_SRTP, "SRTP", "set the root table pointer (one-shot)", NULL},
	{VTD_GLOBAL_SFL, "SFL", "set the fault log (one-shot)", NULL},
	{VTD_GLOBAL_EAFL, "EAFL", "enable the advanced fault log", NULL},
	{VTD_GLOBAL_WBF, "WBF", "flush the write buffer (one-shot)", NULL},
	{VTD_GLOBAL_QIE, "QIE", "enable queued invalidation", NULL},
	{VTD_GLOBAL_IRE, "IRE", "enable interrupt remapping", NULL},
	{VTD_GLOBAL_SIRTP, "SIRTP", "set the interrupt table pointer (one-shot)", NULL},
	{VTD_GLOBAL_CFI, "CFI", "let interrupts in compatibility format pass", NULL},
};

static const struct register_field gsts_fields[] = {
	{VTD_GLOBAL_TE, "TES", "translation is on", NULL},
	{VTD_GLOBAL_SRTP, "RTPS", "the root table pointer is set", NULL},
	{VTD_GLOBAL_SFL, "FLS", "the fault log is set", NULL},
	{VTD_GLOBAL_EAFL, "AFLS", "the advanced fault log is on", NULL},
	{VTD_GLOBAL_WBF, "WBFS", "the write buffer is being flushed", NULL},
	{VTD_GLOBAL_QIE, "QIES", "queued invalidation is on", NULL},
	{VTD_GLOBAL_IRE, "IRES", "interrupt remapping is on", NULL},
	{VTD_GLOBAL_SIRTP, "IRTPS", "the interrupt table pointer is set", NULL},
	{VTD_GLOBAL_CFI, "CFIS", "interrupts in compatibility format pass", NULL},
};

WORDS(table_mode)
{
	(void)text;
	switch (value & VTD_RTADDR_MODE) {
	case VTD_RTADDR_LEGACY:
		return "legacy mode";
	case VTD_RTADDR_SCALABLE:
		return "scalable mode";
	case VTD_RTADDR_MODE:
		return "abort-DMA mode: all requests are blocked";
	default:
		return "reserved value";
	}
}

static const struct register_field rtaddr_fields[] = {
	{VTD_RTADDR_MODE, "TTM", "translation table mode", table_mode},
	{ADDRESS, "RTA", "root table", page_address},
};

WORDS(context_granularity)
{
	static const char *const names[] = {"reserved", "global", "a domain", "a device"};

	(void)text;
	return names[value >> 61 & 3];
}

WORDS(context_done)
{
	static const char *const names[] = {"nothing", "global", "a domain", "a device"};

	(void)text;
	return names[vtd_ccmd_actual_granularity(value)];
}

WORDS(context_source)
{
	char place[NUMBERS_PLACE_TEXT];

	return SAY(text, "%s, %u function bits ignored",
		   numbers_place(place, 0, (uint16_t)(value >> 16)),
		   (unsigned int)(value >> 32 & 3));
}

WORDS(low_number)
{
	return SAY(text, "%" PRIu64, value & 0xffff);
}

static const struct register_field ccmd_fields[] = {
	{VTD_CCMD_ICC, "ICC", "an invalidation of contexts is under way", NULL},
	{BITS(62, 61), "CIRG", "requested", context_granularity},
	{BITS(60, 59), "CAIG", "done", context_done},
	{BITS(33, 16), "FM, SID", "device", context_source},
	{BITS(15, 0), "DID", "domain id", low_number},
};

/* --- Faults and events ------------------------------------------------------------------------ */

WORDS(record_index)
{
	return SAY(text, "%u", vtd_fsts_record_index((uint32_t)value));
}

static const struct register_field fsts_fields[] = {
	{VTD_FSTS_PFO, "PFO", "faults were lost: all records were in use", NULL},
	{VTD_FSTS_PPF, "PPF", "a fault is recorded", NULL},
	{VTD_FSTS_AFO, "AFO", "the advanced fault log has overflowed", NULL},
	{VTD_FSTS_APF, "APF", "a fault is in the advanced fault log", NULL},
	{VTD_FSTS_IQE, "IQE", "the invalidation queue has stopped at a bad descriptor", NULL},
	{VTD_FSTS_ICE, "ICE", "a device completed an invalidation wrongly", NULL},
	{VTD_FSTS_ITE, "ITE", "a device did not answer an invalidation in time", NULL},
	{BITS(15, 8), "FRI", "oldest fault record", record_index},
};

static const struct register_field event_fields[] = {
	{VTD_EVENT_MASK, "IM", "masked: no interrupt is sent", NULL},
	{VTD_EVENT_PENDING, "IP", "an interrupt is held back", NULL},
};

static const struct register_field ics_fields[] = {
	{VTD_ICS_IWC, "IWC", "a wait with an interrupt has completed", NULL},
};

static const struct register_field pmen_fields[] = {
	{VTD_PMEN_EPM, "EPM", "enable protected memory", NULL},
	{VTD_PMEN_PRS, "PRS", "memory is protected", NULL},
};

static const struct register_field prs_fields[] = {
	{VTD_PRS_PPR, "PPR", "a page request is pending", NULL},
	{VTD_PRS_PRO, "PRO", "page requests were lost: their queue was full", NULL},
};

/* --- Queues ----------------------------------------------------------------------------------- */

WORDS(queue_size)
{
	const unsigned int entries = 256U << (value & VTD_IQA_SIZE);

	return SAY(text, "%u descriptors", (value & VTD_IQA_WIDE) != 0 ? entries / 2 : entries);
}

static const struct register_field iqa_fields[] = {
	{VTD_IQA_SIZE, "QS", "size", queue_size},
	{VTD_IQA_WIDE, "DW", "descriptors have 256 bits", NULL},
	{ADDRESS, "IQA", "queue", page_address},
};

static const struct register_field iqh_fields[] = {
	{BITS(18, 4), "QH", "hardware is at", queue_offset},
};

static const struct register_field iqt_fields[] = {
	{BITS(18, 4), "QT", "software is at", queue_offset},
};

WORDS(queue_error)
{
	(void)text;
	switch ((enum vtd_queue_error)(value & 0xf)) {
	case VTD_QUEUE_ERROR_NONE:
		return "none, or the unit does not say which";
	case VTD_QUEUE_ERROR_TAIL:
		return "the tail is beyond the queue";
	case VTD_QUEUE_ERROR_FETCH:
		return "a descriptor could not be read";
	case VTD_QUEUE_ERROR_TYPE:
		return "a descriptor of unknown or unsupported type";
	case VTD_QUEUE_ERROR_RESERVED:
		return "a reserved field of a descriptor is set";
	case VTD_QUEUE_ERROR_WIDTH:
		return "the descriptor width is not supported";
	case VTD_QUEUE_ERROR_ALIGNMENT:
		return "the tail does not point at a descriptor";
	default:
		return "reserved value";
	}
}

WORDS(silent_device)
{
	return numbers_place(text, 0, vtd_iqercd_silent(value));
}

WORDS(wrong_device)
{
	return numbers_place(text, 0, (uint16_t)(value >> 48));
}

static const struct register_field iqercd_fields[] = {
	{BITS(3, 0), "IQEI", "why the queue stopped", queue_error},
	{BITS(47, 32), "ITESID", "device that did not answer (with FSTS.ITE)", silent_device},
	{BITS(63, 48), "ICESID", "device that answered wrongly (with FSTS.ICE)", wrong_device},
};

WORDS(page_queue_size)
{
	return SAY(text, "%u requests", 128U << (value & 7));
}

static const struct register_field pqa_fields[] = {
	{BITS(2, 0), "PQS", "size", page_queue_size},
	{ADDRESS, "PQA", "page request queue", page_address},
};

WORDS(page_queue_offset)
{
	return SAY(text, "byte %" PRIu64 ": request %" PRIu64,
		   (uint64_t)(value & VTD_PAGE_QUEUE_OFFSETS),
		   (uint64_t)(value & VTD_PAGE_QUEUE_OFFSETS) / 32);
}

static const struct register_field pqh_fields[] = {
	{VTD_PAGE_QUEUE_OFFSETS, "PQH", "software is at", page_queue_offset},
};

static const struct register_field pqt_fields[] = {
	{VTD_PAGE_QUEUE_OFFSETS, "PQT", "hardware is at", page_queue_offset},
};

WORDS(interrupt_entries)
{
	return SAY(text, "%" PRIu32 " entries", vtd_irta_entries(value));
}

static const struct register_field irta_fields[] = {
	{BITS(3, 0), "S", "size", interrupt_entries},
	{VTD_IRTA_X2APIC, "EIME", "x2APIC mode", NULL},
	{ADDRESS, "IRTA", "interrupt remapping table", page_address},
};

/* --- POWER ------------------------------------------------------------------------------------ */

WORDS(window_kind)
{
	char table[NUMBERS_SIZE_TEXT], page[NUMBERS_SIZE_TEXT];

	if (tve_is_bypass(value))
		return SAY(text, "addresses 0x%" PRIx64 " to below 0x%" PRIx64 " pass untranslated",
			   tve_bypass_start(value), tve_bypass_end(value));
	if (tve_page_shift(value) == 0 || tve_table_shift(value) == 0)
		return "closed";
	return SAY(text, "%u levels at 0x%" PRIx64 ", tables of %s, pages of %s", tve_levels(value),
		   tve_table_address(value), numbers_size(table, 1ULL << tve_table_shift(value)),
		   numbers_size(page, 1ULL << tve_page_shift(value)));
}

static const struct register_field tve_fields[] = {
	{UINT64_MAX, "TVE", "window", window_kind},
};

/* --- All of them ------------------------------------------------------------------------------ */

#define EVENT_TABLE(name, meaning)                                                                 \
	{                                                                                          \
#name, meaning, 32, event_fields, COUNT(event_fields)                              \
	}

static const struct register_table tables[] = {
	TABLE(ver, 32, "version"),
	TABLE(cap, 64, "capability"),
	TABLE(ecap, 64, "extended capability"),
	TABLE(gcmd, 32, "global command"),
	TABLE(gsts, 32, "global status"),
	TABLE(rtaddr, 64, "root table address"),
	TABLE(ccmd, 64, "context command"),
	TABLE(fsts, 32, "fault status"),
	EVENT_TABLE(fectl, "fault event control"),
	TABLE(pmen, 32, "protected memory enable"),
	TABLE(iqh, 64, "invalidation queue head"),
	TABLE(iqt, 64, "invalidation queue tail"),
	TABLE(iqa, 64, "invalidation queue address"),
	TABLE(ics, 32, "invalidation completion status"),
	EVENT_TABLE(iectl, "invalidation event control"),
	TABLE(iqercd, 64, "invalidation queue error record"),
	TABLE(irta, 64, "interrupt remapping table address"),
	TABLE(pqh, 64, "page request queue head"),
	TABLE(pqt, 64, "page request queue tail"),
	TABLE(pqa, 64, "page request queue address"),
	TABLE(prs, 32, "page request status"),
	EVENT_TABLE(pectl, "page request event control"),
	TABLE(tve, 64, "translation validation entry of a POWER host bridge"),
};

static size_t count_of(const struct register_table *list)
{
	size_t count = 0;

	while (list[count].name != NULL)
		count++;
	return count;
}

const struct register_table *register_at(size_t index)
{
	const size_t smmu = count_of(registers_smmu), riscv = count_of(registers_riscv);

	if (index < COUNT(tables))
		return &tables[index];
	index -= COUNT(tables);
	if (index < smmu)
		return &registers_smmu[index];
	return index - smmu < riscv ? &registers_riscv[index - smmu] : NULL;
}

static bool has_name(const struct register_table *table, const char *name, size_t length)
{
	size_t at = 0;

	while (at < length && table->name[at] != '\0' &&
	       table->name[at] == tolower((unsigned char)name[at]))
		at++;
	return at == length && table->name[at] == '\0';
}

const struct register_table *register_find(const char *name, size_t length)
{
	for (size_t i = 0; register_at(i) != NULL; i++)
		if (has_name(register_at(i), name, length))
			return register_at(i);
	return NULL;
}
