/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/smmu_event.h>

#include "reason.h"
#include "record.h"

/* --- SMMUv3 ----------------------------------------------------------------------------------- */

static void show_smmu_access(struct out *out, const uint64_t *words, unsigned int code)
{
	if (smmu_event_may_stall(code) || code == SMMU_F_WALK_EABT ||
	    code == SMMU_F_TRANSL_FORBIDDEN || code == SMMU_F_UUT) {
		out_text(out, "access", "%s", smmu_has(words, SMMU_EVENT_RNW) ? "read" : "write");
		out_flag(out, "execute", smmu_has(words, SMMU_EVENT_IND));
		out_flag(out, "privileged", smmu_has(words, SMMU_EVENT_PNU));
	}
	if (smmu_event_has_input(code))
		out_hex(out, "address", words[SMMU_EVENT_INPUT]);
}

static void show_smmu_stage(struct out *out, const uint64_t *words, unsigned int code)
{
	static const char *const of[] = {"a context descriptor", "a table of stage 1",
					 "the address of the access", "nothing that is known"};

	if (smmu_event_may_stall(code)) {
		out_number(out, "stage", smmu_has(words, SMMU_EVENT_S2) ? 2 : 1);
		out_text(out, "when translating", "%s", of[smmu_get(words, SMMU_EVENT_CLASS)]);
		if (smmu_has(words, SMMU_EVENT_S2))
			out_hex(out, "intermediate address", smmu_address(words, SMMU_EVENT_IPA));
		out_flag(out, "stalled", smmu_has(words, SMMU_EVENT_STALL));
		if (smmu_has(words, SMMU_EVENT_STALL))
			out_number(out, "tag", smmu_get(words, SMMU_EVENT_STAG));
	}
	if (smmu_event_has_fetch(code))
		out_hex(out, "could not read", smmu_address(words, SMMU_EVENT_FETCH));
}

void record_show_smmu(struct out *out, const uint64_t *words)
{
	const unsigned int code = (unsigned int)smmu_get(words, SMMU_EVENT_CODE);

	out_open(out, "event",
		 "event 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64, words[0],
		 words[1], words[2], words[3]);
	out_hex(out, "stream", smmu_get(words, SMMU_EVENT_SID));
	if (smmu_has(words, SMMU_EVENT_SSV) || code == SMMU_C_BAD_SUBSTREAMID)
		out_number(out, "pasid", smmu_get(words, SMMU_EVENT_SSID));
	show_smmu_access(out, words, code);
	show_smmu_stage(out, words, code);
	reason_show(out, REASON_SMMU, code);
	out_close(out);
}

/* --- RISC-V ----------------------------------------------------------------------------------- */

static const char *transaction_name(unsigned int transaction)
{
	switch (transaction) {
	case RISCV_TRANSACTION_NONE:
		return "none: it is the unit's own";
	case RISCV_TRANSACTION_EXECUTE:
		return "execute";
	case RISCV_TRANSACTION_READ:
		return "read";
	case RISCV_TRANSACTION_WRITE:
		return "write, or atomic operation";
	case RISCV_TRANSACTION_TRANSLATED_EXECUTE:
		return "execute, translated by the device";
	case RISCV_TRANSACTION_TRANSLATED_READ:
		return "read, translated by the device";
	case RISCV_TRANSACTION_TRANSLATED_WRITE:
		return "write, translated by the device";
	case RISCV_TRANSACTION_ATS:
		return "translation request";
	case RISCV_TRANSACTION_MESSAGE:
		return "message of PCI Express";
	default:
		return "unknown";
	}
}

static bool is_of_guest_page(unsigned int cause)
{
	return cause == RISCV_FAULT_EXECUTE_GUEST_PAGE || cause == RISCV_FAULT_READ_GUEST_PAGE ||
	       cause == RISCV_FAULT_WRITE_GUEST_PAGE;
}

void record_show_riscv(struct out *out, const uint64_t *words)
{
	const unsigned int cause = riscv_fault_cause(words[0]);
	const unsigned int transaction = riscv_fault_transaction(words[0]);

	out_open(out, "fault record",
		 "fault record 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64,
		 words[0], words[1], words[2], words[3]);
	out_text(out, "access", "%s", transaction_name(transaction));
	if (transaction != RISCV_TRANSACTION_NONE)
		out_hex(out, "device id", riscv_fault_device_id(words[0]));
	if ((words[0] & RISCV_FAULT_HAS_PROCESS) != 0) {
		out_number(out, "pasid", riscv_fault_process_id(words[0]));
		out_flag(out, "privileged", (words[0] & RISCV_FAULT_PRIVILEGED) != 0);
	}
	if (transaction == RISCV_TRANSACTION_MESSAGE)
		out_hex(out, "message", words[2]);
	else
		out_hex(out, "address", words[2]);
	if (is_of_guest_page(cause)) {
		out_hex(out, "guest address", words[3] & ~3ULL);
		out_flag(out, "when reading a table", (words[3] & RISCV_FAULT_IMPLICIT) != 0);
		out_flag(out, "when marking a table", (words[3] & RISCV_FAULT_IMPLICIT_WRITE) != 0);
	}
	reason_show(out, REASON_RISCV, cause);
	out_close(out);
}
