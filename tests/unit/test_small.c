/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest library, compiled for size: VT-d in legacy mode and the DMA mapping API, with all
 * options of <libiommu/config.h> off that scripts/sizes has off, over the model of a unit that is
 * compiled with the same options. What is left works, and what is left out is refused: no device
 * reaches what it was not given.
 */
#include <string.h>

#include <libiommu/dma.h>
#include <libiommu/iommu.h>

#include "model_machine.h"
#include "test.h"

#define PAGE     IOMMU_PAGE_SIZE
#define QUICK_NS 2000000
#define BOTH     IOMMU_DMA_BIDIRECTIONAL

_Static_assert(!IOMMU_CONFIG_SCALABLE && !IOMMU_CONFIG_REGIONS && !IOMMU_CONFIG_DMA_BOUNCE &&
		       !IOMMU_CONFIG_IOVA_CACHES,
	       "test and machine are compiled with the library's options");
#ifndef __OPTIMIZE_SIZE__
#error "compiled for size the library has other loops, and one copy of what else is in line"
#endif

struct fixture {
	struct model_machine machine;
	struct iommu *iommu;
	struct model_device *device;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	unsigned int faults;
	iommu_iova_t fault_address;
	uint16_t fault_source;
};

static struct fixture f;

static const struct iommu_model_vtd_config plain = {.address_mask = 9};
static const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
static const struct iommu_model_vtd_faults well;
static const struct iommu_dma_device any;
static const struct iommu_dma_device untrusted = {.untrusted = true};

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	f.faults++;
	f.fault_address = fault->address;
	f.fault_source = fault->source_id;
}

static void start_machine(const struct iommu_model_vtd_config *config)
{
	memset(&f, 0, sizeof(f));
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	model_machine_add_unit(&f.machine, config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
}

static void probe(enum iommu_domain_type default_type)
{
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_endpoint_info info = {.source_id = 0x20};

	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	iommu_set_fault_handler(f.iommu, on_fault, NULL);
	assert_int_equal(iommu_set_default_type(f.iommu, default_type), 0);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoint), 0);
	f.group = iommu_endpoint_group(f.endpoint);
}

static void begin(enum iommu_domain_type default_type)
{
	start_machine(&plain);
	model_machine_make_dmar(&f.machine);
	probe(default_type);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
}

static void end(void)
{
	assert_int_equal(iommu_release_endpoint(f.endpoint), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	model_machine_destroy(&f.machine);
}

static struct iommu_unit *first_unit(void)
{
	return iommu_next_unit(f.iommu, NULL);
}

static struct iommu_domain *paging_domain(void)
{
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(first_unit(), IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	return domain;
}

static bool reaches(iommu_iova_t iova, iommu_paddr_t paddr)
{
	iommu_paddr_t to = 0;

	return model_device_access(f.device, iova, IOMMU_PROT_WRITE, &to) == 0 && to == paddr;
}

/* It faults, and the host is told of just that. */
static bool is_kept_out(iommu_iova_t iova)
{
	const unsigned int before = f.faults;
	iommu_paddr_t to;

	if (model_device_access(f.device, iova, IOMMU_PROT_WRITE, &to) == 0)
		return false;
	assert_int_equal(iommu_unit_handle_faults(first_unit(), NULL), 1);
	return f.faults == before + 1 && f.fault_address == (iova & ~(PAGE - 1)) &&
	       f.fault_source == f.device->source_id;
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void a_device_reaches_what_is_mapped_and_nothing_else(void **state)
{
	iommu_paddr_t memory, found;
	struct iommu_domain *domain;

	(void)state;
	begin(IOMMU_DOMAIN_BLOCKED);
	memory = model_machine_take(&f.machine, 8);
	assert_true(is_kept_out(0x1000));
	domain = paging_domain();
	assert_int_equal(iommu_domain_attach_group(domain, f.group), 0);
	assert_int_equal(iommu_map(domain, 0x7000, memory, 8 * PAGE, IOMMU_PROT_READ_WRITE), 0);
	assert_true(reaches(0x7000, memory) && reaches(0xe008, memory + 7 * PAGE + 8));
	assert_true(is_kept_out(0x6000) && is_kept_out(0xf000));
	assert_int_equal(iommu_iova_to_phys(domain, 0x9010, &found), 0);
	assert_int_equal(found, memory + 2 * PAGE + 0x10);
	assert_int_equal(iommu_map(domain, 0xa000, memory, PAGE, IOMMU_PROT_READ), IOMMU_EEXIST);
	assert_int_equal(iommu_unmap(domain, 0x8000, 6 * PAGE, 0, NULL), 0);
	assert_true(reaches(0x7000, memory) && reaches(0xe000, memory + 7 * PAGE));
	assert_true(is_kept_out(0x8000) && is_kept_out(0xd000));
	assert_int_equal(iommu_domain_detach_group(f.group), 0);
	assert_true(is_kept_out(0x7000));
	assert_int_equal(iommu_domain_free(domain), 0);
	model_machine_give(&f.machine, memory, 8);
	end();
}

static void a_large_page_is_split_and_the_rest_of_it_stays(void **state)
{
	const uint64_t large = IOMMU_SIZE_2M;
	struct iommu_domain *domain;
	iommu_paddr_t memory;
	uint64_t unmapped;

	(void)state;
	begin(IOMMU_DOMAIN_BLOCKED);
	memory = model_machine_take(&f.machine, 512);
	domain = paging_domain();
	assert_int_equal(iommu_domain_attach_group(domain, f.group), 0);
	assert_int_equal(iommu_map(domain, large, memory, large, IOMMU_PROT_READ_WRITE), 0);
	assert_true(reaches(2 * large - PAGE, memory + large - PAGE));
	assert_int_equal(iommu_unmap(domain, large + PAGE, 3 * PAGE, 0, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_unmap(domain, large + PAGE, 3 * PAGE, IOMMU_UNMAP_SPLIT, &unmapped),
			 0);
	assert_int_equal(unmapped, 3 * PAGE);
	assert_true(reaches(large, memory) && reaches(large + 4 * PAGE, memory + 4 * PAGE));
	assert_true(is_kept_out(large + PAGE) && is_kept_out(large + 3 * PAGE));
	assert_int_equal(iommu_domain_detach_group(f.group), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	model_machine_give(&f.machine, memory, 512);
	end();
}

/* What hardware did not confirm is an error, until it has. */
static void an_unmap_that_is_not_confirmed_says_so(void **state)
{
	struct iommu_domain *domain;
	iommu_paddr_t memory;

	(void)state;
	begin(IOMMU_DOMAIN_BLOCKED);
	memory = model_machine_take(&f.machine, 1);
	domain = paging_domain();
	assert_int_equal(iommu_domain_attach_group(domain, f.group), 0);
	assert_int_equal(iommu_map(domain, 0x7000, memory, PAGE, IOMMU_PROT_READ_WRITE), 0);
	assert_true(reaches(0x7000, memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_unmap(domain, 0x7000, PAGE, 0, NULL), IOMMU_ETIMEDOUT);
	assert_true(reaches(0x7000, memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_domain_detach_group(f.group), 0);
	assert_true(is_kept_out(0x7000));
	assert_int_equal(iommu_domain_free(domain), 0);
	model_machine_give(&f.machine, memory, 1);
	end();
}

static void functions_that_reach_each_other_share_a_group(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = 0x20, .type = IOMMU_PCI_ENDPOINT, .flags = IOMMU_PCI_MULTIFUNCTION},
		{.devfn = 0x21, .type = IOMMU_PCI_ENDPOINT, .flags = IOMMU_PCI_MULTIFUNCTION},
	};
	const struct iommu_pci_topology topology = {functions, 2};
	const struct iommu_endpoint_info info = {.source_id = 0x21};
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_endpoint_info first = {.source_id = 0x20};
	struct iommu_endpoint *other;

	(void)state;
	start_machine(&plain);
	model_machine_make_dmar(&f.machine);
	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &first, &f.endpoint), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &other), 0);
	assert_ptr_equal(iommu_endpoint_group(other), iommu_endpoint_group(f.endpoint));
	/* It has no name of its own, and none is made up. */
	assert_string_equal(iommu_endpoint_name(other), "");
	assert_int_equal(iommu_release_endpoint(other), 0);
	end();
}

/* --- The DMA mapping API ---------------------------------------------------------------------- */

static void a_buffer_is_the_devices_until_it_is_unmapped(void **state)
{
	const struct iommu_dma_device narrow = {.mask = UINT32_MAX, .boundary = 0x10000};
	const struct iommu_dma_device few = {.mask = 0x1ffff};
	iommu_iova_t address, more[40];
	struct iommu_dma *dma;
	iommu_paddr_t memory;
	unsigned int i;

	(void)state;
	begin(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_dma_of(f.endpoint, &dma), 0);
	memory = model_machine_take(&f.machine, 64);
	assert_int_equal(iommu_dma_map(dma, &any, memory + 0x123, 3 * PAGE, BOTH, &address), 0);
	assert_true(reaches(address, memory + 0x123) &&
		    reaches(address + 3 * PAGE - 1, memory + 0x123 + 3 * PAGE - 1));
	iommu_dma_sync_for_cpu(dma, address, PAGE);
	iommu_dma_sync_for_device(dma, address, PAGE);
	assert_int_equal(iommu_dma_unmap(dma, address, 3 * PAGE), 0);
	assert_true(is_kept_out(address));
	assert_int_equal(iommu_dma_unmap(dma, address, 3 * PAGE), IOMMU_ENOENT);
	/* Of all sizes at once, each in one piece below the mask. */
	for (i = 0; i < 40; i++) {
		assert_int_equal(
			iommu_dma_map(dma, &narrow, memory, (i + 1) * PAGE, BOTH, &more[i]), 0);
		assert_true(more[i] + (i + 1) * PAGE - 1 <= UINT32_MAX);
		assert_true(reaches(more[i] + i * PAGE, memory + i * PAGE));
	}
	for (i = 0; i < 40; i++)
		assert_int_equal(iommu_dma_unmap(dma, more[i], (i + 1) * PAGE), 0);
	for (i = 0; i < 40; i++)
		assert_true(is_kept_out(more[i]));
	/* All of its addresses go back: there are few below the mask. */
	for (i = 0; i < 100; i++) {
		assert_int_equal(iommu_dma_map(dma, &few, memory, 3 * PAGE, BOTH, &address), 0);
		assert_int_equal(iommu_dma_unmap(dma, address, 3 * PAGE), 0);
	}
	model_machine_give(&f.machine, memory, 64);
	iommu_unuse_default_domain(f.endpoint);
	end();
}

static void shared_memory_is_one_block(void **state)
{
	struct iommu_dma *dma;
	iommu_iova_t address;
	iommu_paddr_t paddr;
	void *memory;

	(void)state;
	begin(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_dma_of(f.endpoint, &dma), 0);
	assert_int_equal(iommu_dma_alloc(dma, &any, 5 * PAGE, &memory, &address), 0);
	paddr = iommu_virt_to_phys(&f.machine.platform, memory);
	model_machine_mark(&f.machine, paddr, 8, PAGE_DEVICE);
	memset(f.device->buffer, 0x5a, 16);
	model_device_write(f.device, address + 4 * PAGE, 16);
	assert_int_equal(((unsigned char *)memory)[4 * PAGE + 15], 0x5a);
	model_machine_mark(&f.machine, paddr, 8, PAGE_TABLE);
	assert_int_equal(iommu_dma_free(dma, memory, address, 5 * PAGE), 0);
	assert_true(is_kept_out(address));
	/* In pieces, or without an address for the CPU, there is none. */
	assert_int_equal(iommu_dma_alloc(dma, &any, PAGE, NULL, &address), IOMMU_EOPNOTSUPP);
	iommu_unuse_default_domain(f.endpoint);
	end();
}

static void an_address_that_is_not_confirmed_is_no_other_buffers(void **state)
{
	iommu_iova_t address, others[64];
	struct iommu_dma_stats stats;
	struct iommu_dma *dma;
	iommu_paddr_t memory;
	unsigned int i;

	(void)state;
	begin(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_dma_of(f.endpoint, &dma), 0);
	memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_dma_map(dma, &any, memory, PAGE, BOTH, &address), 0);
	assert_true(reaches(address, memory));
	iommu_model_vtd_misbehave(f.machine.units[0], &hang);
	assert_int_equal(iommu_dma_unmap(dma, address, PAGE), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	iommu_dma_get_stats(dma, &stats);
	assert_int_equal(stats.withheld, 1);
	assert_int_equal(iommu_dma_map(dma, &any, memory, PAGE, BOTH, &others[0]), 0);
	assert_int_not_equal(others[0], address);
	assert_int_equal(iommu_dma_tick(dma), 0);
	assert_true(is_kept_out(address));
	for (i = 1; i < 64; i++)
		assert_int_equal(iommu_dma_map(dma, &any, memory, PAGE, BOTH, &others[i]), 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(iommu_dma_unmap(dma, others[i], PAGE), 0);
	model_machine_give(&f.machine, memory, 1);
	iommu_unuse_default_domain(f.endpoint);
	end();
}

/* --- What is left out ------------------------------------------------------------------------- */

static void an_untrusted_buffer_is_refused_that_would_have_to_be_bounced(void **state)
{
	struct iommu_dma *dma;
	iommu_iova_t address;
	iommu_paddr_t memory;

	(void)state;
	begin(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_dma_of(f.endpoint, &dma), 0);
	memory = model_machine_take(&f.machine, 2);
	assert_int_equal(iommu_dma_map(dma, &untrusted, memory, 100, BOTH, &address),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map(dma, &untrusted, memory + 8, PAGE, BOTH, &address),
			 IOMMU_EOPNOTSUPP);
	/* One that fills its pages is not bounced. */
	assert_int_equal(iommu_dma_map(dma, &untrusted, memory, 2 * PAGE, BOTH, &address), 0);
	assert_true(reaches(address + PAGE, memory + PAGE));
	assert_int_equal(iommu_dma_unmap(dma, address, 2 * PAGE), 0);
	model_machine_give(&f.machine, memory, 2);
	iommu_unuse_default_domain(f.endpoint);
	end();
}

static void types_of_domains_that_are_left_out_are_refused(void **state)
{
	struct iommu_dma_config config = {.flags = IOMMU_DMA_LAZY};
	struct iommu_domain *domain;
	struct iommu_dma *dma;

	(void)state;
	begin(IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(iommu_domain_alloc(first_unit(), IOMMU_DOMAIN_DMA_LAZY, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_alloc(first_unit(), IOMMU_DOMAIN_DMA_BYPASS, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA_LAZY), IOMMU_EINVAL);
	/* The unit passes nothing through, and no memory is mapped to itself. */
	assert_int_equal(iommu_domain_alloc(first_unit(), IOMMU_DOMAIN_IDENTITY, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_alloc(first_unit(), IOMMU_DOMAIN_DMA, NULL, &config.domain),
			 0);
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(config.domain), 0);
	assert_string_equal(iommu_reason(f.iommu), "");
	end();
}

static void an_identity_domain_has_no_handle(void **state)
{
	static const struct iommu_model_vtd_config passes = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH};
	struct iommu_dma_config config = {.flags = 0};
	struct iommu_dma *dma;

	(void)state;
	start_machine(&passes);
	model_machine_make_dmar(&f.machine);
	probe(IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(
		iommu_domain_alloc(first_unit(), IOMMU_DOMAIN_IDENTITY, NULL, &config.domain), 0);
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_free(config.domain), 0);
	end();
}

/* Firmware's claim for the device is refused: it reaches nothing there, whatever it uses. */
static void what_firmware_claims_is_out_of_reach(void **state)
{
	const struct iommu_pci_hop hop = {4, 0};
	struct iommu_dmar_builder builder;
	struct iommu_region region;
	unsigned int cursor = 0;
	iommu_paddr_t claimed;

	(void)state;
	start_machine(&plain);
	claimed = model_machine_take(&f.machine, 1);
	iommu_dmar_begin(&builder, f.machine.dmar, sizeof(f.machine.dmar), 46, 0);
	iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(0), PAGE, true);
	iommu_dmar_add_region(&builder, 0, claimed, claimed + PAGE - 1);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
	f.machine.dmar_size = (size_t)iommu_dmar_finish(&builder, "TEST", "SMALL");
	probe(IOMMU_DOMAIN_BLOCKED);
	assert_true(iommu_endpoint_next_region(f.endpoint, &cursor, &region));
	assert_int_equal(region.type, IOMMU_REGION_MSI);
	assert_false(iommu_endpoint_next_region(f.endpoint, &cursor, &region));
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(is_kept_out(claimed));
	model_machine_give(&f.machine, claimed, 1);
	end();
}

/*
 * A domain is as the unit made it; one that can do less is not given it, and its device stays
 * blocked.
 */
static void a_domain_does_not_change_for_an_unlike_unit(void **state)
{
	static const struct iommu_model_vtd_config wide = {.address_width = 48};
	static const struct iommu_model_vtd_config narrow = {.address_width = 39};
	/*
	 * Of the device's unit, which cannot do something; and of the one that the domain is made
	 * for.
	 */
	static const struct {
		struct iommu_model_vtd_config own;
		const struct iommu_model_vtd_config *other;
	} unlike[] = {
		{{.address_width = 40, .levels = 1 << 4}, &wide},
		{{.address_width = 39, .levels = 1 << 4}, &narrow},
		{{.pgsize_bitmap = IOMMU_SIZE_4K}, &wide},
		{{.flags = IOMMU_MODEL_VTD_NONCOHERENT}, &wide},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(unlike) / sizeof(unlike[0]); i++) {
		struct iommu_domain *domain;
		struct iommu_unit *second;

		start_machine(&unlike[i].own);
		model_machine_add_unit(&f.machine, unlike[i].other);
		model_machine_make_dmar(&f.machine);
		probe(IOMMU_DOMAIN_BLOCKED);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		second = iommu_next_unit(f.iommu, first_unit());
		assert_int_equal(iommu_domain_alloc(second, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
		assert_int_equal(iommu_map(domain, 0x7000, 0x20000000, PAGE, IOMMU_PROT_READ), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group), IOMMU_EINVAL);
		assert_true(is_kept_out(0x7000));
		assert_int_equal(iommu_domain_free(domain), 0);
		/* One of its own serves it. */
		domain = paging_domain();
		assert_int_equal(iommu_domain_attach_group(domain, f.group), 0);
		assert_int_equal(iommu_domain_detach_group(f.group), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_reaches_what_is_mapped_and_nothing_else),
		cmocka_unit_test(a_large_page_is_split_and_the_rest_of_it_stays),
		cmocka_unit_test(an_unmap_that_is_not_confirmed_says_so),
		cmocka_unit_test(functions_that_reach_each_other_share_a_group),
		cmocka_unit_test(a_buffer_is_the_devices_until_it_is_unmapped),
		cmocka_unit_test(shared_memory_is_one_block),
		cmocka_unit_test(an_address_that_is_not_confirmed_is_no_other_buffers),
		cmocka_unit_test(an_untrusted_buffer_is_refused_that_would_have_to_be_bounced),
		cmocka_unit_test(types_of_domains_that_are_left_out_are_refused),
		cmocka_unit_test(an_identity_domain_has_no_handle),
		cmocka_unit_test(what_firmware_claims_is_out_of_reach),
		cmocka_unit_test(a_domain_does_not_change_for_an_unlike_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
