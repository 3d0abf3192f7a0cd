/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_PGTABLE_7_3_H
#define LINUX_PGTABLE_7_3_H

#include <linux/generic_pt/iommu.h>

struct linux73_pgtable {
	struct pt_iommu_vtdss table;
};

#endif
