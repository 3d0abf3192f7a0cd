/* SPDX-License-Identifier: BSD-2-Clause */
#include "vtd_fixture.h"

#include <string.h>

#include "test.h"
#include "test_contract.h"

struct fixture f;

void machine(unsigned int units, const struct iommu_model_vtd_config *config)
{
	unsigned int i;

	memset(&f, 0, sizeof(f));
	test_contract_control_path();
	model_machine_init(&f.machine, 0, NULL);
	f.machine.quiet = true;
	for (i = 0; i < units; i++)
		model_machine_add_unit(&f.machine, config);
}

int probe_with(const struct iommu_vtd_options *options)
{
	struct iommu_vtd_options own = *options;
	unsigned int i;
	int status;

	own.timeout_ns = QUICK_NS;
	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	status = iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &own);
	for (i = 0; i < f.machine.unit_count && status == 0; i++)
		f.unit[i] = iommu_next_unit(f.iommu, i == 0 ? NULL : f.unit[i - 1]);
	return status;
}

/* Devices 00:04.0, 00:05.0, … are behind the units in turn; the table names them. */
void devices(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		f.device[i] = model_machine_add_device(&f.machine, i % f.machine.unit_count,
						       (uint16_t)(0x20 + 8 * i));
	f.devices = count;
	model_machine_make_dmar(&f.machine);
}

int endpoint(unsigned int i)
{
	f.info.source_id = f.device[i]->source_id;
	f.info.physical_function = f.info.source_id;
	return iommu_probe_endpoint(f.iommu, &f.info, &f.endpoint[i]);
}

void endpoints(void)
{
	unsigned int i;

	for (i = 0; i < f.devices; i++) {
		assert_int_equal(endpoint(i), 0);
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
	}
}

void begin(unsigned int units, const struct iommu_model_vtd_config *config,
	   unsigned int device_count)
{
	const struct iommu_vtd_options none = {0};

	machine(units, config);
	devices(device_count);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 1);
}

void end(void)
{
	unsigned int i;

	for (i = 0; i < f.devices; i++) {
		if (f.endpoint[i] == NULL)
			continue;
		(void)iommu_domain_detach_group(f.group[i]);
		assert_int_equal(iommu_release_endpoint(f.endpoint[i]), 0);
	}
	assert_int_equal(iommu_destroy(f.iommu), 0);
	model_machine_destroy(&f.machine);
}

struct iommu_domain *domain_of_type(enum iommu_domain_type type)
{
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit[0], type, NULL, &domain), 0);
	return domain;
}

bool reaches(unsigned int device, iommu_iova_t iova, iommu_paddr_t paddr)
{
	iommu_paddr_t to = 0;

	return model_device_access(f.device[device], iova, IOMMU_PROT_WRITE, &to) == 0 &&
	       to == paddr;
}

bool is_blocked(unsigned int device, iommu_iova_t iova)
{
	iommu_paddr_t to;

	return model_device_access(f.device[device], iova, IOMMU_PROT_WRITE, &to) != 0;
}
