/* SPDX-License-Identifier: BSD-2-Clause */
#include "pci_reference.h"

#include <string.h>

#include "test.h"

struct ids {
	uint16_t ids[32];
	unsigned int count;
};

static int collect(void *ctx, uint16_t id)
{
	struct ids *ids = ctx;

	ids->ids[ids->count++] = id;
	return 0;
}

/* Where a function is plugged in. */
static const struct iommu_pci_function *body(const struct iommu_pci_topology *t, size_t i)
{
	size_t k;

	for (k = 0; k < t->count && (t->functions[i].flags & IOMMU_PCI_VIRTUAL) != 0; k++)
		if (iommu_pci_id(&t->functions[k]) == t->functions[i].physical_function)
			return &t->functions[k];
	return &t->functions[i];
}

static size_t above(const struct iommu_pci_topology *t, size_t i)
{
	size_t k;

	for (k = 0; k < t->count; k++)
		if (t->functions[k].secondary_bus != 0 &&
		    t->functions[k].secondary_bus == body(t, i)->bus)
			return k;
	return t->count;
}

/* Can requests of one carry an id of the other? */
static bool share_an_id(const struct iommu_pci_topology *t, size_t a, size_t b)
{
	struct ids of_a = {.count = 0};
	unsigned int i, k;

	(void)iommu_pci_for_each_alias(t, a, collect, &of_a);
	for (i = 0; i < of_a.count; i++) {
		if (of_a.ids[i] == iommu_pci_id(&t->functions[b]))
			return true;
		for (k = 0; k < t->functions[b].alias_count; k++)
			if (of_a.ids[i] == (t->functions[b].bus << 8 | t->functions[b].aliases[k]))
				return true;
	}
	return false;
}

/* A bridge above that takes ids for its own. */
static bool bridge_binds(const struct iommu_pci_topology *t, size_t low, size_t bridge)
{
	const struct iommu_pci_function *f = &t->functions[bridge];
	size_t at = above(t, low);

	while (at != t->count && at != bridge)
		at = above(t, at);
	return at == bridge && (f->flags & IOMMU_PCI_KEEPS_IDS) == 0 &&
	       (f->type == IOMMU_PCI_EXPRESS_TO_PCI || f->type == IOMMU_PCI_PCI_TO_EXPRESS ||
		f->type == IOMMU_PCI_CONVENTIONAL_BRIDGE);
}

/* --- A request on its way --------------------------------------------------------------------- */

/* It goes down to a function, by its address, or to anything below that. */
static void goes_down(const struct iommu_pci_topology *t, size_t to, bool *gets)
{
	size_t k;

	gets[to] = true;
	for (k = 0; k < t->count; k++)
		if (above(t, k) == to)
			goes_down(t, k, gets);
}

/* Redirected upwards, and nothing that undoes it? Bit by bit, as the register has them. */
static bool redirects(const struct iommu_pci_function *f, bool is_switch)
{
	static const uint16_t bits[] = {
		IOMMU_PCI_ACS_SOURCE_VALIDATION, IOMMU_PCI_ACS_REQUEST_REDIRECT,
		IOMMU_PCI_ACS_COMPLETION_REDIRECT, IOMMU_PCI_ACS_UPSTREAM_FORWARDING};
	size_t i;

	if ((f->flags & IOMMU_PCI_HAS_ACS) == 0 || (f->acs_control & 0x60) != 0)
		return false;
	for (i = 0; i < 4; i++)
		if ((f->acs_control & bits[i]) == 0 &&
		    (is_switch || (f->acs_capability & bits[i]) != 0))
			return false;
	return true;
}

static bool has_virtual(const struct iommu_pci_topology *t, size_t i)
{
	size_t k;

	for (k = 0; k < t->count; k++)
		if ((t->functions[k].flags & IOMMU_PCI_VIRTUAL) != 0 &&
		    body(t, k) == &t->functions[i])
			return true;
	return (t->functions[i].flags & IOMMU_PCI_VIRTUAL) != 0;
}

/* Are two functions parts of one device: by number, or on a link, which has only one? */
static bool one_device(const struct iommu_pci_topology *t, size_t a, size_t b)
{
	const struct iommu_pci_function *x = body(t, a), *y = body(t, b);
	const size_t port = above(t, a);

	if (x->bus != y->bus)
		return false;
	if (port != t->count && (t->functions[port].type == IOMMU_PCI_ROOT_PORT ||
				 t->functions[port].type == IOMMU_PCI_DOWNSTREAM_PORT))
		return true;
	return x->devfn >> 3 == y->devfn >> 3;
}

/* At a function, from it or from below: where else than up can the request go? */
static void turns_at(const struct iommu_pci_topology *t, size_t at, bool *gets)
{
	const struct iommu_pci_function *f = &t->functions[at];
	const bool is_port = f->type == IOMMU_PCI_ROOT_PORT || f->type == IOMMU_PCI_DOWNSTREAM_PORT;
	const bool is_express = is_port || f->type == IOMMU_PCI_ENDPOINT ||
				f->type == IOMMU_PCI_UPSTREAM_PORT ||
				f->type == IOMMU_PCI_INTEGRATED;
	const bool is_several = (f->flags & IOMMU_PCI_MULTIFUNCTION) != 0 ||
				(has_virtual(t, at) && (f->flags & IOMMU_PCI_HAS_ACS) != 0);
	size_t k;

	if ((f->flags & IOMMU_PCI_ISOLATED) != 0 ||
	    (is_express && redirects(f, f->type == IOMMU_PCI_DOWNSTREAM_PORT)) ||
	    (is_express && !is_port && !is_several))
		return;
	goes_down(t, at, gets);
	for (k = 0; k < t->count; k++) {
		if (f->type == IOMMU_PCI_DOWNSTREAM_PORT
			    ? body(t, k)->bus == body(t, at)->bus
			    : is_several && one_device(t, at, k) &&
				      ((f->flags & IOMMU_PCI_HAS_ACS) != 0 ||
				       (t->functions[k].flags & IOMMU_PCI_VIRTUAL) == 0))
			goes_down(t, k, gets);
	}
}

/* Who gets requests of a function that the IOMMU has not seen. */
static void send(const struct iommu_pci_topology *t, size_t from, bool *gets)
{
	size_t at;

	for (at = from; at != t->count; at = above(t, at))
		turns_at(t, at, gets);
}

/* Pair by pair, and then through each function in between (Warshall). */
void pci_reference(const struct iommu_pci_topology *t,
		   bool one[PCI_REFERENCE_MAX][PCI_REFERENCE_MAX])
{
	static bool gets[PCI_REFERENCE_MAX][PCI_REFERENCE_MAX];
	size_t a, b, c;

	memset(gets, 0, sizeof(gets));
	for (a = 0; a < t->count; a++)
		send(t, a, gets[a]);
	for (a = 0; a < t->count; a++) {
		bool alone = true;

		for (b = 0; b < t->count; b++) {
			one[a][b] = a == b || gets[a][b] || gets[b][a] || share_an_id(t, a, b) ||
				    share_an_id(t, b, a) || bridge_binds(t, a, b) ||
				    bridge_binds(t, b, a);
			alone = alone && !gets[a][b] && !gets[b][a];
		}
		assert_int_equal(iommu_pci_is_isolated(t, a), alone);
	}
	for (c = 0; c < t->count; c++)
		for (a = 0; a < t->count; a++)
			for (b = 0; b < t->count; b++)
				one[a][b] = one[a][b] || (one[a][c] && one[c][b]);
}
