/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA in a confidential guest: devices that reach only memory that is shared with the host, and
 * bits in addresses that say what is private and what is shared. Over the VT-d driver and the
 * model, and where nothing translates; of machines that mark private memory, and of those that mark
 * shared.
 */
#include <string.h>

#include <libiommu/dma.h>

#include "dma/dma.h"
#include "model_machine.h"
#include "test.h"
#include "test_platform.h"

#define PAGE     IOMMU_PAGE_SIZE
#define BOTH     IOMMU_DMA_BIDIRECTIONAL
#define QUICK_NS 2000000
#define BIT      (1ULL << 37)
#define MOST     (PAGE << IOMMU_MAX_ALLOC_ORDER)

enum kind {
	STRICT,
	LAZY,
	DIRECT,
	KINDS
};

static struct fixture {
	struct model_machine machine;
	bool shared[MACHINE_PAGES]; /* with the host */
	unsigned int shared_pages;
	struct model_host host;
	struct model_device *device;
	struct iommu_dma *dma;
	enum kind kind;
} f;

static const struct iommu_dma_device device = {.shared_only = true};
static const struct iommu_dma_device both_ways = {.shared_only = true, .untrusted = true};
static const struct iommu_dma_device trusted;

static unsigned char *bytes(iommu_paddr_t paddr)
{
	return model_machine_bytes(&f.machine, paddr);
}

static void share(const void *pages, unsigned int order, bool shared)
{
	const size_t first = (size_t)((const unsigned char *)pages - f.machine.memory) / PAGE;
	size_t i;

	for (i = first; i < first + (1U << order); i++) {
		assert_true(f.shared[i] != shared);
		f.shared[i] = shared;
	}
	f.shared_pages += shared ? 1U << order : -(1U << order);
}

static void *alloc_shared(void *ctx, unsigned int order, int node, unsigned int flags,
			  iommu_paddr_t last)
{
	void *pages = f.machine.platform.alloc_pages(ctx, order, node, flags);

	(void)last;
	if (pages != NULL)
		share(pages, order, true);
	return pages;
}

static void free_shared(void *ctx, void *pages, unsigned int order)
{
	share(pages, order, false);
	f.machine.platform.free_pages(ctx, pages, order);
}

static void begin(enum kind kind, iommu_paddr_t private_bits, iommu_paddr_t shared_bits)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};
	const struct iommu_endpoint_info info = {
		.source_id = 0x20, .physical_function = 0x20, .shared_only = true};
	struct iommu_dma_config dma = {.flags = kind == LAZY ? IOMMU_DMA_LAZY : 0U};

	memset(&f, 0, sizeof(f));
	f.kind = kind;
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	f.machine.platform.private_bits = private_bits;
	f.machine.platform.shared_bits = shared_bits;
	f.machine.platform.alloc_shared = alloc_shared;
	f.machine.platform.free_shared = free_shared;
	model_machine_add_unit(&f.machine, &config);
	f.device = model_machine_add_device(&f.machine, 0, 0x20);
	f.host = model_machine_start(&f.machine, &options, &info);
	dma.domain = f.host.domain;
	if (kind == DIRECT)
		assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &f.dma), 0);
	else
		assert_int_equal(iommu_dma_create(&dma, &f.dma), 0);
}

static void end(void)
{
	assert_int_equal(iommu_dma_destroy(f.dma), 0);
	assert_int_equal(f.shared_pages, 0);
	assert_int_equal(iommu_domain_detach_group(iommu_endpoint_group(f.host.endpoint)), 0);
	assert_int_equal(iommu_domain_free(f.host.domain), 0);
	assert_int_equal(iommu_release_endpoint(f.host.endpoint), 0);
	assert_int_equal(iommu_destroy(f.host.iommu), 0);
	model_machine_destroy(&f.machine);
}

static iommu_paddr_t bits_of(bool shared)
{
	return shared ? f.machine.platform.shared_bits : f.machine.platform.private_bits;
}

/* Where a request goes, with all bits of the address; what the library took is lent for it. */
static iommu_paddr_t target(iommu_iova_t address)
{
	iommu_paddr_t plain, to = address;

	if (f.kind == DIRECT)
		return address;
	assert_int_equal(iommu_iova_to_phys(f.host.domain, address, &plain), 0);
	assert_int_equal(plain & BIT, 0);
	(void)model_device_access(f.device, address, IOMMU_PROT_READ, &to);
	f.machine.violation = NULL;
	assert_int_equal(to & ~BIT, plain);
	return to;
}

/* A byte as the host sees it: only of shared memory, under the address that says so. */
static unsigned char *host_sees(iommu_iova_t address)
{
	const iommu_paddr_t to = target(address);

	assert_int_equal(to & BIT, bits_of(true));
	assert_true(f.shared[((to & ~BIT) - MACHINE_BASE) / PAGE]);
	return bytes(to & ~BIT);
}

static bool reads(iommu_iova_t address, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size; i++)
		if (*host_sees(address + i) != value)
			return false;
	return true;
}

static void writes(iommu_iova_t address, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size; i++)
		*host_sees(address + i) = value;
}

static bool has(iommu_paddr_t paddr, uint64_t size, unsigned char value)
{
	uint64_t i;

	for (i = 0; i < size && *bytes(paddr + i) == value; i++)
		;
	return i == size;
}

/* Every kind of handle, on a machine that marks private memory, and on one that marks shared. */
#define EACH_MACHINE(kind, marks)                                                                  \
	for ((kind) = STRICT; (kind) < KINDS; (kind)++)                                            \
		for ((marks) = 0; (marks) < 2; (marks)++)

static void begin_machine(enum kind kind, unsigned int marks)
{
	begin(kind, marks == 0 ? BIT : 0, marks == 0 ? 0 : BIT);
}

/* --- Buffers ---------------------------------------------------------------------------------- */

static void buffers_are_replaced_whole(void **state)
{
	static const struct {
		unsigned int offset, size;
	} cases[] = {{0, 1}, {0, 4096}, {100, 4096}, {4095, 2}, {7, 61441 - 7}, {0, 65536}};
	enum kind kind;
	unsigned int marks, i;

	(void)state;
	EACH_MACHINE(kind, marks)
	{
		begin_machine(kind, marks);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const iommu_paddr_t memory = model_machine_take(&f.machine, 32);
			const iommu_paddr_t buffer = memory + cases[i].offset;
			iommu_iova_t address = 0;

			memset(bytes(memory), 1, 32 * PAGE);
			assert_int_equal(iommu_dma_map(f.dma, &device, buffer, cases[i].size, BOTH,
						       &address),
					 0);
			assert_int_equal(address % PAGE, cases[i].offset);
			assert_true(reads(address, cases[i].size, 1));
			writes(address, cases[i].size, 2);
			assert_true(has(memory, 32 * PAGE, 1));
			iommu_dma_sync_for_cpu(f.dma, address, 1);
			assert_int_equal(*bytes(buffer), 2);
			*bytes(buffer) = 3;
			iommu_dma_sync_for_device(f.dma, address, 1);
			assert_true(reads(address, 1, 3));
			writes(address, 1, 2);
			assert_int_equal(iommu_dma_unmap(f.dma, address, cases[i].size), 0);
			assert_true(has(memory, cases[i].offset, 1));
			assert_true(has(buffer, cases[i].size, 2));
			assert_true(has(buffer + cases[i].size, PAGE, 1));
			assert_int_equal(f.shared_pages, 0);
			model_machine_give(&f.machine, memory, 32);
		}
		assert_int_equal(iommu_dma_max_size(f.dma, &device), 61441);
		assert_int_equal(iommu_dma_best_size(f.dma, &device), 61441);
		end();
	}
}

static void lists_are_replaced_piece_by_piece(void **state)
{
	enum kind kind;
	unsigned int marks, i;

	(void)state;
	EACH_MACHINE(kind, marks)
	{
		struct iommu_dma_piece pieces[3];
		unsigned int elements = 0;
		iommu_paddr_t memory;

		begin_machine(kind, marks);
		memory = model_machine_take(&f.machine, 8);
		memset(bytes(memory), 1, 8 * PAGE);
		pieces[0] = (struct iommu_dma_piece){.paddr = memory + 8, .size = 2 * PAGE - 8};
		pieces[1] = (struct iommu_dma_piece){.paddr = memory + 4 * PAGE, .size = PAGE};
		pieces[2] = (struct iommu_dma_piece){.paddr = memory + 6 * PAGE + 3, .size = 5};
		assert_int_equal(iommu_dma_map_sg(f.dma, &device, pieces, 3, BOTH, &elements), 0);
		for (i = 0; i < elements; i++) {
			assert_true(reads(pieces[i].address, pieces[i].length, 1));
			writes(pieces[i].address, pieces[i].length, 2);
		}
		assert_true(has(memory, 8 * PAGE, 1));
		assert_int_equal(iommu_dma_unmap_sg(f.dma, pieces, 3), 0);
		for (i = 0; i < 3; i++)
			assert_true(has(pieces[i].paddr, pieces[i].size, 2));
		assert_true(has(memory, 8, 1) && has(memory + 2 * PAGE, 2 * PAGE, 1));
		/* A list of which one is too large: nothing of it stays. */
		pieces[1].size = 20 * PAGE;
		assert_int_equal(iommu_dma_map_sg(f.dma, &device, pieces, 3, BOTH, &elements),
				 IOMMU_ERANGE);
		assert_int_equal(f.shared_pages, 0);
		end();
	}
}

/*
 * What the driver says is shared, registers, and what a trusted device gets, are reached as they
 * are.
 */
static void addresses_say_what_memory_is(void **state)
{
	enum kind kind;
	unsigned int marks;

	(void)state;
	EACH_MACHINE(kind, marks)
	{
		struct iommu_dma_window window;
		iommu_paddr_t memory;
		iommu_iova_t address = 0;

		begin_machine(kind, marks);
		memory = model_machine_take(&f.machine, 4);
		assert_int_equal(iommu_dma_map(f.dma, &trusted, memory, 2 * PAGE, BOTH, &address),
				 0);
		assert_true(target(address + 5) == ((memory + 5) | bits_of(false)));
		assert_int_equal(iommu_dma_unmap(f.dma, address, 2 * PAGE), 0);
		assert_int_equal(iommu_dma_map_with(f.dma, &device, memory, 2 * PAGE, BOTH,
						    IOMMU_DMA_SHARED, &address),
				 0);
		assert_true(target(address + 5) == ((memory + 5) | bits_of(true)));
		assert_int_equal(iommu_dma_unmap(f.dma, address, 2 * PAGE), 0);
		assert_int_equal(iommu_dma_map_with(f.dma, &device, memory, PAGE, BOTH,
						    IOMMU_DMA_MMIO, &address),
				 0);
		assert_true(target(address) == memory);
		assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
		assert_int_equal(f.shared_pages, 0);
		if (kind != DIRECT) {
			assert_int_equal(iommu_dma_map_msi(f.dma, 0xfee00004, &address), 0);
			assert_int_equal(iommu_dma_window_create(f.dma, &device, 2, &window), 0);
			assert_int_equal(iommu_dma_window_map(&window, 0, memory, 1, BOTH),
					 IOMMU_EOPNOTSUPP);
			assert_int_equal(iommu_dma_window_link(&window, 0, memory, PAGE, BOTH, 0),
					 IOMMU_EOPNOTSUPP);
			assert_int_equal(iommu_dma_window_link(&window, 0, memory, PAGE, BOTH,
							       IOMMU_DMA_SHARED),
					 0);
			assert_int_equal(iommu_dma_window_tell(&window, 0, PAGE), 0);
			assert_true(target(window.start) == (memory | bits_of(true)));
			assert_int_equal(iommu_dma_window_destroy(&window), 0);
		}
		/*
		 * An end that an untrusted device must not see is replaced by a page that it may.
		 */
		if (kind == STRICT) {
			memset(bytes(memory), 1, 2 * PAGE);
			assert_int_equal(iommu_dma_map_with(f.dma, &both_ways, memory + 16, PAGE,
							    BOTH, IOMMU_DMA_SHARED, &address),
					 0);
			assert_int_equal(f.shared_pages, 2);
			assert_true(reads(address, PAGE, 1));
			assert_true(reads(address - 16, 16, 0));
			assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
		}
		end();
	}
}

/* --- Shared memory ---------------------------------------------------------------------------- */

static void memory_is_shared_with_the_host(void **state)
{
	static const uint64_t sizes[] = {1, 3 * PAGE, MOST};
	enum kind kind;
	unsigned int marks, i;

	(void)state;
	EACH_MACHINE(kind, marks)
	{
		begin_machine(kind, marks);
		for (i = 0; i < 3; i++) {
			const struct iommu_dma_device *which[] = {&device, &trusted};
			unsigned int asked;

			for (asked = 0; asked < 2; asked++) {
				iommu_iova_t address = 0;
				void *memory = NULL;

				assert_int_equal(
					iommu_dma_alloc_with(f.dma, which[asked], sizes[i],
							     asked == 0 ? 0 : IOMMU_DMA_SHARED,
							     &memory, &address),
					0);
				assert_true(reads(address, sizes[i], 0));
				*(unsigned char *)memory = 5;
				assert_true(reads(address, 1, 5));
				assert_int_equal(iommu_dma_free(f.dma, memory, address, sizes[i]),
						 0);
				assert_int_equal(f.shared_pages, 0);
				/* Without an address for the CPU. */
				assert_int_equal(
					iommu_dma_alloc(f.dma, &device, sizes[i], NULL, &address),
					0);
				assert_true(reads(address, sizes[i], 0));
				assert_int_equal(iommu_dma_free(f.dma, NULL, address, sizes[i]), 0);
			}
		}
		/* Private memory is private. */
		{
			iommu_iova_t address = 0;
			void *memory = NULL;

			assert_int_equal(iommu_dma_alloc(f.dma, &trusted, PAGE, &memory, &address),
					 0);
			assert_true((target(address) & BIT) == bits_of(false));
			assert_int_equal(iommu_dma_free(f.dma, memory, address, PAGE), 0);
		}
		end();
	}
}

/* --- What cannot be --------------------------------------------------------------------------- */

static void a_host_without_shared_pages_refuses(void **state)
{
	static const struct iommu_dma_device neither = {.shared_only = true, .noncoherent = true};
	enum kind kind;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		struct iommu_dma_piece piece = {.size = PAGE};
		iommu_iova_t address = 0;
		unsigned int elements;
		struct iommu_dma *dma;
		void *shared;

		begin(kind, BIT, 0);
		piece.paddr = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_dma_alloc(f.dma, &neither, PAGE, &shared, &address),
				 IOMMU_EOPNOTSUPP);
		f.machine.platform.alloc_shared = NULL;
		assert_int_equal(iommu_dma_create_direct(&f.machine.platform, &dma), IOMMU_EINVAL);
		f.machine.platform.free_shared = NULL;
		assert_int_equal(iommu_dma_map(f.dma, &device, piece.paddr, PAGE, BOTH, &address),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_map_sg(f.dma, &device, &piece, 1, BOTH, &elements),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_alloc(f.dma, &device, PAGE, &shared, &address),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_dma_alloc_with(f.dma, &trusted, PAGE, IOMMU_DMA_SHARED,
						      &shared, &address),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(address, 0);
		/* What is shared already needs no pages of the library. */
		assert_int_equal(iommu_dma_map_with(f.dma, &device, piece.paddr, PAGE, BOTH,
						    IOMMU_DMA_SHARED, &address),
				 0);
		assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
		end();
	}
}

static void a_failed_allocation_changes_nothing(void **state)
{
	enum kind kind;
	unsigned int what, n;

	(void)state;
	for (kind = STRICT; kind < KINDS; kind++) {
		for (what = 0; what < 2; what++) {
			unsigned int failures = 0;

			for (n = 1; n < 24; n++) {
				int status;
				iommu_iova_t address = 0;
				iommu_paddr_t memory;
				void *shared = NULL;

				begin(kind, BIT, 0);
				memory = model_machine_take(&f.machine, 4);
				f.machine.fail_at = f.machine.allocations + n;
				status = what == 0 ? iommu_dma_map(f.dma, &device, memory + 1, PAGE,
								   BOTH, &address)
						   : iommu_dma_alloc(f.dma, &device, 3 * PAGE,
								     &shared, &address);
				f.machine.fail_at = 0;
				if (status == 0 && what == 0)
					assert_int_equal(iommu_dma_unmap(f.dma, address, PAGE), 0);
				else if (status == 0)
					assert_int_equal(
						iommu_dma_free(f.dma, shared, address, 3 * PAGE),
						0);
				else
					assert_int_equal(status, IOMMU_ENOMEM);
				failures += status != 0;
				assert_int_equal(f.shared_pages, 0);
				end();
			}
			assert_true(failures >= 2);
		}
	}
}

/* --- Domains ---------------------------------------------------------------------------------- */

/* Tables that a host maps by itself tell memory apart, too; what it reads from them is plain. */
static void tables_say_what_memory_is(void **state)
{
	struct iommu_map_piece pieces[2];
	iommu_paddr_t memory;

	(void)state;
	begin(STRICT, BIT, BIT << 1);
	memory = model_machine_take(&f.machine, 4);
	pieces[0] = (struct iommu_map_piece){.paddr = memory, .size = PAGE};
	pieces[1] = (struct iommu_map_piece){.paddr = memory + 2 * PAGE, .size = PAGE};
	assert_int_equal(iommu_map(f.host.domain, 0x10000, memory, PAGE, IOMMU_PROT_READ), 0);
	assert_int_equal(iommu_map(f.host.domain, 0x20000, memory, PAGE,
				   IOMMU_PROT_READ | IOMMU_PROT_SHARED),
			 0);
	assert_int_equal(
		iommu_map(f.host.domain, 0x30000, memory, PAGE, IOMMU_PROT_READ | IOMMU_PROT_MMIO),
		0);
	assert_int_equal(iommu_map_sg(f.host.domain, 0x40000, pieces, 2,
				      IOMMU_PROT_READ | IOMMU_PROT_SHARED, NULL),
			 0);
	assert_int_equal(iommu_map_nosync(f.host.domain, 0x50000, memory, PAGE, IOMMU_PROT_READ),
			 0);
	assert_int_equal(iommu_sync_map(f.host.domain, 0x50000, PAGE), 0);
	{
		static const struct {
			iommu_iova_t iova;
			uint64_t offset;
			iommu_paddr_t bits;
		} cases[] = {
			{0x10000, 0, BIT},      {0x20000, 0, BIT << 1},        {0x30000, 0, 0},
			{0x40000, 0, BIT << 1}, {0x41000, 2 * PAGE, BIT << 1}, {0x50000, 0, BIT}};
		unsigned int i;

		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			iommu_paddr_t to = 0;
			iommu_paddr_t plain = 0;

			(void)model_device_access(f.device, cases[i].iova, IOMMU_PROT_READ, &to);
			f.machine.violation = NULL;
			assert_true(to == ((memory + cases[i].offset) | cases[i].bits));
			assert_int_equal(iommu_iova_to_phys(f.host.domain, cases[i].iova, &plain),
					 0);
			assert_true(plain == memory + cases[i].offset);
		}
	}
	assert_int_equal(iommu_unmap(f.host.domain, 0x10000, 0x50000, 0, NULL), 0);
	assert_true(iommu_dma_device_of(f.host.endpoint, 0).shared_only);
	end();
}

/* Tables that map memory to itself call it private; no device address can say otherwise. */
static void an_identity_of_tables_is_no_place_for_sharing(void **state)
{
	struct iommu_domain *identity = NULL;
	struct iommu_dma_config config = {.flags = 0};
	struct iommu_group *group;
	iommu_paddr_t memory;
	iommu_paddr_t to = 0;
	struct iommu_dma *dma;

	(void)state;
	begin(STRICT, BIT, 0);
	memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_add_memory(f.host.iommu, MACHINE_BASE,
					  MACHINE_BASE + MACHINE_PAGES * PAGE - 1),
			 0);
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(f.host.iommu, NULL),
					    IOMMU_DOMAIN_IDENTITY, NULL, &identity),
			 0);
	config.domain = identity;
	assert_int_equal(iommu_dma_create(&config, &dma), IOMMU_EOPNOTSUPP);
	group = iommu_endpoint_group(f.host.endpoint);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_attach_group(identity, group), 0);
	(void)model_device_access(f.device, memory, IOMMU_PROT_READ, &to);
	f.machine.violation = NULL;
	assert_true(to == (memory | BIT));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_free(identity), 0);
	assert_int_equal(iommu_domain_attach_group(f.host.domain, group), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_are_replaced_whole),
		cmocka_unit_test(lists_are_replaced_piece_by_piece),
		cmocka_unit_test(addresses_say_what_memory_is),
		cmocka_unit_test(memory_is_shared_with_the_host),
		cmocka_unit_test(a_host_without_shared_pages_refuses),
		cmocka_unit_test(a_failed_allocation_changes_nothing),
		cmocka_unit_test(tables_say_what_memory_is),
		cmocka_unit_test(an_identity_of_tables_is_no_place_for_sharing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
