/* SPDX-License-Identifier: BSD-2-Clause */
/* What a unit can, and what is made for it when it is added: its directory, ids and queues. */
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "riscv/command.h"
#include "riscv/directory.h"
#include "riscv/unit.h"

#define PCI_ID_BITS 16
#define IDS         65536U /* of guests, and of processes */

static int copy_ranges(struct riscv_unit *unit, const struct iommu_riscv_config *config)
{
	unsigned int i;
	int status;

	unit->common.map.bits = config->device_id_bits != 0 ? config->device_id_bits : PCI_ID_BITS;
	if (unit->common.map.bits > RISCV_DEVICE_ID_BITS)
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "ids are wider than 24 bits");
	status = iommu_driven_ranges_alloc(&unit->common, config->id_range_count);
	for (i = 0; i < config->id_range_count && status == 0; i++) {
		const struct iommu_riscv_ids *ids = &config->id_ranges[i];
		const struct iommu_id_range range = {ids->first, ids->last, ids->device_id};

		status = iommu_driven_range_add(&unit->common, &range);
	}
	return status;
}

static int read_capabilities(struct riscv_unit *unit)
{
	int status = iommu_driven_registers_map(&unit->common, RISCV_REGISTERS_SIZE);

	if (status != 0)
		return status;
	unit->capabilities = riscv_read64(unit, RISCV_CAPABILITIES);
	/* Where nothing is, registers may read as ones, and as zeros. */
	if (unit->capabilities == UINT64_MAX || unit->capabilities == 0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    unit->capabilities == 0
					    ? "it has no capability: no unit is at this address"
					    : "its registers read as ones: no unit is at this "
					      "address");
	if (riscv_cap_version(unit->capabilities) != RISCV_VERSION_1_0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, "it is of another version than 1.0");
	unit->common.output_bits = riscv_cap_physical_bits(unit->capabilities);
	if (unit->common.output_bits <= IOMMU_PAGE_SHIFT ||
	    unit->common.output_bits > RISCV_ADDRESS_BITS)
		return RISCV_REFUSE(unit, IOMMU_EIO, "its physical addresses make no sense");
	unit->extended = riscv_has(unit, RISCV_CAP_MSI_FLAT);
	return 0;
}

/*
 * All by which hardware writes to memory of a predecessor's, to where its messages go, too: queues,
 * and counters that overflow.
 */
static int stop_writing(struct riscv_unit *unit)
{
	int status = iommu_riscv_logs_off(unit);

	if (status == 0)
		status = iommu_riscv_queue_off(unit, RISCV_CQCSR);
	if (status != 0 || !riscv_has(unit, RISCV_CAP_HPM))
		return status;
	riscv_write32(unit, RISCV_IOCOUNTINH, UINT32_MAX);
	/* The first counter, of cycles, is always there. */
	return (riscv_read32(unit, RISCV_IOCOUNTINH) & 1) != 0 ? 0 : IOMMU_EIO;
}

/*
 * What a predecessor left translating is turned off: its tables are memory that the host may use
 * for anything. A unit that lets everything pass does so until it is enabled.
 */
static int stop_predecessor(struct riscv_unit *unit)
{
	int status = iommu_riscv_leave_off(unit);

	if (status != 0)
		return RISCV_REFUSE(unit, status,
				    "a predecessor's directory cannot be taken from it");
	status = stop_writing(unit);
	return status == 0 ? 0
			   : RISCV_REFUSE(unit, status,
					  "a predecessor's queues and counters do not stop");
}

int iommu_riscv_unit_setup(struct iommu_driven_unit *common, const void *given)
{
	const struct iommu_riscv_config *config = given;
	struct riscv_unit *unit = riscv_of(common);
	int status = copy_ranges(unit, config);

	unit->flags = config->flags;
	if (riscv_tells_valid(unit))
		__atomic_store_n(&common->shared->set.tells_of_maps, true, __ATOMIC_SEQ_CST);
	if (status == 0)
		status = read_capabilities(unit);
	if (status == 0)
		status = stop_predecessor(unit);
	if (status == 0)
		status = iommu_riscv_directory_alloc(unit);
	if (status == 0)
		status = iommu_ids_create(&unit->guests, unit->common.platform, unit->common.node,
					  IDS);
	if (status == 0)
		status = iommu_ids_create(&unit->processes, unit->common.platform,
					  unit->common.node, IDS);
	if (status == 0)
		status = iommu_riscv_queue_alloc(unit);
	if (status == 0)
		status = iommu_riscv_faults_alloc(unit);
	if (status == 0)
		status = iommu_riscv_requests_alloc(unit);
	return status;
}

void iommu_riscv_unit_free(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	iommu_riscv_counters_suspend(unit);
	iommu_riscv_directory_free(unit);
	iommu_ids_destroy(&unit->guests, common->platform);
	iommu_ids_destroy(&unit->processes, common->platform);
}
