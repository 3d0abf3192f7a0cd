/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of an IOMMU file: everything that its owner can make grow has a limit, is refused beyond
 * it with nothing changed, is counted once, and is available again after a release. Objects, areas
 * and pinned pages: test_ioas.c.
 */
#include <string.h>

#include "ioas_fixture.h"
#include "test.h"

#define MANY 64

static void begin_limited(unsigned int flags, const struct iommu_file_limits *limits)
{
	begin_machine(flags, 1, 1);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, limits, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
}

static struct iommu_file_stats stats(void)
{
	struct iommu_file_stats now;

	iommu_file_get_stats(ctx, &now);
	return now;
}

/* Whatever allocation fails, there is no file, and nothing of it is kept. */
static void a_file_that_has_no_memory_is_none(void **state)
{
	struct iommu_file *file = NULL;
	unsigned int nth = 0;
	size_t pages;
	int status;

	(void)state;
	begin_machine(EVERYTHING, 1, 1);
	pages = f.machine.pages_in_use;
	do {
		f.machine.fail_at = f.machine.allocations + ++nth;
		status = iommu_file_create(f.iommu, NULL, &file);
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		assert_true((status == 0) == (file != NULL));
		assert_true(status == 0 || f.machine.pages_in_use == pages);
	} while (status != 0);
	assert_true(nth > 1);
	f.machine.fail_at = 0;
	assert_int_equal(iommu_file_destroy(file), 0);
	end();
}

/* --- Allowed ranges --------------------------------------------------------------------------- */

static struct iommu_iova_bounds ranges[MANY];

static int allow(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		ranges[i] = (struct iommu_iova_bounds){i * 0x2000ULL, i * 0x2000ULL + 0xfff};
	return iommu_ioas_allow(ctx, ioas, ranges, count);
}

static void allowed_ranges_are_bounded(void **state)
{
	static const struct iommu_file_limits limits[] = {
		{.areas = 4}, {.areas = 9, .allowed_ranges = 4}, {.allowed_ranges = 4}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t before;

		begin_limited(EVERYTHING, &limits[i]);
		before = metadata();
		assert_int_equal(allow(MANY), IOMMU_ENOSPC);
		assert_int_equal(allow(5), IOMMU_ENOSPC);
		assert_int_equal(metadata(), before);
		/* Those from before do not count against those that take their place. */
		assert_int_equal(allow(4), 0);
		assert_int_equal(allow(4), 0);
		assert_int_equal(allow(5), IOMMU_ENOSPC);
		assert_int_equal(allow(0), 0);
		assert_int_equal(metadata(), before);
		finish();
	}
	begin_limited(EVERYTHING, NULL);
	assert_int_equal(allow(MANY), 0);
	finish();
}

/* --- Attachments ------------------------------------------------------------------------------ */

static void attachments_are_bounded(void **state)
{
	static const struct iommu_file_limits limits[] = {{.objects = 4},
							  {.objects = 9, .attachments = 4}};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t before;
		uint32_t pasid;

		begin_limited(EVERYTHING, &limits[i]);
		for (pasid = 0; pasid < 4; pasid++)
			assert_int_equal(iommu_device_attach(ctx, device[0], pasid, ioas, NULL), 0);
		before = metadata();
		assert_int_equal(iommu_device_attach(ctx, device[0], 4, ioas, NULL), IOMMU_ENOSPC);
		assert_int_equal(stats().attachments, 4);
		assert_int_equal(metadata(), before);
		assert_int_equal(iommu_device_detach(ctx, device[0], 3), 0);
		assert_int_equal(iommu_device_attach(ctx, device[0], 4, ioas, NULL), 0);
		/* A refused attach is not counted either. */
		assert_int_equal(iommu_device_detach(ctx, device[0], 4), 0);
		assert_int_equal(iommu_device_attach(ctx, device[0], 1U << 20, ioas, NULL),
				 IOMMU_EINVAL);
		assert_int_equal(stats().attachments, 3);
		finish();
	}
}

/* --- Pins of access objects ------------------------------------------------------------------- */

static void keep(void *unused, iommu_iova_t iova, uint64_t size)
{
	(void)unused;
	(void)iova;
	(void)size;
}

/* What is pinned already is pinned again for nothing, but for the list of where it is. */
static void pins_are_bounded(void **state)
{
	static const struct iommu_file_limits limits[] = {
		{.pinned_pages = 8}, {.pinned_pages = 9, .access_pages = 8}, {.access_pages = 8}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		iommu_paddr_t pages[8];
		uint64_t before;
		uint32_t access;

		begin_limited(EVERYTHING, &limits[i]);
		assert_int_equal(map_at(IOVA, 0, 0x4000), 0);
		assert_int_equal(iommu_access_alloc(ctx, keep, NULL, &access), 0);
		assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
		for (unsigned int j = 0; j < 2; j++)
			assert_int_equal(iommu_access_pin(ctx, access, IOVA, 0x4000, RW, pages), 0);
		before = metadata();
		assert_int_equal(iommu_access_pin(ctx, access, IOVA, 0x1000, RW, pages),
				 IOMMU_ENOMEM);
		assert_int_equal(metadata(), before);
		assert_int_equal(stats().access_pages, 8);
		assert_int_equal(stats().pinned_pages, 4);
		assert_int_equal(iommu_access_unpin(ctx, access, IOVA, 0x4000), 0);
		/* One that fails is not counted. */
		assert_int_equal(iommu_access_pin(ctx, access, 0, 0x1000, RW, pages), IOMMU_ENOENT);
		assert_int_equal(stats().access_pages, 4);
		assert_int_equal(iommu_access_pin(ctx, access, IOVA, 0x4000, RW, pages), 0);
		for (unsigned int j = 0; j < 2; j++)
			assert_int_equal(iommu_access_unpin(ctx, access, IOVA, 0x4000), 0);
		assert_int_equal(iommu_access_unpin(ctx, access, IOVA, 0x4000), IOMMU_ENOENT);
		assert_int_equal(stats().access_pages, 0);
		finish();
	}
}

/* One count for all files of a user, whichever of them pins. */
static void users_are_bounded_over_all_of_their_files(void **state)
{
	struct iommu_file_limits limits = {.pinned_pages = 100};
	struct iommu_account *account, *other;
	struct iommu_file *second;
	struct iommu_backing backing;
	iommu_iova_t iova = IOVA;
	iommu_paddr_t pages[8];
	uint32_t to, access;

	(void)state;
	begin_limited(EVERYTHING, &limits);
	assert_int_equal(iommu_account_create(f.iommu, 8, &account), 0);
	assert_int_equal(iommu_account_create(f.iommu, 0, &other), 0);
	/* Not while it has objects; by a limit of the file, when it is made. */
	assert_int_equal(iommu_file_set_account(ctx, account), IOMMU_EBUSY);
	assert_int_equal(iommu_file_destroy(ctx), 0);
	limits.account = account;
	assert_int_equal(iommu_file_create(f.iommu, &limits, &ctx), 0);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &second), 0);
	assert_int_equal(iommu_file_set_account(second, other), 0);
	assert_int_equal(iommu_file_set_account(second, account), 0);
	assert_int_equal(iommu_account_destroy(other), 0);
	assert_int_equal(iommu_account_destroy(account), IOMMU_EBUSY);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x5000), 0);
	assert_int_equal(iommu_account_pinned(account), 5);
	assert_int_equal(iommu_ioas_alloc(second, 0, &to), 0);
	assert_int_equal(iommu_access_alloc(second, keep, NULL, &access), 0);
	assert_int_equal(iommu_access_attach(second, access, to), 0);
	backing = test_memory_at(&memory, 0x10000);
	assert_int_equal(iommu_ioas_map(second, to, &backing, 0x4000, FIXED, &iova), 0);
	assert_int_equal(iommu_access_pin(second, access, IOVA, 0x4000, RW, pages), IOMMU_ENOMEM);
	assert_int_equal(iommu_account_pinned(account), 5);
	assert_int_equal(memory.pins, 5);
	assert_int_equal(iommu_access_pin(second, access, IOVA, 0x3000, RW, pages), 0);
	assert_int_equal(iommu_account_pinned(account), 8);
	assert_int_equal(map_at(IOVA + 0x10000, 0x20000, 0x1000), IOMMU_ENOMEM);
	/* A smaller limit takes nothing back, and lets nothing more. */
	iommu_account_set_limit(account, 4);
	assert_int_equal(iommu_access_unpin(second, access, IOVA, 0x3000), 0);
	assert_int_equal(iommu_access_pin(second, access, IOVA, 0x1000, RW, pages), IOMMU_ENOMEM);
	iommu_account_set_limit(account, 0);
	assert_int_equal(iommu_access_pin(second, access, IOVA, 0x4000, RW, pages), 0);
	assert_int_equal(iommu_access_unpin(second, access, IOVA, 0x4000), 0);
	assert_int_equal(iommu_file_destroy(second), 0);
	assert_int_equal(unmap(IOVA, 0x5000), 0);
	assert_int_equal(iommu_account_pinned(account), 0);
	assert_int_equal(iommu_file_destroy(ctx), 0);
	assert_int_equal(iommu_account_destroy(account), 0);
	assert_int_equal(iommu_account_destroy(NULL), 0);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	finish();
}

/* What is copied goes to each page where it lies, from any byte to any byte. */
static void copies_follow_the_pages(void **state)
{
	static const struct {
		size_t from, size;
	} parts[] = {
		{0, 2 << 20},     {0x123, 10000},    {0xfff, 2},
		{0x1000, 0x1000}, {0x1001, 0xfff},   {5, 1},
		{0xff000, 8192},  {0xfffff, 0x1001}, {(2 << 20) - 1, 1},
	};
	static unsigned char bytes[2 << 20], expected[2 << 20];
	struct iommu_backing backing;
	iommu_iova_t iova = IOVA;
	uint32_t access;

	(void)state;
	begin_limited(EVERYTHING, &(struct iommu_file_limits){.pinned_pages = 512});
	test_memory_destroy(&memory);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES,
			 model_machine_take(&f.machine, 512));
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, sizeof(bytes), FIXED, &iova), 0);
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &access), 0);
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const size_t from = parts[i].from, size = parts[i].size;

		for (size_t at = 0; at < size; at++)
			expected[from + at] = bytes[at] =
				(unsigned char)(at * 7 + (at >> 12) * 3 + i);
		assert_int_equal(iommu_access_rw(ctx, access, IOVA + from, bytes, size, true), 0);
		for (size_t page = 0; page < sizeof(expected); page += 0x1000)
			assert_memory_equal(iommu_phys_to_virt(&f.machine.platform,
							       test_memory_paddr(&memory, page)),
					    &expected[page], 0x1000);
		memset(bytes, 0, size);
		assert_int_equal(iommu_access_rw(ctx, access, IOVA + from, bytes, size, false), 0);
		assert_memory_equal(bytes, &expected[from], size);
	}
	assert_int_equal(stats().pinned_pages, 0);
	model_machine_give(&f.machine, memory.base, 512);
	finish();
}

/* Copying pins a part at a time, however much is copied. */
static void copies_pin_little(void **state)
{
	const struct iommu_file_limits limits = {.pinned_pages = 256};
	static unsigned char bytes[2 << 20];
	struct iommu_backing backing;
	iommu_iova_t iova = IOVA;
	uint32_t access;

	(void)state;
	begin_limited(EVERYTHING, &limits);
	test_memory_destroy(&memory);
	test_memory_init(&memory, MEMORY_CONTIGUOUS, 0x7f0000000000, PAGES,
			 model_machine_take(&f.machine, 512));
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, sizeof(bytes), FIXED, &iova), 0);
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &access), 0);
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	memset(bytes, 0x5a, sizeof(bytes));
	assert_int_equal(iommu_access_rw(ctx, access, IOVA, bytes, sizeof(bytes), true), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(iommu_access_rw(ctx, access, IOVA, bytes, sizeof(bytes), false), 0);
	for (size_t i = 0; i < sizeof(bytes); i += 0x1000)
		assert_int_equal(bytes[i], 0x5a);
	assert_int_equal(stats().pinned_pages, 0);
	model_machine_give(&f.machine, memory.base, 512);
	finish();
}

/* --- Tables ----------------------------------------------------------------------------------- */

static uint64_t tables_of(uint32_t hwpt)
{
	struct iommu_hwpt_info info;

	assert_int_equal(iommu_hwpt_get_info(ctx, hwpt, &info), 0);
	return info.table_pages;
}

static iommu_iova_t far_apart(unsigned int i)
{
	return (i + 1ULL) << 30;
}

static void tables_are_bounded(void **state)
{
	const struct iommu_file_limits limits = {.table_pages = 20};
	unsigned int count = 0;
	uint32_t hwpt;
	int status;

	(void)state;
	begin_limited(EVERYTHING, &limits);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	while ((status = map_at(far_apart(count), count * 0x1000ULL, 0x1000)) == 0)
		count++;
	assert_int_equal(status, IOMMU_ENOMEM);
	assert_in_range(count, 5, 10);
	assert_in_range(tables_of(hwpt), 15, 20);
	assert_true(is_blocked(0, far_apart(count)));
	assert_int_equal(stats().areas, count);
	for (unsigned int i = 0; i < count; i++)
		assert_true(leads(0, far_apart(i), i * 0x1000ULL));
	/* The same of a second one, which takes what the first has. */
	assert_int_equal(
		iommu_hwpt_alloc(ctx, device[0], ioas, &(struct iommu_hwpt_config){0}, &hwpt), 0);
	assert_in_range(tables_of(hwpt), 15, 20);
	finish();
}

/*
 * Small areas that come and go all over the space: what they leave behind does not use up the limit
 * for ever.
 */
static void empty_tables_make_room(void **state)
{
	const struct iommu_file_limits limits = {.table_pages = 20};
	uint32_t hwpt, other;
	iommu_iova_t iova;

	(void)state;
	begin_limited(EVERYTHING, &limits);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	assert_int_equal(map_at(far_apart(7), 0x1000, 0x1000), 0);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(map_at(far_apart(i + 10), 0, 0x1000), 0);
		assert_true(leads(0, far_apart(i + 10), 0));
		assert_true(leads(0, far_apart(7), 0x1000));
		assert_int_equal(unmap(far_apart(i + 10), 0x1000), 0);
		assert_true(is_blocked(0, far_apart(i + 10)));
		assert_in_range(tables_of(hwpt), 1, 20);
	}
	/* The same by copies. */
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	for (unsigned int i = 0; i < 100; i++) {
		iova = far_apart(i + 10);
		assert_int_equal(
			iommu_ioas_copy(ctx, ioas, ioas, far_apart(7), 0x1000, FIXED, &iova), 0);
		assert_true(leads(0, iova, 0x1000));
		assert_int_equal(unmap(iova, 0x1000), 0);
	}
	assert_true(leads(0, far_apart(7), 0x1000));
	finish();
}

/* What hardware has not confirmed to have forgotten is no room. */
static void unconfirmed_tables_are_none(void **state)
{
	const struct iommu_file_limits limits = {.table_pages = 20};
	unsigned int i = 10;
	uint32_t hwpt;

	(void)state;
	begin_limited(EVERYTHING, &limits);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	for (; tables_of(hwpt) < 19; i++) {
		assert_int_equal(map_at(far_apart(i), 0, 0x1000), 0);
		assert_int_equal(unmap(far_apart(i), 0x1000), 0);
	}
	hang(true);
	assert_int_equal(map_at(far_apart(i), 0, 0x200000), IOMMU_ENOMEM);
	assert_true(is_blocked(0, far_apart(i)));
	hang(false);
	assert_int_equal(map_at(far_apart(i), 0, 0x200000), 0);
	assert_true(leads(0, far_apart(i), 0));
	finish();
}

/* --- All the rest ----------------------------------------------------------------------------- */

/*
 * Each of what can be made until nothing more can; in any case the limit holds, and everything goes
 * again.
 */
static int make_one(unsigned int kind, unsigned int i)
{
	const struct iommu_hwpt_config none = {0};
	uint32_t id;

	switch (kind) {
	case 0:
		return iommu_ioas_alloc(ctx, 0, &id);
	case 1:
		return iommu_fault_queue_alloc(ctx, NULL, NULL, &id);
	case 2:
		return iommu_access_alloc(ctx, keep, NULL, &id);
	case 3:
		return iommu_hwpt_alloc(ctx, device[0], ioas, &none, &id);
	case 4:
		return map_at(IOVA + i * 0x2000ULL, i * 0x1000ULL, 0x1000);
	case 5:
		return allow(i % MANY);
	default:
		return iommu_device_attach(ctx, device[0], i, ioas, NULL);
	}
}

static void metadata_is_bounded(void **state)
{
	const struct iommu_file_limits limits = {.metadata_bytes = 100000};

	(void)state;
	for (unsigned int kind = 0; kind < 7; kind++) {
		unsigned int i = 0;
		size_t pages;
		int status;

		begin_limited(EVERYTHING, &limits);
		pages = f.machine.pages_in_use;
		do
			status = make_one(kind, i);
		while (status == 0 && i++ < 5000);
		if (kind != 5)
			assert_int_equal(status, IOMMU_ENOMEM);
		assert_in_range(metadata(), kind != 5 ? 60000 : 1, 100000);
		/* Of such as have neither tables nor spaces the host gave what was counted. */
		if (kind == 1 || kind == 2)
			assert_in_range(f.machine.pages_in_use - pages, 1,
					100000 / IOMMU_PAGE_SIZE);
		/* Unmapping needs none. */
		assert_int_equal(unmap(0, UINT64_MAX), 0);
		finish();
	}
}

/* --- Requests that change while they are looked at -------------------------------------------- */

/*
 * Another thread of the caller's, which writes to what was handed in as soon as anything is done
 * with it.
 */
static struct {
	struct iommu_iova_bounds ranges[2];
	struct iommu_backing backing;
	struct iommu_hwpt_config config;
	bool writes;
	unsigned int locks_before; /* it begins: those of looking up the space */
} shared;

static const struct iommu_backing_ops no_ops;

static uintptr_t scribble(void *unused)
{
	(void)unused;
	if (!shared.writes || (shared.locks_before != 0 && shared.locks_before-- != 0))
		return 0;
	shared.ranges[0] = shared.ranges[1] = (struct iommu_iova_bounds){0x1000, 0x1fff};
	shared.backing = (struct iommu_backing){&no_ops, NULL, 0x123};
	shared.config = (struct iommu_hwpt_config){.flags = 1U << 31};
	return 0;
}

static void no_restore(void *unused, uintptr_t saved)
{
	(void)unused;
	(void)saved;
}

static void requests_are_read_once(void **state)
{
	iommu_iova_t iova = IOVA;
	uint32_t hwpt;

	(void)state;
	begin_limited(EVERYTHING, NULL);
	assert_int_equal(attach(0, ioas), 0);
	f.machine.platform.irq_save = scribble;
	f.machine.platform.irq_restore = no_restore;
	/* Where interrupts are: not allowed, whatever the caller says a moment later. */
	shared.ranges[0] = (struct iommu_iova_bounds){0xfee00000, 0xfee00fff};
	shared.ranges[1] = (struct iommu_iova_bounds){0x5000, 0x5fff};
	shared.writes = true;
	shared.locks_before = 2;
	assert_int_equal(iommu_ioas_allow(ctx, ioas, shared.ranges, 2), IOMMU_EADDRINUSE);
	shared.backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &shared.backing, 0x1000, FIXED, &iova), 0);
	assert_true(leads(0, IOVA, 0));
	shared.config = (struct iommu_hwpt_config){0};
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &shared.config, &hwpt), 0);
	shared.writes = false;
	f.machine.platform.irq_save = NULL;
	f.machine.platform.irq_restore = NULL;
	finish();
}

/* Where there is no memory for an object there is none, and nothing is counted. */
static void an_object_without_memory_is_none(void **state)
{
	unsigned int refused = 0;

	(void)state;
	begin_limited(EVERYTHING, NULL);
	for (unsigned int i = 0; i < 300; i++) {
		const struct iommu_file_stats before = stats();
		uint32_t id = UINT32_MAX;
		int status;

		f.machine.fail_every = 1;
		status = iommu_access_alloc(ctx, NULL, NULL, &id);
		f.machine.fail_every = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		if (status != 0) {
			refused++;
			assert_int_equal(id, UINT32_MAX);
			assert_int_equal(stats().objects, before.objects);
			assert_int_equal(stats().metadata_bytes, before.metadata_bytes);
			assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &id), 0);
		}
		assert_int_equal(iommu_object_type(ctx, id), IOMMU_OBJECT_ACCESS);
		assert_int_equal(stats().objects, before.objects + 1);
	}
	assert_true(refused > 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_has_no_memory_is_none),
		cmocka_unit_test(an_object_without_memory_is_none),
		cmocka_unit_test(allowed_ranges_are_bounded),
		cmocka_unit_test(attachments_are_bounded),
		cmocka_unit_test(pins_are_bounded),
		cmocka_unit_test(users_are_bounded_over_all_of_their_files),
		cmocka_unit_test(copies_follow_the_pages),
		cmocka_unit_test(copies_pin_little),
		cmocka_unit_test(tables_are_bounded),
		cmocka_unit_test(empty_tables_make_room),
		cmocka_unit_test(unconfirmed_tables_are_none),
		cmocka_unit_test(metadata_is_bounded),
		cmocka_unit_test(requests_are_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
