/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sweep over failures: every operation of several steps, on a machine that is in use, with each of its
 * steps failing in turn; then the machine is used.
 *
 * A step is an access to hardware, or an allocation. It fails once, or it and all after it do, or it does
 * its work and answers with an error, or hardware is busy from then on. Devices do DMA before and after each
 * step, and the sweep keeps a shadow of what they may reach, by one rule:
 *
 *   A device reaches at any time only what is mapped in a domain that it was told to use, or what the caller
 *   has been told is not confirmed. What returned 0 is so.
 *
 * A back end joins with a struct sweep_backend: how a machine of its kind is made, how its devices do DMA,
 * and what its hardware answers when a step is to fail.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <libiommu/iommu.h>

#include "test_platform.h"

#define SWEEP_DEVICES 3 /* at most; each is a group */

enum sweep_answer {
	SWEEP_OBEY,   /* as it should */
	SWEEP_REFUSE, /* nothing is done, and an error answered */
	SWEEP_LIE,    /* it is done, and an error answered */
	SWEEP_BUSY,   /* nothing is done, and the caller told to come again */
};

struct sweep_backend {
	const char *name;
	uint64_t page;      /* bytes */
	iommu_iova_t start; /* from here on is mapped; 64 MiB are enough */
	uint64_t
		large_pages; /* of a mapping: more than one part of what the back end does at once */
	unsigned int devices; /* at most SWEEP_DEVICES */
	bool has_identity;    /* domains through which addresses pass as they are */
	iommu_iova_t
		bypass; /* where domains with a bypass pass on memory from 0 on; 0: there are none */
	iommu_paddr_t memory_end; /* … up to here */
	bool is_open_when_off;    /* a unit that is off passes everything on */
	/*
	 * A machine, without units: its memory and hardware; and what the driver's platform needs of it. It
	 * calls sweep_look before and after each access to hardware, and asks sweep_step what to answer.
	 */
	void (*begin)(struct test_platform *test);
	void (*end)(void);
	/* Have the library find the unit: the probe function of the back end. */
	int (*probe)(struct iommu *iommu);
	/* One access of a device by its number; false: it is blocked. */
	bool (*dma)(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr);
	uint16_t (*source_id)(unsigned int device);
	/* Another endpoint that cannot be kept apart from the device: of its group. NULL: it is alone. */
	uint16_t (*mate_id)(unsigned int device);
	/* Hardware has ended by itself what it was busy with. NULL: there is no such thing. */
	void (*mend)(void);
	/* What the unit needs before endpoints are probed, while nothing fails. NULL: nothing. */
	void (*ready)(struct iommu_unit *unit);
	/* An operation of the back end's own, which it judges by itself. NULL: none. */
	void (*own)(struct iommu_unit *unit);
};

/* Time passes, and devices use it: what they reach is judged. */
void sweep_look(void);
/* What hardware answers to the access that is about to be made. */
enum sweep_answer sweep_step(void);

/* The whole sweep; fails the test with what was done. */
void sweep_run(const struct sweep_backend *backend);

#endif
