/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a command, as a table: --name, --name VALUE or --name=VALUE. */
#ifndef INSPECT_OPTIONS_H
#define INSPECT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * */
	OPTION_NUMBER, /* uint64_t */
	OPTION_HEX,    /* uint64_t, as registers are written */
	OPTION_SOURCE, /* uint16_t, from BUS:DEVICE.FUNCTION */
};

struct option {
	const char *name; /* without the dashes; NULL ends a table */
	enum option_kind kind;
	void *to;
	bool *given; /* whether it was there; NULL: not asked for */
};

/*
 * Take the options out of the words, of which the others move to the front. Returns how many those
 * are, or -1: an option is unknown or has a bad value, of which stderr was told. After "--" all
 * words are others.
 */
int options_take(const struct option *options, int count, char **words);

#endif
