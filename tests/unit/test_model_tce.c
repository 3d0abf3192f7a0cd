/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The models of bridge, firmware and hypervisor by themselves: what a bridge decodes, caches,
 * refuses and drops; how a hypervisor executes its calls.
 */
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
	/*
	 * What another processor does, once, while the bridge reads: what was there has been read.
	 */
	void (*meanwhile)(void);
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	void (*meanwhile)(void) = f.meanwhile;

	assert_ptr_equal(ctx, &f);
	assert_int_equal(paddr % 8, 0);
	f.reads++;
	if (paddr / 8 >= MEMORY_WORDS)
		return false;
	*bytes = f.memory[paddr / 8];
	f.meanwhile = NULL;
	if (meanwhile != NULL)
		meanwhile();
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
static enum iommu_model_tce_reason touch(uint64_t address, bool is_write, iommu_paddr_t *paddr)
{
	struct iommu_model_tce_access access;
	int status = iommu_model_phb_access(f.phb, ID, address, is_write, &access);

	assert_int_equal(status, access.reason == IOMMU_MODEL_TCE_OK ? 0 : IOMMU_EFAULT);
	assert_int_equal(iommu_model_phb_thaw(f.phb, PE), 0);
	*paddr = access.paddr;
	return access.reason;
}

static void reaches(uint64_t address, bool is_write, iommu_paddr_t expected)
{
	iommu_paddr_t paddr;

	assert_int_equal(touch(address, is_write, &paddr), IOMMU_MODEL_TCE_OK);
	assert_int_equal(paddr, expected);
}

static void refused(uint64_t address, bool is_write, enum iommu_model_tce_reason reason)
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
	REFUSED(flags, 1);
	REFUSED(generation, 2);
	REFUSED(generation, 6);
	REFUSED(pes, 513);
	config = good_config();
	config.generation = 3;
	config.pes = 257;
	assert_int_equal(iommu_model_phb_create(&config, &f.phb), IOMMU_EINVAL);
	config.pes = 256;
	/* Each allocation fails in turn. */
	for (unsigned int n = 1; n <= 4; n++) {
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
	refused(0, false, IOMMU_MODEL_TCE_CLOSED);
	refused(SECOND, false, IOMMU_MODEL_TCE_CLOSED);
	assert_int_equal(open_real(1, SECOND | 1 << 24, 2 << 24), 0);
	refused(1 << 24, false, IOMMU_MODEL_TCE_CLOSED);
	refused(SECOND | ((1 << 24) - 1), true, IOMMU_MODEL_TCE_ADDRESS);
	reaches(SECOND | 1 << 24, true, 1 << 24);
	reaches(SECOND | ((3 << 24) - 1), false, (3 << 24) - 1);
	refused(SECOND | 3 << 24, false, IOMMU_MODEL_TCE_ADDRESS);
	refused(SECOND | 1ULL << 50 | 1 << 24, false, IOMMU_MODEL_TCE_ADDRESS);
	refused(SECOND << 2 | 1 << 24, false, IOMMU_MODEL_TCE_ADDRESS);
	assert_int_equal(f.reads, 0);
	end();
}

static void messages_are_not_memory(void **state)
{
	const uint64_t messages[] = {0xffff0000, 0xffffffff, 1ULL << 60, (2ULL << 60) - 1};
	struct iommu_model_tce_access access;
	unsigned int i;

	(void)state;
	begin(4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(iommu_model_phb_access(f.phb, ID, messages[i], true, &access), 0);
		assert_true(access.is_interrupt);
	}
	refused(0xfffeffff, true, IOMMU_MODEL_TCE_CLOSED);
	refused(2ULL << 60, true, IOMMU_MODEL_TCE_ADDRESS);
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
		refused(address ^ page, false, IOMMU_MODEL_TCE_ABSENT);
		if (levels < 5)
			refused(1ULL << (16 + 9 * levels), false, IOMMU_MODEL_TCE_ADDRESS);
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
	refused(0x10, true, IOMMU_MODEL_TCE_NO_WRITE);
	reaches(0x1010, true, 0x6010);
	refused(0x1010, false, IOMMU_MODEL_TCE_NO_READ);
	refused(0x2010, false, IOMMU_MODEL_TCE_ABSENT);
	reaches(0x3001, true, 0x8001);
	end();
}

/* Any value of an entry and of a table: an answer, and no access to what was not asked for. */
static void nonsense_is_refused(void **state)
{
	struct test_random random = {.state = 7};
	struct iommu_model_tce_access access;
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
	refused(0, false, IOMMU_MODEL_TCE_MEMORY);
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
	refused(0x2000, true, IOMMU_MODEL_TCE_ABSENT);
	iommu_model_phb_get_stats(f.phb, &stats);
	assert_int_equal(stats.cached_pages, 2);
	assert_int_equal(stats.cached_tables, 1);
	assert_int_equal(stats.freezes, 1);
	set_entry(0x2000, 1, 0);
	set_entry(0x2000, 2, tce_page(0x6000, true, true));
	reaches(0x1000, true, 0x5000);
	refused(0x2000, true, IOMMU_MODEL_TCE_ABSENT);
	/* Not by a window that is set anew either, nor by what is told of others. */
	assert_int_equal(open_window(2, 0x1000, 0x1000, 0x1000), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 1, PE + 1, 0, 0, 0, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, 0, 1, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, 0x3000, 9, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, SECOND | 0x1000, 1, 0), 0);
	assert_int_equal(f.misuses, 1); /* the other window is closed */
	reaches(0x1000, true, 0x5000);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 0, PE, 0x1000, 0x1000, 1, 0), 0);
	refused(0x1000, true, IOMMU_MODEL_TCE_ABSENT);
	refused(0x2000, true, IOMMU_MODEL_TCE_ABSENT);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 1, PE, 0, 0, 0, 0), 0);
	reaches(0x2000, true, 0x6000);
	set_entry(0x1000, 0, 0);
	reaches(0x2000, true, 0x6000);
	refused(0x3000, true, IOMMU_MODEL_TCE_ABSENT); /* by a table that it remembers */
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 2, 0, 0, 0, 0, 0), 0);
	refused(0x2000, true, IOMMU_MODEL_TCE_ABSENT);
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
		refused(0x10000, true, IOMMU_MODEL_TCE_ABSENT);
		set_entry(0x1000, 1, tce_page(0x60000, true, true));
		iommu_model_phb_kill_write(f.phb, PHB_KILL_PE | PE);
		reaches(0x10000, true, 0x60000);
		set_entry(0x1000, 1, 0);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
		refused(0x10000, true, IOMMU_MODEL_TCE_ABSENT);
		assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
		assert_int_equal(f.misuses, misuses);
		/* It is at it for a while. */
		misbehave((struct iommu_model_phb_faults){.kills_hang = true});
		set_entry(0x1000, 1, tce_page(0x50000, true, true));
		iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
		assert_int_equal(iommu_model_phb_kill_read(f.phb), PHB_KILL_ALL);
		iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
		assert_int_equal(f.misuses, misuses + 1);
		refused(0x10000, true, IOMMU_MODEL_TCE_ABSENT);
		misbehave((struct iommu_model_phb_faults){0});
		assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
		reaches(0x10000, true, 0x50000);
		end();
	}
}

/* --- Told while it walks ---------------------------------------------------------------------- */

static void change_first(iommu_paddr_t paddr)
{
	set_entry(0x1000, 0, tce_page(paddr, true, true));
}

static void walk_while(void (*act)(void))
{
	f.meanwhile = act;
	(void)touch(0x1000, false, &(iommu_paddr_t){0});
	assert_null(f.meanwhile);
}

static void write_nothing(void)
{
	iommu_model_phb_kill_write(f.phb, 0);
	iommu_model_phb_kill_write(f.phb, PE);
	assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
}

static void write_all(void)
{
	change_first(0x6000);
	iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
	assert_int_equal(iommu_model_phb_kill_read(f.phb), PHB_KILL_ALL);
}

/* What is no command keeps the next one from nothing. */
static void a_register_that_is_told_nothing(void **state)
{
	(void)state;
	begin(4);
	change_first(0x5000);
	set_entry(0x1000, 1, tce_page(0x7000, true, true));
	assert_int_equal(open_window(1, 0x1000, 0x1000, 0x1000), 0);
	reaches(0, false, 0x5000);
	walk_while(write_nothing);
	assert_int_equal(f.misuses, 2);
	change_first(0x6000);
	iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
	assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
	reaches(0, false, 0x6000);
	change_first(0x5000);
	iommu_model_phb_kill_write(f.phb, PHB_KILL_ALL);
	walk_while(write_all);
	assert_int_equal(iommu_model_phb_kill_read(f.phb), 0);
	reaches(0, false, 0x6000);
	end();
}

static void call_for_all(void)
{
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 2, 0, 0, 0, 0, 0), -12);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 2, 0, 0, 0, 0, 0), -12);
}

/* The same call may mean something that has changed since. */
static void a_call_of_firmware_that_is_not_repeated(void **state)
{
	(void)state;
	begin(4);
	change_first(0x5000);
	assert_int_equal(open_window(1, 0x1000, 0x1000, 0x1000), 0);
	walk_while(call_for_all);
	reaches(0, false, 0x5000);
	change_first(0x6000);
	assert_int_equal(opal(IOMMU_OPAL_TCE_KILL, 2, 0, 0, 0, 0, 0), 0);
	reaches(0, false, 0x6000);
	end();
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
		refused(i * 0x1000, true, IOMMU_MODEL_TCE_ABSENT);
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
		refused(0, true, IOMMU_MODEL_TCE_ABSENT);
		forgotten += f.reads;
	}
	assert_in_range(forgotten, 10, 60);
	end();
}

/* --- Freezing --------------------------------------------------------------------------------- */

static void a_bad_access_freezes_its_pe(void **state)
{
	struct iommu_model_phb_freeze freeze;
	struct iommu_model_tce_access access;

	(void)state;
	begin(4);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, ID + 1, PE), 0);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, ID + 2, PE + 1), 0);
	assert_int_equal(open_real(0, 0, 1 << 24), 0);
	assert_int_equal(
		opal(IOMMU_OPAL_MAP_PE_WINDOW_REAL, PE + 1, (PE + 1) << 1, 0, 1 << 24, 0, 0), 0);
	assert_int_equal(iommu_model_phb_access(f.phb, ID, 1 << 24, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_TCE_ADDRESS);
	/* Everything of the PE is frozen, good accesses and messages too; other PEs are not. */
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 1, 0, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_TCE_FROZEN);
	assert_int_equal(iommu_model_phb_access(f.phb, ID, 0xffff0000, true, &access),
			 IOMMU_EFAULT);
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 2, 0, true, &access), 0);
	assert_int_equal(iommu_model_phb_get_freeze(f.phb, PE, &freeze), 0);
	assert_true(freeze.is_frozen && freeze.is_write);
	assert_int_equal(freeze.source_id, ID);
	assert_int_equal(freeze.address, 1 << 24);
	assert_int_equal(freeze.reason, IOMMU_MODEL_TCE_ADDRESS);
	assert_int_equal(iommu_model_phb_thaw(f.phb, PE), 0);
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 1, 0, true, &access), 0);
	assert_int_equal(iommu_model_phb_get_freeze(f.phb, PE, &freeze), 0);
	assert_false(freeze.is_frozen);
	assert_int_equal(iommu_model_phb_get_freeze(f.phb, 256, &freeze), IOMMU_EINVAL);
	/* Who has no PE freezes nothing. */
	assert_int_equal(iommu_model_phb_access(f.phb, ID + 3, 0, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_TCE_NO_PE);
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

/* --- Hypervisors ------------------------------------------------------------------------------ */

#define LIOBN 0x80000001U

static struct iommu_model_papr *papr;

static void begin_papr(bool single_calls)
{
	struct iommu_model_papr_config config = {.single_calls = single_calls};

	memset(&f, 0, sizeof(f));
	test_platform_init(&f.outside, 1 << 20, 0);
	config.platform = &f.outside.platform;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
	config.host = (struct iommu_model_tce_host){.ctx = &f, .read = read_memory};
	config.flags = 1;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
	config.flags = 0;
	assert_int_equal(iommu_model_papr_create(&config, &papr), 0);
}

static void end_papr(void)
{
	iommu_model_papr_destroy(papr);
	test_platform_destroy(&f.outside);
}

static int64_t hypercall(uint64_t opcode, uint64_t liobn, uint64_t address, uint64_t third,
			 uint64_t fourth)
{
	uint64_t unused;

	return iommu_model_papr_hypercall(papr, opcode, liobn, address, third, fourth, &unused);
}

static uint64_t entry_at(uint64_t address)
{
	uint64_t entry = ~0ULL;

	assert_int_equal(
		iommu_model_papr_hypercall(papr, IOMMU_H_GET_TCE, LIOBN, address, 0, 0, &entry), 0);
	return entry;
}

static void windows_come_and_go(void **state)
{
	(void)state;
	begin_papr(false);
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0, 11, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0, 35, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0, 12, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0, 12, (1 << 22) + 1), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0x1000, 16, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_add_window(papr, 1, ~0xfffULL, 12, 2), IOMMU_ERANGE);
	f.outside.fail_after = f.outside.allocations + 1;
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0, 12, 1), IOMMU_ENOMEM);
	f.outside.fail_after = f.outside.allocations + 2;
	assert_int_equal(iommu_model_papr_add_window(papr, 1, 0, 12, 1), IOMMU_ENOMEM);
	f.outside.fail_after = 0;
	assert_int_equal(iommu_model_papr_add_window(papr, 1, ~0xfffULL, 12, 1), 0);
	assert_int_equal(iommu_model_papr_add_window(papr, 2, 0, 34, 1 << 22), 0);
	assert_int_equal(iommu_model_papr_add_window(papr, 2, 0, 12, 1), IOMMU_EEXIST);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, 1, ~0ULL, 0x5003, 0), 0);
	assert_int_equal(iommu_model_papr_remove_window(papr, 1), 0);
	assert_int_equal(iommu_model_papr_remove_window(papr, 1), IOMMU_ENOENT);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, 1, ~0ULL, 0x5003, 0), -4);
	end_papr();
}

/* A window's directory of entries is one allocation: none is larger than a host has promised. */
static void a_guest_gets_no_larger_windows(void **state)
{
	struct iommu_model_papr_config config = {
		.dynamic_windows = 2,
		.dynamic_page_sizes = 1 << 12 | 1 << 16,
		.dynamic_pages = (1ULL << 22) + 1,
	};
	uint32_t inputs[5] = {0, 0, 0, 12, 12 + 23};
	uint32_t outputs[6] = {~0U, ~0U, ~0U, ~0U, ~0U, ~0U};
	unsigned int shift;

	(void)state;
	begin_papr(false);
	end_papr();
	test_platform_init(&f.outside, 1 << 20, 0);
	config.platform = &f.outside.platform;
	config.host = (struct iommu_model_tce_host){.ctx = &f, .read = read_memory};
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
	config.dynamic_pages = 0; /* as many as can be */
	assert_int_equal(iommu_model_papr_create(&config, &papr), 0);
	assert_int_equal(iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_QUERY, 3, inputs, 5, outputs),
			 0);
	assert_int_equal(outputs[1], 2);
	assert_int_equal(outputs[2], 1 << 22);
	assert_int_equal(outputs[3], 1 | 2); /* pages of 4 and 64 KiB */
	assert_int_equal(outputs[4], 0);
	assert_int_equal(iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_QUERY, 3, inputs, 6, outputs),
			 -3);
	for (shift = 12 + 23; shift <= 64; shift++) {
		inputs[4] = shift;
		assert_int_equal(
			iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs),
			shift <= 52 ? -1 : -3);
	}
	inputs[4] = 12 + 22;
	assert_int_equal(
		iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs), 0);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, outputs[1],
				   ((uint64_t)outputs[2] << 32 | outputs[3]) + (1ULL << 34) - 1,
				   0x5003, 0),
			 0);
	end_papr();
}

static void hypercalls_are_checked_and_done(void **state)
{
	struct iommu_model_tce_access access;
	unsigned int i;

	(void)state;
	begin_papr(false);
	assert_int_equal(iommu_model_papr_add_window(papr, LIOBN, 0x100000, 16, 1000), 0);
	/* Of the entry only what a page of the window can have. */
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0x11ffff, 0x7654fff1, 0), 0);
	assert_int_equal(entry_at(0x110000), 0x76540001);
	assert_int_equal(entry_at(0x120000), 0);
	assert_int_equal(iommu_model_papr_access(papr, LIOBN, 0x11abcd, false, &access), 0);
	assert_int_equal(access.paddr, 0x7654abcd);
	assert_int_equal(access.size, 0x10000);
#define DENIED(liobn, address, is_write, why)                                                      \
	assert_int_equal(iommu_model_papr_access(papr, liobn, address, is_write, &access),         \
			 IOMMU_EFAULT);                                                            \
	assert_int_equal(access.reason, IOMMU_MODEL_TCE_##why)
	DENIED(LIOBN, 0x11abcd, true, NO_WRITE);
	DENIED(LIOBN, 0x120000, true, ABSENT);
	DENIED(LIOBN, 0xfffff, true, ADDRESS);
	DENIED(LIOBN, 0x100000 + (1000 << 16), true, ADDRESS);
	DENIED(LIOBN + 1, 0x110000, true, CLOSED);
	/* Lists. */
	for (i = 0; i < 512; i++)
		set_entry(0x1000, i, (uint64_t)i << 16 | TCE_WRITE);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, LIOBN, 0x200000, 0x1000, 512), 0);
	for (i = 0; i < 512; i++)
		assert_int_equal(entry_at(0x200000 + (i << 16)), i << 16 | TCE_WRITE);
	DENIED(LIOBN, 0x200000, false, NO_READ);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, LIOBN, 0x200000, 0x1000, 513), -4);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, LIOBN, 0x200000, 0x1008, 1), -4);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, LIOBN, 0x200000, 1ULL << 40, 1), -4);
	/* As far as the window goes. */
	assert_int_equal(
		hypercall(IOMMU_H_PUT_TCE_INDIRECT, LIOBN, 0x100000 + (998 << 16), 0x1000, 3), -4);
	assert_int_equal(entry_at(0x100000 + (999 << 16)), 1 << 16 | TCE_WRITE);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0x200000, 0, 1000), -4);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0x200000, 0, ~0ULL), -4);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0x200000, 0, 512), 0);
	for (i = 0; i < 512; i++)
		assert_int_equal(entry_at(0x200000 + (i << 16)), 0);
	assert_int_equal(hypercall(0x1234, LIOBN, 0x200000, 0, 1), -2);
	end_papr();
	begin_papr(true);
	assert_int_equal(iommu_model_papr_add_window(papr, LIOBN, 0, 12, 10), 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0, 1), -2);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, LIOBN, 0, 0, 1), -2);
	/* Out of memory, of its own; then, as told. */
	f.outside.fail_after = f.outside.allocations + 1;
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0, 0), 0);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x1003, 0), -44);
	f.outside.fail_after = 0;
	iommu_model_papr_misbehave(
		papr, &(struct iommu_model_papr_faults){.busy = 2, .fail_at = 2, .fail_with = -11});
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x1003, 0), 1);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x1003, 0), 9903);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x1003, 0), 0);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x2003, 0), -11);
	assert_int_equal(entry_at(0), 0x1003);
	end_papr();
}

/* A hypervisor that is busy says so in both of its words, in turn. */
static void a_busy_hypervisor_says_so_in_turn(void **state)
{
	(void)state;
	begin_papr(false);
	assert_int_equal(iommu_model_papr_add_window(papr, LIOBN, 0, 12, 10), 0);
	iommu_model_papr_misbehave(papr, &(struct iommu_model_papr_faults){.busy = 4});
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x1003, 0),
				 i % 2 == 0 ? 1 : 9903);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0, 0x1003, 0), 0);
	end_papr();
}

static uint64_t present(uint64_t pages)
{
	struct iommu_model_tce_access access;
	uint64_t count = 0;
	uint64_t i;

	for (i = 0; i < pages; i++)
		count += iommu_model_papr_access(papr, LIOBN, i << 12, true, &access) == 0;
	return count;
}

/*
 * However many entries a guest wants set: no call does more than a piece, or asks for memory under
 * the lock.
 */
static void long_calls_come_in_pieces(void **state)
{
	const uint64_t count = 20000, piece = 4096;
	unsigned int calls;

	(void)state;
	begin_papr(false);
	assert_int_equal(iommu_model_papr_add_window(papr, LIOBN, 0, 12, count), 0);
	for (calls = 1; calls < 5; calls++) {
		const uint64_t before = f.outside.allocations;

		assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0x5003, count), 1);
		assert_true(f.outside.allocations - before <= piece / 512 + 1);
		assert_int_equal(entry_at((calls * piece - 1) << 12), 0x5003);
		assert_int_equal(entry_at((calls * piece) << 12), 0);
	}
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0x5003, count), 0);
	assert_int_equal(entry_at((count - 1) << 12), 0x5003);
	/* Done is done: the same call begins anew, and so does one with other arguments. */
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0, count), 1);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0x1000, 0, 2), 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0, count - 1), 1);
	assert_int_equal(entry_at(piece << 12), 0x5003);
	/* What was cleared and is set again meanwhile must be cleared again. */
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE, LIOBN, 0x3000, 0x6003, 0), 0);
	for (calls = 1; calls < 5; calls++)
		assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0, count - 1), 1);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, LIOBN, 0, 0, count - 1), 0);
	assert_int_equal(present(count), 1); /* the last, which is not of it */
	/* A piece whose memory is not to be had sets what it can. */
	assert_int_equal(iommu_model_papr_add_window(papr, 7, 0, 12, 1 << 22), 0);
	f.outside.fail_after = f.outside.allocations + 3;
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 7, 0, 0x5003, 1 << 22), -44);
	f.outside.fail_after = 0;
	end_papr();
}

/* --- Our own window over it, while it misbehaves ---------------------------------------------- */

static struct test_platform inside;

static bool read_inside(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	assert_ptr_equal(ctx, &inside);
	memcpy(bytes, iommu_phys_to_virt(&inside.platform, paddr), sizeof(*bytes));
	return true;
}

static int64_t call_papr(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			 uint64_t third, uint64_t fourth, uint64_t *result)
{
	return iommu_model_papr_hypercall(ctx, opcode, liobn, address, third, fourth, result);
}

static bool leads_to(uint64_t address, uint64_t pages, iommu_paddr_t paddr)
{
	struct iommu_model_tce_access access;
	uint64_t i;

	for (i = 0; i < pages; i++)
		if (iommu_model_papr_access(papr, LIOBN, address + (i << 12), true, &access) != 0 ||
		    access.paddr != paddr + (i << 12))
			return false;
	return true;
}

/* What a failed call had done is undone; what is mapped leads where it should. */
static void windows_of_ours_work_over_it(void **state)
{
	const struct iommu_model_papr_config model = {
		.platform = &f.outside.platform,
		.host = {.ctx = &inside, .read = read_inside},
	};
	struct iommu_tce_papr_config config = {
		.table = {.platform = &inside.platform, .entries = 4096, .page_shift = 12},
		.liobn = LIOBN,
		.has_multiple = true,
		.call = call_papr,
	};
	struct test_random random = {.state = 3};
	struct iommu_tce_table *table;
	uint64_t addresses[16] = {0}, pages[16], mapped = 0;
	unsigned int i;

	(void)state;
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.outside, 1 << 20, 0);
	test_platform_init(&inside, 1 << 20, 0);
	assert_int_equal(iommu_model_papr_create(&model, &papr), 0);
	assert_int_equal(iommu_model_papr_add_window(papr, LIOBN, 0, 12, 4096), 0);
	config.ctx = papr;
	assert_int_equal(iommu_tce_papr_create(&config, &table), 0);
	for (i = 0; i < 20000; i++) {
		const unsigned int n = (unsigned int)test_random_below(&random, 16);
		const iommu_paddr_t paddr = (n + 1ULL) << 32;
		const struct iommu_model_papr_faults faults = {
			.busy = i % 3 == 0 ? 3 : 0,
			.fail_at = addresses[n] == 0 && i % 4 == 0
					   ? 1 + (unsigned int)test_random_below(&random, 200)
					   : 0,
			.fail_with = -44,
		};
		const struct iommu_model_papr_faults none = {0};
		int status;

		if (addresses[n] != 0)
			assert_true(leads_to(addresses[n], pages[n], paddr));
		iommu_model_papr_misbehave(papr, &faults);
		if (addresses[n] == 0) {
			pages[n] = 1 + test_random_below(&random, 150);
			status = iommu_tce_table_map(table, paddr, pages[n], IOMMU_PROT_WRITE, NULL,
						     &addresses[n]);
			assert_true(status == 0 || (status == IOMMU_EAGAIN && faults.fail_at != 0));
			if (status != 0)
				addresses[n] = 0;
			mapped += status == 0 ? pages[n] : 0;
		} else {
			assert_int_equal(iommu_tce_table_unmap(table, addresses[n], pages[n]), 0);
			mapped -= pages[n];
			addresses[n] = 0;
		}
		iommu_model_papr_misbehave(papr, &none);
		if (i % 64 == 0)
			assert_int_equal(present(4096), mapped);
	}
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	assert_int_equal(present(4096), 0);
	iommu_model_papr_destroy(papr);
	test_platform_destroy(&inside);
	test_platform_destroy(&f.outside);
}

/* --- Frozen PEs ------------------------------------------------------------------------------- */

static unsigned int writes_left;

/* Like memory that ends somewhere. */
static bool write_some(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	assert_ptr_equal(ctx, &f);
	if (paddr > sizeof(f.memory) - size || writes_left == 0)
		return false;
	writes_left--;
	memcpy((unsigned char *)f.memory + paddr, bytes, size);
	return true;
}

static void a_guest_asks_freezes_and_thaws(void **state)
{
	struct iommu_model_phb_config config = (begin(3), end(), good_config());
	const uint64_t type = 0x108;
	const uint64_t at = 0x100;
	const unsigned char *answer = (const unsigned char *)f.memory;
	struct iommu_model_tce_access access;

	(void)state;
	test_platform_init(&f.outside, 1 << 20, 0);
	config.host.write = write_some;
	config.generation = 3;
	begin_with(&config);
	writes_left = UINT32_MAX;
#define STATUS(pe) opal(IOMMU_OPAL_FREEZE_STATUS, pe, at, type, 0, 0, 0)
	assert_int_equal(STATUS(PE), 0);
	assert_int_equal(answer[at], 0);
	assert_int_equal(iommu_model_phb_access(f.phb, ID, 0, true, &access), IOMMU_EFAULT);
	assert_int_equal(STATUS(PE), 0);
	assert_int_equal(answer[at], 3);
	assert_int_equal(answer[type] << 8 | answer[type + 1], 5);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_CLEAR, PE, 1, 0, 0, 0, 0), 0);
	assert_int_equal(STATUS(PE), 0);
	assert_int_equal(answer[at], 2);
	assert_int_equal(iommu_model_phb_access(f.phb, ID, 0, true, &access), IOMMU_EFAULT);
	assert_int_equal(access.reason, IOMMU_MODEL_TCE_FROZEN);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_CLEAR, PE, 3, 0, 0, 0, 0), 0);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_SET, PE, 1, 0, 0, 0, 0), 0);
	assert_int_equal(STATUS(PE), 0);
	assert_int_equal(answer[at], 1);
	assert_int_equal(answer[type + 1], 3);
	/* PEs, actions, states and addresses that there are not. */
	assert_int_equal(STATUS(256), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_STATUS, PE, 0, type, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_STATUS, PE, at, UINT64_MAX, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_CLEAR, 256, 3, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_CLEAR, PE, 0, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_CLEAR, PE, 4, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_SET, 256, 3, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_FREEZE_SET, PE, 1ULL << 32, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_SET_PELTV, 256, 1, 1, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_SET_PELTV, 1, 1ULL << 40, 1, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_SET_PELTV, 1, 1, 2, 0, 0, 0), -1);
	/* Diagnostic data: room for all, or none. */
	assert_int_equal(opal(IOMMU_OPAL_PHB_DIAGNOSTICS, 0, 4391, 0, 0, 0, 0), -1);
	assert_int_equal(opal(IOMMU_OPAL_PHB_DIAGNOSTICS, 0, 4392, 0, 0, 0, 0), 0);
	writes_left = 200;
	assert_int_equal(opal(IOMMU_OPAL_PHB_DIAGNOSTICS, 0, 4392, 0, 0, 0, 0), -1);
	writes_left = 0;
	assert_int_equal(STATUS(PE), -1);
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
		cmocka_unit_test(a_register_that_is_told_nothing),
		cmocka_unit_test(a_call_of_firmware_that_is_not_repeated),
		cmocka_unit_test(caches_may_be_small_or_forgetful),
		cmocka_unit_test(a_bad_access_freezes_its_pe),
		cmocka_unit_test(firmware_misbehaves_as_told),
		cmocka_unit_test(windows_come_and_go),
		cmocka_unit_test(a_guest_gets_no_larger_windows),
		cmocka_unit_test(hypercalls_are_checked_and_done),
		cmocka_unit_test(a_busy_hypervisor_says_so_in_turn),
		cmocka_unit_test(long_calls_come_in_pieces),
		cmocka_unit_test(windows_of_ours_work_over_it),
		cmocka_unit_test(a_guest_asks_freezes_and_thaws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
