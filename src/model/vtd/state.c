/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a model for migration, in little-endian words: the magic, the registers, the fault
 * records, and what is in progress: a command, messages and answers that are not delivered, a
 * request that is held.
 */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/vtd/counters.h"

#define STATE_MAGIC 0x33444f4d445456ULL /* "VTDMOD3" */
#define REGISTERS   (sizeof(struct model_registers) / sizeof(uint64_t))
#define MESSAGES    3

/* What is on its way. */
struct carried {
	uint64_t flags;
	uint64_t command;               /* its bit, or 0 */
	uint64_t messages[MESSAGES][2]; /* address; data and, above it, a flag: pending */
	uint64_t answers[MODEL_ANSWERS_MAX];
	uint64_t held[2]; /* the address; the rest */
};

#define CARRIED (sizeof(struct carried) / sizeof(uint64_t))

/* Of a unit with performance counters: their registers, and a message. */
struct carried_perf {
	struct model_perf_registers regs;
	uint64_t message[2];
};

#define PERF (sizeof(struct carried_perf) / sizeof(uint64_t))

/* Its flags … */
#define LAST_WAS_WAIT  1ULL
#define COMMAND_VALUE  2ULL
#define HOLDS_REQUEST  4ULL
#define ANSWERS_SHIFT  3
#define FLAGS          (7ULL | 3ULL << ANSWERS_SHIFT)
#define MESSAGE_WANTED (1ULL << 32)

/* … and a device with a PASID and a group, of an answer and of a request. */
#define WHO_HAS_PASID   (1ULL << 16)
#define WHO_IS_LAST     (1ULL << 17)
#define WHO_CODE_SHIFT  18
#define WHO_PASID_SHIFT 24
#define WHO_GROUP_SHIFT 48
#define WHO_ANSWER                                                                                 \
	(0xffffULL | WHO_HAS_PASID | 0xfULL << WHO_CODE_SHIFT | 0xfffffULL << WHO_PASID_SHIFT |    \
	 0x1ffULL << WHO_GROUP_SHIFT)
#define WHO_REQUEST                                                                                \
	(0xffffULL | WHO_HAS_PASID | WHO_IS_LAST | 3ULL << WHO_CODE_SHIFT |                        \
	 0xfffffULL << WHO_PASID_SHIFT | 0x1ffULL << WHO_GROUP_SHIFT)

/* --- As words --------------------------------------------------------------------------------- */

static size_t state_words(const struct iommu_model_vtd *model)
{
	return 1 + REGISTERS + (size_t)model->fault_count * 2 + CARRIED +
	       (model->perf != NULL ? PERF : 0);
}

static unsigned char *put_words(unsigned char *bytes, const uint64_t *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const uint64_t word = iommu_le64(words[i]);

		memcpy(bytes + i * 8, &word, 8);
	}
	return bytes + count * 8;
}

static const unsigned char *get_words(uint64_t *words, const unsigned char *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		words[i] = iommu_read_le64(bytes + i * 8);
	return bytes + count * 8;
}

static uint64_t who(uint16_t source_id, bool has_pasid, uint32_t pasid, uint16_t group)
{
	return source_id | (has_pasid ? WHO_HAS_PASID : 0) |
	       (uint64_t)(pasid & 0xfffff) << WHO_PASID_SHIFT |
	       (uint64_t)(group & 0x1ff) << WHO_GROUP_SHIFT;
}

static uint32_t who_pasid(uint64_t who)
{
	return (uint32_t)(who >> WHO_PASID_SHIFT) & 0xfffff;
}

static uint16_t who_group(uint64_t who)
{
	return (uint16_t)(who >> WHO_GROUP_SHIFT & 0x1ff);
}

/* --- What is on its way ----------------------------------------------------------------------- */

static void put_message(uint64_t *words, const struct model_message *message)
{
	words[0] = message->wanted ? message->address : 0;
	words[1] = message->wanted ? MESSAGE_WANTED | message->data : 0;
}

static struct model_message get_message(const uint64_t *words)
{
	return (struct model_message){
		.wanted = words[1] != 0, .address = words[0], .data = (uint32_t)words[1]};
}

static struct carried carry(const struct iommu_model_vtd *model)
{
	const struct iommu_model_page_request *held = &model->held;
	struct carried carried = {
		.flags = (model->last_was_wait ? LAST_WAS_WAIT : 0) |
			 (model->command != 0 && model->command_value ? COMMAND_VALUE : 0) |
			 (model->request_held ? HOLDS_REQUEST : 0) |
			 (uint64_t)model->answer_count << ANSWERS_SHIFT,
		.command = model->command,
	};
	unsigned int i;

	put_message(carried.messages[0], &model->fault_message);
	put_message(carried.messages[1], &model->wait_message);
	put_message(carried.messages[2], &model->request_message);
	for (i = 0; i < model->answer_count; i++) {
		const struct iommu_model_page_answer *answer = &model->answers[i];

		carried.answers[i] =
			who(answer->source_id, answer->has_pasid, answer->pasid, answer->group) |
			(uint64_t)(answer->code & 0xf) << WHO_CODE_SHIFT;
	}
	if (model->request_held) {
		carried.held[0] = held->address;
		carried.held[1] = who(held->source_id, held->has_pasid, held->pasid, held->group) |
				  (held->is_last ? WHO_IS_LAST : 0) |
				  (uint64_t)(held->access & IOMMU_PROT_READ_WRITE)
					  << WHO_CODE_SHIFT;
	}
	return carried;
}

static void go_on_with(struct iommu_model_vtd *model, const struct carried *carried)
{
	const uint64_t held = carried->held[1];
	unsigned int i;

	model->last_was_wait = (carried->flags & LAST_WAS_WAIT) != 0;
	model->last_rank = 0;
	model->command = (uint32_t)carried->command;
	model->command_value = (carried->flags & COMMAND_VALUE) != 0;
	model->command_reads = 0; /* it completes at the next register read */
	model->fault_message = get_message(carried->messages[0]);
	model->wait_message = get_message(carried->messages[1]);
	model->request_message = get_message(carried->messages[2]);
	model->answer_count = (unsigned int)(carried->flags >> ANSWERS_SHIFT);
	for (i = 0; i < model->answer_count; i++)
		model->answers[i] = (struct iommu_model_page_answer){
			.source_id = (uint16_t)carried->answers[i],
			.has_pasid = (carried->answers[i] & WHO_HAS_PASID) != 0,
			.pasid = who_pasid(carried->answers[i]),
			.group = who_group(carried->answers[i]),
			.code = (unsigned int)(carried->answers[i] >> WHO_CODE_SHIFT) & 0xf,
		};
	model->request_held = (carried->flags & HOLDS_REQUEST) != 0;
	model->held = (struct iommu_model_page_request){
		.source_id = (uint16_t)held,
		.has_pasid = (held & WHO_HAS_PASID) != 0,
		.pasid = who_pasid(held),
		.address = carried->held[0],
		.access = (unsigned int)(held >> WHO_CODE_SHIFT) & IOMMU_PROT_READ_WRITE,
		.group = who_group(held),
		.is_last = (held & WHO_IS_LAST) != 0,
	};
}

/* --- What can be ------------------------------------------------------------------------------ */

static bool command_is_sane(const struct iommu_model_vtd *model, const struct model_registers *regs,
			    const struct carried *carried)
{
	const uint64_t commands = VTD_GLOBAL_TE | VTD_GLOBAL_SRTP | VTD_GLOBAL_WBF |
				  VTD_GLOBAL_QIE | VTD_GLOBAL_IRE | VTD_GLOBAL_SIRTP |
				  VTD_GLOBAL_CFI;
	const uint64_t command = carried->command;
	struct model_registers given = *regs;

	/*
	 * The address of a table may have been written since the command was given: checked when it
	 * completes.
	 */
	given.rtaddr = given.root;
	given.irta = given.interrupts;
	if ((command & ~commands) != 0 || (command & (command - 1)) != 0)
		return false;
	return command == 0 ||
	       iommu_model_command_mistake(model, &given, (uint32_t)command,
					   (carried->flags & COMMAND_VALUE) != 0) == NULL;
}

static bool message_is_sane(const uint64_t *message)
{
	return (message[0] & 3) == 0 && (message[1] & ~(MESSAGE_WANTED | 0xffff)) == 0 &&
	       ((message[1] & MESSAGE_WANTED) != 0 || (message[0] | message[1]) == 0);
}

static bool carried_is_sane(const struct iommu_model_vtd *model, const struct carried *carried)
{
	const uint64_t answers = carried->flags >> ANSWERS_SHIFT;
	unsigned int i;

	if ((carried->flags & ~FLAGS) != 0 || answers > MODEL_ANSWERS_MAX ||
	    (carried->held[1] & ~WHO_REQUEST) != 0)
		return false;
	/* A device without page requests is answered, too; but its request is not held. */
	if ((carried->flags & HOLDS_REQUEST) != 0 &&
	    !model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS))
		return false;
	for (i = 0; i < MODEL_ANSWERS_MAX; i++)
		if ((carried->answers[i] & ~WHO_ANSWER) != 0)
			return false;
	for (i = 0; i < MESSAGES; i++)
		if (!message_is_sane(carried->messages[i]))
			return false;
	return true;
}

/* Can this model be in this state? Everything else that is wrong affects the guest alone. */
static bool registers_are_sane(const struct iommu_model_vtd *model,
			       const struct model_registers *regs)
{
	const bool has_interrupts = model_has(model, IOMMU_MODEL_VTD_INTERRUPT_REMAPPING);

	if (!iommu_model_registers_are_sane(model, regs) || !iommu_model_queue_head_is_sane(regs) ||
	    regs->fault_next >= model->fault_count || regs->root_set > 1 ||
	    regs->interrupts_set > 1)
		return false;
	if ((regs->gsts & VTD_GLOBAL_TE) != 0 && regs->root_set == 0)
		return false;
	if ((regs->gsts & VTD_GLOBAL_QIE) != 0 && model_has(model, IOMMU_MODEL_VTD_NO_QUEUE))
		return false;
	if ((regs->gsts & (VTD_GLOBAL_IRE | VTD_GLOBAL_CFI)) != 0 && !has_interrupts)
		return false;
	return (regs->gsts & VTD_GLOBAL_IRE) == 0 || regs->interrupts_set != 0;
}

/* --- Saved and restored ----------------------------------------------------------------------- */

static void put_perf(const struct iommu_model_vtd *model, unsigned char *at)
{
	struct carried_perf carried = {.regs = model->perf->regs};

	put_message(carried.message, &model->perf->message);
	(void)put_words(at, (const uint64_t *)&carried, PERF);
}

/* False: there are such counters, and not in this state. */
static bool get_perf(const struct iommu_model_vtd *model, const unsigned char *at,
		     struct carried_perf *carried)
{
	if (model->perf == NULL)
		return true;
	(void)get_words((uint64_t *)carried, at, PERF);
	return iommu_model_counters_are_sane(model, &carried->regs) &&
	       message_is_sane(carried->message);
}

size_t iommu_model_vtd_save(struct iommu_model_vtd *model, void *bytes, size_t size)
{
	const size_t needed = state_words(model) * 8;
	const uint64_t magic = STATE_MAGIC;
	unsigned char *at = bytes;
	struct carried carried;
	uintptr_t state;

	if (size < needed)
		return needed;
	state = iommu_model_enter(model);
	carried = carry(model);
	at = put_words(at, &magic, 1);
	at = put_words(at, (const uint64_t *)&model->regs, REGISTERS);
	at = put_words(at, &model->fault_records[0][0], (size_t)model->fault_count * 2);
	at = put_words(at, (const uint64_t *)&carried, CARRIED);
	if (model->perf != NULL)
		put_perf(model, at);
	iommu_model_leave(model, state);
	return needed;
}

static void resume(struct iommu_model_vtd *model)
{
	model->works = (uint32_t)model->regs.gsts;
	model->protection_is_due = true;
	iommu_model_drop_caches(model);
	iommu_model_fault_written(model);
	iommu_model_context_command(model);
	iommu_model_iotlb_command(model);
	iommu_model_queue_wake(model); /* the queue runs when the model is left */
}

int iommu_model_vtd_restore(struct iommu_model_vtd *model, const void *bytes, size_t size)
{
	const size_t records = (size_t)model->fault_count * 2;
	const unsigned char *at = bytes;
	struct model_registers regs;
	struct carried carried;
	struct carried_perf perf = {0};
	bool perf_is_sane;
	int status = IOMMU_EINVAL;
	uintptr_t state;

	if (size != state_words(model) * 8 || iommu_read_le64(at) != STATE_MAGIC)
		return iommu_log_refusal(
			model->platform, IOMMU_CALL, "",
			IOMMU_WHY("the bytes are no state that such a model has saved"),
			IOMMU_EINVAL);
	at = get_words((uint64_t *)&regs, at + 8, REGISTERS);
	perf_is_sane =
		get_perf(model, get_words((uint64_t *)&carried, at + records * 8, CARRIED), &perf);
	state = iommu_model_enter(model);
	if (perf_is_sane && registers_are_sane(model, &regs) && carried_is_sane(model, &carried) &&
	    command_is_sane(model, &regs, &carried)) {
		iommu_model_registers_reset(model);
		model->regs = regs;
		(void)get_words(&model->fault_records[0][0], at, records);
		go_on_with(model, &carried);
		if (model->perf != NULL) {
			model->perf->regs = perf.regs;
			model->perf->message = get_message(perf.message);
		}
		iommu_model_notify_reset(model);
		resume(model);
		status = 0;
	}
	iommu_model_leave(model, state);
	return status == 0 ? 0
			   : iommu_log_refusal(
				     model->platform, IOMMU_CALL, "",
				     IOMMU_WHY("the saved registers, or what was on its way, make "
					       "no sense on this model"),
				     status);
}
