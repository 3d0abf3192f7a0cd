/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/vtd.h>

#include "reason.h"

struct cause {
	const char *text;
	/* The reasons that it is for; 0 ends them. */
	unsigned char reasons[16];
};

static const struct cause causes[] = {
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

/* The next likely cause of a reason; *at begins as 0. NULL: no more. */
static const char *next_cause(unsigned int reason, size_t *at)
{
	while (*at < sizeof(causes) / sizeof(causes[0])) {
		const struct cause *cause = &causes[(*at)++];

		for (size_t i = 0; i < sizeof(cause->reasons) && cause->reasons[i] != 0; i++)
			if (cause->reasons[i] == reason)
				return cause->text;
	}
	return NULL;
}

void reason_show(struct out *out, unsigned int reason)
{
	const char *cause;
	size_t at = 0;

	out_text(out, "reason", "0x%02x", reason);
	out_text(out, "name", "%s", iommu_vtd_fault_name(reason));
	out_text(out, "explanation", "%s", iommu_vtd_fault_explanation(reason));
	out_list(out, "likely causes");
	while ((cause = next_cause(reason, &at)) != NULL) {
		if (out->format == OUT_JSON)
			out_text(out, NULL, "%s", cause);
		else
			out_remark(out, "likely cause: %s", cause);
	}
	out_close(out);
}
