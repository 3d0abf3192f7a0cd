/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces, device files and a container, called in any order with any arguments, over
 * hardware that is honest, slow, silent or refuses, with memory that runs out, limits that are
 * reached, backings that are revoked and callbacks that do not do what they are asked.
 *
 * The oracle knows only what the headers say of return values. For each page of each space it has
 * the set of frames that a device may be led to there: a frame enters the set with a call that may
 * have mapped it, and leaves it with an unmap, a revocation or a destruction that returned 0. Each
 * frame holds bytes that name it, which software reads by what it may have mapped. For
 * each device it has the set of spaces that the device may have been told to use. After every call,
 * every page that a device reaches leads to a frame of these sets, and that frame is pinned. What a
 * map that returned 0 has mapped is reached, as long as nothing has failed. At the end nothing is
 * pinned, reached or left.
 */
#include <libiommu/vfio.h>
#include <libiommu/vtd.h>

#include "fuzz.h"
#include "ioas_fixture.h"
#include "test_contract.h"

#define SPACES     3U /* the last is the container's */
#define SLOTS      48U
#define BASE       0x40000000ULL
#define FRAMES     64U
#define DEVICES    4U /* two are bound, one has a device file, one a group file */
#define PASIDS     3U /* none, and two */
#define HWPTS      6U
#define HOLDS      4U
#define OPERATIONS 96U

static struct {
	struct fuzz_bytes input;
	iommu_paddr_t frames;
	uint32_t spaces[SPACES]; /* 0: none */
	uint64_t may[SPACES][SLOTS];
	uint8_t sure[SPACES][SLOTS]; /* 1 + the frame that is mapped for certain; 0: unknown */
	bool may_write[SPACES][SLOTS];
	unsigned int told[DEVICES][PASIDS];
	unsigned int uses[DEVICES][PASIDS]; /* 1 + the space, for certain; 0: unknown */
	struct {
		uint32_t id;
		unsigned int space;
		bool is_nested; /* on a table of a guest's, which leads nowhere */
	} hwpts[HWPTS];
	bool has_nested;
	uint32_t access, plain_access, faults, unit;
	struct {
		unsigned int first, count;
	} holds[HOLDS];
	bool keeps_holds; /* the callback does not unpin */
	unsigned int pins[FRAMES];
	bool pin_fails, pin_lies;
	unsigned int per_call;
	/* Of the frames of the upper half: taken back, for certain; or perhaps. */
	bool is_revoked, is_unsure;
	bool is_troubled; /* something failed that leaves traces */
	struct iommu_device_files *files;
	struct iommu_device_file *device_file, *group_device;
	bool is_group_closed; /* its file, as long as a device of it is open */
	struct iommu_group_file *group_file;
	struct iommu_container *container, *plain; /* the latter without an IOMMU */
	struct iommu_account *account;
	struct iommu_backing_ops ops[2]; /* of both owners */
} t;

static unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

static iommu_iova_t iova_of(unsigned int slot)
{
	return BASE + (iommu_iova_t)slot * 4096;
}

/* --- Memory ----------------------------------------------------------------------------------- */

static bool is_upper(unsigned int frame)
{
	return frame >= FRAMES / 2;
}

static int pin(void *context, uint64_t address, uint64_t size, unsigned int prot,
	       struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	const unsigned int first = (unsigned int)(address >> 12);
	unsigned int pages = (unsigned int)(size >> 12);

	(void)context;
	(void)prot;
	FUZZ_CHECK(room != 0 && size != 0 && (size & 4095) == 0 && (address & 4095) == 0);
	FUZZ_CHECK(first < FRAMES && pages <= FRAMES - first);
	if (t.pin_fails)
		return IOMMU_EFAULT;
	if (is_upper(first + pages - 1) && t.is_revoked)
		return IOMMU_ENODEV;
	if (t.pin_lies) {
		pieces[0] = (struct iommu_map_piece){t.frames, size + 4096};
		*count = 1;
		return 0;
	}
	if (t.per_call != 0 && pages > t.per_call)
		pages = t.per_call;
	for (unsigned int i = 0; i < pages; i++)
		t.pins[first + i]++;
	pieces[0] =
		(struct iommu_map_piece){t.frames + ((uint64_t)first << 12), (uint64_t)pages << 12};
	*count = 1;
	return 0;
}

static void unpin(void *context, uint64_t address, const struct iommu_map_piece *pieces,
		  unsigned int count, unsigned int prot)
{
	unsigned int frame = (unsigned int)(address >> 12);

	(void)context;
	(void)prot;
	for (unsigned int i = 0; i < count; i++)
		for (uint64_t at = 0; at < pieces[i].size; at += 4096, frame++) {
			FUZZ_CHECK(frame < FRAMES && t.pins[frame] != 0);
			FUZZ_CHECK(pieces[i].paddr + at == t.frames + ((uint64_t)frame << 12));
			t.pins[frame]--;
		}
}

/* What each byte of a frame is; software writes bytes of WRITTEN. No entry of a table. */
#define NAME_OF(frame) (2 * (frame) + 2)
#define WRITTEN        0xfe

static int copy_bytes(void *context, uint64_t address, void *bytes, size_t size, bool write)
{
	(void)context;
	FUZZ_CHECK(address + size <= (uint64_t)FRAMES << 12);
	for (size_t i = 0; i < size && !write; i++)
		((uint8_t *)bytes)[i] = (uint8_t)NAME_OF((address + i) >> 12);
	return 0;
}

static bool is_same(void *context, void *other, uint64_t address, uint64_t size)
{
	(void)context;
	(void)other;
	(void)address;
	(void)size;
	return fuzz_flag(&t.input);
}

static bool is_same_at(void *context, uint64_t address, const struct iommu_backing *other,
		       uint64_t size)
{
	(void)context;
	(void)size;
	return other->address == address;
}

/* Two owners; their addresses are those of frames. */
static char owners[2];

static struct iommu_backing backing_of(unsigned int frame)
{
	return (struct iommu_backing){&t.ops[is_upper(frame)], &owners[is_upper(frame)],
				      (uint64_t)frame << 12};
}

/* With all functions, or without those that need not be; memory, or registers. */
static void choose_owners(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		const unsigned int lacks = below(4) == 0 ? below(8) : 0;

		t.ops[i] = (struct iommu_backing_ops){
			.pin = pin,
			.unpin = unpin,
			.copy = (lacks & 1) != 0 ? NULL : copy_bytes,
			.is_same = (lacks & 2) != 0 ? NULL : is_same,
			.is_same_at = (lacks & 4) != 0 ? NULL : is_same_at,
			.flags = below(8) == 0 ? (unsigned int)IOMMU_BACKING_MMIO : 0,
		};
	}
}

/* --- What may be ------------------------------------------------------------------------------ */

static bool is_open(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* Any call's answer: a status. What leaves traces makes all that follows unsure. */
static int seen(int status)
{
	FUZZ_CHECK(status <= 0);
	if (is_open(status) || status == IOMMU_ENOMEM)
		t.is_troubled = true;
	return status;
}

static bool may_reach(unsigned int user, unsigned int pasid, unsigned int slot, uint64_t frame)
{
	if (is_upper((unsigned int)frame) && t.is_revoked && !t.is_unsure)
		return false;
	for (unsigned int s = 0; s < SPACES; s++)
		if ((t.told[user][pasid] >> s & 1) != 0 && (t.may[s][slot] >> frame & 1) != 0)
			return true;
	return false;
}

static void check_page(unsigned int user, unsigned int pasid, unsigned int slot, bool writes)
{
	const unsigned int uses = t.uses[user][pasid];
	iommu_paddr_t paddr = 0;
	const bool passes =
		model_device_access_pasid(f.device[user], pasid, iova_of(slot),
					  writes ? IOMMU_PROT_WRITE : IOMMU_PROT_READ, &paddr) == 0;

	if (passes) {
		const uint64_t frame = (paddr - t.frames) >> 12;

		FUZZ_CHECK(paddr >= t.frames && frame < FRAMES);
		if (!may_reach(user, pasid, slot, frame))
			fprintf(stderr,
				"user %u pasid %u slot %u frame %u told %x uses %u may0 %llx may1 "
				"%llx may2 %llx troubled %d revoked %d\n",
				user, pasid, slot, (unsigned)frame, t.told[user][pasid],
				t.uses[user][pasid], (long long)t.may[0][slot],
				(long long)t.may[1][slot], (long long)t.may[2][slot], t.is_troubled,
				t.is_revoked);
		FUZZ_CHECK(may_reach(user, pasid, slot, frame));
		FUZZ_CHECK(t.pins[frame] != 0);
	}
	if (t.is_troubled || uses == 0 || t.sure[uses - 1][slot] == 0)
		return;
	if (is_upper(t.sure[uses - 1][slot] - 1U) && (t.is_revoked || t.is_unsure))
		return;
	if (!writes || t.may_write[uses - 1][slot])
		FUZZ_CHECK(passes && (paddr - t.frames) >> 12 == t.sure[uses - 1][slot] - 1U);
}

/*
 * Every page in turn, each device a few after each call; all of them (`step` 1) now and then. What
 * is wrong stays wrong until it is looked at.
 */
/* A guest's tables lie in memory that holds none, and lead nowhere. */
static void forgive_guest(void)
{
	if (t.has_nested && f.machine.violation != NULL &&
	    strcmp(f.machine.violation, "hardware walked into a page of device memory") == 0)
		f.machine.violation = NULL;
}

static void check(unsigned int round, unsigned int step)
{
	const bool writes = (t.input.left & 1) != 0;

	for (unsigned int user = 0; user < DEVICES; user++)
		for (unsigned int slot = round % step; slot < SLOTS; slot += step)
			check_page(user, 0, slot, writes);
	for (unsigned int user = 0; user < 2; user++)
		for (unsigned int pasid = 1; pasid < PASIDS; pasid++)
			for (unsigned int slot = round % step; slot < SLOTS; slot += 2 * step)
				check_page(user, pasid, slot, writes);
	forgive_guest();
	if (f.machine.violation != NULL)
		fprintf(stderr, "# %s\n", f.machine.violation);
	FUZZ_CHECK(f.machine.violation == NULL);
	test_contract_no_lock(&f.machine, "a call");
}

/* --- Maps ------------------------------------------------------------------------------------- */

static void any_range(unsigned int *first, unsigned int *count)
{
	*first = below(SLOTS);
	*count = 1 + below(below(4) == 0 ? 24 : 6);
	if (*count > SLOTS - *first)
		*count = SLOTS - *first;
}

static void note_mapped(unsigned int s, unsigned int first, unsigned int count, unsigned int frame,
			bool writable)
{
	for (unsigned int i = 0; i < count; i++) {
		t.may[s][first + i] |= 1ULL << (frame + i);
		t.sure[s][first + i] = (uint8_t)(frame + i + 1);
		t.may_write[s][first + i] = writable;
	}
}

static void note_perhaps(unsigned int s, unsigned int first, unsigned int count, unsigned int frame)
{
	for (unsigned int i = 0; i < count; i++)
		t.may[s][first + i] |= 1ULL << (frame + i);
}

static void note_unmapped(unsigned int s, unsigned int first, unsigned int count, int status)
{
	for (unsigned int i = first; i < first + count; i++) {
		t.sure[s][i] = 0;
		if (status == 0)
			t.may[s][i] = 0;
	}
}

static unsigned int any_frames(unsigned int *count)
{
	const unsigned int frame = below(FRAMES);
	const unsigned int end = is_upper(frame) ? FRAMES : FRAMES / 2;

	if (*count > end - frame)
		*count = end - frame;
	return frame;
}

static void map(void)
{
	const unsigned int s = below(2);
	const bool writable = below(4) != 0;
	unsigned int first, count, frame;
	struct iommu_backing backing;
	iommu_iova_t iova;
	int status;

	any_range(&first, &count);
	frame = any_frames(&count);
	backing = backing_of(frame);
	iova = iova_of(first);
	status = seen(iommu_ioas_map(
		ctx, t.spaces[s], &backing, (uint64_t)count << 12,
		IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | (writable ? IOMMU_IOAS_WRITE : 0U), &iova));
	if (status == 0)
		note_mapped(s, first, count, frame, writable);
	else if (is_open(status))
		note_perhaps(s, first, count, frame);
}

/* Of any place and size; what succeeds is taken back at once, as far as that goes. */
static void map_wildly(void)
{
	const unsigned int s = below(2);
	const struct iommu_backing_ops odd = {.pin = pin, .flags = 1U << below(4)};
	struct iommu_backing backing = backing_of(0);
	iommu_iova_t iova =
		below(4) == 0 ? UINT64_MAX - 4095 - 4096 * (uint64_t)below(4) : fuzz_wild(&t.input);
	const uint64_t size = below(2) == 0 ? 4096ULL << below(4) : fuzz_wild(&t.input);
	const unsigned int flags = below(2) == 0   ? ANY | (below(2) == 0 ? IOMMU_IOAS_FIXED : 0U)
				   : below(2) == 0 ? (unsigned int)IOMMU_IOAS_FIXED << below(4)
						   : (unsigned int)fuzz_number(&t.input, 3);
	int status;

	if (below(16) == 0) {
		backing.ops = below(2) == 0 ? &odd : NULL;
		FUZZ_CHECK(iommu_ioas_map(ctx, t.spaces[s], &backing, 4096, ANY, &iova) != 0);
		return;
	}
	if (below(16) == 0)
		backing.address = fuzz_wild(&t.input);
	if (backing.address > (uint64_t)FRAMES / 2 << 12 && size <= (uint64_t)FRAMES << 12 &&
	    size - 1 <= UINT64_MAX - backing.address)
		return;

	/*
	 * The pages that are watched are mapped by the other function; and the memory has an end.
	 */
	if (size > (uint64_t)FRAMES / 2 << 12 ||
	    (iova + size > BASE - (1 << 20) && iova < BASE + (1 << 20)))
		return;
	status = seen(iommu_ioas_map(ctx, t.spaces[s], &backing, size, flags, &iova));
	if (status != 0)
		return;
	FUZZ_CHECK(size != 0 && iova + (size - 1) >= iova);
	FUZZ_CHECK(iova + size <= BASE || iova >= iova_of(SLOTS));
	(void)seen(iommu_ioas_unmap(ctx, t.spaces[s], iova, size, NULL));
}

/* An object that is no address space. */
static uint32_t any_other(void)
{
	const uint32_t others[] = {device[below(2)], t.access, t.faults, t.unit, 0, 12345};

	return others[below(6)];
}

static void copy(void)
{
	const unsigned int from = below(2), to = below(2);
	const bool writable = below(4) == 0;
	unsigned int first, count, source;
	iommu_iova_t iova;
	int status;

	any_range(&first, &count);
	source = below(SLOTS - count + 1);
	iova = iova_of(first);
	if (below(8) == 0) {
		const uint64_t size = below(4) == 0 ? fuzz_wild(&t.input) : (uint64_t)count << 12;

		/* To any place, and away from there; or from no space at all. */
		status = seen(iommu_ioas_copy(ctx, t.spaces[to],
					      below(4) != 0 ? t.spaces[from] : any_other(),
					      iova_of(source), size, ANY, &iova));
		if (status != 0 && !is_open(status))
			return;
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			for (unsigned int i = 0; i < count && iova == iova_of(slot); i++)
				FUZZ_CHECK(slot + i >= SLOTS || t.sure[to][slot + i] == 0);
		if (status != 0 || seen(iommu_ioas_unmap(ctx, t.spaces[to], iova, size, NULL)) != 0)
			for (unsigned int i = 0; i < SLOTS; i++)
				for (unsigned int k = 0; k < SLOTS; k++)
					t.may[to][i] |= t.may[from][k];
		return;
	}
	status = seen(iommu_ioas_copy(
		ctx, t.spaces[to], t.spaces[from], iova_of(source), (uint64_t)count << 12,
		IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | (writable ? IOMMU_IOAS_WRITE : 0U), &iova));
	if (status != 0 && !is_open(status))
		return;
	for (unsigned int i = 0; i < count; i++) {
		t.may[to][first + i] |= t.may[from][source + i];
		if (status == 0) {
			t.sure[to][first + i] = t.sure[from][source + i];
			t.may_write[to][first + i] = writable;
		}
	}
}

static void unmap_some(void)
{
	const unsigned int s = below(2);
	unsigned int first, count;
	uint64_t unmapped = 0;
	int status;

	any_range(&first, &count);
	if (below(16) == 0) {
		const uint64_t size = fuzz_wild(&t.input);

		/* Beside what is watched; or not at all. */
		if (size > BASE / 2 && (size & 4095) == 0)
			return;
		(void)seen(iommu_ioas_unmap(ctx, below(4) != 0 ? t.spaces[s] : any_other(),
					    below(2) ? 0 : 0 - size, size, &unmapped));
		return;
	}
	if (below(12) == 0) {
		status = seen(iommu_ioas_unmap(ctx, t.spaces[s], 0, UINT64_MAX, &unmapped));
		note_unmapped(s, 0, SLOTS, status);
		return;
	}
	status = seen(iommu_ioas_unmap(ctx, t.spaces[s], iova_of(first), (uint64_t)count << 12,
				       &unmapped));
	FUZZ_CHECK(unmapped <= (uint64_t)count << 12);
	if (status == IOMMU_EINVAL && unmapped == 0)
		return; /* cut, and not allowed to be */
	if (status == IOMMU_ENOENT) {
		for (unsigned int i = first; i < first + count; i++)
			FUZZ_CHECK(t.is_troubled || t.sure[s][i] == 0);
		return;
	}
	note_unmapped(s, first, count, status);
}

/* --- Devices ---------------------------------------------------------------------------------- */

static void note_attached(unsigned int user, unsigned int pasid, unsigned int space, int status)
{
	if (status == 0) {
		t.told[user][pasid] = 1U << space;
		t.uses[user][pasid] = space + 1;
	} else if (is_open(status)) {
		t.told[user][pasid] |= 1U << space;
		t.uses[user][pasid] = 0;
	}
}

static void note_detached(unsigned int user, unsigned int pasid, int status)
{
	if (status == 0)
		t.told[user][pasid] = 0;
	if (status == 0 || is_open(status))
		t.uses[user][pasid] = 0;
}

/* An IOAS, or an HWPT of one, perhaps by a guest's table; or nothing that leads anywhere. */
static uint32_t any_target(unsigned int *space, bool *is_nested)
{
	const unsigned int which = below(2 + HWPTS);

	*is_nested = false;
	*space = 0;
	if (below(32) == 0)
		return any_other();
	if (which < 2) {
		*space = which;
		return t.spaces[which];
	}
	*space = t.hwpts[which - 2].space;
	*is_nested = t.hwpts[which - 2].is_nested;
	return t.hwpts[which - 2].id;
}

static void look_at_tlb(unsigned int i)
{
	f.device[i]->has_tlb =
		f.endpoint[i] != NULL && iommu_endpoint_uses_device_tlb(f.endpoint[i]);
}

/* Features of the device, which the host has; or the device goes, bound or not. */
static void change_device(void)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS};
	const unsigned int i = below(2), feature = below(2);

	if (f.endpoint[i] == NULL)
		return;
	if (below(4) != 0)
		(void)seen(iommu_endpoint_enable_feature(f.endpoint[i], features[feature]));
	else
		(void)seen(iommu_endpoint_disable_feature(f.endpoint[i], features[feature]));
	if (i != 1 || below(8) != 0)
		return;
	memset(t.uses[i], 0, sizeof(t.uses[i]));
	if (seen(iommu_release_endpoint(f.endpoint[i])) != 0)
		return;
	memset(t.told[i], 0, sizeof(t.told[i]));
	f.endpoint[i] = NULL;
	look_at_tlb(i);
}

static void attach_device(void)
{
	const unsigned int i = below(3), pasid = below(4) == 0 ? below(PASIDS) : 0;
	unsigned int space;
	bool is_nested;
	const uint32_t to = any_target(&space, &is_nested);
	uint32_t hwpt = 0;
	int status;

	if (to == 0)
		return;
	if (i == 2 && pasid != 0)
		return;
	if (i == 2) {
		if (t.device_file != NULL)
			note_attached(2, 0, space,
				      seen(iommu_device_file_attach(t.device_file, 0, to, &hwpt)));
		if (is_nested)
			t.uses[2][0] = 0;
		return;
	}
	if (fuzz_flag(&t.input))
		status = seen(iommu_device_attach(ctx, device[i], pasid, to, &hwpt));
	else
		status = seen(iommu_device_replace(ctx, device[i], pasid, to, &hwpt));
	note_attached(i, pasid, space, status);
	if (is_nested)
		t.uses[i][pasid] = 0;
	look_at_tlb(i);
}

static void detach_device(void)
{
	const unsigned int i = below(3), pasid = below(4) == 0 ? below(PASIDS) : 0;

	if (i == 2) {
		if (t.device_file != NULL)
			note_detached(2, 0, seen(iommu_device_file_detach(t.device_file, 0)));
		return;
	}
	note_detached(i, pasid, seen(iommu_device_detach(ctx, device[i], pasid)));
}

static void rebind(void)
{
	const unsigned int i = below(2);
	const int status = seen(iommu_device_unbind(ctx, device[i]));

	/* What was not confirmed stays pinned, and may be reached; attached it is not. */
	for (unsigned int pasid = 0; pasid < PASIDS; pasid++)
		t.uses[i][pasid] = 0;
	if (status == 0 && !t.is_troubled)
		for (unsigned int pasid = 0; pasid < PASIDS; pasid++)
			t.told[i][pasid] = 0;
	if (status == 0)
		device[i] = 0;
	if (device[i] == 0 && f.endpoint[i] != NULL &&
	    seen(iommu_device_bind(ctx, f.endpoint[i], &device[i])) != 0)
		device[i] = 0;
}

static void use_device_file(void)
{
	uint32_t id;
	int status;

	if (t.device_file == NULL) {
		if (seen(iommu_device_file_open(t.files, f.endpoint[2], &t.device_file)) != 0)
			t.device_file = NULL;
		return;
	}
	if (fuzz_flag(&t.input)) {
		(void)seen(iommu_device_file_bind(t.device_file, ctx, &id));
		return;
	}
	status = seen(iommu_device_file_close(t.device_file));
	FUZZ_CHECK(status == 0 || is_open(status));
	if (status == 0) {
		t.device_file = NULL;
		t.uses[2][0] = 0;
		if (!t.is_troubled)
			t.told[2][0] = 0;
	} else {
		t.uses[2][0] = 0;
	}
}

/* --- Tables ----------------------------------------------------------------------------------- */

static void make_nested(unsigned int which)
{
	const unsigned int on = below(HWPTS), i = below(2);
	const struct iommu_vtd_first_stage stage = {.table = iova_of(below(SLOTS)), .levels = 4};
	const struct iommu_hwpt_config config = {
		.flags = below(4) == 0 ? below(32)
				       : (below(2) ? IOMMU_HWPT_PASID : 0U) |
						 (below(2) ? IOMMU_HWPT_FAULTS : 0U),
		.faults = below(8) != 0 ? t.faults : any_other(),
		.user_data = below(8) != 0 ? &stage : NULL,
		.user_size = below(8) != 0 ? sizeof(stage) : 0,
		.user_type = (enum iommu_hardware_type)(below(8) == 0 ? below(4) : 0),
	};
	uint32_t id = 0;
	int status;

	t.has_nested = true;
	status = seen(iommu_hwpt_alloc(ctx, device[i],
				       below(4) != 0 || t.unit == 0 ? t.hwpts[on].id : t.unit,
				       &config, &id));
	if ((config.flags & IOMMU_HWPT_ATTACH) != 0) {
		/* By the unit it is another's, of whichever space. */
		for (unsigned int s = 0; s < 2 && (status == 0 || is_open(status)); s++)
			t.told[i][0] |= 1U << s;
		if (status == 0 || is_open(status))
			t.uses[i][0] = 0;
	}
	if (status != 0)
		return;
	t.hwpts[which].id = id;
	t.hwpts[which].space = t.hwpts[on].space;
	t.hwpts[which].is_nested = true;
}

static void make_hwpt(void)
{
	const unsigned int which = below(HWPTS), s = below(2), i = below(2);
	const struct iommu_hwpt_config config = {
		.flags = below(4) == 0 ? below(64) : 1U << below(5),
		.faults = below(8) != 0 ? t.faults : any_other(),
		.user_data = below(32) == 0 ? &t : NULL,
		.user_size = below(32) == 0,
	};
	uint32_t id = 0;
	int status;

	if (t.hwpts[which].id != 0) {
		status = seen(iommu_object_destroy(ctx, t.hwpts[which].id));
		if (status == 0)
			t.hwpts[which].id = 0;
		return;
	}
	if (below(3) == 0) {
		make_nested(which);
		return;
	}
	status = seen(iommu_hwpt_alloc(ctx, device[i], below(32) != 0 ? t.spaces[s] : any_other(),
				       &config, &id));
	if ((config.flags & IOMMU_HWPT_ATTACH) != 0)
		note_attached(i, 0, s, status);
	if (status != 0)
		return;
	t.hwpts[which].id = id;
	t.hwpts[which].space = s;
	t.hwpts[which].is_nested = false;
}

/* A virtual unit, on a table that may be nested on. */
static void make_unit(void)
{
	if (t.unit != 0 && seen(iommu_object_destroy(ctx, t.unit)) == 0)
		t.unit = 0;
	if (t.unit == 0 && seen(iommu_virtual_unit_alloc(ctx, device[below(2)],
							 t.hwpts[below(HWPTS)].id, &t.unit)) != 0)
		t.unit = 0;
}

static void invalidate(void)
{
	const struct iommu_vtd_invalidation requests[2] = {{iova_of(below(SLOTS)), 1, 0, 0},
							   {0, UINT64_MAX, 0, 0}};
	const uint32_t id = t.hwpts[below(HWPTS)].id;
	unsigned int done = 0;
	int status;

	if (below(2) == 0)
		status = iommu_hwpt_invalidate(ctx, id, requests, sizeof(requests[0]), below(3),
					       &done);
	else
		status = iommu_hwpt_invalidate_as(ctx, id, (enum iommu_hardware_type)below(3),
						  requests, sizeof(requests[0]), below(3), &done);
	FUZZ_CHECK(seen(status) != 0 || done <= 2);
}

static void use_hwpt(void)
{
	const uint32_t id = below(16) != 0 ? t.hwpts[below(HWPTS)].id : any_other();
	uint64_t words[2] = {0};
	struct iommu_dirty_bitmap bitmap = {words, BASE, 128, 12};
	struct iommu_hwpt_info info;
	unsigned int first, count;

	any_range(&first, &count);
	switch (below(6)) {
	case 4:
		invalidate();
		break;
	case 5:
		make_unit();
		break;
	case 0:
		(void)seen(iommu_hwpt_set_dirty(ctx, id, fuzz_flag(&t.input)));
		break;
	case 1:
		if (seen(iommu_hwpt_read_dirty(ctx, id, iova_of(first), (uint64_t)count << 12,
					       below(2), &bitmap)) == 0)
			for (unsigned int slot = 0; slot < 128; slot++)
				FUZZ_CHECK((words[slot / 64] >> slot % 64 & 1) == 0 ||
					   (slot >= first && slot < first + count));
		break;
	case 2:
		(void)seen(iommu_hwpt_split(ctx, id, iova_of(first), (uint64_t)count << 12,
					    4096ULL << 9 * below(3)));
		break;
	default:
		(void)seen(iommu_hwpt_get_info(ctx, id, &info));
		break;
	}
}

static void remake_space(void)
{
	const unsigned int s = below(2);
	int status = t.spaces[s] != 0 ? seen(iommu_object_destroy(ctx, t.spaces[s])) : 0;

	if (status != 0)
		return;
	/* Nothing uses it any more: no table, and no device. */
	note_unmapped(s, 0, SLOTS, 0);
	t.spaces[s] = 0;
	FUZZ_CHECK(iommu_ioas_alloc(ctx, 1U << 31, &t.spaces[s]) != 0);
	status = seen(iommu_ioas_alloc(ctx, below(2) | (below(4) == 0 ? IOMMU_IOAS_SMALL_PAGES : 0),
				       &t.spaces[s]));
	if (status != 0)
		t.spaces[s] = 0;
}

static void use_space(void)
{
	const uint32_t space = below(16) != 0 ? t.spaces[below(2)] : any_other();
	struct iommu_iova_bounds ranges[4];
	struct iommu_ioas_area area;
	uint64_t alignment = 0;
	unsigned int count = 0;

	switch (below(4)) {
	case 0:
		if (seen(iommu_ioas_get_ranges(ctx, space, ranges, 4, &count, &alignment)) == 0)
			for (unsigned int i = 0; i < count && i < 4; i++)
				FUZZ_CHECK(ranges[i].first <= ranges[i].last);
		break;
	case 1:
		for (unsigned int i = 0; i < 4; i++) {
			ranges[i].first = below(4) == 0 ? fuzz_wild(&t.input)
							: (uint64_t)fuzz_byte(&t.input) << 24;
			ranges[i].last =
				ranges[i].first + (uint64_t)fuzz_number(&t.input, 2) * 4096;
		}
		(void)seen(iommu_ioas_allow(ctx, space, ranges, below(5)));
		break;
	case 2:
		(void)seen(iommu_ioas_change_backing(ctx, space, &owners[0], &owners[0]));
		break;
	default:
		if (iommu_ioas_next_area(ctx, space, iova_of(below(SLOTS)), &area) == 0)
			FUZZ_CHECK(area.size != 0 && (area.size & 4095) == 0);
		break;
	}
}

/* --- Owners ----------------------------------------------------------------------------------- */

static void note_revocation(int status, bool is_done)
{
	t.is_revoked = is_done;
	t.is_unsure = status != 0;
	if (status != 0)
		t.is_troubled = true;
}

/* Both users of the memory are asked: the file and the container. */
static void revoke(void)
{
	int one, other;

	t.is_revoked = true;
	t.is_unsure = true;
	one = seen(iommu_backing_revoke(ctx, &owners[1]));
	other = seen(iommu_container_revoke(t.container, &owners[1]));
	note_revocation(one != 0 ? one : other, true);
}

static void restore(void)
{
	int one, other;

	t.is_revoked = false;
	t.is_unsure = true;
	one = seen(iommu_backing_restore(ctx, &owners[1]));
	other = seen(iommu_container_restore(t.container, &owners[1]));
	note_revocation(one != 0 ? one : other, false);
}

/* --- Software --------------------------------------------------------------------------------- */

static void let_go(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	if (t.keeps_holds)
		return;
	for (unsigned int i = 0; i < HOLDS; i++) {
		const iommu_iova_t first = iova_of(t.holds[i].first);
		const uint64_t held = (uint64_t)t.holds[i].count << 12;

		if (held == 0 || first > iova + (size - 1) || iova > first + (held - 1))
			continue;
		FUZZ_CHECK(iommu_access_unpin(ctx, t.access, first, held) == 0);
		t.holds[i].count = 0;
	}
}

/* What cannot be held: of no size, by no permission, beyond the end, by what never pins. */
static void hold_wildly(void)
{
	const uint32_t ids[] = {t.access, t.access, t.plain_access, any_other()};
	const uint32_t id = ids[below(4)];
	const uint64_t size = below(2) == 0 ? 4096 : fuzz_wild(&t.input);
	const iommu_iova_t iova = below(2) == 0 ? iova_of(below(SLOTS)) : fuzz_wild(&t.input);
	iommu_paddr_t pages[SLOTS];

	if (seen(iommu_access_pin(ctx, id, iova, size, below(8), pages)) != 0)
		return;
	FUZZ_CHECK(id == t.access && size != 0 && ((iova | size) & 4095) == 0);
	FUZZ_CHECK(iommu_access_unpin(ctx, id, iova, size) == 0);
	FUZZ_CHECK(iommu_access_unpin(ctx, t.plain_access, iova, size) == IOMMU_ENOENT);
}

static void hold(void)
{
	const unsigned int i = below(HOLDS), prot = 1 + below(3);
	iommu_paddr_t pages[SLOTS];
	unsigned int first, count;
	int status;

	if (t.holds[i].count != 0) {
		status = seen(iommu_access_unpin(ctx, t.access, iova_of(t.holds[i].first),
						 (uint64_t)t.holds[i].count << 12));
		FUZZ_CHECK(status == 0);
		t.holds[i].count = 0;
		return;
	}
	any_range(&first, &count);
	if (below(8) == 0) {
		hold_wildly();
		return;
	}
	status = seen(iommu_access_pin(ctx, t.access, iova_of(first), (uint64_t)count << 12, prot,
				       pages));
	if (status != 0)
		return;
	t.holds[i].first = first;
	t.holds[i].count = count;
	for (unsigned int k = 0; k < count; k++) {
		const uint64_t frame = (pages[k] - t.frames) >> 12;

		FUZZ_CHECK(frame < FRAMES && t.pins[frame] != 0);
		FUZZ_CHECK((t.may[0][first + k] >> frame & 1) != 0 ||
			   (t.may[1][first + k] >> frame & 1) != 0);
	}
}

/* What software reads is what was mapped, or was written by software. */
static void check_bytes(iommu_iova_t iova, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const uint64_t slot = (iova + i - BASE) >> 12;
		const unsigned int frame = bytes[i] / 2U - 1;

		if (bytes[i] == WRITTEN)
			continue;
		FUZZ_CHECK(slot < SLOTS && frame < FRAMES);
		FUZZ_CHECK(((t.may[0][slot] | t.may[1][slot]) >> frame & 1) != 0);
	}
}

static void use_access(void)
{
	const uint32_t ids[] = {t.access, t.plain_access};
	const uint32_t id = below(32) != 0 ? ids[below(2)] : any_other();
	const bool writes = fuzz_flag(&t.input);
	const size_t count = below(300) * (below(4) == 0 ? 30U : 1U);
	static uint8_t bytes[300 * 30];
	const iommu_iova_t iova = iova_of(below(SLOTS)) + fuzz_number(&t.input, 1) * 17;
	iommu_paddr_t paddr;
	uint64_t size;
	int status;

	switch (below(5)) {
	case 0:
		memset(bytes, WRITTEN, sizeof(bytes));
		if (below(16) == 0) {
			(void)iommu_access_rw(ctx, id, UINT64_MAX - below(16), bytes, 100, writes);
			break;
		}
		if (seen(iommu_access_rw(ctx, id, iova, bytes, count, writes)) == 0)
			check_bytes(iova, bytes, count);
		break;
	case 1:
		status = seen(iommu_access_get_paddr(ctx, id, iova, &paddr, &size));
		FUZZ_CHECK(status != 0 || (paddr - t.frames) >> 12 < FRAMES);
		break;
	case 2:
		t.keeps_holds = fuzz_flag(&t.input);
		break;
	default:
		status = below(2) == 0 ? iommu_access_replace(ctx, id, t.spaces[below(2)])
				       : iommu_access_detach(ctx, id);
		(void)seen(status);
		if (below(8) != 0)
			(void)seen(iommu_access_attach(ctx, id, t.spaces[below(2)]));
		break;
	}
}

/* --- The container ---------------------------------------------------------------------------- */

/* Where its memory is seen is forgotten, and said again; of one mapping, of all, or of a part. */
static void move_memory(void)
{
	struct iommu_file *file = iommu_container_file(t.container);
	struct iommu_ioas_area area = {.iova = iova_of(below(SLOTS)), .size = 4096};
	const bool is_part = below(8) == 0;
	struct iommu_backing backing;
	uint64_t bytes = 0;
	uint32_t id = 0;

	backing = backing_of(0);
	if (iommu_container_get_ioas(t.container, &id) == 0 &&
	    iommu_ioas_next_area(file, id, area.iova, &area) == 0)
		backing = area.backing;
	if (is_part) {
		area.iova += below(4) * 2048ULL;
		area.size = below(2) ? fuzz_wild(&t.input) : area.size;
		backing.address = below(2) ? fuzz_wild(&t.input) & ~4095ULL : backing.address + 8;
	}
	if (below(3) == 0)
		(void)seen(iommu_container_unmap_vaddr(t.container, 0, UINT64_MAX, NULL));
	else if (below(2) == 0)
		(void)seen(iommu_container_unmap_vaddr(t.container, area.iova, area.size, &bytes));
	else
		(void)seen(iommu_container_map_vaddr(t.container, area.iova, area.size, &backing));
}

/* Another address space, or none for a moment; what groups reach by the one before is asked. */
static void change_space(void)
{
	struct iommu_file *file = iommu_container_file(t.container);
	const struct iommu_backing backing = backing_of(0);
	uint32_t id = 0, next = 0;
	uint64_t unmapped;
	int status = iommu_container_get_ioas(t.container, &id);

	FUZZ_CHECK(status == 0);
	if (below(2) == 0) {
		if (seen(iommu_container_clear_ioas(t.container)) != 0)
			return;
		FUZZ_CHECK(iommu_container_get_ioas(t.container, &next) == IOMMU_ENODEV);
		FUZZ_CHECK(iommu_container_map(t.container, BASE, 4096, RW, &backing) ==
			   IOMMU_ENODEV);
		FUZZ_CHECK(iommu_container_unmap(t.container, BASE, 4096, NULL, &unmapped) ==
			   IOMMU_ENODEV);
		FUZZ_CHECK(iommu_container_unmap_vaddr(t.container, 0, 4096, NULL) == IOMMU_ENODEV);
		if (t.group_file != NULL)
			(void)iommu_group_file_set_container(t.group_file, t.container);
		FUZZ_CHECK(iommu_container_set_ioas(t.container, id) == 0);
		return;
	}
	FUZZ_CHECK(iommu_container_set_ioas(t.container, 12345) != 0);
	if (seen(iommu_ioas_alloc(file, 0, &next)) != 0)
		return;
	if (seen(iommu_container_set_ioas(t.container, next)) != 0) {
		FUZZ_CHECK(iommu_object_destroy(file, next) == 0);
		return;
	}
	status = seen(iommu_object_destroy(file, id));
	note_unmapped(2, 0, SLOTS, status);
}

/* One without an IOMMU: what is mapped is pinned, and its user is told where it is. */
static void use_plain_container(void)
{
	const unsigned int frame = below(FRAMES);
	const struct iommu_backing backing = backing_of(frame);
	const iommu_iova_t iova = iova_of(below(SLOTS));
	struct iommu_container_info info;
	struct iommu_iova_bounds ranges[2];
	uint64_t size = 0, unmapped = 0;
	iommu_paddr_t paddr = 0;
	unsigned int count;

	if (t.plain == NULL) {
		iommu_allow_no_iommu(f.iommu, below(4) != 0);
		if (seen(iommu_container_create_with(f.iommu, NULL, IOMMU_CONTAINER_NO_IOMMU,
						     &t.plain)) != 0)
			t.plain = NULL;
		return;
	}
	switch (below(8)) {
	case 0:
	case 1:
	case 2:
		(void)seen(iommu_container_map(t.plain, iova, 4096, RW, &backing));
		break;
	case 3:
		if (seen(iommu_container_get_paddr(t.plain, iova, &paddr, &size)) == 0)
			FUZZ_CHECK(t.pins[(paddr - t.frames) >> 12] != 0);
		break;
	case 4:
		(void)seen(iommu_container_unmap(t.plain, iova, 4096, NULL, &unmapped));
		break;
	case 5:
		FUZZ_CHECK(iommu_container_set_dirty(t.plain, true) == IOMMU_EOPNOTSUPP);
		FUZZ_CHECK(iommu_container_clear_ioas(t.plain) == IOMMU_EOPNOTSUPP);
		if (t.group_file != NULL)
			FUZZ_CHECK(iommu_group_file_set_container(t.group_file, t.plain) != 0);
		break;
	case 6:
		(void)iommu_container_get_info(t.plain, &info, ranges, 2, &count);
		break;
	default:
		if (iommu_container_destroy(t.plain) == 0)
			t.plain = NULL;
		break;
	}
}

/* Containers that there cannot be, and one that there may be no memory for. */
static void make_containers(void)
{
	struct iommu_container *other;
	struct iommu_device_files *files;
	int status = iommu_container_create_with(f.iommu, NULL, below(64), &other);

	if (status == 0)
		FUZZ_CHECK(seen(iommu_container_destroy(other)) == 0);
	if (seen(iommu_container_create(f.iommu, NULL, &other)) == 0)
		FUZZ_CHECK(iommu_container_destroy(other) == 0);
	FUZZ_CHECK(iommu_container_destroy(NULL) == 0);
	status = seen(iommu_device_files_create(f.iommu, &files));
	FUZZ_CHECK(status == 0 || status == IOMMU_ENOMEM);
	if (status == 0)
		FUZZ_CHECK(iommu_device_files_destroy(files) == 0);
	FUZZ_CHECK(iommu_device_files_destroy(NULL) == 0);
	if (t.device_file != NULL || t.group_file != NULL || t.group_device != NULL)
		FUZZ_CHECK(iommu_device_files_destroy(t.files) == IOMMU_EBUSY);
}

static void use_container(void)
{
	uint64_t words[2] = {0}, unmapped = 0;
	struct iommu_dirty_bitmap bitmap = {words, BASE, 128, 12};
	struct iommu_container_info info;
	struct iommu_iova_bounds ranges[4];
	struct iommu_backing backing;
	unsigned int first, count, frame;
	int status;

	any_range(&first, &count);
	frame = any_frames(&count);
	backing = backing_of(frame);
	switch (below(14)) {
	case 10:
		change_space();
		break;
	case 11:
		use_plain_container();
		break;
	case 12:
		make_containers();
		break;
	case 13:
		bitmap = (struct iommu_dirty_bitmap){words, fuzz_wild(&t.input), below(200),
						     below(70)};
		(void)seen(iommu_container_read_dirty(
			t.container, below(2) ? bitmap.start : iova_of(first),
			below(2) ? fuzz_wild(&t.input) : (uint64_t)count << 12, &bitmap));
		FUZZ_CHECK(iommu_container_map(t.container, BASE, 4096, 8, &backing) != 0);
		break;
	case 0:
	case 1:
	case 2:
		status = seen(iommu_container_map(t.container, iova_of(first),
						  (uint64_t)count << 12, RW, &backing));
		if (status == 0)
			note_mapped(2, first, count, frame, true);
		else if (is_open(status))
			note_perhaps(2, first, count, frame);
		break;
	case 3:
	case 4:
		status = seen(
			iommu_container_unmap(t.container, iova_of(first), (uint64_t)count << 12,
					      fuzz_flag(&t.input) ? &bitmap : NULL, &unmapped));
		if (status != IOMMU_EINVAL)
			note_unmapped(2, first, count, status);
		break;
	case 5:
		status = seen(iommu_container_unmap(t.container, 0, UINT64_MAX, NULL, &unmapped));
		note_unmapped(2, 0, SLOTS, status);
		break;
	case 6:
		(void)seen(iommu_container_set_dirty(t.container, fuzz_flag(&t.input)));
		(void)seen(iommu_container_read_dirty(t.container, iova_of(first),
						      (uint64_t)count << 12, &bitmap));
		break;
	case 7:
		(void)seen(iommu_container_get_info(t.container, &info, ranges, 4, &count));
		break;
	default:
		move_memory();
		break;
	}
}

static void note_group(int status, bool joins)
{
	if (joins)
		note_attached(3, 0, 2, status);
	else
		note_detached(3, 0, status);
}

static void close_group_device(void)
{
	const int status = seen(iommu_device_file_close(t.group_device));

	FUZZ_CHECK(status == 0 || is_open(status));
	if (status == 0)
		t.group_device = NULL;
	if (t.is_group_closed)
		note_group(t.is_troubled && status == 0 ? IOMMU_EIO : status, false);
	t.is_group_closed = t.is_group_closed && status != 0;
}

/* The group is open: what is one way to use it shuts out the other. */
static void misuse_group_file(void)
{
	struct iommu_device_file *other = NULL;
	struct iommu_group_file *again = NULL;
	uint32_t id;

	FUZZ_CHECK(seen(iommu_group_file_open(t.files, f.group[3], &again)) != 0);
	FUZZ_CHECK(iommu_group_file_get_device(t.group_file, f.endpoint[2], &other) != 0);
	if (t.group_device != NULL)
		FUZZ_CHECK(iommu_device_file_bind(t.group_device, ctx, &id) == IOMMU_EINVAL);
	if (seen(iommu_device_file_open(t.files, f.endpoint[3], &other)) == 0) {
		FUZZ_CHECK(iommu_device_file_bind(other, ctx, &id) != 0);
		FUZZ_CHECK(iommu_device_file_close(other) == 0);
	}
	/* Bound or not, which the group of the other device's knows. */
	if (seen(iommu_group_file_open(t.files, f.group[2], &again)) == 0)
		FUZZ_CHECK(iommu_group_file_close(again) == 0);
	FUZZ_CHECK(iommu_group_file_close(NULL) == 0 && iommu_device_file_close(NULL) == 0);
}

static void use_group_file(void)
{
	struct iommu_group_file_status shown;
	int status;

	if (t.group_file == NULL && t.group_device != NULL) {
		close_group_device();
		return;
	}
	if (t.group_file == NULL) {
		if (seen(iommu_group_file_open(t.files, f.group[3], &t.group_file)) != 0)
			t.group_file = NULL;
		return;
	}
	switch (below(7)) {
	case 0:
	case 1:
		note_group(seen(iommu_group_file_set_container(t.group_file, t.container)), true);
		break;
	case 2:
		note_group(seen(iommu_group_file_unset_container(t.group_file)), false);
		break;
	case 3:
		if (t.group_device == NULL &&
		    seen(iommu_group_file_get_device(t.group_file, f.endpoint[3],
						     &t.group_device)) != 0)
			t.group_device = NULL;
		break;
	case 4:
		if (t.group_device != NULL)
			close_group_device();
		break;
	case 5:
		misuse_group_file();
		break;
	default:
		iommu_group_file_get_status(t.group_file, &shown);
		status = seen(iommu_group_file_close(t.group_file));
		FUZZ_CHECK(status == 0 || is_open(status));
		if (status == 0)
			t.group_file = NULL;
		/* With a device that is open, all is as it was until that is closed. */
		t.is_group_closed = t.group_device != NULL;
		if (t.group_device == NULL)
			note_group(t.is_troubled && status == 0 ? IOMMU_EIO : status, false);
		break;
	}
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void misbehave(void)
{
	struct iommu_model_vtd_faults faults = {0};
	const unsigned int how = below(8);

	faults.waits_hang = how == 1;
	faults.invalidations_hang = how == 2;
	faults.refuse_after = how == 3 ? 1 + below(6) : 0;
	faults.wait_delay = how == 4 ? below(8) : 0;
	faults.command_delay = how == 4 ? below(8) : 0;
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &faults);
	f.machine.fail_every = how == 5 ? 2 + below(6) : 0;
	t.pin_fails = how == 6;
	t.pin_lies = how == 7;
	t.per_call = below(4);
	for (unsigned int i = 0; i < DEVICES; i++)
		f.device[i]->silent = f.device[i]->has_tlb && how == 4 && fuzz_flag(&t.input);
	/* Whatever fails from now on may leave traces. */
	t.is_troubled = t.is_troubled || how != 0;
}

static void behave(void)
{
	const struct iommu_model_vtd_faults none = {0};

	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &none);
	for (unsigned int i = 0; i < DEVICES; i++)
		f.device[i]->silent = false;
	f.machine.fail_every = 0;
	t.pin_fails = t.pin_lies = t.keeps_holds = false;
}

static void operate(void)
{
	static void (*const operations[])(void) = {
		map,
		map,
		map,
		map,
		copy,
		copy,
		unmap_some,
		unmap_some,
		unmap_some,
		attach_device,
		attach_device,
		attach_device,
		detach_device,
		map_wildly,
		rebind,
		use_device_file,
		use_device_file,
		make_hwpt,
		make_hwpt,
		use_hwpt,
		remake_space,
		use_space,
		revoke,
		restore,
		hold,
		hold,
		use_access,
		use_container,
		use_container,
		use_group_file,
		use_group_file,
		change_device,
	};
	const unsigned int count = sizeof(operations) / sizeof(operations[0]);
	const unsigned int which = below(count + 1);

	if (which < count)
		operations[which]();
	else if (fuzz_flag(&t.input))
		misbehave();
	else
		behave();
}

/* --- Life ------------------------------------------------------------------------------------- */

static void begin_all(void)
{
	static const unsigned int features[] = {0,
						IOMMU_MODEL_VTD_CACHING_MODE,
						EVERYTHING,
						EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB,
						EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB |
							IOMMU_MODEL_VTD_PAGE_REQUESTS,
						EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE,
						IOMMU_MODEL_VTD_NO_QUEUE,
						IOMMU_MODEL_VTD_NO_PAGES,
						IOMMU_MODEL_VTD_NONCOHERENT};
	struct iommu_file_limits limits = {0};

	begin_machine(features[below(9)], 1 + below(2), DEVICES);
	t.frames = model_machine_take(&f.machine, FRAMES);
	for (unsigned int frame = 0; frame < FRAMES; frame++)
		memset(model_machine_bytes(&f.machine, t.frames + frame * 4096ULL),
		       (int)NAME_OF(frame), 4096);
	choose_owners();
	if (below(4) == 0) {
		limits.objects = 4 + below(16);
		limits.areas = 2 + below(16);
		limits.pinned_pages = 8 + below(64);
		limits.attachments = 2 + below(8);
		limits.access_pages = 1 + below(16);
		limits.table_pages = 2 + below(16);
	}
	for (unsigned int i = 0; i < DEVICES; i++)
		f.device[i]->tlb_is_off = true; /* there is one, and it answers */
	FUZZ_CHECK(iommu_account_create(f.iommu, below(4) == 0 ? 16 : 0, &t.account) == 0);
	limits.account = t.account;
	FUZZ_CHECK(iommu_file_create(f.iommu, &limits, &ctx) == 0);
	for (unsigned int s = 0; s < 2; s++)
		FUZZ_CHECK(iommu_ioas_alloc(ctx, below(2), &t.spaces[s]) == 0);
	for (unsigned int i = 0; i < 2; i++)
		if (iommu_device_bind(ctx, f.endpoint[i], &device[i]) != 0)
			device[i] = 0;
	if (iommu_access_alloc(ctx, let_go, NULL, &t.access) == 0)
		(void)iommu_access_attach(ctx, t.access, t.spaces[0]);
	if (iommu_access_alloc(ctx, NULL, NULL, &t.plain_access) == 0)
		(void)iommu_access_attach(ctx, t.plain_access, t.spaces[0]);
	(void)iommu_fault_queue_alloc(ctx, NULL, NULL, &t.faults);
	FUZZ_CHECK(iommu_device_files_create(f.iommu, &t.files) == 0);
	FUZZ_CHECK(iommu_container_create_with(f.iommu, NULL, below(2) ? IOMMU_CONTAINER_CUTS : 0,
					       &t.container) == 0);
}

/* All that was done is undone, by hardware that answers again. */
static void end_all(void)
{
	struct iommu_file_stats stats;
	iommu_paddr_t paddr;

	behave();
	if (t.plain != NULL)
		FUZZ_CHECK(iommu_container_destroy(t.plain) == 0);
	if (t.device_file != NULL)
		FUZZ_CHECK(iommu_device_file_close(t.device_file) == 0);
	if (t.group_device != NULL)
		FUZZ_CHECK(iommu_device_file_close(t.group_device) == 0);
	if (t.group_file != NULL)
		FUZZ_CHECK(iommu_group_file_close(t.group_file) == 0);
	FUZZ_CHECK(iommu_device_files_destroy(t.files) == 0);
	FUZZ_CHECK(iommu_container_destroy(t.container) == 0);
	iommu_file_get_stats(ctx, &stats);
	FUZZ_CHECK(stats.pinned_pages >= iommu_account_pinned(t.account));
	FUZZ_CHECK(iommu_file_destroy(ctx) == 0);
	FUZZ_CHECK(iommu_account_pinned(t.account) == 0);
	FUZZ_CHECK(iommu_account_destroy(t.account) == 0);
	for (unsigned int frame = 0; frame < FRAMES; frame++)
		FUZZ_CHECK(t.pins[frame] == 0);
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			for (unsigned int pasid = 0; pasid < PASIDS; pasid++)
				FUZZ_CHECK(model_device_access_pasid(f.device[i], pasid,
								     iova_of(slot), IOMMU_PROT_READ,
								     &paddr) != 0);
	end();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_all();
	for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&t.input); i++) {
		operate();
		check(i, i % 32 == 31 ? 1 : 8);
	}
	check(0, 1);
	end_all();
	return 0;
}
