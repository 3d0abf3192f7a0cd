/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library logs: a refused call of the control path says why, in one line; what was found
 * and enabled is reported once; and NULL, for functions that end an object, does nothing.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/iommu.h>

#include "fake_vtd.h"
#include "recorder.h"
#include "test.h"

static struct recorder r;
static struct fake_machine machine;

/* --- One line for each refusal ---------------------------------------------------------------- */

/* "call: … why: CODE", once, and the reason that is kept is part of it. */
static void check_refusal(struct test_platform *test, struct iommu *iommu, int status, int expected,
			  const char *call, unsigned int line)
{
	const char *text = test->last[IOMMU_LOG_REFUSAL];
	const char *code = iommu_strerror(expected);
	const size_t code_length = strcspn(code, ":");
	const size_t length = strlen(text), name = strcspn(call, "(");

	if (status == expected && test->lines[IOMMU_LOG_REFUSAL] == 1 &&
	    length > name + code_length + 8 && strncmp(text, call, name) == 0 &&
	    strncmp(text + length - code_length, code, code_length) == 0 &&
	    (iommu == NULL ||
	     (iommu_reason(iommu)[0] != '\0' && strstr(text, iommu_reason(iommu)) != NULL))) {
		test->lines[IOMMU_LOG_REFUSAL] = 0;
		return;
	}
	print_error("line %u: %s returned %d, with %u lines: %s\n", line, call, status,
		    (unsigned int)test->lines[IOMMU_LOG_REFUSAL], text);
	fail();
}

#define REFUSED(test, iommu, call, expected)                                                       \
	do {                                                                                       \
		(test)->lines[IOMMU_LOG_REFUSAL] = 0;                                              \
		check_refusal(test, iommu, call, expected, #call, __LINE__);                       \
	} while (0)

static int setup(void **state)
{
	(void)state;
	recorder_init(&r);
	r.test.quiet = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_destroy(&r);
	return 0;
}

#define NO(call, expected) REFUSED(&r.test, r.iommu, call, expected)

static void groups_and_domains_say_why(void **state)
{
	static const struct iommu_region region = {.start = 0x10000,
						   .last = 0x10fff,
						   .prot = IOMMU_PROT_READ_WRITE,
						   .type = IOMMU_REGION_DIRECT};
	struct iommu_endpoint_info info = {.source_id = 8};
	struct iommu_endpoint *e = recorder_add(&r, 8), *guarded, *other;
	struct iommu_group *group = iommu_endpoint_group(e);
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_unit *unit = iommu_next_unit(r.iommu, NULL);
	struct iommu_domain *none;

	(void)state;
	NO(iommu_probe_endpoint(r.iommu, &info, &other), IOMMU_EEXIST);
	info.phantom_bits = 4;
	NO(iommu_probe_endpoint(r.iommu, &info, &other), IOMMU_EINVAL);
	assert_non_null(strstr(iommu_reason(r.iommu), "phantom_bits"));
	info.phantom_bits = 0;
	info.tlb_queue_depth = 32;
	NO(iommu_probe_endpoint(r.iommu, &info, &other), IOMMU_EINVAL);
	assert_non_null(strstr(iommu_reason(r.iommu), "tlb_queue_depth"));
	NO(iommu_domain_alloc(unit, (enum iommu_domain_type)99, NULL, &none), IOMMU_EINVAL);
	NO(iommu_domain_alloc(unit, IOMMU_DOMAIN_NESTED, NULL, &none), IOMMU_EINVAL);
	r.domain_alloc = IOMMU_ENOMEM;
	NO(iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, NULL, &none), IOMMU_ENOMEM);
	/* What was said of the call before is not said again. */
	assert_non_null(strstr(r.test.last[IOMMU_LOG_REFUSAL], "no memory left: ENOMEM"));
	r.domain_alloc = 0;
	NO(iommu_group_claim(group, NULL), IOMMU_EINVAL);
	NO(iommu_group_release(group, &r), IOMMU_EPERM);
	assert_int_equal(iommu_group_claim(group, &r), 0);
	NO(iommu_group_claim(group, &info), IOMMU_EPERM);
	NO(iommu_use_default_domain(e), IOMMU_EBUSY);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	NO(iommu_group_release(group, &r), IOMMU_EBUSY);
	NO(iommu_domain_free(domain), IOMMU_EBUSY);
	NO(iommu_release_endpoint(e), IOMMU_EBUSY);
	NO(iommu_destroy(r.iommu), IOMMU_EBUSY);
	NO(iommu_group_set_default_type(group, IOMMU_DOMAIN_IDENTITY), IOMMU_EBUSY);
	NO(iommu_group_set_default_type(group, IOMMU_DOMAIN_NESTED), IOMMU_EINVAL);
	NO(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_PAGING), IOMMU_EINVAL);
	r.detach = IOMMU_ETIMEDOUT;
	NO(iommu_domain_detach_group(group), IOMMU_ETIMEDOUT);
	r.detach = 0;
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_group_release(group, &r), 0);
	/*
	 * What firmware wants for ever, in a domain of which the library does not know what is
	 * where.
	 */
	r.regions = &region;
	r.region_count = 1;
	r.region_of = 16;
	guarded = recorder_add(&r, 16);
	NO(iommu_domain_attach_endpoint(domain, guarded), IOMMU_EPERM);
	assert_non_null(strstr(r.test.last[IOMMU_LOG_REFUSAL], "0000:00:02.0"));
	assert_int_equal(iommu_release_endpoint(guarded), 0);
	assert_int_equal(iommu_release_endpoint(e), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void the_rest_of_the_core_says_why(void **state)
{
	struct iommu_endpoint *e = recorder_add(&r, 8);
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_unit *unit = iommu_next_unit(r.iommu, NULL);
	struct iommu_group *group = iommu_endpoint_group(e);
	const struct iommu_bus_event event = {.type = (enum iommu_bus_event_type)77};
	const struct iommu_pasid_source source = {.ctx = NULL};
	struct iommu_dirty_bitmap bitmap = {.page_shift = 12};
	struct iommu_pasid_handle handle;
	struct iommu_backend backend = {.name = "half"};
	struct iommu_dma *dma;
	unsigned int done;
	uint32_t pasid;

	(void)state;
	NO(iommu_endpoint_enable_feature(e, (enum iommu_feature)64), IOMMU_EINVAL);
	NO(iommu_endpoint_enable_feature(e, IOMMU_FEATURE_ATS), IOMMU_EOPNOTSUPP);
	NO(iommu_endpoint_disable_feature(e, (enum iommu_feature)64), IOMMU_EINVAL);
	NO(iommu_domain_attach_pasid(domain, group, 0, &handle), IOMMU_EINVAL);
	NO(iommu_domain_detach_pasid(group, 5), IOMMU_ENOENT);
	NO(iommu_domain_replace_pasid(domain, group, 5, &handle), IOMMU_ENOENT);
	NO(iommu_pasid_alloc(r.iommu, 9, 3, &pasid), IOMMU_EINVAL);
	NO(iommu_pasid_free(r.iommu, 9), IOMMU_ENOENT);
	NO(iommu_set_pasid_source(r.iommu, &source), IOMMU_EINVAL);
	NO(iommu_unit_set_pasid_range(unit, 9, 3), IOMMU_EINVAL);
	NO(iommu_unit_pasid_alloc(unit, &pasid), IOMMU_ENOSPC);
	NO(iommu_unit_pasid_free(unit, 9), IOMMU_ENOENT);
	NO(iommu_reserve(r.iommu, 2, 1), IOMMU_EINVAL);
	NO(iommu_add_memory(r.iommu, 1, 2), IOMMU_EINVAL);
	NO(iommu_remove_memory(r.iommu, 0, 0xfff), IOMMU_ENOENT);
	NO(iommu_report_bus_event(r.iommu, &event), IOMMU_EINVAL);
	NO(iommu_register_backend(r.iommu, &backend), IOMMU_EINVAL);
	NO(iommu_start(r.iommu, 1U << 30), IOMMU_EINVAL);
	NO(iommu_start_late(r.iommu), IOMMU_EINVAL);
	NO(iommu_domain_set_dirty_tracking(domain, true), IOMMU_EOPNOTSUPP);
	NO(iommu_domain_read_dirty(domain, 0, 0, 0, &bitmap), IOMMU_EINVAL);
	NO(iommu_domain_split(domain, 0, 4096, 4096), IOMMU_EOPNOTSUPP);
	NO(iommu_domain_invalidate_user(domain, NULL, 0, 0, &done), IOMMU_EOPNOTSUPP);
	NO(iommu_dma_of(e, &dma), IOMMU_EPERM);
	r.test.platform.isolates_interrupts = false;
	NO(iommu_group_check_isolation(group), IOMMU_EPERM);
	r.enable = IOMMU_EIO;
	NO(iommu_unit_enable(unit), IOMMU_EIO);
	/* Hardware that has said no more is named. */
	assert_int_equal(strncmp(iommu_reason(r.iommu), unit->name, strlen(unit->name)), 0);
	r.enable = 0;
	assert_int_equal(iommu_release_endpoint(e), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/*
 * Zero in a configuration is the default; where a field has none it is refused, and never taken for
 * a size or a width.
 */
static void zero_is_the_default_or_refused(void **state)
{
	const struct iommu_platform *platform = &r.test.platform;
	struct iommu_iova_space *space;
	struct iommu_dma *dma;
	struct iommu_tce_table *table;
	struct iommu_page_reserve reserve;
	struct iommu_pgtable pt;
	struct iommu_model_vtd *vtd;
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;
	struct iommu_domain *domain;
	const struct iommu_domain_config config = {.parent = NULL};

	(void)state;
	/* Required: a granule, a domain, a window, an allocator, a shape of tables, memory. */
	assert_int_equal(
		iommu_iova_space_create(&(struct iommu_iova_config){.platform = platform}, &space),
		IOMMU_EINVAL);
	assert_int_equal(iommu_dma_create(&(struct iommu_dma_config){.flags = 0}, &dma),
			 IOMMU_EINVAL);
	assert_int_equal(
		iommu_tce_memory_create(
			&(struct iommu_tce_memory_config){.table = {.platform = platform}}, &table),
		IOMMU_EINVAL);
	assert_int_equal(
		iommu_tce_papr_create(
			&(struct iommu_tce_papr_config){.table = {.platform = platform}}, &table),
		IOMMU_EINVAL);
	assert_int_equal(
		iommu_page_reserve_init(&reserve, &(struct iommu_page_reserve_config){.ctx = NULL}),
		IOMMU_EINVAL);
	assert_int_equal(
		iommu_vtdss_init(&pt, &(struct iommu_pgtable_config){.platform = platform}),
		IOMMU_EINVAL);
	assert_int_equal(
		iommu_vtdfs_init(&pt, &(struct iommu_pgtable_config){.platform = platform}),
		IOMMU_EINVAL);
	assert_int_equal(iommu_tce_init(&pt, &(struct iommu_pgtable_config){.platform = platform}),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_model_vtd_create(
				 &(struct iommu_model_vtd_config){.platform = platform}, &vtd),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_model_phb_create(
				 &(struct iommu_model_phb_config){.platform = platform}, &phb),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_create(
				 &(struct iommu_model_papr_config){.platform = platform}, &papr),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_opal_probe(r.iommu, &(struct iommu_opal_config){.phb = 0}),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_papr_probe(r.iommu, &(struct iommu_papr_config){.segment = 0}),
			 IOMMU_EINVAL);
	/* All zero: as the unit has it. */
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(r.iommu, NULL), IOMMU_DOMAIN_PAGING,
					    &config, &domain),
			 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* A word that means something to a newer caller alone is refused, whatever else is asked for. */
static void unknown_flags_are_refused(void **state)
{
	const struct iommu_platform *platform = &r.test.platform;
	struct iommu_unit *unit = iommu_next_unit(r.iommu, NULL);
	const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING, IOMMU_DOMAIN_BLOCKED,
						IOMMU_DOMAIN_IDENTITY, IOMMU_DOMAIN_DMA};
	const struct iommu_domain_config config = {.flags = 1U << 31};
	struct iommu_iova_config iova = {.platform = platform, .granule = 4096, .last = 9};
	struct iommu_page_reserve_config reserve = {.alloc_pages = platform->alloc_pages,
						    .free_pages = platform->free_pages};
	struct iommu_pci_function function;
	const struct iommu_pci_topology topology = {.functions = &function, .count = 1};
	struct iommu_endpoint_info info;
	struct iommu_iova_space *space;
	struct iommu_page_reserve reserved;
	struct iommu_domain *domain;
	size_t count = 0;
	unsigned int i;

	(void)state;
	memset(&function, 0, sizeof(function));
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_int_equal(iommu_domain_alloc(unit, types[i], &config, &domain),
				 IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_iova_space_create(&iova, &space), 0);
	iommu_iova_space_destroy(space);
	iova.flags = 1;
	assert_int_equal(iommu_iova_space_create(&iova, &space), IOMMU_EINVAL);
	assert_int_equal(iommu_page_reserve_init(&reserved, &reserve), 0);
	reserve.flags = 1;
	assert_int_equal(iommu_page_reserve_init(&reserved, &reserve), IOMMU_EINVAL);
	assert_int_equal(
		iommu_pci_scan(&(struct iommu_pci_config){.flags = 1}, 0, 0, &function, 1, &count),
		IOMMU_EINVAL);
	assert_int_equal(
		iommu_pci_describe(&(struct iommu_pci_config){.flags = 1}, &topology, 0, 0, &info),
		IOMMU_EINVAL);
}

/* Every allocation of these calls fails in turn: that is said, too, and success never is. */
static void want_of_memory_is_said(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 8};
	unsigned int failures = 0;
	int status = IOMMU_ENOMEM;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	while (status != 0) {
		struct iommu_endpoint *e = NULL;

		r.test.lines[IOMMU_LOG_REFUSAL] = 0;
		r.test.fail_after = r.test.allocations + ++failures;
		status = iommu_probe_endpoint(r.iommu, &info, &e);
		r.test.fail_after = 0;
		if (status != 0)
			check_refusal(&r.test, r.iommu, status, IOMMU_ENOMEM,
				      "iommu_probe_endpoint", __LINE__);
		else
			assert_int_equal(iommu_release_endpoint(e), 0);
	}
	assert_true(failures > 1);
	assert_int_equal(r.test.lines[IOMMU_LOG_REFUSAL], 0);
}

/* --- Tables and units ------------------------------------------------------------------------- */

static struct test_platform plain;
static void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
static struct iommu *iommu;

static int plain_setup(void **state)
{
	(void)state;
	test_platform_init(&plain, 1 << 22, 0x100000);
	plain.quiet = true;
	assert_int_equal(iommu_create(&plain.platform, &iommu), 0);
	return 0;
}

static int plain_teardown(void **state)
{
	(void)state;
	assert_int_equal(iommu_destroy(iommu), 0);
	test_platform_destroy(&plain);
	return 0;
}

static size_t make_table(uint8_t *bytes, size_t size, bool with_unit)
{
	struct iommu_dmar_builder builder;
	int used;

	iommu_dmar_begin(&builder, bytes, size, 46, 0);
	if (with_unit)
		iommu_dmar_add_unit(&builder, 0, 0xfed90000, 0x1000, true);
	else
		iommu_dmar_add_region(&builder, 0, 0x1000, 0x1fff);
	used = iommu_dmar_finish(&builder, "TEST", "TEST");
	assert_true(used > 0);
	return (size_t)used;
}

/* Every byte of a table in turn is another: what is refused says why, what is not says nothing. */
static void refused_tables_say_why(void **state)
{
	static const uint8_t values[] = {0, 1, 3, 0x7f, 0xff};
	uint8_t good[256], bytes[256];
	const size_t size = make_table(good, sizeof(good), true);
	unsigned int refused = 0;
	struct iommu_dmar dmar;

	(void)state;
	for (size_t at = 0; at < size; at++)
		for (size_t v = 0; v < sizeof(values); v++) {
			memcpy(bytes, good, size);
			bytes[at] = values[v];
			if (iommu_dmar_open(&dmar, bytes, size) == 0) {
				assert_string_equal(dmar.refusal, "");
				continue;
			}
			refused++;
			assert_true(strlen(dmar.refusal) > 10);
			REFUSED(&plain, iommu, iommu_vtd_probe(iommu, bytes, size, NULL),
				IOMMU_EINVAL);
			assert_non_null(strstr(plain.last[IOMMU_LOG_REFUSAL], dmar.refusal));
		}
	assert_true(refused > 20);
	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(iommu_dmar_open(&dmar, good, cut), IOMMU_EINVAL);
		assert_true(strlen(dmar.refusal) > 10);
	}
}

static void *map_nothing(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)paddr;
	(void)size;
	return NULL;
}

static void unmap_nothing(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

static void probes_say_why(void **state)
{
	const struct iommu_opal_config opal = {.pes = 4};
	const struct iommu_papr_config papr = {.first_id = 1};
	uint8_t bytes[256];
	size_t size = make_table(bytes, sizeof(bytes), false);

	(void)state;
	REFUSED(&plain, iommu, iommu_vtd_probe(iommu, bytes, size, NULL), IOMMU_ENODEV);
	REFUSED(&plain, iommu, iommu_vtd_enable(iommu), IOMMU_ENODEV);
	REFUSED(&plain, iommu, iommu_vtd_add_units(iommu, bytes, 4), IOMMU_ENODEV);
	REFUSED(&plain, iommu, iommu_vtd_interrupts_enable(iommu, 0), IOMMU_EOPNOTSUPP);
	plain.platform.map_mmio = map_nothing;
	plain.platform.unmap_mmio = unmap_nothing;
	size = make_table(bytes, sizeof(bytes), true);
	REFUSED(&plain, iommu, iommu_vtd_probe(iommu, bytes, size, NULL), IOMMU_EFAULT);
	assert_non_null(strstr(plain.last[IOMMU_LOG_REFUSAL], "dmar0: the host does not map"));
	plain.platform.map_mmio = NULL;
	plain.platform.unmap_mmio = NULL;
	REFUSED(&plain, iommu, iommu_opal_probe(iommu, &opal), IOMMU_EINVAL);
	REFUSED(&plain, iommu, iommu_papr_probe(iommu, &papr), IOMMU_EINVAL);
	alloc_pages = plain.platform.alloc_pages;
	plain.platform.alloc_pages = NULL;
	REFUSED(&plain, NULL, iommu_create(&plain.platform, &iommu), IOMMU_EINVAL);
	plain.platform.alloc_pages = alloc_pages;
}

/* A table without a unit is not a machine of this back end: the next one is looked for. */
static void tables_without_a_unit_are_not_detected(void **state)
{
	struct iommu_vtd_backend backend;
	uint8_t bytes[256];
	size_t size = make_table(bytes, sizeof(bytes), false);

	(void)state;
	iommu_vtd_backend_init(&backend, bytes, size, NULL);
	assert_false(backend.base.detect(iommu, &backend.base));
	size = make_table(bytes, sizeof(bytes), true);
	iommu_vtd_backend_init(&backend, bytes, size, NULL);
	assert_true(backend.base.detect(iommu, &backend.base));
	/* A broken one says that there is something. */
	bytes[0] = 'X';
	assert_true(backend.base.detect(iommu, &backend.base));
	iommu_vtd_backend_init(&backend, NULL, 0, NULL);
	assert_false(backend.base.detect(iommu, &backend.base));
}

/* --- What was found --------------------------------------------------------------------------- */

static int alloc_nodes[64];
static unsigned int alloc_count;

static void *note_node(void *ctx, unsigned int order, int node, unsigned int flags)
{
	if (alloc_count < 64)
		alloc_nodes[alloc_count++] = node;
	return alloc_pages(ctx, order, node, flags);
}

static unsigned int allocations_from(int node)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < alloc_count; i++)
		count += alloc_nodes[i] == node;
	alloc_count = 0;
	return count;
}

static int machine_setup(void **state)
{
	(void)state;
	fake_machine_init(&machine, 1, FAKE_CAP_48, FAKE_ECAP_QI);
	machine.test.quiet = true;
	assert_int_equal(iommu_create(&machine.test.platform, &iommu), 0);
	return 0;
}

static int machine_teardown(void **state)
{
	(void)state;
	assert_int_equal(iommu_destroy(iommu), 0);
	fake_machine_destroy(&machine);
	return 0;
}

static void units_are_told_of_once(void **state)
{
	const uint64_t *lines = machine.test.lines;
	const char *last = machine.test.last[IOMMU_LOG_INFO];
	uint64_t enabled;

	(void)state;
	assert_int_equal(iommu_vtd_probe(iommu, machine.dmar, machine.dmar_size, NULL), 0);
	assert_int_equal(lines[IOMMU_LOG_INFO], 1);
	assert_non_null(strstr(last, "dmar0: version 1.0, 48 address bits to "));
	assert_non_null(strstr(last, "legacy mode"));
	assert_non_null(strstr(last, "queue"));
	assert_int_equal(iommu_translating(iommu), 0);
	assert_int_equal(iommu_vtd_enable(iommu), 0);
	assert_non_null(strstr(last, "dmar0: translation is on"));
	assert_int_equal(iommu_translating(iommu), 1);
	/* Again, after a sleep, and with each mapping: nothing new. */
	enabled = lines[IOMMU_LOG_INFO];
	assert_int_equal(iommu_vtd_enable(iommu), 0);
	assert_int_equal(iommu_suspend(iommu), 0);
	assert_int_equal(iommu_translating(iommu), 0);
	assert_int_equal(iommu_resume(iommu), 0);
	assert_int_equal(lines[IOMMU_LOG_INFO], enabled);
	assert_int_equal(lines[IOMMU_LOG_WARNING] + lines[IOMMU_LOG_ERROR], 0);
}

/* One unit that names devices, of which none is known: nothing is turned on, and that is said. */
static void an_enable_of_nothing_is_told(void **state)
{
	struct iommu_dmar_builder builder;
	const struct iommu_pci_hop hop = {.device = 4};
	const struct iommu_endpoint_info info = {.source_id = 0x20};
	struct iommu_endpoint *e;
	uint8_t bytes[256];
	int size;

	(void)state;
	iommu_dmar_begin(&builder, bytes, sizeof(bytes), 46, 0);
	iommu_dmar_add_unit(&builder, 0, FAKE_BASE(0), 0x1000, false);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
	size = iommu_dmar_finish(&builder, "TEST", "TEST");
	bytes[20] ^= 1; /* and a defect of firmware's that is tolerated */
	assert_int_equal(iommu_vtd_probe(iommu, bytes, (size_t)size, NULL), 0);
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_WARNING], "checksum"));
	assert_int_equal(iommu_vtd_enable(iommu), 0);
	assert_int_equal(iommu_translating(iommu), 0);
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_INFO], "dmar0: left off"));
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_WARNING], "nothing was turned on"));
	assert_int_equal(iommu_probe_endpoint(iommu, &info, &e), 0);
	assert_int_equal(iommu_translating(iommu), 1);
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_DEBUG], "0000:00:04.0: in group 0"));
	assert_int_equal(iommu_release_endpoint(e), 0);
}

static int node_of(void *ctx, uint32_t proximity_domain)
{
	(void)ctx;
	return (int)proximity_domain + 10;
}

/* The unit's tables and queues from the node that firmware says, a domain's from the device's. */
static void memory_comes_from_the_node_of_unit_and_device(void **state)
{
	const struct iommu_vtd_options options = {.node_of = node_of};
	const struct iommu_endpoint_info info = {.source_id = 0x20, .near_node = 1 + 5};
	const struct iommu_domain_config near = {.near_node = 1 + 7};
	struct iommu_dmar_builder builder;
	struct iommu_domain *domain;
	struct iommu_endpoint *e;
	uint8_t bytes[256];
	size_t size;

	(void)state;
	alloc_pages = machine.test.platform.alloc_pages;
	machine.test.platform.alloc_pages = note_node;
	iommu_dmar_begin(&builder, bytes, sizeof(bytes), 46, 0);
	iommu_dmar_add_unit(&builder, 0, FAKE_BASE(0), 0x1000, true);
	iommu_dmar_add_affinity(&builder, FAKE_BASE(0), 3);
	size = (size_t)iommu_dmar_finish(&builder, "TEST", "TEST");
	assert_int_equal(iommu_set_default_type(iommu, IOMMU_DOMAIN_DMA), 0);
	alloc_count = 0;
	assert_int_equal(iommu_vtd_probe(iommu, bytes, size, &options), 0);
	assert_true(allocations_from(13) >= 4); /* root, ids, ring, status words */
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(iommu, NULL), IOMMU_DOMAIN_PAGING, NULL,
					    &domain),
			 0);
	assert_int_equal(allocations_from(13), 1);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_alloc(iommu_next_unit(iommu, NULL), IOMMU_DOMAIN_PAGING,
					    &near, &domain),
			 0);
	assert_int_equal(allocations_from(7), 1);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_probe_endpoint(iommu, &info, &e), 0);
	assert_true(allocations_from(5) >= 1);
	assert_int_equal(iommu_release_endpoint(e), 0);
	machine.test.platform.alloc_pages = alloc_pages;
}

/* Firmware numbers the nodes where the host does not: those of this unit, as far as they go. */
static void firmware_numbers_nodes(void **state)
{
	static const struct {
		unsigned int unit;
		uint32_t domain;
		int node;
	} cases[] = {{0, 3, 3}, {0, UINT32_MAX, IOMMU_NODE_ANY}, {1, 3, IOMMU_NODE_ANY}};
	struct iommu_dmar_builder builder;
	uint8_t bytes[256];

	(void)state;
	alloc_pages = machine.test.platform.alloc_pages;
	machine.test.platform.alloc_pages = note_node;
	for (unsigned int i = 0; i < 3; i++) {
		size_t size;

		iommu_dmar_begin(&builder, bytes, sizeof(bytes), 46, 0);
		iommu_dmar_add_unit(&builder, 0, FAKE_BASE(0), 0x1000, true);
		iommu_dmar_add_affinity(&builder, FAKE_BASE(cases[i].unit), cases[i].domain);
		size = (size_t)iommu_dmar_finish(&builder, "TEST", "TEST");
		alloc_count = 0;
		assert_int_equal(iommu_vtd_probe(iommu, bytes, size, NULL), 0);
		assert_true(allocations_from(cases[i].node) >= 4);
		assert_int_equal(iommu_destroy(iommu), 0);
		assert_int_equal(iommu_create(&machine.test.platform, &iommu), 0);
	}
	machine.test.platform.alloc_pages = alloc_pages;
}

/* A fault that no handler takes names the device and the address. */
static void faults_without_a_handler_name_the_device(void **state)
{
	bool lost = false;

	(void)state;
	assert_int_equal(iommu_vtd_probe(iommu, machine.dmar, machine.dmar_size, NULL), 0);
	assert_int_equal(iommu_vtd_enable(iommu), 0);
	fake_fault(&machine.units[0], 0, 0x20, 0x123456789000ULL, 6, true);
	assert_int_equal(iommu_unit_handle_faults(iommu_next_unit(iommu, NULL), &lost), 1);
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_WARNING],
			       "dmar0: 0000:00:04.0 at 0x123456789000: "));
}

/* --- NULL ------------------------------------------------------------------------------------- */

static void what_ends_an_object_takes_null(void **state)
{
	(void)state;
	assert_int_equal(iommu_destroy(NULL), 0);
	assert_int_equal(iommu_domain_free(NULL), 0);
	assert_int_equal(iommu_release_endpoint(NULL), 0);
	assert_int_equal(iommu_vtd_remove_unit(NULL), 0);
	assert_int_equal(iommu_vtd_interrupt_free(NULL), 0);
	assert_int_equal(iommu_dma_destroy(NULL), 0);
	assert_int_equal(iommu_dma_window_destroy(NULL), 0);
	assert_int_equal(iommu_flush_queue_destroy(NULL), 0);
	assert_int_equal(iommu_file_destroy(NULL), 0);
	assert_int_equal(iommu_container_destroy(NULL), 0);
	assert_int_equal(iommu_device_files_destroy(NULL), 0);
	assert_int_equal(iommu_device_file_close(NULL), 0);
	assert_int_equal(iommu_group_file_close(NULL), 0);
	assert_int_equal(iommu_tce_table_destroy(NULL), 0);
	iommu_endpoint_drop(NULL);
	iommu_group_drop(NULL);
	iommu_iova_space_destroy(NULL);
	iommu_iova_cache_destroy(NULL);
	iommu_iova_free(NULL, NULL);
	iommu_model_phb_destroy(NULL);
	iommu_model_papr_destroy(NULL);
	iommu_model_vtd_destroy(NULL);
	iommu_vtdss_destroy(NULL);
	iommu_vtdfs_destroy(NULL);
	iommu_tce_destroy(NULL);
}

static int kill_nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

/* Every result that may be NULL. */
static void results_that_may_be_null(void **state)
{
	const struct iommu_map_piece piece = {0x10000, 0x1000};
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	struct iommu_unit *unit = iommu_next_unit(r.iommu, NULL);
	const struct iommu_iova_config config = {
		.platform = &r.test.platform, .granule = 4096, .first = 1, .last = 1000};
	const struct iommu_tce_memory_config window = {
		.table = {.platform = &r.test.platform, .entries = 64, .page_shift = 12},
		.levels = 1,
		.output_bits = 48,
		.kill = {.all = kill_nothing}};
	struct iommu_iova_space *space;
	struct iommu_tce_table *table;
	struct iommu_gather gather;
	uint64_t address;

	(void)state;
	assert_int_equal(iommu_map_sg(domain, 0x1000, &piece, 1, IOMMU_PROT_READ, NULL), 0);
	assert_int_equal(iommu_unmap(domain, 0x1000, 0x1000, 0, NULL), 0);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_map(domain, 0x1000, 0x1000, 0x1000, IOMMU_PROT_READ), 0);
	assert_int_equal(iommu_unmap_gather(domain, 0x1000, 0x1000, 0, &gather, NULL), 0);
	assert_int_equal(iommu_sync_gather(domain, &gather), 0);
	assert_true(iommu_unit_handle_faults(unit, NULL) >= 0);
	assert_true(iommu_unit_handle_page_requests(unit, NULL) >= 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_iova_space_create(&config, &space), 0);
	assert_int_equal(iommu_iova_reserve(space, 5, 6, IOMMU_IOVA_MERGE, NULL), 0);
	iommu_iova_space_destroy(space);
	assert_int_equal(iommu_tce_memory_create(&window, &table), 0);
	assert_int_equal(iommu_tce_table_map(table, 0x1000, 1, IOMMU_PROT_READ, NULL, &address), 0);
	assert_int_equal(iommu_tce_table_get(table, address, NULL, NULL), 0);
	assert_int_equal(iommu_tce_table_destroy(table), 0);
}

/*
 * A unit that is gone says so: what was left on by another kernel is not what keeps it from
 * sleeping.
 */
static void a_unit_that_is_gone_is_called_so(void **state)
{
	(void)state;
	assert_int_equal(iommu_vtd_probe(iommu, machine.dmar, machine.dmar_size, NULL), 0);
	assert_int_equal(iommu_vtd_enable(iommu), 0);
	machine.units[0].gone = true;
	assert_int_not_equal(iommu_suspend(iommu), 0);
	assert_null(strstr(machine.test.last[IOMMU_LOG_ERROR], "taken over"));
	assert_int_not_equal(iommu_resume(iommu), 0);
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_REFUSAL], "it is gone"));
	machine.units[0].gone = false;
	assert_int_equal(iommu_resume(iommu), 0);
	machine.units[0].gone = true;
	machine.test.last[IOMMU_LOG_REFUSAL][0] = '\0';
	assert_int_not_equal(iommu_shutdown(iommu), 0);
	assert_non_null(strstr(machine.test.last[IOMMU_LOG_REFUSAL], "iommu_shutdown: dmar0: "));
	machine.units[0].gone = false;
	assert_int_equal(iommu_shutdown(iommu), 0);
}

#define WITH(test, s) cmocka_unit_test_setup_teardown(test, s##setup, s##teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(groups_and_domains_say_why, ),
		WITH(the_rest_of_the_core_says_why, ),
		WITH(want_of_memory_is_said, ),
		WITH(zero_is_the_default_or_refused, ),
		WITH(unknown_flags_are_refused, ),
		WITH(refused_tables_say_why, plain_),
		WITH(probes_say_why, plain_),
		WITH(tables_without_a_unit_are_not_detected, plain_),
		WITH(units_are_told_of_once, machine_),
		WITH(an_enable_of_nothing_is_told, machine_),
		WITH(memory_comes_from_the_node_of_unit_and_device, machine_),
		WITH(firmware_numbers_nodes, machine_),
		WITH(faults_without_a_handler_name_the_device, machine_),
		WITH(a_unit_that_is_gone_is_called_so, machine_),
		cmocka_unit_test(what_ends_an_object_takes_null),
		WITH(results_that_may_be_null, ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
