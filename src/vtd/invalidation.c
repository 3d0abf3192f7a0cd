/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation: one form, the descriptors of the queue, and two ways to have them executed. Units
 * without a queue take the same requests through CCMD and IOTLB_REG (VT-d specification, "Register-
 * based Invalidation Interface"); with the queue on these registers do nothing, and are not
 * touched.
 */
#include <libiommu/status.h>

#include "base/bits.h"
#include "vtd/vtd.h"

/* Start a register command and wait for its bit to clear; *value is what the register then says. */
static int run_register(struct vtd_unit *unit, uint32_t offset, uint64_t start_bit, uint64_t *value)
{
	int status = iommu_vtd_wait64(unit, offset, start_bit, 0);

	if (status != 0)
		return status;
	vtd_write64(unit, offset, *value);
	status = iommu_vtd_wait64(unit, offset, start_bit, 0);
	*value = vtd_read64(unit, offset);
	return status;
}

static int context_by_register(struct vtd_unit *unit, struct vtd_descriptor d)
{
	uint64_t value = vtd_ccmd(vtd_descriptor_granularity(d), vtd_descriptor_domain_id(d),
				  vtd_descriptor_source_id(d), vtd_descriptor_function_mask(d));
	int status = run_register(unit, VTD_CCMD, VTD_CCMD_ICC, &value);

	if (status == 0 && vtd_ccmd_actual_granularity(value) == 0)
		status = IOMMU_EIO;
	return status;
}

static int iotlb_by_register(struct vtd_unit *unit, struct vtd_descriptor d)
{
	const uint32_t iva = unit->caps.iotlb_offset;
	const uint32_t iotlb = iva + 8;
	uint64_t value = vtd_iotlb(vtd_descriptor_granularity(d), vtd_descriptor_domain_id(d),
				   (d.low & VTD_IOTLB_DRAIN_READS) != 0,
				   (d.low & VTD_IOTLB_DRAIN_WRITES) != 0);
	int status = iommu_vtd_wait64(unit, iotlb, VTD_IOTLB_IVT, 0);

	if (status != 0)
		return status;
	/* IVA_REG holds address, hint and mask just as the descriptor does. */
	if (vtd_descriptor_granularity(d) == VTD_GRANULARITY_PAGE)
		vtd_write64(unit, iva, d.high);
	status = run_register(unit, iotlb, VTD_IOTLB_IVT, &value);
	if (status == 0 && vtd_iotlb_actual_granularity(value) == 0)
		status = IOMMU_EIO;
	return status;
}

static int execute_by_registers(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
				unsigned int count)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	unsigned int i;
	int status = 0;

	for (i = 0; i < count && status == 0; i++) {
		if (vtd_descriptor_type(descriptors[i]) == VTD_DESCRIPTOR_CONTEXT)
			status = context_by_register(unit, descriptors[i]);
		else if (vtd_descriptor_type(descriptors[i]) == VTD_DESCRIPTOR_IOTLB)
			status = iotlb_by_register(unit, descriptors[i]);
		else
			status = IOMMU_EOPNOTSUPP;
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return status;
}

/*
 * A unit that is off walks nothing, and there is nothing to confirm. One that was turned off, and perhaps
 * on again, while we waited may have lost what we asked for without anything being wrong: ask again.
 */
static int execute(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
		   unsigned int count)
{
	uint32_t epoch;
	int status;

	do {
		epoch = __atomic_load_n(&unit->epoch, __ATOMIC_SEQ_CST);
		if (!vtd_unit_is_active(unit))
			return 0;
		status = unit->use_queue ? iommu_vtd_queue_submit(unit, descriptors, count)
					 : execute_by_registers(unit, descriptors, count);
		if (status == 0)
			return 0;
	} while (__atomic_load_n(&unit->epoch, __ATOMIC_SEQ_CST) != epoch);
	__atomic_add_fetch(&unit->failures, 1, __ATOMIC_RELEASE);
	return status;
}

int iommu_vtd_invalidate_all(struct vtd_unit *unit)
{
	const struct vtd_descriptor everything[] = {
		vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0),
		vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, unit->caps.drain),
	};
	/*
	 * Only what had failed before is made good, and only once it is confirmed: until then nothing
	 * that waits for it may be freed, and a failure in between still counts.
	 */
	const uint32_t failures = __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE);
	uint32_t made_good = __atomic_load_n(&unit->made_good, __ATOMIC_RELAXED);
	int status = execute(unit, everything, 2);

	while (status == 0 && (int32_t)(failures - made_good) > 0 &&
	       !__atomic_compare_exchange_n(&unit->made_good, &made_good, failures, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return status;
}

int iommu_vtd_invalidate(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
			 unsigned int count)
{
	if (vtd_unit_has_failed(unit))
		return iommu_vtd_invalidate_all(unit);
	return execute(unit, descriptors, count);
}

int iommu_vtd_invalidate_range(struct vtd_unit *unit, uint16_t domain_id, iommu_iova_t start,
			       iommu_iova_t last, bool leaves_only)
{
	const struct vtd_capabilities *caps = &unit->caps;
	const uint64_t differing = (start ^ last) >> IOMMU_PAGE_SHIFT;
	/* The smallest aligned power of two of pages that holds the range. */
	unsigned int mask = differing == 0 ? 0 : iommu_highest_bit(differing) + 1;
	struct vtd_descriptor d;

	if (caps->page_selective && mask <= caps->max_address_mask) {
		start &= ~((IOMMU_PAGE_SIZE << mask) - 1);
		d = vtd_descriptor_iotlb_pages(domain_id, start, mask, leaves_only, caps->drain);
	} else {
		d = vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, domain_id, caps->drain);
	}
	return iommu_vtd_invalidate(unit, &d, 1);
}
