/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include "base/text.h"

void iommu_log(const struct iommu_platform *platform, enum iommu_log_level level, const char *who,
	       const char *what)
{
	char line[160];
	size_t used;

	if (platform->log == NULL)
		return;
	used = iommu_line_append(line, sizeof(line), 0, who);
	used = iommu_line_append(line, sizeof(line), used, ": ");
	(void)iommu_line_append(line, sizeof(line), used, what);
	platform->log(platform->ctx, level, line);
}
