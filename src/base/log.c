/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <libiommu/status.h>

#include "base/text.h"

/* Longer lines are cut. */
#define LINE_SIZE 160

#if IOMMU_CONFIG_LOG
void iommu_log(const struct iommu_platform *platform, enum iommu_log_level level, const char *who,
	       const char *what)
{
	char line[LINE_SIZE];
	size_t used;

	if (platform->log == NULL)
		return;
	used = iommu_line_append(line, sizeof(line), 0, who);
	used = iommu_line_append(line, sizeof(line), used, ": ");
	(void)iommu_line_append(line, sizeof(line), used, what);
	platform->log(platform->ctx, level, line);
}
#endif

#if IOMMU_CONFIG_REASONS

static size_t append_part(char *line, size_t used, const char *part)
{
	if (*part == '\0')
		return used;
	used = iommu_line_append(line, LINE_SIZE, used, part);
	return iommu_line_append(line, LINE_SIZE, used, ": ");
}

/* The code's name, without what it means in general: `why` says what it means here. */
static void append_code(char *line, size_t used, int status)
{
	const char *text = iommu_strerror(status);

	while (*text != '\0' && *text != ':' && used + 1 < LINE_SIZE)
		line[used++] = *text++;
	line[used] = '\0';
}

const char *iommu_meaning(int status)
{
	const char *text = iommu_strerror(status);
	const char *at = text;

	while (*at != '\0' && *at != ':')
		at++;
	return *at == ':' ? at + 2 : text;
}

int iommu_log_refusal(const struct iommu_platform *platform, const char *call, const char *who,
		      const char *why, int status)
{
	char line[LINE_SIZE];
	size_t used;

	if (platform == NULL || platform->log == NULL)
		return status;
	used = append_part(line, 0, call);
	used = append_part(line, used, who);
	append_code(line, append_part(line, used, *why != '\0' ? why : iommu_meaning(status)),
		    status);
	platform->log(platform->ctx, IOMMU_LOG_REFUSAL, line);
	return status;
}

#endif

int iommu_refuse_defect(const struct iommu_platform *platform, const char *call, const char *defect)
{
	return defect == NULL ? 0 : iommu_log_refusal(platform, call, "", defect, IOMMU_EINVAL);
}
