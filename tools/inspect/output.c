/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "numbers.h"
#include "output.h"

#define PLAIN "\033[0m"
#define BOLD  "\033[1m"
#define RED   "\033[31m"

/* --- Characters ------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

static void put_safely(struct out *out, const char *text)
{
	for (; *text != '\0'; text++) {
		const unsigned char c = (unsigned char)*text;

		if (is_plain(c))
			(void)fputc(c, out->file);
		else
			(void)fprintf(out->file, "\\x%02x", c);
	}
}

static void put_json_string(struct out *out, const char *text)
{
	(void)fputc('"', out->file);
	for (; *text != '\0'; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			(void)fprintf(out->file, "\\%c", c);
		else if (is_plain(c))
			(void)fputc(c, out->file);
		else
			(void)fprintf(out->file, "\\u%04x", c);
	}
	(void)fputc('"', out->file);
}

/* The caller frees it. */
static __attribute__((format(printf, 1, 0))) char *print(const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = heap_zeroed(length < 0 ? 1 : (size_t)length + 1, 1);
	(void)vsnprintf(text, length < 0 ? 1 : (size_t)length + 1, format, arguments);
	return text;
}

/* --- Levels ----------------------------------------------------------------------------------- */

static bool is_json(const struct out *out)
{
	return out->format == OUT_JSON;
}

static bool is_silent(const struct out *out)
{
	return !is_json(out) && out->levels[out->depth].is_item;
}

static void indent(struct out *out)
{
	for (unsigned int i = 1; i <= out->depth; i++)
		if (is_json(out) || !out->levels[i].is_list)
			(void)fputs(is_json(out) ? "  " : "    ", out->file);
}

static void put_key(struct out *out, const char *key)
{
	(void)fputc('"', out->file);
	for (; *key != '\0'; key++)
		(void)fputc(*key == ' ' ? '_' : *key, out->file);
	(void)fputs("\": ", out->file);
}

/* Everything that stands before a member's value. */
static void begin_member(struct out *out, const char *key)
{
	if (is_json(out)) {
		(void)fputs(out->levels[out->depth].has_members ? ",\n" : "\n", out->file);
		out->levels[out->depth].has_members = true;
	}
	if (is_json(out))
		(void)fputs("  ", out->file);
	indent(out);
	if (key == NULL)
		return;
	if (is_json(out))
		put_key(out, key);
	else
		(void)fprintf(out->file, "%s: ", key);
}

static void enter(struct out *out, bool is_list, bool is_item)
{
	const bool silent = out->levels[out->depth].is_item;

	if (out->depth + 1 == OUT_DEPTH_MAX)
		abort();
	out->depth++;
	out->levels[out->depth].is_list = is_list;
	out->levels[out->depth].is_item = is_item || silent;
	out->levels[out->depth].has_members = false;
}

static void put_title(struct out *out, const char *title, const char *colour)
{
	indent(out);
	if (out->colours && colour != NULL)
		(void)fputs(colour, out->file);
	put_safely(out, title);
	if (out->colours && colour != NULL)
		(void)fputs(PLAIN, out->file);
	(void)fputc('\n', out->file);
}

static void open_object(struct out *out, const char *key, const char *title, bool is_item)
{
	if (is_json(out)) {
		begin_member(out, key);
		(void)fputc('{', out->file);
	} else if (!is_silent(out)) {
		put_title(out, title, is_item ? NULL : BOLD);
	}
	enter(out, false, is_item);
}

void out_start(struct out *out)
{
	out->is_started = true;
	out->depth = 0;
	memset(out->levels, 0, sizeof(out->levels));
	if (is_json(out))
		(void)fputc('{', out->file);
}

bool out_finish(struct out *out)
{
	if (out->is_started && is_json(out))
		(void)fputs("\n}\n", out->file);
	return fflush(out->file) == 0 && ferror(out->file) == 0;
}

void out_open(struct out *out, const char *key, const char *title, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, title);
	text = print(title, arguments);
	va_end(arguments);
	open_object(out, key, text, false);
	free(text);
}

void out_item(struct out *out, const char *key, const char *line, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, line);
	text = print(line, arguments);
	va_end(arguments);
	open_object(out, key, text, true);
	free(text);
}

void out_list(struct out *out, const char *key)
{
	if (is_json(out)) {
		begin_member(out, key);
		(void)fputc('[', out->file);
	}
	enter(out, true, false);
}

void out_close(struct out *out)
{
	const bool is_list = out->levels[out->depth].is_list;
	const bool has_members = out->levels[out->depth].has_members;

	out->depth--;
	if (!is_json(out))
		return;
	if (has_members) {
		(void)fputs("\n  ", out->file);
		indent(out);
	}
	(void)fputc(is_list ? ']' : '}', out->file);
}

/* --- Values ----------------------------------------------------------------------------------- */

static void put_string(struct out *out, const char *key, const char *text)
{
	if (is_silent(out))
		return;
	begin_member(out, key);
	if (is_json(out)) {
		put_json_string(out, text);
		return;
	}
	put_safely(out, text);
	(void)fputc('\n', out->file);
}

void out_text(struct out *out, const char *key, const char *value, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, value);
	text = print(value, arguments);
	va_end(arguments);
	put_string(out, key, text);
	free(text);
}

void out_number(struct out *out, const char *key, uint64_t value)
{
	if (is_silent(out))
		return;
	begin_member(out, key);
	(void)fprintf(out->file, "%" PRIu64 "%s", value, is_json(out) ? "" : "\n");
}

void out_hex(struct out *out, const char *key, uint64_t value)
{
	const char *quote = is_json(out) ? "\"" : "";

	if (is_silent(out))
		return;
	begin_member(out, key);
	(void)fprintf(out->file, "%s0x%" PRIx64 "%s%s", quote, value, quote,
		      is_json(out) ? "" : "\n");
}

void out_flag(struct out *out, const char *key, bool value)
{
	if (is_silent(out))
		return;
	begin_member(out, key);
	if (is_json(out))
		(void)fputs(value ? "true" : "false", out->file);
	else
		(void)fputs(value ? "yes\n" : "no\n", out->file);
}

void out_size(struct out *out, const char *key, uint64_t bytes)
{
	char text[NUMBERS_SIZE_TEXT];

	if (is_json(out))
		out_number(out, key, bytes);
	else
		put_string(out, key, numbers_size(text, bytes));
}

void out_problem(struct out *out, const char *key, const char *value, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, value);
	text = print(value, arguments);
	va_end(arguments);
	if (is_json(out))
		put_string(out, key, text);
	else if (!is_silent(out))
		put_title(out, text, RED);
	free(text);
}

void out_remark(struct out *out, const char *line, ...)
{
	va_list arguments;
	char *text;

	if (is_json(out) || is_silent(out))
		return;
	va_start(arguments, line);
	text = print(line, arguments);
	va_end(arguments);
	put_title(out, text, NULL);
	free(text);
}
