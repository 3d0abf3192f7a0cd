/* SPDX-License-Identifier: BSD-2-Clause */
/* groups: which PCI functions can be kept apart, and what keeps the others together. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "groups.h"
#include "heap.h"
#include "input.h"
#include "inspect.h"
#include "numbers.h"
#include "options.h"

/* --- Functions -------------------------------------------------------------------------------- */

static const struct iommu_pci_function *function_at(const struct group_reasons *reasons,
						    size_t index)
{
	return &reasons->topology->functions[index];
}

static char *place_at(char text[NUMBERS_PLACE_TEXT], const struct group_reasons *reasons,
		      size_t index)
{
	const struct iommu_pci_function *function = function_at(reasons, index);

	return numbers_place(text, function->segment, iommu_pci_id(function));
}

static void show_function(struct out *out, const struct group_reasons *reasons, size_t index)
{
	const struct iommu_pci_function *function = function_at(reasons, index);
	const char *name = reasons->topology->names[index];
	char place[NUMBERS_PLACE_TEXT];

	out_item(out, NULL, "%s  %s%s%s%s", place_at(place, reasons, index),
		 topology_type_name(function->type),
		 (function->flags & IOMMU_PCI_VIRTUAL) != 0 ? ", virtual" : "",
		 name[0] == '\0' ? "" : ": ", name);
	out_text(out, "function", "%s", place);
	out_text(out, "type", "%s", topology_type_name(function->type));
	out_text(out, "name", "%s", name);
	out_flag(out, "multifunction", (function->flags & IOMMU_PCI_MULTIFUNCTION) != 0);
	out_flag(out, "virtual", (function->flags & IOMMU_PCI_VIRTUAL) != 0);
	out_number(out, "bus below", function->secondary_bus);
	out_flag(out, "has acs", (function->flags & IOMMU_PCI_HAS_ACS) != 0);
	if ((function->flags & IOMMU_PCI_HAS_ACS) != 0) {
		out_hex(out, "acs capability", function->acs_capability);
		out_hex(out, "acs control", function->acs_control);
	}
	out_close(out);
}

/* --- What a function lacks -------------------------------------------------------------------- */

static const struct {
	unsigned int bit;
	const char *name;
} wanted_bits[] =
	{
		{IOMMU_PCI_ACS_SOURCE_VALIDATION, "source validation"},
		{IOMMU_PCI_ACS_REQUEST_REDIRECT, "request redirect"},
		{IOMMU_PCI_ACS_COMPLETION_REDIRECT, "completion redirect"},
		{IOMMU_PCI_ACS_UPSTREAM_FORWARDING, "upstream forwarding"},
},
  unwanted_bits[] = {
	  {IOMMU_PCI_ACS_EGRESS_CONTROL, "egress control"},
	  {IOMMU_PCI_ACS_DIRECT_TRANSLATED, "direct translated P2P"},
};

#define LACK_TEXT 256

static void append(char text[LACK_TEXT], const char *separator, const char *words)
{
	const size_t used = strlen(text);

	(void)snprintf(text + used, LACK_TEXT - used, "%s%s", used == 0 ? "" : separator, words);
}

static void append_bits(char text[LACK_TEXT], const struct iommu_pci_function *function)
{
	const bool needs_all = function->type == IOMMU_PCI_DOWNSTREAM_PORT;
	char line[64];

	for (size_t i = 0; i < sizeof(wanted_bits) / sizeof(wanted_bits[0]); i++) {
		const bool has = (function->acs_capability & wanted_bits[i].bit) != 0;

		if ((function->acs_control & wanted_bits[i].bit) != 0 || (!has && !needs_all))
			continue;
		(void)snprintf(line, sizeof(line), "%s is %s", wanted_bits[i].name,
			       has ? "off" : "missing");
		append(text, ", ", line);
	}
	for (size_t i = 0; i < sizeof(unwanted_bits) / sizeof(unwanted_bits[0]); i++) {
		if ((function->acs_control & unwanted_bits[i].bit) == 0)
			continue;
		(void)snprintf(line, sizeof(line), "%s is on", unwanted_bits[i].name);
		append(text, ", ", line);
	}
}

static bool is_conventional(enum iommu_pci_type type)
{
	return type == IOMMU_PCI_CONVENTIONAL || type == IOMMU_PCI_CONVENTIONAL_BRIDGE ||
	       type == IOMMU_PCI_EXPRESS_TO_PCI || type == IOMMU_PCI_PCI_TO_EXPRESS;
}

/* Why a function does not keep requests apart. */
static const char *lack_of(char text[LACK_TEXT], const struct iommu_pci_function *function)
{
	text[0] = '\0';
	if (is_conventional(function->type))
		return "without PCI Express there is no access control (ACS)";
	if (function->type == IOMMU_PCI_EVENT_COLLECTOR)
		return "an event collector has no access control (ACS)";
	if ((function->flags & IOMMU_PCI_HAS_ACS) == 0)
		return "it has no access control (ACS)";
	append_bits(text, function);
	return text[0] == '\0' ? "its access control (ACS) is not enough" : text;
}

/* Would it keep apart if its ACS were turned on? */
static bool can_be_mended(const struct iommu_pci_function *function)
{
	const unsigned int all = IOMMU_PCI_ACS_SOURCE_VALIDATION | IOMMU_PCI_ACS_REQUEST_REDIRECT |
				 IOMMU_PCI_ACS_COMPLETION_REDIRECT |
				 IOMMU_PCI_ACS_UPSTREAM_FORWARDING;

	if ((function->flags & IOMMU_PCI_HAS_ACS) == 0 || is_conventional(function->type))
		return false;
	return function->type != IOMMU_PCI_DOWNSTREAM_PORT ||
	       (function->acs_capability & all) == all;
}

/* --- Reasons ---------------------------------------------------------------------------------- */

/* The functions of one class of a partition, but for one of them. */
static void list_others(struct out *out, const struct group_reasons *reasons,
			const size_t *partition, size_t class, size_t but)
{
	char place[NUMBERS_PLACE_TEXT];

	out_list(out, "functions");
	for (size_t i = 0; i < reasons->topology->count; i++)
		if (partition[i] == class && i != but)
			out_text(out, NULL, "%s", place_at(place, reasons, i));
	out_close(out);
}

/* The same in words: the caller frees them. */
static char *words_of_others(const struct group_reasons *reasons, const size_t *partition,
			     size_t class, size_t but)
{
	char *text = heap_zeroed(reasons->topology->count + 1, NUMBERS_PLACE_TEXT + 2), *at = text;
	char place[NUMBERS_PLACE_TEXT];

	for (size_t i = 0; i < reasons->topology->count; i++)
		if (partition[i] == class && i != but)
			at += sprintf(at, "%s%s", at == text ? "" : ", ",
				      place_at(place, reasons, i));
	return text;
}

/* Is there anything in a function's class that is not there by ids? */
static bool joins_more(const struct group_reasons *reasons, const size_t *partition, size_t index)
{
	for (size_t i = 0; i < reasons->topology->count; i++)
		if (partition[i] == partition[index] &&
		    reasons->by_ids[i] != reasons->by_ids[index])
			return true;
	return false;
}

static void show_remedy(struct out *out, const struct iommu_pci_function *function,
			const char *place)
{
	const unsigned int wanted = iommu_pci_acs_wanted(function);

	if (can_be_mended(function) && function->acs_offset != 0)
		out_remark(out, "    to turn it on: setpci -s %s %x.w=%04x", place,
			   function->acs_offset, wanted);
	else if (can_be_mended(function))
		out_remark(out, "    to turn it on: ACS control %04x", wanted);
}

static void show_joiner(struct out *out, struct group_reasons *reasons, size_t index)
{
	const struct iommu_pci_function *function = function_at(reasons, index);
	const size_t *partition = group_reasons_of(reasons, index);
	char place[NUMBERS_PLACE_TEXT], text[LACK_TEXT], *others;

	if (!joins_more(reasons, partition, index))
		return;
	(void)place_at(place, reasons, index);
	others = words_of_others(reasons, partition, partition[index], index);
	out_item(out, NULL, "because of %s, which does not keep apart %s: %s", place, others,
		 lack_of(text, function));
	free(others);
	out_text(out, "reason", "access control");
	out_text(out, "function", "%s", place);
	out_text(out, "lacks", "%s", lack_of(text, function));
	out_flag(out, "can be turned on", can_be_mended(function));
	if (can_be_mended(function))
		out_hex(out, "acs control wanted", iommu_pci_acs_wanted(function));
	list_others(out, reasons, partition, partition[index], index);
	out_close(out);
	show_remedy(out, function, place);
}

/* Ids of a function and of all bridges above it, and some twice. */
#define IDS_MAX 600U

struct ids {
	uint16_t ids[IDS_MAX];
	unsigned int count;
};

static bool has_id(const struct ids *ids, uint16_t id)
{
	for (unsigned int i = 0; i < ids->count; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

static int note_id(void *ctx, uint16_t id)
{
	struct ids *ids = ctx;

	if (!has_id(ids, id) && ids->count < IDS_MAX)
		ids->ids[ids->count++] = id;
	return 0;
}

static struct ids ids_of(const struct group_reasons *reasons, size_t index)
{
	const struct iommu_pci_topology view = topology_view(reasons->topology);
	struct ids ids = {.count = 0};

	(void)iommu_pci_for_each_alias(&view, index, note_id, &ids);
	return ids;
}

/* The functions of a class whose requests may carry an id; *first: the first of them. */
static size_t carriers(const struct group_reasons *reasons, size_t class, uint16_t id,
		       size_t *first)
{
	size_t count = 0;

	for (size_t i = reasons->topology->count; i-- > 0;) {
		struct ids ids;

		if (reasons->by_ids[i] != class)
			continue;
		ids = ids_of(reasons, i);
		if (!has_id(&ids, id))
			continue;
		*first = i;
		count++;
	}
	return count;
}

static void show_shared_ids(struct out *out, const struct group_reasons *reasons, size_t class)
{
	char place[NUMBERS_PLACE_TEXT];

	out_list(out, "ids");
	for (size_t i = 0; i < reasons->topology->count; i++) {
		const uint16_t segment = function_at(reasons, i)->segment;
		struct ids ids = {.count = 0};

		if (reasons->by_ids[i] == class)
			ids = ids_of(reasons, i);
		for (unsigned int k = 0; k < ids.count; k++) {
			size_t first = i;

			if (carriers(reasons, class, ids.ids[k], &first) > 1 && first == i)
				out_text(out, NULL, "%s",
					 numbers_place(place, segment, ids.ids[k]));
		}
	}
	out_close(out);
}

static void show_ids(struct out *out, const struct group_reasons *reasons, size_t class)
{
	char *functions;
	size_t count = 0;

	for (size_t i = 0; i < reasons->topology->count; i++)
		count += reasons->by_ids[i] == class ? 1 : 0;
	if (count < 2)
		return;
	functions = words_of_others(reasons, reasons->by_ids, class, SIZE_MAX);
	out_open(out, NULL,
		 "because requests of %s cannot be told apart: a bridge, or a device, "
		 "gives them common ids:",
		 functions);
	free(functions);
	if (out->format == OUT_JSON) {
		out_text(out, "reason", "common ids");
		list_others(out, reasons, reasons->by_ids, class, SIZE_MAX);
	}
	show_shared_ids(out, reasons, class);
	out_close(out);
}

static void show_reasons(struct out *out, struct group_reasons *reasons, size_t group)
{
	const size_t count = reasons->topology->count;

	out_list(out, "reasons");
	for (size_t i = 0; i < count; i++)
		if (reasons->groups[i] == group && reasons->by_ids[i] == i)
			show_ids(out, reasons, i);
	for (size_t i = 0; i < count; i++)
		if (reasons->groups[i] == group && !group_reasons_keeps_apart(reasons, i))
			show_joiner(out, reasons, i);
	out_close(out);
}

/* --- Groups ----------------------------------------------------------------------------------- */

static size_t size_of(const struct group_reasons *reasons, size_t group)
{
	size_t size = 0;

	for (size_t i = 0; i < reasons->topology->count; i++)
		size += reasons->groups[i] == group ? 1 : 0;
	return size;
}

static void show_group(struct out *out, struct group_reasons *reasons, size_t group, size_t number)
{
	const size_t size = size_of(reasons, group);

	out_open(out, NULL, "group %zu", number);
	if (out->format == OUT_JSON)
		out_number(out, "group", number);
	out_list(out, "functions");
	for (size_t i = 0; i < reasons->topology->count; i++)
		if (reasons->groups[i] == group)
			show_function(out, reasons, i);
	out_close(out);
	if (size > 1)
		show_reasons(out, reasons, group);
	out_close(out);
}

/* What is not known of the machine, for which groups may be larger than they are. */
static int show_limits(struct out *out, const struct topology *topology)
{
	if (topology->unreached != 0)
		out_number(out, "functions that no bus leads to", topology->unreached);
	if (topology->conventional != 0)
		out_number(out, "functions of which 256 bytes are known, which may hide their ACS",
			   topology->conventional);
	if (topology->cut == 0)
		return INSPECT_FINE;
	out_problem(out, "cut",
		    "%zu configuration spaces are cut, so that ACS is not seen: read them as root",
		    topology->cut);
	return INSPECT_UNREADABLE;
}

static void show_all(struct out *out, struct group_reasons *reasons)
{
	size_t number = 0;

	out_list(out, "groups");
	for (size_t i = 0; i < reasons->topology->count; i++)
		if (reasons->groups[i] == i)
			show_group(out, reasons, i, number++);
	out_close(out);
	out_number(out, "number of groups", number);
	out_number(out, "number of groups with all ACS turned on", group_reasons_best(reasons));
}

static int refuse(void)
{
	return inspect_complain(
		INSPECT_BROKEN,
		"the topology makes no sense: two functions at one place, a bus "
		"below two bridges, or a virtual function without its physical one");
}

int groups_show(struct out *out, const struct topology *topology)
{
	struct group_reasons reasons;
	const bool is_sane = group_reasons_open(&reasons, topology);

	if (is_sane) {
		out_start(out);
		show_all(out, &reasons);
	}
	group_reasons_close(&reasons);
	return is_sane ? show_limits(out, topology) : refuse();
}

/* --- The command ------------------------------------------------------------------------------ */

static int read_topology(struct topology *topology, const char *name)
{
	struct stat about;
	struct input input;
	int status;

	if (stat(name, &about) == 0 && S_ISDIR(about.st_mode))
		return topology_read_files(topology, name);
	status = input_open(&input, name);
	if (status != INSPECT_FINE)
		return status;
	status = topology_read_lines(topology, name, input.bytes, input.size);
	input_close(&input);
	if (status == INSPECT_FINE && topology_view(topology).count == 0)
		return inspect_complain(INSPECT_BROKEN, "%s: no function is in it", name);
	return status;
}

static int draw(FILE *file, const struct topology *topology, bool as_graph)
{
	struct group_reasons reasons;
	const bool is_sane = group_reasons_open(&reasons, topology);

	if (is_sane && as_graph)
		group_graph_draw(file, &reasons);
	else if (is_sane)
		group_picture_draw(file, &reasons);
	group_reasons_close(&reasons);
	return is_sane ? INSPECT_FINE : refuse();
}

/* What was said on stderr, for programs: a document all the same. */
static void show_failure(struct out *out, const char *name)
{
	if (out->format != OUT_JSON || out->is_started)
		return;
	out_start(out);
	out_text(out, "file", "%s", name);
	out_problem(out, "problem", "the topology cannot be used");
}

int inspect_groups(struct out *out, int count, char **words)
{
	bool as_graph = false, as_picture = false;
	const struct option options[] = {{"dot", OPTION_FLAG, &as_graph, NULL},
					 {"svg", OPTION_FLAG, &as_picture, NULL},
					 {NULL, OPTION_FLAG, NULL, NULL}};
	struct topology topology = {0};
	int status;

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (count != 1)
		return inspect_complain(INSPECT_USAGE, "groups: expected one TOPOLOGY");
	if (as_graph + as_picture + (out->format == OUT_JSON) > 1)
		return inspect_complain(INSPECT_USAGE, "groups: one of --json, --dot and --svg");
	status = read_topology(&topology, words[0]);
	if (status == INSPECT_FINE)
		status = as_graph || as_picture ? draw(out->file, &topology, as_graph)
						: groups_show(out, &topology);
	topology_free(&topology);
	if (status == INSPECT_BROKEN)
		show_failure(out, words[0]);
	return status;
}
