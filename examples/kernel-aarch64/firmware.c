/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI's table IORT, on a machine without firmware: QEMU has the tables ready for one, in a file of
 * its configuration device (fw_cfg), where they stand behind each other. Firmware would place them,
 * and write their checksums.
 */
#include "machine.h"

#define FW_CFG_DATA     0 /* the next byte of what is selected */
#define FW_CFG_SELECT   8 /* big-endian */
#define FW_CFG_FILES    0x19
#define FILE_NAME_MAX   56
#define TABLES_FILE     "etc/acpi/tables"

#define TABLE_LENGTH_AT 4
#define TABLE_MIN       36U

struct file {
	uint32_t size;
	uint16_t number;
	char name[FILE_NAME_MAX];
};

static void select(uint64_t device, uint16_t number)
{
	write16(device + FW_CFG_SELECT, __builtin_bswap16(number));
}

static void read_bytes(uint64_t device, void *bytes, size_t size)
{
	uint8_t *at = bytes;

	while (size-- != 0)
		*at++ = read8(device + FW_CFG_DATA);
}

static uint32_t big_endian(uint64_t device, unsigned int size)
{
	uint32_t value = 0;

	while (size-- != 0)
		value = value << 8 | read8(device + FW_CFG_DATA);
	return value;
}

static bool find_file(uint64_t device, const char *name, struct file *file)
{
	uint32_t count;
	size_t length;

	for (length = 0; name[length] != '\0'; length++)
		;
	select(device, FW_CFG_FILES);
	for (count = big_endian(device, 4); count != 0; count--) {
		file->size = big_endian(device, 4);
		file->number = (uint16_t)big_endian(device, 2);
		(void)big_endian(device, 2);
		read_bytes(device, file->name, FILE_NAME_MAX);
		if (__builtin_memcmp(file->name, name, length + 1) == 0)
			return true;
	}
	return false;
}

static uint32_t length_at(const uint8_t *table)
{
	const uint8_t *at = table + TABLE_LENGTH_AT;

	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* Those that are there one behind the other. */
static const uint8_t *find_table(const uint8_t *tables, uint32_t size, const char *signature)
{
	uint32_t at = 0;

	while (size - at >= TABLE_MIN && length_at(tables + at) >= TABLE_MIN &&
	       length_at(tables + at) <= size - at) {
		if (__builtin_memcmp(tables + at, signature, 4) == 0)
			return tables + at;
		at += length_at(tables + at);
	}
	return NULL;
}

bool firmware_iort(const struct iommu_fdt *tree, struct iommu_iort *iort)
{
	struct iommu_fdt_node node;
	const uint8_t *table;
	struct file file;
	uint64_t device;
	void *tables;

	if (!tree_find(tree, "qemu,fw-cfg-mmio", &node))
		return false;
	device = tree_address(tree, &node);
	if (device == 0 || !find_file(device, TABLES_FILE, &file))
		return false;
	tables = host_memory(file.size);
	if (tables == NULL)
		return false;
	select(device, file.number);
	read_bytes(device, tables, file.size);
	table = find_table(tables, file.size, "IORT");
	return table != NULL && iommu_iort_open(iort, table, length_at(table)) == 0;
}
