/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frozen PEs of OPAL bridges: devices freeze their PE by bad DMA, and firmware answers, or answers
 * nonsense, or does nothing. What a PE does is tested by DMA after each step.
 */
#include <string.h>

#include <libiommu/hw/opal_diagnostics.h>
#include <libiommu/iommu.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_platform.h"

#define PES        8
#define RESERVED   7
#define MEMORY     0x300000ULL
#define IOVA       0x10000ULL
#define NONE       IOMMU_OPAL_NO_PE
#define ID(pe)     ((uint16_t)((pe) << 8))
#define MEMORY_END (1ULL << 31)

static struct {
	struct test_platform test, outside;
	struct iommu_model_phb *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	/* The n-th call with this token from now on returns `code`, and is made or not. */
	uint64_t token;
	unsigned int at, times;
	int64_t code;
	bool is_made;
	int state;                 /* not -1: firmware says that a PE is in this state */
	uint64_t pelt_calls[8][4]; /* the last ones: parent, child, state */
	unsigned int pelts;
	unsigned int calls; /* of error recovery */
	struct iommu_fault fault;
	unsigned int faults, frozen, thawed;
	struct iommu_endpoint *last_told;
} f;

/* --- Firmware --------------------------------------------------------------------------------- */

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	memcpy(iommu_phys_to_virt(&f.test.platform, paddr), bytes, size);
	return true;
}

/* What firmware writes in the place of diagnostic data. */
static struct {
	bool is_told;
	unsigned char words[12]; /* a version, a type, a length; big-endian */
} lie;

static bool is_recovery(uint64_t token)
{
	return token == IOMMU_OPAL_FREEZE_STATUS || token == IOMMU_OPAL_FREEZE_CLEAR ||
	       token == IOMMU_OPAL_FREEZE_SET || token == IOMMU_OPAL_SET_PELTV ||
	       token == IOMMU_OPAL_PHB_DIAGNOSTICS;
}

static int64_t call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	(void)ctx;
	f.calls += is_recovery(token);
	if (token == IOMMU_OPAL_SET_PELTV)
		memcpy(f.pelt_calls[f.pelts++ % 8], arguments, 4 * sizeof(arguments[0]));
	if (f.times != 0 && token == f.token && f.at-- <= 1) {
		f.at = 1;
		f.times--;
		if (f.is_made)
			(void)iommu_model_phb_opal(f.model, token, arguments);
		return f.code;
	}
	if (token == IOMMU_OPAL_PHB_DIAGNOSTICS && lie.is_told)
		return write_memory(NULL, arguments[1], lie.words, sizeof(lie.words)) ? 0 : -1;
	if (f.state >= 0 && token == IOMMU_OPAL_FREEZE_STATUS) {
		const unsigned char state = (unsigned char)f.state;

		return write_memory(NULL, arguments[2], &state, 1) ? 0 : -1;
	}
	return iommu_model_phb_opal(f.model, token, arguments);
}

/* So many calls with this token fail, from the n-th on. */
static void refuse(uint64_t token, unsigned int at, unsigned int times, bool is_made)
{
	f.token = token;
	f.at = at;
	f.times = times;
	f.is_made = is_made;
	f.code = -6;
}

static void misbehave(struct iommu_model_phb_faults faults)
{
	iommu_model_phb_misbehave(f.model, &faults);
}

#define MISBEHAVE(...) misbehave((struct iommu_model_phb_faults){__VA_ARGS__})
#define BEHAVE()       misbehave((struct iommu_model_phb_faults){0})

/* --- The host --------------------------------------------------------------------------------- */

static void note_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	f.fault = *fault;
	f.faults++;
}

static void listen(void *ctx, enum iommu_group_event event, struct iommu_endpoint *endpoint)
{
	(void)ctx;
	f.frozen += event == IOMMU_ENDPOINT_FROZEN;
	f.thawed += event == IOMMU_ENDPOINT_THAWED;
	f.last_told = endpoint;
}

static int probe_with(bool has_eeh, uint32_t diagnostics_size)
{
	const struct iommu_opal_config config = {
		.pes = PES,
		.reserved_pe = RESERVED,
		.call = call,
		.page_sizes = 1 << 12 | 1 << 28,
		.output_bits = 50,
		.window_bits = 32,
		.memory_end = MEMORY_END,
		.reserved_start = 1,
		.has_eeh = has_eeh,
		.diagnostics_size = diagnostics_size,
	};

	return iommu_opal_probe(f.iommu, &config);
}

/* Firmware is busy for a few calls, then for too long. */
static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 300000000;
}

static void begin_unprobed(unsigned int generation)
{
	const struct iommu_model_phb_config model = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .write = write_memory},
		.generation = generation,
		.pes = PES,
	};

	memset(&f, 0, sizeof(f));
	f.state = -1;
	test_platform_init(&f.test, 1 << 22, 0);
	test_platform_init(&f.outside, 1 << 22, 0);
	f.test.quiet = true;
	f.test.platform.relax = NULL;
	f.test.platform.now_ns = now_ns;
	assert_int_equal(iommu_model_phb_create(&model, &f.model), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	iommu_set_fault_handler(f.iommu, note_fault, NULL);
}

/* PEs 0 to 6 of one bus each. */
static void begin(void)
{
	uint32_t pe, number;

	begin_unprobed(3);
	assert_int_equal(probe_with(true, 0), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
	for (pe = 0; pe < RESERVED; pe++) {
		const struct iommu_opal_pe_config config = {
			.kind = IOMMU_OPAL_PE_BUS, .source_id = ID(pe), .number = pe};

		assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), 0);
	}
	assert_int_equal(iommu_unit_enable(f.unit), 0);
}

static void end(void)
{
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_model_phb_destroy(f.model);
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
}

static struct iommu_endpoint *add(uint16_t source_id)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	struct iommu_endpoint *endpoint = NULL;

	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), 0);
	return endpoint;
}

static struct iommu_domain *mapped_domain(void)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	assert_int_equal(iommu_map(domain, IOVA, MEMORY, 0x1000, IOMMU_PROT_READ_WRITE), 0);
	return domain;
}

static enum iommu_model_tce_reason access_of(uint16_t source_id, uint64_t address)
{
	struct iommu_model_tce_access access;

	(void)iommu_model_phb_access(f.model, source_id, address, true, &access);
	if (access.reason == IOMMU_MODEL_TCE_OK && address == IOVA)
		assert_int_equal(access.paddr, MEMORY);
	return access.reason;
}

static bool reaches(uint16_t source_id)
{
	return access_of(source_id, IOVA) == IOMMU_MODEL_TCE_OK;
}

/* A bad access of a device. */
static void spoil(uint16_t source_id)
{
	assert_int_not_equal(access_of(source_id, 0x7000000), IOMMU_MODEL_TCE_OK);
}

static unsigned int stopped(const struct iommu_endpoint *endpoint)
{
	struct iommu_freeze freeze = {0};

	assert_int_equal(iommu_group_get_freeze(iommu_endpoint_group(endpoint), &freeze), 0);
	return freeze.stopped;
}

/* --- Cases ------------------------------------------------------------------------------------ */

static void a_freeze_is_reported_once(void **state)
{
	struct iommu_group_notifier notifier = {.listener = listen};
	struct iommu_endpoint *one, *other;
	struct iommu_freeze freeze;
	struct iommu_domain *domain;
	struct iommu_group *group;
	bool lost = true;

	(void)state;
	begin();
	one = add(ID(1));
	other = add(ID(1) + 1);
	group = iommu_endpoint_group(one);
	iommu_group_listen(group, &notifier);
	domain = mapped_domain();
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_true(reaches(ID(1)));
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 0);
	assert_int_equal(iommu_unit_check_freezes(f.unit), 0);
	assert_int_equal(f.frozen, 0);

	spoil(ID(1));
	assert_false(reaches(ID(1)));
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 1);
	assert_false(lost);
	assert_int_equal(f.faults, 1);
	assert_ptr_equal(f.fault.unit, f.unit);
	assert_true(f.fault.endpoint == one || f.fault.endpoint == other);
	assert_int_equal(f.fault.reason, 5);
	assert_string_equal(f.fault.reason_name, "PE DMA");
	assert_int_equal(f.fault.access, IOMMU_FAULT_OTHER);
	assert_int_equal(iommu_unit_handle_faults(f.unit, &lost), 0);
	assert_int_equal(f.frozen, 0);
	/* Each member is told, once. */
	assert_int_equal(iommu_unit_check_freezes(f.unit), 0);
	assert_int_equal(iommu_unit_check_freezes(f.unit), 0);
	assert_int_equal(f.frozen, 2);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_int_equal(freeze.stopped, IOMMU_STOPPED_ALL);
	assert_false(freeze.is_in_reset || freeze.is_unavailable);
	assert_int_equal(freeze.reason, 5);

	/* Registers first, then DMA. */
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_IO), 0);
	assert_int_equal(stopped(one), IOMMU_STOPPED_DMA);
	assert_false(reaches(ID(1)));
	assert_int_equal(f.thawed, 0);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_DMA), 0);
	assert_int_equal(f.thawed, 2);
	assert_true(reaches(ID(1)));
	/* The next freeze is another one, whether or not a poll came in between. */
	spoil(ID(1));
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_int_equal(iommu_group_thaw(group, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_group_thaw(group, 4), IOMMU_EINVAL);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	/* By the host. */
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_DMA), 0);
	assert_int_equal(stopped(one), IOMMU_STOPPED_DMA);
	assert_false(reaches(ID(1)));
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);

	/* Who is reported for goes, and the others stay. */
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	spoil(ID(1));
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_ptr_equal(f.fault.endpoint, one);
	iommu_group_unlisten(group, &notifier);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void a_thaw_is_one_that_firmware_confirms(void **state)
{
	static const uint64_t tokens[] = {IOMMU_OPAL_FREEZE_CLEAR, IOMMU_OPAL_FREEZE_STATUS};
	struct iommu_endpoint *endpoint;
	struct iommu_freeze freeze;
	struct iommu_domain *domain;
	struct iommu_group *group;
	unsigned int i;

	(void)state;
	begin();
	endpoint = add(ID(2));
	group = iommu_endpoint_group(endpoint);
	domain = mapped_domain();
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	spoil(ID(2));
	for (i = 0; i < 2; i++) {
		refuse(tokens[i], 1, 1, false);
		assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	}
	assert_true(reaches(ID(2))); /* the second one was thawed, and that could not be told */
	spoil(ID(2));
	MISBEHAVE(.keeps_frozen = true);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	assert_non_null(strstr(iommu_reason(f.iommu), "still frozen"));
	assert_false(reaches(ID(2)));
	BEHAVE();
	f.code = -2;
	f.token = IOMMU_OPAL_FREEZE_CLEAR;
	f.at = 1;
	f.times = 1U << 30;
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_ETIMEDOUT);
	f.times = 0;
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	MISBEHAVE(.keeps_frozen = true);
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	assert_true(reaches(ID(2)));
	BEHAVE();

	/* Answers that are none, and states that the library does not make. */
	for (f.state = 7; f.state < 256; f.state++) {
		assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EIO);
		assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), IOMMU_EIO);
	}
	f.state = -1;
	refuse(IOMMU_OPAL_FREEZE_STATUS, 1, 1, false);
	f.code = 0;
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EIO);
	f.state = 4;
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_int_equal(freeze.stopped, IOMMU_STOPPED_ALL);
	assert_true(freeze.is_in_reset && !freeze.is_unavailable);
	assert_string_equal(freeze.reason_name, "unknown");
	f.state = 6;
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_true(freeze.is_unavailable && !freeze.is_in_reset);
	f.state = -1;
	MISBEHAVE(.is_fenced = true);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_int_equal(f.fault.reason, 2);
	assert_string_equal(f.fault.reason_name, "bridge");
	BEHAVE();
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void a_frozen_group_gets_no_other_domain(void **state)
{
	struct iommu_domain *first, *second, *blocked = NULL;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;

	(void)state;
	begin();
	endpoint = add(ID(3));
	group = iommu_endpoint_group(endpoint);
	first = mapped_domain();
	second = mapped_domain();
	assert_int_equal(iommu_domain_alloc(f.unit, IOMMU_DOMAIN_BLOCKED, NULL, &blocked), 0);
	assert_int_equal(iommu_domain_attach_group(first, group), 0);
	spoil(ID(3));
	/* Mapping goes on, and what is mapped is there after the thaw. */
	assert_int_equal(iommu_map(first, 2 * IOVA, MEMORY, 0x1000, IOMMU_PROT_READ_WRITE), 0);
	assert_int_equal(iommu_unmap(first, 2 * IOVA, 0x1000, 0, NULL), 0);
	assert_int_equal(iommu_domain_attach_group(first, group), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_attach_group(second, group), IOMMU_EIO);
	assert_non_null(strstr(iommu_reason(f.iommu), "thawed first"));
	assert_int_equal(iommu_domain_attach_group(blocked, group), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	/*
	 * With registers alone thawed the device cannot use a domain either; nor if it is not
	 * known.
	 */
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_IO), 0);
	assert_int_equal(iommu_domain_attach_group(second, group), IOMMU_EIO);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_DMA), 0);
	refuse(IOMMU_OPAL_FREEZE_STATUS, 1, 1, false);
	assert_int_equal(iommu_domain_attach_group(second, group), IOMMU_EIO);
	assert_false(reaches(ID(3)));
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_IO), 0);
	assert_int_equal(iommu_domain_attach_group(second, group), 0);
	assert_true(reaches(ID(3)));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(first), 0);
	assert_int_equal(iommu_domain_free(second), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	end();
}

/* A reset in the middle of recovery: the device uses its domain again, frozen or not. */
static void a_device_is_reset_while_frozen(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	begin();
	endpoint = add(ID(3));
	group = iommu_endpoint_group(endpoint);
	domain = mapped_domain();
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	spoil(ID(3));
	assert_int_equal(iommu_endpoint_reset_begin(endpoint), 0);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_false(reaches(ID(3)));
	assert_int_equal(iommu_endpoint_reset_end(endpoint), 0);
	assert_int_equal(access_of(ID(3), IOVA), IOMMU_MODEL_TCE_FROZEN);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_true(reaches(ID(3)));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* An owner that leaves a frozen group behind does not keep it. */
static void a_frozen_group_is_given_back(void **state)
{
	struct iommu_dma_device device;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;
	iommu_iova_t address = 0;
	struct iommu_dma *dma;

	(void)state;
	begin();
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	endpoint = add(ID(3));
	group = iommu_endpoint_group(endpoint);
	domain = mapped_domain();
	assert_int_equal(iommu_group_claim(group, &f), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	spoil(ID(3));
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_group_release(group, &f), 0);
	assert_int_equal(iommu_dma_of(endpoint, &dma), 0);
	device = iommu_dma_device_of(endpoint, 0);
	assert_int_equal(
		iommu_dma_map(dma, &device, MEMORY, 0x1000, IOMMU_DMA_BIDIRECTIONAL, &address), 0);
	assert_int_equal(access_of(ID(3), address), IOMMU_MODEL_TCE_FROZEN);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(access_of(ID(3), address), IOMMU_MODEL_TCE_OK);
	assert_int_equal(iommu_dma_unmap(dma, address, 0x1000), 0);
	/* And the other way: a claim takes it, and blocks it. */
	iommu_unuse_default_domain(endpoint);
	spoil(ID(3));
	assert_int_equal(iommu_group_claim(group, &f), 0);
	assert_int_equal(iommu_group_release(group, &f), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* DMA is not thawed into a window that may lead where it should not. */
static void what_is_in_doubt_stays_frozen(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	begin();
	endpoint = add(ID(3));
	group = iommu_endpoint_group(endpoint);
	domain = mapped_domain();
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	spoil(ID(3));
	MISBEHAVE(.refuse_close = true);
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_EIO);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_DMA), IOMMU_EIO);
	assert_int_equal(access_of(ID(3), IOVA), IOMMU_MODEL_TCE_FROZEN);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_IO), 0);
	BEHAVE();
	MISBEHAVE(.kills_hang = true);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_DMA), IOMMU_ETIMEDOUT);
	assert_int_equal(access_of(ID(3), IOVA), IOMMU_MODEL_TCE_FROZEN);
	BEHAVE();
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_DMA), 0);
	assert_int_equal(access_of(ID(3), IOVA), IOMMU_MODEL_TCE_CLOSED);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void what_was_frozen_before_is_thawed(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = ID(4)};
	struct iommu_endpoint *endpoint = NULL, *other;

	(void)state;
	begin();
	spoil(ID(4));
	MISBEHAVE(.keeps_frozen = true);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EIO);
	BEHAVE();
	refuse(IOMMU_OPAL_FREEZE_STATUS, 1, 1, false);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EIO);
	refuse(IOMMU_OPAL_FREEZE_CLEAR, 1, 1, false);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EIO);
	endpoint = add(ID(4));
	assert_int_equal(stopped(endpoint), 0);
	/* A freeze by a member is the group's, also for members that join. */
	spoil(ID(4));
	other = add(ID(4) + 1);
	assert_int_equal(stopped(other), IOMMU_STOPPED_ALL);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	end();
}

/* --- Links ------------------------------------------------------------------------------------ */

static void freezes_spread_along_links(void **state)
{
	struct iommu_endpoint *endpoints[4];
	unsigned int i;

	(void)state;
	begin();
	assert_int_equal(f.pelts, RESERVED); /* each PE its own bit */
	assert_int_equal(f.pelt_calls[6][1], 6);
	assert_int_equal(f.pelt_calls[6][2], 6);
	assert_int_equal(f.pelt_calls[6][3], 1);
	for (i = 0; i < 4; i++)
		endpoints[i] = add(ID(i));
	assert_int_equal(iommu_opal_link_pes(f.unit, 0, 1, 0), 0);
	assert_int_equal(iommu_opal_link_pes(f.unit, 0, 1, 0), IOMMU_EEXIST);
	assert_int_equal(iommu_opal_link_pes(f.unit, 2, 3, IOMMU_OPAL_COMPOUND), 0);
	spoil(ID(1));
	assert_int_equal(stopped(endpoints[0]), 0);
	assert_int_equal(iommu_group_thaw(iommu_endpoint_group(endpoints[1]), 3), 0);
	spoil(ID(0));
	assert_int_equal(stopped(endpoints[1]), IOMMU_STOPPED_ALL);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 2);
	/* A child is thawed by itself. */
	assert_int_equal(iommu_group_thaw(iommu_endpoint_group(endpoints[0]), 3), 0);
	assert_int_equal(stopped(endpoints[1]), IOMMU_STOPPED_ALL);
	assert_int_equal(iommu_group_thaw(iommu_endpoint_group(endpoints[1]), 3), 0);
	/* A compound is one: by the slave, by the master, and by the host. */
	for (i = 2; i < 4; i++) {
		spoil(ID(i));
		assert_int_equal(stopped(endpoints[5 - i]), IOMMU_STOPPED_ALL);
		assert_int_equal(iommu_group_thaw(iommu_endpoint_group(endpoints[i]), 3), 0);
		assert_int_equal(access_of(ID(2), IOVA), IOMMU_MODEL_TCE_CLOSED);
		assert_int_equal(iommu_group_thaw(iommu_endpoint_group(endpoints[i]), 3), 0);
	}
	assert_int_equal(iommu_group_freeze(iommu_endpoint_group(endpoints[3]), 3), 0);
	assert_int_equal(access_of(ID(2), IOVA), IOMMU_MODEL_TCE_FROZEN);
	assert_int_equal(iommu_group_thaw(iommu_endpoint_group(endpoints[2]), 3), 0);
	/* Alone again. */
	assert_int_equal(iommu_opal_unlink_pes(f.unit, 2, 3), 0);
	assert_int_equal(iommu_opal_unlink_pes(f.unit, 0, 1), 0);
	assert_int_equal(iommu_opal_unlink_pes(f.unit, 0, 1), IOMMU_ENOENT);
	spoil(ID(0));
	spoil(ID(3));
	assert_int_equal(stopped(endpoints[1]), 0);
	assert_int_equal(stopped(endpoints[2]), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
	end();
}

static void links_are_refused(void **state)
{
	(void)state;
	begin();
	assert_int_equal(iommu_opal_link_pes(f.unit, 1, 1, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_opal_link_pes(f.unit, PES, 1, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_opal_link_pes(f.unit, 1, PES, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_opal_link_pes(f.unit, 1, 2, 2), IOMMU_EINVAL);
	assert_int_equal(iommu_opal_unlink_pes(f.unit, 1, 1), IOMMU_EINVAL);
	assert_int_equal(iommu_opal_link_pes(f.unit, 1, 2, IOMMU_OPAL_COMPOUND), 0);
	assert_int_equal(iommu_opal_link_pes(f.unit, 3, 2, IOMMU_OPAL_COMPOUND), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_link_pes(f.unit, 2, 3, IOMMU_OPAL_COMPOUND), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_link_pes(f.unit, 3, 1, IOMMU_OPAL_COMPOUND), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_link_pes(f.unit, 2, 1, IOMMU_OPAL_COMPOUND), IOMMU_EEXIST);
	/* The slave's link is a part of the compound's, and would take that along. */
	assert_int_equal(iommu_opal_link_pes(f.unit, 2, 1, 0), IOMMU_EEXIST);
	assert_int_equal(iommu_opal_remove_pe(f.unit, 1), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_remove_pe(f.unit, 2), IOMMU_EBUSY);
	assert_int_equal(iommu_opal_unlink_pes(f.unit, 1, 2), 0);
	assert_int_equal(iommu_opal_remove_pe(f.unit, 2), 0);
	f.test.fail_after = f.test.allocations + 1;
	/* The links so far have left room on their page. */
	(void)iommu_opal_link_pes(f.unit, 1, 3, 0);
	f.test.fail_after = 0;
	end();
}

/* A call that failed was made or not: what it was about is as it was, or in doubt. */
static void links_in_doubt_are_settled(void **state)
{
	unsigned int at, made, times;

	(void)state;
	for (made = 0; made < 2; made++) {
		for (at = 1; at <= 2; at++) {
			for (times = 1; times <= 6; times += 5) {
				struct iommu_endpoint *two, *three;

				begin();
				two = add(ID(2));
				three = add(ID(3));
				refuse(IOMMU_OPAL_SET_PELTV, at, times, made != 0);
				assert_int_equal(
					iommu_opal_link_pes(f.unit, 2, 3, IOMMU_OPAL_COMPOUND),
					IOMMU_EIO);
				/* Unconfirmed: no call says that all is well. */
				if (times == 6)
					assert_int_equal(iommu_unit_enable(f.unit), IOMMU_EIO);
				f.times = 0;
				assert_int_equal(iommu_unit_enable(f.unit), 0);
				spoil(ID(2));
				assert_int_equal(stopped(three), 0);
				assert_int_equal(iommu_group_thaw(iommu_endpoint_group(two), 3), 0);
				assert_int_equal(
					iommu_opal_link_pes(f.unit, 2, 3, IOMMU_OPAL_COMPOUND), 0);
				refuse(IOMMU_OPAL_SET_PELTV, at, times, made != 0);
				assert_int_equal(iommu_opal_unlink_pes(f.unit, 2, 3), IOMMU_EIO);
				f.times = 0;
				assert_int_equal(iommu_unit_enable(f.unit), 0);
				spoil(ID(3));
				assert_int_equal(access_of(ID(2), IOVA), IOMMU_MODEL_TCE_FROZEN);
				assert_int_equal(iommu_opal_unlink_pes(f.unit, 2, 3), 0);
				assert_int_equal(iommu_release_endpoint(two), 0);
				assert_int_equal(iommu_release_endpoint(three), 0);
				end();
			}
		}
	}
}

static void a_pe_that_cannot_freeze_is_not_made(void **state)
{
	const struct iommu_opal_pe_config config = {
		.kind = IOMMU_OPAL_PE_BUS, .source_id = 0x1000, .number = 2};
	uint32_t number;

	(void)state;
	begin();
	assert_int_equal(iommu_opal_remove_pe(f.unit, 2), 0);
	refuse(IOMMU_OPAL_SET_PELTV, 1, 1, false);
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), IOMMU_EIO);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x1000), IOMMU_MODEL_NO_PE);
	refuse(IOMMU_OPAL_SET_PE, 1, 1, true);
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), IOMMU_EIO);
	assert_int_equal(iommu_model_phb_pe_of(f.model, 0x1000), IOMMU_MODEL_NO_PE);
	assert_int_equal(f.pelt_calls[(f.pelts - 1) % 8][3], 0);
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), 0);
	end();
}

/* --- Diagnostic data -------------------------------------------------------------------------- */

static unsigned char data[8576];

static void check_diagnosis(unsigned int generation, size_t size)
{
	struct iommu_opal_diagnosis diagnosis;
	size_t i;

	assert_int_equal(iommu_opal_read_diagnostics(data, size, 5, &diagnosis), 0);
	assert_int_equal(diagnosis.generation, generation);
	assert_int_equal(diagnosis.source_id, ID(5) + 3);
	assert_true(diagnosis.is_dma_stopped && diagnosis.is_io_stopped);
	assert_int_equal(iommu_opal_read_diagnostics(data, size, 4, &diagnosis), 0);
	assert_false(diagnosis.is_dma_stopped || diagnosis.is_io_stopped);
	assert_int_equal(iommu_opal_read_diagnostics(data, size, 512, &diagnosis), IOMMU_EINVAL);
	assert_int_equal(iommu_opal_read_diagnostics(NULL, 0, 0, &diagnosis), IOMMU_EINVAL);
	for (i = 0; i < size; i++)
		assert_int_equal(iommu_opal_read_diagnostics(data, i, 5, &diagnosis), IOMMU_EINVAL);
	data[7] = 1;
	assert_int_equal(iommu_opal_read_diagnostics(data, size, 5, &diagnosis), IOMMU_EINVAL);
}

static void bridges_tell_what_happened(void **state)
{
	static const size_t sizes[] = {0, 0, 0, 4392, 8576, 8576};
	unsigned int generation;

	(void)state;
	for (generation = 3; generation <= 5; generation++) {
		const struct iommu_opal_pe_config config = {
			.kind = IOMMU_OPAL_PE_BUS, .source_id = ID(5), .number = 5};
		struct iommu_endpoint *endpoint;
		struct iommu_group *group;
		size_t length = 0;
		uint32_t number;

		begin_unprobed(generation);
		assert_int_equal(probe_with(true, 0), 0);
		f.unit = iommu_find_unit(f.iommu, "phb0");
		assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), 0);
		endpoint = add(ID(5));
		group = iommu_endpoint_group(endpoint);
		spoil(ID(5) + 3);
		memset(data, 0xee, sizeof(data));
		assert_int_equal(iommu_group_get_diagnostics(group, NULL, 0, &length), 0);
		assert_int_equal(length, sizes[generation]);
		assert_int_equal(iommu_group_get_diagnostics(group, data, 4, &length), 0);
		assert_int_equal(data[3], 1);
		assert_int_equal(data[4], 0xee);
		assert_int_equal(iommu_group_get_diagnostics(group, data, sizeof(data), &length),
				 0);
		check_diagnosis(generation == 3 ? 3 : 4, length);
		refuse(IOMMU_OPAL_PHB_DIAGNOSTICS, 1, 1, true);
		assert_int_equal(iommu_group_get_diagnostics(group, data, 4, &length), IOMMU_EIO);
		/* Success, and nothing written. */
		refuse(IOMMU_OPAL_PHB_DIAGNOSTICS, 1, 1, false);
		f.code = 0;
		assert_int_equal(iommu_group_get_diagnostics(group, data, 4, &length), IOMMU_EIO);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
		end();
	}
	begin_unprobed(3);
	assert_int_equal(probe_with(true, 11), IOMMU_EINVAL);
	assert_int_equal(probe_with(true, (64 << 10) + 1), IOMMU_EINVAL);
	assert_int_equal(probe_with(true, 64 << 10), 0);
	end();
}

/* --- Without, and without memory -------------------------------------------------------------- */

static void nothing_is_asked_without_recovery(void **state)
{
	const struct iommu_opal_pe_config config = {
		.kind = IOMMU_OPAL_PE_BUS, .source_id = ID(1), .number = 1};
	struct iommu_endpoint *endpoint;
	struct iommu_freeze freeze;
	struct iommu_domain *domain;
	struct iommu_group *group;
	uint32_t number;
	size_t length;

	(void)state;
	begin_unprobed(4);
	assert_int_equal(probe_with(false, 0), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), 0);
	endpoint = add(ID(1));
	group = iommu_endpoint_group(endpoint);
	domain = mapped_domain();
	spoil(ID(1));
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(iommu_unit_check_freezes(f.unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_get_diagnostics(group, NULL, 0, &length), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_link_pes(f.unit, 1, 2, 0), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_opal_unlink_pes(f.unit, 1, 2), IOMMU_EOPNOTSUPP);
	assert_int_equal(f.calls, 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void every_allocation_may_fail(void **state)
{
	const struct iommu_opal_pe_config config = {
		.kind = IOMMU_OPAL_PE_BUS, .source_id = ID(1), .number = 1};
	uint32_t number;
	uint64_t i;
	int status;

	(void)state;
	begin_unprobed(4);
	for (i = 1; i < 5; i++) {
		f.test.fail_after = f.test.allocations + i;
		status = probe_with(true, 0);
		f.test.fail_after = 0;
		assert_int_equal(status, i < 5 ? IOMMU_ENOMEM : 0);
	}
	assert_int_equal(probe_with(true, 0), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
	f.test.fail_after = f.test.allocations + 1;
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), IOMMU_ENOMEM);
	assert_int_equal(iommu_model_phb_pe_of(f.model, ID(1)), IOMMU_MODEL_NO_PE);
	f.test.fail_after = 0;
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), 0);
	end();
}

/* Diagnostic data of no version, or of no length, that there is: nothing of it is copied. */
static void diagnostics_that_make_no_sense_are_none(void **state)
{
	static const struct {
		unsigned char version, length[2];
		int status;
	} cases[] = {{1, {0, 12}, 0},
		     {0, {0, 12}, IOMMU_EIO},
		     {2, {0, 12}, IOMMU_EIO},
		     {1, {0, 11}, IOMMU_EIO},
		     {1, {0x40, 0}, IOMMU_EIO}}; /* more than was asked for */
	struct iommu_endpoint *endpoint;
	uint32_t number;
	const struct iommu_opal_pe_config config = {
		.kind = IOMMU_OPAL_PE_BUS, .source_id = ID(5), .number = 5};
	struct iommu_opal_diagnosis diagnosis;

	(void)state;
	begin_unprobed(4);
	assert_int_equal(probe_with(true, 0x2000), 0);
	f.unit = iommu_find_unit(f.iommu, "phb0");
	assert_int_equal(iommu_opal_add_pe(f.unit, &config, &number), 0);
	endpoint = add(ID(5));
	lie.is_told = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = 77;

		memset(data, 0xee, sizeof(data));
		lie.words[3] = cases[i].version;
		lie.words[10] = cases[i].length[0];
		lie.words[11] = cases[i].length[1];
		assert_int_equal(iommu_group_get_diagnostics(iommu_endpoint_group(endpoint), data,
							     sizeof(data), &length),
				 cases[i].status);
		assert_int_equal(length, cases[i].status == 0 ? 12 : 77);
		assert_int_equal(data[3], cases[i].status == 0 ? 1 : 0xee);
		assert_int_equal(data[12], 0xee);
	}
	lie.is_told = false;
	/* Nor is that read which is cut short, or is of no bridge. */
	assert_int_equal(iommu_opal_read_diagnostics(data, 11, 0, &diagnosis), IOMMU_EINVAL);
	memcpy(data, "\0\0\0\1\0\0\0\0", 8);
	assert_int_equal(iommu_opal_read_diagnostics(data, sizeof(data), 0, &diagnosis),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freeze_is_reported_once),
		cmocka_unit_test(a_thaw_is_one_that_firmware_confirms),
		cmocka_unit_test(a_frozen_group_gets_no_other_domain),
		cmocka_unit_test(a_device_is_reset_while_frozen),
		cmocka_unit_test(a_frozen_group_is_given_back),
		cmocka_unit_test(what_is_in_doubt_stays_frozen),
		cmocka_unit_test(what_was_frozen_before_is_thawed),
		cmocka_unit_test(freezes_spread_along_links),
		cmocka_unit_test(links_are_refused),
		cmocka_unit_test(links_in_doubt_are_settled),
		cmocka_unit_test(diagnostics_that_make_no_sense_are_none),
		cmocka_unit_test(a_pe_that_cannot_freeze_is_not_made),
		cmocka_unit_test(bridges_tell_what_happened),
		cmocka_unit_test(nothing_is_asked_without_recovery),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
