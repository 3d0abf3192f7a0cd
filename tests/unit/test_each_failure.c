/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each failure that the host or a unit can cause, at each place where it can happen: a script of
 * calls is run again and again, and in the n-th run the n-th allocation fails, or the unit begins
 * to fail at the n-th access to a register. The call that meets it fails with the status for that,
 * or succeeds all the same. Once the cause is gone, the same call succeeds, and so does the rest of
 * the script, with the same results as without any failure; at the end all pages are back, and
 * devices reach nothing.
 */
#include <string.h>

#include <libiommu/dma.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/vfio.h>
#include <libiommu/vtd_interrupt.h>

#include "ioas/ioas.h"
#include "ioas_fixture.h"
#include "test.h"
#include "test_contract.h"

#define PASID         77
#define MUCH          (EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS)
#define PAGE          IOMMU_PAGE_SIZE
#define METADATA_STEP 72ULL
#define SHORTEST      3 /* events of a script, at least */

/* --- Failures --------------------------------------------------------------------------------- */

enum kind {
	NO_MEMORY,
	NO_MUTEX,
	NO_PIN,      /* the owner of memory fails */
	NO_METADATA, /* a file has less of it than it needs */
	WAITS_HANG,
	INVALIDATIONS_HANG,
	COMMANDS_HANG,
	REFUSES,
	GONE,
};

static struct {
	const char *script;
	enum kind kind;
	uint64_t nth; /* event at which it happens; 0: never */
	uint64_t events;
	struct iommu_file *file; /* with a limit */
	bool is_on, has_struck;
	bool units_are_on; /* … and no call turns them off */
} failure;

static struct iommu_model_vtd_faults faults_of(enum kind kind)
{
	struct iommu_model_vtd_faults faults = {.waits_hang = kind == WAITS_HANG};

	faults.invalidations_hang = kind == INVALIDATIONS_HANG;
	faults.commands_hang = kind == COMMANDS_HANG;
	faults.refuse_after = kind == REFUSES;
	faults.gone = kind == GONE;
	return faults;
}

static void misbehave(const struct iommu_model_vtd_faults *faults)
{
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], faults);
}

static void *(*true_mutex_create)(void *context);

static void *count_mutex(void *context)
{
	failure.is_on = failure.is_on || ++failure.events == failure.nth;
	return failure.is_on ? NULL : true_mutex_create(context);
}

/* Before each access to a register. */
static void count_access(struct model_machine *machine)
{
	const struct iommu_model_vtd_faults faults = faults_of(failure.kind);

	(void)machine;
	if (failure.kind < WAITS_HANG)
		return;
	/*
	 * A unit that is turned off while descriptors are stuck in its queue executes them later,
	 * which the driver cannot help.
	 */
	if ((failure.kind == INVALIDATIONS_HANG || failure.kind == GONE) && !failure.units_are_on)
		return;
	if (++failure.events != failure.nth)
		return;
	failure.is_on = true;
	misbehave(&faults);
}

static void begin_failure(const char *script, enum kind kind, uint64_t nth)
{
	memset(&failure, 0, sizeof(failure));
	failure.script = script;
	failure.kind = kind;
	failure.nth = nth;
	if (kind == NO_MEMORY)
		f.machine.fail_at = nth;
	true_mutex_create = f.machine.platform.mutex_create;
	if (kind == NO_MUTEX && true_mutex_create != NULL)
		f.machine.platform.mutex_create = count_mutex;
	f.machine.meanwhile = count_access;
	f.machine.meanwhile_reading = true;
}

/* Memory to map, whose owner may fail. */
static void begin_memory(enum test_memory_shape shape)
{
	test_memory_init(&memory, shape, 0x7f0000000000, PAGES, 1ULL << 36);
	memory.failure = IOMMU_EFAULT;
	if (failure.kind != NO_PIN || failure.nth == 0)
		return;
	memory.fail_after = failure.nth;
	failure.is_on = true;
}

/* A file that is to have less than it needs, or one that shows what it needs. */
static void limit(struct iommu_file *file)
{
	if (failure.kind == NO_METADATA && failure.nth != 0 && !failure.has_struck)
		file->limits.metadata_bytes = failure.nth * METADATA_STEP;
}

static void note_metadata(struct iommu_file *file)
{
	struct iommu_file_stats stats;

	iommu_file_get_stats(file, &stats);
	if (failure.kind == NO_METADATA && stats.metadata_bytes / METADATA_STEP > failure.events)
		failure.events = stats.metadata_bytes / METADATA_STEP;
}

static bool is_struck(void)
{
	if (failure.kind == NO_PIN)
		return failure.is_on && memory.fail_after == 0;
	if (failure.kind == NO_METADATA)
		return failure.file != NULL && failure.file->limits.metadata_bytes != 0;
	if (failure.kind != NO_MEMORY)
		return failure.is_on;
	return f.machine.fail_at != 0 && f.machine.allocations >= f.machine.fail_at;
}

static void heal(void)
{
	const struct iommu_model_vtd_faults none = {0};

	if (!is_struck())
		return;
	if (failure.kind == NO_METADATA)
		failure.file->limits.metadata_bytes = 0;
	f.machine.fail_at = 0;
	failure.is_on = false;
	failure.has_struck = true;
	misbehave(&none);
}

static bool is_expected(int status)
{
	switch (failure.kind) {
	case NO_MEMORY:
	case NO_MUTEX:
		return status == IOMMU_ENOMEM;
	case NO_PIN:
		return status == IOMMU_EFAULT;
	case NO_METADATA:
		return status == IOMMU_ENOMEM || status == IOMMU_ENOSPC;
	case WAITS_HANG:
	case INVALIDATIONS_HANG:
	case COMMANDS_HANG:
	case REFUSES:
	case GONE:
	default:
		break;
	}
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* Is the call to be repeated? */
static bool has_failed(int status, const char *call, unsigned int line)
{
	const bool struck = is_struck();

	if (failure.file != NULL)
		note_metadata(failure.file);
	if (status == 0 && failure.kind == NO_METADATA)
		return false;
	if (status == 0 || (struck && is_expected(status))) {
		heal();
		return status != 0;
	}
	print_error("line %u of \"%s\": failure %d at event %llu: %s returned %d: %s\n", line,
		    failure.script, (int)failure.kind, (unsigned long long)failure.nth, call,
		    status, f.machine.last[IOMMU_LOG_REFUSAL]);
	fail();
	return false;
}

#define STEP(call)                                                                                 \
	do {                                                                                       \
	} while (has_failed(call, #call, __LINE__))

/* The same of a call that may have done what it is for, though no unit has confirmed that. */
static bool has_not_ended(int status, const char *call, unsigned int line)
{
	static bool is_again;
	const bool was_again = is_again;

	is_again = false;
	if (was_again && (status == IOMMU_EINVAL || status == IOMMU_ENOENT))
		return false;
	is_again = has_failed(status, call, line);
	return is_again;
}

#define END(call)                                                                                  \
	do {                                                                                       \
	} while (has_not_ended(call, #call, __LINE__))

/* The same of a call that is not to be repeated: it has done what it is for, confirmed or not. */
#define ONCE(call) ((void)has_failed(call, #call, __LINE__))

/* --- The machine ------------------------------------------------------------------------------ */

struct machine_kind {
	unsigned int flags, units, devices;
	bool is_bare; /* the host has only the services that it must have, and relax */
};

static void relax(void *context)
{
	(void)context;
}

static void take_services(struct iommu_platform *platform)
{
	platform->mutex_create = NULL;
	platform->mutex_destroy = NULL;
	platform->mutex_lock = platform->mutex_unlock = NULL;
	platform->log = NULL;
	platform->relax = relax;
}

static void build(const struct machine_kind *kind)
{
	const struct iommu_model_vtd_config config = {.flags = kind->flags,
						      .levels = 1U << 3 | 1U << 4,
						      .address_mask = 9,
						      .fault_records = 4};

	machine(kind->units, &config);
	if (kind->is_bare)
		take_services(&f.machine.platform);
	devices(kind->devices);
	f.info.max_pasids = 1U << 16;
	f.info.page_requests = 8;
	f.info.device_tlb = (kind->flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0;
}

static void start(void)
{
	const struct iommu_vtd_options options = {.timeout_ns = QUICK_NS};

	STEP(iommu_create(&f.machine.platform, &f.iommu));
	STEP(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options));
	for (unsigned int i = 0; i < f.machine.unit_count; i++) {
		f.unit[i] = iommu_next_unit(f.iommu, i == 0 ? NULL : f.unit[i - 1]);
		assert_non_null(f.unit[i]);
	}
	for (unsigned int i = 0; i < f.devices; i++) {
		STEP(endpoint(i));
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		f.device[i]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[i]);
	}
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		STEP(iommu_unit_enable(f.unit[i]));
	failure.units_are_on = true;
}

static void stop(void)
{
	for (unsigned int i = 0; i < f.devices; i++) {
		assert_true(is_blocked(i, IOVA));
		END(iommu_release_endpoint(f.endpoint[i]));
	}
	failure.units_are_on = false;
	STEP(iommu_destroy(f.iommu));
	heal();
	f.machine.meanwhile = NULL;
	model_machine_destroy(&f.machine);
}

/* --- IOMMU files ------------------------------------------------------------------------------ */

static struct iommu_backing at(uint64_t offset)
{
	return test_memory_at(&memory, offset);
}

static void create_file(void)
{
	STEP(iommu_file_create(f.iommu, NULL, &ctx));
	failure.file = ctx;
	limit(ctx);
}

static void destroy_file(void)
{
	note_metadata(ctx);
	failure.file = NULL;
	STEP(iommu_file_destroy(ctx));
}

static struct iommu_account *account;

/* What the file pins is charged to an account, too. */
static void open_file(void)
{
	STEP(iommu_account_create(f.iommu, PAGES, &account));
	create_file();
	STEP(iommu_file_set_account(ctx, account));
	STEP(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &ioas));
	for (unsigned int i = 0; i < f.devices; i++)
		STEP(iommu_device_bind(ctx, f.endpoint[i], &device[i]));
}

static void map_and_attach(void)
{
	const struct iommu_iova_bounds ranges[] = {{0x1000000, 0xbfffffff}, {IOVA, 2 * IOVA}};
	const struct iommu_backing first = at(0), second = at(0x400000);
	iommu_iova_t iova = IOVA;

	STEP(iommu_ioas_allow(ctx, ioas, ranges, 2));
	STEP(iommu_ioas_map(ctx, ioas, &first, 0x3000, FIXED, &iova));
	STEP(iommu_device_attach(ctx, device[0], IOMMU_NO_PASID, ioas, NULL));
	STEP(iommu_device_attach(ctx, device[1], IOMMU_NO_PASID, ioas, NULL));
	iova = IOVA + 0x40000000;
	STEP(iommu_ioas_map(ctx, ioas, &second, 0x201000, FIXED, &iova));
	assert_true(leads(0, IOVA + 0x2000, 0x2000));
	assert_true(leads(1, iova + 0x200000, 0x600000));
}

static void unmap_parts(void)
{
	const iommu_iova_t iova = IOVA + 0x40000000;

	END(iommu_ioas_unmap(ctx, ioas, iova + 0x100000, 0x1000, NULL));
	assert_true(is_blocked(0, iova + 0x100000));
	assert_true(leads(0, iova + 0x101000, 0x501000));
	END(iommu_ioas_unmap(ctx, ioas, iova, 0x100000, NULL));
	assert_true(is_blocked(1, iova));
	assert_true(leads(1, iova + 0x101000, 0x501000));
}

static void move(void)
{
	const struct iommu_backing backing = at(0x800000);
	iommu_iova_t iova = IOVA;
	uint32_t other;

	STEP(iommu_ioas_alloc(ctx, 0, &other));
	STEP(iommu_ioas_map(ctx, other, &backing, 0x1000, FIXED, &iova));
	STEP(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, other, NULL));
	assert_true(leads(0, IOVA, 0x800000));
	iova = 0x40000000;
	STEP(iommu_ioas_copy(ctx, other, ioas, IOVA, 0x3000, FIXED, &iova));
	assert_true(leads(0, iova + 0x1000, 0x1000));
	STEP(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, ioas, NULL));
	assert_true(leads(0, IOVA, 0));
	END(iommu_object_destroy(ctx, other));
}

static void revoke(void)
{
	STEP(iommu_backing_revoke(ctx, &memory));
	assert_true(is_blocked(0, IOVA));
	STEP(iommu_backing_restore(ctx, &memory));
	assert_true(leads(0, IOVA, 0));
}

static void note_writes(void)
{
	const struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_DIRTY};
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};
	uint32_t hwpt;

	STEP(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt));
	STEP(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, hwpt, NULL));
	STEP(iommu_hwpt_set_dirty(ctx, hwpt, true));
	STEP(iommu_hwpt_split(ctx, hwpt, IOVA, 0x3000, PAGE));
	assert_true(leads(0, IOVA + 0x1000, 0x1000));
	STEP(iommu_hwpt_read_dirty(ctx, hwpt, IOVA, 0x3000, 0, &bitmap));
	/* Where a failure met it more pages may be noted than were written, never less. */
	assert_true(word == 2 || (failure.has_struck && word == 7));
	STEP(iommu_hwpt_set_dirty(ctx, hwpt, false));
	STEP(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, ioas, NULL));
	END(iommu_object_destroy(ctx, hwpt));
}

static void by_pasid(void)
{
	iommu_paddr_t to = 0;
	uint32_t other;

	STEP(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID));
	STEP(iommu_ioas_alloc(ctx, 0, &other));
	STEP(iommu_device_attach(ctx, device[0], PASID, ioas, NULL));
	assert_int_equal(model_device_access_pasid(f.device[0], PASID, IOVA, IOMMU_PROT_WRITE, &to),
			 0);
	assert_int_equal(to, test_memory_paddr(&memory, 0));
	STEP(iommu_device_replace(ctx, device[0], PASID, other, NULL));
	assert_int_not_equal(
		model_device_access_pasid(f.device[0], PASID, IOVA, IOMMU_PROT_WRITE, &to), 0);
	END(iommu_device_detach(ctx, device[0], PASID));
	END(iommu_object_destroy(ctx, other));
	STEP(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PASID));
}

static void unpin_nothing(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	(void)iova;
	(void)size;
}

static void by_software(void)
{
	iommu_paddr_t pages[3];
	uint32_t access;

	STEP(iommu_access_alloc(ctx, unpin_nothing, NULL, &access));
	STEP(iommu_access_attach(ctx, access, ioas));
	STEP(iommu_access_pin(ctx, access, IOVA, 0x3000, IOMMU_PROT_READ, pages));
	assert_int_equal(pages[2], test_memory_paddr(&memory, 0x2000));
	STEP(iommu_access_unpin(ctx, access, IOVA, 0x3000));
	STEP(iommu_access_detach(ctx, access));
	END(iommu_object_destroy(ctx, access));
}

/* A unit that did not confirm that page requests were drained has left them on. */
static void stop_asking(void)
{
	const unsigned int on = iommu_endpoint_features(f.endpoint[0]);

	if (failure.has_struck && (on & IOMMU_FEATURE_PAGE_REQUESTS) != 0)
		STEP(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS));
	STEP(iommu_endpoint_disable_feature(f.endpoint[0], IOMMU_FEATURE_ATS));
}

static void by_guest(void)
{
	const struct iommu_vtd_first_stage stage = {.table = IOVA, .levels = 4};
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT};
	struct iommu_hwpt_config nested = {.user_data = &stage, .user_size = sizeof(stage)};
	const struct iommu_vtd_invalidation all = {.pages = UINT64_MAX};
	uint32_t below, above, unit, number, queue, events;
	const bool asks = f.info.device_tlb;
	unsigned int done;

	STEP(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &below));
	STEP(iommu_virtual_unit_alloc(ctx, device[0], below, &unit));
	STEP(iommu_virtual_device_alloc(ctx, unit, device[0], 7, &number));
	STEP(iommu_event_queue_alloc(ctx, unit, NULL, NULL, &events));
	STEP(iommu_fault_queue_alloc(ctx, NULL, NULL, &queue));
	if (asks) {
		STEP(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS));
		nested.flags = IOMMU_HWPT_FAULTS;
		nested.faults = queue;
	}
	STEP(iommu_hwpt_alloc(ctx, device[0], unit, &nested, &above));
	STEP(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, above, NULL));
	STEP(iommu_hwpt_invalidate(ctx, above, &all, sizeof(all), 1, &done));
	assert_int_equal(done, 1);
	STEP(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, ioas, NULL));
	assert_true(leads(0, IOVA, 0));
	END(iommu_object_destroy(ctx, above));
	if (asks)
		stop_asking();
	END(iommu_object_destroy(ctx, queue));
	END(iommu_object_destroy(ctx, events));
	END(iommu_object_destroy(ctx, number));
	END(iommu_object_destroy(ctx, unit));
	END(iommu_object_destroy(ctx, below));
}

static void files(void)
{
	begin_memory(MEMORY_CONTIGUOUS);
	open_file();
	map_and_attach();
	unmap_parts();
	move();
	revoke();
	if (iommu_capable(f.endpoint[0], IOMMU_CAPABLE_DIRTY_TRACKING))
		note_writes();
	if (iommu_capable(f.endpoint[0], IOMMU_CAPABLE_PASID)) {
		by_pasid();
		by_guest();
	}
	by_software();
	assert_int_equal(iommu_account_pinned(account), memory.pins);
	END(iommu_device_detach(ctx, device[0], IOMMU_NO_PASID));
	END(iommu_device_unbind(ctx, device[0]));
	destroy_file();
	assert_int_equal(iommu_account_pinned(account), 0);
	STEP(iommu_account_destroy(account));
	test_memory_destroy(&memory);
}

/* --- Containers and device files -------------------------------------------------------------- */

static struct iommu_device_files *opened;
static struct iommu_container *container;

static void map_in_container(void)
{
	const struct iommu_backing backing = at(0);
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};

	STEP(iommu_container_map(container, IOVA, 0x4000, RW, &backing));
	assert_true(leads(0, IOVA + 0x3000, 0x3000));
	STEP(iommu_container_set_dirty(container, true));
	assert_true(leads(0, IOVA + 0x3000, 0x3000));
	STEP(iommu_container_read_dirty(container, IOVA, 0x4000, &bitmap));
	assert_true((word & 8) != 0);
	STEP(iommu_container_set_dirty(container, false));
	STEP(iommu_container_revoke(container, &memory));
	assert_true(is_blocked(0, IOVA));
	STEP(iommu_container_restore(container, &memory));
	STEP(iommu_container_unmap_vaddr(container, IOVA, 0x4000, NULL));
	STEP(iommu_container_map_vaddr(container, IOVA, 0x4000, &backing));
	assert_true(leads(0, IOVA + 0x1000, 0x1000));
	END(iommu_container_unmap(container, IOVA, 0x4000, NULL, NULL));
	assert_true(is_blocked(0, IOVA));
}

static void by_group(void)
{
	struct iommu_device_file *file;
	struct iommu_group_file *group;

	STEP(iommu_container_create(f.iommu, NULL, &container));
	failure.file = iommu_container_file(container);
	limit(failure.file);
	STEP(iommu_group_file_open(opened, f.group[0], &group));
	STEP(iommu_group_file_set_container(group, container));
	STEP(iommu_group_file_get_device(group, f.endpoint[0], &file));
	map_in_container();
	END(iommu_device_file_close(file));
	END(iommu_group_file_close(group));
	note_metadata(failure.file);
	failure.file = NULL;
	END(iommu_container_destroy(container));
}

static void by_device(void)
{
	struct iommu_device_file *file;
	uint32_t hwpt;

	create_file();
	STEP(iommu_ioas_alloc(ctx, 0, &ioas));
	STEP(iommu_device_file_open(opened, f.endpoint[0], &file));
	STEP(iommu_device_file_bind(file, ctx, &device[0]));
	STEP(iommu_device_file_attach(file, IOMMU_NO_PASID, ioas, &hwpt));
	END(iommu_device_file_detach(file, IOMMU_NO_PASID));
	END(iommu_device_file_close(file));
	destroy_file();
}

static void containers(void)
{
	begin_memory(MEMORY_SCATTERED);
	STEP(iommu_device_files_create(f.iommu, &opened));
	by_group();
	by_device();
	STEP(iommu_device_files_destroy(opened));
	test_memory_destroy(&memory);
}

/* --- DMA -------------------------------------------------------------------------------------- */

static const struct iommu_dma_device trusted, untrusted = {.untrusted = true, .may_sleep = true};
static struct iommu_dma *dma;
static iommu_paddr_t pages;

static void map_buffers(void)
{
	struct iommu_dma_piece pieces[] = {{.paddr = pages, .size = PAGE},
					   {.paddr = pages + 3 * PAGE + 8, .size = 100}};
	unsigned int elements;
	iommu_iova_t address;

	STEP(iommu_dma_map(dma, &trusted, pages + 8, 2 * PAGE, IOMMU_DMA_BIDIRECTIONAL, &address));
	assert_true(reaches(0, address, pages + 8));
	ONCE(iommu_dma_unmap(dma, address, 2 * PAGE));
	STEP(iommu_dma_map_sg(dma, &trusted, pieces, 2, IOMMU_DMA_FROM_DEVICE, &elements));
	assert_true(reaches(0, pieces[0].address, pages));
	ONCE(iommu_dma_unmap_sg(dma, pieces, 2));
}

/* Through bounce pages. */
static void map_for_stranger(void)
{
	struct iommu_dma_piece pieces[] = {{.paddr = pages, .size = PAGE},
					   {.paddr = pages + 3 * PAGE + 8, .size = 100}};
	unsigned int elements;
	iommu_iova_t address;

	STEP(iommu_dma_map(dma, &untrusted, pages + 8, 100, IOMMU_DMA_FROM_DEVICE, &address));
	ONCE(iommu_dma_unmap(dma, address, 100));
	STEP(iommu_dma_map_sg(dma, &untrusted, pieces, 2, IOMMU_DMA_TO_DEVICE, &elements));
	ONCE(iommu_dma_unmap_sg(dma, pieces, 2));
}

static void share(void)
{
	struct iommu_dma_window window;
	iommu_iova_t address;
	void *shared;

	STEP(iommu_dma_alloc(dma, &trusted, 3 * PAGE, &shared, &address));
	memset(shared, 1, (size_t)(3 * PAGE));
	ONCE(iommu_dma_free(dma, shared, address, 3 * PAGE));
	STEP(iommu_dma_window_create(dma, &trusted, 16, &window));
	STEP(iommu_dma_window_map(&window, 2, pages, 4, IOMMU_DMA_BIDIRECTIONAL));
	assert_true(reaches(0, iommu_dma_window_address(&window, 2 * PAGE), pages));
	END(iommu_dma_window_unmap(&window, 2, 4));
	ONCE(iommu_dma_window_destroy(&window));
	STEP(iommu_dma_window_reserve(dma, &trusted, pages + 8, 2 * PAGE, &window));
	STEP(iommu_dma_window_link(&window, 0, pages + 8, 2 * PAGE, IOMMU_DMA_TO_DEVICE, 0));
	STEP(iommu_dma_window_tell(&window, 0, 2 * PAGE));
	END(iommu_dma_window_unlink(&window, 0, 2 * PAGE));
	ONCE(iommu_dma_window_destroy(&window));
}

static void tick(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		f.machine.clock_ns += 100000000;
		STEP(iommu_dma_tick(dma));
	}
}

static void handles(void)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_DMA_LAZY};
	iommu_iova_t address;

	pages = model_machine_take(&f.machine, 8);
	for (unsigned int i = 0; i < 2; i++) {
		STEP(iommu_group_set_default_type(f.group[0], types[i]));
		STEP(iommu_dma_of(f.endpoint[0], &dma));
		map_buffers();
		if (types[i] == IOMMU_DOMAIN_DMA)
			map_for_stranger();
		share();
		STEP(iommu_dma_map_msi(dma, 0x8020040, &address));
		tick();
		iommu_unuse_default_domain(f.endpoint[0]);
	}
	STEP(iommu_group_set_default_type(f.group[0], IOMMU_DOMAIN_BLOCKED));
	model_machine_give(&f.machine, pages, 8);
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void translate(struct iommu_domain *domain)
{
	struct iommu_gather gather;
	uint64_t unmapped;

	STEP(iommu_map(domain, IOVA, pages, 4 * PAGE, RW));
	STEP(iommu_map_nosync(domain, IOVA + 0x100000, pages, PAGE, RW));
	STEP(iommu_sync_map(domain, IOVA + 0x100000, PAGE));
	STEP(iommu_domain_attach_group(domain, f.group[0]));
	assert_true(reaches(0, IOVA + PAGE, pages + PAGE));
	STEP(iommu_domain_attach_group(domain, f.group[1]));
	assert_true(reaches(1, IOVA + 0x100000, pages));
	iommu_gather_init(&gather);
	STEP(iommu_unmap_gather(domain, IOVA, PAGE, 0, &gather, &unmapped));
	STEP(iommu_sync_gather(domain, &gather));
	assert_true(is_blocked(0, IOVA) && reaches(1, IOVA + PAGE, pages + PAGE));
	STEP(iommu_unmap(domain, IOVA, 4 * PAGE, 0, &unmapped));
	STEP(iommu_unmap(domain, IOVA + 0x100000, PAGE, 0, &unmapped));
	assert_true(is_blocked(0, IOVA + PAGE) && is_blocked(1, IOVA + 0x100000));
}

static void sleep_and_wake(struct iommu_domain *domain)
{
	STEP(iommu_map(domain, IOVA, pages, PAGE, RW));
	failure.units_are_on = false;
	STEP(iommu_suspend(f.iommu));
	STEP(iommu_resume(f.iommu));
	failure.units_are_on = true;
	assert_true(reaches(0, IOVA, pages));
	STEP(iommu_unmap(domain, IOVA, PAGE, 0, NULL));
}

static void reset(void)
{
	STEP(iommu_endpoint_reset_begin(f.endpoint[0]));
	STEP(iommu_endpoint_reset_end(f.endpoint[0]));
}

static void domains(void)
{
	struct iommu_domain *domain, *blocked, *identity;

	pages = model_machine_take(&f.machine, 4);
	STEP(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, NULL, &domain));
	STEP(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_BLOCKED, NULL, &blocked));
	STEP(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_IDENTITY, NULL, &identity));
	translate(domain);
	sleep_and_wake(domain);
	reset();
	STEP(iommu_domain_attach_group(identity, f.group[0]));
	assert_true(reaches(0, pages, pages));
	STEP(iommu_domain_attach_group(blocked, f.group[0]));
	assert_true(is_blocked(0, pages));
	STEP(iommu_domain_detach_group(f.group[0]));
	STEP(iommu_domain_detach_group(f.group[1]));
	STEP(iommu_domain_free(domain));
	STEP(iommu_domain_free(blocked));
	STEP(iommu_domain_free(identity));
	model_machine_give(&f.machine, pages, 4);
}

static void set_defaults(void)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_DMA,
						       IOMMU_DOMAIN_DMA_LAZY, IOMMU_DOMAIN_BLOCKED};

	for (unsigned int i = 0; i < 4; i++) {
		STEP(iommu_group_set_default_type(f.group[0], types[i]));
		assert_int_equal(iommu_group_default_type(f.group[0]), types[i]);
		STEP(iommu_use_default_domain(f.endpoint[0]));
		assert_true(is_blocked(0, IOVA) || types[i] == IOMMU_DOMAIN_IDENTITY);
		iommu_unuse_default_domain(f.endpoint[0]);
		STEP(iommu_group_claim(f.group[0], &f));
		assert_true(is_blocked(0, IOVA));
		STEP(iommu_group_release(f.group[0], &f));
	}
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static void interrupts(void)
{
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 3};
	struct iommu_model_interrupt seen;
	struct iommu_vtd_interrupt block;
	uint64_t address;
	uint32_t data;

	STEP(iommu_vtd_interrupts_enable(f.iommu, 0));
	STEP(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 4, &block));
	STEP(iommu_vtd_interrupt_set(&block, 2, &target));
	iommu_vtd_interrupt_message(&block, 2, &address, &data);
	assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[0], f.device[0]->source_id,
						   address, data, &seen),
			 0);
	assert_int_equal(seen.vector, 0x41);
	failure.units_are_on = false;
	STEP(iommu_suspend(f.iommu));
	STEP(iommu_resume(f.iommu));
	failure.units_are_on = true;
	assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[0], f.device[0]->source_id,
						   address, data, &seen),
			 0);
	STEP(iommu_vtd_interrupt_clear(&block, 2));
	assert_int_not_equal(iommu_model_vtd_interrupt(f.machine.units[0], f.device[0]->source_id,
						       address, data, &seen),
			     0);
	ONCE(iommu_vtd_interrupt_free(&block));
	failure.units_are_on = false;
	STEP(iommu_vtd_interrupts_disable(f.iommu));
}

/* --- Objects that run out --------------------------------------------------------------------- */

/* Objects share pages: most are made without an allocation, until a page is full. */
#define ENOUGH 300

static struct iommu_backing row;
static uint32_t software;

static int new_rule(unsigned int i)
{
	return iommu_set_default_type_of(f.iommu, 0, (uint16_t)(0x1000 + i), IOMMU_DOMAIN_DMA);
}

static int new_memory(unsigned int i)
{
	const iommu_paddr_t start = (0x100000 + 2 * (iommu_paddr_t)i) << IOMMU_PAGE_SHIFT;

	return iommu_add_memory(f.iommu, start, start + PAGE - 1);
}

static int new_region(unsigned int i)
{
	const struct iommu_region region = {
		.start = 0x1000, .last = 0x1fff, .prot = RW, .type = IOMMU_REGION_DIRECT};

	return iommu_add_region(f.iommu, 0, (uint16_t)(0x1000 + i), &region);
}

static int new_ioas(unsigned int i)
{
	uint32_t id;

	(void)i;
	return iommu_ioas_alloc(ctx, 0, &id);
}

static int new_queue(unsigned int i)
{
	uint32_t id;

	(void)i;
	return iommu_fault_queue_alloc(ctx, NULL, NULL, &id);
}

static int new_access(unsigned int i)
{
	uint32_t id;

	(void)i;
	return iommu_access_alloc(ctx, unpin_nothing, NULL, &id);
}

static int new_area(unsigned int i)
{
	iommu_iova_t iova = IOVA + 0x10000 + 0x2000ULL * i;

	return iommu_ioas_map(ctx, ioas, &row, PAGE, FIXED, &iova);
}

static int new_pin(unsigned int i)
{
	iommu_paddr_t page;

	(void)i;
	return iommu_access_pin(ctx, software, IOVA, PAGE, IOMMU_PROT_READ, &page);
}

static int new_device(unsigned int i)
{
	const struct iommu_endpoint_info info = {.segment = 9, .source_id = (uint16_t)i};
	const struct iommu_bus_event event = {.type = IOMMU_BUS_ADDED, .info = &info};

	return iommu_report_bus_event(f.iommu, &event);
}

static int (*const makers[])(unsigned int i) = {
	new_rule,   new_memory, new_region, new_ioas,   new_queue,
	new_access, new_area,   new_pin,    new_device,
};

static void run_dry(int (*make)(unsigned int i))
{
	unsigned int i = 0;
	int status;

	f.machine.fail_every = 1;
	do
		status = make(i++);
	while (status == 0 && i < ENOUGH);
	f.machine.fail_every = 0;
	assert_int_equal(status, IOMMU_ENOMEM);
	assert_int_equal(make(i - 1), 0);
}

static void objects_run_out(void **state)
{
	unsigned int pins = 0;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	row = at(0x100000);
	assert_int_equal(map_at(IOVA, 0, PAGE), 0);
	assert_int_equal(iommu_access_alloc(ctx, unpin_nothing, NULL, &software), 0);
	assert_int_equal(iommu_access_attach(ctx, software, ioas), 0);
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		run_dry(makers[i]);
	assert_int_equal(memory.pins, 1);
	while (iommu_access_unpin(ctx, software, IOVA, PAGE) == 0)
		pins++;
	assert_true(pins != 0);
	finish();
}

/* --- Runs ------------------------------------------------------------------------------------- */

struct script {
	const char *name;
	void (*run)(void);
	struct machine_kind kind;
};

static uint64_t run(const struct script *script, enum kind kind, uint64_t nth)
{
	uint64_t events;

	build(&script->kind);
	begin_failure(script->name, kind, nth);
	start();
	script->run();
	events = failure.events;
	if (kind == NO_MEMORY)
		events = f.machine.allocations;
	if (kind == NO_PIN)
		events = memory.pin_calls;
	stop();
	return events;
}

static const struct script scripts[] = {
	{"files, scalable mode", files, {MUCH, 1, 2, false}},
	{"files, legacy mode", files, {IOMMU_MODEL_VTD_DEVICE_TLB, 2, 2, false}},
	{"files, late stores", files, {EVERYTHING | IOMMU_MODEL_VTD_NONCOHERENT, 1, 2, false}},
	{"containers, scalable mode", containers, {EVERYTHING, 1, 2, false}},
	{"containers, legacy mode", containers, {0, 1, 2, false}},
	{"DMA, scalable mode", handles, {MUCH, 1, 2, false}},
	{"DMA, legacy mode", handles, {IOMMU_MODEL_VTD_DEVICE_TLB, 1, 2, false}},
	{"domains, scalable mode", domains, {MUCH, 2, 2, false}},
	{"domains, legacy mode",
	 domains,
	 {IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_CACHING_MODE, 2, 2, false}},
	{"domains, registers",
	 domains,
	 {IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_NO_QUEUE, 2, 2, false}},
	{"defaults, scalable mode", set_defaults, {MUCH, 2, 2, false}},
	{"defaults, legacy mode",
	 set_defaults,
	 {IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_DEVICE_TLB, 2, 2, false}},
	{"files, few services", files, {MUCH, 1, 2, true}},
	{"containers, few services", containers, {EVERYTHING, 1, 2, true}},
	{"DMA, few services", handles, {MUCH, 1, 2, true}},
	{"domains, few services", domains, {MUCH, 2, 2, true}},
	{"interrupts", interrupts, {IOMMU_MODEL_VTD_INTERRUPT_REMAPPING, 2, 2, false}},
};

#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

static void run_all(enum kind kind)
{
	for (size_t i = 0; i < SCRIPTS; i++) {
		const uint64_t events = run(&scripts[i], kind, 0);

		assert_true(events > SHORTEST || (kind > NO_MEMORY && kind < WAITS_HANG));
		for (uint64_t nth = 1; nth <= events; nth++)
			(void)run(&scripts[i], kind, nth);
	}
}

static void no_memory(void **state)
{
	(void)state;
	run_all(NO_MEMORY);
}

static void no_mutex(void **state)
{
	(void)state;
	run_all(NO_MUTEX);
}

static void no_pin(void **state)
{
	(void)state;
	run_all(NO_PIN);
}

static void no_metadata(void **state)
{
	(void)state;
	run_all(NO_METADATA);
}

static void waits_hang(void **state)
{
	(void)state;
	run_all(WAITS_HANG);
}

static void invalidations_hang(void **state)
{
	(void)state;
	run_all(INVALIDATIONS_HANG);
}

static void commands_hang(void **state)
{
	(void)state;
	run_all(COMMANDS_HANG);
}

static void descriptors_are_refused(void **state)
{
	(void)state;
	run_all(REFUSES);
}

static void registers_read_as_ones(void **state)
{
	(void)state;
	run_all(GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_run_out),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(no_mutex),
		cmocka_unit_test(no_pin),
		cmocka_unit_test(no_metadata),
		cmocka_unit_test(waits_hang),
		cmocka_unit_test(invalidations_hang),
		cmocka_unit_test(commands_hang),
		cmocka_unit_test(descriptors_are_refused),
		cmocka_unit_test(registers_read_as_ones),
	};

	test_contract_unmaps_under_mutex();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
