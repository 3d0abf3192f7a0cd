/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupts of a unit (RISC-V IOMMU specification 1.0.0, 5.28 "Interrupt-cause-to-vector",
 * 5.29 "MSI configuration table"): wires, or messages, of which causes may share one.
 */
#include "riscv/unit.h"

bool iommu_riscv_is_told(const struct riscv_unit *unit, unsigned int cause)
{
	return riscv_uses_wires(unit) || unit->messages[cause].enabled;
}

/* The vector of a cause: as many as the unit has, from 0 on, and the rest share the last. */
static unsigned int vector_of(const struct riscv_unit *unit, unsigned int cause)
{
	return cause < unit->vectors ? cause : unit->vectors - 1;
}

/* The control register of the queue of a cause; 0: it has none. */
static uint32_t csr_of(const struct riscv_unit *unit, unsigned int cause)
{
	if (cause == 1)
		return RISCV_FQCSR;
	return cause == 3 && unit->common.requests.pages != NULL ? RISCV_PQCSR : 0;
}

/* Whether the queue that is on tells of what it gets; what is pending tells at once. */
static void arm(struct riscv_unit *unit, unsigned int cause)
{
	const uint32_t csr = csr_of(unit, cause);

	if (csr == 0 || (riscv_read32(unit, csr) & RISCV_QUEUE_ON) == 0)
		return;
	riscv_write32(unit, csr,
		      RISCV_QUEUE_ENABLE |
			      (iommu_riscv_is_told(unit, cause) ? RISCV_QUEUE_INTERRUPT : 0U));
}

static void apply(struct riscv_unit *unit, unsigned int cause)
{
	const struct riscv_message *message = &unit->messages[cause];
	uint32_t entry;

	if (!riscv_uses_wires(unit)) {
		entry = riscv_msi_entry(vector_of(unit, cause));
		riscv_write32(unit, entry + RISCV_MSI_CONTROL, RISCV_MSI_MASKED);
		if (message->enabled) {
			riscv_write64(unit, entry + RISCV_MSI_ADDRESS, message->address);
			riscv_write32(unit, entry + RISCV_MSI_DATA, message->data);
			riscv_write32(unit, entry + RISCV_MSI_CONTROL, 0);
		}
	}
	arm(unit, cause);
}

/* How many vectors there are is found out by what the register keeps. */
void iommu_riscv_vectors_find(struct riscv_unit *unit)
{
	const uint64_t all = riscv_icvec(0xf, 0xf, 0xf, 0xf);
	uint64_t kept;

	riscv_write64(unit, RISCV_ICVEC, all);
	kept = riscv_read64(unit, RISCV_ICVEC);
	unit->vectors = riscv_icvec_vector(kept, 0) + 1;
	riscv_write64(unit, RISCV_ICVEC,
		      riscv_icvec(vector_of(unit, 0), vector_of(unit, 1), vector_of(unit, 2),
				  vector_of(unit, 3)));
}

void iommu_riscv_messages_apply(struct riscv_unit *unit)
{
	unsigned int cause;

	/* Those that are enabled last, where causes share a vector. */
	for (cause = 0; cause < RISCV_CAUSES; cause++)
		if (!unit->messages[cause].enabled)
			apply(unit, cause);
	for (cause = 0; cause < RISCV_CAUSES; cause++)
		if (unit->messages[cause].enabled)
			apply(unit, cause);
}
