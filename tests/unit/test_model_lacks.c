/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a unit was not configured with, a guest does not get: tables, entries and commands that
 * need it are refused as hardware without it refuses them.
 */
#include <string.h>

#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>

#include "bare_vtd.h"
#include "base/byteorder.h"
#include "test.h"

static void a_unit_without_a_queue_turns_none_on(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_NO_QUEUE};

	(void)state;
	begin(&config);
	set(VTD_IQA, 8, QUEUE);
	set(VTD_GCMD, 4, VTD_GLOBAL_QIE);
	assert_int_equal(t.misuses, 1);
	assert_string_equal(t.misuse, "there is no invalidation queue");
	assert_int_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_QIE, 0);
	end();
}

/* A large page at each level: there, or a reserved bit. */
static void pages_are_of_the_sizes_there_are(void **state)
{
	static const struct {
		uint64_t sizes;
		unsigned int level;
		bool is_there;
	} cases[] = {
		{IOMMU_SIZE_4K, 2, false},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M, 2, true},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M, 3, false},
		{IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G, 3, true},
		{IOMMU_SIZE_4K | IOMMU_SIZE_1G, 2, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_vtd_config config = {.pgsize_bitmap = cases[i].sizes};

		running(&config);
		word(LEVEL(cases[i].level), 0x83);
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ),
				 cases[i].is_there ? 0 : VTD_REASON_TABLE_RESERVED);
		if (cases[i].is_there)
			assert_int_equal(result.paddr, 0x123000);
		end();
	}
}

static void posted_interrupts_need_a_unit_that_posts(void **state)
{
	struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	struct iommu_model_interrupt sent;

	(void)state;
	for (unsigned int posts = 0; posts < 2; posts++) {
		begin(&config);
		queue_on();
		set(VTD_IRTA, 8, vtd_irta(TABLE, 8, false));
		command(VTD_GLOBAL_SIRTP, true);
		command(VTD_GLOBAL_IRE, true);
		word(TABLE + 5 * 16, vtd_irte_posted_low(1, false, POSTED));
		word(TABLE + 5 * 16 + 8, 0);
		(void)iommu_model_vtd_interrupt(t.model, SID, vtd_msi_address(5, false), 0, &sent);
		assert_int_equal(sent.reason, posts != 0 ? 0 : VTD_REASON_INTERRUPT_ENTRY_RESERVED);
		assert_int_equal(iommu_read_le32(t.memory + POSTED) & 2, posts != 0 ? 2 : 0);
		end();
		config.flags |= IOMMU_MODEL_VTD_POSTED_INTERRUPTS;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_without_a_queue_turns_none_on),
		cmocka_unit_test(pages_are_of_the_sizes_there_are),
		cmocka_unit_test(posted_interrupts_need_a_unit_that_posts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
