/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a manager may rely on when it hands a device to a guest: interrupts are isolated, or the
 * administrator has allowed that they are not; and the device snoops the CPU caches wherever its
 * unit can enforce it.
 */
#include <string.h>

#include <libiommu/hw/vtd_scalable.h>

#include "ioas_fixture.h"
#include "test.h"

#define REMAPS (EVERYTHING | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING)
#define SNOOPS (EVERYTHING | IOMMU_MODEL_VTD_SNOOP_CONTROL)
#define LEGACY IOMMU_MODEL_VTD_PASS_THROUGH

static void begin_unbound(void)
{
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
}

static int bind_device(unsigned int i)
{
	return iommu_device_bind(ctx, f.endpoint[i], &device[i]);
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static void interrupts_are_isolated_or_nothing_is_bound(void **state)
{
	struct iommu_model_interrupt seen;

	(void)state;
	begin_machine(REMAPS, 1, 1);
	begin_unbound();
	assert_int_equal(
		iommu_model_vtd_interrupt(f.machine.units[0], 0x20, 0xfee00000, 0x4041, &seen), 0);
	assert_int_equal(bind_device(0), IOMMU_EPERM);
	assert_null(iommu_group_owner(f.group[0]));
	assert_int_equal(iommu_object_next(ctx, ioas), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_not_equal(
		iommu_model_vtd_interrupt(f.machine.units[0], 0x20, 0xfee00000, 0x4041, &seen), 0);
	assert_int_equal(bind_device(0), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(detach(0), 0);
	/* What has changed since is seen when it matters. */
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(attach(0, ioas), IOMMU_EPERM);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(bind_device(0), IOMMU_EPERM);
	finish();
}

static void the_administrator_may_allow_it(void **state)
{
	(void)state;
	begin_machine(REMAPS, 1, 1);
	begin_unbound();
	iommu_allow_unsafe_interrupts(f.iommu, true);
	assert_int_equal(bind_device(0), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	iommu_allow_unsafe_interrupts(f.iommu, false);
	assert_int_equal(bind_device(0), IOMMU_EPERM);
	finish();
}

/* The host's word counts where the unit does not decide, and only if it is given. */
static void the_host_may_isolate_them_itself(void **state)
{
	(void)state;
	begin_machine(EVERYTHING, 1, 1);
	begin_unbound();
	f.machine.platform.isolates_interrupts = false;
	assert_int_equal(bind_device(0), IOMMU_EPERM);
	f.machine.platform.isolates_interrupts = true;
	assert_int_equal(bind_device(0), 0);
	finish();
}

/* --- Files and containers --------------------------------------------------------------------- */

static void files_ask_for_it_too(void **state)
{
	struct iommu_container *container;
	struct iommu_device_files *files;
	struct iommu_device_file *file;
	struct iommu_group_file *group;
	uint32_t id;

	(void)state;
	begin_machine(REMAPS, 1, 1);
	begin_unbound();
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	assert_int_equal(iommu_device_file_open(files, f.endpoint[0], &file), 0);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), IOMMU_EPERM);
	assert_int_equal(iommu_device_file_close(file), 0);
	assert_int_equal(iommu_group_file_open(files, f.group[0], &group), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EPERM);
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	finish();
}

/* --- Snooping --------------------------------------------------------------------------------- */

/* Does a device's access to what is mapped at IOVA snoop, whatever the device asks for? */
static bool snoops(unsigned int i)
{
	const struct iommu_model_request request = {
		.source_id = f.device[i]->source_id, .address = IOVA, .access = RW};
	struct iommu_model_translation to;

	assert_int_equal(
		iommu_model_vtd_translate(f.machine.units[i % f.machine.unit_count], &request, &to),
		0);
	return to.snoop;
}

static bool enforces(uint32_t hwpt)
{
	struct iommu_hwpt_info info;

	assert_int_equal(iommu_hwpt_get_info(ctx, hwpt, &info), 0);
	return info.enforced_coherency;
}

static void snooping_is_enforced_where_it_can_be(void **state)
{
	static const unsigned int machines[][2] = {{EVERYTHING, false},
						   {SNOOPS, true},
						   {LEGACY, false},
						   {LEGACY | IOMMU_MODEL_VTD_SNOOP_CONTROL, true},
						   /* a first stage, by the PASID entry */
						   {SNOOPS | IOMMU_MODEL_VTD_CACHING_MODE, true}};

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct iommu_device_info info;
		uint32_t hwpt;

		begin_with(machines[i][0], 1, 1, MEMORY_CONTIGUOUS);
		assert_int_equal(map_at(IOVA, 0, 0x200000), 0);
		assert_int_equal(iommu_device_get_info(ctx, device[0], &info), 0);
		assert_int_equal(info.enforced_coherency, machines[i][1]);
		assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
		assert_int_equal(snoops(0), machines[i][1]);
		assert_int_equal(enforces(hwpt), machines[i][1]);
		finish();
	}
}

/* Of what a device without a PASID uses: does its entry have every access snoop? */
static bool entry_snoops(unsigned int i)
{
	struct iommu_vtd_tables tables;

	assert_int_equal(iommu_vtd_get_tables(f.endpoint[i], &tables), 0);
	return (tables.pasid_entry[1] & VTD_PASID_PGSNP) != 0;
}

/* A guest's own tables do not undo what those below enforce. */
static void nested_ones_do_as_their_parents(void **state)
{
	const struct iommu_hwpt_config parent_config = {.flags = IOMMU_HWPT_NEST_PARENT};
	struct iommu_vtd_first_stage stage = {.table = 0x1000, .levels = 4};
	const struct iommu_hwpt_config config = {.user_data = &stage, .user_size = sizeof(stage)};
	uint32_t parent, nested;

	(void)state;
	begin_with(SNOOPS, 1, 1, MEMORY_CONTIGUOUS);
	/* The guest's tables are at the beginning of its memory, which it sees at 0. */
	assert_int_equal(map_at(0, 0, 0x200000), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent_config, &parent), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], parent, &config, &nested), 0);
	assert_true(enforces(parent));
	assert_true(enforces(nested));
	assert_int_equal(attach(0, nested), 0);
	assert_true(entry_snoops(0));
	assert_int_equal(iommu_hwpt_get_info(ctx, ioas, &(struct iommu_hwpt_info){0}),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_get_info(ctx, 999, &(struct iommu_hwpt_info){0}), IOMMU_ENOENT);
	finish();
}

/* Device 0 can be made to snoop, device 1 cannot. */
static void others_get_a_table_of_their_own(void **state)
{
	uint32_t first, second, own;

	(void)state;
	begin_mixed_machine(SNOOPS, EVERYTHING, 2);
	begin_unbound();
	assert_int_equal(bind_device(0), 0);
	assert_int_equal(bind_device(1), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	/* In either order: the one that came first does not decide for the other. */
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(iommu_device_attach(ctx, device[i], 0, ioas, &first), 0);
		assert_int_equal(iommu_device_attach(ctx, device[1 - i], 0, ioas, &second), 0);
		assert_int_not_equal(first, second);
		assert_true(snoops(0));
		assert_false(snoops(1));
		assert_int_equal(detach(0), 0);
		assert_int_equal(detach(1), 0);
	}
	/*
	 * One made by hand enforces, or does not, as its first device can; only then may all join.
	 */
	assert_int_equal(
		iommu_hwpt_alloc(ctx, device[0], ioas, &(struct iommu_hwpt_config){0}, &own), 0);
	assert_int_equal(attach(1, own), IOMMU_EINVAL);
	assert_int_equal(attach(0, own), 0);
	assert_int_equal(
		iommu_hwpt_alloc(ctx, device[1], ioas, &(struct iommu_hwpt_config){0}, &own), 0);
	assert_false(enforces(own));
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, own, NULL), 0);
	assert_int_equal(attach(1, own), 0);
	assert_false(snoops(0));
	finish();
}

static void containers_say_so(void **state)
{
	struct iommu_iova_bounds ranges[4];
	struct iommu_container_info info;
	struct iommu_container *container;
	struct iommu_device_files *files;
	struct iommu_group_file *group[2];
	struct iommu_backing backing;
	unsigned int count;

	(void)state;
	begin_mixed_machine(EVERYTHING, SNOOPS, 2);
	begin_unbound();
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_group_file_open(files, f.group[i], &group[i]), 0);
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	assert_int_equal(iommu_container_map(container, IOVA, 0x1000, RW, &backing), 0);
	assert_int_equal(iommu_container_get_info(container, &info, ranges, 4, &count), 0);
	assert_false(info.enforced_coherency);
	/* The one that cannot is there first; the other is made to, all the same. */
	assert_int_equal(iommu_group_file_set_container(group[0], container), 0);
	assert_int_equal(iommu_group_file_set_container(group[1], container), 0);
	assert_false(snoops(0));
	assert_true(snoops(1));
	assert_int_equal(iommu_container_get_info(container, &info, ranges, 4, &count), 0);
	assert_false(info.enforced_coherency);
	assert_int_equal(iommu_group_file_unset_container(group[0]), 0);
	assert_int_equal(iommu_container_get_info(container, &info, ranges, 4, &count), 0);
	assert_true(info.enforced_coherency);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_group_file_close(group[i]), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_are_isolated_or_nothing_is_bound),
		cmocka_unit_test(the_administrator_may_allow_it),
		cmocka_unit_test(the_host_may_isolate_them_itself),
		cmocka_unit_test(files_ask_for_it_too),
		cmocka_unit_test(snooping_is_enforced_where_it_can_be),
		cmocka_unit_test(nested_ones_do_as_their_parents),
		cmocka_unit_test(others_get_a_table_of_their_own),
		cmocka_unit_test(containers_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
