/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware's tables: a DMAR table of any bytes, and one that the builder has made, damaged or not;
 * the ACPI tables that lead there; and a driver that takes the machine that such a table describes.
 *
 * What is read lies inside the table (memory of exactly its size, under the address sanitizer),
 * each iteration ends after as many steps as the table has bytes for, and what is returned is what
 * the header promises: aligned, in order, with paths inside the table. A table that the builder has
 * made is read back structure by structure.
 */
#include <libiommu/acpi.h>
#include <libiommu/dmar_builder.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/iommu.h>

#include "fuzz.h"
#include "model_machine.h"

#define TABLE_MAX 2048U

/* --- Reading ---------------------------------------------------------------------------------- */

static void check_scopes(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record)
{
	struct iommu_dmar_scope scope = {0};
	unsigned int count = 0;

	iommu_dmar_for_each_scope (dmar, record, &scope) {
		FUZZ_CHECK(++count <= dmar->length / 6);
		FUZZ_CHECK(scope.hops != 0 && scope.path >= dmar->bytes);
		FUZZ_CHECK(scope.path + 2 * (size_t)scope.hops <= dmar->bytes + dmar->length);
		FUZZ_CHECK(scope.type >= DMAR_SCOPE_ENDPOINT && scope.type <= DMAR_SCOPE_NAMESPACE);
		FUZZ_CHECK(iommu_dmar_hop_device(&scope, scope.hops - 1) <= 255);
		FUZZ_CHECK(iommu_dmar_hop_function(&scope, scope.hops - 1) <= 255);
	}
}

static void check_record(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record)
{
	const uint8_t *end = dmar->bytes + dmar->length;

	switch (record->type) {
	case DMAR_DRHD:
		FUZZ_CHECK(record->drhd.size >= 4096);
		FUZZ_CHECK(!record->drhd.usable || (record->drhd.base & 4095) == 0);
		break;
	case DMAR_RMRR:
		FUZZ_CHECK(record->rmrr.start <= record->rmrr.last);
		FUZZ_CHECK((record->rmrr.start & 4095) == 0);
		FUZZ_CHECK((record->rmrr.last & 4095) == 4095);
		break;
	case DMAR_ANDD:
		FUZZ_CHECK((const uint8_t *)record->andd.name >= dmar->bytes);
		FUZZ_CHECK((const uint8_t *)record->andd.name < end);
		FUZZ_CHECK(memchr(record->andd.name, 0,
				  (size_t)(end - (const uint8_t *)record->andd.name)) != NULL);
		break;
	case DMAR_ATSR:
	case DMAR_RHSA:
	case DMAR_SATC:
	case DMAR_SIDP:
		break;
	default:
		FUZZ_CHECK(false);
	}
	check_scopes(dmar, record);
}

static void read_table(const uint8_t *bytes, size_t size)
{
	struct iommu_dmar_record record = {0};
	uint8_t *copy = malloc(size != 0 ? size : 1);
	struct iommu_dmar dmar;
	unsigned int count = 0;
	int status;

	FUZZ_CHECK(copy != NULL);
	memcpy(copy, bytes, size);
	status = iommu_dmar_open(&dmar, copy, size);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	FUZZ_CHECK((dmar.refusal[0] != '\0') == (status != 0));
	if (status != 0)
		FUZZ_CHECK(!iommu_dmar_next(&dmar, &record));
	while (status == 0 && iommu_dmar_next(&dmar, &record)) {
		FUZZ_CHECK(++count <= size / 4);
		check_record(&dmar, &record);
	}
	free(copy);
}

/* --- Building --------------------------------------------------------------------------------- */

static void add_scope(struct iommu_dmar_builder *b, struct fuzz_bytes *input)
{
	const unsigned int hops = fuzz_below(input, 4);
	struct iommu_pci_hop path[3];

	for (unsigned int i = 0; i < hops; i++)
		path[i] = (struct iommu_pci_hop){(uint8_t)fuzz_below(input, 33),
						 (uint8_t)fuzz_below(input, 9)};
	iommu_dmar_add_scope(b, (enum dmar_scope_type)fuzz_below(input, 7), fuzz_below(input, 258),
			     (uint8_t)fuzz_below(input, 4), path, hops);
}

static void add_structure(struct iommu_dmar_builder *b, struct fuzz_bytes *input)
{
	static const char *const names[] = {"\\_SB.DEV0", "", "\\A"};
	const uint16_t segment = (uint16_t)fuzz_below(input, 2);
	const iommu_paddr_t page = (uint64_t)fuzz_number(input, 2) << 12;

	switch (fuzz_below(input, 10)) {
	case 0:
		iommu_dmar_add_unit(b, segment, page, fuzz_wild(input), fuzz_flag(input));
		break;
	case 1:
	case 2:
		iommu_dmar_add_unit(b, 0, MACHINE_UNIT(fuzz_below(input, 3)), 4096,
				    fuzz_flag(input));
		break;
	case 3:
		iommu_dmar_add_region(b, segment, page, page + fuzz_number(input, 3));
		break;
	case 4:
		iommu_dmar_add_region(b, 0, MACHINE_BASE + (page & 0xfffff),
				      MACHINE_BASE + (page & 0xfffff) + 4095);
		break;
	case 5:
		iommu_dmar_add_ports(b, segment, fuzz_flag(input));
		break;
	case 6:
		iommu_dmar_add_affinity(b, MACHINE_UNIT(0), fuzz_byte(input));
		break;
	case 7:
		iommu_dmar_add_name(b, fuzz_below(input, 257), names[fuzz_below(input, 3)]);
		break;
	case 8:
		iommu_dmar_add_integrated(b, segment, fuzz_flag(input));
		break;
	default:
		add_scope(b, input);
		break;
	}
}

static void fix_checksum(uint8_t *table, size_t size)
{
	uint8_t sum = 0;

	table[9] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
}

/* Returns its size; 0: the builder has refused something. */
static size_t build(struct fuzz_bytes *input, uint8_t table[TABLE_MAX])
{
	const size_t room = fuzz_flag(input) ? TABLE_MAX : fuzz_number(input, 2) % TABLE_MAX;
	struct iommu_dmar_builder b;
	unsigned int structures = fuzz_below(input, 12);
	int size;

	iommu_dmar_begin(&b, table, room, fuzz_flag(input) ? 46 : fuzz_byte(input) * 2,
			 fuzz_below(input, 8));
	for (; structures != 0; structures--) {
		add_structure(&b, input);
		for (unsigned int scopes = fuzz_below(input, 4); scopes != 0; scopes--)
			add_scope(&b, input);
	}
	size = iommu_dmar_finish(&b, "BOCHS", "FUZZ");
	FUZZ_CHECK((size > 0) == (b.refusal[0] == '\0') && size <= (int)room);
	return size > 0 ? (size_t)size : 0;
}

/* What the builder has made is a table, and is read as it was made. */
static void check_built(const uint8_t *table, size_t size)
{
	struct iommu_dmar_record record = {0};
	struct iommu_dmar dmar;
	size_t at = DMAR_HEADER_SIZE;

	FUZZ_CHECK(iommu_dmar_open(&dmar, table, size) == 0);
	FUZZ_CHECK((dmar.defects & (IOMMU_DMAR_CHECKSUM | IOMMU_DMAR_STRUCTURE_LENGTH |
				    IOMMU_DMAR_STRUCTURE_SHORT | IOMMU_DMAR_SCOPE_LENGTH |
				    IOMMU_DMAR_REGION_UNALIGNED | IOMMU_DMAR_REGION_EMPTY |
				    IOMMU_DMAR_STRUCTURE_UNKNOWN)) == 0);
	while (iommu_dmar_next(&dmar, &record))
		FUZZ_CHECK(record.offset >= at && record.offset < size);
	read_table(table, size);
}

/* --- A driver that takes the machine ---------------------------------------------------------- */

static void *(*map_mmio)(void *ctx, iommu_paddr_t paddr, uint64_t size);

/* Registers are where the units are; elsewhere the host maps nothing. */
static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	if (paddr != MACHINE_UNIT(0) && paddr != MACHINE_UNIT(1))
		return NULL;
	return map_mmio(ctx, paddr, size);
}

static int any_status(int status)
{
	FUZZ_CHECK(status <= 0);
	return status;
}

static void use_machine(struct iommu *iommu, struct fuzz_bytes *input)
{
	struct iommu_endpoint *endpoints[4];
	struct iommu_unit *unit = NULL;
	unsigned int count = 0;

	for (unsigned int i = fuzz_below(input, 5); i != 0; i--) {
		struct iommu_endpoint_info info = {
			.source_id = (uint16_t)(fuzz_below(input, 2) << 8 | fuzz_byte(input)),
			.segment = (uint16_t)fuzz_below(input, 2),
			.path_length = (uint8_t)fuzz_below(input, 3),
			.untrusted = fuzz_below(input, 8) == 0,
		};

		info.physical_function = info.source_id;
		for (unsigned int hop = 0; hop < info.path_length; hop++)
			info.path[hop] = (struct iommu_pci_hop){(uint8_t)fuzz_below(input, 32),
								(uint8_t)fuzz_below(input, 8)};
		if (any_status(iommu_probe_endpoint(iommu, &info, &endpoints[count])) == 0)
			count++;
	}
	while ((unit = iommu_next_unit(iommu, unit)) != NULL)
		(void)any_status(iommu_unit_enable(unit));
	while (count != 0)
		(void)any_status(iommu_release_endpoint(endpoints[--count]));
}

static void take_machine(const uint8_t *table, size_t size, struct fuzz_bytes *input)
{
	const struct iommu_model_vtd_config config = {
		.flags = fuzz_flag(input)
				 ? IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH
				 : 0,
		.levels = 1U << 3 | 1U << 4};
	static struct model_machine machine;
	const struct iommu_vtd_options options = {
		.timeout_ns = 1000000, .flags = fuzz_flag(input) ? IOMMU_VTD_BYPASS_GRAPHICS : 0};
	uint8_t *copy = malloc(size);
	struct iommu *iommu;

	FUZZ_CHECK(copy != NULL);
	memcpy(copy, table, size);
	memset(&machine, 0, sizeof(machine));
	model_machine_init(&machine, 2, &config);
	machine.quiet = true;
	map_mmio = machine.platform.map_mmio;
	machine.platform.map_mmio = map_registers;
	FUZZ_CHECK(iommu_create(&machine.platform, &iommu) == 0);
	if (any_status(iommu_vtd_probe(iommu, copy, size, &options)) == 0)
		use_machine(iommu, input);
	FUZZ_CHECK(iommu_destroy(iommu) == 0);
	FUZZ_CHECK(machine.violation == NULL && machine.pages_in_use == 0 && machine.mapped == 0);
	model_machine_destroy(&machine);
	free(copy);
}

/* --- The way to the table --------------------------------------------------------------------- */

#define ACPI_BASE 0xe0000U

struct memory {
	const uint8_t *bytes;
	size_t size;
	unsigned int reads;
};

static bool read_memory(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	struct memory *memory = ctx;

	memory->reads++;
	FUZZ_CHECK(size != 0 && size <= 64 && address + (size - 1) >= address);
	if (address < ACPI_BASE || address - ACPI_BASE > memory->size ||
	    size > memory->size - (address - ACPI_BASE))
		return false;
	memcpy(bytes, memory->bytes + (address - ACPI_BASE), size);
	return true;
}

static void put(uint8_t *at, uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		*at++ = (uint8_t)value;
}

static void sum_up(uint8_t *at, size_t size, uint8_t *checksum)
{
	uint8_t sum = 0;

	*checksum = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + at[i]);
	*checksum = (uint8_t)-sum;
}

/*
 * A root pointer, both root tables with two addresses, and one table; then bytes are overwritten.
 */
static void find_tables(struct fuzz_bytes *input)
{
	static uint8_t bytes[4096];
	struct memory memory = {.bytes = bytes, .size = sizeof(bytes)};
	const struct iommu_acpi_memory access = {.ctx = &memory, .read = read_memory};
	struct iommu_acpi_table table;
	iommu_paddr_t rsdp;
	int status;

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + 16, "RSD PTR ", 8);
	bytes[16 + 15] = (uint8_t)fuzz_below(input, 3);
	put(bytes + 16 + 16, ACPI_BASE + 0x100, 4);
	put(bytes + 16 + 20, 36, 4);
	put(bytes + 16 + 24, ACPI_BASE + 0x200, 8);
	sum_up(bytes + 16, 20, bytes + 16 + 8);
	sum_up(bytes + 16, 36, bytes + 16 + 32);
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t *root = bytes + (i == 0 ? 0x100 : 0x200);
		const unsigned int width = i == 0 ? 4 : 8;

		memcpy(root, i == 0 ? "RSDT" : "XSDT", 4);
		put(root + 4, 36 + 2 * width, 4);
		put(root + 36, ACPI_BASE + 0x400, width);
		put(root + 36 + width, ACPI_BASE + 0x300, width);
		sum_up(root, 36 + 2 * width, root + 9);
	}
	memcpy(bytes + 0x300, "DMAR", 4);
	put(bytes + 0x300 + 4, 48, 4);
	sum_up(bytes + 0x300, 48, bytes + 0x300 + 9);
	for (unsigned int changes = fuzz_below(input, 16); changes != 0; changes--) {
		const unsigned int at = fuzz_below(input, 0x500);

		bytes[at] = (uint8_t)fuzz_byte(input);
	}
	if (fuzz_flag(input)) {
		sum_up(bytes + 16, 20, bytes + 16 + 8);
		sum_up(bytes + 16, 36, bytes + 16 + 32);
	}
	if (fuzz_flag(input))
		sum_up(bytes + 0x200, 52, bytes + 0x200 + 9);
	status = iommu_acpi_find_table(&access, ACPI_BASE + 16, "DMAR", &table);
	FUZZ_CHECK(status == 0 || status == IOMMU_ENOENT || status == IOMMU_EINVAL);
	if (status == 0)
		FUZZ_CHECK(table.size >= 36 && table.size <= IOMMU_ACPI_TABLE_MAX);
	if (iommu_acpi_find_rsdp(&access, &rsdp) == 0)
		FUZZ_CHECK(memcmp(bytes + (rsdp - ACPI_BASE), "RSD PTR ", 8) == 0);
	/*
	 * The root table's addresses, the table's bytes, and the place where old firmware has it.
	 */
	FUZZ_CHECK(memory.reads < 3 * (IOMMU_ACPI_ROOT_MAX / 4 + IOMMU_ACPI_TABLE_MAX / 64));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_bytes input = {bytes, size};
	const unsigned int mode = fuzz_byte(&input);
	uint8_t table[TABLE_MAX] = {0};
	size_t length;

	if (mode % 4 == 0) {
		length = input.left < TABLE_MAX ? input.left : TABLE_MAX;
		memcpy(table, input.at, length);
		if (length >= DMAR_HEADER_SIZE && (mode & 8) != 0) {
			memcpy(table, "DMAR", 4);
			put(table + 4, length, 4);
			fix_checksum(table, length);
		}
		read_table(table, length);
		return 0;
	}
	if (mode % 4 == 1) {
		find_tables(&input);
		return 0;
	}
	length = build(&input, table);
	if (length == 0)
		return 0;
	check_built(table, length);
	for (unsigned int changes = fuzz_below(&input, 4); changes != 0; changes--) {
		const unsigned int at = fuzz_below(&input, 1024);

		if (at < length)
			table[at] = (uint8_t)fuzz_byte(&input);
	}
	if (fuzz_flag(&input))
		fix_checksum(table, length);
	read_table(table, length);
	if (mode % 4 == 3)
		take_machine(table, length, &input);
	return 0;
}
