/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines on what was found, one for each unit and table. Lines are cut at their end, so the most
 * important facts come first.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/log.h"
#include "base/text.h"
#include "vtd/cap.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_LOG

#define LINE_SIZE 128

struct line {
	char text[LINE_SIZE];
	size_t used;
};

static void say(struct line *line, const char *text)
{
	line->used = iommu_line_append(line->text, sizeof(line->text), line->used, text);
}

static void say_number(struct line *line, unsigned int number)
{
	line->used = iommu_line_append_number(line->text, sizeof(line->text), line->used, number);
}

static void say_if(struct line *line, bool condition, const char *text)
{
	if (condition)
		say(line, text);
}

/* --- Units ------------------------------------------------------------------------------------ */

static void say_translation(struct line *line, const struct vtd_unit *unit)
{
	const struct vtd_capabilities *caps = &unit->caps;

	say(line, ", ");
	say_number(line, caps->guest_width);
	say(line, " address bits to ");
	say_number(line, unit->output_width);
	say(line, unit->scalable ? ", scalable mode" : ", legacy mode");
	say_if(line, unit->scalable && caps->first_stage, ", first stage");
	say_if(line, unit->scalable && caps->second_stage, ", second stage");
	say_if(line, unit->scalable && caps->nested, ", nesting");
	say_if(line, !caps->coherent, ", walks past the CPU caches");
	say_if(line, caps->caching_mode, ", caching mode");
}

void iommu_vtd_report_unit(const struct vtd_unit *unit)
{
	const struct vtd_capabilities *caps = &unit->caps;
	struct line line = {.used = 0};

	say(&line, "version ");
	say_number(&line, caps->version_major);
	say(&line, ".");
	say_number(&line, caps->version_minor);
	if (caps->translates)
		say_translation(&line, unit);
	else
		say(&line, ", remaps interrupts only: DMA behind it is not restricted");
	say(&line, unit->use_queue ? ", queue" : ", invalidation by registers");
	say_if(&line, caps->interrupt_remapping,
	       caps->x2apic ? ", interrupts with x2APIC" : ", interrupts");
	vtd_log(unit, IOMMU_LOG_INFO, line.text);
	if (caps->scalable && !unit->scalable)
		vtd_log(unit, IOMMU_LOG_INFO,
			(unit->probe->flags & IOMMU_VTD_LEGACY_MODE) != 0
				? "scalable mode is left off: the host wants legacy mode"
				: "scalable mode is left off: the unit was left on in legacy mode");
}

void iommu_vtd_report_enabled(struct vtd_unit *first)
{
	const struct iommu_platform *platform = first->platform;
	struct iommu *iommu = first->probe->iommu;
	struct vtd_unit *unit;

	for (unit = first; unit != NULL; unit = iommu_vtd_next_unit(iommu, unit)) {
		if (unit->base.enabled)
			vtd_log(unit, IOMMU_LOG_INFO, "translation is on");
		else if (unit->bypassed)
			vtd_log(unit, IOMMU_LOG_INFO,
				"bypassed: its display devices reach all memory");
		else if (unit->caps.translates)
			vtd_log(unit, IOMMU_LOG_INFO, "left off: no endpoint is known behind it");
	}
	if (iommu_translating(iommu) == 0)
		iommu_log(platform, IOMMU_LOG_WARNING, iommu_vtd_name,
			  "nothing was turned on: no endpoint is known, and no device's DMA is "
			  "restricted");
}

/* --- Tables ----------------------------------------------------------------------------------- */

/* By bit: what is wrong, and what is done about it. */
static const char *const defects[] = {
	"a structure's length is no length: it and all behind it are not seen",
	"a structure is too short: skipped",
	"a device scope's length is no length: it and those behind it are not seen",
	"a device scope has no path, or half a hop: skipped",
	"a device scope is of unknown type: skipped",
	"a unit has no register address",
	"a unit is described twice: the second is skipped",
	"two units take the rest of a segment: the first does",
	"a reserved region is not page-aligned: rounded outwards",
	"a reserved region ends before it begins: skipped",
	"a device's name does not end: skipped",
	"an affinity is for no unit: skipped",
	NULL, /* a type that is younger than this library is no defect */
	"the table's checksum is wrong: it may be damaged",
};

void iommu_vtd_report_table(const struct vtd_probe *probe, const struct iommu_dmar *dmar)
{
	unsigned int i;

	for (i = 0; i < sizeof(defects) / sizeof(defects[0]); i++)
		if ((dmar->defects >> i & 1) != 0 && defects[i] != NULL)
			iommu_log(probe->platform, IOMMU_LOG_WARNING, iommu_vtd_name,
				  IOMMU_WHY(defects[i]));
}

#endif
