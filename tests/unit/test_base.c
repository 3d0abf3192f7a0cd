/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helpers of src/base/: status names, version, object cache, log lines, byte order, address
 * conversion.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libiommu/status.h>
#include <libiommu/version.h>

#include "base/bits.h"
#include "base/byteorder.h"
#include "base/object_cache.h"
#include "base/sparse.h"
#include "base/text.h"
#include "test.h"
#include "test_platform.h"

static void every_status_has_a_name(void **state)
{
	static const struct {
		int status;
		const char *start;
	} names[] = {
		{IOMMU_OK, "success"},
		{IOMMU_EPERM, "EPERM"},
		{IOMMU_ENOENT, "ENOENT"},
		{IOMMU_EIO, "EIO"},
		{IOMMU_EAGAIN, "EAGAIN"},
		{IOMMU_ENOMEM, "ENOMEM"},
		{IOMMU_EFAULT, "EFAULT"},
		{IOMMU_EBUSY, "EBUSY"},
		{IOMMU_EEXIST, "EEXIST"},
		{IOMMU_ENODEV, "ENODEV"},
		{IOMMU_EINVAL, "EINVAL"},
		{IOMMU_ENOSPC, "ENOSPC"},
		{IOMMU_ERANGE, "ERANGE"},
		{IOMMU_EOVERFLOW, "EOVERFLOW"},
		{IOMMU_EOPNOTSUPP, "EOPNOTSUPP"},
		{IOMMU_ETIMEDOUT, "ETIMEDOUT"},
		{IOMMU_EPROBE_DEFER, "EPROBE_DEFER"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_memory_equal(iommu_strerror(names[i].status), names[i].start,
				    strlen(names[i].start));
	assert_string_equal(iommu_strerror(1), "unknown status");
	assert_string_equal(iommu_strerror(-12345), "unknown status");
	/* A kernel passes them through: they are Linux's numbers. */
	assert_int_equal(IOMMU_EINVAL, -22);
	assert_int_equal(IOMMU_ETIMEDOUT, -110);
	assert_int_equal(IOMMU_EPROBE_DEFER, -517);
}

static void the_version_is_that_of_the_headers(void **state)
{
	char expected[32];

	(void)state;
	assert_int_equal(iommu_version(), IOMMU_VERSION);
	snprintf(expected, sizeof(expected), "%d.%d.%d", IOMMU_VERSION_MAJOR, IOMMU_VERSION_MINOR,
		 IOMMU_VERSION_PATCH);
	assert_string_equal(iommu_version_string(), expected);
}

static void objects_come_zeroed_and_pages_go_back(void **state)
{
	static const size_t sizes[] = {1, 16, 100, 1000, IOMMU_OBJECT_SIZE_MAX};
	struct test_platform test;
	struct iommu_object_cache cache;
	unsigned char *objects[500];
	size_t s, i, k;

	(void)state;
	test_platform_init(&test, 1 << 22, 0);
	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		iommu_object_cache_init(&cache, &test.platform, sizes[s]);
		for (i = 0; i < 500; i++) {
			objects[i] = iommu_object_alloc(&cache, 0);
			assert_non_null(objects[i]);
			assert_int_equal((uintptr_t)objects[i] % 16, 0);
			for (k = 0; k < sizes[s]; k++)
				assert_int_equal(objects[i][k], 0);
			memset(objects[i], 0xff, sizes[s]); /* neighbours must not notice */
		}
		/* Every second one, then the rest, from the other end. */
		for (i = 0; i < 500; i += 2)
			iommu_object_free(&cache, objects[i]);
		for (i = 0; i < 500; i += 2) {
			objects[i] = iommu_object_alloc(&cache, 0);
			assert_int_equal(objects[i][0], 0);
		}
		assert_int_equal(cache.objects, 500);
		for (i = 500; i-- > 0;)
			iommu_object_free(&cache, objects[i]);
		assert_int_equal(cache.objects, 0);
		assert_int_equal(test.hosted.pages_in_use, 0);
	}
	test.fail_after = 1;
	assert_null(iommu_object_alloc(&cache, 0));
	test_platform_destroy(&test);
}

static void *churn(void *argument)
{
	struct iommu_object_cache *cache = argument;
	void *objects[16] = {NULL};
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		unsigned int at = i * 7 % 16;

		if (objects[at] != NULL)
			iommu_object_free(cache, objects[at]);
		objects[at] = iommu_object_alloc(cache, 0);
	}
	for (i = 0; i < 16; i++)
		iommu_object_free(cache, objects[i]);
	return NULL;
}

static void threads_share_an_object_cache(void **state)
{
	struct test_platform test;
	struct iommu_object_cache cache;
	pthread_t threads[3];
	unsigned int i;

	(void)state;
	test_platform_init(&test, 1 << 24, 0);
	iommu_object_cache_init(&cache, &test.platform, 300);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &cache), 0);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(cache.objects, 0);
	test_platform_destroy(&test);
}

static void lines_are_cut_and_terminated(void **state)
{
	char line[8];
	size_t used;

	(void)state;
	used = iommu_line_append(line, sizeof(line), 0, "dmar");
	used = iommu_line_append_number(line, sizeof(line), used, 0);
	assert_string_equal(line, "dmar0");
	used = iommu_line_append_number(line, sizeof(line), used, 4294967295U);
	assert_string_equal(line, "dmar042");
	assert_int_equal(used, 7);
	used = iommu_line_append(line, sizeof(line), used, "more");
	assert_int_equal(used, 7);
	used = iommu_line_append_hex(line, sizeof(line), 0, 0, 2);
	assert_string_equal(line, "00");
	used = iommu_line_append_hex(line, sizeof(line), used, 0x1f, 1);
	assert_string_equal(line, "001f");
	(void)iommu_line_append_hex(line, sizeof(line), 0, 0xfedcba98, 8);
	assert_memory_equal(line, "fedcba98", strlen(line));
}

static void bytes_have_their_order(void **state)
{
	static const uint8_t bytes[] = {0xff, 1, 2, 3, 4, 5, 6, 7, 8};
	uint64_t in_memory = iommu_le64(0x0807060504030201ULL);
	unsigned int i;

	(void)state;
	assert_int_equal(iommu_read_le16(bytes + 1), 0x0201);
	assert_int_equal(iommu_read_le32(bytes + 1), 0x04030201);
	assert_int_equal(iommu_read_le64(bytes + 1), 0x0807060504030201ULL);
	assert_memory_equal(&in_memory, bytes + 1, 8);
	for (i = 0; i < 64; i++) {
		assert_int_equal(iommu_highest_bit(1ULL << i), i);
		assert_int_equal(iommu_highest_bit(UINT64_MAX >> (63 - i)), i);
	}
}

static unsigned char regions[2][4096] __attribute__((aligned(4096)));

static void *regions_phys_to_virt(void *ctx, iommu_paddr_t paddr)
{
	++*(unsigned int *)ctx;
	return &regions[paddr >> 32][paddr & 0xfff];
}

static iommu_paddr_t regions_virt_to_phys(void *ctx, const void *virt)
{
	uintptr_t offset = (uintptr_t)virt - (uintptr_t)regions;

	++*(unsigned int *)ctx;
	return (uint64_t)(offset / 4096) << 32 | (offset & 0xfff);
}

static void addresses_are_converted_in_each_form(void **state)
{
	unsigned int calls = 0;
	struct iommu_platform platform = {
		.ctx = &calls,
		.direct_map_offset = (uint64_t)(uintptr_t)regions - 0x70000000,
	};

	(void)state;
	/* Form 1: an offset, which may be "negative". */
	assert_ptr_equal(iommu_phys_to_virt(&platform, 0x70000123), &regions[0][0x123]);
	assert_int_equal(iommu_virt_to_phys(&platform, &regions[1][5]), 0x70001005);
	assert_int_equal(calls, 0);
	/* Form 3: functions, for memory in several places. */
	platform.phys_to_virt = regions_phys_to_virt;
	platform.virt_to_phys = regions_virt_to_phys;
	assert_ptr_equal(iommu_phys_to_virt(&platform, 0x100000007), &regions[1][7]);
	assert_int_equal(iommu_virt_to_phys(&platform, &regions[1][7]), 0x100000007);
	assert_int_equal(calls, 2);
}

static void the_hosted_port_uses_memory_that_it_is_given(void **state)
{
	static unsigned char arena[4 * 65536] __attribute__((aligned(65536)));
	struct iommu_hosted hosted;
	const struct iommu_platform *p = &hosted.platform;
	unsigned char *a, *b;

	(void)state;
	assert_int_equal(iommu_hosted_init(&hosted, arena + 4096, 65536, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_hosted_init(&hosted, arena, 65536, 4096), IOMMU_EINVAL);
	assert_int_equal(iommu_hosted_init(&hosted, arena, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_hosted_init(&hosted, arena, 1000, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_hosted_init(&hosted, arena, sizeof(arena), 0x40000000), 0);
	assert_int_equal(iommu_platform_check(p), 0);
	a = p->alloc_pages(p->ctx, 0, IOMMU_NODE_ANY, 0);
	b = p->alloc_pages(p->ctx, 4, IOMMU_NODE_ANY, 0);
	assert_true(a >= arena && b + 65536 <= arena + sizeof(arena));
	assert_int_equal(iommu_virt_to_phys(p, b) % 65536, 0);
	assert_int_equal(iommu_virt_to_phys(p, a), 0x40000000 + (uint64_t)(a - arena));
	memset(a, 0xff, 4096);
	p->free_pages(p->ctx, a, 0);
	a = p->alloc_pages(p->ctx, 0, IOMMU_NODE_ANY, 0);
	assert_int_equal(a[100], 0);
	/* Larger blocks too, as far as the arena goes. */
	b = p->alloc_pages(p->ctx, 5, IOMMU_NODE_ANY, 0);
	assert_true(b >= arena && b + 131072 <= arena + sizeof(arena));
	assert_int_equal(iommu_virt_to_phys(p, b) % 65536, 0);
	memset(b, 0xff, 131072);
	p->free_pages(p->ctx, b, 5);
	assert_ptr_equal(p->alloc_pages(p->ctx, 5, IOMMU_NODE_ANY, 0), b);
	assert_int_equal(b[131071], 0);
	assert_null(p->alloc_pages(p->ctx, 6, IOMMU_NODE_ANY, 0));
	assert_null(p->alloc_pages(p->ctx, 51, IOMMU_NODE_ANY, 0));
	while (p->alloc_pages(p->ctx, 4, IOMMU_NODE_ANY, 0) != NULL)
		;
	assert_true(p->now_ns(p->ctx) <= p->now_ns(p->ctx));
	assert_true(p->cpu_id(p->ctx) < p->cpu_count(p->ctx));
	iommu_hosted_destroy(&hosted);
}

/* What the hosted port prints of a refused call and of a warning, with this in its environment. */
static void print_lines(const char *wanted, enum iommu_log_level chosen, bool chooses, char *text,
			size_t room)
{
	FILE *file = tmpfile();
	const int stderr_before = dup(2);
	struct iommu_hosted hosted;
	size_t length;

	assert_non_null(file);
	if (wanted == NULL)
		unsetenv("LIBIOMMU_LOG");
	else
		setenv("LIBIOMMU_LOG", wanted, 1);
	assert_int_equal(iommu_hosted_init(&hosted, NULL, 65536, 0), 0);
	unsetenv("LIBIOMMU_LOG");
	if (chooses)
		hosted.log_level = chosen;
	hosted.platform.cache_write_back = (void (*)(void *, iommu_paddr_t, uint64_t))(uintptr_t)1;
	fflush(stderr);
	dup2(fileno(file), 2);
	hosted.platform.log(hosted.platform.ctx, IOMMU_LOG_WARNING, "a warning");
	assert_int_equal(iommu_platform_check(&hosted.platform), IOMMU_EINVAL);
	fflush(stderr);
	dup2(stderr_before, 2);
	close(stderr_before);
	rewind(file);
	length = fread(text, 1, room - 1, file);
	text[length] = '\0';
	fclose(file);
	iommu_hosted_destroy(&hosted);
}

static void the_hosted_port_says_why_when_it_is_asked(void **state)
{
	static const char warning[] = "libiommu: a warning\n";
	static const char both[] =
		"libiommu: a warning\n"
		"libiommu: iommu_platform_check: the platform has only some of "
		"cache_write_back, cache_invalidate and cache_line_size: EINVAL\n";
	char text[512];

	(void)state;
	print_lines(NULL, 0, false, text, sizeof(text));
	assert_string_equal(text, warning);
	print_lines("nonsense", 0, false, text, sizeof(text));
	assert_string_equal(text, warning);
	print_lines("error", 0, false, text, sizeof(text));
	assert_string_equal(text, "");
	print_lines("refusal", 0, false, text, sizeof(text));
	assert_string_equal(text, both);
	print_lines("debug", 0, false, text, sizeof(text));
	assert_string_equal(text, both);
	print_lines(NULL, IOMMU_LOG_REFUSAL, true, text, sizeof(text));
	assert_string_equal(text, both);
}

/* The tests' platform: hardware that reads what was given back finds no byte as it was. */
static void what_is_given_back_is_poison(void **state)
{
	struct test_platform test;
	const struct iommu_platform *p = &test.platform;
	unsigned char *blocks[3];
	unsigned int i, order;
	size_t byte;

	(void)state;
	test_platform_init(&test, 1 << 20, 0x40000000);
	for (order = 0; order < 3; order++) {
		for (i = 0; i < 3; i++)
			blocks[i] = p->alloc_pages(p->ctx, order, IOMMU_NODE_ANY, 0);
		for (i = 0; i < 3; i++)
			p->free_pages(p->ctx, blocks[i], order);
		for (i = 0; i < 3; i++)
			for (byte = 0; byte < (size_t)IOMMU_PAGE_SIZE << order; byte++)
				assert_int_equal(blocks[i][byte], TEST_POISON);
		/* The last is the next, and empty. */
		assert_ptr_equal(p->alloc_pages(p->ctx, order, IOMMU_NODE_ANY, 0), blocks[2]);
		assert_int_equal(blocks[2][0] | blocks[2][(IOMMU_PAGE_SIZE << order) - 1], 0);
		p->free_pages(p->ctx, blocks[2], order);
	}
	test_platform_destroy(&test);
}

/* Does the system say of the memory at this address that it may be of large pages? -1: no word. */
static int may_be_large(const unsigned char *at)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	uint64_t first, last;
	bool is_it = false;
	char line[512];
	int answer = -1;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &first, &last) == 2)
			is_it = first <= (uintptr_t)at && (uintptr_t)at < last;
		else if (is_it && strncmp(line, "VmFlags:", 8) == 0)
			answer = strstr(line, " hg") != NULL;
	}
	if (maps != NULL)
		fclose(maps);
	return answer;
}

/* Does the system note what it is advised? An emulated one need not. */
static bool notes_advice(void)
{
#ifdef MADV_HUGEPAGE
	const size_t size = 4 << 20;
	unsigned char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool notes;

	assert_true(memory != MAP_FAILED);
	notes = madvise(memory, size, MADV_HUGEPAGE) == 0 && may_be_large(memory) == 1;
	munmap(memory, size);
	return notes;
#else
	return false;
#endif
}

static void a_large_arena_goes_on_in_large_pages(void **state)
{
	const size_t large = 2 << 20;
	struct iommu_hosted hosted;

	(void)state;
	assert_int_equal(iommu_hosted_init(&hosted, NULL, 4 * large, 0), 0);
	assert_int_equal((uintptr_t)hosted.arena % large, 0);
	if (notes_advice()) {
		assert_int_equal(may_be_large(hosted.arena), 0);
		assert_int_equal(may_be_large(hosted.arena + large), 1);
		assert_int_equal(may_be_large(hosted.arena + 4 * large - 1), 1);
	}
	iommu_hosted_destroy(&hosted);
	assert_int_equal(iommu_hosted_init(&hosted, NULL, IOMMU_HOSTED_ALIGNMENT, 0), 0);
	iommu_hosted_destroy(&hosted);
}

/*
 * A gap ends where the first page begins that was made, or where the pages of the smallest missing
 * part end: exactly, from each word of it.
 */
static void sparse_words_know_their_gaps(void **state)
{
	static const uint64_t made[] = {3 * 512 + 7, (5ULL << 18) + 700};
	struct test_platform test;
	struct iommu_sparse view;
	uint64_t index, *word;
	unsigned int i;

	(void)state;
	test_platform_init(&test, 1 << 20, 0x100000);
	iommu_sparse_init(&view, 1ULL << 27);
	assert_int_equal(view.levels, 3);
	assert_int_equal(iommu_sparse_gap(&view, 0), 1ULL << 27);
	assert_int_equal(iommu_sparse_gap(&view, 12345), (1ULL << 27) - 12345);
	assert_null(iommu_sparse_find(&view, &test.platform, made[0], false));
	/* Without memory nothing is made, at each level. */
	for (i = 1; i <= 3; i++) {
		test.fail_after = test.allocations + i;
		assert_null(iommu_sparse_find(&view, &test.platform, made[0], true));
		test.fail_after = 0;
		iommu_sparse_clear(&view, &test.platform);
		assert_int_equal(iommu_sparse_gap(&view, 0), 1ULL << 27);
	}
	for (i = 0; i < 2; i++) {
		word = iommu_sparse_find(&view, &test.platform, made[i], true);
		assert_non_null(word);
		assert_int_equal(*word, 0);
		*word = i + 1;
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(*iommu_sparse_find(&view, &test.platform, made[i], false), i + 1);
	for (index = 0; index < 1ULL << 19; index++) {
		const uint64_t page = index / 512, gap = iommu_sparse_gap(&view, index);

		if (page == 3)
			assert_int_equal(gap, 0);
		else if (page < 512)
			assert_int_equal(gap, 512 - index % 512);
		else
			assert_int_equal(gap, (1ULL << 18) - index % (1ULL << 18));
	}
	assert_int_equal(iommu_sparse_gap(&view, made[1]), 0);
	assert_int_equal(iommu_sparse_gap(&view, made[1] - 700), 512);
	assert_int_equal(iommu_sparse_gap(&view, (6ULL << 18) - 1), 1);
	assert_int_equal(iommu_sparse_gap(&view, (6ULL << 18) + 3), (1ULL << 18) - 3);
	iommu_sparse_clear(&view, &test.platform);
	assert_int_equal(iommu_sparse_gap(&view, 511), (1ULL << 27) - 511);
	test_platform_destroy(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_a_name),
		cmocka_unit_test(the_version_is_that_of_the_headers),
		cmocka_unit_test(objects_come_zeroed_and_pages_go_back),
		cmocka_unit_test(threads_share_an_object_cache),
		cmocka_unit_test(lines_are_cut_and_terminated),
		cmocka_unit_test(bytes_have_their_order),
		cmocka_unit_test(addresses_are_converted_in_each_form),
		cmocka_unit_test(the_hosted_port_uses_memory_that_it_is_given),
		cmocka_unit_test(the_hosted_port_says_why_when_it_is_asked),
		cmocka_unit_test(what_is_given_back_is_poison),
		cmocka_unit_test(a_large_arena_goes_on_in_large_pages),
		cmocka_unit_test(sparse_words_know_their_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
