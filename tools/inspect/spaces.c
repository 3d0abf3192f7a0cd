/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/hw/pci_config.h>
#include <libiommu/status.h>

#include "bytes.h"
#include "heap.h"
#include "input.h"
#include "inspect.h"
#include "numbers.h"
#include "spaces.h"

/* What every user may read of a configuration space. */
#define HEADER_SIZE 64U

struct space {
	uint16_t segment, id;
	unsigned int size; /* what is known of it */
	uint8_t *bytes;
	char *name;
};

struct spaces {
	struct space *spaces;
	size_t count, room;
};

/* --- One space -------------------------------------------------------------------------------- */

/* The whole space of this size is known from now on: bytes that were not given are zero. */
static void know(struct space *space, unsigned int size)
{
	if (size <= space->size)
		return;
	space->bytes = heap_resize(space->bytes, size, 1);
	memset(space->bytes + space->size, 0, size - space->size);
	space->size = size;
}

static struct space *add_space(struct spaces *spaces, uint16_t segment, uint16_t id,
			       const char *name, size_t length)
{
	struct space *space;

	if (spaces->count == TOPOLOGY_MAX)
		return NULL;
	if (spaces->count == spaces->room) {
		spaces->room = spaces->room * 2 + 16;
		spaces->spaces = heap_resize(spaces->spaces, spaces->room, sizeof(*space));
	}
	space = &spaces->spaces[spaces->count++];
	*space = (struct space){.segment = segment, .id = id, .name = heap_text(name, length)};
	return space;
}

static void free_spaces(struct spaces *spaces)
{
	for (size_t i = 0; i < spaces->count; i++) {
		free(spaces->spaces[i].bytes);
		free(spaces->spaces[i].name);
	}
	free(spaces->spaces);
}

/* --- All of them, in order -------------------------------------------------------------------- */

static int compare(const void *one, const void *other)
{
	const struct space *a = one, *b = other;
	const uint32_t first = (uint32_t)a->segment << 16 | a->id;
	const uint32_t second = (uint32_t)b->segment << 16 | b->id;

	return first < second ? -1 : first > second;
}

static const struct space *find(const struct spaces *spaces, uint16_t segment, uint16_t id)
{
	const struct space key = {.segment = segment, .id = id};

	return spaces->count == 0 ? NULL
				  : bsearch(&key, spaces->spaces, spaces->count,
					    sizeof(struct space), compare);
}

static uint32_t read_word(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	const struct space *space = find(ctx, segment, id);

	return space == NULL || offset + 4 > space->size ? UINT32_MAX
							 : bytes_le32(space->bytes + offset);
}

static bool is_bridge_to(const struct space *space, uint16_t segment, uint8_t bus)
{
	return space->segment == segment && space->size >= HEADER_SIZE &&
	       PCI_HEADER_LAYOUT(bytes_le32(space->bytes + PCI_CONFIG_HEADER)) ==
		       PCI_LAYOUT_BRIDGE &&
	       space->bytes[PCI_CONFIG_BUSES + 1] == bus;
}

static bool is_root_bus(const struct spaces *spaces, uint16_t segment, uint8_t bus)
{
	for (size_t i = 0; i < spaces->count; i++)
		if (is_bridge_to(&spaces->spaces[i], segment, bus))
			return false;
	return true;
}

/* --- The topology ----------------------------------------------------------------------------- */

struct scan {
	struct spaces *spaces;
	struct iommu_pci_config config;
	struct iommu_pci_function *functions;
	size_t count;
};

static bool is_found(const struct scan *scan, const struct space *space)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->functions[i].segment == space->segment &&
		    iommu_pci_id(&scan->functions[i]) == space->id)
			return true;
	return false;
}

/* From the buses that no bridge leads to; then from those that were not reached all the same. */
static void scan_buses(struct scan *scan, bool roots_alone)
{
	uint32_t before = UINT32_MAX;

	for (size_t i = 0; i < scan->spaces->count; i++) {
		const struct space *space = &scan->spaces->spaces[i];
		const uint8_t bus = (uint8_t)(space->id >> 8);
		const uint32_t place = (uint32_t)space->segment << 8 | bus;

		if (place == before || is_found(scan, space) ||
		    (roots_alone && !is_root_bus(scan->spaces, space->segment, bus)))
			continue;
		before = place;
		(void)iommu_pci_scan(&scan->config, space->segment, bus, scan->functions,
				     TOPOLOGY_MAX, &scan->count);
	}
}

static const char *name_of(const struct spaces *spaces, const struct iommu_pci_function *function,
			   char text[16])
{
	const struct space *space = find(spaces, function->segment, iommu_pci_id(function));

	text[0] = '\0';
	if (space == NULL)
		return text;
	if (space->name[0] != '\0')
		return space->name;
	if (space->size >= 4 && bytes_le16(space->bytes) != PCI_VENDOR_ABSENT)
		(void)snprintf(text, 16, "%04x:%04x", bytes_le16(space->bytes),
			       bytes_le16(space->bytes + 2));
	return text;
}

/* Of a function with PCI Express, whose extended configuration space is not known. */
static bool may_hide_acs(const struct spaces *spaces, const struct iommu_pci_function *function)
{
	const struct space *space = find(spaces, function->segment, iommu_pci_id(function));

	return space != NULL && space->size == PCI_CONFIG_SIZE &&
	       function->type != IOMMU_PCI_CONVENTIONAL &&
	       function->type != IOMMU_PCI_CONVENTIONAL_BRIDGE;
}

static void fill(struct topology *topology, const struct scan *scan)
{
	char text[16];

	for (size_t i = 0; i < scan->count; i++) {
		const char *name = name_of(scan->spaces, &scan->functions[i], text);

		(void)topology_add(topology, &scan->functions[i], name, strlen(name));
		topology->conventional += may_hide_acs(scan->spaces, &scan->functions[i]) ? 1 : 0;
	}
	for (size_t i = 0; i < scan->spaces->count; i++) {
		const struct space *space = &scan->spaces->spaces[i];

		topology->cut += space->size < PCI_CONFIG_SIZE ? 1 : 0;
		topology->unreached += is_found(scan, space) ? 0 : 1;
	}
}

static int find_topology(struct topology *topology, struct spaces *spaces)
{
	struct scan scan = {.spaces = spaces, .config = {.ctx = spaces, .read = read_word}};
	char place[NUMBERS_PLACE_TEXT];

	if (spaces->count != 0)
		qsort(spaces->spaces, spaces->count, sizeof(struct space), compare);
	for (size_t i = 1; i < spaces->count; i++)
		if (compare(&spaces->spaces[i - 1], &spaces->spaces[i]) == 0)
			return inspect_complain(INSPECT_BROKEN, "%s is there twice",
						numbers_place(place, spaces->spaces[i].segment,
							      spaces->spaces[i].id));
	scan.functions = heap_resize(NULL, TOPOLOGY_MAX, sizeof(*scan.functions));
	scan_buses(&scan, true);
	scan_buses(&scan, false);
	fill(topology, &scan);
	free(scan.functions);
	return INSPECT_FINE;
}

/* --- Lines of lspci --------------------------------------------------------------------------- */

static int digit(const char *at, const char *end)
{
	if (at >= end)
		return -1;
	if (*at >= '0' && *at <= '9')
		return *at - '0';
	if (*at >= 'a' && *at <= 'f')
		return *at - 'a' + 10;
	return -1;
}

bool spaces_read_row(const struct lines *lines, struct row *row)
{
	const char *at = lines->line, *end = lines->line_end;
	unsigned int digits = 0;

	*row = (struct row){0};
	for (; digit(at, end) >= 0 && digits < 4; at++, digits++)
		row->offset = row->offset * 16 + (unsigned int)digit(at, end);
	if (digits < 2 || digits > 3 || end - at < 4 || at[0] != ':' || at[1] != ' ')
		return false;
	at++;
	row->is_sparse = digits == 3;
	while (row->count < sizeof(row->bytes) && at < end && *at == ' ' &&
	       digit(at + 1, end) >= 0 && digit(at + 2, end) >= 0) {
		row->bytes[row->count++] = (uint8_t)(digit(at + 1, end) << 4 | digit(at + 2, end));
		at += 3;
	}
	return row->count != 0 && row->offset % 16 == 0;
}

/* The function that a line begins; false: none, such as one of its details. */
static bool read_head(const struct lines *lines, uint16_t *segment, uint16_t *id, const char **name)
{
	struct lines rest = *lines;
	char word[LINES_WORD_MAX];
	const char *end;

	if (lines->line == lines->line_end || *lines->line == ' ' || *lines->line == '\t' ||
	    !lines_word(&rest, word))
		return false;
	end = numbers_read_place(word, segment, id);
	if (end == NULL || *end != '\0')
		return false;
	for (*name = rest.line; *name < rest.line_end && **name == ' ';)
		++*name;
	return true;
}

static void use_row(struct space *space, const struct row *row)
{
	if (row->offset >= PCI_CONFIG_SIZE)
		know(space, PCI_CONFIG_EXTENDED_SIZE);
	else if (row->offset >= HEADER_SIZE || row->is_sparse)
		know(space, PCI_CONFIG_SIZE);
	else
		know(space, HEADER_SIZE);
	memcpy(space->bytes + row->offset, row->bytes, row->count);
}

static int read_dump_line(struct spaces *spaces, struct space **space, const struct lines *lines)
{
	uint16_t segment, id;
	const char *name;
	struct row row;

	if (spaces_read_row(lines, &row)) {
		if (*space == NULL)
			return lines_complain(lines, "bytes before the first function");
		use_row(*space, &row);
		return INSPECT_FINE;
	}
	if (!read_head(lines, &segment, &id, &name))
		return INSPECT_FINE;
	*space = add_space(spaces, segment, id, name, (size_t)(lines->line_end - name));
	return *space == NULL ? lines_complain(lines, "there are too many functions")
			      : INSPECT_FINE;
}

int spaces_read_dump(struct topology *topology, struct lines lines)
{
	struct spaces spaces = {0};
	struct space *space = NULL;
	int status = INSPECT_FINE;

	while (status == INSPECT_FINE && lines_next(&lines))
		status = read_dump_line(&spaces, &space, &lines);
	if (status == INSPECT_FINE)
		status = find_topology(topology, &spaces);
	free_spaces(&spaces);
	return status;
}

/* --- Files of sysfs --------------------------------------------------------------------------- */

#define PATH_SIZE 4096U

static int read_config(struct spaces *spaces, const char *folder, const char *name)
{
	char path[PATH_SIZE];
	uint16_t segment, id;
	const char *end = numbers_read_place(name, &segment, &id);
	struct input input;
	struct space *space;
	int status;

	if (end == NULL || *end != '\0')
		return INSPECT_FINE;
	(void)snprintf(path, sizeof(path), "%s/devices/%s/config", folder, name);
	status = input_open(&input, path);
	if (status != INSPECT_FINE)
		return status;
	space = add_space(spaces, segment, id, "", 0);
	if (space != NULL) {
		const size_t most = PCI_CONFIG_EXTENDED_SIZE;

		know(space, (unsigned int)(input.size < most ? input.size : most));
		if (space->size != 0)
			memcpy(space->bytes, input.bytes, space->size);
	}
	input_close(&input);
	return space != NULL ? INSPECT_FINE
			     : inspect_complain(INSPECT_BROKEN, "there are too many functions");
}

int topology_read_files(struct topology *topology, const char *folder)
{
	struct spaces spaces = {0};
	char path[PATH_SIZE];
	const struct dirent *entry;
	int status = INSPECT_FINE;
	DIR *devices;

	(void)snprintf(path, sizeof(path), "%s/devices", folder);
	devices = opendir(path);
	if (devices == NULL)
		return inspect_complain(INSPECT_UNREADABLE, "%s cannot be listed", path);
	while (status == INSPECT_FINE && (entry = readdir(devices)) != NULL)
		status = read_config(&spaces, folder, entry->d_name);
	(void)closedir(devices);
	if (status == INSPECT_FINE)
		status = find_topology(topology, &spaces);
	free_spaces(&spaces);
	return status;
}
