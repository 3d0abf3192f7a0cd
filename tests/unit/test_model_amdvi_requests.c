/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of devices to the model of an AMD IOMMU: device table, host, guest and nested tables,
 * exclusion range, device TLBs, page requests (48882, "Device Table", "I/O Page Tables for Host
 * Translations", "Guest and Nested Address Translation").
 */
#include "bare_amdvi.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_amdvi_config all = {0};

#define READ       IOMMU_PROT_READ
#define WRITE      IOMMU_PROT_WRITE
#define READ_WRITE IOMMU_PROT_READ_WRITE

#define VA         0x12345678ULL
#define PAGE       (VA & ~0xfffULL)
#define TARGET     (AM_DATA + 0x5000)

/* Flags of events, beside code, device and domain. */
#define F_I  (1ULL << 51)
#define F_PR (1ULL << 52)
#define F_RW (1ULL << 53)
#define F_PE (1ULL << 54)
#define F_RZ (1ULL << 55)
#define F_TR (1ULL << 56)
#define F_GN (1ULL << 48)
#define F_NX (1ULL << 49)
#define F_US (1ULL << 50)

static void begin_with(const struct amdvi_dte *dte)
{
	am_begin(&all);
	am_unit_on();
	am_device(AM_DEVICE, dte);
}

static void begin_mapped(void)
{
	const struct amdvi_dte dte = am_dte();

	begin_with(&dte);
	am_map(4, VA, 1, amdvi_pte_leaf(TARGET, AM_RW));
}

/* The next event: its flags, beside the code, which is `code`. */
static uint64_t flags_of_event(unsigned int code)
{
	const struct amdvi_event event = am_event();

	assert_int_equal(amdvi_event_code(&event), code);
	assert_int_equal(amdvi_event_devid(&event), AM_DEVICE);
	return event.words[0] & 0x01ff000000000000ULL;
}

static void change_entry(const struct amdvi_dte *dte)
{
	am_device(AM_DEVICE, dte);
	am_forget();
}

/* --- The device table ------------------------------------------------------------------------- */

static void a_unit_that_is_off_lets_all_pass(void **state)
{
	const struct iommu_model_amdvi_request ats = {
		.devid = AM_DEVICE, .type = IOMMU_MODEL_AMDVI_TRANSLATION_REQUEST, .address = VA};

	(void)state;
	am_begin(&all);
	assert_int_equal(am_reach(VA, READ_WRITE), 0);
	assert_int_equal(am_result.paddr, VA);
	assert_int_equal(am_result.prot, READ_WRITE);
	assert_int_equal(am_reach(1ULL << 48, READ), AM_SILENT);
	assert_int_equal(am_ask(&ats), AM_SILENT);
	assert_int_equal(am_result.answer, IOMMU_MODEL_AMDVI_UNSUPPORTED);
	/* Interrupts are none of memory, even then. */
	assert_int_equal(am_reach(0xfee01000, WRITE), 0);
	assert_true(am_result.is_interrupt);
	am_end();
}

static void an_entry_of_zeros_is_an_open_door(void **state)
{
	const struct amdvi_dte none = {{0}};

	(void)state;
	begin_with(&none);
	assert_int_equal(am_reach(VA, READ_WRITE), 0);
	assert_int_equal(am_result.paddr, VA);
	assert_int_equal(am_result.prot, READ_WRITE);
	assert_int_equal(am_events(), 0);
	/* With V=0 nothing else is looked at. */
	change_entry(&(struct amdvi_dte){{UINT64_MAX - 1, UINT64_MAX, 0, 0}});
	assert_int_equal(am_reach(VA, READ_WRITE), 0);
	am_end();
}

static void entries_block_without_a_translation(void **state)
{
	struct amdvi_dte dte = {{1, 0, 0, 0}};

	(void)state;
	begin_with(&dte);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_result.answer, IOMMU_MODEL_AMDVI_ABORTED);
	assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), 0);
	dte = amdvi_dte_blocked();
	change_entry(&dte);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_PE);
	assert_int_equal(am_reach(VA, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_PE | F_RW);
	am_end();
}

static void without_a_table_addresses_pass_as_allowed(void **state)
{
	struct amdvi_dte dte = amdvi_dte_blocked();

	(void)state;
	amdvi_set(dte.words, AMDVI_DTE_IR, 1);
	begin_with(&dte);
	assert_int_equal(am_reach(VA, READ), 0);
	assert_int_equal(am_result.paddr, VA);
	assert_int_equal(am_result.prot, READ);
	assert_int_equal(am_result.size, 1U << 31); /* up to 2 GiB: the interrupt range is above */
	assert_int_equal(am_reach(VA, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(0xffe00000, READ), 0);
	assert_int_equal(am_result.size, 1U << 24);
	assert_int_equal(am_reach(1ULL << 48, READ), AM_SILENT);
	am_end();
}

static void illegal_entries_are_told(void **state)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
		uint64_t flags;
	} wrong[] = {
		{0, 1ULL << 2, F_RZ},
		{0, 1ULL << 6, F_RZ},
		{0, 1ULL << 63, F_RZ},
		{1, 1ULL << 42, F_RZ},           /* SATS */
		{0, 2ULL << 7, F_RZ},            /* HAD 2 */
		{1, 3ULL << 35, F_RZ},           /* IoCtl 3 */
		{0, 7ULL << 9, 0},               /* Mode 7 */
		{0, 1ULL << 55 | 3ULL << 56, 0}, /* GLX 3 */
	};
	struct amdvi_dte dte;
	unsigned int i;

	(void)state;
	begin_mapped();
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		dte = am_dte();
		dte.words[wrong[i].word] |= wrong[i].bits;
		change_entry(&dte);
		assert_int_equal(am_reach(VA, READ), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
		assert_int_equal(flags_of_event(AMDVI_ILLEGAL_DEV_TABLE_ENTRY), wrong[i].flags);
	}
	/* What is of interrupts is no matter of memory. */
	dte = am_dte();
	dte.words[2] = UINT64_MAX & ~(3ULL << 54);
	dte.words[3] = UINT64_MAX;
	change_entry(&dte);
	assert_int_equal(am_reach(VA, READ), 0);
	/* Five levels of guest tables there are, six not. */
	dte = am_guest_dte(0);
	amdvi_set(dte.words, AMDVI_DTE_GUEST_MODE, 2);
	change_entry(&dte);
	assert_int_equal(am_reach(VA, READ), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	am_end();
}

static void fields_of_absent_features_are_reserved(void **state)
{
	const struct iommu_model_amdvi_config small = {
		.efr = amdvi_place(AMDVI_EFR_IA, 1) | amdvi_place(AMDVI_EFR_HATS, 0),
		.flags = IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS,
	};
	static const struct {
		unsigned int word;
		uint64_t bits;
	} wrong[] = {
		{0, 1ULL << 7},  {0, 1ULL << 52}, {0, 1ULL << 53}, {0, 1ULL << 54},
		{0, 1ULL << 55}, {0, 1ULL << 56}, {0, 1ULL << 58}, {1, 1ULL << 16},
		{1, 1ULL << 32}, {1, 1ULL << 43}, {0, 5ULL << 9},
	};
	unsigned int i;

	(void)state;
	am_begin(&small);
	am_unit_on();
	am_map(4, VA, 1, amdvi_pte_leaf(TARGET, AM_RW));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct amdvi_dte dte = am_dte();

		if (wrong[i].bits == 5ULL << 9)
			amdvi_set(dte.words, AMDVI_DTE_MODE, 0);
		dte.words[wrong[i].word] |= wrong[i].bits;
		change_entry(&dte);
		assert_int_equal(am_reach(VA, READ), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	}
	am_end();
}

static void devices_beyond_the_table_are_illegal(void **state)
{
	struct iommu_model_amdvi_request request = {.devid = 0x800, .address = VA};
	struct amdvi_event event;

	(void)state;
	begin_mapped();
	assert_int_equal(am_ask(&request), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	event = am_event();
	assert_int_equal(amdvi_event_devid(&event), 0x800);
	assert_int_equal(event.words[1], VA);
	request.devid = 0x7ff;
	assert_int_equal(am_ask(&request), 0);
	/* A table that cannot be read. */
	am_set(AMDVI_DEVICE_TABLE_BASE, amdvi_device_table_base(0x40000000, 0x10000));
	request.devid = 0x7fe;
	assert_int_equal(am_ask(&request), AMDVI_DEV_TAB_HARDWARE_ERROR);
	event = am_event();
	assert_int_equal(event.words[1], 0x40000000ULL + 0x7fe * 32);
	assert_int_equal(amdvi_get(event.words, AMDVI_EVENT_TYPE), AMDVI_ERROR_MASTER_ABORT);
	am_end();
}

static void segments_have_tables_of_their_own(void **state)
{
	struct iommu_model_amdvi_request request = {.devid = 0xe001, .address = VA};
	const struct amdvi_dte dte = amdvi_dte_blocked();
	unsigned int i;

	(void)state;
	am_begin(&all);
	am_set(AMDVI_CONTROL, amdvi_place(AMDVI_CONTROL_SEGMENTS_EN, 3));
	am_unit_on();
	for (i = 1; i < 8; i++)
		am_set(amdvi_segment_register(i), amdvi_device_table_base(0x40000000, 0x1000));
	am_set(amdvi_segment_register(7), amdvi_device_table_base(AM_DEVICES, 0x1000));
	am_device(1, &dte);
	assert_int_equal(am_ask(&request), AMDVI_IO_PAGE_FAULT);
	request.devid = 0xe080;
	assert_int_equal(am_ask(&request), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	request.devid = 0xc001;
	assert_int_equal(am_ask(&request), AMDVI_DEV_TAB_HARDWARE_ERROR);
	am_end();
}

/* --- Host tables ------------------------------------------------------------------------------ */

static void pages_are_found_at_every_level(void **state)
{
	static const unsigned int modes[] = {1, 2, 3, 4, 5, 6};
	unsigned int i, level;

	(void)state;
	begin_mapped();
	for (i = 0; i < 6; i++)
		for (level = 1; level <= modes[i] && level <= 3; level++) {
			const uint64_t at = modes[i] == 1 ? 0x34567 : VA;
			const uint64_t size = 1ULL << amdvi_level_shift(level);
			struct amdvi_dte dte = am_dte();

			amdvi_set(dte.words, AMDVI_DTE_MODE, modes[i]);
			amdvi_set_address(dte.words, AMDVI_DTE_HOST_ROOT,
					  AM_HOST + 0x1000ULL * modes[i]);
			am_map(modes[i], at, level, amdvi_pte_leaf(4 * size, AM_RW));
			change_entry(&dte);
			assert_int_equal(am_reach(at, READ_WRITE), 0);
			assert_int_equal(am_result.paddr, 4 * size + at % size);
			assert_int_equal(am_result.size, size);
		}
	am_end();
}

static void addresses_beyond_the_levels_fault(void **state)
{
	(void)state;
	begin_mapped();
	assert_int_equal(am_reach(VA | 1ULL << 48, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), 0);
	am_end();
}

static void sizes_are_coded_in_addresses(void **state)
{
	static const struct {
		unsigned int level, shift;
		bool legal;
	} cases[] = {
		{1, 13, true}, {1, 14, true}, {1, 16, true},  {1, 20, true},  {1, 21, false},
		{2, 22, true}, {2, 29, true}, {2, 21, false}, {2, 20, false}, {2, 30, false},
		{3, 31, true}, {3, 38, true}, {3, 39, false}, {4, 40, true},
	};
	unsigned int i;

	(void)state;
	begin_mapped();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t size = 1ULL << cases[i].shift;
		const uint64_t entry = amdvi_pte_leaf_coded(2 * size, cases[i].shift, AM_RW);

		am_forget();
		am_map(4, VA, cases[i].level, entry);
		if (!cases[i].legal) {
			assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
			assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR);
			continue;
		}
		assert_int_equal(am_reach(VA, READ), 0);
		assert_int_equal(am_result.paddr, 2 * size + VA % size);
		assert_int_equal(am_result.size, cases[i].shift >= 33 ? 1ULL << 31 : size);
	}
	am_end();
}

static void levels_can_be_skipped(void **state)
{
	(void)state;
	begin_mapped();
	/* From level 4 to level 1: bits 38:21 of the address have to be 0. */
	am_word(am_place(AM_HOST, 0, 4), amdvi_pte_table(AM_HOST + 0x1000, 1));
	am_word(am_place(AM_HOST, 0x7000, 1), amdvi_pte_leaf(TARGET, AM_RW));
	assert_int_equal(am_reach(0x7123, READ), 0);
	assert_int_equal(am_result.paddr, TARGET + 0x123);
	assert_int_equal(am_reach(0x207123, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR);
	/* From the cache, too. */
	assert_int_equal(am_reach(0x4000007123ULL, READ), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void entries_of_tables_are_checked(void **state)
{
	static const struct {
		unsigned int level;
		uint64_t entry;
		uint64_t flags;
	} cases[] = {
		{2, 0, 0},
		{2, 1 | 2ULL << 9, F_PR}, /* the level's own */
		{2, 1 | 5ULL << 9, F_PR}, /* above it */
		{2, 1 | 1ULL << 9 | 1ULL << 52, F_PR | F_RZ},
		{2, 1 | 1ULL << 9 | 1ULL << 60, F_PR | F_RZ}, /* FC, of a table */
		{1, 1 | 1ULL << 52, F_PR | F_RZ},
		{1, 1 | 1ULL << 56, F_PR | F_RZ},
		{1, 1 | 1ULL << 57, F_PR | F_RZ},
		{1, 1, F_PR | F_PE},
		{1, 1 | AMDVI_PTE_WRITE, F_PR | F_PE},
		{1, AM_RW, 0},
	};
	unsigned int i;

	(void)state;
	begin_mapped();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		am_forget();
		am_map(4, VA, cases[i].level, cases[i].entry);
		assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), cases[i].flags);
	}
	/* Software's bits, U and FC do not count. */
	am_forget();
	am_map(4, VA, 1,
	       amdvi_pte_leaf(TARGET, AM_RW | AMDVI_PTE_IGNORED | AMDVI_PTE_U | AMDVI_PTE_FC));
	assert_int_equal(am_reach(VA, READ_WRITE), 0);
	assert_true(am_result.force_coherent);
	assert_int_equal(am_reach(VA, READ_WRITE), 0);
	assert_true(am_result.force_coherent);
	/* No leaf in level 6. */
	{
		struct amdvi_dte dte = am_dte();

		amdvi_set(dte.words, AMDVI_DTE_MODE, 6);
		amdvi_set_address(dte.words, AMDVI_DTE_HOST_ROOT, AM_HOST + 0x6000);
		am_map(6, VA, 6, amdvi_pte_leaf(0, AM_RW));
		change_entry(&dte);
		assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR);
	}
	am_end();
}

static void tables_that_cannot_be_read_are_told(void **state)
{
	struct amdvi_event event;

	(void)state;
	begin_mapped();
	am_word(am_place(AM_HOST, VA, 3), amdvi_pte_table(0x40000000, 2));
	assert_int_equal(am_reach(VA, READ), AMDVI_PAGE_TAB_HARDWARE_ERROR);
	event = am_event();
	assert_int_equal(amdvi_event_code(&event), AMDVI_PAGE_TAB_HARDWARE_ERROR);
	assert_int_equal(event.words[1], 0x40000000 + 8 * (VA >> 21 & 511));
	assert_int_equal(amdvi_get(event.words, AMDVI_EVENT_DOMAIN), AM_DOMAIN);
	assert_int_equal(amdvi_get(event.words, AMDVI_EVENT_TYPE), AMDVI_ERROR_MASTER_ABORT);
	am_end();
}

static void permissions_are_those_of_all_levels(void **state)
{
	unsigned int level;

	(void)state;
	begin_mapped();
	for (level = 1; level <= 4; level++) {
		const iommu_paddr_t place = am_place(AM_HOST, VA, level);
		const uint64_t entry = am_look(place);

		am_word(place, entry & ~AMDVI_PTE_WRITE);
		am_forget();
		assert_int_equal(am_reach(VA, READ), 0);
		assert_int_equal(am_result.prot, READ);
		assert_int_equal(am_reach(VA, WRITE), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_PE | F_RW);
		am_word(place, entry & ~AMDVI_PTE_READ);
		am_forget();
		assert_int_equal(am_reach(VA, WRITE), 0);
		/* A neighbour through cached tables. */
		am_word(am_place(AM_HOST, VA + 0x1000, 1), amdvi_pte_leaf(TARGET, AM_RW));
		assert_int_equal(am_reach(VA + 0x1000, READ), level == 1 ? 0 : AMDVI_IO_PAGE_FAULT);
		if (level != 1)
			(void)am_event();
		am_word(place, entry);
	}
	am_end();
}

static void events_say_who_and_where(void **state)
{
	struct amdvi_event event;

	(void)state;
	begin_mapped();
	assert_int_equal(am_reach(0x7654321098ULL, WRITE), AMDVI_IO_PAGE_FAULT);
	event = am_event();
	assert_int_equal(event.words[0], 2ULL << 60 | F_RW | (uint64_t)AM_DOMAIN << 32 | AM_DEVICE);
	assert_int_equal(event.words[1], 0x7654321098ULL);
	am_end();
}

static void page_faults_can_be_suppressed(void **state)
{
	struct amdvi_dte dte = am_dte();

	(void)state;
	amdvi_set(dte.words, AMDVI_DTE_SA, 1);
	begin_with(&dte);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 0);
	dte = am_dte();
	amdvi_set(dte.words, AMDVI_DTE_SE, 1);
	change_entry(&dte);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 1);
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(VA + 0x5000, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 1);
	/* Until the entry is fetched anew. */
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	assert_int_equal(am_reach(VA, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 2);
	am_end();
}

/* --- Accessed and dirty ----------------------------------------------------------------------- */

static void accesses_and_writes_are_marked(void **state)
{
	struct amdvi_dte dte = am_dte();
	const iommu_paddr_t leaf = am_place(AM_HOST, VA, 1);

	(void)state;
	begin_mapped();
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_equal(am.writes, 0);
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_ACCESSED);
	change_entry(&dte);
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_equal(am_look(leaf) & (AMDVI_PTE_ACCESSED | AMDVI_PTE_DIRTY),
			 AMDVI_PTE_ACCESSED);
	assert_int_not_equal(am_look(am_place(AM_HOST, VA, 3)) & AMDVI_PTE_ACCESSED, 0);
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_DIRTY);
	change_entry(&dte);
	assert_int_equal(am_reach(VA, READ), 0);
	/* Writing is not offered as long as it needs a mark. */
	assert_int_equal(am_result.prot, READ);
	assert_int_equal(am_look(leaf) & AMDVI_PTE_DIRTY, 0);
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_equal(am_result.prot, READ_WRITE);
	assert_int_not_equal(am_look(leaf) & AMDVI_PTE_DIRTY, 0);
	/* Known as dirty: not marked again, until the page is invalidated. */
	am_word(leaf, am_look(leaf) & ~AMDVI_PTE_DIRTY);
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_equal(am_look(leaf) & AMDVI_PTE_DIRTY, 0);
	am_run(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	assert_int_equal(am_reach(VA, WRITE), 0);
	assert_int_not_equal(am_look(leaf) & AMDVI_PTE_DIRTY, 0);
	am_end();
}

static void what_is_refused_marks_nothing(void **state)
{
	struct amdvi_dte dte = am_dte();
	const iommu_paddr_t leaf = am_place(AM_HOST, VA, 1);

	(void)state;
	begin_mapped();
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_DIRTY);
	amdvi_set(dte.words, AMDVI_DTE_IW, 0);
	change_entry(&dte);
	assert_int_equal(am_reach(VA, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_look(leaf) & (AMDVI_PTE_ACCESSED | AMDVI_PTE_DIRTY), 0);
	amdvi_set(dte.words, AMDVI_DTE_IW, 1);
	am_word(leaf, am_look(leaf) & ~AMDVI_PTE_WRITE);
	change_entry(&dte);
	assert_int_equal(am_reach(VA, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_look(leaf) & (AMDVI_PTE_ACCESSED | AMDVI_PTE_DIRTY), 0);
	am_end();
}

/* --- Ranges ----------------------------------------------------------------------------------- */

static void the_interrupt_range_is_not_translated(void **state)
{
	(void)state;
	begin_mapped();
	am_map(4, 0xfee00000, 2, amdvi_pte_leaf(0, AM_RW));
	assert_int_equal(am_reach(0xfee01000, WRITE), 0);
	assert_true(am_result.is_interrupt);
	assert_int_equal(am_reach(0xfee01000, READ), AMDVI_INVALID_DEVICE_REQUEST);
	assert_int_equal(flags_of_event(AMDVI_INVALID_DEVICE_REQUEST), 0);
	assert_int_equal(am_reach(0xfeeffffc, READ_WRITE), AMDVI_INVALID_DEVICE_REQUEST);
	/* Around it pages are cut. */
	am_map(4, 0xfef00000, 2, amdvi_pte_leaf(0, AM_RW));
	assert_int_equal(am_reach(0xfef00000, WRITE), 0);
	assert_false(am_result.is_interrupt);
	assert_int_equal(am_result.paddr, 0x100000);
	assert_int_equal(am_result.size, 0x100000);
	am_end();
}

static void the_hypertransport_range_may_be_reserved(void **state)
{
	const struct iommu_model_amdvi_config config = {.efr = amdvi_place(AMDVI_EFR_HATS, 2)};
	const struct amdvi_dte dte = am_dte();

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	assert_int_equal(am_reach(0xfd00000000ULL, READ), AMDVI_INVALID_DEVICE_REQUEST);
	assert_int_equal(am_reach(0xffffffffffULL, WRITE), AMDVI_INVALID_DEVICE_REQUEST);
	assert_int_equal(am_reach(0x10000000000ULL, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(0xfcffffffffULL, WRITE), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void the_exclusion_range_passes(void **state)
{
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_mapped();
	am_set(AMDVI_EXCLUSION_BASE, 0x7000000 | 1);
	am_set(AMDVI_EXCLUSION_LIMIT, 0x7005000);
	assert_int_equal(am_reach(0x7000000, READ), AMDVI_IO_PAGE_FAULT);
	amdvi_set(dte.words, AMDVI_DTE_EX, 1);
	change_entry(&dte);
	assert_int_equal(am_reach(0x7000000, READ_WRITE), 0);
	assert_int_equal(am_result.paddr, 0x7000000);
	assert_int_equal(am_result.size, 0x4000);
	assert_int_equal(am_reach(0x7005fff, READ_WRITE), 0);
	assert_int_equal(am_result.size, 0x2000);
	assert_int_equal(am_reach(0x7006000, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(0x6ffffff, READ), AMDVI_IO_PAGE_FAULT);
	dte = am_dte();
	change_entry(&dte);
	am_set(AMDVI_EXCLUSION_BASE, 0x7000000 | 3);
	assert_int_equal(am_reach(0x7000000, READ_WRITE), 0);
	am_set(AMDVI_EXCLUSION_BASE, 0x7000000 | 2);
	assert_int_equal(am_reach(0x7000000, READ_WRITE), AMDVI_IO_PAGE_FAULT);
	am_end();
}

/* --- Guest tables ----------------------------------------------------------------------------- */

#define GUEST_PAGE 0x7f12345000ULL

static void begin_guest(unsigned int mode)
{
	const struct amdvi_dte dte = am_guest_dte(mode);
	unsigned int i;

	begin_with(&dte);
	am_word(AM_GCR3 + 0x1000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x4000));
	am_map_guest(GUEST_PAGE, 1, TARGET | AM_PAGE);
	if (mode == 0)
		return;
	/* All that there is, each page to itself. */
	for (i = 0; i < AM_MEMORY >> 12; i++) {
		const uint64_t at = (uint64_t)i << 12;
		const uint64_t table = AM_HOST + 0x10000 + (at >> 21 << 12);

		am_word(table + 8 * (at >> 12 & 511), amdvi_pte_leaf(at, AM_RW));
		am_word(am_place(AM_HOST, at, 2), amdvi_pte_table(table, 1));
	}
	am_word(am_place(AM_HOST, 0, 3), amdvi_pte_table(AM_HOST + 0x2000, 2));
	am_word(am_place(AM_HOST, 0, 4), amdvi_pte_table(AM_HOST + 0x3000, 3));
}

static void guest_tables_serve_pasids(void **state)
{
	(void)state;
	begin_guest(0);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE + 0x123, READ_WRITE), 0);
	assert_int_equal(am_result.paddr, TARGET + 0x123);
	assert_int_equal(am_result.size, 0x1000);
	/* All levels are marked. */
	assert_int_equal(am_look(am_place(AM_GUEST, GUEST_PAGE, 1)),
			 TARGET | AM_PAGE | AM_ACCESSED | AM_DIRTY);
	assert_int_equal(am_look(am_place(AM_GUEST, GUEST_PAGE, 4)) & 0xfff, AM_PAGE | AM_ACCESSED);
	/* Without a PASID there is no table, and with Mode 0 addresses pass. */
	assert_int_equal(am_reach(VA, READ), 0);
	assert_int_equal(am_result.paddr, VA);
	assert_int_equal(am_events(), 0);
	am_end();
}

static void guest_pages_have_three_sizes(void **state)
{
	unsigned int level;

	(void)state;
	begin_guest(0);
	for (level = 2; level <= 3; level++) {
		const uint64_t size = 1ULL << amdvi_level_shift(level);

		am_forget();
		am_map_guest(GUEST_PAGE, level, 2 * size | AM_PAGE | AM_LARGE);
		assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), 0);
		assert_int_equal(am_result.paddr, 2 * size + GUEST_PAGE % size);
		assert_int_equal(am_result.size, size);
		/* Bits of the address that the page has not are reserved. */
		am_forget();
		am_map_guest(GUEST_PAGE, level, 2 * size | 0x2000 | AM_PAGE | AM_LARGE);
		assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_RZ | F_GN | F_US);
	}
	am_forget();
	am_map_guest(GUEST_PAGE, 4, AM_PAGE | AM_LARGE);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_RZ | F_GN | F_US);
	am_end();
}

static void guest_permissions_are_those_of_all_levels(void **state)
{
	struct iommu_model_amdvi_request request = {
		.devid = AM_DEVICE, .has_pasid = true, .pasid = AM_PASID, .address = GUEST_PAGE};
	unsigned int level;

	(void)state;
	begin_guest(0);
	for (level = 1; level <= 4; level++) {
		const iommu_paddr_t place = am_place(AM_GUEST, GUEST_PAGE, level);
		const uint64_t entry = am_look(place);

		am_word(place, entry & ~AM_WRITABLE);
		am_forget();
		assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), 0);
		assert_int_equal(am_result.prot, READ);
		assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, WRITE), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT),
				 F_PR | F_PE | F_RW | F_GN | F_US);
		am_word(place, entry & ~AM_USER);
		am_forget();
		assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_PE | F_GN | F_US);
		request.privileged = true;
		request.execute = false;
		assert_int_equal(am_ask(&request), 0);
		am_word(place, entry | AM_NX);
		am_forget();
		request.execute = true;
		assert_int_equal(am_ask(&request), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(flags_of_event(AMDVI_IO_PAGE_FAULT), F_PR | F_PE | F_GN | F_NX);
		am_word(place, entry);
		am_forget();
		assert_int_equal(am_ask(&request), 0);
		assert_true(am_result.executable);
	}
	am_end();
}

static void a_pasid_needs_its_entry(void **state)
{
	struct amdvi_dte dte = am_guest_dte(0);
	struct amdvi_event event;

	(void)state;
	begin_guest(0);
	assert_int_equal(am_reach_guest(AM_PASID + 1, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	event = am_event();
	assert_int_equal(amdvi_event_pasid(&event), AM_PASID + 1);
	assert_int_equal(event.words[0] & (F_PR | F_GN), F_GN);
	/* Beyond the table. */
	assert_int_equal(am_reach_guest(512 + AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	/* Not canonical. */
	assert_int_equal(am_reach_guest(AM_PASID, 1ULL << 47, READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE | 1ULL << 63, READ),
			 AMDVI_IO_PAGE_FAULT);
	/* A reserved bit in the entry. */
	am_word(AM_GCR3 + 0x1000 + 8 * 5, amdvi_gcr3_entry(AM_GUEST + 0x4000) | 1U << 9);
	assert_int_equal(am_reach_guest(5, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	/* No guest tables at all. */
	amdvi_set(dte.words, AMDVI_DTE_GV, 0);
	change_entry(&dte);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	/* … or not enabled. */
	amdvi_set(dte.words, AMDVI_DTE_GV, 1);
	change_entry(&dte);
	am_disable(AMDVI_CONTROL_GT_EN);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	am_end();
}

static void gcr3_tables_have_up_to_three_levels(void **state)
{
	const uint32_t pasid = 0x9a5c3;
	unsigned int levels;

	(void)state;
	begin_guest(0);
	for (levels = 2; levels <= 3; levels++) {
		const uint32_t asked = levels == 2 ? pasid & 0x3ffff : pasid;
		struct amdvi_dte dte = am_guest_dte(0);
		unsigned int level;

		amdvi_set(dte.words, AMDVI_DTE_GLX, levels - 1);
		amdvi_dte_set_gcr3_root(&dte, AM_GCR3 + 0x1000ULL * levels);
		for (level = levels; level > 0; level--)
			am_word(AM_GCR3 + 0x1000ULL * level + 8 * amdvi_gcr3_index(asked, level),
				amdvi_gcr3_entry(level > 1 ? AM_GCR3 + 0x1000ULL * (level - 1)
							   : AM_GUEST + 0x4000));
		change_entry(&dte);
		assert_int_equal(am_reach_guest(asked, GUEST_PAGE, READ), 0);
		assert_int_equal(am_result.paddr, TARGET);
		assert_int_equal(am_reach_guest(asked ^ 0x200, GUEST_PAGE, READ),
				 AMDVI_IO_PAGE_FAULT);
	}
	am_end();
}

static void requests_without_a_pasid_may_have_pasid_0(void **state)
{
	struct amdvi_dte dte = am_guest_dte(0);

	(void)state;
	begin_guest(0);
	amdvi_set(dte.words, AMDVI_DTE_GIOV, 1);
	am_word(AM_GCR3 + 0x1000, amdvi_gcr3_entry(AM_GUEST + 0x4000));
	change_entry(&dte);
	assert_int_equal(am_reach(GUEST_PAGE, READ), 0);
	assert_int_equal(am_result.paddr, TARGET);
	/* The entry's permissions count here, too. */
	amdvi_set(dte.words, AMDVI_DTE_IW, 0);
	change_entry(&dte);
	assert_int_equal(am_reach(GUEST_PAGE, WRITE), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reach(GUEST_PAGE, READ), 0);
	assert_int_equal(am_result.prot, READ);
	am_end();
}

static void five_levels_have_57_bits(void **state)
{
	const uint64_t high = 0xff12345678abc000ULL;
	struct amdvi_dte dte = am_guest_dte(0);
	unsigned int level;

	(void)state;
	begin_guest(0);
	amdvi_set(dte.words, AMDVI_DTE_GUEST_MODE, 1);
	am_word(AM_GCR3 + 0x1000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x5000));
	for (level = 5; level > 1; level--)
		am_word(am_place(AM_GUEST, high, level),
			(AM_GUEST + 0x1000ULL * (level - 1)) | AM_PAGE);
	am_word(am_place(AM_GUEST, high, 1), TARGET | AM_PAGE);
	change_entry(&dte);
	assert_int_equal(am_reach_guest(AM_PASID, high, READ), 0);
	assert_int_equal(am_result.paddr, TARGET);
	assert_int_equal(am_reach_guest(AM_PASID, 1ULL << 56, READ), AMDVI_IO_PAGE_FAULT);
	am_end();
}

/* --- Nested ----------------------------------------------------------------------------------- */

static void both_tables_translate(void **state)
{
	(void)state;
	begin_guest(4);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE + 5, READ_WRITE), 0);
	assert_int_equal(am_result.paddr, TARGET + 5);
	/* The host's page moves. */
	am_word(AM_HOST + 0x10000 + 8 * (TARGET >> 12), amdvi_pte_leaf(TARGET + 0x3000, AM_RW));
	am_forget();
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE + 5, READ_WRITE), 0);
	assert_int_equal(am_result.paddr, TARGET + 0x3005);
	/* Without a PASID the host's table alone. */
	assert_int_equal(am_reach(TARGET, READ), 0);
	assert_int_equal(am_result.paddr, TARGET + 0x3000);
	am_end();
}

static void the_hosts_table_guards_the_guests(void **state)
{
	const iommu_paddr_t of_table = AM_HOST + 0x10000 + 8 * ((AM_GUEST + 0x2000) >> 12);
	const iommu_paddr_t of_page = AM_HOST + 0x10000 + 8 * (TARGET >> 12);
	struct amdvi_event event;

	(void)state;
	begin_guest(4);
	/* Tables are read, and marked. */
	am_word(of_table, amdvi_pte_leaf(AM_GUEST + 0x2000, AMDVI_PTE_READ));
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	event = am_event();
	assert_int_equal(event.words[0] & F_GN, 0);
	assert_int_equal(event.words[0] & (F_PR | F_PE), F_PR | F_PE);
	assert_int_equal(event.words[1], AM_GUEST + 0x2000 + 8 * (GUEST_PAGE >> 21 & 511));
	am_word(of_table, amdvi_pte_leaf(AM_GUEST + 0x2000, AM_RW));
	am_word(of_page, amdvi_pte_leaf(TARGET, AMDVI_PTE_READ));
	am_forget();
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, WRITE), AMDVI_IO_PAGE_FAULT);
	event = am_event();
	assert_int_equal(event.words[1], TARGET);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), 0);
	assert_int_equal(am_result.prot, READ);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, WRITE), AMDVI_IO_PAGE_FAULT);
	/* GCR3 entries of the last level lead to guest addresses. */
	am_word(AM_HOST + 0x10000 + 8 * ((AM_GUEST + 0x4000) >> 12), 0);
	am_forget();
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), AMDVI_IO_PAGE_FAULT);
	am_end();
}

/* All but the first of them lie where the host's table says. */
static void gcr3_tables_are_the_guests(void **state)
{
	const uint32_t pasid = 512 + AM_PASID;
	struct amdvi_dte dte = am_guest_dte(4);

	(void)state;
	begin_guest(4);
	amdvi_set(dte.words, AMDVI_DTE_GLX, 1);
	amdvi_dte_set_gcr3_root(&dte, AM_GCR3 + 0x2000);
	am_word(AM_GCR3 + 0x2000 + 8, amdvi_gcr3_entry(AM_GCR3 + 0x3000));
	am_word(AM_GCR3 + 0x4000 + 8 * AM_PASID, amdvi_gcr3_entry(AM_GUEST + 0x4000));
	am_word(AM_HOST + 0x10000 + 8 * ((AM_GCR3 + 0x3000) >> 12),
		amdvi_pte_leaf(AM_GCR3 + 0x4000, AMDVI_PTE_READ));
	change_entry(&dte);
	assert_int_equal(am_reach_guest(pasid, GUEST_PAGE, READ), 0);
	assert_int_equal(am_result.paddr, TARGET);
	am_end();
}

static void the_smaller_page_counts(void **state)
{
	(void)state;
	begin_guest(4);
	am_map_guest(GUEST_PAGE, 2, AM_PAGE | AM_LARGE);
	assert_int_equal(am_reach_guest(AM_PASID, GUEST_PAGE, READ), 0);
	assert_int_equal(am_result.paddr, GUEST_PAGE & 0x1fffff);
	assert_int_equal(am_result.size, 0x1000);
	am_end();
}

/* --- Device TLBs ------------------------------------------------------------------------------ */

static struct iommu_model_amdvi_request ats_request(uint64_t address, unsigned int access)
{
	return (struct iommu_model_amdvi_request){.devid = AM_DEVICE,
						  .type = IOMMU_MODEL_AMDVI_TRANSLATION_REQUEST,
						  .address = address,
						  .access = access};
}

static void translation_requests_need_permission(void **state)
{
	struct iommu_model_amdvi_request request = ats_request(VA, READ);
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_mapped();
	assert_int_equal(am_ask(&request), AMDVI_INVALID_DEVICE_REQUEST);
	assert_int_equal(am_result.answer, IOMMU_MODEL_AMDVI_UNSUPPORTED);
	(void)flags_of_event(AMDVI_INVALID_DEVICE_REQUEST);
	request.type = IOMMU_MODEL_AMDVI_TRANSLATED;
	assert_int_equal(am_ask(&request), AMDVI_INVALID_DEVICE_REQUEST);
	(void)flags_of_event(AMDVI_INVALID_DEVICE_REQUEST);
	amdvi_set(dte.words, AMDVI_DTE_I, 1);
	change_entry(&dte);
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.paddr, VA);
	request.address = 0xfee00000;
	assert_int_equal(am_ask(&request), AMDVI_INVALID_DEVICE_REQUEST);
	assert_int_equal(am_events(), 1);
	am_end();
}

static void translation_requests_take_what_there_is(void **state)
{
	struct iommu_model_amdvi_request request = ats_request(VA, READ_WRITE);
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_mapped();
	amdvi_set(dte.words, AMDVI_DTE_I, 1);
	change_entry(&dte);
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.paddr, TARGET + 0x678);
	assert_int_equal(am_result.prot, READ_WRITE);
	am_word(am_place(AM_HOST, VA, 1), amdvi_pte_leaf(TARGET, AMDVI_PTE_READ));
	am_forget();
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.prot, READ);
	am_word(am_place(AM_HOST, VA, 1), 0);
	am_forget();
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.prot, 0);
	request.address = 0xfee00000;
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.prot, 0);
	assert_int_equal(am_events(), 0);
	/* What is illegal is told. */
	dte.words[0] |= 4;
	change_entry(&dte);
	assert_int_equal(am_ask(&request), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	assert_int_equal(flags_of_event(AMDVI_ILLEGAL_DEV_TABLE_ENTRY), F_RZ | F_TR | F_RW);
	am_end();
}

static void a_write_that_may_come_is_marked(void **state)
{
	struct iommu_model_amdvi_request request = ats_request(VA, READ_WRITE);
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_mapped();
	amdvi_set(dte.words, AMDVI_DTE_I, 1);
	amdvi_set(dte.words, AMDVI_DTE_IW, 0);
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_DIRTY);
	change_entry(&dte);
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.prot, READ);
	assert_int_equal(am_look(am_place(AM_HOST, VA, 1)) & AMDVI_PTE_DIRTY, 0);
	amdvi_set(dte.words, AMDVI_DTE_IW, 1);
	change_entry(&dte);
	assert_int_equal(am_ask(&request), 0);
	assert_int_equal(am_result.prot, READ_WRITE);
	assert_int_not_equal(am_look(am_place(AM_HOST, VA, 1)) & AMDVI_PTE_DIRTY, 0);
	am_end();
}

/* --- Page requests ---------------------------------------------------------------------------- */

static struct amdvi_page_request record_at(uint64_t offset)
{
	return (struct amdvi_page_request){
		{am_look(AM_REQUESTS + offset), am_look(AM_REQUESTS + offset + 8)}};
}

static void begin_asking(void)
{
	struct amdvi_dte dte = am_guest_dte(0);

	begin_guest(0);
	amdvi_set(dte.words, AMDVI_DTE_PPR, 1);
	change_entry(&dte);
}

static const struct iommu_model_amdvi_page_message wish = {.devid = AM_DEVICE,
							   .has_pasid = true,
							   .pasid = 0x9a5c3,
							   .address = GUEST_PAGE,
							   .access = WRITE,
							   .group = 0x155,
							   .is_last = true};

static void page_requests_are_logged_and_answered(void **state)
{
	struct amdvi_page_request record;

	(void)state;
	begin_asking();
	am_enable(AMDVI_CONTROL_PPR_INT_EN);
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), 0);
	assert_int_equal(am_reg(AMDVI_PPR_TAIL), 0x10);
	assert_int_equal(am.signals, 1);
	assert_int_equal(am.signal.source, IOMMU_MODEL_AMDVI_PPR_LOG);
	record = record_at(0);
	assert_int_equal(record.words[0], 1ULL << 60 | 1ULL << 56 | 1ULL << 54 | 1ULL << 53 |
						  9ULL << 42 | 1ULL << 41 | 0x155ULL << 32 |
						  0xa5c3ULL << 16 | AM_DEVICE);
	assert_int_equal(record.words[1], GUEST_PAGE);
	am_run(amdvi_ppr_with_pasid(amdvi_complete_ppr(AM_DEVICE, 0x155, AMDVI_PAGE_INVALID),
				    0x9a5c3));
	assert_int_equal(am.answers, 1);
	assert_int_equal(am.answer_last.devid, AM_DEVICE);
	assert_int_equal(am.answer_last.group, 0x155);
	assert_int_equal(am.answer_last.code, 1);
	assert_true(am.answer_last.has_pasid);
	assert_int_equal(am.answer_last.pasid, 0x9a5c3);
	am_end();
}

static void devices_that_may_not_ask_are_told_so(void **state)
{
	struct amdvi_event event;

	(void)state;
	begin_guest(0);
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), IOMMU_EFAULT);
	event = am_event();
	assert_int_equal(event.words[0], 9ULL << 60 | 1ULL << 57 | 9ULL << 42 | 0x155ULL << 32 |
						 0xa5c3ULL << 16 | AM_DEVICE);
	assert_int_equal(event.words[1], GUEST_PAGE);
	assert_int_equal(am.answers, 1);
	assert_int_equal(am.answer_last.code, 15);
	assert_int_equal(am_reg(AMDVI_PPR_TAIL), 0);
	am_end();
}

static void a_full_log_of_requests_stops(void **state)
{
	unsigned int i;

	(void)state;
	begin_asking();
	for (i = 0; i < 255; i++)
		assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), 0);
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), IOMMU_ENOSPC);
	assert_int_equal(am_reg(AMDVI_STATUS) & 0xe0,
			 AMDVI_STATUS_PPR_OVERFLOW | AMDVI_STATUS_PPR_INT);
	assert_int_equal(am.answers, 0);
	/* The unit answers for the driver where it is told to. */
	am_set(AMDVI_PPR_AUTO_RESPONSE, 1);
	am_enable(AMDVI_CONTROL_PPR_AUTO_EN);
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), IOMMU_ENOSPC);
	assert_int_equal(am.answers, 1);
	assert_int_equal(am.answer_last.code, 1);
	/* … with the PASID only where the device's entry says so. */
	assert_false(am.answer_last.has_pasid);
	am_disable(AMDVI_CONTROL_PPR_LOG_EN);
	am_set(AMDVI_STATUS, AMDVI_STATUS_PPR_OVERFLOW);
	am_set(AMDVI_PPR_HEAD, am_reg(AMDVI_PPR_TAIL));
	am_enable(AMDVI_CONTROL_PPR_LOG_EN);
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), 0);
	/* Always: nothing is logged. */
	am_enable(AMDVI_CONTROL_PPR_AUTO_AON);
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &wish), IOMMU_ENOSPC);
	assert_int_equal(am.answers, 2);
	am_end();
}

static void stop_markers_are_not_answered(void **state)
{
	struct iommu_model_amdvi_page_message marker = wish;

	(void)state;
	begin_guest(0);
	marker.access = 0;
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &marker), IOMMU_EFAULT);
	assert_int_equal(am.answers, 0);
	marker.access = READ;
	marker.is_last = false;
	assert_int_equal(iommu_model_amdvi_page_request(am.model, &marker), IOMMU_EFAULT);
	assert_int_equal(am.answers, 0);
	am_end();
}

/* --- Looking, without traces ------------------------------------------------------------------ */

static void a_peek_leaves_no_trace(void **state)
{
	const struct iommu_model_amdvi_request request = {
		.devid = AM_DEVICE, .address = VA, .access = WRITE};
	struct iommu_model_amdvi_stats stats;
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_mapped();
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_DIRTY);
	change_entry(&dte);
	assert_int_equal(iommu_model_amdvi_peek(am.model, &request, &am_result), 0);
	assert_int_equal(am_result.paddr, TARGET + 0x678);
	assert_int_equal(am_look(am_place(AM_HOST, VA, 1)) & AMDVI_PTE_DIRTY, 0);
	am_word(am_place(AM_HOST, VA, 1), 0);
	assert_int_equal(iommu_model_amdvi_peek(am.model, &request, &am_result), IOMMU_EFAULT);
	assert_int_equal(am_result.event, AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 0);
	iommu_model_amdvi_get_stats(am.model, &stats);
	assert_int_equal(stats.cached_devices + stats.cached_host, 0);
	assert_int_equal(am.writes, 0);
	am_end();
}

static void a_stage_says_how_requests_are_translated(void **state)
{
	struct iommu_model_amdvi_stage stage;
	struct amdvi_dte dte = am_guest_dte(4);

	(void)state;
	begin_guest(4);
	amdvi_set(dte.words, AMDVI_DTE_I, 1);
	amdvi_set(dte.words, AMDVI_DTE_IW, 0);
	change_entry(&dte);
	assert_int_equal(iommu_model_amdvi_get_stage(am.model, AM_DEVICE, true, AM_PASID, &stage),
			 0);
	assert_true(stage.host && stage.guest && stage.ats && stage.has_entry);
	assert_false(stage.page_requests);
	assert_int_equal(stage.domain, AM_DOMAIN);
	assert_int_equal(stage.host_levels, 4);
	assert_int_equal(stage.host_table, AM_HOST + 0x4000);
	assert_int_equal(stage.guest_levels, 4);
	assert_int_equal(stage.guest_table, AM_GUEST + 0x4000);
	assert_int_equal(stage.prot, READ);
	assert_int_equal(stage.entry[0], dte.words[0]);
	assert_int_equal(iommu_model_amdvi_get_stage(am.model, AM_DEVICE, false, 0, &stage), 0);
	assert_false(stage.guest);
	assert_int_equal(iommu_model_amdvi_get_stage(am.model, AM_DEVICE, true, 5, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.event, AMDVI_IO_PAGE_FAULT);
	assert_int_equal(iommu_model_amdvi_get_stage(am.model, 1, false, 0, &stage), 0);
	assert_false(stage.host || stage.guest);
	assert_int_equal(stage.prot, READ_WRITE);
	assert_int_equal(am_events(), 0);
	am_end();
}

static void a_walk_finds_all_mappings(void **state)
{
	struct iommu_model_amdvi_walk_state walk = {.devid = AM_DEVICE, .last = UINT64_MAX};
	struct iommu_model_amdvi_mapping found[8];
	size_t count = 8, total = 0;

	(void)state;
	begin_mapped();
	am_map(4, VA + 0x1000, 1, amdvi_pte_leaf(TARGET + 0x1000, AMDVI_PTE_READ));
	am_map(4, 1ULL << 32, 3, amdvi_pte_leaf(0, AM_RW));
	while (!walk.is_done) {
		count = 8 - total;
		assert_int_equal(iommu_model_amdvi_walk(am.model, &walk, found + total, &count), 0);
		total += count;
	}
	assert_int_equal(total, 3);
	assert_int_equal(found[0].iova, PAGE);
	assert_int_equal(found[0].paddr, TARGET);
	assert_int_equal(found[0].size, 0x1000);
	assert_int_equal(found[0].prot, READ_WRITE);
	assert_int_equal(found[1].paddr, TARGET + 0x1000);
	assert_int_equal(found[1].prot, READ);
	assert_int_equal(found[2].iova, 1ULL << 32);
	assert_int_equal(found[2].size, 1U << 30);
	walk = (struct iommu_model_amdvi_walk_state){.devid = AM_DEVICE, .last = 0x123};
	assert_int_equal(iommu_model_amdvi_walk(am.model, &walk, found, &count), IOMMU_EINVAL);
	am_end();
}

static void a_walk_of_what_passes_leaves_out_interrupts(void **state)
{
	struct iommu_model_amdvi_walk_state walk = {.devid = 1, .last = UINT64_MAX};
	struct iommu_model_amdvi_mapping found[128];
	uint64_t sum = 0;
	size_t count = 128, i;

	(void)state;
	begin_mapped();
	assert_int_equal(iommu_model_amdvi_walk(am.model, &walk, found, &count), 0);
	for (i = 0; i < count; i++) {
		assert_int_equal(found[i].iova, found[i].paddr);
		assert_true(found[i].iova > 0xfeefffff ||
			    found[i].iova + found[i].size <= 0xfee00000);
		sum += found[i].size;
	}
	/* Beyond memory it is not looked at to the end. */
	assert_int_equal(sum, (1ULL << 48) - 0x100000);
	am_end();
}

static void a_guests_walk_has_two_halves(void **state)
{
	struct iommu_model_amdvi_walk_state walk = {
		.devid = AM_DEVICE, .has_pasid = true, .pasid = AM_PASID, .last = UINT64_MAX};
	const uint64_t high = 0xffff812345678000ULL;
	struct iommu_model_amdvi_mapping found[8];
	size_t count = 8, total = 0;

	(void)state;
	begin_guest(0);
	/* Tables of its own, below the same root. */
	am_word(am_place(AM_GUEST, high, 4), (AM_GUEST + 0x13000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, high, 3), (AM_GUEST + 0x12000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, high, 2), (AM_GUEST + 0x11000) | AM_PAGE);
	am_word(am_place(AM_GUEST + 0x10000, high, 1), (TARGET + 0x1000) | AM_PRESENT | AM_USER);
	while (!walk.is_done) {
		count = 8 - total;
		assert_int_equal(iommu_model_amdvi_walk(am.model, &walk, found + total, &count), 0);
		total += count;
	}
	assert_int_equal(total, 2);
	assert_int_equal(found[0].iova, GUEST_PAGE);
	assert_int_equal(found[1].iova, high);
	assert_int_equal(found[1].paddr, TARGET + 0x1000);
	assert_int_equal(found[1].prot, READ);
	/* Writing needs a mark first. */
	assert_int_equal(found[0].prot, READ);
	am_end();
}

static int count_piece(void *ctx, const struct iommu_model_amdvi_piece *piece)
{
	uint64_t *sum = (uint64_t *)ctx;

	*sum += piece->size;
	return 0;
}

static void an_access_crosses_pages(void **state)
{
	struct iommu_model_amdvi_request request = {
		.devid = AM_DEVICE, .address = PAGE + 0xff0, .access = READ};
	struct iommu_model_amdvi_translation last;
	uint64_t sum = 0;

	(void)state;
	begin_mapped();
	am_map(4, VA + 0x1000, 1, amdvi_pte_leaf(AM_DATA, AM_RW));
	assert_int_equal(
		iommu_model_amdvi_access(am.model, &request, 0x20, count_piece, &sum, &last), 0);
	assert_int_equal(sum, 0x20);
	assert_int_equal(last.paddr, AM_DATA);
	assert_int_equal(
		iommu_model_amdvi_access(am.model, &request, 0x1020, count_piece, &sum, &last),
		IOMMU_EFAULT);
	assert_int_equal(iommu_model_amdvi_access(am.model, &request, 0, count_piece, &sum, &last),
			 IOMMU_EINVAL);
	request.address = UINT64_MAX;
	assert_int_equal(iommu_model_amdvi_access(am.model, &request, 2, count_piece, &sum, &last),
			 IOMMU_EOVERFLOW);
	am_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_that_is_off_lets_all_pass),
		cmocka_unit_test(an_entry_of_zeros_is_an_open_door),
		cmocka_unit_test(entries_block_without_a_translation),
		cmocka_unit_test(without_a_table_addresses_pass_as_allowed),
		cmocka_unit_test(illegal_entries_are_told),
		cmocka_unit_test(fields_of_absent_features_are_reserved),
		cmocka_unit_test(devices_beyond_the_table_are_illegal),
		cmocka_unit_test(segments_have_tables_of_their_own),
		cmocka_unit_test(pages_are_found_at_every_level),
		cmocka_unit_test(addresses_beyond_the_levels_fault),
		cmocka_unit_test(sizes_are_coded_in_addresses),
		cmocka_unit_test(levels_can_be_skipped),
		cmocka_unit_test(entries_of_tables_are_checked),
		cmocka_unit_test(tables_that_cannot_be_read_are_told),
		cmocka_unit_test(permissions_are_those_of_all_levels),
		cmocka_unit_test(events_say_who_and_where),
		cmocka_unit_test(page_faults_can_be_suppressed),
		cmocka_unit_test(accesses_and_writes_are_marked),
		cmocka_unit_test(what_is_refused_marks_nothing),
		cmocka_unit_test(the_interrupt_range_is_not_translated),
		cmocka_unit_test(the_hypertransport_range_may_be_reserved),
		cmocka_unit_test(the_exclusion_range_passes),
		cmocka_unit_test(guest_tables_serve_pasids),
		cmocka_unit_test(guest_pages_have_three_sizes),
		cmocka_unit_test(guest_permissions_are_those_of_all_levels),
		cmocka_unit_test(a_pasid_needs_its_entry),
		cmocka_unit_test(gcr3_tables_have_up_to_three_levels),
		cmocka_unit_test(requests_without_a_pasid_may_have_pasid_0),
		cmocka_unit_test(five_levels_have_57_bits),
		cmocka_unit_test(both_tables_translate),
		cmocka_unit_test(the_hosts_table_guards_the_guests),
		cmocka_unit_test(gcr3_tables_are_the_guests),
		cmocka_unit_test(the_smaller_page_counts),
		cmocka_unit_test(translation_requests_need_permission),
		cmocka_unit_test(translation_requests_take_what_there_is),
		cmocka_unit_test(a_write_that_may_come_is_marked),
		cmocka_unit_test(page_requests_are_logged_and_answered),
		cmocka_unit_test(devices_that_may_not_ask_are_told_so),
		cmocka_unit_test(a_full_log_of_requests_stops),
		cmocka_unit_test(stop_markers_are_not_answered),
		cmocka_unit_test(a_peek_leaves_no_trace),
		cmocka_unit_test(a_stage_says_how_requests_are_translated),
		cmocka_unit_test(a_walk_finds_all_mappings),
		cmocka_unit_test(a_walk_of_what_passes_leaves_out_interrupts),
		cmocka_unit_test(a_guests_walk_has_two_halves),
		cmocka_unit_test(an_access_crosses_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
