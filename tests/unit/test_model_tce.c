/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of a POWER host bridge by itself: what it decodes, caches, refuses and forgets. */
#include <string.h>

#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/iommu.h>

#include "test.h"
#include "test_platform.h"

#define MEMORY_WORDS (0x40000 / 8) /* of the guest, from physical address 0 */
#define ID           0x0108
#define PE           5
#define SECOND       (1ULL << TVE_WINDOW_BIT)

static struct {
	struct test_platform outside;
	struct iommu_model_phb *phb;
	uint64_t memory[MEMORY_WORDS];
	unsigned int reads, misuses;
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	assert_ptr_equal(ctx, &f);
	assert_int_equal(paddr % 8, 0);
	f.reads++;
	if (paddr / 8 >= MEMORY_WORDS)
		return false;
	*bytes = f.memory[paddr / 8];
	return true;
}

static void count_misuse(void *ctx, const char *text)
{
	assert_ptr_equal(ctx, &f);
	assert_non_null(text);
	f.misuses++;
}

static struct iommu_model_phb_config good_config(void)
{
	return (struct iommu_model_phb_config){
		.platform = &f.outside.platform,
		.host = {.ctx = &f, .read = read_memory, .misuse = count_misuse},
		.phb = 1,
	};
}

static void begin_with(const struct iommu_model_phb_config *config)
{
	assert_int_equal(iommu_model_phb_create(config, &f.phb), 0);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, ID, PE), 0);
}

static void begin(unsigned int generation)
{
	struct iommu_model_phb_config config;

	memset(&f, 0, sizeof(f));
	test_platform_init(&f.outside, 1 << 20, 0);
	config = good_config();
	config.generation = generation;
	begin_with(&config);
}

static void end(void)
{
	iommu_model_phb_destroy(f.phb);
	test_platform_destroy(&f.outside);
}

static void set_entry(uint64_t table, uint64_t index, uint64_t entry)
{
	f.memory[table / 8 + index] =
		__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? entry : __builtin_bswap64(entry);
}

static int64_t opal(uint64_t token, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
		    uint64_t a6)
{
	const uint64_t arguments[7] = {1, a1, a2, a3, a4, a5, a6};

	return iommu_model_phb_opal(f.phb, token, arguments);
}

static int64_t open_window(uint64_t levels, uint64_t table, uint64_t bytes, uint64_t page)
{
	return opal(IOMMU_OPAL_MAP_PE_WINDOW, PE, PE << 1, levels, table, bytes, page);
}

static int64_t open_real(uint64_t window, uint64_t start, uint64_t size)
{
	return opal(IOMMU_OPAL_MAP_PE_WINDOW_REAL, PE, PE << 1 | window, start, size, 0, 0);
}

/* One access; the PE is thawed again. */
static enum iommu_model_phb_reason touch(uint64_t address, bool is_write, iommu_paddr_t *paddr)
{
	struct iommu_model_phb_access access;
	int status = iommu_model_phb_access(f.phb, ID, address, is_write, &access);

	assert_int_equal(status, access.reason == IOMMU_MODEL_PHB_OK ? 0 : IOMMU_EFAULT);
	assert_int_equal(iommu_model_phb_thaw(f.phb, PE), 0);
	*paddr = access.paddr;
	return access.reason;
}

static void reaches(uint64_t address, bool is_write, iommu_paddr_t expected)
{
	iommu_paddr_t paddr;

	assert_int_equal(touch(address, is_write, &paddr), IOMMU_MODEL_PHB_OK);
	assert_int_equal(paddr, expected);
}

static void refused(uint64_t address, bool is_write, enum iommu_model_phb_reason reason)
{
	iommu_paddr_t paddr;

	assert_int_equal(touch(address, is_write, &paddr), reason);
}

static void misbehave(struct iommu_model_phb_faults faults)
{
	iommu_model_phb_misbehave(f.phb, &faults);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void bridges_are_made_or_refused(void **state)
{
	struct iommu_model_phb_config config;

	(void)state;
	begin(0);
	assert_int_equal(iommu_model_phb_page_sizes(f.phb),
			 1ULL << 12 | 1ULL << 16 | 1ULL << 21 | 1ULL << 30);
	iommu_model_phb_destroy(f.phb);
#define REFUSED(field, value)                                                                      \
	config = good_config();                                                                    \
	config.field = value;                                                                      \
	assert_int_equal(iommu_model_phb_create(&config, &f.phb), IOMMU_EINVAL)
	REFUSED(host.read, NULL);
	REFUSED(generation, 2);
	REFUSED(generation, 6);
	REFUSED(pes, 513);
	config = good_config();
	config.generation = 3;
	config.pes = 257;
	assert_int_equal(iommu_model_phb_create(&config, &f.phb), IOMMU_EINVAL);
	config.pes = 256;
	/* Each allocation fails in turn. */
	for (unsigned int n = 1; n <= 3; n++) {
		f.outside.fail_after = f.outside.allocations + n;
		assert_int_equal(iommu_model_phb_create(&config, &f.phb), IOMMU_ENOMEM);
	}
	f.outside.fail_after = 0;
	assert_int_equal(iommu_model_phb_create(&config, &f.phb), 0);
	assert_int_equal(iommu_model_phb_page_sizes(f.phb),
			 1ULL << 12 | 1ULL << 16 | 1ULL << 24 | 1ULL << 28);
	f.outside.fail_after = f.outside.allocations + 1;
	assert_int_equal(iommu_model_phb_set_pe(f.phb, 0xffff, 255), IOMMU_ENOMEM);
	f.outside.fail_after = 0;
	assert_int_equal(iommu_model_phb_set_pe(f.phb, 0xffff, 256), IOMMU_EINVAL);
	assert_int_equal(iommu_model_phb_pe_of(f.phb, 0xffff), IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, 0xffff, 255), 0);
	assert_int_equal(iommu_model_phb_pe_of(f.phb, 0xffff), 255);
	assert_int_equal(iommu_model_phb_pe_of(f.phb, 0xfffe), IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, 0xffff, IOMMU_MODEL_NO_PE), 0);
	assert_int_equal(iommu_model_phb_pe_of(f.phb, 0xffff), IOMMU_MODEL_NO_PE);
	assert_int_equal(iommu_model_phb_set_tve(f.phb, 512, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_model_phb_tve(f.phb, 512), 0);
	assert_int_equal(iommu_model_phb_thaw(f.phb, 256), IOMMU_EINVAL);
	end();
}

/* --- Windows ---------------------------------------------------------------------------------- */

/* As firmware encodes them, bit by bit. */
static void windows_are_encoded_as_hardware_has_them(void **state)
{
	(void)state;
	begin(4);
	assert_int_equal(open_window(3, 0x123456789000ULL, 0x10000, 0x200000), 0);
	assert_int_equal(iommu_model_phb_tve(f.phb, 2 * PE),
			 0x123456789ULL << 16 | 2 << 13 | 5 << 8 | 10);
	assert_int_equal(open_real(1, SECOND | 1ULL << 48, 3ULL << 24), 0);
	assert_int_equal(iommu_model_phb_tve(f.phb, 2 * PE + 1),
			 3ULL << 16 | 1 << 10 | 1 << 8 | 1 << 12 | 1 << 7);
	assert_int_equal(open_real(1, 0, 0), 0);
	assert_int_equal(iommu_model_phb_tve(f.phb, 2 * PE + 1), 0);
	end();
	begin(3);
	assert_int_equal(open_real(0, 0x55000000, 1 << 24), 0);
	assert_int_equal(iommu_model_phb_tve(f.phb, 2 * PE),
			 0x55ULL << 40 | 0x56ULL << 16 | 1 << 12);
	end();
}

static void firmware_checks_what_it_is_asked(void **state)
{
	const uint64_t wrong_bridge[7] = {2, PE, PE << 1};

	(void)state;
	begin(4);
	assert_int_equal(iommu_model_phb_opal(f.phb, IOMMU_OPAL_MAP_PE_WINDOW, wrong_bridge), -1);
	assert_int_equal(opal(99, PE, PE << 1, 1, 0, 4096, 4096), -1);
	assert_int_equal(opal(IOMMU_OPAL_MAP_PE_WINDOW, 256, 512, 1, 0, 4096, 4096), -1);
	assert_int_equal(opal(IOMMU_OPAL_MAP_PE_WINDOW, PE, (PE + 1) << 1, 1, 0, 4096, 4096), -1);
	assert_int_equal(open_window(0, 0, 4096, 4096), -1);
	assert_int_equal(open_window(6, 0, 4096, 4096), -1);
	assert_int_equal(open_window(1, 0, 2048, 4096), -1);
	assert_int_equal(open_window(1, 0, 4096 + 8, 4096), -1);
	assert_int_equal(open_window(1, 0, 1ULL << 43, 4096), -1);
	assert_int_equal(open_window(1, 8, 4096, 4096), -1);
	assert_int_equal(open_window(1, 0, 4096, 8192), -1);
	assert_int_equal(open_window(1, 0, 4096, 0), -1);
	assert_int_equal(open_window(1, 0, 4096, 1 << 24), -1); /* generation 3 has it */
	assert_int_equal(open_real(0, 1 << 23, 1 << 24), -1);
	assert_int_equal(open_real(0, 0, 1 << 23), -1);
	assert_int_equal(open_real(0, SECOND, 1 << 24), -1);
	assert_int_equal(open_real(1, 0, 1 << 24), -1);
	assert_int_equal(open_real(0, 1ULL << 50, 1 << 24), -1);
	assert_int_equal(open_real(0, 1ULL << 49, 1ULL << 49), -1);
	assert_int_equal(open_real(0, 1 << 24, ~0ULL << 24), -1);
	assert_int_equal(iommu_model_phb_tve(f.phb, 2 * PE), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 3, PE, 4096, 0, 1, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 1, 256, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 8192, 0, 1, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0, 0, 1, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 4096, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 4096, 0, ~0ULL, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 4096, SECOND - 4096, 2, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 4096, SECOND << 1, 1, 0), -1);
	assert_int_equal(f.misuses, 0);
	end();
}

static void windows_pass_on_what_lies_in_their_bounds(void **state)
{
	(void)state;
	begin(4);
	refused(0, false, IOMMU_MODEL_PHB_CLOSED);
	refused(SECOND, false, IOMMU_MODEL_PHB_CLOSED);
	assert_int_equal(open_real(1, SECOND | 1 << 24, 2 << 24), 0);
	refused(1 << 24, false, IOMMU_MODEL_PHB_CLOSED);
	refused(SECOND | ((1 << 24) - 1), true, IOMMU_MODEL_PHB_ADDRESS);
	reaches(SECOND | 1 << 24, true, 1 << 24);
	reaches(SECOND | ((3 << 24) - 1), false, (3 << 24) - 1);
	refused(SECOND | 3 << 24, false, IOMMU_MODEL_PHB_ADDRESS);
	refused(SECOND | 1ULL << 50 | 1 << 24, false, IOMMU_MODEL_PHB_ADDRESS);
	refused(SECOND << 2 | 1 << 24, false, IOMMU_MODEL_PHB_ADDRESS);
	assert_int_equal(f.reads, 0);
	end();
}

static void messages_are_not_memory(void **state)
{
	const uint64_t messages[] = {0xffff0000, 0xffffffff, 1ULL << 60, (2ULL << 60) - 1};
	struct iommu_model_phb_access access;
	unsigned int i;

	(void)state;
	begin(4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(iommu_model_phb_access(f.phb, ID, messages[i], true, &access), 0);
		assert_true(access.is_interrupt);
	}
	refused(0xfffeffff, true, IOMMU_MODEL_PHB_CLOSED);
	refused(2ULL << 60, true, IOMMU_MODEL_PHB_ADDRESS);
	end();
}

/* --- Tables ----------------------------------------------------------------------------------- */

static void tables_of_one_to_five_levels_are_walked(void **state)
{
	const uint64_t page = 0x10000;
	unsigned int levels, level;

	(void)state;
	for (levels = 1; levels <= 5; levels++) {
		uint64_t address = 0;

		begin(4);
		for (level = 0; level < levels; level++) {
			const uint64_t index = 100 + level;

			set_entry(0x1000ULL * (levels - level), index,
				  level == 0 ? tce_page(0xabc0000, true, true)
					     : tce_table(0x1000ULL * (levels - level + 1)));
			address |= index << (16 + 9 * level);
		}
		assert_int_equal(open_window(levels, 0x1000, 0x1000, page), 0);
		if (address >> 59 == 0)
			reaches(address | 0x1234, true, 0xabc1234);
		refused(address ^ page, false, IOMMU_MODEL_PHB_ABSENT);
		if (levels < 5)
			refused(1ULL << (16 + 9 * levels), false, IOMMU_MODEL_PHB_ADDRESS);
		end();
	}
}

static void entries_allow_what_they_say(void **state)
{
	(void)state;
	begin(3);
	set_entry(0x1000, 0, tce_page(0x5000, true, false));
	set_entry(0x1000, 1, tce_page(0x6000, false, true));
	set_entry(0x1000, 2, 0x7000);
	/* Bits below the page of an entry are not part of the address. */
	set_entry(0x1000, 3, tce_page(0x8ffc, true, true));
	assert_int_equal(open_window(1, 0x1000, 0x1000, 0x1000), 0);
	reaches(0x10, false, 0x5010);
	refused(0x10, true, IOMMU_MODEL_PHB_NO_WRITE);
	reaches(0x1010, true, 0x6010);
	refused(0x1010, false, IOMMU_MODEL_PHB_NO_READ);
	refused(0x2010, false, IOMMU_MODEL_PHB_ABSENT);
	reaches(0x3001, true, 0x8001);
	end();
}

/* Any value of an entry and of a table: an answer, and no access to what was not asked for. */
static void nonsense_is_refused(void **state)
{
	struct test_random random = {.state = 7};
	struct iommu_model_phb_access access;
	unsigned int i;

	(void)state;
	begin(4);
	for (i = 0; i < MEMORY_WORDS; i++)
		f.memory[i] = test_random_next(&random) & (i % 3 == 0 ? ~0ULL : 0x3fffcffULL);
	for (i = 0; i < 200000; i++) {
		uint64_t tve = test_random_next(&random);

		if (i % 2 == 0) /* a table that is there */
			tve = (tve & 0xffff) | (tve >> 40 & 0x3f) << 16;
		assert_int_equal(iommu_model_phb_set_tve(f.phb, 2 * PE + i % 2, tve), 0);
		(void)iommu_model_phb_access(
			f.phb, ID, test_random_next(&random) >> test_random_below(&random, 64),
			i % 3 == 0, &access);
		assert_int_equal(iommu_model_phb_thaw(f.phb, PE), 0);
		iommu_model_phb_kill_write(f.phb, test_random_next(&random) &
							  (i % 5 == 0 ? ~0ULL : ~0ULL >> 1));
	}
	end();
}

static void a_table_where_no_memory_is(void **state)
{
	(void)state;
	begin(4);
	assert_int_equal(open_window(1, 1ULL << 40, 0x1000, 0x1000), 0);
	refused(0, false, IOMMU_MODEL_PHB_MEMORY);
	end();
}

/* --- The cache -------------------------------------------------------------------------------- */

static void nothing_is_forgotten_unless_told(void **state)
{
	struct iommu_model_phb_stats stats;

	(void)state;
	begin(4);
	set_entry(0x1000, 0, tce_table(0x2000));
	set_entry(0x2000, 1, tce_page(0x5000, true, true));
	assert_int_equal(open_window(2, 0x1000, 0x1000, 0x1000), 0);
	reaches(0x1000, true, 0x5000);
	refused(0x2000, true, IOMMU_MODEL_PHB_ABSENT);
	iommu_model_phb_get_stats(f.phb, &stats);
	assert_int_equal(stats.cached_pages, 2);
	assert_int_equal(stats.cached_tables, 1);
	assert_int_equal(stats.freezes, 1);
	set_entry(0x2000, 1, 0);
	set_entry(0x2000, 2, tce_page(0x6000, true, true));
	reaches(0x1000, true, 0x5000);
	refused(0x2000, true, IOMMU_MODEL_PHB_ABSENT);
	/* Not by a window that is set anew either, nor by what is told of others. */
	assert_int_equal(open_window(2, 0x1000, 0x1000, 0x1000), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 1, PE + 1, 0, 0, 0, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, 0, 1, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, 0x3000, 9, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, SECOND | 0x1000, 1, 0), 0);
	assert_int_equal(f.misuses, 1); /* the other window is closed */
	reaches(0x1000, true, 0x5000);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, 0x1000, 1, 0), 0);
	refused(0x1000, true, IOMMU_MODEL_PHB_ABSENT);
	refused(0x2000, true, IOMMU_MODEL_PHB_ABSENT);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 1, PE, 0, 0, 0, 0), 0);
	reaches(0x2000, true, 0x6000);
	set_entry(0x1000, 0, 0);
	reaches(0x2000, true, 0x6000);
	refused(0x3000, true, IOMMU_MODEL_PHB_ABSENT); /* by a table that it remembers */
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 2, 0, 0, 0, 0, 0), 0);
	refused(0x2000, true, IOMMU_MODEL_PHB_ABSENT);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x10000, 0, 1, 0), 0);
	assert_int_equal(f.misuses, 2); /* not the size of the window's pages */
	end();
}

static void the_register_has_it_forget(void **state)
{
	unsigned int generation;

	(void)state;
	for (generation = 3; generation <= 5; generation++) {
		const uint64_t sized = generation == 3 ? 0 : PHB_KILL_SIZED | 1 << 12;
		unsigned int misuses = 0;

		begin(generation);
		assert_int_equal(open_window(1, 0x1000, 0x1000, 0x10000), 0);
		set_entry(0x1000, 1, tce_page(0x50000, true, true));
		reaches(0x10000, true, 0x50000);
		set_entry(0x1000, 1, 0);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_PAGE | sized | 0x20000 | PE);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_PE | (PE + 1));
		assert_int_equal(f.misuses, misuses);
		iommu_model_phb_kill_write(f.phb, PE);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_PE | 0xff);
		misuses += 1; /* PE 255 there is */
		assert_int_equal(f.misuses, misuses);
		if (generation != 3) {
			iommu_model_phb_kill_write(f.phb, PHB_KILL_PAGE | 0x10000 | PE);
			iommu_model_phb_kill_write(f.phb, PHB_KILL_PE | 0x100);
			misuses += 2;
		}
		assert_int_equal(f.misuses, misuses);
		reaches(0x10000, true, 0x50000);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_PAGE | sized | 0x10000 | PE);
		refused(0x10000, true, IOMMU_MODEL_PHB_ABSENT);
		set_entry(0x1000, 1, tce_page(0x60000, true, true));
		iommu_model_phb_kill_write(f.phb, PHB_KILL_PE | PE);
		reaches(0x10000, true, 0x60000);
		set_entry(0x1000, 1, 0);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
		refused(0x10000, true, IOMMU_MODEL_PHB_ABSENT);
		assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
		assert_int_equal(f.misuses, misuses);
		/* It is at it for a while. */
		misbehave((struct iommu_model_phb_faults){.kills_hang = true});
		set_entry(0x1000, 1, tce_page(0x50000, true, true));
		iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
		assert_int_equal(iommu_model_phb_kill_read(f.phb), PHB_KILL_ALL);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
		assert_int_equal(f.misuses, misuses + 1);
		refused(0x10000, true, IOMMU_MODEL_PHB_ABSENT);
		misbehave((struct iommu_model_phb_faults){0});
		assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
		reaches(0x10000, true, 0x50000);
		end();
	}
}

static void caches_may_be_small_or_forgetful(void **state)
{
	struct iommu_model_phb_config config;
	struct iommu_model_phb_stats stats;
	unsigned int i, forgotten = 0;

	(void)state;
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.outside, 1 << 20, 0);
	config = good_config();
	config.cache_entries = 3;
	begin_with(&config);
	assert_int_equal(open_window(1, 0x1000, 0x1000, 0x1000), 0);
	for (i = 0; i < 10; i++)
		refused(i * 0x1000, true, IOMMU_MODEL_PHB_ABSENT);
	iommu_model_phb_get_stats(f.phb, &stats);
	assert_int_equal(stats.cached_pages, 3);
	assert_int_equal(stats.walks, 10);
	iommu_model_phb_destroy(f.phb);
	config = good_config();
	config.forget_seed = 5;
	begin_with(&config);
	assert_int_equal(open_window(1, 0x1000, 0x1000, 0x1000), 0);
	for (i = 0; i < 100; i++) {
		f.reads = 0;
		refused(0, true, IOMMU_MODEL_PHB_ABSENT);
		forgotten += f.reads;
	}
	assert_in_range(forgotten, 10, 60);
	end();
}

/* --- Freezing --------------------------------------------------------------------------------- */

static void a_bad_access_freezes_its_pe(void **state)
{
	struct iommu_model_phb_freeze freeze;
	struct iommu_model_phb_access access;

	(void)state;
	begin(4);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, ID + 1, PE), 0);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, ID + 2, PE + 1), 0);
	assert_int_equal(open_real(0, 0, 1 << 24), 0);
	assert_int_equal(
		opal(IOMMU_OPAL_MAP_PE_WINDOW_REAL, PE + 1, (PE + 1) << 1, 0, 1 << 24, 0, 0), 0);
	assert_int_equal(iommu_model_phb_access(f.phb, ID, 1 << 24, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_PHB_ADDRESS);
	/* Everything of the PE, good accesses and messages too; nobody else. */
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 1, 0, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_PHB_FROZEN);
	assert_int_equal(iommu_model_phb_access(f.phb, ID, 0xffff0000, true, &access),
			 IOMMU_EFAULT);
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 2, 0, true, &access), 0);
	assert_int_equal(iommu_model_phb_get_freeze(f.phb, PE, &freeze), 0);
	assert_true(freeze.is_frozen && freeze.is_write);
	assert_int_equal(freeze.source_id, ID);
	assert_int_equal(freeze.address, 1 << 24);
	assert_int_equal(freeze.reason, IOMMU_MODEL_PHB_ADDRESS);
	assert_int_equal(iommu_model_phb_thaw(f.phb, PE), 0);
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 1, 0, true, &access), 0);
	assert_int_equal(iommu_model_phb_get_freeze(f.phb, PE, &freeze), 0);
	assert_false(freeze.is_frozen);
	assert_int_equal(iommu_model_phb_get_freeze(f.phb, 256, &freeze), IOMMU_EINVAL);
	/* Who has no PE freezes nothing. */
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 3, 0, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_PHB_NO_PE);
	end();
}

static void firmware_misbehaves_as_told(void **state)
{
	(void)state;
	begin(4);
	misbehave((struct iommu_model_phb_faults){.busy = 2});
	assert_int_equal(open_real(0, 0, 1 << 24), -2);
	assert_int_equal(open_real(0, 0, 1 << 24), -2);
	assert_int_equal(open_real(0, 0, 1 << 24), 0);
	misbehave((struct iommu_model_phb_faults){.refuse_close = true});
	assert_int_equal(open_real(0, 0, 0), -6);
	assert_int_equal(open_window(0, 0, 0, 0), -6);
	reaches(0, true, 0);
	misbehave((struct iommu_model_phb_faults){.refuse_open = 2});
	assert_int_equal(open_real(0, 0, 1 << 24), 0);
	assert_int_equal(open_real(0, 0, 2 << 24), -6);
	assert_int_equal(open_real(0, 0, 2 << 24), 0);
	misbehave((struct iommu_model_phb_faults){.kills_hang = true});
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 2, 0, 0, 0, 0, 0), -12);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bridges_are_made_or_refused),
		cmocka_unit_test(windows_are_encoded_as_hardware_has_them),
		cmocka_unit_test(firmware_checks_what_it_is_asked),
		cmocka_unit_test(windows_pass_on_what_lies_in_their_bounds),
		cmocka_unit_test(messages_are_not_memory),
		cmocka_unit_test(tables_of_one_to_five_levels_are_walked),
		cmocka_unit_test(entries_allow_what_they_say),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_table_where_no_memory_is),
		cmocka_unit_test(nothing_is_forgotten_unless_told),
		cmocka_unit_test(the_register_has_it_forget),
		cmocka_unit_test(caches_may_be_small_or_forgetful),
		cmocka_unit_test(a_bad_access_freezes_its_pe),
		cmocka_unit_test(firmware_misbehaves_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
