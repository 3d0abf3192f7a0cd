/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers, rings, logs and interrupts of the model of an AMD IOMMU (48882, "IOMMU MMIO
 * Registers", "Commands", "Event Logging").
 */
#include "bare_amdvi.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_amdvi_config all = {0};

#define VA 0x12345678ULL

static void is_stored(uint32_t offset, uint64_t value, uint64_t expected)
{
	am_set(offset, value);
	assert_int_equal(am_reg(offset), expected);
}

static void start_again(void)
{
	am_disable(AMDVI_CONTROL_CMD_BUF_EN);
	am_set(AMDVI_COMMAND_HEAD, 0);
	am_set(AMDVI_COMMAND_TAIL, 0);
	am.tail = 0;
	am_enable(AMDVI_CONTROL_CMD_BUF_EN);
}

static bool runs(uint64_t run)
{
	return (am_reg(AMDVI_STATUS) & run) != 0;
}

/* --- Registers -------------------------------------------------------------------------------- */

static void registers_have_their_reset_values(void **state)
{
	(void)state;
	am_begin(&all);
	/* PreF PPR XT NX GT IA GA, HATS 2, GATS 1, GLX 2, GAM 1, PASMax 19, US, segments 3, … */
	assert_int_equal(am_reg(AMDVI_EFR), 0xdfULL | 2U << 10 | 1U << 12 | 2U << 14 | 1U << 21 |
						    19ULL << 32 | 1ULL << 37 | 3ULL << 38 |
						    1ULL << 41 | 1ULL << 46 | 1ULL << 48 |
						    1ULL << 49 | 1ULL << 52);
	assert_int_equal(am_reg(AMDVI_EFR2), 1U << 8 | 1U << 11);
	assert_int_equal(am_reg(AMDVI_CONTROL), 0);
	assert_int_equal(am_reg(AMDVI_STATUS), 0);
	assert_int_equal(am_reg(AMDVI_EXCLUSION_LIMIT), 0xfff);
	assert_int_equal(am_reg(AMDVI_COMMAND_BASE), 0);
	assert_int_equal(am.misuses, 0);
	am_end();
}

static void registers_keep_the_bits_that_they_have(void **state)
{
	(void)state;
	am_begin(&all);
	is_stored(AMDVI_DEVICE_TABLE_BASE, UINT64_MAX, 0x000ffffffffff1ffULL);
	is_stored(AMDVI_SEGMENT_BASE, UINT64_MAX, 0x000ffffffffff0ffULL);
	is_stored(amdvi_segment_register(7), UINT64_MAX, 0x000ffffffffff0ffULL);
	is_stored(AMDVI_COMMAND_BASE, UINT64_MAX, 0x0f0ffffffffff000ULL);
	is_stored(AMDVI_GA_BASE, UINT64_MAX, 0x0f0ffffffffff000ULL);
	is_stored(AMDVI_COMMAND_TAIL, UINT64_MAX, 0x7fff0);
	is_stored(AMDVI_GA_HEAD, UINT64_MAX, 0x3fff8);
	is_stored(AMDVI_EXCLUSION_BASE, UINT64_MAX, 0x000ffffffffff003ULL);
	is_stored(AMDVI_EXCLUSION_LIMIT, 0x12345678, 0x12345fff);
	is_stored(AMDVI_XT_INTERRUPT_PPR, UINT64_MAX, 0xff0001ffffffff04ULL);
	is_stored(AMDVI_PPR_AUTO_RESPONSE, UINT64_MAX, 0x1f);
	is_stored(AMDVI_EFR2, UINT64_MAX, 1U << 8 | 1U << 11);
	is_stored(AMDVI_HEV_STATUS, UINT64_MAX, 0);
	is_stored(AMDVI_STATUS, UINT64_MAX, 0);
	am_end();
}

static void a_wide_register_is_written_by_halves(void **state)
{
	(void)state;
	am_begin(&all);
	iommu_model_amdvi_mmio_write(am.model, AMDVI_EVENT_BASE + 4, 4, 0x08000012);
	iommu_model_amdvi_mmio_write(am.model, AMDVI_EVENT_BASE, 4, 0x34567abc);
	assert_int_equal(am_reg(AMDVI_EVENT_BASE), 0x0800001234567000ULL);
	assert_int_equal(iommu_model_amdvi_mmio_read(am.model, AMDVI_EVENT_BASE + 4, 4),
			 0x08000012);
	/* The address of the messages lies at no multiple of 8. */
	iommu_model_amdvi_mmio_write(am.model, AMDVI_MSI_ADDRESS_LOW, 4, 0xfee01007);
	iommu_model_amdvi_mmio_write(am.model, AMDVI_MSI_ADDRESS_HIGH, 4, 0x55);
	assert_int_equal(iommu_model_amdvi_mmio_read(am.model, AMDVI_MSI_ADDRESS_LOW, 4),
			 0xfee01004);
	assert_int_equal(iommu_model_amdvi_mmio_read(am.model, AMDVI_MSI_ADDRESS_HIGH, 4), 0x55);
	assert_int_equal(am.misuses, 0);
	am_end();
}

static void accesses_are_of_one_register(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned int size;
	} wrong[] = {
		{AMDVI_EFR, 2},
		{AMDVI_EFR + 1, 4},
		{AMDVI_CONTROL + 4, 8},
		{AMDVI_MSI_VECTOR_0, 8},
		{AMDVI_MSI_ADDRESS_HIGH, 8},
		{AMDVI_REGISTERS_SIZE, 4},
		{AMDVI_REGISTERS_SIZE - 4, 8},
		{0xfffffffcU, 4},
	};
	unsigned int i;

	(void)state;
	am_begin(&all);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(
			iommu_model_amdvi_mmio_read(am.model, wrong[i].offset, wrong[i].size), 0);
		assert_int_equal(am.misuses, 2 * i + 1);
		iommu_model_amdvi_mmio_write(am.model, wrong[i].offset, wrong[i].size, UINT64_MAX);
		assert_int_equal(am.misuses, 2 * i + 2);
	}
	assert_int_equal(am_reg(AMDVI_CONTROL), 0);
	/* Where there is nothing. */
	is_stored(0x3000, UINT64_MAX, 0);
	is_stored(AMDVI_PPR_B_BASE, UINT64_MAX, 0);
	assert_int_equal(am.misuses, 16);
	am_end();
}

static void a_small_unit_has_fewer_registers_and_bits(void **state)
{
	const struct iommu_model_amdvi_config config = {
		.efr = amdvi_place(AMDVI_EFR_IA, 1),
		.flags = IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS,
	};

	(void)state;
	am_begin(&config);
	is_stored(AMDVI_CONTROL, UINT64_MAX & ~0xe0ULL,
		  0x1fff & ~0xe0ULL); /* but InvTimeOut, of which 7 is reserved */
	is_stored(AMDVI_PPR_BASE, UINT64_MAX, 0);
	is_stored(AMDVI_GA_BASE, UINT64_MAX, 0);
	is_stored(AMDVI_SEGMENT_BASE, UINT64_MAX, 0);
	is_stored(AMDVI_XT_INTERRUPT_GENERAL, UINT64_MAX, 0);
	is_stored(AMDVI_PPR_AUTO_RESPONSE, UINT64_MAX, 0);
	assert_int_equal(iommu_model_amdvi_mmio_read(am.model, AMDVI_MSI_CAPABILITY, 4), 0);
	am_end();
}

/* --- Firmware --------------------------------------------------------------------------------- */

static void firmware_says_what_the_unit_is(void **state)
{
	const struct iommu_model_amdvi_config config = {.messages = {1, 2, 3},
							.flags = IOMMU_MODEL_AMDVI_NP_CACHE};
	struct iommu_model_amdvi_firmware f;

	(void)state;
	am_begin(&config);
	iommu_model_amdvi_get_firmware(am.model, &f);
	/* Id 0f, type 3, revision 1, IotlbSup, NpCache, EFRSup, CapExt. */
	assert_int_equal(f.capability[0], 0x1d0b000f);
	assert_int_equal(f.capability[1] | f.capability[2] | f.capability[3], 0);
	assert_int_equal(f.capability[4], 1U | 2U << 5 | 48U << 8 | 64U << 15 | 2U << 27);
	assert_int_equal(f.capability[5], 3);
	assert_int_equal(f.registers_size, 0x4000);
	assert_int_equal(f.flags_11, 0x30);
	assert_int_equal(f.flags_10, 0xf0);
	assert_int_equal(f.info, 1);
	/* XT NX GT GLX 2 IA GA, PASMax 19, MSI 2, GATS 1, HATS 2. */
	assert_int_equal(f.features, 0x77U | 19U << 8 | 2U << 23 | 1U << 28 | 2U << 30);
	assert_int_equal(f.attributes, 2U << 23);
	assert_int_equal(f.efr, am_reg(AMDVI_EFR));
	assert_int_equal(f.efr2, am_reg(AMDVI_EFR2));
	assert_false(f.host_tables_off);
	assert_int_equal(f.physical_bits, 48);
	assert_int_equal(iommu_model_amdvi_mmio_read(am.model, AMDVI_MSI_VECTOR_0, 4),
			 1U | 2U << 27);
	assert_int_equal(iommu_model_amdvi_mmio_read(am.model, AMDVI_MSI_VECTOR_1, 4), 3);
	am_end();
}

/* What the builder of IVRS takes is what a reader finds. */
static void firmware_fits_into_ivrs(void **state)
{
	struct iommu_model_amdvi_firmware f;
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs_unit unit = {.devid = 2, .capability = 0x40, .base = 0xfed80000};
	struct iommu_ivrs_builder b;
	static uint8_t bytes[512];
	struct iommu_ivrs ivrs;
	int size;

	(void)state;
	am_begin(&all);
	iommu_model_amdvi_get_firmware(am.model, &f);
	iommu_ivrs_begin(&b, bytes, sizeof(bytes),
			 &(struct iommu_ivrs){.has_features = true,
					      .physical_bits = (uint8_t)f.physical_bits,
					      .virtual_bits = (uint8_t)f.virtual_bits});
	unit.info = f.info;
	unit.flags = f.flags_10;
	unit.features = f.features;
	iommu_ivrs_add_unit(&b, 0x10, 0, &unit);
	unit.flags = f.flags_11;
	unit.features = f.attributes;
	unit.host_tables_off = f.host_tables_off;
	unit.efr = f.efr;
	unit.efr2 = f.efr2;
	iommu_ivrs_add_unit(&b, 0x11, 0, &unit);
	iommu_ivrs_add_device(&b, &(struct iommu_ivrs_device){.kind = IOMMU_IVRS_DEVICE_RANGE,
							      .first = 8,
							      .last = 0xffff});
	size = iommu_ivrs_finish(&b, "OURS", "MODEL");
	assert_true(size > 0);
	assert_int_equal(iommu_ivrs_open(&ivrs, bytes, (size_t)size), 0);
	assert_true(iommu_ivrs_next_unit(&ivrs, &block));
	assert_true(block.unit.has_features);
	assert_int_equal(block.unit.efr, am_reg(AMDVI_EFR));
	assert_int_equal(block.unit.efr2, am_reg(AMDVI_EFR2));
	assert_int_equal(block.unit.size, f.registers_size);
	assert_int_equal(block.unit.flags, f.flags_11);
	assert_false(block.unit.host_tables_off);
	am_end();
}

static void configurations_that_contradict_themselves_are_refused(void **state)
{
	static const struct iommu_model_amdvi_config wrong[] = {
		{.physical_bits = 31},
		{.physical_bits = 53},
		{.messages = {32, 0, 0}},
		{.flags = 8},
		{.strict = 32},
		{.efr = 1ULL << 63},                                   /* SNPSup */
		{.efr = 1U << 8},                                      /* HESup */
		{.efr2 = 2},                                           /* SEVSNPIO */
		{.efr2 = 2U << 8},                                     /* NumIntRemapSup 2 */
		{.efr = 1U << 4 | 2U << 12},                           /* GATS 2 */
		{.efr = 1U << 4 | 3U << 14},                           /* GLXSup 3 */
		{.efr = 1U << 4 | 20ULL << 32},                        /* PASMax 20 */
		{.efr = 1U << 7 | 2U << 21},                           /* GAMSup 2 */
		{.efr = 1U << 21},                                     /* GAM without GA */
		{.efr = 1U << 2},                                      /* XT without GA */
		{.efr = 1ULL << 52},                                   /* HD without HA */
		{.efr = 1ULL << 48},                                   /* GIo without GT */
		{.efr = 1ULL << 41},                                   /* PPR auto without PPR */
		{.efr = 2, .flags = IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS}, /* PPR without ATS */
	};
	unsigned int i;

	(void)state;
	am_begin(&all);
	iommu_model_amdvi_destroy(am.model);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(am_create(&wrong[i]), IOMMU_EINVAL);
	assert_int_equal(am_create(&all), 0);
	am_end();
}

/* --- Rings ------------------------------------------------------------------------------------ */

static void rings_run_with_their_bit_and_the_units(void **state)
{
	(void)state;
	am_begin(&all);
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(AM_COMMANDS, 8));
	am_enable(AMDVI_CONTROL_CMD_BUF_EN);
	assert_false(runs(AMDVI_STATUS_CMD_BUF_RUN));
	am_enable(AMDVI_CONTROL_IOMMU_EN);
	assert_true(runs(AMDVI_STATUS_CMD_BUF_RUN));
	am_disable(AMDVI_CONTROL_IOMMU_EN);
	assert_false(runs(AMDVI_STATUS_CMD_BUF_RUN));
	/* A reserved length does not run. */
	am_set(AMDVI_EVENT_BASE, amdvi_ring_base(AM_EVENTS, 7));
	am_enable(AMDVI_CONTROL_EVENT_LOG_EN);
	am_enable(AMDVI_CONTROL_IOMMU_EN);
	assert_false(runs(AMDVI_STATUS_EVENT_LOG_RUN));
	assert_int_equal(am.misuses, 1);
	am_end();
}

static void a_running_rings_own_registers_are_fixed(void **state)
{
	(void)state;
	am_begin(&all);
	am_unit_on();
	am_run(amdvi_invalidate_all());
	am_set(AMDVI_COMMAND_HEAD, 0x40);
	assert_int_equal(am.misuses, 1);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(AM_EVENTS, 9));
	am_set(AMDVI_EVENT_TAIL, 0x40);
	assert_int_equal(am.misuses, 3);
	assert_int_equal(am_reg(AMDVI_COMMAND_BASE), amdvi_ring_base(AM_COMMANDS, 8));
	am_disable(AMDVI_CONTROL_CMD_BUF_EN);
	/* Off, the base begins it anew. */
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(AM_COMMANDS, 8));
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0);
	assert_int_equal(am_reg(AMDVI_COMMAND_TAIL), 0);
	assert_int_equal(am.misuses, 3);
	am_end();
}

static void the_command_buffer_wraps(void **state)
{
	unsigned int i;

	(void)state;
	am_begin(&all);
	am_unit_on();
	for (i = 0; i < 600; i++)
		am_run(amdvi_completion_wait(AM_FLAG, i));
	assert_int_equal(am_look(AM_FLAG), 599);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 600 * 16 % 4096);
	am_end();
}

static void a_wait_stores_and_interrupts(void **state)
{
	struct amdvi_command c = amdvi_command_for(AMDVI_COMPLETION_WAIT, 0);

	(void)state;
	am_begin(&all);
	am_unit_on();
	am_run(amdvi_completion_wait(AM_FLAG, 0x1122334455667788ULL));
	assert_int_equal(am_look(AM_FLAG), 0x1122334455667788ULL);
	assert_int_equal(am_reg(AMDVI_STATUS) & AMDVI_STATUS_COM_WAIT_INT, 0);
	/* I sets the bit always; the interrupt comes only where it is enabled. */
	amdvi_set(c.words, AMDVI_WAIT_INTERRUPT, 1);
	am_run(c);
	assert_int_not_equal(am_reg(AMDVI_STATUS) & AMDVI_STATUS_COM_WAIT_INT, 0);
	assert_int_equal(am.signals, 0);
	/* … or when that is enabled later. */
	am_enable(AMDVI_CONTROL_COM_WAIT_INT_EN);
	assert_int_equal(am.signals, 1);
	assert_int_equal(am.signal.source, IOMMU_MODEL_AMDVI_GENERAL);
	/* As long as the bit is 1 there is no other. */
	am_run(c);
	assert_int_equal(am.signals, 1);
	am_set(AMDVI_STATUS, AMDVI_STATUS_COM_WAIT_INT);
	assert_int_equal(am_reg(AMDVI_STATUS) & AMDVI_STATUS_COM_WAIT_INT, 0);
	am_run(c);
	assert_int_equal(am.signals, 2);
	am_end();
}

static void illegal_commands_stop_the_buffer(void **state)
{
	static const struct amdvi_command wrong[] = {
		{{0, 0}},              /* no opcode */
		{{11ULL << 60, 0}},    /* an unknown one */
		{{9ULL << 60, 0}},     /* of virtual units */
		{{8ULL << 60 | 1, 0}}, /* reserved bits … */
		{{2ULL << 60 | 1ULL << 16, 0}},
		{{2ULL << 60, 1}},
		{{3ULL << 60 | 1ULL << 20, 0}},
		{{3ULL << 60, 8}},
		{{4ULL << 60, 2}},         /* PDE is of another command */
		{{4ULL << 60, 1ULL << 4}}, /* a type, without InvIotlbTypeSup */
		{{5ULL << 60 | 1ULL << 30, 0}},
		{{6ULL << 60 | 1ULL << 20, 0}},
		{{7ULL << 60, 1}},
		{{1ULL << 60 | 1ULL << 52, 0}},
	};
	unsigned int i;

	(void)state;
	am_begin(&all);
	am_unit_on();
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct amdvi_event event;

		am_run(amdvi_invalidate_all());
		am_submit(wrong[i]);
		assert_false(runs(AMDVI_STATUS_CMD_BUF_RUN));
		assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
		event = am_event();
		assert_int_equal(amdvi_event_code(&event), AMDVI_ILLEGAL_COMMAND_ERROR);
		assert_int_equal(event.words[1], AM_COMMANDS + 0x10);
		assert_int_equal(am_events(), 0);
		/* Nothing more, until it is turned off and on. */
		am_submit(amdvi_completion_wait(AM_FLAG, 1));
		assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
		start_again();
		am_run(amdvi_completion_wait(AM_FLAG, i));
		assert_int_equal(am_look(AM_FLAG), i);
		start_again();
	}
	am_end();
}

static void commands_of_features_are_illegal_without_them(void **state)
{
	const struct iommu_model_amdvi_config config = {
		.efr = amdvi_place(AMDVI_EFR_HATS, 2),
		.flags = IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS,
	};
	const struct amdvi_command wrong[] = {
		amdvi_invalidate_all(),
		amdvi_invalidate_iotlb(AM_DEVICE, 0, 0, 12),
		amdvi_command_for(AMDVI_PREFETCH_IOMMU_PAGES, AM_DEVICE),
		amdvi_complete_ppr(AM_DEVICE, 1, AMDVI_PAGE_SUCCESS),
		amdvi_pages_with_pasid(amdvi_invalidate_pages(1, 0, 12, false), 1),
	};
	unsigned int i;

	(void)state;
	am_begin(&config);
	am_unit_on();
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		am_submit(wrong[i]);
		assert_false(runs(AMDVI_STATUS_CMD_BUF_RUN));
		start_again();
	}
	/* A wait's data are any. */
	am_run(amdvi_completion_wait(AM_FLAG, UINT64_MAX));
	am_end();
}

static void the_head_may_be_behind_the_offender(void **state)
{
	const struct iommu_model_amdvi_config config = {.strict = IOMMU_MODEL_AMDVI_HEAD_PAST};

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_submit(amdvi_command_of(0, 0));
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
	am_end();
}

static void commands_that_cannot_be_read_or_stored_stop_the_buffer(void **state)
{
	struct amdvi_event event;

	(void)state;
	am_begin(&all);
	am_unit_on();
	am_submit(amdvi_completion_wait(0x123456789000ULL, 1));
	event = am_event();
	assert_int_equal(amdvi_event_code(&event), AMDVI_COMMAND_HARDWARE_ERROR);
	assert_int_equal(amdvi_get(event.words, AMDVI_EVENT_TYPE), AMDVI_ERROR_MASTER_ABORT);
	assert_int_equal(event.words[1], AM_COMMANDS);
	assert_false(runs(AMDVI_STATUS_CMD_BUF_RUN));
	am_disable(AMDVI_CONTROL_CMD_BUF_EN);
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(0x40000000, 8));
	am_enable(AMDVI_CONTROL_CMD_BUF_EN);
	am_set(AMDVI_COMMAND_TAIL, 0x20);
	event = am_event();
	assert_int_equal(amdvi_event_code(&event), AMDVI_COMMAND_HARDWARE_ERROR);
	assert_int_equal(event.words[1], 0x40000000);
	am_end();
}

/* --- The event log ---------------------------------------------------------------------------- */

static void a_full_log_stops_until_it_is_started_again(void **state)
{
	unsigned int i;

	(void)state;
	am_begin(&all);
	am_unit_on();
	am_enable(AMDVI_CONTROL_EVENT_INT_EN);
	am_device(AM_DEVICE, &(struct amdvi_dte){{3, 0, 0, 0}});
	for (i = 0; i < 255; i++)
		assert_int_equal(am_reach(VA, IOMMU_PROT_READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_events(), 255);
	assert_true(runs(AMDVI_STATUS_EVENT_LOG_RUN));
	/* One interrupt, as long as nothing was acknowledged. */
	assert_int_equal(am.signals, 1);
	assert_int_equal(am_reach(VA, IOMMU_PROT_READ), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(am_reg(AMDVI_STATUS) & 0xb,
			 AMDVI_STATUS_EVENT_OVERFLOW | AMDVI_STATUS_EVENT_LOG_INT);
	assert_int_equal(am.signals, 2);
	/* Room does not help. */
	am_set(AMDVI_EVENT_HEAD, am_reg(AMDVI_EVENT_TAIL));
	(void)am_reach(VA, IOMMU_PROT_READ);
	assert_int_equal(am_events(), 0);
	/* Nor does the bit alone, or the enable bit alone. */
	am_disable(AMDVI_CONTROL_EVENT_LOG_EN);
	am_enable(AMDVI_CONTROL_EVENT_LOG_EN);
	assert_false(runs(AMDVI_STATUS_EVENT_LOG_RUN));
	assert_int_equal(am.misuses, 1);
	am_disable(AMDVI_CONTROL_EVENT_LOG_EN);
	am_set(AMDVI_STATUS, AMDVI_STATUS_EVENT_OVERFLOW | AMDVI_STATUS_EVENT_LOG_INT);
	am_enable(AMDVI_CONTROL_EVENT_LOG_EN);
	assert_true(runs(AMDVI_STATUS_EVENT_LOG_RUN));
	(void)am_reach(VA, IOMMU_PROT_READ);
	assert_int_equal(am_events(), 1);
	assert_int_equal(am.signals, 3);
	am_end();
}

static void a_log_that_cannot_be_written_stops(void **state)
{
	(void)state;
	am_begin(&all);
	am_unit_on();
	am_device(AM_DEVICE, &(struct amdvi_dte){{3, 0, 0, 0}});
	am.broken_first = AM_EVENTS;
	am.broken_last = AM_EVENTS + 0xfff;
	assert_int_equal(am_reach(VA, IOMMU_PROT_READ), AMDVI_IO_PAGE_FAULT);
	assert_false(runs(AMDVI_STATUS_EVENT_LOG_RUN));
	assert_int_equal(am_events(), 0);
	am_end();
}

/* Errata 732 and 733. */
static void a_record_may_come_after_its_tail(void **state)
{
	const struct iommu_model_amdvi_faults late = {.record_delay = 3};

	(void)state;
	am_begin(&all);
	am_unit_on();
	iommu_model_amdvi_misbehave(am.model, &late);
	am_device(AM_DEVICE, &(struct amdvi_dte){{3, 0, 0, 0}});
	(void)am_reach(VA, IOMMU_PROT_READ);
	assert_int_equal(am_reg(AMDVI_EVENT_TAIL), 0x10);
	assert_int_equal(am_look(AM_EVENTS), 0);
	(void)am_reg(AMDVI_EVENT_TAIL);
	assert_int_equal(am_look(AM_EVENTS), 0);
	(void)am_reg(AMDVI_EVENT_TAIL);
	assert_int_not_equal(am_look(AM_EVENTS), 0);
	/* The next record does not overtake it, and what is saved is complete. */
	(void)am_reach(VA, IOMMU_PROT_READ);
	assert_int_equal(am_look(AM_EVENTS + 0x10), 0);
	(void)am_reach(VA, IOMMU_PROT_READ);
	assert_int_not_equal(am_look(AM_EVENTS + 0x10), 0);
	assert_int_equal(am_look(AM_EVENTS + 0x20), 0);
	{
		unsigned char bytes[4096];

		assert_in_range(iommu_model_amdvi_save(am.model, bytes, sizeof(bytes)), 1,
				sizeof(bytes));
	}
	assert_int_not_equal(am_look(AM_EVENTS + 0x20), 0);
	am_end();
}

/* --- The unit's own interrupts ---------------------------------------------------------------- */

static void wait_with_interrupt(void)
{
	struct amdvi_command c = amdvi_command_for(AMDVI_COMPLETION_WAIT, 0);

	amdvi_set(c.words, AMDVI_WAIT_INTERRUPT, 1);
	am_run(c);
	am_set(AMDVI_STATUS, AMDVI_STATUS_COM_WAIT_INT);
}

static void interrupts_are_messages_or_by_register(void **state)
{
	const struct iommu_model_amdvi_config config = {.messages = {1, 0, 0}};

	(void)state;
	am_begin(&config);
	am_unit_on();
	am_enable(AMDVI_CONTROL_COM_WAIT_INT_EN);
	wait_with_interrupt();
	assert_int_equal(am.signal.message, 1);
	assert_false(am.signal.has_address);
	assert_false(am.signal.has_destination);
	/* The capability's registers: enabled, with 2 messages. */
	iommu_model_amdvi_mmio_write(am.model, AMDVI_MSI_ADDRESS_LOW, 4, 0xfee03000);
	iommu_model_amdvi_mmio_write(am.model, AMDVI_MSI_DATA, 4, 0x40);
	iommu_model_amdvi_mmio_write(am.model, AMDVI_MSI_CAPABILITY, 4, 1U << 16 | 1U << 20);
	wait_with_interrupt();
	assert_true(am.signal.has_address);
	assert_int_equal(am.signal.address, 0xfee03000);
	assert_int_equal(am.signal.data, 0x41);
	am_enable(AMDVI_CONTROL_INT_CAP_XT_EN);
	am_set(AMDVI_XT_INTERRUPT_GENERAL, amdvi_xt_interrupt(0x12345678, 0x9a) | 4);
	wait_with_interrupt();
	assert_true(am.signal.has_destination);
	assert_int_equal(am.signal.destination, 0x12345678);
	assert_int_equal(am.signal.vector, 0x9a);
	assert_true(am.signal.logical);
	assert_false(am.signal.arbitrated);
	assert_int_equal(am.signals, 3);
	am_end();
}

/* --- Faulty hardware -------------------------------------------------------------------------- */

static void a_unit_can_be_gone_deaf_or_lie(void **state)
{
	(void)state;
	am_begin(&all);
	am_unit_on();
	iommu_model_amdvi_misbehave(am.model, &(struct iommu_model_amdvi_faults){.gone = true});
	assert_int_equal(am_reg(AMDVI_STATUS), UINT64_MAX);
	am_set(AMDVI_CONTROL, 0);
	iommu_model_amdvi_misbehave(
		am.model, &(struct iommu_model_amdvi_faults){.deaf = true,
							     .deaf_register = AMDVI_CONTROL,
							     .lies = true,
							     .lying_register = AMDVI_STATUS,
							     .lie = 0x77});
	am_set(AMDVI_CONTROL, 0);
	assert_int_equal(am_reg(AMDVI_STATUS), 0x77);
	iommu_model_amdvi_misbehave(am.model, &(struct iommu_model_amdvi_faults){0});
	assert_true(runs(AMDVI_STATUS_CMD_BUF_RUN));
	am_end();
}

static void waits_can_be_late_or_hang(void **state)
{
	(void)state;
	am_begin(&all);
	am_unit_on();
	iommu_model_amdvi_misbehave(am.model, &(struct iommu_model_amdvi_faults){.wait_delay = 2});
	am_submit(amdvi_completion_wait(AM_FLAG, 1));
	assert_int_equal(am_look(AM_FLAG), 0);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
	assert_int_equal(am_look(AM_FLAG), 1);
	iommu_model_amdvi_misbehave(am.model,
				    &(struct iommu_model_amdvi_faults){.waits_hang = true});
	am_submit(amdvi_completion_wait(AM_FLAG, 2));
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
	iommu_model_amdvi_misbehave(am.model, &(struct iommu_model_amdvi_faults){0});
	assert_int_equal(am_look(AM_FLAG), 2);
	am_end();
}

static void commands_can_be_refused(void **state)
{
	struct amdvi_event event;

	(void)state;
	am_begin(&all);
	am_unit_on();
	iommu_model_amdvi_misbehave(am.model,
				    &(struct iommu_model_amdvi_faults){.refuse_after = 2});
	am_run(amdvi_invalidate_all());
	am_submit(amdvi_invalidate_all());
	event = am_event();
	assert_int_equal(amdvi_event_code(&event), AMDVI_ILLEGAL_COMMAND_ERROR);
	start_again();
	iommu_model_amdvi_misbehave(am.model,
				    &(struct iommu_model_amdvi_faults){.fetch_fails_after = 1});
	am_submit(amdvi_invalidate_all());
	event = am_event();
	assert_int_equal(amdvi_event_code(&event), AMDVI_COMMAND_HARDWARE_ERROR);
	iommu_model_amdvi_misbehave(am.model,
				    &(struct iommu_model_amdvi_faults){.commands_hang = true});
	start_again();
	am_submit(amdvi_invalidate_all());
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0);
	iommu_model_amdvi_misbehave(am.model, &(struct iommu_model_amdvi_faults){0});
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
	am_end();
}

/* A silent device: an event, or, where no time is set, nothing ever again. */
static void a_device_may_not_answer(void **state)
{
	struct amdvi_event event;

	(void)state;
	am_begin(&all);
	am_unit_on();
	am_set(AMDVI_CONTROL, am_reg(AMDVI_CONTROL) | amdvi_place(AMDVI_CONTROL_INV_TIMEOUT,
								  AMDVI_INV_TIMEOUT_1_S));
	am.silent = true;
	am_run(amdvi_invalidate_iotlb(AM_DEVICE, 1, 0, 64));
	event = am_event();
	assert_int_equal(amdvi_event_code(&event), AMDVI_IOTLB_INV_TIMEOUT);
	assert_int_equal(amdvi_event_devid(&event), AM_DEVICE);
	assert_int_equal(event.words[1], AM_COMMANDS);
	am_disable(AMDVI_CONTROL_INV_TIMEOUT);
	am_run(amdvi_invalidate_iotlb(AM_DEVICE, 1, 0, 64));
	am_submit(amdvi_completion_wait(AM_FLAG, 1));
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x20);
	assert_int_equal(am_events(), 0);
	assert_true(runs(AMDVI_STATUS_CMD_BUF_RUN));
	am.silent = false;
	start_again();
	am_run(amdvi_completion_wait(AM_FLAG, 2));
	assert_int_equal(am_look(AM_FLAG), 2);
	am_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_have_their_reset_values),
		cmocka_unit_test(registers_keep_the_bits_that_they_have),
		cmocka_unit_test(a_wide_register_is_written_by_halves),
		cmocka_unit_test(accesses_are_of_one_register),
		cmocka_unit_test(a_small_unit_has_fewer_registers_and_bits),
		cmocka_unit_test(firmware_says_what_the_unit_is),
		cmocka_unit_test(firmware_fits_into_ivrs),
		cmocka_unit_test(configurations_that_contradict_themselves_are_refused),
		cmocka_unit_test(rings_run_with_their_bit_and_the_units),
		cmocka_unit_test(a_running_rings_own_registers_are_fixed),
		cmocka_unit_test(the_command_buffer_wraps),
		cmocka_unit_test(a_wait_stores_and_interrupts),
		cmocka_unit_test(illegal_commands_stop_the_buffer),
		cmocka_unit_test(commands_of_features_are_illegal_without_them),
		cmocka_unit_test(the_head_may_be_behind_the_offender),
		cmocka_unit_test(commands_that_cannot_be_read_or_stored_stop_the_buffer),
		cmocka_unit_test(a_full_log_stops_until_it_is_started_again),
		cmocka_unit_test(a_log_that_cannot_be_written_stops),
		cmocka_unit_test(a_record_may_come_after_its_tail),
		cmocka_unit_test(interrupts_are_messages_or_by_register),
		cmocka_unit_test(a_unit_can_be_gone_deaf_or_lie),
		cmocka_unit_test(waits_can_be_late_or_hang),
		cmocka_unit_test(commands_can_be_refused),
		cmocka_unit_test(a_device_may_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
