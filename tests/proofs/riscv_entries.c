/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V IOMMU's entries, commands and records of include/libiommu/hw/riscv_*.h: what is
 * encoded is decoded again, for all values of every field, and fields do not touch each other;
 * reserved bits stay 0. All are encoded from fields within the ranges that their comments give.
 */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_msi.h>
#include <libiommu/hw/riscv_page_request.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>

#include "proof.h"

static uint64_t any_page(void)
{
	return any_64() & RISCV_ADDRESS_MASK;
}

static uint32_t any_device(void)
{
	return any_32() & 0xffffff;
}

static uint32_t any_process(void)
{
	return any_32() & 0xfffff;
}

static void registers(void)
{
	const uint64_t page = any_page();
	const unsigned int order = 1 + any_below(32);
	const unsigned int pages = any_below(45);
	const uint64_t run = page & ~((4096ULL << pages) - 1);
	const uint32_t device = any_device(), process = any_process();
	const uint64_t request = riscv_tr_req_ctl_process(device, process, RISCV_TR_EXECUTE);
	const uint64_t answer = riscv_tr_response(run, pages, any_below(4));

	CLAIM(riscv_ppn_address(riscv_queue_base(page, order)) == page);
	CLAIM(riscv_queue_order(riscv_queue_base(page, order)) == order);
	CLAIM(riscv_ddtp_mode(riscv_ddtp(RISCV_DDTP_3LVL, page)) == RISCV_DDTP_3LVL);
	CLAIM((riscv_ddtp(RISCV_DDTP_3LVL, page) & RISCV_DDTP_BUSY) == 0);
	CLAIM(riscv_tr_device_id(request) == device && riscv_tr_process_id(request) == process);
	CLAIM(riscv_tr_size(answer) == 4096ULL << pages && riscv_tr_address(answer) == run);
	CLAIM(riscv_cap_physical_bits(any_64()) < 64 && riscv_icvec_vector(any_64(), 3) < 16);
}

static void directories(void)
{
	const uint64_t page = any_page();
	const bool extended = any_bool();
	const uint32_t device = any_device(), process = any_process();
	const unsigned int bits = riscv_context_bits(extended);
	const uint16_t gscid = any_16();
	const uint64_t iohgatp = riscv_iohgatp(RISCV_IOHGATP_SV57X4, gscid, page);

	CLAIM((riscv_directory_index(device, 1, extended) |
	       riscv_directory_index(device, 2, extended) << bits |
	       riscv_directory_index(device, 3, extended) << (bits + 9)) == device);
	CLAIM((riscv_process_index(process, 1) | riscv_process_index(process, 2) << 8 |
	       riscv_process_index(process, 3) << 17) == process);
	CLAIM((riscv_directory_entry(page) & RISCV_DIRECTORY_RESERVED) == 0);
	CLAIM(riscv_ppn_address(riscv_directory_entry(page)) == page);
	CLAIM(riscv_root_address(iohgatp) == page && riscv_iohgatp_gscid(iohgatp) == gscid);
	CLAIM(riscv_root_mode(iohgatp) == RISCV_IOHGATP_SV57X4);
	CLAIM((riscv_iosatp(RISCV_IOSATP_SV57, page) & RISCV_FSC_RESERVED) == 0);
	CLAIM(riscv_ta_pscid(riscv_process_ta(process, RISCV_PC_ENS)) == process);
	CLAIM((riscv_process_ta(process, RISCV_PC_ENS) & RISCV_PC_TA_RESERVED) == 0);
}

static void interrupts(void)
{
	const uint64_t page = any_page(), file = any_64() & 0x00fffffffffffe00ULL;
	const unsigned int id = any_below(RISCV_NOTICE_ID_MAX + 1);
	const uint64_t low = riscv_mrif_low(file), high = riscv_mrif_high(page, id);

	CLAIM(riscv_ppn_address(riscv_msi_basic(page)) == page);
	CLAIM((riscv_msi_basic(page) & (RISCV_MSI_BASIC_RESERVED | RISCV_MSI_PTE_CUSTOM)) == 0);
	CLAIM(riscv_mrif_address(low) == file && riscv_mrif_notice_id(high) == id);
	CLAIM(riscv_msi_pte_mode(low) == RISCV_MSI_MRIF && riscv_ppn_address(high) == page);
	CLAIM((low & RISCV_MRIF_LOW_RESERVED) == 0 && (high & RISCV_MRIF_HIGH_RESERVED) == 0);
}

static void invalidations(void)
{
	const uint16_t gscid = any_16();
	const uint32_t pscid = any_process();
	const uint64_t address = any_64();
	const unsigned int order = any_below(52);
	struct riscv_command c = riscv_command_of_guest(riscv_command_vma(), gscid);

	c = riscv_command_range(riscv_command_of_process(c, pscid), address, order);
	CLAIM(riscv_command_kind(c) == RISCV_IOTINVAL_VMA && riscv_command_gscid(c) == gscid);
	CLAIM(riscv_command_pscid(c) == pscid && riscv_command_size(c) == 4096ULL << order);
	CLAIM(riscv_command_address(c) == (address & ~((4096ULL << order) - 1)));
	CLAIM((c.low & RISCV_IOTINVAL_LOW_RESERVED) == 0);
	CLAIM((c.high & RISCV_IOTINVAL_HIGH_RESERVED) == 0);
}

static void other_commands(void)
{
	const uint64_t word = any_64() & ~3ULL;
	const uint32_t data = any_32(), device = any_device(), process = any_process();
	const uint16_t group = any_16() & 511;
	struct riscv_command c = riscv_command_fence_store(RISCV_IOFENCE_PW, word, data);

	CLAIM(riscv_command_kind(c) == RISCV_IOFENCE_C && riscv_command_store_data(c) == data);
	CLAIM(riscv_command_store_address(c) == word);
	CLAIM((c.low & RISCV_IOFENCE_LOW_RESERVED) == 0);
	CLAIM((c.high & RISCV_IOFENCE_HIGH_RESERVED) == 0);
	c = riscv_command_inval_process(device, process);
	CLAIM(riscv_command_kind(c) == RISCV_INVAL_PDT && riscv_command_device_id(c) == device);
	CLAIM(riscv_command_process_id(c) == process);
	CLAIM((c.low & RISCV_INVAL_PDT_LOW_RESERVED) == 0);
	c = riscv_command_page_response((uint16_t)device, group, RISCV_PAGE_FAILURE);
	c = riscv_command_to_segment(riscv_command_with_pasid(c, process), device >> 16);
	CLAIM(riscv_command_kind(c) == RISCV_ATS_PRGR && riscv_command_device_id(c) == device);
	CLAIM(riscv_command_process_id(c) == process && riscv_command_response_group(c) == group);
	CLAIM((c.low & RISCV_ATS_LOW_RESERVED) == 0);
	CLAIM((c.high & RISCV_ATS_PRGR_HIGH_RESERVED) == 0);
}

static void records(void)
{
	const uint32_t device = any_device(), process = any_process();
	const uint16_t group = any_16() & 511;
	const uint64_t fault = riscv_fault_of_process(
		riscv_fault_word0(RISCV_FAULT_READ_PAGE, RISCV_TRANSACTION_ATS, device), process,
		any_bool());
	const uint64_t page = any_64() & ~4095ULL, high = riscv_page_request_high(page, group, 7);

	CLAIM(riscv_fault_cause(fault) == RISCV_FAULT_READ_PAGE);
	CLAIM(riscv_fault_transaction(fault) == RISCV_TRANSACTION_ATS);
	CLAIM(riscv_fault_device_id(fault) == device && riscv_fault_process_id(fault) == process);
	CLAIM(riscv_page_request_address(high) == page && riscv_page_request_group(high) == group);
}

static void pages(void)
{
	const uint64_t page = any_page(), run = page & ~0xffffULL;
	const uint64_t flags = RISCV_PTE_READ | (any_64() & (RISCV_PTE_PBMT | 0xfc));

	CLAIM(riscv_pte_address(riscv_pte_leaf(page, flags)) == page);
	CLAIM(riscv_pte_address(riscv_pte_napot(run, flags)) == run);
	CLAIM(riscv_pte_is_leaf(riscv_pte_napot(run, flags)));
	CLAIM((riscv_pte_napot(run, flags) & (RISCV_PTE_RESERVED | RISCV_PTE_SVRSW60T59B)) == 0);
	CLAIM(!riscv_pte_is_leaf(riscv_pte_table(page)));
	CLAIM(riscv_pte_address(riscv_pte_table(page)) == page);
	CLAIM((riscv_pte_table(page) & RISCV_PTE_TABLE_ZERO) == 0);
}

int main(void)
{
	registers();
	directories();
	interrupts();
	invalidations();
	other_commands();
	records();
	pages();
	END();
	return 0;
}
