/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "numbers.h"
#include "ranges.h"

#define PAGES_TEXT 160

static char *pages_text(char text[PAGES_TEXT], uint64_t pages)
{
	char size[NUMBERS_SIZE_TEXT];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int bit = 0; bit < 64 && used < PAGES_TEXT - NUMBERS_SIZE_TEXT - 2; bit++)
		if ((pages >> bit & 1) != 0)
			used += (size_t)snprintf(text + used, PAGES_TEXT - used, "%s%s",
						 used == 0 ? "" : ", ",
						 numbers_size(size, 1ULL << bit));
	return text;
}

static void show(struct ranges *ranges)
{
	const struct mapping *range = &ranges->current;
	char rights[8], size[NUMBERS_SIZE_TEXT], pages[PAGES_TEXT];

	(void)pages_rights(rights, ranges->format, range->rights);
	out_item(ranges->out, NULL,
		 "0x%016" PRIx64 " - 0x%016" PRIx64 "  to 0x%012" PRIx64 "  %s  %s in pages of %s",
		 range->iova, range->iova + (range->size - 1), range->address, rights,
		 numbers_size(size, range->size), pages_text(pages, ranges->pages));
	out_hex(ranges->out, "first", range->iova);
	out_hex(ranges->out, "last", range->iova + (range->size - 1));
	out_hex(ranges->out, "address", range->address);
	out_hex(ranges->out, "size", range->size);
	out_text(ranges->out, "permissions", "%s", rights);
	out_list(ranges->out, "page sizes");
	for (unsigned int bit = 0; bit < 64; bit++)
		if ((ranges->pages >> bit & 1) != 0)
			out_number(ranges->out, NULL, 1ULL << bit);
	out_close(ranges->out);
	out_close(ranges->out);
	ranges->count++;
	ranges->bytes += range->size;
}

static bool continues(const struct mapping *range, const struct mapping *mapping)
{
	return mapping->iova == range->iova + range->size &&
	       mapping->address == range->address + range->size && mapping->rights == range->rights;
}

void ranges_add(struct ranges *ranges, const struct mapping *mapping)
{
	if (ranges->is_open && continues(&ranges->current, mapping)) {
		ranges->current.size += mapping->size;
	} else {
		ranges_end(ranges);
		ranges->is_open = true;
		ranges->current = *mapping;
	}
	ranges->pages |= mapping->page;
}

void ranges_end(struct ranges *ranges)
{
	if (ranges->is_open)
		show(ranges);
	ranges->is_open = false;
	ranges->pages = 0;
}
