/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of the PASID test device, for the device itself and for the kernel that drives it.
 *
 * A PCI function that copies between a buffer of its own and memory, at once, when a command is
 * written: with a PASID or without, by plain requests or through a device-TLB of its own, which
 * keeps translations until the unit has it forget them; and that requests pages. All registers
 * have 32 bits.
 */
#ifndef PASID_DEVICE_H
#define PASID_DEVICE_H

#define PASID_DEVICE_VENDOR   0x1234
#define PASID_DEVICE_DEVICE   0x50d5

#define PASID_DEVICE_PASIDS   20 /* bits */
#define PASID_DEVICE_REQUESTS 512

/* Registers. */
#define PASID_REG_ID           0x00
#define PASID_REG_COMMAND      0x04
#define PASID_REG_RESULT       0x08
#define PASID_REG_PASID        0x0c
#define PASID_REG_ADDRESS_LOW  0x10
#define PASID_REG_ADDRESS_HIGH 0x14
#define PASID_REG_SIZE         0x18
/* Of page requests and their responses. */
#define PASID_REG_GROUP          0x1c
#define PASID_REG_RESPONSES      0x20 /* how many have come */
#define PASID_REG_RESPONSE_GROUP 0x24 /* of the last */
#define PASID_REG_RESPONSE_CODE  0x28
/* Of invalidations of the device-TLB. */
#define PASID_REG_INVALIDATIONS  0x2c /* how many have come */
#define PASID_REG_INVALIDATED    0x30 /* the PASID of the last */
#define PASID_REG_TRANSLATIONS   0x34 /* how many were asked for */
#define PASID_REG_BUFFER         0x400

#define PASID_DEVICE_BUFFER_SIZE 0x400
#define PASID_DEVICE_SIZE        0x1000

#define PASID_DEVICE_ID          0x44495350U

/* Commands. */
#define PASID_COMMAND_READ    1 /* from memory to the buffer */
#define PASID_COMMAND_WRITE   2
#define PASID_COMMAND_REQUEST 3 /* a page */
#define PASID_COMMAND_MASK    0xff
/* … and how. */
#define PASID_WITH_PASID    (1U << 8)
#define PASID_THROUGH_TLB   (1U << 9)
#define PASID_REQUEST_READ  (1U << 10)
#define PASID_REQUEST_WRITE (1U << 11)
#define PASID_REQUEST_LAST  (1U << 12)
/*
 * A plain request: its PASID, of at most 8 bits, is an attribute of the access, which units of
 * RISC-V go by, and no others do.
 */
#define PASID_IN_ATTRIBUTES (1U << 13)

/* Results. */
#define PASID_RESULT_DONE    0
#define PASID_RESULT_REFUSED 1 /* the unit refused an access or its translation */
#define PASID_RESULT_FULL    2 /* the unit has no room for the page request */
#define PASID_RESULT_ERROR   3 /* the command makes no sense now */

#endif
