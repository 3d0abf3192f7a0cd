/* SPDX-License-Identifier: BSD-2-Clause */
/* What the machine says of its SMMU, by the device tree or by ACPI, in the words of the library. */
#include <libiommu/hw/smmu_registers.h>

#include "machine.h"

#define UNITS_MAX 2
#define IDS_MAX   16
#define LAST_ID   0xffffU /* of PCI functions */

/* Cells of an interrupt in the tree, and the number at the controller. */
#define SHARED       0
#define SHARED_FIRST 32
#define EDGE         1

static struct iommu_smmu_ids ids[IDS_MAX];

/* The ids of PCI functions behind the unit. */
static unsigned int read_ids(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
			     const struct iommu_fdt_node *unit)
{
	const uint32_t phandle = iommu_fdt_phandle(tree, unit);
	struct iommu_fdt_map map = {0};
	unsigned int count = 0;

	while (count < IDS_MAX && iommu_fdt_next_map(tree, pci, &map))
		if (map.unit == phandle)
			ids[count++] = (struct iommu_smmu_ids){
				.first = (uint16_t)map.source,
				.last = (uint16_t)(map.source + map.count - 1),
				.stream_id = map.id,
			};
	return count;
}

static void let_in_wires(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit)
{
	struct iommu_fdt_reference interrupt = {0};

	while (iommu_fdt_next_interrupt(tree, unit, &interrupt)) {
		if (interrupt.count < 3 || interrupt.cells[0] != SHARED ||
		    interrupt.cells[2] != EDGE)
			host_stop("the unit has a wire of another kind");
		interrupts_let_in(SHARED_FIRST + interrupt.cells[1]);
	}
}

void unit_find_in_tree(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
		       struct iommu_smmu_config *config)
{
	struct iommu_fdt_node unit;
	uint32_t size;

	if (!tree_find(tree, "arm,smmu-v3", &unit))
		host_stop("the device tree has no SMMUv3");
	config->registers = tree_address(tree, &unit);
	config->flags |= iommu_fdt_property(tree, &unit, "dma-coherent", &size) != NULL
				 ? IOMMU_SMMU_COHERENT
				 : IOMMU_SMMU_NOT_COHERENT;
	config->id_range_count = read_ids(tree, pci, &unit);
	config->id_ranges = ids;
	let_in_wires(tree, &unit);
}

static unsigned int flags_of(const struct iommu_iort_smmuv3 *unit)
{
	unsigned int flags = unit->coherent ? IOMMU_SMMU_COHERENT : IOMMU_SMMU_NOT_COHERENT;

	if (unit->model == IOMMU_IORT_SMMUV3_HI161X)
		flags |= IOMMU_SMMU_POLLED;
	if (unit->model == IOMMU_IORT_SMMUV3_CN99XX)
		flags |= IOMMU_SMMU_ONE_PAGE | IOMMU_SMMU_WIRES;
	return flags;
}

static unsigned int reached_ids(const struct iommu_iort *iort, uint32_t unit,
				struct iommu_smmu_ids *of_unit)
{
	struct iommu_iort_reach reach = {0};
	unsigned int count = 0;

	while (count < IDS_MAX && iommu_iort_next_reach(iort, unit, &reach))
		if (reach.source.type == IOMMU_IORT_ROOT_COMPLEX && reach.first <= LAST_ID)
			of_unit[count++] = (struct iommu_smmu_ids){
				.first = (uint16_t)reach.first,
				/* QEMU 7.2 has one more than there are. */
				.last = (uint16_t)(reach.last < LAST_ID ? reach.last : LAST_ID),
				.stream_id = reach.stream_id,
			};
	return count;
}

/* Is a PCI function, by its source id, behind the unit of a configuration? */
static bool serves(const struct iommu_smmu_config *config, uint16_t source_id)
{
	unsigned int i;

	for (i = 0; i < config->id_range_count; i++)
		if (source_id >= config->id_ranges[i].first &&
		    source_id <= config->id_ranges[i].last)
			return true;
	return false;
}

bool unit_find_in_iort(const struct iommu_iort *iort, uint16_t source_id,
		       struct iommu_smmu_config *config)
{
	static struct iommu_smmu_ids of_units[UNITS_MAX][IDS_MAX];
	struct iommu_iort_node node = {0};
	unsigned int unit = 0;

	while (unit < UNITS_MAX && iommu_iort_next(iort, &node)) {
		if (node.type != IOMMU_IORT_SMMUV3 || !node.smmuv3.usable)
			continue;
		*config = (struct iommu_smmu_config){
			.registers = node.smmuv3.base,
			.flags = flags_of(&node.smmuv3),
			.httu = (enum iommu_smmu_httu)(IOMMU_SMMU_HTTU_NONE + node.smmuv3.httu),
			.id_ranges = of_units[unit],
			.id_range_count = reached_ids(iort, node.offset, of_units[unit]),
		};
		unit++;
		if (!serves(config, source_id))
			continue;
		interrupts_let_in(node.smmuv3.event);
		interrupts_let_in(node.smmuv3.gerror);
		return true;
	}
	return false;
}

/* --- A sleep in which it loses its registers -------------------------------------------------- */

static uint64_t registers;

/* What hardware has after reset, or what is as far from what it had. */
static void lose_state(void)
{
	static const uint16_t words[] = {SMMU_CR1, SMMU_CR2, SMMU_STRTAB_BASE_CFG, SMMU_CMDQ_PROD,
					 SMMU_CMDQ_CONS};
	static const uint16_t bases[] = {SMMU_STRTAB_BASE, SMMU_CMDQ_BASE, SMMU_EVENTQ_BASE};
	size_t i;

	write32(registers + SMMU_IRQ_CTRL, 0);
	write32(registers + SMMU_CR0, 0);
	write32(registers + SMMU_GBPA, SMMU_GBPA_UPDATE);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		write32(registers + words[i], 0);
	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		write64(registers + bases[i], 0);
	write32(registers + SMMU_EVENTQ_PROD, 0);
	write32(registers + SMMU_EVENTQ_CONS, 0);
}

void unit_may_lose_state(struct smmu_machine *machine)
{
	registers = machine->unit.registers;
	machine->lose_state = lose_state;
}
