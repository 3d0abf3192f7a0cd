/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

size_t iommu_line_append(char *line, size_t size, size_t used, const char *text)
{
	while (*text != '\0' && used + 1 < size)
		line[used++] = *text++;
	line[used] = '\0';
	return used;
}

size_t iommu_line_append_number(char *line, size_t size, size_t used, unsigned int number)
{
	char digits[11];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	return iommu_line_append(line, size, used, &digits[at]);
}

size_t iommu_line_append_hex(char *line, size_t size, size_t used, unsigned int number,
			     unsigned int digits)
{
	static const char hex[] = "0123456789abcdef";
	char text[9];
	unsigned int i;

	while (digits < 8 && number >> 4 * digits != 0)
		digits++;
	for (i = 0; i < digits; i++)
		text[i] = hex[number >> 4 * (digits - 1 - i) & 15];
	text[digits] = '\0';
	return iommu_line_append(line, size, used, text);
}
