/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attach against unmap (src/unit/domain.c, attach.c): a unit joins, or leaves and joins under
 * another id, while another CPU unmaps a page, and hardware, a thread of its own, reads the entry
 * that leads to the tables, walks them, and keeps what it found. Once the unmap has returned,
 * hardware keeps nothing of the page under any id.
 */
#include <string.h>

#include "explorer.h"
#include "unit/attach.h"
#include "unit/id.h"

#define PAGE      0x5000ULL
#define OTHER     0x6000ULL
#define IDS       4U
#define TRANSLATE 2 /* times that hardware does */

extern const struct iommu_pgtable_ops iommu_vtdss_ops;

static struct iommu_unit_set set;
static struct iommu_unit_state unit;
static struct iommu_placed domain;
static struct iommu_object_cache places;
static struct iommu_attached endpoint;
static uint64_t ids_taken[1], ids_withheld[1];
static struct iommu_ids ids = {.count = IDS, .taken = ids_taken, .withheld = ids_withheld};
static int home; /* what the place is at */

/* --- Hardware --------------------------------------------------------------------------------- */

/* The entry: the id, and 0 if it is absent. What it keeps of the page; what was forgotten since. */
static uint16_t entry;
static bool keeps[IDS];
static uint32_t forgotten[IDS];
static bool is_unmapped;

static void translate(void)
{
	const uint16_t id = __atomic_load_n(&entry, __ATOMIC_SEQ_CST);
	const uint32_t before = forgotten[id];
	iommu_paddr_t paddr;

	if (id == 0 || iommu_placed_iova_to_phys(&domain.base, PAGE, &paddr) != 0)
		return;
	/* An invalidation waits for walks that are under way, and their results are dropped. */
	if (__atomic_load_n(&forgotten[id], __ATOMIC_SEQ_CST) == before)
		keeps[id] = true;
}

static void forget(uint16_t id)
{
	__atomic_add_fetch(&forgotten[id], 1, __ATOMIC_SEQ_CST);
	keeps[id] = false;
}

static void look(void)
{
	unsigned int i;

	for (i = 0; is_unmapped && i < IDS; i++)
		MUST(!keeps[i]);
}

/* --- The family ------------------------------------------------------------------------------- */

static int tell(struct iommu_placed *told, const struct iommu_place *place, uint16_t id,
		const struct iommu_change *change)
{
	(void)told;
	(void)place;
	MUST(change->start <= PAGE && change->last >= PAGE);
	forget(id);
	return 0;
}

static int find(struct iommu_placed *found, void *at, struct iommu_place **place)
{
	*place = iommu_place_get(found, &places, &unit, at);
	MUST(*place != NULL);
	(*place)->ids = &ids;
	return 0;
}

static int join(struct iommu_placed *joined, void *at)
{
	(void)joined;
	(void)at;
	return 0;
}

static void left(struct iommu_placed *joined)
{
	(void)joined;
}

static int set_entry(struct iommu_attached *of, uint32_t pasid, struct iommu_placed *to,
		     uint16_t id)
{
	const uint16_t before = entry;

	(void)of;
	(void)pasid;
	__atomic_store_n(&entry, to != NULL ? id : 0, __ATOMIC_SEQ_CST);
	if (before != 0)
		forget(before);
	return 0;
}

static bool is_special(struct iommu_attached *of, const struct iommu_placed *with, uint32_t pasid)
{
	(void)of;
	(void)with;
	(void)pasid;
	return false;
}

static const struct iommu_place_ops place_ops = {
	.tell = tell, .find = find, .join = join, .left = left};
static const struct iommu_attach_ops attach_ops = {.set = set_entry, .is_special = is_special};

/* --- The scenario ----------------------------------------------------------------------------- */

static void setup(void)
{
	const struct iommu_pgtable_config config = {
		.platform = &explore_host,
		.levels = 3,
		.input_bits = 39,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_PAGE_SIZE,
	};
	struct iommu_gather gather;
	uint64_t mapped;

	memset(&domain, 0, sizeof(domain));
	memset(&endpoint, 0, sizeof(endpoint));
	memset(keeps, 0, sizeof(keeps));
	memset(forgotten, 0, sizeof(forgotten));
	entry = 0;
	is_unmapped = false;
	ids_taken[0] = ids_withheld[0] = 0;
	iommu_unit_set_init(&set);
	unit = (struct iommu_unit_state){.set = &set, .active = true};
	iommu_object_cache_init(&places, &explore_host, sizeof(struct iommu_place));
	iommu_placed_init(&domain, &place_ops, &explore_host, &set, NULL);
	domain.format = &iommu_vtdss_ops;
	MUST(domain.format->init(&domain.pgtable, &config) == 0);
	iommu_gather_init(&gather);
	MUST(domain.format->map(&domain.pgtable, PAGE, 0x10000, 2 * IOMMU_PAGE_SIZE,
				IOMMU_PROT_READ, &gather, &mapped) == 0);
	iommu_attached_init(&endpoint, &attach_ops, &home, NULL);
}

static void setup_attached(void)
{
	setup();
	MUST(iommu_attached_set(&endpoint, &domain) == 0);
}

static void unmap(void)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	iommu_gather_init(&gather);
	MUST(domain.format->unmap(&domain.pgtable, PAGE, IOMMU_PAGE_SIZE, 0, &gather, &unmapped) ==
	     0);
	MUST(iommu_placed_sync(&domain.base, &gather) == 0);
	is_unmapped = true;
}

static void hardware(void)
{
	unsigned int i;

	for (i = 0; i < TRANSLATE; i++)
		translate();
}

static void joins(unsigned int thread)
{
	if (thread == 0)
		unmap();
	else if (thread == 1)
		MUST(iommu_attached_set(&endpoint, &domain) == 0);
	else
		hardware();
}

/* It leaves, another domain gets its id, and it comes back under another one. */
static void comes_back(unsigned int thread)
{
	if (thread == 0) {
		unmap();
	} else if (thread == 1) {
		MUST(iommu_attached_clear(&endpoint, false) == 0);
		iommu_ids_take(&ids, 1, 0);
		MUST(iommu_attached_set(&endpoint, &domain) == 0);
		MUST(entry == 2);
	} else {
		hardware();
	}
}

static void leaves(unsigned int thread)
{
	if (thread == 0)
		unmap();
	else if (thread == 1)
		MUST(iommu_attached_clear(&endpoint, false) == 0);
	else
		hardware();
}

static void check(void)
{
	iommu_paddr_t paddr;

	look();
	MUST(iommu_placed_iova_to_phys(&domain.base, PAGE, &paddr) == IOMMU_ENOENT);
	MUST(iommu_placed_iova_to_phys(&domain.base, OTHER, &paddr) == 0 && paddr == 0x11000);
	MUST(domain.places != NULL && domain.places->users == (entry != 0));
}

static const struct exploration explorations[] = {
	{"joins", 3, 3, setup, joins, look, check, NULL},
	{"leaves", 3, 3, setup_attached, leaves, look, check, NULL},
	{"comes back", 3, 3, setup_attached, comes_back, look, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 3);
}
