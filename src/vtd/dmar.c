/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR parser.
 *
 * All fields are read byte by byte from [bytes, bytes + length). iommu_dmar_open has checked that
 * each structure lies inside, so iterators only check lengths within a structure. iommu_dmar_open
 * runs the same iterators once and records in `defects` what they skip; nothing else writes it.
 */
#include <libiommu/dmar.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"

/* The shortest that each type may be; its device scopes follow. */
static const uint32_t fixed_size[] = {
	[DMAR_DRHD] = DMAR_DRHD_FIXED_SIZE, [DMAR_RMRR] = DMAR_RMRR_FIXED_SIZE,
	[DMAR_ATSR] = DMAR_ATSR_FIXED_SIZE, [DMAR_RHSA] = DMAR_RHSA_FIXED_SIZE,
	[DMAR_ANDD] = DMAR_ANDD_FIXED_SIZE, [DMAR_SATC] = DMAR_ATSR_FIXED_SIZE,
	[DMAR_SIDP] = DMAR_ATSR_FIXED_SIZE,
};
#define STRUCTURE_TYPES (sizeof(fixed_size) / sizeof(fixed_size[0]))

static uint32_t structure_length(const struct iommu_dmar *dmar, uint32_t offset)
{
	return iommu_read_le16(dmar->bytes + offset + 2);
}

/* Is there a structure at this offset that has at least its header? */
static bool structure_at(const struct iommu_dmar *dmar, uint32_t offset)
{
	return dmar->length - offset >= DMAR_STRUCTURE_HEADER_SIZE &&
	       structure_length(dmar, offset) >= DMAR_STRUCTURE_HEADER_SIZE;
}

static bool drhd_has_base(const uint8_t *bytes)
{
	uint64_t base = iommu_read_le64(bytes + DMAR_DRHD_BASE);

	return base != 0 && base % IOMMU_PAGE_SIZE == 0;
}

/* Is there, before `end`, a usable unit with this segment that `same` accepts? */
static bool earlier_drhd(const struct iommu_dmar *dmar, uint32_t end, const uint8_t *bytes,
			 bool (*same)(const uint8_t *a, const uint8_t *b))
{
	uint32_t offset;

	for (offset = DMAR_HEADER_SIZE; offset < end && structure_at(dmar, offset);
	     offset += structure_length(dmar, offset)) {
		const uint8_t *other = dmar->bytes + offset;

		if (iommu_read_le16(other) == DMAR_DRHD &&
		    structure_length(dmar, offset) >= DMAR_DRHD_FIXED_SIZE &&
		    drhd_has_base(other) && same(other, bytes))
			return true;
	}
	return false;
}

static bool same_segment(const uint8_t *a, const uint8_t *b)
{
	return iommu_read_le16(a + DMAR_DRHD_SEGMENT) == iommu_read_le16(b + DMAR_DRHD_SEGMENT);
}

/*
 * Not memcmp, of which compilers make bcmp where only equality is asked for: hosts need not have
 * that.
 */
static bool bytes_equal(const uint8_t *a, const uint8_t *b, unsigned int size)
{
	unsigned int i = 0;

	while (i < size && a[i] == b[i])
		i++;
	return i == size;
}

/* With the same scopes, too: what only the later one names must not pass for another unit's. */
static bool same_unit(const uint8_t *a, const uint8_t *b)
{
	const uint16_t length = iommu_read_le16(a + 2);

	return length == iommu_read_le16(b + 2) && bytes_equal(a, b, length);
}

static bool same_base(const uint8_t *drhd, const uint8_t *rhsa)
{
	return iommu_read_le64(drhd + DMAR_DRHD_BASE) == iommu_read_le64(rhsa + DMAR_RHSA_BASE);
}

static bool same_include_all(const uint8_t *a, const uint8_t *b)
{
	return same_segment(a, b) && (a[DMAR_DRHD_FLAGS] & DMAR_DRHD_INCLUDE_PCI_ALL) != 0;
}

/* Each read_… fills the union; it returns the defect for which the record is skipped, or 0. */
static unsigned int read_drhd(const struct iommu_dmar *dmar, struct iommu_dmar_record *record,
			      unsigned int *noted)
{
	const uint8_t *bytes = dmar->bytes + record->offset;

	record->drhd.usable = drhd_has_base(bytes);
	if (!record->drhd.usable)
		*noted |= IOMMU_DMAR_UNIT_WITHOUT_BASE;
	else if (earlier_drhd(dmar, record->offset, bytes, same_unit))
		return IOMMU_DMAR_UNIT_TWICE;
	record->segment = iommu_read_le16(bytes + DMAR_DRHD_SEGMENT);
	record->drhd.base = iommu_read_le64(bytes + DMAR_DRHD_BASE);
	record->drhd.size = IOMMU_PAGE_SIZE << (bytes[DMAR_DRHD_SIZE] & DMAR_DRHD_SIZE_MASK);
	record->drhd.include_all = (bytes[DMAR_DRHD_FLAGS] & DMAR_DRHD_INCLUDE_PCI_ALL) != 0;
	if (record->drhd.include_all &&
	    earlier_drhd(dmar, record->offset, bytes, same_include_all)) {
		record->drhd.include_all = false;
		*noted |= IOMMU_DMAR_TWO_INCLUDE_ALL;
	}
	return 0;
}

static unsigned int read_rmrr(const struct iommu_dmar *dmar, struct iommu_dmar_record *record,
			      unsigned int *noted)
{
	const uint8_t *bytes = dmar->bytes + record->offset;
	const uint64_t mask = IOMMU_PAGE_SIZE - 1;
	uint64_t base = iommu_read_le64(bytes + DMAR_RMRR_BASE);
	uint64_t limit = iommu_read_le64(bytes + DMAR_RMRR_LIMIT);

	if (limit < base)
		return IOMMU_DMAR_REGION_EMPTY;
	if ((base & mask) != 0 || (limit & mask) != mask)
		*noted |= IOMMU_DMAR_REGION_UNALIGNED;
	record->segment = iommu_read_le16(bytes + DMAR_RMRR_SEGMENT);
	record->rmrr.start = base & ~mask;
	record->rmrr.last = limit | mask;
	return 0;
}

static unsigned int read_andd(const struct iommu_dmar *dmar, struct iommu_dmar_record *record)
{
	const uint8_t *bytes = dmar->bytes + record->offset;
	uint32_t i;

	for (i = DMAR_ANDD_NAME; i < record->length; i++)
		if (bytes[i] == 0)
			break;
	if (i == record->length)
		return IOMMU_DMAR_NAME_UNTERMINATED;
	record->andd.number = bytes[DMAR_ANDD_NUMBER];
	record->andd.name = (const char *)bytes + DMAR_ANDD_NAME;
	return 0;
}

static unsigned int read_rhsa(const struct iommu_dmar *dmar, struct iommu_dmar_record *record)
{
	const uint8_t *bytes = dmar->bytes + record->offset;

	if (!earlier_drhd(dmar, dmar->length, bytes, same_base))
		return IOMMU_DMAR_AFFINITY_UNMATCHED;
	record->rhsa.unit_base = iommu_read_le64(bytes + DMAR_RHSA_BASE);
	record->rhsa.proximity_domain = iommu_read_le32(bytes + DMAR_RHSA_PROXIMITY);
	return 0;
}

/* Read the structure at record->offset. Returns why it is skipped, or 0. */
static unsigned int read_structure(const struct iommu_dmar *dmar, struct iommu_dmar_record *record,
				   unsigned int *noted)
{
	const uint8_t *bytes = dmar->bytes + record->offset;
	const unsigned int type = iommu_read_le16(bytes);

	if (type >= STRUCTURE_TYPES)
		return IOMMU_DMAR_STRUCTURE_UNKNOWN;
	if (record->length < fixed_size[type])
		return IOMMU_DMAR_STRUCTURE_SHORT;
	record->type = (enum dmar_structure_type)type;
	record->segment = 0;
	record->scopes = record->offset + fixed_size[type];
	switch (record->type) {
	case DMAR_DRHD:
		return read_drhd(dmar, record, noted);
	case DMAR_RMRR:
		return read_rmrr(dmar, record, noted);
	case DMAR_RHSA:
		record->scopes = record->offset + record->length;
		return read_rhsa(dmar, record);
	case DMAR_ANDD:
		record->scopes = record->offset + record->length;
		return read_andd(dmar, record);
	case DMAR_ATSR:
		record->segment = iommu_read_le16(bytes + DMAR_ATSR_SEGMENT);
		record->atsr.all_ports = (bytes[DMAR_ATSR_FLAGS] & DMAR_ATSR_ALL_PORTS) != 0;
		return 0;
	case DMAR_SATC:
		record->segment = iommu_read_le16(bytes + DMAR_ATSR_SEGMENT);
		record->satc.atc_required = (bytes[DMAR_ATSR_FLAGS] & DMAR_SATC_ATC_REQUIRED) != 0;
		return 0;
	case DMAR_SIDP:
		record->segment = iommu_read_le16(bytes + DMAR_ATSR_SEGMENT);
		return 0;
	default:
		return IOMMU_DMAR_STRUCTURE_UNKNOWN;
	}
}

/* The next structure that is shown; what was wrong on the way is added to *defects. */
static bool next_record(const struct iommu_dmar *dmar, struct iommu_dmar_record *record,
			unsigned int *defects)
{
	unsigned int skipped;

	record->offset = record->offset == 0 ? DMAR_HEADER_SIZE : record->offset + record->length;
	for (; record->offset < dmar->length; record->offset += record->length) {
		if (!structure_at(dmar, record->offset)) {
			*defects |= IOMMU_DMAR_STRUCTURE_LENGTH;
			break;
		}
		record->length = structure_length(dmar, record->offset);
		skipped = read_structure(dmar, record, defects);
		if (skipped == 0)
			return true;
		*defects |= skipped;
	}
	/* Stay at the end, however often we are asked. */
	record->offset = dmar->length;
	record->length = 0;
	return false;
}

bool iommu_dmar_next(const struct iommu_dmar *dmar, struct iommu_dmar_record *record)
{
	unsigned int unused = 0;

	return next_record(dmar, record, &unused);
}

static bool next_scope(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
		       struct iommu_dmar_scope *scope, unsigned int *defects)
{
	const uint32_t end = record->offset + record->length;
	uint32_t length, path;

	if (scope->offset == 0)
		scope->offset = record->scopes;
	while (scope->offset < end) {
		const uint8_t *bytes = dmar->bytes + scope->offset;

		length =
			end - scope->offset >= DMAR_SCOPE_FIXED_SIZE ? bytes[DMAR_SCOPE_LENGTH] : 0;
		if (length < DMAR_SCOPE_FIXED_SIZE || length > end - scope->offset) {
			*defects |= IOMMU_DMAR_SCOPE_LENGTH;
			break;
		}
		scope->offset += length;
		path = length - DMAR_SCOPE_FIXED_SIZE;
		if (path == 0 || path % DMAR_SCOPE_HOP_SIZE != 0) {
			*defects |= IOMMU_DMAR_SCOPE_PATH;
			continue;
		}
		if (bytes[DMAR_SCOPE_TYPE] < DMAR_SCOPE_ENDPOINT ||
		    bytes[DMAR_SCOPE_TYPE] > DMAR_SCOPE_NAMESPACE) {
			*defects |= IOMMU_DMAR_SCOPE_TYPE;
			continue;
		}
		scope->type = (enum dmar_scope_type)bytes[DMAR_SCOPE_TYPE];
		scope->flags = bytes[DMAR_SCOPE_FLAGS];
		scope->id = bytes[DMAR_SCOPE_ID];
		scope->start_bus = bytes[DMAR_SCOPE_START_BUS];
		scope->hops = path / DMAR_SCOPE_HOP_SIZE;
		scope->path = bytes + DMAR_SCOPE_FIXED_SIZE;
		return true;
	}
	scope->offset = end;
	return false;
}

bool iommu_dmar_next_scope(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
			   struct iommu_dmar_scope *scope)
{
	unsigned int unused = 0;

	return next_scope(dmar, record, scope, &unused);
}

static bool checksum_is_right(const uint8_t *bytes, uint32_t length)
{
	uint8_t sum = 0;
	uint32_t i;

	for (i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* Does every structure, up to one whose length says nothing, end inside the table? */
static bool structures_fit(const struct iommu_dmar *dmar)
{
	uint32_t offset = DMAR_HEADER_SIZE;

	while (offset < dmar->length && structure_at(dmar, offset)) {
		if (structure_length(dmar, offset) > dmar->length - offset)
			return false;
		offset += structure_length(dmar, offset);
	}
	return true;
}

static int refuse_table(struct iommu_dmar *dmar, const char *why)
{
	*dmar = (struct iommu_dmar){.refusal = why};
	return IOMMU_EINVAL;
}

/* Why it is no table; NULL: it is one, as far as the header says. */
static const char *defect_of_header(const uint8_t *bytes, size_t size)
{
	uint32_t length;

	if (bytes == NULL)
		return IOMMU_WHY("there is no table");
	if (size < DMAR_HEADER_SIZE)
		return IOMMU_WHY("the table is shorter than its header");
	if (bytes[0] != 'D' || bytes[1] != 'M' || bytes[2] != 'A' || bytes[3] != 'R')
		return IOMMU_WHY("the table's signature is not DMAR");
	length = iommu_read_le32(bytes + ACPI_TABLE_LENGTH_OFFSET);
	if (length < DMAR_HEADER_SIZE)
		return IOMMU_WHY("the table says that it is shorter than its header");
	if (length > size)
		return IOMMU_WHY("the table says that it is longer than what was given");
	if (length > IOMMU_DMAR_MAX_SIZE)
		return IOMMU_WHY("the table says that it is longer than any can be");
	if (bytes[DMAR_WIDTH_OFFSET] < DMAR_WIDTH_MIN)
		return IOMMU_WHY("the machine's address width is too small to be one");
	return NULL;
}

int iommu_dmar_open(struct iommu_dmar *dmar, const void *bytes, size_t size)
{
	struct iommu_dmar_record record = {0};
	struct iommu_dmar table = {.bytes = bytes, .refusal = ""};
	const char *defect = defect_of_header(bytes, size);
	unsigned int defects = 0;

	if (defect != NULL)
		return refuse_table(dmar, defect);
	table.length = iommu_read_le32(table.bytes + ACPI_TABLE_LENGTH_OFFSET);
	if (!structures_fit(&table))
		return refuse_table(dmar,
				    IOMMU_WHY("a structure reaches beyond the end of the table"));
	if (!checksum_is_right(table.bytes, table.length))
		defects |= IOMMU_DMAR_CHECKSUM;
	table.address_width = table.bytes[DMAR_WIDTH_OFFSET] + 1U;
	table.flags = table.bytes[DMAR_FLAGS_OFFSET];

	while (next_record(&table, &record, &defects)) {
		struct iommu_dmar_scope scope = {0};

		while (next_scope(&table, &record, &scope, &defects))
			;
	}
	table.defects = defects;
	*dmar = table;
	return 0;
}
