/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on their way to an endpoint's handler (src/group/fault.c, lookup.c), while the handler is
 * replaced, or the endpoint goes: what belongs to a handler is not used once the call that took its
 * place has returned, a handler never gets what belongs to another, and an endpoint is freed behind
 * its users. Each plain access is a step, too.
 */
#include <string.h>

#include "explorer.h"
#include "group/group.h"

struct owner {
	iommu_fault_handler handler;
	bool is_gone;
	unsigned int faults;
};

static struct iommu iommu;
static const struct iommu_ops nothing_of_its_own;
static struct iommu_unit unit = {.ops = &nothing_of_its_own, .iommu = &iommu};
static struct iommu_endpoint *endpoint; /* in a page of its own */
static struct owner owners[2];
static unsigned int for_all; /* faults of no endpoint */

static void take(struct owner *owner, iommu_fault_handler handler)
{
	MUST(!owner->is_gone && owner->handler == handler);
	__atomic_add_fetch(&owner->faults, 1, __ATOMIC_SEQ_CST);
	MUST(!owner->is_gone);
}

static void first_handler(void *ctx, const struct iommu_fault *fault)
{
	MUST(fault->endpoint->info.source_id == 7);
	take(ctx, first_handler);
}

static void second_handler(void *ctx, const struct iommu_fault *fault)
{
	MUST(fault->endpoint->info.source_id == 7);
	take(ctx, second_handler);
}

static void handler_of_all(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	MUST(fault->endpoint == NULL);
	__atomic_add_fetch(&for_all, 1, __ATOMIC_SEQ_CST);
}

/* No fault here has a PASID. */
struct iommu_pasid_handle *iommu_group_find_pasid(struct iommu_group *group, uint32_t pasid)
{
	(void)group;
	(void)pasid;
	explore_violation("a PASID is looked up", __FILE__, __LINE__);
}

static void setup(void)
{
	memset(&iommu, 0, sizeof(iommu));
	memset(owners, 0, sizeof(owners));
	for_all = 0;
	owners[0].handler = first_handler;
	owners[1].handler = second_handler;
	iommu.platform = &explore_host;
	iommu_list_init(&iommu.endpoints);
	endpoint = explore_host.alloc_pages(NULL, 0, IOMMU_NODE_ANY, 0);
	endpoint->iommu = &iommu;
	endpoint->info.source_id = 7;
	iommu_list_insert(&iommu.endpoints, &endpoint->link);
	iommu_set_fault_handler(&iommu, handler_of_all, NULL);
	iommu_endpoint_set_fault_handler(endpoint, first_handler, &owners[0]);
}

static void report(void)
{
	struct iommu_fault fault = {.unit = &unit, .source_id = 7};

	iommu_report_fault(&iommu, &fault);
}

static void replaced(unsigned int thread)
{
	if (thread != 0) {
		report();
		return;
	}
	iommu_endpoint_set_fault_handler(endpoint, second_handler, &owners[1]);
	owners[0].is_gone = true;
}

/* As iommu_release_endpoint does: out of the list, and then behind the users. */
static void released(unsigned int thread)
{
	uintptr_t state;

	if (thread != 0) {
		report();
		return;
	}
	state = iommu_spin_lock(iommu.platform, &iommu.look_lock);
	iommu_list_remove(&endpoint->link);
	iommu_spin_unlock(iommu.platform, &iommu.look_lock, state);
	iommu_wait_for_users(endpoint);
	owners[0].is_gone = true;
	explore_host.free_pages(NULL, endpoint, 0);
	endpoint = NULL;
}

static void check(void)
{
	MUST(owners[0].faults + owners[1].faults + for_all >= 1);
	MUST(iommu.look_lock.taken == 0);
	MUST(endpoint == NULL || endpoint->users == 0);
}

static const struct exploration explorations[] = {
	{"replaced", 2, 4, setup, replaced, NULL, check, NULL},
	{"replaced, two faults", 3, 2, setup, replaced, NULL, check, NULL},
	{"released", 2, 4, setup, released, NULL, check, NULL},
	{"released, two faults", 3, 2, setup, released, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 4);
}
