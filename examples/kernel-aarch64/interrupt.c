/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of the unit, by wires of a GICv3, which are only counted. */
#include "machine.h"

/* The distributor. */
#define GICD_CTLR        0x0000
#define GICD_IGROUPR(n)  (0x0080ULL + 4ULL * ((n) / 32))
#define GICD_ENABLE(n)   (0x0100ULL + 4ULL * ((n) / 32))
#define GICD_PRIORITY(n) (0x0400ULL + 4ULL * ((n) / 4))
#define GICD_ICFGR(n)    (0x0c00ULL + 4ULL * ((n) / 16))
#define GICD_IROUTER(n)  (0x6000ULL + 8ULL * (n))
#define CTLR_AFFINITY    (1U << 4)
#define CTLR_GROUP_1     (1U << 1)

/* The redistributor of the first CPU. */
#define GICR_WAKER      0x0014
#define PROCESSOR_SLEEP (1U << 1)
#define CHILDREN_ASLEEP (1U << 2)

/* Cells of an interrupt in the tree, and its numbers. */
#define SHARED       0
#define SHARED_FIRST 32
#define EDGE         1
#define NONE_PENDING 1020

void interrupt_taken(void);
_Noreturn void exception_taken(uint64_t syndrome, uint64_t address, uint64_t value);

static volatile unsigned int count;
static uint64_t distributor;

void interrupt_taken(void)
{
	uint64_t which;

	/* ICC_IAR1_EL1, ICC_EOIR1_EL1 */
	__asm__ volatile("mrs %0, s3_0_c12_c12_0; dsb sy" : "=r"(which));
	if ((which & 0xffffff) >= NONE_PENDING)
		return;
	count++;
	__asm__ volatile("msr s3_0_c12_c12_1, %0; isb" ::"r"(which));
}

_Noreturn void exception_taken(uint64_t syndrome, uint64_t address, uint64_t value)
{
	console_text("cannot go on: an exception, syndrome ");
	console_hex(syndrome);
	console_text(" at ");
	console_hex(address);
	console_text(", address ");
	console_hex(value);
	console_text("\n");
	machine_exit(false);
}

static unsigned int seen(void)
{
	return count;
}

/* All wires of the unit are edges. */
static void handled(void)
{
}

static void set_bits(uint64_t address, uint32_t bits)
{
	write32(address, read32(address) | bits);
}

/* In group 1, with the highest priority, to the first CPU. */
void interrupts_let_in(uint32_t number)
{
	const uint64_t priorities = distributor + GICD_PRIORITY(number);

	set_bits(distributor + GICD_IGROUPR(number), 1U << number % 32);
	set_bits(distributor + GICD_ICFGR(number), 2U << number % 16 * 2);
	write32(priorities, read32(priorities) & ~(0xffU << number % 4 * 8));
	write64(distributor + GICD_IROUTER(number), 0);
	write32(distributor + GICD_ENABLE(number), 1U << number % 32);
}

static void cpu_start(uint64_t redistributor)
{
	const uint64_t waker = redistributor + GICR_WAKER;

	write32(waker, read32(waker) & ~PROCESSOR_SLEEP);
	while ((read32(waker) & CHILDREN_ASLEEP) != 0)
		;
	/* ICC_SRE_EL1, ICC_PMR_EL1, ICC_IGRPEN1_EL1 */
	__asm__ volatile("msr s3_0_c12_c12_5, %0; isb" ::"r"(7ULL));
	__asm__ volatile("msr s3_0_c4_c6_0, %0" ::"r"(0xffULL));
	__asm__ volatile("msr s3_0_c12_c12_7, %0; isb" ::"r"(1ULL));
	__asm__ volatile("msr daifclr, #2" ::: "memory");
}

bool interrupts_start(const struct iommu_fdt *tree, struct smmu_machine *machine)
{
	struct iommu_fdt_registers first, redistributors;
	struct iommu_fdt_node controller;

	if (!tree_find(tree, "arm,gic-v3", &controller) ||
	    iommu_fdt_get_registers(tree, &controller, 0, &first) != 0 ||
	    iommu_fdt_get_registers(tree, &controller, 1, &redistributors) != 0)
		return false;
	distributor = first.base;
	write32(distributor + GICD_CTLR, CTLR_AFFINITY | CTLR_GROUP_1);
	cpu_start(redistributors.base);
	machine->interrupts_seen = seen;
	machine->interrupts_handled = handled;
	return true;
}
