/* SPDX-License-Identifier: BSD-2-Clause */
#include "services.h"

#include "pages.h"

void *services_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	(void)ctx;
	(void)node;
	(void)flags;
	return pages_alloc(order);
}

void services_free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	pages_free(pages, order);
}

void services_log(void *ctx, enum iommu_log_level level, const char *text)
{
	(void)ctx;
	if (level > IOMMU_LOG_INFO)
		return;
	console_text("libiommu: ");
	console_text(text);
	console_text("\n");
}
