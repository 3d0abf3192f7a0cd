/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The translation process of the RISC-V IOMMU, as plain as the specification's text has it: without
 * caches, from the first step to the last, with the positions of bits written out. What the model
 * answers is compared with it.
 */
#ifndef RISCV_REFERENCE_H
#define RISCV_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

struct reference_unit {
	unsigned char *memory;
	uint64_t size;
	uint64_t capabilities;
	uint32_t fctl, fctl_writable;
	uint64_t ddtp;
	unsigned int qos_bits;
};

enum reference_type {
	REFERENCE_UNTRANSLATED,
	REFERENCE_ATS,
	REFERENCE_TRANSLATED,
};

struct reference_request {
	uint32_t did;
	enum reference_type type;
	bool pv, priv, exec, read, write;
	uint32_t pid;
	uint64_t iova;
};

struct reference_result {
	unsigned int cause;
	uint64_t iotval2;
	bool dtf;
	uint64_t pa;
	bool r, w, x, global;
	unsigned int pbmt;
	bool is_message, is_file;
	uint64_t file, notice;
	unsigned int nid;
	unsigned int rcid, mcid;
};

/* Sets accessed and dirty bits in memory as the unit would. */
void riscv_reference(const struct reference_unit *unit, const struct reference_request *request,
		     struct reference_result *result);

#endif
