/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of a text, and the words of a line, in bytes that need no end and may be anything. */
#ifndef INSPECT_LINES_H
#define INSPECT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_WORD_MAX 64U

struct lines {
	const char *file;
	const char *next, *end;
	/* The current line, of which `line` is what has not been read yet. */
	const char *line, *line_end;
	unsigned int number;
};

struct lines lines_of(const char *file, const uint8_t *bytes, size_t size);

/* Go to the next line; false: there is none. */
bool lines_next(struct lines *lines);

/* The next word of the line, copied and ended; false: there is none, or it is too long. */
bool lines_word(struct lines *lines, char word[LINES_WORD_MAX]);

/* Say what is wrong with the current line; returns the status of a thing that is broken. */
int lines_complain(const struct lines *lines, const char *problem);

#endif
