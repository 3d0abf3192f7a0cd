/* SPDX-License-Identifier: BSD-2-Clause */
/* The function that each role's program defines; main.c calls it with two functions of a host. */
#ifndef ROLES_H
#define ROLES_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

/* 0: as expected. */
int run(const struct iommu_platform *platform);

#endif
