/* SPDX-License-Identifier: BSD-2-Clause */
#include "riscv_reference.h"

#include <string.h>

struct context {
	const struct reference_unit *u;
	const struct reference_request *q;
	struct reference_result *out;
	uint64_t dc[8];
	/* The first stage that was chosen. */
	unsigned int mode;
	uint64_t root;
	bool sum;
};

struct translated {
	uint64_t pa;
	bool r, w, x, g;
	unsigned int pbmt;
};

static uint64_t field(uint64_t word, unsigned int high, unsigned int low)
{
	return word >> low & (high - low == 63 ? UINT64_MAX : (1ULL << (high - low + 1)) - 1);
}

static bool bit(uint64_t word, unsigned int at)
{
	return (word >> at & 1) != 0;
}

/* --- Memory ----------------------------------------------------------------------------------- */

static bool reachable(const struct reference_unit *u, uint64_t pa, unsigned int bytes)
{
	return pa >> field(u->capabilities, 37, 32) == 0 && pa + bytes <= u->size;
}

static bool load(const struct reference_unit *u, uint64_t pa, unsigned int bytes, bool big,
		 uint64_t *value)
{
	unsigned int i;

	*value = 0;
	if (!reachable(u, pa, bytes))
		return false;
	for (i = 0; i < bytes; i++)
		*value |= (uint64_t)u->memory[pa + i] << 8 * (big ? bytes - 1 - i : i);
	return true;
}

static void save(const struct reference_unit *u, uint64_t pa, unsigned int bytes, bool big,
		 uint64_t value)
{
	unsigned int i;

	for (i = 0; i < bytes; i++)
		u->memory[pa + i] = (unsigned char)(value >> 8 * (big ? bytes - 1 - i : i));
}

static bool is_exec(const struct context *c)
{
	return c->q->type != REFERENCE_ATS && c->q->exec && c->q->pv && !c->q->write;
}

static unsigned int by_access(const struct context *c, unsigned int x, unsigned int r,
			      unsigned int w)
{
	if (is_exec(c))
		return x;
	return c->q->write && c->q->type != REFERENCE_ATS ? w : r;
}

/* --- Page tables ------------------------------------------------------------------------------ */

struct shape {
	unsigned int levels, index, bytes; /* index: bits at each level */
	unsigned int top;                  /* bits more at the top */
};

static struct shape shape_of(unsigned int mode, bool narrow, bool second)
{
	const unsigned int top = second ? 2 : 0;

	if (narrow)
		return (struct shape){2, 10, 4, top};
	return (struct shape){mode - 5, 9, 8, top};
}

/* Is a valid entry well formed? *leaf. */
static bool well_formed(const struct reference_unit *u, const struct shape *s, unsigned int level,
			uint64_t pte, bool *leaf)
{
	const bool wide = s->bytes == 8;

	*leaf = bit(pte, 1) || bit(pte, 3);
	if (!bit(pte, 0) || (bit(pte, 2) && !bit(pte, 1)))
		return false;
	if (wide) {
		if (field(pte, 58, 54) != 0 || field(pte, 62, 61) == 3)
			return false;
		if (field(pte, 60, 59) != 0 && !bit(u->capabilities, 14))
			return false;
		if (field(pte, 62, 61) != 0 && !bit(u->capabilities, 15))
			return false;
		if (bit(pte, 63) && (level != 0 || !*leaf || field(pte, 13, 10) != 8))
			return false;
	}
	if (!*leaf)
		return level != 0 && !bit(pte, 4) && !bit(pte, 6) && !bit(pte, 7) &&
		       (!wide || field(pte, 62, 61) == 0);
	return level == 0 || field(pte, 10 + level * s->index - 1, 10) == 0;
}

/* The address that a leaf gives to one. */
static uint64_t leaf_address(const struct shape *s, unsigned int level, uint64_t pte, uint64_t from)
{
	uint64_t ppn = s->bytes == 8 ? field(pte, 53, 10) : field(pte, 31, 10);
	const uint64_t inside = (4096ULL << level * s->index) - 1;

	if (s->bytes == 8 && bit(pte, 63))
		ppn = (ppn & ~15ULL) | (from >> 12 & 15);
	return (ppn << 12 & ~inside) | (bit(pte, 63) && s->bytes == 8 ? (ppn << 12 & 0xf000) : 0) |
	       (from & inside);
}

enum implicit {
	NO,
	READING,
	WRITING,
};

/* Second stage. Returns 0, or a cause. */
static unsigned int second(struct context *c, uint64_t gpa, bool r, bool w, bool x,
			   enum implicit implicit, struct translated *t)
{
	const struct reference_unit *u = c->u;
	const bool gxl = bit(u->fctl, 2), big = bit(u->fctl, 0);
	const unsigned int mode = (unsigned int)field(c->dc[1], 63, 60);
	const struct shape s = shape_of(mode, gxl, true);
	const bool lenient = implicit == NO && c->q->type == REFERENCE_ATS;
	const unsigned int width = bit(c->dc[0], 11) ? 34 : 12 + s.levels * s.index + s.top;
	const unsigned int access = by_access(c, 1, 5, 7);
	const unsigned int page = by_access(c, 20, 21, 23);
	unsigned int level = s.levels - 1;
	uint64_t a = field(c->dc[1], 43, 0) << 12;
	uint64_t pte, place;
	bool leaf;

	*t = (struct translated){.pa = gpa, .r = true, .w = true, .x = true};
	if (mode == 0)
		return 0;
	c->out->iotval2 = (gpa & ~3ULL) | (implicit != NO ? 1 : 0) | (implicit == WRITING ? 2 : 0);
	if (gpa >> width != 0)
		return page;
	for (;; level--) {
		const unsigned int bits = s.index + (level == s.levels - 1 ? s.top : 0);

		place = a +
			field(gpa, 12 + level * s.index + bits - 1, 12 + level * s.index) * s.bytes;
		if (!load(u, place, s.bytes, big, &pte))
			return access;
		if (!well_formed(u, &s, level, pte, &leaf))
			return page;
		if (leaf)
			break;
		a = (s.bytes == 8 ? field(pte, 53, 10) : field(pte, 31, 10)) << 12;
	}
	if (!bit(pte, 4))
		return page;
	if (!lenient && ((r && !bit(pte, 1)) || (w && !bit(pte, 2)) || (x && !bit(pte, 3))))
		return page;
	if (!bit(pte, 6) || (w && bit(pte, 2) && !bit(pte, 7))) {
		if (!bit(c->dc[0], 7))
			return page;
		pte |= 1 << 6 | (w && bit(pte, 2) ? 1 << 7 : 0);
		save(u, place, s.bytes, big, pte);
	}
	*t = (struct translated){
		.pa = leaf_address(&s, level, pte, gpa),
		.r = bit(pte, 1),
		.w = bit(pte, 2) && bit(pte, 7),
		.x = bit(pte, 3),
		.pbmt = s.bytes == 8 ? (unsigned int)field(pte, 62, 61) : 0,
	};
	return 0;
}

/* First stage. Returns 0, or a cause. */
static unsigned int first(struct context *c, struct translated *t)
{
	const struct reference_unit *u = c->u;
	const struct reference_request *q = c->q;
	const bool narrow = bit(c->dc[0], 11), big = bit(c->dc[0], 10), sade = bit(c->dc[0], 8);
	const struct shape s = shape_of(c->mode, narrow, false);
	const bool x = is_exec(c), ats = q->type == REFERENCE_ATS, priv = q->pv && q->priv;
	const bool r = q->read || !q->write, w = q->write;
	const unsigned int access = by_access(c, 1, 5, 7), page = by_access(c, 12, 13, 15);
	unsigned int level = s.levels - 1;
	uint64_t a = c->root << 12;
	bool leaf, global = false;
	struct translated entry;
	unsigned int cause;
	uint64_t pte;

	*t = (struct translated){.pa = q->iova, .r = true, .w = true, .x = true};
	if (c->mode == 0)
		return 0;
	if (narrow ? q->iova >> 32 != 0
		   : (uint64_t)((int64_t)(q->iova << (64 - 12 - s.levels * 9)) >>
				(64 - 12 - s.levels * 9)) != q->iova)
		return page;
	for (;; level--) {
		const uint64_t index =
			field(q->iova, 12 + level * s.index + s.index - 1, 12 + level * s.index);

		cause = second(c, a + index * s.bytes, true, false, false, READING, &entry);
		if (cause != 0)
			return cause;
		if (!load(u, entry.pa, s.bytes, big, &pte))
			return access;
		if (!well_formed(u, &s, level, pte, &leaf))
			return page;
		global |= bit(pte, 5);
		if (leaf)
			break;
		a = (s.bytes == 8 ? field(pte, 53, 10) : field(pte, 31, 10)) << 12;
	}
	if (!ats && ((r && !bit(pte, 1)) || (w && !bit(pte, 2)) || (x && !bit(pte, 3))))
		return page;
	if (!priv && !bit(pte, 4))
		return page;
	if (priv && bit(pte, 4) && (x || !c->sum))
		return page;
	if (!bit(pte, 6) || (w && bit(pte, 2) && !bit(pte, 7))) {
		const uint64_t index =
			field(q->iova, 12 + level * s.index + s.index - 1, 12 + level * s.index);

		if (!sade)
			return page;
		cause = second(c, a + index * s.bytes, true, true, false, WRITING, &entry);
		if (cause != 0)
			return cause;
		pte |= 1 << 6 | (w && bit(pte, 2) ? 1 << 7 : 0);
		save(u, entry.pa, s.bytes, big, pte);
	}
	*t = (struct translated){
		.pa = leaf_address(&s, level, pte, q->iova),
		.r = bit(pte, 1),
		.w = bit(pte, 2) && bit(pte, 7),
		.x = bit(pte, 3),
		.g = global,
		.pbmt = s.bytes == 8 ? (unsigned int)field(pte, 62, 61) : 0,
	};
	return 0;
}

/* --- Directories ------------------------------------------------------------------------------ */

static bool stage_mode_is_bad(const struct reference_unit *u, unsigned int mode, bool narrow)
{
	if (mode == 0)
		return false;
	if (narrow)
		return mode != 8 || !bit(u->capabilities, 8);
	return mode < 8 || mode > 10 || !bit(u->capabilities, mode + 1);
}

static bool context_is_bad(const struct reference_unit *u, const uint64_t *dc)
{
	const uint64_t cap = u->capabilities, tc = dc[0];
	const bool ats = bit(cap, 25), flat = bit(cap, 22), pdtv = bit(tc, 5),
		   gxl = bit(u->fctl, 2);
	const unsigned int second_mode = (unsigned int)field(dc[1], 63, 60);
	const unsigned int fsc_mode = (unsigned int)field(dc[3], 63, 60);
	const unsigned int width = bit(cap, 19)   ? 59
				   : bit(cap, 18) ? 50
				   : bit(cap, 17) ? 41
				   : bit(cap, 16) ? 34
						  : (unsigned int)field(cap, 37, 32);

	if (field(tc, 23, 12) != 0 || field(tc, 63, 32) != 0)
		return true;
	if (!ats && (bit(tc, 1) || bit(tc, 2) || bit(tc, 6)))
		return true;
	if (!bit(tc, 1) && (bit(tc, 2) || bit(tc, 3)))
		return true;
	if (!bit(tc, 2) && bit(tc, 6))
		return true;
	if (bit(tc, 3) && (!bit(cap, 26) || second_mode == 0))
		return true;
	if (field(dc[3], 59, 44) != 0)
		return true;
	if (pdtv && (fsc_mode > 3 || (fsc_mode != 0 && !bit(cap, 37 + fsc_mode))))
		return true;
	if (!pdtv && (bit(tc, 9) || stage_mode_is_bad(u, fsc_mode, bit(tc, 11))))
		return true;
	if (second_mode != 0) {
		if (gxl ? second_mode != 8 || !bit(cap, 16)
			: second_mode < 8 || second_mode > 10 || !bit(cap, second_mode + 9))
			return true;
		if (field(dc[1], 1, 0) != 0)
			return true;
	}
	if (!bit(cap, 24) && (bit(tc, 7) || bit(tc, 8)))
		return true;
	if (bit(tc, 10) != bit(u->fctl, 0) && (!bit(cap, 27) || !bit(u->fctl_writable, 0)))
		return true;
	if (gxl ? !bit(tc, 11) : bit(tc, 11) && !bit(u->fctl_writable, 2))
		return true;
	if (field(dc[2], 11, 0) != 0 || field(dc[2], 39, 32) != 0)
		return true;
	if (!bit(cap, 41) ? field(dc[2], 63, 40) != 0
			  : field(dc[2], 51, 40) >> u->qos_bits != 0 ||
				    field(dc[2], 63, 52) >> u->qos_bits != 0)
		return true;
	if (!flat)
		return false;
	return field(dc[4], 63, 60) > 1 || field(dc[4], 59, 44) != 0 || dc[7] != 0 ||
	       (dc[5] | dc[6]) >> (width - 12) != 0 ||
	       (field(dc[4], 63, 60) == 1 && second_mode == 0);
}

static unsigned int locate_device(struct context *c)
{
	const struct reference_unit *u = c->u;
	const bool flat = bit(u->capabilities, 22), big = bit(u->fctl, 0);
	const unsigned int low = flat ? 6 : 7;
	const unsigned int mode = (unsigned int)field(u->ddtp, 3, 0);
	uint64_t a = field(u->ddtp, 53, 10) << 12, entry;
	const uint32_t did = c->q->did;
	uint32_t ddi[3];
	unsigned int i;

	ddi[0] = did & ((1U << low) - 1);
	ddi[1] = did >> low & 511;
	ddi[2] = did >> (low + 9);
	if ((mode == 3 && ddi[2] != 0) || (mode == 2 && (ddi[1] | ddi[2]) != 0))
		return 260;
	for (i = mode - 2; i != 0; i--) {
		if (!load(u, a + ddi[i] * 8ULL, 8, big, &entry))
			return 257;
		if (!bit(entry, 0))
			return 258;
		if (field(entry, 9, 1) != 0 || field(entry, 63, 54) != 0)
			return 259;
		a = field(entry, 53, 10) << 12;
	}
	a += ddi[0] * (flat ? 64ULL : 32ULL);
	for (i = 0; i < (flat ? 8 : 4); i++)
		if (!load(u, a + i * 8ULL, 8, big, &c->dc[i]))
			return 257;
	if (!bit(c->dc[0], 0))
		return 258;
	return context_is_bad(u, c->dc) ? 259 : 0;
}

static unsigned int locate_process(struct context *c, uint32_t pid, uint64_t *pc)
{
	const struct reference_unit *u = c->u;
	const bool big = bit(c->dc[0], 10);
	const uint32_t pdi[3] = {pid & 255, pid >> 8 & 511, pid >> 17};
	unsigned int i = (unsigned int)field(c->dc[3], 63, 60) - 1;
	uint64_t a = field(c->dc[3], 43, 0) << 12, entry;
	struct translated t;
	unsigned int cause;

	for (;; i--) {
		cause = second(c, a, true, false, false, READING, &t);
		if (cause != 0)
			return cause;
		a = t.pa;
		if (i == 0)
			break;
		if (!load(u, a + pdi[i] * 8ULL, 8, big, &entry))
			return 265;
		if (!bit(entry, 0))
			return 266;
		if (field(entry, 9, 1) != 0 || field(entry, 63, 54) != 0)
			return 267;
		a = field(entry, 53, 10) << 12;
	}
	if (!load(u, a + pdi[0] * 16ULL, 8, big, &pc[0]) ||
	    !load(u, a + pdi[0] * 16ULL + 8, 8, big, &pc[1]))
		return 265;
	if (!bit(pc[0], 0))
		return 266;
	if (field(pc[0], 11, 3) != 0 || field(pc[0], 63, 32) != 0 || field(pc[1], 59, 44) != 0 ||
	    stage_mode_is_bad(u, (unsigned int)field(pc[1], 63, 60), bit(c->dc[0], 11)))
		return 267;
	return 0;
}

/* Steps 7 to 16. */
static unsigned int choose_first(struct context *c)
{
	const struct reference_request *q = c->q;
	const unsigned int pdtp = (unsigned int)field(c->dc[3], 63, 60);
	static const unsigned int widths[] = {20, 8, 17, 20};
	uint64_t pc[2];
	unsigned int cause;

	if (q->type != REFERENCE_UNTRANSLATED && !bit(c->dc[0], 1))
		return 260;
	if (q->pv && (!bit(c->dc[0], 5) || q->pid >> widths[pdtp & 3] != 0))
		return 260;
	if (q->type == REFERENCE_TRANSLATED)
		return 0;
	if (!bit(c->dc[0], 5)) {
		c->mode = pdtp;
		c->root = field(c->dc[3], 43, 0);
		return 0;
	}
	if ((!q->pv && !bit(c->dc[0], 9)) || pdtp == 0)
		return 0;
	cause = locate_process(c, q->pv ? q->pid : 0, pc);
	if (cause != 0)
		return cause;
	if (q->pv && q->priv && !bit(pc[0], 1))
		return 260;
	c->mode = (unsigned int)field(pc[1], 63, 60);
	c->root = field(pc[1], 43, 0);
	c->sum = bit(pc[0], 2);
	return 0;
}

/* --- MSI tables ------------------------------------------------------------------------------- */

static unsigned int message(struct context *c, uint64_t gpa, uint64_t *pa)
{
	const struct reference_unit *u = c->u;
	const uint64_t page = gpa >> 12, mask = c->dc[5], pattern = c->dc[6];
	uint64_t number = 0, place, low, high;
	unsigned int i, at = 0;

	c->out->is_message = false;
	if (!bit(u->capabilities, 22) || field(c->dc[4], 63, 60) != 1 ||
	    (page & ~mask) != (pattern & ~mask))
		return 0;
	c->out->is_message = true;
	for (i = 0; i < 52; i++)
		if (bit(mask, i))
			number |= (uint64_t)bit(page, i) << at++;
	place = field(c->dc[4], 43, 0) << 12 | number * 16;
	if (!load(u, place, 8, bit(u->fctl, 0), &low) ||
	    !load(u, place + 8, 8, bit(u->fctl, 0), &high))
		return 261;
	if (!bit(low, 0))
		return 262;
	if (bit(low, 63) || field(low, 62, 54) != 0)
		return 263;
	if (field(low, 2, 1) == 3) {
		if (field(low, 9, 3) != 0)
			return 263;
		*pa = field(low, 53, 10) << 12 | (gpa & 4095);
	} else if (field(low, 2, 1) == 1) {
		if (!bit(u->capabilities, 23) || field(low, 6, 3) != 0 ||
		    field(high, 59, 54) != 0 || field(high, 63, 61) != 0)
			return 263;
		c->out->is_file = true;
		c->out->file = field(low, 53, 7) << 9;
		c->out->notice = field(high, 53, 10) << 12;
		c->out->nid = (unsigned int)(field(high, 9, 0) | field(high, 60, 60) << 10);
		*pa = 0;
	} else {
		return 263;
	}
	return is_exec(c) ? 1 : 0;
}

/* --- The process ------------------------------------------------------------------------------ */

static unsigned int translate(struct context *c)
{
	const struct reference_request *q = c->q;
	struct reference_result *out = c->out;
	const unsigned int mode = (unsigned int)field(c->u->ddtp, 3, 0);
	struct translated one, two;
	unsigned int cause;

	out->pa = q->iova;
	out->r = out->w = out->x = true;
	if (mode == 0)
		return 256;
	if (mode == 1)
		return q->type == REFERENCE_UNTRANSLATED ? 0 : 260;
	cause = locate_device(c);
	if (cause != 0)
		return cause;
	out->dtf = bit(c->dc[0], 4);
	out->rcid = (unsigned int)field(c->dc[2], 51, 40);
	out->mcid = (unsigned int)field(c->dc[2], 63, 52);
	cause = choose_first(c);
	if (cause != 0 || (q->type == REFERENCE_TRANSLATED && !bit(c->dc[0], 3)))
		return cause;
	cause = first(c, &one);
	if (cause == 0)
		cause = message(c, one.pa, &two.pa);
	if (cause != 0)
		return cause;
	if (out->is_message) {
		two.r = two.w = true;
		two.x = false;
		two.pbmt = 0;
	} else {
		cause = second(c, one.pa, q->read || !q->write, q->write, is_exec(c), NO, &two);
		if (cause != 0)
			return cause;
	}
	out->pa = q->type == REFERENCE_ATS && bit(c->dc[0], 3) && !out->is_file ? one.pa : two.pa;
	out->r = one.r && two.r;
	out->w = one.w && two.w;
	out->x = one.x && two.x && out->r;
	out->pbmt = one.pbmt != 0 ? one.pbmt : two.pbmt;
	out->global = one.g && q->pv && !out->is_message;
	return 0;
}

void riscv_reference(const struct reference_unit *unit, const struct reference_request *request,
		     struct reference_result *result)
{
	struct context c = {.u = unit, .q = request, .out = result};

	*result = (struct reference_result){0};
	result->cause = translate(&c);
	if (result->cause != 20 && result->cause != 21 && result->cause != 23)
		result->iotval2 = 0;
}
