/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_PGTABLE_7_3_H
#define LINUX_PGTABLE_7_3_H

#include "vtd_7.3.h"

/* The table alone, or a domain of the driver with it. */
struct linux73_pgtable {
	union {
		struct pt_iommu_vtdss table;
		struct dmar_domain domain;
	};
};

#endif
