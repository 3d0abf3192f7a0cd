/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quirks: a table of hardware with known defects, and what is done about each.
 *
 * A row matches the chipset, the processor, a device behind a unit, or an endpoint. A match sets a
 * bit of the machine, the unit or the endpoint, unless the host ignores the quirk; a bit that the
 * host forces is set from the start. Everything else in this back end asks for the bit
 * (vtd_has_quirk), never for a device.
 *
 * The numbers of the rows are public facts: Intel's specification updates, and what several
 * operating systems have found. A device that is not trusted may claim any number: it changes
 * nothing that others rely on.
 */
#include "vtd/quirks.h"

#include <libiommu/dmar.h>
#include <libiommu/hw/pci_config.h>
#include <libiommu/hw/vtd_context.h>

#include "base/log.h"
#include "unit/confirmation.h"
#include "vtd/context.h"

#if IOMMU_CONFIG_QUIRKS

#define INTEL         0x8086U
#define ANY_REVISION  0, 0xff
#define CLASS_DISPLAY 0x03
#define CLASS_AUDIO   0x04

/* Graphics control of Calpella's host bridge: the upper half of this word. */
#define GRAPHICS_CONTROL        0x50
#define GRAPHICS_CONTROL_SHADOW (0x8U << 24)
/* The system management function of 5500 and X58, and what it says of the unit for sound. */
#define TYLERSBURG_MANAGEMENT    0x00a0 /* 00:14.0 */
#define TYLERSBURG_MANAGEMENT_ID (0x342eU << 16 | INTEL)
#define TYLERSBURG_ISOCH         0x188
#define TYLERSBURG_ISOCH_SHARED  0x01 /* sound is behind the unit of all others */
#define TYLERSBURG_ISOCH_ENTRIES 0x1c /* of the TLB */
/* The base of the remapping units of the 5400 chipset, and its DMA engine's offset in it. */
#define SEABURG_UNITS      0xb0
#define SEABURG_UNITS_BASE 0xffff0000U
#define SEABURG_DMA_UNIT   0xa000

/* Quirks that only their hardware can have. */
#define NOT_FORCED IOMMU_VTD_QUIRK_WRONG_UNIT

/* What a row is compared with. */
enum subject {
	CHIPSET,   /* 00:00.0 */
	PROCESSOR, /* its signature */
	BEHIND,    /* a device behind a unit */
	ENDPOINT,
};

/* A function, as configuration space or its endpoint's info describes it. */
struct function {
	uint32_t id; /* device << 16 | vendor */
	uint32_t class_code;
	uint8_t revision;
	uint16_t segment, source_id;
};

struct row {
	enum subject subject;
	uint8_t base_class; /* 0: any */
	uint8_t first_revision, last_revision;
	uint32_t id, mask; /* as in struct function, or of the signature */
	unsigned int quirks;
	bool (*only_if)(const struct vtd_probe *probe, const struct vtd_unit *unit,
			const struct function *function);
	const char *text;
};

/* --- Configuration space ---------------------------------------------------------------------- */

/* All ones where there is nothing, or no way to read it. */
static uint32_t read_config(const struct vtd_probe *probe, uint16_t segment, uint16_t id,
			    unsigned int offset)
{
	const struct iommu_pci_config *config = &probe->pci_config;

	return config->read != NULL ? config->read(config->ctx, segment, id, offset) : UINT32_MAX;
}

static bool read_function(const struct vtd_probe *probe, uint16_t segment, uint16_t id,
			  struct function *function)
{
	const uint32_t revision = read_config(probe, segment, id, PCI_CONFIG_CLASS);

	*function = (struct function){
		.id = read_config(probe, segment, id, PCI_CONFIG_ID),
		.class_code = revision >> 8,
		.revision = (uint8_t)revision,
		.segment = segment,
		.source_id = id,
	};
	return function->id != UINT32_MAX;
}

/* --- Conditions beyond the id ----------------------------------------------------------------- */

/* Has firmware allocated a shadow of the graphics table? */
static bool has_shadow(const struct vtd_probe *probe, const struct vtd_unit *unit,
		       const struct function *function)
{
	(void)unit;
	return (read_config(probe, function->segment, function->source_id, GRAPHICS_CONTROL) &
		GRAPHICS_CONTROL_SHADOW) != 0;
}

static bool has_no_shadow(const struct vtd_probe *probe, const struct vtd_unit *unit,
			  const struct function *function)
{
	return !has_shadow(probe, unit, function);
}

/* Is there a unit for sound alone, without a TLB? Firmware that hides the register is right. */
static bool sound_has_no_tlb(const struct vtd_probe *probe, const struct vtd_unit *unit,
			     const struct function *function)
{
	const uint32_t isoch =
		read_config(probe, function->segment, TYLERSBURG_MANAGEMENT, TYLERSBURG_ISOCH);

	(void)unit;
	return read_config(probe, function->segment, TYLERSBURG_MANAGEMENT, PCI_CONFIG_ID) ==
		       TYLERSBURG_MANAGEMENT_ID &&
	       (isoch & (TYLERSBURG_ISOCH_SHARED | TYLERSBURG_ISOCH_ENTRIES)) == 0;
}

/* The DMA engine has a unit of its own. A chipset that does not say where is believed. */
static bool is_elsewhere(const struct vtd_probe *probe, const struct vtd_unit *unit,
			 const struct function *function)
{
	const uint32_t units =
		read_config(probe, function->segment, function->source_id & 0xff00, SEABURG_UNITS);

	return units != UINT32_MAX &&
	       unit->register_base != (units & SEABURG_UNITS_BASE) + (uint64_t)SEABURG_DMA_UNIT;
}

/* --- The table -------------------------------------------------------------------------------- */

#define FUNCTION(device)  ((uint32_t)(device) << 16 | INTEL)
#define ALL_BITS          0xffffffffU
#define TEXT(text)        IOMMU_LOG_TEXT(text)

#define SERIES_4_TEXT     TEXT("quirk of the 4 series: a write buffer, and graphics bypassed")
#define SERIES_4          (IOMMU_VTD_QUIRK_WRITE_BUFFER | IOMMU_VTD_QUIRK_BYPASS_GRAPHICS)
#define NO_REMAPPING_TEXT TEXT("quirk of 5500, 5520 and X58: interrupts are not remapped")

#define GRAPHICS_STAY_ON(family)                                                                   \
	{                                                                                          \
		BEHIND, CLASS_DISPLAY, ANY_REVISION, FUNCTION((family) << 8), 0xff00ffff,          \
			IOMMU_VTD_QUIRK_KEEP_TRANSLATING, NULL,                                    \
			TEXT("quirk of its graphics: translation is not turned off")               \
	}
/* The second digit of four, the kind of machine, varies. */
#define BROADWELL(device)                                                                          \
	{                                                                                          \
		BEHIND, CLASS_DISPLAY, ANY_REVISION, FUNCTION(device), 0xffcfffff,                 \
			IOMMU_VTD_QUIRK_BYPASS_GRAPHICS, NULL,                                     \
			TEXT("quirk of Broadwell: graphics are bypassed")                          \
	}

static const struct row rows[] = {
	/* GM45, and desktop chipsets of its series, of which 2e00h to 2e30h differ in two bits. */
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x2a40), ALL_BITS, SERIES_4, NULL, SERIES_4_TEXT},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x2e00), 0xffcfffff, SERIES_4, NULL, SERIES_4_TEXT},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x2e40), ALL_BITS, SERIES_4, NULL, SERIES_4_TEXT},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x2e90), ALL_BITS, SERIES_4, NULL, SERIES_4_TEXT},
	/* QM57; and all of Calpella, whose 0040h and 0044h, 0062h and 006ah differ in one bit. */
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x0044), ALL_BITS, IOMMU_VTD_QUIRK_BYPASS_GRAPHICS,
	 NULL, TEXT("quirk of QM57: graphics are bypassed")},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x0040), 0xfffbffff, IOMMU_VTD_QUIRK_BYPASS_GRAPHICS,
	 has_no_shadow, TEXT("quirk of Calpella without a shadow GTT: graphics are bypassed")},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x0062), 0xfff7ffff, IOMMU_VTD_QUIRK_BYPASS_GRAPHICS,
	 has_no_shadow, TEXT("quirk of Calpella without a shadow GTT: graphics are bypassed")},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x0040), 0xfffbffff, IOMMU_VTD_QUIRK_STRICT_GRAPHICS,
	 has_shadow, TEXT("quirk of Calpella: the domains of graphics are strict")},
	{CHIPSET, 0, ANY_REVISION, FUNCTION(0x0062), 0xfff7ffff, IOMMU_VTD_QUIRK_STRICT_GRAPHICS,
	 has_shadow, TEXT("quirk of Calpella: the domains of graphics are strict")},
	/* Tylersburg: errata 47 and 53. */
	{CHIPSET, 0, 0, 0x13, FUNCTION(0x3403), ALL_BITS, IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING,
	 NULL, NO_REMAPPING_TEXT},
	{CHIPSET, 0, 0, 0x13, FUNCTION(0x3405), ALL_BITS, IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING,
	 NULL, NO_REMAPPING_TEXT},
	{CHIPSET, 0, 0, 0x13, FUNCTION(0x3406), ALL_BITS, IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING,
	 NULL, NO_REMAPPING_TEXT},
	{CHIPSET, 0, 0x22, 0x22, FUNCTION(0x3405), ALL_BITS, IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING,
	 NULL, NO_REMAPPING_TEXT},
	/* 5400: erratum 23. 4001h and 4003h differ in one bit. */
	{CHIPSET, 0, 0x20, 0x20, FUNCTION(0x4001), 0xfffdffff, IOMMU_VTD_QUIRK_NO_PROTECTED_MEMORY,
	 NULL, TEXT("quirk of 5400: it has no protected memory")},

	/* Xeon E5, stepping 6: erratum BT176. */
	{PROCESSOR, 0, ANY_REVISION, 0x000206d6, 0x0fff0fff, IOMMU_VTD_QUIRK_ADDRESS_MASK, NULL,
	 TEXT("quirk of Xeon E5: an invalidation covers at most 512 pages")},
	/* Sapphire Rapids, every stepping: erratum SPR17. */
	{PROCESSOR, 0, ANY_REVISION, 0x000806f0, 0x0fff0ff0, IOMMU_VTD_QUIRK_WRITABLE_PARENTS, NULL,
	 TEXT("quirk of Sapphire Rapids: parents of nested domains map nothing for reading only")},

	/* Elkhart Lake, Alder Lake, Rocket Lake, Jasper Lake, … */
	GRAPHICS_STAY_ON(0x45),
	GRAPHICS_STAY_ON(0x46),
	GRAPHICS_STAY_ON(0x4c),
	GRAPHICS_STAY_ON(0x4e),
	/* … Meteor Lake, Ice Lake, and Tiger Lake and Raptor Lake. */
	GRAPHICS_STAY_ON(0x7d),
	GRAPHICS_STAY_ON(0x8a),
	GRAPHICS_STAY_ON(0x98),
	GRAPHICS_STAY_ON(0x9a),
	GRAPHICS_STAY_ON(0xa7),
	{BEHIND, CLASS_DISPLAY, ANY_REVISION, FUNCTION(0x29b2), ALL_BITS,
	 IOMMU_VTD_QUIRK_BYPASS_GRAPHICS, NULL, TEXT("quirk of Q35: graphics are bypassed")},
	BROADWELL(0x1602),
	BROADWELL(0x1606),
	BROADWELL(0x160a),
	BROADWELL(0x160b),
	BROADWELL(0x160d),
	BROADWELL(0x160e),
	{BEHIND, 0, ANY_REVISION, FUNCTION(0x3a3e), ALL_BITS, IOMMU_VTD_QUIRK_BYPASS_SOUND,
	 sound_has_no_tlb, TEXT("firmware gives the unit for sound no TLB: it is bypassed")},

	/* 4940h to 4943h. */
	{ENDPOINT, 0, ANY_REVISION, FUNCTION(0x4940), 0xfffcffff, IOMMU_VTD_QUIRK_INVALIDATE_TWICE,
	 NULL, TEXT("quirk of QAT: its TLB is invalidated twice")},
	{ENDPOINT, 0, ANY_REVISION, FUNCTION(0x402f), ALL_BITS, IOMMU_VTD_QUIRK_WRONG_UNIT,
	 is_elsewhere, TEXT("firmware names the wrong unit for the DMA engine")},
};

/* --- Matching --------------------------------------------------------------------------------- */

/* What rows are compared with, and what does not apply to it. */
struct candidate {
	enum subject subject;
	const struct vtd_probe *probe;
	const struct vtd_unit *unit;
	const char *name;
	unsigned int excluded;
	struct function function;
};

static bool matches(const struct row *row, const struct candidate *candidate)
{
	const struct function *function = &candidate->function;

	return row->subject == candidate->subject && (function->id & row->mask) == row->id &&
	       (row->base_class == 0 || row->base_class == function->class_code >> 16) &&
	       function->revision >= row->first_revision &&
	       function->revision <= row->last_revision &&
	       (row->only_if == NULL || row->only_if(candidate->probe, candidate->unit, function));
}

/* Add to *quirks those of the rows that match, of which each that is new is logged. */
static void apply(unsigned int *quirks, const struct candidate *candidate)
{
	const struct vtd_probe *probe = candidate->probe;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned int wanted =
			rows[i].quirks & ~(probe->quirks_ignored | candidate->excluded);

		if ((wanted & ~*quirks) == 0 || !matches(&rows[i], candidate))
			continue;
		*quirks |= wanted;
		iommu_log(probe->platform, IOMMU_LOG_INFO, candidate->name, rows[i].text);
	}
}

/* --- The machine ------------------------------------------------------------------------------ */

int iommu_vtd_quirks_init(struct vtd_probe *probe, const struct iommu_vtd_options *options)
{
	struct candidate machine = {.probe = probe, .name = iommu_vtd_name};

	if ((options->force_quirks & (NOT_FORCED | ~IOMMU_VTD_QUIRKS_ALL)) != 0)
		return IOMMU_EOPNOTSUPP;
	probe->quirks = options->force_quirks;
	probe->quirks_ignored = options->ignore_quirks & ~options->force_quirks;
	probe->pci_config = options->pci_config;
	probe->knows_processor = options->processor != 0;
	if (probe->quirks != 0)
		iommu_log(probe->platform, IOMMU_LOG_INFO, iommu_vtd_name,
			  "the host forces quirks");
	machine.subject = CHIPSET;
	if (read_function(probe, 0, 0, &machine.function))
		apply(&probe->quirks, &machine);
	machine.subject = PROCESSOR;
	machine.function = (struct function){.id = options->processor};
	apply(&probe->quirks, &machine);
	return 0;
}

/* --- Units ------------------------------------------------------------------------------------ */

/* What the unit reports, as it is. */
static void correct(struct vtd_unit *unit)
{
	struct vtd_capabilities *caps = &unit->caps;

	if (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_WRITE_BUFFER))
		caps->write_buffer = true;
	if (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_NO_INTERRUPT_REMAPPING))
		caps->interrupt_remapping = caps->x2apic = caps->posted_interrupts = false;
	if (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_NO_PROTECTED_MEMORY))
		caps->protected_memory = false;
	if (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_ADDRESS_MASK) && caps->max_address_mask > 9)
		caps->max_address_mask = 9;
}

/* The empty root table, while there is still time to refuse. */
static int prepare_to_keep(struct vtd_unit *unit)
{
	if (!vtd_has_quirk(unit, IOMMU_VTD_QUIRK_KEEP_TRANSLATING) || unit->empty_root != NULL)
		return 0;
	unit->empty_root = iommu_vtd_pages_alloc(unit, 0);
	if (unit->empty_root == NULL)
		return IOMMU_ENOMEM;
	vtd_flush(unit, unit->empty_root, IOMMU_PAGE_SIZE);
	return 0;
}

/*
 * A unit hangs when it is turned off because it waits for requests that are under way: not one that
 * does not wait, and only one for graphics alone.
 */
static void apply_behind(struct vtd_unit *unit, const struct function *function)
{
	const struct candidate device = {
		.subject = BEHIND,
		.probe = unit->probe,
		.unit = unit,
		.name = unit->base.name,
		.excluded = unit->record.drhd.include_all || unit->caps.drain == 0
				    ? IOMMU_VTD_QUIRK_KEEP_TRANSLATING
				    : 0,
		.function = *function,
	};

	apply(&unit->quirks, &device);
}

/* Only devices on a bus whose number firmware knows: none that is below a bridge. */
static void apply_scopes(struct vtd_unit *unit)
{
	struct iommu_dmar_scope scope = {0};
	struct function function;

	iommu_dmar_for_each_scope (&unit->table->dmar, &unit->record, &scope) {
		const uint16_t id =
			vtd_source_id((uint8_t)scope.start_bus, iommu_dmar_hop_device(&scope, 0),
				      iommu_dmar_hop_function(&scope, 0));

		if (scope.type == DMAR_SCOPE_ENDPOINT && scope.hops == 1 &&
		    read_function(unit->probe, unit->record.segment, id, &function))
			apply_behind(unit, &function);
	}
}

int iommu_vtd_quirks_of_unit(struct vtd_unit *unit)
{
	struct vtd_probe *probe = unit->probe;
	const unsigned int unknown = IOMMU_VTD_QUIRK_WRITABLE_PARENTS & ~probe->quirks_ignored;

	unit->quirks = probe->quirks;
	apply_scopes(unit);
	if (!probe->knows_processor && unit->caps.nested && !unit->caps.caching_mode &&
	    (unknown & ~unit->quirks) != 0) {
		unit->quirks |= unknown;
		vtd_log(unit, IOMMU_LOG_INFO,
			"the processor is unknown: parents of nested domains map nothing for "
			"reading only");
	}
	correct(unit);
	return prepare_to_keep(unit);
}

void iommu_vtd_quirks_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->empty_root == NULL)
		return;
	/* A unit that is gone reads as all ones, and may come back. */
	if (unit->registers != NULL && (vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_TE) != 0)
		vtd_log(unit, IOMMU_LOG_WARNING,
			"reads an empty root table for good: its page stays");
	else
		platform->free_pages(platform->ctx, unit->empty_root, 0);
	unit->empty_root = NULL;
}

/* --- Endpoints -------------------------------------------------------------------------------- */

static bool identify(const struct vtd_endpoint *endpoint, struct function *function)
{
	const struct iommu_endpoint_info *info = &endpoint->base->info;

	if (info->vendor == 0)
		return read_function(endpoint->unit->probe, info->segment, info->physical_function,
				     function);
	*function = (struct function){
		.id = (uint32_t)info->device << 16 | info->vendor,
		.class_code = info->class_code,
		.revision = info->revision,
		.segment = info->segment,
		.source_id = info->source_id,
	};
	return true;
}

int iommu_vtd_quirks_of_endpoint(struct vtd_endpoint *endpoint)
{
	struct vtd_unit *unit = endpoint->unit;
	struct candidate device = {
		.subject = ENDPOINT,
		.probe = unit->probe,
		.unit = unit,
		.name = endpoint->base->name,
	};

	endpoint->quirks = unit->probe->quirks;
	if (endpoint->base->is_alias || !identify(endpoint, &device.function))
		return 0;
	/* What it says of itself is believed where that takes nothing from others. */
	if (endpoint->base->info.untrusted)
		device.excluded = IOMMU_VTD_QUIRK_WRONG_UNIT;
	apply(&endpoint->quirks, &device);
	if (endpoint->base->info.untrusted)
		return 0;
	if (vtd_has_quirk(endpoint, IOMMU_VTD_QUIRK_WRONG_UNIT))
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_ENODEV,
					   "firmware names a unit for it that is not its own");
	apply_behind(unit, &device.function);
	return prepare_to_keep(unit);
}

/* --- Units that stay on ----------------------------------------------------------------------- */

static bool translates(const struct vtd_unit *unit)
{
	const uint32_t gsts = vtd_read32(unit, VTD_GSTS);

	return gsts != UINT32_MAX && (gsts & VTD_GLOBAL_TE) != 0;
}

static int empty_the_root(struct vtd_unit *unit)
{
	const uint64_t mode = vtd_read64(unit, VTD_RTADDR) & VTD_RTADDR_MODE;
	int status;

	vtd_write64(unit, VTD_RTADDR, iommu_virt_to_phys(unit->platform, unit->empty_root) | mode);
	status = iommu_vtd_command_once(unit, VTD_GLOBAL_SRTP);
	/* What was cached of the tables before, and of what devices keep, is to be forgotten. */
	return status == 0 ? iommu_vtd_invalidate_all(unit) : status;
}

int iommu_vtd_stop_translating(struct vtd_unit *unit)
{
	const bool was_active = iommu_unit_is_active(&unit->state);
	int status;

	if (unit->empty_root == NULL || !translates(unit))
		return iommu_vtd_command_clear(unit, VTD_GLOBAL_TE);
	status = iommu_vtd_queue_hold(unit);
	if (status != 0)
		return status;
	/* A unit that walks nothing of ours is told nothing: see iommu_batch_execute. */
	if (!was_active)
		iommu_unit_set_active(&unit->state, true);
	status = empty_the_root(unit);
	if (!was_active)
		iommu_unit_set_active(&unit->state, false);
	if (!was_active && status == 0)
		status = iommu_vtd_queue_release(unit);
	return status;
}

int iommu_vtd_make_way(struct vtd_unit *unit)
{
	const uint64_t mode = vtd_is_scalable(unit) ? VTD_RTADDR_SCALABLE : VTD_RTADDR_LEGACY;

	if (unit->empty_root == NULL)
		return iommu_vtd_command_clear(unit, VTD_GLOBAL_TE);
	if ((vtd_read64(unit, VTD_RTADDR) & VTD_RTADDR_MODE) == mode)
		return 0;
	return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
			  "it was left on in another mode, and must not be turned off");
}

/* A parent may get devices behind any unit. */
bool iommu_vtd_parents_are_writable(const struct vtd_probe *probe)
{
	struct vtd_unit *unit = NULL;

	while ((unit = iommu_vtd_next_unit(probe->iommu, unit)) != NULL)
		if (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_WRITABLE_PARENTS))
			return true;
	return false;
}

bool iommu_vtd_must_stay_on(const struct vtd_unit *unit)
{
	return unit->empty_root != NULL && translates(unit);
}

#endif
