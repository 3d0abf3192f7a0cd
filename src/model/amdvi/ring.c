/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The logs that the unit fills: events, page requests, virtual APICs (48882, "Event Logging",
 * "Peripheral Page Request (PPR) Logging", "Guest Virtual APIC Log"). Several processors write
 * records side by side, without the lock; the tail moves over them in their order. A log that is
 * full stops with its overflow bit, and runs again when it is turned off, the bit cleared, and
 * turned on.
 */
#include "model/amdvi/model.h"

static uint64_t overflow_of(enum model_ring_kind which)
{
	static const uint64_t bits[MODEL_RINGS] = {0, AMDVI_STATUS_EVENT_OVERFLOW,
						   AMDVI_STATUS_PPR_OVERFLOW,
						   AMDVI_STATUS_GA_OVERFLOW};

	return bits[which];
}

static uint64_t interrupt_of(enum model_ring_kind which)
{
	static const uint64_t bits[MODEL_RINGS] = {0, AMDVI_STATUS_EVENT_LOG_INT,
						   AMDVI_STATUS_PPR_INT, AMDVI_STATUS_GA_INT};

	return bits[which];
}

static uint32_t record_size(enum model_ring_kind which)
{
	return 1U << model_ring_shift(which);
}

/* Behind the tail and the places that are being written. */
static uint32_t next_pointer(const struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	return model_ring_move(model, which, model->regs.ring[which].tail,
			       model->rings[which].writers * record_size(which));
}

/* One place stays free: otherwise a full log would look like an empty one. */
static bool ring_is_full(const struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	const uint32_t after =
		model_ring_move(model, which, next_pointer(model, which), record_size(which));

	return after == model_ring_move(model, which, model->regs.ring[which].head, 0) ||
	       model->rings[which].writers == MODEL_WRITERS_MAX;
}

void iommu_amdmodel_ring_restart(struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	struct model_ring *ring = &model->rings[which];

	ring->epoch++;
	ring->writers = ring->written = ring->failed = 0;
	ring->is_late = false;
}

static void stop(struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	model->regs.status &= ~model_ring_run(which);
	iommu_amdmodel_ring_restart(model, which);
}

/* Move over what is written. A record that cannot be written ends what is behind it. */
static void publish_written(struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	struct model_ring_registers *registers = &model->regs.ring[which];
	struct model_ring *ring = &model->rings[which];

	while ((ring->written & 1) != 0) {
		if ((ring->failed & 1) != 0) {
			stop(model, which);
			return;
		}
		registers->tail =
			model_ring_move(model, which, registers->tail, record_size(which));
		iommu_amdmodel_status_set(model, interrupt_of(which));
		ring->written >>= 1;
		ring->failed >>= 1;
		ring->first++;
		ring->writers--;
	}
}

/* --- Records that are late -------------------------------------------------------------------- */

static unsigned int words_of(enum model_ring_kind which)
{
	return which == MODEL_GUESTS ? 1 : 2;
}

void iommu_amdmodel_ring_write_late(struct iommu_model_amdvi *model, uintptr_t *state,
				    enum model_ring_kind which)
{
	struct model_ring *ring = &model->rings[which];
	const uint64_t place = ring->late_place;
	const uint64_t words[2] = {ring->late_words[0], ring->late_words[1]};
	unsigned int left;

	if (!ring->is_late)
		return;
	ring->is_late = false;
	ring->in_flight++;
	left = iommu_amdmodel_go_out(model, *state);
	(void)iommu_amdmodel_write(model, place, words, words_of(which));
	*state = iommu_amdmodel_come_back(model, left);
	ring->in_flight--;
}

void iommu_amdmodel_rings_pass_time(struct iommu_model_amdvi *model, uintptr_t *state)
{
	unsigned int i;

	for (i = 0; i < MODEL_RINGS; i++) {
		struct model_ring *ring = &model->rings[i];

		if (ring->is_late && (ring->late_reads == 0 || --ring->late_reads == 0))
			iommu_amdmodel_ring_write_late(model, state, (enum model_ring_kind)i);
	}
}

static void be_late(struct iommu_model_amdvi *model, enum model_ring_kind which, uint64_t place,
		    const uint64_t *words)
{
	struct model_ring *ring = &model->rings[which];

	ring->is_late = true;
	ring->late_reads = model->faults.record_delay;
	ring->late_place = place;
	ring->late_words[0] = words[0];
	ring->late_words[1] = words_of(which) == 2 ? words[1] : 0;
}

/* --- Records ---------------------------------------------------------------------------------- */

static enum model_put write_at_place(struct iommu_model_amdvi *model, uintptr_t *state,
				     enum model_ring_kind which, const uint64_t *words)
{
	struct model_ring *ring = &model->rings[which];
	const uint64_t place = model_ring_place(model, which, next_pointer(model, which));
	const uint32_t epoch = ring->epoch;
	const uint32_t number = ring->first + ring->writers++;
	bool written = true;
	unsigned int left;
	uint32_t bit;

	if (model->faults.record_delay != 0) {
		be_late(model, which, place, words);
	} else {
		ring->in_flight++;
		left = iommu_amdmodel_go_out(model, *state);
		written = iommu_amdmodel_write(model, place, words, words_of(which));
		*state = iommu_amdmodel_come_back(model, left);
		ring->in_flight--;
	}
	/* A record before it could not be written, or the log was turned off and on. */
	if (ring->epoch != epoch)
		return MODEL_PUT_FAILED;
	bit = 1U << (number - ring->first);
	ring->written |= bit;
	ring->failed |= written ? 0 : bit;
	publish_written(model, which);
	return written ? MODEL_PUT : MODEL_PUT_FAILED;
}

enum model_put iommu_amdmodel_ring_put(struct iommu_model_amdvi *model, uintptr_t *state,
				       enum model_ring_kind which, const uint64_t *words)
{
	iommu_amdmodel_ring_write_late(model, state, which);
	if (!model_ring_runs(model, which))
		return MODEL_PUT_NOWHERE;
	if (ring_is_full(model, which)) {
		/* What is being written still arrives. */
		model->regs.status &= ~model_ring_run(which);
		iommu_amdmodel_status_set(model, overflow_of(which));
		return MODEL_PUT_FULL;
	}
	return write_at_place(model, state, which, words);
}

void iommu_amdmodel_log_event(struct iommu_model_amdvi *model, uintptr_t *state,
			      const struct amdvi_event *event)
{
	model->event_total++;
	(void)iommu_amdmodel_ring_put(model, state, MODEL_EVENTS, event->words);
}
