/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability registers: decoded once, and refused if no usable unit could have their values. */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "vtd/cap.h"
#include "vtd/unit.h"

/* Table depths that this library and the specification know. */
#define KNOWN_SAGAW (VTD_SAGAW_3_LEVELS | VTD_SAGAW_4_LEVELS | VTD_SAGAW_5_LEVELS)

/* Bits of the deepest table. */
static unsigned int widest(unsigned int sagaw)
{
	if ((sagaw & VTD_SAGAW_5_LEVELS) != 0)
		return 57;
	return (sagaw & VTD_SAGAW_4_LEVELS) != 0 ? 48 : 39;
}

/* They are of no use without the commands. */
static bool has_counters(uint64_t cap, uint64_t ecap)
{
	return IOMMU_CONFIG_COUNTERS && (cap & VTD_CAP_ECMDS) != 0 && (ecap & VTD_ECAP_PMS) != 0;
}

/* What scalable mode brings, where a unit can be used in it. */
static void decode_scalable(struct vtd_capabilities *caps)
{
	const uint64_t cap = caps->cap;
	const uint64_t ecap = caps->ecap;

	caps->first_stage = (ecap & VTD_ECAP_FSTS) != 0;
	caps->second_stage = (ecap & VTD_ECAP_SSTS) != 0;
	caps->scalable = (ecap & VTD_ECAP_SMTS) != 0 && caps->queue && caps->translates &&
			 ((IOMMU_CONFIG_FIRST_STAGE && caps->first_stage) || caps->second_stage);
	if (!caps->scalable) {
		caps->first_stage = false;
		return;
	}
	caps->first_stage_5 = caps->first_stage && (cap & VTD_CAP_FS5LP) != 0;
	caps->first_stage_sizes =
		IOMMU_SIZE_4K | IOMMU_SIZE_2M | ((cap & VTD_CAP_FS1GP) != 0 ? IOMMU_SIZE_1G : 0);
	caps->nested = caps->first_stage && caps->second_stage && (ecap & VTD_ECAP_NEST) != 0;
	caps->first_stage = IOMMU_CONFIG_FIRST_STAGE && caps->first_stage;
	caps->dirty = caps->second_stage && (ecap & VTD_ECAP_SSADS) != 0;
	caps->walks_snoop = (ecap & VTD_ECAP_SMPWCS) != 0;
	caps->pasids = (ecap & VTD_ECAP_PASID) != 0;
	caps->pasid_bits = vtd_ecap_pasid_bits(ecap) < VTD_PASID_BITS_MAX
				   ? vtd_ecap_pasid_bits(ecap)
				   : VTD_PASID_BITS_MAX;
	caps->page_requests =
		caps->device_tlb && (ecap & VTD_ECAP_PRS) != 0 && (ecap & VTD_ECAP_PDS) != 0;
}

int iommu_vtd_decode_capabilities(struct vtd_capabilities *caps, uint32_t version, uint64_t cap,
				  uint64_t ecap)
{
	unsigned int sagaw = vtd_cap_sagaw(cap) & KNOWN_SAGAW;
	unsigned int guest_width = vtd_cap_guest_address_width(cap);
	/* Without a table depth there is no translation: such a unit is there for interrupts. */
	const bool translates = vtd_cap_sagaw(cap) != 0 || (ecap & VTD_ECAP_IR) == 0;

	/* A unit that is not there reads as all ones. */
	if (cap == UINT64_MAX && ecap == UINT64_MAX)
		return IOMMU_EIO;
	if (vtd_version_major(version) == 0 || vtd_cap_domains(cap) == 0 ||
	    (sagaw == 0 && translates))
		return IOMMU_EIO;
	if (guest_width > widest(sagaw))
		guest_width = widest(sagaw);
	/* Narrower than 30 bits no table helps; the registers must not lie in the fixed ones. */
	if ((guest_width < 30 && translates) || vtd_cap_fault_offset(cap) < VTD_IQERCD ||
	    vtd_ecap_iotlb_offset(ecap) < VTD_IQERCD)
		return IOMMU_EIO;
	*caps = (struct vtd_capabilities){
		.cap = cap,
		.ecap = ecap,
		.version_major = vtd_version_major(version),
		.version_minor = vtd_version_minor(version),
		.domains = vtd_cap_domains(cap),
		.sagaw = sagaw,
		.translates = translates,
		.guest_width = guest_width,
		.pgsize_bitmap = IOMMU_SIZE_4K | vtd_cap_second_stage_large_pages(cap),
		.max_address_mask = vtd_cap_max_address_mask(cap),
		.fault_records = vtd_cap_fault_records(cap),
		.fault_offset = vtd_cap_fault_offset(cap),
		.iotlb_offset = vtd_ecap_iotlb_offset(ecap),
		.drain = ((cap & VTD_CAP_DWD) != 0 ? VTD_IOTLB_DRAIN_WRITES : 0) |
			 ((cap & VTD_CAP_DRD) != 0 ? VTD_IOTLB_DRAIN_READS : 0),
		.coherent = (ecap & VTD_ECAP_C) != 0,
		.queue = (ecap & VTD_ECAP_QI) != 0,
		.registers = vtd_version_major(version) < VTD_VERSION_QUEUE_ONLY,
		.caching_mode = (cap & VTD_CAP_CM) != 0,
		.write_buffer = (cap & VTD_CAP_RWBF) != 0,
		.pass_through = (ecap & VTD_ECAP_PT) != 0,
		.page_selective = (cap & VTD_CAP_PSI) != 0,
		.protected_memory = (cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)) != 0,
		.snoop_control = (ecap & VTD_ECAP_SC) != 0,
		/* These three are only reached through the queue. */
		.device_tlb = IOMMU_CONFIG_DEVICE_TLB && (ecap & VTD_ECAP_DT) != 0 &&
			      (ecap & VTD_ECAP_QI) != 0,
		.interrupt_remapping = IOMMU_CONFIG_INTERRUPTS && (ecap & VTD_ECAP_IR) != 0 &&
				       (ecap & VTD_ECAP_QI) != 0,
		.x2apic = IOMMU_CONFIG_INTERRUPTS && (ecap & VTD_ECAP_EIM) != 0,
		.posted_interrupts = IOMMU_CONFIG_INTERRUPTS && (cap & VTD_CAP_PI) != 0,
		.counters = has_counters(cap, ecap),
		.names_functions = (ecap & VTD_ECAP_DIT) != 0,
		.max_handle_mask = IOMMU_CONFIG_INTERRUPTS ? vtd_ecap_max_handle_mask(ecap) : 0,
		.invalidates_on_root = (cap & VTD_CAP_ESRTPS) != 0,
		.invalidates_on_interrupts =
			IOMMU_CONFIG_INTERRUPTS && (cap & VTD_CAP_ESIRTPS) != 0,
	};
	if (IOMMU_CONFIG_SCALABLE)
		decode_scalable(caps);
	return caps->queue || caps->registers ? 0 : IOMMU_EIO;
}

uint64_t iommu_vtd_register_space(const struct vtd_capabilities *caps)
{
	uint64_t faults_end = caps->fault_offset + (uint64_t)caps->fault_records * 16;
	uint64_t iotlb_end = caps->iotlb_offset + 16ULL;
	uint64_t end = faults_end > iotlb_end ? faults_end : iotlb_end;

	return (end + IOMMU_PAGE_SIZE - 1) & ~(IOMMU_PAGE_SIZE - 1);
}
