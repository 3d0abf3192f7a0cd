/* SPDX-License-Identifier: BSD-2-Clause */
/* iommu-inspect: looks at what an IOMMU sees. docs/man/iommu-inspect.1 is the manual. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libiommu/version.h>

#include "inspect.h"

#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number
#define VERSION                                                                                    \
	TEXT(IOMMU_VERSION_MAJOR) "." TEXT(IOMMU_VERSION_MINOR) "." TEXT(IOMMU_VERSION_PATCH)

static const struct {
	const char *name;
	inspect_command run;
	const char *words;
	const char *purpose;
} commands[] = {
	{"cap", inspect_cap, "REGISTER=VALUE...", "registers of a unit, field by field"},
	{"dmar", inspect_dmar, "FILE", "an ACPI DMAR table, structure by structure"},
	{"fault", inspect_fault, "[--unit KIND] WORD...", "a fault record, and its likely causes"},
	{"groups", inspect_groups, "TOPOLOGY",
	 "which PCI functions can be kept apart, and why not"},
	{"iort", inspect_iort, "FILE", "an ACPI IORT table, node by node"},
	{"ivrs", inspect_ivrs, "FILE", "an ACPI IVRS table, block by block"},
	{"power", inspect_power, "KIND FILE", "firmware's data of POWER machines"},
	{"tables", inspect_tables, "--memory DUMP OPTIONS", "all that is mapped, and the tables"},
	{"trace", inspect_trace, "[--events] [--svg PICTURE] FILE",
	 "what the library told its host"},
	{"walk", inspect_walk, "--memory DUMP OPTIONS IOVA", "how an address is translated"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

int inspect_complain(enum inspect_status status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("iommu-inspect: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return (int)status;
}

static int finish(FILE *file)
{
	if (fflush(file) == 0 && ferror(file) == 0)
		return INSPECT_FINE;
	return inspect_complain(INSPECT_UNREADABLE, "the output cannot be written");
}

static int show_help(FILE *file)
{
	(void)fputs(
		"iommu-inspect COMMAND [--json] WORDS...\n"
		"looks at what an IOMMU sees: firmware's tables, registers, dumps of memory.\n\n",
		file);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(file, "  %-7s %-34s %s\n", commands[i].name, commands[i].words,
			      commands[i].purpose);
	(void)fputs("\n  --json        the same as JSON\n"
		    "  --no-colours  plain text on terminals, too (as with NO_COLOR)\n"
		    "  --help, --version\n\n"
		    "exit status: 0 fine, 1 what is examined is broken or faults, 2 usage,\n"
		    "3 something cannot be read. The manual: iommu-inspect(1)\n",
		    file);
	return finish(file);
}

static bool are_colours_wanted(void)
{
	const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) != 0 && (refused == NULL || *refused == '\0') &&
	       terminal != NULL && strcmp(terminal, "dumb") != 0;
}

/* Take what every command understands out of its words; returns how many are left. */
static int take_common(struct out *out, int count, char **words)
{
	bool is_literal = false;
	int left = 0;

	for (int i = 0; i < count; i++) {
		is_literal = is_literal || strcmp(words[i], "--") == 0;
		if (!is_literal && strcmp(words[i], "--json") == 0)
			out->format = OUT_JSON;
		else if (!is_literal && strcmp(words[i], "--no-colours") == 0)
			out->colours = false;
		else
			words[left++] = words[i];
	}
	return left;
}

static int run(const char *name, int count, char **words)
{
	struct out out = {.file = stdout, .colours = are_colours_wanted()};
	int status;

	count = take_common(&out, count, words);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		status = commands[i].run(&out, count, words);
		if (out_finish(&out))
			return status;
		return inspect_complain(INSPECT_UNREADABLE, "the output cannot be written");
	}
	(void)inspect_complain(INSPECT_USAGE, "there is no command %s", name);
	(void)show_help(stderr);
	return INSPECT_USAGE;
}

static bool has_word(int count, char **words, const char *word)
{
	for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

int main(int count, char **words)
{
	if (has_word(count - 1, words + 1, "--help"))
		return show_help(stdout);
	if (has_word(count - 1, words + 1, "--version")) {
		(void)puts("iommu-inspect " VERSION);
		return finish(stdout);
	}
	if (count < 2) {
		(void)show_help(stderr);
		return INSPECT_USAGE;
	}
	return run(words[1], count - 2, words + 2);
}
