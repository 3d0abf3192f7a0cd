/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines of the host. */
#ifndef IOMMU_BASE_LOG_H
#define IOMMU_BASE_LOG_H

#include <libiommu/platform.h>

/* "who: what": both may be any length; what does not fit a line of 160 characters is cut. */
void iommu_log(const struct iommu_platform *platform, enum iommu_log_level level, const char *who,
	       const char *what);

#endif
