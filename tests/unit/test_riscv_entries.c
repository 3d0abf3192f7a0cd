/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datasheet of the RISC-V IOMMU (include/libiommu/hw/riscv_*.h): words as the specification's
 * figures have them, written out here bit by bit, and decoded again; fields of any value do not
 * touch each other, and reserved bits stay 0.
 */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_msi.h>
#include <libiommu/hw/riscv_page_request.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>

#include "test.h"

#define ROUNDS 2000

static struct test_random start(void **state)
{
	const struct test_random random = {.state = 21};

	(void)state;
	return random;
}

static uint64_t any_page(struct test_random *random)
{
	return test_random_next(random) & RISCV_ADDRESS_MASK;
}

/* --- Registers -------------------------------------------------------------------------------- */

static void registers_are_where_the_layout_has_them(void **state)
{
	(void)state;
	assert_int_equal(RISCV_CAPABILITIES, 0);
	assert_int_equal(RISCV_FCTL, 8);
	assert_int_equal(RISCV_DDTP, 16);
	assert_int_equal(RISCV_CQB, 24);
	assert_int_equal(RISCV_CQH, 32);
	assert_int_equal(RISCV_CQT, 36);
	assert_int_equal(RISCV_FQB, 40);
	assert_int_equal(RISCV_FQH, 48);
	assert_int_equal(RISCV_FQT, 52);
	assert_int_equal(RISCV_PQB, 56);
	assert_int_equal(RISCV_PQH, 64);
	assert_int_equal(RISCV_PQT, 68);
	assert_int_equal(RISCV_CQCSR, 72);
	assert_int_equal(RISCV_FQCSR, 76);
	assert_int_equal(RISCV_PQCSR, 80);
	assert_int_equal(RISCV_IPSR, 84);
	assert_int_equal(RISCV_IOCOUNTOVF, 88);
	assert_int_equal(RISCV_IOCOUNTINH, 92);
	assert_int_equal(RISCV_IOHPMCYCLES, 96);
	assert_int_equal(riscv_counter(1), 104);
	assert_int_equal(riscv_counter(31), 344);
	assert_int_equal(riscv_counter_event(1), 352);
	assert_int_equal(riscv_counter_event(31), 592);
	assert_int_equal(RISCV_TR_REQ_IOVA, 600);
	assert_int_equal(RISCV_TR_REQ_CTL, 608);
	assert_int_equal(RISCV_TR_RESPONSE, 616);
	assert_int_equal(RISCV_IOMMU_QOSID, 624);
	assert_int_equal(RISCV_ICVEC, 760);
	assert_int_equal(riscv_msi_entry(0), 768);
	assert_int_equal(riscv_msi_entry(15) + RISCV_MSI_CONTROL, 768 + 252);
}

/* What QEMU's units say: the capabilities that were read from them. */
static void capabilities_are_read(void **state)
{
	const uint64_t pci = 0x78c2cf4f10ULL, platform = 0x78e2cf4f10ULL;
	const uint64_t stages = RISCV_CAP_SV32 | RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 |
				RISCV_CAP_SV32X4 | RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 |
				RISCV_CAP_SV57X4;
	const uint64_t there = stages | RISCV_CAP_SVRSW60T59B | RISCV_CAP_MSI_FLAT |
			       RISCV_CAP_MSI_MRIF | RISCV_CAP_ATS | RISCV_CAP_HPM | RISCV_CAP_DBG |
			       RISCV_CAP_PD8;
	const uint64_t absent = RISCV_CAP_AMO_MRIF | RISCV_CAP_AMO_HWAD | RISCV_CAP_SVPBMT |
				RISCV_CAP_T2GPA | RISCV_CAP_END | RISCV_CAP_PD17 | RISCV_CAP_PD20 |
				RISCV_CAP_NL | RISCV_CAP_S | RISCV_CAP_QOSID;

	(void)state;
	assert_int_equal(riscv_cap_version(pci), RISCV_VERSION_1_0);
	assert_int_equal(riscv_cap_interrupts(pci), RISCV_INTERRUPTS_MSI);
	assert_int_equal(riscv_cap_interrupts(platform), RISCV_INTERRUPTS_BOTH);
	assert_int_equal(riscv_cap_physical_bits(pci), 56);
	assert_int_equal(stages, 0xf0f00);
	assert_int_equal(platform & stages, stages);
	assert_int_equal(platform & absent, 0);
	/* And nothing beside: version, interrupts and width are all that is left. */
	assert_int_equal(platform & ~there, 0x3820000010ULL);
	assert_int_equal(there & absent, 0);
	assert_int_equal(there | absent, 0xfc0cfefcf00ULL);
}

static void registers_are_composed(void **state)
{
	struct test_random random = start(state);
	int i;

	assert_int_equal(riscv_ddtp(RISCV_DDTP_3LVL, 0x80001000ULL), 0x20000404ULL);
	assert_int_equal(riscv_ddtp(RISCV_DDTP_OFF, RISCV_ADDRESS_MASK), 0x003ffffffffffc00ULL);
	assert_int_equal(riscv_ddtp_mode(0x20000403ULL | RISCV_DDTP_BUSY), RISCV_DDTP_2LVL);
	assert_int_equal(riscv_queue_base(0x80001000ULL, 8), 0x20000407ULL);
	assert_int_equal(riscv_queue_base(0, RISCV_QUEUE_ORDER_MAX), 31);
	assert_int_equal(riscv_queue_order(0x20000400ULL), 1);
	assert_int_equal(riscv_icvec(1, 2, 3, 15), 0xf321);
	assert_int_equal(riscv_icvec_vector(0xf321, 0), 1);
	assert_int_equal(riscv_icvec_vector(0xf321, 3), 15);
	assert_int_equal(riscv_qosid(0xabc, 0x123), 0x01230abc);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t page = any_page(&random);
		const unsigned int order = 1 + (unsigned int)test_random_below(&random, 32);

		assert_int_equal(riscv_ppn_address(riscv_queue_base(page, order)), page);
		assert_int_equal(riscv_queue_order(riscv_queue_base(page, order)), order);
		assert_int_equal(riscv_ppn_address(riscv_ddtp(RISCV_DDTP_1LVL, page)), page);
		assert_int_equal(riscv_root_address(riscv_root(10, page)), page);
		assert_int_equal(riscv_root_mode(riscv_root(10, page)), 10);
	}
}

static void translation_requests_say_who_asks(void **state)
{
	const uint64_t plain = riscv_tr_req_ctl(0xabcdef, RISCV_TR_READ_ONLY);
	const uint64_t process = riscv_tr_req_ctl_process(0x123456, 0xfedcb, RISCV_TR_PRIVILEGED);

	(void)state;
	assert_int_equal(plain, 0xabcdef0000000009ULL);
	assert_int_equal(riscv_tr_device_id(plain), 0xabcdef);
	assert_int_equal(process, 0x12345601fedcb003ULL);
	assert_int_equal(riscv_tr_device_id(process), 0x123456);
	assert_int_equal(riscv_tr_process_id(process), 0xfedcb);
}

/* The sizes of the specification's example, and all others. */
static void translation_answers_say_their_size(void **state)
{
	struct test_random random = start(state);
	unsigned int order;

	assert_int_equal(riscv_tr_size(0xabcULL << 10), 4096);
	assert_int_equal(riscv_tr_size(0xab7ULL << 10 | 1 << 9), 65536);
	assert_int_equal(riscv_tr_size(0xa0ffULL << 10 | 1 << 9), 2 << 20);
	assert_int_equal(riscv_tr_address(0xa0ffULL << 10 | 1 << 9), 0xa000000);
	assert_int_equal(riscv_tr_memory_type(2 << 7 | 1 << 9), RISCV_MEMORY_IO);
	for (order = 0; order <= 44; order++) {
		const uint64_t address = any_page(&random) & ~((4096ULL << order) - 1);
		const uint64_t answer = riscv_tr_response(address, order, 3);

		assert_int_equal(riscv_tr_size(answer), 4096ULL << order);
		assert_int_equal(riscv_tr_address(answer), address);
		assert_int_equal(answer & ~(RISCV_PPN_MASK | RISCV_TR_SUPERPAGE), 3 << 7);
	}
}

static void events_are_chosen_and_filtered(void **state)
{
	const uint64_t event = riscv_event(RISCV_EVENT_SECOND_STAGE_WALK, 0xabcdef, 0x12345,
					   RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_BY_CONTEXT);

	(void)state;
	assert_int_equal(event, 0x6abcdef123450008ULL);
	assert_int_equal(riscv_event_number(event | RISCV_EVENT_PARTLY), 8);
	assert_int_equal(riscv_event_device_id(event | RISCV_EVENT_OVERFLOW), 0xabcdef);
	assert_int_equal(riscv_event_process_id(event | RISCV_EVENT_HAS_PROCESS), 0x12345);
	assert_int_equal(RISCV_CYCLES_COUNT ^ RISCV_CYCLES_OVERFLOW, ~0ULL);
}

/* --- Directories ------------------------------------------------------------------------------ */

static void device_ids_are_cut_as_the_format_says(void **state)
{
	static const unsigned int bits[2][3] = {{7, 16, 24}, {6, 15, 24}};
	struct test_random random = start(state);
	unsigned int extended, level;
	int i;

	for (extended = 0; extended < 2; extended++)
		for (level = 1; level <= 3; level++)
			assert_int_equal(riscv_directory_id_bits(level, extended != 0),
					 bits[extended][level - 1]);
	assert_int_equal(riscv_directory_index(0xffffff, 1, false), 127);
	assert_int_equal(riscv_directory_index(0xffffff, 2, false), 511);
	assert_int_equal(riscv_directory_index(0xffffff, 3, false), 255);
	assert_int_equal(riscv_directory_index(0xffffff, 1, true), 63);
	assert_int_equal(riscv_directory_index(0xffffff, 3, true), 511);
	/* A table of contexts fills a page in both formats. */
	assert_int_equal(RISCV_CONTEXT_BASE_SIZE << riscv_context_bits(false), 4096);
	assert_int_equal(RISCV_CONTEXT_EXTENDED_SIZE << riscv_context_bits(true), 4096);
	for (i = 0; i < ROUNDS; i++) {
		const uint32_t id = test_random_next(&random) & 0xffffff;

		assert_int_equal(riscv_directory_index(id, 1, false) |
					 riscv_directory_index(id, 2, false) << 7 |
					 riscv_directory_index(id, 3, false) << 16,
				 id);
		assert_int_equal(riscv_directory_index(id, 1, true) |
					 riscv_directory_index(id, 2, true) << 6 |
					 riscv_directory_index(id, 3, true) << 15,
				 id);
	}
}

static void process_ids_are_cut_alike(void **state)
{
	struct test_random random = start(state);
	int i;

	assert_int_equal(riscv_process_id_bits(riscv_process_levels(RISCV_PDTP_PD8)), 8);
	assert_int_equal(riscv_process_id_bits(riscv_process_levels(RISCV_PDTP_PD17)), 17);
	assert_int_equal(riscv_process_id_bits(riscv_process_levels(RISCV_PDTP_PD20)), 20);
	assert_int_equal(riscv_process_index(0xfffff, 3), 7);
	assert_int_equal(RISCV_PROCESS_CONTEXT_SIZE << RISCV_PROCESS_CONTEXT_BITS, 4096);
	for (i = 0; i < ROUNDS; i++) {
		const uint32_t id = test_random_next(&random) & 0xfffff;

		assert_int_equal(riscv_process_index(id, 1) | riscv_process_index(id, 2) << 8 |
					 riscv_process_index(id, 3) << 17,
				 id);
	}
}

static void device_contexts_have_their_bits(void **state)
{
	const uint64_t tc = RISCV_TC_VALID | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_T2GPA |
			    RISCV_TC_DTF | RISCV_TC_PDTV | RISCV_TC_PRPR | RISCV_TC_GADE |
			    RISCV_TC_SADE | RISCV_TC_DPE | RISCV_TC_SBE | RISCV_TC_SXL;
	struct test_random random = start(state);
	int i;

	assert_int_equal(tc, 0xfff);
	assert_int_equal(RISCV_TC_SADE, 0x100);
	assert_int_equal(RISCV_TC_PDTV, 0x20);
	assert_int_equal(tc ^ RISCV_TC_CUSTOM ^ RISCV_TC_RESERVED, ~0ULL);
	assert_int_equal(sizeof(struct riscv_context), RISCV_CONTEXT_EXTENDED_SIZE);
	assert_int_equal(riscv_directory_entry(0x80001000ULL), 0x20000401ULL);
	assert_int_equal(riscv_iohgatp(RISCV_IOHGATP_SV57X4, 0xbeef, 0x80004000ULL),
			 0xabeef00000080004ULL);
	assert_int_equal(riscv_ta(0xabcde), 0xabcde000);
	assert_int_equal(riscv_ta_qos(0x123, 0xabc), 0xabc1230000000000ULL);
	assert_int_equal(riscv_iosatp(RISCV_IOSATP_SV48, 0x80001000ULL), 0x9000000000080001ULL);
	assert_int_equal(riscv_pdtp(RISCV_PDTP_PD20, 0x80001000ULL), 0x3000000000080001ULL);
	assert_int_equal(riscv_msiptp(RISCV_MSIPTP_FLAT, 0x80001000ULL), 0x1000000000080001ULL);
	assert_int_equal(riscv_process_ta(0xabcde, RISCV_PC_ENS | RISCV_PC_SUM), 0xabcde007);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t page = any_page(&random);
		const uint16_t gscid = (uint16_t)test_random_next(&random);
		const uint32_t pscid = test_random_next(&random) & 0xfffff;
		const uint64_t iohgatp = riscv_iohgatp(RISCV_IOHGATP_SV48X4, gscid, page);

		assert_int_equal(riscv_iohgatp_gscid(iohgatp), gscid);
		assert_int_equal(riscv_root_address(iohgatp), page);
		assert_int_equal(riscv_root_mode(iohgatp), 9);
		assert_int_equal(riscv_ta_pscid(riscv_ta(pscid) | RISCV_TA_QOS), pscid);
		assert_int_equal(riscv_ta(pscid) & (RISCV_TA_RESERVED | RISCV_TA_QOS), 0);
		assert_int_equal(riscv_process_ta(pscid, 0) & RISCV_PC_TA_RESERVED, 0);
		assert_int_equal(riscv_iosatp(RISCV_IOSATP_SV57, page) & RISCV_FSC_RESERVED, 0);
		assert_int_equal(riscv_directory_entry(page) & RISCV_DIRECTORY_RESERVED, 0);
		assert_int_equal(riscv_ppn_address(riscv_directory_entry(page)), page);
	}
}

/* --- MSI page tables -------------------------------------------------------------------------- */

static void interrupt_files_are_found(void **state)
{
	struct test_random random = start(state);
	int i;

	/* Files of harts in bits 2:0 of the page number, of groups in bit 12. */
	assert_true(riscv_msi_is_file(0x29003abcULL, 0x1007, 0x28000));
	assert_false(riscv_msi_is_file(0x2a003abcULL, 0x1007, 0x28000));
	assert_false(riscv_msi_is_file(0x29008000ULL, 0x1007, 0x28000));
	assert_int_equal(riscv_msi_file(0x29003abcULL, 0x1007), 0xb);
	assert_int_equal(riscv_msi_page(0xb, 0x1007, 0x28000), 0x29003000ULL);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t mask =
			test_random_next(&random) & test_random_next(&random) & RISCV_MSI_PAGE_MASK;
		const uint64_t pattern = test_random_next(&random) & RISCV_MSI_PAGE_MASK;
		const uint64_t page = ((pattern & ~mask) | (test_random_next(&random) & mask))
				      << 12;
		const uint64_t file = riscv_msi_file(page, mask);

		assert_true(riscv_msi_is_file(page, mask, pattern));
		assert_int_equal(riscv_msi_page(file, mask, pattern), page);
		assert_true((file >> __builtin_popcountll(mask)) == 0);
	}
}

static void msi_entries_have_their_bits(void **state)
{
	struct test_random random = start(state);
	int i;

	assert_int_equal(riscv_msi_basic(0x28001000ULL), 0x0a000407ULL);
	assert_int_equal(riscv_mrif_low(0x80000200ULL), 0x20000083ULL);
	assert_int_equal(riscv_mrif_high(0x28001000ULL, 0x7ff), 0x100000000a0007ffULL);
	assert_int_equal(riscv_mrif_pending(130), 32);
	assert_int_equal(riscv_mrif_enabled(63), 8);
	assert_int_equal(riscv_mrif_enabled(RISCV_MRIF_IDENTITIES - 1), RISCV_MRIF_SIZE - 8);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t page = any_page(&random);
		const uint64_t file = test_random_next(&random) & 0x00fffffffffffe00ULL;
		const unsigned int id = test_random_next(&random) & RISCV_NOTICE_ID_MAX;
		const uint64_t basic = riscv_msi_basic(page), low = riscv_mrif_low(file);
		const uint64_t high = riscv_mrif_high(page, id);

		assert_int_equal(riscv_msi_pte_mode(basic), RISCV_MSI_BASIC);
		assert_int_equal(riscv_msi_pte_mode(low), RISCV_MSI_MRIF);
		assert_int_equal(basic & (RISCV_MSI_BASIC_RESERVED | RISCV_MSI_PTE_CUSTOM), 0);
		assert_int_equal(low & (RISCV_MRIF_LOW_RESERVED | RISCV_MSI_PTE_CUSTOM), 0);
		assert_int_equal(high & RISCV_MRIF_HIGH_RESERVED, 0);
		assert_int_equal(riscv_ppn_address(basic), page);
		assert_int_equal(riscv_mrif_address(low), file);
		assert_int_equal(riscv_ppn_address(high), page);
		assert_int_equal(riscv_mrif_notice_id(high), id);
	}
}

/* --- Commands --------------------------------------------------------------------------------- */

static void assert_command(struct riscv_command c, uint64_t low, uint64_t high)
{
	assert_int_equal(c.low, low);
	assert_int_equal(c.high, high);
}

static void commands_are_as_the_figures_have_them(void **state)
{
	const struct riscv_command vma = riscv_command_vma(), gvma = riscv_command_gvma();

	(void)state;
	assert_command(vma, 0x001, 0);
	assert_command(gvma, 0x081, 0);
	assert_command(riscv_command_of_process(vma, 0xabcde), 0x1abcde001ULL, 0);
	assert_command(riscv_command_of_guest(gvma, 0xbeef), 0x0beef00200000081ULL, 0);
	assert_command(riscv_command_at(vma, 0x80001000ULL), 0x401, 0x20000400ULL);
	assert_command(riscv_command_with_tables(riscv_command_at(vma, ~0ULL)), 0x400000401ULL,
		       0x3ffffffffffffc00ULL);
	assert_command(riscv_command_range(vma, 0x80001000ULL, 0), 0x401, 0x20000400ULL);
	assert_command(riscv_command_range(vma, 0x80003000ULL, 1), 0x401, 0x20000a00ULL);
	assert_command(riscv_command_range(vma, 0x80003000ULL, 4), 0x401, 0x20001e00ULL);
	assert_command(riscv_command_range(vma, 0x80003000ULL, 52), 0x401, 0x1ffffffffffffe00ULL);
	assert_command(riscv_command_fence(RISCV_IOFENCE_PR | RISCV_IOFENCE_PW), 0x3002, 0);
	assert_command(riscv_command_fence_store(RISCV_IOFENCE_WSI, 0x80001004ULL, 0xdeadbeef),
		       0xdeadbeef00000c02ULL, 0x20000401ULL);
	assert_command(riscv_command_inval_directories(), 0x003, 0);
	assert_command(riscv_command_inval_device(0xabcdef), 0xabcdef0200000003ULL, 0);
	assert_command(riscv_command_inval_process(0xabcdef, 0x12345), 0xabcdef0212345083ULL, 0);
	assert_command(riscv_command_ats_inval(0xbeef, 0x80001234ULL, 0), 0x00beef0000000004ULL,
		       0x80001000ULL);
	assert_command(riscv_command_ats_inval(0xbeef, 0x80013000ULL, 4), 0x00beef0000000004ULL,
		       0x80017800ULL);
	assert_command(riscv_command_ats_inval(0xbeef, 0, 52), 0x00beef0000000004ULL,
		       0x7ffffffffffff800ULL);
	assert_command(
		riscv_command_to_segment(
			riscv_command_with_pasid(
				riscv_command_page_response(1, 0x1ff, RISCV_PAGE_FAILURE), 0x12345),
			0x77),
		0x7700010312345084ULL, 0x0000f1ff00000000ULL);
}

static void iotlb_invalidations_are_decoded(void **state)
{
	struct test_random random = start(state);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		const uint64_t address = test_random_next(&random);
		const unsigned int order = (unsigned int)test_random_below(&random, 52);
		const uint16_t gscid = (uint16_t)test_random_next(&random);
		const uint32_t pscid = test_random_next(&random) & 0xfffff;
		struct riscv_command c = riscv_command_range(
			riscv_command_of_process(riscv_command_of_guest(riscv_command_vma(), gscid),
						 pscid),
			address, order);

		assert_int_equal(riscv_command_kind(c), RISCV_IOTINVAL_VMA);
		assert_int_equal(riscv_command_gscid(c), gscid);
		assert_int_equal(riscv_command_pscid(c), pscid);
		assert_int_equal(riscv_command_size(c), 4096ULL << order);
		assert_int_equal(riscv_command_address(c), address & ~((4096ULL << order) - 1));
		c = riscv_command_with_tables(c);
		assert_int_equal(c.low & RISCV_IOTINVAL_LOW_RESERVED, 0);
		assert_int_equal(c.high & RISCV_IOTINVAL_HIGH_RESERVED, 0);
	}
	assert_int_equal(riscv_command_size(riscv_command_range(riscv_command_vma(), 0, 52)), 0);
	assert_int_equal(riscv_command_address(riscv_command_range(riscv_command_vma(), 0, 52)), 0);
}

static void other_commands_are_decoded(void **state)
{
	struct test_random random = start(state);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		const uint64_t address = test_random_next(&random) & ~3ULL;
		const uint32_t data = (uint32_t)test_random_next(&random);
		const uint32_t device = test_random_next(&random) & 0xffffff, process = data >> 12;
		const uint16_t group = data & 0x1ff;
		struct riscv_command c = riscv_command_fence_store(RISCV_IOFENCE_PR, address, data);

		assert_int_equal(riscv_command_kind(c), RISCV_IOFENCE_C);
		assert_int_equal(riscv_command_store_address(c), address);
		assert_int_equal(riscv_command_store_data(c), data);
		assert_int_equal(c.low & RISCV_IOFENCE_LOW_RESERVED, 0);
		assert_int_equal(c.high & RISCV_IOFENCE_HIGH_RESERVED, 0);
		c = riscv_command_inval_device(device);
		assert_int_equal(riscv_command_kind(c), RISCV_INVAL_DDT);
		assert_int_equal(riscv_command_device_id(c), device);
		assert_int_equal(c.low & RISCV_INVAL_DDT_LOW_RESERVED, 0);
		c = riscv_command_inval_process(device, process);
		assert_int_equal(riscv_command_kind(c), RISCV_INVAL_PDT);
		assert_int_equal(riscv_command_device_id(c), device);
		assert_int_equal(riscv_command_process_id(c), process);
		assert_int_equal(c.low & RISCV_INVAL_PDT_LOW_RESERVED, 0);
		c = riscv_command_with_pasid(
			riscv_command_page_response((uint16_t)device, group, RISCV_PAGE_INVALID),
			process);
		assert_int_equal(riscv_command_kind(c), RISCV_ATS_PRGR);
		assert_int_equal(riscv_command_device_id(c), (uint16_t)device);
		assert_int_equal(riscv_command_process_id(c), process);
		assert_int_equal(riscv_command_response_group(c), group);
		assert_int_equal(riscv_command_response(c), RISCV_PAGE_INVALID);
		assert_int_equal(c.low & RISCV_ATS_LOW_RESERVED, 0);
		assert_int_equal(c.high & RISCV_ATS_PRGR_HIGH_RESERVED, 0);
		c = riscv_command_ats_inval((uint16_t)device, address, data % 64);
		assert_int_equal(riscv_command_kind(c), RISCV_ATS_INVAL);
		assert_int_equal(c.high & RISCV_ATS_INVAL_HIGH_RESERVED, 0);
	}
}

/* --- Records ---------------------------------------------------------------------------------- */

static void fault_records_are_read(void **state)
{
	const uint64_t plain =
		riscv_fault_word0(RISCV_FAULT_DEVICE_NOT_VALID, RISCV_TRANSACTION_READ, 0xabcdef);
	const uint64_t process = riscv_fault_of_process(plain, 0x12345, true);
	unsigned int cause;

	(void)state;
	assert_int_equal(plain, 0xabcdef0800000102ULL);
	assert_int_equal(process, 0xabcdef0b12345102ULL);
	assert_int_equal(riscv_fault_of_process(0, 0xfffff, false), 0x1fffff000ULL);
	assert_int_equal(riscv_fault_cause(process), 258);
	assert_int_equal(riscv_fault_transaction(process), RISCV_TRANSACTION_READ);
	assert_int_equal(riscv_fault_process_id(process), 0x12345);
	assert_int_equal(riscv_fault_device_id(process), 0xabcdef);
	assert_int_equal(sizeof(struct riscv_fault), RISCV_FAULT_SIZE);
	for (cause = 0; cause < 4096; cause++)
		assert_int_equal(riscv_fault_is_always_recorded(cause),
				 (cause >= 256 && cause <= 259) || cause == 268 || cause == 272 ||
					 cause == 273);
	assert_int_equal(RISCV_FAULT_TABLE_CORRUPT, 274);
	assert_int_equal(RISCV_FAULT_PROCESS_LOAD, 265);
}

static void page_requests_are_read(void **state)
{
	const uint64_t low =
		riscv_page_request_low_process(0xabcdef, 0x12345, RISCV_PAGE_REQUEST_PRIVILEGED);
	const uint64_t high = riscv_page_request_high(
		0x80001fffULL, 0x1ff, RISCV_PAGE_REQUEST_READ | RISCV_PAGE_REQUEST_LAST);

	(void)state;
	assert_int_equal(riscv_page_request_low(0xabcdef), 0xabcdef0000000000ULL);
	assert_int_equal(low, 0xabcdef0312345000ULL);
	assert_int_equal(low | RISCV_PAGE_REQUEST_EXECUTE, 0xabcdef0712345000ULL);
	assert_int_equal(high, 0x80001ffdULL);
	assert_int_equal(riscv_page_request_device_id(low), 0xabcdef);
	assert_int_equal(riscv_page_request_process_id(low), 0x12345);
	assert_int_equal(riscv_page_request_group(high), 0x1ff);
	assert_int_equal(riscv_page_request_address(high), 0x80001000ULL);
	assert_false(riscv_page_request_is_stop(high));
	assert_true(riscv_page_request_is_stop(high & ~RISCV_PAGE_REQUEST_READ));
	assert_false(riscv_page_request_is_stop(0));
}

/* --- Page tables ------------------------------------------------------------------------------ */

static void page_table_entries_have_their_bits(void **state)
{
	const uint64_t flags = RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_EXECUTE |
			       RISCV_PTE_USER | RISCV_PTE_GLOBAL | RISCV_PTE_ACCESSED |
			       RISCV_PTE_DIRTY;
	struct test_random random = start(state);
	int i;

	assert_int_equal(flags, 0xfe);
	/* Every bit has one meaning. */
	assert_int_equal(flags ^ RISCV_PTE_VALID ^ RISCV_PTE_SOFTWARE ^ RISCV_PPN_MASK ^
				 RISCV_PTE_RESERVED ^ RISCV_PTE_SVRSW60T59B ^ RISCV_PTE_PBMT ^
				 RISCV_PTE_NAPOT,
			 ~0ULL);
	assert_int_equal(riscv_pte_table(0x80001000ULL), 0x20000401ULL);
	assert_int_equal(riscv_pte_leaf(0x80001000ULL, RISCV_PTE_READ), 0x20000403ULL);
	assert_int_equal(riscv_pte_napot(0x80010000ULL, RISCV_PTE_READ), 0x8000000020006003ULL);
	assert_int_equal(riscv_pte_memory_type(RISCV_PTE_IO), RISCV_MEMORY_IO);
	assert_int_equal(riscv_pte_memory_type(RISCV_PTE_NC), RISCV_MEMORY_NC);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t page = any_page(&random), run = page & ~0xffffULL;
		const uint64_t napot = riscv_pte_napot(run, RISCV_PTE_READ | RISCV_PTE_NC);

		assert_int_equal(riscv_pte_address(riscv_pte_leaf(page, flags)), page);
		assert_int_equal(riscv_pte_address(napot), run);
		assert_true(riscv_pte_is_napot(napot) && riscv_pte_is_leaf(napot));
		assert_int_equal((napot & RISCV_NAPOT_PPN_MASK) >> 10, 8);
		assert_int_equal(riscv_pte_address(riscv_pte_table(page)), page);
		assert_true(riscv_pte_is_valid(riscv_pte_table(page)));
		assert_false(riscv_pte_is_leaf(riscv_pte_table(page)));
		assert_int_equal(riscv_pte_table(page) & RISCV_PTE_TABLE_ZERO, 0);
	}
}

static void page_tables_have_their_shapes(void **state)
{
	(void)state;
	assert_int_equal(riscv_level_shift(1), 12);
	assert_int_equal(riscv_level_shift(2), 21);
	assert_int_equal(riscv_level_shift(5), 48);
	assert_int_equal(riscv_first_stage_width(3), 39);
	assert_int_equal(riscv_first_stage_width(5), 57);
	assert_int_equal(riscv_second_stage_width(3), 41);
	assert_int_equal(riscv_second_stage_width(4), 50);
	assert_int_equal(riscv_second_stage_width(5), 59);
	assert_int_equal(riscv_mode(3), RISCV_IOSATP_SV39);
	assert_int_equal(riscv_mode(4), RISCV_IOHGATP_SV48X4);
	assert_int_equal(riscv_mode_levels(RISCV_IOHGATP_SV57X4), 5);
	assert_int_equal(RISCV_SECOND_STAGE_ROOT,
			 8U << (RISCV_PTE_BITS + RISCV_SECOND_STAGE_EXTRA));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_where_the_layout_has_them),
		cmocka_unit_test(capabilities_are_read),
		cmocka_unit_test(registers_are_composed),
		cmocka_unit_test(translation_requests_say_who_asks),
		cmocka_unit_test(translation_answers_say_their_size),
		cmocka_unit_test(events_are_chosen_and_filtered),
		cmocka_unit_test(device_ids_are_cut_as_the_format_says),
		cmocka_unit_test(process_ids_are_cut_alike),
		cmocka_unit_test(device_contexts_have_their_bits),
		cmocka_unit_test(interrupt_files_are_found),
		cmocka_unit_test(msi_entries_have_their_bits),
		cmocka_unit_test(commands_are_as_the_figures_have_them),
		cmocka_unit_test(iotlb_invalidations_are_decoded),
		cmocka_unit_test(other_commands_are_decoded),
		cmocka_unit_test(fault_records_are_read),
		cmocka_unit_test(page_requests_are_read),
		cmocka_unit_test(page_table_entries_have_their_bits),
		cmocka_unit_test(page_tables_have_their_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
