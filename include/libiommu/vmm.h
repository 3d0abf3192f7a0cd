/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a manager of virtual machines includes: address spaces for users over units that a back end
 * drives, whose header (vtd_host.h, power_host.h) goes beside it. Which sources go with it:
 * docs/porting.md, "Which sources a role needs".
 */
#ifndef LIBIOMMU_VMM_H
#define LIBIOMMU_VMM_H

#include <libiommu/access.h>
#include <libiommu/container.h>
#include <libiommu/device_file.h>
#include <libiommu/endpoint.h>
#include <libiommu/event_queue.h>
#include <libiommu/fault_queue.h>
#include <libiommu/group.h>
#include <libiommu/hwpt.h>
#include <libiommu/instance.h>
#include <libiommu/ioas.h>
#include <libiommu/ioas_device.h>
#include <libiommu/page_request.h>
#include <libiommu/pasid.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/types.h>
#include <libiommu/version.h>
#include <libiommu/virtual_unit.h>

#endif
