/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory, and registers of devices, that their owner revokes while they are mapped, and restores.
 */
#include <string.h>

#include "ioas/ioas.h"
#include "ioas_fixture.h"
#include "test.h"
#include "test_contract.h"

#define SIZE  0x10000ULL
#define OTHER (IOVA + 0x1000000)
#define MOVED (1ULL << 37) /* where its owner puts it the second time */

/* Given back somewhere else: another address was written to the BAR. */
static int restore_at(iommu_paddr_t base)
{
	memory.base = base;
	memory.is_gone = false;
	return iommu_backing_restore(ctx, &memory);
}

static int revoke(void)
{
	memory.is_gone = true;
	return iommu_backing_revoke(ctx, &memory);
}

static bool is_blocked_everywhere(unsigned int i, iommu_iova_t iova, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += 4096)
		if (!is_blocked(i, iova + at))
			return false;
	return true;
}

static uint32_t new_space(unsigned int flags)
{
	uint32_t space;

	assert_int_equal(iommu_ioas_alloc(ctx, flags, &space), 0);
	return space;
}

static uint32_t new_hwpt(unsigned int i, uint32_t space)
{
	const struct iommu_hwpt_config none = {0};
	uint32_t hwpt;

	assert_int_equal(iommu_hwpt_alloc(ctx, device[i], space, &none, &hwpt), 0);
	return hwpt;
}

static bool is_revoked(uint32_t space, iommu_iova_t iova)
{
	struct iommu_ioas_area area;

	assert_int_equal(iommu_ioas_next_area(ctx, space, iova, &area), 0);
	assert_true(area.iova <= iova);
	return area.is_revoked;
}

/*
 * Two units, two spaces, three devices; registers and memory in one of the spaces, a copy in the
 * other.
 */
static uint32_t begin_bar(unsigned int flags, enum test_memory_shape shape)
{
	uint32_t other;
	iommu_iova_t iova = OTHER;

	begin_with(flags, 2, 4, shape);
	memory.is_mmio = true;
	assert_int_equal(map_at(IOVA, 0, SIZE), 0);
	other = new_space(IOMMU_IOAS_SPLIT);
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA, SIZE, FIXED, &iova), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(attach(1, ioas), 0);
	assert_int_equal(attach(2, other), 0);
	return other;
}

static void registers_go_and_come_back(void **state)
{
	static const enum test_memory_shape shapes[] = {MEMORY_WHOLE, MEMORY_SCATTERED};
	struct iommu_file_stats stats;
	uint32_t other;

	(void)state;
	for (unsigned int s = 0; s < 2; s++) {
		other = begin_bar(EVERYTHING, shapes[s]);
		assert_true(leads(0, IOVA, 0) && leads(1, IOVA, 0) && leads(2, OTHER, 0));
		assert_int_equal(memory.pins, SIZE >> 12);
		/* What is no memory cannot run out. */
		iommu_file_get_stats(ctx, &stats);
		assert_int_equal(stats.pinned_pages, 0);
		assert_false(is_revoked(ioas, IOVA));
		for (unsigned int turn = 0; turn < 2; turn++) {
			assert_int_equal(revoke(), 0);
			assert_int_equal(memory.pins, 0);
			assert_true(is_blocked_everywhere(0, IOVA, SIZE));
			assert_true(is_blocked_everywhere(1, IOVA, SIZE));
			assert_true(is_blocked_everywhere(2, OTHER, SIZE));
			assert_true(is_revoked(ioas, IOVA) && is_revoked(other, OTHER));
			/* Once more is nothing. */
			assert_int_equal(revoke(), 0);
			assert_int_equal(restore_at(MOVED + (turn << 30)), 0);
			assert_int_equal(memory.pins, SIZE >> 12);
			assert_true(leads(0, IOVA, 0) && leads(1, IOVA + 0xf000, 0xf000));
			assert_true(leads(2, OTHER + 0x8000, 0x8000));
			assert_false(is_revoked(ioas, IOVA) || is_revoked(other, OTHER));
			assert_int_equal(restore_at(memory.base), 0);
			assert_int_equal(memory.pins, SIZE >> 12);
		}
		/* Of others nothing goes. */
		assert_int_equal(iommu_backing_revoke(ctx, &other), 0);
		assert_true(leads(0, IOVA, 0));
		assert_int_equal(unmap(IOVA, SIZE), 0);
		assert_int_equal(memory.pins, SIZE >> 12);
		finish();
	}
}

/*
 * Attach, copy, cut, unmap and map while it is revoked: a hole, which is filled as far as it is
 * there.
 */
static void everything_goes_on_meanwhile(void **state)
{
	uint32_t other, third, hwpt;
	iommu_iova_t iova = OTHER + SIZE;

	(void)state;
	other = begin_bar(EVERYTHING, MEMORY_SCATTERED);
	assert_int_equal(map_at(IOVA + SIZE, SIZE, SIZE), 0);
	assert_int_equal(revoke(), 0);
	/* A second HWPT in a space that has one, and the first one goes; a first one in a space. */
	hwpt = new_hwpt(3, ioas);
	assert_int_equal(attach(3, hwpt), 0);
	assert_true(is_blocked_everywhere(3, IOVA, SIZE));
	assert_int_equal(detach(0), 0);
	assert_int_equal(detach(1), 0);
	third = new_space(0);
	assert_int_equal(attach(0, third), 0);
	iova = IOVA + 0x3000;
	assert_int_equal(iommu_ioas_copy(ctx, third, ioas, IOVA + 0x1000, 0x2000, FIXED, &iova), 0);
	assert_true(is_blocked_everywhere(0, IOVA + 0x3000, 0x2000));
	/* Cut in the middle, and half of it gone. */
	assert_int_equal(iommu_ioas_unmap(ctx, other, OTHER + 0x4000, 0x8000, NULL), 0);
	assert_int_equal(unmap(IOVA + SIZE, SIZE), 0);
	/* What is mapped anew asks the owner. */
	iova = OTHER + 0x4000;
	assert_int_equal(map_at(IOVA + SIZE, SIZE, SIZE), IOMMU_ENODEV);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(restore_at(MOVED), 0);
	assert_true(leads(3, IOVA, 0) && leads(3, IOVA + 0xf000, 0xf000));
	assert_true(leads(0, IOVA + 0x3000, 0x1000) && leads(0, IOVA + 0x4000, 0x2000));
	assert_true(leads(2, OTHER + 0x3000, 0x3000) && leads(2, OTHER + 0xc000, 0xc000));
	assert_true(is_blocked_everywhere(2, OTHER + 0x4000, 0x8000));
	assert_int_equal(memory.pins, SIZE >> 12);
	finish();
}

/*
 * Mapped when the owner has it again, but before that is said: left alone when the rest cannot come
 * back.
 */
static void what_was_mapped_since_stays(void **state)
{
	(void)state;
	begin_bar(EVERYTHING, MEMORY_SCATTERED);
	assert_int_equal(revoke(), 0);
	memory.is_gone = false;
	assert_int_equal(map_at(IOVA + SIZE, SIZE, SIZE), 0);
	memory.fail_after = 1;
	assert_int_equal(iommu_backing_restore(ctx, &memory), IOMMU_EFAULT);
	assert_true(leads(0, IOVA + SIZE, SIZE));
	assert_true(is_blocked_everywhere(0, IOVA, SIZE));
	assert_int_equal(memory.pins, SIZE >> 12);
	assert_int_equal(iommu_backing_restore(ctx, &memory), 0);
	assert_true(leads(0, IOVA + SIZE, SIZE) && leads(0, IOVA, 0));
	finish();
}

static void restoring_is_all_or_nothing(void **state)
{
	bool done = false;

	(void)state;
	begin_bar(EVERYTHING, MEMORY_SCATTERED);
	memory.per_call = 3;
	for (uint64_t pin = 1; !done; pin++) {
		assert_true(pin < 1000);
		assert_int_equal(revoke(), 0);
		memory.fail_after = pin;
		done = restore_at(MOVED) == 0;
		assert_int_equal(memory.pins, done ? SIZE >> 12 : 0);
		assert_int_equal(leads(0, IOVA, 0), done);
		assert_int_equal(leads(2, OTHER + 0xf000, 0xf000), done);
		memory.fail_after = 0;
	}
	done = false;
	for (uint64_t allocation = 1; !done; allocation++) {
		assert_true(allocation < 1000);
		assert_int_equal(revoke(), 0);
		f.machine.fail_at = f.machine.allocations + allocation;
		done = restore_at(MOVED) == 0;
		assert_int_equal(memory.pins, done ? SIZE >> 12 : 0);
		assert_int_equal(leads(0, IOVA, 0), done);
		assert_int_equal(leads(2, OTHER, 0), done);
		f.machine.fail_at = 0;
	}
	finish();
}

/* An unmap that finds no memory to split a page has changed nothing: its area is restored, too. */
static void what_could_not_be_unmapped_comes_back(void **state)
{
	uint64_t failures = 0;
	int status = IOMMU_ENOMEM;

	(void)state;
	for (uint64_t nth = 1; status != 0; nth++) {
		struct iommu_backing backing;
		iommu_iova_t iova = IOVA;
		uint32_t split;

		begin_with(EVERYTHING, 1, 1, MEMORY_WHOLE);
		backing = test_memory_at(&memory, 0);
		split = new_space(IOMMU_IOAS_SPLIT);
		assert_int_equal(iommu_ioas_map(ctx, split, &backing, 0x400000, FIXED, &iova), 0);
		assert_int_equal(attach(0, split), 0);
		f.machine.fail_at = f.machine.allocations + nth;
		status = iommu_ioas_unmap(ctx, split, IOVA + 0x1000, 0x1000, NULL);
		f.machine.fail_at = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		assert_int_equal(leads(0, IOVA + 0x1000, 0x1000), status != 0);
		assert_int_equal(revoke(), 0);
		assert_int_equal(restore_at(MOVED), 0);
		assert_true(leads(0, IOVA, 0) && leads(0, IOVA + 0x2000, 0x2000));
		assert_int_equal(leads(0, IOVA + 0x1000, 0x1000), status != 0);
		failures += status != 0 ? 1 : 0;
		finish();
	}
	assert_true(failures != 0);
}

/* --- Software --------------------------------------------------------------------------------- */

static struct {
	uint32_t id;
	iommu_iova_t iova;
	uint64_t size;
	bool obeys;
} holder;

static void let_go(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	(void)iova;
	(void)size;
	if (!holder.obeys || holder.size == 0)
		return;
	assert_int_equal(iommu_access_unpin(ctx, holder.id, holder.iova, holder.size), 0);
	holder.size = 0;
}

static int hold(iommu_iova_t iova, uint64_t size)
{
	iommu_paddr_t pages[16];
	const int status = iommu_access_pin(ctx, holder.id, iova, size, RW, pages);

	if (status != 0)
		return status;
	holder.iova = iova;
	holder.size = size;
	assert_int_equal(pages[0], test_memory_paddr(&memory, iova - IOVA));
	return 0;
}

static void begin_holder(bool is_mmio)
{
	begin_with(EVERYTHING, 1, 1, MEMORY_SCATTERED);
	memory.is_mmio = is_mmio;
	memory.has_copy = true;
	memory.bytes = calloc(PAGES, 4096);
	assert_int_equal(map_at(IOVA, 0, SIZE), 0);
	holder.obeys = true;
	holder.size = 0;
	assert_int_equal(iommu_access_alloc(ctx, let_go, NULL, &holder.id), 0);
	assert_int_equal(iommu_access_attach(ctx, holder.id, ioas), 0);
	assert_int_equal(attach(0, ioas), 0);
}

static void software_is_told(void **state)
{
	unsigned char byte = 7;

	(void)state;
	begin_holder(false);
	assert_int_equal(hold(IOVA + 0x1000, 0x2000), 0);
	assert_int_equal(revoke(), 0);
	assert_int_equal(holder.size, 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(hold(IOVA, 0x1000), IOMMU_ENODEV);
	assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA, &byte, 1, true), IOMMU_ENODEV);
	assert_int_equal(memory.bytes[0], 0);
	assert_int_equal(restore_at(MOVED), 0);
	assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA, &byte, 1, true), 0);
	assert_int_equal(memory.bytes[0], 7);
	/*
	 * One that does not let go: no device reaches it, and it does not come back under the
	 * holder's hands.
	 */
	assert_int_equal(hold(IOVA, 0x2000), 0);
	holder.obeys = false;
	assert_int_equal(revoke(), IOMMU_EBUSY);
	assert_true(is_blocked_everywhere(0, IOVA, SIZE));
	assert_int_equal(memory.pins, 2);
	memory.is_gone = false;
	assert_int_equal(iommu_backing_restore(ctx, &memory), IOMMU_EBUSY);
	assert_true(is_blocked_everywhere(0, IOVA, SIZE));
	holder.obeys = true;
	assert_int_equal(revoke(), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(restore_at(1ULL << 36), 0);
	assert_true(leads(0, IOVA, 0));
	finish();
}

static void registers_are_not_pinned_by_software(void **state)
{
	unsigned char byte = 7;

	(void)state;
	begin_holder(true);
	assert_int_equal(hold(IOVA, 0x1000), IOMMU_EINVAL);
	assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA + 5, &byte, 1, true), 0);
	assert_int_equal(memory.bytes[5], 7);
	memory.ops.copy = NULL;
	assert_int_equal(iommu_access_rw(ctx, holder.id, IOVA + 5, &byte, 1, true), IOMMU_EINVAL);
	memory.ops.flags = 1U << 9;
	assert_int_equal(
		iommu_ioas_map(ctx, ioas,
			       &(struct iommu_backing){&memory.ops, &memory, memory.address}, SIZE,
			       ANY, &(iommu_iova_t){0}),
		IOMMU_EOPNOTSUPP);
	memory.ops.flags = IOMMU_BACKING_MMIO;
	finish();
}

/* --- Hardware --------------------------------------------------------------------------------- */

static int (*real_pin)(void *, uint64_t, uint64_t, unsigned int, struct iommu_map_piece *,
		       unsigned int, unsigned int *);

/* From the second area on there is no memory left, for anything. */
static int pin_the_first(void *backing, uint64_t address, uint64_t size, unsigned int prot,
			 struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	if (address == memory.address)
		return real_pin(backing, address, size, prot, pieces, room, count);
	f.machine.fail_every = 1;
	return IOMMU_ENOMEM;
}

/*
 * A restore that fails, and finds no memory to take back what it had restored: what is kept for
 * that serves what hardware did not confirm of something else. "Revoked as before" would be a lie.
 */
static void a_restore_that_cannot_be_undone_says_so(void **state)
{
	static struct test_memory else_;
	struct iommu_backing backing;
	iommu_iova_t iova = OTHER;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_SCATTERED);
	test_memory_init(&else_, MEMORY_SCATTERED, 0x7e0000000000, 16, 1ULL << 38);
	backing = test_memory_at(&else_, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x1000, FIXED, &iova), 0);
	assert_int_equal(map_at(IOVA, 0, SIZE), 0);
	assert_int_equal(map_at(IOVA + SIZE, SIZE, SIZE), 0);
	assert_int_equal(attach(0, ioas), 0);
	hang(true);
	assert_int_equal(unmap(OTHER, 0x1000), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(revoke(), 0);
	memory.is_gone = false;
	real_pin = memory.ops.pin;
	memory.ops.pin = pin_the_first;
	assert_int_equal(iommu_backing_restore(ctx, &memory), IOMMU_EIO);
	f.machine.fail_every = 0;
	memory.ops.pin = real_pin;
	assert_true(leads(0, IOVA, 0)); /* as it may */
	assert_int_equal(revoke(), 0);
	assert_int_equal(memory.pins, 0);
	assert_true(is_blocked_everywhere(0, IOVA, 2 * SIZE));
	assert_int_equal(unmap(OTHER, 0x1000), 0);
	test_memory_destroy(&else_);
	finish();
}

static void what_is_not_confirmed_is_not_taken_back(void **state)
{
	uint32_t hwpt;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_SCATTERED);
	assert_int_equal(map_at(IOVA, 0, SIZE), 0);
	assert_int_equal(attach(0, ioas), 0);
	hang(true);
	assert_int_equal(revoke(), IOMMU_ETIMEDOUT);
	assert_int_equal(memory.pins, SIZE >> 12);
	assert_int_not_equal(revoke(), 0);
	memory.is_gone = false;
	assert_int_not_equal(iommu_backing_restore(ctx, &memory), 0);
	hang(false);
	/*
	 * Another HWPT, which has nothing of it, and from which nothing can be read: the first one
	 * does not go before.
	 */
	hwpt = new_hwpt(1, ioas);
	assert_int_equal(attach(1, hwpt), 0);
	assert_true(is_blocked_everywhere(1, IOVA, SIZE));
	assert_int_equal(detach(0), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(revoke(), 0);
	assert_int_equal(restore_at(MOVED), 0);
	assert_true(leads(1, IOVA, 0));
	/* Unmapped while half of it is gone. */
	hang(true);
	assert_int_not_equal(revoke(), 0);
	assert_int_not_equal(unmap(IOVA, SIZE), 0);
	assert_int_not_equal(revoke(), 0);
	hang(false);
	assert_int_equal(revoke(), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(unmap(IOVA, SIZE), 0);
	finish();
}

static void an_unconfirmed_restore_is_taken_back(void **state)
{
	(void)state;
	begin_with(IOMMU_MODEL_VTD_CACHING_MODE, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(map_at(IOVA, 0, SIZE), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(revoke(), 0);
	hang(true);
	assert_int_equal(restore_at(MOVED), IOMMU_ETIMEDOUT);
	assert_true(is_revoked(ioas, IOVA));
	assert_int_not_equal(memory.pins, 0);
	assert_int_not_equal(revoke(), 0);
	hang(false);
	assert_int_equal(revoke(), 0);
	assert_int_equal(memory.pins, 0);
	assert_true(is_blocked_everywhere(0, IOVA, SIZE));
	assert_int_equal(restore_at(MOVED), 0);
	assert_true(leads(0, IOVA, 0));
	finish();
}

/* Memory of the machine, at its own address. */
static int pin_as_it_is(void *context, uint64_t address, uint64_t size, unsigned int prot,
			struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)context;
	assert_true(room != 0 && prot != 0);
	pieces[0] = (struct iommu_map_piece){address, size};
	*count = 1;
	return 0;
}

static void unpin_nothing(void *context, uint64_t address, const struct iommu_map_piece *pieces,
			  unsigned int count, unsigned int prot)
{
	(void)context;
	assert_true(address == pieces[0].paddr && count == 1 && prot != 0);
}

/* A device at DMA all the time: nothing arrives in what its owner has again. */
static void no_byte_arrives(void **state)
{
	const struct iommu_backing_ops ops = {.pin = pin_as_it_is, .unpin = unpin_nothing};
	struct iommu_backing backing = {&ops, &f, 0};
	iommu_iova_t iova = IOVA;
	unsigned char *bytes;

	(void)state;
	begin_with(EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB, 1, 1, MEMORY_SCATTERED);
	backing.address = model_machine_take(&f.machine, 2);
	bytes = model_machine_bytes(&f.machine, backing.address);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x2000, FIXED, &iova), 0);
	assert_int_equal(attach(0, ioas), 0);
	memset(f.device[0]->buffer, 0x11, sizeof(f.device[0]->buffer));
	model_device_write(f.device[0], IOVA, 4096);
	model_device_write(f.device[0], IOVA + 0x1000, 4096);
	assert_true(bytes[0] == 0x11 && bytes[0x1fff] == 0x11);
	assert_int_equal(iommu_backing_revoke(ctx, &f), 0);
	/* The machine notices, too, when a device reaches a page that was given back. */
	model_machine_give(&f.machine, backing.address, 2);
	memset(bytes, 0x22, 0x2000);
	model_device_write(f.device[0], IOVA, 4096);
	model_device_write(f.device[0], IOVA + 0x1000, 4096);
	assert_true(bytes[0] == 0x22 && bytes[0x1fff] == 0x22);
	assert_null(f.machine.violation);
	finish();
}

/* --- What tables say -------------------------------------------------------------------------- */

static int note_prot(void *context, const struct iommu_pgtable_visit *visit)
{
	unsigned int *prot = context;

	if (!visit->is_table)
		*prot = visit->prot;
	return 0;
}

static unsigned int prot_at(uint32_t hwpt, iommu_iova_t iova)
{
	unsigned int prot = 0;
	int status;
	struct ioas_object *object = iommu_object_find(ctx, hwpt, IOMMU_OBJECT_HWPT, &status);

	assert_non_null(object);
	(void)iommu_domain_walk(iommu_hwpt_of(object)->domain, iova, iova, note_prot, &prot);
	return prot;
}

/* In tables that have memory types; in others the walk finds what they have bits for. */
static void registers_are_not_cached(void **state)
{
	const unsigned int first = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
				   IOMMU_MODEL_VTD_NO_SECOND_STAGE;
	iommu_iova_t iova = OTHER;
	uint32_t hwpt, later;

	(void)state;
	begin_with(first, 1, 2, MEMORY_SCATTERED);
	assert_int_equal(map_at(IOVA, SIZE, SIZE), 0);
	hwpt = new_hwpt(0, ioas);
	memory.is_mmio = true;
	assert_int_equal(map_at(OTHER, 0, SIZE), 0);
	later = new_hwpt(1, ioas);
	assert_int_equal(prot_at(hwpt, IOVA), RW);
	assert_int_equal(prot_at(hwpt, OTHER), RW | IOMMU_PROT_MMIO);
	assert_int_equal(prot_at(later, OTHER), RW | IOMMU_PROT_MMIO);
	assert_int_equal(iommu_backing_revoke(ctx, &memory), 0);
	assert_int_equal(iommu_backing_restore(ctx, &memory), 0);
	assert_int_equal(prot_at(hwpt, OTHER), RW | IOMMU_PROT_MMIO);
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, iova, SIZE, NULL), 0);
	memory.is_mmio = false;
	(void)test_memory_at(&memory, 0);
	finish();
	begin_with(EVERYTHING, 1, 1, MEMORY_SCATTERED);
	memory.is_mmio = true;
	assert_int_equal(map_at(IOVA, 0, SIZE), 0);
	assert_int_equal(prot_at(new_hwpt(0, ioas), IOVA), RW);
	finish();
}

static void containers_have_them_too(void **state)
{
	struct iommu_container *container;
	struct iommu_backing backing;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_container_map(container, IOVA, SIZE, RW, &backing), 0);
	assert_int_equal(iommu_container_revoke(container, &memory), 0);
	assert_int_equal(iommu_container_restore(container, &memory), 0);
	assert_int_equal(iommu_container_unmap(container, IOVA, SIZE, NULL, NULL), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_go_and_come_back),
		cmocka_unit_test(everything_goes_on_meanwhile),
		cmocka_unit_test(what_was_mapped_since_stays),
		cmocka_unit_test(restoring_is_all_or_nothing),
		cmocka_unit_test(what_could_not_be_unmapped_comes_back),
		cmocka_unit_test(software_is_told),
		cmocka_unit_test(registers_are_not_pinned_by_software),
		cmocka_unit_test(a_restore_that_cannot_be_undone_says_so),
		cmocka_unit_test(what_is_not_confirmed_is_not_taken_back),
		cmocka_unit_test(an_unconfirmed_restore_is_taken_back),
		cmocka_unit_test(no_byte_arrives),
		cmocka_unit_test(registers_are_not_cached),
		cmocka_unit_test(containers_have_them_too),
	};

	test_contract_unmaps_under_mutex();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
