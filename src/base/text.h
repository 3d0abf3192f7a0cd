/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparison of texts, and lines put together without a format interpreter. */
#ifndef IOMMU_BASE_TEXT_H
#define IOMMU_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

static inline bool iommu_text_equal(const char *one, const char *other)
{
	while (*one != '\0' && *one == *other) {
		one++;
		other++;
	}
	return *one == *other;
}

/* Append text to a line of `size` bytes, of which `used` are; NUL-terminated. The new `used`. */
size_t iommu_line_append(char *line, size_t size, size_t used, const char *text);

/* The same for a number in decimal. */
size_t iommu_line_append_number(char *line, size_t size, size_t used, unsigned int number);

/* The same in hexadecimal, of at least so many digits: 1 to 8. */
size_t iommu_line_append_hex(char *line, size_t size, size_t used, unsigned int number,
			     unsigned int digits);

#endif
