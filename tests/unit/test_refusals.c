/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrong calls of all kinds, as a new user makes them: each is refused in one line, which begins
 * with the call, names the object where there is one, says in words what is wrong, and ends with
 * the code. Calls with an instance keep the text for iommu_reason.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/backend/ops.h>

#include "ioas_fixture.h"
#include "test.h"

#define NOWHERE 4711U

static unsigned int refusals;

/* The log of what is made with a platform alone. */
static struct iommu_platform platform;

static void check(int status, int expected, const char *call, const char *words, bool keeps,
		  unsigned int line)
{
	struct model_machine *machine = &f.machine;
	const char *text = machine->last[IOMMU_LOG_REFUSAL];
	const char *code = iommu_strerror(expected);
	const size_t code_length = strcspn(code, ":"), length = strlen(text);
	const size_t name = strcspn(call, "(");

	refusals++;
	if (status == expected && machine->lines[IOMMU_LOG_REFUSAL] == 1 &&
	    length > name + 2 + code_length && strncmp(text, call, name) == 0 &&
	    strncmp(text + name, ": ", 2) == 0 &&
	    strncmp(text + length - code_length, code, code_length) == 0 &&
	    strstr(text, words) != NULL &&
	    (!keeps || strstr(text, iommu_reason(f.iommu)) == text + name + 2))
		return;
	print_error("line %u: %s returned %d, with %u lines, the last: %s\n", line, call, status,
		    machine->lines[IOMMU_LOG_REFUSAL], text);
	fail();
}

#define REFUSED(call, expected, words, keeps)                                                      \
	do {                                                                                       \
		f.machine.lines[IOMMU_LOG_REFUSAL] = 0;                                            \
		f.machine.last[IOMMU_LOG_REFUSAL][0] = '\0';                                       \
		check(call, expected, #call, words, keeps, __LINE__);                              \
	} while (0)
/* Of an instance, which keeps the reason; and of what has a platform alone. */
#define NO(call, expected, words)    REFUSED(call, expected, words, true)
#define ALONE(call, expected, words) REFUSED(call, expected, words, false)

static int setup(void **state)
{
	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	platform = *iommu_platform_of(f.iommu);
	return 0;
}

/* Without an IOMMU file: one needs interrupts that are remapped already. */
static int interrupts_setup(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};

	(void)state;
	begin(1, &config, 2);
	return 0;
}

static int interrupts_teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	finish();
	return 0;
}

/* --- IOMMU files ------------------------------------------------------------------------------ */

static int map_with(const struct iommu_backing *backing, uint64_t size, unsigned int flags,
		    iommu_iova_t iova)
{
	return iommu_ioas_map(ctx, ioas, backing, size, flags, &iova);
}

/* The line is that of the public call, which the helper makes. */
#define MAP(backing, size, flags, iova, expected, words)                                           \
	do {                                                                                       \
		f.machine.lines[IOMMU_LOG_REFUSAL] = 0;                                            \
		check(map_with(backing, size, flags, iova), expected, "iommu_ioas_map(", words,    \
		      true, __LINE__);                                                             \
	} while (0)

static void mapping(void **state)
{
	struct iommu_backing good = test_memory_at(&memory, 0), bad = good;
	const struct iommu_backing_ops none = {.pin = NULL};
	const struct iommu_iova_bounds wrong[] = {{9, 9}},
				       twice[] = {{0x10000, 0x1ffff}, {0x1f000, 0x2ffff}};
	iommu_iova_t iova = IOVA;
	uint32_t other, id;

	(void)state;
	MAP(&good, 0, FIXED, IOVA, IOMMU_EINVAL, "object 1: the size is 0");
	MAP(&good, 4095, FIXED, IOVA, IOMMU_EINVAL, "size or source are not aligned");
	MAP(&good, 4096, IOMMU_IOAS_FIXED, IOVA, IOMMU_EINVAL, "neither IOMMU_IOAS_READ nor");
	MAP(&good, 4096, FIXED | 1U << 30, IOVA, IOMMU_EOPNOTSUPP, "unknown flags");
	MAP(&good, 4096, FIXED, IOVA + 1, IOMMU_EINVAL, "the address is not aligned");
	MAP(&good, 8192, FIXED, UINT64_MAX - 4095, IOMMU_EOVERFLOW, "the address plus the size");
	bad.address = UINT64_MAX - 4095;
	MAP(&bad, 8192, FIXED, IOVA, IOMMU_EOVERFLOW, "source plus size wraps");
	bad = good;
	bad.ops = &none;
	MAP(&bad, 4096, FIXED, IOVA, IOMMU_EINVAL, "the backing has no pin");
	NO(iommu_ioas_map(ctx, NOWHERE, &good, 4096, FIXED, &iova), IOMMU_ENOENT,
	   "object 4711: there is no object with this id");
	NO(iommu_ioas_map(ctx, device[0], &good, 4096, FIXED, &iova), IOMMU_EINVAL,
	   "the object with this id is of another type");
	assert_int_equal(map_at(IOVA, 0, 0x2000), 0);
	MAP(&good, 4096, FIXED, IOVA + 4096, IOMMU_EEXIST, "something is mapped in the range");
	assert_int_equal(attach(0, ioas), 0);
	MAP(&good, 4096, FIXED, 0xfee00000, IOMMU_EINVAL, "addresses that are reserved");
	NO(iommu_ioas_unmap(ctx, ioas, IOVA, 0, NULL), IOMMU_EINVAL, "the size is 0");
	NO(iommu_ioas_unmap(ctx, ioas, IOVA, 100, NULL), IOMMU_EINVAL, "not aligned to 4096");
	NO(iommu_ioas_unmap(ctx, ioas, IOVA, UINT64_MAX - 4095, NULL), IOMMU_EOVERFLOW, "wraps");
	NO(iommu_ioas_unmap(ctx, ioas, IOVA, 4096, NULL), IOMMU_EINVAL, "cuts an area");
	NO(iommu_ioas_unmap(ctx, ioas, 4 * IOVA, 4096, NULL), IOMMU_ENOENT, "nothing is mapped");
	NO(iommu_ioas_unmap(ctx, NOWHERE, IOVA, 4096, NULL), IOMMU_ENOENT, "no object with");
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	NO(iommu_ioas_copy(ctx, other, ioas, IOVA, 0x3000, FIXED, &iova), IOMMU_ENOENT,
	   "part of the source range is not mapped");
	NO(iommu_ioas_copy(ctx, other, NOWHERE, IOVA, 0x1000, FIXED, &iova), IOMMU_ENOENT,
	   "the id of the source");
	NO(iommu_ioas_copy(ctx, NOWHERE, ioas, IOVA, 0x1000, FIXED, &iova), IOMMU_ENOENT,
	   "there is no object");
	NO(iommu_ioas_alloc(ctx, 1U << 9, &id), IOMMU_EOPNOTSUPP, "flags that an address space");
	NO(iommu_ioas_allow(ctx, other, wrong, 1), IOMMU_EINVAL, "does not end behind its first");
	NO(iommu_ioas_allow(ctx, other, twice, 2), IOMMU_EINVAL, "two ranges overlap");
	NO(iommu_ioas_allow(ctx, NOWHERE, NULL, 0), IOMMU_ENOENT, "there is no object");
	NO(iommu_ioas_change_backing(ctx, other, &good, &bad), IOMMU_ENOENT, "no area has this");
	NO(iommu_object_destroy(ctx, NOWHERE), IOMMU_ENOENT, "object 4711: there is no object");
	NO(iommu_object_destroy(ctx, device[0]), IOMMU_EBUSY, "a device is unbound");
	NO(iommu_object_destroy(ctx, ioas), IOMMU_EBUSY, "object 1: other objects use it");
}

static void unpin_nothing(void *context, iommu_iova_t iova, uint64_t size)
{
	(void)context;
	(void)iova;
	(void)size;
}

static void accesses(void **state)
{
	iommu_paddr_t page;
	uint32_t access, blind;
	char byte = 0;

	(void)state;
	assert_int_equal(iommu_access_alloc(ctx, unpin_nothing, NULL, &access), 0);
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &blind), 0);
	NO(iommu_access_detach(ctx, access), IOMMU_EINVAL, "attached to no space");
	NO(iommu_access_replace(ctx, access, ioas), IOMMU_EINVAL, "attached to no space");
	NO(iommu_access_attach(ctx, access, device[0]), IOMMU_EINVAL, "of another type");
	NO(iommu_access_pin(ctx, access, IOVA, 4096, IOMMU_PROT_READ, &page), IOMMU_EINVAL,
	   "attached to no space");
	NO(iommu_access_rw(ctx, access, IOVA, &byte, 1, false), IOMMU_EINVAL, "to no space");
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	NO(iommu_access_attach(ctx, access, ioas), IOMMU_EINVAL, "attached to a space already");
	NO(iommu_access_pin(ctx, access, IOVA, 4096, IOMMU_PROT_READ, &page), IOMMU_ENOENT,
	   "part of the range is not mapped");
	NO(iommu_access_pin(ctx, access, IOVA, 0, IOMMU_PROT_READ, &page), IOMMU_EINVAL, "is 0");
	NO(iommu_access_pin(ctx, access, IOVA, 4096, 0, &page), IOMMU_EINVAL, "neither to read");
	NO(iommu_access_pin(ctx, access, IOVA, 4096, 64, &page), IOMMU_EOPNOTSUPP, "permissions");
	NO(iommu_access_pin(ctx, blind, IOVA, 4096, IOMMU_PROT_READ, &page), IOMMU_EINVAL,
	   "without a callback");
	NO(iommu_access_unpin(ctx, access, IOVA, 4096), IOMMU_ENOENT, "no pin has this address");
	NO(iommu_access_rw(ctx, access, IOVA, &byte, 0, false), IOMMU_EINVAL, "the size is 0");
	NO(iommu_access_rw(ctx, access, UINT64_MAX, &byte, 2, false), IOMMU_EOVERFLOW, "wraps");
	NO(iommu_access_rw(ctx, NOWHERE, IOVA, &byte, 1, false), IOMMU_ENOENT, "no object");
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(iommu_object_destroy(ctx, access), 0);
	assert_int_equal(iommu_object_destroy(ctx, blind), 0);
}

static void guests(void **state)
{
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT}, plain = {0};
	struct iommu_fault_record record;
	struct iommu_device_info info;
	struct iommu_hwpt_info hwpt_info;
	struct iommu_dirty_bitmap bitmap = {.page_shift = 12};
	struct iommu_file *other;
	uint32_t hwpt, flat, unit, number, queue, id;
	unsigned int done;

	(void)state;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &hwpt), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &plain, &flat), 0);
	NO(iommu_virtual_unit_alloc(ctx, device[0], flat, &unit), IOMMU_EINVAL, "NEST_PARENT");
	NO(iommu_virtual_unit_alloc(ctx, NOWHERE, hwpt, &unit), IOMMU_ENOENT, "no object");
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], hwpt, &unit), 0);
	NO(iommu_virtual_device_alloc(ctx, unit, device[0], UINT64_MAX, &id), IOMMU_EINVAL,
	   "the one that means none");
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 7, &number), 0);
	NO(iommu_virtual_device_alloc(ctx, unit, device[0], 8, &id), IOMMU_EEXIST,
	   "has a virtual device already");
	NO(iommu_virtual_device_alloc(ctx, unit, device[1], 7, &id), IOMMU_EEXIST,
	   "another device of the virtual unit");
	NO(iommu_virtual_unit_invalidate(ctx, unit, NULL, 16, 1, &done), IOMMU_EINVAL,
	   "no requests");
	assert_int_equal(iommu_event_queue_alloc(ctx, unit, NULL, NULL, &queue), 0);
	NO(iommu_event_queue_alloc(ctx, unit, NULL, NULL, &id), IOMMU_EEXIST, "queue already");
	NO(iommu_fault_read(ctx, queue, &record, 1, &done), IOMMU_EINVAL, "of another type");
	NO(iommu_fault_respond(ctx, queue, 0, (enum iommu_page_response_code)77), IOMMU_EINVAL,
	   "not one of an answer");
	NO(iommu_hwpt_get_info(ctx, ioas, &hwpt_info), IOMMU_EINVAL, "of another type");
	NO(iommu_hwpt_set_dirty(ctx, NOWHERE, true), IOMMU_ENOENT, "object 4711: there is no");
	NO(iommu_hwpt_read_dirty(ctx, ioas, 0, 4096, 0, &bitmap), IOMMU_EINVAL, "another type");
	NO(iommu_hwpt_invalidate(ctx, hwpt, NULL, 0, 0, &done), IOMMU_EINVAL, "another type");
	NO(iommu_device_get_info(ctx, hwpt, &info), IOMMU_EINVAL, "of another type");
	NO(iommu_device_detach(ctx, device[0], 0), IOMMU_EINVAL, "it is not attached");
	NO(iommu_device_unbind(ctx, hwpt), IOMMU_EINVAL, "of another type");
	NO(iommu_device_attach(ctx, device[0], 0, NOWHERE, NULL), IOMMU_ENOENT, "no object with");
	/* What a call of the instance has said already is not said again. */
	assert_int_equal(iommu_file_create(f.iommu, NULL, &other), 0);
	f.machine.lines[IOMMU_LOG_REFUSAL] = 0;
	assert_int_equal(iommu_device_bind(other, f.endpoint[0], &id), IOMMU_EBUSY);
	assert_int_equal(f.machine.lines[IOMMU_LOG_REFUSAL], 1);
	assert_int_equal(iommu_file_destroy(other), 0);
}

static void files(void **state)
{
	struct iommu_device_files *all;
	struct iommu_device_file *file;
	struct iommu_group_file *group;
	struct iommu_container *container;
	struct iommu_backing backing = test_memory_at(&memory, 0);
	struct iommu_dirty_bitmap bitmap = {.page_shift = 5};
	uint32_t id;

	(void)state;
	assert_int_equal(iommu_device_unbind(ctx, device[1]), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &all), 0);
	assert_int_equal(iommu_device_file_open(all, f.endpoint[1], &file), 0);
	NO(iommu_device_file_attach(file, 0, ioas, NULL), IOMMU_EINVAL,
	   "not bound to an IOMMU file");
	NO(iommu_device_file_detach(file, 0), IOMMU_EINVAL, "not bound to an IOMMU file");
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), 0);
	NO(iommu_device_file_bind(file, ctx, &id), IOMMU_EINVAL, "the file is bound already");
	NO(iommu_group_file_open(all, f.group[1], &group), IOMMU_EBUSY,
	   "is bound to an IOMMU file");
	NO(iommu_device_files_destroy(all), IOMMU_EBUSY, "files are open");
	/* Nothing was attached, which is no refusal here. */
	f.machine.lines[IOMMU_LOG_REFUSAL] = 0;
	assert_int_equal(iommu_device_file_detach(file, 0), 0);
	assert_int_equal(iommu_device_file_close(file), 0);
	assert_int_equal(f.machine.lines[IOMMU_LOG_REFUSAL], 0);
	assert_int_equal(iommu_group_file_open(all, f.group[1], &group), 0);
	NO(iommu_group_file_open(all, f.group[1], &group), IOMMU_EBUSY, "05.0: the group is open");
	NO(iommu_group_file_unset_container(group), IOMMU_EINVAL, "has no container");
	NO(iommu_group_file_get_device(group, f.endpoint[1], &file), IOMMU_EINVAL, "no container");
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	NO(iommu_group_file_set_container(group, container), IOMMU_EINVAL, "container already");
	NO(iommu_group_file_get_device(group, f.endpoint[0], &file), IOMMU_EINVAL, "no member");
	NO(iommu_container_destroy(container), IOMMU_EBUSY, "groups have not left it");
	NO(iommu_container_map(container, IOVA, 4096, 1U << 20, &backing), IOMMU_EINVAL,
	   "unknown permissions");
	NO(iommu_container_read_dirty(container, IOVA, 4096, &bitmap), IOMMU_EINVAL, "page_shift");
	NO(iommu_container_unmap(container, IOVA, 4096, &bitmap, NULL), IOMMU_EINVAL,
	   "the range must be that of one mapping");
	/* What nothing is mapped in is no refusal of a container. */
	f.machine.lines[IOMMU_LOG_REFUSAL] = 0;
	assert_int_equal(iommu_container_unmap(container, IOVA, 4096, NULL, NULL), 0);
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_device_files_destroy(all), 0);
	assert_int_equal(f.machine.lines[IOMMU_LOG_REFUSAL], 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[1], &device[1]), 0);
}

/* --- Interrupts and events -------------------------------------------------------------------- */

static void interrupts(void **state)
{
	struct iommu_vtd_interrupt_target target = {.vector = 3};
	struct iommu_vtd_interrupt block;
	struct iommu_unit *unit = f.unit[0];

	(void)state;
	NO(iommu_vtd_interrupt_alloc(unit, 1, &block), IOMMU_EOPNOTSUPP,
	   "dmar0: it does not remap interrupts now");
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	NO(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), IOMMU_EOPNOTSUPP,
	   "it has no x2APIC mode");
	NO(iommu_vtd_interrupt_alloc(unit, 0, &block), IOMMU_EINVAL, "from 1 to 128 entries");
	NO(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 129, &block), IOMMU_EINVAL, "1 to 128");
	NO(iommu_vtd_interrupt_alloc_ioapic(f.iommu, 9, 1, &block), IOMMU_ENOENT,
	   "no unit's table names it");
	assert_int_equal(iommu_vtd_interrupt_alloc(unit, 2, &block), 0);
	NO(iommu_vtd_interrupt_set(&block, 0, &target), IOMMU_EINVAL, "vectors 0 to 15");
	NO(iommu_vtd_interrupt_set(&block, 2, &target), IOMMU_EINVAL, "no entry of this number");
	NO(iommu_vtd_interrupt_clear(&block, 2), IOMMU_EINVAL, "no entry of this number");
	target.vector = 40;
	target.delivery_mode = 3;
	NO(iommu_vtd_interrupt_set(&block, 0, &target), IOMMU_EINVAL, "delivery mode is reserved");
	target.delivery_mode = 0;
	target.destination = 256;
	NO(iommu_vtd_interrupt_set(&block, 0, &target), IOMMU_EINVAL, "without x2APIC mode");
	target.source = (enum iommu_vtd_source)9;
	NO(iommu_vtd_interrupt_set(&block, 0, &target), IOMMU_EINVAL, "the source is none");
	target = (struct iommu_vtd_interrupt_target){.vector = 40, .posted = true};
	NO(iommu_vtd_interrupt_set(&block, 0, &target), IOMMU_EOPNOTSUPP, "does not post");
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 1, &block), 0);
	target = (struct iommu_vtd_interrupt_target){.vector = 40, .source = IOMMU_VTD_SOURCE_ID};
	NO(iommu_vtd_interrupt_set(&block, 0, &target), IOMMU_EINVAL, "the block has a sender");
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	NO(iommu_vtd_set_fault_interrupt(unit, 0x1000, 0), IOMMU_EINVAL, "FEExxxxx");
	NO(iommu_vtd_set_page_request_interrupt(unit, 0xfee00000, 40), IOMMU_EOPNOTSUPP,
	   "takes no page requests");
	NO(iommu_vtd_mask_page_request_interrupt(unit), IOMMU_EOPNOTSUPP, "no page requests");
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
}

/* --- What is made with a platform ------------------------------------------------------------- */

static void addresses_and_tables(void **state)
{
	struct iommu_pgtable_config table = {.platform = &platform,
					     .levels = 6,
					     .input_bits = 48,
					     .output_bits = 46,
					     .pgsize_bitmap = IOMMU_SIZE_4K,
					     .node = IOMMU_NODE_ANY};
	struct iommu_iova_config space = {.platform = &platform, .granule = 5};
	struct iommu_dma_config dma = {.domain = domain_of_type(IOMMU_DOMAIN_PAGING)};
	struct iommu_flush_queue_config queue = {
		.platform = &platform, .domain = dma.domain, .granule = 4096, .entries = 1};
	struct iommu_platform half = platform;
	struct iommu_flush_queue *queued;
	struct iommu_iova_space *addresses;
	struct iommu_dma *handle;
	struct iommu_pgtable pt;
	struct iommu *instance;

	(void)state;
	ALONE(iommu_vtdss_init(&pt, &table), IOMMU_EINVAL, "levels are not within 3 to 5");
	ALONE(iommu_vtdfs_init(&pt, &table), IOMMU_EINVAL, "levels are not within 4 to 5");
	ALONE(iommu_tce_init(&pt, &table), IOMMU_EINVAL, "levels are not within 1 to 5");
	table.levels = 4;
	table.output_bits = 60;
	ALONE(iommu_vtdss_init(&pt, &table), IOMMU_EINVAL, "output_bits is not within 13 to 52");
	table.flags = 1U << 30;
	ALONE(iommu_vtdss_init(&pt, &table), IOMMU_EINVAL, "unknown flags");
	ALONE(iommu_iova_space_create(&space, &addresses), IOMMU_EINVAL, "the granule is no power");
	space.granule = 4096;
	space.first = 2;
	ALONE(iommu_iova_space_create(&space, &addresses), IOMMU_EINVAL, "the space is empty");
	NO(iommu_dma_create(&dma, &handle), IOMMU_EINVAL, "neither one for DMA nor an identity");
	dma.flags = 1U << 20;
	NO(iommu_dma_create(&dma, &handle), IOMMU_EINVAL, "unknown flags");
	ALONE(iommu_flush_queue_create(&queue, &queued), IOMMU_EINVAL, "a ring has from 2 to");
	half.irq_save = NULL;
	half.irq_restore = (void (*)(void *, uintptr_t))(uintptr_t)1;
	ALONE(iommu_platform_check(&half), IOMMU_EINVAL, "only one of irq_save and irq_restore");
	ALONE(iommu_create(&half, &instance), IOMMU_EINVAL, "only one of irq_save and irq_restore");
	half.irq_restore = NULL;
	half.cache_line_size = 64;
	half.cache_invalidate = NULL;
	half.cache_write_back = NULL;
	ALONE(iommu_create(&half, &instance), IOMMU_EINVAL,
	      "some of cache_write_back, cache_invalidate and cache_line_size");
	half.alloc_pages = NULL;
	ALONE(iommu_dma_create_direct(&half, &handle), IOMMU_EINVAL, "no alloc_pages");
	assert_int_equal(iommu_domain_free(dma.domain), 0);
}

static bool no_memory(void *context, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)context;
	(void)paddr;
	(void)bytes;
	(void)size;
	return false;
}

static bool no_word(void *context, iommu_paddr_t paddr, uint64_t *word)
{
	(void)context;
	(void)paddr;
	(void)word;
	return false;
}

static int kill_nothing(void *context)
{
	(void)context;
	return 0;
}

static void models_and_windows(void **state)
{
	struct iommu_model_vtd_config unit = {.platform = &platform};
	struct iommu_model_phb_config bridge = {.platform = &platform};
	struct iommu_model_papr_config guest = {.platform = &platform};
	struct iommu_tce_memory_config window = {.table = {.platform = &platform}};
	struct iommu_tce_set set = {.tables = {NULL}};
	struct iommu_dmar_builder builder;
	struct iommu_model_vtd *model;
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;
	struct iommu_tce_table *table;
	uint8_t bytes[64] = {0};

	(void)state;
	ALONE(iommu_model_vtd_create(&unit, &model), IOMMU_EINVAL, "host.read is missing");
	unit.host.read = no_memory;
	unit.host.write = (bool (*)(void *, iommu_paddr_t, const void *, size_t))(uintptr_t)1;
	unit.address_width = 20;
	ALONE(iommu_model_vtd_create(&unit, &model), IOMMU_EINVAL, "address_width is not within");
	unit.address_width = 0;
	unit.flags = IOMMU_MODEL_VTD_DIRTY;
	ALONE(iommu_model_vtd_create(&unit, &model), IOMMU_EINVAL, "a flag of scalable mode");
	unit.flags = IOMMU_MODEL_VTD_X2APIC;
	ALONE(iommu_model_vtd_create(&unit, &model), IOMMU_EINVAL, "without interrupt remapping");
	unit.flags = 0;
	assert_int_equal(iommu_model_vtd_create(&unit, &model), 0);
	ALONE(iommu_model_vtd_restore(model, bytes, 64), IOMMU_EINVAL,
	      "no state that such a model");
	iommu_model_vtd_destroy(model);
	ALONE(iommu_model_phb_create(&bridge, &phb), IOMMU_EINVAL, "host.read is missing");
	bridge.host.read = no_word;
	bridge.generation = 9;
	ALONE(iommu_model_phb_create(&bridge, &phb), IOMMU_EINVAL, "not 3, 4 or 5");
	bridge.generation = 4;
	assert_int_equal(iommu_model_phb_create(&bridge, &phb), 0);
	ALONE(iommu_model_phb_set_pe(phb, 8, 999), IOMMU_EINVAL, "no PE");
	ALONE(iommu_model_phb_thaw(phb, 999), IOMMU_EINVAL, "of this number");
	iommu_model_phb_destroy(phb);
	ALONE(iommu_model_papr_create(&guest, &papr), IOMMU_EINVAL, "host.read is missing");
	guest.host.read = no_word;
	assert_int_equal(iommu_model_papr_create(&guest, &papr), 0);
	ALONE(iommu_model_papr_add_window(papr, 1, 0, 5, 1), IOMMU_EINVAL, "page_shift");
	ALONE(iommu_model_papr_add_window(papr, 1, 1, 12, 1), IOMMU_EINVAL, "not aligned");
	ALONE(iommu_model_papr_remove_window(papr, 1), IOMMU_ENOENT, "no window has this number");
	iommu_model_papr_destroy(papr);
	ALONE(iommu_tce_memory_create(&window, &table), IOMMU_EINVAL, "has no entries");
	window.table.entries = 64;
	window.table.page_shift = 12;
	ALONE(iommu_tce_memory_create(&window, &table), IOMMU_EINVAL, "kill.all is missing");
	window.kill.all = kill_nothing;
	window.levels = 1;
	window.output_bits = 48;
	assert_int_equal(iommu_tce_memory_create(&window, &table), 0);
	ALONE(iommu_tce_table_give_back(table), IOMMU_EINVAL, "the table is not owned");
	assert_int_equal(iommu_tce_table_take(table), 0);
	ALONE(iommu_tce_table_take(table), IOMMU_EBUSY, "owned already");
	assert_int_equal(iommu_tce_table_destroy(table), 0);
	NO(iommu_tce_set_register(&set, f.iommu, 7, 7, 12), IOMMU_ENOENT, "no endpoint has this");
	NO(iommu_tce_set_unregister(f.iommu, 7, 7), IOMMU_ENOENT, "no set is registered");
	iommu_dmar_begin(&builder, bytes, sizeof(bytes), 5, 0);
	assert_int_equal(iommu_dmar_finish(&builder, "", ""), IOMMU_EINVAL);
	assert_string_equal(builder.refusal, "the address width is not within 12 to 256");
	iommu_dmar_begin(&builder, bytes, sizeof(bytes), 46, 0);
	iommu_dmar_add_unit(&builder, 0, 0x1001, 4096, true);
	iommu_dmar_add_unit(&builder, 0, 0x1000, 4096, true);
	assert_int_equal(iommu_dmar_finish(&builder, "", ""), IOMMU_EINVAL);
	assert_string_equal(builder.refusal, "a unit's base is not aligned to 4096");
}

/* --- What comes and goes ---------------------------------------------------------------------- */

static void domains_have_names(void **state)
{
	struct iommu_domain *domain;
	char made[64], freed[64];

	(void)state;
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	snprintf(made, sizeof(made), "domain %u: paging, made for dmar0", domain->number);
	snprintf(freed, sizeof(freed), "domain %u: freed", domain->number);
	assert_string_equal(f.machine.last[IOMMU_LOG_DEBUG], made);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_string_equal(f.machine.last[IOMMU_LOG_DEBUG], freed);
}

static void they_were_many(void **state)
{
	(void)state;
	assert_true(refusals >= 121);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(mapping),
		WITH(accesses),
		WITH(guests),
		WITH(files),
		cmocka_unit_test_setup_teardown(interrupts, interrupts_setup, interrupts_teardown),
		WITH(addresses_and_tables),
		WITH(models_and_windows),
		WITH(domains_have_names),
		cmocka_unit_test(they_were_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
