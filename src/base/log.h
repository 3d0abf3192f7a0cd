/* SPDX-License-Identifier: BSD-2-Clause */
/* One log line out of a few strings and a number, without a format interpreter. */
#ifndef IOMMU_BASE_LOG_H
#define IOMMU_BASE_LOG_H

#include <libiommu/platform.h>

/* "who: what": both may be any length; what does not fit a line of 160 characters is cut. */
void iommu_log(const struct iommu_platform *platform, enum iommu_log_level level, const char *who,
	       const char *what);

/* Append text to a line of `size` bytes that holds `used`; returns the new `used`. NUL-terminated.
 */
size_t iommu_line_append(char *line, size_t size, size_t used, const char *text);

/* The same for a number in decimal. */
size_t iommu_line_append_number(char *line, size_t size, size_t used, unsigned int number);

/* The same in hexadecimal, of at least so many digits: 1 to 8. */
size_t iommu_line_append_hex(char *line, size_t size, size_t used, unsigned int number,
			     unsigned int digits);

#endif
