/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit sends a message when something becomes pending, and none while anything is. The host here
 * reads only after a message, as a host with interrupts does, and devices act at every register
 * access of the handler: whatever they do, later events must still be reported.
 */
#include <libiommu/fault.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include <string.h>

#include "test.h"
#include "vtd_fixture.h"

#define LATER 40U
/* Register accesses of one call, at most, for each record: a device must not keep it there. */
#define ACCESSES_MAX 40U

/* What the first device does while the driver is at the registers. */
static struct {
	unsigned int at;    /* it begins with this access, counted from 1; 0: never */
	unsigned int every; /* … and does it again after so many; 0: once */
	unsigned int burst; /* how often each time */
	bool reading;       /* reads count as accesses */
	unsigned int accesses;
	bool busy;
} plan;

/* Messages that the host has seen, and what it was told. */
static unsigned int seen, told_first, told_second;

static uint32_t fsts(void)
{
	return (uint32_t)iommu_model_vtd_mmio_read(f.machine.units[0], VTD_FSTS, 4);
}

static void count(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	if (fault->source_id == f.device[0]->source_id)
		told_first++;
	else
		told_second++;
}

static bool is_time(void)
{
	plan.accesses++;
	if (plan.at == 0 || plan.accesses < plan.at)
		return false;
	return plan.accesses == plan.at ||
	       (plan.every != 0 && (plan.accesses - plan.at) % plan.every == 0);
}

static void fault_meanwhile(struct model_machine *machine)
{
	unsigned int i;

	(void)machine;
	if (!is_time())
		return;
	for (i = 0; i < plan.burst; i++)
		assert_true(is_blocked(0, IOVA));
}

/* One call for each message; the first of them with the plan. */
static void answer_messages(void)
{
	bool lost;

	while (seen != f.machine.messages) {
		seen++;
		plan.accesses = 0;
		f.machine.meanwhile = plan.at != 0 ? fault_meanwhile : NULL;
		f.machine.meanwhile_reading = plan.reading;
		assert_true(iommu_unit_handle_faults(f.unit[0], &lost) >= 0);
		f.machine.meanwhile = NULL;
		plan.at = 0;
	}
}

static void begin_faulting(unsigned int records)
{
	const struct iommu_model_vtd_config config = {.fault_records = records};
	const struct iommu_vtd_options options = {.faults_per_second = IOMMU_VTD_FAULTS_UNBOUNDED};

	machine(1, &config);
	devices(2);
	assert_int_equal(probe_with(&options), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	iommu_set_fault_handler(f.iommu, count, NULL);
	assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], 0xfee00000, 0x41), 0);
	seen = f.machine.messages;
	memset(&plan, 0, sizeof(plan));
}

static void end_faulting(void)
{
	iommu_set_fault_handler(f.iommu, NULL, NULL);
	end();
}

/* Nothing is left that would silence the unit: every later fault is told. */
static void later_faults_are_told(void)
{
	unsigned int i;

	answer_messages();
	assert_int_equal(fsts() & (VTD_FSTS_PPF | VTD_FSTS_PFO), 0);
	told_second = 0;
	for (i = 0; i < LATER; i++) {
		assert_true(is_blocked(1, IOVA + i * 4096ULL));
		answer_messages();
	}
	assert_int_equal(told_second, LATER);
}

static const unsigned int record_counts[] = {1, 4, 8};

#define COUNTS (sizeof(record_counts) / sizeof(record_counts[0]))

/* A fault, or enough to fill the ring, or more than that, at each access of the handler in turn. */
static void faults_at_every_access_of_the_handler(void **state)
{
	unsigned int i, size, at;

	(void)state;
	for (i = 0; i < COUNTS; i++) {
		const unsigned int bursts[] = {1, record_counts[i], record_counts[i] + 1, 100};

		begin_faulting(record_counts[i]);
		for (size = 0; size < 4; size++)
			for (at = 1; at <= 4 * record_counts[i] + 8; at++) {
				told_first = 0;
				assert_true(is_blocked(0, IOVA));
				plan.at = at;
				plan.every = 0;
				plan.burst = bursts[size];
				plan.reading = true;
				answer_messages();
				assert_true(told_first >= 1);
				later_faults_are_told();
			}
		end_faulting();
	}
}

/* A device that never stops, at every pace: the call ends, and the unit is not silent. */
static void a_device_that_faults_without_end(void **state)
{
	unsigned int i, every, reading;

	(void)state;
	for (i = 0; i < COUNTS; i++) {
		begin_faulting(record_counts[i]);
		for (reading = 0; reading < 2; reading++)
			for (every = 1; every <= 5; every++) {
				assert_true(is_blocked(0, IOVA));
				plan.at = 1;
				plan.every = every;
				plan.burst = 1;
				plan.reading = reading != 0;
				answer_messages();
				later_faults_are_told();
				plan.at = 1;
				assert_true(is_blocked(0, IOVA));
				seen = f.machine.messages - 1;
				answer_messages();
				assert_in_range(plan.accesses, 0,
						ACCESSES_MAX * record_counts[i] + ACCESSES_MAX);
				later_faults_are_told();
			}
		end_faulting();
	}
}

/* --- The queue -------------------------------------------------------------------------------- */

/*
 * The host's handler comes before the submitter has seen to the error; the device faults in
 * between.
 */
static void handle_once(struct model_machine *machine)
{
	if (plan.busy || machine->messages == seen)
		return;
	plan.busy = true;
	seen = machine->messages;
	assert_true(is_blocked(0, IOVA + 0x100000));
	assert_true(iommu_unit_handle_faults(f.unit[0], NULL) >= 0);
	plan.busy = false;
	machine->meanwhile = NULL;
}

static void errors_of_the_queue_do_not_silence_the_unit(void **state)
{
	const struct iommu_model_vtd_faults refuse = {.refuse_after = 1};
	const struct iommu_model_vtd_faults none = {0};
	struct iommu_domain *domain;

	(void)state;
	begin_faulting(4);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	f.memory = model_machine_take(&f.machine, 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &refuse);
	f.machine.meanwhile = handle_once;
	f.machine.meanwhile_reading = true;
	(void)iommu_unmap(domain, IOVA, 4096, 0, NULL);
	f.machine.meanwhile = NULL;
	iommu_model_vtd_misbehave(f.machine.units[0], &none);
	assert_int_equal(fsts() & ~0xff00U, 0);
	later_faults_are_told();
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end_faulting();
}

/* What a predecessor's devices did before and during bring-up does not silence it either. */
static void bring_up_with_a_fault(unsigned int records, unsigned int at)
{
	const struct iommu_vtd_options take_over = {.flags = IOMMU_VTD_TAKE_OVER};
	size_t before;

	begin_faulting(records);
	assert_true(is_blocked(0, IOVA));
	/* That kernel dies, with its pages and its windows. */
	before = f.machine.pages_in_use;
	f.machine.mapped = 0;
	assert_int_equal(probe_with(&take_over), 0);
	endpoints();
	iommu_set_fault_handler(f.iommu, count, NULL);
	memset(&plan, 0, sizeof(plan));
	plan.at = at;
	plan.burst = 1;
	f.machine.meanwhile = fault_meanwhile;
	f.machine.meanwhile_reading = true;
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	f.machine.meanwhile = NULL;
	plan.at = 0;
	/* Messages so far went to the dead kernel's processor. */
	seen = f.machine.messages;
	assert_int_equal(iommu_vtd_set_fault_interrupt(f.unit[0], 0xfee00000, 0x42), 0);
	later_faults_are_told();
	f.machine.pages_in_use -= before;
	end_faulting();
}

static void faults_of_before_and_during_bring_up(void **state)
{
	unsigned int i, at;

	(void)state;
	for (i = 0; i < COUNTS; i++)
		for (at = 1; at < 40; at++)
			bring_up_with_a_fault(record_counts[i], at);
}

/* --- Page requests ---------------------------------------------------------------------------- */

static unsigned int asked, answered;
static int expected_answer;
static bool leave_pending;
static struct iommu_page_response pending;

static void answer_request(void *ctx, struct iommu_endpoint *endpoint,
			   const struct iommu_page_request *requests, unsigned int pages)
{
	const struct iommu_page_response response = {.group = requests[0].group,
						     .code = IOMMU_PAGE_SUCCESS};

	(void)ctx;
	(void)pages;
	pending = response;
	if (leave_pending)
		return;
	answered++;
	assert_int_equal(iommu_page_respond(endpoint, &response), expected_answer);
}

static void ask(void)
{
	if (model_device_request_page(f.device[0], 0, IOVA, RW, (uint16_t)(asked % 512), true) == 0)
		asked++;
}

/* The device asks; the message brings another CPU, which finds the ring busy. */
static void ask_meanwhile(struct model_machine *machine)
{
	const unsigned int burst = is_time() ? plan.burst : 0;
	unsigned int i;
	bool lost;

	if (plan.busy)
		return;
	plan.busy = true;
	for (i = 0; i < burst; i++)
		ask();
	if (seen != machine->messages) {
		seen = machine->messages;
		assert_true(iommu_unit_handle_page_requests(f.unit[0], &lost) >= 0);
	}
	plan.busy = false;
}

static void begin_asking(void)
{
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_DEVICE_TLB |
			 IOMMU_MODEL_VTD_PAGE_REQUESTS,
		.levels = 1U << 3 | 1U << 4};
	const struct iommu_vtd_options none = {0};

	machine(1, &config);
	devices(1);
	f.device[0]->has_tlb = true;
	f.info.device_tlb = true;
	f.info.path_length = 1;
	f.info.max_pasids = 1024;
	f.info.page_requests = 512;
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	iommu_endpoint_set_request_handler(f.endpoint[0], answer_request, NULL);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PAGE_REQUESTS),
			 0);
	assert_int_equal(iommu_vtd_set_page_request_interrupt(f.unit[0], 0xfee01000, 0x45), 0);
	seen = f.machine.messages;
	asked = answered = 0;
	memset(&plan, 0, sizeof(plan));
}

/* One call for each message. */
static void answer_requests(void)
{
	bool lost;

	while (seen != f.machine.messages) {
		seen = f.machine.messages;
		assert_true(iommu_unit_handle_page_requests(f.unit[0], &lost) >= 0);
	}
}

static void every_page_request_is_answered(void **state)
{
	const unsigned int bursts[] = {1, 2, 600};
	struct iommu_domain *domain;
	unsigned int size, at, i;

	(void)state;
	begin_asking();
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	for (size = 0; size < 3; size++)
		for (at = 1; at <= 30; at++) {
			plan.at = at;
			plan.burst = bursts[size];
			plan.accesses = 0;
			f.machine.meanwhile_reading = true;
			ask();
			f.machine.meanwhile = ask_meanwhile;
			answer_requests();
			f.machine.meanwhile = NULL;
			answer_requests();
			assert_int_equal(answered, asked);
			/* Later ones come through, one by one. */
			for (i = 0; i < 3; i++) {
				ask();
				answer_requests();
				assert_int_equal(answered, asked);
			}
		}
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Units answer a request that had a PASID with it, which some devices do not understand. */
static void responses_have_the_pasid_that_the_device_expects(void **state)
{
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PAGE_REQUESTS |
			 IOMMU_MODEL_VTD_DEVICE_TLB};
	unsigned int expects, with_pasids;

	(void)state;
	for (expects = 0; expects < 2; expects++) {
		for (with_pasids = 0; with_pasids < 2; with_pasids++) {
			machine(1, &config);
			devices(1);
			assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
			f.info = (struct iommu_endpoint_info){
				.device_tlb = true,
				.max_pasids = 1024,
				.page_requests = 512,
				.page_responses_without_pasid = !expects,
				.path_length = 1,
				.path = {{4, 0}},
			};
			endpoints();
			if (with_pasids)
				assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0],
									       IOMMU_FEATURE_PASID),
						 0);
			assert_int_equal(
				iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_ATS), 0);
			assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0],
								       IOMMU_FEATURE_PAGE_REQUESTS),
					 with_pasids && !expects ? IOMMU_EOPNOTSUPP : 0);
			end();
		}
	}
}

/* Hardware refuses the wait behind an answer, not the answer, which the device has. */
static void an_answer_is_not_repeated_for_a_wait_that_is_refused(void **state)
{
	struct iommu_model_vtd_faults faults = {.refuse_after = 2};
	struct iommu_domain *domain;

	(void)state;
	begin_asking();
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	ask();
	iommu_model_vtd_misbehave(f.machine.units[0], &faults);
	answer_requests();
	assert_int_equal(answered, 1);
	assert_int_equal(f.device[0]->answers, 1);
	/* The answer itself: its submitter is told, and the next one comes through. */
	faults.refuse_after = 1;
	ask();
	iommu_model_vtd_misbehave(f.machine.units[0], &faults);
	expected_answer = IOMMU_EIO;
	answer_requests();
	expected_answer = 0;
	assert_int_equal(f.device[0]->answers, 1);
	ask();
	answer_requests();
	assert_int_equal(f.device[0]->answers, 2);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* Another CPU turns the unit off and on when the device has its answer. */
static void off_and_on(struct model_machine *machine)
{
	const struct iommu_model_vtd_faults well = {0};

	if (f.device[0]->answers == 0)
		return;
	machine->meanwhile = NULL;
	iommu_model_vtd_misbehave(machine->units[0], &well);
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
}

/* What is not known to have been executed is not asked for again, and what was not sent is said. */
static void an_answer_is_not_repeated_for_a_unit_that_was_off(void **state)
{
	const struct iommu_model_vtd_faults hangs = {.waits_hang = true};
	struct iommu_domain *domain;

	(void)state;
	begin_asking();
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	ask();
	iommu_model_vtd_misbehave(f.machine.units[0], &hangs);
	f.machine.meanwhile = off_and_on;
	f.machine.meanwhile_reading = true;
	expected_answer = IOMMU_ETIMEDOUT;
	answer_requests();
	assert_null(f.machine.meanwhile);
	assert_int_equal(f.device[0]->answers, 1);
	ask();
	leave_pending = true;
	answer_requests();
	leave_pending = false;
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_page_respond(f.endpoint[0], &pending), IOMMU_EIO);
	assert_int_equal(f.device[0]->answers, 1);
	expected_answer = 0;
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_not_repeated_for_a_unit_that_was_off),
		cmocka_unit_test(an_answer_is_not_repeated_for_a_wait_that_is_refused),
		cmocka_unit_test(responses_have_the_pasid_that_the_device_expects),
		cmocka_unit_test(faults_at_every_access_of_the_handler),
		cmocka_unit_test(a_device_that_faults_without_end),
		cmocka_unit_test(errors_of_the_queue_do_not_silence_the_unit),
		cmocka_unit_test(faults_of_before_and_during_bring_up),
		cmocka_unit_test(every_page_request_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
