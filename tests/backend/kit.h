/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance kit for back ends: what every back end must pass, over a model of its hardware.
 *
 *   sweep        every operation of several steps, on a machine that is in use, with each of its
 *                steps failing in turn, and then another operation; then the machine is used
 *   predecessor  the same for a machine that an earlier instance left running, with its tables
 *   random       any operations in any order, any steps of which fail
 *
 * A step is an access to hardware, or an allocation. It fails once, or it and all after it do, or
 * it does its work and answers with an error, or hardware is busy from then on. Devices do DMA
 * before and after each step, and the kit keeps a shadow of what they may reach, by one rule:
 *
 *   A device reaches at any time only what is mapped in a domain that it was told to use, or what
 *   the caller has been told is not confirmed. What returned 0 is so.
 *
 * A back end joins with a struct kit_backend: how a machine of its kind is made, how its devices do
 * DMA, and what its hardware answers when a step is to fail.
 */
#ifndef KIT_H
#define KIT_H

#include <libiommu/iommu.h>

#include "test_platform.h"

#define KIT_DEVICES 3 /* at most; each is a group */
#define KIT_PLACES  8 /* where something is mapped: a multiple of the stride from the start */

enum kit_answer {
	KIT_OBEY,   /* as it should */
	KIT_REFUSE, /* nothing is done, and an error answered */
	KIT_LIE,    /* it is done, and an error answered */
	KIT_BUSY,   /* nothing is done, and the caller told to come again */
};

struct kit_backend {
	const char *name;
	uint64_t page;        /* bytes */
	iommu_iova_t start;   /* from here on is mapped, at KIT_PLACES places … */
	uint64_t stride;      /* … so far apart */
	uint64_t large_pages; /* of a mapping: more than the back end does at once */
	bool is_big_endian;   /* the entries of its tables are */
	unsigned int devices; /* at most KIT_DEVICES */
	bool has_identity;    /* domains through which addresses pass as they are */
	/*
	 * Where domains with a bypass pass on memory from 0 on, and up to where; 0: there are none.
	 */
	iommu_iova_t bypass;
	iommu_paddr_t memory_end;
	bool is_open_when_off; /* a unit that is off passes everything on */
	bool reports_faults;   /* by the id of the device */
	/*
	 * A machine, without units: its memory and hardware, and what the driver's platform needs
	 * of it. It calls kit_look before and after each access to hardware, and asks kit_step what
	 * to answer.
	 */
	void (*begin)(struct test_platform *test);
	void (*end)(void);
	/* An instance has died: what it had of the host is free. NULL: nothing that counts. */
	void (*reboot)(void);
	/* Have the library find the unit: the probe function of the back end. */
	int (*probe)(struct iommu *iommu);
	/* One access of a device by its number; false: it is blocked. */
	bool (*dma)(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr);
	uint16_t (*source_id)(unsigned int device);
	/* Another endpoint that cannot be kept apart from the device: of its group. NULL: none. */
	uint16_t (*mate_id)(unsigned int device);
	/* Hardware has ended by itself what it was busy with. NULL: there is no such thing. */
	void (*mend)(void);
	/* Hardware sleeps, and its registers are lost. NULL: they are not. */
	void (*sleep)(void);
	/* What the unit needs before endpoints are probed, while nothing fails. NULL: nothing. */
	void (*ready)(struct iommu_unit *unit);
	/* An operation of the back end's own, which it judges by itself. NULL: none. */
	void (*own)(struct iommu_unit *unit);
};

/* Time passes, and devices use it: what they reach is judged. */
void kit_look(void);
/* What hardware answers to the access that is about to be made. */
enum kit_answer kit_step(void);

/* The test fails, and says what was being done. */
void kit_fail(const char *what);

/* All tests, for each of the back ends; what main() returns. */
int kit_run(const struct kit_backend *backends, unsigned int count);

#endif
