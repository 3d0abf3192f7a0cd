/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "numbers.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* The digits from *text on, at least one and at most `most`; *text is what follows them. */
static bool read_digits(const char **text, unsigned int base, unsigned int most, uint64_t *value)
{
	unsigned int count = 0;

	*value = 0;
	for (; (unsigned int)digit_of(**text) < base; ++*text) {
		const unsigned int digit = (unsigned int)digit_of(**text);

		if (count++ == most || *value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	return count != 0;
}

static bool has_hex_prefix(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

bool numbers_read_hex(const char *text, uint64_t *value)
{
	text += has_hex_prefix(text) ? 2 : 0;
	return read_digits(&text, 16, UINT32_MAX, value) && *text == '\0';
}

bool numbers_read(const char *text, uint64_t *value)
{
	if (has_hex_prefix(text))
		return numbers_read_hex(text, value);
	return read_digits(&text, 10, UINT32_MAX, value) && *text == '\0';
}

const char *numbers_read_place(const char *text, uint16_t *segment, uint16_t *id)
{
	uint64_t parts[4] = {0}; /* segment, bus, device, function */

	if (!read_digits(&text, 16, 4, &parts[1]) || *text++ != ':' ||
	    !read_digits(&text, 16, 4, &parts[2]))
		return NULL;
	if (*text == ':') {
		text++;
		parts[0] = parts[1];
		parts[1] = parts[2];
		if (!read_digits(&text, 16, 2, &parts[2]))
			return NULL;
	}
	if (*text++ != '.' || !read_digits(&text, 16, 1, &parts[3]) || parts[1] > 255 ||
	    parts[2] > 31 || parts[3] > 7)
		return NULL;
	*segment = (uint16_t)parts[0];
	*id = (uint16_t)(parts[1] << 8 | parts[2] << 3 | parts[3]);
	return text;
}

char *numbers_size(char text[NUMBERS_SIZE_TEXT], uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned int unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit < 6) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(text, NUMBERS_SIZE_TEXT, "%" PRIu64 " %s", bytes, units[unit]);
	return text;
}

char *numbers_place(char text[NUMBERS_PLACE_TEXT], uint16_t segment, uint16_t id)
{
	const unsigned int bus = id >> 8, device = id >> 3 & 31, function = id & 7;

	if (segment != 0)
		(void)snprintf(text, NUMBERS_PLACE_TEXT, "%04x:%02x:%02x.%x", segment, bus, device,
			       function);
	else
		(void)snprintf(text, NUMBERS_PLACE_TEXT, "%02x:%02x.%x", bus, device, function);
	return text;
}
