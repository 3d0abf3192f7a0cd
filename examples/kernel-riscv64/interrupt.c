/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of the unit, which are only counted: messages to the interrupt file of this mode
 * (IMSIC), wires of the platform's controller (PLIC), or, on a machine that has no controller for
 * messages, messages to a word of memory that is looked at.
 */
#include "machine.h"
#include "pages.h"

#define MESSAGE          0x15 /* an identity of the interrupt file, and any other word */

#define CAUSE_EXTERNAL   (1ULL << 63 | 11)
#define MACHINE_EXTERNAL 11 /* the interrupt of an interrupt file, in the tree */

#define IMSIC_DELIVERY   0x70
#define IMSIC_THRESHOLD  0x72
#define IMSIC_ENABLE     0xc0

#define PLIC_PRIORITY(n) (4ULL * (n))
#define PLIC_ENABLE(n)   (0x2000ULL + 4ULL * ((n) / 32))
#define PLIC_THRESHOLD   0x200000ULL
#define PLIC_CLAIM       0x200004ULL

#define WIRES_MAX        4

void trap_taken(uint64_t cause, uint64_t address, uint64_t value);
void interrupts_let_in(void);

static struct {
	enum interrupt_way way;
	volatile unsigned int seen;
	volatile uint32_t *memory;
	uint64_t plic;
	/* Wires that are claimed, and not completed. */
	volatile uint32_t claimed[WIRES_MAX];
	volatile unsigned int claimed_count;
} interrupts;

static void imsic_write(uint64_t which, uint64_t value)
{
	/* miselect, mireg */
	__asm__ volatile("csrw 0x350, %0; csrw 0x351, %1" ::"r"(which), "r"(value));
}

static uint64_t imsic_claim(void)
{
	uint64_t top;

	/* mtopei */
	__asm__ volatile("csrrw %0, 0x35c, zero" : "=r"(top));
	return top >> 16;
}

/* A wire stays claimed, and silent, until what it tells of was handled. */
static void plic_claim(void)
{
	const uint32_t wire = read32(interrupts.plic + PLIC_CLAIM);

	if (wire == 0 || interrupts.claimed_count == WIRES_MAX)
		return;
	interrupts.claimed[interrupts.claimed_count++] = wire;
	interrupts.seen++;
}

void trap_taken(uint64_t cause, uint64_t address, uint64_t value)
{
	if (cause != CAUSE_EXTERNAL) {
		console_text("cannot go on: an exception, cause ");
		console_hex(cause);
		console_text(" at ");
		console_hex(address);
		console_text(", value ");
		console_hex(value);
		console_text("\n");
		machine_exit(false);
	}
	if (interrupts.way == INTERRUPT_WIRES)
		plic_claim();
	else if (imsic_claim() == MESSAGE)
		interrupts.seen++;
}

static unsigned int seen(void)
{
	if (interrupts.way == INTERRUPT_MEMORY && *interrupts.memory == MESSAGE) {
		*interrupts.memory = 0;
		interrupts.seen++;
	}
	return interrupts.seen;
}

static void handled(void)
{
	while (interrupts.claimed_count != 0)
		write32(interrupts.plic + PLIC_CLAIM,
			interrupts.claimed[--interrupts.claimed_count]);
}

/* The controller's nodes are one for each mode. */
static bool imsic_start(const struct iommu_fdt *tree, struct riscv_machine *machine)
{
	struct iommu_fdt_node node = {0};

	while (iommu_fdt_next(tree, &node)) {
		struct iommu_fdt_reference parent = {0};

		if (!iommu_fdt_is_compatible(tree, &node, "riscv,imsics") ||
		    !iommu_fdt_next_interrupt(tree, &node, &parent) ||
		    parent.cells[0] != MACHINE_EXTERNAL)
			continue;
		interrupts.way = INTERRUPT_IMSIC;
		machine->message_address = tree_address(tree, &node);
		imsic_write(IMSIC_DELIVERY, 1);
		imsic_write(IMSIC_THRESHOLD, 0);
		imsic_write(IMSIC_ENABLE, 1ULL << MESSAGE);
		interrupts_let_in();
		return true;
	}
	return false;
}

static bool plic_start(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit)
{
	struct iommu_fdt_reference interrupt = {0};
	struct iommu_fdt_node node;
	bool any = false;

	if (!tree_find(tree, "riscv,plic0", &node))
		return false;
	interrupts.way = INTERRUPT_WIRES;
	interrupts.plic = tree_address(tree, &node);
	while (iommu_fdt_next_interrupt(tree, unit, &interrupt)) {
		const uint32_t wire = interrupt.cells[0];
		const uint64_t enable = interrupts.plic + PLIC_ENABLE(wire);

		write32(interrupts.plic + PLIC_PRIORITY(wire), 1);
		write32(enable, read32(enable) | 1U << wire % 32);
		any = true;
	}
	write32(interrupts.plic + PLIC_THRESHOLD, 0);
	interrupts_let_in();
	return any;
}

bool interrupts_start(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit, bool wires,
		      struct riscv_machine *machine)
{
	machine->interrupts_seen = seen;
	machine->interrupts_handled = handled;
	if (wires)
		return plic_start(tree, unit);
	machine->message_data = MESSAGE;
	if (imsic_start(tree, machine))
		return true;
	interrupts.memory = pages_alloc(0);
	machine->message_address = (uint64_t)(uintptr_t)interrupts.memory;
	return interrupts.memory != NULL;
}
