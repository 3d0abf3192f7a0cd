/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ivrs: every block as it stands, and every entry of a unit's block, with what is wrong, where;
 * which of the blocks of a unit counts; and the library's own verdict at the end.
 *
 * What a block says is read by the library; entries, and what the library skips, byte by byte. A
 * table that is longer than what is there is shown as far as it goes, from a copy with the length
 * that it has.
 */
#include <inttypes.h>
#include <string.h>

#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/ivrs.h>

#include "acpi_view.h"
#include "bytes.h"
#include "inspect.h"
#include "ivrs.h"

struct view {
	struct acpi_view table; /* what is noted */
	struct iommu_ivrs ivrs; /* of the copy */
};

static void note(struct view *view, uint32_t offset, const char *text)
{
	acpi_note(&view->table, offset, text);
}

static const uint8_t *at(const struct view *view, uint32_t offset)
{
	return view->ivrs.bytes + offset;
}

/* A device by its id: without the segment, which the block has. */
static char *id_text(char text[16], unsigned int devid)
{
	(void)snprintf(text, 16, "%02x:%02x.%x", devid >> 8, devid >> 3 & 31, devid & 7);
	return text;
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* The bytes of an entry; 0: it does not end in its block, or nothing says where. */
static uint32_t entry_size(struct view *view, uint32_t offset, uint32_t end)
{
	const unsigned int type = *at(view, offset);
	uint32_t size = ivrs_entry_fixed_size(type);

	if (type >= 0x80 && type != IVRS_ENTRY_ACPI) {
		note(view, offset,
		     "an entry of a type that is not known, nor its length: the rest of the block "
		     "is lost");
		return 0;
	}
	if (type == IVRS_ENTRY_ACPI)
		size = end - offset > IVRS_ENTRY_ACPI_UID_LENGTH
			       ? IVRS_ENTRY_ACPI_SIZE +
					 *at(view, offset + IVRS_ENTRY_ACPI_UID_LENGTH)
			       : IVRS_ENTRY_ACPI_SIZE;
	if (size <= end - offset)
		return size;
	note(view, offset, "an entry that ends behind its block");
	return 0;
}

static bool is_pad(unsigned int type)
{
	return type == IVRS_ENTRY_PAD_4 || type == IVRS_ENTRY_PAD_8;
}

static bool is_start(unsigned int type)
{
	return type == IVRS_ENTRY_START || type == IVRS_ENTRY_ALIAS_START ||
	       type == IVRS_ENTRY_EXTENDED_START;
}

static bool is_range(unsigned int type)
{
	return is_start(type) || type == IVRS_ENTRY_SELECT || type == IVRS_ENTRY_ALIAS ||
	       type == IVRS_ENTRY_EXTENDED;
}

/* The end of a range that begins before `offset`; 0: it has none. */
static uint32_t find_end(const struct view *view, uint32_t offset, uint32_t end)
{
	while (end - offset >= 4 && is_pad(*at(view, offset)))
		offset += ivrs_entry_fixed_size(*at(view, offset));
	return offset < end && end - offset >= 4 && *at(view, offset) == IVRS_ENTRY_END ? offset
											: 0;
}

static void show_setting(struct view *view, uint32_t offset)
{
	out_hex(view->table.out, "offset", offset);
	out_hex(view->table.out, "type", *at(view, offset));
	out_hex(view->table.out, "setting", *at(view, offset + IVRS_ENTRY_SETTING));
}

/* Devices first to last, and what is special about them. */
static void show_devices(struct view *view, uint32_t offset, unsigned int first, unsigned int last)
{
	const unsigned int type = *at(view, offset);
	const bool has_alias = type == IVRS_ENTRY_ALIAS || type == IVRS_ENTRY_ALIAS_START;
	const bool no_ats = (type == IVRS_ENTRY_EXTENDED || type == IVRS_ENTRY_EXTENDED_START) &&
			    (bytes_le32(at(view, offset + IVRS_ENTRY_EXTENDED_SETTING)) &
			     IVRS_EXTENDED_NO_ATS) != 0;
	const unsigned int alias =
		has_alias ? bytes_le16(at(view, offset + IVRS_ENTRY_ALIAS_DEVID)) : 0;
	struct out *out = view->table.out;
	char one[16], other[16], as[16], requests[64] = "";

	if (has_alias)
		(void)snprintf(requests, sizeof(requests), ", whose requests come from %s",
			       id_text(as, alias));
	out_item(out, NULL, "0x%04" PRIx32 "  %s%s%s%s%s", offset, id_text(one, first),
		 first != last ? " to " : "", first != last ? id_text(other, last) : "", requests,
		 no_ats ? ", without translations of their own (ATS)" : "");
	show_setting(view, offset);
	out_hex(out, "first id", first);
	out_hex(out, "last id", last);
	if (has_alias)
		out_hex(out, "alias", alias);
	out_flag(out, "no ats", no_ats);
	out_close(out);
}

static void show_range(struct view *view, uint32_t offset, uint32_t size, uint32_t end)
{
	const unsigned int first = bytes_le16(at(view, offset + IVRS_ENTRY_DEVID));
	uint32_t last;

	if (!is_start(*at(view, offset))) {
		show_devices(view, offset, first, first);
		return;
	}
	last = find_end(view, offset + size, end);
	if (last == 0)
		note(view, offset, "a range without its end");
	else if (bytes_le16(at(view, last + IVRS_ENTRY_DEVID)) < first)
		note(view, last, "a range that ends before it begins");
	else
		show_devices(view, offset, first, bytes_le16(at(view, last + IVRS_ENTRY_DEVID)));
}

static void show_special(struct view *view, uint32_t offset)
{
	const unsigned int variety = *at(view, offset + IVRS_ENTRY_SPECIAL_VARIETY);
	const unsigned int handle = *at(view, offset + IVRS_ENTRY_SPECIAL_HANDLE);
	const unsigned int devid = bytes_le16(at(view, offset + IVRS_ENTRY_SPECIAL_DEVID));
	const char *name = variety == IVRS_SPECIAL_IOAPIC ? "I/O APIC"
			   : variety == IVRS_SPECIAL_HPET ? "HPET"
							  : "special device of unknown variety";
	struct out *out = view->table.out;
	char id[16];

	out_item(out, NULL, "0x%04" PRIx32 "  %s %u at %s", offset, name, handle,
		 id_text(id, devid));
	show_setting(view, offset);
	out_text(out, "device", "%s", name);
	out_number(out, "handle", handle);
	out_hex(out, "id", devid);
	out_close(out);
	if (variety != IVRS_SPECIAL_IOAPIC && variety != IVRS_SPECIAL_HPET)
		note(view, offset + IVRS_ENTRY_SPECIAL_VARIETY, "neither an I/O APIC nor an HPET");
}

/* Characters that firmware may have written: others are dots. */
static char *printable(char *text, size_t size, const uint8_t *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count && i < size - 1 && bytes[i] != 0; i++)
		text[i] = (char)(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
	text[i] = '\0';
	return text;
}

static char *uid_text(char text[260], const uint8_t *entry)
{
	const unsigned int length = entry[IVRS_ENTRY_ACPI_UID_LENGTH];
	uint64_t value = 0;

	text[0] = '\0';
	if (entry[IVRS_ENTRY_ACPI_UID_FORMAT] == IVRS_UID_TEXT)
		return printable(text, 260, entry + IVRS_ENTRY_ACPI_UID, length);
	if (entry[IVRS_ENTRY_ACPI_UID_FORMAT] != IVRS_UID_INTEGER || length > 8)
		return text;
	for (unsigned int i = length; i != 0; i--)
		value = value << 8 | entry[IVRS_ENTRY_ACPI_UID + i - 1];
	(void)snprintf(text, 260, "0x%" PRIx64, value);
	return text;
}

static void show_named(struct view *view, uint32_t offset, unsigned int block_type)
{
	const uint8_t *entry = at(view, offset);
	const unsigned int format = entry[IVRS_ENTRY_ACPI_UID_FORMAT];
	struct out *out = view->table.out;
	char id[16], hid[9], uid[260];

	(void)printable(hid, sizeof(hid), entry + IVRS_ENTRY_ACPI_HID, 8);
	(void)uid_text(uid, entry);
	out_item(out, NULL, "0x%04" PRIx32 "  %s, named %s%s%s", offset,
		 id_text(id, bytes_le16(entry + IVRS_ENTRY_DEVID)), hid, uid[0] != '\0' ? " " : "",
		 uid);
	show_setting(view, offset);
	out_hex(out, "id", bytes_le16(entry + IVRS_ENTRY_DEVID));
	out_text(out, "hid", "%s", hid);
	out_text(out, "uid", "%s", uid);
	out_close(out);
	if (block_type != IVRS_IVHD_40)
		note(view, offset, "a named device in a block that has none");
	if (hid[0] == '\0')
		note(view, offset + IVRS_ENTRY_ACPI_HID, "a named device without a name");
	if (format > IVRS_UID_TEXT ||
	    (format == IVRS_UID_INTEGER && entry[IVRS_ENTRY_ACPI_UID_LENGTH] > 8))
		note(view, offset + IVRS_ENTRY_ACPI_UID_FORMAT, "a unique id of no known format");
}

/* The entry at an offset; `in_range`: a range has begun that this one may end. */
static void show_entry(struct view *view, uint32_t offset, uint32_t size, uint32_t end,
		       unsigned int block_type, bool in_range)
{
	const unsigned int type = *at(view, offset);

	if (type == IVRS_ENTRY_ALL)
		show_devices(view, offset, 0, UINT16_MAX);
	else if (is_range(type))
		show_range(view, offset, size, end);
	else if (type == IVRS_ENTRY_SPECIAL)
		show_special(view, offset);
	else if (type == IVRS_ENTRY_ACPI)
		show_named(view, offset, block_type);
	else if (type != IVRS_ENTRY_END)
		note(view, offset, "an entry of a type that is not known");
	else if (!in_range)
		note(view, offset, "the end of a range that has not begun");
}

static void show_entries(struct view *view, uint32_t offset, uint32_t end, unsigned int block_type)
{
	bool in_range = false;

	out_list(view->table.out, "devices");
	while (offset < end) {
		const uint32_t size = entry_size(view, offset, end);

		if (size == 0)
			break;
		if (!is_pad(*at(view, offset))) {
			show_entry(view, offset, size, end, block_type, in_range);
			in_range = is_start(*at(view, offset));
		}
		offset += size;
	}
	out_close(view->table.out);
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static void show_unit(struct view *view, const struct iommu_ivrs_block *block)
{
	const struct iommu_ivrs_unit *unit = &block->unit;
	struct out *out = view->table.out;
	char id[16];

	out_number(out, "segment", block->segment);
	out_text(out, "unit", "%s", id_text(id, unit->devid));
	out_hex(out, "capability", unit->capability);
	out_hex(out, "registers", unit->base);
	out_size(out, "size of registers", unit->size);
	out_number(out, "message of events", ivrs_info_msi(unit->info));
	out_hex(out, block->type == IVRS_IVHD_10 ? "features" : "attributes", unit->features);
	if (unit->has_features) {
		out_hex(out, "efr", unit->efr);
		out_hex(out, "efr2", unit->efr2);
	}
	out_flag(out, "host tables are off", unit->host_tables_off);
	out_flag(out, "counts for the unit", unit->counts);
	if (!unit->usable)
		note(view, block->offset + IVRS_IVHD_BASE,
		     "registers at 0, not aligned to 16 KiB, or beyond all addresses");
	show_entries(view, block->entries, block->offset + block->length, block->type);
}

static void show_memory_devices(struct view *view, const struct iommu_ivrs_memory *memory)
{
	struct out *out = view->table.out;
	char one[16], other[16];

	if (memory->type == IVRS_IVMD_ALL)
		out_text(out, "of", "all devices");
	else if (memory->type == IVRS_IVMD_DEVICE)
		out_text(out, "of", "%s", id_text(one, memory->first));
	else if (memory->type == IVRS_IVMD_RANGE)
		out_text(out, "of", "%s to %s", id_text(one, memory->first),
			 id_text(other, memory->last));
	else
		out_text(out, "of", "the devices of unit %s", id_text(one, memory->first));
}

static void show_memory(struct view *view, const struct iommu_ivrs_block *block)
{
	const struct iommu_ivrs_memory *memory = &block->memory;
	const uint64_t start = bytes_le64(at(view, block->offset + IVRS_IVMD_START));
	const uint64_t size = bytes_le64(at(view, block->offset + IVRS_IVMD_BYTES));
	struct out *out = view->table.out;

	out_number(out, "segment", block->segment);
	show_memory_devices(view, memory);
	out_hex(out, "first byte", start);
	out_size(out, "size", size);
	out_flag(out, "read", memory->read);
	out_flag(out, "write", memory->write);
	out_flag(out, "exclusion range", memory->is_exclusion);
	if ((start | size) % IOMMU_PAGE_SIZE != 0)
		note(view, block->offset + IVRS_IVMD_START,
		     "memory that is not made of whole pages");
	if (memory->suspicious)
		note(view, block->offset + IVRS_IVMD_START,
		     "memory that begins with the first page, which hardly can be meant");
}

/* Why the library skips a block of memory. */
static const char *reason_of_memory(const struct view *view, uint32_t offset)
{
	const uint64_t start = bytes_le64(at(view, offset + IVRS_IVMD_START));
	const uint64_t size = bytes_le64(at(view, offset + IVRS_IVMD_BYTES));

	if (size == 0 || size - 1 > UINT64_MAX - start)
		return "memory of no bytes, or that ends beyond all addresses";
	return *at(view, offset) == IVRS_IVMD_UNIT
		       ? "memory of a unit that is not there"
		       : "memory of a range of devices that ends before it begins";
}

/* What the library has of the block at an offset; false: it skips it. */
static bool read_block(const struct view *view, uint32_t offset, struct iommu_ivrs_block *block)
{
	*block = (struct iommu_ivrs_block){0};
	while (iommu_ivrs_next(&view->ivrs, block))
		if (block->offset == offset)
			return true;
	return false;
}

static const char *name_of(unsigned int type)
{
	switch (type) {
	case IVRS_IVHD_10:
	case IVRS_IVHD_11:
	case IVRS_IVHD_40:
		return "IVHD, remapping unit";
	case IVRS_IVMD_ALL:
	case IVRS_IVMD_DEVICE:
	case IVRS_IVMD_RANGE:
	case IVRS_IVMD_UNIT:
		return "IVMD, memory that devices use for firmware";
	default:
		return "block of unknown type";
	}
}

static bool is_known(unsigned int type)
{
	return type == IVRS_IVHD_10 || type == IVRS_IVHD_11 || type == IVRS_IVHD_40 ||
	       (type >= IVRS_IVMD_ALL && type <= IVRS_IVMD_UNIT);
}

static uint32_t fixed_size(unsigned int type)
{
	if (type == IVRS_IVHD_10)
		return IVRS_IVHD_10_SIZE;
	return type == IVRS_IVHD_11 || type == IVRS_IVHD_40 ? IVRS_IVHD_11_SIZE : IVRS_IVMD_SIZE;
}

static void show_block(struct view *view, uint32_t offset, uint32_t length)
{
	const unsigned int type = *at(view, offset);
	struct out *out = view->table.out;
	struct iommu_ivrs_block block;

	out_open(out, NULL, "0x%04" PRIx32 "  %02xh  %s", offset, type, name_of(type));
	if (out->format == OUT_JSON) {
		out_hex(out, "offset", offset);
		out_hex(out, "type", type);
		out_text(out, "meaning", "%s", name_of(type));
	}
	out_number(out, "length", length);
	out_hex(out, "flags", *at(view, offset + IVRS_BLOCK_FLAGS));
	if (!is_known(type))
		note(view, offset, "a block of a type that is not known");
	else if (length < fixed_size(type))
		note(view, offset + IVRS_BLOCK_LENGTH, "a block shorter than its fixed part");
	else if (!read_block(view, offset, &block))
		note(view, offset, reason_of_memory(view, offset));
	else if (block.kind == IOMMU_IVRS_UNIT)
		show_unit(view, &block);
	else
		show_memory(view, &block);
	acpi_show_problems(&view->table);
	out_close(out);
}

/* The length of the block at an offset; 0: none is there. */
static uint32_t length_at(const struct view *view, uint32_t offset)
{
	uint32_t length;

	if (view->ivrs.length - offset < IVRS_BLOCK_HEADER)
		return 0;
	length = bytes_le16(at(view, offset + IVRS_BLOCK_LENGTH));
	return length < IVRS_BLOCK_HEADER || length > view->ivrs.length - offset ? 0 : length;
}

static void show_blocks(struct view *view)
{
	uint32_t offset = IVRS_HEADER_SIZE;
	unsigned int blocks = 0;

	out_list(view->table.out, "blocks");
	for (; offset < view->ivrs.length && blocks < IOMMU_IVRS_MAX_BLOCKS; blocks++) {
		const uint32_t length = length_at(view, offset);

		if (length == 0)
			break;
		show_block(view, offset, length);
		offset += length;
	}
	out_close(view->table.out);
	if (blocks == IOMMU_IVRS_MAX_BLOCKS && offset < view->ivrs.length)
		note(view, offset, "more blocks than any machine has");
	else if (offset < view->ivrs.length)
		note(view, offset,
		     "a block shorter than its header, or beyond the table: what follows is lost");
}

/* What no block says by itself. */
static void check_whole(struct view *view)
{
	static const struct {
		unsigned int defect;
		const char *text;
	} whole[] = {
		{IOMMU_IVRS_RANGE_OVERLAP, "ranges of two units have devices in common: those "
					   "belong to the smaller range"},
		{IOMMU_IVRS_UNIT_TWICE, "two blocks of one type for a unit: the first counts"},
		{IOMMU_IVRS_UNIT_SAME_BASE, "two units have their registers at one address"},
		{IOMMU_IVRS_UNIT_INCOMPLETE, "a unit has no block of the table's highest type"},
		{IOMMU_IVRS_UNIT_IMAGES, "blocks of a unit do not agree on its features"},
		{IOMMU_IVRS_SPECIAL_TWICE,
		 "two I/O APICs, or HPETs, have one id: the first counts"},
	};

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if ((view->ivrs.defects & whole[i].defect) != 0)
			note(view, IVRS_HEADER_SIZE, whole[i].text);
}

/* --- The table -------------------------------------------------------------------------------- */

static void show_header(struct out *out, const uint8_t *bytes)
{
	const uint32_t info = bytes_le32(bytes + IVRS_INFO);

	out_flag(out, "units have extended features", (info & IVRS_INFO_EFR) != 0);
	out_flag(out, "firmware had remapping on", (info & IVRS_INFO_REMAP) != 0);
	out_number(out, "physical address width", ivrs_info_pa_size(info));
	out_number(out, "virtual address width", ivrs_info_va_size(info));
}

static void show_rest(struct acpi_view *table, const uint8_t *bytes, uint32_t length)
{
	struct view *view = (struct view *)table;

	if (iommu_ivrs_open(&view->ivrs, bytes, length) != 0)
		return;
	show_blocks(view);
	check_whole(view);
}

static const char *judge(const uint8_t *bytes, size_t size, unsigned int *defects)
{
	struct iommu_ivrs ivrs = {0};
	const int status = iommu_ivrs_open(&ivrs, bytes, size);

	*defects = ivrs.defects;
	return status != 0 ? ivrs.refusal : NULL;
}

unsigned int ivrs_show(struct out *out, const uint8_t *bytes, size_t size)
{
	static const struct acpi_kind kind = {
		.signature = "IVRS",
		.not_signature = "the signature is not IVRS",
		.header_size = IVRS_HEADER_SIZE,
		.max_size = IOMMU_IVRS_MAX_SIZE,
		.show_header = show_header,
		.show_body = show_rest,
		.judge = judge,
	};
	struct view view = {.table = {.out = out, .bytes = bytes}};

	return acpi_show_table(&view.table, &kind, size);
}

int inspect_ivrs(struct out *out, int count, char **words)
{
	return acpi_look(out, count, words, "ivrs", "IVRS", ivrs_show);
}
