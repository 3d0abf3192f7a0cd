/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that firmware claims for devices (RMRR), and which claims are accepted.
 *
 * A device with a claim reaches that memory while nothing is attached. So each claim is judged
 * once, when its endpoint is probed, and the answer is logged. The host is asked first; what it
 * leaves open is decided here.
 *
 * A claim and the library's own tables never overlap. A page that becomes a table ends all claims
 * to it that no endpoint has yet; a claim that an endpoint has keeps the page from becoming a
 * table. The list of claims is made with the probe and never changes; their states are atomic.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "base/text.h"
#include "vtd/endpoint.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_REGIONS

#define CLASS_DISPLAY    0x03
#define CLASS_ISA_BRIDGE 0x0601
#define CLASS_USB        0x0c03
#define ISA_WINDOW_LAST  0xffffffULL

/*
 * Of all regions of a device together. In real machines' tables display devices claim up to 1 GiB,
 * which graphics made when the machine started, and can be told to take 2; all others below 3 MiB.
 */
#define BYTES_MAX         (256ULL << 20)
#define DISPLAY_BYTES_MAX (4ULL << 30)

enum claim_state {
	CLAIM_OPEN = 0,
	CLAIM_OF_DEVICE, /* a device has it */
	CLAIM_ENDED,     /* the library has a table there, or a unit its registers */
};

struct vtd_claim {
	struct iommu_list_node link;
	iommu_paddr_t start, last;
	uint32_t state; /* enum claim_state, atomic */
};

/* A region that an endpoint has. */
struct region {
	struct iommu_list_node link;
	struct iommu_region region;
};

static struct vtd_claim *claim_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct vtd_claim, link);
}

static bool overlap(iommu_paddr_t start, iommu_paddr_t last, iommu_paddr_t other_start,
		    iommu_paddr_t other_last)
{
	return start <= other_last && other_start <= last;
}

/* --- Claims ----------------------------------------------------------------------------------- */

static int claim_add(struct vtd_probe *probe, iommu_paddr_t start, iommu_paddr_t last)
{
	struct vtd_claim *claim = iommu_object_alloc(&probe->claim_cache, 0);

	if (claim == NULL)
		return IOMMU_ENOMEM;
	claim->start = start;
	claim->last = last;
	iommu_list_insert(&probe->claims, &claim->link);
	return 0;
}

void iommu_vtd_claims_init(struct vtd_probe *probe)
{
	iommu_list_init(&probe->claims);
	iommu_object_cache_init(&probe->claim_cache, probe->platform, sizeof(struct vtd_claim));
	iommu_object_cache_init(&probe->region_cache, probe->platform, sizeof(struct region));
}

int iommu_vtd_claims_make(struct vtd_probe *probe)
{
	struct iommu_dmar_record record = {0};
	int status = 0;

	while (status == 0 && iommu_dmar_next(&probe->main->dmar, &record))
		if (record.type == DMAR_RMRR)
			status = claim_add(probe, record.rmrr.start, record.rmrr.last);
	if (status == 0 && (probe->flags & IOMMU_VTD_ISA_WINDOW) != 0)
		status = claim_add(probe, 0, ISA_WINDOW_LAST);
	return status;
}

void iommu_vtd_claims_free(struct vtd_probe *probe)
{
	while (!iommu_list_is_empty(&probe->claims)) {
		struct vtd_claim *claim = claim_of(probe->claims.next);

		iommu_list_remove(&claim->link);
		iommu_object_free(&probe->claim_cache, claim);
	}
}

/* The state of a claim, which is this one from now on if it was open. */
static uint32_t decide(struct vtd_claim *claim, enum claim_state state)
{
	uint32_t before = CLAIM_OPEN;

	(void)__atomic_compare_exchange_n(&claim->state, &before, (uint32_t)state, false,
					  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	return before == CLAIM_OPEN ? (uint32_t)state : before;
}

bool iommu_vtd_claims_leave(void *ctx, iommu_paddr_t start, uint64_t size)
{
	struct vtd_probe *probe = ctx;
	struct iommu_list_node *node;

	iommu_list_for_each (node, &probe->claims) {
		struct vtd_claim *claim = claim_of(node);

		if (overlap(start, start + (size - 1), claim->start, claim->last) &&
		    decide(claim, CLAIM_ENDED) == CLAIM_OF_DEVICE)
			return false;
	}
	return true;
}

/*
 * Give a device all claims that overlap a region; false: the library's own tables, or registers,
 * are there.
 */
static bool claims_take(struct vtd_probe *probe, iommu_paddr_t start, iommu_paddr_t last)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &probe->claims) {
		struct vtd_claim *claim = claim_of(node);

		if (overlap(start, last, claim->start, claim->last) &&
		    decide(claim, CLAIM_OF_DEVICE) == CLAIM_ENDED)
			return false;
	}
	return true;
}

/* --- What is believed ------------------------------------------------------------------------- */

/* What is wrong with a region for any device; NULL: nothing. */
static const char *never_accepted(const struct vtd_unit *unit, iommu_paddr_t start,
				  iommu_paddr_t last)
{
	const unsigned int guest_width = unit->caps.guest_width;

	if (last >> unit->output_width != 0 || (guest_width < 64 && last >> guest_width != 0))
		return IOMMU_LOG_TEXT(
			"refused, the unit cannot address it: the device is blocked from it");
	if (overlap(start, last, VTD_INTERRUPT_RANGE_START, VTD_INTERRUPT_RANGE_LAST))
		return IOMMU_LOG_TEXT("refused, writes there are interrupts");
	return NULL;
}

/* What is wrong with it unless the host knows better. `bytes`: what the device has already. */
static const char *not_accepted(const struct iommu_endpoint_info *info, iommu_paddr_t start,
				iommu_paddr_t last, uint64_t bytes)
{
	const uint64_t most =
		info->class_code >> 16 == CLASS_DISPLAY ? DISPLAY_BYTES_MAX : BYTES_MAX;

	if (info->untrusted)
		return IOMMU_LOG_TEXT("refused, the device is not trusted");
	if (bytes >= most || last - start >= most - bytes)
		return IOMMU_LOG_TEXT("refused, it is too large");
	return NULL;
}

/* Ask the host, which may make the region smaller. */
static const char *ask(const struct vtd_endpoint *endpoint, struct iommu_region *region,
		       uint64_t bytes)
{
	const struct vtd_probe *probe = endpoint->unit->probe;
	const struct iommu_endpoint_info *info = &endpoint->base->info;
	enum iommu_vtd_region_answer answer = IOMMU_VTD_REGION_DEFAULT;
	const struct iommu_region claimed = *region;
	const char *reason;

	if (probe->firmware_region != NULL)
		answer = probe->firmware_region(probe->firmware_region_ctx, info, &region->start,
						&region->last);
	if (answer == IOMMU_VTD_REGION_REFUSE)
		return IOMMU_LOG_TEXT("refused by the host");
	if (region->start > region->last || region->start < claimed.start ||
	    region->last > claimed.last ||
	    ((region->start | (region->last + 1)) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_LOG_TEXT("refused, the host's answer is no part of it");
	reason = never_accepted(endpoint->unit, region->start, region->last);
	if (reason == NULL && answer != IOMMU_VTD_REGION_ACCEPT)
		reason = not_accepted(info, region->start, region->last, bytes);
	return reason;
}

#if IOMMU_CONFIG_LOG

static size_t append_address(char *line, size_t size, size_t used, uint64_t address)
{
	used = iommu_line_append(line, size, used, "0x");
	if (address >> 32 != 0)
		used = iommu_line_append_hex(line, size, used, (unsigned int)(address >> 32), 1);
	return iommu_line_append_hex(line, size, used, (unsigned int)address,
				     address >> 32 != 0 ? 8 : 1);
}

static void log_region(const struct vtd_endpoint *endpoint, const struct iommu_region *region,
		       const char *refusal)
{
	char line[160];
	size_t used = iommu_line_append(line, sizeof(line), 0, "firmware's region ");

	used = append_address(line, sizeof(line), used, region->start);
	used = iommu_line_append(line, sizeof(line), used, " to ");
	used = append_address(line, sizeof(line), used, region->last);
	used = iommu_line_append(line, sizeof(line), used, ": ");
	(void)iommu_line_append(line, sizeof(line), used, refusal != NULL ? refusal : "accepted");
	iommu_log(endpoint->unit->platform, refusal != NULL ? IOMMU_LOG_WARNING : IOMMU_LOG_INFO,
		  endpoint->base->name, line);
}

#else
#define log_region(endpoint, region, refusal) ((void)(region))
#endif

/* One claim for the endpoint; *bytes: what it has. */
static int consider(struct vtd_endpoint *endpoint, struct iommu_region region, uint64_t *bytes)
{
	struct vtd_probe *probe = endpoint->unit->probe;
	const struct iommu_region claimed = region;
	const char *refusal = ask(endpoint, &region, *bytes);
	struct region *own;

	if (refusal == NULL && !claims_take(probe, region.start, region.last))
		refusal = IOMMU_LOG_TEXT(
			"refused, the library's own tables or a unit's registers are there");
	log_region(endpoint, refusal != NULL ? &claimed : &region, refusal);
	if (refusal != NULL)
		return 0;
	own = iommu_object_alloc(&probe->region_cache, 0);
	if (own == NULL)
		return IOMMU_ENOMEM;
	own->region = region;
	iommu_list_insert(&endpoint->regions, &own->link);
	*bytes += region.last - region.start + 1;
	return 0;
}

/* --- The regions of an endpoint --------------------------------------------------------------- */

/* Regions that firmware uses only until a driver has taken over. */
static bool is_relaxable(const struct iommu_endpoint_info *info)
{
	return info->class_code >> 8 == CLASS_USB || info->class_code >> 16 == CLASS_DISPLAY;
}

void iommu_vtd_regions_forget(struct vtd_endpoint *endpoint)
{
	while (!iommu_list_is_empty(&endpoint->regions)) {
		struct region *own =
			iommu_container_of(endpoint->regions.next, struct region, link);

		iommu_list_remove(&own->link);
		iommu_object_free(&endpoint->unit->probe->region_cache, own);
	}
}

/* Old devices behind a bridge to ISA reach the first 16 MiB without asking. */
static bool has_isa_window(const struct vtd_endpoint *endpoint)
{
	return (endpoint->unit->probe->flags & IOMMU_VTD_ISA_WINDOW) != 0 &&
	       endpoint->base->info.class_code >> 8 == CLASS_ISA_BRIDGE;
}

int iommu_vtd_regions_decide(struct vtd_endpoint *endpoint)
{
	const struct iommu_endpoint_info *info = &endpoint->base->info;
	const struct iommu_dmar *dmar = &endpoint->unit->probe->main->dmar;
	struct iommu_dmar_record record = {0};
	struct iommu_region region = {.prot = IOMMU_PROT_READ_WRITE};
	uint64_t bytes = 0;
	int status = 0;

	iommu_vtd_regions_forget(endpoint);
	/* Firmware knows no virtual functions, and an id is none of its devices. */
	if (endpoint->base->is_alias || iommu_is_virtual_function(info))
		return 0;
	region.type = is_relaxable(info) ? IOMMU_REGION_DIRECT_RELAXABLE : IOMMU_REGION_DIRECT;
	while (status == 0 && iommu_dmar_next(dmar, &record)) {
		if (record.type != DMAR_RMRR || !iommu_vtd_scope_names(dmar, &record, info))
			continue;
		region.start = record.rmrr.start;
		region.last = record.rmrr.last;
		status = consider(endpoint, region, &bytes);
	}
	region.type = IOMMU_REGION_DIRECT_RELAXABLE;
	region.start = 0;
	region.last = ISA_WINDOW_LAST;
	if (status == 0 && has_isa_window(endpoint))
		status = consider(endpoint, region, &bytes);
	if (status != 0)
		iommu_vtd_regions_forget(endpoint);
	return status;
}

/* The region of this number; false: there are only *count. */
static bool find_region(const struct vtd_endpoint *own, unsigned int number, unsigned int *count,
			struct iommu_region *region)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &own->regions) {
		if ((*count)++ != number)
			continue;
		*region = iommu_container_of((uintptr_t)node, struct region, link)->region;
		return true;
	}
	return false;
}

#else

int iommu_vtd_regions_decide(struct vtd_endpoint *endpoint)
{
#if IOMMU_CONFIG_LOG
	const struct iommu_dmar *dmar = &endpoint->unit->probe->main->dmar;
	struct iommu_dmar_record record = {0};

	while (!endpoint->base->is_alias && iommu_dmar_next(dmar, &record))
		if (record.type == DMAR_RMRR &&
		    iommu_vtd_scope_names(dmar, &record, &endpoint->base->info))
			iommu_log(endpoint->unit->platform, IOMMU_LOG_WARNING, endpoint->base->name,
				  "firmware's region: refused, the library was built without");
#else
	(void)endpoint;
#endif
	return 0;
}

#define find_region(own, number, count, region) ((void)(own), false)

#endif

bool iommu_vtd_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			   struct iommu_region *region)
{
	const unsigned int wanted = (*cursor)++;
	unsigned int seen = 0;

	if (find_region(vtd_endpoint_of(endpoint), wanted, &seen, region))
		return true;
	if (wanted != seen)
		return false;
	*region = (struct iommu_region){
		.start = VTD_INTERRUPT_RANGE_START,
		.last = VTD_INTERRUPT_RANGE_LAST,
		.type = IOMMU_REGION_MSI,
	};
	return true;
}
