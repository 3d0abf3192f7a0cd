/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware and the hypervisor of the models, called by a guest that makes mistakes: each
 * argument of each call is wrong in turn, and host memory is not there. The call is refused, and
 * windows are as before.
 */
#include <string.h>

#include <libiommu/hw/tce.h>
#include <libiommu/iommu.h>

#include "test.h"
#include "test_platform.h"

#define PE_ADDRESS 0x20000000U
#define ID         0x0108
#define PE         5
#define LIOBN      9
#define OK         0
#define PARAMETER  (-1) /* of OPAL */
#define RTAS_WRONG (-3)

static struct {
	struct test_platform outside;
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;
	uint64_t written; /* bytes that the models wrote to memory … */
	uint64_t room;    /* … and how many they can */
} f;

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	(void)paddr;
	*bytes = 0;
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	(void)paddr;
	(void)bytes;
	if (f.written + size > f.room)
		return false;
	f.written += size;
	return true;
}

static const struct iommu_model_tce_host host = {
	.ctx = &f, .read = read_memory, .write = write_memory};

/* --- OPAL ------------------------------------------------------------------------------------- */

struct opal_call {
	uint64_t token;
	uint64_t arguments[7];
	unsigned int looked_at; /* bit n: argument n is, and must not be all ones */
};

static const struct opal_call opal_calls[] = {
	{IOMMU_OPAL_SET_PE, {1, PE, 0x0200, 7, 1, 1, 1}, 0x7f},
	{IOMMU_OPAL_MAP_PE_WINDOW, {1, PE, PE << 1, 1, 0x10000, 0x10000, 0x1000}, 0x7f},
	{IOMMU_OPAL_MAP_PE_WINDOW_REAL, {1, PE, PE << 1, 0, 1ULL << 32, 0, 0}, 0x1f},
	{IOMMU_OPAL_FREEZE_STATUS, {1, PE, 0x1000, 0x1004, 0, 0, 0}, 0x03},
	{IOMMU_OPAL_FREEZE_SET, {1, PE, 3, 0, 0, 0, 0}, 0x07},
	{IOMMU_OPAL_FREEZE_CLEAR, {1, PE, 3, 0, 0, 0, 0}, 0x07},
	{IOMMU_OPAL_SET_PELTV, {1, PE, PE, 1, 0, 0, 0}, 0x0f},
};

static void begin_phb(unsigned int generation)
{
	struct iommu_model_phb_config config = {.host = host, .phb = 1};

	memset(&f, 0, sizeof(f));
	f.room = UINT64_MAX / 2;
	test_platform_init(&f.outside, 1 << 20, 0);
	config.platform = &f.outside.platform;
	config.generation = generation;
	assert_int_equal(iommu_model_phb_create(&config, &f.phb), 0);
	assert_int_equal(iommu_model_phb_set_pe(f.phb, ID, PE), 0);
}

static void end_phb(void)
{
	iommu_model_phb_destroy(f.phb);
	test_platform_destroy(&f.outside);
}

static void check_argument(const struct opal_call *call, unsigned int argument, uint64_t value)
{
	const uint64_t before = iommu_model_phb_tve(f.phb, PE << 1);
	uint64_t arguments[7];
	int64_t code;

	memcpy(arguments, call->arguments, sizeof(arguments));
	arguments[argument] = value;
	code = iommu_model_phb_opal(f.phb, call->token, arguments);
	if (code == PARAMETER && iommu_model_phb_tve(f.phb, PE << 1) == before &&
	    iommu_model_phb_pe_of(f.phb, ID) == PE)
		return;
	print_error("call %u, argument %u: %d\n", (unsigned int)call->token, argument, (int)code);
	fail();
}

static void each_argument_of_firmware(void **state)
{
	static const uint64_t none[7] = {0};

	(void)state;
	begin_phb(4);
	for (size_t i = 0; i < sizeof(opal_calls) / sizeof(opal_calls[0]); i++) {
		const struct opal_call *call = &opal_calls[i];

		for (unsigned int argument = 0; argument < 7; argument++)
			if ((call->looked_at >> argument & 1) != 0)
				check_argument(call, argument, UINT64_MAX);
		/* The whole call does not fail; but while firmware is busy. */
		iommu_model_phb_misbehave(f.phb, &(struct iommu_model_phb_faults){.busy = 1});
		assert_int_equal(iommu_model_phb_opal(f.phb, call->token, call->arguments), -2);
		assert_int_equal(iommu_model_phb_opal(f.phb, call->token, call->arguments), OK);
	}
	/* Bits of a bus that cannot be compared, and a window that is of no power of two. */
	check_argument(&opal_calls[0], 3, 1);
	check_argument(&opal_calls[0], 3, 8);
	check_argument(&opal_calls[0], 4, 2);
	check_argument(&opal_calls[0], 5, 2);
	check_argument(&opal_calls[0], 6, 2);
	check_argument(&opal_calls[1], 2, 0);
	check_argument(&opal_calls[1], 3, 0);
	check_argument(&opal_calls[1], 3, 6);
	check_argument(&opal_calls[1], 4, 1);
	check_argument(&opal_calls[1], 4, 1ULL << 60);
	check_argument(&opal_calls[1], 5, 0x800);
	check_argument(&opal_calls[1], 5, 0x11000);
	check_argument(&opal_calls[1], 6, 0x3000);
	check_argument(&opal_calls[2], 2, 0);
	check_argument(&opal_calls[2], 3, 1ULL << 59);
	check_argument(&opal_calls[2], 4, 1);
	check_argument(&opal_calls[4], 2, 0);
	check_argument(&opal_calls[4], 2, 4);
	assert_int_equal(iommu_model_phb_opal(f.phb, 4711, none), PARAMETER);
	end_phb();
}

/* Diagnostics go to memory, of which there is less and less. */
static void diagnostics_need_memory(void **state)
{
	const uint64_t arguments[7] = {1, 0x100000, 1 << 20};
	uint64_t small[7] = {1, 0x100000, 16};

	(void)state;
	for (unsigned int generation = 3; generation < 6; generation++) {
		uint64_t all;

		begin_phb(generation);
		assert_int_equal(iommu_model_phb_opal(f.phb, IOMMU_OPAL_PHB_DIAGNOSTICS, small),
				 PARAMETER);
		assert_int_equal(f.written, 0);
		assert_int_equal(iommu_model_phb_opal(f.phb, IOMMU_OPAL_PHB_DIAGNOSTICS, arguments),
				 OK);
		all = f.written;
		assert_true(all != 0);
		for (uint64_t room = 0; room < all; room += 4) {
			f.written = 0;
			f.room = room;
			assert_int_equal(
				iommu_model_phb_opal(f.phb, IOMMU_OPAL_PHB_DIAGNOSTICS, arguments),
				PARAMETER);
		}
		end_phb();
	}
}

/* --- RTAS ------------------------------------------------------------------------------------- */

static void begin_papr(void)
{
	struct iommu_model_papr_config config = {
		.host = host,
		.dynamic_windows = 2,
		.dynamic_page_sizes = 1 << 12 | 1 << 16,
		.pe_address = PE_ADDRESS,
	};

	memset(&f, 0, sizeof(f));
	f.room = UINT64_MAX / 2;
	test_platform_init(&f.outside, 1 << 20, 0);
	config.platform = &f.outside.platform;
	assert_int_equal(iommu_model_papr_create(&config, &f.papr), 0);
	assert_int_equal(iommu_model_papr_add_window(f.papr, LIOBN, 0x40000000, 12, 64), 0);
}

static void end_papr(void)
{
	iommu_model_papr_destroy(f.papr);
	test_platform_destroy(&f.outside);
}

struct rtas_call {
	enum iommu_model_papr_service service;
	unsigned int inputs, outputs;
	uint32_t arguments[8];
	unsigned int looked_at;
};

static const struct rtas_call rtas_calls[] = {
	{IOMMU_MODEL_PAPR_QUERY, 3, 5, {0}, 0},
	{IOMMU_MODEL_PAPR_CREATE, 5, 4, {0, 0, 0, 12, 24}, 0x18},
	{IOMMU_MODEL_PAPR_LIMIT, 4, 1, {0, 0, 0, 0}, 0x08},
	{IOMMU_MODEL_PAPR_SET_EEH_OPTION, 4, 1, {PE_ADDRESS, 0, 0, 1}, 0x08},
	{IOMMU_MODEL_PAPR_SET_EEH_OPTION, 4, 1, {PE_ADDRESS, 0, 0, 4}, 0x09},
	{IOMMU_MODEL_PAPR_READ_STATE, 3, 4, {PE_ADDRESS}, 0x01},
	{IOMMU_MODEL_PAPR_CONFIGURE_PE, 3, 1, {PE_ADDRESS}, 0x01},
	{IOMMU_MODEL_PAPR_RESET, 3, 1, {0}, 0},
};

static int32_t rtas(const struct rtas_call *call, unsigned int inputs, const uint32_t *arguments,
		    unsigned int outputs)
{
	uint32_t results[8] = {0};

	return iommu_model_papr_rtas(f.papr, call->service, inputs, arguments, outputs, results);
}

static bool has_window(void)
{
	struct iommu_model_tce_access access;

	return iommu_model_papr_access(f.papr, LIOBN, 0x40000000, false, &access) != IOMMU_ENOENT;
}

static void each_argument_of_a_service(void **state)
{
	(void)state;
	begin_papr();
	for (size_t i = 0; i < sizeof(rtas_calls) / sizeof(rtas_calls[0]); i++) {
		const struct rtas_call *call = &rtas_calls[i];
		uint32_t arguments[8];

		for (unsigned int argument = 0; argument < call->inputs; argument++) {
			memcpy(arguments, call->arguments, sizeof(arguments));
			arguments[argument] = UINT32_MAX;
			if ((call->looked_at >> argument & 1) != 0)
				assert_int_equal(rtas(call, call->inputs, arguments, call->outputs),
						 RTAS_WRONG);
		}
		/* Too few of them; no place for the status, or for the answer. */
		assert_int_equal(rtas(call, 2, call->arguments, call->outputs), RTAS_WRONG);
		assert_int_equal(rtas(call, call->inputs, call->arguments, 0), RTAS_WRONG);
		if (call->outputs > 1)
			assert_int_equal(rtas(call, call->inputs, call->arguments, 1), RTAS_WRONG);
		if (call->inputs > 3)
			assert_int_equal(rtas(call, 3, call->arguments, call->outputs), RTAS_WRONG);
		assert_true(has_window());
		iommu_model_papr_misbehave(f.papr, &(struct iommu_model_papr_faults){.busy = 1});
		assert_int_equal(rtas(call, call->inputs, call->arguments, call->outputs), -2);
		assert_int_equal(rtas(call, call->inputs, call->arguments, call->outputs), OK);
	}
	end_papr();
}

/* A service without the PE, and a log that has no place. */
static void errors_are_told_where_there_is_room(void **state)
{
	const struct rtas_call detail = {
		IOMMU_MODEL_PAPR_ERROR_DETAIL, 8, 1, {PE_ADDRESS, 0, 0, 0, 0, 0x1000, 1024, 1}, 0};
	uint32_t arguments[8];

	(void)state;
	begin_papr();
	memcpy(arguments, detail.arguments, sizeof(arguments));
	assert_int_equal(rtas(&detail, 8, arguments, 1), 1); /* there was none */
	assert_int_equal(rtas(&detail, 7, arguments, 1), RTAS_WRONG);
	arguments[6] = 8;
	assert_int_equal(rtas(&detail, 8, arguments, 1), RTAS_WRONG);
	assert_int_equal(f.written, 0);
	end_papr();
}

/* --- Memory of a partition -------------------------------------------------------------------- */

#define MIB (1ULL << 20)

static void memory_comes_and_goes(void **state)
{
	unsigned int ranges = 0;
	int status;

	(void)state;
	begin_papr();
	assert_int_equal(iommu_model_papr_add_memory(f.papr, 0, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_add_memory(f.papr, 4096, UINT64_MAX), IOMMU_EINVAL);
	assert_int_equal(iommu_model_papr_remove_memory(f.papr, 0, MIB), IOMMU_ENOENT);
	assert_int_equal(iommu_model_papr_add_memory(f.papr, MIB, MIB), 0);
	assert_int_equal(iommu_model_papr_add_memory(f.papr, MIB + 4096, 4096), IOMMU_EEXIST);
	assert_int_equal(iommu_model_papr_add_memory(f.papr, 0, MIB + 1), IOMMU_EEXIST);
	assert_int_equal(iommu_model_papr_remove_memory(f.papr, MIB, 2 * MIB), IOMMU_ENOENT);
	/* A page of it is mapped: nothing with it goes, what is beside it does. */
	assert_int_equal(iommu_model_papr_hypercall(f.papr, IOMMU_H_PUT_TCE, LIOBN, 0x40000000,
						    (MIB + 0x8000) | 3, 0, NULL),
			 0);
	assert_int_equal(iommu_model_papr_remove_memory(f.papr, MIB, MIB), IOMMU_EBUSY);
	assert_int_equal(iommu_model_papr_remove_memory(f.papr, MIB + 0x8000, 4096), IOMMU_EBUSY);
	assert_int_equal(iommu_model_papr_remove_memory(f.papr, MIB, 0x8000), 0);
	/* Only so many ranges. */
	while ((status = iommu_model_papr_add_memory(f.papr, (16 + 2 * ranges) * MIB, MIB)) == 0)
		ranges++;
	assert_int_equal(status, IOMMU_ENOSPC);
	assert_int_equal(ranges, 63);
	assert_int_equal(iommu_model_papr_remove_memory(f.papr, 16 * MIB, MIB), IOMMU_ENOSPC);
	end_papr();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_argument_of_firmware),
		cmocka_unit_test(diagnostics_need_memory),
		cmocka_unit_test(each_argument_of_a_service),
		cmocka_unit_test(errors_are_told_where_there_is_room),
		cmocka_unit_test(memory_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
