/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_BASE_TEXT_H
#define IOMMU_BASE_TEXT_H

#include <stdbool.h>

static inline bool iommu_text_equal(const char *one, const char *other)
{
	while (*one != '\0' && *one == *other) {
		one++;
		other++;
	}
	return *one == *other;
}

#endif
