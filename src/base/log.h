/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines of the host. */
#ifndef IOMMU_BASE_LOG_H
#define IOMMU_BASE_LOG_H

#include <libiommu/platform.h>

#if IOMMU_CONFIG_LOG
/* "who: what": both may be any length; what does not fit a line of 160 characters is cut. */
void iommu_log(const struct iommu_platform *platform, enum iommu_log_level level, const char *who,
	       const char *what);
#else
/* The texts go with the calls. */
static inline void iommu_log(const struct iommu_platform *platform, enum iommu_log_level level,
			     const char *who, const char *what)
{
	(void)platform;
	(void)level;
	(void)who;
	(void)what;
}
#endif

/* A text that is shown in such a line and nowhere else; never NULL. */
#define IOMMU_LOG_TEXT(text) (IOMMU_CONFIG_LOG ? (text) : "")

/*
 * Why a call of the control path is refused. All texts go through IOMMU_WHY, and all names of calls
 * are IOMMU_CALL: a build with IOMMU_CONFIG_REASONS 0 has none of them, nor a line about a refusal:
 * the code that the call returns says all.
 */
#if IOMMU_CONFIG_REASONS
#define IOMMU_WHY(text) (text)
#define IOMMU_CALL      __func__
#else
#define IOMMU_WHY(text) ""
#define IOMMU_CALL      NULL
#endif

/*
 * iommu_refuse (<libiommu/backend/ops.h>) with a text of the library's own; without reasons there
 * is nothing to note.
 */
#if IOMMU_CONFIG_REASONS
#define IOMMU_REFUSE(iommu, who, status, text) iommu_refuse(iommu, who, status, IOMMU_WHY(text))
#else
#define IOMMU_REFUSE(iommu, who, status, text) ((void)(iommu), (void)(who), (status))
#endif

#if IOMMU_CONFIG_REASONS
/* What iommu_strerror says of a status, without its name. */
const char *iommu_meaning(int status);

/*
 * "call: who: why: CODE", at IOMMU_LOG_REFUSAL; `who` and `why` may be empty. Returns the status.
 * Calls that have an instance use iommu_refuse and iommu_control_end (<libiommu/backend/ops.h>),
 * which come here. Any context; platform NULL: no line.
 */
int iommu_log_refusal(const struct iommu_platform *platform, const char *call, const char *who,
		      const char *why, int status);
#else
static inline int iommu_log_refusal(const struct iommu_platform *platform, const char *call,
				    const char *who, const char *why, int status)
{
	(void)platform;
	(void)call;
	(void)who;
	(void)why;
	return status;
}
#endif

/*
 * For objects that are made with a platform alone: a defect of the configuration is logged, and
 * becomes IOMMU_EINVAL; no defect (NULL) is 0. Memory that is short needs no line.
 */
int iommu_refuse_defect(const struct iommu_platform *platform, const char *call,
			const char *defect);

/* What is wrong with the host's table of services; NULL: nothing. */
const char *iommu_platform_defect(const struct iommu_platform *platform);

#endif
