/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of every format at both ends of their space: maps, unmaps, splits, lists of pieces,
 * dirty bits, sizes and apertures that change, tables that grow and shrink, while allocations fail;
 * and tables of another kernel, of any bytes, that are copied, looked up, walked, and used on.
 *
 * Of tables of Arm and AMD a walk that knows nothing of the library finds the same, and no flaw.
 *
 * Of what is mapped there is a list of ranges and nothing else. After each call every address at
 * the edges of the call, and the bytes of all leaves together, agree with that list; an error is
 * one that the header has for these arguments, and changes nothing that an address leads to.
 */
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "amdv1_reference.h"
#include "base/byteorder.h"
#include "fuzz.h"
#include "test_platform.h"
#include "vmsa_hardware.h"

#define RANGES     96U
#define OPERATIONS 96U
#define ARENA      (64UL << 20)
#define ARENA_AT   (1ULL << 39)
#define ALL_PROT   (IOMMU_PROT_READ | IOMMU_PROT_WRITE)

struct range {
	iommu_iova_t first, last;
	iommu_paddr_t paddr;
	bool is_writable;
};

static struct {
	struct fuzz_bytes input;
	struct test_platform platform;
	const struct iommu_pgtable_ops *ops;
	struct iommu_pgtable pt;
	iommu_iova_t first, last; /* the half that is used */
	uint64_t page;
	struct range ranges[RANGES];
	unsigned int count;
	bool may_fail; /* allocations do */
	/* Pages of the host, and the limit of pages. */
	uint64_t max_pages;
} f;

/* --- The list --------------------------------------------------------------------------------- */

static const struct range *range_at(iommu_iova_t iova)
{
	for (unsigned int i = 0; i < f.count; i++)
		if (iova >= f.ranges[i].first && iova <= f.ranges[i].last)
			return &f.ranges[i];
	return NULL;
}

static bool overlaps(iommu_iova_t first, iommu_iova_t last)
{
	for (unsigned int i = 0; i < f.count; i++)
		if (first <= f.ranges[i].last && last >= f.ranges[i].first)
			return true;
	return false;
}

/* The last address of a range and the next one lie in one range: an end there cuts it. */
static bool is_inside(iommu_iova_t before)
{
	const struct range *range = range_at(before);

	return range != NULL && before != range->last;
}

static void forget(iommu_iova_t first, iommu_iova_t last)
{
	for (unsigned int i = 0; i < f.count;) {
		struct range *range = &f.ranges[i];
		struct range rest;

		if (first > range->last || last < range->first) {
			i++;
			continue;
		}
		rest = *range;
		*range = f.ranges[--f.count];
		if (rest.first < first)
			f.ranges[f.count++] =
				(struct range){rest.first, first - 1, rest.paddr, rest.is_writable};
		if (rest.last > last)
			f.ranges[f.count++] = (struct range){last + 1, rest.last,
							     rest.paddr + (last + 1 - rest.first),
							     rest.is_writable};
		i = 0;
	}
}

/* The stage of Arm's tables; 0: others. */
static unsigned int arm_stage(void)
{
	return f.ops == &iommu_vmsas1_ops ? 1 : f.ops == &iommu_vmsas2_ops ? 2 : 0;
}

static bool is_amd(void)
{
	return f.ops == &iommu_amdv1_ops;
}

static void check_amd(iommu_iova_t iova, const struct range *range)
{
	const struct amdv1_walk walk = amdv1_walk_of(&f.pt);
	const struct amdv1_answer answer =
		amdv1_reference_walk(&walk, iova, range != NULL && range->is_writable);

	if (iova > f.pt.aperture_last)
		return;
	FUZZ_CHECK(answer.fault == (range != NULL ? AMDV1_NO_FAULT : AMDV1_NOT_PRESENT));
	FUZZ_CHECK(range == NULL || answer.pa == range->paddr + (iova - range->first));
	FUZZ_CHECK(range == NULL || answer.can_write == range->is_writable);
}

static void check_hardware(iommu_iova_t iova, const struct range *range)
{
	const struct vmsa_walk walk = vmsa_walk_of(&f.pt, arm_stage());
	const struct vmsa_access access = {.write = range != NULL && range->is_writable};
	struct vmsa_answer answer;

	if (iova > f.pt.aperture_last)
		return;
	answer = vmsa_reference_walk(&walk, iova, access);
	FUZZ_CHECK(answer.fault == (range != NULL ? VMSA_NO_FAULT : VMSA_FAULT_TRANSLATION));
	FUZZ_CHECK(range == NULL || answer.pa == range->paddr + (iova - range->first));
}

static void check_address(iommu_iova_t iova)
{
	const struct range *range = range_at(iova);
	unsigned int prot = 0;
	iommu_paddr_t paddr = 0;
	const int status = f.ops->iova_to_phys(&f.pt, iova, &paddr, &prot);

	if (is_amd())
		check_amd(iova, range);
	else if (arm_stage() != 0)
		check_hardware(iova, range);
	if (range == NULL) {
		FUZZ_CHECK(status == IOMMU_ENOENT || status == IOMMU_ERANGE);
		return;
	}
	FUZZ_CHECK(status == 0 && paddr == range->paddr + (iova - range->first));
	FUZZ_CHECK(((prot & IOMMU_PROT_WRITE) != 0) == range->is_writable);
}

struct sum {
	uint64_t bytes, visits;
	iommu_iova_t last;
	bool any;
};

static int add_up(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct sum *sum = ctx;

	sum->visits++;
	if (visit->is_table)
		return 0;
	FUZZ_CHECK(!sum->any || visit->iova > sum->last);
	sum->any = true;
	sum->last = visit->iova + (visit->size - 1);
	sum->bytes += visit->size;
	return 0;
}

static bool is_first_stage(void)
{
	return f.ops == &iommu_x86_64_table_ops || f.ops == &iommu_riscvfs_ops;
}

static bool is_riscv(void)
{
	return f.ops == &iommu_riscvfs_ops || f.ops == &iommu_riscvss_ops;
}

static void walk_all(iommu_pgtable_visitor visitor, void *ctx)
{
	FUZZ_CHECK(f.ops->walk(&f.pt, 0, f.pt.aperture_last, visitor, ctx) == 0);
	if (is_first_stage())
		FUZZ_CHECK(f.ops->walk(&f.pt, ~f.pt.aperture_last, UINT64_MAX, visitor, ctx) == 0);
}

static void check_all(void)
{
	struct sum sum = {0};
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < f.count; i++) {
		bytes += f.ranges[i].last - f.ranges[i].first + 1;
		check_address(f.ranges[i].first);
		check_address(f.ranges[i].last);
	}
	walk_all(add_up, &sum);
	FUZZ_CHECK(sum.bytes == bytes);
	FUZZ_CHECK(f.pt.pages <= f.platform.hosted.pages_in_use);
	FUZZ_CHECK(f.max_pages == 0 || f.pt.pages <= f.max_pages);
}

static void check_around(iommu_iova_t first, iommu_iova_t last)
{
	check_address(first);
	check_address(last);
	if (first != f.first)
		check_address(first - 1);
	if (last < f.last)
		check_address(last + 1);
}

/* --- What is done ----------------------------------------------------------------------------- */

/* Near either end, a border of tables, or a range of the list; or anywhere, misaligned, too. */
static iommu_iova_t any_iova(void)
{
	const unsigned int how = fuzz_byte(&f.input);
	const uint64_t offset = (uint64_t)fuzz_byte(&f.input) * f.page;
	const uint64_t span = f.last - f.first;

	switch (how & 7) {
	case 0:
		return f.first + offset;
	case 1:
		return f.last - offset - (f.page - 1);
	case 2:
		return f.first + ((1ULL << 30) & span) + offset - 8 * f.page;
	case 3:
		return f.first + ((1ULL << 39) & span) + offset - 8 * f.page;
	case 4:
		return f.first + ((uint64_t)(how >> 3) << 21 & span) + offset;
	case 5:
		return f.first + ((uint64_t)(how >> 3) << 30 & span);
	case 6:
		return f.count != 0 ? f.ranges[how % f.count].first + (offset & 7 * f.page)
				    : f.first;
	default:
		return fuzz_wild(&f.input);
	}
}

static uint64_t any_size(void)
{
	const unsigned int how = fuzz_byte(&f.input);

	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		return (uint64_t)(1 + (how >> 3)) * f.page;
	case 3:
		return (uint64_t)(1 + (how >> 6)) << 21;
	case 4:
		return (uint64_t)(1 + (how >> 6)) << 30;
	case 5:
		return (uint64_t)fuzz_number(&f.input, 2) % 600 * f.page;
	case 6:
		return f.last - f.first + 1;
	default:
		return fuzz_wild(&f.input);
	}
}

/* So many entries would be needed that the arena, or patience, does not hold them. */
static bool is_too_large(uint64_t size, uint64_t addresses)
{
	const uint64_t block = arm_stage() != 0 ? f.page * (f.page / 8) : IOMMU_SIZE_2M;
	uint64_t page = f.page;

	/* An empty table may be in the way of a block. */
	if ((f.pt.pgsize_bitmap & block) != 0 && (addresses & (block - 1)) == 0)
		page = arm_stage() != 0 && block > IOMMU_SIZE_2M ? 8 * f.page : block;
	return size / page > 1024;
}

static bool is_aligned(uint64_t value)
{
	return (value & (f.page - 1)) == 0;
}

/* A range beyond what can be mapped: which error, or 0. */
static int range_error(iommu_iova_t iova, uint64_t size)
{
	if (size == 0 || !is_aligned(iova) || !is_aligned(size))
		return IOMMU_EINVAL;
	if (iova + (size - 1) < iova)
		return IOMMU_EOVERFLOW;
	return 0;
}

/* Within what the tables cover; of one with two halves, within either. */
static bool is_in_space(iommu_iova_t iova, uint64_t size)
{
	const iommu_iova_t last = iova + (size - 1);

	if (last < iova)
		return false;
	if (is_first_stage() && iova >= ~f.pt.aperture_last)
		return true;
	return last <= f.pt.aperture_last;
}

static void note(iommu_iova_t iova, uint64_t size, iommu_paddr_t paddr, bool is_writable)
{
	FUZZ_CHECK(f.count < RANGES);
	f.ranges[f.count++] = (struct range){iova, iova + (size - 1), paddr, is_writable};
}

static void settle(struct iommu_gather *gather)
{
	struct iommu_gather other;

	if (fuzz_below(&f.input, 4) == 0) {
		iommu_gather_init(&other);
		f.ops->merge_gathered(&f.pt, &other, gather);
		FUZZ_CHECK(iommu_gather_is_empty(gather));
		f.ops->free_gathered(&f.pt, &other);
	} else {
		f.ops->free_gathered(&f.pt, gather);
	}
}

/*
 * Memory that the library has from the host is mapped for no device: while tables are filled, an
 * entry that leads to the filling page is the filling.
 */
static bool is_librarys(iommu_paddr_t paddr, uint64_t size)
{
	const iommu_paddr_t last = size - 1 > UINT64_MAX - paddr ? UINT64_MAX : paddr + (size - 1);

	return paddr <= ARENA_AT + (ARENA - 1) && last >= ARENA_AT;
}

static void map(void)
{
	const iommu_iova_t iova = any_iova();
	const uint64_t size = any_size();
	const bool is_writable = fuzz_flag(&f.input);
	const unsigned int prot = IOMMU_PROT_READ | (is_writable ? IOMMU_PROT_WRITE : 0U);
	const iommu_paddr_t paddr =
		fuzz_below(&f.input, 8) == 0
			? fuzz_wild(&f.input)
			: (iova & ((1ULL << 30) - 1)) + ((uint64_t)fuzz_below(&f.input, 4) << 34);
	struct iommu_gather gather;
	uint64_t mapped = 0;
	int status;

	if (f.count + 8 > RANGES || is_librarys(paddr, size) ||
	    (is_too_large(size, iova | paddr) && is_in_space(iova, size)))
		return;
	if (fuzz_below(&f.input, 4) == 0 && f.ops->map_page != NULL &&
	    f.ops->map_page(&f.pt, iova, paddr, size, prot)) {
		FUZZ_CHECK(range_error(iova, size) == 0 && size == f.page &&
			   !overlaps(iova, iova + (size - 1)));
		note(iova, size, paddr, is_writable);
		check_around(iova, iova + (size - 1));
		return;
	}
	iommu_gather_init(&gather);
	status = f.ops->map(&f.pt, iova, paddr, size, prot, &gather, &mapped);
	if (status == 0) {
		FUZZ_CHECK(range_error(iova, size) == 0 && is_aligned(paddr) && mapped == size);
		FUZZ_CHECK(is_in_space(iova, size) && !overlaps(iova, iova + (size - 1)));
		FUZZ_CHECK(paddr + (size - 1) <= f.pt.paddr_last);
		note(iova, size, paddr, is_writable);
	} else if (status == IOMMU_EEXIST) {
		FUZZ_CHECK(overlaps(iova, iova + (size - 1)));
	} else if (status == IOMMU_EINVAL) {
		FUZZ_CHECK(size == 0 || !is_aligned(iova | size | paddr));
	} else if (status == IOMMU_EOVERFLOW) {
		FUZZ_CHECK(iova + (size - 1) < iova || paddr + (size - 1) < paddr);
	} else if (status == IOMMU_ERANGE) {
		FUZZ_CHECK(!is_in_space(iova, size) || paddr + (size - 1) > f.pt.paddr_last);
	} else {
		FUZZ_CHECK(status == IOMMU_ENOMEM && (f.may_fail || f.max_pages != 0));
	}
	if (status != 0 && mapped != 0)
		FUZZ_CHECK(gather.start <= iova && gather.last >= iova + (mapped - 1));
	settle(&gather);
	if (range_error(iova, size) == 0 && is_in_space(iova, size))
		check_around(iova, iova + (size - 1));
}

static void map_pieces(void)
{
	struct iommu_map_piece pieces[4];
	const iommu_iova_t iova = any_iova();
	unsigned int count = 1 + fuzz_below(&f.input, 4), done;
	uint64_t mapped = 0, at = 0;

	if (f.ops->map_pieces == NULL || f.count + 8 > RANGES)
		return;
	for (unsigned int i = 0; i < count; i++) {
		pieces[i].size = (uint64_t)(1 + fuzz_below(&f.input, 3)) * f.page;
		pieces[i].paddr = (uint64_t)fuzz_number(&f.input, 2) * f.page;
		if (fuzz_below(&f.input, 8) == 0)
			pieces[i].size = fuzz_wild(&f.input);
		if (fuzz_below(&f.input, 8) == 0)
			pieces[i].paddr = fuzz_wild(&f.input);
		if (is_librarys(pieces[i].paddr, pieces[i].size))
			return;
	}
	done = f.ops->map_pieces(&f.pt, iova, pieces, count, ALL_PROT, &mapped);
	FUZZ_CHECK(done <= count);
	for (unsigned int i = 0; i < done; i++) {
		FUZZ_CHECK(range_error(iova + at, pieces[i].size) == 0);
		FUZZ_CHECK(is_in_space(iova + at, pieces[i].size));
		FUZZ_CHECK(!overlaps(iova + at, iova + at + (pieces[i].size - 1)));
		FUZZ_CHECK(pieces[i].paddr + (pieces[i].size - 1) <= f.pt.paddr_last);
		note(iova + at, pieces[i].size, pieces[i].paddr, true);
		at += pieces[i].size;
	}
	FUZZ_CHECK(mapped == at);
}

static uint64_t bytes_in(iommu_iova_t first, iommu_iova_t last)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < f.count; i++) {
		const iommu_iova_t from = f.ranges[i].first > first ? f.ranges[i].first : first;
		const iommu_iova_t to = f.ranges[i].last < last ? f.ranges[i].last : last;

		if (from <= to)
			bytes += to - from + 1;
	}
	return bytes;
}

static void unmap(void)
{
	const iommu_iova_t iova = any_iova();
	const uint64_t size = any_size();
	const iommu_iova_t last = iova + (size - 1);
	const unsigned int flags = fuzz_flag(&f.input) ? (unsigned int)IOMMU_UNMAP_SPLIT : 0;
	const bool counts = fuzz_flag(&f.input);
	struct iommu_gather gather;
	uint64_t unmapped = 0;
	int status;

	if (f.count + 4 > RANGES)
		return;
	if (fuzz_below(&f.input, 4) == 0 && f.ops->unmap_page != NULL &&
	    f.ops->unmap_page(&f.pt, iova, size)) {
		FUZZ_CHECK(range_error(iova, size) == 0 && size == f.page);
		FUZZ_CHECK(bytes_in(iova, last) == size);
		forget(iova, last);
		check_around(iova, last);
		return;
	}
	iommu_gather_init(&gather);
	status = f.ops->unmap(&f.pt, iova, size, flags, &gather, counts ? &unmapped : NULL);
	if (status == 0) {
		const uint64_t bytes = bytes_in(iova, last);

		FUZZ_CHECK(range_error(iova, size) == 0 && is_in_space(iova, size));
		FUZZ_CHECK(!counts || unmapped == bytes);
		FUZZ_CHECK(bytes == 0 || !iommu_gather_is_empty(&gather));
		forget(iova, last);
	} else if (status == IOMMU_EINVAL) {
		FUZZ_CHECK(range_error(iova, size) == IOMMU_EINVAL ||
			   (flags == 0 &&
			    ((iova != f.first && is_inside(iova - 1)) || is_inside(last))));
	} else if (status == IOMMU_EOVERFLOW) {
		FUZZ_CHECK(last < iova);
	} else if (status == IOMMU_ERANGE) {
		FUZZ_CHECK(!is_in_space(iova, size));
	} else if (status == IOMMU_EOPNOTSUPP) {
		FUZZ_CHECK(arm_stage() != 0 && flags != 0 &&
			   (f.pt.flags & IOMMU_PGTABLE_BBM_LEVEL_2) == 0 &&
			   ((iova != f.first && is_inside(iova - 1)) || is_inside(last)));
	} else {
		FUZZ_CHECK(status == IOMMU_ENOMEM && flags != 0 &&
			   (f.may_fail || f.max_pages != 0));
	}
	settle(&gather);
	if (range_error(iova, size) == 0 && is_in_space(iova, size))
		check_around(iova, last);
}

static void track(void)
{
	uint64_t words[64] = {0};
	const struct iommu_dirty_bitmap bitmap = {
		.words = words,
		.start = fuzz_flag(&f.input) ? any_iova() : any_iova() & ~(f.page * 64 - 1),
		.bits = fuzz_flag(&f.input) ? sizeof(words) * 8 : fuzz_number(&f.input, 2) % 4096,
		.page_shift = 12 + fuzz_below(&f.input, 20)};
	const iommu_iova_t iova = any_iova();
	const uint64_t size = any_size();
	struct iommu_gather gather;
	int status;

	if (f.ops->read_dirty == NULL || is_too_large(size, iova))
		return;
	iommu_gather_init(&gather);
	switch (fuzz_below(&f.input, 3)) {
	case 0:
		status = f.ops->read_dirty(&f.pt, iova, size, fuzz_below(&f.input, 2),
					   fuzz_flag(&f.input) ? &bitmap : NULL, &gather);
		break;
	case 1:
		if (size > 1 << 24)
			return;
		status = f.ops->split(&f.pt, iova, size,
				      f.page << (is_amd() ? fuzz_below(&f.input, 12)
						 : is_riscv() && fuzz_flag(&f.input)
							 ? 4
							 : 9 * fuzz_below(&f.input, 2)),
				      &gather);
		FUZZ_CHECK(status != IOMMU_ENOMEM || f.may_fail || f.max_pages != 0);
		break;
	default:
		f.ops->note_written(&f.pt, iova, size);
		status = 0;
		break;
	}
	FUZZ_CHECK(status <= 0);
	f.ops->free_gathered(&f.pt, &gather);
}

/* All that is not mapped leads to one page for a while, whose bytes are 0. */
static void fill(void)
{
	const int status = f.ops->fill(&f.pt);
	const iommu_iova_t iova = any_iova();
	iommu_paddr_t paddr = 0;

	FUZZ_CHECK(status == 0 || status == IOMMU_EOPNOTSUPP ||
		   (status == IOMMU_ENOMEM && (f.may_fail || f.max_pages != 0)));
	if (status != 0)
		return;
	if (is_in_space(iova, 1))
		FUZZ_CHECK(f.ops->iova_to_phys(&f.pt, iova, &paddr, NULL) == 0);
	f.ops->unfill(&f.pt);
}

static void change(void)
{
	const uint64_t sizes = f.pt.pgsize_bitmap;
	void *top = NULL;
	int status;

	switch (fuzz_below(&f.input, 5)) {
	case 4:
		fill();
		break;
	case 0:
		f.ops->set_coherent(&f.pt, fuzz_flag(&f.input));
		break;
	case 1:
		status = f.ops->set_pgsizes(&f.pt, fuzz_flag(&f.input) ? f.page : sizes);
		FUZZ_CHECK(status <= 0);
		break;
	case 2: {
		const iommu_iova_t last =
			fuzz_flag(&f.input) ? any_iova() + (f.page - 1) : fuzz_wild(&f.input);

		if (f.ops->set_aperture(&f.pt, last) == 0 && !is_first_stage()) {
			f.last = last;
			FUZZ_CHECK(!overlaps(last + 1 != 0 ? last + 1 : last,
					     last + 1 != 0 ? UINT64_MAX : last) ||
				   last == UINT64_MAX);
		}
		break;
	}
	default:
		if (fuzz_flag(&f.input)) {
			if (f.ops->extend(&f.pt, f.pt.root, &top) == 0)
				f.ops->free_top(&f.pt, top, f.pt.levels + 1);
		} else if (f.ops->trim(&f.pt, &top) == 0) {
			f.ops->free_top(&f.pt, top, f.pt.levels + 1);
			f.last = f.pt.aperture_last;
		}
		break;
	}
}

static void operate(void)
{
	switch (fuzz_below(&f.input, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		map();
		break;
	case 4:
		map_pieces();
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		unmap();
		break;
	case 9:
		track();
		break;
	case 10:
		change();
		break;
	default:
		f.platform.fail_every = fuzz_below(&f.input, 4);
		f.may_fail = f.may_fail || f.platform.fail_every != 0;
		break;
	}
}

static void run_operations(void)
{
	for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&f.input); i++) {
		operate();
		if (i % 8 == 7)
			check_all();
	}
	check_all();
}

/* --- Tables of another kernel ----------------------------------------------------------------- */

#define THEIRS 8U /* pages */

static unsigned char *theirs;
static iommu_paddr_t theirs_at;

static bool is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	return paddr >= theirs_at && size <= THEIRS * 4096 &&
	       paddr - theirs_at <= THEIRS * 4096 - size;
}

static void write_theirs(void)
{
	const bool is_big = f.ops == &iommu_tce_ops;

	for (unsigned int i = fuzz_byte(&f.input); i != 0 && !fuzz_is_done(&f.input); i--) {
		const unsigned int page = fuzz_below(&f.input, THEIRS);
		const unsigned int at = fuzz_below(&f.input, 512);
		uint64_t entry = theirs_at + ((uint64_t)fuzz_below(&f.input, THEIRS) << 12);

		switch (fuzz_below(&f.input, 4)) {
		case 0:
			entry = fuzz_wild(&f.input);
			break;
		case 1:
			entry = ((uint64_t)fuzz_number(&f.input, 3) << 12) |
				fuzz_number(&f.input, 1);
			break;
		default:
			/* A table, or a page, by RISC-V's bits: of a run, too. */
			if (is_riscv())
				entry = entry >> 2 | (page % 2 != 0 ? 1 : 0xdf) |
					(page == 6 ? 1ULL << 63 | 8 << 10 : 0);
			else if (is_amd()) /* a table of any level, or a page of any size */
				entry |= 3ULL << 61 | (uint64_t)(at & 7) << 9 | 1;
			else if (arm_stage() != 0)
				entry |= (page % 2 != 0 ? 3 : 0x7c7) |
					 (page == 6 ? 1ULL << 52 | 3ULL << 53 : 0);
			else
				entry |= 0x67;
			break;
		}
		entry = is_big ? iommu_be64(entry) : iommu_le64(entry);
		memcpy(theirs + (size_t)page * 4096 + (size_t)at * 8, &entry, 8);
	}
}

static int look_up(void *ctx, const struct iommu_pgtable_visit *visit)
{
	uint64_t *visits = ctx;
	iommu_paddr_t paddr;

	FUZZ_CHECK(++*visits <= f.pt.pages * 512);
	if (visit->is_table)
		return 0;
	FUZZ_CHECK(f.ops->iova_to_phys(&f.pt, visit->iova, &paddr, NULL) == 0);
	FUZZ_CHECK(paddr == visit->paddr && paddr + (visit->size - 1) <= f.pt.paddr_last);
	return 0;
}

/* What was copied is a table like any other: it can be looked up, cut, filled and cleared. */
static void use_copied(void)
{
	struct iommu_gather gather;
	uint64_t visits = 0, mapped;

	walk_all(look_up, &visits);
	for (unsigned int i = 0; i < 16; i++) {
		const iommu_iova_t iova = any_iova();
		const uint64_t size = any_size();

		iommu_gather_init(&gather);
		if (fuzz_flag(&f.input) && !is_too_large(size, iova))
			(void)f.ops->map(&f.pt, iova, 0, size, ALL_PROT, &gather, &mapped);
		else
			(void)f.ops->unmap(&f.pt, iova, size, IOMMU_UNMAP_SPLIT, &gather, &mapped);
		f.ops->free_gathered(&f.pt, &gather);
	}
	visits = 0;
	walk_all(look_up, &visits);
	FUZZ_CHECK(f.pt.pages <= f.max_pages);
}

static void take_theirs(void)
{
	int status;

	theirs = f.platform.platform.alloc_pages(&f.platform, 3, IOMMU_NODE_ANY, 0);
	FUZZ_CHECK(theirs != NULL);
	theirs_at = iommu_virt_to_phys(&f.platform.platform, theirs);
	write_theirs();
	status = f.ops->clone(&f.pt, theirs_at, is_memory, NULL);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL || status == IOMMU_EFAULT ||
		   status == IOMMU_ENOMEM);
	if (status == 0) {
		use_copied();
		f.ops->destroy(&f.pt);
	}
	f.platform.platform.free_pages(&f.platform, theirs, 3);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Kinds of tables beside those of the stored inputs' first bytes. */
#define RISCV_SECOND 3U
#define RISCV_FIRST  4U
#define ARM_SECOND   5U
#define ARM_FIRST    6U
#define AMD          7U

/* Sizes that the input says, with those of the levels that they need. */
static void begin_amd(struct iommu_pgtable_config *config)
{
	static const uint64_t all = 0x7ffffff000;

	f.ops = &iommu_amdv1_ops;
	config->levels = 1 + fuzz_below(&f.input, 6);
	config->input_bits =
		(config->levels == 6 ? 64 : 12 + 9 * config->levels) - fuzz_below(&f.input, 9);
	switch (fuzz_below(&f.input, 3)) {
	case 0:
		config->pgsize_bitmap |= all;
		break;
	case 1:
		config->pgsize_bitmap |=
			(all & (uint64_t)fuzz_number(&f.input, 4) << 12) | 1ULL << 21 | 1ULL << 30;
		break;
	default:
		break;
	}
	config->flags = fuzz_flag(&f.input) ? (unsigned int)IOMMU_PGTABLE_FORCE_SNOOP : 0;
}

/* A granule, and of its sizes those that the input says. */
static void begin_arm(struct iommu_pgtable_config *config, unsigned int kind, bool is_clone)
{
	static const uint64_t sizes[3][4] = {
		{1ULL << 12, 1ULL << 16, 1ULL << 21, 1ULL << 25},
		{1ULL << 14, 1ULL << 21, 1ULL << 25, 1ULL << 30},
		{1ULL << 16, 1ULL << 21, 1ULL << 29, 1ULL << 34},
	};
	static const unsigned int flags[] = {0, IOMMU_PGTABLE_BBM_LEVEL_1,
					     IOMMU_PGTABLE_BBM_LEVEL_2, IOMMU_PGTABLE_BBM_LEVEL_2};
	const unsigned int granule = is_clone ? 0 : fuzz_below(&f.input, 3);
	const unsigned int which = fuzz_byte(&f.input), more = fuzz_byte(&f.input);

	f.ops = kind == ARM_FIRST ? &iommu_vmsas1_ops : &iommu_vmsas2_ops;
	f.page = sizes[granule][0];
	/* Runs come with their pages. */
	config->pgsize_bitmap = f.page | ((which & 1) != 0 ? sizes[granule][1] : 0);
	if ((which & 2) != 0)
		config->pgsize_bitmap |= sizes[granule][2];
	if ((which & 6) == 6)
		config->pgsize_bitmap |= sizes[granule][3];
	config->flags = flags[more & 3];
	if ((more & 4) != 0)
		config->flags |= IOMMU_PGTABLE_DIRTY_TRACKING;
	if ((more & 8) != 0)
		config->flags |= IOMMU_PGTABLE_ACCESSED;
	if ((more & 16) != 0 && granule != 2)
		config->flags |= IOMMU_PGTABLE_LPA2;
	else if (granule != 2 && config->output_bits > 48)
		config->output_bits = 48;
	config->input_bits = is_clone ? 48 : 25 + fuzz_below(&f.input, 28);
	config->levels = (more & 32) != 0 ? 1 + fuzz_below(&f.input, 5) : is_clone ? 4 : 0;
}

static bool begin(unsigned int kind, bool is_clone)
{
	struct iommu_pgtable_config config = {
		.platform = &f.platform.platform,
		.output_bits = 40 + fuzz_below(&f.input, 13),
		.pgsize_bitmap = IOMMU_SIZE_4K,
		.node = IOMMU_NODE_ANY,
	};

	f.page = 4096;
	if (fuzz_flag(&f.input))
		config.pgsize_bitmap |= IOMMU_SIZE_2M;
	if (fuzz_flag(&f.input))
		config.pgsize_bitmap |= IOMMU_SIZE_1G;
	f.max_pages = fuzz_flag(&f.input) ? 2 + fuzz_byte(&f.input) : 0;
	if (is_clone)
		f.max_pages = 64;
	config.max_pages = f.max_pages;
	switch (kind) {
	case 0:
		f.ops = &iommu_vtdss_ops;
		config.levels = 3 + fuzz_below(&f.input, 3);
		config.input_bits = 12 + 9 * config.levels - fuzz_below(&f.input, 9);
		break;
	case 1:
		f.ops = &iommu_x86_64_table_ops;
		config.levels = 4 + fuzz_below(&f.input, 2);
		config.input_bits = config.levels == 4 ? 47 : 56;
		config.flags = IOMMU_PGTABLE_NO_EXECUTE;
		break;
	case RISCV_SECOND:
	case RISCV_FIRST:
		f.ops = kind == RISCV_FIRST ? &iommu_riscvfs_ops : &iommu_riscvss_ops;
		config.levels = 3 + fuzz_below(&f.input, 3);
		config.input_bits = 12 + 9 * config.levels + (kind == RISCV_FIRST ? -1U : 2U);
		config.flags = IOMMU_PGTABLE_MEMORY_TYPES;
		if (fuzz_flag(&f.input))
			config.pgsize_bitmap |= IOMMU_SIZE_64K;
		break;
	case ARM_SECOND:
	case ARM_FIRST:
		begin_arm(&config, kind, is_clone);
		break;
	case AMD:
		begin_amd(&config);
		break;
	default:
		f.ops = &iommu_tce_ops;
		config.levels = 1 + fuzz_below(&f.input, 5);
		config.table_order = is_clone ? 0 : fuzz_below(&f.input, 3);
		f.page = 1ULL << (12 + fuzz_below(&f.input, 23));
		config.pgsize_bitmap = f.page;
		config.input_bits = 24 + fuzz_below(&f.input, 40);
		break;
	}
	if (f.ops->init(&f.pt, &config) != 0) {
		FUZZ_CHECK(f.platform.hosted.pages_in_use == 0);
		return false;
	}
	f.last = f.pt.aperture_last;
	if (is_first_stage() && fuzz_flag(&f.input)) {
		f.first = ~f.pt.aperture_last;
		f.last = UINT64_MAX;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned int mode, kind;
	bool is_clone;

	memset(&f, 0, sizeof(f));
	f.input = (struct fuzz_bytes){bytes, size};
	test_platform_init(&f.platform, ARENA, ARENA_AT);
	f.platform.quiet = true;
	mode = fuzz_byte(&f.input);
	kind = mode % 12 % 3;
	is_clone = mode % 12 >= 9;
	if (mode >= 144 && mode < 168) {
		kind = AMD;
		is_clone = mode >= 162;
	}
	if (mode >= 168 && mode < 192) {
		kind = mode % 2 != 0 ? ARM_FIRST : ARM_SECOND;
		is_clone = mode >= 186;
	}
	if (mode >= 192) {
		kind = mode % 2 != 0 ? RISCV_FIRST : RISCV_SECOND;
		is_clone = mode % 8 >= 6;
	}
	if (begin(kind, is_clone)) {
		if (is_clone) {
			take_theirs();
		} else {
			run_operations();
			f.ops->destroy(&f.pt);
		}
	}
	FUZZ_CHECK(f.pt.pages == 0);
	test_platform_destroy(&f.platform);
	return 0;
}
