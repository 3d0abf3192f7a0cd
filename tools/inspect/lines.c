/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "inspect.h"
#include "lines.h"

struct lines lines_of(const char *file, const uint8_t *bytes, size_t size)
{
	const char *text = (const char *)bytes;

	return (struct lines){.file = file, .next = text, .end = text + size};
}

bool lines_next(struct lines *lines)
{
	if (lines->next == lines->end)
		return false;
	lines->line = lines->next;
	lines->line_end = memchr(lines->line, '\n', (size_t)(lines->end - lines->line));
	if (lines->line_end == NULL) {
		lines->line_end = lines->end;
		lines->next = lines->end;
	} else {
		lines->next = lines->line_end + 1;
	}
	lines->number++;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

bool lines_word(struct lines *lines, char word[LINES_WORD_MAX])
{
	size_t length = 0;

	while (lines->line < lines->line_end && is_blank(*lines->line))
		lines->line++;
	while (lines->line < lines->line_end && !is_blank(*lines->line)) {
		if (length == LINES_WORD_MAX - 1)
			return false;
		word[length++] = *lines->line++;
	}
	word[length] = '\0';
	return length != 0;
}

int lines_complain(const struct lines *lines, const char *problem)
{
	return inspect_complain(INSPECT_BROKEN, "%s:%u: %s", lines->file, lines->number, problem);
}
