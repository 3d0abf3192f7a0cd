/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a VT-d unit for tests of the driver: the unit obeys, misbehaves on demand,
 * records all commands, and checks the rules of the specification that the driver must keep.
 *
 * It translates nothing; that tables and invalidations are right together is tested elsewhere, by
 * DMA.
 */
#ifndef FAKE_VTD_H
#define FAKE_VTD_H

#include <pthread.h>

#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>

#include "test_platform.h"

/* The capabilities of QEMU's unit with 48-bit addresses. */
#define FAKE_CAP_48  0x00d2008c222f0606ULL
#define FAKE_CAP_39  0x00d2008c22260206ULL
#define FAKE_ECAP_QI 0x0000000000000f42ULL /* queue, pass-through; IOTLB registers at 0xf0 */
#define FAKE_ECAP    0x0000000000000f40ULL /* the same without a queue */
#define FAKE_UNITS   2
#define FAKE_BASE(n) (0xfed90000ULL + 0x1000ULL * (n))
#define FAKE_EVENTS  512

enum fake_event_kind {
	FAKE_COMMAND,    /* one bit of the global command register */
	FAKE_INVALIDATE, /* a descriptor, by queue or by registers */
};

struct fake_event {
	enum fake_event_kind kind;
	uint32_t bit;
	bool set;
	struct vtd_descriptor descriptor;
};

struct fake_vtd {
	struct fake_machine *machine;
	uint64_t cap, ecap;
	uint32_t version;
	/* The state that registers show. */
	uint32_t gsts, fsts, pmen;
	uint64_t rtaddr, root_latched, ccmd, iva, iotlb, iqa, iqh, iqt, iqercd;
	uint64_t faults[16][2];

	/* Misbehaviour. */
	uint32_t stuck_commands;   /* these bits are never set in the status */
	uint32_t stuck_stops;      /* … these are set but never cleared */
	bool pmen_stuck;           /* protected memory stays closed */
	bool queue_dead;           /* tail writes are ignored */
	unsigned int refuse_after; /* the n-th descriptor from now is refused (IQE); 0: none */
	unsigned int drop_after;   /* the n-th wait from now is dropped (ITE); 0: none */
	bool head_lies;            /* IQH points outside of the driver's queue */
	bool registers_dead;       /* CCMD and IOTLB never complete */
	bool registers_refuse;     /* … complete with granularity 0 */
	bool gone;                 /* every read is all ones */

	/* A command that is stuck. */
	uint32_t pending;
	bool pending_set;

	/* Called before a descriptor of the queue is executed, but not for waits. */
	void (*on_descriptor)(void *ctx);
	void *ctx;

	struct fake_event events[FAKE_EVENTS];
	unsigned int event_count;
	/* The first rule that the driver broke, or NULL. */
	const char *violation;
};

struct fake_machine {
	struct test_platform test; /* first: the platform's context */
	struct fake_vtd units[FAKE_UNITS];
	uint8_t dmar[512];
	size_t dmar_size;
	unsigned int mapped;  /* the number of register mappings */
	pthread_mutex_t lock; /* one register access at a time */
};

/*
 * A machine with one or two units, and the DMAR table for them: unit 0 names the devices 00:04.0
 * and the bridge 00:02.0, unit 1 serves the rest; a single unit serves all.
 */
void fake_machine_init(struct fake_machine *machine, unsigned int units, uint64_t cap,
		       uint64_t ecap);

/* Fails the test if the driver broke a rule, or left something mapped or allocated. */
void fake_machine_destroy(struct fake_machine *machine);

/* Drop the events recorded so far. */
void fake_forget(struct fake_vtd *unit);

/* Fails the test unless the next events, from *at, are these; advances *at. */
void fake_expect_command(struct fake_vtd *unit, unsigned int *at, uint32_t bit, bool set);
void fake_expect_context(struct fake_vtd *unit, unsigned int *at, enum vtd_granularity granularity,
			 uint16_t domain_id, uint16_t source_id);
void fake_expect_iotlb(struct fake_vtd *unit, unsigned int *at, enum vtd_granularity granularity,
		       uint16_t domain_id);
void fake_expect_pages(struct fake_vtd *unit, unsigned int *at, uint16_t domain_id,
		       uint64_t address, unsigned int mask, bool hint);
void fake_expect_no_more(struct fake_vtd *unit, unsigned int at);

/* Write a fault into record `index`. */
void fake_fault(struct fake_vtd *unit, unsigned int index, uint16_t source_id, uint64_t address,
		unsigned int reason, bool read);

#endif
