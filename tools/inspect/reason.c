/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <libiommu/config.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/riscv.h>
#include <libiommu/smmu.h>
#include <libiommu/vtd.h>

#include "reason.h"

struct cause {
	const char *text;
	/* The reasons that it is for; 0 ends them. */
	unsigned short reasons[16];
};

static const struct cause vtd_causes[] = {
	{"the device does DMA before it was attached to a domain, or after it was detached",
	 {VTD_REASON_ROOT_NOT_PRESENT, VTD_REASON_CONTEXT_NOT_PRESENT,
	  VTD_REASON_SCALABLE_ROOT_NOT_PRESENT, VTD_REASON_SCALABLE_CONTEXT_NOT_PRESENT}},
	{"firmware or an earlier kernel left the device running",
	 {VTD_REASON_ROOT_NOT_PRESENT, VTD_REASON_CONTEXT_NOT_PRESENT,
	  VTD_REASON_SCALABLE_ROOT_NOT_PRESENT, VTD_REASON_SCALABLE_CONTEXT_NOT_PRESENT,
	  VTD_REASON_READ_DENIED, VTD_REASON_WRITE_DENIED}},
	{"the id is that of a bridge or of another function, which the device uses for its own",
	 {VTD_REASON_ROOT_NOT_PRESENT, VTD_REASON_CONTEXT_NOT_PRESENT,
	  VTD_REASON_SCALABLE_ROOT_NOT_PRESENT, VTD_REASON_SCALABLE_CONTEXT_NOT_PRESENT}},
	{"the driver unmapped a buffer that the device still uses",
	 {VTD_REASON_READ_DENIED, VTD_REASON_WRITE_DENIED, VTD_REASON_FIRST_STAGE_NOT_PRESENT,
	  VTD_REASON_SECOND_STAGE_DENIED}},
	{"the driver gave the device a physical address, or one that it never mapped",
	 {VTD_REASON_READ_DENIED, VTD_REASON_WRITE_DENIED, VTD_REASON_FIRST_STAGE_NOT_PRESENT,
	  VTD_REASON_SECOND_STAGE_DENIED, VTD_REASON_ADDRESS_TOO_WIDE,
	  VTD_REASON_SECOND_STAGE_TOO_WIDE, VTD_REASON_BEYOND_HARDWARE, VTD_REASON_NOT_CANONICAL}},
	{"the buffer was mapped for the other direction",
	 {VTD_REASON_READ_DENIED, VTD_REASON_WRITE_DENIED, VTD_REASON_SECOND_STAGE_DENIED,
	  VTD_REASON_SCALABLE_READ_DENIED, VTD_REASON_SCALABLE_WRITE_DENIED}},
	{"the mapping is there, but the unit remembers that it was not: an invalidation is missing",
	 {VTD_REASON_READ_DENIED, VTD_REASON_WRITE_DENIED, VTD_REASON_SECOND_STAGE_DENIED,
	  VTD_REASON_CONTEXT_NOT_PRESENT, VTD_REASON_PASID_ENTRY_NOT_PRESENT}},
	{"the firmware uses the device, and its table has no reserved region for that (see dmar)",
	 {VTD_REASON_READ_DENIED, VTD_REASON_WRITE_DENIED}},
	{"the entry was written for a unit with other capabilities (see cap)",
	 {VTD_REASON_CONTEXT_INVALID, VTD_REASON_CONTEXT_RESERVED, VTD_REASON_TABLE_RESERVED,
	  VTD_REASON_SCALABLE_CONTEXT_RESERVED, VTD_REASON_SCALABLE_CONTEXT_INVALID,
	  VTD_REASON_PASID_ENTRY_RESERVED, VTD_REASON_PASID_ENTRY_INVALID,
	  VTD_REASON_FIRST_STAGE_RESERVED, VTD_REASON_SECOND_STAGE_RESERVED}},
	{"the page of the table was freed, and holds something else now (see walk)",
	 {VTD_REASON_ROOT_RESERVED, VTD_REASON_CONTEXT_RESERVED, VTD_REASON_TABLE_RESERVED,
	  VTD_REASON_SCALABLE_ROOT_RESERVED, VTD_REASON_SCALABLE_CONTEXT_RESERVED,
	  VTD_REASON_DIRECTORY_RESERVED, VTD_REASON_PASID_ENTRY_RESERVED,
	  VTD_REASON_FIRST_STAGE_RESERVED, VTD_REASON_SECOND_STAGE_RESERVED,
	  VTD_REASON_INTERRUPT_ENTRY_RESERVED, VTD_REASON_POSTED_RESERVED}},
	{"the entry above it names an address that is no memory (see walk)",
	 {VTD_REASON_TABLE_ACCESS, VTD_REASON_CONTEXT_ACCESS, VTD_REASON_SCALABLE_CONTEXT_ACCESS,
	  VTD_REASON_DIRECTORY_ACCESS, VTD_REASON_PASID_ENTRY_ACCESS, VTD_REASON_FIRST_STAGE_ACCESS,
	  VTD_REASON_FIRST_STAGE_ROOT_ACCESS, VTD_REASON_SECOND_STAGE_ACCESS,
	  VTD_REASON_SECOND_STAGE_ROOT_INVALID, VTD_REASON_POSTED_ACCESS}},
	{"a register of the unit names a table that is no memory, or was freed",
	 {VTD_REASON_ROOT_ACCESS, VTD_REASON_SCALABLE_ROOT_ACCESS, VTD_REASON_ROOT_ADDRESS_INVALID,
	  VTD_REASON_INTERRUPT_ENTRY_ACCESS}},
	{"the device's ATS is on, and its context entry does not allow that",
	 {VTD_REASON_REQUEST_TYPE_BLOCKED, VTD_REASON_DEVICE_TLB_DISABLED}},
	{"a device, or a guest that programs one, sends requests that claim to be translated",
	 {VTD_REASON_REQUEST_TYPE_BLOCKED}},
	{"the device reads, or writes more than a message to, the addresses of interrupts",
	 {VTD_REASON_INTERRUPT_RANGE, VTD_REASON_SCALABLE_INTERRUPT_RANGE}},
	{"a mapping leads to the addresses of interrupts",
	 {VTD_REASON_INTERRUPT_RANGE, VTD_REASON_SCALABLE_INTERRUPT_RANGE}},
	{"the driver programmed a message that is not for remapping, or of another index",
	 {VTD_REASON_INTERRUPT_RESERVED, VTD_REASON_INTERRUPT_INDEX,
	  VTD_REASON_INTERRUPT_ENTRY_NOT_PRESENT, VTD_REASON_INTERRUPT_COMPATIBILITY,
	  VTD_REASON_INTERRUPT_UNTRANSLATED}},
	{"the device still sends interrupts after its vectors were freed",
	 {VTD_REASON_INTERRUPT_ENTRY_NOT_PRESENT, VTD_REASON_INTERRUPT_SOURCE}},
	{"the device is behind a bridge that replaces ids, and the entry expects the device's own",
	 {VTD_REASON_INTERRUPT_SOURCE}},
	{"the device forges interrupts of another one", {VTD_REASON_INTERRUPT_SOURCE}},
	{"the device's PASID capability is on, and the unit or its context entry does not expect "
	 "it",
	 {VTD_REASON_LEGACY_PASID, VTD_REASON_PASID_DISABLED}},
	{"the PASID was detached while the device used it, or was never attached",
	 {VTD_REASON_DIRECTORY_NOT_PRESENT, VTD_REASON_PASID_ENTRY_NOT_PRESENT,
	  VTD_REASON_PASID_TOO_LARGE}},
	{"the context entry names a PASID for plain requests that has no entry",
	 {VTD_REASON_RID_PASID_INVALID, VTD_REASON_PASID_ENTRY_NOT_PRESENT}},
	{"the device's page requests (PRI) are on, and its context entry does not allow them",
	 {VTD_REASON_LEGACY_PAGE_REQUEST, VTD_REASON_PAGE_REQUESTS_DISABLED}},
	{"the page is the kernel's, and the request has no privilege",
	 {VTD_REASON_USER_ON_SUPERVISOR}},
	{"the PASID entry does not serve such requests (SRE, ERE)",
	 {VTD_REASON_EXECUTE_DISABLED, VTD_REASON_SUPERVISOR_DISABLED}},
	{"the guest's tables lie in memory that the second stage does not map, or not writable",
	 {VTD_REASON_NESTED_ROOT_NOT_READABLE, VTD_REASON_NESTED_TABLE_NOT_READABLE,
	  VTD_REASON_NESTED_TABLE_NOT_WRITABLE, VTD_REASON_FIRST_STAGE_TOO_WIDE}},
	{"the device sends requests without snooping, while their use is to be recorded",
	 {VTD_REASON_SECOND_STAGE_DIRTY_NO_SNOOP, VTD_REASON_FIRST_STAGE_DIRTY_NO_SNOOP}},
	{"the tables lie in memory that cannot be written, or change all the time",
	 {VTD_REASON_FIRST_STAGE_DIRTY_FAILED}},
	{"the page is marked as no code (XD)", {VTD_REASON_NOT_EXECUTABLE}},
};

#if IOMMU_CONFIG_SMMU

static const struct cause smmu_causes[] = {
	{"the device does DMA before it was attached to a domain, or after it was detached",
	 {SMMU_C_BAD_STREAMID, SMMU_C_BAD_STE, SMMU_F_STREAM_DISABLED}},
	{"firmware or an earlier kernel left the device running",
	 {SMMU_C_BAD_STREAMID, SMMU_C_BAD_STE, SMMU_F_TRANSLATION}},
	{"the host's map from source ids to StreamIDs (id_ranges, iommu-map, IORT) is another than "
	 "the machine's",
	 {SMMU_C_BAD_STREAMID, SMMU_C_BAD_STE}},
	{"the driver unmapped a buffer that the device still uses", {SMMU_F_TRANSLATION}},
	{"the driver gave the device a physical address, or one that it never mapped",
	 {SMMU_F_TRANSLATION, SMMU_F_ADDR_SIZE}},
	{"the doorbell of the interrupt controller is not mapped in the domain: messages are "
	 "writes",
	 {SMMU_F_TRANSLATION}},
	{"the buffer was mapped for the other direction", {SMMU_F_PERMISSION}},
	{"the mapping is there, but the unit remembers that it was not: an invalidation is missing",
	 {SMMU_F_TRANSLATION, SMMU_F_PERMISSION, SMMU_C_BAD_STE, SMMU_C_BAD_CD}},
	{"the firmware uses the device, and the unit was not told of its memory (RMR of IORT, see "
	 "iort)",
	 {SMMU_F_TRANSLATION, SMMU_C_BAD_STE}},
	{"the entry above it names an address that is no memory, or the memory was freed",
	 {SMMU_F_STE_FETCH, SMMU_F_CD_FETCH, SMMU_F_WALK_EABT, SMMU_F_VMS_FETCH}},
	{"the entry was written for a unit with other features",
	 {SMMU_C_BAD_STE, SMMU_C_BAD_CD, SMMU_F_ADDR_SIZE}},
	{"hardware is to set the access flag, and the unit does not (HA, HTTU)", {SMMU_F_ACCESS}},
	{"the PASID was detached while the device used it, or was never attached",
	 {SMMU_C_BAD_CD, SMMU_C_BAD_SUBSTREAMID}},
	{"the device's PASID capability is on, and its stream's PASIDs are not enabled",
	 {SMMU_C_BAD_SUBSTREAMID, SMMU_F_STREAM_DISABLED}},
	{"the device's ATS is on, and its stream does not allow that (EATS)",
	 {SMMU_F_BAD_ATS_TREQ, SMMU_F_TRANSL_FORBIDDEN}},
	{"a device, or a guest that programs one, sends requests that claim to be translated",
	 {SMMU_F_TRANSL_FORBIDDEN, SMMU_F_UUT}},
	{"the size of a page was changed while the unit walked the table (break before make)",
	 {SMMU_F_TLB_CONFLICT}},
	{"two entries of the stream table name one stream, by their CONT bits",
	 {SMMU_F_CFG_CONFLICT}},
};

#endif

#if IOMMU_CONFIG_RISCV

static const struct cause riscv_causes[] = {
	{"the unit is not enabled yet, or was disabled", {RISCV_FAULT_ALL_DISALLOWED}},
	{"the device does DMA before it was attached to a domain, or after it was detached",
	 {RISCV_FAULT_DEVICE_NOT_VALID, RISCV_FAULT_PROCESS_NOT_VALID}},
	{"firmware or an earlier kernel left the device running",
	 {RISCV_FAULT_ALL_DISALLOWED, RISCV_FAULT_DEVICE_NOT_VALID, RISCV_FAULT_READ_PAGE,
	  RISCV_FAULT_WRITE_PAGE}},
	{"the host's map from source ids to device ids (id_ranges, iommu-map, RIMT) is another "
	 "than "
	 "the machine's",
	 {RISCV_FAULT_DEVICE_NOT_VALID, RISCV_FAULT_TYPE_DISALLOWED}},
	{"the driver unmapped a buffer that the device still uses",
	 {RISCV_FAULT_EXECUTE_PAGE, RISCV_FAULT_READ_PAGE, RISCV_FAULT_WRITE_PAGE,
	  RISCV_FAULT_READ_GUEST_PAGE, RISCV_FAULT_WRITE_GUEST_PAGE}},
	{"the driver gave the device a physical address, or one that it never mapped",
	 {RISCV_FAULT_EXECUTE_PAGE, RISCV_FAULT_READ_PAGE, RISCV_FAULT_WRITE_PAGE,
	  RISCV_FAULT_READ_GUEST_PAGE, RISCV_FAULT_WRITE_GUEST_PAGE}},
	{"the buffer was mapped for the other direction",
	 {RISCV_FAULT_READ_PAGE, RISCV_FAULT_WRITE_PAGE, RISCV_FAULT_READ_GUEST_PAGE,
	  RISCV_FAULT_WRITE_GUEST_PAGE}},
	{"the mapping is there, but the unit remembers that it was not: an invalidation is missing",
	 {RISCV_FAULT_READ_PAGE, RISCV_FAULT_WRITE_PAGE, RISCV_FAULT_READ_GUEST_PAGE,
	  RISCV_FAULT_WRITE_GUEST_PAGE, RISCV_FAULT_DEVICE_NOT_VALID,
	  RISCV_FAULT_PROCESS_NOT_VALID}},
	{"the guest's tables lie in memory that the second stage does not map, or not writable",
	 {RISCV_FAULT_EXECUTE_GUEST_PAGE, RISCV_FAULT_READ_GUEST_PAGE,
	  RISCV_FAULT_WRITE_GUEST_PAGE}},
	{"the entry above it names an address that is no memory, or the memory was freed",
	 {RISCV_FAULT_EXECUTE_ACCESS, RISCV_FAULT_READ_ACCESS, RISCV_FAULT_WRITE_ACCESS,
	  RISCV_FAULT_DEVICE_LOAD, RISCV_FAULT_PROCESS_LOAD, RISCV_FAULT_MSI_LOAD,
	  RISCV_FAULT_MRIF_ACCESS}},
	{"the entry was written for a unit with other capabilities",
	 {RISCV_FAULT_DEVICE_MISCONFIGURED, RISCV_FAULT_PROCESS_MISCONFIGURED,
	  RISCV_FAULT_MSI_MISCONFIGURED}},
	{"the device's ATS or PASIDs are on, and its context does not allow that",
	 {RISCV_FAULT_TYPE_DISALLOWED, RISCV_FAULT_PROCESS_NOT_VALID}},
	{"a device, or a guest that programs one, sends requests that claim to be translated",
	 {RISCV_FAULT_TYPE_DISALLOWED}},
	{"the guest has no interrupt file at this address, or its processor runs nowhere",
	 {RISCV_FAULT_MSI_NOT_VALID}},
	{"the address of the unit's own message leads nowhere (iommu_riscv_set_interrupt)",
	 {RISCV_FAULT_MSI_WRITE}},
	{"memory is defective",
	 {RISCV_FAULT_DEVICE_CORRUPT, RISCV_FAULT_PROCESS_CORRUPT, RISCV_FAULT_MSI_CORRUPT,
	  RISCV_FAULT_MRIF_CORRUPT, RISCV_FAULT_TABLE_CORRUPT, RISCV_FAULT_INTERNAL}},
};

#endif

/* --- Kinds of units --------------------------------------------------------------------------- */

struct kind {
	const char *word;
	enum reason_unit unit;
	const char *(*name)(unsigned int reason);
	const char *(*explanation)(unsigned int reason);
	const struct cause *causes;
	size_t count;
	unsigned int last; /* the largest code */
	unsigned int digits;
};

#define KIND(unit, driver, last, digits)                                                           \
	{                                                                                          \
#driver, unit, iommu_##driver##_fault_name, iommu_##driver##_fault_explanation,    \
			driver##_causes, sizeof(driver##_causes) / sizeof(driver##_causes[0]),     \
			last, digits,                                                              \
	}

static const struct kind kinds[] = {
	KIND(REASON_VTD, vtd, 0xff, 2),
#if IOMMU_CONFIG_SMMU
	KIND(REASON_SMMU, smmu, 0xff, 2),
#endif
#if IOMMU_CONFIG_RISCV
	KIND(REASON_RISCV, riscv, 0xfff, 3),
#endif
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

bool reason_find_unit(const char *name, enum reason_unit *unit)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].word, name) != 0)
			continue;
		*unit = kinds[i].unit;
		return true;
	}
	return false;
}

static const struct kind *kind_of(enum reason_unit unit)
{
	size_t i = 0;

	while (kinds[i].unit != unit)
		i++;
	return &kinds[i];
}

unsigned int reason_last(enum reason_unit unit)
{
	return kind_of(unit)->last;
}

/* The next likely cause of a reason; *at begins as 0. NULL: no more. */
static const char *next_cause(const struct kind *kind, unsigned int reason, size_t *at)
{
	while (*at < kind->count) {
		const struct cause *cause = &kind->causes[(*at)++];
		const size_t most = sizeof(cause->reasons) / sizeof(cause->reasons[0]);

		for (size_t i = 0; i < most && cause->reasons[i] != 0; i++)
			if (cause->reasons[i] == reason)
				return cause->text;
	}
	return NULL;
}

void reason_show(struct out *out, enum reason_unit unit, unsigned int reason)
{
	const struct kind *kind = kind_of(unit);
	const char *cause;
	size_t at = 0;

	out_text(out, "reason", "0x%0*x", (int)kind->digits, reason);
	out_text(out, "name", "%s", kind->name(reason));
	out_text(out, "explanation", "%s", kind->explanation(reason));
	out_list(out, "likely causes");
	while ((cause = next_cause(kind, reason, &at)) != NULL) {
		if (out->format == OUT_JSON)
			out_text(out, NULL, "%s", cause);
		else
			out_remark(out, "likely cause: %s", cause);
	}
	out_close(out);
}
