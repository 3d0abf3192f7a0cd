/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VT-d driver does beyond mapping, against the model: regions of firmware, identity
 * without pass-through, domains over unlike units, device TLBs, taking over from a dead kernel,
 * power states, units that are added and removed, faults, and interrupt remapping.
 */
#include <string.h>

#include <libiommu/counters.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/opal.h>
#include <libiommu/papr.h>
#include <libiommu/vtd_interrupt.h>

#include "base/byteorder.h"
#include "test.h"
#include "vtd_fixture.h"

/* --- Regions ---------------------------------------------------------------------------------- */

/* A table with one unit that takes all, and a region for the first device. */
static void dmar_with_region(iommu_paddr_t start, iommu_paddr_t last)
{
	const struct iommu_pci_hop hop = {4, 0};
	struct iommu_dmar_builder b;
	int size;

	iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, DMAR_FLAG_INTR_REMAP);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, true);
	iommu_dmar_add_region(&b, 0, start, last);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
	size = iommu_dmar_finish(&b, "TEST", "REGION");
	assert_true(size > 0);
	f.machine.dmar_size = (size_t)size;
}

static void begin_with_region(uint32_t class_code)
{
	const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_vtd_options options = {.flags = IOMMU_VTD_ISA_WINDOW};
	iommu_paddr_t start;

	machine(1, &config);
	devices(2);
	start = model_machine_take(&f.machine, 4);
	dmar_with_region(start, start + 4 * IOMMU_PAGE_SIZE - 1);
	assert_int_equal(probe_with(&options), 0);
	f.info.class_code = class_code;
	endpoints();
	f.memory = start;
}

static void firmwares_region_stays_reachable_through_bring_up(void **state)
{
	struct iommu_domain *domain;
	struct iommu_region region;
	unsigned int cursor = 0;

	(void)state;
	begin_with_region(0x020000);
	assert_true(iommu_endpoint_next_region(f.endpoint[0], &cursor, &region));
	assert_int_equal(region.type, IOMMU_REGION_DIRECT);
	assert_int_equal(region.start, f.memory);
	assert_true(iommu_endpoint_next_region(f.endpoint[0], &cursor, &region));
	assert_int_equal(region.type, IOMMU_REGION_MSI);
	assert_int_equal(region.start, 0xfee00000);
	assert_int_equal(region.last, 0xfeefffff);
	assert_false(iommu_endpoint_next_region(f.endpoint[0], &cursor, &region));

	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, f.memory + 0x1234, f.memory + 0x1234));
	assert_true(is_blocked(0, f.memory + 4 * IOMMU_PAGE_SIZE));
	assert_true(is_blocked(1, f.memory));
	assert_null(iommu_group_domain(f.group[0]));

	/* A domain of which we do not know what is where must not take it away. */
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_EPERM);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_true(reaches(0, f.memory, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);

	/* One of the host's drivers has it mapped, and out of its address space. */
	domain = domain_of_type(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, f.memory + 0x3000, f.memory + 0x3000));
	assert_non_null(iommu_iova_find(iommu_domain_iova_space(domain), f.memory >> 12));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	/* Detached is back to the region alone. */
	assert_true(reaches(0, f.memory, f.memory));
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void a_relaxable_region_can_be_given_up(void **state)
{
	struct iommu_domain *domain;

	(void)state;
	begin_with_region(0x0c0330);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, f.memory, f.memory));
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(is_blocked(0, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void a_region_that_is_taken_is_refused(void **state)
{
	struct iommu_domain *domain;

	(void)state;
	begin_with_region(0x020000);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_map(domain, f.memory + 0x1000, 0x7000, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_EEXIST);
	assert_true(reaches(0, f.memory, f.memory));
	/* What is mapped to itself already is fine. */
	assert_int_equal(iommu_unmap(domain, f.memory, 0x4000, 0, NULL), 0);
	assert_int_equal(iommu_map(domain, f.memory + 0x1000, f.memory + 0x1000, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, f.memory + 0x2000, f.memory + 0x2000));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/*
 * A region is in a domain for as long as its device is, whatever kind of domain that is, and no
 * longer.
 */
static void a_region_comes_and_goes_with_its_device(void **state)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_IDENTITY};
	struct iommu_domain *domain;
	iommu_paddr_t memory;
	unsigned int i;

	(void)state;
	begin_with_region(0x020000);
	memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_add_memory(f.iommu, memory, memory + IOMMU_PAGE_SIZE - 1), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 0; i < 2; i++) {
		domain = domain_of_type(types[i]);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
		assert_true(is_blocked(1, f.memory));
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_true(reaches(0, f.memory + 0x3000, f.memory + 0x3000));
		assert_true(reaches(1, f.memory + 0x3000, f.memory + 0x3000));
		assert_int_equal(reaches(0, memory, memory), types[i] == IOMMU_DOMAIN_IDENTITY);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_true(reaches(0, f.memory + 0x3000, f.memory + 0x3000));
		assert_true(is_blocked(1, f.memory + 0x3000));
		assert_int_equal(reaches(1, memory, memory), types[i] == IOMMU_DOMAIN_IDENTITY);
		assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
	}
	end();
}

static void bridges_to_isa_reach_low_memory(void **state)
{
	struct iommu_region region = {0};
	unsigned int cursor = 0;
	bool found = false;

	(void)state;
	begin_with_region(0x060100);
	while (iommu_endpoint_next_region(f.endpoint[1], &cursor, &region))
		found |= region.start == 0 && region.last == 0xffffff &&
			 region.type == IOMMU_REGION_DIRECT_RELAXABLE;
	assert_true(found);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(1, 0x1000, 0x1000));
	assert_true(reaches(1, 0xfff000, 0xfff000));
	assert_true(is_blocked(1, 0x1000000));
	end();
}

static void reserved_addresses_are_never_handed_out(void **state)
{
	const struct iommu_model_vtd_config config = {.address_width = 39};
	struct iommu_domain *domain;
	struct iommu_iova_space *space;
	struct iommu_iova_range *range;
	struct iommu_iova_request request = {.size = 1, .limit = 0xfef00};
	unsigned int i;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_reserve(f.iommu, 0xc0000123, 0xd0000000), 0);
	assert_int_equal(iommu_reserve(f.iommu, 5, 4), IOMMU_EINVAL);
	assert_int_equal(iommu_reserve(f.iommu, 0, 100), 0);
	domain = domain_of_type(IOMMU_DOMAIN_DMA);
	space = iommu_domain_iova_space(domain);
	assert_non_null(space);
	assert_true(iommu_iova_find(space, 0xfee00)->reserved);
	assert_true(iommu_iova_find(space, 0xfeeff)->reserved);
	assert_null(iommu_iova_find(space, 0xfef00));
	assert_true(iommu_iova_find(space, 0xc0000)->reserved);
	assert_true(iommu_iova_find(space, 0xd0000)->reserved);
	/* Top-down from just above the interrupt window: that one page, then below it. */
	assert_int_equal(iommu_iova_alloc(space, &request, &range), 0);
	assert_int_equal(range->first, 0xfef00);
	for (i = 0; i < 10; i++) {
		assert_int_equal(iommu_iova_alloc(space, &request, &range), 0);
		assert_int_equal(range->first, 0xfedff - i);
	}
	assert_int_equal(iommu_domain_free(domain), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_null(iommu_domain_iova_space(domain));
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- Identity --------------------------------------------------------------------------------- */

static void identity_by_tables_follows_memory(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	struct iommu_domain *domain;
	iommu_paddr_t paddr;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_IDENTITY, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_add_memory(f.iommu, f.memory, f.memory + 0xfff), 0);
	assert_int_equal(iommu_add_memory(f.iommu, f.memory, f.memory + 0x1fff), IOMMU_EEXIST);
	assert_int_equal(iommu_add_memory(f.iommu, 1, 0xfff), IOMMU_EINVAL);
	domain = domain_of_type(IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, f.memory + 5, f.memory + 5));
	assert_true(is_blocked(0, 0x40000000));
	/* It is the library's to fill. */
	assert_int_equal(iommu_map(domain, 0x1000, 0x1000, 0x1000, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_unmap(domain, f.memory, 0x1000, 0, NULL), IOMMU_EINVAL);

	assert_int_equal(iommu_add_memory(f.iommu, 0x40000000, 0x7fffffff), 0);
	assert_true(reaches(0, 0x40000000, 0x40000000));
	assert_int_equal(iommu_iova_to_phys(domain, 0x7ffffff0, &paddr), 0);
	assert_int_equal(iommu_remove_memory(f.iommu, 0x40000000, 0x7ffffffe), IOMMU_ENOENT);
	assert_int_equal(iommu_remove_memory(f.iommu, 0x40000000, 0x7fffffff), 0);
	assert_true(is_blocked(0, 0x40000000));
	assert_true(reaches(0, f.memory, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Adding is all or nothing, with the n-th allocation failing. */
static void memory_that_does_not_fit_changes_nothing(void **state)
{
	const struct iommu_model_vtd_config config = {.pgsize_bitmap = IOMMU_SIZE_4K};
	struct iommu_domain *domains[2];
	unsigned int n;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_add_memory(f.iommu, f.memory, f.memory + 0xfff), 0);
	domains[0] = domain_of_type(IOMMU_DOMAIN_IDENTITY);
	domains[1] = domain_of_type(IOMMU_DOMAIN_IDENTITY);
	for (n = 1; status != 0; n++) {
		f.machine.fail_at = f.machine.allocations + n;
		status = iommu_add_memory(f.iommu, 0x80000000, 0x803fffff);
		f.machine.fail_at = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		if (status != 0) {
			assert_int_equal(iommu_iova_to_phys(domains[0], 0x80000000, NULL),
					 IOMMU_ENOENT);
			assert_int_equal(iommu_iova_to_phys(domains[1], 0x80200000, NULL),
					 IOMMU_ENOENT);
		}
	}
	assert_true(n > 4);
	assert_int_equal(iommu_domain_free(domains[0]), 0);
	assert_int_equal(iommu_domain_free(domains[1]), 0);
	end();
}

/* --- Domains over unlike units ---------------------------------------------------------------- */

#define ONLY(levels_, ...)                                                                         \
	{                                                                                          \
		.levels = 1U << (levels_), .address_mask = 9, __VA_ARGS__                          \
	}

static void begin_unlike(const struct iommu_model_vtd_config *first,
			 const struct iommu_model_vtd_config *second)
{
	const struct iommu_vtd_options none = {0};

	machine(0, NULL);
	model_machine_add_unit(&f.machine, first);
	model_machine_add_unit(&f.machine, second);
	devices(2);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
}

static void a_domain_becomes_what_all_its_units_can_do(void **state)
{
	static const struct iommu_model_vtd_config wide = ONLY(4, .address_width = 48);
	static const struct iommu_model_vtd_config narrow =
		ONLY(3, .address_width = 39, .flags = IOMMU_MODEL_VTD_NONCOHERENT,
		     .pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M);
	struct iommu_domain_info info;
	struct iommu_map_piece twice[2] = {{.size = 0x1000}, {.size = 0x1000}};
	struct iommu_domain *domain;

	(void)state;
	begin_unlike(&wide, &narrow);
	domain = domain_of_type(IOMMU_DOMAIN_BLOCKED);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.aperture_last, (1ULL << 46) - 1);
	assert_int_equal(iommu_domain_free(domain), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.levels, 4);
	assert_int_equal(info.aperture_last, (1ULL << 48) - 1);
	assert_true(info.coherent);

	/* The narrow unit comes: one level less, and both walk it. */
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.levels, 3);
	assert_int_equal(info.aperture_last, (1ULL << 39) - 1);
	assert_int_equal(info.pgsize_bitmap, IOMMU_SIZE_4K | IOMMU_SIZE_2M);
	assert_false(info.coherent);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_map(domain, IOVA + 0x200000, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA + 0x200000, f.memory));
	assert_true(reaches(1, IOVA + 0x200000, f.memory));
	twice[0].paddr = twice[1].paddr = f.memory;
	assert_int_equal(iommu_map_sg(domain, IOVA + 0x201000, twice, 2, RW, NULL), 0);
	assert_true(reaches(1, IOVA + 0x201000, f.memory));
	assert_true(reaches(1, IOVA + 0x202000, f.memory));
	/* An empty piece, before one that it adjoins or behind. */
	twice[0].size = 0;
	assert_int_equal(iommu_map_sg(domain, IOVA + 0x203000, twice, 2, RW, NULL), IOMMU_EINVAL);
	twice[0].size = 0x1000;
	twice[1] = (struct iommu_map_piece){.paddr = f.memory + 0x1000, .size = 0};
	assert_int_equal(iommu_map_sg(domain, IOVA + 0x203000, twice, 2, RW, NULL), IOMMU_EINVAL);
	assert_true(is_blocked(1, IOVA + 0x203000));
	assert_int_equal(iommu_map(domain, 1ULL << 39, f.memory, 0x1000, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_unmap(domain, 0, 1ULL << 39, 0, NULL), 0);
	assert_true(is_blocked(0, IOVA) && is_blocked(1, IOVA));

	/* It leaves: large pages and no flushing again, while the depth stays. */
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	iommu_domain_get_info(domain, &info);
	assert_true(info.coherent);
	assert_int_equal(info.levels, 3);
	assert_true((info.pgsize_bitmap & IOMMU_SIZE_1G) != 0);
	assert_int_equal(iommu_map(domain, 0, 0, IOMMU_SIZE_1G, RW), 0);
	assert_true(reaches(0, f.memory, f.memory));
	/* Now it cannot come back: it has no such page. */
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EINVAL);
	iommu_domain_get_info(domain, &info);
	assert_true(info.coherent);
	assert_true((info.pgsize_bitmap & IOMMU_SIZE_1G) != 0);
	assert_int_equal(iommu_unmap(domain, 0, IOMMU_SIZE_1G, 0, NULL), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void a_shallow_table_serves_a_unit_that_knows_only_deeper_ones(void **state)
{
	static const struct iommu_model_vtd_config narrow = ONLY(3, .address_width = 39);
	static const struct iommu_model_vtd_config deep =
		ONLY(5, .address_width = 57, .flags = IOMMU_MODEL_VTD_NONCOHERENT);
	struct iommu_domain *domain;
	unsigned int n;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin_unlike(&narrow, &deep);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	/* Two more tables on top; each may be missing. */
	for (n = 1; status != 0; n++) {
		f.machine.fail_at = f.machine.allocations + n;
		status = iommu_domain_attach_group(domain, f.group[1]);
		f.machine.fail_at = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
	}
	assert_true(n >= 3);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
	assert_true(is_blocked(0, IOVA) && is_blocked(1, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* The tables on top were made while no unit needed them flushed. */
static void a_unit_that_does_not_snoop_joins_late(void **state)
{
	static const struct iommu_model_vtd_config configs[] = {
		ONLY(3, .address_width = 39),
		ONLY(5, .address_width = 57),
		ONLY(5, .address_width = 57, .flags = IOMMU_MODEL_VTD_NONCOHERENT),
	};
	const struct iommu_vtd_options none = {0};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	machine(0, NULL);
	for (i = 0; i < 3; i++)
		model_machine_add_unit(&f.machine, &configs[i]);
	devices(3);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
		assert_true(reaches(i, IOVA, f.memory));
		assert_true(is_blocked(i, IOVA + 0x1000));
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void protected_memory_is_opened(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY};
	struct iommu_domain *domain;

	(void)state;
	begin(1, &config, 1);
	/* As firmware leaves it: closed to all. */
	iommu_model_vtd_mmio_write(f.machine.units[0], VTD_PLMLIMIT, 4, 0xffe00000);
	iommu_model_vtd_mmio_write(f.machine.units[0], VTD_PMEN, 4, VTD_PMEN_EPM);
	assert_true(is_blocked(0, f.memory));
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A domain id whose translations were not confirmed to be gone must not name another domain. */
static void an_unconfirmed_domain_id_is_not_reused(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	const struct iommu_model_vtd_faults none = {0};
	struct iommu_domain *old, *next;
	struct iommu_vtd_tables before, after;

	(void)state;
	begin(1, &config, 2);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	old = domain_of_type(IOMMU_DOMAIN_PAGING);
	next = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(old, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(old, f.group[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &before), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), IOMMU_ETIMEDOUT);
	/* The id is free, but the translations under it are not gone. */
	assert_int_equal(iommu_domain_attach_group(next, f.group[1]), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &none);
	assert_int_equal(iommu_domain_attach_group(next, f.group[1]), 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[1], &after), 0);
	assert_int_equal(vtd_context_domain_id(after.context_high),
			 vtd_context_domain_id(before.context_high));
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(old), 0);
	assert_int_equal(iommu_domain_free(next), 0);
	end();
}

/* Hardware may go on walking the tables of a domain that it did not confirm to have left. */
static void an_unconfirmed_detach_still_counts(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	const struct iommu_model_vtd_faults none = {0};
	struct iommu_domain *domain;
	struct iommu_domain_info info;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_unmap(domain, IOVA & ~0x1fffffULL, IOMMU_SIZE_2M, 0, NULL),
			 IOMMU_ETIMEDOUT);
	iommu_domain_get_info(domain, &info);
	assert_true(info.withheld);
	assert_true(reaches(0, IOVA, f.memory)); /* and the memory is still there for it */
	iommu_model_vtd_misbehave(f.machine.units[0], &none);
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
	iommu_domain_get_info(domain, &info);
	assert_false(info.withheld);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void snooping_is_for_units_that_can(void **state)
{
	static const struct iommu_model_vtd_config can =
		ONLY(4, .flags = IOMMU_MODEL_VTD_SNOOP_CONTROL);
	static const struct iommu_model_vtd_config cannot = ONLY(4, .flags = 0);
	const struct iommu_domain_config force = {.force_snoop = true};
	struct iommu_model_request request = {.address = IOVA, .access = IOMMU_PROT_READ};
	struct iommu_model_translation result;
	struct iommu_domain_info info;
	struct iommu_domain *domain;

	(void)state;
	begin_unlike(&can, &cannot);
	assert_int_equal(iommu_domain_alloc(f.unit[1], IOMMU_DOMAIN_PAGING, &force, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &force, &domain), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	request.source_id = f.device[0]->source_id;
	assert_int_equal(iommu_model_vtd_translate(f.machine.units[0], &request, &result), 0);
	assert_true(result.snoop);
	iommu_domain_get_info(domain, &info);
	assert_true(info.snoop_control);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Hardware is told of the pages that any bytes are on, wherever those begin and end. */
static void any_bytes_are_told_of(void **state)
{
	static const struct {
		uint64_t offset, size;
	} cases[] = {{0, 8192},  {1, 4096}, {0x40, 64}, {0xfff, 2},
		     {0xfff, 1}, {4096, 1}, {5, 8000}};
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	struct iommu_domain *domain;
	unsigned int i, page;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t offset = cases[i].offset, last = offset + cases[i].size - 1;

		for (page = 0; page < 2; page++) {
			assert_true(is_blocked(0, IOVA + page * 0x1000));
			assert_int_equal(iommu_map_nosync(domain, IOVA + page * 0x1000, f.memory,
							  0x1000, RW),
					 0);
		}
		assert_int_equal(iommu_sync_map(domain, IOVA + offset, cases[i].size), 0);
		for (page = (unsigned int)(offset >> 12); page <= last >> 12; page++)
			assert_true(reaches(0, IOVA + page * 0x1000, f.memory));
		assert_int_equal(iommu_unmap(domain, IOVA, 0x2000, 0, NULL), 0);
	}
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- Phantom functions ------------------------------------------------------------------------ */

static void phantom_functions_share_their_devices_domain(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	const struct iommu_vtd_options none = {0};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	machine(1, &config);
	f.device[0] = model_machine_add_device(&f.machine, 0, 0x20);
	for (i = 1; i < 4; i++) /* functions 2, 4 and 6 */
		f.device[i] = model_machine_add_device(&f.machine, 0, (uint16_t)(0x20 + 2 * i));
	f.device[4] = model_machine_add_device(&f.machine, 0, 0x21);
	f.devices = 1;
	model_machine_make_dmar(&f.machine);
	assert_int_equal(probe_with(&none), 0);
	f.info.phantom_bits = 4;
	assert_int_equal(endpoint(0), IOMMU_EINVAL);
	f.info.phantom_bits = 2;
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	for (i = 0; i < 5; i++)
		assert_true(is_blocked(i, IOVA));
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	for (i = 0; i < 4; i++)
		assert_true(reaches(i, IOVA, f.memory));
	assert_true(is_blocked(4, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	for (i = 0; i < 5; i++)
		assert_true(is_blocked(i, IOVA));
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- Devices that keep translations ----------------------------------------------------------- */

static const struct iommu_model_vtd_config with_tlbs = {
	.flags = IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH, .address_mask = 9};

static struct iommu_domain *begin_with(const struct iommu_model_vtd_config *config,
				       unsigned int count)
{
	const struct iommu_vtd_options none = {0};
	struct iommu_domain *domain;
	unsigned int i;

	machine(1, config);
	devices(count);
	assert_int_equal(probe_with(&none), 0);
	f.info.device_tlb = true;
	f.info.tlb_queue_depth = 4;
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	for (i = 0; i < count; i++) {
		assert_true(iommu_endpoint_uses_device_tlb(f.endpoint[i]));
		assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
		f.device[i]->has_tlb = true;
	}
	return domain;
}

static struct iommu_domain *begin_with_tlbs(unsigned int count)
{
	return begin_with(&with_tlbs, count);
}

static void end_with_tlbs(struct iommu_domain *domain)
{
	unsigned int i;

	for (i = 0; i < f.devices; i++)
		(void)iommu_domain_detach_group(f.group[i]);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void devices_forget_what_is_unmapped(void **state)
{
	struct iommu_domain *domain = begin_with_tlbs(3);
	struct iommu_domain *other = domain_of_type(IOMMU_DOMAIN_PAGING);
	iommu_paddr_t next = model_machine_take(&f.machine, 1);
	unsigned int i;

	(void)state;
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_map(domain, IOVA + 0x200000, 0, IOMMU_SIZE_2M, RW), 0);
	for (i = 0; i < 3; i++) {
		assert_true(reaches(i, IOVA, f.memory));
		assert_true(reaches(i, IOVA + 0x205000, 0x5000));
	}
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
	for (i = 0; i < 3; i++) {
		assert_true(is_blocked(i, IOVA));
		assert_int_equal(f.device[i]->invalidations, 1);
		/* Only that went. */
		assert_true(reaches(i, IOVA + 0x205000, 0x5000));
	}
	assert_int_equal(iommu_map(domain, IOVA, next, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, next));
	/* On to another domain: everything is forgotten. */
	assert_int_equal(iommu_domain_attach_group(other, f.group[0]), 0);
	assert_true(is_blocked(0, IOVA));
	assert_true(is_blocked(0, IOVA + 0x205000));
	assert_true(reaches(1, IOVA, next));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end_with_tlbs(domain);
}

/* The domain that the first device is on the way to. */
static struct iommu_domain *next_domain;
static unsigned int since_stored;

/*
 * Another CPU unmaps from the domain while hardware is still to see the new entry, and the device
 * does not answer. The driver holds no lock at its third access after the store.
 */
static void lose_the_device(struct model_machine *machine)
{
	struct iommu_vtd_tables tables;

	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	if ((tables.context_low & VTD_CONTEXT_PRESENT) == 0 || ++since_stored < 3)
		return;
	machine->meanwhile = NULL;
	f.device[0]->silent = true;
	assert_int_equal(iommu_unmap(next_domain, IOVA, 0x1000, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.endpoint[0]));
}

/* A device that is lost while its entry is stored does not get one: the block is not undone. */
static void a_device_that_is_lost_while_its_entry_is_stored(void **state)
{
	static const struct iommu_model_vtd_config buffered = {
		.flags = IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_WRITE_BUFFER,
		.address_mask = 9};
	struct iommu_domain *domain = begin_with(&buffered, 2);

	(void)state;
	next_domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(next_domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_map(next_domain, IOVA + 0x1000, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	since_stored = 0;
	f.machine.meanwhile_reading = true;
	f.machine.meanwhile = lose_the_device;
	assert_int_equal(iommu_domain_attach_group(next_domain, f.group[0]), IOMMU_EIO);
	f.machine.meanwhile = NULL;
	assert_int_equal(since_stored, 3);
	assert_true(iommu_endpoint_is_lost(f.endpoint[0]));
	assert_true(is_blocked(0, IOVA + 0x1000));
	/* The unit is as good as before, and the device after a reset, too. */
	assert_int_equal(iommu_domain_attach_group(next_domain, f.group[1]), 0);
	assert_true(reaches(1, IOVA + 0x1000, f.memory));
	f.device[0]->silent = false;
	memset(f.device[0]->tlb, 0, sizeof(f.device[0]->tlb));
	assert_int_equal(iommu_endpoint_was_reset(f.endpoint[0]), 0);
	assert_int_equal(iommu_domain_attach_group(next_domain, f.group[0]), 0);
	assert_true(reaches(0, IOVA + 0x1000, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(next_domain), 0);
	end_with_tlbs(domain);
}

#define SCOPE_SIZE    (DMAR_SCOPE_FIXED_SIZE + DMAR_SCOPE_HOP_SIZE)
#define ACPI_CHECKSUM 9

/* Not by every device, and not without firmware's word. */
static void a_device_tlb_needs_leave(void **state)
{
	const struct iommu_vtd_options none = {0};
	const struct iommu_pci_hop port = {2, 0};
	const struct iommu_pci_hop integrated = {4, 0};
	struct iommu_dmar_builder b;
	unsigned int firmware;

	(void)state;
	/*
	 * 0: nothing said, 1: the port listed, 2: all ports, 3: integrated, 4: needed in hardware,
	 * 5: needed by this one of the structure's devices
	 */
	for (firmware = 0; firmware < 6; firmware++) {
		int size;

		machine(1, &with_tlbs);
		f.device[0] = model_machine_add_device(&f.machine, 0, 0x20);
		f.device[1] = model_machine_add_device(&f.machine, 0, 0x100);
		f.devices = 2;
		iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, 0);
		iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, true);
		if (firmware == 1 || firmware == 2)
			iommu_dmar_add_ports(&b, 0, firmware == 2);
		if (firmware == 1)
			iommu_dmar_add_scope(&b, DMAR_SCOPE_BRIDGE, 0, 0, &port, 1);
		if (firmware >= 3) {
			iommu_dmar_add_integrated(&b, 0, firmware == 4);
			iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, &integrated, 1);
		}
		size = iommu_dmar_finish(&b, "", "");
		assert_true(size > 0);
		if (firmware == 5) {
			f.machine.dmar[size - SCOPE_SIZE + DMAR_SCOPE_FLAGS] =
				DMAR_SCOPE_ATC_REQUIRED;
			f.machine.dmar[ACPI_CHECKSUM] =
				(uint8_t)(f.machine.dmar[ACPI_CHECKSUM] - DMAR_SCOPE_ATC_REQUIRED);
		}
		f.machine.dmar_size = (size_t)size;
		assert_int_equal(probe_with(&none), 0);
		f.info.device_tlb = true;
		assert_int_equal(endpoint(0), 0);
		f.info.path_length = 2;
		f.info.path[0] = port;
		f.info.path[1] = (struct iommu_pci_hop){0, 0};
		assert_int_equal(endpoint(1), 0);
		f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		f.group[1] = iommu_endpoint_group(f.endpoint[1]);
		/* On the root complex itself no port stands in the way. */
		assert_int_equal(iommu_endpoint_uses_device_tlb(f.endpoint[0]), firmware < 4);
		assert_int_equal(iommu_endpoint_uses_device_tlb(f.endpoint[1]),
				 firmware == 1 || firmware == 2);
		end();
	}
}

/* A device that does not answer is blocked; what was unmapped may be reused all the same. */
static void a_silent_device_is_blocked(void **state)
{
	struct iommu_domain *domain = begin_with_tlbs(2);
	iommu_paddr_t page = model_machine_take(&f.machine, 1);

	(void)state;
	assert_int_equal(iommu_map(domain, IOVA, page, 0x1000, RW), 0);
	assert_int_equal(iommu_map(domain, IOVA + 0x1000, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, page));
	assert_true(reaches(1, IOVA, page));
	f.device[1]->silent = true;
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.endpoint[1]));
	assert_false(iommu_endpoint_is_lost(f.endpoint[0]));
	model_machine_give(&f.machine, page, 1);
	/* It still has the translation, and it does not help it. */
	assert_true(is_blocked(1, IOVA));
	assert_true(is_blocked(1, IOVA + 0x1000));
	assert_true(is_blocked(0, IOVA));
	assert_true(reaches(0, IOVA + 0x1000, f.memory));
	/* No invalidation waits for it any more. */
	assert_int_equal(iommu_unmap(domain, IOVA + 0x1000, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0); /* as before: nothing */
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EIO);
	/* After a reset it is a new device. */
	f.device[1]->silent = false;
	memset(f.device[1]->tlb, 0, sizeof(f.device[1]->tlb));
	assert_int_equal(iommu_endpoint_was_reset(f.endpoint[1]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(1, IOVA, f.memory));
	end_with_tlbs(domain);
}

/* Its domain id goes to another domain, but not what was translated under it. */
static void a_blocked_devices_translations_go_with_it(void **state)
{
	struct iommu_domain *domain = begin_with_tlbs(2);
	struct iommu_domain *old = domain_of_type(IOMMU_DOMAIN_PAGING);
	struct iommu_domain *next = domain_of_type(IOMMU_DOMAIN_PAGING);

	(void)state;
	assert_int_equal(iommu_domain_attach_group(old, f.group[1]), 0);
	assert_int_equal(iommu_map(old, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_map(old, IOVA + 0x1000, f.memory, 0x1000, RW), 0);
	assert_true(reaches(1, IOVA, f.memory));
	f.device[1]->silent = true;
	assert_int_equal(iommu_unmap(old, IOVA + 0x1000, 0x1000, 0, NULL), 0);
	assert_true(iommu_endpoint_is_lost(f.endpoint[1]));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_attach_group(next, f.group[0]), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(old), 0);
	assert_int_equal(iommu_domain_free(next), 0);
	end_with_tlbs(domain);
}

/* Silent while it is moved: it ends up blocked, and the rest goes on. */
static void a_device_that_is_silent_on_its_way_is_blocked(void **state)
{
	struct iommu_domain *domain = begin_with_tlbs(2);
	struct iommu_domain *other = domain_of_type(IOMMU_DOMAIN_PAGING);

	(void)state;
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_map(other, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	f.device[0]->silent = true;
	assert_int_equal(iommu_domain_attach_group(other, f.group[0]), IOMMU_EIO);
	assert_true(iommu_endpoint_is_lost(f.endpoint[0]));
	assert_true(is_blocked(0, IOVA));
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end_with_tlbs(domain);
}

/* --- Resets ----------------------------------------------------------------------------------- */

/* One that answers nothing, as while it is being reset, is not waited for, not even at first. */
static void a_device_in_reset_is_asked_nothing(void **state)
{
	struct iommu_domain *domain = begin_with_tlbs(2);
	struct iommu_domain *other = domain_of_type(IOMMU_DOMAIN_PAGING);
	struct iommu_endpoint *device = f.endpoint[1];
	const iommu_paddr_t page = model_machine_take(&f.machine, 1);
	unsigned int asked;

	(void)state;
	assert_int_equal(iommu_endpoint_reset_end(device), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, IOVA, page, 0x1000, RW), 0);
	assert_int_equal(iommu_map(other, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, page));
	assert_true(reaches(1, IOVA, page));
	f.device[1]->silent = true;
	asked = f.device[1]->invalidations;
	assert_int_equal(iommu_endpoint_reset_begin(device), 0);
	assert_true(iommu_endpoint_is_in_reset(device));
	assert_false(iommu_endpoint_is_in_reset(f.endpoint[0]));
	assert_null(iommu_endpoint_domain(device));
	assert_ptr_equal(iommu_group_domain(f.group[1]), domain);
	/* It has the translation in its TLB, and it does not help it. */
	assert_true(is_blocked(1, IOVA));
	assert_true(reaches(0, IOVA, page));
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
	model_machine_give(&f.machine, page, 1);
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_endpoint_was_reset(device), IOMMU_EBUSY);
	/* Nested; and the group moves on meanwhile, on its way over none. */
	assert_int_equal(iommu_endpoint_reset_begin(device), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_attach_group(other, f.group[1]), 0);
	assert_true(is_blocked(1, IOVA));
	/* All of what devices keep is confirmed again, but not by this one. */
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_endpoint_reset_end(device), 0);
	assert_true(iommu_endpoint_is_in_reset(device));
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(f.device[1]->invalidations, asked);
	f.device[1]->silent = false;
	memset(f.device[1]->tlb, 0, sizeof(f.device[1]->tlb));
	assert_int_equal(iommu_endpoint_reset_end(device), 0);
	assert_false(iommu_endpoint_is_in_reset(device));
	assert_false(iommu_endpoint_is_lost(device));
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_endpoint_reset_end(device), IOMMU_EINVAL);
	/* And from now on it is asked again. */
	assert_int_equal(iommu_unmap(other, IOVA, 0x1000, 0, NULL), 0);
	assert_int_equal(f.device[1]->invalidations, asked + 1);
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end_with_tlbs(domain);
}

/* What hardware does not confirm has not begun, or has not ended. */
static void a_reset_that_fails_has_not_happened(void **state)
{
	static const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	static const struct iommu_model_vtd_faults well;
	struct iommu_domain *domain = begin_with_tlbs(2);
	struct iommu_endpoint *device = f.endpoint[1];

	(void)state;
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(1, IOVA, f.memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	f.machine.quiet = true;
	assert_int_equal(iommu_endpoint_reset_begin(device), IOMMU_ETIMEDOUT);
	assert_false(iommu_endpoint_is_in_reset(device));
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_true(reaches(1, IOVA, f.memory));
	/* It was to forget what it might have kept. */
	assert_true(f.device[1]->invalidations != 0);
	assert_int_equal(iommu_endpoint_reset_begin(device), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	/* An unmap that fails leaves something open, on top of which nothing is attached. */
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_endpoint_reset_end(device), IOMMU_ETIMEDOUT);
	assert_true(iommu_endpoint_is_in_reset(device));
	assert_null(iommu_endpoint_domain(device));
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_endpoint_reset_end(device), 0);
	f.machine.quiet = false;
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(1, IOVA, f.memory));
	/* A device that goes while it is being reset is gone; a new one is not in reset. */
	assert_int_equal(iommu_endpoint_reset_begin(device), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	iommu_endpoint_hold(device);
	assert_int_equal(iommu_release_endpoint(device), 0);
	assert_false(iommu_endpoint_is_in_reset(device));
	assert_int_equal(iommu_endpoint_reset_begin(device), IOMMU_ENODEV);
	assert_int_equal(iommu_endpoint_reset_end(device), IOMMU_ENODEV);
	iommu_endpoint_drop(device);
	assert_int_equal(endpoint(1), 0);
	f.group[1] = iommu_endpoint_group(f.endpoint[1]);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_true(reaches(1, IOVA, f.memory));
	end_with_tlbs(domain);
}

/* --- Quarantine ------------------------------------------------------------------------------- */

/* The page of a device's quarantine. It is the driver's, and the device's to write to. */
static iommu_paddr_t page_of(unsigned int device)
{
	iommu_paddr_t page = 0;

	assert_int_equal(iommu_iova_to_phys(iommu_endpoint_domain(f.endpoint[device]), 0, &page),
			 0);
	return page;
}

static bool is_zeros(iommu_paddr_t page)
{
	static const unsigned char zeros[IOMMU_PAGE_SIZE];

	return memcmp(model_machine_bytes(&f.machine, page), zeros, sizeof(zeros)) == 0;
}

/* Every address of the machine's width leads to one page. */
static void assert_quarantined(unsigned int device)
{
	const iommu_paddr_t page = page_of(device);
	unsigned int bit;

	assert_true(is_zeros(page));
	model_machine_mark(&f.machine, page, 1, PAGE_DEVICE);
	assert_true(reaches(device, 0xfff, page + 0xfff));
	for (bit = 12; bit < 39; bit++) {
		assert_true(reaches(device, 1ULL << bit, page));
		assert_true(reaches(device, (1ULL << 39) - (1ULL << bit), page));
	}
	model_machine_mark(&f.machine, page, 1, PAGE_TABLE);
}

static const struct iommu_model_vtd_config of_39_bits[] = {
	{.address_width = 39, .fault_records = 4},
	{.address_width = 39,
	 .fault_records = 4,
	 .flags = IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_NONCOHERENT},
	{.address_width = 39,
	 .levels = 1U << 3 | 1U << 4,
	 .fault_records = 4,
	 .flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE},
};

static void every_address_leads_to_one_page(void **state)
{
	const struct iommu_vtd_options none = {0};
	const struct iommu_domain_config impossible[] = {
		{.nest_parent = true}, {.dirty_tracking = true}, {.bypass = true}};
	const enum iommu_stage stages[] = {IOMMU_STAGE_SECOND, IOMMU_STAGE_SECOND,
					   IOMMU_STAGE_FIRST};
	struct iommu_domain_config config = {.stage = IOMMU_STAGE_ANY};
	struct iommu_domain_info info;
	struct iommu_domain *domain, *other;
	iommu_paddr_t page;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < sizeof(of_39_bits) / sizeof(of_39_bits[0]); i++) {
		machine(1, &of_39_bits[i]);
		devices(2);
		assert_int_equal(probe_with(&none), 0);
		endpoints();
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		for (j = 0; j < 3; j++)
			assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_QUARANTINE,
							    &impossible[j], &domain),
					 IOMMU_EOPNOTSUPP);
		config.stage = i == 2 ? IOMMU_STAGE_FIRST : IOMMU_STAGE_ANY;
		assert_int_equal(
			iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_QUARANTINE, &config, &domain),
			0);
		iommu_domain_get_info(domain, &info);
		assert_int_equal(info.type, IOMMU_DOMAIN_QUARANTINE);
		if (i == 2)
			assert_int_equal(info.stage, stages[i]);
		/* A root, the page, and a table for each level between. */
		assert_int_equal(info.table_pages, info.levels + 1);
		other = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_map(other, IOVA, f.memory, 0x1000, RW), 0);
		assert_int_equal(iommu_domain_attach_group(other, f.group[0]), 0);
		assert_true(reaches(0, IOVA, f.memory));
		assert_true(is_blocked(0, 0x1000));
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_quarantined(0);
		/* It is closed: to the host's maps, to other groups, to endless walks. */
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), IOMMU_EINVAL);
		assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), IOMMU_EINVAL);
		assert_int_equal(iommu_domain_walk(domain, 0, UINT64_MAX, NULL, NULL),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_domain_split(domain, 0, 0x1000, 0x1000), IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), IOMMU_EBUSY);
		assert_int_equal(iommu_iova_to_phys(domain, IOVA + 5, &page), 0);
		assert_true(page == page_of(0) + 5);
		/* What was written there is gone with the next attach. */
		memset(model_machine_bytes(&f.machine, page_of(0)), 0xaa, 4096);
		assert_int_equal(iommu_domain_attach_group(other, f.group[0]), 0);
		assert_true(reaches(0, IOVA, f.memory));
		assert_true(is_blocked(0, 0x1000));
		assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
		assert_quarantined(1);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
		assert_true(is_blocked(1, 0x1000));
		assert_int_equal(iommu_domain_free(domain), 0);
		assert_int_equal(iommu_domain_free(other), 0);
		model_machine_give(&f.machine, f.memory, 1);
		end();
	}
}

/* By policy it is where devices are that are to reach nothing: before, and after, a guest's. */
static void devices_are_quarantined_by_policy(void **state)
{
	const struct iommu_vtd_options none = {0};
	const struct iommu_region region = {
		.start = 0x7000000, .last = 0x7001fff, .type = IOMMU_REGION_DIRECT, .prot = RW};
	struct iommu_region wrong = region;
	struct iommu_domain *guest;
	int owner;
	uint64_t n;
	int status = IOMMU_ENOMEM;

	(void)state;
	machine(1, &of_39_bits[1]);
	devices(2);
	assert_int_equal(probe_with(&none), 0);
	/* What the host knows of a device, and firmware does not say. */
	wrong.last = 0x7001ffe;
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[1]->source_id, &wrong),
			 IOMMU_EINVAL);
	wrong = region;
	wrong.prot = 0;
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[1]->source_id, &wrong),
			 IOMMU_EINVAL);
	wrong = region;
	wrong.type = (enum iommu_region_type)17;
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[1]->source_id, &wrong),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[1]->source_id, &region), 0);
	iommu_set_quarantine(f.iommu, true);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_BLOCKED), 0);
	endpoints();
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[1]->source_id, &region),
			 IOMMU_EBUSY);
	/* Every allocation on the way fails once: what is not there is not half there. */
	for (n = 1; status != 0 && n < 100; n++) {
		f.machine.fail_at = n;
		status = iommu_vtd_enable(f.iommu);
	}
	f.machine.fail_at = 0;
	assert_int_equal(status, 0);
	assert_quarantined(0);
	assert_true(page_of(1) != page_of(0));
	model_machine_mark(&f.machine, page_of(1), 1, PAGE_DEVICE);
	assert_true(reaches(1, 0x7000123, 0x7000123));
	assert_true(reaches(1, 0x7001123, 0x7001123));
	assert_true(reaches(1, 0x6fff000, page_of(1)));
	assert_true(reaches(1, 0x7002000, page_of(1)));
	assert_true(reaches(1, 0x7200000, page_of(1)));
	model_machine_mark(&f.machine, page_of(1), 1, PAGE_TABLE);
	owner = 0;
	assert_int_equal(iommu_group_claim(f.group[0], &owner), 0);
	assert_quarantined(0);
	guest = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(guest, f.group[0]), 0);
	assert_true(is_blocked(0, 0x1000));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_quarantined(0);
	assert_int_equal(iommu_group_release(f.group[0], &owner), 0);
	assert_quarantined(0);
	assert_int_equal(iommu_endpoint_reset_begin(f.endpoint[0]), 0);
	assert_true(is_blocked(0, 0x1000));
	assert_int_equal(iommu_endpoint_reset_end(f.endpoint[0]), 0);
	assert_quarantined(0);
	assert_int_equal(iommu_domain_free(guest), 0);
	end();
}

/* What the host says of a device holds for that device, and lets no untrusted one reach memory. */
static void regions_of_the_host_are_the_devices(void **state)
{
	const struct iommu_vtd_options none = {0};
	const struct iommu_region direct = {
		.start = 0x7000000, .last = 0x7001fff, .type = IOMMU_REGION_DIRECT, .prot = RW};
	const struct iommu_region reserved = {
		.start = 0x9000000, .last = 0x9000fff, .type = IOMMU_REGION_RESERVED};
	unsigned int i;

	(void)state;
	machine(1, &of_39_bits[0]);
	devices(2);
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[0]->source_id, &direct), 0);
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[0]->source_id, &reserved), 0);
	assert_int_equal(iommu_add_region(f.iommu, 1, f.device[1]->source_id, &direct), 0);
	for (i = 0; i < 3; i++) {
		struct iommu_endpoint *device;
		struct iommu_region region;
		unsigned int cursor = 0;
		unsigned int directs = 0;
		unsigned int reserveds = 0;

		f.info.untrusted = i == 1;
		assert_int_equal(endpoint(i / 2), 0);
		device = f.endpoint[i / 2];
		while (iommu_endpoint_next_region(device, &cursor, &region)) {
			directs += region.type == IOMMU_REGION_DIRECT &&
				   region.start == direct.start && region.last == direct.last;
			reserveds += region.type == IOMMU_REGION_RESERVED &&
				     region.start == reserved.start;
		}
		assert_int_equal(directs, i == 0);
		assert_int_equal(reserveds, i < 2);
		assert_int_equal(iommu_release_endpoint(device), 0);
	}
	f.info.untrusted = false;
	endpoints();
	end();
}

/* --- Policy ----------------------------------------------------------------------------------- */

/* No larger pages than the host allows; and what a hypervisor shadows is strict. */
static void default_domains_follow_the_policy(void **state)
{
	const struct iommu_model_vtd_config config = {.fault_records = 4};
	const struct iommu_model_vtd_config shadowed = {.fault_records = 4,
							.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	static const struct {
		uint64_t largest, sizes;
	} cases[] = {
		{0, IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G},
		{IOMMU_SIZE_2M, IOMMU_SIZE_4K | IOMMU_SIZE_2M},
		{1ULL << 25, IOMMU_SIZE_4K | IOMMU_SIZE_2M},
		{IOMMU_SIZE_4K, IOMMU_SIZE_4K},
		{1, IOMMU_SIZE_4K},
	};
	const struct iommu_vtd_options none = {0};
	struct iommu_domain_info info;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		machine(1, &config);
		devices(1);
		assert_int_equal(probe_with(&none), 0);
		assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
		assert_int_equal(iommu_set_largest_page(f.iommu, 3), IOMMU_EINVAL);
		assert_int_equal(iommu_set_largest_page(f.iommu, cases[i].largest), 0);
		endpoints();
		assert_int_equal(iommu_group_default_type(f.group[0]), IOMMU_DOMAIN_DMA_LAZY);
		iommu_domain_get_info(iommu_group_default_domain(f.group[0]), &info);
		assert_true(info.pgsize_bitmap == cases[i].sizes);
		assert_false(iommu_capable(f.endpoint[0], IOMMU_CAPABLE_SHADOWING));
		end();
	}
	machine(1, &shadowed);
	devices(1);
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	endpoints();
	assert_true(iommu_capable(f.endpoint[0], IOMMU_CAPABLE_SHADOWING));
	assert_int_equal(iommu_group_default_type(f.group[0]), IOMMU_DOMAIN_DMA);
	/* The host can still have it so, of a group. */
	assert_int_equal(iommu_group_set_default_type(f.group[0], IOMMU_DOMAIN_DMA_LAZY), 0);
	assert_int_equal(iommu_group_default_type(f.group[0]), IOMMU_DOMAIN_DMA_LAZY);
	end();
}

/* --- Taking over ------------------------------------------------------------------------------ */

/* The first kernel leaves everything on, and the second finds it so. */
static struct iommu *leave_running(void)
{
	struct iommu *dead = f.iommu;

	f.iommu = NULL;
	f.machine.mapped = 0;
	return dead;
}

static void a_unit_that_was_left_on_gets_new_tables(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	struct iommu_domain *domain;
	struct iommu *dead;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	dead = leave_running();
	(void)dead;
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	/* The dead kernel's pages have no owner. */
	f.machine.pages_in_use = 0;
	model_machine_destroy(&f.machine);
}

static bool everything_is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	return paddr >= MACHINE_BASE &&
	       paddr + size <= MACHINE_BASE + MACHINE_PAGES * IOMMU_PAGE_SIZE;
}

static const struct iommu_vtd_options take_over = {.flags = IOMMU_VTD_TAKE_OVER,
						   .is_memory = everything_is_memory};

static void dma_goes_on_while_a_dead_kernels_tables_are_taken_over(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH,
						      .domain_bits = 4};
	struct iommu_domain *domain, *identity, *own;
	struct iommu_vtd_info info;
	size_t before;

	(void)state;
	begin(1, &config, 3);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	identity = domain_of_type(IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_domain_attach_group(identity, f.group[2]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_map(domain, IOVA + 0x200000, 0, IOMMU_SIZE_2M, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));

	(void)leave_running();
	before = f.machine.pages_in_use;
	assert_int_equal(probe_with(&take_over), 0);
	endpoints();
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_int_equal(info.inherited, 2);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	/* Without a gap: hardware now uses the copy. Forget the old kernel's memory. */
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(reaches(1, IOVA + 0x2ff000, 0xff000));
	assert_true(reaches(2, f.memory, f.memory));
	assert_true(is_blocked(0, IOVA + 0x1000));

	/* One device after the other gets a domain of its own. */
	own = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(own, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(own, f.group[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(is_blocked(0, IOVA + 0x200000));
	assert_true(reaches(1, IOVA + 0x200000, 0));
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_int_equal(info.inherited, 2);
	assert_int_equal(iommu_domain_attach_group(own, f.group[1]), 0);
	assert_true(is_blocked(1, IOVA + 0x200000));
	assert_int_equal(iommu_domain_attach_group(own, f.group[2]), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_int_equal(info.inherited, 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[2]), 0);
	assert_int_equal(iommu_domain_free(own), 0);
	f.machine.pages_in_use -= before;
	end();
}

/* With default domains: until a driver comes, an owner, or the end. */
static void what_ends_an_inherited_device(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	struct iommu_domain *domain, *blocked;
	size_t before;
	unsigned int i;

	(void)state;
	begin(1, &config, 4);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	(void)leave_running();
	before = f.machine.pages_in_use;
	assert_int_equal(probe_with(&take_over), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 0; i < 4; i++)
		assert_true(reaches(i, IOVA, f.memory));
	/* An owner. */
	assert_int_equal(iommu_group_claim(f.group[0], &f), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_group_release(f.group[0], &f), 0);
	assert_true(is_blocked(0, IOVA));
	/* A driver. */
	assert_int_equal(iommu_use_default_domain(f.endpoint[1]), 0);
	assert_true(is_blocked(1, IOVA));
	assert_ptr_equal(iommu_endpoint_domain(f.endpoint[1]),
			 iommu_group_default_domain(f.group[1]));
	/* A domain in which nothing passes. */
	blocked = domain_of_type(IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(iommu_domain_attach_group(blocked, f.group[2]), 0);
	assert_true(is_blocked(2, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[2]), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	/* It is taken out. */
	assert_true(reaches(3, IOVA, f.memory));
	assert_int_equal(iommu_release_endpoint(f.endpoint[3]), 0);
	f.endpoint[3] = NULL;
	assert_true(is_blocked(3, IOVA));
	f.machine.pages_in_use -= before;
	end();
}

/* A device that is not claimed keeps running, and the unit's end gives the copies back. */
static void what_is_not_claimed_is_kept_until_the_end(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_NONCOHERENT};
	struct iommu_domain *domain;
	struct iommu_vtd_info info;
	size_t before;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	(void)leave_running();
	before = f.machine.pages_in_use;
	assert_int_equal(probe_with(&take_over), 0);
	f.endpoint[0] = NULL;
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, IOVA, f.memory));
	/* Domain ids of the dead are not handed out. */
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_int_equal(info.inherited, 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_true(is_blocked(0, IOVA));
	f.machine.pages_in_use -= before;
	end();
}

/*
 * Old tables that lie: what makes no sense is blocked, what does goes on; and none of it crashes.
 */
static void tables_of_the_dead_are_not_trusted(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH};
	const struct iommu_vtd_options small = {.flags = IOMMU_VTD_TAKE_OVER,
						.is_memory = everything_is_memory,
						.inherited_pages_max = 100};
	unsigned int lie, i;

	(void)state;
	for (lie = 0; lie < 9; lie++) {
		struct iommu_vtd_tables tables;
		struct iommu_domain *domain;
		uint64_t *root, *context, *table;
		size_t before;

		begin(1, &config, 2);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		domain = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
		assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
		root = model_machine_bytes(&f.machine, tables.root_table);
		context = model_machine_bytes(&f.machine, tables.context_table);
		table = model_machine_bytes(&f.machine, tables.context_low & ~0xfffULL);
		switch (lie) {
		case 0: /* a context table nowhere */
			root[2] = iommu_le64(0x3fff00000001ULL);
			break;
		case 1: /* a page table nowhere */
			context[2 * 0x28] = iommu_le64(0x200000000001ULL);
			context[2 * 0x28 + 1] = iommu_le64(tables.context_high);
			break;
		case 2: /* a table that leads to itself, again and again */
			for (i = 1; i < 512; i++)
				table[i] = iommu_le64((tables.context_low & ~0xfffULL) | 3);
			break;
		case 3: /* an address beyond memory */
			table[1] = iommu_le64(0x000f000000000003ULL);
			break;
		case 4: /* a depth that the unit does not have */
			context[2 * 0x20 + 1] |= iommu_le64(7);
			break;
		case 5: /* a reserved bit */
			context[2 * 0x20] |= iommu_le64(0x10);
			break;
		case 6: /* all of memory, by an entry that hardware refuses */
			context[2 * 0x28] = iommu_le64(1ULL << 46 | 2 << 2 | 1);
			context[2 * 0x28 + 1] = iommu_le64(tables.context_high);
			break;
		case 7: /* a word of a root entry that is reserved */
			root[1] |= iommu_le64(1);
			break;
		default: /* a large page where there is none */
			table[2] = iommu_le64(0x83);
			break;
		}
		(void)leave_running();
		before = f.machine.pages_in_use;
		assert_int_equal(probe_with(&small), 0);
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		/*
		 * Page tables are hardware's to walk: what they lie about faults, and the rest
		 * holds.
		 */
		assert_int_equal(reaches(0, IOVA, f.memory), lie != 4 && lie != 5 && lie != 7);
		assert_true(is_blocked(0, IOVA + (1ULL << 39)));
		assert_true(is_blocked(1, IOVA));
		f.machine.pages_in_use -= before;
		end();
	}
}

/* As many domain ids as there are, each with an entry. */
static void all_domain_ids_are_taken_over(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	struct iommu_vtd_tables tables;
	struct iommu_domain *domain;
	struct iommu_vtd_info info;
	unsigned int bus, i;
	uint64_t *root;
	size_t before;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	root = model_machine_bytes(&f.machine, tables.root_table);
	for (bus = 0; bus < 256; bus++) {
		const iommu_paddr_t page = model_machine_take(&f.machine, 1);
		uint64_t *context = model_machine_bytes(&f.machine, page);

		model_machine_mark(&f.machine, page, 1, PAGE_TABLE);
		for (i = 0; i < 256; i++) {
			context[2 * i] = iommu_le64(tables.context_low);
			context[2 * i + 1] = iommu_le64((tables.context_high & 7) |
							(uint64_t)(bus << 8 | i) << 8);
		}
		root[2 * bus] = iommu_le64(page | 1);
	}
	(void)leave_running();
	before = f.machine.pages_in_use;
	assert_int_equal(probe_with(&take_over), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_int_equal(info.inherited, 65536);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	/* None is left for a domain of ours before those go. */
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_ENOSPC);
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_int_equal(info.inherited, 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	f.machine.pages_in_use -= before;
	end();
}

/* --- Power, and units that come and go -------------------------------------------------------- */

static void everything_comes_back_after_a_suspend(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
							       IOMMU_MODEL_VTD_CACHING_MODE};
	struct iommu_model_interrupt seen;
	struct iommu_vtd_interrupt interrupt;
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 3};
	struct iommu_domain *domain;
	uint64_t address;
	uint32_t data;
	unsigned int i;

	(void)state;
	begin(2, &config, 2);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], 0xfee01000, 0x55), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	iommu_vtd_interrupt_message(&interrupt, 0, &address, &data);

	assert_int_equal(iommu_suspend(f.iommu), 0);
	for (i = 0; i < 2; i++)
		iommu_model_vtd_reset(f.machine.units[i]);
	assert_true(reaches(0, f.memory, f.memory)); /* nothing is translated */
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[0], 0x20, address, data, &seen),
			 0);
	assert_int_equal(seen.vector, 0x41);
	f.machine.messages = 0;
	assert_true(is_blocked(0, IOVA + 0x1000));
	assert_int_equal(f.machine.messages, 1);
	assert_int_equal(f.machine.message_address, 0xfee01000);
	assert_int_equal(f.machine.message_data, 0x55);

	/* A unit that does not come back is said so, and the other works. */
	{
		const struct iommu_model_vtd_faults gone = {.gone = true};
		const struct iommu_model_vtd_faults none = {0};

		assert_int_equal(iommu_suspend(f.iommu), 0);
		for (i = 0; i < 2; i++)
			iommu_model_vtd_reset(f.machine.units[i]);
		iommu_model_vtd_misbehave(f.machine.units[1], &gone);
		assert_true(iommu_resume(f.iommu) != 0);
		assert_true(reaches(0, IOVA, f.memory));
		iommu_model_vtd_misbehave(f.machine.units[1], &none);
		assert_int_equal(iommu_resume(f.iommu), 0);
		assert_true(is_blocked(1, IOVA));
	}
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

static void shutdown_leaves_nothing_on(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	unsigned int i;

	(void)state;
	begin(2, &config, 2);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_shutdown(f.iommu), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[i], VTD_GSTS, 4) &
					 (VTD_GLOBAL_TE | VTD_GLOBAL_QIE | VTD_GLOBAL_IRE),
				 0);
	end();
}

static void units_come_up_together_or_not_at_all(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults stuck = {.commands_hang = true};
	const struct iommu_model_vtd_faults none = {0};
	struct iommu_vtd_info info;

	(void)state;
	begin(3, &config, 2);
	iommu_model_vtd_misbehave(f.machine.units[1], &stuck);
	assert_int_equal(iommu_vtd_enable(f.iommu), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_vtd_get_info(f.unit[1], &info), 0);
	assert_string_equal(info.failure, "the invalidation queue does not start");
	assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) &
				 (VTD_GLOBAL_TE | VTD_GLOBAL_QIE),
			 0);
	assert_true(reaches(0, f.memory, f.memory));
	iommu_model_vtd_misbehave(f.machine.units[1], &none);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(is_blocked(0, f.memory));
	assert_true(is_blocked(1, f.memory));
	assert_int_equal(iommu_vtd_get_info(f.unit[1], &info), 0);
	assert_null(info.failure);
	end();
}

static void a_unit_without_devices_waits_for_one(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};

	(void)state;
	machine(2, &config);
	devices(1);
	assert_int_equal(probe_with(&none), 0);
	/* Unit 0 names device 0, which is not there yet; unit 1 takes the rest. */
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4), 0);
	assert_true((iommu_model_vtd_mmio_read(f.machine.units[1], VTD_GSTS, 4) & VTD_GLOBAL_TE) !=
		    0);
	endpoints();
	assert_true((iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_TE) !=
		    0);
	assert_true(is_blocked(0, IOVA));
	end();
}

static void graphics_can_be_left_alone(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH};
	const struct iommu_vtd_options bypass = {.flags = IOMMU_VTD_BYPASS_GRAPHICS};
	struct iommu_domain *domain, *identity;
	struct iommu_vtd_info info;

	(void)state;
	machine(2, &config);
	devices(2);
	assert_int_equal(probe_with(&bypass), 0);
	f.info.class_code = 0x030000;
	assert_int_equal(endpoint(0), 0);
	f.info.class_code = 0x020000;
	assert_int_equal(endpoint(1), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	f.group[1] = iommu_endpoint_group(f.endpoint[1]);
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_true(info.bypassed);
	assert_true(reaches(0, f.memory, f.memory));
	assert_true(is_blocked(1, f.memory));
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	identity = domain_of_type(IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_EPERM);
	assert_int_equal(iommu_domain_attach_group(identity, f.group[0]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), IOMMU_EPERM);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(identity), 0);
	end();
}

/*
 * A driver that waits for its unit's bring-up maps nothing: identity where nothing is translated.
 */
static void graphics_that_are_left_alone_need_no_mapping(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options bypass = {.flags = IOMMU_VTD_BYPASS_GRAPHICS};
	struct iommu_vtd_info info;
	unsigned int in_use;

	(void)state;
	for (in_use = 0; in_use < 2; in_use++) {
		machine(2, &config);
		devices(2);
		assert_int_equal(probe_with(&bypass), 0);
		assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
		f.info.class_code = 0x030000;
		assert_int_equal(endpoint(0), 0);
		f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		f.info.class_code = 0x020000;
		assert_int_equal(endpoint(1), 0);
		f.group[1] = iommu_endpoint_group(f.endpoint[1]);
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_group_default_type(f.group[0]), IOMMU_DOMAIN_DMA);
		if (in_use != 0)
			assert_int_equal(iommu_use_default_domain(f.endpoint[0]), 0);
		/* Without pass-through, identity takes tables. */
		assert_int_equal(iommu_add_memory(f.iommu, MACHINE_BASE,
						  MACHINE_BASE + MACHINE_PAGES * 4096ULL - 1),
				 0);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
		assert_int_equal(info.bypassed, in_use == 0);
		assert_int_equal(reaches(0, f.memory, f.memory), in_use == 0);
		assert_int_equal(iommu_group_default_type(f.group[0]),
				 in_use == 0 ? IOMMU_DOMAIN_IDENTITY : IOMMU_DOMAIN_DMA);
		assert_true(is_blocked(1, f.memory));
		assert_int_equal(iommu_remove_memory(f.iommu, MACHINE_BASE,
						     MACHINE_BASE + MACHINE_PAGES * 4096ULL - 1),
				 0);
		end();
	}
}

/* A DRHD structure for unit 1 and device 00:06.0, as a _DSM would return it. */
static size_t structures_for_unit_1(uint8_t *bytes, size_t size)
{
	const struct iommu_pci_hop hop = {6, 0};
	struct iommu_dmar_builder b;
	int length;

	iommu_dmar_begin(&b, bytes, size, 46, 0);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(1), 4096, false);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
	length = iommu_dmar_finish(&b, "", "");
	assert_true(length > 0);
	memmove(bytes, bytes + DMAR_HEADER_SIZE, (size_t)length - DMAR_HEADER_SIZE);
	return (size_t)length - DMAR_HEADER_SIZE;
}

static void units_are_added_and_removed(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	struct iommu_endpoint_info late = {.source_id = 0x30};
	struct iommu_vtd_interrupt interrupt;
	struct iommu_vtd_tables tables;
	struct iommu_domain *domain;
	struct iommu_endpoint *added;
	struct iommu_unit *unit;
	uint8_t bytes[256];
	size_t size;
	unsigned int n;
	int status = IOMMU_ENOMEM;

	(void)state;
	machine(1, &config);
	devices(1);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);

	model_machine_add_unit(&f.machine, &config);
	f.device[1] = model_machine_add_device(&f.machine, 1, 0x30);
	size = structures_for_unit_1(bytes, sizeof(bytes));
	assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, 0), IOMMU_EINVAL);
	for (n = 1; status != 0; n++) {
		const size_t before = f.machine.pages_in_use;

		f.machine.fail_at = f.machine.allocations + n;
		status = iommu_vtd_add_units(f.iommu, bytes, size);
		f.machine.fail_at = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		if (status != 0)
			assert_int_equal(f.machine.pages_in_use, before);
	}
	assert_true(n > 5);
	assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size), IOMMU_EEXIST);
	unit = iommu_next_unit(f.iommu, f.unit[0]);
	assert_non_null(unit);
	/* It gets a device, and is enabled for it: the others run already. */
	assert_int_equal(iommu_probe_endpoint(f.iommu, &late, &added), 0);
	assert_ptr_equal(iommu_endpoint_unit(added), unit);
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(added)), 0);
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_vtd_remove_unit(unit), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(added)), 0);
	iommu_endpoint_hold(added);
	assert_int_equal(iommu_release_endpoint(added), 0);
	assert_int_equal(iommu_vtd_remove_unit(unit), IOMMU_EBUSY);
	assert_int_equal(iommu_vtd_get_tables(added, &tables), IOMMU_ENODEV);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(added, 1, &interrupt), IOMMU_ENODEV);
	iommu_endpoint_drop(added);
	assert_int_equal(iommu_vtd_remove_unit(unit), 0);
	assert_null(iommu_next_unit(f.iommu, f.unit[0]));
	assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[1], VTD_GSTS, 4) &
				 (VTD_GLOBAL_TE | VTD_GLOBAL_QIE),
			 0);
	/* The domain that was on both goes on. */
	assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
	assert_true(is_blocked(0, IOVA));
	/* And the same unit comes again. */
	assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size), 0);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A domain that lives on does not grow with the units that come and go: the unit is the same. */
static void a_unit_that_comes_back_is_the_one_that_went(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	const struct iommu_endpoint_info late = {.source_id = 0x30};
	struct iommu_domain *domain;
	uint8_t bytes[256];
	size_t size, pages = 0;
	unsigned int cycle;

	(void)state;
	machine(1, &config);
	devices(1);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	model_machine_add_unit(&f.machine, &config);
	f.device[1] = model_machine_add_device(&f.machine, 1, 0x30);
	size = structures_for_unit_1(bytes, sizeof(bytes));
	for (cycle = 0; cycle < 400; cycle++) {
		struct iommu_endpoint *added;
		struct iommu_unit *unit;

		assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size), 0);
		unit = iommu_next_unit(f.iommu, f.unit[0]);
		assert_int_equal(iommu_probe_endpoint(f.iommu, &late, &added), 0);
		assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(added)), 0);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
		assert_true(reaches(1, IOVA, f.memory));
		assert_int_equal(iommu_unmap(domain, IOVA, 0x1000, 0, NULL), 0);
		assert_true(is_blocked(1, IOVA));
		assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(added)), 0);
		assert_int_equal(iommu_release_endpoint(added), 0);
		assert_int_equal(iommu_vtd_remove_unit(unit), 0);
		if (cycle == 0)
			pages = f.machine.pages_in_use;
	}
	assert_int_equal(f.machine.pages_in_use, pages);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* A removal that failed may have turned translation off: an enable runs all steps again. */
static void a_removal_that_failed_leaves_nothing_believed(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults hang = {.commands_hang = true}, well = {0};
	const struct iommu_vtd_options none = {0};
	const struct iommu_endpoint_info late = {.source_id = 0x30};
	unsigned int way;

	(void)state;
	for (way = 0; way < 2; way++) {
		struct iommu_endpoint *added;
		struct iommu_unit *unit;
		uint8_t bytes[256];
		size_t size;

		machine(1, &config);
		devices(1);
		assert_int_equal(probe_with(&none), 0);
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		model_machine_add_unit(&f.machine, &config);
		f.device[1] = model_machine_add_device(&f.machine, 1, 0x30);
		size = structures_for_unit_1(bytes, sizeof(bytes));
		assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size), 0);
		unit = iommu_next_unit(f.iommu, f.unit[0]);
		assert_int_equal(iommu_unit_enable(unit), 0);
		iommu_model_vtd_misbehave(f.machine.units[1], &hang);
		assert_int_equal(iommu_vtd_remove_unit(unit), IOMMU_ETIMEDOUT);
		iommu_model_vtd_misbehave(f.machine.units[1], &well);
		if (way == 0)
			assert_int_equal(iommu_unit_enable(unit), 0);
		/* Otherwise with the first device. */
		assert_int_equal(iommu_probe_endpoint(f.iommu, &late, &added), 0);
		assert_true(iommu_unit_is_enabled(unit));
		assert_true(is_blocked(1, IOVA));
		assert_int_equal(iommu_release_endpoint(added), 0);
		assert_int_equal(iommu_vtd_remove_unit(unit), 0);
		end();
	}
}

/* One member is blocked, because its release failed: an attach that fails gives it nothing. */
static void a_blocked_member_gets_nothing_back(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults hang = {.waits_hang = true}, well = {0};
	const struct iommu_vtd_options none = {0};
	struct iommu_pci_function functions[2] = {{0}};
	const struct iommu_pci_topology topology = {functions, 2};
	struct iommu_domain *domain, *other;
	unsigned int i;

	(void)state;
	machine(2, &config);
	for (i = 0; i < 2; i++) {
		functions[i].devfn = (uint8_t)(0x20 + i);
		functions[i].flags = IOMMU_PCI_MULTIFUNCTION;
		f.device[i] = model_machine_add_device(&f.machine, i, (uint16_t)(0x20 + i));
	}
	f.devices = 2;
	model_machine_make_dmar(&f.machine);
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	endpoints();
	assert_ptr_equal(f.group[0], f.group[1]);
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	other = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 0x1000, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_true(is_blocked(0, IOVA));
	iommu_model_vtd_misbehave(f.machine.units[1], &hang);
	assert_int_equal(iommu_domain_attach_group(other, f.group[0]), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[1], &well);
	assert_true(is_blocked(0, IOVA));
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end();
}

/* What is gone is not enabled, whatever was confirmed before. */
static void a_unit_that_has_gone_is_not_enabled_already(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults gone = {.gone = true}, well = {0};
	struct iommu_domain *domain;

	(void)state;
	begin(1, &config, 1);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &gone);
	assert_int_equal(iommu_unit_enable(f.unit[0]), IOMMU_EIO);
	assert_int_equal(iommu_vtd_enable(f.iommu), IOMMU_EIO);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), IOMMU_EIO);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Nothing is given back under a unit that still remaps interrupts, or runs its queue for them. */
static void memory_stays_with_a_unit_that_remaps_interrupts(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	const struct iommu_model_vtd_faults faults[] = {{.commands_hang = true},
							{.waits_hang = true}};
	const struct iommu_model_vtd_faults well = {0};
	const struct iommu_vtd_options none = {0};
	struct iommu_unit *unit;
	uint8_t bytes[256];
	size_t size, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		machine(1, &config);
		devices(1);
		assert_int_equal(probe_with(&none), 0);
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		/* One that comes, and is neither made to remap them nor stopped. */
		model_machine_add_unit(&f.machine, &config);
		iommu_model_vtd_misbehave(f.machine.units[1], &faults[i]);
		size = structures_for_unit_1(bytes, sizeof(bytes));
		assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size), IOMMU_ETIMEDOUT);
		iommu_model_vtd_misbehave(f.machine.units[1], &well);
		unit = iommu_next_unit(f.iommu, f.unit[0]);
		if (unit != NULL)
			assert_int_equal(iommu_vtd_remove_unit(unit), 0);
		assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[1], VTD_GSTS, 4) &
					 (VTD_GLOBAL_IRE | VTD_GLOBAL_QIE),
				 0);
		assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size), 0);
		assert_int_equal(iommu_vtd_remove_unit(iommu_next_unit(f.iommu, f.unit[0])), 0);
		/* And the end. */
		iommu_model_vtd_misbehave(f.machine.units[0], &faults[i]);
		assert_int_equal(iommu_destroy(f.iommu), IOMMU_ETIMEDOUT);
		iommu_model_vtd_misbehave(f.machine.units[0], &well);
		assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
		end();
	}
}

/* A unit that comes while interrupts are remapped remaps them, too, or does not come. */
static void an_added_unit_joins_interrupt_remapping(void **state)
{
	const struct iommu_model_vtd_config can = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	const struct iommu_model_vtd_config cannot = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	unsigned int able;

	(void)state;
	for (able = 0; able < 2; able++) {
		uint8_t bytes[256];
		size_t size;

		machine(1, &can);
		devices(1);
		assert_int_equal(probe_with(&none), 0);
		endpoints();
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		model_machine_add_unit(&f.machine, able != 0 ? &can : &cannot);
		size = structures_for_unit_1(bytes, sizeof(bytes));
		assert_int_equal(iommu_vtd_add_units(f.iommu, bytes, size),
				 able != 0 ? 0 : IOMMU_EOPNOTSUPP);
		assert_int_equal((iommu_model_vtd_mmio_read(f.machine.units[1], VTD_GSTS, 4) &
				  VTD_GLOBAL_IRE) != 0,
				 able != 0);
		assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
		end();
	}
}

/* --- Names ------------------------------------------------------------------------------------ */

/* What a unit is said to have is what its registers say, and what its mode allows. */
static void facts_are_those_of_the_unit(void **state)
{
	const unsigned int everything = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
					IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_DIRTY |
					IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH |
					IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS;
	const unsigned int without[] = {0,
					IOMMU_MODEL_VTD_DIRTY,
					IOMMU_MODEL_VTD_PASS_THROUGH,
					IOMMU_MODEL_VTD_PAGE_REQUESTS,
					IOMMU_MODEL_VTD_NESTED,
					IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_FIRST_STAGE,
					IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PAGE_REQUESTS};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(without) / sizeof(without[0]); i++) {
		const struct iommu_vtd_options options = {
			.flags = i % 2 != 0 ? IOMMU_VTD_LEGACY_MODE : 0};
		const struct iommu_model_vtd_config config = {.flags = everything & ~without[i / 2],
							      .levels = 1U << 4,
							      .address_mask = 9,
							      .fault_records = 4};
		const bool scalable = i % 2 == 0;
		struct iommu_vtd_info info;

		machine(1, &config);
		devices(1);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
		assert_true(info.scalable == scalable);
		assert_true(info.first_stage ==
			    (scalable && (config.flags & IOMMU_MODEL_VTD_FIRST_STAGE) != 0));
		assert_true(info.second_stage == scalable);
		assert_true(info.nested ==
			    (scalable && (config.flags & IOMMU_MODEL_VTD_NESTED) != 0));
		assert_true(info.dirty_tracking ==
			    (scalable && (config.flags & IOMMU_MODEL_VTD_DIRTY) != 0));
		assert_true(info.page_requests ==
			    (scalable && (config.flags & IOMMU_MODEL_VTD_PAGE_REQUESTS) != 0));
		assert_true((info.pasid_bits != 0) ==
			    (scalable && (config.flags & IOMMU_MODEL_VTD_PASID) != 0));
		assert_true(info.pass_through ==
			    ((config.flags & IOMMU_MODEL_VTD_PASS_THROUGH) != 0));
		assert_true(info.device_tlb);
		assert_int_equal(info.fault_records, 4);
		end();
	}
}

/* A name that firmware does not give is no device's, whatever numbers there are. */
static void a_name_that_is_not_given_is_none(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	const struct iommu_pci_hop hop = {0x15, 1};
	struct iommu_dmar_builder b;
	uint16_t source_id = 1, segment = 1;
	int size;

	(void)state;
	machine(1, &config);
	iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, 0);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	for (unsigned int id = 0; id < 200; id++)
		iommu_dmar_add_scope(&b, DMAR_SCOPE_NAMESPACE, (uint8_t)id, 0, &hop, 1);
	iommu_dmar_add_name(&b, 77, "\\_SB.UART");
	size = iommu_dmar_finish(&b, "TEST", "NAMES");
	assert_true(size > 0);
	f.machine.dmar_size = (size_t)size;
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_vtd_find_named(f.iommu, "\\_SB.NONE", &segment, &source_id),
			 IOMMU_ENOENT);
	assert_int_equal(source_id, 1);
	assert_int_equal(iommu_vtd_find_named(f.iommu, "\\_SB.UART", &segment, &source_id), 0);
	assert_int_equal(source_id, 0xa9);
	end();
}

static void interrupt_sources_and_named_devices_are_found(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	const struct iommu_pci_hop ioapic = {0x1f, 7}, hpet = {0x0f, 0}, named = {0x15, 1};
	struct iommu_dmar_builder b;
	struct iommu_unit *unit = NULL;
	uint16_t source_id = 0, segment = 1;
	int size;

	(void)state;
	machine(2, &config);
	iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, DMAR_FLAG_INTR_REMAP);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, false);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_NAMESPACE, 1, 0, &named, 1);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(1), 4096, true);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_IOAPIC, 2, 0xf0, &ioapic, 1);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_HPET, 0, 0xf0, &hpet, 1);
	iommu_dmar_add_name(&b, 1, "\\_SB.PCI0.I2C0");
	size = iommu_dmar_finish(&b, "TEST", "NAMES");
	assert_true(size > 0);
	f.machine.dmar_size = (size_t)size;
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_vtd_find_ioapic(f.iommu, 2, &unit, &source_id), 0);
	assert_ptr_equal(unit, f.unit[1]);
	assert_int_equal(source_id, 0xf0ff);
	assert_int_equal(iommu_vtd_find_ioapic(f.iommu, 3, &unit, &source_id), IOMMU_ENOENT);
	assert_int_equal(iommu_vtd_find_hpet(f.iommu, 0, &unit, &source_id), 0);
	assert_int_equal(source_id, 0xf078);
	assert_int_equal(iommu_vtd_find_hpet(f.iommu, 1, &unit, &source_id), IOMMU_ENOENT);
	assert_int_equal(iommu_vtd_find_named(f.iommu, "\\_SB.PCI0.I2C0", &segment, &source_id), 0);
	assert_int_equal(segment, 0);
	assert_int_equal(source_id, 0xa9);
	assert_int_equal(iommu_vtd_find_named(f.iommu, "\\_SB.PCI0.I2C", &segment, &source_id),
			 IOMMU_ENOENT);
	/* And a device with that source id is behind the unit that names it. */
	f.device[0] = model_machine_add_device(&f.machine, 0, source_id);
	f.devices = 1;
	endpoints();
	assert_ptr_equal(iommu_endpoint_unit(f.endpoint[0]), f.unit[0]);
	end();
}

/* --- Faults ----------------------------------------------------------------------------------- */

static unsigned int reports_for_all, reports_for_one;

static void count_all(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	(void)fault;
	reports_for_all++;
}

static void count_one(void *ctx, const struct iommu_fault *fault)
{
	assert_ptr_equal(ctx, &f);
	assert_ptr_equal(fault->endpoint, f.endpoint[1]);
	reports_for_one++;
}

static void faults_go_to_their_endpoint_and_storms_are_bounded(void **state)
{
	const struct iommu_model_vtd_config config = {.fault_records = 8};
	const struct iommu_vtd_options options = {.faults_per_second = 10};
	unsigned int i;
	bool lost = false;

	(void)state;
	machine(1, &config);
	devices(2);
	assert_int_equal(probe_with(&options), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], 0xfed00000, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], 0xfee00000, 1), 0);
	iommu_set_fault_handler(f.iommu, count_all, NULL);
	iommu_endpoint_set_fault_handler(f.endpoint[1], count_one, &f);
	reports_for_all = reports_for_one = 0;
	assert_true(is_blocked(0, IOVA));
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(f.machine.messages, 1); /* one for all that is pending */
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], &lost), 2);
	assert_false(lost);
	assert_int_equal(reports_for_all, 1);
	assert_int_equal(reports_for_one, 1);
	/* The ring runs over. */
	for (i = 0; i < 20; i++)
		assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], &lost), 8);
	assert_true(lost);
	assert_int_equal(reports_for_all, 9);
	/* The bound is reached: cleared, not reported. */
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], &lost), 0);
	assert_true(lost);
	assert_int_equal(reports_for_all, 9);
	/* A second later there is room again. */
	f.machine.clock_ns += 1000000000;
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], &lost), 1);
	assert_false(lost);
	assert_int_equal(reports_for_all, 10);
	/* Faults that were recorded before translation was turned off are still there. */
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], &lost), 1);
	assert_int_equal(iommu_vtd_mask_fault_interrupt(f.unit[0]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	f.machine.messages = 0;
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(f.machine.messages, 0);
	iommu_endpoint_set_fault_handler(f.endpoint[1], NULL, NULL);
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], &lost), 1);
	assert_int_equal(reports_for_all, 11);
	end();
}

/* --- Segments --------------------------------------------------------------------------------- */

/* Two segments, each with a unit that takes all of it. */
static void dmar_with_segments(void)
{
	struct iommu_dmar_builder b;
	unsigned int i;
	int size;

	iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, 0);
	for (i = 0; i < 2; i++)
		iommu_dmar_add_unit(&b, (uint16_t)i, MACHINE_UNIT(i), 4096, true);
	size = iommu_dmar_finish(&b, "TEST", "SEGMENTS");
	assert_true(size > 0);
	f.machine.dmar_size = (size_t)size;
}

static struct iommu_fault fault_seen;

static void keep_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	fault_seen = *fault;
}

static void segments_are_told_apart(void **state)
{
	const struct iommu_model_vtd_config config = {0};
	const struct iommu_vtd_options none = {0};
	struct iommu_endpoint_info elsewhere = {.segment = 2, .source_id = 0x20};
	struct iommu_domain *domain[2];
	struct iommu_endpoint *unused;
	unsigned int i;

	(void)state;
	machine(2, &config);
	/* The same place in both. */
	for (i = 0; i < 2; i++)
		f.device[i] = model_machine_add_device(&f.machine, i, 0x20);
	f.devices = 2;
	dmar_with_segments();
	assert_int_equal(probe_with(&none), 0);
	for (i = 0; i < 2; i++) {
		f.info.segment = (uint16_t)i;
		assert_int_equal(endpoint(i), 0);
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		assert_ptr_equal(iommu_endpoint_unit(f.endpoint[i]), f.unit[i]);
		assert_ptr_equal(iommu_find_endpoint(f.iommu, (uint16_t)i, 0x20), f.endpoint[i]);
		assert_int_equal(
			iommu_domain_alloc(f.unit[i], IOMMU_DOMAIN_PAGING, NULL, &domain[i]), 0);
	}
	assert_int_equal(iommu_probe_endpoint(f.iommu, &elsewhere, &unused), IOMMU_ENODEV);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	f.memory = model_machine_take(&f.machine, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_domain_attach_group(domain[i], f.group[i]), 0);
		assert_int_equal(iommu_map(domain[i], IOVA, f.memory + i * IOMMU_PAGE_SIZE,
					   IOMMU_PAGE_SIZE, RW),
				 0);
	}
	iommu_set_fault_handler(f.iommu, keep_fault, NULL);
	for (i = 0; i < 2; i++) {
		assert_true(reaches(i, IOVA, f.memory + i * IOMMU_PAGE_SIZE));
		assert_true(is_blocked(i, IOVA + IOMMU_PAGE_SIZE));
		assert_int_equal(iommu_unit_handle_faults(f.unit[1 - i], NULL), 0);
		assert_int_equal(iommu_unit_handle_faults(f.unit[i], NULL), 1);
		assert_int_equal(fault_seen.segment, i);
		assert_ptr_equal(fault_seen.endpoint, f.endpoint[i]);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
		assert_true(is_blocked(i, IOVA));
		assert_int_equal(iommu_domain_free(domain[i]), 0);
	}
	model_machine_give(&f.machine, f.memory, 2);
	end();
}

/* Two devices behind a bridge to conventional PCI, whose requests carry the bridge's id. */
static void two_behind_a_bridge(void)
{
	static const struct iommu_pci_function functions[] = {
		{.bus = 0, .devfn = 0x10, .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 2},
		{.bus = 2, .devfn = 0x08, .type = IOMMU_PCI_CONVENTIONAL},
		{.bus = 2, .devfn = 0x10, .type = IOMMU_PCI_CONVENTIONAL},
	};
	static const struct iommu_pci_topology topology = {functions, 3};
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_vtd_options none = {0};

	machine(1, &config);
	f.device[0] = model_machine_add_device(&f.machine, 0, 0x208);
	f.device[1] = model_machine_add_device(&f.machine, 0, 0x210);
	f.device[2] = model_machine_add_device(&f.machine, 0, 0x200); /* either, as it arrives */
	f.devices = 2;
	model_machine_make_dmar(&f.machine);
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	endpoints();
}

static void requests_with_a_bridges_id_are_translated(void **state)
{
	struct iommu_domain *domain;
	struct iommu_endpoint *late;

	(void)state;
	two_behind_a_bridge();
	assert_ptr_equal(f.group[0], f.group[1]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	iommu_set_fault_handler(f.iommu, keep_fault, NULL);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, IOMMU_PAGE_SIZE, RW), 0);
	assert_true(is_blocked(2, IOVA));
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], NULL), 1);
	assert_ptr_equal(fault_seen.endpoint, f.endpoint[0]);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(reaches(1, IOVA, f.memory));
	assert_true(reaches(2, IOVA, f.memory));
	/* One leaves: what is left goes on under either id. It comes back into what they use. */
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	assert_true(is_blocked(0, IOVA));
	assert_true(reaches(1, IOVA, f.memory));
	assert_true(reaches(2, IOVA, f.memory));
	assert_int_equal(endpoint(0), 0);
	late = f.endpoint[0];
	assert_true(reaches(0, IOVA, f.memory));
	assert_ptr_equal(iommu_endpoint_group(late), f.group[1]);
	assert_int_equal(iommu_unmap(domain, IOVA, IOMMU_PAGE_SIZE, 0, NULL), 0);
	assert_true(is_blocked(0, IOVA));
	assert_true(is_blocked(2, IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	model_machine_give(&f.machine, f.memory, 1);
	end();
}

/* An id that others use stays open until all of them are in reset, through comings and goings. */
static void shared_ids_are_silent_with_all_their_users(void **state)
{
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	two_behind_a_bridge();
	group = f.group[0];
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, IOMMU_PAGE_SIZE, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_endpoint_reset_begin(f.endpoint[0]), 0);
	assert_true(is_blocked(0, IOVA));
	assert_true(reaches(1, IOVA, f.memory));
	assert_true(reaches(2, IOVA, f.memory));
	/* The other goes: what is left is only the one in reset's. It comes back: it is not. */
	assert_int_equal(iommu_release_endpoint(f.endpoint[1]), 0);
	assert_true(is_blocked(2, IOVA));
	assert_int_equal(endpoint(1), 0);
	assert_true(reaches(1, IOVA, f.memory));
	assert_true(reaches(2, IOVA, f.memory));
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_endpoint_reset_begin(f.endpoint[1]), 0);
	assert_true(is_blocked(1, IOVA));
	assert_true(is_blocked(2, IOVA));
	assert_int_equal(iommu_endpoint_reset_end(f.endpoint[0]), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(reaches(2, IOVA, f.memory));
	assert_true(is_blocked(1, IOVA));
	/* Detached and attached as a whole, without it. */
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_true(is_blocked(2, IOVA));
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(is_blocked(1, IOVA));
	assert_int_equal(iommu_endpoint_reset_end(f.endpoint[1]), 0);
	assert_true(reaches(1, IOVA, f.memory));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	model_machine_give(&f.machine, f.memory, 1);
	end();
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static const struct iommu_model_vtd_config with_interrupts = {
	.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_X2APIC |
		 IOMMU_MODEL_VTD_POSTED_INTERRUPTS | IOMMU_MODEL_VTD_CACHING_MODE |
		 IOMMU_MODEL_VTD_NONCOHERENT,
	.fault_records = 16};

static struct iommu_model_interrupt sent;

/* What happens when a device sends this message: 0, or the reason. */
static unsigned int send(uint16_t source_id, uint64_t address, uint32_t data)
{
	(void)iommu_model_vtd_interrupt(f.machine.units[0], source_id, address, data, &sent);
	return sent.reason;
}

static void interrupts_pass_only_as_they_were_set(void **state)
{
	struct iommu_vtd_interrupt block, single;
	struct iommu_vtd_interrupt_target target = {.vector = 0x30, .destination = 7};
	uint64_t address, rte;
	uint32_t data;

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &single), IOMMU_EOPNOTSUPP);
	assert_int_equal(send(0x20, 0xfee00000, 0x40), 0);
	assert_true(sent.unchanged);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	/* Again, and nothing is left to do. */
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	/* The old format is closed. */
	assert_int_equal(send(0x20, 0xfee00000, 0x40), 0x25);

	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 3, &block), 0);
	assert_int_equal(block.order, 2);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &single), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 0, &single), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 129, &single), IOMMU_EINVAL);
	iommu_vtd_interrupt_message(&block, 1, &address, &data);
	assert_int_equal(send(0x20, address, data), 0x22); /* not set yet, and now cached so */
	assert_int_equal(iommu_vtd_interrupt_set(&block, 1, &target), 0);
	assert_int_equal(send(0x20, address, data), 0);
	assert_int_equal(sent.vector, 0x30);
	assert_int_equal(sent.destination, 7);
	assert_false(sent.logical || sent.level || sent.redirection_hint);
	iommu_vtd_interrupt_message(&block, 2, &address, &data);
	assert_int_equal(send(0x20, address, data), 0x22);

	/* Another CPU, another vector: at once. */
	target.vector = 0x31;
	target.destination = 9;
	target.logical = target.redirection_hint = true;
	target.delivery_mode = 1;
	assert_int_equal(iommu_vtd_interrupt_set(&block, 1, &target), 0);
	iommu_vtd_interrupt_message(&block, 1, &address, &data);
	assert_int_equal(send(0x20, address, data), 0);
	assert_int_equal(sent.vector, 0x31);
	assert_int_equal(sent.destination, 9);
	assert_int_equal(sent.delivery_mode, 1);
	assert_true(sent.logical && sent.redirection_hint);

	/* A pin of an I/O APIC: what it makes of its redirection entry. */
	target = (struct iommu_vtd_interrupt_target){
		.source = IOMMU_VTD_SOURCE_ID, .source_id = 0xf0ff, .vector = 0x50, .level = true};
	assert_int_equal(iommu_vtd_interrupt_set(&single, 0, &target), 0);
	rte = iommu_vtd_interrupt_ioapic_entry(&single, 0, 0x50, true, true);
	assert_int_equal(rte & 0xff, 0x50);
	assert_true((rte & 1ULL << 15) != 0 && (rte & 1ULL << 13) != 0 && (rte & 1ULL << 48) != 0);
	address = 0xfee00010 | (rte >> 49 & 0x7fff) << 5 | (rte >> 11 & 1) << 2;
	assert_int_equal(send(0xf0ff, address, 0), 0);
	assert_true(sent.level);
	assert_int_equal(send(0x20, address, 0), 0x26);

	assert_int_equal(iommu_vtd_interrupt_clear(&block, 1), 0);
	iommu_vtd_interrupt_message(&block, 1, &address, &data);
	assert_int_equal(send(0x20, address, data), 0x22);
	assert_int_equal(iommu_vtd_interrupt_clear(&block, 4), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_set(&block, 4, &target), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_vtd_interrupt_free(&single), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(send(0x20, 0xfee00000, 0x40), 0);
	assert_true(sent.unchanged);
	end();
}

static void the_source_of_an_interrupt_is_checked(void **state)
{
	static const struct {
		enum iommu_vtd_source source;
		unsigned int ignored;
		uint16_t allowed, refused;
	} cases[] = {
		{IOMMU_VTD_SOURCE_ANY, 0, 0x1234, 0},
		{IOMMU_VTD_SOURCE_ID, 0, 0x0520, 0x0524},
		{IOMMU_VTD_SOURCE_ID, 1, 0x0524, 0x0522},
		{IOMMU_VTD_SOURCE_ID, 2, 0x0526, 0x0521},
		{IOMMU_VTD_SOURCE_ID, 3, 0x0527, 0x0528},
		{IOMMU_VTD_SOURCE_BUS, 0, 0x0512, 0x0300},
		{IOMMU_VTD_SOURCE_BUS, 0, 0x07ff, 0x0800},
	};
	struct iommu_vtd_interrupt interrupt;
	uint64_t address;
	uint32_t data;
	size_t i;

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	iommu_vtd_interrupt_message(&interrupt, 0, &address, &data);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_vtd_interrupt_target target = {
			.source = cases[i].source,
			.source_id = 0x0520,
			.ignored_function_bits = cases[i].ignored,
			.first_bus = 4,
			.last_bus = 7,
			.vector = 0x60,
			.destination = 0x12345678,
		};

		assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
		assert_int_equal(send(cases[i].allowed, address, data), 0);
		assert_int_equal(sent.destination, 0x12345678);
		if (cases[i].refused != 0)
			assert_int_equal(send(cases[i].refused, address, data), 0x26);
	}
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/*
 * A root port, below it a bridge to conventional PCI with two buses; and devices on the root bus.
 */
static const struct iommu_pci_function bridged[] = {
	{.devfn = 1 << 3, .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	{.bus = 1, .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 2},
	{.bus = 2, .devfn = 3 << 3, .type = IOMMU_PCI_CONVENTIONAL},
	{.bus = 2, .devfn = 4 << 3, .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 3},
	{.bus = 3, .devfn = 5 << 3, .type = IOMMU_PCI_CONVENTIONAL},
	{.devfn = 2 << 3, .type = IOMMU_PCI_INTEGRATED, .alias_count = 1, .aliases = {2 << 3 | 1}},
	{.devfn = 6 << 3, .type = IOMMU_PCI_INTEGRATED},
	{.devfn = 30 << 3, .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 4},
	{.bus = 4, .type = IOMMU_PCI_CONVENTIONAL},
};

/* The block of a function at this id: its messages pass by these ids and by no others. */
static void expect_sender(uint16_t id, uint8_t phantom_bits, const uint16_t *passes,
			  const uint16_t *refused)
{
	const struct iommu_endpoint_info info = {
		.source_id = id, .physical_function = id, .phantom_bits = phantom_bits};
	struct iommu_vtd_interrupt_target target = {.vector = 0x60, .destination = 1};
	struct iommu_vtd_interrupt interrupt;
	struct iommu_endpoint *device;
	uint64_t address;
	uint32_t data;

	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &device), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(device, 2, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 1, &target), 0);
	iommu_vtd_interrupt_message(&interrupt, 1, &address, &data);
	for (; *passes != 0; passes++)
		assert_int_equal(send(*passes, address, data), 0);
	for (; *refused != 0; refused++)
		assert_int_equal(send(*refused, address, data), 0x26);
	target.source = IOMMU_VTD_SOURCE_ID;
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 1, &target), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_release_endpoint(device), 0);
}

static void a_device_sends_interrupts_by_all_its_ids(void **state)
{
	static const struct {
		uint16_t id;
		uint8_t phantom_bits;
		uint16_t passes[5], refused[5];
	} cases[] = {
		{0x0008, 0, {0x0008}, {0x0009, 0x0108, 0x0010}},
		{0x0218, 0, {0x0218, 0x0200}, {0x0118, 0x0308, 0x0010}},
		{0x0328, 0, {0x0328, 0x0220, 0x0200}, {0x0100, 0x0428, 0x0030}},
		{0x0010, 0, {0x0010, 0x0011}, {0x0018, 0x0110, 0x0008}},
		{0x0030, 0, {0x0030}, {0x0032, 0x0034, 0x0031}},
		{0x0030, 1, {0x0030, 0x0034}, {0x0032, 0x0031, 0x0038}},
		{0x0030, 2, {0x0030, 0x0032, 0x0036}, {0x0031, 0x0038}},
		{0x0030, 3, {0x0030, 0x0037}, {0x0038, 0x0130}},
		{0x0400, 0, {0x00f0}, {0x0400, 0x0010, 0x0200, 0x00f1}},
	};
	static const struct iommu_pci_topology topology = {bridged, 9};
	size_t i;

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	f.endpoint[0] = NULL;
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_sender(cases[i].id, cases[i].phantom_bits, cases[i].passes,
			      cases[i].refused);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* What was only another id of its neighbour's becomes a device: it has its own ids from then on. */
static void an_alias_that_becomes_a_device_sends_as_itself(void **state)
{
	static const struct iommu_pci_topology topology = {bridged, 9};
	const struct iommu_endpoint_info behind = {.source_id = 0x0328,
						   .physical_function = 0x0328};
	struct iommu_endpoint *user;
	const uint16_t passes[] = {0x0220, 0x0200, 0};
	const uint16_t refused[] = {0x0328, 0x0108, 0};

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	f.endpoint[0] = NULL;
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &behind, &user), 0);
	expect_sender(0x0220, 0, passes, refused);
	assert_int_equal(iommu_release_endpoint(user), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* The table says as whom they send; what it does not name gets no entries. */
static void io_apics_and_timers_send_as_the_table_says(void **state)
{
	const struct iommu_vtd_options none = {0};
	const struct iommu_vtd_interrupt_target target = {.vector = 0x51, .level = true};
	struct iommu_vtd_interrupt block;
	struct iommu_dmar_builder b;
	const struct iommu_pci_hop apic = {0x1e, 7}, timer = {0xf, 0};
	uint64_t address;
	uint32_t data;

	(void)state;
	machine(1, &with_interrupts);
	iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, DMAR_FLAG_INTR_REMAP);
	iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, true);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_IOAPIC, 2, 0xf0, &apic, 1);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_HPET, 0, 0xf0, &timer, 1);
	f.machine.dmar_size = (size_t)iommu_dmar_finish(&b, "A", "B");
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc_ioapic(f.iommu, 2, 24, &block),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc_ioapic(f.iommu, 3, 24, &block), IOMMU_ENOENT);
	assert_int_equal(iommu_vtd_interrupt_alloc_ioapic(f.iommu, 2, 24, &block), 0);
	assert_int_equal(block.order, 5);
	assert_int_equal(iommu_vtd_interrupt_set(&block, 23, &target), 0);
	iommu_vtd_interrupt_message(&block, 23, &address, &data);
	assert_int_equal(send(0xf0f7, address, data), 0);
	assert_int_equal(send(0xf078, address, data), 0x26);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc_hpet(f.iommu, 1, 1, &block), IOMMU_ENOENT);
	assert_int_equal(iommu_vtd_interrupt_alloc_hpet(f.iommu, 0, 1, &block), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&block, 0, &target), 0);
	iommu_vtd_interrupt_message(&block, 0, &address, &data);
	assert_int_equal(send(0xf078, address, data), 0);
	assert_int_equal(send(0xf0f7, address, data), 0x26);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* Each field of a target is what the processor sees, and no other. */
static void targets_arrive_as_they_were_set(void **state)
{
	static const struct iommu_vtd_interrupt_target targets[] = {
		{.vector = 16},
		{.vector = 255, .destination = 0xa5},
		{.vector = 0x5a, .delivery_mode = 1},
		{.delivery_mode = 4},
		{.delivery_mode = 7},
		{.vector = 0x41, .logical = true},
		{.vector = 0x41, .redirection_hint = true},
		{.vector = 0x41, .level = true},
		{.vector = 0x41, .destination = 0xff, .logical = true, .level = true},
	};
	struct iommu_vtd_interrupt block;
	unsigned int i, number;

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 4, &block), 0);
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		for (number = 0; number < 4; number++) {
			uint64_t address;
			uint32_t data;

			iommu_vtd_interrupt_message(&block, number, &address, &data);
			assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[0], 0x20,
								   address, data, &sent),
					 IOMMU_EFAULT);
			assert_int_equal(iommu_vtd_interrupt_set(&block, number, &targets[i]), 0);
			assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[0], 0x20,
								   address, data, &sent),
					 0);
			assert_false(sent.posted || sent.unchanged);
			assert_int_equal(sent.vector, targets[i].vector);
			assert_int_equal(sent.delivery_mode, targets[i].delivery_mode);
			assert_int_equal(sent.logical, targets[i].logical);
			assert_int_equal(sent.redirection_hint, targets[i].redirection_hint);
			assert_int_equal(sent.level, targets[i].level);
			assert_int_equal(sent.destination, targets[i].destination);
			assert_int_equal(iommu_vtd_interrupt_clear(&block, number), 0);
		}
	assert_int_equal(iommu_vtd_interrupt_set(&block, 4, &targets[0]), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_clear(&block, 4), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* The tables of a device, as they are in memory, on any bus and for any function. */
static void tables_are_those_of_the_device(void **state)
{
	static const uint16_t ids[] = {0x0020, 0x01f8, 0x7f07, 0x8380, 0xff7f, 0xfef8};
	static const struct iommu_model_vtd_config configs[] = {
		{.flags = 0},
		{.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE},
	};
	static const struct iommu_vtd_options plain;
	struct iommu_domain *domain;
	unsigned int kind, i;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		machine(1, &configs[kind]);
		for (i = 0; i < 6; i++)
			f.device[i] = model_machine_add_device(&f.machine, 0, ids[i]);
		f.devices = 6;
		model_machine_make_dmar(&f.machine);
		assert_int_equal(probe_with(&plain), 0);
		endpoints();
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		domain = domain_of_type(IOMMU_DOMAIN_PAGING);
		for (i = 0; i < 6; i++) {
			const unsigned int upper = kind != 0 && (ids[i] & 0x80) != 0;
			const size_t size = kind != 0 ? 32 : 16;
			struct iommu_vtd_tables tables;
			const uint64_t *root, *context;

			assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
			memset(&tables, 0xee, sizeof(tables));
			assert_int_equal(iommu_vtd_get_tables(f.endpoint[i], &tables), 0);
			root = iommu_phys_to_virt(&f.machine.platform,
						  tables.root_table + (ids[i] >> 8) * 16ULL);
			assert_int_equal(tables.root_entry, iommu_le64(root[upper]));
			assert_int_equal(tables.context_table, tables.root_entry & ~0xfffULL);
			assert_int_not_equal(tables.context_table, 0);
			context = iommu_phys_to_virt(
				&f.machine.platform,
				tables.context_table +
					(ids[i] & (kind != 0 ? 0x7fU : 0xffU)) * size);
			assert_int_equal(tables.context_low, iommu_le64(context[0]));
			assert_int_equal(tables.context_high, iommu_le64(context[1]));
			assert_int_equal(tables.context_low & 1, 1);
		}
		for (i = 0; i < 6; i++)
			assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
		iommu_domain_free(domain);
		end();
	}
}

static void targets_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		struct iommu_vtd_interrupt_target target;
		int status;
	} cases[] = {
		{{.vector = 0x41, .source = (enum iommu_vtd_source)3}, IOMMU_EINVAL},
		{{.vector = 0x41, .ignored_function_bits = 4}, IOMMU_EINVAL},
		{{.vector = 0x41, .source = IOMMU_VTD_SOURCE_BUS, .first_bus = 2, .last_bus = 1},
		 IOMMU_EINVAL},
		{{.vector = 0x41, .delivery_mode = 3}, IOMMU_EINVAL},
		{{.vector = 0x41, .destination = 256}, IOMMU_EINVAL},
		{{.vector = 0x41, .posted = true, .descriptor = 0x20}, IOMMU_EINVAL},
		{{.vector = 0x41, .posted = true, .descriptor = 1ULL << 46}, IOMMU_EINVAL},
		{{.vector = 15}, IOMMU_EINVAL}, /* of the processor's own */
		{{.vector = 15, .delivery_mode = 1}, IOMMU_EINVAL},
		{{.vector = 15, .posted = true, .descriptor = 0x40}, IOMMU_EINVAL},
		{{.vector = 0, .delivery_mode = 4}, 0}, /* an NMI carries none */
		{{.vector = 16}, 0},
		/* The last that there are. */
		{{.vector = 16, .delivery_mode = 1}, 0},
		{{.vector = 0, .delivery_mode = 2}, 0},
		{{.vector = 0x41, .delivery_mode = 6}, IOMMU_EINVAL},
		{{.vector = 0, .delivery_mode = 7}, 0},
		{{.vector = 0x41, .delivery_mode = 8}, IOMMU_EINVAL},
		{{.vector = 0x41, .ignored_function_bits = 3}, 0},
		{{.vector = 0x41, .source = IOMMU_VTD_SOURCE_BUS, .first_bus = 2, .last_bus = 2},
		 0},
		{{.vector = 0x41, .destination = 255}, 0},
		{{.vector = 16, .posted = true, .descriptor = (1ULL << 46) - 64}, 0},
		{{.vector = 16, .posted = true, .descriptor = 0x60}, IOMMU_EINVAL},
	};
	const struct iommu_model_vtd_config plain = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	const struct iommu_vtd_interrupt_target posted = {.posted = true};
	struct iommu_vtd_interrupt interrupt;
	size_t i;

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &cases[i].target),
				 cases[i].status);
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();

	begin(1, &plain, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &posted), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

static void interrupts_are_posted(void **state)
{
	struct iommu_vtd_interrupt interrupt;
	struct iommu_vtd_interrupt_target target = {.vector = 0x85, .posted = true};
	unsigned char *descriptor;
	uint64_t address;
	uint32_t data;

	(void)state;
	begin(1, &with_interrupts, 1);
	model_machine_mark(&f.machine, f.memory, 1, PAGE_POSTED);
	descriptor = model_machine_bytes(&f.machine, f.memory + 64);
	descriptor[34] = 0xf2; /* notification vector */
	descriptor[36] = 5;    /* notification destination */
	target.descriptor = f.memory + 64;
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	iommu_vtd_interrupt_message(&interrupt, 0, &address, &data);
	assert_int_equal(send(0x20, address, data), 0);
	assert_true(sent.posted && sent.notify);
	assert_int_equal(sent.vector, 0xf2);
	assert_int_equal(sent.destination, 5);
	assert_int_equal(descriptor[0x85 / 8], 1 << 0x85 % 8);
	assert_int_equal(descriptor[32], 1);
	/* The notification is under way: none more. */
	assert_int_equal(send(0x20, address, data), 0);
	assert_true(sent.posted && !sent.notify);
	/* Suppressed, unless it is urgent. */
	descriptor[32] = 2;
	assert_int_equal(send(0x20, address, data), 0);
	assert_false(sent.notify);
	target.urgent = true;
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	assert_int_equal(send(0x20, address, data), 0);
	assert_true(sent.notify);
	/* From posted to delivered, and the reserved fields of a descriptor. */
	descriptor[32] = 4;
	assert_int_equal(send(0x20, address, data), 0x28);
	target.posted = target.urgent = false;
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	assert_int_equal(send(0x20, address, data), 0);
	assert_false(sent.posted);
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

static void the_interrupt_table_runs_full_and_empties(void **state)
{
	static struct iommu_vtd_interrupt blocks[4096];
	struct iommu_vtd_interrupt one;
	const struct iommu_model_vtd_faults hang = {.waits_hang = true};
	const struct iommu_model_vtd_faults none = {0};
	unsigned int i;

	(void)state;
	begin(1, &with_interrupts, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	f.machine.fail_every = 1; /* it cannot grow */
	for (i = 0; i < 32; i++)
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 128, &blocks[i]), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &one), IOMMU_ENOSPC);
	assert_int_equal(iommu_vtd_interrupt_free(&blocks[7]), 0);
	for (i = 100; i < 228; i++)
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &blocks[i]), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &one), IOMMU_ENOSPC);
	/* An entry that hardware did not confirm to forget is not used again, until it has. */
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_vtd_interrupt_free(&blocks[100]), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &none);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &one), IOMMU_ENOSPC);
	assert_int_equal(iommu_vtd_interrupt_free(&blocks[101]), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &one), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &one), 0);
	for (i = 102; i < 228; i++)
		assert_int_equal(iommu_vtd_interrupt_free(&blocks[i]), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 64, &blocks[7]), 0);
	f.machine.fail_every = 0;
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* Firmware's flags, and units that cannot. */
static void remapping_needs_all_units_and_firmware(void **state)
{
	static const struct iommu_model_vtd_config can = {
		.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_X2APIC};
	static const struct iommu_model_vtd_config cannot = {.flags = 0};
	const struct iommu_vtd_options none = {0};
	struct iommu_dmar_builder b;
	unsigned int flags;

	(void)state;
	begin_unlike(&can, &cannot);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(
		iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_IRE, 0);
	end();
	for (flags = 0; flags < 4; flags++) {
		int size;

		machine(1, &can);
		iommu_dmar_begin(&b, f.machine.dmar, sizeof(f.machine.dmar), 46, flags);
		iommu_dmar_add_unit(&b, 0, MACHINE_UNIT(0), 4096, true);
		size = iommu_dmar_finish(&b, "", "");
		assert_true(size > 0);
		f.machine.dmar_size = (size_t)size;
		assert_int_equal(probe_with(&none), 0);
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC),
				 (flags & 1) == 0   ? IOMMU_EOPNOTSUPP
				 : (flags & 2) != 0 ? IOMMU_EPERM
						    : 0);
		if (flags == 3)
			assert_int_equal(iommu_vtd_interrupts_enable(
						 f.iommu, IOMMU_VTD_X2APIC |
								  IOMMU_VTD_X2APIC_IGNORE_OPT_OUT),
					 0);
		assert_int_equal(iommu_destroy(f.iommu), 0);
		model_machine_destroy(&f.machine);
	}
}

/* --- Another back end's ----------------------------------------------------------------------- */

/*
 * Units of three back ends in one instance: each finds its own ones among them; what belongs to one
 * is refused by the others, and nothing has changed.
 */
#define BRIDGES 2U
#define WINDOWS 2U

static struct {
	struct iommu_unit *bridge[BRIDGES], *window[WINDOWS];
	struct iommu_endpoint *of_bridge[BRIDGES], *of_window[WINDOWS];
	unsigned int calls; /* of firmware, and of hypervisors */
} others;

static int64_t firmware(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	(void)ctx;
	(void)token;
	(void)arguments;
	others.calls++;
	return 0;
}

static uint32_t pe_of(void *ctx, uint16_t source_id)
{
	(void)ctx;
	return source_id >> 8;
}

static int64_t hypervisor(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			  uint64_t third, uint64_t fourth, uint64_t *result)
{
	(void)ctx;
	(void)opcode;
	(void)liobn;
	(void)address;
	(void)third;
	(void)fourth;
	others.calls++;
	*result = 0;
	return 0;
}

static struct iommu_opal_config bridge_of(unsigned int i)
{
	return (struct iommu_opal_config){.phb = i,
					  .segment = (uint16_t)(10 + i),
					  .pes = 4,
					  .find_pe = pe_of,
					  .call = firmware,
					  .page_sizes = 1 << 12 | 1 << 16,
					  .output_bits = 50,
					  .window_bits = 32};
}

static struct iommu_papr_config window_of(unsigned int i)
{
	return (struct iommu_papr_config){
		.segment = (uint16_t)(20 + i),
		.last_id = 0xffff,
		.window = {.liobn = 0x100 + i, .address = 0, .size = 1 << 24, .page_shift = 12},
		.call = hypervisor,
	};
}

static struct iommu_endpoint *add(unsigned int segment)
{
	const struct iommu_endpoint_info info = {.segment = (uint16_t)segment, .source_id = 0x100};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), 0);
	return endpoint;
}

/* A unit in scalable mode with more besides, which is on, and a device. */
static void begin_scalable(unsigned int more)
{
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_PASID | more,
		.levels = 1U << 3 | 1U << 4,
		.address_mask = 9};

	begin(1, &config, 1);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
}

static void begin_with_others(void)
{
	static const char *const bridges[] = {"phb0", "phb1"};
	static const char *const windows[] = {"liobn100", "liobn101"};

	memset(&others, 0, sizeof(others));
	begin_scalable(IOMMU_MODEL_VTD_INTERRUPT_REMAPPING);
	for (unsigned int i = 0; i < BRIDGES; i++) {
		const struct iommu_opal_config bridge = bridge_of(i);
		const struct iommu_papr_config window = window_of(i);

		assert_int_equal(iommu_papr_probe(f.iommu, &window), 0);
		assert_int_equal(iommu_opal_probe(f.iommu, &bridge), 0);
		others.bridge[i] = iommu_find_unit(f.iommu, bridges[i]);
		others.window[i] = iommu_find_unit(f.iommu, windows[i]);
		assert_true(others.bridge[i] != NULL && others.window[i] != NULL);
		others.of_bridge[i] = add(10 + i);
		others.of_window[i] = add(20 + i);
	}
}

static void end_with_others(void)
{
	for (unsigned int i = 0; i < BRIDGES; i++) {
		assert_int_equal(iommu_release_endpoint(others.of_bridge[i]), 0);
		assert_int_equal(iommu_release_endpoint(others.of_window[i]), 0);
	}
	end();
}

static struct iommu_domain *domain_of(struct iommu_unit *unit, enum iommu_domain_type type)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(unit, type, NULL, &domain), 0);
	return domain;
}

static void each_back_end_knows_its_own_units(void **state)
{
	struct iommu_opal_config bridge = bridge_of(1);
	struct iommu_papr_config window = window_of(1);

	(void)state;
	begin_with_others();
	assert_int_equal(iommu_opal_probe(f.iommu, &bridge), IOMMU_EEXIST);
	assert_int_equal(iommu_papr_probe(f.iommu, &window), IOMMU_EEXIST);
	/* The number of a second window counts, too; a window of its own does not. */
	window.window.liobn = 0x200;
	window.direct = (struct iommu_papr_window){
		.liobn = 0x100, .address = 1ULL << 40, .size = 1 << 24, .page_shift = 12};
	window.memory_end = 1 << 24;
	assert_int_equal(iommu_papr_probe(f.iommu, &window), IOMMU_EEXIST);
	assert_int_equal(iommu_opal_pe(others.of_bridge[0]), 1);
	assert_int_equal(iommu_opal_pe(others.of_window[0]), IOMMU_OPAL_NO_PE);
	assert_int_equal(iommu_opal_pe(f.endpoint[0]), IOMMU_OPAL_NO_PE);
	/* No memory comes or goes: windows alone would follow it, and they have none. */
	assert_int_equal(iommu_papr_add_memory(f.iommu, 0, 1 << 16), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	assert_false(iommu_unit_is_enabled(others.bridge[0]) ||
		     iommu_unit_is_enabled(others.window[0]));
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end_with_others();
}

static void vtd_refuses(struct iommu_unit *unit)
{
	struct iommu_vtd_info info = {.domains = 77};
	struct iommu_vtd_interrupt block;

	assert_int_equal(iommu_vtd_remove_unit(unit), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_fault_interrupt(unit, 0xfee00000, 0x41), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_mask_fault_interrupt(unit), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(unit, 0xfee00000, 0x41),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_mask_page_request_interrupt(unit), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_set_counter_interrupt(unit, 0xfee00000, 0x41), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_mask_counter_interrupt(unit), IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_get_info(unit, &info), IOMMU_EINVAL);
	assert_int_equal(info.domains, 77);
	assert_int_equal(iommu_vtd_interrupt_alloc(unit, 1, &block), IOMMU_EINVAL);
}

static void opal_refuses(struct iommu_unit *unit)
{
	struct iommu_opal_pe_config config = {.kind = IOMMU_OPAL_PE_BUS, .number = 7};
	uint32_t number = 99;

	assert_int_equal(iommu_opal_add_pe(unit, &config, &number), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_remove_pe(unit, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_get_pe(unit, 1, &config), IOMMU_EOPNOTSUPP);
	assert_true(number == 99 && config.number == 7);
	assert_int_equal(iommu_opal_link_pes(unit, 1, 2, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_unlink_pes(unit, 1, 2), IOMMU_EOPNOTSUPP);
}

static void units_of_others_are_refused(void **state)
{
	struct iommu_vtd_interrupt block;
	struct iommu_vtd_tables tables = {.root_table = 77};
	unsigned int calls;

	(void)state;
	begin_with_others();
	calls = others.calls;
	vtd_refuses(others.bridge[0]);
	vtd_refuses(others.window[0]);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(others.of_bridge[0], 1, &block),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(others.of_window[0], 1, &block),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_vtd_get_tables(others.of_bridge[0], &tables), IOMMU_EINVAL);
	assert_int_equal(tables.root_table, 77);
	opal_refuses(f.unit[0]);
	opal_refuses(others.window[0]);
	opal_refuses(
		others.bridge[0]); /* its host manages its PEs, and it recovers from no errors */
	assert_int_equal(iommu_papr_configure_pe(f.unit[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_papr_configure_pe(others.bridge[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_papr_configure_pe(others.window[0]), IOMMU_EOPNOTSUPP);
	assert_int_equal(others.calls, calls);
	end_with_others();
}

static void not_attached(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = iommu_endpoint_group(endpoint);

	assert_int_equal(iommu_domain_attach_group(domain, group), IOMMU_EINVAL);
	/* Nothing holds it: it is free to go. */
	assert_int_equal(iommu_domain_detach_group(group), 0);
}

static void no_parent_or_pasid(struct iommu_domain *parent, struct iommu_endpoint *endpoint)
{
	const struct iommu_domain_config nested = {.parent = parent};
	struct iommu_domain *domain = NULL;
	struct iommu_pasid_handle handle;

	assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(endpoint), IOMMU_DOMAIN_NESTED,
					    &nested, &domain),
			 IOMMU_EINVAL);
	assert_null(domain);
	assert_int_equal(
		iommu_domain_attach_pasid(parent, iommu_endpoint_group(endpoint), 1, &handle),
		IOMMU_EINVAL);
	assert_int_equal(iommu_domain_detach_pasid(iommu_endpoint_group(endpoint), 1),
			 IOMMU_ENOENT);
}

static void domains_stay_with_their_back_end(void **state)
{
	const struct iommu_domain_config config = {.stage = IOMMU_STAGE_SECOND,
						   .nest_parent = true};
	struct iommu_domain *parent = NULL;
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_BLOCKED};

	(void)state;
	begin_with_others();
	for (unsigned int i = 0; i < 2; i++) {
		struct iommu_domain *bridges = domain_of(others.bridge[0], types[i]);
		struct iommu_domain *windows = domain_of(others.window[0], types[i]);
		struct iommu_domain *vtd = domain_of(f.unit[0], types[i]);

		not_attached(bridges, others.of_bridge[1]);
		not_attached(bridges, others.of_window[0]);
		not_attached(bridges, f.endpoint[0]);
		not_attached(windows, others.of_window[1]);
		not_attached(windows, others.of_bridge[0]);
		not_attached(windows, f.endpoint[0]);
		not_attached(vtd, others.of_bridge[0]);
		not_attached(vtd, others.of_window[0]);
		assert_int_equal(iommu_domain_free(bridges), 0);
		assert_int_equal(iommu_domain_free(windows), 0);
		assert_int_equal(iommu_domain_free(vtd), 0);
	}
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &config, &parent), 0);
	no_parent_or_pasid(parent, others.of_bridge[0]);
	no_parent_or_pasid(parent, others.of_window[0]);
	assert_int_equal(iommu_domain_free(parent), 0);
	end_with_others();
}

/* A counter of one unit counts no domain of another back end's. */
static void counters_do_not_count_strangers(void **state)
{
	const struct iommu_opal_config bridge = bridge_of(0);
	struct iommu_counter_config counted = {.filters = IOMMU_COUNTER_OF_DOMAIN};
	struct iommu_domain *domain;
	unsigned int counter = 99;

	(void)state;
	begin_scalable(IOMMU_MODEL_VTD_COUNTERS);
	assert_int_equal(iommu_opal_probe(f.iommu, &bridge), 0);
	domain = domain_of(iommu_find_unit(f.iommu, "phb0"), IOMMU_DOMAIN_BLOCKED);
	counted.domain = domain;
	assert_int_equal(iommu_counter_alloc(f.unit[0], &counted, &counter), IOMMU_EINVAL);
	assert_int_equal(counter, 99);
	assert_non_null(strstr(iommu_reason(f.iommu), "back end"));
	assert_int_equal(iommu_domain_free(domain), 0);
	/* Its own, but no device of the unit has it. */
	domain = domain_of(f.unit[0], IOMMU_DOMAIN_PAGING);
	counted.domain = domain;
	assert_int_equal(iommu_counter_alloc(f.unit[0], &counted, &counter), IOMMU_EINVAL);
	assert_int_equal(counter, 99);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(firmwares_region_stays_reachable_through_bring_up),
		cmocka_unit_test(a_relaxable_region_can_be_given_up),
		cmocka_unit_test(a_region_that_is_taken_is_refused),
		cmocka_unit_test(a_region_comes_and_goes_with_its_device),
		cmocka_unit_test(bridges_to_isa_reach_low_memory),
		cmocka_unit_test(reserved_addresses_are_never_handed_out),
		cmocka_unit_test(identity_by_tables_follows_memory),
		cmocka_unit_test(memory_that_does_not_fit_changes_nothing),
		cmocka_unit_test(a_domain_becomes_what_all_its_units_can_do),
		cmocka_unit_test(a_shallow_table_serves_a_unit_that_knows_only_deeper_ones),
		cmocka_unit_test(a_unit_that_does_not_snoop_joins_late),
		cmocka_unit_test(protected_memory_is_opened),
		cmocka_unit_test(an_unconfirmed_domain_id_is_not_reused),
		cmocka_unit_test(an_unconfirmed_detach_still_counts),
		cmocka_unit_test(any_bytes_are_told_of),
		cmocka_unit_test(snooping_is_for_units_that_can),
		cmocka_unit_test(phantom_functions_share_their_devices_domain),
		cmocka_unit_test(devices_forget_what_is_unmapped),
		cmocka_unit_test(a_device_tlb_needs_leave),
		cmocka_unit_test(a_silent_device_is_blocked),
		cmocka_unit_test(a_device_that_is_lost_while_its_entry_is_stored),
		cmocka_unit_test(a_blocked_devices_translations_go_with_it),
		cmocka_unit_test(a_device_that_is_silent_on_its_way_is_blocked),
		cmocka_unit_test(a_device_in_reset_is_asked_nothing),
		cmocka_unit_test(a_reset_that_fails_has_not_happened),
		cmocka_unit_test(shared_ids_are_silent_with_all_their_users),
		cmocka_unit_test(every_address_leads_to_one_page),
		cmocka_unit_test(devices_are_quarantined_by_policy),
		cmocka_unit_test(regions_of_the_host_are_the_devices),
		cmocka_unit_test(default_domains_follow_the_policy),
		cmocka_unit_test(a_unit_that_was_left_on_gets_new_tables),
		cmocka_unit_test(dma_goes_on_while_a_dead_kernels_tables_are_taken_over),
		cmocka_unit_test(what_ends_an_inherited_device),
		cmocka_unit_test(what_is_not_claimed_is_kept_until_the_end),
		cmocka_unit_test(tables_of_the_dead_are_not_trusted),
		cmocka_unit_test(all_domain_ids_are_taken_over),
		cmocka_unit_test(everything_comes_back_after_a_suspend),
		cmocka_unit_test(shutdown_leaves_nothing_on),
		cmocka_unit_test(units_come_up_together_or_not_at_all),
		cmocka_unit_test(a_unit_without_devices_waits_for_one),
		cmocka_unit_test(graphics_can_be_left_alone),
		cmocka_unit_test(graphics_that_are_left_alone_need_no_mapping),
		cmocka_unit_test(units_are_added_and_removed),
		cmocka_unit_test(a_unit_that_comes_back_is_the_one_that_went),
		cmocka_unit_test(a_removal_that_failed_leaves_nothing_believed),
		cmocka_unit_test(a_unit_that_has_gone_is_not_enabled_already),
		cmocka_unit_test(a_blocked_member_gets_nothing_back),
		cmocka_unit_test(memory_stays_with_a_unit_that_remaps_interrupts),
		cmocka_unit_test(an_added_unit_joins_interrupt_remapping),
		cmocka_unit_test(facts_are_those_of_the_unit),
		cmocka_unit_test(a_name_that_is_not_given_is_none),
		cmocka_unit_test(interrupt_sources_and_named_devices_are_found),
		cmocka_unit_test(faults_go_to_their_endpoint_and_storms_are_bounded),
		cmocka_unit_test(segments_are_told_apart),
		cmocka_unit_test(requests_with_a_bridges_id_are_translated),
		cmocka_unit_test(interrupts_pass_only_as_they_were_set),
		cmocka_unit_test(the_source_of_an_interrupt_is_checked),
		cmocka_unit_test(a_device_sends_interrupts_by_all_its_ids),
		cmocka_unit_test(an_alias_that_becomes_a_device_sends_as_itself),
		cmocka_unit_test(io_apics_and_timers_send_as_the_table_says),
		cmocka_unit_test(targets_that_make_no_sense_are_refused),
		cmocka_unit_test(targets_arrive_as_they_were_set),
		cmocka_unit_test(tables_are_those_of_the_device),
		cmocka_unit_test(interrupts_are_posted),
		cmocka_unit_test(the_interrupt_table_runs_full_and_empties),
		cmocka_unit_test(remapping_needs_all_units_and_firmware),
		cmocka_unit_test(each_back_end_knows_its_own_units),
		cmocka_unit_test(units_of_others_are_refused),
		cmocka_unit_test(domains_stay_with_their_back_end),
		cmocka_unit_test(counters_do_not_count_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
