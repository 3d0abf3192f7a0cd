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

#define ADDRESSING                                                                                 \
	"  --memory FILE           the dump; --base ADDRESS: of its first byte (0)\n"              \
	"  --rtaddr VALUE          VT-d's root table address register, or --root ADDRESS\n"        \
	"                          of the root table, with --scalable in scalable mode\n"          \
	"  --source BB:DD.F        the device; --pasid NUMBER\n"                                   \
	"  --cap, --ecap VALUE     the unit's registers; --width BITS: of memory's addresses\n"    \
	"  --format NAME           a table alone, at --root: second-stage, x86_64, tce, "          \
	"riscvfs,\n"                                                                               \
	"                          riscvss, vmsas1, vmsas2; --levels NUMBER\n"                     \
	"  --page-shift, --table-shift NUMBER, --tve VALUE   of tce\n"                             \
	"  --bits, --granule NUMBER, --lpa2                  of vmsas1 and vmsas2\n"

#define OF_TABLE                                                                                   \
	"  --memory DUMP           in place of FILE: the table is found by the root pointer;\n"    \
	"                          --base ADDRESS: of the dump's first byte\n"                     \
	"  --rsdp ADDRESS          of the root pointer\n"

static const struct {
	const char *name;
	inspect_command run;
	const char *words;
	const char *purpose;
	const char *options; /* NULL: none but those of all */
} commands[] = {
	{"cap", inspect_cap, "REGISTER=VALUE...", "registers of a unit, field by field",
	 "  REGISTER                as cap=, ecap=, gsts=, fsts= of VT-d; idr0= of an SMMUv3;\n"
	 "                          capabilities=, ddtp= of RISC-V; tve= of a POWER bridge\n"},
	{"dmar", inspect_dmar, "FILE", "an ACPI DMAR table, structure by structure", OF_TABLE},
	{"dtb", inspect_dtb, "FILE", "the IOMMUs of a device tree, and what is behind them", NULL},
	{"fault", inspect_fault, "[--unit KIND] WORD...", "a fault record, and its likely causes",
	 "  --unit vtd|smmu|riscv   whose record it is (vtd)\n"
	 "  --reason NUMBER         in place of a record: one reason\n"
	 "  --page-request          a record of VT-d's page request queue\n"},
	{"groups", inspect_groups, "TOPOLOGY", "which PCI functions can be kept apart, and why not",
	 "  --dot, --svg            a picture in place of a listing\n"},
	{"iort", inspect_iort, "FILE", "an ACPI IORT table, node by node", OF_TABLE},
	{"ivrs", inspect_ivrs, "FILE", "an ACPI IVRS table, block by block", OF_TABLE},
	{"power", inspect_power, "KIND FILE", "firmware's data of POWER machines",
	 "  KIND                    dma-window, ddw, left-window or diagnostics\n"
	 "  --address-cells, --size-cells NUMBER\n"},
	{"rimt", inspect_rimt, "FILE", "an ACPI RIMT table, node by node", OF_TABLE},
	{"tables", inspect_tables, "--memory DUMP OPTIONS", "all that is mapped, and the tables",
	 ADDRESSING "  --limit NUMBER          of entries that are looked at\n"
		    "  --dot                   the tables as a graph\n"},
	{"trace", inspect_trace, "[--events] [--svg PICTURE] FILE",
	 "what the library told its host",
	 "  --events                a line for each record\n"
	 "  --svg PICTURE           a timeline\n"},
	{"walk", inspect_walk, "--memory DUMP OPTIONS IOVA", "how an address is translated",
	 ADDRESSING "  --write, --execute, --privileged   the access (a read without privilege)\n"},
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

static int show_help_of(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		(void)printf("iommu-inspect %s %s\n%s.\n", commands[i].name, commands[i].words,
			     commands[i].purpose);
		if (commands[i].options != NULL)
			(void)printf("\n%s", commands[i].options);
		(void)fputs("\nfor all: iommu-inspect --help, iommu-inspect(1)\n", stdout);
		return finish(stdout);
	}
	return show_help(stdout);
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

/* The first of the words is the command; what every command understands may stand before it. */
static int run(int count, char **words)
{
	struct out out = {.file = stdout, .colours = are_colours_wanted()};
	const char *name;
	int status;

	count = take_common(&out, count, words);
	if (count == 0) {
		(void)show_help(stderr);
		return INSPECT_USAGE;
	}
	name = *words++;
	count--;
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

/* The first word that is no option. */
static const char *command_of(int count, char **words)
{
	for (int i = 0; i < count; i++)
		if (words[i][0] != '-')
			return words[i];
	return "";
}

int main(int count, char **words)
{
	if (has_word(count - 1, words + 1, "--help"))
		return show_help_of(command_of(count - 1, words + 1));
	if (has_word(count - 1, words + 1, "--version")) {
		(void)puts("iommu-inspect " VERSION);
		return finish(stdout);
	}
	return run(count - 1, words + 1);
}
