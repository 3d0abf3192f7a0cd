/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register window (48882, "IOMMU MMIO Registers"): what lies at an offset, which bits can be
 * written and when, and what writing does.
 */
#include "base/memory.h"
#include "model/amdvi/model.h"

/* What a register is, beside its value. */
struct place {
	uint32_t offset;
	unsigned int size;  /* 4 or 8 */
	uint64_t *value;    /* NULL: `fixed` */
	uint64_t fixed;     /* what is read */
	uint64_t writable;  /* by a plain store, unless: */
	const char *locked; /* … it must not be written now, and why */
};

/* The MSI capability: id 5, addresses of 64 bits; MSI enable and the number of messages. */
#define MSI_HEADER       0x00800005U
#define MSI_WRITABLE     0x00710000U
#define MSI_ADDRESS_BITS 0xfffffffffffffffcULL
#define XT_BITS                                                                                    \
	(amdvi_field_mask(AMDVI_XT_LOGICAL) | amdvi_field_mask(AMDVI_XT_DESTINATION_LOW) |         \
	 amdvi_field_mask(AMDVI_XT_VECTOR) | amdvi_field_mask(AMDVI_XT_DELIVERY) |                 \
	 amdvi_field_mask(AMDVI_XT_DESTINATION_HIGH))
#define TABLE_BITS                                                                                 \
	(amdvi_field_mask(AMDVI_DEVICE_TABLE_SIZE) | amdvi_field_mask(AMDVI_DEVICE_TABLE_ADDRESS))
#define RING_BITS (amdvi_field_mask(AMDVI_RING_ADDRESS) | amdvi_field_mask(AMDVI_RING_LENGTH))
#define EXCLUSION_BITS                                                                             \
	(amdvi_field_mask(AMDVI_EXCLUSION_ENABLE) | amdvi_field_mask(AMDVI_EXCLUSION_ALLOW_ALL) |  \
	 amdvi_field_mask(AMDVI_EXCLUSION_ADDRESS))
#define AUTO_RESPONSE_BITS 0x1fU
#define GA_TAIL_BITS       0x000ffffffffffff8ULL

/* --- What lies where -------------------------------------------------------------------------- */

static struct place constant(uint32_t offset, unsigned int size, uint64_t value)
{
	return (struct place){.offset = offset, .size = size, .fixed = value};
}

static struct place variable(uint32_t offset, uint64_t *value, uint64_t writable)
{
	return (struct place){.offset = offset, .size = 8, .value = value, .writable = writable};
}

/* Segments of the device table; one of several has half as many pages at most. */
static bool table_place(struct iommu_model_amdvi *model, uint32_t at, struct place *p)
{
	const unsigned int segments = 1U << amdvi_bits(model->config.efr, AMDVI_EFR_SEGMENTS);
	const uint64_t above = at - AMDVI_SEGMENT_BASE;

	if (at == AMDVI_DEVICE_TABLE_BASE)
		*p = variable(at, &model->regs.tables[0], TABLE_BITS);
	else if (at >= AMDVI_SEGMENT_BASE && above / 8 + 1 < segments)
		*p = variable(at, &model->regs.tables[above / 8 + 1], TABLE_BITS & ~0x100ULL);
	else
		return false;
	return true;
}

static bool control_place(struct iommu_model_amdvi *model, uint32_t at, struct place *p)
{
	struct model_registers *regs = &model->regs;

	switch (at) {
	case AMDVI_CONTROL:
		*p = variable(at, &regs->control, 0);
		return true;
	case AMDVI_STATUS:
		*p = constant(at, 8, iommu_amdmodel_status(model));
		return true;
	case AMDVI_EFR:
		*p = constant(at, 8, model->config.efr);
		return true;
	case AMDVI_EFR2:
		*p = constant(at, 8, model->config.efr2);
		return true;
	case AMDVI_EXCLUSION_BASE:
		*p = variable(at, &regs->exclusion_base, EXCLUSION_BITS);
		return true;
	case AMDVI_EXCLUSION_LIMIT:
		*p = variable(at, &regs->exclusion_limit,
			      amdvi_field_mask(AMDVI_EXCLUSION_ADDRESS));
		return true;
	case AMDVI_PPR_AUTO_RESPONSE:
		*p = variable(at, &regs->auto_response, AUTO_RESPONSE_BITS);
		return model_efr(model, AMDVI_EFR_PPR_AUTO);
	default:
		return false;
	}
}

static bool ring_exists(const struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	if (which == MODEL_REQUESTS)
		return model_efr(model, AMDVI_EFR_PPR);
	return which != MODEL_GUESTS || model_efr(model, AMDVI_EFR_GAM);
}

/* Base, head and tail. While the ring runs its base is fixed, and so is the unit's own pointer. */
static bool ring_place(struct iommu_model_amdvi *model, uint32_t at, struct place *p)
{
	static const struct {
		uint32_t base, head, tail;
	} rings[MODEL_RINGS] = {
		{AMDVI_COMMAND_BASE, AMDVI_COMMAND_HEAD, AMDVI_COMMAND_TAIL},
		{AMDVI_EVENT_BASE, AMDVI_EVENT_HEAD, AMDVI_EVENT_TAIL},
		{AMDVI_PPR_BASE, AMDVI_PPR_HEAD, AMDVI_PPR_TAIL},
		{AMDVI_GA_BASE, AMDVI_GA_HEAD, AMDVI_GA_TAIL},
	};
	unsigned int i;

	for (i = 0; i < MODEL_RINGS; i++) {
		const enum model_ring_kind which = (enum model_ring_kind)i;
		struct model_ring_registers *ring = &model->regs.ring[i];
		const bool runs = (iommu_amdmodel_status(model) & model_ring_run(which)) != 0;
		const uint32_t own = i == MODEL_COMMANDS ? rings[i].head : rings[i].tail;

		if (!ring_exists(model, which))
			continue;
		if (at == rings[i].base)
			*p = variable(at, &ring->base, RING_BITS);
		else if (at == rings[i].head)
			*p = variable(at, &ring->head, model_ring_pointer(which));
		else if (at == rings[i].tail)
			*p = variable(at, &ring->tail, model_ring_pointer(which));
		else
			continue;
		if (runs && (at == rings[i].base || at == own))
			p->locked = "a register of a ring written that is fixed while it runs";
		return true;
	}
	return false;
}

static bool msi_place(struct iommu_model_amdvi *model, uint32_t at, struct place *p)
{
	struct model_registers *regs = &model->regs;

	switch (at) {
	case AMDVI_MSI_CAPABILITY:
		*p = variable(at, &regs->msi_control, MSI_WRITABLE);
		p->size = 4;
		return true;
	case AMDVI_MSI_ADDRESS_LOW:
	case AMDVI_MSI_ADDRESS_HIGH:
		/* Two registers that are one value, at no multiple of 8. */
		*p = variable(AMDVI_MSI_ADDRESS_LOW, &regs->msi_address, MSI_ADDRESS_BITS);
		return true;
	case AMDVI_MSI_DATA:
		*p = variable(at, &regs->msi_data, 0xffff);
		p->size = 4;
		return true;
	case AMDVI_MSI_MAPPING:
		*p = constant(at, 4, 0);
		return true;
	default:
		return false;
	}
}

static bool interrupt_place(struct iommu_model_amdvi *model, uint32_t at, struct place *p)
{
	const unsigned int *messages = model->config.messages;

	if (at == AMDVI_MSI_VECTOR_0)
		*p = constant(at, 4,
			      messages[IOMMU_MODEL_AMDVI_GENERAL] |
				      (uint64_t)messages[IOMMU_MODEL_AMDVI_PPR_LOG] << 27);
	else if (at == AMDVI_MSI_VECTOR_1)
		*p = constant(at, 4, messages[IOMMU_MODEL_AMDVI_GA_LOG]);
	else if (at >= AMDVI_XT_INTERRUPT_GENERAL && at <= AMDVI_XT_INTERRUPT_GA &&
		 model_efr(model, AMDVI_EFR_XT))
		*p = variable(at, &model->regs.xt[(at - AMDVI_XT_INTERRUPT_GENERAL) / 8], XT_BITS);
	else if (at == AMDVI_GA_TAIL_ADDRESS && model_efr(model, AMDVI_EFR_GAM))
		*p = variable(at, &model->regs.ga_tail_address, GA_TAIL_BITS);
	else
		return model_efr(model, AMDVI_EFR_MSI_CAP_MMIO) && msi_place(model, at, p);
	return true;
}

static bool place_at(struct iommu_model_amdvi *model, uint32_t at, struct place *p)
{
	return interrupt_place(model, at, p) ||
	       ((at & 7) == 0 && (table_place(model, at, p) || control_place(model, at, p) ||
				  ring_place(model, at, p)));
}

/* False: nothing is there; it reads 0, and takes no writes. */
static bool find_place(struct iommu_model_amdvi *model, uint64_t offset, struct place *p)
{
	const uint32_t at = (uint32_t)offset;

	return place_at(model, at, p) ||
	       ((at & 4) != 0 && place_at(model, at & ~7U, p) && p->size == 8);
}

/* --- What writing does ------------------------------------------------------------------------ */

static bool is_base(uint32_t offset)
{
	return offset == AMDVI_COMMAND_BASE || offset == AMDVI_EVENT_BASE ||
	       offset == AMDVI_PPR_BASE || offset == AMDVI_GA_BASE;
}

/* A base register's ring begins anew. */
static void base_written(const struct place *p)
{
	struct model_ring_registers *ring = (struct model_ring_registers *)(void *)p->value;

	ring->head = ring->tail = 0;
}

_Static_assert(offsetof(struct model_ring_registers, base) == 0, "the base is the ring's first");

static void tail_written(struct iommu_model_amdvi *model)
{
	const uint32_t size = model_ring_size(model, MODEL_COMMANDS);

	if (model->regs.ring[MODEL_COMMANDS].tail >= size && size != 0)
		model_misuse(model, "a tail beyond the command buffer");
	iommu_amdmodel_queue_wake(model);
}

static void stored(struct iommu_model_amdvi *model, const struct place *p)
{
	if (is_base(p->offset))
		base_written(p);
	else if (p->offset == AMDVI_COMMAND_TAIL)
		tail_written(model);
	else if (p->offset == AMDVI_EXCLUSION_BASE || p->offset == AMDVI_EXCLUSION_LIMIT ||
		 p->offset == AMDVI_DEVICE_TABLE_BASE ||
		 (p->offset >= AMDVI_SEGMENT_BASE && p->offset < AMDVI_FEATURE))
		iommu_amdmodel_notify_enable(model);
}

/* A stored part of a register: `mask` says which. */
static void store(struct iommu_model_amdvi *model, const struct place *p, uint64_t value,
		  uint64_t mask)
{
	const uint64_t writable = p->writable & mask;

	if (p->locked != NULL) {
		model_misuse(model, p->locked);
		return;
	}
	if (p->offset == AMDVI_STATUS)
		iommu_amdmodel_status_written(model, value & mask);
	else if (p->offset == AMDVI_CONTROL)
		iommu_amdmodel_control_written(model,
					       (model->regs.control & ~mask) | (value & mask));
	if (writable == 0)
		return;
	*p->value = (*p->value & ~writable) | (value & writable);
	stored(model, p);
}

/* --- Access ----------------------------------------------------------------------------------- */

static uint64_t value_of(const struct iommu_model_amdvi *model, const struct place *p)
{
	if (model->faults.lies && model->faults.lying_register == p->offset)
		return model->faults.lie;
	/* The limit's page belongs to the range. */
	if (p->offset == AMDVI_EXCLUSION_LIMIT)
		return *p->value | 0xfff;
	if (p->offset == AMDVI_MSI_CAPABILITY)
		return *p->value | MSI_HEADER;
	return p->value != NULL ? *p->value : p->fixed;
}

/* Of 4 or 8 bytes, aligned, in the window. */
static bool access_is_sane(struct iommu_model_amdvi *model, uint64_t offset, unsigned int size)
{
	if ((size == 4 || size == 8) && (offset & (size - 1)) == 0 &&
	    offset <= AMDVI_REGISTERS_SIZE - size)
		return true;
	model_misuse(model, "a register access that is not 4 or 8 aligned bytes of the window");
	return false;
}

/* In one register. */
static bool place_is_sane(struct iommu_model_amdvi *model, uint64_t offset, unsigned int size,
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

uint64_t iommu_model_amdvi_mmio_read(struct iommu_model_amdvi *model, uint64_t offset,
				     unsigned int size)
{
	uintptr_t state = iommu_amdmodel_enter(model);
	uint64_t value = 0;
	struct place p;

	if (model->faults.gone) {
		value = size == 4 ? UINT32_MAX : UINT64_MAX;
	} else if (access_is_sane(model, offset, size)) {
		iommu_amdmodel_queue_pass_time(model);
		iommu_amdmodel_rings_pass_time(model, &state);
		/* What the passed time makes due is done before the read. */
		iommu_amdmodel_work(model, &state);
		if (place_is_sane(model, offset, size, &p))
			value = value_of(model, &p) >> (offset - p.offset) * 8;
		if (size == 4)
			value &= UINT32_MAX;
	}
	iommu_amdmodel_leave(model, state);
	return value;
}

static bool is_deaf(const struct iommu_model_amdvi *model, const struct place *p)
{
	return model->faults.deaf && model->faults.deaf_register == p->offset;
}

void iommu_model_amdvi_mmio_write(struct iommu_model_amdvi *model, uint64_t offset,
				  unsigned int size, uint64_t value)
{
	uintptr_t state = iommu_amdmodel_enter(model);
	struct place p;

	if (!model->faults.gone && access_is_sane(model, offset, size) &&
	    place_is_sane(model, offset, size, &p) && !is_deaf(model, &p)) {
		const unsigned int shift = (unsigned int)(offset - p.offset) * 8;
		const uint64_t mask = size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;

		store(model, &p, (size == 8 ? value : value & UINT32_MAX) << shift, mask);
	}
	iommu_amdmodel_leave(model, state);
}

/* --- Reset ------------------------------------------------------------------------------------ */

void iommu_amdmodel_registers_reset(struct iommu_model_amdvi *model)
{
	unsigned int i;

	model->regs = (struct model_registers){0};
	for (i = 0; i < MODEL_RINGS; i++)
		iommu_amdmodel_ring_restart(model, (enum model_ring_kind)i);
	iommu_amdmodel_queue_forget(model);
	model->wait_reads = 0;
	model->queue_left = false;
	for (i = 0; i < MODEL_NOTICES; i++)
		iommu_amdmodel_give_up_notice(model, (enum model_notice_place)i);
	model->answer_count = 0;
}

/* --- What they can hold ----------------------------------------------------------------------- */

static bool rings_are_sane(const struct iommu_model_amdvi *model,
			   const struct model_registers *regs)
{
	unsigned int i;

	for (i = 0; i < MODEL_RINGS; i++) {
		const enum model_ring_kind which = (enum model_ring_kind)i;
		const struct model_ring_registers *r = &regs->ring[i];
		const bool runs = (regs->status & model_ring_run(which)) != 0;

		if ((r->base & ~RING_BITS) != 0 ||
		    ((r->head | r->tail) & ~model_ring_pointer(which)) != 0)
			return false;
		if (!ring_exists(model, which) && (r->base | r->head | r->tail) != 0)
			return false;
		if (runs && (amdvi_ring_order(r->base) < AMDVI_RING_ORDER_MIN ||
			     amdvi_bits(regs->control, AMDVI_CONTROL_IOMMU_EN) == 0))
			return false;
	}
	return true;
}

static bool tables_are_sane(const struct iommu_model_amdvi *model,
			    const struct model_registers *regs)
{
	const unsigned int segments = 1U << amdvi_bits(model->config.efr, AMDVI_EFR_SEGMENTS);
	unsigned int i;

	for (i = 0; i < AMDVI_SEGMENTS_MAX; i++) {
		const uint64_t bits = i == 0 ? TABLE_BITS : TABLE_BITS & ~0x100ULL;

		if ((regs->tables[i] & ~(i < segments ? bits : 0)) != 0)
			return false;
	}
	return (regs->exclusion_base & ~EXCLUSION_BITS) == 0 &&
	       (regs->exclusion_limit & ~amdvi_field_mask(AMDVI_EXCLUSION_ADDRESS)) == 0;
}

static bool interrupts_are_sane(const struct model_registers *regs)
{
	unsigned int i;

	for (i = 0; i < MODEL_SIGNAL_SOURCES; i++)
		if ((regs->xt[i] & ~XT_BITS) != 0)
			return false;
	return (regs->msi_control & ~(uint64_t)MSI_WRITABLE) == 0 &&
	       (regs->msi_address & ~MSI_ADDRESS_BITS) == 0 && regs->msi_data <= 0xffff &&
	       (regs->ga_tail_address & ~GA_TAIL_BITS) == 0 &&
	       regs->auto_response <= AUTO_RESPONSE_BITS &&
	       regs->signals >> MODEL_SIGNAL_SOURCES == 0;
}

bool iommu_amdmodel_registers_are_sane(const struct iommu_model_amdvi *model,
				       const struct model_registers *regs)
{
	const uint64_t runs = AMDVI_STATUS_CMD_BUF_RUN | AMDVI_STATUS_EVENT_LOG_RUN |
			      AMDVI_STATUS_PPR_LOG_RUN | AMDVI_STATUS_GA_LOG_RUN;

	return (regs->control & ~iommu_amdmodel_control_bits(model)) == 0 &&
	       amdvi_bits(regs->control, AMDVI_CONTROL_SEGMENTS_EN) <=
		       amdvi_bits(model->config.efr, AMDVI_EFR_SEGMENTS) &&
	       (regs->status & ~(AMDVI_STATUS_CLEAR | runs)) == 0 && rings_are_sane(model, regs) &&
	       tables_are_sane(model, regs) && interrupts_are_sane(regs) &&
	       regs->waits_for_device <= 1;
}
