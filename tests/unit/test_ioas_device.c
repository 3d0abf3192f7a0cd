/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of an IOMMU file: bound and attached, by groups, with PASIDs, over guests' tables; dirty
 * tracking; software that accesses the same memory; page requests; and a file that is closed in the
 * middle of that.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <libiommu/hw/vtd_first_stage.h>

#include "group/group.h"
#include "ioas/fault_queue.h"
#include "ioas/ioas.h"
#include "ioas_fixture.h"
#include "test.h"

#define PASID  77
#define FAULTS (EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS)

static bool pasid_leads(unsigned int i, uint32_t pasid, iommu_iova_t iova, uint64_t offset)
{
	iommu_paddr_t to = 0;

	return model_device_access_pasid(f.device[i], pasid, iova, IOMMU_PROT_WRITE, &to) == 0 &&
	       to == test_memory_paddr(&memory, offset);
}

static uint32_t hwpt_with(unsigned int flags)
{
	const struct iommu_hwpt_config config = {.flags = flags};
	uint32_t hwpt = 0;

	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	return hwpt;
}

/* --- Bound and attached ----------------------------------------------------------------------- */

static void a_device_has_one_owner(void **state)
{
	struct iommu_device_info info;
	struct iommu_file *other;
	uint32_t id, again;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &other), 0);
	assert_int_equal(iommu_device_bind(other, f.endpoint[0], &id), IOMMU_EBUSY);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &id), IOMMU_EBUSY);
	assert_int_equal(iommu_device_get_info(ctx, device[0], &info), 0);
	assert_ptr_equal(info.endpoint, f.endpoint[0]);
	assert_true(info.dirty_tracking);
	assert_int_equal(info.max_pasids, 1 << 16);
	assert_int_equal(info.hardware_status, 0);
	/* Attached twice, detached twice, replaced where nothing is. */
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, ioas, NULL), IOMMU_EINVAL);
	assert_int_equal(detach(0), IOMMU_EINVAL);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &id), 0);
	assert_int_equal(iommu_object_type(ctx, id), IOMMU_OBJECT_HWPT);
	assert_int_equal(attach(0, ioas), IOMMU_EINVAL);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, ioas, &again), 0);
	assert_int_equal(again, id);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_object_type(ctx, id), IOMMU_OBJECT_ANY);
	/* Unbound while it is attached: nothing is left. */
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(memory.pins, 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_device_unbind(ctx, device[0]), IOMMU_ENOENT);
	assert_int_equal(iommu_device_bind(other, f.endpoint[0], &id), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_file_destroy(other), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	finish();
}

/* Devices 0 and 1 carry each other's ids. */
static void begin_groups(void)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = 0x20, .type = IOMMU_PCI_INTEGRATED, .alias_count = 1, .aliases = {0x28}},
		{.devfn = 0x28, .type = IOMMU_PCI_INTEGRATED},
		{.devfn = 0x30, .type = IOMMU_PCI_INTEGRATED},
	};
	static const struct iommu_pci_topology topology = {functions, 3};
	const struct iommu_model_vtd_config config = {
		.levels = 1U << 4, .address_mask = 9, .fault_records = 4};
	const struct iommu_vtd_options none = {0};

	machine(1, &config);
	devices(3);
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	endpoints();
	assert_ptr_equal(f.group[0], f.group[1]);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
}

static void groups_go_together(void **state)
{
	uint32_t other, id, hwpt, same;

	(void)state;
	begin_groups();
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(iommu_device_bind(ctx, f.endpoint[i], &device[i]), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	/* The other member's requests are translated, too; it is not attached for that. */
	assert_true(leads(1, IOVA, 0));
	assert_int_equal(detach(1), IOMMU_EINVAL);
	assert_int_equal(attach(1, other), IOMMU_EINVAL);
	assert_int_equal(iommu_device_attach(ctx, device[1], 0, ioas, &same), 0);
	assert_int_equal(same, hwpt);
	/* What hardware did not confirm of one, no call for the other says. */
	assert_int_equal(detach(1), 0);
	hang(true);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, other, NULL), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_device_attach(ctx, device[1], 0, ioas, NULL), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, hwpt, NULL), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, hwpt, NULL), 0);
	assert_int_equal(iommu_device_attach(ctx, device[1], 0, ioas, &same), 0);
	/* Both devices move, whichever of them is named, and stay as long as one of them does. */
	assert_int_equal(iommu_device_replace(ctx, device[1], 0, other, &id), 0);
	assert_int_not_equal(id, hwpt);
	assert_int_equal(iommu_object_type(ctx, hwpt), IOMMU_OBJECT_ANY);
	assert_int_equal(memory.pins, 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, ioas, NULL), 0);
	assert_int_equal(memory.pins, 1);
	assert_int_equal(detach(0), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_true(leads(1, IOVA, 0));
	/* The group is claimed as long as a member is bound. */
	assert_ptr_equal(iommu_group_owner(f.group[0]), ctx);
	assert_int_equal(iommu_device_unbind(ctx, device[1]), 0);
	assert_null(iommu_group_owner(f.group[0]));
	assert_true(is_blocked(1, IOVA));
	finish();
}

/* A further member is attached to what its group is attached to, by that name, or refused. */
static void a_member_goes_where_its_group_is(void **state)
{
	uint32_t first, second, other, automatic;

	(void)state;
	begin_groups();
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_device_bind(ctx, f.endpoint[i], &device[i]), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	first = hwpt_with(0);
	second = hwpt_with(0);
	assert_int_equal(attach(0, first), 0);
	assert_int_equal(attach(1, second), IOMMU_EINVAL);
	assert_int_equal(attach(1, ioas), IOMMU_EINVAL);
	assert_int_equal(detach(1), IOMMU_EINVAL);
	assert_int_equal(attach(1, first), 0);
	assert_int_equal(detach(1), 0);
	assert_int_equal(detach(0), 0);
	/* An HWPT that was made for an IOAS is reached by the name of either. */
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &automatic), 0);
	assert_int_equal(attach(1, first), IOMMU_EINVAL);
	assert_int_equal(attach(1, other), IOMMU_EINVAL);
	assert_int_equal(attach(1, automatic), 0);
	assert_int_equal(detach(1), 0);
	assert_int_equal(attach(1, ioas), 0);
	assert_int_equal(detach(1), 0);
	assert_int_equal(detach(0), 0);
	finish();
}

static void pasids_have_spaces_of_their_own(void **state)
{
	uint32_t other, plain;
	iommu_iova_t iova = IOVA;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA, 0x1000, ANY, &iova), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], PASID, ioas, NULL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], PASID, ioas, NULL), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], PASID, ioas, NULL), IOMMU_EBUSY);
	assert_int_equal(iommu_device_attach(ctx, device[0], 1U << 16, ioas, NULL), IOMMU_EINVAL);
	assert_true(pasid_leads(0, PASID, IOVA, 0));
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(attach(0, other), 0);
	assert_true(leads(0, iova, 0));
	assert_int_equal(memory.pins, 1);
	/* Another space, back, and one that is not for PASIDs. */
	assert_int_equal(iommu_device_replace(ctx, device[0], PASID, other, NULL), 0);
	assert_true(pasid_leads(0, PASID, iova, 0));
	assert_int_equal(iommu_device_replace(ctx, device[0], PASID, ioas, NULL), 0);
	plain = hwpt_with(0);
	assert_int_equal(iommu_device_replace(ctx, device[0], PASID, plain, NULL), IOMMU_EINVAL);
	assert_true(pasid_leads(0, PASID, IOVA, 0));
	assert_int_equal(iommu_device_detach(ctx, device[0], PASID), 0);
	assert_int_equal(iommu_device_detach(ctx, device[0], PASID), IOMMU_EINVAL);
	finish();
}

/* A group that must not use an address, and a space where it is taken: nothing changes. */
static void replacing_is_all_or_nothing(void **state)
{
	const struct iommu_backing backing = {&memory.ops, &memory, 0x7f0000000000};
	iommu_iova_t iova = 0xfee00000;
	uint32_t other;

	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(iommu_ioas_map(ctx, other, &backing, 0x1000, FIXED, &iova), 0);
	assert_int_equal(map_at(IOVA, 0x1000, 0x1000), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, other, NULL), IOMMU_EADDRINUSE);
	assert_true(leads(0, IOVA, 0x1000));
	assert_int_equal(memory.pins, 1);
	assert_int_equal(iommu_ioas_unmap(ctx, other, 0xfee00000, 0x1000, NULL), 0);
	hang(true);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, other, NULL), IOMMU_ETIMEDOUT);
	/* Nor is it there again before hardware says so. */
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, ioas, NULL), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, ioas, NULL), 0);
	assert_true(leads(0, IOVA, 0x1000));
	assert_int_equal(map_at(0xfee00000, 0, 0x1000), IOMMU_EINVAL);
	assert_int_equal(iommu_ioas_map(ctx, other, &backing, 0x1000, FIXED, &iova), 0);
	finish();
}

/* --- HWPTs made by hand ----------------------------------------------------------------------- */

static void hwpts_that_cannot_be(void **state)
{
	const struct iommu_hwpt_config unknown = {.flags = 1 << 9};
	const struct iommu_hwpt_config data = {.user_data = &data, .user_size = 4};
	const struct iommu_hwpt_config dirty = {.flags = IOMMU_HWPT_DIRTY};
	const struct iommu_hwpt_config nest = {.flags = IOMMU_HWPT_NEST_PARENT};
	uint32_t id, hwpt;
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &unknown, &id), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &data, &id), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &dirty, &id), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &nest, &id), IOMMU_EOPNOTSUPP);
	hwpt = hwpt_with(0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], hwpt, &data, &id), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, hwpt, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_hwpt_read_dirty(ctx, hwpt, IOVA, 0x1000, 0, &bitmap), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_read_dirty(ctx, hwpt, IOVA, 0x1000, 1U << 9, &bitmap),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_hwpt_invalidate(ctx, hwpt, NULL, 0, 0, &id), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, ioas, true), IOMMU_EINVAL);
	finish();
}

/*
 * The line of a refusal ends like this, and iommu_reason says the same; what succeeds leaves none.
 */
static void check_why(int status, int expected, const char *line)
{
	assert_int_equal(status, expected);
	assert_string_equal(f.machine.last[IOMMU_LOG_REFUSAL], line);
	assert_non_null(strstr(line, iommu_reason(f.iommu)));
	f.machine.last[IOMMU_LOG_REFUSAL][0] = '\0';
}

static void refusals_say_why(void **state)
{
	const struct iommu_hwpt_config plain = {0}, data = {.user_data = &data, .user_size = 4};
	uint32_t hwpt, other, id;

	(void)state;
	begin_with(EVERYTHING, 2, 1, MEMORY_CONTIGUOUS);
	check_why(iommu_device_bind(ctx, f.endpoint[0], &id), IOMMU_EBUSY,
		  "iommu_device_bind: 0000:00:04.0: it is bound already: EBUSY");
	hwpt = hwpt_with(0);
	check_why(iommu_hwpt_alloc(ctx, device[0], hwpt, &data, &id), IOMMU_EINVAL,
		  "iommu_hwpt_alloc: 0000:00:04.0: the HWPT below was not made to be nested on "
		  "(NEST_PARENT): EINVAL");
	check_why(iommu_hwpt_alloc(ctx, device[0], device[0], &plain, &id), IOMMU_EINVAL,
		  "iommu_hwpt_alloc: 0000:00:04.0: made on neither an IOAS, nor an HWPT, nor a "
		  "virtual unit: EINVAL");
	check_why(iommu_device_replace(ctx, device[0], 0, hwpt, NULL), IOMMU_EINVAL,
		  "iommu_device_replace: 0000:00:04.0: it is not attached: EINVAL");
	check_why(iommu_device_attach(ctx, device[0], PASID, hwpt, NULL), IOMMU_EINVAL,
		  "iommu_device_attach: 0000:00:04.0: the HWPT was not made for PASIDs: EINVAL");
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, hwpt, NULL), 0);
	check_why(iommu_device_attach(ctx, device[0], 0, hwpt, NULL), IOMMU_EINVAL,
		  "iommu_device_attach: 0000:00:04.0: it is attached already: EINVAL");
	/*
	 * Nothing is left of it: another error has its own reason, a call that succeeds has none.
	 */
	assert_int_equal(iommu_hwpt_alloc(ctx, hwpt, hwpt, &plain, &id), IOMMU_EINVAL);
	assert_non_null(strstr(f.machine.last[IOMMU_LOG_REFUSAL],
			       ": the object with this id is of another type: EINVAL"));
	f.machine.last[IOMMU_LOG_REFUSAL][0] = '\0';
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, ioas, &other), 0);
	assert_string_equal(f.machine.last[IOMMU_LOG_REFUSAL], "");
	/* Nor does the same error of another layer get it. */
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &id), IOMMU_EBUSY);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_group_claim(iommu_endpoint_group(f.endpoint[0]), &id), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &id), IOMMU_EBUSY);
	assert_null(strstr(f.machine.last[IOMMU_LOG_REFUSAL], "it is bound already"));
	assert_int_equal(iommu_group_release(iommu_endpoint_group(f.endpoint[0]), &id), 0);
	finish();
}

/* Made, and the device led there in the same call; or neither. */
static void hwpts_are_attached_as_they_are_made(void **state)
{
	const struct iommu_hwpt_config now = {.flags = IOMMU_HWPT_ATTACH};
	struct iommu_file_stats stats;
	uint32_t first, second, none = 0, objects;

	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &now, &first), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(iommu_object_destroy(ctx, first), IOMMU_EBUSY);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &now, &second), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(iommu_object_destroy(ctx, first), 0);
	assert_int_equal(iommu_object_destroy(ctx, second), IOMMU_EBUSY);
	iommu_file_get_stats(ctx, &stats);
	objects = stats.objects;
	hang(true);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &now, &none), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(none, 0);
	assert_true(leads(0, IOVA, 0));
	/* The one that hardware may know of is still there, and no device uses it. */
	for (uint32_t id = iommu_object_next(ctx, 0); id != 0; id = iommu_object_next(ctx, id))
		if (iommu_object_type(ctx, id) == IOMMU_OBJECT_HWPT && id != second)
			assert_int_equal(iommu_object_destroy(ctx, id), 0);
	iommu_file_get_stats(ctx, &stats);
	assert_int_equal(stats.objects, objects);
	assert_int_equal(memory.pins, 1);
	/* Memory that runs out on the way. */
	for (unsigned long nth = 1;; nth++) {
		int status;

		f.machine.fail_at = f.machine.allocations + nth;
		status = iommu_hwpt_alloc(ctx, device[0], ioas, &now, &first);
		f.machine.fail_at = 0;
		assert_true(leads(0, IOVA, 0));
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		iommu_file_get_stats(ctx, &stats);
		assert_int_equal(stats.objects, objects);
	}
	assert_int_equal(iommu_object_destroy(ctx, second), 0);
	finish();
}

static void writes_are_noted(void **state)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};
	uint32_t hwpt;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	hwpt = hwpt_with(IOMMU_HWPT_DIRTY);
	assert_int_equal(map_at(IOVA, 0, 0x200000), 0);
	assert_int_equal(attach(0, hwpt), 0);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, hwpt, true), 0);
	assert_int_equal(iommu_hwpt_split(ctx, hwpt, IOVA, 0x200000, 4096), 0);
	assert_true(leads(0, IOVA + 0x3000, 0x3000));
	assert_true(leads(0, IOVA + 0x7000, 0x7000));
	assert_int_equal(iommu_hwpt_read_dirty(ctx, hwpt, IOVA, 0x40000, IOMMU_DIRTY_KEEP, &bitmap),
			 0);
	assert_int_equal(word, 0x88);
	word = 0;
	assert_int_equal(iommu_hwpt_read_dirty(ctx, hwpt, IOVA, 0x40000, 0, &bitmap), 0);
	assert_int_equal(word, 0x88);
	word = 0;
	assert_int_equal(iommu_hwpt_read_dirty(ctx, hwpt, IOVA, 0x40000, 0, &bitmap), 0);
	assert_int_equal(word, 0);
	assert_int_equal(iommu_hwpt_set_dirty(ctx, hwpt, false), 0);
	finish();
}

/*
 * A guest whose memory is all of the machine's, at its own addresses, with a table of its own in
 * it.
 */
static struct {
	struct iommu_pgtable table;
	struct iommu_gather gather;
	uint64_t mapped;
} guest;

static int pin_machine(void *context, uint64_t address, uint64_t size, unsigned int prot,
		       struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)context;
	(void)prot;
	(void)room;
	pieces[0] = (struct iommu_map_piece){address, size};
	*count = 1;
	return 0;
}

static void unpin_machine(void *context, uint64_t address, const struct iommu_map_piece *pieces,
			  unsigned int count, unsigned int prot)
{
	(void)context;
	(void)address;
	(void)pieces;
	(void)count;
	(void)prot;
}

static const struct iommu_backing_ops machine_memory = {.pin = pin_machine, .unpin = unpin_machine};

static struct iommu_hwpt_config begin_guest(struct iommu_vtd_first_stage *stage)
{
	const struct iommu_backing all = {&machine_memory, NULL, MACHINE_BASE};
	const struct iommu_pgtable_config config = {.platform = &f.machine.platform,
						    .levels = 4,
						    .input_bits = 47,
						    .output_bits = 46,
						    .pgsize_bitmap = IOMMU_SIZE_4K};
	iommu_iova_t iova = MACHINE_BASE;

	assert_int_equal(
		iommu_ioas_map(ctx, ioas, &all, (uint64_t)MACHINE_PAGES << 12, FIXED, &iova), 0);
	assert_int_equal(iommu_vtdfs_init(&guest.table, &config), 0);
	iommu_gather_init(&guest.gather);
	assert_int_equal(iommu_vtdfs_map(&guest.table, IOVA, f.memory, 4096, RW, &guest.gather,
					 &guest.mapped),
			 0);
	*stage = (struct iommu_vtd_first_stage){
		.table = iommu_virt_to_phys(&f.machine.platform, guest.table.root), .levels = 4};
	return (struct iommu_hwpt_config){.user_data = stage, .user_size = sizeof(*stage)};
}

/* The guest's memory goes after all of hardware has forgotten it. */
static void finish_guest(void)
{
	assert_int_equal(iommu_file_destroy(ctx), 0);
	test_memory_destroy(&memory);
	iommu_vtdfs_destroy(&guest.table);
	end();
}

static void guests_are_nested(void **state)
{
	const struct iommu_vtd_invalidation all = {.address = 0, .pages = UINT64_MAX};
	struct iommu_vtd_first_stage stage;
	struct iommu_hwpt_config config;
	uint32_t parent, nested, id, unit, virtual_device;
	unsigned int done;

	(void)state;
	begin_with(EVERYTHING, 2, 2, MEMORY_CONTIGUOUS);
	f.memory = model_machine_take(&f.machine, 1);
	config = begin_guest(&stage);
	parent = hwpt_with(IOMMU_HWPT_NEST_PARENT);
	id = hwpt_with(0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], id, &config, &nested), IOMMU_EINVAL);
	config.flags = IOMMU_HWPT_DIRTY;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], parent, &config, &nested),
			 IOMMU_EOPNOTSUPP);
	config.flags = 0;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], parent, &config, &nested), 0);
	assert_int_equal(iommu_object_type(ctx, nested), IOMMU_OBJECT_HWPT_NESTED);
	assert_int_equal(iommu_object_destroy(ctx, parent), IOMMU_EBUSY);
	assert_int_equal(attach(0, nested), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_true(is_blocked(0, f.memory));
	/* The guest unmaps, and says so. */
	assert_int_equal(iommu_vtdfs_unmap(&guest.table, IOVA, 4096, 0, &guest.gather, NULL), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_hwpt_invalidate(ctx, nested, &all, sizeof(all), 1, &done), 0);
	assert_int_equal(done, 1);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(detach(0), 0);
	/*
	 * Over a virtual unit, which can be told for all its tables, and knows devices by the
	 * guest's numbers.
	 */
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], id, &unit), IOMMU_EINVAL);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], parent, &unit), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[1], unit, &config, &id), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], unit, &config, &id), 0);
	/* The other device is behind another unit than the one that it stands for. */
	assert_int_equal(attach(1, id), IOMMU_EINVAL);
	assert_int_equal(iommu_object_destroy(ctx, unit), IOMMU_EBUSY);
	assert_int_equal(iommu_vtdfs_map(&guest.table, IOVA, f.memory, 4096, RW, &guest.gather,
					 &guest.mapped),
			 0);
	assert_int_equal(attach(0, id), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_vtdfs_unmap(&guest.table, IOVA, 4096, 0, &guest.gather, NULL), 0);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, &all, sizeof(all), 1, &done), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, &all, 3, 1, &done), IOMMU_EINVAL);
	assert_int_equal(done, 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[1], 5, &virtual_device),
			 IOMMU_EINVAL); /* behind the other unit */
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 5, &virtual_device), 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 6, &done), IOMMU_EEXIST);
	assert_int_equal(iommu_virtual_unit_find(ctx, unit, 5, &done), 0);
	assert_int_equal(done, device[0]);
	assert_int_equal(iommu_virtual_unit_find(ctx, unit, 6, &done), IOMMU_ENOENT);
	/* It stands for nothing when its device is gone; its number, and not its id, is free. */
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_virtual_unit_find(ctx, unit, 5, &done), IOMMU_ENOENT);
	assert_int_equal(iommu_object_type(ctx, virtual_device), IOMMU_OBJECT_VIRTUAL_DEVICE);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 5, &id), 0);
	assert_int_equal(iommu_object_destroy(ctx, virtual_device), 0);
	assert_int_equal(iommu_virtual_unit_find(ctx, unit, 5, &done), 0);
	assert_int_equal(done, device[0]);
	/* Everything else goes with the file. */
	finish_guest();
}

/* How often the control path was entered, by whatever mutex. */
static struct {
	void (*lock)(void *context, void *mutex);
	unsigned int count;
} counted;

static void count_lock(void *context, void *mutex)
{
	counted.count++;
	counted.lock(context, mutex);
}

/* A guest decides how much there is to invalidate: other calls have their turn in between. */
static void guests_do_not_keep_others_out(void **state)
{
	static struct iommu_vtd_invalidation requests[1000];
	struct iommu_vtd_first_stage stage;
	struct iommu_hwpt_config config;
	uint32_t parent, nested[3], unit;
	unsigned int done;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	f.memory = model_machine_take(&f.machine, 1);
	config = begin_guest(&stage);
	parent = hwpt_with(IOMMU_HWPT_NEST_PARENT);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], parent, &unit), 0);
	for (unsigned int i = 0; i < 1000; i++)
		requests[i] = (struct iommu_vtd_invalidation){.address = IOVA, .pages = 1};
	/* Of no table yet. */
	assert_int_equal(
		iommu_virtual_unit_invalidate(ctx, unit, requests, sizeof(*requests), 3, &done), 0);
	assert_int_equal(done, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(iommu_hwpt_alloc(ctx, device[0], unit, &config, &nested[i]), 0);
	assert_int_equal(attach(0, nested[2]), 0);
	counted.lock = f.machine.platform.mutex_lock;
	f.machine.platform.mutex_lock = count_lock;
	counted.count = 0;
	assert_int_equal(
		iommu_hwpt_invalidate(ctx, nested[2], requests, sizeof(*requests), 1000, &done), 0);
	assert_int_equal(done, 1000);
	assert_in_range(counted.count, 2 * 1000 / 64, 1000);
	/* The unit's take as long as there are tables: each request is one for each of them. */
	counted.count = 0;
	requests[900].reserved = 1;
	assert_int_equal(
		iommu_virtual_unit_invalidate(ctx, unit, requests, sizeof(*requests), 1000, &done),
		IOMMU_EOPNOTSUPP);
	assert_int_equal(done, 900);
	assert_in_range(counted.count, 900 * 3 + 900 * 4 / 64, 900 * 3 + 200);
	f.machine.platform.mutex_lock = counted.lock;
	/* All of them are told. */
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_vtdfs_unmap(&guest.table, IOVA, 4096, 0, &guest.gather, NULL), 0);
	assert_int_equal(
		iommu_virtual_unit_invalidate(ctx, unit, requests, sizeof(*requests), 1, &done), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, NULL, 24, 1, &done),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, requests, 4097, 1, &done),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, NULL, 0, 0, &done), 0);
	/* With their type: it is asked for by none, and requests of another are not looked at. */
	requests[0].reserved = requests[900].reserved = 0;
	for (unsigned int count = 0; count < 2; count++) {
		assert_int_equal(iommu_virtual_unit_invalidate_as(ctx, unit, IOMMU_HARDWARE_VTD,
								  requests, sizeof(*requests),
								  count, &done),
				 0);
		assert_int_equal(done, count);
		assert_int_equal(iommu_virtual_unit_invalidate_as(ctx, unit, IOMMU_HARDWARE_NONE,
								  requests, sizeof(*requests),
								  count, &done),
				 IOMMU_EINVAL);
		assert_int_equal(done, 0);
		assert_int_equal(iommu_hwpt_invalidate_as(ctx, nested[2], IOMMU_HARDWARE_VTD,
							  requests, sizeof(*requests), count,
							  &done),
				 0);
		assert_int_equal(done, count);
		assert_int_equal(iommu_hwpt_invalidate_as(ctx, nested[2], IOMMU_HARDWARE_NONE,
							  requests, sizeof(*requests), count,
							  &done),
				 IOMMU_EINVAL);
		assert_int_equal(done, 0);
	}
	assert_int_equal(
		iommu_hwpt_invalidate_as(ctx, parent, IOMMU_HARDWARE_VTD, NULL, 0, 0, &done),
		IOMMU_EINVAL);
	config.user_type = (enum iommu_hardware_type)77;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], unit, &config, &nested[0]),
			 IOMMU_EOPNOTSUPP);
	config.user_type = IOMMU_HARDWARE_VTD;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], unit, &config, &nested[0]), 0);
	finish_guest();
}

/* --- Faults of a guest's devices -------------------------------------------------------------- */

static struct {
	unsigned int host, told;
} faults;

static void note_fault(void *context, const struct iommu_fault *fault)
{
	assert_ptr_equal(context, &faults);
	assert_ptr_equal(fault->endpoint, f.endpoint[0]);
	faults.host++;
}

static void note_event(void *context)
{
	assert_ptr_equal(context, &faults);
	faults.told++;
}

/* A device tries what it must not, and its unit is asked. */
static void fault(unsigned int i, iommu_iova_t iova)
{
	assert_true(is_blocked(i, iova));
	assert_true(iommu_unit_handle_faults(f.unit[0], NULL) > 0);
}

static unsigned int read_events(uint32_t queue, struct iommu_event_record *records,
				unsigned int capacity)
{
	unsigned int count;

	assert_int_equal(iommu_event_read(ctx, queue, records, capacity, &count, NULL), 0);
	return count;
}

/*
 * A guest is told of what its devices do wrong, by its own numbers; the host is not, as long as
 * that is so.
 */
static void faults_of_guests_are_theirs(void **state)
{
	static struct iommu_event_record records[2000];
	struct iommu_vtd_first_stage stage;
	struct iommu_hwpt_config config;
	uint32_t parent, nested, unit, queue, other, virtual_device;
	unsigned int count;
	uint64_t lost;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	f.memory = model_machine_take(&f.machine, 1);
	config = begin_guest(&stage);
	faults.host = faults.told = 0;
	iommu_endpoint_set_fault_handler(f.endpoint[0], note_fault, &faults);
	parent = hwpt_with(IOMMU_HWPT_NEST_PARENT);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], parent, &unit), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], unit, &config, &nested), 0);
	assert_int_equal(attach(0, nested), 0);
	assert_int_equal(iommu_event_queue_alloc(ctx, parent, NULL, NULL, &queue), IOMMU_EINVAL);
	assert_int_equal(iommu_event_queue_alloc(ctx, 999, NULL, NULL, &queue), IOMMU_ENOENT);
	assert_int_equal(iommu_event_queue_alloc(ctx, unit, note_event, &faults, &queue), 0);
	assert_int_equal(iommu_event_queue_alloc(ctx, unit, NULL, NULL, &other), IOMMU_EEXIST);
	assert_int_equal(iommu_object_type(ctx, queue), IOMMU_OBJECT_EVENT_QUEUE);
	assert_int_equal(iommu_object_destroy(ctx, unit), IOMMU_EBUSY);
	/* Without a number it is none of the guest's. */
	fault(0, 0x1000);
	assert_true(faults.host == 1 && faults.told == 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 77, &virtual_device), 0);
	fault(0, 0x2000);
	fault(0, 0x3000);
	assert_true(faults.host == 1 && faults.told == 1);
	assert_int_equal(read_events(queue, records, 1), 1);
	assert_int_equal(records[0].virtual_id, 77);
	assert_int_equal(records[0].device, device[0]);
	assert_int_equal(records[0].address, 0x2000);
	assert_int_equal(records[0].sequence, 0);
	assert_non_null(records[0].reason_name);
	/* What is in the queue outlives the number, and the device. */
	assert_int_equal(iommu_object_destroy(ctx, virtual_device), 0);
	fault(0, 0x4000);
	assert_true(faults.host == 2 && faults.told == 1);
	assert_int_equal(read_events(queue, records, 2000), 1);
	assert_int_equal(records[0].address, 0x3000);
	assert_int_equal(records[0].virtual_id, 77);
	/* More than there is room for: the oldest are kept, and the rest is counted. */
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 78, &virtual_device), 0);
	for (unsigned int i = 0; i < 900; i++)
		fault(0, 0x100000 + i * 4096ULL);
	assert_int_equal(faults.told, 2);
	assert_int_equal(iommu_event_read(ctx, queue, records, 2000, &count, &lost), 0);
	assert_in_range(count, 500, 899);
	assert_int_equal(count + lost, 900);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(records[i].address, 0x100000 + i * 4096ULL);
		assert_int_equal(records[i].sequence, 2 + i);
	}
	fault(0, 0x5000);
	assert_int_equal(iommu_event_read(ctx, queue, records, 2000, &count, &lost), 0);
	assert_true(count == 1 && lost == 0 && records[0].sequence == 902);
	/* Without a queue they are the host's again. */
	assert_int_equal(iommu_object_destroy(ctx, queue), 0);
	fault(0, 0x6000);
	assert_int_equal(faults.host, 3);
	assert_int_equal(iommu_event_read(ctx, queue, records, 1, &count, NULL), IOMMU_ENOENT);
	/* One that is made when there are numbers; the device goes before both. */
	assert_int_equal(iommu_event_queue_alloc(ctx, unit, NULL, NULL, &queue), 0);
	fault(0, 0x7000);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(read_events(queue, records, 2), 1);
	fault(0, 0x8000);
	assert_int_equal(faults.host, 4);
	finish_guest();
}

/* --- Access ----------------------------------------------------------------------------------- */

static struct {
	uint32_t id;
	unsigned int calls;
	bool obeys;
	iommu_iova_t iova;
	uint64_t size; /* what is pinned; 0: nothing */
} holder;

static void let_go(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	holder.calls++;
	if (!holder.obeys || holder.size == 0 || holder.iova > iova + (size - 1) ||
	    iova > holder.iova + (holder.size - 1))
		return;
	assert_int_equal(iommu_access_unpin(ctx, holder.id, holder.iova, holder.size), 0);
	holder.size = 0;
}

static int hold(iommu_iova_t iova, uint64_t size, iommu_paddr_t *pages)
{
	int status = iommu_access_pin(ctx, holder.id, iova, size, IOMMU_PROT_WRITE, pages);

	if (status == 0) {
		holder.iova = iova;
		holder.size = size;
	}
	return status;
}

static void begin_access(enum test_memory_shape shape)
{
	begin_with(0, 1, 1, shape);
	memset(&holder, 0, sizeof(holder));
	holder.obeys = true;
	assert_int_equal(iommu_access_alloc(ctx, let_go, NULL, &holder.id), 0);
}

static void software_pins_what_it_uses(void **state)
{
	static const enum test_memory_shape shapes[] = {MEMORY_SCATTERED, MEMORY_WHOLE};
	iommu_paddr_t pages[1024];
	uint32_t other;

	(void)state;
	for (unsigned int s = 0; s < 2; s++) {
		begin_access(shapes[s]);
		assert_int_equal(hold(IOVA, 0x1000, pages), IOMMU_EINVAL); /* attached to none */
		assert_int_equal(iommu_access_detach(ctx, holder.id), IOMMU_EINVAL);
		assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
		assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), IOMMU_EINVAL);
		assert_int_equal(hold(IOVA, 0x1000, pages), IOMMU_ENOENT);
		assert_int_equal(map_at(IOVA, 0, 0x200000), 0);
		assert_int_equal(map_at(IOVA + 0x200000, 0x300000, 0x200000), 0);
		assert_int_equal(hold(IOVA, 0, pages), IOMMU_EINVAL);
		assert_int_equal(iommu_access_pin(ctx, holder.id, IOVA, 4096, 0, pages),
				 IOMMU_EINVAL);
		assert_int_equal(
			iommu_access_pin(ctx, holder.id, IOVA, 4096, RW | IOMMU_PROT_MMIO, pages),
			IOMMU_EOPNOTSUPP);
		assert_int_equal(hold(IOVA + 8, 0x1000, pages), IOMMU_EINVAL);
		assert_int_equal(hold(UINT64_MAX & ~4095ULL, 0x2000, pages), IOMMU_EOVERFLOW);
		assert_int_equal(hold(UINT64_MAX & ~4095ULL, 0x1000, pages), IOMMU_ENOENT);
		assert_int_equal(hold(IOVA + 0x3ff000, 0x2000, pages), IOMMU_ENOENT);
		assert_int_equal(memory.pins, 0);
		/*
		 * Across two areas, before there is any device, and more pages than a batch has
		 * room for.
		 */
		assert_int_equal(hold(IOVA + 0x100000, 0x200000, pages), 0);
		assert_int_equal(memory.pins, 512);
		for (unsigned int i = 0; i < 512; i++)
			assert_int_equal(pages[i], test_memory_paddr(&memory, (i < 256 ? 0x100000
										       : 0x200000) +
										      i * 4096ULL));
		/*
		 * A device comes and goes: what is pinned already is not pinned again, and stays.
		 */
		assert_int_equal(attach(0, ioas), 0);
		assert_int_equal(memory.pins, 1024);
		assert_true(leads(0, IOVA + 0x100000, 0x100000));
		assert_int_equal(detach(0), 0);
		assert_int_equal(memory.pins, 512);
		assert_int_equal(attach(0, ioas), 0);
		/* The area goes: an access that pins a part of it is told, and unpins all of it. */
		assert_int_equal(unmap(IOVA, 0x200000), 0);
		assert_int_equal(holder.calls, 1);
		assert_int_equal(holder.size, 0);
		assert_int_equal(memory.pins, 512);
		/* One that does not. */
		assert_int_equal(hold(IOVA + 0x200000, 0x1000, pages), 0);
		holder.obeys = false;
		assert_int_equal(unmap(IOVA + 0x200000, 0x200000), IOMMU_EBUSY);
		assert_true(leads(0, IOVA + 0x200000, 0x300000));
		assert_int_equal(iommu_access_detach(ctx, holder.id), IOMMU_EBUSY);
		assert_int_equal(iommu_object_destroy(ctx, holder.id), IOMMU_EBUSY);
		assert_int_equal(iommu_access_unpin(ctx, holder.id, IOVA + 0x200000, 0x2000),
				 IOMMU_ENOENT);
		holder.obeys = true;
		assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
		assert_int_equal(iommu_access_replace(ctx, holder.id, other), 0);
		assert_int_equal(holder.size, 0);
		assert_int_equal(hold(IOVA + 0x200000, 0x1000, pages), IOMMU_ENOENT);
		assert_int_equal(iommu_object_destroy(ctx, ioas), IOMMU_EBUSY);
		assert_int_equal(iommu_object_destroy(ctx, other), IOMMU_EBUSY);
		assert_int_equal(iommu_access_detach(ctx, holder.id), 0);
		assert_int_equal(iommu_object_destroy(ctx, holder.id), 0);
		finish();
	}
}

/* What was pinned by an access outlives the tables that its addresses could be read from. */
static void pins_outlive_devices(void **state)
{
	iommu_paddr_t pages[16];

	(void)state;
	begin_access(MEMORY_SCATTERED);
	assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(hold(IOVA + 0x3000, 0x5000, pages), 0);
	assert_int_equal(memory.pins, 16);
	assert_int_equal(detach(0), 0);
	assert_int_equal(memory.pins, 5);
	assert_int_equal(iommu_access_unpin(ctx, holder.id, IOVA + 0x3000, 0x5000), 0);
	assert_int_equal(memory.pins, 0);
	/* Closed while it is pinned: it is told. */
	assert_int_equal(hold(IOVA + 0x3000, 0x5000, pages), 0);
	holder.calls = 0;
	finish();
	assert_true(holder.calls != 0);
}

static void software_reads_and_writes(void **state)
{
	unsigned char bytes[10000], back[10000];

	(void)state;
	for (unsigned int own = 0; own < 2; own++) {
		const struct iommu_backing fixed = {&machine_memory, NULL, 0};
		struct iommu_backing backing;
		iommu_iova_t iova = IOVA;

		begin_access(MEMORY_SCATTERED);
		assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
		memory.has_copy = true;
		memory.bytes = calloc(PAGES, 4096);
		backing = test_memory_at(&memory, 0x5000);
		if (own == 0) {
			/* Through the CPU's view of the machine's memory. */
			backing = fixed;
			backing.address = model_machine_take(&f.machine, 4);
		}
		assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x2000, FIXED, &iova), 0);
		iova += 0x2000;
		backing.address += 0x2000;
		assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x2000, FIXED, &iova), 0);
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(i * 7);
		assert_int_equal(
			iommu_access_rw(ctx, holder.id, IOVA + 0x123, bytes, sizeof(bytes), true),
			0);
		assert_int_equal(
			iommu_access_rw(ctx, holder.id, IOVA + 0x123, back, sizeof(back), false),
			0);
		assert_memory_equal(bytes, back, sizeof(bytes));
		assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA + 0x124, back, 1, false), 0);
		assert_int_equal(back[0], 7);
		assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA + 0x3fff, back, 2, false),
				 IOMMU_ENOENT);
		assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA, back, 0, false),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_access_rw(ctx, holder.id, UINT64_MAX, back, 2, false),
				 IOMMU_EOVERFLOW);
		assert_int_equal(iommu_access_rw(ctx, holder.id, UINT64_MAX, back, 1, false),
				 IOMMU_ENOENT);
		finish();
	}
}

/*
 * An area that is being copied from is unmapped by another thread meanwhile: that waits, and
 * succeeds.
 */
static struct {
	pthread_t thread;
	int (*copy)(void *context, uint64_t address, void *bytes, size_t size, bool write);
	bool is_done; /* atomic */
	bool was_early;
	int status;
} copying;

static void *unmap_it(void *unused)
{
	copying.status = iommu_ioas_unmap(ctx, ioas, IOVA, 0x2000, NULL);
	__atomic_store_n(&copying.is_done, true, __ATOMIC_RELEASE);
	return unused;
}

static int slow_copy(void *context, uint64_t address, void *bytes, size_t size, bool write)
{
	const struct timespec a_moment = {0, 50000000};
	struct iommu_ioas_area area;

	assert_int_equal(iommu_ioas_next_area(ctx, ioas, IOVA, &area), 0);
	assert_int_equal(area.pins, 0); /* it is no pin */
	(void)pthread_create(&copying.thread, NULL, unmap_it, NULL);
	(void)nanosleep(&a_moment, NULL);
	copying.was_early = __atomic_load_n(&copying.is_done, __ATOMIC_ACQUIRE);
	return copying.copy(context, address, bytes, size, write);
}

static void copies_are_waited_for(void **state)
{
	struct iommu_backing backing;
	iommu_iova_t iova = IOVA;
	unsigned char byte = 0;

	(void)state;
	begin_access(MEMORY_SCATTERED);
	assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
	memory.has_copy = true;
	memory.bytes = calloc(PAGES, 4096);
	memory.bytes[0x1234] = 9;
	backing = test_memory_at(&memory, 0);
	copying.copy = memory.ops.copy;
	copying.is_done = false;
	memory.ops.copy = slow_copy;
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x2000, FIXED, &iova), 0);
	assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA + 0x1234, &byte, 1, false), 0);
	assert_int_equal(byte, 9);
	assert_int_equal(pthread_join(copying.thread, NULL), 0);
	assert_false(copying.was_early);
	assert_int_equal(copying.status, 0);
	assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA, &byte, 1, false), IOMMU_ENOENT);
	finish();
}

/* Its id is known before it is complete: to those who guess. */
static void what_is_being_made_is_not_found(void **state)
{
	struct ioas_object *object;
	int status = 0;

	(void)state;
	begin_access(MEMORY_SCATTERED);
	iommu_file_lock(ctx);
	assert_int_equal(iommu_object_new(ctx, IOMMU_OBJECT_ACCESS, &object), 0);
	assert_int_equal(iommu_access_unpin(ctx, iommu_object_id(object), IOVA, 0x1000),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_object_type(ctx, iommu_object_id(object)), IOMMU_OBJECT_ANY);
	assert_null(iommu_object_visit_ending(ctx, iommu_object_id(object), IOMMU_OBJECT_ACCESS,
					      &status));
	assert_int_equal(status, IOMMU_ENOENT);
	iommu_object_abort(object);
	iommu_file_unlock(ctx);
	finish();
}

/* Ids are used again, and may run out: then there is no object, and nothing is counted. */
static void without_an_id_there_is_no_object(void **state)
{
	struct iommu_iova_range others;
	struct iommu_file_stats before, after;
	uint32_t id, again = UINT32_MAX;

	(void)state;
	begin_access(MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &id), 0);
	assert_int_equal(iommu_object_destroy(ctx, id), 0);
	assert_int_equal(iommu_iova_place_at(ctx->ids, id, IOAS_ID_LAST, &others), 0);
	iommu_file_get_stats(ctx, &before);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &again), IOMMU_ENOSPC);
	assert_int_equal(again, UINT32_MAX);
	iommu_file_get_stats(ctx, &after);
	assert_int_equal(after.objects, before.objects);
	assert_int_equal(after.metadata_bytes, before.metadata_bytes);
	iommu_iova_remove(ctx->ids, &others);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &again), 0);
	assert_int_equal(again, id);
	finish();
}

/* --- Page requests ---------------------------------------------------------------------------- */

static unsigned int notified;

static void note_faults(void *context)
{
	(void)context;
	notified++;
}

static int request(uint32_t pasid, iommu_iova_t iova, uint16_t group, bool is_last)
{
	return model_device_request_page(f.device[0], pasid, iova, RW, group, is_last);
}

static void page_requests_are_queued(void **state)
{
	struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_FAULTS | IOMMU_HWPT_PASID};
	struct iommu_fault_record records[8];
	uint32_t queue, hwpt, plain;
	unsigned int count;

	(void)state;
	begin_with(FAULTS, 1, 1, MEMORY_SCATTERED);
	notified = 0;
	assert_int_equal(iommu_fault_queue_alloc(ctx, note_faults, NULL, &queue), 0);
	config.faults = ioas;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), IOMMU_EINVAL);
	config.faults = queue;
	config.flags |= IOMMU_HWPT_NEST_PARENT;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), IOMMU_EOPNOTSUPP);
	config.flags &= ~(unsigned int)IOMMU_HWPT_NEST_PARENT;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	assert_int_equal(iommu_object_destroy(ctx, queue), IOMMU_EBUSY);
	/* ATS has to be on in the device. */
	assert_int_equal(attach(0, hwpt), IOMMU_EBUSY);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(attach(0, hwpt), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], PASID, hwpt, NULL), 0);
	assert_int_equal(iommu_device_attach(ctx, device[0], PASID, hwpt, NULL), IOMMU_EBUSY);
	assert_int_equal(request(0, IOVA, 3, false), 0);
	assert_int_equal(request(PASID, IOVA + 0x5000, 4, true), 0);
	assert_int_equal(request(0, IOVA + 0x1000, 3, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 3);
	assert_int_equal(notified, 1);
	/* Whole groups, each once. */
	assert_int_equal(iommu_fault_read(ctx, queue, records, 0, &count), IOMMU_EINVAL);
	assert_int_equal(iommu_fault_read(ctx, queue, records, 2, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(records[0].device, device[0]);
	assert_int_equal(records[0].request.pasid, PASID);
	assert_int_equal(iommu_fault_read(ctx, queue, &records[1], 7, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(records[1].cookie, records[2].cookie);
	assert_int_not_equal(records[0].cookie, records[1].cookie);
	assert_int_equal(records[2].request.address, IOVA + 0x1000);
	assert_int_equal(iommu_fault_read(ctx, queue, records + 3, 5, &count), 0);
	assert_int_equal(count, 0);
	/* Brought, and answered: the transfer goes on. */
	assert_int_equal(map_at(IOVA, 0, 0x2000), 0);
	f.device[0]->answers = 0;
	assert_int_equal(iommu_fault_respond(ctx, queue, records[1].cookie, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(f.device[0]->answers, 1);
	assert_int_equal(f.device[0]->answer.group, 3);
	assert_int_equal(f.device[0]->answer.code, 0);
	assert_true(leads(0, IOVA + 0x1000, 0x1000));
	assert_int_equal(iommu_fault_respond(ctx, queue, records[1].cookie, IOMMU_PAGE_SUCCESS),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_fault_respond(ctx, queue, records[0].cookie, 9), IOMMU_EINVAL);
	assert_int_equal(request(PASID, IOVA, 5, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	notified = 1;
	/*
	 * The PASID goes with its questions open, one that was read and one that was not; then
	 * everything, replaced by one without a queue.
	 */
	assert_int_equal(iommu_device_detach(ctx, device[0], PASID), 0);
	assert_int_equal(f.device[0]->answers, 3);
	assert_int_equal(f.device[0]->answer.code, 1);
	assert_int_equal(iommu_fault_read(ctx, queue, records + 3, 5, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(iommu_fault_respond(ctx, queue, records[0].cookie, IOMMU_PAGE_SUCCESS),
			 IOMMU_ENOENT);
	assert_int_equal(request(0, IOVA, 6, true), 0);
	assert_int_equal(request(0, IOVA, 7, false), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 2);
	assert_int_equal(notified, 2);
	plain = hwpt_with(0);
	assert_int_equal(iommu_device_replace(ctx, device[0], 0, plain, NULL), 0);
	assert_int_equal(f.device[0]->answers, 5);
	assert_int_equal(iommu_fault_read(ctx, queue, records, 8, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(request(0, IOVA, 6, true), IOMMU_EFAULT);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	finish();
}

/* Two functions of a device that are not kept from each other, and ask for pages. */
static const struct iommu_pci_function together[] = {
	{.devfn = 0x20, .type = IOMMU_PCI_INTEGRATED, .flags = IOMMU_PCI_MULTIFUNCTION},
	{.devfn = 0x21, .type = IOMMU_PCI_INTEGRATED, .flags = IOMMU_PCI_MULTIFUNCTION},
};

static void begin_functions(const struct iommu_pci_function *functions)
{
	static struct iommu_pci_topology topology;
	const struct iommu_model_vtd_config config = {
		.flags = FAULTS, .levels = 1U << 4, .address_mask = 9, .fault_records = 4};
	const struct iommu_vtd_options none = {0};

	topology = (struct iommu_pci_topology){functions, 2};
	machine(1, &config);
	for (uint16_t i = 0; i < 2; i++)
		f.device[i] = model_machine_add_device(&f.machine, 0, 0x20 + i);
	f.devices = 2;
	model_machine_make_dmar(&f.machine);
	f.info.max_pasids = 1U << 16;
	f.info.page_requests = 8;
	f.info.device_tlb = true;
	assert_int_equal(probe_with(&none), 0);
	assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
	endpoints();
	assert_ptr_equal(f.group[0], f.group[1]);
	for (unsigned int i = 0; i < 2; i++)
		f.device[i]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[i]);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
}

/*
 * What a device asked is answered when it is detached, also where the other members of its group
 * stay attached; what they asked stays.
 */
static void a_member_that_goes_leaves_no_question(void **state)
{
	const struct iommu_page_response by_host = {.group = 9, .code = IOMMU_PAGE_FAILURE};
	struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_FAULTS};
	struct iommu_fault_record records[4];
	uint32_t queue, hwpt;
	unsigned int count;

	(void)state;
	begin_functions(together);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(iommu_device_bind(ctx, f.endpoint[i], &device[i]), 0);
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_ATS),
				 0);
	}
	assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &queue), 0);
	config.faults = queue;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	assert_int_equal(attach(0, hwpt), 0);
	assert_int_equal(attach(1, hwpt), 0);
	assert_int_equal(model_device_request_page(f.device[1], 0, IOVA, RW, 1, true), 0);
	for (uint16_t group = 2; group < 5; group++)
		assert_int_equal(request(0, IOVA, group, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 4);
	/* One of each was read. */
	assert_int_equal(iommu_fault_read(ctx, queue, records, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(f.device[0]->answers, 0);
	assert_int_equal(detach(0), 0);
	assert_int_equal(f.device[0]->answers, 3);
	assert_int_equal(f.device[0]->answer.code, 1);
	assert_int_equal(f.device[1]->answers, 0);
	assert_int_equal(iommu_fault_read(ctx, queue, &records[2], 2, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(records[0].device, device[1]);
	assert_int_equal(iommu_fault_respond(ctx, queue, records[1].cookie, IOMMU_PAGE_SUCCESS),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_fault_respond(ctx, queue, records[0].cookie, IOMMU_PAGE_SUCCESS), 0);
	assert_int_equal(f.device[1]->answers, 1);
	assert_int_equal(f.device[1]->answer.code, 0);
	assert_int_equal(f.device[0]->answers, 3);
	/* The host has answered by itself what it left in the queue. */
	assert_int_equal(model_device_request_page(f.device[1], 0, IOVA, RW, 9, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(iommu_fault_read(ctx, queue, records, 1, &count), 0);
	assert_int_equal(iommu_page_respond(f.endpoint[1], &by_host), 0);
	assert_int_equal(iommu_fault_respond(ctx, queue, records[0].cookie, IOMMU_PAGE_SUCCESS),
			 IOMMU_ENOENT);
	assert_int_equal(f.device[1]->answers, 2);
	assert_int_equal(f.device[1]->answer.code, 15);
	assert_int_equal(detach(1), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[i], IOMMU_FEATURE_ATS),
				 0);
	finish();
}

/* An id that another device uses, too, is not to be relied upon: no feature is on for it. */
static void what_is_an_alias_has_no_features(void **state)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS,
						      IOMMU_FEATURE_PAGE_REQUESTS};
	static const struct iommu_pci_function aliased[] = {
		{.devfn = 0x20, .type = IOMMU_PCI_INTEGRATED, .alias_count = 1, .aliases = {0x21}},
		{.devfn = 0x21, .type = IOMMU_PCI_INTEGRATED},
	};

	(void)state;
	begin_functions(aliased);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[1], features[i]),
				 IOMMU_EOPNOTSUPP);
	finish();
}

static void lets_nothing_go(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	(void)iova;
	(void)size;
}

/*
 * Pins that begin at one address and end at many, or twice at the same: each goes with its own
 * range.
 */
static void pins_are_told_apart(void **state)
{
	struct iommu_file_stats stats;
	iommu_paddr_t pages[16];
	uint32_t access;

	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(map_at(IOVA, 0, 0x20000), 0);
	assert_int_equal(iommu_access_alloc(ctx, lets_nothing_go, NULL, &access), 0);
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	/* All 128, some of them twice, in two orders. */
	for (unsigned int i = 0; i < 192; i++)
		assert_int_equal(iommu_access_pin(ctx, access, IOVA + i * 37 % 16 * 0x1000ULL,
						  (1 + i * 37 % 128 / 16) * 0x1000ULL, RW, pages),
				 0);
	assert_int_equal(iommu_access_unpin(ctx, access, IOVA, 0x9000), IOMMU_ENOENT);
	assert_int_equal(iommu_access_unpin(ctx, access, IOVA + 0x10000, 0x1000), IOMMU_ENOENT);
	for (unsigned int i = 192; i-- > 0;)
		assert_int_equal(iommu_access_unpin(ctx, access, IOVA + i * 37 % 16 * 0x1000ULL,
						    (1 + i * 37 % 128 / 16) * 0x1000ULL),
				 0);
	iommu_file_get_stats(ctx, &stats);
	assert_int_equal(stats.access_pages, 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_access_unpin(ctx, access, IOVA, 0x1000), IOMMU_ENOENT);
	finish();
}

/*
 * Pulled out under its manager: what that has is the old endpoint, not the next one at that place.
 */
static void endpoints_may_go_while_they_are_bound(void **state)
{
	const struct iommu_hwpt_config config = {0};
	struct iommu_endpoint *gone[2];
	struct iommu_device_info info;
	struct iommu_device_files *files;
	struct iommu_device_file *file, *late;
	uint32_t again, hwpt;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_SCATTERED);
	/* One has a device, the other an open file. */
	assert_int_equal(iommu_device_unbind(ctx, device[1]), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
	assert_int_equal(iommu_device_file_open(files, f.endpoint[1], &file), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), IOMMU_EBUSY);
	assert_int_equal(detach(0), 0);
	for (unsigned int i = 0; i < 2; i++) {
		gone[i] = f.endpoint[i];
		assert_int_equal(iommu_release_endpoint(gone[i]), 0);
		assert_int_equal(endpoint(i), 0);
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		assert_ptr_not_equal(f.endpoint[i], gone[i]);
		assert_int_equal(iommu_release_endpoint(gone[i]), IOMMU_ENODEV);
	}
	assert_int_equal(iommu_device_get_info(ctx, device[0], &info), 0);
	assert_ptr_equal(info.endpoint, gone[0]);
	assert_int_equal(attach(0, ioas), IOMMU_ENODEV);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), IOMMU_ENODEV);
	assert_int_equal(iommu_device_file_bind(file, ctx, &again), IOMMU_ENODEV);
	/* A file may be opened late, while another one holds the endpoint. */
	assert_int_equal(iommu_device_file_open(files, gone[1], &late), 0);
	assert_int_equal(iommu_device_file_bind(late, ctx, &again), IOMMU_ENODEV);
	assert_int_equal(iommu_device_file_close(late), 0);
	/* The next one is another's business. */
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &again), 0);
	assert_int_equal(iommu_device_attach(ctx, again, 0, ioas, NULL), 0);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_device_file_close(file), 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_true(leads(0, IOVA, 0));
	finish();
}

/* What back ends are asked of an endpoint, and by whom: it is not released meanwhile. */
static struct {
	const struct iommu_ops *ops;
	unsigned int capabilities, regions;
} asked;

static bool watch_capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	assert_int_equal(pthread_mutex_trylock(f.iommu->mutex), EBUSY);
	asked.capabilities++;
	return asked.ops->capable(endpoint, capability);
}

static bool watch_regions(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			  struct iommu_region *region)
{
	assert_int_equal(pthread_mutex_trylock(f.iommu->mutex), EBUSY);
	asked.regions++;
	return asked.ops->next_region(endpoint, cursor, region);
}

static void endpoints_do_not_go_while_they_are_asked(void **state)
{
	const struct iommu_hwpt_config config = {0};
	struct iommu_device_files *files;
	struct iommu_container *container;
	struct iommu_group_file *file;
	struct iommu_device_info info;
	struct iommu_ops watched;
	uint32_t hwpt;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_SCATTERED);
	assert_int_equal(iommu_device_unbind(ctx, device[1]), 0);
	memset(&asked, 0, sizeof(asked));
	asked.ops = f.unit[0]->ops;
	watched = *asked.ops;
	watched.capable = watch_capable;
	watched.next_region = watch_regions;
	f.unit[0]->ops = &watched;
	assert_int_equal(attach(0, ioas), 0);
	assert_true(asked.regions != 0 && asked.capabilities != 0);
	asked.capabilities = 0;
	assert_int_equal(iommu_device_get_info(ctx, device[0], &info), 0);
	assert_true(asked.capabilities != 0);
	asked.capabilities = 0;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	assert_true(asked.capabilities != 0);
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
	assert_int_equal(iommu_group_file_open(files, f.group[1], &file), 0);
	asked.capabilities = 0;
	assert_int_equal(iommu_group_file_set_container(file, container), 0);
	assert_true(asked.capabilities > 2);
	assert_int_equal(f.endpoint[1]->holders, 1); /* the container's device */
	assert_int_equal(iommu_group_file_close(file), 0);
	assert_int_equal(f.endpoint[1]->holders, 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	f.unit[0]->ops = asked.ops;
	finish();
}

/*
 * While one thread maps, and so may be given and give back tables, others who would look into them
 * wait.
 */
enum table_call {
	READ_DIRTY,
	SPLIT,
	SET_DIRTY,
};

static struct {
	uint32_t hwpt;
	enum table_call call;
	pthread_t thread;
	struct iommu_backing_ops ops;
	bool was_early;
	bool is_done; /* atomic */
} looking;

static void *look_into_tables(void *unused)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};
	int status = 0;

	if (looking.call == READ_DIRTY)
		status = iommu_hwpt_read_dirty(ctx, looking.hwpt, IOVA, 0x40000, 0, &bitmap);
	else if (looking.call == SPLIT)
		status = iommu_hwpt_split(ctx, looking.hwpt, IOVA, 0x200000, 4096);
	else
		status = iommu_hwpt_set_dirty(ctx, looking.hwpt, true);
	__atomic_store_n(&looking.is_done, true, __ATOMIC_RELEASE);
	return status == 0 ? &looking : unused;
}

static int slow_pin(void *context, uint64_t address, uint64_t size, unsigned int prot,
		    struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	const struct timespec a_moment = {0, 50000000};

	(void)pthread_create(&looking.thread, NULL, look_into_tables, NULL);
	(void)nanosleep(&a_moment, NULL);
	looking.was_early = __atomic_load_n(&looking.is_done, __ATOMIC_ACQUIRE);
	return looking.ops.pin(context, address, size, prot, pieces, room, count);
}

static void tables_are_looked_into_alone(void **state)
{
	static const enum table_call calls[] = {SET_DIRTY, READ_DIRTY, SPLIT};
	void *done;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_WHOLE);
	looking.hwpt = hwpt_with(IOMMU_HWPT_DIRTY);
	looking.ops = memory.ops;
	memory.ops.pin = slow_pin;
	for (unsigned int i = 0; i < 3; i++) {
		looking.call = calls[i];
		looking.is_done = false;
		assert_int_equal(map_at(IOVA + i * 0x200000ULL, i * 0x200000ULL, 0x200000), 0);
		pthread_join(looking.thread, &done);
		assert_ptr_equal(done, &looking);
		assert_false(looking.was_early);
	}
	finish();
}

/*
 * The queue's owner is told by one thread while another one leads the device elsewhere and destroys
 * the queue.
 */
static struct {
	uint32_t old_hwpt, new_hwpt, queue;
	pthread_t thread;
	bool is_gone; /* atomic */
} race;

static void *destroy_queue(void *unused)
{
	bool done = iommu_device_replace(ctx, device[0], 0, race.new_hwpt, NULL) == 0;

	done = iommu_object_destroy(ctx, race.old_hwpt) == 0 && done;
	done = iommu_object_destroy(ctx, race.queue) == 0 && done;
	__atomic_store_n(&race.is_gone, true, __ATOMIC_RELEASE);
	return done ? unused : NULL;
}

static void slow_owner(void *context)
{
	const struct timespec a_moment = {0, 100000000};

	(void)pthread_create(&race.thread, NULL, destroy_queue, context);
	(void)nanosleep(&a_moment, NULL);
	*(bool *)context = __atomic_load_n(&race.is_gone, __ATOMIC_ACQUIRE);
}

static void queues_outlive_those_who_tell(void **state)
{
	/* Reported as any back end may: VT-d's would let no domain go before the owner was told. */
	const struct iommu_page_request request = {
		.address = IOVA, .prot = RW, .group = 3, .is_last = true};
	struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_FAULTS};
	bool was_gone = true;
	uint32_t other;
	void *done;

	(void)state;
	begin_with(FAULTS, 1, 1, MEMORY_SCATTERED);
	race.is_gone = false;
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_fault_queue_alloc(ctx, slow_owner, &was_gone, &race.queue), 0);
	assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &other), 0);
	config.faults = race.queue;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &race.old_hwpt), 0);
	config.faults = other;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &race.new_hwpt), 0);
	assert_int_equal(attach(0, race.old_hwpt), 0);
	assert_int_equal(iommu_report_page_request(f.iommu, 0, f.device[0]->source_id, &request),
			 0);
	pthread_join(race.thread, &done);
	assert_ptr_equal(done, &was_gone);
	assert_false(was_gone);
	assert_int_equal(f.device[0]->answers, 1);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	finish();
}

/* After four thousand million groups: a cookie that waits for its answer is not given again. */
static void cookies_do_not_come_around(void **state)
{
	struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_FAULTS};
	struct iommu_fault_record records[2];
	struct ioas_object *object;
	unsigned int count;
	uint32_t hwpt;
	int status;

	(void)state;
	begin_with(FAULTS, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &config.faults), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	assert_int_equal(attach(0, hwpt), 0);
	assert_int_equal(request(0, IOVA, 3, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	object = iommu_object_find(ctx, config.faults, IOMMU_OBJECT_FAULT_QUEUE, &status);
	iommu_fault_queue_of(object)->next_cookie--;
	assert_int_equal(request(0, IOVA, 4, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(iommu_fault_read(ctx, config.faults, records, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_not_equal(records[0].cookie, records[1].cookie);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	finish();
}

/* The last place is used; a group that does not fit whole is refused, and what waits stays. */
static void a_fault_queue_with_little_room(void **state)
{
	struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_FAULTS};
	struct iommu_fault_record records[4];
	struct ioas_object *object;
	unsigned int count;
	uint32_t hwpt;
	int status;

	(void)state;
	begin_with(FAULTS, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &config.faults), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	assert_int_equal(attach(0, hwpt), 0);
	object = iommu_object_find(ctx, config.faults, IOMMU_OBJECT_FAULT_QUEUE, &status);
	iommu_fault_queue_of(object)->capacity = 3;
	assert_int_equal(request(0, IOVA, 1, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	/* Three for two places. */
	for (iommu_iova_t page = 0; page < 3; page++)
		assert_int_equal(request(0, IOVA + page * 4096, 2, page == 2), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 3);
	assert_int_equal(f.device[0]->answers, 1);
	assert_int_not_equal(f.device[0]->answer.code, 0);
	/* Two for two. */
	for (iommu_iova_t page = 0; page < 2; page++)
		assert_int_equal(request(0, IOVA + page * 4096, 3, page == 1), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 2);
	assert_int_equal(f.device[0]->answers, 1);
	assert_int_equal(request(0, IOVA, 4, true), 0);
	assert_int_equal(iommu_unit_handle_page_requests(f.unit[0], NULL), 1);
	assert_int_equal(f.device[0]->answers, 2);
	assert_int_equal(iommu_fault_read(ctx, config.faults, records, 4, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(f.device[0]->answers, 4);
	assert_int_equal(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	finish();
}

/* --- Closed in the middle --------------------------------------------------------------------- */

/* Everything there is, in every order in which it can be made. */
static void files_close_in_any_state(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 16; round++) {
		struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_NEST_PARENT};
		struct iommu_vtd_first_stage stage;
		iommu_paddr_t pages[4];
		uint32_t parent, nested, unit, id, queue;

		begin_with(FAULTS, 2, 3, MEMORY_SCATTERED);
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &queue), 0);
		assert_int_equal(iommu_access_alloc(ctx, let_go, NULL, &holder.id), 0);
		holder.obeys = true;
		holder.size = 0;
		if ((round & 1) != 0)
			assert_int_equal(map_at(IOVA, 0, 0x20000), 0);
		assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &parent), 0);
		assert_int_equal(attach(1, ioas), 0);
		if ((round & 2) != 0) {
			config = begin_guest(&stage);
			assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], parent, &unit),
					 0);
			assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 9, &id),
					 0);
			assert_int_equal(iommu_hwpt_alloc(ctx, device[0], unit, &config, &nested),
					 0);
			assert_int_equal(attach(0, nested), 0);
			assert_true(reaches(0, IOVA, f.memory));
		}
		if ((round & 4) != 0) {
			assert_int_equal(map_at(0x100000, 0x100000, 0x4000), 0);
			assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
			assert_int_equal(hold(0x100000, 0x4000, pages), 0);
		}
		if ((round & 8) != 0) {
			assert_int_equal(
				iommu_endpoint_enable_feature(f.endpoint[2], IOMMU_FEATURE_PASID),
				0);
			assert_int_equal(iommu_device_attach(ctx, device[2], PASID, ioas, NULL), 0);
		}
		if ((round & 2) != 0)
			finish_guest();
		else
			finish();
	}
}

/* Where memory is that something has pinned: as far as it goes on there, and no further. */
static void addresses_of_pinned_pages_are_told(void **state)
{
	iommu_iova_t copied = 2 * IOVA, iova = IOVA;
	struct iommu_backing backing;
	iommu_paddr_t paddr = 0;
	uint64_t size = 0;

	(void)state;
	begin_access(MEMORY_CONTIGUOUS);
	backing = test_memory_at(&memory, 0x3000);
	assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x10000, FIXED, &iova), 0);
	assert_int_equal(iommu_ioas_copy(ctx, ioas, ioas, IOVA + 0x4000, 0x4000, FIXED, &copied),
			 0);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA, &paddr, &size), IOMMU_ENOENT);
	/* A part of it, by the access object itself. */
	assert_int_equal(
		iommu_access_pin(ctx, holder.id, IOVA + 0x2000, 0x2000, IOMMU_PROT_READ, NULL), 0);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x1fff, &paddr, &size),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x2000, &paddr, &size), 0);
	assert_int_equal(paddr, test_memory_paddr(&memory, 0x5000));
	assert_int_equal(size, 0x2000);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x3ffe, &paddr, &size), 0);
	assert_int_equal(paddr, test_memory_paddr(&memory, 0x6ffe));
	assert_int_equal(size, 2);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x4000, &paddr, &size),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_access_unpin(ctx, holder.id, IOVA + 0x2000, 0x2000), 0);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x2000, &paddr, &size),
			 IOMMU_ENOENT);
	/* All of it, by a device. The copy is of a part, and ends where it ends. */
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x1008, &paddr, &size), 0);
	assert_int_equal(paddr, test_memory_paddr(&memory, 0x4008));
	assert_int_equal(size, 0x10000 - 0x1008);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, copied + 0x1010, &paddr, &size), 0);
	assert_int_equal(paddr, test_memory_paddr(&memory, 0x8010));
	assert_int_equal(size, 0x3000 - 0x10);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x10000, &paddr, &size),
			 IOMMU_ENOENT);
	finish();
	begin_access(MEMORY_SCATTERED);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x4000, FIXED, &iova), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_access_get_paddr(ctx, holder.id, IOVA + 0x1123, &paddr, &size), 0);
	assert_int_equal(paddr, test_memory_paddr(&memory, 0x1123));
	assert_int_equal(size, 0xedd);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_has_one_owner),
		cmocka_unit_test(groups_go_together),
		cmocka_unit_test(a_member_goes_where_its_group_is),
		cmocka_unit_test(pasids_have_spaces_of_their_own),
		cmocka_unit_test(replacing_is_all_or_nothing),
		cmocka_unit_test(hwpts_that_cannot_be),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(hwpts_are_attached_as_they_are_made),
		cmocka_unit_test(writes_are_noted),
		cmocka_unit_test(guests_are_nested),
		cmocka_unit_test(guests_do_not_keep_others_out),
		cmocka_unit_test(faults_of_guests_are_theirs),
		cmocka_unit_test(software_pins_what_it_uses),
		cmocka_unit_test(pins_outlive_devices),
		cmocka_unit_test(software_reads_and_writes),
		cmocka_unit_test(copies_are_waited_for),
		cmocka_unit_test(what_is_being_made_is_not_found),
		cmocka_unit_test(without_an_id_there_is_no_object),
		cmocka_unit_test(page_requests_are_queued),
		cmocka_unit_test(a_member_that_goes_leaves_no_question),
		cmocka_unit_test(what_is_an_alias_has_no_features),
		cmocka_unit_test(queues_outlive_those_who_tell),
		cmocka_unit_test(pins_are_told_apart),
		cmocka_unit_test(endpoints_may_go_while_they_are_bound),
		cmocka_unit_test(endpoints_do_not_go_while_they_are_asked),
		cmocka_unit_test(tables_are_looked_into_alone),
		cmocka_unit_test(cookies_do_not_come_around),
		cmocka_unit_test(a_fault_queue_with_little_room),
		cmocka_unit_test(files_close_in_any_state),
		cmocka_unit_test(addresses_of_pinned_pages_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
