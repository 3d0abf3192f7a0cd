/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dirty bits: read into bitmaps of any granularity, in all formats that have them; of runs, in
 * whichever of their entries hardware notes them.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/hw/amdvi_page_table.h>
#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_platform.h"

#define ALL_SIZES (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define RW        IOMMU_PROT_READ_WRITE
#define WORDS     8192
#define PAGES     (WORDS * 64ULL)

struct format {
	const struct iommu_pgtable_ops *ops;
	unsigned int input_bits;
	uint64_t dirty;
	iommu_iova_t base; /* where the tests map */
	/* How hardware reads an entry: what a leaf that can be written has, what says that it is
	 * one, where the address is. */
	uint64_t writable, leaf, address;
	unsigned int address_shift;
	uint64_t runs; /* their size: of tests that are about them */
	unsigned int flags;
	bool clears;   /* hardware clears the bit for a write */
	bool by_clear; /* a leaf above the lowest level has `leaf` clear */
};

#define OF_VTD                                                                                     \
	.writable = VTD_SS_READ | VTD_SS_WRITE, .leaf = VTD_SS_PAGE_SIZE,                          \
	.address = VTD_SS_ADDRESS_MASK
#define OF_RISCV                                                                                   \
	.dirty = RISCV_PTE_DIRTY, .writable = RISCV_PTE_VALID, .leaf = RISCV_PTE_WRITE,            \
	.address = RISCV_PPN_MASK, .address_shift = 2

#define OF_AMD                                                                                     \
	.ops = &iommu_amdv1_ops, .input_bits = 48, .base = 0x40000000, .dirty = AMDVI_PTE_DIRTY,   \
	.writable = AMDVI_PTE_PRESENT | AMDVI_PTE_WRITE, .leaf = 7ULL << 9, .by_clear = true,      \
	.address = AMDVI_PTE_ADDRESS

#define OF_ARM(stage, bit, at, ...)                                                                \
	{                                                                                          \
		.ops = &iommu_vmsas##stage##_ops, .input_bits = 48, .dirty = (bit), .base = (at),  \
		.writable = VMSA_VALID, .leaf = VMSA_PAGE_OR_TABLE, .by_clear = true,              \
		.address = VMSA_ADDRESS,                                                           \
		.flags = (unsigned int)IOMMU_PGTABLE_BBM_LEVEL_2 |                                 \
			 (unsigned int)IOMMU_PGTABLE_DIRTY_TRACKING,                               \
		__VA_ARGS__                                                                        \
	}

static const struct format formats[] = {
	{&iommu_vtdss_ops, 48, VTD_SS_DIRTY, 0x40000000, OF_VTD},
	{&iommu_x86_64_table_ops, 47, VTD_FS_DIRTY, 0x40000000, OF_VTD},
	{&iommu_x86_64_table_ops, 47, VTD_FS_DIRTY, 0xffff900000000000, OF_VTD},
	{.ops = &iommu_riscvss_ops, .input_bits = 50, .base = 0x40000000, OF_RISCV},
	{.ops = &iommu_riscvfs_ops, .input_bits = 47, .base = 0xffff900000000000, OF_RISCV},
	OF_ARM(1, VMSA_S1_READ_ONLY, 0x40000000, .clears = true),
	OF_ARM(2, VMSA_S2_WRITE, 0xf00040000000, .clears = false),
	{OF_AMD},
};

static const struct format formats_with_runs[] = {
	{.ops = &iommu_riscvss_ops,
	 .input_bits = 50,
	 .base = 0x40000000,
	 .runs = IOMMU_SIZE_64K,
	 OF_RISCV},
	{.ops = &iommu_riscvfs_ops,
	 .input_bits = 47,
	 .base = 0xffff900000000000,
	 .runs = IOMMU_SIZE_64K,
	 OF_RISCV},
	OF_ARM(1, VMSA_S1_READ_ONLY, 0x40000000, .clears = true, .runs = IOMMU_SIZE_64K),
	OF_ARM(2, VMSA_S2_WRITE, 0xf00040000000, .runs = IOMMU_SIZE_64K),
	{OF_AMD, .runs = IOMMU_SIZE_64K},
};

static struct test_platform test;
static const struct format *format;
static struct iommu_pgtable pt;
static struct iommu_gather gather;
static uint64_t words[WORDS];

static void begin(const struct format *of, unsigned int flags)
{
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = of->input_bits,
		.output_bits = 46,
		.pgsize_bitmap = ALL_SIZES | of->runs,
		.flags = flags | of->flags,
	};

	format = of;
	test_platform_init(&test, 1 << 24, 0);
	assert_int_equal(format->ops->init(&pt, &config), 0);
	iommu_gather_init(&gather);
	memset(words, 0, sizeof(words));
}

static void end(void)
{
	format->ops->free_gathered(&pt, &gather);
	format->ops->destroy(&pt);
	test_platform_destroy(&test);
}

static void map_to(iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size)
{
	uint64_t mapped;

	assert_int_equal(format->ops->map(&pt, iova, paddr, size, RW, &gather, &mapped), 0);
}

static void map(iommu_iova_t iova, uint64_t size)
{
	map_to(iova, 1ULL << 40, size);
}

/* As hardware does it: in the leaf, whatever its size, in one piece. */
static void device_writes(iommu_iova_t iova)
{
	uint64_t *table = pt.root;
	unsigned int level;

	for (level = pt.levels;; level--) {
		const unsigned int shift = 12 + 9 * (level - 1);
		uint64_t *entry = &table[iova >> shift & 511];
		const uint64_t value = iommu_le64(__sync_val_compare_and_swap(entry, 0, 0));

		assert_int_equal(value & format->writable, format->writable);
		if (level == 1 || ((value & format->leaf) != 0) != format->by_clear) {
			if (format->clears)
				(void)__sync_fetch_and_and(entry, ~iommu_le64(format->dirty));
			else
				(void)__sync_fetch_and_or(entry, iommu_le64(format->dirty));
			return;
		}
		table = iommu_phys_to_virt(&test.platform, (value & format->address)
								   << format->address_shift);
	}
}

static int read_into(iommu_iova_t iova, uint64_t size, unsigned int flags, iommu_iova_t start,
		     unsigned int page_shift)
{
	const struct iommu_dirty_bitmap bitmap = {words, start, PAGES, page_shift};

	return format->ops->read_dirty(&pt, iova, size, flags, &bitmap, &gather);
}

static bool bit(uint64_t n)
{
	return (words[n / 64] >> n % 64 & 1) != 0;
}

static uint64_t bits_set(void)
{
	uint64_t count = 0;
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		count += (uint64_t)__builtin_popcountll(words[i]);
	return count;
}

static void forget_bits(void)
{
	memset(words, 0, sizeof(words));
	format->ops->free_gathered(&pt, &gather);
}

#define FOR_EACH_FORMAT(of)                                                                        \
	for (of = formats; of < formats + sizeof(formats) / sizeof(formats[0]); of++)

#define FOR_EACH_FORMAT_WITH_RUNS(of)                                                              \
	for (of = formats_with_runs;                                                               \
	     of < formats_with_runs + sizeof(formats_with_runs) / sizeof(formats_with_runs[0]);    \
	     of++)

static void a_range_can_count_as_written(void **state)
{
	const iommu_iova_t first = 0x40000000;
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	{
		begin(of, 0);
		map(first, 0x4000);
		map(first + 0x10000, 0x2000);
		format->ops->note_written(&pt, first + 0x1000, 0x10000);
		assert_int_equal(read_into(first, 0x20000, 0, first, 12), 0);
		/* What is mapped of it, and no more. */
		assert_int_equal(words[0], 0x1000e);
		forget_bits();
		assert_int_equal(read_into(first, 0x20000, 0, first, 12), 0);
		assert_int_equal(words[0], 0);
		forget_bits();
		format->ops->note_written(&pt, first, 0);
		format->ops->note_written(&pt, UINT64_MAX - 4095, 8192);
		assert_int_equal(read_into(first, 0x20000, 0, first, 12), 0);
		assert_int_equal(words[0], 0);
		end();
	}
}

static void pages_are_noted_once(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	{
		begin(of, 0);
		map(of->base, 0x800000 + 0x5000);
		assert_int_equal(read_into(of->base, 0x805000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		assert_true(iommu_gather_is_empty(&gather));
		device_writes(of->base + 0x804123);
		assert_int_equal(read_into(of->base, 0x805000, IOMMU_DIRTY_KEEP, of->base, 12), 0);
		assert_int_equal(bits_set(), 1);
		assert_true(bit(0x804));
		assert_true(iommu_gather_is_empty(&gather));
		forget_bits();
		assert_int_equal(read_into(of->base, 0x805000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 1);
		assert_true(bit(0x804));
		assert_true(gather.start <= of->base + 0x804000 &&
			    gather.last >= of->base + 0x804fff);
		forget_bits();
		assert_int_equal(read_into(of->base, 0x805000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		/* Nothing else of the entry changed. */
		assert_int_equal(format->ops->iova_to_phys(&pt, of->base + 0x804000, NULL, NULL),
				 0);
		/* A large page is noted as one, and only for what was asked. */
		device_writes(of->base + 0x212345);
		assert_int_equal(read_into(of->base + 0x200000, 0x4000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 4);
		assert_true(bit(0x200) && bit(0x203));
		assert_true(iommu_gather_is_empty(&gather));
		forget_bits();
		assert_int_equal(read_into(of->base, 0x805000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 512); /* it had stayed */
		assert_false(iommu_gather_is_empty(&gather));
		/* In larger steps; bits that are set stay so. */
		device_writes(of->base + 0x200000);
		device_writes(of->base + 0x801000);
		forget_bits();
		words[100] = 1;
		assert_int_equal(read_into(of->base, 0x804000, 0, of->base, 14), 0);
		assert_int_equal(bits_set(), 128 + 1 + 1);
		assert_true(bit(0x801000 >> 14));
		assert_true(bit(0x200000 >> 14));
		end();
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	{
		begin(of, 0);
		map(of->base, 0x4000);
		device_writes(of->base);
		assert_int_equal(read_into(of->base, 0, 0, of->base, 12), IOMMU_EINVAL);
		assert_int_equal(read_into(of->base, 0x4000, 2, of->base, 12), IOMMU_EINVAL);
		assert_int_equal(read_into(of->base, 0x4000, 0, of->base, 11), IOMMU_EINVAL);
		assert_int_equal(read_into(of->base, 0x4000, 0, of->base, 64), IOMMU_EINVAL);
		assert_int_equal(read_into(of->base, 0x4000, 0, of->base + 0x1000, 12),
				 IOMMU_EINVAL);
		assert_int_equal(read_into(of->base, 0x4000, 0, of->base, 15), IOMMU_EINVAL);
		assert_int_equal(read_into(of->base, (PAGES + 1) << 12, 0, of->base, 12),
				 IOMMU_EINVAL);
		assert_int_equal(read_into(-0x1000ULL, 0x2000, 0, -0x1000ULL, 12), IOMMU_EOVERFLOW);
		assert_int_equal(read_into(1ULL << 50, 0x1000, 0, 1ULL << 50, 12), IOMMU_ERANGE);
		assert_int_equal(bits_set(), 0);
		end();
	}
	/* Where all comes noted nothing can be learnt. */
	begin(&formats[1], IOMMU_PGTABLE_ACCESSED);
	assert_int_equal(read_into(0, 0x1000, 0, 0, 12), IOMMU_EOPNOTSUPP);
	end();
	assert_null(iommu_tce_ops.read_dirty);
}

/* A large page that is split had been written to: so have its parts, each by itself. */
static void a_split_loses_nothing(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	{
		begin(of, 0);
		map(of->base, IOMMU_SIZE_1G);
		device_writes(of->base + 0x12345678);
		assert_int_equal(
			format->ops->unmap(&pt, of->base, 0x1000, IOMMU_UNMAP_SPLIT, &gather, NULL),
			0);
		assert_int_equal(read_into(of->base + 0x200000, 0x200000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 512);
		forget_bits();
		assert_int_equal(read_into(of->base, IOMMU_SIZE_1G, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), (1 << 18) - 1 - 512);
		assert_false(bit(0));
		forget_bits();
		assert_int_equal(read_into(of->base, IOMMU_SIZE_1G, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		end();
	}
}

/* Leaves of a size among all that is mapped. */
static int count_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	uint64_t *counts = ctx;

	if (!visit->is_table)
		counts[visit->size == IOMMU_SIZE_4K ? 0 : visit->size == IOMMU_SIZE_2M ? 1 : 2]++;
	return 0;
}

static void expect_leaves(uint64_t small, uint64_t medium, uint64_t large)
{
	uint64_t counts[3] = {0, 0, 0};

	assert_int_equal(format->ops->walk(&pt, format->base, format->base + 2 * IOMMU_SIZE_1G - 1,
					   count_leaf, counts),
			 0);
	assert_int_equal(counts[0], small);
	assert_int_equal(counts[1], medium);
	assert_int_equal(counts[2], large);
}

static int split(iommu_iova_t offset, uint64_t size, uint64_t pgsize)
{
	return format->ops->split(&pt, format->base + offset, size, pgsize, &gather);
}

/* Large pages, made smaller before any write; nothing of what they translate changes. */
static void pages_are_split_beforehand(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	{
		iommu_paddr_t paddr;
		iommu_iova_t at;

		begin(of, 0);
		map(of->base, IOMMU_SIZE_1G);
		map(of->base + IOMMU_SIZE_1G, IOMMU_SIZE_2M);
		expect_leaves(0, 1, 1);
		/* What is as small already, or not mapped, stays. */
		assert_int_equal(split(0, 2 * IOMMU_SIZE_1G, IOMMU_SIZE_1G), 0);
		assert_true(iommu_gather_is_empty(&gather));
		device_writes(of->base + 0x12345678);
		/* Into the middle size, whole; then a part of it. */
		assert_int_equal(split(0x5000, 0x1000, IOMMU_SIZE_2M), 0);
		expect_leaves(0, 513, 0);
		assert_int_equal(gather.start, of->base);
		assert_int_equal(gather.last, of->base + IOMMU_SIZE_1G - 1);
		format->ops->free_gathered(&pt, &gather);
		assert_int_equal(split(0x3ff000, 0x2000, IOMMU_SIZE_4K), 0);
		expect_leaves(2 * 512, 511, 0);
		assert_int_equal(gather.start, of->base + 0x200000);
		assert_int_equal(gather.last, of->base + 0x5fffff);
		/* Across everything. */
		assert_int_equal(split(0, 2 * IOMMU_SIZE_1G, IOMMU_SIZE_4K), 0);
		expect_leaves(513 * 512, 0, 0);
		for (at = 0; at < IOMMU_SIZE_1G; at += 0x3f1000) {
			assert_int_equal(
				format->ops->iova_to_phys(&pt, of->base + at + 5, &paddr, NULL), 0);
			assert_int_equal(paddr, (1ULL << 40) + at + 5);
		}
		/* It had been written, as a whole. */
		assert_int_equal(read_into(of->base, 2 * IOMMU_SIZE_1G, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 512 * 512);
		end();
	}
}

static void splits_that_cannot_be(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	{
		iommu_paddr_t paddr;
		unsigned int tables;

		begin(of, 0);
		map(of->base, IOMMU_SIZE_1G);
		assert_int_equal(split(0, 0, IOMMU_SIZE_4K), IOMMU_EINVAL);
		assert_int_equal(split(0x800, 0x1000, IOMMU_SIZE_4K), IOMMU_EINVAL);
		assert_int_equal(split(0, 0x1000, 0), IOMMU_EINVAL);
		assert_int_equal(split(0, 0x1000, 0x3000), IOMMU_EINVAL);
		assert_int_equal(split(0, 0x1000, 1 << 16), IOMMU_EINVAL);
		assert_int_equal(
			format->ops->split(&pt, 1ULL << 50, 0x1000, IOMMU_SIZE_4K, &gather),
			IOMMU_ERANGE);
		assert_int_equal(format->ops->split(&pt, UINT64_MAX & ~0xfffULL, 0x2000,
						    IOMMU_SIZE_4K, &gather),
				 IOMMU_EOVERFLOW);
		assert_true(iommu_gather_is_empty(&gather));
		/*
		 * Wherever memory runs out: what was split stays so, and every translation as it
		 * was.
		 */
		for (tables = 1; tables < 5; tables++) {
			test.fail_after = test.allocations + tables;
			assert_int_equal(split(0, IOMMU_SIZE_1G, IOMMU_SIZE_4K), IOMMU_ENOMEM);
			test.fail_after = 0;
			assert_int_equal(
				format->ops->iova_to_phys(&pt, of->base + 0x3fffffff, &paddr, NULL),
				0);
			assert_int_equal(paddr, (1ULL << 40) + 0x3fffffff);
			assert_int_equal(
				format->ops->iova_to_phys(&pt, of->base + 0x1234, &paddr, NULL), 0);
			assert_int_equal(paddr, (1ULL << 40) + 0x1234);
		}
		end();
	}
}

/*
 * Where the page of a number begins, and how many pages of the smallest size it has: one in the
 * middle has 2M; of a format with runs, every other megabyte is made of them.
 */
struct extent {
	unsigned int first, pages;
};

static struct extent extent_of(unsigned int page)
{
	if (page >> 9 == 8)
		return (struct extent){0x1000, 512};
	if (format->runs != 0 && (page >> 8 & 1) == 0)
		return (struct extent){page & ~15U, 16};
	return (struct extent){page, 1};
}

static void write_randomly(const struct format *of)
{
	static bool written[1 << 14];
	struct test_random rng = {.state = 9};
	unsigned int round, i;

	begin(of, 0);
	for (i = 0; i < 1 << 14; i += 256)
		if (i < 0x1000 || i >= 0x1200)
			map_to(of->base + ((uint64_t)i << 12), (1ULL << 40) + (i >> 8 & 1) * 4096,
			       256 << 12);
	map(of->base + (0x1000ULL << 12), IOMMU_SIZE_2M);
	memset(written, 0, sizeof(written));
	for (round = 0; round < 300; round++) {
		const unsigned int shift = 12 + (unsigned int)test_random_below(&rng, 4);
		const unsigned int per_bit = 1U << (shift - 12);
		const unsigned int first =
			(unsigned int)test_random_below(&rng, (1 << 14) / per_bit);
		const unsigned int count =
			1 + (unsigned int)test_random_below(&rng, (1 << 14) / per_bit - first);
		const bool keeps = test_random_below(&rng, 3) == 0;
		/* Words of the bitmap begin anywhere in a table. */
		const uint64_t skew = test_random_below(&rng, 64);
		uint64_t n;

		/* Single pages, and runs. */
		for (i = (unsigned int)test_random_below(&rng, 20); i != 0; i--) {
			const unsigned int from = (unsigned int)test_random_below(&rng, 1 << 14);
			const unsigned int pages =
				test_random_below(&rng, 3) != 0
					? 1
					: (unsigned int)test_random_below(&rng, 300);
			unsigned int page, j;

			for (page = from; page < from + pages && page < 1 << 14; page++) {
				const struct extent whole = extent_of(page);

				device_writes(of->base + ((uint64_t)page << 12));
				for (j = 0; j < whole.pages; j++)
					written[whole.first + j] = true;
			}
		}
		forget_bits();
		assert_int_equal(read_into(of->base + ((uint64_t)first << shift),
					   (uint64_t)count << shift, keeps ? IOMMU_DIRTY_KEEP : 0,
					   of->base - (skew << shift), shift),
				 0);
		for (n = 0; n < (1U << 14) / per_bit; n++) {
			bool expected = false;

			for (i = 0; i < per_bit; i++)
				expected |= written[n * per_bit + i];
			assert_int_equal(bit(n + skew),
					 expected && n >= first && n < first + count);
		}
		/* What is clean again is invalidated. */
		for (i = first * per_bit; !keeps && i < (first + count) * per_bit; i++) {
			const iommu_iova_t page = of->base + ((uint64_t)i << 12);

			const struct extent whole = extent_of(i);

			/* Of a page that is not all there nothing is clean. */
			if (whole.first < first * per_bit ||
			    whole.first + whole.pages > (first + count) * per_bit)
				continue;
			if (written[i])
				assert_true(gather.start <= page && gather.last >= page + 4095);
			written[i] = false;
		}
	}
	end();
}

static void random_writes_are_all_found(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT(of)
	write_randomly(of);
	FOR_EACH_FORMAT_WITH_RUNS(of)
	write_randomly(of);
}

/* --- Runs ------------------------------------------------------------------------------------- */

/* In whichever of its entries hardware notes a write, the whole run is written. */
static void a_write_anywhere_in_a_run_is_of_all_of_it(void **state)
{
	const struct format *of;
	unsigned int page;

	(void)state;
	FOR_EACH_FORMAT_WITH_RUNS(of)
	for (page = 0; page < 16; page++) {
		const iommu_iova_t run = of->base + IOMMU_SIZE_64K;

		begin(of, 0);
		map(of->base, 3 * IOMMU_SIZE_64K);
		device_writes(run + page * 4096);
		assert_int_equal(read_into(of->base, 0x30000, IOMMU_DIRTY_KEEP, of->base, 12), 0);
		assert_int_equal(words[0], 0xffff0000);
		assert_true(iommu_gather_is_empty(&gather));
		forget_bits();
		/* What is asked for of it; the rest of it stays, so that all does. */
		assert_int_equal(read_into(run + 0x3000, 0x2000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0x180000);
		assert_int_equal(read_into(of->base, 0x1c000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0xfff0000);
		assert_true(iommu_gather_is_empty(&gather));
		forget_bits();
		assert_int_equal(read_into(of->base, 0x30000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0xffff0000);
		assert_int_equal(gather.start, run);
		assert_int_equal(gather.last, run + 0xffff);
		forget_bits();
		assert_int_equal(read_into(of->base, 0x30000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		/* In several, and noted by others than hardware. */
		device_writes(run);
		device_writes(run + page * 4096);
		assert_int_equal(format->ops->read_dirty(&pt, run, 0x10000, 0, NULL, &gather), 0);
		assert_int_equal(read_into(run, 0x10000, 0, run, 12), 0);
		assert_int_equal(bits_set(), 0);
		format->ops->note_written(&pt, run + page * 4096, 4096);
		assert_int_equal(read_into(run, 0x10000, 0, run, 16), 0);
		assert_int_equal(words[0], 1);
		end();
	}
}

/* Pages that were all written, and then a run of which one entry says so. */
static void a_run_behind_written_pages(void **state)
{
	const struct format *of;
	unsigned int page;

	(void)state;
	FOR_EACH_FORMAT_WITH_RUNS(of)
	{
		begin(of, 0);
		map_to(of->base, (1ULL << 40) + 4096, IOMMU_SIZE_64K);
		map_to(of->base + IOMMU_SIZE_64K, 1ULL << 40, 2 * IOMMU_SIZE_64K);
		for (page = 0; page < 16; page++)
			device_writes(of->base + page * 4096);
		device_writes(of->base + IOMMU_SIZE_64K + 0x7000);
		assert_int_equal(read_into(of->base, 0x30000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0xffffffff);
		forget_bits();
		assert_int_equal(read_into(of->base, 0x30000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		end();
	}
}

/* A run that is cut had been written to: so had all of its pages, each by itself. */
static void a_run_that_is_cut_loses_nothing(void **state)
{
	const struct format *of;
	unsigned int page;

	(void)state;
	FOR_EACH_FORMAT_WITH_RUNS(of)
	for (page = 0; page < 16; page++) {
		begin(of, 0);
		map(of->base, 2 * IOMMU_SIZE_64K);
		device_writes(of->base + page * 4096);
		assert_int_equal(format->ops->unmap(&pt, of->base + 0x5000, 0x2000,
						    IOMMU_UNMAP_SPLIT, &gather, NULL),
				 0);
		assert_int_equal(read_into(of->base, 0x1000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 1);
		assert_int_equal(read_into(of->base, 0x20000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0xff9f);
		forget_bits();
		device_writes(of->base + 0x8000);
		assert_int_equal(read_into(of->base, 0x20000, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0x100);
		/* Of a clean one all pages are clean. */
		forget_bits();
		assert_int_equal(split(0x10000, 0x1000, IOMMU_SIZE_4K), 0);
		assert_int_equal(read_into(of->base, 0x20000, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		end();
	}
}

/* A large page that was written becomes runs and pages that were. */
static void a_large_page_becomes_runs(void **state)
{
	const struct format *of;

	(void)state;
	FOR_EACH_FORMAT_WITH_RUNS(of)
	{
		begin(of, 0);
		map(of->base, IOMMU_SIZE_2M);
		device_writes(of->base);
		assert_int_equal(format->ops->unmap(&pt, of->base + 0x15000, 0x1000,
						    IOMMU_UNMAP_SPLIT, &gather, NULL),
				 0);
		assert_int_equal(read_into(of->base, IOMMU_SIZE_2M, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 511);
		forget_bits();
		assert_int_equal(read_into(of->base, IOMMU_SIZE_2M, 0, of->base, 12), 0);
		assert_int_equal(bits_set(), 0);
		device_writes(of->base + 0x1f000);
		device_writes(of->base + 0x2f000);
		assert_int_equal(read_into(of->base, IOMMU_SIZE_2M, 0, of->base, 12), 0);
		assert_int_equal(words[0], 0x0000ffff80000000);
		assert_int_equal(bits_set(), 17);
		end();
	}
}

/* --- While devices write ---------------------------------------------------------------------- */

#define RACED 64

static bool stop;
static unsigned int writes[RACED]; /* so often a page was written to, counted before */

static void *write_all_the_time(void *argument)
{
	struct test_random rng = {.state = 3};

	(void)argument;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		const uint64_t page = test_random_below(&rng, RACED);

		__atomic_add_fetch(&writes[page], 1, __ATOMIC_SEQ_CST);
		device_writes(format->base + (page << 12));
	}
	return NULL;
}

/* A page that was written to since it was last found clean is found. */
static void race(const struct format *of)
{
	uint64_t seen[RACED] = {0};
	unsigned int round, page;
	pthread_t thread;

	begin(of, 0);
	map(format->base, RACED << 12);
	stop = false;
	memset(writes, 0, sizeof(writes));
	assert_int_equal(pthread_create(&thread, NULL, write_all_the_time, NULL), 0);
	for (round = 0; round < 20000; round++) {
		memset(words, 0, sizeof(uint64_t) * 2);
		assert_int_equal(read_into(format->base, RACED << 12, 0, format->base, 12), 0);
		for (page = 0; page < RACED; page++)
			seen[page] += bit(page);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	/* The last writes are there still, if they were not read before. */
	memset(words, 0, sizeof(uint64_t) * 2);
	assert_int_equal(read_into(format->base, RACED << 12, 0, format->base, 12), 0);
	for (page = 0; page < RACED; page++)
		assert_true(writes[page] == 0 || seen[page] + bit(page) != 0);
	end();
}

static void no_write_is_lost_meanwhile(void **state)
{
	(void)state;
	race(&formats[0]);
	/* A bit that hardware clears. */
	assert_true(formats[5].clears);
	race(&formats[5]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_noted_once),
		cmocka_unit_test(a_range_can_count_as_written),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_split_loses_nothing),
		cmocka_unit_test(pages_are_split_beforehand),
		cmocka_unit_test(splits_that_cannot_be),
		cmocka_unit_test(random_writes_are_all_found),
		cmocka_unit_test(a_write_anywhere_in_a_run_is_of_all_of_it),
		cmocka_unit_test(a_run_behind_written_pages),
		cmocka_unit_test(a_run_that_is_cut_loses_nothing),
		cmocka_unit_test(a_large_page_becomes_runs),
		cmocka_unit_test(no_write_is_lost_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
