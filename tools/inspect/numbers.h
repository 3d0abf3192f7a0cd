/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers, sizes and places of PCI functions, as they are written on a command line. */
#ifndef INSPECT_NUMBERS_H
#define INSPECT_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or hexadecimal with 0x. False: it is no number, or needs more than 64 bits. */
bool numbers_read(const char *text, uint64_t *value);
/* Hexadecimal, with 0x or without: how registers are written. */
bool numbers_read_hex(const char *text, uint64_t *value);

/* A PCI function: [SEGMENT:]BUS:DEVICE.FUNCTION; returns where it ends, NULL: it is none. */
const char *numbers_read_place(const char *text, uint16_t *segment, uint16_t *id);

#define NUMBERS_SIZE_TEXT  24
#define NUMBERS_PLACE_TEXT 16

/* Both return `text`. */
char *numbers_size(char text[NUMBERS_SIZE_TEXT], uint64_t bytes);
/* Without the segment where that is 0. */
char *numbers_place(char text[NUMBERS_PLACE_TEXT], uint16_t segment, uint16_t id);

#endif
