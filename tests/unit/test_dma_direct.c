/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA mapping without translation: over the VT-d driver and the model with an identity as the
 * default domain, with the unit off, and with a group that is to reach nothing; memory beyond the
 * address bits of a device; and the same through a bypass, which is at an offset.
 */
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>

#include "model_machine.h"
#include "test.h"
#include "test_platform.h"

#define PAGE IOMMU_PAGE_SIZE
#define BOTH IOMMU_DMA_BIDIRECTIONAL
#define MOST (PAGE << IOMMU_MAX_ALLOC_ORDER)

static const struct iommu_dma_device any;
static const struct iommu_dma_device untrusted = {.untrusted = true};

/* --- Over a unit ------------------------------------------------------------------------------ */

struct fixture {
	struct model_machine machine;
	struct iommu *iommu;
	struct model_device *device;
	struct iommu_endpoint *endpoint;
	struct iommu_dma *dma;
	iommu_paddr_t memory;
};

static struct fixture f;

static void begin(enum iommu_domain_type type, bool pass_through)
{
	const struct iommu_model_vtd_config config = {
		.address_mask = 9, .flags = pass_through ? IOMMU_MODEL_VTD_PASS_THROUGH : 0U};
	const struct iommu_vtd_options options = {.timeout_ns = 2000000};
	const struct iommu_endpoint_info info = {.source_id = 0x20, .physical_function = 0x20};

	memset(&f, 0, sizeof(f));
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	model_machine_add_unit(&f.machine, &config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
	model_machine_make_dmar(&f.machine);
	f.memory = model_machine_take(&f.machine, 32);
	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	assert_int_equal(
		iommu_add_memory(f.iommu, MACHINE_BASE, MACHINE_BASE + MACHINE_PAGES * PAGE - 1),
		0);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_set_default_type(f.iommu, type), 0);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &f.endpoint), 0);
}

static void end(void)
{
	model_machine_give(&f.machine, f.memory, 32);
	assert_int_equal(iommu_release_endpoint(f.endpoint), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	model_machine_destroy(&f.machine);
}

static unsigned char *bytes(iommu_paddr_t paddr)
{
	return model_machine_bytes(&f.machine, paddr);
}

/* What the library took is the device's for as long as it is mapped. */
static void lend(iommu_iova_t address, unsigned int pages)
{
	model_machine_mark(&f.machine, address & ~(PAGE - 1), pages, PAGE_DEVICE);
}

static void take_back(iommu_iova_t address, unsigned int pages)
{
	model_machine_mark(&f.machine, address & ~(PAGE - 1), pages, PAGE_TABLE);
}

static void one_buffer(void)
{
	iommu_iova_t address = 0;

	assert_int_equal(iommu_dma_map(f.dma, &any, f.memory + 100, 64, BOTH, &address), 0);
	assert_int_equal(address, f.memory + 100);
	test_pattern(f.device->buffer, 64, 1);
	model_device_write(f.device, address, 64);
	assert_true(test_has_pattern(bytes(f.memory + 100), 64, 1));
	iommu_dma_sync_for_cpu(f.dma, address, 64);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	assert_int_equal(iommu_dma_map(f.dma, &untrusted, f.memory, 64, BOTH, &address),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map(f.dma, &any, 1ULL << 60, 64, BOTH, &address), IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(f.dma, &any, f.memory, 0, BOTH, &address), IOMMU_EINVAL);
	assert_int_equal(address, f.memory + 100);
}

/* What lies across the device's boundary is copied, and the device reaches the copy. */
static void one_across_a_boundary(void)
{
	struct iommu_dma_device device = {.boundary = 4 * PAGE};
	struct iommu_dma_device aligned = {.alignment = 8 * PAGE};
	const iommu_paddr_t paddr = f.memory + 4 * PAGE - 30;
	struct iommu_dma_stats stats;
	iommu_iova_t address = 0;

	test_pattern(bytes(paddr), 64, 2);
	assert_int_equal(iommu_dma_map(f.dma, &device, paddr, 64, BOTH, &address), 0);
	assert_true(address != paddr);
	assert_int_equal(address % PAGE, paddr % PAGE);
	assert_true((address ^ (address + 63)) < 4 * PAGE);
	iommu_dma_get_stats(f.dma, &stats);
	assert_int_equal(stats.bounced, 1);
	assert_int_equal(iommu_dma_destroy(f.dma), IOMMU_EBUSY);
	lend(address, 2);
	model_device_read(f.device, address, 64);
	assert_true(test_has_pattern(f.device->buffer, 64, 2));
	test_pattern(f.device->buffer, 64, 3);
	model_device_write(f.device, address, 64);
	assert_true(test_has_pattern(bytes(paddr), 64, 2));
	take_back(address, 2);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	assert_true(test_has_pattern(bytes(paddr), 64, 3));
	/* And what does not begin on a page that is aligned as the device asks. */
	assert_int_equal(iommu_dma_max_size(f.dma, &aligned), 61441);
	assert_int_equal(iommu_dma_map(f.dma, &aligned, f.memory + 9 * PAGE + 5, 3, BOTH, &address),
			 0);
	assert_int_equal(address % (8 * PAGE), 5);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 3), 0);
	assert_int_equal(iommu_dma_map(f.dma, &aligned, f.memory + 8 * PAGE + 5, 3, BOTH, &address),
			 0);
	assert_int_equal(address, f.memory + 8 * PAGE + 5);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 3), 0);
	/* A buffer that is larger than the boundary is the driver's to cut up. */
	assert_int_equal(iommu_dma_map(f.dma, &device, f.memory, 5 * PAGE, BOTH, &address), 0);
	assert_int_equal(address, f.memory);
	/* … counted in pages: in either of its places it would cross one. */
	assert_int_equal(
		iommu_dma_map(f.dma, &device, f.memory + 2 * PAGE + 1, 4 * PAGE, BOTH, &address),
		0);
	assert_int_equal(address, f.memory + 2 * PAGE + 1);
	/* What may lie across a boundary is limited to what can be bounced, as its alignment is. */
	assert_true(iommu_dma_max_size(f.dma, &device) == UINT64_MAX);
	device.boundary = 32 * PAGE;
	assert_int_equal(iommu_dma_max_size(f.dma, &device), 61441);
	aligned.alignment = 32 * PAGE;
	assert_int_equal(iommu_dma_max_size(f.dma, &aligned), 0);
}

static void shared_memory(void)
{
	const size_t least = f.machine.pages_in_use;
	iommu_iova_t address = 0;
	void *memory = NULL;

	assert_int_equal(iommu_dma_alloc(f.dma, &any, 3 * PAGE, &memory, &address), 0);
	assert_ptr_equal(memory, bytes(address));
	lend(address, 4);
	test_pattern(f.device->buffer, PAGE, 4);
	model_device_write(f.device, address + 2 * PAGE, PAGE);
	assert_true(test_has_pattern((unsigned char *)memory + 2 * PAGE, PAGE, 4));
	take_back(address, 4);
	assert_int_equal(iommu_dma_free(f.dma, memory, address + PAGE, 3 * PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(f.dma, (char *)memory + 8, address + 8, 3 * PAGE),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(f.dma, NULL, address + 8, 3 * PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(f.dma, memory, address, 3 * PAGE), 0);
	assert_int_equal(f.machine.pages_in_use, least);
	assert_int_equal(iommu_dma_alloc(f.dma, &untrusted, PAGE, &memory, &address),
			 IOMMU_EOPNOTSUPP);
}

static void scattered_and_the_rest(void)
{
	struct iommu_dma_piece pieces[] = {{.paddr = f.memory + 8, .size = 100},
					   {.paddr = f.memory + 9 * PAGE, .size = PAGE},
					   {.paddr = f.memory + 10 * PAGE, .size = 3}};
	struct iommu_dma_window window;
	unsigned int elements = 0;
	iommu_iova_t address = 0;
	unsigned int i;

	assert_int_equal(iommu_dma_map_sg(f.dma, &any, pieces, 3, BOTH, &elements), 0);
	assert_int_equal(elements, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(pieces[i].address, pieces[i].paddr);
		assert_int_equal(pieces[i].length, pieces[i].size);
	}
	assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 3), 0);
	assert_int_equal(iommu_dma_window_create(f.dma, &any, 4, &window), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map_msi(f.dma, 0xfee00123, &address), 0);
	assert_int_equal(address, 0xfee00123);
	assert_true(iommu_dma_max_size(f.dma, &any) == UINT64_MAX);
	assert_int_equal(iommu_dma_tick(f.dma), 0);
}

/* By the unit's pass-through, and by tables that map memory to itself. */
static void one_code_path_over_an_identity(void **state)
{
	unsigned int pass_through;

	(void)state;
	for (pass_through = 0; pass_through < 2; pass_through++) {
		struct iommu_dma *again;

		begin(IOMMU_DOMAIN_IDENTITY, pass_through != 0);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), 0);
		assert_int_equal(iommu_dma_of(f.endpoint, &again), 0);
		assert_ptr_equal(again, f.dma);
		assert_true(iommu_dma_required_mask(f.dma) >= f.memory);
		one_buffer();
		one_across_a_boundary();
		shared_memory();
		scattered_and_the_rest();
		/* Another type: the handle goes, and its addresses mean nothing any more. */
		assert_int_equal(iommu_group_set_default_type(iommu_endpoint_group(f.endpoint),
							      IOMMU_DOMAIN_DMA),
				 IOMMU_EBUSY);
		iommu_unuse_default_domain(f.endpoint);
		assert_int_equal(iommu_group_set_default_type(iommu_endpoint_group(f.endpoint),
							      IOMMU_DOMAIN_DMA),
				 0);
		end();
	}
}

/* The unit is off: what would be mapped would not be translated. */
static void a_unit_that_is_off_is_told_from_one_that_passes(void **state)
{
	iommu_iova_t address;
	iommu_paddr_t to = 0;
	int owner;

	(void)state;
	begin(IOMMU_DOMAIN_DMA, true);
	assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), IOMMU_EAGAIN);
	/* It was no use of the group. */
	assert_int_equal(iommu_group_claim(iommu_endpoint_group(f.endpoint), &owner), 0);
	assert_int_equal(iommu_group_release(iommu_endpoint_group(f.endpoint), &owner), 0);
	/* Where it is to stay off there is a handle without it. */
	assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &f.dma), 0);
	assert_true(iommu_dma_required_mask(f.dma) == UINT64_MAX);
	assert_int_equal(iommu_dma_map(f.dma, &any, f.memory + 5, 64, BOTH, &address), 0);
	assert_int_equal(model_device_access(f.device, address, IOMMU_PROT_WRITE, &to), 0);
	assert_int_equal(to, f.memory + 5);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	one_across_a_boundary();
	shared_memory();
	scattered_and_the_rest();
	assert_int_equal(iommu_dma_destroy(f.dma), 0);

	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), 0);
	assert_int_equal(iommu_dma_map(f.dma, &any, f.memory + 5, 64, BOTH, &address), 0);
	assert_int_equal(model_device_access(f.device, address, IOMMU_PROT_WRITE, &to), 0);
	assert_int_equal(to, f.memory + 5);
	assert_true(address != f.memory + 5);
	assert_int_equal(iommu_dma_unmap(f.dma, address, 64), 0);
	/* A driver that has the handle keeps it through a sleep. */
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), 0);
	assert_int_equal(iommu_resume(f.iommu), 0);
	iommu_unuse_default_domain(f.endpoint);
	end();
}

static void what_reaches_nothing_has_no_handle(void **state)
{
	int owner;

	(void)state;
	begin(IOMMU_DOMAIN_BLOCKED, true);
	f.dma = NULL;
	assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), IOMMU_EPERM);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_dma_of(f.endpoint, &f.dma), IOMMU_EPERM);
	assert_null(f.dma);
	assert_int_equal(iommu_group_claim(iommu_endpoint_group(f.endpoint), &owner), 0);
	assert_int_equal(iommu_group_release(iommu_endpoint_group(f.endpoint), &owner), 0);
	end();
}

/* --- Fewer address bits than memory ----------------------------------------------------------- */

#define HALF      (4ULL << 20)
#define MIDDLE    (1ULL << 32) /* of memory */
#define THIRTYTWO ((uint64_t)UINT32_MAX)

static struct {
	struct test_platform platform;
	struct iommu *iommu;        /* of the bypass */
	struct iommu_domain bypass; /* in tests with an offset */
	struct iommu_dma *dma;
	void *high; /* a buffer that the device does not reach */
	iommu_paddr_t paddr;
	struct {
		void *pages;
		unsigned int order;
	} kept[8192];
	unsigned int kept_count;
	unsigned int below_calls;
	bool ignores; /* what it is asked for */
} n;

/* Where memory lies for the device: 0, or the size of its lower part. */
static iommu_iova_t offset;
static struct iommu_dma_device narrow;

static void *alloc(unsigned int order)
{
	return n.platform.platform.alloc_pages(&n.platform, order, IOMMU_NODE_ANY, 0);
}

/* The arena gives low memory first: what is kept away makes it give high memory. */
static void keep_low_memory(void)
{
	void *pages = alloc(IOMMU_MAX_ALLOC_ORDER);

	while (iommu_virt_to_phys(&n.platform.platform, pages) < MIDDLE) {
		n.kept[n.kept_count].order = IOMMU_MAX_ALLOC_ORDER;
		n.kept[n.kept_count++].pages = pages;
		pages = alloc(IOMMU_MAX_ALLOC_ORDER);
	}
	n.high = pages;
	n.paddr = iommu_virt_to_phys(&n.platform.platform, pages);
}

/* From what was kept: whole blocks, whatever the order. */
static void *below(void *ctx, unsigned int order, int node, unsigned int flags, iommu_paddr_t last)
{
	(void)node;
	n.below_calls++;
	if (order > IOMMU_MAX_ALLOC_ORDER)
		return NULL;
	assert_true(last == THIRTYTWO || (offset != 0 && last == MIDDLE + HALF - 1));
	if (n.ignores || last != THIRTYTWO)
		return n.platform.platform.alloc_pages(ctx, order, node, flags);
	if (n.platform.fail_after != 0)
		return NULL;
	assert_true(n.kept_count != 0);
	n.kept_count--;
	n.platform.hosted.pages_in_use -= (size_t)(1U << IOMMU_MAX_ALLOC_ORDER) - (1U << order);
	memset(n.kept[n.kept_count].pages, 0, PAGE << order);
	return n.kept[n.kept_count].pages;
}

/* A domain with pages of 16 MiB, which are too large to map a buffer in. */
static void make_bypass(void)
{
	const struct iommu_iova_config space = {
		.platform = &n.platform.platform, .granule = 1 << 24, .first = 1, .last = 255};

	assert_int_equal(iommu_create(&n.platform.platform, &n.iommu), 0);
	n.bypass.type = IOMMU_DOMAIN_DMA;
	n.bypass.iommu = n.iommu;
	n.bypass.page_shift = 24;
	n.bypass.bypass_offset = offset;
	n.bypass.bypass_size = MIDDLE + HALF;
	assert_int_equal(iommu_iova_space_create(&space, &n.bypass.space), 0);
}

static int make_handle(void)
{
	const struct iommu_dma_config config = {.domain = &n.bypass};

	return offset == 0 ? iommu_dma_create_direct(&n.platform.platform, &n.dma)
			   : iommu_dma_create(&config, &n.dma);
}

static void destroy_handle(void)
{
	assert_int_equal(iommu_dma_destroy(n.dma), 0);
	if (offset == 0)
		return;
	iommu_iova_space_destroy(n.bypass.space);
	assert_int_equal(iommu_destroy(n.iommu), 0);
}

static void begin_narrow(bool has_below)
{
	memset(&n, 0, sizeof(n));
	narrow = (struct iommu_dma_device){.mask = offset + THIRTYTWO};
	test_platform_init(&n.platform, 2 * HALF, MIDDLE - HALF);
	n.platform.quiet = true;
	if (has_below)
		n.platform.platform.alloc_pages_below = below;
	if (offset != 0)
		make_bypass();
	keep_low_memory();
	assert_int_equal(make_handle(), 0);
}

static void end_narrow(void)
{
	destroy_handle();
	n.platform.platform.free_pages(&n.platform, n.high, IOMMU_MAX_ALLOC_ORDER);
	while (n.kept_count-- != 0)
		n.platform.platform.free_pages(&n.platform, n.kept[n.kept_count].pages,
					       n.kept[n.kept_count].order);
	test_platform_destroy(&n.platform);
}

/* All memory from the middle on, and none taken. */
static void begin_high(void)
{
	memset(&n, 0, sizeof(n));
	test_platform_init(&n.platform, HALF, MIDDLE);
	n.platform.quiet = true;
	if (offset != 0)
		make_bypass();
	assert_int_equal(make_handle(), 0);
}

static void end_high(void)
{
	destroy_handle();
	test_platform_destroy(&n.platform);
}

static unsigned char *at(iommu_iova_t address)
{
	return iommu_phys_to_virt(&n.platform.platform, address - offset);
}

static void what_a_device_cannot_address_is_copied(void **state)
{
	static const unsigned int begins[] = {0, 1, 4095, 100};
	static const unsigned int sizes[] = {1, 64, 4096, 5 * 4096 + 3, 61441};
	const unsigned char *high;
	iommu_iova_t address;
	unsigned int i, j;

	(void)state;
	begin_narrow(true);
	high = n.high;
	assert_int_equal(iommu_dma_max_size(n.dma, &narrow), 61441);
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 5; j++) {
			test_pattern(n.high, MOST, 1);
			assert_int_equal(iommu_dma_map(n.dma, &narrow, n.paddr + begins[i],
						       sizes[j], BOTH, &address),
					 0);
			assert_true(address + sizes[j] - 1 <= narrow.mask);
			assert_int_equal(address % PAGE, begins[i]);
			assert_memory_equal(at(address), high + begins[i], sizes[j]);
			test_pattern(at(address), sizes[j], 2);
			assert_true(test_has_pattern(high, MOST, 1));
			assert_int_equal(iommu_dma_unmap(n.dma, address, sizes[j]), 0);
			assert_true(test_has_pattern(high + begins[i], sizes[j], 2));
			assert_true(test_has_pattern(high, begins[i], 1));
			test_pattern(n.high, begins[i] + sizes[j], 1);
			assert_true(test_has_pattern(high, MOST, 1));
		}
	}
	/* Not a byte more than the most, and not what the device reaches anyway. */
	assert_int_equal(iommu_dma_map(n.dma, &narrow, n.paddr + 1, MOST, BOTH, &address),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(n.dma, &narrow, MIDDLE - MOST, MOST, BOTH, &address), 0);
	assert_true(address == offset + MIDDLE - MOST);
	assert_int_equal(iommu_dma_map(n.dma, &narrow, MIDDLE - 1, 2, BOTH, &address), 0);
	assert_true(address < offset + MIDDLE - 1);
	assert_int_equal(iommu_dma_unmap(n.dma, address, 2), 0);
	assert_int_equal(iommu_dma_map(n.dma, &any, n.paddr, MOST, BOTH, &address), 0);
	assert_true(address == offset + n.paddr);
	end_narrow();
}

static void copies_go_the_way_of_the_direction_and_in_parts(void **state)
{
	unsigned char *high;
	iommu_iova_t address;

	(void)state;
	begin_narrow(true);
	high = n.high;
	test_pattern(high, 2 * PAGE, 1);
	assert_int_equal(
		iommu_dma_map(n.dma, &narrow, n.paddr + 8, PAGE, IOMMU_DMA_TO_DEVICE, &address), 0);
	test_pattern(at(address), PAGE, 2);
	assert_int_equal(iommu_dma_unmap(n.dma, address, PAGE), 0);
	assert_true(test_has_pattern(high, 2 * PAGE, 1));

	assert_int_equal(iommu_dma_map(n.dma, &narrow, n.paddr + 8, 2 * PAGE, BOTH, &address), 0);
	memset(at(address), 0xaa, 2 * PAGE);
	iommu_dma_sync_for_cpu(n.dma, address + PAGE, 10);
	assert_int_equal(high[8 + PAGE], 0xaa);
	assert_int_equal(high[8 + PAGE + 9], 0xaa);
	assert_int_equal(high[8 + PAGE - 1], (unsigned char)((PAGE + 7) * 7 + 1));
	assert_true(high[8 + PAGE + 10] != 0xaa || high[8 + PAGE + 11] != 0xaa);
	memset(high + 8, 0xbb, 2 * PAGE);
	iommu_dma_sync_for_device(n.dma, address + 3, 2);
	assert_int_equal(at(address)[2], 0xaa);
	assert_int_equal(at(address)[3], 0xbb);
	assert_int_equal(at(address)[5], 0xaa);
	/* Not as it was mapped: nothing happens to it. */
	assert_int_equal(iommu_dma_unmap(n.dma, address, PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_unmap(n.dma, address + PAGE, PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_destroy(n.dma), IOMMU_EBUSY);
	assert_int_equal(iommu_dma_unmap(n.dma, address, 2 * PAGE), 0);
	assert_int_equal(high[8], 0xaa);
	end_narrow();
}

static void lists_pass_where_they_can(void **state)
{
	const struct iommu_dma_device device = {.mask = offset + THIRTYTWO, .boundary = PAGE};
	struct iommu_dma_piece pieces[3];
	struct iommu_dma_stats stats;
	unsigned int elements = 0;

	(void)state;
	begin_narrow(true);
	test_pattern(n.high, 2 * PAGE, 1);
	pieces[0] = (struct iommu_dma_piece){.paddr = n.paddr, .size = 100};
	pieces[1] = (struct iommu_dma_piece){.paddr = MIDDLE - HALF + PAGE, .size = PAGE};
	pieces[2] = (struct iommu_dma_piece){.paddr = n.paddr + PAGE, .size = PAGE};
	assert_int_equal(iommu_dma_map_sg(n.dma, &device, pieces, 3, BOTH, &elements), 0);
	assert_int_equal(elements, 3);
	iommu_dma_get_stats(n.dma, &stats);
	assert_int_equal(stats.bounced, 2);
	assert_true(pieces[1].address == offset + pieces[1].paddr);
	assert_int_equal(pieces[2].length, PAGE);
	test_pattern(at(pieces[2].address), PAGE, 5);
	assert_int_equal(iommu_dma_unmap_sg(n.dma, pieces, 3), 0);
	assert_true(test_has_pattern((unsigned char *)n.high + PAGE, PAGE, 5));
	iommu_dma_get_stats(n.dma, &stats);
	assert_int_equal(stats.bounced, 0);
	/* All or nothing. */
	pieces[2].size = MOST + 1;
	assert_int_equal(iommu_dma_map_sg(n.dma, &narrow, pieces, 3, BOTH, &elements),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_unmap_sg(n.dma, pieces, 3), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_unmap_sg(n.dma, pieces, 0), IOMMU_ENOENT);
	/* Larger than the boundary: wherever it lies, an element would cross it. */
	pieces[2].size = PAGE + 1;
	assert_int_equal(iommu_dma_map_sg(n.dma, &device, pieces, 3, BOTH, &elements),
			 IOMMU_EINVAL);
	iommu_dma_get_stats(n.dma, &stats);
	assert_int_equal(stats.bounced, 0);
	end_narrow();
}

/*
 * Smaller than its alignment; and larger than what the host aligns to its size, across a boundary.
 */
static void shared_memory_lies_as_the_device_asks(void **state)
{
	const struct iommu_dma_device aligned = {.alignment = 8 * PAGE};
	const struct iommu_dma_device bounded = {.boundary = 4 * MOST};
	iommu_iova_t addresses[8];
	size_t least;
	void *memory[8];
	unsigned int i;

	(void)state;
	begin_high();
	least = n.platform.hosted.pages_in_use;
	for (i = 0; i < 8; i++) {
		assert_int_equal(iommu_dma_alloc(n.dma, &aligned, PAGE, &memory[i], &addresses[i]),
				 0);
		assert_int_equal(addresses[i] % (8 * PAGE), 0);
		assert_ptr_equal(at(addresses[i]), memory[i]);
	}
	assert_int_equal(iommu_dma_destroy(n.dma), IOMMU_EBUSY);
	assert_int_equal(iommu_dma_free(n.dma, memory[0], addresses[0], 2 * PAGE), IOMMU_ENOENT);
	for (i = 0; i < 8; i++)
		assert_int_equal(
			iommu_dma_free(n.dma, i % 2 == 0 ? memory[i] : NULL, addresses[i], PAGE),
			0);
	assert_int_equal(n.platform.hosted.pages_in_use, least);
	for (i = 0; i < 8; i++) {
		const int status =
			iommu_dma_alloc(n.dma, &bounded, 4 * MOST, &memory[i], &addresses[i]);

		assert_true(status == IOMMU_ENOSPC || addresses[i] % (4 * MOST) == 0);
		if (status != 0)
			memory[i] = NULL;
	}
	for (i = 0; i < 8; i++)
		if (memory[i] != NULL)
			assert_int_equal(iommu_dma_free(n.dma, memory[i], addresses[i], 4 * MOST),
					 0);
	assert_int_equal(n.platform.hosted.pages_in_use, least);
	end_high();
}

static void memory_that_is_not_to_be_had_is_an_error(void **state)
{
	unsigned int has_below;

	(void)state;
	for (has_below = 0; has_below < 2; has_below++) {
		iommu_iova_t address = 0;
		void *memory = NULL;
		size_t least;

		begin_narrow(has_below != 0);
		n.ignores = true;
		least = n.platform.hosted.pages_in_use;
		/* The host's pages are all beyond. */
		assert_int_equal(iommu_dma_map(n.dma, &narrow, n.paddr, 64, BOTH, &address),
				 IOMMU_ENOSPC);
		assert_int_equal(iommu_dma_alloc(n.dma, &narrow, PAGE, &memory, &address),
				 IOMMU_ENOSPC);
		assert_int_equal(n.platform.hosted.pages_in_use, least);
		assert_int_equal(n.below_calls, has_below != 0 ? 2 : 0);
		n.platform.fail_after = 1;
		n.ignores = false;
		assert_int_equal(iommu_dma_map(n.dma, &narrow, n.paddr, 64, BOTH, &address),
				 IOMMU_ENOMEM);
		assert_int_equal(iommu_dma_alloc(n.dma, &narrow, PAGE, &memory, &address),
				 IOMMU_ENOMEM);
		n.platform.fail_after = 0;
		assert_int_equal(iommu_dma_alloc(n.dma, &narrow, MOST + 1, &memory, &address),
				 has_below != 0 ? IOMMU_ENOMEM : IOMMU_ENOSPC);
		assert_int_equal(n.platform.hosted.pages_in_use, least);
		assert_null(memory);
		/* A device that reaches it all has no need of the others. */
		assert_int_equal(iommu_dma_alloc(n.dma, &any, PAGE, &memory, &address), 0);
		assert_int_equal(iommu_dma_free(n.dma, memory, address, PAGE), 0);
		end_narrow();
	}
}

static void shared_memory_lies_below_the_mask(void **state)
{
	iommu_iova_t address = 0;
	void *memory = NULL;
	struct iommu_platform none = {0};

	(void)state;
	begin_narrow(true);
	assert_int_equal(iommu_dma_alloc(n.dma, &narrow, 2 * PAGE, &memory, &address), 0);
	assert_true(address <= narrow.mask);
	assert_ptr_equal(memory, at(address));
	assert_int_equal(iommu_dma_free(n.dma, memory, address, 2 * PAGE), 0);
	/* What the CPU needs no address for. */
	assert_int_equal(iommu_dma_alloc(n.dma, &narrow, PAGE, NULL, &address), 0);
	assert_true(address <= narrow.mask);
	assert_int_equal(iommu_dma_free(n.dma, NULL, address, PAGE), 0);
	end_narrow();
	assert_int_equal(iommu_dma_create_direct(&none, &n.dma), IOMMU_EINVAL);
	assert_int_equal(iommu_dma_create_direct(NULL, &n.dma), IOMMU_EINVAL);
	begin_narrow(true);
	n.platform.fail_after = 1;
	assert_int_equal(iommu_dma_destroy(n.dma), 0);
	assert_int_equal(make_handle(), IOMMU_ENOMEM);
	n.platform.fail_after = 0;
	assert_int_equal(make_handle(), 0);
	end_narrow();
}

/* --- Through a bypass ------------------------------------------------------------------------- */

/* Boundaries and alignments are of what the device sees. */
static void limits_are_those_of_the_sum(void **state)
{
	const struct iommu_dma_device bounded = {.boundary = 2 * offset};
	const struct iommu_dma_device aligned = {.alignment = 2 * offset};
	const struct iommu_dma_device below_it = {.mask = offset - 1};
	const struct iommu_dma_device half_a_page = {.mask = offset | (PAGE / 2 - 1)};
	struct iommu_dma_piece piece = {.paddr = MIDDLE, .size = 8};
	unsigned int elements = 0;
	iommu_iova_t address = 0;
	void *memory = NULL;

	(void)state;
	begin_narrow(true);
	assert_true(iommu_dma_required_mask(n.dma) == 4 * offset - 1);
	assert_true(iommu_dma_max_size(n.dma, &any) == UINT64_MAX);
	assert_int_equal(iommu_dma_max_size(n.dma, &narrow), 61441);
	assert_int_equal(iommu_dma_merge_boundary(n.dma), 0);
	/* From below the multiple of the boundary that no physical address is at. */
	assert_int_equal(iommu_dma_map(n.dma, &bounded, MIDDLE - 4, 8, BOTH, &address), 0);
	assert_true(address != offset + MIDDLE - 4);
	assert_int_equal(iommu_dma_unmap(n.dma, address, 8), 0);
	/* And at one, where the physical address is no multiple of the alignment. */
	assert_int_equal(iommu_dma_map(n.dma, &aligned, MIDDLE + 5, 8, BOTH, &address), 0);
	assert_true(address == offset + MIDDLE + 5);
	assert_int_equal(iommu_dma_unmap(n.dma, address, 8), 0);
	/* A mask that ends before the bypass, or before its first page does. */
	assert_int_equal(iommu_dma_max_size(n.dma, &below_it), 0);
	assert_int_equal(iommu_dma_map(n.dma, &below_it, MIDDLE - PAGE, 8, BOTH, &address),
			 IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_map_sg(n.dma, &below_it, &piece, 1, BOTH, &elements),
			 IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_alloc(n.dma, &below_it, PAGE, &memory, &address), IOMMU_ENOSPC);
	assert_int_equal(iommu_dma_max_size(n.dma, &half_a_page), 0);
	assert_null(memory);
	/* Beyond memory. */
	assert_int_equal(iommu_dma_map(n.dma, &any, MIDDLE + HALF - 1, 1, BOTH, &address), 0);
	assert_int_equal(iommu_dma_map(n.dma, &any, MIDDLE + HALF - 1, 2, BOTH, &address),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_dma_map(n.dma, &any, UINT64_MAX, 1, BOTH, &address), IOMMU_ERANGE);
	end_narrow();
}

static void a_bypass_leads_to_memory_alone(void **state)
{
	struct iommu_dma_window window;
	iommu_iova_t address = 0;
	void *memory = NULL;

	(void)state;
	begin_narrow(true);
	assert_int_equal(
		iommu_dma_map_with(n.dma, &any, MIDDLE, 64, BOTH, IOMMU_DMA_MMIO, &address),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map_msi(n.dma, MIDDLE, &address), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_map(n.dma, &untrusted, MIDDLE, 64, BOTH, &address),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_dma_window_create(n.dma, &any, 1, &window), IOMMU_EOPNOTSUPP);
	assert_int_equal(address, 0);
	/* Memory is given back at the address that it has there. */
	assert_int_equal(iommu_dma_alloc(n.dma, &any, PAGE, &memory, &address), 0);
	assert_int_equal(iommu_dma_free(n.dma, memory, address - offset, PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(n.dma, NULL, offset - PAGE, PAGE), IOMMU_ENOENT);
	assert_int_equal(iommu_dma_free(n.dma, memory, address, PAGE), 0);
	end_narrow();
}

/* The caches of the CPU know physical addresses. */
static struct {
	iommu_paddr_t paddr;
	uint64_t size;
} cleaned;

static void clean(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	cleaned.paddr = paddr;
	cleaned.size = size;
}

static void *map_uncached(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size)
{
	(void)ctx, (void)size;
	assert_null(pieces->next);
	return pieces->memory;
}

static void unmap_uncached(void *ctx, void *memory, uint64_t size)
{
	(void)ctx, (void)memory, (void)size;
}

static bool was_cleaned(iommu_paddr_t paddr, uint64_t size)
{
	const bool was = cleaned.paddr == paddr && cleaned.size == size;

	memset(&cleaned, 0, sizeof(cleaned));
	return was;
}

static void caches_are_told_of_physical_addresses(void **state)
{
	const struct iommu_dma_device device = {.noncoherent = true};
	struct iommu_platform *platform = &n.platform.platform;
	const iommu_paddr_t paddr = MIDDLE + PAGE;
	iommu_iova_t address = 0;
	void *memory = NULL;

	(void)state;
	begin_high();
	platform->cache_line_size = 64;
	platform->cache_write_back = platform->cache_invalidate = clean;
	platform->map_uncached = map_uncached;
	platform->unmap_uncached = unmap_uncached;
	assert_int_equal(iommu_dma_map(n.dma, &device, paddr, 256, IOMMU_DMA_TO_DEVICE, &address),
			 0);
	assert_true(address == offset + paddr);
	assert_true(was_cleaned(paddr, 256));
	iommu_dma_sync_for_device(n.dma, address + 64, 64);
	assert_true(was_cleaned(paddr + 64, 64));
	/* What is at no address of the handle's has no cache lines. */
	iommu_dma_sync_for_device(n.dma, paddr - offset, 64);
	iommu_dma_sync_for_device(n.dma, offset + MIDDLE + HALF - 64, 128);
	assert_true(was_cleaned(0, 0));
	assert_int_equal(iommu_dma_unmap(n.dma, address, 256), 0);
	assert_int_equal(iommu_dma_map(n.dma, &device, paddr, 256, BOTH, &address), 0);
	assert_true(address == offset + paddr && was_cleaned(paddr, 256));
	assert_int_equal(
		iommu_dma_map(n.dma, &device, paddr + 64, 64, IOMMU_DMA_TO_DEVICE, &address),
		IOMMU_EEXIST);
	iommu_dma_sync_for_cpu(n.dma, address + 128, 64);
	assert_true(was_cleaned(paddr + 128, 64));
	assert_int_equal(iommu_dma_unmap(n.dma, address, 256), 0);
	assert_true(was_cleaned(paddr, 256));
	/* What it shares a line with is copied. */
	assert_int_equal(iommu_dma_map(n.dma, &device, paddr + 8, 8, BOTH, &address), 0);
	assert_true(address != offset + paddr + 8 && address >= offset + MIDDLE);
	assert_int_equal(iommu_dma_unmap(n.dma, address, 8), 0);
	assert_int_equal(iommu_dma_alloc(n.dma, &device, 2 * PAGE, &memory, &address), 0);
	assert_ptr_equal(at(address), memory);
	assert_int_equal(iommu_dma_free(n.dma, memory, address, 2 * PAGE), 0);
	end_high();
}

static void other_bypasses_have_no_handle(void **state)
{
	const struct iommu_dma_config config = {.domain = &n.bypass};
	struct iommu_platform *platform = &n.platform.platform;
	struct iommu_dma *dma;

	(void)state;
	begin_high();
	n.bypass.bypass_offset = offset + PAGE;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	n.bypass.bypass_offset = offset;
	n.bypass.bypass_size = 0;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	n.bypass.bypass_size = MIDDLE;
	platform->private_bits = 1ULL << 47;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	platform->private_bits = 0;
	platform->shared_bits = 1ULL << 47;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	platform->shared_bits = 0;
	assert_int_equal(iommu_dma_create(&config, &dma), 0);
	assert_int_equal(iommu_dma_destroy(dma), 0);
	end_high();
}

int main(void)
{
	int failed;
	const struct CMUnitTest through_a_bypass[] = {
		cmocka_unit_test(what_a_device_cannot_address_is_copied),
		cmocka_unit_test(copies_go_the_way_of_the_direction_and_in_parts),
		cmocka_unit_test(lists_pass_where_they_can),
		cmocka_unit_test(shared_memory_lies_as_the_device_asks),
		cmocka_unit_test(memory_that_is_not_to_be_had_is_an_error),
		cmocka_unit_test(shared_memory_lies_below_the_mask),
		cmocka_unit_test(limits_are_those_of_the_sum),
		cmocka_unit_test(a_bypass_leads_to_memory_alone),
		cmocka_unit_test(caches_are_told_of_physical_addresses),
		cmocka_unit_test(other_bypasses_have_no_handle),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_code_path_over_an_identity),
		cmocka_unit_test(a_unit_that_is_off_is_told_from_one_that_passes),
		cmocka_unit_test(what_reaches_nothing_has_no_handle),
		cmocka_unit_test(what_a_device_cannot_address_is_copied),
		cmocka_unit_test(copies_go_the_way_of_the_direction_and_in_parts),
		cmocka_unit_test(lists_pass_where_they_can),
		cmocka_unit_test(shared_memory_lies_as_the_device_asks),
		cmocka_unit_test(memory_that_is_not_to_be_had_is_an_error),
		cmocka_unit_test(shared_memory_lies_below_the_mask),
	};

	failed = cmocka_run_group_tests(tests, NULL, NULL);
	offset = MIDDLE;
	return failed + cmocka_run_group_tests(through_a_bypass, NULL, NULL);
}
