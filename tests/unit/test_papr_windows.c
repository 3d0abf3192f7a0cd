/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows of a hypervisor that answers anything: each of its answers to each call that looks at a
 * window of an earlier kernel, or makes a new one, leads to the status that the header has for it;
 * what is no window is never handed out, and what was made is given back.
 */
#include <string.h>

#include <libiommu/hw/tce.h>
#include <libiommu/papr.h>

#include "test.h"
#include "test_platform.h"

#define LIOBN     0x80000001U
#define START     (1ULL << 40)
#define ENTRIES   8U
#define SUCCESS   0
#define HARDWARE  (-1)
#define PARAMETER (-4) /* of a hypercall */
#define REFUSED   (-3) /* of a service */

static struct test_platform test;

static int setup(void **state)
{
	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	test.quiet = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_platform_destroy(&test);
	return 0;
}

/* --- Windows of an earlier kernel ------------------------------------------------------------- */

static struct {
	uint64_t entry[ENTRIES];
	unsigned int pages, shift; /* the window that there is, at START */
	unsigned int calls, fail_at;
	int64_t code;             /* … with which that call fails */
	bool forgets;             /* entries without permissions */
	bool takes_whole_pages;   /* refuses addresses within a page */
	bool takes_only_mappings; /* refuses entries without permissions */
} h;

static int64_t hypercall(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			 uint64_t third, uint64_t fourth, uint64_t *result)
{
	const uint64_t offset = address - START, index = offset >> h.shift;

	(void)ctx;
	(void)fourth;
	assert_true(opcode == IOMMU_H_GET_TCE || opcode == IOMMU_H_PUT_TCE);
	assert_int_equal(liobn, LIOBN);
	if (++h.calls == h.fail_at)
		return h.code;
	if (index >= h.pages || (h.takes_whole_pages && (offset & ((1ULL << h.shift) - 1)) != 0))
		return PARAMETER;
	if (opcode == IOMMU_H_GET_TCE) {
		*result = h.entry[index];
		return SUCCESS;
	}
	if (h.takes_only_mappings && (third & 3) == 0)
		return PARAMETER;
	h.entry[index] = h.forgets && (third & 3) == 0 ? 0 : third;
	return SUCCESS;
}

static const struct iommu_papr_config hypervisor = {.call = hypercall};

/* A window, each of whose entries is another page's. */
static void have_window(unsigned int pages, unsigned int shift)
{
	memset(&h, 0, sizeof(h));
	h.pages = pages;
	h.shift = shift;
	for (unsigned int i = 0; i < pages; i++)
		h.entry[i] = (uint64_t)(i + 1) << shift | 3;
}

static bool is_as_it_was(void)
{
	for (unsigned int i = 0; i < h.pages; i++)
		if (h.entry[i] != ((uint64_t)(i + 1) << h.shift | 3))
			return false;
	return true;
}

/* Of a window that is described with `pages` pages of 2^shift bytes. */
static int adopt(unsigned int pages, unsigned int shift, const struct iommu_papr_config *by)
{
	const struct iommu_papr_ddw ddw = {.platform = &test.platform};
	const struct iommu_papr_window left = {.liobn = LIOBN,
					       .address = START,
					       .size = (uint64_t)pages << shift,
					       .page_shift = shift};
	const struct iommu_papr_wanted wanted = {UINT64_MAX, 1, UINT64_MAX};
	struct iommu_papr_window window = {.liobn = 1};
	unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE];
	bool holds = false;
	int status;

	assert_int_equal(iommu_papr_describe_window(&left, property), 0);
	status = iommu_papr_adopt_window(&ddw, by, property, sizeof(property), &wanted, &window,
					 &holds);
	if (status == 0) {
		assert_true(window.liobn == LIOBN && window.address == START && holds);
		assert_true(window.size == left.size && window.page_shift == shift);
	} else {
		assert_true(window.liobn == 1 && !holds);
	}
	return status;
}

/* The size of pages is found out whatever the hypervisor does with an entry that maps nothing. */
static void pages_of_the_size_that_is_described_are_adopted(void **state)
{
	static const unsigned int shifts[] = {12, 16, 24};

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int kind = 0; kind < 4; kind++)
			for (unsigned int pages = 1; pages <= ENTRIES; pages *= 2) {
				have_window(pages, shifts[i]);
				h.forgets = kind == 1;
				h.takes_whole_pages = kind == 2;
				h.takes_only_mappings = kind == 3;
				assert_int_equal(adopt(pages, shifts[i], &hypervisor), 0);
				assert_true(is_as_it_was());
			}
}

static void pages_of_another_size_are_not(void **state)
{
	(void)state;
	/* Larger, and smaller; with as much memory as is described. */
	have_window(2, 17);
	assert_int_equal(adopt(4, 16, &hypervisor), IOMMU_ENOENT);
	assert_true(is_as_it_was());
	have_window(8, 15);
	assert_int_equal(adopt(4, 16, &hypervisor), IOMMU_ENOENT);
	assert_true(is_as_it_was());
	have_window(8, 15);
	assert_int_equal(adopt(1, 18, &hypervisor), IOMMU_ENOENT);
	assert_true(is_as_it_was());
	/* Less memory. */
	have_window(2, 16);
	assert_int_equal(adopt(4, 16, &hypervisor), IOMMU_ENOENT);
	assert_int_equal(h.calls, 2);
}

/*
 * The calls: two that look for the window; the last entry read and marked; that entry, the one
 * before and half a page read; the mark taken back.
 */
static void each_call_may_fail(void **state)
{
	static const int refused[] = {
		IOMMU_ENOENT, IOMMU_ENOENT, IOMMU_ENOENT, 0, IOMMU_ENOENT, IOMMU_ENOENT, 0,
		IOMMU_ENOENT};

	(void)state;
	for (unsigned int nth = 1; nth <= 8; nth++) {
		have_window(4, 16);
		h.fail_at = nth;
		h.code = HARDWARE;
		assert_int_equal(adopt(4, 16, &hypervisor), IOMMU_EIO);
		assert_true(nth == 8 || is_as_it_was());
		have_window(4, 16);
		h.fail_at = nth;
		h.code = PARAMETER;
		assert_int_equal(adopt(4, 16, &hypervisor), refused[nth - 1]);
		assert_true(nth == 8 || is_as_it_was());
	}
	assert_int_equal(h.calls, 8);
}

static void what_cannot_be_asked_for_is_refused(void **state)
{
	const struct iommu_papr_config mute = {0};
	struct iommu_papr_window window = {
		.liobn = LIOBN, .address = START, .size = 4 << 16, .page_shift = 16};

	(void)state;
	have_window(4, 16);
	assert_int_equal(iommu_papr_find_window(&test.platform, &mute, &window), IOMMU_EINVAL);
	assert_int_equal(adopt(4, 16, &mute), IOMMU_EINVAL);
	window.address++;
	assert_int_equal(iommu_papr_find_window(&test.platform, &hypervisor, &window),
			 IOMMU_EINVAL);
	assert_int_equal(h.calls, 0);
	window.address--;
	assert_int_equal(iommu_papr_find_window(&test.platform, &hypervisor, &window), 0);
}

/* --- The device tree -------------------------------------------------------------------------- */

static void cells_are_one_or_two(void **state)
{
	static const unsigned char property[28] = {
		[3] = 7, [5] = 0x10, [10] = 0x20, [14] = 0x40, [18] = 0x10};
	static const unsigned int wrong[][2] = {{0, 2}, {2, 3}, {3, 1}, {1, 0}};
	struct iommu_papr_window window = {.liobn = 1};

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(iommu_papr_parse_window(property, sizeof(property), wrong[i][0],
							 wrong[i][1], &window),
				 IOMMU_EINVAL);
	assert_int_equal(window.liobn, 1);
	assert_int_equal(iommu_papr_parse_window(property, sizeof(property), 1, 1, &window), 0);
	assert_int_equal(window.liobn, 7);
	assert_int_equal(window.address, 0x100000);
	assert_int_equal(window.size, 0x2000);
}

static void extensions_are_as_many_as_they_say(void **state)
{
	static const unsigned char tokens[12] = {[3] = 1, [7] = 2, [11] = 3};
	static const unsigned char none[4] = {0};
	static const unsigned char one[8] = {[3] = 1, [7] = 9};
	static const unsigned char two[12] = {[3] = 2, [7] = 9, [11] = 2};
	static const unsigned char three[16] = {[3] = 3, [7] = 9, [11] = 1, [15] = 8};
	struct iommu_papr_ddw ddw;

	(void)state;
	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, none, 4, &ddw), 0);
	assert_true(ddw.reset_token == 0 && !ddw.has_wide_query && ddw.limit_token == 0);
	assert_true(ddw.query_token == 1 && ddw.create_token == 2 && ddw.remove_token == 3);
	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, one, 8, &ddw), 0);
	assert_true(ddw.reset_token == 9 && !ddw.has_wide_query && ddw.limit_token == 0);
	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, two, 12, &ddw), 0);
	assert_true(ddw.reset_token == 9 && !ddw.has_wide_query && ddw.limit_token == 0);
	assert_int_equal(iommu_papr_parse_ddw(tokens, 12, three, 16, &ddw), 0);
	assert_true(ddw.reset_token == 9 && ddw.has_wide_query && ddw.limit_token == 8);
	/* Too short for its own length, or for what it says. */
	for (size_t size = 0; size < 4; size++)
		assert_int_equal(iommu_papr_parse_ddw(tokens, 12, none, size, &ddw), IOMMU_EINVAL);
	for (size_t size = 4; size < 16; size++)
		assert_int_equal(iommu_papr_parse_ddw(tokens, 12, three, size, &ddw), IOMMU_EINVAL);
}

/* --- New windows ------------------------------------------------------------------------------ */

enum service {
	QUERY = 10,
	CREATE,
	REMOVE,
	RESET,
	LIMIT
};

static struct {
	uint32_t windows, largest, sizes; /* the grant */
	uint64_t address;                 /* of a window that is created */
	unsigned int exist;               /* windows that were created, and not removed */
	unsigned int calls[LIMIT + 1];
	enum service fails; /* from its n-th call on */
	unsigned int from;
	uint32_t size_shift; /* of the last that was created */
} r;

static int32_t service(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
		       unsigned int output_count, uint32_t *outputs)
{
	(void)ctx;
	assert_true(token >= QUERY && token <= LIMIT && input_count != 0 && output_count != 0);
	if (++r.calls[token] >= r.from && r.fails == token)
		return HARDWARE;
	switch ((enum service)token) {
	case QUERY:
		outputs[1] = r.windows;
		outputs[2] = r.largest;
		outputs[3] = r.sizes;
		break;
	case CREATE:
		outputs[1] = LIOBN;
		outputs[2] = (uint32_t)(r.address >> 32);
		outputs[3] = (uint32_t)r.address;
		r.size_shift = inputs[4];
		r.exist++;
		break;
	case REMOVE:
		r.exist--;
		break;
	case RESET:
	case LIMIT:
		break;
	}
	return SUCCESS;
}

static struct iommu_papr_ddw services(void)
{
	return (struct iommu_papr_ddw){.platform = &test.platform,
				       .query_token = QUERY,
				       .create_token = CREATE,
				       .remove_token = REMOVE,
				       .reset_token = RESET,
				       .limit_token = LIMIT,
				       .rtas = service};
}

static void grant_window(uint64_t address)
{
	memset(&r, 0, sizeof(r));
	r.windows = 1;
	r.largest = 1 << 20;
	r.sizes = 2; /* 64 KiB */
	r.address = address;
}

static int open_below(uint64_t mask, struct iommu_papr_window *first,
		      struct iommu_papr_window *window)
{
	const struct iommu_papr_ddw ddw = services();
	bool holds;

	*window = (struct iommu_papr_window){.liobn = 1};
	return iommu_papr_open_window(&ddw, 1 << 16, 1ULL << 32, mask, first, window, &holds);
}

/* What the hypervisor says that it has made is looked at, and given back where it is no window. */
static void what_is_made_is_a_window(void **state)
{
	const struct iommu_papr_ddw ddw = services();
	struct iommu_papr_window window = {.liobn = 1};

	(void)state;
	grant_window(0x8000);
	assert_int_equal(iommu_papr_create_window(&ddw, 16, 20, &window), IOMMU_EIO);
	assert_true(r.exist == 0 && window.liobn == 1);
	grant_window(-0x10000ULL);
	assert_int_equal(iommu_papr_create_window(&ddw, 16, 17, &window), IOMMU_EIO);
	assert_true(r.exist == 0 && window.liobn == 1);
	assert_int_equal(iommu_papr_create_window(&ddw, 16, 16, &window), 0);
	assert_true(r.exist == 1 && window.liobn == LIOBN && window.size == 0x10000);
	/* Sizes that there are not are not asked for. */
	assert_int_equal(iommu_papr_create_window(&ddw, TCE_PAGE_SHIFT_MAX + 1, 40, &window),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_papr_create_window(&ddw, TCE_PAGE_SHIFT_MAX, 63, &window),
			 IOMMU_EINVAL);
	assert_int_equal(r.calls[CREATE], 2);
}

static void a_grant_of_nothing_is_none(void **state)
{
	const struct iommu_papr_ddw ddw = services();
	struct iommu_papr_window window;
	bool holds = false;

	(void)state;
	grant_window(0);
	r.largest = 0;
	assert_int_equal(open_below(UINT64_MAX, NULL, &window), IOMMU_ENOSPC);
	assert_true(r.calls[CREATE] == 0 && window.liobn == 1);
	grant_window(0);
	r.sizes = 1;
	assert_int_equal(open_below(UINT64_MAX, NULL, &window), IOMMU_ENOSPC);
	assert_true(r.calls[CREATE] == 0 && window.liobn == 1);
	/* Memory that is less than a page takes one. */
	grant_window(0);
	assert_int_equal(
		iommu_papr_open_window(&ddw, 1 << 16, 1, UINT64_MAX, NULL, &window, &holds), 0);
	assert_true(holds && r.size_shift == 16 && window.size == 0x10000);
}

/* The service that fails says what the call returns; a window that was made is not handed out. */
static void services_that_fail_are_told_of(void **state)
{
	static const struct {
		enum service fails;
		unsigned int from;
	} cases[] = {{QUERY, 1}, {CREATE, 1}, {REMOVE, 1}, {LIMIT, 1}, {QUERY, 2}, {CREATE, 2}};
	struct iommu_papr_window window;

	(void)state;
	/* Beyond the mask, also where addresses are limited. */
	grant_window(1ULL << 60);
	assert_int_equal(open_below(UINT32_MAX, NULL, &window), IOMMU_ERANGE);
	assert_true(r.exist == 0 && r.calls[LIMIT] == 1 && r.calls[CREATE] == 2);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		grant_window(1ULL << 60);
		r.fails = cases[i].fails;
		r.from = cases[i].from;
		assert_int_equal(open_below(UINT32_MAX, NULL, &window), IOMMU_EIO);
		assert_int_equal(window.liobn, 1);
		assert_int_equal(r.exist, cases[i].fails == REMOVE ? 1 : 0);
	}
}

/* The first window is given up only where there is one; it is gone where nothing brings it back. */
static void the_first_window_is_given_up(void **state)
{
	struct iommu_papr_window first = {.liobn = 2, .address = 0, .size = 0, .page_shift = 12};
	struct iommu_papr_window window;

	(void)state;
	grant_window(0);
	r.windows = 0;
	assert_int_equal(open_below(UINT64_MAX, &first, &window), IOMMU_ENOSPC);
	assert_int_equal(r.calls[REMOVE], 0);
	first.size = 1 << 28;
	assert_int_equal(open_below(UINT64_MAX, &first, &window), IOMMU_ENOSPC);
	assert_true(r.calls[REMOVE] == 1 && r.calls[RESET] == 1 && first.size == 1 << 28);
	r.fails = RESET;
	r.from = 1;
	assert_int_equal(open_below(UINT64_MAX, &first, &window), IOMMU_ENOSPC);
	assert_true(r.calls[REMOVE] == 2 && r.calls[RESET] == 2 && first.size == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_of_the_size_that_is_described_are_adopted),
		TEST(pages_of_another_size_are_not),
		TEST(each_call_may_fail),
		TEST(what_cannot_be_asked_for_is_refused),
		TEST(cells_are_one_or_two),
		TEST(extensions_are_as_many_as_they_say),
		TEST(what_is_made_is_a_window),
		TEST(a_grant_of_nothing_is_none),
		TEST(services_that_fail_are_told_of),
		TEST(the_first_window_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
