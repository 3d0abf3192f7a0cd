/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/version.h>

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)

unsigned int iommu_version(void)
{
	return IOMMU_VERSION;
}

const char *iommu_version_string(void)
{
	return STRING(IOMMU_VERSION_MAJOR) "." STRING(IOMMU_VERSION_MINOR) "." STRING(
		IOMMU_VERSION_PATCH);
}
