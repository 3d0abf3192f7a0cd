/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error recovery of a hypervisor's guest: devices freeze their PE by bad DMA, and the services of
 * RTAS answer, or answer nonsense, or do nothing. What devices reach is tested by DMA.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "test.h"
#include "test_platform.h"

#define LIOBN   0x80000000U
#define PE      0x10001U
#define BRIDGE  0x800000020000000ULL
#define IOVA    0x10000ULL
#define MEMORY  0x300000ULL
#define TOKEN   100U /* of a service: this and its number */
#define TOKENS  8U
#define OPTION  (TOKEN + IOMMU_MODEL_PAPR_SET_EEH_OPTION)
#define STATE   (TOKEN + IOMMU_MODEL_PAPR_READ_STATE)
#define DETAIL  (TOKEN + IOMMU_MODEL_PAPR_ERROR_DETAIL)
#define PE_BACK (TOKEN + IOMMU_MODEL_PAPR_CONFIGURE_PE)

static struct {
	struct test_platform test, outside;
	struct iommu_model_papr *model;
	struct iommu *iommu;
	struct iommu_unit *unit;
	/* The n-th call of this service from now on fails, and is made or not. */
	uint32_t token;
	unsigned int at;
	bool is_made;
	int state, support; /* not -1: the hypervisor says so */
	unsigned int calls[TOKENS];
	uint32_t options[4]; /* that were asked for, the last ones */
	unsigned int option_count;
	bool refuses_enable;
	bool refuses_entries;
	bool log_is_short, log_is_long; /* what the hypervisor's log says of itself */
	struct iommu_fault fault;
	unsigned int frozen, thawed;
	unsigned char *log;
} f;

/* --- The hypervisor --------------------------------------------------------------------------- */

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

static int64_t call(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address, uint64_t third,
		    uint64_t fourth, uint64_t *result)
{
	(void)ctx;
	if (f.refuses_entries && opcode != IOMMU_H_GET_TCE)
		return -1;
	return iommu_model_papr_hypercall(f.model, opcode, liobn, address, third, fourth, result);
}

static int32_t rtas(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
		    unsigned int output_count, uint32_t *outputs)
{
	const enum iommu_model_papr_service service =
		(enum iommu_model_papr_service)(token - TOKEN);
	int32_t code;

	(void)ctx;
	assert_true(token - TOKEN < TOKENS);
	assert_int_equal((uint64_t)inputs[1] << 32 | inputs[2], BRIDGE);
	f.calls[token - TOKEN]++;
	if (token == OPTION)
		f.options[f.option_count++ % 4] = inputs[3];
	if (token == OPTION && inputs[3] == 1 && f.refuses_enable)
		return -3;
	if (f.at != 0 && token == f.token && --f.at == 0 && !f.is_made)
		return -1;
	code = iommu_model_papr_rtas(f.model, service, input_count, inputs, output_count, outputs);
	if (token == DETAIL && f.log_is_short)
		f.log[1] &= 0xfb;
	if (token == DETAIL && f.log_is_long)
		memset(f.log + 4, 0xff, 4);
	if (token == STATE && f.state >= 0)
		outputs[1] = (uint32_t)f.state;
	if (token == STATE && f.support >= 0)
		outputs[2] = (uint32_t)f.support;
	if (f.is_made && token == f.token && f.at == 0) {
		f.is_made = false;
		return -1;
	}
	return code;
}

static void refuse(uint32_t token, unsigned int at, bool is_made)
{
	f.token = token;
	f.at = at;
	f.is_made = is_made;
}

static void misbehave(struct iommu_model_papr_faults faults)
{
	iommu_model_papr_misbehave(f.model, &faults);
}

#define MISBEHAVE(...) misbehave((struct iommu_model_papr_faults){__VA_ARGS__})
#define BEHAVE()       misbehave((struct iommu_model_papr_faults){0})

/* --- The host --------------------------------------------------------------------------------- */

static void note_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	f.fault = *fault;
}

static void listen(void *ctx, enum iommu_group_event event, struct iommu_endpoint *endpoint)
{
	(void)ctx;
	(void)endpoint;
	f.frozen += event == IOMMU_ENDPOINT_FROZEN;
	f.thawed += event == IOMMU_ENDPOINT_THAWED;
}

static struct iommu_papr_config good_config(void)
{
	return (struct iommu_papr_config){
		.first_id = 0x100,
		.last_id = 0x1ff,
		.pe = PE,
		.window = {.liobn = LIOBN, .size = 1 << 24, .page_shift = 12},
		.has_multiple = true,
		.call = call,
		.eeh = {.rtas = rtas,
			.pe_address = PE,
			.bridge = BRIDGE,
			.option_token = OPTION,
			.state_token = STATE,
			.detail_token = DETAIL,
			.configure_token = PE_BACK,
			.log = f.log,
			.log_size = 2048},
	};
}

/* The hypervisor is busy for a few calls, then for too long. */
static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 300000000;
}

static void begin_unprobed(void)
{
	const struct iommu_model_papr_config model = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .write = write_memory},
		.pe_address = PE,
	};

	memset(&f, 0, sizeof(f));
	f.state = f.support = -1;
	test_platform_init(&f.test, 1 << 22, 1 << 20);
	test_platform_init(&f.outside, 1 << 22, 0);
	f.test.quiet = true;
	f.test.platform.relax = NULL;
	f.test.platform.now_ns = now_ns;
	f.log = f.test.platform.alloc_pages(f.test.platform.ctx, 0, IOMMU_NODE_ANY, 0);
	assert_int_equal(iommu_model_papr_create(&model, &f.model), 0);
	assert_int_equal(iommu_model_papr_add_window(f.model, LIOBN, 0, 12, 1 << 12), 0);
	assert_int_equal(iommu_create(&f.test.platform, &f.iommu), 0);
	iommu_set_fault_handler(f.iommu, note_fault, NULL);
}

static void begin(void)
{
	const struct iommu_papr_config config = (begin_unprobed(), good_config());

	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "liobn80000000");
	assert_int_equal(iommu_unit_enable(f.unit), 0);
}

static void end(void)
{
	assert_int_equal(iommu_destroy(f.iommu), 0);
	iommu_model_papr_destroy(f.model);
	f.test.platform.free_pages(f.test.platform.ctx, f.log, 0);
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

static enum iommu_model_tce_reason reason_at(uint64_t address)
{
	struct iommu_model_tce_access access;

	(void)iommu_model_papr_access(f.model, LIOBN, address, true, &access);
	return access.reason;
}

static bool reaches(void)
{
	return reason_at(IOVA) == IOMMU_MODEL_TCE_OK;
}

static void spoil(void)
{
	assert_int_not_equal(reason_at(0x700000), IOMMU_MODEL_TCE_OK);
}

/* --- Cases ------------------------------------------------------------------------------------ */

static void a_freeze_is_reported_and_thawed(void **state)
{
	struct iommu_group_notifier notifier = {.listener = listen};
	struct iommu_freeze freeze;
	struct iommu_endpoint *one, *other;
	struct iommu_domain *domain, *second;
	struct iommu_group *group;

	(void)state;
	begin();
	one = add(0x100);
	assert_int_equal(f.options[0], 1);
	other = add(0x108);
	group = iommu_endpoint_group(one);
	iommu_group_listen(group, &notifier);
	domain = mapped_domain();
	second = mapped_domain();
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_true(reaches());
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	spoil();
	assert_false(reaches());
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_int_equal(f.fault.reason, 2);
	assert_string_equal(f.fault.reason_name, "stopped");
	assert_true(f.fault.endpoint == one || f.fault.endpoint == other);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(iommu_unit_check_freezes(f.unit), 0);
	assert_int_equal(f.frozen, 2);
	/* A question makes no news of it. */
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_int_equal(freeze.stopped, IOMMU_STOPPED_ALL);
	refuse(STATE, 1, false);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EIO);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	/* Mapping goes on; another domain is not attached. */
	assert_int_equal(iommu_map(domain, 2 * IOVA, MEMORY, 0x1000, IOMMU_PROT_READ_WRITE), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_domain_attach_group(second, group), IOMMU_EIO);
	assert_non_null(strstr(iommu_reason(f.iommu), "thawed first"));
	/* Registers before DMA. */
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_DMA), IOMMU_EIO);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_IO), 0);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_int_equal(freeze.stopped, IOMMU_STOPPED_DMA);
	assert_int_equal(freeze.reason, 4);
	assert_int_equal(f.thawed, 0);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(f.thawed, 2);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(iommu_domain_attach_group(second, group), 0);
	assert_true(reaches());
	/* By the host: all or nothing. */
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_DMA), IOMMU_EOPNOTSUPP);
	assert_true(reaches());
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_ALL), 0);
	assert_false(reaches());
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(iommu_papr_configure_pe(f.unit), 0);
	assert_int_equal(f.calls[IOMMU_MODEL_PAPR_CONFIGURE_PE], 1);
	refuse(PE_BACK, 1, false);
	assert_int_equal(iommu_papr_configure_pe(f.unit), IOMMU_EIO);

	assert_int_equal(iommu_domain_detach_group(group), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
	spoil();
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 1);
	assert_ptr_equal(f.fault.endpoint, one);
	iommu_group_unlisten(group, &notifier);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(second), 0);
	end();
}

static void a_thaw_is_one_that_the_hypervisor_confirms(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_freeze freeze;
	struct iommu_domain *domain;
	struct iommu_group *group;
	unsigned int at;

	(void)state;
	begin();
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	domain = mapped_domain();
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	for (at = 1; at <= 2; at++) {
		spoil();
		refuse(OPTION, at, false);
		assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
		assert_false(reaches());
		refuse(STATE, at, false);
		assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
		assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	}
	spoil();
	MISBEHAVE(.keeps_frozen = true);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	assert_false(reaches());
	BEHAVE();
	MISBEHAVE(.busy = 1000000);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), IOMMU_EIO);
	BEHAVE();
	/* What is not cleared is not let loose. */
	f.refuses_entries = true;
	assert_int_equal(iommu_domain_detach_group(group), IOMMU_EIO);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	assert_int_equal(reason_at(IOVA), IOMMU_MODEL_TCE_FROZEN);
	f.refuses_entries = false;
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(reason_at(IOVA), IOMMU_MODEL_TCE_ABSENT);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), 0);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	MISBEHAVE(.keeps_frozen = true);
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_ALL), IOMMU_EIO);
	assert_true(reaches());
	BEHAVE();
	/* States, and what is none. */
	MISBEHAVE(.wait_ms = 300);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_true(freeze.is_unavailable);
	assert_int_equal(freeze.wait_ms, 300);
	BEHAVE();
	f.state = 1;
	assert_int_equal(iommu_group_get_freeze(group, &freeze), 0);
	assert_true(freeze.is_in_reset && !freeze.is_unavailable && freeze.wait_ms == 0);
	for (f.state = 6; f.state < 300; f.state++)
		assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EIO);
	f.state = 3;
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EIO);
	f.state = -1;
	f.support = 0;
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	f.support = -1;
	assert_int_equal(iommu_domain_detach_group(group), 0);
	refuse(STATE, 1, false);
	assert_int_equal(iommu_domain_attach_group(domain, group), IOMMU_EIO);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static void what_was_frozen_before_is_thawed(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 0x100};
	struct iommu_endpoint *endpoint = NULL;
	struct iommu_freeze freeze;

	(void)state;
	begin();
	endpoint = add(0x100);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	spoil();
	MISBEHAVE(.keeps_frozen = true);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EIO);
	BEHAVE();
	MISBEHAVE(.wait_ms = 100);
	assert_int_equal(iommu_probe_endpoint(f.iommu, &info, &endpoint), IOMMU_EIO);
	BEHAVE();
	endpoint = add(0x100);
	assert_int_equal(iommu_group_get_freeze(iommu_endpoint_group(endpoint), &freeze), 0);
	assert_int_equal(freeze.stopped, 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	/* A device that is not watched works all the same. */
	f.refuses_enable = true;
	f.support = 0;
	f.test.lines[IOMMU_LOG_WARNING] = 0;
	endpoint = add(0x100);
	assert_int_equal(f.test.lines[IOMMU_LOG_WARNING], 1);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

static void the_hypervisor_tells_what_happened(void **state)
{
	struct iommu_papr_config config;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	unsigned char log[64];
	size_t length = 0;

	(void)state;
	begin();
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	assert_int_equal(iommu_group_get_diagnostics(group, log, sizeof(log), &length),
			 IOMMU_ENOENT);
	spoil();
	memset(log, 0xee, sizeof(log));
	assert_int_equal(iommu_group_get_diagnostics(group, log, 14, &length), 0);
	assert_int_equal(length, 24);
	assert_int_equal(log[13], 0x70);
	assert_int_equal(log[14], 0xee);
	refuse(DETAIL, 1, false);
	assert_int_equal(iommu_group_get_diagnostics(group, log, 14, &length), IOMMU_EIO);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();

	begin_unprobed();
	config = good_config();
	config.eeh.log_size = 7;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
	config.eeh.log_size = UINT32_MAX; /* beyond 4 GiB */
	assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
	config.eeh.log = NULL;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "liobn80000000");
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	assert_int_equal(iommu_group_get_diagnostics(group, log, 14, &length), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

static void nothing_is_asked_without_services(void **state)
{
	struct iommu_papr_config config;
	struct iommu_endpoint *endpoint;
	struct iommu_freeze freeze;
	struct iommu_group *group;
	unsigned int i;

	(void)state;
	begin_unprobed();
	config = good_config();
	config.eeh.rtas = NULL;
	assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
	f.unit = iommu_find_unit(f.iommu, "liobn80000000");
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	assert_int_equal(iommu_group_get_freeze(group, &freeze), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_thaw(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_group_freeze(group, IOMMU_STOPPED_ALL), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_unit_handle_faults(f.unit, NULL), 0);
	assert_int_equal(iommu_papr_configure_pe(f.unit), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	for (i = 0; i < TOKENS; i++)
		assert_int_equal(f.calls[i], 0);
	end();
}

/* A log has a header, and what that says, as far as there is memory for it. */
static void logs_are_as_long_as_they_say(void **state)
{
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	unsigned char log[4] = {0xee, 0xee, 0xee, 0xee};
	size_t length = 0;

	(void)state;
	begin();
	endpoint = add(0x100);
	group = iommu_endpoint_group(endpoint);
	spoil();
	assert_int_equal(iommu_group_get_diagnostics(group, NULL, 0, &length), 0);
	assert_int_equal(length, 24);
	f.log_is_short = true;
	spoil();
	assert_int_equal(iommu_group_get_diagnostics(group, log, 2, &length), 0);
	assert_int_equal(length, 8);
	assert_true(log[2] == 0xee);
	f.log_is_short = false;
	f.log_is_long = true;
	spoil();
	assert_int_equal(iommu_group_get_diagnostics(group, log, 2, &length), 0);
	assert_int_equal(length, 2048);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
	end();
}

/* What the configuration has no service, or no memory for is not supported: nothing is called. */
static void services_may_be_missing(void **state)
{
	const uintptr_t beyond = (uintptr_t)1 << 16 << 16;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct iommu_papr_config config = (begin_unprobed(), good_config());
		struct iommu_endpoint *endpoint;
		unsigned char log[8] = {0};
		size_t length = 77;

		config.eeh.rtas = i == 0 ? NULL : rtas;
		config.eeh.detail_token = i == 1 ? 0 : DETAIL;
		config.eeh.log = i == 2 ? NULL : f.log;
		config.eeh.configure_token = i == 3 ? 0 : PE_BACK;
		assert_int_equal(iommu_papr_probe(f.iommu, &config), 0);
		f.unit = iommu_find_unit(f.iommu, "liobn80000000");
		endpoint = add(0x100);
		memset(f.calls, 0, sizeof(f.calls));
		assert_int_equal(iommu_group_get_diagnostics(iommu_endpoint_group(endpoint), log,
							     sizeof(log), &length),
				 i == 3 ? IOMMU_ENOENT : IOMMU_EOPNOTSUPP);
		assert_int_equal(f.calls[IOMMU_MODEL_PAPR_ERROR_DETAIL], i == 3);
		assert_int_equal(length, 77);
		assert_int_equal(iommu_papr_configure_pe(f.unit),
				 i == 0 || i == 3 ? IOMMU_EOPNOTSUPP : 0);
		assert_int_equal(f.calls[IOMMU_MODEL_PAPR_CONFIGURE_PE], i == 1 || i == 2);
		assert_int_equal(iommu_release_endpoint(endpoint), 0);
		end();
	}
	/* Memory for logs lies below 4 GiB; on some hosts all does. */
	if (beyond != 0) {
		struct iommu_papr_config config = (begin_unprobed(), good_config());

		config.eeh.log = (void *)((uintptr_t)f.log + beyond);
		assert_int_equal(iommu_papr_probe(f.iommu, &config), IOMMU_EINVAL);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freeze_is_reported_and_thawed),
		cmocka_unit_test(a_thaw_is_one_that_the_hypervisor_confirms),
		cmocka_unit_test(what_was_frozen_before_is_thawed),
		cmocka_unit_test(the_hypervisor_tells_what_happened),
		cmocka_unit_test(nothing_is_asked_without_services),
		cmocka_unit_test(logs_are_as_long_as_they_say),
		cmocka_unit_test(services_may_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
