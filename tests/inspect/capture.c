/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture KIND FILE - the memory of a machine whose tables the library has made, as iommu-inspect
 * reads it. With a VT-d unit (legacy, scalable) the driver ran over the model; its machine's memory
 * begins at 0x10000000. Prints the unit's root table address register, or the table's root.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/pgtable.h>

#include "model_machine.h"
#include "test.h"

#define EVERYTHING                                                                                 \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |         \
	 IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_SNOOP_CONTROL)

static struct model_machine machine;

/* --- What is mapped --------------------------------------------------------------------------- */

static void map(struct iommu_domain *domain, uint64_t iova, uint64_t paddr, uint64_t size,
		unsigned int prot)
{
	assert_int_equal(iommu_map(domain, iova, paddr, size, prot), 0);
}

/* Small pages, some of them read-only or in no order, large ones, and the largest. */
static void map_all_sizes(struct iommu_domain *domain)
{
	map(domain, 0x100000, 0x20000000, 0x5000, IOMMU_PROT_READ_WRITE);
	map(domain, 0x105000, 0x20005000, 0x2000, IOMMU_PROT_READ);
	map(domain, 0x107000, 0x30000000, 0x1000, IOMMU_PROT_READ_WRITE);
	map(domain, 0xfed00000, 0x21000000, 0x1000, IOMMU_PROT_READ_WRITE);
	map(domain, 0x40000000, 0x80000000, 0x600000, IOMMU_PROT_READ_WRITE);
	map(domain, 0x100000000, 0x140000000, 0x80000000, IOMMU_PROT_READ_WRITE);
}

static void add_endpoint(struct iommu *iommu, const struct iommu_endpoint_info *info,
			 enum iommu_domain_type type)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;

	assert_int_equal(iommu_probe_endpoint(iommu, info, &endpoint), 0);
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(iommu, NULL), type, NULL, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
}

static struct iommu_domain *attach(const struct model_host *host, enum iommu_domain_type type,
				   const struct iommu_domain_config *config, uint32_t pasid)
{
	static struct iommu_pasid_handle handles[4];
	static unsigned int next;
	struct iommu_domain *domain;

	assert_int_equal(
		iommu_domain_alloc(iommu_next_unit(host->iommu, NULL), type, config, &domain), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain, iommu_endpoint_group(host->endpoint),
						   pasid, &handles[next++]),
			 0);
	return domain;
}

/* --- Machines --------------------------------------------------------------------------------- */

static void make_legacy(void)
{
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_SNOOP_CONTROL,
		.address_width = 48,
		.levels = 1U << 3 | 1U << 4,
	};
	const struct iommu_endpoint_info first = {.source_id = 0x0018},
					 second = {.source_id = 0x0108};
	struct model_host host;

	model_machine_init(&machine, 1, &config);
	(void)model_machine_add_device(&machine, 0, first.source_id);
	(void)model_machine_add_device(&machine, 0, second.source_id);
	host = model_machine_start(&machine, NULL, &first);
	map_all_sizes(host.domain);
	add_endpoint(host.iommu, &second, IOMMU_DOMAIN_IDENTITY);
}

static void put(unsigned char *at, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

/* A guest's own tables, at addresses of its own, which lead to `guest` and above. */
static void write_guest_tables(unsigned char *memory)
{
	unsigned int level;

	for (level = 4; level > 1; level--)
		put(memory + (5 - level) * 0x1000,
		    vtd_fs_table((6 - level) * 0x1000ULL) | VTD_FS_ACCESSED);
	for (unsigned int page = 0; page < 8; page++)
		put(memory + 0x4000 + page * 8, vtd_fs_table(0x8000 + page * 0x1000ULL) &
							(page == 3 ? ~VTD_FS_WRITE : UINT64_MAX));
	/* One that the second stage does not map. */
	put(memory + 0x4000 + 8 * 8, vtd_fs_table(0x7000000));
}

static void make_nested(const struct model_host *host)
{
	const struct iommu_vtd_first_stage stage = {.table = 0x1000, .levels = 4};
	struct iommu_domain_config config = {.nest_parent = true};
	unsigned char *memory = machine.platform.alloc_pages(&machine, 4, IOMMU_NODE_ANY, 0);
	const iommu_paddr_t guest = MACHINE_BASE + (uint64_t)(memory - machine.memory);

	assert_int_equal(iommu_domain_alloc(iommu_next_unit(host->iommu, NULL), IOMMU_DOMAIN_PAGING,
					    &config, &config.parent),
			 0);
	map(config.parent, 0, guest, 0x10000, IOMMU_PROT_READ_WRITE);
	write_guest_tables(memory);
	config.nest_parent = false;
	config.user_data = &stage;
	config.user_size = sizeof(stage);
	(void)attach(host, IOMMU_DOMAIN_NESTED, &config, 70);
}

static void make_scalable(void)
{
	const struct iommu_model_vtd_config config = {.flags = EVERYTHING};
	const struct iommu_endpoint_info info = {.source_id = 0x0018, .max_pasids = 1024};
	const struct iommu_domain_config first = {.stage = IOMMU_STAGE_FIRST},
					 second = {.stage = IOMMU_STAGE_SECOND};
	struct model_host host;

	model_machine_init(&machine, 1, &config);
	(void)model_machine_add_device(&machine, 0, info.source_id);
	host = model_machine_start(&machine, NULL, &info);
	assert_int_equal(iommu_endpoint_enable_feature(host.endpoint, IOMMU_FEATURE_PASID), 0);
	map_all_sizes(host.domain);
	map_all_sizes(attach(&host, IOMMU_DOMAIN_PAGING, &first, 5));
	map_all_sizes(attach(&host, IOMMU_DOMAIN_PAGING, &second, 6));
	(void)attach(&host, IOMMU_DOMAIN_IDENTITY, NULL, 7);
	make_nested(&host);
}

/* --- Tables alone ----------------------------------------------------------------------------- */

static struct iommu_hosted hosted;

#define RW       IOMMU_PROT_READ_WRITE
#define DATA     (RW | IOMMU_PROT_NO_EXEC)
#define KERNEL   (DATA | IOMMU_PROT_PRIVILEGED)
#define MAPPINGS 6

struct content {
	uint64_t iova, paddr, size;
	unsigned int prot;
};

/* A kind of tables, and what they map. */
struct kind {
	const char *name;
	const struct iommu_pgtable_ops *ops;
	struct iommu_pgtable_config config;
	struct content contents[MAPPINGS];
};

static const struct kind kinds[] = {
	{
		"x86_64",
		&iommu_x86_64_table_ops,
		{
			.levels = 4,
			.input_bits = 47,
			.output_bits = 46,
			.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
			.flags = IOMMU_PGTABLE_NO_EXECUTE,
		},
		{
			{0x400000, 0x5000000, 0x3000, IOMMU_PROT_READ},
			{0x403000, 0x5003000, 0x2000, DATA},
			{0xffff800000000000, 0, 0x80000000, KERNEL},
			{0xfffffffffee00000, 0xfee00000, 0x1000, KERNEL | IOMMU_PROT_MMIO},
		},
	},
	/* Two levels of tables of 4 KiB: 2^18 pages of 64 KiB. */
	{
		"tce",
		&iommu_tce_ops,
		{.levels = 2, .input_bits = 34, .output_bits = 50, .pgsize_bitmap = 1ULL << 16},
		{
			{0x100000, 0x200000000, 0x80000, RW},
			{0x200000000, 0x300000000, 0x30000, IOMMU_PROT_READ},
		},
	},
	{
		"riscvfs",
		&iommu_riscvfs_ops,
		{
			.levels = 3,
			.input_bits = 38,
			.output_bits = 56,
			.pgsize_bitmap =
				IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
		},
		{
			{0x400000, 0x5000000, 0x3000, IOMMU_PROT_READ},
			{0x410000, 0x5010000, 0x10000, DATA},
			{0xffffffffc0000000, 0x80000000, 0x3fe00000, DATA},
		},
	},
	{
		"riscvss",
		&iommu_riscvss_ops,
		{
			.levels = 3,
			.input_bits = 41,
			.output_bits = 56,
			.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
		},
		{
			{0x1000, 0x5000000, 0x3000, IOMMU_PROT_READ},
			{0x1fffffff000, 0x90000000, 0x1000, RW},
			{0x40000000, 0x80000000, 0x400000, RW},
		},
	},
	/* Pages and runs, blocks and runs of blocks. */
	{
		"vmsas1",
		&iommu_vmsas1_ops,
		{
			.input_bits = 39,
			.output_bits = 48,
			.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M |
					 1ULL << 25 | IOMMU_SIZE_1G,
			.flags = IOMMU_PGTABLE_ACCESSED,
		},
		{
			{0x400000, 0x5000000, 0x3000, IOMMU_PROT_READ},
			{0x410000, 0x5010000, 0x10000, DATA},
			{0x2000000, 0x80000000, 0x2400000, RW},
			{0x4000000000, 0x9050000, 0x1000, DATA | IOMMU_PROT_MMIO},
		},
	},
	/* Pages of 16 KiB, runs of them, and blocks; a root of two tables. */
	{
		"vmsas2",
		&iommu_vmsas2_ops,
		{
			.input_bits = 37,
			.output_bits = 48,
			.pgsize_bitmap = 1ULL << 14 | IOMMU_SIZE_2M | 1ULL << 25,
			.flags = IOMMU_PGTABLE_ACCESSED,
		},
		{
			{0x400000, 0x5000000, 0xc000, IOMMU_PROT_READ},
			{0x2000000, 0x80000000, 0x2200000, RW},
			{0x1800000000, 0x9050000, 0x4000, DATA | IOMMU_PROT_MMIO},
		},
	},
};

static void make_table(struct iommu_pgtable *table, const struct kind *kind)
{
	struct iommu_pgtable_config config = kind->config;
	struct iommu_gather gather;
	uint64_t mapped;

	config.platform = &hosted.platform;
	config.node = IOMMU_NODE_ANY;
	iommu_gather_init(&gather);
	assert_int_equal(kind->ops->init(table, &config), 0);
	for (const struct content *c = kind->contents;
	     c < kind->contents + MAPPINGS && c->size != 0; c++) {
		assert_int_equal(kind->ops->map(table, c->iova, c->paddr, c->size, c->prot, &gather,
						&mapped),
				 0);
		assert_int_equal(mapped, c->size);
	}
}

/* --- The file --------------------------------------------------------------------------------- */

static int save(const char *name, const unsigned char *memory, size_t pages)
{
	FILE *file = fopen(name, "wb");

	if (file == NULL)
		return 1;
	if (fwrite(memory, IOMMU_PAGE_SIZE, pages, file) != pages || fclose(file) != 0)
		return 1;
	return 0;
}

static int save_machine(const char *name)
{
	printf("--rtaddr %" PRIx64 "\n",
	       iommu_model_vtd_mmio_read(machine.units[0], VTD_RTADDR, 8));
	return save(name, machine.memory, machine.next_page);
}

static int save_table(const char *name, const struct kind *kind)
{
	struct iommu_pgtable table;

	assert_int_equal(iommu_hosted_init(&hosted, NULL, (size_t)64 << 20, 0x1000000), 0);
	make_table(&table, kind);
	printf("--root 0x%" PRIx64 "\n", iommu_pgtable_root(&table));
	return save(name, hosted.arena, hosted.next / IOMMU_PAGE_SIZE);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			return save_table(argv[2], &kinds[i]);
	if (strcmp(argv[1], "legacy") == 0)
		make_legacy();
	else if (strcmp(argv[1], "scalable") == 0)
		make_scalable();
	else
		return 2;
	return save_machine(argv[2]);
}
