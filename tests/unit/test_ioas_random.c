/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces at random, against a table of pages: two spaces, devices that come and go, HWPTs
 * made by hand, memory that is mapped, copied, cut, unmapped and pinned by software, and taken back
 * by its owner and given back somewhere else; while allocations fail, pinning fails, and hardware
 * does not confirm. After every step each device reaches exactly what the table says, every page is
 * pinned exactly if it has a holder, and at the end nothing is left. After a failure the rule is:
 * a device reaches what is mapped now in a space that it was told to use, or what the caller was
 * told is not confirmed, and nothing else; and after a call that returns 0 its effect is certain.
 */
#include <string.h>

#include "ioas_fixture.h"
#include "test.h"

#define SPACES  2
#define SLOTS   64         /* pages of a space that are used */
#define BASE    0x40000000 /* of them */
#define FRAMES  256        /* pages of memory; each is mapped by one call, and copied */
#define BAR     160 /* frames from here on are another owner's, who revokes and restores them */
#define DEVICES 3
#define HOLDS   4
#define NONE    0xffffU

/* What a page of a space leads to; an area is all pages with the same number. */
struct slot {
	uint16_t frame;
	bool writable;
	uint32_t area; /* 0: none */
	bool is_stuck; /* unmapped, or mapped and taken back, unconfirmed: devices may reach it */
};

static struct {
	struct test_random random;
	uint64_t operation, operations;
	uint32_t spaces[SPACES];
	struct slot slots[SPACES][SLOTS];
	bool frame_writable[FRAMES];    /* as it was mapped first */
	uint32_t areas;                 /* so far */
	unsigned int attached[DEVICES]; /* 0: no; or 1 + the space */
	bool unsure[DEVICES];           /* a detach or an attach was not confirmed … */
	unsigned int told[DEVICES]; /* … of these spaces, a mask; certain: the one that it uses */
	uint32_t access;
	struct {
		unsigned int first, count; /* 0: none; in space 0 */
	} holds[HOLDS];
	/* The other owner's; with an answer that was not 0, they may be reached, or not. */
	bool is_revoked, is_bar_unsure;
	bool hangs, split;
	bool is_troubled; /* something was not confirmed since the last recovery */
	uint64_t failed;
} t;

static struct test_memory bar;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			print_error("operation %llu: %s\n", (unsigned long long)t.operation,       \
				    #condition);                                                   \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static unsigned int below(unsigned int bound)
{
	return (unsigned int)test_random_below(&t.random, bound);
}

static iommu_iova_t iova_of(unsigned int slot)
{
	return BASE + (iommu_iova_t)slot * 4096;
}

/* Hardware that did not confirm, or memory that ran out. */
static bool is_trouble(int status)
{
	t.failed += status != 0;
	t.is_troubled = t.is_troubled || status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO || status == IOMMU_ENOMEM ||
	       status == IOMMU_EFAULT;
}

static struct test_memory *memory_of(unsigned int frame)
{
	return frame < BAR ? &memory : &bar;
}

static uint64_t offset_of(unsigned int frame)
{
	return (uint64_t)(frame < BAR ? frame : frame - BAR) << 12;
}

static unsigned int pins_of(unsigned int frame)
{
	return memory_of(frame)->pinned[offset_of(frame) >> 12] != 0;
}

/* FRAMES: none. */
static unsigned int frame_at(iommu_paddr_t paddr)
{
	for (unsigned int frame = 0; frame < FRAMES; frame++)
		if (test_memory_paddr(memory_of(frame), offset_of(frame)) == (paddr & ~4095ULL))
			return frame;
	return FRAMES;
}

/* No device reaches it, and nothing pins it, whatever is mapped; for sure, or perhaps. */
static bool is_away(unsigned int frame)
{
	return frame >= BAR && t.is_revoked && !t.is_bar_unsure;
}

static bool may_be_away(unsigned int frame)
{
	return frame >= BAR && (t.is_revoked || t.is_bar_unsure);
}

/* --- What should be --------------------------------------------------------------------------- */

static bool frame_is_used(unsigned int frame)
{
	for (unsigned int s = 0; s < SPACES; s++)
		for (unsigned int i = 0; i < SLOTS; i++)
			if (t.slots[s][i].area != 0 && t.slots[s][i].frame == frame)
				return true;
	return false;
}

/* Has a space an HWPT, as far as is known? */
static bool is_filled(unsigned int space)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		if (t.attached[i] == space + 1)
			return true;
	return false;
}

static bool is_held(unsigned int slot)
{
	for (unsigned int i = 0; i < HOLDS; i++)
		if (t.holds[i].count != 0 && slot >= t.holds[i].first &&
		    slot < t.holds[i].first + t.holds[i].count)
			return true;
	return false;
}

/* Everything is known: no trouble has left anything behind. */
static bool is_certain(void)
{
	if (t.is_troubled || t.is_bar_unsure)
		return false;
	for (unsigned int s = 0; s < SPACES; s++)
		for (unsigned int i = 0; i < SLOTS; i++)
			if (t.slots[s][i].is_stuck)
				return false;
	for (unsigned int i = 0; i < DEVICES; i++)
		if (t.unsure[i])
			return false;
	return true;
}

static void check_pins(void)
{
	for (unsigned int frame = 0; frame < FRAMES; frame++) {
		bool needed = false, possible = false;

		for (unsigned int s = 0; s < SPACES; s++)
			for (unsigned int i = 0; i < SLOTS; i++) {
				const struct slot *slot = &t.slots[s][i];

				if (slot->area == 0 || slot->frame != frame || is_away(frame))
					continue;
				possible = true;
				if (!slot->is_stuck && !may_be_away(frame) &&
				    (is_filled(s) || (s == 0 && is_held(i))))
					needed = true;
			}
		if (needed)
			CHECK(pins_of(frame) == 1);
		else if (is_certain() || !possible)
			CHECK(pins_of(frame) == 0);
	}
}

/* Is a frame one that the device may be led to there? */
static bool may_lead(unsigned int i, unsigned int slot, unsigned int access, uint64_t frame)
{
	for (unsigned int s = 0; s < SPACES; s++) {
		const struct slot *at = &t.slots[s][slot];

		if ((t.told[i] >> s & 1) != 0 && at->area != 0 && at->frame == frame &&
		    !is_away(at->frame) && (access == IOMMU_PROT_READ || at->writable))
			return true;
	}
	return false;
}

static void check_slot(unsigned int i, unsigned int slot)
{
	const unsigned int access = t.operation % 2 != 0 ? IOMMU_PROT_WRITE : IOMMU_PROT_READ;
	const struct slot *at = t.attached[i] != 0 ? &t.slots[t.attached[i] - 1][slot] : NULL;
	iommu_paddr_t paddr = 0;
	const bool passes = model_device_access(f.device[i], iova_of(slot), access, &paddr) == 0;

	if (passes) {
		const unsigned int frame = frame_at(paddr);

		CHECK(frame < FRAMES && pins_of(frame) == 1);
		CHECK(may_lead(i, slot, access, frame));
	}
	/* What should be reached is, unless the caller was told otherwise. */
	if (!t.unsure[i] && at != NULL && at->area != 0 && !at->is_stuck &&
	    !may_be_away(at->frame) && (access == IOMMU_PROT_READ || at->writable))
		CHECK(passes);
}

static void check(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			check_slot(i, slot);
	check_pins();
}

/* --- What is done ----------------------------------------------------------------------------- */

/*
 * What is stuck goes when hardware has confirmed, whatever that was asked for: the place is free
 * then, or not yet.
 */
static bool may_be_free(unsigned int s, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++)
		if (t.slots[s][i].area != 0 && !t.slots[s][i].is_stuck)
			return false;
	return true;
}

static bool is_free_for_sure(unsigned int s, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++)
		if (t.slots[s][i].area != 0)
			return false;
	return true;
}

static bool place_answer_is_right(unsigned int s, unsigned int first, unsigned int count,
				  int status)
{
	if (status == 0)
		return may_be_free(s, first, count);
	return status == IOMMU_EEXIST && !is_free_for_sure(s, first, count);
}

static void set(unsigned int s, unsigned int first, unsigned int count, unsigned int frame,
		bool writable, bool is_stuck)
{
	t.areas++;
	for (unsigned int i = 0; i < count; i++)
		t.frame_writable[frame + i] = writable;
	for (unsigned int i = 0; i < count; i++)
		t.slots[s][first + i] =
			(struct slot){(uint16_t)(frame + i), writable, t.areas, is_stuck};
}

static void do_map(void)
{
	const unsigned int s = below(SPACES), frame = below(FRAMES - 32);
	const bool writable = below(4) != 0;
	const struct iommu_backing backing = test_memory_at(memory_of(frame), offset_of(frame));
	const unsigned int count = 1 + below(below(4) == 0 ? 24 : 5);
	const unsigned int first = below(SLOTS - count + 1);
	iommu_iova_t iova = iova_of(first);
	int status;

	/* Of one owner, who has it. */
	if (memory_of(frame) != memory_of(frame + count - 1) || may_be_away(frame))
		return;
	/* Memory is mapped once; what else leads to it is a copy. */
	for (unsigned int i = 0; i < count; i++)
		if (frame_is_used(frame + i))
			return;
	if (below(8) == 0)
		memory_of(frame)->fail_after = 1 + below(3);
	status = iommu_ioas_map(
		ctx, t.spaces[s], &backing, (uint64_t)count << 12,
		IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | (writable ? IOMMU_IOAS_WRITE : 0U), &iova);
	memory_of(frame)->fail_after = 0;
	if (is_trouble(status)) {
		/* Taken back; where that was not confirmed the place stays taken. */
		if (may_be_free(s, first, count) &&
		    (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO))
			set(s, first, count, frame, writable, true);
		return;
	}
	/* The last HWPT is on its way out. */
	if (status == IOMMU_EBUSY && !is_certain())
		return;
	CHECK(place_answer_is_right(s, first, count, status));
	if (status == 0)
		set(s, first, count, frame, writable, false);
}

static void do_copy(void)
{
	const unsigned int from = below(SPACES), to = below(SPACES);
	const unsigned int count = 1 + below(8), source = below(SLOTS - count + 1);
	const unsigned int first = below(SLOTS - count + 1);
	const bool writable = below(4) == 0;
	iommu_iova_t iova = iova_of(first);
	uint32_t area = 0;
	int status, expected = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct slot *slot = &t.slots[from][source + i];

		if (expected == 0 && slot->area == 0)
			expected = IOMMU_ENOENT;
		else if (expected == 0 && writable && !t.frame_writable[slot->frame])
			expected = IOMMU_EPERM;
		if (slot->is_stuck)
			return;
	}
	status = iommu_ioas_copy(
		ctx, t.spaces[to], t.spaces[from], iova_of(source), (uint64_t)count << 12,
		IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | (writable ? IOMMU_IOAS_WRITE : 0U), &iova);
	if (is_trouble(status)) {
		/* What had been copied was taken back, but for what was not confirmed. */
		for (unsigned int i = 0; i < count && status != IOMMU_ENOMEM; i++) {
			if (t.slots[to][first + i].area != 0 || t.slots[from][source + i].area == 0)
				break;
			t.slots[to][first + i] = t.slots[from][source + i];
			t.slots[to][first + i].is_stuck = true;
			t.slots[to][first + i].area = ++t.areas;
		}
		return;
	}
	if (status == IOMMU_EBUSY && !is_certain())
		return;
	CHECK(expected != 0 ? status == expected : place_answer_is_right(to, first, count, status));
	if (status != 0)
		return;
	for (unsigned int i = 0; i < count; i++) {
		const struct slot from_slot = t.slots[from][source + i];

		/* An area for each that is copied. */
		if (i == 0 || from_slot.area != area)
			t.areas++;
		area = from_slot.area;
		t.slots[to][first + i] = (struct slot){from_slot.frame, writable, t.areas, false};
	}
}

/* An access is told of the unmap, and unpins what it has there. */
static void let_go(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	for (unsigned int i = 0; i < HOLDS; i++) {
		const iommu_iova_t first = iova_of(t.holds[i].first);
		const uint64_t held = (uint64_t)t.holds[i].count << 12;

		if (held == 0 || first > iova + (size - 1) || iova > first + (held - 1))
			continue;
		CHECK(iommu_access_unpin(ctx, t.access, first, held) == 0);
		t.holds[i].count = 0;
	}
}

/* What is left behind a range that was cut out of an area is an area of its own. */
static void number_the_rest(unsigned int s, unsigned int first, unsigned int end)
{
	const uint32_t old = end < SLOTS ? t.slots[s][end].area : 0;

	if (old == 0 || first == 0 || t.slots[s][first - 1].area != old)
		return;
	t.areas++;
	for (unsigned int i = end; i < SLOTS && t.slots[s][i].area == old; i++)
		t.slots[s][i].area = t.areas;
}

static bool is_live(unsigned int s, unsigned int slot)
{
	struct iommu_ioas_area area;

	return iommu_ioas_next_area(ctx, t.spaces[s], iova_of(slot), &area) == 0 &&
	       area.iova <= iova_of(slot);
}

/* An unmap that failed: some areas are gone, one is stuck, others are as they were. */
static void note_failed_unmap(unsigned int s, unsigned int first, unsigned int end,
			      uint64_t unmapped)
{
	bool changed = false;

	for (unsigned int i = first; i < end; i++) {
		if (t.slots[s][i].area == 0)
			continue;
		if (unmapped != 0) {
			t.slots[s][i] = (struct slot){0};
			unmapped -= 4096;
			changed = true;
		} else if (!is_live(s, i)) {
			t.slots[s][i].is_stuck = true;
			changed = true;
		}
	}
	if (changed)
		number_the_rest(s, first, end);
}

/* Are this slot and the next one of the same area? Of what is stuck only the library knows. */
static bool may_be_one(unsigned int s, unsigned int slot)
{
	const struct slot *one = &t.slots[s][slot], *next = one + 1;

	return one->area != 0 && next->area != 0 &&
	       (one->area == next->area || (one->is_stuck && next->is_stuck));
}

static void do_unmap(void)
{
	const unsigned int s = below(SPACES);
	unsigned int count = 1 + below(20), first = below(SLOTS - count + 1);
	bool cuts = false, any = false, stuck = false;
	uint64_t unmapped;
	int status;

	/* Mostly just one area. */
	if (below(3) != 0 && t.slots[s][first].area != 0) {
		const uint32_t area = t.slots[s][first].area;

		while (first > 0 && t.slots[s][first - 1].area == area)
			first--;
		for (count = 1; first + count < SLOTS && t.slots[s][first + count].area == area;)
			count++;
	}
	for (unsigned int i = first; i < first + count; i++) {
		any = any || t.slots[s][i].area != 0;
		stuck = stuck || t.slots[s][i].is_stuck;
	}
	if (first > 0)
		cuts = may_be_one(s, first - 1);
	if (first + count < SLOTS)
		cuts = cuts || may_be_one(s, first + count - 1);
	/* What is stuck may have other bounds than the table says, or be gone. */
	if (stuck && cuts)
		return;
	status = iommu_ioas_unmap(ctx, t.spaces[s], iova_of(first), (uint64_t)count << 12,
				  &unmapped);
	if (is_trouble(status)) {
		note_failed_unmap(s, first, first + count, unmapped);
		return;
	}
	if (stuck && status == IOMMU_ENOENT)
		status = 0;
	if (cuts && !t.split) {
		CHECK(status == IOMMU_EINVAL);
		/* Areas before the one that is cut are gone. */
		for (unsigned int i = first; unmapped != 0 && i < first + count; i++) {
			if (t.slots[s][i].area == 0)
				continue;
			t.slots[s][i] = (struct slot){0};
			unmapped -= 4096;
		}
		return;
	}
	CHECK(status == (any ? 0 : IOMMU_ENOENT));
	for (unsigned int i = first; i < first + count; i++)
		t.slots[s][i] = (struct slot){0};
	number_the_rest(s, first, first + count);
}

/* A device was led to a space, or that failed: then it may be there, or where it was. */
static void note_lead(unsigned int i, unsigned int s, int status)
{
	CHECK(status == 0 || is_trouble(status) || status == IOMMU_EBUSY);
	if (status == 0)
		t.attached[i] = s + 1;
	t.unsure[i] = status != 0;
	t.told[i] = (status != 0 ? t.told[i] : 0) | 1U << s;
	/* What it was led from may not have gone. */
	t.is_troubled = t.is_troubled || t.hangs;
}

static void do_attach(void)
{
	const unsigned int i = below(DEVICES), s = below(SPACES);
	int status;

	if (t.attached[i] == 0) {
		if (below(3) == 0) {
			const struct iommu_hwpt_config none = {0};
			uint32_t hwpt;

			/* One that is made by hand stays for a moment, and goes again. */
			status = iommu_hwpt_alloc(ctx, device[i], t.spaces[s], &none, &hwpt);
			if (status == 0)
				status = iommu_object_destroy(ctx, hwpt);
			CHECK(status == 0 || is_trouble(status) || status == IOMMU_EBUSY);
			t.is_troubled = t.is_troubled || status != 0;
			return;
		}
		status = iommu_device_attach(ctx, device[i], 0, t.spaces[s], NULL);
		note_lead(i, s, status);
	} else if (below(2) == 0) {
		status = iommu_device_detach(ctx, device[i], 0);
		CHECK(status == 0 || is_trouble(status));
		/* Its HWPT may not have gone with it. */
		t.is_troubled = t.is_troubled || t.hangs;
		t.attached[i] = 0;
		t.unsure[i] = status != 0;
		t.told[i] = status != 0 ? t.told[i] : 0;
	} else {
		status = iommu_device_replace(ctx, device[i], 0, t.spaces[s], NULL);
		note_lead(i, s, status);
	}
}

static void do_hold(void)
{
	iommu_paddr_t pages[16];
	const unsigned int h = below(HOLDS);
	const unsigned int count = 1 + below(12), first = below(SLOTS - count + 1);
	bool stuck = false;
	int status, expected = 0;

	if (t.holds[h].count != 0) {
		CHECK(iommu_access_unpin(ctx, t.access, iova_of(t.holds[h].first),
					 (uint64_t)t.holds[h].count << 12) == 0);
		t.holds[h].count = 0;
		return;
	}
	for (unsigned int i = first; i < first + count; i++) {
		if (expected == 0 && t.slots[0][i].area == 0)
			expected = IOMMU_ENOENT;
		else if (expected == 0 && may_be_away(t.slots[0][i].frame))
			expected = IOMMU_ENODEV;
		stuck = stuck || t.slots[0][i].is_stuck;
	}
	status = iommu_access_pin(ctx, t.access, iova_of(first), (uint64_t)count << 12,
				  IOMMU_PROT_READ, pages);
	if (is_trouble(status) || status == IOMMU_EBUSY)
		return;
	if (stuck && status == IOMMU_ENOENT)
		return;
	CHECK(status == expected);
	if (status != 0)
		return;
	CHECK(!stuck);
	t.holds[h].first = first;
	t.holds[h].count = count;
	for (unsigned int i = 0; i < count; i++)
		CHECK(frame_at(pages[i]) == t.slots[0][first + i].frame);
}

static void do_revoke(void)
{
	const bool restores = t.is_revoked && below(3) != 0;
	int status;

	/* It comes back somewhere else. */
	if (restores && bar.pins == 0)
		bar.base = (2ULL + below(3)) << 36;
	bar.is_gone = !restores;
	if (restores && below(4) == 0)
		bar.fail_after = 1 + below(20);
	status = restores ? iommu_backing_restore(ctx, &bar) : iommu_backing_revoke(ctx, &bar);
	bar.fail_after = 0;
	CHECK(status == 0 || is_trouble(status));
	if (status == 0) {
		t.is_revoked = !restores;
		t.is_bar_unsure = false;
		return;
	}
	bar.is_gone = t.is_revoked = true;
	if (!restores || status == IOMMU_ETIMEDOUT || status == IOMMU_EIO)
		t.is_bar_unsure = true;
}

/*
 * Hardware answers again: what is stuck can be unmapped, and devices whose attachment is uncertain
 * are attached and detached.
 */
static void recover(void)
{
	hang(false);
	t.hangs = false;
	f.machine.fail_at = 0;
	f.machine.fail_every = 0;
	if (t.is_bar_unsure) {
		CHECK(iommu_backing_revoke(ctx, &bar) == 0);
		t.is_bar_unsure = false;
	}
	for (unsigned int s = 0; s < SPACES; s++)
		for (unsigned int i = 0; i < SLOTS; i++) {
			unsigned int end = i;
			int status;

			if (!t.slots[s][i].is_stuck)
				continue;
			while (end < SLOTS && t.slots[s][end].is_stuck)
				end++;
			status = iommu_ioas_unmap(ctx, t.spaces[s], iova_of(i),
						  (uint64_t)(end - i) << 12, NULL);
			CHECK(status == 0 || status == IOMMU_ENOENT);
			for (; i < end; i++)
				t.slots[s][i] = (struct slot){0};
		}
	for (unsigned int i = 0; i < DEVICES; i++) {
		if (!t.unsure[i])
			continue;
		/* A detach that was not confirmed cannot be asked for again by itself. */
		if (t.attached[i] == 0)
			CHECK(iommu_device_attach(ctx, device[i], 0, t.spaces[0], NULL) == 0);
		CHECK(iommu_device_detach(ctx, device[i], 0) == 0);
		t.attached[i] = 0;
		t.unsure[i] = false;
		t.told[i] = 0;
	}
	/* HWPTs that could not go do now. */
	for (uint32_t id = iommu_object_next(ctx, 0); id != 0; id = iommu_object_next(ctx, id))
		if (iommu_object_type(ctx, id) == IOMMU_OBJECT_HWPT) {
			const int status = iommu_object_destroy(ctx, id);

			CHECK(status == 0 || status == IOMMU_EBUSY);
		}
	t.is_troubled = false;
	CHECK(is_certain());
}

static void do_trouble(void)
{
	if (t.hangs && below(2) == 0) {
		/* It answers again, and the next call that meets it finds what it left behind. */
		t.hangs = false;
		hang(false);
		return;
	}
	if (t.hangs || f.machine.fail_every != 0) {
		recover();
		return;
	}
	if (below(2) == 0) {
		const struct iommu_model_vtd_faults faults[] = {{.waits_hang = true},
								{.invalidations_hang = true},
								{.refuse_after = 1 + below(6)}};
		const unsigned int kind = below(3);

		t.hangs = true;
		for (unsigned int i = 0; i < f.machine.unit_count; i++)
			iommu_model_vtd_misbehave(f.machine.units[i], &faults[kind]);
	} else {
		f.machine.fail_every = 2 + below(6);
	}
}

static void do_one(void)
{
	const unsigned int what = below(100);

	t.operation++;
	if (what < 30)
		do_map();
	else if (what < 45)
		do_copy();
	else if (what < 70)
		do_unmap();
	else if (what < 82)
		do_attach();
	else if (what < 93)
		do_hold();
	else if (what < 97)
		do_revoke();
	else
		do_trouble();
	/* Hardware that hangs takes its time. */
	if (t.hangs && below(4) == 0)
		do_trouble();
	check();
}

static void run(unsigned int flags, bool split)
{
	begin_machine(flags, 2, DEVICES);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, FRAMES, 1ULL << 36);
	memory.per_call = 5;
	test_memory_init(&bar, MEMORY_SCATTERED, 0x10000000, FRAMES - BAR, 2ULL << 36);
	bar.per_call = 3;
	memset(&t, 0, sizeof(t));
	t.random.state = test_setting("IOMMU_TEST_SEED", 0x10a5) + flags + split;
	t.operations = test_setting("IOMMU_TEST_OPERATIONS", 100000) / 40;
	t.split = split;
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	for (unsigned int s = 0; s < SPACES; s++)
		assert_int_equal(iommu_ioas_alloc(ctx, split ? IOMMU_IOAS_SPLIT : 0, &t.spaces[s]),
				 0);
	for (unsigned int i = 0; i < DEVICES; i++)
		assert_int_equal(iommu_device_bind(ctx, f.endpoint[i], &device[i]), 0);
	assert_int_equal(iommu_access_alloc(ctx, let_go, NULL, &t.access), 0);
	assert_int_equal(iommu_access_attach(ctx, t.access, t.spaces[0]), 0);
	while (t.operation < t.operations)
		do_one();
	recover();
	check();
	finish();
	test_memory_destroy(&bar);
}

static void random_operations(void **state)
{
	(void)state;
	run(0, false);
	run(0, true);
	run(IOMMU_MODEL_VTD_CACHING_MODE, true);
	run(EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB, false);
	run(EVERYTHING, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
