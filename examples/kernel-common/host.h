/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernels that find everything through a device tree have alike of a host: pages, the log,
 * and the end of the run. Virtual addresses are physical ones. Each kernel has a console of its
 * own.
 */
#ifndef KERNEL_HOST_H
#define KERNEL_HOST_H

#include <libiommu/device_tree.h>
#include <libiommu/platform.h>

#include "services.h"

/* The memory that is used: above the image, below the device tree. */
#define HOST_MEMORY_SIZE (32ULL << 20)

/* Pages and the log; the port of the processor fills in the others. */
extern struct iommu_platform host_platform;

/* False: memory is not where it is needed. */
bool host_memory_start(const struct iommu_fdt *tree);
/* Zeroed memory for a scenario. */
void *host_memory(uint64_t size);
/* Ends the run as failed, and says why. */
_Noreturn void host_stop(const char *why);

/* --- Of each kernel: console.c, with console_text --------------------------------------------- */
void console_hex(uint64_t number);
/* Ends QEMU: exit status 0 for success, 1 for failure. */
_Noreturn void machine_exit(bool success);

#endif
