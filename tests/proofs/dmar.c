/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR table's cursors, of any bytes. Nothing outside the table is read; a record lies inside
 * the table, and what it points to inside the record; each cursor moves on, so that it ends; the
 * state that a step leaves is one that the next step may begin with. BODY bytes follow the
 * header.
 */
#include "vtd/dmar.c"

#include "proof.h"

/*
 * Any bytes, behind which there is no memory. The end alone says where a structure may not reach:
 * where structures begin is any offset, so that one length stands for all shorter ones.
 */
static struct iommu_dmar any_table(void)
{
	static uint8_t memory[DMAR_HEADER_SIZE + BODY];

	__CPROVER_havoc_object(memory);
	return (struct iommu_dmar){.bytes = memory, .length = sizeof(memory)};
}

static bool is_inside(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record)
{
	return record->offset >= DMAR_HEADER_SIZE && record->offset <= dmar->length &&
	       record->length <= dmar->length - record->offset;
}

/* A structure that begins where one before it ends. */
static struct iommu_dmar_record any_structure(const struct iommu_dmar *dmar)
{
	struct iommu_dmar_record record = {.offset = DMAR_HEADER_SIZE};

	while (any_bool() && record.offset < dmar->length && structure_at(dmar, record.offset))
		record.offset += structure_length(dmar, record.offset);
	ASSUME(record.offset < dmar->length && structure_at(dmar, record.offset));
	record.length = structure_length(dmar, record.offset);
	return record;
}

/*
 * One structure, wherever it begins: what iommu_dmar_open has checked of it is that it ends inside
 * the table. For those that look at others (UNITS) also of all others.
 */
static void structures(void)
{
	const struct iommu_dmar dmar = any_table();
	const uint32_t offset = DMAR_HEADER_SIZE + any_below(BODY), length = any_below(BODY + 1);
	struct iommu_dmar_record record = {.offset = offset, .length = length};
	unsigned int noted = 0, type, i;

	ASSUME(length >= DMAR_STRUCTURE_HEADER_SIZE && is_inside(&dmar, &record));
	ASSUME(length == structure_length(&dmar, offset));
	type = iommu_read_le16(dmar.bytes + offset);
#ifdef UNITS
	ASSUME(type == DMAR_DRHD || type == DMAR_RHSA);
	ASSUME(structures_fit(&dmar));
#else
	ASSUME(type != DMAR_DRHD && type != DMAR_RHSA);
#endif
	if (read_structure(&dmar, &record, &noted) != 0)
		return;
	CLAIM(record.offset == offset && record.length == length);
	CLAIM(record.scopes > offset && record.scopes <= offset + length);
	if (record.type == DMAR_RMRR)
		CLAIM(record.rmrr.start <= record.rmrr.last &&
		      record.rmrr.start % IOMMU_PAGE_SIZE == 0 &&
		      (record.rmrr.last + 1) % IOMMU_PAGE_SIZE == 0);
	if (record.type == DMAR_DRHD)
		CLAIM(record.drhd.usable ==
		      (record.drhd.base != 0 && record.drhd.base % IOMMU_PAGE_SIZE == 0));
	if (record.type == DMAR_ANDD) {
		for (i = DMAR_ANDD_NAME; i < length && dmar.bytes[offset + i] != 0; i++)
			;
		CLAIM(i < length);
	}
}

static void records(void)
{
	const struct iommu_dmar dmar = any_table();
	struct iommu_dmar_record record = {0};
	uint32_t end = 0;

	ASSUME(structures_fit(&dmar));
	if (any_bool()) {
		record = any_structure(&dmar);
		end = record.offset + record.length;
	}
	if (iommu_dmar_next(&dmar, &record))
		CLAIM(is_inside(&dmar, &record) && record.offset >= end && record.length != 0);
	else
		CLAIM(record.offset == dmar.length && record.length == 0);
}

static void scopes(void)
{
	const struct iommu_dmar dmar = any_table();
	struct iommu_dmar_record record = {.offset = DMAR_HEADER_SIZE + any_below(BODY)};
	struct iommu_dmar_scope scope = {0};
	uint32_t before;

	record.length = any_below(BODY + 1);
	record.scopes = record.offset + any_below(BODY);
	ASSUME(record.offset <= dmar.length && record.length <= dmar.length - record.offset);
	ASSUME(record.scopes <= record.offset + record.length);
	if (any_bool())
		scope.offset = record.scopes + any_below(BODY);
	ASSUME(scope.offset <= record.offset + record.length);
	before = scope.offset;
	if (!iommu_dmar_next_scope(&dmar, &record, &scope)) {
		CLAIM(scope.offset == record.offset + record.length);
		return;
	}
	CLAIM(scope.offset > before && scope.offset <= record.offset + record.length);
	CLAIM(scope.hops != 0 && scope.path > dmar.bytes + record.scopes &&
	      scope.path + scope.hops * DMAR_SCOPE_HOP_SIZE == dmar.bytes + scope.offset);
}

int main(void)
{
#if defined(SCOPES)
	scopes();
#elif defined(RECORDS)
	records();
#else
	structures();
#endif
	END();
	return 0;
}
