/* SPDX-License-Identifier: BSD-2-Clause */
/* What all commands of iommu-inspect share: how a command is called, and how it ends. */
#ifndef INSPECT_H
#define INSPECT_H

#include "output.h"

/* Exit codes, as the manual page has them. */
enum inspect_status {
	INSPECT_FINE = 0,
	INSPECT_BROKEN = 1,     /* the thing examined is broken, or faults */
	INSPECT_USAGE = 2,      /* the command line makes no sense */
	INSPECT_UNREADABLE = 3, /* something cannot be read, or written */
};

/* A command: its words without its name. It starts the output when it knows what it will do. */
typedef int (*inspect_command)(struct out *out, int count, char **words);

int inspect_cap(struct out *out, int count, char **words);
int inspect_dmar(struct out *out, int count, char **words);
int inspect_dtb(struct out *out, int count, char **words);
int inspect_fault(struct out *out, int count, char **words);
int inspect_groups(struct out *out, int count, char **words);
int inspect_iort(struct out *out, int count, char **words);
int inspect_ivrs(struct out *out, int count, char **words);
int inspect_power(struct out *out, int count, char **words);
int inspect_rimt(struct out *out, int count, char **words);
int inspect_tables(struct out *out, int count, char **words);
int inspect_trace(struct out *out, int count, char **words);
int inspect_walk(struct out *out, int count, char **words);

/* Say on stderr what is wrong; returns the status, so that a caller can return the call. */
int inspect_complain(enum inspect_status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
