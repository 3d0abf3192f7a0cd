/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of models with the VT-d driver on it, for tests that check one subject after the other.
 */
#ifndef VTD_FIXTURE_H
#define VTD_FIXTURE_H

#include "model_machine.h"

#define RW       IOMMU_PROT_READ_WRITE
#define IOVA     0x500000000ULL
#define QUICK_NS 2000000

struct fixture {
	struct model_machine machine;
	struct iommu *iommu;
	struct iommu_unit *unit[MACHINE_UNITS];
	struct model_device *device[MACHINE_DEVICES];
	struct iommu_endpoint *endpoint[MACHINE_DEVICES];
	struct iommu_group *group[MACHINE_DEVICES];
	unsigned int devices;
	struct iommu_endpoint_info info; /* of devices that are added */
	iommu_paddr_t memory;
};

extern struct fixture f;

/*
 * The machine; its devices 00:04.0, 00:05.0, … behind the units in turn, named by the DMAR table;
 * the driver …
 */
void machine(unsigned int units, const struct iommu_model_vtd_config *config);
void devices(unsigned int count);
int probe_with(const struct iommu_vtd_options *options);
int endpoint(unsigned int i);
void endpoints(void);
/* … and all of that, with a page of memory. The units are off. */
void begin(unsigned int units, const struct iommu_model_vtd_config *config,
	   unsigned int device_count);
void end(void);

struct iommu_domain *domain_of_type(enum iommu_domain_type type);
bool reaches(unsigned int device, iommu_iova_t iova, iommu_paddr_t paddr);
bool is_blocked(unsigned int device, iommu_iova_t iova);

#endif
