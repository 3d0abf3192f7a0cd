/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register page (RISC-V IOMMU specification, "Memory-mapped register interface"): what lies at
 * an offset, which bits can be written, and what writing does.
 */
#include "base/memory.h"
#include "model/riscv/model.h"

/* What a register is, beside its value. */
struct place {
	uint32_t offset;
	unsigned int size; /* 4 or 8 */
	uint64_t *value;   /* NULL: computed, or read only in parts */
	uint64_t writable; /* by a plain store */
	uint64_t defined;  /* the other bits are reserved: 0 is to be written */
};

/* --- What can be written ---------------------------------------------------------------------- */

static uint64_t vector_bits(const struct iommu_model_riscv *model)
{
	const uint64_t one = model->config.vectors - 1;

	return one | one << 4 | one << 8 | one << 12;
}

/* Counter 0 is that of cycles. */
static uint64_t counter_bits(const struct iommu_model_riscv *model)
{
	return (2ULL << model->config.counters) - 1;
}

static uint64_t qos_bits(const struct iommu_model_riscv *model)
{
	const uint64_t one = (1ULL << model->config.qos_bits) - 1;

	return one | one << 16;
}

/* --- What lies where -------------------------------------------------------------------------- */

static struct place place(uint32_t offset, unsigned int size, uint64_t *value, uint64_t writable,
			  uint64_t defined)
{
	return (struct place){offset, size, value, writable, defined};
}

/* Registers of the three queues: base, head and tail, control. */
static bool queue_place(struct iommu_model_riscv *model, uint32_t offset, struct place *p)
{
	struct model_queue_registers *queue = model->regs.queue;
	const uint64_t base = RISCV_PPN_MASK | 0x1f;
	unsigned int which;

	for (which = 0; which < MODEL_QUEUES; which++) {
		struct model_queue_registers *q = &queue[which];
		const uint32_t at = RISCV_CQB + 16 * which;
		const uint64_t index = model_index_mask(q->base);
		const bool heads = which != MODEL_COMMANDS; /* software's index is the head */

		if (which == MODEL_REQUESTS && !model_has(model, RISCV_CAP_ATS))
			return false;
		if (offset >= at && offset < at + 8)
			*p = place(at, 8, &q->base, base, base);
		else if (offset == at + 8)
			*p = place(at + 8, 4, &q->head, heads ? index : 0, UINT32_MAX);
		else if (offset == at + 12)
			*p = place(at + 12, 4, &q->tail, heads ? 0 : index, UINT32_MAX);
		else if (offset == RISCV_CQCSR + 4 * which)
			*p = place(offset, 4, &q->control, 0,
				   which == MODEL_COMMANDS ? 0xf0030f03 : 0xf0030303);
		else
			continue;
		return true;
	}
	return false;
}

static bool counter_place(struct iommu_model_riscv *model, uint32_t offset, struct place *p)
{
	struct model_registers *regs = &model->regs;
	const unsigned int counters = model->config.counters;
	const unsigned int counter = (offset - RISCV_IOHPMCTR) / 8;
	const unsigned int event = (offset - RISCV_IOHPMEVT) / 8;
	const uint64_t count = iommu_rvmodel_count_mask(model);

	if (!model_has(model, RISCV_CAP_HPM))
		return false;
	if (offset == RISCV_IOCOUNTOVF)
		*p = place(offset, 4, NULL, 0, UINT32_MAX);
	else if (offset == RISCV_IOCOUNTINH)
		*p = place(offset, 4, &regs->inhibited, counter_bits(model), UINT32_MAX);
	else if (offset >= RISCV_IOHPMCYCLES && offset < RISCV_IOHPMCTR)
		*p = place(RISCV_IOHPMCYCLES, 8, &regs->cycles, count | RISCV_CYCLES_OVERFLOW,
			   UINT64_MAX);
	else if (offset >= RISCV_IOHPMCTR && counter < counters)
		*p = place(riscv_counter(counter + 1), 8, &regs->counts[counter], count,
			   UINT64_MAX);
	else if (offset >= RISCV_IOHPMEVT && event < counters)
		*p = place(riscv_counter_event(event + 1), 8, &regs->events[event], UINT64_MAX,
			   UINT64_MAX);
	else
		return false;
	return true;
}

static bool debug_place(struct iommu_model_riscv *model, uint32_t offset, struct place *p)
{
	const uint64_t control = 0xffffff01fffff00fULL;
	struct model_registers *regs = &model->regs;

	if (!model_has(model, RISCV_CAP_DBG) || offset < RISCV_TR_REQ_IOVA ||
	    offset >= RISCV_TR_RESPONSE + 8)
		return false;
	if (offset < RISCV_TR_REQ_CTL)
		*p = place(RISCV_TR_REQ_IOVA, 8, &regs->request_iova, ~0xfffULL, ~0xfffULL);
	else if (offset < RISCV_TR_RESPONSE)
		*p = place(RISCV_TR_REQ_CTL, 8, &regs->request_control, control,
			   control | 0xfULL << 36);
	else
		*p = place(RISCV_TR_RESPONSE, 8, &regs->response, 0, UINT64_MAX);
	return true;
}

static bool message_place(struct iommu_model_riscv *model, uint32_t offset, struct place *p)
{
	const uint32_t relative = offset - RISCV_MSI_CFG_TBL;
	struct model_msi_registers *msi = &model->regs.msi[relative / 16 % RISCV_MSI_VECTORS];

	if (offset < RISCV_MSI_CFG_TBL || relative >= 16 * RISCV_MSI_VECTORS ||
	    relative / 16 >= model->config.vectors ||
	    riscv_cap_interrupts(model->config.capabilities) == RISCV_INTERRUPTS_WIRED)
		return false;
	switch (relative % 16) {
	case RISCV_MSI_DATA:
		*p = place(offset, 4, &msi->data, UINT32_MAX, UINT32_MAX);
		break;
	case RISCV_MSI_CONTROL:
		*p = place(offset, 4, &msi->control, RISCV_MSI_MASKED, RISCV_MSI_MASKED);
		break;
	default:
		*p = place(offset & ~7U, 8, &msi->address, RISCV_MSI_ADDRESS_MASK,
			   RISCV_MSI_ADDRESS_MASK);
	}
	return true;
}

/* False: nothing is there; it reads 0, and takes no writes. */
static bool find_place(struct iommu_model_riscv *model, uint64_t offset, struct place *p)
{
	struct model_registers *regs = &model->regs;
	const uint64_t ddtp = RISCV_PPN_MASK | 0xf;
	const uint32_t at = (uint32_t)offset;

	if (at < RISCV_FCTL)
		*p = place(RISCV_CAPABILITIES, 8, &regs->capabilities, 0, UINT64_MAX);
	else if (at == RISCV_FCTL)
		*p = place(at, 4, &regs->fctl, model_fctl_writable(&model->config), 0xffff0007);
	else if (at >= RISCV_DDTP && at < RISCV_CQB)
		*p = place(RISCV_DDTP, 8, &regs->ddtp, ddtp, ddtp | RISCV_DDTP_BUSY);
	else if (at == RISCV_IPSR)
		*p = place(at, 4, &regs->ipsr, 0, 0xff0f);
	else if (at == RISCV_IOMMU_QOSID && model_has(model, RISCV_CAP_QOSID))
		*p = place(at, 4, &regs->qosid, qos_bits(model), 0x0fff0fff);
	else if (at >= RISCV_ICVEC && at < RISCV_MSI_CFG_TBL)
		*p = place(RISCV_ICVEC, 8, &regs->icvec, vector_bits(model), 0xffffffff0000ffffULL);
	else
		return queue_place(model, at, p) || counter_place(model, at, p) ||
		       debug_place(model, at, p) || message_place(model, at, p);
	return true;
}

/* --- What writing does ------------------------------------------------------------------------ */

static bool is_quiet(const struct iommu_model_riscv *model)
{
	unsigned int which;

	for (which = 0; which < MODEL_QUEUES; which++)
		if ((model->regs.queue[which].control &
		     (RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON | RISCV_QUEUE_BUSY)) != 0)
			return false;
	return riscv_ddtp_mode(model->regs.ddtp) == RISCV_DDTP_OFF &&
	       (model->regs.ddtp & RISCV_DDTP_BUSY) == 0;
}

/* An index that software is to write before it enables the queue, and some units set to 0. */
static void forget_index(struct iommu_model_riscv *model, enum model_queue which)
{
	struct model_queue_registers *q = &model->regs.queue[which];
	uint64_t *index = which == MODEL_COMMANDS ? &q->tail : &q->head;

	if (model_is_strict(model, IOMMU_MODEL_RISCV_WILD_RESET)) {
		model->random = model->random * 6364136223846793005ULL + 1442695040888963407ULL;
		*index = model->random >> 32;
	}
	q->head &= model_index_mask(q->base);
	q->tail &= model_index_mask(q->base);
}

static void base_written(struct iommu_model_riscv *model, enum model_queue which)
{
	struct model_queue_registers *q = &model->regs.queue[which];

	if (riscv_queue_order(q->base) > model->config.queue_max)
		q->base = (q->base & RISCV_PPN_MASK) | (model->config.queue_max - 1);
	forget_index(model, which);
}

static enum model_queue queue_at(uint32_t offset)
{
	if (offset >= RISCV_CQCSR)
		return (enum model_queue)((offset - RISCV_CQCSR) / 4);
	return (enum model_queue)((offset - RISCV_CQB) / 16);
}

static bool is_base(uint32_t offset)
{
	return offset == RISCV_CQB || offset == RISCV_FQB || offset == RISCV_PQB;
}

/* Registers that must not change now. */
static bool is_locked(struct iommu_model_riscv *model, const struct place *p)
{
	const char *why = NULL;

	if (p->offset == RISCV_FCTL && !is_quiet(model))
		why = "fctl written while the unit or a queue is on";
	if (is_base(p->offset) && (model->regs.queue[queue_at(p->offset)].control &
				   (RISCV_QUEUE_ON | RISCV_QUEUE_BUSY)) != 0)
		why = "a queue's base written while the queue is on";
	if ((p->offset == RISCV_TR_REQ_IOVA || p->offset == RISCV_TR_REQ_CTL) &&
	    (model->regs.request_control & RISCV_TR_GO) != 0)
		why = "a translation request written while another is under way";
	if (why != NULL)
		model_misuse(model, why);
	return why != NULL;
}

/* Events that there are not, are none. */
static void events_written(struct iommu_model_riscv *model)
{
	unsigned int i;

	for (i = 0; i < RISCV_COUNTERS; i++)
		if (riscv_event_number(model->regs.events[i]) > RISCV_EVENT_SECOND_STAGE_WALK)
			model->regs.events[i] &= ~0x7fffULL;
}

/* The low half of a register, or all of it, was stored. */
static void act(struct iommu_model_riscv *model, const struct place *p, uint64_t value)
{
	switch (p->offset) {
	case RISCV_CQB:
	case RISCV_FQB:
	case RISCV_PQB:
		base_written(model, queue_at(p->offset));
		break;
	case RISCV_CQT:
		iommu_rvmodel_queue_wake(model);
		break;
	case RISCV_CQCSR:
	case RISCV_FQCSR:
	case RISCV_PQCSR:
		iommu_rvmodel_control_written(model, queue_at(p->offset), (uint32_t)value);
		break;
	case RISCV_IPSR:
		model->regs.ipsr &= ~(value & 0xf);
		iommu_rvmodel_interrupts_look(model);
		break;
	case RISCV_TR_REQ_CTL:
		model->request_is_due |= (value & RISCV_TR_GO) != 0;
		break;
	default:
		if (p->offset >= RISCV_IOHPMEVT && p->offset < RISCV_TR_REQ_IOVA)
			events_written(model);
	}
}

/* A stored part of a register: `mask` says which. ddtp is not changed here. */
static void store(struct iommu_model_riscv *model, const struct place *p, uint64_t value,
		  uint64_t mask)
{
	const uint64_t writable = p->writable & mask;
	const uint64_t after = (p->value != NULL ? *p->value & ~writable : 0) | (value & writable);

	if (is_locked(model, p))
		return;
	if ((value & mask & ~p->defined) != 0)
		model_misuse(model, "a reserved bit of a register written as 1");
	if (p->offset == RISCV_DDTP) {
		/* The high half alone waits for the low one, which has the mode. */
		if ((mask & 0xf) != 0 || riscv_ddtp_mode(*p->value) >= RISCV_DDTP_1LVL)
			iommu_rvmodel_ddtp_written(model, after);
		else
			*p->value = after;
		return;
	}
	if (p->value != NULL)
		*p->value = after;
	if ((mask & 1) != 0)
		act(model, p, value);
}

/* --- Access ----------------------------------------------------------------------------------- */

static uint64_t value_of(const struct iommu_model_riscv *model, const struct place *p)
{
	if (model->faults.lies && model->faults.lying_register == p->offset)
		return model->faults.lie;
	return p->value != NULL ? *p->value : iommu_rvmodel_overflows(model);
}

/* Of 4 or 8 bytes, aligned, in the page. */
static bool access_is_sane(struct iommu_model_riscv *model, uint64_t offset, unsigned int size)
{
	if ((size == 4 || size == 8) && (offset & (size - 1)) == 0 &&
	    offset <= RISCV_REGISTERS_SIZE - size)
		return true;
	model_misuse(model, "a register access that is not 4 or 8 aligned bytes of the page");
	return false;
}

/* In one register. */
static bool place_is_sane(struct iommu_model_riscv *model, uint64_t offset, unsigned int size,
			  struct place *p)
{
	struct place beside;

	if (find_place(model, offset, p)) {
		if (offset + size <= (uint64_t)p->offset + p->size)
			return true;
		model_misuse(model, "a register access that reaches beyond its register");
	} else if (size == 8 && find_place(model, offset + 4, &beside)) {
		model_misuse(model, "a register access that reaches beyond its register");
	}
	return false;
}

uint64_t iommu_model_riscv_mmio_read(struct iommu_model_riscv *model, uint64_t offset,
				     unsigned int size)
{
	uintptr_t state = iommu_rvmodel_enter(model);
	uint64_t value = 0;
	struct place p;

	if (model->faults.gone) {
		value = size == 4 ? UINT32_MAX : UINT64_MAX;
	} else if (access_is_sane(model, offset, size)) {
		iommu_rvmodel_control_pass_time(model);
		iommu_rvmodel_count_cycles(model);
		/* What the passed time makes due is done before the read. */
		iommu_rvmodel_work(model, &state);
		if (place_is_sane(model, offset, size, &p))
			value = value_of(model, &p) >> (offset - p.offset) * 8;
		if (size == 4)
			value &= UINT32_MAX;
	}
	iommu_rvmodel_leave(model, state);
	return value;
}

void iommu_model_riscv_mmio_write(struct iommu_model_riscv *model, uint64_t offset,
				  unsigned int size, uint64_t value)
{
	uintptr_t state = iommu_rvmodel_enter(model);
	struct place p;

	if (!model->faults.gone && access_is_sane(model, offset, size) &&
	    place_is_sane(model, offset, size, &p) &&
	    (model->faults.deaf_register == 0 || model->faults.deaf_register != p.offset)) {
		const unsigned int shift = (unsigned int)(offset - p.offset) * 8;
		const uint64_t mask = size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;

		store(model, &p, (size == 8 ? value : value & UINT32_MAX) << shift, mask);
	}
	iommu_rvmodel_leave(model, state);
}

/* --- Reset ------------------------------------------------------------------------------------ */

static uint64_t next_random(struct iommu_model_riscv *model)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return model->random;
}

/* What has no reset value holds anything. */
static void make_wild(struct iommu_model_riscv *model)
{
	struct model_registers *regs = &model->regs;
	const uint32_t writable = model_fctl_writable(&model->config);
	unsigned int i;

	regs->fctl = (regs->fctl & ~(uint64_t)writable) | (next_random(model) & writable);
	regs->icvec = next_random(model) & vector_bits(model);
	for (i = 0; i < MODEL_QUEUES; i++) {
		regs->queue[i].base = next_random(model) & (RISCV_PPN_MASK | 0x1f);
		base_written(model, (enum model_queue)i);
		regs->queue[i].head = next_random(model) & model_index_mask(regs->queue[i].base);
		regs->queue[i].tail = next_random(model) & model_index_mask(regs->queue[i].base);
	}
	for (i = 0; i < model->config.vectors; i++) {
		regs->msi[i].address = next_random(model) & RISCV_MSI_ADDRESS_MASK;
		regs->msi[i].data = next_random(model) & UINT32_MAX;
		regs->msi[i].control = next_random(model) & RISCV_MSI_MASKED;
	}
	for (i = 0; i < model->config.counters; i++)
		regs->counts[i] = next_random(model) & iommu_rvmodel_count_mask(model);
	regs->cycles = next_random(model) & iommu_rvmodel_count_mask(model);
	if (!model->config.resets_bare)
		regs->qosid = next_random(model) & qos_bits(model);
}

static void reset_work(struct iommu_model_riscv *model)
{
	unsigned int i;

	model->mode_is_due = model->mode_has_begun = false;
	model->mode_ticket = 0;
	model->switches_due = 0;
	for (i = 0; i < MODEL_QUEUES; i++) {
		model->rings[i].epoch++;
		model->rings[i].writers = model->rings[i].written = model->rings[i].failed = 0;
	}
	model->fence_held = false;
	model->fence_reads = 0;
	model->fence_ticket = 0;
	model->queue_left = false;
	model->queue_generation++;
	model->put_off_count = 0;
	model->request_is_due = false;
	for (i = 0; i < MODEL_NOTICES; i++)
		iommu_rvmodel_give_up_notice(model, (enum model_notice_place)i);
	model->answer_count = 0;
}

void iommu_rvmodel_registers_reset(struct iommu_model_riscv *model)
{
	const struct iommu_model_riscv_config *config = &model->config;

	model->regs = (struct model_registers){
		.capabilities = iommu_rvmodel_capabilities(config),
		.fctl = iommu_rvmodel_fctl_after_reset(config),
		.ddtp = config->resets_bare ? RISCV_DDTP_BARE : RISCV_DDTP_OFF,
	};
	model->regs.directory = model->regs.ddtp;
	if (model_is_strict(model, IOMMU_MODEL_RISCV_WILD_RESET))
		make_wild(model);
	reset_work(model);
}

/* --- What they can hold ----------------------------------------------------------------------- */

static bool queue_is_sane(const struct iommu_model_riscv *model,
			  const struct model_queue_registers *q, enum model_queue which)
{
	const uint64_t status = RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT | RISCV_QUEUE_ON |
				RISCV_QUEUE_BUSY | RISCV_QUEUE_FAULT;
	const uint64_t own = which == MODEL_COMMANDS ? RISCV_CQCSR_ERRORS | RISCV_CQCSR_FENCE
						     : RISCV_QUEUE_ERRORS;

	if (which == MODEL_REQUESTS && !model_has(model, RISCV_CAP_ATS) &&
	    (q->base | q->head | q->tail | q->control) != 0)
		return model_is_strict(model, IOMMU_MODEL_RISCV_WILD_RESET) && q->control == 0;
	return (q->base & ~(RISCV_PPN_MASK | 0x1f)) == 0 &&
	       riscv_queue_order(q->base) <= model->config.queue_max &&
	       ((q->head | q->tail) & ~model_index_mask(q->base)) == 0 &&
	       (q->control & ~(status | own)) == 0;
}

static bool counters_are_sane(const struct iommu_model_riscv *model,
			      const struct model_registers *regs)
{
	const bool has = model_has(model, RISCV_CAP_HPM);
	unsigned int i;

	if ((regs->inhibited & ~(has ? counter_bits(model) : 0)) != 0 ||
	    (regs->cycles & ~(iommu_rvmodel_count_mask(model) | RISCV_CYCLES_OVERFLOW)) != 0)
		return false;
	for (i = 0; i < RISCV_COUNTERS; i++)
		if (riscv_event_number(regs->events[i]) > RISCV_EVENT_SECOND_STAGE_WALK ||
		    (regs->counts[i] & ~iommu_rvmodel_count_mask(model)) != 0 ||
		    ((!has || i >= model->config.counters) && regs->events[i] != 0))
			return false;
	return true;
}

static bool messages_are_sane(const struct model_registers *regs)
{
	unsigned int i;

	for (i = 0; i < RISCV_MSI_VECTORS; i++)
		if ((regs->msi[i].address & ~RISCV_MSI_ADDRESS_MASK) != 0 ||
		    regs->msi[i].data > UINT32_MAX ||
		    (regs->msi[i].control & ~(uint64_t)RISCV_MSI_MASKED) != 0)
			return false;
	return regs->messages >> RISCV_MSI_VECTORS == 0;
}

static bool directory_is_sane(const struct iommu_model_riscv *model, uint64_t ddtp)
{
	const enum riscv_ddtp_mode mode = riscv_ddtp_mode(ddtp);

	return (ddtp & ~(RISCV_PPN_MASK | 0xf | RISCV_DDTP_BUSY)) == 0 &&
	       (mode <= RISCV_DDTP_BARE ||
		(mode <= RISCV_DDTP_3LVL &&
		 (model->config.levels >> ((unsigned int)mode - 1) & 1) != 0));
}

/* Requests obey ddtp, unless that is changing; without a directory its page number is nothing. */
static bool directory_is_in_force(const struct model_registers *regs)
{
	const uint64_t differs = regs->ddtp ^ regs->directory;

	if ((regs->ddtp & RISCV_DDTP_BUSY) != 0)
		return true;
	return differs == 0 ||
	       ((differs & ~RISCV_PPN_MASK) == 0 && riscv_ddtp_mode(regs->ddtp) < RISCV_DDTP_1LVL);
}

bool iommu_rvmodel_registers_are_sane(const struct iommu_model_riscv *model,
				      const struct model_registers *regs)
{
	const uint64_t fixed = ~(uint64_t)model_fctl_writable(&model->config);
	unsigned int i;

	for (i = 0; i < MODEL_QUEUES; i++)
		if (!queue_is_sane(model, &regs->queue[i], (enum model_queue)i))
			return false;
	return regs->capabilities == model->regs.capabilities &&
	       ((regs->fctl ^ model->regs.fctl) & fixed) == 0 &&
	       directory_is_sane(model, regs->ddtp) && directory_is_sane(model, regs->directory) &&
	       (regs->directory & RISCV_DDTP_BUSY) == 0 && directory_is_in_force(regs) &&
	       (regs->ipsr & ~0xfULL) == 0 && (regs->icvec & ~vector_bits(model)) == 0 &&
	       messages_are_sane(regs) && counters_are_sane(model, regs) &&
	       (regs->request_iova & 0xfff) == 0 && (regs->qosid & ~qos_bits(model)) == 0 &&
	       regs->device_is_silent <= 1;
}
