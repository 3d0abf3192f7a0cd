/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain of the peer's RISC-V driver, attached to a unit whose registers answer at once. */
#ifndef LINUX_RISCV_DRIVER_7_3_H
#define LINUX_RISCV_DRIVER_7_3_H

#include <linux/iommu.h>

struct iommu_domain *shim_riscv_create(void);
void shim_riscv_destroy(struct iommu_domain *domain);

#endif
