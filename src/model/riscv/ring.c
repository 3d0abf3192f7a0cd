/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings that the unit fills: fault queue and page-request queue (RISC-V IOMMU specification,
 * "Fault/Event-Queue" and "Page-Request-Queue"). Several processors write records side by side,
 * without the lock; the tail moves over them in their order.
 */
#include "model/riscv/model.h"

static unsigned int record_shift(enum model_queue which)
{
	return which == MODEL_FAULTS ? 5 : 4;
}

/* Behind the tail and the places that are being written. */
static uint64_t next_index(const struct iommu_model_riscv *model, enum model_queue which)
{
	const struct model_queue_registers *q = &model->regs.queue[which];

	return (q->tail + model->rings[which].writers) & model_index_mask(q->base);
}

static bool ring_is_full(const struct iommu_model_riscv *model, enum model_queue which)
{
	const struct model_queue_registers *q = &model->regs.queue[which];

	return ((next_index(model, which) + 1) & model_index_mask(q->base)) == q->head ||
	       model->rings[which].writers == MODEL_WRITERS_MAX;
}

/* An error bit, or a record, that causes an interrupt where those are enabled. */
static void tell(struct iommu_model_riscv *model, enum model_queue which, uint32_t error)
{
	struct model_queue_registers *q = &model->regs.queue[which];

	q->control |= error;
	if ((q->control & RISCV_QUEUE_INTERRUPT) != 0)
		iommu_rvmodel_interrupt_raise(model, which == MODEL_FAULTS
							     ? RISCV_IPSR_FAULTS
							     : RISCV_IPSR_PAGE_REQUESTS);
}

static void forget_writers(struct model_ring *ring)
{
	ring->epoch++;
	ring->writers = ring->written = ring->failed = 0;
}

/* Move the tail over what is written. A record that cannot be written ends what is behind it. */
static void publish_written(struct iommu_model_riscv *model, enum model_queue which)
{
	struct model_queue_registers *q = &model->regs.queue[which];
	struct model_ring *ring = &model->rings[which];

	while ((ring->written & 1) != 0) {
		if ((ring->failed & 1) != 0) {
			forget_writers(ring);
			tell(model, which, RISCV_QUEUE_FAULT);
			return;
		}
		q->tail = (q->tail + 1) & model_index_mask(q->base);
		ring->written >>= 1;
		ring->failed >>= 1;
		ring->first++;
		ring->writers--;
		tell(model, which, 0);
	}
}

/* Without the lock. */
static bool write_record(const struct iommu_model_riscv *model, uint64_t place,
			 const uint64_t *words, unsigned int count, bool big_endian)
{
	unsigned int i;

	for (i = 0; i < count; i += 2)
		if (!iommu_rvmodel_write(model, place + i * 8ULL, &words[i], 2, big_endian))
			return false;
	return true;
}

enum model_put iommu_rvmodel_ring_put(struct iommu_model_riscv *model, uintptr_t *state,
				      enum model_queue which, const uint64_t *words,
				      unsigned int count)
{
	const uint64_t control = model->regs.queue[which].control;
	struct model_ring *ring = &model->rings[which];
	const uint32_t epoch = ring->epoch;
	unsigned int left;
	uint32_t number, bit;
	uint64_t place;
	bool written, big_endian;

	if ((control & RISCV_QUEUE_ON) == 0 || (control & RISCV_QUEUE_ENABLE) == 0)
		return MODEL_PUT_NOWHERE;
	if ((control & RISCV_QUEUE_FAULT) != 0)
		return MODEL_PUT_FAILED;
	if ((control & RISCV_QUEUE_OVERFLOW) != 0)
		return MODEL_PUT_FULL;
	if (ring_is_full(model, which)) {
		tell(model, which, RISCV_QUEUE_OVERFLOW);
		return MODEL_PUT_FULL;
	}
	place = riscv_ppn_address(model->regs.queue[which].base) +
		(next_index(model, which) << record_shift(which));
	number = ring->first + ring->writers++;
	big_endian = model_is_big_endian(model);
	ring->in_flight++;
	left = iommu_rvmodel_go_out(model, *state);
	written = write_record(model, place, words, count, big_endian);
	*state = iommu_rvmodel_come_back(model, left);
	ring->in_flight--;
	/* A record before it could not be written, or the ring was turned off and on. */
	if (ring->epoch != epoch)
		return MODEL_PUT_FAILED;
	bit = 1U << (number - ring->first);
	ring->written |= bit;
	ring->failed |= written ? 0 : bit;
	publish_written(model, which);
	return written ? MODEL_PUT : MODEL_PUT_FAILED;
}
