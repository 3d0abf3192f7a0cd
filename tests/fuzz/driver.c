/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d driver, called in any order while allocations fail at random and hardware fails or lies,
 * on host services that check their contract: what is called with a spinlock held, what may sleep
 * where the caller may not, spin loops with a lock held, states of interrupts restored in order,
 * pages and registers given back.
 *
 * The oracle is that of return values: after a call that returned 0 a device reaches only frames
 * that are, or may be, mapped in a domain that it was, or may have been, told to use; what a map
 * that returned 0 has mapped is reached as long as nothing has failed; a buffer of the DMA API is
 * reached from its map to its unmap, and not after an unmap that returned 0.
 */
#include <libiommu/dma.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/vtd_interrupt.h>

#include "fuzz.h"
#include "test_contract.h"
#include "vtd_fixture.h"

#define DEVICES    3U
#define DOMAINS    4U
#define PASIDS     4U /* the first is none */
#define SLOTS      32U
#define FRAMES     64U
#define BASE       0x500000000ULL
#define BUFFERS    8U
#define BLOCKS     4U /* of interrupt entries */
#define OPERATIONS 96U

static struct {
	struct fuzz_bytes input;
	iommu_paddr_t frames; /* of device memory */
	struct iommu_domain *domains[DOMAINS];
	uint64_t may[DOMAINS][SLOTS];
	uint8_t sure[DOMAINS][SLOTS];
	unsigned int told[DEVICES];
	unsigned int uses[DEVICES]; /* 1 + the domain; 0: unknown, or none */
	bool is_there[DEVICES];
	/*
	 * Of PASIDs: two handles for each, of which one may be in use; and the domains that were
	 * told.
	 */
	struct iommu_pasid_handle handles[DEVICES][PASIDS][2];
	unsigned int handle[DEVICES][PASIDS], told_pasid[DEVICES][PASIDS];
	struct iommu_dma *dma;
	struct iommu_domain *dma_domain;
	struct {
		iommu_iova_t address;
		iommu_paddr_t paddr;
		uint64_t size;
		bool is_open; /* unmapped, not confirmed */
	} buffers[BUFFERS];
	struct iommu_vtd_interrupt blocks[BLOCKS];
	bool has_block[BLOCKS];
	bool is_atomic; /* the caller may not sleep */
	bool is_troubled, is_asleep;
	unsigned int odds; /* of an allocation: fails once in so many; 0: never */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*mutex_lock)(void *ctx, void *mutex);
} t;

static unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

static int seen(int status)
{
	FUZZ_CHECK(status <= 0);
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO || status == IOMMU_ENOMEM)
		t.is_troubled = true;
	return status;
}

static bool is_open(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* --- Services --------------------------------------------------------------------------------- */

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	FUZZ_CHECK(!t.is_atomic || (flags & IOMMU_ALLOC_ATOMIC) != 0);
	if (t.odds != 0 && below(t.odds) == 0)
		return NULL;
	return t.alloc_pages(ctx, order, node, flags);
}

static void mutex_lock(void *ctx, void *mutex)
{
	FUZZ_CHECK(!t.is_atomic);
	t.mutex_lock(ctx, mutex);
}

/* One thread alone: no lock is contended, so that what spins waits for hardware. */
static void relax(void *ctx)
{
	test_contract_no_lock(ctx, "relax");
}

static void check_services(void)
{
	t.alloc_pages = f.machine.platform.alloc_pages;
	t.mutex_lock = f.machine.platform.mutex_lock;
	f.machine.platform.alloc_pages = alloc_pages;
	f.machine.platform.mutex_lock = mutex_lock;
	f.machine.platform.relax = relax;
}

/* --- What may be ------------------------------------------------------------------------------ */

static void check_slot(unsigned int i, unsigned int slot)
{
	iommu_paddr_t paddr = 0;
	const bool passes = model_device_access(f.device[i], BASE + slot * 4096ULL, IOMMU_PROT_READ,
						&paddr) == 0;
	bool may = false;

	if (passes) {
		const uint64_t frame = (paddr - t.frames) >> 12;

		FUZZ_CHECK(frame < FRAMES);
		for (unsigned int d = 0; d < DOMAINS; d++)
			may = may ||
			      ((t.told[i] >> d & 1) != 0 && (t.may[d][slot] >> frame & 1) != 0);
		FUZZ_CHECK(may);
	}
	if (t.is_troubled || !t.is_there[i] || t.uses[i] == 0 || t.sure[t.uses[i] - 1][slot] == 0)
		return;
	FUZZ_CHECK(passes && (paddr - t.frames) >> 12 == t.sure[t.uses[i] - 1][slot] - 1U);
}

static void check_pasid(unsigned int i, uint32_t pasid, unsigned int slot)
{
	iommu_paddr_t paddr = 0;
	uint64_t frame;
	bool may = false;

	if (model_device_access_pasid(f.device[i], pasid, BASE + slot * 4096ULL, IOMMU_PROT_READ,
				      &paddr) != 0)
		return;
	frame = (paddr - t.frames) >> 12;
	FUZZ_CHECK(frame < FRAMES);
	for (unsigned int d = 0; d < DOMAINS; d++)
		may = may || ((t.told_pasid[i][pasid] >> d & 1) != 0 &&
			      (t.may[d][slot] >> frame & 1) != 0);
	FUZZ_CHECK(may);
}

/* Is it in a buffer that is mapped there, or that hardware has not confirmed to be gone? */
static bool is_in_buffer(iommu_iova_t address, iommu_paddr_t paddr)
{
	for (unsigned int k = 0; k < BUFFERS; k++) {
		const iommu_iova_t first = t.buffers[k].address & ~4095ULL;

		if (t.buffers[k].size != 0 && address - first < t.buffers[k].size + 4096 &&
		    (paddr & ~4095ULL) ==
			    (t.buffers[k].paddr & ~4095ULL) + ((address - first) & ~4095ULL))
			return true;
	}
	return false;
}

static void check_buffers(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < BUFFERS; k++) {
			iommu_paddr_t paddr = 0;

			if (t.buffers[k].address == 0 ||
			    model_device_access(f.device[i], t.buffers[k].address, IOMMU_PROT_READ,
						&paddr) != 0)
				continue;
			FUZZ_CHECK(is_in_buffer(t.buffers[k].address, paddr));
		}
}

static void check(unsigned int round)
{
	/* Behind a unit that is off a device reaches all of memory. */
	for (unsigned int k = 0; k < f.machine.unit_count; k++)
		if (t.is_asleep || !iommu_unit_is_enabled(f.unit[k]))
			return;
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int slot = round % 4; slot < SLOTS; slot += 4)
			check_slot(i, slot);
	for (unsigned int i = 0; i < DEVICES; i++)
		check_pasid(i, 1 + round % (PASIDS - 1), round * 5 % SLOTS);
	check_buffers();
	if (f.machine.violation != NULL)
		fprintf(stderr, "# %s\n", f.machine.violation);
	FUZZ_CHECK(f.machine.violation == NULL);
	test_contract_no_lock(&f.machine, "a call");
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void make_domain(void)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_PAGING,
						       IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_DMA,
						       IOMMU_DOMAIN_BLOCKED};
	const unsigned int d = below(DOMAINS);
	const struct iommu_domain_config config = {
		.address_width = below(4) == 0 ? 30 + below(30) : 0,
		.max_table_pages = below(4) == 0 ? 3 + below(8) : 0,
		.force_snoop = below(8) == 0,
		.stage = (enum iommu_stage)(below(4) == 0 ? below(3) : 0),
		.dirty_tracking = below(8) == 0,
		.nest_parent = below(8) == 0,
	};
	int status;

	if (t.domains[d] != NULL) {
		status = seen(iommu_domain_free(t.domains[d]));
		if (status != 0)
			return;
		/* No device uses it: it was attached to none, and that was confirmed. */
		t.domains[d] = NULL;
		memset(t.may[d], 0, sizeof(t.may[d]));
		memset(t.sure[d], 0, sizeof(t.sure[d]));
		for (unsigned int i = 0; i < DEVICES; i++)
			if (t.uses[i] == d + 1)
				t.uses[i] = 0;
		return;
	}
	if (seen(iommu_domain_alloc(f.unit[below(f.machine.unit_count)], types[below(5)], &config,
				    &t.domains[d])) != 0)
		t.domains[d] = NULL;
}

static void any_range(unsigned int *first, unsigned int *count)
{
	*first = below(SLOTS);
	*count = 1 + below(8);
	if (*count > SLOTS - *first)
		*count = SLOTS - *first;
}

static unsigned int any_frames(unsigned int count)
{
	return below(FRAMES - count + 1);
}

static void note_map(unsigned int d, unsigned int first, unsigned int count, unsigned int frame,
		     int status)
{
	for (unsigned int i = 0; i < count && (status == 0 || is_open(status)); i++) {
		t.may[d][first + i] |= 1ULL << (frame + i);
		if (status == 0)
			t.sure[d][first + i] = (uint8_t)(frame + i + 1);
	}
}

static void map(void)
{
	const unsigned int d = below(DOMAINS), prot = RW;
	struct iommu_map_piece pieces[3];
	unsigned int first, count, frame;
	uint64_t mapped;
	iommu_iova_t iova;
	int status;

	any_range(&first, &count);
	frame = any_frames(count);
	iova = BASE + first * 4096ULL;
	if (t.domains[d] == NULL)
		return;
	t.is_atomic = fuzz_flag(&t.input);
	switch (below(4)) {
	case 0:
		status = iommu_map_nosync(t.domains[d], iova, t.frames + frame * 4096ULL,
					  count * 4096ULL, prot);
		note_map(d, first, count, frame, status);
		for (unsigned int i = 0; i < count; i++)
			t.sure[d][first + i] = status == 0 ? 0 : t.sure[d][first + i];
		if (status == 0) {
			status = iommu_sync_map(t.domains[d], iova, count * 4096ULL);
			note_map(d, first, count, frame, status);
		}
		break;
	case 1:
		for (unsigned int i = 0; i < 3; i++)
			pieces[i] =
				(struct iommu_map_piece){t.frames + any_frames(1) * 4096ULL, 4096};
		if (count > 3)
			count = 3;
		status = iommu_map_sg(t.domains[d], iova, pieces, count, prot, &mapped);
		for (unsigned int i = 0; i < count; i++)
			note_map(d, first + i, 1,
				 (unsigned int)((pieces[i].paddr - t.frames) >> 12), status);
		break;
	default:
		status = iommu_map(t.domains[d], iova, t.frames + frame * 4096ULL, count * 4096ULL,
				   prot | (!t.is_atomic ? IOMMU_PROT_MAY_SLEEP : 0U));
		note_map(d, first, count, frame, status);
		break;
	}
	t.is_atomic = false;
	(void)seen(status);
}

static void unmap(void)
{
	const unsigned int d = below(DOMAINS);
	const unsigned int flags = fuzz_flag(&t.input) ? (unsigned int)IOMMU_UNMAP_SPLIT : 0;
	struct iommu_gather gather;
	unsigned int first, count;
	uint64_t unmapped;
	int status;

	any_range(&first, &count);
	if (t.domains[d] == NULL)
		return;
	t.is_atomic = fuzz_flag(&t.input);
	if (below(3) == 0) {
		iommu_gather_init(&gather);
		status = iommu_unmap_gather(t.domains[d], BASE + first * 4096ULL, count * 4096ULL,
					    flags, &gather, &unmapped);
		if (status == 0)
			status = iommu_sync_gather(t.domains[d], &gather);
		else
			(void)seen(iommu_sync_gather(t.domains[d], &gather));
	} else {
		status = iommu_unmap(t.domains[d], BASE + first * 4096ULL, count * 4096ULL, flags,
				     fuzz_flag(&t.input) ? &unmapped : NULL);
	}
	t.is_atomic = false;
	if (status == 0 || is_open(status))
		for (unsigned int i = first; i < first + count; i++) {
			t.sure[d][i] = 0;
			/*
			 * Repeated, a call that counts finds nothing mapped, and confirms nothing
			 * of what an earlier one has left open.
			 */
			if (status == 0 && !t.is_troubled)
				t.may[d][i] = 0;
		}
	(void)seen(status);
}

static void use_domain(void)
{
	const unsigned int d = below(DOMAINS);
	uint64_t words[1] = {0};
	struct iommu_dirty_bitmap bitmap = {words, BASE, SLOTS, 12};
	struct iommu_domain_info info;
	iommu_paddr_t paddr;
	int status;

	if (t.domains[d] == NULL)
		return;
	iommu_domain_get_info(t.domains[d], &info);
	switch (below(4)) {
	case 0:
		(void)seen(iommu_domain_set_dirty_tracking(t.domains[d], fuzz_flag(&t.input)));
		break;
	case 1:
		(void)seen(iommu_domain_read_dirty(t.domains[d], BASE, SLOTS * 4096, below(2),
						   &bitmap));
		break;
	case 2:
		(void)seen(iommu_domain_split(t.domains[d], BASE, SLOTS * 4096, 4096));
		break;
	default:
		for (unsigned int slot = 0; slot < SLOTS; slot++) {
			status = iommu_iova_to_phys(t.domains[d], BASE + slot * 4096ULL, &paddr);
			FUZZ_CHECK(t.is_troubled || (status == 0) >= (t.sure[d][slot] != 0));
		}
		break;
	}
}

/* --- Devices ---------------------------------------------------------------------------------- */

static void attach(void)
{
	const unsigned int i = below(DEVICES), d = below(DOMAINS);
	int status;

	if (!t.is_there[i])
		return;
	if (below(3) == 0) {
		status = seen(iommu_domain_detach_group(f.group[i]));
		t.uses[i] = 0;
		if (status == 0)
			t.told[i] = 0;
		return;
	}
	if (t.domains[d] == NULL)
		return;
	status = seen(iommu_domain_attach_group(t.domains[d], f.group[i]));
	if (status == 0) {
		t.told[i] = 1U << d;
		t.uses[i] = d + 1;
	} else if (is_open(status)) {
		t.told[i] |= 1U << d;
		t.uses[i] = 0;
	}
	f.device[i]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[i]);
}

static void attach_pasid(void)
{
	const unsigned int i = below(DEVICES), d = below(DOMAINS);
	const uint32_t pasid = 1 + below(PASIDS - 1);
	struct iommu_pasid_handle *next = &t.handles[i][pasid][!t.handle[i][pasid]];
	int status;

	if (!t.is_there[i] || t.domains[d] == NULL)
		return;
	if (below(3) == 0) {
		status = seen(iommu_domain_detach_pasid(f.group[i], pasid));
		if (status == 0)
			t.told_pasid[i][pasid] = 0;
		return;
	}
	status = seen(fuzz_flag(&t.input)
			      ? iommu_domain_attach_pasid(t.domains[d], f.group[i], pasid, next)
			      : iommu_domain_replace_pasid(t.domains[d], f.group[i], pasid, next));
	if (status == 0) {
		t.told_pasid[i][pasid] = 1U << d;
		t.handle[i][pasid] = !t.handle[i][pasid];
		FUZZ_CHECK(iommu_group_find_pasid(f.group[i], pasid) == next);
	} else if (is_open(status)) {
		t.told_pasid[i][pasid] |= 1U << d;
	}
}

static void release_or_probe(void)
{
	const unsigned int i = below(DEVICES);
	int status;

	if (t.is_there[i]) {
		if (t.dma != NULL && i == 0)
			return;
		status = seen(iommu_release_endpoint(f.endpoint[i]));
		t.uses[i] = 0;
		if (status == 0) {
			t.is_there[i] = false;
			memset(t.handle[i], 0, sizeof(t.handle[i]));
			f.endpoint[i] = NULL;
			f.device[i]->has_tlb = false;
		}
		return;
	}
	status = seen(endpoint(i));
	if (status == 0) {
		t.is_there[i] = true;
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
	}
}

static void use_features(void)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS,
						      IOMMU_FEATURE_PAGE_REQUESTS};
	const unsigned int i = below(DEVICES);

	if (!t.is_there[i])
		return;
	if (fuzz_flag(&t.input))
		(void)seen(iommu_endpoint_enable_feature(f.endpoint[i], features[below(3)]));
	else
		(void)seen(iommu_endpoint_disable_feature(f.endpoint[i], features[below(3)]));
	if (below(4) == 0)
		(void)seen(iommu_endpoint_was_reset(f.endpoint[i]));
}

static void use_units(void)
{
	struct iommu_unit *unit = f.unit[below(f.machine.unit_count)];
	bool lost;

	switch (below(8)) {
	case 0:
		(void)seen(iommu_unit_disable(unit));
		break;
	case 1:
	case 2:
		(void)seen(iommu_unit_enable(unit));
		break;
	case 3:
		t.is_asleep = true;
		(void)seen(iommu_suspend(f.iommu));
		break;
	case 4:
		if (seen(iommu_resume(f.iommu)) == 0)
			t.is_asleep = false;
		break;
	case 5:
		(void)iommu_unit_handle_faults(unit, &lost);
		break;
	case 6:
		(void)iommu_unit_handle_page_requests(unit, &lost);
		break;
	default:
		(void)seen(iommu_vtd_enable(f.iommu));
		break;
	}
}

/* --- The DMA API ------------------------------------------------------------------------------ */

/* The first device, in a domain that this handle fills. */
static void begin_dma(void)
{
	const struct iommu_dma_config config = {.domain = t.dma_domain};

	if (t.dma != NULL || !t.is_there[0])
		return;
	if (t.dma_domain == NULL &&
	    seen(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_DMA, NULL, &t.dma_domain)) != 0) {
		t.dma_domain = NULL;
		return;
	}
	if (config.domain != NULL && seen(iommu_dma_create(&config, &t.dma)) != 0)
		t.dma = NULL;
}

static void use_dma(void)
{
	const struct iommu_dma_device limits = {.mask = below(2) ? 0xffffffff : 0};
	const unsigned int k = below(BUFFERS);
	int status;

	begin_dma();
	if (t.dma == NULL)
		return;
	if (below(8) == 0) {
		(void)seen(iommu_dma_tick(t.dma));
		return;
	}
	if (below(8) == 0 && t.is_there[0]) {
		status = seen(iommu_domain_attach_group(t.dma_domain, f.group[0]));
		t.uses[0] = 0;
		if (status == 0)
			t.told[0] = 0;
		return;
	}
	t.is_atomic = fuzz_flag(&t.input);
	if (t.buffers[k].size != 0 && !t.buffers[k].is_open) {
		status = iommu_dma_unmap(t.dma, t.buffers[k].address, t.buffers[k].size);
		FUZZ_CHECK(status == 0 || is_open(status) || status == IOMMU_EAGAIN);
		if (status == 0 && !t.is_troubled)
			t.buffers[k].size = 0;
		else if (status != IOMMU_EAGAIN)
			t.buffers[k].is_open = true;
	} else if (t.buffers[k].size == 0) {
		const uint64_t offset = (uint64_t)below(FRAMES / 2) * 4096 + below(4096);
		const uint64_t size = 1 + below(3 * 4096);
		iommu_iova_t address = 0;

		status = iommu_dma_map(t.dma, &limits, t.frames + offset, size,
				       IOMMU_DMA_BIDIRECTIONAL, &address);
		if (status == 0) {
			FUZZ_CHECK((address & 4095) == (offset & 4095));
			FUZZ_CHECK(limits.mask == 0 || address + (size - 1) <= limits.mask);
			for (unsigned int other = 0; other < BUFFERS; other++)
				FUZZ_CHECK(t.buffers[other].size == 0 || t.buffers[other].is_open ||
					   address >= t.buffers[other].address +
							      t.buffers[other].size ||
					   address + size <= t.buffers[other].address);
			t.buffers[k].address = address;
			t.buffers[k].paddr = t.frames + offset;
			t.buffers[k].size = size;
		}
	} else {
		status = 0;
	}
	t.is_atomic = false;
	(void)seen(status);
}

static void use_shared_memory(void)
{
	const struct iommu_dma_device limits = {0};
	const uint64_t size = 1 + below(5 * 4096);
	iommu_iova_t address = 0;
	void *bytes = NULL;

	begin_dma();
	if (t.dma == NULL || seen(iommu_dma_alloc(t.dma, &limits, size, &bytes, &address)) != 0)
		return;
	FUZZ_CHECK(bytes != NULL && ((const char *)bytes)[size - 1] == 0);
	model_machine_mark(&f.machine, iommu_virt_to_phys(&f.machine.platform, bytes), 1,
			   PAGE_DEVICE);
	model_machine_mark(&f.machine, iommu_virt_to_phys(&f.machine.platform, bytes), 1,
			   PAGE_TABLE);
	(void)seen(iommu_dma_free(t.dma, bytes, address, size));
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static void use_interrupts(void)
{
	const unsigned int k = below(BLOCKS), i = below(DEVICES);
	const struct iommu_vtd_interrupt_target target = {.vector = (uint8_t)fuzz_byte(&t.input),
							  .destination = below(8)};
	struct iommu_model_interrupt arrived;
	uint64_t address;
	uint32_t data;

	switch (below(6)) {
	case 0:
		(void)seen(below(4) != 0 ? iommu_vtd_interrupts_enable(f.iommu, 0)
					 : iommu_vtd_interrupts_disable(f.iommu));
		break;
	case 1:
		if (!t.has_block[k] && t.is_there[i])
			t.has_block[k] = seen(iommu_vtd_interrupt_alloc_for(
						 f.endpoint[i], 1 + below(8), &t.blocks[k])) == 0;
		break;
	case 2:
		if (t.has_block[k] && seen(iommu_vtd_interrupt_free(&t.blocks[k])) == 0)
			t.has_block[k] = false;
		break;
	case 3:
		if (t.has_block[k])
			(void)seen(iommu_vtd_interrupt_set(&t.blocks[k], below(8), &target));
		break;
	case 4:
		if (t.has_block[k])
			(void)seen(iommu_vtd_interrupt_clear(&t.blocks[k], below(8)));
		break;
	default:
		if (!t.has_block[k])
			break;
		iommu_vtd_interrupt_message(&t.blocks[k], 0, &address, &data);
		(void)iommu_model_vtd_interrupt(f.machine.units[f.device[i]->unit],
						f.device[i]->source_id, address, data, &arrived);
		break;
	}
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void behave(void)
{
	const struct iommu_model_vtd_faults none = {0};

	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &none);
	for (unsigned int i = 0; i < DEVICES; i++)
		f.device[i]->silent = false;
	t.odds = 0;
}

static void misbehave(void)
{
	struct iommu_model_vtd_faults faults = {0};
	const unsigned int how = below(10);

	behave();
	faults.waits_hang = how == 1;
	faults.invalidations_hang = how == 2;
	faults.commands_hang = how == 3;
	faults.refuse_after = how == 4 ? 1 + below(6) : 0;
	faults.gone = how == 5 && below(4) == 0;
	faults.wait_delay = how == 6 ? below(8) : 0;
	faults.command_delay = how == 6 ? below(8) : 0;
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &faults);
	if (how == 7 || how == 8)
		t.odds = 2 + below(8);
	if (how == 9)
		f.device[below(DEVICES)]->silent = true;
	t.is_troubled = t.is_troubled || how != 0;
}

static void operate(void)
{
	static void (*const operations[])(void) = {make_domain,
						   make_domain,
						   map,
						   map,
						   map,
						   unmap,
						   unmap,
						   use_domain,
						   attach,
						   attach,
						   attach,
						   attach_pasid,
						   use_dma,
						   use_dma,
						   use_dma,
						   use_shared_memory,
						   release_or_probe,
						   use_features,
						   use_units,
						   use_interrupts,
						   use_interrupts,
						   misbehave};

	operations[below(sizeof(operations) / sizeof(operations[0]))]();
}

/* --- Life ------------------------------------------------------------------------------------- */

static void begin_driver(void)
{
	static const unsigned int features[] = {
		0,
		IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
		IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_WRITE_BUFFER,
		IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_SNOOP_CONTROL,
		IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |
			IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID |
			IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_DEVICE_TLB |
			IOMMU_MODEL_VTD_PAGE_REQUESTS | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
			IOMMU_MODEL_VTD_X2APIC,
		IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_NONCOHERENT,
	};
	const struct iommu_model_vtd_config config = {.flags = features[below(6)],
						      .levels = 1U << 3 | 1U << 4,
						      .address_mask = below(10),
						      .fault_records = 2,
						      .domain_bits = below(2) ? 4 : 16};
	const struct iommu_vtd_options options = {0};

	machine(1 + below(2), &config);
	check_services();
	devices(DEVICES);
	f.info.max_pasids = 64;
	f.info.page_requests = 8;
	f.info.device_tlb = fuzz_flag(&t.input);
	FUZZ_CHECK(probe_with(&options) == 0);
	t.frames = model_machine_take(&f.machine, FRAMES);
	for (unsigned int i = 0; i < DEVICES; i++) {
		FUZZ_CHECK(endpoint(i) == 0);
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		t.is_there[i] = true;
		f.device[i]->tlb_is_off = true; /* there is one, and it answers */
	}
	(void)seen(iommu_vtd_enable(f.iommu));
}

/*
 * By hardware that answers again, everything can be taken down. A queue that hardware did not let
 * be restarted is off until the control path comes by: the map path cannot turn it on.
 */
static void end_driver(void)
{
	behave();
	if (t.is_asleep)
		FUZZ_CHECK(iommu_resume(f.iommu) == 0);
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		if (f.unit[i] != NULL && iommu_unit_is_enabled(f.unit[i]))
			FUZZ_CHECK(iommu_unit_enable(f.unit[i]) == 0);
	for (unsigned int k = 0; k < BLOCKS; k++)
		if (t.has_block[k])
			FUZZ_CHECK(iommu_vtd_interrupt_free(&t.blocks[k]) == 0);
	for (unsigned int k = 0; t.dma != NULL && k < BUFFERS; k++)
		if (t.buffers[k].size != 0 && !t.buffers[k].is_open)
			FUZZ_CHECK(iommu_dma_unmap(t.dma, t.buffers[k].address,
						   t.buffers[k].size) == 0);
	for (unsigned int i = 0; i < DEVICES; i++) {
		if (!t.is_there[i])
			continue;
		for (uint32_t pasid = 1; pasid < PASIDS; pasid++)
			(void)iommu_domain_detach_pasid(f.group[i], pasid);
		FUZZ_CHECK(iommu_domain_detach_group(f.group[i]) == 0);
	}
	if (t.dma != NULL)
		FUZZ_CHECK(iommu_dma_destroy(t.dma) == 0);
	if (t.dma_domain != NULL)
		FUZZ_CHECK(iommu_domain_free(t.dma_domain) == 0);
	for (unsigned int d = 0; d < DOMAINS; d++)
		if (t.domains[d] != NULL)
			FUZZ_CHECK(iommu_domain_free(t.domains[d]) == 0);
	FUZZ_CHECK(iommu_vtd_interrupts_disable(f.iommu) == 0);
	end();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_driver();
	for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&t.input); i++) {
		operate();
		check(i);
	}
	end_driver();
	return 0;
}
