/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a flattened device tree: the IOMMUs of a machine, where their registers and interrupts
 * are, and which device has which id at which of them. For hosts without code of their own for
 * device trees; the rest of the library does not use it.
 *
 * The bytes come from firmware or from a guest and are not trusted: iommu_fdt_open checks the
 * structure once, nothing is read outside of it, nothing is allocated, nothing recurs, and every
 * iteration ends. The bytes must not change while they are read. Pure functions: no locks, any
 * context. (Devicetree Specification 0.4; the bindings "iommu", "pci-iommu" and "riscv,iommu"; the
 * layout: <libiommu/hw/device_tree.h>.)
 *
 *	struct iommu_fdt_node node = {0};
 *
 *	if (iommu_fdt_open(&fdt, blob, size) == 0)
 *		while (iommu_fdt_next(&fdt, &node))
 *			if (iommu_fdt_is_compatible(&fdt, &node, "riscv,iommu") &&
 *			    iommu_fdt_is_available(&fdt, &node) &&
 *			    iommu_fdt_get_registers(&fdt, &node, 0, &registers) == 0)
 *				…
 */
#ifndef LIBIOMMU_DEVICE_TREE_H
#define LIBIOMMU_DEVICE_TREE_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Larger trees are refused. */
#define IOMMU_FDT_MAX_SIZE (2U << 20)
/* Deeper ones, too; the root has depth 1. */
#define IOMMU_FDT_MAX_DEPTH 32
/* Cells of one reference: more are refused. */
#define IOMMU_FDT_MAX_CELLS 8

/* A checked tree. Read-only. */
struct iommu_fdt {
	const uint8_t *bytes;
	uint32_t structure, structure_end;
	uint32_t strings, strings_end;
	/* After iommu_fdt_open failed: the reason, in words; otherwise "". A static string. */
	const char *refusal;
};

/* One node. */
struct iommu_fdt_node {
	const char *name;   /* with its unit address; "" for the root. Inside the tree */
	unsigned int depth; /* 1: the root */
	/* Private to the iterator: where it and the nodes above it begin. */
	uint32_t path[IOMMU_FDT_MAX_DEPTH];
	uint32_t next;
};

/* A range of addresses. */
struct iommu_fdt_registers {
	iommu_paddr_t base; /* as processors use it */
	uint64_t size;
};

/* A reference to another node, by its phandle, with what its binding says about it. */
struct iommu_fdt_reference {
	uint32_t phandle;
	unsigned int count;
	uint32_t cells[IOMMU_FDT_MAX_CELLS];
	uint32_t position; /* private to the iterators */
};

/* Ids of a root complex (or of another bus), and what they become. */
struct iommu_fdt_map {
	uint32_t source;   /* the first of them, after the mask */
	uint32_t count;    /* 1 or more */
	uint32_t unit;     /* phandle */
	uint32_t id;       /* of the first */
	uint32_t position; /* private to the iterator */
};

/*
 * iommu_fdt_open - check a tree.
 *
 * @bytes, @size: the blob; @size may exceed it. Not copied; at a multiple of 4 or not.
 *
 * Returns 0, or IOMMU_EINVAL: no header, larger than what was given or than IOMMU_FDT_MAX_SIZE, a
 * version that this library does not know, blocks outside, unknown words, names or values that do
 * not end inside, nodes that do not end, are not one tree, or are too deep. After an error *fdt is
 * empty, and fdt->refusal is the reason in words. Context: any; takes no lock.
 */
IOMMU_API int iommu_fdt_open(struct iommu_fdt *fdt, const void *bytes, size_t size);

/*
 * iommu_fdt_next - the next node, in the order of the tree, each before those below. @node:
 * zero-initialised before the first call, then unchanged from the last call. Returns false at the
 * end. Context: any; takes no lock.
 */
IOMMU_API bool iommu_fdt_next(const struct iommu_fdt *fdt, struct iommu_fdt_node *node);

/*
 * iommu_fdt_find - the node with a phandle. Returns 0, or IOMMU_ENOENT. Context: any; takes no
 * lock.
 */
IOMMU_API int iommu_fdt_find(const struct iommu_fdt *fdt, uint32_t phandle,
			     struct iommu_fdt_node *node);

/*
 * iommu_fdt_property - the value of a property, in the tree; NULL: there is none of this name.
 * @size: receives its size in bytes. Values are aligned only as the blob is: iommu_fdt_cell reads
 * them.
 *
 * Context: any; takes no lock.
 */
IOMMU_API const uint8_t *iommu_fdt_property(const struct iommu_fdt *fdt,
					    const struct iommu_fdt_node *node, const char *name,
					    uint32_t *size);

/* iommu_fdt_cell - a word of a value: index < size / 4. Context: any; takes no lock. */
static inline uint32_t iommu_fdt_cell(const uint8_t *value, uint32_t index)
{
	const uint8_t *at = value + (size_t)index * 4;

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* iommu_fdt_phandle - the phandle of a node; 0: it has none. Context: any; takes no lock. */
IOMMU_API uint32_t iommu_fdt_phandle(const struct iommu_fdt *fdt,
				     const struct iommu_fdt_node *node);

/*
 * iommu_fdt_is_compatible - whether a string is one of the node's "compatible". Context: any; takes
 * no lock.
 */
IOMMU_API bool iommu_fdt_is_compatible(const struct iommu_fdt *fdt,
				       const struct iommu_fdt_node *node, const char *string);

/*
 * iommu_fdt_is_available - whether neither the node nor one above it has a "status" but "okay".
 * Context: any; takes no lock.
 */
IOMMU_API bool iommu_fdt_is_available(const struct iommu_fdt *fdt,
				      const struct iommu_fdt_node *node);

/*
 * iommu_fdt_get_registers - an entry of "reg", as an address of processors: through the "ranges" of
 * all nodes above.
 *
 * Returns 0, IOMMU_ENOENT (there is no such entry), IOMMU_EINVAL (a property of the wrong size), or
 * IOMMU_EOPNOTSUPP: no address of processors, because a node above has no "ranges" for it, or cells
 * that no address has (PCI functions).
 *
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_fdt_get_registers(const struct iommu_fdt *fdt,
				      const struct iommu_fdt_node *node, unsigned int index,
				      struct iommu_fdt_registers *registers);

/*
 * iommu_fdt_get_function - the PCI function that a node below a root complex stands for, by its
 * "reg".
 *
 * @rid: receives bus << 8 | device << 3 | function.
 *
 * Returns 0, or IOMMU_ENOENT: the node is none of a function. Context: any; takes no lock.
 */
IOMMU_API int iommu_fdt_get_function(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
				     uint16_t *rid);

/*
 * iommu_fdt_next_interrupt - the next interrupt of a node: of "interrupts-extended", or else of
 * "interrupts" with the "interrupt-parent" of the node or of the nearest above. phandle is the
 * controller's, cells are what its binding says. @reference: zero-initialised before the first
 * call. Returns false at the end, which an entry that cannot be read is, too. Context: any; takes
 * no lock.
 */
IOMMU_API bool iommu_fdt_next_interrupt(const struct iommu_fdt *fdt,
					const struct iommu_fdt_node *node,
					struct iommu_fdt_reference *reference);

/*
 * iommu_fdt_next_iommu - the next unit that a device is behind, by its "iommus": phandle, and
 * "#iommu-cells" cells, of which RISC-V and SMMUv3 have one, the id. Used like
 * iommu_fdt_next_interrupt. Context: any; takes no lock.
 */
IOMMU_API bool iommu_fdt_next_iommu(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
				    struct iommu_fdt_reference *reference);

/*
 * iommu_fdt_next_map - the next entry of "iommu-map"; used like iommu_fdt_next_interrupt. Entries
 * of no ids, or of ids that wrap, are skipped. Context: any; takes no lock.
 */
IOMMU_API bool iommu_fdt_next_map(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
				  struct iommu_fdt_map *map);

/*
 * iommu_fdt_map_id - the unit of an id of a root complex, and the id there, by "iommu-map" and
 * "iommu-map-mask".
 *
 * @node: the root complex's. @rid: bus << 8 | device << 3 | function. @unit: receives the phandle.
 *
 * Returns 0, or IOMMU_ENOENT: the node maps no such id. The first entry that has it counts.
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_fdt_map_id(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node,
			       uint32_t rid, uint32_t *unit, uint32_t *id);

IOMMU_END_DECLS
#endif
