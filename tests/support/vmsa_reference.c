/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmsa_reference.h"

#include <string.h>

/* Bits of the size of a page. */
static unsigned int page_bits(unsigned int tg)
{
	static const unsigned int bits[] = {12, 16, 14};

	return bits[tg];
}

static uint64_t bits_of(uint64_t word, unsigned int high, unsigned int low)
{
	return word >> low & ((2ULL << (high - low)) - 1);
}

static bool bit(uint64_t word, unsigned int at)
{
	return (word >> at & 1) != 0;
}

/* --- Where walks start ------------------------------------------------------------------------ */

int vmsa_start_of_first_stage(unsigned int tg, unsigned int t0sz)
{
	const int index = 64 - (int)t0sz - (int)page_bits(tg);
	const int stride = (int)page_bits(tg) - 3;

	return 4 - (index + stride - 1) / stride;
}

int vmsa_start_of_second_stage(unsigned int tg, unsigned int sl0)
{
	static const int of_4k[] = {2, 1, 0, 3};

	return tg == 0 ? of_4k[sl0] : 3 - (int)sl0;
}

/* The table of T0SZ for each granule and level: of one table, and of 2, 4, 8 and 16. */
static const struct {
	unsigned int tg;
	int level;
	unsigned int least, most; /* T0SZ of one table */
	unsigned int two;         /* of 2; 4, 8, 16: one less each; 0: none */
	unsigned int lowest_two;  /* the smallest T0SZ of several tables */
	bool ds;                  /* with DS alone */
} rows[] = {
	{0, 0, 16, 24, 15, 12, false}, {0, 1, 25, 33, 24, 21, false}, {0, 2, 34, 39, 33, 30, false},
	{2, 0, 12, 16, 0, 0, true},    {2, 1, 17, 27, 16, 13, false}, {2, 2, 28, 38, 27, 24, false},
	{2, 3, 39, 39, 38, 35, false}, {1, 1, 12, 21, 0, 0, false},   {1, 2, 22, 34, 21, 18, false},
	{1, 3, 35, 39, 34, 31, false},
};

bool vmsa_second_stage_is_legal(unsigned int tg, unsigned int t0sz, int start, bool ds,
				unsigned int *tables)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].tg != tg || rows[i].level != start || (rows[i].ds && !ds))
			continue;
		if (t0sz < 16 && !ds && tg != 1)
			return false;
		if (t0sz >= rows[i].least && t0sz <= rows[i].most) {
			*tables = 1;
			return true;
		}
		if (rows[i].two != 0 && t0sz <= rows[i].two && t0sz >= rows[i].lowest_two) {
			*tables = 2U << (rows[i].two - t0sz);
			return true;
		}
	}
	return false;
}

/* --- Descriptors ------------------------------------------------------------------------------ */

static uint64_t load(const struct vmsa_walk *walk, uint64_t pa)
{
	const unsigned char *bytes = walk->memory(walk->ctx, pa);
	uint64_t value = 0;

	for (unsigned int i = 8; i-- != 0;)
		value = value << 8 | bytes[i];
	return value;
}

static void save(const struct vmsa_walk *walk, uint64_t pa, uint64_t value)
{
	unsigned char *bytes = (unsigned char *)(uintptr_t)walk->memory(walk->ctx, pa);

	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
}

/* The output address as it stands, blocks' bits below their size and all. */
static uint64_t output(const struct vmsa_walk *walk, uint64_t d)
{
	const unsigned int n = page_bits(walk->tg);

	if (walk->tg == 1)
		return bits_of(d, 47, 16) << 16 | bits_of(d, 15, 12) << 48;
	if (walk->ds)
		return bits_of(d, 49, n) << n | bits_of(d, 9, 8) << 50;
	return bits_of(d, 47, n) << n;
}

/* Entries that the Contiguous bit joins, or 0. */
static unsigned int joined(const struct vmsa_walk *walk, int level)
{
	if (walk->tg == 0)
		return level >= 1 ? 16 : 0;
	if (walk->tg == 2)
		return level == 3 ? 128 : level == 2 ? 32 : 0;
	return level >= 2 ? 32 : 0;
}

static bool block_exists(const struct vmsa_walk *walk, int level)
{
	if (level == 3)
		return true;
	if (walk->tg == 0)
		return level >= (walk->ds ? 0 : 1);
	if (walk->tg == 2)
		return level >= (walk->ds ? 1 : 2);
	return level >= (walk->pa_bits > 48 ? 1 : 2);
}

static struct vmsa_answer flaw(struct vmsa_answer answer, const char *what)
{
	answer.fault = VMSA_FLAW;
	answer.flaw = what;
	return answer;
}

/* What must be 0 in a valid entry. */
static const char *reserved(const struct vmsa_walk *walk, uint64_t d, int level, bool leaf)
{
	if (!walk->ds && bits_of(d, 49, 48) != 0)
		return "bits 49:48";
	if (bits_of(d, 63, 59) != 0)
		return "bits 63:59";
	if (!leaf)
		return bits_of(d, 58, 50) != 0 || bit(d, 10) ? "attributes of a table" : NULL;
	if (bit(d, 50) || bits_of(d, 58, 55) != 0)
		return "bits 58:55 or 50";
	if (walk->stage == 2 && bit(d, 11))
		return "bit 11";
	if (walk->stage == 1 && bit(d, 5))
		return "NS";
	if (!walk->ds && bits_of(d, 9, 8) == 1)
		return "a shareability that is none";
	if (bit(d, 52) && joined(walk, level) == 0)
		return "the Contiguous bit";
	return NULL;
}

/* All that are joined say so, lead to memory in a row, and agree in all but AF and dirty. */
static const char *misjoined(const struct vmsa_walk *walk, uint64_t place, uint64_t d, int level,
			     uint64_t span)
{
	const unsigned int count = joined(walk, level);
	const uint64_t first = place & ~(count * 8ULL - 1);
	const uint64_t differs = 1ULL << 10 | 1ULL << 7;
	const uint64_t base = output(walk, load(walk, first));

	if ((base & (count * span - 1)) != 0)
		return "memory that is not aligned to all that is joined";
	for (unsigned int i = 0; i < count; i++) {
		const uint64_t other = load(walk, first + i * 8ULL);
		uint64_t attributes = (other ^ d) & ~differs;

		if (output(walk, other) != base + i * span)
			return "memory that is not in a row";
		attributes &= 0xfff0000000000000 | 1ULL << 51 | 0xfff;
		if (walk->ds)
			attributes &= ~0x300ULL;
		if (attributes != 0)
			return "joined entries that differ";
	}
	return NULL;
}

static bool permitted_1(uint64_t d, struct vmsa_access access)
{
	if (!access.privileged && !bit(d, 6))
		return false;
	if (access.execute && bit(d, access.privileged ? 53 : 54))
		return false;
	return !access.write || !bit(d, 7);
}

static bool permitted_2(uint64_t d, struct vmsa_access access)
{
	if (access.execute && bits_of(d, 54, 53) == 2)
		return false;
	return access.write ? bit(d, 7) : bit(d, 6);
}

/* Access flag and dirty state: what hardware makes of the entry before it looks at permissions. */
static uint64_t updated(const struct vmsa_walk *walk, uint64_t d, struct vmsa_access access)
{
	if (walk->ha)
		d |= 1ULL << 10;
	if (!walk->hd || !access.write || !bit(d, 51))
		return d;
	if (walk->stage == 2)
		return d | 1ULL << 7;
	/* Who may not use it at all does not make it dirty. */
	return access.privileged || bit(d, 6) ? d & ~(1ULL << 7) : d;
}

static struct vmsa_answer of_leaf(const struct vmsa_walk *walk, uint64_t place, uint64_t d,
				  struct vmsa_answer answer, uint64_t address,
				  struct vmsa_access access)
{
	const unsigned int n = page_bits(walk->tg);
	const uint64_t span = 1ULL << (n + (unsigned int)(3 - answer.level) * (n - 3));
	const uint64_t now = updated(walk, d, access);
	const char *wrong;

	if (!block_exists(walk, answer.level))
		return flaw(answer, "a block at a level that has none");
	wrong = reserved(walk, d, answer.level, true);
	if (wrong == NULL && bit(d, 52))
		wrong = misjoined(walk, place, d, answer.level, span);
	if (wrong != NULL)
		return flaw(answer, wrong);
	if ((output(walk, d) & (span - 1)) != 0)
		return flaw(answer, "a block whose memory is not aligned");
	answer.cached_together = bit(d, 52);
	answer.size = span * (bit(d, 52) ? joined(walk, answer.level) : 1);
	answer.pa = output(walk, d) | (address & (span - 1));
	answer.memory = (unsigned int)bits_of(d, walk->stage == 1 ? 4 : 5, 2);
	answer.global = walk->stage == 1 && !bit(d, 11);
	if (answer.pa >> walk->pa_bits != 0)
		answer.fault = VMSA_FAULT_ADDRESS_SIZE;
	else if (!bit(now, 10))
		answer.fault = VMSA_FAULT_ACCESS;
	else if (walk->stage == 1 ? !permitted_1(now, access) : !permitted_2(now, access))
		answer.fault = VMSA_FAULT_PERMISSION;
	if (answer.fault == VMSA_NO_FAULT && now != d)
		save(walk, place, now);
	answer.dirty = bit(now, 51) && (walk->stage == 1 ? !bit(now, 7) : bit(now, 7));
	return answer;
}

struct vmsa_answer vmsa_reference_walk(const struct vmsa_walk *walk, uint64_t address,
				       struct vmsa_access access)
{
	const unsigned int n = page_bits(walk->tg);
	struct vmsa_answer answer = {.fault = VMSA_NO_FAULT, .level = walk->start};
	uint64_t table = walk->root;

	if (address >> (64 - walk->t0sz) != 0) {
		answer.fault = VMSA_FAULT_TRANSLATION;
		return answer;
	}
	for (;; answer.level++) {
		const unsigned int low = n + (unsigned int)(3 - answer.level) * (n - 3);
		const unsigned int high =
			answer.level == walk->start ? 63 - walk->t0sz : low + n - 4;
		const uint64_t place = table + bits_of(address, high, low) * 8;
		const uint64_t d = load(walk, place);
		const char *wrong;

		if (!bit(d, 0) || (answer.level == 3 && !bit(d, 1))) {
			answer.fault = VMSA_FAULT_TRANSLATION;
			return answer;
		}
		if (answer.level == 3 || !bit(d, 1))
			return of_leaf(walk, place, d, answer, address, access);
		wrong = reserved(walk, d, answer.level, false);
		if (wrong != NULL)
			return flaw(answer, wrong);
		table = output(walk, d);
		if (table >> walk->pa_bits != 0) {
			answer.fault = VMSA_FAULT_ADDRESS_SIZE;
			return answer;
		}
	}
}
