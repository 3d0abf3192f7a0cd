/* SPDX-License-Identifier: BSD-2-Clause */
/* cap: registers in words, field by field. */
#include <inttypes.h>
#include <string.h>

#include "inspect.h"
#include "numbers.h"
#include "options.h"
#include "registers.h"

static unsigned int lowest_bit(uint64_t mask)
{
	unsigned int bit = 0;

	while ((mask >> bit & 1) == 0)
		bit++;
	return bit;
}

static unsigned int highest_bit(uint64_t mask)
{
	unsigned int bit = 63;

	while ((mask >> bit & 1) == 0)
		bit--;
	return bit;
}

static void show_field(struct out *out, const struct register_field *field, uint64_t value)
{
	const unsigned int low = lowest_bit(field->mask), high = highest_bit(field->mask);
	const uint64_t raw = (value & field->mask) >> low;
	char text[REGISTER_WORDS], bits[8];
	const char *words = raw != 0 ? "yes" : "no";

	if (field->words != NULL)
		words = field->words(text, value);
	(void)snprintf(bits, sizeof(bits), low == high ? "%u" : "%u:%u", high, low);
	out_item(out, NULL, "%5s  %-8s  %s: %s", bits, field->name, field->meaning, words);
	out_text(out, "name", "%s", field->name);
	out_text(out, "bits", "%s", bits);
	out_hex(out, "value", raw);
	out_text(out, "meaning", "%s", field->meaning);
	if (field->words != NULL)
		out_text(out, "says", "%s", words);
	else
		out_flag(out, "is set", raw != 0);
	out_close(out);
}

static void show_register(struct out *out, const struct register_table *table, uint64_t value)
{
	uint64_t unknown = value;

	out_open(out, NULL, "%s, %s: 0x%0*" PRIx64, table->name, table->meaning,
		 (int)(table->bits / 4), value);
	if (out->format == OUT_JSON) {
		out_text(out, "register", "%s", table->name);
		out_text(out, "meaning", "%s", table->meaning);
		out_hex(out, "value", value);
	}
	out_list(out, "fields");
	for (size_t i = 0; i < table->count; i++) {
		show_field(out, &table->fields[i], value);
		unknown &= ~table->fields[i].mask;
	}
	out_close(out);
	if (unknown != 0)
		out_hex(out, "bits that are reserved or unknown", unknown);
	out_close(out);
}

/* NAME=VALUE, or a value alone: the first of these is CAP, the second ECAP. */
static const struct register_table *parse(const char *word, unsigned int *unnamed, uint64_t *value)
{
	static const char *const names[] = {"cap", "ecap"};
	const char *number = strchr(word, '=');
	const struct register_table *table = NULL;

	if (number != NULL)
		table = register_find(word, (size_t)(number - word));
	else if (*unnamed < 2)
		table = register_find(names[*unnamed], strlen(names[*unnamed]));
	*unnamed += number == NULL ? 1 : 0;
	if (table == NULL || !numbers_read_hex(number == NULL ? word : number + 1, value))
		return NULL;
	return table->bits == 64 || *value >> 32 == 0 ? table : NULL;
}

static void complain_of(const char *word)
{
	(void)inspect_complain(INSPECT_USAGE, "%s is no REGISTER=VALUE of a known register:", word);
	for (size_t i = 0; register_at(i) != NULL; i++)
		(void)fprintf(stderr, "    %-12s %s\n", register_at(i)->name,
			      register_at(i)->meaning);
}

int inspect_cap(struct out *out, int count, char **words)
{
	static const struct option options[] = {{NULL, OPTION_FLAG, NULL, NULL}};
	unsigned int unnamed = 0;
	uint64_t value;

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (count == 0)
		return inspect_complain(INSPECT_USAGE, "cap: no value is given");
	for (int i = 0; i < count; i++) {
		if (parse(words[i], &unnamed, &value) == NULL) {
			complain_of(words[i]);
			return INSPECT_USAGE;
		}
	}
	unnamed = 0;
	out_start(out);
	out_list(out, "registers");
	for (int i = 0; i < count; i++) {
		const struct register_table *table = parse(words[i], &unnamed, &value);

		show_register(out, table, value);
	}
	out_close(out);
	return INSPECT_FINE;
}
