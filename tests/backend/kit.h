/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance kit for back ends: the tests that every back end must pass, over a model of its
 * hardware.
 *
 *   sweep        every operation of several steps, on a machine in use, with each of its steps
 *                failing in turn, and then another operation; then the machine is used
 *   predecessor  the same on a machine that an earlier instance left running, with its tables
 *   random       any operations in any order, any steps of which fail
 *
 * A step is an access to hardware, or an allocation. It fails once, or it and all after it do, or
 * it takes effect and returns an error, or hardware is busy from then on. Devices do DMA before and
 * after each step, and the kit keeps a shadow of what they may reach, by one rule:
 *
 *   A device reaches at any time only what is mapped in a domain that it was told to use, or what
 *   the caller has been told is not confirmed. What a call that returned 0 has done is certain.
 *
 * A back end joins with a struct kit_backend: how a machine of its kind is made, how its devices do
 * DMA, and how its hardware fails.
 */
#ifndef KIT_H
#define KIT_H

#include <libiommu/iommu.h>

#include "test_platform.h"

#define KIT_DEVICES 3 /* the largest number; each is a group of its own */
#define KIT_PLACES  8 /* addresses for mappings: multiples of the stride from the start */

enum kit_answer {
	KIT_OBEY,   /* the access takes effect, without an error */
	KIT_REFUSE, /* it has no effect, and an error is returned */
	KIT_LIE,    /* it takes effect, and an error is returned */
	KIT_BUSY,   /* it has no effect, and hardware reports that it is busy */
};

struct kit_backend {
	const char *name;
	uint64_t page;        /* bytes */
	iommu_iova_t start;   /* the first of KIT_PLACES addresses for mappings … */
	uint64_t stride;      /* … at this distance */
	uint64_t large_pages; /* of a large mapping, which is done in several pieces */
	bool is_big_endian;   /* the entries of its tables */
	uint64_t leaf;        /* the bits of a last-level entry that lets any access pass */
	unsigned int devices; /* at most KIT_DEVICES */
	bool has_identity;    /* it has identity domains */
	/*
	 * The address at which bypass domains pass on memory from 0 on, and the end of that memory;
	 * 0: the back end has no bypass.
	 */
	iommu_iova_t bypass;
	iommu_paddr_t memory_end;
	bool is_open_when_off; /* a unit that is off passes all accesses on */
	bool reports_faults;   /* with the id of the device */
	/*
	 * Make a machine without units: its memory and hardware, and what the driver's platform
	 * needs of it. The machine calls kit_look before and after each access to hardware, and
	 * kit_step for how the access ends.
	 */
	void (*begin)(struct test_platform *test);
	void (*end)(void);
	/* An instance has died: what it had taken of the host is free. NULL: nothing to do. */
	void (*reboot)(void);
	/* Have the library find the unit: calls the probe function of the back end. */
	int (*probe)(struct iommu *iommu);
	/* One access of a device, by its number; false: it is blocked. */
	bool (*dma)(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr);
	uint16_t (*source_id)(unsigned int device);
	/*
	 * The id of another endpoint of the device's group, which cannot be kept apart. NULL: none.
	 */
	uint16_t (*mate_id)(unsigned int device);
	/* Hardware completes by itself what it was busy with. NULL: it never is. */
	void (*mend)(void);
	/* Hardware sleeps, and its registers are lost. NULL: they are not. */
	void (*sleep)(void);
	/* What the unit needs before endpoints are probed; nothing fails then. NULL: nothing. */
	void (*ready)(struct iommu_unit *unit);
	/* An operation of the back end's own, with its own assertions. NULL: none. */
	void (*own)(struct iommu_unit *unit);
};

/* Time in which devices do DMA, which is checked against the shadow. */
void kit_look(void);
/* How the access that is about to be made ends. */
enum kit_answer kit_step(void);

/* Fail the test, and print what was being done. */
void kit_fail(const char *what);

/*
 * Run all tests for each of the back ends, or those whose names match the environment's
 * IOMMU_TEST_FILTER ("opal: *"); returns the result of main().
 */
int kit_run(const struct kit_backend *backends, unsigned int count);

#endif
