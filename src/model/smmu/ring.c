/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings that the unit fills: event queue and page request queue (IHI 0070, 3.5, 7.2, 7.4 and
 * 8.1). Several processors write records side by side, without the lock; the producer moves over
 * them in their order.
 */
#include "model/smmu/model.h"

static unsigned int record_shift(enum model_queue which)
{
	return which == MODEL_EVENTS ? 5 : 4;
}

static enum model_source source_of(enum model_queue which)
{
	return which == MODEL_EVENTS ? MODEL_SOURCE_EVENTS : MODEL_SOURCE_REQUESTS;
}

static uint32_t abort_of(enum model_queue which)
{
	return which == MODEL_EVENTS ? SMMU_GERROR_EVENTQ_ABT : SMMU_GERROR_PRIQ_ABT;
}

/* Behind the producer and the places that are being written. */
static uint32_t next_pointer(const struct iommu_model_smmu *model, enum model_queue which)
{
	return smmu_queue_advance((uint32_t)model->regs.queue[which].prod,
				  model->rings[which].writers, model_queue_order(model, which));
}

/* A consumer that makes no sense leaves no room. */
static bool ring_is_full(const struct iommu_model_smmu *model, enum model_queue which)
{
	const unsigned int order = model_queue_order(model, which);
	const uint32_t used = smmu_queue_used(next_pointer(model, which),
					      (uint32_t)model->regs.queue[which].cons, order);

	return used >> order != 0 || model->rings[which].writers == MODEL_WRITERS_MAX;
}

bool iommu_smmodel_ring_is_writable(const struct iommu_model_smmu *model, enum model_queue which)
{
	return model_queue_is_on(model, which) &&
	       (model_active_errors(model) & abort_of(which)) == 0 && !ring_is_full(model, which);
}

bool iommu_smmodel_ring_has_overflowed(const struct iommu_model_smmu *model, enum model_queue which)
{
	const struct model_queue_registers *q = &model->regs.queue[which];

	return ((q->prod ^ q->cons) & SMMU_QUEUE_OVERFLOW) != 0;
}

void iommu_smmodel_ring_overflow(struct iommu_model_smmu *model, enum model_queue which)
{
	if (!iommu_smmodel_ring_has_overflowed(model, which))
		model->regs.queue[which].prod ^= SMMU_QUEUE_OVERFLOW;
}

void iommu_smmodel_ring_restart(struct iommu_model_smmu *model, enum model_queue which)
{
	struct model_ring *ring = &model->rings[which];

	ring->epoch++;
	ring->writers = ring->written = ring->failed = ring->lasts = 0;
}

/* One interrupt when it is no longer empty, or, where the driver wants that, for each last one. */
static void tell(struct iommu_model_smmu *model, enum model_queue which, bool was_empty,
		 bool is_last)
{
	const bool by_last =
		which == MODEL_REQUESTS && (model->regs.messages[MODEL_SOURCE_REQUESTS].attributes &
					    SMMU_PRIQ_IRQ_CFG2_LO) != 0;

	if (by_last ? is_last : was_empty)
		iommu_smmodel_interrupt(model, source_of(which));
}

/* Move over what is written. A record that cannot be written ends what is behind it. */
static void publish_written(struct iommu_model_smmu *model, enum model_queue which)
{
	struct model_queue_registers *q = &model->regs.queue[which];
	const unsigned int order = model_queue_order(model, which);
	struct model_ring *ring = &model->rings[which];

	while ((ring->written & 1) != 0) {
		const bool was_empty =
			smmu_queue_is_empty((uint32_t)q->prod, (uint32_t)q->cons, order);

		if ((ring->failed & 1) != 0) {
			iommu_smmodel_ring_restart(model, which);
			iommu_smmodel_error(model, abort_of(which));
			return;
		}
		q->prod = (q->prod & SMMU_QUEUE_OVERFLOW) |
			  smmu_queue_advance((uint32_t)q->prod, 1, order);
		tell(model, which, was_empty, (ring->lasts & 1) != 0);
		ring->written >>= 1;
		ring->failed >>= 1;
		ring->lasts >>= 1;
		ring->first++;
		ring->writers--;
	}
}

/* Without the lock. */
static bool write_record(const struct iommu_model_smmu *model, uint64_t place,
			 const struct model_record *record)
{
	unsigned int i;

	for (i = 0; i < record->count; i += 2)
		if (!iommu_smmodel_write(model, place + i * 8ULL, &record->words[i], 2))
			return false;
	return true;
}

static enum model_put write_at_place(struct iommu_model_smmu *model, uintptr_t *state,
				     const struct model_record *record)
{
	const enum model_queue which = record->which;
	struct model_ring *ring = &model->rings[which];
	const uint64_t place =
		model_queue_place(model, which, next_pointer(model, which), record_shift(which));
	const uint32_t epoch = ring->epoch;
	const uint32_t number = ring->first + ring->writers++;
	unsigned int left;
	uint32_t bit;
	bool written;

	ring->in_flight++;
	left = iommu_smmodel_go_out(model, *state);
	written = write_record(model, place, record);
	*state = iommu_smmodel_come_back(model, left);
	ring->in_flight--;
	/* A change of CR0 may wait for it. */
	iommu_smmodel_control_wake(model);
	/* A record before it could not be written, or the ring was turned off and on. */
	if (ring->epoch != epoch)
		return MODEL_PUT_FAILED;
	bit = 1U << (number - ring->first);
	ring->written |= bit;
	ring->failed |= written ? 0 : bit;
	ring->lasts |= record->is_last ? bit : 0;
	publish_written(model, which);
	return written ? MODEL_PUT : MODEL_PUT_FAILED;
}

enum model_put iommu_smmodel_ring_put(struct iommu_model_smmu *model, uintptr_t *state,
				      const struct model_record *record)
{
	const enum model_queue which = record->which;

	if (!model_queue_is_on(model, which))
		return MODEL_PUT_NOWHERE;
	if ((model_active_errors(model) & abort_of(which)) != 0)
		return MODEL_PUT_FAILED;
	/* Events go on when there is room; page requests only when the driver knows of the loss. */
	if (which == MODEL_REQUESTS && iommu_smmodel_ring_has_overflowed(model, which)) {
		tell(model, which, false, record->is_last);
		return MODEL_PUT_FULL;
	}
	if (ring_is_full(model, which)) {
		if (!record->keeps)
			iommu_smmodel_ring_overflow(model, which);
		tell(model, which, false, record->is_last);
		return MODEL_PUT_FULL;
	}
	return write_at_place(model, state, record);
}
