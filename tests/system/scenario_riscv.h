/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario of the RISC-V IOMMU: two devices do real DMA through contexts and tables of
 * the library, in every mode that the unit has.
 */
#ifndef SCENARIO_RISCV_H
#define SCENARIO_RISCV_H

#include <libiommu/riscv.h>

#include "scenario.h"

/*
 * A device whose requests have a process id: it copies between a buffer of its own and memory, at
 * once. process 0: without one. False: the unit refused the access.
 */
struct riscv_process_device {
	struct iommu_endpoint_info info;
	bool (*copy)(struct riscv_process_device *device, uint32_t process, iommu_iova_t iova,
		     size_t size, bool to_memory);
	void *data;
};

struct riscv_machine {
	struct scenario_machine base;
	struct iommu_riscv_config unit;
	/* Of the domains of devices; the nested domain has both. */
	enum iommu_stage stage;
	/*
	 * QEMU before its version 11: of what an access was faults say nothing that is right, nor
	 * its address where a directory blocked it; runs of entries (64K) and the answers of the
	 * unit are not as specified, and while it is off it goes by what it has cached.
	 */
	bool is_old;
	/* Before it is enabled the unit lets everything pass, rather than nothing. */
	bool resets_bare;
	/* The message of the unit's interrupts; data 0: there are wires. */
	uint64_t message_address;
	uint32_t message_data;
	/* How many interrupts of the unit have arrived. */
	unsigned int (*interrupts_seen)(void);
	/* What they told of was handled: a wire may tell again. */
	void (*interrupts_handled)(void);
	/* NULL: there is none. */
	struct riscv_process_device *process_device;
};

/*
 * Run all steps; print a line "verdict: …" at the end; return whether every step was as expected.
 */
bool scenario_riscv(struct riscv_machine *machine);

/*
 * A first instance of the library translates and is abandoned; a second one stops what it finds,
 * and begins anew.
 */
bool scenario_riscv_take_over(struct riscv_machine *machine);

#endif
