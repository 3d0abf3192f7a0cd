/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model of an AMD IOMMU caches, and which command drops what (48882, "Commands"): nothing
 * leaves the cache but by the command that names it.
 */
#include "bare_amdvi.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_amdvi_config all = {0};

#define READ  IOMMU_PROT_READ
#define WRITE IOMMU_PROT_WRITE

#define VA    0x12345678ULL
#define PAGE  (VA & ~0xfffULL)
#define OLD   (AM_DATA + 0x5000)
#define NEW   (AM_DATA + 0x9000)
#define GUEST 0x7f12345000ULL
/* Another device, of another domain. */
#define OTHER 0x0201U

static uint64_t target_of(uint64_t address)
{
	assert_int_equal(am_reach(address, READ), 0);
	return am_result.paddr & ~0xfffULL;
}

static void begin_known(void)
{
	const struct amdvi_dte dte = am_dte();

	am_begin(&all);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	am_map(4, VA, 1, amdvi_pte_leaf(OLD, AM_RW));
	assert_int_equal(target_of(VA), OLD);
}

static void move_page(void)
{
	am_word(am_place(AM_HOST, VA, 1), amdvi_pte_leaf(NEW, AM_RW));
}

/* The level 1 table is another. */
static void move_table(void)
{
	am_word(am_place(AM_HOST, VA, 2), amdvi_pte_table(AM_HOST + 0x9000, 1));
	am_word(am_place(AM_HOST + 0x8000, VA, 1), amdvi_pte_leaf(NEW, AM_RW));
}

/* --- Device table entries --------------------------------------------------------------------- */

static void entries_are_cached_until_their_command(void **state)
{
	const struct amdvi_dte blocked = amdvi_dte_blocked();

	(void)state;
	begin_known();
	am_device(AM_DEVICE, &blocked);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, true));
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE + 1));
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	am_run(amdvi_invalidate_iotlb(AM_DEVICE, 1, 0, 64));
	assert_int_equal(target_of(VA), OLD);
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_DEVICES);
	assert_int_equal(am.told_last.devid, AM_DEVICE);
	assert_true(am.told_last.has_devid);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void open_doors_are_cached_too(void **state)
{
	const struct amdvi_dte blocked = amdvi_dte_blocked();

	(void)state;
	am_begin(&all);
	am_unit_on();
	assert_int_equal(am_reach(VA, READ), 0);
	am_device(AM_DEVICE, &blocked);
	assert_int_equal(am_reach(VA, READ), 0);
	am_run(amdvi_invalidate_all());
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_ALL);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void an_entry_alone_leaves_pages_of_the_domain(void **state)
{
	(void)state;
	begin_known();
	move_page();
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	assert_int_equal(target_of(VA), OLD);
	am_end();
}

static unsigned int changes;

static struct amdvi_dte open_entry(void)
{
	struct amdvi_dte dte = am_dte();

	amdvi_set(dte.words, AMDVI_DTE_MODE, 0);
	return dte;
}

static void change_in_between(iommu_paddr_t paddr)
{
	const struct amdvi_dte blocked = amdvi_dte_blocked(), open = open_entry();

	/* The first half has been read. */
	if (changes != 0 && paddr == AM_DEVICES + AM_DEVICE * 32ULL)
		am_device(AM_DEVICE, changes-- % 2 != 0 ? &blocked : &open);
}

/* The entry lets all pass, and changes so often between its halves. */
static unsigned int reach_while_it_changes(unsigned int strict, unsigned int times)
{
	const struct iommu_model_amdvi_config config = {.strict = strict};
	const struct amdvi_dte dte = times % 2 != 0 ? open_entry() : amdvi_dte_blocked();
	unsigned int event;

	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	changes = times;
	am.reading = change_in_between;
	event = am_reach(VA, READ);
	am.reading = NULL;
	am_end();
	return event;
}

static void an_entry_is_read_in_one_piece_or_torn(void **state)
{
	(void)state;
	/* The state in the end, or what was read of the first half before. */
	assert_int_equal(reach_while_it_changes(0, 1), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(reach_while_it_changes(IOMMU_MODEL_AMDVI_TORN, 1), 0);
	assert_int_equal(reach_while_it_changes(0, 2), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(reach_while_it_changes(0, 3), AMDVI_IO_PAGE_FAULT);
}

/* Of two versions of an entry no third is made when a half is evicted. */
static void halves_of_an_entry_belong_together(void **state)
{
	const struct iommu_model_amdvi_config config = {.forget_seed = 3};
	struct amdvi_dte four = am_guest_dte(0), five = am_guest_dte(0);
	unsigned int i, of_five = 0;

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_map_guest(GUEST, 1, OLD | AM_PAGE);
	am_word(AM_GUEST + 0x5000, (AM_GUEST + 0x14000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 4), (AM_GUEST + 0x13000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 3), (AM_GUEST + 0x12000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 2), (AM_GUEST + 0x11000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 1), NEW | AM_PAGE);
	am_word(AM_GCR3 + 0x1000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x4000));
	am_word(AM_GCR3 + 0x2000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x5000));
	amdvi_set(five.words, AMDVI_DTE_GUEST_MODE, 1);
	amdvi_set(five.words, AMDVI_DTE_DOMAIN, AM_DOMAIN + 1);
	amdvi_dte_set_gcr3_root(&five, AM_GCR3 + 0x2000);
	for (i = 0; i < 3000; i++) {
		am_device(AM_DEVICE, i / 7 % 2 != 0 ? &five : &four);
		assert_int_equal(am_reach_guest(AM_PASID, GUEST, READ), 0);
		assert_true(am_result.paddr == OLD || am_result.paddr == NEW);
		of_five += am_result.paddr == NEW;
	}
	assert_in_range(of_five, 1000, 2000);
	am_end();
}

/* --- Host pages ------------------------------------------------------------------------------- */

static void pages_are_dropped_by_domain_and_address(void **state)
{
	(void)state;
	begin_known();
	move_page();
	am_run(amdvi_invalidate_pages(AM_DOMAIN + 1, 0, 64, true));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE + 0x1000, 12, true));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE - 0x1000, 12, true));
	am_run(amdvi_pages_with_pasid(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, true), 0));
	am_run(amdvi_invalidate_iotlb(AM_DEVICE, 1, 0, 64));
	assert_int_equal(target_of(VA), OLD);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_PAGES);
	assert_int_equal(am.told_last.domain, AM_DOMAIN);
	assert_int_equal(am.told_last.address, PAGE);
	assert_int_equal(am.told_last.size, 0x1000);
	assert_true(am.told_last.leaves_only && am.told_last.has_range);
	assert_int_equal(target_of(VA), NEW);
	am_end();
}

static void ranges_are_coded(void **state)
{
	unsigned int shift;

	(void)state;
	begin_known();
	for (shift = 13; shift <= 64; shift++) {
		am_word(am_place(AM_HOST, VA, 1), amdvi_pte_leaf(OLD, AM_RW));
		am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
		assert_int_equal(target_of(VA), OLD);
		move_page();
		/* The range beside it. */
		if (shift < 64) {
			am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE ^ 1ULL << shift, shift,
						      false));
			assert_int_equal(am.told_last.size, 1ULL << shift);
			assert_int_equal(target_of(VA), OLD);
		}
		am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, shift, false));
		assert_int_equal(am.told_last.size, shift < 64 ? 1ULL << shift : 0);
		assert_int_equal(target_of(VA), NEW);
	}
	am_end();
}

static void tables_are_dropped_with_pde_alone(void **state)
{
	(void)state;
	begin_known();
	move_table();
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, false));
	assert_int_equal(target_of(VA), OLD);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, true));
	assert_false(am.told_last.leaves_only);
	assert_int_equal(target_of(VA), NEW);
	am_end();
}

static void a_page_is_dropped_by_any_of_its_parts(void **state)
{
	(void)state;
	begin_known();
	am_map(4, 0x40000000, 2, amdvi_pte_leaf(0x200000, AM_RW));
	assert_int_equal(target_of(0x40000000), 0x200000);
	am_word(am_place(AM_HOST, 0x40000000, 2), amdvi_pte_leaf(0x400000, AM_RW));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0x401ff000, 12, false));
	assert_int_equal(target_of(0x40000000), 0x200000 + 0x200000);
	am_end();
}

static void pages_may_be_cached_in_pieces(void **state)
{
	const struct iommu_model_amdvi_config config = {.strict = IOMMU_MODEL_AMDVI_PIECES};
	const struct amdvi_dte dte = am_dte();

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	am_map(4, 0x40000000, 2, amdvi_pte_leaf(0x200000, AM_RW));
	assert_int_equal(target_of(0x40000000), 0x200000);
	assert_int_equal(target_of(0x40001000), 0x201000);
	am_word(am_place(AM_HOST, 0x40000000, 2), amdvi_pte_leaf(0x400000, AM_RW));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0x40001000, 12, false));
	assert_int_equal(target_of(0x40000000), 0x200000);
	assert_int_equal(target_of(0x40001000), 0x401000);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0x40000000, 21, false));
	assert_int_equal(target_of(0x40000000), 0x400000);
	am_end();
}

static void domains_share_what_they_have(void **state)
{
	struct amdvi_dte dte = am_dte();
	struct iommu_model_amdvi_request request = {.devid = OTHER, .address = VA};

	(void)state;
	begin_known();
	/* A device with the same id, and another table: it is answered from the first. */
	amdvi_set_address(dte.words, AMDVI_DTE_HOST_ROOT, AM_HOST + 0x20000);
	am_device(OTHER, &dte);
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.paddr, OLD + 0x678);
	/* The entry's own permissions are no part of that. */
	amdvi_set(dte.words, AMDVI_DTE_IR, 0);
	am_device(OTHER, &dte);
	am_run(amdvi_invalidate_devtab_entry(OTHER));
	assert_int_equal(am_ask(&request), AMDVI_IO_PAGE_FAULT);
	amdvi_set(dte.words, AMDVI_DTE_IR, 1);
	amdvi_set(dte.words, AMDVI_DTE_DOMAIN, AM_DOMAIN + 1);
	am_device(OTHER, &dte);
	am_run(amdvi_invalidate_devtab_entry(OTHER));
	assert_int_equal(am_ask(&request), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void present_pages_are_cached_whatever_they_permit(void **state)
{
	(void)state;
	begin_known();
	am_map(4, VA + 0x1000, 1, amdvi_pte_leaf(OLD, AMDVI_PTE_READ));
	assert_int_equal(am_reach(VA + 0x1000, WRITE), AMDVI_IO_PAGE_FAULT);
	am_map(4, VA + 0x1000, 1, amdvi_pte_leaf(OLD, AM_RW));
	assert_int_equal(am_reach(VA + 0x1000, WRITE), AMDVI_IO_PAGE_FAULT);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE + 0x1000, 12, false));
	assert_int_equal(am_reach(VA + 0x1000, WRITE), 0);
	am_end();
}

static void absent_pages_are_cached_with_np_cache(void **state)
{
	const struct iommu_model_amdvi_config config = {.flags = IOMMU_MODEL_AMDVI_NP_CACHE};
	const struct amdvi_dte dte = am_dte();

	(void)state;
	begin_known();
	assert_int_equal(am_reach(VA + 0x1000, READ), AMDVI_IO_PAGE_FAULT);
	am_map(4, VA + 0x1000, 1, amdvi_pte_leaf(NEW, AM_RW));
	assert_int_equal(am_reach(VA + 0x1000, READ), 0);
	am_end();
	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	am_map(4, VA, 1, 0);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(VA + 0x40000000, READ), AMDVI_IO_PAGE_FAULT);
	am_map(4, VA, 1, amdvi_pte_leaf(NEW, AM_RW));
	am_map(4, VA + 0x40000000, 1, amdvi_pte_leaf(NEW, AM_RW));
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	assert_int_equal(target_of(VA), NEW);
	/* Where a table is missing, what says so is like one. */
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE + 0x40000000, 12, false));
	assert_int_equal(am_reach(VA + 0x40000000, READ), AMDVI_IO_PAGE_FAULT);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE + 0x40000000, 12, true));
	assert_int_equal(target_of(VA + 0x40000000), NEW);
	am_end();
}

static void clean_pages_hide_writes_until_they_are_dropped(void **state)
{
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_known();
	/* Tracking is turned on, and the domain not invalidated. */
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_DIRTY);
	am_device(AM_DEVICE, &dte);
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_equal(am_look(am_place(AM_HOST, VA, 1)) & AMDVI_PTE_DIRTY, 0);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_not_equal(am_look(am_place(AM_HOST, VA, 1)) & AMDVI_PTE_DIRTY, 0);
	am_end();
}

/* --- Guest tables ----------------------------------------------------------------------------- */

static void begin_guest(void)
{
	const struct amdvi_dte dte = am_guest_dte(0);

	am_begin(&all);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	am_word(AM_GCR3 + 0x1000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x4000));
	am_map_guest(GUEST, 1, OLD | AM_PAGE);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST, READ), 0);
	assert_int_equal(am_result.paddr, OLD);
}

static void is_still(uint64_t target)
{
	assert_int_equal(am_reach_guest(AM_PASID, GUEST, READ), 0);
	assert_int_equal(am_result.paddr, target);
}

static struct amdvi_command of_guest(uint32_t pasid, uint64_t address, unsigned int shift,
				     bool tables)
{
	return amdvi_pages_with_pasid(amdvi_invalidate_pages(AM_DOMAIN, address, shift, tables),
				      pasid);
}

static void guest_pages_are_dropped_by_pasid_and_address(void **state)
{
	(void)state;
	begin_guest();
	am_word(am_place(AM_GUEST, GUEST, 1), NEW | AM_PAGE);
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	am_run(of_guest(AM_PASID + 1, 0, 64, true));
	am_run(of_guest(AM_PASID, GUEST + 0x1000, 12, true));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, GUEST, 12, true));
	is_still(OLD);
	am_run(of_guest(AM_PASID, GUEST, 12, false));
	assert_true(am.told_last.has_pasid);
	assert_int_equal(am.told_last.pasid, AM_PASID);
	is_still(NEW);
	/* Without GN: everything of the domain, or nothing of guests. */
	am_word(am_place(AM_GUEST, GUEST, 1), OLD | AM_PAGE);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, GUEST, 63, true));
	is_still(NEW);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, false));
	is_still(OLD);
	am_end();
}

static void guest_tables_are_dropped_with_pde_alone(void **state)
{
	(void)state;
	begin_guest();
	am_word(am_place(AM_GUEST, GUEST, 2), (AM_GUEST + 0x9000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x8000, GUEST, 1), NEW | AM_PAGE);
	am_run(of_guest(AM_PASID, 0, 64, false));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, false));
	is_still(OLD);
	am_run(of_guest(AM_PASID, GUEST, 12, true));
	is_still(NEW);
	am_end();
}

static void gcr3_entries_are_dropped_with_pde_alone(void **state)
{
	(void)state;
	begin_guest();
	am_word(AM_GCR3 + 0x1000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x14000));
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 4), (AM_GUEST + 0x13000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 3), (AM_GUEST + 0x12000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 2), (AM_GUEST + 0x11000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, GUEST, 1), NEW | AM_PAGE);
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	am_run(of_guest(AM_PASID, 0, 64, false));
	is_still(OLD);
	/* Of another address the root is as good. */
	assert_int_equal(am_reach_guest(AM_PASID, 1ULL << 46, READ), AMDVI_IO_PAGE_FAULT);
	am_run(of_guest(AM_PASID, 0, 64, true));
	is_still(NEW);
	am_end();
}

static void many_pasids_are_dropped_at_once(void **state)
{
	uint32_t pasid;

	(void)state;
	begin_guest();
	for (pasid = 0; pasid < 300; pasid++) {
		am_word(AM_GCR3 + 0x1000 + 8 * pasid, amdvi_gcr3_entry(AM_GUEST + 0x4000));
		assert_int_equal(am_reach_guest(pasid, GUEST, READ), 0);
	}
	am_word(am_place(AM_GUEST, GUEST, 1), NEW | AM_PAGE);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, false));
	for (pasid = 0; pasid < 300; pasid++) {
		assert_int_equal(am_reach_guest(pasid, GUEST, READ), 0);
		assert_int_equal(am_result.paddr, NEW);
	}
	am_end();
}

/* --- Order ------------------------------------------------------------------------------------ */

static void a_lazy_unit_executes_when_it_has_to(void **state)
{
	const struct iommu_model_amdvi_config config = {.strict = IOMMU_MODEL_AMDVI_LAZY};
	const struct amdvi_dte dte = am_dte();
	unsigned int i, told;

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	am_map(4, VA, 1, amdvi_pte_leaf(OLD, AM_RW));
	assert_int_equal(target_of(VA), OLD);
	move_page();
	told = am.told;
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	assert_int_equal(am.told, told);
	assert_int_equal(target_of(VA), OLD);
	am_run(amdvi_completion_wait(AM_FLAG, 1));
	assert_int_equal(am_look(AM_FLAG), 1);
	assert_int_equal(target_of(VA), NEW);
	/* More than it can keep. */
	am_word(am_place(AM_HOST, VA, 1), amdvi_pte_leaf(OLD, AM_RW));
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	for (i = 0; i < 31; i++)
		am_run(amdvi_invalidate_devtab_entry(1));
	assert_int_equal(target_of(VA), NEW);
	am_run(amdvi_invalidate_devtab_entry(1));
	assert_int_equal(target_of(VA), OLD);
	am_end();
}

static unsigned int seen;
static uint16_t order[4];

static void note_order(void)
{
	if (am.told_last.type == IOMMU_MODEL_AMDVI_DEVICES && seen < 4)
		order[seen++] = am.told_last.devid;
}

static void an_unordered_unit_begins_with_the_newest(void **state)
{
	const struct iommu_model_amdvi_config config = {.strict = IOMMU_MODEL_AMDVI_UNORDERED};
	uint16_t devid;

	(void)state;
	am_begin(&config);
	am_unit_on();
	seen = 0;
	am.meanwhile = note_order;
	for (devid = 1; devid <= 3; devid++)
		am_run(amdvi_invalidate_devtab_entry(devid));
	am_run(amdvi_completion_wait(AM_FLAG, 1));
	assert_int_equal(seen, 3);
	assert_int_equal(order[0], 3);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 1);
	am_end();
}

/* --- Devices' own ----------------------------------------------------------------------------- */

static void devices_are_told_what_to_drop(void **state)
{
	(void)state;
	begin_known();
	am_run(amdvi_iotlb_with_pasid(amdvi_invalidate_iotlb(AM_DEVICE, 9, GUEST, 14), 0x9a5c3));
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_DEVICE_TLB);
	assert_int_equal(am.told_last.devid, AM_DEVICE);
	assert_true(am.told_last.has_pasid && am.told_last.has_range);
	assert_int_equal(am.told_last.pasid, 0x9a5c3);
	assert_int_equal(am.told_last.address, GUEST & ~0x3fffULL);
	assert_int_equal(am.told_last.size, 0x4000);
	am_run(amdvi_invalidate_iotlb(AM_DEVICE, 9, 0, 64));
	assert_false(am.told_last.has_pasid);
	assert_int_equal(am.told_last.size, 0);
	am_end();
}

/* A hint that names no domain: nothing is dropped, and the host is not told. */
static void a_prefetch_changes_nothing(void **state)
{
	unsigned int told;

	(void)state;
	begin_known();
	told = am.told;
	move_page();
	am_run(amdvi_command_for(AMDVI_PREFETCH_IOMMU_PAGES, AM_DEVICE));
	assert_int_equal(am.told, told);
	assert_int_equal(target_of(VA), OLD);
	am_end();
}

static void what_is_forgotten_at_random_is_found_again(void **state)
{
	const struct iommu_model_amdvi_config config = {.forget_seed = 5, .cache_entries = 16};
	const struct amdvi_dte dte = am_dte();
	unsigned int i;

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	for (i = 0; i < 64; i++)
		am_map(4, PAGE + i * 0x1000ULL, 1, amdvi_pte_leaf(OLD + i * 0x1000ULL, AM_RW));
	for (i = 0; i < 1000; i++) {
		assert_int_equal(am_reach(PAGE + i % 64 * 0x1000ULL, READ), 0);
		assert_int_equal(am_result.paddr, OLD + i % 64 * 0x1000ULL);
	}
	am_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_cached_until_their_command),
		cmocka_unit_test(open_doors_are_cached_too),
		cmocka_unit_test(an_entry_alone_leaves_pages_of_the_domain),
		cmocka_unit_test(an_entry_is_read_in_one_piece_or_torn),
		cmocka_unit_test(halves_of_an_entry_belong_together),
		cmocka_unit_test(pages_are_dropped_by_domain_and_address),
		cmocka_unit_test(ranges_are_coded),
		cmocka_unit_test(tables_are_dropped_with_pde_alone),
		cmocka_unit_test(a_page_is_dropped_by_any_of_its_parts),
		cmocka_unit_test(pages_may_be_cached_in_pieces),
		cmocka_unit_test(domains_share_what_they_have),
		cmocka_unit_test(present_pages_are_cached_whatever_they_permit),
		cmocka_unit_test(absent_pages_are_cached_with_np_cache),
		cmocka_unit_test(clean_pages_hide_writes_until_they_are_dropped),
		cmocka_unit_test(guest_pages_are_dropped_by_pasid_and_address),
		cmocka_unit_test(guest_tables_are_dropped_with_pde_alone),
		cmocka_unit_test(gcr3_entries_are_dropped_with_pde_alone),
		cmocka_unit_test(many_pasids_are_dropped_at_once),
		cmocka_unit_test(a_lazy_unit_executes_when_it_has_to),
		cmocka_unit_test(an_unordered_unit_begins_with_the_newest),
		cmocka_unit_test(devices_are_told_what_to_drop),
		cmocka_unit_test(a_prefetch_changes_nothing),
		cmocka_unit_test(what_is_forgotten_at_random_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
