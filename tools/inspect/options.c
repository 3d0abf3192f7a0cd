/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "inspect.h"
#include "numbers.h"
#include "options.h"

/* The option of a word, and the value that stands in the word itself, or NULL. */
static const struct option *find(const struct option *options, const char *word, const char **value)
{
	const char *name = word + 2;
	const size_t length = strcspn(name, "=");

	*value = name[length] == '=' ? name + length + 1 : NULL;
	for (; options->name != NULL; options++)
		if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static bool store(const struct option *option, const char *value)
{
	uint16_t segment, id;
	const char *end;

	switch (option->kind) {
	case OPTION_TEXT:
		*(const char **)option->to = value;
		return true;
	case OPTION_NUMBER:
		return numbers_read(value, option->to);
	case OPTION_HEX:
		return numbers_read_hex(value, option->to);
	case OPTION_SOURCE:
		end = numbers_read_place(value, &segment, &id);
		if (end == NULL || *end != '\0' || segment != 0)
			return false;
		*(uint16_t *)option->to = id;
		return true;
	case OPTION_FLAG:
	default:
		return false;
	}
}

/* Use the word at `at`, and the one after it where that is its value; returns how many, or 0. */
static int take(const struct option *options, int at, int count, char **words)
{
	const char *value;
	const struct option *option = find(options, words[at], &value);
	const bool inside = value != NULL;

	if (option == NULL) {
		(void)inspect_complain(INSPECT_USAGE, "unknown option %s", words[at]);
		return 0;
	}
	if (option->given != NULL)
		*option->given = true;
	if (option->kind == OPTION_FLAG && !inside) {
		*(bool *)option->to = true;
		return 1;
	}
	if (!inside && at + 1 < count)
		value = words[at + 1];
	if (value == NULL || !store(option, value)) {
		(void)inspect_complain(INSPECT_USAGE, "--%s: %s is no value for it", option->name,
				       value == NULL ? "nothing" : value);
		return 0;
	}
	return inside ? 1 : 2;
}

int options_take(const struct option *options, int count, char **words)
{
	int others = 0, at = 0;

	while (at < count) {
		int used = 1;

		if (strcmp(words[at], "--") == 0) {
			for (at++; at < count; at++)
				words[others++] = words[at];
			break;
		}
		if (strncmp(words[at], "--", 2) == 0)
			used = take(options, at, count, words);
		else
			words[others++] = words[at];
		if (used == 0)
			return -1;
		at += used;
	}
	return others;
}
