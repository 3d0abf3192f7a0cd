/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end for tests of the core: it records its calls, in words, and returns what the test has
 * set.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <libiommu/backend/ops.h>
#include <libiommu/iommu.h>

#include "base/list.h"
#include "test_platform.h"

#define RECORDER_UNITS 2

struct recorder;

struct recording_unit {
	struct iommu_unit base;
	struct recorder *recorder;
	enum iommu_match match;
};

struct recorder {
	struct test_platform test;
	struct iommu *iommu;
	struct recording_unit units[RECORDER_UNITS];
	char calls[2048];
	/* What the next call of each kind returns. */
	int probe, attach, detach, map, unmap, sync, flush_all, sync_map, enable, disable,
		domain_alloc;
	int attach_pasid, detach_pasid, set_feature, page_response, confirm;
	bool is_open; /* an attach or a detach was not confirmed, and no `confirm` since */
	/* From the attach with this number, counted from 1, so many attaches return `attach`. */
	unsigned int attach_from, attach_failures;
	unsigned int map_from; /* maps from this number on return `map`; 0: all */
	unsigned int prot;     /* of the last map */
	uint64_t mapped[8][2]; /* sizes and addresses of the last maps */
	unsigned int maps;
	bool map_clears, unmap_clears; /* add something to the gather */
	bool pages_alone;              /* one page has a way of its own, which succeeds */
	bool with_ids;                 /* record which endpoint, too */
	unsigned int alive;            /* domains */
	const struct iommu_region *regions;
	unsigned int region_count;
	uint16_t region_of;         /* the source id with the regions; 0: all have them */
	const uint16_t *region_ids; /* or, for each region, the source id that has it */
	/* Domains record which of the pages below 64 are mapped, and refuse to map one twice. */
	bool tracks;
	const void *group_key; /* returned for all endpoints; NULL: by topology */
	bool needs_type;       /* default_type answers */
	enum iommu_domain_type needed_type;
	bool shared_identity;    /* one identity domain for all */
	bool identity_has_table; /* … or domains that have to be filled */
	struct iommu_domain *identity;
	bool has_pasids, has_dirty, has_tlbs;
	bool has_nesting;
	bool isolates_interrupts,
		remaps_interrupts; /* they are isolated; the unit could remap them */
	bool groups_alone; /* each endpoint has a group of its own, whatever the topology says */
	bool has_bypass;   /* domains with a bypass can be made */
	struct iommu_page_response responses[16];
	unsigned int response_count;
};

void recorder_init(struct recorder *recorder);
/* Fails the test if anything is left. */
void recorder_destroy(struct recorder *recorder);

struct iommu_endpoint *recorder_add(struct recorder *recorder, uint16_t source_id);
/* The same, with a device-TLB, PASIDs and page requests. */
struct iommu_endpoint *recorder_add_capable(struct recorder *recorder, uint16_t source_id);
struct iommu_domain *recorder_domain(struct recorder *recorder, enum iommu_domain_type type);
/* Bit n: page n is mapped in the domain. */
uint64_t recorder_pages(const struct iommu_domain *domain);

/* Fails the test unless exactly these calls were recorded; drops them. */
#define EXPECT_CALLS(recorder, expected)                                                           \
	do {                                                                                       \
		assert_string_equal((recorder)->calls, expected);                                  \
		(recorder)->calls[0] = '\0';                                                       \
	} while (0)

#endif
