/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The example back end, above its imaginary hardware: what docs/backend.md says of it, through the
 * public interface, and the DMA mapping API over it.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "flat.h"
#include "flat_hardware.h"
#include "test.h"
#include "test_platform.h"

#define PAGE IOMMU_PAGE_SIZE
#define BASE 0x80000000ULL
#define RW   IOMMU_PROT_READ_WRITE

/* --- The host --------------------------------------------------------------------------------- */

static struct fixture {
	struct test_platform test;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_endpoint *endpoint[2];
	struct iommu_group *group[2];
	struct iommu_fault fault;
	unsigned int faults;
} f;

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	f.fault = *fault;
	f.faults++;
}

static void power_on(void)
{
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.test, 4 << 20, BASE);
	f.test.quiet = true;
	/* Without a clock time-outs are counted in polls. */
	f.test.platform.now_ns = NULL;
	flat_hardware_begin(&f.test.platform);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	iommu_set_fault_handler(f.iommu, on_fault, NULL);
}

static void begin(void)
{
	struct iommu_endpoint_info info = {.source_id = 0};
	unsigned int i;

	power_on();
	assert_int_equal(flat_probe(f.iommu, 0xfed00000), 0);
	f.unit = iommu_next_unit(f.iommu, NULL);
	for (i = 0; i < 2; i++) {
		info.source_id = (uint16_t)(3 + i);
		assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoint[i]), 0);
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
	}
	assert_int_equal(iommu_unit_enable(f.unit), 0);
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
		assert_int_equal(iommu_release_endpoint(f.endpoint[i]), 0);
	}
	assert_int_equal(iommu_destroy(f.iommu), 0);
	test_platform_destroy(&f.test);
}

static struct iommu_domain *domain_of(enum iommu_domain_type type)
{
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(f.unit, type, NULL, &domain), 0);
	return domain;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void devices_reach_what_is_mapped(void **state)
{
	struct iommu_domain *domain, *blocked;
	struct iommu_domain_info info;
	bool lost;

	(void)state;
	begin();
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	blocked = domain_of(IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(iommu_map(domain, 0x5000, 0x123000, 2 * PAGE, RW), 0);
	assert_int_equal(iommu_map(domain, 0x9000, 0x200000, PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(flat_hardware_reach(3, 0x5000, FLAT_READ), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(flat_hardware_reach(3, 0x6004, FLAT_WRITE), 0x124004);
	assert_int_equal(flat_hardware_reach(3, 0x9008, FLAT_READ), 0x200008);
	assert_int_equal(flat_hardware_reach(4, 0x5000, FLAT_READ), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_true(lost); /* the first and the last were one too many */
	assert_int_equal(flat_hardware_reach(3, 0x9008, FLAT_WRITE), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_false(lost);
	assert_ptr_equal(f.fault.endpoint, f.endpoint[0]);
	assert_int_equal(f.fault.address, 0x9000);
	assert_int_equal(f.fault.access, IOMMU_FAULT_WRITE);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(f.faults, 2);
	iommu_domain_get_info(domain, &info);
	assert_int_equal(info.table_pages, 2);

	assert_int_equal(iommu_unmap(domain, 0x5000, 2 * PAGE, 0, NULL), 0);
	assert_int_equal(flat_hardware_reach(3, 0x6004, FLAT_WRITE), 0);
	assert_int_equal(iommu_domain_attach_group(blocked, f.group[0]), 0);
	assert_int_equal(flat_hardware_reach(3, 0x9008, FLAT_READ), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(flat_hardware_reach(3, 0x9008, FLAT_READ), 0x200008);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(flat_hardware_reach(3, 0x9008, FLAT_READ), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	end();
}

static void requests_are_checked(void **state)
{
	const struct iommu_domain_config wide = {.address_width = 30};
	const struct iommu_domain_config large = {.pgsize_bitmap = IOMMU_SIZE_2M};
	const struct iommu_domain_config snoop = {.force_snoop = true};
	struct iommu_domain *domain;
	iommu_paddr_t paddr = 0;
	uint64_t unmapped;

	(void)state;
	begin();
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &wide, &domain),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &large, &domain),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, &snoop, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_IDENTITY, NULL, &domain),
			 IOMMU_EOPNOTSUPP);
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, 0x5000, 0x1000, 0, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, 0x5800, 0x1000, PAGE, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, 0x5000, 0x1800, PAGE, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, 0x5000, 0x1000, PAGE, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, 0x5000, 0x1000, PAGE, 1U << 30), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, 0x3ff000, 0x1000, 2 * PAGE, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_map(domain, 0x400000, 0x1000, PAGE, RW), IOMMU_ERANGE);
	assert_int_equal(iommu_map(domain, UINT64_MAX - 4095, 0, 2 * PAGE, RW), IOMMU_EOVERFLOW);
	assert_int_equal(iommu_map(domain, 0, UINT64_MAX - 4095, 2 * PAGE, RW), IOMMU_EOVERFLOW);
	assert_int_equal(iommu_map(domain, 0x3ff000, 0x1000, PAGE, RW), 0);
	/* All or nothing. */
	assert_int_equal(iommu_map(domain, 0x3fd000, 0x7000, 3 * PAGE, RW), IOMMU_EEXIST);
	assert_int_equal(iommu_iova_to_phys(domain, 0x3fd000, &paddr), IOMMU_ENOENT);
	assert_int_equal(iommu_iova_to_phys(domain, 0x3ff123, &paddr), 0);
	assert_int_equal(paddr, 0x1123);
	assert_int_equal(iommu_iova_to_phys(domain, 0x400000, &paddr), IOMMU_ERANGE);
	assert_int_equal(iommu_unmap(domain, 0x3fe000, 2 * PAGE, 0, &unmapped), 0);
	assert_int_equal(unmapped, PAGE);
	assert_int_equal(iommu_unmap(domain, 0x3fe000, 4 * PAGE, 0, &unmapped), IOMMU_ERANGE);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void what_is_not_confirmed_is_kept(void **state)
{
	struct iommu_domain *domain;
	struct iommu_domain_info info;
	size_t pages;

	(void)state;
	begin();
	pages = f.test.hosted.pages_in_use;
	domain = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(domain, 0x5000, 0x123000, PAGE, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(flat_hardware_reach(3, 0x5000, FLAT_READ), 0x123000);
	flat_hardware.hangs = true;
	assert_int_equal(iommu_unmap(domain, 0x5000, PAGE, 0, NULL), IOMMU_ETIMEDOUT);
	iommu_domain_get_info(domain, &info);
	assert_true(info.withheld);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_domain_free(domain), IOMMU_ETIMEDOUT);
	assert_true(f.test.hosted.pages_in_use > pages);
	flat_hardware.hangs = false;
	flat_hardware.busy = 0;
	flat_hardware.keeps_going = true;
	assert_int_equal(iommu_unit_disable(f.unit), IOMMU_ETIMEDOUT);
	assert_true(f.test.hosted.pages_in_use > pages);
	flat_hardware.keeps_going = false;
	assert_int_equal(iommu_unit_disable(f.unit), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(f.test.hosted.pages_in_use, pages);
	end();
}

static void an_attach_that_is_not_confirmed_is_undone(void **state)
{
	struct iommu_domain *first, *second;
	size_t pages;

	(void)state;
	begin();
	first = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(first, 0x5000, 0x123000, PAGE, RW), 0);
	assert_int_equal(iommu_domain_attach_group(first, f.group[0]), 0);
	pages = f.test.hosted.pages_in_use;
	second = domain_of(IOMMU_DOMAIN_PAGING);
	flat_hardware.hangs = true;
	assert_int_equal(iommu_domain_attach_group(second, f.group[0]), IOMMU_ETIMEDOUT);
	assert_ptr_equal(iommu_group_domain(f.group[0]), first);
	assert_int_equal(flat_hardware_reach(3, 0x5000, FLAT_READ), 0x123000);
	/* The hardware may have begun to walk the second. */
	assert_int_equal(iommu_domain_free(second), IOMMU_ETIMEDOUT);
	assert_true(f.test.hosted.pages_in_use > pages);
	/* An invalidation that comes through late covers nothing that came after it. */
	flat_hardware.hangs = false;
	flat_hardware.busy = 0;
	assert_int_equal(iommu_domain_free(second), 0);
	second = domain_of(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(second, f.group[0]), 0);
	assert_int_equal(flat_hardware_reach(3, 0x5000, FLAT_READ), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(second), 0);
	assert_int_equal(iommu_domain_free(first), 0);
	end();
}

static void failures_leave_nothing_behind(void **state)
{
	struct iommu_domain *domain;
	unsigned int nth;
	int status;

	(void)state;
	power_on();
	assert_int_equal(flat_probe(f.iommu, 0), IOMMU_EFAULT);
	f.test.fail_after = f.test.allocations + 1;
	assert_int_equal(flat_probe(f.iommu, 0xfed00000), IOMMU_ENOMEM);
	assert_null(iommu_next_unit(f.iommu, NULL));
	assert_int_equal(iommu_destroy(f.iommu), 0);
	test_platform_destroy(&f.test);

	begin();
	for (nth = 1, status = IOMMU_ENOMEM; status != 0; nth++) {
		const size_t pages = f.test.hosted.pages_in_use;

		f.test.fail_after = f.test.allocations + nth;
		status = iommu_domain_alloc(f.unit, IOMMU_DOMAIN_DMA, NULL, &domain);
		f.test.fail_after = 0;
		if (status != 0)
			assert_int_equal(f.test.hosted.pages_in_use, pages);
	}
	assert_true(nth > 3);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void drivers_map_through_it(void **state)
{
	const struct iommu_dma_device any = {.mask = 0};
	struct iommu_dma_config config = {.flags = 0};
	iommu_iova_t addresses[FLAT_ENTRIES];
	iommu_iova_t address;
	struct iommu_dma *dma;
	unsigned int count = 0;

	(void)state;
	begin();
	config.domain = domain_of(IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_domain_attach_group(config.domain, f.group[1]), 0);
	assert_int_equal(iommu_dma_create(&config, &dma), 0);
	assert_int_equal(iommu_dma_required_mask(dma), FLAT_ENTRIES * PAGE - 1);
	while (iommu_dma_map(dma, &any, 0x10000000 + count * 0x2010, PAGE - 16,
			     IOMMU_DMA_BIDIRECTIONAL, &address) == 0) {
		assert_int_equal(flat_hardware_reach(4, address, FLAT_WRITE),
				 0x10000000 + count * 0x2010);
		addresses[count++] = address;
	}
	/* Some buffers lie on two pages, all are below 4 MiB. */
	assert_true(count > FLAT_ENTRIES / 3 && count < FLAT_ENTRIES);
	while (count-- != 0) {
		assert_int_equal(iommu_dma_unmap(dma, addresses[count], PAGE - 16), 0);
		assert_int_equal(flat_hardware_reach(4, addresses[count], FLAT_WRITE), 0);
	}
	assert_int_equal(iommu_dma_destroy(dma), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	assert_int_equal(iommu_domain_free(config.domain), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_reach_what_is_mapped),
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(what_is_not_confirmed_is_kept),
		cmocka_unit_test(an_attach_that_is_not_confirmed_is_undone),
		cmocka_unit_test(failures_leave_nothing_behind),
		cmocka_unit_test(drivers_map_through_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
