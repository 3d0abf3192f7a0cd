/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include "pages.h"
#include "services.h"

extern char kernel_end[];

struct iommu_platform host_platform = {
	KERNEL_SERVICES,
};

void *host_memory(uint64_t size)
{
	unsigned int order = 0;

	while ((4096ULL << order) < size)
		order++;
	return pages_alloc(order);
}

_Noreturn void host_stop(const char *why)
{
	console_text("cannot go on: ");
	console_text(why);
	console_text("\n");
	machine_exit(false);
}

/* The memory of the machine is the first node with this kind of device. */
bool host_memory_start(const struct iommu_fdt *tree)
{
	const uint64_t start = ((uint64_t)(uintptr_t)kernel_end + 0x1fffff) & ~0x1fffffULL;
	const uint64_t end = start + HOST_MEMORY_SIZE;
	const uint64_t tree_start = (uint64_t)(uintptr_t)tree->bytes;
	struct iommu_fdt_registers memory;
	struct iommu_fdt_node node = {0};
	uint32_t size;

	while (iommu_fdt_next(tree, &node)) {
		const uint8_t *type = iommu_fdt_property(tree, &node, "device_type", &size);

		if (type == NULL || size != sizeof("memory") ||
		    __builtin_memcmp(type, "memory", size) != 0)
			continue;
		if (iommu_fdt_get_registers(tree, &node, 0, &memory) != 0 || memory.base > start ||
		    memory.base + memory.size < end || tree_start - start < HOST_MEMORY_SIZE)
			return false;
		pages_start((uintptr_t)start, (uintptr_t)end);
		return true;
	}
	return false;
}
