/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware that does not behave as it reports: which devices, chipsets and processors the table of
 * quirks knows, one case for each row and for what stands beside it; and what each quirk does.
 */
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/iommu.h>
#include <libiommu/status.h>

#include <string.h>

#include "test.h"
#include "vtd_fixture.h"

#define DISPLAY 0x030000U
#define AUDIO   0x040300U
#define BRIDGE  0x060000U

/* --- Configuration space ---------------------------------------------------------------------- */

struct word {
	uint16_t id;
	unsigned int offset;
	uint32_t value;
};

static struct word words[16];
static unsigned int word_count;

static void set_word(uint16_t id, unsigned int offset, uint32_t value)
{
	assert_true(word_count < sizeof(words) / sizeof(words[0]));
	words[word_count++] = (struct word){id, offset, value};
}

static void set_function(uint16_t id, uint16_t device, uint32_t class_code, uint8_t revision)
{
	set_word(id, 0, (uint32_t)device << 16 | 0x8086);
	set_word(id, 8, class_code << 8 | revision);
}

static uint32_t read_word(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	unsigned int i;

	assert_ptr_equal(ctx, words);
	assert_true(offset % 4 == 0 && offset < 4096);
	for (i = word_count; i-- > 0;)
		if (segment == 0 && words[i].id == id && words[i].offset == offset)
			return words[i].value;
	return UINT32_MAX;
}

static struct iommu_vtd_options options;

static int reset(void **state)
{
	(void)state;
	word_count = 0;
	options = (struct iommu_vtd_options){.pci_config = {.ctx = words, .read = read_word}};
	return 0;
}

/* --- The log ---------------------------------------------------------------------------------- */

static unsigned int quirk_lines;

static void count_lines(void *ctx, enum iommu_log_level level, const char *line)
{
	(void)ctx;
	if (level == IOMMU_LOG_INFO &&
	    (strstr(line, "quirk") != NULL || strstr(line, "firmware gives the unit") != NULL))
		quirk_lines++;
}

/* --- The machine ------------------------------------------------------------------------------ */

/* 00:04.0, which the table names, on the first unit; 00:05.0 on the one that takes the rest. */
static void start(const struct iommu_model_vtd_config *config)
{
	machine(2, config);
	devices(2);
	f.machine.platform.log = count_lines;
	quirk_lines = 0;
}

static unsigned int quirks_of(unsigned int unit)
{
	struct iommu_vtd_info info;

	assert_int_equal(iommu_vtd_get_info(f.unit[unit], &info), 0);
	return info.quirks;
}

static uint32_t gsts(unsigned int unit)
{
	return (uint32_t)iommu_model_vtd_mmio_read(f.machine.units[unit], VTD_GSTS, 4);
}

static bool translates(unsigned int unit)
{
	return (gsts(unit) & VTD_GLOBAL_TE) != 0;
}

/* The empty root table of a unit that stays on, which is never given back. */
static void lose_a_page(void)
{
	f.machine.pages_in_use--;
}

/* --- Rows ------------------------------------------------------------------------------------- */

struct row {
	uint16_t device;
	uint8_t revision;
	uint32_t class_code; /* BRIDGE: of the chipset, at 00:00.0 */
	unsigned int quirks;
	uint32_t more; /* of a word that matters, too */
};

#define KEEP     IOMMU_VTD_QUIRK_KEEP_TRANSLATING
#define GRAPHICS IOMMU_VTD_QUIRK_BYPASS_GRAPHICS
#define STRICT   IOMMU_VTD_QUIRK_STRICT_GRAPHICS
#define BUFFER   IOMMU_VTD_QUIRK_WRITE_BUFFER
#define NO_IR    IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING
#define NO_PMR   IOMMU_VTD_QUIRK_NO_PROTECTED_MEMORY
#define SHADOW   0x08000000U

static const struct row rows[] = {
	{0x2a40, 7, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e00, 0, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e10, 0, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e20, 0, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e30, 0, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e40, 0, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e90, 0, BRIDGE, BUFFER | GRAPHICS, 0},
	{0x2e50, 0, BRIDGE, 0, 0},
	{0x2e80, 0, BRIDGE, 0, 0},
	{0x2e04, 0, BRIDGE, 0, 0},
	{0x0044, 0, BRIDGE, GRAPHICS, 0},
	{0x0044, 0, BRIDGE, GRAPHICS | STRICT, SHADOW},
	{0x0040, 0, BRIDGE, GRAPHICS, 0},
	{0x0040, 0, BRIDGE, STRICT, SHADOW},
	{0x0062, 0, BRIDGE, GRAPHICS, 0x00080000},
	{0x0062, 0, BRIDGE, STRICT, SHADOW},
	{0x006a, 0, BRIDGE, GRAPHICS, 0},
	{0x006a, 0, BRIDGE, STRICT, SHADOW},
	{0x0048, 0, BRIDGE, 0, 0},
	{0x3403, 0x12, BRIDGE, NO_IR, 0},
	{0x3403, 0x13, BRIDGE, NO_IR, 0},
	{0x3403, 0x14, BRIDGE, 0, 0},
	{0x3403, 0x22, BRIDGE, 0, 0},
	{0x3405, 0x13, BRIDGE, NO_IR, 0},
	{0x3405, 0x21, BRIDGE, 0, 0},
	{0x3405, 0x22, BRIDGE, NO_IR, 0},
	{0x3405, 0x23, BRIDGE, 0, 0},
	{0x3406, 0x13, BRIDGE, NO_IR, 0},
	{0x3406, 0x22, BRIDGE, 0, 0},
	{0x4001, 0x20, BRIDGE, NO_PMR, 0},
	{0x4003, 0x20, BRIDGE, NO_PMR, 0},
	{0x4001, 0x21, BRIDGE, 0, 0},
	{0x4000, 0x20, BRIDGE, 0, 0},
	{0x4571, 0, DISPLAY, KEEP, 0},
	{0x46a6, 0, DISPLAY, KEEP, 0},
	{0x4c8a, 0, DISPLAY, KEEP, 0},
	{0x4e61, 0, DISPLAY, KEEP, 0},
	{0x7d55, 0, DISPLAY, KEEP, 0},
	{0x8a52, 0, DISPLAY, KEEP, 0},
	{0x9840, 0, DISPLAY, KEEP, 0},
	{0x9a49, 0, DISPLAY, KEEP, 0},
	{0xa780, 0, 0x038000, KEEP, 0},
	{0x9a19, 0, 0x048000, 0, 0}, /* not the display */
	{0x3ea0, 0, DISPLAY, 0, 0},  /* Whiskey Lake */
	{0x29b2, 0, DISPLAY, GRAPHICS, 0},
	{0x29a2, 0, DISPLAY, 0, 0},
	{0x1602, 0, DISPLAY, GRAPHICS, 0},
	{0x1616, 0, DISPLAY, GRAPHICS, 0},
	{0x162a, 0, DISPLAY, GRAPHICS, 0},
	{0x163b, 0, DISPLAY, GRAPHICS, 0},
	{0x160d, 0, DISPLAY, GRAPHICS, 0},
	{0x161e, 0, DISPLAY, GRAPHICS, 0},
	{0x1604, 0, DISPLAY, 0, 0},
	{0x1642, 0, DISPLAY, 0, 0},
	{0x3a3e, 0, AUDIO, IOMMU_VTD_QUIRK_BYPASS_SOUND, 0},
	{0x3a3e, 0, AUDIO, 0, 1},    /* behind the unit of all others */
	{0x3a3e, 0, AUDIO, 0, 0x10}, /* with 16 entries */
	{0x3a3e, 0, AUDIO, 0, UINT32_MAX},
	{0x3a3f, 0, AUDIO, 0, 0},
};

static void describe(const struct row *row)
{
	reset(NULL);
	if (row->class_code == BRIDGE) {
		set_function(0, row->device, BRIDGE, row->revision);
		set_word(0, 0x50, row->more);
	} else {
		set_function(0x20, row->device, row->class_code, row->revision);
		set_function(0xa0, 0x342e, 0x080000, 0);
		set_word(0xa0, 0x188, row->more);
	}
}

static unsigned int bits_in(unsigned int value)
{
	return (unsigned int)__builtin_popcount(value);
}

static void each_row_is_recognised(void **state)
{
	const struct iommu_model_vtd_config plain = {.flags = 0};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool is_chipset = rows[i].class_code == BRIDGE;

		describe(&rows[i]);
		start(&plain);
		assert_int_equal(probe_with(&options), 0);
		if (quirks_of(0) != rows[i].quirks)
			fail_msg("%04x revision %02x: %x", rows[i].device, rows[i].revision,
				 quirks_of(0));
		/* A chipset's are of all units, a device's of its own. */
		assert_int_equal(quirks_of(1), is_chipset ? rows[i].quirks : 0);
		assert_in_range(quirk_lines, rows[i].quirks != 0, bits_in(rows[i].quirks));
		end();

		/* Not another vendor's. */
		words[0].value = (words[0].value & 0xffff0000U) | 0x1022;
		start(&plain);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(quirks_of(0), 0);
		assert_int_equal(quirk_lines, 0);
		end();

		/* What the host ignores does not apply, and is not said. */
		describe(&rows[i]);
		options.ignore_quirks = rows[i].quirks;
		start(&plain);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(quirks_of(0), 0);
		assert_int_equal(quirk_lines, 0);
		end();
	}
}

/* A host without access to configuration space says what the device is. */
static void a_device_is_recognised_by_its_info(void **state)
{
	const struct iommu_model_vtd_config plain = {.flags = 0};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].class_code != DISPLAY)
			continue;
		options = (struct iommu_vtd_options){0};
		start(&plain);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(quirks_of(0), 0);
		f.info.vendor = 0x8086;
		f.info.device = rows[i].device;
		f.info.revision = rows[i].revision;
		f.info.class_code = DISPLAY;
		/* One that is not trusted may say anything. */
		f.info.untrusted = true;
		assert_int_equal(endpoint(0), 0);
		f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		assert_int_equal(quirks_of(0), 0);
		assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
		f.info.untrusted = false;
		assert_int_equal(endpoint(0), 0);
		f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		assert_int_equal(quirks_of(0), rows[i].quirks);
		end();
	}
}

static void processors_are_recognised(void **state)
{
	static const struct {
		uint32_t signature;
		unsigned int quirks;
	} cases[] = {
		{0x000206d6, IOMMU_VTD_QUIRK_ADDRESS_MASK},
		{0x000206d7, 0},
		{0x000306d6, 0},
		{0x000806f8, IOMMU_VTD_QUIRK_WRITABLE_PARENTS},
		{0x000806f4, IOMMU_VTD_QUIRK_WRITABLE_PARENTS},
		{0x000806e8, 0},
		{0x000c06f2, 0},
		/* Unknown: units that nest may be Sapphire Rapids'. */
		{0, IOMMU_VTD_QUIRK_WRITABLE_PARENTS},
	};
	struct iommu_model_vtd_config nests = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_NESTED,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		options = (struct iommu_vtd_options){.processor = cases[i].signature};
		start(&nests);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(quirks_of(0), cases[i].quirks);
		end();
		options.ignore_quirks = IOMMU_VTD_QUIRKS_ALL;
		start(&nests);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(quirks_of(0), 0);
		end();
	}
	/* An emulator's unit is none of Sapphire Rapids'. */
	options = (struct iommu_vtd_options){0};
	nests.flags |= IOMMU_MODEL_VTD_CACHING_MODE;
	start(&nests);
	assert_int_equal(probe_with(&options), 0);
	assert_int_equal(quirks_of(0), 0);
	end();
}

static void what_can_be_forced_is(void **state)
{
	const struct iommu_model_vtd_config plain = {.flags = 0};
	unsigned int bit;

	(void)state;
	for (bit = 1; bit <= IOMMU_VTD_QUIRKS_ALL + 1; bit <<= 1) {
		const bool possible =
			bit <= IOMMU_VTD_QUIRKS_ALL && bit != IOMMU_VTD_QUIRK_WRONG_UNIT;

		options = (struct iommu_vtd_options){.force_quirks = bit, .ignore_quirks = bit};
		start(&plain);
		assert_int_equal(probe_with(&options), possible ? 0 : IOMMU_EOPNOTSUPP);
		if (possible) {
			assert_int_equal(quirks_of(0), bit);
			assert_int_equal(quirks_of(1), bit);
			assert_int_equal(quirk_lines, 1);
		}
		end();
	}
}

/* --- Translation that must not be turned off -------------------------------------------------- */

static const struct iommu_model_vtd_config graphics_unit = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH};

/* A machine with the graphics of Tiger Lake behind its first unit, mapped. */
static struct iommu_domain *start_graphics(const struct iommu_model_vtd_config *config)
{
	struct iommu_domain *domain;

	reset(NULL);
	set_function(0x20, 0x9a49, DISPLAY, 1);
	start(config);
	assert_int_equal(probe_with(&options), 0);
	f.info.class_code = DISPLAY;
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, IOVA, f.memory));
	return domain;
}

static void end_graphics(struct iommu_domain *domain)
{
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void graphics_are_blocked_in_place_of_being_turned_off(void **state)
{
	static const unsigned int flags[] = {
		0,
		IOMMU_MODEL_VTD_NO_QUEUE,
		IOMMU_MODEL_VTD_NONCOHERENT,
		IOMMU_MODEL_VTD_CACHING_MODE,
		IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE,
		IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
	};
	struct iommu_model_vtd_config config = graphics_unit;
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		config.flags = IOMMU_MODEL_VTD_PASS_THROUGH | flags[i];
		domain = start_graphics(&config);
		if (flags[i] == IOMMU_MODEL_VTD_INTERRUPT_REMAPPING)
			assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		assert_false(iommu_unit_is_enabled(f.unit[0]));
		assert_true(translates(0));
		assert_true(is_blocked(0, IOVA));
		assert_true(is_blocked(0, f.memory));
		/* Nothing of the domain is used any more. */
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		assert_true(reaches(0, IOVA, f.memory));
		/* The other unit has no such devices. */
		assert_int_equal(iommu_unit_disable(f.unit[1]), 0);
		assert_false(translates(1));
		assert_int_equal(iommu_unit_enable(f.unit[1]), 0);
		assert_int_equal(iommu_suspend(f.iommu), 0);
		assert_true(translates(0));
		assert_false(translates(1));
		assert_int_equal(gsts(0) & (VTD_GLOBAL_QIE | VTD_GLOBAL_IRE), 0);
		assert_true(is_blocked(0, IOVA));
		/* Power was lost, or not. */
		if (i % 2 == 0)
			iommu_model_vtd_reset(f.machine.units[0]);
		assert_int_equal(iommu_resume(f.iommu), 0);
		assert_true(reaches(0, IOVA, f.memory));
		assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
		end_graphics(domain);
		lose_a_page();
		end();
	}
}

/* After the end the unit reads the page that is left, and no other. */
static void the_empty_table_of_graphics_stays(void **state)
{
	struct iommu_domain *domain = start_graphics(&graphics_unit);
	const struct iommu_vtd_options none = {0};
	iommu_paddr_t page;
	size_t i;

	(void)state;
	end_graphics(domain);
	for (i = 0; i < f.devices; i++)
		assert_int_equal(iommu_release_endpoint(f.endpoint[i]), 0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	assert_true(translates(0));
	assert_int_equal(f.machine.pages_in_use, 1);
	page = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_RTADDR, 8) & ~0xfffULL;
	assert_int_equal(f.machine.states[(page - MACHINE_BASE) / IOMMU_PAGE_SIZE], PAGE_TABLE);
	for (i = 0; i < IOMMU_PAGE_SIZE; i++)
		assert_int_equal(((unsigned char *)model_machine_bytes(&f.machine, page))[i], 0);
	/* And the next instance replaces it while the unit translates. */
	assert_int_equal(probe_with(&none), 0);
	f.info = (struct iommu_endpoint_info){0};
	endpoints();
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, IOVA, f.memory));
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0); /* it is not known to be graphics' */
	assert_false(translates(0));
	end_graphics(domain);
	lose_a_page();
	end();
}

/* A unit that does not wait for requests, and one that takes the rest, cannot hang so. */
static void other_units_of_such_graphics_are_turned_off(void **state)
{
	struct iommu_model_vtd_faults no_drain = {0};
	unsigned int unit;

	(void)state;
	for (unit = 0; unit < 2; unit++) {
		reset(NULL);
		set_function(0x20, 0x9a49, DISPLAY, 1);
		set_function(0x28, 0x9a49, DISPLAY, 1);
		start(&graphics_unit);
		no_drain.capability = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_CAP, 8) &
				      ~(VTD_CAP_DWD | VTD_CAP_DRD);
		if (unit == 0)
			iommu_model_vtd_misbehave(f.machine.units[0], &no_drain);
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(quirks_of(unit), 0);
		f.info.class_code = DISPLAY;
		endpoints();
		assert_int_equal(quirks_of(unit), 0);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_true(translates(unit));
		assert_int_equal(iommu_unit_disable(f.unit[unit]), 0);
		assert_false(translates(unit));
		if (unit == 1)
			lose_a_page(); /* the first one's */
		end();
	}
}

/* Not confirmed is not disabled, and says so. */
static void graphics_that_do_not_confirm_stay_marked(void **state)
{
	static const struct iommu_model_vtd_faults faults[] = {
		{.commands_hang = true}, {.invalidations_hang = true}, {.waits_hang = true}};
	const struct iommu_model_vtd_faults none = {0};
	struct iommu_domain *domain;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		domain = start_graphics(&graphics_unit);
		iommu_model_vtd_misbehave(f.machine.units[0], &faults[i]);
		assert_int_equal(iommu_unit_disable(f.unit[0]), IOMMU_ETIMEDOUT);
		/* What the domain maps is not given back before that is confirmed. */
		if (!faults[i].commands_hang)
			assert_int_not_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		else
			assert_true(reaches(0, IOVA, f.memory));
		iommu_model_vtd_misbehave(f.machine.units[0], &none);
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		assert_true(translates(0));
		assert_true(is_blocked(0, IOVA));
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		end_graphics(domain);
		lose_a_page();
		end();
	}
}

static void each_allocation_of_graphics_may_fail(void **state)
{
	unsigned int at;
	int status = IOMMU_ENOMEM;

	(void)state;
	for (at = 1; status != 0; at++) {
		reset(NULL);
		set_function(0x20, 0x9a49, DISPLAY, 1);
		start(&graphics_unit);
		f.machine.fail_at = at + 1; /* the instance's own is not the question here */
		status = probe_with(&options);
		f.machine.fail_at = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		end();
	}
	assert_true(at > 5);
}

/* Left on by another kernel, in this mode or another. */
static void leave_on(unsigned int flags)
{
	const struct iommu_vtd_options before = {.flags = flags};
	unsigned int i;

	assert_int_equal(probe_with(&before), 0);
	f.info = (struct iommu_endpoint_info){.class_code = DISPLAY};
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	/* It dies. */
	for (i = 0; i < f.machine.unit_count; i++)
		assert_true(translates(i));
}

static void keep_translating(struct iommu_vtd_options *with)
{
	struct iommu *dead = f.iommu;
	unsigned int i;

	for (i = 0; i < f.devices; i++)
		f.endpoint[i] = NULL;
	assert_int_equal(probe_with(with), 0);
	(void)dead;
}

static void graphics_that_were_left_on_are_not_turned_off(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH |
							       IOMMU_MODEL_VTD_SCALABLE |
							       IOMMU_MODEL_VTD_FIRST_STAGE};
	struct iommu_vtd_info info;
	size_t before;

	(void)state;
	/* With nothing behind it that is known: blocked. Its mode is kept. */
	reset(NULL);
	set_function(0x20, 0x9a49, DISPLAY, 1);
	start(&config);
	leave_on(IOMMU_VTD_LEGACY_MODE);
	before = f.machine.pages_in_use;
	keep_translating(&options);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_false(info.scalable);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(translates(0));
	assert_true(is_blocked(0, IOVA));
	/* Left alone is not what it can be while it is on. */
	options.flags = IOMMU_VTD_BYPASS_GRAPHICS;
	assert_int_equal(iommu_destroy(f.iommu), 0);
	assert_true(translates(0));
	keep_translating(&options);
	f.info = (struct iommu_endpoint_info){.class_code = DISPLAY};
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_false(info.bypassed);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	/* What the dead kernel had, and two empty tables. */
	f.machine.pages_in_use -= before + 2;
	f.machine.mapped -= 2;
	end();
}

/* A host that says what the device is only when it comes is told that it is too late. */
static void another_mode_cannot_be_left_without_turning_off(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH |
							       IOMMU_MODEL_VTD_SCALABLE |
							       IOMMU_MODEL_VTD_FIRST_STAGE};
	struct iommu_vtd_options late = {0};
	size_t before;

	(void)state;
	start(&config);
	leave_on(IOMMU_VTD_LEGACY_MODE);
	before = f.machine.pages_in_use;
	keep_translating(&late);
	f.info = (struct iommu_endpoint_info){
		.vendor = 0x8086, .device = 0x9a49, .class_code = DISPLAY};
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_int_equal(iommu_vtd_enable(f.iommu), IOMMU_EOPNOTSUPP);
	assert_true(translates(0));
	iommu_model_vtd_reset(f.machine.units[0]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	f.machine.pages_in_use -= before + 1;
	f.machine.mapped -= 2;
	end();
}

/* --- Chipsets --------------------------------------------------------------------------------- */

static void a_write_buffer_that_is_not_reported_is_flushed(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_WRITE_BUFFER};
	struct iommu_model_vtd_faults lies = {0};
	struct iommu_domain *domain;

	(void)state;
	set_function(0, 0x2a40, BRIDGE, 7);
	start(&config);
	lies.capability = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_CAP, 8) & ~VTD_CAP_RWBF;
	iommu_model_vtd_misbehave(f.machine.units[0], &lies);
	iommu_model_vtd_misbehave(f.machine.units[1], &lies);
	assert_int_equal(probe_with(&options), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	end_graphics(domain);
	end();
}

static void graphics_of_such_chipsets_are_left_alone(void **state)
{
	struct iommu_vtd_info info;

	(void)state;
	set_function(0, 0x0044, BRIDGE, 0);
	start(&graphics_unit);
	assert_int_equal(probe_with(&options), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	f.info.class_code = DISPLAY;
	endpoints(); /* one on each unit */
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_true(info.bypassed);
	assert_int_equal(iommu_vtd_get_info(f.unit[1], &info), 0);
	assert_false(info.bypassed); /* it takes the rest, too */
	assert_int_equal(iommu_group_default_type(f.group[0]), IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_group_default_type(f.group[1]), IOMMU_DOMAIN_IDENTITY);
	end();
}

static void graphics_of_calpella_are_strict(void **state)
{
	(void)state;
	set_function(0, 0x0040, BRIDGE, 0);
	set_word(0, 0x50, SHADOW);
	start(&graphics_unit);
	assert_int_equal(probe_with(&options), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	f.info.class_code = DISPLAY;
	assert_int_equal(endpoint(0), 0);
	f.info.class_code = 0x020000;
	assert_int_equal(endpoint(1), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	f.group[1] = iommu_endpoint_group(f.endpoint[1]);
	assert_int_equal(iommu_group_default_type(f.group[0]), IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_group_default_type(f.group[1]), IOMMU_DOMAIN_DMA_LAZY);
	end();
}

static void interrupts_are_not_remapped_where_that_is_broken(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	struct iommu_vtd_info info;

	(void)state;
	set_function(0, 0x3405, BRIDGE, 0x22);
	start(&config);
	assert_int_equal(probe_with(&options), 0);
	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	assert_false(info.interrupt_remapping);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_EOPNOTSUPP);
	end();
	options.ignore_quirks = IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING;
	start(&config);
	assert_int_equal(probe_with(&options), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

static unsigned int pmen_writes;

static void watch_protected_memory(struct model_machine *machine)
{
	if ((iommu_model_vtd_mmio_read(machine->units[0], VTD_PMEN, 4) & VTD_PMEN_EPM) == 0)
		pmen_writes++;
}

static void protected_memory_that_is_not_there_is_not_opened(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY};
	unsigned int ignored;

	(void)state;
	for (ignored = 0; ignored < 2; ignored++) {
		reset(NULL);
		set_function(0, 0x4003, BRIDGE, 0x20);
		options.ignore_quirks = ignored ? IOMMU_VTD_QUIRK_NO_PROTECTED_MEMORY : 0;
		start(&config);
		iommu_model_vtd_mmio_write(f.machine.units[0], VTD_PMEN, 4, VTD_PMEN_EPM);
		assert_int_equal(probe_with(&options), 0);
		endpoints();
		pmen_writes = 0;
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		watch_protected_memory(&f.machine);
		assert_int_equal(pmen_writes, ignored);
		end();
	}
}

/* 1024 pages are two invalidations, not one. */
static void invalidations_of_e5_are_small(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 18};
	struct iommu_model_vtd_stats before, after;
	struct iommu_domain *domain;
	uint64_t descriptors[2];
	unsigned int is_e5;

	(void)state;
	for (is_e5 = 0; is_e5 < 2; is_e5++) {
		options.processor = is_e5 ? 0x000206d6 : 0x000206d7;
		start(&config);
		assert_int_equal(probe_with(&options), 0);
		endpoints();
		domain = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		iommu_model_vtd_get_stats(f.machine.units[0], &before);
		assert_int_equal(iommu_unmap(domain, IOVA, 4ULL << 20, 0, NULL), 0);
		iommu_model_vtd_get_stats(f.machine.units[0], &after);
		descriptors[is_e5] = after.descriptors - before.descriptors;
		end_graphics(domain);
		end();
	}
	assert_int_equal(descriptors[1], descriptors[0] + 1);
}

/* --- Devices ---------------------------------------------------------------------------------- */

static void a_unit_for_sound_without_a_tlb_is_bypassed(void **state)
{
	struct iommu_vtd_info info;
	unsigned int entries;

	(void)state;
	for (entries = 0; entries <= 0x10; entries += 0x10) {
		reset(NULL);
		set_function(0x20, 0x3a3e, AUDIO, 0);
		set_function(0xa0, 0x342e, 0x080000, 0);
		set_word(0xa0, 0x188, entries);
		start(&graphics_unit);
		assert_int_equal(probe_with(&options), 0);
		f.info.class_code = AUDIO;
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
		assert_int_equal(info.bypassed, entries == 0);
		end();
	}
}

static void the_tlb_of_qat_is_invalidated_twice(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};
	struct iommu_domain *domain;
	uint16_t device;

	(void)state;
	for (device = 0x493f; device <= 0x4944; device++) {
		const unsigned int times = device >= 0x4940 && device <= 0x4943 ? 2 : 1;
		unsigned int before;

		options = (struct iommu_vtd_options){0};
		start(&config);
		assert_int_equal(probe_with(&options), 0);
		f.info = (struct iommu_endpoint_info){
			.vendor = 0x8086, .device = device, .device_tlb = true};
		f.info.path_length = 1;
		f.info.path[0] = (struct iommu_pci_hop){4, 0};
		f.device[0]->has_tlb = true;
		assert_int_equal(endpoint(0), 0);
		f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		assert_true(iommu_endpoint_uses_device_tlb(f.endpoint[0]));
		f.memory = model_machine_take(&f.machine, 1);
		domain = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_true(reaches(0, IOVA, f.memory));
		before = f.device[0]->invalidations;
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		assert_int_equal(f.device[0]->invalidations, before + times);
		/* And one that does not answer is blocked all the same. */
		f.device[0]->silent = true;
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		assert_true(is_blocked(0, IOVA));
		f.device[0]->silent = false;
		end_graphics(domain);
		end();
	}
}

/* Units are at multiples of 64 KiB here, but for this. */
#define DMA_UNIT 0xa000ULL

static void *(*map_unit)(void *ctx, iommu_paddr_t paddr, uint64_t size);

static void *map_dma_unit(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	return map_unit(ctx, paddr - DMA_UNIT, size);
}

static void move_units(void)
{
	const struct iommu_pci_hop hop = {4, 0};
	struct iommu_dmar_builder builder;

	iommu_dmar_begin(&builder, f.machine.dmar, sizeof(f.machine.dmar), 46, 0);
	iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(0) + DMA_UNIT, 4096, false);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
	iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(1) + DMA_UNIT, 4096, true);
	f.machine.dmar_size = (size_t)iommu_dmar_finish(&builder, "TEST", "MODEL");
	map_unit = f.machine.platform.map_mmio;
	f.machine.platform.map_mmio = map_dma_unit;
}

static void the_dma_engine_behind_the_wrong_unit_is_refused(void **state)
{
	static const struct {
		uint32_t units;
		int status;
	} cases[] = {
		{(uint32_t)MACHINE_UNIT(0), 0},
		{(uint32_t)MACHINE_UNIT(0) | 0x1001, 0},
		{(uint32_t)MACHINE_UNIT(1), IOMMU_ENODEV},
		{0xfec00000, IOMMU_ENODEV},
		{UINT32_MAX, 0}, /* the chipset does not say */
	};
	const struct iommu_model_vtd_config plain = {.address_mask = 9};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reset(NULL);
		set_function(0x20, 0x402f, 0x088000, 0);
		set_word(0, 0xb0, cases[i].units);
		start(&plain);
		move_units();
		assert_int_equal(probe_with(&options), 0);
		assert_int_equal(endpoint(0), cases[i].status);
		if (cases[i].status == 0)
			f.group[0] = iommu_endpoint_group(f.endpoint[0]);
		else
			f.endpoint[0] = NULL;
		end();
	}
}

/* --- Processors ------------------------------------------------------------------------------- */

static void parents_of_nested_domains_can_be_written(void **state)
{
	const struct iommu_model_vtd_config nests = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_NESTED,
	};
	const struct iommu_domain_config parent = {.nest_parent = true};
	struct iommu_hardware_info info;
	struct iommu_domain *domain;
	iommu_paddr_t paddr;
	unsigned int affected;

	(void)state;
	for (affected = 0; affected < 2; affected++) {
		options.processor = affected ? 0x000806f8 : 0x000c06f2;
		start(&nests);
		assert_int_equal(probe_with(&options), 0);
		endpoints();
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_unit_get_hardware_info(f.unit[0], &info), 0);
		assert_int_equal(info.flags, affected ? IOMMU_HARDWARE_WRITABLE_PARENTS : 0);
		assert_int_equal(
			iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &parent, &domain), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, IOMMU_PROT_READ),
				 affected ? IOMMU_EINVAL : 0);
		assert_int_equal(iommu_iova_to_phys(domain, IOVA, &paddr) == 0, !affected);
		assert_int_equal(iommu_map(domain, IOVA + 4096, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_unmap(domain, IOVA, 8192, 0, NULL), 0);
		end_graphics(domain);
		/* Any other domain may be read only. */
		domain = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, IOMMU_PROT_READ), 0);
		assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_row_is_recognised, reset),
		cmocka_unit_test_setup(a_device_is_recognised_by_its_info, reset),
		cmocka_unit_test_setup(processors_are_recognised, reset),
		cmocka_unit_test_setup(what_can_be_forced_is, reset),
		cmocka_unit_test_setup(graphics_are_blocked_in_place_of_being_turned_off, reset),
		cmocka_unit_test_setup(the_empty_table_of_graphics_stays, reset),
		cmocka_unit_test_setup(graphics_that_do_not_confirm_stay_marked, reset),
		cmocka_unit_test_setup(other_units_of_such_graphics_are_turned_off, reset),
		cmocka_unit_test_setup(each_allocation_of_graphics_may_fail, reset),
		cmocka_unit_test_setup(graphics_that_were_left_on_are_not_turned_off, reset),
		cmocka_unit_test_setup(another_mode_cannot_be_left_without_turning_off, reset),
		cmocka_unit_test_setup(a_write_buffer_that_is_not_reported_is_flushed, reset),
		cmocka_unit_test_setup(graphics_of_such_chipsets_are_left_alone, reset),
		cmocka_unit_test_setup(graphics_of_calpella_are_strict, reset),
		cmocka_unit_test_setup(interrupts_are_not_remapped_where_that_is_broken, reset),
		cmocka_unit_test_setup(protected_memory_that_is_not_there_is_not_opened, reset),
		cmocka_unit_test_setup(invalidations_of_e5_are_small, reset),
		cmocka_unit_test_setup(parents_of_nested_domains_can_be_written, reset),
		cmocka_unit_test_setup(a_unit_for_sound_without_a_tlb_is_bypassed, reset),
		cmocka_unit_test_setup(the_tlb_of_qat_is_invalidated_twice, reset),
		cmocka_unit_test_setup(the_dma_engine_behind_the_wrong_unit_is_refused, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
