/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI topologies of any shape: whether they are refused, the groups that they make (against a
 * reference that sends a request from each function, and in another order of the functions), ids,
 * requesters and routes; and configuration spaces whose registers lie, scanned and described.
 */
#include <libiommu/hw/pci_config.h>
#include <libiommu/pci.h>
#include <libiommu/status.h>

#include "fuzz.h"
#include "pci_reference.h"

#define MAX PCI_REFERENCE_MAX

/* --- Topologies ------------------------------------------------------------------------------- */

static bool is_bridge(enum iommu_pci_type type)
{
	return type != IOMMU_PCI_ENDPOINT && type != IOMMU_PCI_CONVENTIONAL &&
	       type != IOMMU_PCI_INTEGRATED && type != IOMMU_PCI_EVENT_COLLECTOR;
}

/* A tree of buses, mostly; `wild`: of which any field may be anything. */
static size_t make(struct fuzz_bytes *input, struct iommu_pci_function *functions, bool wild)
{
	const size_t count = 1 + fuzz_below(input, MAX);
	uint8_t buses = 1;

	for (size_t i = 0; i < count; i++) {
		struct iommu_pci_function *function = &functions[i];
		const unsigned int bits = fuzz_byte(input), more = fuzz_byte(input);
		size_t other;

		memset(function, 0, sizeof(*function));
		function->type = (enum iommu_pci_type)((bits & 15) % 10);
		function->bus = (uint8_t)(fuzz_byte(input) % buses);
		function->devfn = (uint8_t)(bits >> 4 << 3 | (more & 7));
		function->flags = more >> 3 & (IOMMU_PCI_MULTIFUNCTION | IOMMU_PCI_HAS_ACS);
		if ((more & 0xe0) == 0xe0)
			function->flags |= 1U << (2 + fuzz_below(input, 3));
		function->acs_capability = 0x1d;
		function->acs_control = (more & 0x60) == 0x40 ? 0 : 0x1d;
		if ((more & 0xe0) == 0x60) {
			function->acs_capability = (uint16_t)(fuzz_byte(input) & 127);
			function->acs_control = (uint16_t)(fuzz_byte(input) & 127);
		}
		if (is_bridge(function->type) && buses < 12)
			function->secondary_bus = buses++;
		if ((more & 0xe0) == 0xa0) {
			function->alias_count = (uint8_t)(1 + fuzz_below(input, 2));
			function->aliases[0] = (uint8_t)fuzz_byte(input);
			function->aliases[1] = (uint8_t)fuzz_byte(input);
		}
		other = fuzz_byte(input);
		if (other < i && function->secondary_bus == 0 &&
		    (functions[other].flags & IOMMU_PCI_VIRTUAL) == 0) {
			function->flags |= IOMMU_PCI_VIRTUAL;
			function->physical_function = iommu_pci_id(&functions[other]);
		}
		if (wild && fuzz_below(input, 4) == 0) {
			uint8_t *field = (uint8_t *)function;
			const size_t at = fuzz_byte(input) % sizeof(*function);

			/* An enumeration has none but its values; anything else may be anything. */
			if (at >= offsetof(struct iommu_pci_function, flags) ||
			    at < offsetof(struct iommu_pci_function, type))
				field[at] = (uint8_t)fuzz_byte(input);
		}
	}
	return count;
}

struct ids {
	const struct iommu_pci_topology *topology;
	uint16_t ids[64];
	unsigned int count;
};

static int collect(void *ctx, uint16_t id)
{
	struct ids *ids = ctx;

	FUZZ_CHECK(ids->count < 64);
	ids->ids[ids->count++] = id;
	return 0;
}

static bool matches(const struct iommu_pci_requester *r, uint16_t id)
{
	if (r->by_bus)
		return id >> 8 >= r->first_bus && id >> 8 <= r->last_bus;
	return ((id ^ r->id) & ~(0xffU << (3 - r->ignored_function_bits) & 7U)) == 0;
}

static void check_function(const struct iommu_pci_topology *t, size_t i)
{
	struct iommu_pci_requester requester;
	struct ids ids = {.topology = t};
	const size_t above = iommu_pci_bridge_above(t, i);

	FUZZ_CHECK(above <= t->count && above != i);
	FUZZ_CHECK(iommu_pci_for_each_alias(t, i, collect, &ids) == 0);
	FUZZ_CHECK(ids.count != 0 && ids.ids[0] == iommu_pci_id(&t->functions[i]));
	FUZZ_CHECK(iommu_pci_find_requester(t, i, &requester) == 0);
	FUZZ_CHECK(requester.ignored_function_bits <= 3);
	/* Where a bridge replaces ids only its own appears; else each is matched. */
	if (above == t->count)
		for (unsigned int k = 0; k < ids.count; k++)
			FUZZ_CHECK(matches(&requester, ids.ids[k]));
	for (size_t k = 0; k < t->count; k++) {
		const enum iommu_pci_route route = iommu_pci_find_route(t, i, k);

		FUZZ_CHECK(route <= IOMMU_PCI_ROUTE_HOST_BRIDGES);
		FUZZ_CHECK(i != k || route == IOMMU_PCI_ROUTE_BUS);
	}
}

/* Of one segment, as the reference has it. */
static bool has_reference(const struct iommu_pci_topology *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->functions[i].segment != 0)
			return false;
	return true;
}

static void check_groups(struct fuzz_bytes *input, const struct iommu_pci_topology *t)
{
	static bool one[MAX][MAX];
	struct iommu_pci_function shuffled[MAX];
	const struct iommu_pci_topology other = {shuffled, t->count};
	size_t groups[MAX], again[MAX], place[MAX];
	const int status = iommu_pci_groups(t, groups);

	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	for (size_t i = 0; i < t->count; i++)
		place[i] = i;
	for (size_t i = t->count - 1; i > 0; i--) {
		const size_t with = fuzz_byte(input) % (i + 1), held = place[i];

		place[i] = place[with];
		place[with] = held;
	}
	for (size_t i = 0; i < t->count; i++)
		shuffled[place[i]] = t->functions[i];
	FUZZ_CHECK(iommu_pci_groups(&other, again) == status);
	if (status != 0)
		return;
	if (has_reference(t))
		pci_reference(t, one);
	for (size_t i = 0; i < t->count; i++) {
		FUZZ_CHECK(groups[i] <= i && groups[groups[i]] == groups[i]);
		for (size_t k = 0; k < t->count; k++) {
			if (has_reference(t))
				FUZZ_CHECK((groups[i] == groups[k]) == one[i][k]);
			FUZZ_CHECK((groups[i] == groups[k]) ==
				   (again[place[i]] == again[place[k]]));
		}
		check_function(t, i);
	}
}

/* --- Configuration space ---------------------------------------------------------------------- */

#define SPACES    10U
#define FOUND_MAX 64U

static struct {
	uint16_t ids[SPACES];
	uint8_t bytes[SPACES][4096];
	unsigned int count, reads;
} c;

static uint32_t read_config(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	uint32_t value = 0;

	(void)ctx;
	c.reads++;
	FUZZ_CHECK(offset % 4 == 0 && offset < 4096);
	for (unsigned int i = 0; i < c.count; i++) {
		if (segment != 0 || c.ids[i] != id)
			continue;
		for (unsigned int k = 0; k < 4; k++)
			value |= (uint32_t)c.bytes[i][offset + k] << 8 * k;
		return value;
	}
	return UINT32_MAX;
}

static void put(uint8_t *bytes, unsigned int offset, uint32_t value)
{
	for (unsigned int k = 0; k < 4; k++)
		bytes[offset + k] = (uint8_t)(value >> 8 * k);
}

/* A device that reports capabilities of all kinds, each of which may lie. */
static void make_space(struct fuzz_bytes *input, unsigned int i)
{
	uint8_t *bytes = c.bytes[i];
	static const uint16_t kinds[] = {0x0d, 0x0e, 0x0f, 0x10, 0x13, 0x1b, 0x01, 0x23};
	const bool is_bridge_here = fuzz_flag(input);
	unsigned int offset = 0x100;

	memset(bytes, 0, 4096);
	c.ids[i] = (uint16_t)(fuzz_below(input, 6) << 8 | fuzz_below(input, 4) << 3 |
			      (fuzz_flag(input) ? fuzz_below(input, 8) : 0));
	put(bytes, 0, 0x56781234);
	put(bytes, 4, 0x00100000);
	put(bytes, 8, fuzz_flag(input) ? 0x02000001 : (uint32_t)fuzz_number(input, 4));
	bytes[0x0e] = (uint8_t)((is_bridge_here ? 1 : 0) | (fuzz_flag(input) ? 0x80 : 0));
	if (is_bridge_here)
		put(bytes, 0x18,
		    (uint32_t)(fuzz_byte(input) % 8) << 16 | (uint32_t)(fuzz_byte(input) % 7) << 8 |
			    c.ids[i] >> 8);
	bytes[0x34] = 0x50;
	put(bytes, 0x50, 0x00000010 | (uint32_t)fuzz_below(input, 12) << 20 | 2U << 16);
	put(bytes, 0x54, fuzz_byte(input));
	put(bytes, 0x58, fuzz_byte(input));
	put(bytes, 0x50 + 0x24, 0x20);
	for (unsigned int left = fuzz_below(input, 6); left != 0; left--, offset += 64) {
		const unsigned int next = left == 1 ? 0 : offset + 64;

		put(bytes, offset, kinds[fuzz_below(input, 8)] | 1U << 16 | next << 20);
		for (unsigned int word = 4; word < 48; word += 4)
			put(bytes, offset + word,
			    fuzz_flag(input) ? fuzz_byte(input) : fuzz_byte(input) << 16);
	}
	for (unsigned int lies = fuzz_below(input, 4); lies != 0; lies--)
		bytes[fuzz_number(input, 2) % 0x400] = (uint8_t)fuzz_byte(input);
}

static void check_found(const struct iommu_pci_config *config, struct iommu_pci_function *functions,
			size_t count, struct fuzz_bytes *input)
{
	const struct iommu_pci_topology topology = {functions, count};
	size_t groups[FOUND_MAX];

	/* What a scan has found is a topology that can be used. */
	FUZZ_CHECK(iommu_pci_groups(&topology, groups) == 0);
	for (size_t i = 0; i < count; i++) {
		struct iommu_endpoint_info info;
		const uint16_t wanted = iommu_pci_acs_wanted(&functions[i]);
		int status;

		FUZZ_CHECK((wanted & ~(functions[i].acs_control | functions[i].acs_capability)) ==
			   0);
		functions[i].acs_control = wanted;
		status = iommu_pci_describe(config, &topology, i, fuzz_below(input, 16), &info);
		FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL || status == IOMMU_ENODEV ||
			   status == IOMMU_ERANGE);
		if (status == 0)
			FUZZ_CHECK(info.path_length <= IOMMU_PCI_PATH_MAX &&
				   info.source_id == iommu_pci_id(&functions[i]) &&
				   info.phantom_bits <= 3 && info.page_requests <= 512 &&
				   (info.max_pasids & (info.max_pasids - 1)) == 0);
	}
	FUZZ_CHECK(iommu_pci_groups(&topology, groups) == 0);
}

static void scan(struct fuzz_bytes *input)
{
	const struct iommu_pci_config config = {.read = read_config};
	struct iommu_pci_function functions[FOUND_MAX];
	size_t count = 0;

	memset(&c, 0, sizeof(c));
	c.count = 1 + fuzz_below(input, SPACES);
	for (unsigned int i = 0; i < c.count; i++)
		make_space(input, i);
	for (unsigned int roots = 1 + fuzz_below(input, 2); roots != 0; roots--) {
		const size_t room = fuzz_flag(input) ? FOUND_MAX : count + fuzz_below(input, 4);
		const size_t before = count;
		const int status =
			iommu_pci_scan(&config, 0, (uint8_t)fuzz_below(input, 4), functions,
				       room > FOUND_MAX ? FOUND_MAX : room, &count);

		FUZZ_CHECK(status == 0 || status == IOMMU_ENOSPC || status == IOMMU_EEXIST);
		FUZZ_CHECK(status == 0 ? count >= before : count == before);
	}
	check_found(&config, functions, count, input);
	/* Every function of every bus, and the lists of each, once or twice. */
	FUZZ_CHECK(c.reads < 4 * (256 * 256 + 2048 * SPACES));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_bytes input = {bytes, size};
	struct iommu_pci_function functions[MAX];
	struct iommu_pci_topology topology = {functions, 0};
	const unsigned int mode = fuzz_below(&input, 4);

	if (mode == 3) {
		scan(&input);
		return 0;
	}
	topology.count = make(&input, functions, mode == 2);
	check_groups(&input, &topology);
	return 0;
}
