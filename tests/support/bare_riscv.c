/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_riscv.h"

#include <string.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

struct bare_riscv rv;
struct iommu_model_riscv_translation rv_result;

static enum riscv_ddtp_mode mode_now;

/* --- The machine around it -------------------------------------------------------------------- */

static bool is_broken(iommu_paddr_t paddr)
{
	return rv.broken_last != 0 && paddr >= rv.broken_first && paddr <= rv.broken_last;
}

static bool host_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&rv.reads, 1, __ATOMIC_RELAXED);
	if (paddr > RV_MEMORY - size)
		return false;
	memcpy(bytes, rv.memory + paddr, size);
	if (rv.reading != NULL)
		rv.reading(paddr);
	return true;
}

static bool host_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	test_contract_memory(paddr, size);
	(void)__atomic_add_fetch(&rv.writes, 1, __ATOMIC_RELAXED);
	if (paddr > RV_MEMORY - size || is_broken(paddr))
		return false;
	memcpy(rv.memory + paddr, bytes, size);
	if (rv.writing != NULL)
		rv.writing(paddr);
	return true;
}

static bool host_set_bits(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before)
{
	uint64_t bytes;

	(void)ctx;
	test_contract_memory(paddr, 8);
	(void)__atomic_add_fetch(&rv.writes, 1, __ATOMIC_RELAXED);
	if (paddr > RV_MEMORY - 8 || is_broken(paddr))
		return false;
	memcpy(&bytes, rv.memory + paddr, 8);
	*before = iommu_le64(bytes);
	bytes |= iommu_le64(bits);
	memcpy(rv.memory + paddr, &bytes, 8);
	return true;
}

static bool host_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				  uint64_t desired)
{
	uint64_t bytes;

	(void)ctx;
	test_contract_memory(paddr, 8);
	(void)__atomic_add_fetch(&rv.writes, 1, __ATOMIC_RELAXED);
	if (paddr > RV_MEMORY - 8 || is_broken(paddr))
		return false;
	memcpy(&bytes, rv.memory + paddr, 8);
	if (iommu_le64(bytes) != expected)
		return false;
	bytes = iommu_le64(desired);
	memcpy(rv.memory + paddr, &bytes, 8);
	return true;
}

static bool host_interrupt(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	rv.messages++;
	rv.message_address = address;
	rv.message_data = data;
	if (rv.meanwhile != NULL)
		rv.meanwhile();
	return !rv.deaf;
}

static void host_wire(void *ctx, unsigned int vector, bool level)
{
	(void)ctx;
	rv.moves++;
	assert_int_equal(rv.wires >> vector & 1, !level);
	rv.wires ^= 1U << vector;
}

static void host_page_answer(void *ctx, const struct iommu_model_riscv_page_answer *answer)
{
	(void)ctx;
	rv.answers++;
	rv.answer_last = *answer;
	if (rv.meanwhile != NULL)
		rv.meanwhile();
}

static void host_misuse(void *ctx, const char *text)
{
	(void)ctx;
	rv.misuses++;
	rv.misuse = text;
}

static void host_work_remains(void *ctx)
{
	(void)ctx;
	rv.work_remains++;
}

static bool host_invalidate(void *ctx, const struct iommu_model_riscv_invalidation *what)
{
	(void)ctx;
	rv.told++;
	rv.told_last = *what;
	if (rv.meanwhile != NULL)
		rv.meanwhile();
	return !rv.silent;
}

int rv_create(const struct iommu_model_riscv_config *config)
{
	struct iommu_model_riscv_config own = *config;

	own.platform = &rv.hosted.platform;
	own.host = (struct iommu_model_riscv_host){
		.read = host_read,
		.write = host_write,
		.set_bits = host_set_bits,
		.compare_exchange = host_compare_exchange,
		.interrupt = host_interrupt,
		.wire = host_wire,
		.page_answer = host_page_answer,
		.misuse = host_misuse,
		.work_remains = host_work_remains,
		.invalidate = host_invalidate,
	};
	return iommu_model_riscv_create(&own, &rv.model);
}

void rv_begin(const struct iommu_model_riscv_config *config)
{
	memset(&rv, 0, sizeof(rv));
	mode_now = RISCV_DDTP_OFF;
	assert_int_equal(iommu_hosted_init(&rv.hosted, NULL, 16 << 20, 0), 0);
	test_contract_hosted(&rv.hosted);
	assert_int_equal(rv_create(config), 0);
}

void rv_end(void)
{
	iommu_model_riscv_destroy(rv.model);
	assert_int_equal(rv.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&rv.hosted);
}

/* --- Registers and memory --------------------------------------------------------------------- */

uint64_t rv_reg(uint32_t offset, unsigned int size)
{
	return iommu_model_riscv_mmio_read(rv.model, offset, size);
}

void rv_set(uint32_t offset, unsigned int size, uint64_t value)
{
	iommu_model_riscv_mmio_write(rv.model, offset, size, value);
}

void rv_word(iommu_paddr_t paddr, uint64_t value)
{
	const uint64_t bytes = rv.big_endian ? iommu_be64(value) : iommu_le64(value);

	assert_true(paddr <= RV_MEMORY - 8);
	memcpy(rv.memory + paddr, &bytes, 8);
}

void rv_half(iommu_paddr_t paddr, uint32_t value)
{
	const uint32_t bytes = rv.big_endian ? iommu_be32(value) : iommu_le32(value);

	assert_true(paddr <= RV_MEMORY - 4);
	memcpy(rv.memory + paddr, &bytes, 4);
}

uint64_t rv_look(iommu_paddr_t paddr)
{
	uint64_t bytes;

	assert_true(paddr <= RV_MEMORY - 8);
	memcpy(&bytes, rv.memory + paddr, 8);
	return rv.big_endian ? iommu_be64(bytes) : iommu_le64(bytes);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

void rv_queues_on(bool interrupts)
{
	const uint32_t on = RISCV_QUEUE_ENABLE | (interrupts ? RISCV_QUEUE_INTERRUPT : 0);
	const uint32_t expected = on | RISCV_QUEUE_ON;

	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 8));
	rv_set(RISCV_CQT, 4, 0);
	rv_set(RISCV_CQCSR, 4, on);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 7));
	rv_set(RISCV_FQH, 4, 0);
	rv_set(RISCV_FQCSR, 4, on);
	rv_set(RISCV_PQB, 8, riscv_queue_base(RV_REQUESTS, 8));
	rv_set(RISCV_PQH, 4, 0);
	rv_set(RISCV_PQCSR, 4, on);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), expected);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), expected);
	rv.tail = 0;
}

static bool is_extended(void)
{
	return (rv_reg(RISCV_CAPABILITIES, 8) & RISCV_CAP_MSI_FLAT) != 0;
}

void rv_directory_on(enum riscv_ddtp_mode mode)
{
	mode_now = mode;
	rv_set(RISCV_DDTP, 8, riscv_ddtp(mode, RV_ROOT));
	assert_int_equal(rv_reg(RISCV_DDTP, 8), riscv_ddtp(mode, RV_ROOT));
}

iommu_paddr_t rv_context_at(uint32_t device_id)
{
	const bool extended = is_extended();
	const iommu_paddr_t page = mode_now <= RISCV_DDTP_1LVL ? RV_ROOT : RV_CONTEXTS;

	return page + riscv_directory_index(device_id, 1, extended) *
			      (extended ? RISCV_CONTEXT_EXTENDED_SIZE : RISCV_CONTEXT_BASE_SIZE);
}

void rv_context(uint32_t device_id, const struct riscv_context *context)
{
	const unsigned int words = is_extended() ? RISCV_CONTEXT_WORDS : RISCV_CONTEXT_WORDS_BASE;
	unsigned int i;

	for (i = 0; i < words; i++)
		rv_word(rv_context_at(device_id) + i * 8ULL, context->words[i]);
}

void rv_submit(struct riscv_command command)
{
	const iommu_paddr_t place = RV_COMMANDS + (iommu_paddr_t)rv.tail * RISCV_COMMAND_SIZE;

	rv_word(place, command.low);
	rv_word(place + 8, command.high);
	rv.tail = (rv.tail + 1) % 256;
	rv_set(RISCV_CQT, 4, rv.tail);
}

void rv_run(struct riscv_command command)
{
	rv_submit(command);
	assert_int_equal(rv_reg(RISCV_CQH, 4), rv.tail);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS, 0);
}

/* --- Requests --------------------------------------------------------------------------------- */

unsigned int rv_ask(const struct iommu_model_riscv_request *request)
{
	const int status = iommu_model_riscv_translate(rv.model, request, &rv_result);

	assert_int_equal(status, rv_result.cause == 0 ? 0 : IOMMU_EFAULT);
	return rv_result.cause;
}

unsigned int rv_reach(uint64_t address, unsigned int access)
{
	const struct iommu_model_riscv_request request = {
		.device_id = RV_DEVICE, .address = address, .access = access};

	return rv_ask(&request);
}

unsigned int rv_faults(void)
{
	return (unsigned int)((rv_reg(RISCV_FQT, 4) - rv_reg(RISCV_FQH, 4)) & 127);
}

struct riscv_fault rv_fault(void)
{
	const uint32_t head = (uint32_t)rv_reg(RISCV_FQH, 4);
	struct riscv_fault fault;
	unsigned int i;

	assert_int_not_equal(rv_faults(), 0);
	for (i = 0; i < RISCV_FAULT_WORDS; i++)
		fault.words[i] = rv_look(RV_FAULTS + head * (uint64_t)RISCV_FAULT_SIZE + i * 8ULL);
	rv_set(RISCV_FQH, 4, (head + 1) & 127);
	return fault;
}

/* --- Tables ----------------------------------------------------------------------------------- */

void rv_map_first(unsigned int levels, uint64_t address, unsigned int level, uint64_t entry)
{
	unsigned int at;

	for (at = levels; at > level; at--)
		rv_word(RV_FIRST(at) + (address >> riscv_level_shift(at) & 511) * 8,
			riscv_pte_table(RV_FIRST(at - 1)));
	rv_word(RV_FIRST(level) + (address >> riscv_level_shift(level) & 511) * 8, entry);
}

void rv_map_second(unsigned int levels, uint64_t address, unsigned int level, uint64_t entry)
{
	unsigned int at;

	for (at = levels; at >= level; at--) {
		const bool is_root = at == levels;
		const uint64_t index = address >> riscv_level_shift(at) & (is_root ? 2047 : 511);

		rv_word((is_root ? RV_GUEST_ROOT : RV_SECOND(at)) + index * 8,
			at == level ? entry : riscv_pte_table(RV_SECOND(at - 1)));
	}
}
