/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 back end's structures. The files are cut as the specification is: register and queue
 * (what software writes), stream table (streams and contexts in memory), stream, stream entry and
 * context (how an endpoint's requests are translated), invalidation, domain, event and page
 * request, setup, and driver, which puts them behind the core's operations. All stands on
 * src/driver/, which says what locks there are; that of the command queue guards GERRORN, too.
 *
 * Tables, ids and the list of a domain's units change only on the control path, which the host
 * serialises; with one exception, which is in stream.c.
 */
#ifndef IOMMU_SMMU_UNIT_H
#define IOMMU_SMMU_UNIT_H

#include <libiommu/backend/mmio.h>
#include <libiommu/backend/ops.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/smmu.h>

#include "base/log.h"
#include "driver/driver.h"
#include "driver/page_request.h"
#include "unit/event.h"
#include "unit/id.h"

/* What the unit sends for one of its causes. */
struct smmu_message {
	uint64_t address;
	uint32_t data;
	bool enabled;
};
#define SMMU_CAUSES 3

struct smmu_unit {
	struct iommu_driven_unit common; /* first */
	uint32_t idr0, idr1, idr3, idr5, iidr, aidr;
	unsigned int flags;        /* enum iommu_smmu_flags */
	bool is_coherent;          /* its accesses see what the CPUs' caches hold */
	enum iommu_smmu_httu httu; /* never BY_REGISTER, when its registers were read */
	struct iommu_smmu_region *regions;
	unsigned int region_count;
	/* The stream table: of one level (split 0), or of two, the second with 2^split entries. */
	iommu_cell_t *streams;
	unsigned int split;
	/* Transactions that it stalled could not be ended: a confirmation does. Atomic. */
	uint32_t has_stalled;
	/* The last look at page requests has found that some were lost; of the CPU that looks. */
	bool requests_overflowed;
	struct iommu_ids asids, vmids;
	uint32_t producer; /* CMDQ_PROD: the ring's tail with the wrap bit; under its lock */
	struct smmu_message messages[SMMU_CAUSES];
	uint32_t errors;     /* bits of GERROR that were seen. Atomic */
	uint32_t new_errors; /* … and not told of yet. Atomic */
};

static inline struct smmu_unit *smmu_of(const struct iommu_driven_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct smmu_unit, common);
}

static inline struct smmu_unit *smmu_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct smmu_unit, common.base);
}

/* --- What it can ------------------------------------------------------------------------------ */

static inline bool smmu_has0(const struct smmu_unit *unit, unsigned int field)
{
	return smmu_bits(unit->idr0, field) != 0;
}

static inline bool smmu_has3(const struct smmu_unit *unit, unsigned int field)
{
	return smmu_bits(unit->idr3, field) != 0;
}

static inline unsigned int smmu_pasid_bits(const struct smmu_unit *unit)
{
	const unsigned int bits = (unsigned int)smmu_bits(unit->idr1, SMMU_IDR1_SSIDSIZE);
	const unsigned int most = smmu_has0(unit, SMMU_IDR0_CD2L) ? 19 : 10;

	if (!smmu_has0(unit, SMMU_IDR0_S1P))
		return 0;
	return bits < most ? bits : most;
}

static inline bool smmu_notes_writes(const struct smmu_unit *unit)
{
	/* What it writes past the CPUs' caches cannot be read back through them. */
	return unit->is_coherent && unit->httu == IOMMU_SMMU_HTTU_DIRTY;
}

/* Can its stream table have two levels? */
static inline bool smmu_has_stream_levels(const struct smmu_unit *unit)
{
	return smmu_bits(unit->idr0, SMMU_IDR0_ST_LEVEL) == SMMU_ST_LEVEL_BOTH;
}

static inline unsigned int smmu_stall_model(const struct smmu_unit *unit)
{
	return (unsigned int)smmu_bits(unit->idr0, SMMU_IDR0_STALL);
}

/* Every fault stalls: there is no other way. */
static inline bool smmu_must_stall(const struct smmu_unit *unit)
{
	return smmu_stall_model(unit) == SMMU_STALL_FORCED;
}

static inline bool smmu_has_requests(const struct smmu_unit *unit)
{
	return IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DEVICE_TLB && smmu_has0(unit, SMMU_IDR0_ATS) &&
	       smmu_has0(unit, SMMU_IDR0_PRI);
}

/* Are interrupts messages? */
static inline bool smmu_uses_messages(const struct smmu_unit *unit)
{
	return smmu_has0(unit, SMMU_IDR0_MSI) && (unit->flags & IOMMU_SMMU_WIRES) == 0;
}

/* --- Registers -------------------------------------------------------------------------------- */

static inline void *smmu_register(const struct smmu_unit *unit, uint32_t offset)
{
	if ((unit->flags & IOMMU_SMMU_ONE_PAGE) != 0)
		offset &= SMMU_PAGE_SIZE - 1;
	return (unsigned char *)unit->common.registers + offset;
}

static inline uint32_t smmu_read32(const struct smmu_unit *unit, uint32_t offset)
{
	return iommu_mmio_read32(unit->common.platform, smmu_register(unit, offset));
}

static inline uint64_t smmu_read64(const struct smmu_unit *unit, uint32_t offset)
{
	return smmu_read32(unit, offset) | (uint64_t)smmu_read32(unit, offset + 4) << 32;
}

static inline void smmu_write32(const struct smmu_unit *unit, uint32_t offset, uint32_t value)
{
	iommu_mmio_write32(unit->common.platform, smmu_register(unit, offset), value);
}

/* None of them takes effect by itself: by halves is as good. */
static inline void smmu_write64(const struct smmu_unit *unit, uint32_t offset, uint64_t value)
{
	smmu_write32(unit, offset, (uint32_t)value);
	smmu_write32(unit, offset + 4, (uint32_t)(value >> 32));
}

/* Do its registers read as ones? */
static inline bool iommu_smmu_is_gone(const struct smmu_unit *unit)
{
	return smmu_read32(unit, SMMU_IDR0) == UINT32_MAX;
}

/*
 * Have these bits of CR0, or of IRQ_CTRL, set and those cleared, and wait until the unit shows it.
 * A change that it has not shown yet is waited for first. IOMMU_ETIMEDOUT; IOMMU_EIO: it is gone,
 * or does not keep what it is told.
 */
int iommu_smmu_change_cr0(const struct smmu_unit *unit, uint32_t set, uint32_t clear);
int iommu_smmu_change_irq(const struct smmu_unit *unit, uint32_t set, uint32_t clear);
/* Is a bit of CR0 set, and has that taken effect? */
bool iommu_smmu_is_on(const struct smmu_unit *unit, uint32_t bit);
/* Have what comes while translation is off aborted. Errors as above. */
int iommu_smmu_close(const struct smmu_unit *unit);
/* Off, and closed before that; queues stay as they are. */
int iommu_smmu_turn_off(const struct smmu_unit *unit);
/* All queues and messages, and translation. */
int iommu_smmu_stop_all(const struct smmu_unit *unit);
/* Does hardware have the stream table, and does it or may it still translate by it? */
bool iommu_smmu_has_streams(const struct smmu_unit *unit);
bool iommu_smmu_translates(const struct smmu_unit *unit);
/* What the registers of the stream table say of ours. */
uint64_t iommu_smmu_streams_base(const struct smmu_unit *unit);
uint32_t iommu_smmu_streams_config(const struct smmu_unit *unit);

/* --- Memory ----------------------------------------------------------------------------------- */

/* Write back what the unit is to see, and wait. */
static inline void smmu_write_back(const struct smmu_unit *unit, const void *start, size_t size)
{
	if (!unit->is_coherent && size != 0)
		unit->common.platform->cache_flush(unit->common.platform->ctx, start, size);
}

/* Have the next load see what the unit has written. */
static inline void smmu_drop_cached(const struct smmu_unit *unit, const void *start, size_t size)
{
	if (!unit->is_coherent)
		unit->common.platform->cache_invalidate(
			unit->common.platform->ctx,
			iommu_virt_to_phys(unit->common.platform, start), size);
}

/* --- Lines for people ------------------------------------------------------------------------- */

static inline void smmu_log(const struct smmu_unit *unit, enum iommu_log_level level,
			    const char *text)
{
	iommu_log(unit->common.platform, level, unit->common.base.name, text);
}

#define SMMU_REFUSE(unit, status, text) IOMMU_REFUSE_DRIVEN(&(unit)->common, status, text)

/* --- The unit as a whole ---------------------------------------------------------------------- */

extern const char iommu_smmu_name[];
bool iommu_smmu_owns(const struct iommu_unit *unit);
/* What a unit has, by its struct iommu_smmu_config, and the end of it: struct iommu_driver. */
int iommu_smmu_unit_setup(struct iommu_driven_unit *unit, const void *config);
void iommu_smmu_unit_free(struct iommu_driven_unit *unit);
extern const struct iommu_bring_up iommu_smmu_bring_up;
/* Copy the regions of a configuration, if they make sense. */
int iommu_smmu_regions_copy(struct smmu_unit *unit, const struct iommu_smmu_config *config);

/* Program the messages of all causes, and have the unit tell of those that are to be told. */
int iommu_smmu_interrupts_apply(struct smmu_unit *unit);

/* Have the queues of events and page requests, and empty them; see event.c, page_request.c. */
int iommu_smmu_events_alloc(struct smmu_unit *unit);
int iommu_smmu_requests_alloc(struct smmu_unit *unit);
int iommu_smmu_events_start(struct smmu_unit *unit);
int iommu_smmu_requests_start(struct smmu_unit *unit);
int iommu_smmu_handle_faults(struct iommu_unit *unit, bool *lost);
#if IOMMU_CONFIG_SCALABLE
extern const struct iommu_driver_requests iommu_smmu_requests;
#endif

/* --- Logs ------------------------------------------------------------------------------------- */

/* The registers of a queue that hardware fills. */
struct smmu_log_registers {
	uint32_t base, producer, consumer;
	uint32_t enable; /* its bit of CR0 */
};
extern const struct smmu_log_registers iommu_smmu_event_registers;
extern const struct smmu_log_registers iommu_smmu_request_registers;

/* Turn it on, empty, unless it is and works: what it holds is not lost. */
int iommu_smmu_log_start(struct smmu_unit *unit, struct iommu_driven_log *log,
			 const struct smmu_log_registers *registers);

struct smmu_log_reading {
	struct smmu_unit *unit;
	struct iommu_driven_log *log;
	const struct smmu_log_registers *registers;
	void (*take)(void *ctx, const uint64_t *words);
	void *ctx;
	unsigned int words; /* of a record */
	bool overflowed;    /* records were lost, and hardware has been told that this was seen */
};
/* Take what is in it now; how many, or IOMMU_EIO: registers that make no sense. */
int iommu_smmu_log_read(struct smmu_log_reading *reading);

#endif
