/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows, from one end to the other: a guest's driver, the unit that is emulated for it, the
 * shadow of what it says, an address space, the host's driver, and the host's unit. What the host's
 * device reaches is compared with what the guest has mapped, page by page.
 */
#include <string.h>

#include "base/byteorder.h"
#include "ioas/ioas.h"
#include "ioas_fixture.h"
#include "test.h"
#include "test_contract.h"

#define BASE     0x80000000ULL /* of the guest's addresses for its device */
#define SLOTS    1536U
#define GUEST    (MACHINE_BASE + MACHINE_PAGES / 2 * 4096ULL) /* its memory for devices */
#define FRAMES   2048U /* of it that the host has memory for; more than that is a hole */
#define DOMAINS  2U
#define LEGACY   IOMMU_MODEL_VTD_CACHING_MODE
#define SCALABLE (IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_SCALABLE)
#define NO_FRAME UINT32_MAX

/* What the guest has mapped in a domain of its own. */
struct slot {
	uint32_t frame;
	unsigned int prot;
};

static struct {
	struct model_machine machine;
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct iommu_endpoint *other; /* in the last domain, always */
	struct iommu_domain *domains[DOMAINS];
	struct slot slots[DOMAINS][SLOTS];
	unsigned int attached; /* 0: none; 1 + domain */
	uint32_t space;        /* of the shadow; `ioas` has the guest's memory */
	struct iommu_shadow *shadow;
	struct test_random random;
	int status; /* of the shadow's calls, the last that was not 0 */
	unsigned int failures;
} g;

static bool follow(struct model_machine *machine, const struct iommu_model_invalidation *what)
{
	int status;

	(void)machine;
	if (g.shadow == NULL)
		return true;
	status = iommu_shadow_invalidate(g.shadow, what);
	if (status != 0) {
		g.status = status;
		g.failures++;
	}
	return true;
}

static struct iommu_shadow_stats stats_of(void)
{
	struct iommu_shadow_stats stats;

	iommu_shadow_get_stats(g.shadow, &stats);
	return stats;
}

static void boot_guest(unsigned int flags)
{
	const struct iommu_model_vtd_config config = {
		.flags = flags, .levels = 1U << 3 | 1U << 4, .address_mask = 9, .fault_records = 4};
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	struct iommu_endpoint_info info = {
		.source_id = 0x20, .physical_function = 0x20, .max_pasids = 1U << 16};

	model_machine_init(&g.machine, 0, NULL);
	g.machine.quiet = true;
	g.machine.invalidate = follow;
	model_machine_add_unit(&g.machine, &config);
	(void)model_machine_add_device(&g.machine, 0, 0x20);
	(void)model_machine_add_device(&g.machine, 0, 0x28);
	model_machine_make_dmar(&g.machine);
	assert_int_equal(iommu_create(&g.machine.platform, &g.iommu), 0);
	assert_int_equal(iommu_vtd_probe(g.iommu, g.machine.dmar, g.machine.dmar_size, &options),
			 0);
	assert_int_equal(iommu_probe_endpoint(g.iommu, &info, &g.endpoint), 0);
	info = (struct iommu_endpoint_info){.source_id = 0x28, .physical_function = 0x28};
	assert_int_equal(iommu_probe_endpoint(g.iommu, &info, &g.other), 0);
}

/* The host with a device and the guest's memory, of which the middle cannot be written. */
static void begin_limited(unsigned int host, unsigned int flags, uint64_t max_leaves)
{
	const struct iommu_shadow_config base = {.source_id = 0x20, .max_leaves = max_leaves};
	struct iommu_shadow_config config = base;

	memset(&g, 0, sizeof(g));
	begin_with(host, 1, 1, MEMORY_CONTIGUOUS);
	memory.shape = MEMORY_WHOLE;
	assert_int_equal(map_at(GUEST, 0, 1000 * 4096), 0);
	assert_int_equal(map_at(GUEST + 1000 * 4096, 1000 * 4096, (FRAMES - 1000) * 4096), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &g.space), 0);
	assert_int_equal(attach(0, g.space), 0);
	boot_guest(flags);
	config.file = ctx;
	config.ioas = g.space;
	config.memory = ioas;
	config.model = g.machine.units[0];
	assert_int_equal(iommu_shadow_create(&config, &g.shadow), 0);
	assert_int_equal(iommu_vtd_enable(g.iommu), 0);
	for (unsigned int d = 0; d < DOMAINS; d++) {
		assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(g.endpoint),
						    IOMMU_DOMAIN_PAGING, NULL, &g.domains[d]),
				 0);
		for (unsigned int i = 0; i < SLOTS; i++)
			g.slots[d][i].frame = NO_FRAME;
	}
	assert_int_equal(iommu_domain_attach_endpoint(g.domains[DOMAINS - 1], g.other), 0);
}

static void begin_shadow(unsigned int host, unsigned int flags)
{
	begin_limited(host, flags, 0);
}

static void attach_guest(unsigned int domain)
{
	struct iommu_group *group = iommu_endpoint_group(g.endpoint);

	if (g.attached != 0)
		assert_int_equal(iommu_domain_detach_group(group), 0);
	g.attached = 0;
	if (domain < DOMAINS) {
		assert_int_equal(iommu_domain_attach_group(g.domains[domain], group), 0);
		g.attached = 1 + domain;
	}
}

static void finish_shadow(void)
{
	attach_guest(DOMAINS);
	assert_int_equal(iommu_domain_detach_endpoint(g.other), 0);
	for (unsigned int d = 0; d < DOMAINS; d++)
		assert_int_equal(iommu_domain_free(g.domains[d]), 0);
	assert_int_equal(iommu_release_endpoint(g.endpoint), 0);
	assert_int_equal(iommu_release_endpoint(g.other), 0);
	assert_int_equal(iommu_destroy(g.iommu), 0);
	assert_int_equal(iommu_shadow_destroy(g.shadow), 0);
	model_machine_destroy(&g.machine);
	finish();
}

/* --- What there is ---------------------------------------------------------------------------- */

/* What the guest has at a slot now; NULL: nothing that leads to memory. */
static const struct slot *slot_at(unsigned int i)
{
	const struct slot *slot;

	if (g.attached == 0)
		return NULL;
	slot = &g.slots[g.attached - 1][i];
	return slot->frame < FRAMES ? slot : NULL;
}

/*
 * Does the device reach just what the guest has at the slot? `less`: that it does not reach what it
 * could is not wrong.
 */
static void check_slot(unsigned int i, bool less)
{
	const struct slot *slot = slot_at(i);

	for (unsigned int access = IOMMU_PROT_READ; access <= IOMMU_PROT_WRITE; access++) {
		iommu_paddr_t to = 0;
		const bool reached =
			model_device_access(f.device[0], BASE + i * 4096ULL + 8, access, &to) == 0;
		const bool may = slot != NULL && (slot->prot & access) != 0;

		if (reached &&
		    (!may || to != test_memory_paddr(&memory, slot->frame * 4096ULL) + 8))
			fail_msg("slot %u is reached, by %u", i, access);
		if (!reached && may && !less)
			fail_msg("slot %u is not reached, by %u", i, access);
	}
}

static void check_all(bool less)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		check_slot(i, less);
}

/* --- What the guest does ---------------------------------------------------------------------- */

static unsigned int below(unsigned int bound)
{
	return (unsigned int)test_random_below(&g.random, bound);
}

static void guest_maps(unsigned int d, unsigned int first, unsigned int count, unsigned int frame,
		       unsigned int prot)
{
	assert_int_equal(iommu_map(g.domains[d], BASE + first * 4096ULL, GUEST + frame * 4096ULL,
				   count * 4096ULL, prot),
			 0);
	for (unsigned int i = 0; i < count; i++)
		g.slots[d][first + i] = (struct slot){frame + i, prot};
}

static void guest_unmaps(unsigned int d, unsigned int first, unsigned int count)
{
	assert_int_equal(iommu_unmap(g.domains[d], BASE + first * 4096ULL, count * 4096ULL,
				     IOMMU_UNMAP_SPLIT, NULL),
			 0);
	for (unsigned int i = 0; i < count; i++)
		g.slots[d][first + i].frame = NO_FRAME;
}

/* A run of slots from `first` on that are all mapped, or all not. */
static unsigned int run_of(unsigned int d, unsigned int first, unsigned int most)
{
	const bool mapped = g.slots[d][first].frame != NO_FRAME;
	unsigned int count = 1;

	while (count < most && first + count < SLOTS &&
	       (g.slots[d][first + count].frame != NO_FRAME) == mapped)
		count++;
	return count;
}

static void guest_acts(void)
{
	const unsigned int d = below(DOMAINS), sizes[] = {1, 2, 16, 520, 700};
	const unsigned int first = below(3) == 0 ? below(3) * 512 : below(SLOTS);
	const unsigned int count = run_of(d, first, 1 + below(sizes[below(5)]));
	/* Some of it beyond what the host has memory for; often as large pages. */
	const unsigned int frame = below(3) == 0 ? below(3) * 512 : below(FRAMES + 100 - 1);

	if (below(12) == 0)
		attach_guest(below(DOMAINS + 1));
	else if (g.slots[d][first].frame != NO_FRAME)
		guest_unmaps(d, first, count);
	else
		guest_maps(d, first, count, frame, below(3) == 0 ? IOMMU_PROT_READ : RW);
}

/* --- Tests ------------------------------------------------------------------------------------ */

/*
 * Memory, or pins, fail now and then, or for a while; what is left is never more than the guest
 * has.
 */
static void disturb(void)
{
	switch (below(4)) {
	case 0:
		f.machine.fail_at = f.machine.allocations + 1 + below(6);
		break;
	case 1:
		f.machine.fail_every = 1 + below(2);
		break;
	case 2:
		memory.fail_after = 1 + below(3);
		break;
	default:
		memory.is_gone = true;
		break;
	}
}

static void settle(void)
{
	f.machine.fail_at = f.machine.fail_every = 0;
	memory.fail_after = 0;
	memory.is_gone = false;
}

/* Much changes that the shadow is not told of; then it looks at everything. */
static void act_unseen(void)
{
	struct iommu_shadow *shadow = g.shadow;

	g.shadow = NULL;
	for (unsigned int i = 0; i < 12; i++)
		guest_acts();
	g.shadow = shadow;
	(void)iommu_shadow_sync(g.shadow, 0, UINT64_MAX);
}

/* What could not be is made good, and all is as it should be. */
static void recover(void)
{
	settle();
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 1), 0);
	assert_true(stats_of().is_complete);
	check_all(false);
}

static void random_guest(unsigned int host, unsigned int flags)
{
	/* Each is as dear as many of other tests. */
	const uint64_t operations = test_setting("IOMMU_TEST_OPERATIONS", 90000) / 60;

	begin_shadow(host, flags);
	g.random.state = test_setting("IOMMU_TEST_SEED", 0x5ad0) + flags + host;
	attach_guest(0);
	for (uint64_t operation = 0; operation < operations; operation++) {
		if (below(10) == 0)
			disturb();
		if (below(12) == 0)
			act_unseen();
		else
			guest_acts();
		assert_true(stats_of().is_safe);
		if (below(4) == 0)
			check_all(!stats_of().is_complete);
		for (unsigned int i = 0; i < 8; i++)
			check_slot(below(SLOTS), !stats_of().is_complete);
		if (below(8) == 0)
			recover();
	}
	recover();
	assert_true(operations < 1000 || g.failures > 20);
	finish_shadow();
}

static void guests_at_random_on_any_host(void **state)
{
	(void)state;
	random_guest(0, LEGACY);
	random_guest(EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE, SCALABLE);
	random_guest(0, SCALABLE);
}

/* What stays is not touched: the device uses it throughout, and nothing is pinned again. */
static void only_differences_are_changed(void **state)
{
	struct iommu_shadow_stats before;
	uint64_t calls;

	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 1024, 0, RW);
	check_all(false);
	before = stats_of();
	calls = memory.pin_calls;
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, UINT64_MAX), 0);
	guest_unmaps(0, 100, 1);
	guest_maps(0, 100, 1, 100, IOMMU_PROT_READ);
	check_all(false);
	assert_int_equal(stats_of().mapped_pages - before.mapped_pages, 1);
	assert_int_equal(stats_of().unmapped_pages - before.unmapped_pages, 1);
	assert_in_range(memory.pin_calls, calls, calls + 1);
	/* An invalidation of another domain is not looked at. */
	before = stats_of();
	guest_maps(1, 0, 10, 0, RW);
	guest_unmaps(1, 0, 10);
	assert_int_equal(stats_of().syncs, before.syncs);
	/* The other domain instead, where a part is the same. */
	guest_maps(1, 0, 512, 0, RW);
	before = stats_of();
	attach_guest(1);
	check_all(false);
	attach_guest(DOMAINS);
	check_all(false);
	assert_int_equal(memory.pins, 0);
	finish_shadow();
}

/* Before the guest has a driver, and behind a unit that passes all: as far as there is memory. */
static void what_is_not_translated_is_all_of_memory(void **state)
{
	iommu_paddr_t to;

	(void)state;
	begin_shadow(0, LEGACY | IOMMU_MODEL_VTD_PASS_THROUGH);
	attach_guest(0);
	guest_maps(0, 0, 16, 1005, RW);
	assert_int_equal(iommu_unit_disable(iommu_endpoint_unit(g.endpoint)), 0);
	assert_int_equal(g.status, 0);
	assert_true(is_blocked(0, BASE));
	assert_true(leads(0, GUEST, 0) &&
		    leads(0, GUEST + FRAMES * 4096ULL - 1, FRAMES * 4096ULL - 1));
	assert_true(is_blocked(0, GUEST + FRAMES * 4096ULL) && is_blocked(0, GUEST - 1));
	/* The guest's memory changes: it is told, and asks again. */
	assert_int_equal(unmap(GUEST, 1000 * 4096), 0);
	assert_true(leads(0, GUEST, 0));
	assert_int_equal(iommu_shadow_sync(g.shadow, GUEST, 1), 0);
	assert_int_equal(iommu_shadow_sync(g.shadow, GUEST + 4096, 999 * 4096), 0);
	assert_true(is_blocked(0, GUEST) && leads(0, GUEST + 1000 * 4096, 1000 * 4096));
	assert_int_equal(memory.pins, FRAMES - 1000);
	assert_int_equal(iommu_vtd_enable(g.iommu), 0);
	check_all(false);
	assert_int_equal(
		model_device_access(f.device[0], GUEST + 1000 * 4096, IOMMU_PROT_READ, &to),
		IOMMU_EFAULT);
	finish_shadow();
}

/* A guest that maps all there is with a few tables is looked at for so long, and no longer. */
static void hostile_tables_have_an_end(void **state)
{
	struct iommu_shadow_config config = {.file = NULL};
	struct iommu_shadow_stats before;
	struct iommu_shadow *shadow;
	uint32_t space;

	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	/* Nothing adjoins: every page leads to the same. What is right stays, in many windows. */
	for (unsigned int i = 0; i < SLOTS; i++)
		guest_maps(0, i, 1, 3, RW);
	check_all(false);
	before = stats_of();
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, UINT64_MAX), 0);
	assert_int_equal(stats_of().mapped_pages, before.mapped_pages);
	assert_int_equal(memory.pins, 1);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &space), 0);
	config = (struct iommu_shadow_config){.file = ctx,
					      .ioas = space,
					      .memory = ioas,
					      .model = g.machine.units[0],
					      .source_id = 0x20,
					      .max_leaves = 700};
	assert_int_equal(iommu_shadow_create(&config, &shadow), 0);
	assert_int_equal(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, space, NULL), 0);
	assert_int_equal(iommu_shadow_sync(shadow, 0, UINT64_MAX), IOMMU_ENOSPC);
	check_all(true);
	check_slot(100, false);
	/* Behind the end nothing stays that the guest had before. */
	assert_int_equal(iommu_shadow_sync(shadow, BASE + 1400 * 4096ULL, 100 * 4096),
			 IOMMU_ENOSPC);
	check_all(true);
	assert_int_equal(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, g.space, NULL), 0);
	assert_int_equal(iommu_object_destroy(ctx, space), IOMMU_EBUSY);
	assert_int_equal(iommu_shadow_destroy(shadow), 0);
	assert_int_equal(iommu_object_destroy(ctx, space), 0);
	check_all(false);
	finish_shadow();
}

static uint64_t *guest_words(uint64_t address)
{
	return model_machine_bytes(&g.machine, address & ~0xfffULL);
}

/* So do tables that map nothing, however many there are. */
static void tables_that_map_nothing_have_an_end(void **state)
{
	const struct iommu_platform *platform = &g.machine.platform;
	struct iommu_vtd_tables tables;
	uint64_t *root, *pages[2];

	(void)state;
	begin_limited(0, LEGACY, 100000);
	attach_guest(0);
	assert_int_equal(iommu_vtd_get_tables(g.endpoint, &tables), 0);
	root = guest_words(tables.context_low);
	for (unsigned int i = 0; i < 2; i++) {
		pages[i] = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
		assert_non_null(pages[i]);
	}
	/* The upper half is full of tables that lead to one with nothing in it. */
	for (unsigned int i = 0; i < 512; i++) {
		pages[0][i] = iommu_le64(iommu_virt_to_phys(platform, pages[1]) | RW);
		if (i >= 256)
			root[i] = iommu_le64(iommu_virt_to_phys(platform, pages[0]) | RW);
	}
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, UINT64_MAX), IOMMU_ENOSPC);
	assert_true(stats_of().is_safe && !stats_of().is_complete);
	memset(&root[256], 0, 256 * sizeof(*root));
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, UINT64_MAX), 0);
	assert_true(stats_of().is_complete);
	for (unsigned int i = 0; i < 2; i++)
		platform->free_pages(platform->ctx, pages[i], 0);
	finish_shadow();
}

/*
 * A guest gives the device another domain on one of its processors, and unmaps in the former one on
 * another, before the first has invalidated the context: what it unmaps goes.
 */
static void a_domain_that_is_being_left_is_looked_at(void **state)
{
	struct iommu_vtd_tables own, others;
	struct iommu_shadow_stats before;
	uint64_t *entry;

	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 16, 0, RW);
	guest_maps(1, 20, 4, 50, RW);
	assert_int_equal(iommu_vtd_get_tables(g.endpoint, &own), 0);
	assert_int_equal(iommu_vtd_get_tables(g.other, &others), 0);
	entry = guest_words(own.context_table) + (size_t)0x20 * 2;
	assert_int_equal(entry[1], iommu_le64(own.context_high));
	entry[0] = iommu_le64(others.context_low);
	entry[1] = iommu_le64(others.context_high);
	guest_unmaps(0, 3, 2);
	assert_int_equal(g.status, 0);
	assert_true(is_blocked(0, BASE + 3 * 4096));
	/* A part that is looked at leaves the others those of the former. */
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, UINT64_MAX), 0);
	assert_true(leads(0, BASE + 20 * 4096, 50 * 4096));
	entry[0] = iommu_le64(own.context_low);
	entry[1] = iommu_le64(own.context_high);
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 4096), 0);
	guest_unmaps(1, 20, 2);
	assert_true(is_blocked(0, BASE + 20 * 4096));
	check_all(false);
	/* Other domains are not looked at. */
	before = stats_of();
	guest_unmaps(1, 22, 2);
	assert_int_equal(stats_of().syncs, before.syncs);
	finish_shadow();
}

/* One PASID of the device, whose other requests have another shadow. */
static void a_pasid_has_a_shadow_of_its_own(void **state)
{
	struct iommu_group *group;
	struct iommu_pasid_handle handle;
	struct iommu_shadow_config config;
	struct iommu_shadow *without;
	iommu_paddr_t to = 0;
	uint32_t space;

	(void)state;
	begin_shadow(EVERYTHING, SCALABLE | IOMMU_MODEL_VTD_PASID);
	group = iommu_endpoint_group(g.endpoint);
	without = g.shadow;
	assert_int_equal(iommu_endpoint_enable_feature(g.endpoint, IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &space), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], 40, space, NULL), 0);
	config = (struct iommu_shadow_config){.file = ctx,
					      .ioas = space,
					      .memory = ioas,
					      .model = g.machine.units[0],
					      .source_id = 0x20,
					      .has_pasid = true,
					      .pasid = 9};
	assert_int_equal(iommu_shadow_create(&config, &g.shadow), 0);
	assert_int_equal(iommu_domain_attach_pasid(g.domains[0], group, 9, &handle), 0);
	guest_maps(0, 0, 16, 700, RW);
	assert_int_equal(model_device_access_pasid(f.device[0], 40, BASE + 0x3008, RW, &to), 0);
	assert_int_equal(to, test_memory_paddr(&memory, 703 * 4096) + 8);
	assert_true(is_blocked(0, BASE));
	/* What is another PASID's is not looked at. */
	assert_int_equal(iommu_shadow_sync(without, 0, UINT64_MAX), 0);
	assert_true(is_blocked(0, BASE));
	guest_unmaps(0, 2, 4);
	assert_int_not_equal(model_device_access_pasid(f.device[0], 40, BASE + 0x3000, RW, &to), 0);
	assert_int_equal(model_device_access_pasid(f.device[0], 40, BASE + 0x6000, RW, &to), 0);
	assert_int_equal(iommu_domain_detach_pasid(group, 9), 0);
	assert_int_not_equal(model_device_access_pasid(f.device[0], 40, BASE + 0x6000, RW, &to), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_device_detach(ctx, device[0], 40), 0);
	assert_int_equal(iommu_shadow_destroy(g.shadow), 0);
	g.shadow = without;
	finish_shadow();
}

/* Hardware that does not confirm: it is said, and made good. */
static void hardware_that_is_silent_is_told(void **state)
{
	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 600, 0, RW);
	hang(true);
	guest_unmaps(0, 10, 20);
	assert_int_equal(g.status, IOMMU_ETIMEDOUT);
	assert_false(stats_of().is_safe);
	/* What is stuck stays pinned, and stands in the way of what comes there next. */
	assert_int_equal(memory.pins, 600);
	guest_maps(0, 10, 5, 900, RW);
	/* Calls about other domains say so, too; and where memory is what is short. */
	g.status = 0;
	guest_maps(1, 0, 1, 0, RW);
	assert_int_equal(g.status, IOMMU_ETIMEDOUT);
	f.machine.fail_every = 1;
	guest_unmaps(0, 100, 5);
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 4096), IOMMU_EBUSY);
	assert_false(stats_of().is_safe);
	f.machine.fail_every = 0;
	hang(false);
	guest_unmaps(1, 0, 1);
	assert_true(stats_of().is_safe);
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 4096), 0);
	assert_true(stats_of().is_safe && stats_of().is_complete);
	check_all(false);
	assert_int_equal(memory.pins, 580);
	finish_shadow();
}

/* A shadow whose space is not surely empty stays, until a further call empties it. */
static void a_shadow_that_is_not_emptied_stays(void **state)
{
	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 10, 0, RW);
	assert_int_equal(memory.pins, 10);
	hang(true);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(iommu_shadow_destroy(g.shadow), IOMMU_ETIMEDOUT);
		assert_int_equal(memory.pins, 10);
		assert_int_equal(iommu_object_destroy(ctx, g.space), IOMMU_EBUSY);
	}
	hang(false);
	assert_int_equal(iommu_shadow_destroy(g.shadow), 0);
	g.shadow = NULL;
	assert_int_equal(memory.pins, 0);
	finish_shadow();
}

/* A mapping that a host's unit did not confirm may be reached until an unmap is confirmed. */
static void what_may_be_mapped_is_stuck(void **state)
{
	uint64_t bytes;

	(void)state;
	begin_shadow(IOMMU_MODEL_VTD_CACHING_MODE, LEGACY);
	attach_guest(0);
	hang(true);
	guest_maps(0, 0, 10, 0, RW);
	assert_int_equal(g.status, IOMMU_ETIMEDOUT);
	assert_false(stats_of().is_safe);
	g.status = 0;
	guest_unmaps(0, 0, 10);
	assert_int_equal(g.status, IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 4096), 0);
	assert_true(stats_of().is_safe && stats_of().is_complete);
	check_all(false);
	assert_int_equal(memory.pins, 0);
	/* Memory that cannot be pinned for now is not mapped, and hides nothing. */
	assert_int_equal(iommu_ioas_unmap_vaddr(ctx, __func__, ioas, 0, UINT64_MAX, &bytes), 0);
	g.status = 0;
	guest_maps(0, 0, 10, 0, RW);
	assert_int_equal(g.status, IOMMU_EAGAIN);
	assert_true(stats_of().is_safe && !stats_of().is_complete);
	check_all(true);
	finish_shadow();
}

/*
 * Where there is no memory to unmap a part of an area, all of it goes; what should have stayed is
 * known to be missing, and comes back in the call or with any later one.
 */
static void what_went_too_far_comes_back(void **state)
{
	unsigned int gone;
	uint64_t before;

	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 600, 0, RW);
	assert_int_equal(memory.pins, 600);
	before = f.machine.allocations;
	/* Each takes an area more, until there is no memory for one. */
	f.machine.fail_every = 1;
	for (gone = 0; gone < 290; gone++) {
		guest_unmaps(0, 2 * gone + 1, 1);
		assert_true(memory.pins == 599 - gone || !stats_of().is_safe ||
			    !stats_of().is_complete);
	}
	assert_true(f.machine.allocations > before);
	f.machine.fail_every = 0;
	/* A call that is about another part. */
	guest_maps(0, 620, 1, 650, RW);
	assert_true(stats_of().is_safe && stats_of().is_complete);
	check_all(false);
	assert_int_equal(memory.pins, 600 - gone + 1);
	finish_shadow();
}

/* Once memory has run out nothing more is tried in a call: each would fail, and take its time. */
static void memory_that_is_short_is_asked_once(void **state)
{
	struct iommu_shadow *shadow;
	uint64_t before;

	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	/* Many parts, each of which is mapped for itself, that the shadow is not told of. */
	shadow = g.shadow;
	g.shadow = NULL;
	for (unsigned int i = 0; i < 64; i++)
		guest_maps(0, 2 * i, 1, 2 * i, RW);
	g.shadow = shadow;
	f.machine.fail_every = 1;
	before = f.machine.allocations;
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, UINT64_MAX), IOMMU_ENOMEM);
	/* Two turns, each of which ends with the first that fails. */
	assert_in_range(f.machine.allocations - before, 2, 8);
	assert_true(stats_of().is_safe && !stats_of().is_complete);
	assert_int_equal(memory.pins, 0);
	check_all(true);
	recover();
	assert_int_equal(memory.pins, 64);
	finish_shadow();
}

/* Where the host's device cannot reach, whatever the guest maps. */
static void reserved_addresses_are_left_out(void **state)
{
	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	assert_int_equal(iommu_map(g.domains[0], 0xfedff000, GUEST, 0x102000, RW), 0);
	assert_int_equal(g.status, 0);
	assert_true(leads(0, 0xfedff000, 0) && leads(0, 0xfef00000, 0x101000));
	assert_int_equal(iommu_unmap(g.domains[0], 0xfedff000, 0x102000, 0, NULL), 0);
	assert_int_equal(memory.pins, 0);
	finish_shadow();
}

/* --- What was written ------------------------------------------------------------------------- */

#define LOG_WORDS (FRAMES / 64 + 1)

static struct {
	uint64_t log[LOG_WORDS], words[LOG_WORDS];
	struct iommu_dirty_bitmap bitmap;
	uint32_t hwpt;
} d;

static void device_writes(unsigned int slot)
{
	iommu_paddr_t to;

	assert_int_equal(
		model_device_access(f.device[0], BASE + slot * 4096ULL, IOMMU_PROT_WRITE, &to), 0);
}

static int read_written(uint32_t hwpt, unsigned int flags)
{
	memset(d.words, 0, sizeof(d.words));
	return iommu_shadow_read_dirty(g.shadow, hwpt, flags, &d.bitmap);
}

/* Frames that are written, from one on; and no others. */
static bool are_written(unsigned int first, unsigned int count)
{
	unsigned int i, others = 0;

	for (i = 0; i < LOG_WORDS * 64; i++) {
		const bool is_set = (d.words[i / 64] >> i % 64 & 1) != 0;

		if (i >= first && i < first + count && !is_set)
			return false;
		others += is_set && (i < first || i >= first + count);
	}
	return others == 0;
}

/* With `frames` of the guest's memory from a first one on, the last word of the bitmaps unused. */
static void begin_dirty(unsigned int first, unsigned int frames)
{
	const struct iommu_hwpt_config dirty = {.flags = IOMMU_HWPT_DIRTY};
	struct iommu_dirty_bitmap log;

	begin_shadow(EVERYTHING, SCALABLE);
	attach_guest(0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], g.space, &dirty, &d.hwpt), 0);
	assert_int_equal(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, d.hwpt, NULL), 0);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, d.hwpt, true), 0);
	memset(d.log, 0xff, sizeof(d.log));
	d.log[LOG_WORDS - 1] = 0;
	d.bitmap = (struct iommu_dirty_bitmap){.words = d.words,
					       .start = GUEST + first * 4096ULL,
					       .bits = frames,
					       .page_shift = 12};
	log = d.bitmap;
	log.words = d.log;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &log), 0);
}

static void end_dirty(void)
{
	assert_int_equal(d.log[LOG_WORDS - 1] | d.words[LOG_WORDS - 1], 0);
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, NULL), 0);
	assert_int_equal(read_written(0, 0), IOMMU_EINVAL);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_object_destroy(ctx, d.hwpt), 0);
	assert_int_equal(attach(0, g.space), 0);
	finish_shadow();
}

/* By addresses of the guest's memory, whatever the addresses are that its device uses. */
static void what_the_device_writes_is_told(void **state)
{
	iommu_iova_t twin = GUEST + FRAMES / 2 * 4096ULL;

	(void)state;
	begin_dirty(0, FRAMES);
	guest_maps(0, 0, 64, 200, RW);
	guest_maps(0, 100, 10, 600, IOMMU_PROT_READ);
	device_writes(3);
	device_writes(4);
	assert_int_equal(read_written(d.hwpt, IOMMU_DIRTY_KEEP), 0);
	assert_true(are_written(203, 2));
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(203, 2));
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(0, 0));
	/* What is unmapped may have been written until then, and is told once. */
	guest_unmaps(0, 5, 4);
	guest_unmaps(0, 100, 10);
	assert_int_equal(read_written(d.hwpt, IOMMU_DIRTY_KEEP), 0);
	assert_true(are_written(205, 4));
	assert_int_equal(read_written(4711, 0), IOMMU_ENOENT);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(205, 4));
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(0, 0));
	/* … also where the guest maps other memory there instead. */
	guest_unmaps(0, 0, 2);
	guest_maps(0, 0, 2, 900, RW);
	device_writes(1);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true((d.words[200 / 64] >> 200 % 64 & 3) == 3);
	d.words[200 / 64] &= ~(3ULL << 200 % 64);
	assert_true(are_written(901, 1));
	/* Without the tables' word for it, all that could be. */
	guest_unmaps(0, 0, 64);
	guest_maps(0, 32, 32, 512, RW);
	assert_int_equal(read_written(0, 0), 0);
	assert_int_equal(read_written(0, 0), 0);
	assert_true(are_written(512, 32));
	/* Farther apart than what is asked for at once. */
	assert_int_equal(
		iommu_map(g.domains[0], BASE + (1ULL << 32), GUEST + 700 * 4096ULL, 0x4000, RW), 0);
	device_writes(33);
	device_writes((1U << 20) + 2);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true((d.words[513 / 64] >> 513 % 64 & 1) != 0);
	d.words[513 / 64] = 0;
	assert_true(are_written(702, 1));
	assert_int_equal(iommu_unmap(g.domains[0], BASE + (1ULL << 32), 0x4000, 0, NULL), 0);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(700, 4));
	/* Memory that the guest has twice. */
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, GUEST + 1000 * 4096ULL,
					  (FRAMES - 1000) * 4096ULL, NULL),
			 0);
	assert_int_equal(iommu_ioas_copy(ctx, ioas, ioas, GUEST, 1000 * 4096ULL, FIXED, &twin), 0);
	device_writes(40);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_int_equal(d.words[520 / 64], 1ULL << 520 % 64);
	d.words[520 / 64] = 0;
	assert_true(are_written(FRAMES / 2 + 520, 1));
	end_dirty();
}

/* A page of 1 GiB of the host's tables is marked clean, and told of once, wherever it lies. */
static void large_pages_are_told_of_once(void **state)
{
	const struct iommu_hwpt_config dirty = {.flags = IOMMU_HWPT_DIRTY};
	const uint64_t gib = 1ULL << 30, large = 1ULL << 33;
	static uint64_t log_words[8], words[8];
	struct iommu_dirty_bitmap log = {
		.words = log_words, .start = 1ULL << 33, .bits = 512, .page_shift = 21};
	struct iommu_dirty_bitmap read = log;
	struct test_memory other;
	struct iommu_backing backing;
	iommu_iova_t iova = large, elsewhere;
	iommu_paddr_t to;
	uint32_t hwpt;
	unsigned int i;

	(void)state;
	read.words = words;
	begin_shadow(EVERYTHING, SCALABLE);
	attach_guest(0);
	test_memory_init(&other, MEMORY_WHOLE, 0x7e0000000000, 1U << 18, 1ULL << 37);
	backing = test_memory_at(&other, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, gib, FIXED, &iova), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], g.space, &dirty, &hwpt), 0);
	assert_int_equal(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, hwpt, NULL), 0);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, hwpt, true), 0);
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &log), 0);
	/* Alone, and with a page in front of it. */
	elsewhere = 5 * gib;
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_map(g.domains[0], elsewhere, large, gib, RW), 0);
		assert_int_equal(model_device_access(f.device[0], elsewhere + gib / 4 * 3,
						     IOMMU_PROT_WRITE, &to),
				 0);
		assert_int_equal(to, (1ULL << 37) + gib / 4 * 3);
		memset(words, 0, sizeof(words));
		assert_int_equal(iommu_shadow_read_dirty(g.shadow, hwpt, 0, &read), 0);
		assert_true((words[384 / 64] & 1) != 0);
		memset(words, 0, sizeof(words));
		assert_int_equal(iommu_shadow_read_dirty(g.shadow, hwpt, 0, &read), 0);
		assert_int_equal(words[384 / 64], 0);
		assert_int_equal(words[0], 0);
		assert_int_equal(iommu_unmap(g.domains[0], elsewhere, gib, 0, NULL), 0);
		memset(words, 0, sizeof(words));
		assert_int_equal(iommu_shadow_read_dirty(g.shadow, hwpt, 0, &read), 0);
		if (i == 0)
			assert_int_equal(
				iommu_map(g.domains[0], elsewhere - 0x1000, GUEST, 0x1000, RW), 0);
	}
	assert_int_equal(iommu_unmap(g.domains[0], elsewhere - 0x1000, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, NULL), 0);
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, large, gib, NULL), 0);
	test_memory_destroy(&other);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_object_destroy(ctx, hwpt), 0);
	assert_int_equal(attach(0, g.space), 0);
	finish_shadow();
}

/* The log is not taken for the word of another address space's tables. */
static void another_space_says_nothing(void **state)
{
	const struct iommu_hwpt_config dirty = {.flags = IOMMU_HWPT_DIRTY};
	struct iommu_hwpt_info info;
	uint32_t other;

	(void)state;
	begin_dirty(0, FRAMES);
	guest_maps(0, 0, 8, 200, RW);
	device_writes(3);
	guest_unmaps(0, 0, 1);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &dirty, &other), 0);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, other, true), 0);
	assert_int_equal(iommu_hwpt_get_info(ctx, other, &info), 0);
	assert_int_equal(info.ioas, ioas);
	assert_int_equal(read_written(other, 0), IOMMU_EINVAL);
	assert_int_equal(read_written(g.space, 0), IOMMU_EINVAL);
	assert_true(are_written(0, 0));
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(d.words[203 / 64] >> 203 % 64 & 1);
	assert_true(d.words[200 / 64] >> 200 % 64 & 1);
	assert_int_equal(iommu_object_destroy(ctx, other), 0);
	end_dirty();
}

static void what_is_written_elsewhere_is_not_told(void **state)
{
	struct iommu_dirty_bitmap bad;

	(void)state;
	begin_dirty(100, 10);
	guest_maps(0, 0, 64, 90, RW);
	assert_int_equal(read_written(0, 0), 0);
	assert_true(are_written(0, 10));
	guest_unmaps(0, 0, 18);
	guest_unmaps(0, 30, 34);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(0, 8));
	/* What is no bitmap, or another one. */
	assert_int_equal(read_written(0, 2), IOMMU_EOPNOTSUPP);
	bad = d.bitmap;
	bad.bits++;
	assert_int_equal(iommu_shadow_read_dirty(g.shadow, 0, 0, &bad), IOMMU_EINVAL);
	bad = d.bitmap;
	bad.start += 4096;
	assert_int_equal(iommu_shadow_read_dirty(g.shadow, 0, 0, &bad), IOMMU_EINVAL);
	bad.page_shift = 13;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), IOMMU_EINVAL);
	bad.page_shift = 11;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), IOMMU_EINVAL);
	bad = d.bitmap;
	bad.bits = 0;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), IOMMU_EINVAL);
	/* Up to the last address there is: the bits behind it are of nothing. */
	bad = (struct iommu_dirty_bitmap){
		.words = d.log, .start = 1ULL << 63, .bits = FRAMES, .page_shift = 62};
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), 0);
	guest_unmaps(0, 18, 12);
	assert_int_equal(d.log[0], 0);
	/* What could not be unmapped is written still. */
	bad = d.bitmap;
	bad.words = d.log;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), 0);
	guest_maps(0, 0, 64, 90, RW);
	hang(true);
	guest_unmaps(0, 12, 4);
	assert_int_equal(read_written(d.hwpt, 0), IOMMU_EBUSY);
	hang(false);
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 4096), 0);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(2, 4));
	end_dirty();
}

/* A mapping that came to nothing was perhaps there for a moment. */
static void what_was_tried_counts_as_written(void **state)
{
	struct iommu_dirty_bitmap log;

	(void)state;
	begin_shadow(IOMMU_MODEL_VTD_CACHING_MODE, LEGACY);
	attach_guest(0);
	d.bitmap = (struct iommu_dirty_bitmap){
		.words = d.words, .start = GUEST, .bits = FRAMES, .page_shift = 12};
	log = d.bitmap;
	log.words = d.log;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &log), 0);
	hang(true);
	guest_maps(0, 0, 4, 50, RW);
	guest_maps(0, 10, 4, 70, IOMMU_PROT_READ);
	assert_int_equal(read_written(0, 0), IOMMU_EBUSY);
	/* Nor does it begin anew: what is written by then is noted already. */
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &log), IOMMU_EBUSY);
	guest_unmaps(0, 0, 4);
	guest_unmaps(0, 10, 4);
	hang(false);
	assert_int_equal(iommu_shadow_sync(g.shadow, BASE, 4096), 0);
	assert_int_equal(read_written(0, 0), 0);
	assert_true(are_written(50, 4));
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, NULL), 0);
	finish_shadow();
}

static void shadows_are_made_of_what_fits(void **state)
{
	struct iommu_shadow_config config = {.file = NULL};
	struct iommu_shadow *shadow = NULL;
	iommu_iova_t iova = 0x1000;
	uint32_t whole, used;

	(void)state;
	begin_shadow(0, LEGACY);
	config = (struct iommu_shadow_config){
		.file = ctx, .ioas = 999, .memory = ioas, .model = g.machine.units[0]};
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_ENOENT);
	config.model = f.machine.units[0];
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_EOPNOTSUPP);
	config.model = g.machine.units[0];
	config.ioas = device[0];
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_EINVAL);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &whole), 0);
	config.ioas = whole;
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_EINVAL);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &used), 0);
	config.ioas = used;
	config.memory = used;
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_EINVAL);
	config.memory = 999;
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_ENOENT);
	config.memory = ioas;
	assert_int_equal(iommu_ioas_copy(ctx, used, ioas, GUEST, 4096, FIXED, &iova), 0);
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_EINVAL);
	assert_null(shadow);
	/* Nothing is held by what was not made; whatever memory is short. */
	assert_int_equal(iommu_ioas_unmap(ctx, used, iova, 4096, NULL), 0);
	for (unsigned int n = 1; n < 3; n++) {
		f.machine.fail_at = f.machine.allocations + n;
		assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_ENOMEM);
	}
	assert_int_equal(iommu_object_destroy(ctx, used), 0);
	assert_int_equal(iommu_object_destroy(ctx, whole), 0);
	assert_int_equal(iommu_object_destroy(ctx, ioas), IOMMU_EBUSY);
	assert_int_equal(iommu_shadow_sync(g.shadow, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_shadow_sync(g.shadow, UINT64_MAX, 2), IOMMU_EOVERFLOW);
	assert_int_equal(iommu_shadow_sync(g.shadow, UINT64_MAX, 1), 0);
	assert_int_equal(iommu_shadow_destroy(NULL), 0);
	finish_shadow();
}

/* --- What is refused, and what concerns others ------------------------------------------------ */

/* A bitmap that cannot be one changes nothing: neither the log, nor what is told of it. */
static void bitmaps_are_checked(void **state)
{
	struct iommu_dirty_bitmap bad;

	(void)state;
	begin_dirty(0, FRAMES);
	guest_maps(0, 0, 8, 200, RW);
	guest_unmaps(0, 2, 1);
	bad = d.bitmap;
	bad.words = NULL;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), IOMMU_EINVAL);
	assert_int_equal(iommu_shadow_read_dirty(g.shadow, 0, 0, &bad), IOMMU_EINVAL);
	bad = d.bitmap;
	bad.page_shift = 64;
	assert_int_equal(iommu_shadow_set_dirty(g.shadow, &bad), IOMMU_EINVAL);
	bad = d.bitmap;
	bad.page_shift = 13;
	assert_int_equal(iommu_shadow_read_dirty(g.shadow, 0, 0, &bad), IOMMU_EINVAL);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true(are_written(202, 1));
	end_dirty();
}

/* Memory at the very end of the guest's addresses, and memory of another owner with it. */
static void memory_at_the_end_is_looked_at_once(void **state)
{
	const iommu_iova_t last = UINT64_MAX - 0xfff;
	struct test_memory other;
	struct iommu_backing backing;
	iommu_iova_t iova = last - 0x8000;

	(void)state;
	begin_dirty(0, FRAMES);
	/* At the addresses, for their owner, that the guest's first memory has for its own. */
	test_memory_init(&other, MEMORY_WHOLE, memory.address, 4, 1ULL << 37);
	backing = test_memory_at(&other, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x4000, FIXED, &iova), 0);
	assert_int_equal(map_at(last, FRAMES * 4096ULL, 4096), 0);
	guest_maps(0, 0, 4, 0, RW);
	device_writes(1);
	guest_unmaps(0, 3, 1);
	assert_int_equal(read_written(d.hwpt, 0), 0);
	assert_true((d.words[0] & ~0x8ULL) == 2 && d.words[0] == 0xa);
	d.words[0] = 0;
	assert_true(are_written(0, 0));
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova, 0x4000, NULL), 0);
	test_memory_destroy(&other);
	assert_int_equal(unmap(last, 4096), 0);
	end_dirty();
}

static uint64_t syncs_for(const struct iommu_model_invalidation *what)
{
	const uint64_t before = stats_of().syncs;

	assert_int_equal(iommu_shadow_invalidate(g.shadow, what), 0);
	return stats_of().syncs - before;
}

/* The guest's tables are looked at for what may have changed them for the device, only. */
static void what_concerns_others_is_not_looked_at(void **state)
{
	static const enum iommu_model_invalidation_type others[] = {
		IOMMU_MODEL_INVALIDATE_DEVICE_TLB, IOMMU_MODEL_INVALIDATE_INTERRUPTS,
		IOMMU_MODEL_INTERRUPT_TABLE_SET, IOMMU_MODEL_INTERRUPTS_SWITCHED,
		IOMMU_MODEL_COMPATIBILITY_SWITCHED};
	struct iommu_model_invalidation what = {.granularity = IOMMU_MODEL_OF_ALL};

	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 4, 0, RW);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		what.type = others[i];
		assert_int_equal(syncs_for(&what), 0);
	}
	what.type = IOMMU_MODEL_RESET;
	assert_int_equal(syncs_for(&what), 1);
	what.type = IOMMU_MODEL_INVALIDATE_PASIDS;
	assert_int_equal(syncs_for(&what), 1);
	/* Contexts of another device, and of a range of devices that has this one. */
	what = (struct iommu_model_invalidation){.type = IOMMU_MODEL_INVALIDATE_CONTEXTS,
						 .granularity = IOMMU_MODEL_OF_DEVICES,
						 .has_source = true,
						 .source_id = 0x21,
						 .source_mask = 0xffff};
	assert_int_equal(syncs_for(&what), 0);
	what.source_mask = 0xfff8;
	assert_int_equal(syncs_for(&what), 1);
	/* A range without a size is everything: what was changed elsewhere is found, too. */
	what = (struct iommu_model_invalidation){.type = IOMMU_MODEL_INVALIDATE_IOTLB,
						 .granularity = IOMMU_MODEL_OF_RANGE,
						 .address = BASE + 4 * 4096,
						 .size = 4096};
	memory.is_gone = true;
	guest_maps(0, 8, 1, 8, RW);
	memory.is_gone = false;
	assert_false(stats_of().is_complete);
	assert_int_equal(syncs_for(&what), 1);
	assert_true(stats_of().is_complete);
	what.size = 0;
	assert_int_equal(syncs_for(&what), 1);
	check_all(false);
	finish_shadow();
}

/* With a PASID: what names another one is not its own, what names none is. */
static void pasids_of_others_are_not_looked_at(void **state)
{
	struct iommu_shadow_config config;
	struct iommu_model_invalidation what = {.type = IOMMU_MODEL_INVALIDATE_PASIDS,
						.granularity = IOMMU_MODEL_OF_PASID,
						.has_pasid = true,
						.pasid = 8};
	struct iommu_shadow *without;
	uint32_t space;

	(void)state;
	begin_shadow(EVERYTHING, SCALABLE | IOMMU_MODEL_VTD_PASID);
	without = g.shadow;
	assert_int_equal(syncs_for(&what), 1);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &space), 0);
	config = (struct iommu_shadow_config){.file = ctx,
					      .ioas = space,
					      .memory = ioas,
					      .model = g.machine.units[0],
					      .source_id = 0x20,
					      .has_pasid = true,
					      .pasid = 9};
	assert_int_equal(iommu_shadow_create(&config, &g.shadow), 0);
	assert_int_equal(syncs_for(&what), 0);
	what.type = IOMMU_MODEL_INVALIDATE_IOTLB;
	assert_int_equal(syncs_for(&what), 0);
	what.pasid = 9;
	assert_int_equal(syncs_for(&what), 1);
	what.has_pasid = false;
	what.pasid = 8;
	assert_int_equal(syncs_for(&what), 1);
	assert_int_equal(iommu_shadow_destroy(g.shadow), 0);
	g.shadow = without;
	finish_shadow();
}

/* Regions of the host's device, of which the guest knows nothing: in, behind and before a part. */
static void regions_of_the_host_are_left_out(void **state)
{
	const struct iommu_region region = {.start = BASE + 16 * 4096,
					    .last = BASE + 20 * 4096 - 1,
					    .type = IOMMU_REGION_RESERVED};

	(void)state;
	begin_shadow(0, LEGACY);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	assert_int_equal(iommu_add_region(f.iommu, 0, f.device[0]->source_id, &region), 0);
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(attach(0, g.space), 0);
	attach_guest(0);
	for (unsigned int i = 0; i < 4; i++) {
		static const unsigned int first[] = {10, 10, 17, 17}, count[] = {20, 8, 13, 2};

		guest_maps(0, first[i], count[i], 100, RW);
		assert_int_equal(g.status, 0);
		assert_true(stats_of().is_complete);
		for (unsigned int slot = 16; slot < 20; slot++)
			g.slots[0][slot].frame = NO_FRAME;
		check_all(false);
		guest_unmaps(0, first[i], count[i]);
		assert_int_equal(memory.pins, 0);
	}
	finish_shadow();
}

static void *no_mutex(void *context)
{
	(void)context;
	return NULL;
}

/* A host without mutexes, whose calls do not meet; and one that has none left. */
static void mutexes_are_the_hosts(void **state)
{
	struct iommu_shadow *with, *shadow = NULL;
	void *(*create)(void *context);
	struct iommu_shadow_config config;
	size_t pages;

	(void)state;
	begin_shadow(0, LEGACY);
	with = g.shadow;
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &g.space), 0);
	config = (struct iommu_shadow_config){.file = ctx,
					      .ioas = g.space,
					      .memory = ioas,
					      .model = g.machine.units[0],
					      .source_id = 0x20};
	pages = f.machine.pages_in_use;
	create = f.machine.platform.mutex_create;
	f.machine.platform.mutex_create = no_mutex;
	assert_int_equal(iommu_shadow_create(&config, &shadow), IOMMU_ENOMEM);
	assert_int_equal(f.machine.pages_in_use, pages);
	f.machine.platform.mutex_create = NULL;
	assert_int_equal(iommu_shadow_create(&config, &g.shadow), 0);
	f.machine.platform.mutex_create = create;
	assert_null(shadow);
	assert_int_equal(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, g.space, NULL), 0);
	attach_guest(0);
	guest_maps(0, 0, 40, 0, RW);
	guest_unmaps(0, 10, 3);
	check_all(false);
	attach_guest(DOMAINS);
	assert_int_equal(iommu_shadow_destroy(g.shadow), 0);
	g.shadow = with;
	finish_shadow();
}

/* What cannot be unmapped for certain keeps the shadow; the next call ends it. */
static void a_shadow_ends_when_all_is_unmapped(void **state)
{
	(void)state;
	begin_shadow(0, LEGACY);
	attach_guest(0);
	guest_maps(0, 0, 10, 0, RW);
	hang(true);
	assert_int_equal(iommu_shadow_destroy(g.shadow), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_object_destroy(ctx, ioas), IOMMU_EBUSY);
	assert_int_equal(memory.pins, 10);
	hang(false);
	finish_shadow();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_differences_are_changed),
		cmocka_unit_test(what_is_not_translated_is_all_of_memory),
		cmocka_unit_test(hostile_tables_have_an_end),
		cmocka_unit_test(tables_that_map_nothing_have_an_end),
		cmocka_unit_test(a_domain_that_is_being_left_is_looked_at),
		cmocka_unit_test(a_pasid_has_a_shadow_of_its_own),
		cmocka_unit_test(hardware_that_is_silent_is_told),
		cmocka_unit_test(a_shadow_that_is_not_emptied_stays),
		cmocka_unit_test(what_may_be_mapped_is_stuck),
		cmocka_unit_test(what_went_too_far_comes_back),
		cmocka_unit_test(memory_that_is_short_is_asked_once),
		cmocka_unit_test(reserved_addresses_are_left_out),
		cmocka_unit_test(what_the_device_writes_is_told),
		cmocka_unit_test(large_pages_are_told_of_once),
		cmocka_unit_test(another_space_says_nothing),
		cmocka_unit_test(what_is_written_elsewhere_is_not_told),
		cmocka_unit_test(what_was_tried_counts_as_written),
		cmocka_unit_test(shadows_are_made_of_what_fits),
		cmocka_unit_test(bitmaps_are_checked),
		cmocka_unit_test(memory_at_the_end_is_looked_at_once),
		cmocka_unit_test(what_concerns_others_is_not_looked_at),
		cmocka_unit_test(pasids_of_others_are_not_looked_at),
		cmocka_unit_test(regions_of_the_host_are_left_out),
		cmocka_unit_test(mutexes_are_the_hosts),
		cmocka_unit_test(a_shadow_ends_when_all_is_unmapped),
		cmocka_unit_test(guests_at_random_on_any_host),
	};

	test_contract_unmaps_under_mutex();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
