/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments at the edge of what calls take: permissions that an area does not have, bitmaps that do
 * not fit, backings that cannot answer, codes that are none, files without devices; groups without
 * members. Each is refused with its status, and what was mapped is as before.
 */
#include <string.h>

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/vfio.h>

#include "ioas_fixture.h"
#include "test.h"

#define PAGE IOMMU_PAGE_SIZE

static int setup(void **state)
{
	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	finish();
	return 0;
}

/* --- Software --------------------------------------------------------------------------------- */

static void unpin_nothing(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	(void)iova;
	(void)size;
}

static void software_has_the_permissions_of_an_area(void **state)
{
	const struct iommu_backing backing = test_memory_at(&memory, 0);
	iommu_iova_t iova = IOVA;
	iommu_paddr_t pages[2];
	uint64_t size;
	uint32_t access;
	char byte = 0;

	(void)state;
	assert_int_equal(iommu_access_alloc(ctx, unpin_nothing, NULL, &access), 0);
	assert_int_equal(iommu_access_get_paddr(ctx, access, IOVA, pages, &size), IOMMU_EINVAL);
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 2 * PAGE,
					IOMMU_IOAS_FIXED | IOMMU_IOAS_READ, &iova),
			 0);
	assert_int_equal(iommu_access_pin(ctx, access, IOVA, 2 * PAGE, IOMMU_PROT_WRITE, pages),
			 IOMMU_EPERM);
	assert_int_equal(iommu_access_pin(ctx, access, IOVA, 2 * PAGE, RW, pages), IOMMU_EPERM);
	assert_int_equal(iommu_access_rw(ctx, access, IOVA, &byte, 1, true), IOMMU_EPERM);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_access_pin(ctx, access, IOVA, 2 * PAGE, IOMMU_PROT_READ, pages), 0);
	assert_int_equal(pages[1], test_memory_paddr(&memory, PAGE));
	assert_int_equal(iommu_access_unpin(ctx, access, IOVA, 2 * PAGE), 0);
	/* Without the addresses of the pages: only held. */
	assert_int_equal(iommu_access_pin(ctx, access, IOVA, PAGE, IOMMU_PROT_READ, NULL), 0);
	assert_int_equal(iommu_access_unpin(ctx, access, IOVA, PAGE), 0);
	assert_int_equal(unmap(IOVA, 2 * PAGE), 0);
	assert_int_equal(iommu_object_destroy(ctx, access), 0);
}

static void wait_for_the_owner(void *context, iommu_iova_t iova, uint64_t size)
{
	const uint32_t *access = context;

	assert_int_equal(iommu_access_unpin(ctx, *access, iova, size), 0);
}

/* Software without a callback never pins; nothing is told to it. */
static void accesses_without_a_callback_are_not_asked(void **state)
{
	iommu_paddr_t page;
	uint32_t deaf, hears;

	(void)state;
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &deaf), 0);
	assert_int_equal(iommu_access_alloc(ctx, wait_for_the_owner, &hears, &hears), 0);
	assert_int_equal(iommu_access_attach(ctx, deaf, ioas), 0);
	assert_int_equal(iommu_access_attach(ctx, hears, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, PAGE), 0);
	assert_int_equal(iommu_access_pin(ctx, hears, IOVA, PAGE, RW, &page), 0);
	assert_int_equal(unmap(IOVA, PAGE), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_object_destroy(ctx, deaf), 0);
	assert_int_equal(iommu_object_destroy(ctx, hears), 0);
}

/* --- Backings --------------------------------------------------------------------------------- */

static struct iommu_map_piece told;

static int tell(void *context, uint64_t address, uint64_t size, unsigned int prot,
		struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)context;
	(void)address;
	(void)size;
	(void)prot;
	*count = told.paddr == 1 ? room + 1 : 1;
	pieces[0] = told;
	return 0;
}

static void unpin_told(void *context, uint64_t address, const struct iommu_map_piece *pieces,
		       unsigned int count, unsigned int prot)
{
	(void)context;
	(void)address;
	(void)pieces;
	(void)count;
	(void)prot;
}

/* What is no memory of whole pages is not mapped. */
static void backings_are_not_believed(void **state)
{
	static const struct iommu_map_piece lies[] = {
		{1, PAGE},               /* more pieces than there is room for */
		{0x10000, 0},            /* nothing */
		{0x10000, 2 * PAGE + 1}, /* more than was asked for */
		{0x10000, 100},
		{0x10010, PAGE},
		{UINT64_MAX - 100, PAGE},
	};
	const struct iommu_backing_ops ops = {.pin = tell, .unpin = unpin_told};
	const struct iommu_backing_ops half = {.pin = tell};
	struct iommu_backing backing = {&ops, &told, 0x10000};
	struct iommu_backing_ops none = {.unpin = unpin_told};
	iommu_iova_t iova = IOVA;

	(void)state;
	assert_int_equal(attach(0, ioas), 0);
	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		told = lies[i];
		assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 2 * PAGE, FIXED, &iova),
				 IOMMU_EFAULT);
		assert_true(is_blocked(0, IOVA));
	}
	backing.ops = &half;
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, PAGE, FIXED, &iova), IOMMU_EINVAL);
	backing.ops = &none;
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, PAGE, FIXED, &iova), IOMMU_EINVAL);
	backing.ops = NULL;
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, PAGE, FIXED, &iova), IOMMU_EINVAL);
	assert_int_equal(detach(0), 0);
}

/* --- Containers ------------------------------------------------------------------------------- */

static struct iommu_container *container;

static int read_with(uint64_t start, uint64_t bits, unsigned int shift, iommu_iova_t iova,
		     uint64_t size)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = start, .bits = bits, .page_shift = shift};

	return iommu_container_read_dirty(container, iova, size, &bitmap);
}

static void containers_check_their_ranges(void **state)
{
	struct iommu_backing backing = test_memory_at(&memory, 0);
	struct iommu_backing other = test_memory_at(&memory, 4 * PAGE);
	iommu_paddr_t paddr;
	uint64_t size;

	(void)state;
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	assert_int_equal(iommu_container_map(container, IOVA, 4 * PAGE, RW, &backing), 0);
	assert_int_equal(iommu_container_set_dirty(container, true), 0);
	assert_int_equal(read_with(IOVA, 64, 11, IOVA, 4 * PAGE), IOMMU_EINVAL);
	assert_int_equal(read_with(IOVA, 64, 64, IOVA, 4 * PAGE), IOMMU_EINVAL);
	assert_int_equal(read_with(IOVA, 64, 12, IOVA, 0), IOMMU_EINVAL);
	assert_int_equal(read_with(IOVA, 64, 16, IOVA, 4 * PAGE), IOMMU_EINVAL);
	assert_int_equal(read_with(IOVA + PAGE, 64, 12, IOVA, 4 * PAGE), IOMMU_EINVAL);
	assert_int_equal(read_with(IOVA, 3, 12, IOVA, 4 * PAGE), IOMMU_EINVAL);
	assert_int_equal(read_with(IOVA, 64, 12, UINT64_MAX - PAGE + 1, 2 * PAGE), IOMMU_EOVERFLOW);
	assert_int_equal(read_with(IOVA, 64, 12, IOVA, 4 * PAGE), 0);
	assert_int_equal(iommu_container_set_dirty(container, false), 0);
	assert_int_equal(iommu_container_get_paddr(container, IOVA, &paddr, &size),
			 IOMMU_EOPNOTSUPP);
	/* Where the owner sees its memory. */
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 0, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 100, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 0ULL - IOVA + PAGE, NULL),
			 IOMMU_EOVERFLOW);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA + PAGE, PAGE, NULL),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 4 * PAGE, NULL), 0);
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 4 * PAGE, &other),
			 IOMMU_EINVAL);
	backing.address = UINT64_MAX - PAGE + 1;
	assert_int_not_equal(iommu_container_map_vaddr(container, IOVA, 4 * PAGE, &backing), 0);
	backing = test_memory_at(&memory, 0);
	assert_int_not_equal(iommu_container_map_vaddr(container, IOVA, 2 * PAGE, &backing), 0);
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 4 * PAGE, &backing), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
}

/* Everything is address 0 and the largest size; neither alone is. */
static void all_of_a_container_is_said_by_both(void **state)
{
	const struct iommu_backing backing = test_memory_at(&memory, 0);
	uint64_t bytes = 1;

	(void)state;
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	assert_int_equal(iommu_container_map(container, IOVA, 4 * PAGE, RW, &backing), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, IOVA, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, 0, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, 100, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, PAGE, UINT64_MAX, NULL),
			 IOMMU_EINVAL);
	/* What it is of was not unmapped so. */
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 4 * PAGE, &backing),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, &bytes), 0);
	assert_int_equal(bytes, 4 * PAGE);
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 4 * PAGE, &backing), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
}

/* --- Guests ----------------------------------------------------------------------------------- */

static void guests_say_where_their_tables_are(void **state)
{
	const struct iommu_vtd_first_stage stage = {.table = IOVA, .levels = 4};
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT};
	struct iommu_hwpt_config config = {.user_data = NULL, .user_size = sizeof(stage)};
	uint32_t below, hwpt, queue;

	(void)state;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &below), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], below, &config, &hwpt), IOMMU_EINVAL);
	config.user_data = &stage;
	config.user_size = 0;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], below, &config, &hwpt), IOMMU_EINVAL);
	config.user_size = sizeof(stage);
	config.user_type = (enum iommu_hardware_type)99;
	assert_int_not_equal(iommu_hwpt_alloc(ctx, device[0], below, &config, &hwpt), 0);
	config.user_type = IOMMU_HARDWARE_NONE;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], below, &config, &hwpt), 0);
	assert_int_equal(iommu_object_destroy(ctx, hwpt), 0);
	assert_int_equal(iommu_object_destroy(ctx, below), 0);
	/* Nothing waits for these answers. */
	assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &queue), 0);
	assert_int_equal(iommu_fault_respond(ctx, queue, 1, IOMMU_PAGE_SUCCESS), IOMMU_ENOENT);
	assert_int_equal(iommu_fault_respond(ctx, queue, 1, IOMMU_PAGE_INVALID), IOMMU_ENOENT);
	assert_int_equal(iommu_fault_respond(ctx, queue, 1, IOMMU_PAGE_FAILURE), IOMMU_ENOENT);
	assert_int_equal(iommu_object_destroy(ctx, queue), 0);
}

/* --- Groups and endpoints --------------------------------------------------------------------- */

static int never_alloc(void *context, uint32_t first, uint32_t last, uint32_t *pasid)
{
	(void)context;
	(void)first;
	(void)last;
	(void)pasid;
	return IOMMU_ENOSPC;
}

static void groups_without_members_do_nothing(void **state)
{
	const struct iommu_page_response response = {.code = IOMMU_PAGE_SUCCESS};
	const struct iommu_pasid_source half = {.alloc = never_alloc};
	const struct iommu_pasid_source other_half = {.alloc = NULL};
	struct iommu_group *group = f.group[1];

	(void)state;
	assert_int_equal(iommu_page_respond(f.endpoint[1], &response), IOMMU_ENOENT);
	iommu_endpoint_tick_page_requests(f.endpoint[1], 1);
	assert_int_not_equal(iommu_endpoint_enable_feature(f.endpoint[1], (enum iommu_feature)64),
			     0);
	assert_int_not_equal(iommu_endpoint_disable_feature(f.endpoint[1], (enum iommu_feature)64),
			     0);
	assert_int_equal(iommu_endpoint_features(f.endpoint[1]), 0);
	assert_int_equal(iommu_set_pasid_source(f.iommu, &half), IOMMU_EINVAL);
	assert_int_equal(iommu_set_pasid_source(f.iommu, &other_half), IOMMU_EINVAL);
	iommu_group_hold(group);
	assert_int_equal(iommu_device_unbind(ctx, device[1]), 0);
	assert_int_equal(iommu_release_endpoint(f.endpoint[1]), 0);
	f.endpoint[1] = NULL;
	assert_int_equal(iommu_group_size(group), 0);
	assert_int_equal(iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA), IOMMU_EINVAL);
	iommu_group_drop(group);
}

/* What has no tables of the library takes no mapping, in any way. */
static void domains_without_tables_take_no_mapping(void **state)
{
	struct iommu_domain *domain;
	struct iommu_gather gather;
	uint64_t unmapped;

	(void)state;
	domain = domain_of_type(IOMMU_DOMAIN_BLOCKED);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_map_nosync(domain, IOVA, 0x10000, PAGE, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_map(domain, IOVA, 0x10000, PAGE, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_unmap_gather(domain, IOVA, PAGE, 0, &gather, &unmapped),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void domains_keep_an_instance(void **state)
{
	struct iommu_domain *domain = domain_of_type(IOMMU_DOMAIN_PAGING);

	(void)state;
	assert_int_equal(iommu_file_destroy(ctx), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(iommu_release_endpoint(f.endpoint[i]), 0);
		f.endpoint[i] = NULL;
	}
	assert_int_equal(iommu_destroy(f.iommu), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(software_has_the_permissions_of_an_area),
		WITH_FILE(accesses_without_a_callback_are_not_asked),
		WITH_FILE(backings_are_not_believed),
		WITH_FILE(containers_check_their_ranges),
		WITH_FILE(all_of_a_container_is_said_by_both),
		WITH_FILE(guests_say_where_their_tables_are),
		WITH_FILE(groups_without_members_do_nothing),
		WITH_FILE(domains_without_tables_take_no_mapping),
		WITH_FILE(domains_keep_an_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
