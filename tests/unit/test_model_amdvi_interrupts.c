/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of devices and I/O APICs through the model of an AMD IOMMU (48882, "Interrupt
 * Remapping", "Guest Virtual APIC").
 */
#include "bare_amdvi.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_amdvi_config all = {0};

#define ADDRESS 0xfee00000ULL
#define INDEX   0x21U

static struct iommu_model_amdvi_remapped result;

/* Returns the event, or 0. */
static unsigned int send(enum iommu_model_amdvi_interrupt_kind kind, uint64_t address,
			 uint32_t data)
{
	const struct iommu_model_amdvi_message message = {
		.devid = AM_DEVICE, .kind = kind, .address = address, .data = data};
	const int status = iommu_model_amdvi_interrupt(am.model, &message, &result);

	assert_int_equal(status == 0, result.event == 0);
	return result.event;
}

static unsigned int send_message(uint32_t data)
{
	return send(IOMMU_MODEL_AMDVI_MESSAGE, ADDRESS, data);
}

/* A table of 2^order entries. */
static struct amdvi_dte dte_with(enum amdvi_int_ctl control, unsigned int order)
{
	struct amdvi_dte dte = {{0}};

	amdvi_set(dte.words, AMDVI_DTE_IV, 1);
	amdvi_set(dte.words, AMDVI_DTE_INT_CTL, (uint64_t)control);
	amdvi_set(dte.words, AMDVI_DTE_INT_TAB_LEN, order);
	amdvi_set_address(dte.words, AMDVI_DTE_INT_ROOT, AM_INTERRUPTS);
	return dte;
}

static void change_entry(const struct amdvi_dte *dte)
{
	am_device(AM_DEVICE, dte);
	am_forget();
}

static void put_short(uint32_t index, uint32_t entry)
{
	const uint64_t place = AM_INTERRUPTS + index * 4ULL;
	const unsigned int shift = (unsigned int)(place & 4) * 8;
	uint64_t word = am_look(place & ~7ULL);

	word = (word & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)entry << shift;
	am_word(place & ~7ULL, word);
}

static void put_long(uint32_t index, uint64_t word0, uint64_t word1)
{
	am_word(AM_INTERRUPTS + index * 16ULL, word0);
	am_word(AM_INTERRUPTS + index * 16ULL + 8, word1);
}

static void begin_remapping(void)
{
	const struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 9);

	am_begin(&all);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
}

static void begin_long(unsigned int more_control)
{
	const struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 9);

	am_begin(&all);
	am_enable(AMDVI_CONTROL_GA_EN);
	if (more_control != 0)
		am_enable(more_control);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
}

static uint64_t fault_flags(void)
{
	const struct amdvi_event event = am_event();

	assert_int_equal(amdvi_event_code(&event), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(event.words[1], ADDRESS);
	return event.words[0] & 0x01ff000000000000ULL;
}

#define F_I  (1ULL << 51)
#define F_PR (1ULL << 52)
#define F_RZ (1ULL << 55)

/* --- What passes ------------------------------------------------------------------------------ */

static void interrupts_pass_without_iv(void **state)
{
	struct amdvi_dte dte = am_dte();

	(void)state;
	am_begin(&all);
	assert_int_equal(send_message(0x41), 0);
	assert_true(result.unchanged);
	am_unit_on();
	dte.words[3] = UINT64_MAX;
	dte.words[2] = UINT64_MAX - 1;
	am_device(AM_DEVICE, &dte);
	assert_int_equal(send_message(0x41), 0);
	assert_true(result.unchanged);
	assert_int_equal(send(IOMMU_MODEL_AMDVI_LINT0, 0, 0), 0);
	am_end();
}

static void fixed_ones_go_by_the_control_field(void **state)
{
	struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_FORWARD, 9);

	(void)state;
	am_begin(&all);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	assert_int_equal(send_message(0x41), 0);
	assert_true(result.unchanged);
	assert_int_equal(send_message(0x141), 0);
	dte = dte_with(AMDVI_INT_CTL_ABORT, 9);
	change_entry(&dte);
	assert_int_equal(send_message(0x41), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(fault_flags(), F_I);
	amdvi_set(dte.words, AMDVI_DTE_IG, 1);
	change_entry(&dte);
	assert_int_equal(send_message(0x41), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 0);
	am_end();
}

static void others_pass_by_bits_of_their_own(void **state)
{
	static const struct {
		enum iommu_model_amdvi_interrupt_kind kind;
		uint32_t data;
		unsigned int field;
	} cases[] = {
		{IOMMU_MODEL_AMDVI_MESSAGE, 4U << 8, AMDVI_DTE_NMI_PASS},
		{IOMMU_MODEL_AMDVI_MESSAGE, 5U << 8, AMDVI_DTE_INIT_PASS},
		{IOMMU_MODEL_AMDVI_MESSAGE, 7U << 8, AMDVI_DTE_EINT_PASS},
		{IOMMU_MODEL_AMDVI_LINT0, 0, AMDVI_DTE_LINT0_PASS},
		{IOMMU_MODEL_AMDVI_LINT1, 0, AMDVI_DTE_LINT1_PASS},
	};
	unsigned int i, j;

	(void)state;
	begin_remapping();
	for (i = 0; i < 5; i++) {
		struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 9);

		amdvi_set(dte.words, cases[i].field, 1);
		change_entry(&dte);
		for (j = 0; j < 5; j++) {
			const unsigned int event = send(cases[j].kind, ADDRESS, cases[j].data);

			assert_int_equal(event, i == j ? 0 : AMDVI_IO_PAGE_FAULT);
			assert_int_equal(result.unchanged, i == j);
		}
		/* SMI always does. */
		assert_int_equal(send_message(2U << 8), 0);
		assert_true(result.unchanged);
		assert_int_equal(send_message(3U << 8), AMDVI_INVALID_DEVICE_REQUEST);
		assert_int_equal(send_message(6U << 8), AMDVI_INVALID_DEVICE_REQUEST);
	}
	am_end();
}

static void illegal_halves_are_told(void **state)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
	} wrong[] = {
		{2, 12ULL << 1}, {2, 15ULL << 1}, {2, 3ULL << 60}, {2, 1ULL << 6},
		{2, 1ULL << 52}, {2, 1ULL << 59}, {3, 1},          {3, 1ULL << 54},
	};
	unsigned int i;

	(void)state;
	begin_remapping();
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_ABORT, 0);
		struct amdvi_event event;

		dte.words[wrong[i].word] |= wrong[i].bits;
		/* What is of memory is no matter of interrupts. */
		dte.words[0] = UINT64_MAX;
		change_entry(&dte);
		assert_int_equal(send_message(0x41), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
		event = am_event();
		assert_int_not_equal(event.words[0] & F_I, 0);
	}
	am_end();
}

/* --- Entries of 32 bits ----------------------------------------------------------------------- */

static void short_entries_remap(void **state)
{
	(void)state;
	begin_remapping();
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x55));
	assert_int_equal(send_message(INDEX), 0);
	assert_false(result.unchanged || result.arbitrated || result.logical || result.is_guest);
	assert_int_equal(result.vector, 0x55);
	assert_int_equal(result.destination, 0x12);
	put_short(0x1ff, amdvi_irte_of(AMDVI_INT_TYPE_ARBITRATED, true, 0xff, 0xfe) | 1U << 5);
	assert_int_equal(send_message(0x1ff), 0);
	assert_true(result.arbitrated && result.logical && result.wants_eoi);
	assert_int_equal(result.vector, 0xfe);
	assert_int_equal(result.destination, 0xff);
	am_end();
}

static void bad_entries_fault(void **state)
{
	static const struct {
		uint32_t entry;
		uint64_t flags;
	} cases[] = {
		{0, F_I},
		{0xfffffffe & ~2U, F_I},          /* RemapEn = 0 */
		{1 | 2U << 2, F_I | F_PR | F_RZ}, /* reserved types */
		{1 | 7U << 2, F_I | F_PR | F_RZ},
		{1 | 1U << 7, F_I | F_PR | F_RZ}, /* GuestMode */
		{1 | 1U << 24, F_I | F_PR | F_RZ},
		{1 | 1U << 31, F_I | F_PR | F_RZ},
	};
	struct amdvi_dte dte;
	unsigned int i;

	(void)state;
	begin_remapping();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_short(INDEX, cases[i].entry);
		am_forget();
		assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(fault_flags(), cases[i].flags);
		/* SupIOPF: untold. */
		put_short(INDEX, cases[i].entry | 2);
		am_forget();
		assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
		assert_int_equal(am_events(), 0);
	}
	/* Beyond the table. */
	dte = dte_with(AMDVI_INT_CTL_REMAP, 5);
	change_entry(&dte);
	put_short(0x20, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 1, 0x30));
	put_short(0x1f, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 1, 0x30));
	assert_int_equal(send_message(0x20), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(fault_flags(), F_I);
	assert_int_equal(send_message(0x1f), 0);
	am_end();
}

static void tables_that_cannot_be_read_are_told(void **state)
{
	struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 9);
	struct amdvi_event event;

	(void)state;
	begin_remapping();
	amdvi_set_address(dte.words, AMDVI_DTE_INT_ROOT, 0x40000000);
	change_entry(&dte);
	assert_int_equal(send_message(INDEX), AMDVI_PAGE_TAB_HARDWARE_ERROR);
	event = am_event();
	assert_int_not_equal(event.words[0] & F_I, 0);
	assert_int_equal(event.words[1], 0x40000000 + INDEX * 4);
	am_end();
}

/* --- Entries of 128 bits ---------------------------------------------------------------------- */

static void long_entries_remap(void **state)
{
	struct amdvi_irte_long irte =
		amdvi_irte_long_of(AMDVI_INT_TYPE_FIXED, true, 0x12345678, 0x9a);

	(void)state;
	begin_long(0);
	put_long(INDEX, irte.words[0], irte.words[1]);
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(result.vector, 0x9a);
	/* Without XTEn destinations have 8 bits. */
	assert_int_equal(result.destination, 0x78);
	assert_true(result.logical);
	am_end();
	begin_long(AMDVI_CONTROL_XT_EN);
	put_long(INDEX, irte.words[0], irte.words[1]);
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(result.destination, 0x12345678);
	am_forget();
	put_long(INDEX, irte.words[0] | 1ULL << 32, irte.words[1]);
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(fault_flags(), F_I | F_PR | F_RZ);
	am_forget();
	put_long(INDEX, irte.words[0], irte.words[1] | 1ULL << 8);
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	am_forget();
	/* GuestMode without GAMEn. */
	put_long(INDEX, 1 | 1U << 7, 0);
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void guests_get_theirs_posted(void **state)
{
	const uint64_t guest = 1ULL | 1U << 7 | 1U << 2 | 0x44ULL << 8 | 0xcafef00dULL << 32;

	(void)state;
	begin_long(0);
	am_disable(AMDVI_CONTROL_IOMMU_EN);
	am_set(AMDVI_CONTROL, am_reg(AMDVI_CONTROL) | amdvi_place(AMDVI_CONTROL_GAM_EN, 1));
	am_set(AMDVI_GA_BASE, amdvi_ring_base(AM_GUEST_LOG, 8));
	am_enable(AMDVI_CONTROL_GA_LOG_EN);
	am_enable(AMDVI_CONTROL_GA_INT_EN);
	am_enable(AMDVI_CONTROL_IOMMU_EN);
	assert_true((am_reg(AMDVI_STATUS) & AMDVI_STATUS_GA_LOG_RUN) != 0);
	put_long(INDEX, guest, 0x77 | 0x123456789ULL << 12);
	assert_int_equal(send_message(INDEX), 0);
	assert_true(result.is_guest);
	assert_false(result.is_running);
	assert_int_equal(result.vector, 0x77);
	assert_int_equal(result.virtual_apic, 0x123456789000ULL);
	assert_int_equal(result.tag, 0xcafef00d);
	assert_int_equal(result.destination, 0x44);
	assert_int_equal(am_look(AM_GUEST_LOG),
			 1ULL << 60 | (uint64_t)AM_DEVICE << 32 | 0xcafef00d);
	assert_int_equal(am_reg(AMDVI_GA_TAIL), 8);
	assert_int_equal(am.signals, 1);
	assert_int_equal(am.signal.source, IOMMU_MODEL_AMDVI_GA_LOG);
	/* From the cache, too; but not for one that runs, or does not want it. */
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(am_reg(AMDVI_GA_TAIL), 16);
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	put_long(INDEX, guest | 1U << 6, 0x77);
	assert_int_equal(send_message(INDEX), 0);
	assert_true(result.is_running);
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	put_long(INDEX, guest & ~4ULL, 0x77);
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(am_reg(AMDVI_GA_TAIL), 16);
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	put_long(INDEX, guest | 1U << 3, 0x77);
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	am_end();
}

static void two_thousand_interrupts_need_the_bit_of_the_address(void **state)
{
	const struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 11);

	(void)state;
	begin_long(0);
	am_disable(AMDVI_CONTROL_IOMMU_EN);
	am_set(AMDVI_CONTROL, am_reg(AMDVI_CONTROL) | amdvi_place(AMDVI_CONTROL_INT_REMAP_MODE, 1));
	am_enable(AMDVI_CONTROL_IOMMU_EN);
	change_entry(&dte);
	put_long(0x421, 1, 0x66);
	/* An NMI without it, which does not pass. */
	assert_int_equal(send_message(0x421), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(send(IOMMU_MODEL_AMDVI_MESSAGE, ADDRESS | 4, 0x421), 0);
	assert_int_equal(result.vector, 0x66);
	am_end();
}

static void a_peek_leaves_no_trace(void **state)
{
	const struct iommu_model_amdvi_message message = {
		.devid = AM_DEVICE, .address = ADDRESS, .data = INDEX};
	struct iommu_model_amdvi_stats stats;

	(void)state;
	begin_remapping();
	assert_int_equal(iommu_model_amdvi_peek_interrupt(am.model, &message, &result),
			 IOMMU_EFAULT);
	assert_int_equal(am_events(), 0);
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x55));
	assert_int_equal(iommu_model_amdvi_peek_interrupt(am.model, &message, &result), 0);
	assert_int_equal(result.vector, 0x55);
	iommu_model_amdvi_get_stats(am.model, &stats);
	assert_int_equal(stats.cached_interrupts + stats.cached_devices, 0);
	am_end();
}

/* --- What is cached --------------------------------------------------------------------------- */

static void entries_are_cached_by_device(void **state)
{
	(void)state;
	begin_remapping();
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x55));
	assert_int_equal(send_message(INDEX), 0);
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x66));
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE + 1));
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(result.vector, 0x55);
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_INTERRUPTS);
	assert_int_equal(am.told_last.devid, AM_DEVICE);
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(result.vector, 0x66);
	put_short(INDEX, 0);
	am_run(amdvi_invalidate_all());
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	/* What remaps nothing is not cached. */
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x77));
	assert_int_equal(send_message(INDEX), 0);
	am_end();
}

static void np_cache_has_absent_entries_too(void **state)
{
	const struct iommu_model_amdvi_config config = {.flags = IOMMU_MODEL_AMDVI_NP_CACHE};
	const struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 9);

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x77));
	assert_int_equal(send_message(INDEX), AMDVI_IO_PAGE_FAULT);
	am_run(amdvi_invalidate_interrupt_table(AM_DEVICE));
	assert_int_equal(send_message(INDEX), 0);
	am_end();
}

static void the_cache_of_entries_can_be_off(void **state)
{
	const struct iommu_model_amdvi_config config = {.flags = IOMMU_MODEL_AMDVI_IRT_CACHE_DIS};
	const struct amdvi_dte dte = dte_with(AMDVI_INT_CTL_REMAP, 9);

	(void)state;
	am_begin(&all);
	am_enable(AMDVI_CONTROL_IRT_CACHE_DIS);
	assert_int_equal(am_reg(AMDVI_CONTROL), 0);
	am_end();
	am_begin(&config);
	am_enable(AMDVI_CONTROL_IRT_CACHE_DIS);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x55));
	assert_int_equal(send_message(INDEX), 0);
	put_short(INDEX, amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x66));
	assert_int_equal(send_message(INDEX), 0);
	assert_int_equal(result.vector, 0x66);
	am_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_pass_without_iv),
		cmocka_unit_test(fixed_ones_go_by_the_control_field),
		cmocka_unit_test(others_pass_by_bits_of_their_own),
		cmocka_unit_test(illegal_halves_are_told),
		cmocka_unit_test(short_entries_remap),
		cmocka_unit_test(bad_entries_fault),
		cmocka_unit_test(tables_that_cannot_be_read_are_told),
		cmocka_unit_test(long_entries_remap),
		cmocka_unit_test(guests_get_theirs_posted),
		cmocka_unit_test(two_thousand_interrupts_need_the_bit_of_the_address),
		cmocka_unit_test(a_peek_leaves_no_trace),
		cmocka_unit_test(entries_are_cached_by_device),
		cmocka_unit_test(np_cache_has_absent_entries_too),
		cmocka_unit_test(the_cache_of_entries_can_be_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
