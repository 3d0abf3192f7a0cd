/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VT-d unit can do, by the bits of its capability registers, one after the other. */
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/iommu.h>

#include "fake_vtd.h"
#include "test.h"
#include "vtd/cap.h"

/* A capability is there exactly if all of its bits are. */
struct capability {
	const char *name;
	size_t place;
	uint64_t cap, ecap;
};

#define CAPABILITY(name, cap_bits, ecap_bits)                                                      \
	{                                                                                          \
#name, offsetof(struct vtd_capabilities, name), (cap_bits), (ecap_bits)            \
	}
#define SCALABLE (VTD_ECAP_SMTS | VTD_ECAP_QI)

static const struct capability capabilities[] = {
	CAPABILITY(coherent, 0, VTD_ECAP_C),
	CAPABILITY(queue, 0, VTD_ECAP_QI),
	CAPABILITY(caching_mode, VTD_CAP_CM, 0),
	CAPABILITY(write_buffer, VTD_CAP_RWBF, 0),
	CAPABILITY(pass_through, 0, VTD_ECAP_PT),
	CAPABILITY(page_selective, VTD_CAP_PSI, 0),
	CAPABILITY(snoop_control, 0, VTD_ECAP_SC),
	CAPABILITY(device_tlb, 0, VTD_ECAP_DT | VTD_ECAP_QI),
	CAPABILITY(names_functions, 0, VTD_ECAP_DIT),
	CAPABILITY(interrupt_remapping, 0, VTD_ECAP_IR | VTD_ECAP_QI),
	CAPABILITY(x2apic, 0, VTD_ECAP_EIM),
	CAPABILITY(posted_interrupts, VTD_CAP_PI, 0),
	CAPABILITY(counters, VTD_CAP_ECMDS, VTD_ECAP_PMS),
	CAPABILITY(invalidates_on_root, VTD_CAP_ESRTPS, 0),
	CAPABILITY(invalidates_on_interrupts, VTD_CAP_ESIRTPS, 0),
	CAPABILITY(scalable, 0, SCALABLE),
	CAPABILITY(first_stage, 0, SCALABLE | VTD_ECAP_FSTS),
	CAPABILITY(first_stage_5, VTD_CAP_FS5LP, SCALABLE | VTD_ECAP_FSTS),
	CAPABILITY(second_stage, 0, VTD_ECAP_SSTS),
	CAPABILITY(nested, 0, SCALABLE | VTD_ECAP_FSTS | VTD_ECAP_SSTS | VTD_ECAP_NEST),
	CAPABILITY(dirty, 0, SCALABLE | VTD_ECAP_SSTS | VTD_ECAP_SSADS),
	CAPABILITY(walks_snoop, 0, SCALABLE | VTD_ECAP_SMPWCS),
	CAPABILITY(pasids, 0, SCALABLE | VTD_ECAP_PASID),
	CAPABILITY(page_requests, 0, SCALABLE | VTD_ECAP_DT | VTD_ECAP_PRS | VTD_ECAP_PDS),
};

#define CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

static void check_capabilities(uint64_t cap, uint64_t ecap)
{
	struct vtd_capabilities caps;
	size_t i;

	assert_int_equal(iommu_vtd_decode_capabilities(&caps, 0x10, cap, ecap), 0);
	for (i = 0; i < CAPABILITIES; i++) {
		const struct capability *c = &capabilities[i];
		const bool is_there = *(const bool *)((const char *)&caps + c->place);

		if (is_there != ((cap & c->cap) == c->cap && (ecap & c->ecap) == c->ecap))
			fail_msg("%s with %#llx and %#llx", c->name, (unsigned long long)cap,
				 (unsigned long long)ecap);
	}
	assert_int_equal(caps.drain,
			 ((cap & VTD_CAP_DWD) != 0 ? VTD_IOTLB_DRAIN_WRITES : 0) |
				 ((cap & VTD_CAP_DRD) != 0 ? VTD_IOTLB_DRAIN_READS : 0));
	assert_int_equal(caps.protected_memory, (cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)) != 0);
}

static void a_capability_needs_each_of_its_bits(void **state)
{
	uint64_t cap = VTD_CAP_PLMR | VTD_CAP_PHMR | VTD_CAP_DWD | VTD_CAP_DRD, ecap = 0;
	unsigned int bit;
	size_t i;

	(void)state;
	for (i = 0; i < CAPABILITIES; i++) {
		cap |= capabilities[i].cap;
		ecap |= capabilities[i].ecap;
	}
	check_capabilities(FAKE_CAP_48 | cap, FAKE_ECAP | ecap);
	for (bit = 0; bit < 64; bit++) {
		if ((cap >> bit & 1) != 0)
			check_capabilities((FAKE_CAP_48 | cap) & ~(1ULL << bit), FAKE_ECAP | ecap);
		if ((ecap >> bit & 1) != 0)
			check_capabilities(FAKE_CAP_48 | cap, (FAKE_ECAP | ecap) & ~(1ULL << bit));
	}
	check_capabilities((FAKE_CAP_48 | cap) & ~(VTD_CAP_PLMR | VTD_CAP_PHMR), FAKE_ECAP | ecap);
}

static void scalable_mode_has_a_stage_and_numbers_of_its_own(void **state)
{
	const uint64_t none = FAKE_ECAP_QI | VTD_ECAP_SMTS, second = none | VTD_ECAP_SSTS;
	struct vtd_capabilities caps;

	(void)state;
	assert_int_equal(iommu_vtd_decode_capabilities(&caps, 0x10, FAKE_CAP_48, none), 0);
	assert_false(caps.scalable);
	assert_int_equal(iommu_vtd_decode_capabilities(&caps, 0x10, FAKE_CAP_48, second), 0);
	assert_true(caps.scalable && !caps.first_stage && !caps.nested);
	assert_int_equal(caps.pasid_bits, 1);
	assert_int_equal(caps.first_stage_sizes, IOMMU_SIZE_4K | IOMMU_SIZE_2M);
	/* There are no more than 2^20 PASIDs, whatever a unit says. */
	assert_int_equal(iommu_vtd_decode_capabilities(&caps, 0x10, FAKE_CAP_48 | VTD_CAP_FS1GP,
						       second | 18ULL << 35),
			 0);
	assert_int_equal(caps.pasid_bits, 19);
	assert_int_equal(caps.first_stage_sizes, IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G);
	assert_int_equal(
		iommu_vtd_decode_capabilities(&caps, 0x10, FAKE_CAP_48, second | 31ULL << 35), 0);
	assert_int_equal(caps.pasid_bits, 20);
}

/* No wider than the deepest table, and no wider than the unit says. */
static void addresses_fit_the_deepest_table(void **state)
{
	static const struct {
		uint64_t depths;
		unsigned int most;
	} cases[] = {{VTD_SAGAW_3_LEVELS, 39},
		     {VTD_SAGAW_4_LEVELS, 48},
		     {VTD_SAGAW_3_LEVELS | VTD_SAGAW_4_LEVELS, 48},
		     {VTD_SAGAW_5_LEVELS, 57},
		     {VTD_SAGAW_3_LEVELS | VTD_SAGAW_4_LEVELS | VTD_SAGAW_5_LEVELS, 57}};
	unsigned int width;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (width = 29; width <= 64; width++) {
			const uint64_t others = FAKE_CAP_48 & ~(0x1fULL << 8 | 0x3fULL << 16);
			const uint64_t cap =
				others | cases[i].depths << 8 | (uint64_t)(width - 1) << 16;
			struct vtd_capabilities caps;
			const int status =
				iommu_vtd_decode_capabilities(&caps, 0x10, cap, FAKE_ECAP_QI);

			assert_int_equal(status, width < 30 ? IOMMU_EIO : 0);
			if (status == 0)
				assert_int_equal(caps.guest_width,
						 width < cases[i].most ? width : cases[i].most);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_capability_needs_each_of_its_bits),
		cmocka_unit_test(scalable_mode_has_a_stage_and_numbers_of_its_own),
		cmocka_unit_test(addresses_fit_the_deepest_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
