/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diagnostic data of a host bridge, as OPAL firmware writes them: the offsets that are the same for
 * all, and those of a generation. Everything is big-endian. (OPAL API,
 * "OPAL_PCI_GET_PHB_DIAG_DATA2"; generation 3 is POWER8's bridge, 4 and later have one form.)
 *
 *	0  version (1)    4  form: 2 of generation 3, 3 of later ones    8  size in bytes, of all
 *
 * Behind the registers follow two arrays of 64-bit words, with a word for each PE in both: the
 * state of its registers (PEST A), and of its DMA (PEST B).
 */
#ifndef LIBIOMMU_HW_OPAL_DIAGNOSTICS_H
#define LIBIOMMU_HW_OPAL_DIAGNOSTICS_H

#include <stddef.h>
#include <stdint.h>

#define OPAL_DIAGNOSTICS_VERSION 1
#define OPAL_DIAGNOSTICS_PHB3    2
#define OPAL_DIAGNOSTICS_PHB4    3

/* Of either word of a PE: accesses, or DMA, are stopped. The other bits belong to the bridge. */
#define OPAL_PEST_STOPPED (1ULL << 63)

struct opal_diagnostics_form {
	uint32_t type;
	/* Offsets: AER's uncorrectable status, the id in its last error message, PEST A. */
	uint32_t uncorrectable, source_id, pest_a;
	uint32_t pes;
};

/* NULL: another form. */
static inline const struct opal_diagnostics_form *opal_diagnostics_form_of(uint32_t type)
{
	static const struct opal_diagnostics_form forms[] = {
		{OPAL_DIAGNOSTICS_PHB3, 52, 76, 296, 256},
		{OPAL_DIAGNOSTICS_PHB4, 40, 64, 384, 512},
	};
	unsigned int i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].type == type)
			return &forms[i];
	return NULL;
}

static inline uint32_t opal_pest_b(const struct opal_diagnostics_form *form)
{
	return form->pest_a + form->pes * 8;
}

static inline uint32_t opal_diagnostics_size(const struct opal_diagnostics_form *form)
{
	return opal_pest_b(form) + form->pes * 8;
}

#endif
