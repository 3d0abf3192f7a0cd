/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces from many threads: two map and unmap, one copies, one binds and unbinds devices,
 * one pins memory and unpins it when it is told, two race for the two devices of one group, one
 * destroys what another maps in, one piece of memory changes its owner while others read it, and
 * one is revoked and restored. For the thread sanitizer; without it, for what must hold in the end:
 * nothing is pinned, and nothing was pinned twice.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <libiommu/iommu.h>

#include "fake_vtd.h"
#include "test.h"

#define ROUNDS 3000
#define PAGES  256
#define ANY    (IOMMU_IOAS_READ | IOMMU_IOAS_WRITE)
#define HELD   0x40000000ULL
#define OWNED  0x80000000ULL
#define TAKEN  0xc0000000ULL

static struct {
	struct fake_machine machine;
	struct iommu *iommu;
	struct iommu_endpoint *endpoints[3];
	struct iommu_file *ctx;
	struct iommu_device_files *files;
	uint32_t spaces[2], access;
	uint32_t fleeting[2];      /* a space and an access that come and go; atomic */
	uint32_t reader;           /* an access of the second space */
	bool is_taken;             /* the memory that is revoked: atomic */
	bool owns[2];              /* which of two has the memory that changes hands; atomic */
	uint32_t pinned[8][PAGES]; /* of eight pieces of memory; atomic */
	pthread_mutex_t holder;
	bool holds;
	bool stop;
} s;

/* cmocka's assertions are for the main thread: the others count. */
static unsigned int failures;

static void expect_at(bool holds, unsigned int line)
{
	if (!holds)
		print_error("line %u\n", line);
	if (!holds)
		__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

#define expect(condition) expect_at(condition, __LINE__)

static bool must_stop(void)
{
	return __atomic_load_n(&s.stop, __ATOMIC_RELAXED);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static int pin(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
	       struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	uint32_t *pinned = ctx;
	unsigned int n = 0;

	(void)prot;
	for (; n < room && size != 0; n++, address += 4096, size -= 4096) {
		expect(__atomic_exchange_n(&pinned[address >> 12], 1, __ATOMIC_RELAXED) == 0);
		pieces[n] = (struct iommu_map_piece){(1ULL << 32) + address * 2, 4096};
	}
	*count = n;
	return 0;
}

static void unpin(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
		  unsigned int count, unsigned int prot)
{
	uint32_t *pinned = ctx;

	(void)prot;
	for (unsigned int i = 0; i < count; i++)
		for (uint64_t at = 0; at < pieces[i].size; at += 4096, address += 4096) {
			expect(pieces[i].paddr + at == (1ULL << 32) + address * 2);
			expect(__atomic_exchange_n(&pinned[address >> 12], 0, __ATOMIC_RELAXED) ==
			       1);
		}
}

static int copy(void *ctx, uint64_t address, void *bytes, size_t size, bool write)
{
	(void)ctx;
	(void)address;
	if (!write)
		memset(bytes, 0, size);
	return 0;
}

static const struct iommu_backing_ops memory_ops = {.pin = pin, .unpin = unpin, .copy = copy};

static struct iommu_backing memory(unsigned int piece)
{
	return (struct iommu_backing){&memory_ops, s.pinned[piece], 0};
}

/* Memory with an owner, which must not be asked for memory of another. */
static uint32_t *owned_by(void *ctx)
{
	expect(__atomic_load_n((bool *)ctx, __ATOMIC_RELAXED));
	return s.pinned[4];
}

static int owned_pin(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
		     struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	return pin(owned_by(ctx), address, size, prot, pieces, room, count);
}

static void owned_unpin(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
			unsigned int count, unsigned int prot)
{
	unpin(owned_by(ctx), address, pieces, count, prot);
}

static int owned_copy(void *ctx, uint64_t address, void *bytes, size_t size, bool write)
{
	const struct timespec a_moment = {0, 50000};
	int status = copy(owned_by(ctx), address, bytes, size, write);

	/* Still, at the end. */
	(void)nanosleep(&a_moment, NULL);
	(void)owned_by(ctx);
	return status;
}

static bool owned_is_same(void *ctx, void *other, uint64_t address, uint64_t size)
{
	(void)address;
	(void)size;
	return ctx != other;
}

static const struct iommu_backing_ops owned_ops = {
	.pin = owned_pin, .unpin = owned_unpin, .copy = owned_copy, .is_same = owned_is_same};

/* Memory that is revoked, and pinned by nothing then. */
static int taken_pin(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
		     struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	expect(!__atomic_load_n(&s.is_taken, __ATOMIC_RELAXED));
	return pin(ctx, address, size, prot, pieces, room, count);
}

static int taken_copy(void *ctx, uint64_t address, void *bytes, size_t size, bool write)
{
	const struct timespec a_moment = {0, 50000};
	const int status = copy(ctx, address, bytes, size, write);

	(void)nanosleep(&a_moment, NULL);
	expect(!__atomic_load_n(&s.is_taken, __ATOMIC_RELAXED));
	return status;
}

static const struct iommu_backing_ops taken_ops = {
	.pin = taken_pin, .unpin = unpin, .copy = taken_copy, .flags = IOMMU_BACKING_MMIO};

/* --- Threads ---------------------------------------------------------------------------------- */

static void *map_and_unmap(void *argument)
{
	const unsigned int piece = (unsigned int)(uintptr_t)argument;
	const struct iommu_backing backing = memory(piece);
	unsigned int i = 0;

	while (!must_stop()) {
		const uint32_t space = s.spaces[i++ % 2];
		iommu_iova_t iova = 0, second = 0;
		uint64_t unmapped;

		if (iommu_ioas_map(s.ctx, space, &backing, (1 + i % 64) * 4096, ANY, &iova) != 0)
			continue;
		/* A copy beside it, in the other space. */
		if (iommu_ioas_copy(s.ctx, s.spaces[i % 2], space, iova, 4096, ANY, &second) == 0)
			expect(iommu_ioas_unmap(s.ctx, s.spaces[i % 2], second, 4096, &unmapped) ==
			       0);
		expect(iommu_ioas_unmap(s.ctx, space, iova, (1 + i % 64) * 4096, &unmapped) == 0);
		expect(unmapped == (1 + i % 64) * 4096);
	}
	return NULL;
}

/* Called by the thread that unmaps. */
static void let_go(void *ctx, iommu_iova_t iova, uint64_t size)
{
	(void)ctx;
	if (HELD > iova + (size - 1) || iova > HELD + 0x3fff)
		return;
	pthread_mutex_lock(&s.holder);
	if (s.holds)
		expect(iommu_access_unpin(s.ctx, s.access, HELD, 0x4000) == 0);
	s.holds = false;
	pthread_mutex_unlock(&s.holder);
}

static void *access_memory(void *argument)
{
	iommu_paddr_t pages[4];
	unsigned char bytes[100];

	(void)argument;
	while (!must_stop()) {
		bool holds;

		pthread_mutex_lock(&s.holder);
		holds = s.holds;
		pthread_mutex_unlock(&s.holder);
		(void)iommu_access_rw(s.ctx, s.access, HELD + 0xff0, bytes, sizeof(bytes), true);
		if (holds)
			continue;
		/*
		 * It may be unmapped meanwhile: then who does that waits until it is noted and let
		 * go of.
		 */
		if (iommu_access_pin(s.ctx, s.access, HELD, 0x4000, IOMMU_PROT_READ, pages) == 0) {
			pthread_mutex_lock(&s.holder);
			s.holds = true;
			pthread_mutex_unlock(&s.holder);
		}
	}
	return NULL;
}

static void *map_what_is_held(void *argument)
{
	const struct iommu_backing backing = memory(2);

	(void)argument;
	while (!must_stop()) {
		iommu_iova_t iova = HELD;
		int status = iommu_ioas_map(s.ctx, s.spaces[0], &backing, 0x8000,
					    ANY | IOMMU_IOAS_FIXED, &iova);

		expect(status == 0);
		/* Who has just pinned may not have noted it in time. */
		do
			status = iommu_ioas_unmap(s.ctx, s.spaces[0], HELD, 0x8000, NULL);
		while (status == IOMMU_EBUSY);
		expect(status == 0);
	}
	return NULL;
}

/* A space that comes and goes, whatever is in it … */
static void *make_and_destroy(void *argument)
{
	(void)argument;
	while (!must_stop()) {
		uint32_t space = 0, access = 0;

		expect(iommu_ioas_alloc(s.ctx, 0, &space) == 0);
		__atomic_store_n(&s.fleeting[0], space, __ATOMIC_RELAXED);
		expect(iommu_access_alloc(s.ctx, let_go, NULL, &access) == 0);
		__atomic_store_n(&s.fleeting[1], access, __ATOMIC_RELAXED);
		expect(iommu_object_destroy(s.ctx, access) == 0);
		expect(iommu_object_destroy(s.ctx, space) == 0);
	}
	return NULL;
}

/* … and a thread that still knows its id: it may be free, or another object's by now. */
static void *map_in_what_may_be_gone(void *argument)
{
	const struct iommu_backing backing = memory(3);

	(void)argument;
	while (!must_stop()) {
		const uint32_t space = __atomic_load_n(&s.fleeting[0], __ATOMIC_RELAXED);
		const uint32_t access = __atomic_load_n(&s.fleeting[1], __ATOMIC_RELAXED);
		iommu_iova_t iova = HELD + 0x100000;
		int status = iommu_access_unpin(s.ctx, access, HELD, 0x1000);

		expect(status == IOMMU_ENOENT || status == IOMMU_EINVAL);
		status = iommu_ioas_map(s.ctx, space, &backing, 0x4000, ANY | IOMMU_IOAS_FIXED,
					&iova);

		expect(status == 0 || status == IOMMU_ENOENT || status == IOMMU_EINVAL);
		if (status != 0)
			continue;
		status = iommu_ioas_unmap(s.ctx, space, iova, 0x4000, NULL);
		expect(status == 0 || status == IOMMU_ENOENT || status == IOMMU_EINVAL);
	}
	return NULL;
}

/* Memory goes from one owner to the other and back; a copy of it is in the other space. */
static void *change_owners(void *argument)
{
	const struct iommu_backing backing = {&owned_ops, &s.owns[0], 0};
	const struct timespec a_moment = {0, 200000};
	iommu_iova_t iova = OWNED;
	unsigned int now = 0;

	(void)argument;
	expect(iommu_ioas_map(s.ctx, s.spaces[0], &backing, 0x8000, ANY | IOMMU_IOAS_FIXED,
			      &iova) == 0);
	expect(iommu_ioas_copy(s.ctx, s.spaces[1], s.spaces[0], OWNED, 0x8000,
			       ANY | IOMMU_IOAS_FIXED, &iova) == 0);
	while (!must_stop()) {
		__atomic_store_n(&s.owns[now ^ 1], true, __ATOMIC_RELAXED);
		expect(iommu_ioas_change_backing(s.ctx, s.spaces[0], &s.owns[now],
						 &s.owns[now ^ 1]) == 0);
		__atomic_store_n(&s.owns[now], false, __ATOMIC_RELAXED);
		now ^= 1;
		/* Others want the control path, too. */
		(void)nanosleep(&a_moment, NULL);
	}
	/* A reader that is still at it is waited for. */
	for (unsigned int i = 0; i < 2; i++)
		expect(iommu_ioas_unmap(s.ctx, s.spaces[i], OWNED, 0x8000, NULL) == 0);
	return NULL;
}

/* Registers in both spaces that go and come back, whatever is attached. */
static void *revoke_and_restore(void *argument)
{
	const struct iommu_backing backing = {&taken_ops, s.pinned[5], 0};
	const struct timespec a_moment = {0, 200000};
	iommu_iova_t iova = TAKEN;

	(void)argument;
	expect(iommu_ioas_map(s.ctx, s.spaces[0], &backing, 0x8000, ANY | IOMMU_IOAS_FIXED,
			      &iova) == 0);
	expect(iommu_ioas_copy(s.ctx, s.spaces[1], s.spaces[0], TAKEN, 0x8000,
			       ANY | IOMMU_IOAS_FIXED, &iova) == 0);
	while (!must_stop()) {
		expect(iommu_backing_revoke(s.ctx, s.pinned[5]) == 0);
		__atomic_store_n(&s.is_taken, true, __ATOMIC_RELAXED);
		for (unsigned int i = 0; i < 8; i++)
			expect(__atomic_load_n(&s.pinned[5][i], __ATOMIC_RELAXED) == 0);
		(void)nanosleep(&a_moment, NULL);
		__atomic_store_n(&s.is_taken, false, __ATOMIC_RELAXED);
		expect(iommu_backing_restore(s.ctx, s.pinned[5]) == 0);
		(void)nanosleep(&a_moment, NULL);
	}
	for (unsigned int i = 0; i < 2; i++)
		expect(iommu_ioas_unmap(s.ctx, s.spaces[i], TAKEN, 0x8000, NULL) == 0);
	return NULL;
}

static void *look_at_it(void *argument)
{
	struct iommu_ioas_area area;
	struct iommu_file_stats stats;
	unsigned char bytes[100];

	(void)argument;
	while (!must_stop()) {
		for (unsigned int i = 0; i < 2; i++)
			if (iommu_ioas_next_area(s.ctx, s.spaces[i], OWNED, &area) == 0 &&
			    area.iova == OWNED)
				expect(area.backing.ctx == &s.owns[0] ||
				       area.backing.ctx == &s.owns[1]);
		(void)iommu_access_rw(s.ctx, s.reader, OWNED + 0xff0, bytes, sizeof(bytes), false);
		(void)iommu_access_rw(s.ctx, s.reader, TAKEN + 0xff0, bytes, sizeof(bytes), false);
		iommu_file_get_stats(s.ctx, &stats);
		expect(stats.objects >= 4);
	}
	return NULL;
}

static void *attach_and_detach(void *argument)
{
	uint32_t device = 0;

	(void)argument;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		expect(iommu_device_bind(s.ctx, s.endpoints[0], &device) == 0);
		expect(iommu_device_attach(s.ctx, device, 0, s.spaces[i % 2], NULL) == 0);
		expect(iommu_device_replace(s.ctx, device, 0, s.spaces[(i + 1) % 2], NULL) == 0);
		if (i % 3 != 0)
			expect(iommu_device_detach(s.ctx, device, 0) == 0);
		expect(iommu_device_unbind(s.ctx, device) == 0);
	}
	return NULL;
}

/* One of the two devices of a group. */
static void *open_and_close(void *argument)
{
	struct iommu_endpoint *endpoint = argument;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct iommu_device_file *file = NULL;
		uint32_t device;

		expect(iommu_device_file_open(s.files, endpoint, &file) == 0);
		expect(iommu_device_file_bind(file, s.ctx, &device) == 0);
		/* The other member may be there already, and has to be where this one goes. */
		expect(iommu_device_file_attach(file, 0, s.spaces[1], NULL) == 0);
		if (i % 2 != 0)
			expect(iommu_device_file_detach(file, 0) == 0);
		expect(iommu_device_file_close(file) == 0);
	}
	return NULL;
}

static void everything_at_once(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = 0x20, .type = IOMMU_PCI_INTEGRATED},
		{.devfn = 0x28, .type = IOMMU_PCI_INTEGRATED},
		{.devfn = 0x30, .type = IOMMU_PCI_INTEGRATED, .alias_count = 1, .aliases = {0x28}}};
	static const struct iommu_pci_topology topology = {functions, 3};
	pthread_t runners[9], workers[3];

	(void)state;
	memset(&s, 0, sizeof(s));
	failures = 0;
	pthread_mutex_init(&s.holder, NULL);
	fake_machine_init(&s.machine, 1, FAKE_CAP_48, FAKE_ECAP_QI);
	assert_int_equal(iommu_create(&s.machine.test.platform, &s.iommu), 0);
	assert_int_equal(iommu_vtd_probe(s.iommu, s.machine.dmar, s.machine.dmar_size, NULL), 0);
	assert_int_equal(iommu_set_pci_topology(s.iommu, &topology), 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct iommu_endpoint_info info = {.source_id = functions[i].devfn};

		assert_int_equal(iommu_probe_endpoint(s.iommu, &info, &s.endpoints[i]), 0);
	}
	assert_ptr_equal(iommu_endpoint_group(s.endpoints[1]),
			 iommu_endpoint_group(s.endpoints[2]));
	assert_int_equal(iommu_vtd_enable(s.iommu), 0);
	assert_int_equal(iommu_file_create(s.iommu, NULL, &s.ctx), 0);
	assert_int_equal(iommu_device_files_create(s.iommu, &s.files), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_ioas_alloc(s.ctx, 0, &s.spaces[i]), 0);
	assert_int_equal(iommu_access_alloc(s.ctx, let_go, NULL, &s.access), 0);
	assert_int_equal(iommu_access_attach(s.ctx, s.access, s.spaces[0]), 0);
	assert_int_equal(iommu_access_alloc(s.ctx, NULL, NULL, &s.reader), 0);
	assert_int_equal(iommu_access_attach(s.ctx, s.reader, s.spaces[1]), 0);
	s.owns[0] = true;
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&runners[i], NULL, map_and_unmap, (void *)(uintptr_t)i), 0);
	assert_int_equal(pthread_create(&runners[2], NULL, access_memory, NULL), 0);
	assert_int_equal(pthread_create(&runners[3], NULL, map_what_is_held, NULL), 0);
	assert_int_equal(pthread_create(&runners[4], NULL, make_and_destroy, NULL), 0);
	assert_int_equal(pthread_create(&runners[5], NULL, map_in_what_may_be_gone, NULL), 0);
	assert_int_equal(pthread_create(&runners[6], NULL, change_owners, NULL), 0);
	assert_int_equal(pthread_create(&runners[7], NULL, look_at_it, NULL), 0);
	assert_int_equal(pthread_create(&runners[8], NULL, revoke_and_restore, NULL), 0);
	assert_int_equal(pthread_create(&workers[0], NULL, attach_and_detach, NULL), 0);
	assert_int_equal(pthread_create(&workers[1], NULL, open_and_close, s.endpoints[1]), 0);
	assert_int_equal(pthread_create(&workers[2], NULL, open_and_close, s.endpoints[2]), 0);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(workers[i], NULL);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 9; i++)
		pthread_join(runners[i], NULL);
	assert_int_equal(failures, 0);
	assert_int_equal(iommu_device_files_destroy(s.files), 0);
	assert_int_equal(iommu_file_destroy(s.ctx), 0);
	for (unsigned int piece = 0; piece < 8; piece++)
		for (unsigned int i = 0; i < PAGES; i++)
			assert_int_equal(s.pinned[piece][i], 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(iommu_release_endpoint(s.endpoints[i]), 0);
	assert_int_equal(iommu_destroy(s.iommu), 0);
	fake_machine_destroy(&s.machine);
	pthread_mutex_destroy(&s.holder);
}

/* --- One call at a time, as the locks have it ------------------------------------------------- */

/*
 * The owner changes while a copy of the memory in another space is being read: the change waits,
 * and says so by platform->relax.
 */
static struct {
	pthread_t changer;
	bool began, waits, done, came_first;
} r;

static void note_waiting(void *ctx)
{
	(void)ctx;
	if (pthread_equal(pthread_self(), r.changer) != 0)
		__atomic_store_n(&r.waits, true, __ATOMIC_RELEASE);
}

static void *change_owner(void *argument)
{
	(void)argument;
	/* The other thread has stored which thread this is. */
	while (!__atomic_load_n(&r.began, __ATOMIC_ACQUIRE))
		;
	expect(iommu_ioas_change_backing(s.ctx, s.spaces[0], &s.owns[0], &s.owns[1]) == 0);
	__atomic_store_n(&r.done, true, __ATOMIC_RELEASE);
	return NULL;
}

static int change_while_copied(void *ctx, uint64_t address, void *bytes, size_t size, bool write)
{
	const struct timespec a_moment = {0, 50000};

	assert_int_equal(pthread_create(&r.changer, NULL, change_owner, NULL), 0);
	__atomic_store_n(&r.began, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&r.waits, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&r.done, __ATOMIC_ACQUIRE))
		(void)nanosleep(&a_moment, NULL);
	r.came_first = !__atomic_load_n(&r.done, __ATOMIC_ACQUIRE);
	return copy(ctx, address, bytes, size, write);
}

static void an_owner_does_not_change_while_a_copy_is_read(void **state)
{
	struct iommu_backing_ops ops = owned_ops;
	const struct iommu_backing backing = {&ops, &s.owns[0], 0};
	iommu_iova_t iova = OWNED;
	unsigned char byte;

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&r, 0, sizeof(r));
	failures = 0;
	s.owns[0] = s.owns[1] = true;
	ops.copy = change_while_copied;
	fake_machine_init(&s.machine, 1, FAKE_CAP_48, FAKE_ECAP_QI);
	s.machine.test.platform.relax = note_waiting;
	assert_int_equal(iommu_create(&s.machine.test.platform, &s.iommu), 0);
	assert_int_equal(iommu_file_create(s.iommu, NULL, &s.ctx), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_ioas_alloc(s.ctx, 0, &s.spaces[i]), 0);
	assert_int_equal(iommu_access_alloc(s.ctx, NULL, NULL, &s.reader), 0);
	assert_int_equal(iommu_access_attach(s.ctx, s.reader, s.spaces[1]), 0);
	assert_int_equal(
		iommu_ioas_map(s.ctx, s.spaces[0], &backing, 0x1000, ANY | IOMMU_IOAS_FIXED, &iova),
		0);
	assert_int_equal(iommu_ioas_copy(s.ctx, s.spaces[1], s.spaces[0], OWNED, 0x1000,
					 ANY | IOMMU_IOAS_FIXED, &iova),
			 0);
	assert_int_equal(iommu_access_rw(s.ctx, s.reader, OWNED, &byte, 1, false), 0);
	assert_true(r.came_first);
	pthread_join(r.changer, NULL);
	assert_true(r.done);
	assert_int_equal(failures, 0);
	assert_int_equal(iommu_file_destroy(s.ctx), 0);
	assert_int_equal(iommu_destroy(s.iommu), 0);
	fake_machine_destroy(&s.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_does_not_change_while_a_copy_is_read),
		cmocka_unit_test(everything_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
