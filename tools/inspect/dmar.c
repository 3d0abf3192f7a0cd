/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmar: the table as it stands, byte by byte from the datasheet, so that what the library skips is
 * shown, too, where it lies and why; and the library's own verdict at the end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/dmar.h>
#include <libiommu/hw/acpi_dmar.h>

#include "acpi_view.h"
#include "bytes.h"
#include "dmar.h"
#include "heap.h"
#include "inspect.h"

struct kind {
	const char *name, *meaning;
	uint32_t fixed_size;
	void (*show)(struct acpi_view *view, uint32_t offset, uint32_t length);
	bool has_scopes;
};

/* --- Device scopes ---------------------------------------------------------------------------- */

static const char *const scope_names[] = {
	[DMAR_SCOPE_ENDPOINT] = "PCI endpoint",
	[DMAR_SCOPE_BRIDGE] = "PCI bridge and all below it",
	[DMAR_SCOPE_IOAPIC] = "I/O APIC",
	[DMAR_SCOPE_HPET] = "HPET",
	[DMAR_SCOPE_NAMESPACE] = "device of the name space",
};
#define SCOPE_TYPES (sizeof(scope_names) / sizeof(scope_names[0]))

static const char *scope_name(unsigned int type)
{
	return type >= DMAR_SCOPE_ENDPOINT && type < SCOPE_TYPES ? scope_names[type]
								 : "scope of the unknown type";
}

/* The path in the form BUS:DEVICE.FUNCTION, with a slash before each further hop. */
static char *path_text(const uint8_t *scope, uint32_t hops)
{
	char *text = heap_resize(NULL, hops + 1, 8), *at = text;

	at += sprintf(at, "%02x:", scope[DMAR_SCOPE_START_BUS]);
	for (uint32_t i = 0; i < hops; i++) {
		const uint8_t *hop =
			scope + DMAR_SCOPE_FIXED_SIZE + (size_t)i * DMAR_SCOPE_HOP_SIZE;

		at += sprintf(at, "%s%02x.%x", i == 0 ? "" : "/", hop[0], hop[1]);
	}
	return text;
}

/* What the text says of a scope's flags: of a SATC they have a meaning. */
static char *flags_text(char text[32], unsigned int flags, bool is_satc)
{
	text[0] = '\0';
	if (is_satc && flags == DMAR_SCOPE_ATC_REQUIRED)
		(void)snprintf(text, 32, ", works only with its cache");
	else if (flags != 0)
		(void)snprintf(text, 32, ", flags 0x%02x", flags);
	return text;
}

static void show_scope(struct acpi_view *view, uint32_t offset, uint32_t length, bool is_satc)
{
	const uint8_t *scope = view->bytes + offset;
	const uint32_t path = length - DMAR_SCOPE_FIXED_SIZE;
	const unsigned int type = scope[DMAR_SCOPE_TYPE], flags = scope[DMAR_SCOPE_FLAGS];
	char *text = path_text(scope, path / DMAR_SCOPE_HOP_SIZE), id[16] = "", extra[32];

	if (type < DMAR_SCOPE_ENDPOINT || type > DMAR_SCOPE_NAMESPACE)
		(void)snprintf(id, sizeof(id), " %u", type);
	else if (type > DMAR_SCOPE_BRIDGE)
		(void)snprintf(id, sizeof(id), " %u", scope[DMAR_SCOPE_ID]);
	out_item(view->out, NULL, "0x%04" PRIx32 "  %s%s at %s%s", offset, scope_name(type), id,
		 text, flags_text(extra, flags, is_satc));
	out_hex(view->out, "offset", offset);
	out_number(view->out, "length", length);
	out_number(view->out, "type", type);
	out_text(view->out, "meaning", "%s", scope_name(type));
	out_number(view->out, "id", scope[DMAR_SCOPE_ID]);
	out_hex(view->out, "flags", flags);
	out_text(view->out, "path", "%s", text);
	out_close(view->out);
	free(text);
	if (path == 0 || path % DMAR_SCOPE_HOP_SIZE != 0)
		acpi_note(view, offset, "a device scope without a path, or with half a hop");
	else if (type < DMAR_SCOPE_ENDPOINT || type > DMAR_SCOPE_NAMESPACE)
		acpi_note(view, offset, "a device scope of unknown type");
}

static void show_scopes(struct acpi_view *view, uint32_t offset, uint32_t end, bool is_satc)
{
	out_list(view->out, "device scopes");
	while (offset < end) {
		const uint32_t left = end - offset;
		const uint32_t length =
			left < DMAR_SCOPE_FIXED_SIZE ? 0 : view->bytes[offset + DMAR_SCOPE_LENGTH];

		if (length < DMAR_SCOPE_FIXED_SIZE || length > left) {
			acpi_note(
				view, offset,
				"a device scope shorter than its header, or beyond its structure: "
				"the rest of the structure is lost");
			break;
		}
		show_scope(view, offset, length, is_satc);
		offset += length;
	}
	out_close(view->out);
}

/* --- Structures ------------------------------------------------------------------------------- */

static bool structure_at(const struct acpi_view *view, uint32_t offset)
{
	return view->length - offset >= DMAR_STRUCTURE_HEADER_SIZE &&
	       bytes_le16(view->bytes + offset + 2) >= DMAR_STRUCTURE_HEADER_SIZE &&
	       bytes_le16(view->bytes + offset + 2) <= view->length - offset;
}

static bool base_is_good(uint64_t base)
{
	return base != 0 && base % IOMMU_PAGE_SIZE == 0;
}

/* The next unit with a usable base before `end`, from *offset on; NULL: there is none. */
static const uint8_t *next_unit(const struct acpi_view *view, uint32_t *offset, uint32_t end)
{
	while (*offset < end && structure_at(view, *offset)) {
		const uint8_t *structure = view->bytes + *offset;
		const uint16_t length = bytes_le16(structure + 2);

		*offset += length;
		if (bytes_le16(structure) == DMAR_DRHD && length >= DMAR_DRHD_FIXED_SIZE &&
		    base_is_good(bytes_le64(structure + DMAR_DRHD_BASE)))
			return structure;
	}
	return NULL;
}

static bool is_repeated(const struct acpi_view *view, uint32_t offset, uint32_t length)
{
	uint32_t at = DMAR_HEADER_SIZE;
	const uint8_t *unit;

	while ((unit = next_unit(view, &at, offset)) != NULL)
		if (bytes_le16(unit + 2) == length &&
		    memcmp(unit, view->bytes + offset, length) == 0)
			return true;
	return false;
}

static bool has_earlier_all(const struct acpi_view *view, uint32_t offset)
{
	const uint16_t segment = bytes_le16(view->bytes + offset + DMAR_DRHD_SEGMENT);
	uint32_t at = DMAR_HEADER_SIZE;
	const uint8_t *unit;

	while ((unit = next_unit(view, &at, offset)) != NULL)
		if ((unit[DMAR_DRHD_FLAGS] & DMAR_DRHD_INCLUDE_PCI_ALL) != 0 &&
		    bytes_le16(unit + DMAR_DRHD_SEGMENT) == segment)
			return true;
	return false;
}

static bool has_unit_at(const struct acpi_view *view, uint64_t base)
{
	uint32_t at = DMAR_HEADER_SIZE;
	const uint8_t *unit;

	while ((unit = next_unit(view, &at, view->length)) != NULL)
		if (bytes_le64(unit + DMAR_DRHD_BASE) == base)
			return true;
	return false;
}

static void show_drhd(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	const uint8_t *bytes = view->bytes + offset;
	const uint64_t base = bytes_le64(bytes + DMAR_DRHD_BASE);
	const bool all = (bytes[DMAR_DRHD_FLAGS] & DMAR_DRHD_INCLUDE_PCI_ALL) != 0;

	out_number(view->out, "segment", bytes_le16(bytes + DMAR_DRHD_SEGMENT));
	out_hex(view->out, "registers", base);
	out_size(view->out, "size of registers",
		 IOMMU_PAGE_SIZE << (bytes[DMAR_DRHD_SIZE] & DMAR_DRHD_SIZE_MASK));
	out_flag(view->out, "all devices that no other unit names", all);
	if (!base_is_good(base)) {
		acpi_note(view, offset + DMAR_DRHD_BASE,
			  "registers at 0, or not at the beginning of a page");
	} else if (is_repeated(view, offset, length)) {
		acpi_note(view, offset, "the same unit as an earlier one, byte for byte");
		return;
	}
	if (all && has_earlier_all(view, offset))
		acpi_note(view, offset + DMAR_DRHD_FLAGS,
			  "a second unit of the segment for all devices that no other names");
}

static void show_rmrr(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	const uint8_t *bytes = view->bytes + offset;
	const uint64_t first = bytes_le64(bytes + DMAR_RMRR_BASE);
	const uint64_t last = bytes_le64(bytes + DMAR_RMRR_LIMIT);

	(void)length;
	out_number(view->out, "segment", bytes_le16(bytes + DMAR_RMRR_SEGMENT));
	out_hex(view->out, "first byte", first);
	out_hex(view->out, "last byte", last);
	if (last < first) {
		acpi_note(view, offset + DMAR_RMRR_BASE, "a region that ends before it begins");
		return;
	}
	if (last - first != UINT64_MAX)
		out_size(view->out, "size of region", last - first + 1);
	if (first % IOMMU_PAGE_SIZE != 0 || last % IOMMU_PAGE_SIZE != IOMMU_PAGE_SIZE - 1)
		acpi_note(view, offset + DMAR_RMRR_BASE, "a region that is not of whole pages");
}

static void show_atsr(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	const uint8_t *bytes = view->bytes + offset;

	(void)length;
	out_number(view->out, "segment", bytes_le16(bytes + DMAR_ATSR_SEGMENT));
	out_flag(view->out, "all root ports", (bytes[DMAR_ATSR_FLAGS] & DMAR_ATSR_ALL_PORTS) != 0);
}

static void show_rhsa(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	const uint8_t *bytes = view->bytes + offset;
	const uint64_t base = bytes_le64(bytes + DMAR_RHSA_BASE);

	(void)length;
	out_hex(view->out, "registers of the unit", base);
	out_number(view->out, "proximity domain", bytes_le32(bytes + DMAR_RHSA_PROXIMITY));
	if (!has_unit_at(view, base))
		acpi_note(view, offset + DMAR_RHSA_BASE, "there is no unit with these registers");
}

static void show_andd(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	const char *name = (const char *)view->bytes + offset + DMAR_ANDD_NAME;
	const uint32_t room = length - DMAR_ANDD_NAME;

	out_number(view->out, "device number", view->bytes[offset + DMAR_ANDD_NUMBER]);
	out_text(view->out, "name", "%.*s", (int)room, name);
	if (memchr(name, 0, room) == NULL)
		acpi_note(view, offset + DMAR_ANDD_NAME, "a name without its end");
}

static void show_satc(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	const uint8_t *bytes = view->bytes + offset;

	(void)length;
	out_number(view->out, "segment", bytes_le16(bytes + DMAR_ATSR_SEGMENT));
	out_flag(view->out, "the devices need their translation caches",
		 (bytes[DMAR_ATSR_FLAGS] & DMAR_SATC_ATC_REQUIRED) != 0);
}

static void show_sidp(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	(void)length;
	out_number(view->out, "segment", bytes_le16(view->bytes + offset + DMAR_ATSR_SEGMENT));
}

static const struct kind kinds[] = {
	[DMAR_DRHD] = {"DRHD", "remapping unit", DMAR_DRHD_FIXED_SIZE, show_drhd, true},
	[DMAR_RMRR] = {"RMRR", "reserved memory region, which devices use for firmware",
		       DMAR_RMRR_FIXED_SIZE, show_rmrr, true},
	[DMAR_ATSR] = {"ATSR", "root ports that support ATS", DMAR_ATSR_FIXED_SIZE, show_atsr,
		       true},
	[DMAR_RHSA] = {"RHSA", "NUMA affinity of a unit", DMAR_RHSA_FIXED_SIZE, show_rhsa, false},
	[DMAR_ANDD] = {"ANDD", "device of the ACPI name space", DMAR_ANDD_FIXED_SIZE, show_andd,
		       false},
	[DMAR_SATC] = {"SATC", "integrated devices with a translation cache", DMAR_ATSR_FIXED_SIZE,
		       show_satc, true},
	[DMAR_SIDP] = {"SIDP", "properties of integrated devices", DMAR_ATSR_FIXED_SIZE, show_sidp,
		       true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void show_structure(struct acpi_view *view, uint32_t offset, uint32_t length)
{
	static const struct kind unknown = {"?", "structure of unknown type", 0, NULL, false};
	const unsigned int type = bytes_le16(view->bytes + offset);
	const struct kind *kind = type < KINDS ? &kinds[type] : &unknown;

	out_open(view->out, NULL, "0x%04" PRIx32 "  %s, %s", offset, kind->name, kind->meaning);
	if (view->out->format == OUT_JSON) {
		out_hex(view->out, "offset", offset);
		out_number(view->out, "type", type);
		out_text(view->out, "structure", "%s", kind->name);
		out_text(view->out, "meaning", "%s", kind->meaning);
	}
	out_number(view->out, "length", length);
	if (kind->show == NULL)
		acpi_note(view, offset, "a structure of a type that is not known");
	else if (length < kind->fixed_size)
		acpi_note(view, offset + 2, "a structure shorter than its fixed part");
	else
		kind->show(view, offset, length);
	if (kind->has_scopes && length >= kind->fixed_size)
		show_scopes(view, offset + kind->fixed_size, offset + length, type == DMAR_SATC);
	acpi_show_problems(view);
	out_close(view->out);
}

static void show_structures(struct acpi_view *view)
{
	uint32_t offset = DMAR_HEADER_SIZE;

	out_list(view->out, "structures");
	while (offset < view->length && structure_at(view, offset)) {
		const uint16_t length = bytes_le16(view->bytes + offset + 2);

		show_structure(view, offset, length);
		offset += length;
	}
	out_close(view->out);
	if (offset < view->length)
		acpi_note(view, offset,
			  view->length - offset < DMAR_STRUCTURE_HEADER_SIZE ||
					  bytes_le16(view->bytes + offset + 2) <
						  DMAR_STRUCTURE_HEADER_SIZE
				  ? "a structure shorter than its header: what follows is lost"
				  : "a structure that reaches beyond the end of the table");
}

/* --- The header ------------------------------------------------------------------------------- */

static void show_flags(struct out *out, unsigned int flags)
{
	out_hex(out, "flags", flags);
	out_flag(out, "interrupt remapping", (flags & DMAR_FLAG_INTR_REMAP) != 0);
	out_flag(out, "firmware asks for no x2apic", (flags & DMAR_FLAG_X2APIC_OPT_OUT) != 0);
	out_flag(out, "dma protection opt in", (flags & DMAR_FLAG_PLATFORM_OPT_IN) != 0);
}

static void show_header(struct out *out, const uint8_t *bytes)
{
	acpi_show_header(out, bytes);
	out_number(out, "address width", bytes[DMAR_WIDTH_OFFSET] + 1U);
	show_flags(out, bytes[DMAR_FLAGS_OFFSET]);
}

static void check_header(struct acpi_view *view, size_t size)
{
	if (memcmp(view->bytes, "DMAR", 4) != 0)
		acpi_note(view, 0, "the signature is not DMAR");
	acpi_check_length(view, size, DMAR_HEADER_SIZE, IOMMU_DMAR_MAX_SIZE);
	if (view->bytes[DMAR_WIDTH_OFFSET] < DMAR_WIDTH_MIN)
		acpi_note(view, DMAR_WIDTH_OFFSET, "the address width is too small to be one");
	acpi_check_sum(view);
}

static void show_verdict(struct out *out, const uint8_t *bytes, size_t size)
{
	struct iommu_dmar dmar;

	if (iommu_dmar_open(&dmar, bytes, size) != 0)
		out_problem(out, "library", "the library refuses the table: %s", dmar.refusal);
	else
		out_text(out, "library", "%s",
			 dmar.defects == 0 ? "uses the table"
					   : "uses the table, without what is broken");
}

unsigned int dmar_show(struct out *out, const uint8_t *bytes, size_t size)
{
	struct acpi_view view = {.out = out, .bytes = bytes};
	uint32_t length;

	out_open(out, "table", "DMAR table");
	if (size < DMAR_HEADER_SIZE) {
		acpi_note(&view, (uint32_t)size, "the end, before that of the table's header");
	} else {
		length = bytes_le32(bytes + ACPI_TABLE_LENGTH_OFFSET);
		view.length = length < size ? length : (uint32_t)size;
		show_header(out, bytes);
		if (memcmp(bytes, "DMAR", 4) == 0)
			show_structures(&view);
		check_header(&view, size);
	}
	acpi_show_problems(&view);
	show_verdict(out, bytes, size);
	out_close(out);
	free(view.pending);
	return view.problems;
}

int inspect_dmar(struct out *out, int count, char **words)
{
	return acpi_look(out, count, words, "dmar", "DMAR", dmar_show);
}
