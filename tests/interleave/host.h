/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's memory, for the explorer. */
#ifndef INTERLEAVE_HOST_H
#define INTERLEAVE_HOST_H

#include <stdbool.h>

/* All pages are free and new. */
void host_reset(void);
/* A step at a freed page is a violation. */
void host_check_step(const volatile void *place, const char *file, int line);
/*
 * The threads that have freed the page of a place in some execution, as a mask; *is_new becomes
 * true if that was not known when the place's page was asked for last.
 */
unsigned int host_freers(const volatile void *place, bool *is_new);
void host_forget_freers(void);

#endif
