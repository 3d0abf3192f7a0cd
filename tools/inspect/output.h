/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output as text for people, or as JSON for programs, from the same calls.
 *
 * A document is a tree of objects and lists. An object that is opened has a title in text, and its
 * members are lines below the title; an item is an object that is one line in text, so that its
 * members are for JSON alone. Keys are words: in JSON their spaces are underscores. Elements of a
 * list have the key NULL. Numbers that do not fit a double are for out_hex, which JSON has as a
 * string. Whatever stands in a text, no control character reaches the terminal.
 */
#ifndef INSPECT_OUTPUT_H
#define INSPECT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum out_format {
	OUT_TEXT,
	OUT_JSON,
};

#define OUT_DEPTH_MAX  16
#define OUT_PRINTF(at) __attribute__((format(printf, at, (at) + 1)))

struct out {
	FILE *file;
	enum out_format format;
	bool colours;
	bool is_started;
	unsigned int depth;
	struct {
		bool is_list;
		bool is_item; /* nothing inside it is for text */
		bool has_members;
	} levels[OUT_DEPTH_MAX];
};

/* Begin the document; out_finish ends it and returns whether all of it was written. */
void out_start(struct out *out);
bool out_finish(struct out *out);

void out_open(struct out *out, const char *key, const char *title, ...) OUT_PRINTF(3);
void out_item(struct out *out, const char *key, const char *line, ...) OUT_PRINTF(3);
void out_list(struct out *out, const char *key);
/* Ends what was opened last: an object, an item or a list. */
void out_close(struct out *out);

void out_text(struct out *out, const char *key, const char *value, ...) OUT_PRINTF(3);
void out_number(struct out *out, const char *key, uint64_t value);
void out_hex(struct out *out, const char *key, uint64_t value);
void out_flag(struct out *out, const char *key, bool value);
/* Bytes: in text with the largest unit that divides them. */
void out_size(struct out *out, const char *key, uint64_t bytes);
/* What is wrong: a line that stands out. */
void out_problem(struct out *out, const char *key, const char *value, ...) OUT_PRINTF(3);
/* A line for people alone. */
void out_remark(struct out *out, const char *line, ...) OUT_PRINTF(2);

#endif
