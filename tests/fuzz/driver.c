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
 * reached from its map to its unmap, and not after an unmap that returned 0. An interrupt arrives
 * as the entry says that was set, and from none but its sender.
 */
#include <libiommu/dma.h>
#include <libiommu/dmar_builder.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/vtd_interrupt.h>

#include "base/byteorder.h"
#include "fuzz.h"
#include "test_contract.h"
#include "vtd_fixture.h"

#define DEVICES    3U
#define OWN        4U /* domains with tables of the library's, … */
#define DOMAINS    7U /* … and one each of a guest's, nested, and of the host's of both stages */
#define PASIDS     4U /* the first is none */
#define SLOTS      32U
#define FRAMES     64U
#define BASE       0x500000000ULL
#define BUFFERS    8U
#define BLOCKS     36U /* of interrupt entries */
#define ENTRIES    8U  /* of each that are looked at */
#define OPERATIONS 96U

static struct {
	struct fuzz_bytes input;
	iommu_paddr_t frames; /* of device memory */
	iommu_paddr_t tables; /* of the host's: four pages for each stage */
	iommu_paddr_t posted; /* a page for descriptors of interrupts */
	struct iommu_domain *domains[DOMAINS];
	uint64_t may[DOMAINS][SLOTS];
	uint8_t sure[DOMAINS][SLOTS];
	bool is_identity[DOMAINS];
	unsigned int told[DEVICES];
	unsigned int uses[DEVICES]; /* 1 + the domain; 0: unknown, or none */
	bool is_there[DEVICES];
	bool is_ats_off[DEVICES]; /* in the device */
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
	struct iommu_vtd_interrupt_target targets[BLOCKS][ENTRIES];
	bool is_set[BLOCKS][ENTRIES]; /* for certain */
	unsigned int senders[BLOCKS]; /* 1 + the device; 0: another */
	bool has_open_memory;         /* shared memory was freed, and that is not confirmed */
	bool is_atomic;               /* the caller may not sleep */
	bool is_troubled, is_asleep;
	unsigned int odds; /* of an allocation: fails once in so many; 0: never */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*mutex_lock)(void *ctx, void *mutex);
} t;

static unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

/* PASIDs of tables, and of pages of their directory, that are far from each other. */
static const uint32_t pasids[PASIDS] = {0, 1, 70, 40000};

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

/* A device of an identity domain reaches all of memory where it is; and what is not there. */
static bool is_untranslated(unsigned int told, iommu_iova_t iova, iommu_paddr_t paddr)
{
	for (unsigned int d = 0; d < OWN; d++)
		if ((told >> d & 1) != 0 && t.is_identity[d] && paddr == iova)
			return true;
	return false;
}

static void check_slot(unsigned int i, unsigned int slot)
{
	iommu_paddr_t paddr = 0;
	const bool passes = model_device_access(f.device[i], BASE + slot * 4096ULL, IOMMU_PROT_READ,
						&paddr) == 0;
	bool may = false;

	if (passes && is_untranslated(t.told[i], BASE + slot * 4096ULL, paddr))
		return;
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

/* PASID 0 is served as requests without a PASID are, and what is kept of it, too. */
static void check_pasid_0(unsigned int i, unsigned int slot)
{
	const iommu_iova_t address = BASE + slot * 4096ULL;
	iommu_paddr_t paddr = 0;
	uint64_t frame;
	bool may = false;

	if (model_device_access_pasid(f.device[i], MODEL_PASID_0, address, IOMMU_PROT_READ,
				      &paddr) != 0 ||
	    is_untranslated(t.told[i], address, paddr))
		return;
	frame = (paddr - t.frames) >> 12;
	FUZZ_CHECK(frame < FRAMES);
	for (unsigned int d = 0; d < DOMAINS; d++)
		may = may || ((t.told[i] >> d & 1) != 0 && (t.may[d][slot] >> frame & 1) != 0);
	FUZZ_CHECK(may);
}

static void check_pasid(unsigned int i, uint32_t pasid, unsigned int slot)
{
	iommu_paddr_t paddr = 0;
	uint64_t frame;
	bool may = false;

	if (model_device_access_pasid(f.device[i], pasids[pasid], BASE + slot * 4096ULL,
				      IOMMU_PROT_READ, &paddr) != 0 ||
	    is_untranslated(t.told_pasid[i][pasid], BASE + slot * 4096ULL, paddr))
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

			/* Its address may be that of shared memory since. */
			if (t.buffers[k].address == 0 ||
			    (t.has_open_memory &&
			     (t.buffers[k].size == 0 || t.buffers[k].is_open)) ||
			    model_device_access(f.device[i], t.buffers[k].address, IOMMU_PROT_READ,
						&paddr) != 0)
				continue;
			FUZZ_CHECK(is_in_buffer(t.buffers[k].address, paddr) ||
				   is_untranslated(t.told[i], t.buffers[k].address, paddr));
		}
}

/*
 * Hardware that hung executes late what it was told: invalidations when translation is off, or it
 * turns off when the driver has given up to wait for that, and goes on.
 */
static void forgive(void)
{
	if (t.is_troubled && f.machine.violation != NULL &&
	    strcmp(f.machine.violation, "device-TLB invalidation while translation is off") == 0)
		f.machine.violation = NULL;
}

static void check(unsigned int round)
{
	forgive();
	/* Behind a unit that is off a device reaches all of memory. */
	for (unsigned int k = 0; k < f.machine.unit_count; k++)
		if (t.is_asleep || !iommu_unit_is_enabled(f.unit[k]))
			return;
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int slot = round % 4; slot < SLOTS; slot += 4)
			check_slot(i, slot);
	for (unsigned int i = 0; i < DEVICES; i++) {
		check_pasid(i, 1 + round % (PASIDS - 1), round * 5 % SLOTS);
		check_pasid_0(i, round * 7 % SLOTS);
	}
	check_buffers();
	if (f.machine.violation != NULL)
		fprintf(stderr, "# %s\n", f.machine.violation);
	FUZZ_CHECK(f.machine.violation == NULL);
	test_contract_no_lock(&f.machine, "a call");
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void store(iommu_paddr_t at, uint64_t value)
{
	value = iommu_le64(value);
	memcpy(model_machine_bytes(&f.machine, at), &value, 8);
}

/* Slot n leads to frame n, by four levels: of the second stage, and behind those of the first. */
static void write_tables(void)
{
	const unsigned int index[4] = {0, (unsigned int)(BASE >> 30), 0, 0};

	t.tables = model_machine_take(&f.machine, 8);
	model_machine_mark(&f.machine, t.tables, 8, PAGE_TABLE);
	for (unsigned int i = 0; i < 3; i++) {
		const iommu_paddr_t at = t.tables + i * 4096ULL, next = at + 4096;

		store(at + index[i] * 8ULL, vtd_ss_table(next));
		store(at + 4 * 4096 + index[i] * 8ULL, (next + 4 * 4096) | 0x67);
	}
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		const iommu_paddr_t frame = t.frames + slot * 4096ULL;

		store(t.tables + 3 * 4096 + slot * 8ULL, vtd_ss_leaf(frame, 1, true, true));
		store(t.tables + 7 * 4096 + slot * 8ULL, frame | 0x67);
	}
	/* As their owner does. */
	f.machine.platform.cache_flush(f.machine.platform.ctx,
				       model_machine_bytes(&f.machine, t.tables), 8 * 4096);
}

/* A table of another owner; of none that makes sense is a domain made that is used. */
static int make_foreign(unsigned int d, struct iommu_unit *unit)
{
	const bool is_odd = below(3) == 0;
	struct {
		struct iommu_vtd_first_stage first;
		uint64_t rest[2];
	} given = {.first = {.table = t.tables + (d == OWN + 1 ? 4 : 0) * 4096ULL, .levels = 4}};
	struct iommu_domain_config config = {
		.user_data = &given,
		.user_size = sizeof(given.first),
		.stage = d == OWN + 2 ? IOMMU_STAGE_SECOND : IOMMU_STAGE_ANY,
	};
	int status;

	if (is_odd) {
		given.first.levels = 2 + below(5);
		given.first.flags = below(2) ? below(32) : 0;
		given.first.table += below(4) == 0 ? 8 : 0;
		given.rest[1] = below(8) == 0;
		config.user_size = below(4) == 0 ? below(sizeof(given) + 1) : config.user_size;
		config.user_data = below(8) != 0 ? &given : NULL;
		config.address_width = below(2) ? below(60) : 0;
		config.force_snoop = below(4) == 0;
		config.pgsize_bitmap = below(4) == 0 ? fuzz_wild(&t.input) : 0;
		config.stage = below(4) == 0 ? (enum iommu_stage)below(4) : config.stage;
	}
	/* The guest's table lies where nothing is mapped. */
	if (d == OWN) {
		given.first.table = 0x7000000;
		config.parent = t.domains[below(OWN)];
		if (config.parent == NULL)
			return IOMMU_ENOENT;
	}
	status = seen(iommu_domain_alloc(unit, d == OWN ? IOMMU_DOMAIN_NESTED : IOMMU_DOMAIN_SVA,
					 &config, &t.domains[d]));
	if (status != 0 || !is_odd) {
		for (unsigned int slot = 0; slot < SLOTS && status == 0 && d != OWN; slot++)
			t.may[d][slot] = 1ULL << slot;
		return status;
	}
	FUZZ_CHECK(iommu_domain_free(t.domains[d]) == 0);
	return IOMMU_EINVAL;
}

static int make_own(unsigned int d, struct iommu_unit *unit)
{
	static const enum iommu_domain_type types[] = {
		IOMMU_DOMAIN_PAGING,   IOMMU_DOMAIN_PAGING,   IOMMU_DOMAIN_PAGING,
		IOMMU_DOMAIN_PAGING,   IOMMU_DOMAIN_PAGING,   IOMMU_DOMAIN_DMA,
		IOMMU_DOMAIN_BLOCKED,  IOMMU_DOMAIN_DMA_LAZY, IOMMU_DOMAIN_DMA_BYPASS,
		IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_IDENTITY};
	const unsigned int type = below(11);
	struct iommu_domain_config config = {
		.address_width = below(4) == 0 ? 30 + below(30) : 0,
		.max_table_pages = below(4) == 0 ? 3 + below(8) : 0,
		.force_snoop = below(8) == 0,
		.stage = (enum iommu_stage)(below(4) == 0 ? below(3) : 0),
		.dirty_tracking = below(3) == 0,
		.nest_parent = below(3) == 0,
		.pgsize_bitmap = below(8) == 0 ? 4096ULL | (uint64_t)below(4) << 21 : 0,
	};

	t.is_identity[d] =
		types[type] == IOMMU_DOMAIN_IDENTITY || types[type] == IOMMU_DOMAIN_DMA_BYPASS;
	return seen(iommu_domain_alloc(unit, types[type], below(8) != 0 ? &config : NULL,
				       &t.domains[d]));
}

/* May a device have been told to use it? */
static bool is_told(unsigned int d)
{
	unsigned int told = 0;

	for (unsigned int i = 0; i < DEVICES; i++) {
		told |= t.told[i];
		for (unsigned int pasid = 0; pasid < PASIDS; pasid++)
			told |= t.told_pasid[i][pasid];
	}
	return (told >> d & 1) != 0;
}

static void make_domain(void)
{
	const unsigned int d = below(DOMAINS);
	struct iommu_unit *unit = f.unit[below(f.machine.unit_count)];
	int status;

	if (t.domains[d] != NULL) {
		/* That no device uses it is confirmed by what took them away, not by this. */
		if (is_told(d))
			return;
		status = seen(iommu_domain_free(t.domains[d]));
		if (status != 0)
			return;
		t.domains[d] = NULL;
		memset(t.may[d], 0, sizeof(t.may[d]));
		memset(t.sure[d], 0, sizeof(t.sure[d]));
		for (unsigned int i = 0; i < DEVICES; i++)
			if (t.uses[i] == d + 1)
				t.uses[i] = 0;
		return;
	}
	if ((d < OWN ? make_own(d, unit) : make_foreign(d, unit)) != 0)
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

/* What is refused, or taken back at once. */
static void map_wildly(struct iommu_domain *domain)
{
	const iommu_iova_t iova = below(2) ? fuzz_wild(&t.input) : BASE / 2;
	const uint64_t size = below(2) ? fuzz_wild(&t.input) : 4096;
	struct iommu_map_piece pieces[2] = {{t.frames, 4096}, {t.frames + 4096, size}};
	uint64_t unmapped;

	if (iova + size > BASE - 4096 && iova < BASE + SLOTS * 4096ULL)
		return;
	switch (below(4)) {
	case 0:
		(void)seen(iommu_sync_map(domain, iova, size));
		return;
	case 1:
		if (size > 1 << 21 && size < UINT64_MAX - 8192)
			return;
		if (seen(iommu_map_sg(domain, iova, pieces, below(3), RW, NULL)) == 0)
			(void)seen(iommu_unmap(domain, iova, 8192, 0, &unmapped));
		return;
	case 2:
		(void)seen(iommu_unmap(domain, iova, size, below(4), &unmapped));
		return;
	default:
		if (size > 1 << 21)
			return;
		if (seen(iommu_map(domain, iova, t.frames, size, below(64))) == 0)
			(void)seen(iommu_unmap(domain, iova, size, 0, &unmapped));
		return;
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
	if (below(16) == 0) {
		map_wildly(t.domains[d]);
		return;
	}
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

static int visit(void *ctx, const struct iommu_pgtable_visit *leaf)
{
	++*(unsigned int *)ctx;
	(void)leaf;
	return *(unsigned int *)ctx > 600;
}

static void check_dirty(unsigned int d, uint64_t bits)
{
	for (unsigned int slot = 0; slot < SLOTS; slot++)
		FUZZ_CHECK((bits >> slot & 1) == 0 || t.may[d][slot] != 0 || t.is_troubled);
}

static void use_domain(void)
{
	const struct iommu_vtd_invalidation request = {BASE, 1 + below(8), below(2), 0};
	const unsigned int d = below(DOMAINS);
	uint64_t words[1] = {0};
	struct iommu_dirty_bitmap bitmap = {words, BASE, SLOTS, 12};
	struct iommu_domain_info info;
	unsigned int done = 0;
	iommu_paddr_t paddr;
	int status;

	if (t.domains[d] == NULL)
		return;
	iommu_domain_get_info(t.domains[d], &info);
	switch (below(8)) {
	case 0:
	case 1:
		(void)seen(iommu_domain_set_dirty_tracking(t.domains[d], below(4) != 0));
		break;
	case 2:
		if (seen(iommu_domain_read_dirty(t.domains[d], BASE, SLOTS * 4096, below(2),
						 &bitmap)) == 0)
			check_dirty(d, words[0]);
		break;
	case 3:
		(void)seen(iommu_domain_split(t.domains[d], BASE, SLOTS * 4096, 4096));
		break;
	case 4:
		(void)seen(iommu_domain_invalidate_range(
			t.domains[d], BASE + below(SLOTS) * 4096ULL, below(4) * 4096ULL));
		(void)seen(iommu_domain_invalidate_user(t.domains[d], &request, sizeof(request), 1,
							&done));
		break;
	case 5:
		(void)seen(iommu_domain_walk(t.domains[d], BASE, BASE + SLOTS * 4096 - 1, visit,
					     &done));
		break;
	case 6:
		(void)iommu_iova_to_phys(t.domains[d], fuzz_wild(&t.input),
					 below(2) ? &paddr : NULL);
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

static bool has_ats(unsigned int i)
{
	return iommu_endpoint_uses_device_tlb(f.endpoint[i]) && !t.is_ats_off[i];
}

static void attach(void)
{
	const unsigned int i = below(DEVICES), d = below(DOMAINS);
	int status;

	if (!t.is_there[i])
		return;
	if (below(4) == 0) {
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
		/* Until its reset is over it is blocked. */
		t.uses[i] = iommu_endpoint_is_in_reset(f.endpoint[i]) ? 0 : d + 1;
	} else if (is_open(status)) {
		t.told[i] |= 1U << d;
		t.uses[i] = 0;
	}
	f.device[i]->has_tlb = has_ats(i);
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
		status = seen(iommu_domain_detach_pasid(f.group[i], pasids[pasid]));
		if (status == 0)
			t.told_pasid[i][pasid] = 0;
		return;
	}
	status = seen(fuzz_flag(&t.input) ? iommu_domain_attach_pasid(t.domains[d], f.group[i],
								      pasids[pasid], next)
					  : iommu_domain_replace_pasid(t.domains[d], f.group[i],
								       pasids[pasid], next));
	if (status == 0) {
		t.told_pasid[i][pasid] = 1U << d;
		t.handle[i][pasid] = !t.handle[i][pasid];
		FUZZ_CHECK(iommu_group_find_pasid(f.group[i], pasids[pasid]) == next);
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

/* What the host does to the device itself: its TLB is empty. */
static void be_reset(unsigned int i)
{
	memset(f.device[i]->tlb, 0, sizeof(f.device[i]->tlb));
}

static void use_features(void)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS,
						      IOMMU_FEATURE_PAGE_REQUESTS};
	const unsigned int i = below(DEVICES);
	enum iommu_feature feature;

	if (!t.is_there[i])
		return;
	if (fuzz_flag(&t.input)) {
		feature = features[below(3)];
		if (seen(iommu_endpoint_enable_feature(f.endpoint[i], feature)) == 0 &&
		    feature == IOMMU_FEATURE_ATS)
			t.is_ats_off[i] = false;
	} else {
		feature = features[below(3)];
		/* In the device it is off before: it keeps nothing. */
		if (feature == IOMMU_FEATURE_ATS) {
			be_reset(i);
			t.is_ats_off[i] = true;
		}
		(void)seen(iommu_endpoint_disable_feature(f.endpoint[i], feature));
	}
	/* What was reset is blocked until it is attached again. */
	if (below(4) == 0) {
		t.uses[i] = 0;
		be_reset(i);
		if (seen(iommu_endpoint_was_reset(f.endpoint[i])) == 0)
			t.told[i] = 0;
	}
	f.device[i]->has_tlb = has_ats(i);
}

/* A device in its reset reaches nothing, and after it what it reached before. */
static void reset_device(void)
{
	const unsigned int i = below(DEVICES);
	iommu_paddr_t paddr;
	int status;

	if (!t.is_there[i])
		return;
	t.uses[i] = 0;
	if (!iommu_endpoint_is_in_reset(f.endpoint[i])) {
		status = seen(iommu_endpoint_reset_begin(f.endpoint[i]));
		/* At once: it may be released before its reset is said to be over. */
		if (status == 0)
			be_reset(i);
		for (unsigned int slot = 0; slot < SLOTS && status == 0 && !t.is_troubled; slot++)
			FUZZ_CHECK(!iommu_unit_is_enabled(iommu_endpoint_unit(f.endpoint[i])) ||
				   t.is_asleep ||
				   model_device_access(f.device[i], BASE + slot * 4096ULL,
						       IOMMU_PROT_READ, &paddr) != 0);
		return;
	}
	(void)seen(iommu_endpoint_reset_end(f.endpoint[i]));
	f.device[i]->has_tlb = has_ats(i);
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
	if (seen(iommu_dma_free(t.dma, bytes, address, size)) != 0)
		t.has_open_memory = true;
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static struct iommu_vtd_interrupt_target any_target(void)
{
	const bool is_plain = below(3) != 0;
	struct iommu_vtd_interrupt_target target = {.vector = (uint8_t)fuzz_byte(&t.input),
						    .destination = below(256)};

	target.logical = fuzz_flag(&t.input);
	target.level = fuzz_flag(&t.input);
	if (is_plain)
		return target;
	target.source = (enum iommu_vtd_source)below(4);
	target.source_id = (uint16_t)(0x20 + 8 * below(DEVICES));
	target.ignored_function_bits = below(5);
	target.last_bus = (uint8_t)below(3);
	target.first_bus = (uint8_t)below(2);
	target.delivery_mode = (uint8_t)below(9);
	target.redirection_hint = fuzz_flag(&t.input);
	target.destination = below(2) ? (uint32_t)fuzz_wild(&t.input) : target.destination;
	target.posted = fuzz_flag(&t.input);
	target.urgent = fuzz_flag(&t.input);
	target.descriptor = t.posted + below(64) * 64ULL + (below(8) == 0) * 8ULL;
	return target;
}

static bool remaps(unsigned int unit)
{
	return (iommu_model_vtd_mmio_read(f.machine.units[unit], VTD_GSTS, 4) & VTD_GLOBAL_IRE) !=
	       0;
}

/* From each device: what was set arrives from its sender, and nothing from another. */
static void check_block(unsigned int k, unsigned int number)
{
	const struct iommu_vtd_interrupt_target *target = &t.targets[k][number];
	uint64_t address;
	uint32_t data;

	iommu_vtd_interrupt_message(&t.blocks[k], number, &address, &data);
	for (unsigned int i = 0; i < DEVICES; i++) {
		const unsigned int unit = f.device[i]->unit;
		struct iommu_model_interrupt arrived = {.posted = false};
		bool passes;

		if (f.unit[unit] != t.blocks[k].unit || !remaps(unit))
			continue;
		passes = iommu_model_vtd_interrupt(f.machine.units[unit], f.device[i]->source_id,
						   address, data, &arrived) == 0;
		if (t.blocks[k].has_sender && t.senders[k] != i + 1)
			FUZZ_CHECK(!passes);
		if (t.is_troubled || t.senders[k] != i + 1 || !t.is_set[k][number])
			continue;
		FUZZ_CHECK(passes && arrived.posted == target->posted);
		FUZZ_CHECK(target->posted || (arrived.vector == target->vector &&
					      arrived.destination == target->destination));
	}
}

static void alloc_block(unsigned int k, unsigned int count)
{
	const unsigned int i = below(DEVICES), how = below(8);
	int status = IOMMU_ENOENT;

	memset(t.is_set[k], 0, sizeof(t.is_set[k]));
	t.senders[k] = 0;
	if (how == 0)
		status = iommu_vtd_interrupt_alloc(f.unit[below(f.machine.unit_count)], count,
						   &t.blocks[k]);
	else if (how == 1)
		status = iommu_vtd_interrupt_alloc_ioapic(f.iommu, below(3), count, &t.blocks[k]);
	else if (how == 2)
		status = iommu_vtd_interrupt_alloc_hpet(f.iommu, below(3), count, &t.blocks[k]);
	else if (t.is_there[i])
		status = iommu_vtd_interrupt_alloc_for(f.endpoint[i], count, &t.blocks[k]);
	t.has_block[k] = seen(status) == 0;
	FUZZ_CHECK(status != 0 || (count != 0 && count <= 128));
	if (how > 2)
		t.senders[k] = i + 1;
}

static void use_interrupts(void)
{
	const struct iommu_vtd_interrupt_target target = any_target();
	const unsigned int k = below(BLOCKS), number = below(below(8) == 0 ? 200 : ENTRIES);
	const unsigned int on = below(ENTRIES), flags = below(4) == 0 ? below(4) : 0;
	struct iommu_unit *unit;
	uint16_t source_id;
	int status;

	switch (below(8)) {
	case 0:
		(void)seen(below(4) != 0 ? iommu_vtd_interrupts_enable(f.iommu, flags)
					 : iommu_vtd_interrupts_disable(f.iommu));
		break;
	case 1:
	case 2:
		/* As many as make the table larger; or one. */
		for (unsigned int all = 0; on == 0 && all < BLOCKS; all++)
			if (!t.has_block[all])
				alloc_block(all, 100);
		if (!t.has_block[k])
			alloc_block(k, below(below(4) == 0 ? 150 : 10));
		break;
	case 3:
		if (!t.has_block[k] || below(2) == 0)
			break;
		/* Freed it is in any case. */
		status = seen(iommu_vtd_interrupt_free(&t.blocks[k]));
		FUZZ_CHECK(status == 0 || is_open(status));
		t.has_block[k] = false;
		break;
	case 4:
	case 5:
		if (!t.has_block[k])
			break;
		status = seen(iommu_vtd_interrupt_set(&t.blocks[k], number, &target));
		if (number < ENTRIES && (status == 0 || is_open(status))) {
			t.targets[k][number] = target;
			t.is_set[k][number] = status == 0;
		}
		break;
	case 6:
		if (!t.has_block[k])
			break;
		status = seen(iommu_vtd_interrupt_clear(&t.blocks[k], number));
		if (number < ENTRIES && (status == 0 || is_open(status)))
			t.is_set[k][number] = false;
		break;
	default:
		(void)iommu_vtd_find_ioapic(f.iommu, below(3), &unit, &source_id);
		if (!t.has_block[k])
			break;
		(void)iommu_vtd_interrupt_ioapic_entry(&t.blocks[k], 0, 0x41, true, false);
		if (on < 1U << t.blocks[k].order)
			check_block(k, on);
		break;
	}
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void set_faults(const struct iommu_model_vtd_faults *faults)
{
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], faults);
	forgive();
}

static void behave(void)
{
	const struct iommu_model_vtd_faults none = {0};

	set_faults(&none);
	for (unsigned int i = 0; i < DEVICES; i++)
		f.device[i]->silent = false;
	t.odds = 0;
}

static void misbehave(void)
{
	struct iommu_model_vtd_faults faults = {0};
	const unsigned int how = below(12);

	behave();
	faults.waits_hang = how == 1;
	faults.invalidations_hang = how == 2;
	faults.commands_hang = how == 3;
	faults.refuse_after = how == 4 ? 1 + below(6) : 0;
	faults.gone = how == 5 && below(4) == 0;
	faults.wait_delay = how == 6 ? below(8) : 0;
	faults.command_delay = how == 6 ? below(8) : 0;
	set_faults(&faults);
	if (how == 7 || how == 8)
		t.odds = 2 + below(8);
	if (how >= 9)
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
						   use_interrupts,
						   reset_device,
						   misbehave};

	operations[below(sizeof(operations) / sizeof(operations[0]))]();
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Sixteen bytes at once, as some processors can; a test has one thread. */
static bool compare_exchange_16(void *ctx, void *memory, const uint64_t expected[2],
				const uint64_t desired[2])
{
	(void)ctx;
	if (memcmp(memory, expected, 16) != 0)
		return false;
	memcpy(memory, desired, 16);
	return true;
}

/* The fixture's table, with an I/O APIC and an HPET behind the last unit. */
static void name_senders(void)
{
	const struct iommu_pci_hop hops[2] = {{30, 7}, {30, 6}};
	const unsigned int flags =
		DMAR_FLAG_INTR_REMAP | (below(8) == 0 ? DMAR_FLAG_X2APIC_OPT_OUT : 0);
	struct iommu_dmar_builder builder;
	int size;

	iommu_dmar_begin(&builder, f.machine.dmar, sizeof(f.machine.dmar), 46,
			 below(16) != 0 ? flags : 0);
	for (unsigned int unit = 0; unit < f.machine.unit_count; unit++) {
		const bool is_last = unit == f.machine.unit_count - 1;

		iommu_dmar_add_unit(&builder, 0, MACHINE_UNIT(unit),
				    iommu_model_vtd_register_space(f.machine.units[unit]), is_last);
		for (unsigned int i = 0; i < DEVICES && !is_last; i++) {
			const uint16_t id = f.device[i]->source_id;
			const struct iommu_pci_hop hop = {id >> 3 & 31, id & 7};

			if (f.device[i]->unit == unit)
				iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
		}
	}
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_IOAPIC, 1, 0, &hops[0], 1);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_HPET, 0, 0, &hops[1], 1);
	size = iommu_dmar_finish(&builder, "TEST", "MODEL");
	FUZZ_CHECK(size > 0);
	f.machine.dmar_size = (size_t)size;
}

static struct iommu_model_vtd_config any_config(void)
{
	const unsigned int scalable =
		IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_PASID;
	const unsigned int all = scalable | IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_DIRTY |
				 IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_DEVICE_TLB |
				 IOMMU_MODEL_VTD_PAGE_REQUESTS |
				 IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_X2APIC |
				 IOMMU_MODEL_VTD_SNOOP_CONTROL;
	const unsigned int interrupts =
		IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_X2APIC;
	const unsigned int features[] = {
		0,
		IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
		IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_WRITE_BUFFER,
		IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_SNOOP_CONTROL | interrupts,
		IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH | interrupts |
			IOMMU_MODEL_VTD_POSTED_INTERRUPTS,
		all,
		all | IOMMU_MODEL_VTD_POSTED_INTERRUPTS,
		all | IOMMU_MODEL_VTD_FIRST_STAGE_5,
		scalable | IOMMU_MODEL_VTD_CACHING_MODE | interrupts,
		scalable | IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_DEVICE_TLB,
		IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_NONCOHERENT,
		IOMMU_MODEL_VTD_NONCOHERENT | interrupts,
	};
	static const unsigned int levels[] = {1U << 3 | 1U << 4, 1U << 3 | 1U << 4, 1U << 3,
					      1U << 4, 1U << 4 | 1U << 5};

	return (struct iommu_model_vtd_config){.flags = features[below(12)],
					       .levels = levels[below(5)],
					       .address_mask = below(10),
					       .fault_records = 2,
					       .domain_bits = below(2) ? 4 : 16};
}

/* Devices in use: their features are on, and they have domains, with memory. */
static void begin_use(void)
{
	if (below(2) == 0)
		(void)seen(iommu_vtd_interrupts_enable(f.iommu, 0));
	for (unsigned int i = 0; i < DEVICES; i++) {
		(void)seen(iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_PASID));
		(void)seen(iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_ATS));
		if (below(2) == 0)
			(void)seen(iommu_endpoint_enable_feature(f.endpoint[i],
								 IOMMU_FEATURE_PAGE_REQUESTS));
	}
	for (unsigned int count = 1 + below(4); count != 0; count--) {
		make_domain();
		map();
		attach();
		attach_pasid();
	}
}

static void begin_driver(void)
{
	const struct iommu_model_vtd_config config = any_config();
	const struct iommu_vtd_options options = {
		.faults_per_second = below(4) == 0 ? 1 + below(4) : 0,
		.flags = below(8) == 0 ? IOMMU_VTD_LEGACY_MODE
				       : (below(8) == 0 ? IOMMU_VTD_REGISTER_INVALIDATION : 0),
	};

	if (below(3) == 0) {
		/* Two units that are not alike. */
		const struct iommu_model_vtd_config other = any_config();

		machine(1, &config);
		model_machine_add_unit(&f.machine, &other);
	} else {
		machine(1 + below(2), &config);
	}
	check_services();
	if (below(2) == 0)
		f.machine.platform.compare_exchange_16 = compare_exchange_16;
	devices(DEVICES);
	name_senders();
	f.info.max_pasids = below(4) != 0 ? 1U << 16 : 64;
	f.info.page_requests = 8;
	f.info.device_tlb = below(4) != 0;
	f.info.tlb_queue_depth = (uint8_t)below(32);
	f.info.tlb_global_invalidate = fuzz_flag(&t.input);
	FUZZ_CHECK(probe_with(&options) == 0);
	t.frames = model_machine_take(&f.machine, FRAMES);
	t.posted = model_machine_take(&f.machine, 1);
	model_machine_mark(&f.machine, t.posted, 1, PAGE_POSTED);
	write_tables();
	for (unsigned int i = 0; i < DEVICES; i++) {
		FUZZ_CHECK(endpoint(i) == 0);
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		t.is_there[i] = true;
		f.device[i]->tlb_is_off = true; /* there is one, and it answers */
	}
	(void)seen(iommu_vtd_enable(f.iommu));
	if (below(4) != 0)
		begin_use();
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
			(void)iommu_domain_detach_pasid(f.group[i], pasids[pasid]);
		FUZZ_CHECK(iommu_domain_detach_group(f.group[i]) == 0);
	}
	if (t.dma != NULL)
		FUZZ_CHECK(iommu_dma_destroy(t.dma) == 0);
	if (t.dma_domain != NULL)
		FUZZ_CHECK(iommu_domain_free(t.dma_domain) == 0);
	/* What is nested goes before its parent. */
	for (unsigned int d = DOMAINS; d-- != 0;)
		if (t.domains[d] != NULL)
			FUZZ_CHECK(iommu_domain_free(t.domains[d]) == 0);
	FUZZ_CHECK(iommu_vtd_interrupts_disable(f.iommu) == 0);
	forgive();
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
