/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers of POWER's windows, and hypercalls of a guest, over models of bridges: what a device
 * reaches is asked of the bridges, after each step.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <libiommu/iommu.h>

#include "base/byteorder.h"
#include "phb_registers.h"
#include "test.h"
#include "test_contract.h"
#include "test_memory.h"
#include "test_platform.h"

#define RW       IOMMU_PROT_READ_WRITE
#define BRIDGES  2
#define PES      16
#define SEGMENT  12
#define ARENA    (1ULL << 24)
#define SIZE32   (1ULL << 31)
#define HIGH     (1ULL << 59)
#define KIB64    (1ULL << 16)
#define USER     0x7f0000000000ULL /* addresses of the user */
#define PLACE    (1ULL << 40)      /* where the memory is: no address of the host's arena */
#define PAGES    4096ULL

#define TCE_KILL 126 /* OPAL_PCI_TCE_KILL */

static struct {
	struct test_platform test;
	struct test_platform outside; /* for the models' own memory */
	struct iommu_model_phb *models[BRIDGES];
	struct iommu *iommu;
	struct iommu_device_files *files;
	struct iommu_container *container;
	struct test_memory memory;
	/* Firmware refuses from the n-th call on, so many. */
	unsigned int refuse_at, refusals;
	/* What another processor does while firmware has the bridge forget entries; once. */
	void (*meanwhile)(void);
	unsigned int kills;     /* so often firmware was asked for that */
	pthread_t first_thread; /* … by this one */
} f;

/* The first bridge is one of POWER8, which is told to forget through its registers. */
static bool by_register;

static unsigned int large_shift(void)
{
	return by_register ? 24 : 21;
}

/* --- Bridges ---------------------------------------------------------------------------------- */

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	if (paddr > ARENA - sizeof(*bytes))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	/* A table that was freed: filled with something, and walked all the same. */
	assert_true((*bytes & 0xff) != TEST_POISON);
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("misuse: %s", text);
}

static int64_t call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	if (f.refuse_at != 0 && --f.refuse_at == 0) {
		f.refuse_at = --f.refusals != 0;
		return -6;
	}
	if (token == TCE_KILL && pthread_equal(pthread_self(), f.first_thread)) {
		void (*meanwhile)(void) = f.meanwhile;

		f.kills++;
		f.meanwhile = NULL;
		if (meanwhile != NULL)
			meanwhile();
	}
	return iommu_model_phb_opal(*(struct iommu_model_phb **)ctx, token, arguments);
}

static uint32_t find_pe(void *ctx, uint16_t source_id)
{
	return iommu_model_phb_pe_of(*(struct iommu_model_phb **)ctx, source_id);
}

static void make_bridge(unsigned int n)
{
	const struct iommu_model_phb_config config = {
		.platform = &f.outside.platform,
		.host = {.ctx = &f, .read = read_memory, .misuse = refuse_misuse},
		.phb = n,
		.generation = by_register && n == 0 ? 3 : 4,
		.pes = PES,
	};
	unsigned int i;

	assert_int_equal(iommu_model_phb_create(&config, &f.models[n]), 0);
	for (i = 0; i < PES << 8; i++)
		assert_int_equal(iommu_model_phb_set_pe(f.models[n], (uint16_t)i, i >> 8), 0);
}

static void probe_bridge(unsigned int n, uint64_t page_sizes)
{
	const struct iommu_opal_config config = {
		.phb = n,
		.segment = (uint16_t)(SEGMENT + n),
		.pes = PES,
		.find_pe = find_pe,
		.call = call,
		.ctx = &f.models[n],
		.page_sizes = page_sizes,
		.registers = by_register && n == 0 ? PHB_REGISTERS : 0,
		.output_bits = 50,
		.window_bits = 34,
		.memory_end = 1ULL << 32,
		.reserved_start = SIZE32,
		.reserved_last = 0xfffeffff,
	};

	assert_int_equal(iommu_opal_probe(f.iommu, &config), 0);
}

static void misbehave(struct iommu_model_phb_faults faults)
{
	unsigned int n;

	for (n = 0; n < BRIDGES; n++)
		iommu_model_phb_misbehave(f.models[n], &faults);
}

#define MISBEHAVE(...) misbehave((struct iommu_model_phb_faults){__VA_ARGS__})
#define BEHAVE()       misbehave((struct iommu_model_phb_faults){0})

/* Where an access of a PE goes; false: it is blocked. The PE is thawed, to be asked again. */
static bool access_by(unsigned int bridge, uint32_t pe, uint64_t address, bool is_write,
		      iommu_paddr_t *paddr)
{
	struct iommu_model_tce_access access;
	int status = iommu_model_phb_access(f.models[bridge], (uint16_t)(pe << 8), address,
					    is_write, &access);

	assert_false(access.is_interrupt);
	assert_true(access.reason != IOMMU_MODEL_TCE_MEMORY);
	assert_int_equal(iommu_model_phb_thaw(f.models[bridge], pe), 0);
	*paddr = access.paddr;
	return status == 0;
}

static bool leads(unsigned int bridge, uint32_t pe, uint64_t address, uint64_t offset)
{
	iommu_paddr_t paddr;

	return access_by(bridge, pe, address, true, &paddr) &&
	       paddr == test_memory_paddr(&f.memory, offset);
}

static bool is_blocked(unsigned int bridge, uint32_t pe, uint64_t address)
{
	iommu_paddr_t paddr;

	return !access_by(bridge, pe, address, true, &paddr) &&
	       !access_by(bridge, pe, address, false, &paddr);
}

static uint64_t tve_of(uint32_t pe, unsigned int window)
{
	return iommu_model_phb_tve(f.models[0], 2 * pe + window);
}

/* --- The host --------------------------------------------------------------------------------- */

static void begin_with(unsigned int flags, enum test_memory_shape shape, uint64_t page_sizes)
{
	unsigned int n;

	memset(&f, 0, sizeof(f));
	f.first_thread = pthread_self();
	test_platform_init(&f.test, ARENA, 0);
	test_platform_init(&f.outside, 1 << 22, 0);
	f.test.quiet = true;
	f.test.platform.relax = NULL; /* time passes with each look: nothing is waited for */
	phb_registers_install(&f.test.platform, &f.models[0], NULL);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	for (n = 0; n < BRIDGES; n++) {
		make_bridge(n);
		probe_bridge(n,
			     n == 0 ? 1ULL << 12 | 1ULL << 16 | 1ULL << large_shift() : page_sizes);
	}
	for (n = 0; n < BRIDGES; n++)
		assert_int_equal(
			iommu_unit_enable(iommu_find_unit(f.iommu, n == 0 ? "phb0" : "phb1")), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &f.files), 0);
	test_memory_init(&f.memory, shape, USER, PAGES, PLACE);
	assert_int_equal(iommu_container_create_with(f.iommu, NULL, flags, &f.container), 0);
}

static void begin(unsigned int flags)
{
	begin_with(flags, MEMORY_WHOLE, 1ULL << 12 | 1ULL << 16 | 1ULL << 21);
}

static void end(void)
{
	unsigned int n;

	assert_int_equal(iommu_container_destroy(f.container), 0);
	assert_int_equal(iommu_device_files_destroy(f.files), 0);
	for (n = 0; n < BRIDGES * PES; n++)
		assert_int_equal(
			iommu_release_endpoint(iommu_find_endpoint(
				f.iommu, (uint16_t)(SEGMENT + n / PES), (uint16_t)(n % PES << 8))),
			0);
	assert_int_equal(iommu_destroy(f.iommu), 0);
	for (n = 0; n < BRIDGES; n++)
		iommu_model_phb_destroy(f.models[n]);
	test_memory_destroy(&f.memory);
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
}

static struct iommu_endpoint *add(unsigned int bridge, uint32_t pe)
{
	const struct iommu_endpoint_info info = {.segment = (uint16_t)(SEGMENT + bridge),
						 .source_id = (uint16_t)(pe << 8)};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), 0);
	return endpoint;
}

static struct iommu_endpoint *endpoint_of(unsigned int bridge)
{
	return iommu_find_endpoint(f.iommu, (uint16_t)(SEGMENT + bridge), 1 << 8);
}

static struct iommu_group_file *open_group(unsigned int bridge, uint32_t pe)
{
	struct iommu_group_file *file = NULL;

	assert_int_equal(
		iommu_group_file_open(f.files, iommu_endpoint_group(add(bridge, pe)), &file), 0);
	return file;
}

/* The group of a PE in the container. */
static struct iommu_group_file *join(unsigned int bridge, uint32_t pe)
{
	struct iommu_group_file *file = open_group(bridge, pe);

	assert_int_equal(iommu_group_file_set_container(file, f.container), 0);
	return file;
}

static void leave(struct iommu_group_file *file)
{
	assert_int_equal(iommu_group_file_close(file), 0);
}

static int register_memory(uint64_t offset, uint64_t size, unsigned int prot)
{
	const struct iommu_backing backing = test_memory_at(&f.memory, offset);

	return iommu_spapr_register_memory(f.container, &backing, size, prot);
}

static int unregister_memory(uint64_t offset, uint64_t size)
{
	return iommu_spapr_unregister_memory(f.container, USER + offset, size);
}

static int map(iommu_iova_t iova, uint64_t offset, uint64_t size)
{
	const struct iommu_backing backing = test_memory_at(&f.memory, offset);

	return iommu_container_map(f.container, iova, size, RW, &backing);
}

static int unmap(iommu_iova_t iova, uint64_t size)
{
	return iommu_container_unmap(f.container, iova, size, NULL, NULL);
}

static int create_window(unsigned int page_shift, uint64_t size, unsigned int levels,
			 iommu_iova_t *start)
{
	const struct iommu_spapr_window window = {
		.size = size, .page_shift = page_shift, .levels = levels};

	return iommu_spapr_add_window(f.container, &window, start);
}

/* --- Windows ---------------------------------------------------------------------------------- */

static void the_default_window_is_there(void **state)
{
	struct iommu_spapr_info info;
	struct iommu_group_file *file;
	uint64_t unmapped;
	uint64_t host;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(iommu_spapr_get_info(f.container, &info), IOMMU_ENODEV);
	file = open_group(0, 1);
	host = tve_of(1, 0);
	assert_true(host != 0);
	assert_int_equal(iommu_group_file_set_container(file, f.container), 0);
	assert_true(tve_of(1, 0) != host && tve_of(1, 0) != 0);
	assert_int_equal(iommu_spapr_get_info(f.container, &info), 0);
	assert_int_equal(info.start32, 0);
	assert_int_equal(info.size32, SIZE32);
	assert_int_equal(info.page_sizes, 1ULL << 12 | 1ULL << 16 | 1ULL << large_shift());
	assert_int_equal(info.windows_max, 2);
	assert_int_equal(info.levels_max, 5);
	assert_int_equal(info.windows[0].size, SIZE32);
	assert_int_equal(info.windows[0].page_shift, 12);
	assert_int_equal(info.windows[1].size, 0);
	assert_int_equal(map(0x5000, 0x1000, 0x2000), IOMMU_ENOENT);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(f.memory.pins, PAGES);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(map(0x5000, 0x1000, 0x2000), 0);
	assert_true(leads(0, 1, 0x5123, 0x1123) && leads(0, 1, 0x6fff, 0x2fff));
	assert_true(is_blocked(0, 1, 0x4fff) && is_blocked(0, 1, 0x7000));
	/* A part is cut out, and what is not there is no error. */
	assert_int_equal(iommu_container_unmap(f.container, 0x4000, 0x2000, NULL, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	assert_true(is_blocked(0, 1, 0x5123) && leads(0, 1, 0x6fff, 0x2fff));
	assert_int_equal(iommu_container_unmap(f.container, 0, UINT64_MAX, NULL, &unmapped), 0);
	assert_int_equal(unmapped, 0x1000);
	assert_true(is_blocked(0, 1, 0x6fff));
	assert_int_equal(map(0x5000, 0, 0x1000), 0);
	leave(file);
	/* The host's own window again, and nothing of the user's. */
	assert_int_equal(tve_of(1, 0), host);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	assert_int_equal(f.memory.pins, 0);
	end();
}

static void both_windows_are_used_at_once(void **state)
{
	struct iommu_group_file *file;
	struct iommu_spapr_info info;
	iommu_iova_t start = 0;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(create_window(16, 1ULL << 40, 0, &start), IOMMU_ENODEV);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(16, 1ULL << 40, 1, &start), IOMMU_EINVAL); /* tables */
	assert_int_equal(create_window(16, 1ULL << 40, 3, &start), 0);
	assert_int_equal(start, HIGH);
	assert_int_equal(create_window(16, 1ULL << 40, 0, &start), IOMMU_ENOSPC);
	/* Each in its own pages, at the two ends of both. */
	assert_int_equal(map(0x1000, 0x3000, 0x1000), 0);
	assert_int_equal(map(SIZE32 - 0x1000, 0x7000, 0x1000), 0);
	assert_int_equal(map(HIGH + 0x1000, 0, KIB64), IOMMU_EINVAL);
	assert_int_equal(map(HIGH, 0x1000, KIB64), IOMMU_EINVAL);
	assert_int_equal(map(HIGH, 0x1000, 0x1000), IOMMU_EINVAL);
	assert_int_equal(map(HIGH, KIB64, 2 * KIB64), 0);
	assert_int_equal(map(HIGH + (1ULL << 40) - KIB64, 0, KIB64), 0);
	assert_true(leads(0, 1, 0x1010, 0x3010) && leads(0, 1, SIZE32 - 1, 0x7fff));
	assert_true(leads(0, 1, HIGH + 0x12345, 0x22345));
	assert_true(leads(0, 1, HIGH + (1ULL << 40) - 1, KIB64 - 1));
	assert_int_equal(map(HIGH + (1ULL << 40), 0, KIB64), IOMMU_ERANGE);
	assert_int_equal(map(SIZE32 - 0x1000, 0, 0x2000), IOMMU_ERANGE);
	assert_int_equal(map(UINT64_MAX & ~0xfffULL, 0, 0x2000), IOMMU_EOVERFLOW);
	assert_int_equal(map(UINT64_MAX & ~0xfffULL, 0, 0x1000), IOMMU_ERANGE);
	/* Both go and come with the unit. */
	assert_int_equal(iommu_unit_disable(iommu_find_unit(f.iommu, "phb0")), 0);
	assert_true(is_blocked(0, 1, 0x1010) && is_blocked(0, 1, HIGH));
	assert_int_equal(iommu_unit_enable(iommu_find_unit(f.iommu, "phb0")), 0);
	assert_true(leads(0, 1, 0x1010, 0x3010) && leads(0, 1, HIGH + 0x12345, 0x22345));
	/* One goes, the other works on; another takes its place, with other pages. */
	assert_int_equal(iommu_spapr_remove_window(f.container, 0x1000), IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_remove_window(f.container, 0), 0);
	assert_true(is_blocked(0, 1, 0x1010) && leads(0, 1, HIGH + 0x12345, 0x22345));
	assert_int_equal(tve_of(1, 0), 0);
	assert_int_equal(map(0x1000, 0x3000, 0x1000), IOMMU_ERANGE);
	assert_int_equal(unmap(HIGH, KIB64), 0);
	assert_true(is_blocked(0, 1, HIGH) && leads(0, 1, HIGH + KIB64, 2 * KIB64));
	assert_int_equal(create_window(21, 1ULL << 30, 0, &start), 0);
	assert_int_equal(start, 0);
	assert_int_equal(map(0, 0, 1 << 21), 0);
	assert_true(leads(0, 1, 0x1fffff, 0x1fffff) && is_blocked(0, 1, 0x200000));
	assert_int_equal(iommu_spapr_get_info(f.container, &info), 0);
	assert_int_equal(info.windows[0].page_shift, 21);
	assert_int_equal(info.windows[1].page_shift, 16);
	assert_int_equal(info.windows[1].levels, 3);
	assert_int_equal(unregister_memory(0, PAGES << 12), IOMMU_EBUSY);
	assert_int_equal(iommu_spapr_remove_window(f.container, HIGH), 0);
	assert_int_equal(iommu_spapr_remove_window(f.container, 0), 0);
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	leave(file);
	end();
}

static void windows_that_cannot_be_are_refused(void **state)
{
	struct iommu_group_file *file;
	iommu_iova_t start = 7;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(create_window(13, 1ULL << 30, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(0, 1ULL << 30, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(200, 1ULL << 30, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(16, 0, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(16, KIB64, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(16, 3 * KIB64, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(16, 1ULL << 63, 0, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(12, 1ULL << 40, 2, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(16, 1ULL << 36, 6, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(16, 1ULL << 36, UINT32_MAX, &start), IOMMU_EINVAL);
	assert_int_equal(start, 7);
	assert_int_equal(create_window(21, 1ULL << 46, 5, &start), IOMMU_EINVAL);
	assert_int_equal(create_window(21, 1ULL << 46, 2, &start), 0);
	leave(file);
	end();
}

/* What is absent in a window of terabytes is passed over as a whole. */
static void large_windows_take_no_time(void **state)
{
	struct iommu_group_file *file;
	iommu_iova_t start;
	uint64_t unmapped;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	/* 2^34 words are more than 32 bits can count. */
	if (sizeof(size_t) == 8) {
		assert_int_equal(create_window(12, 1ULL << 46, 0, &start), 0);
		assert_int_equal(map(start + (1ULL << 45), 0, 0x1000), 0);
		assert_int_equal(map(start + (1ULL << 46) - 0x1000, 0x1000, 0x1000), 0);
		assert_true(leads(0, 1, start + (1ULL << 46) - 1, 0x1fff));
		assert_int_equal(iommu_container_unmap(f.container, 0, UINT64_MAX, NULL, &unmapped),
				 0);
		assert_int_equal(unmapped, 0x2000);
		assert_true(is_blocked(0, 1, start + (1ULL << 46) - 1));
		assert_true(is_blocked(0, 1, start + (1ULL << 45)));
		assert_int_equal(map(start + (1ULL << 45), 0, 0x1000), 0);
		assert_int_equal(iommu_spapr_remove_window(f.container, start), 0);
	}
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	leave(file);
	end();
}

/* A domain with windows, and without a container. */
static void owners_set_entries_of_a_domain(void **state)
{
	const struct iommu_domain_config config = {.flags = IOMMU_DOMAIN_WINDOWS};
	struct iommu_window_config window = {.number = 1, .page_shift = 16, .size = 1ULL << 32};
	struct iommu_domain *domain, *plain;
	struct iommu_endpoint *endpoint;
	struct iommu_window_limits limits;
	iommu_paddr_t old, paddr;
	unsigned int prot;
	iommu_iova_t start;
	uint64_t host;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	endpoint = add(0, 3);
	host = tve_of(3, 0);
	assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(endpoint), IOMMU_DOMAIN_DMA,
					    &config, &domain),
			 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(endpoint), IOMMU_DOMAIN_PAGING,
					    NULL, &plain),
			 0);
	assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(endpoint), IOMMU_DOMAIN_PAGING,
					    &config, &domain),
			 0);
	assert_int_equal(iommu_window_get_limits(plain, &limits), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_window_open(plain, &window, &start), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_window_close(plain, 1), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_window_confirm(plain, 0, 0, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_map(domain, 0, PLACE, 0x1000, RW), IOMMU_EINVAL);
	assert_int_equal(iommu_group_claim(iommu_endpoint_group(endpoint), &f), 0);
	assert_int_equal(iommu_window_open(domain, &window, &start), 0);
	assert_int_equal(start, HIGH);
	assert_int_equal(iommu_window_open(domain, &window, &start), IOMMU_EBUSY);
	assert_int_equal(iommu_window_close(domain, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_window_close(domain, 2), IOMMU_EINVAL);
	assert_int_equal(iommu_domain_attach_group(domain, iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(tve_of(3, 0), 0);
	assert_true(is_blocked(0, 3, HIGH));
	/* No table yet: it is made for the entry; absent needs none. */
	assert_int_equal(iommu_window_exchange(domain, 1, 9, 0, 0, &old, &prot), 0);
	assert_int_equal(prot, 0);
	assert_int_equal(iommu_window_exchange(domain, 1, 1ULL << 16, PLACE, RW, &old, &prot),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_window_exchange(domain, 1, 0, PLACE + 0x1000, RW, &old, &prot),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_window_exchange(domain, 1, 0, 1ULL << 50, RW, &old, &prot),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_window_exchange(domain, 1, 0, PLACE, 8, &old, &prot), IOMMU_EINVAL);
	assert_int_equal(iommu_window_prepare(domain, 1, 0, 2), 0);
	assert_int_equal(iommu_window_exchange(domain, 1, 1, PLACE, IOMMU_PROT_READ, &old, &prot),
			 0);
	assert_int_equal(prot, 0);
	assert_int_equal(iommu_window_confirm(domain, 1, 1, 1), 0);
	assert_false(access_by(0, 3, HIGH + KIB64 + 5, true, &paddr));
	assert_true(access_by(0, 3, HIGH + KIB64 + 5, false, &paddr) && paddr == PLACE + 5);
	assert_int_equal(iommu_window_exchange(domain, 1, 1, PLACE + KIB64, RW, &old, &prot), 0);
	assert_true(old == PLACE && prot == IOMMU_PROT_READ);
	assert_int_equal(iommu_window_get(domain, 1, 1, &paddr, &prot), 0);
	assert_true(paddr == PLACE + KIB64 && prot == RW);
	assert_int_equal(iommu_window_get(domain, 1, 2, &paddr, &prot), 0);
	assert_int_equal(prot, 0);
	assert_int_equal(iommu_window_get(domain, 1, UINT64_MAX, &paddr, &prot), IOMMU_ERANGE);
	/* The bridge uses what it knows until it is told. */
	assert_true(access_by(0, 3, HIGH + KIB64, false, &paddr) && paddr == PLACE);
	assert_int_equal(iommu_window_confirm(domain, 1, 0, 0), 0);
	assert_true(access_by(0, 3, HIGH + KIB64, true, &paddr) && paddr == PLACE + KIB64);
	assert_int_equal(iommu_window_close(domain, 1), 0);
	assert_true(is_blocked(0, 3, HIGH + KIB64));
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(endpoint)), 0);
	assert_int_equal(iommu_group_release(iommu_endpoint_group(endpoint), &f), 0);
	assert_int_equal(tve_of(3, 0), host);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(plain), 0);
	end();
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void memory_is_registered_by_address(void **state)
{
	struct iommu_backing backing;
	struct iommu_group_file *file;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12);
	assert_int_equal(register_memory(0x10000, 0x10000, RW), 0);
	assert_int_equal(register_memory(0x10000, 0x10000, RW), IOMMU_EEXIST);
	assert_int_equal(register_memory(0x1f000, 0x2000, RW), IOMMU_EEXIST);
	assert_int_equal(register_memory(0, 0x11000, RW), IOMMU_EEXIST);
	assert_int_equal(register_memory(0, 0x800, RW), IOMMU_EINVAL);
	assert_int_equal(register_memory(0, 0, RW), IOMMU_EINVAL);
	assert_int_equal(register_memory(0, 0x1000, 0), IOMMU_EINVAL);
	assert_int_equal(register_memory(0, 0x1000, IOMMU_PROT_WRITE), IOMMU_EINVAL);
	assert_int_equal(register_memory(0, 0x1000, 8), IOMMU_EINVAL);
	assert_int_equal(register_memory(-(USER + 0x1000), 0x2000, RW), IOMMU_EOVERFLOW);
	f.memory.lies = true;
	assert_int_equal(register_memory(0, 0x1000, RW), IOMMU_EFAULT);
	f.memory.lies = false;
	f.memory.fail_after = 2;
	f.memory.failure = IOMMU_ENODEV;
	f.memory.per_call = 4;
	assert_int_equal(register_memory(0, 0x8000, RW), IOMMU_ENODEV);
	assert_int_equal(f.memory.pins, 16);
	f.memory.fail_after = 0;
	assert_int_equal(register_memory(0, 0x8000, IOMMU_PROT_READ), 0);
	f.memory.is_mmio = true;
	assert_int_equal(register_memory(0x30000, 0x1000, RW), IOMMU_EINVAL);
	f.memory.is_mmio = false;
	assert_int_equal(unregister_memory(0x10000, 0x8000), IOMMU_ENOENT);
	assert_int_equal(unregister_memory(0x11000, 0xf000), IOMMU_ENOENT);
	assert_int_equal(unregister_memory(0x10000, 0), IOMMU_ENOENT);
	assert_int_equal(unregister_memory(0x40000, 0x1000), IOMMU_ENOENT);
	file = join(0, 1);
	/* Over two pieces only where both are there; for reading what is for reading. */
	assert_int_equal(map(0, 0xf000, 0x2000), IOMMU_ENOENT);
	assert_int_equal(map(0, 0x7000, 0x1000), IOMMU_EPERM);
	assert_int_equal(register_memory(0x8000, 0x8000, RW), 0);
	assert_int_equal(map(0x3000, 0xf000, 0x2000), 0);
	assert_true(leads(0, 1, 0x3000, 0xf000) && leads(0, 1, 0x4000, 0x10000));
	backing = test_memory_at(&f.memory, 0x7000);
	assert_int_equal(iommu_container_map(f.container, 0, 0x1000, 0, &backing), IOMMU_EINVAL);
	assert_int_equal(iommu_container_map(f.container, 0, 0, RW, &backing), IOMMU_EINVAL);
	assert_int_equal(iommu_container_map(f.container, 0, 0x1000, IOMMU_PROT_READ, &backing), 0);
	assert_false(leads(0, 1, 0, 0x7000));
	/* Another's memory at the same address is not it. */
	backing.ctx = &f;
	assert_int_equal(iommu_container_map(f.container, 0, 0x1000, IOMMU_PROT_READ, &backing),
			 IOMMU_ENOENT);
	assert_int_equal(unregister_memory(0x8000, 0x8000), IOMMU_EBUSY);
	assert_int_equal(unregister_memory(0x10000, 0x10000), IOMMU_EBUSY);
	/* Replaced, it is let go of. */
	assert_int_equal(map(0x3000, 0x11000, 0x1000), 0);
	assert_true(leads(0, 1, 0x3000, 0x11000));
	assert_int_equal(unregister_memory(0x8000, 0x8000), 0);
	assert_int_equal(unmap(0x3000, 0x2000), 0);
	assert_int_equal(unregister_memory(0x10000, 0x10000), 0);
	leave(file);
	/* What is still registered goes with the container. */
	assert_int_equal(f.memory.pins, 8);
	end();
}

static void pages_are_contiguous_or_refused(void **state)
{
	struct iommu_group_file *file;
	iommu_iova_t start;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_BLOCKS, 1ULL << 12);
	file = join(0, 1);
	f.memory.per_call = 3;
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(21, 1ULL << 32, 0, &start), 0);
	assert_int_equal(map(start, 0, 4 << 21), 0);
	assert_true(leads(0, 1, start + 0x2abcde, 0x2abcde));
	leave(file);
	end();
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(16, 1ULL << 32, 0, &start), 0);
	assert_int_equal(map(start, 0, KIB64), IOMMU_EFAULT);
	assert_true(is_blocked(0, 1, start));
	leave(file);
	end();
	/* Beyond page 504 it is contiguous, in pages that begin together from 512 on. */
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_TAIL, 1ULL << 12);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(16, 1ULL << 32, 0, &start), 0);
	assert_int_equal(map(start, 511 << 12, KIB64), IOMMU_EINVAL);
	assert_int_equal(map(start, 496 << 12, 2 * KIB64), IOMMU_EFAULT);
	assert_int_equal(map(start, 512 << 12, 4 * KIB64), 0);
	assert_true(leads(0, 1, start + 0x23456, (512 << 12) + 0x23456));
	leave(file);
	end();
	/* Up to page 512 it is: what begins before that and ends behind it is not mapped at all. */
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_HEAD, 1ULL << 12);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(16, 1ULL << 32, 0, &start), 0);
	assert_int_equal(map(start, 480 << 12, 3 * KIB64), IOMMU_EFAULT);
	assert_true(is_blocked(0, 1, start) && is_blocked(0, 1, start + 2 * KIB64));
	assert_int_equal(map(start, 480 << 12, 2 * KIB64), 0);
	assert_true(leads(0, 1, start + KIB64 + 5, (496 << 12) + 5));
	leave(file);
	end();
}

static void limits_of_containers_hold(void **state)
{
	const struct iommu_file_limits limits = {.pinned_pages = 64, .metadata_bytes = 1 << 20};
	struct iommu_group_file *file;
	struct iommu_file_stats stats;
	iommu_iova_t start;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(iommu_container_destroy(f.container), 0);
	assert_int_equal(
		iommu_container_create_with(f.iommu, &limits, IOMMU_CONTAINER_TCE_V2, &f.container),
		0);
	assert_int_equal(register_memory(0, 65 << 12, RW), IOMMU_ENOMEM);
	assert_int_equal(f.memory.pins, 0);
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, 0);
	/* Nor is anything left of what the memory did not pin after all. */
	f.memory.fail_after = 1;
	assert_int_equal(register_memory(0, 4 << 12, RW), IOMMU_EFAULT);
	f.memory.lies = true;
	assert_int_equal(register_memory(0, 4 << 12, RW), IOMMU_EFAULT);
	f.memory.lies = false;
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, 0);
	assert_int_equal(register_memory(0, 64 << 12, RW), 0);
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, 64);
	/* The words of the default window are more than is allowed: the group stays outside. */
	file = open_group(0, 1);
	assert_int_equal(iommu_group_file_set_container(file, f.container), IOMMU_ENOMEM);
	leave(file);
	assert_int_equal(unregister_memory(0, 64 << 12), 0);
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, 0);
	assert_int_equal(stats.metadata_bytes, 0);
	assert_int_equal(create_window(16, 1ULL << 32, 0, &start), IOMMU_ENODEV);
	end();
}

/* --- Version 1 -------------------------------------------------------------------------------- */

static void version_1_pins_what_is_mapped(void **state)
{
	struct iommu_group_file *file, *other;
	struct iommu_spapr_info info;
	struct iommu_backing backing;
	struct iommu_file_stats stats;
	iommu_iova_t start;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V1, MEMORY_SCATTERED, 1ULL << 12);
	assert_int_equal(iommu_spapr_enable(f.container), IOMMU_ENODEV);
	file = join(0, 1);
	other = open_group(0, 2);
	assert_int_equal(iommu_group_file_set_container(other, f.container), IOMMU_EBUSY);
	leave(other);
	assert_int_equal(iommu_spapr_get_info(f.container, &info), 0);
	assert_int_equal(info.windows_max, 0);
	assert_int_equal(info.page_sizes, 1 << 12);
	assert_int_equal(info.windows[0].size, SIZE32);
	assert_int_equal(create_window(16, 1ULL << 32, 0, &start), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_spapr_remove_window(f.container, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(register_memory(0, 0x1000, RW), IOMMU_EOPNOTSUPP);
	assert_int_equal(unregister_memory(0, 0x1000), IOMMU_EOPNOTSUPP);
	assert_int_equal(map(0x5000, 0, 0x1000), IOMMU_EPERM);
	assert_int_equal(iommu_spapr_enable(f.container), 0);
	assert_int_equal(iommu_spapr_enable(f.container), IOMMU_EBUSY);
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, SIZE32 >> 12);
	assert_int_equal(map(0x5000, 0x1000, 0x3000), 0);
	assert_int_equal(f.memory.pins, 3);
	assert_true(leads(0, 1, 0x5000, 0x1000) && leads(0, 1, 0x7fff, 0x3fff));
	assert_int_equal(iommu_spapr_disable(f.container), IOMMU_EBUSY);
	/* Replaced one by one: pinned until the last of its entries is gone. */
	assert_int_equal(map(0x5000, 0x8000, 0x1000), 0);
	assert_int_equal(map(0x6000, 0x9000, 0x1000), 0);
	assert_int_equal(f.memory.pins, 5);
	assert_int_equal(unmap(0x7000, 0x1000), 0);
	assert_int_equal(f.memory.pins, 2);
	assert_true(leads(0, 1, 0x5000, 0x8000) && is_blocked(0, 1, 0x7000));
	backing = test_memory_at(&f.memory, 0x20000);
	f.memory.lies = true;
	assert_int_equal(iommu_container_map(f.container, 0, 0x1000, RW, &backing), IOMMU_EFAULT);
	f.memory.lies = false;
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(f.memory.pins, 0);
	assert_int_equal(iommu_spapr_disable(f.container), 0);
	assert_int_equal(iommu_spapr_disable(f.container), 0);
	assert_int_equal(map(0x5000, 0, 0x1000), IOMMU_EPERM);
	assert_int_equal(iommu_spapr_enable(f.container), 0);
	assert_int_equal(map(0x5000, 0x1000, 0x3000), 0);
	leave(file);
	assert_int_equal(f.memory.pins, 0);
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, 0);
	end();
}

static void version_1_pins_no_more_than_its_window(void **state)
{
	const struct iommu_file_limits limits = {.pinned_pages = (SIZE32 >> 12) - 1};
	struct iommu_group_file *file;
	struct iommu_file_stats stats;
	uint64_t i;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V1);
	test_memory_destroy(&f.memory);
	test_memory_init(&f.memory, MEMORY_WHOLE, USER, (SIZE32 >> 12) + 1, PLACE);
	file = join(0, 1);
	assert_int_equal(iommu_spapr_enable(f.container), 0);
	/* Each map leaves one entry of the one before, which keeps all of that pinned. */
	for (i = 0; i < 4; i++)
		assert_int_equal(map(i * 0x1000, i * (SIZE32 / 4), SIZE32 / 4), 0);
	assert_int_equal(f.memory.pins, SIZE32 >> 12);
	assert_int_equal(map(0x100000, SIZE32, 0x1000), IOMMU_ENOMEM);
	assert_int_equal(unmap(0, 0x1000), 0);
	assert_int_equal(map(0x100000, SIZE32, 0x1000), 0);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	leave(file);
	end();
	begin(IOMMU_CONTAINER_TCE_V1);
	assert_int_equal(iommu_container_destroy(f.container), 0);
	assert_int_equal(
		iommu_container_create_with(f.iommu, &limits, IOMMU_CONTAINER_TCE_V1, &f.container),
		0);
	file = join(0, 1);
	assert_int_equal(iommu_spapr_enable(f.container), IOMMU_ENOMEM);
	iommu_file_get_stats(iommu_container_file(f.container), &stats);
	assert_int_equal(stats.pinned_pages, 0);
	leave(file);
	end();
}

/* --- Groups ----------------------------------------------------------------------------------- */

static void groups_share_windows_and_entries(void **state)
{
	struct iommu_group_file *one, *same, *far;
	struct iommu_spapr_info info;
	iommu_iova_t start;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_WHOLE, 1ULL << 12 | 1ULL << 16);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	one = join(0, 1);
	assert_int_equal(map(0x5000, 0x1000, 0x1000), 0);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_int_equal(map(start + 5 * KIB64, KIB64, KIB64), 0);
	same = join(0, 2);
	assert_true(leads(0, 2, 0x5000, 0x1000) && leads(0, 2, start + 5 * KIB64, KIB64));
	far = join(1, 1);
	assert_true(leads(1, 1, 0x5000, 0x1000) && leads(1, 1, start + 5 * KIB64, KIB64));
	assert_true(is_blocked(1, 1, 0x6000) && is_blocked(1, 2, 0x5000));
	assert_int_equal(iommu_spapr_get_info(f.container, &info), 0);
	assert_int_equal(info.page_sizes, 1ULL << 12 | 1ULL << 16);
	assert_int_equal(map(0x6000, 0x2000, 0x1000), 0);
	assert_true(leads(0, 1, 0x6000, 0x2000) && leads(0, 2, 0x6000, 0x2000) &&
		    leads(1, 1, 0x6000, 0x2000));
	leave(one);
	assert_true(is_blocked(0, 1, 0x6000) && leads(0, 2, 0x6000, 0x2000));
	leave(same);
	assert_true(leads(1, 1, 0x6000, 0x2000));
	assert_int_equal(unmap(0x6000, 0x1000), 0);
	assert_true(is_blocked(1, 1, 0x6000) && leads(1, 1, 0x5000, 0x1000));
	assert_int_equal(unregister_memory(0, PAGES << 12), IOMMU_EBUSY);
	assert_int_equal(iommu_container_destroy(f.container), IOMMU_EBUSY);
	leave(far);
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	/* A unit that lacks the pages of a window that is there. */
	one = open_group(0, 4);
	assert_int_equal(iommu_group_file_set_container(one, f.container), 0);
	assert_int_equal(create_window(large_shift(), 1ULL << 36, 0, &start), 0);
	far = open_group(1, 5);
	assert_int_equal(iommu_group_file_set_container(far, f.container), IOMMU_EINVAL);
	assert_true(is_blocked(1, 5, 0x5000));
	leave(far);
	leave(one);
	end();
}

static void containers_of_other_kinds_are_told_apart(void **state)
{
	struct iommu_container_info info;
	struct iommu_iova_bounds range;
	struct iommu_container *plain;
	struct iommu_spapr_info facts;
	struct iommu_endpoint *other;
	struct iommu_group_file *file;
	unsigned int count;
	uint32_t ioas;
	iommu_iova_t start;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(iommu_container_create_with(f.iommu, NULL,
						     IOMMU_CONTAINER_TCE_V2 | IOMMU_CONTAINER_CUTS,
						     &plain),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_container_create(f.iommu, NULL, &plain), 0);
	assert_int_equal(iommu_spapr_get_info(plain, &facts), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_spapr_enable(plain), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_spapr_remove_window(plain, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_container_destroy(plain), 0);
	assert_int_equal(iommu_spapr_enable(f.container), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_spapr_disable(f.container), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_container_get_info(f.container, &info, &range, 1, &count),
			 IOMMU_ENODEV);
	assert_int_equal(info.flags, IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(iommu_container_set_dirty(f.container, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_container_revoke(f.container, &f), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_container_restore(f.container, &f), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_container_unmap_vaddr(f.container, 0, 0x1000, NULL), IOMMU_ENODEV);
	assert_int_equal(iommu_container_get_ioas(f.container, &ioas), IOMMU_ENODEV);
	assert_int_equal(iommu_container_clear_ioas(f.container), IOMMU_EOPNOTSUPP);
	file = join(0, 1);
	assert_int_equal(iommu_container_unmap(f.container, 0, 0, NULL, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap(f.container, 0x800, 0x1000, NULL, NULL),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap(f.container, 0x1000, UINT64_MAX, NULL, NULL),
			 IOMMU_EOVERFLOW);
	assert_int_not_equal(iommu_container_unmap(f.container, 0x1000, -0x1000ULL, NULL, NULL),
			     IOMMU_EOVERFLOW);
	assert_int_equal(iommu_container_unmap(f.container, HIGH, 0x1000, NULL, NULL),
			 IOMMU_ERANGE);
	assert_int_equal(iommu_container_unmap(f.container, 0, 0x1000,
					       &(struct iommu_dirty_bitmap){0}, NULL),
			 IOMMU_EOPNOTSUPP);
	/* The device is the container's: it is not led elsewhere through the container's file. */
	assert_int_equal(iommu_ioas_alloc(iommu_container_file(f.container), 0, &ioas), 0);
	assert_int_equal(iommu_device_attach(iommu_container_file(f.container), 1, IOMMU_NO_PASID,
					     ioas, NULL),
			 IOMMU_EBUSY);
	assert_int_equal(iommu_object_destroy(iommu_container_file(f.container), ioas), 0);
	assert_int_equal(iommu_device_unbind(iommu_container_file(f.container), 1), IOMMU_EBUSY);
	/* Nor is another member of its group, nor is the group taken with that. */
	assert_int_equal(iommu_probe_endpoint(f.iommu,
					      &(struct iommu_endpoint_info){.segment = SEGMENT,
									    .source_id = 0x101},
					      &other),
			 0);
	assert_int_equal(iommu_device_bind(iommu_container_file(f.container), other, &ioas), 0);
	assert_int_equal(iommu_device_unbind(iommu_container_file(f.container), ioas), IOMMU_EBUSY);
	assert_int_equal(iommu_device_unbind(iommu_container_file(f.container), 1), IOMMU_EBUSY);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	leave(file);
	assert_int_equal(iommu_device_unbind(iommu_container_file(f.container), ioas), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	end();
}

/* --- Bridges and firmware that fail ----------------------------------------------------------- */

static void what_is_not_confirmed_stays_registered(void **state)
{
	struct iommu_group_file *file;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, 0x10000, RW), 0);
	assert_int_equal(register_memory(0x10000, 0x10000, RW), 0);
	assert_int_equal(map(0x5000, 0x1000, 0x1000), 0);
	assert_true(leads(0, 1, 0x5000, 0x1000));
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(unmap(0x5000, 0x1000), IOMMU_ETIMEDOUT);
	assert_true(leads(0, 1, 0x5000, 0x1000)); /* what the bridge knows */
	assert_int_equal(unregister_memory(0, 0x10000), IOMMU_ETIMEDOUT);
	assert_int_equal(f.memory.pins, 32);
	BEHAVE();
	assert_int_equal(unregister_memory(0, 0x10000), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	/* A map that is not confirmed is taken away. */
	assert_int_equal(map(0x5000, 0x11000, 0x1000), 0);
	assert_true(leads(0, 1, 0x5000, 0x11000));
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(map(0x5000, 0x12000, 0x2000), IOMMU_ETIMEDOUT);
	assert_int_equal(unregister_memory(0x10000, 0x10000), IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_int_equal(unregister_memory(0x10000, 0x10000), 0);
	assert_true(is_blocked(0, 1, 0x5000) && is_blocked(0, 1, 0x6000));
	leave(file);
	end();
}

static void version_1_unpins_what_is_confirmed(void **state)
{
	struct iommu_group_file *file;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V1);
	file = join(0, 1);
	assert_int_equal(iommu_spapr_enable(f.container), 0);
	assert_int_equal(map(0x5000, 0x1000, 0x1000), 0);
	assert_true(leads(0, 1, 0x5000, 0x1000));
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(unmap(0x5000, 0x1000), IOMMU_ETIMEDOUT);
	assert_int_equal(map(0x6000, 0x2000, 0x1000), IOMMU_ETIMEDOUT);
	assert_int_equal(f.memory.pins, 1);
	BEHAVE();
	assert_int_equal(map(0x6000, 0x2000, 0x1000), 0);
	assert_int_equal(f.memory.pins, 1);
	assert_true(is_blocked(0, 1, 0x5000) && leads(0, 1, 0x6000, 0x2000));
	leave(file);
	end();
}

/*
 * The first bridge opens a window, the second does not, and the first does not close it again: the
 * next attempt begins with that.
 */
static void what_could_not_be_closed_is_closed_by_the_next(void **state)
{
	struct iommu_group_file *file, *far;
	iommu_iova_t start = 0;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	far = join(1, 1);
	f.refuse_at = 4;
	f.refusals = 1;
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), IOMMU_EIO);
	assert_int_equal(f.refusals, 0);
	/* It stays so as long as the bridge does. */
	assert_int_not_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_true(is_blocked(0, 1, HIGH) && is_blocked(1, 1, HIGH));
	BEHAVE();
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(map(start, 0, KIB64), 0);
	assert_true(leads(0, 1, start, 0) && leads(1, 1, start, 0));
	leave(far);
	leave(file);
	end();
}

static void windows_that_are_not_confirmed(void **state)
{
	struct iommu_group_file *file, *far;
	iommu_iova_t start = 0;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	far = join(1, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(map(0x5000, 0x1000, 0x1000), 0);
	/* Firmware of the second bridge refuses: the first one's is closed again. */
	f.refuse_at = 4;
	f.refusals = 1;
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), IOMMU_EIO);
	f.refuse_at = 0;
	assert_true(leads(0, 1, 0x5000, 0x1000) && leads(1, 1, 0x5000, 0x1000));
	assert_int_equal(tve_of(1, 1), 0);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_int_equal(map(start, 0, KIB64), 0);
	/* A window that does not close is not live any more, and not gone. */
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(iommu_spapr_remove_window(f.container, start), IOMMU_EIO);
	assert_int_equal(map(start, 0, KIB64), IOMMU_ERANGE);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), IOMMU_ENOSPC);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(unregister_memory(0, PAGES << 12), IOMMU_EBUSY);
	BEHAVE();
	assert_int_equal(iommu_spapr_remove_window(f.container, start), 0);
	assert_true(is_blocked(0, 1, start) && is_blocked(1, 1, start));
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	/* Neither opened nor closed again: the table stays until that is settled. */
	assert_int_equal(iommu_spapr_remove_window(f.container, start), 0);
	MISBEHAVE(.kills_hang = true, .refuse_close = true);
	assert_int_not_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_true(tve_of(1, 1) != 0 && is_blocked(0, 1, HIGH + (1ULL << 35)));
	assert_int_not_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_true(is_blocked(0, 1, HIGH));
	BEHAVE();
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	leave(far);
	MISBEHAVE(.kills_hang = true);
	assert_int_not_equal(iommu_group_file_close(file), 0);
	BEHAVE();
	leave(file);
	end();
}

/* A group that can neither come nor go is in the container, and brings no unit for windows. */
static void a_group_that_is_stuck_brings_no_windows(void **state)
{
	struct iommu_group_file *file;
	struct iommu_spapr_info info;
	iommu_iova_t start = 7;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	file = open_group(0, 1);
	f.refuse_at = 3;
	f.refusals = 8;
	assert_int_equal(iommu_group_file_set_container(file, f.container), IOMMU_EIO);
	f.refuse_at = 0;
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), IOMMU_ENODEV);
	assert_int_equal(start, 7);
	assert_int_equal(iommu_spapr_get_info(f.container, &info), IOMMU_ENODEV);
	assert_int_equal(map(0x3000, 0, 0x1000), IOMMU_ERANGE);
	assert_int_equal(iommu_group_file_set_container(file, f.container), 0);
	assert_int_equal(create_window(16, 1ULL << 36, 0, &start), 0);
	assert_int_equal(start, HIGH);
	assert_int_equal(map(0x3000, 0, 0x1000), 0);
	assert_true(leads(0, 1, 0x3000, 0) && is_blocked(0, 1, HIGH + 0x3000));
	leave(file);
	end();
}

/* Each call of firmware fails once: what was asked for is done, or nothing is. */
static void each_call_of_firmware_fails(void **state)
{
	unsigned int n;
	bool has_failed = true;

	(void)state;
	for (n = 1; has_failed; n++) {
		struct iommu_group_file *file;
		iommu_iova_t start = 0;

		begin(IOMMU_CONTAINER_TCE_V2);
		assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
		file = open_group(0, 1);
		f.refuse_at = n;
		f.refusals = 1;
		while (iommu_group_file_set_container(file, f.container) != 0)
			assert_true(is_blocked(0, 1, 0x5000));
		while (create_window(16, 1ULL << 36, 0, &start) != 0)
			assert_true(is_blocked(0, 1, HIGH));
		while (map(start, 0, KIB64) != 0)
			;
		assert_true(leads(0, 1, start, 0));
		while (map(start, KIB64, KIB64) != 0)
			;
		assert_true(leads(0, 1, start, KIB64));
		while (iommu_spapr_remove_window(f.container, start) != 0)
			;
		assert_true(is_blocked(0, 1, start));
		while (map(0x5000, 0, 0x1000) != 0)
			;
		assert_true(leads(0, 1, 0x5000, 0));
		while (iommu_group_file_close(file) != 0)
			;
		assert_true(is_blocked(0, 1, 0x5000));
		has_failed = f.refuse_at == 0;
		f.refuse_at = 0;
		assert_int_equal(unregister_memory(0, PAGES << 12), 0);
		assert_int_equal(f.memory.pins, 0);
		end();
	}
	assert_true(n > 12);
}

/* --- Guests ----------------------------------------------------------------------------------- */

#define LIOBN 0x80000001

static struct {
	struct iommu_spapr_guest *guest;
	uint64_t list[512]; /* at guest's address LIST */
	uint64_t pieces;    /* entries of the table that lead to PIECES pieces of memory */
	uint64_t change_at; /* the n-th read from now finds another list; 0: none */
	uint64_t changed;
} g;

#define LIST 0x3000ULL

static bool read_guest(void *ctx, uint64_t guest_address, uint64_t *bytes)
{
	assert_ptr_equal(ctx, &g);
	test_contract_no_lock(f.test.platform.ctx, "read");
	if (guest_address < LIST || guest_address >= LIST + sizeof(g.list))
		return false;
	if (g.change_at != 0 && --g.change_at == 0)
		g.list[(guest_address - LIST) / 8] = g.changed;
	*bytes = g.list[(guest_address - LIST) / 8];
	return true;
}

static int64_t hypercall(uint64_t opcode, uint64_t address, uint64_t third, uint64_t fourth)
{
	uint64_t unused;

	return iommu_spapr_guest_hypercall(g.guest, opcode, LIOBN, address, third, fourth, &unused);
}

static int64_t put(uint64_t address, uint64_t tce)
{
	return hypercall(IOMMU_H_PUT_TCE, address, tce, 0);
}

static uint64_t get(uint64_t address)
{
	uint64_t tce = ~0ULL;

	assert_int_equal(
		iommu_spapr_guest_hypercall(g.guest, IOMMU_H_GET_TCE, LIOBN, address, 0, 0, &tce),
		IOMMU_H_SUCCESS);
	return tce;
}

/* A guest with all of the memory, from its address 0 on, and one table. */
static void begin_guest(iommu_iova_t address, unsigned int page_shift, uint64_t pages)
{
	const struct iommu_spapr_guest_config config = {.read = read_guest, .ctx = &g};
	const struct iommu_spapr_table table = {
		.liobn = LIOBN, .address = address, .page_shift = page_shift, .pages = pages};

	memset(&g, 0, sizeof(g));
	assert_int_equal(iommu_spapr_guest_create(f.iommu, &config, &g.guest), 0);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, 0, PAGES << 12, USER), 0);
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), 0);
}

static void end_guest(void)
{
	assert_int_equal(iommu_spapr_guest_destroy(g.guest), 0);
}

static int attach_window(iommu_iova_t start)
{
	return iommu_spapr_guest_attach_window(g.guest, LIOBN, f.container, start);
}

static void a_guest_sets_its_entries(void **state)
{
	struct iommu_group_file *file;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	begin_guest(0, 12, SIZE32 >> 12);
	assert_int_equal(attach_window(0), 0);
	assert_int_equal(attach_window(0), IOMMU_EEXIST);
	assert_int_equal(iommu_container_destroy(f.container), IOMMU_EBUSY);
	assert_int_equal(put(0x5000, 0x1000 | 3), 0);
	assert_true(leads(0, 1, 0x5123, 0x1123));
	assert_int_equal(get(0x5000), 0x1003);
	assert_int_equal(put(0x5fff, 0x2000 | 1), 0);
	assert_false(leads(0, 1, 0x5000, 0x2000));
	assert_int_equal(put(0x5000, 0x3000 | 2), 0);
	assert_true(leads(0, 1, 0x5000, 0x3000));
	/* Without permissions: absent, and read back as it was put. */
	assert_int_equal(put(0x5000, 0x1230), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(get(0x5000), 0x1230);
	assert_int_equal(put(0x5000, 0), 0);
	assert_int_equal(get(0x5000), 0);
	/* Many. */
	for (unsigned int i = 0; i < 512; i++)
		g.list[i] = iommu_be64((uint64_t)(i + 3) << 12 | 3);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST, 512), 0);
	assert_true(leads(0, 1, 0x10000, 0x3000) && leads(0, 1, 0x20fff, 0x13fff + 0));
	assert_true(leads(0, 1, 0x10000 + (511 << 12), (511 + 3) << 12));
	assert_true(is_blocked(0, 1, 0x10000 + (512 << 12)) && is_blocked(0, 1, 0xf000));
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0x11000, 0x7003, 100), 0);
	assert_true(leads(0, 1, 0x11000, 0x7000) && leads(0, 1, 0x11000 + (99 << 12), 0x7000));
	assert_true(leads(0, 1, 0x10000, 0x3000));
	assert_int_equal(unregister_memory(0, PAGES << 12), IOMMU_EBUSY);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0, 0, SIZE32 >> 12), 0);
	assert_true(is_blocked(0, 1, 0x10000) && is_blocked(0, 1, 0x11000));
	assert_int_equal(get(0x10000), 0);
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	assert_int_equal(put(0x5000, 0x1003), IOMMU_H_PARAMETER);
	end_guest();
	leave(file);
	end();
}

static void what_a_guest_says_is_hostile(void **state)
{
	struct iommu_group_file *file;
	uint64_t result = 0;
	unsigned int i;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, 0x10000, RW), 0);
	assert_int_equal(register_memory(0x10000, 0x10000, IOMMU_PROT_READ), 0);
	begin_guest(0x10000, 12, 16);
	assert_int_equal(attach_window(0), 0);
	assert_int_equal(put(0xf000, 0x1003), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x20000, 0x1003), IOMMU_H_PARAMETER);
	assert_int_equal(put(UINT64_MAX, 0x1003), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x10000, 0x1803), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x10000, 0x1007), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x10000, (PAGES << 12) | 3), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x10000, 0x20003), IOMMU_H_PARAMETER); /* not registered */
	assert_int_equal(put(0x10000, UINT64_MAX), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x10000, 0xfffffffffffff003), IOMMU_H_PARAMETER);
	assert_int_equal(put(0x10000, 0x10003), IOMMU_H_PARAMETER); /* for reading */
	assert_int_equal(put(0x10000, 0x10001), 0);
	assert_int_equal(put(0x10000, 0), 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0x10000, 0, 17), IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0x1f000, 0, 2), IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0x11000, 0, UINT64_MAX), IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0x11000, 0x1003, 0), 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0x10000, 0x99003, 16), IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST + 8, 1),
			 IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST, 17), IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST, UINT64_MAX),
			 IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, 0x9000, 1),
			 IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST, 0), 0);
	assert_int_equal(hypercall(0x24, 0x10000, 0, 0), IOMMU_H_FUNCTION);
	assert_int_equal(iommu_spapr_guest_hypercall(g.guest, IOMMU_H_PUT_TCE, LIOBN + 1, 0x10000,
						     0x1003, 0, &result),
			 IOMMU_H_PARAMETER);
	assert_int_equal(iommu_spapr_guest_hypercall(g.guest, IOMMU_H_PUT_TCE, LIOBN | 1ULL << 32,
						     0x10000, 0x1003, 0, &result),
			 IOMMU_H_PARAMETER);
	/* A mistake in the middle of a list changes nothing … */
	for (i = 0; i < 16; i++)
		g.list[i] = iommu_be64((uint64_t)i << 12 | 3);
	g.list[9] = iommu_be64(0x99003);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST, 16), IOMMU_H_PARAMETER);
	for (i = 0; i < 16; i++)
		assert_true(is_blocked(0, 1, 0x10000 + (i << 12)) && get(0x10000 + (i << 12)) == 0);
	/* … unless it comes between two looks: then what is before it is set, and says so. */
	g.list[9] = iommu_be64(0x9003);
	g.change_at = 16 + 10;
	g.changed = iommu_be64(0x99003);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0x10000, LIST, 16), IOMMU_H_PARAMETER);
	for (i = 0; i < 16; i++) {
		assert_int_equal(get(0x10000 + (i << 12)), i < 9 ? i << 12 | 3 : 0);
		assert_true(i < 9 ? leads(0, 1, 0x10000 + (i << 12), i << 12)
				  : is_blocked(0, 1, 0x10000 + (i << 12)));
	}
	end_guest();
	leave(file);
	end();
}

static void pages_of_a_table_are_many_of_a_window(void **state)
{
	struct iommu_group_file *file, *far;
	iommu_iova_t start;
	unsigned int i;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12 | 1ULL << 16);
	file = join(0, 1);
	far = join(1, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(12, 1ULL << 32, 0, &start), 0);
	begin_guest(HIGH + KIB64, 16, 1024);
	assert_int_equal(attach_window(0), IOMMU_EINVAL);
	assert_int_equal(attach_window(0x1000), IOMMU_ENOENT);
	assert_int_equal(attach_window(start), 0);
	assert_int_equal(put(HIGH + KIB64, 2 * KIB64 | 3), 0);
	for (i = 0; i < 16; i++)
		assert_true(leads(0, 1, HIGH + KIB64 + (i << 12), 2 * KIB64 + (i << 12)) &&
			    leads(1, 1, HIGH + KIB64 + (i << 12), 2 * KIB64 + (i << 12)));
	assert_true(is_blocked(0, 1, HIGH) && is_blocked(0, 1, HIGH + 2 * KIB64));
	assert_int_equal(put(HIGH + KIB64, KIB64 + 0x1003), IOMMU_H_PARAMETER);
	/* The last page of the guest's memory, and one that is half beyond it. */
	assert_int_equal(put(HIGH + 2 * KIB64, ((PAGES << 12) - KIB64) | 3), 0);
	assert_int_equal(put(HIGH + 2 * KIB64, (PAGES << 12) | 3), IOMMU_H_PARAMETER);
	assert_true(leads(0, 1, HIGH + 2 * KIB64, (PAGES << 12) - KIB64));
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, HIGH + KIB64, 0, 1024), 0);
	for (i = 0; i < 32; i++)
		assert_true(is_blocked(0, 1, HIGH + KIB64 + (i << 12)));
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	end_guest();
	leave(far);
	leave(file);
	end();
}

#define PIECES 16ULL /* of memory: more than a call replaces without telling hardware */

static void clear_pieces(void)
{
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, HIGH, 0, g.pieces), IOMMU_H_SUCCESS);
}

static void put_page(void)
{
	assert_int_equal(put(HIGH, KIB64 | 3), IOMMU_H_SUCCESS);
}

/* Entries that lead to as many pieces of memory, behind those that the guest names. */
static void begin_with_pieces(unsigned int page_shift, struct iommu_group_file **file)
{
	const uint64_t pages = 1ULL << (page_shift - 12);
	iommu_iova_t start;
	uint64_t i;

	begin(IOMMU_CONTAINER_TCE_V2);
	*file = join(0, 1);
	assert_int_equal(register_memory(0, 4 * KIB64, RW), 0);
	assert_int_equal(create_window(12, 1ULL << 32, 0, &start), 0);
	begin_guest(HIGH, page_shift, 1024);
	g.pieces = PIECES / pages;
	assert_int_equal(attach_window(HIGH), 0);
	for (i = 0; i < PIECES; i++) {
		const uint64_t offset = 4 * KIB64 + (i << 12);

		assert_int_equal(register_memory(offset, 0x1000, RW), 0);
		assert_int_equal(map(HIGH + (i << 12), offset, 0x1000), 0);
		g.list[i] = iommu_be64(i << 12 | 3);
	}
}

static void end_with_pieces(struct iommu_group_file *file)
{
	uint64_t i;

	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, HIGH, 0, 1024), 0);
	for (i = 0; i < PIECES; i++)
		assert_int_equal(unregister_memory(4 * KIB64 + (i << 12), 0x1000), 0);
	assert_int_equal(unregister_memory(0, 4 * KIB64), 0);
	end_guest();
	leave(file);
	end();
}

/* Hardware is told in the middle of a call, and another call comes between: the newer stays. */
static void the_newer_of_two_calls_stays(void **state)
{
	struct iommu_group_file *file;
	uint64_t i;

	(void)state;
	begin_with_pieces(12, &file);
	f.meanwhile = clear_pieces;
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, HIGH, LIST, PIECES), 0);
	assert_null(f.meanwhile);
	for (i = 0; i < PIECES; i++)
		assert_int_equal(get(HIGH + (i << 12)) == 0, is_blocked(0, 1, HIGH + (i << 12)));
	end_with_pieces(file);

	/* Entries of which each is many of the window. */
	begin_with_pieces(16, &file);
	f.meanwhile = clear_pieces;
	assert_int_equal(put(HIGH, 2 * KIB64 | 3), IOMMU_H_SUCCESS);
	assert_null(f.meanwhile);
	assert_int_equal(get(HIGH), 0);
	for (i = 0; i < PIECES; i++)
		assert_true(is_blocked(0, 1, HIGH + (i << 12)));
	end_with_pieces(file);

	/* A call that clears, and another that puts. */
	begin_with_pieces(16, &file);
	f.meanwhile = put_page;
	clear_pieces();
	assert_null(f.meanwhile);
	assert_int_equal(get(HIGH), KIB64 | 3);
	for (i = 0; i < PIECES; i++)
		assert_true(leads(0, 1, HIGH + (i << 12), KIB64 + (i << 12)));
	end_with_pieces(file);
}

/* Where the same addresses of the user are for a second container. */
static bool leads_to(const struct test_memory *memory, uint32_t pe, uint64_t address,
		     uint64_t offset)
{
	iommu_paddr_t paddr;

	return access_by(0, pe, address, true, &paddr) &&
	       paddr == test_memory_paddr(memory, offset);
}

static void windows_come_and_go_under_a_table(void **state)
{
	const struct iommu_spapr_window another = {.size = SIZE32, .page_shift = 12};
	struct iommu_container *second;
	struct iommu_group_file *one, *other;
	struct iommu_backing backing;
	struct test_memory twin;
	iommu_iova_t start = 1;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	test_memory_init(&twin, MEMORY_WHOLE, USER, PAGES, 2 * PLACE);
	backing = test_memory_at(&twin, 0);
	one = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	begin_guest(0, 12, 4096);
	/* What was put before is set when a window comes. */
	assert_int_equal(put(0x5000, 0x1003), 0);
	assert_int_equal(put(0x800000, 0x2003), 0);
	assert_int_equal(attach_window(0), 0);
	assert_true(leads(0, 1, 0x5000, 0x1000) && leads(0, 1, 0x800000, 0x2000));
	/* A second container, with less memory: no entry is set in one of them alone. */
	assert_int_equal(
		iommu_container_create_with(f.iommu, NULL, IOMMU_CONTAINER_TCE_V2, &second), 0);
	other = open_group(0, 2);
	assert_int_equal(iommu_group_file_set_container(other, second), 0);
	assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN, second, 0), IOMMU_ENOENT);
	assert_true(is_blocked(0, 2, 0x5000));
	assert_int_equal(iommu_spapr_register_memory(second, &backing, 0x4000, RW), 0);
	assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN, second, 0), 0);
	assert_true(leads_to(&twin, 2, 0x5000, 0x1000) && leads_to(&twin, 2, 0x800000, 0x2000));
	assert_int_equal(put(0x6000, 0x4003), IOMMU_H_PARAMETER);
	assert_true(is_blocked(0, 1, 0x6000) && is_blocked(0, 2, 0x6000) && get(0x6000) == 0);
	assert_int_equal(put(0x5000, 0x4003), IOMMU_H_PARAMETER);
	assert_true(leads(0, 1, 0x5000, 0x1000) && leads_to(&twin, 2, 0x5000, 0x1000));
	assert_int_equal(put(0x5000, 0x3003), 0);
	assert_true(leads(0, 1, 0x5000, 0x3000) && leads_to(&twin, 2, 0x5000, 0x3000));
	/* Detached: cleared, and memory is let go of; the other one works on. */
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, second, 0), 0);
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, second, 0), IOMMU_ENOENT);
	assert_true(is_blocked(0, 2, 0x5000) && leads(0, 1, 0x5000, 0x3000));
	assert_int_equal(iommu_spapr_unregister_memory(second, USER, 0x4000), 0);
	/* A window that is removed is lost; another in its place is not meant. */
	assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN + 1, second, 0),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN, second, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_register_memory(second, &backing, 0x4000, RW), 0);
	assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN, second, 0), 0);
	assert_int_equal(iommu_spapr_remove_window(second, 0), 0);
	assert_int_equal(iommu_spapr_unregister_memory(second, USER, 0x4000), 0);
	assert_int_equal(iommu_spapr_register_memory(second, &backing, 0x4000, RW), 0);
	assert_int_equal(iommu_spapr_add_window(second, &another, &start), 0);
	assert_int_equal(start, 0);
	assert_int_equal(put(0x5000, 0x3003), 0);
	assert_true(is_blocked(0, 2, 0x5000));
	assert_int_equal(put(0x5000, 0x4003), 0);
	assert_int_equal(iommu_container_destroy(second), IOMMU_EBUSY);
	leave(other);
	assert_int_equal(iommu_container_destroy(second), IOMMU_EBUSY);
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, second, 0), 0);
	assert_int_equal(iommu_container_destroy(second), 0);
	/* The table goes with its entries. */
	assert_true(leads(0, 1, 0x5000, 0x4000));
	assert_int_equal(iommu_spapr_guest_remove_table(g.guest, LIOBN), 0);
	assert_int_equal(iommu_spapr_guest_remove_table(g.guest, LIOBN), IOMMU_ENOENT);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	end_guest();
	test_memory_destroy(&twin);
	leave(one);
	end();
}

static void guests_are_described_by_their_manager(void **state)
{
	const struct iommu_spapr_guest_config no_read = {.ctx = &g};
	const struct iommu_spapr_guest_config unknown = {.read = read_guest, .flags = 1};
	struct iommu_spapr_table table = {.liobn = 7, .page_shift = 12, .pages = 4};
	struct iommu_group_file *file;
	struct iommu_spapr_guest *none;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	assert_int_equal(iommu_spapr_guest_create(f.iommu, &no_read, &none), IOMMU_EINVAL);
	assert_int_equal(iommu_spapr_guest_create(f.iommu, &unknown, &none), IOMMU_EOPNOTSUPP);
	begin_guest(0, 12, 16);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, 0x1000, 0x1000, 0), IOMMU_EEXIST);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, 1ULL << 40, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, 1ULL << 40, 0x1000, 0x10),
			 IOMMU_EINVAL);
	assert_int_equal(
		iommu_spapr_guest_add_memory(g.guest, 1ULL << 40, 0x2000, UINT64_MAX & ~0xfffULL),
		IOMMU_EOVERFLOW);
	assert_int_equal(
		iommu_spapr_guest_add_memory(g.guest, 1ULL << 40, 0x1000, UINT64_MAX & ~0xfffULL),
		0);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 1ULL << 40, 0x1000), 0);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, UINT64_MAX & ~0xfffULL, 0x2000, 0),
			 IOMMU_EOVERFLOW);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, UINT64_MAX & ~0xfffULL, 0x1000, 0),
			 0);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, UINT64_MAX & ~0xfffULL, 0x1000),
			 0);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 0, 0x1000), IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 0x1000, UINT64_MAX),
			 IOMMU_ENOENT);
	table.page_shift = 11;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EINVAL);
	table.page_shift = 12;
	table.pages = 0;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EINVAL);
	table.pages = 4;
	table.address = 0x800;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EINVAL);
	table.address = UINT64_MAX & ~0xfffULL;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EOVERFLOW);
	/* Up to the last byte it fits. */
	table.address = UINT64_MAX & ~0x3fffULL;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), 0);
	assert_int_equal(iommu_spapr_guest_remove_table(g.guest, table.liobn), 0);
	table.page_shift = 35;
	table.address = 0;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EINVAL);
	table.page_shift = 12;
	table.liobn = LIOBN;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EEXIST);
	/* Memory that goes from the map is not reached any more, and stays where it was. */
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(attach_window(0), 0);
	assert_int_equal(put(0x5000, 0x1003), 0);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 0, PAGES << 12), 0);
	assert_int_equal(put(0x6000, 0x1003), IOMMU_H_PARAMETER);
	assert_true(leads(0, 1, 0x5000, 0x1000));
	assert_int_equal(put(0x5000, 0), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	end_guest();
	leave(file);
	end();
}

static void hypercalls_that_are_not_confirmed_say_so(void **state)
{
	struct iommu_group_file *file;
	unsigned int i;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, 0x10000, RW), 0);
	assert_int_equal(register_memory(0x10000, 0x10000, RW), 0);
	begin_guest(0, 12, 4096);
	assert_int_equal(attach_window(0), 0);
	assert_int_equal(put(0x5000, 0x1003), 0);
	assert_true(leads(0, 1, 0x5000, 0x1000));
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(put(0x5000, 0x11003), IOMMU_H_HARDWARE);
	assert_int_equal(get(0x5000), 0x11003);
	assert_true(leads(0, 1, 0x5000, 0x1000));
	assert_int_equal(put(0x6000, 0x12003), IOMMU_H_HARDWARE);
	assert_int_equal(unregister_memory(0, 0x10000), IOMMU_ETIMEDOUT);
	BEHAVE();
	/* The next call has everything confirmed. */
	assert_int_equal(put(0x7000, 0x13003), 0);
	assert_true(leads(0, 1, 0x5000, 0x11000) && leads(0, 1, 0x6000, 0x12000));
	assert_int_equal(unregister_memory(0, 0x10000), 0);
	assert_int_equal(unregister_memory(0x10000, 0x10000), IOMMU_EBUSY);
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container, 0),
			 IOMMU_ETIMEDOUT);
	BEHAVE();
	assert_int_equal(unregister_memory(0x10000, 0x10000), 0);
	/* Of more pieces of memory than a call remembers. */
	for (i = 0; i < 64; i++) {
		if (i == 16)
			assert_int_equal(attach_window(0), IOMMU_ENOENT);
		assert_int_equal(register_memory(i << 12, 0x1000, RW), 0);
	}
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0, 0, 4096), 0);
	assert_int_equal(attach_window(0), 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(put(i << 12, i << 12 | 3), 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0, 3, 64), 0);
	assert_true(leads(0, 1, 63 << 12, 0));
	for (i = 1; i < 64; i++)
		assert_int_equal(unregister_memory(i << 12, 0x1000), 0);
	for (i = 0; i < 64; i++)
		assert_int_equal(register_memory(PAGES / 2 * 4096 + (i << 12), 0x1000, RW), 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, 0, 0, 64), 0);
	assert_int_equal(unregister_memory(0, 0x1000), 0);
	end_guest();
	leave(file);
	end();
}

/* Each allocation fails: nothing is lost, and the same goes well afterwards. */
static void every_allocation_fails(void **state)
{
	uint64_t n;
	bool is_through = false;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12 | 1ULL << 16);
	for (n = 1; !is_through; n++) {
		const struct iommu_spapr_guest_config config = {.read = read_guest, .ctx = &g};
		const struct iommu_spapr_table table = {
			.liobn = LIOBN, .address = HIGH, .page_shift = 12, .pages = 1 << 20};
		struct iommu_group_file *one, *far;
		struct iommu_container *container = NULL;
		struct iommu_backing backing = test_memory_at(&f.memory, 0);
		struct iommu_spapr_window window = {.size = 1ULL << 36, .page_shift = 12};
		iommu_iova_t start;
		int64_t code = 0;
		int status;

		memset(&g, 0, sizeof(g));
		one = open_group(0, 1);
		far = open_group(1, 1);
		f.test.fail_after = f.test.allocations + n;
		status = iommu_container_create_with(f.iommu, NULL, IOMMU_CONTAINER_TCE_V2,
						     &container);
		if (status == 0)
			status = iommu_group_file_set_container(one, container);
		if (status == 0)
			status = iommu_spapr_register_memory(container, &backing, PAGES << 12, RW);
		if (status == 0)
			status = iommu_spapr_add_window(container, &window, &start);
		if (status == 0)
			status = iommu_container_map(container, 0x5000, 0x2000, RW, &backing);
		if (status == 0)
			status = iommu_group_file_set_container(far, container);
		if (status == 0)
			status = iommu_spapr_guest_create(f.iommu, &config, &g.guest);
		if (status == 0)
			status = iommu_spapr_guest_add_memory(g.guest, 0, PAGES << 12, USER);
		if (status == 0)
			status = iommu_spapr_guest_add_table(g.guest, &table);
		if (status == 0)
			code = put(HIGH + 0x7000, 0x1003);
		if (status == 0 && code == 0)
			status = iommu_spapr_guest_attach_window(g.guest, LIOBN, container, start);
		if (status == 0 && code == 0)
			code = hypercall(IOMMU_H_STUFF_TCE, HIGH + 0x100000, 0x3003, 4);
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		assert_true(code == 0 || code == IOMMU_H_NOT_ENOUGH_RESOURCES);
		is_through = status == 0 && code == 0;
		if (is_through)
			assert_true(leads(0, 1, HIGH + 0x7000, 0x1000) &&
				    leads(1, 1, HIGH + 0x103000, 0x3000) && leads(1, 1, 0x5000, 0));
		/* What ends needs no memory. */
		assert_int_equal(iommu_spapr_guest_destroy(g.guest), 0);
		leave(far);
		leave(one);
		assert_int_equal(iommu_container_destroy(container), 0);
		f.test.fail_after = 0;
		assert_int_equal(f.memory.pins, 0);
		assert_int_equal(iommu_release_endpoint(endpoint_of(0)), 0);
		assert_int_equal(iommu_release_endpoint(endpoint_of(1)), 0);
	}
	assert_true(n > 20);
	end();
}

/* --- The library as the guest ----------------------------------------------------------------- */

#define GUEST_ARENA (1ULL << 22)

static struct test_platform inner;

/* The guest's memory, from its address 0 on, is its platform's arena; and it is registered. */
static bool read_inner(void *ctx, uint64_t guest_address, uint64_t *bytes)
{
	(void)ctx;
	if (guest_address > GUEST_ARENA - sizeof(*bytes))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&inner.platform, guest_address), sizeof(*bytes));
	return true;
}

static int64_t inner_call(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			  uint64_t third, uint64_t fourth, uint64_t *result)
{
	(void)ctx;
	return iommu_spapr_guest_hypercall(g.guest, opcode, liobn, address, third, fourth, result);
}

/* The guest's driver maps in its window, and the device reaches its memory in the host's. */
static void the_guest_is_this_library(void **state)
{
	const struct iommu_spapr_guest_config config = {.read = read_inner};
	const struct iommu_spapr_table table = {
		.liobn = LIOBN, .page_shift = 12, .pages = SIZE32 >> 12};
	const struct iommu_papr_config window = {
		.segment = 1,
		.last_id = 0xff,
		.window = {.liobn = LIOBN, .size = SIZE32, .page_shift = 12},
		.has_multiple = true,
		.call = inner_call,
	};
	const struct iommu_endpoint_info info = {.segment = 1, .source_id = 8};
	struct iommu_container *container;
	struct iommu_device_files *files;
	struct iommu_endpoint *endpoint;
	struct iommu_group_file *file, *group;
	struct iommu_domain *domain;
	struct iommu *iommu;
	uint64_t i;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12);
	test_platform_init(&inner, GUEST_ARENA, 0);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	memset(&g, 0, sizeof(g));
	assert_int_equal(iommu_spapr_guest_create(f.iommu, &config, &g.guest), 0);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, 0, PAGES << 12, USER), 0);
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), 0);
	assert_int_equal(attach_window(0), 0);
	assert_int_equal(iommu_create(&inner.platform, &iommu), 0);
	assert_int_equal(iommu_papr_probe(iommu, &window), 0);
	assert_int_equal(iommu_unit_enable(iommu_next_unit(iommu, NULL)), 0);
	assert_int_equal(iommu_probe_endpoint(iommu, &info, &endpoint), 0);
	assert_int_equal(iommu_domain_alloc(iommu_endpoint_unit(endpoint), IOMMU_DOMAIN_PAGING,
					    NULL, &domain),
			 0);
	assert_int_equal(iommu_map(domain, 0x5000, 0x3000, 0x1000, RW), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(iommu_domain_attach_endpoint(domain, endpoint), 0);
	assert_true(leads(0, 1, 0x5432, 0x3432));
	assert_int_equal(iommu_map(domain, 0x100000, 0x200000, 0x100000, IOMMU_PROT_READ), 0);
	for (i = 0; i < 0x100000; i += 0x1000) {
		iommu_paddr_t paddr;

		assert_true(access_by(0, 1, 0x100000 + i, false, &paddr) &&
			    paddr == test_memory_paddr(&f.memory, 0x200000 + i));
		assert_false(access_by(0, 1, 0x100000 + i, true, &paddr));
	}
	/* Memory that the guest does not have is refused, as by any hypervisor. */
	assert_int_not_equal(iommu_map(domain, 0x6000, PAGES << 12, 0x1000, RW), 0);
	assert_true(is_blocked(0, 1, 0x6000));
	assert_int_equal(iommu_unmap(domain, 0x100000, 0x100000, 0, NULL), 0);
	assert_true(is_blocked(0, 1, 0x100000) && is_blocked(0, 1, 0x1ff000));
	assert_int_equal(iommu_domain_detach_endpoint(endpoint), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	assert_int_equal(iommu_domain_free(domain), 0);
	/* The guest hands out no windows: they are the bridge's. */
	assert_int_equal(iommu_device_files_create(iommu, &files), 0);
	assert_int_equal(
		iommu_container_create_with(iommu, NULL, IOMMU_CONTAINER_TCE_V2, &container), 0);
	assert_int_equal(iommu_group_file_open(files, iommu_endpoint_group(endpoint), &group), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_destroy(iommu), 0);
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	end_guest();
	test_platform_destroy(&inner);
	leave(file);
	end();
}

/* --- At once ---------------------------------------------------------------------------------- */

/* --- Hypercalls for very many entries --------------------------------------------------------- */

#define MANY (1ULL << 17) /* entries: many times what a hypercall sets before it gives way */

/* A call of the control path by another thread, which waits for a hypercall. */
static struct {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t change;
	bool is_waiting, has_ended;
	unsigned int stays; /* of the hypercall, until the call has ended */
	int (*call)(void);
	int status;
} w = {.mutex = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static void tell(bool *what)
{
	pthread_mutex_lock(&w.mutex);
	*what = true;
	pthread_cond_broadcast(&w.change);
	pthread_mutex_unlock(&w.mutex);
}

/*
 * Until the call has ended (true), or has found once more that it has to wait. That takes no time:
 * the limit is for a library that is wrong.
 */
static bool await_the_call(void)
{
	struct timespec limit;
	bool has_ended;

	assert_int_equal(timespec_get(&limit, TIME_UTC), TIME_UTC);
	limit.tv_sec += 10;
	pthread_mutex_lock(&w.mutex);
	w.is_waiting = false;
	while (!w.is_waiting && !w.has_ended)
		assert_int_equal(pthread_cond_timedwait(&w.change, &w.mutex, &limit), 0);
	has_ended = w.has_ended;
	pthread_mutex_unlock(&w.mutex);
	return has_ended;
}

/* The library waits, and so it is the other thread that does. */
static void note_waiting(void *ctx)
{
	(void)ctx;
	if (pthread_equal(pthread_self(), w.thread))
		tell(&w.is_waiting);
}

static void *call_aside(void *argument)
{
	(void)argument;
	pthread_mutex_lock(&w.mutex); /* until w.thread is known */
	pthread_mutex_unlock(&w.mutex);
	w.status = w.call();
	tell(&w.has_ended);
	return NULL;
}

/* Hardware is told, for what a stay of the hypercall has set. */
static void count_stays(void)
{
	w.stays++;
	if (!await_the_call())
		f.meanwhile = count_stays;
}

/* In the middle of the hypercall's first stay the call begins, and waits. */
static void begin_aside(void)
{
	pthread_mutex_lock(&w.mutex);
	assert_int_equal(pthread_create(&w.thread, NULL, call_aside, NULL), 0);
	pthread_mutex_unlock(&w.mutex);
	count_stays();
}

static void begin_many(struct iommu_group_file **file, iommu_iova_t *start, int (*aside)(void))
{
	begin(IOMMU_CONTAINER_TCE_V2);
	*file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	assert_int_equal(create_window(12, MANY << 12, 0, start), 0);
	begin_guest(*start, 12, MANY);
	assert_int_equal(attach_window(*start), 0);
	w.is_waiting = false;
	w.has_ended = false;
	w.stays = 0;
	w.call = aside;
	f.test.platform.relax = note_waiting;
	f.meanwhile = aside != NULL ? begin_aside : NULL;
	f.kills = 0;
}

static void end_many(struct iommu_group_file *file)
{
	f.test.platform.relax = NULL;
	f.meanwhile = NULL;
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	end_guest();
	leave(file);
	end();
}

static int remove_low_window(void)
{
	return iommu_spapr_remove_window(f.container, 0);
}

static int remove_high_window(void)
{
	return iommu_spapr_remove_window(f.container, HIGH);
}

static int remove_guests_memory(void)
{
	return iommu_spapr_guest_remove_memory(g.guest, 0, PAGES << 12);
}

static int replace_table(void)
{
	const struct iommu_spapr_table table = {
		.liobn = LIOBN, .address = HIGH, .page_shift = 12, .pages = MANY};
	int status = iommu_spapr_guest_remove_table(g.guest, LIOBN);

	return status != 0 ? status : iommu_spapr_guest_add_table(g.guest, &table);
}

/* Entries before a bound are set, those behind it are not: how many are. */
static uint64_t entries_set(iommu_iova_t start)
{
	uint64_t i, set = 0;

	for (i = 0; i < MANY; i++) {
		const bool is_set = get(start + (i << 12)) != 0;

		assert_true(!is_set || set == i);
		assert_int_equal(is_set, !is_blocked(0, 1, start + (i << 12)));
		set += is_set;
	}
	return set;
}

/* Hardware is told for each, and what is absent everywhere is passed over as a whole. */
static void hypercalls_for_very_many_entries_are_done_in_pieces(void **state)
{
	struct iommu_group_file *file;
	iommu_iova_t start;

	(void)state;
	begin_many(&file, &start, NULL);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0, MANY), 0);
	assert_int_equal(f.kills, 0);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), 0);
	assert_true(f.kills >= MANY / 16384);
	assert_true(leads(0, 1, start, 0x1000) && leads(0, 1, start + (MANY << 12) - 1, 0x1fff));
	f.kills = 0;
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x5550, MANY), 0);
	assert_true(f.kills >= MANY / 16384);
	assert_true(is_blocked(0, 1, start) && is_blocked(0, 1, start + (MANY << 12) - 1));
	assert_int_equal(get(start + (MANY << 12) - 0x1000), 0x5550);
	/* A bridge that does not confirm is told for all, and no piece is left out. */
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), 0);
	f.refuse_at = 1;
	f.refusals = 1;
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0, MANY), IOMMU_H_HARDWARE);
	assert_true(is_blocked(0, 1, start) && is_blocked(0, 1, start + (MANY << 12) - 1));
	assert_int_equal(get(start + (MANY << 12) - 0x1000), 0);
	/* The end of an attachment is done in pieces, too. */
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), 0);
	f.kills = 0;
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container, start), 0);
	assert_true(f.kills >= MANY / 16384);
	assert_true(is_blocked(0, 1, start) && is_blocked(0, 1, start + (MANY << 12) - 1));
	end_many(file);
}

/* A call that waits for a hypercall ends before that does, and the hypercall finds what is left. */
static void nothing_waits_for_all_of_a_hypercall(void **state)
{
	struct iommu_group_file *file;
	iommu_iova_t start;
	uint64_t set;

	(void)state;
	/* A window of the container: it is only another one that the hypercall sets. */
	begin_many(&file, &start, remove_low_window);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), 0);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_int_equal(w.status, 0);
	/* It waits for two stays, and may see the end of each one stay later. */
	assert_true(w.stays <= 5 && f.kills >= MANY / 16384);
	assert_int_equal(entries_set(start), MANY);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0, MANY), 0);
	end_many(file);

	/* The end of an attachment keeps no call waiting, either. */
	begin_many(&file, &start, remove_low_window);
	f.meanwhile = NULL;
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), 0);
	f.meanwhile = begin_aside;
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container, start), 0);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_int_equal(w.status, 0);
	assert_true(w.stays <= 5);
	end_many(file);

	/* The guest's memory: no entry leads there afterwards. */
	begin_many(&file, &start, remove_guests_memory);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), IOMMU_H_PARAMETER);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_int_equal(w.status, 0);
	set = entries_set(start);
	assert_true(set != 0 && set < MANY);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0, MANY), 0);
	end_many(file);

	/* The table; another one in its place is not meant. */
	begin_many(&file, &start, replace_table);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), IOMMU_H_PARAMETER);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_int_equal(w.status, 0);
	assert_int_equal(entries_set(start), 0);
	end_many(file);

	/* The window itself: its entries are no more, what the guest has put stands. */
	begin_many(&file, &start, remove_high_window);
	assert_int_equal(hypercall(IOMMU_H_STUFF_TCE, start, 0x1003, MANY), 0);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_int_equal(w.status, 0);
	assert_true(is_blocked(0, 1, start) && is_blocked(0, 1, start + (MANY << 12) - 0x1000));
	assert_int_equal(get(start), 0x1003);
	assert_int_equal(get(start + (MANY << 12) - 0x1000), 0x1003);
	end_many(file);
}

#define CALLERS 3
#define ROUNDS  3000
#define SPAN    24

static bool read_nothing(void *ctx, uint64_t guest_address, uint64_t *bytes)
{
	(void)ctx;
	*bytes = iommu_be64((guest_address & 0xff) << 12 | 3);
	return true;
}

/* Entries of the same pages, from several processors of a guest. */
static void *call_at_random(void *argument)
{
	struct test_random random = {.state = (uintptr_t)argument};
	uint64_t result;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		const uint64_t address = test_random_below(&random, SPAN) << 12;
		const uint64_t tce =
			test_random_below(&random, 64) << 12 | test_random_below(&random, 4);

		switch (test_random_below(&random, 4)) {
		case 0:
			(void)iommu_spapr_guest_hypercall(g.guest, IOMMU_H_STUFF_TCE, LIOBN,
							  address, tce, 4, &result);
			break;
		case 1:
			(void)iommu_spapr_guest_hypercall(g.guest, IOMMU_H_PUT_TCE_INDIRECT, LIOBN,
							  address, 0x1000, 8, &result);
			break;
		default:
			(void)iommu_spapr_guest_hypercall(g.guest, IOMMU_H_PUT_TCE, LIOBN, address,
							  tce, 0, &result);
			break;
		}
	}
	return NULL;
}

static void processors_of_a_guest_call_at_once(void **state)
{
	const struct iommu_spapr_guest_config config = {.read = read_nothing};
	const struct iommu_spapr_table table = {.liobn = LIOBN, .page_shift = 12, .pages = 4096};
	struct iommu_group_file *file;
	pthread_t callers[CALLERS];
	unsigned int i, round;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	for (i = 0; i < 16; i++)
		assert_int_equal(register_memory((uint64_t)i << 14, 1 << 14, RW), 0);
	memset(&g, 0, sizeof(g));
	assert_int_equal(iommu_spapr_guest_create(f.iommu, &config, &g.guest), 0);
	assert_int_equal(iommu_spapr_guest_add_memory(g.guest, 0, PAGES << 12, USER), 0);
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), 0);
	for (i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, call_at_random,
						(void *)(uintptr_t)(i + 1)),
				 0);
	/* Meanwhile the manager attaches and detaches, removes and registers. */
	for (round = 0; round < 60; round++) {
		iommu_iova_t start;

		(void)iommu_spapr_guest_attach_window(g.guest, LIOBN, f.container, 0);
		if (unregister_memory((uint64_t)(round % 16) << 14, 1 << 14) == 0)
			assert_int_equal(register_memory((uint64_t)(round % 16) << 14, 1 << 14, RW),
					 0);
		if (round % 3 == 0) {
			assert_int_equal(iommu_spapr_remove_window(f.container, 0), 0);
			assert_int_equal(create_window(12, SIZE32, 0, &start), 0);
		}
		(void)iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container, 0);
	}
	(void)iommu_spapr_guest_attach_window(g.guest, LIOBN, f.container, 0);
	for (i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_join(callers[i], NULL), 0);
	/* What the guest reads back is what its device reaches, and counts come out even. */
	for (i = 0; i < SPAN + 8; i++) {
		const uint64_t tce = get((uint64_t)i << 12);

		assert_true((tce & 2) != 0 ? leads(0, 1, (uint64_t)i << 12, tce & ~0xfffULL)
					   : !leads(0, 1, (uint64_t)i << 12, tce & ~0xfffULL));
	}
	assert_int_equal(iommu_spapr_guest_hypercall(g.guest, IOMMU_H_STUFF_TCE, LIOBN, 0, 0, 4096,
						     &(uint64_t){0}),
			 0);
	for (i = 0; i < 16; i++)
		assert_int_equal(unregister_memory((uint64_t)i << 14, 1 << 14), 0);
	end_guest();
	leave(file);
	end();
}

/* --- Arguments -------------------------------------------------------------------------------- */

/* What a manager says of its guest that cannot be; the guest's map and tables are as before. */
static void descriptions_that_cannot_be_are_refused(void **state)
{
	struct iommu_spapr_table table = {.liobn = 7, .page_shift = 35, .pages = 4};

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	begin_guest(0, 12, 16);
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EINVAL);
	table.page_shift = 12;
	table.pages = (1ULL << 28) + 1;
	assert_int_equal(iommu_spapr_guest_add_table(g.guest, &table), IOMMU_EINVAL);
	assert_int_equal(iommu_spapr_guest_remove_table(g.guest, 7), IOMMU_ENOENT);
	/* No size, beyond the end, behind what there is, and a part that begins or ends with it. */
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 0, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, UINT64_MAX, 2), IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, PAGES << 12, 4096), IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 0, (PAGES << 12) + 1),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 4096, (PAGES << 12) - 4096),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_remove_memory(g.guest, 0, PAGES << 12), 0);
	end_guest();
	end();
}

/* A window is a table's where it covers all of it, in pages of which the table's are multiples. */
static void windows_cover_their_tables(void **state)
{
	static const struct {
		iommu_iova_t address;
		unsigned int page_shift;
		uint64_t pages;
		int status;
	} cases[] = {
		{0, 12, 16, IOMMU_EINVAL},                         /* before it */
		{HIGH - 0x10000, 12, 32, IOMMU_EINVAL},            /* begins there */
		{HIGH + (1 << 26), 12, 1, IOMMU_EINVAL},           /* behind it */
		{HIGH + (1 << 26) - 0x10000, 16, 2, IOMMU_EINVAL}, /* ends there */
		{HIGH, 12, 16, IOMMU_EINVAL},                      /* smaller pages */
		{HIGH, 29, 1, IOMMU_EINVAL},                       /* pages that are too large */
		{HIGH + (1 << 26) - 0x20000, 16, 2, 0},            /* up to its end */
		{HIGH, 24, 4, 0},
	};
	struct iommu_group_file *file;
	iommu_iova_t start = 0;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(create_window(16, 1 << 26, 1, &start), 0);
	assert_int_equal(start, HIGH);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin_guest(cases[i].address, cases[i].page_shift, cases[i].pages);
		assert_int_equal(attach_window(start + 0x10000), IOMMU_ENOENT);
		assert_int_equal(attach_window(start), cases[i].status);
		assert_int_equal(
			iommu_spapr_guest_detach_window(g.guest, LIOBN + 1, f.container, start),
			IOMMU_ENOENT);
		assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container,
								 start + 0x10000),
				 IOMMU_ENOENT);
		assert_int_equal(
			iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container, start),
			cases[i].status == 0 ? 0 : IOMMU_ENOENT);
		end_guest();
	}
	leave(file);
	end();
}

/* Lists of more entries than a page has, or that are no page, are not read. */
static void lists_are_pages(void **state)
{
	struct iommu_group_file *file;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	begin_guest(0, 12, 1024);
	assert_int_equal(attach_window(0), 0);
	for (unsigned int i = 0; i < 512; i++)
		g.list[i] = iommu_be64(0x1003);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0, LIST, 513), IOMMU_H_PARAMETER);
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0, LIST + 8, 1), IOMMU_H_PARAMETER);
	assert_true(is_blocked(0, 1, 0));
	assert_int_equal(hypercall(IOMMU_H_PUT_TCE_INDIRECT, 0, LIST, 1), 0);
	assert_true(leads(0, 1, 0, 0x1000));
	end_guest();
	leave(file);
	end();
}

static void *no_mutex(void *ctx)
{
	(void)ctx;
	return NULL;
}

/* A host without mutexes, whose calls do not meet; and one that has none left. */
static void a_guests_mutex_is_the_hosts(void **state)
{
	const struct iommu_spapr_guest_config config = {.read = read_guest, .ctx = &g};
	void *(*create)(void *ctx);
	struct iommu_spapr_guest *none = NULL;
	struct iommu_group_file *file;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	create = f.test.platform.mutex_create;
	assert_non_null(create);
	f.test.platform.mutex_create = no_mutex;
	assert_int_equal(iommu_spapr_guest_create(f.iommu, &config, &none), IOMMU_ENOMEM);
	assert_null(none);
	f.test.platform.mutex_create = NULL;
	begin_guest(0, 12, 1024);
	f.test.platform.mutex_create = create;
	assert_int_equal(attach_window(0), 0);
	assert_int_equal(put(0x5000, 0x1003), 0);
	assert_true(leads(0, 1, 0x5000, 0x1000));
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, f.container, 0), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	end_guest();
	leave(file);
	end();
}

/* A table goes even if the bridge does not confirm it: its entries are absent, and that is said. */
static void tables_that_go_unconfirmed_say_so(void **state)
{
	struct iommu_group_file *file;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(register_memory(0, PAGES << 12, RW), 0);
	for (unsigned int i = 0; i < 2; i++) {
		begin_guest(0, 12, 1024);
		assert_int_equal(attach_window(0), 0);
		assert_int_equal(put(0x5000, 0x1003), 0);
		assert_true(leads(0, 1, 0x5000, 0x1000));
		MISBEHAVE(.kills_hang = true);
		assert_int_equal(i == 0 ? iommu_spapr_guest_remove_table(g.guest, LIOBN)
					: iommu_spapr_guest_destroy(g.guest),
				 IOMMU_ETIMEDOUT);
		BEHAVE();
		assert_int_equal(iommu_spapr_guest_remove_table(g.guest, LIOBN), IOMMU_ENOENT);
		end_guest();
	}
	assert_int_equal(unregister_memory(0, PAGES << 12), 0);
	assert_true(is_blocked(0, 1, 0x5000));
	leave(file);
	end();
}

/* Backings without the functions, of registers, or that wrap: nothing is pinned, or mapped. */
static void backings_of_containers_are_checked(void **state)
{
	struct iommu_backing_ops ops;
	struct iommu_backing backing;
	struct iommu_group_file *file;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	backing = test_memory_at(&f.memory, 0);
	backing.ops = &ops;
	for (unsigned int i = 0; i < 3; i++) {
		ops = f.memory.ops;
		if (i == 0)
			ops.pin = NULL;
		else if (i == 1)
			ops.unpin = NULL;
		else
			backing.ops = NULL;
		assert_int_equal(iommu_spapr_register_memory(f.container, &backing, 0x1000, RW),
				 IOMMU_EINVAL);
	}
	backing = test_memory_at(&f.memory, 0);
	assert_int_equal(iommu_container_map(f.container, UINT64_MAX - 0xfff, 0x2000, RW, &backing),
			 IOMMU_EOVERFLOW);
	assert_int_not_equal(
		iommu_container_map(f.container, UINT64_MAX - 0xfff, 0x1000, RW, &backing),
		IOMMU_EOVERFLOW);
	backing.address = UINT64_MAX - 0xfff;
	assert_int_equal(iommu_container_map(f.container, 0x1000, 0x2000, RW, &backing),
			 IOMMU_EOVERFLOW);
	assert_int_equal(iommu_spapr_register_memory(f.container, &backing, 0x2000, RW),
			 IOMMU_EOVERFLOW);
	assert_int_equal(f.memory.pins, 0);
	/* Registered by one owner: another's at the same addresses is not that memory. */
	assert_int_equal(register_memory(0, 0x10000, RW), 0);
	ops = f.memory.ops;
	backing = test_memory_at(&f.memory, 0);
	backing.ops = &ops;
	assert_int_equal(iommu_container_map(f.container, 0x1000, 0x1000, RW, &backing),
			 IOMMU_ENOENT);
	backing.ops = &f.memory.ops;
	backing.ctx = &ops;
	assert_int_equal(iommu_container_map(f.container, 0x1000, 0x1000, RW, &backing),
			 IOMMU_ENOENT);
	assert_true(is_blocked(0, 1, 0x1000));
	assert_int_equal(map(0x1000, 0, 0x1000), 0);
	assert_true(leads(0, 1, 0x1000, 0));
	assert_int_equal(unmap(0x1000, 0x1000), 0);
	assert_int_equal(unregister_memory(0, 0x10000), 0);
	leave(file);
	end();
}

/* Memory that ends within a page of the window: that page is not mapped, those before are not. */
static void the_last_page_is_all_memory(void **state)
{
	struct iommu_group_file *file;
	iommu_iova_t start = 0;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	assert_int_equal(create_window(16, 1 << 26, 1, &start), 0);
	assert_int_equal(register_memory(0, 0x28000, RW), 0);
	assert_int_equal(map(start, 0, 0x30000), IOMMU_ENOENT);
	assert_true(is_blocked(0, 1, start));
	assert_int_equal(map(start, 0, 0x20000), 0);
	assert_true(leads(0, 1, start + 0x1ffff, 0x1ffff));
	assert_int_equal(unmap(start, 0x20000), 0);
	assert_int_equal(unregister_memory(0, 0x28000), 0);
	leave(file);
	end();
}

/* A table has so many windows: another one takes the place of one that goes. */
static void a_table_has_so_many_windows(void **state)
{
	struct iommu_container *others[IOMMU_SPAPR_TABLE_WINDOWS] = {NULL};
	struct iommu_group_file *files[IOMMU_SPAPR_TABLE_WINDOWS] = {NULL};
	struct iommu_group_file *file;
	const unsigned int last = IOMMU_SPAPR_TABLE_WINDOWS - 1;

	(void)state;
	begin(IOMMU_CONTAINER_TCE_V2);
	file = join(0, 1);
	begin_guest(0, 12, 16);
	assert_int_equal(attach_window(0), 0);
	for (unsigned int i = 0; i <= last; i++) {
		files[i] = open_group(0, 2 + i);
		assert_int_equal(iommu_container_create_with(f.iommu, NULL, IOMMU_CONTAINER_TCE_V2,
							     &others[i]),
				 0);
		assert_int_equal(iommu_group_file_set_container(files[i], others[i]), 0);
		assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN, others[i], 0),
				 i < last ? 0 : IOMMU_ENOSPC);
	}
	/* The one that found no place is not held by the table. */
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, others[last], 0),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_spapr_guest_detach_window(g.guest, LIOBN, others[2], 0), 0);
	assert_int_equal(iommu_spapr_guest_attach_window(g.guest, LIOBN, others[last], 0), 0);
	end_guest();
	for (unsigned int i = 0; i <= last; i++) {
		leave(files[i]);
		assert_int_equal(iommu_container_destroy(others[i]), 0);
	}
	leave(file);
	end();
}

/* What is registered is noted in parts: that is metadata, of which a container has so much. */
static void parts_of_memory_are_metadata(void **state)
{
	struct iommu_file_limits limits = {.metadata_bytes = 64};
	unsigned int refused = 0;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin_with(IOMMU_CONTAINER_TCE_V2, MEMORY_SCATTERED, 1ULL << 12);
	for (; status != 0; limits.metadata_bytes *= 2) {
		struct iommu_container *container = f.container;
		struct iommu_group_file *file = open_group(0, 1);

		assert_int_equal(iommu_container_create_with(f.iommu, &limits,
							     IOMMU_CONTAINER_TCE_V2, &f.container),
				 0);
		status = iommu_group_file_set_container(file, f.container);
		if (status == 0)
			status = register_memory(0, PAGES << 12, RW);
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		refused += status != 0;
		assert_int_equal(f.memory.pins, status == 0 ? PAGES : 0);
		if (status == 0)
			assert_int_equal(unregister_memory(0, PAGES << 12), 0);
		leave(file);
		assert_int_equal(iommu_container_destroy(f.container), 0);
		f.container = container;
		assert_int_equal(iommu_release_endpoint(endpoint_of(0)), 0);
		assert_true(limits.metadata_bytes < 1 << 26);
	}
	assert_true(refused > 3);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_window_is_there),
		cmocka_unit_test(both_windows_are_used_at_once),
		cmocka_unit_test(windows_that_cannot_be_are_refused),
		cmocka_unit_test(large_windows_take_no_time),
		cmocka_unit_test(owners_set_entries_of_a_domain),
		cmocka_unit_test(memory_is_registered_by_address),
		cmocka_unit_test(pages_are_contiguous_or_refused),
		cmocka_unit_test(limits_of_containers_hold),
		cmocka_unit_test(version_1_pins_what_is_mapped),
		cmocka_unit_test(version_1_pins_no_more_than_its_window),
		cmocka_unit_test(groups_share_windows_and_entries),
		cmocka_unit_test(containers_of_other_kinds_are_told_apart),
		cmocka_unit_test(what_is_not_confirmed_stays_registered),
		cmocka_unit_test(version_1_unpins_what_is_confirmed),
		cmocka_unit_test(what_could_not_be_closed_is_closed_by_the_next),
		cmocka_unit_test(windows_that_are_not_confirmed),
		cmocka_unit_test(a_group_that_is_stuck_brings_no_windows),
		cmocka_unit_test(each_call_of_firmware_fails),
		cmocka_unit_test(a_guest_sets_its_entries),
		cmocka_unit_test(what_a_guest_says_is_hostile),
		cmocka_unit_test(pages_of_a_table_are_many_of_a_window),
		cmocka_unit_test(the_newer_of_two_calls_stays),
		cmocka_unit_test(windows_come_and_go_under_a_table),
		cmocka_unit_test(guests_are_described_by_their_manager),
		cmocka_unit_test(hypercalls_that_are_not_confirmed_say_so),
		cmocka_unit_test(hypercalls_for_very_many_entries_are_done_in_pieces),
		cmocka_unit_test(nothing_waits_for_all_of_a_hypercall),
		cmocka_unit_test(every_allocation_fails),
		cmocka_unit_test(a_table_has_so_many_windows),
		cmocka_unit_test(parts_of_memory_are_metadata),
		cmocka_unit_test(descriptions_that_cannot_be_are_refused),
		cmocka_unit_test(windows_cover_their_tables),
		cmocka_unit_test(lists_are_pages),
		cmocka_unit_test(a_guests_mutex_is_the_hosts),
		cmocka_unit_test(tables_that_go_unconfirmed_say_so),
		cmocka_unit_test(backings_of_containers_are_checked),
		cmocka_unit_test(the_last_page_is_all_memory),
		cmocka_unit_test(the_guest_is_this_library),
		cmocka_unit_test(processors_of_a_guest_call_at_once),
	};

	const struct CMUnitTest tests_by_register[] = {
		cmocka_unit_test(the_default_window_is_there),
		cmocka_unit_test(groups_share_windows_and_entries),
		cmocka_unit_test(what_is_not_confirmed_stays_registered),
		cmocka_unit_test(a_guest_sets_its_entries),
		cmocka_unit_test(pages_of_a_table_are_many_of_a_window),
		cmocka_unit_test(hypercalls_that_are_not_confirmed_say_so),
		cmocka_unit_test(the_guest_is_this_library),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	by_register = true;
	return failed + cmocka_run_group_tests(tests_by_register, NULL, NULL);
}
