/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register pages (IHI 0070, chapter 6): what lies at an offset, which bits can be written and
 * when, and what writing does.
 */
#include "base/memory.h"
#include "model/smmu/model.h"

/* What a register is, beside its value. */
struct place {
	uint32_t offset;
	unsigned int size;  /* 4 or 8 */
	uint64_t *value;    /* NULL: `fixed` */
	uint64_t fixed;     /* what is read */
	uint64_t writable;  /* by a plain store, unless: */
	const char *locked; /* … it must not be written now, and why */
};

/* --- What can be written ---------------------------------------------------------------------- */

#define QUEUE_BASE_BITS                                                                            \
	(smmu_field_mask(SMMU_QUEUE_BASE_ADDRESS) | smmu_field_mask(SMMU_QUEUE_BASE_LOG2SIZE) |    \
	 smmu_field_mask(SMMU_QUEUE_BASE_ALLOCATE))
#define STRTAB_BASE_BITS                                                                           \
	(smmu_field_mask(SMMU_STRTAB_BASE_ADDRESS) | smmu_field_mask(SMMU_STRTAB_BASE_RA))
#define STRTAB_CFG_BITS                                                                            \
	(smmu_field_mask(SMMU_STRTAB_CFG_LOG2SIZE) | smmu_field_mask(SMMU_STRTAB_CFG_SPLIT) |      \
	 smmu_field_mask(SMMU_STRTAB_CFG_FORMAT))
#define POINTER_BITS (SMMU_QUEUE_POINTER | SMMU_QUEUE_OVERFLOW)

/* Addresses have as many bits as the unit's outputs. */
static uint64_t address_bits(const struct iommu_model_smmu *model, uint64_t bits)
{
	const uint64_t beyond = 0x00ffffffffffffffULL & ~model_last_address(model);

	return bits & ~beyond;
}

static uint32_t cr2_bits(const struct iommu_model_smmu *model)
{
	uint32_t bits = SMMU_CR2_RECINVSID | SMMU_CR2_PTM;

	if (model_idr0(model, SMMU_IDR0_HYP))
		bits |= SMMU_CR2_E2H;
	if (model_idr0(model, SMMU_IDR0_ATSRECERR))
		bits |= SMMU_CR2_REC_CFG_ATS;
	return bits;
}

/* Neither on nor about to be. */
static const char *unless_off(const struct iommu_model_smmu *model, uint32_t enables,
			      const char *why)
{
	return ((model->regs.cr0 | model->regs.cr0ack) & enables) != 0 ? why : NULL;
}

/* --- What lies where -------------------------------------------------------------------------- */

static struct place constant(uint32_t offset, uint64_t value)
{
	return (struct place){.offset = offset, .size = 4, .fixed = value};
}

static struct place variable(uint32_t offset, unsigned int size, uint64_t *value, uint64_t writable,
			     const char *locked)
{
	return (struct place){offset, size, value, 0, writable, locked};
}

static bool id_place(const struct iommu_model_smmu *model, uint32_t offset, struct place *p)
{
	const struct iommu_model_smmu_config *c = &model->config;
	const uint32_t ids[8] = {c->idr0, c->idr1, 0, c->idr3, 0, c->idr5, c->iidr, c->aidr};

	if (offset > SMMU_AIDR)
		return false;
	*p = constant(offset & ~3U, ids[offset / 4]);
	return true;
}

static bool control_place(struct iommu_model_smmu *model, uint32_t offset, struct place *p)
{
	const char *const is_on = "a register written that is fixed while SMMUEN is 1";
	const uint32_t queues = SMMU_CR0_CMDQEN | SMMU_CR0_EVENTQEN | SMMU_CR0_PRIQEN;
	struct model_registers *regs = &model->regs;
	const char *locked = unless_off(model, SMMU_CR0_SMMUEN, is_on);
	uint64_t cr1 = SMMU_CR1_TABLES | SMMU_CR1_QUEUES;

	if (locked != NULL)
		cr1 &= ~(uint64_t)SMMU_CR1_TABLES;
	if (unless_off(model, queues, is_on) != NULL)
		cr1 &= ~(uint64_t)SMMU_CR1_QUEUES;
	switch (offset) {
	case SMMU_CR0:
		*p = variable(offset, 4, &regs->cr0, 0, NULL);
		break;
	case SMMU_CR0ACK:
		*p = constant(offset, regs->cr0ack);
		break;
	case SMMU_CR1:
		*p = variable(offset, 4, &regs->cr1, cr1, NULL);
		break;
	case SMMU_CR2:
		*p = variable(offset, 4, &regs->cr2, cr2_bits(model), locked);
		break;
	case SMMU_GBPA:
		*p = variable(offset, 4, &regs->gbpa, 0, NULL);
		break;
	case SMMU_IRQ_CTRL:
		*p = variable(offset, 4, &regs->irq_ctrl, 0, NULL);
		break;
	case SMMU_IRQ_CTRLACK:
		*p = constant(offset, regs->irq_ctrlack);
		break;
	case SMMU_GERROR:
		*p = constant(offset, regs->gerror);
		break;
	case SMMU_GERRORN:
		*p = variable(offset, 4, &regs->gerrorn, 0, NULL);
		break;
	case SMMU_STRTAB_BASE:
	case SMMU_STRTAB_BASE + 4:
		*p = variable(SMMU_STRTAB_BASE, 8, &regs->strtab_base,
			      address_bits(model, STRTAB_BASE_BITS), locked);
		break;
	case SMMU_STRTAB_BASE_CFG:
		*p = variable(offset, 4, &regs->strtab_cfg, STRTAB_CFG_BITS, locked);
		break;
	default:
		return false;
	}
	return true;
}

/* Base, producer and consumer. The unit's own pointer can be written while the queue is off. */
static bool queue_place(struct iommu_model_smmu *model, uint32_t offset, struct place *p)
{
	static const struct {
		uint32_t base, prod, cons, enable;
	} queues[MODEL_QUEUES] = {
		{SMMU_CMDQ_BASE, SMMU_CMDQ_PROD, SMMU_CMDQ_CONS, SMMU_CR0_CMDQEN},
		{SMMU_EVENTQ_BASE, SMMU_EVENTQ_PROD, SMMU_EVENTQ_CONS, SMMU_CR0_EVENTQEN},
		{SMMU_PRIQ_BASE, SMMU_PRIQ_PROD, SMMU_PRIQ_CONS, SMMU_CR0_PRIQEN},
	};
	const char *const is_on = "a queue's register written that is fixed while it is enabled";
	unsigned int which;

	for (which = 0; which < MODEL_QUEUES; which++) {
		struct model_queue_registers *q = &model->regs.queue[which];
		const char *locked = unless_off(model, queues[which].enable, is_on);
		const bool commands = which == MODEL_COMMANDS;
		const uint64_t pointer = commands ? SMMU_QUEUE_POINTER : POINTER_BITS;

		if (which == MODEL_REQUESTS && !model_idr0(model, SMMU_IDR0_PRI))
			return false;
		if (offset - queues[which].base < 8)
			*p = variable(queues[which].base, 8, &q->base,
				      address_bits(model, QUEUE_BASE_BITS), locked);
		else if (offset == queues[which].prod)
			*p = variable(offset, 4, &q->prod, pointer, commands ? NULL : locked);
		else if (offset == queues[which].cons)
			*p = variable(offset, 4, &q->cons, pointer, commands ? locked : NULL);
		else
			continue;
		return true;
	}
	return false;
}

/* Messages of interrupts: fixed while the source is enabled. */
static bool message_place(struct iommu_model_smmu *model, uint32_t offset, struct place *p)
{
	static const uint32_t places[MODEL_SOURCES] = {SMMU_GERROR_IRQ_CFG0, SMMU_PRIQ_IRQ_CFG0,
						       SMMU_EVENTQ_IRQ_CFG0};
	const uint64_t enabled = model->regs.irq_ctrl | model->regs.irq_ctrlack;
	unsigned int source;

	for (source = 0; source < MODEL_SOURCES; source++) {
		struct model_message_registers *m = &model->regs.messages[source];
		const uint32_t at = offset - places[source];
		const bool requests = source == MODEL_SOURCE_REQUESTS;
		const char *locked =
			(enabled >> source & 1) != 0
				? "a message's register written while its interrupt is enabled"
				: NULL;

		if (at >= 16 || (requests && !model_idr0(model, SMMU_IDR0_PRI)))
			continue;
		/* LO is there without messages, too. */
		if (!model_idr0(model, SMMU_IDR0_MSI) && !(requests && at == 12))
			return false;
		if (at < 8)
			*p = variable(places[source], 8, &m->address,
				      address_bits(model, smmu_field_mask(SMMU_IRQ_CFG0_ADDRESS)),
				      locked);
		else if (at == 8)
			*p = variable(offset, 4, &m->data, UINT32_MAX, locked);
		else
			*p = variable(offset, 4, &m->attributes,
				      0x3fU | (requests ? SMMU_PRIQ_IRQ_CFG2_LO : 0), locked);
		return true;
	}
	return false;
}

/* False: nothing is there; it reads 0, and takes no writes. */
static bool find_place(struct iommu_model_smmu *model, uint64_t offset, struct place *p)
{
	const uint32_t at = (uint32_t)offset;

	return id_place(model, at, p) || control_place(model, at, p) || queue_place(model, at, p) ||
	       message_place(model, at, p);
}

/* --- What writing does ------------------------------------------------------------------------ */

/* Errors that are acknowledged; a bit that is not active must not be toggled. */
static void gerrorn_written(struct iommu_model_smmu *model, uint32_t value)
{
	struct model_registers *regs = &model->regs;
	const uint32_t active = model_active_errors(model) & ~SMMU_GERROR_SFM;
	const uint32_t toggled = (value ^ (uint32_t)regs->gerrorn) & SMMU_GERROR_ALL;

	if ((toggled & ~active & ~SMMU_GERROR_SFM) != 0)
		model_misuse(model, "an error acknowledged that is not active");
	regs->gerrorn ^= toggled & active;
	iommu_smmodel_queue_wake(model);
	iommu_smmodel_stalls_retry(model);
}

static void pointer_written(struct iommu_model_smmu *model, const struct place *p)
{
	const struct model_queue_registers *q = &model->regs.queue[MODEL_COMMANDS];
	const unsigned int order = model_queue_order(model, MODEL_COMMANDS);

	if (p->offset == SMMU_CMDQ_PROD &&
	    smmu_queue_used((uint32_t)q->prod, (uint32_t)q->cons, order) > 1U << order)
		model_misuse(model, "more commands than the queue holds");
	if (p->offset == SMMU_CMDQ_PROD || p->offset == SMMU_CMDQ_CONS)
		iommu_smmodel_queue_wake(model);
	if (p->offset == SMMU_EVENTQ_CONS)
		iommu_smmodel_stalls_retry(model);
}

/* A stored part of a register: `mask` says which. */
static void store(struct iommu_model_smmu *model, const struct place *p, uint64_t value,
		  uint64_t mask)
{
	const uint64_t writable = p->writable & mask;

	if (p->locked != NULL) {
		model_misuse(model, p->locked);
		return;
	}
	switch (p->offset) {
	case SMMU_CR0:
		iommu_smmodel_cr0_written(model, (uint32_t)value);
		return;
	case SMMU_IRQ_CTRL:
		iommu_smmodel_irq_ctrl_written(model, (uint32_t)value);
		return;
	case SMMU_GBPA:
		iommu_smmodel_gbpa_written(model, (uint32_t)value);
		return;
	case SMMU_GERRORN:
		gerrorn_written(model, (uint32_t)value);
		return;
	default:
		break;
	}
	if (p->value == NULL)
		return;
	*p->value = (*p->value & ~writable) | (value & writable);
	pointer_written(model, p);
}

/* --- Access ----------------------------------------------------------------------------------- */

static uint64_t value_of(const struct iommu_model_smmu *model, const struct place *p)
{
	if (model->faults.lies && model->faults.lying_register == p->offset)
		return model->faults.lie;
	return p->value != NULL ? *p->value : p->fixed;
}

/* Of 4 or 8 bytes, aligned, in the pages. */
static bool access_is_sane(struct iommu_model_smmu *model, uint64_t offset, unsigned int size)
{
	if ((size == 4 || size == 8) && (offset & (size - 1)) == 0 &&
	    offset <= SMMU_REGISTERS_SIZE - size)
		return true;
	model_misuse(model, "a register access that is not 4 or 8 aligned bytes of the pages");
	return false;
}

/* In one register. */
static bool place_is_sane(struct iommu_model_smmu *model, uint64_t offset, unsigned int size,
			  struct place *p)
{
	struct place beside;

	if (find_place(model, offset, p)) {
		if (offset + size <= (uint64_t)p->offset + p->size)
			return true;
	} else if (size != 8 || !find_place(model, offset + 4, &beside)) {
		return false;
	}
	model_misuse(model, "a register access that reaches beyond its register");
	return false;
}

uint64_t iommu_model_smmu_mmio_read(struct iommu_model_smmu *model, uint64_t offset,
				    unsigned int size)
{
	uintptr_t state = iommu_smmodel_enter(model);
	uint64_t value = 0;
	struct place p;

	if (model->faults.gone) {
		value = size == 4 ? UINT32_MAX : UINT64_MAX;
	} else if (access_is_sane(model, offset, size)) {
		iommu_smmodel_control_pass_time(model);
		/* What the passed time makes due is done before the read. */
		iommu_smmodel_work(model, &state);
		if (place_is_sane(model, offset, size, &p))
			value = value_of(model, &p) >> (offset - p.offset) * 8;
		if (size == 4)
			value &= UINT32_MAX;
	}
	iommu_smmodel_leave(model, state);
	return value;
}

void iommu_model_smmu_mmio_write(struct iommu_model_smmu *model, uint64_t offset, unsigned int size,
				 uint64_t value)
{
	uintptr_t state = iommu_smmodel_enter(model);
	struct place p;

	if (!model->faults.gone && access_is_sane(model, offset, size) &&
	    place_is_sane(model, offset, size, &p) &&
	    (model->faults.deaf_register == 0 || model->faults.deaf_register != p.offset)) {
		const unsigned int shift = (unsigned int)(offset - p.offset) * 8;
		const uint64_t mask = size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;

		store(model, &p, (size == 8 ? value : value & UINT32_MAX) << shift, mask);
	}
	iommu_smmodel_leave(model, state);
}

/* --- Reset ------------------------------------------------------------------------------------ */

static uint64_t next_random(struct iommu_model_smmu *model)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return model->random;
}

/* What has no reset value holds anything. */
static void make_wild(struct iommu_model_smmu *model)
{
	struct model_registers *regs = &model->regs;
	unsigned int i;

	regs->cr1 = next_random(model) & (SMMU_CR1_TABLES | SMMU_CR1_QUEUES);
	regs->cr2 = next_random(model) & cr2_bits(model);
	regs->strtab_base = next_random(model) & address_bits(model, STRTAB_BASE_BITS);
	regs->strtab_cfg = next_random(model) & STRTAB_CFG_BITS;
	for (i = 0; i < MODEL_QUEUES; i++) {
		const uint64_t pointer = i == MODEL_COMMANDS ? SMMU_QUEUE_POINTER : POINTER_BITS;

		if (i == MODEL_REQUESTS && !model_idr0(model, SMMU_IDR0_PRI))
			continue;
		regs->queue[i].base = next_random(model) & address_bits(model, QUEUE_BASE_BITS);
		regs->queue[i].prod = next_random(model) & pointer;
		regs->queue[i].cons = next_random(model) & pointer;
	}
	for (i = 0; i < MODEL_SOURCES && model_idr0(model, SMMU_IDR0_MSI); i++) {
		regs->messages[i].address =
			next_random(model) &
			address_bits(model, smmu_field_mask(SMMU_IRQ_CFG0_ADDRESS));
		regs->messages[i].data = next_random(model) & UINT32_MAX;
	}
	/* Errors: none is active. */
	regs->gerror = regs->gerrorn = next_random(model) & SMMU_GERROR_ALL;
}

static void reset_work(struct iommu_model_smmu *model)
{
	unsigned int i;

	model->change_is_due = model->change_has_begun = false;
	model->change_ticket = 0;
	for (i = 0; i < MODEL_QUEUES; i++)
		iommu_smmodel_ring_restart(model, (enum model_queue)i);
	iommu_smmodel_queue_forget(model);
	model->sync_reads = 0;
	model->queue_left = false;
	model->resumes = 0;
	for (i = 0; i < MODEL_NOTICES; i++)
		iommu_smmodel_give_up_notice(model, (enum model_notice_place)i);
	model->answer_count = 0;
}

void iommu_smmodel_registers_reset(struct iommu_model_smmu *model)
{
	const uint32_t bypass =
		model->config.resets_aborting
			? SMMU_GBPA_ABORT
			: (uint32_t)smmu_place(SMMU_GBPA_SHCFG, SMMU_SHCFG_INCOMING);

	model->regs = (struct model_registers){.gbpa = bypass, .bypass = bypass};
	if (model_is_strict(model, IOMMU_MODEL_SMMU_WILD_RESET))
		make_wild(model);
	reset_work(model);
}

/* --- What they can hold ----------------------------------------------------------------------- */

static bool queues_are_sane(const struct iommu_model_smmu *model,
			    const struct model_registers *regs)
{
	unsigned int i;

	for (i = 0; i < MODEL_QUEUES; i++) {
		const struct model_queue_registers *q = &regs->queue[i];
		const uint64_t error = smmu_field_mask(SMMU_CMDQ_CONS_ERROR);
		const bool commands = i == MODEL_COMMANDS;
		const uint64_t prod = commands ? SMMU_QUEUE_POINTER : POINTER_BITS;
		const uint64_t cons = commands ? SMMU_QUEUE_POINTER | error : POINTER_BITS;

		if ((q->base & ~address_bits(model, QUEUE_BASE_BITS)) != 0 ||
		    (q->prod & ~prod) != 0 || (q->cons & ~cons) != 0)
			return false;
		if (commands && smmu_bits(q->cons, SMMU_CMDQ_CONS_ERROR) > SMMU_CERROR_ATC_INV_SYNC)
			return false;
		if (i == MODEL_REQUESTS && !model_idr0(model, SMMU_IDR0_PRI) &&
		    (q->base | q->prod | q->cons) != 0)
			return false;
	}
	return true;
}

static bool messages_are_sane(const struct iommu_model_smmu *model,
			      const struct model_registers *regs)
{
	const uint64_t address = address_bits(model, smmu_field_mask(SMMU_IRQ_CFG0_ADDRESS));
	unsigned int i;

	for (i = 0; i < MODEL_SOURCES; i++)
		if ((regs->messages[i].address & ~address) != 0 ||
		    regs->messages[i].data > UINT32_MAX ||
		    (regs->messages[i].attributes & ~(0x3fULL | SMMU_PRIQ_IRQ_CFG2_LO)) != 0)
			return false;
	return regs->signals >> (MODEL_SOURCES + 1) == 0;
}

static bool enables_are_sane(const struct iommu_model_smmu *model,
			     const struct model_registers *regs)
{
	uint64_t cr0 = SMMU_CR0_SMMUEN | SMMU_CR0_EVENTQEN | SMMU_CR0_CMDQEN;
	uint64_t irq = SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ;

	if (model_idr0(model, SMMU_IDR0_PRI)) {
		cr0 |= SMMU_CR0_PRIQEN;
		irq |= SMMU_IRQ_PRIQ;
	}
	if (model_idr0(model, SMMU_IDR0_ATS))
		cr0 |= SMMU_CR0_ATSCHK;
	return ((regs->cr0 | regs->enabled | regs->cr0ack) & ~cr0) == 0 &&
	       ((regs->irq_ctrl | regs->irq_ctrlack) & ~irq) == 0 &&
	       (regs->gbpa & ~(uint64_t)(SMMU_GBPA_UPDATE | SMMU_GBPA_FIELDS)) == 0 &&
	       (regs->bypass & ~(uint64_t)SMMU_GBPA_FIELDS) == 0 &&
	       ((regs->gerror | regs->gerrorn) & ~(uint64_t)SMMU_GERROR_ALL) == 0;
}

/* What no change is under way for is in force. */
static bool is_settled(const struct model_registers *regs)
{
	if (regs->cr0 != regs->cr0ack || (regs->gbpa & SMMU_GBPA_UPDATE) != 0)
		return true;
	return regs->enabled == regs->cr0 && regs->bypass == regs->gbpa;
}

bool iommu_smmodel_registers_are_sane(const struct iommu_model_smmu *model,
				      const struct model_registers *regs)
{
	unsigned int i;

	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++)
		if (!iommu_smmodel_stall_is_sane(model, i, regs->stalls[i]))
			return false;
	return enables_are_sane(model, regs) && is_settled(regs) && queues_are_sane(model, regs) &&
	       messages_are_sane(model, regs) &&
	       (regs->cr1 & ~(uint64_t)(SMMU_CR1_TABLES | SMMU_CR1_QUEUES)) == 0 &&
	       (regs->cr2 & ~(uint64_t)cr2_bits(model)) == 0 &&
	       (regs->strtab_base & ~address_bits(model, STRTAB_BASE_BITS)) == 0 &&
	       (regs->strtab_cfg & ~(uint64_t)STRTAB_CFG_BITS) == 0 && regs->device_is_silent <= 1;
}
