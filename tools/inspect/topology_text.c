/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "inspect.h"
#include "numbers.h"
#include "topology_text.h"

/* --- Words ------------------------------------------------------------------------------------ */

static bool read_type(const char *word, enum iommu_pci_type *type)
{
	for (unsigned int i = 0; i <= IOMMU_PCI_CONVENTIONAL_BRIDGE; i++) {
		*type = (enum iommu_pci_type)i;
		if (strcmp(word, topology_type_name(*type)) == 0)
			return true;
	}
	return false;
}

static bool read_flag(const char *word, unsigned int *flags)
{
	static const struct {
		const char *word;
		unsigned int flag;
	} known[] = {
		{"multifunction", IOMMU_PCI_MULTIFUNCTION},
		{"isolated", IOMMU_PCI_ISOLATED},
		{"hides-below", IOMMU_PCI_HIDES_BELOW},
		{"keeps-ids", IOMMU_PCI_KEEPS_IDS},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(word, known[i].word) != 0)
			continue;
		*flags |= known[i].flag;
		return true;
	}
	return false;
}

/* CAPABILITY/CONTROL */
static bool read_acs(const char *value, struct iommu_pci_function *function)
{
	char capability[LINES_WORD_MAX];
	const char *slash = strchr(value, '/');
	uint64_t has, on;

	if (slash == NULL)
		return false;
	(void)snprintf(capability, sizeof(capability), "%.*s", (int)(slash - value), value);
	if (!numbers_read_hex(capability, &has) || !numbers_read_hex(slash + 1, &on) ||
	    has > 0xffff || on > 0xffff)
		return false;
	function->flags |= IOMMU_PCI_HAS_ACS;
	function->acs_capability = (uint16_t)has;
	function->acs_control = (uint16_t)on;
	return true;
}

static bool read_bus(const char *value, struct iommu_pci_function *function)
{
	uint64_t bus;

	if (!numbers_read_hex(value, &bus) || bus == 0 || bus > 255)
		return false;
	function->secondary_bus = (uint8_t)bus;
	return true;
}

static bool read_virtual(const char *value, struct iommu_pci_function *function)
{
	uint16_t segment;
	const char *end = numbers_read_place(value, &segment, &function->physical_function);

	function->flags |= IOMMU_PCI_VIRTUAL;
	return end != NULL && *end == '\0' && (segment == 0 || segment == function->segment);
}

static bool read_alias(const char *value, struct iommu_pci_function *function)
{
	char place[LINES_WORD_MAX + 3];
	uint16_t segment, id;
	const char *end;

	if (function->alias_count == IOMMU_PCI_ALIASES_MAX)
		return false;
	(void)snprintf(place, sizeof(place), "00:%s", value);
	end = numbers_read_place(place, &segment, &id);
	if (end == NULL || *end != '\0' || id > 255)
		return false;
	function->aliases[function->alias_count++] = (uint8_t)id;
	return true;
}

static bool read_property(const char *word, struct iommu_pci_function *function)
{
	static const struct {
		const char *start;
		bool (*read)(const char *value, struct iommu_pci_function *function);
	} known[] = {
		{"bus=", read_bus},
		{"acs=", read_acs},
		{"virtual=", read_virtual},
		{"alias=", read_alias},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(word, known[i].start, strlen(known[i].start)) == 0)
			return known[i].read(word + strlen(known[i].start), function);
	return read_flag(word, &function->flags);
}

/* --- Lines ------------------------------------------------------------------------------------ */

static int read_function(struct topology *topology, struct lines *lines, const char *place)
{
	struct iommu_pci_function function = {0};
	const char *name = "";
	char word[LINES_WORD_MAX];
	uint16_t id;
	const char *end = numbers_read_place(place, &function.segment, &id);

	if (end == NULL || *end != '\0')
		return lines_complain(lines, "no function [SEGMENT:]BUS:DEVICE.FUNCTION");
	function.bus = (uint8_t)(id >> 8);
	function.devfn = (uint8_t)id;
	if (!lines_word(lines, word) || !read_type(word, &function.type))
		return lines_complain(lines, "the type of the function is missing or unknown");
	while (lines_word(lines, word)) {
		if (word[0] == '#')
			break;
		if (!read_property(word, &function))
			return lines_complain(lines, "a word that makes no sense");
	}
	for (name = lines->line; name < lines->line_end && *name == ' ';)
		name++;
	if (!topology_add(topology, &function, name, (size_t)(lines->line_end - name)))
		return lines_complain(lines, "there are too many functions");
	return INSPECT_FINE;
}

int topology_read_text(struct topology *topology, struct lines lines)
{
	char word[LINES_WORD_MAX];
	int status = INSPECT_FINE;

	while (status == INSPECT_FINE && lines_next(&lines))
		if (lines_word(&lines, word) && word[0] != '#')
			status = read_function(topology, &lines, word);
	return status;
}
