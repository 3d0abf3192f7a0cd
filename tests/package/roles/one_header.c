/* SPDX-License-Identifier: BSD-2-Clause */
/* A host of any family over an amalgamation alone: a handler of faults, a scan, a map. */
#include "libiommu.h"

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	*(uint64_t *)ctx += fault->address;
}

static int map_one(struct iommu_unit *unit, struct iommu_group *group)
{
	struct iommu_domain *domain;
	int status = iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, NULL, &domain);

	if (status == 0)
		status = iommu_domain_attach_group(domain, group);
	return status != 0 ? status : iommu_map(domain, 0x1000, 0x1000, 0x1000, IOMMU_PROT_READ);
}

int start(const struct iommu_platform *platform, const struct iommu_pci_config *config,
	  struct iommu_pci_function *functions, size_t capacity, uint64_t *faults);
int start(const struct iommu_platform *platform, const struct iommu_pci_config *config,
	  struct iommu_pci_function *functions, size_t capacity, uint64_t *faults)
{
	struct iommu_pci_topology topology = {functions, 0};
	struct iommu_endpoint_info info = {0};
	struct iommu_endpoint *endpoint;
	struct iommu *iommu;
	int status = iommu_create(platform, &iommu);

	if (status != 0)
		return status;
	iommu_set_fault_handler(iommu, on_fault, faults);
	if (iommu_pci_scan(config, 0, 0, functions, capacity, &topology.count) != 0 ||
	    iommu_set_pci_topology(iommu, &topology) != 0 ||
	    iommu_pci_describe(config, &topology, 0, 0, &info) != 0)
		return IOMMU_EIO;
	status = iommu_probe_endpoint(iommu, &info, &endpoint);
	return status != 0 ? status
			   : map_one(iommu_endpoint_unit(endpoint), iommu_endpoint_group(endpoint));
}
