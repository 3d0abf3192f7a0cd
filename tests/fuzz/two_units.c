/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver's calls in any order, and their oracle.
 *
 * The oracle is that of return values: after a call that returned 0 a device reaches only frames
 * that are, or may be, mapped in a domain that it was, or may have been, told to use, by the unit
 * or by what it keeps; a unit that is off lets nothing pass; what a map that returned 0 has mapped
 * is reached as long as nothing has failed; hardware reads no page that was given back; and with
 * hardware that is well again everything can be unmapped, detached and released.
 */
#include "two_units.h"
#include "test_contract.h"

#define OPERATIONS 96U

const uint32_t pasids[PASIDS] = {0, 1, 5, 300, WITH_0};

struct two_units t;

unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

int seen(int status)
{
	FUZZ_CHECK(status <= 0);
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO || status == IOMMU_ENOMEM)
		t.is_troubled = true;
	return status;
}

bool is_open(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* --- The machine ------------------------------------------------------------------------------ */

static bool is_memory(iommu_paddr_t paddr, size_t size)
{
	if (paddr < MEMORY || paddr - MEMORY > ARENA - size)
		return false;
	FUZZ_CHECK(t.is_page[(paddr - MEMORY) / PAGE]);
	return true;
}

bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&t.platform, paddr), size);
	return true;
}

bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(iommu_phys_to_virt(&t.platform, paddr), bytes, size);
	return true;
}

bool compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t *at = iommu_phys_to_virt(&t.platform, paddr);

	(void)ctx;
	if (!is_memory(paddr, 8) || *at != iommu_le64(expected))
		return false;
	*at = iommu_le64(desired);
	return true;
}

void misuse(void *ctx, const char *text)
{
	(void)ctx;
	/* A driver that has given up to wait for a switch goes on. */
	if (t.is_troubled)
		return;
	fprintf(stderr, "# %s\n", text);
	FUZZ_CHECK(false);
}

bool forget(const struct forgetting *what)
{
	unsigned int i, n;

	for (i = 0; i < DEVICES; i++) {
		struct device *device = &t.devices[i];

		if (device->unit != what->unit || device->id != what->id)
			continue;
		if (device->silent)
			return false;
		for (n = 0; n < KEPT; n++) {
			struct kept *kept = &device->kept[n];
			const bool is_of = what->all_pasids ? kept->pasid != 0 || what->or_none
							    : kept->pasid == what->pasid;

			if (is_of && (what->size == 0 ||
				      (kept->address <= what->address + (what->size - 1) &&
				       what->address <= kept->address + (kept->size - 1))))
				kept->used = false;
		}
	}
	return true;
}

/* --- The driver's services -------------------------------------------------------------------- */

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *pages;

	if (t.odds != 0 && below(t.odds) == 0)
		return NULL;
	pages = t.alloc_pages(ctx, order, node, flags);
	if (pages != NULL)
		memset(&t.is_page[(iommu_virt_to_phys(&t.platform, pages) - MEMORY) / PAGE], true,
		       (size_t)1 << order);
	return pages;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	memset(&t.is_page[(iommu_virt_to_phys(&t.platform, pages) - MEMORY) / PAGE], false,
	       (size_t)1 << order);
	t.free_pages(ctx, pages, order);
}

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)size;
	test_contract_no_lock(ctx, "map_mmio");
	return (void *)(uintptr_t)paddr;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)registers;
	(void)size;
	test_contract_no_lock(ctx, "unmap_mmio");
}

static uint64_t at_of(const volatile void *reg)
{
	return (uintptr_t)reg - REGISTERS;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)hardware_read(at_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return hardware_read(at_of(reg), 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	hardware_write(at_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	hardware_write(at_of(reg), 8, value);
}

/* Time passes with each look at it. */
static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return t.now += 20000000;
}

/* One thread alone: no lock is contended, so that what spins waits for hardware. */
static void relax(void *ctx)
{
	test_contract_no_lock(ctx, "relax");
}

static void no_log(void *ctx, enum iommu_log_level level, const char *text)
{
	(void)ctx;
	test_contract_log(level, text);
}

static void make_platform(void)
{
	FUZZ_CHECK(iommu_hosted_init(&t.hosted, NULL, ARENA, MEMORY) == 0);
	test_contract_hosted(&t.hosted);
	t.platform = t.hosted.platform;
	t.alloc_pages = t.platform.alloc_pages;
	t.free_pages = t.platform.free_pages;
	t.platform.alloc_pages = alloc_pages;
	t.platform.free_pages = free_pages;
	t.platform.map_mmio = map_mmio;
	t.platform.unmap_mmio = unmap_mmio;
	t.platform.mmio_read32 = read32;
	t.platform.mmio_read64 = read64;
	t.platform.mmio_write32 = write32;
	t.platform.mmio_write64 = write64;
	t.platform.now_ns = now_ns;
	t.platform.relax = relax;
	t.platform.log = no_log;
}

/* --- What may be ------------------------------------------------------------------------------ */

static bool may_reach_by(unsigned int d, uint64_t address, iommu_paddr_t paddr)
{
	const unsigned int slot = (unsigned int)((address - BASE) / PAGE);
	const uint64_t frame = (paddr - t.frames) / PAGE;

	if (t.is_identity[d])
		return paddr == address;
	if (t.has_parent[d])
		d = t.parent[d];
	return frame < FRAMES && (t.may[d][slot] >> frame & 1) != 0;
}

static bool may_reach(const struct device *device, unsigned int pasid, uint64_t address,
		      iommu_paddr_t paddr)
{
	unsigned int told = device->told[pasid], d;

	if (pasid == PASIDS - 1)
		told = device->told[0] & (is_pasid_0_none ? ~0U : 1U << PROCESSES);
	/* A guest's processes. */
	if (pasid == 1 || pasid == 2)
		told |= device->told[0] & 1U << PROCESSES;
	for (d = 0; d < DOMAINS; d++)
		if ((told >> d & 1) != 0 && may_reach_by(d, address, paddr))
			return true;
	return false;
}

static struct asked asked_of(const struct device *device, unsigned int pasid, uint64_t address)
{
	return (struct asked){
		.unit = device->unit,
		.id = device->id,
		.has_pasid = pasid != 0,
		.pasid = pasids[pasid] & ~WITH_0,
		.address = address,
		.access = IOMMU_PROT_READ,
	};
}

static bool is_reached(const struct asked *asked, iommu_paddr_t *paddr)
{
	struct found found;

	if (!hardware_translate(asked, &found))
		return false;
	FUZZ_CHECK(!t.is_off[asked->unit] && !t.is_asleep[asked->unit]);
	*paddr = found.paddr;
	return true;
}

static void check_slot(const struct device *device, unsigned int pasid, unsigned int slot)
{
	const uint64_t address = BASE + slot * PAGE;
	const struct asked asked = asked_of(device, pasid, address);
	const unsigned int d = device->uses - 1;
	iommu_paddr_t paddr = 0;
	const bool passes = is_reached(&asked, &paddr);

	FUZZ_CHECK(!passes || may_reach(device, pasid, address, paddr));
	if (pasid != 0 || t.is_troubled || device->was_silent || t.is_off[device->unit] ||
	    t.is_asleep[device->unit] || device->uses == 0 || t.sure[d][slot] == 0)
		return;
	FUZZ_CHECK(passes && paddr == t.frames + (t.sure[d][slot] - 1) * PAGE);
}

/* By what it keeps; a translated request may say the PASID, or not. */
static void check_kept(const struct device *device, const struct kept *kept)
{
	struct asked asked = asked_of(device, 0, kept->paddr);
	unsigned int pasid = 0, with;
	iommu_paddr_t paddr;

	if (!kept->used)
		return;
	while (pasids[pasid] != kept->pasid)
		pasid++;
	asked.how = TRANSLATED;
	for (with = 0; with < 2; with++) {
		asked.has_pasid = with != 0 && pasid != 0;
		asked.pasid = asked.has_pasid ? kept->pasid & ~WITH_0 : 0;
		if (is_reached(&asked, &paddr))
			FUZZ_CHECK(may_reach(device, pasid, kept->address, paddr));
	}
}

static void check(unsigned int round)
{
	unsigned int i, n;

	for (i = 0; i < DEVICES; i++) {
		const struct device *device = &t.devices[i];

		if (t.is_lost[device->unit])
			continue;
		for (n = round % 4; n < SLOTS; n += 4)
			check_slot(device, 0, n);
		check_slot(device, 1 + round % (PASIDS - 1), round * 5 % SLOTS);
		for (n = 0; n < KEPT; n++)
			check_kept(device, &device->kept[n]);
		hardware_check(device);
	}
	test_contract_no_lock(&t.hosted, "a call");
}

/* --- Domains ---------------------------------------------------------------------------------- */

void store(iommu_paddr_t at, uint64_t value)
{
	*(uint64_t *)iommu_phys_to_virt(&t.platform, at) = iommu_le64(value);
}

static void write_tables(void)
{
	t.frame_pages = t.platform.alloc_pages(t.platform.ctx, 5, IOMMU_NODE_ANY, 0);
	t.table_pages = t.platform.alloc_pages(t.platform.ctx, 3, IOMMU_NODE_ANY, 0);
	FUZZ_CHECK(t.frame_pages != NULL && t.table_pages != NULL);
	t.frames = iommu_virt_to_phys(&t.platform, t.frame_pages);
	t.guest = iommu_virt_to_phys(&t.platform, t.table_pages);
	t.host = t.guest + 4 * PAGE;
	hardware_write_tables();
}

static int make_own(unsigned int d, struct iommu_unit *unit)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING,  IOMMU_DOMAIN_PAGING,
						       IOMMU_DOMAIN_PAGING,  IOMMU_DOMAIN_PAGING,
						       IOMMU_DOMAIN_DMA,     IOMMU_DOMAIN_DMA,
						       IOMMU_DOMAIN_BLOCKED, IOMMU_DOMAIN_IDENTITY};
	const unsigned int type = below(8);
	const struct iommu_domain_config config = {
		.max_table_pages = below(8) == 0 ? 3 + below(8) : 0,
		.stage = (enum iommu_stage)below(3),
		.dirty_tracking = below(3) == 0,
		.nest_parent = below(2) == 0,
		.pgsize_bitmap = below(8) == 0 ? 4096 : 0,
	};
	int status;

	t.is_identity[d] = types[type] == IOMMU_DOMAIN_IDENTITY;
	status = seen(iommu_domain_alloc(unit, types[type], &config, &t.domains[d]));
	/* Where a guest would have its tables. */
	if (status == 0 && !t.is_identity[d] && config.nest_parent)
		(void)seen(iommu_map(t.domains[d], GUEST, t.guest, 4 * PAGE, RW));
	if (status == 0)
		hardware_made(d);
	return status;
}

static int make_foreign(unsigned int d, struct iommu_unit *unit)
{
	struct iommu_domain_config config = {.user_data = NULL};
	const enum iommu_domain_type type = hardware_foreign(d, &config);
	unsigned int slot;
	int status;

	t.has_parent[d] = type == IOMMU_DOMAIN_NESTED;
	if (t.has_parent[d]) {
		t.parent[d] = below(OWN);
		config.parent = t.domains[t.parent[d]];
		if (config.parent == NULL)
			return IOMMU_ENOENT;
	}
	status = seen(iommu_domain_alloc(unit, type, &config, &t.domains[d]));
	for (slot = 0; slot < SLOTS && status == 0 && !t.has_parent[d]; slot++)
		t.may[d][slot] = 1U << slot;
	return status;
}

/* May a device have been told to use it? */
static bool is_told(unsigned int d)
{
	unsigned int i, pasid, told = 0;

	for (i = 0; i < DEVICES; i++)
		for (pasid = 0; pasid < PASIDS; pasid++)
			told |= t.devices[i].told[pasid];
	return (told >> d & 1) != 0;
}

static void is_told_no_longer(unsigned int d)
{
	unsigned int i, pasid;

	for (i = 0; i < DEVICES; i++) {
		for (pasid = 0; pasid < PASIDS; pasid++)
			t.devices[i].told[pasid] &= ~(1U << d);
		if (t.devices[i].uses == d + 1)
			t.devices[i].uses = 0;
	}
}

/*
 * What was mapped in it, and in what is nested in it, is reached no longer. That of an identity
 * domain, or of a nested one alone, says nothing of memory: only what took the devices away does.
 */
static void forget_domain(unsigned int d)
{
	unsigned int n;

	t.domains[d] = NULL;
	hardware_gone(d);
	if (t.is_identity[d] || t.has_parent[d])
		return;
	is_told_no_longer(d);
	for (n = OWN; n < DOMAINS; n++)
		if (t.has_parent[n] && t.parent[n] == d)
			is_told_no_longer(n);
	memset(t.may[d], 0, sizeof(t.may[d]));
	memset(t.sure[d], 0, sizeof(t.sure[d]));
}

static void make_domain(void)
{
	const unsigned int d = below(DOMAINS);
	struct iommu_unit *unit = t.unit[below(UNITS)];

	if (t.domains[d] == NULL) {
		if (is_told(d))
			return;
		if ((d < OWN ? make_own(d, unit) : make_foreign(d, unit)) != 0)
			t.domains[d] = NULL;
		return;
	}
	if (seen(iommu_domain_free(t.domains[d])) == 0)
		forget_domain(d);
}

static unsigned int any_range(unsigned int *first)
{
	const unsigned int count = 1 + below(8);

	*first = below(SLOTS);
	return count < SLOTS - *first ? count : SLOTS - *first;
}

/* A call that returned 0 has confirmed what the domain's earlier calls have left open, too. */
static void confirm(unsigned int d)
{
	unsigned int slot;

	for (slot = 0; slot < SLOTS; slot++)
		t.may[d][slot] = t.sure[d][slot] != 0 ? 1U << (t.sure[d][slot] - 1) : 0;
}

static void map(void)
{
	const unsigned int d = below(OWN);
	unsigned int first, i;
	const unsigned int count = any_range(&first), frame = below(FRAMES - count + 1);
	int status;

	if (t.domains[d] == NULL)
		return;
	status = seen(iommu_map(t.domains[d], BASE + first * PAGE, t.frames + frame * PAGE,
				count * PAGE, RW));
	for (i = 0; i < count && (status == 0 || is_open(status)); i++) {
		t.may[d][first + i] |= 1U << (frame + i);
		t.sure[d][first + i] = status == 0 ? (uint8_t)(frame + i + 1) : 0;
	}
	if (status == 0)
		confirm(d);
}

static int unmap_gathered(struct iommu_domain *domain, unsigned int first, unsigned int count,
			  unsigned int flags)
{
	struct iommu_gather gather;
	unsigned int i;
	int status = 0, sync;

	iommu_gather_init(&gather);
	/* In two parts, and the rear one first. */
	for (i = 0; i < 2 && status == 0; i++) {
		const unsigned int half = i != 0 ? count / 2 : count - count / 2;

		if (half != 0)
			status = iommu_unmap_gather(
				domain, BASE + (first + (i == 0 ? count / 2 : 0)) * PAGE,
				half * PAGE, flags, &gather, NULL);
	}
	sync = iommu_sync_gather(domain, &gather);
	return sync != 0 ? sync : status;
}

static void unmap(void)
{
	const unsigned int d = below(OWN);
	unsigned int first, i;
	const unsigned int count = any_range(&first), how = fuzz_byte(&t.input);
	const unsigned int flags = (how & 1) != 0 ? (unsigned int)IOMMU_UNMAP_SPLIT : 0U;
	const bool is_gathered = (how & 6) == 6;
	uint64_t unmapped;
	int status;

	if (t.domains[d] == NULL)
		return;
	if (is_gathered)
		status = seen(unmap_gathered(t.domains[d], first, count, flags));
	else
		status = seen(iommu_unmap(t.domains[d], BASE + first * PAGE, count * PAGE, flags,
					  (how & 8) != 0 ? &unmapped : NULL));
	/* Of two parts one may have been unmapped. */
	for (i = first; i < first + count && (status == 0 || is_gathered || is_open(status)); i++)
		t.sure[d][i] = 0;
	if (status == 0)
		confirm(d);
}

static void use_domain(void)
{
	const unsigned int which = fuzz_byte(&t.input);
	const unsigned int d = below(DOMAINS);
	uint64_t words[1] = {0}, request[2];
	struct iommu_dirty_bitmap bitmap = {words, BASE, SLOTS, 12};
	unsigned int done;

	if (t.domains[d] == NULL)
		return;
	switch (below(4)) {
	case 0:
		(void)seen(iommu_domain_set_dirty_tracking(t.domains[d], fuzz_flag(&t.input)));
		break;
	case 1:
		(void)seen(iommu_domain_read_dirty(t.domains[d], BASE, SLOTS * PAGE, below(2),
						   &bitmap));
		break;
	case 2:
		hardware_request(which, request);
		(void)seen(iommu_domain_invalidate_user(t.domains[d], request, sizeof(request), 1,
							&done));
		break;
	default:
		(void)seen(iommu_domain_invalidate_range(t.domains[d], BASE + below(SLOTS) * PAGE,
							 below(4) * PAGE));
		break;
	}
}

/* --- Devices ---------------------------------------------------------------------------------- */

static void ask(void)
{
	struct device *device = &t.devices[below(DEVICES)];
	const unsigned int pasid = below(PASIDS);
	const uint64_t address = BASE + below(SLOTS) * PAGE;
	struct asked asked = asked_of(device, pasid, address);
	struct found found;

	asked.how = TRANSLATION_REQUEST;
	if (device->is_ats_off || t.is_lost[device->unit] || !hardware_translate(&asked, &found) ||
	    found.prot == 0)
		return;
	device->kept[device->next++ % KEPT] = (struct kept){
		.used = true,
		.pasid = pasids[pasid],
		.address = address,
		.size = PAGE,
		.paddr = found.paddr & ~(PAGE - 1),
	};
}

static void attach(void)
{
	struct device *device = &t.devices[below(DEVICES)];
	const unsigned int d = below(DOMAINS);
	int status;

	if (device->endpoint == NULL)
		return;
	if (below(4) == 0) {
		status = seen(iommu_domain_detach_group(device->group));
		device->uses = 0;
		device->is_detached[0] = is_open(status);
		if (status == 0)
			device->told[0] = 0;
		return;
	}
	if (t.domains[d] == NULL)
		return;
	status = seen(iommu_domain_attach_group(t.domains[d], device->group));
	device->is_detached[0] = false;
	if (status == 0) {
		device->told[0] = 1U << d;
		device->uses = iommu_endpoint_is_in_reset(device->endpoint) ? 0 : d + 1;
	} else if (is_open(status)) {
		device->told[0] |= 1U << d;
		device->uses = 0;
	}
}

static void attach_pasid(void)
{
	struct device *device = &t.devices[below(DEVICES)];
	const unsigned int d = below(DOMAINS), pasid = 1 + below(PASIDS - 2);
	struct iommu_pasid_handle *next = &device->handles[pasid][!device->handle[pasid]];
	int status;

	if (device->endpoint == NULL || t.domains[d] == NULL)
		return;
	if (below(3) == 0) {
		status = seen(iommu_domain_detach_pasid(device->group, pasids[pasid]));
		device->is_detached[pasid] = is_open(status);
		if (status == 0)
			device->told[pasid] = 0;
		return;
	}
	status = seen(fuzz_flag(&t.input) ? iommu_domain_attach_pasid(t.domains[d], device->group,
								      pasids[pasid], next)
					  : iommu_domain_replace_pasid(t.domains[d], device->group,
								       pasids[pasid], next));
	device->is_detached[pasid] = false;
	if (status == 0) {
		device->told[pasid] = 1U << d;
		device->handle[pasid] = !device->handle[pasid];
	} else if (is_open(status)) {
		device->told[pasid] |= 1U << d;
	}
}

static int probe(unsigned int i)
{
	struct device *device = &t.devices[i];
	const struct iommu_endpoint_info info = {
		.source_id = (uint16_t)device->id,
		.segment = (uint16_t)device->unit,
		.device_tlb = true,
		.tlb_queue_depth = 8,
		.tlb_global_invalidate = i != 0,
		.max_pasids = 1U << 16,
		.page_requests = 8,
	};
	const int status = seen(iommu_probe_endpoint(t.iommu, &info, &device->endpoint));

	if (status == 0)
		device->group = iommu_endpoint_group(device->endpoint);
	else
		device->endpoint = NULL;
	return status;
}

static void release_or_probe(void)
{
	const unsigned int i = below(DEVICES);
	struct device *device = &t.devices[i];

	if (device->endpoint == NULL) {
		(void)probe(i);
		return;
	}
	device->uses = 0;
	if (seen(iommu_release_endpoint(device->endpoint)) != 0)
		return;
	/* Its ATS is off before that, and it keeps nothing. */
	memset(device->kept, 0, sizeof(device->kept));
	memset(device->told, 0, sizeof(device->told));
	memset(device->is_detached, 0, sizeof(device->is_detached));
	memset(device->handle, 0, sizeof(device->handle));
	device->endpoint = NULL;
}

static void use_features(void)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS,
						      IOMMU_FEATURE_PAGE_REQUESTS};
	struct device *device = &t.devices[below(DEVICES)];
	const enum iommu_feature feature = features[below(3)];

	if (device->endpoint == NULL)
		return;
	if (below(3) != 0) {
		if (seen(iommu_endpoint_enable_feature(device->endpoint, feature)) == 0 &&
		    feature == IOMMU_FEATURE_ATS)
			device->is_ats_off = false;
		return;
	}
	/* In the device it is off before: it keeps nothing. */
	if (feature == IOMMU_FEATURE_ATS) {
		memset(device->kept, 0, sizeof(device->kept));
		device->is_ats_off = true;
	}
	(void)seen(iommu_endpoint_disable_feature(device->endpoint, feature));
}

/* What the host does to the device itself: it keeps nothing, and answers again. */
static void be_reset(struct device *device)
{
	memset(device->kept, 0, sizeof(device->kept));
	device->silent = false;
	device->was_silent = false;
}

/* It may be blocked from now on, until it was reset, and calls return 0. */
static void fall_silent(struct device *device)
{
	device->silent = true;
	device->was_silent = true;
}

static void change_mind(struct device *device)
{
	device->silent = false;
	if (below(8) == 0)
		fall_silent(device);
}

static void reset_device(void)
{
	struct device *device = &t.devices[below(DEVICES)];

	if (device->endpoint == NULL)
		return;
	device->uses = 0;
	if (iommu_endpoint_is_in_reset(device->endpoint)) {
		(void)seen(iommu_endpoint_reset_end(device->endpoint));
	} else if (below(2) == 0) {
		if (seen(iommu_endpoint_reset_begin(device->endpoint)) == 0)
			be_reset(device);
	} else {
		be_reset(device);
		if (seen(iommu_endpoint_was_reset(device->endpoint)) == 0)
			device->told[0] = 0;
	}
}

static void ask_for_page(void)
{
	const struct device *device = &t.devices[below(DEVICES)];
	const unsigned int pasid = below(PASIDS);
	struct asked asked = asked_of(device, pasid, BASE + below(SLOTS) * PAGE);
	const unsigned int group = below(4);

	asked.access = RW;
	if (!t.is_lost[device->unit])
		hardware_ask_for_page(&asked, group, fuzz_flag(&t.input));
}

/* --- Units ------------------------------------------------------------------------------------ */

/* Units that do not sleep are left alone. */
static void resume(void)
{
	const bool slept[UNITS] = {t.is_asleep[0], t.is_asleep[1]};
	unsigned int u;
	int status;

	t.is_asleep[0] = t.is_asleep[1] = false;
	status = seen(iommu_resume(t.iommu));
	for (u = 0; u < UNITS && status == 0; u++)
		t.is_lost[u] = t.is_lost[u] && !slept[u];
}

/* An enable that returned 0 has confirmed what was detached before. */
static void enable(unsigned int u)
{
	unsigned int i, pasid;

	/* It resumes the unit, too. */
	t.is_off[u] = t.is_asleep[u] = false;
	if (seen(iommu_unit_enable(t.unit[u])) != 0)
		return;
	t.is_lost[u] = false;
	for (i = 0; i < DEVICES; i++)
		for (pasid = 0; pasid < PASIDS && t.devices[i].unit == u; pasid++)
			if (t.devices[i].is_detached[pasid])
				t.devices[i].told[pasid] = 0;
}

static void use_units(void)
{
	const unsigned int u = below(UNITS);
	bool lost;

	switch (below(8)) {
	case 0:
		if (seen(iommu_unit_disable(t.unit[u])) == 0)
			t.is_off[u] = true;
		break;
	case 1:
	case 2:
		enable(u);
		break;
	case 3:
		/* If it fails, all are awake. */
		t.is_asleep[0] = t.is_asleep[1] = seen(iommu_suspend(t.iommu)) == 0;
		if (t.is_asleep[0])
			hardware_slept();
		break;
	case 4:
		resume();
		break;
	case 5:
		(void)iommu_unit_handle_faults(t.unit[u], &lost);
		break;
	default:
		(void)iommu_unit_handle_page_requests(t.unit[u], &lost);
		break;
	}
}

static void misbehave(void)
{
	hardware_misbehave();
	t.odds = below(4) == 0 ? 2 + below(16) : 0;
}

static void behave(void)
{
	unsigned int u;

	for (u = 0; u < UNITS; u++)
		hardware_behave(u);
	t.odds = 0;
}

static void operate(void)
{
	switch (below(24)) {
	case 0:
	case 1:
		make_domain();
		break;
	case 2:
	case 3:
	case 4:
		map();
		break;
	case 5:
	case 6:
	case 7:
		unmap();
		break;
	case 8:
	case 9:
	case 10:
		attach();
		break;
	case 11:
	case 12:
		attach_pasid();
		break;
	case 13:
	case 14:
	case 15:
		ask();
		break;
	case 16:
		use_features();
		break;
	case 17:
		use_domain();
		break;
	case 18:
		hardware_call();
		break;
	case 19:
		reset_device();
		break;
	case 20:
		use_units();
		break;
	case 21:
		if (below(2) == 0)
			release_or_probe();
		else
			ask_for_page();
		break;
	case 22:
		misbehave();
		break;
	default:
		behave();
		change_mind(&t.devices[below(DEVICES)]);
		break;
	}
}

/* --- A run ------------------------------------------------------------------------------------ */

static void make_unit(unsigned int u)
{
	FUZZ_CHECK(iommu_hosted_init(&t.models[u], NULL, 8 << 20, 0) == 0);
	hardware_begin(u);
}

static void begin_driver(void)
{
	unsigned int i;

	make_platform();
	write_tables();
	FUZZ_CHECK(iommu_create(&t.platform, &t.iommu) == 0);
	for (i = 0; i < UNITS; i++)
		make_unit(i);
	for (i = 0; i < DEVICES; i++) {
		t.devices[i].unit = i / 2;
		t.devices[i].id = 8 * (i + 1);
		FUZZ_CHECK(probe(i) == 0);
	}
	for (i = 0; i < UNITS; i++)
		FUZZ_CHECK(iommu_unit_enable(t.unit[i]) == 0);
	if (below(4) == 0)
		return;
	for (i = 0; i < DEVICES; i++) {
		const unsigned int how = fuzz_byte(&t.input);

		if ((how & 1) != 0)
			(void)seen(iommu_endpoint_enable_feature(t.devices[i].endpoint,
								 IOMMU_FEATURE_PASID));
		if ((how & 2) != 0)
			(void)seen(iommu_endpoint_enable_feature(t.devices[i].endpoint,
								 IOMMU_FEATURE_ATS));
		if ((how & 0xfc) == 0xfc)
			fall_silent(&t.devices[i]);
	}
	for (i = 1 + below(4); i != 0; i--) {
		make_domain();
		map();
		attach();
		attach_pasid();
		ask();
	}
}

static void take_away(struct device *device)
{
	unsigned int pasid;

	for (pasid = 1; pasid < PASIDS - 1; pasid++)
		FUZZ_CHECK(!is_open(iommu_domain_detach_pasid(device->group, pasids[pasid])));
	FUZZ_CHECK(iommu_domain_detach_group(device->group) == 0);
	memset(device->told, 0, sizeof(device->told));
	device->uses = 0;
}

/* … and nothing is reached any longer, by what devices keep neither. */
static void check_all(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		check(i);
}

/* Identity and blocked domains refuse an unmap. */
static void empty(unsigned int d)
{
	const int status = iommu_unmap(t.domains[d], BASE, SLOTS * PAGE, IOMMU_UNMAP_SPLIT, NULL);

	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	if (status != 0)
		return;
	memset(t.sure[d], 0, sizeof(t.sure[d]));
	confirm(d);
}

/* By hardware that answers again, everything can be taken down. */
static void end_driver(void)
{
	unsigned int i, d;

	behave();
	for (i = 0; i < DEVICES; i++)
		t.devices[i].silent = false;
	if (t.is_asleep[0] || t.is_asleep[1])
		FUZZ_CHECK(iommu_resume(t.iommu) == 0);
	for (i = 0; i < UNITS; i++) {
		/* One that was reset is to be started anew. */
		if (t.is_lost[i])
			FUZZ_CHECK(iommu_unit_disable(t.unit[i]) == 0);
		FUZZ_CHECK(iommu_unit_enable(t.unit[i]) == 0);
		t.is_off[i] = t.is_asleep[i] = t.is_lost[i] = false;
	}
	check_all();
	for (d = 0; d < OWN; d++)
		if (t.domains[d] != NULL)
			empty(d);
	check_all();
	for (i = 0; i < DEVICES; i++)
		if (t.devices[i].endpoint != NULL)
			take_away(&t.devices[i]);
	check_all();
	for (i = 0; i < DEVICES; i++)
		if (t.devices[i].endpoint != NULL)
			FUZZ_CHECK(iommu_release_endpoint(t.devices[i].endpoint) == 0);
	/* What is nested goes before its parent. */
	for (d = DOMAINS; d-- != 0;)
		if (t.domains[d] != NULL)
			FUZZ_CHECK(iommu_domain_free(t.domains[d]) == 0);
	FUZZ_CHECK(iommu_destroy(t.iommu) == 0);
	t.platform.free_pages(t.platform.ctx, t.frame_pages, 5);
	t.platform.free_pages(t.platform.ctx, t.table_pages, 3);
	FUZZ_CHECK(t.hosted.pages_in_use == 0);
	for (i = 0; i < UNITS; i++) {
		hardware_end(i);
		FUZZ_CHECK(t.models[i].pages_in_use == 0);
		iommu_hosted_destroy(&t.models[i]);
	}
	iommu_hosted_destroy(&t.hosted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned int i;

	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_driver();
	for (i = 0; i < OPERATIONS && !fuzz_is_done(&t.input); i++) {
		operate();
		check(i);
	}
	end_driver();
	return 0;
}
