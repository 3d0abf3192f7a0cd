/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V back end's structures. The files are cut as the specification is: register and queue
 * (what software writes), directory (device and process directories), context and process (how an
 * endpoint's requests are translated), invalidation, domain, fault and page request, setup, and
 * driver, which puts them behind the core's operations. All stands on src/driver/.
 *
 * The locks are those of driver/driver.h, and unit->counters.lock for performance counters: their
 * counts, and which of them count.
 */
#ifndef IOMMU_RISCV_UNIT_H
#define IOMMU_RISCV_UNIT_H

#include <libiommu/backend/mmio.h>
#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/riscv.h>

#include "base/log.h"
#include "driver/driver.h"
#include "driver/page_request.h"
#include "riscv/counters.h"
#include "unit/event.h"
#include "unit/id.h"

/* What the unit sends for one of its causes (bits of ipsr). */
struct riscv_message {
	uint64_t address;
	uint32_t data;
	bool enabled;
};
#define RISCV_CAUSES 4

struct riscv_unit {
	struct iommu_driven_unit common; /* first */
	uint64_t capabilities;
	unsigned int flags; /* enum iommu_riscv_flags */
	/* The device directory: levels, and whether its contexts are of the extended format. */
	iommu_cell_t *root;
	unsigned int levels;
	bool extended;
	/* A guest's own first stage was attached: what is cached of it has to be named by guest. */
	bool has_nested;                    /* atomic */
	struct iommu_ids guests, processes; /* GSCIDs, PSCIDs */
	struct riscv_message messages[RISCV_CAUSES];
	unsigned int vectors; /* interrupt vectors that the unit has; 0: wires */
	struct riscv_counters counters;
};

static inline struct riscv_unit *riscv_of(const struct iommu_driven_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct riscv_unit, common);
}

static inline struct riscv_unit *riscv_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct riscv_unit, common.base);
}

static inline bool riscv_has(const struct riscv_unit *unit, uint64_t capability)
{
	return (unit->capabilities & capability) != 0;
}

/* Is hardware told of what becomes valid? It caches nothing else, but emulators wait for it. */
static inline bool riscv_tells_valid(const struct riscv_unit *unit)
{
	return (unit->flags & IOMMU_RISCV_TELL_VALID) != 0;
}

/* --- Registers -------------------------------------------------------------------------------- */

static inline void *riscv_register(const struct riscv_unit *unit, uint32_t offset)
{
	return (unsigned char *)unit->common.registers + offset;
}

static inline uint32_t riscv_read32(const struct riscv_unit *unit, uint32_t offset)
{
	return iommu_mmio_read32(unit->common.platform, riscv_register(unit, offset));
}

static inline uint64_t riscv_read64(const struct riscv_unit *unit, uint32_t offset)
{
	return iommu_mmio_read64(unit->common.platform, riscv_register(unit, offset));
}

static inline void riscv_write32(const struct riscv_unit *unit, uint32_t offset, uint32_t value)
{
	iommu_mmio_write32(unit->common.platform, riscv_register(unit, offset), value);
}

/* Do its registers read as ones? */
static inline bool iommu_riscv_is_gone(const struct riscv_unit *unit)
{
	return riscv_read64(unit, RISCV_CAPABILITIES) == UINT64_MAX;
}

/* By two accesses the high half comes first: the low one has what makes it take effect. */
static inline void riscv_write64(const struct riscv_unit *unit, uint32_t offset, uint64_t value)
{
	if (sizeof(void *) == 8 || unit->common.platform->mmio_write64 != NULL) {
		iommu_mmio_write64(unit->common.platform, riscv_register(unit, offset), value);
		return;
	}
	riscv_write32(unit, offset + 4, (uint32_t)(value >> 32));
	riscv_write32(unit, offset, (uint32_t)value);
}

/* Wait until (register & mask) == value; IOMMU_ETIMEDOUT; IOMMU_EIO: the unit is gone. */
int iommu_riscv_wait32(const struct riscv_unit *unit, uint32_t offset, uint32_t mask,
		       uint32_t value);
int iommu_riscv_wait64(const struct riscv_unit *unit, uint32_t offset, uint64_t mask,
		       uint64_t value);
/*
 * Turn a queue on, off or on with other interrupts by its control register, and wait for it. A
 * write that has not taken effect yet is waited for first. Turning on clears the queue's errors.
 */
int iommu_riscv_queue_on(const struct riscv_unit *unit, uint32_t csr, bool interrupts);
int iommu_riscv_queue_off(const struct riscv_unit *unit, uint32_t csr);
/* Those of faults and page requests, as far as the unit has them. */
int iommu_riscv_logs_off(const struct riscv_unit *unit);
/*
 * Why a base register does not keep what it was told: IOMMU_EOPNOTSUPP: the unit has no queue of
 * 2^order entries; otherwise IOMMU_EIO.
 */
int iommu_riscv_queue_misfit(const struct riscv_unit *unit, uint32_t base, unsigned int order);
/*
 * Give the device directory to hardware, or none: every request is refused; and wait.
 * IOMMU_EOPNOTSUPP: hardware does not take a directory of so many levels, and refuses every
 * request.
 */
int iommu_riscv_set_directory(const struct riscv_unit *unit);
int iommu_riscv_turn_off(const struct riscv_unit *unit);
/* Off if it translates; one that is off, or lets everything pass, stays as it is. */
int iommu_riscv_leave_off(const struct riscv_unit *unit);
/* Does hardware have the directory, and does it or may it still translate by it? */
bool iommu_riscv_has_directory(const struct riscv_unit *unit);
bool iommu_riscv_translates(const struct riscv_unit *unit);

/* --- Lines for people ------------------------------------------------------------------------- */

static inline void riscv_log(const struct riscv_unit *unit, enum iommu_log_level level,
			     const char *text)
{
	iommu_log(unit->common.platform, level, unit->common.base.name, text);
}

#define RISCV_REFUSE(unit, status, text) IOMMU_REFUSE_DRIVEN(&(unit)->common, status, text)

/* --- The unit as a whole ---------------------------------------------------------------------- */

extern const char iommu_riscv_name[];
bool iommu_riscv_owns(const struct iommu_unit *unit);
/* What a unit has, by its struct iommu_riscv_config, and the end of it: struct iommu_driver. */
int iommu_riscv_unit_setup(struct iommu_driven_unit *unit, const void *config);
void iommu_riscv_unit_free(struct iommu_driven_unit *unit);
extern const struct iommu_bring_up iommu_riscv_bring_up;

static inline bool riscv_uses_wires(const struct riscv_unit *unit)
{
	return riscv_cap_interrupts(unit->capabilities) == RISCV_INTERRUPTS_WIRED ||
	       (riscv_cap_interrupts(unit->capabilities) == RISCV_INTERRUPTS_BOTH &&
		(unit->flags & IOMMU_RISCV_WIRES) != 0);
}

/* Find out how many vectors there are; and program or mask the messages of all causes. */
void iommu_riscv_vectors_find(struct riscv_unit *unit);
void iommu_riscv_messages_apply(struct riscv_unit *unit);
/* Does hardware tell of such events? */
bool iommu_riscv_is_told(const struct riscv_unit *unit, unsigned int cause);

/* Have the queues of faults and page requests, and empty them; see fault.c, page_request.c. */
int iommu_riscv_faults_alloc(struct riscv_unit *unit);
int iommu_riscv_requests_alloc(struct riscv_unit *unit);
int iommu_riscv_faults_start(struct riscv_unit *unit);
int iommu_riscv_requests_start(struct riscv_unit *unit);
int iommu_riscv_handle_faults(struct iommu_unit *unit, bool *lost);
#if IOMMU_CONFIG_SCALABLE
extern const struct iommu_driver_requests iommu_riscv_requests;
#endif

#endif
