/* SPDX-License-Identifier: BSD-2-Clause */
/* The host services that all kernels here have alike: pages (pages.h), and a log on the console. */
#ifndef KERNEL_SERVICES_H
#define KERNEL_SERVICES_H

#include <libiommu/platform.h>

void *services_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags);
void services_free_pages(void *ctx, void *pages, unsigned int order);
/* Neither debug messages nor refusals: the demo provokes some. */
void services_log(void *ctx, enum iommu_log_level level, const char *text);

/* For an initialiser of struct iommu_platform. */
#define KERNEL_SERVICES                                                                            \
	.alloc_pages = services_alloc_pages, .free_pages = services_free_pages, .log = services_log

/* Each kernel's own. */
void console_text(const char *text);

#endif
