/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenario of a device with PASIDs, translations of its own and page requests. */
#ifndef SCENARIO_PASID_H
#define SCENARIO_PASID_H

#include "scenario.h"

/* What became of an access or a request. */
enum pasid_outcome {
	PASID_DONE,
	PASID_REFUSED, /* by the unit */
	PASID_FULL,    /* the unit's queue of page requests is */
	PASID_BROKEN,  /* the device cannot do that */
};

struct pasid_access {
	iommu_iova_t iova;
	bool has_pasid;
	uint32_t pasid;
	bool through_tlb; /* by a translation that the device asks for, and keeps */
};

/* What the device has seen. */
struct pasid_device_state {
	uint32_t responses, response_group, response_code;
	uint32_t invalidations, invalidated; /* the PASID of the last */
	uint32_t translations;
};

/* A device with a buffer of at least SCENARIO_PASID_BUFFER bytes. All calls return at once. */
#define SCENARIO_PASID_BUFFER 1024

struct pasid_device {
	struct iommu_endpoint_info info;
	/* From memory to the buffer, or from the buffer to memory. */
	enum pasid_outcome (*copy)(struct pasid_device *device, const struct pasid_access *access,
				   size_t size, bool to_memory);
	/* Request a page. */
	enum pasid_outcome (*request)(struct pasid_device *device,
				      const struct pasid_access *access, unsigned int prot,
				      uint16_t group, bool is_last);
	void (*look)(struct pasid_device *device, struct pasid_device_state *state);
	void (*set_feature)(struct pasid_device *device, enum iommu_feature feature, bool on);
	/* The device's own. */
	void *data;
};

/* Uses of the machine only what is not about its devices. */
bool scenario_pasids(struct scenario_machine *machine, struct pasid_device *device,
		     bool page_requests);

#endif
