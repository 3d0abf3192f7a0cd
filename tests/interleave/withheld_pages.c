/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is withheld of a domain (src/unit/confirmation.c, domain.c): CPUs unmap a range each, with
 * the table below it; some are not confirmed, and the others invalidate what is withheld together
 * with their own. A table is freed once hardware has forgotten the range it was in, and a range of
 * which hardware still keeps something stays withheld.
 */
#include <string.h>

#include "explorer.h"
#include "unit/domain.h"

#define RANGE  (1ULL << 21) /* of one lowest table */
#define RANGES 3U           /* at most: one of each CPU */

extern const struct iommu_pgtable_ops iommu_vtdss_ops;

static struct iommu_unit_set set;
static struct iommu_unit_state unit;
static struct iommu_placed domain;
static struct iommu_place place;
static int home;
/* Hardware keeps the table of a range, and may walk it. */
static bool keeps[RANGES];
static void *tables[RANGES];
/* Calls of so many CPUs are not confirmed, from the first on, once each. */
static unsigned int failing, cpus;
static bool has_failed[RANGES];

static void look(void)
{
	unsigned int i;

	for (i = 0; i < RANGES; i++)
		MUST(!keeps[i] || explore_is_page(tables[i]));
}

static int tell(struct iommu_placed *told, const struct iommu_place *at, uint16_t id,
		const struct iommu_change *change)
{
	const unsigned int cpu = explore_is_running() ? explore_thread() : RANGES;
	unsigned int i;

	(void)told;
	(void)at;
	(void)id;
	if (cpu < failing && !has_failed[cpu]) {
		has_failed[cpu] = true;
		return IOMMU_ETIMEDOUT;
	}
	for (i = 0; i < RANGES; i++)
		if (change->start <= i * RANGE && change->last >= i * RANGE + (RANGE - 1) &&
		    !change->leaves_only)
			__atomic_store_n(&keeps[i], false, __ATOMIC_SEQ_CST);
	return 0;
}

static const struct iommu_place_ops place_ops = {.tell = tell};

static void map_all(void)
{
	unsigned int i;

	for (i = 0; i < cpus; i++) {
		struct iommu_gather gather;
		uint64_t mapped;
		unsigned int before = explore_pages();

		iommu_gather_init(&gather);
		MUST(domain.format->map(&domain.pgtable, i * RANGE, 0x10000, IOMMU_PAGE_SIZE,
					IOMMU_PROT_READ, &gather, &mapped) == 0);
		MUST(explore_pages() == before + (i == 0 ? 2 : 1));
		tables[i] = explore_last_page();
		keeps[i] = true;
	}
}

static void setup(void)
{
	const struct iommu_pgtable_config config = {
		.platform = &explore_host,
		.levels = 3,
		.input_bits = 39,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_PAGE_SIZE,
	};

	memset(&domain, 0, sizeof(domain));
	memset(tables, 0, sizeof(tables));
	memset(keeps, 0, sizeof(keeps));
	memset(has_failed, 0, sizeof(has_failed));
	iommu_unit_set_init(&set);
	unit = (struct iommu_unit_state){.set = &set, .active = true};
	place = (struct iommu_place){.unit = &unit, .at = &home, .users = 1, .id = 1};
	iommu_placed_init(&domain, &place_ops, &explore_host, &set, NULL);
	domain.places = &place;
	domain.format = &iommu_vtdss_ops;
	MUST(domain.format->init(&domain.pgtable, &config) == 0);
	map_all();
}

static void setup_one_of_two_fails(void)
{
	cpus = 2;
	failing = 1;
	setup();
}

static void setup_one_fails(void)
{
	cpus = 3;
	failing = 1;
	setup();
}

static void setup_two_fail(void)
{
	cpus = 3;
	failing = 2;
	setup();
}

static void run(unsigned int cpu)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	iommu_gather_init(&gather);
	MUST(domain.format->unmap(&domain.pgtable, cpu * RANGE, RANGE, 0, &gather, &unmapped) == 0);
	MUST((iommu_placed_sync(&domain.base, &gather) == 0) == (cpu >= failing));
	MUST(cpu < failing || !keeps[cpu]);
}

static void check(void)
{
	const struct iommu_gather *withheld = &domain.pages.gather;
	unsigned int i;

	for (i = 0; i < RANGES; i++)
		MUST(!keeps[i] ||
		     (domain.pages.any && withheld->tables_unlinked &&
		      withheld->start <= i * RANGE && withheld->last >= i * RANGE + (RANGE - 1)));
	/* One that is confirmed frees all that is withheld. */
	MUST(iommu_placed_sync_range(&domain, 0, 0xfff, true) == 0);
	look();
	for (i = 0; i < RANGES; i++)
		MUST(explore_is_page(tables[i]) == keeps[i]);
	MUST(!domain.pages.any);
}

static const struct exploration explorations[] = {
	{"one of two fails", 2, 4, setup_one_of_two_fails, run, look, check, NULL},
	{"one of three fails", 3, 2, setup_one_fails, run, look, check, NULL},
	{"two of three fail", 3, 2, setup_two_fail, run, look, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 3);
}
